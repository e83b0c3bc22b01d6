"""Runs as entries and as rows of a store: records in and out, keys of reuse, numbers of queries."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dimgs.common.errors import InputError, StoreError
from dimgs.common.escape import visible
from dimgs.common.formats import attributes, checksum, plain, shown, validated
from dimgs.hub.entry import Document, Json, canonical, sha256
from dimgs.kernels.record import RunRecord, RunRequest, Status
from dimgs.kernels.spec import Port
from dimgs.kernels.spec import canonical as canonical_number
from dimgs.variables import difference_unit, parse_unit


def run_content(record: RunRecord) -> Json:
    """Content of a run's entry."""
    return {
        **attributes(record, "kernel tier key reason wall_seconds"),
        "status": record.status.value,
        "inputs": {n: {"value": v, "unit": u} for n, (v, u) in record.inputs.items()},
        "outputs": {n: {"value": v, "unit": u} for n, (v, u) in record.outputs.items()},
        "errors": dict(record.errors),
        # JSON readers elsewhere have doubles, and seeds may be larger
        "seed": None if record.seed is None else str(record.seed),
        "provenance": plain(record.provenance),
    }


def quantities(content: Document) -> dict[str, tuple[Any, str]]:
    """Values and units of the quantities of an entry, by name."""
    return {n: (q["value"], q.get("unit", "1")) for n, q in content.items()}


def run_record(content: Document) -> RunRecord:
    """Record of a run's entry."""
    parts: Json = {part: quantities(content.get(part, {})) for part in ("inputs", "outputs")}
    names = ("kernel", "tier", "key", "reason", "errors", "provenance")
    fields = {"tier": "", "key": "", **{n: content[n] for n in names if n in content}}
    seed = content.get("seed")
    return RunRecord(
        **fields,
        **parts,
        status=Status(content.get("status", "ok")),
        seed=None if seed is None else int(seed),
        wall_seconds=float(content.get("wall_seconds", 0.0)),
    )


def columns_of(
    record: RunRecord, units: dict[str, str], outputs: Sequence[str] | None = None
) -> dict[tuple[str, str], Any]:
    """A run as a row of a table: inputs, outputs and errors by name and unit of the column.

    A quantity has the unit of the first run that has it, or its own where the two do not fit
    together.

    Parameters
    ----------
    record : RunRecord
    units : dict of str to str
        Those of the runs before, to which others are added.
    outputs : sequence of str, optional
        Those that are wanted, all by default.

    Examples
    --------
    >>> film = {"l": (2.0, "mm")}
    >>> columns_of(RunRecord("film", "", film, {}, Status.OK, ""), {"l": "cm"})
    {('l', 'cm'): 0.2}
    """
    row: dict[tuple[str, str], Any] = {}
    given = {n: q for n, q in record.outputs.items() if outputs is None or n in outputs}
    for name, (value, stated) in {**record.inputs, **given}.items():
        unit = "label" if isinstance(value, str) else stated
        common = units.setdefault(name, unit)
        if unit != common and not parse_unit(common).accepts(parse_unit(unit)):
            common = unit
        row[name, common] = _converted(value, unit, common)
        if name in record.errors and name in given:
            step, common = difference_unit(unit), difference_unit(common)
            units.setdefault(f"{name}_err", common)
            row[f"{name}_err", common] = _converted(record.errors[name], step, common)
    return row


def _converted(value: Any, unit: str, common: str) -> Any:
    if unit == common:
        return value
    # the last digits are noise of the conversion
    return float(f"{parse_unit(common).from_si(parse_unit(unit).to_si(float(value))):.15g}")


def shown_run(content: Document) -> Json:
    """Fields of a run in the result of a query; none if its content was removed."""
    return {
        **{part: content.get(part, {}) for part in ("inputs", "outputs", "errors")},
        **{name: content.get(name) for name in ("kernel", "seed")},
        **{name: content.get(name, "") for name in ("tier", "key")},
        "version": cache_version(content) if content else "",
        "program": program_of(content),
    }


