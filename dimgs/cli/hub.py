"""`dimgs hub`: entries of a group, their reviews and their runs."""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from dimgs.cli import tables
from dimgs.cli.output import announce, command, emit, note, say, table, warn
from dimgs.common.errors import InputError
from dimgs.common.escape import file_names, visible
from dimgs.common.formats import MOST_BYTES, json_value, read_text

if TYPE_CHECKING:
    from dimgs.hub import Hub
    from dimgs.hub.bundle import Merged
    from dimgs.report.results import Report

VARIABLE = "DIMGS_HUB"

# a document, and what it says in words or how that is shown
Output = tuple[Mapping[str, Any], str | Callable[[], None]]

Address = Annotated[
    str | None,
    Option(envvar=VARIABLE, help="A file or folder, a postgresql:// or http:// address."),
]
As = Annotated[
    str | None, Option("--as", help="Name of the user; the user of the system by default.")
]
Keep = Annotated[
    str | None, Option(envvar=VARIABLE, help="Store question, runs, law and answer in this hub.")
]
Id = Annotated[str, Argument(help="Id of an entry, or its first 8 digits or more.")]
Text = Annotated[str, Option(help="Text of the entry.")]
Kernel = Annotated[str | None, Option(help="Only runs of this kernel.")]
Physics = Annotated[str | None, Option(help="Only runs of kernels of this physics identity.")]
Where = Annotated[
    list[str] | None, Option(help="Range of an input: 'D=1e-16..1e-12 m^2/s'; repeatable.")
]
Group = Annotated[list[str] | None, Option(help="Range of a group: 'D*t/l^2=0.1..10'; repeatable.")]

group = typer.Typer(
    name="hub",
    help="A shared and reviewed record of questions, runs, laws and answers.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@contextmanager
def opened(address: str | None, user: str | None, make: bool = False) -> "Iterator[Hub]":
    """The hub that was named, for somebody.

    Raises
    ------
    InputError
        If none was named, or it is not there and is not to be made.
    """
    from dimgs.hub import Hub

    if not address:
        raise InputError(f"No hub is named; give --hub FILE, or set {VARIABLE}.")
    with Hub(address, user, make=make) as hub:
        if hub.upgraded:
            note(f"the hub was upgraded; the file as it was is {hub.upgraded}")
        yield hub


def keep_report(address: str | None, user: str | None, report: "Report") -> dict[str, Any]:
    """Keep a report in the hub that was named: ``{"hub": …}``, or nothing without one."""
    if address is None:
        return {}
    from dimgs.hub.hub import keep_report

    with opened(address, user, make=True) as hub:
        ids = keep_report(hub, report)
        warn(ids["warnings"])
        return _kept(hub, ids)


def keep_campaign(
    address: str, user: str | None, folder: Path, result: dict[str, Any]
) -> dict[str, Any]:
    """Store a campaign, whose plan and runs are in a folder."""
    from dimgs.hub import RunStore
    from dimgs.hub.hub import keep_campaign

    plan = json_value(read_text(folder / "plan.json", "plan"), "plan.json", "run it again")
    with RunStore(folder / "runs.sqlite") as store, opened(address, user, make=True) as hub:
        page = folder / "report.html"
        files = {page.name: _content(page)} if page.is_file() else None
        return _kept(hub, keep_campaign(hub, result, plan, store.records(), files))


def _kept(hub: "Hub", ids: dict[str, Any]) -> dict[str, Any]:
    note(f"kept in {hub.address}: question {ids['question'][:12]}, {ids['runs']} runs")
    return {"hub": ids}


def on_hub(
    name: str | None = None, *, of: typer.Typer = group, make: bool = False
) -> Callable[[Callable[..., Output]], Callable[..., Output]]:
    """A command on a hub: its JSON document, and its text.

    The function gets the open hub first; `--hub`, `--as` and `--json` are added to its options.

    Parameters
    ----------
    name : str, optional
        Of the command; the function's by default.
    of : Typer
    make : bool
        Whether a hub that is not there yet is made.
    """

    def decorate(function: Callable[..., Output]) -> Callable[..., Output]:
        _, *shown = inspect.signature(function).parameters.values()
        shown += [tables.keyword("hub", Address), tables.keyword("user", As)]
        shown.append(tables.keyword("json", tables.Json, False))

        @wraps(function)
        def run(**typed: Any) -> None:
            address, user, json = (typed.pop(name) for name in ("hub", "user", "json"))
            with opened(address, user, make=make) as hub:
                document, text = function(hub, **typed)
            emit(document, text, json)
            # a script notices that a part was left out
            if document.get("refused"):
                raise typer.Exit(1)

        of.command(name)(command(tables.with_parameters(run, shown)))
        return function

    return decorate


def _id(id: str) -> Output:
    return {"id": id}, id


@on_hub(make=True)
def init(hub: "Hub") -> Output:
    """Create a hub, or open an existing one."""
    from dimgs.hub.schema import SCHEMA_VERSION

    document = {"hub": hub.address, "schema": SCHEMA_VERSION}
    return document, f"{hub.address} (schema {SCHEMA_VERSION})"


@on_hub(make=True)
def add(
    hub: "Hub",
    file: str = Argument(..., help="JSON of an entry, with its kind; - reads standard input."),
    attached: list[Path] | None = Option(
        None, "--file", help="File to attach to the entry; repeatable."
    ),
) -> Output:
    """Add a question, card, protocol, law, annotation, data set or limit."""
    from dimgs.hub.acts import joined_rows, naming, read_keys
    from dimgs.hub.entry import UNVERSIONED, cache_version

    files = {path.name: _content(path) for path in attached or ()}
    document = naming(_document(file), files)
    id, keys = hub.add(document), read_keys(document["kind"])
    if free := ", ".join(f"'{visible(k)}'" for k in document if k not in keys):
        kept = f"The {document['kind']} keeps {free}, which dimgs does not read"
        warn([f"{kept}; the keys that it reads are {', '.join(keys)}."])
    if document["kind"] == "run":
        try:
            joined_rows([*hub.query(document["kernel"], limit=1)["runs"], {**document, "id": id}])
        except InputError as error:
            warn([str(error)])
        if cache_version(document) == UNVERSIONED:
            none = 'The run names no version of its program ("provenance": {"version": …})'
            warn([f"{none}: it counts only while no run of its kernel and tier names one."])
    for data in files.values():
        hub.put_file(data)
    return _id(id)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error.strerror}).") from error


