"""Weighted least squares with a leave-one-out (run or cluster) covariance, exact and rank-aware."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearFit:
    """Centred least squares and its jackknife.

    Attributes
    ----------
    coef : ndarray of shape (n_columns,)
        Minimum-norm coefficients of the centred, scaled columns.
    covariance : ndarray of shape (n_columns, n_columns)
        Jackknife covariance over runs, or over clusters of runs.
    intercept : float
    residuals : ndarray of shape (n_runs,)
        On the scale of the response.
    rank : int
        Rank of the centred columns.
    n_units : int
        Runs, or clusters, that were left out in turn.
    clustered : bool
    changes : ndarray of shape (n_units, n_columns)
        Coefficients with everything minus coefficients without each unit.
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
    changes: Array
    null: Array

    @property
    def dof(self) -> int:
        """Degrees of freedom of t quantiles: clusters less one, or runs less parameters."""
        return max(1, self.n_units - 1 if self.clustered else self.n_units - self.rank - 1)

    def half_width(self, level: float, variance: ArrayLike) -> Array:
        """Half width of the t interval of a quantity with this variance."""
        t = float(special.stdtrit(self.dof, 0.5 + level / 2))
        return np.asarray(t * np.sqrt(np.maximum(np.asarray(variance, dtype=float), 0.0)))

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
    rcond: float = 1e-10,
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
    rcond : float
        Singular values of the scaled columns below `rcond` times the largest count as zero.

    References
    ----------
    Bell & McCaffrey (2002), Survey Methodology 28, 169-181: the CR3 (jackknife) estimator.
    MacKinnon & White (1985), J. Econometrics 29, 305-325: HC3.

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
    keep = singular > rcond * max(float(singular.max(initial=0.0)), 1e-300)
    left, singular, right = left[:, keep], singular[keep], right[keep]
    back = (right.T / singular) / scale[:, None]
    theta = left.T @ (root * (y - mean_y))
    coef = back @ theta
    residuals = y - mean_y - centred @ coef
    full = np.column_stack([root / np.sqrt(w.sum()), left])
    labels = None if groups is None else np.unique(groups, return_inverse=True)[1].ravel()
    changes = _leave_out(full, root * residuals, labels)[:, 1:] @ back.T
    n_units = len(changes)
    spanned = np.eye(len(scale)) - right.T @ right
    values, vectors = np.linalg.eigh(spanned)
    return LinearFit(
        coef=coef,
        covariance=(n_units - 1) / n_units * (changes.T @ changes),
        intercept=mean_y - float(mean_x @ coef),
        residuals=residuals,
        rank=int(keep.sum()),
        n_units=n_units,
        clustered=groups is not None,
        changes=changes,
        null=(vectors[:, values > 0.5] / scale[:, None]).T,
    )


def _leave_out(q: Array, e: Array, labels: NDArray[np.intp] | None) -> Array:
    """Change of the coefficients of orthonormal columns `q` when each unit is left out."""
    if labels is None:
        free = 1.0 - np.einsum("ij,ij->i", q, q)
        share = np.where(free > 1e-9, e / np.where(free > 1e-9, free, 1.0), 0.0)
        return np.asarray(q * share[:, None])
    identity = np.eye(q.shape[1])
    changes = []
    for label in range(int(labels.max()) + 1):
        rows = labels == label
        block = q[rows]
        changes.append(
            np.linalg.lstsq(identity - block.T @ block, block.T @ e[rows], rcond=1e-9)[0]
        )
    return np.asarray(changes)
