"""Where runs are executed, and what happens there: one run, which ends in time, as a record."""

import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from time import monotonic, sleep
from types import ModuleType
from typing import Any, NoReturn

from dimgs.common.errors import InputError
from dimgs.kernels import process
from dimgs.kernels.base import BaseKernel, Kernel, holds_inputs
from dimgs.kernels.function import PackedKernel, portable
from dimgs.kernels.record import Failure, RunRecord, RunRequest, printable, with_kind
from dimgs.kernels.registry import load_kernel

CHANGED = (
    "The kernel's program, or a file that it names, is not the one that this run was planned with: "
    "it was edited meanwhile, or the worker has another. Files that the program writes must be "
    "named relative to its own folder, or listed in `writes`; then resume the campaign."
)
# what the alarm of every system can count to: thirty years
_LONGEST = 1e9
# seconds between asking a worker to stop and ending it: its run ends its own programs meanwhile
_PATIENCE = 5.0


@dataclass(frozen=True)
class RunTask:
    """A run to make, as it is sent to a worker.

    Attributes
    ----------
    kernel : str, Kernel or PackedKernel
        As in a plan. To another process it goes packed, and is unpacked there as a part of the
        run: if that fails, the run fails, and not the worker.
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

    def __reduce__(self) -> tuple[Any, ...]:
        return RunTask, (portable(self.kernel), self.request, dict(self.values), self.timeout)

    def checked(self, record: Any, kernel: Kernel) -> RunRecord:
        """A record that can be sent back and kept, under the key that was asked for.

        One of a failure where it is no record of this run, or not of the program of the plan.
        """
        asked = self.request
        if (
            not isinstance(record, RunRecord)
            or (record.kernel, record.tier) != (asked.kernel, asked.tier)
            or (record.ok and not holds_inputs(record.inputs, asked.inputs))
        ):
            why = f"{record!r:.60} came back where the RunRecord of this run is needed."
            return asked.failed(why, Failure.RECORD)
        if record.ok and record.key != asked.key and isinstance(kernel, BaseKernel):
            return asked.failed(CHANGED, Failure.CHANGED, record.wall_seconds)
        kept: RunRecord = replace(record, key=asked.key, reason=printable(record.reason))
        pickle.dumps(kept)
        return kept


class _OutOfTime(BaseException):
    """Raised inside a run by its alarm; no kernel may take it for an error of its own."""


class _Stopped(BaseException):
    """Raised inside a run when the worker has to go, so that the run cleans up after itself."""


_busy = threading.Event()


def make(task: RunTask) -> RunRecord:
    """Make a run; whatever happens, a record comes back."""
    _busy.set()
    try:
        return _made(task)
    except _Stopped:
        _leave(1)
    finally:
        _busy.clear()


def _made(task: RunTask) -> RunRecord:
    seconds = task.timeout or 0.0
    try:
        kernel = load_kernel(task.kernel)
        with _alarm(task.timeout):
            record = kernel.run(task.values, task.request.tier, task.request.seed)
        return task.checked(record, kernel)
    except _OutOfTime:
        why = f"It took longer than {seconds:g} s and was stopped."
        return task.request.failed(why, Failure.TIME, seconds)
    except BaseException as error:
        # Ctrl-C can be meant for us in the leading thread; elsewhere it is the kernel's
        leading = threading.current_thread() is threading.main_thread() and not parent_process()
        if isinstance(error, _Stopped) or (leading and isinstance(error, KeyboardInterrupt)):
            raise
        failure = Failure.MEMORY if isinstance(error, MemoryError) else Failure.KERNEL
        return task.request.failed(with_kind(error), failure)


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


def start(mark: Mapping[str, str], safe_path: str | None) -> None:
    """Start of a local worker: mark what its runs start, leave Ctrl-C to the parent, end with it.

    Parameters
    ----------
    mark : mapping of str to str
        Variable of the environment by which that is found.
    safe_path : str, optional
        What PYTHONSAFEPATH is for the programs that a run starts.
    """
    _set_safe_path(safe_path)
    # standard output belongs to the answer of the parent, which may be one JSON document
    with suppress(OSError):
        os.dup2(2, 1)
    os.environ.update(mark)
    # what leaves its session and its environment stays below this process
    process.control_process(child_subreaper=1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _stop(*_: Any) -> None:
    """End the worker, a program that its run has started first."""
    if _busy.is_set():
        raise _Stopped
    _leave(0)


def _leave(status: int) -> NoReturn:
    """End everything that the runs of this worker have started."""
    process.end_descendants()
    process.end_marked(process.current_mark())
    os._exit(status)


def _die_with(parent: Any) -> None:
    """Wait for the end of the parent; then stop as if asked to, programs of a run included."""
    parent.join()
    main = threading.main_thread().ident
    if sys.platform != "win32" and main is not None:
        signal.pthread_kill(main, signal.SIGTERM)
        sleep(_PATIENCE)
    _leave(1)


_DEATH = "The worker process {} before the run did."
# seconds between looks whether a worker has ended
_POLL = 0.02
_SAFE = "PYTHONSAFEPATH"


def _set_safe_path(value: str | None) -> None:
    """Have interpreters that start take modules from their folder, or not."""
    os.environ.pop(_SAFE, None)
    if value is not None:
        os.environ[_SAFE] = value


class Place:
    """Where runs are executed: an executor of the caller, which is never shut down here.

    Parameters
    ----------
    executor : concurrent.futures.Executor
        Such as a thread pool or a Dask client's.

    Attributes
    ----------
    death : str
        How the worker ended that ended last, in a sentence.
    """

    death = (
        "The worker process of the executor ended before the run did; a script that starts an "
        "executor of processes needs `if __name__ == '__main__':`."
    )

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, task: RunTask) -> "Future[RunRecord]":
        """Start a run."""
        return self._executor.submit(make, task)

    def close(self) -> bool:
        """Stop every worker; new ones start with the next run. False where that is not possible."""
        return False


class LocalProcesses(Place):
    """Local processes, which can be stopped and which end with their parent.

    Parameters
    ----------
    workers : int
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._mark = process.mark()
        self.death = _DEATH.format("ended")

    def submit(self, task: RunTask) -> "Future[RunRecord]":
        """Start a run."""
        packed = portable(task.kernel)
        main = isinstance(packed, PackedKernel) and packed.needs_main
        try:
            with _apart(main) as safe_path:
                if self._pool is None:
                    self._pool = ProcessPoolExecutor(
                        self._workers, get_context("spawn"), start, (self._mark, safe_path)
                    )
                return self._pool.submit(make, replace(task, kernel=packed))
        except BrokenProcessPool:
            self.close()
            return self.submit(task)

    def close(self) -> bool:
        """Stop every worker, runs in flight included; new ones start with the next run."""
        pool, self._pool = self._pool, None
        if pool is None:
            return True
        workers = [*(pool._processes or {}).values()]
        for worker in workers:
            worker.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        end = monotonic() + _PATIENCE
        # the pool's thread may be the one that asks the system first how a worker ended
        while None in (codes := [w.exitcode for w in workers]) and monotonic() < end:
            sleep(_POLL)
        for worker in workers:
            # a run inside compiled code hears nothing else
            worker.kill()
        signals = [c for c in codes if c is not None and c < 0 and c != -signal.SIGTERM]
        self.death = _DEATH.format(process.ending(signals[0]) if signals else "ended")
        # and a worker that was killed left behind what its run had started
        process.end_marked(*self._mark.values())
        return True


@contextmanager
def _apart(needs_main: bool) -> Iterator[str | None]:
    """Interpreters that start meanwhile take no module from the folder that they start in.

    They get the parent's search path as soon as they run; `start` restores the variable, which is
    given here as it was. Unless they need the main script, they do not execute it again: it needs
    no `if __name__ == "__main__":` then, and a notebook or standard input, which is no file that
    could be executed, can start workers too.
    """
    safe_path, main = os.environ.get(_SAFE), sys.modules["__main__"]
    _set_safe_path("1")
    if not needs_main:
        sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield safe_path
    finally:
        sys.modules["__main__"] = main
        _set_safe_path(safe_path)


def place_of(executor: Any, workers: int) -> Place:
    """Place for an executor; local processes for None.

    Raises
    ------
    InputError
        If it has no ``submit``.
    """
    if executor is None:
        return LocalProcesses(workers)
    if callable(getattr(executor, "submit", None)):
        return Place(executor)
    remedy = "give one of concurrent.futures, or Client.get_executor() of Dask"
    raise InputError(f"{type(executor).__name__} is not an executor; {remedy}.")
