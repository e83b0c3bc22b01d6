"""Directions along which a boundary may lie, and what hinges along them explain of residuals."""

from fractions import Fraction
from math import gcd

import numpy as np

from dimgs.arrays import Array, IntArray
from dimgs.errors import InputError
from dimgs.fits.regimes.regime_runs import Sample, distinct_cuts
from dimgs.fits.short_vectors import short_vectors
from dimgs.fits.solve import oriented

# monomials that are looked at: some seconds
_MOST_POINTS = 50_000
# relative: exponents that differ by rounding are equally large
_TIED = 1e-9


def sphere(rank: int) -> Array:
    """A fixed, even set of directions of a half sphere, shape (n_directions, rank)."""
    if rank <= 1:
        return np.ones((rank, rank))
    if rank == 2:
        angle = np.pi * np.arange(24) / 24
        return np.column_stack([np.cos(angle), np.sin(angle)])
    rng = np.random.RandomState(0)
    count = 24 + 8 * min(rank, 5)
    points = np.concatenate([np.eye(rank), rng.standard_normal((count, rank))])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points)


def curvature_directions(sample: Sample) -> Array:
    """Principal Hessian directions of the response (Li 1992, JASA 87:1025), largest first.

    The kink between two power laws is curvature along the normal of their boundary.
    """
    hessian = (sample.Z * (sample.weight * sample.y)[:, None]).T @ sample.Z
    value, vector = np.linalg.eigh(hessian)
    vector = vector[:, np.argsort(-np.abs(value), kind="stable")]
    return np.asarray((vector * oriented(vector)).T)


def short_monomials(exponent_map: Array, most: int) -> list[tuple[int, ...]]:
    """The integer combinations of groups with the smallest physical exponents, shortest first.

    Parameters
    ----------
    exponent_map : ndarray of shape (n_variables, n_groups)
        Exponents of the physical variables in each group; full column rank.
    most : int
        How many primitive combinations to return, one of each pair d, -d.

    Returns
    -------
    list of tuple of int
        Coefficients d of the groups, by increasing length of ``exponent_map @ d`` and then by
        those exponents; the set of monomials is the same for every basis of the same lattice.

    Raises
    ------
    InputError
        If the columns of `exponent_map` are dependent.

    References
    ----------
    Fincke & Pohst (1985), Mathematics of Computation 44:463.

    Examples
    --------
    >>> short_monomials(np.eye(2), 4)
    [(0, 1), (1, 0), (1, -1), (1, 1)]
    """
    E = np.asarray(exponent_map, dtype=np.float64)
    size = E.shape[1]
    if np.linalg.matrix_rank(E) < size:
        raise InputError(
            "exponent_map has dependent columns; give the exponents of independent groups"
        )
    gram: Array = E.T @ E
    root: Array = np.linalg.cholesky(gram.astype(np.float64)).T
    radius = float(np.min(np.diag(gram)))
    while True:
        inside = short_vectors(root, radius, _MOST_POINTS).tolist()
        primitive = [d for d in inside if gcd(*d) == 1]
        if len(primitive) >= most or len(inside) >= _MOST_POINTS or size == 1:
            break
        radius *= 1.5
    keyed = []
    for d in primitive:
        physical = E @ np.array(d, dtype=np.float64)
        lead = next(v for v in physical if abs(v) > 1e-9)
        sign = 1 if lead > 0 else -1
        key = tuple(float(round(sign * v, 9)) for v in physical)
        length = round(float(physical @ physical), 9)
        keyed.append((length, key, tuple(sign * c for c in d)))
    return [d for _, _, d in sorted(keyed)[:most]]


def leading(direction: Array) -> float:
    """Exponent of the largest size, the first of those that are equal: it is made 1.

    A boundary that hardly follows its first group would otherwise have exponents in the
    thousands, and a threshold that no number can hold.
    """
    size = np.abs(direction)
    largest = float(size.max(initial=0.0))
    return float(direction[np.argmax(size >= largest * (1 - _TIED))]) if largest else 1.0


def rational(direction: tuple[int, ...]) -> tuple[Fraction, ...]:
    """Exact exponents of a monomial, the first of the largest ones 1."""
    lead = max(direction, key=abs)
    return tuple(Fraction(c, lead) for c in direction)


# runs that decide where to look; all decide what is found
_LARGEST_TABLE = 5000


def thin(sample: Sample) -> Sample:
    """At most a few thousand runs, evenly spaced, where every run is not needed."""
    if len(sample.y) <= _LARGEST_TABLE:
        return sample
    step = -(-len(sample.y) // _LARGEST_TABLE)
    return sample.take(np.arange(0, len(sample.y), step))


def knots_of(projection: Array, min_runs: int, most: int) -> Array:
    """Thresholds between runs that leave enough of them on both sides."""
    ordered = np.sort(projection)
    cuts = distinct_cuts(ordered, min_runs, most)
    return np.asarray(0.5 * (ordered[cuts - 1] + ordered[cuts]))


def kink_scores(
    basis: Array, root: Array, projection: Array, knots: Array, response: Array
) -> tuple[Array, Array]:
    """Projections on single hinges, given the laws already fitted.

    Parameters
    ----------
    basis : ndarray of shape (n_runs, q)
        Orthonormal basis of the weighted design.
    root : ndarray of shape (n_runs,)
        Roots of the weights.
    projection : ndarray of shape (n_runs,)
    knots : ndarray of shape (n_knots,)
    response : ndarray of shape (n_runs, n_responses)
        Weighted responses, already orthogonal to `basis`.

    Returns
    -------
    scores : ndarray of shape (n_knots, n_responses)
        Their squares are the reductions of the sum of squares.
    hinges : ndarray of shape (n_runs, n_knots)
        Unit vectors orthogonal to `basis`; zero where the laws already contain the hinge.
    """
    hinge = root[:, None] * np.maximum(projection[:, None] - knots, 0.0)
    raw = np.sum(hinge**2, axis=0)
    hinge = hinge - basis @ (basis.T @ hinge)
    size = np.sqrt(np.sum(hinge**2, axis=0))
    usable = size > 1e-5 * np.sqrt(raw)
    hinge *= np.where(usable, 1.0 / np.where(usable, size, 1.0), 0.0)
    return np.asarray(hinge.T @ response), hinge


def best_hinge(
    sample: Sample, regime: IntArray, directions: Array
) -> tuple[int, Array, float] | None:
    """The regime, direction and threshold of the hinge that explains most, or None."""
    best: tuple[int, Array, float] | None = None
    most = 0.0
    for k in range(int(regime.max()) + 1):
        part = thin(sample.take(np.flatnonzero(regime == k)))
        root = np.sqrt(part.weight)
        basis = np.linalg.qr(root[:, None] * part.design)[0]
        response = (root * part.y)[:, None]
        response = response - basis @ (basis.T @ response)
        for direction in directions:
            projection = part.Z @ direction
            knots = knots_of(projection, part.min_runs, 32)
            if len(knots):
                gain = kink_scores(basis, root, projection, knots, response)[0][:, 0] ** 2
                at = int(np.argmax(gain))
                if gain[at] > most * (1 + 1e-9):
                    most, best = float(gain[at]), (k, direction, float(knots[at]))
    return best
