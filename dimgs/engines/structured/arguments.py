"""Arguments that functions of the library are tried on: monomials, differences, modulated ones."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.monomials import short_monomials
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import Call, Exponents, Mono, Number, Power, Product, Sum, Tree

Array = NDArray[np.float64]
MINUS = Number(-1.0, "-1")
_SCALES = ((1.0, "1"), (0.5, "1/2"), (2.0, "2"))


@dataclass(frozen=True, eq=False)
class Arguments:
    """Trees without free constants, and their values.

    Parameters
    ----------
    trees : tuple of Tree
    cost : ndarray of shape (n_arguments,)
    values : ndarray of shape (n_runs, n_arguments)
    """

    trees: tuple[Tree, ...]
    cost: Array
    values: Array

    def __len__(self) -> int:
        return len(self.trees)

    def __add__(self, other: "Arguments") -> "Arguments":
        return Arguments(
            self.trees + other.trees,
            np.concatenate([self.cost, other.cost]),
            np.column_stack([self.values, other.values]),
        )

    def take(self, rows: NDArray[np.int64]) -> "Arguments":
        """Some of the arguments."""
        return Arguments(
            tuple(self.trees[i] for i in rows), self.cost[rows], self.values[:, rows]
        )


def plain(runs: Runs, count: int, *, both_signs: bool = True, halves: bool = False) -> Arguments:
    """Short monomials; of u and 1/u only the one with a positive first exponent if asked."""
    found = short_monomials(runs, count if both_signs else 2 * count, halves=halves)
    rows = [
        i
        for i, e in enumerate(found.exponents)
        if any(e) and (both_signs or next(x for x in e if x) > 0)
    ]
    trees = tuple(Mono(found.exponents[i]) for i in rows)
    return _varying(Arguments(trees, found.cost[rows], found.values[:, rows]), count)


def ratios(runs: Runs, count: int) -> list[Exponents]:
    """Monomials that are the ratio of two variables, or else the shortest ones."""
    found = short_monomials(runs, 8 * count, largest=4.0)
    kept = [e for e in found.exponents if any(e) and next(x for x in e if x) > 0]
    return kept[:count]


def differences(runs: Runs, count: int, *, squares: bool = False) -> Arguments:
    """Differences and sums of two short monomials, such as of two angles or of two positions."""
    short = short_monomials(runs, 24)
    rows = [i for i, e in enumerate(short.exponents) if any(e)]
    trees: list[Tree] = []
    cost, values = [], []
    for n, i in enumerate(rows):
        for j in rows[:n]:
            for sign in (-1, 1):
                a, b = short.exponents[j], short.exponents[i]
                second: Tree = Mono(b) if sign == 1 else Product((MINUS, Mono(b)))
                tree: Tree = Sum((Mono(a), second))
                value = short.values[:, j] + sign * short.values[:, i]
                if squares:
                    tree, value = Power(tree, Fraction(2)), value**2
                trees.append(tree)
                values.append(value)
                cost.append(float(short.cost[i] + short.cost[j]) + 1.0 + 0.1 * sign)
    if not trees:
        return empty(runs)
    order = np.argsort(cost, kind="stable")
    return _varying(
        Arguments(tuple(trees), np.array(cost), np.column_stack(values)).take(order), count
    )


def modulated(runs: Runs, inner: Arguments, count: int) -> Arguments:
    """Monomials times a function of another argument, such as pi_1 cos(pi_2 - pi_3)."""
    outer = short_monomials(runs, 16)
    trees: list[Tree] = []
    cost, values = [], []
    with np.errstate(all="ignore"):
        for name in ("cos", "sin", "exp", "log", "tanh"):
            function = FUNCTIONS[name]
            for scale, text in _SCALES:
                for k, argument in enumerate(inner.trees):
                    called = argument if scale == 1 else Product((Number(scale, text), argument))
                    value = function.value(scale * inner.values[:, k])
                    if not np.all(np.isfinite(value)):
                        continue
                    for i, e in enumerate(outer.exponents):
                        tree: Tree = Call(name, called)
                        trees.append(Product((Mono(e), tree)) if any(e) else tree)
                        values.append(outer.values[:, i] * value)
                        cost.append(float(inner.cost[k] + outer.cost[i]) + abs(np.log2(scale)) * 2)
    if not trees:
        return empty(runs)
    order = np.argsort(cost, kind="stable")[:count]
    rows = Arguments(tuple(trees), np.array(cost), np.column_stack(values)).take(order)
    return _varying(rows, count)


def powers(runs: Runs, inner: Arguments, count: int) -> Arguments:
    """Monomials times a power of 1 - u or 1 + u, such as pi_1 (1 - pi_2) or pi_1/(1 - pi_2²)²."""
    outer = short_monomials(runs, 12)
    trees: list[Tree] = []
    cost, values = [], []
    with np.errstate(all="ignore"):
        for sign in (-1.0, 1.0):
            for k, argument in enumerate(inner.trees):
                part = argument if sign > 0 else Product((MINUS, argument))
                base = Sum((Number(1.0, "1"), part))
                for exponent in (Fraction(1), Fraction(-1), Fraction(2), Fraction(-2),
                                 Fraction(1, 2), Fraction(-1, 2)):
                    value = (1 + sign * inner.values[:, k]) ** float(exponent)
                    if not np.all(np.isfinite(value)):
                        continue
                    for i, e in enumerate(outer.exponents):
                        tree: Tree = base if exponent == 1 else Power(base, exponent)
                        trees.append(Product((Mono(e), tree)) if any(e) else tree)
                        values.append(outer.values[:, i] * value)
                        cost.append(float(inner.cost[k] + outer.cost[i]) + abs(float(exponent)))
    if not trees:
        return empty(runs)
    order = np.argsort(cost, kind="stable")[:count]
    return Arguments(tuple(trees), np.array(cost), np.column_stack(values)).take(order)


def empty(runs: Runs) -> Arguments:
    """No arguments."""
    return Arguments((), np.zeros(0), np.zeros((runs.n_runs, 0)))


def _varying(arguments: Arguments, count: int) -> Arguments:
    values = arguments.values
    with np.errstate(all="ignore"):
        spread = values.std(axis=0) / (np.abs(values).mean(axis=0) + 1e-300)
    rows = np.nonzero(np.isfinite(spread) & (spread > 1e-3))[0][:count]
    return arguments.take(rows)
