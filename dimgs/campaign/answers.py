"""The answer about the laws that were found: exponents, places, borders, and their pertinence."""

import numpy as np
from scipy.special import stdtrit

from dimgs.campaign.binding import Binding
from dimgs.campaign.design import hidden
from dimgs.campaign.evidence import TierEvidence
from dimgs.campaign.experiment import Experiment
from dimgs.campaign.result import (
    Pertinence,
    PointAnswer,
    RegimeAnswer,
    RegimeBoundary,
    Tested,
)
from dimgs.campaign.text import counted, sentence
from dimgs.campaign.thresholds import (
    Crossing,
    Rationals,
    condition,
    condition_of,
    holding,
    monomial_of,
    physical,
    where_words,
)
from dimgs.common.arrays import Array, IntArray
from dimgs.fits.consensus import Border, FittedLaw, separating
from dimgs.fits.estimate import Exponent
from dimgs.law.power import Side, monomial_text, where_text
from dimgs.report.findings import Activation
from dimgs.similitude.answer import judge_answer

# log; what a kernel prints of a value
_DIGITS = 1e-6
# of an exponent: meshes and steps of kernels shift exponents by less, and rationals that are
# farther off than this (0.588 and 3/5) are other numbers, whatever tolerance was asked for
_CLOSE = 0.005
# half-widths of a 90 % interval within which a true rational lies but for one in a thousand
_SURELY = 2.0


def exponents_of(binding: Binding, law: FittedLaw, level: float) -> tuple[Exponent, ...]:
    """Exponents of the varied inputs in a regime, rational where the tolerance leaves one."""
    space = binding.space
    values = space.offset + space.exponent_map @ law.slope
    rows = np.column_stack([np.zeros(len(space.names)), space.exponent_map])
    half = law.half_widths(rows, level) if space.rank else np.zeros(len(values))
    asked = binding.plan.tolerance.exponents or 0.0
    return tuple(
        # the elasticity of a temperature that enters as 1/T is no exponent, and no rational
        Exponent(name, float(value), float(value - width), float(value + width))
        if name in space.references
        else Exponent.within(name, value, width, min(asked, max(_CLOSE, _SURELY * width)))
        for name, value, width in zip(space.names, values, half, strict=True)
    )


