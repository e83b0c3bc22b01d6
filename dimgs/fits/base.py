"""What every contrastive model shares: a potential whose differences explain log-ratios."""

from abc import abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

Array = NDArray[np.float64]


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
        check_is_fitted(self)
        return self._potential(np.asarray(validate_data(self, X, reset=False, dtype=np.float64)))

    def predict(self, X: ArrayLike) -> Array:
        """Predicted response (the logarithm of the response group) of each row."""
        return np.asarray(self.potential(X) + self.intercept_)

    def predict_ratio(self, X_u: ArrayLike, X_v: ArrayLike) -> Array:
        """Predicted log-ratio log f(u) - log f(v) of paired rows; free of the intercept."""
        return np.asarray(self.potential(X_u) - self.potential(X_v))
