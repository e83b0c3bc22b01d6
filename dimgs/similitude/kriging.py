"""Generalised least squares of runs near a point, and of runs of several origins as one table."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from scipy import linalg, optimize, special
from scipy.linalg import LinAlgError

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import FitError, attempt
from dimgs.common.formats import attributes
from dimgs.groups.scalings import Scalings
from dimgs.hub.acts import origin_of
from dimgs.hub.cards import is_complete
from dimgs.hub.entry import numeric_inputs, output_of, si_of
from dimgs.hub.hub import Hub
from dimgs.similitude.origin import describe
from dimgs.variables import parse_unit

# ---- Generalised least squares of runs near a point: a power law with correlated residuals.
#
# The model is y = X b + r. Here y is the logarithm of the target (or the target itself), X b a
# power law of the groups with unknown exponents b, and r a Gaussian process with a Matérn
# covariance of the distance between runs.
#
# References:
# Rasmussen, Williams, Gaussian Processes for Machine Learning, MIT Press, 2006, sections 2.7, 4.2
# and 5.4.


# standard deviation of an exponent before anything is known: of the laws in the case studies, nine
# in ten have exponents between -3 and 3
_EXPONENT = 2.0
# logarithm of the ratio of two kernels that compute the same: a factor of e is common, of e² rare
_RATIO = 1.0
# of the mean, where equations need one
_MEAN = 10.0
# of the variance of a residual: what keeps equations of a hundred runs solvable
ROUNDING = 1e-10
# natural logarithms: solvers repeat themselves in another size to about this
_IMAGE = 1e-6
# an input that no group holds has no part in coordinates, but for rounding
_IN_GROUPS = 1e-9


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
        0 for the origin that is asked for; each other one has a ratio of its own to it. Below 0
        for points of known limits, of which each limit has a level of its own.
    """

    scalings: Scalings
    changes: Array
    values: Array
    variances: Array
    origins: IntArray

    def __len__(self) -> int:
        return len(self.values)

    def distinct(self) -> IntArray:
        """Rows without images: of runs with equal groups and values, the first."""
        z = self.changes @ self.scalings.coordinates().T
        kept: list[int] = []
        for i in range(len(z)):
            same = np.abs(z[kept] - z[i]).max(axis=1, initial=0.0) < _IMAGE
            same &= np.abs(self.values[kept] - self.values[i]) < _IMAGE
            if not np.any(same & (self.origins[kept] == self.origins[i])):
                kept.append(i)
        return np.array(kept, dtype=np.intp)

    def part(self, rows: IntArray) -> "Nearby":
        """Some of the runs."""
        columns = attributes(self, "changes values variances origins")
        return replace(self, **{name: column[rows] for name, column in columns.items()})


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of the residuals about a power law of the groups.

    Attributes
    ----------
    lengths : ndarray of shape (n_inputs,)
        Correlation length of the residuals along the natural logarithm of each input.
    amplitude, noise, misfit : float
        Standard deviations of the correlated residual, of the noise, and of the ratio between
        origins about its mean.
    doubt : ndarray of shape (n, n_inputs + 3)
        Independent steps of one standard deviation of all their logarithms.
    inflation : float
        Factor that widens intervals so that they cover the runs held out; at least 1.
    """

    lengths: Array
    amplitude: float
    noise: float
    misfit: float
    doubt: Array = field(default_factory=lambda: np.zeros((0, 0)))
    inflation: float = 1.0

    @property
    def theta(self) -> Array:
        """Hyperparameters as the vector of the optimiser."""
        return np.log([*self.lengths, self.amplitude, self.noise, self.misfit])

    @classmethod
    def of(cls, theta: Array) -> "Hyperparameters":
        """Inverse of `theta`."""
        *lengths, amplitude, noise, misfit = np.exp(theta)
        return cls(np.array(lengths), float(amplitude), float(noise), float(misfit))


def matern(squares: Array) -> tuple[Array, Array]:
    """Matérn's correlation of order 5/2, and its derivative by the squared distance."""
    r = np.sqrt(5.0 * squares)
    decay = np.exp(-r)
    return (1.0 + r + r**2 / 3.0) * decay, -5.0 / 6.0 * (1.0 + r) * decay


