"""Every pair of a policy as a row: the slow reference that closed forms are checked against."""

import numpy as np

from dimgs.common.arrays import Array
from dimgs.fits.design import AllPairs, NearestPairs, PairPolicy, ReferencePairs


def written_out(policy: PairPolicy, X: Array, y: Array, w: Array) -> tuple[Array, Array, Array]:
    """Differences of X and of y, and weights, a row for each pair."""
    match policy:
        case AllPairs():
            u, v = np.triu_indices(len(X), 1)
        case ReferencePairs(run):
            v = np.delete(np.arange(len(X)), run)
            u = np.full_like(v, run)
        case NearestPairs():
            u, v = policy.pairs(X, w)
        case _:
            raise NotImplementedError
    return X[u] - X[v], y[u] - y[v], w[u] * w[v]
