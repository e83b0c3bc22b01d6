"""The answer about the laws that were found: exponents, places, borders, and their pertinence."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.special import stdtrit

from dimgs.campaign.binding import Binding
from dimgs.campaign.design import hidden
from dimgs.campaign.evidence import TierEvidence
from dimgs.campaign.result import (
    Pertinence,
    PointAnswer,
    RegimeAnswer,
    RegimeBoundary,
    Tested,
)
from dimgs.campaign.space import CampaignRuns
from dimgs.campaign.text import counted, sentence
from dimgs.campaign.thresholds import (
    Meeting,
    Rationals,
    Threshold,
    conditions_of,
    holding,
    meeting,
    monomial_text,
    physical,
    where_text,
    where_words,
)
from dimgs.common.arrays import Array, IntArray
from dimgs.fits.consensus import Border, FittedLaw, separating
from dimgs.fits.estimate import Exponent
from dimgs.report.findings import Activation
from dimgs.similitude.answer import said

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
    binding : Binding
    evidence : TierEvidence
        Its model, in the end.
    moved : sequence of str
        Inputs that runs varied.
    """

    def __init__(self, binding: Binding, evidence: TierEvidence, moved: Sequence[str]) -> None:
        self.binding, self.evidence, self.moved = binding, evidence, moved
        self.space, self.model = binding.space, evidence.model
        self.laws = evidence.answered
        self.level = binding.plan.level
        every = [exponents_of(binding, law, self.level) for law in self.model.laws]
        self.exponents = every
        self.rationals: list[Rationals] = [[e.rational for e in told] for told in every]
        runs, tier = evidence.runs, evidence.tier
        # without a free group all runs are of one point, whatever came of them
        self.lost = len(runs.lost(tier)) if self.space.rank else runs.unanswered(tier)
        self.entangled = set(self.model.entangled)
        self.conditions = {k: self._conditions(k) for k in self.laws}

    def _met(self, b: Border) -> Meeting:
        one, other = self.model.laws[b.below], self.model.laws[b.above]
        return meeting(
            self.space, other.slope - one.slope, self.rationals[b.below], self.rationals[b.above]
        )

    def _conditions(self, k: int) -> list[Threshold]:
        """Conditions of a law: borders that exclude anything, runs of no law, and of no answer."""
        model, pool = self.model, self.evidence.design.pool
        found = []
        for b in model.borders:
            if k not in (b.below, b.above):
                continue
            along = b.along(pool)
            rest = model.between(b, pool) | model.holds(pool, strictly=False)[:, k]
            outside = (along > b.low) if k == b.below else (along < b.high)
            if not np.any(rest & outside):
                continue
            found.append(self._threshold(b, k))
        law = model.laws[k]
        stray = model.sites.z[model.orphans]
        lost = self.evidence.runs.lost(self.evidence.tier)
        domain = self.evidence.domain
        if domain is not None:
            # where runs give an answer is one question, whatever law they follow
            outer = conditions_of(domain)[0]
            if not holding(self.space, [outer], pool).all():
                found.append(outer)
        for others in (stray, lost):
            beyond = others[holding(self.space, found, others)]
            apart = separating(self.space.axes, model.sites.z[law.rows], beyond)
            if apart is not None:
                found.append(conditions_of(apart)[0])
            elif len(beyond) and others is stray:
                self.entangled.add(k)
        return found

    def _threshold(self, b: Border, k: int) -> Threshold:
        end = b.low if k == b.below else b.high
        if b.monomial is not None:
            return Threshold(b.monomial, k == b.above, float(np.exp(end)))
        met = self._met(b)
        one, other = self.model.laws[b.below], self.model.laws[b.above]
        # the border counts the ratio of the laws towards the law above
        gap = b.sign * end
        value = met.threshold(float(other.coefficients[0] - one.coefficients[0]), gap)
        return Threshold(met.monomial, (k == b.above) == (b.sign * met.scale > 0), value)

    def regime(self, k: int) -> RegimeAnswer:
        """A regime as it is reported, its law by `fit` apart."""
        names = [t.name for t in self.binding.tiers]
        conditions, every, t0 = self.conditions[k], self.exponents[k], self.space.references
        powers = [e for e in every if e.name not in t0]
        counts, means = {}, []
        for t, name in enumerate(names):
            sites, rows = self.evidence.runs.sites(t), self.members(k, t)
            counts[name] = int(sites.count[rows].sum())
            means.append(dict(zip(sites.numbers[rows].tolist(), sites.y[rows], strict=True)))
        bias = {
            name: float(np.mean([fine[n] - coarse[n] for n in fine.keys() & coarse.keys()]))
            for name, (coarse, fine) in zip(names[1:], pairwise(means), strict=True)
            if fine.keys() & coarse.keys()
        }
        inside = self.model.holds(self.evidence.design.pool)[:, k]
        return RegimeAnswer(
            where=where_text(self.space, conditions),
            place=where_words(self.space, conditions),
            exponents=tuple(e for e in powers if e.name in self.moved),
            implied=tuple(e for e in powers if e.name not in self.moved),
            activation={
                e.name: Activation(*(t0[e.name] * x for x in (e.value, e.low, e.high)))
                for e in every
                if e.name in t0 and e.name in self.moved
            },
            runs=counts,
            share=float(inside.mean()),
            bias=bias,
        )

    def members(self, k: int, tier: int) -> IntArray:
        """Sites of a tier where a law holds; its own runs in the tier that it was found in."""
        sites = self.evidence.runs.sites(tier)
        inside = self.model.holds(sites.z)[:, k] & holding(self.space, self.conditions[k], sites.z)
        if tier == self.evidence.tier:
            own = np.isin(np.arange(len(sites)), self.model.laws[k].rows)
            few = (inside & own).sum() < self.space.rank + 2
            inside = own if few else inside & own
        return np.flatnonzero(inside)

    def boundaries(self) -> tuple[RegimeBoundary, ...]:
        """Borders between regimes that lie beside each other."""
        names = [g.name for g in self.space.groups]
        found = []
        for b in self.model.borders:
            if b.below not in self.laws or b.above not in self.laws:
                continue
            if not len(self.model.crossings(b)) or not self._beside(b):
                continue
            numbers = self.laws.index(b.below) + 1, self.laws.index(b.above) + 1
            if b.monomial is not None:
                monomial, kind = b.monomial, "jump"
                ends = np.exp([b.middle, b.low, b.high])
            else:
                met, kind = self._met(b), "meeting"
                monomial = met.monomial
                one, other = self.model.laws[b.below], self.model.laws[b.above]
                value = met.threshold(float(other.coefficients[0] - one.coefficients[0]), 0.0)
                at = self._middle(b)
                row = np.concatenate([[1.0], at])[None]
                half = [law.half_widths(row, self.level)[0] for law in (one, other)]
                with np.errstate(over="ignore"):
                    spread = float(np.exp(abs(met.scale) * float(np.hypot(*half))))
                ends = np.array([value, value / spread, value * spread])
            pair = (min(numbers), max(numbers))
            value, low, high = map(float, ends)
            texts = monomial_text(monomial, names), str(physical(monomial, self.space.groups))
            found.append(RegimeBoundary(pair, *texts, value, low, high, kind))
        return tuple(found)

    def _beside(self, b: Border) -> bool:
        """Whether some of the ranges lies between two laws and nothing else does."""
        pool = self.evidence.design.pool
        inside = self.model.between(b, pool)
        along = b.along(pool)[inside] - b.middle
        return bool(np.any(along <= 0.0) and np.any(along >= 0.0))

    def _middle(self, b: Border) -> Array:
        pool = self.evidence.design.pool
        here = np.flatnonzero(self.model.between(b, pool))
        return np.asarray(pool[here[np.argmin(np.abs(b.along(pool)[here]))]])

    def relevant(self, k: int) -> bool:
        """Whether a law can be relied on at all."""
        law = self.model.laws[k]
        known = bool(np.isfinite(law.spread).all() and np.isfinite(law.sigma))
        return known and k not in self.entangled and not self._untested(law)

    def _untested(self, law: FittedLaw) -> bool:
        """Whether a law is one of a coarse tier that no finer one has confirmed."""
        return self.evidence.tier < len(self.binding.tiers) - 1 and law.correction is None

    def tested(self, k: int) -> Tested:
        """How many runs a law goes through beyond those that determine it, and how well."""
        law, evidence = self.model.laws[k], self.evidence
        half = float(np.max(law.half_widths(evidence.functionals(), self.level), initial=0.0))
        # equal runs test no law but that of a kernel without a free group
        runs = len(law.rows) if self.space.rank else int(self.model.sites.count[law.rows].sum())
        return Tested(runs - len(law.coefficients), half, evidence.tolerance)

    def judged(self, k: int, told: RegimeAnswer, name: str) -> Pertinence:
        """Whether a regime's answer can be relied on, how far, and what it says."""
        law, evidence = self.model.laws[k], self.evidence
        c = evidence.functionals()
        half = float(np.max(law.half_widths(c, self.level), initial=0.0))
        relevant = self.relevant(k)
        confidence = law.confidence(c, evidence.tolerance) if relevant else 0.0
        meaning = sentence(
            self.binding.target.name,
            told.place,
            told.exponents,
            everywhere=not self.lost,
            activation=told.activation,
        )
        why = (
            f"{counted(told.runs)} over {told.share:.0%} of the ranges; the widest half-width is "
            f"{half:.3g}, {evidence.tolerance} was asked for."
        )
        if evidence.change:
            why += f" No exponent changes by more than {evidence.change:.2g} over the ranges."
        if not relevant:
            meaning = f"No answer: {self._failure(k)}"
        stray = len(self.model.orphans)
        if stray:
            n = len(self.model.sites)
            why += f" {stray} of {n} runs follow no law that was found."
        if self.lost:
            s = "s" if self.lost > 1 else ""
            why += f" {self.lost} run{s} gave no answer: nothing is known there."
        acceptability = min(1.0, evidence.tolerance / max(half, 1e-12)) if relevant else 0.0
        return Pertinence(name, relevant, acceptability, confidence, meaning, why)

    def _failure(self, k: int) -> str:
        if k in self.entangled:
            return (
                "its runs lie among those of another law, or of none, and no monomial of the "
                "groups says where it holds."
            )
        if self._untested(self.model.laws[k]):
            tiers = self.binding.tiers
            return (
                f"only the tier '{tiers[self.evidence.tier].name}' was seen, and too few runs of "
                f"'{tiers[-1].name}' to test it; raise the budget."
            )
        n = len(self.model.laws[k].rows)
        runs = f"{n} run with an answer is" if n == 1 else f"{n} runs with an answer are"
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
        model, tier = self.evidence.model, self.evidence.tier
        if worst > 1.0 and model.scatter.sigma and len(model.laws) == 1:
            # intervals shrink with the root of the number of runs
            more = len(self.evidence.runs.made_for(tier)) * (worst**2 - 1.0)
            text += f" About {int(np.ceil(more))} more would bring it within."
        return text


