"""Constants of a candidate, of whichever engine, fitted again in double precision."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from dimgs.engines.protocol import Problem
from dimgs.expression.candidate import Candidate

Array = NDArray[np.float64]
_TOLERANCE = 1e-15
_EVALUATIONS = 200


def loss_of(candidate: Candidate, problem: Problem) -> float:
    """Weighted mean square of the residuals on the candidate's scale.

    Parameters
    ----------
    candidate : Candidate
    problem : Problem

    Returns
    -------
    float
        Infinite if the candidate has no value (on a logarithmic scale: no positive one) in some
        run.

    Examples
    --------
    >>> from sympy import Symbol
    >>> problem = Problem({"pi_1": np.array([1.0, 2.0])}, np.array([2.0, 4.0]), scale="linear")
    >>> loss_of(Candidate.of(Symbol("pi_1"), scale="linear"), problem)
    2.5
    """
    residuals = _residuals(candidate, problem)(np.array(list(candidate.constants.values())))
    return float(np.mean(residuals**2)) if np.all(np.isfinite(residuals)) else np.inf


def refit(candidate: Candidate, problem: Problem) -> Candidate:
    """The candidate with the constants of least squares, and its loss.

    The logarithm of pi_0, or pi_0 itself, is fitted: whichever is the scale of the candidate. The
    search starts from the present constants and never returns worse ones.

    Parameters
    ----------
    candidate : Candidate
    problem : Problem
        Runs; its scale is not used.

    Returns
    -------
    Candidate
        Its loss is that of :func:`loss_of`.

    Examples
    --------
    >>> from sympy import symbols
    >>> x = np.geomspace(1.0, 100.0, 9)
    >>> pi_1, a, b = symbols("pi_1 a b")
    >>> rough = Candidate.of(a * pi_1**b, {"a": 0.3, "b": -0.2})
    >>> fitted = refit(rough, Problem({"pi_1": x}, 0.316 / x**0.25))
    >>> {name: round(value, 12) for name, value in fitted.constants.items()}
    {'a': 0.316, 'b': -0.25}
    """
    residuals = _residuals(candidate, problem)
    start = np.array(list(candidate.constants.values()))
    before = residuals(start)
    if not np.all(np.isfinite(before)):
        return replace(candidate, loss=np.inf)
    loss = float(np.mean(before**2))
    best = start

    def slopes(values: Array) -> Array:
        return _slopes(residuals, values)

    if len(start) and loss > 0:
        with np.errstate(all="ignore"):
            found = np.asarray(
                least_squares(
                    residuals,
                    start,
                    jac=slopes,
                    x_scale="jac",
                    ftol=_TOLERANCE,
                    xtol=_TOLERANCE,
                    gtol=_TOLERANCE,
                    max_nfev=_EVALUATIONS,
                ).x
            )
        after = residuals(found)
        if np.all(np.isfinite(after)) and np.mean(after**2) < loss:
            best, loss = found, float(np.mean(after**2))
    constants = dict(zip(candidate.constants, best.tolist(), strict=True))
    return replace(candidate, constants=constants, loss=loss)


def _residuals(candidate: Candidate, problem: Problem) -> Callable[[Array], Array]:
    """Weighted residuals in every run as a function of the constants."""
    names = tuple(candidate.constants)
    observed = problem.response
    weights = np.ones(problem.n_runs) if problem.weights is None else np.asarray(problem.weights)
    root = np.sqrt(weights / weights.mean())

    def residuals(values: Array) -> Array:
        constants = dict(zip(names, values, strict=True))
        predicted = candidate.evaluate({**problem.groups, **constants})
        if predicted.shape != observed.shape:
            predicted = np.broadcast_to(predicted, observed.shape)
        if candidate.scale == "linear":
            return np.asarray(root * (predicted - observed))
        with np.errstate(all="ignore"):
            ratio = predicted / observed
            logs = np.log(np.where(ratio > 0, ratio, np.nan))
        return np.asarray(root * logs)

    return residuals


def _slopes(residuals: Callable[[Array], Array], values: Array) -> Array:
    """Central differences; zero where the candidate ends to be real."""
    columns = []
    for j, value in enumerate(values):
        step = np.zeros(len(values))
        step[j] = np.cbrt(np.finfo(float).eps) * (abs(value) or 1.0)
        columns.append((residuals(values + step) - residuals(values - step)) / (2 * step[j]))
    slopes = np.column_stack(columns)
    return np.where(np.isfinite(slopes), slopes, 0.0)
