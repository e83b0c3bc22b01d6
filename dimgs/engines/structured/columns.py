"""Columns of the searches: short monomials, what operators make of them, functions of both.

A constant c is a simple number, where all sets of a few columns are compared, or one of a grid in
units of its argument, from where it is refined.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache, partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import exprel

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.engines.structured.refine import OPERATOR, PHASE_BITS, is_angle, structure_bits
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    FUNCTIONS,
    MINUS,
    ONE,
    RAMP,
    Call,
    Exponents,
    Function,
    Mono,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    exact,
    monomial,
    powered,
    raised,
    times,
)

# ---- Columns without constants: what operators make of the groups, the cheapest or all up to a
# size.
#
# Every column of the search is made here, and every column of what is tried to the end: by one
# table of operators, which gives values and trees alike.


_INVERSE, _ROOT = Fraction(-1), Fraction(1, 2)
# values beyond have no products that are representable
_LEAST = 1e-200
# operators of which all columns up to a size are made: those of one column, with functions that are
# not rare, before those of two
_GROWN, _ALONE = ("sqrt", "exp", "log", "sin", "cos", "tan", "tanh", "+", "*", "-", "/"), 7
# relative difference of equal columns, that of a difference that is rounding, and the largest
EQUAL, _ROUNDING, _LARGEST = 1e-9, 1e-13, 1e100
# numbers at a time: few enough that a processor holds them
_CHUNK = 400_000


class Operator(NamedTuple):
    """What an operator makes of values, and of trees."""

    value: Callable[..., Any]
    tree: Callable[..., Tree]


OPERATORS: dict[str, Operator] = {
    "+": Operator(np.add, lambda a, b: Sum((a, b))),
    "*": Operator(np.multiply, times),
    "-": Operator(np.subtract, lambda a, b: Sum((a, Product((MINUS, b))))),
    "/": Operator(np.divide, lambda a, b: times(a, powered(b, _INVERSE))),
    "neg": Operator(np.negative, lambda a: Product((MINUS, a))),
    "sqrt": Operator(np.sqrt, lambda a: powered(a, _ROOT)),
    **{name: Operator(entry.value, partial(Call, name)) for name, entry in FUNCTIONS.items()},
}


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

    def __len__(self) -> int:
        return len(self.trees)

    def __add__(self, other: "Terms") -> "Terms":
        return Terms.joined([self, other])

    @classmethod
    def joined(cls, parts: "list[Terms]") -> "Terms":
        """Terms of several kinds, in their order."""
        return cls(
            tuple(tree for part in parts for tree in part.trees),
            np.concatenate([part.cost for part in parts]),
            np.column_stack([part.values for part in parts]),
        )

    def take(self, rows: IntArray) -> "Terms":
        """Some of the terms."""
        return Terms(tuple(self.trees[i] for i in rows), self.cost[rows], self.values[:, rows])

    def first(self, count: int) -> "Terms":
        """The first terms."""
        return self.take(np.arange(min(count, len(self))))

    def finite(self) -> "Terms":
        """Those that have a value in every run."""
        return self.take(np.flatnonzero(np.all(np.isfinite(self.values), axis=0)))

    def varying(self, count: int) -> "Terms":
        """The first that vary and whose products are representable."""
        with np.errstate(all="ignore"):
            variation = self.values.std(axis=0) / (np.abs(self.values).mean(axis=0) + 1e-300)
        size = np.median(np.abs(self.values), axis=0)
        kept = np.isfinite(variation) & (variation > 1e-3) & (size > _LEAST) & (size < 1 / _LEAST)
        return self.take(np.nonzero(kept)[0][:count])

    def applied(self, name: str, *others: "Terms", more: float = 0.0) -> "Terms":
        """What an operator makes of each, and of the others in its place; for some more cost."""
        operator, parts = OPERATORS[name], (self, *others)
        trees = tuple(map(operator.tree, *(part.trees for part in parts)))
        values = np.asarray(operator.value(*(part.values for part in parts)))
        return Terms(trees, self.cost + more, values)

    def scaled(self, number: Number, more: float = 0.0) -> "Terms":
        """Each times a number."""
        trees = tuple(times(number, tree) for tree in self.trees)
        return Terms(trees, self.cost + more, number.value * self.values)

    def raised(self, power: Fraction, more: float = 0.0) -> "Terms":
        """Each to a power."""
        trees = tuple(tree if power == 1 else Power(tree, power) for tree in self.trees)
        return Terms(trees, self.cost + more, raised(self.values, power))

    def from_one(self, sign: str, more: float = 0.0) -> "Terms":
        """1 + each, or 1 - each."""
        ones = Terms((ONE,) * len(self), self.cost, np.ones_like(self.values))
        return ones.applied(sign, self, more=more)

    def times(self, tree: Tree, values: Array) -> "Terms":
        """Every term times one tree."""
        trees = tuple(times(term, tree) for term in self.trees)
        return Terms(trees, self.cost, self.values * values[:, None])

    def crossed(self, other: "Terms", count: int) -> "Terms":
        """The cheapest products of one of these and one of others."""
        total = self.cost[:, None] + other.cost[None, :]
        order = cheapest(total, count)
        i, j = np.unravel_index(order, total.shape)
        product = self.take(i).applied("*", other.take(j))
        return Terms(product.trees, total.ravel()[order], product.values)

    @cached_property
    def exponents(self) -> tuple[Exponents, ...]:
        """Those of monomials; of the constant 1, which is not a monomial, none but zeros."""
        width = max((len(t.exponents) for t in self.trees if isinstance(t, Mono)), default=0)
        none = (Fraction(0),) * width
        return tuple(t.exponents if isinstance(t, Mono) else none for t in self.trees)


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


class Columns:
    """All columns of groups and 1 by + − × ÷, square roots and functions that are not nested.

    Columns that are equal in the runs are one. A node is a group, a number, an operator or a
    function; columns of fewer nodes come first.

    Parameters
    ----------
    groups : ndarray of shape (n_runs, n_groups)
        Values of the groups.
    """

    def __init__(self, groups: Array) -> None:
        m, n = groups.shape
        self._mix = np.random.default_rng(0).uniform(0.5, 1.5, (2, m))
        values = np.column_stack([groups, np.ones(m)])
        kept = first_of_equals(self.keys(values))
        leaves = (*(Mono(tuple(map(Fraction, e))) for e in np.eye(n, dtype=int).tolist()), ONE)
        self._leaves: list[Tree] = [leaves[k] for k in kept]
        self.values, self.varies = values[:, kept], varying(values[:, kept])
        self.called = np.zeros(len(kept), dtype=bool)
        # operators and operands, by their numbers
        self._made = np.zeros((3, len(kept)), dtype=np.int64)
        self.ends = [0, len(kept)]

    @property
    def sizes(self) -> list[int]:
        """Number of columns of each size, from 1."""
        return np.diff(self.ends).tolist()

    def raw(self) -> int:
        """Number of columns from which those of the next size are chosen."""
        return sum(len(left) for _, left, _ in self._pairs())

    def grow(self) -> None:
        """Make the columns of the next size."""
        kind, left, right, keys, called = (
            np.concatenate(x) for x in zip(*self._new(), strict=True)
        )
        # of equal ones the first is kept, and one without functions where there is one
        order, old = np.argsort(called, kind="stable"), len(self.called)
        first = first_of_equals(np.concatenate([self.keys(self.values), keys[order]]))
        kept = np.sort(order[first[first >= old] - old])
        values = np.empty((len(self.values), len(kept)))
        for k in np.unique(kind[kept]):
            rows = kind[kept] == k
            values[:, rows] = self._applied(k, left[kept[rows]], right[kept[rows]])
        self._made = np.column_stack([self._made, np.array([kind, left, right])[:, kept]])
        self.called = np.r_[self.called, called[kept]]
        self.varies = np.r_[self.varies, varying(values)]
        self.values = np.column_stack([self.values, values])
        self.ends.append(len(self.called))

    def tree(self, number: int) -> Tree:
        """A column as a tree."""
        if number < self.ends[1]:
            return self._leaves[number]
        k, *operands = map(int, self._made[:, number])
        return OPERATORS[_GROWN[k]].tree(*map(self.tree, operands[: _operands(k)]))

    def _applied(self, k: int, left: IntArray, right: IntArray) -> Array:
        """Values of what an operator makes of columns."""
        parts = [self.values[:, x] for x in (left, right)[: _operands(k)]]
        return np.asarray(OPERATORS[_GROWN[k]].value(*parts))

    def _pairs(self) -> Iterator[tuple[int, IntArray, IntArray]]:
        """Operators with the numbers of the columns that each is applied to in the next size."""
        size = len(self.ends) - 1
        last, called = np.arange(self.ends[size - 1], self.ends[size]), self.called
        last = last[self.varies[last]]
        for k in range(_ALONE):
            rows = last if _GROWN[k] == "sqrt" else last[~called[last]]
            yield k, rows, rows
        for i in range(size - 1):
            j = size - 2 - i
            a, b = (np.arange(self.ends[x], self.ends[x + 1]) for x in (i, j))
            left, right = (x.ravel() for x in np.meshgrid(a, b, indexing="ij"))
            ordered = left <= right
            for k in range(_ALONE, len(_GROWN)):
                if _GROWN[k] in "-/":
                    yield k, left, right
                elif i <= j:
                    yield k, left[ordered], right[ordered]

    def _new(self) -> Iterator[tuple[IntArray, IntArray, IntArray, Array, BoolArray]]:
        """Operators of the next size and their operands, with the keys of what has values."""
        step, largest = max(1, _CHUNK // len(self.values)), np.abs(self.values).max(axis=0)
        for k, left, right in self._pairs():
            for at in range(0, len(left), step):
                i, j = left[at : at + step], right[at : at + step]
                values = self._applied(k, i, j)
                size = np.abs(values).max(axis=0)
                least = _ROUNDING * largest[i] if _GROWN[k] in "+-" else 0.0
                good = (size > least) & (size < _LARGEST)
                i, j, called = i[good], j[good], self.called[i] | self.called[j]
                called = called[good] | (0 < k < _ALONE)
                yield np.full(len(i), k), i, j, self.keys(values[:, good]), called

    def keys(self, values: Array) -> Array:
        """Two numbers that are equal for equal columns, and for no others."""
        bounded = values / (1 + np.abs(values))
        return np.column_stack([self._mix[0] @ values, self._mix[1] @ bounded])


def _operands(k: int) -> int:
    return 1 if k < _ALONE else 2


def varying(values: Array) -> BoolArray:
    """Whether columns are more than a constant."""
    return np.asarray(np.ptp(values, axis=0) > _ROUNDING * np.abs(values).max(axis=0))


def first_of_equals(keys: Array) -> IntArray:
    """Rows that equal no earlier row, in their order.

    Parameters
    ----------
    keys : ndarray of shape (n_rows, n_keys)
    """
    group = np.zeros(len(keys), dtype=np.int64)
    for column in keys.T:
        order = np.lexsort((column, group))
        value, sorted_group = column[order], group[order]
        jump = np.diff(value) > EQUAL * np.abs(value[1:])
        group[order] = np.cumsum(np.r_[0, jump | (np.diff(sorted_group) > 0)])
    return np.sort(np.unique(group, return_index=True)[1])


# ---- Short monomials of the groups, and what functions are tried on: differences, modulated
# terms.
#
# "Short" is counted in the physical variables, so that nothing depends on the basis of the groups.


# monomials among which those without some variables are sought: a group is among the first
_ALL = 500
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
# each further power of r, of an argument and in a sum: distances of squares are as usual there as
# those of positions
_RAISED, _RAISED_IN_SUMS = 3.0, 0.5
# functions that stand beside a monomial in an argument
_MODULATING = ("cos", "sin", "exp", "log", "tanh")
# multiples of the argument of what oscillates, as of double and half angles, with their cost
_SCALES = ((ONE, 0.0), (exact(Fraction(1, 2)), 2.0), (exact(2), 2.0))


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
        nearest = np.lexsort((*vectors.T, distance + 0.1 * cost))[: max(2 * count // 5, 1)]
        beside = float(cost.min()) + _NEAR * (distance - distance[nearest[0]])
        cost[nearest] = np.minimum(cost, beside)[nearest]
        order = np.array(list(dict.fromkeys([*order[: count - len(nearest)], *nearest, *order])))
        order = order[:count][np.argsort(cost[order[:count]], kind="stable")]
    exponents = tuple(
        tuple(Fraction(round(_COMMON * x), _COMMON) for x in vectors[i]) for i in order
    )
    listed = monomials_of(runs, exponents, cost[order])
    return listed.take(np.flatnonzero(np.any(listed.values, axis=0))).finite()


def monomials_of(runs: Runs, exponents: Sequence[Exponents], cost: Array | None = None) -> Terms:
    """The monomials of given exponents, with no cost by default."""
    with np.errstate(all="ignore"):
        values = [np.zeros((runs.n_runs, 0)), *map(runs.monomial, exponents)]
    free = np.zeros(len(exponents))
    trees = tuple(map(monomial, exponents))
    return Terms(trees, free if cost is None else cost, np.column_stack(values))


def groups_without(runs: Runs, variables: BoolArray) -> tuple[Exponents, ...]:
    """The shortest independent monomials that have none of some variables, upright where they can.

    Of u and 1/u the one is a group that has its variables above the line: an angle, not 1/angle.

    Parameters
    ----------
    runs : Runs
    variables : ndarray of bool, shape (n_variables,)
    """
    E = [e for e in short_monomials(runs, _ALL).exponents if any(e)]
    V = np.array(E, dtype=float).reshape(len(E), runs.n_groups)
    independent: list[int] = []
    for k in np.flatnonzero(~np.any(np.abs(V @ runs.shape[variables].T) > 1e-9, axis=1)):
        if np.linalg.matrix_rank(V[[*independent, int(k)]]) > len(independent):
            independent.append(int(k))
    upright = np.sign((V[independent] @ runs.shape.T).sum(axis=1))
    turned = {
        k: tuple(-x for x in E[k]) for k, s in zip(independent, upright, strict=True) if s < 0
    }
    return tuple(turned[k] if turned.get(k) in E else E[k] for k in independent)


def _offset(runs: Runs, power: float) -> Array:
    """Exponents that make those of the physical variables whole, where pi_0 has broken ones."""
    shift = power * runs.shift
    if not all(runs.logged) or np.abs(shift - np.round(shift)).max(initial=0.0) < 1e-9:
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


def plain(runs: Runs, count: int, *, both_signs: bool = True, halves: bool = False) -> Terms:
    """Short monomials; of u and 1/u only the one with a positive first exponent if asked."""
    monomials = short_monomials(runs, count if both_signs else 2 * count, halves=halves)
    rows = [
        i
        for i, e in enumerate(monomials.exponents)
        if any(e) and (both_signs or next(x for x in e if x) > 0)
    ]
    return monomials.take(np.array(rows, dtype=np.int64)).varying(count)


def differences(
    runs: Runs, count: int, *, power: float | None = None, signs: tuple[str, ...] = ("-", "+")
) -> Terms:
    """Differences and sums of two short monomials, such as of two angles or of two positions.

    Those of like things come first: m_1 - m_2 where m_1/m_2 is a ratio of two variables.

    Parameters
    ----------
    runs : Runs
    count : int
        How many at most.
    power : float, optional
        Power of the response that a term of a sum has the dimension of; by default terms are
        arguments of functions, of which only one of u and 1/u is short.
    signs : tuple of str
    """
    halves = power is not None and power % 1 != 0
    short = short_monomials(runs, 48, power=power or 0.0, halves=halves)
    short = short.take(np.flatnonzero([power is not None or any(e) for e in short.exponents]))
    if not len(short):
        return short
    E = np.array(short.exponents, dtype=float)
    physical = E @ runs.shape.T
    ratio = np.abs(physical[:, None, :] - physical[None, :, :])
    power_of = np.maximum(ratio.max(axis=2, initial=1.0), 1.0)
    ratio = ratio / power_of[:, :, None]
    broken = np.abs(ratio - np.round(ratio)) > 1e-9
    further = _RAISED if power is None else _RAISED_IN_SUMS
    unlike = (ratio + 2 * broken).sum(axis=2) + further * (power_of - 1)
    # beside ratios of two variables, what one of no dimension is taken from: m (1 - r)
    unlike = np.where(unlike < 2, _ONE_VARIABLE, unlike)
    total = np.maximum(short.cost[:, None], short.cost[None, :]) + 1.5 * (unlike - 2) + 0.6
    inverse = (E.sum(axis=1) < 0) & (power is None)
    total = total + inverse[:, None] * inverse[None, :]
    i, j = np.tril_indices(len(short), -1)
    order = cheapest(total[i, j], count)
    first = replace(short.take(j[order]), cost=total[i, j][order])
    second = short.take(i[order])
    both = [first.applied(s, second, more=0.1 if s == "+" else -0.1) for s in signs]
    # of each pair one after the other
    mixed = Terms.joined(both).take(
        np.arange(len(both) * len(order)).reshape(len(both), -1).T.ravel()
    )
    return mixed.varying(count)


def modulated(runs: Runs, inner: Terms, count: int, names: tuple[str, ...] = _MODULATING) -> Terms:
    """Monomials times a function of another argument, such as pi_1 cos(pi_2 - pi_3)."""
    with np.errstate(all="ignore"):
        called = [
            inner.scaled(*scale).applied(name)
            for name in names
            for scale in (_SCALES if FUNCTIONS[name].periodic else _SCALES[:1])
        ]
        products = Terms.joined(called).finite().crossed(short_monomials(runs, 16), count)
    return products.varying(count)


AFFINE, EXPONENTIAL, ITSELF, RELATIVE = "affine", "exp", "itself", "exprel"
# below, the slope of (exp(u) - 1)/u loses digits by cancellation, and its series does not
_BY_SERIES = 1e-4


def _relative_slope(u: Array) -> Array:
    """Derivative of (exp(u) - 1)/u."""
    near = np.abs(u) < _BY_SERIES
    far = np.where(near, 1.0, u)
    return np.where(near, 0.5 + u / 3, (np.exp(far) - exprel(far)) / far)


# what factors are made of: the argument itself, 1 + c u, (exp(u) - 1)/u, which is what exponentials
# of two inputs differ by, and the functions of the library
FACTORS = {
    ITSELF: Function(ITSELF, lambda u: u, np.ones_like, 0.0),
    EXPONENTIAL: FUNCTIONS["exp"],
    AFFINE: Function(AFFINE, lambda u: 1 + u, np.ones_like, OPERATOR),
    RELATIVE: Function(RELATIVE, exprel, _relative_slope, FUNCTIONS["expm1"].bits + OPERATOR),
    **FUNCTIONS,
}
# what vanishes beyond a threshold has no logarithm
_LOGGED = {name: entry for name, entry in FACTORS.items() if name != RAMP}
# of free constants in units of 1/median|u|: from where g is linear to where it saturates; and
# frequencies in units of 1/max|u|: from a ninth of a turn over the range on
_GRID, _FREQUENCIES = np.geomspace(0.02, 40.0, 17), 0.7 * np.arange(1, 25)
# bits of a free constant, as of 60 runs; and where c u stays below, a function is its argument to a
# few per cent, and no column of its own
_FREE_BITS, _LINEAR = 7.0, 0.3
# simple constants: of all, of 1 + c u, of functions, and of those that oscillate; other ones are
# found as free constants
_CONSTANTS = ("1", "2", "1/2")
_AFFINE = (*_CONSTANTS, "3", "1/3", "4", "1/4")
_CALLED = (*_CONSTANTS, "2*pi", "1/(2*pi)")
_TURNS = (*_CALLED, "pi", "pi/2", "4", "1/4")
# runs by which columns that differ by a monomial only are known as one
_PROBES = 12
# share of the bits of an argument that is forgiven in the first cut: more, and long arguments crowd
# out the others; none, and they are never tried
_RELIEF = 0.75
# rows that stay in a processor's cache while they are projected (1.6 MB at 200 runs)
_BLOCK = 1024
# columns beyond hide all others in single precision
_LARGEST_COLUMN = 1e9


def log_values(function: str, u: Array, c: Array) -> Array:
    """log|g(c u)|, or u itself for the exponential; broadcast over columns."""
    with np.errstate(all="ignore"):
        if function == EXPONENTIAL:
            return np.broadcast_to(u, np.broadcast_shapes(np.shape(u), np.shape(c)))
        if function == ITSELF:
            return np.log(np.abs(u)) + 0.0 * c
        return np.asarray(np.log(np.abs(FACTORS[function].value(c * u))))


def of_argument(function: str, inner: Tree) -> Tree:
    """A factor without its power, as a tree."""
    if function == ITSELF:
        return inner
    if function == RELATIVE:
        return Product((Call("expm1", inner), Power(inner, Fraction(-1))))
    return Sum((ONE, inner)) if function == AFFINE else Call(function, inner)


def weighted(values: Array, root: Array) -> Array:
    """Rows times the square roots of their weights; what has no weight counts as zero.

    Parameters
    ----------
    values : ndarray of shape (n_runs, ...)
        May be infinite or NaN in runs without weight.
    root : ndarray of shape (n_runs,)
    """
    scale = root.reshape(-1, *(1,) * (values.ndim - 1))
    with np.errstate(all="ignore"):
        return np.where(scale > 0, scale * values, 0.0)


def log_slope(function: str, u: Array, c: float) -> Array:
    """Derivative of log|g(c u)| by log c."""
    with np.errstate(all="ignore"):
        if function in (EXPONENTIAL, ITSELF):
            return np.zeros_like(u)
        entry = FACTORS[function]
        return np.asarray(c * u * entry.slope(c * u) / entry.value(c * u))


@dataclass(frozen=True, slots=True)
class Factor:
    """log|g(c u)| of any argument u, or u itself for an exponential.

    Parameters
    ----------
    function : str
        Name in `FACTORS`; an exponential has the column u, and no constant.
    sign : int
        Sign of c.
    bits : float
    scale : Number, optional
        Size of c; None where it is free.
    start : float
        Where a free one starts, in units of 1/median|u|, or of 1/max|u| for what oscillates.
    """

    function: str
    sign: int
    bits: float
    scale: Number | None = None
    start: float = 0.0

    @property
    def periodic(self) -> bool:
        """Whether it oscillates."""
        return FACTORS[self.function].periodic

    @property
    def called(self) -> bool:
        """Whether its argument is that of a function."""
        return self.function not in (AFFINE, ITSELF)

    def constants(self, u: Array) -> Array:
        """The constant for each column of arguments; NaN where the function is its argument."""
        size = np.abs(u)
        if self.scale is not None:
            return np.full(u.shape[1], self.sign * self.scale.value)
        largest = size.max(axis=0)
        with np.errstate(all="ignore"):
            c = np.asarray(self.start / (largest if self.periodic else np.median(size, axis=0)))
        bent = (c * largest > _LINEAR) & np.isfinite(c) | (self.function == AFFINE)
        return np.where(bent, self.sign * c, np.nan)


def _signs(name: str) -> tuple[int, ...]:
    """Signs of the constant that make functions that differ by more than a sign."""
    return (1, -1) if name in (AFFINE, RELATIVE, "expm1", "log1p") else (1,)


@lru_cache(maxsize=1)
def simple_factors() -> tuple[Factor, ...]:
    """Every function with its simple constants."""
    out: list[Factor] = []
    for name, entry in _LOGGED.items():
        texts: tuple[str, ...] = ("1",)
        if name not in (ITSELF, EXPONENTIAL):
            texts = _AFFINE if name == AFFINE else _TURNS if entry.periodic else _CALLED
        for scale, sign in product(map(exact, texts), _signs(name)):
            plain = scale.value == 1 and sign > 0
            more = 0.0 if plain else OPERATOR + scale.bits + (sign < 0)
            out.append(Factor(name, sign, entry.bits + more, scale))
    return tuple(out)


@lru_cache(maxsize=1)
def free_factors() -> tuple[Factor, ...]:
    """Every function with a grid of constants."""
    out = [f for f in simple_factors() if f.function in (ITSELF, EXPONENTIAL)]
    for name, entry in _LOGGED.items():
        if name not in (ITSELF, EXPONENTIAL):
            grid = _FREQUENCIES if entry.periodic else _GRID[:: 1 if name == AFFINE else 2]
            starts = product(grid.tolist(), _signs(name))
            out += [Factor(name, sign, entry.bits + _FREE_BITS, start=c) for c, sign in starts]
    return tuple(out)


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Columns of factors and arguments.

    Parameters
    ----------
    form : tuple of Factor
    argument : ndarray of int, shape (n_columns,)
    constant : ndarray of shape (n_columns,)
    bits : ndarray of shape (n_columns,)
        In increasing order.
    values : ndarray of shape (n_columns, n_runs)
    projected : ndarray of float32, shape (n_columns, n_runs)
        Weighted, off the power law.
    """

    form: tuple[Factor, ...]
    argument: IntArray
    constant: Array
    bits: Array
    values: Array
    projected: NDArray[np.float32]

    @classmethod
    def of(
        cls, runs: Runs, arguments: Terms, base: Array, size: int, table: Sequence[Factor]
    ) -> "Dictionary":
        """The cheapest columns; `base` is the weighted power law, which is projected out."""
        # monomials are in the power law, and an exponential has a free rate
        within = [
            isinstance(t, Mono) or (isinstance(t, Call) and t.name == "exp")
            for t in arguments.trees
        ]
        alone = ~np.array(within, dtype=bool)
        plain = np.array([structure_bits(tree, runs) for tree in arguments.trees])
        inner = np.array([structure_bits(tree, runs, "exp") for tree in arguments.trees])
        bits = np.where([f.called for f in table], inner[:, None], plain[:, None])
        bits += np.array([f.bits for f in table]) + OPERATOR
        phases = [not is_angle(t, runs) for t in arguments.trees]
        bits += PHASE_BITS * np.outer(phases, [f.periodic for f in table])
        itself = np.array([f.function == ITSELF for f in table], dtype=bool)
        bits[np.ix_(~alone, itself)] = np.inf
        # long arguments are tried too, with short forms and simple constants
        relief = np.where([f.scale is None for f in table], 0.0, _RELIEF)
        order = cheapest(bits - np.outer(plain, relief), 2 * size)
        order = order[np.isfinite(bits.ravel()[order])]
        places, kinds = np.unravel_index(order, bits.shape)
        values = np.full((len(order), runs.n_runs), np.nan)
        constant = np.full(len(order), np.nan)
        for k in np.unique(kinds):
            rows, form = np.nonzero(kinds == k)[0], table[k]
            u = arguments.values[:, places[rows]]
            constant[rows] = form.constants(u)
            values[rows] = log_values(form.function, u, constant[rows]).T
        probe = np.linspace(0, runs.n_runs - 1, min(runs.n_runs, _PROBES)).astype(int)
        single, seen, length, whole = _projected(values, base, runs.log_root, probe)
        kept = (length > 1e-5 * whole + 1e-12) & (length < _LARGEST_COLUMN)
        with np.errstate(all="ignore"):
            key = np.round(np.column_stack([seen / length[:, None], np.log(length)]), 6)
        # of columns that differ by a monomial the cheapest stands for all
        sorted_bits = bits.ravel()[order]
        rows = np.nonzero(kept)[0]
        rows = rows[np.argsort(sorted_bits[rows], kind="stable")]
        _, first = np.unique(key[rows], axis=0, return_index=True)
        rows = np.sort(rows[first])[:size]
        rows = rows[np.argsort(sorted_bits[rows], kind="stable")]
        forms = tuple(table[k] for k in kinds)
        return cls(forms, places, constant, sorted_bits, values, single)._only(rows)

    @cached_property
    def squares(self) -> Array:
        """Squared lengths of the projected columns."""
        return np.asarray(np.einsum("ij,ij->i", self.projected, self.projected))

    def _only(self, rows: IntArray) -> "Dictionary":
        return Dictionary(
            tuple(self.form[k] for k in rows),
            self.argument[rows],
            self.constant[rows],
            self.bits[rows],
            self.values[rows],
            self.projected[rows],
        )

    def projected_off(self, base: Array, root: Array, count: int) -> "Dictionary":
        """The columns of the fewest bits with other weights, without those not finite."""
        none = np.empty(0, dtype=int)
        single, _, length, _ = _projected(self.values[:count], base, root, none)
        kept = np.nonzero(length < _LARGEST_COLUMN)[0]
        return replace(self._only(kept), projected=single[kept])


def _projected(
    values: Array, base: Array, root: Array, probe: IntArray
) -> tuple[NDArray[np.float32], Array, Array, Array]:
    """Weighted rows off the power law, in the runs `probe` too, their lengths, and those before.

    NaN where not finite. Of all rows at once, memory would take longer than the arithmetic.
    """
    single, seen = np.empty(values.shape, np.float32), np.empty((len(values), len(probe)))
    length, whole = np.empty((2, len(values)))
    with np.errstate(all="ignore"):
        for start in range(0, len(values), _BLOCK):
            part = slice(start, start + _BLOCK)
            rows = weighted(values[part].T, root).T
            whole[part] = np.sqrt((rows**2).sum(axis=1))
            rows = rows - (rows @ base) @ base.T
            length[part] = np.sqrt((rows**2).sum(axis=1))
            single[part], seen[part] = rows, rows[:, probe]
    return single, seen, length, whole
