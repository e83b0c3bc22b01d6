"""What the runs of one tier say, and how a further one is proposed."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import stdtrit

from dimgs.campaign.binding import Binding
from dimgs.campaign.design import SLACK, CampaignDesign, nearest
from dimgs.campaign.space import CampaignRuns
from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.fits.consensus import (
    FittedLaw,
    RegimeModel,
    Scatter,
    Separation,
    bend,
    model_of,
    separating,
)

# of ten campaigns that say that the tolerance is met, less than one may be wrong for its noise
_SURE = 0.95
# log; steps that are looked for, unless exponents are asked for more closely
_STEPS = (0.005, 0.02)
# log; replicates that agree to this differ by what is printed of them
_REPEATS = 1e-6
# degrees of freedom of the noise: t at 90 % is then 1.94, and not 1.64
FREEDOM = 6
# tolerances by which an exponent may change from the middle to the ends of the ranges before one
# law with noise is doubted: to know the change to one takes sixteen times the runs of the exponent
STEADY = 3.0
# coverage of what is predicted of runs that scatter
_COVERAGE = 0.99
# purposes of runs that were predicted: other inputs of equal groups than those of the rest
PREDICTED = ("inside", "check")
# a regime in less of the ranges is named, not answered
SMALLEST = 0.02


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
    replicate : int
        Number of the replicate; 0 for the first run at a point.
    logs : ndarray of shape (n_inputs,), optional
        The inputs themselves, where the point does not decide them.
    """

    z: Array
    tier: int
    purpose: str
    reason: str
    replicate: int = 0
    logs: Array | None = None


@dataclass(frozen=True, eq=False)
class RunPrediction:
    """What the laws said of a run before it was made.

    Attributes
    ----------
    z : ndarray of shape (rank,)
    value, error : float
        Logarithm of the response group, and its half-width where runs scatter.
    look : int
        When it was said.
    """

    z: Array
    value: float
    error: float
    look: int


