"""Runs at fixed places near a point: what functions say of them is kept as reference values."""

from itertools import chain

import numpy as np
import pytest

from dimgs.similitude.augment import Expected
from dimgs.similitude.kriging import (
    Hyperparameters,
    Nearby,
    Solved,
    covariance,
    join,
    matern,
    negative_log_posterior,
    posterior_covariance,
    ratios,
    squared_distances,
)
from dimgs.similitude.laws import LimitPoints, with_limits
from dimgs.similitude.origin import Frame, Index
from tests.similitude.test_kriging import SCALINGS, drop

SPREAD = Hyperparameters(np.array([1.5, 2.0, 1.2, 3.0]), 0.8, 0.05, 0.02, inflation=1.3)


def runs(kernels: int, errors: float, n: int = 14) -> Nearby:
    """Runs of one or two kernels, with numerical errors."""
    rng = np.random.default_rng(n)
    logs = rng.uniform(-2.0, 2.0, (n, 4))
    origins = np.arange(n, dtype=np.intp) % kernels
    values = drop(logs) + 0.3 * origins + 0.05 * rng.standard_normal(n)
    return Nearby(SCALINGS, logs, values, np.full(n, errors**2), origins)


@pytest.mark.parametrize(
    ("kernels", "errors", "doubt"), [(1, 0.0, False), (2, 0.1, True), (1, 0.1, True)]
)
def test_runs_are_joined(kernels: int, errors: float, doubt: bool) -> None:
    near = runs(kernels, errors)
    steps = 0.2 * np.eye(7) if doubt else np.zeros((0, 0))
    spread = Hyperparameters(SPREAD.lengths, 0.8, 0.05, 0.02, steps, 1.3)
    joined = join(near, spread)
    assert joined.variance > 0
    assert np.isfinite(negative_log_posterior(near, spread.theta)[0])
    assert all(np.isfinite(part).all() for part in ratios(near, spread))
    alike, _ = matern(squared_distances(near.changes @ SCALINGS.coordinates(spread.lengths).T))
    assert np.isfinite(Solved.of(near, spread, alike).residual_precision).all()
    places = np.vstack([np.zeros(4), near.changes[:2] / 2])
    assert np.all(np.diag(posterior_covariance(near, spread, places)) > 0)
    assert near.part(near.distinct()).values.shape == (14,)
    assert Hyperparameters.of(spread.theta).amplitude == pytest.approx(0.8)


def test_points_of_limits_have_levels_of_their_own() -> None:
    steps = np.linspace(1.0, 4.0, 3)
    limits = [
        LimitPoints("one", np.outer(steps, [0.0, 0.0, 1.0, 0.0]), 1.0 * steps, 0.05),
        LimitPoints("two", np.outer(-steps, [0.0, 1.0, 0.0, 0.0]), -2.0 * steps, 0.1),
    ]
    near = with_limits(runs(2, 0.0), limits, np.array([0.1, -0.2, 0.3, 0.0]))
    assert sorted(set(near.origins.tolist())) == [-2, -1, 0, 1]
    assert join(near, SPREAD).variance > 0


def test_before_any_run_the_variance_is_that_of_what_is_not_known() -> None:
    changes = runs(1, 0.0).changes
    flat = changes @ SCALINGS.coordinates().T
    matrix = covariance(SCALINGS, changes, SPREAD)
    # a mean known to ten e-folds, exponents to two, and the residual
    expected = 100.0 + 4.0 * np.sum(flat**2, axis=1) + SPREAD.amplitude**2
    np.testing.assert_allclose(np.diag(matrix), expected, rtol=1e-9)


def test_what_further_runs_would_narrow() -> None:
    near = runs(1, 0.0)
    expected = Expected(None, near, SPREAD)  # type: ignore[arg-type]
    changes = near.changes[:3] / 3
    assert np.all(expected.half_widths(changes, 0.9) > 0)
    assert np.all(np.isfinite(expected.narrowing(changes)))


@pytest.mark.parametrize("parts", [[30], [300, 500, 60]])
def test_an_index_of_runs(parts: list[int]) -> None:
    rng = np.random.default_rng(len(parts))
    values = np.exp(rng.normal(size=(sum(parts), 3))) * rng.choice([1.0, -1.0], (sum(parts), 1))
    asked = np.array([1.2, 0.8, 300.0])
    values[:, 2] = 300.0 + 20.0 * rng.normal(size=len(values))
    last = np.arange(3) == 2
    index = Index(Frame(np.eye(3), np.sign(asked), last, last, np.array([1.0, 1.0, 300.0])))
    for end in np.cumsum(parts):
        index.grown(values[:end])
    assert set(index.within(asked, 1.0)) <= set(chain.from_iterable(index.nearest(asked)))
