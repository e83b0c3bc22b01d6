"""Orthogonal power law: errors in the inputs as well as in the response."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import approx_fprime, least_squares

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.fits.base import ContrastiveRegressor
from dimgs.fits.covariance import linearised
from dimgs.fits.design import Whitening
from dimgs.fits.least_squares import coordinates_of_rows
from dimgs.fits.noise import Scatter, require_finite, rms, scatter_beside
from dimgs.fits.training_runs import TrainingRuns, check_clusters

# refits with the scatter of the one before: each brings its change down by the share of the
# variance that the inputs make, and the last change that counts
_ROUNDS, _SETTLED = 20, 1e-3
# of whitened exponents, in units of the response's spread, for the change of a slope
_STEP = 1e-6


@dataclass(eq=False, repr=False)
class OrthogonalPowerLaw(ContrastiveRegressor):
    """Power law whose inputs carry errors too, run by run.

    Minimises sum_i w_i (y_i - c - a . x_i)^2 / V_i(a), where V_i(a) is the variance of
    y_i - a . x_i under the errors of run i: York's fit for one group, orthogonal-distance
    regression for several. Use it where the errors of the inputs are known and are not small
    against their spread: least squares then flattens the exponents, by about the ratio of error
    variance to total variance. With errors in the response alone it is weighted least squares,
    and `PowerLaw` is the better choice.

    Parameters
    ----------
    n_iterations : int, default 200
        Evaluations of the least-squares search, at most.
    intrinsic : bool, default False
        Whether runs scatter beside their stated errors: a variance of the response that all share
        is estimated with the exponents (Tremaine et al.).

    Attributes
    ----------
    exponents_ : ndarray of shape (n_features,)
    intercept_ : float
    covariance_ : ndarray of shape (n_features, n_features)
        Jackknife over runs, or over clusters, to first order.
    joint_covariance_ : ndarray of shape (n_features + 1, n_features + 1)
        Of [intercept, exponents].
    dof_ : float
    chi2_reduced_ : float
        Minimum over its degrees of freedom: near 1 where the stated errors explain the scatter.
    collinear_ : ndarray of shape (n_null, n_features)
    residuals_ : ndarray of shape (n_runs,)
    scatter_ : Scatter or None
        Intrinsic scatter, where it was estimated.
    n_contrasts_, n_pairs_ : int

    Notes
    -----
    Errors of variables make correlated errors of groups, and of the response group where it
    shares variables: pass the whole `error_covariance`, and nothing depends on the basis.
    Without any errors given, unit errors of every group and of the response are assumed, which
    does depend on the basis.

    References
    ----------
    D. York, N. M. Evensen, M. L. Martinez, J. De Basabe Delgado, "Unified equations for the
    slope, intercept, and standard errors of the best straight line", American Journal of
    Physics 72 (2004) 367-375.
    W. A. Fuller, "Measurement Error Models", Wiley 1987, section 3.1.
    S. Tremaine et al., "The slope of the black hole mass versus velocity dispersion correlation",
    Astrophysical Journal 574 (2002) 740-753.

    Examples
    --------
    Pearson's data with York's weights (York et al. 2004, table II): slope -0.4805.

    >>> import numpy as np
    >>> x = np.array([0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4])
    >>> y = np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5])
    >>> wx = np.array([1e3, 1e3, 5e2, 8e2, 2e2, 8e1, 6e1, 2e1, 1.8, 1])
    >>> wy = np.array([1, 1.8, 4, 8, 20, 20, 70, 70, 1e2, 5e2])
    >>> law = OrthogonalPowerLaw().fit(x[:, None], y, X_err=wx[:, None]**-0.5, y_err=wy**-0.5)
    >>> law.exponents_.round(4), round(law.intercept_, 4)
    (array([-0.4805]), 5.4799)
    """

    n_iterations: int = 200
    intrinsic: bool = False

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        X_err: ArrayLike | None = None,
        y_err: ArrayLike | None = None,
        error_covariance: ArrayLike | None = None,
    ) -> Self:
        """Fit by the errors of each run.

        Parameters
        ----------
        X : array-like of shape (n_runs, n_features)
            Log groups.
        y : array-like of shape (n_runs,)
            Log response.
        sample_weight : array-like of shape (n_runs,), optional
            Multiplies the terms of the sum, on top of the errors.
        groups : array-like of shape (n_runs,), optional
            Cluster of each run, for the uncertainty.
        X_err : array-like, broadcast to (n_runs, n_features), optional
            Standard errors of the log groups (relative errors of the groups), independent.
        y_err : array-like, broadcast to (n_runs,), optional
            Standard errors of the log response.
        error_covariance : array-like, broadcast to (n_runs, n_features + 1, n_features + 1)
            Covariance of the errors of [X | y] of each run, in place of `X_err` and `y_err`.

        Raises
        ------
        InputError
            If errors are negative, or do not match the runs.
        FitError
            If the errors leave some run without any variance, or the search fails.
        """
        runs = self._checked_runs(X, y, sample_weight, groups)
        self._covariance = _error_covariance(runs.X.shape, X_err, y_err, error_covariance)
        self._fitted(runs)
        del self._covariance
        return self

    def _fit(self, runs: TrainingRuns) -> None:
        x, t, used = runs.X, runs.y, runs.used
        weight = runs.weights[used]
        centre = np.average(x[used], axis=0, weights=weight)
        mean = float(np.average(t[used], weights=weight))
        xc, tc, root = x[used] - centre, t[used] - mean, np.sqrt(weight)[:, None]
        coordinates, rows = coordinates_of_rows(xc * root, np.linalg.norm(x[used] * root, axis=0))
        whiten = coordinates.whiten * np.sqrt(weight.sum())
        start = np.append(0.0, rows.T @ (tc * root[:, 0]) / np.sqrt(weight.sum()))
        objective = _Objective(xc, tc, weight, self._covariance[used], whiten)
        minimum = objective.minimum(start, self.n_iterations)
        self.scatter_ = None
        if self.intrinsic:
            objective, minimum, self.scatter_ = self._with_scatter(objective, minimum)
        clusters = None if runs.groups is None else runs.clusters[used]
        if clusters is not None:
            check_clusters(clusters)
        residuals = objective.residuals(minimum)
        spread = linearised(-objective.jacobian(minimum), residuals, None, clusters, "jackknife")
        # [intercept, exponents] from [intercept at the centre, whitened exponents]
        to_exponents = Whitening(centre, whiten).translation
        m = len(weight)
        n = m if clusters is None else len(np.unique(clusters))
        estimate = to_exponents @ minimum
        # errors of inputs are in the slopes, whose squares are then more than the curvature
        turned = to_exponents @ objective.newton(minimum)
        self.joint_covariance_ = turned @ spread.covariance @ turned.T
        self.covariance_ = self.joint_covariance_[1:, 1:]
        self.intercept_, self.exponents_ = float(estimate[0] + mean), estimate[1:]
        free = m - 1 - coordinates.rank
        self.dof_ = float(max(min(n - 1, free), 0))
        square = float(np.sum(residuals**2))
        self.chi2_reduced_ = square / free if free > 0 else np.nan
        self.collinear_ = coordinates.null_directions()
        self.identified_ = coordinates.identifies(np.eye(x.shape[1]))
        self.residuals_ = t - x @ self.exponents_ - self.intercept_

    def _with_scatter(
        self, objective: "_Objective", minimum: Array
    ) -> "tuple[_Objective, Array, Scatter]":
        """The objective with the scatter that its residuals show, and its minimum."""
        for _ in range(_ROUNDS):
            before, scatter = objective.shared, objective.scatter(minimum)
            objective = replace(objective, shared=scatter.intrinsic)
            minimum = objective.minimum(minimum, self.n_iterations)
            if abs(scatter.intrinsic - before) <= _SETTLED * scatter.intrinsic:
                break
        return objective, minimum, scatter


@dataclass(frozen=True, eq=False)
class _Objective:
    """Sum of squared residuals over their effective variance, in whitened exponents.

    The variance is that of the stated errors, and one of the response that all runs share.
    """

    x: Array
    y: Array
    weight: Array
    stated: Array
    whiten: Array
    shared: float = 0.0

    def _parts(self, theta: Array) -> tuple[Array, Array, Array, Array]:
        exponents = self.whiten @ theta[1:]
        contrast = np.append(-exponents, 1.0)
        pull = self.stated @ contrast
        variance = np.maximum(pull @ contrast + self.shared**2, np.finfo(float).tiny)
        return (
            np.sqrt(self.weight / variance),
            self.y - self.x @ exponents - theta[0],
            pull,
            variance,
        )

    def scatter(self, theta: Array) -> Scatter:
        """Scatter of the runs about a law beside the stated errors."""
        _, gap, _, variance = replace(self, shared=0.0)._parts(theta)
        return scatter_beside(variance, gap, len(theta))

    def residuals(self, theta: Array) -> Array:
        scale, gap, _, _ = self._parts(theta)
        return np.asarray(scale * gap)

    def jacobian(self, theta: Array) -> Array:
        scale, gap, pull, variance = self._parts(theta)
        slope = pull[:, :-1] * (gap / variance)[:, None] - self.x
        return np.asarray(
            scale[:, None] * np.column_stack([-np.ones(len(gap)), slope @ self.whiten])
        )

    def newton(self, theta: Array) -> Array:
        """Newton's step for each step of Gauss and Newton, near a minimum."""

        def slope(at: Array) -> Array:
            return np.asarray(self.jacobian(at).T @ self.residuals(at))

        curvature = approx_fprime(theta, slope, _STEP * (rms(self.y) or 1.0))
        jacobian = self.jacobian(theta)
        return np.asarray(np.linalg.pinv(curvature) @ jacobian.T @ jacobian)

    def minimum(self, start: Array, n_iterations: int) -> Array:
        variance = self._parts(start)[3]
        require_finite(variance)
        if variance.min() <= 1e-14 * variance.max():
            raise FitError(
                "The stated errors leave some run without any variance: give every run an error "
                "in the response (y_err) above 0."
            )
        if len(self.y) < len(start):
            return start
        result = least_squares(
            self.residuals,
            start,
            self.jacobian,
            method="lm",
            ftol=1e-15,
            xtol=1e-15,
            gtol=1e-15,
            max_nfev=n_iterations,
        )
        if not np.isfinite(result.x).all() or result.status == 0:
            raise FitError(
                f"The orthogonal fit has not converged in {n_iterations} evaluations: the errors "
                "of the inputs may exceed their spread; check their units, or use PowerLaw."
            )
        return np.asarray(result.x)


