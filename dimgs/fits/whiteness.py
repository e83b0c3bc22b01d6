"""Whiteness of residuals: whether they still depend on the coordinates of the runs.

Kernel ridge regressions of several widths predict each residual from those of the other runs. The
gain in likelihood of the best of them, over that of noise alone, is the chance of noise: where the
runs are noise, a likelihood ratio of runs left out seldom exceeds its inverse.

References
----------
C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press, 2006,
section 5.4.2 (runs left out).
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from dimgs.common.arrays import Array, IntArray

# squared lengths of kernels, in units of the variance of the coordinates, mean over them. The
# shortest sees a ripple of which the runs hold several waves: of 60 runs in two groups, sin(6 z) as
# large as the noise is noticed in 49 of 100 tables instead of 2; sin(z) in 99 instead of 100
_WIDTHS = (0.1, 0.5, 4.0)
# variance of the noise over that of the smooth part
_RIDGES = (0.03, 0.3, 3.0)
# kernel matrices of more runs cost more than they add
_MOST_RUNS = 400
# share of the residuals that counts as nothing, whatever its chance: it changes a typical error by
# a fortieth of itself, less than some hundred runs can resolve
_NEGLIGIBLE = 0.05


@dataclass(frozen=True, eq=False)
class KernelRegressions:
    """Kernel ridge regressions on the same coordinates.

    Parameters
    ----------
    rows : ndarray of int
        The runs that are looked at.
    errors : ndarray of shape (n_regressions, n_rows, n_rows)
        From residuals to the errors of their predictions by the other runs, or groups.
    groups : ndarray of int of shape (n_rows,)
        The group of each run; each run is its own unless runs are held out together.
    """

    rows: IntArray
    errors: Array
    groups: IntArray

    @classmethod
    def of(cls, coordinates: Array, groups: NDArray[Any] | None = None) -> Self:
        """The regressions on coordinates of unit variance.

        Parameters
        ----------
        coordinates : ndarray of shape (n_runs, n_coordinates)
        groups : ndarray of shape (n_runs,), optional
            Labels of runs that are left out together.
        """
        rows = np.arange(len(coordinates))
        if len(rows) > _MOST_RUNS:
            rows = np.sort(np.random.default_rng(0).choice(rows, _MOST_RUNS, replace=False))
        X = coordinates[rows]
        code = np.arange(len(rows))
        if groups is not None:
            code = np.unique(groups[rows], return_inverse=True)[1].ravel()
        if X.shape[1] == 0 or code.max(initial=0) == 0:
            return cls(rows, np.empty((0, len(rows), len(rows))), code)
        square = ((X[:, None, :] - X[None, :, :]) ** 2).mean(axis=2)
        noise = np.eye(len(rows))
        inverses = [
            np.linalg.inv(np.exp(-square / width) + ridge * noise)
            for width in _WIDTHS
            for ridge in _RIDGES
        ]
        if groups is None:
            return cls(rows, np.array([each / np.diag(each)[:, None] for each in inverses]), code)
        together = code[:, None] == code
        errors = [np.linalg.solve(np.where(together, each, 0.0), each) for each in inverses]
        return cls(rows, np.array(errors), code)

    def share(self, residuals: Array) -> float:
        """Share of the residuals that is predicted on runs left out (R², 0 if none).

        Parameters
        ----------
        residuals : ndarray of shape (n_runs,)
        """
        e = residuals[self.rows] - residuals[self.rows].mean()
        scale = float(e.std())
        if not scale > 0:
            return 0.0
        squares = np.mean((self.errors @ (e / scale)) ** 2, axis=1)
        return max(0.0, 1.0 - float(np.min(squares, initial=1.0)))

    def unexplained(self, residuals: Array, level: float) -> tuple[float, float]:
        """Share of the residuals that depends on the coordinates, and its chance in noise.

        Ranks are looked at, so that one large residual does not hide what the others follow.

        Parameters
        ----------
        residuals : ndarray of shape (n_runs,)
        level : float
            Chance above which the share is taken for noise.

        Returns
        -------
        share, chance : float
            0 and 1 for noise, and for less than a twentieth of the variance.

        Examples
        --------
        >>> x = np.linspace(-1.0, 1.0, 50)
        >>> regressions = KernelRegressions.of(x[:, None])
        >>> [regressions.unexplained(e, 0.01)[0] > 0 for e in (np.sin(3 * x), np.cos(1e6 * x**2))]
        [True, False]
        """
        share = self.share(normal_scores(residuals))
        runs = independent_runs(residuals[self.rows], self.groups)
        chance = len(self.errors) * float(np.exp(0.5 * runs * np.log1p(-min(share, 1.0 - 1e-12))))
        return (share, chance) if share >= _NEGLIGIBLE and chance < level else (0.0, 1.0)


def independent_runs(values: Array, groups: IntArray) -> float:
    """Number of independent runs with as much information on a mean as groups of runs have.

    The correlation within groups is that of the analysis of variance.

    Parameters
    ----------
    values : ndarray of shape (n_runs,)
    groups : ndarray of int of shape (n_runs,)
        From 0 on.

    References
    ----------
    L. Kish, Survey Sampling, Wiley, 1965, section 5.4 (the design effect).

    Examples
    --------
    >>> independent_runs(np.array([1.0, 1.0, 2.0, 2.0, 4.0, 4.0]), np.array([0, 0, 1, 1, 2, 2]))
    3.0
    """
    size = np.bincount(groups).astype(np.float64)
    n, count = float(size.sum()), len(size)
    if not 1 < count < n:
        return n
    means = np.bincount(groups, values) / size
    between = float(size @ (means - values.mean()) ** 2) / (count - 1)
    within = float(np.sum((values - means[groups]) ** 2)) / (n - count)
    typical = (n - float(size @ size) / n) / (count - 1)
    total = between + (typical - 1.0) * within
    correlation = max(0.0, (between - within) / total) if total > 0.0 else 0.0
    return n / (1.0 + (typical - 1.0) * correlation)


def normal_scores(values: Array) -> Array:
    """Quantiles of the normal distribution in the place of values of the same ranks.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Equal ones share a rank: runs may be in the order of their responses.

    Examples
    --------
    >>> normal_scores(np.array([3.0, 1.0, 1000.0])).round(2).tolist()
    [0.0, -0.97, 0.97]
    """
    _, place, equal = np.unique(values, return_inverse=True, return_counts=True)
    # not SciPy's ranks: its statistics take half a second to import
    ranks = (np.cumsum(equal) - (equal - 1) / 2)[place]
    return np.asarray(ndtri((ranks - 0.5) / len(values)))
