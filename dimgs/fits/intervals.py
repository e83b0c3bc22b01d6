"""Prediction intervals for values and ratios that hold whatever the noise and the estimator.

Below about 100 runs jackknife+ leaves out runs one by one; above, half of the runs calibrate the
other half. The pairs that calibrate a ratio share no run, since pairs that do are not exchangeable.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import FitError, InputError, check_level
from dimgs.fits.base import ContrastiveRegressor
from dimgs.fits.training_runs import TrainingRuns, checked_weights, labels_of

Method = Literal["auto", "jackknife+", "split"]

# half of so many runs make 50 calibration errors: enough for a level of 0.95
SPLIT_FROM = 100
# Few runs make few disjoint pairs: that many are left out, in several matchings of the runs.
_MIN_PAIRS = 50


# numbers of a block of centres in memory at a time: 40 MB
_BLOCK = 5_000_000


@dataclass(frozen=True, eq=False)
class Calibration:
    """Errors on what was left out, and the models that made them.

    Parameters
    ----------
    fold : ndarray of int of shape (n_errors,)
        Fold of each error.
    scores : ndarray of shape (n_errors, n_targets)
        Absolute errors in units of the scale there.
    effective : int
        Independent errors among them.
    """

    fold: IntArray
    scores: Array
    effective: int

    def bounds(self, centres: Array, scales: Array, level: float) -> Array:
        """Intervals at some places.

        Parameters
        ----------
        centres, scales : ndarray of shape (n_folds, n_rows, n_targets)
            Prediction by the models of each fold, and what they leave open.
        level : float

        Returns
        -------
        ndarray of shape (n_rows, n_targets, 2)
            Infinite where too few runs were left out for the level.
        """
        check_level(level)
        n = len(self.fold)
        out = np.empty((*centres.shape[1:], 2))
        rank = n + 1
        if self.effective:
            rank = int(np.ceil(level * (1.0 + 1.0 / self.effective) * n - 1e-9))
        if rank > n:
            out[..., 0], out[..., 1] = -np.inf, np.inf
            return out
        if np.all(self.fold == self.fold[0]):
            # one centre for all errors: their own quantile
            size = np.partition(self.scores, rank - 1, axis=0)[rank - 1]
            reach = size * scales[self.fold[0]]
            out[..., 0], out[..., 1] = (centres[self.fold[0]] + s * reach for s in (-1.0, 1.0))
            return out
        block = max(1, _BLOCK // (n * centres.shape[2]))
        for start in range(0, centres.shape[1], block):
            rows = slice(start, start + block)
            centre, scale = centres[self.fold, rows], scales[self.fold, rows]
            reach = self.scores[:, None] * scale
            out[rows, :, 0] = np.partition(centre - reach, n - rank, axis=0)[n - rank]
            out[rows, :, 1] = np.partition(centre + reach, rank - 1, axis=0)[rank - 1]
        return out


@dataclass(eq=False, repr=False)
class PredictionIntervals(BaseEstimator):
    """Conformal intervals around any contrastive estimator.

    Parameters
    ----------
    estimator : ContrastiveRegressor
        Unfitted; cloned for each fit.
    method : {"auto", "jackknife+", "split"}, default "auto"
        "auto" is jackknife+ below 100 runs and split-conformal from there on.
    random_state : int, default 0
        Seed of the split and of the matching of runs into pairs.

    Attributes
    ----------
    method_ : str
        The method in use.
    n_calibration_, n_calibration_pairs_ : int
        Residuals behind the intervals of values and of ratios.

    Notes
    -----
    Values: at least `level` for split-conformal and 2 level - 1 for jackknife+, which in
    practice covers `level`, for runs exchangeable with those fitted. With `groups`, whole
    clusters are left out and the intervals are for a run of a new cluster.

    References
    ----------
    R. F. Barber, E. J. Candes, A. Ramdas, R. J. Tibshirani, "Predictive inference with the
    jackknife+", Annals of Statistics 49 (2021) 486-507, theorem 1.
    V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World", Springer 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from dimgs.fits.power_law import PowerLaw
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(0, 3, (40, 1))
    >>> y = 1 + 2 * X[:, 0] + 0.1 * rng.standard_normal(40)
    >>> intervals = PredictionIntervals(PowerLaw()).fit(X, y)
    >>> intervals.predict_interval([[1.0]], level=0.9).round(1)
    array([[2.9, 3.2]])
    """

    estimator: ContrastiveRegressor
    method: Method = "auto"
    random_state: int = 0

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit the estimator with runs left out, and keep its errors on them.

        Parameters
        ----------
        X : array-like of shape (n_runs, n_features)
        y : array-like of shape (n_runs,)
        sample_weight : array-like of shape (n_runs,), optional
        groups : array-like of shape (n_runs,), optional
            Cluster of each run.

        Raises
        ------
        FitError
            If there are too few runs or clusters to leave any out.
        """
        if self.method not in ("auto", "jackknife+", "split"):
            raise InputError(f"method is {self.method!r}: use auto, jackknife+ or split.")
        x, t = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        t = np.asarray(t, dtype=np.float64)
        weights = checked_weights(sample_weight, len(x))
        if t.ndim != 1:
            raise InputError("Intervals are for one response at a time: give y of shape (n_runs,).")
        runs = TrainingRuns(x, t, weights, labels_of(groups, len(x), "groups"))
        n_clusters = len(np.unique(runs.clusters))
        if n_clusters < 4:
            few = f"{n_clusters} runs or clusters (n_samples={len(x)}) are too few"
            raise FitError(f"{few}: give at least four.")
        many = n_clusters >= SPLIT_FROM or (groups is not None and len(x) >= 5 * SPLIT_FROM)
        self.method_ = ("split" if many else "jackknife+") if self.method == "auto" else self.method
        self._calibrate(runs, np.random.default_rng(self.random_state))
        self.n_calibration_ = len(self._values.fold)
        self.n_calibration_pairs_ = len(self._pairs.fold)
        return self

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> Array:
        """Interval of the log response of one more run at each row, shape (n_rows, 2)."""
        check_is_fitted(self, "method_")
        return _bounds(self._values, np.stack([model.predict(X) for model in self._models]), level)

    def ratio_interval(self, X_u: ArrayLike, X_v: ArrayLike, level: float = 0.9) -> Array:
        """Interval of the log-ratio of two more runs at each pair of rows, shape (n_rows, 2)."""
        check_is_fitted(self, "method_")
        values = np.stack([model.predict_ratio(X_u, X_v) for model in self._pair_models])
        return _bounds(self._pairs, values, level)

    def _calibrate(self, runs: TrainingRuns, rng: np.random.Generator) -> None:
        x, y, clusters, split = runs.X, runs.y, runs.clusters, self.method_ == "split"
        names = np.unique(clusters)
        left_out = [rng.permutation(names)[: len(names) // 2]] if split else [*names[:, None]]
        self._models, errors, fold = [], np.empty(len(x)), np.full(len(x), -1)
        for k, some in enumerate(left_out):
            out = np.isin(clusters, some)
            model = self._fit_on(runs, ~out)
            errors[out], fold[out] = y[out] - model.predict(x[out]), k
            self._models.append(model)
        held = np.flatnonzero(fold >= 0)
        self._values = _calibration(fold[held], errors[held], len(held))
        matchings = (held[pairs] for pairs in _matchings(len(held), clusters[held], rng))
        if split:
            u, v = next(matchings).T
            self._pair_models = self._models
            self._pairs = _calibration(
                np.zeros(len(u), dtype=np.intp), errors[u] - errors[v], len(u)
            )
            return
        self._pair_models, pair_errors = [], []
        for matching in matchings:
            for u, v in matching:
                model = self._fit_on(runs, ~np.isin(clusters, clusters[[u, v]]))
                ratio = model.predict_ratio(x[u : u + 1], x[v : v + 1])[0]
                self._pair_models.append(model)
                pair_errors.append(y[u] - y[v] - ratio)
            if len(pair_errors) >= _MIN_PAIRS:
                break
        # several matchings reuse the runs: no more than the runs count
        n = len(pair_errors)
        self._pairs = _calibration(np.arange(n), np.array(pair_errors), min(n, len(x)))

    def _fit_on(self, runs: TrainingRuns, rows: BoolArray) -> Any:
        some = runs.take(rows)
        # other estimators know no weights and no groups
        given = {} if np.all(some.weights == 1.0) else {"sample_weight": some.weights}
        if some.groups is not None:
            given["groups"] = some.groups
        return clone(self.estimator).fit(some.X, some.y, **given)


def _matchings(n_runs: int, clusters: IntArray, rng: np.random.Generator) -> Iterator[IntArray]:
    """Matchings of the runs into disjoint pairs of different clusters; no pair comes twice."""
    order = rng.permutation(n_runs)
    if n_runs % 2:
        order = np.append(order, -1)
    fixed, ring = order[:1], order[1:]
    for _ in range(len(ring)):
        circle = np.concatenate([fixed, ring])
        half = len(circle) // 2
        pairs = np.column_stack([circle[:half], circle[half:][::-1]])
        pairs = pairs[(pairs >= 0).all(axis=1)]
        yield pairs[clusters[pairs[:, 0]] != clusters[pairs[:, 1]]]
        ring = np.roll(ring, 1)


def _calibration(model: IntArray, errors: Array, effective: int) -> Calibration:
    return Calibration(model, np.abs(errors)[:, None], effective)


def _bounds(calibration: Calibration, values: Array, level: float) -> Array:
    """Intervals about predictions of shape (n_models, n_rows), shape (n_rows, 2)."""
    centres = values[..., None]
    return calibration.bounds(centres, np.ones_like(centres), level)[:, 0]
