"""Homogeneity as a test: size, power, what is missing, and the columns in its way."""

import csv
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.fits.homogeneity import (
    HomogeneityTest,
    collinear_combinations,
    dependence,
    homogeneity_test,
    monomial_leak,
    never_varied,
    polynomial,
)

BASES = ["[length]", "[mass]", "[time]"]

# Drag: F = rho U^2 L^2 (times a group); columns rho, U, L, mu; rows length, mass, time.
DRAG = [[-3, 1, 1, -1], [1, 0, 0, 1], [0, -1, 0, -1]]
FORCE = [1, 1, -2]
GRAVITY = [1, 0, -2]
FREE_FALL = [[1, 0], [0, 1], [0, 0]]


def drag(rng: np.random.Generator, m: int, noise: float) -> tuple[Array, Array]:
    X = rng.normal(size=(m, 4))
    exponents = np.array([1, 2, 2, 0]) - 0.25 * np.array([1, 1, 1, -1])
    return X, X @ exponents + noise * rng.normal(size=m)


@pytest.mark.parametrize(("m", "clustered"), [(20, False), (80, False), (100, True)])
def test_a_homogeneous_law_is_rejected_as_often_as_it_says(m: int, clustered: bool) -> None:
    rejected = covered = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        X, y = drag(rng, m, 0.3)
        groups = np.arange(m) % 20 if clustered else None
        if groups is not None:
            y = y + 0.3 * rng.normal(size=20)[groups]
        test = homogeneity_test(X, y, DRAG, FORCE, bases=BASES, groups=groups)
        rejected += test.rejected
        covered += sum(low <= 0 <= high for _, low, high in test.missing.values())
        assert test.dof[0] == 3
    assert 0.05 <= rejected / 300 <= 0.15
    assert 0.86 <= covered / 900 <= 0.95


def test_heteroscedastic_noise_keeps_the_size() -> None:
    rejected = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        X, y = drag(rng, 60, 0.0)
        y = y + 0.3 * np.exp(0.7 * X[:, 0]) * rng.normal(size=60)
        rejected += homogeneity_test(X, y, DRAG, FORCE).rejected
    assert 0.04 <= rejected / 300 <= 0.17


def test_a_missing_acceleration_is_named() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 2))
    # Speed of a fall from rest: sqrt(2 g h), with height and mass only.
    y = 0.5 * X[:, 0] + 0.5 * np.log(2 * 9.81) + 0.02 * rng.normal(size=40)
    test = homogeneity_test(X, y, FREE_FALL, [1, 0, -1], names=["h", "m"], bases=BASES)
    assert test.rejected
    assert test.rounded == {
        "[length]": Fraction(1, 2),
        "[mass]": Fraction(0),
        "[time]": Fraction(-1),
    }
    assert test.describe() == "[length]^1/2*[time]^-1"
    constants = {"g": GRAVITY, "c": [1, 0, -1], "G": [3, -1, -2]}
    assert test.completed_by(constants) == {"g": Fraction(1, 2)}


def test_nothing_missing_is_one() -> None:
    X, y = drag(np.random.default_rng(2), 60, 0.01)
    test = homogeneity_test(X, y, DRAG, FORCE, bases=BASES)
    assert (test.describe(), test.rejected) == ("1", False)
    assert test.completed_by({"g": GRAVITY}) == {}


def test_exact_data_are_no_rejection() -> None:
    X, y = drag(np.random.default_rng(3), 30, 0.0)
    test = homogeneity_test(X, y, DRAG, FORCE)
    assert test.p_value == 1
    assert not test.rejected
    wrong = homogeneity_test(X, y, DRAG, [1, 1, -1])
    assert (wrong.statistic, wrong.p_value, wrong.rejected) == (np.inf, 0, True)
    assert wrong.rounded["base 2"] == 1


def test_a_constant_that_never_varied_leaves_its_own_dimension_open() -> None:
    rng = np.random.default_rng(4)
    h = rng.normal(size=40)
    X = np.column_stack([h, rng.normal(size=40), np.full(40, np.log(9.81))])
    y = 0.5 * h + 0.02 * rng.normal(size=40)
    with_g = [[1, 0, 1], [0, 1, 0], [0, 0, -2]]
    test = homogeneity_test(X, y, with_g, [1, 0, -1], names=["h", "m", "g"], bases=BASES)
    assert not test.rejected
    assert test.rounded["[time]"] is None
    assert test.rounded["[mass]"] == 0
    assert test.missing["[length]"][1:] == (-np.inf, np.inf)
    assert test.dof[0] == 2
    # What g cannot supply is still tested: here a power of mass.
    heavy = homogeneity_test(X, y, with_g, [1, 1, -1], names=["h", "m", "g"], bases=BASES)
    assert heavy.rejected
    assert any("g never varied" in note for note in test.notes)
    assert any("[length], [time] stay open" in note for note in test.notes)


