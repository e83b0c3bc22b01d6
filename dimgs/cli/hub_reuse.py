"""`dimgs hub augment`, `alerts`, `refit`, `dataset`: what runs add up to, and what does not fit."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dimgs.cli.hub import Group, Id, Physics, Told, Where, on_hub
from dimgs.cli.hub import Kernel as OneKernel
from dimgs.cli.output import note, say, table
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
    """Find a law again without rejected runs; it confirms, supersedes or leaves the earlier one."""
    from dimgs.similitude.laws import Outcome
    from dimgs.similitude.laws import refit as again

    document = again(hub, id, seed)
    said = {
        Outcome.CONFIRMED: "confirms the earlier law",
        Outcome.SUPERSEDED: "supersedes the earlier law",
        Outcome.UNDECIDED: "is not confirmed itself, and decides nothing about the earlier law",
    }
    verdict = said[document["outcome"]]
    runs = f"{document['runs']} runs, {document['left_out']} left out"
    differ = f"the two differ by at most {100 * document['difference']:.3g} % at these runs"
    told = f"{document['id'][:12]} {verdict}: {runs}\n{differ}"
    for why in document["why_not"]:
        told += (
            f"\nThe doubts of the earlier law stay. {why} Whoever has looked at both laws settles "
            f"the doubts with: dimgs hub review {id[:12]} --verdict accept"
        )
    return document, told


@on_hub()
def alerts(
    hub: "Hub",
    kernel: Kernel,
    target: Target = None,
    limit: Annotated[
        float, typer.Option("--limit", help="Standard deviations from the value of the others.")
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


@on_hub()
def dataset(
    hub: "Hub",
    out: Annotated[str, typer.Option("--out", help="Table to write: CSV, TSV or Parquet.")],
    kernel: OneKernel = None,
    physics: Physics = None,
    where: Where = None,
    group: Group = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only with this tag.")] = None,
    tier: Annotated[str | None, typer.Option("--tier", help="Only of this tier.")] = None,
    licence: Annotated[str, typer.Option("--licence", help="Of the data set.")] = "",
    target: Annotated[
        str | None,
        typer.Option(
            "--target", help="The one output that is kept; its bias between origins is learned."
        ),
    ] = None,
) -> Told:
    """Write runs as one table with their origins, and keep which they were."""
    asked: dict[str, Any] = {"kernel": kernel, "physics": physics, "tag": tag, "tier": tier}
    if target is not None:
        from dimgs.similitude.recombine import recombined

        asked |= {"target": target, "more": lambda runs: recombined(hub, runs, target)}
    document = hub.dataset(out, where=where or (), group=group or (), licence=licence, **asked)
    if document["left_out"]:
        note(f"{document['left_out']} runs are disputed or to be checked again: left out")
    origins = ", ".join(f"{n} of {name}" for name, n in document["origins"].items())
    return document, f"{document['rows']} rows in {out}: {origins}\n{document['id']}"