def _document(file: str) -> dict[str, Any]:
    if file == "-":
        text, where = sys.stdin.read(MOST_BYTES), "Standard input"
    else:
        text, where = read_text(file, "entry"), f"'{file}'"
    document = json_value(text, where, 'give an entry, such as {"kind": "question", …}')
    if not isinstance(document, dict):
        raise InputError(f"{where} holds no entry; give a table with a kind.")
    return document


@on_hub("list")
def list_entries(
    hub: "Hub",
    kind: str | None = Option(None, help="Only entries of this kind."),
    state: str | None = Option(
        None, help="open, answered, accepted, disputed, recheck or untrusted."
    ),
    author: str | None = Option(None, help="Only by this author."),
    tag: str | None = Option(None, help="Only with this tag."),
    limit: int | None = Option(None, help="Largest number of entries.", min=1),
) -> Output:
    """List entries with their states, oldest first."""
    entries = hub.listed(kind, state=state, author=author, tag=tag, limit=limit)
    rows = [
        [e["id"][:12], e["kind"], _state(e), e["author"], e["time"][:16], e["title"]]
        for e in entries
    ]
    columns = ["id", "kind", "state", "author", "time", "title"]
    return {"entries": entries}, lambda: table("Entries", columns, rows)


@on_hub()
def show(
    hub: "Hub", id: Id, files: Path | None = Option(None, help="Folder for the attached files.")
) -> Output:
    """Show an entry with its state, links and reviews."""
    entry = hub.get(id)
    if files is not None:
        _write_files(hub, entry, files)
    return entry, lambda: _show(entry)


def _state(entry: Mapping[str, Any]) -> str:
    """State of an entry in a list, with the verdict of a law."""
    if "confirmed" not in entry:
        return str(entry["state"])
    from dimgs.law.checked_law import percent

    probability = entry.get("probability")
    share = "" if probability is None else f", probability {percent(probability)}"
    return f"{entry['state']}, {'' if entry['confirmed'] else 'not '}confirmed{share}"


