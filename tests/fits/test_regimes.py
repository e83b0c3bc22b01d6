import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.fits.regimes import RegimePowerLaw


def friction(rng: np.random.Generator, m: int = 120, noise: float = 0.03) -> tuple[Array, Array]:
    """Laminar, a rising transition, turbulent: a jump up and two kinks, not monotone."""
    x = rng.uniform(4.0, 12.0, m)
    laminar, turbulent = np.log(64) - x, np.log(0.316) - 0.25 * x
    low, high = np.log(2300.0), np.log(4000.0)
    start, stop = np.log(64) - low, np.log(0.316) - 0.25 * high
    rise = start + (stop - start) * (x - low) / (high - low)
    y = np.where(x < low, laminar, np.where(x < high, rise, turbulent))
    return x[:, None], y + noise * rng.normal(size=m)


def single(rng: np.random.Generator) -> tuple[Array, Array]:
    m, p = int(rng.integers(30, 201)), int(rng.integers(1, 4))
    X = rng.uniform(0.0, 5.0, (m, p))
    if rng.random() < 0.5:
        X = rng.normal(size=(m, p)) @ rng.normal(size=(p, p))
    scatter = np.full(m, 10 ** rng.uniform(-2.0, -0.3))
    if rng.random() < 0.5:
        scatter = scatter * np.exp(0.5 * (X[:, 0] - X[:, 0].mean()) / X[:, 0].std())
    return X, 1.0 + X @ rng.uniform(-2.0, 2.0, p) + scatter * rng.normal(size=m)


def two_laws(rng: np.random.Generator, m: int, p: int, jump: float) -> tuple[Array, Array]:
    X = 2.0 * rng.normal(size=(m, p))
    side = X @ rng.normal(size=p) > 0
    y = np.where(side, X @ rng.normal(size=p) + jump, X @ rng.normal(size=p))
    return X, y + 0.05 * rng.normal(size=m)


def unimodular(rng: np.random.Generator, p: int) -> NDArray[np.int64]:
    U = np.eye(p, dtype=np.int64)
    for _ in range(4 if p > 1 else 0):
        a, b = rng.choice(p, 2, replace=False)
        U[:, a] += int(rng.integers(-2, 3)) * U[:, b]
    return -U if rng.random() < 0.5 else U