def squared_distances(z: Array) -> Array:
    """Between all pairs of rows."""
    sizes = (z**2).sum(axis=1)
    return np.asarray(np.maximum(sizes[:, None] + sizes - 2.0 * z @ z.T, 0.0))


def _linear(near: Nearby) -> tuple[Array, Array]:
    """Columns of the linear model, and their prior precisions.

    A mean, of which nothing is known; exponents of the groups; ratios of other origins, and levels
    of limits.
    """
    flat = near.changes @ near.scalings.coordinates().T
    foreign = range(1, near.origins.max(initial=0) + 1)
    limits = range(-1, near.origins.min(initial=0) - 1, -1)
    other = near.origins[:, None] == np.array([*foreign, *limits], dtype=np.intp)
    precisions = [0.0, *[_EXPONENT**-2] * flat.shape[1], *[_RATIO**-2] * len(foreign)]
    precisions += [_MEAN**-2] * len(limits)
    return np.column_stack([np.ones(len(flat)), flat, other]), np.array(precisions)


def covariance(scalings: Scalings, changes: Array, hyper: Hyperparameters) -> Array:
    """Covariance of what runs at some places would give, before any is made.

    Parameters
    ----------
    scalings : Scalings
    changes : ndarray of shape (n, n_inputs)
    hyper : Hyperparameters
    """
    flat = changes @ scalings.coordinates().T
    z = changes @ scalings.coordinates(hyper.lengths).T
    alike, _ = matern(squared_distances(z))
    # the mean is not known: ten e-folds either way say so, and leave the rest its digits
    shared = _MEAN**2 + _EXPONENT**2 * flat @ flat.T
    return np.asarray(shared + hyper.amplitude**2 * alike)


def posterior_covariance(near: Nearby, hyper: Hyperparameters, places: Array) -> Array:
    """Covariance of what runs at some places would give, once the runs that are there are known.

    Parameters
    ----------
    near : Nearby
        The runs.
    hyper : Hyperparameters
    places : ndarray of shape (n, n_inputs)
        As `changes` of the runs.
    """
    K = covariance(near.scalings, np.vstack([near.changes, places]), hyper)
    m = len(near)
    of_runs = K[:m, :m] + np.diag(near.variances + hyper.noise**2)
    return np.asarray(K[m:, m:] - K[m:, :m] @ np.linalg.solve(of_runs, K[:m, m:]))


@dataclass(frozen=True)
class Solved:
    """Equations of generalised least squares, solved.

    In units in which the errors are independent and of size 1: what is solved there keeps half of
    the digits that the inverse of the covariance loses.
    """

    lower: Array
    white: Array
    small: Array
    half_log_determinants: float

    @classmethod
    def of(cls, near: Nearby, hyper: Hyperparameters, alike: Array) -> "Solved":
        """Solution for runs with the given correlations; LinAlgError if they are singular."""
        K = hyper.amplitude**2 * alike
        K[np.diag_indices_from(K)] += nugget(near, hyper) + ROUNDING * hyper.amplitude**2
        lower = linalg.cholesky(K, lower=True)
        H, precisions = _linear(near)
        white = linalg.solve_triangular(lower, H, lower=True)
        factor = linalg.cho_factor(white.T @ white + np.diag(precisions), lower=True)
        logs = np.log(lower.diagonal()).sum() + np.log(factor[0].diagonal()).sum()
        return cls(lower, white, linalg.cho_solve(factor, np.eye(len(precisions))), float(logs))

    def whitened(self, values: Array) -> Array:
        """Values of the runs in these units."""
        return np.asarray(linalg.solve_triangular(self.lower, values, lower=True))

    def back(self, values: Array) -> Array:
        """Weights of the runs from those of values in these units."""
        return np.asarray(linalg.solve_triangular(self.lower, values, lower=True, trans="T"))

    @property
    def residual_precision(self) -> Array:
        """Matrix that takes values to residuals of the linear part, over their covariance."""
        inverse = linalg.cho_solve((self.lower, True), np.eye(len(self.lower)))
        linear = self.back(self.white)
        return np.asarray(inverse - linear @ self.small @ linear.T)


