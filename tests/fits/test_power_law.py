import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from dimgs.common.errors import FitError, InputError
from dimgs.fits.design import AllPairs
from dimgs.fits.power_law import PowerLaw, fit_power_law
from tests.written_out import written_out

Array = np.ndarray[Any, np.dtype[np.float64]]


@parametrize_with_checks([PowerLaw(), PowerLaw(interval="bootstrap")])
def test_scikit_learn_conventions(estimator: Any, check: Any) -> None:
    check(estimator)


def planted(m: int = 40, p: int = 3, noise: float = 0.1, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, p))
    return X, X @ np.arange(1.0, p + 1) + 3.0 + noise * rng.standard_normal(m)


def unimodular(p: int, rng: np.random.Generator) -> Array:
    U = np.eye(p)
    for _ in range(2 * p):
        i, j = rng.choice(p, 2, replace=False) if p > 1 else (0, 0)
        if i != j:
            U[:, i] += rng.integers(-2, 3) * U[:, j]
    return U[:, rng.permutation(p)]


@settings(max_examples=25)
@given(m=st.integers(6, 40), p=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_equals_least_squares_on_all_pairs_written_out(m: int, p: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, y, w = rng.standard_normal((m, p)), rng.standard_normal(m), rng.uniform(0.1, 2, m)
    dx, dy, weight = written_out(AllPairs(), X, y, w)
    root = np.sqrt(weight)[:, None]
    expected = np.linalg.lstsq(dx * root, dy * root[:, 0], rcond=None)[0]
    law = PowerLaw().fit(X, y, w)
    np.testing.assert_allclose(law.exponents_, expected, rtol=1e-8, atol=1e-10)
    assert law.n_pairs_ == m * (m - 1) // 2 == len(dx)
    assert law.n_contrasts_ == m - 1


@settings(max_examples=25)
@given(p=st.integers(1, 4), clustered=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_nothing_depends_on_the_basis(p: int, clustered: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, y = planted(25, p, 0.3, seed % 1000)
    groups = np.arange(25) % 8 if clustered else None
    U = unimodular(p, rng)
    law, other = PowerLaw().fit(X, y, groups=groups), PowerLaw().fit(X @ U, y, groups=groups)
    inverse = np.linalg.inv(U)
    new = rng.standard_normal((4, p))
    np.testing.assert_allclose(other.exponents_, inverse @ law.exponents_, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(other.predict(new @ U), law.predict(new), rtol=1e-7, atol=1e-8)
    for of in ("run", "law"):
        np.testing.assert_allclose(
            other.predict_interval(new @ U, of=of), law.predict_interval(new, of=of), rtol=1e-6
        )
    np.testing.assert_allclose(
        other.ratio_interval(new[:2] @ U, new[2:] @ U),
        law.ratio_interval(new[:2], new[2:]),
        rtol=1e-6,
        atol=1e-7,
    )
    assert other.cv_r2_ == pytest.approx(law.cv_r2_, rel=1e-7)


def test_leave_one_out_residuals_and_score_by_brute_force() -> None:
    X, y = planted()
    w = np.random.default_rng(1).uniform(0.5, 2.0, 40)
    law = PowerLaw().fit(X, y, w)
    left_out = np.array(
        [
            y[i]
            - PowerLaw()
            .fit(np.delete(X, i, 0), np.delete(y, i), np.delete(w, i))
            .predict(X[i : i + 1])[0]
            for i in range(40)
        ]
    )
    np.testing.assert_allclose(law.loo_residuals_, left_out, rtol=1e-9, atol=1e-12)
    spread = w @ (y - np.average(y, weights=w)) ** 2
    assert law.cv_r2_ == pytest.approx(1.0 - w @ left_out**2 / spread, rel=1e-10)
    assert law.r2_ == pytest.approx(law.score(X, y, w), rel=1e-10)


def test_leave_one_cluster_out_score_by_brute_force() -> None:
    X, y = planted()
    groups = np.arange(40) % 7
    error = 0.0
    for g in range(7):
        rest = PowerLaw().fit(X[groups != g], y[groups != g])
        error += ((y - rest.predict(X))[groups == g] ** 2).sum()
    law = PowerLaw().fit(X, y, groups=groups)
    assert law.cv_r2_ == pytest.approx(1.0 - error / ((y - y.mean()) ** 2).sum(), rel=1e-10)


def test_within_removes_every_groups_own_prefactor() -> None:
    X, y = planted(noise=0.0)
    material = np.array(["cu", "fe", "al", "ni"])[np.arange(40) % 4]
    shifts = {"cu": 5.0, "fe": -2.0, "al": 0.5, "ni": 9.0}
    X[:, 0] += np.array([shifts[m] for m in material])  # confounded: Simpson's trap
    y = X @ [1.0, 2.0, 3.0] - np.array([3 * shifts[m] for m in material])
    law = PowerLaw().fit(X, y, within=material)
    np.testing.assert_allclose(law.exponents_, [1.0, 2.0, 3.0], atol=1e-12)
    assert law.group_intercepts_ == pytest.approx({k: -3 * v for k, v in shifts.items()}, abs=1e-10)
    assert law.n_contrasts_ == 36
    assert law.n_pairs_ == 4 * 45
    assert abs(PowerLaw().fit(X, y).exponents_[0] - 1.0) > 1.0
    shifted = PowerLaw().fit(X, y + 7.0 * (material == "fe"), within=material)
    np.testing.assert_allclose(shifted.exponents_, law.exponents_, atol=1e-10)


def test_collinear_groups_are_named_in_place_of_wild_exponents() -> None:
    X, y = planted(60, 3, 0.05)
    X = np.column_stack([X, X[:, 0] - 2 * X[:, 1], np.full(60, 4.0)])
    law = PowerLaw().fit(X, y)
    assert np.abs(law.exponents_).max() < 4.0
    np.testing.assert_allclose(np.ptp(X @ law.collinear_.T, axis=0), 0.0, atol=1e-12)
    assert law.collinear_.shape == (2, 5)
    assert law.identified_.tolist() == [False, False, True, False, False]
    assert np.isinf(law.intervals()[[0, 1, 3, 4]]).all()
    assert np.isfinite(law.intervals()[2]).all()
    # on the plane of the data the law is known, off it it is not
    assert np.isfinite(law.predict_interval(X[:3], of="law")).all()
    assert np.isinf(law.predict_interval(X[:3] + np.eye(5)[3], of="law")).all()
    assert np.isfinite(law.ratio_interval(X[:3], X[3:6])).all()
    plain = PowerLaw().fit(X[:, :3], y)
    np.testing.assert_allclose(law.predict(X), plain.predict(X[:, :3]), atol=1e-12)


def test_nearly_collinear_groups_are_named_and_kept() -> None:
    X, y = planted(60, 2, 0.0)
    X = np.column_stack([X, 2 * X[:, 0] + 1e-3 * np.random.default_rng(5).standard_normal(60)])
    law = PowerLaw().fit(X, y)
    assert len(law.collinear_) == 0
    assert law.condition_indices_[-1] > 30
    np.testing.assert_allclose(law.near_collinear_, [[1.0, 0.0, -0.5]], atol=2e-3)


def test_no_feature_at_all_is_a_constant_law() -> None:
    y = np.array([1.0, 2.0, 3.0, 6.0])
    fit = fit_power_law(np.empty((4, 0)), y)
    assert fit.intercept[0] == pytest.approx(3.0)
    half = fit.half_widths(np.ones((1, 1)), 0.9)[0, 0]
    # the classic interval of a mean, t(3) times s over root n
    assert half == pytest.approx(2.3533634 * y.std(ddof=1) / 2, rel=1e-6)
    assert fit.r2[0] == 0.0
    assert fit.cv_r2[0] < 0.0


def test_saturated_fit_has_infinite_intervals_not_zero_ones() -> None:
    law = PowerLaw().fit([[0.0], [1.0]], [0.0, 2.0])
    assert law.exponents_[0] == pytest.approx(2.0)
    assert np.isinf(law.intervals()).all()
    assert np.isinf(law.predict_interval([[0.5]])).all()


def test_several_targets_are_fitted_as_if_alone() -> None:
    X, y = planted()
    z = y[::-1] ** 2
    both = PowerLaw().fit(X, np.column_stack([y, z]), groups=np.arange(40) % 9)
    for q, target in enumerate((y, z)):
        alone = PowerLaw().fit(X, target, groups=np.arange(40) % 9)
        np.testing.assert_allclose(both.exponents_[q], alone.exponents_)
        np.testing.assert_allclose(both.intervals()[q], alone.intervals())
        np.testing.assert_allclose(both.intercept_interval()[q], alone.intercept_interval())
        np.testing.assert_allclose(both.predict(X)[:, q], alone.predict(X))
        np.testing.assert_allclose(both.predict_interval(X)[q], alone.predict_interval(X))
        assert both.cv_r2_[q] == pytest.approx(alone.cv_r2_)


def test_ratio_intervals_are_antisymmetric_and_free_of_the_prefactor() -> None:
    X, y = planted()
    law, moved = PowerLaw().fit(X, y), PowerLaw().fit(X, y + 5.0)
    forth, back = law.ratio_interval(X[:5], X[5:10]), law.ratio_interval(X[5:10], X[:5])
    np.testing.assert_allclose(forth, -back[:, ::-1], atol=1e-12)
    np.testing.assert_allclose(moved.ratio_interval(X[:5], X[5:10]), forth, atol=1e-10)
    np.testing.assert_allclose(law.ratio_interval(X[:2], X[:2]), 0.0, atol=1e-12)
    wide = law.ratio_interval(X[:5], X[5:10], of="run")
    assert (wide[:, 1] > forth[:, 1]).all()


def test_weights_are_scale_free_and_zero_drops_a_run() -> None:
    X, y = planted()
    w = np.random.default_rng(2).uniform(0.5, 2.0, 40)
    w[3] = 0.0
    law, scaled = PowerLaw().fit(X, y, w), PowerLaw().fit(X, y, 1e6 * w)
    dropped = PowerLaw().fit(np.delete(X, 3, 0), np.delete(y, 3), np.delete(w, 3))
    for other in (scaled, dropped):
        np.testing.assert_allclose(other.intervals(), law.intervals(), rtol=1e-8)
        np.testing.assert_allclose(other.predict_interval(X), law.predict_interval(X), rtol=1e-8)
        assert other.n_pairs_ == law.n_pairs_
        assert other.residual_scale_ == pytest.approx(law.residual_scale_)


def test_pickles_clones_and_repeats() -> None:
    X, y = planted()
    law = PowerLaw(interval="bootstrap", random_state=3).fit(X, y)
    again = clone(law).fit(X, y)
    restored = pickle.loads(pickle.dumps(law))
    np.testing.assert_array_equal(again.intervals(), law.intervals())
    np.testing.assert_array_equal(restored.intervals(0.8), law.intervals(0.8))


BAD_REQUESTS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: PowerLaw(interval="cr9").fit(*planted()),  # type: ignore[arg-type]
        InputError,
        "use cr3, jackknife or bootstrap",
    ),
    (lambda: PowerLaw().fit(*planted()).intervals(90), InputError, "fraction"),
    (
        lambda: PowerLaw().fit(*planted()).predict_interval(planted()[0], of="x"),  # type: ignore[arg-type]
        InputError,
        "'run' for one more run",
    ),
    (
        lambda: PowerLaw().fit(*planted()).ratio_interval(planted()[0][:2], planted()[0][:3]),
        InputError,
        "paired rows",
    ),
    (lambda: PowerLaw().fit(*planted(), within=["a"]), InputError, "one label per run"),
    (lambda: fit_power_law([[1.0], [np.inf]], [1.0, 2.0]), InputError, "X is not finite in row 1"),
    (lambda: PowerLaw().fit(*planted(), np.eye(40)[0]), FitError, "at least two"),
    (lambda: PowerLaw().fit(*planted(), groups=np.zeros(40)), FitError, "at least two labels"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_REQUESTS)
def test_bad_requests_name_the_remedy(
    call: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()
