"""Errors of further runs: their density, and whether they are off or only large."""

import numpy as np
import pytest
import sympy
from scipy import stats

from dimgs.judgement.evidence import PredictionErrors


@pytest.mark.parametrize("growth", [0.5, 1e3, 1e9, 1e14])
def test_runs_are_predicted_with_the_variance_of_the_constants(growth: float) -> None:
    rng = np.random.default_rng(4)
    A, e = rng.standard_normal((9, 2)), rng.standard_normal(9)
    A[6:] *= growth
    kept = np.arange(9) < 6
    prediction = PredictionErrors.of(e[~kept], A[~kept], A[kept], 0.7, 4)
    assert prediction is not None
    # in exact rationals, so that no size of the variance is a difficulty
    there, here = (sympy.Matrix(part).applyfunc(sympy.Rational) for part in (A[6:], A[:6]))
    V = sympy.eye(3) + there * (here.T * here).inv() * there.T
    away = sympy.Matrix(e[6:] / 0.7).applyfunc(sympy.Rational)
    square = float((away.T * V.inv() * away)[0])
    expected = stats.multivariate_t.logpdf(np.zeros(3), e[6:], 0.49 * np.eye(3), 4)
    alone = float(np.sum((e[6:] / 0.7) ** 2))
    expected += 3.5 * (np.log1p(alone / 4) - np.log1p(square / 4)) - float(sympy.log(V.det())) / 2
    assert prediction.log_density == pytest.approx(expected, rel=1e-6)
    assert prediction.chance == pytest.approx(stats.f.sf(square / 3, 3, 4), rel=1e-6)


def test_errors_that_are_only_larger_follow_nothing() -> None:
    rng = np.random.default_rng(3)
    x = np.linspace(0.0, 1.0, 60)
    slopes, e = np.column_stack([np.ones(60), x]), rng.standard_normal(60)
    end = x > 0.75
    large, off = np.where(end, 8.0 * e, e), np.where(end, e + 40.0 * (x - 0.75), e)
    chances = []
    for errors in (large, off):
        prediction = PredictionErrors.of(errors[end], slopes[end], slopes[~end], 1.0, 43)
        assert prediction is not None
        assert prediction.chance < 1e-6
        chances.append(prediction.chance_of_trend(x[end][:, None]))
    assert chances[0] > 0.05
    assert chances[1] < 1e-3


def test_what_has_no_prediction_is_none() -> None:
    assert PredictionErrors.of(np.array([np.nan]), np.ones((1, 1)), np.ones((4, 1)), 1.0, 3) is None


@pytest.mark.parametrize("size", [0.3, 3.0])
def test_a_trend_is_what_an_f_test_of_a_regression_finds(size: float) -> None:
    rng = np.random.default_rng(8)
    places, errors, dof = rng.uniform(-1, 1, (9, 1)), size * rng.standard_normal(9), 6
    errors += size * places[:, 0]
    # constants that are known exactly, so that the errors are independent
    prediction = PredictionErrors(errors, np.zeros((9, 1)), np.zeros(1), 1.0, dof)
    columns = np.column_stack([np.ones(9), places, places**2])
    left = errors - columns @ np.linalg.lstsq(columns, errors, rcond=None)[0]
    followed, scatter = np.sum(errors**2) - np.sum(left**2), np.sum(left**2) / 6
    assert (scatter > 1) == (size > 1)
    # below what the other runs say of the error, theirs counts
    expected = (
        stats.f.sf(followed / 3 / scatter, 3, 6)
        if scatter > 1
        else stats.f.sf(followed / 3, 3, dof + 6)
    )
    assert prediction.chance_of_trend(places) == pytest.approx(expected, rel=1e-9)