def _show(entry: Mapping[str, Any]) -> None:
    from dimgs.law.serialise import as_text

    say(entry["id"], f"{entry['kind']} ", "strong")
    sender = f"imported by {entry.get('sender') or 'an unknown sender'}"
    where = sender if entry["imported"] else "made here"
    say(f"by {entry['author']}, {entry['time'][:16]}, {where}, {entry['visibility']}")
    say(_state(entry), "state: ")
    for why in entry.get("why_not", ()):
        say(why, "not confirmed: ")
    if status := entry.get("status"):
        why = f": {status['reason']}" if status["reason"] else ""
        say(f"{status['state']}{why}", "job: ")
    for review in entry["reviews"]:
        counts = "" if review["counts"] else f" (advisory: {review['why']})"
        text = f"{review.get('verdict')}{counts} {review.get('text', '')}"
        say(text, f"review of {review['author']}: ")
    rows = [[link["type"], link["from"][:12], link["to"][:12]] for link in entry["links"]]
    table("Links", ["type", "from", "to"], rows)
    say(as_text(entry["content"] or {}))


def _write_files(hub: "Hub", entry: Mapping[str, Any], folder: Path) -> None:

    named = (entry["content"] or {}).get("files", {})
    safe = file_names(sorted(named))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, file in named.items():
            (folder / safe[name]).write_bytes(hub.file(file["sha256"]))
    except OSError as error:
        raise InputError(f"'{folder}' cannot be written ({error.strerror}).") from error
    note(f"{len(named)} files written to {folder}")


@on_hub()
def query(
    hub: "Hub",
    kernel: Kernel = None,
    physics: Physics = None,
    where: Where = None,
    group: Group = None,
    author: str | None = Option(None, help="Only by this author."),
    tag: str | None = Option(None, help="Only with this tag."),
    state: str | None = Option(None, help="Only in this state."),
    tier: str | None = Option(None, help="Only of this tier."),
    review: str | None = Option(None, help="Only with this verdict; none: without any review."),
    since: str | None = Option(None, help="Only from this time on."),
    until: str | None = Option(None, help="Only up to this time."),
    every: bool = Option(False, "--every", help="Also failed, diverged and refused runs."),
    limit: int = Option(100, help="Largest number of runs.", min=0),
) -> Output:
    """Find runs by kernel, physics, and ranges of inputs or groups in any unit."""
    filters = {"author": author, "tag": tag, "state": state, "tier": tier, "review": review}
    document = hub.query(
        kernel, physics, where or (), group or (), limit, since=since, until=until,
        every=every, **filters,
    )  # fmt: skip
    plain, quantities = ("kernel", "tier", "state"), ("inputs", "outputs")
    rows = [
        [r["id"][:12], *(r[n] for n in plain), *(_short(r[n]) for n in quantities)]
        for r in document["runs"]
    ]
    columns, count = ["id", *plain, *quantities], f"{document['count']} runs"
    return document, lambda: table("Runs", columns, rows, count)


def _short(quantities: Mapping[str, Any]) -> str:
    texts = []
    for name, q in quantities.items():
        value = q["value"]
        number = f"{value:.5g}" if isinstance(value, float | int) else f"{value:.40}"
        unit = "" if q.get("unit", "1") in ("1", "label") else f" {q['unit']}"
        texts.append(f"{name}={number}{unit}")
    return ", ".join(texts)


Score = Annotated[int | None, Option(min=1, max=5, help="From 1 to 5.")]


@on_hub()
def review(
    hub: "Hub",
    id: Id,
    verdict: str = Option(..., help="accept, minor, major or reject."),
    clarity: Score = None,
    kernel_fit: Score = None,
    output: Score = None,
    rating: Score = None,
    text: Text = "",
) -> Output:
    """Review an entry of another author."""
    scores = {"clarity": clarity, "kernel_fit": kernel_fit, "output": output, "rating": rating}
    return _id(hub.review(id, verdict, text, **scores))


@on_hub()
def annotate(
    hub: "Hub", id: Id, type: Annotated[str, Option(help="insight, bug or validation.")], text: Text
) -> Output:
    """Add a remark on an entry."""
    return _id(hub.annotate(id, type, text))


@on_hub()
def dispute(hub: "Hub", id: Id, text: Text) -> Output:
    """Dispute an entry; entries that depend on it get the state recheck until this is settled."""
    return _id(hub.dispute(id, text))


