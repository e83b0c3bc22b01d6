"""A power law times factors: refined by Gauss-Newton in the logarithm, its exponents rounded."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from dimgs.common.arrays import Array
from dimgs.engines.structured.columns import EXPONENTIAL, ITSELF, log_slope, log_values, weighted
from dimgs.engines.structured.description import SimpleNumber
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import Tree
from dimgs.fits.nonlinear_least_squares import minimise_squares

# what exponents of laws are rounded to
LARGEST, DENOMINATORS = 8, (1, 2, 3, 4, 5, 6)
# steps of a fit, and the relative gain that ends it: what is kept is fitted to the end later
_STEPS, _ENOUGH = 12, 1e-8
# standard errors within which an exponent is simple, and what rounding leaves of an exact one
_ERRORS, _ROUNDING = 3.0, 1e-7
# mean square that counts as none
_TINY = 1e-20


@dataclass(frozen=True, eq=False)
class ProductModel:
    """log|t| = intercept + Σ a log pi + Σ b log|g(c u)|.

    Parameters
    ----------
    functions : tuple of str
    trees : tuple of Tree
        Arguments u.
    u : ndarray of shape (n_runs, n_factors) or None
    c : ndarray of shape (n_factors,)
    coefficients : ndarray of shape (1 + n_groups + n_factors,)
        [intercept, a, b].
    covariance : ndarray
        Unscaled covariance of [intercept, a, b, log c].
    variance : float
        Mean square of the weighted residuals.
    """

    functions: tuple[str, ...]
    trees: tuple[Tree, ...]
    u: Array | None
    c: Array
    coefficients: Array | None = None
    covariance: Array | None = None
    variance: float = np.inf

    @property
    def size(self) -> int:
        """Number of factors."""
        return len(self.functions)


@dataclass
class State:
    """Parameters of which some are fixed, the others following, and what that costs.

    Parameters
    ----------
    theta : ndarray of shape (n_parameters,) or (n_parameters, n_targets)
    C : ndarray of shape (n_parameters, n_parameters)
        Covariance for errors of variance 1.
    squares : float or ndarray of shape (n_targets,)
    variance : float
    numbers, exponents : dict
        Those that are fixed, by their places.
    """

    theta: Array
    C: Array
    squares: Any
    variance: float = 1.0
    numbers: dict[int, SimpleNumber] = field(default_factory=dict)
    exponents: dict[int, Fraction] = field(default_factory=dict)

    def error(self, i: int) -> float:
        """Standard error of a parameter, given those that are fixed."""
        return float(np.sqrt(max(self.C[i, i], 0.0) * self.variance))

    def surest(self, places: Sequence[int]) -> int:
        """The parameter of the least error."""
        return min(places, key=lambda k: (self.C[k, k], k))

    def fixed(self, i: int, value: Any) -> "State":
        """With one parameter fixed."""
        change, theta, C, squares = value - self.theta[i], self.theta.copy(), self.C, self.squares
        if C[i, i] > 0:
            theta += np.multiply.outer(C[:, i] / C[i, i], change)
            squares = squares + change**2 / C[i, i]
            C = C - np.outer(C[:, i], C[i]) / C[i, i]
        theta[i] = value
        return State(theta, C, squares, self.variance, dict(self.numbers), dict(self.exponents))


def design(model: ProductModel, runs: Runs, c: Array) -> Array:
    """Columns [1, log pi, log|g(c u)|]."""
    columns = [np.ones(runs.n_runs), *runs.logs.T]
    for j, name in enumerate(model.functions):
        assert model.u is not None
        columns.append(log_values(name, model.u[:, j], c[j]))
    return np.column_stack(columns)


def refine(model: ProductModel, runs: Runs, target: Target, root: Array) -> ProductModel | None:
    """Best coefficients and constants near the given ones; None where a logarithm fails.

    References
    ----------
    L. Kaufman, BIT 15 (1975) 49-57 (variable projection: the coefficients follow the constants).
    """
    with np.errstate(all="ignore"):
        t = weighted(target.logs, root)
    if not np.all(np.isfinite(t)):
        return None
    nonlinear = [j for j, name in enumerate(model.functions) if name not in (EXPONENTIAL, ITSELF)]

    def constants(moved: Array) -> Array:
        c = model.c.copy()
        c[nonlinear] = c[nonlinear] * np.exp(moved)
        return c

    def projected(moved: Array) -> tuple[Array, Array]:
        solved = _linear(model, runs, t, root, constants(moved))
        if solved is None:
            return np.full(len(t), np.nan), np.full((len(t), len(nonlinear)), np.nan)
        beta, e, _, basis = solved
        slopes = _slopes(model, runs, root, beta, constants(moved), nonlinear)
        return e, slopes - basis @ (basis.T @ slopes)

    c = model.c
    if nonlinear:
        start = np.zeros(len(nonlinear))
        c = constants(minimise_squares(projected, start, steps=_STEPS, enough=_ENOUGH).parameters)
    fitted = _linear(model, runs, t, root, c)
    if fitted is None:
        return None
    beta, e, Z, _ = fitted
    J = np.column_stack([Z, _slopes(model, runs, root, beta, c, nonlinear)]) if nonlinear else Z
    if not np.all(np.isfinite(J)):
        return None
    scale = lengths(J)
    inverse = np.linalg.pinv((J / scale).T @ (J / scale), rcond=1e-13, hermitian=True)
    dof = max(len(e) - J.shape[1], 1)
    return replace(
        model,
        c=c,
        coefficients=beta,
        covariance=inverse / np.outer(scale, scale),
        variance=float(e @ e) / dof,
    )


def _linear(
    model: ProductModel, runs: Runs, t: Array, root: Array, c: Array
) -> tuple[Array, Array, Array, Array] | None:
    """Coefficients, residuals, weighted columns and their orthonormal basis."""
    Z = weighted(design(model, runs, c), root)
    if not np.all(np.isfinite(Z)):
        return None
    scale = lengths(Z)
    basis, size, right = np.linalg.svd(Z / scale, full_matrices=False)
    kept = size > 1e-12 * size[0]
    basis = basis[:, kept]
    beta = right[kept].T @ ((basis.T @ t) / size[kept]) / scale
    return beta, t - Z @ beta, Z, basis


def _slopes(
    model: ProductModel, runs: Runs, root: Array, beta: Array, c: Array, rows: list[int]
) -> Array:
    """Of the law by the logarithms of these constants, shape (n_runs, n_rows)."""
    first = 1 + runs.n_groups
    assert model.u is not None
    return np.column_stack(
        [
            weighted(beta[first + j] * log_slope(model.functions[j], model.u[:, j], c[j]), root)
            for j in rows
        ]
    )


def lengths(columns: Array) -> Array:
    """Lengths of columns, and 1 for a column of zeros: a group with a sign has no logarithm."""
    lengths = np.sqrt((columns**2).sum(axis=0))
    return np.where(lengths > 0, lengths, 1.0)


def power_basis(runs: Runs, root: Array) -> Array:
    """Orthonormal basis of the weighted power law."""
    Z = np.column_stack([np.ones(runs.n_runs), runs.logs]) * root[:, None]
    basis, size, _ = np.linalg.svd(Z, full_matrices=False)
    return np.asarray(basis[:, size > 1e-10 * size[0]])


def rounded_power_laws(runs: Runs, root: Array, t: Array) -> list[tuple[Array, Array, float]]:
    """Rational power laws of many weighted logarithms at once.

    Parameters
    ----------
    runs : Runs
    root : ndarray of shape (n_runs,)
        Square roots of the weights.
    t : ndarray of shape (n_runs, k)

    Returns
    -------
    list of tuple
        For each denominator [intercept, exponents], shape (1 + n_groups, k), the sums of squares
        that they leave, shape (k,), and the variance of the intercept, for errors of variance 1.
        The surest exponent is rounded first.
    """
    Z = np.column_stack([np.ones(runs.n_runs), runs.logs]) * root[:, None]
    scale = lengths(Z)
    inverse = np.linalg.pinv((Z / scale).T @ (Z / scale), rcond=1e-12, hermitian=True)
    inverse = inverse / np.outer(scale, scale)
    theta = inverse @ (Z.T @ t)
    start, out = State(theta, inverse, ((t - Z @ theta) ** 2).sum(axis=0)), []
    for q in DENOMINATORS:
        state, varied = start, [1 + k for k in range(runs.n_groups) if runs.logged[k]]
        while varied:
            varied.remove(i := state.surest(varied))
            state = state.fixed(i, np.round(state.theta[i] * q) / q)
        out.append((state.theta, state.squares, float(state.C[0, 0])))
    return out


def simplest_exponent(
    exponents: Array, errors: Array, denominators: Sequence[int] = DENOMINATORS
) -> tuple[int, int]:
    """The exponent of the smallest denominator within its error, of several the surest, and that.

    Parameters
    ----------
    exponents, errors : ndarray of shape (n_exponents,)
        NaN for an error leaves an exponent out.
    denominators : sequence of int
        The last is taken where none is within its error.
    """
    for q in denominators:
        away = np.abs(np.round(exponents * q) / q - exponents)
        near = np.flatnonzero(away <= _ERRORS * errors + _ROUNDING)
        if len(near):
            return int(near[np.argmin(errors[near])]), q
    return int(np.nanargmin(errors)), denominators[-1]


def squares_bits(squares: Array | float, n_runs: int) -> Array:
    """Bits of runs whose logarithms leave these sums of squares."""
    return np.asarray(0.5 * n_runs * np.log2(np.maximum(squares, 0) / n_runs + _TINY))
