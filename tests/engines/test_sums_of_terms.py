"""Sums of three simple terms, of spans, and of monomials with free exponents."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dimgs.engines.protocol import Problem
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.columns import Terms, short_monomials
from dimgs.engines.structured.free_exponents import posynomials
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.select import eliminated
from dimgs.engines.structured.sums import Relation, Sums
from dimgs.engines.structured.targets import FURTHER, POWERS, powers, response
from dimgs.engines.structured.trees import (
    ONE,
    Call,
    Mono,
    Product,
    Sum,
    evaluate,
    nodes,
    parameters,
)

Array = NDArray[np.float64]
Law = Callable[[Array, Array], Array]
COSINE = Call("cos", Mono((Fraction(0), Fraction(1))))


def draw(seed: int, n: int = 120) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.uniform(0.4, 3.0, n), rng.uniform(0.3, 2.5, n)


def archive_of(law: Law, seed: int = 0, noise: float = 0.0, n: int = 120) -> Archive:
    x, z = draw(seed, n)
    y = law(x, z)
    y = y * np.exp(noise * np.random.default_rng(seed + 7).normal(size=n))
    problem = Problem({"pi_1": x, "pi_2": z}, y, scale="log" if np.all(y > 0) else "linear")
    return Archive(Runs.of(problem), np.inf)


def check_elsewhere(archive: Archive, law: Law, rtol: float) -> None:
    x, z = draw(99)
    fresh = Runs.of(Problem({"pi_1": x, "pi_2": z}, np.ones(len(x))))
    assert archive.best is not None
    np.testing.assert_allclose(evaluate(archive.best.tree, fresh), law(x, z), rtol=rtol)


@pytest.mark.parametrize("n", [5, 6, 8])
def test_ratios_of_few_runs_are_of_as_few_terms(n: int) -> None:
    archive = archive_of(lambda x, z: x * z / (x + z), n, n=n)
    for target in powers(archive.runs):
        Sums(archive.runs).ratios(target, archive)
    assert archive.best is not None
    assert archive.best.n_constants < n
    assert archive.best.structure < archive_of(lambda x, z: x * z / (x + z)).runs.n_runs


@pytest.mark.parametrize("seed", range(12))
def test_a_root_that_nearly_vanishes_is_fitted_in_noise(seed: int) -> None:
    x, z = draw(seed)
    # at x = 1 it is the least, where the sum that fits the squares best may be negative
    y = np.sqrt((1 - x) ** 2 + 2 * x * (1 - np.cos(z / 10)))
    noise = 0.04 * np.sqrt(np.mean(y**2)) * np.random.default_rng(seed).normal(size=len(y))
    runs = Runs.of(Problem({"pi_1": x, "pi_2": z / 10}, np.abs(y + noise)))
    square = next(target for target in powers(runs) if target.name == "y^2")
    terms = Terms(
        (
            ONE,
            Mono((Fraction(2), Fraction(0))),
            Product((Mono((Fraction(1), Fraction(0))), COSINE)),
        ),
        np.zeros(3),
        np.column_stack([np.ones_like(x), x**2, x * np.cos(z / 10)]),
    )
    archive = Archive(runs, np.inf)
    Sums(runs).fit(Relation(terms, square), [0, 1, 2], archive)
    assert archive.best is not None
    numbers = parameters(archive.best.tree)
    np.testing.assert_allclose(numbers, [1.0, 1.0, -2.0], rtol=0.3)


THREE: dict[str, Law] = {
    "norm": lambda x, z: np.sqrt(1 + x**2 + z**2),
    "cosines": lambda x, z: 1 / (4 * np.pi * np.sqrt(1 + x**2 - 2 * x * np.cos(z))),
    "distance": lambda x, z: np.sqrt((1 - x) ** 2 + x**2 * (1 - z) ** 2),
    "scattering": lambda x, z: 1 / (1 + x * (1 - np.cos(z))),
    "balance": lambda x, z: 3 * x / (1 + x + z) ** 2,
}


@pytest.mark.parametrize("name", THREE)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_powers_of_sums_of_three_terms(name: str, noise: float) -> None:
    archive = archive_of(THREE[name], 1, noise)
    sums = Sums(archive.runs)
    for target in powers(archive.runs):
        sums.functions(target, archive)
    check_elsewhere(archive, THREE[name], 1e-9 if noise == 0 else 0.02)


RATIOS: dict[str, Law] = {
    "two logarithms": lambda x, z: 0.7 * x + 1.3 * np.log(x) + 0.4 * x * np.log(z),
    "monomials": lambda x, z: (0.3 + 1.7 * x * z) / (1.1 + 0.6 * z + 2.3 * x**2),
    "reciprocal": lambda x, z: 1 / (0.3 * x - 0.8 * z * np.log(0.1 * x)),
    "one function": lambda x, z: (0.4 * x + 1.2 * np.sin(z)) / (1 + 0.7 * x * np.sin(z)),
}


@pytest.mark.parametrize("name", RATIOS)
def test_ratios_of_sums(name: str) -> None:
    archive = archive_of(RATIOS[name], 2)
    Sums(archive.runs).ratios(response(archive.runs), archive)
    check_elsewhere(archive, RATIOS[name], 1e-7)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_distances_in_space(noise: float) -> None:
    """Three squares of differences, of which no one explains much."""
    rng = np.random.default_rng(0)
    x, y, z, w = np.exp(rng.uniform(-1.0, 1.0, (4, 120)))
    law = 2.5 / ((1 - x) ** 2 + (y - z) ** 2 + (1 - w) ** 2)
    response_ = law * np.exp(noise * rng.normal(size=120))
    groups = {"pi_1": x, "pi_2": y, "pi_3": z, "pi_4": w}
    runs = Runs.of(Problem(groups, response_))
    archive = Archive(runs, np.inf)
    for target in powers(runs):
        Sums(runs).squares(target, archive)
    assert archive.best is not None
    left = np.log(evaluate(archive.best.tree, runs) / law)
    assert np.sqrt(np.mean(left**2)) < (1e-9 if noise == 0 else 0.5 * noise)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 7))
def test_elimination_keeps_the_columns_that_are_needed(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(100, 40))
    needed = sorted(rng.choice(40, size, replace=False).tolist())
    t = A[:, needed] @ rng.choice([-2.0, 0.5, 3.0], size)
    assert needed in eliminated(A, t)


FREE: dict[str, Law] = {
    "transfer": lambda x, z: 2 + 0.6 * x ** (1 / 2) * z ** (1 / 3),
    "yield": lambda x, z: 0.8 * z + 1.7 * x**0.75,
    "blend": lambda x, z: (x**3 + 4 * z ** (3 / 2)) ** (1 / 3),
    "series": lambda x, z: 1 / (1 / (3 * x) + z ** (2 / 3) / x ** (1 / 3)),
}


@pytest.mark.parametrize("name", FREE)
@pytest.mark.parametrize("seed", range(3))
def test_free_exponents_are_found_exactly(name: str, seed: int) -> None:
    archive = archive_of(FREE[name], seed)
    for target in powers(archive.runs, (*POWERS, *FURTHER)):
        posynomials(target, archive)
    check_elsewhere(archive, FREE[name], 1e-8)


def test_three_free_terms() -> None:
    def law(x: Array, z: Array) -> Array:
        return 1.5 + 0.3 * x**2.5 / z + 2.2 * z ** (4 / 3)

    archive = archive_of(law, 5)
    posynomials(response(archive.runs), archive, 3)
    check_elsewhere(archive, law, 1e-8)


def test_a_term_that_does_nothing_is_left_out() -> None:
    archive = archive_of(lambda x, z: 2 * x**0.3)
    posynomials(response(archive.runs), archive)
    assert archive.exact
    assert archive.best is not None
    assert not any(isinstance(node, Sum) for node in nodes(archive.best.tree))


@pytest.mark.parametrize("n", [4, 6, 9])
def test_too_few_runs_for_free_exponents_are_left_alone(n: int) -> None:
    archive = archive_of(FREE["transfer"], 0, n=n)
    posynomials(response(archive.runs), archive, 2)
    assert not archive.fits


def test_terms_are_short_where_the_response_has_broken_exponents() -> None:
    """A response group with V^(-1/3) has neighbours in which V appears with whole powers."""
    x, z = draw(0)
    composition = {
        "pi_1": {"S": 1.0, "m": 2.0},
        "pi_2": {"S": 1.0, "V": -1.0, "m": -1.0},
        "pi_0": {"V": -1 / 3},
    }
    runs = Runs.of(Problem({"pi_1": x, "pi_2": z}, x, composition=composition))
    monomials = short_monomials(runs, 5, power=1.0)
    for exponents in monomials.exponents:
        physical = runs.shape @ np.array([float(e) for e in exponents]) - runs.shift
        np.testing.assert_allclose(physical, np.round(physical), atol=1e-9)


def test_a_logarithm_is_no_difference_of_two_powers() -> None:
    x, z = draw(0)
    problem = Problem({"pi_1": x, "pi_2": z}, x * np.log(z), scale="linear")
    archive = Archive(Runs.of(problem), np.inf)
    posynomials(response(archive.runs), archive)
    # the difference comes as near as its exponents do to each other
    assert not archive.exact