class TierEvidence:
    """What the runs of one tier say of its laws.

    Parameters
    ----------
    binding : Binding
    design : CampaignDesign
    runs : CampaignRuns
    tier : int

    Attributes
    ----------
    model : RegimeModel
        What the runs said at the last :meth:`look`.
    domain : Separation or None
        Between the runs with and without an answer.
    known : tuple of FittedLaw
        Those of fewer runs.
    asked : list of ndarray of shape (rank,)
        Points that were asked for.
    predictions : list of RunPrediction
        Of runs that were made, or will be, to see whether several laws hold.
    """

    model: RegimeModel

    def __init__(
        self, binding: Binding, design: CampaignDesign, runs: CampaignRuns, tier: int
    ) -> None:
        self.binding, self.design, self.runs, self.tier = binding, design, runs, tier
        self.space, plan = binding.space, binding.plan
        self.stochastic = bool(getattr(binding.kernel, "stochastic", False))
        wanted = plan.tolerance.exponents or plan.tolerance.prediction or _STEPS[1]
        self.tolerance, self.level = wanted, plan.level
        self._resolution = float(np.clip(wanted, *_STEPS))
        steepest = float(np.abs(self.space.exponent_map).max(initial=0.0))
        self._curvature = wanted / (4.0 * steepest) if steepest else np.inf
        self._noise: tuple[float, int] | None = None
        self.asked: list[Array] = []
        self.predictions: list[RunPrediction] = []
        self._look = 0
        self.known: tuple[FittedLaw, ...] = ()
        self.domain: Separation | None = None
        self.look()

    def look(self) -> None:
        """See what the runs say now."""
        self._look += 1
        square, freedom = self.runs.scatter(self.tier)
        sigma = float(np.sqrt(square / freedom)) if freedom else 0.0
        # the noise is what the first replicates say: runs that depend on it cannot flatter it
        if self._noise is None and sigma > _REPEATS and freedom >= FREEDOM:
            self._noise = sigma, freedom
        if sigma <= _REPEATS:
            sigma, freedom = 0.0, 0
        self.model = self._model(*(self._noise or (sigma, freedom)))
        self.known = self.model.laws
        lost = self.runs.lost(self.tier)
        self.domain = separating(self.space.axes, self.model.sites.z, lost) if len(lost) else None

    def _model(self, sigma: float, freedom: int) -> RegimeModel:
        scatter, sites = Scatter(self._resolution, sigma, freedom), self.runs.sites(self.tier)
        if self.binding.linear:
            model = RegimeModel(sites, scatter, (), explained=np.zeros(len(sites), dtype=np.bool_))
        elif self.space.rank:
            model = model_of(self.space.axes, sites, scatter, self.known, self._curvature)
        else:
            model = constant_of(self.runs, self.tier, scatter)
        # runs beside the ranges inform laws, but raise no questions
        explained = model.explained | ~self.design.region.contains(sites.z)
        return replace(model, explained=explained)

    def forget(self) -> None:
        """Ask again what was asked before: runs were added that nobody had asked for."""
        self.asked.clear()

    def unexplained(self) -> IntArray:
        """Sites that follow no law, and lie in no crossover either, as far as is known."""
        z, deep = self.model.sites.z, ~self.model.explained
        for b in self.model.borders:
            if b.meets and np.isnan(b.sharpness):
                deep &= (np.abs(b.along(z)) > b.high) | ~self.model.between(b, z)
        return np.flatnonzero(deep)

    def missed(self, made: list[Proposal]) -> list[Proposal]:
        """Those of the predicted runs after which one of them, or any run, is not as predicted."""
        z, held, _ = self.checks()
        sites, out = self.model.sites, []
        for proposal in made:
            row = sites.row(self.runs.find(proposal.z)) if proposal.purpose in PREDICTED else None
            if row is None:
                continue
            said = np.all(z == sites.z[row], axis=1)
            if not self.clear or not self.model.explained[row] or not np.all(held[said]):
                out.append(proposal)
        return out

    @property
    def answered(self) -> list[int]:
        """Numbers of the laws that take enough of the ranges."""
        if not self.model.laws:
            return []
        share = self.model.holds(self.design.pool, strictly=False).mean(axis=0)
        return [k for k, s in enumerate(share) if s >= SMALLEST]

    @property
    def worst(self) -> float:
        """Widest half-width of an exponent, in tolerances."""
        laws = [self.model.laws[k] for k in self.answered]
        return max((self.width(law) for law in laws), default=np.inf)

    @property
    def expected_runs(self) -> float:
        """Runs of the tier that the tolerance asks for, as intervals shrink with their root."""
        return len(self.purposes) * self.worst**2

    @property
    def clear(self) -> bool:
        """Whether every run is explained, and no two laws lie among each other."""
        model = self.model
        return bool(model.laws) and not len(model.unexplained) and not model.entangled

    def feasible(self, z: Array) -> BoolArray:
        """Where runs can lie, and are expected to give an answer."""
        inside = self.design.region.contains(z)
        return np.asarray(inside & self._answers(z))

    @property
    def usable_pool(self) -> Array:
        """Points that fill what the ranges reach, where runs are expected to give an answer."""
        pool = self.design.pool
        return pool[self.feasible(pool)]

    @staticmethod
    def farthest(n: int, offers: Array, z: Array) -> list[Array]:
        """As many of the offers, each the farthest from all others and from the points `z`."""
        chosen: list[Array] = []
        for _ in range(n if len(offers) else 0):
            chosen.append(offers[np.argmax(nearest(offers, np.vstack([z, *chosen])))])
        return chosen

    @property
    def purposes(self) -> list[str]:
        """What each run of the tier was made for."""
        return [a.purpose for a in self.runs.of_tier(self.tier)]

    def _answers(self, z: Array) -> BoolArray:
        lost, good, domain = self.runs.lost(self.tier), self.model.sites.z, self.domain
        if domain is not None:
            along = self.space.axes.along(domain.powers, z)
            lower = along <= np.log(domain.low) + SLACK
            return np.asarray(lower if domain.upper == 1 else along >= np.log(domain.high) - SLACK)
        every = not len(lost) or not len(good)
        return np.asarray(every | (nearest(z, good) < nearest(z, lost)))

    def propose(self, z: Array, purpose: str, reason: str) -> Proposal:
        """A run of this tier at a point."""
        return Proposal(z, self.tier, purpose, reason)

    def fresh(self, proposal: Proposal) -> bool:
        """Whether a run would say anything new."""
        if not self.design.region.contains(proposal.z[None])[0]:
            return False
        if proposal.replicate:
            return True
        every = [*self.asked, *(self.runs.z[a.point] for a in self.runs.of_tier(self.tier))]
        return all(np.abs(z - proposal.z).max(initial=0.0) > 1e-6 for z in every) or (
            proposal.logs is not None
        )

    def corners(self) -> Array:
        """Corners where runs give answers, and the outermost such points towards the others."""
        corners = self.design.corners
        good = self.feasible(corners)
        if good.all():
            return corners
        steps = np.linspace(0.05, 0.95, 19)
        clipped = []
        for corner in corners[~good]:
            way = steps[:, None] * corner
            usable = way[self.feasible(way)]
            if len(usable):
                clipped.append(usable[-1])
        return np.vstack([corners[good], *clipped]) if clipped else corners[good]

    def again(self, z: Array, reason: str, more: int = 0) -> Proposal:
        """The next replicate at a point."""
        number = self.runs.count(z, self.tier) + more
        return Proposal(z, self.tier, "replicate", reason, replicate=number)

    def predicted(self, proposal: Proposal) -> Proposal:
        """With what the laws say beforehand."""
        if not self.model.laws:
            return proposal
        value = float(self.model.expected(proposal.z[None])[0])
        if proposal.purpose == "check" and self.fresh(proposal):
            self.predictions.append(
                RunPrediction(proposal.z, value, self._error(proposal.z), self._look)
            )
        reason = f"{proposal.reason}; log pi_0 is predicted to be {value:.4g}"
        return self.propose(proposal.z, proposal.purpose, reason)

    def _error(self, z: Array) -> float:
        """Half-width of what the law at a point says, where runs scatter."""
        if not self.model.scatter.sigma:
            return 0.0
        law = self.model.laws[int(np.argmax(self.model.holds(z[None], strictly=False)[0]))]
        half = float(law.half_widths(np.append(1.0, z)[None], _COVERAGE)[0])
        return half if np.isfinite(half) else 0.0

    def checks(self) -> tuple[Array, BoolArray, IntArray]:
        """Points that were predicted since there were regimes, whether it held, and when."""
        sites = self.model.sites
        limits = self.model.scatter.limits(sites.count)
        z, held, when = [], [], []
        for said in self.predictions:
            if (at := sites.row(self.runs.find(said.z))) is not None:
                z.append(sites.z[at])
                room = float(np.hypot(limits[at], said.error))
                held.append(abs(float(sites.y[at]) - said.value) <= room)
                when.append(said.look)
        shape = np.array(z).reshape(len(z), self.space.rank)
        return shape, np.array(held, dtype=np.bool_), np.array(when, dtype=np.intp)

    @property
    def proven(self) -> bool:
        """Whether the last runs that several laws predicted were as predicted."""
        _, held, when = self.checks()
        return bool(np.all(held[when == when.max(initial=0)]))

    def width(self, law: FittedLaw) -> float:
        """Widest half-width of what is asked of a law, in tolerances."""
        half = float(np.max(law.half_widths(self.functionals(), self.joint_level), initial=0.0))
        return max(half, self.change / STEADY) / self.tolerance

    @property
    def change(self) -> float:
        """How much an exponent of one law with noise may change towards the ends of the ranges.

        That runs bend no more than noise has them bend is no evidence that they follow one law.
        """
        scatter, rank = self.model.scatter, self.space.rank
        if not scatter.sigma or not rank or len(self.model.laws) != 1:
            return 0.0
        curve, error = bend(self.model.sites, self.model.laws[0].rows, scatter.sigma)
        t = float(stdtrit(max(scatter.freedom, 1), 0.5 + self.level / 2.0))
        return self.reach * (abs(curve) + t * error)

    @cached_property
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
        over = self.binding.plan.over_ranges
        each = self.space.rank + 1 if over else len(self.functionals())
        asked = each * max(len(self.model.laws), 1)
        return max(self.level, 1.0 - (1.0 - _SURE) / asked)

    def functionals(self) -> Array:
        """What is asked of a law: its exponents, its predictions at the ends of the ranges, or its
        constant where nothing is free.
        """
        if not self.space.rank:
            return np.ones((1, 1))
        if self.binding.plan.over_ranges:
            corners = self.design.corners
            return np.column_stack([np.ones(len(corners)), corners])
        return np.column_stack([np.zeros(len(self.space.names)), self.space.exponent_map])


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
    rows = runs.of_tier(tier, answered=True)
    y = np.array([a.y for a in rows])
    sites = runs.sites(tier)
    if not rows:
        return RegimeModel(sites, scatter, ())
    again = np.array([a is rows[0] or a.purpose in ("replicate", "narrow") for a in rows])
    freedom = max(int(again.sum()) - 1, 0)
    sigma = float(y[again].std(ddof=1)) if freedom else 0.0
    noise = replace(scatter, sigma=sigma, freedom=freedom)
    room = noise.limits(np.ones(1))[0] * np.sqrt(1.0 + 1.0 / again.sum())
    odd = np.any(np.abs(y[~again] - y[again].mean()) > room)
    spread = float(y.std(ddof=1)) if len(y) > 1 else np.inf
    law = FittedLaw(
        np.array([y.mean()]),
        np.arange(1),
        np.array([[1.0 / len(y)]]),
        max(spread, 1e-6),
        float(max(len(y) - 1, 1)),
        np.zeros(1),
    )
    return RegimeModel(sites, noise, (law,), explained=np.array([not odd]))