def nugget(near: Nearby, hyper: Hyperparameters) -> Array:
    """Variance that a run shares with no other."""
    foreign = near.origins > 0
    return np.asarray(near.variances + hyper.noise**2 + np.where(foreign, hyper.misfit**2, 0.0))


def _error_there(near: Nearby) -> float:
    """Variance of the numerical error of a run at the point: a power law of those of the runs."""
    with_error = (near.origins == 0) & (near.variances > 0)
    if not with_error.any():
        return 0.0
    flat = near.changes[with_error] @ near.scalings.coordinates().T
    rows = np.column_stack([np.ones(len(flat)), flat])
    # as if each exponent had been seen to be zero once: few runs determine the mean
    ridge = np.diag([0.0, *np.ones(flat.shape[1])])
    logs = np.log(near.variances[with_error])
    fitted = np.linalg.solve(rows.T @ rows + ridge, rows.T @ logs)
    share = float(with_error.sum() / max((near.origins == 0).sum(), 1))
    return share * float(np.exp(np.clip(fitted[0], logs.min(), logs.max())))


def ratios(near: Nearby, hyper: Hyperparameters) -> tuple[Array, Array]:
    """Logarithms of the ratios of the other origins to the first, and their standard errors."""
    z = near.changes @ near.scalings.coordinates(hyper.lengths).T
    solved = Solved.of(near, hyper, matern(squared_distances(z))[0])
    coefficients = solved.small @ solved.white.T @ solved.whitened(near.values)
    others = int(near.origins.max(initial=0))
    first = len(coefficients) - others
    return coefficients[first:], np.sqrt(solved.small.diagonal()[first:])


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


def join(near: Nearby, hyper: Hyperparameters) -> Joined:
    """Value at the point by generalised least squares.

    What is not known of the lengths and sizes is part of the variance: by how much the value is
    another where they are one standard deviation away.

    Raises
    ------
    FitError
        If the covariance of the runs is singular.
    """
    joined = _joined(near, hyper)
    theta, apart = hyper.theta, 0.0
    for step in hyper.doubt:
        # none where it is so far from what the runs say that they contradict each other
        aside = [attempt(_joined, near, Hyperparameters.of(theta + d)) for d in (step, -step)]
        moved = [one.value for one in aside if one is not None]
        if moved:
            apart += float(np.mean((np.array(moved) - joined.value) ** 2))
    return replace(joined, variance=(joined.variance + apart) * hyper.inflation**2)


def _joined(near: Nearby, hyper: Hyperparameters) -> Joined:
    """Joint fit for known lengths and amplitudes."""
    T = near.scalings.coordinates(hyper.lengths)
    z = near.changes @ T.T
    alike, _ = matern(squared_distances(z))
    try:
        solved = Solved.of(near, hyper, alike)
    except linalg.LinAlgError as error:
        raise FitError("The covariance of the runs near the point is singular.") from error
    # the point itself lies at the origin of the changes: exponents make no difference there
    to_point = solved.whitened(hyper.amplitude**2 * matern((z**2).sum(axis=1))[0])
    open_part = -solved.white.T @ to_point
    open_part[0] += 1.0
    linear = solved.small @ open_part
    weights = solved.back(to_point + solved.white @ linear)
    variance = hyper.amplitude**2 - to_point @ to_point + open_part @ linear
    P = solved.residual_precision
    left_out = (P @ near.values) / np.sqrt(np.maximum(P.diagonal(), 1e-300))
    # the input that matters most counts as it is
    grouped = np.abs(near.scalings.coordinates()).max(axis=0, initial=0.0) > _IN_GROUPS
    shortest = hyper.lengths[grouped].min(initial=np.inf)
    scale = shortest if np.isfinite(shortest) else 1.0
    distances = np.linalg.norm(z, axis=1) * scale / np.log(10.0)
    of_new_run = float(np.maximum(variance, 0.0)) + hyper.noise**2 + _error_there(near)
    return Joined(float(weights @ near.values), of_new_run, weights, distances, left_out)


