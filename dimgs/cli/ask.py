"""`dimgs ask`: an answer from the entries of a hub, before any new run."""

from typing import TYPE_CHECKING, Any

import typer
from typer import Argument, Option

from dimgs.cli import tables
from dimgs.cli.hub import Address, As, opened
from dimgs.cli.output import emit_json, say, say_assumed, table, working

if TYPE_CHECKING:
    from dimgs.ask import Answer


def ask(
    target: list[str] = Argument(..., help="Outputs to compute, or the id of a question."),
    kernel: str | None = Option(None, help="Kernel that computes it."),
    physics: str | None = Option(None, help="Physics identity, in place of a kernel."),
    at: str | None = Option(
        None, help="'D=1e-14 m^2/s, t=1..9 day' (a range: a curve), or a table of points."
    ),
    tolerance: float = Option(0.1, help="Tolerance: half of the interval, relative to the value."),
    level: float = Option(0.9, help="Coverage of the interval."),
    run: bool = Option(
        False, "--run", help="Make new runs if no existing evidence meets the tolerance."
    ),
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Answer a question from the runs and laws of a hub, also by similitude."""
    from dimgs.ask import ask as asked

    with opened(hub, user, make=run) as opened_hub, working(f"asking {opened_hub.address}"):
        every = asked(
            target, at, opened_hub, kernel=kernel, physics=physics, tolerance=tolerance,
            level=level, run=run,
        )  # fmt: skip
    if json:
        documents = {name: _document(answered) for name, answered in every.items()}
        emit_json(documents[target[0]] if len(documents) == 1 else {"targets": documents})
    for name, answered in every.items() if not json else ():
        if len(every) > 1:
            say(name, style="strong")
        if isinstance(answered, list):
            _show_table(name, answered)
        elif answered.over is not None and answered.value is not None:
            _show_curve(name, answered)
        else:
            _show(answered)
    flat = (a for each in every.values() for a in (each if isinstance(each, list) else [each]))
    if any(None in (a.value if isinstance(a.value, tuple) else (a.value,)) for a in flat):
        raise typer.Exit(1)


def _document(answered: "Answer | list[Answer]") -> dict[str, Any]:
    if isinstance(answered, list):
        return {"answers": [answer.to_json() for answer in answered]}
    return answered.to_json()


def _show(answer: "Answer") -> None:
    say(str(answer), style="strong" if answer.value is not None else "")
    if answer.value is not None:
        say(answer.pertinence["why"], "why: ")
    say_assumed(answer.assumptions)
    rows = [
        [e["kind"], e["id"][:12], _number(e["distance"]), _number(e["weight"])]
        for e in answer.evidence
    ]
    table("Evidence", ["kind", "id", "decades away", "weight"], rows)
    for review in answer.reviews:
        text = f"{review.get('verdict')} by {review['author']}: {review.get('text', '')}"
        say(text, f"review of {review['of'][:12]}: ")
    if answer.plan is not None:
        runs = f"{answer.plan['runs']} runs of {answer.plan['kernel']} {answer.plan['tier']}"
        cost = f"{runs}, about {answer.plan['seconds']:.3g} s,"
        say(f"{cost} would answer, the second to see whether they scatter; add --run")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _show_curve(target: str, answer: "Answer") -> None:
    over = answer.over
    assert over is not None
    points = zip(over["values"], answer.value, answer.low, answer.high, strict=True)
    rows = [[_number(part) for part in point] for point in points]
    unit = "" if over["unit"] in (None, "1") else f" [{over['unit']}]"
    table(f"{target} [{answer.unit}]", [f"{over['input']}{unit}", "value", "low", "high"], rows)
    say(answer.pertinence["why"], "why: ")
    say_assumed(answer.assumptions)
    for text in answer.missing:
        say(text, "missing: ")


def _show_table(target: str, answers: "list[Answer]") -> None:
    rows = []
    for place, answer in enumerate(answers, 1):
        quantity = answer.answer or {}
        cells = [_number(quantity.get(part)) for part in ("value", "low", "high")]
        rows.append([str(place), *cells, answer.unit, answer.how, "; ".join(answer.missing)])
    table(target, ["row", "value", "low", "high", "unit", "how", "missing"], rows)
