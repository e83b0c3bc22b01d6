"""Rank dispersion against the materialised pairs, and the robust power law by simulation."""

import csv
import pickle
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.utils.estimator_checks import parametrize_with_checks

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.fits.design import whiten
from dimgs.fits.power_law import RobustPowerLaw
from dimgs.fits.robust import (
    PairLoss,
    RankProblem,
    hodges_lehmann,
    near_pairs,
    solve_absolute,
)

UNIMODULAR = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0], [1.0, 2.0, 1.0]])


def planted(size: int, seed: int, features: int = 3, noise: float = 0.3) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((size, features))
    y = 0.7 + X @ np.arange(1.0, features + 1.0) + noise * rng.standard_t(3, size)
    return X, y


def pair_sum(e: Array, w: Array) -> float:
    return float(np.triu(np.outer(w, w) * np.abs(e[:, None] - e), 1).sum())


@parametrize_with_checks([RobustPowerLaw(), RobustPowerLaw(loss="huber")])
def test_estimator_checks(estimator: RobustPowerLaw, check: object) -> None:
    assert callable(check)
    check(estimator)


@given(arrays(np.int64, st.integers(2, 30), elements=st.integers(-4, 4)), st.integers(0, 2**32 - 1))
def test_dispersion_equals_pairs_with_ties_and_weights(
    values: NDArray[np.int64], seed: int
) -> None:
    e = values.astype(float)
    w = np.random.default_rng(seed).integers(1, 5, len(e)).astype(float)
    loss = PairLoss(w, np.array([0, len(e)]), normalised=False).absolute(e)
    value, subgradient = loss.value, w * loss.scores
    assert value == pytest.approx(pair_sum(e, w), abs=1e-9)
    pairs = np.outer(w, w) * np.sign(e[:, None] - e)
    np.testing.assert_allclose(subgradient, pairs.sum(axis=1), atol=1e-9)


