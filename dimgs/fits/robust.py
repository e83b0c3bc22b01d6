"""Robust power laws from all pairs: rank dispersion, Huber pairs, their uncertainty."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog
from scipy.stats import chi2

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import FitError, InputError
from dimgs.fits.base import TrainingRuns, WithinRegressor
from dimgs.fits.covariance import jackknife_covariance
from dimgs.fits.design.moments import group_means
from dimgs.fits.design.whitening import whiten
from dimgs.fits.run_checks import check_clusters, label_codes


@dataclass(frozen=True, eq=False)
class SortedLoss:
    """A pair loss at given residuals, with what its derivatives need, in sorted order.

    Attributes
    ----------
    value : float
        Sum of the loss over the pairs.
    scores : ndarray of shape (n_runs,)
        Sum over partners v of w_v psi(e_u - e_v), times the group's factor; row order. The
        derivative of the loss in the residual of run u is w_u times this.
    order : ndarray of shape (n_runs,)
        Rows sorted by residual within each group.
    sorted_residuals : ndarray of shape (n_runs,)
    low, high : ndarray of shape (n_runs,)
        For each sorted run, the half-open range of sorted runs whose pair is quadratic (for
        the absolute loss: tied with it).
    near_weight : float
        Summed factor times w_u w_v over pairs in the quadratic part.
    gap_bound : float
        Largest amount by which smoothing can have lowered the sum below that of |e_u - e_v|.
    """

    value: float
    scores: Array
    order: IntArray
    sorted_residuals: Array
    low: IntArray
    high: IntArray
    near_weight: float
    gap_bound: float


class PairLoss:
    """Weighted pair losses of residuals whose rows are contiguous by group.

    Parameters
    ----------
    weights : ndarray of shape (n_runs,)
        Run weights; a pair weighs w_u w_v.
    starts : ndarray of shape (n_groups + 1,)
        Bounds of the groups; pairs are formed within a group only.
    normalised : bool, default=True
        Divide each group's sum by its total weight, so that every run counts once however
        large its group is; the sum over pairs itself otherwise.
    """

    def __init__(self, weights: Array, starts: IntArray, normalised: bool = True) -> None:
        self.weights = weights
        self.starts = starts
        totals = np.add.reduceat(weights, starts[:-1])
        self.factors = 1.0 / totals if normalised else np.ones(len(totals))
        self.uniform = bool(np.all(weights == weights[0]))

    @property
    def spans(self) -> list[tuple[int, int, float]]:
        """First row, end and factor of each group."""
        bounds = self.starts.tolist()
        return list(zip(bounds[:-1], bounds[1:], self.factors.tolist(), strict=True))

    def row_factors(self) -> Array:
        """Factor of each row's group."""
        return np.repeat(self.factors, np.diff(self.starts))

    def _sort(self, residuals: Array) -> tuple[IntArray, Array, Array]:
        order = np.empty(len(residuals), dtype=np.intp)
        for start, end, _ in self.spans:
            order[start:end] = np.argsort(residuals[start:end])
            order[start:end] += start
        weights = self.weights if self.uniform else self.weights[order]
        return order, residuals[order], weights

    def absolute(self, residuals: Array) -> SortedLoss:
        """Sum of |e_u - e_v|, the rank dispersion of Jaeckel (1972); tied pairs count as zero."""
        order, e, w = self._sort(residuals)
        size = len(e)
        low = np.arange(size)
        high = low + 1
        sorted_scores = np.empty(size)
        for start, end, factor in self.spans:
            part = slice(start, end)
            weight = np.cumsum(w[part])
            tied = np.flatnonzero(e[start + 1 : end] == e[start : end - 1])
            if tied.size:
                first, last = _tie_blocks(tied, end - start)
                low[part] = start + first
                high[part] = start + last + 1
                before, upto = weight[first] - w[part][first], weight[last]
            else:
                before, upto = weight - w[part], weight
            sorted_scores[part] = (before + upto - weight[-1]) * factor
        scores = np.empty(size)
        scores[order] = sorted_scores
        return SortedLoss(float((w * sorted_scores) @ e), scores, order, e, low, high, 0.0, 0.0)

    def huber(
        self, residuals: Array, threshold: float, sorted_loss: SortedLoss | None = None
    ) -> SortedLoss:
        """Sum of Huber's loss of e_u - e_v over `threshold`: t²/(2c), or |t| - c/2 beyond c.

        A `sorted_loss` at the same residuals saves the sort.
        """
        if sorted_loss is None:
            order, e, w = self._sort(residuals)
        else:
            order, e = sorted_loss.order, sorted_loss.sorted_residuals
            w = self.weights if self.uniform else self.weights[order]
        size = len(e)
        low, high = np.empty(size, dtype=np.intp), np.empty(size, dtype=np.intp)
        sorted_scores = np.empty(size)
        value = near_total = gap = 0.0
        for start, end, factor in self.spans:
            part = slice(start, end)
            x = e[part] - np.median(e[part])
            lo = np.searchsorted(x, x - threshold, side="left")
            hi = np.searchsorted(x, x + threshold, side="right")
            low[part], high[part] = start + lo, start + hi
            weight = _prefix(w[part])
            first = _prefix(w[part] * x)
            second = _prefix(w[part] * x * x)
            near = weight[hi] - weight[lo]
            moment = first[hi] - first[lo]
            far = weight[lo] - (weight[-1] - weight[hi])
            score = far + (near * x - moment) / threshold
            sorted_scores[part] = score * factor
            squares = np.maximum(near * x * x - 2.0 * x * moment + second[hi] - second[lo], 0.0)
            quadratic = 0.5 * float(w[part] @ squares)
            near_pairs = 0.5 * float(w[part] @ (near - w[part]))
            far_pairs = 0.5 * float(w[part] @ (weight[-1] - near))
            linear = float((w[part] * score) @ x)
            value += factor * (linear - 0.5 * quadratic / threshold - 0.5 * threshold * far_pairs)
            near_total += factor * near_pairs
            gap += factor * 0.25 * threshold * near_pairs
        scores = np.empty(size)
        scores[order] = sorted_scores
        return SortedLoss(value, scores, order, e, low, high, near_total, gap)

    def hessian(self, loss: SortedLoss, threshold: float, Z: Array) -> Array:
        """Second derivative in the slopes of features `Z`: near pairs' outer products.

        With the threshold as bandwidth it is also the kernel estimate of the curvature of the
        absolute loss, valid where the spread of the residuals varies between runs.
        """
        w = self.weights if self.uniform else self.weights[loss.order]
        weighted = w * self.row_factors()
        mass = _prefix(w)
        mass = mass[loss.high] - mass[loss.low]
        centred = np.empty((len(w), Z.shape[1]))
        columns = np.empty_like(centred)
        for j, feature in enumerate(Z.T):
            z = feature[loss.order]
            sums = _prefix(w * z)
            centred[:, j] = mass * z - (sums[loss.high] - sums[loss.low])
            columns[:, j] = weighted * z
        matrix = columns.T @ centred
        return np.asarray((matrix + matrix.T) / (2.0 * threshold))

    def run_scores(self, loss: SortedLoss, threshold: float, Z: Array) -> Array:
        """Sum over each run's pairs of the derivative in the slopes, shape (n_runs, rank).

        These are the projections of the estimating function on single runs: their
        covariance, and not the number of pairs, carries the uncertainty.
        """
        size, rank = Z.shape
        w = self.weights if self.uniform else self.weights[loss.order]
        e = loss.sorted_residuals
        sizes = np.diff(self.starts)
        one = len(sizes) == 1
        factor: Array | np.float64 = self.factors[0] if one else np.repeat(self.factors, sizes)
        scores = loss.scores[loss.order]
        result = np.empty((size, rank))
        flat = threshold <= 0.0
        ordered = np.ascontiguousarray(Z[loss.order].T)
        for j, z in enumerate(ordered):
            sums = _prefix(w * z)
            ends = sums[self.starts[:-1]] + sums[self.starts[1:]]
            partner = sums[loss.low] + sums[loss.high]
            partner -= ends[0] if one else np.repeat(ends, sizes)
            if not flat:
                moments = _prefix(w * z * e)
                near = sums[loss.high] - sums[loss.low]
                partner += (e * near - (moments[loss.high] - moments[loss.low])) / threshold
            ordered[j] = w * (scores * z - factor * partner)
        result[loss.order] = ordered.T
        return result


