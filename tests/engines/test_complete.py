"""All forms up to a size: counted against a brute-force enumeration, and planted laws found."""

import math
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest

from dimgs.common.arrays import Array
from dimgs.engines.protocol import Problem, SearchBudget
from dimgs.engines.structured import StructuredEngine
from dimgs.engines.structured.columns import Columns
from dimgs.engines.structured.complete import Forms
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import evaluate

UNARY: dict[str, Callable[[float], float]] = {
    n: getattr(math, n) for n in ("sqrt", "exp", "log", "sin", "cos", "tan", "tanh")
}
Column = tuple[float, ...]


def brute_force(leaves: dict[str, Column], most: int) -> list[dict[Column, bool]]:
    """Every expression of each size, written out, by its values to nine digits; with functions."""
    seen: dict[Column, bool] = {}
    levels: list[dict[Column, bool]] = []
    for size in range(1, most + 1):
        made: list[tuple[list[float], bool]] = []
        if size == 1:
            made = [(list(v), False) for v in leaves.values()]
        elif levels:
            for values, called in levels[-1].items():
                if max(values) - min(values) > 1e-12 * max(map(abs, values)):
                    for name, f in UNARY.items():
                        if name == "sqrt" or not called:
                            try:
                                made.append(([f(x) for x in values], called or name != "sqrt"))
                            except (ValueError, OverflowError):
                                continue
            for left in range(size - 2):
                for a, of_a in levels[left].items():
                    for b, of_b in levels[size - 3 - left].items():
                        made += [(list(v), of_a or of_b) for v in joined(a, b)]
        level: dict[Column, bool] = {}
        for column, called in sorted(made, key=lambda m: m[1]):
            key = tuple(float(f"{x:.9e}") for x in column)
            if any(column) and key not in seen:
                seen[key] = level[tuple(column)] = called
        levels.append(level)
    return levels


def joined(a: Column, b: Column) -> Iterator[list[float]]:
    """Sum, difference, product and quotient, where they are numbers and no rounding."""
    pairs = list(zip(a, b, strict=True))
    yield [x + y for x, y in pairs]
    difference = [x - y for x, y in pairs]
    if max(map(abs, difference)) > 1e-13 * max(map(abs, a)):
        yield difference
    yield [x * y for x, y in pairs]
    if all(b):
        yield [x / y for x, y in pairs]


@pytest.mark.parametrize(("groups", "most"), [(1, 6), (2, 5), (3, 4)])
def test_as_many_forms_are_tried_as_there_are(groups: int, most: int) -> None:
    X = np.random.default_rng(groups).uniform(0.4, 3.0, (7, groups))
    columns = Columns(X)
    with np.errstate(all="ignore"):
        for _ in range(1, most):
            columns.grow()
    leaves = {f"x{k}": tuple(x) for k, x in enumerate(X.T.tolist())} | {"1": (1.0,) * len(X)}
    assert columns.sizes == [len(level) for level in brute_force(leaves, most)]


@cache
def known(groups: int, most: int) -> Forms:
    """Runs with all their columns."""
    X = np.random.default_rng(groups).uniform(0.3, 4.0, (30, groups))
    forms = Forms(Runs.of(Problem(named(X), np.ones(len(X)))))
    with np.errstate(all="ignore"):
        while len(forms.columns.sizes) < most:
            forms.columns.grow()
    return forms


def planted(rng: np.random.Generator, columns: Columns, most: int) -> Array:
    """Response of a form of at most so many nodes, drawn at random."""
    while True:
        with np.errstate(all="ignore"):
            y = drawn(rng, columns, most)
        if np.all(np.isfinite(y)) and 1e-6 < y.min() < y.max() / 1.001 < 1e6:
            return y


def named(X: Array) -> dict[str, Array]:
    return {f"pi_{k + 1}": x for k, x in enumerate(X.T)}


def drawn(rng: np.random.Generator, columns: Columns, most: int) -> Array:
    """Response of a random form with random constants, in the order of the runs."""
    c, d = rng.uniform(0.2, 3.0, 2)
    shapes: list[tuple[int, Callable[[Array], Array]]] = [
        (0, lambda u: u),
        (2, lambda u: c * u),
        (2, lambda u: u + c),
        (4, lambda u: c * u + d),
        (3, lambda u: np.exp(-c * u)),
        (2, lambda u: u**c),
        (4, lambda u: c * u**d),
        (4, lambda u: 1 / (u + c)),
        (4, lambda u: c / (u + d)),
        (3, lambda u: np.sqrt(u + c)),
        (5, lambda u: np.sqrt(c * u + d)),
        (5, lambda u: c * np.exp(-d * u)),
    ]
    shapes = [each for each in shapes if each[0] < most]
    nodes, shape = shapes[rng.integers(len(shapes))]
    size = int(rng.integers(1, most - nodes + 1))
    start, end = columns.ends[size - 1 : size + 1]
    column = columns.values[:, start + rng.choice(np.flatnonzero(columns.varies[start:end]))]
    return np.broadcast_to(shape(column), column.shape)


def is_found(seed: int, groups: int, most: int) -> bool:
    """Whether a planted law is among the first forms, to rounding."""
    columns = known(groups, most).columns
    y = planted(np.random.default_rng(seed), columns, most)
    forms = Forms(runs := Runs.of(Problem(named(columns.values[:, :groups]), y)))
    forms.columns = columns
    with np.errstate(all="ignore"):
        for size in range(1, most + 1):
            forms.match(size)
        trees = [forms.tree(f) for f in forms.best[:5]]
        left = [np.abs(evaluate(t, runs) / y - 1).max() for t in trees]
    return bool(min(left) < 1e-7)


@pytest.mark.parametrize("seed", range(20))
def test_planted_forms_are_found(seed: int) -> None:
    assert is_found(seed, 1 + seed % 2, 6)


@pytest.mark.slow
def test_a_thousand_planted_forms_are_found() -> None:
    sizes = {1: 7, 2: 6, 3: 5}
    asked = [(10_000 + k, 1 + k % 3, sizes[1 + k % 3]) for k in range(1000)]
    assert [one for one in asked if not is_found(*one)] == []


def test_the_engine_says_up_to_which_size_all_forms_were_tried() -> None:
    x, y = np.random.default_rng(0).uniform(0.5, 4.0, (2, 40))
    problem = Problem({"pi_1": x, "pi_2": y}, np.sqrt(0.7 * np.tanh(x) / y + 1.3))
    complete_to = StructuredEngine("").search(problem, SearchBudget(60.0, 20, None)).complete_to
    assert complete_to is not None
    assert complete_to.nodes >= 7
    assert complete_to.others == 0


def test_forms_that_noise_cannot_tell_apart_are_counted() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(1.0, 1.2, 12)
    problem = Problem({"pi_1": x}, x * np.exp(0.2 * rng.normal(size=12)))
    result = StructuredEngine("").search(problem, SearchBudget(60.0, 20, nodes=6))
    assert result.complete_to is not None
    assert result.complete_to.others > 100
