"""Continuous boundaries read as short monomials, where the runs show no difference."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dimgs.arrays import Array
from dimgs.fits.covariance import t_quantile
from dimgs.fits.regimes.boundary_directions import rational
from dimgs.fits.regimes.pieces import (
    Boundary,
    Pieces,
    at_boundary,
    boundaries,
    labels,
    n_leaves,
    with_boundary,
)
from dimgs.fits.regimes.regime_runs import Sample, WhitenedAxes
from dimgs.fits.regimes.regime_search import noise_variance


@dataclass(frozen=True)
class Simple:
    """A short monomial that divides the runs as well as an exact boundary does.

    Attributes
    ----------
    powers : tuple of Fraction
        Exponents of the groups, the largest in size 1.
    value, low, high : float
        Logarithm of the monomial at the boundary and its interval, the direction held.
    sign : int
        1 where it grows along the exact direction, -1 against it.
    """

    powers: tuple[Fraction, ...]
    value: float
    low: float
    high: float
    sign: int


def simple_boundaries(
    axes: WhitenedAxes,
    sample: Sample,
    pieces: Pieces,
    monomials: list[tuple[int, ...]],
    level: float,
) -> dict[int, tuple[tuple[int, ...], Boundary]]:
    """For each continuous boundary the shortest monomial that the runs do not reject.

    The laws are held, and the runs that change sides are judged by the other law: the loss may
    rise by no more than the likelihood ratio allows.

    Parameters
    ----------
    axes : WhitenedAxes
    sample : Sample
    pieces : Pieces
    monomials : list of tuple of int
        Candidate directions in the groups, shortest first.
    level : float

    Returns
    -------
    dict of int to (tuple of int, Boundary)
        By the number of the boundary; absent where every candidate is rejected.
    """
    found: dict[int, tuple[tuple[int, ...], Boundary]] = {}
    if not monomials:
        return found
    variance, dof = noise_variance(sample, pieces)
    slack = float(t_quantile(level, dof)) ** 2 * variance
    miss = sample.y[:, None] - sample.design @ pieces.laws.T
    losses = sample.weight[:, None] * miss**2
    tree = pieces.tree
    for k, edge in enumerate(boundaries(pieces.tree)):
        if not edge.continuous:
            continue
        reaches, left, right = at_boundary(tree, k, sample.Z)
        rows = np.flatnonzero(reaches)
        now = losses[rows, labels(tree, sample.Z)[rows]]
        below, above = losses[rows, left[rows]] - now, losses[rows, right[rows]] - now
        for monomial in monomials:
            direction = axes.direction(monomial)
            if direction is None:
                continue
            direction = direction if direction @ edge.direction >= 0 else -direction
            threshold, rise = _best_place(sample.Z[rows] @ direction, below, above)
            if rise > slack:
                continue
            moved = with_boundary(tree, k, Boundary(direction, threshold, continuous=True))
            count = np.bincount(labels(moved, sample.Z), minlength=n_leaves(moved))
            if count.min() >= sample.min_runs:
                tree = moved
                found[k] = monomial, Boundary(direction, threshold, continuous=True)
                break
    return found


def _best_place(projection: Array, below: Array, above: Array) -> tuple[float, float]:
    """Threshold of the least loss, and its rise, from what each run loses on either side."""
    order = np.argsort(projection, kind="stable")
    at = projection[order]
    rise = np.cumsum(below[order])[:-1] + np.cumsum(above[order][::-1])[::-1][1:]
    cuts = np.flatnonzero(at[1:] > at[:-1])
    if not len(cuts):
        return 0.0, np.inf
    best = int(cuts[np.argmin(rise[cuts])])
    return 0.5 * float(at[best] + at[best + 1]), float(rise[best])


def read(
    monomial: tuple[int, ...],
    exact: tuple[float, float, float],
    factors: tuple[float, float],
    value: float,
) -> Simple:
    """The monomial with the interval of the exact boundary, its width in its own units.

    Parameters
    ----------
    monomial : tuple of int
    exact : tuple of float
        Value of the exact boundary and its interval.
    factors : tuple of float
        From a threshold in whitened coordinates to that of the exact and of the short monomial.
    value : float
        Of the short monomial at the boundary.
    """
    ratio = factors[1] / factors[0]
    ends = sorted(value + ratio * (end - exact[0]) for end in exact[1:])
    return Simple(rational(monomial), value, ends[0], ends[1], 1 if ratio > 0 else -1)
