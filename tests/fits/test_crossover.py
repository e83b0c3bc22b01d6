import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import least_squares
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.fits.regimes import CrossoverPowerLaw, choose_crossover


def blended(
    rng: np.random.Generator, n: float, m: int = 80, noise: float = 0.05
) -> tuple[Array, Array]:
    X = rng.uniform(-4.0, 4.0, (m, 1))
    one, other = 0.5 * X[:, 0], 1.0 + 2.0 * X[:, 0]
    return X, np.logaddexp(n * one, n * other) / n + noise * rng.normal(size=m)


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_dict_unchanged,
        estimator_checks.check_estimators_nan_inf,
        estimator_checks.check_fit1d,
        estimator_checks.check_n_features_in,
        estimator_checks.check_sample_weights_not_overwritten,
    ],
)
def test_follows_the_conventions_of_scikit_learn(check: Callable[[str, Any], None]) -> None:
    # all of them, for every form, are among the longer checks
    check("CrossoverPowerLaw", CrossoverPowerLaw("sum"))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["auto", "blend", "sum", "saturation"])
def test_every_form_follows_the_conventions(form: str) -> None:
    check_estimator(CrossoverPowerLaw(form), on_skip=None)


@pytest.mark.parametrize("n", [2.0, -3.0])
def test_the_power_of_the_blend_is_covered(n: float) -> None:
    hits, inside = [], []
    for seed in range(20):
        model = CrossoverPowerLaw("blend").fit(*blended(np.random.default_rng(seed), n))
        low, high = model.n_interval_
        hits.append(low <= n <= high)
        truth = np.array([[0.5], [2.0]] if n > 0 else [[2.0], [0.5]])
        ends = model.intervals()
        inside.append((ends[..., 0] <= truth) & (truth <= ends[..., 1]))
    assert np.mean(hits) >= 0.76
    assert np.mean(inside) >= 0.78


def profile(X: Array, y: Array, n: float, model: CrossoverPowerLaw) -> float:
    """Least sum of squares of a blend of that power."""

    def miss(theta: Array) -> Array:
        one, other = theta[0] + theta[1] * X[:, 0], theta[2] + theta[3] * X[:, 0]
        return np.asarray(y - np.logaddexp(n * one, n * other) / n)

    start = np.column_stack([model.intercepts_, model.exponents_[:, 0]]).ravel()
    return 2.0 * float(least_squares(miss, start, xtol=1e-12, ftol=1e-12).cost)


def test_the_power_ends_where_the_best_fit_is_worse_by_the_square_of_student_t() -> None:
    rises = []
    for seed in range(6):
        X, y = blended(np.random.default_rng(seed), 2.0)
        model = CrossoverPowerLaw("blend", level=0.8).fit(X, y)
        least = profile(X, y, model.n_, model)
        variance = least / (len(y) - 5)
        for end in model.n_interval_:
            rises.append((profile(X, y, end, model) - least) / variance)
    # unequal scatter only widens it
    assert np.min(rises) == pytest.approx(stats.t.ppf(0.9, 75) ** 2, rel=0.02)
    assert np.max(rises) < 3.0 * np.min(rises)


def test_sum_and_saturation_are_recognised() -> None:
    rng = np.random.default_rng(2)
    assert CrossoverPowerLaw().fit(*blended(rng, 1.0)).form_ == "sum"
    model = CrossoverPowerLaw().fit(*blended(rng, -1.0))
    assert model.form_ == "saturation"
    assert model.n_ == model.n_interval_[0] == -1.0
    # A x^2 saturating at B x^(1/2): A comes first, at small x.
    np.testing.assert_allclose(model.exponents_[:, 0], [2.0, 0.5], atol=0.1)
    np.testing.assert_allclose(model.threshold_, -2.0 / 3.0, atol=0.3)


