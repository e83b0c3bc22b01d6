"""Error model of the response during a search, from a surrogate and then from the best law.

The surrogate is fitted before any law is known. The logarithm of the response is a polynomial of
second degree in the logarithms of the groups, fitted to the response itself, so that responses that
noise has carried below zero count as well.

References
----------
P. McCullagh, J. A. Nelder, Generalized Linear Models, 2nd ed. (1989), sections 2.5 and 9.2
(iteratively reweighted least squares with a logarithmic link).
"""

from dataclasses import replace

import numpy as np

from dimgs.common.arrays import Array
from dimgs.engines.selection import predictable_share
from dimgs.engines.structured.runs import Runs, relative_floor
from dimgs.fits.noise import (
    ADDITIVE_FLOOR,
    FLOOR,
    ErrorModel,
    Measured,
    likeliest,
    profile_log_likelihood,
)

# of residuals by the groups: a law that misses more says nothing of the errors
_HALF_EXPLAINED = 0.5
# with fewer runs a third of them is not a sample of the errors
_FEWEST = 20
# of an error, rms: what is expected of doubtful responses may move by that before weights follow
_MOVED = 0.2
# median of the modulus of a standard normal variable
_NORMAL_MEDIAN = 0.6745
# share of the squares of one sign: with less the logarithm of the response is no start; and columns
# for each run: with more a surrogate follows the noise
_ONE_SIGN, _MOST_COLUMNS = 0.9, 0.25
# steps of the surrogate, halvings of each, and the relative gain at which they end: far below what
# two kinds of errors differ by
_ITERATIONS, _HALVINGS, _ENOUGH = 40, 6, 1e-6
# least response at the start, in units of the rms; ridge of the curvatures, which decides only
# where the runs do not; and the largest logarithm, as exp(60) hides all other responses
_LEAST, _RIDGE, _STEEP = 0.05, 1e-2, 60.0


def start_errors(runs: Runs) -> Runs:
    """The runs with errors of one size, where a smooth surrogate shows them to be so."""
    trials: list[tuple[float, int, Runs]] = []
    for of in _measured(runs):
        expected = surrogate(runs, runs.scale_of(of))
        if expected is not None:
            again = choose_errors(runs, expected)
            if again is not runs and again.errors.of == of and again.errors.noise:
                trials.append((_likelihood(again, expected), len(trials), again))
    return max(trials, key=lambda f: f[:2])[2] if trials else runs


def choose_errors(runs: Runs, expected: Array, *, settled: bool = False) -> Runs:
    """The runs with the errors under which the residuals are likeliest; the same ones if unclear.

    Residuals are contrasted with those of the nearest neighbour, so that what the law misses
    counts little; where it misses most of what there is to see, nothing is concluded. Errors of one
    size make the logarithms of small responses useless: those are taken around what is expected.

    Parameters
    ----------
    runs : Runs
    expected : ndarray of shape (n_runs,)
        Response by a law.
    settled : bool
        Whether runs with the same errors are given where only what is expected has moved.

    References
    ----------
    R. J. Carroll, D. Ruppert, Transformation and Weighting in Regression (1988), chapter 3.
    """
    residuals = expected - runs.y
    if runs.n_runs < _FEWEST or not np.all(np.isfinite(residuals)) or not np.any(residuals):
        return runs
    if predictable_share(runs.places, residuals / runs.size_at(expected)) > _HALF_EXPLAINED:
        return runs
    present = replace(runs.errors, noise=0.0)
    likelihoods = {kind: _likelihood(runs.with_errors(kind), expected) for kind in _kinds(runs)}
    errors = likeliest(likelihoods, present)
    if errors.floor == ADDITIVE_FLOOR:
        contrast = residuals / runs.scale_of(errors.of)
        contrast = np.abs(contrast - contrast[runs.neighbours])
        errors = replace(errors, noise=float(np.median(contrast)) / (_NORMAL_MEDIAN * np.sqrt(2)))
    again = runs.with_errors(errors, expected)
    if replace(errors, noise=0.0) != present:
        return again
    return again if settled and _moved(again, runs) > _MOVED else runs


def _moved(again: Runs, runs: Runs) -> float:
    """Change of the expected doubtful responses, rms over all runs, in standard errors."""
    if not again.errors.noise:
        return 0.0
    change = (again.anchor - runs.anchor) / again.scale_of(again.errors.of)
    return float(np.sqrt(np.mean(change**2))) / again.errors.noise


def _kinds(runs: Runs) -> list[ErrorModel]:
    """Errors that are tried: relative ones, mixed ones, and those of one size."""
    scale = runs.scale_of(runs.errors.of)
    out = [ErrorModel(relative_floor(runs.y / scale))] if runs.positive else []
    for of in _measured(runs):
        out += [ErrorModel(floor, of) for floor in (FLOOR, ADDITIVE_FLOOR)]
    return out


def _measured(runs: Runs) -> tuple[Measured, ...]:
    return ("group",) if runs.unit is None else ("target", "group")


def _likelihood(runs: Runs, expected: Array) -> float:
    """Logarithm of the likelihood of the contrasts, their scale at its best value."""
    near, residuals = runs.neighbours, np.sqrt(runs.weights) * (expected - runs.y)
    contrast = residuals - residuals[near]
    if not np.any(contrast):
        return -np.inf
    size = runs.size_at(expected) ** 2
    return profile_log_likelihood(contrast, np.sqrt(size + size[near]))


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
