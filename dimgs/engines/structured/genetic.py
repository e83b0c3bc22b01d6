"""A seeded genetic search over trees, from the best that the systematic stages found."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import Arguments
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

_POPULATION, _GENERATIONS, _CHILDREN = 40, 40, 40
_MOST_NODES, _MOST_CONSTANTS = 40, 8
_NAMES = ("sin", "cos", "exp", "log", "tanh", "log1p", "expm1")
_EXPONENTS = (Fraction(-2), Fraction(-1), Fraction(-1, 2), Fraction(1, 2), Fraction(2))


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
    for _ in range(_GENERATIONS):
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
