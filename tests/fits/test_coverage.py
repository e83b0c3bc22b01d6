"""Intervals hold as often as they say, so nearly that a factor of 1.5 would show.

Thousands of tables with the same runs are one fit of as many targets.
"""

import numpy as np
import pytest

from dimgs.fits.least_squares import PowerLawFit, fit_power_law

N_TABLES, LEVEL = 4000, 0.9


def planted(within: str) -> tuple[PowerLawFit, np.ndarray, np.ndarray]:
    """Fits of many tables, their exponents, and a further run of each, without its intercept."""
    rng = np.random.default_rng(7)
    n, groups = {"all": (6, 1), "pairs": (16, 8), "triples": (15, 5)}[within]
    X, labels = rng.normal(size=(n, 1)), np.arange(n) % groups
    y = 0.7 * X + 5.0 * rng.normal(size=(groups, 1))[labels] + rng.normal(size=(n, N_TABLES))
    fit = fit_power_law(X, y, within=None if within == "all" else labels)
    return fit, labels, rng.normal(size=N_TABLES)


@pytest.mark.parametrize("within", ["all", "pairs", "triples"])
def test_exponents_and_the_scatter_are_as_large_as_they_are_said(within: str) -> None:
    fit, labels, _ = planted(within)
    groups = len(np.unique(labels))
    # a degree of freedom for each intercept, and one for the exponent
    assert fit.influence.residual_dof == len(labels) - groups - 1
    assert np.mean(fit.residual_scale**2) == pytest.approx(1.0, abs=0.05)
    half = fit.half_widths(np.array([[0.0, 1.0]]), LEVEL)[0]
    held = np.abs(fit.exponents[:, 0] - 0.7) <= half
    # five standard errors of the share, beside what Satterthwaite's approximation lacks
    assert np.mean(held) == pytest.approx(LEVEL, abs=0.03)
    assert np.mean(fit.joint_covariance[:, 1, 1]) == pytest.approx(
        np.var(fit.exponents[:, 0]), rel=0.1
    )


@pytest.mark.parametrize("within", ["all", "pairs", "triples"])
@pytest.mark.parametrize("place", [0.0, 2.0])
def test_new_runs_lie_in_their_intervals(within: str, place: float) -> None:
    fit, _, error = planted(within)
    # a run of mean intercept: that of all runs is what the fits scatter about
    intercept = float(np.mean(fit.intercept))
    predicted = fit.intercept + place * fit.exponents[:, 0]
    half = fit.half_widths(np.array([[1.0, place]]), LEVEL, extra=1.0)[0]
    held = np.mean(np.abs(intercept + place * 0.7 + error - predicted) <= half)
    # two quantiles are added in squares, as if of one error: a little too wide
    assert held == pytest.approx(LEVEL, abs=0.04)


def test_what_a_run_adds_is_a_square_of_its_own_quantile() -> None:
    from scipy import stats

    fit, _, _ = planted("all")
    c = np.array([[1.0, 0.5]])
    law, run = fit.half_widths(c, LEVEL), fit.half_widths(c, LEVEL, extra=1.0)
    added = np.sqrt(run**2 - law**2) / np.sqrt(fit.influence.variance)
    np.testing.assert_allclose(added, stats.t.ppf(0.95, 4))
