"""Where runs are executed: local processes, or any concurrent.futures executor."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from time import monotonic, sleep
from typing import Any, Protocol

from dimgs.campaign.worker import Task, make, start
from dimgs.errors import InputError
from dimgs.kernels.process import end_marked, ending
from dimgs.kernels.record import RunRecord

_PATIENCE = 5.0
_POLL = 0.02
_SAFE = "PYTHONSAFEPATH"
_LAST_RESORT = getattr(signal, "SIGKILL", signal.SIGTERM)


class Place(Protocol):
    """Somewhere to execute runs."""

    def submit(self, task: Task) -> "Future[RunRecord]":
        """Start a run."""

    def renew(self) -> bool:
        """Get rid of workers that hang or died; whether that was possible."""

    def close(self) -> None:
        """Let the workers go."""

    @property
    def death(self) -> str:
        """How a worker ended that was not asked to, after a colon; empty where none is known."""


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
        self.death = ""

    def submit(self, task: Task) -> "Future[RunRecord]":
        """Start a run."""
        own = os.environ.get(_SAFE)
        try:
            with _no_modules_of_the_folder(own):
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
        self.death = f": it {ending(own[0])}" if own else ""
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


def _code(process: BaseProcess, end: float) -> int:
    """How a process ended; the pool's own thread may be the one that asks the system first."""
    while process.exitcode is None and monotonic() < end:
        sleep(_POLL)
    return process.exitcode or 0


def _running(pids: set[int]) -> set[int]:
    """Those processes that are still there; asking buries the others."""
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

    def submit(self, task: Task) -> "Future[RunRecord]":
        """Start a run."""
        return self._executor.submit(make, task)

    def renew(self) -> bool:
        """Not possible: the workers are the caller's."""
        return False

    death = ""

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
            f"{type(executor).__name__} is no executor; give one of concurrent.futures, or "
            f"Client.get_executor() of Dask."
        )
    return Borrowed(executor)
