"""From a plan to the fewest runs that answer it."""

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.campaign.analysis import Question, State, analyse
from dimgs.campaign.binding import Binding, bind
from dimgs.campaign.conclusion import conclude
from dimgs.campaign.decisions import DecisionLog
from dimgs.campaign.design import FEWEST, design_of, directions
from dimgs.campaign.executors import place_of
from dimgs.campaign.kept import changed_since
from dimgs.campaign.kernel_reference import portable
from dimgs.campaign.making import Making
from dimgs.campaign.mapping import STRAY, explore, survey, unmapped
from dimgs.campaign.meaning import of_tier
from dimgs.campaign.plan import Plan
from dimgs.campaign.progress import Listener, Progress, silent
from dimgs.campaign.refine import Proposal, refine
from dimgs.campaign.result import CampaignResult
from dimgs.campaign.runner import Runner
from dimgs.errors import FitError, InputError, StoreError
from dimgs.hub import RunStore
from dimgs.kernels.record import RunRecord

Array = NDArray[np.float64]

STORE = "runs.sqlite"
_COARSE_BATCH = 4
_STEADY = 2
_MAP_SHARE = 0.5
_MAP_SHARE_OF_ONE_TIER = 0.6
_REPLICATES = 6
_WORTHLESS = 5e-3
_PATIENCE = 4


def run_campaign(
    plan: Plan,
    folder: str | os.PathLike[str] | None = None,
    *,
    resume: bool = False,
    retry: bool = False,
    executor: Any = None,
    progress: Listener = silent,
) -> CampaignResult:
    """Run a campaign until its tolerance is met or its budget is spent.

    Every decision depends on the plan and on the runs' answers alone: started again in the same
    folder, a campaign decides the same, finds its finished runs there and makes only the others.

    Parameters
    ----------
    plan : Plan
    folder : path, optional
        Keeps the runs (``runs.sqlite``), the decisions and the result (``result.json``, with the
        report of `discover` where the plan asks for it); a temporary one by default.
    resume : bool
        Whether the folder may hold runs already.
    retry : bool
        The same, and runs that failed or were refused are tried again, whatever ailed them being
        mended: a program that is there now, a licence, a disk.
    executor : concurrent.futures.Executor, optional
        Such as a thread pool or a Dask client's ``get_executor()``; local processes by default.
    progress : callable
        Told a :class:`~dimgs.campaign.progress.Progress` after every run and decision.

    Returns
    -------
    CampaignResult

    Raises
    ------
    InputError, DimensionError
        If the plan cannot be followed, or the folder holds runs and `resume` is false.
    FitError
        If too few runs give an answer.
    """
    binding = bind(plan)
    if executor is None:
        portable(plan.kernel)
    with ExitStack() as stack:
        if folder is None:
            home = Path(stack.enter_context(TemporaryDirectory()))
        else:
            home = _home(Path(folder), resume or retry)
        store = stack.enter_context(_opened(home / STORE))
        place = place_of(executor, plan.execution.workers)
        stack.callback(place.close)
        changed = changed_since(binding, home)
        if changed:
            binding = replace(binding, notes=(*binding.notes, changed))
        campaign = _Campaign(binding, store, DecisionLog(home), progress)
        campaign.started(changed)
        execution = plan.execution
        campaign.making.runner = Runner(
            store, place, execution.workers, execution.retries, campaign.heard, retry
        )
        result = campaign.run()
        return result if folder is None else _written(result, home)


def _written(result: CampaignResult, folder: Path) -> CampaignResult:
    """The result, in its folder too; where that fails, it says so."""
    try:
        result.write(folder)
    except (OSError, InputError) as error:
        why = getattr(error, "strerror", None) or str(error)
        told = f"The answer could not be written to {folder} ({why}); it is only returned."
        return replace(result, warnings=(*result.warnings, told))
    return result


