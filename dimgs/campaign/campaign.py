"""The loop of a campaign: ask, run, look, until there is a reason to stop."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from dimgs.campaign.answers import Analysis, conclude, half_width, joined, judged_law, law_of_all
from dimgs.campaign.evidence import FEWEST, FREEDOM, USEFUL, Proposal, Surrogate, TierEvidence
from dimgs.campaign.experiment import (
    DecisionLog,
    Experiment,
    Listener,
    Progress,
    Runner,
    changed_since,
    shown_by,
)
from dimgs.campaign.known import SHARED, Known, KnownLaw, KnownRun, PriorRuns, every_known
from dimgs.campaign.plan import (
    EVIDENCE,
    Binding,
    CampaignDesign,
    CampaignRun,
    Plan,
    RevisedError,
    bind,
    plan_of,
)
from dimgs.campaign.regimes import APART, FittedLaw, Scatter, Sites
from dimgs.campaign.result import CampaignResult, Ending, Outcome, as_sentence, curves_of
from dimgs.campaign.workers import place_of
from dimgs.common.advice import setting
from dimgs.common.errors import DimgsError, FitError, InputError, RunDivergedError, StoreError
from dimgs.common.formats import json_value, plain, read_text
from dimgs.common.progress import notebook_bar
from dimgs.fits.smooth import SmoothCurve
from dimgs.groups.derive import AUTO
from dimgs.hub import RunStore
from dimgs.hub.entry import run_content
from dimgs.judgement.next_run import d_optimal, farthest, nearest
from dimgs.kernels.base import of_tier
from dimgs.kernels.function import portable
from dimgs.kernels.record import Failure, RunRecord, one_sentence, with_kind
from dimgs.report.results import Report, check_folder, writing_to

STORE = "runs.sqlite"

# of the cost of a fine run: a dearer coarse one cannot pay, since a law takes about as many of each
_DEAR = 0.2
# part of the cost of the finest tier alone (at least so many runs more than directions) that a
# coarse tier may take without any law to show for it: with the runs of a last batch, a fifth
_LOST, _ALONE = 0.15, 4
# runs of a coarse tier for each unknown of each law, after which it is given up if some follow
# none: four regimes in five free directions took a third of it; and before which it never is. More
# laws than these four are what a scatter that replicates do not show looks like
_ENDLESS, _MOST_LAWS = 10, 4
# runs for each unknown of a power law after which one closed form is searched for, if the runs
# follow no power laws: as many again as those have
_SURVEY = 3
# rounds of questions without a new run before a campaign ends
_IDLE = 3
# repeated runs at a named point before their scatter is trusted
_REPEATS = 6
# batches without an error a tenth smaller, after which a surrogate gets further runs only if its
# error has fallen with the number of runs
_PATIENCE, _BETTER = 3, 0.9
# searches, each after further runs, before a campaign says that no law becomes probable
_ROUNDS = 12
_FINE = Ending(Outcome.STOPPED, "known runs of the finest tier say more")


class CampaignLoop:
    """A campaign that is under way.

    Parameters
    ----------
    binding : Binding
    store : RunStore
    log : DecisionLog
    progress : Listener
    known : sequence of KnownRun and KnownLaw
        From elsewhere.
    before : CampaignLoop, optional
        That of another target, which has ended: its runs count as made.
    """

    def __init__(
        self,
        binding: Binding,
        store: RunStore,
        log: DecisionLog,
        progress: Listener,
        known: Sequence[Known] = (),
        before: "CampaignLoop | None" = None,
    ) -> None:
        self.binding, self.store, self.log, self.progress = binding, store, log, progress
        self.plan, self.finest, self.design = binding.plan, binding.finest, CampaignDesign(binding)
        self.elsewhere = PriorRuns(known, self.design)
        self.experiment = Experiment(self.design, log, self.elsewhere)
        if before is not None:
            self.experiment.left = dict(before.experiment.left)
            self.experiment.seconds = before.experiment.seconds
        self._tried: set[int] = set()
        self._held: list[Proposal] = []
        self.phase = "start"
        self.evidence: TierEvidence | None = None
        self.notes: list[str] = []

    def started(self, changed: str) -> None:
        """Note what the folder holds already, and how its plan has changed."""
        kept, cut = len(self.store), len(self.store.interrupted)
        if kept:
            self.log.add("start", f"{kept} runs are in the store, {cut} of them were interrupted")
        if changed:
            self.notes.append(changed)
            self._say("start", changed)

    def run(self) -> CampaignResult:
        """Ask, run and look until there is a reason to stop."""
        last, tolerance = self.finest, self.plan.tolerance
        tiers = [last] if self._trusts(last) else self._worthwhile()
        evidence, ends = self._solved(tiers[0], ())
        if ends is _FINE:
            tiers = [last]
            evidence, ends = self._solved(last, ())
        for before, tier in pairwise(tiers):
            ends = ends or self._corrected(evidence, before, tier)
            if ends is not None and ends.outcome is not Outcome.BUDGET:
                aside = self.binding.tiers[before].name
                self._note(f"the tier '{aside}' is left aside: {ends.text}")
                evidence, ends = self._solved(last, evidence.known)
                break
        report = None
        consistent = ends is None or ends.outcome.is_consistent
        if tolerance.law is not None and consistent and (tolerance.of_one_law or ends is None):
            report, ends = self._one_law(evidence)
        ends, surrogate = self._unanswered(evidence, ends), None
        if ends is not None and ends.outcome.is_consistent:
            # at length: a law is worth more than a surrogate, and further runs cost more than this
            alone = not self.plan.of_ranges
            report = report or law_of_all(evidence, [], quick=alone)
            if not (alone or (isinstance(report, Report) and report.confirmed)):
                asked = self.experiment.asked
                surrogate = self._predicted(evidence)
                report = report if self.experiment.asked == asked else None
            if self.experiment.over(last):
                ends = replace(ends, outcome=Outcome.BUDGET)
        notes = [*self.binding.notes, *self.notes]
        self.tell("the law of all runs is looked for, and judged", phase="law")
        result = conclude(evidence, self.experiment, ends, notes, report, surrogate)
        self.tell(result.ended, phase="done")
        return result

    def _predicted(self, evidence: TierEvidence) -> Surrogate | None:
        """What predicts the finest runs where no law does, with further runs where it knows least.

        None where the runs are too few, or have no logarithm.
        """
        binding, tier, pool = self.binding, self.finest, evidence.usable_pool
        wanted, rank = binding.plan.tolerance.prediction or USEFUL, binding.space.rank
        self.phase, surrogate, best, idle = "surrogate", None, np.inf, 0
        while rank and not binding.linear:
            sites, left = self.experiment.runs.sites(tier), self.experiment.left[tier]
            laws = evidence.settled if tier == evidence.tier else []
            rest = np.setdiff1d(np.arange(len(sites)), [i for law, _ in laws for i in law.rows])
            if len(rest) < rank + FEWEST:
                laws, rest = [], np.arange(len(sites))
            if len(sites) < rank + FEWEST:
                why = "too few runs for a smooth curve: far from every run"
                places = farthest(min(rank + FEWEST - len(sites), left), pool, sites.z)
            else:
                sigma, level = evidence.model.scatter.sigma, binding.plan.level
                curve = SmoothCurve(sites.z[rest], sites.y[rest], sigma, level)
                of_space = binding.space, curve, evidence.design.pool
                surrogate = Surrogate(*of_space, wanted, tuple(laws))
                self._say("surrogate", f"runs left out are predicted to {surrogate.error:.2g}")
                idle = 0 if surrogate.error < _BETTER * best else idle + 1
                best = min(best, surrogate.error)
                if surrogate.is_close or (idle >= _PATIENCE and surrogate.further is None):
                    break
                why = "the runs say least of what the target is here"
                law, between = surrogate.parts(pool)
                places = farthest(1, pool[between], sites.z)
                n = min(binding.plan.execution.batch, left) - len(places)
                places += list(curve.widest(pool[law < 0], n))
            proposals = [Proposal(z, tier, "surrogate", why) for z in places]
            if self.experiment.over(tier) or not self.experiment.makes(proposals):
                break
            evidence.look()
        return surrogate

    def _worthwhile(self) -> list[int]:
        """Tiers that are cheap enough to be asked first; the finest alone for points or one law."""
        chosen, tiers, exponents = [], self.binding.tiers, self.plan.tolerance.exponents
        for t, tier in enumerate(tiers[:-1] if exponents is not None else ()):
            part = tier.cost / tiers[-1].cost
            if part <= _DEAR:
                chosen.append(t)
            else:
                text = f"it costs {part:.0%} of '{tiers[-1].name}', and would not save as much"
                self._note(f"the tier '{tier.name}' is not run: {text}")
        return [*chosen, self.finest]

    def _note(self, text: str) -> None:
        self.notes.append(as_sentence(text))
        self.log.add("tier", text)

    def _solved(
        self, tier: int, known: tuple[FittedLaw, ...]
    ) -> tuple[TierEvidence, Ending | None]:
        """Runs of one tier until its questions are answered; why not, where they are not."""
        self._trusts(tier)
        evidence = TierEvidence(self.design, self.experiment.runs, tier)
        plan, tolerance = self.plan, self.plan.tolerance
        # what asks for no power laws goes on with a closed form, or with a surrogate
        one_law = tolerance.of_one_law or plan.over_ranges
        self.evidence, evidence.known = evidence, known or evidence.known
        evidence.predictions = [*self._held]
        self.phase, idle, expected = "ask", 0, False
        enough = _SURVEY * (self.binding.space.rank + 2)
        while plan.of_ranges:
            chosen = evidence.next()
            if not chosen:
                if self._doubts(evidence, "they do not lead to an answer", unclear=True):
                    continue
                break
            if self.experiment.opens(chosen):
                evidence.forget()
                if self._fine_enough(tier):
                    return evidence, _FINE
                continue
            if over := self.experiment.over(tier):
                if self.experiment.spent or tier == self.finest:
                    return evidence, over
                if evidence.clear and evidence.worst <= 1.0:
                    # what a coarse tier may cost is spent on questions that finer runs answer too
                    break
                return evidence, replace(over, outcome=Outcome.STOPPED)
            before = self.experiment.asked
            short = self.experiment.make(chosen)
            # what narrows an interval is owed only as long as the interval is too wide
            evidence.owed = [p for p in short if p.purpose != "narrow"]
            idle = idle + 1 if self.experiment.asked == before else 0
            if idle >= _IDLE:
                break
            evidence.look()
            # of a difference: the misses of two runs, where they scatter
            scatter = evidence.model.scatter
            limit = (2.0 if scatter.sigma else 1.0) * scatter.limit
            if hidden := self.experiment.hidden(evidence.missed(chosen), limit):
                evidence.look()
                self.notes.append(as_sentence(hidden))
                return evidence, Ending(Outcome.INCONSISTENT, hidden)
            self._doubts(evidence, "later runs among them follow other laws")
            self._log_laws(evidence)
            if one_law and self.experiment.asked >= enough:
                break
            if self._useless(evidence, tier):
                return evidence, Ending(Outcome.STOPPED, "its runs follow no laws")
            if (outlook := evidence.outlook) and not expected:
                expected = True
                self._say("expect", f"{outlook}; the budget allows {self.experiment.left[tier]}")
        if not len(evidence.model.sites) and plan.of_ranges:
            why = self.experiment.why_lost()
            raise FitError(f"None of {self.experiment.asked} runs gave an answer.{why}")
        if tolerance.exponents is None:
            return evidence, None
        if not evidence.clear:
            return evidence, Ending(Outcome.STOPPED, "some runs follow no law that was found")
        missed = Ending(Outcome.STOPPED, "runs were not as the laws predicted them")
        return evidence, None if evidence.proven else missed

    def _useless(self, evidence: TierEvidence, tier: int) -> bool:
        """Whether a coarse tier has cost what it may cost, and most of its runs follow no law."""
        tiers, rank, model = self.binding.tiers, self.binding.space.rank, evidence.model
        made, unexplained, few = self.experiment.made(tier), len(model.unexplained), rank + 2
        if tier == self.finest or made <= _ENDLESS * few:
            return False
        endless = made > _ENDLESS * few * min(max(len(model.laws), 1), _MOST_LAWS)
        dear = made * tiers[tier].cost > _LOST * (rank + _ALONE) * tiers[-1].cost
        return (endless and unexplained > 0) or (dear and unexplained > len(model.sites) / 2)

    def _fine_enough(self, tier: int) -> bool:
        """Whether runs of the finest tier from elsewhere say as much as those of a coarse one."""
        last, runs = self.finest, self.experiment.runs
        many = tier != last and len(runs.sites(last)) >= len(runs.sites(tier))
        return many and self._evidence_with(last, []) is not None

    def _trusts(self, tier: int) -> bool:
        """Whether runs from elsewhere determine a tier's laws and predicted further runs of it."""
        every = [run for run in self.elsewhere.evidence if run.tier == tier]
        if tier in self._tried or not every or not self.plan.tolerance.of_laws:
            return False
        self._tried.add(tier)
        self.experiment.open()
        origins = dict.fromkeys(run.origin for run in every)
        parts = [[run for run in every if run.origin == origin] for origin in origins]
        if len(parts) > 1 and self._evidence_with(tier, every) is not None:
            parts = [every]
        # every part is tried, also after one that holds
        trusted = [self._tested(tier, runs) for runs in parts]
        return any(trusted)

    def _evidence_with(self, tier: int, prior: list[CampaignRun]) -> TierEvidence | None:
        """What the runs of a tier would say with evidence; None where they determine no law."""
        runs = deepcopy(self.experiment.runs)
        for placed in prior:
            runs.add(placed)
        trial = TierEvidence(self.design, runs, tier)
        return trial if trial.clear and np.isfinite(trial.worst) else None

    def _tested(self, tier: int, prior: list[CampaignRun]) -> bool:
        """Predict runs from evidence, make them, and trust it where they are as predicted."""
        trial, held = self._evidence_with(tier, prior), False
        verdict = "left aside: they are too few, or scatter too much, to predict further runs"
        if trial is not None:
            proposals = trial.trials()
            if self.experiment.left[tier] < len(proposals) or self.experiment.spent:
                return False
            self.experiment.make(proposals)
            miss, limit = trial.largest_miss(self.experiment.runs, proposals)
            held = miss <= limit
            verdict = f"left aside: runs that were predicted from them miss by {miss:.2g}"
            if held:
                verdict = f"{len(proposals)} runs were as predicted from them, to {miss:.2g}"
                for placed in prior:
                    self.experiment.runs.add(placed)
                self._held += trial.predictions
        origins = Counter(placed.origin for placed in prior)
        self.log.add("known", f"runs of {', '.join(origins)}: {verdict}")
        for origin, number in origins.items():
            self.elsewhere.tell(origin, number if held else 0, verdict)
        return held

    def _doubts(self, evidence: TierEvidence, why: str, unclear: bool = False) -> bool:
        """Leave runs from elsewhere aside that new runs contradict; whether that was so."""
        if not self.experiment.runs.evidence:
            return False
        bad = not evidence.clear or evidence.worst > 1.0 if unclear else evidence.contradicted()
        if bad:
            self.experiment.doubt(why)
            evidence.known = ()
            evidence.forget()
        return bad

    def _points(self) -> bool:
        """Runs at the named points, again where they scatter; whether all are known."""
        tier, runs, points = self.finest, self.experiment.runs, self.binding.points
        self.phase = "points" if points else self.phase
        met = [self._met(number) for number, p in enumerate(points) if p.free is not None]
        places = [p.at()[0] for p in points if p.free is None]
        if not places:
            return all(met)

        reason = "a named point"
        self.experiment.make([Proposal(z, tier, "point", reason) for z in places])
        # without noise a run that failed fails again
        seeded = self.binding.stochastic
        known = [z for z in places if seeded or runs.at(z, tier, answered=True)]
        if runs.scatter(tier)[1] == 0:
            noise = "the same run again: is there noise?"
            again = [Proposal(z, tier, "replicate", noise, again=True) for z in known[:1]]
            if self.experiment.make(again) and seeded:
                return False
        room = float(np.log1p(self.plan.tolerance.prediction or 0.0))
        while wide := [z for z in known if half_width(self.experiment, z, _REPEATS) > room]:
            proposals = [Proposal(z, tier, "replicate", reason, again=True) for z in wide]
            if self.experiment.over(tier) or not self.experiment.makes(proposals):
                return False
        return all(met) and len(known) == len(places)

    def _met(self, number: int) -> bool:
        """Runs along an input until it is known where the target meets its limit; whether it is.

        References
        ----------
        R. P. Brent, Algorithms for Minimization without Derivatives (Prentice-Hall, 1973), ch. 4.
        """
        # half a second to import, which other campaigns do without
        from scipy.optimize import brentq

        point, tier, runs = self.binding.points[number], self.finest, self.experiment.runs
        half = float(np.log1p(self.plan.tolerance.prediction or 0.0)) / 2.0
        reason, seen = f"where along {point.free} is the limit met?", dict[float, float]()

        def excess(log: float) -> float:
            z, shift = point.at(log)
            while not np.isfinite(half_width(self.experiment, z, _REPEATS)):
                lost = runs.at(z, tier) and not runs.at(z, tier, answered=True)
                over = self.experiment.over(tier) or lost
                proposal = Proposal(z, tier, "point", reason, again=True)
                if over or not self.experiment.makes([proposal]):
                    raise RunDivergedError("No run there gave an answer.")
            sites, at = runs.site(z, tier)
            seen[log] = float(sites.y[at]) - shift - point.limit
            return seen[log]

        with suppress(RunDivergedError):
            if excess(point.ends[0]) * excess(point.ends[1]) <= 0.0:
                root = float(brentq(excess, *point.ends, xtol=half))
                one, two = sorted(seen, key=lambda log: abs(log - root))[:2]
                slope = abs((two - one) / ((seen[two] - seen[one]) or np.inf))
                noise = slope * half_width(self.experiment, point.at(one)[0], _REPEATS)
                self.experiment.met[number] = root, float(np.hypot(half, noise))
        return number in self.experiment.met

    def _unanswered(self, evidence: TierEvidence, ends: Ending | None) -> Ending | None:
        """Why something that was asked has no answer; None where all has one."""
        known, plan = self._points(), self.binding.plan
        # between laws a prediction is that of neither
        between = plan.over_ranges and len(evidence.model.laws) > 1
        wide = not evidence.clear or evidence.worst > 1.0 or between
        if known and not (plan.of_ranges and (ends or (wide and not plan.tolerance.of_one_law))):
            return None
        return ends or Ending(Outcome.STOPPED, "an interval is wider than its tolerance")

    def _log_laws(self, evidence: TierEvidence) -> None:
        laws, worst = len(evidence.model.laws), evidence.worst
        width = f"{worst:.3g} times its tolerance" if np.isfinite(worst) else "not known yet"
        rest = f", {evidence.lawless} runs follow none" if evidence.lawless else ""
        text = f"{laws} power law{'' if laws == 1 else 's'}{rest}; the widest interval is {width}"
        slopes = [[round(float(x), 4) for x in law.slope] for law in evidence.model.laws]
        self._say("found", text, regimes=slopes, width=worst if np.isfinite(worst) else None)

    def heard(self, record: RunRecord, known: bool) -> None:
        """Report a run to the observer."""
        text = f"{of_tier(record.tier)}run {'known' if known else 'made'}: {record.status}"
        self.tell(text, True)

    def _say(self, decision: str, text: str, **more: Any) -> None:
        """Log a decision, and report it to the observer."""
        self.log.add(decision, text, **more)
        self.tell(text)

    def tell(self, text: str, is_run: bool = False, phase: str = "") -> None:
        """Report the state of the campaign, and the phase that begins, to the observer."""
        self.phase = phase or self.phase
        experiment, evidence = self.experiment, self.evidence
        names, most = [t.name for t in self.binding.tiers], experiment.most
        runs = dict(zip(names, map(experiment.made, most), strict=True))
        budget, failed = dict(zip(names, most.values(), strict=True)), len(experiment.lost)
        laws = 0 if evidence is None else len(evidence.model.laws)
        worst = np.inf if evidence is None else evidence.worst
        self.progress(Progress(self.phase, runs, budget, failed, laws, worst, text, is_run))

    def _corrected(self, evidence: TierEvidence, before: int, tier: int) -> Ending | None:
        """Test a coarse tier against the next, and correct its laws; why not, where it cannot."""
        model, sites, rank = evidence.model, evidence.model.sites, self.binding.space.rank
        if not evidence.clear or evidence.worst > 1.0:
            return Ending(Outcome.STOPPED, "its runs follow no laws to the tolerance")
        inside = evidence.design.region.contains(sites.z)
        followed = [rows[inside[rows]] for rows in (law.rows for law in model.laws)]
        name, finer = self.binding.tiers[before].name, self.binding.tiers[tier].name
        wide = d_optimal(np.zeros((0, rank)), sites.z[np.concatenate(followed)], rank + 1)
        chosen = [(z, f"D-optimal for the difference to '{name}'") for z in wide]
        for rows in filter(len, followed):
            deep = sites.z[rows[np.argmin(np.linalg.norm(sites.z[rows], axis=1))]]
            chosen.append((deep, f"one law of '{name}' is tested here"))
        for b in model.borders:
            along = b.along(sites.z)
            here = np.flatnonzero(model.between(b, sites.z) & inside)
            for end in ((0.0,) if b.meets else (b.low, b.high)) if len(here) else ():
                z = sites.z[here[np.argmin(np.abs(along[here] - end))]]
                chosen.append((z, f"a border of '{name}' is tested here"))
        if self.experiment.make([Proposal(z, tier, "tier", reason) for z, reason in chosen]):
            return self.experiment.over(tier)
        fine = self.experiment.runs.sites(tier)
        both, at, of = np.intersect1d(fine.numbers, sites.numbers, return_indices=True)
        pairs = Sites(fine.z[at], fine.y[at] - sites.y[of], np.ones(len(both)), both)
        scatter = Scatter(model.scatter.resolution, model.scatter.sigma * 2.0**0.5, FREEDOM)
        difference = FittedLaw.fit(pairs, np.arange(len(both)), scatter)
        miss = float(np.abs(pairs.y - difference(pairs.z)).max(initial=0.0))
        if miss > scatter.limits(pairs.count).min(initial=scatter.resolution):
            text = f"'{finer}' is not '{name}' times a monomial, which misses by {miss:.2g}"
            return Ending(Outcome.STOPPED, text)
        if not scatter.sigma:
            # a difference that is only nearly a monomial may lean because of what it is not
            lean = difference.coefficients * np.append(0.0, np.ones(rank))
            doubt = min(1.0, miss / scatter.resolution) ** 0.5
            difference = replace(difference, drift=doubt * lean)
        evidence.model = replace(model, laws=tuple(x.corrected(difference) for x in model.laws))
        self.log.add("tier", f"'{finer}' is '{name}' times a monomial, to {miss:.2g}")
        text = "the difference between the tiers is not known to the tolerance"
        return Ending(Outcome.STOPPED, text) if evidence.worst > 1.0 else None

    def _one_law(self, evidence: TierEvidence) -> tuple[Analysis, Ending | None]:
        """Search for the one law of all runs, and make those that tell its rivals apart.

        Why no law is probable enough comes with what was found; None where one is.
        """
        tier, wanted = self.finest, self.plan.tolerance.law or 1.0
        for turn in range(_ROUNDS):
            warnings: list[str] = []
            report = law_of_all(evidence, warnings)
            text = "no law yet"
            if isinstance(report, Report) and report.probability is not None:
                text = f"{report.law} has the probability {report.probability:.3g}"
            self.phase = "law"
            self._say("law", text)
            if judged_law(report, wanted).acceptability >= 1.0:
                return report, None
            if over := self.experiment.over(tier):
                why = over
                break
            why = Ending(Outcome.STOPPED, f"no law has the probability {wanted:g}")
            if turn == _ROUNDS - 1 or not self.experiment.makes(self._rivals(evidence, report)):
                break
        self.notes += warnings
        return report, why

    def _rivals(self, evidence: TierEvidence, report: Analysis) -> list[Proposal]:
        """The run that tells the rivals apart most; without any, one far from all others."""
        binding, tier, runs = self.binding, self.finest, self.experiment.runs
        space, moved, z = binding.space, self.experiment.moved(), runs.sites(tier).z
        low, high = binding.values(space.low), binding.values(space.high)
        ranges = {n: (low[n], high[n]) for n in moved}
        proposed, reason = list[Any](), ""
        if isinstance(report, Report) and report.law is not None:
            others = ", ".join(str(r.law) for r in report.rivals[:2]) or "what was not found"
            reason = f"it distinguishes {report.law} from {others}"
            with suppress(InputError):
                proposed += report.next_runs(binding.plan.execution.batch, ranges).runs
        for run in proposed:
            values = {n: v if isinstance(v, str) else v[0] for n, v in run.inputs.items()}
            logs = np.clip(binding.logs({**binding.fixed, **values}), space.low, space.high)
            at = space.coordinates(logs[None])[0]
            again = binding.stochastic and bool(runs.at(at, tier))
            if again or nearest(at[None], z)[0] > APART:
                reason = f"{reason}: {run.information:.2g} nats"
                return [Proposal(at, tier, "rivals", reason, again)]
        reason = "farthest from every run, since no law is probable yet"
        places = farthest(1, evidence.usable_pool, z)
        return [Proposal(at, tier, "rivals", reason) for at in places]