@given(st.integers(0, 10_000), st.floats(0.05, 3.0))
@settings(max_examples=40)
def test_huber_pairs_equal_pairs_within_groups(seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    e, w, Z = rng.standard_normal(24), rng.uniform(0.5, 2.0, 24), rng.standard_normal((24, 2))
    starts = np.array([0, 10, 11, 24])
    pairs = PairLoss(w, starts, normalised=False)
    loss = pairs.huber(e, threshold)
    group = np.repeat([0, 1, 2], np.diff(starts))
    same = (group[:, None] == group) * np.outer(w, w)
    t = e[:, None] - e
    near = np.abs(t) <= threshold
    each = np.where(near, t**2 / (2 * threshold), np.abs(t) - threshold / 2)
    assert loss.value == pytest.approx(0.5 * (same * each).sum(), rel=1e-9)
    psi = same * np.clip(t / threshold, -1.0, 1.0)
    np.testing.assert_allclose(w * loss.scores, psi.sum(axis=1), atol=1e-9)
    dZ = Z[:, None] - Z
    np.testing.assert_allclose(
        pairs.run_scores(loss, threshold, Z), np.einsum("uv,uvj->uj", psi, dZ), atol=1e-9
    )
    curvature = 0.5 * np.einsum("uv,uvi,uvj->ij", same * near, dZ, dZ) / threshold
    np.testing.assert_allclose(pairs.hessian(loss, threshold, Z), curvature, atol=1e-8)


@pytest.mark.parametrize(("size", "rounded"), [(9, True), (40, False), (150, False), (300, True)])
def test_minimiser_is_exact(size: int, rounded: bool) -> None:
    X, y = planted(size, size)
    if rounded:
        X, y = np.round(X), np.round(y, 1)
    fit = RobustPowerLaw().fit(X, y)
    best = pair_sum(y - X @ fit.exponents_, np.ones(size))
    rng = np.random.default_rng(0)
    for scale in (1e-6, 1e-3, 1e-1):
        for step in rng.standard_normal((20, 3)) * scale:
            assert pair_sum(y - X @ (fit.exponents_ + step), np.ones(size)) >= best * (1 - 1e-12)


def test_repeated_runs_are_no_pair_in_a_wide_box() -> None:
    Z = np.array([[0.0], [0.0], [1.0], [3.0]])
    pairs = PairLoss(np.ones(4), np.array([0, 4]))
    near = near_pairs(pairs.absolute(np.array([0.1, 0.4, -0.2, 0.3])), pairs, Z, 1e3)
    assert near is not None
    assert sorted(np.abs(near.differences[:, 0])) == [1.0, 1.0, 2.0, 3.0, 3.0]


def test_many_runs_reach_the_minimiser_too() -> None:
    X, y = planted(24_000, 4)
    y[:4_800] += 40.0
    whitening, Z = whiten(X, np.ones(len(y)))
    problem = RankProblem(Z, y - y.mean(), PairLoss(np.ones(len(y)), np.array([0, len(y)])))
    solution = solve_absolute(problem)
    here = solution.loss.value
    for step in np.vstack([np.eye(3), -np.eye(3)]) * 1e-6:
        assert problem.absolute(solution.slopes + step).value > here
    fit = RobustPowerLaw().fit(X, y)
    np.testing.assert_allclose(whitening.exponents(solution.slopes), fit.exponents_, rtol=1e-12)


@given(arrays(np.float64, st.integers(2, 40), elements=st.floats(-5, 5)), st.integers(0, 99))
def test_hodges_lehmann_is_the_median_of_pair_means(values: Array, seed: int) -> None:
    means = 0.5 * (values[:, None] + values).ravel()
    assert hodges_lehmann(values) == pytest.approx(np.median(means), abs=1e-12)
    counts = np.random.default_rng(seed).integers(1, 4, len(values))
    repeated = hodges_lehmann(np.repeat(values, counts))
    assert hodges_lehmann(values, counts) == pytest.approx(repeated, abs=1e-12)


@pytest.mark.parametrize("decimals", [1, 12])
def test_hodges_lehmann_of_many_runs(decimals: int) -> None:
    values = np.round(np.random.default_rng(1).standard_cauchy(1500), decimals)
    means = 0.5 * (values[:, None] + values).ravel()
    assert hodges_lehmann(values) == pytest.approx(np.median(means), abs=1e-12)


@pytest.mark.parametrize("loss", ["l1", "huber"])
@pytest.mark.parametrize("size", [30, 200])
def test_invariance(loss: Literal["l1", "huber"], size: int) -> None:
    X, y = planted(size, 7)
    fit = RobustPowerLaw(loss=loss).fit(X, y)
    order = np.random.default_rng(3).permutation(size)
    permuted = RobustPowerLaw(loss=loss).fit(X[order], y[order])
    np.testing.assert_allclose(permuted.exponents_, fit.exponents_, atol=1e-9)
    np.testing.assert_allclose(permuted.covariance_, fit.covariance_, rtol=1e-6)
    turned = RobustPowerLaw(loss=loss).fit(X @ UNIMODULAR, y)
    inverse = np.linalg.inv(UNIMODULAR)
    np.testing.assert_allclose(turned.exponents_, inverse @ fit.exponents_, atol=1e-8)
    np.testing.assert_allclose(turned.predict(X @ UNIMODULAR), fit.predict(X), atol=1e-8)
    np.testing.assert_allclose(
        turned.covariance_, inverse @ fit.covariance_ @ inverse.T, rtol=1e-5, atol=1e-12
    )
    np.testing.assert_allclose(turned.robust_distances_, fit.robust_distances_, rtol=1e-6)
    moved = RobustPowerLaw(loss=loss).fit(X, 2.0 * y + X @ [1.0, -2.0, 3.0] + 5.0)
    np.testing.assert_allclose(moved.exponents_, 2 * fit.exponents_ + [1, -2, 3], atol=1e-8)
    assert moved.intercept_ == pytest.approx(2 * fit.intercept_ + 5.0, abs=1e-8)


def test_within_removes_each_prefactor_exactly() -> None:
    X, y = planted(120, 5)
    label = np.repeat(["steel", "brass", "zinc"], [60, 59, 1])
    X = X + (label == "brass")[:, None]
    fit = RobustPowerLaw().fit(X, y, within=label)
    shifted = RobustPowerLaw().fit(X, y + 100.0 * (label == "brass"), within=label)
    np.testing.assert_allclose(shifted.exponents_, fit.exponents_, atol=1e-8)
    difference = shifted.group_intercepts_["brass"] - fit.group_intercepts_["brass"]
    assert difference == pytest.approx(100.0, abs=1e-7)
    assert fit.n_pairs_ == 60 * 59 // 2 + 59 * 58 // 2
    assert fit.n_contrasts_ == 117

    def dispersion(a: Array) -> float:
        e = y - X @ a
        parts = (e[label == name] for name in ("steel", "brass"))
        return sum(pair_sum(part, np.ones(len(part))) / len(part) for part in parts)

    assert fit.objective_ == pytest.approx(dispersion(fit.exponents_), rel=1e-9)
    for step in np.vstack([np.eye(3), -np.eye(3)]) * 1e-4:
        assert dispersion(fit.exponents_ + step) >= fit.objective_


@pytest.mark.parametrize("features", [1, 2])
def test_hubers_threshold_is_in_standard_deviations_of_normal_noise(features: int) -> None:
    X, y = planted(50, 3, features)
    plain, huber_law = RobustPowerLaw().fit(X, y), RobustPowerLaw("huber").fit(X, y)
    u, v = np.triu_indices(50, 1)
    gap, apart = y[u] - y[v], X[u] - X[v]
    # 0.8 of the differences of normal noise lie within 1.28 times their standard deviation
    sizes = np.sort(np.abs(gap - apart @ plain.exponents_))
    threshold = 1.345 * sizes[int(np.ceil(0.8 * len(sizes))) - 1] / 1.2816
    left = gap - apart @ huber_law.exponents_
    pull = np.clip(left / threshold, -1.0, 1.0) @ apart
    np.testing.assert_allclose(pull, 0.0, atol=1e-8 * len(gap))
    size = np.abs(left)
    huber = np.where(size < threshold, size**2 / (2 * threshold), size - threshold / 2)
    assert huber_law.objective_ == pytest.approx(huber.sum() / 50)
    small = RobustPowerLaw("huber").fit(X, 1e-30 * y)
    np.testing.assert_allclose(1e30 * small.exponents_, huber_law.exponents_, rtol=1e-8)
    for model in (plain, huber_law):
        errors = np.sqrt(np.diag(model.covariance_))
        assert np.all((0.6 * model.tau_errors_ < errors) & (errors < 1.7 * model.tau_errors_))


def test_breakdown_point() -> None:
    X, y = planted(300, 11)
    # The most harmful gross errors take the sign of a group.
    for share, holds in ((0.28, True), (0.45, False)):
        wrong, bad = y.copy(), np.arange(int(share * 300))
        wrong[bad] += 1e6 * np.sign(X[bad, 0])
        error = np.abs(RobustPowerLaw().fit(X, wrong).exponents_ - [1, 2, 3]).max()
        assert error < 0.5 if holds else error > 1e3


def test_prefactor_breaks_down_at_29_percent() -> None:
    values = np.random.default_rng(0).standard_normal(1000)
    for wrong, holds in ((285, True), (300, False)):
        shifted = values + 1e6 * (np.arange(1000) < wrong)
        assert (abs(hodges_lehmann(shifted)) < 10.0) == holds


def test_leverage_and_outliers_are_named() -> None:
    X, y = planted(200, 2)
    X[50] += 40.0
    y[50] += 40.0 * 6.0
    y[[10, 20]] += [30.0, -60.0]
    fit = RobustPowerLaw(outlier_threshold=15.0).fit(X, y)
    assert fit.leverage_points_.tolist() == [50]
    assert fit.outliers_.tolist() == [20, 10]
    assert np.argmax(fit.leverage_) == 50
    X[3] += 400.0
    carried = RobustPowerLaw().fit(X, y)
    assert carried.leverage_points_.tolist() == [3, 50]
    assert np.abs(carried.exponents_ - [1, 2, 3]).max() > 0.5, "no protection against leverage"


def test_majority_on_an_exact_law() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 2))
    y = 1.0 + X @ [0.5, -2.0]
    y[:80] += rng.standard_cauchy(80)
    fit = RobustPowerLaw().fit(X, y)
    np.testing.assert_allclose(fit.exponents_, [0.5, -2.0], atol=1e-12)
    assert fit.intercept_ == pytest.approx(1.0, abs=1e-12)


