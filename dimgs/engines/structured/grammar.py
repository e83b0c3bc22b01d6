"""Columns without constants: what operators make of the groups, the cheapest or all up to a size.

Every column of the search is made here, and every column of what is tried to the end: by one table
of operators, which gives values and trees alike.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.trees import (
    MINUS,
    ONE,
    Call,
    Exponents,
    Mono,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    powered,
    raised,
    times,
)

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
