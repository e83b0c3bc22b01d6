"""What every contrastive model shares: a potential whose differences explain log-ratios."""

from abc import abstractmethod

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from dimgs.arrays import Array
from dimgs.fits.checks import checked_weights


class ContrastiveRegressor(RegressorMixin, BaseEstimator):
    """Base of the estimators: predictions are an intercept plus a potential.

    The log-ratio between two runs is the difference of their potentials, so it is
    antisymmetric and transitive by construction.

    Attributes
    ----------
    intercept_ : float or ndarray of shape (n_targets,)
        Constant that turns the potential into a prediction; absent from every ratio.
    """

    intercept_: float | Array

    @abstractmethod
    def _potential(self, X: Array) -> Array:
        """Potential at validated rows `X` of shape (n_runs, n_features), up to a constant."""

    def _checked_runs(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        multi_output: bool = False,
        least: int = 2,
        reset: bool = True,
    ) -> tuple[Array, Array, Array]:
        """Arguments of `fit` as arrays: X, y and the weights, all finite and of one length."""
        rows, target = validate_data(
            self,
            X,
            y,
            reset=reset,
            dtype=np.float64,
            multi_output=multi_output,
            y_numeric=True,
            ensure_min_samples=least,
        )
        weights = checked_weights(sample_weight, len(rows))
        return np.asarray(rows), np.asarray(target, dtype=np.float64), weights

    def _checked_rows(self, X: ArrayLike) -> Array:
        """Rows to predict at, with the features of the fit."""
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, reset=False, dtype=np.float64))

    def potential(self, X: ArrayLike) -> Array:
        """Potential of each row, up to one constant shared by all rows.

        Parameters
        ----------
        X : array-like of shape (n_runs, n_features)
            Logarithms of the pi groups (and any other contrast features).

        Returns
        -------
        ndarray of shape (n_runs,) or (n_runs, n_targets)
        """
        return self._potential(self._checked_rows(X))

    def predict(self, X: ArrayLike) -> Array:
        """Predicted response (the logarithm of the response group) of each row."""
        return np.asarray(self.potential(X) + self.intercept_)

    def predict_ratio(self, X_u: ArrayLike, X_v: ArrayLike) -> Array:
        """Predicted log-ratio log f(u) - log f(v) of paired rows; free of the intercept."""
        return np.asarray(self.potential(X_u) - self.potential(X_v))
