"""A smooth curve through runs: a Gaussian process, with its leave-one-out error.

The mean is linear in the coordinates (a power law of the groups, for logarithms). The residuals
have a Matérn covariance with a length for each coordinate. The prediction error is computed by
leaving out each run, or each part of the runs, from one inverse of the covariance.

References
----------
C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press, 2006,
section 5.4.2 (runs left out). S. Sundararajan, S. S. Keerthi, Neural Comput. 13 (2001) 1103-1118.
"""

import warnings
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.special import stdtrit
from threadpoolctl import threadpool_limits

from dimgs.common.arrays import Array

# of the variance of the runs: what keeps equations of a hundred runs solvable
ROUNDING = 1e-10
# standard deviation of the constant and of the slopes of the linear part, in that of the runs:
# wide, so that it costs nothing
_TREND = 10.0
# lengths in units of half a range: a run says nothing beyond a tenth, or all of it
_LENGTHS = (0.1, 100.0)
# where the search for the lengths starts
_STARTS = (0.5, 1.0, 3.0)
# variance of a run alone over that of all, where it is unknown: from rounding to nothing but noise
_NUGGET = (1e-8, 2.0)
# runs from which the covariance is learned: the time grows with their cube, and so many give a
# length to a tenth
_MOST_RUNS = 200


