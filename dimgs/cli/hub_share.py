"""`dimgs hub export`, `import`, `sync`, `redact`; users, tokens, and whose signatures count."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dimgs.cli.hub import Id, Text, Told, group, on_hub
from dimgs.cli.output import note, say

__all__ = ["group"]

if TYPE_CHECKING:
    from dimgs.hub import Hub
    from dimgs.hub.bundle import Merged


@on_hub()
def export(
    hub: "Hub",
    folder: Annotated[str, typer.Argument(help="Folder of the bundle; made where there is none.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Embargoed and private entries too, for a backup.")
    ] = False,
) -> Told:
    """Write the entries that a folder does not hold yet, with tables and an RO-Crate."""
    return _told(hub.export(folder, everything=everything), "written")


@on_hub("import", make=True)
def take(
    hub: "Hub",
    bundle: Annotated[str, typer.Argument(help="Folder, zip or tar file of a bundle.")],
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Vouch for the bundle: its entries and reviews count here."),
    ] = False,
) -> Told:
    """Take what a bundle holds and the hub does not, after checking every hash."""
    done = hub.merge(bundle, trust=trust)
    if not trust:
        _strangers(hub, done)
    return _told(done, "new here")


@on_hub(make=True)
def sync(
    hub: "Hub",
    peer: Annotated[str, typer.Argument(help="Folder, file of a hub, or address.")],
) -> Told:
    """Push and pull the open entries that one side lacks."""
    done = hub.sync(peer)
    _strangers(hub, done)
    return _told(done, f"new here, {done.pushed} new there")


def _strangers(found: "Hub", done: "Merged") -> None:
    known = found.trusted()
    for key in sorted(done.keys - set(known) - {found.key()}):
        note(
            f"entries signed by {key} are untrusted here, and their reviews advisory; if you know "
            f"whose key it is: dimgs hub trust {key} --name NAME"
        )


def _told(done: "Merged", what: str) -> Told:
    def show() -> None:
        say(f"{done.added} {what}, {done.present} were there already")
        for reason in done.refused:
            say(reason, "left out: ")

    return {**done.to_json(), "pushed": done.pushed}, show


@on_hub()
def key(
    hub: "Hub",
) -> Told:
    """Public key of this hub, with which others can check that a review was made here."""
    own, trusted = hub.key(), hub.trusted()

    def show() -> None:
        say(own)
        for other, name in trusted.items():
            say(f"{other} {name}", "trusted: ")

    return {"key": own, "trusted": trusted}, show


@on_hub()
def trust(
    hub: "Hub",
    key: Annotated[str, typer.Argument(help="Public key of another hub.")],
    name: Annotated[str, typer.Option("--name", help="Whose it is.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Trust it no more.")] = False,
) -> Told:
    """Let reviews that another hub signed count here."""
    if remove:
        hub.distrust(key)
    else:
        hub.trust(key, name)
    trusted = hub.trusted()
    return {"trusted": trusted}, f"{len(trusted)} keys are trusted"


@on_hub()
def work(
    hub: "Hub",
    once: Annotated[bool, typer.Option("--once", help="Stop when no job is left.")] = False,
    policy: Annotated[
        str | None, typer.Option("--policy", help="TOML file: kernels, seconds, megabytes.")
    ] = None,
) -> Told:
    """Claim jobs that wait and run them, within what the policy of this machine allows."""
    from dimgs.hub.jobs import read_policy
    from dimgs.hub.jobs import work as work_on
    from dimgs.hub.sandbox import bubblewrap, limits_held

    allowed = read_policy(policy)
    if bubblewrap() is None:
        note("bubblewrap is not usable here: jobs of agents may use dimgs' own kernels only")
    held = limits_held()
    note(f"limits of a job are held by: {'; '.join(f'{n}: {by}' for n, by in held.items())}")
    done = work_on(hub, allowed, once=once)
    for id, why in done.passed_over.items():
        note(f"passed over {id[:12]}: {why}")
    for id, why in done.failures.items():
        note(f"failed {id[:12]}: {why}")
    failed = len(done.failures)
    document = {"done": done.done, "failed": failed, "failures": done.failures}
    document["passed_over"] = done.passed_over
    text = f"{done.done} done, {failed} failed, {len(done.passed_over)} passed over"
    return {**document, "sandbox": bubblewrap() is not None, "limits": held}, text


@on_hub("check-card", make=True)
def check_card(
    hub: "Hub",
    kernel: Annotated[str, typer.Argument(help="Name, file.py:name or TOML file of a kernel.")],
    tier: Annotated[str | None, typer.Option("--tier", help="The finest by default.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the images.")] = 0,
) -> Told:
    """Run scaled images of a run, to see whether the card declares every constant of the kernel."""
    from dimgs.hub.cards import check_card as check

    document = check(hub, kernel, tier, seed)
    agreed = sum(image["agrees"] for image in document["images"])
    hides = "not complete: it hides a dimensional constant"
    verdict = "complete" if document["complete"] else hides
    return document, f"{agreed} of {len(document['images'])} images agree; the card is {verdict}"


people = typer.Typer(name="user", help="Users of the hub and their roles.", no_args_is_help=True)
group.add_typer(people)


@on_hub("add", of=people, make=True)
def add_user(
    hub: "Hub",
    name: Annotated[str, typer.Argument(help="Name of a person or program.")],
    role: Annotated[
        str, typer.Option("--role", help="reader, contributor, reviewer, admin or agent.")
    ],
    password: Annotated[
        bool, typer.Option("--password", help="Read a password from standard input.")
    ] = False,
) -> Told:
    """Register a user, or give one another role."""
    from dimgs.hub.permissions import a_role

    hub.check_manager()
    secret = sys.stdin.readline().rstrip("\n") if password else None
    hub.set_user(name, role, secret)
    return {"name": name, "role": role}, f"{name} is {a_role(role)} of this hub"


@on_hub()
def token(
    hub: "Hub",
    name: Annotated[str, typer.Argument(help="User, or the beginning of a token to revoke.")],
    days: Annotated[float, typer.Option("--days", help="How long it lasts.")] = 30.0,
    scope: Annotated[str, typer.Option("--scope", help="read or write.")] = "read",
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke that token.")] = False,
) -> Told:
    """Make a token for a user, which is shown only now; or revoke one."""
    if revoke:
        hub.revoke(name)
        return {"revoked": name.partition(".")[0]}, "revoked"
    made = hub.new_token(name, days, scope)
    return {"token": made}, made


@on_hub()
def digest(
    hub: "Hub",
) -> Told:
    """A hash of all entries, equal for hubs that hold the same."""
    document = hub.digest()
    return document, f"{document['digest']} ({document['entries']} entries)"


@on_hub()
def redact(hub: "Hub", id: Id, text: Text) -> Told:
    """Remove the content of an entry, such as a secret; its hash and links stay."""
    made = hub.redact(id, text)
    return {"id": made}, made
