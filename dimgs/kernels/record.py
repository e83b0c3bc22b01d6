"""The RunRecord: everything that is known about one run of a kernel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a run ended."""

    OK = "ok"
    FAILED = "failed"
    DIVERGED = "diverged"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class RunRecord:
    """One run: inputs, outputs, how it ended, and where it came from.

    Attributes
    ----------
    kernel, tier : str
    inputs : mapping of str to (value, unit)
        As given, in the units that the kernel declares; labels have the unit "label".
    outputs : mapping of str to (value, unit)
        Empty unless the run ended well.
    errors : mapping of str to float
        Standard numerical error of outputs where known, in the output's unit.
    status : Status
    reason : str
        Why a run did not end well, in one sentence; empty otherwise.
    seed : int, optional
    wall_seconds : float
    provenance : mapping
        Kernel version or commit, settings, versions of what it used, threads.
    key : str
        Content hash of kernel, version, tier, settings, inputs and seed; equal for equal runs.
    """

    kernel: str
    tier: str
    inputs: Mapping[str, tuple[float | str, str]]
    outputs: Mapping[str, tuple[float, str]]
    status: Status
    key: str
    reason: str = ""
    seed: int | None = None
    wall_seconds: float = 0.0
    errors: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the outputs can be used."""
        return self.status is Status.OK
