"""From a plan to the fewest runs that answer it."""

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.campaign.analysis import Evidence, Goal, analyse
from dimgs.campaign.binding import Binding, bind
from dimgs.campaign.conclusion import conclude
from dimgs.campaign.design import FEWEST, design_of, directions
from dimgs.campaign.experiment import Experiment
from dimgs.campaign.journal import DecisionLog, changed_since
from dimgs.campaign.plan import Plan
from dimgs.campaign.progress import Listener, Progress, silent
from dimgs.campaign.proposals import STRAY, Proposal, explore, refine, survey, unmapped
from dimgs.campaign.result import CampaignResult
from dimgs.campaign.runner import Runner
from dimgs.campaign.text import of_tier
from dimgs.campaign.workers import place_of
from dimgs.errors import FitError, InputError, StoreError
from dimgs.hub import RunStore
from dimgs.kernels.record import RunRecord
from dimgs.kernels.registry import portable

Array = NDArray[np.float64]

STORE = "runs.sqlite"
# coarse runs are cheap, so that several are decided on for one fine run
_COARSE_BATCH = 4
# batches in a row that change no law: one may be so by chance
_STEADY = 2
# part of the runs of the coarsest tier that the map may take: the rest narrows the intervals
_MAP_SHARE = 0.5
# and of a single tier, whose runs of the map serve the intervals too
_MAP_SHARE_OF_ONE_TIER = 0.6
# pairs of equal runs: the noise is then known to about 30 %, 1/sqrt(2 n)
_REPLICATES = 6
# a batch that narrows all intervals together by less, in tolerances, is in vain
_WORTHLESS = 5e-3
# such batches in a row before the campaign ends
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
        As `resume`, and runs that failed or were refused are tried again, after their cause was
        removed: a missing program, a licence, a full disk.
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
        campaign.experiment.runner = Runner(
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
            f"{folder} holds the runs of a campaign already; continue it (--resume, "
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
        self.experiment = Experiment(binding, self.design, log)
        tolerance = binding.plan.tolerance
        self.goal = Goal(
            binding.space,
            self.design.region,
            binding.plan.level,
            tolerance.exponents,
            tolerance.prediction,
            binding.points,
        )
        self.phase = "survey"
        self.evidence: Evidence | None = None

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
        self.experiment.make(survey(self.design.survey, ", ".join(self.binding.plan.ranges)))
        if self.experiment.stochastic:
            self._replicate()
        evidence = self._map(self._analyse())
        evidence, outcome = self._refine(evidence)
        self.phase = "done"
        self._tell(outcome)
        return conclude(
            self.binding, self.goal, self.experiment, evidence, self.store, outcome, cut
        )

    def _replicate(self) -> None:
        """Some runs of a stochastic kernel again, with another seed: what no law explains."""
        z = self.experiment.points.z[self.experiment.points.done(0)[:_REPLICATES]]
        reason = "the same run with another seed, to know the scatter"
        self.experiment.make([Proposal(row, 0, "replicate", reason, replicate=1) for row in z])

    def _map(self, evidence: Evidence) -> Evidence:
        """Coarse runs until the regimes no longer change."""
        if self.goal.exponents is None and self._all_points_inside():
            return evidence
        self.phase = "map"
        left = self.experiment.left
        share = _MAP_SHARE_OF_ONE_TIER if len(left) == 1 else _MAP_SHARE
        least = int((1.0 - share) * self.experiment.most[0])
        steady = 0
        while steady < _STEADY and left[0] > least and not self.experiment.spent:
            n = min(_COARSE_BATCH * self._batch, left[0] - least)
            chosen = explore(self.goal, evidence, self.experiment.points, self.design.pool, n)
            if not chosen:
                break
            self.experiment.make(chosen)
            before, evidence = evidence, self._analyse()
            steady = steady + 1 if self._steady(before, evidence) else 0
        return evidence

    def _refine(self, evidence: Evidence) -> tuple[Evidence, str]:
        """Runs that narrow what is asked, until all is within its tolerance."""
        self.phase = "refine"
        experiment, tiers = self.experiment, self.binding.tiers
        batch = [self._batch * (1 if t is tiers[-1] else _COARSE_BATCH) for t in tiers]
        costs = [max(t.cost, 1e-12) for t in tiers]
        idle = 0
        while True:
            worst = evidence.worst(self.goal.level)
            lost = 0 if self.goal.exponents is None else unmapped(evidence)
            if worst <= 1.0 and lost:
                if self._look_further(evidence, batch[0]):
                    evidence = self._analyse()
                    continue
                reason = f"{lost} of {len(evidence.regimes.z)} runs follow none of the laws found"
                return evidence, self._stop("budget spent", reason)
            if worst <= 1.0:
                sure = min(a.confidence for a in evidence.answers)
                reason = f"everything asked is within its tolerance, with confidence {sure:.4f}"
                return evidence, self._stop("tolerance met", reason)
            if experiment.spent:
                return evidence, self._stop("budget spent", f"{experiment.seconds:.4g} s are spent")
            chosen = refine(
                self.goal,
                evidence,
                experiment.points,
                self.design.pool,
                costs,
                experiment.left,
                batch,
            )
            used = [t.name for t, n in zip(tiers, experiment.left.values(), strict=True) if n <= 0]
            if not chosen and used:
                reason = f"the {' and '.join(map(of_tier, used))}runs are used up"
                return evidence, self._stop("budget spent", reason)
            idle = idle + 1 if sum(p.gain for p in chosen) < _WORTHLESS else 0
            if not chosen or idle >= _PATIENCE:
                reason = "no run inside the ranges is expected to narrow an interval"
                return evidence, self._stop("no further run helps", reason)
            experiment.make(chosen)
            evidence = self._analyse()

    def _look_further(self, evidence: Evidence, n: int) -> bool:
        """Coarse runs where no law was found, while there are any; whether one was made."""
        experiment, asked = self.experiment, len(self.experiment.asked)
        n = 0 if experiment.spent else min(n, experiment.left[0])
        experiment.make(explore(self.goal, evidence, experiment.points, self.design.pool, n))
        return len(experiment.asked) > asked

    def _stop(self, outcome: str, reason: str) -> str:
        self.log.add("stop", f"{outcome}: {reason}", runs=len(self.experiment.asked))
        return outcome

    @property
    def _batch(self) -> int:
        return self.binding.plan.execution.batch

    def _steady(self, before: Evidence, now: Evidence) -> bool:
        """Whether the last runs changed no law and found no unexplained region."""
        laws, earlier = now.regimes.laws, before.regimes.laws
        if len(laws) != len(earlier) or now.regimes.unexplained.sum() > STRAY:
            return False
        room = 2.0 * (self.goal.exponents or 0.1)
        table = self.binding.space.exponent_map
        return all(
            min(float(np.abs(table @ (a.slope - b.slope)).max()) for b in earlier) <= room
            for a in laws
        )

    def _all_points_inside(self) -> bool:
        return bool(self.design.region.contains(self.goal.points).all())

    def _analyse(self) -> Evidence:
        points = self.experiment.points
        rank, done = points.rank, points.done(0)
        if len(done) < rank + FEWEST:
            raise FitError(
                f"{len(done)} of {len(self.experiment.asked)} runs gave an answer, too few for "
                f"{directions(rank)}.{self.experiment.why_lost()}"
            )
        known = () if self.evidence is None else self.evidence.regimes.laws
        evidence = analyse(self.goal, points, self.design.pool, self.experiment.noise, known)
        self.evidence = evidence
        worst = evidence.worst(self.goal.level)
        laws = len(evidence.regimes.laws)
        width = f"{worst:.3g} times its tolerance" if np.isfinite(worst) else "not known yet"
        self.log.add(
            "found",
            f"{laws} power law{'s' if laws > 1 else ''}; the widest interval is {width}",
            regimes=[[round(float(x), 4) for x in law.slope] for law in evidence.regimes.laws],
        )
        self._tell(self.log.entries[-1]["reason"])
        return evidence

    def heard(self, record: RunRecord, known: bool) -> None:
        """Report a run to the observer."""
        self._tell(f"{of_tier(record.tier)}run {'known' if known else 'made'}: {record.status}")

    def _tell(self, text: str) -> None:
        experiment, evidence = self.experiment, self.evidence
        names = [t.name for t in self.binding.tiers]
        most = dict(zip(names, experiment.most.values(), strict=True))
        left = dict(zip(names, experiment.left.values(), strict=True))
        self.progress(
            Progress(
                self.phase,
                {n: most[n] - left[n] for n in names},
                most,
                experiment.failed,
                0 if evidence is None else len(evidence.regimes.laws),
                np.inf if evidence is None else evidence.worst(self.goal.level),
                text,
            )
        )
