"""Centre and scale of residuals from all their pairs: Hodges-Lehmann, Koul-Sievers-McKean."""

import numpy as np
from numpy.typing import ArrayLike

from dimgs.arrays import Array, IntArray
from dimgs.fits.robust.dispersion import PairLoss, SortedLoss

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
    means below a value are counted from the sorted values, and only those in a narrow bracket
    are formed.

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
    guesses = _sketch_sums(x, cumulative)
    middle, wide = len(guesses) // 2, len(guesses) // 500
    span = float(guesses[middle + wide] - guesses[middle - wide])
    density = 4.0 * half * wide / len(guesses)
    low, high = 2.0 * float(x[0]) - 1.0, 2.0 * float(x[-1])
    below, upto = 0.0, 2.0 * half
    start, stop = np.zeros(size, dtype=np.intp), np.full(size, size, dtype=np.intp)
    trial = float(guesses[middle])
    for iteration in range(90):
        if not low < trial < high:
            trial = 0.5 * (low + high)
            if not low < trial < high:
                return 0.5 * float(high)
        count = np.searchsorted(x, trial - x[::-1], side="right")[::-1]
        value = float(w @ cumulative[count])
        if abs(value - half) <= slack:
            some, more = count > 0, count < size
            left = (x[some] + x[count[some] - 1]).max()
            right = (x[more] + x[count[more]]).min()
            return 0.25 * (float(left) + float(right))
        if value < half:
            low, below, start = trial, value, count
        else:
            high, upto, stop = trial, value, count
        if int((stop - start).sum()) <= max(size // 8, 20_000):
            break
        if iteration < 8 and span > 0.0:
            # Newton with the sketch's density, overshooting so that both ends close in.
            step = (half - value) / density * span
            trial += step + np.copysign(0.02 * abs(step) + 1e-12 * span, step)
        elif iteration % 3 == 2:
            trial = 0.5 * (low + high)
        else:
            trial = low + (high - low) * (half - below) / (upto - below)
    else:
        # So many equal sums that the bracket closed on them to rounding.
        return 0.25 * (low + high)
    return _middle(x, w, start, stop, half - below, slack)


def _middle(
    x: Array, w: Array, start: IntArray, stop: IntArray, half: float, slack: float
) -> float:
    """Half of the median of the sums that are left: of run i with runs start[i] to stop[i]."""
    lengths = stop - start
    rows = np.repeat(np.arange(len(x)), lengths)
    inside = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    columns = np.repeat(start, lengths) + inside
    sums, weights = x[rows] + x[columns], w[rows] * w[columns]
    order = np.argsort(sums)
    sums, reached = sums[order], np.cumsum(weights[order])
    first = min(int(np.searchsorted(reached, half - slack)), len(sums) - 1)
    last = min(int(np.searchsorted(reached, half + slack, side="right")), len(sums) - 1)
    return 0.25 * (float(sums[first]) + float(sums[last]))


def _sketch(x: Array, cumulative: Array) -> Array:
    """A few hundred values, equally spaced by weight, that stand for the sorted values."""
    targets = (np.arange(SKETCH) + 0.5) / SKETCH * cumulative[-1]
    return np.asarray(x[np.minimum(np.searchsorted(cumulative[1:], targets), len(x) - 1)])


def _sketch_sums(x: Array, cumulative: Array) -> Array:
    sketch = _sketch(x, cumulative)
    return np.sort((sketch[:, None] + sketch).ravel())


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
        sketch = x if count <= SKETCH else _sketch(x, np.concatenate([[0.0], np.cumsum(weight)]))
        own = weight if count <= SKETCH else np.ones(len(sketch))
        i, j = np.triu_indices(len(sketch), 1)
        gaps.append(np.abs(sketch[i] - sketch[j]))
        product = own[i] * own[j]
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
    if loss.near_weight <= 0.0:
        return float("inf")
    density = loss.near_weight / every / (2.0 * bandwidth)
    size = len(pairs.weights)
    return float(np.sqrt(size / max(size - parameters, 1)) / (np.sqrt(12.0) * density))
