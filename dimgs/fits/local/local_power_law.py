"""Local power law: exponents that vary smoothly over pi space."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree
from sklearn.utils.validation import check_is_fitted

from dimgs.arrays import Array, BoolArray, IntArray
from dimgs.design.whitening import whiten
from dimgs.errors import FitError, InputError
from dimgs.fits.base import ContrastiveRegressor, TrainingRuns
from dimgs.fits.covariance import check_level
from dimgs.fits.local.bandwidth import (
    BandwidthChoice,
    BandwidthTable,
    choose_share,
    held_out,
    held_out_globally,
    own_weight,
    slope_intervals,
)
from dimgs.fits.local.regression import Window, distinct_runs, local_fits
from dimgs.fits.run_checks import check_clusters


class LocalPowerLaw(ContrastiveRegressor):
    """Exponents (elasticities) at every point, from pairs of runs that are near each other.

    Around a point the pairs weigh K_u K_v with a tricube kernel over the nearest runs in
    whitened log groups, so that no basis is preferred; least squares over those pairs is local
    linear regression on the log scale. The window holds a fixed share of the weight and is
    chosen by leaving out runs; where no window beats one power law for all runs by more than
    the standard error over runs, that law is the answer. Wide windows act on means of small
    cells of runs, so that the cost grows nearly in proportion to the number of runs.

    Parameters
    ----------
    share : float or None, default=None
        Share of the total weight in a window, in (0, inf]; None chooses it by cross-validation.
    min_runs : int or None, default=None
        Fewest runs in a window during the choice; None means 2 (n_features + 1) + 1.

    Attributes
    ----------
    exponents_ : ndarray of shape (n_runs, n_features)
        Local exponents at the training runs.
    global_exponents_ : ndarray of shape (n_features,)
        Exponents of one power law for all runs, least squares over all pairs.
    intercept_ : float
        Logarithm of its prefactor.
    share_ : float
        Share of the weight in a window; infinite where one power law is enough.
    interval_share_ : float
        The same for the intervals: the share of smallest error, which is never the wider one.
    cv_shares_, cv_scores_ : ndarray of shape (n_tried,)
        Shares tried and their mean squared residual on left-out runs (or clusters).
    residuals_, held_out_residuals_ : ndarray of shape (n_runs,)
        From the local fit, and from the local fit without the run (or its cluster).
    rank_ : int
        Number of combinations of groups that the runs determine.
    n_contrasts_, n_pairs_ : int
        Independent contrasts, and pairs that the kernel may weigh, among the distinct runs.

    References
    ----------
    Cleveland, W. S. and Devlin, S. J. (1988). Locally weighted regression. Journal of the
    American Statistical Association 83, 596-610.
    Calonico, S., Cattaneo, M. D. and Farrell, M. H. (2018). On the effect of bias estimation
    on coverage accuracy in nonparametric inference. Journal of the American Statistical
    Association 113, 767-779.

    Examples
    --------
    A law whose exponent grows from 1 to 3:

    >>> X = np.linspace(-1.0, 1.0, 201)[:, None]
    >>> y = 2.0 * X[:, 0] + 0.5 * X[:, 0] ** 2
    >>> fit = LocalPowerLaw().fit(X, y)
    >>> fit.elasticities([[-0.5], [0.0], [0.5]]).round(2).tolist()
    [[1.5], [2.0], [2.5]]
    """

    intercept_: float

    def __init__(self, share: float | None = None, min_runs: int | None = None) -> None:
        self.share = share
        self.min_runs = min_runs

    def _fit(self, runs: TrainingRuns) -> None:
        if self.share is not None and not self.share > 0.0:
            raise InputError(f"share is {self.share}: give a positive share, or None to choose it.")
        X, y, clustered = runs.X, runs.y, runs.groups is not None
        clusters = runs.clusters if clustered else np.zeros(len(y), dtype=np.intp)
        first, inverse, mass = distinct_runs(X, y, runs.weights, clusters)
        if len(first) < 2:
            raise FitError("Fewer than two distinct runs carry weight: give at least two.")
        clusters = np.unique(clusters[first], return_inverse=True)[1]
        if clustered:
            check_clusters(clusters)
        table = self._global(X[first], y[first], mass / mass.mean(), clusters, clustered)
        fewest = 2 * (self.rank_ + 1) + 1 if self.min_runs is None else max(self.min_runs, 2)
        choice = BandwidthChoice(np.inf, np.inf, np.empty(0), np.empty(0))
        if self.share is not None:
            choice = replace(choice, share=float(self.share), best=float(self.share))
        elif self.rank_ and len(first) > fewest:
            choice = choose_share(table, fewest)
        self.share_, self.interval_share_ = choice.share, choice.best
        self.cv_shares_, self.cv_scores_ = choice.shares, choice.scores
        self._at_runs(X, y, table, inverse)
        self.n_contrasts_ = len(first) - 1
        near = max(min(len(first) - 1, int(min(self.share_, 1.0) * len(first))), 1)
        self.n_pairs_ = len(first) * near // 2

    def _global(
        self, X: Array, y: Array, weights: Array, clusters: IntArray, clustered: bool
    ) -> BandwidthTable:
        self._whitening, Z = whiten(X, weights)
        slopes = np.linalg.lstsq((Z * weights[:, None]).T @ Z, Z.T @ (weights * y), rcond=None)[0]
        mean = float(np.average(y, weights=weights))
        self._slopes = np.asarray(slopes)
        self.rank_ = self._whitening.rank
        self.global_exponents_ = self._whitening.exponents(self._slopes)
        self.intercept_ = mean - float(self._whitening.centre @ self.global_exponents_)
        length = float(np.linalg.norm(self._slopes))
        direction = self._slopes / length if length > 0.0 else np.eye(self.rank_)[:1].ravel()
        return BandwidthTable(
            Z, y - mean - Z @ self._slopes, weights, clusters, clustered, direction
        )

    def _at_runs(self, X: Array, y: Array, table: BandwidthTable, inverse: IntArray) -> None:
        self._table = table
        self._inverse = inverse
        runs = np.arange(len(table.Z))
        self._tree = tree = cKDTree(table.Z) if self.rank_ else None
        value, slopes = np.zeros(len(runs)), np.zeros_like(table.Z)
        self._window: Window | None = None
        if np.isfinite(self.share_) and self.rank_:
            self._window = window = table.window(self.share_)
            highest, own = 0.0, np.zeros(len(runs))
            # Neighbours in turn share the cells that they read.
            near_first = np.asarray(tree.indices) if tree is not None else runs
            for fits in local_fits(window, table.Z[near_first]):
                chosen = near_first[fits.rows]
                value[chosen], slopes[chosen] = fits.value, fits.slopes
                own[chosen] = own_weight(fits, window.cells, chosen, table.weights)
                highest = max(highest, float(fits.leverage.max()))
            self._highest = highest
            out = (table.response - value) / np.maximum(1.0 - own, 1e-3)
            if table.clustered:
                out = held_out(table, window, runs)
        else:
            out = held_out_globally(table)
            self._highest = float((1.0 + (table.Z**2).sum(axis=1)).max())
        # Residuals for variances: e / sqrt(1 - h) is unbiased for single runs (HC2), where
        # e / (1 - h) would be too wide; clusters keep the residuals without the cluster (CR3).
        within = np.sqrt(np.abs((table.response - value) * out)) * np.sign(out)
        self._noise = out if table.clustered else within
        self.exponents_ = self._whitening.exponents(slopes + self._slopes)[inverse]
        self.held_out_residuals_ = out[inverse]
        if tree is not None:
            near = min(2 * (self.rank_ + 1), len(runs) - 1) + 1
            self._spacing = np.asarray(tree.query(table.Z, k=[near], workers=2)[0])[:, 0]
        self.residuals_ = (table.response - value)[inverse]
        self._ignored = np.flatnonzero(inverse < 0)
        self._ignored_Z = self._whitening.apply(X[self._ignored])
        if self._ignored.size:
            rows = self._ignored
            potential, self.exponents_[rows], _ = self._local(X[rows])
            self.residuals_[rows] = y[rows] - potential - self.intercept_
            self.held_out_residuals_[rows] = self.residuals_[rows]

    def _local(self, X: Array) -> tuple[Array, Array, Array]:
        """Potential, exponents and leverage at each row."""
        Z = self._whitening.apply(X)
        value, slopes = np.zeros(len(Z)), np.zeros_like(Z)
        leverage = 1.0 + (Z**2).sum(axis=1)
        if self._window is not None:
            for fits in local_fits(self._window, Z):
                value[fits.rows], slopes[fits.rows] = fits.value, fits.slopes
                leverage[fits.rows] = fits.leverage
        exponents = self._whitening.exponents(slopes + self._slopes)
        return X @ self.global_exponents_ + value, exponents, leverage

    def _potential(self, X: Array) -> Array:
        return self._local(X)[0]

    def elasticities(self, X: ArrayLike) -> Array:
        """Local exponents at each row of `X`, shape (n_rows, n_features)."""
        return self._local(self._checked_rows(X))[1]

    def in_support(self, X: ArrayLike) -> BoolArray:
        """Whether the runs surround each row closely enough for a local fit.

        A row is outside if the local value there is less certain than at any run, or if it is
        farther from its nearest run than twice the spacing of the runs about that one.
        """
        rows = self._checked_rows(X)
        if self._tree is None:
            return np.ones(len(rows), dtype=bool)
        leverage = self._local(rows)[2]
        distance, nearest = self._tree.query(self._whitening.apply(rows), workers=2)
        close = np.asarray(distance) <= 2.0 * self._spacing[nearest] + 1e-9
        return np.asarray(close & (leverage <= self._highest * (1.0 + 1e-9)))

    def field(self, axes: Sequence[ArrayLike]) -> Array:
        """Exponents on a grid over pi space, nan where the data give no support.

        Parameters
        ----------
        axes : sequence of n_features array-likes
            Values of each log group; the grid is their product, first axis slowest.

        Returns
        -------
        ndarray of shape (len(axes[0]), ..., len(axes[-1]), n_features)
        """
        check_is_fitted(self)
        values = [np.asarray(axis, dtype=np.float64).ravel() for axis in axes]
        if len(values) != self.n_features_in_:
            raise InputError(f"field needs {self.n_features_in_} axes, one per log group.")
        grid = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1)
        points = grid.reshape(-1, len(values))
        exponents = self.elasticities(points)
        exponents[~self.in_support(points)] = np.nan
        return exponents.reshape(grid.shape)

    def intervals(self, level: float | None = None) -> Array:
        """Intervals of the exponents at the distinct training runs; see `elasticity_intervals`.

        Returns
        -------
        ndarray of shape (n_runs, n_features, 2)
            One row for each row of `exponents_`.
        """
        check_is_fitted(self)
        level = 0.9 if level is None else level
        intervals = self._intervals(self._table.Z, level)[self._inverse]
        if self._ignored.size:
            intervals[self._ignored] = self._intervals(self._ignored_Z, level)
        return intervals

    def elasticity_intervals(self, X: ArrayLike, level: float = 0.9) -> Array:
        """Bias-corrected confidence intervals of the local exponents.

        They are centred on the slope of a local quadratic in the same window, which removes
        the leading bias of the local linear slope and pays for it in width, with squared
        residuals of left-out runs (or sums over clusters) as variances.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Log groups.
        level : float, default=0.9
            Pointwise coverage.

        Returns
        -------
        ndarray of shape (n_rows, n_features, 2)
        """
        return self._intervals(self._whitening.apply(self._checked_rows(X)), level)

    def _intervals(self, Z: Array, level: float) -> Array:
        check_level(level)
        transform = self._whitening.transform
        if self.rank_ == 0:
            return np.zeros((len(Z), len(transform), 2))
        centres, halves = slope_intervals(
            self._table, self._noise, self.interval_share_, Z, transform, level
        )
        centres = centres + self.global_exponents_
        return np.stack([centres - halves, centres + halves], axis=-1)