# mean and standard deviation of a normal prior of a logarithm. Length: residuals of a power law
# change over a decade or two. Amplitude: a power law misses by a third or less. Noise: from the
# rounding of a solver to the scatter of a simulation with random numbers.
_LENGTH, _COMMON, _LENGTH_SD = np.log(3.0), 1.0, 0.7
_AMPLITUDE = (np.log(0.3), 1.5)
_NOISE = (np.log(1e-4), 4.0)
# ratios between kernels and tiers vary by a few per cent of themselves
_MISFIT = (np.log(0.02), 1.5)
# natural logarithms within which each is looked for; noise of 6e-6 is no worse than none
_LENGTHS = (float(np.log(0.05)), float(np.log(1e3)))
_SIZES = ((-14.0, 1.5), (-12.0, 1.0), (-12.0, 1.0))
# logarithms of the noise that the search starts from: a solver's, and that of random numbers
_STARTS = (float(np.log(1e-4)), float(np.log(0.05)))
# larger than any negative log posterior
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


def learn(near: Nearby) -> Hyperparameters:
    """Hyperparameters of the highest posterior density."""
    p = near.changes.shape[1]
    bounds = [_LENGTHS] * p + list(_SIZES)
    starts = (np.array([_LENGTH] * p + [_AMPLITUDE[0], n, _MISFIT[0]]) for n in _STARTS)
    minima = [_minimised(partial(negative_log_posterior, near), begin, bounds) for begin in starts]
    best = min(minima, key=lambda theta: negative_log_posterior(near, theta)[0])
    return replace(Hyperparameters.of(best), doubt=_doubt(near, best))


def learn_from_few(near: Nearby) -> Hyperparameters:
    """Hyperparameters with intervals calibrated on held-out runs.

    Few runs let a target seem smoother than it is; from some sixty on that is no matter.
    """
    learned = learn(near)
    n = len(near)
    if not _FOLDS * 2 <= n < _FEW:
        return learned
    away = np.zeros(n)
    for fold in range(_FOLDS):
        held = np.arange(fold, n, _FOLDS)
        kept = np.setdiff1d(np.arange(n), held)
        others = near.part(kept)
        hyper = learn(others)
        for i in held:
            there = join(replace(others, changes=others.changes - near.changes[i]), hyper)
            away[i] = (there.value - near.values[i]) / np.sqrt(there.variance)
    seen = float(np.sort(np.abs(away))[min(int(np.ceil(_SHARE * (n + 1))), n) - 1])
    ratio = seen / float(special.ndtri((1.0 + _SHARE) / 2.0))
    inflation = np.sqrt((n * ratio**2 + _PRIOR_RUNS) / (n + _PRIOR_RUNS))
    return replace(learned, inflation=max(1.0, inflation))


def _doubt(near: Nearby, theta: Array) -> Array:
    """Steps of one standard deviation along the axes of Laplace's approximation."""
    steps = np.eye(len(theta)) * _STEP
    ends = [(theta + step, theta - step) for step in steps]
    curved = [np.subtract(*(negative_log_posterior(near, at)[1] for at in pair)) for pair in ends]
    curvature = np.array(curved) / (2.0 * _STEP)
    sizes, axes = np.linalg.eigh((curvature + curvature.T) / 2.0)
    return np.asarray((axes / np.sqrt(np.maximum(sizes, _LEAST))).T)