def _warned(result: CampaignResult, *more: str) -> CampaignResult:
    return replace(result, warnings=(*result.warnings, *more))


def run_campaign(
    plan: Plan,
    folder: str | os.PathLike[str] | None = None,
    *,
    resume: bool = False,
    retry: bool = False,
    executor: Any = None,
    progress: Listener | None = None,
    known: Iterable[Known | str | os.PathLike[str]] | str | os.PathLike[str] = (),
    on_result: Callable[[CampaignResult], None] | None = None,
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
    progress : callable, optional
        Called with a :class:`~dimgs.campaign.experiment.Progress` after every run and decision; in
        a notebook a bar shows it by default.
    known : path, or iterable of KnownRun, KnownLaw or path
        Runs and laws that exist elsewhere. Runs of this very kernel count as made; others are used
        where they predict new runs, and so is what a law says. A path is that of a store, a
        campaign's folder, a table, or a law as JSON.
    on_result : callable, optional
        Called with the result as soon as ``result.json`` stands, before the report is written.

    Returns
    -------
    CampaignResult

    Raises
    ------
    InputError, DimensionError
        If the plan cannot be followed, or the folder holds runs and `resume` is false.
    FitError
        If too few runs give an answer.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from dimgs.campaign import Budget, Range, Tolerance
    >>> from dimgs.kernels import kernel
    >>> @kernel(inputs={"k": "N/m", "m": "kg"}, outputs={"T": "s"})
    ... def spring(k, m):
    ...     return 6.283185307 * (m / k) ** 0.5
    >>> plan = Plan(spring, "T", {"k": Range(1, 100, "N/m"), "m": Range(0.1, 10, "kg")},
    ...             budget=Budget(runs=20), tolerance=Tolerance(exponents=0.02))
    >>> with ThreadPoolExecutor(1) as executor:
    ...     result = run_campaign(plan, executor=executor)
    >>> result.outcome, [str(e.rational) for e in result.regimes[0].exponents]
    ('confirmed', [...])
    """
    bindings = [bind(each) for each in plan.each]
    known = [known] if isinstance(known, str | os.PathLike) else [*known]
    start = every_known(known, bindings[0])
    if executor is None:
        portable(plan.kernel)
    with ExitStack() as stack:
        listener = progress or shown_by(stack.enter_context(notebook_bar()))
        home = Path(stack.enter_context(TemporaryDirectory()) if folder is None else folder)
        store = stack.enter_context(_opened(home, resume or retry))
        # what a hub keeps of the runs of this folder is not from elsewhere
        claimed, listed = store.claimed(), {id(one) for one in known}
        start = tuple(
            one
            for one in start
            if id(one) not in listed or isinstance(one, KnownLaw) or one.record.key not in claimed
        )
        log, place = DecisionLog(home), place_of(executor, plan.execution.workers)
        loop: CampaignLoop | None = None
        stack.callback(place.close)
        results, finest = list[CampaignResult](), dict[str, RunRecord]()
        changed = " ".join(filter(None, (changed_since(bindings, home), log.caution)))
        for first in bindings:
            if len(bindings) > 1:
                log.add("target", " of ".join([first.target.name, *first.plan.sources]))
            runner = Runner(store, place, plan.execution, retry)
            further: Binding | None = first
            while further is not None:
                binding, further = further, None
                loop = CampaignLoop(binding, store, log, listener, start, loop)
                loop.started(changed)
                loop.experiment.runner, runner.on_done = runner, loop.heard
                try:
                    result = loop.run()
                except RevisedError as shown:
                    further = shown.binding
                    log.add(shown.decision, str(shown))
                start += tuple(KnownRun(run.record, SHARED) for run in loop.experiment.runs.asked)
                unequal = loop.experiment.unequal if plan.scales == AUTO else ()
                if further is None and (further := binding.with_further_scale(unequal)):
                    log.add("scale", f"one more constant is unknown: {', '.join(further.scales)}")
            results.append(result)
            assert loop is not None
            usable = loop.experiment.runs.usable(binding.finest)
            finest |= {r.record.key: r.record for r in usable if r.purpose != EVIDENCE}
        records = list(finest.values())
        result, *others = results if plan.by is None else joined(plan, results, records)
        curves, whole, failures = curves_of(plan, records)
        result = replace(result, curves=curves, whole_curves=whole, others=tuple(others))
        result = _warned(result, *failures)
        hear = on_result or (lambda result: None)
        if folder is None:
            hear(result)
            return result
        try:
            result.write_answer(home)
        except OSError as error:
            text = f"The answer could not be written to {home} ({error.strerror or error})"
            result = _warned(result, f"{text}; it is only returned.")
        assert loop is not None
        loop.tell(f"the answer is in {home}", phase="report")
        hear(result)
        try:
            result.write_report(home, loop.tell)
        except Exception as error:  # the runs have cost too much to lose their answer to a figure
            what = f"The report in {home} is not complete ({with_kind(error)})"
            remedy = f"the answer stands, and {setting('resume')} writes the report again"
            result = _warned(result, f"{what}; {remedy}.")
        return result


def records_in(folder: Path) -> list[RunRecord]:
    """Every run that the folder of a campaign holds."""
    with RunStore(folder / STORE) as store:
        return store.records()


def campaign_of_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """What the campaign of a job's plan comes to.

    Parameters
    ----------
    job : mapping
        Content of its entry, with a "plan" as a TOML file holds it.

    Returns
    -------
    dict
        "result" (``result.json``), "plan" (``plan.json``) and "runs", or the "failure" and the
        "reason" why there are none.
    """
    with TemporaryDirectory() as folder:
        home = Path(folder)
        try:
            result = run_campaign(plan_of(job["plan"]), home)
        except DimgsError as error:
            records = records_in(home)
            failed = [record for record in records if not record.ok]
            if not failed:
                failure = Failure.INPUT if isinstance(error, InputError) else Failure.KERNEL
                return {"failure": failure, "reason": one_sentence(error)}
            first, many = failed[0], f"Of {len(records)} runs {len(failed)} failed"
            return {"failure": first.failure, "reason": f"{many}; the first: {first.reason}"}
        plan = json_value(read_text(home / "plan.json", "plan"), "plan.json", "run it again")
        runs = [run_content(record) for record in records_in(home)]
    return {"result": plain(result.to_json()), "plan": plan, "runs": runs}


def _opened(folder: Path, resume: bool) -> RunStore:
    """The store of a folder, both made where they are not there."""
    check_folder(folder)
    with writing_to(folder):
        if (folder / STORE).exists() and not resume:
            remedy = f"continue it ({setting('resume')}, resume=True) or name another folder"
            raise InputError(f"{folder} holds the runs of a campaign already; {remedy}.")
    try:
        return RunStore(folder / STORE)
    except StoreError as error:
        raise InputError(str(error)) from error