@pytest.mark.parametrize("most", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_follows_the_conventions_of_scikit_learn(most: int) -> None:
    check_estimator(RegimePowerLaw(most), on_skip=None)


@pytest.mark.parametrize("criterion", ["bic", pytest.param("cv", marks=pytest.mark.slow)])
def test_a_single_law_stays_single(criterion: str) -> None:
    counts = []
    for seed in range(20):
        X, y = single(np.random.default_rng(1000 + seed))
        model = RegimePowerLaw(4 if criterion == "bic" else 3, criterion=criterion)
        counts.append(model.fit(X, y).n_regimes_)
    assert sum(n == 1 for n in counts) >= 19


def test_three_regimes_with_a_rise_between_them() -> None:
    for seed in range(8):
        X, y = friction(np.random.default_rng(seed))
        model = RegimePowerLaw().fit(X, y)
        assert model.n_regimes_ == 3
        low, _, high = (r.intervals(0.99)[0] for r in model.regimes_)
        assert low[0] <= -1.0 <= low[1]
        assert high[0] <= -0.25 <= high[1]
        assert model.exponents_[1, 0] > 0
        places = [t.value for t in model.thresholds_]
        np.testing.assert_allclose(places, np.log([2300.0, 4000.0]), atol=0.25)


def test_a_jump_gets_the_shortest_monomial_the_runs_allow() -> None:
    rng = np.random.default_rng(3)
    X = rng.uniform(0.0, 6.0, (400, 2))
    along = X[:, 0] - 0.4 * X[:, 1]
    y = np.where(along < 2.0, 1.0 - X[:, 0], 0.3 * X[:, 1]) + 0.05 * rng.normal(size=400)
    model = RegimePowerLaw(exponent_map=np.eye(2)).fit(X, y)
    (edge,) = model.thresholds_
    assert edge.kind == "jump"
    assert [str(e) for e in edge.rationals[0]] == ["1", "-2/5"]
    np.testing.assert_allclose(edge.direction, [1.0, -0.4])
    assert edge.low <= 2.0 <= edge.high
    assert edge.interval(0.5)[0] >= edge.low


def test_rounding_of_exact_runs_says_nothing_of_the_direction_of_a_jump() -> None:
    Re, slender = np.array([
        [1, 2000], [18.292, 272.5], [50, 40], [100, 2000], [707.11, 282.8], [932.71, 40],
        [1516.7, 40], [1635.5, 334.7], [1715.3, 494.2], [1716.8, 2000], [2060.2, 231.8],
        [2328.6, 75.2], [2561.6, 334.2], [2595.2, 160.5], [2794.4, 2000], [4135.2, 1042],
        [10000, 2000], [11912, 40.07], [14578, 139.1], [70711, 282.8], [5e5, 40],
    ]).T  # fmt: skip
    X = np.log(np.column_stack([slender, slender * Re]))
    y = np.log(np.where(Re < 2300.0, 64.0 / Re, 0.316 * Re**-0.25) * slender)
    (edge,) = RegimePowerLaw(exponent_map=np.eye(2)).fit(X, y).thresholds_
    assert [str(e) for e in edge.rationals[0]] == ["1", "-1"]
    assert np.exp([-edge.high, -edge.low]) == pytest.approx([2060.2, 2328.6])


def test_a_continuous_boundary_is_normal_to_the_difference_of_the_exponents() -> None:
    rng = np.random.default_rng(4)
    X = rng.uniform(-3.0, 3.0, (200, 2))
    one, other = X @ [1.0, 0.0], 0.5 + X @ [0.2, 0.6]
    y = np.maximum(one, other) + 0.05 * rng.normal(size=200)
    model = RegimePowerLaw().fit(X, y)
    assert [t.kind for t in model.thresholds_] == ["continuous"]
    change = model.exponents_[1] - model.exponents_[0]
    direction = model.thresholds_[0].direction
    np.testing.assert_allclose(direction, change / change[0], rtol=1e-9)
    assert model.thresholds_[0].low <= 0.5 / 0.8 <= model.thresholds_[0].high
    # On the boundary both laws give the same answer.
    point = direction * model.thresholds_[0].value / (direction @ direction)
    values = model.intercepts_ + model.exponents_ @ point
    np.testing.assert_allclose(values[0], values[1], atol=1e-9)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_continuous_boundary_is_read_as_a_short_monomial_in_every_basis(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-3.0, 3.0, (150, 2))
    one, other = X @ [1.0, 0.0], 0.5 + X @ [0.2, 0.4]
    y = np.maximum(one, other) + 0.05 * rng.normal(size=150)
    U = unimodular(rng, 2)
    model = RegimePowerLaw(exponent_map=np.eye(2)).fit(X, y)
    moved = RegimePowerLaw(exponent_map=U).fit(X @ U, y)
    edge, same = model.thresholds_[0], moved.thresholds_[0]
    assert max(edge.direction, key=abs) == pytest.approx(1.0)
    assert edge.simple is not None
    assert same.simple is not None
    powers = np.array([float(p) for p in edge.simple.powers])
    assert powers == pytest.approx([1.0, -0.5], abs=0.26)
    assert edge.simple.low < edge.simple.value < edge.simple.high
    above = X @ powers >= edge.simple.value
    exact = (X @ edge.direction >= edge.value) == (edge.simple.sign > 0)
    assert np.mean(above == exact) > 0.9
    again = X @ U @ [float(p) for p in same.simple.powers] >= same.simple.value
    assert np.all(again == above) or np.all(again != above)


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10_000), p=st.integers(1, 3), jump=st.sampled_from([0.0, 1.0]))
def test_nothing_depends_on_the_basis(seed: int, p: int, jump: float) -> None:
    rng = np.random.default_rng(seed)
    X, y = two_laws(rng, 80, p, jump)
    U = unimodular(rng, p)
    table = rng.integers(-2, 3, (p + 2, p)) + 7 * np.eye(p + 2, p)
    for given_map in (None, table):
        moved = None if given_map is None else given_map @ U
        one = RegimePowerLaw(3, exponent_map=given_map).fit(X, y)
        other = RegimePowerLaw(3, exponent_map=moved).fit(X @ U, y)
        assert one.n_regimes_ == other.n_regimes_
        np.testing.assert_allclose(other.predict(X @ U), one.predict(X), atol=1e-7)
        same = {(a, b) for a, b in zip(one.labels_, other.labels_, strict=True)}
        assert len(same) == one.n_regimes_
        for a, b in same:
            np.testing.assert_allclose(U @ other.exponents_[b], one.exponents_[a], atol=1e-6)
        assert [t.kind for t in one.thresholds_].count("jump") == [
            t.kind for t in other.thresholds_
        ].count("jump")


