"""How fast a target varies with each input: lengths learned from runs, shrunk to a common one.

References
----------
Rasmussen, Williams, Gaussian Processes for Machine Learning, MIT Press, 2006, sections 5.4 and 3.4.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import linalg, optimize, special

from dimgs.arrays import Array
from dimgs.similitude.kriging import (
    ROUNDING,
    Nearby,
    Solved,
    Spread,
    join,
    matern,
    squared_distances,
)

# mean and standard deviation of a normal prior of a logarithm. Length: residuals of a power law
# change over a decade or two. Amplitude: a power law misses by a third or less. Noise: from the
# rounding of a solver to the scatter of a simulation with random numbers.
_LENGTH, _COMMON, _OWN = np.log(3.0), 1.0, 0.7
_AMPLITUDE = (np.log(0.3), 1.5)
_NOISE = (np.log(1e-4), 4.0)
# ratios between kernels and tiers vary by a few per cent of themselves
_MISFIT = (np.log(0.02), 1.5)
# natural logarithms within which each is looked for; noise of 6e-6 is no worse than none
_LENGTHS = (float(np.log(0.05)), float(np.log(1e3)))
_SIZES = ((-14.0, 1.5), (-12.0, 1.0), (-12.0, 1.0))
# logarithms of the noise that the search starts from: a solver's, and that of random numbers
_STARTS = (float(np.log(1e-4)), float(np.log(0.05)))
# larger than any badness
_IMPOSSIBLE = 1e10
_PRIORS = (_AMPLITUDE, _NOISE, _MISFIT)
# by how much all lengths may change near a point: twentyfold
_STRETCH = (-3.0, 3.0)
# of runs that are held out: folds, runs from which on none are, coverage at which intervals are
# compared, and runs that say beforehand that intervals are right
_FOLDS, _FEW, _SHARE, _PRIOR_RUNS = 4, 60, 0.9, 10
# of logarithms: steps of differences of a gradient, which is exact to 1e-8
_STEP = 1e-3
# curvature: no standard deviation of a logarithm is taken to be above 2
_LEAST = 0.25
# steps of the search; what it finds later changes intervals by less than a hundredth
_STEPS = 60


def learn(near: Nearby) -> Spread:
    """Spread that makes the runs most probable, given what is usual."""
    p = near.changes.shape[1]
    bounds = [_LENGTHS] * p + list(_SIZES)
    found = []
    for noise in _STARTS:
        begin = np.array([_LENGTH] * p + [_AMPLITUDE[0], noise, _MISFIT[0]])
        best = _minimised(lambda theta: _badness(near, theta), begin, bounds)
        found.append((_badness(near, best)[0], best))
    _, best = min(found, key=lambda pair: pair[0])
    return Spread.of(best, _doubt(near, best))


def learn_from_few(near: Nearby) -> Spread:
    """The same, with intervals that hold runs which were held out as often as they say.

    Few runs let a target seem smoother than it is; from some sixty on that is no matter.
    """
    known = learn(near)
    n = len(near)
    if not _FOLDS * 2 <= n < _FEW:
        return known
    away = np.zeros(n)
    for fold in range(_FOLDS):
        held = np.arange(fold, n, _FOLDS)
        kept = np.setdiff1d(np.arange(n), held)
        others = near.part(kept)
        spread = learn(others)
        for i in held:
            there = join(replace(others, changes=others.changes - near.changes[i]), spread)
            away[i] = (there.value - near.values[i]) / np.sqrt(there.variance)
    seen = float(np.sort(np.abs(away))[min(int(np.ceil(_SHARE * (n + 1))), n) - 1])
    ratio = seen / float(special.ndtri((1.0 + _SHARE) / 2.0))
    return replace(
        known, stretch=max(1.0, np.sqrt((n * ratio**2 + _PRIOR_RUNS) / (n + _PRIOR_RUNS)))
    )


def _doubt(near: Nearby, theta: Array) -> Array:
    """Steps of one standard deviation along the axes of Laplace's approximation."""
    steps = np.eye(len(theta)) * _STEP
    curved = [_badness(near, theta + s)[1] - _badness(near, theta - s)[1] for s in steps]
    curvature = np.array(curved) / (2.0 * _STEP)
    sizes, axes = np.linalg.eigh((curvature + curvature.T) / 2.0)
    return np.asarray((axes / np.sqrt(np.maximum(sizes, _LEAST))).T)


def refit(near: Nearby, shape: Spread) -> Spread:
    """The same near a point, where the ratios of the lengths stay as they are."""
    p = near.changes.shape[1]
    begin = shape.theta
    # one step for all lengths
    shift = linalg.block_diag(np.ones((1, p)), np.eye(3))
    ends = [(low - t, high - t) for (low, high), t in zip(_SIZES, begin[p:], strict=True)]

    def moved(step: Array) -> tuple[float, Array]:
        value, slope = _badness(near, begin + step @ shift)
        return value, shift @ slope

    best = begin + _minimised(moved, np.zeros(4), [_STRETCH, *ends]) @ shift
    return replace(Spread.of(best, shape.doubt), stretch=shape.stretch)


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


def _badness(near: Nearby, theta: Array) -> tuple[float, Array]:
    """Negative logarithm of the posterior density, and its gradient."""
    p = len(theta) - len(_PRIORS)
    spread = Spread.of(theta)
    T = near.scalings.coordinates(spread.lengths)
    z = near.changes @ T.T
    alike, slope = matern(squared_distances(z))
    foreign = near.origins > 0
    try:
        solved = Solved.of(near, spread, alike)
    except linalg.LinAlgError:
        return _IMPOSSIBLE, np.zeros_like(theta)
    P = solved.left
    a = P @ near.values
    value = solved.half_log_determinants + 0.5 * near.values @ a
    G = P - np.outer(a, a)
    gradient = np.zeros_like(theta)
    pull = G * slope * spread.amplitude**2
    q = z @ T
    gradient[:p] = (
        -2.0
        * spread.lengths**2
        * (pull.sum(axis=1) @ q**2 - np.einsum("ai,ab,bi->i", q, pull, q, optimize=True))
    )
    shared = (G * alike).sum() + ROUNDING * np.trace(G)
    gradient[p] = shared * spread.amplitude**2
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