def _prefix(values: Array) -> Array:
    sums = np.empty(len(values) + 1)
    sums[0] = 0.0
    np.cumsum(values, out=sums[1:])
    return sums


def _tie_blocks(tied: IntArray, size: int) -> tuple[IntArray, IntArray]:
    new = np.ones(size, dtype=bool)
    new[tied + 1] = False
    first = np.flatnonzero(new)
    last = np.append(first[1:], size) - 1
    block = np.cumsum(new) - 1
    return first[block], last[block]


# pairs of a linear programme that is still solved at once
MOST_PAIRS = 20_000


@dataclass(frozen=True, eq=False)
class LocalPairs:
    """Pairs whose order may change when every whitened slope moves by at most `radius`."""

    gaps: Array
    differences: Array
    weights: Array
    slope: Array
    radius: float


def near_pairs(
    loss: SortedLoss, pair_loss: PairLoss, Z: Array, radius: float, most: int = MOST_PAIRS
) -> LocalPairs | None:
    """Collect the pairs that can change order within the box, or None if there are too many.

    Parameters
    ----------
    loss : SortedLoss
        The absolute loss at the centre of the box.
    pair_loss : PairLoss
        Weights and groups.
    Z : ndarray of shape (n_runs, rank)
        Whitened features, rows in group order.
    radius : float
        Half width of the box; infinite takes all pairs.
    most : int
        Give up beyond this many pairs.
    """
    e = loss.sorted_residuals
    reach = np.full(len(e), np.inf)
    if np.isfinite(radius):
        reach = radius * np.abs(Z).sum(axis=1)[loss.order]
    stops = np.empty(len(e), dtype=np.intp)
    for start, end, _ in pair_loss.spans:
        part = slice(start, end)
        farthest = e[part] + reach[part] + reach[part].max()
        stops[part] = start + np.searchsorted(e[part], farthest, side="right")
    first = np.arange(1, len(e) + 1)
    # rounding of a large residual may hide a run from itself
    stops = np.maximum(stops, first)
    if int((stops - first).sum()) > 10 * most:
        return None
    left, right = _ranges(first, stops)
    i, j = loss.order[left], loss.order[right]
    differences = Z[i] - Z[j]
    gaps = e[left] - e[right]
    size_of = np.abs(differences).sum(axis=1)
    # equal rows never change order, and an infinite radius times zero is not a number
    keep = size_of > 0.0
    keep[keep] = np.abs(gaps[keep]) <= radius * size_of[keep]
    i, j, gaps, differences = i[keep], j[keep], gaps[keep], differences[keep]
    weights = pair_loss.weights[i] * pair_loss.weights[j] * pair_loss.row_factors()[i]
    slope = -((pair_loss.weights * loss.scores) @ Z) + (weights * np.sign(gaps)) @ differences
    gaps, differences, weights = _merge(gaps, differences, weights)
    return None if len(gaps) > most else LocalPairs(gaps, differences, weights, slope, radius)


