"""RunRecord <-> row of the store."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dimgs.kernels.record import RunRecord, Status
from dimgs.kernels.request import RunRequest


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
    """Record of a row that is not pending."""
    return RunRecord(
        kernel=row["kernel"],
        tier=row["tier"],
        inputs=_pairs(row["inputs"]),
        outputs=_pairs(row["outputs"]),
        status=Status(row["state"]),
        key=row["key"],
        reason=row["reason"],
        seed=None if row["seed"] is None else int(row["seed"]),
        wall_seconds=row["wall_seconds"],
        errors=json.loads(row["errors"]),
        provenance=json.loads(row["provenance"]),
    )


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


def _pairs(text: str) -> dict[str, tuple[Any, str]]:
    return {name: (value, unit) for name, (value, unit) in json.loads(text).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return value.tolist() if hasattr(value, "tolist") else str(value)
