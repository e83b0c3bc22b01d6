"""Intervals of the deep potential against NumPy: without a network, all is least squares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dimgs.common.arrays import Array, IntArray
from dimgs.fits import ContrastivePotential

torch = pytest.importorskip("torch")

from dimgs.fits.intervals import Calibration  # noqa: E402
from tests.fits.test_potential_parts import (  # noqa: E402
    SEEDS,
    least_squares,
    runs_of_a_power_law,
)


@pytest.mark.parametrize(("n", "rank"), [(30, 2), (60, 1), (120, 1)])
def test_intervals_are_jackknife_plus_by_groups_of_runs(n: int, rank: int) -> None:
    X, y, w = runs_of_a_power_law(n, n, rank)
    model = ContrastivePotential(()).fit(X, y, sample_weight=3.0 * w)
    held = model._folds.held
    laws = np.array([least_squares(X[~h], y[~h], w[~h]) for h in held])
    design = np.column_stack([np.ones(n), X])
    errors = y - laws @ design.T
    noise = np.sqrt(np.mean((errors * np.sqrt(w))[held] ** 2))
    assert model.cv_rmse_ == pytest.approx(noise)
    spread = y - np.average(y, weights=w)
    left = 1 - np.sum(held * w * errors**2) / np.sum(held * w * spread**2)
    assert model.cv_r2_ == pytest.approx(left)
    centre, S = np.average(X, axis=0, weights=w), np.atleast_2d(np.cov(X.T, aweights=w, ddof=0))

    def open_at(away: Array, runs: int) -> Array:
        return np.asarray(
            noise * np.sqrt(runs + np.einsum("ij,ij->i", away @ np.linalg.inv(S), away) / n)
        )

    rng = np.random.default_rng(1)
    rows, others = rng.dirichlet(np.ones(n), (2, 5)) @ X
    fold, run = np.nonzero(held)
    score = np.abs(errors * np.sqrt(w))[fold, run] / open_at(X - centre, 1)[run]
    rank_of = int(np.ceil(0.8 * (1 + 1 / n) * len(score)))
    middle = (laws[fold] @ np.column_stack([np.ones(5), rows]).T).T
    reach = score * open_at(rows - centre, 1)[:, None]
    expected = np.column_stack(
        [
            np.sort(middle - reach, axis=1)[:, len(score) - rank_of],
            np.sort(middle + reach, axis=1)[:, rank_of - 1],
        ]
    )
    np.testing.assert_allclose(model.predict_interval(rows, 0.8), expected, rtol=1e-6)
    k, u, v = model._folds.pairs.T
    gap = np.abs(y[u] - y[v] - np.einsum("ij,ij->i", laws[k, 1:], X[u] - X[v]))
    score = gap * np.sqrt(2 / (1 / w[u] + 1 / w[v])) / open_at(X[u] - X[v], 2)
    rank_of = int(np.ceil(0.8 * (1 + 1 / min(n, len(k))) * len(k)))
    middle = (laws[k, 1:] @ (rows - others).T).T
    reach = score * open_at(rows - others, 2)[:, None]
    expected = np.column_stack(
        [
            np.sort(middle - reach, axis=1)[:, len(k) - rank_of],
            np.sort(middle + reach, axis=1)[:, rank_of - 1],
        ]
    )
    np.testing.assert_allclose(model.ratio_interval(rows, others, 0.8), expected, rtol=1e-6)
    # exponents by the scatter of the folds, round by round
    rounds = 2 if n < 50 else 1
    each = len(held) // rounds
    variance = np.mean([np.var(part, axis=0) for part in np.split(laws[:, 1:], rounds)], axis=0)
    half = stats.t.ppf(0.9, each - 1) * np.sqrt((each - 1) * variance)
    coefficients = least_squares(X, y, w)
    np.testing.assert_allclose(model.exponents_, coefficients[1:])
    expected = np.stack([coefficients[1:] - half, coefficients[1:] + half], axis=-1)
    np.testing.assert_allclose(model.intervals(0.8), expected, rtol=1e-6)
    local = model.exponent_intervals(rows, 0.8)
    np.testing.assert_allclose(local, np.broadcast_to(expected, local.shape), rtol=1e-6)


def test_errors_grow_outside_as_they_did_where_outer_runs_were_left_out() -> None:
    n = 40
    X, y, w = runs_of_a_power_law(n, 3)
    model = ContrastivePotential(()).fit(X, y, sample_weight=w)
    centre, sd = np.average(X[:, 0], weights=w), np.sqrt(np.cov(X[:, 0], aweights=w, ddof=0))
    z = (X[:, 0] - centre) / sd

    def away(rows: IntArray, rest: IntArray) -> Array:
        return np.asarray(np.maximum(z[rest].min() - z[rows], z[rows] - z[rest].max()).clip(0))

    order, pairs = np.argsort(z), []
    for out in (order[:8], order[-8:]):
        rest = np.setdiff1d(np.arange(n), out)
        law = least_squares(X[rest], y[rest], w[rest])
        pairs += list(
            zip(away(out, rest), np.abs(y[out] - law[0] - law[1] * X[out, 0]), strict=True)
        )
    distance, error = np.array(pairs).T
    far = distance > np.median(distance[distance > 0]) / 2
    rate = np.quantile(error[far] / distance[far], 0.9)
    growth, unit = model.potentials_[0].growth, model.potentials_[0].training.unit
    assert growth.rate * unit == pytest.approx(rate)
    assert growth.distance == pytest.approx(np.median(distance[far]))
    # outside, the error at this rate is one more part of what the networks leave open
    places = np.array([[X.mean()], [X.max() + 2.0 * sd]])
    _, (variance, *_) = model.potentials_[0].by_fold(places)
    leverage = (places[:, 0] - centre) ** 2 / sd**2 / n
    expected = (
        model.cv_rmse_**2 * (1 + leverage) + np.array([0.0, rate * 4.0 / growth.distance]) ** 2
    )
    np.testing.assert_allclose(variance, expected, rtol=1e-4)


@given(SEEDS, st.floats(0.1, 0.95), st.booleans())
def test_bounds_are_ranks_among_the_folds(seed: int, level: float, few: bool) -> None:
    rng = np.random.default_rng(seed)
    n, n_folds = int(rng.integers(3, 40)), int(rng.integers(1, 5))
    fold = rng.integers(0, n_folds, n)
    scores = rng.exponential(size=(n, 2))
    centres, scales = rng.normal(size=(n_folds, 6, 2)), rng.exponential(size=(n_folds, 6, 2))
    with pytest.MonkeyPatch.context() as patch:
        if few:
            patch.setattr("dimgs.fits.intervals._BLOCK", 1)
        effective = int(rng.integers(0, n + 1))
        bounds = Calibration(fold, scores, effective).bounds(centres, scales, level)
    rank = int(np.ceil(level * n * (1 + 1 / effective) - 1e-9)) if effective else n + 1
    assert bounds.shape == (6, 2, 2)
    for i in range(6):
        for t in range(2):
            if rank > n:
                assert bounds[i, t].tolist() == [-np.inf, np.inf]
                continue
            reach = scores[:, t] * scales[fold, i, t]
            low, high = (np.sort(centres[fold, i, t] + s * reach) for s in (-1, 1))
            np.testing.assert_allclose(bounds[i, t], [low[n - rank], high[rank - 1]])


def test_ratios_add_the_reach_of_both_sides() -> None:
    X, y, w = runs_of_a_power_law(40, 5)
    model = ContrastivePotential(()).fit(X, y, sample_weight=w)
    inside = np.full((3, 1), np.average(X[:, 0], weights=w))
    out = X.max() + np.array([[0.5], [2.0], [9.0]])
    far = X.min() - np.array([[1.0], [1.0], [3.0]])
    fitted = model.potentials_[0]
    first, other = (fitted.growth.error(fitted.distances(rows)) for rows in (out, far))
    assert np.all(first > 0)
    assert not fitted.distances(inside).any()
    z = fitted.axes.apply(out) - fitted.axes.apply(far)
    noise = fitted.noise**2 * (2 + (z**2).sum(axis=1) / 40)
    _, (variance, *_) = fitted.by_fold(out, far)
    expected = (noise + first**2 + other**2) * fitted.training.unit**2
    np.testing.assert_allclose(variance, expected)