class Answers:
    """The laws of a campaign as they are reported.

    Parameters
    ----------
    evidence : TierEvidence
        Its model, in the end.
    experiment : Experiment
        The runs.
    """

    def __init__(self, evidence: TierEvidence, experiment: Experiment) -> None:
        binding = self.binding = evidence.binding
        self.evidence, self.experiment, self.moved = evidence, experiment, experiment.moved()
        self.space, self.model, self.level = binding.space, evidence.model, binding.plan.level
        self.laws = evidence.answered
        self.exponents = [exponents_of(binding, law, self.level) for law in self.model.laws]
        self.rationals: list[Rationals] = [[e.rational for e in every] for every in self.exponents]
        runs, tier = evidence.runs, evidence.tier
        # without a free group all runs are of one point, whatever came of them
        self.lost = len(runs.lost(tier)) if self.space.rank else runs.unanswered(tier)
        self.entangled = set(self.model.entangled)
        self.conditions = {k: self._conditions(k) for k in self.laws}

    def _crossing(self, b: Border) -> Crossing:
        """A border as a value of a monomial of the groups."""
        if b.monomial is not None:
            return Crossing(b.monomial)
        pairs = zip(self.rationals[b.below], self.rationals[b.above], strict=True)
        exact = [q - p for p, q in pairs if p is not None and q is not None]
        known = monomial_of(self.space, exact) if len(exact) == len(self.space.names) else None
        apart = self.model.laws[b.above].coefficients - self.model.laws[b.below].coefficients
        slope, axes = apart[1:], self.space.axes
        monomial = known or axes.decimal(slope)
        start, gradient = axes.gradient(monomial)
        scale = float(gradient @ slope) / float(slope @ slope)
        # the border counts the ratio of the laws towards the law above
        return Crossing(monomial, b.sign * scale, start - scale * float(apart[0]))

    def _conditions(self, k: int) -> list[Side]:
        """Conditions of a law: borders that exclude anything, runs of no law, and of no answer."""
        model, pool, domain = self.model, self.evidence.design.pool, self.evidence.domain
        conditions = []
        for b in model.borders:
            if k not in (b.below, b.above):
                continue
            along, is_above = b.along(pool), k == b.above
            rest = model.between(b, pool) | model.holds(pool, strictly=False)[:, k]
            if np.any(rest & (along < b.high if is_above else along > b.low)):
                crossing = self._crossing(b)
                value = crossing.at(b.high if is_above else b.low)
                at_least = is_above == (crossing.scale > 0)
                conditions.append(condition(crossing.monomial, value, at_least))
        # where runs give an answer is one question, whatever law they follow
        if domain is not None and not holding(self.space, [condition_of(domain)], pool).all():
            conditions.append(condition_of(domain))
        unexplained = model.sites.z[model.orphans]
        for others in (unexplained, self.evidence.runs.lost(self.evidence.tier)):
            beyond = others[holding(self.space, conditions, others)]
            apart = separating(self.space.axes, model.sites.z[model.laws[k].rows], beyond)
            if apart is not None:
                conditions.append(condition_of(apart))
            elif len(beyond) and others is unexplained:
                self.entangled.add(k)
        return conditions

    def regime(self, k: int) -> RegimeAnswer:
        """A regime as it is reported, its law by `fit` apart."""
        conditions, t0 = self.conditions[k], self.space.references
        counts, bias, coarse = dict[str, int](), dict[str, float](), dict[int, float]()
        for t, tier in enumerate(self.binding.tiers):
            sites, rows = self.evidence.runs.sites(t), self.members(k, t)
            counts[tier.name] = int(sites.count[rows].sum())
            answers = dict(zip(sites.numbers[rows].tolist(), sites.y[rows], strict=True))
            if both := answers.keys() & coarse.keys():
                bias[tier.name] = float(np.mean([answers[n] - coarse[n] for n in both]))
            coarse = answers
        moved = [e for e in self.exponents[k] if e.name in self.moved]
        still = [e for e in self.exponents[k] if e.name not in self.moved]
        law, evidence = self.model.laws[k], self.evidence
        half = float(np.max(law.half_widths(evidence.functionals(), self.level), initial=0.0))
        # equal runs test no law but that of a kernel without a free group
        runs = len(law.rows) if self.space.rank else int(self.model.sites.count[law.rows].sum())
        return RegimeAnswer(
            where=where_text(conditions, [g.name for g in self.space.groups]),
            place=where_words(self.space, conditions),
            exponents=tuple(e for e in moved if e.name not in t0),
            implied=tuple(e for e in still if e.name not in t0),
            activation={
                e.name: Activation(*(t0[e.name] * x for x in (e.value, e.low, e.high)))
                for e in moved
                if e.name in t0
            },
            runs=counts,
            share=float(self.model.holds(evidence.design.pool)[:, k].mean()),
            bias=bias,
            tested=Tested(runs - len(law.coefficients), half, evidence.tolerance),
        )

    def members(self, k: int, tier: int) -> IntArray:
        """Sites of a tier where a law holds; its own runs in the tier that it was found in."""
        sites = self.evidence.runs.sites(tier)
        inside = self.model.holds(sites.z)[:, k] & holding(self.space, self.conditions[k], sites.z)
        if tier == self.evidence.tier:
            fitted = np.isin(np.arange(len(sites)), self.model.laws[k].rows)
            few = (inside & fitted).sum() < self.space.rank + 2
            inside = fitted if few else inside & fitted
        return np.flatnonzero(inside)

    def boundaries(self) -> tuple[RegimeBoundary, ...]:
        """Borders between regimes that lie beside each other."""
        names, pool = [g.name for g in self.space.groups], self.evidence.design.pool
        boundaries = []
        for b in self.model.borders:
            if b.below not in self.laws or b.above not in self.laws:
                continue
            # some of the ranges lies between the two laws, and nothing else does
            between = pool[self.model.between(b, pool)]
            along = b.along(between) - b.middle
            beside = np.any(along <= 0.0) and np.any(along >= 0.0)
            if not len(self.model.crossings(b)) or not beside:
                continue
            crossing, half = self._crossing(b), (b.high - b.low) / 2.0
            if b.meets:
                row = np.append(1.0, between[np.argmin(np.abs(along))])[None]
                pair = (self.model.laws[b.below], self.model.laws[b.above])
                half = float(np.hypot(*(law.half_widths(row, self.level)[0] for law in pair)))
            with np.errstate(over="ignore"):
                spread = float(np.exp(abs(crossing.scale) * half))
            one, two = sorted(self.laws.index(k) + 1 for k in (b.below, b.above))
            monomial, value = crossing.monomial, crossing.at(b.middle)
            texts = monomial_text(monomial, names), str(physical(monomial, self.space.groups))
            ends, kind = (value / spread, value * spread), "meeting" if b.meets else "jump"
            boundaries.append(RegimeBoundary((one, two), *texts, value, *ends, kind))
        return tuple(boundaries)

    def judged(self, k: int, regime: RegimeAnswer, name: str) -> Pertinence:
        """Whether a regime's answer can be relied on, how far, and what it says."""
        evidence, half = self.evidence, regime.tested.half_width
        target, everywhere = self.binding.target.name, not self.lost
        meaning = sentence(target, regime.place, regime.exponents, everywhere, regime.activation)
        why = (
            f"{counted(regime.runs)} over {regime.share:.0%} of the ranges; the widest half-width "
            f"is {half:.3g}, {evidence.tolerance} was asked for."
        )
        if evidence.change:
            why += f" No exponent changes by more than {evidence.change:.2g} over the ranges."
        unexplained, n = len(self.model.orphans), len(self.model.sites)
        if unexplained:
            why += f" {unexplained} of {n} runs follow no law that was found."
        if self.lost:
            why += f" {counted({'only': self.lost})} gave no answer: nothing is known there."
        if failure := self._failure(k):
            return Pertinence(name, False, 0.0, 0.0, f"No answer: {failure}", why)
        confidence = self.model.laws[k].confidence(evidence.functionals(), evidence.tolerance)
        acceptability = min(1.0, evidence.tolerance / max(half, 1e-12))
        return Pertinence(name, True, acceptability, confidence, meaning, why)

    def _failure(self, k: int) -> str:
        """Why a law cannot be relied on at all; empty where it can."""
        law, tiers, tier = self.model.laws[k], self.binding.tiers, self.evidence.tier
        if k in self.entangled:
            return (
                "its runs lie among those of another law, or of none, and no monomial of the "
                "groups says where it holds."
            )
        if tier < len(tiers) - 1 and law.correction is None:
            return (
                f"only the tier '{tiers[tier].name}' was seen, and too few runs of "
                f"'{tiers[-1].name}' to test it; raise the budget."
            )
        if np.isfinite(law.spread).all() and np.isfinite(law.sigma):
            return ""
        n = len(law.rows)
        runs = f"{counted({'only': n})} with an answer {'is' if n == 1 else 'are'}"
        remedy = "see why the others gave none" if self.lost else "raise the budget"
        return f"{runs} too few; {remedy}."

    def unseen(self) -> str:
        """What may hide between the runs that were made."""
        evidence, space = self.evidence, self.space
        if not space.rank or not self.laws:
            return ""
        usable = evidence.design.pool[evidence.feasible(evidence.design.pool)]
        share = hidden(space, self.model.sites.z, usable)[1] if len(usable) else 1.0
        step = float(np.expm1(np.max(self.model.scatter.limits(np.ones(1)))))
        return (
            f"Between the runs made, assuming a threshold in one monomial, no step above "
            f"{step:.1%} was left unseen; at most {share:.0%} of the ranges lie beyond all runs "
            f"along one monomial."
        )

    def further(self) -> str:
        """What was reached."""
        worst = self.evidence.worst
        if self.binding.plan.tolerance.of_one_law:
            return ""
        if not self.laws or not np.isfinite(worst):
            return "No power law was found."
        text = f"The widest interval is {worst:.3g} times its tolerance."
        model = self.model
        if worst > 1.0 and model.scatter.sigma and len(model.laws) == 1:
            more = self.evidence.expected_runs - len(self.evidence.purposes)
            text += f" About {int(np.ceil(more))} more would bring it within."
        return text


