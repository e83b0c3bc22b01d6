"""Short monomials of the groups, counted in the physical variables."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.runs import Runs

Array = NDArray[np.float64]
_LARGEST_BOX = 120_000
_HALF = 1.0
_NEAR = 1.2
_POWER = 0.25
_COMMON = 12


@dataclass(frozen=True, eq=False)
class Monomials:
    """Monomials with their values.

    Parameters
    ----------
    exponents : tuple of tuple of Fraction
    cost : ndarray of shape (n_monomials,)
        Sum of the absolute exponents of the physical variables; halves cost more.
    values : ndarray of shape (n_runs, n_monomials)
    """

    exponents: tuple[tuple[Fraction, ...], ...]
    cost: Array
    values: Array

    def __len__(self) -> int:
        return len(self.exponents)


def short_monomials(
    runs: Runs,
    count: int,
    *,
    power: float = 0.0,
    halves: bool = False,
    largest: float = 12.0,
    near: Array | None = None,
) -> Monomials:
    """The shortest monomials, the constant 1 included.

    Parameters
    ----------
    runs : Runs
    count : int
        How many at most.
    power : float
        Power of the response that the monomial adds to: ``Y**power = ... + monomial``, which
        makes a monomial short when its dimensional form is. 0 for an argument of a function.
    halves : bool
        Whether half-integer exponents take part.
    largest : float
        Longest that is kept.
    near : ndarray of shape (n_groups,), optional
        Exponents; monomials near to them count as short too.
    """
    vectors = _box(runs.n_groups, halves and all(runs.logged))
    if power and all(runs.logged):
        vectors = vectors + _offset(runs, power)
    total = vectors @ runs.shape.T - power * runs.shift
    inside = np.abs(vectors) @ np.ones(runs.n_groups)
    size = np.abs(total).sum(axis=1)
    broken = np.abs(total - np.round(total)) > 1e-9
    cost = size + _HALF * broken.sum(axis=1)
    cost = cost + _POWER * np.maximum(np.abs(total) - 1, 0).sum(axis=1) + 1e-3 * inside
    order = np.lexsort((*vectors.T, cost))
    order = order[cost[order] <= max(largest, float(cost.min()) + 4.0)][:count]
    if near is not None:
        distance = np.abs((vectors - near) @ runs.shape.T).sum(axis=1) + _HALF * broken.sum(axis=1)
        nearest = np.lexsort((*vectors.T, distance + 0.1 * cost))[: (2 * count) // 5]
        beside = float(cost.min()) + _NEAR * (distance - distance[nearest[0]])
        cost[nearest] = np.minimum(cost, beside)[nearest]
        order = np.array(list(dict.fromkeys([*order[: count - len(nearest)], *nearest, *order])))
        order = order[:count][np.argsort(cost[order[:count]], kind="stable")]
    exponents = tuple(
        tuple(Fraction(round(_COMMON * x), _COMMON) for x in vectors[i]) for i in order
    )
    with np.errstate(all="ignore"):
        values = [runs.monomial(e) for e in exponents]
    finite = [i for i, v in enumerate(values) if np.all(np.isfinite(v)) and np.any(v)]
    return Monomials(
        tuple(exponents[i] for i in finite),
        cost[order][finite],
        np.column_stack([values[i] for i in finite]) if finite else np.zeros((runs.n_runs, 0)),
    )


def _offset(runs: Runs, power: float) -> Array:
    """Exponents that make those of the physical variables whole, where pi_0 has broken ones."""
    shift = power * runs.shift
    if runs.n_groups == 0 or np.abs(shift - np.round(shift)).max(initial=0.0) < 1e-9:
        return np.zeros(runs.n_groups)
    for q in (2, 3, 4, 6):
        if q**runs.n_groups > _LARGEST_BOX:
            break
        parts = np.array(list(product(range(q), repeat=runs.n_groups))) / q
        total = parts @ runs.shape.T - shift
        whole = np.abs(total - np.round(total)).max(axis=1) < 1e-9
        if whole.any():
            return np.asarray(parts[int(np.argmax(whole))])
    return np.zeros(runs.n_groups)


def _box(width: int, halves: bool) -> Array:
    if width == 0:
        return np.zeros((1, 0))
    step = 2 if halves else 1
    radius = 6 * step
    while radius > step and (2 * radius + 1) ** width > _LARGEST_BOX:
        radius -= 1
    if (2 * radius + 1) ** width <= _LARGEST_BOX:
        axis = np.arange(-radius, radius + 1) / step
        return np.array(list(product(axis, repeat=width)))
    rows = [np.zeros(width)]
    ones = np.eye(width)
    signs = [s * e for s in (1, -1, 2, -2) for e in ones]
    rows += signs
    rows += [a + b for i, a in enumerate(signs) for b in signs[:i]]
    rows += [a + b + c for a in signs[:width] for b in signs for c in signs]
    return np.unique(np.array(rows), axis=0)
