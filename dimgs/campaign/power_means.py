"""Two or three laws that add, or whose inverses do, fitted together to all runs at once."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from scipy.optimize import OptimizeResult, least_squares
from scipy.special import logsumexp, stdtrit

from dimgs.campaign.laws import FittedLaw, Scatter
from dimgs.campaign.model import Border, RegimeModel
from dimgs.campaign.space import Sites
from dimgs.common.arrays import Array

# sharpness of crossovers, ((a^s + b^s)^(1/s)): broader ones have no middle, sharper ones no width
SHARPNESS = (0.3, 50.0)
# starts of a fit, and rounds in which runs change the law that they belong to
_STARTS, _ROUNDS = 5, 20
# largest sharpness of a fit: no run of a few dozen tells it from a corner
_SHARPEST = 1e4
# log; the larger of several laws that goes through all runs as closely is a corner
_CORNER = 1e-3
# evaluations of a fit, and of one that goes through the runs nearly
_TRIED, _FOLLOWED = 40, 1000
# laws of one power mean
_MOST = 3
# runs beyond the unknowns before a power mean is believed
_SPARE = 2
# part of the resolution to which a power mean goes through the runs of a kernel that repeats itself
_EXACT = 0.002
# of runs that scatter, the level at which a sum of laws is another answer than a corner
_LEVEL = 0.95
# log; what a kernel prints of a value
_DIGITS = 1e-6


def power_mean(sites: Sites, scatter: Scatter) -> RegimeModel | None:
    """The fewest laws whose power mean goes through all runs; None where there is none.

    Parameters
    ----------
    sites : Sites
    scatter : Scatter

    Returns
    -------
    Model or None

    References
    ----------
    S. W. Churchill, R. Usagi, AIChE J. 18 (1972) 1121 (the form); A. Magnani, S. Boyd, Optim. Eng.
    10 (2009) 1 (alternating fits of the larger of several laws, where it starts).

    Examples
    --------
    >>> x = np.linspace(-3.0, 3.0, 8)[:, None]
    >>> sites = Sites(x, np.logaddexp(0.0, 2.0 * x[:, 0]), np.ones(8), np.arange(8))
    >>> model = power_mean(sites, Scatter(0.02))
    >>> sorted(law.slope.round(4).tolist() for law in model.laws)
    [[0.0], [2.0]]
    """
    width = sites.z.shape[1] + 1
    limits = scatter.limits(sites.count)
    for n_laws in range(2, _MOST + 1):
        unknowns = n_laws * width + 1
        if len(sites) < unknowns + _SPARE:
            return None
        tried = []
        for sign, table in _starts(sites, n_laws):
            start = np.append(table, _first_sharpness(sites, sign, table))
            tried.append((sign, _fitted(sites, sign, start, _TRIED)))
        sign, fit = min(tried, key=lambda t: t[1].cost)
        root = np.sqrt(sites.count)
        if np.all(np.abs(fit.fun) <= root * limits):
            # it may be one: the valley between sharpness and slopes is long
            fit = _fitted(sites, sign, fit.x, _FOLLOWED)
        sigma = max(float(np.sqrt(2.0 * fit.cost / (len(sites) - unknowns))), _DIGITS)
        close = scatter.sigma > 0 or sigma <= _EXACT * scatter.resolution
        if close and np.all(np.abs(fit.fun) <= root * limits):
            broad = _broadest(sites, scatter, sign, fit) if scatter.sigma else fit
            found = _model(sites, scatter, sign, fit, broad, n_laws, sigma)
            if found is not None:
                return found
    return None


def _broadest(sites: Sites, scatter: Scatter, sign: float, fit: OptimizeResult) -> OptimizeResult:
    """A sum that goes through the runs but for their noise, where there is one; else the fit."""
    start = np.append(fit.x[:-1], min(fit.x[-1], 0.0))
    other = _fitted(sites, sign, start, _FOLLOWED, sharpest=1.0)
    t = float(stdtrit(max(scatter.freedom, 1), 0.5 + _LEVEL / 2.0))
    return other if 2.0 * (other.cost - fit.cost) <= (t * scatter.sigma) ** 2 else fit


def _starts(sites: Sites, n_laws: int) -> Iterator[tuple[float, Array]]:
    """Coefficients of the larger or the smaller of several laws, from random parts of the runs."""
    z, y = sites.z, sites.y
    table = np.column_stack([np.ones(len(z)), z])
    rng = np.random.default_rng(len(sites))
    for _ in range(_STARTS):
        ways = rng.normal(size=(n_laws, z.shape[1]))
        first = np.argmax((z - z.mean(axis=0)) @ ways.T, axis=1)
        for sign in (1.0, -1.0):
            owner, found = first, np.zeros((n_laws, table.shape[1]))
            for _ in range(_ROUNDS):
                found = np.array([_ridge(table[owner == k], y[owner == k], table, y)
                                  for k in range(n_laws)])  # fmt: skip
                now = np.argmax(sign * (table @ found.T), axis=1)
                if np.array_equal(now, owner):
                    break
                owner = now
            yield sign, found


def _ridge(own: Array, y: Array, table: Array, every: Array) -> Array:
    """The law of some runs; where they are too few, near that of all."""
    whole = np.linalg.lstsq(table, every, rcond=None)[0]
    moments = own.T @ own + 1e-3 * np.eye(table.shape[1])
    return np.asarray(whole + np.linalg.solve(moments, own.T @ (y - own @ whole)))


def _first_sharpness(sites: Sites, sign: float, table: Array) -> float:
    """Logarithm of the sharpness at which a fit starts: that of a corner where runs lie on one."""
    every = np.column_stack([np.ones(len(sites)), sites.z]) @ table.T
    corner = sign * np.max(sign * every, axis=1)
    return float(np.log(SHARPNESS[1])) if np.abs(corner - sites.y).max() < _CORNER else 0.0


def _fitted(
    sites: Sites, sign: float, start: Array, most: int, sharpest: float = _SHARPEST
) -> OptimizeResult:
    z, y, root = sites.z, sites.y, np.sqrt(sites.count)
    table = np.column_stack([np.ones(len(z)), z])
    shape = (-1, table.shape[1])

    def parts(x: Array) -> tuple[Array, Array, Array]:
        s = float(np.exp(x[-1]))
        values = table @ x[:-1].reshape(shape).T
        mean = sign * logsumexp(sign * s * values, axis=1) / s
        share = np.exp(sign * s * (values - mean[:, None]))
        return values, mean, share

    def rest(x: Array) -> Array:
        return np.asarray(root * (parts(x)[1] - y))

    def slopes(x: Array) -> Array:
        values, mean, share = parts(x)
        of_laws = (share[:, :, None] * table[:, None, :]).reshape(len(z), -1)
        of_sharpness = np.sum(share * values, axis=1) - mean
        return np.asarray(root[:, None] * np.column_stack([of_laws, of_sharpness]))

    n = len(start) - 1
    low = np.append(np.full(n, -np.inf), np.log(SHARPNESS[0]))
    high = np.append(np.full(n, np.inf), np.log(sharpest))
    return least_squares(
        rest, start, slopes, bounds=(low, high), x_scale="jac", max_nfev=most, ftol=1e-12
    )


def _model(
    sites: Sites,
    scatter: Scatter,
    sign: float,
    fit: OptimizeResult,
    broad: OptimizeResult,
    n_laws: int,
    sigma: float,
) -> RegimeModel | None:
    width = sites.z.shape[1] + 1
    table, s = fit.x[:-1].reshape(n_laws, width), float(np.exp(broad.x[-1]))
    spread = np.linalg.pinv(fit.jac.T @ fit.jac)
    values = table @ np.column_stack([np.ones(len(sites)), sites.z]).T
    owner = np.argmax(sign * values, axis=0)
    freedom = float(len(sites) - len(fit.x))
    if scatter.sigma:
        sigma, freedom = scatter.sigma, float(max(scatter.freedom, 1))
    laws = []
    for k in range(n_laws):
        rows = np.flatnonzero(owner == k)
        part = slice(k * width, (k + 1) * width)
        if not len(rows):
            return None
        laws.append(
            FittedLaw(table[k], rows, spread[part, part], max(sigma, sites.error), freedom,
                broad.x[part] - fit.x[part])
        )  # fmt: skip
    borders = []
    for one, other in combinations(range(n_laws), 2):
        gap = sign * (table[other] - table[one])
        border = Border(one, other, gap[1:], float(gap[0]), 0.0, 0.0, sharpness=s, sign=sign)
        borders.append(border.widened(scatter))
    explained = np.ones(len(sites), dtype=np.bool_)
    return RegimeModel(sites, scatter, tuple(laws), tuple(borders), explained=explained)
