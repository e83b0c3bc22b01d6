"""The next runs: where regimes may be missing, and what narrows the intervals asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from dimgs.campaign.analysis import Evidence, Goal, LocalLaw
from dimgs.campaign.consensus import distances
from dimgs.campaign.space import Points

Array = NDArray[np.float64]

# against coordinates of the order of 1: too few runs still have a leverage
_RIDGE = 1e-3
# of a space-filling pool so many are as good as all
_MOST_CANDIDATES = 200
# below, the deepest third is offered
_ENOUGH_DEEP = 10
# above any gain of a known scatter: without a scatter nothing is known
_SHORTAGE = 1e6
# of the tolerance that a coarse tier may use up: 0.7^2 + 0.7^2 = 1
_ROOM = 0.7
# a batch that gains less, in tolerances, is no reason for finer runs to wait
_HELPS = 0.02


@dataclass(frozen=True, eq=False)
class Proposal:
    """A run to make.

    Attributes
    ----------
    z : ndarray of shape (rank,)
    tier : int
    purpose : str
        "survey", "map", "refine" or "replicate".
    reason : str
        Why this run, in one sentence.
    gain : float
        Expected fall of the worst half-widths over their tolerances, summed; 0 where unknown.
    replicate : int
        Number of the replicate; 0 for the first run at a point.
    """

    z: Array
    tier: int
    purpose: str
    reason: str
    gain: float = 0.0
    replicate: int = 0


class Outlook:
    """What further runs are expected to do to one answer.

    Parameters
    ----------
    answer : LocalLaw
    level : float
    """

    def __init__(self, answer: LocalLaw, level: float) -> None:
        self.answer, self.level = answer, level
        c = answer.functionals
        self.tables = [np.column_stack([np.ones(len(t.z)), t.z]) for t in answer.fit.tiers]
        self.scatter: list[Array] = []
        self.freedom: list[Array] = []
        for table, tier in zip(self.tables, answer.fit.tiers, strict=True):
            variance, dof = tier.variance(c)
            spread = np.einsum("ij,jk,ik->i", c, _inverse(table), c)
            # an exponent that dimensions alone decide has no spread, however little is known
            self.scatter.append(np.where(spread > 0.0, variance / np.maximum(spread, 1e-300), 0.0))
            self.freedom.append(dof)
        self.drift = answer.fit.spread(c)[2]
        self._lean = self._leaning()

    def _leaning(self) -> Array:
        """Affine part of what crossovers may add to the coarsest runs."""
        table = self.tables[0]
        if not len(table):
            return np.zeros(table.shape[1])
        lean = self.answer.lean[self.answer.members[0]]
        return np.asarray(np.linalg.lstsq(table, lean, rcond=1e-9)[0])

    def _drift_with(self, rows: Array) -> Array:
        """Drift with one more of the coarsest runs, where no crossover reaches, at each row."""
        c, inverse = self.answer.functionals, _inverse(self.tables[0])
        step = -(rows @ self._lean) / (1.0 + np.einsum("ij,jk,ik->i", rows, inverse, rows))
        lean = np.abs((self._lean + step[:, None] * (rows @ inverse)) @ c.T)
        now = np.abs(c @ self._lean)
        other = self.drift * len(self.tables[0]) / (len(self.tables[0]) + 1)
        return np.where(now >= self.drift * (1.0 - 1e-9), np.maximum(lean, 0.0), other)

    def missing(self, tier: int) -> int:
        """Runs that a tier lacks before its scatter can be told."""
        rank = self.tables[tier].shape[1] - 1
        return max(0, int(rank) + 3 - len(self.tables[tier]))

    def widths(self, tier: int | None = None, rows: Array | None = None) -> Array:
        """Half-widths over tolerances now, or with one more run of a tier at each row.

        Parameters
        ----------
        tier : int, optional
        rows : ndarray of shape (n, rank + 1), optional
            Rows [1, z].

        Returns
        -------
        ndarray of shape (n_asked,) or (n, n_asked)
        """
        c = self.answer.functionals
        parts = []
        for t, table in enumerate(self.tables):
            inverse = _inverse(table)
            spread = np.einsum("ij,jk,ik->i", c, inverse, c)[None]
            if t == tier and rows is not None:
                cross = rows @ inverse @ c.T
                spread = spread - cross**2 / (
                    1.0 + np.einsum("ij,jk,ik->i", rows, inverse, rows)[:, None]
                )
            parts.append(self.scatter[t] * spread)
        total = np.sum(np.broadcast_arrays(*parts), axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = sum(
                part**2 / (freedom + (t == tier))
                for t, (part, freedom) in enumerate(zip(parts, self.freedom, strict=True))
            )
            freedom = np.where(np.isfinite(total) & (share > 0), total**2 / share, 1.0)
        drift = self.drift
        if tier == 0 and rows is not None:
            drift = self._drift_with(rows)
        half = np.hypot(stdtrit(freedom, 0.5 + self.level / 2) * np.sqrt(total), drift)
        widths = np.asarray(half / self.answer.tolerance)
        return widths if tier is not None else np.asarray(widths[0])

    def settled(self, tier: int) -> bool:
        """Whether what a tier contributes leaves room within the tolerance for the next."""
        c = self.answer.functionals
        spread = np.einsum("ij,jk,ik->i", c, _inverse(self.tables[tier]), c)
        error = stdtrit(self.freedom[tier], 0.5 + self.level / 2) * np.sqrt(
            self.scatter[tier] * spread
        )
        half = np.hypot(error, self.drift if tier == 0 else 0.0)
        return bool(np.all(half <= _ROOM * self.answer.tolerance))

    def gains(self, tier: int, z: Array) -> Array:
        """Expected fall of the excess over the tolerances at candidates of shape (n, rank)."""
        rows = np.column_stack([np.ones(len(z)), z])
        if self.missing(tier):
            # too few to know the scatter: the largest leverage, which is D-optimal
            leverage = np.einsum("ij,jk,ik->i", rows, _inverse(self.tables[tier]), rows)
            return np.asarray(_SHORTAGE * leverage / (1.0 + leverage))
        now = _excess(self.widths())
        with np.errstate(invalid="ignore"):
            gain = now - _excess(self.widths(tier, rows))
        return np.where(np.isfinite(gain), gain, 0.0)

    def add(self, tier: int, z: Array) -> None:
        """Count a run as made."""
        self.tables[tier] = np.vstack([self.tables[tier], np.concatenate([[1.0], z])])
        self.freedom[tier] = self.freedom[tier] + 1


def _excess(widths: Array) -> Array:
    return np.asarray(np.maximum(widths, 1.0).sum(axis=-1))


def _inverse(table: Array) -> Array:
    return np.asarray(np.linalg.inv(table.T @ table + _RIDGE * np.eye(table.shape[1])))


def refine(
    goal: Goal,
    evidence: Evidence,
    points: Points,
    pool: Array,
    costs: Sequence[float],
    left: Mapping[int, int],
    batch: Sequence[int],
) -> list[Proposal]:
    """Runs that take the most off the intervals for their cost.

    Parameters
    ----------
    goal : Goal
    evidence : Evidence
    points : Points
    pool : ndarray of shape (n, rank)
        Where new points may lie.
    costs : sequence of float
        Of a run of each tier.
    left : mapping of int to int
        Runs that the budget leaves for each tier.
    batch : sequence of int
        Most runs of each tier in one go.

    Returns
    -------
    list of Proposal
        All of one tier; empty where no run helps.

    References
    ----------
    V. V. Fedorov, Theory of Optimal Experiments, Academic Press 1972, chapters 2-3.
    """
    level = goal.level
    open_answers = [a for a in evidence.answers if a.worst(level) > 1.0]
    outlooks = [Outlook(a, level) for a in open_answers]
    offers: dict[tuple[int, int], Array] = {}
    for i, answer in enumerate(open_answers):
        for tier in range(points.n_tiers):
            z = candidates(goal, evidence, points, pool, answer, tier)
            if left[tier] > 0 and len(z):
                offers[i, tier] = z
                # finer runs wait until the place that they correct is known, or cannot be better
                helps = float(outlooks[i].gains(tier, z).max()) * batch[tier] > _HELPS
                if helps and not outlooks[i].settled(tier):
                    break
    chosen: list[Proposal] = []
    while True:
        best: tuple[float, float, int, int, int] | None = None
        for (i, tier), z in offers.items():
            if not len(z) or (chosen and tier != chosen[0].tier):
                continue
            gains = outlooks[i].gains(tier, z)
            at = int(np.argmax(gains))
            worth = float(gains[at]) / costs[tier]
            if gains[at] > 0 and (best is None or worth > best[0]):
                best = (worth, float(gains[at]), i, tier, at)
        if best is None:
            return chosen
        _, gain, i, tier, at = best
        z = offers[i, tier][at]
        chosen.append(Proposal(z, tier, "refine", _reason(outlooks[i], tier, gain), gain))
        outlooks[i].add(tier, z)
        offers[i, tier] = np.delete(offers[i, tier], at, axis=0)
        if len(chosen) >= min(batch[tier], left[tier]):
            return chosen


def candidates(
    goal: Goal, evidence: Evidence, points: Points, pool: Array, answer: LocalLaw, tier: int
) -> Array:
    """Where a run of a tier could serve an answer: deep inside its region.

    Runs of finer tiers are made where the tier below has an answer, because it is their
    difference that is fitted.
    """
    if tier:
        rows = points.done(tier - 1)
        rows = rows[~np.isfinite(points.y[rows, tier]) & ~points.lost[rows, tier]]
        if answer.law is not None:
            inside = rows[np.isin(rows, answer.members[0])]
            deep = np.argsort(-answer.depth[inside], kind="stable")[: (2 * len(inside) + 2) // 3]
            return np.asarray(points.z[inside[deep]])
        assert answer.centre is not None
        distance = np.linalg.norm(points.z[rows] - answer.centre, axis=1)
        return np.asarray(points.z[rows[np.argsort(distance)[: 3 * (points.rank + 1)]]])
    if answer.law is None:
        assert answer.centre is not None
        near = points.z[answer.members[0]]
        reach = float(np.linalg.norm(near - answer.centre, axis=1).max(initial=1.0))
        found = goal.region.around(answer.centre, 0.5 * reach, 64, seed=len(points))
        return _new(found, points)
    inside = pool[evidence.regimes.cores(pool)[:, answer.law]]
    return _new(deepest(goal, evidence, inside, answer.law), points)


def deepest(goal: Goal, evidence: Evidence, z: Array, law: int) -> Array:
    """Points so deep in a regime that no crossover matters, or the deepest third."""
    if not len(z) or len(evidence.regimes.laws) < 2:
        return z[:_MOST_CANDIDATES]
    depth = evidence.regimes.gaps(z)[:, law]
    enough = float(np.log(2.0 / (goal.exponents or 0.1)))
    deep = depth >= enough
    if deep.sum() < _ENOUGH_DEEP:
        deep = depth >= np.quantile(depth, 2.0 / 3.0)
    return np.asarray(z[deep][:_MOST_CANDIDATES])


def _new(z: Array, points: Points) -> Array:
    """Candidates that are no visited points."""
    if not len(z) or not len(points):
        return z
    apart = np.abs(z[:, None, :] - points.z[None]).max(axis=2).min(axis=1)
    return np.asarray(z[apart > 1e-6])


def _reason(outlook: Outlook, tier: int, gain: float) -> str:
    answer = outlook.answer
    what = "differences to the tier below" if tier else "runs"
    if outlook.missing(tier):
        have = len(outlook.tables[tier])
        return (
            f"{answer.name} has {have} of the {have + outlook.missing(tier)} {what} without which "
            f"no scatter can be told; here the leverage is largest (D-optimal)"
        )
    widths = outlook.widths()
    worst = int(np.argmax(widths))
    return (
        f"the {answer.labels[worst]} in {answer.name} has {widths[worst]:.2f} times its tolerance; "
        f"here a run is expected to take off {gain:.2g} for its cost (I-optimal)"
    )


# runs without a law that a map may have, and those that tell of a missing regime
STRAY = 2
# one stray run, or up to a tenth of all runs, may be faulty or noisy: no sign of a regime
_ALONE, _STRAY_SHARE = 1, 0.1
# coordinates closer than this are one point
_APART = 1e-6


def unmapped(evidence: Evidence) -> int:
    """Number of runs that follow no law; 0 where they are too few to tell of a missing regime."""
    white = evidence.regimes.unexplained
    n = int(white.sum())
    return n if n > max(_ALONE, _STRAY_SHARE * len(white)) else 0


def survey(z: Array, names: str) -> list[Proposal]:
    """First runs: all over the space, at the coarsest tier."""
    reason = f"space-filling over the region of pi space that the ranges of {names} reach"
    return [Proposal(point, 0, "survey", reason) for point in z]


def explore(goal: Goal, evidence: Evidence, points: Points, pool: Array, n: int) -> list[Proposal]:
    """Runs where a regime may be missing, in regimes of few runs, and far from all runs.

    Parameters
    ----------
    goal : Goal
    evidence : Evidence
    points : Points
    pool : ndarray of shape (n_pool, rank)
    n : int

    Returns
    -------
    list of Proposal
        At most `n`, of the coarsest tier.
    """
    chosen: list[Proposal] = []
    regimes = evidence.regimes
    enough = 3 * (points.rank + 1)
    white = np.flatnonzero(regimes.unexplained)
    if len(white):
        near = _nearest_run(pool, regimes.z)
        offers = pool[np.isin(near, white)]
        reason = f"{len(white)} runs follow no law although none is near: a regime may be missing"
        chosen += _spread(offers, points, chosen, n // 2, reason)
    if regimes.stands_out:
        cores = regimes.cores(regimes.z)
        few = [k for k in range(len(regimes.laws)) if cores[:, k].sum() < enough]
        inside = regimes.cores(pool)
        for k in few:
            offers = deepest(goal, evidence, pool[inside[:, k]], k)
            reason = f"a law rests on {int(cores[:, k].sum())} runs only: does it hold here too?"
            chosen += _spread(offers, points, chosen, max(2, n // (2 * len(few))), reason)
    reason = "farthest from every run so far"
    chosen += _spread(pool, points, chosen, n - len(chosen), reason)
    return chosen[:n]


def _nearest_run(pool: Array, z: Array) -> NDArray[np.intp]:
    return np.asarray(np.argmin(distances(pool, z), axis=1))


def _spread(
    offers: Array, points: Points, chosen: list[Proposal], n: int, reason: str
) -> list[Proposal]:
    """Offers that are farthest from all runs and from each other."""
    if n <= 0 or not len(offers):
        return []
    taken = np.array([*points.z, *(p.z for p in chosen)]).reshape(-1, points.rank)
    far = distances(offers, taken).min(axis=1) if len(taken) else np.full(len(offers), np.inf)
    found = []
    for _ in range(min(n, len(offers))):
        at = int(np.argmax(far))
        if far[at] <= _APART:
            break
        found.append(Proposal(offers[at], 0, "map", reason))
        far = np.minimum(far, distances(offers, offers[at : at + 1])[:, 0])
    return found
