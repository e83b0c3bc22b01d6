"""The parts of a law check themselves."""

from dataclasses import replace

import numpy as np
import pytest
import sympy
from scipy.stats import t

from dimgs.common.errors import InputError, LawError
from dimgs.law.checked_law import Constant, Domain, Scores, Uncertainty
from dimgs.variables import Dimension

ONE = sympy.Integer(1)


def test_a_constant_has_the_coherent_unit_and_finite_ends() -> None:
    constant = Constant("C", 2.0, Dimension.of({"[length]": 1, "[time]": -2}), -np.inf, np.nan)
    assert constant.unit == "m/s^2"
    assert (constant.low, constant.high) == (None, None)
    assert Constant("C", 2.0, low=1.0, high=3.0).low == 1.0


def test_an_interval_does_not_end_before_it_begins() -> None:
    for ends in ((1.0, 3.0), (2.0, 2.0), (None, 1.0), (5.0, None), (np.nan, 1.0)):
        Constant("C", 2.0, low=ends[0], high=ends[1])
    with pytest.raises(LawError, match="'C' ends before it begins"):
        Constant("C", 2.0, low=3.0, high=1.0)


def test_half_widths_are_those_of_students_t() -> None:
    u = Uncertainty((ONE, ONE), ((0.04, 0.01), (0.01, 0.09)), 0.5, 7.0, residual_dof=11.0)
    g = np.array([[1.0, 2.0], [0.0, 0.0]])
    of_law = np.sqrt([0.04 + 4 * 0.01 + 4 * 0.09, 0.0])
    np.testing.assert_allclose(u.half_width(g, 0.9, 0.0), t.ppf(0.95, 7) * of_law)
    # the second row has no uncertainty of its law, so the run's own degrees of freedom count
    np.testing.assert_allclose(u.half_width(g, 0.9, 1.0)[1], t.ppf(0.95, 11) * 0.5)
    np.testing.assert_allclose(u.half_width(g, 0.9, 2.0)[1], t.ppf(0.95, 11) * 0.5 * 2**0.5)
    # both variances come from the same residuals: between the two degrees of freedom
    total = np.hypot(of_law[0], 0.5)
    one = u.half_width(g, 0.9, 1.0)[0]
    assert t.ppf(0.95, 11) * total < one < t.ppf(0.95, 7) * total
    # least squares: of equal degrees of freedom the sum has as many
    equal = replace(u, residual_dof=7.0)
    np.testing.assert_allclose(equal.half_width(g, 0.9, 1.0)[0], t.ppf(0.95, 7) * total)
    # a further variance that comes from other runs adds its degrees of freedom
    apart = equal.half_width(g, 0.9, 1.0, apart=[(np.full(2, 0.25), 7.0)])[0]
    assert apart < t.ppf(0.95, 7) * np.hypot(total, 0.5)


def test_infinite_degrees_of_freedom_are_normal() -> None:
    u = Uncertainty((ONE,), ((1.0,),), 0.0, float("inf"))
    assert u.half_width(np.array([[1.0]]), 0.9, 0.0)[0] == pytest.approx(1.6448536, abs=1e-6)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 90.0, float("nan")])
def test_levels_are_fractions(level: float) -> None:
    u = Uncertainty((ONE,), ((1.0,),), 0.0, 5.0)
    with pytest.raises(InputError, match="as a fraction"):
        u.half_width(np.array([[1.0]]), level, 0.0)


def test_a_covariance_of_another_size_is_refused() -> None:
    with pytest.raises(LawError, match="2 by 2"):
        Uncertainty((ONE, ONE), ((1.0,),), 0.0, 5.0)


@pytest.mark.parametrize(
    ("centre", "precision"),
    [((1.0,), ((1.0, 0.0), (0.0, 1.0))), ((1.0, 2.0), ((1.0,), (0.0, 1.0))), ((), ())],
)
def test_a_domain_has_as_many_numbers_as_features(
    centre: tuple[float, ...], precision: tuple[tuple[float, ...], ...]
) -> None:
    with pytest.raises(LawError, match="centre must have 2 numbers"):
        Domain({}, {}, ("pi_1", "pi_2"), centre, precision)


def test_absent_features_add_the_least_leverage() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 3))
    centre = X.mean(axis=0)
    precision = np.linalg.inv((X - centre).T @ (X - centre))
    domain = Domain({}, {}, ("a", "b", "c"), tuple(centre), tuple(map(tuple, precision)), 1.0)

    def leverage(rows: np.ndarray) -> np.ndarray:
        return np.asarray(np.einsum("ij,jk,ik->i", rows - centre, precision, rows - centre))

    absent = np.array([False, True, True])
    filled = domain.filled(np.where(absent, 0.0, X), absent)
    np.testing.assert_array_equal(filled[:, 0], X[:, 0])
    least = leverage(filled)
    assert np.all(least <= leverage(X) + 1e-12)
    for step in rng.normal(size=(20, 2)):
        moved = filled.copy()
        moved[:, 1:] += 0.1 * step
        assert np.all(leverage(moved) >= least - 1e-12)


def test_scores_become_plain_numbers() -> None:
    scores = Scores(1.0, 0.1, None, 0.9)
    assert scores.to_json() == {
        "r2_log": 1.0,
        "rmse_log": 0.1,
        "cv_r2_log": None,
        "r2": 0.9,
        "holdout_r2_log": None,
        "holdout_n": 0,
    }