def refit(near: Nearby, shape: Hyperparameters) -> Hyperparameters:
    """Refit near a point, with fixed ratios of the lengths."""
    p = near.changes.shape[1]
    begin = shape.theta
    # one step for all lengths
    shift = linalg.block_diag(np.ones((1, p)), np.eye(3))
    ends = [(low - t, high - t) for (low, high), t in zip(_SIZES, begin[p:], strict=True)]

    def moved(step: Array) -> tuple[float, Array]:
        value, slope = negative_log_posterior(near, begin + step @ shift)
        return value, shift @ slope

    best = begin + _minimised(moved, np.zeros(4), [_STRETCH, *ends]) @ shift
    return replace(Hyperparameters.of(best), doubt=shape.doubt, inflation=shape.inflation)


def _minimised(
    loss: Callable[[Array], tuple[float, Array]], begin: Array, bounds: list[tuple[float, float]]
) -> Array:
    minimum = optimize.minimize(
        loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS}
    )
    return np.asarray(minimum.x)


def negative_log_posterior(near: Nearby, theta: Array) -> tuple[float, Array]:
    """Negative logarithm of the posterior density, and its gradient."""
    p = len(theta) - len(_PRIORS)
    hyper = Hyperparameters.of(theta)
    T = near.scalings.coordinates(hyper.lengths)
    z = near.changes @ T.T
    alike, slope = matern(squared_distances(z))
    foreign = near.origins > 0
    try:
        solved = Solved.of(near, hyper, alike)
    except linalg.LinAlgError:
        return _IMPOSSIBLE, np.zeros_like(theta)
    P = solved.residual_precision
    a = P @ near.values
    value = solved.half_log_determinants + 0.5 * near.values @ a
    G = P - np.outer(a, a)
    gradient = np.zeros_like(theta)
    pull = G * slope * hyper.amplitude**2
    q = z @ T
    pairs = pull.sum(axis=1) @ q**2 - np.einsum("ai,ab,bi->i", q, pull, q, optimize=True)
    gradient[:p] = -2.0 * hyper.lengths**2 * pairs
    shared = (G * alike).sum() + ROUNDING * np.trace(G)
    gradient[p] = shared * hyper.amplitude**2
    gradient[p + 1] = np.trace(G) * hyper.noise**2
    gradient[p + 2] = G.diagonal()[foreign].sum() * hyper.misfit**2
    prior, by_theta = _prior(theta)
    return float(value + prior), gradient + by_theta


def _prior(theta: Array) -> tuple[float, Array]:
    """Negative logarithm of the prior density, and its gradient."""
    lengths, sizes = theta[: -len(_PRIORS)], theta[-len(_PRIORS) :]
    common = lengths.mean() if len(lengths) else _LENGTH
    deviations = lengths - common
    means, widths = np.array(_PRIORS).T
    away = (sizes - means) / widths
    value = 0.5 * (
        ((common - _LENGTH) / _COMMON) ** 2 + (deviations**2).sum() / _LENGTH_SD**2 + away @ away
    )
    by_lengths = (common - _LENGTH) / _COMMON**2 / max(len(lengths), 1) + deviations / _LENGTH_SD**2
    return float(value), np.concatenate([by_lengths, away / widths])


# ---- Runs of several kernels, tiers and versions as one table: how they differ, how they weigh.


Run = Mapping[str, Any]

# runs from which ratios are learned, a share of each origin; a second of work
_LEARNED = 150
# runs that an origin needs to be what others are compared with
_STANDS = 3


