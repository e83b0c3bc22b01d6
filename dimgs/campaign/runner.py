"""A batch of runs: from the store where they are known, else made, retried and kept."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from time import monotonic
from typing import Any

from dimgs.campaign.workers import Place, RunTask
from dimgs.common.errors import FitError, InputError
from dimgs.hub import RunStore
from dimgs.kernels.record import Failure, RunRecord, Status

# seconds between looks for runs that are late
_POLL = 0.5
# a worker's own alarm comes first; this is for those that have none or do not hear it
_GRACE = 15.0
# one death may be chance; three in a row without an answer are the kernel's
_MOST_DEATHS = 3
# so many first runs that all failed are no chance: the kernel, its program or its settings are
_HOPELESS = 12


@dataclass
class Tally:
    """How the runs of a start came about.

    Attributes
    ----------
    made, known, retried : int
    """

    made: int = 0
    known: int = 0
    retried: int = 0


class Runner:
    """Makes runs and keeps them.

    Parameters
    ----------
    store : RunStore
    place : Place
    window : int
        Runs in flight at once.
    retries : int
        Further tries of a run that failed.
    on_done : callable
        Called with every record as it arrives.
    again : bool
        Whether runs that failed or were refused in an earlier start are tried again.
    """

    def __init__(
        self,
        store: RunStore,
        place: Place,
        window: int,
        retries: int,
        on_done: Callable[[RunRecord, bool], None],
        again: bool = False,
    ) -> None:
        self.store, self.place = store, place
        self.window, self.retries = window, retries
        self.on_done, self.again = on_done, again
        self.tally = Tally()
        self._alone: set[str] = set()
        self._claimed: set[str] = set()
        self._deaths = 0
        self._ended: Counter[Status] = Counter()

    def run(self, tasks: Sequence[RunTask]) -> list[RunRecord]:
        """Records of the runs, in order.

        Raises
        ------
        InputError
            If another living process is making one of them.
        FitError
            If worker after worker dies, or a dozen first runs fail and none ends otherwise.
        """
        records: dict[str, RunRecord] = {}
        waiting: list[RunTask] = []
        for task in tasks:
            known = self._known(task)
            if known is not None:
                self.tally.known += 1
                self._ended[known.status] += 1
                records[task.request.key] = known
                self.on_done(known, True)
            elif all(task.request.key != w.request.key for w in waiting):
                waiting.append(task)
        self._make(waiting, records)
        return [records[task.request.key] for task in tasks]

    def _known(self, task: RunTask) -> RunRecord | None:
        attempts = [
            a for a in self.store.attempts(task.request.key) if a.status is not Status.INTERRUPTED
        ]
        if not attempts:
            return None
        last = attempts[-1]
        unlucky = last.status in (Status.FAILED, Status.REFUSED)
        if self.again and unlucky and task.request.key not in self._claimed:
            return None
        again = last.status is Status.FAILED and len(attempts) <= self.retries
        return None if again else last

    def _make(self, waiting: list[RunTask], records: dict[str, RunRecord]) -> None:
        flying: dict[Future[RunRecord], tuple[RunTask, float]] = {}
        while waiting or flying:
            while waiting and self._may_start(waiting[0], flying):
                task = waiting.pop(0)
                if not self.store.claim(task.request, retry=True):
                    raise InputError(
                        f"The run {task.request.key[:12]}… is being made by another process; wait "
                        f"for it, or use another folder."
                    )
                self._claimed.add(task.request.key)
                flying[self.place.submit(task)] = (task, monotonic())
            done, _ = wait(flying, timeout=_POLL, return_when=FIRST_COMPLETED)
            ended = [_ended(flying.pop(future)[0], future) for future in done]
            if any(record is None for _, record in ended):
                # a dead worker takes the whole pool along, and nobody knows whose run it was
                self.place.renew()
                ended += [(task, None) for task, _ in flying.values()]
                flying.clear()
            ended += self._late(flying)
            for task, record in ended:
                self._end(task, record, waiting, records)

    def _may_start(self, task: RunTask, flying: dict[Any, tuple[RunTask, float]]) -> bool:
        alone = task.request.key in self._alone
        guarded = any(t.request.key in self._alone for t, _ in flying.values())
        return not flying if alone else len(flying) < self.window and not guarded

    def _late(
        self, flying: dict[Any, tuple[RunTask, float]]
    ) -> list[tuple[RunTask, RunRecord | None]]:
        now = monotonic()
        late = [
            (future, task)
            for future, (task, since) in flying.items()
            if task.timeout is not None and now - since > task.timeout + _GRACE
        ]
        out: list[tuple[RunTask, RunRecord | None]] = []
        for future, task in late:
            future.cancel()
            del flying[future]
            seconds = task.timeout or 0.0
            told = f"No answer came within {seconds:g} s."
            out.append((task, task.failed(told, seconds, Failure.TIME)))
        if late and self.place.renew():
            out += [(task, None) for task, _ in flying.values()]
            flying.clear()
        return out

    def _end(
        self,
        task: RunTask,
        record: RunRecord | None,
        waiting: list[RunTask],
        records: dict[str, RunRecord],
    ) -> None:
        key = task.request.key
        if record is None and key not in self._alone:
            self.store.release(key, self.place.death)
            self.tally.retried += 1
            self._alone.add(key)
            waiting.append(task)
            return
        died = record is None
        self._deaths = self._deaths + 1 if died else 0
        if self._deaths >= _MOST_DEATHS:
            raise FitError(
                f"{_MOST_DEATHS} runs in a row ended with their worker. {self.place.death}"
            )
        if record is None:
            record = task.failed(self.place.death, failure=Failure.DIED)
        self.store.finish(record)
        self.tally.made += 1
        self._hope(record)
        tries = [a for a in self.store.attempts(key) if a.status is not Status.INTERRUPTED]
        if record.status is Status.FAILED and not died and len(tries) <= self.retries:
            self.tally.retried += 1
            waiting.append(task)
            return
        self._keep(record, records)

    def _hope(self, record: RunRecord) -> None:
        self._ended[record.status] += 1
        failed = self._ended[Status.FAILED]
        if failed >= _HOPELESS and failed == self._ended.total():
            raise FitError(
                f"The first {failed} runs failed, and no other was made. The last reason: "
                f"{record.reason}"
            )

    def _keep(self, record: RunRecord, records: dict[str, RunRecord]) -> None:
        records[record.key] = record
        self.on_done(record, False)


def _ended(task: RunTask, future: "Future[RunRecord]") -> tuple[RunTask, RunRecord | None]:
    """A run and its record; None where its worker died."""
    try:
        return task, task.checked(future.result())
    except (CancelledError, Exception):
        # `make` raises nothing: what comes here is the executor's, such as BrokenProcessPool
        return task, None
