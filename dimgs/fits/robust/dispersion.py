"""Losses summed over all pairs of residuals, evaluated by one sort instead of m squared terms."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dimgs.arrays import Array, IntArray


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
        value = float((w * sorted_scores) @ e)
        return SortedLoss(value, scores, order, e, low, high, 0.0, 0.0)

    def huber(
        self, residuals: Array, threshold: float, known: SortedLoss | None = None
    ) -> SortedLoss:
        """Sum of Huber's loss of e_u - e_v over `threshold`: t²/(2c), or |t| - c/2 beyond c.

        A loss `known` at the same residuals saves the sort.
        """
        if known is None:
            order, e, w = self._sort(residuals)
        else:
            order, e = known.order, known.sorted_residuals
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
        weighted = w * np.repeat(self.factors, np.diff(self.starts))
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
        own = loss.scores[loss.order]
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
            ordered[j] = w * (own * z - factor * partner)
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


def rank_dispersion(
    residuals: ArrayLike, sample_weight: ArrayLike | None = None
) -> tuple[float, Array]:
    """Sum over all pairs of w_u w_v |e_u - e_v| and its subgradient, in O(m log m).

    Parameters
    ----------
    residuals : array-like of shape (n_runs,)
        Residuals e, in the units of the response.
    sample_weight : array-like of shape (n_runs,), optional
        Run weights w; one each by default.

    Returns
    -------
    value : float
        The sum over the m(m-1)/2 pairs.
    subgradient : ndarray of shape (n_runs,)
        Derivative in each residual; tied pairs contribute zero, the middle of their range.

    References
    ----------
    Jaeckel, L. A. (1972). Estimating regression coefficients by minimizing the dispersion of
    the residuals. Annals of Mathematical Statistics 43, 1449-1458.
    Hettmansperger, T. P. and McKean, J. W. (2011). Robust Nonparametric Statistical Methods,
    2nd ed., section 3.2.

    Examples
    --------
    >>> value, subgradient = rank_dispersion([0.0, 1.0, 3.0])
    >>> value
    6.0
    >>> subgradient.tolist()
    [-2.0, 0.0, 2.0]
    """
    e = np.asarray(residuals, dtype=np.float64)
    w = np.ones(len(e)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    loss = PairLoss(w, np.array([0, len(e)]), normalised=False).absolute(e)
    return loss.value, w * loss.scores
