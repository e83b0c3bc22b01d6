"""`dimgs hub export`, `import`, `sync`; users, tokens, and whose signatures count."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dimgs.cli import tables
from dimgs.cli.hub import Address, As, group, opened, tell
from dimgs.cli.output import command, emit_json, note, say

__all__ = ["group"]

if TYPE_CHECKING:
    from dimgs.hub import Hub
    from dimgs.hub.bundle import Merged


@group.command()
@command
def export(
    folder: Annotated[str, typer.Argument(help="Folder of the bundle; made where there is none.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Embargoed and private entries too, for a backup.")
    ] = False,
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Write the entries that a folder does not hold yet, with tables and an RO-Crate."""
    with opened(hub, user) as found:
        _tell(found.export(folder, everything=everything), json, "written")


@group.command("import")
@command
def take(
    bundle: Annotated[str, typer.Argument(help="Folder, zip or tar file of a bundle.")],
    trust: Annotated[
        bool, typer.Option("--trust", help="Let what the hubs of the bundle signed count here.")
    ] = False,
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Take what a bundle holds and the hub does not, after checking every hash."""
    with opened(hub, user, make=True) as found:
        done = found.merge(bundle)
        if trust:
            for key in sorted(done.keys):
                found.trust(key, bundle)
        else:
            _strangers(found, done)
    _tell(done, json, "new here")


@group.command()
@command
def sync(
    peer: Annotated[str, typer.Argument(help="Folder, file of a hub, or address.")],
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Push and pull the open entries that one side lacks."""
    with opened(hub, user, make=True) as found:
        done = found.sync(peer)
        _strangers(found, done)
    _tell(done, json, f"new here, {done.pushed} new there")


def _strangers(found: "Hub", done: "Merged") -> None:
    known = found.trusted()
    for key in sorted(done.keys - set(known) - {found.key()}):
        note(
            f"reviews signed by {key} are advisory here; if you know whose key it is: "
            f"dimgs hub trust {key} --name NAME"
        )


def _tell(done: "Merged", json: bool, what: str) -> None:
    if json:
        emit_json({**done.to_json(), "pushed": done.pushed})
        return
    say(f"{done.added} {what}, {done.present} were there already")
    for reason in done.refused:
        say(reason, "left out: ")


@group.command()
@command
def key(hub: Address = None, user: As = None, json: tables.Json = False) -> None:
    """Public key of this hub, with which others can tell that a review was made here."""
    with opened(hub, user) as found:
        own, trusted = found.key(), found.trusted()
    if json:
        emit_json({"key": own, "trusted": trusted})
        return
    say(own)
    for other, name in trusted.items():
        say(f"{other} {name}", "trusted: ")


@group.command()
@command
def trust(
    key: Annotated[str, typer.Argument(help="Public key of another hub.")],
    name: Annotated[str, typer.Option("--name", help="Whose it is.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Trust it no more.")] = False,
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Let reviews that another hub signed count here."""
    with opened(hub, user) as found:
        if remove:
            found.distrust(key)
        else:
            found.trust(key, name)
        trusted = found.trusted()
    if json:
        emit_json({"trusted": trusted})
    else:
        say(f"{len(trusted)} keys are trusted")


@group.command()
@command
def work(
    once: Annotated[bool, typer.Option("--once", help="Stop when no job is left.")] = False,
    policy: Annotated[
        str | None, typer.Option("--policy", help="TOML file: kernels, seconds, megabytes.")
    ] = None,
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Claim jobs that wait and run them, within what the policy of this machine allows."""
    from dimgs.hub.jobs import read_policy
    from dimgs.hub.jobs import work as work_on
    from dimgs.hub.sandbox import bubblewrap

    allowed = read_policy(policy)
    if bubblewrap() is None:
        note("bubblewrap is not usable here: jobs of agents may use dimgs' own kernels only")
    with opened(hub, user) as found:
        done = work_on(found, allowed, once=once)
    for id, why in done.passed_over.items():
        note(f"passed over {id[:12]}: {why}")
    document = {"done": done.done, "failed": done.failed, "passed_over": done.passed_over}
    if json:
        emit_json({**document, "sandbox": bubblewrap() is not None})
    else:
        say(f"{done.done} done, {done.failed} failed, {len(done.passed_over)} passed over")


@group.command("check-card")
@command
def check_card(
    kernel: Annotated[str, typer.Argument(help="Name, file.py:name or TOML file of a kernel.")],
    tier: Annotated[str | None, typer.Option("--tier", help="The finest by default.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the images.")] = 0,
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Run scaled images of a run, to see whether the card tells every constant of the kernel."""
    from dimgs.hub.cards import check_card as check

    with opened(hub, user, make=True) as found:
        document = check(found, kernel, tier, seed)
    if json:
        emit_json(document)
        return
    agreed = sum(image["agrees"] for image in document["images"])
    told = "complete" if document["complete"] else "not complete: it hides a dimensional constant"
    say(f"{agreed} of {len(document['images'])} images agree; the card is {told}")


people = typer.Typer(name="user", help="Users of the hub and their roles.", no_args_is_help=True)
group.add_typer(people)


@people.command("add")
@command
def add_user(
    name: Annotated[str, typer.Argument(help="Name of a person or program.")],
    role: Annotated[
        str, typer.Option("--role", help="reader, contributor, reviewer, admin or agent.")
    ],
    password: Annotated[
        bool, typer.Option("--password", help="Read a password from standard input.")
    ] = False,
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Register a user, or give one another role."""
    with opened(hub, user, make=True) as found:
        found.check_manager()
        secret = sys.stdin.readline().rstrip("\n") if password else None
        found.set_user(name, role, secret)
    tell({"name": name, "role": role}, json, f"{name} is a {role}")


@group.command()
@command
def token(
    name: Annotated[str, typer.Argument(help="User, or the beginning of a token to revoke.")],
    days: Annotated[float, typer.Option("--days", help="How long it lasts.")] = 30.0,
    scope: Annotated[str, typer.Option("--scope", help="read or write.")] = "read",
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke that token.")] = False,
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Make a token for a user, which is told this once; or revoke one."""
    with opened(hub, user) as found:
        if revoke:
            found.revoke(name)
            tell({"revoked": name.partition(".")[0]}, json, "revoked")
            return
        made = found.new_token(name, days, scope)
    tell({"token": made}, json, made)
