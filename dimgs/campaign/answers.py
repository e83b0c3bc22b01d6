"""The end of a campaign: laws where they hold, predictions, and whether they can be relied on."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import stdtrit

from dimgs.campaign.evidence import Surrogate, TierEvidence
from dimgs.campaign.experiment import Experiment
from dimgs.campaign.known import SHARED
from dimgs.campaign.plan import Binding, PiSpace, Plan, bounded_exp
from dimgs.campaign.regimes import SAME, Border, FittedLaw, Powers
from dimgs.campaign.result import (
    CampaignResult,
    Ending,
    Outcome,
    Pertinence,
    PointAnswer,
    RegimeAnswer,
    RegimeBoundary,
    Tested,
    as_sentence,
    counted,
    quantity,
    sentence,
)
from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import DimgsError
from dimgs.common.formats import attributes
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with, verdict_on
from dimgs.discovery.options import Options
from dimgs.discovery.power_law import fit_prepared
from dimgs.discovery.prepare import prepare
from dimgs.discovery.regimes import tightest
from dimgs.fits.estimate import Exponent
from dimgs.fits.noise import rms
from dimgs.groups.dimensions import primitive, solve_exact
from dimgs.groups.group import PiGroup
from dimgs.hub.store import dataset_of
from dimgs.judgement.confirmation import PROBABLE
from dimgs.judgement.next_run import uncovered
from dimgs.kernels.record import RunRecord
from dimgs.law.assemble import Side, inside, reading, where_text
from dimgs.law.checked_law import Constant
from dimgs.law.prediction import domain_of
from dimgs.report.findings import Activation
from dimgs.report.results import FitResult, Report, Verdict
from dimgs.report.words import listed
from dimgs.similitude.answer import judge_answer
from dimgs.variables import si_unit

Rationals = Sequence[Fraction | None]
Analysis = Report | FitResult | None

# fits in which a closed form of two or three laws that meet is found if there is one, in seconds:
# a rod's tanh took more than 2,000. A campaign that would end without an answer searches as long
# as `discover` does
_EVALUATIONS = 4000
# a campaign's runs have mostly cost more; the longer search takes a minute of an idle processor
_DISCOVER_SECONDS, _LONG_SECONDS = 60.0, 600.0
# a law that its runs make less probable than this is another law, whatever else was tested
_EVEN = 0.5
# sources whose spread is reported: three have one, and each is left out in turn
_SPREAD = 4
# of a crossover that runs do not tell from a corner
_SHARP = 10.0
# of the target's logarithm: beside its crossovers a law of a regime predicts within half of the
# tolerance that a question has by default
_CROSSOVER = 0.05
# of an exponent: meshes and steps of kernels shift exponents by less, and rationals that are
# farther off than this (0.588 and 3/5) are other numbers, whatever tolerance was asked for
_CLOSE = 0.005
# of half a range, in logarithms: an input that was run so near to its ends was run over all of it
_SHORT_OF = 0.1
# half-widths of a 90 % interval within which a true rational lies but for one in a thousand
_SURELY = 2.0


def physical(powers: Powers, groups: Sequence[PiGroup]) -> PiGroup:
    """The same in the inputs, columns that enter unlogged apart."""
    return PiGroup.product("monomial", groups, powers[: len(groups)])


def monomial_words(space: PiSpace, powers: Powers) -> str:
    """A monomial in the inputs; a temperature alone is itself."""
    used = [(f, p) for f, p in zip(space.features, powers, strict=True) if p]
    if len(used) == 1 and not used[0][0].logged:
        return used[0][0].name
    kelvin = [f"exp({float(p):.5g} K/{f.name})" for f, p in used if not f.logged]
    groups = [str(physical(powers, space.groups))] if len(kelvin) < len(used) else []
    return "·".join([*groups, *kelvin])


def monomial_of(space: PiSpace, exponents: Sequence[Fraction]) -> Powers | None:
    """Monomial of groups with these exponents of the varied inputs, in whole powers.

    Parameters
    ----------
    space : PiSpace
    exponents : sequence of Fraction
        Of the varied inputs.

    Returns
    -------
    tuple of Fraction or None
        Powers of the groups, the first positive, or none of them where all exponents are 0, then
        those of temperatures, which are 0. None where no groups make it.
    """
    given = zip(space.names, exponents, strict=True)
    rows = [[*(g.get(name) for g in space.groups), Fraction(e)] for name, e in given]
    solved = solve_exact(rows, len(space.groups)) if space.groups else ()
    if solved is None:
        return None
    sign = 1 if next((p for p in solved if p), 1) > 0 else -1
    powers = [sign * p for p in primitive(solved)] if any(solved) else [0] * len(solved)
    return tuple(Fraction(p) for p in (*powers, *[0] * len(space.references)))


def essential(space: PiSpace, rationals: Sequence[Rationals]) -> tuple[str, ...]:
    """Fewest monomials, in the inputs, on which the laws' differences depend.

    Empty where exponents are not all rational, or where there is a single law.
    """
    known = [[q for q in r if q is not None] for r in rationals]
    if len(known) < 2 or any(len(k) < len(space.names) for k in known):
        return ()
    apart = [[b - a for a, b in zip(one, two, strict=True)] for one, two in combinations(known, 2)]
    met = filter(any, (monomial_of(space, row) or () for row in apart))
    offers = [physical(powers, space.groups) for powers in (*space.axes.short, *met)]
    rank, rows = np.linalg.matrix_rank, np.array(apart, dtype=float)
    wanted, chosen = rank(rows), dict[str, list[float]]()
    for group in offers:
        row = [float(group.get(n)) for n in space.names]
        if rank([*rows, row]) == wanted and rank([*chosen.values(), row]) > len(chosen):
            chosen[str(group)] = row
    return tuple(chosen) if len(chosen) == wanted else ()


def where_words(space: PiSpace, conditions: Sequence[Side]) -> str:
    """Conditions in the inputs, numbers with a name in the literature by name too."""
    parts = []
    for c in conditions:
        group, words = physical(c.powers, space.groups), monomial_words(space, c.powers)
        known = next((g.known_as for g in space.groups if g.exponents == group.exponents), None)
        name = f"the {known} " if known and words == str(group) else ""
        side = reading(c, space.features)[1]
        unit = " K" if words in space.references else ""
        parts.append(f"{name}{words} {'≥' if side.at_least else '<'} {side.threshold:.3g}{unit}")
    return listed(parts)


def exponents_of(
    binding: Binding, law: FittedLaw, doubt: Array | float = 0.0
) -> tuple[Exponent, ...]:
    """Exponents of the varied inputs in a regime, rational where the tolerance leaves one.

    `doubt` is by how much something that no exponent explains may change each.
    """
    space = binding.space
    values = space.offset + space.exponent_map @ law.slope
    level = binding.plan.level
    half = law.half_widths(space.functionals, level) if space.rank else np.zeros(len(values))
    half = np.hypot(half, doubt)
    asked = binding.plan.tolerance.exponents or 0.0
    return tuple(
        # the elasticity of a temperature that enters as 1/T is no exponent, and no rational
        Exponent(name, float(value), float(value - width), float(value + width))
        if name in space.references
        else Exponent.within(name, value, width, min(asked, max(_CLOSE, _SURELY * width)))
        for name, value, width in zip(space.names, values, half, strict=True)
    )


def stated(e: Exponent) -> Exponent:
    """An exponent with its rational only where its interval holds it.

    Examples
    --------
    >>> near = Exponent("U", 0.80409, 0.80304, 0.80515, Fraction(4, 5))
    >>> stated(near).rational, str(stated(replace(near, low=0.79)).rational)
    (None, '4/5')
    """
    held = e.rational is None or e.low - SAME <= e.rational <= e.high + SAME
    return e if held else replace(e, rational=None)


class Answers:
    """The laws of a campaign as they are reported.

    Parameters
    ----------
    evidence : TierEvidence
        Its model, in the end.
    experiment : Experiment
        The runs.
    consistent : bool
        Whether runs of equal groups agree. Otherwise no law of the groups holds.
    """

    def __init__(self, evidence: TierEvidence, experiment: Experiment, consistent: bool) -> None:
        binding = self.binding = evidence.binding
        self.evidence, self.experiment, self.moved = evidence, experiment, experiment.moved()
        self.space, self.model, self.level = binding.space, evidence.model, binding.plan.level
        self.doubts = [self._doubt(k) for k in range(len(self.model.laws))]
        pairs = zip(self.model.laws, self.doubts, strict=True)
        near = [exponents_of(binding, law, doubt) for law, doubt in pairs]
        self.rationals: list[Rationals] = [[e.rational for e in every] for every in near]
        # a rational that the interval excludes may decide on a monomial, but is not stated
        self.exponents = [tuple(map(stated, every)) for every in near]
        self.lost = sum(r.tier == evidence.tier for r in experiment.lost)
        self.entangled = set(self.model.entangled)
        laws = evidence.answered if consistent else []
        self.conditions = {k: self._conditions(k) for k in laws}
        # a law whose place its crossovers cover, or runs without an answer, is not answered beside
        # others; alone, it fails
        self.places = {k: self._place(k) for k in laws}
        self.laws = [k for k in laws if np.any(self.places[k])] or laws

    def _doubt(self, k: int) -> Array:
        """How much what a law misses its runs by may change each exponent.

        The target may move by as much between the middle and the end of what the runs say of an
        input: of its range, or of less where they lie closer together.
        """
        space, miss = self.space, self.evidence.miss(k)
        if not miss:
            return np.zeros(len(space.names))
        along = self.model.sites.z[self.model.laws[k].rows] @ space.exponent_map.T
        length = np.sum(space.exponent_map**2, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            # an input of no group is not moved along any
            reach = np.fmin(np.ptp(along, axis=0) / (2.0 * length), space.half)
            return np.asarray(miss / reach)

    def _monomial(self, b: Border) -> tuple[Powers, float, float]:
        """The monomial of a border, its logarithm there and its growth with what decides there."""
        if b.monomial is not None:
            return b.monomial, 0.0, 1.0
        thermal = [n in self.space.references for n in self.space.names]
        one, two = (
            [Fraction(0) if t else q for t, q in zip(thermal, self.rationals[k], strict=True)]
            for k in (b.below, b.above)
        )
        exact = [q - p for p, q in zip(one, two, strict=True) if p is not None and q is not None]
        # of equal exponents, the monomial is that of the fitted ones
        alike = len(exact) == len(one) and any([*exact, *thermal])
        known = monomial_of(self.space, exact) if alike else None
        apart = self.model.laws[b.above].coefficients - self.model.laws[b.below].coefficients
        slope, axes = apart[1:], self.space.axes
        monomial = axes.decimal(slope, known)
        start, gradient = axes.gradient(monomial)
        growth = float(gradient @ slope) / float(slope @ slope)
        # the border counts the ratio of the laws towards the law above
        return monomial, start - growth * float(apart[0]), b.sign * growth

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
                conditions.append(self._side(b, k))
        # where runs give an answer is one question, whatever law they follow
        good = [] if domain is None else [self._side(domain, 0)]
        conditions += [] if self._holding(good, pool).all() else good
        unexplained = model.sites.z[model.unexplained]
        for others in (unexplained, self.evidence.runs.lost(self.evidence.tier)):
            beyond = others[self._holding(conditions, others)]
            apart = self.space.axes.separating(model.sites.z[model.laws[k].rows], beyond)
            if apart is not None:
                conditions.append(self._side(apart, 0))
            elif len(beyond) and others is unexplained:
                self.entangled.add(k)
        return tightest(conditions)

    def _side(self, b: Border, k: int) -> Side:
        """Condition of a law, or a set of runs, at a border: just beyond its last run at a jump."""
        (monomial, start, growth), is_above = self._monomial(b), k == b.above
        at_least = is_above == (growth > 0)
        beyond = 0.0 if b.meets else -SAME if at_least else SAME
        end = float(bounded_exp(start + growth * (b.high if is_above else b.low) + beyond))
        return Side(monomial, end, end, end, at_least, 0)

    def _holding(self, conditions: Sequence[Side], z: Array) -> BoolArray:
        """Whether conditions hold at points of shape (n, rank)."""
        return inside(conditions, self.space.axes.at(z))

    def _place(self, k: int) -> BoolArray:
        """Where a law is answered, among the points that fill what the ranges reach."""
        pool = self.evidence.design.pool
        return self.model.holds(pool)[:, k] & self._holding(self.conditions[k], pool)

    def _with_law(self, k: int, fit: FitResult | None) -> list[Exponent]:
        """Exponents of a regime with the rationals of its law, where they are near.

        What the runs do not refute belongs to what is shown: intervals reach these rationals.
        """
        by_law = {} if fit is None else {e.name: e.rational for e in fit.variable_exponents}
        return [
            e
            if q is None or by_law.get(e.name) != q
            else replace(e, low=min(e.low, float(q)), high=max(e.high, float(q)), rational=q)
            for e, q in zip(self.exponents[k], self.rationals[k], strict=True)
        ]

    def regime(self, k: int, fit: FitResult | None) -> tuple[RegimeAnswer, Pertinence]:
        """A regime as it is reported, with its law by `fit`, and whether it can be relied on."""
        conditions, t0 = self.conditions[k], self.space.references
        counts, bias, coarse = dict[str, int](), dict[str, float](), dict[int, float]()
        for t, tier in enumerate(self.binding.tiers):
            sites, rows = self.evidence.runs.sites(t), self.members(k, t)
            counts[tier.name] = int(sites.count[rows].sum())
            answers = dict(zip(sites.numbers[rows].tolist(), sites.y[rows], strict=True))
            if both := answers.keys() & coarse.keys():
                bias[tier.name] = float(np.mean([answers[n] - coarse[n] for n in both]))
            coarse = answers
        every = self._with_law(k, fit)
        moved = [e for e in every if e.name in self.moved]
        hot = ((e, t0[e.name]) for e in moved if e.name in t0)
        law, evidence = self.model.laws[k], self.evidence
        half = float(np.max(law.half_widths(evidence.functionals, self.level), initial=0.0))
        doubt = evidence.miss(k)
        if evidence.binding.plan.tolerance.exponents is not None:
            half = max(half, *((e.high - e.low) / 2.0 for e in self.exponents[k]))
            doubt = float(np.max(self.doubts[k]))
        # equal runs test no law but that of a kernel without a free group
        sites, equal = self.model.sites, not self.space.rank
        runs = int(sites.count[law.rows].sum()) if equal else sites.apart(law.rows)
        cleared, name = fit is not None and fit.judge is None, f"regime {self.laws.index(k) + 1}"
        regime = RegimeAnswer(
            where=where_text(conditions, self.space.features),
            place=where_words(self.space, conditions),
            exponents=tuple(e for e in moved if e.name not in t0),
            implied=tuple(e for e in every if e.name not in {*t0, *self.moved}),
            activation={e.name: Activation(t * e.value, t * e.low, t * e.high) for e, t in hot},
            runs=counts,
            share=float(self.places[k].mean()),
            bias=bias,
            tested=Tested(runs - len(law.coefficients), half, evidence.tolerance, cleared),
            fit=fit,
        )
        meaning = sentence(self.binding.target.name, regime, not self.lost, self._reached())
        over = f"{counted(regime.runs)} over {regime.share:.0%} of the ranges"
        over += " where runs gave an answer" if self.lost else ""
        plan = self.binding.plan
        asked = plan.tolerance.exponents is not None or plan.over_ranges
        wanted = f", {evidence.tolerance} was asked for" if asked else ""
        why = f"{over}; the widest half-width is {half:.3g}{wanted}."
        if evidence.change:
            why += f" No exponent changes by more than {evidence.change:.2g} over the ranges."
        if evidence.lawless:
            n = int(sites.count.sum())
            why += f" {evidence.lawless} of {n} runs follow no law that was found."
        if self.lost:
            why += f" {counted({'only': self.lost})} gave no answer: nothing is known there."
        if failure := self.failure(k):
            return regime, Pertinence(name, False, 0.0, 0.0, f"No answer: {failure}", why)
        confidence = law.confidence(evidence.functionals, evidence.tolerance - doubt)
        probable = None if cleared or fit is None else fit.verdict.probability
        if probable is not None and probable < _EVEN:
            # the exponents are then those of another law
            confidence = min(confidence, probable)
        acceptability = min(1.0, evidence.tolerance / max(half, 1e-12))
        return regime, Pertinence(name, True, acceptability, confidence, meaning, why)

    def _reached(self) -> str:
        """Varied inputs whose ranges the answered runs do not reach, with what they do reach."""
        space, runs = self.space, self.evidence.runs.of_tier(self.evidence.tier, answered=True)
        ends = np.array([f([r.logs for r in runs], axis=0) for f in (np.min, np.max)])
        short = np.abs(ends - [space.low, space.high]).max(axis=0) > _SHORT_OF * space.half
        ports, (low, high) = self.binding.ports, map(self.binding.values, ends)
        return listed(
            f"{n} from {quantity(low[n], ports[n].unit)} to {quantity(high[n], ports[n].unit)}"
            for n, s in zip(space.names, short, strict=True)
            if s and n in self.moved
        )

    def members(self, k: int, tier: int) -> IntArray:
        """Sites of a tier where a law holds; its own runs in the tier that it was found in."""
        sites = self.evidence.runs.sites(tier)
        here = self.model.holds(sites.z)[:, k] & self._holding(self.conditions[k], sites.z)
        if tier == self.evidence.tier:
            fitted = np.isin(np.arange(len(sites)), self.model.laws[k].rows)
            few = (here & fitted).sum() < self.space.rank + 2
            here = fitted if few else here & fitted
        return np.flatnonzero(here)

    def boundaries(self) -> tuple[RegimeBoundary, ...]:
        """Borders between regimes that lie beside each other."""
        pool = self.evidence.design.pool
        boundaries = []
        for b in self.model.borders:
            numbers = [self.laws.index(k) + 1 for k in (b.below, b.above) if k in self.laws]
            between = pool[self.model.between(b, pool)]
            along = b.along(between) - b.middle
            # some of the ranges lies between the two laws, and nothing else does
            beside = np.any(along <= 0.0) and np.any(along >= 0.0)
            if len(numbers) < 2 or not len(self.model.crossings(b)) or not beside:
                continue
            (monomial, start, growth), half = self._monomial(b), (b.high - b.low) / 2.0
            if b.meets:
                row = np.append(1.0, between[np.argmin(np.abs(along))])[None]
                laws = (self.model.laws[b.below], self.model.laws[b.above])
                half = float(np.hypot(*(law.half_widths(row, self.level)[0] for law in laws)))
            spread = float(bounded_exp(abs(growth) * half))
            value = float(bounded_exp(start + growth * b.middle))
            side = Side(monomial, value, value / spread, value * spread, True, 0)
            text, side = reading(side, self.space.features)
            words, kind = monomial_words(self.space, monomial), "meeting" if b.meets else "jump"
            pair, ends = (min(numbers), max(numbers)), (side.threshold, side.low, side.high)
            unit = "K" if words in self.space.references else "1"
            boundaries.append(RegimeBoundary(pair, text, words, *ends, kind, unit))
        return tuple(boundaries)

    def failure(self, k: int) -> str:
        """Why a law cannot be relied on at all; empty where it can."""
        law, tiers, tier = self.model.laws[k], self.binding.tiers, self.evidence.tier
        if k in self.entangled:
            return "its runs lie among others, and no monomial of the groups says where it holds."
        if not np.any(self.places[k]):
            return "its crossovers and the runs without an answer leave it no place in the ranges."
        if tier < len(tiers) - 1 and law.correction is None:
            seen, finest = f"only the tier '{tiers[tier].name}' was seen", tiers[-1].name
            return f"{seen}, and too few runs of '{finest}' to test it; raise the budget."
        n = int(self.model.sites.count[law.rows].sum())
        others = self.entangled or len(self.evidence.unexplained())
        if others and self.evidence.by_chance(law):
            return f"{counted({'only': n})} may follow it by chance, as others follow no law."
        if np.isfinite(law.spread).all() and np.isfinite(law.sigma):
            return ""
        runs = f"{counted({'only': n})} with an answer {'is' if n == 1 else 'are'}"
        remedy = "see why the others gave none" if self.lost else "raise the budget"
        return f"{runs} too few; {remedy}."

    def unseen(self) -> str:
        """What may hide between the runs that were made."""
        evidence, space = self.evidence, self.space
        if not space.rank or not self.laws:
            return ""
        usable = evidence.usable_pool
        share = uncovered(space.axes.slopes, self.model.sites.z, usable)[1] if len(usable) else 1.0
        step = float(np.expm1(self.model.scatter.limit))
        seen = f"assuming a threshold in one monomial, no step above {step:.1%} was left unseen"
        beyond = f"at most {share:.0%} of the ranges lie beyond all runs along one monomial"
        return f"Between the runs made, {seen}; {beyond}."

    def further(self, regimes: Sequence[RegimeAnswer], ends: Ending | None) -> str:
        """What was reached: why a question is open, the widest interval, and what noise leaves."""
        if self.binding.plan.tolerance.of_one_law:
            return ""
        texts = [] if ends is None or not ends.outcome.is_consistent else [ends.text]
        if regimes and np.isfinite(self.evidence.worst):
            widest = max(r.tested.half_width / r.tested.tolerance for r in regimes)
            text = f"the widest interval is {widest:.3g} times its tolerance"
            texts += filter(None, [text, self.evidence.outlook])
        elif self.binding.plan.of_ranges:
            texts.append("no power law was found")
        return " ".join(map(as_sentence, texts))


def half_width(experiment: Experiment, z: Array, least: int) -> float:
    """Half-width of the mean logarithm of the finest runs at a point; infinite without any.

    A kernel that repeats itself is as good as what it prints; `least` runs that repeat others tell
    the scatter of another.
    """
    runs, tier = experiment.runs, experiment.binding.finest
    square, freedom = runs.scatter(tier)
    sites, at = runs.site(z, tier)
    if at is None:
        return np.inf
    sigma = float(np.sqrt(square / max(freedom, 1)))
    if sigma <= SAME:
        return SAME
    level = 0.5 + experiment.binding.plan.level / 2.0
    t = float(stdtrit(freedom, level)) if runs.repeated(tier) >= least else np.inf
    return t * sigma / float(np.sqrt(sites.count[at]))


def point_answer(experiment: Experiment, number: int) -> tuple[PointAnswer, Pertinence]:
    """Answer at a named point, from the runs made there, and whether it can be relied on."""
    binding, point = experiment.binding, experiment.binding.points[number]
    quantity, log, half, count = binding.target, np.nan, np.inf, 0
    missing, origin = "no run at the point gave one.", "at the point itself"
    if point.free is not None:
        quantity, origin = binding.ports[point.free], f"along {point.free}"
        missing = f"{binding.target.name} meets the limit nowhere along {point.free} that was seen."
        log, half = experiment.met.get(number, (log, half))
        count = sum(a["decision"] == "point" for a in experiment.log.entries)
    else:
        z, shift = point.at()
        sites, at = experiment.runs.site(z, binding.finest)
        if at is not None:
            log, count = float(sites.y[at]) - shift, int(sites.count[at])
            half = half_width(experiment, z, 1)
    with np.errstate(over="ignore"):
        value, low, high = (float(np.exp(log + s * half)) for s in (0.0, -1.0, 1.0))
    answer = PointAnswer(value, low, high, si_unit(quantity.parsed.dimension), quantity.name)
    name, level = f"point {number + 1}", binding.plan.level
    if not np.isfinite(half):
        return answer, Pertinence(name, False, 0.0, 0.0, f"No answer: {missing}", "Nothing.")
    room = float(np.log1p(binding.plan.tolerance.prediction or 0.0))
    grade = judge_answer(quantity.name, vars(answer), half, room, level, f"{count} runs {origin}.")
    return answer, Pertinence(name, **grade)


def conclude(
    evidence: TierEvidence,
    experiment: Experiment,
    ends: Ending | None,
    warnings: list[str],
    of_all: Analysis = None,
    surrogate: Surrogate | None = None,
) -> CampaignResult:
    """What a campaign returns.

    Parameters
    ----------
    evidence : TierEvidence
        What its model says in the end.
    experiment : Experiment
        The runs.
    ends : Ending or None
        Why something that was asked has no answer; None where all has one.
    warnings : list of str
        Those before the end, to which others are added.
    of_all : Report or FitResult, optional
        What :func:`law_of_all` gives, where it is known already.
    surrogate : Surrogate, optional
        What predicts the runs where no law was found.

    Returns
    -------
    CampaignResult
    """
    binding, consistent = evidence.binding, ends is None or ends.outcome.is_consistent
    answers = Answers(evidence, experiment, consistent)
    moved, tolerance, target = answers.moved, binding.plan.tolerance, binding.target
    finest = [r.record for r in experiment.runs.usable(binding.finest)]
    dataset = _dataset(target.name, finest) if finest else None
    predictions = [point_answer(experiment, i) for i in range(len(binding.points))]
    at_points = [p for _, p in predictions]
    predicts = surrogate is not None and surrogate.is_close and all(p.relevant for p in at_points)
    small = len(evidence.model.laws) - len(answers.laws)
    if predicts:
        # the smooth curve answers where these laws do not
        answers.laws = [k for k in answers.laws if not answers.failure(k)]
    every = [answers.regime(k, _law(answers, k, warnings)) for k in answers.laws]
    regimes, judged = [regime for regime, _ in every], [grade for _, grade in every]
    if lost := len(experiment.lost):
        warnings.append(f"{counted({'only': lost})} gave no answer.{experiment.why_lost()}")
    if small and answers.laws:
        what = "a further power law holds" if small == 1 else f"{small} further power laws hold"
        warnings.append(f"{what} in less than 2 % of the ranges; widen them to have it answered.")
    met, origins = ends is None, experiment.elsewhere.origins.items()
    report = of_all
    if report is None and consistent:
        report = law_of_all(evidence, warnings, quick=met or predicts)
    whole = report.law if isinstance(report, Report) and report.confirmed else None
    if evidence.lawless and whole is None and consistent:
        warnings.append(f"{evidence.lawless} runs follow no power law that was found; see the log.")
    of_law = [] if tolerance.law is None else [judged_law(report, tolerance.law)]
    asked = [*([] if tolerance.of_one_law else judged), *at_points, *of_law]
    judged += [*at_points, *of_law]
    if met and not all(p.relevant for p in asked):
        ends = Ending(Outcome.STOPPED, "not every answer can be relied on")
    if met and tolerance.exponents is not None and not all(r.tested.is_narrow for r in regimes):
        ends = Ending(Outcome.STOPPED, "a law misses runs that repeat themselves by too much")
    outcome = _outcome(binding.plan, ends, whole is not None, predicts)
    ended = "" if ends is None else _why_not(outcome)
    for i, (regime, one) in enumerate(zip(regimes, judged, strict=False)):
        if (fit := regime.fit) is not None:
            fit = replace(fit, judge=partial(_verdict, fit, regime.tested, one, ended))
            regimes[i] = replace(regime, fit=fit)
            if one.relevant and not fit.confirmed:
                reason = f"Its law is not confirmed. {fit.verdict.why_not[0]}"
                judged[i] = replace(one, why=f"{one.why} {reason}")
    if whole is None and not all(r.fit is not None and r.fit.confirmed for r in regimes):
        outcome = Outcome.PREDICTS if outcome is Outcome.CONFIRMED else outcome
    further = answers.further(regimes, ends)
    reason = "all that was asked is within its tolerance" if ends is None else ends.text
    experiment.log.add("stop", f"{outcome.words}: {reason}", runs=experiment.asked)
    if surrogate is not None and whole is None:
        judged.append(_judged_surrogate(surrogate))
        # intervals of laws that runs do not follow say nothing
        further = further if evidence.clear else judged[-1].why
    if not met and outcome is Outcome.CONFIRMED:
        # the one law answers, and not the power laws that come near it in parts of the ranges
        further, judged = "", [judged_law(report), *at_points]
    if isinstance(report, FitResult):
        # one law of one regime has one verdict
        report = next((r.fit for r in regimes if r.fit and r.fit.law == report.law), report)
    return CampaignResult(
        outcome=outcome,
        regimes=tuple(regimes),
        boundaries=answers.boundaries(),
        points=tuple(p for p, _ in predictions),
        pertinence=tuple(judged),
        further=further,
        unseen=answers.unseen(),
        essential=essential(binding.space, [answers.rationals[k] for k in answers.laws]),
        basis=binding.space.basis,
        varied=moved,
        not_varied=tuple(n for n in sorted(binding.plan.ranges) if n not in moved),
        dataset=dataset,
        domain=_domain(binding, experiment, dataset),
        report=report,
        whole=whole,
        has_one_law=evidence.has_one_law,
        options=_options(binding),
        surrogate=surrogate,
        runs={t.name: experiment.made(n) for n, t in enumerate(binding.tiers)},
        counts=experiment.counts(),
        seconds=experiment.seconds,
        log=tuple(experiment.log.entries),
        checks=experiment.checks(),
        target=target.name,
        source=next(iter(binding.plan.sources), None),
        unit=target.unit,
        level=binding.plan.level,
        warnings=tuple(dict.fromkeys(warnings)),
        origins=tuple(o for n, o in origins if n != SHARED),
    )


def _outcome(plan: Plan, ends: Ending | None, one: bool, predicts: bool) -> Outcome:
    """How a campaign ends whose laws of regimes, where they answer, are all confirmed.

    Parameters
    ----------
    plan : Plan
    ends : Ending or None
        Why something that was asked has no answer.
    one : bool
        Whether one law of all runs is confirmed.
    predicts : bool
        Whether a surrogate predicts runs left out as closely as was asked.
    """
    if ends is None:
        return Outcome.CONFIRMED if plan.of_ranges else Outcome.PREDICTS
    if one and plan.tolerance.law is None:
        return Outcome.CONFIRMED
    return Outcome.PREDICTS if predicts and not one else ends.outcome


def _why_not(outcome: Outcome) -> str:
    """Why the laws of regimes are not confirmed where they do not answer all that was asked."""
    if outcome is Outcome.CONFIRMED:
        return "The campaign confirmed one law of all runs, which this law comes near in its place."
    if outcome is Outcome.PREDICTS:
        return "A smooth curve answers what the laws of regimes leave open."
    return f"The campaign ended with: {outcome.words}."


def _dataset(target: str, records: Sequence[RunRecord], more: Array | float = 0.0) -> Dataset:
    """Inputs and target of runs, with `more` added to the target's logarithm."""
    alike = [
        replace(r, outputs={target: r.outputs[target]}, tier="", provenance={}) for r in records
    ]
    data = dataset_of(alike, [target], "the campaign")
    return replace(data, values={**data.values, target: data[target] * np.exp(more)})


