"""Local exponents: invariance, closed forms, coverage, support, and cost."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from sklearn.utils.estimator_checks import parametrize_with_checks

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.fits.design import whiten
from dimgs.fits.local import (
    BandwidthTable,
    LocalPowerLaw,
    Window,
    gather,
    held_out_globally,
    held_out_residuals,
    local_fits,
    partition,
)

UNIMODULAR = np.array([[1.0, 2.0], [1.0, 3.0]])


def bent(size: int, seed: int, noise: float = 0.05) -> tuple[Array, Array, Array]:
    """Two groups, exponents tanh-like in the first and constant in the second."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2.0, 2.0, (size, 2))
    y = 1.0 + np.log(np.cosh(X[:, 0])) + 0.5 * X[:, 1]
    true = np.column_stack([np.tanh(X[:, 0]), np.full(size, 0.5)])
    return X, y + noise * rng.standard_normal(size), true


@pytest.mark.parametrize("groups", [1, 2])
def test_a_share_is_chosen_from_more_runs_than_twice_the_unknowns_and_one(groups: int) -> None:
    fewest = 2 * (groups + 1) + 1
    X, y, _ = bent(fewest + 1, 0)
    assert len(LocalPowerLaw().fit(X[:, :groups], y).cv_shares_) > 0
    alone = LocalPowerLaw().fit(X[:fewest, :groups], y[:fewest])
    assert len(alone.cv_shares_) == 0
    assert np.isinf(alone.share_)


@parametrize_with_checks([LocalPowerLaw(), LocalPowerLaw(share=0.7)])
def test_estimator_checks(estimator: LocalPowerLaw, check: object) -> None:
    assert callable(check)
    check(estimator)


def test_local_fit_is_least_squares_over_weighted_pairs() -> None:
    X, y, _ = bent(40, 0)
    fit = LocalPowerLaw(share=0.6).fit(X, y)
    _, Z = whiten(X, np.ones(40))
    point = 7
    distance = np.linalg.norm(Z - Z[point], axis=1)
    reach = np.sort(distance)[23] * (1.0 + 1e-3)
    kernel = np.maximum(1.0 - (distance / reach) ** 3, 0.0) ** 3
    u, v = np.triu_indices(40, 1)
    root = np.sqrt(kernel[u] * kernel[v])
    pairs = np.linalg.lstsq((X[u] - X[v]) * root[:, None], (y[u] - y[v]) * root, rcond=None)[0]
    np.testing.assert_allclose(fit.exponents_[point], pairs, atol=1e-6)


@given(st.integers(0, 10_000), st.sampled_from([18, 60]))
@settings(max_examples=15, deadline=None)
def test_invariance(seed: int, size: int) -> None:
    X, y, _ = bent(size, seed)
    fit = LocalPowerLaw().fit(X, y)
    grid = np.random.default_rng(seed + 1).uniform(-2.5, 2.5, (20, 2))
    turned = LocalPowerLaw().fit(X @ UNIMODULAR, y)
    inverse = np.linalg.inv(UNIMODULAR)
    assert turned.share_ == fit.share_
    np.testing.assert_allclose(turned.exponents_, fit.exponents_ @ inverse.T, atol=1e-6)
    np.testing.assert_allclose(turned.predict(grid @ UNIMODULAR), fit.predict(grid), atol=1e-6)
    np.testing.assert_array_equal(turned.in_support(grid @ UNIMODULAR), fit.in_support(grid))
    order = np.random.default_rng(seed).permutation(size)
    permuted = LocalPowerLaw().fit(X[order], y[order])
    np.testing.assert_allclose(permuted.exponents_, fit.exponents_[order], atol=1e-7)
    np.testing.assert_allclose(permuted.intervals(), fit.intervals()[order], atol=1e-6)
    moved = LocalPowerLaw().fit(X, y + 3.0)
    np.testing.assert_allclose(moved.exponents_, fit.exponents_, atol=1e-7)
    np.testing.assert_allclose(moved.predict(grid), fit.predict(grid) + 3.0, atol=1e-7)


def test_invariance_with_cells() -> None:
    X, y, _ = bent(6_000, 3)
    fit = LocalPowerLaw(share=0.2).fit(X, y)
    turned = LocalPowerLaw(share=0.2).fit(X @ UNIMODULAR, y)
    inverse = np.linalg.inv(UNIMODULAR)
    np.testing.assert_allclose(turned.exponents_, fit.exponents_ @ inverse.T, atol=1e-6)


