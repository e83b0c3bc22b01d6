"""Where runs are executed, and what happens there: one run, which ends in time, as a record."""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from time import monotonic, sleep
from types import ModuleType
from typing import Any, NoReturn, Protocol

from dimgs.common.errors import InputError
from dimgs.kernels.base import BaseKernel
from dimgs.kernels.conversion import holds_inputs
from dimgs.kernels.portable import PackedKernel, portable
from dimgs.kernels.process import (  # fmt: skip
    control_process,
    end_descendants,
    end_marked,
    ending,
    mark,
    own_mark,
)
from dimgs.kernels.record import Failure, RunRecord, RunRequest, Status, printable, with_kind
from dimgs.kernels.registry import load_kernel
from dimgs.kernels.spec import Kernel

CHANGED = (
    "The kernel's program, or a file that it names, is not the one that this run was planned with: "
    "it was edited meanwhile, or the worker has another. Files that the program writes must be "
    "named relative to its own folder, or listed in `writes`; then resume the campaign."
)
_DEATH = "The worker process {ended} before the run did."
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

    def failed(
        self, reason: str, seconds: float = 0.0, failure: Failure = Failure.KERNEL
    ) -> RunRecord:
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
            provenance={"failure": failure},
        )

    def checked(self, record: Any) -> RunRecord:
        """A record that came back, if it is of this run; else one of a failure that says so."""
        asked = self.request
        if (
            isinstance(record, RunRecord)
            and (record.key, record.kernel, record.tier) == (asked.key, asked.kernel, asked.tier)
            and (not record.ok or holds_inputs(record.inputs, asked.inputs))
        ):
            return record
        told = f"What came back is no record of the run of '{asked.kernel}' that was asked for."
        return self.failed(told, failure=Failure.RECORD)


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
        return _kept(record, task, kernel)
    except _OutOfTime:
        told = f"It took longer than {seconds:g} s and was stopped."
        return task.failed(told, seconds, Failure.TIME)
    except _Stopped:
        raise
    except KeyboardInterrupt as error:
        # where Ctrl-C can be meant for us; in workers and threads it is the kernel's own
        if parent_process() is None and threading.current_thread() is threading.main_thread():
            raise
        return task.failed(with_kind(error))
    except MemoryError as error:
        return task.failed(with_kind(error), failure=Failure.MEMORY)
    except BaseException as error:
        return task.failed(with_kind(error))


