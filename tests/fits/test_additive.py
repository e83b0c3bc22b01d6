"""Additive laws: exact power laws, selected groups, basis independence, loop defects."""

import itertools
import pickle
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.utils.estimator_checks import check_estimator

from dimgs.common.arrays import Array
from dimgs.common.errors import EngineUnavailableError, InputError
from dimgs.fits.additive import (
    OddSpline,
    PairAdditive,
    SparseAdditive,
    _pair_blocks,
    curvature_columns,
    quantile_knots,
)

UNIMODULAR = [
    np.reshape(entries, (2, 2))
    for entries in itertools.product((-1, 0, 1), repeat=4)
    if abs(entries[0] * entries[3] - entries[1] * entries[2]) == 1
]


def softplus(z: Array) -> Array:
    return np.asarray(np.logaddexp(0.0, 2 * z))


@pytest.mark.parametrize(
    "estimator", [SparseAdditive(n_alphas=5, cv=3), PairAdditive(max_pairs=500, n_triples=100)]
)
def test_follows_scikit_learn(estimator: SparseAdditive | PairAdditive) -> None:
    check_estimator(estimator, on_skip=None)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.sampled_from([-2.0, -0.5, 0.0, 1 / 3, 1.5]), min_size=3, max_size=3),
)
def test_a_power_law_is_recovered_exactly(seed: int, exponents: list[float]) -> None:
    X = np.random.default_rng(seed).normal(size=(40, 3))
    model = SparseAdditive().fit(X, 0.7 + X @ exponents)
    np.testing.assert_allclose(model.exponents_, exponents, atol=1e-9)
    np.testing.assert_allclose(model.predict(X), 0.7 + X @ exponents, atol=1e-9)
    assert len(model.components_) == np.count_nonzero(exponents)
    assert all(term.power_law_enough and not term.curved for term in model.components_)


def test_selects_the_relevant_groups_and_the_curved_one() -> None:
    hits = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(80, 4))
        y = softplus(X[:, 0]) - 2 * X[:, 2] + 0.1 * rng.normal(size=80)
        model = SparseAdditive().fit(X, y)
        selected = [(term.group.index(1), term.curved) for term in model.components_]
        hits += selected == [(0, True), (2, False)]
        terms = {term.group.index(1): term for term in model.components_}
        assert not terms[0].power_law_enough
        assert terms[0].curvature_interval[0] > 0
        assert abs(terms[2].slope + 2) < 0.06
    assert hits >= 17


def test_pure_noise_keeps_nothing() -> None:
    kept = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        model = SparseAdditive().fit(rng.normal(size=(50, 3)), rng.normal(size=50))
        kept += len(model.components_) > 0
    assert kept <= 3


def test_the_test_of_a_power_law_has_its_size() -> None:
    rejected = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(60, 1))
        model = SparseAdditive(cv=5).fit(X, X[:, 0] + 0.3 * rng.normal(size=60))
        rejected += not model.components_[0].power_law_enough
    assert 6 <= rejected <= 36


def test_exponents_are_not_shrunk_and_their_intervals_cover() -> None:
    covered = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(50, 2))
        model = SparseAdditive(cv=5).fit(X, X @ [0.5, -1.0] + 0.2 * rng.normal(size=50))
        low, high = model.intervals(0.9).T
        covered += int(np.sum((low <= [0.5, -1.0]) & (high >= [0.5, -1.0])))
    assert 0.85 <= covered / 300 <= 0.95


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(UNIMODULAR), st.sampled_from(UNIMODULAR))
def test_with_all_bases_the_choice_does_not_depend_on_the_basis(
    seed: int, first: NDArray[np.int64], second: NDArray[np.int64]
) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 2))
    y = softplus(X[:, 0] - X[:, 1]) + 0.3 * X[:, 1] + 0.05 * rng.normal(size=60)
    change = first @ second @ np.array([[2, 1], [1, 1]])
    back = np.round(np.linalg.inv(change)).astype(int)
    here = SparseAdditive(UNIMODULAR).fit(X, y)
    there = SparseAdditive([back @ basis for basis in UNIMODULAR]).fit(X @ change, y)
    assert here.basis_index_ == there.basis_index_
    np.testing.assert_allclose(there.predict(X @ change), here.predict(X), atol=1e-9)
    np.testing.assert_allclose(change @ there.exponents_, here.exponents_, atol=1e-9)
    np.testing.assert_allclose(there.cv_mse_, here.cv_mse_, rtol=1e-8)


