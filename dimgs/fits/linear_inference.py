"""Weighted least squares with a leave-one-out (run or cluster) covariance, exact and rank-aware."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from dimgs.arrays import Array
from dimgs.fits.covariance import t_quantile
from dimgs.fits.influence import linearised

# singular values of the scaled columns below this share of the largest are rounding
_RCOND = 1e-10


@dataclass(frozen=True, eq=False)
class LinearFit:
    """Centred least squares and its covariance by runs left out.

    Attributes
    ----------
    coef : ndarray of shape (n_columns,)
        Minimum-norm coefficients of the centred, scaled columns.
    covariance : ndarray of shape (n_columns, n_columns)
        By runs left out, or by clusters of runs.
    intercept : float
    residuals : ndarray of shape (n_runs,)
        On the scale of the response.
    rank : int
        Rank of the centred columns.
    n_units : int
        Runs, or clusters, that were left out in turn.
    clustered : bool
    null : ndarray of shape (n_null, n_columns)
        Coefficient vectors that change no fitted value.
    """

    coef: Array
    covariance: Array
    intercept: float
    residuals: Array
    rank: int
    n_units: int
    clustered: bool
    null: Array

    @property
    def dof(self) -> int:
        """Degrees of freedom of t quantiles: clusters less one, or runs less parameters."""
        return max(1, self.n_units - 1 if self.clustered else self.n_units - self.rank - 1)

    def half_width(self, level: float, variance: ArrayLike) -> Array:
        """Half width of the t interval of a quantity with this variance."""
        size = np.sqrt(np.maximum(np.asarray(variance, dtype=float), 0.0))
        return np.asarray(t_quantile(level, self.dof) * size)

    def wald(self, value: Array, covariance: Array) -> tuple[float, float, tuple[int, int]]:
        """F statistic of value = 0, its p-value and its degrees of freedom.

        With clusters it is scaled like Hotelling's T², because their covariance has few
        degrees of freedom. The p-value is nan where the clusters are too few to tell.
        """
        values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
        keep = values > 1e-10 * max(float(values.max(initial=0.0)), 1e-300)
        q = int(keep.sum())
        if q == 0:
            return 0.0, 1.0, (0, self.dof)
        statistic = float(np.sum((vectors[:, keep].T @ value) ** 2 / values[keep])) / q
        dof = self.dof
        if self.clustered:
            dof = self.n_units - q
            if dof < 1:
                return statistic, float("nan"), (q, 0)
            statistic *= dof / (self.n_units - 1)
        return statistic, float(special.fdtrc(q, dof, statistic)), (q, dof)


def fit_linear(
    columns: Array,
    y: Array,
    weight: Array | None = None,
    groups: NDArray[np.generic] | None = None,
) -> LinearFit:
    """Fit `y` on centred `columns`; covariance by leaving out each run, or each group of runs.

    Parameters
    ----------
    columns : ndarray of shape (n_runs, n_columns)
    y : ndarray of shape (n_runs,)
    weight : ndarray of shape (n_runs,), optional
        Positive weights.
    groups : ndarray of shape (n_runs,), optional
        Clusters of runs that are left out together.

    References
    ----------
    See :mod:`dimgs.fits.covariance`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(5.0)[:, None]
    >>> fit = fit_linear(x, 2 * x[:, 0] + 1)
    >>> [round(float(v), 12) for v in (fit.coef[0], fit.intercept)], fit.dof
    ([2.0, 1.0], 3)
    """
    w = np.ones(len(y)) if weight is None else weight
    mean_x, mean_y = np.average(columns, axis=0, weights=w), float(np.average(y, weights=w))
    centred = columns - mean_x
    scale = np.sqrt(np.average(centred**2, axis=0, weights=w))
    varies = scale > 1e-13 * np.maximum(np.abs(mean_x), 1.0)
    scale = np.where(varies, scale, 1.0)
    root = np.sqrt(w)
    scaled = np.where(varies, centred / scale, 0.0)
    left, singular, right = np.linalg.svd(root[:, None] * scaled, full_matrices=False)
    keep = singular > _RCOND * max(float(singular.max(initial=0.0)), 1e-300)
    left, singular, right = left[:, keep], singular[keep], right[keep]
    back = (right.T / singular) / scale[:, None]
    theta = left.T @ (root * (y - mean_y))
    coef = back @ theta
    residuals = y - mean_y - centred @ coef
    # plain CR3: the F tests below are scaled for it
    columns_and_one = np.column_stack([np.ones(len(y)), scaled])
    spread = linearised(columns_and_one, residuals, w, groups, kind="jackknife")
    n_units = len(y) if groups is None else len(np.unique(groups))
    spanned = np.eye(len(scale)) - right.T @ right
    values, vectors = np.linalg.eigh(spanned)
    return LinearFit(
        coef=coef,
        covariance=spread.covariance[1:, 1:] / np.outer(scale, scale),
        intercept=mean_y - float(mean_x @ coef),
        residuals=residuals,
        rank=int(keep.sum()),
        n_units=n_units,
        clustered=groups is not None,
        null=(vectors[:, values > 0.5] / scale[:, None]).T,
    )
