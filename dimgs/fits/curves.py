"""Curves as responses: decays, spectra, profiles that are positive at every point.

The logarithms of the curves differ between runs in a few directions; each direction has a
potential of its own, so that ratios of curves add up, and curves, being exponentials, stay
positive.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.fits.base import ContrastiveRegressor, TrainingRuns
from dimgs.fits.covariance import t_intervals
from dimgs.fits.intervals import Calibration, widen
from dimgs.fits.potential.contrastive_potential import ContrastivePotential
from dimgs.fits.potential.potential_runs import (
    PotentialRuns,
    distinct_runs,
    one_thread,
    require_torch,
    task_of,
)
from dimgs.fits.solve import oriented

if TYPE_CHECKING:
    from dimgs.fits.potential.networks import FittedPotential


@dataclass(eq=False, repr=False)
class CurvePotential(ContrastiveRegressor):
    """Potentials on the principal components of log-curves.

    Parameters
    ----------
    n_components : int or float, default 0.999
        How many components, or the share of the variance of the log-curves that they keep.
    estimator : ContrastivePotential, optional
        Parameters of the potential of each component; the defaults otherwise.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_points)
        Orthonormal directions of the log-curves.
    intercept_ : ndarray of shape (n_points,) or float
        Mean log-curve.
    exponents_ : ndarray of shape (n_points, n_features) or (n_features,)
        Mean local exponents over the runs.
    explained_ : ndarray of shape (n_components,)
        Share of the variance between runs along each component.
    smoothness_ : ndarray of shape (n_components,)
        Weight decay of each potential; infinite for power laws.

    Notes
    -----
    A power law of a whole curve has one component, the prefactor; a curve whose time scale
    follows a power law bends the log-curves and needs more.

    References
    ----------
    J. Aitchison, "The Statistical Analysis of Compositional Data", Chapman and Hall 1986,
    chapter 8 (log-ratio principal components).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-1.0, 1.0, 15)[:, None]
    >>> time = np.array([1.0, 2.0, 4.0])
    >>> curves = np.exp(0.5 * x) * time**-0.3
    >>> model = CurvePotential().fit(x, np.log(curves))
    >>> model.curves([[2.0]]).round(3), model.exponents([[2.0]])[0, :, 0].round(3)
    (array([[2.718, 2.208, 1.793]]), array([0.5, 0.5, 0.5]))
    """

    n_components: int | float = 0.999
    estimator: ContrastivePotential | None = None

    _several_targets = True

    def _fit(self, runs: TrainingRuns) -> None:
        require_torch()
        with one_thread():
            self._learn(distinct_runs(runs))

    def _learn(self, runs: PotentialRuns) -> None:
        from dimgs.fits.potential.networks import learn

        base = self.estimator or ContrastivePotential()
        settings = base.settings(runs.X.shape[1])
        self._mean = runs.weights @ runs.y / len(runs)
        centred = runs.y - self._mean
        _, singular, directions = np.linalg.svd(
            centred * np.sqrt(runs.weights)[:, None], full_matrices=False
        )
        count = self._count(singular, len(runs))
        total = float(np.sum(singular**2))
        self.components_ = directions[:count] * oriented(directions[:count].T)[:, None]
        self.explained_ = singular[:count] ** 2 / (total if total > 0 else 1.0)
        scores = centred @ self.components_.T
        self._missed = np.sqrt(np.mean((centred - scores @ self.components_) ** 2, axis=0))
        self._models: list[tuple[FittedPotential, Array]] = []
        decays, remainders = [], []
        for column in scores.T[:, :, None]:
            of_component = replace(runs, y=column)
            task = task_of(of_component, tuple(base.categorical), base.loss != "squared")
            model, choice, _ = learn(task, settings)
            self._models.append((model, task.centre))
            decays.append(choice.decay)
            remainders.append(runs.weights @ (column - model.members(runs.X).mean(axis=0)))
        self.smoothness_ = np.array(decays)
        # what remains of each component's mean after its own ensemble
        self._offsets = np.concatenate(remainders) / len(runs)
        self.intercept_ = float(self._mean[0]) if self._flat else self._mean
        self._rows = runs.X
        mean = np.einsum("n,ntp->tp", runs.weights / len(runs), self.exponents(runs.X))
        self.exponents_ = self._shaped(mean)
        self._calibrate(runs)

    def _count(self, singular: Array, n_runs: int) -> int:
        most = max(1, min(len(singular), n_runs - 1))
        wanted = self.n_components
        if isinstance(wanted, int | np.integer):
            if wanted < 1:
                raise InputError(f"n_components is {wanted}: ask for at least one.")
            return min(int(wanted), most)
        if not 0.0 < wanted <= 1.0:
            raise InputError(f"n_components is {wanted}: give a number, or a share up to 1.0.")
        kept = np.cumsum(singular**2) / max(float(np.sum(singular**2)), np.finfo(float).tiny)
        return min(int(np.searchsorted(kept, wanted - 1e-12)) + 1, most)

    def _calibrate(self, runs: PotentialRuns) -> None:
        """Errors of whole curves on runs and on pairs left out, in units of what is left open."""
        first = self._models[0][0]
        fold, run = first.left_out.T
        centres, scales = self._by_fold(runs.X)
        weight = np.sqrt(runs.weights)[:, None]
        errors = np.abs(runs.y[run] - centres[fold, run]) * weight[run] / scales[fold, run]
        distinct = len(np.unique(run))
        self._values = Calibration(fold, errors, distinct)
        k, u, v = first.pairs.T
        gaps, open_there = self._by_fold(runs.X[u], runs.X[v])
        here = np.arange(len(k))
        together = np.sqrt(2.0 / (1.0 / runs.weights[u] + 1.0 / runs.weights[v]))[:, None]
        misses = np.abs(runs.y[u] - runs.y[v] - gaps[k, here]) * together / open_there[k, here]
        self._pairs = Calibration(k, misses, min(len(k), distinct))

    def _by_fold(self, X: Array, other: Array | None = None) -> tuple[Array, Array]:
        """Log-curves (or their differences) by each fold, and what they leave open."""
        values, squares = [], []
        for model, centre in self._models:
            curves, scale = model.by_fold(X, other)
            values.append(curves[..., 0] * model.scale + (centre if other is None else 0.0))
            squares.append(np.square(scale[..., 0] * model.scale))
        runs = 1.0 if other is None else 2.0
        variance = np.stack(squares, axis=-1) @ self.components_**2 + runs * self._missed**2
        mean = self._mean if other is None else 0.0
        floor = np.finfo(float).eps
        return np.stack(values, axis=-1) @ self.components_ + mean, np.sqrt(variance) + floor

    def _potential(self, X: Array) -> Array:
        scores = [model.members(X).mean(axis=0)[:, 0] for model, _ in self._models]
        return self._unstacked((np.column_stack(scores) + self._offsets) @ self.components_)

    def curves(self, X: ArrayLike) -> Array:
        """Curves at each row, positive everywhere; shape (n_rows, n_points)."""
        return np.asarray(np.exp(self.predict(X)))

    def predict_interval(self, X: ArrayLike, level: float = 0.9, whole: bool = False) -> Array:
        """Intervals of the log-curve of one more run at each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        level : float
        whole : bool
            Cover all points of a curve at once, instead of each point by itself.

        Returns
        -------
        ndarray of shape (n_rows, n_points, 2)
            Infinite where the runs are too few for the level.
        """
        rows = self._checked_rows(X)
        bounds = _together(self._values, whole).bounds(*self._by_fold(rows), level)
        return self._unstacked(widen(bounds, self._reach(rows, level)))

    def ratio_interval(
        self, X_u: ArrayLike, X_v: ArrayLike, level: float = 0.9, whole: bool = False
    ) -> Array:
        """Intervals of the log-ratios of the curves of two more runs; as `predict_interval`."""
        u, v = self._checked_pairs(X_u, X_v)
        bounds = _together(self._pairs, whole).bounds(*self._by_fold(u, v), level)
        reach = np.hypot(self._reach(u, level), self._reach(v, level))
        return self._unstacked(widen(bounds, reach))

    def _reach(self, X: Array, level: float) -> Array:
        """Factor by which intervals of log-curves widen outside the runs, (n_rows, n_points)."""
        each = np.hstack([model.reach(X, level) * model.scale for model, _ in self._models])
        finite = np.all(np.isfinite(each), axis=1)
        size = np.square(np.where(finite[:, None], each, 0.0)) @ self.components_**2
        return np.where(finite[:, None], np.sqrt(size), np.inf)

    def exponents(self, X: ArrayLike) -> Array:
        """Local exponents of every point of the curve, shape (n_rows, n_points, n_features)."""
        rows = self._checked_rows(X)
        each = [model.slopes(model.theta, rows).mean(axis=0)[:, 0] for model, _ in self._models]
        return self._of_points(np.stack(each), self.components_)

    def intervals(self, level: float | None = None) -> Array:
        """Intervals of `exponents_`, shape (..., n_features, 2), by groups of runs left out.

        The scores along different components are uncorrelated, so their variances add; what the
        components leave out counts as constant.
        """
        check_is_fitted(self)
        variances = [model.slope_variance(self._rows, average=True) for model, _ in self._models]
        each = np.stack([variance[:, 0] for variance, _ in variances])
        variance = self._of_points(each, np.square(self.components_))[0]
        dof = min(dof for _, dof in variances)
        level = 0.9 if level is None else level
        return t_intervals(self.exponents_, self._shaped(variance), dof, level)

    def _of_points(self, each: Array, shares: Array) -> Array:
        """Sums over the components at every point; nan for columns that are not numbers."""
        out = np.full((each.shape[1], shares.shape[1], self.n_features_in_), np.nan)
        numeric = list(self._models[0][0].axes.numeric)
        out[..., numeric] = np.einsum("cnp,ct->ntp", each, shares)
        return out


def _together(calibration: Calibration, whole: bool) -> Calibration:
    if not whole:
        return calibration
    worst = calibration.scores.max(axis=1, keepdims=True)
    scores = np.broadcast_to(worst, calibration.scores.shape)
    return replace(calibration, scores=np.ascontiguousarray(scores))
