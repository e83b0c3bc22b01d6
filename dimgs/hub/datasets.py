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
from dimgs.hub.runs import columns_of, run_record

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
    _write(_table(good, origins, {} if more is None else more(good), target), path)
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

    texts = {"origin": origins, "run": [r["id"] for r in runs], **more}
    units: dict[str, str] = {}
    rows: list[Json] = []
    for record in map(run_record, runs):
        # one output is not an input of another
        columns = columns_of(record, units, None if target is None else [target])
        for name, unit in columns:
            if unit != units[name]:
                raise InputError(
                    f"Runs give '{visible(name)}' in {unit} and in {units[name]}, which do not fit "
                    f"together; choose one kernel with {setting('kernel')}."
                )
        rows.append({f"{n} [{unit}]": v for (n, unit), v in columns.items() if n not in texts})
    frame = pd.DataFrame(rows)
    for name, column in texts.items():
        frame[f"{name} [label]"] = column
    return frame


def _write(table: "pd.DataFrame", path: Path) -> None:
    try:
        with whole(path) as beside:
            if path.suffix == ".parquet":
                table.to_parquet(beside, index=False)
            else:
                table.to_csv(beside, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    except OSError as error:
        raise InputError(f"'{path}' cannot be written ({error.strerror}).") from error