def _law(answers: Answers, law: int, warnings: list[str]) -> FitResult | None:
    """Dimensionally checked law of the runs of a regime; those of a coarse tier are corrected,
    and all are cleared of the crossovers to other laws.
    """
    tier, points = answers.evidence.tier, answers.experiment.runs
    inside = set(points.sites(tier).numbers[answers.members(law, tier)].tolist())
    runs = [r for r in points.usable(tier) if r.point in inside]
    if not runs:
        return None
    z = np.array([r.z for r in runs])
    cleared, fitted = -answers.model.tails(np.full(len(z), law), z), answers.model.laws[law]
    to_finest = 0.0 if fitted.correction is None else fitted.correction(z)
    data = _dataset(answers.binding.target.name, [r.record for r in runs], cleared + to_finest)
    name = f"regime {answers.laws.index(law) + 1}"
    # by as much as clearing moves the middle of its runs the prefactor is not known either
    moved = np.append(1.0, z.mean(axis=0)) @ fitted.drift
    miss = float(np.hypot(answers.evidence.miss(law), moved))
    return _fit(answers.binding, data, name, warnings, cleared, miss, answers.exponents[law])


def _fit(
    binding: Binding,
    data: Dataset,
    name: str,
    warnings: list[str],
    cleared: Array | float = 0.0,
    miss: float = 0.0,
    exponents: Sequence[Exponent] = (),
) -> FitResult | None:
    """Power law of runs, which `cleared` was added to the target's logarithm of.

    What it misses runs by that repeat themselves, `miss`, may be as much anywhere: its prefactor
    and what it predicts are not known any better.

    A law of a regime leaves its crossovers out, so that it predicts runs where they are small, and
    its errors are no smaller than what it leaves out there. It is not judged as the law of a table,
    whose runs would have to follow it as they are. Its `exponents` are those that the campaign
    answers, where all of them are simple: the scatter of cleared runs does not show the doubt of
    what they were cleared of.
    """
    options = _options(binding)
    simple = {e.name: q for e in exponents if (q := e.rational) is not None}
    known = simple if np.any(cleared) and len(simple) == len(exponents) else {}
    runs, target = replace(data, errors={}), binding.target.name
    try:
        prepared = prepare(runs, target, options)
        fitted = _widened(fit_prepared(prepared, options, known=known), miss)
    except DimgsError as error:
        warnings.append(f"No law of the {name} by its finest runs alone: {error}")
        return None
    left_out = np.abs(cleared)
    if not np.any(left_out):
        options = replace(options, time_limit=_DISCOVER_SECONDS)
        return replace(fitted, judge=partial(verdict_on, runs, target, options))
    law, few = fitted.law, len(prepared.design.features) + 2
    small = np.flatnonzero(left_out <= max(_CROSSOVER, np.sort(left_out)[:few][-1]))
    spread = float(np.hypot(law.uncertainty.residual_sd, left_out[small].max()))
    uncertainty = replace(law.uncertainty, residual_sd=spread)
    domain = domain_of(prepared.design.take(small))
    return replace(fitted, law=replace(law, domain=domain, uncertainty=uncertainty))