def test_smooth_beats_sharp_only_where_it_is_smooth() -> None:
    rng = np.random.default_rng(3)
    for criterion in ("bic", "cv"):
        X, y = blended(rng, 1.5)
        ranked = choose_crossover(X, y, criterion=criterion)
        assert ranked[0].name == "blend"
        values = [choice.criterion for choice in ranked]
        assert values == sorted(values)
        X = rng.uniform(-4.0, 4.0, (80, 1))
        y = np.where(X[:, 0] < 0, X[:, 0], 1.0 + 0.2 * X[:, 0]) + 0.05 * rng.normal(size=80)
        assert choose_crossover(X, y, criterion=criterion)[0].name == "jump"
    y = 2.0 * X[:, 0] + 0.1 * rng.normal(size=80)
    names = [choice.name for choice in choose_crossover(X, y)]
    assert names[0] == "single"
    assert "jump" not in names
    with pytest.raises(InputError, match="criterion"):
        choose_crossover(X, y, criterion="aic")


@pytest.mark.parametrize("n", [2.0, -2.0])
def test_nothing_depends_on_the_basis(n: float) -> None:
    rng = np.random.default_rng(4)
    X = rng.uniform(-3.0, 3.0, (90, 2))
    one, other = X @ [1.0, 0.5], 0.5 + X @ [-0.5, 1.0]
    y = np.logaddexp(n * one, n * other) / n + 0.03 * rng.normal(size=90)
    U = np.array([[2, 1], [1, 1]])
    a = CrossoverPowerLaw("blend").fit(X, y)
    b = CrossoverPowerLaw("blend").fit(X @ U, y)
    np.testing.assert_allclose(b.predict(X @ U), a.predict(X), atol=1e-5)
    np.testing.assert_allclose(b.n_, a.n_, rtol=1e-3)
    back = b.exponents_ @ U.T
    order = np.argsort(np.abs(back - a.exponents_[0]).sum(axis=1))
    np.testing.assert_allclose(back[order], a.exponents_, atol=1e-3)


def test_a_sharp_boundary_leaves_the_power_open() -> None:
    rng = np.random.default_rng(5)
    X = rng.uniform(-4.0, 4.0, (60, 1))
    y = np.maximum(0.5 * X[:, 0], 1.0 + 2.0 * X[:, 0]) + 0.1 * rng.normal(size=60)
    model = CrossoverPowerLaw("blend").fit(X, y)
    assert np.isinf(model.n_interval_[1])
    assert model.n_interval_[0] > 1.0


def test_few_runs_get_a_single_law() -> None:
    X = np.arange(5.0)[:, None]
    model = CrossoverPowerLaw().fit(X, 1.0 + 2.0 * X[:, 0])
    assert model.form_ == "single"
    np.testing.assert_allclose(model.exponents_, 2.0)
    np.testing.assert_allclose(model.predict([[10.0]]), 21.0)
    assert np.isnan(model.n_)


def test_weights_count_as_precision_and_copies_agree() -> None:
    rng = np.random.default_rng(6)
    X, y = blended(rng, 2.0)
    weight = rng.uniform(0.5, 2.0, len(y))
    one = CrossoverPowerLaw("blend").fit(X, y, sample_weight=weight)
    more, wrong = np.vstack([X, [[0.0]]]), np.append(y, 99.0)
    other = CrossoverPowerLaw("blend").fit(more, wrong, sample_weight=np.append(3 * weight, 0.0))
    np.testing.assert_allclose(other.predict(X), one.predict(X), atol=1e-6)
    again = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(again.predict(X), one.predict(X))
    ratio = one.predict_ratio(X[:3], X[3:6])
    np.testing.assert_allclose(ratio, one.predict(X[:3]) - one.predict(X[3:6]), atol=1e-12)


@pytest.mark.parametrize(("options", "word"), [({"form": "mix"}, "form"), ({"level": 0}, "level")])
def test_bad_arguments_are_named(options: dict[str, object], word: str) -> None:
    X, y = blended(np.random.default_rng(7), 2.0)
    with pytest.raises(InputError, match=word):
        CrossoverPowerLaw(**options).fit(X, y)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(FitError, match="at least two"):
        CrossoverPowerLaw().fit(X, y, sample_weight=np.eye(80)[0])
