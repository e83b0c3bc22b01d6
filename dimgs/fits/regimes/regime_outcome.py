"""What is reported: regimes and thresholds in the caller's own groups."""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from dimgs.arrays import Array, IntArray
from dimgs.fits.covariance import t_intervals
from dimgs.fits.influence import linearised
from dimgs.fits.regimes.boundary_directions import leading, rational
from dimgs.fits.regimes.pieces import (
    Boundary,
    Pieces,
    Split,
    Tree,
    boundaries,
    labels,
    n_leaves,
    paths,
)
from dimgs.fits.regimes.regime_runs import RegimeRuns, WhitenedAxes
from dimgs.fits.regimes.simple import Simple, read
from dimgs.fits.regimes.thresholds import (
    Profile,
    RegimeThreshold,
    jump_profile,
    kink_profile,
    meeting_profile,
    threshold_doubt,
)


class Condition(NamedTuple):
    """One side of a boundary: ``direction @ x >= threshold`` if sign is 1, below it if -1.

    The threshold is the logarithm of a monomial whose exponents are `direction`.
    """

    direction: tuple[float, ...]
    sign: int
    threshold: float


@dataclass(frozen=True, eq=False)
class Regime:
    """A region of constant exponents.

    Attributes
    ----------
    conditions : list of Condition
        All hold inside the regime; empty where there is a single one.
    exponents : ndarray of shape (n_features,)
    intercept : float
        Logarithm of the prefactor.
    parameter_covariance : ndarray of shape (n_features + 1, n_features + 1)
        Of the intercept and the exponents: leave-one-out, and what the place of a jump adds.
    dof : float
        Degrees of freedom of its t quantiles.
    n : int
        Runs of positive weight inside.
    indices : ndarray of int of shape (n,)
        Their rows.
    """

    conditions: list[Condition]
    exponents: Array
    intercept: float
    parameter_covariance: Array
    dof: float
    n: int
    indices: IntArray

    @property
    def covariance(self) -> Array:
        """Covariance of the exponents, shape (n_features, n_features)."""
        return self.parameter_covariance[1:, 1:]

    def intervals(self, level: float = 0.9) -> Array:
        """Intervals of the exponents, shape (n_features, 2)."""
        return self._interval(self.exponents, np.diag(self.covariance), level)

    def intercept_interval(self, level: float = 0.9) -> tuple[float, float]:
        """Interval of the logarithm of the prefactor."""
        value = np.array([self.intercept])
        low, high = self._interval(value, self.parameter_covariance[:1, 0], level)[0]
        return float(low), float(high)

    def _interval(self, value: Array, variance: Array, level: float) -> Array:
        return t_intervals(value, variance, self.dof, level)


@dataclass(frozen=True, eq=False)
class RegimeOutcome:
    """Everything that a fit publishes; `tree` is in the coordinates of the features."""

    regimes: list[Regime]
    thresholds: list[RegimeThreshold]
    tree: Tree