def _widened(fit: FitResult, miss: float) -> FitResult:
    """The law with intervals no narrower than `miss`, in logarithms."""
    law, uncertainty = fit.law, fit.law.uncertainty
    spread = float(np.hypot(uncertainty.residual_sd, miss))

    def wider(c: Constant) -> Constant:
        ends = [end / c.value for end in (c.low, c.high) if end is not None and c.value]
        if not miss or c.origin != "fitted" or len(ends) < 2 or min(ends) <= 0.0:
            return c
        low, high = np.hypot(np.log(ends), miss).tolist()
        return replace(c, low=c.value * np.exp(-low), high=c.value * np.exp(high))

    constants, uncertainty = map(wider, law.constants), replace(uncertainty, residual_sd=spread)
    return replace(fit, law=replace(law, constants=tuple(constants), uncertainty=uncertainty))


def _options(binding: Binding) -> Options:
    """What a plan says of the groups, for `fit` and `discover`."""
    same = attributes(binding.plan, "constants level seed")
    return Options(**same, scales=binding.scales, arrhenius=binding.plan.arrhenius or None)


def _verdict(fit: FitResult, tested: Tested, regime: Pertinence, ended: str) -> Verdict:
    """The verdict on the law of a regime.

    Its probability is that of the same law of a table of the same runs. A table leaves a law
    unconfirmed where its runs are too few to leave some out, or leave rivals open that nobody
    looked for. A campaign places runs that would tell, and says what they will be: where each is
    as predicted, and every exponent within its tolerance, the law is confirmed, unless the runs
    make it less probable than not: then the exponents are answered, and the formula is not.
    """
    judged = Verdict() if fit.judge is None else fit.verdict
    why = [ended] if ended else []
    if not regime.relevant:
        why.append(f"{regime.meaning} {regime.why}")
    elif not tested.holds:
        why.append(
            f"The campaign tested it with {tested.runs} runs beyond those that determine it; "
            f"its widest exponent is known to {tested.half_width:.2g}."
        )
    if judged.probability is not None and judged.probability < _EVEN:
        why += judged.why_not
    return Verdict("converged", tuple(why), judged.probability, judged.none_of_these, tested.holds)