def test_the_order_of_the_groups_does_not_matter() -> None:
    X, y = two_laws(np.random.default_rng(11), 120, 3, 1.0)
    order = [2, 0, 1]
    one, other = RegimePowerLaw(3).fit(X, y), RegimePowerLaw(3).fit(X[:, order], y)
    np.testing.assert_allclose(other.predict(X[:, order]), one.predict(X), atol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_a_short_border_divides_the_runs_where_groups_are_collinear(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(90, 2)) * 2.0
    # a third group that only moves with the first two
    X = np.column_stack([X, 5.0 + X @ [1.0, -1.0]])
    y = np.abs(X[:, 0] - 0.5) + 0.3 * X[:, 1] + 0.1 * rng.normal(size=90)
    (edge,) = RegimePowerLaw(exponent_map=np.eye(3)).fit(X, y).thresholds_
    assert edge.simple is not None
    exact = X @ edge.direction >= edge.value
    above = X @ [float(p) for p in edge.simple.powers] >= edge.simple.value
    assert np.mean(above == (exact == (edge.simple.sign > 0))) > 0.95


def test_conditions_describe_the_labels() -> None:
    X, y = two_laws(np.random.default_rng(5), 150, 2, 1.0)
    model = RegimePowerLaw().fit(X, y)
    for k, regime in enumerate(model.regimes_):
        inside = np.ones(len(y), dtype=bool)
        for threshold, sign in regime.conditions:
            inside &= sign * (X @ threshold.direction - threshold.value) >= 0
        np.testing.assert_array_equal(inside, model.labels_ == k)
        np.testing.assert_array_equal(regime.indices, np.flatnonzero(inside))
        assert regime.n == inside.sum() >= 6
        law = regime.intercept + X[inside] @ regime.exponents
        np.testing.assert_allclose(model.predict(X[inside]), law, atol=1e-10)


def test_exact_regimes_are_recovered_exactly() -> None:
    x = np.linspace(0.0, 5.0, 40)[:, None]
    y = np.where(x[:, 0] < 2.0, 2.0 * x[:, 0], 4.0 + 0.5 * (x[:, 0] - 2.0))
    model = RegimePowerLaw().fit(x, y)
    assert model.n_regimes_ == 2
    np.testing.assert_allclose(model.exponents_[:, 0], [2.0, 0.5], atol=1e-9)
    np.testing.assert_allclose(model.thresholds_[0].value, 2.0, atol=0.07)
    assert RegimePowerLaw().fit(x, 1.0 - 3.0 * x[:, 0]).n_regimes_ == 1


def test_weights_count_as_precision() -> None:
    rng = np.random.default_rng(6)
    X, y = friction(rng, 100)
    weight = rng.uniform(0.5, 2.0, 100)
    one = RegimePowerLaw().fit(X, y, sample_weight=weight)
    other = RegimePowerLaw().fit(X, y, sample_weight=7.0 * weight)
    np.testing.assert_allclose(other.predict(X), one.predict(X), atol=1e-9)
    wrong = np.append(y, 50.0)
    more = np.vstack([X, [[8.0]]])
    kept = RegimePowerLaw().fit(more, wrong, sample_weight=np.append(weight, 0.0))
    np.testing.assert_allclose(kept.predict(X), one.predict(X), atol=1e-9)
    assert len(kept.labels_) == 101


def test_clusters_widen_the_intervals() -> None:
    rng = np.random.default_rng(7)
    cluster = np.repeat(np.arange(20), 6)
    x = np.repeat(rng.uniform(0.0, 6.0, 20), 6) + 0.01 * rng.normal(size=120)
    y = np.where(x < 3.0, -x, -2.25 - 0.25 * x) + 1.0 * (x >= 3.0)
    y = y + np.repeat(0.05 * rng.normal(size=20), 6) + 0.01 * rng.normal(size=120)
    alone = RegimePowerLaw(2).fit(x[:, None], y)
    shared = RegimePowerLaw(2).fit(x[:, None], y, groups=cluster)
    assert alone.n_regimes_ == shared.n_regimes_ == 2
    width = [np.diff(m.intervals()[0, 0])[0] for m in (alone, shared)]
    assert width[1] > 1.3 * width[0]


def test_ratios_need_no_prefactor_and_copies_agree() -> None:
    X, y = friction(np.random.default_rng(8))
    model = RegimePowerLaw().fit(X, y)
    ratio = model.predict_ratio(X[:5], X[5:10])
    np.testing.assert_allclose(ratio, model.predict(X[:5]) - model.predict(X[5:10]), atol=1e-12)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), model.predict(X))
    assert (model.n_contrasts_, model.n_pairs_) == (119, 119 * 60)
    np.testing.assert_allclose(model.residuals_, y - model.predict(X), atol=1e-12)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"max_regimes": 0}, "max_regimes"),
        ({"criterion": "aic"}, "criterion"),
        ({"continuous": "maybe"}, "continuous"),
        ({"level": 1.5}, "level"),
        ({"exponent_map": np.ones((3, 2))}, "dependent"),
        ({"exponent_map": np.eye(3)}, "one column for each"),
    ],
)
def test_bad_arguments_are_named(options: dict[str, object], word: str) -> None:
    X, y = two_laws(np.random.default_rng(9), 40, 2, 1.0)
    with pytest.raises(InputError, match=word):
        RegimePowerLaw(**options).fit(X, y)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(InputError, match="groups"):
        RegimePowerLaw().fit(X, y, groups=[1, 2])
    with pytest.raises(FitError, match="at least two"):
        RegimePowerLaw().fit(X, y, sample_weight=np.eye(40)[0])


def test_continuous_may_be_forbidden_or_required() -> None:
    X, y = friction(np.random.default_rng(10))
    assert {t.kind for t in RegimePowerLaw(continuous=False).fit(X, y).thresholds_} == {"jump"}
    assert {t.kind for t in RegimePowerLaw(continuous=True).fit(X, y).thresholds_} == {"continuous"}


def test_columns_that_are_equal_have_a_quotient_without_a_direction() -> None:
    rng = np.random.default_rng(5)
    x, u = rng.uniform(0, 4, (2, 60))
    y = np.where(x < 2, x, 2.0) + 0.5 * u + 0.01 * rng.standard_normal(60)
    X = np.column_stack([x, x, u])
    model = RegimePowerLaw(exponent_map=np.eye(3), random_state=0).fit(X, y)
    assert len(model.regimes_) == 2
    alone = RegimePowerLaw(exponent_map=np.eye(2), random_state=0).fit(X[:, 1:], y)
    np.testing.assert_allclose(model.predict(X), alone.predict(X[:, 1:]), rtol=1e-6)
