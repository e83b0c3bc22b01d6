"""A similarity variable: powers of the groups of runs that bring their curves onto one."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError
from dimgs.fits.covariance import jackknife_covariance, t_quantile

Curves = Sequence[tuple[Array, Array]]

# part of the points that must lie over other curves: pieces that do not meet collapse by themselves
_SHARED = 0.3
# values over more decades than these two are compared in logarithms
_WIDE = 100.0
# powers at which searches start, and how many of the best starts are followed
_STARTS = (-1.0, -0.5, 0.0, 0.5, 1.0)
# all combinations of two groups; and minima that are compared
_MOST_STARTS, _FOLLOWED = 625, 3


@dataclass(frozen=True, eq=False)
class SimilarityFit:
    """Powers that collapse curves.

    Attributes
    ----------
    along, scale : ndarray of shape (n_groups,)
        Powers of the groups by which the coordinate and the values are multiplied.
    along_spread, scale_spread : ndarray of shape (n_groups, n_groups)
        Their covariances, by a jackknife over the runs.
    freedom : int
    quality : float
        Share of the variance of the values that the curves of the other runs predict; 1 is a
        perfect collapse, 0 none.
    shared : float
        Share of the points that lie over other curves.
    """

    along: Array
    scale: Array
    along_spread: Array
    scale_spread: Array
    freedom: int
    quality: float
    shared: float

    def half_widths(self, directions: Array, level: float) -> tuple[Array, Array]:
        """Half-widths of intervals of ``directions @ along`` and ``directions @ scale``."""
        t = float(t_quantile(level, max(self.freedom, 1)))
        every = (self.along_spread, self.scale_spread)
        widths = [t * np.sqrt(np.einsum("ij,jk,ik->i", directions, s, directions)) for s in every]
        return widths[0], widths[1]


def fit_similarity(curves: Curves, groups: Array) -> SimilarityFit:
    """Find the powers of groups that bring curves onto one.

    The miss of a collapse is the mean square distance of every curve from every other, where they
    lie over each other, in units of the variances of the two.

    Parameters
    ----------
    curves : sequence of (ndarray, ndarray)
        Of each run the logarithms of its increasing coordinate, and its values.
    groups : ndarray of shape (n_runs, n_groups)
        Logarithms of the groups of the runs.

    Returns
    -------
    SimilarityFit

    Raises
    ------
    FitError
        If the runs are fewer than the unknowns and one, or do not vary the groups independently.

    References
    ----------
    S. M. Bhattacharjee, F. Seno, J. Phys. A 34 (2001) 6375-6380: a measure of data collapse.

    Examples
    --------
    >>> x, width = np.linspace(-1.0, 2.0, 20), np.log([1.0, 1.5, 2.0, 4.0, 8.0])
    >>> curves = [(x, np.exp(-np.exp(x - 0.5 * w))) for w in width]
    >>> found = fit_similarity(curves, width[:, None])
    >>> found.along.round(3), abs(found.scale.round(3)), round(found.quality, 3)
    (array([-0.5]), array([0.]), 1.0)
    """
    n, k = groups.shape
    if n < 2 * k + 2:
        raise FitError(
            f"{n} curves are too few to determine {2 * k} powers; give at least {2 * k + 2}."
        )
    centred = groups - groups.mean(axis=0)
    if k and np.linalg.matrix_rank(centred, tol=1e-6 * max(np.abs(centred).max(), 1e-300)) < k:
        raise FitError("The runs do not vary the groups independently; vary more of the inputs.")
    every = np.concatenate([y for _, y in curves])
    wide = every.min() > 0 and every.max() > _WIDE * every.min()
    compared = [(x, np.log(y) if wide else y) for x, y in curves]
    found = _search(compared, groups, wide)
    left = np.array(
        [
            _refined(
                found, [c for j, c in enumerate(compared) if j != i], np.delete(groups, i, 0), wide
            )
            for i in range(n)
        ]
    )
    spread = jackknife_covariance(left - left.mean(axis=0))
    quality, shared = _held_out(_collapsed(found, compared, groups, wide))
    return SimilarityFit(
        found[:k], found[k:], spread[:k, :k], spread[k:, k:], n - 2 * k - 1, quality, shared
    )


def collapsed(
    curves: Curves, groups: Array, along: Array, scale: Array
) -> list[tuple[Array, Array]]:
    """Logarithms of the similarity variable and scaled values of every curve."""
    rows = zip(curves, groups, strict=True)
    return [(x + g @ along, y * np.exp(g @ scale)) for (x, y), g in rows]


def _collapsed(powers: Array, curves: Curves, groups: Array, wide: bool) -> Curves:
    k = groups.shape[1]
    if wide:
        rows = zip(curves, groups, strict=True)
        return [(x + g @ powers[:k], y + g @ powers[k:]) for (x, y), g in rows]
    return collapsed(curves, groups, powers[:k], powers[k:])


def _miss(powers: Array, curves: Curves, groups: Array, wide: bool) -> float:
    made = _collapsed(powers, curves, groups, wide)
    own = [max(float(y.var()), 1e-300) for _, y in made]
    miss, shared, total = 0.0, 0, 0
    for i, (x, y) in enumerate(made):
        for j, (a, b) in enumerate(made):
            if i == j:
                continue
            over = (x >= a[0]) & (x <= a[-1])
            rest = y[over] - np.interp(x[over], a, b)
            # in units of both: else one curve that is blown up would hide the others
            miss += float(rest @ rest) / (own[i] * own[j]) ** 0.5
            shared += int(over.sum())
            total += len(x)
    return miss / max(shared, 1) + max(_SHARED - shared / total, 0.0)


def _search(curves: Curves, groups: Array, wide: bool) -> Array:
    k = groups.shape[1]
    starts = list(product(_STARTS, repeat=2 * k))
    if len(starts) > _MOST_STARTS:
        rng = np.random.default_rng(0)
        starts = [tuple(rng.choice(_STARTS, 2 * k)) for _ in range(_MOST_STARTS)]
    ranked = sorted(starts, key=lambda s: _miss(np.array(s), curves, groups, wide))
    found = [_refined(np.array(s), curves, groups, wide) for s in ranked[:_FOLLOWED]]
    return min(found, key=lambda p: _miss(p, curves, groups, wide))


def _refined(start: Array, curves: Curves, groups: Array, wide: bool) -> Array:
    if not len(start):
        return start
    result = minimize(
        _miss,
        start,
        args=(curves, groups, wide),
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-10, "maxiter": 100 * len(start)},
    )
    return np.asarray(result.x)


def _held_out(made: Curves) -> tuple[float, float]:
    """How well the other runs' curves predict each curve, and where they do."""
    rest, around, shared, total = 0.0, 0.0, 0, 0
    mean = float(np.concatenate([y for _, y in made]).mean())
    for i, (x, y) in enumerate(made):
        predicted = np.array(
            [np.interp(x, a, b, np.nan, np.nan) for j, (a, b) in enumerate(made) if j != i]
        )
        over = np.isfinite(predicted).any(axis=0)
        total += len(x)
        if over.any():
            miss = y[over] - np.nanmean(predicted[:, over], axis=0)
            rest += float(miss @ miss)
            around += float(np.sum((y[over] - mean) ** 2))
            shared += int(over.sum())
    return (1.0 - rest / around if around > 0 else 0.0), shared / total


__all__ = ["SimilarityFit", "collapsed", "fit_similarity"]