def si_of(quantity: Document) -> float:
    """Number of a quantity in the coherent SI unit of its dimension."""
    return float(parse_unit(str(quantity.get("unit", "1"))).to_si(float(quantity["value"])))


def numeric_inputs(run: Document) -> dict[str, Document]:
    """Inputs of a run that are numbers, as quantities."""
    return {n: q for n, q in run["inputs"].items() if not isinstance(q["value"], str)}


def output_of(run: Document, name: str) -> tuple[float, float]:
    """An output of a run and its standard error, in SI units."""
    quantity = run["outputs"][name]
    unit = parse_unit(str(quantity.get("unit", "1")))
    return si_of(quantity), float(run["errors"].get(name, 0.0)) * unit.factor


@dataclass(frozen=True)
class Facts:
    """Fields of a run that queries use.

    Attributes
    ----------
    ports : tuple of (str, str, str)
        Name, dimension and unit of its numeric inputs, sorted by name.
    values : tuple of float
        In SI units, rounded to 12 digits.
    labels : mapping of str to str
    reuse : str
        Equal for runs of equal kernel, tier, inputs and cache version; other seeds are replicates.
    """

    ports: tuple[tuple[str, str, str], ...]
    values: tuple[float, ...]
    labels: Mapping[str, str]
    reuse: str


def facts(content: Document) -> Facts:
    """Facts of a run.

    Raises
    ------
    InputError
        If an input is not a finite number in a unit, and no label.

    Examples
    --------
    >>> run = {"kernel": "film", "inputs": {"l": {"value": 2.3, "unit": "mm"}}}
    >>> facts(run).values, facts(run).ports
    ((0.0023,), (('l', 'L', 'mm'),))
    >>> there = {"kernel": "film", "inputs": {"l": {"value": 0.23, "unit": "cm"}}}
    >>> facts(run).reuse == facts(there).reuse
    True
    """
    ports: list[tuple[str, str, str]] = []
    values: list[float] = []
    labels: dict[str, str] = {}
    texts: dict[str, str] = {}
    for name, quantity in sorted(content["inputs"].items()):
        value, unit = quantity["value"], quantity.get("unit", "1")
        if isinstance(value, str):
            labels[name] = value
            texts[name] = f"label {value}"
            continue
        port = Port(name, unit)
        texts[name] = canonical_number(port, _finite(name, value, port))
        ports.append((name, str(parse_unit(unit).dimension), unit))
        values.append(float.fromhex(texts[name]))
    reuse = sha256(
        canonical([content["kernel"], content.get("tier", ""), cache_version(content), texts])
    )
    return Facts(tuple(ports), tuple(values), labels, reuse)


def _finite(name: str, value: Any, port: Port) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if port.is_label or not math.isfinite(port.parsed.to_si(number)):
        raise InputError(
            f"The input '{visible(name)}' of a run is too large, or no text in spite of its unit "
            f"'{visible(port.unit)}'; give a finite number with a unit, or a label."
        )
    return number


def cache_version(content: Document) -> str:
    """Version for the reuse of runs: declared, or the hash of the program."""
    return _declared_or_hash(content, "version", "settings", "configuration")


def program_of(content: Document) -> str:
    """Version of the program for all tiers, to which the check of a card applies."""
    return _declared_or_hash(content, "version", "configuration")


def _declared_or_hash(content: Document, *names: str) -> str:
    provenance = content.get("provenance", {})
    declared = provenance.get("cache_version")
    if declared is not None:
        return f"declared {declared}"
    return sha256(canonical([provenance.get(n) for n in names]))


_Value = TypeVar("_Value")
Input = Annotated[tuple[int | float | str, str], Field(strict=False)]
Output = Annotated[tuple[int | float, str], Field(strict=False)]
# columns that a run's checksum covers, beside where it comes from
_SEALED = ("key", "state", "kernel", "tier", "seed", "inputs", "outputs", "errors", "reason")


