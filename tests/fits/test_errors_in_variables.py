from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import parametrize_with_checks

from dimgs.common.errors import FitError, InputError
from dimgs.fits.errors_in_variables import OrthogonalPowerLaw
from dimgs.fits.power_law import PowerLaw

Array = np.ndarray[Any, np.dtype[np.float64]]


@parametrize_with_checks([OrthogonalPowerLaw()])
def test_scikit_learn_conventions(estimator: Any, check: Any) -> None:
    check(estimator)


def planted(rng: np.random.Generator, m: int = 60) -> tuple[Array, Array]:
    Z = rng.standard_normal((m, 2))
    X = Z + 0.4 * rng.standard_normal((m, 2))
    return X, Z @ [1.0, -0.5] + 2.0 + 0.1 * rng.standard_normal(m)


def test_attenuation_is_removed_and_intervals_cover() -> None:
    rng = np.random.default_rng(0)
    hits, orthogonal, plain = [], [], []
    for _ in range(40):
        X, y = planted(rng)
        law = OrthogonalPowerLaw().fit(X, y, X_err=0.4, y_err=0.1)
        low, high = law.intervals(0.9).T
        hits.append((low <= [1.0, -0.5]) & (high >= [1.0, -0.5]))
        orthogonal.append(law.exponents_)
        plain.append(PowerLaw().fit(X, y).exponents_)
    np.testing.assert_allclose(np.mean(orthogonal, axis=0), [1.0, -0.5], atol=0.04)
    # least squares: 1 / (1 + 0.16) of the exponent
    np.testing.assert_allclose(np.mean(plain, axis=0), [0.862, -0.431], atol=0.04)
    assert 0.8 < np.mean(hits) < 0.98
    assert 0.6 < law.chi2_reduced_ < 1.6


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), shear=st.integers(-2, 2))
def test_whole_covariances_make_it_free_of_the_basis(seed: int, shear: int) -> None:
    X, y = planted(np.random.default_rng(seed), 25)
    U = np.array([[2.0, 1.0], [1.0, 1.0]]) @ np.array([[1.0, shear], [0.0, 1.0]])
    T = np.eye(3)
    T[:2, :2] = U
    covariance = np.diag([0.16, 0.16, 0.01])
    covariance[0, 2] = covariance[2, 0] = 0.01
    law = OrthogonalPowerLaw().fit(X, y, error_covariance=covariance)
    other = OrthogonalPowerLaw().fit(X @ U, y, error_covariance=T.T @ covariance @ T)
    np.testing.assert_allclose(U @ other.exponents_, law.exponents_, atol=1e-5)
    np.testing.assert_allclose(other.predict(X @ U), law.predict(X), atol=1e-5)
    np.testing.assert_allclose(U @ other.covariance_ @ U.T, law.covariance_, rtol=1e-3, atol=1e-6)


def test_without_input_errors_it_is_weighted_least_squares() -> None:
    X, y = planted(np.random.default_rng(1))
    sd = np.random.default_rng(2).uniform(0.1, 1.0, 60)
    law = OrthogonalPowerLaw().fit(X, y, y_err=sd)
    plain = PowerLaw("jackknife").fit(X, y, sd**-2)
    np.testing.assert_allclose(law.exponents_, plain.exponents_, rtol=1e-9)
    np.testing.assert_allclose(law.joint_covariance_, plain.joint_covariance_, rtol=1e-6)
    assert law.intercept_ == pytest.approx(plain.intercept_)
    np.testing.assert_allclose(law.intervals(), plain.intervals(), rtol=1e-6)


def test_equal_errors_are_total_least_squares() -> None:
    X, y = planted(np.random.default_rng(3))
    z = np.column_stack([X, y])
    normal = np.linalg.svd(z - z.mean(axis=0))[2][-1]
    law = OrthogonalPowerLaw().fit(X, y)
    np.testing.assert_allclose(law.exponents_, -normal[:2] / normal[2], rtol=1e-7)


def test_clusters_blocks_and_collinear_groups() -> None:
    rng = np.random.default_rng(4)
    X, y = planted(rng, 250)
    clustered = OrthogonalPowerLaw().fit(X, y, groups=np.arange(250) % 12, X_err=0.4, y_err=0.1)
    single = OrthogonalPowerLaw().fit(X, y, X_err=0.4, y_err=0.1)
    assert clustered.dof_ == 11
    assert single.dof_ == 247
    np.testing.assert_allclose(
        np.diff(clustered.intervals()), np.diff(single.intervals()), rtol=0.8
    )
    twice = OrthogonalPowerLaw().fit(np.column_stack([X, X[:, 0]]), y, X_err=0.1, y_err=0.1)
    np.testing.assert_allclose(np.abs(twice.collinear_), [[1.0, 0.0, 1.0]], atol=1e-9)
    assert np.isinf(twice.intervals()[[0, 2]]).all()
    assert np.isfinite(twice.intervals()[1]).all()


X, Y = planted(np.random.default_rng(5), 20)
BAD: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: OrthogonalPowerLaw().fit(X, Y, X_err=-0.1, y_err=1.0),
        InputError,
        "run 0 is negative",
    ),
    (lambda: OrthogonalPowerLaw().fit(X, Y, y_err=np.ones(3)), InputError, "does not fit"),
    (
        lambda: OrthogonalPowerLaw().fit(X, Y, y_err=1.0, error_covariance=np.eye(3)),
        InputError,
        "not both",
    ),
    (
        lambda: OrthogonalPowerLaw().fit(X, Y, y_err=np.arange(20.0)),
        FitError,
        "without any variance",
    ),
    (lambda: OrthogonalPowerLaw().fit(X, Y, np.eye(20)[0]), FitError, "at least two"),
    (lambda: OrthogonalPowerLaw().fit(X, Y, groups=np.ones(20)), FitError, "at least two labels"),
    (lambda: OrthogonalPowerLaw(1).fit(X, Y), FitError, "not converged in 1"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_bad_requests_name_the_remedy(
    call: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


def test_contrasts_and_degrees_of_freedom_count_runs_of_positive_weight() -> None:
    X, y = planted(np.random.default_rng(3), 12)
    weights = np.ones(12)
    weights[[2, 5]] = 0.0
    model = OrthogonalPowerLaw().fit(X, y, X_err=0.05, y_err=0.1, sample_weight=weights)
    assert (model.n_contrasts_, model.n_pairs_) == (9, 45)
    assert model.dof_ == 9 - X.shape[1]
    used = weights > 0
    again = OrthogonalPowerLaw().fit(X[used], y[used], X_err=0.05, y_err=0.1)
    np.testing.assert_allclose(again.exponents_, model.exponents_, rtol=1e-6)
    np.testing.assert_allclose(model.covariance_, model.joint_covariance_[1:, 1:])
    clusters = np.arange(12) % 3
    assert OrthogonalPowerLaw().fit(X, y, y_err=0.1, groups=clusters).dof_ == 2
    few = OrthogonalPowerLaw().fit(X[: X.shape[1] + 1], y[: X.shape[1] + 1], y_err=0.1)
    assert few.dof_ == 0.0