@on_hub()
def fork(
    hub: "Hub",
    id: Id,
    file: str | None = Argument(
        None, help="JSON of the changes to the parent; - reads standard input."
    ),
) -> Output:
    """Copy an entry with changes, as an own entry with a link to its parent."""
    return _id(hub.fork(id, None if file is None else _document(file)))


@on_hub()
def approve(hub: "Hub", id: Id, text: Text = "") -> Output:
    """Approve an imported protocol, card or job, by its hash, so that it may run here."""
    return _id(hub.approve(id, text))


@on_hub()
def export(
    hub: "Hub",
    folder: str = Argument(..., help="Folder of the bundle; made where there is none."),
    everything: bool = Option(
        False, "--all", help="Embargoed and private entries too, for a backup."
    ),
) -> Output:
    """Write new entries to a bundle, with tables and an RO-Crate."""
    return _report_merge(hub.export(folder, everything=everything), "written")


@on_hub("import", make=True)
def take(
    hub: "Hub",
    bundle: str = Argument(..., help="Folder, zip or tar file of a bundle."),
    trust: bool = Option(
        False, "--trust", help="Trust the bundle: its entries and reviews count here."
    ),
) -> Output:
    """Import the entries of a bundle that the hub lacks, after checking every hash."""
    merged = hub.merge(bundle, trust=trust)
    if not trust:
        _strangers(hub, merged)
    return _report_merge(merged, "new here")


@on_hub(make=True)
def sync(
    hub: "Hub", peer: str = Argument(..., help="Folder, file of a hub, or address.")
) -> Output:
    """Push and pull the open entries that one side lacks."""
    merged = hub.sync(peer)
    _strangers(hub, merged)
    return _report_merge(merged, f"new here, {merged.pushed} new there")


def _strangers(hub: "Hub", merged: "Merged") -> None:
    trusted = hub.trusted()
    for key in sorted(merged.keys - set(trusted) - {hub.key()}):
        remedy = f"if you know whose key it is: dimgs hub trust {key} --name NAME"
        note(f"entries signed by {key} are untrusted here, and their reviews advisory; {remedy}")


def _report_merge(merged: "Merged", what: str) -> Output:
    def show() -> None:
        say(f"{merged.added} {what}, {merged.present} were there already")
        for reason in merged.refused:
            say(reason, "left out: ")

    return {**merged.to_json(), "pushed": merged.pushed}, show


@on_hub()
def key(hub: "Hub") -> Output:
    """Print the public key of this hub, which verifies its signatures."""
    public, trusted = hub.key(), hub.trusted()

    def show() -> None:
        say(public)
        for other, name in trusted.items():
            say(f"{other} {name}", "trusted: ")

    return {"key": public, "trusted": trusted}, show


@on_hub()
def trust(
    hub: "Hub",
    key: str = Argument(..., help="Public key of another hub."),
    name: str = Option("", help="Name of its owner."),
    remove: bool = Option(False, "--remove", help="Withdraw the trust."),
) -> Output:
    """Count reviews that another hub has signed."""
    if remove:
        hub.distrust(key)
    else:
        hub.trust(key, name)
    trusted = hub.trusted()
    return {"trusted": trusted}, f"{len(trusted)} keys are trusted"


@on_hub()
def work(
    hub: "Hub",
    once: bool = Option(False, "--once", help="Stop when no job is left."),
    policy: str | None = Option(None, help="TOML file: kernels, seconds, megabytes."),
) -> Output:
    """Run waiting jobs on this machine, within the limits of a policy."""
    from dimgs.hub.jobs import read_policy
    from dimgs.hub.jobs import work as work_on
    from dimgs.hub.sandbox import bubblewrap, limits_held

    allowed = read_policy(policy)
    if bubblewrap() is None:
        note("bubblewrap is not usable here: jobs of agents may use only the kernels of dimgs")
    limits = limits_held()
    note(f"limits of a job are enforced by: {'; '.join(f'{n}: {by}' for n, by in limits.items())}")
    worked = work_on(hub, allowed, once=once)
    for id, why in worked.passed_over.items():
        note(f"skipped {id[:12]}: {why}")
    for id, why in worked.failures.items():
        note(f"failed {id[:12]}: {why}")
    failed = len(worked.failures)
    document = {"done": worked.done, "failed": failed, "failures": worked.failures}
    document["passed_over"] = worked.passed_over
    text = f"{worked.done} done, {failed} failed, {len(worked.passed_over)} passed over"
    return {**document, "sandbox": bubblewrap() is not None, "limits": limits}, text


