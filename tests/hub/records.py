"""Runs to be kept."""

from dataclasses import replace

from dimgs.kernels.record import RunRecord, Status


def record(key: str, status: Status = Status.OK, **changes: object) -> RunRecord:
    base = RunRecord(
        "film", "fine", {"l": (1.5, "mm"), "kind": ("a", "label")}, {"t": (2.0, "s")}, status, key
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # fields by name