def half_width(experiment: Experiment, z: Array, least: int) -> float:
    """Half-width of the mean logarithm of the finest runs at a point; infinite without any.

    A kernel that repeats itself is as good as what it prints; `least` degrees of freedom tell the
    scatter of another.
    """
    runs, tier = experiment.runs, len(experiment.binding.tiers) - 1
    square, freedom = runs.scatter(tier)
    sites, at = runs.site(z, tier)
    if at is None:
        return np.inf
    sigma = float(np.sqrt(square / max(freedom, 1)))
    if sigma <= _DIGITS:
        return _DIGITS
    level = 0.5 + experiment.binding.plan.level / 2.0
    t = float(stdtrit(freedom, level)) if freedom >= least else np.inf
    return t * sigma / float(np.sqrt(sites.count[at]))


def point_answer(experiment: Experiment, number: int) -> tuple[PointAnswer, Pertinence]:
    """Prediction at a named point, from the runs made there, and whether it can be relied on."""
    binding, name = experiment.binding, f"point {number + 1}"
    z, tier, level = binding.points[number], len(binding.tiers) - 1, binding.plan.level
    half = half_width(experiment, z, 1)
    sites, at = experiment.runs.site(z, tier)
    mean = (np.nan if at is None else float(sites.y[at])) - binding.shifts[number]
    target, wanted = binding.space.basis.target, binding.plan.tolerance.prediction
    assert target is not None
    assert wanted is not None
    with np.errstate(over="ignore"):
        value, low, high = (float(np.exp(mean + s * half)) for s in (0.0, -1.0, 1.0))
    answer = PointAnswer(value, low, high, target.si_unit)
    if at is None or not np.isfinite(half):
        meaning = "No answer: no run at the point gave one."
        return answer, Pertinence(name, False, 0.0, 0.0, meaning, "Nothing.")
    why = f"{int(sites.count[at])} runs at the point itself."
    room = float(np.log1p(wanted))
    grade = judge_answer(binding.target.name, vars(answer), half, room, level, why)
    return answer, Pertinence(name, **grade)
