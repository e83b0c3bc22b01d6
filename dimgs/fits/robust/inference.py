"""Covariance of robust exponents by runs or clusters of runs, never by the number of pairs."""

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array
from dimgs.fits.covariance import jackknife_covariance

Index = NDArray[np.intp]


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
    scores: Array, hessian: Array, Z: Array, weights: Array, clusters: Index
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
