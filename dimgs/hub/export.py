"""Runs as tables: a Dataset of those that ended well, a Parquet file of all."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

from dimgs.dataset import Dataset
from dimgs.errors import InputError
from dimgs.hub.rows import as_json, checked_row
from dimgs.kernels.record import RunRecord
from dimgs.variables import difference_unit, parse_unit

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
    _one([str(r.provenance.get("version", "")) for r in records], "version", source)
    _check_ports(records, source)
    columns: dict[str, list[Any]] = {}
    units: dict[str, str] = {}
    for name, (_, unit) in records[0].inputs.items():
        columns[name] = [_converted(*r.inputs[name], unit) for r in records]
        units[name] = unit
    for target in targets:
        _add_target(columns, units, records, target, source)
    return replace(Dataset.from_columns(columns, units=units), source=source)


def _check_ports(records: Sequence[RunRecord], source: str) -> None:
    """Check that all runs have the inputs and outputs of the first, of its dimensions."""
    remedy = f"'{records[0].kernel}' has changed; choose runs of one kind with keys=…."
    for ports in ("inputs", "outputs"):
        first = {n: unit for n, (_, unit) in getattr(records[0], ports).items()}
        for record in records:
            units = {n: unit for n, (_, unit) in getattr(record, ports).items()}
            for name in sorted(set(first) ^ set(units)):
                raise InputError(
                    f"Some runs in '{source}' have '{name}' and others have not: {remedy}"
                )
            for name, unit in units.items():
                if not parse_unit(first[name]).accepts(parse_unit(unit)):
                    raise InputError(
                        f"The runs in '{source}' give '{name}' in {first[name]} and in {unit}: "
                        f"{remedy}"
                    )


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
    columns[target] = [_converted(*r.outputs[target], unit) for r in records]
    units[target] = unit
    if any(target in r.errors for r in records):
        step = difference_unit(unit)
        columns[f"{target}_err"] = [
            _converted(r.errors.get(target, nan), difference_unit(r.outputs[target][1]), step)
            for r in records
        ]
        units[f"{target}_err"] = step


def _one(found: Sequence[str], what: str, source: str) -> None:
    names = sorted(set(found))
    if len(names) > 1:
        raise InputError(
            f"The runs in '{source}' are of the {what}s {', '.join(names)}; choose one with "
            f"{what}='{names[-1]}'."
        )


def write_parquet(rows: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Write rows of the store as one flat table, one column per input and output.

    Headers carry units as ``name [unit]``, so that `read_table` reads the file. A quantity of
    several units is in that of the first row.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    units: dict[str, str] = {}
    flat = [_flat(row, units) for row in rows]
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
    try:
        parquet.write_table(pa.table(columns, schema=pa.schema(fields)), path)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise InputError(f"'{path}' cannot be written ({why}); name another file.") from error
    return path


def _flat(row: Mapping[str, Any], units: dict[str, str]) -> dict[str, Any]:
    read = checked_row(row)
    row = {**row, "provenance": as_json(read.provenance)}
    flat = {title: _written(row[name]) for name, title in _PLAIN.items()}
    outputs, errors = read.outputs, read.errors
    for name, (value, unit) in (read.inputs | outputs).items():
        common = _common(units, name, unit)
        flat[f"{name} [{common}]"] = _written(_converted(value, unit, common))
    for name, error in errors.items():
        if name not in outputs:
            continue
        own = outputs[name][1]
        unit, common = difference_unit(own), difference_unit(_common(units, name, own))
        flat[f"{name}_err [{common}]"] = _converted(error, unit, common)
    return flat


def _common(units: dict[str, str], name: str, unit: str) -> str:
    """Unit of the first row that has the quantity; its own where they have no common measure."""
    first = units.setdefault(name, unit)
    return first if parse_unit(first).accepts(parse_unit(unit)) else unit


def _converted(value: Any, unit: str, common: str) -> Any:
    if unit == common or isinstance(value, str) or value is None:
        return value
    return parse_unit(common).from_si(parse_unit(unit).to_si(value))


def _written(value: Any) -> Any:
    """Text as UTF-8 can hold it."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