def recombined(hub: Hub, runs: Sequence[Run], target: str) -> dict[str, list[str]]:
    """Columns of a table of runs: what origins differ by, and how much each run counts.

    The ratio of each origin to the first is learned together with a power law of the groups and
    residuals that are alike where groups are (:mod:`dimgs.similitude.kriging`), so that the origins
    need not have run at the same points.

    Parameters
    ----------
    hub : Hub
    runs : sequence of dict
        As :meth:`Hub.query` gives them.
    target : str
        Output that is compared.

    Returns
    -------
    dict
        "bias" (the origin's value over that of the first, less one), "bias_err" (its standard
        error) and "weight" (inverse variance of the logarithm, one on average): texts, blank where
        origins cannot be compared. The first is the origin of the finest tier with three runs.
    """
    blank = {name: [""] * len(runs) for name in ("bias", "bias_err", "weight")}
    good = [i for i, run in enumerate(runs) if _comparable(run, runs[0], target)]
    names = [origin_of(run) for run in runs]
    first = _first(hub, [runs[i] for i in good])
    if len(good) < _STANDS or first is None:
        return blank
    others = sorted({names[i] for i in good} - {first})
    number = {name: k for k, name in enumerate([first, *others])}
    near = _nearby(hub, [runs[i] for i in good], target, [number[names[i]] for i in good], first)
    kept = np.sort(np.concatenate([
        rows[np.linspace(0, len(rows) - 1, min(len(rows), _LEARNED // len(number))).astype(int)]
        for rows in (np.flatnonzero(near.origins == k) for k in range(len(number)))
    ]))  # fmt: skip
    part = near.part(kept)
    part = part.part(part.distinct())
    hyper = learn(part)
    try:
        logs, errors = (np.r_[0.0, column] for column in ratios(part, hyper))
    except LinAlgError:
        return blank
    weights = 1.0 / nugget(near, hyper)
    weights /= weights.mean()
    for row, i in enumerate(good):
        k = near.origins[row]
        blank["bias"][i] = f"{np.expm1(logs[k]):.6g}"
        blank["bias_err"][i] = f"{np.exp(logs[k]) * errors[k]:.3g}"
        blank["weight"][i] = f"{weights[row]:.6g}"
    for i, name in enumerate(names):
        # runs with other labels are not compared, and have no bias to their own origin either
        if name == first:
            blank["bias"][i] = blank["bias_err"][i] = "0"
    return blank


def _numbers(run: Run) -> dict[str, float]:
    return {n: si_of(q) for n, q in numeric_inputs(run).items()}


def _comparable(run: Run, other: Run, target: str) -> bool:
    """Whether a run has the target and inputs of another one, all of them above zero."""
    labels = [
        {n: q["value"] for n, q in r["inputs"].items() if isinstance(q["value"], str)}
        for r in (run, other)
    ]
    numbers = _numbers(run)
    same = labels[0] == labels[1] and set(numbers) == set(_numbers(other))
    value = run["outputs"].get(target, {}).get("value")
    positive = isinstance(value, float | int) and value > 0
    return bool(same and positive and min(numbers.values(), default=1.0) > 0)


def _first(hub: Hub, runs: Sequence[Run]) -> str | None:
    """The origin that others are compared with."""
    tiers = {run["kernel"]: describe(hub, run["kernel"], load=False).tiers for run in runs}
    rank: dict[str, int] = {}
    for run in runs:
        tier_order = tiers[run["kernel"]]
        rank[origin_of(run)] = tier_order.index(run["tier"]) if run["tier"] in tier_order else 0
    count = Counter(origin_of(run) for run in runs)
    order = sorted(rank, key=lambda name: (count[name] >= _STANDS, rank[name], count[name], name))
    return order[-1] if order else None


def _nearby(
    hub: Hub, runs: Sequence[Run], target: str, origins: Sequence[int], first: str
) -> Nearby:
    one = next(run for run in runs if origin_of(run) == first)
    units = {n: parse_unit(one["inputs"][n].get("unit", "1")) for n in _numbers(one)}
    description = describe(hub, one["kernel"], load=False)
    card = description.card
    whole = card is not None and is_complete(hub, card, one["program"])
    unit = parse_unit(one["outputs"][target].get("unit", "1"))
    scalings = Scalings(
        {n: u.dimension for n, u in units.items()}, tuple(description.constants), whole
    )
    powers = scalings.monomial(unit.dimension)
    if powers is None:
        scalings = Scalings(scalings.inputs, scalings.constants, False)
        powers = np.zeros(len(units))
    logs = np.log([[_numbers(run)[n] for n in units] for run in runs])
    changes: Array = logs - logs.mean(axis=0)
    values, errors = np.array([output_of(run, target) for run in runs]).T
    y = np.log(values) - changes @ powers
    return Nearby(scalings, changes, y - y.mean(), (errors / values) ** 2, np.array(origins))