def test_held_out_residuals_are_those_of_refits() -> None:
    X, y, _ = bent(25, 4)
    _, Z = whiten(X, np.ones(25))
    everything = np.column_stack([np.ones(25), Z])
    y = y - everything @ np.linalg.lstsq(everything, y, rcond=None)[0]
    table = BandwidthTable(
        Z, y, np.ones(25), np.zeros(25, dtype=np.intp), False, np.array([1.0, 0.0])
    )
    out = held_out_residuals(table, table.window(0.7), np.arange(25))
    whole = held_out_globally(table)
    for run in (0, 9, 24):
        distance = np.linalg.norm(Z - Z[run], axis=1)
        reach = np.sort(distance)[17] * (1.0 + 1e-3)
        kernel = np.maximum(1.0 - (distance / reach) ** 3, 0.0) ** 3
        kernel[run] = 0.0
        for weights, residual in ((kernel, out[run]), (np.arange(25) != run, whole[run])):
            root = np.sqrt(weights)
            design = np.column_stack([np.ones(25), Z - Z[run]])
            value = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0][0]
            assert residual == pytest.approx(y[run] - value, rel=1e-5)


def test_global_held_out_by_cluster_equals_refits() -> None:
    X, y, _ = bent(30, 5)
    clusters = np.arange(30) % 5
    table = BandwidthTable(X, y, np.ones(30), clusters, True, np.array([1.0, 0.0]))
    out = held_out_globally(table)
    design = np.column_stack([np.ones(30), X])
    keep = clusters != 2
    expected = y - design @ np.linalg.lstsq(design[keep], y[keep], rcond=None)[0]
    np.testing.assert_allclose(out[~keep], expected[~keep], atol=1e-9)


def test_cells_keep_polynomials_exact() -> None:
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((4_000, 2))
    response = 0.3 + Z @ [1.0, -2.0] + 0.5 * Z[:, 0] ** 2 - Z[:, 0] * Z[:, 1]
    clusters = (rng.random(4_000) < 0.3).astype(np.intp)
    member = partition(Z, np.array([1.0, 0.0]), clusters, 10)
    assert np.bincount(member).max() <= 10
    cells = gather(Z, response, np.ones(4_000), clusters, member)
    np.testing.assert_array_equal(cells.cluster[member], clusters)
    window = Window(0.3, cells, cKDTree(cells.centres), 200)
    points = rng.uniform(-1, 1, (50, 2))
    slopes = np.vstack([fits.slopes for fits in local_fits(window, points, quadratic=True)])
    true = np.column_stack([1.0 + points[:, 0] - points[:, 1], -2.0 - points[:, 0]])
    np.testing.assert_allclose(slopes, true, atol=1e-4)


def test_one_law_is_kept_when_it_is_enough() -> None:
    kept = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((24, 2))
        fit = LocalPowerLaw().fit(X, X @ [2.0, -1.0] + 0.1 * rng.standard_normal(24))
        kept += bool(np.isinf(fit.share_))
    assert kept >= 15


def test_few_runs_still_find_a_bend() -> None:
    X, y, true = bent(30, 0, noise=0.02)
    fit = LocalPowerLaw().fit(X, y)
    assert np.isfinite(fit.share_)
    single = np.sqrt(((fit.global_exponents_ - true) ** 2).mean())
    assert np.sqrt(((fit.exponents_ - true) ** 2).mean()) < 0.6 * single


def test_prediction_is_the_local_fit_and_the_residuals_agree() -> None:
    X, y, _ = bent(200, 1)
    fit = LocalPowerLaw().fit(X, y)
    np.testing.assert_allclose(y - fit.predict(X), fit.residuals_, atol=1e-10)
    np.testing.assert_allclose(fit.elasticities(X), fit.exponents_, atol=1e-10)
    np.testing.assert_allclose(
        fit.predict_ratio(X[:50], X[50:100]), fit.predict(X[:50]) - fit.predict(X[50:100])
    )
    again = pickle.loads(pickle.dumps(fit))
    np.testing.assert_array_equal(again.predict(X), fit.predict(X))