def test_many_sums_that_differ_by_rounding_only() -> None:
    rng = np.random.default_rng(0)
    values = np.append(1e-16 * rng.standard_normal(8_000), rng.standard_cauchy(2_000))
    assert abs(hodges_lehmann(values)) < 1e-14


def test_collinear_groups_keep_predictions() -> None:
    X, y = planted(60, 1, features=2)
    fit = RobustPowerLaw().fit(X, y)
    doubled = RobustPowerLaw().fit(np.column_stack([X, X[:, 0]]), y)
    assert doubled.rank_ == 2
    np.testing.assert_allclose(
        doubled.predict(np.column_stack([X, X[:, 0]])), fit.predict(X), atol=1e-8
    )


def test_pickle_and_messages() -> None:
    X, y = planted(40, 0)
    fit = RobustPowerLaw().fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fit)).predict(X), fit.predict(X))
    with pytest.raises(InputError, match="choose 'l1' or 'huber'"):
        RobustPowerLaw().set_params(loss="l2").fit(X, y)
    with pytest.raises(InputError, match="one label per run"):
        RobustPowerLaw().fit(X, y, within=["a"])
    with pytest.raises(FitError, match="one cluster"):
        RobustPowerLaw().fit(X, y, groups=np.zeros(40))
    with pytest.raises(InputError, match=r"in row 3: give finite weights"):
        RobustPowerLaw().fit(X, y, sample_weight=np.where(np.arange(40) == 3, -1.0, 1.0))


