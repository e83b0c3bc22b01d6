"""Numbers that constants are recognised as."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.rationals import known_values, numbers_near, recognised_value


@pytest.mark.parametrize("value", [float(v) for v in known_values()])
def test_every_value_is_recognised_in_a_narrow_interval(value: float) -> None:
    half = 1e-6 * abs(value)
    found = recognised_value(value + half / 2, value - half / 2, value + 3 * half / 2)
    assert found is not None
    assert math.isclose(float(found), value, rel_tol=1e-12)


@given(st.floats(0.01, 100), st.floats(0.0, 0.2), st.floats(-1, 1))
def test_a_recognised_value_lies_in_a_narrow_interval(
    value: float, half: float, shift: float
) -> None:
    low, high = value * (1 - half), value * (1 + half)
    fitted = value * (1 + half * shift)
    found = recognised_value(fitted, low, high)
    if found is not None:
        assert low * (1 - 1e-8) <= float(found) <= high * (1 + 1e-8)
        assert high - low <= 0.05 * abs(fitted)


def test_two_values_in_reach_are_none() -> None:
    assert recognised_value(3.1, 3.05, 3.15) is None
    assert recognised_value(math.pi, math.pi - 0.01, math.pi + 0.01) is not None
    assert recognised_value(2.0, None, 2.1) is None


@pytest.mark.parametrize("size", [1e-300, 1e17, 1.7e308])
def test_no_simple_number_is_near_one_of_such_a_size(size: float) -> None:
    assert numbers_near(size, 0.1 * size) == []
    assert numbers_near(-size, 0.1 * size) == []


def test_simple_numbers_are_found_within_the_window() -> None:
    assert ("(4/3)*pi", 4 * np.pi / 3) in numbers_near(4.19, 0.01)