def test_repeated_run_is_a_run_of_twice_the_weight() -> None:
    X, y, _ = bent(40, 2)
    weights = np.ones(40)
    weights[5], weights[6] = 2.0, 0.0
    weighted = LocalPowerLaw().fit(X, y, sample_weight=weights)
    rows = np.append(np.delete(np.arange(40), 6), 5)
    repeated = LocalPowerLaw().fit(X[rows], y[rows])
    assert weighted.share_ == repeated.share_
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-9)
    np.testing.assert_allclose(y - weighted.predict(X), weighted.residuals_, atol=1e-9)
    np.testing.assert_allclose(weighted.elasticities(X), weighted.exponents_, atol=1e-9)
    np.testing.assert_allclose(weighted.elasticity_intervals(X), weighted.intervals(), atol=1e-9)


def test_field_is_nan_where_no_runs_are() -> None:
    X, y, _ = bent(400, 6)
    X = X[(np.abs(X[:, 0]) > 0.9) | (X[:, 1] < 0.0)]
    y = 1.0 + np.log(np.cosh(X[:, 0])) + 0.5 * X[:, 1]
    fit = LocalPowerLaw().fit(X, y)
    field = fit.field([np.array([-6.0, -1.5, 0.0, 1.5, 6.0]), np.array([-1.0, 1.2])])
    assert field.shape == (5, 2, 2)
    known = np.isfinite(field).all(axis=-1)
    expected = [[False, False], [True, True], [True, False], [True, True], [False, False]]
    np.testing.assert_array_equal(known, expected)
    np.testing.assert_allclose(field[1, 0], [np.tanh(-1.5), 0.5], atol=0.1)
    assert fit.in_support(X).mean() > 0.97


def test_clusters_widen_the_intervals() -> None:
    rng = np.random.default_rng(0)
    X, y, _ = bent(240, 8)
    groups = np.floor((X[:, 0] + 2.0) * 5.0)
    y = y + 0.3 * rng.standard_normal(21)[groups.astype(int)]
    runs = np.diff(LocalPowerLaw(share=0.5).fit(X, y).intervals())[:, 0]
    clusters = np.diff(LocalPowerLaw(share=0.5).fit(X, y, groups=groups).intervals())[:, 0]
    assert np.median(clusters) > 1.3 * np.median(runs)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_clusters_far_from_each_other_are_held_out_without_overflow() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([50.0 * k + rng.uniform(0.0, 0.3, (12, 1)) for k in range(4)])
    y = x[:, 0] ** 2 / 10 + 0.01 * rng.standard_normal(48)
    LocalPowerLaw().fit(x, y, groups=np.repeat(list("abcd"), 12))


def test_messages() -> None:
    X, y, _ = bent(20, 0)
    with pytest.raises(InputError, match="positive share"):
        LocalPowerLaw(share=0.0).fit(X, y)
    with pytest.raises(InputError, match=r"-1\.0 in row 1"):
        LocalPowerLaw().fit(X, y, sample_weight=np.where(np.arange(20) == 1, -1.0, 1.0))
    with pytest.raises(FitError, match="one cluster"):
        LocalPowerLaw().fit(X, y, groups=np.zeros(20))
    with pytest.raises(InputError, match="2 axes"):
        LocalPowerLaw().fit(X, y).field([[0.0]])
    with pytest.raises(InputError, match="as a fraction"):
        LocalPowerLaw().fit(X, y).intervals(90)


@pytest.mark.parametrize("size", [50, 200, 1000])
def test_coverage(size: int) -> None:
    hits = []
    for seed in range(6_000 // size):
        X, y, true = bent(size, seed, noise=0.1)
        interval = LocalPowerLaw().fit(X, y).intervals(0.9)
        hits.append(((interval[..., 0] < true) & (true < interval[..., 1])).mean())
    assert 0.85 < np.mean(hits) < 0.97


@pytest.mark.slow
def test_exponents_improve_with_runs() -> None:
    errors = []
    for size in (500, 5_000, 50_000):
        X, y, true = bent(size, 0, noise=0.1)
        errors.append(np.sqrt(((LocalPowerLaw().fit(X, y).exponents_ - true) ** 2).mean()))
    assert errors[0] > errors[1] > errors[2]
