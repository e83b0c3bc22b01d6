"""What the runs of one tier say, and the next of them; a surrogate where no law of all does."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import stdtrit

from dimgs.campaign.plan import EVIDENCE, SLACK, CampaignDesign, CampaignRun, CampaignRuns, PiSpace
from dimgs.campaign.regimes import (
    APART,
    SAME,
    Border,
    FittedLaw,
    RegimeModel,
    Scatter,
    Sites,
    model_of,
    within,
)
from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.formats import attributes
from dimgs.fits.smooth import ROUNDING, SmoothCurve
from dimgs.judgement.next_run import (
    c_optimal,
    d_optimal,
    farthest,
    nearest,
    uncovered,
)

# ---- What predicts runs where no law of all does: laws of parts, and a smooth curve elsewhere.


# runs beyond the directions of the groups, below which the lengths of a covariance are not known
FEWEST = 4
# relative error of a prediction that is useful where a plan names none: half of the tolerance that
# a question has by default
USEFUL = 0.05
# random halves of the runs whose median error is compared with that of all: an error of nine in ten
# runs left out scatters by a third
_HALVES = 9
# power of the number of runs with which an error falls, below which more runs hardly lower it: ten
# times as many then take off less than half
_SLOWEST = 0.3
# times the runs that there are, as far as a fall of the error is followed
_MOST = 20


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A prediction without one law of all the ranges, made of the finest runs of a campaign.

    Attributes
    ----------
    space : PiSpace
    curve : SmoothCurve
        Logarithms of the response group over the coordinates of the space, through the runs that
        follow none of the laws.
    pool : ndarray of shape (n_points, rank)
        Points that fill the ranges.
    wanted : float
        Relative error up to which it answers a question for a prediction.
    laws : tuple of (FittedLaw, Border)
        Laws that predict in parts of the ranges, and the monomial that parts their runs from all
        others.
    """

    space: PiSpace
    curve: SmoothCurve
    pool: Array
    wanted: float = USEFUL
    laws: tuple[tuple[FittedLaw, Border], ...] = ()

    @property
    def is_close(self) -> bool:
        """Whether it predicts runs left out within the error that is wanted."""
        return self.error <= self.wanted

    def part(self, z: Array, at: float = 0.5) -> IntArray:
        """Number of the law that predicts at points of shape (n, rank), -1 where the curve does.

        Parameters
        ----------
        z : ndarray of shape (n, rank)
        at : float
            Where on the way from the last run of a law to the first of the others the law ends.
        """
        number = np.full(len(z), -1, dtype=np.intp)
        for k, (_, apart) in enumerate(self.laws):
            number[apart.is_first(at, z)] = k
        return number

    def parts(self, z: Array) -> tuple[IntArray, BoolArray]:
        """Number of the law that may predict at points, -1 where none may.

        And which of the points lie between the last run of a law and the first of the others.
        """
        inner, outer = self.part(z, 0.0), self.part(z, 1.0)
        return np.maximum(inner, outer), np.asarray(inner != outer)

    @cached_property
    def error(self) -> float:
        """Relative error that runs left out keep, those of at least `level` of the ranges.

        Each run of the curve stands for the points of the ranges that it is the nearest to: runs at
        their ends, which the others predict worst, stand for less than those inside. The laws go
        through all their runs. At points between a law and the other runs either may hold: there
        the error is their difference.
        """
        errors, (number, between) = np.zeros(len(self.pool)), self.parts(self.pool)
        of_curve = number < 0
        away = np.linalg.norm(self.pool[of_curve][:, None] - self.curve.z[None], axis=2)
        errors[of_curve] = np.abs(self.curve.left_out()[0])[np.argmin(away, axis=1)]
        for k, (law, _) in enumerate(self.laws):
            here = between & (number == k)
            errors[here] = np.abs(law(self.pool[here]) - self.curve.mean(self.pool[here]))
        level = self.curve.level * (1.0 - ROUNDING)
        return float(np.expm1(np.quantile(errors, level, method="inverted_cdf")))

    @cached_property
    def further(self) -> int | None:
        """Runs that would likely bring the error within that wanted; None where they hardly would.

        The error is taken to go on as it falls from random halves of the runs to all of them.
        """
        rng, half = np.random.default_rng(0), self.curve.runs // 2
        parts = [rng.permutation(self.curve.runs)[:half] for _ in range(_HALVES)]
        before = float(np.median([self.curve.on(rows).error for rows in parts]))
        rate = np.log(before / self.curve.error) / np.log(self.curve.runs / half)
        if not rate > _SLOWEST:
            return None
        ratio = max(np.log1p(self.error) / np.log1p(self.wanted), 1.0)
        more = int(np.ceil(self.curve.runs * (ratio ** (1.0 / rate) - 1.0)))
        return more if more <= _MOST * self.curve.runs else None

    def at(self, values: Mapping[str, float]) -> tuple[float, float, float] | None:
        """The target in its SI unit with its interval at SI values of the inputs.

        Parameters
        ----------
        values : mapping of str to float
            Of every input that takes part.

        Returns
        -------
        value, low, high : float
            None where the ranges of the campaign never reach these groups.
        """
        place = self.space.place(values)
        if place is None:
            return None
        mean, half = self.curve.predict(place[None])
        if (k := int(self.part(place[None])[0])) >= 0:
            row, law = np.append(1.0, place)[None], self.laws[k][0]
            mean, half = law(place[None]), law.half_widths(row, self.curve.level)
        log = float(mean[0]) - self.space.response_shift(values)
        low, value, high = np.exp(log + np.array([-1.0, 0.0, 1.0]) * half[0]).tolist()
        return value, low, high

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        numbers = attributes(self, "error further") | attributes(self.curve, "runs level")
        return {**numbers, "laws": len(self.laws)}


