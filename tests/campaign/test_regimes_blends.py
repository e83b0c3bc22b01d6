"""Several laws that add, fitted together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dimgs.campaign.regimes import Scatter, Sites, power_mean

Array = NDArray[np.float64]
EXACT = Scatter(0.02)


def sites(z: Array, y: Array) -> Sites:
    return Sites(z, y, np.ones(len(y)), np.arange(len(y)))


@given(
    st.integers(1, 2),
    st.sampled_from([1.0, -1.0]),
    st.sampled_from([0.7, 1.0, 3.0]),
    st.integers(0, 300),
)
@settings(max_examples=8, deadline=None)
def test_two_laws_are_known_from_two_runs_more_than_unknowns(
    rank: int, sign: float, sharpness: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    n = 2 * (rank + 1) + 3
    along = np.linspace(-1.0, 1.0, n)
    z = np.column_stack([along, rng.uniform(-1, 1, (n, rank - 1))])
    slopes = rng.uniform(-3, 3, (2, rank))
    slopes[1, 0] = slopes[0, 0] + 8.0
    laws = z @ slopes.T
    y = sign * np.logaddexp(*(sign * sharpness * laws.T)) / sharpness
    model = power_mean(sites(z, y), EXACT)
    assert model is not None
    fitted_slopes = sorted((law.slope.tolist() for law in model.laws), key=lambda s: s[0])
    assert np.array(fitted_slopes) == pytest.approx(slopes, abs=1e-3)
    assert model.expected(z) == pytest.approx(y, abs=1e-4)
    assert all(b.sharpness == pytest.approx(sharpness, rel=1e-2) for b in model.borders)


def test_three_laws_meet_in_one_power_mean() -> None:
    rng = np.random.default_rng(0)
    z = rng.uniform(-1.5, 1.5, (16, 2))
    slopes = np.array([[4.0, 0.0], [-2.0, 4.0], [-2.0, -4.0]])
    y = np.logaddexp.reduce((z @ slopes.T).T)
    model = power_mean(sites(z, y), EXACT)
    assert model is not None
    fitted_slopes = sorted(law.slope.round(3).tolist() for law in model.laws)
    assert np.array(fitted_slopes) == pytest.approx(np.array(sorted(slopes.tolist())), abs=1e-2)


@given(st.integers(0, 100))
@settings(max_examples=4, deadline=None)
def test_what_is_no_power_mean_is_not_taken_for_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, (12, 1))
    assert power_mean(sites(x, x[:, 0] + 0.5 * np.sin(3.0 * x[:, 0])), EXACT) is None


def test_too_few_runs_tell_nothing() -> None:
    x = np.linspace(-3, 3, 6)[:, None]
    assert power_mean(sites(x, np.logaddexp(0.0, 2.0 * x[:, 0])), EXACT) is None
