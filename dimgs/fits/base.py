"""Base of all contrastive models: a potential whose differences explain log-ratios.

An estimator writes `_fit`, and `_potential` unless it is one power law; the arguments of `fit`,
predictions, ratios and intervals of the exponents are here.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import FitError, InputError
from dimgs.fits.covariance import t_intervals

# ---- Checks of weights and labels that need no scikit-learn: its import takes longer than a fit.


def checked_weights(sample_weight: ArrayLike | None, n_runs: int) -> Array:
    """Weight of each run, shape (n_runs,); 1 by default, and a scalar counts for all runs.

    Raises
    ------
    InputError
        If there is not one weight per run, one is negative or not finite, or all are zero.
    """
    if sample_weight is None:
        return np.ones(n_runs)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(n_runs, float(weights))
    if weights.shape != (n_runs,):
        raise InputError(
            f"sample_weight has shape {weights.shape} for {n_runs} runs: give one weight per run."
        )
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0.0)))
    if bad.size:
        raise InputError(
            f"sample_weight is {weights[bad[0]]} in row {int(bad[0])}: give finite weights of at "
            f"least 0."
        )
    if not weights.any():
        raise InputError("Every weight in sample_weight is zero: give some run a positive weight.")
    return weights


def checked_table(
    values: ArrayLike, name: str, least: int = 2, columns: Sequence[str] | None = None
) -> Array:
    """Finite table with a row for each of at least `least` runs.

    Raises
    ------
    InputError
        If it has another shape or number of columns, or holds NaN or infinity.
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < least:
        raise InputError(
            f"{name} must be a table of at least {least} runs; its shape is {rows.shape}."
        )
    if columns is not None and len(columns) != rows.shape[1]:
        raise InputError(f"{len(columns)} names were given for {rows.shape[1]} columns.")
    if not np.isfinite(rows).all():
        i, j = np.argwhere(~np.isfinite(rows))[0]
        raise InputError(
            f"{name} is not finite in run {i}, column {j if columns is None else columns[j]}: drop "
            f"the run, or take logarithms of positive values only."
        )
    return rows


def checked_response(values: ArrayLike, name: str, n_runs: int) -> Array:
    """Response of each run, shape (n_runs,).

    Raises
    ------
    InputError
        If it has another shape, or holds NaN or infinity.
    """
    response = np.asarray(values, dtype=np.float64)
    if response.shape != (n_runs,) or not np.isfinite(response).all():
        raise InputError(f"{name} must hold one finite value for each of the {n_runs} runs")
    return response


def distinct_rows(table: Array, weights: Array) -> tuple[IntArray, IntArray, Array]:
    """First row of every distinct run, the distinct run of each row, and summed weights.

    Rows of weight zero are not runs; their place is -1.
    """
    used = np.flatnonzero(weights > 0.0)
    _, first, codes = np.unique(table[used], axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    inverse = np.full(len(table), -1, dtype=np.intp)
    inverse[used] = np.argsort(order)[codes.ravel()]
    mass = np.asarray(np.bincount(codes.ravel(), weights[used]), dtype=np.float64)
    return used[first[order]], inverse, mass[order]


def check_pairs(n_runs: int) -> None:
    """Raise FitError unless runs of positive weight make a pair."""
    if n_runs < 2:
        raise FitError(f"{n_runs} run of positive weight makes no pair: give at least two.")


def labels_of(labels: ArrayLike | None, n_runs: int, name: str) -> NDArray[Any] | None:
    """Label of each run, of shape (n_runs,); None where none are given."""
    if labels is None:
        return None
    values = np.asarray(labels)
    if values.shape != (n_runs,):
        raise InputError(f"`{name}` has shape {values.shape} for {n_runs} runs: one label per run.")
    return values


def label_codes(
    labels: ArrayLike | None, n_runs: int, name: str
) -> tuple[NDArray[np.generic], IntArray]:
    """Distinct labels, sorted, and the position of each run's label among them."""
    values = labels_of(labels, n_runs, name)
    if values is None:
        return np.zeros(1, dtype=np.intp), np.zeros(n_runs, dtype=np.intp)
    return np.unique(values, return_inverse=True)


def check_clusters(codes: IntArray) -> None:
    """Raise FitError where all runs lie in one cluster, which cannot be left out."""
    if np.ptp(codes) == 0:
        raise FitError(
            "All runs are in one cluster: give `groups` at least two labels, or leave it out."
        )


def cluster_codes(groups: ArrayLike | None, n_runs: int) -> IntArray:
    """Cluster of each run as a number from 0; every run its own where no groups are given."""
    return np.arange(n_runs) if groups is None else label_codes(groups, n_runs, "groups")[1]


@dataclass(frozen=True, eq=False)
class TrainingRuns:
    """Arguments of `fit`, checked: every array is finite and has one row a run.

    Attributes
    ----------
    X : ndarray of shape (n_runs, n_features)
    y : ndarray of shape (n_runs,) or (n_runs, n_targets)
    weights : ndarray of shape (n_runs,)
        1 where none were given.
    groups, within : ndarray of shape (n_runs,), optional
    """

    X: Array
    y: Array
    weights: Array
    groups: NDArray[Any] | None = None
    within: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def clusters(self) -> IntArray:
        """Cluster of each run as a number from 0; every run its own where no groups are given."""
        return cluster_codes(self.groups, len(self))

    @property
    def used(self) -> BoolArray:
        """Mask of the runs with a positive weight."""
        return self.weights > 0.0

    def only_used(self) -> Self:
        """The runs of positive weight alone."""
        return self.take(self.used)

    def take(self, rows: IntArray | BoolArray) -> Self:
        """Some of the runs."""
        groups, within = (None if v is None else v[rows] for v in (self.groups, self.within))
        return replace(self, X=self.X[rows], y=self.y[rows], weights=self.weights[rows],
                       groups=groups, within=within)  # fmt: skip


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