@on_hub("check-card", make=True)
def check_card(
    hub: "Hub",
    kernel: str = Argument(..., help="Name, file.py:name or TOML file of a kernel."),
    tier: str | None = Option(None, help="Tier; the finest by default."),
    seed: int = Option(0, help="Seed of the images."),
) -> Output:
    """Test with scaled images of a run whether the card declares every constant of the kernel."""
    from dimgs.hub.cards import check_card as check

    document = check(hub, kernel, tier, seed)
    agreed = sum(image["agrees"] for image in document["images"])
    hides = "not complete: it contains an undeclared dimensional constant"
    verdict = "complete" if document["complete"] else hides
    return document, f"{agreed} of {len(document['images'])} images agree; the card is {verdict}"


people = typer.Typer(name="user", help="Users of the hub and their roles.", no_args_is_help=True)
group.add_typer(people)


@on_hub("add", of=people, make=True)
def add_user(
    hub: "Hub",
    name: str = Argument(..., help="Name of a person or program."),
    role: str = Option(..., help="reader, contributor, reviewer, admin or agent."),
    password: bool = Option(False, "--password", help="Read a password from standard input."),
) -> Output:
    """Register a user, or give one another role."""
    from dimgs.hub.permissions import a_role

    hub.check_manager()
    secret = sys.stdin.readline().rstrip("\n") if password else None
    hub.set_user(name, role, secret)
    return {"name": name, "role": role}, f"{name} is {a_role(role)} of this hub"


@on_hub()
def token(
    hub: "Hub",
    name: str = Argument(..., help="User, or the beginning of a token to revoke."),
    days: float = Option(30.0, help="Lifetime of the token."),
    scope: str = Option("read", help="read or write."),
    revoke: bool = Option(False, "--revoke", help="Revoke that token."),
) -> Output:
    """Create a token for a user, shown only once; or revoke one."""
    if revoke:
        hub.revoke(name)
        return {"revoked": name.partition(".")[0]}, "revoked"
    token = hub.new_token(name, days, scope)
    return {"token": token}, token


@on_hub()
def digest(hub: "Hub") -> Output:
    """Print a hash of all entries, equal for hubs with the same entries."""
    document = hub.digest()
    return document, f"{document['digest']} ({document['entries']} entries)"


@on_hub()
def redact(hub: "Hub", id: Id, text: Text) -> Output:
    """Remove the content of an entry, such as a secret; its hash and links remain."""
    return _id(hub.redact(id, text))


