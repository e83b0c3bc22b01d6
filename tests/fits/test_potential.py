"""The deep potential: what it must recover, what it must not depend on, and what it refuses."""

import pickle
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import check_estimator

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.fits import ContrastivePotential, PowerLaw
from dimgs.fits.potential.potential_runs import LOSSES

torch = pytest.importorskip("torch")
UNIMODULAR = np.array([[1.0, 2.0], [1.0, 3.0]])


def crossover(size: int, seed: int, noise: float = 0.05) -> tuple[Array, Array, Array]:
    """Two power laws that meet: exponents (0.5, 0) give way to (2, 1)."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-3.0, 3.0, (size, 2))
    truth = np.logaddexp(0.5 * X[:, 0], 2.0 * X[:, 0] + X[:, 1])
    return X, truth + noise * rng.standard_normal(size), truth


def test_estimator_checks() -> None:
    check_estimator(
        ContrastivePotential(hidden=(2,), smoothness=0.1, n_members=1, max_iter=2), on_skip=None
    )


def test_a_crossover_needs_the_network() -> None:
    X, y, _ = crossover(40, 0)
    rows, _, truth = crossover(300, 1)
    spread = truth.std()
    deep = ContrastivePotential(max_iter=100).fit(X, y)
    assert np.std(deep.predict(rows) - truth) < 0.05 * spread
    without = ContrastivePotential(hidden=()).fit(X, y)
    assert np.std(without.predict(rows) - truth) > 0.2 * spread
    assert without.cv_r2_ < 0.96 < 0.99 < deep.cv_r2_


def test_no_network_is_left_of_a_power_law() -> None:
    kept = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-2.0, 2.0, (40, 2)) @ UNIMODULAR
        y = 1.0 + X @ [0.5, -1.0] + 0.1 * rng.standard_normal(40)
        model = ContrastivePotential(max_iter=20).fit(X, y)
        law = PowerLaw().fit(X, y)
        np.testing.assert_allclose(model.exponents_, law.exponents_, atol=0.02)
        if np.isinf(model.smoothness_):
            kept.append(seed)
            np.testing.assert_allclose(model.exponents_, law.exponents_, atol=1e-10)
            np.testing.assert_allclose(model.predict(X), law.predict(X), atol=1e-10)
    assert len(kept) >= 6


def test_heavy_decay_alone_shrinks_the_network_to_nothing() -> None:
    rng = np.random.default_rng(2)
    X = rng.uniform(-2.0, 2.0, (60, 2))
    y = X @ [0.5, -1.0] + 0.1 * rng.standard_normal(60)
    model = ContrastivePotential(smoothness=0.5, max_iter=150).fit(X, y)
    law = PowerLaw().fit(X, y)
    np.testing.assert_allclose(model.exponents(X), np.tile(law.exponents_, (60, 1)), atol=2e-3)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([20, 45]), st.sampled_from(LOSSES))
def test_the_choice_of_groups_and_the_order_of_runs_and_columns_do_not_matter(
    seed: int, size: int, loss: Literal["squared", "absolute", "huber"]
) -> None:
    X, y, _ = crossover(size, seed)
    rows = crossover(30, seed + 1)[0] * 1.5
    model = ContrastivePotential((8,), loss, max_iter=40, n_members=2)
    plain = model.fit(X, y)
    expected, slopes = plain.predict(rows), plain.exponents(rows)
    bounds = plain.ratio_interval(rows[:10], rows[10:20], 0.8)
    order = np.random.default_rng(seed).permutation(size)
    turned = ContrastivePotential((8,), loss, max_iter=40, n_members=2)
    turned.fit((X @ UNIMODULAR)[order][:, ::-1], y[order])
    there = (rows @ UNIMODULAR)[:, ::-1]
    np.testing.assert_allclose(turned.predict(there), expected, atol=1e-6)
    back = turned.exponents(there)[:, ::-1] @ UNIMODULAR.T
    np.testing.assert_allclose(back, slopes, atol=1e-6)
    np.testing.assert_allclose(turned.ratio_interval(there[:10], there[10:20], 0.8), bounds, 1e-5)
    assert plain.smoothness_ == turned.smoothness_


@pytest.mark.parametrize(
    "loss", [pytest.param(k, marks=[pytest.mark.slow] * (k != "squared")) for k in LOSSES]
)
def test_long_training_does_not_enlarge_what_the_choice_of_groups_rounds(
    loss: Literal["squared", "absolute", "huber"],
) -> None:
    X, y, _ = crossover(20, 4)
    model = ContrastivePotential((8,), loss, smoothness=1e-3, n_members=1, max_iter=100)
    expected = model.fit(X, y).predict(X)
    np.testing.assert_allclose(model.fit(X @ UNIMODULAR, y).predict(X @ UNIMODULAR), expected, 1e-6)


def test_ratios_are_antisymmetric_and_add_up() -> None:
    X, y, _ = crossover(30, 4)
    model = ContrastivePotential(max_iter=30).fit(X, y)
    u, v, w = X[:10], X[10:20], X[20:]
    assert np.array_equal(model.predict_ratio(u, v), -model.predict_ratio(v, u))
    loop = model.predict_ratio(u, v) + model.predict_ratio(v, w) + model.predict_ratio(w, u)
    np.testing.assert_allclose(loop, 0.0, atol=1e-13)
    there, back = model.ratio_interval(u, v), model.ratio_interval(v, u)
    np.testing.assert_allclose(there, -back[:, ::-1], atol=1e-12)


def test_deterministic_and_picklable() -> None:
    X, y, _ = crossover(30, 5)
    model = ContrastivePotential(max_iter=30, random_state=3).fit(X, y)
    again = ContrastivePotential(max_iter=30, random_state=3).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    for other in (again, copy):
        assert np.array_equal(model.predict(X), other.predict(X))
        assert np.array_equal(model.predict_interval(X), other.predict_interval(X))
    for seed in (4, None, np.random.RandomState(0)):
        other = ContrastivePotential(max_iter=30, random_state=seed).fit(X, y)
        assert not np.array_equal(model.predict(X), other.predict(X))


def test_weights_are_repeated_runs_and_zero_weights_are_no_runs() -> None:
    X, y, _ = crossover(30, 6)
    weights = np.random.default_rng(0).integers(0, 3, 30)
    one = ContrastivePotential(max_iter=30).fit(X, y, sample_weight=weights)
    rows = np.repeat(np.arange(30), weights)
    two = ContrastivePotential(max_iter=30).fit(X[rows], y[rows])
    np.testing.assert_allclose(one.predict(X), two.predict(X), atol=1e-9)


@pytest.mark.parametrize("loss", [pytest.param("absolute", marks=pytest.mark.slow), "huber"])
def test_outliers_do_less_harm_to_the_robust_losses(loss: str) -> None:
    X, y, _ = crossover(60, 7)
    rows, _, truth = crossover(200, 8)
    y[:6] += 5.0
    errors = []
    for kind in ("squared", loss):
        model = ContrastivePotential(loss=kind, smoothness=1e-2, max_iter=60)  # type: ignore[arg-type]
        errors.append(np.std(model.fit(X, y).predict(rows) - truth))
    assert errors[1] < 0.6 * errors[0]


def test_prefactors_of_labels_cancel_within_them() -> None:
    X, y, _ = crossover(60, 9, noise=0.02)
    rows, _, truth = crossover(200, 10)
    labels = np.repeat(list("abcdef"), 10)
    jumps = dict(zip("abcdef", np.random.default_rng(0).normal(0, 3, 6), strict=True))
    shifted = y + np.array([jumps[label] for label in labels])
    model = ContrastivePotential(max_iter=80).fit(X, shifted, within=labels)
    assert np.std(model.predict(rows) - truth) < 0.1
    intercepts = model.group_intercepts_
    for label in "bcdef":
        gap = intercepts[label] - intercepts["a"] - (jumps[label] - jumps["a"])
        assert abs(gap) < 0.1


def test_categories_have_a_prefactor_and_a_place_of_their_own() -> None:
    X, _, _ = crossover(90, 11)
    code = np.tile([3.0, 7.0, 8.0], 30)
    sharp = np.select([code == 3.0, code == 7.0], [0.5, 2.0], 1.0)
    y = code + sharp * X[:, 0] + 0.02 * np.random.default_rng(0).standard_normal(90)
    table = np.column_stack([X[:, 0], code])
    model = ContrastivePotential(categorical=(1,), smoothness=1e-3, max_iter=60).fit(table, y)
    assert model.cv_r2_ > 0.99
    middle = [[0.0, 3.0], [0.0, 7.0], [0.0, 8.0]]
    np.testing.assert_allclose(model.exponents(middle)[:, 0], [0.5, 2.0, 1.0], atol=0.15)
    assert np.isnan(model.exponents_[1])
    unseen = model.predict([[0.0, 99.0]])[0]
    assert 3.0 < unseen < 8.0


@pytest.mark.parametrize("categorical", [(), (0,)])
def test_inputs_that_tell_no_run_from_another_leave_the_mean(categorical: tuple[int, ...]) -> None:
    y = np.random.default_rng(0).standard_normal(20)
    table = np.full((20, 1), 3.0)
    model = ContrastivePotential(categorical=categorical).fit(table, y)
    np.testing.assert_allclose(model.predict(table), y.mean())
    low, high = model.predict_interval(table)[0]
    assert low < y.mean() < high
    assert model.exponents(table).shape == (20, 1)


def test_several_targets_at_once() -> None:
    X, y, truth = crossover(40, 12)
    both = np.column_stack([y, 3.0 - X[:, 1]])
    model = ContrastivePotential(max_iter=60).fit(X, both)
    assert model.predict(X).shape == (40, 2)
    assert model.exponents(X).shape == model.predict_interval(X).shape == (40, 2, 2)
    assert model.intervals().shape == (2, 2, 2)
    assert np.std(model.predict(X)[:, 0] - truth) < 0.1
    np.testing.assert_allclose(model.exponents_[1], [0.0, -1.0], atol=0.02)


def test_too_few_runs_for_a_network_leave_the_power_law() -> None:
    X, y, _ = crossover(10, 13)
    model = ContrastivePotential().fit(X, y)
    assert np.isinf(model.smoothness_)
    assert np.all(np.isinf(model.predict_interval(X, 0.95)))


def test_sensible_from_thirty_runs() -> None:
    errors = []
    for seed in range(2):
        X, y, _ = crossover(30, 20 + seed)
        rows, _, truth = crossover(200, 30 + seed)
        model = ContrastivePotential(max_iter=60, n_members=3).fit(X, y)
        errors.append(np.std(model.predict(rows) - truth) / np.std(truth))
    assert max(errors) < 0.1


def test_clusters_are_held_out_together() -> None:
    X, _, truth = crossover(48, 14)
    cluster = np.repeat(np.arange(8), 6)
    shared = np.random.default_rng(1).normal(0, 0.5, 8)[cluster]
    y = truth + shared + 0.02 * np.random.default_rng(2).standard_normal(48)
    widths = []
    for groups in (None, cluster):
        model = ContrastivePotential(max_iter=40, n_members=1).fit(X, y, groups=groups)
        bounds = model.predict_interval(X, 0.8)
        widths.append(float(np.mean(bounds[:, 1] - bounds[:, 0])))
    assert widths[1] > widths[0]


def test_many_runs_are_trained_in_batches() -> None:
    X, y, _ = crossover(2500, 15)
    model = ContrastivePotential(hidden=(8,), smoothness=1e-5, max_iter=30, n_members=1).fit(X, y)
    rows, noisy, truth = crossover(500, 16)
    assert np.std(model.predict(rows) - truth) < 0.1
    bounds = model.predict_interval(rows)
    inside = np.mean((bounds[:, 0] < noisy) & (noisy < bounds[:, 1]))
    assert 0.84 < inside < 0.96


def test_what_cannot_be_fitted_is_refused() -> None:
    X, y, _ = crossover(20, 17)
    for wrong in (
        ContrastivePotential(loss="cubic"),  # type: ignore[arg-type]
        ContrastivePotential(smoothness="rough"),  # type: ignore[arg-type]
        ContrastivePotential(smoothness=-1.0),
        ContrastivePotential(n_members=0),
        ContrastivePotential(categorical=(5,)),
        ContrastivePotential(categorical=("x",)),  # type: ignore[arg-type]
        ContrastivePotential(hidden=8),  # type: ignore[arg-type]
        ContrastivePotential(max_iter="long"),  # type: ignore[arg-type]
        ContrastivePotential(n_members=2.5),  # type: ignore[arg-type]
        ContrastivePotential(random_state=-1),
        ContrastivePotential(device="abacus"),
    ):
        with pytest.raises(InputError):
            wrong.fit(X, y)
    with pytest.raises(FitError, match="cluster"):
        ContrastivePotential().fit(X, y, groups=np.zeros(20))
    with pytest.raises(FitError, match="No label of within"):
        ContrastivePotential().fit(X, y, within=np.arange(20))
    model = ContrastivePotential(hidden=()).fit(X, y)
    with pytest.raises(InputError, match="paired"):
        model.ratio_interval(X[:3], X[:2])
    with pytest.raises(InputError, match="fraction"):
        model.intervals(90)
