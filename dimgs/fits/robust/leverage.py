"""Runs whose log groups lie far from the rest: a bounded loss in the response cannot see them."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from dimgs.arrays import Array

Index = NDArray[np.intp]


def robust_distances(
    Z: Array, order: Index, level: float = 0.999, most: int = 20_000
) -> tuple[Array, float]:
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
    level : float, default=0.999
        Coverage of the bulk, as if normal, shared over the runs (Bonferroni).
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
    quantile = float(np.sqrt(chi2.isf((1.0 - level) / count, rank)))
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