def _merge(gaps: Array, differences: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Identical pairs (repeated runs, designed tables) as one pair with their summed weight."""
    rows = np.column_stack([gaps, differences]) * np.where(gaps < 0.0, -1.0, 1.0)[:, None]
    distinct, place = np.unique(rows, axis=0, return_inverse=True)
    merged = np.asarray(np.bincount(place.ravel(), weights), dtype=np.float64)
    return distinct[:, 0], distinct[:, 1:], merged


def _ranges(start: IntArray, stop: IntArray) -> tuple[IntArray, IntArray]:
    """Every k, and with it each place from start[k] to before stop[k]."""
    lengths = stop - start
    rows = np.repeat(np.arange(len(start)), lengths)
    inside = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return rows, np.repeat(start, lengths) + inside


def minimise(pairs: LocalPairs) -> tuple[Array, bool] | None:
    """Step that minimises slope @ d + sum of weights |gaps - differences @ d| over the box.

    Where the minimum is a face rather than a point, the step goes to the middle of the face,
    as the median of an even number of values does.

    Returns
    -------
    step : ndarray of shape (rank,)
    interior : bool
        Whether the box was not in the way: by convexity the step then ends in a minimiser of
        the whole loss. None is returned in place of both if the programme was not solved.
    """
    count, rank = pairs.differences.shape
    if count == 0:
        return None
    bounded = np.isfinite(pairs.radius)
    unit = pairs.radius if bounded else max(float(np.abs(pairs.gaps).max()), 1e-300)
    heavy = float(pairs.weights.max())
    gaps, slope, bound = pairs.gaps / unit, pairs.slope / heavy, pairs.weights / heavy
    box = np.eye(rank) if bounded else np.zeros((rank, 0))
    sides = box.shape[1]
    result = linprog(
        np.concatenate([-gaps, np.ones(2 * sides)]),
        A_eq=np.hstack([pairs.differences.T, box, -box]),
        b_eq=slope,
        bounds=[(-limit, limit) for limit in bound.tolist()] + [(0.0, None)] * (2 * sides),
        method="highs",
    )
    if result.status != 0:
        return None
    multipliers = np.asarray(result.x)[:count]
    step = -np.asarray(result.eqlin.marginals)
    free = np.abs(multipliers) < bound * (1.0 - 1e-9)
    interior = not bounded or bool(np.abs(step).max() < 1.0 - 1e-9)
    if free.any() and np.linalg.matrix_rank(pairs.differences[free]) == rank:
        step = np.linalg.lstsq(pairs.differences[free], gaps[free], rcond=None)[0]
    elif interior:
        step = _inner(pairs.differences, gaps, multipliers, free, bounded, step)
    return step * unit, interior


def _inner(
    differences: Array, gaps: Array, multipliers: Array, free: BoolArray, bounded: bool, step: Array
) -> Array:
    """Mean of the extreme points, along every axis, of the face of minimisers."""
    sign = np.sign(multipliers[~free])[:, None]
    corners: list[Array] = []
    for objective in np.kron(np.eye(differences.shape[1]), [[1.0], [-1.0]]):
        result = linprog(
            objective,
            A_ub=sign * differences[~free],
            b_ub=sign[:, 0] * gaps[~free],
            A_eq=differences[free] if free.any() else None,
            b_eq=gaps[free] if free.any() else None,
            bounds=(-1.0, 1.0) if bounded else (None, None),
            method="highs",
        )
        if result.status != 0:
            return step
        corners.append(np.asarray(result.x))
    return np.asarray(np.mean(corners, axis=0))


# a thousand pairs: the linear programme takes them all at once
ALL_PAIRS_RUNS = 45
# runs whose minimiser is as near as Newton steps need
SUBSAMPLE = 20_000
# pairs that the exact last step begins with
PAIRS_AT_FINISH = 1_500
# of the response: what is left below is rounding
TINY = 1e-13


@dataclass(frozen=True, eq=False)
class Solution:
    """Slopes in whitened coordinates and how far they can be from optimal.

    Attributes
    ----------
    slopes : ndarray of shape (rank,)
    loss : SortedLoss
        The loss at the slopes.
    hessian : ndarray of shape (rank, rank)
        A curvature of the loss at the slopes.
    gap : float
        Bound (exact finish, duality) or estimate (half the squared Newton decrement) of the
        excess over the minimum, relative to the loss.
    n_iter : int
        Evaluations of the loss over all runs.
    """

    slopes: Array
    loss: SortedLoss
    hessian: Array
    gap: float
    n_iter: int


@dataclass
class RankProblem:
    """Whitened features, response and pair loss; rows contiguous by group."""

    Z: Array
    y: Array
    pairs: PairLoss
    n_iter: int = 0

    def residuals(self, slopes: Array) -> Array:
        """Response minus potential."""
        return np.asarray(self.y - self.Z @ slopes)

    def gradient(self, loss: SortedLoss) -> Array:
        """Derivative of the loss in the slopes."""
        return np.asarray(-((self.pairs.weights * loss.scores) @ self.Z))

    def absolute(self, slopes: Array) -> SortedLoss:
        """Rank dispersion at the slopes."""
        self.n_iter += 1
        return self.pairs.absolute(self.residuals(slopes))

    def huber(self, slopes: Array, threshold: float) -> SortedLoss:
        """Pairwise Huber loss at the slopes."""
        self.n_iter += 1
        return self.pairs.huber(self.residuals(slopes), threshold)

    def least_squares(self) -> Array:
        """All-pairs least squares, each group centred."""
        w = self.pairs.weights
        gram = (self.Z * w[:, None]).T @ self.Z
        return np.asarray(np.linalg.lstsq(gram, self.Z.T @ (w * self.y), rcond=None)[0])

    def spread(self, loss: SortedLoss) -> float:
        """Mean of the loss per unit weight: a scale of the residuals, in their units."""
        return loss.value / float(self.pairs.weights.sum())

    def subsample(self, size: int) -> "RankProblem":
        """A fixed pseudo-random part of the runs, for a start."""
        chosen = np.sort(np.random.default_rng(0).permutation(len(self.y))[:size])
        starts = np.unique(np.searchsorted(chosen, self.pairs.starts))
        return RankProblem(
            self.Z[chosen], self.y[chosen], PairLoss(self.pairs.weights[chosen], starts)
        )


def newton(
    problem: RankProblem, slopes: Array, threshold: float, steps: int, tolerance: float
) -> tuple[Array, SortedLoss, Array, float]:
    """Damped Newton on the pairwise Huber loss, which is convex and piecewise quadratic.

    Returns the slopes, the loss, its Hessian and the squared Newton decrement relative to the
    loss.
    """
    loss = problem.huber(slopes, threshold)
    hessian = problem.pairs.hessian(loss, threshold, problem.Z)
    decrement = np.inf
    for _ in range(steps):
        gradient = problem.gradient(loss)
        rank = len(gradient)
        # Few near pairs may leave a direction flat: a small part of the curvature that all
        # pairs have at this spread keeps the step finite.
        ridge = 1e-3 * float(problem.pairs.weights.sum()) / max(problem.spread(loss), threshold)
        direction = -np.linalg.solve(hessian + ridge * 1e-3 * np.eye(rank), gradient)
        decrement = float(-gradient @ direction) / max(loss.value, 1e-300)
        if decrement <= tolerance:
            break
        step, descended = 1.0, False
        while step > 1e-6:
            trial = problem.huber(slopes + step * direction, threshold)
            if trial.value <= loss.value * (1.0 - 1e-4 * step * decrement):
                descended = True
                break
            step *= 0.25
        if not descended:
            break
        slopes = slopes + step * direction
        loss = trial
        hessian = problem.pairs.hessian(loss, threshold, problem.Z)
    return slopes, loss, hessian, decrement


def _ladder(problem: RankProblem, slopes: Array, few_pairs: float) -> tuple[Array, Array, float]:
    """Follow the smoothed minimiser as the smoothing shrinks; slopes, Hessian, relative gap."""
    loss = problem.absolute(slopes)
    typical = float(np.mean(problem.pairs.weights)) ** 2 * float(np.mean(problem.pairs.factors))
    start = threshold = max(problem.spread(loss), 1e-300)
    gap = np.inf
    while True:
        slopes, smooth, hessian, decrement = newton(problem, slopes, threshold, 8, 1e-9)
        gap = (smooth.gap_bound / max(smooth.value, 1e-300)) + decrement
        near = smooth.near_weight / typical
        if near <= few_pairs or threshold <= 1e-9 * start:
            return slopes, hessian, gap
        robust = _quartile_range(smooth, problem.pairs)
        threshold = min(threshold / 6.0, max(robust, threshold / 1e3))


def _quartile_range(loss: SortedLoss, pairs: PairLoss) -> float:
    largest = int(np.argmax(np.diff(pairs.starts)))
    part = loss.sorted_residuals[pairs.starts[largest] : pairs.starts[largest + 1]]
    size = len(part)
    return float(part[(3 * size) // 4] - part[size // 4])


def _snap(problem: RankProblem, slopes: Array, loss: SortedLoss) -> tuple[Array, SortedLoss]:
    """Least squares on the runs that agree to rounding, where a majority follows a law exactly."""
    e = problem.residuals(slopes)
    keep = np.zeros(len(e), dtype=bool)
    for start, end, _ in problem.pairs.spans:
        centre = np.median(e[start:end])
        keep[start:end] = np.abs(e[start:end] - centre) <= 1e-6 * problem.spread(loss)
    if keep.sum() <= len(slopes) + 1:
        return slopes, loss
    group = np.repeat(np.arange(len(problem.pairs.factors)), np.diff(problem.pairs.starts))[keep]
    table = np.column_stack([problem.Z, e])[keep]
    table -= group_means(table, group, len(problem.pairs.factors))[1][group]
    trial_slopes = slopes + np.linalg.lstsq(table[:, :-1], table[:, -1], rcond=None)[0]
    trial = problem.absolute(trial_slopes)
    return (trial_slopes, trial) if trial.value < loss.value else (slopes, loss)


def _exact(
    problem: RankProblem, slopes: Array, hessian: Array, gap: float, everything: bool
) -> tuple[Array, SortedLoss, float]:
    """Solve for the pairs that may still change order until the answer lies inside the box."""
    loss = problem.absolute(slopes)
    size, rank = problem.Z.shape
    total = float(problem.pairs.weights.sum())
    curvature = max(float(np.trace(hessian)) / rank, 1e-300)
    # Expected number of pairs within the box, from the density of ties that the curvature is.
    radius = np.inf if everything else 2.0 * PAIRS_AT_FINISH * total / (curvature * size**2 * rank)
    for _ in range(60):
        local = near_pairs(loss, problem.pairs, problem.Z, radius)
        if local is None:
            radius *= 0.125
            if radius * curvature <= 1e-15 * total:
                break
            continue
        answer = minimise(local)
        if answer is None:
            radius *= 4.0
            continue
        step, interior = answer
        trial = problem.absolute(slopes + step)
        if trial.value <= loss.value * (1.0 + 1e-15):
            slopes, loss = slopes + step, trial
        if interior:
            return slopes, loss, 0.0
        radius *= 1.5
    return slopes, loss, gap


def solve_absolute(problem: RankProblem) -> Solution:
    """Minimiser of the rank dispersion over all runs.

    Small tables are one linear programme. Otherwise Newton steps on a smoothed loss (or, for
    large tables, on the dispersion itself from the answer of a subsample) bring the slopes so
    close that only few pairs can still change order, and those are solved exactly.
    """
    size, rank = problem.Z.shape
    if rank and size > 2 * SUBSAMPLE:
        near = _sharp(problem)
        if near is not None:
            slopes, loss, gap = _exact(problem, *near, everything=False)
            return Solution(slopes, loss, near[1], gap, problem.n_iter)
    slopes = problem.least_squares()
    loss = problem.absolute(slopes)
    hessian = np.eye(rank) * float(problem.pairs.weights.sum())
    rounding = TINY * float(problem.pairs.weights @ np.abs(problem.y))
    if rank == 0 or loss.value <= rounding:
        return Solution(slopes, loss, hessian, 0.0, problem.n_iter)
    small = size <= ALL_PAIRS_RUNS
    gap = np.inf
    if not small:
        slopes, hessian, gap = _ladder(problem, slopes, PAIRS_AT_FINISH)
        slopes, loss = _snap(problem, slopes, problem.absolute(slopes))
        if loss.value <= rounding:
            return Solution(slopes, loss, hessian, 0.0, problem.n_iter)
    slopes, loss, gap = _exact(problem, slopes, hessian, gap, everything=small)
    return Solution(slopes, loss, hessian, gap, problem.n_iter)


def _sharp(problem: RankProblem) -> tuple[Array, Array, float] | None:
    """Newton steps on the dispersion of all runs from a subsample's start and curvature.

    With many runs the dispersion is quadratic to within its own noise, so that each step
    gains a factor; secant (BFGS) updates improve the curvature. None if it does not settle.
    """
    part = problem.subsample(SUBSAMPLE)
    share = float(problem.pairs.weights.sum() / part.pairs.weights.sum())
    slopes, _, gap = _ladder(part, part.least_squares(), 200.0 * len(part.y))
    width = 0.25 * _quartile_range(part.absolute(slopes), part.pairs)
    if width <= 1e-9 * float(np.abs(part.y).max(initial=0.0)):
        return None
    hessian = curvature = share * part.pairs.hessian(part.huber(slopes, width), width, part.Z)
    loss = problem.absolute(slopes)
    gradient = problem.gradient(loss)
    best = np.inf
    for _ in range(25):
        try:
            step = -np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            return None
        gap = 0.5 * float(-gradient @ step) / loss.value
        if not 0.0 <= gap < 4.0 * best:
            return None
        best = min(best, gap)
        if gap <= 1e-16:
            return slopes, curvature, gap
        slopes = slopes + step
        loss = problem.absolute(slopes)
        change = problem.gradient(loss) - gradient
        gradient = gradient + change
        curve = float(change @ step)
        if curve > 0.0:
            pushed = hessian @ step
            hessian = (
                hessian
                + np.outer(change, change) / curve
                - np.outer(pushed, pushed) / float(step @ pushed)
            )
    return None


# values that stand for all: their sums are where the search of the median begins
SKETCH = 800


def weighted_median(values: Array, weights: Array) -> float:
    """Middle of the values by weight; the mean of the two middle ones at an exact tie."""
    order = np.argsort(values)
    values, cumulative = values[order], np.cumsum(weights[order])
    half = 0.5 * cumulative[-1]
    slack = 1e-12 * cumulative[-1]
    low = int(np.searchsorted(cumulative, half - slack))
    high = int(np.searchsorted(cumulative, half + slack, side="right"))
    return 0.5 * (float(values[low]) + float(values[min(high, len(values) - 1)]))


def hodges_lehmann(values: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Weighted median of the pairwise means (e_u + e_v)/2 over all ordered pairs.

    A run that is listed twice counts as one of twice the weight. Cost O(m log m): the pairwise
    means below a value are counted from the sorted values.

    Parameters
    ----------
    values : array-like of shape (n_runs,)
    sample_weight : array-like of shape (n_runs,), optional
        Positive weights; a pair weighs w_u w_v.

    Returns
    -------
    float
        In the units of the values.

    References
    ----------
    Hodges, J. L. and Lehmann, E. L. (1963). Estimates of location based on rank tests.
    Annals of Mathematical Statistics 34, 598-611.

    Examples
    --------
    >>> hodges_lehmann([0.0, 1.0, 2.0, 100.0])
    1.75
    """
    x = np.asarray(values, dtype=np.float64)
    w = np.ones(len(x)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    order, size = np.argsort(x), len(x)
    x, w = x[order], w[order]
    if size <= 300:
        return 0.5 * weighted_median((x[:, None] + x).ravel(), np.outer(w, w).ravel())
    cumulative = np.concatenate([[0.0], np.cumsum(w)])
    half = 0.5 * float(cumulative[-1]) ** 2
    slack = 2e-12 * half
    low, high = 2.0 * float(x[0]), 2.0 * float(x[-1])
    below, upto = 0.0, 2.0 * half
    # low and high are sums, which the median lies between; each trial moves one of them to the next
    # sum, and every third one halves the bracket where interpolation is slow
    for iteration in range(200):
        share = 0.5 if iteration % 3 == 2 else (half - below) / (upto - below)
        trial = low + (high - low) * share
        if not low <= trial < high:
            break
        count = np.searchsorted(x, trial - x[::-1], side="right")[::-1]
        some, more = count > 0, count < size
        left = float((x[some] + x[count[some] - 1]).max())
        right = float((x[more] + x[count[more]]).min())
        value = float(w @ cumulative[count])
        if abs(value - half) <= slack:
            return 0.25 * (left + right)
        if value < half:
            low, below = right, value
        else:
            high, upto = left, value
    return 0.25 * (low + high)


def shrunken_bandwidth(loss: SortedLoss, pairs: PairLoss, power: float = 0.5) -> float:
    """Bandwidth of the density of residual differences at zero.

    The 0.8 quantile of |e_u - e_v| over pairs within groups, divided by (number of runs) **
    power; 0.5 is the choice of Koul, Sievers and McKean (1987).
    """
    parts = []
    sizes = np.diff(pairs.starts)
    w = pairs.weights[loss.order]
    for start, end, factor in pairs.spans:
        if end - start < 2:
            continue
        x = loss.sorted_residuals[start:end]
        x = x - np.median(x)
        parts.append((x, w[start:end] * factor * (end - start), end - start))
    if not parts:
        return 0.0
    if len(parts) > 20:
        # Many small groups: their centred residuals are pooled.
        merged = np.concatenate([part[0] for part in parts])
        order = np.argsort(merged)
        weight = np.concatenate([part[1] for part in parts])[order]
        parts = [(merged[order], weight, len(merged))]
    gaps, weights = [], []
    for x, weight, count in parts:
        # of many values some hundred, equally spaced by weight, stand for all
        cumulative = np.cumsum(weight)
        targets = (np.arange(SKETCH) + 0.5) / SKETCH * cumulative[-1]
        places = np.minimum(np.searchsorted(cumulative, targets), count - 1)
        sketch = x if count <= SKETCH else x[places]
        of_sketch = weight if count <= SKETCH else np.ones(len(sketch))
        i, j = np.triu_indices(len(sketch), 1)
        gaps.append(np.abs(sketch[i] - sketch[j]))
        product = of_sketch[i] * of_sketch[j]
        weights.append(product * (float(count) / product.sum()))
    gap, weight = np.concatenate(gaps), np.concatenate(weights)
    order = np.argsort(gap)
    cumulative = np.cumsum(weight[order])
    quantile = float(gap[order][np.searchsorted(cumulative, 0.8 * cumulative[-1])])
    return quantile / float(np.power(float(sizes.sum()), power))


def koul_tau(loss: SortedLoss, pairs: PairLoss, bandwidth: float, parameters: int) -> float:
    """Scale tau of rank regression: 1 / (sqrt(12) ∫f²), in the units of the residuals.

    Parameters
    ----------
    loss : SortedLoss
        Huber loss evaluated at `bandwidth`.
    pairs : PairLoss
        Weights and groups.
    bandwidth : float
        See `shrunken_bandwidth`.
    parameters : int
        Fitted slopes and prefactors, for the correction sqrt(m / (m - parameters)).

    Returns
    -------
    float
        Infinite if no pair is close, zero if the bandwidth is.

    References
    ----------
    Koul, H. L., Sievers, G. L. and McKean, J. W. (1987). An estimator of the scale parameter
    for the rank analysis of linear models under general score functions. Scandinavian Journal
    of Statistics 14, 131-141.
    """
    if bandwidth <= 0.0:
        return 0.0
    totals = np.add.reduceat(pairs.weights, pairs.starts[:-1])
    squares = np.add.reduceat(pairs.weights**2, pairs.starts[:-1])
    every = float(0.5 * (pairs.factors * (totals**2 - squares)).sum())
    # no pair is close, or one run has all the weight
    if min(loss.near_weight, every) <= 0.0:
        return float("inf")
    density = loss.near_weight / every / (2.0 * bandwidth)
    size = len(pairs.weights)
    return float(np.sqrt(size / max(size - parameters, 1)) / (np.sqrt(12.0) * density))


# coverage of the bulk, as if normal, shared over the runs (Bonferroni): a run outside it is rare
_DISTANCE_LEVEL = 0.999


def run_covariance(scores: Array, hessian: Array, Z: Array, weights: Array) -> Array:
    """Covariance of whitened slopes from deleting one run at a time, to first order.

    Parameters
    ----------
    scores : ndarray of shape (n_runs, rank)
        Sum over each run's pairs of the derivative of the loss in the slopes.
    hessian : ndarray of shape (rank, rank)
        Curvature of the loss.
    Z : ndarray of shape (n_runs, rank)
        Features, centred within groups, with weighted second moment the identity.
    weights : ndarray of shape (n_runs,)

    Returns
    -------
    ndarray of shape (rank, rank)
    """
    leverage = hat_values(Z, weights)
    changes = scores / np.maximum(1.0 - leverage, 1e-3)[:, None]
    return jackknife_covariance(changes @ np.linalg.pinv(hessian, hermitian=True))


def cluster_covariance(
    scores: Array, hessian: Array, Z: Array, weights: Array, clusters: IntArray
) -> Array:
    """Covariance from deleting one cluster of runs at a time (CR3)."""
    count = int(clusters.max()) + 1
    rank = Z.shape[1]
    total = float(weights.sum())
    sums = np.column_stack([np.bincount(clusters, column, count) for column in scores.T])
    inner = np.empty((count, rank, rank))
    for i in range(rank):
        mass, inner[:, i] = group_means(Z * Z[:, [i]], clusters, count, weights)
        inner[:, i] *= mass[:, None] / total
    root = np.linalg.pinv(hessian, hermitian=True)
    remaining = np.linalg.pinv(np.eye(rank) - inner, rcond=1e-6, hermitian=True)
    # In coordinates where the curvature is isotropic, deleting a cluster removes its share.
    return jackknife_covariance(np.einsum("cij,cj->ci", remaining, sums) @ root)


def hat_values(Z: Array, weights: Array) -> Array:
    """Diagonal of the hat matrix of the centred features (the prefactor's share excluded)."""
    total = float(weights.sum())
    squares = np.einsum("ij,ij->i", Z, Z)
    return np.asarray(np.minimum(weights * squares / max(total, 1e-300), 1.0))


def robust_distances(Z: Array, order: IntArray, most: int = 20_000) -> tuple[Array, float]:
    """Distances of the runs from the bulk by forward search (BACON), and the cutoff.

    The start is the classical Mahalanobis distance, so that the result does not depend on the
    basis of the groups; it withstands up to about 20 % of gathered leverage points.

    Parameters
    ----------
    Z : ndarray of shape (n_runs, rank)
        Whitened features.
    order : ndarray of shape (n_runs,)
        Any fixed order of the runs; of tables longer than `most`, evenly spaced runs in this
        order stand for all when the bulk is estimated.
    most : int, default=20000
        Largest number of runs that the bulk is estimated from.

    Returns
    -------
    distances : ndarray of shape (n_runs,)
    cutoff : float
        A run further away is a leverage point.

    References
    ----------
    Billor, N., Hadi, A. S. and Velleman, P. F. (2000). BACON: blocked adaptive
    computationally efficient outlier nominators. Computational Statistics & Data Analysis 34,
    279-298.
    """
    size, rank = Z.shape
    if rank == 0:
        return np.zeros(size), np.inf
    part = Z if size <= most else Z[order[:: size // most + 1]]
    count = len(part)
    distances = _norms(part)
    quantile = float(np.sqrt(chi2.isf((1.0 - _DISTANCE_LEVEL) / count, rank)))
    small = 1.0 + (rank + 1.0) / max(count - rank, 1) + 2.0 / max(count - 1.0 - 3.0 * rank, 1.0)
    start = min(max(4 * rank, rank + 2), count)
    bulk = np.argsort(distances, kind="stable")[:start]
    for _ in range(100):
        centre = part[bulk].mean(axis=0)
        scatter = np.atleast_2d(np.cov(part[bulk].T))
        if np.linalg.cond(scatter) > 1e12:
            start = min(2 * start, count)
            grown = np.argsort(distances, kind="stable")[:start]
            if len(grown) == len(bulk):
                break
            bulk = grown
            continue
        half = (count + rank + 1) // 2
        widen = small + max(0.0, (half - len(bulk)) / (half + len(bulk)))
        root = np.linalg.inv(np.linalg.cholesky(scatter)).T
        distances = _norms((part - centre) @ root)
        chosen = np.flatnonzero(distances < widen * quantile)
        if len(chosen) == len(bulk) and np.array_equal(chosen, bulk):
            break
        bulk = chosen
    else:
        widen = small
    scatter = np.atleast_2d(np.cov(part[bulk].T))
    centre = part[bulk].mean(axis=0)
    values, vectors = np.linalg.eigh(scatter)
    kept = values > 1e-12 * values[-1]
    scaled = (Z - centre) @ (vectors[:, kept] / np.sqrt(values[kept]))
    return _norms(scaled), small * quantile


def _norms(rows: Array) -> Array:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows)))


def tied(loss: SortedLoss, pairs: PairLoss, problem: RankProblem) -> SortedLoss:
    """The loss with pairs that rounding has parted at the minimiser tied again."""
    e = loss.sorted_residuals
    new = np.append(True, np.diff(e) > 1e-11 * problem.spread(loss))
    new[pairs.starts[:-1]] = True
    first = np.maximum.accumulate(np.where(new, np.arange(len(e)), 0))
    residuals = np.empty_like(e)
    residuals[loss.order] = e[first]
    return pairs.absolute(residuals)


# Beyond this many runs the curvature known to the solver (from a large subsample) is as good.
LARGE = 2 * SUBSAMPLE


@dataclass(eq=False, repr=False)
class RobustPowerLaw(WithinRegressor):
    """Power law that gross errors in the response hardly move.

    Minimises, over the exponents a, the sum over pairs of runs of w_u w_v abs(e_u - e_v) with
    e = y - X a, through ranks: one sort per evaluation. It is the rank regression of Jaeckel
    with Wilcoxon scores: about 95 % as efficient as least squares for normal errors, and
    bounded until about 29 % of the responses are wrong. It does not protect against wrong log
    groups: a single run far out in `X` can carry the fit, so such runs are listed in
    `leverage_points_`. The prefactor is the Hodges-Lehmann estimate of the residuals.

    Parameters
    ----------
    loss : {"l1", "huber"}, default="l1"
        Loss of the residual difference of a pair; "huber" is quadratic for near pairs.
    huber_threshold : float, default=1.345
        Where the Huber loss turns linear, in robust standard deviations of a residual
        difference (taken from the absolute fit).
    outlier_threshold : float, default=3.5
        Runs whose residual exceeds this many robust standard deviations are listed.

    Attributes
    ----------
    exponents_ : ndarray of shape (n_features,)
        Minimum-norm where the runs leave a combination of groups undetermined.
    intercept_ : float
        Logarithm of the prefactor: Hodges-Lehmann estimate from the residuals of all runs.
    group_intercepts_ : dict
        The same for each label of `within`; empty without it.
    covariance_ : ndarray of shape (n_features, n_features)
        Covariance of the exponents by deletion of runs, or of clusters when `groups` is given.
    tau_ : float
        Scale of the residuals in rank regression (Koul, Sievers and McKean), in units of y.
    tau_errors_ : ndarray of shape (n_features,)
        Standard errors if errors are independent with one spread: tau times those of X.
    dof_ : int
        Of the t quantiles in `intervals`.
    residuals_, robust_z_ : ndarray of shape (n_runs,)
        Residuals (about the own prefactor with `within`), and the same in robust standard
        deviations.
    outliers_ : ndarray of int
        Indices of runs where ``robust_z_`` exceeds the threshold in size, worst first.
    leverage_ : ndarray of shape (n_runs,)
        Hat values, exponents only.
    robust_distances_ : ndarray of shape (n_runs,)
        Distance of each run from the bulk of the log groups.
    leverage_points_ : ndarray of int
        Indices of runs outside the bulk, farthest first.
    objective_ : float
        Loss summed over pairs, each group's sum divided by its total weight.
    duality_gap_ : float
        Excess of `objective_` over the minimum, relative: zero when the last step was exact.
    rank_ : int
        Number of combinations of groups that the runs determine.
    n_contrasts_, n_pairs_, n_iter_ : int
        Independent contrasts; pairs; evaluations of the loss over all runs.

    References
    ----------
    Jaeckel, L. A. (1972). Annals of Mathematical Statistics 43, 1449-1458.
    Hettmansperger, T. P. and McKean, J. W. (2011). Robust Nonparametric Statistical Methods,
    2nd ed., chapter 3.

    Examples
    --------
    A law of exponent 2 and prefactor e in spite of a quarter of gross errors:

    >>> X = np.linspace(0.0, 1.0, 12)[:, None]
    >>> y = 1.0 + 2.0 * X[:, 0]
    >>> y[[2, 6, 9]] += 50.0
    >>> fit = RobustPowerLaw().fit(X, y)
    >>> fit.exponents_.round(6).tolist(), round(fit.intercept_, 6)
    ([2.0], 1.0)
    >>> sorted(fit.outliers_.tolist())
    [2, 6, 9]
    """

    loss: Literal["l1", "huber"] = "l1"
    huber_threshold: float = 1.345
    outlier_threshold: float = 3.5

    def _fit(self, runs: TrainingRuns) -> None:
        if self.loss not in ("l1", "huber"):
            raise InputError(f"loss is {self.loss!r}: choose 'l1' or 'huber'.")
        if not self.huber_threshold > 0.0 or not self.outlier_threshold > 0.0:
            raise InputError("huber_threshold and outlier_threshold must be positive.")
        X, y, weights = runs.X, runs.y, runs.weights
        labels, codes = label_codes(runs.within, len(y), "within")
        rows = np.flatnonzero(weights > 0.0)
        if len(labels) > 1:
            rows = rows[np.argsort(codes[rows], kind="stable")]
        used = codes[rows]
        starts = np.append(np.flatnonzero(np.append(True, used[1:] != used[:-1])), len(rows))
        if len(rows) < 2 or len(rows) - len(starts) + 1 < 1:
            raise FitError(
                "No two runs with weight can be paired: give at least two runs, and with "
                "within at least two of one label."
            )
        whole = len(rows) == len(y) and len(labels) == 1
        Xs, ys, ws = (X, y, weights) if whole else (X[rows], y[rows], weights[rows])
        ws = ws / ws.mean()
        self._solve(Xs, ys, ws, starts.astype(np.intp))
        self._locate(runs, codes, labels)
        self._infer(rows, None if runs.groups is None else runs.clusters[rows])
        sizes = np.diff(starts).astype(object)
        self.n_contrasts_ = int(len(rows) - len(sizes))
        self.n_pairs_ = int(sum(size * (size - 1) // 2 for size in sizes))
        del self._state

    def _solve(self, X: Array, y: Array, weights: Array, starts: IntArray) -> None:
        pairs = PairLoss(weights, starts)
        codes = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        means = group_means(np.column_stack([X, y]), codes, len(starts) - 1, weights)[1][codes]
        if len(starts) > 2:
            X = X - means[:, :-1]
        centred_y = y - means[:, -1]
        whitening, Z = whiten(X, weights)
        problem = RankProblem(np.ascontiguousarray(Z), centred_y, pairs)
        solution = solve_absolute(problem)
        threshold = 0.0
        if self.loss == "huber" and whitening.rank:
            spread = shrunken_bandwidth(solution.loss, pairs, power=0.0) / 1.2816
            threshold = self.huber_threshold * spread
            if threshold > 0.0:
                slopes, loss, hessian, gap = newton(problem, solution.slopes, threshold, 60, 1e-24)
                solution = Solution(slopes, loss, hessian, 0.5 * gap, problem.n_iter)
        self.exponents_ = whitening.exponents(solution.slopes)
        self.rank_ = whitening.rank
        self.objective_ = solution.loss.value
        self.duality_gap_ = solution.gap
        self.n_iter_ = solution.n_iter
        self._state = (whitening, problem, solution.loss, threshold, solution)

    def _locate(self, runs: TrainingRuns, codes: IntArray, labels: NDArray[np.generic]) -> None:
        y, weights = runs.y, runs.weights
        residuals = y - runs.X @ self.exponents_
        used = weights > 0.0
        self.intercept_ = hodges_lehmann(residuals[used], weights[used])
        self.group_intercepts_: dict[Any, float] = {}
        if runs.within is not None:
            levels = np.full(len(labels), self.intercept_)
            by_code = np.argsort(codes, kind="stable")
            members = np.split(by_code, np.cumsum(np.bincount(codes, minlength=len(labels)))[:-1])
            for code, label in enumerate(labels.tolist()):
                mine = members[code][used[members[code]]]
                if mine.size:
                    levels[code] = hodges_lehmann(residuals[mine], weights[mine])
                self.group_intercepts_[label] = float(levels[code])
            self.residuals_ = residuals - levels[codes]
        else:
            self.residuals_ = residuals - self.intercept_
        size = np.abs(self.residuals_)
        scale = 1.4826 * float(np.median(size[used]))
        floor = 1e-12 * float(np.abs(y).max(initial=0.0))
        self.robust_z_ = self.residuals_ / max(scale, floor, 1e-300)
        outlying = np.flatnonzero(np.abs(self.robust_z_) > self.outlier_threshold)
        self.outliers_ = outlying[np.argsort(-size[outlying], kind="stable")]

    def _infer(self, rows: IntArray, clusters: IntArray | None) -> None:
        whitening, problem, loss, threshold, solution = self._state
        pairs, Z = problem.pairs, problem.Z
        leverage = np.zeros(len(self.residuals_))
        leverage[rows] = hat_values(Z, pairs.weights)
        distances, cutoff = robust_distances(Z, loss.order)
        far = np.zeros(len(self.residuals_))
        far[rows] = distances
        self.leverage_, self.robust_distances_ = leverage, far
        extreme = np.flatnonzero(far > cutoff)
        self.leverage_points_ = extreme[np.argsort(-far[extreme], kind="stable")]
        size, parameters = len(Z), self.rank_ + len(pairs.factors)
        self.dof_ = max(size - parameters, 1)
        if clusters is not None:
            clusters = np.unique(clusters, return_inverse=True)[1]
            check_clusters(clusters)
            self.dof_ = int(clusters.max())
        self.tau_ = self._tau(problem, loss, parameters)
        spread = self.tau_ / np.sqrt(pairs.weights.sum())
        diagonal = (whitening.transform**2).sum(axis=1)
        self.tau_errors_ = spread * np.sqrt(np.maximum(diagonal, np.finfo(np.float64).tiny))
        if self.tau_ == 0.0 or self.rank_ == 0:
            self.covariance_ = np.zeros((len(self.exponents_),) * 2)
            return
        if threshold <= 0.0 and size <= LARGE:
            loss = tied(loss, pairs, problem)
        scores = pairs.run_scores(loss, threshold, Z)
        hessian = solution.hessian
        if threshold <= 0.0 and size <= LARGE:
            width = shrunken_bandwidth(loss, pairs, power=0.25)
            near = pairs.huber(loss.sorted_residuals, width, sorted_loss=loss)
            hessian = pairs.hessian(near, width, Z)
        if clusters is None:
            whitened = run_covariance(scores, hessian, Z, pairs.weights)
        else:
            whitened = cluster_covariance(scores, hessian, Z, pairs.weights, clusters)
        self.covariance_ = whitening.covariance(whitened)

    def _tau(self, problem: RankProblem, loss: SortedLoss, parameters: int) -> float:
        width = shrunken_bandwidth(loss, problem.pairs)
        rounding = 1e-13 * float(np.abs(problem.y).max(initial=0.0))
        if width <= rounding:
            return 0.0
        near = problem.pairs.huber(loss.sorted_residuals, width, sorted_loss=loss)
        return koul_tau(near, problem.pairs, width, parameters)