def law_of_all(evidence: TierEvidence, warnings: list[str], *, quick: bool = True) -> Analysis:
    """What `fit` or `discover` makes of all runs.

    A law that `discover` confirms has to go through the runs as closely as equal runs agree, which
    a campaign knows and a table does not: otherwise that is why it is not confirmed.

    Parameters
    ----------
    evidence : TierEvidence
    warnings : list of str
        Why there is none is added.
    quick : bool
        Whether a closed form is looked for in a few seconds only.
    """
    binding, model, tier = evidence.binding, evidence.model, evidence.tier
    plan, is_asked = binding.plan, binding.plan.tolerance.law is not None
    # the finest runs, and those of a coarse tier whose difference to them is known
    runs = evidence.runs.usable(binding.finest)
    more = np.zeros(len(runs))
    correction = next((law.correction for law in model.laws if law.correction), None)
    if correction is not None and (coarse := evidence.runs.usable(tier)):
        runs += coarse
        more = np.append(more, correction(np.array([r.z for r in coarse])))
    one = evidence.has_one_law
    kind = "discover" if is_asked else plan.report or ("fit" if one else "discover")
    if kind == "none" or not runs:
        return None
    data = _dataset(binding.target.name, [r.record for r in runs], more)
    if kind == "fit":
        return _fit(binding, data, "whole", warnings, miss=evidence.miss(0) if one else 0.0)
    jumps = any(not b.meets or b.sharpness > _SHARP for b in model.borders)
    # where one law is asked for, steps between power laws may be how a curve looks to them
    if quick and jumps and not plan.tolerance.of_one_law:
        options = replace(_options(binding), regimes=True, engine="power_law")
    else:
        most = _EVALUATIONS if quick and not is_asked else None
        seconds = _DISCOVER_SECONDS if quick else _LONG_SECONDS
        options = replace(_options(binding), evaluations=most, time_limit=seconds)
    report = _discovered(data, binding.target.name, options, warnings)
    if report is None or report.law is None:
        return report
    predicted, seen = report.law.predict_si(data), data[binding.target.name]
    with np.errstate(invalid="ignore", divide="ignore"):
        # of values that vanish a miss is measured by the size of all
        away = (predicted - seen) / rms(seen) if binding.linear else np.log(predicted / seen)
    miss = float(np.nan_to_num(np.abs(away), nan=np.inf).max())
    limit = model.scatter.limit
    if miss > limit:
        text = f"It misses a run by {miss:.2g}, and equal runs agree to {limit:.2g}."
        report = replace(report, why_not=(*report.why_not, text))
    if report.why_not:
        warnings.append(f"`discover` found no one law of all regimes. {report.why_not[0]}")
    return report


