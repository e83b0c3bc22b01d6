"""RunRecord <-> row of the store, and the schema of a row."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dimgs.common.errors import InputError, StoreError
from dimgs.common.formats import checksum, shown, validated
from dimgs.kernels.record import RunRecord, RunRequest, Status

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
    provenance: Stored[dict[str, Any]]
    session: str | None = None
    claimed_at: str | None = None
    finished_at: str | None = None


def record_row(record: RunRecord) -> dict[str, Any]:
    """Columns of a finished run."""
    row = {
        "key": record.key,
        "state": record.status.value,
        "kernel": record.kernel,
        "tier": record.tier,
        "seed": None if record.seed is None else str(record.seed),
        "inputs": as_json(record.inputs),
        "outputs": as_json(record.outputs),
        "errors": as_json(record.errors),
        "reason": record.reason,
        "wall_seconds": float(record.wall_seconds),
        "finished_at": now(),
    }
    provenance = json.loads(as_json(record.provenance))
    return {**row, "provenance": as_json({**provenance, "checksum": _seal(row, provenance)})}


def _seal(row: Mapping[str, Any], provenance: Mapping[str, Any]) -> str:
    """Checksum of what a run was, gave and came from."""
    return checksum({"provenance": provenance, **{name: row[name] for name in _SEALED}})


def row_record(row: Mapping[str, Any]) -> RunRecord:
    """Record of a row that is not pending.

    Raises
    ------
    StoreError
        If the row is not as a store writes it, or was edited since.
    """
    read = checked_row(row)
    return RunRecord(
        kernel=read.kernel,
        tier=read.tier,
        inputs=read.inputs,
        outputs=read.outputs,
        status=Status(read.state),
        key=read.key,
        reason=read.reason,
        seed=None if read.seed is None else int(read.seed),
        wall_seconds=read.wall_seconds,
        errors=read.errors,
        provenance=read.provenance,
    )


def checked_row(row: Mapping[str, Any]) -> RunRow:
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


def asked_row(run: RunRequest | str) -> dict[str, Any]:
    """Columns of a run that is only asked for, or of its key alone."""
    known = None if isinstance(run, str) else run
    return {
        "key": known.key if known else run,
        "kernel": known.kernel if known else "",
        "tier": known.tier if known else "",
        "seed": str(known.seed) if known and known.seed is not None else None,
        "inputs": as_json(known.inputs if known else {}),
        "outputs": "{}",
        "errors": "{}",
        "reason": "",
        "wall_seconds": 0.0,
        "provenance": "{}",
    }


def as_json(value: Mapping[str, Any]) -> str:
    """JSON of a mapping; floats keep every bit."""
    return json.dumps(dict(value), default=_plain)


def now() -> str:
    """Time of the call, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return value.tolist() if hasattr(value, "tolist") else str(value)
