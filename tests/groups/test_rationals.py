"""Rationals of small denominator, against all of them; numbers that constants are recognised as."""

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from dimgs.groups.rationals import (
    equal_rational,
    exact_bits,
    exponent_bits,
    is_simple,
    known_values,
    nearest_rationals,
    numbers_near,
    only_simple,
    rationals_between,
    recognised_value,
    simplest_between,
)

ends = st.floats(-9, 9)
denominators = st.integers(1, 7)


def everything(low: float, high: float, largest: int) -> set[Fraction]:
    return {
        Fraction(p, q)
        for q in range(1, largest + 1)
        for p in range(-10 * q, 10 * q + 1)
        if low <= Fraction(p, q) <= high
    }


@given(ends, ends, denominators)
def test_all_of_an_interval_the_simplest_first(one: float, two: float, largest: int) -> None:
    # away from the ends, where a product with the denominator rounds
    low, high = min(one, two) - 1e-9, max(one, two) + 1e-9
    rationals = list(rationals_between(low, high, largest))
    assert len(rationals) == len(set(rationals))
    assert set(rationals) == everything(low, high, largest)
    assert rationals == sorted(rationals, key=lambda x: (x.denominator, abs(x), x < 0))
    assert simplest_between(low, high, largest) == (rationals[0] if rationals else None)


@given(ends, st.floats(0, 0.3))
def test_the_only_simple_one(centre: float, half: float) -> None:
    low, high = centre - half - 1e-9, centre + half + 1e-9
    simple = [x for x in everything(low, high, 6) if abs(x) <= 8]
    assert only_simple(low, high) == (simple[0] if len(simple) == 1 else None)
    assert all(map(is_simple, simple))


def test_beyond_what_is_simple_there_is_none() -> None:
    assert only_simple(7.9, 8.4) == 8
    assert only_simple(9.0, 9.0) is None
    assert only_simple(float("-inf"), 1.0) is None
    assert is_simple(Fraction(-8))
    assert not is_simple(Fraction(1, 7))
    assert not is_simple(Fraction(17, 2))


@given(st.fractions(-3, 3, max_denominator=6), st.floats(0, 0.01))
def test_the_simplest_of_a_narrow_interval_is_its_centre(value: Fraction, half: float) -> None:
    assert simplest_between(float(value) - half - 1e-9, float(value) + half + 1e-9) == value


@given(st.floats(-1e9, 1e9), st.lists(st.sampled_from([2, 3, 4, 6, 8]), unique=True))
def test_the_nearest_of_each_denominator(value: float, more: list[int]) -> None:
    rationals = list(nearest_rationals(value, [1, *sorted(more)]))
    assert len(rationals) == len(set(rationals))
    for q in (1, *more):
        assert min(abs(value - float(x)) for x in rationals) <= 0.5 / q + 1e-6
    assert list(nearest_rationals(float("inf"), [1, 2])) == []


@given(st.fractions(-20, 20, max_denominator=12))
def test_a_rational_is_equal_to_itself_alone(value: Fraction) -> None:
    assert equal_rational(float(value), 12, 1e-9) == value
    assert equal_rational(float(value) + 1e-4, 12, 1e-9) is None


def test_the_nearest_within_the_tolerance_only() -> None:
    assert equal_rational(0.5 + 1e-7, 6, 1e-6) == Fraction(1, 2)
    assert equal_rational(1 / 7, 6, 1e-6) is None


@given(st.integers(1, 12), st.integers(1, 12))
def test_bits_of_an_exponent_are_those_of_its_numbers(p: int, q: int) -> None:
    assert exponent_bits(p / q) == pytest.approx(exponent_bits(q / p))
    assert exponent_bits(1.0) == 0
    if p > 1:
        assert exponent_bits(p) > exponent_bits(p - 1)
    assert exact_bits(f"{p}/{q}") == pytest.approx(1 + exponent_bits(p) + exponent_bits(q))
    assert exact_bits(f"{p}*pi") == exact_bits(str(p)) + 4


# of spheres, discs, plates, Poiseuille, Hertz, Stokes, Gauss, Stefan, ...
KNOWN = (
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "16", "24", "32", "64", "1/2",
    "3/2", "5/2", "7/2", "1/3", "2/3", "4/3", "5/3", "7/3", "1/4", "3/4", "5/4", "7/4", "1/5",
    "1/6", "1/8", "1/10", "1/12", "1/16", "1/24", "1/32", "1/64", "pi", "2*pi", "4*pi", "8*pi",
    "pi/2", "pi/3", "pi/4", "pi/6", "pi/8", "pi/12", "pi/128", "4*pi/3", "pi**2", "4*pi**2",
    "1/pi", "2/pi", "1/(2*pi)", "1/(4*pi)", "sqrt(pi)", "1/sqrt(pi)", "2/sqrt(pi)", "sqrt(2*pi)",
    "1/sqrt(2*pi)", "sqrt(2)", "sqrt(3)", "1/sqrt(2)", "1/sqrt(3)", "E", "exp(-1)", "log(2)",
)  # fmt: skip