def outcome_of(
    data: RegimeRuns,
    pieces: Pieces,
    rationals: dict[int, tuple[tuple[Fraction, ...], ...]],
    short: dict[int, tuple[tuple[int, ...], Boundary]],
    level: float,
    used: IntArray,
) -> RegimeOutcome:
    """Translate pieces from whitened coordinates to the groups.

    Parameters
    ----------
    data : RegimeRuns
    pieces : Pieces
    rationals : dict
        Rational directions of the jumps, by number.
    short : dict
        Short monomials in place of continuous boundaries, by number.
    level : float
    used : ndarray of int
        Rows of the prepared runs in the caller's table.
    """
    axes, sample, scale = data.axes, data.sample, data.scale
    edges = boundaries(pieces.tree)
    tree, leaves, order = _oriented(pieces.tree, axes)
    regime = labels(pieces.tree, sample.Z)
    translation = axes.translation
    shown = boundaries(tree)
    regimes = []
    doubt = threshold_doubt(sample, pieces)
    for place, k in enumerate(leaves):
        index = np.flatnonzero(regime == k)
        part = sample.take(index)
        miss = part.y - part.design @ pieces.laws[k]
        found = linearised(part.design, miss, part.weight, part.cluster)
        spread, dof = found.covariance, max(1.0, float(found.dof.min()))
        law = translation @ (data.base + scale * pieces.laws[k])
        with np.errstate(invalid="ignore"):
            covariance = scale**2 * translation @ (spread + doubt[k]) @ translation.T
        if not np.isfinite(covariance).all():
            covariance = np.diag(np.full(len(law), np.inf))
        conditions = [
            Condition(tuple(shown[j].direction.tolist()), side, shown[j].threshold)
            for j, side in paths(tree)[place]
        ]
        regimes.append(
            Regime(conditions, law[1:], float(law[0]), covariance, dof, len(index), used[index])
        )
    thresholds = []
    for place, k in enumerate(order):
        if edges[k].continuous and axes.rank > 1:
            beside = regimes[leaves.index(k)], regimes[leaves.index(k + 1)]
            profile = _meeting(*beside, shown[place].direction)
        else:
            profile = (kink_profile if edges[k].continuous else jump_profile)(sample, pieces, k)
            profile = profile.translated(*_translation(edges[k], axes))
        low, high = profile.interval(level)
        exact = shown[place].threshold, low, high
        thresholds.append(
            RegimeThreshold(
                direction=shown[place].direction,
                value=shown[place].threshold,
                low=low,
                high=high,
                level=level,
                kind="continuous" if edges[k].continuous else "jump",
                rationals=rationals.get(k, ()),
                profile=profile,
                simple=_simple(*short[k], edges[k], exact, axes) if k in short else None,
            )
        )
    return RegimeOutcome(regimes, thresholds, tree)


def _simple(
    monomial: tuple[int, ...],
    near: Boundary,
    edge: Boundary,
    exact: tuple[float, float, float],
    axes: WhitenedAxes,
) -> Simple:
    # by the monomial itself: where groups are collinear, its image in the runs is another one
    powers = np.array([float(p) for p in rational(monomial)])
    factor = float(axes.inverse @ powers @ near.direction)
    factors = _translation(edge, axes)[0], factor
    value = factor * near.threshold + float(powers @ axes.centre)
    return read(monomial, exact, factors, value)


def _meeting(one: Regime, other: Regime, direction: Array) -> Profile:
    """Profile of the boundary where two regimes' laws are equal."""
    difference = np.append(other.intercept - one.intercept, other.exponents - one.exponents)
    covariance = one.parameter_covariance + other.parameter_covariance
    lead = int(np.argmin(np.abs(direction - 1.0)))
    return meeting_profile(difference, covariance, lead, float(min(one.dof, other.dof)))


def _translation(edge: Boundary, axes: WhitenedAxes) -> tuple[float, float]:
    """Factor and offset from a threshold in whitened coordinates to one on the monomial."""
    direction = axes.transform @ edge.direction
    lead = leading(direction)
    return 1.0 / lead, float(direction @ axes.centre) / lead


def _oriented(tree: Tree, axes: WhitenedAxes) -> tuple[Tree, list[int], list[int]]:
    """The tree in the features, leading exponents 1, with the old numbers of its parts in order.

    A boundary whose leading exponent is negative is turned over, and its two sides with it.
    """

    def walk(node: Tree, first: int) -> tuple[Tree, list[int], list[int]]:
        if node is None:
            return None, [first], []
        here = first + n_leaves(node.left) - 1
        left, right = walk(node.left, first), walk(node.right, here + 1)
        factor, offset = _translation(node.boundary, axes)
        direction = factor * (axes.transform @ node.boundary.direction)
        # Exponents at the level of rounding errors are none.
        direction[np.abs(direction) < 1e-12 * np.abs(direction).max()] = 0.0
        threshold = factor * node.boundary.threshold + offset
        edge = Boundary(direction, threshold, node.boundary.continuous)
        if factor < 0:
            left, right = right, left
        turned = Split(edge, left[0], right[0])
        return turned, left[1] + right[1], [*left[2], here, *right[2]]

    return walk(tree, 0)
