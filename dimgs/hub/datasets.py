"""Tables of runs: of one kernel, or of all that compute the same, chosen once and kept by key."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dimgs.common.advice import Act, Step, setting
from dimgs.common.errors import InputError
from dimgs.common.escape import visible
from dimgs.common.formats import whole
from dimgs.hub.acts import Writer
from dimgs.hub.entry import Address, Document, Json
from dimgs.variables import difference_unit, parse_unit

if TYPE_CHECKING:
    import pandas as pd


_FORMATS = (".csv", ".tsv", ".parquet")
# states whose runs are not for a table that others build on
_DOUBTED = ("disputed", "recheck")


def freeze(
    hub: Writer,
    out: Address,
    licence: str = "",
    more: Callable[[list[Json]], Mapping[str, list[str]]] | None = None,
    target: str | None = None,
    **filters: Any,
) -> Json:
    """Write selected runs as a table, and store the selection.

    The table has a column per input and output with its unit, ``NAME_err`` where a run gives a
    numerical error, and labels ``origin`` (kernel, tier and cache version: what differs between
    origins is not the physics) and ``run``. Disputed runs are left out.

    Parameters
    ----------
    hub : Hub
    out : path
        CSV, TSV or Parquet.
    licence : str
    more : callable, optional
        Gives further columns of texts for the runs; they stand as labels, which no fit takes for
        an input.
    target : str, optional
        The output that is kept, of runs that have it; by default all are.
    **filters
        As for :meth:`Hub.query`.

    Returns
    -------
    dict
        "id" of the data set's entry, "rows", "origins" with the rows of each, and "left_out".

    Raises
    ------
    InputError
        If no run is found, or the table cannot be written.
    """
    path = Path(out)
    if path.suffix not in _FORMATS:
        raise InputError(
            f"'{visible(path.name)}' has no supported format; use one of {', '.join(_FORMATS)}."
        )
    rows = hub.query(**filters, limit=None)["runs"]
    rows = [r for r in rows if target is None or target in r.get("outputs", {})]
    good = [r for r in rows if r["state"] not in _DOUBTED]
    if not good:
        why = f"; {len(rows)} are disputed or to be checked again" if rows else ""
        raise InputError(
            f"No run can be used{why}; ask for others, as {Act(Step.FIND_RUNS)} lists them."
        )
    origins = [origin_of(run) for run in good]
    table = _table(good, origins, {} if more is None else more(good), target)
    _write(table, path)
    count = {name: origins.count(name) for name in sorted(set(origins))}
    chosen: Json = {"kernel": None, "physics": None, "where": [], "group": []}
    chosen |= {k: list(v) if isinstance(v, tuple) else v for k, v in filters.items() if v}
    ids = [r["id"] for r in good]
    document = {"kind": "dataset", "title": path.name, "runs": ids, "chosen": chosen}
    document |= {"origins": count, "licence": licence}
    id = hub.add_linked(document, [("recombined", id) for id in ids])
    return {"id": id, "rows": len(good), "origins": count, "left_out": len(rows) - len(good)}


def origin_of(run: Document) -> str:
    """Kernel, tier and cache version of a run: what may differ though the physics is one."""
    return " ".join(p for p in (run["kernel"], run["tier"], run["version"][:8]) if p)


def _table(
    runs: list[Json], origins: list[str], more: Mapping[str, list[str]], target: str | None
) -> "pd.DataFrame":
    import pandas as pd

    units: dict[str, str] = {}
    rows: list[Json] = []
    for content in runs:
        row: Json = {}
        outputs, errors = content.get("outputs", {}), content.get("errors", {})
        if target is not None:
            # one output is not an input of another
            outputs, errors = (
                {n: v for n, v in d.items() if n == target} for d in (outputs, errors)
            )
        for name, quantity in {**content["inputs"], **outputs}.items():
            _put(row, units, name, quantity["value"], quantity.get("unit", "1"))
        for name, error in errors.items():
            step = difference_unit(content["outputs"][name].get("unit", "1"))
            _put(row, units, f"{name}_err", error, step)
        rows.append(row)
    frame = pd.DataFrame(rows, columns=list(units))
    frame["origin"], frame["run"] = origins, [r["id"] for r in runs]
    for name, column in more.items():
        frame[name] = column
    units |= dict.fromkeys(("origin", "run", *more), "label")
    frame.columns = pd.Index([f"{name} [{units[name]}]" for name in frame.columns])
    return frame


def _put(row: Json, units: dict[str, str], name: str, value: Any, unit: str) -> None:
    """A value in the unit that the column has."""
    if isinstance(value, str):
        unit = "label"
    common = units.setdefault(name, unit)
    if unit == common:
        row[name] = value
        return
    here, there = parse_unit(unit), parse_unit(common)
    if not there.accepts(here):
        raise InputError(
            f"Runs give '{visible(name)}' in {unit} and in {common}, which do not fit together; "
            f"choose one kernel with {setting('kernel')}."
        )
    row[name] = float(f"{there.from_si(here.to_si(float(value))):.15g}")


def _write(table: "pd.DataFrame", path: Path) -> None:
    try:
        with whole(path) as beside:
            if path.suffix == ".parquet":
                table.to_parquet(beside, index=False)
            else:
                table.to_csv(beside, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    except OSError as error:
        raise InputError(f"'{path}' cannot be written ({error.strerror}).") from error
