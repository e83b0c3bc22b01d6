"""Centre, scale and uncertainty of robust fits: pairs of residuals, runs left out, leverage."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2

from dimgs.arrays import Array, IntArray
from dimgs.fits.covariance import jackknife_covariance
from dimgs.fits.robust.dispersion import PairLoss, SortedLoss
from dimgs.fits.robust.solver import RankProblem

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
    """The same from deleting one cluster of runs at a time (CR3)."""
    count = int(clusters.max()) + 1
    rank = Z.shape[1]
    total = float(weights.sum())
    sums = np.column_stack([np.bincount(clusters, column, count) for column in scores.T])
    inner = np.empty((count, rank, rank))
    for i in range(rank):
        for j in range(i, rank):
            product = np.bincount(clusters, weights * Z[:, i] * Z[:, j], count)
            inner[:, i, j] = inner[:, j, i] = product / total
    root = np.linalg.pinv(hessian, hermitian=True)
    remaining = np.linalg.pinv(np.eye(rank) - inner, rcond=1e-6, hermitian=True)
    # In coordinates where the curvature is isotropic, deleting a cluster removes its share.
    changes = np.einsum("cij,cj->ci", remaining, sums) @ root
    return jackknife_covariance(changes)


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
