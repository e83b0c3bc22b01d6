"""Whether a response depends on some columns beyond others: the test behind every advice."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc

from dimgs.arrays import Array
from dimgs.fits.least_squares import fit_power_law

# relative size below which a centred column, or what is left of the response, is rounding
_ROUNDING = 1e-9
# runs for each column of the flexible model; with fewer, the leave-one-out covariance is rough
_RUNS_A_COLUMN = 5


def dependence(
    extra: ArrayLike,
    y: ArrayLike,
    known: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    *,
    exchangeable: bool = False,
) -> float:
    """p-value that the response does not depend on `extra`, given a smooth function of `known`.

    The smooth function is a polynomial, of the highest degree up to 3 that leaves five runs for
    each column. The covariance is that of runs (or groups of runs) left out in turn, so that
    noise of unequal size keeps the level.

    Parameters
    ----------
    extra : array-like of shape (n_runs, n_extra)
    y : array-like of shape (n_runs,)
    known : array-like of shape (n_runs, n_known), optional
    groups : array-like of shape (n_runs,), optional
        Clusters of runs, the unit of the uncertainty.
    exchangeable : bool
        Whether the hypothesis makes all runs alike, as pure noise does: the classical F test then
        keeps its level with few runs, where the other rejects up to four times too often.

    Returns
    -------
    float
        1 where `known` explains the response to rounding, where `extra` adds no column, or where
        the runs are too few.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, u, noise = rng.normal(size=(3, 40))
    >>> y = np.exp(x) + 0.1 * noise
    >>> dependence(u, y, known=x) > 0.1, dependence(x, y, known=u) < 1e-3
    (True, True)
    """
    rows, target = _table(extra), np.asarray(y, dtype=np.float64)
    given = np.empty((len(target), 0)) if known is None else _table(known)
    # squares of large responses are not representable, and the size of one decides nothing
    target = target / (np.abs(target).max(initial=0.0) or 1.0)
    target = target - target.mean()
    basis = _orthonormal(polynomial(given, rows.shape[1]))
    left = target - basis @ (basis.T @ target)
    more = _orthonormal(_apart(_standard(rows), basis))
    if not more.shape[1] or np.linalg.norm(left) <= _ROUNDING * np.linalg.norm(target):
        return 1.0
    if len(target) < basis.shape[1] + more.shape[1] + 2:
        return 1.0
    if groups is not None and len(np.unique(np.asarray(groups))) < 2:
        return 1.0
    columns = np.column_stack([basis, more])
    # the plain jackknife: the F test is scaled for it
    fit = fit_power_law(columns, target, groups=groups, interval="jackknife")
    residuals = target - fit.intercept[0] - columns @ fit.exponents[0]
    if np.linalg.norm(residuals) <= _ROUNDING * np.linalg.norm(left):
        return 0.0
    first = basis.shape[1]
    if exchangeable and groups is None:
        q, rest = more.shape[1], len(target) - 1 - first - more.shape[1]
        gain = float(np.sum((more.T @ target) ** 2)) / q
        return float(fdtrc(q, rest, gain * rest / float(residuals @ residuals)))
    covariance = fit.joint_covariance[0, 1 + first :, 1 + first :]
    p = fit.influence.wald(fit.exponents[0, first:], covariance)[1]
    return 1.0 if np.isnan(p) else p


def polynomial(columns: Array, others: int = 0) -> Array:
    """Powers and products of standardised columns, of the highest degree that the runs allow.

    Parameters
    ----------
    columns : ndarray of shape (n_runs, n_columns)
    others : int
        Columns that a model will have besides.
    """
    first = _standard(columns)
    parts, total = [first], first
    for _ in range(2):
        parts.append(
            np.column_stack([a[:, None] * parts[-1] for a in first.T]) if first.shape[1] else first
        )
        more = np.column_stack(parts)
        if _RUNS_A_COLUMN * (np.linalg.matrix_rank(more) + others) > len(columns):
            break
        total = more
    return total


def _table(values: ArrayLike) -> Array:
    rows = np.asarray(values, dtype=np.float64)
    return rows[:, None] if rows.ndim == 1 else rows


def _standard(columns: Array) -> Array:
    """Centred columns of unit spread; those that never vary are left out."""
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    varies = spread > _ROUNDING * np.maximum(np.abs(columns).max(axis=0, initial=0.0), 1.0)
    return np.asarray(centred[:, varies] / spread[varies])


def _apart(columns: Array, basis: Array) -> Array:
    """Columns without what orthonormal ones explain."""
    left = columns - basis @ (basis.T @ columns)
    return np.asarray(left - basis @ (basis.T @ left))


def _orthonormal(columns: Array) -> Array:
    """Orthonormal basis of what centred columns span."""
    if not columns.shape[1]:
        return columns
    left, size, _ = np.linalg.svd(columns - columns.mean(axis=0), full_matrices=False)
    return np.asarray(left[:, size > 1e-7 * np.sqrt(len(columns))])
