"""`dimgs predict`: a stored law on new rows."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from dimgs.cli import tables
from dimgs.cli.analyse import TABLE
from dimgs.cli.output import emit_json, say, table, warn

if TYPE_CHECKING:
    from dimgs.discovery.options import Options

# reasons that are printed below the table of predictions: half of a screen
_MOST_REASONS = 12


@tables.takes("level", *(n for n in TABLE if n not in ("columns", "drop")))
def predict(
    law: Annotated[str, typer.Argument(help="law.json, as written by discover --out.")],
    rows: Annotated[str, typer.Argument(metavar="TABLE", help="Table with the law's inputs.")],
    options: "Options",
    relative_to: Annotated[
        int | None,
        typer.Option("--relative-to", help="Predict ratios to this row, counted from 1."),
    ] = None,
    json: tables.Json = False,
) -> None:
    """Predict new rows with intervals, and flag those outside the domain of validity."""
    from dimgs.errors import InputError
    from dimgs.law.law import Law
    from dimgs.law.prediction import law_table

    known = Law.from_json(law)
    data = law_table(known, rows, options.reader())
    warn(data.warnings)
    places = known.places(data)
    doubts = [known.doubt] * bool(known.doubt) + [known.verdict] * (known.confirmed is False)
    warn(doubts)
    if relative_to is None:
        found = known.predict({n: data[n] for n in data.names}, level=options.level)
        unit = known.target_unit
    else:
        if not 1 <= relative_to <= data.n_runs:
            raise InputError(
                f"--relative-to is {relative_to}, but {rows} has rows 1 to {data.n_runs}."
            )
        reference = data.take(np.full(data.n_runs, relative_to - 1))
        found = known.ratio(data, reference, level=options.level)
        unit = "1"
    values = [np.atleast_1d(np.asarray(x, dtype=np.float64)) for x in found]
    if json:
        listed: list[dict[str, Any]] = [
            {"value": float(v), "low": float(lo), "high": float(hi), **place.to_json()}
            for v, lo, hi, place in zip(*values, places, strict=True)
        ]
        judged = {n: getattr(known, n) for n in ("confirmed", "why_not", "probability")}
        told = {"warnings": doubts} if doubts else {}
        emit_json({"rows": listed, "unit": unit, "level": options.level, **judged, **told})
        return
    shown = [
        [str(int(data.rows[i])), f"{v:.6g}", f"{lo:.6g}", f"{hi:.6g}", ", ".join(place.outside)]
        for i, (v, lo, hi, place) in enumerate(zip(*values, places, strict=True))
    ]
    name = known.target.name if relative_to is None else f"{known.target.name} ratio"
    table(
        f"{name} [{unit}] with {options.level:.0%} intervals",
        ["row", "value", "low", "high", "outside"],
        shown,
    )
    numbered = ((int(data.rows[i]), place) for i, place in enumerate(places))
    lines = [f"row {row} {text}" for row, place in numbered for text in place.sentences]
    for line in lines[:_MOST_REASONS]:
        say(line)
    if len(lines) > _MOST_REASONS:
        say(f"and {len(lines) - _MOST_REASONS} more reasons; --json gives all of them.")