# ---- What the runs of one tier say, and the next of them.
#
# They are as few as the question has unknowns, then those that the evidence asks. A question that
# has rivals (on which side of a border does a point lie, where does the one law give way to the
# other) is put to the point that tells most about them.


# of ten campaigns that say that the tolerance is met, less than one may be wrong for its noise
_SURE = 0.95
# log; steps that are looked for, unless exponents are asked for more closely
_STEPS = (0.005, 0.02)
# degrees of freedom of the noise: t at 90 % is then 1.94, and not 1.64
FREEDOM = 6
# tolerances by which an exponent may change from the middle to the ends of the ranges before one
# law with noise is doubted: to know the change to one takes sixteen times the runs of the exponent
STEADY = 3.0
# coverage of what is predicted of runs that scatter
_COVERAGE = 0.99
# purposes of runs that were predicted: other inputs of equal groups than those of the rest
PREDICTED = ("inside", "check")
# purpose of runs that have the groups of another run, and other inputs
SIZE = "size"
# log; meshes and steps of kernels leave so much at equal groups
_MESH = 1e-3
# a regime in less of the ranges is named, not answered
SMALLEST = 0.02
# runs that are predicted from evidence: what evidence that is wrong may cost
_TRIALS = 2
# mixtures of runs of a law, the farthest of which from all runs is predicted
_MIXTURES = 64
# chance that noise alone makes a predicted run miss
_FALSE = 0.005
# part of the ranges that a threshold in one monomial may hide behind the outermost runs: a law that
# lasts less is not asked for
_HIDDEN = 0.05
# runs at corners that are predicted beforehand, at most: they leave less than that in six groups
_CORNERS = 3
# runs that may narrow the intervals of a kernel that repeats itself, for each unknown
_NARROWING = 2
# budgets that noise would have to ask for before no run is made to narrow the intervals of several
# laws any more: a few times more than an estimate of so few runs may be wrong by
_HOPELESS = 10
# of the runs that intervals take which shrink with their root: 37 of 39 campaigns of one law with
# noise took between these parts of them, since runs are made where they gain most
_FORESEEN = 0.7, 1.2
# of the way to other runs: first wide, then narrow enough for a regime of a tenth of the ranges
_PROBES = (1.0 / 3.0, 1.0 / 8.0)
# runs without an answer after which none is looked for, unless half as many gave one
_SEARCH = 16
# turns of looking for a law around and between runs that follow none, before there is none: as many
# runs as a survey that finds regimes by itself; and runs that follow none, for each unknown of a
# law, from which on there is none: twice as many as any of 120 kernels had whose laws were found
_TURNS, _LAWLESS = 24, 6
# turns after which many laws are looked for between all runs, not around single ones
_PROBING = 6
# runs for each free direction that tell monomials between two sets apart, and the part of the
# ranges about which these may differ
_DISPUTES, _AGREED = 3, 0.03
# runs that halve the place of a border: they take ten decades to twenty per cent
_HALVINGS = 8
# where a border may lie, of the way between the runs of its two sides: the quarters' middles
_QUARTERS = (0.125, 0.375, 0.625, 0.875)
# runs that are predicted where there is no place beside a border or inside a regime
_CHECKS = 2
# rounds of predictions that miss before none is made any more
_MISSES = 5
# logs of what a step, and the end of where runs give answers, are known to: 20 and 50 per cent
_BRACKET, _DOMAIN = np.log(1.2), np.log(1.5)


@dataclass(frozen=True, eq=False)
class Proposal:
    """A run to make.

    Attributes
    ----------
    z : ndarray of shape (rank,)
    tier : int
    purpose : str
    reason : str
        Why this run, in one sentence.
    again : bool
        Whether it is made where there are equal runs, as their replicate.
    logs : ndarray of shape (n_inputs,), optional
        The inputs themselves, where the point does not decide them.
    value, error : float
        What the laws say of it before it is made: the logarithm of the response group, and its
        half-width where runs scatter.
    look : int
        When they said so.
    """

    z: Array
    tier: int
    purpose: str
    reason: str
    again: bool = False
    logs: Array | None = None
    value: float = np.nan
    error: float = 0.0
    look: int = 0


