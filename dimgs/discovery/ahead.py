"""Errors of further runs, by the covariance that a fit to the others gives them.

References
----------
G. C. Chow, Econometrica 28 (1960) 591-605 (the test of predictions of further runs).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy import special

from dimgs.arrays import Array

# singular value of the slopes, of the largest, below which the runs do not tell a constant
_TOLD = 1e-10
# length of a direction that others leave, of the longest, below which it is rounding
_SEEN = 1e-6


def spread_of(directions: Array, slopes: Array) -> tuple[Array, bool]:
    """Weighted sums of the constants in terms of independent errors of the runs.

    Parameters
    ----------
    directions : ndarray of shape (n_sums, n_constants)
        The weights.
    slopes : ndarray of shape (n_runs, n_constants)
        Of the runs that the constants were fitted to.

    Returns
    -------
    ndarray of shape (n_sums, n_told), bool
        And whether the runs tell all constants.
    """
    size = np.sqrt(np.sum(slopes**2, axis=0))
    size = np.where(size > 0, size, 1.0)
    _, singular, right = np.linalg.svd(slopes / size, full_matrices=False)
    told = singular > _TOLD * singular.max(initial=0.0)
    spread = (directions / size) @ (right[told].T / singular[told])
    return np.asarray(spread), bool(np.all(told)) and len(singular) == slopes.shape[1]


@dataclass(frozen=True, eq=False)
class Ahead:
    """Errors of further runs in units of the others' error.

    Attributes
    ----------
    errors : ndarray of shape (n_further,)
    axes, sizes : ndarray of shape (n_further, n_axes) and (n_axes,)
        The covariance is 1 + axes sizes² axes', however far beyond 1 it is.
    sd : float
        The others' error.
    dof : int
        From which it is known.
    """

    errors: Array
    axes: Array
    sizes: Array
    sd: float
    dof: int

    @classmethod
    def of(cls, residuals: Array, slopes: Array, known: Array, sd: float, dof: int) -> Self | None:
        """From residuals and slopes of the further runs, and the slopes of those that were fitted.

        None where a run has no prediction.
        """
        if not all(np.all(np.isfinite(values)) for values in (residuals, slopes, known)):
            return None
        spread, _ = spread_of(slopes, known)
        if not np.all(np.isfinite(spread)):
            return None
        axes, sizes, _ = np.linalg.svd(spread, full_matrices=False)
        return cls(residuals / sd, axes, sizes, sd, dof)

    def white(self, columns: Array) -> Array:
        """Columns in units in which the errors are independent and of size 1."""
        shrink = (1.0 - 1.0 / np.sqrt(1.0 + self.sizes**2))[:, None]
        return np.asarray(columns - self.axes @ (shrink * (self.axes.T @ columns)))

    @cached_property
    def _independent(self) -> Array:
        """The errors in these units."""
        return self.white(self.errors[:, None])[:, 0]

    @cached_property
    def square(self) -> float:
        """Sum of the squares of the errors, in these units."""
        return float(np.sum(self._independent**2))

    @property
    def log_density(self) -> float:
        """Natural logarithm of the density of the errors: Student's t."""
        m, dof = len(self.errors), self.dof
        return float(
            special.gammaln((dof + m) / 2)
            - special.gammaln(dof / 2)
            - m / 2 * np.log(dof * np.pi)
            - np.log1p(self.sizes**2).sum() / 2
            - m * np.log(self.sd)
            - (dof + m) / 2 * np.log1p(self.square / dof)
        )

    @property
    def chance(self) -> float:
        """Chance of errors as large."""
        m = len(self.errors)
        return float(special.fdtrc(m, self.dof, self.square / m))

    @property
    def growth(self) -> float:
        """Factor by which the errors exceed what their variance allows."""
        return float(np.sqrt(self.square / len(self.errors)))

    def chance_of_trend(self, places: Array) -> float:
        """Chance that the errors follow where the runs lie as closely, by their own scatter.

        Errors may be larger at an end, or a few of them large, and the law right all the same.

        Parameters
        ----------
        places : ndarray of shape (n_further, n_coordinates)
            The errors are compared with these and their squares, as many as half of the runs.
        """
        m = len(self.errors)
        low, high = places.min(axis=0), places.max(axis=0)
        places = (2 * places - low - high) / np.where(high > low, high - low, 1.0)
        terms = np.column_stack([np.ones(m), places, places**2])[:, : m // 2]
        basis, size, _ = np.linalg.svd(self.white(terms), full_matrices=False)
        basis = basis[:, size > _SEEN * size[0]]
        followed = float(np.sum((basis.T @ self._independent) ** 2))
        k = basis.shape[1]
        scatter = max(self.square - followed, 0.0) / (m - k)
        free = m - k if scatter > 1.0 else self.dof + m - k
        return float(special.fdtrc(k, free, followed / k / max(scatter, 1.0)))
