"""What predicts runs where no law does: a Gaussian process over the coordinates of the groups.

Its mean is a power law of the groups, and the residuals of two runs are the more alike the nearer
the runs are (a Matérn covariance with a length for each coordinate). How well it predicts is
measured by leaving out each run in turn, which takes one inverse of the covariance.

References
----------
C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press, 2006,
section 5.4.2 (runs left out).
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import linalg
from scipy.special import stdtrit

from dimgs.campaign.space import PiSpace
from dimgs.common.arrays import Array

# runs beyond the directions of the groups, below which the lengths of a covariance are not known
FEWEST = 4
# relative error of a prediction that is useful where a plan names none: half of the tolerance that
# a question has by default
USEFUL = 0.05
# of the variance of the runs: what keeps equations of a hundred runs solvable
_ROUNDING = 1e-10
# standard deviation of the constant and of the slopes of the power law, in that of the runs: wide,
# so that the power law costs nothing
_TREND = 10.0
# lengths in units of half a range: a run says nothing beyond a tenth, or all of it
_LENGTHS = (0.1, 100.0)


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A prediction without a law, made of the finest runs of a campaign.

    Attributes
    ----------
    space : PiSpace
    z : ndarray of shape (n_runs, rank)
    y : ndarray of shape (n_runs,)
        Logarithms of the response group.
    noise : float
        Standard deviation of a run, as a logarithm.
    level : float
        Coverage of the intervals.
    wanted : float
        Relative error up to which it answers a question for a prediction.
    """

    space: PiSpace
    z: Array
    y: Array
    noise: float
    level: float
    wanted: float = USEFUL

    @property
    def is_close(self) -> bool:
        """Whether it predicts runs left out within the error that is wanted."""
        return self.error <= self.wanted

    @property
    def runs(self) -> int:
        """How many runs it rests on."""
        return len(self.y)

    @cached_property
    def _scale(self) -> float:
        return float(np.std(self.y)) or 1.0

    @cached_property
    def _kernel(self) -> Any:
        """The covariance that is likeliest for the runs, over their variance."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern

        rank = self.z.shape[1]
        trend = ConstantKernel(_TREND**2, "fixed") * DotProduct(1.0, "fixed")
        rest = ConstantKernel(1.0, (1e-8, 1e4)) * Matern(np.ones(rank), _LENGTHS, nu=2.5)
        found = GaussianProcessRegressor(trend + rest, alpha=self._own, optimizer=_likeliest)
        with warnings.catch_warnings():
            # an input on which nothing depends has the largest length
            warnings.simplefilter("ignore", ConvergenceWarning)
            return found.fit(self.z, self._values).kernel_

    @property
    def _own(self) -> float:
        """Variance of a run alone."""
        return float((self.noise / self._scale) ** 2 + _ROUNDING)

    @property
    def _values(self) -> Array:
        return np.asarray((self.y - self.y.mean()) / self._scale)

    @cached_property
    def _inverse(self) -> Array:
        whole = self._kernel(self.z) + self._own * np.eye(self.runs)
        return np.asarray(linalg.inv(whole))

    @cached_property
    def left_out(self) -> tuple[Array, Array]:
        """Errors of the runs left out, and the standard deviations expected, as logarithms."""
        variance = 1.0 / np.diag(self._inverse)
        errors = (self._inverse @ self._values) * variance
        return errors * self._scale, np.sqrt(variance) * self._scale

    @cached_property
    def error(self) -> float:
        """Relative error that at least `level` of the runs left out keep."""
        errors = np.sort(np.abs(self.left_out[0]))
        at = min(int(np.ceil(self.level * (self.runs + 1))), self.runs) - 1
        return float(np.expm1(errors[at]))

    @cached_property
    def _stretch(self) -> float:
        """By how much the errors of runs left out exceed those expected."""
        errors, expected = self.left_out
        return float(max(1.0, np.sqrt(np.mean((errors / expected) ** 2))))

    def predict(self, z: Array) -> tuple[Array, Array]:
        """Logarithms of the response group at coordinates (n, rank), and half-widths of intervals.

        Parameters
        ----------
        z : ndarray of shape (n, rank)

        Returns
        -------
        mean, half_width : ndarray of shape (n,)
        """
        across = self._kernel(z, self.z)
        mean = across @ (self._inverse @ self._values) * self._scale + self.y.mean()
        deviation = np.sqrt(self._variance(z, self.z, self._inverse)) * self._scale
        quantile = float(stdtrit(max(self.runs - self.z.shape[1] - 1, 1), (1 + self.level) / 2))
        return np.asarray(mean), np.asarray(quantile * self._stretch * deviation)

    def _variance(self, z: Array, runs: Array, inverse: Array) -> Array:
        across = self._kernel(z, runs)
        told = np.einsum("ij,jk,ik->i", across, inverse, across)
        return np.asarray(np.maximum(self._kernel.diag(z) - told, _ROUNDING))

    def next(self, pool: Array, n: int) -> Array:
        """Points of a pool that are known least, each given those before, shape (n, rank)."""
        runs, chosen = self.z, []
        for _ in range(min(n, len(pool))):
            whole = self._kernel(runs) + self._own * np.eye(len(runs))
            found = pool[int(np.argmax(self._variance(pool, runs, linalg.inv(whole))))]
            chosen.append(found)
            runs = np.vstack([runs, found])
        return np.array(chosen).reshape(len(chosen), pool.shape[1])

    def at(self, values: Mapping[str, float]) -> tuple[float, float, float] | None:
        """The target in its SI unit with its interval at SI values of the inputs.

        Parameters
        ----------
        values : mapping of str to float
            Of every input that takes part.

        Returns
        -------
        value, low, high : float
            None where the ranges of the campaign never reach these groups.
        """
        place = self.space.place(values)
        if place is None:
            return None
        mean, half = self.predict(place[None])
        log = float(mean[0]) - self.space.response_shift(values)
        low, value, high = np.exp(log + np.array([-1.0, 0.0, 1.0]) * half[0]).tolist()
        return value, low, high

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"runs": self.runs, "error": self.error, "level": self.level}


def _likeliest(objective: Any, start: Array, bounds: Array) -> tuple[Array, float]:
    """Where an objective is least: a bounded descent, from three lengths."""
    from scipy.optimize import minimize

    found, ends = [], [(float(low), float(high)) for low, high in bounds]
    for length in (0.5, 1.0, 3.0):
        first = np.concatenate([start[:1], np.full(len(start) - 1, np.log(length))])
        found.append(minimize(objective, first, jac=True, bounds=ends, method="L-BFGS-B"))
    best = min(found, key=lambda f: float(f.fun))
    return np.asarray(best.x), float(best.fun)