def _kept(record: Any, task: RunTask, kernel: Kernel) -> RunRecord:
    """A record that can be sent back and kept, under the key that was asked for."""
    if not isinstance(record, RunRecord):
        what = type(record).__name__
        return task.failed(f"The kernel gave {what} where a RunRecord is needed; correct its run.")
    if record.ok and record.key != task.request.key and isinstance(kernel, BaseKernel):
        return task.failed(CHANGED, record.wall_seconds, Failure.CHANGED)
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
    """Start of a local worker: report its identity, leave Ctrl-C to the parent, end with it.

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
    # what leaves its session and its environment stays below this process
    control_process(child_subreaper=1)
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
    """End everything that the runs of this worker have started."""
    end_descendants()
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


# seconds between looks whether a worker has ended
_POLL = 0.02
_SAFE = "PYTHONSAFEPATH"
_LAST_RESORT = getattr(signal, "SIGKILL", signal.SIGTERM)


class Place(Protocol):
    """A place where runs are executed."""

    def submit(self, task: RunTask) -> "Future[RunRecord]":
        """Start a run."""

    def renew(self) -> bool:
        """Replace workers that hang or have died; False where that is not possible."""

    def close(self) -> None:
        """Let the workers go."""

    @property
    def death(self) -> str:
        """How the worker ended that ended last, in a sentence."""


class LocalProcesses:
    """Local processes, which can be stopped and which end with their parent.

    Parameters
    ----------
    workers : int
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._context = multiprocessing.get_context("spawn")
        self._pool: ProcessPoolExecutor | None = None
        self._started: Any = None
        self._processes: dict[int, BaseProcess] = {}
        self.death = _DEATH.format(ended="ended")

    def submit(self, task: RunTask) -> "Future[RunRecord]":
        """Start a run."""
        own = os.environ.get(_SAFE)
        packed = portable(task.kernel)
        task = replace(task, kernel=packed)
        main = isinstance(packed, PackedKernel) and packed.needs_main
        try:
            with _no_modules_of_the_folder(own), nullcontext() if main else _no_main_script():
                if self._pool is None:
                    self._started = self._context.SimpleQueue()
                    self._pool = ProcessPoolExecutor(
                        self._workers,
                        self._context,
                        initializer=start,
                        initargs=(self._started, own),
                    )
                future = self._pool.submit(make, task)
            self._processes = {p.pid or 0: p for p in multiprocessing.active_children()}
            return future
        except BrokenProcessPool:
            self.renew()
            return self.submit(task)

    def renew(self) -> bool:
        """Stop every worker; new ones start with the next run."""
        self.close()
        return True

    def close(self) -> None:
        """Stop every worker, runs in flight included."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        marks: dict[int, str] = {}
        while not self._started.empty():
            marks |= [self._started.get()]
        self._started.close()
        pids = set(marks)
        _signal(pids, signal.SIGTERM)
        pool.shutdown(wait=False, cancel_futures=True)
        end = monotonic() + _PATIENCE
        while (left := _running(pids)) and monotonic() < end:
            sleep(_POLL)
        # a run inside compiled code hears nothing else
        _signal(left, _LAST_RESORT)
        codes = [_code(p, end) for pid, p in self._processes.items() if pid in pids - left]
        own = [c for c in codes if c < 0 and c != -signal.SIGTERM]
        self.death = _DEATH.format(ended=ending(own[0]) if own else "ended")
        # and a worker that was killed left behind what its run had started
        for value in marks.values():
            end_marked(value)


@contextmanager
def _no_modules_of_the_folder(own: str | None) -> Iterator[None]:
    """Interpreters that start meanwhile take no module from the folder that they start in.

    They get the parent's own search path as soon as they run; `start` restores the variable.
    """
    os.environ[_SAFE] = "1"
    try:
        yield
    finally:
        del os.environ[_SAFE]
        if own is not None:
            os.environ[_SAFE] = own


@contextmanager
def _no_main_script() -> Iterator[None]:
    """Interpreters that start meanwhile do not execute the main script again.

    A script needs no `if __name__ == "__main__":` then, and a notebook or standard input, which is
    no file that could be executed, can start workers too.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _code(process: BaseProcess, end: float) -> int:
    """How a process ended; the pool's own thread may be the one that asks the system first."""
    while process.exitcode is None and monotonic() < end:
        sleep(_POLL)
    return process.exitcode or 0


def _running(pids: set[int]) -> set[int]:
    """Those processes that are still there; asking reaps the others."""
    return {p.pid for p in multiprocessing.active_children() if p.pid is not None} & pids


def _signal(pids: set[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


class Borrowed:
    """An executor of the caller, such as a thread pool or a Dask client's; never shut down here.

    Parameters
    ----------
    executor : concurrent.futures.Executor
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, task: RunTask) -> "Future[RunRecord]":
        """Start a run."""
        return self._executor.submit(make, task)

    def renew(self) -> bool:
        """Not possible: the workers are the caller's."""
        return False

    death = (
        "The worker process of the executor ended before the run did; a script that starts an "
        "executor of processes needs `if __name__ == '__main__':`."
    )

    def close(self) -> None:
        """Leave the executor to its owner."""


def place_of(executor: Any, workers: int) -> Place:
    """Place for an executor; local processes for None.

    Raises
    ------
    InputError
        If it has no ``submit``.
    """
    if executor is None:
        return LocalProcesses(workers)
    if not callable(getattr(executor, "submit", None)):
        raise InputError(
            f"{type(executor).__name__} is not an executor; give one of concurrent.futures, or "
            f"Client.get_executor() of Dask."
        )
    return Borrowed(executor)
