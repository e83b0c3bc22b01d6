"""Types of the arrays that flow between functions, and least squares for columns of any size."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]

# natural logarithm of a number that is well inside doubles (1e±304)
LARGEST_LOG = 700.0


def least_squares(A: Array, t: Array) -> Array:
    """Coefficients of the columns of A for t, each column in units of its norm.

    A column that is zero, or beyond the range of doubles, gets the coefficient zero: LAPACK prints
    a complaint of its own about such columns.

    Examples
    --------
    >>> A = np.array([[1.0, 0.0], [2.0, np.inf]])
    >>> least_squares(A, A[:, 0]).round(6).tolist()
    [1.0, 0.0]
    """
    with np.errstate(over="ignore"):
        size = np.sqrt((A**2).sum(axis=0))
    usable = np.isfinite(size) & (size > 0)
    if not np.all(usable):
        # squares leave the range before the values do
        top = np.abs(A).max(axis=0, initial=0.0)
        usable = np.isfinite(top) & (top > 0)
        size[usable] = top[usable] * np.sqrt(((A[:, usable] / top[usable]) ** 2).sum(axis=0))
        usable &= np.isfinite(size)
    out = np.zeros(A.shape[1])
    if np.any(usable):
        scaled = A[:, usable] / size[usable]
        out[usable] = np.linalg.lstsq(scaled, t, rcond=None)[0] / size[usable]
    return out


def times_exp(values: Array, logs: Array) -> Array:
    """Values times exp(logs), in logarithms where the factor alone leaves the range of doubles.

    Examples
    --------
    >>> [f"{v:.6g}" for v in times_exp(np.array([0.0, -1e-300]), np.array([900.0, 900.0]))]
    ['0', '-7.32881e+90']
    """
    if np.abs(logs).max(initial=0.0) < LARGEST_LOG:
        return np.asarray(values * np.exp(logs))
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        return np.asarray(np.sign(values) * np.exp(np.log(np.abs(values)) + logs))
