"""Terms that a sum may have beside monomials: monomials times functions of an argument."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.arguments import MINUS, Arguments, differences, plain
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.monomials import Monomials, short_monomials
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    ONE,
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

Array = NDArray[np.float64]
_SCALES = ((1.0, "1", 0.0), (0.5, "1/2", 1.5), (2.0, "2", 1.5), (2 * np.pi, "2*pi", 3.0))
_INVERSE, _RATIO = 1.5, 2.7
_ONE_SIDED = ("exp", "expm1", "log1p")
_POWERS = (
    (Fraction(1), 0.0),
    (Fraction(-1), 0.5),
    (Fraction(2), 0.5),
    (Fraction(1, 2), 0.5),
    (Fraction(-1, 2), 0.5),
    (Fraction(-2), 1.0),
)


@dataclass(frozen=True, eq=False)
class Library:
    """Terms that a sum may have.

    Parameters
    ----------
    trees : tuple of Tree
    values : ndarray of shape (n_runs, n_terms)
    """

    trees: tuple[Tree, ...]
    values: Array

    @classmethod
    def of_monomials(cls, found: Monomials) -> "Library":
        """Monomials, the constant among them."""
        trees = tuple(map(monomial, found.exponents))
        return cls(trees, found.values)

    def __add__(self, other: "Library") -> "Library":
        return Library(self.trees + other.trees, np.column_stack([self.values, other.values]))

    def __len__(self) -> int:
        return len(self.trees)

    def first(self, count: int) -> "Library":
        """The first terms."""
        return Library(self.trees[:count], self.values[:, :count])

    def times(self, tree: Tree, values: Array) -> "Library":
        """Every term times one tree."""
        return Library(
            tuple(times(term, tree) for term in self.trees), self.values * values[:, None]
        )


def bare_functions(runs: Runs) -> Arguments:
    """Functions of short arguments, without a monomial in front, the cheapest first."""
    trees: list[Tree] = []
    cost: list[float] = []
    values: list[Array] = []

    def put(tree: Tree, value: Array, bits: float) -> None:
        if np.all(np.isfinite(value)):
            trees.append(tree)
            values.append(value)
            cost.append(bits)

    monomials = plain(runs, 24)
    pairs = differences(runs, 24)
    with np.errstate(all="ignore"):
        arguments = monomials + pairs
        for k, argument in enumerate(arguments.trees):
            u, bits = arguments.values[:, k], float(arguments.cost[k])
            if isinstance(argument, Mono) and sum(argument.exponents) < 0 and bits < 1.5:
                bits += _INVERSE
            for scale, text, more in _SCALES:
                inner = argument if scale == 1 else Product((Number(scale, text), argument))
                for name, entry in FUNCTIONS.items():
                    if more and not (entry.periodic and name != "tan"):
                        continue
                    value, tree = entry.value(scale * u), Call(name, inner)
                    rare = bits + more + 0.25 * entry.bits
                    put(tree, value, rare)
                    if name in _ONE_SIDED and scale == 1:
                        opposite = Call(name, Product((MINUS, argument)))
                        put(opposite, entry.value(-u), rare + 0.5)
                    if name in ("sin", "cos"):
                        put(Power(tree, Fraction(2)), value**2, rare + 0.5)
        for k, argument in enumerate(monomials.trees):
            u, bits = monomials.values[:, k], float(monomials.cost[k])
            if next(x for x in _exponents(argument) if x) < 0:
                continue
            for scale, text, more in _SCALES[:3]:
                for sign in (-1, 1):
                    inner = argument if scale == 1 else Product((Number(scale, text), argument))
                    part = inner if sign == 1 else Product((MINUS, inner))
                    base = Sum((ONE, part))
                    for exponent, rare in _POWERS:
                        power: Tree = base if exponent == 1 else Power(base, exponent)
                        value = (1 + sign * scale * u) ** float(exponent)
                        put(power, value, bits + more + rare)
    order = np.argsort(np.array(cost), kind="stable")
    stacked = np.column_stack(values) if values else np.zeros((runs.n_runs, 0))
    return Arguments(tuple(trees), np.array(cost), stacked).take(order)


def function_terms(
    runs: Runs, bare: Arguments, power: float, count: int, near: Array | None = None
) -> Library:
    """Monomials of the power of the response times functions, the cheapest first."""
    outer = short_monomials(runs, 80, power=power, halves=True, near=near)
    if not len(bare) or not len(outer):
        return Library((), np.zeros((runs.n_runs, 0)))
    base = outer.cost - outer.cost.min()
    total = base[:, None] + bare.cost[None, :]
    order = np.argsort(total, axis=None, kind="stable")[:count]
    rows, columns = np.unravel_index(order, total.shape)
    values = outer.values[:, rows] * bare.values[:, columns]
    trees = tuple(
        times(monomial(outer.exponents[i]), bare.trees[j])
        for i, j in zip(rows, columns, strict=True)
    )
    return Library(trees, values)


def squared_differences(runs: Runs, power: float, count: int, near: Array | None = None) -> Library:
    """Monomials of the power of the response times (1 - r)², r a ratio of two variables."""
    outer = short_monomials(runs, 120, power=power, near=near)
    short = plain(runs, 60, both_signs=False)
    ratios = short.take(np.nonzero(short.cost < _RATIO)[0])
    found = times_squares(outer.exponents, outer.values, ratios)
    order = np.argsort(np.repeat(outer.cost, len(ratios)), kind="stable")[:count]
    return Library(tuple(found.trees[i] for i in order), found.values[:, order])


def times_squares(exponents: Sequence[Exponents], values: Array, ratios: Arguments) -> Library:
    """Every monomial times every (1 - r)², those of one monomial side by side."""
    trees = tuple(
        times(monomial(e), Power(Sum((ONE, Product((MINUS, r)))), Fraction(2)))
        for e in exponents
        for r in ratios.trees
    )
    products = values[:, :, None] * ((1 - ratios.values) ** 2)[:, None, :]
    return Library(trees, products.reshape(len(values), -1))


def _exponents(tree: Tree) -> tuple[Fraction, ...]:
    assert isinstance(tree, Mono)
    return tree.exponents
