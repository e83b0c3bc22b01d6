"""Every small tree over the groups, each function once: the arguments of the last stage.

Trees grow from short monomials by the functions of the library, sums, differences, products and
ratios, in the order of their cost. Two trees with the same values in the runs, up to a factor, are
one: the first is kept.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import MINUS, Arguments, empty, plain
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import ONE, Call, Mono, Power, Product, Sum, Tree

Array = NDArray[np.float64]
_UNARY = ("sin", "cos", "exp", "log", "tanh")
_POWERS = (Fraction(1, 2), Fraction(2))
_LEAVES, _LARGEST = 10, 1e8
_GENERATIONS = ((60, 40), (500, 14))


class _Bank:
    """Trees whose values differ."""

    def __init__(self, runs: Runs) -> None:
        self.trees: list[Tree] = []
        self.values: list[Array] = []
        self.cost: list[float] = []
        self.seen: set[bytes] = set()
        self.rows = np.linspace(0, runs.n_runs - 1, min(runs.n_runs, 16)).astype(int)

    def put(self, tree: Tree, value: Array, cost: float) -> None:
        if not np.all(np.isfinite(value)):
            return
        largest = float(np.abs(value).max())
        spread = float(np.ptp(value))
        if not 1 / _LARGEST < largest < _LARGEST or spread < 1e-6 * largest:
            return
        part = value[self.rows] / largest
        key = np.round(part * np.sign(part[0] or 1.0), 7).tobytes()
        if key not in self.seen:
            self.seen.add(key)
            self.trees.append(tree)
            self.values.append(value)
            self.cost.append(cost)

    def cheapest(self, count: int) -> list[int]:
        return [int(i) for i in np.argsort(np.array(self.cost), kind="stable")[:count]]


def enumerated(runs: Runs, count: int, archive: Archive) -> Arguments:
    """The cheapest trees without free constants.

    Parameters
    ----------
    runs : Runs
    count : int
        How many at most.
    archive : Archive
        Whose clock is obeyed.
    """
    bank = _Bank(runs)
    short = plain(runs, _LEAVES)
    for k, tree in enumerate(short.trees):
        bank.put(tree, short.values[:, k], float(short.cost[k]))
    for left, right in _GENERATIONS:
        archive.check()
        chosen = bank.cheapest(left)
        for i in chosen:
            _unary(bank, i)
        archive.check()
        partners = bank.cheapest(right)
        for i in bank.cheapest(left):
            for j in partners:
                _binary(bank, i, j)
    if not bank.trees:
        return empty(runs)
    rows = bank.cheapest(count)
    return Arguments(
        tuple(bank.trees[i] for i in rows),
        np.array([bank.cost[i] for i in rows]),
        np.column_stack([bank.values[i] for i in rows]),
    )


def _unary(bank: _Bank, i: int) -> None:
    tree, value, cost = bank.trees[i], bank.values[i], bank.cost[i]
    for name in _UNARY:
        bank.put(Call(name, tree), FUNCTIONS[name].value(value), cost + 1.5)
    bank.put(Sum((ONE, tree)), 1 + value, cost + 1.0)
    bank.put(Sum((ONE, Product((MINUS, tree)))), 1 - value, cost + 1.0)
    if not isinstance(tree, Mono):
        for power in _POWERS:
            bank.put(Power(tree, power), value ** float(power), cost + 1.0)


def _binary(bank: _Bank, i: int, j: int) -> None:
    if i == j:
        return
    first, second = bank.trees[i], bank.trees[j]
    x, y = bank.values[i], bank.values[j]
    cost = bank.cost[i] + bank.cost[j] + 1.0
    bank.put(Sum((first, second)), x + y, cost)
    bank.put(Sum((first, Product((MINUS, second)))), x - y, cost)
    if not (isinstance(first, Mono) and isinstance(second, Mono)):
        bank.put(Product((first, second)), x * y, cost)
        bank.put(Product((first, Power(second, Fraction(-1)))), x / y, cost)
