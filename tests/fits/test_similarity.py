"""Powers that bring curves onto one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import FitError
from dimgs.fits.similarity import fit_similarity

POWERS = st.sampled_from([-1.0, -0.5, -1.0 / 3.0, 0.0, 0.25, 0.5, 1.0])


@settings(max_examples=4)
@given(POWERS, POWERS, st.integers(0, 1000))
def test_planted_powers_are_found(a: float, b: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, groups = np.linspace(-3.0, 3.0, 15), rng.uniform(-1.0, 1.0, (6, 1))
    curves = [(x, np.exp(-b * g) / (1.0 + np.exp(2.0 * (x + a * g)))) for g in groups[:, 0]]
    found = fit_similarity(curves, groups)
    assert found.along == pytest.approx([a], abs=0.02)
    assert found.scale == pytest.approx([b], abs=0.02)
    assert found.quality > 0.999


def test_recombined_groups_say_the_same() -> None:
    rng = np.random.default_rng(5)
    x, groups = np.linspace(-2.0, 2.0, 10), rng.uniform(-1.0, 1.0, (6, 2))
    along = np.array([0.5, -1.0])
    curves = [(x, 1.0 / (1.0 + np.exp(x + g @ along))) for g in groups]
    turn = np.array([[1.0, 1.0], [0.0, 1.0]])
    one, other = fit_similarity(curves, groups), fit_similarity(curves, groups @ turn)
    assert turn @ other.along == pytest.approx(one.along, abs=0.02)
    assert one.along == pytest.approx(along, abs=0.02)


def test_what_does_not_collapse_is_told_by_the_runs_left_out() -> None:
    rng = np.random.default_rng(1)
    x, groups = np.linspace(-3.0, 3.0, 25), rng.uniform(-1.0, 1.0, (6, 1))
    curves = [(x, np.sin(4.0 * x * (1.5 + g)) + 2.0) for g in groups[:, 0]]
    assert fit_similarity(curves, groups).quality < 0.9


def test_noise_widens_the_intervals_that_hold_the_truth() -> None:
    rng = np.random.default_rng(2)
    x, groups = np.linspace(-3.0, 3.0, 25), rng.uniform(-1.0, 1.0, (7, 1))
    curves = [
        (x, 1.0 / (1.0 + np.exp(x + 0.5 * g)) + 0.01 * rng.standard_normal(25))
        for g in groups[:, 0]
    ]
    found = fit_similarity(curves, groups)
    half = found.half_widths(np.eye(1), 0.99)[0][0]
    assert 0.0 < half < 0.1
    assert abs(found.along[0] - 0.5) <= half


def test_too_few_or_too_alike_runs_are_refused() -> None:
    x = np.linspace(0.0, 1.0, 5)
    with pytest.raises(
        FitError, match="3 curves are too few to determine 2 powers; give at least 4"
    ):
        fit_similarity([(x, x)] * 3, np.zeros((3, 1)))
    with pytest.raises(FitError, match="do not vary the groups independently"):
        fit_similarity([(x, x)] * 5, np.zeros((5, 1)))
