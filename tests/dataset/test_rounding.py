"""Rounded columns: the steps that their digits show, and what a fit makes of them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dimgs
from dimgs import Dataset
from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.dataset.checks import steps_of, with_rounding
from dimgs.report.results import FitResult


def with_digits(values: Array, digits: int) -> Array:
    """Values with so many significant digits."""
    return np.array([float(f"{x:.{digits - 1}e}") for x in values])


@given(st.integers(0, 99), st.integers(-2, 3), st.integers(1, 4))
def test_steps_are_those_of_the_rounding(seed: int, decimals: int, digits: int) -> None:
    values = np.exp(np.random.default_rng(seed).uniform(np.log(1e2), np.log(1e5), 80))
    of_decimals = steps_of(np.asarray(np.round(values, decimals), dtype=np.float64))
    np.testing.assert_allclose(of_decimals, 10.0**-decimals)
    of_digits = steps_of(with_digits(values, digits))
    rounded = with_digits(values, digits)
    np.testing.assert_allclose(of_digits, 10.0 ** (np.floor(np.log10(rounded)) - digits + 1))


@given(st.sampled_from(["mm", "m", "ft"]), st.integers(0, 20))
def test_errors_do_not_depend_on_the_unit(unit: str, seed: int) -> None:
    numbers = np.round(np.random.default_rng(seed).uniform(1, 30, 20), 1)
    given_in = Dataset.from_columns({f"d [{unit}]": numbers})
    errors = with_rounding(given_in, ["d"]).errors["d"]
    size = dimgs.Variable("d", dimgs.variables.parse_unit(unit)).unit.factor
    np.testing.assert_allclose(errors, 0.1 * size / np.sqrt(12))
    step = with_rounding(given_in, ["d = 50 mm"])
    np.testing.assert_allclose(step.errors["d"], 0.05 / np.sqrt(12))
    assert with_rounding(step, ["d=50 mm"]) == step


def test_temperatures_levels_and_stated_errors() -> None:
    data = Dataset.from_columns(
        {"T [degC]": [20.5, 30.0], "T_err [delta_degC]": [0.3, 0.4], "L [dB]": [61.0, 64.0]}
    )
    found = with_rounding(data, ["T", "L=0.5"]).errors
    np.testing.assert_allclose(found["T"], np.hypot([0.3, 0.4], 0.1 / np.sqrt(12)))
    np.testing.assert_allclose(found["L"], 0.5 / np.sqrt(12))


def readings(seed: int, of_target: int = 9) -> pd.DataFrame:
    """Runs of y = 2 x^1.5 whose x was read with one digit."""
    rng = np.random.default_rng(seed)
    x = np.exp(rng.uniform(np.log(1), np.log(30), 60))
    y = 2 * x**1.5 * np.exp(0.03 * rng.normal(size=60))
    return pd.DataFrame({"x [m]": with_digits(x, 1), "y [m^(3/2)]": with_digits(y, of_target)})


def fitted(frame: pd.DataFrame, *rounded: str) -> FitResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dimgs.fit(frame, "y", scales=["x0 [m]"], rounded=rounded)


def test_the_exponent_of_rounded_readings_is_not_flattened() -> None:
    held, away = [], []
    for seed in range(8):
        for asked in ([], ["x"]):
            exponent = fitted(readings(seed), *asked).variable_exponents[0]
            held.append(exponent.low <= 1.5 <= exponent.high)
            away.append(exponent.value - 1.5)
    assert np.mean(away[::2]) < -0.03
    assert abs(np.mean(away[1::2])) < 0.02
    assert sum(held[1::2]) > 6 >= sum(held[::2])


@pytest.mark.slow
@pytest.mark.parametrize("spread", ["uniform", "logarithmic", "normal"])
def test_intervals_of_two_digits_hold_and_are_shorter(spread: str) -> None:
    held, widths = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = {
            "uniform": rng.uniform(1, 10, 60),
            "logarithmic": np.exp(rng.uniform(np.log(1), np.log(30), 60)),
            "normal": np.exp(1.2 + 0.7 * rng.normal(size=60)),
        }[spread]
        y = 2 * x**1.5 * np.exp(0.01 * rng.normal(size=60))
        frame = pd.DataFrame({"x [m]": with_digits(x, 2), "y [m^(3/2)]": with_digits(y, 2)})
        for asked in ((), ("x", "y")):
            exponent = fitted(frame, *asked).variable_exponents[0]
            held.append(exponent.low <= 1.5 <= exponent.high)
            widths.append(exponent.high - exponent.low)
    assert np.mean(held[1::2]) >= 0.85
    assert np.median(widths[1::2]) < 0.95 * np.median(widths[::2])


def test_a_rounded_target_is_not_said_to_have_errors_that_are_too_small() -> None:
    frame = readings(2, of_target=3)
    frame["y_err [m^(3/2)]"] = 0.0003 * frame["y [m^(3/2)]"]
    stated = fitted(frame)
    assert any("too small" in note for note in stated.warnings)
    rounded = fitted(frame.drop(columns="y_err [m^(3/2)]"), "y")
    assert not any("stated errors" in note for note in rounded.warnings)
    assert rounded.to_json()["noise"]["ratio_to_stated"] is None


def test_what_cannot_be_rounded_is_refused() -> None:
    data = Dataset.from_columns({"lab": ["a", "b"], "d [mm]": [1.2, 3.4]})
    with pytest.raises(InputError, match="holds labels"):
        with_rounding(data, ["lab"])
    for step in ("d=0 mm", "d=1 s"):
        with pytest.raises(InputError, match="above zero"):
            with_rounding(data, [step])