class TierEvidence:
    """What the runs of one tier say of its laws, and the questions that they leave open, in order.

    Parameters
    ----------
    design : CampaignDesign
    runs : CampaignRuns
    tier : int

    Attributes
    ----------
    model : RegimeModel
        What the runs said at the last :meth:`look`.
    functionals : ndarray of shape (n_asked, rank + 1)
        What is asked of a law: its exponents, its predictions at the ends of the ranges, or its
        constant where nothing is free.
    domain : Border or None
        Between the runs with and without an answer.
    known : tuple of FittedLaw
        Those of fewer runs.
    asked : list of ndarray of shape (rank,)
        Points that were asked for.
    predictions : list of Proposal
        Of runs that were made, or will be, to see whether several laws hold.
    owed : list of Proposal
        Runs that were asked for, and that the budget did not allow: their questions are open.
    """

    model: RegimeModel

    def __init__(self, design: CampaignDesign, runs: CampaignRuns, tier: int) -> None:
        self.design, self.runs, self.tier, self.binding = design, runs, tier, design.binding
        self.space, plan = self.binding.space, self.binding.plan
        self.stochastic = self.binding.stochastic
        wanted = plan.tolerance.exponents or plan.tolerance.prediction or _STEPS[1]
        self.tolerance, self.level = wanted, plan.level
        ends = np.column_stack([np.ones(len(design.corners)), design.corners])
        over = self.space.rank > 0 and plan.over_ranges
        self.functionals: Array = ends if over else self.space.functionals
        self._resolution = float(np.clip(wanted, *_STEPS))
        steepest = float(np.abs(self.space.exponent_map).max(initial=0.0))
        self._curvature = wanted / (4.0 * steepest) if steepest else np.inf
        self._noise: tuple[float, int] | None = None
        self.asked: list[Array] = []
        self.predictions: list[Proposal] = []
        self._look = 0
        self.known: tuple[FittedLaw, ...] = ()
        self.domain: Border | None = None
        self.owed: list[Proposal] = []
        self._probed: set[tuple[int, int]] = set()
        self._turn = 0
        self._disputed: Counter[tuple[int, ...]] = Counter()
        self.look()

    def look(self) -> None:
        """See what the runs say now."""
        self._look += 1
        square, freedom = self.runs.scatter(self.tier)
        sigma = float(np.sqrt(square / freedom)) if freedom else 0.0
        # the noise is what the first replicates say: runs that depend on it cannot flatter it
        if self._noise is None and sigma > SAME and freedom >= FREEDOM:
            self._noise = sigma, freedom
        if sigma <= SAME:
            sigma, freedom = 0.0, 0
        scatter = Scatter(self._resolution, *(self._noise or (sigma, freedom)))
        sites = self.runs.sites(self.tier)
        if self.binding.linear:
            model = RegimeModel(sites, scatter, (), explained=np.zeros(len(sites), dtype=np.bool_))
        elif self.space.rank:
            model = model_of(self.space.axes, sites, scatter, self.known, self._curvature)
        else:
            model = constant_of(self.runs, self.tier, scatter)
        # runs beside the ranges inform laws, but raise no questions
        explained = model.explained | ~self.design.region.contains(sites.z)
        self.model, self.known = replace(model, explained=explained), model.laws
        self.domain = self.space.axes.separating(sites.z, self.runs.lost(self.tier))

    def forget(self) -> None:
        """Look again, and ask again: runs were added, or left aside, that nobody had asked for."""
        self.asked.clear()
        self.look()

    def unexplained(self) -> IntArray:
        """Sites that follow no law, and lie in no crossover either, as far as is known."""
        z, deep = self.model.sites.z, ~self.model.explained
        for b in self.model.borders:
            if b.meets and np.isnan(b.sharpness):
                deep &= (np.abs(b.along(z)) > b.high) | ~self.model.between(b, z)
        return np.flatnonzero(deep)

    def missed(self, made: list[Proposal]) -> list[Proposal]:
        """Those of the predicted runs after which one of them, or any run, is not as predicted.

        So is the last of the runs that should equal another: they have its groups.
        """
        (z, held, _), sites = self.checks(), self.model.sites
        wrong = ~self.model.explained | (not self.clear)
        for point in z[~held]:
            wrong |= np.all(sites.z == point, axis=1)
        rows = ((p, sites.row(self.runs.find(p.z))) for p in made if p.purpose in PREDICTED)
        equal = not self.space.rank and not self.stochastic
        sizes = [p for p in made if p.purpose == SIZE or (equal and not p.again)][-1:]
        return [*sizes, *(p for p, row in rows if row is not None and wrong[row])]

    @property
    def answered(self) -> list[int]:
        """Numbers of the laws that take enough of the ranges."""
        share = self.model.holds(self.design.pool, strictly=False).mean(axis=0)
        return np.flatnonzero(share >= SMALLEST).tolist()

    @property
    def has_one_law(self) -> bool:
        """Whether one power law explains all runs."""
        return len(self.answered) == 1 and not self.lawless

    @property
    def lawless(self) -> int:
        """Number of runs that follow no law, replicates included."""
        return int(self.model.sites.count[self.model.unexplained].sum())

    def by_chance(self, law: FittedLaw) -> bool:
        """Whether the runs of a law may follow it by chance, where others follow none.

        Some that nearly do are met beyond those that determine it: at twice as many points as it
        has unknowns none are.
        """
        return self.model.sites.apart(law.rows) <= 2 * (self.space.rank + 1)

    @property
    def settled(self) -> list[tuple[FittedLaw, Border]]:
        """Laws within the tolerance where they hold, and what parts them from all other runs."""
        laws, z = (self.model.laws[k] for k in self.answered), self.model.sites.z
        sure = [law for law in laws if not self.by_chance(law) and self.width(law) <= 1.0]
        others = (np.delete(z, law.rows, axis=0) for law in sure)
        parts = map(self.space.axes.separating, (z[law.rows] for law in sure), others)
        return [(law, part) for law, part in zip(sure, parts, strict=True) if part is not None]

    @property
    def worst(self) -> float:
        """Widest half-width of an exponent, in tolerances."""
        return max((self.width(self.model.laws[k]) for k in self.answered), default=np.inf)

    @property
    def expected_runs(self) -> float:
        """Runs of the tier that the tolerance asks for, as intervals shrink with their root."""
        return len(self.purposes) * self.worst**2

    @property
    def outlook(self) -> str:
        """How many further runs one law with noise takes; empty where that is not known, or met."""
        scatter = self.model.scatter
        known = self.has_one_law and scatter.sigma and scatter.freedom >= FREEDOM
        if not (known and 1.0 < self.worst < np.inf):
            return ""
        made, runs = len(self.purposes), self.expected_runs
        least, most = (max(int(np.ceil(part * runs)) - made, 1) for part in _FORESEEN)
        sure = f"all that was asked is within its tolerance with {_SURE:.0%}"
        return f"runs scatter by {scatter.sigma:.2g}; about {least} to {most} more until {sure}"

    @property
    def clear(self) -> bool:
        """Whether every run is explained, and no two laws lie among each other."""
        odd = len(self.model.unexplained) or self.model.entangled
        return bool(self.model.laws) and not odd

    def feasible(self, z: Array) -> BoolArray:
        """Where runs can lie, and are expected to give an answer."""
        inside, domain = self.design.region.contains(z), self.domain
        lost, good = self.runs.lost(self.tier), self.model.sites.z
        if domain is not None:
            end = SLACK if domain.above == 1 else 1.0 - SLACK
            return np.asarray(inside & domain.is_first(end, z))
        every = not len(lost) or not len(good)
        return np.asarray(inside & (every or nearest(z, good) < nearest(z, lost)))

    @property
    def usable_pool(self) -> Array:
        """Points that fill what the ranges reach, where runs are expected to give an answer."""
        return self.design.pool[self.feasible(self.design.pool)]

    @property
    def purposes(self) -> list[str]:
        """What each run of the tier was made for."""
        return [a.purpose for a in self.runs.of_tier(self.tier)]

    def propose(
        self, places: Iterable[Array], purpose: str, reason: str, again: bool = False
    ) -> list[Proposal]:
        """Runs of this tier at points; replicates where a point is named `again`."""
        return [Proposal(z, self.tier, purpose, reason, again) for z in places]

    def fresh(self, proposal: Proposal) -> bool:
        """Whether a run would say anything new."""
        at, made = proposal.z[None], {r.point for r in self.runs.of_tier(self.tier)}
        again = proposal.again and self.runs.at(proposal.z, self.tier)
        new = again or proposal.logs is not None
        every = np.vstack([self.runs.z[sorted(made)], *self.asked])
        new = new or nearest(at, every)[0] > APART
        return bool(new and self.design.region.contains(at)[0])

    def corners(self) -> Array:
        """Corners where runs give answers, and the outermost such points towards the others."""
        corners, steps = self.design.corners, np.linspace(0.05, 0.95, 19)
        good = self.feasible(corners)
        ways = (steps[:, None] * corner for corner in corners[~good])
        return np.vstack([corners[good], *(way[self.feasible(way)][-1:] for way in ways)])

    def predicted(self, proposals: list[Proposal]) -> list[Proposal]:
        """With what the laws say beforehand."""
        if not self.model.laws or not proposals:
            return proposals
        values, out = self.model.expected(np.array([p.z for p in proposals])), []
        for p, value in zip(proposals, values.tolist(), strict=True):
            reason = f"{p.reason}; log pi_0 is predicted to be {value:.4g}"
            out += [replace(p, reason=reason, value=value, error=self._error(p.z), look=self._look)]
        self.predictions += [p for p in out if p.purpose == "check" and self.fresh(p)]
        return out

    def _error(self, z: Array) -> float:
        """Half-width of what the law at a point says, where runs scatter."""
        if not self.model.scatter.sigma:
            return 0.0
        law = self.model.laws[int(self.model.owner(z[None])[0])]
        half = float(law.half_widths(np.append(1.0, z)[None], _COVERAGE)[0])
        return half if np.isfinite(half) else 0.0

    def checks(self) -> tuple[Array, BoolArray, IntArray]:
        """Points that were predicted since there were regimes, whether it held, and when."""
        sites = self.model.sites
        places = [(said, sites.row(self.runs.find(said.z))) for said in self.predictions]
        made = [(said, at) for said, at in places if at is not None]
        rows = np.array([at for _, at in made], dtype=np.intp)
        value, error = np.array([(said.value, said.error) for said, _ in made]).reshape(-1, 2).T
        room = np.hypot(self.model.scatter.limits(sites.count)[rows], error)
        when = np.array([said.look for said, _ in made], dtype=np.intp)
        return sites.z[rows], np.abs(sites.y[rows] - value) <= room, when

    @property
    def proven(self) -> bool:
        """Whether the last runs that several laws predicted were as predicted."""
        _, held, when = self.checks()
        return bool(np.all(held[when == when.max(initial=0)]))

    def trials(self) -> list[Proposal]:
        """Runs that evidence predicts: among the runs of each law, far from all of them."""
        model, rng, z = self.model, np.random.default_rng(0), self.model.sites.z
        laws = sorted(self.answered, key=lambda k: -len(model.laws[k].rows))[:_TRIALS]
        checks: list[Array] = []
        for k in (laws * _TRIALS)[:_TRIALS]:
            of_law = z[model.laws[k].rows]
            offers = rng.dirichlet(np.ones(len(of_law)), _MIXTURES) @ of_law
            offers = offers[self.feasible(offers)]
            # else all its runs lie beside the ranges
            offers = offers if len(offers) else self.usable_pool
            inside = model.holds(offers)[:, k]
            offers = offers[inside] if inside.any() else offers
            checks += farthest(1, offers, np.vstack([z, *checks]))
        reason = "predicted from runs that exist elsewhere"
        return self.predicted(self.propose(checks, "check", reason))

    def largest_miss(self, runs: CampaignRuns, predicted: list[Proposal]) -> tuple[float, float]:
        """Largest miss of predicted runs, and what may miss by chance; logarithms."""
        scatter, worst = self.model.scatter, 0.0
        for proposal in predicted:
            sites, at = runs.site(proposal.z, self.tier)
            if at is None:
                return np.inf, 0.0
            worst = max(worst, abs(float(sites.y[at]) - proposal.value))
        limit = scatter.limit
        if self.stochastic and not scatter.sigma:
            law = max(self.model.laws, key=lambda law: len(law.rows))
            limit = max(limit, float(stdtrit(law.freedom, 1.0 - _FALSE / 2.0)) * law.sigma)
        return worst, limit

    def contradicted(self) -> bool:
        """Whether a new run that lies among those from elsewhere follows none of the laws."""
        every, sites = self.runs.of_tier(self.tier), self.model.sites
        made = {r.point for r in every if r.purpose != EVIDENCE}
        hull = self.runs.z[sorted({r.point for r in every if r.purpose == EVIDENCE})]
        repeated = (sites.count > 1) | (not self.model.scatter.sigma)
        odd = [i for i in self.unexplained() if int(sites.numbers[i]) in made and repeated[i]]
        return len(hull) > 0 and any(within(sites.z[i], hull) for i in odd)

    def width(self, law: FittedLaw) -> float:
        """Widest half-width of what is asked of a law, in tolerances."""
        half = float(np.max(law.half_widths(self.functionals, self.joint_level), initial=0.0))
        return max(half, self.change / STEADY) / self.tolerance

    @property
    def change(self) -> float:
        """How much an exponent of one law with noise may change towards the ends of the ranges.

        That runs bend no more than noise has them bend is no evidence that they follow one law.
        """
        scatter, rank = self.model.scatter, self.space.rank
        if not scatter.sigma or not rank or len(self.model.laws) != 1:
            return 0.0
        curve, error = self.model.sites.bend(self.model.laws[0].rows, scatter.sigma)
        t = float(stdtrit(max(scatter.freedom, 1), 0.5 + self.level / 2.0))
        return self.reach * (abs(curve) + t * error)

    @property
    def reach(self) -> float:
        """Change of an exponent at the ends of the ranges by a unit of curvature."""
        return 2.0 * float(np.abs(self.design.corners @ self.space.exponent_map.T).max())

    @property
    def joint_level(self) -> float:
        """Level at which an interval must be within its tolerance before a campaign ends.

        Noise may be anywhere: all exponents of all laws together are to be right with `_SURE`.
        """
        if not self.model.scatter.sigma:
            return self.level
        # predictions at all ends of the ranges are combinations of as many as a law has unknowns
        each = self.space.rank + 1 if self.binding.plan.over_ranges else len(self.functionals)
        return max(self.level, 1.0 - (1.0 - _SURE) / (each * max(len(self.model.laws), 1)))

    def next(self) -> list[Proposal]:
        """Runs that answer the first open question; none where all are answered, or cannot be."""
        if self.binding.linear:
            return self._spread()
        for proposals in self._questions():
            chosen = list[Proposal]()
            for proposal in filter(self.fresh, proposals):
                chosen.append(proposal)
                self.asked += [] if proposal.again else [proposal.z]
            if chosen:
                return chosen
        return self.owed

    def _questions(self) -> Iterator[list[Proposal]]:
        """Runs for each question; those that were made already answer none."""
        yield from self.ends()
        yield self._support()
        yield self._replicates()
        yield self._predictions()
        yield from self.around_unexplained()
        yield from self.jumps()
        yield self._sizes()
        yield self.sides()
        yield self._narrow()

    def _spread(self) -> list[Proposal]:
        """Where there are no power laws to look for: a corner, and points that fill the ranges."""
        made = len(self.purposes)
        wanted = [np.zeros(self.space.rank), *self.corners()[:2], *self.design.pool]
        batch = wanted[made : made + self.binding.plan.execution.batch]
        reason = "space-filling, since inputs that change sign have no power laws"
        return self.propose(batch, "support", reason)

    def _support(self) -> list[Proposal]:
        """As many runs as a law has unknowns, at corners, and the centre."""
        z, rank, plan = self.model.sites.z, self.space.rank, self.binding.plan
        if not rank:
            return self._nothing_free()
        names = ", ".join(plan.ranges)
        reason = f"D-optimal for one power law over what the ranges of {names} reach"
        proposals = self.propose(d_optimal(z, self.corners(), rank + 1), "support", reason)
        if len(z) < rank + 2 and not any(map(self.fresh, proposals)):
            proposals += self.filling()
        if proposals or len(z) < rank + 2:
            centre, reason = np.zeros((1, rank)), "the centre, which sees curvature"
            proposals += self.propose(centre[self.feasible(centre)], "support", reason)
            more = (plan.survey or 0) - len(proposals) - len(z)
            if more > 0:
                reason = "space-filling, as the survey of the plan asks for"
                proposals += self.propose(self.design.pool[:more], "support", reason)
        return proposals

    def _nothing_free(self) -> list[Proposal]:
        """One group or none: runs by other inputs, to see that nothing else matters.

        Inputs that change together hide a dimensional constant inside the kernel that their ratio
        decides on: one run lies where the target is largest, one in another direction, where every
        second input is at its other end, and one opposite to that, so that each has been at both.
        """
        space = self.space
        most = np.where(space.offset < 0.0, -1.0, 1.0)
        alike = abs(most.sum()) == len(most) > 1
        aside = (1.0 if alike else -1.0) * most * (-1.0) ** np.arange(len(most))
        # the opposite of a single input is where the target is largest
        first = -aside if len(most) > 1 else 0.0 * most
        # where a run gave no answer, another one lies half as far from the centre
        sides = [first, *(s * side for s in (1.0, 0.5, 0.25) for side in (most, aside))]
        made, runs = self.purposes.count("support"), self.runs.of_tier(self.tier, answered=True)
        answered = sum(r.purpose == "support" for r in runs)
        sides = sides[made : made + 3 - answered]
        reason = "no group changes: does nothing else matter?"
        (offer,) = self.propose([np.zeros(0)], "support", reason)
        return [replace(offer, logs=space.centre + side * space.half) for side in sides]

    def _replicates(self) -> list[Proposal]:
        """Equal runs, where the kernel is not exact: what no law explains."""
        scatter, sites, rank = self.model.scatter, self.model.sites, self.space.rank
        freedom = self.runs.repeated(self.tier) if rank else scatter.freedom
        if not len(sites) or freedom >= FREEDOM:
            return []
        if not self.stochastic and not (freedom and scatter.sigma):
            # runs may be too few to be sure of the one law that goes through all of them
            law = FittedLaw.fit(sites, np.arange(len(sites)), scatter)
            fits = np.all(np.abs(law(sites.z) - sites.y) <= scatter.resolution)
            if freedom or len(sites) < rank + 2 or fits:
                return []
            at = [int(np.argmin(np.linalg.norm(sites.z, axis=1)))]
            reason = "one law does not go through the runs: is it noise?"
            return self.propose(sites.z[at], "replicate", reason, again=True)
        rows = np.resize(np.argsort(sites.count, kind="stable"), FREEDOM - freedom)
        reason = "the same run again, to know the scatter"
        return self.propose(sites.z[rows], "replicate", reason, again=True)

    def _predictions(self) -> list[Proposal]:
        """Runs that are predicted before they are made: at corners, and inside."""
        z, purposes, rank = self.model.sites.z, self.purposes, self.space.rank
        # what known runs have predicted already counts, once the corners were looked at
        checked = 0 if len(self.model.laws) > 1 else purposes.count("check")
        done = "inside" in purposes or (checked and "corner" in purposes)
        if not rank or done or not z.size:
            return []
        pool, corners, proposals = self.usable_pool, self.corners(), list[Proposal]()
        for _ in range(min(_CORNERS, rank + 1)):
            w, share = uncovered(self.space.axes.slopes, z, pool)
            if share <= _HIDDEN or not len(corners):
                break
            at = corners[np.argmax(corners @ w)]
            reason = f"{share:.0%} of the ranges lie beyond all runs along one monomial"
            proposals += self.propose([at], "corner", reason)
            z = np.vstack([z, at])
        inside = farthest((1 if proposals else 2) - checked, pool, z)
        proposals += self.propose(inside, "inside", "farthest from every run")
        return self.predicted(proposals)

    def _sizes(self) -> list[Proposal]:
        """Other inputs of equal groups, where one law misses runs that repeat themselves."""
        one = len(self.model.laws) == 1 and self.clear and self.space.rank > 0
        if not one or self.miss(0) <= _MESH or SIZE in self.purposes:
            return []
        runs = [r for r in self.runs.of_tier(self.tier, answered=True) if r.purpose == "support"]
        return self._pair(runs, "the law misses runs that repeat themselves: do equal groups, too?")

    def _pair(self, runs: list[CampaignRun], reason: str) -> list[Proposal]:
        """Other inputs of equal groups, for that of some runs where they differ most."""
        images = [(r, logs) for r in runs if (logs := self.design.image(r.z)) is not None]
        if not images:
            return []
        far = [np.abs((logs - r.logs) / self.space.half).max() for r, logs in images]
        run, logs = images[int(np.argmax(far))]
        return [Proposal(run.z, self.tier, SIZE, reason, logs=logs)]

    def miss(self, k: int) -> float:
        """Largest miss of a law's runs where the kernel repeats itself; 0 where runs scatter.

        What the law of such runs misses is no noise: something else than the groups, or another
        law, may move the target by as much between the middle and the end of any range.
        """
        if self.model.scatter.sigma or self.stochastic or not self.model.laws:
            return 0.0
        law = self.model.laws[k]
        numbers = set(self.model.sites.numbers[law.rows].tolist())
        runs = [r for r in self.runs.of_tier(self.tier, answered=True) if r.point in numbers]
        # a law that was known before may have lost all its runs
        z = np.array([r.z for r in runs]).reshape(len(runs), self.space.rank)
        y = np.array([r.y for r in runs])
        said = law(z) + self.model.tails(np.full(len(z), k), z)
        said -= 0.0 if law.correction is None else law.correction(z)
        miss = float(np.abs(y - said).max(initial=0.0))
        return miss if miss > SAME else 0.0

    def _narrow(self) -> list[Proposal]:
        """Runs that tell most about the law with the widest interval."""
        model, rank, plan = self.model, self.space.rank, self.binding.plan
        sigma = model.scatter.sigma
        tried = self.purposes.count("narrow") >= _NARROWING * (rank + 1) * max(1, len(model.laws))
        if sigma:
            # intervals of one law surely shrink
            last = self.tier == self.binding.finest
            most = _HOPELESS * (plan.budget.runs if last else plan.budget.coarse)
            tried &= len(model.laws) > 1 and self.expected_runs > most
        wide = [k for k in self.answered if self.width(model.laws[k]) > 1.0]
        if tried or not wide or not (sigma or rank):
            return []
        k = max(wide, key=lambda k: self.width(model.laws[k]))
        offers = np.vstack([self.corners(), model.sites.z, self.design.pool[:256]])
        offers = offers[self.feasible(offers)]
        # a law that holds alone nowhere is known from where it leads
        alone, leads = (model.holds(offers, strictly)[:, k] for strictly in (True, False))
        offers = offers[alone if alone.any() else leads]
        # without noise a run says nothing new where there is one, and with noise it is made there
        away = nearest(offers, model.sites.z)
        offers = offers[(away > APART) | (away == 0.0) & (sigma > 0.0)]
        if not len(offers):
            return []
        rows, table = model.laws[k].rows, self._terms(offers)
        terms = self._terms(model.sites.z[rows])
        moments = (terms * model.sites.count[rows][:, None]).T @ terms
        asked = self.functionals
        if table.shape[1] > asked.shape[1]:
            # the curvature that one law with noise must not have is asked for too
            asked = np.pad(asked, ((0, 1), (0, 1)))
            asked[-1, -1] = self.reach / STEADY
        chosen: list[int] = []
        for _ in range(plan.execution.batch):
            at = c_optimal(moments, table, asked)
            moments = moments + np.outer(table[at], table[at])
            chosen += [at] if sigma or at not in chosen else []
        reason = f"the exponents of law {k + 1} are not within their tolerance; here they gain most"
        return self.propose(offers[chosen], "narrow", reason, again=True)

    def _terms(self, z: Array) -> Array:
        """Terms of a law, and the curvature that one law with noise must not have."""
        model, table = self.model, np.column_stack([np.ones(len(z)), z])
        bent = model.scatter.sigma and self.space.rank and len(model.laws) == 1
        return np.column_stack([table, np.sum(z**2, axis=1)]) if bent else table

    def around_unexplained(self) -> Iterator[list[Proposal]]:
        """Runs around one that follows no law, and by turns where no run is near."""
        model, sites, unexplained = self.model, self.model.sites, self.unexplained()
        unknowns, few = self.space.rank + 1, len(sites) <= self.space.rank + 1
        if not len(unexplained) or few or len(model.unexplained) > _LAWLESS * unknowns:
            return
        alone = [i for i in unexplained if model.scatter.sigma and sites.count[i] < 2]
        if alone:
            reason = "the run follows no law: is it the noise?"
            yield self.propose(sites.z[alone], "replicate", reason, again=True)
        far = np.argsort(-np.linalg.norm(sites.z[unexplained], axis=1), kind="stable")
        odd = set(sites.numbers[unexplained].tolist())
        if self._turn == _PROBING and not (self.stochastic or model.scatter.sigma):
            runs = [r for r in self.runs.of_tier(self.tier) if r.point in odd]
            # nothing else is asked if this was
            yield self._pair(
                [] if SIZE in self.purposes[-1:] else runs,
                "no law explains the run: do equal groups?",
            )
        while self._turn < _TURNS:
            self._turn += 1
            if self._turn % 2 == 0 or self._turn > _PROBING:
                yield self.filling()
                continue
            level = (self._turn // 2) % len(_PROBES)
            for i in unexplained[far].tolist():
                number = int(sites.numbers[i]), level
                if number not in self._probed:
                    self._probed.add(number)
                    yield self._probe(i, level)

    def filling(self) -> list[Proposal]:
        """Runs far from every other, outside of what the laws explain."""
        offers, sites = self.usable_pool, self.model.sites.z
        lost = self.runs.lost(self.tier)
        if len(lost) > max(_SEARCH, 2 * len(sites)):
            return []
        if len(sites) and len(offers):
            # where the nearest run follows no law; anywhere, if there is no such place
            near = np.argmin(np.linalg.norm(offers[:, None] - sites[None], axis=2), axis=1)
            lone = offers[~self.model.explained[near]]
            offers = lone if len(lone) else offers
        number = (1 if self._turn <= _PROBING else 2) * (self.space.rank + 1)
        places = farthest(number, offers, np.vstack([sites, lost]))
        return self.propose(places, "fill", "far from every run, and no law holds here")

    def _probe(self, anchor: int, level: int) -> list[Proposal]:
        """A simplex around a run, inwards, and its middle."""
        z, rank = self.model.sites.z, self.space.rank
        at, others = z[anchor], z[np.setdiff1d(self.model.unexplained, [anchor])]
        ends = np.vstack([self.corners(), others])
        share = np.full(len(ends), _PROBES[level])
        if not level and len(others):
            share[-len(others) :] = 0.5
        offers = at + share[:, None] * (ends - at)
        offers = offers[self.feasible(offers) & (np.linalg.norm(offers - at, axis=1) > APART)]
        chosen = d_optimal(at[None], offers, rank + 1, enough=False)[:rank]
        places = [*chosen, np.mean([at, *chosen], axis=0)]
        reason = "around a run that follows no law: does another hold here?"
        return self.propose(places, "probe", reason)

    def ends(self) -> Iterator[list[Proposal]]:
        """Where runs give no answer: between those that do and those that do not."""
        if self.domain is not None:
            good, lost = self.model.sites.z, self.runs.lost(self.tier)
            yield self._parting((), self.domain, good, lost, self.design.pool)

    def jumps(self) -> Iterator[list[Proposal]]:
        """Steps between two laws; where one has a width, its two ends."""
        model, z = self.model, self.model.sites.z
        for b in model.borders:
            if b.meets or not len(model.crossings(b)):
                continue
            pool = self.usable_pool
            pool = pool[model.between(b, pool)]
            below, above = (model.laws[k].rows for k in (b.below, b.above))
            # runs on the step follow neither law
            along = b.along(z)
            inner = np.flatnonzero((along > b.low) & (along < b.high))
            parts = [below, inner, above] if len(inner) else [below, above]
            for one, other in pairwise(range(len(parts))):
                sets = np.concatenate(parts[: one + 1]), np.concatenate(parts[other:])
                apart = self.space.axes.separating(*(z[rows] for rows in sets))
                if apart is not None:
                    key = b.below, b.above, one
                    yield self._parting(key, apart, z[sets[0]], z[sets[1]], pool)

    def _parting(
        self, key: tuple[int, ...], apart: Border, one: Array, other: Array, pool: Array
    ) -> list[Proposal]:
        """The run that tells most about where, and along what, two sets of runs part.

        Rivals are the monomials that part them, at any place between the last run of the one and
        the first of the other. None is asked for once the place is known closely enough, and all
        the monomials agree about nearly all of the ranges, or have been disputed long enough. Runs
        without an answer, which have an empty `key`, are no matter of monomials before there are
        as many with one as a law takes.
        """
        space, purpose, enough = self.space, "border" if key else "domain", self.space.rank + 2
        if not len(pool) or self._disputed[key] >= _HALVINGS + _DISPUTES * space.rank:
            return []
        agreed = space.rank < 2 or self._disputed[key] >= _DISPUTES * space.rank
        agreed |= not key and len(one) < enough
        every = [apart, *([] if agreed else space.axes.rivals(one, other))]
        offers = np.vstack([pool, ((one[:, None] + other[None]) / 2.0).reshape(-1, space.rank)])
        wide = apart.high - apart.low > (_BRACKET if key else _DOMAIN)
        middles = np.array([s.is_first(0.5, pool) for s in every])
        differ = np.max(np.mean(middles != middles[0], axis=1), initial=0.0) > _AGREED
        if not (wide or differ):
            return []
        places = _QUARTERS if wide else (0.5,)
        sides = np.array([s.is_first(at, offers) for s in every for at in places])
        # a run tells most where half of the rivals say either; of such places, at the middlemost
        away = np.linalg.norm(offers - (one.mean(axis=0) + other.mean(axis=0)) / 2.0, axis=1)
        best = np.lexsort((away, np.abs(sides.mean(axis=0) - 0.5)))[:1]
        self._disputed[key] += 1
        reason = f"where, and along which of {len(every)} monomials, do these runs part?"
        return self.propose(offers[best], purpose, reason)

    def _at(self, b: Border, along: float) -> list[Array]:
        """The point where what decides a border has a value, farthest from all runs."""
        model, z = self.model, self.model.sites.z
        ends = b.along(z)
        places = [
            z[i] + (along - ends[i]) / (ends[j] - ends[i]) * (z[j] - z[i])
            for i, j in model.crossings(b)
            if ends[i] <= along <= ends[j]
        ]
        offers = np.array(places).reshape(-1, z.shape[1])
        return farthest(1, offers[model.between(b, offers) & self.feasible(offers)], z)

    def sides(self) -> list[Proposal]:
        """Laws of several regimes are predicted once more: beside their borders, and inside."""
        model = self.model
        if len(model.laws) < 2 or not self.clear:
            return []
        every, held, when = self.checks()
        if len(set(when[~held].tolist())) >= _MISSES:
            return []
        checked, proposals = every[held], list[Proposal]()
        for b in model.borders:
            if not len(model.crossings(b)) or (not b.meets and self.space.rank < 2):
                continue
            along = b.along(checked)
            room = max(0.3 * (b.high - b.low), _BRACKET)
            for end, side in ((b.low, -1.0), (b.high, 1.0)):
                near = side * (along - end)
                if not np.any((near >= 0.0) & (near <= 3.0 * room)):
                    reason = "beside a border, where one law should hold already"
                    places = self._at(b, end + side * room)
                    proposals += self.propose(places, "check", reason)
        pool, z = self.usable_pool, model.sites.z
        inside, seen = model.holds(pool), model.holds(checked).sum(axis=0) > 0
        for k in self.answered:
            deep = farthest(0 if seen[k] else 1, pool[inside[:, k]], z)
            proposals += self.propose(deep, "check", "inside a regime, far from its runs")
        if not proposals and not (len(checked) and self.proven):
            # no law holds alone in much of the ranges, or the last prediction missed
            places = farthest(_CHECKS, pool, z)
            proposals = self.propose(places, "check", "farthest from every run")
        return self.predicted(proposals)


def constant_of(runs: CampaignRuns, tier: int, scatter: Scatter) -> RegimeModel:
    """The model where no group is free: one constant, and whether anything else changes it.

    Parameters
    ----------
    runs : CampaignRuns
        Replicates are equal inputs; the others moved inputs that no group depends on.
    tier : int
    scatter : Scatter

    Returns
    -------
    RegimeModel
    """
    every = runs.of_tier(tier, answered=True)
    y, sites = np.array([r.y for r in every]), runs.sites(tier)
    if not every:
        return RegimeModel(sites, scatter, ())
    again = np.array([r is every[0] or r.purpose in ("replicate", "narrow") for r in every])
    freedom = max(int(again.sum()) - 1, 0)
    sigma = float(y[again].std(ddof=1)) if freedom else 0.0
    noise = replace(scatter, sigma=sigma, freedom=freedom)
    room = noise.limit * np.sqrt(1.0 + 1.0 / again.sum())
    odd = np.any(np.abs(y[~again] - y[again].mean()) > room)
    # a law of all of them, whose noise is what they scatter by, whatever the replicates say
    alone = Sites(np.zeros((len(y), 0)), y, np.ones(len(y)), np.arange(len(y)))
    law = FittedLaw.fit(alone, np.arange(len(y)), replace(scatter, sigma=0.0))
    law = replace(law, rows=np.arange(1))
    return RegimeModel(sites, noise, (law,), explained=np.array([not odd]))