def _discovered(data: Dataset, target: str, options: Options, warnings: list[str]) -> Report | None:
    """What `discover` makes of runs; steps are what it calls regimes."""
    try:
        report = discover_with(replace(data, errors={}), target, options)
    except (DimgsError, np.linalg.LinAlgError) as error:
        # the runs have cost too much to lose their answer to a matrix of one of many candidates
        warnings.append(f"No law of all these runs: {error}")
        return None
    if report.outcome == "interrupted":
        raise KeyboardInterrupt
    return report


def joined(
    plan: Plan, results: Sequence[CampaignResult], records: Sequence[RunRecord]
) -> list[CampaignResult]:
    """The results of a plan with sources; the first of each target says what differs between them.

    Parameters
    ----------
    plan : Plan
        With sources.
    results : sequence of CampaignResult
        One for each target and source.
    records : sequence of RunRecord
        The finest runs with an answer.
    """
    joint, targets = list(results), [r.target for r in results]
    # the spread between few sources is not known; then each has its own prefactor
    several = len(plan.sources) >= _SPREAD
    apart: dict[str, Any] = {"by": (plan.by,)} if several else {"within": plan.by}
    for target in dict.fromkeys(targets):
        first = targets.index(target)
        data = _dataset(target, [r for r in records if target in r.outputs])
        options = replace(joint[first].options, **apart, time_limit=_DISCOVER_SECONDS)
        warnings = [*joint[first].warnings]
        report = _discovered(data, target, options, warnings)
        joint[first] = replace(joint[first], across=report, warnings=tuple(warnings))
    return joint