def _loaded(text: object) -> object:
    # half of a surrogate pair, which labels may hold, is no JSON to stricter readers
    try:
        return json.loads(text) if isinstance(text, str) else None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


Stored = Annotated[_Value, BeforeValidator(_loaded, json_schema_input_type=str)]


class RunRow(BaseModel):
    """A run that has ended: a row of the table ``runs`` in a store, an SQLite file."""

    model_config = ConfigDict(strict=True)

    key: str
    attempt: int = Field(1, ge=0)
    state: Literal["ok", "failed", "diverged", "refused", "interrupted"]
    kernel: str
    tier: str
    seed: Annotated[str, Field(pattern=r"^-?[0-9]{1,4000}$")] | None
    inputs: Stored[dict[str, Input]]
    outputs: Stored[dict[str, Output]]
    errors: Stored[dict[str, int | float]]
    reason: str
    wall_seconds: float
    provenance: Stored[Json]
    session: str | None = None
    claimed_at: str | None = None
    finished_at: str | None = None

    def record(self) -> RunRecord:
        """The run as a record."""
        seed = None if self.seed is None else int(self.seed)
        return RunRecord(**self.model_dump(include=_SAME), status=Status(self.state), seed=seed)


# fields of a run that a row holds as they are
_SAME = {f.name for f in fields(RunRecord)} & set(RunRow.model_fields) - {"seed"}


def record_row(record: RunRecord) -> Json:
    """Columns of a finished run."""
    row = {
        **attributes(record, "key kernel tier reason"),
        **{part: as_json(getattr(record, part)) for part in ("inputs", "outputs", "errors")},
        "state": record.status.value,
        "seed": None if record.seed is None else str(record.seed),
        "wall_seconds": float(record.wall_seconds),
        "finished_at": now(),
    }
    provenance = json.loads(as_json(record.provenance))
    return {**row, "provenance": as_json({**provenance, "checksum": _seal(row, provenance)})}


def _seal(row: Document, provenance: Document) -> str:
    """Checksum of what a run was, gave and came from."""
    return checksum({"provenance": provenance, **{name: row[name] for name in _SEALED}})


def row_record(row: Document) -> RunRecord:
    """Record of a row that is not pending.

    Raises
    ------
    StoreError
        If the row is not as a store writes it, or was edited since.
    """
    return checked_row(row).record()


def checked_row(row: Document) -> RunRow:
    """A row of the store by its schema; StoreError where it is broken or was edited."""
    try:
        read = validated(RunRow, dict(row), "")
    except InputError as error:
        raise StoreError(
            f"The run {shown(row.get('key'))} in the store is broken ({error}) and cannot be "
            f"read; restore the store from a copy."
        ) from error
    seal = read.provenance.pop("checksum", None)
    if seal is not None and seal != _seal(row, read.provenance):
        raise StoreError(
            f"The run {shown(read.key)} in the store was edited after it was kept, so that it is "
            f"no longer what its kernel gave; restore the store from a copy, or start in another "
            f"folder (--out)."
        )
    return read


def asked_row(run: RunRequest | str) -> Json:
    """Columns of a run that has not been made yet, or of its key alone."""
    request = RunRequest(run, "", "", {}) if isinstance(run, str) else run
    return {
        **attributes(request, "key kernel tier"),
        "seed": None if request.seed is None else str(request.seed),
        "inputs": as_json(request.inputs),
        **dict.fromkeys(("outputs", "errors", "provenance"), "{}"),
        "reason": "",
        "wall_seconds": 0.0,
    }


def as_json(value: Document) -> str:
    """JSON of a mapping; floats keep every bit."""
    return json.dumps(dict(value), default=_plain)


def now() -> str:
    """Time of the call, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return value.tolist() if hasattr(value, "tolist") else str(value)
