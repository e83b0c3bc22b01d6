"""Base of all contrastive models: a potential whose differences explain log-ratios.

An estimator writes `_fit`, and `_potential` unless it is one power law; the arguments of `fit`,
predictions, ratios and intervals of the exponents are here.
"""

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.fits.covariance import t_intervals
from dimgs.fits.training_runs import TrainingRuns, check_pairs, checked_weights, labels_of


class ContrastiveRegressor(RegressorMixin, BaseEstimator):
    """Base of the estimators: predictions are an intercept plus a potential.

    The log-ratio between two runs is the difference of their potentials, so it is
    antisymmetric and transitive by construction.

    Attributes
    ----------
    intercept_ : float or ndarray of shape (n_targets,)
        Constant that turns the potential into a prediction; absent from every ratio.
    n_contrasts_, n_pairs_ : int
        Independent contrasts, and pairs that entered.

    Examples
    --------
    >>> from dimgs.fits import PowerLaw
    >>> issubclass(PowerLaw, ContrastiveRegressor)
    True
    """

    _several_targets: ClassVar[bool] = False
    intercept_: Any
    exponents_: Array
    covariance_: Array
    dof_: Any
    _flat = True

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit on pairs of runs.

        Parameters
        ----------
        X : array-like of shape (n_runs, n_features)
            Logarithms of the pi groups (and any other contrast features).
        y : array-like of shape (n_runs,) or, where the estimator takes several, (n_runs, n_targets)
            Logarithm of the response group.
        sample_weight : array-like of shape (n_runs,), optional
            A pair weighs the product of its runs' weights; 1/variance is efficient. Runs of
            weight zero are left out.
        groups : array-like of shape (n_runs,), optional
            Cluster of each run: left out together, for uncertainty and validation.

        Returns
        -------
        self

        Raises
        ------
        InputError
            If a parameter or an argument is out of range, or labels do not match the runs.
        FitError
            If the runs make no pair, or all lie in one cluster.
        """
        return self._fitted(self._checked_runs(X, y, sample_weight, groups))

    @abstractmethod
    def _fit(self, runs: TrainingRuns) -> None:
        """Fit on runs, at least two of which have a positive weight."""

    def _potential(self, X: Array) -> Array:
        """Potential at validated rows `X` of shape (n_runs, n_features), up to a constant."""
        return np.asarray(X @ np.transpose(self.exponents_))

    def _fitted(self, runs: TrainingRuns) -> Self:
        """Fit on checked runs; all pairs of them entered, unless `_fit` counts its own."""
        n = int(np.count_nonzero(runs.weights))
        check_pairs(n)
        self._flat = runs.y.ndim == 1
        self.n_contrasts_, self.n_pairs_ = n - 1, n * (n - 1) // 2
        self._fit(runs)
        return self

    def _checked_runs(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        within: ArrayLike | None = None,
        *,
        least: int = 2,
        reset: bool = True,
    ) -> TrainingRuns:
        """Arguments of `fit`, as arrays."""
        rows, target = validate_data(
            self,
            X,
            y,
            reset=reset,
            dtype=np.float64,
            multi_output=self._several_targets,
            y_numeric=True,
            ensure_min_samples=least,
        )
        return TrainingRuns(
            np.asarray(rows),
            np.asarray(target, dtype=np.float64),
            checked_weights(sample_weight, len(rows)),
            labels_of(groups, len(rows), "groups"),
            labels_of(within, len(rows), "within"),
        )

    def _checked_rows(self, X: ArrayLike) -> Array:
        """Rows to predict at, with the features of the fit."""
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, reset=False, dtype=np.float64))

    def _checked_pairs(self, X_u: ArrayLike, X_v: ArrayLike) -> tuple[Array, Array]:
        """Paired rows to predict ratios of."""
        u, v = self._checked_rows(X_u), self._checked_rows(X_v)
        if len(u) != len(v):
            raise InputError(f"{len(u)} rows against {len(v)}: ratios need paired rows.")
        return u, v

    def _shaped(self, values: Array) -> Any:
        """Values whose first axis is the targets, without it where y had one dimension."""
        if not self._flat:
            return values
        return float(values[0]) if values.ndim == 1 else values[0]

    def _unstacked(self, values: Array) -> Array:
        """Values whose second axis is the targets, without it where y had one dimension."""
        return np.asarray(values[:, 0] if self._flat else values)

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
        u, v = self._checked_pairs(X_u, X_v)
        return np.asarray(self._potential(u) - self._potential(v))

    def intervals(self, level: float | None = None) -> Array:
        """Intervals of the exponents, by runs or clusters of runs.

        Parameters
        ----------
        level : float, optional
            Coverage; the estimator's own `level`, or 0.9.

        Returns
        -------
        ndarray of shape (..., n_features, 2)
            Infinite where the runs do not determine it; (...) is the shape of `exponents_` but
            for its last axis.
        """
        check_is_fitted(self)
        level = float(getattr(self, "level", 0.9)) if level is None else level
        variance = np.diagonal(self.covariance_, axis1=-2, axis2=-1)
        identified = getattr(self, "identified_", True)
        return t_intervals(
            self.exponents_, np.where(identified, variance, np.inf), self.dof_, level
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self._several_targets
        return tags


class WithinRegressor(ContrastiveRegressor):
    """Base of the estimators whose pairs may be kept within labels.

    Attributes
    ----------
    group_intercepts_ : dict
        Intercept of each label of `within`; {} without.
    """

    group_intercepts_: dict[Any, Any]

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        within: ArrayLike | None = None,
    ) -> Self:
        """Fit on pairs of runs, as `ContrastiveRegressor.fit` does.

        Parameters
        ----------
        X, y, sample_weight, groups
            As there.
        within : array-like of shape (n_runs,), optional
            Only runs of equal label are paired, so that each label keeps its own prefactor.

        Returns
        -------
        self
        """
        return self._fitted(self._checked_runs(X, y, sample_weight, groups, within))


def seed_of(random_state: Any) -> int:
    """Seed of a random state: a whole number is its own, others are drawn from."""
    if isinstance(random_state, int | np.integer) and random_state >= 0:
        return int(random_state)
    if random_state is None or isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(2**31 - 1))
    raise InputError(f"random_state is {random_state!r}: use a whole number from 0, or None.")
