"""The rule of one standard error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.fits.noise import gain_and_error

LOSSES = st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=2, max_size=20)


@given(LOSSES)
def test_neither_order_nor_doubled_runs_in_one_cluster_matter(
    pairs: list[tuple[float, float]],
) -> None:
    best, losses = np.array(pairs).T
    gain, error = gain_and_error(best, losses)
    turned = gain_and_error(best[::-1], losses[::-1])
    assert turned == pytest.approx((gain, error))
    labels = np.repeat(np.arange(len(best)), 2)
    halves = gain_and_error(np.repeat(best / 2, 2), np.repeat(losses / 2, 2), labels)
    assert halves == pytest.approx((gain, error))
    back = gain_and_error(losses, best)
    assert back == pytest.approx((-gain, error))


def test_of_equal_models_a_third_is_beyond_one_error() -> None:
    rng = np.random.default_rng(0)
    beyond = 0
    for _ in range(2000):
        gain, error = gain_and_error(rng.standard_normal(30), rng.standard_normal(30))
        beyond += abs(gain) > error
    # the share of a normal variable beyond one standard deviation
    assert beyond / 2000 == pytest.approx(0.32, abs=0.04)


def test_a_single_run_has_no_error() -> None:
    assert gain_and_error(np.array([1.0]), np.array([3.0])) == (2.0, 0.0)