def test_dependent_columns_are_named_and_do_not_mislead() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 50))
    X = np.column_stack([a, b, a - 2 * b])
    D = [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    test = homogeneity_test(
        X, a + 0.05 * rng.normal(size=50), D, [1, 0, 0], names=["A", "B", "C"], bases=BASES
    )
    # C = A/B^2 has the dimension of A: only length + ... that B could not supply is testable.
    assert not test.rejected
    assert any("A^1*B^-2*C^-1 is constant" in note for note in test.notes)
    # of the other combinations, time has no part in any column
    assert test.dof[0] == 1


def test_few_groups_cannot_test_much() -> None:
    X, y = drag(np.random.default_rng(6), 30, 0.1)
    test = homogeneity_test(X, y, DRAG, FORCE, groups=np.arange(30) % 3)
    assert np.isnan(test.p_value)
    assert not test.rejected


def test_powers_that_no_degree_of_freedom_bounds_stay_open() -> None:
    rng = np.random.default_rng(3)
    # as many unknowns as runs, in two clusters
    test = homogeneity_test(
        rng.normal(size=(3, 2)), rng.normal(size=3), [[1, 1]], [1], bases=["[length]"],
        groups=[0, 1, 0],
    )  # fmt: skip
    assert test.missing["[length]"][1:] == (-np.inf, np.inf)
    assert test.rounded["[length]"] is None
    assert test.describe() == "[length]^?"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_units_and_order_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, y = drag(rng, 30, 0.2)
    plain = homogeneity_test(X, y, DRAG, FORCE)
    order = rng.permutation(4)
    moved = homogeneity_test(
        X[:, order] + rng.normal(size=4), y + 3, np.array(DRAG)[:, order].tolist(), FORCE
    )
    np.testing.assert_allclose(moved.statistic, plain.statistic, rtol=1e-6)


def test_combinations_exact_and_near() -> None:
    rng = np.random.default_rng(7)
    a, b, c = rng.normal(size=(3, 60))
    X = np.column_stack([a, b, 1.5 * a - b, c, c + 1e-3 * rng.normal(size=60), np.ones(60)])
    exact, near = collinear_combinations(X, list("ABCDEF"))
    assert exact.exact
    assert exact.exponents == {"A": 3, "B": -2, "C": -2}
    assert not near.exact
    assert set(near.exponents) >= {"D", "E"}
    assert near.exponents["D"] / near.exponents["E"] == pytest.approx(-1, abs=0.01)
    assert near.spread == pytest.approx(1e-3, rel=0.3)
    assert never_varied(X, list("ABCDEF")) == ("F",)
    assert collinear_combinations(X[:, [0, 1, 3]]) == []
    assert collinear_combinations(X[:, [0, 5]]) == []


def test_irrational_dependence_is_given_as_numbers() -> None:
    a = np.random.default_rng(8).normal(size=20)
    (combinations,) = collinear_combinations(np.column_stack([a, np.pi * a]), ["A", "B"])
    assert combinations.exact
    assert combinations.exponents["B"] / combinations.exponents["A"] == pytest.approx(-1 / np.pi)


def test_leaks_are_found_and_noise_is_none() -> None:
    rng = np.random.default_rng(9)
    X = rng.normal(size=(50, 5))
    y = X[:, 0] - 0.5 * X[:, 3]
    (leak,) = monomial_leak(X, y, list("ABCDE"))
    assert leak.exponents == {"A": 1, "D": Fraction(-1, 2)}
    assert leak.residual < 1e-12
    assert monomial_leak(X, y + 1e-4 * rng.normal(size=50)) == []
    assert len(monomial_leak(X, y + 1e-4 * rng.normal(size=50), tolerance=1e-3)) == 1
    assert monomial_leak(X, y, max_columns=1) == []
    assert monomial_leak(X, np.pi * X[:, 0]) == []
    assert monomial_leak(X, np.ones(50)) == []
    assert monomial_leak(X[:3], rng.normal(size=3)) == []


def test_keyhole_leak_and_materials_are_named(shared_data: Path) -> None:
    with (shared_data / "keyhole_depth.csv").open() as file:
        table = list(csv.DictReader(file))
    names = ["etaP", "Vs", "r0", "alpha", "rho", "cp", "dTl", "Ke", "e_star"]
    X = np.log([[float(row[name]) for name in names] for row in table])
    y = np.log([float(row["e"]) for row in table])
    (leak,) = monomial_leak(X, y, names)
    assert leak.exponents == {"r0": 1, "e_star": 1}
    assert 0.5 <= leak.share < 1
    assert 1e-3 < leak.residual < 2e-3
    assert monomial_leak(X[:, :8], y, names[:8]) == []
    # Three materials carry two contrasts, so the four properties hide two combinations.
    combinations = collinear_combinations(X[:, :7], names[:7])
    assert sum(c.exact for c in combinations) == 2
    assert {n for c in combinations if c.exact for n in c.exponents} <= set(names[3:7])
    assert never_varied(X, names) == ()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"log_y": np.zeros(29)}, InputError, "each of the 30 runs"),
        ({"dim_y": [1, 1]}, InputError, "2 powers in dim_y"),
        ({"names": ["a"]}, InputError, "1 names were given for 4 columns"),
        ({"log_X": np.full((30, 4), np.nan)}, InputError, "not finite in run 0, column 0"),
        ({"log_X": np.zeros(3)}, InputError, "at least 2 runs"),
        ({"groups": np.zeros(30)}, FitError, "All runs are in one cluster"),
    ],
)
def test_unusable_input_is_refused(
    change: dict[str, object], error: type[Exception], message: str
) -> None:
    X, y = drag(np.random.default_rng(0), 30, 0.1)
    options: dict[str, object] = {"log_X": X, "log_y": y, "D": DRAG, "dim_y": FORCE}
    with pytest.raises(error, match=message):
        homogeneity_test(**{**options, **change})  # type: ignore[arg-type]  # mixed on purpose
    with pytest.raises(FitError, match="cannot test the 4 free exponents"):
        homogeneity_test(X[:5], y[:5], DRAG, FORCE)
    with pytest.raises(InputError, match="each of the 30 runs"):
        monomial_leak(X, y[:3])