def half_width(runs: CampaignRuns, z: Array, tier: int, level: float, least: int) -> float:
    """Half-width of the mean logarithm of the runs at a point; infinite without any.

    A kernel that repeats itself is as good as what it prints.
    """
    square, freedom = runs.scatter(tier)
    sites, at = runs.site(z, tier)
    if at is None:
        return np.inf
    sigma = float(np.sqrt(square / freedom)) if freedom else 0.0
    if sigma <= _DIGITS or freedom < least:
        return _DIGITS if sigma <= _DIGITS else np.inf
    t = float(stdtrit(freedom, 0.5 + level / 2.0))
    return t * sigma / float(np.sqrt(sites.count[at]))


def point_answer(
    binding: Binding, runs: CampaignRuns, number: int
) -> tuple[PointAnswer, Pertinence]:
    """Prediction at a named point, from the runs made there, and whether it can be relied on."""
    tier, level = len(binding.tiers) - 1, binding.plan.level
    z, name = binding.points[number], f"point {number + 1}"
    half = half_width(runs, z, tier, level, 1)
    sites, at = runs.site(z, tier)
    mean = (np.nan if at is None else float(sites.y[at])) - binding.shifts[number]
    target, wanted = binding.space.basis.target, binding.plan.tolerance.prediction
    assert target is not None
    assert wanted is not None
    with np.errstate(over="ignore"):
        value, low, high = (float(np.exp(mean + s * half)) for s in (0.0, -1.0, 1.0))
    room, known = float(np.log1p(wanted)), at is not None and bool(np.isfinite(half))
    answer = PointAnswer(value, low, high, target.si_unit, False)
    told = said(binding.target.name, answer.to_json())
    meaning = told if known else "No answer: no run at the point gave one."
    why = f"{int(sites.count[at])} runs at the point itself." if known else "Nothing."
    good = min(1.0, room / max(half, 1e-12)) if known else 0.0
    sure = level if half <= room else level * good
    return answer, Pertinence(name, known, good, sure if known else 0.0, meaning, why)
