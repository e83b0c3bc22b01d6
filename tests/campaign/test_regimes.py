"""Regimes found by consensus."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dimgs.campaign.regimes import find_regimes

Array = NDArray[np.float64]


def plane(seed: int, n: int, rank: int = 2) -> Array:
    return np.asarray(np.random.default_rng(seed).uniform(-10, 10, (n, rank)))


def resistances(z: Array) -> Array:
    """Three laws in series: slopes (1, 0), (0, 1) and (0, 0)."""
    return np.asarray(-np.logaddexp.reduce([-z[:, 0], -z[:, 1], np.zeros(len(z))], axis=0))


@given(st.integers(0, 500))
@settings(max_examples=15)
def test_a_power_law_with_noise_is_one_law(seed: int) -> None:
    z = plane(seed, 60)
    y = 1.0 + z @ [0.5, -2.0] + 0.05 * np.random.default_rng(seed).standard_normal(60)
    found = find_regimes(z, y, 0.04, noise=0.05)
    assert len(found.laws) == 1
    assert found.laws[0].slope == pytest.approx([0.5, -2.0], abs=0.02)
    # nobody is left out for its residual
    assert found.cores(z)[:, 0].sum() >= 58


def test_laws_in_series_are_found_with_their_sides() -> None:
    found_all = 0
    for seed in range(30, 36):
        z = plane(seed, 150)
        found = find_regimes(z, resistances(z), 0.04)
        slopes = sorted(tuple(np.round(law.slope + 0.0, 1) + 0.0) for law in found.laws)
        # of a hundred sets of points, five split a law in two or miss a corner
        found_all += slopes == [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)]
        assert set(slopes) >= {(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)}
        assert not found.unexplained.any()
        for k, law in enumerate(found.laws):
            inside = z[found.cores(z)[:, k]]
            assert np.abs(law(inside) - resistances(inside)).max() < 0.05
    assert found_all >= 5


def test_crossovers_belong_to_no_core() -> None:
    z = plane(3, 150)
    found = find_regimes(z, resistances(z), 0.04)
    between = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0], [-5.0, -5.0]])
    assert not found.cores(between).any()


@given(st.floats(0.1, 3.0))
@settings(max_examples=4)
def test_a_rotation_changes_nothing(angle: float) -> None:
    z = plane(5, 90)
    y = resistances(z)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    one, other = find_regimes(z, y, 0.04), find_regimes(z @ turn, y, 0.04)
    assert len(one.laws) == len(other.laws)
    assert one.cores(z) == pytest.approx(other.cores(z @ turn))


def test_a_regime_that_is_missing_is_noticed() -> None:
    # two runs deep in a regime that has too few runs to be found
    z = np.vstack([plane(1, 60) - [0.0, 12.0], [[9.0, 9.0], [8.0, 9.5]]])
    y = np.where(z[:, 1] < 3.0, z[:, 1], 40.0)
    found = find_regimes(z, y, 0.04)
    assert len(found.laws) == 1
    assert found.follows[:60].all()
    assert not found.follows[60:].any()
    assert not found.cores(z)[60:].any()


def test_a_jump_is_no_reason_to_merge() -> None:
    z = plane(2, 120, 1)
    y = np.where(z[:, 0] < 0.0, z[:, 0], z[:, 0] + 30.0)
    found = find_regimes(z, y, 0.04)
    assert len(found.laws) >= 1
    assert all(law.slope == pytest.approx([1.0], abs=1e-6) for law in found.laws)


def test_what_has_no_regime_says_so() -> None:
    z = plane(4, 60, 1) / 10.0
    found = find_regimes(z, np.sin(9.0 * z[:, 0]), 0.01)
    assert not found.stands_out or found.unexplained.any() or len(found.laws) > 1


def test_the_lean_bounds_what_the_crossover_does() -> None:
    z = plane(6, 150)
    y = resistances(z)
    found = find_regimes(z, y, 0.04)
    lean, cores = found.lean(z, y), found.cores(z)
    for k, law in enumerate(found.laws):
        miss = np.abs(y - law(z))[cores[:, k]]
        assert np.all(miss <= np.abs(lean[cores[:, k], k]) * 1.5 + 0.01)
