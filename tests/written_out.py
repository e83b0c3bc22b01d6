"""Every pair of a policy as a row: the slow reference that closed forms are checked against."""

from dimgs.common.arrays import Array
from dimgs.fits.design import PairPolicy


def written_out(policy: PairPolicy, X: Array, y: Array, w: Array) -> tuple[Array, Array, Array]:
    """Differences of X and of y, and weights, a row for each pair."""
    u, v = policy.pairs(X, w)
    return X[u] - X[v], y[u] - y[v], w[u] * w[v]
