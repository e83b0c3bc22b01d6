"""Exponent a(z) and intercept h(z) of log pi_0 = h(z) + a(z) log x, learned from the runs."""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from scipy.special import fdtrc

from dimgs.arrays import Array, IntArray
from dimgs.design.features import Design
from dimgs.discovery.distil.directions import Direction

# repeated settings: a slope in each, with an error, at enough places for a curve, of most runs
_FEWEST_CELLS, _FEWEST_IN_CELL, _COVERED = 4, 3, 0.8
# an exponent is tested in every direction of every table: one in a thousand may vary by chance
_ALPHA = 1e-3
# variation of an exponent that is rounding of a noiseless table
_ROUNDING = 1e-6
# of the polynomials: more need more runs than tables have
_HIGHEST_DEGREE = 3


@dataclass(frozen=True, eq=False)
class Fields:
    """Learned exponent and intercept.

    Parameters
    ----------
    rows : ndarray of int of shape (n_points,)
        A run that stands for each point.
    exponent : ndarray of shape (n_points,)
    weights : ndarray of shape (n_points,)
        Inverse variance of the exponent in units of `sd` squared.
    sd : float
        Standard deviation of a run about the fields.
    dof : float
    varies : bool
        Whether the exponent varies beyond chance.
    point : ndarray of int of shape (n_runs,)
        Point to which each run belongs, -1 where there is none.
    """

    rows: IntArray
    exponent: Array
    weights: Array
    sd: float
    dof: float
    varies: bool
    point: IntArray

    def explained_by(self, rmse: float, n_runs: int) -> bool:
        """Whether a law with this residual leaves nothing that the fields would explain."""
        extra = n_runs - self.dof
        surplus = n_runs * rmse**2 - self.dof * self.sd**2
        if surplus <= 0 or extra <= 0:
            return True
        variance = max(self.sd**2, 1e-26)
        return float(fdtrc(extra, self.dof, surplus / extra / variance)) > _ALPHA


def learn(design: Design, direction: Direction) -> Fields | None:
    """Fields in cells of equal z, or as smooth functions of z; None where the runs do not allow.

    Parameters
    ----------
    design : Design
        On the log scale.
    direction : Direction

    References
    ----------
    T. Hastie, R. Tibshirani, J. R. Stat. Soc. B 55 (1993) 757-796, on varying coefficients.
    """
    x = np.log(direction.x.values)
    z = np.column_stack(
        [np.log(a.values) if a.positive and len(a.expression.free_symbols) else a.values
         for a in direction.z]
    )  # fmt: skip
    weights = np.ones(design.n_runs) if design.weights is None else design.weights
    return _in_cells(design.y, x, z, weights) or _smooth(design.y, x, z, weights)


def _in_cells(y: Array, x: Array, z: Array, w: Array) -> Fields | None:
    size = np.maximum(np.abs(z).max(axis=0), 1e-300)
    _, first, cell = np.unique(
        np.round(z / size, 9), axis=0, return_index=True, return_inverse=True
    )
    cell = cell.ravel()
    k = len(first)
    total = np.bincount(cell, w, k)
    xc = x - (np.bincount(cell, w * x, k) / total)[cell]
    yc = y - (np.bincount(cell, w * y, k) / total)[cell]
    spread = np.bincount(cell, w * xc**2, k)
    counts = np.bincount(cell, minlength=k)
    good = (counts >= _FEWEST_IN_CELL) & (spread > 1e-12 * w.mean())
    used = good[cell]
    if good.sum() < _FEWEST_CELLS or used.mean() < _COVERED:
        return None
    slope = np.bincount(cell, w * xc * yc, k) / np.where(spread > 0, spread, 1.0)
    left = (yc - slope[cell] * xc)[used]
    dof = float(used.sum() - 2 * good.sum())
    residual = float(w[used] @ left**2)
    common = float((w * xc * yc)[used].sum() / (w * xc**2)[used].sum())
    between = float(spread[good] @ (slope[good] - common) ** 2)
    sd = float(np.sqrt(residual / dof))
    varies = _significant(between, good.sum() - 1.0, residual, dof)
    varies &= float(np.std(slope[good])) > _ROUNDING * max(1.0, abs(common))
    point = np.where(good, np.cumsum(good) - 1, -1)[cell]
    return Fields(first[good], slope[good], spread[good], sd, dof, varies, point)


def _smooth(y: Array, x: Array, z: Array, w: Array) -> Fields | None:
    n = len(y)
    away = (z - z.mean(axis=0)) / np.maximum(z.std(axis=0), 1e-300)
    root = np.sqrt(w)[:, None]
    best: tuple[float, Fields] | None = None
    for degree in range(1, _HIGHEST_DEGREE + 1):
        basis = _polynomials(away, degree)
        k = basis.shape[1]
        if 2 * k > n / 3:
            break
        columns = np.column_stack([basis, basis * x[:, None]])
        q, r = np.linalg.qr(columns * root)
        if np.linalg.cond(r) > 1e10:
            break
        target = y * root[:, 0]
        left = target - q @ (q.T @ target)
        leverage = np.minimum((q**2).sum(axis=1), 1 - 1e-6)
        score = float(np.mean((left / (1 - leverage)) ** 2))
        beta = np.linalg.solve(r, q.T @ target)
        dof = float(n - 2 * k)
        residual = float(left @ left)
        plain = np.linalg.qr(np.column_stack([basis, x]) * root)[0]
        without = target - plain @ (plain.T @ target)
        inverse = np.linalg.inv(r)
        rows = np.column_stack([np.zeros_like(basis), basis])
        variance = ((rows @ inverse) ** 2).sum(axis=1)
        exponent = basis @ beta[k:]
        varies = _significant(float(without @ without) - residual, k - 1.0, residual, dof)
        varies &= float(np.std(exponent)) > _ROUNDING * max(1.0, float(np.abs(exponent).mean()))
        sd = float(np.sqrt(residual / dof))
        fields = Fields(np.arange(n), exponent, 1.0 / variance, sd, dof, varies, np.arange(n))
        if best is None or score < best[0]:
            best = score, fields
    return None if best is None else best[1]


def _polynomials(z: Array, degree: int) -> Array:
    columns = [np.ones(len(z))]
    for d in range(1, degree + 1):
        columns += [
            np.prod(z[:, list(c)], axis=1)
            for c in combinations_with_replacement(range(z.shape[1]), d)
        ]
    return np.column_stack(columns)


def _significant(gain: float, extra: float, residual: float, dof: float) -> bool:
    if extra < 1 or dof < 1:
        return False
    variance = max(residual / dof, 1e-26)
    return float(fdtrc(extra, dof, max(gain, 0.0) / extra / variance)) < _ALPHA
