"""From a plan to the fewest runs that answer it."""

import os
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from dimgs.campaign.binding import Binding, bind
from dimgs.campaign.choice import d_optimal
from dimgs.campaign.conclusion import conclude, half_width
from dimgs.campaign.design import Design
from dimgs.campaign.experiment import Experiment
from dimgs.campaign.journal import DecisionLog, changed_since
from dimgs.campaign.laws import Law, Scatter
from dimgs.campaign.plan import Plan
from dimgs.campaign.progress import Listener, Progress, silent
from dimgs.campaign.result import CampaignResult
from dimgs.campaign.runner import Runner
from dimgs.campaign.seen import Proposal
from dimgs.campaign.space import Sites
from dimgs.campaign.strategy import Strategy
from dimgs.campaign.text import of_tier
from dimgs.campaign.workers import place_of
from dimgs.errors import FitError, InputError, StoreError
from dimgs.hub import RunStore
from dimgs.kernels.record import RunRecord
from dimgs.kernels.registry import portable

STORE = "runs.sqlite"
# of the cost of a fine run: a dearer coarse one cannot pay, since a law takes about as many of each
_DEAR = 0.2
# rounds of questions without a new run before a campaign ends
_IDLE = 3
# repeated runs at a named point before their scatter is believed
_REPEATS = 6


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
    """The loop: ask, run, look."""

    def __init__(
        self, binding: Binding, store: RunStore, log: DecisionLog, progress: Listener
    ) -> None:
        self.binding, self.store, self.log, self.progress = binding, store, log, progress
        self.design = Design.of(binding)
        self.experiment = Experiment(binding, self.design, log)
        self.phase = "start"
        self.strategy: Strategy | None = None
        self.notes: list[str] = []

    def started(self, changed: str) -> None:
        """Note what the folder holds already, and how its plan has changed."""
        kept, cut = len(self.store), len(self.store.interrupted)
        if kept:
            self.log.add("start", f"{kept} runs are in the store, {cut} of them were interrupted")
        if changed:
            self.log.add("start", changed)
            self._tell(changed)

    def run(self) -> CampaignResult:
        """Ask, run and look until there is a reason to stop."""
        cut = len(self.store.interrupted)
        tiers = self._worthwhile()
        last = len(self.binding.tiers) - 1
        strategy, ends = self._solved(tiers[0], ())
        for before, tier in pairwise(tiers):
            if not ends:
                ends = self._corrected(strategy, before, tier)
            if ends and "used up" not in ends and "spent" not in ends:
                self._note(f"the tier '{self.binding.tiers[before].name}' is left aside: {ends}")
                strategy, ends = self._solved(last, strategy.known)
                break
        outcome, reason = self._judged(strategy, ends)
        self.log.add("stop", f"{outcome}: {reason}", runs=len(self.experiment.asked))
        self.phase = "done"
        self._tell(outcome)
        binding = replace(self.binding, notes=(*self.binding.notes, *self.notes))
        return conclude(binding, strategy, self.experiment, self.store, outcome, cut)

    def _worthwhile(self) -> list[int]:
        """Tiers that are cheap enough to be asked first; the finest alone for points."""
        tiers = self.binding.tiers
        last = len(tiers) - 1
        if self.binding.plan.tolerance.exponents is None:
            return [last]
        chosen = []
        for t, tier in enumerate(tiers[:-1]):
            if tier.cost <= _DEAR * tiers[-1].cost:
                chosen.append(t)
            else:
                self._note(
                    f"the tier '{tier.name}' is not run: it costs {tier.cost / tiers[-1].cost:.0%} "
                    f"of '{tiers[-1].name}', and would not save as much"
                )
        return [*chosen, last]

    def _note(self, text: str) -> None:
        self.notes.append(f"{text[0].upper()}{text[1:]}.")
        self.log.add("tier", text)

    def _solved(self, tier: int, known: tuple[Law, ...]) -> tuple[Strategy, str]:
        """Runs of one tier until its questions are answered; why not, where they are not."""
        strategy = Strategy(self.binding, self.design, self.experiment.runs, tier)
        self.strategy, strategy.known = strategy, known or strategy.known
        self.phase, idle, told = "ask", 0, False
        asked = self.binding.plan.tolerance.exponents is not None
        while asked:
            chosen = strategy.next()
            if not chosen:
                break
            if self.experiment.spent:
                return strategy, f"{self.experiment.seconds:.4g} s are spent"
            if self.experiment.left[tier] <= 0:
                return strategy, f"the {of_tier(self.binding.tiers[tier].name)}runs are used up"
            before = len(self.experiment.asked)
            self.experiment.make(chosen)
            idle = idle + 1 if len(self.experiment.asked) == before else 0
            if idle >= _IDLE:
                break
            strategy.look()
            self._found(strategy)
            if strategy.model.scatter.sigma and not told and strategy.clear:
                told = True
                self._foreseen(strategy, tier)
        if not len(strategy.model.sites) and asked:
            raise FitError(
                f"None of {len(self.experiment.asked)} runs gave an answer."
                f"{self.experiment.why_lost()}"
            )
        if asked and not strategy.clear:
            return strategy, f"{len(strategy.model.orphans)} runs follow no law that was found"
        return strategy, ""

    def _foreseen(self, strategy: Strategy, tier: int) -> None:
        """Say early what the noise and the budget allow."""
        sigma = strategy.model.scatter.sigma
        needed, left = strategy.needed(), self.experiment.most[tier]
        text = f"runs scatter by {sigma:.2g}; one law takes about {needed} runs for the tolerance"
        if needed > left:
            reached = strategy.tolerance * (needed / left) ** 0.5
            text += f", and the {left} runs of the budget allow about {reached:.2g}"
            self.notes.append(f"{text[0].upper()}{text[1:]}.")
        self.log.add("expect", text)
        self._tell(text)

    def _corrected(self, strategy: Strategy, before: int, tier: int) -> str:
        """Test a coarse tier against the next, and correct its laws; why not, where it fails."""
        runs, model = self.experiment.runs, strategy.model
        if not strategy.clear or strategy.worst > 1.0:
            return "its runs follow no laws to the tolerance"
        sites, rank = model.sites, self.binding.space.rank
        followed = [law.rows for law in model.laws]
        every = np.concatenate(followed)
        chosen = [*d_optimal(np.zeros((0, rank)), sites.z[every], rank + 1)]
        name = self.binding.tiers[before].name
        reasons = [f"D-optimal for the difference to '{name}'"] * len(chosen)
        for rows in followed:
            deep = sites.z[rows[np.argmin(np.linalg.norm(sites.z[rows], axis=1))]]
            chosen.append(deep)
            reasons.append(f"one law of '{name}' is tested here")
        for b in model.borders:
            along = b.along(sites.z)
            here = np.flatnonzero(model.between(b, sites.z))
            ends = (0.0,) if b.meets else (b.low, b.high)
            for end in ends:
                if len(here):
                    chosen.append(sites.z[here[np.argmin(np.abs(along[here] - end))]])
                    reasons.append(f"a border of '{name}' is tested here")
        made = [Proposal(z, tier, "tier", r) for z, r in zip(chosen, reasons, strict=True)]
        asked = len(self.experiment.asked)
        self.experiment.make(made)
        fresh = len({tuple(np.round(z, 9)) for z in chosen})
        if len(self.experiment.asked) - asked < fresh and self.experiment.left[tier] <= 0:
            return f"the {of_tier(self.binding.tiers[tier].name)}runs are used up"
        fine = runs.sites(tier)
        coarse = dict(zip(sites.numbers.tolist(), sites.y, strict=True))
        both = [i for i, n in enumerate(fine.numbers.tolist()) if n in coarse]
        apart = fine.y[both] - np.array([coarse[n] for n in fine.numbers[both].tolist()])
        pairs = Sites(fine.z[both], apart, np.ones(len(both)), fine.numbers[both])
        scatter = Scatter(model.scatter.resolution, model.scatter.sigma * 2.0**0.5, 6)
        difference = Law.fit(pairs, np.arange(len(both)), scatter)
        miss = float(np.abs(apart - difference(pairs.z)).max(initial=0.0))
        finest = self.binding.tiers[tier].name
        if miss > scatter.limits(pairs.count).min(initial=scatter.resolution):
            return f"'{finest}' is not '{name}' times a monomial, which misses by {miss:.2g}"
        laws = tuple(law.corrected(difference) for law in model.laws)
        strategy.model = replace(model, laws=laws)
        self.log.add("tier", f"'{finest}' is '{name}' times a monomial, to {miss:.2g}")
        if strategy.worst > 1.0:
            return "the difference between the tiers is not known to the tolerance"
        return ""

    def _points(self) -> bool:
        """Runs at the named points, again where they scatter; whether all are known."""
        tier = len(self.binding.tiers) - 1
        if not len(self.binding.points):
            return True
        self.phase = "points"
        reason = "a named point"
        runs, plan = self.experiment.runs, self.binding.plan
        self.experiment.make([Proposal(z, tier, "point", reason) for z in self.binding.points])
        again, first = "the same run again: is there noise?", self.binding.points[0]
        if runs.scatter(tier)[1] == 0:
            number = runs.count(first, tier)
            self.experiment.make([Proposal(first, tier, "replicate", again, replicate=number)])
        assert plan.tolerance.prediction is not None
        room = float(np.log1p(plan.tolerance.prediction))
        for _ in range(plan.budget.runs):
            wide = [
                z
                for z in self.binding.points
                if half_width(runs, z, tier, plan.level, _REPEATS) > room
            ]
            if not wide or self.experiment.left[tier] <= 0 or self.experiment.spent:
                return not wide
            asked = len(self.experiment.asked)
            self.experiment.make(
                [Proposal(z, tier, "replicate", reason, runs.count(z, tier)) for z in wide]
            )
            if len(self.experiment.asked) == asked:
                return False
        return False

    def _judged(self, strategy: Strategy, ends: str) -> tuple[str, str]:
        """Outcome, and why."""
        known = self._points()
        tier = len(self.binding.tiers) - 1
        asked = self.binding.plan.tolerance.exponents is not None
        spent = self.experiment.spent or self.experiment.left[tier] <= 0 or "used up" in ends
        if not known or (asked and (ends or not strategy.clear or strategy.worst > 1.0)):
            why = ends or "an interval is wider than its tolerance"
            return ("budget spent" if spent else "no further run helps"), why
        return "tolerance met", "predictions held, and everything asked is within its tolerance"

    def _found(self, strategy: Strategy) -> None:
        laws, orphans = len(strategy.model.laws), len(strategy.model.orphans)
        worst = strategy.worst
        width = f"{worst:.3g} times its tolerance" if np.isfinite(worst) else "not known yet"
        stray = f", {orphans} runs follow none" if orphans else ""
        self.log.add(
            "found",
            f"{laws} power law{'' if laws == 1 else 's'}{stray}; the widest interval is {width}",
            regimes=[[round(float(x), 4) for x in law.slope] for law in strategy.model.laws],
        )
        self._tell(self.log.entries[-1]["reason"])

    def heard(self, record: RunRecord, known: bool) -> None:
        """Report a run to the observer."""
        self._tell(f"{of_tier(record.tier)}run {'known' if known else 'made'}: {record.status}")

    def _tell(self, text: str) -> None:
        experiment, strategy = self.experiment, self.strategy
        names = [t.name for t in self.binding.tiers]
        most = dict(zip(names, experiment.most.values(), strict=True))
        left = dict(zip(names, experiment.left.values(), strict=True))
        self.progress(
            Progress(
                self.phase,
                {n: most[n] - left[n] for n in names},
                most,
                experiment.failed,
                0 if strategy is None else len(strategy.model.laws),
                np.inf if strategy is None else strategy.worst,
                text,
            )
        )
