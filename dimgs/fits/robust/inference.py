"""Uncertainty of robust exponents: by runs or clusters, leverage, and ties among residuals."""

import numpy as np
from scipy.stats import chi2

from dimgs.arrays import Array, IntArray
from dimgs.fits.covariance import jackknife_covariance
from dimgs.fits.robust.dispersion import PairLoss, SortedLoss
from dimgs.fits.robust.solver import RankProblem

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