def test_exoplanets_obey_kepler_untrimmed(shared_data: Path) -> None:
    with (shared_data / "exoplanets_kepler.csv").open(newline="") as file:
        rows = [(row["P"], row["a"], row["Ms"]) for row in csv.DictReader(file)]
    table = np.array([[float(cell or "nan") for cell in row] for row in rows])
    table = np.log(table[np.all(table > 0.0, axis=1)])
    fit = RobustPowerLaw().fit(table[:, 1:], table[:, 0])
    np.testing.assert_allclose(fit.exponents_, [1.5, -0.5], atol=0.002)
    assert np.exp(fit.intercept_) == pytest.approx(365.25, rel=0.002)
    gross = np.flatnonzero(np.abs(fit.residuals_) > 0.3)
    assert len(gross) == 46
    assert set(gross) == set(fit.outliers_[:46])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "unequal", "clustered"])
def test_coverage_and_efficiency(kind: str) -> None:
    hits, robust, squares = [], [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        X, e, groups = rng.standard_normal((50, 2)), rng.standard_normal(50), None
        if kind == "unequal":
            e = e * np.exp(0.5 * X[:, 0])
        if kind == "clustered":
            groups = np.arange(50) % 12
            e = e + rng.standard_normal(12)[groups]
            X = X + rng.standard_normal((12, 2))[groups]
        fit = RobustPowerLaw().fit(X, X @ [1.0, 1.0] + e, groups=groups)
        interval = fit.intervals(0.9)
        hits.append((interval[:, 0] < 1.0) & (interval[:, 1] > 1.0))
        robust.append((fit.exponents_ - 1.0) ** 2)
        centred = X - X.mean(axis=0)
        squares.append(np.linalg.lstsq(centred, e, rcond=None)[0] ** 2)
    assert 0.87 < np.mean(hits) < 0.95
    if kind == "normal":
        assert 0.90 < np.mean(squares) / np.mean(robust) < 1.0
