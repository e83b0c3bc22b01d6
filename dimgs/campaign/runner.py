"""A batch of runs: from the store where they are known, else made, retried and kept."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from time import monotonic

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


@dataclass(eq=False)
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

    Attributes
    ----------
    tally : Counter
        How the runs of this start came about: ``made``, ``known``, ``retried``.
    """

    store: RunStore
    place: Place
    window: int
    retries: int
    on_done: Callable[[RunRecord, bool], None]
    again: bool = False

    def __post_init__(self) -> None:
        self.tally = Counter(made=0, known=0, retried=0)
        self._ended: Counter[Status] = Counter()
        self._alone: set[str] = set()
        self._claimed: set[str] = set()
        self._deaths = 0

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
        waiting: dict[str, RunTask] = {}
        for task in tasks:
            known = self._known(task.request.key)
            if known is None:
                waiting.setdefault(task.request.key, task)
                continue
            self.tally["known"] += 1
            self._ended[known.status] += 1
            records[known.key] = known
            self.on_done(known, True)
        self._make([*waiting.values()], records)
        return [records[task.request.key] for task in tasks]

    def _attempts(self, key: str) -> list[RunRecord]:
        """Attempts at a run that were not interrupted."""
        return [a for a in self.store.attempts(key) if a.status is not Status.INTERRUPTED]

    def _known(self, key: str) -> RunRecord | None:
        """Record of a run that is not to be made again."""
        attempts = self._attempts(key)
        status = attempts[-1].status if attempts else Status.FAILED
        again = status is Status.FAILED and len(attempts) <= self.retries
        if self.again and key not in self._claimed:
            again = again or status in (Status.FAILED, Status.REFUSED)
        return None if again or not attempts else attempts[-1]

    def _make(self, waiting: list[RunTask], records: dict[str, RunRecord]) -> None:
        flying: dict[Future[RunRecord], tuple[RunTask, float]] = {}
        while waiting or flying:
            while waiting and self._may_start(waiting[0], [task for task, _ in flying.values()]):
                task = waiting.pop(0)
                if not self.store.claim(task.request, retry=True):
                    raise InputError(
                        f"The run {task.request.key[:12]}… is being made by another process; wait "
                        f"for it, or use another folder."
                    )
                self._claimed.add(task.request.key)
                flying[self.place.submit(task)] = (task, monotonic())
            done, _ = wait(flying, timeout=_POLL, return_when=FIRST_COMPLETED)
            ended: list[tuple[RunTask, RunRecord | None]] = []
            late = False
            for future, (task, since) in [*flying.items()]:
                if future in done:
                    ended.append((task, _answer(future)))
                elif task.timeout is not None and monotonic() - since > task.timeout + _GRACE:
                    late = True
                    future.cancel()
                    why = f"No answer came within {task.timeout:g} s."
                    ended.append((task, task.failed(why, task.timeout, Failure.TIME)))
                else:
                    continue
                del flying[future]
            broken = any(record is None for _, record in ended)
            if (broken or late) and (self.place.close() or broken):
                # a dead worker takes the whole pool along, and nobody knows whose run it was
                ended += [(task, None) for task, _ in flying.values()]
                flying.clear()
            for task, record in ended:
                kept = self._end(task, record)
                if kept is None:
                    self.tally["retried"] += 1
                    waiting.append(task)
                else:
                    records[kept.key] = kept
                    self.on_done(kept, False)

    def _may_start(self, task: RunTask, flying: Sequence[RunTask]) -> bool:
        """Whether a run may start beside others; one whose worker died is made alone."""
        if task.request.key in self._alone:
            return not flying
        alone = any(other.request.key in self._alone for other in flying)
        return len(flying) < self.window and not alone

    def _end(self, task: RunTask, record: RunRecord | None) -> RunRecord | None:
        """Keep what came of a run; None where it is to be tried again."""
        key = task.request.key
        if record is None and key not in self._alone:
            self.store.release(key, self.place.death)
            self._alone.add(key)
            return None
        self._deaths = self._deaths + 1 if record is None else 0
        if self._deaths >= _MOST_DEATHS:
            raise FitError(
                f"{_MOST_DEATHS} runs in a row ended with their worker. {self.place.death}"
            )
        record = record or task.failed(self.place.death, failure=Failure.DIED)
        self.store.finish(record)
        self.tally["made"] += 1
        self._ended[record.status] += 1
        failed = self._ended[Status.FAILED]
        if failed >= _HOPELESS and failed == self._ended.total():
            raise FitError(
                f"The first {failed} runs failed, and no other was made. The last reason: "
                f"{record.reason}"
            )
        again = record.status is Status.FAILED and len(self._attempts(key)) <= self.retries
        return None if again and not self._deaths else record


def _answer(future: "Future[RunRecord]") -> RunRecord | None:
    """What came of a run; None where its worker died."""
    try:
        return future.result()
    except (CancelledError, Exception):
        # `make` raises nothing: what comes here is the executor's, such as BrokenProcessPool
        return None
