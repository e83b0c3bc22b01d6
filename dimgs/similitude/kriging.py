"""Generalised least squares of runs near a point: a power law, and residuals alike if groups are.

The logarithm of the target (or the target itself) is a power law of the groups, whose exponents
are not known, plus a residual that is the more alike the nearer two runs are. How fast it varies
with each input is learned from the runs, shrunk towards one common length.

References
----------
Rasmussen, Williams, Gaussian Processes for Machine Learning, MIT Press, 2006, sections 2.7, 4.2
and 5.4.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from dimgs.arrays import Array, IntArray
from dimgs.errors import FitError
from dimgs.groups.scalings import Scalings

# standard deviation of an exponent before anything is known: of the laws in the case studies, nine
# in ten have exponents between -3 and 3
_EXPONENT = 2.0
# logarithm of the ratio of two kernels that compute the same: a factor of e is common, of e² rare
_RATIO = 1.0
# mean and standard deviation of a normal prior of a logarithm. Length: residuals of a power law
# change over a decade or two. Amplitude: a power law misses by a third or less. Noise: from the
# rounding of a solver to the scatter of a simulation with random numbers.
_LENGTH, _COMMON, _OWN = np.log(3.0), 1.0, 0.7
_AMPLITUDE = (np.log(0.3), 1.5)
_NOISE = (np.log(1e-4), 4.0)
# ratios between kernels and tiers vary by a few per cent of themselves
_MISFIT = (np.log(0.02), 1.5)
# natural logarithms within which each is looked for; noise below 1e-7 is no worse than none
_LENGTHS = (float(np.log(0.05)), float(np.log(1e3)))
_SIZES = ((-14.0, 4.0), (-16.0, 1.0), (-16.0, 1.0))
_PRIORS = (_AMPLITUDE, _NOISE, _MISFIT)
# by how much all lengths may change near a point: twentyfold
_STRETCH = (-3.0, 3.0)
# an input that no group holds has no part in coordinates, but for rounding
_IN_GROUPS = 1e-9
# steps of the search; what it finds later changes intervals by less than a hundredth
_STEPS = 60


@dataclass(frozen=True)
class Nearby:
    """Runs near a point.

    Attributes
    ----------
    scalings : Scalings
    changes : ndarray of shape (n, n_inputs)
        Of the inputs from those of the point, in logarithms.
    values : ndarray of shape (n,)
        Logarithms of the target (or the target), scaled to the point by the units' monomial.
    variances : ndarray of shape (n,)
        Of their numerical errors, on the same scale.
    origins : ndarray of int of shape (n,)
        0 for the origin that is asked for; each other one has a ratio of its own to it.
    """

    scalings: Scalings
    changes: Array
    values: Array
    variances: Array
    origins: IntArray

    def __len__(self) -> int:
        return len(self.values)

    def part(self, rows: IntArray) -> "Nearby":
        """Some of the runs."""
        return Nearby(
            self.scalings,
            self.changes[rows],
            self.values[rows],
            self.variances[rows],
            self.origins[rows],
        )


@dataclass(frozen=True)
class Spread:
    """How a target varies about a power law of the groups.

    Attributes
    ----------
    lengths : ndarray of shape (n_inputs,)
        Change of each input's natural logarithm over which residuals become another.
    amplitude, noise, misfit : float
        Standard deviations of the residual, of what no input explains, and of the ratio between
        origins about its mean.
    """

    lengths: Array
    amplitude: float
    noise: float
    misfit: float

    @property
    def theta(self) -> Array:
        """As the search has it."""
        return np.log([*self.lengths, self.amplitude, self.noise, self.misfit])

    @classmethod
    def of(cls, theta: Array) -> "Spread":
        """Inverse of `theta`."""
        values = np.exp(theta)
        return cls(values[:-3], *map(float, values[-3:]))


def learn(near: Nearby, start: Spread | None = None, fixed_shape: bool = False) -> Spread:
    """Spread that makes the runs most probable, given what is usual.

    Parameters
    ----------
    near : Nearby
    start : Spread, optional
    fixed_shape : bool
        Whether the ratios of the lengths stay those of `start`.

    Returns
    -------
    Spread
    """
    p = near.changes.shape[1]
    begin = np.array([_LENGTH] * p + [mean for mean, _ in _PRIORS])
    bounds = [_LENGTHS] * p + list(_SIZES)
    if start is None or not fixed_shape:
        first = begin if start is None else start.theta
        return Spread.of(_minimised(lambda theta: _badness(near, theta), first, bounds))
    begin = start.theta
    # one step for all lengths
    shift = linalg.block_diag(np.ones((1, p)), np.eye(3))
    wide = [
        _STRETCH,
        *((low - t, high - t) for (low, high), t in zip(_SIZES, begin[p:], strict=True)),
    ]

    def moved(step: Array) -> tuple[float, Array]:
        value, slope = _badness(near, begin + step @ shift)
        return value, shift @ slope

    return Spread.of(begin + _minimised(moved, np.zeros(4), wide) @ shift)


def badness(near: Nearby, spread: Spread) -> float:
    """Negative logarithm of the posterior density of a spread, by which models are compared."""
    return _badness(near, spread.theta)[0]


def _minimised(
    function: Callable[[Array], tuple[float, Array]],
    begin: Array,
    bounds: list[tuple[float, float]],
) -> Array:
    found = optimize.minimize(
        function, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS}
    )
    return np.asarray(found.x)


def _matern(squares: Array) -> tuple[Array, Array]:
    """Matérn's correlation of order 5/2, and its derivative by the squared distance."""
    r = np.sqrt(5.0 * squares)
    decay = np.exp(-r)
    return (1.0 + r + r**2 / 3.0) * decay, -5.0 / 6.0 * (1.0 + r) * decay