@pytest.mark.parametrize("size", [1e-200, 1e200, 1e300])
def test_dependence_has_no_scale(size: float) -> None:
    rng = np.random.default_rng(0)
    x, u, noise = rng.normal(size=(3, 40))
    y = np.exp(x) + 0.1 * noise
    assert dependence(u, size * y, known=x) == pytest.approx(dependence(u, y, known=x), rel=1e-9)
    assert dependence(x, size * y, known=u) < 1e-3


@pytest.mark.parametrize("n", [20, 29, 30, 31, 49, 50, 51])
def test_powers_are_as_high_as_the_runs_allow(n: int) -> None:
    columns = np.random.default_rng(n).normal(size=(n, 2))
    terms = polynomial(columns, others=1)
    # 2, 5 and 9 columns up to the first, second and third power; five runs for each
    rank = 9 if n >= 50 else 5 if n >= 30 else 2
    assert np.linalg.matrix_rank(terms) == rank
    first = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    np.testing.assert_allclose(terms[:, :2], first)
    # what it spans are the powers
    for power in range(1, 1 + {2: 1, 5: 2, 9: 3}[rank]):
        wanted = first[:, 0] ** power
        left = wanted - terms @ np.linalg.lstsq(terms, wanted, rcond=None)[0]
        assert np.abs(left).max() < 1e-8
    assert polynomial(np.ones((n, 2))).shape == (n, 0)


@given(st.lists(st.integers(-2, 2), min_size=3, max_size=3), st.integers(-3, 3), st.booleans())
def test_a_constant_completes_what_a_simple_power_of_it_misses(
    dimension: list[int], power: int, wide: bool
) -> None:
    size = 0.05 if wide else 1e-3
    values = [float(power * d) for d in dimension]
    missing = {b: (v, v - size, v + size) for b, v in zip(BASES, values, strict=True)}
    none: dict[str, Fraction | None] = dict.fromkeys(BASES)
    test = HomogeneityTest(0.0, 0.0, (3, 9), missing, none, True, np.zeros(3), ())
    known: dict[str, list[Fraction | int]] = {"c": [*dimension]}
    powers = test.completed_by(known)
    if power and any(dimension):
        assert powers == {"c": power}
    else:
        assert powers == {}
    # a base that the constant has not, and that is missing, is not completed
    if any(dimension):
        base = BASES[dimension.index(0)] if 0 in dimension else None
        if base is not None and power:
            other = replace(test, missing=missing | {base: (1.0, 0.9, 1.1)})
            assert other.completed_by(known) == {}
            below = replace(test, missing=missing | {base: (-1.0, -1.1, -0.9)})
            assert below.completed_by(known) == {}


@pytest.mark.parametrize("exchangeable", [True, False])
def test_chance_is_the_share_of_unrelated_columns_that_seem_related(exchangeable: bool) -> None:
    rng = np.random.default_rng(3)
    chances = []
    for _ in range(300):
        x, u, e = rng.normal(size=(3, 20))
        chances.append(dependence(u, x + 0.5 * e, known=x, exchangeable=exchangeable))
    # three standard errors of 300 shares
    assert np.mean(np.array(chances) < 0.1) == pytest.approx(0.1, abs=0.055)
    assert np.mean(chances) == pytest.approx(0.5, abs=0.06)


def test_what_is_exactly_followed_is_certain_either_way() -> None:
    x, u = np.random.default_rng(4).normal(size=(2, 20))
    assert dependence(u, x + u, known=x) == 0.0
    assert dependence(u, 3.0 * x, known=x) == 1.0
    # too few runs to tell
    assert dependence(u[:3], u[:3], known=x[:3]) == 1.0