@dataclass(frozen=True, eq=False)
class SmoothCurve:
    """A smooth curve through runs.

    Parameters
    ----------
    z : ndarray of shape (n_runs, n_coordinates)
        Of about unit size.
    y : ndarray of shape (n_runs,)
    noise : float, optional
        Standard deviation of a run; by default it is estimated.
    level : float
        Coverage of the intervals.
    learned : kernel, optional
        The covariance over the variance of the runs, where it is known.
    parts : ndarray of shape (n_runs,), optional
        Runs that are left out together where errors are compared with those expected.

    Examples
    --------
    >>> z = np.linspace(-1.0, 1.0, 30)[:, None]
    >>> curve = SmoothCurve(z, np.sin(3.0 * z[:, 0]))
    >>> float(np.abs(curve.left_out()[0]).max()) < 0.01
    True
    >>> curve.predict(np.array([[0.5]]))[0].round(3).tolist()
    [0.997]
    """

    z: Array
    y: Array
    noise: float | None = None
    level: float = 0.9
    learned: Any = None
    parts: NDArray[Any] | None = None

    @property
    def runs(self) -> int:
        """Number of runs of the fit."""
        return len(self.y)

    @cached_property
    def _scale(self) -> float:
        # squares of very large values leave the range of doubles
        largest = float(np.abs(self.y).max()) or 1.0
        return largest * float(np.std(self.y / largest)) or 1.0

    @property
    def _nugget(self) -> float:
        """Variance of a run alone, where it is known."""
        return float(((self.noise or 0.0) / self._scale) ** 2 + ROUNDING)

    @property
    def _values(self) -> Array:
        return np.asarray((self.y - self.y.mean()) / self._scale)

    @cached_property
    def kernel(self) -> Any:
        """The covariance that is likeliest for the runs, over their variance."""
        if self.learned is not None:
            return self.learned
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor

        whole = self._covariance()
        rows = np.arange(self.runs)
        if self.noise is None and self.runs > _MOST_RUNS:
            rows = np.random.default_rng(self.runs).choice(self.runs, _MOST_RUNS, replace=False)
        likeliest = partial(_likeliest, unknown=self.noise is None)
        process = GaussianProcessRegressor(whole, alpha=self._nugget, optimizer=likeliest)
        with threadpool_limits(1), warnings.catch_warnings():
            # an input on which nothing depends has the largest length
            warnings.simplefilter("ignore", ConvergenceWarning)
            return process.fit(self.z[rows], self._values[rows]).kernel_

    def _covariance(self) -> Any:
        """The covariance before it is learned."""
        from sklearn.gaussian_process import kernels

        trend = kernels.ConstantKernel(_TREND**2, "fixed") * kernels.DotProduct(1.0, "fixed")
        rough = kernels.Matern(np.ones(self.z.shape[1]), _LENGTHS, nu=2.5)
        whole = trend + kernels.ConstantKernel(1.0, (1e-8, 1e4)) * rough
        return whole if self.noise is not None else whole + kernels.WhiteKernel(0.1, _NUGGET)

    @property
    def theta(self) -> Array:
        """Logarithms of the numbers of the covariance that were learned."""
        return np.asarray(self.kernel.theta)

    def with_theta(self, theta: Array) -> "SmoothCurve":
        """The curve with a covariance of these numbers."""
        return replace(self, learned=self._covariance().clone_with_theta(theta))

    def _factor_of(self, z: Array) -> Array:
        """Cholesky factor of the covariance of runs.

        Solved with it, a variance is as exact as rounding of the covariance lets it be; with an
        inverse, it would drown in the variance of the trend where runs lie close to the curve.
        """
        one = np.eye(len(z))
        whole = self.kernel(z) + self._nugget * one
        # several threads round otherwise, and the same seed would give other numbers
        with threadpool_limits(1):
            try:
                return np.asarray(linalg.cholesky(whole, lower=True))
            except linalg.LinAlgError:
                rounding = np.finfo(float).eps * np.trace(whole)
                return np.asarray(linalg.cholesky(whole + rounding * one, lower=True))

    @cached_property
    def _factor(self) -> Array:
        return self._factor_of(self.z)

    @cached_property
    def _inverse(self) -> Array:
        with threadpool_limits(1):
            return np.asarray(linalg.cho_solve((self._factor, True), np.eye(self.runs)))

    @cached_property
    def _weights(self) -> Array:
        """The inverse of the covariance times the values."""
        return np.asarray(linalg.cho_solve((self._factor, True), self._values))

    def on(self, rows: NDArray[Any]) -> "SmoothCurve":
        """The curve through some of the runs, with the covariance of all."""
        parts = None if self.parts is None else self.parts[rows]
        return replace(self, z=self.z[rows], y=self.y[rows], learned=self.kernel, parts=parts)

    def left_out(self, parts: NDArray[Any] | None = None) -> tuple[Array, Array]:
        """Errors of runs left out, and the standard deviations expected.

        Parameters
        ----------
        parts : ndarray of shape (n_runs,), optional
            Which runs are left out together; by default each run is left out alone.
        """
        errors, expected = np.empty(self.runs), np.empty(self.runs)
        labels = np.arange(self.runs) if parts is None else parts
        for label in np.unique(labels):
            rows = labels == label
            covariance = linalg.inv(self._inverse[np.ix_(rows, rows)])
            errors[rows] = covariance @ self._weights[rows]
            expected[rows] = np.sqrt(np.diag(covariance))
        return errors * self._scale, expected * self._scale

    @cached_property
    def _inflation(self) -> float:
        """By how much the errors of runs left out exceed those expected."""
        errors, expected = self.left_out(self.parts)
        return float(max(1.0, np.sqrt(np.mean((errors / expected) ** 2))))

    @cached_property
    def error(self) -> float:
        """The size of error that at least `level` of the runs left out keep."""
        errors = np.sort(np.abs(self.left_out()[0]))
        return float(errors[min(int(np.ceil(self.level * (self.runs + 1))), self.runs) - 1])

    def mean(self, z: Array) -> Array:
        """The curve at coordinates, shape (n,)."""
        return np.asarray(self._shared(z, self.z) @ self._weights * self._scale + self.y.mean())

    def predict(self, z: Array, level: float | None = None) -> tuple[Array, Array]:
        """The curve at coordinates, and half-widths of its intervals.

        Parameters
        ----------
        z : ndarray of shape (n, n_coordinates)
        level : float, optional
            Coverage of the intervals, by default that of the curve.

        Returns
        -------
        mean, half_width : ndarray of shape (n,)
        """
        deviation = np.sqrt(self.variance(z, self.z, self._factor)) * self._scale
        units = self.runs if self.parts is None else len(np.unique(self.parts))
        coverage = self.level if level is None else level
        quantile = float(stdtrit(max(units - self.z.shape[1] - 1, 1), (1 + coverage) / 2))
        return self.mean(z), np.asarray(quantile * self._inflation * deviation)

    def _shared(self, one: Array, other: Array) -> Array:
        """Covariance of two sets of points, without what runs have alone."""
        return np.asarray(self.kernel(one, other))

    def variance(self, z: Array, runs: Array, factor: Array) -> Array:
        """Variance at coordinates, over that of the runs, given the places of other runs."""
        across = linalg.solve_triangular(factor, self._shared(runs, z), lower=True)
        explained = np.sum(across**2, axis=0)
        return np.asarray(np.maximum(self.kernel.diag(z) - explained, ROUNDING))

    def widest(self, pool: Array, n: int) -> Array:
        """Points of a pool that are known least, each given those before.

        Parameters
        ----------
        pool : ndarray of shape (n_points, n_coordinates)
        n : int

        Returns
        -------
        ndarray of shape (min(n, n_points), n_coordinates)
        """
        errors, expected = self.left_out()
        # where runs left out are missed by more than was expected, less is known than the
        # covariance says, which is the same everywhere
        runs, ratio = self.z, np.abs(errors) / expected
        chosen: list[Array] = []
        for _ in range(min(n, len(pool))):
            near = np.argmin(np.linalg.norm(pool[:, None] - runs[None], axis=2), axis=1)
            variance = self.variance(pool, runs, self._factor_of(runs))
            at = int(np.argmax(np.sqrt(variance) * ratio[near]))
            chosen.append(pool[at])
            runs, ratio = np.vstack([runs, pool[at]]), np.append(ratio, ratio[near[at]])
        return np.array(chosen).reshape(len(chosen), pool.shape[1])


def _likeliest(
    objective: Any, start: Array, bounds: Array, unknown: bool = False
) -> tuple[Array, float]:
    """Minimum of an objective: bounded descent, from three lengths.

    An unknown variance of a run alone has a uniform prior. Without it a curve goes through few
    noisy runs: with seven, 75 % of the intervals of 90 % held a new run, and with it 94 %.
    """
    from scipy.optimize import minimize

    def posterior(theta: Array) -> tuple[float, Array]:
        value, slopes = objective(theta)
        return value - theta[-1], slopes - np.eye(len(theta))[-1]

    minima, ends = [], [(float(low), float(high)) for low, high in bounds]
    # the amplitude comes first, and what a run has alone, where it is unknown, last
    lengths = np.array([low for low, _ in ends]) == np.log(_LENGTHS[0])
    least = posterior if unknown else objective
    for length in _STARTS:
        first = np.where(lengths, np.log(length), start)
        minima.append(minimize(least, first, jac=True, bounds=ends, method="L-BFGS-B"))
    best = min(minima, key=lambda f: float(f.fun))
    return np.asarray(best.x), float(best.fun)
