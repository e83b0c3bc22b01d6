"""Short monomials of the groups, and what functions are tried on: differences, modulated terms.

"Short" is counted in the physical variables, so that nothing depends on the basis of the groups.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product

import numpy as np

from dimgs.common.arrays import Array, IntArray
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    Call,
    Exponents,
    Mono,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    monomial,
    times,
)

# vectors of exponents that are listed: beyond, only sums of up to three unit vectors
_LARGEST_BOX = 120_000
# cost in units of one more variable: of broken exponents in the variables; of a step away from the
# power law; of each power above 1; and of a group that changes sign in a denominator, which is as
# rare as three more variables
_HALF, _NEAR, _POWER, _POLE = 1.0, 1.2, 0.25, 3.0
# longest monomial that is kept, where some are much shorter
_LONGEST = 12.0
# least common denominator of the exponents that are listed
_COMMON = 12
# how unlike m and m r count where r is one variable of no dimension: next after like ones
_ONE_VARIABLE = 2.5
MINUS = Number(-1.0, "-1")
# values beyond have no products that are representable
_LEAST = 1e-200
# functions that stand beside a monomial in an argument
_MODULATING = ("cos", "sin", "exp", "log", "tanh")
# multiples of the argument of what oscillates, as of double and half angles
_SCALES = ((1.0, "1"), (0.5, "1/2"), (2.0, "2"))


@dataclass(frozen=True, eq=False)
class Terms:
    """Trees without free constants, what they cost, and their values.

    Parameters
    ----------
    trees : tuple of Tree
    cost : ndarray of shape (n_terms,)
        In units of one more variable.
    values : ndarray of shape (n_runs, n_terms)
    """

    trees: tuple[Tree, ...]
    cost: Array
    values: Array

    @classmethod
    def stacked(cls, runs: Runs, terms: Iterable[tuple[Tree, float, Array]]) -> "Terms":
        """Of trees with their cost and their values, one by one."""
        listed = list(terms)
        if not listed:
            return cls((), np.zeros(0), np.zeros((runs.n_runs, 0)))
        trees, cost, values = zip(*listed, strict=True)
        return cls(trees, np.array(cost), np.column_stack(values))

    def __len__(self) -> int:
        return len(self.trees)

    def __add__(self, other: "Terms") -> "Terms":
        return Terms(
            self.trees + other.trees,
            np.concatenate([self.cost, other.cost]),
            np.column_stack([self.values, other.values]),
        )

    def take(self, rows: IntArray) -> "Terms":
        """Some of the terms."""
        return Terms(tuple(self.trees[i] for i in rows), self.cost[rows], self.values[:, rows])

    def first(self, count: int) -> "Terms":
        """The first terms."""
        return self.take(np.arange(min(count, len(self))))

    def varying(self, count: int) -> "Terms":
        """The first that vary and whose products are representable."""
        with np.errstate(all="ignore"):
            variation = self.values.std(axis=0) / (np.abs(self.values).mean(axis=0) + 1e-300)
        size = np.median(np.abs(self.values), axis=0)
        kept = np.isfinite(variation) & (variation > 1e-3) & (size > _LEAST) & (size < 1 / _LEAST)
        return self.take(np.nonzero(kept)[0][:count])

    def times(self, tree: Tree, values: Array) -> "Terms":
        """Every term times one tree."""
        trees = tuple(times(term, tree) for term in self.trees)
        return Terms(trees, self.cost, self.values * values[:, None])

    def crossed(self, other: "Terms", count: int) -> "Terms":
        """The cheapest products of one of these and one of others."""
        total = self.cost[:, None] + other.cost[None, :]
        order = cheapest(total, count)
        i, j = np.unravel_index(order, total.shape)
        trees = tuple(times(self.trees[a], other.trees[b]) for a, b in zip(i, j, strict=True))
        return Terms(trees, total.ravel()[order], self.values[:, i] * other.values[:, j])

    @cached_property
    def exponents(self) -> tuple[Exponents, ...]:
        """Those of monomials; of the constant 1, which is not a monomial, none but zeros."""
        width = max((len(t.exponents) for t in self.trees if isinstance(t, Mono)), default=0)
        none = (Fraction(0),) * width
        return tuple(t.exponents if isinstance(t, Mono) else none for t in self.trees)


def short_monomials(
    runs: Runs,
    count: int,
    *,
    power: float = 0.0,
    halves: bool = False,
    near: Array | None = None,
) -> Terms:
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
    near : ndarray of shape (n_groups,), optional
        Exponents; monomials near to them count as short too.
    """
    vectors = _box(runs.n_groups, halves)
    if power:
        vectors = vectors + _offset(runs, power)
    vectors = vectors[runs.allows(vectors)]
    total = vectors @ runs.shape.T - power * runs.shift
    inside = np.abs(vectors) @ np.ones(runs.n_groups)
    size = np.abs(total).sum(axis=1)
    broken = np.abs(total - np.round(total)) > 1e-9
    cost = size + _HALF * broken.sum(axis=1)
    cost = cost + _POLE * runs.poles(vectors)
    cost = cost + _POWER * np.maximum(np.abs(total) - 1, 0).sum(axis=1) + 1e-3 * inside
    order = np.lexsort((*vectors.T, cost))
    order = order[cost[order] <= max(_LONGEST, float(cost.min()) + 4.0)][:count]
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
    return Terms(
        tuple(monomial(exponents[i]) for i in finite),
        cost[order][finite],
        np.column_stack([values[i] for i in finite]) if finite else np.zeros((runs.n_runs, 0)),
    )


