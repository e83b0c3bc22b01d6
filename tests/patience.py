"""Nothing in the tests is decided by time: waits that only bound a hang, and limits never met."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Protocol

from dimgs.engines.protocol import SearchBudget

# Seconds of a search that its evaluations end, on any machine, long before.
AMPLE = 1e6
# Seconds after which what was waited for will not come, however busy the machine is.
_HANGS = 900.0


class Running(Protocol):
    """A process that can be asked whether it has ended."""

    def poll(self) -> int | None: ...


def wait_until(happened: Callable[[], object], process: Running | None = None) -> None:
    """Return as soon as something has happened; fail where the process ends before it does."""
    end = time.monotonic() + _HANGS
    while not happened():
        ended = process is not None and process.poll() is not None
        # what happened just before the end counts
        assert not ended or happened(), "the process ended before that"
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Whether a process runs, and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def lines_of(path: Path) -> list[str]:
    """Whole lines of a file that another process writes; none where it is not there yet."""
    if not path.exists():
        return []
    return path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()


class Work:
    """Calls of functions inside the block: what it costs, the same on any machine."""

    calls = 0

    def __enter__(self) -> "Work":
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _count(self, _frame: FrameType, event: str, _: object) -> None:
        self.calls += event in ("call", "c_call")


def ample(evaluations: int = 50_000) -> SearchBudget:
    """A budget of evaluations alone; by default more than any law of the tests needs."""
    return SearchBudget(AMPLE, evaluations)
