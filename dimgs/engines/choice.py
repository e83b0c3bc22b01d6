"""One criterion for the choice of a law: bits to tell the law, and the runs given the law.

A law is scored by the length of the shortest message that conveys it together with the runs:

    bits = structure + constants + data,

- data: the negative log2 likelihood of *held-out* runs, n log2(sigma), where sigma is the rms of
  the residuals of runs left out (in turn, with their label where runs are held out together; the
  linearised jackknife e / (1 - h) of nonlinear least squares). A multiplicative error and additive
  ones (of the response group, of the target) are tried, and the likeliest counts, Jacobian
  included, so that they can be compared;
- constants: log2(n)/2 for each constant that was fitted, the precision that n runs give, and some
  bits for its sign and size;
- structure: bits for each operator, function, group and exponent, rare ones more.

The noise is bounded from below by double precision only: two laws that both explain the runs to
1e-10 are told apart by their length. `leftover` asks whether the residuals still depend on the
groups, that is, whether a better law exists at all.

References
----------
J. Rissanen, Automatica 14 (1978) 465-471 (description length); S.-M. Udrescu et al., NeurIPS 33
(2020) (description length of symbolic laws); R. D. Cook, S. Weisberg, Residuals and Influence in
Regression (1982), section 2.2 (deleted residuals).
"""

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.protocol import Problem
from dimgs.expression.candidate import Candidate

Array = NDArray[np.float64]
EXACT = 1e-10
CONSTANT_BITS = 4.0
NODE_BITS = 3.0
_STEP = 1e-6
_NOTHING, _LEVEL, _SHUFFLES, _MOST_RUNS = 0.05, 0.025, 39, 500


def deleted_residuals(
    residuals: Array, jacobian: Array | None, split: NDArray[np.int64] | None = None
) -> Array:
    """Residuals that each run would have if it (or its label) had been left out.

    Parameters
    ----------
    residuals : ndarray of shape (n_runs,)
    jacobian : ndarray of shape (n_runs, n_constants) or None
        Slopes of the residuals by the fitted constants.
    split : ndarray of shape (n_runs,), optional
        Integer labels.
    """
    if jacobian is None or jacobian.shape[1] == 0:
        return residuals
    basis, triangle = np.linalg.qr(jacobian)
    kept = np.abs(np.diag(triangle)) > 1e-13 * np.abs(triangle).max(initial=1e-300)
    basis = basis[:, kept]
    if split is None:
        leverage = np.minimum((basis**2).sum(axis=1), 0.99)
        return np.asarray(residuals / (1 - leverage))
    out = residuals.copy()
    for label in np.unique(split):
        rows = split == label
        block = np.eye(int(rows.sum())) - basis[rows] @ basis[rows].T
        out[rows] = np.linalg.lstsq(block, residuals[rows], rcond=1e-6)[0]
    return out


def data_bits(
    predicted: Array,
    held_out: Array,
    observed: Array,
    weights: Array,
    unit: Array | None = None,
) -> float:
    """Negative log2 likelihood of held-out runs, up to a constant that is the same for every law.

    Parameters
    ----------
    predicted : ndarray of shape (n_runs,)
    held_out : ndarray of shape (n_runs,)
        Held-out residuals, in the unit of the response.
    observed, weights : ndarray of shape (n_runs,)
    unit : ndarray of shape (n_runs,), optional
        Response for one unit of the target; see `Problem`.
    """
    n = len(observed)
    rms = _rms(observed) or 1.0
    scales = [np.full(n, rms)]
    if np.all(predicted != 0):
        scales.append(np.abs(predicted))
    if unit is not None:
        scales.append(unit * (_rms(observed / unit) or 1.0))
    bits = np.inf
    with np.errstate(all="ignore"):
        for scale in scales:
            size = _rms(np.sqrt(weights) * (held_out / scale))
            found = n * float(np.log2(size + EXACT)) + float(np.log2(scale / rms).sum())
            bits = min(bits, found if np.isfinite(found) else np.inf)
    return bits


def _rms(values: Array) -> float:
    """Root mean square in units of the largest: squares may not be representable."""
    top = float(np.abs(values).max())
    if not 0 < top < np.inf:
        return top
    return top * float(np.sqrt(np.mean((values / top) ** 2)))


def constants_bits(n_constants: int, n_runs: int) -> float:
    """Bits for the fitted constants."""
    return n_constants * (0.5 * float(np.log2(n_runs)) + CONSTANT_BITS)


