"""Powers that bring curves onto one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError
from dimgs.fits.similarity import SimilarityFit, fit_similarity

POWERS = st.sampled_from([-1.0, -0.5, -1.0 / 3.0, 0.0, 0.25, 0.5, 1.0])


def step(s: Array) -> Array:
    """From one to zero within a decade."""
    return 1.0 / (1.0 + s**2)


def fitted(
    along: Array, scale: Array, *, runs: int = 7, noise: float = 0.0, turn: Array | None = None
) -> SimilarityFit:
    """The fit of curves y exp(g scale) = step(x exp(g along)) of runs with random groups."""
    rng = np.random.default_rng(5)
    groups = np.repeat(rng.uniform(-1.0, 1.0, (runs, len(along))), 20, axis=0)
    x = np.tile(np.geomspace(0.1, 10.0, 20), runs)
    y = step(x * np.exp(groups @ along)) * np.exp(-groups @ scale)
    y *= 1.0 + noise * rng.standard_normal(len(y))
    return fit_similarity(
        x, y, groups if turn is None else groups @ turn, np.repeat(range(runs), 20)
    )


@settings(max_examples=4)
@given(POWERS, POWERS)
def test_planted_powers_are_found(a: float, b: float) -> None:
    fit = fitted(np.array([a]), np.array([b]))
    assert fit.along == pytest.approx([a], abs=0.002)
    assert fit.scale == pytest.approx([b], abs=0.002)
    assert fit.quality > 0.999


def test_recombined_groups_say_the_same() -> None:
    along, scale, turn = np.array([0.5, -1.0]), np.array([0.25, 0.0]), np.array([[1, 1], [0, 1]])
    one, other = fitted(along, scale, noise=0.01), fitted(along, scale, noise=0.01, turn=turn)
    assert turn @ other.along == pytest.approx(one.along, abs=1e-4)
    assert turn @ other.scale == pytest.approx(one.scale, abs=1e-4)
    assert one.along == pytest.approx(along, abs=0.02)


def test_what_does_not_collapse_is_told_by_the_runs_left_out() -> None:
    rng = np.random.default_rng(1)
    x, group = np.tile(np.geomspace(0.05, 20.0, 25), 6), np.repeat(rng.uniform(-1.0, 1.0, 6), 25)
    y = np.sin(np.log(x) * (1.5 + group)) + 2.0
    collapse = fit_similarity(x, y, group[:, None], group)
    assert collapse.quality < 0.9
    assert collapse.scatter > 3 * collapse.noise_size


def test_noise_widens_the_intervals_that_hold_the_truth() -> None:
    fit = fitted(np.array([0.5]), np.array([0.0]), noise=0.02)
    along, scale = fit.half_widths(np.eye(1), 0.99)
    assert 0.0 < along[0] < 0.1
    assert abs(fit.along[0] - 0.5) <= along[0]
    assert abs(fit.scale[0]) <= scale[0]
    assert fit.noise == "relative"
    for size in (fit.scatter, fit.noise_size, fit.floor):
        assert size == pytest.approx(0.02, rel=0.25)


def test_values_and_places_that_change_sign_are_compared_as_they_are() -> None:
    rng = np.random.default_rng(2)
    group = np.repeat(rng.uniform(-1.0, 1.0, 6), 21)
    x = np.tile(np.linspace(-3.0, 3.0, 21), 6)
    y = np.tanh(x * np.exp(0.5 * group)) * np.exp(-group) + 0.01 * rng.standard_normal(len(x))
    collapse = fit_similarity(x, y, group[:, None], group)
    assert collapse.along == pytest.approx([0.5], abs=0.05)
    assert collapse.scale == pytest.approx([1.0], abs=0.02)
    s, value, low, high = collapse.curve(0.9)
    assert np.all((low <= value) & (value <= high))
    assert np.abs(value - np.tanh(s)).max() < 0.05


def test_a_power_law_is_called_one() -> None:
    x, group = np.tile(np.geomspace(0.1, 10.0, 12), 6), np.repeat(np.linspace(0, 2, 6), 12)
    y = x**0.3 * np.exp(group) * (1 + 0.01 * np.random.default_rng(0).standard_normal(72))
    collapse = fit_similarity(x, y, group[:, None], group)
    assert collapse.is_power_law
    assert not fitted(np.array([0.5]), np.array([0.0]), noise=0.02).is_power_law


def test_too_few_or_too_alike_runs_are_refused() -> None:
    x = np.tile(np.linspace(0.1, 1.0, 12), 3)
    with pytest.raises(
        FitError, match="3 curves are too few for 2 open exponents; give at least 4"
    ):
        fit_similarity(x, x, np.zeros((36, 1)), np.repeat(range(3), 12))
    with pytest.raises(FitError, match="do not vary the groups independently"):
        fit_similarity(x, x, np.zeros((36, 1)), np.repeat(range(6), 6))
    with pytest.raises(FitError, match="5 points are too few"):
        fit_similarity(x[:5], x[:5], np.zeros((5, 0)), range(5))
