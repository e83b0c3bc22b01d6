"""The law of a region from several tiers, and what it does not know."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dimgs.campaign.fidelity import RegionFit, fit_region
from dimgs.campaign.space import Points

Array = NDArray[np.float64]

SLOPE = np.array([0.5, -1.0])
BIAS = np.array([0.02, -0.01])


def two_tiers(
    seed: int, n: int = 40, pairs: int = 10, noise: float = 0.05, own: float = 0.002
) -> RegionFit:
    rng = np.random.default_rng(seed)
    points = Points(2, 2)
    for row in rng.uniform(-2, 2, (n, 2)):
        points.add(row)
    shared = noise * rng.standard_normal(n)
    truth = 1.0 + points.z @ SLOPE
    points.y[:, 0] = truth + shared + 0.1 + points.z @ BIAS
    points.y[:pairs, 1] = (truth + shared)[:pairs] + own * rng.standard_normal(pairs)
    members = (points.done(0), points.pairs(1))
    return fit_region(points, members, np.zeros(n))


def test_the_bias_of_the_coarse_tier_is_taken_out() -> None:
    fit = two_tiers(1)
    assert fit.coefficients[1:] == pytest.approx(SLOPE, abs=0.03)
    assert fit.tiers[1].coefficients == pytest.approx([-0.1, -0.02, 0.01], abs=0.01)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rows = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    hits = []
    for seed in range(300):
        fit = two_tiers(seed)
        miss = np.abs(rows @ fit.coefficients - SLOPE)
        hits += list(miss <= fit.half_widths(rows, 0.9))
    assert 0.87 <= np.mean(hits) <= 0.96


def test_a_few_pairs_do_what_many_fine_runs_would() -> None:
    # what the tiers share cancels in their differences
    rows = np.array([[0.0, 1.0, 0.0]])
    narrow = np.median([two_tiers(s).half_widths(rows, 0.9)[0] for s in range(40)])
    alone = np.median([two_tiers(s, n=10, pairs=10).half_widths(rows, 0.9)[0] for s in range(40)])
    assert narrow < 0.6 * alone


def test_too_few_pairs_tell_nothing() -> None:
    fit = two_tiers(1, pairs=4)
    assert np.isinf(fit.half_widths(np.array([[0.0, 1.0, 0.0]]), 0.9)).all()
    assert fit.confidence(np.array([[0.0, 1.0, 0.0]]), np.array([0.1])) == pytest.approx([0.0])


def test_confidence_is_the_level_where_the_interval_ends() -> None:
    fit = two_tiers(2)
    rows = np.array([[0.0, 1.0, 0.0]])
    half = fit.half_widths(rows, 0.9)
    assert fit.confidence(rows, half) == pytest.approx([0.9])


def test_a_crossover_at_the_rim_widens_the_interval() -> None:
    x = np.linspace(0.0, 6.0, 40)[:, None]
    points = Points(1, 1)
    for row in x:
        points.add(row)
    lean = -np.log1p(np.exp(-x[:, 0]))
    points.y[:, 0] = x[:, 0] + lean
    rows = np.array([[0.0, 1.0]])
    blind = fit_region(points, (points.done(0),), np.zeros(40))
    seeing = fit_region(points, (points.done(0),), x[:, 0], lean)
    miss = abs(float(seeing.coefficients[1]) - 1.0)
    assert blind.half_widths(rows, 0.9)[0] < miss <= seeing.half_widths(rows, 0.9)[0]


def test_equal_points_are_one() -> None:
    points = Points(2, 1)
    assert [points.add(np.array(z)) for z in ([0.0, 1.0], [0.0, 1.0 + 1e-9], [0.0, 1.1])] == [
        0,
        0,
        1,
    ]
    points.record(0, 0, None)
    assert points.tried(0, 0)
    assert not points.tried(1, 0)
    assert len(points.done(0)) == 0
