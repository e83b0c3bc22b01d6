"""Effects of inputs against functions whose effects are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.arrays import Array
from dimgs.fits.sensitivity import Copula, effects_of, jackknife_half


def ishigami(x: Array) -> Array:
    a, b, c = (2 * np.pi * x - np.pi).T
    return np.asarray(np.sin(a) + 7 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a))


def test_effects_are_those_of_the_ishigami_function() -> None:
    effects = effects_of(ishigami, Copula(np.eye(3), lambda u: u))
    np.testing.assert_allclose(effects.main, [0.3139, 0.4424, 0.0], atol=0.03)
    np.testing.assert_allclose(effects.total, [0.5576, 0.4424, 0.2437], atol=0.03)
    assert effects.shapley is None


@settings(max_examples=10, deadline=None)
@given(st.floats(-0.9, 0.9), st.floats(0.2, 3.0))
def test_shapley_effects_of_dependent_inputs_are_those_of_a_sum(rho: float, b: float) -> None:
    from scipy.stats import norm

    if abs(rho) < 0.05:
        return
    copula = Copula(np.array([[1.0, rho], [rho, 1.0]]), norm.ppf)
    effects = effects_of(lambda x: x[:, 0] + b * x[:, 1], copula)
    variance = 1 + b**2 + 2 * rho * b
    first = ((1 - rho**2 / 2) + b * rho + b**2 * rho**2 / 2) / variance
    assert effects.shapley is not None
    np.testing.assert_allclose(effects.shapley, [first, 1 - first], atol=0.03)
    np.testing.assert_allclose(effects.main[0], (1 + b * rho) ** 2 / variance, atol=0.03)
    np.testing.assert_allclose(effects.total[0], (1 - rho**2) / variance, atol=0.03)


def test_effects_of_many_dependent_inputs_add_up_too() -> None:
    R = 0.5 * np.eye(9) + 0.5
    effects = effects_of(lambda x: np.asarray(x.sum(axis=1)), Copula(R, lambda u: u))
    assert effects.shapley is not None
    assert effects.shapley.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(effects.shapley, 1 / 9, atol=0.04)


def test_independent_runs_have_an_independent_copula_and_correlated_ones_have_not() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    assert Copula.of(x).independent
    x[:, 2] += 2 * x[:, 1]
    assert not Copula.of(x).independent
    # of ranks alone, so that a logarithm changes nothing
    np.testing.assert_allclose(Copula.of(x).correlation, Copula.of(np.exp(x)).correlation)


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    from scipy.stats import t

    y = np.random.default_rng(1).normal(size=20)
    without = (y.sum() - y) / 19
    expected = t.isf(0.05, 19) * y.std(ddof=1) / np.sqrt(20)
    assert jackknife_half(without[:, None], 0.9)[0] == pytest.approx(expected)
