"""Robust power laws from all pairs: rank dispersion, Huber pairs, their uncertainty."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog
from scipy.special import chdtri

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import FitError, InputError
from dimgs.fits.covariance import jackknife_covariance
from dimgs.fits.design import Whitening, group_means, group_sums, whiten
from dimgs.fits.training_runs import TrainingRuns, check_clusters, label_codes


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
    """

    value: float
    scores: Array
    order: IntArray
    sorted_residuals: Array
    low: IntArray
    high: IntArray
    near_weight: float


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
        self.group = np.repeat(np.arange(len(totals)), np.diff(starts))
        self.row_factors = self._each(self.factors)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First row and end of each group."""
        return list(pairwise(self.starts.tolist()))

    def in_groups(self, find: Callable[[slice], IntArray]) -> IntArray:
        """Places inside of each group, shape (n_runs,), as places among all rows."""
        places = np.empty(len(self.group), dtype=np.intp)
        for start, end in self.spans:
            places[start:end] = find(slice(start, end))
            places[start:end] += start
        return places

    def _each(self, of_groups: Array) -> Array:
        """What is known of groups for each run."""
        return np.asarray(of_groups[..., self.group])

    def _ends(self, sums: Array) -> Array:
        """Prefix sums before and after the group of each run, added."""
        return self._each(sums[..., self.starts[:-1]] + sums[..., self.starts[1:]])

    def absolute(self, residuals: Array) -> SortedLoss:
        """Sum of |e_u - e_v|, the rank dispersion of Jaeckel (1972); tied pairs count as zero."""
        order = self.in_groups(lambda p: np.argsort(residuals[p]))
        e, w, size = residuals[order], self.weights[order], len(order)
        new = np.append(True, e[1:] != e[:-1])
        new[self.starts[:-1]] = True
        low = np.arange(size)
        high = low + 1
        if not new.all():
            first = np.flatnonzero(new)
            block = np.cumsum(new) - 1
            low, high = first[block], np.append(first[1:], size)[block]
        weight = _prefix(w)
        score = self.row_factors * (weight[low] + weight[high] - self._ends(weight))
        return self._loss(float((w * score) @ e), score, order, e, low, high, 0.0)

    def huber(self, residuals: Array, threshold: float) -> SortedLoss:
        """Sum of Huber's loss of e_u - e_v over `threshold`: t²/(2c), or |t| - c/2 beyond c."""
        return self.smoothed(self.absolute(residuals), threshold)

    def smoothed(self, loss: SortedLoss, threshold: float) -> SortedLoss:
        """Huber's loss at the residuals of another loss, in whose order they are."""
        order, e = loss.order, loss.sorted_residuals
        w, factors = self.weights[order], self.row_factors
        # about the middle of the group sums of squares lose no digit
        x = e - self._each(e[(self.starts[:-1] + self.starts[1:]) // 2])
        low = self.in_groups(lambda p: np.searchsorted(x[p], x[p] - threshold, side="left"))
        high = self.in_groups(lambda p: np.searchsorted(x[p], x[p] + threshold, side="right"))
        weight, first, second = (_prefix(w * values) for values in (np.ones(len(w)), x, x * x))
        near, moment, squares = (sums[high] - sums[low] for sums in (weight, first, second))
        far = weight[low] + weight[high] - self._ends(weight)
        score = factors * (far + (near * x - moment) / threshold)
        quadratic = factors * np.maximum(near * x * x - 2.0 * x * moment + squares, 0.0)
        beyond = factors * self._each(weight[self.starts[1:]] - weight[self.starts[:-1]])
        near_weight = 0.5 * float(w @ (factors * (near - w)))
        far_weight = 0.5 * float(w @ (beyond - factors * near))
        value = float((w * score) @ x) - 0.25 * float(w @ quadratic) / threshold
        value -= 0.5 * threshold * far_weight
        return self._loss(value, score, order, e, low, high, near_weight)

    @staticmethod
    def _loss(value: float, score: Array, order: IntArray, *rest: Any) -> SortedLoss:
        scores = np.empty(len(score))
        scores[order] = score
        return SortedLoss(value, scores, order, *rest)

    def hessian(self, loss: SortedLoss, threshold: float, Z: Array) -> Array:
        """Second derivative in the slopes of features `Z`: near pairs' outer products.

        With the threshold as bandwidth it is also the kernel estimate of the curvature of the
        absolute loss, valid where the spread of the residuals varies between runs.
        """
        w, z = self.weights[loss.order], np.ascontiguousarray(Z[loss.order].T)
        mass, sums = (p[..., loss.high] - p[..., loss.low] for p in (_prefix(w), _prefix(w * z)))
        matrix = (self.row_factors * w * z) @ (mass * z - sums).T
        return np.asarray((matrix + matrix.T) / (2.0 * threshold))

    def run_scores(self, loss: SortedLoss, threshold: float, Z: Array) -> Array:
        """Sum over each run's pairs of the derivative in the slopes, shape (n_runs, rank).

        These are the projections of the estimating function on single runs: their
        covariance, and not the number of pairs, carries the uncertainty.
        """
        w, z = self.weights[loss.order], np.ascontiguousarray(Z[loss.order].T)
        low, high, e = loss.low, loss.high, loss.sorted_residuals
        sums = _prefix(w * z)
        partner = sums[:, low] + sums[:, high] - self._ends(sums)
        if threshold > 0.0:
            near, moments = (p[:, high] - p[:, low] for p in (sums, _prefix(w * z * e)))
            partner += (e * near - moments) / threshold
        result = np.empty_like(Z)
        result[loss.order] = (w * (loss.scores[loss.order] * z - self.row_factors * partner)).T
        return result


def _prefix(values: Array) -> Array:
    """Sums of the first 0, 1, 2, ... values along the last axis."""
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    return sums


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
    """Collect the pairs that can change order within a box, or None if there are too many.

    Parameters
    ----------
    loss : SortedLoss
        The absolute loss at the centre of the box.
    pair_loss : PairLoss
        Weights and groups.
    Z : ndarray of shape (n_runs, rank)
        Whitened features, rows in group order.
    radius : float
        Half width of the box.
    most : int
        Give up beyond this many pairs.
    """
    e = loss.sorted_residuals
    reach = radius * np.abs(Z).sum(axis=1)[loss.order]
    stops = pair_loss.in_groups(
        lambda p: np.searchsorted(e[p], e[p] + reach[p] + reach[p].max(), side="right")
    )
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
    # equal rows never change order
    keep = (size_of > 0.0) & (np.abs(gaps) <= radius * size_of)
    i, j, gaps, differences = i[keep], j[keep], gaps[keep], differences[keep]
    weights = pair_loss.weights[i] * pair_loss.weights[j] * pair_loss.factors[pair_loss.group[i]]
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
    heavy = float(pairs.weights.max())
    gaps, slope = pairs.gaps / pairs.radius, pairs.slope / heavy
    bound, box = pairs.weights / heavy, np.eye(rank)
    result = linprog(
        np.concatenate([-gaps, np.ones(2 * rank)]),
        A_eq=np.hstack([pairs.differences.T, box, -box]),
        b_eq=slope,
        bounds=[(-limit, limit) for limit in bound.tolist()] + [(0.0, None)] * (2 * rank),
        method="highs",
    )
    if result.status != 0:
        return None
    multipliers = np.asarray(result.x)[:count]
    step = -np.asarray(result.eqlin.marginals)
    free = np.abs(multipliers) < bound * (1.0 - 1e-9)
    interior = bool(np.abs(step).max() < 1.0 - 1e-9)
    if free.any() and np.linalg.matrix_rank(pairs.differences[free]) == rank:
        step = np.linalg.lstsq(pairs.differences[free], gaps[free], rcond=None)[0]
    elif interior:
        step = _inner(pairs.differences, gaps, multipliers, free, step)
    return step * pairs.radius, interior


def _inner(
    differences: Array, gaps: Array, multipliers: Array, free: BoolArray, step: Array
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
            bounds=(-1.0, 1.0),
            method="highs",
        )
        if result.status != 0:
            return step
        corners.append(np.asarray(result.x))
    return np.asarray(np.mean(corners, axis=0))


# pairs that the exact last step begins with
PAIRS_AT_FINISH = 1_500
# of the response: what is left below is rounding
TINY = 1e-13


@dataclass(frozen=True, eq=False)
class Solution:
    """Slopes in whitened coordinates, with the loss there.

    Attributes
    ----------
    slopes : ndarray of shape (rank,)
    loss : SortedLoss
        The loss at the slopes.
    hessian : ndarray of shape (rank, rank)
        A curvature of the loss at the slopes.
    """

    slopes: Array
    loss: SortedLoss
    hessian: Array


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


def newton(
    problem: RankProblem, slopes: Array, threshold: float, steps: int, tolerance: float
) -> Solution:
    """Damped Newton on the pairwise Huber loss, which is convex and piecewise quadratic."""
    loss = problem.huber(slopes, threshold)
    hessian = problem.pairs.hessian(loss, threshold, problem.Z)
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
        step = 1.0
        while step > 1e-6:
            trial = problem.huber(slopes + step * direction, threshold)
            if trial.value <= loss.value * (1.0 - 1e-4 * step * decrement):
                break
            step *= 0.25
        else:
            break
        slopes = slopes + step * direction
        loss = trial
        hessian = problem.pairs.hessian(loss, threshold, problem.Z)
    return Solution(slopes, loss, hessian)


def _ladder(problem: RankProblem, slopes: Array) -> tuple[Array, Array]:
    """Follow the smoothed minimiser as the smoothing shrinks; slopes and Hessian."""
    loss = problem.absolute(slopes)
    typical = float(np.mean(problem.pairs.weights)) ** 2 * float(np.mean(problem.pairs.factors))
    start = threshold = max(problem.spread(loss), 1e-300)
    while True:
        solution = newton(problem, slopes, threshold, 8, 1e-9)
        slopes, smooth = solution.slopes, solution.loss
        near = smooth.near_weight / typical
        if near <= PAIRS_AT_FINISH or threshold <= 1e-9 * start:
            return slopes, solution.hessian
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
    centres = np.array([np.median(e[start:end]) for start, end in problem.pairs.spans])
    keep = np.abs(e - centres[problem.pairs.group]) <= 1e-6 * problem.spread(loss)
    if keep.sum() <= len(slopes) + 1:
        return slopes, loss
    group = problem.pairs.group[keep]
    table = np.column_stack([problem.Z, e])[keep]
    table -= group_means(table, group, len(problem.pairs.factors))[1][group]
    trial_slopes = slopes + np.linalg.lstsq(table[:, :-1], table[:, -1], rcond=None)[0]
    trial = problem.absolute(trial_slopes)
    return (trial_slopes, trial) if trial.value < loss.value else (slopes, loss)


def _exact(problem: RankProblem, slopes: Array, hessian: Array) -> Solution:
    """Solve for the pairs that may still change order until the answer lies inside the box."""
    loss = problem.absolute(slopes)
    size, rank = problem.Z.shape
    total = float(problem.pairs.weights.sum())
    curvature = max(float(np.trace(hessian)) / rank, 1e-300)
    # Expected number of pairs within the box, from the density of ties that the curvature is.
    radius = 2.0 * PAIRS_AT_FINISH * total / (curvature * size**2 * rank)
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
            break
        radius *= 1.5
    return Solution(slopes, loss, hessian)


def solve_absolute(problem: RankProblem) -> Solution:
    """Minimiser of the rank dispersion over all runs.

    Newton steps on a smoothed loss bring the slopes so close that only few pairs can still change
    order, and those are solved exactly.
    """
    rank = problem.Z.shape[1]
    slopes = problem.least_squares()
    loss = problem.absolute(slopes)
    hessian = np.eye(rank) * float(problem.pairs.weights.sum())
    rounding = TINY * float(problem.pairs.weights @ np.abs(problem.y))
    if rank == 0 or loss.value <= rounding:
        return Solution(slopes, loss, hessian)
    slopes, hessian = _ladder(problem, slopes)
    slopes, loss = _snap(problem, slopes, problem.absolute(slopes))
    if loss.value <= rounding:
        return Solution(slopes, loss, hessian)
    return _exact(problem, slopes, hessian)


# values that stand for all: their sums are where the search of the median begins
SKETCH = 800


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
    cumulative = _prefix(w)
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
    parts, size = [], len(loss.order)
    w, x = pairs.weights[loss.order], loss.sorted_residuals
    for (start, end), factor in zip(pairs.spans, pairs.factors, strict=True):
        if end - start > 1:
            part = slice(start, end)
            parts.append((x[part] - np.median(x[part]), w[part] * factor * (end - start)))
    if not parts:
        return 0.0
    if len(parts) > 20:
        # Many small groups: their centred residuals are pooled.
        merged, weight = map(np.concatenate, zip(*parts, strict=True))
        order = np.argsort(merged)
        parts = [(merged[order], weight[order])]
    gaps, weights = [], []
    for centred, weight in parts:
        count, sketch = len(centred), centred
        if count > SKETCH:
            # of many values some hundred, equally spaced by weight, stand for all
            cumulative = np.cumsum(weight)
            targets = (np.arange(SKETCH) + 0.5) / SKETCH * cumulative[-1]
            sketch = centred[np.minimum(np.searchsorted(cumulative, targets), count - 1)]
            weight = np.ones(SKETCH)
        i, j = np.triu_indices(len(sketch), 1)
        gaps.append(np.abs(sketch[i] - sketch[j]))
        product = weight[i] * weight[j]
        weights.append(product * (float(count) / product.sum()))
    gap, weight = np.concatenate(gaps), np.concatenate(weights)
    order = np.argsort(gap)
    cumulative = np.cumsum(weight[order])
    quantile = float(gap[order][np.searchsorted(cumulative, 0.8 * cumulative[-1])])
    return float(quantile / size**power)


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


def deletion_covariance(
    scores: Array, hessian: Array, Z: Array, weights: Array, clusters: IntArray | None
) -> Array:
    """Covariance of whitened slopes from deleting one run, or cluster of runs, at a time (CR3).

    Parameters
    ----------
    scores : ndarray of shape (n_runs, rank)
        Sum over each run's pairs of the derivative of the loss in the slopes.
    hessian : ndarray of shape (rank, rank)
        Curvature of the loss.
    Z : ndarray of shape (n_runs, rank)
        Features, centred within groups, with weighted second moment the identity.
    weights : ndarray of shape (n_runs,)
    clusters : ndarray of int of shape (n_runs,), optional
        Runs of equal number are deleted together.

    Returns
    -------
    ndarray of shape (rank, rank)
    """
    if clusters is None:
        changes = scores / np.maximum(1.0 - hat_values(Z, weights), 1e-3)[:, None]
    else:
        rank, share = Z.shape[1], weights / weights.sum()
        squares = share[:, None] * (Z[:, :, None] * Z[:, None]).reshape(len(Z), -1)
        inner = group_sums(squares, clusters).reshape(-1, rank, rank)
        remaining = np.linalg.pinv(np.eye(rank) - inner, rcond=1e-6, hermitian=True)
        # In coordinates where the curvature is isotropic, deleting a cluster removes its share.
        changes = np.einsum("cij,cj->ci", remaining, group_sums(scores, clusters))
    return jackknife_covariance(changes @ np.linalg.pinv(hessian, hermitian=True))


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
    quantile = float(np.sqrt(chdtri(rank, (1.0 - _DISTANCE_LEVEL) / count)))
    small = 1.0 + (rank + 1.0) / max(count - rank, 1) + 2.0 / max(count - 1.0 - 3.0 * rank, 1.0)
    start, half = min(max(4 * rank, rank + 2), count), (count + rank + 1) // 2
    bulk = np.argsort(distances, kind="stable")[:start]
    for _ in range(100):
        away, is_whole = _distances_from(part[bulk], part)
        if is_whole:
            distances = away
            widen = small + max(0.0, (half - len(bulk)) / (half + len(bulk)))
            chosen = np.flatnonzero(distances < widen * quantile)
        else:
            start = min(2 * start, count)
            chosen = np.argsort(distances, kind="stable")[:start]
        if np.array_equal(chosen, bulk):
            break
        bulk = chosen
    return _distances_from(part[bulk], Z)[0], small * quantile


def _distances_from(bulk: Array, rows: Array) -> tuple[Array, bool]:
    """Mahalanobis distances from some runs, and whether these vary in every direction."""
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(bulk.T)))
    kept = values > 1e-12 * values[-1]
    scaled = (rows - bulk.mean(axis=0)) @ (vectors[:, kept] / np.sqrt(values[kept]))
    return _norms(scaled), bool(kept.all())


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


