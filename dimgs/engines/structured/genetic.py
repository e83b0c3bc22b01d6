"""Every small tree over the groups, then a seeded genetic search over trees.

Enumerated trees grow from short monomials by the functions of the library, sums, differences,
products and ratios, in the order of their cost. Two trees with the same values in the runs, up to a
factor, are one: the first is kept. The genetic search starts from the best that the systematic
stages found.
"""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from dimgs.arrays import Array
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import MINUS, Arguments, empty, plain
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    ONE,
    Call,
    Mono,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    children,
    nodes,
    parameters,
)

_UNARY = ("sin", "cos", "exp", "log", "tanh")
_POWERS = (Fraction(1, 2), Fraction(2))
# monomials that trees are grown from; and the largest values of a tree, one over which are the
# smallest: beyond, a sum with it is one of its terms
_LEAVES, _LARGEST = 10, 1e8
# of each generation: the cheapest trees, which functions are applied to, and those that each is
# joined with; two fill the bank
_GENERATIONS = ((60, 40), (500, 14))
# trees that are kept, generations, and children of each: 1600 trees in all, which take some seconds
_POPULATION, _MOST_GENERATIONS, _CHILDREN = 40, 40, 40
# of a tree: longer ones cost more bits than a few hundred runs repay
_MOST_NODES, _MOST_CONSTANTS = 40, 8
# functions and powers that a change puts around a part
_NAMES = ("sin", "cos", "exp", "log", "tanh", "log1p", "expm1")
_EXPONENTS = (Fraction(-2), Fraction(-1), Fraction(-1, 2), Fraction(1, 2), Fraction(2))


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


def genetic_search(archive: Archive, parts: Arguments, seed: int) -> None:
    """Mutation and crossover until nothing improves for ten generations.

    Parameters
    ----------
    archive : Archive
        Gives the first population and keeps what is found.
    parts : Arguments
        Trees that mutations insert.
    seed : int
    """
    if not len(parts) or not archive.found:
        return
    rng = np.random.default_rng(seed)
    stale, record = 0, np.inf
    for _ in range(_MOST_GENERATIONS):
        ranked = sorted(archive.found.values(), key=lambda f: (f.bits, repr(f.tree)))
        population = [f.tree for f in ranked[:_POPULATION]]
        stale = stale + 1 if ranked[0].bits >= record else 0
        record = min(record, ranked[0].bits)
        if stale > 10 or archive.exact:
            return
        for _ in range(_CHILDREN):
            first, second = (
                population[min(rng.integers(len(population), size=2))] for _ in range(2)
            )
            child = _child(first, second, parts, rng)
            few = len(parameters(child)) <= _MOST_CONSTANTS
            if few and sum(1 for _ in nodes(child)) <= _MOST_NODES:
                archive.add(child)


def _child(first: Tree, second: Tree, parts: Arguments, rng: np.random.Generator) -> Tree:
    spots = sum(1 for _ in nodes(first))
    place = int(rng.integers(spots))
    if rng.random() < 0.3:
        others = list(nodes(second))
        graft = others[int(rng.integers(len(others)))]
        return _replaced(first, iter(range(spots)), place, graft)
    old = list(nodes(first))[place]
    return _replaced(first, iter(range(spots)), place, _mutated(old, parts, rng))


def _mutated(tree: Tree, parts: Arguments, rng: np.random.Generator) -> Tree:
    shallow = min(len(parts), 400)
    part = parts.trees[int(min(rng.integers(shallow, size=2)))]
    constant = Number(float(rng.choice([-1.0, -0.5, 0.5, 1.0, 2.0])))
    match int(rng.integers(7)):
        case 0:
            return Sum((tree, Product((constant, part))))
        case 1:
            return Product((tree, part))
        case 2:
            return Product((tree, Sum((ONE, Product((constant, part))))))
        case 3:
            return part
        case 4:
            return Power(tree, _EXPONENTS[int(rng.integers(len(_EXPONENTS)))])
        case 5:
            return Call(_NAMES[int(rng.integers(len(_NAMES)))], tree)
        case _:
            if isinstance(tree, Mono):
                moved = list(tree.exponents)
                k = int(rng.integers(len(moved)))
                moved[k] += Fraction(int(rng.choice([-2, -1, 1, 2])), 2)
                return Mono(tuple(moved))
            inner = children(tree)
            return inner[int(rng.integers(len(inner)))] if inner else part


def _replaced(tree: Tree, count: Iterator[int], place: int, graft: Tree) -> Tree:
    """The tree with another in place of its part of that number, in the order of `nodes`."""
    if next(count) == place:
        for _ in range(sum(1 for _ in nodes(tree)) - 1):
            next(count)
        return graft
    match tree:
        case Sum(inner):
            return Sum(tuple(_replaced(c, count, place, graft) for c in inner))
        case Product(inner):
            return Product(tuple(_replaced(c, count, place, graft) for c in inner))
        case Power(base, exponent):
            return Power(_replaced(base, count, place, graft), exponent)
        case Call(name, argument):
            return Call(name, _replaced(argument, count, place, graft))
        case _:
            return tree