def _error_covariance(
    shape: tuple[int, ...],
    X_err: ArrayLike | None,
    y_err: ArrayLike | None,
    error_covariance: ArrayLike | None,
) -> Array:
    m, p = shape
    if error_covariance is not None:
        if X_err is not None or y_err is not None:
            raise InputError("Give error_covariance, or X_err and y_err, but not both.")
        return _broadcast("error_covariance", error_covariance, (m, p + 1, p + 1))
    if X_err is None and y_err is None:
        X_err = y_err = 1.0
    of_groups = _broadcast("X_err", 0.0 if X_err is None else X_err, (m, p))
    of_response = _broadcast("y_err", 0.0 if y_err is None else y_err, (m,))
    errors = np.column_stack([of_groups, of_response])
    if not (errors >= 0.0).all():
        row = int(np.flatnonzero(~(errors >= 0.0).all(axis=1))[0])
        raise InputError(f"An error of run {row} is negative or not a number: give 0 or more.")
    return np.asarray(errors[:, :, None] ** 2 * np.eye(p + 1))


def _broadcast(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Array:
    try:
        return np.broadcast_to(np.asarray(values, dtype=np.float64), shape)
    except ValueError as error:
        raise InputError(f"{name} of shape {np.shape(values)} does not fit {shape}.") from error