def _squares(z: Array) -> Array:
    sizes = (z**2).sum(axis=1)
    return np.asarray(np.maximum(sizes[:, None] + sizes - 2.0 * z @ z.T, 0.0))


def _fixed(near: Nearby) -> Array:
    """Covariance of what is not known at all: exponents, and ratios between origins."""
    flat = near.changes @ near.scalings.coordinates().T
    other = near.origins[:, None] == np.arange(1, near.origins.max(initial=0) + 1)
    shared = other.astype(np.float64)
    return np.asarray(_EXPONENT**2 * flat @ flat.T + _RATIO**2 * shared @ shared.T)


def _own(near: Nearby, spread: Spread) -> Array:
    """Variance that a run shares with no other."""
    foreign = near.origins > 0
    return near.variances + spread.noise**2 + np.where(foreign, spread.misfit**2, 0.0)


def _badness(near: Nearby, theta: Array) -> tuple[float, Array]:
    """Negative logarithm of the posterior density, and its gradient."""
    p = len(theta) - len(_PRIORS)
    spread = Spread.of(theta)
    T = near.scalings.coordinates(spread.lengths)
    z = near.changes @ T.T
    alike, slope = _matern(_squares(z))
    foreign = near.origins > 0
    K = _fixed(near) + spread.amplitude**2 * alike
    K[np.diag_indices_from(K)] += _own(near, spread)
    try:
        factor = linalg.cho_factor(K, lower=True)
    except linalg.LinAlgError:
        return 1e10, np.zeros_like(theta)
    inverse = linalg.cho_solve(factor, np.eye(len(K)))
    ones = inverse.sum(axis=1)
    P = inverse - np.outer(ones, ones) / ones.sum()
    a = P @ near.values
    value = np.log(factor[0].diagonal()).sum() + 0.5 * np.log(ones.sum()) + 0.5 * near.values @ a
    G = P - np.outer(a, a)
    gradient = np.zeros_like(theta)
    pull = G * slope * spread.amplitude**2
    q = z @ T
    gradient[:p] = (
        -2.0
        * spread.lengths**2
        * (pull.sum(axis=1) @ q**2 - np.einsum("ai,ab,bi->i", q, pull, q, optimize=True))
    )
    gradient[p] = (G * alike).sum() * spread.amplitude**2
    gradient[p + 1] = np.trace(G) * spread.noise**2
    gradient[p + 2] = G.diagonal()[foreign].sum() * spread.misfit**2
    prior, by_theta = _prior(theta)
    return float(value + prior), gradient + by_theta


def _prior(theta: Array) -> tuple[float, Array]:
    """Negative logarithm of the prior density, and its gradient."""
    lengths, sizes = theta[: -len(_PRIORS)], theta[-len(_PRIORS) :]
    common = lengths.mean() if len(lengths) else _LENGTH
    own = lengths - common
    means, widths = np.array(_PRIORS).T
    away = (sizes - means) / widths
    value = 0.5 * (((common - _LENGTH) / _COMMON) ** 2 + (own**2).sum() / _OWN**2 + away @ away)
    by_lengths = (common - _LENGTH) / _COMMON**2 / max(len(lengths), 1) + own / _OWN**2
    return float(value), np.concatenate([by_lengths, away / widths])


@dataclass(frozen=True)
class Joined:
    """Runs joined to one value at the point.

    Attributes
    ----------
    value, variance : float
        Variance of a new run there, numerical error included.
    weights : ndarray of shape (n,)
        With which runs enter; those of one origin that is asked for add up to 1.
    distances : ndarray of shape (n,)
        From the point, in decades, each input counted by how fast the target varies with it.
    left_out : ndarray of shape (n,)
        Residual of each run from what the others say of it, over its standard deviation.
    """

    value: float
    variance: float
    weights: Array
    distances: Array
    left_out: Array


def join(near: Nearby, spread: Spread) -> Joined:
    """Value at the point by generalised least squares.

    Raises
    ------
    FitError
        If the runs cannot be told apart.
    """
    T = near.scalings.coordinates(spread.lengths)
    z = near.changes @ T.T
    alike, _ = _matern(_squares(z))
    K = _fixed(near) + spread.amplitude**2 * alike + np.diag(_own(near, spread))
    try:
        factor = linalg.cho_factor(K, lower=True)
    except linalg.LinAlgError as error:
        raise FitError("The runs near the point are too much alike to be joined.") from error
    # the point itself lies at the origin of the changes: exponents make no difference there
    to_point = spread.amplitude**2 * _matern((z**2).sum(axis=1))[0]
    inverse = linalg.cho_solve(factor, np.eye(len(K)))
    ones = inverse.sum(axis=1)
    simple = inverse @ to_point
    weights = simple + ones * (1.0 - simple.sum()) / ones.sum()
    asked = near.variances[near.origins == 0]
    new_run = spread.noise**2 + (float(np.median(asked)) if len(asked) else 0.0)
    variance = spread.amplitude**2 - to_point @ simple + (1.0 - simple.sum()) ** 2 / ones.sum()
    P = inverse - np.outer(ones, ones) / ones.sum()
    left_out = (P @ near.values) / np.sqrt(np.maximum(P.diagonal(), 1e-300))
    # the input that matters most counts as it is
    grouped = np.abs(near.scalings.coordinates()).max(axis=0, initial=0.0) > _IN_GROUPS
    shortest = spread.lengths[grouped].min(initial=np.inf)
    scale = shortest if np.isfinite(shortest) else 1.0
    distances = np.linalg.norm(z, axis=1) * scale / np.log(10.0)
    return Joined(
        float(weights @ near.values),
        float(max(variance, 0.0) + new_run),
        weights,
        distances,
        left_out,
    )