def candidate_bits(candidate: Candidate, problem: Problem) -> float:
    """Score of a candidate of any engine; its constants count as fitted.

    Returns
    -------
    float
        Infinite if the candidate is not finite in every run.
    """
    predicted = candidate.evaluate(problem.groups)
    if not np.all(np.isfinite(predicted)):
        return np.inf
    with np.errstate(all="ignore"):
        return _candidate_bits(candidate, problem, predicted)


def _candidate_bits(candidate: Candidate, problem: Problem, predicted: Array) -> float:
    columns = []
    for name, value in candidate.constants.items():
        step = _STEP * (abs(value) or 1.0)
        moved = [
            Candidate(
                candidate.expression,
                {**candidate.constants, name: value + sign * step},
                candidate.complexity,
                candidate.loss,
                candidate.scale,
            ).evaluate(problem.groups)
            for sign in (1, -1)
        ]
        columns.append((moved[0] - moved[1]) / (2 * step))
    weights = np.ones(problem.n_runs) if problem.weights is None else np.asarray(problem.weights)
    weights = weights / weights.mean()
    size = np.abs(predicted) if problem.scale == "log" else np.ones(problem.n_runs)
    root = np.sqrt(weights) / np.where(size > 0, size, 1.0)
    jacobian = np.column_stack(columns) * root[:, None] if columns else None
    if jacobian is not None and not np.all(np.isfinite(jacobian)):
        return np.inf
    labels = None
    if problem.split is not None:
        labels = np.unique(problem.split, return_inverse=True)[1].astype(np.int64)
    left_out = deleted_residuals((problem.response - predicted) * root, jacobian, labels) / root
    return (
        data_bits(predicted, left_out, problem.response, weights, problem.unit)
        + NODE_BITS * candidate.complexity
        + constants_bits(len(candidate.constants), problem.n_runs)
    )


def leftover(coordinates: Array, residuals: Array) -> float:
    """Share of the residuals that the groups still explain out of sample (R², 0 if none).

    Kernel ridge regression of several widths, each run left out in turn; of more than 500 runs,
    500.

    Parameters
    ----------
    coordinates : ndarray of shape (n_runs, n_groups)
        Whitened log groups.
    residuals : ndarray of shape (n_runs,)
    """
    return float(_leftovers(coordinates, np.asarray(residuals)[:, None])[0])


def is_white(
    coordinates: Array, residuals: Array, level: float = _LEVEL, shuffles: int = _SHUFFLES
) -> bool:
    """Whether the groups explain nothing of the residuals, or no more than of shuffled ones.

    Parameters
    ----------
    coordinates : ndarray of shape (n_runs, n_groups)
        Whitened log groups.
    residuals : ndarray of shape (n_runs,)
    level : float
        Share of pure noise that is not taken for it.
    shuffles : int

    Examples
    --------
    >>> x = np.linspace(-1.0, 1.0, 50)
    >>> is_white(x[:, None], np.sin(3 * x)), is_white(x[:, None], np.cos(997 * np.arange(50) ** 2))
    (False, True)
    """
    rng = np.random.default_rng(0)
    e = np.asarray(residuals)
    shuffled = [rng.permutation(e) for _ in range(shuffles)]
    found = _leftovers(coordinates, np.column_stack([e, *shuffled]))
    chance = (1 + int(np.sum(found[1:] >= found[0]))) / (1 + shuffles)
    return bool(found[0] < _NOTHING or chance > level)


def _leftovers(coordinates: Array, residuals: Array) -> Array:
    """Left-out R² of every column of residuals, the best over widths and ridges."""
    rows = np.linspace(0, len(residuals) - 1, min(len(residuals), _MOST_RUNS)).astype(int)
    X, E = coordinates[rows], residuals[rows] - residuals[rows].mean(axis=0)
    spread = E.std(axis=0)
    best = np.zeros(E.shape[1])
    if X.shape[1] == 0 or not np.all(spread > 0):
        return best
    E = E / spread
    square = ((X[:, None, :] - X[None, :, :]) ** 2).mean(axis=2)
    for width in (0.5, 2.0, 8.0):
        values, vectors = np.linalg.eigh(np.exp(-square / width))
        turned = vectors.T @ E
        for ridge in (0.03, 0.3, 3.0):
            share = ridge / (np.maximum(values, 0) + ridge)
            left = vectors @ (share[:, None] * turned) / ((vectors**2) @ share)[:, None]
            best = np.maximum(best, 1 - np.mean(left**2, axis=0))
    return best
