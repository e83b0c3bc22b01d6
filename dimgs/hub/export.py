"""Runs as tables: a Dataset of those that ended well, a Parquet file of all."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dimgs.dataset import Dataset
from dimgs.errors import InputError
from dimgs.kernels.record import RunRecord
from dimgs.variables import parse_unit

_PLAIN = {
    "key": "key [label]",
    "attempt": "attempt [1]",
    "kernel": "kernel [label]",
    "tier": "tier [label]",
    "seed": "seed [label]",
    "state": "status [label]",
    "reason": "reason [label]",
    "wall_seconds": "wall_seconds [s]",
    "claimed_at": "claimed_at [label]",
    "finished_at": "finished_at [label]",
    "provenance": "provenance [label]",
}


def dataset_of(records: Sequence[RunRecord], targets: Sequence[str], source: str) -> Dataset:
    """Dataset of runs of one kernel and one tier: inputs, and targets with their errors.

    Parameters
    ----------
    records : sequence of RunRecord
        Runs that ended well.
    targets : sequence of str
    source : str
        Name of the store, for messages.

    Raises
    ------
    InputError
    """
    if not records:
        raise InputError(
            f"No run in '{source}' ended well with that kernel and tier; see its records()."
        )
    _one([r.kernel for r in records], "kernel", source)
    _one([r.tier for r in records], "tier", source)
    columns: dict[str, list[Any]] = {}
    units: dict[str, str] = {}
    for name, (_, unit) in records[0].inputs.items():
        columns[name] = [r.inputs[name][0] for r in records]
        units[name] = unit
    for target in targets:
        _add_target(columns, units, records, target, source)
    return replace(Dataset.from_columns(columns, units=units), source=source)


def _add_target(
    columns: dict[str, list[Any]],
    units: dict[str, str],
    records: Sequence[RunRecord],
    target: str,
    source: str,
) -> None:
    if target not in records[0].outputs:
        names = ", ".join(records[0].outputs)
        raise InputError(f"The runs in '{source}' have no output '{target}'; they have {names}.")
    unit = records[0].outputs[target][1]
    columns[target] = [r.outputs[target][0] for r in records]
    units[target] = unit
    if any(target in r.errors for r in records):
        columns[f"{target}_err"] = [r.errors.get(target, float("nan")) for r in records]
        units[f"{target}_err"] = _difference(unit)


def _difference(unit: str) -> str:
    parsed = parse_unit(unit)
    return f"delta_{unit.lstrip('°')}" if parsed.offset else unit


def _one(found: Sequence[str], what: str, source: str) -> None:
    names = sorted(set(found))
    if len(names) > 1:
        raise InputError(
            f"The runs in '{source}' are of the {what}s {', '.join(names)}; choose one with "
            f"{what}='{names[-1]}'."
        )


def write_parquet(rows: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Write rows of the store as one flat table, one column per input and output.

    Headers carry units as ``name [unit]``, so that `read_table` reads the file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    flat = [_flat(row) for row in rows]
    names = list(_PLAIN.values())
    for row in flat:
        names += [name for name in row if name not in names]
    columns = {name: [row.get(name) for row in flat] for name in names}
    numbers = {"attempt [1]", "wall_seconds [s]"}
    fields = []
    for name in names:
        values = columns[name]
        text = name not in numbers and (
            name in _PLAIN.values() or any(isinstance(v, str) for v in values)
        )
        fields.append(pa.field(name, pa.string() if text else pa.float64()))
    parquet.write_table(pa.table(columns, schema=pa.schema(fields)), path)
    return path


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat = {title: row[name] for name, title in _PLAIN.items()}
    outputs, errors = json.loads(row["outputs"]), json.loads(row["errors"])
    for name, (value, unit) in (json.loads(row["inputs"]) | outputs).items():
        flat[f"{name} [{unit}]"] = value
    for name, error in errors.items():
        flat[f"{name}_err [{_difference(outputs[name][1])}]"] = error
    return flat