def test_the_search_over_bases_finds_the_single_curved_group() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(80, 2))
    y = softplus(X[:, 0] - X[:, 1]) + 0.02 * rng.normal(size=80)
    model = SparseAdditive(UNIMODULAR).fit(X, y)
    (term,) = model.components_
    assert term.group in {(1, -1), (-1, 1)}
    assert term.curved
    alone = SparseAdditive().fit(X, y)
    assert model.cv_mse_ < 0.5 * alone.cv_mse_


def test_order_of_runs_within_given_folds_and_columns_do_not_matter() -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(60, 3))
    y = softplus(X[:, 1]) + 0.1 * rng.normal(size=60)
    order = [2, 0, 1]
    np.testing.assert_allclose(
        SparseAdditive().fit(X[:, order], y).predict(X[:, order]),
        SparseAdditive().fit(X, y).predict(X),
        atol=1e-9,
    )


def test_runs_of_one_group_are_held_out_together() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(8), 10)
    X = rng.normal(size=(80, 2)) + rng.normal(size=(8, 2))[groups]
    y = X[:, 0] + 0.5 * rng.normal(size=8)[groups] + 0.05 * rng.normal(size=80)
    plain, grouped = SparseAdditive().fit(X, y), SparseAdditive().fit(X, y, groups=groups)
    assert grouped.cv_mse_ > plain.cv_mse_
    assert np.diff(grouped.intervals())[0] > np.diff(plain.intervals())[0]
    with pytest.raises(InputError, match="at least two groups"):
        SparseAdditive().fit(X, y, groups=np.zeros(80))


def test_a_constant_and_a_two_level_group_stay_straight() -> None:
    rng = np.random.default_rng(4)
    X = np.column_stack([np.full(40, 3.0), rng.integers(0, 2, 40), rng.normal(size=40)])
    model = SparseAdditive().fit(X, X @ [1.0, 2.0, 3.0])
    assert [term.group for term in model.components_] == [(0, 1, 0), (0, 0, 1)]
    np.testing.assert_allclose(model.exponents_, [0, 2, 3], atol=1e-9)


@pytest.mark.parametrize("bad", [np.ones((2, 2)), np.eye(3), [[0.5, 0], [0, 1]]])
def test_bases_that_are_none_are_refused(bad: Array) -> None:
    X = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(InputError, match=r"bases\[0\] must be an invertible integer matrix"):
        SparseAdditive([bad]).fit(X, X[:, 0])
    with pytest.raises(InputError, match="empty"):
        SparseAdditive([]).fit(X, X[:, 0])


def test_without_the_solver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "celer", None)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2))
    with pytest.raises(EngineUnavailableError, match=r"dimgs\[sparse\]"):
        SparseAdditive().fit(X, rng.normal(size=30))


def test_pickles_and_repeats() -> None:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(50, 2))
    y = softplus(X[:, 0]) + 0.1 * rng.normal(size=50)
    for model in (SparseAdditive().fit(X, y), PairAdditive().fit(X, y)):
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        repeated = type(model)().fit(X, y)
        np.testing.assert_array_equal(repeated.predict(X), model.predict(X))
        np.testing.assert_array_equal(repeated.intervals(), model.intervals())


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_splines_are_smooth_straight_outside_and_odd(seed: int) -> None:
    rng = np.random.default_rng(seed)
    knots = 0.2 + np.cumsum(rng.uniform(0.1, 0.8, 5))
    z = np.concatenate([knots, rng.uniform(-5, 5, 20)])
    step = 1e-6
    for order in (0, 1):
        slope = curvature_columns(z + step, knots, order) - curvature_columns(
            z - step, knots, order
        )
        np.testing.assert_allclose(
            slope / (2 * step), curvature_columns(z, knots, order + 1), atol=1e-3, rtol=1e-4
        )
    outside = np.concatenate([knots[:1] - [1, 2], knots[-1] + np.array([1, 2])])
    np.testing.assert_allclose(curvature_columns(outside, knots, 2), 0, atol=1e-9)
    spline, coef = OddSpline(knots), rng.normal(size=5)
    np.testing.assert_allclose(spline.columns(-z), -spline.columns(z), atol=1e-10)
    assert np.linalg.matrix_rank(spline.columns(np.linspace(-4, 4, 99))) == 5
    reference, share = np.sort(rng.normal(size=12)), rng.dirichlet(np.ones(12))
    direct = [(spline.columns(value - reference) @ coef) @ share for value in z]
    np.testing.assert_allclose(spline.mean_over(z, reference, share, coef), direct, atol=1e-8)


def test_knots_follow_the_weights() -> None:
    z = np.arange(10.0)
    weight = np.arange(1.0, 11.0)
    repeated = np.repeat(z, weight.astype(int))
    np.testing.assert_array_equal(
        quantile_knots(z, weight, 5), quantile_knots(repeated, np.ones(len(repeated)), 5)
    )
    np.testing.assert_allclose(
        quantile_knots(-z, weight, 5), -quantile_knots(z, weight, 5)[::-1], atol=1e-12
    )
    levels = np.repeat([0.0, 1.0], 5)
    np.testing.assert_array_equal(quantile_knots(levels, np.ones(10), 5), [0, 1])