def test_the_table_of_numbers_is_complete_and_of_both_signs() -> None:
    expected = [float(sympy.sympify(text)) for text in KNOWN]
    values = [float(v) for v in known_values()]
    assert sorted(values) == pytest.approx(sorted([*expected, *(-x for x in expected)]))
    assert values[: len(KNOWN)] == [abs(x) for x in values[: len(KNOWN)]]


@pytest.mark.parametrize("value", [float(v) for v in known_values()])
def test_every_value_is_recognised_in_a_narrow_interval(value: float) -> None:
    half = 1e-6 * abs(value)
    recognised = recognised_value(value + half / 2, value - half / 2, value + 3 * half / 2)
    assert recognised is not None
    assert math.isclose(float(recognised), value, rel_tol=1e-12)


@given(st.floats(0.01, 100), st.floats(0.0, 0.2), st.floats(-1, 1))
def test_a_recognised_value_lies_in_a_narrow_interval(
    value: float, half: float, shift: float
) -> None:
    low, high = value * (1 - half), value * (1 + half)
    fitted = value * (1 + half * shift)
    recognised = recognised_value(fitted, low, high)
    if recognised is not None:
        assert low * (1 - 1e-8) <= float(recognised) <= high * (1 + 1e-8)
        assert high - low <= 0.05 * abs(fitted)


def test_two_values_in_reach_are_none() -> None:
    assert recognised_value(3.1, 3.05, 3.15) is None
    assert recognised_value(math.pi, math.pi - 0.01, math.pi + 0.01) is not None
    assert recognised_value(2.0, None, 2.1) is None
    assert recognised_value(2.0, 1.9, None) is None
    assert recognised_value(0.0, 0.0, 0.0) is None


def test_numbers_that_are_nearly_as_likely_leave_the_choice_open() -> None:
    # pi² lies inside the interval of 10 too
    assert recognised_value(10.0, 9.85, 10.15) is None
    assert recognised_value(10.0, 9.97, 10.03) == 10
    # 3 is held alone, but so wide an interval holds a number as simple by chance
    assert recognised_value(3.001, 2.93, 3.075) is None
    assert recognised_value(3.001, 2.99, 3.01) == 3
    # 1 is held, and -1 by the negative interval
    assert recognised_value(1.0, 0.99, 1.01) == 1
    assert recognised_value(-1.0, -1.01, -0.99) == -1
    # held by rounding only
    assert recognised_value(2.0 + 1e-12, 2.0 + 0.5e-12, 2.0 + 2e-12) == 2


@given(
    st.sampled_from([float(v) for v in known_values()]),
    st.floats(1e-5, 0.02),
    st.tuples(st.floats(0.0, 0.999), st.floats(0.0, 0.999)),
)
def test_a_value_nearer_to_the_middle_of_an_interval_is_recognised_rather(
    value: float, half: float, places: tuple[float, float]
) -> None:
    def is_recognised(place: float) -> bool:
        middle, width = value * (1 - half * place), half * abs(value)
        recognised = recognised_value(middle, middle - width, middle + width)
        return recognised is not None and float(recognised) == value

    nearer, farther = sorted(places)
    # a second value on the other side may come as near
    alone = all(abs(float(v) / value - 1) > 8 * half for v in known_values() if float(v) != value)
    assert is_recognised(nearer) >= is_recognised(farther) or not alone


def _measured(value: float, error: float, level: float, normal: float) -> sympy.Expr | None:
    """What is recognised in a value with this relative error, and an interval of this level."""
    fitted = value * (1 + error * normal)
    half = NormalDist().inv_cdf((1 + level) / 2) * error * abs(fitted)
    return recognised_value(fitted, fitted - half, fitted + half, level)


def test_a_value_at_the_end_of_an_interval_needs_a_narrower_one() -> None:
    assert recognised_value(0.33664, 0.33333, 0.33998) is None
    assert recognised_value(1 / 3 + 3.3e-4, 1 / 3 - 1e-6, 1 / 3 + 6.6e-4) == sympy.Rational(1, 3)


@pytest.mark.parametrize("level", [0.8, 0.9, 0.99])
def test_a_constant_is_recognised_whatever_the_level_of_its_interval(level: float) -> None:
    for normal in np.linspace(-1.2, 1.2, 25):
        assert _measured(1 / 3, 0.003, level, normal) == _measured(1 / 3, 0.003, 0.9, normal)


def test_simple_constants_are_recognised_and_others_hardly_ever() -> None:
    rng = np.random.default_rng(0)

    def share(values: np.ndarray, error: float) -> float:
        found = [_measured(v, error, 0.9, rng.normal()) for v in values.tolist()]
        return sum(x is not None for x in found) / len(found)

    assert share(np.full(400, 1 / 3), 0.005) > 0.7
    assert share(np.full(400, 0.3375), 0.005) < 0.13
    for error in (1e-4, 0.002, 0.005):
        assert share(np.exp(rng.uniform(-3, 3, 1000)), error) < 0.05


@pytest.mark.parametrize("size", [1e-300, 1e17, 1.7e308])
def test_no_simple_number_is_near_one_of_such_a_size(size: float) -> None:
    assert numbers_near(size, 0.1 * size) == []
    assert numbers_near(-size, 0.1 * size) == []


def test_simple_numbers_are_found_within_the_window() -> None:
    assert ("(4/3)*pi", 4 * np.pi / 3) in numbers_near(4.19, 0.01)
