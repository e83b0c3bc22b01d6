"""RunRecord <-> row of the store."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dimgs.errors import InputError, StoreError
from dimgs.formats import shown, validated
from dimgs.kernels.record import RunRecord, RunRequest, Status

if TYPE_CHECKING:
    from dimgs.hub.run_row import RunRow


def record_row(record: RunRecord) -> dict[str, Any]:
    """Columns of a finished run."""
    return {
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
        "provenance": as_json(record.provenance),
        "finished_at": now(),
    }


def row_record(row: Mapping[str, Any]) -> RunRecord:
    """Record of a row that is not pending.

    Raises
    ------
    StoreError
        If the row is not as a store writes it.
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


def checked_row(row: Mapping[str, Any]) -> "RunRow":
    """A row of the store by its schema; StoreError where it is broken."""
    from dimgs.hub.run_row import RunRow

    try:
        return validated(RunRow, dict(row), "")
    except InputError as error:
        raise StoreError(
            f"The run {shown(row.get('key'))} in the store is broken ({error}) and cannot be "
            f"read; restore the store from a copy."
        ) from error


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
