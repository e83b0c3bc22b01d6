"""Local exponents: residuals without each run, and intervals, written out point by point."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from dimgs.fits.local import LocalPowerLaw
from dimgs.fits.local.cells import distinct_runs

Array = NDArray[np.float64]
N = 40


def bent(seed: int) -> tuple[Array, Array]:
    """One group, and an exponent that grows with it; runs of unlike noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2.0, 2.0, N)
    y = x + 0.5 * x**2 + 0.1 * (1.0 + np.abs(x)) * rng.standard_normal(N)
    return x[:, None], y


def kernel(z: Array, at: float, share: float) -> Array:
    """Weights of the runs in a window that holds a share of them."""
    distance = np.abs(z - at)
    reach = np.sort(distance)[int(np.ceil(min(share, 1.0) * len(z))) - 1] * max(share, 1.0)
    return np.asarray(np.maximum(1.0 - (distance / (1.001 * reach)) ** 3, 0.0) ** 3)


def functional(z: Array, at: float, share: float, power: int, which: int) -> Array:
    """What each response contributes to a coefficient of the local polynomial."""
    root = np.sqrt(kernel(z, at, share))
    design = (z - at)[:, None] ** np.arange(power + 1)
    return np.asarray(np.linalg.pinv(design * root[:, None])[which] * root)


@pytest.mark.parametrize("share", [0.5, 1.5])
def test_residuals_are_of_runs_left_out(share: float) -> None:
    X, y = bent(0)
    z = (X[:, 0] - X.mean()) / X.std()
    fit = LocalPowerLaw(share=share).fit(X, y)
    for run in range(0, N, 7):
        own = functional(z, z[run], share, 1, 0)
        within = y[run] - own @ y
        assert fit.residuals_[run] == pytest.approx(within, abs=1e-6)
        assert fit.held_out_residuals_[run] == pytest.approx(within / (1 - own[run]), abs=1e-6)


@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_are_those_of_local_quadratics(clustered: bool) -> None:
    X, y = bent(1)
    labels = np.arange(N) % 10 if clustered else np.arange(N)
    z = (X[:, 0] - X.mean()) / X.std()
    fit = LocalPowerLaw(share=1.5).fit(X, y, groups=labels if clustered else None)
    out = fit.held_out_residuals_
    noise = out if clustered else np.sqrt(np.abs(fit.residuals_ * out)) * np.sign(out)
    for at in (-1.0, 0.0, 1.3):
        row = functional(z, (at - X.mean()) / X.std(), fit.interval_share_, 2, 1) / X.std()
        sums = np.bincount(labels, row * noise)
        spread = np.bincount(labels, row**2)
        dof = spread.sum() ** 2 / (spread**2).sum() - (1.0 if clustered else 0.0)
        half = stats.t.ppf(0.95, dof) * np.sqrt(np.sum(sums**2))
        low, high = fit.elasticity_intervals([[at]], 0.9)[0, 0]
        assert (low + high) / 2 == pytest.approx(row @ y, abs=1e-5)
        assert (high - low) / 2 == pytest.approx(half, rel=1e-5)


def test_without_a_window_residuals_are_of_the_global_law() -> None:
    X, y = bent(2)
    fit = LocalPowerLaw(share=np.inf).fit(X, y)
    design = np.column_stack([np.ones(N), X])
    hat = design @ np.linalg.pinv(design)
    within = y - hat @ y
    np.testing.assert_allclose(fit.residuals_, within, atol=1e-9)
    np.testing.assert_allclose(fit.held_out_residuals_, within / (1 - np.diag(hat)), atol=1e-9)
    np.testing.assert_allclose(fit.exponents_[:, 0], np.polyfit(X[:, 0], y, 1)[0])


@given(st.lists(st.tuples(*[st.integers(0, 1)] * 4), min_size=1, max_size=15))
def test_equal_runs_are_one_of_their_summed_weight(rows: list[tuple[int, int, int, int]]) -> None:
    X, y, clusters, weights = (np.array(c, dtype=float) for c in zip(*rows, strict=True))
    first, inverse, mass = distinct_runs(X[:, None], y, weights, clusters.astype(np.intp))
    seen: dict[tuple[float, ...], float] = {}
    place: dict[tuple[float, ...], int] = {}
    for k, key in enumerate(zip(X, y, clusters, strict=True)):
        if weights[k]:
            place.setdefault(key, k)
            seen[key] = seen.get(key, 0.0) + weights[k]
    assert first.tolist() == list(place.values())
    assert mass.tolist() == list(seen.values())
    for k, key in enumerate(zip(X, y, clusters, strict=True)):
        expected = list(place).index(key) if weights[k] else -1
        assert inverse[k] == expected


def test_the_runs_surround_what_lies_between_them() -> None:
    X, y = bent(3)
    fit = LocalPowerLaw(share=0.7).fit(X, y)
    low, high = X.min(), X.max()
    assert fit.in_support(X).all()
    assert not fit.in_support([[low - 1.0], [high + 1.0]]).any()
    assert fit.in_support([[(low + high) / 2]]).all()
