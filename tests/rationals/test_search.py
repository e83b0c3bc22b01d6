"""Rationals of small denominator, against all of them; and what they cost."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.rationals import (
    equal_rational,
    exact_bits,
    exponent_bits,
    is_simple,
    nearest_rationals,
    only_simple,
    rationals_between,
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
    found = list(rationals_between(low, high, largest))
    assert len(found) == len(set(found))
    assert set(found) == everything(low, high, largest)
    assert found == sorted(found, key=lambda x: (x.denominator, abs(x), x < 0))
    assert simplest_between(low, high, largest) == (found[0] if found else None)


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
    found = list(nearest_rationals(value, [1, *sorted(more)]))
    assert len(found) == len(set(found))
    for q in (1, *more):
        assert min(abs(value - float(x)) for x in found) <= 0.5 / q + 1e-6
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