def test_linear_differences_have_no_loop_defect_and_curved_ones_do() -> None:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(60, 2))
    straight = PairAdditive().fit(X, X @ [1.5, -0.5])
    assert straight.loop_defect_ < 1e-10
    np.testing.assert_allclose(straight.exponents_, [1.5, -0.5], atol=1e-10)
    np.testing.assert_allclose(straight.predict(X), X @ [1.5, -0.5], atol=1e-10)
    curved = PairAdditive().fit(X, X[:, 0] ** 3)
    g = [curved.predict_ratio(X[i : i + 1], X[j : j + 1])[0] for i, j in ((0, 1), (1, 2), (2, 0))]
    assert abs(sum(g)) > 0
    assert curved.loop_defect_ > 0.1
    assert 0 < curved.loop_defect_relative_ < 2
    np.testing.assert_allclose(curved.component(0, [-1.0, 1.0]).sum(), 0, atol=1e-9)


def test_literal_form_is_what_all_pairs_give() -> None:
    rng = np.random.default_rng(8)
    X = rng.normal(size=(30, 1))
    y = X[:, 0] ** 3 + 0.1 * rng.normal(size=30)
    model = PairAdditive(n_knots=4).fit(X, y)
    first, second = np.triu_indices(30, 1)
    table = OddSpline(model.knots_[0]).columns((X[first] - X[second])[:, 0])
    coef = np.linalg.lstsq(table, y[first] - y[second], rcond=None)[0]
    np.testing.assert_allclose(model.predict_ratio(X[first], X[second]), table @ coef, atol=1e-8)
    mean = np.mean([model.predict_ratio(X, np.repeat(X[[v]], 30, 0)) for v in range(30)], axis=0)
    np.testing.assert_allclose(model.potential(X), mean, atol=1e-9)


def test_sampled_pairs_are_balanced_and_agree_with_all() -> None:
    rng = np.random.default_rng(9)
    X = rng.normal(size=(400, 2))
    y = np.sinh(X[:, 0]) - X[:, 1] + 0.1 * rng.normal(size=400)
    every, some = PairAdditive().fit(X, y), PairAdditive(max_pairs=8000).fit(X, y)
    assert (every.n_pairs_, some.n_pairs_) == (400 * 399 // 2, 8000)
    assert some.n_contrasts_ == 399
    np.testing.assert_allclose(some.exponents_, every.exponents_, atol=0.08)
    np.testing.assert_allclose(some.loop_defect_, every.loop_defect_, rtol=0.2)


def test_intervals_of_the_literal_form_count_runs_not_pairs() -> None:
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(60, 1))
        model = PairAdditive(2).fit(X, X[:, 0] + 0.3 * rng.normal(size=60))
        low, high = model.intervals()[0]
        covered += low <= 1 <= high
    assert 80 <= covered <= 97


def test_too_few_knots_are_refused() -> None:
    X = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(InputError, match="n_knots=1"):
        PairAdditive(1).fit(X, X[:, 0])


def test_a_sample_of_pairs_is_balanced_and_of_the_size_asked_for() -> None:
    rng = np.random.RandomState(0)
    (whole,) = _pair_blocks(9, 36, rng)
    assert {*zip(*whole, strict=True)} == {(i, j) for i in range(9) for j in range(i + 1, 9)}
    for most, each in ((100, 5), (1, 2), (189, 9)):
        blocks = _pair_blocks(20, most, rng)
        assert len(blocks) == each
        # every run comes once on either side of a block, and no pair comes twice
        assert all(sorted(side) == list(range(20)) for block in blocks for side in block)
        pairs = {frozenset(p) for block in blocks for p in zip(*block, strict=True)}
        assert len(pairs) == 20 * each


@pytest.mark.parametrize("model", [PairAdditive(), SparseAdditive()])
def test_a_run_without_weight_has_a_residual_and_changes_no_other(
    model: PairAdditive | SparseAdditive,
) -> None:
    X = np.random.default_rng(0).normal(size=(20, 1))
    y, weight = X[:, 0] + 0.1 * X[:, 0] ** 3, np.ones(20)
    y[3], weight[3] = 50.0, 0.0
    with_outlier = model.fit(X, y, sample_weight=weight).residuals_
    kept = np.arange(20) != 3
    without = model.fit(X[kept], y[kept]).residuals_
    np.testing.assert_allclose(with_outlier[kept], without, atol=1e-9)
    assert with_outlier[3] > 40.0
