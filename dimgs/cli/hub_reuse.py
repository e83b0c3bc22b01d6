"""`dimgs hub augment`, `alerts`, `refit`: what adds to a hub, and what does not fit in it."""

from typing import TYPE_CHECKING, Annotated

import typer

from dimgs.cli import tables
from dimgs.cli.hub import Address, As, Id, opened
from dimgs.cli.output import command, emit_json, say, table
from dimgs.cli.serve import group

if TYPE_CHECKING:
    from dimgs.similitude.description import Description

__all__ = ["group"]

Kernel = Annotated[str, typer.Option("--kernel", help="Kernel whose runs are looked at.")]
Target = Annotated[
    str | None, typer.Option("--target", help="Output; the kernel's first by default.")
]


def _target(known: "Description", given: str | None) -> str:
    return given or next(iter(known.outputs))


@group.command()
@command
def augment(
    kernel: Kernel,
    n: Annotated[int, typer.Option("-n", help="Number of runs.", min=1, max=256)] = 5,
    images: Annotated[
        int,
        typer.Option("--images", help="Images of each run in other sizes, for others' models."),
    ] = 0,
    target: Target = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the places that are tried.")] = 0,
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Plan the runs that would add most to what the hub can answer."""
    from dimgs.similitude.augment import augment as planned
    from dimgs.similitude.description import describe

    with opened(hub, user) as found:
        known = describe(found, kernel)
        document = planned(found, known, _target(known, target), n, images, seed)
    if json:
        emit_json(document)
        return
    plan = document["plan"]
    names = list(document["runs"][0]["inputs"])
    rows = [
        [*(f"{run['inputs'][n]['value']:.4g}" for n in names), f"{run['information']:.3g}"]
        for run in document["runs"]
    ]
    units = [f"{n} [{document['runs'][0]['inputs'][n]['unit']}]" for n in names]
    table(f"Runs of {plan['kernel']} {plan['tier']}", [*units, "information"], rows)
    say(f"for {plan['aim']} ({plan['questions']} questions)")
    if images:
        say(f"{len(document['images'])} images; --json gives them with parents and weights")


@group.command()
@command
def refit(
    id: Id,
    seed: Annotated[int, typer.Option("--seed", help="Of the search.")] = 0,
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Find a law again without the runs that were rejected: it confirms or supersedes it."""
    from dimgs.similitude.refit import refit as again

    with opened(hub, user) as found:
        document = again(found, id, seed)
    if json:
        emit_json(document)
        return
    told = "confirms the earlier law" if document["confirmed"] else "supersedes the earlier law"
    say(f"{document['id'][:12]} {told}: {document['runs']} runs, {document['left_out']} left out")
    say(f"the two differ by at most {100 * document['difference']:.3g} % at these runs")


@group.command()
@command
def alerts(
    kernel: Kernel,
    target: Target = None,
    limit: Annotated[
        float, typer.Option("--limit", help="Standard deviations from what the others say.")
    ] = 4.0,
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """List runs that their neighbours do not explain, before anybody builds on them."""
    from dimgs.similitude.augment import newest_origin, unexplained
    from dimgs.similitude.description import describe

    with opened(hub, user) as found:
        known = describe(found, kernel)
        origin = newest_origin(found, known, _target(known, target))
        every = list(unexplained(origin, limit))
    if json:
        emit_json({"alerts": every})
        return
    rows = [[one["id"][:12], f"{one['residual']:.3g}", one["state"]] for one in every]
    table("Runs that the others do not explain", ["id", "standard deviations", "state"], rows)
    say(f"{len(every)} runs")
