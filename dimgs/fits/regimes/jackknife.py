"""Covariance of a linearised least-squares fit by leaving out runs or clusters of runs."""

import numpy as np

from dimgs.fits.regimes.frame import Array, Labels


def jackknife_covariance(
    jacobian: Array, residual: Array, weight: Array, cluster: Labels
) -> tuple[Array, int]:
    """CR3 covariance (the leave-one-cluster-out jackknife) and its degrees of freedom.

    Parameters
    ----------
    jacobian : ndarray of shape (n_runs, n_parameters)
        Derivatives of the prediction.
    residual, weight : ndarray of shape (n_runs,)
    cluster : ndarray of int of shape (n_runs,)
        Runs with equal numbers are left out together.

    Returns
    -------
    covariance : ndarray of shape (n_parameters, n_parameters)
        Infinite on the diagonal where fewer than two clusters leave it unknown.
    dof : int
        Clusters less one, or runs less parameters where every run is its own cluster.

    References
    ----------
    Bell & McCaffrey (2002), Survey Methodology 28:169.
    """
    size = jacobian.shape[1]
    names, member = np.unique(cluster, return_inverse=True)
    count = len(names)
    if count < 2:
        return np.diag(np.full(size, np.inf)), 1
    root = np.sqrt(weight)
    rows, miss = root[:, None] * jacobian, root * residual
    inverse = np.linalg.pinv(rows.T @ rows, rcond=1e-12, hermitian=True)
    influence = rows @ inverse
    if count == len(residual):
        leverage = np.sum(influence * rows, axis=1)
        changes = influence * (miss / np.maximum(1.0 - leverage, 1e-6))[:, None]
        dof = max(1, count - size)
    else:
        changes = np.empty((count, size))
        for g in range(count):
            own = member == g
            hat = np.eye(int(own.sum())) - influence[own] @ rows[own].T
            changes[g] = (
                np.linalg.pinv(hat, rcond=1e-8, hermitian=True) @ miss[own] @ influence[own]
            )
        dof = count - 1
    return np.asarray((count - 1) / count * changes.T @ changes), dof