def judged_law(report: Analysis, asked: float | None = None) -> Pertinence:
    """Whether one law of all runs is as probable as wanted; its acceptability is 1 then.

    Parameters
    ----------
    report : Report, FitResult or None
        As :func:`law_of_all` gives it.
    asked : float, optional
        Probability that was asked for; that of a confirmed law where none was.
    """
    sure = report.probability if isinstance(report, Report) and report.confirmed else None
    if not isinstance(report, Report) or sure is None:
        return Pertinence("law", False, 0.0, 0.0, "No answer: no law was confirmed.", "Nothing.")
    wanted = asked or PROBABLE
    limit = f"{wanted:g} was asked for" if asked else f"a confirmed law has at least {wanted:g}"
    why = f"Its probability among all that were found and none of them; {limit}."
    return Pertinence("law", True, min(1.0, sure / wanted), sure, f"{report.law}.", why)


def _judged_surrogate(surrogate: Surrogate) -> Pertinence:
    """Whether a surrogate predicts runs left out as closely as a prediction is asked for."""
    good = min(1.0, surrogate.wanted / max(surrogate.error, 1e-12))
    curve, many = "No law was found; a smooth curve predicts", len(surrogate.laws)
    if many:
        curve = f"{many} law{'s' * (many > 1)} of parts, and a smooth curve elsewhere, predict"
    within = f"within {surrogate.error:.2g} (over {surrogate.curve.level:.0%} of the ranges)"
    meaning = f"{curve} runs left out {within}."
    why = f"A Gaussian process over {surrogate.curve.runs} runs; {surrogate.wanted:g} is wanted."
    if not surrogate.is_close:
        more = surrogate.further
        outlook = "more would hardly lower it" if more is None else f"about {more} more would do"
        why += f" As the error has fallen with the runs so far, {outlook}."
    sure = surrogate.curve.level * good
    return Pertinence("surrogate", surrogate.is_close, good, sure, meaning, why)


def _domain(binding: Binding, experiment: Experiment, data: Dataset | None) -> dict[str, Any]:
    """Ranges over the usable runs of the finest tier, and the inputs that none of them varied."""
    if data is None:
        return {"groups": {}, "columns": {}, "held": {}}
    space, columns = binding.space, dict[str, Any]()
    logs = space.log_groups(experiment.runs.sites(binding.finest).z)
    ends = bounded_exp(np.array([logs.min(axis=0), logs.max(axis=0)]))
    groups = dict(zip((g.name for g in space.groups), ends.T.tolist(), strict=True))
    for port in binding.kernel.inputs:
        if port.name in data.names and not port.is_label:
            low, high = (port.parsed.from_si(float(f(data[port.name]))) for f in (np.min, np.max))
            columns[port.name] = [low, high, port.unit]
    held: dict[str, Any] = {
        n: {"value": low, "unit": unit} for n, (low, high, unit) in columns.items() if low == high
    }
    held |= {n: str(data[n][0]) for n in data.label_names if len(set(data[n])) == 1}
    return {"groups": groups, "columns": columns, "held": held}