@group.command()
@command
def serve(
    host: str = Option("127.0.0.1", help="Address of the server."),
    port: int = Option(0, help="Port; 0 for a free one.", min=0, max=65535),
    name: list[str] | None = Option(
        None, help="Public host name of the server, as behind a proxy; repeatable."
    ),
    closed: bool = Option(
        False, "--closed", help="Show nothing to visitors who are not signed in."
    ),
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Serve pages for people under / and REST under /api/v1, until Ctrl-C."""
    from dimgs.hub.accounts import all_users
    from dimgs.hub.hub import is_remote
    from dimgs.web.serving import listening, serving

    with opened(hub, user) as opened_hub:
        if is_remote(opened_hub.address):
            raise InputError("A server serves a hub in a database; name a file or postgresql://.")
        socket, address = listening(host, port)
        server = serving(opened_hub, address, [host, *(name or ())], closed)
        if not all_users(opened_hub.database):
            note("no user is registered; add an admin with: dimgs hub user add NAME --role admin")
        announce(address, "the hub is served at ", json)
        server.run(sockets=[socket])


HubKernel = Annotated[str, Option(help="Kernel of the runs.")]
Target = Annotated[str | None, Option(help="Output; the kernel's first by default.")]


@on_hub()
def augment(
    hub: "Hub",
    kernel: HubKernel,
    n: int = Option(5, "-n", help="Number of runs.", min=1, max=256),
    images: int = Option(0, help="Images of each run at other sizes, to train other models."),
    target: Target = None,
    seed: int = Option(0, help="Seed of the candidate points."),
) -> Output:
    """Plan the runs that most reduce the intervals of the hub's answers."""
    from dimgs.similitude.augment import augment as planned
    from dimgs.similitude.origin import describe

    description = describe(hub, kernel, target)
    document = planned(hub, description, description.output(target), n, images, seed)
    plan = document["plan"]
    names = list(document["runs"][0]["inputs"])
    rows = [
        [*(f"{run['inputs'][n]['value']:.4g}" for n in names), f"{run['information']:.3g}"]
        for run in document["runs"]
    ]
    columns = [f"{n} [{document['runs'][0]['inputs'][n]['unit']}]" for n in names]
    title, aim = f"Runs of {plan['kernel']} {plan['tier']}", f"for {plan['aim']}"
    larger = f"{len(document.get('images', ()))} images; --json gives them with parents and weights"
    below = [f"{aim} ({plan['questions']} questions)", *([larger] if images else [])]
    return document, lambda: table(title, [*columns, "information"], rows, *below)


@on_hub()
def refit(hub: "Hub", id: Id, seed: int = Option(0, help="Seed of the search.")) -> Output:
    """Fit a law again without rejected runs, and settle the doubts about the earlier one."""
    from dimgs.similitude.laws import Outcome
    from dimgs.similitude.laws import refit as again

    document = again(hub, id, seed)
    sentences = {
        Outcome.CONFIRMED: "confirms the earlier law",
        Outcome.SUPERSEDED: "supersedes the earlier law",
        Outcome.UNDECIDED: "is not confirmed, and leaves the earlier law undecided",
    }
    verdict = sentences[document["outcome"]]
    runs = f"{document['runs']} runs, {document['left_out']} left out"
    differ = f"the two differ by at most {100 * document['difference']:.3g} % at these runs"
    text = f"{document['id'][:12]} {verdict}: {runs}\n{differ}"
    settles = f"Whoever has looked at both laws settles the doubts with: dimgs hub review {id[:12]}"
    for why in document["why_not"]:
        text += f"\nThe doubts about the earlier law remain. {why} {settles} --verdict accept"
    return document, text


@on_hub()
def alerts(
    hub: "Hub",
    kernel: HubKernel,
    target: Target = None,
    limit: float = Option(4.0, help="Least deviation from the other runs, in standard deviations."),
) -> Output:
    """List runs and answers that contradict the other runs."""
    from dimgs.similitude.augment import newest_origin, unexplained_runs
    from dimgs.similitude.origin import describe

    description = describe(hub, kernel, target)
    origin = newest_origin(hub, description, description.output(target))
    every = unexplained_runs(hub, origin, limit)
    rows = [[o["kind"], o["id"][:12], f"{o['residual']:.3g}", o["state"]] for o in every]
    columns = ["kind", "id", "standard deviations", "state"]
    title, count = "Runs and answers that contradict the other runs", f"{len(every)} entries"
    return {"alerts": every}, lambda: table(title, columns, rows, count)


@on_hub()
def dataset(
    hub: "Hub",
    out: str = Option(..., help="Table to write: CSV, TSV or Parquet."),
    kernel: Kernel = None,
    physics: Physics = None,
    where: Where = None,
    group: Group = None,
    tag: str | None = Option(None, help="Only with this tag."),
    tier: str | None = Option(None, help="Only of this tier."),
    licence: str = Option("", help="Licence of the data set."),
    target: str | None = Option(
        None, help="The only output to keep; its bias between origins is estimated."
    ),
) -> Output:
    """Write runs as one table with their origins, and store the selection."""
    filters: dict[str, Any] = {"kernel": kernel, "physics": physics, "tag": tag, "tier": tier}
    if target is not None:
        from dimgs.similitude.kriging import recombined

        filters |= {"target": target, "more": lambda runs: recombined(hub, runs, target)}
    document = hub.dataset(out, where=where or (), group=group or (), licence=licence, **filters)
    if document["left_out"]:
        note(f"{document['left_out']} runs are disputed or have the state recheck: left out")
    origins = ", ".join(f"{n} of {name}" for name, n in document["origins"].items())
    return document, f"{document['rows']} rows in {out}: {origins}\n{document['id']}"
