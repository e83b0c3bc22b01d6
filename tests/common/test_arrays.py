"""Least squares of columns of any size, and products with factors of any size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.arrays import least_squares, times_exp


@given(
    seed=st.integers(0, 2**32 - 1),
    powers=st.lists(st.integers(-150, 290), min_size=1, max_size=3),
)
def test_coefficients_do_not_depend_on_the_units_of_the_columns(
    seed: int, powers: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    units = 10.0 ** np.array(powers)
    A, t = rng.normal(size=(12, len(powers))), rng.normal(size=12)
    assert least_squares(A * units, t) * units == pytest.approx(
        np.linalg.lstsq(A, t, rcond=None)[0], rel=1e-8
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_columns_without_numbers_take_no_part_and_print_nothing(
    bad: float, capfd: pytest.CaptureFixture[str]
) -> None:
    A = np.column_stack([np.arange(1.0, 6.0), np.full(5, bad)])
    assert least_squares(A, 3 * A[:, 0]).tolist() == pytest.approx([3.0, 0.0])
    assert least_squares(A[:, 1:], A[:, 0]).tolist() == [0.0]
    assert capfd.readouterr() == ("", "")


@given(
    values=st.lists(st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3) | st.just(0.0), min_size=1),
    log=st.floats(-1400, 1400),
)
def test_a_factor_beyond_doubles_may_give_a_product_inside(values: list[float], log: float) -> None:
    parts = np.array(values), np.full(len(values), log)
    # half of the logarithm in the value, half in the factor
    halves = times_exp(parts[0] * np.exp(-log / 2), parts[1])
    assert halves == pytest.approx(parts[0] * np.exp(log / 2), rel=1e-9)
    assert times_exp(*parts)[parts[0] == 0].tolist() == [0.0] * values.count(0.0)
