"""Where a boundary lies: profiles, intervals and monomials, against direct computations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dimgs.fits.regimes import (
    BoundaryRuns,
    Pieces,
    Profile,
    Regime,
    Sample,
    fit_continuous,
    hansen_quantile,
    jump_pieces,
    noise_variance,
    threshold_doubt,
    unit_of_ratio,
)
from tests.fits.test_regimes_parts import SEEDS, bent, chain, loss_of


def profile_of(sample: Sample, pieces: Pieces) -> Profile:
    """Of the only boundary."""
    unit, dof = unit_of_ratio(sample, pieces, 0), noise_variance(sample, pieces)[1]
    direction = pieces.tree[0].direction
    return BoundaryRuns.of(sample, pieces.tree, 0).profile(direction, unit, dof)


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
    assert unit_of_ratio(sample, pieces, 0) == pytest.approx(variance * eta)
    # where runs scatter most near the boundary, or clusters of them agree, a ratio is worth less
    loud = np.exp(-2.0 * np.abs(sample.Z[:, 0] - 0.2)) * np.sign(np.arange(60) % 8 - 3.5)
    uneven = Sample(sample.Z, pieces.predict(sample.Z) + loud, *((sample.weight, np.arange(60), 6)))
    assert unit_of_ratio(uneven, pieces, 0) > 1.5 * noise_variance(uneven, pieces)[0]
    again = np.repeat(np.arange(60), 4)
    alike = Sample(sample.Z[again], sample.y[again], sample.weight[again], again, 6)
    assert unit_of_ratio(alike, pieces, 0) > 2.0 * unit_of_ratio(sample, pieces, 0)
    profile = profile_of(sample, pieces)
    # a long table is scanned in steps: its interval is no narrower
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dimgs.fits.regimes._PLACES", 10)
        some = profile_of(sample, pieces)
    assert len(some.ratio) == 10
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
    profile = profile_of(sample, pieces)
    assert profile.continuous
    at = np.sort(sample.Z[:, 0])
    middles = np.append(profile.upper[:-1], profile.upper[-1])
    assert middles[0] > at[5]
    assert profile.upper[-1] == pytest.approx(at[-6]) or profile.upper[-1] <= at[-6]
    knots = np.append(profile.lower[:1], profile.upper[:-1])
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


def test_intervals_of_a_regime_are_students() -> None:
    covariance = np.diag([0.04, 0.09, 0.16])
    covariance[0, 1] = covariance[1, 0] = 0.03
    regime = Regime([], np.array([1.0, -2.0]), 0.5, covariance, 7.0, 9, np.arange(9))
    half = stats.t.ppf(0.9, 7.0) * np.array([0.2, 0.3, 0.4])
    assert regime.intercept_interval(0.8) == pytest.approx((0.5 - half[0], 0.5 + half[0]))
    expected = np.array([[1.0 - half[1], 1.0 + half[1]], [-2.0 - half[2], -2.0 + half[2]]])
    np.testing.assert_allclose(regime.intervals(0.8), expected)
    np.testing.assert_array_equal(regime.covariance, covariance[1:, 1:])