class RankRegression:
    """A fit by ranks: what `RobustPowerLaw`, whose parameters and attributes it has, computes."""

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
        some = weights[rows] / weights[rows].mean()
        state = self._solve(X[rows], y[rows], some, starts.astype(np.intp))
        self._locate(runs, codes, labels)
        self._infer(rows, None if runs.groups is None else runs.clusters[rows], *state)
        sizes = np.diff(starts).tolist()
        self.n_contrasts_ = len(rows) - len(sizes)
        self.n_pairs_ = sum(size * (size - 1) // 2 for size in sizes)

    def _solve(
        self, X: Array, y: Array, weights: Array, starts: IntArray
    ) -> tuple[Whitening, RankProblem, float, Solution]:
        pairs = PairLoss(weights, starts)
        codes = pairs.group
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
                solution = newton(problem, solution.slopes, threshold, 60, 1e-24)
        self.exponents_ = whitening.exponents(solution.slopes)
        self.rank_ = whitening.rank
        self.objective_ = solution.loss.value
        self.n_iter_ = problem.n_iter
        return whitening, problem, threshold, solution

    def _locate(self, runs: TrainingRuns, codes: IntArray, labels: NDArray[np.generic]) -> None:
        y, weights = runs.y, runs.weights
        residuals = y - runs.X @ self.exponents_
        used = weights > 0.0
        self.intercept_ = hodges_lehmann(residuals[used], weights[used])
        levels = np.full(len(labels), self.intercept_)
        self.group_intercepts_: dict[Any, float] = {}
        if runs.within is not None:
            for code, label in enumerate(labels.tolist()):
                mine = used & (codes == code)
                if mine.any():
                    levels[code] = hodges_lehmann(residuals[mine], weights[mine])
                self.group_intercepts_[label] = float(levels[code])
        self.residuals_ = residuals - levels[codes]
        size = np.abs(self.residuals_)
        scale = 1.4826 * float(np.median(size[used]))
        floor = 1e-12 * float(np.abs(y).max(initial=0.0))
        self.robust_z_ = self.residuals_ / max(scale, floor, 1e-300)
        outlying = np.flatnonzero(np.abs(self.robust_z_) > self.outlier_threshold)
        self.outliers_ = outlying[np.argsort(-size[outlying], kind="stable")]

    def _infer(
        self,
        rows: IntArray,
        clusters: IntArray | None,
        whitening: Whitening,
        problem: RankProblem,
        threshold: float,
        solution: Solution,
    ) -> None:
        pairs, Z, loss, hessian = problem.pairs, problem.Z, solution.loss, solution.hessian
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
        width = shrunken_bandwidth(loss, pairs)
        # a bandwidth of the size of rounding is none
        if width <= 1e-13 * float(np.abs(problem.y).max(initial=0.0)):
            self.tau_ = 0.0
        else:
            self.tau_ = koul_tau(pairs.smoothed(loss, width), pairs, width, parameters)
        spread = self.tau_ / np.sqrt(pairs.weights.sum())
        diagonal = (whitening.transform**2).sum(axis=1)
        self.tau_errors_ = spread * np.sqrt(np.maximum(diagonal, np.finfo(np.float64).tiny))
        if self.tau_ == 0.0 or self.rank_ == 0:
            self.covariance_ = np.zeros((len(self.exponents_),) * 2)
            return
        if threshold <= 0.0:
            loss = tied(loss, pairs, problem)
            width = shrunken_bandwidth(loss, pairs, power=0.25)
            hessian = pairs.hessian(pairs.smoothed(loss, width), width, Z)
        scores = pairs.run_scores(loss, threshold, Z)
        whitened = deletion_covariance(scores, hessian, Z, pairs.weights, clusters)
        self.covariance_ = whitening.covariance(whitened)


def fit_by_ranks(runs: TrainingRuns) -> RankRegression:
    """Fit by ranks with the loss "l1", without scikit-learn.

    Examples
    --------
    >>> x = np.linspace(0.0, 1.0, 12)
    >>> fit = fit_by_ranks(TrainingRuns(x[:, None], 1.0 + 2.0 * x, np.ones(12)))
    >>> fit.exponents_.round(6).tolist()
    [2.0]
    """
    fit = RankRegression()
    fit._fit(runs)
    return fit
