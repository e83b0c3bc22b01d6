"""Constants recognised: only where the interval singles one out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs import Dataset
from dimgs.discovery.discover import discover
from dimgs.law.parts import Constant
from dimgs.law.recognise import known_values, recognised, recognised_value
from dimgs.variables import Dimension
from tests.patience import AMPLE


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


def test_constants_with_a_dimension_stay() -> None:
    metre = Dimension.of({"[length]": 1})
    constant = Constant("c", 2.0, metre, 1.99, 2.01)
    assert recognised(constant) is constant
    plain = recognised(Constant("c", 1.9999, Dimension(), 1.99, 2.01))
    assert (plain.value, plain.origin, plain.low) == (2.0, "recognised", 1.99)


def test_the_pendulum_swings_with_two_pi() -> None:
    length = np.geomspace(0.1, 2.0, 30)
    noise = np.exp(0.003 * np.random.default_rng(0).normal(size=30))
    data = Dataset.from_columns(
        {"L [m]": length, "T [s]": 2 * np.pi * np.sqrt(length / 9.80665) * noise}
    )
    law = discover(data, "T", constants=["g"], evaluations=1000, time_limit=AMPLE).law
    assert law is not None
    (constant,) = (c for c in law.constants if c.name == "C")
    assert constant.origin == "recognised"
    assert constant.value == 2 * math.pi
    assert constant.low is not None
    assert constant.high is not None
    assert constant.low < 2 * math.pi < constant.high
