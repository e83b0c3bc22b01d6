"""Where a boundary lies: profiles, intervals and monomials, against direct computations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dimgs.fits.regimes import (
    Boundary,
    Profile,
    Regime,
    WhitenedAxes,
    _simple,
    best_place,
    chain,
    fit_continuous,
    hansen_quantile,
    jump_nuisance,
    jump_pieces,
    jump_profile,
    kink_profile,
    meeting_profile,
    noise_variance,
    threshold_doubt,
)
from tests.fits.test_regimes_parts import SEEDS, bent, loss_of


def test_the_interval_of_a_jump_is_what_the_likelihood_ratio_keeps() -> None:
    sample = bent(60, 2, 0.6, 5, noise=0.3)
    pieces = jump_pieces(sample, chain(np.array([1.0, 0.0]), np.array([0.2])))
    at, order = np.sort(sample.Z[:, 0]), np.argsort(sample.Z[:, 0])
    cuts = np.arange(6, 55)
    losses = np.array(
        [sum(loss_of(sample.take(part)) for part in (order[:c], order[c:])) for c in cuts]
    )
    variance, dof = noise_variance(sample, pieces)
    assert dof == 60 - 7
    gap = sample.design @ (pieces.laws[1] - pieces.laws[0])
    width = np.std(sample.Z[:, 0]) * 60**-0.2
    kernel = sample.weight * gap**2 * stats.norm.pdf((sample.Z[:, 0] - 0.2) / width)
    noise = sample.weight * (sample.y - pieces.predict(sample.Z)) ** 2
    eta = max(1.0, float(kernel @ noise / kernel.sum() / variance))
    assert jump_nuisance(sample, pieces, 0, variance) == pytest.approx(eta)
    assert jump_nuisance(sample, pieces, 0, variance / 50) == pytest.approx(
        float(kernel @ noise / kernel.sum() / variance * 50)
    )
    profile = jump_profile(sample, pieces, 0)
    # a long table is scanned in steps, and every run is looked at near the boundary
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dimgs.fits.regimes._PROFILE_CUTS", 25)
        assert len(jump_profile(sample, pieces, 0).ratio) == len(cuts)
        patch.setattr("dimgs.fits.regimes._PROFILE_CUTS", 10)
        some = jump_profile(sample, pieces, 0)
    assert 10 <= len(some.ratio) <= 20
    assert some.interval(0.9)[0] <= profile.interval(0.9)[0]
    np.testing.assert_allclose(profile.ratio, (losses - losses.min()) / (variance * eta))
    np.testing.assert_allclose(profile.lower[1:], at[cuts[:-1]])
    np.testing.assert_allclose(profile.upper[:-1], at[cuts[1:] - 1])
    for level in (0.5, 0.9):
        kept = np.flatnonzero(profile.ratio <= -2 * np.log(1 - np.sqrt(level)))
        low, high = profile.interval(level)
        assert low == (at[cuts[kept[0]] - 1] if kept[0] else -np.inf)
        assert high == (at[cuts[kept[-1]]] if kept[-1] < 48 else np.inf)
    # what is known of neighbouring laws when the jump may lie elsewhere
    kept = np.flatnonzero(profile.ratio <= hansen_quantile(0.95))
    kept = kept[np.unique(np.linspace(0, len(kept) - 1, 16).astype(int))]
    share = np.exp(-profile.ratio[kept] / 2) / np.exp(-profile.ratio[kept] / 2).sum()
    doubt = np.zeros((2, 3, 3))
    for s, i in zip(share, kept, strict=True):
        middle = (profile.lower[i] + profile.upper[i]) / 2
        moved = jump_pieces(sample, chain(np.array([1.0, 0.0]), np.array([middle])))
        for j in (0, 1):
            change = moved.laws[j] - pieces.laws[j]
            doubt[j] += s * np.outer(change, change)
    np.testing.assert_allclose(threshold_doubt(sample, pieces), doubt, atol=1e-12)


def test_the_interval_of_a_kink_is_what_its_t_statistic_keeps() -> None:
    sample = bent(60, 1, 0.0, 6, noise=0.2)
    start = chain(np.ones(1), np.array([0.2]))
    pieces = fit_continuous(sample, start, [0])
    assert pieces is not None
    profile = kink_profile(sample, pieces, 0)
    assert profile.continuous
    at = np.sort(sample.Z[:, 0])
    middles = np.append(profile.upper[:-1], profile.upper[-1])
    assert middles[0] > at[5]
    assert profile.upper[-1] == pytest.approx(at[-6]) or profile.upper[-1] <= at[-6]
    knots = np.append(profile.lower[0], profile.lower[2:])
    knots = np.append(knots, profile.upper[-1])
    losses = np.array([loss_of(sample, np.maximum(sample.Z[:, 0] - c, 0.0)) for c in knots])
    rise = losses - losses.min()
    # up to the noise's unit, which is at least its variance
    unit = rise[0] / profile.ratio[0]
    np.testing.assert_allclose(profile.ratio, rise / unit, atol=1e-6)
    assert unit >= noise_variance(sample, pieces)[0] * (1 - 1e-9)
    low, high = profile.interval(0.9)
    kept = np.flatnonzero(profile.ratio <= stats.t.ppf(0.95, profile.dof) ** 2)
    assert (low, high) == (profile.lower[kept[0]], profile.upper[kept[-1]])


@given(SEEDS, st.floats(0.5, 0.99))
def test_a_translated_profile_has_the_translated_interval(seed: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    ends = np.sort(rng.normal(size=21))
    ends_at = rng.uniform(0.5, 4.0, 2)
    ratio = np.abs(np.linspace(-ends_at[0], ends_at[1], 20) + rng.normal(0, 0.1, 20)) ** 2
    continuous = bool(seed % 2)
    known = Profile(ends[:-1], ends[1:], ratio, 9.0, continuous)
    low, high = known.interval(level)
    bound = (
        stats.t.ppf((1 + level) / 2, 9.0) ** 2 if continuous else -2 * np.log(1 - np.sqrt(level))
    )
    kept = np.flatnonzero(ratio <= bound)
    if len(kept):
        assert low == (-np.inf if kept[0] == 0 else ends[kept[0]])
        assert high == (np.inf if kept[-1] == 19 else ends[kept[-1] + 1])
    else:
        assert (low, high) == (ends[np.argmin(ratio)], ends[np.argmin(ratio) + 1])
    for factor, offset in ((2.0, 1.0), (-0.5, 3.0)):
        interval = known.translated(factor, offset).interval(level)
        assert interval == pytest.approx(
            tuple(sorted((factor * low + offset, factor * high + offset)))
        )


def test_a_meeting_is_where_its_statistic_vanishes() -> None:
    difference = np.array([1.2, 0.7, -0.4])
    root = np.array([[0.2, 0.0, 0.0], [0.05, 0.1, 0.0], [0.0, 0.02, 0.1]])
    covariance = root @ root.T
    profile = meeting_profile(difference, covariance, 1, 11.0)
    slope, block = -0.4, covariance[np.ix_([0, 2], [0, 2])]
    centre = 1.2 / 0.4
    grid = np.append(profile.lower[:1], profile.upper[:-1])
    direct = (1.2 + grid * slope) ** 2 / (
        block[0, 0] + 2 * grid * block[0, 1] + grid**2 * block[1, 1]
    )
    np.testing.assert_allclose(profile.ratio, np.append(direct[:1], direct[1:]))
    assert profile.ratio.min() == pytest.approx(0.0, abs=1e-12)
    assert grid[np.argmin(profile.ratio)] == pytest.approx(centre)
    low, high = profile.interval(0.9)
    # Fieller's roots, up to the steps of the grid
    t2 = stats.t.ppf(0.95, 11.0) ** 2
    a = slope**2 - t2 * block[1, 1]
    b = 2 * (1.2 * slope - t2 * block[0, 1])
    c = 1.2**2 - t2 * block[0, 0]
    np.testing.assert_allclose((low, high), np.sort(np.roots([a, b, c])), rtol=0.05)
    # without any noise nothing is rejected and nothing is divided by zero
    assert np.isfinite(meeting_profile(difference, 0.0 * covariance, 1, 11.0).ratio).all()


def test_a_monomial_is_placed_where_the_runs_lose_least() -> None:
    rng = np.random.default_rng(8)
    at = np.round(rng.normal(size=30), 1)
    below, above = rng.exponential(size=(2, 30))
    threshold, rise = best_place(at, below, above)
    values = np.unique(at)
    middles = (values[1:] + values[:-1]) / 2
    losses = [below[at < c].sum() + above[at > c].sum() for c in middles]
    assert (threshold, rise) == pytest.approx((middles[np.argmin(losses)], min(losses)))
    assert best_place(np.ones(5), below[:5], above[:5])[1] == np.inf


@pytest.mark.parametrize("sign", [1, -1])
def test_a_monomial_has_the_interval_of_the_boundary_in_its_units(sign: int) -> None:
    axes = WhitenedAxes(np.array([0.0, 1.0]), np.eye(2), np.eye(2))
    along = np.array([-0.5, 1.0]) / np.hypot(0.5, 1.0)
    near, edge = Boundary(sign * along, 2.0, True), Boundary(np.array([0.0, 0.5]), 0.7, True)
    simple = _simple((2, -4), near, edge, (1.0, 0.7, 1.6), axes)
    factor = sign * np.hypot(0.5, 1.0)
    # a unit of the exact boundary, whose exponent is made 1, is half a unit along the axis
    ends = sorted(2.0 * factor + 1.0 + 0.5 * factor * d for d in (-0.3, 0.6))
    assert (simple.low, simple.high) == pytest.approx(tuple(ends))
    assert simple.value == pytest.approx(2.0 * factor + 1.0)
    assert simple.sign == sign
    assert [float(x) for x in simple.powers] == [-0.5, 1.0]


def test_intervals_of_a_regime_are_students() -> None:
    covariance = np.diag([0.04, 0.09, 0.16])
    covariance[0, 1] = covariance[1, 0] = 0.03
    regime = Regime([], np.array([1.0, -2.0]), 0.5, covariance, 7.0, 9, np.arange(9))
    half = stats.t.ppf(0.9, 7.0) * np.array([0.2, 0.3, 0.4])
    assert regime.intercept_interval(0.8) == pytest.approx((0.5 - half[0], 0.5 + half[0]))
    expected = np.array([[1.0 - half[1], 1.0 + half[1]], [-2.0 - half[2], -2.0 + half[2]]])
    np.testing.assert_allclose(regime.intervals(0.8), expected)
    np.testing.assert_array_equal(regime.covariance, covariance[1:, 1:])