def _home(folder: Path, resume: bool) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = (folder / STORE).exists()
    except OSError as error:
        why = "it is a file" if folder.is_file() else error.strerror
        raise InputError(
            f"'{folder}' cannot be a folder for runs ({why}); name another."
        ) from error
    if kept and not resume:
        raise InputError(
            f"{folder} holds the runs of a campaign already; go on with it (--resume, "
            f"resume=True) or name another folder."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"The folder '{folder}' cannot be written to; name another (--out).")
    return folder


def _opened(file: Path) -> RunStore:
    try:
        return RunStore(file)
    except StoreError as error:
        # its remedy is one for users of stores
        why = str(error).partition(";")[0]
        raise InputError(
            f"{why}; restore it from a copy, or start in another folder (--out)."
        ) from error


class _Campaign:
    """The loop: decide, run, analyse."""

    def __init__(
        self, binding: Binding, store: RunStore, log: DecisionLog, progress: Listener
    ) -> None:
        self.binding, self.store, self.log, self.progress = binding, store, log, progress
        self.design = design_of(binding)
        self.making = Making(binding, self.design, log)
        tolerance = binding.plan.tolerance
        self.question = Question(
            binding.space,
            self.design.region,
            binding.plan.level,
            tolerance.exponents,
            tolerance.prediction,
            binding.points,
        )
        self.phase = "survey"
        self.state: State | None = None

    def started(self, changed: str) -> None:
        """Note what the folder holds already, and how its plan has changed."""
        kept, cut = len(self.store), len(self.store.interrupted)
        if kept:
            self.log.add("start", f"{kept} runs are in the store, {cut} of them were interrupted")
        if changed:
            self.log.add("start", changed)
            self._tell(changed)

    def run(self) -> CampaignResult:
        """Decide, run and analyse until there is a reason to stop."""
        cut = len(self.store.interrupted)
        self.making.make(survey(self.design.survey, ", ".join(self.binding.plan.ranges)))
        if self.making.stochastic:
            self._replicate()
        state = self._map(self._analyse())
        state, outcome = self._refine(state)
        self.phase = "done"
        self._tell(outcome)
        return conclude(self.binding, self.question, self.making, state, self.store, outcome, cut)

    def _replicate(self) -> None:
        """Some runs of a stochastic kernel again, with another seed: what no law explains."""
        z = self.making.points.z[self.making.points.done(0)[:_REPLICATES]]
        reason = "the same run with another seed, to know the scatter"
        self.making.make([Proposal(row, 0, "replicate", reason, replicate=1) for row in z])

    def _map(self, state: State) -> State:
        """Coarse runs until the regimes no longer change."""
        if self.question.exponents is None and self._all_points_inside():
            return state
        self.phase = "map"
        left = self.making.left
        share = _MAP_SHARE_OF_ONE_TIER if len(left) == 1 else _MAP_SHARE
        least = int((1.0 - share) * self.making.most[0])
        steady = 0
        while steady < _STEADY and left[0] > least and not self.making.spent:
            n = min(_COARSE_BATCH * self._batch, left[0] - least)
            chosen = explore(self.question, state, self.making.points, self.design.pool, n)
            if not chosen:
                break
            self.making.make(chosen)
            before, state = state, self._analyse()
            steady = steady + 1 if self._steady(before, state) else 0
        return state

    def _refine(self, state: State) -> tuple[State, str]:
        """Runs that narrow what is asked, until all is within its tolerance."""
        self.phase = "refine"
        making, tiers = self.making, self.binding.tiers
        batch = [self._batch * (1 if t is tiers[-1] else _COARSE_BATCH) for t in tiers]
        costs = [max(t.cost, 1e-12) for t in tiers]
        idle = 0
        while True:
            worst = state.worst(self.question.level)
            lost = 0 if self.question.exponents is None else unmapped(state)
            if worst <= 1.0 and lost:
                if self._look_further(state, batch[0]):
                    state = self._analyse()
                    continue
                reason = f"{lost} of {len(state.regimes.z)} runs follow none of the laws found"
                return state, self._stop("budget spent", reason)
            if worst <= 1.0:
                sure = min(a.confidence for a in state.answers)
                reason = f"everything asked is within its tolerance, with confidence {sure:.4f}"
                return state, self._stop("tolerance met", reason)
            if making.spent:
                return state, self._stop("budget spent", f"{making.seconds:.4g} s are spent")
            chosen = refine(
                self.question, state, making.points, self.design.pool, costs, making.left, batch
            )
            used = [t.name for t, n in zip(tiers, making.left.values(), strict=True) if n <= 0]
            if not chosen and used:
                reason = f"the {' and '.join(map(of_tier, used))}runs are used up"
                return state, self._stop("budget spent", reason)
            idle = idle + 1 if sum(p.gain for p in chosen) < _WORTHLESS else 0
            if not chosen or idle >= _PATIENCE:
                reason = "no run inside the ranges is expected to narrow an interval"
                return state, self._stop("no further run helps", reason)
            making.make(chosen)
            state = self._analyse()

    def _look_further(self, state: State, n: int) -> bool:
        """Coarse runs where no law was found, while there are any; whether one was made."""
        making, asked = self.making, len(self.making.asked)
        n = 0 if making.spent else min(n, making.left[0])
        making.make(explore(self.question, state, making.points, self.design.pool, n))
        return len(making.asked) > asked

    def _stop(self, outcome: str, reason: str) -> str:
        self.log.add("stop", f"{outcome}: {reason}", runs=len(self.making.asked))
        return outcome

    @property
    def _batch(self) -> int:
        return self.binding.plan.execution.batch

    def _steady(self, before: State, now: State) -> bool:
        """Whether the last runs left the laws as they were and found no white spot."""
        laws, earlier = now.regimes.laws, before.regimes.laws
        if len(laws) != len(earlier) or now.regimes.unexplained.sum() > STRAY:
            return False
        room = 2.0 * (self.question.exponents or 0.1)
        table = self.binding.space.exponent_map
        return all(
            min(float(np.abs(table @ (a.slope - b.slope)).max()) for b in earlier) <= room
            for a in laws
        )

    def _all_points_inside(self) -> bool:
        return bool(self.design.region.contains(self.question.points).all())

    def _analyse(self) -> State:
        points = self.making.points
        rank, done = points.rank, points.done(0)
        if len(done) < rank + FEWEST:
            raise FitError(
                f"{len(done)} of {len(self.making.asked)} runs gave an answer, too few for "
                f"{directions(rank)}.{self.making.why_lost()}"
            )
        known = () if self.state is None else self.state.regimes.laws
        state = analyse(self.question, points, self.design.pool, self.making.noise, known)
        self.state = state
        worst = state.worst(self.question.level)
        laws = len(state.regimes.laws)
        width = f"{worst:.3g} times its tolerance" if np.isfinite(worst) else "not known yet"
        self.log.add(
            "found",
            f"{laws} power law{'s' if laws > 1 else ''}; the widest interval is {width}",
            regimes=[[round(float(x), 4) for x in law.slope] for law in state.regimes.laws],
        )
        self._tell(self.log.entries[-1]["reason"])
        return state

    def heard(self, record: RunRecord, known: bool) -> None:
        """Pass a run on to whoever watches."""
        self._tell(f"{of_tier(record.tier)}run {'known' if known else 'made'}: {record.status}")

    def _tell(self, text: str) -> None:
        making, state = self.making, self.state
        names = [t.name for t in self.binding.tiers]
        most = dict(zip(names, making.most.values(), strict=True))
        left = dict(zip(names, making.left.values(), strict=True))
        self.progress(
            Progress(
                self.phase,
                {n: most[n] - left[n] for n in names},
                most,
                making.failed,
                0 if state is None else len(state.regimes.laws),
                np.inf if state is None else state.worst(self.question.level),
                text,
            )
        )
