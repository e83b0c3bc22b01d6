"""What a fitted potential answers: intervals, local exponents, interactions, its domain."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from dimgs.arrays import Array
from dimgs.fits.base import WithinRegressor
from dimgs.fits.covariance import t_quantile

if TYPE_CHECKING:
    from dimgs.fits.potential.fitted import FittedPotential


class PotentialAnswers(WithinRegressor):
    """Answers of a fitted potential; see `ContrastivePotential`, which fits it."""

    model_: "FittedPotential"
    _origin: Array
    _runs: Array

    def _wide(self, numeric: Array) -> Array:
        """Values of the numeric columns (last axis) among all columns of X."""
        out = np.full((*numeric.shape[:-1], self.n_features_in_), np.nan)
        out[..., list(self.model_.axes.numeric)] = numeric
        return out

    def _mean(self, X: Array) -> Array:
        return np.asarray(self.model_.members(X).mean(axis=0))

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> Array:
        """Intervals of the log response of one more run at each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        level : float

        Returns
        -------
        ndarray of shape (n_rows, 2) or (n_rows, n_targets, 2)
            Infinite where the runs are too few for the level.
        """
        found = self.model_.values(self._checked_rows(X), level)
        return self._unstacked(found + self._origin[:, None])

    def ratio_interval(self, X_u: ArrayLike, X_v: ArrayLike, level: float = 0.9) -> Array:
        """Intervals of the log-ratio of two more runs at each pair of rows.

        Parameters
        ----------
        X_u, X_v : array-like of shape (n_rows, n_features)
        level : float

        Returns
        -------
        ndarray of shape (n_rows, 2) or (n_rows, n_targets, 2)
        """
        u, v = self._checked_pairs(X_u, X_v)
        return self._unstacked(self.model_.ratios(u, v, level))

    def exponents(self, X: ArrayLike) -> Array:
        """Local exponents, the gradient of the potential, by automatic differentiation.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_features) or (n_rows, n_targets, n_features)
            nan for categorical columns.
        """
        rows = self._checked_rows(X)
        found = self.model_.slopes(self.model_.theta, rows).mean(axis=0)
        return self._unstacked(self._wide(found))

    def exponent_intervals(self, X: ArrayLike, level: float = 0.9) -> Array:
        """Intervals of the local exponents, by groups of runs left out.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        level : float

        Returns
        -------
        ndarray of shape (n_rows, n_features, 2) or (n_rows, n_targets, n_features, 2)
            About what smooth networks find on average: sharper bends than the runs resolve are
            not covered.
        """
        rows = self._checked_rows(X)
        found = self.model_.slopes(self.model_.theta, rows).mean(axis=0)
        variance, dof = self.model_.slope_variance(rows, average=False)
        half = t_quantile(level, np.array(float(dof))) * np.sqrt(variance)
        bounds = np.stack([self._wide(found - half), self._wide(found + half)], axis=-1)
        return self._unstacked(bounds)

    def intervals(self, level: float | None = None) -> Array:
        """Intervals of `exponents_`, shape (n_features, 2) or (n_targets, n_features, 2)."""
        check_is_fitted(self)
        level = 0.9 if level is None else level
        variance, dof = self.model_.slope_variance(self._runs, average=True)
        half = t_quantile(level, np.array(float(dof))) * np.sqrt(self._wide(variance[0]))
        half = half[0] if self._flat else half
        return np.stack([self.exponents_ - half, self.exponents_ + half], axis=-1)

    def mixed_derivatives(self, X: ArrayLike) -> Array:
        """Second derivatives of the potential: how each exponent changes with each feature.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_features, n_features) or (n_rows, n_targets, ...)
            nan for categorical columns.
        """
        found = self.model_.mixed(self._checked_rows(X))
        numeric = list(self.model_.axes.numeric)
        out = np.full((*found.shape[:-2], self.n_features_in_, self.n_features_in_), np.nan)
        out[..., np.array(numeric)[:, None], numeric] = found
        return self._unstacked(out)

    def interactions(self) -> Array:
        """How much of the log response each pair of features makes together.

        Returns
        -------
        ndarray of shape (n_features, n_features) or (n_targets, n_features, n_features)
            Root-mean-square mixed second derivative over the runs, times the standard
            deviations of both features; the diagonal is the curvature along each.
        """
        check_is_fitted(self)
        mixed = self.mixed_derivatives(self._runs)
        spread = self._runs.std(axis=0)
        return np.asarray(np.sqrt(np.square(mixed).mean(axis=0)) * np.outer(spread, spread))

    def separable_blocks(self, tolerance: float = 0.1) -> list[tuple[int, ...]]:
        """Blocks of features that do not interact: the response is a product over the blocks.

        Parameters
        ----------
        tolerance : float
            Interactions below this share of the largest entry of `interactions`, or below the
            error on runs left out, do not count.

        Returns
        -------
        list of tuple of int
        """
        from scipy.sparse.csgraph import connected_components

        check_is_fitted(self)
        numeric = list(self.model_.axes.numeric)
        found = self.interactions().reshape(-1, self.n_features_in_, self.n_features_in_)
        found = found[:, np.array(numeric)[:, None], numeric]
        noise = self.model_.noise * self.model_.scale
        least = np.maximum(tolerance * found.max(axis=(1, 2), initial=0.0), noise)
        linked = np.any(found > least[:, None, None], axis=0)
        count, label = connected_components(linked, directed=False)
        return [tuple(np.array(numeric)[label == k].tolist()) for k in range(count)]

    def outside(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Which rows lie outside the convex hull of the runs, shape (n_rows,).

        Intervals there are wider: by the leverage of the place, by the disagreement of the
        networks, and by the errors that were measured when outer runs were left out. Further
        out than that, no data vouches for them.
        """
        return self.model_.outside(self._checked_rows(X))
