"""What happens in a worker: one run, which ends in time, as a record."""

import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import parent_process
from time import sleep
from typing import Any, NoReturn

from dimgs.campaign.kernel_reference import load_kernel
from dimgs.kernels.base import BaseKernel
from dimgs.kernels.process import end_marked, mark, own_mark
from dimgs.kernels.protocol import Kernel
from dimgs.kernels.reasons import printable, with_kind
from dimgs.kernels.record import RunRecord, Status
from dimgs.kernels.request import RunRequest

CHANGED = (
    "The kernel's program, or a file that it names, is not the one that this run was planned with: "
    "it was edited meanwhile, or the worker has another. Files that the program writes must be "
    "named relative to its own folder; go on with --resume."
)
# what the alarm of every system can count to: thirty years
_LONGEST = 1e9
_PATIENCE = 5.0


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
        _leave(1)
    finally:
        _busy.clear()


def _made(task: Task) -> RunRecord:
    seconds = task.timeout or 0.0
    try:
        kernel = load_kernel(task.kernel)
        with _alarm(task.timeout):
            record = kernel.run(task.values, task.request.tier, task.request.seed)
        return _kept(record, task, kernel)
    except _OutOfTime:
        return task.failed(f"It took longer than {seconds:g} s and was stopped.", seconds)
    except _Stopped:
        raise
    except KeyboardInterrupt as error:
        # where Ctrl-C can be meant for us; in workers and threads it is the kernel's own
        if parent_process() is None and threading.current_thread() is threading.main_thread():
            raise
        return task.failed(with_kind(error))
    except BaseException as error:
        return task.failed(with_kind(error))


def _kept(record: Any, task: Task, kernel: Kernel) -> RunRecord:
    """A record that can be sent back and kept, under the key that was asked for."""
    if not isinstance(record, RunRecord):
        what = type(record).__name__
        return task.failed(f"The kernel gave {what} where a RunRecord is needed; correct its run.")
    if record.ok and record.key != task.request.key and isinstance(kernel, BaseKernel):
        return task.failed(CHANGED, record.wall_seconds)
    kept: RunRecord = replace(record, key=task.request.key, reason=printable(record.reason))
    pickle.dumps(kept)
    return kept


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
    signal.setitimer(signal.ITIMER_REAL, min(seconds, _LONGEST))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def start(workers: Any, safe_path: str | None) -> None:
    """First thing in a local worker: say who it is, leave Ctrl-C to the parent, die with it.

    Parameters
    ----------
    workers : queue of (int, str)
        Takes the number and the mark of this process.
    safe_path : str, optional
        What PYTHONSAFEPATH is for the programs that a run starts.
    """
    os.environ.pop("PYTHONSAFEPATH", None)
    if safe_path is not None:
        os.environ["PYTHONSAFEPATH"] = safe_path
    # standard output belongs to the answer of the parent, which may be one JSON document
    with suppress(OSError):
        os.dup2(2, 1)
    marked = mark()
    os.environ.update(marked)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    workers.put((os.getpid(), *marked.values()))
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _stop(*_: Any) -> None:
    """End the worker, a program that its run has started first."""
    if _busy.is_set():
        raise _Stopped
    _leave(0)


def _leave(status: int) -> NoReturn:
    """End with all that the runs of this worker have started."""
    end_marked(own_mark())
    os._exit(status)


def _die_with(parent: Any) -> None:
    """Wait for the end of the parent; then stop as if asked to, programs of a run included."""
    parent.join()
    main = threading.main_thread().ident
    if sys.platform != "win32" and main is not None:
        signal.pthread_kill(main, signal.SIGTERM)
        sleep(_PATIENCE)
    _leave(1)
