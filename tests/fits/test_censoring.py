"""Censored runs enter by their likelihood: against a direct maximum, and in repeated samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import norm

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import FitError
from dimgs.fits.censoring import fit_censored
from dimgs.fits.least_squares import fit_power_law

SEEDS = st.integers(0, 10_000)
TRUE = np.array([1.0, 1.5, -0.5])


def runs(seed: int, n: int = 30, share: float = 0.4) -> tuple[Array, Array, IntArray, Array]:
    """Columns, responses or bounds, sides, and relative sizes of the errors."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(n, 2))
    size = np.exp(rng.normal(0.0, 0.3, n))
    y = TRUE[0] + columns @ TRUE[1:] + 0.5 * size * rng.normal(size=n)
    side = int(rng.choice([-1, 1]))
    limit = np.quantile(y, share if side < 0 else 1 - share)
    sides = np.where(side * (y - limit) > 0, side, 0)
    return columns, np.where(sides == 0, y, limit), sides, size


def refitted(columns: Array, y: Array, weights: Array) -> Array:
    """Constant and slopes of weighted least squares."""
    table = np.column_stack([np.ones(len(y)), columns]) * np.sqrt(weights)[:, None]
    return np.asarray(np.linalg.lstsq(table, y * np.sqrt(weights), rcond=None)[0])


@settings(max_examples=25)
@given(SEEDS)
def test_working_responses_have_the_maximum_of_the_likelihood(seed: int) -> None:
    columns, y, sides, size = runs(seed)
    found = fit_censored(columns, y, sides, size)

    def minus(theta: Array) -> float:
        sd = np.exp(theta[-1]) * size
        z = (y - theta[0] - columns @ theta[1:-1]) / sd
        log_density = norm.logpdf(z) - np.log(sd)
        return -float(np.where(sides == 0, log_density, norm.logcdf(-sides * z)).sum())

    best = minimize(minus, np.array([*TRUE, np.log(0.5)]), method="BFGS")
    slopes = refitted(columns, found.response, found.weights / size**2)
    assert slopes == pytest.approx(best.x[:-1], abs=2e-4)
    assert found.sd == pytest.approx(np.exp(best.x[-1]), rel=1e-3)
    constant = 0.5 * np.log(2 * np.pi) * (sides == 0).sum()
    assert found.log_likelihood - constant == pytest.approx(-best.fun, abs=1e-6)


@given(SEEDS, st.floats(-5, 5), st.floats(0.01, 100))
def test_a_change_of_unit_changes_nothing_else(seed: int, shift: float, factor: float) -> None:
    columns, y, sides, size = runs(seed)
    one = fit_censored(columns, y, sides, size)
    other = fit_censored(3.0 * columns - 2.0, shift + factor * y, sides, size)
    assert other.response == pytest.approx(shift + factor * one.response, rel=1e-6, abs=1e-6)
    assert other.weights == pytest.approx(one.weights, abs=1e-6)
    mirrored = fit_censored(columns, -y, -sides, size)
    assert mirrored.response == pytest.approx(-one.response, rel=1e-6, abs=1e-6)


@given(SEEDS)
def test_a_working_response_lies_beyond_no_bound_that_is_broken(seed: int) -> None:
    columns, y, sides, size = runs(seed)
    found = fit_censored(columns, y, sides, size)
    measured = sides == 0
    assert np.array_equal(found.response[measured], y[measured])
    assert np.all(found.weights[measured] == 1.0)
    assert np.all((found.weights > 0) & (found.weights <= 1.0))


def test_far_bounds_are_as_good_as_no_runs() -> None:
    columns, y, _, _ = runs(3)
    sides = np.zeros(len(y), dtype=np.intp)
    alone = fit_censored(columns, y, sides)
    plain = refitted(columns, y, np.ones(len(y)))
    assert alone.sd == pytest.approx(np.std(y - plain[0] - columns @ plain[1:]), rel=1e-6)
    further = np.vstack([columns, columns[:5]])
    bounds = np.append(y, np.full(5, 60.0))
    found = fit_censored(further, bounds, np.append(sides, [-1] * 5))
    assert found.sd == pytest.approx(alone.sd, rel=1e-6)
    assert refitted(further, found.response, found.weights) == pytest.approx(plain, abs=1e-5)


def test_intervals_cover_where_half_of_the_runs_are_bounds() -> None:
    hits = []
    for seed in range(200):
        columns, y, sides, _ = runs(seed, 40, 0.5)
        found = fit_censored(columns, y, sides)
        fit = fit_power_law(columns, found.response, found.weights / found.weights.mean())
        half = fit.half_widths(np.eye(3), 0.9)[1:, 0]
        hits.append(np.abs(fit.exponents[0] - TRUE[1:]) < half)
    # 400 intervals of 90 %: three standard errors of their count
    assert np.mean(hits) == pytest.approx(0.9, abs=0.045)


def test_bounds_alone_are_no_runs() -> None:
    columns, y, _, _ = runs(1, 10)
    with pytest.raises(FitError, match="4 unknowns need more than 4 runs"):
        fit_censored(columns, y, np.array([0] * 4 + [1] * 6))
