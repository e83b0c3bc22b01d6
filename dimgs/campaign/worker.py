"""What happens in a worker: one run, which ends in time, as a record."""

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import parent_process
from typing import Any

from dimgs.campaign.kernel_reference import load_kernel
from dimgs.kernels.record import RunRecord, Status
from dimgs.kernels.request import RunRequest


@dataclass(frozen=True)
class Task:
    """A run to make, as it is sent to a worker.

    Attributes
    ----------
    kernel : str or Kernel
        As in a plan.
    request : RunRequest
    values : mapping of str to float or str
        Inputs in the units of the ports.
    timeout : float, optional
        Seconds.
    """

    kernel: Any
    request: RunRequest
    values: Mapping[str, float | str]
    timeout: float | None = None

    def failed(self, reason: str, seconds: float = 0.0) -> RunRecord:
        """Record of a run that gave no answer."""
        asked = self.request
        return RunRecord(
            kernel=asked.kernel,
            tier=asked.tier,
            inputs=asked.inputs,
            outputs={},
            status=Status.FAILED,
            key=asked.key,
            reason=reason,
            seed=asked.seed,
            wall_seconds=seconds,
        )


class _OutOfTime(BaseException):
    """Raised inside a run by its alarm; no kernel may take it for an error of its own."""


class _Stopped(BaseException):
    """Raised inside a run when the worker has to go, so that the run cleans up after itself."""


_busy = threading.Event()


def make(task: Task) -> RunRecord:
    """Make a run; whatever happens, a record comes back."""
    _busy.set()
    try:
        return _made(task)
    except _Stopped:
        os._exit(1)
    finally:
        _busy.clear()


def _made(task: Task) -> RunRecord:
    try:
        kernel = load_kernel(task.kernel)
        with _alarm(task.timeout):
            record = kernel.run(task.values, task.request.tier, task.request.seed)
    except _OutOfTime:
        seconds = task.timeout or 0.0
        return task.failed(f"It took longer than {seconds:g} s and was stopped.", seconds)
    except Exception as error:
        what = (str(error).strip().splitlines() or [""])[0][:300]
        return task.failed(f"{type(error).__name__}: {what}")
    return record if record.key == task.request.key else replace(record, key=task.request.key)


@contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    """Stop the run after some time, where the system and the thread have an alarm."""
    main = threading.current_thread() is threading.main_thread()
    if seconds is None or not main or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: Any) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def start(pids: Any) -> None:
    """First thing in a local worker: say who it is, leave Ctrl-C to the parent, die with it."""
    # standard output belongs to the answer of the parent, which may be one JSON document
    with suppress(OSError):
        os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    pids.put(os.getpid())
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _stop(*_: Any) -> None:
    """End the worker, a program that its run has started first."""
    if _busy.is_set():
        raise _Stopped
    os._exit(0)


def _die_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