def _offset(runs: Runs, power: float) -> Array:
    """Exponents that make those of the physical variables whole, where pi_0 has broken ones."""
    shift = power * runs.shift
    if (
        not all(runs.logged)
        or runs.n_groups == 0
        or np.abs(shift - np.round(shift)).max(initial=0.0) < 1e-9
    ):
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


def plain(runs: Runs, count: int, *, both_signs: bool = True) -> Terms:
    """Short monomials; of u and 1/u only the one with a positive first exponent if asked."""
    monomials = short_monomials(runs, count if both_signs else 2 * count)
    rows = [
        i
        for i, e in enumerate(monomials.exponents)
        if any(e) and (both_signs or next(x for x in e if x) > 0)
    ]
    return monomials.take(np.array(rows, dtype=np.int64)).varying(count)


def differences(
    runs: Runs, count: int, *, squares: bool = False, signs: tuple[int, ...] = (-1, 1)
) -> Terms:
    """Differences and sums of two short monomials, such as of two angles or of two positions.

    Those of like things come first: m_1 - m_2 where m_1/m_2 is a ratio of two variables.
    """
    short = short_monomials(runs, 48)
    rows = [i for i, e in enumerate(short.exponents) if any(e)]
    if not rows:
        return Terms.stacked(runs, ())
    E = np.array([[float(x) for x in short.exponents[i]] for i in rows])
    physical = E @ runs.shape.T
    ratio = np.abs(physical[:, None, :] - physical[None, :, :])
    unlike = (ratio + 2 * np.maximum(ratio - 1, 0)).sum(axis=2)
    # beside ratios of two variables, what one of no dimension is taken from: m (1 - r)
    unlike = np.where(unlike < 2, _ONE_VARIABLE, unlike)
    cost_of = short.cost[rows]
    total = np.maximum(cost_of[:, None], cost_of[None, :]) + 1.5 * (unlike - 2) + 0.6
    inverse = E.sum(axis=1) < 0
    total = total + inverse[:, None] * inverse[None, :]
    below = np.tril_indices(len(rows), -1)

    def listed() -> Iterator[tuple[Tree, float, Array]]:
        for k in cheapest(total[below], count):
            i, j = int(below[0][k]), int(below[1][k])
            a, b = (Mono(short.exponents[rows[x]]) for x in (j, i))
            for sign in signs:
                tree: Tree = Sum((a, b if sign == 1 else Product((MINUS, b))))
                value = short.values[:, rows[j]] + sign * short.values[:, rows[i]]
                if squares:
                    tree, value = Power(tree, Fraction(2)), value**2
                yield tree, float(total[i, j]) + 0.1 * sign, value

    return Terms.stacked(runs, listed()).varying(count)


def modulated(runs: Runs, inner: Terms, count: int, names: tuple[str, ...] = _MODULATING) -> Terms:
    """Monomials times a function of another argument, such as pi_1 cos(pi_2 - pi_3)."""

    def listed() -> Iterator[tuple[Tree, float, Array]]:
        for name in names:
            function = FUNCTIONS[name]
            for scale, text in _SCALES if function.periodic else _SCALES[:1]:
                for k, argument in enumerate(inner.trees):
                    called = argument if scale == 1 else Product((Number(scale, text), argument))
                    value = function.value(scale * inner.values[:, k])
                    if np.all(np.isfinite(value)):
                        cost = float(inner.cost[k]) + abs(np.log2(scale)) * 2
                        yield Call(name, called), cost, value

    with np.errstate(all="ignore"):
        products = Terms.stacked(runs, listed()).crossed(short_monomials(runs, 16), count)
    return products.varying(count)


def cheapest(cost: Array, count: int) -> IntArray:
    """Places of the least of many costs, as of a flat array, in their order; of equals the first.

    Parameters
    ----------
    cost : ndarray
    count : int
    """
    flat = cost.ravel()
    few = np.arange(len(flat))
    if count < len(flat):
        few = np.nonzero(~(flat > np.partition(flat, count)[count]))[0]
    return np.asarray(few[np.argsort(flat[few], kind="stable")][:count])
