"""The deep potential as scikit-learn estimators: of numbers, and of curves as responses.

The logarithms of curves (decays, spectra, profiles that are positive at every point) differ between
runs in a few directions; each direction has a potential of its own, so that ratios of curves add
up, and curves, being exponentials, stay positive.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.common.formats import attributes
from dimgs.fits.base import ContrastiveRegressor, TrainingRuns, WithinRegressor, seed_of
from dimgs.fits.covariance import t_intervals
from dimgs.fits.intervals import Calibration, widen
from dimgs.fits.potential.potential_runs import (
    LOSSES,
    Loss,
    Physics,
    PotentialRuns,
    distinct_runs,
    one_thread,
    require_torch,
    task_of,
)
from dimgs.fits.solve import oriented

if TYPE_CHECKING:
    from dimgs.fits.potential.networks import FittedPotential, Settings


@dataclass(eq=False, repr=False)
class ContrastivePotential(WithinRegressor):
    """Power law plus a small network, fitted on the log-ratios of all pairs of runs.

    Predicted ratios are differences of one potential, so they are antisymmetric and add up
    along any chain of runs. How much network there is, is decided by runs held out: where a
    power law predicts them as well, the network is left out altogether. Works in whitened log
    groups, so that the choice of groups does not matter.

    Parameters
    ----------
    hidden : tuple of int, default (24,)
        Width of each layer; () leaves the power law alone.
    loss : {"squared", "absolute", "huber"}, default "squared"
        Of all pairs; the last two bear outliers in the response.
    smoothness : "auto" or float, default "auto"
        Weight decay. "auto" takes the smoothest that predicts held-out runs no worse than the
        best by more than one standard error; infinity is the power law.
    physics : Physics, optional
        Signs, limits and interactions of exponents known beforehand.
    categorical : tuple of int, default ()
        Columns of X that hold codes of labels. Each label has a prefactor and coordinates of
        its own; one that was not seen counts as an average one.
    n_members : int, default 5
        Networks in the ensemble, from different beginnings.
    max_iter : int, default 200
        Longest training; runs held out may end it earlier.
    device : str, default "auto"
        "auto" takes a graphics card, where there is one, from 2000 runs on.
    verbose : bool, default False
        Show a progress bar on standard error.
    random_state : int, RandomState or None, default 0
        Seed of everything random; None takes another one each time.

    Attributes
    ----------
    exponents_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Local exponents averaged over the runs; nan for categorical columns.
    linear_exponents_ : ndarray of the same shape
        Exponents of the power-law part.
    intercept_ : float or ndarray of shape (n_targets,)
    group_intercepts_ : dict
        Of each label of `within`; {} without.
    smoothness_ : float
        Weight decay in use; infinite where there is no network.
    n_iter_ : int
        Iterations of the training; 1 where the power law has a closed form.
    validation_ : dict of float to float
        Held-out loss of each weight decay, relative to the first.
    cv_r2_, cv_rmse_ : float or ndarray of shape (n_targets,)
        Share of the spread explained, and root-mean-square error, of runs or clusters left out.
    residuals_ : ndarray of shape (n_runs,) or (n_runs, n_targets)
    n_contrasts_, n_pairs_ : int

    Notes
    -----
    Runs that agree in every number are one run. Intervals are conformal: with fewer than 100
    runs (or clusters) each is predicted by networks trained without its group of runs, as in
    jackknife+; ratios are calibrated on pairs that share no run.

    References
    ----------
    R. F. Barber, E. J. Candes, A. Ramdas, R. J. Tibshirani, "Predictive inference with the
    jackknife+", Annals of Statistics 49 (2021) 486-507, section 3 (CV+).
    B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and scalable predictive uncertainty
    estimation using deep ensembles", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-4.0, 4.0, 40)[:, None]
    >>> y = np.logaddexp(0.5 * x[:, 0], 2.0 * x[:, 0]) + 0.01 * np.cos(40 * x[:, 0] ** 2)
    >>> model = ContrastivePotential().fit(x, y)
    >>> model.exponents([[-3.5], [3.5]]).round(1)
    array([[0.5],
           [2. ]])
    """

    hidden: tuple[int, ...] = (24,)
    loss: Loss = "squared"
    smoothness: float | Literal["auto"] = "auto"
    physics: Physics | None = None
    categorical: Sequence[int] = ()
    n_members: int = 5
    max_iter: int = 200
    device: str = "auto"
    verbose: bool = False
    random_state: int | np.random.RandomState | None = 0

    _several_targets = True

    def _fit(self, runs: TrainingRuns) -> None:
        require_torch()
        from dimgs.fits.potential.networks import learn

        settings = self.settings(runs.X.shape[1])
        distinct = distinct_runs(runs)
        with one_thread():
            task = task_of(distinct, tuple(self.categorical), self.loss != "squared")
            self.model_: FittedPotential
            self.model_, choice, cv_r2 = learn(task, settings)
            self._runs, self._origin = distinct.X, task.centre
            self.smoothness_, self.n_iter_ = choice.decay, choice.iterations
            self.validation_ = choice.scores
            self.cv_r2_ = self._shaped(cv_r2)
            self.cv_rmse_ = self._shaped(self.model_.noise * self.model_.scale)
            self._publish(distinct, runs.X, runs.y)

    def _potential(self, X: Array) -> Array:
        return self._unstacked(self._mean(X))

    def settings(self, n_features: int) -> "Settings":
        """The parameters, checked against the number of columns of X.

        Raises
        ------
        InputError
            If one is out of range.
        """
        from dimgs.fits.potential.networks import DECAYS, Settings

        self._check()
        physics = self.physics or Physics()
        physics.check(n_features, self.categorical)
        # an infinite weight decay is the power law
        tried = (np.inf, *DECAYS) if self.smoothness == "auto" else (float(self.smoothness),)
        return Settings(
            **attributes(self, "loss n_members max_iter device verbose"),
            hidden=tuple(self.hidden),
            decays=tried,
            physics=physics,
            seed=seed_of(self.random_state),
        )

    def _publish(self, runs: PotentialRuns, x: Array, t: Array) -> None:
        misses = runs.y - self._mean(runs.X)
        intercept = runs.weights @ misses / runs.weights.sum()
        self.intercept_ = self._shaped(intercept)
        self.group_intercepts_ = {
            label: self._shaped(row) for label, row in runs.label_means(misses).items()
        }
        residuals = t.reshape(len(t), -1) - self._mean(x) - intercept
        self.residuals_ = self._unstacked(residuals)
        self.n_contrasts_ = len(runs) - 1
        self.n_pairs_ = len(runs) * (len(runs) - 1) // 2
        model = self.model_
        slopes = model.slopes(model.theta, runs.X).mean(axis=0)
        self.exponents_ = self._shaped(runs.weights @ slopes.swapaxes(0, 1) / len(runs))
        size = (model.layout.n_inputs, len(intercept))
        first = model.theta[:, : size[0] * size[1]].mean(axis=0).reshape(size)
        linear = (model.axes.transform @ first * model.scale).T
        self.linear_exponents_ = self._shaped(self.model_.axes.wide(linear))

    def _check(self) -> None:
        if self.loss not in LOSSES:
            raise InputError(f"loss is {self.loss!r}: use squared, absolute or huber.")
        for name in ("hidden", "categorical"):
            value: object = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Iterable):
                raise InputError(f"{name} is {value!r}: give a sequence of whole numbers.")
        if not _whole([self.n_members, self.max_iter, *self.hidden], 1):
            raise InputError(
                f"n_members is {self.n_members!r}, max_iter {self.max_iter!r} and hidden "
                f"{self.hidden!r}: use whole numbers from 1."
            )
        if not _whole(self.categorical, 0):
            raise InputError(
                f"categorical is {self.categorical!r}: give columns of X, counted from 0."
            )
        decay: object = self.smoothness
        if decay != "auto" and not (isinstance(decay, int | float | np.number) and decay >= 0):
            raise InputError(
                f"smoothness is {decay!r}: use 'auto' or a weight decay that is not negative."
            )

    def _slopes(self, rows: Array) -> Array:
        """Gradient of the potential by all columns of X, the mean of its members."""
        return np.asarray(self.model_.slopes(self.model_.theta, rows).mean(axis=0))

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
        bounds = self.model_.bounds(level, self._checked_rows(X))
        return self._unstacked(bounds + self._origin[:, None])

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
        return self._unstacked(self.model_.bounds(level, *self._checked_pairs(X_u, X_v)))

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
        return self._unstacked(self._slopes(self._checked_rows(X)))

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
        variance, dof = self.model_.slope_variance(rows, average=False)
        return self._unstacked(t_intervals(self._slopes(rows), variance, dof, level))

    def intervals(self, level: float | None = None) -> Array:
        """Intervals of `exponents_`, shape (n_features, 2) or (n_targets, n_features, 2)."""
        check_is_fitted(self)
        level = 0.9 if level is None else level
        variance, dof = self.model_.slope_variance(self._runs, average=True)
        return t_intervals(self.exponents_, self._shaped(variance[0]), dof, level)

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
        return self._unstacked(self.model_.mixed(self._checked_rows(X)))

    def interactions(self) -> Array:
        """Strength of the interaction of each pair of features in the log response.

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
        strengths = self.interactions().reshape(-1, self.n_features_in_, self.n_features_in_)
        strengths = strengths[:, np.array(numeric)[:, None], numeric]
        noise = self.model_.noise * self.model_.scale
        least = np.maximum(tolerance * strengths.max(axis=(1, 2), initial=0.0), noise)
        linked = np.any(strengths > least[:, None, None], axis=0)
        count, label = connected_components(linked, directed=False)
        return [tuple(np.array(numeric)[label == k].tolist()) for k in range(count)]

    def outside(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Mask of rows outside the convex hull of the runs, shape (n_rows,).

        Intervals there are wider: by the leverage of the place, by the disagreement of the
        networks, and by the errors that were measured when outer runs were left out. Further
        out than that, no data vouches for them.
        """
        return self.model_.outside(self._checked_rows(X))


def _whole(values: Iterable[object], least: int) -> bool:
    return all(isinstance(n, int | np.integer) and n >= least for n in values)


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
            task = task_of(replace(runs, y=column), tuple(base.categorical), base.loss != "squared")
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
        return np.asarray(np.einsum("cnp,ct->ntp", each, self.components_))

    def intervals(self, level: float | None = None) -> Array:
        """Intervals of `exponents_`, shape (..., n_features, 2), by groups of runs left out.

        The scores along different components are uncorrelated, so their variances add; what the
        components leave out counts as constant.
        """
        check_is_fitted(self)
        variances = [model.slope_variance(self._rows, average=True) for model, _ in self._models]
        each = np.stack([variance[:, 0] for variance, _ in variances])
        variance = np.einsum("cnp,ct->ntp", each, np.square(self.components_))[0]
        dof = min(dof for _, dof in variances)
        level = 0.9 if level is None else level
        return t_intervals(self.exponents_, self._shaped(variance), dof, level)


def _together(calibration: Calibration, whole: bool) -> Calibration:
    if not whole:
        return calibration
    worst = calibration.scores.max(axis=1, keepdims=True)
    scores = np.broadcast_to(worst, calibration.scores.shape)
    return replace(calibration, scores=np.ascontiguousarray(scores))
