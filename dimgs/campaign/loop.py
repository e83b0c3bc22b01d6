"""The loop of a campaign: ask, run, look, until there is a reason to stop."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from dimgs.campaign.answers import Analysis, conclude, half_width, law_of_all
from dimgs.campaign.binding import Binding
from dimgs.campaign.design import CampaignDesign, d_optimal, nearest
from dimgs.campaign.evidence import Proposal, RunPrediction, TierEvidence
from dimgs.campaign.experiment import Experiment
from dimgs.campaign.journal import DecisionLog, Listener, Progress
from dimgs.campaign.known import Known, KnownRun
from dimgs.campaign.next_runs import Strategy
from dimgs.campaign.prior_runs import (
    PriorRun,
    PriorRuns,
    contradicted,
    evidence_with,
    largest_miss,
    runs_to_predict,
)
from dimgs.campaign.result import CampaignResult, Ending, Outcome
from dimgs.campaign.surrogate import FEWEST, USEFUL, Surrogate
from dimgs.common.errors import FitError, InputError
from dimgs.fits.consensus import FittedLaw, Scatter, Sites
from dimgs.fits.smooth import SmoothCurve
from dimgs.hub import RunStore
from dimgs.kernels.record import RunRecord, RunRequest
from dimgs.kernels.spec import of_tier
from dimgs.report.results import Report

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
_SHARED = "another target"
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
        self.design = CampaignDesign(binding)
        self.shared = [] if before is None else before.records()
        every = [*known, *(KnownRun(r, _SHARED) for r in self.shared)]
        self.elsewhere = PriorRuns.of(every, binding, self.design)
        self.elsewhere.origins.pop(_SHARED, None)
        self.experiment = Experiment(binding, self.design, log, self.elsewhere)
        if before is not None:
            self.experiment.left = dict(before.experiment.left)
            self.experiment.seconds = before.experiment.seconds
        self._tried: set[int] = set()
        self._held: list[RunPrediction] = []
        self.phase = "start"
        self.evidence: TierEvidence | None = None
        self.notes: list[str] = []

    def records(self) -> list[RunRecord]:
        """Every run that was asked for, by the campaigns of other targets too."""
        mine = [self.store.get(key) for key in self.experiment.asked]
        return [*self.shared, *(r for r in mine if r is not None)]

    def started(self, changed: str) -> None:
        """Note what the folder holds already, and how its plan has changed; keep known runs."""
        kept, cut = len(self.store), len(self.store.interrupted)
        if kept:
            self.log.add("start", f"{kept} runs are in the store, {cut} of them were interrupted")
        if changed:
            self.log.add("start", changed)
            self._tell(changed)
        for key, placed in self.elsewhere.exact.items():
            if self.store.get(key) is None:
                r = placed.record
                self.store.claim(RunRequest(key, r.kernel, r.tier, r.inputs, r.seed))
                self.store.finish(r)

    def run(self) -> CampaignResult:
        """Ask, run and look until there is a reason to stop."""
        cut = len(self.store.interrupted)
        last = len(self.binding.tiers) - 1
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
        tolerance = self.binding.plan.tolerance
        if tolerance.law is not None and (tolerance.of_one_law or ends is None):
            self.phase = "law"
            report, ends = self._one_law(evidence)
        outcome, reason = self._judged(evidence, ends)
        surrogate = None
        if outcome in (Outcome.BUDGET, Outcome.STOPPED):
            # at length: a law is worth more than a surrogate, and further runs cost more than this
            report = report or law_of_all(evidence, self.experiment, [], quick=False)
            if not (isinstance(report, Report) and report.confirmed):
                before = len(self.experiment.asked)
                surrogate = self._predicted(evidence)
                report = report if len(self.experiment.asked) == before else None
            if self.experiment.spent or self.experiment.left[last] <= 0:
                outcome = Outcome.BUDGET
        close = surrogate is not None and surrogate.is_close
        words = Outcome.PREDICTS.words if close else outcome.words
        self.log.add("stop", f"{words}: {reason}", runs=len(self.experiment.asked))
        self.phase = "done"
        self._tell(words)
        notes = [*self.binding.notes, *self.notes]
        return conclude(evidence, self.experiment, outcome, cut, notes, report, surrogate)

    def _predicted(self, evidence: TierEvidence) -> Surrogate | None:
        """What predicts the finest runs where no law does, with further runs where it knows least.

        None where the runs are too few, or have no logarithm.
        """
        tier, binding = len(self.binding.tiers) - 1, self.binding
        wanted, pool = binding.plan.tolerance.prediction or USEFUL, evidence.usable_pool
        level, sigma = binding.plan.level, evidence.model.scatter.sigma
        rank, batch = binding.space.rank, binding.plan.execution.batch
        self.phase, surrogate, best, idle = "surrogate", None, np.inf, 0
        while rank and not binding.linear:
            sites, left = self.experiment.runs.sites(tier), self.experiment.left[tier]
            if len(sites) < rank + FEWEST:
                why = "too few runs for a smooth curve: far from every run"
                number = min(rank + FEWEST - len(sites), left)
                places = evidence.farthest(number, pool, sites.z)
            else:
                curve = SmoothCurve(sites.z, sites.y, sigma, level)
                surrogate = Surrogate(binding.space, curve, evidence.design.pool, wanted)
                error = f"{surrogate.error:.2g}"
                text = f"a smooth curve through the runs predicts those left out to {error}"
                self.log.add("surrogate", text)
                self._tell(text)
                idle = 0 if surrogate.error < _BETTER * best else idle + 1
                best = min(best, surrogate.error)
                if surrogate.is_close or (idle >= _PATIENCE and surrogate.further is None):
                    break
                why = "the runs say least of what the target is here"
                places = list(curve.widest(pool, min(batch, left)))
            spent = self.experiment.spent or left <= 0
            if spent or not self._makes([Proposal(z, tier, "surrogate", why) for z in places]):
                break
        return surrogate

    def _worthwhile(self) -> list[int]:
        """Tiers that are cheap enough to be asked first; the finest alone for points or one law."""
        tiers, tolerance = self.binding.tiers, self.binding.plan.tolerance
        last = len(tiers) - 1
        if not tolerance.of_laws or tolerance.of_one_law:
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

    def _solved(
        self, tier: int, known: tuple[FittedLaw, ...]
    ) -> tuple[TierEvidence, Ending | None]:
        """Runs of one tier until its questions are answered; why not, where they are not."""
        self._trusts(tier)
        evidence = TierEvidence(self.binding, self.design, self.experiment.runs, tier)
        strategy = Strategy(evidence)
        self.evidence, evidence.known = evidence, known or evidence.known
        evidence.predictions = [*self._held]
        self.phase, idle, expected = "ask", 0, False
        plan = self.binding.plan
        asked = plan.tolerance.of_laws or plan.over_ranges
        # what asks for no power laws goes on with a closed form, or with a surrogate
        one_law = plan.tolerance.of_one_law or plan.over_ranges
        enough = _SURVEY * (self.binding.space.rank + 2)
        while asked:
            chosen = strategy.next()
            if not chosen:
                if self._doubts(evidence, "they do not lead to an answer", unclear=True):
                    continue
                break
            if self.experiment.opens(chosen):
                evidence.forget()
                evidence.look()
                if self._fine_enough(tier):
                    return evidence, _FINE
                continue
            if self.experiment.spent:
                text = f"{self.experiment.seconds:.4g} s are spent"
                return evidence, Ending(Outcome.BUDGET, text)
            if self.experiment.left[tier] <= 0:
                spent = self.experiment.used_up(tier)
                if tier == len(self.binding.tiers) - 1:
                    return evidence, spent
                if evidence.clear and evidence.worst <= 1.0:
                    # what a coarse tier may cost is spent on questions that finer runs answer too
                    break
                return evidence, Ending(Outcome.STOPPED, spent.text)
            before = len(self.experiment.asked)
            short = self.experiment.make(chosen)
            # what narrows an interval is owed only as long as the interval is too wide
            strategy.owed = [p for p in short if p.purpose != "narrow"]
            idle = idle + 1 if len(self.experiment.asked) == before else 0
            if idle >= _IDLE:
                break
            evidence.look()
            # of a difference: the misses of two runs
            limit = float(2.0 * evidence.model.scatter.limits(np.ones(1))[0])
            if hidden := self.experiment.hidden(evidence.missed(chosen), limit):
                evidence.look()
                self.notes.append(f"{hidden[0].upper()}{hidden[1:]}.")
                return evidence, Ending(Outcome.INCONSISTENT, hidden)
            self._doubts(evidence, "later runs among them follow other laws")
            self._log_laws(evidence)
            if one_law and len(self.experiment.asked) >= enough:
                break
            if self._useless(evidence, tier):
                return evidence, Ending(Outcome.STOPPED, "its runs follow no laws")
            settled = evidence.clear and np.isfinite(evidence.worst)
            if evidence.model.scatter.sigma and settled and not expected:
                expected = True
                self._foreseen(evidence, tier)
        if not len(evidence.model.sites) and asked:
            raise FitError(
                f"None of {len(self.experiment.asked)} runs gave an answer."
                f"{self.experiment.why_lost()}"
            )
        if asked and not one_law and not evidence.clear:
            text = f"{len(evidence.model.unexplained)} runs follow no law that was found"
            return evidence, Ending(Outcome.STOPPED, text)
        if asked and not one_law and not evidence.proven:
            return evidence, Ending(Outcome.STOPPED, "runs were not as the laws predicted them")
        return evidence, None

    def _useless(self, evidence: TierEvidence, tier: int) -> bool:
        """Whether a coarse tier has cost what it may cost, and most of its runs follow no law."""
        tiers = self.binding.tiers
        if tier == len(tiers) - 1:
            return False
        made = self.experiment.made(tier)
        alone = (self.binding.space.rank + _ALONE) * tiers[-1].cost
        model = evidence.model
        lawless = len(model.unexplained) > len(model.sites) / 2
        few = _ENDLESS * (self.binding.space.rank + 2)
        endless = len(model.unexplained) > 0 and made > few * min(
            max(len(model.laws), 1), _MOST_LAWS
        )
        return endless or (lawless and made > few and made * tiers[tier].cost > _LOST * alone)

    def _fine_enough(self, tier: int) -> bool:
        """Whether runs of the finest tier from elsewhere say as much as those of a coarse one."""
        last, runs = len(self.binding.tiers) - 1, self.experiment.runs
        if tier == last or len(runs.sites(last)) < len(runs.sites(tier)):
            return False
        finest = TierEvidence(self.binding, self.design, runs, last)
        return finest.clear and np.isfinite(finest.worst)

    def _trusts(self, tier: int) -> bool:
        """Whether runs from elsewhere determine a tier's laws and predicted further runs of it."""
        asked = self.binding.plan.tolerance.of_laws
        by_origin = self.elsewhere.of_tier(tier)
        if tier in self._tried or not by_origin or not asked:
            return False
        self._tried.add(tier)
        self.experiment.open()
        parts = list(by_origin.values())
        every = [placed for runs in parts for placed in runs]
        if len(parts) > 1 and self._evidence_with(tier, every) is not None:
            parts = [every]
        trusted = [self._tested(tier, runs) for runs in parts]
        return any(trusted)

    def _evidence_with(self, tier: int, prior: list[PriorRun]) -> TierEvidence | None:
        return evidence_with(self.binding, self.design, self.experiment.runs, tier, prior)

    def _tested(self, tier: int, prior: list[PriorRun]) -> bool:
        """Predict runs from evidence, make them, and trust it where they are as predicted."""
        trial = self._evidence_with(tier, prior)
        origins, held = dict.fromkeys(p.origin for p in prior), False
        verdict = "left aside: they are too few, or scatter too much, to predict further runs"
        if trial is not None:
            proposals = runs_to_predict(trial)
            if self.experiment.left[tier] < len(proposals) or self.experiment.spent:
                return False
            self.experiment.make(proposals)
            miss, limit = largest_miss(trial, self.experiment.runs, proposals)
            held = miss <= limit
            verdict = f"left aside: runs that were predicted from them miss by {miss:.2g}"
            if held:
                verdict = f"{len(proposals)} runs were as predicted from them, to {miss:.2g}"
        self.log.add("known", f"runs of {', '.join(origins)}: {verdict}")
        if trial is not None and held:
            self.experiment.believe(prior)
            self._held += trial.predictions
        for origin in origins:
            used = sum(p.origin == origin for p in prior) if held else 0
            self.elsewhere.tell(origin, used, verdict)
        return held

    def _doubts(self, evidence: TierEvidence, why: str, unclear: bool = False) -> bool:
        """Leave runs from elsewhere aside that new runs contradict; whether that was so."""
        if not self.experiment.evidence:
            return False
        bad = not evidence.clear or evidence.worst > 1.0 if unclear else contradicted(evidence)
        if not bad:
            return False
        self.experiment.doubt(why)
        evidence.known = ()
        evidence.forget()
        evidence.look()
        return True

    def _foreseen(self, evidence: TierEvidence, tier: int) -> None:
        """Say early what the noise and the budget allow."""
        sigma = evidence.model.scatter.sigma
        wanted, left = int(np.ceil(evidence.expected_runs)), self.experiment.most[tier]
        text = f"runs scatter by {sigma:.2g}; one law takes about {wanted} runs for the tolerance"
        if wanted > left:
            reached = evidence.tolerance * (wanted / left) ** 0.5
            text += f", and the {left} runs of the budget allow about {reached:.2g}"
            self.notes.append(f"{text[0].upper()}{text[1:]}.")
        self.log.add("expect", text)
        self._tell(text)

    def _makes(self, proposals: list[Proposal]) -> bool:
        """Make runs; whether any was asked for."""
        before = len(self.experiment.asked)
        self.experiment.make(proposals)
        return len(self.experiment.asked) > before

    def _points(self) -> bool:
        """Runs at the named points, again where they scatter; whether all are known."""
        tier = len(self.binding.tiers) - 1
        if not len(self.binding.points):
            return True
        self.phase = "points"
        reason = "a named point"
        runs, plan = self.experiment.runs, self.binding.plan
        self.experiment.make([Proposal(z, tier, "point", reason) for z in self.binding.points])
        if runs.scatter(tier)[1] == 0:
            first, why = self.binding.points[0], "the same run again: is there noise?"
            again = [Proposal(first, tier, "replicate", why, runs.count(first, tier))]
            if self.experiment.make(again) and self.experiment.stochastic:
                return False
        assert plan.tolerance.prediction is not None
        room = float(np.log1p(plan.tolerance.prediction))
        for _ in range(plan.budget.runs):
            wide = [
                z for z in self.binding.points if half_width(self.experiment, z, _REPEATS) > room
            ]
            if not wide or self.experiment.left[tier] <= 0 or self.experiment.spent:
                return not wide
            again = [Proposal(z, tier, "replicate", reason, runs.count(z, tier)) for z in wide]
            if not self._makes(again):
                break
        return False

    def _judged(self, evidence: TierEvidence, ends: Ending | None) -> tuple[Outcome, str]:
        """Outcome, and why."""
        known = self._points()
        tier = len(self.binding.tiers) - 1
        plan = self.binding.plan
        asked = plan.tolerance.of_laws or plan.over_ranges
        spent = self.experiment.spent or self.experiment.left[tier] <= 0
        spent = spent or (ends is not None and ends.outcome is Outcome.BUDGET)
        wide = not evidence.clear or evidence.worst > 1.0
        # between laws a prediction is that of neither
        wide = wide or (plan.over_ranges and len(evidence.model.laws) > 1)
        wide = wide and not plan.tolerance.of_one_law
        if not known or (asked and (ends is not None or wide)):
            why = "an interval is wider than its tolerance" if ends is None else ends.text
            if ends is not None and ends.outcome is Outcome.INCONSISTENT:
                return Outcome.INCONSISTENT, why
            return (Outcome.BUDGET if spent else Outcome.STOPPED), why
        if plan.tolerance.of_one_law:
            return Outcome.CONFIRMED, "one law is as probable as was asked for"
        met = Outcome.CONFIRMED if asked else Outcome.PREDICTS
        return met, "predictions held, and everything asked is within its tolerance"

    def _log_laws(self, evidence: TierEvidence) -> None:
        laws, unexplained = len(evidence.model.laws), len(evidence.model.unexplained)
        worst = evidence.worst
        width = f"{worst:.3g} times its tolerance" if np.isfinite(worst) else "not known yet"
        rest = f", {unexplained} runs follow none" if unexplained else ""
        self.log.add(
            "found",
            f"{laws} power law{'' if laws == 1 else 's'}{rest}; the widest interval is {width}",
            regimes=[[round(float(x), 4) for x in law.slope] for law in evidence.model.laws],
        )
        self._tell(self.log.entries[-1]["reason"])

    def heard(self, record: RunRecord, known: bool) -> None:
        """Report a run to the observer."""
        text = f"{of_tier(record.tier)}run {'known' if known else 'made'}: {record.status}"
        self._tell(text, is_run=True)

    def _tell(self, text: str, is_run: bool = False) -> None:
        experiment, evidence = self.experiment, self.evidence
        tiers = list(enumerate(self.binding.tiers))
        self.progress(
            Progress(
                self.phase,
                {t.name: experiment.made(n) for n, t in tiers},
                {t.name: experiment.most[n] for n, t in tiers},
                experiment.failed,
                0 if evidence is None else len(evidence.model.laws),
                np.inf if evidence is None else evidence.worst,
                text,
                is_run,
            )
        )

    def _corrected(self, evidence: TierEvidence, before: int, tier: int) -> Ending | None:
        """Test a coarse tier against the next, and correct its laws; why not, where it cannot."""
        runs, model = self.experiment.runs, evidence.model
        if not evidence.clear or evidence.worst > 1.0:
            return Ending(Outcome.STOPPED, "its runs follow no laws to the tolerance")
        sites, rank = model.sites, self.binding.space.rank
        inside = evidence.design.region.contains(sites.z)
        followed = [rows[inside[rows]] for rows in (law.rows for law in model.laws)]
        every = np.concatenate(followed)
        name = self.binding.tiers[before].name
        wide = d_optimal(np.zeros((0, rank)), sites.z[every], rank + 1)
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
            return self.experiment.used_up(tier)
        fine = runs.sites(tier)
        coarse = dict(zip(sites.numbers.tolist(), sites.y, strict=True))
        both = [i for i, n in enumerate(fine.numbers.tolist()) if n in coarse]
        apart = fine.y[both] - np.array([coarse[n] for n in fine.numbers[both].tolist()])
        pairs = Sites(fine.z[both], apart, np.ones(len(both)), fine.numbers[both])
        scatter = Scatter(model.scatter.resolution, model.scatter.sigma * 2.0**0.5, 6)
        difference = FittedLaw.fit(pairs, np.arange(len(both)), scatter)
        miss = float(np.abs(apart - difference(pairs.z)).max(initial=0.0))
        finest = self.binding.tiers[tier].name
        if miss > scatter.limits(pairs.count).min(initial=scatter.resolution):
            text = f"'{finest}' is not '{name}' times a monomial, which misses by {miss:.2g}"
            return Ending(Outcome.STOPPED, text)
        if not scatter.sigma:
            # a difference that is only nearly a monomial may lean because of what it is not
            lean = difference.coefficients * np.append(0.0, np.ones(rank))
            doubt = min(1.0, miss / scatter.resolution) ** 0.5
            difference = replace(difference, drift=doubt * lean)
        laws = tuple(law.corrected(difference) for law in model.laws)
        evidence.model = replace(model, laws=laws)
        self.experiment.log.add("tier", f"'{finest}' is '{name}' times a monomial, to {miss:.2g}")
        if evidence.worst > 1.0:
            text = "the difference between the tiers is not known to the tolerance"
            return Ending(Outcome.STOPPED, text)
        return None

    def _one_law(self, evidence: TierEvidence) -> tuple[Analysis, Ending | None]:
        """Search for the one law of all runs, and make those that tell its rivals apart.

        Why no law is probable enough comes with what was found; None where one is.
        """
        tier, wanted = len(self.binding.tiers) - 1, self.binding.plan.tolerance.law
        assert wanted is not None
        for turn in range(_ROUNDS):
            warnings: list[str] = []
            report = law_of_all(evidence, self.experiment, warnings)
            sure, text = None, "no law yet"
            if isinstance(report, Report) and report.probability is not None:
                sure = report.probability if report.confirmed else None
                text = f"{report.law} has the probability {report.probability:.3g}"
            self.experiment.log.add("law", text)
            self._tell(text)
            if sure is not None and sure >= wanted:
                return report, None
            if self.experiment.spent or self.experiment.left[tier] <= 0:
                why = self.experiment.used_up(tier)
                break
            why = Ending(Outcome.STOPPED, f"no law has the probability {wanted:g}")
            if turn == _ROUNDS - 1 or not self._makes(self._rival_runs(evidence, report)):
                break
        self.notes += warnings
        return report, why

    def _rival_runs(self, evidence: TierEvidence, report: Analysis) -> list[Proposal]:
        """The run that tells the rivals apart most; without any, one far from all others."""
        tier = len(self.binding.tiers) - 1
        space, ports = self.binding.space, {p.name: p for p in self.binding.kernel.inputs}
        moved = self.experiment.moved()
        ends = [space.values(x) for x in (space.low, space.high)]
        ranges = {
            n: tuple(ports[n].parsed.from_si(e[n]) for e in ends) for n in space.names if n in moved
        }
        z = self.experiment.runs.sites(tier).z
        if isinstance(report, Report) and report.law is not None:
            others = ", ".join(str(r.law) for r in report.rivals[:2]) or "what was not found"
            try:
                proposed = report.next_runs(self.binding.plan.execution.batch, ranges).runs
            except InputError:
                proposed = ()
            for run in proposed:
                values = dict(self.binding.fixed) | {n: _plain(v) for n, v in run.inputs.items()}
                logs = np.clip(self.binding.logs(values), space.low, space.high)
                at = space.coordinates(logs[None])[0]
                again = self.experiment.runs.count(at, tier) if self.experiment.stochastic else 0
                if again or nearest(at[None], z)[0] > 1e-6:
                    reason = (
                        f"it distinguishes {report.law} from {others}: {run.information:.2g} nats"
                    )
                    return [Proposal(at, tier, "rivals", reason, replicate=again)]
        reason = "farthest from every run, since no law is probable yet"
        places = evidence.farthest(1, evidence.usable_pool, z)
        return [Proposal(at, tier, "rivals", reason) for at in places]


def _plain(value: tuple[float, str] | str) -> float | str:
    return value if isinstance(value, str) else value[0]
