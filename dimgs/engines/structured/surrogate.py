"""A smooth law of one sign, fitted before any is known: what is expected of small responses.

The logarithm of the response is a polynomial of second degree in the logarithms of the groups,
fitted to the response itself, so that responses that noise has carried below zero count as well.

References
----------
P. McCullagh, J. A. Nelder, Generalized Linear Models, 2nd ed. (1989), sections 2.5 and 9.2
(iteratively reweighted least squares with a logarithmic link).
"""

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.runs import Runs

Array = NDArray[np.float64]
_ONE_SIGN, _MOST_COLUMNS = 0.9, 0.25
_ITERATIONS, _HALVINGS, _ENOUGH = 40, 6, 1e-6
_LEAST, _RIDGE, _STEEP = 0.05, 1e-2, 60.0


def surrogate(runs: Runs, scale: Array) -> Array | None:
    """Expected responses, shape (n_runs,); None where the response has no prevailing sign.

    Parameters
    ----------
    runs : Runs
    scale : ndarray of shape (n_runs,)
        Size of the error of each response, up to a factor.
    """
    y = runs.y / scale
    # in units of the largest: the squares of very large and small numbers leave the range
    unit = float(np.max(np.abs(y)))
    if not 0 < unit < np.inf or not runs.n_groups:
        return None
    y = y / unit
    share = float(np.sum(y[y > 0] ** 2) / np.sum(y**2))
    if max(share, 1 - share) < _ONE_SIGN:
        return None
    sign = 1.0 if share > 0.5 else -1.0
    y = sign * y
    X, penalty = _basis(runs)
    start = np.log(np.maximum(y, _LEAST * float(np.sqrt(np.mean(y**2)))) * scale)
    beta = _solved(X, penalty, start, np.ones(runs.n_runs))
    loss = _loss(X, penalty, beta, y, scale, runs.weights)
    for _ in range(_ITERATIONS):
        mean = _mean(X, beta) / scale
        target, root = X @ beta + (y - mean) / mean, mean * np.sqrt(runs.weights)
        if not np.all(np.isfinite([target, root])):
            break
        trial = _solved(X, penalty, target, root)
        for _ in range(_HALVINGS):
            new = _loss(X, penalty, trial, y, scale, runs.weights)
            if new < loss:
                break
            trial = (trial + beta) / 2
        else:
            break
        gain, beta, loss = loss - new, trial, new
        if gain < _ENOUGH * loss:
            break
    return sign * unit * _mean(X, beta)


def _basis(runs: Runs) -> tuple[Array, Array]:
    """Columns 1, z, z z', and how dear their coefficients are."""
    Z, n = runs.places, runs.n_runs
    upper = np.triu_indices(Z.shape[1])
    products = Z[:, upper[0]] * Z[:, upper[1]]
    if 1 + Z.shape[1] + products.shape[1] > _MOST_COLUMNS * n:
        products = Z**2
    if 1 + Z.shape[1] + products.shape[1] > _MOST_COLUMNS * n:
        products = products[:, :0]
    X = np.column_stack([np.ones(n), Z, products])
    return X, np.where(np.arange(X.shape[1]) > Z.shape[1], _RIDGE, 0.0)


def _mean(X: Array, beta: Array) -> Array:
    eta = X @ beta
    return np.asarray(np.exp(np.clip(eta, np.median(eta) - _STEEP, np.median(eta) + _STEEP)))


def _loss(X: Array, penalty: Array, beta: Array, y: Array, scale: Array, weights: Array) -> float:
    with np.errstate(over="ignore"):
        squares = float(np.mean(weights * (y - _mean(X, beta) / scale) ** 2))
    return squares * (1 + float(penalty @ beta**2))


def _solved(X: Array, penalty: Array, t: Array, root: Array) -> Array:
    """Weighted least squares with a penalty that is relative to the weights."""
    A = X * root[:, None]
    stacked = np.vstack([A, np.diag(np.sqrt(penalty * float(np.mean(root**2))))])
    right = np.concatenate([t * root, np.zeros(X.shape[1])])
    return np.asarray(np.linalg.lstsq(stacked, right, rcond=1e-10)[0])
