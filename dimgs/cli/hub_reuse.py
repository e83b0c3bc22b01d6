"""`dimgs hub augment`, `alerts`, `refit`: what adds to a hub, and what does not fit in it."""

from typing import TYPE_CHECKING, Annotated

import typer

from dimgs.cli.hub import Id, Told, on_hub
from dimgs.cli.output import say, table
from dimgs.cli.serve import group

if TYPE_CHECKING:
    from dimgs.hub import Hub
    from dimgs.similitude.description import Description

__all__ = ["group"]

Kernel = Annotated[str, typer.Option("--kernel", help="Kernel whose runs are looked at.")]
Target = Annotated[
    str | None, typer.Option("--target", help="Output; the kernel's first by default.")
]


def _target(known: "Description", given: str | None) -> str:
    return given or next(iter(known.outputs))


@on_hub()
def augment(
    hub: "Hub",
    kernel: Kernel,
    n: Annotated[int, typer.Option("-n", help="Number of runs.", min=1, max=256)] = 5,
    images: Annotated[
        int,
        typer.Option("--images", help="Images of each run in other sizes, for others' models."),
    ] = 0,
    target: Target = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the places that are tried.")] = 0,
) -> Told:
    """Plan the runs that would add most to what the hub can answer."""
    from dimgs.similitude.augment import augment as planned
    from dimgs.similitude.description import describe

    known = describe(hub, kernel)
    document = planned(hub, known, _target(known, target), n, images, seed)
    plan = document["plan"]
    names = list(document["runs"][0]["inputs"])
    rows = [
        [*(f"{run['inputs'][n]['value']:.4g}" for n in names), f"{run['information']:.3g}"]
        for run in document["runs"]
    ]
    units = [f"{n} [{document['runs'][0]['inputs'][n]['unit']}]" for n in names]

    def show() -> None:
        table(f"Runs of {plan['kernel']} {plan['tier']}", [*units, "information"], rows)
        say(f"for {plan['aim']} ({plan['questions']} questions)")
        if images:
            say(f"{len(document['images'])} images; --json gives them with parents and weights")

    return document, show


@on_hub()
def refit(
    hub: "Hub",
    id: Id,
    seed: Annotated[int, typer.Option("--seed", help="Of the search.")] = 0,
) -> Told:
    """Find a law again without the runs that were rejected: it confirms or supersedes it."""
    from dimgs.similitude.refit import refit as again

    document = again(hub, id, seed)
    told = "confirms the earlier law" if document["confirmed"] else "supersedes the earlier law"
    runs = f"{document['runs']} runs, {document['left_out']} left out"
    differ = f"the two differ by at most {100 * document['difference']:.3g} % at these runs"
    return document, f"{document['id'][:12]} {told}: {runs}\n{differ}"


@on_hub()
def alerts(
    hub: "Hub",
    kernel: Kernel,
    target: Target = None,
    limit: Annotated[
        float, typer.Option("--limit", help="Standard deviations from what the others say.")
    ] = 4.0,
) -> Told:
    """List runs that their neighbours do not explain, before anybody builds on them."""
    from dimgs.similitude.augment import newest_origin, unexplained
    from dimgs.similitude.description import describe

    known = describe(hub, kernel)
    origin = newest_origin(hub, known, _target(known, target))
    every = unexplained(hub, origin, limit)
    rows = [[o["kind"], o["id"][:12], f"{o['residual']:.3g}", o["state"]] for o in every]
    columns = ["kind", "id", "standard deviations", "state"]

    def show() -> None:
        table("What the other runs do not explain", columns, rows)
        say(f"{len(every)} entries")

    return {"alerts": every}, show
