"""How likely residuals are under each kind of errors, against densities of SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import ndtr, stdtr
from scipy.stats import norm

from dimgs import Dataset, pi_basis
from dimgs.common.arrays import Array
from dimgs.fits.design import build_design
from dimgs.fits.noise import (
    ErrorModel,
    Noise,
    NoiseKind,
    Scatter,
    StudentTails,
    data_bits,
    noise_about,
    profile_log_likelihood,
    with_intrinsic_scatter,
)

SEEDS = st.integers(0, 10_000)


@given(SEEDS, st.floats(0, 10))
def test_the_profile_is_the_largest_normal_likelihood(seed: int, floor: float) -> None:
    rng = np.random.default_rng(seed)
    y, unit = np.exp(rng.normal(0, 1, (2, 20)))
    size = ErrorModel(floor, "target").size(y, y, unit)
    typical = np.sqrt(np.mean((y / unit) ** 2)) * unit
    assert size**2 == pytest.approx(y**2 + (floor * typical) ** 2)
    left = size * rng.standard_normal(20)
    factors = np.sqrt(np.mean((left / size) ** 2)) * np.array([0.9, 1.0, 1.1])
    likely = [norm.logpdf(left, scale=f * size).sum() for f in factors]
    assert max(likely) == likely[1]
    same_for_all = -10 * (np.log(2 * np.pi) + 1)
    assert profile_log_likelihood(left, size) + same_for_all == pytest.approx(likely[1])


@given(SEEDS, st.booleans(), st.booleans())
def test_bits_of_the_runs_are_their_likelihood(seed: int, weighted: bool, unit: bool) -> None:
    """The largest of a Gaussian error of each kind: multiplicative, of the response, of a unit."""
    rng = np.random.default_rng(seed)
    n = 25
    predicted, units = np.exp(rng.normal(0, 2, (2, n)))
    kinds = [predicted, np.ones(n), *([units] if unit else [])]
    errors = 0.1 * kinds[rng.integers(len(kinds))] * rng.standard_normal(n)
    observed = predicted + errors
    weights = rng.uniform(0.2, 3.0, n) if weighted else np.ones(n)
    likeliest = -np.inf
    for size in kinds:
        sd = size / np.sqrt(weights)
        sigma = np.sqrt(np.mean((errors / sd) ** 2))
        likeliest = max(likeliest, norm.logpdf(errors, scale=sigma * sd).sum() / np.log(2))
    same_for_all = (
        n * np.log2(np.sqrt(np.mean(observed**2)))
        + n / 2 * (np.log2(2 * np.pi) + 1 / np.log(2))
        - np.log2(weights).sum() / 2
    )
    bits = data_bits(predicted, observed, weights, units if unit else None)
    # a residual of a billionth of the scale counts as none, which moves the bits a little
    assert bits + same_for_all == pytest.approx(-likeliest, abs=1e-2)


@given(SEEDS, st.floats(-150, 150))
def test_bits_of_the_runs_know_no_unit_and_no_order(seed: int, decades: float) -> None:
    rng = np.random.default_rng(seed)
    n, factor = 20, 10.0**decades
    predicted, errors, unit = rng.normal(0, 1, (3, n)) * [[1.0], [0.1], [1.0]]
    observed, weights = predicted + errors, np.ones(n)
    expected = data_bits(predicted, observed, weights, np.abs(unit))
    a, b = factor * predicted, factor * observed
    assert data_bits(a, b, weights, np.abs(unit)) == pytest.approx(expected, abs=1e-6)
    order = rng.permutation(n)
    a, b, unit = (x[order] for x in (predicted, observed, unit))
    assert data_bits(a, b, weights, np.abs(unit)) == pytest.approx(expected, abs=1e-9)


def test_twice_the_error_costs_a_bit_for_each_run() -> None:
    rng = np.random.default_rng(0)
    ones = np.ones(30)
    e = 0.01 * rng.standard_normal(30)
    once, twice = (data_bits(np.ones(30), 1 + k * e, ones) for k in (1, 2))
    assert twice - once == pytest.approx(30.0, abs=0.1)
    # below double precision nothing is gained any more
    fine, finer = (data_bits(np.ones(30), 1 + k * e, ones) for k in (1e-13, 1e-15))
    assert 0 < fine - finer < 1.0
    assert data_bits(np.full(30, np.nan), ones, ones) == np.inf


def test_a_prediction_of_zero_has_no_multiplicative_error() -> None:
    predicted = np.array([0.0, 2.0, 3.0, 4.0])
    observed = predicted + np.array([0.1, -0.1, 0.1, -0.1])
    rms = np.sqrt(np.mean(observed**2))
    assert data_bits(predicted, observed, np.ones(4)) == pytest.approx(4 * np.log2(0.1 / rms))
    assert np.isfinite(data_bits(np.zeros(4), np.zeros(4), np.ones(4)))


def stated(seed: int, shared: float, factor: float) -> Dataset:
    """Runs of a power law whose stated errors span two decades, and what they leave out."""
    rng = np.random.default_rng(seed)
    x = np.exp(rng.uniform(-1.0, 2.0, 60))
    sigma = np.exp(rng.uniform(np.log(3e-4), np.log(3e-2), 60))
    errors = np.hypot(shared, factor * sigma) * rng.standard_normal(60)
    y = 3 * x**1.5 * np.exp(errors)
    return Dataset.from_columns({"x [1]": x, "y [1]": y, "y_err [1]": sigma * y})


def weights_after(data: Dataset) -> tuple[Array, Scatter]:
    design = build_design(data, pi_basis(data, "y"))
    after, scatter = with_intrinsic_scatter(design, design.X)
    assert after.weights is not None
    assert scatter is not None
    return np.asarray(after.weights), scatter


def test_scatter_beside_the_stated_errors_is_estimated_and_evens_the_weights() -> None:
    estimates = [weights_after(stated(seed, 0.05, 1.0)) for seed in range(8)]
    assert np.mean([s.intrinsic for _, s in estimates]) == pytest.approx(0.05, rel=0.15)
    assert all(weights.max() / weights.min() < 3 for weights, _ in estimates)


@pytest.mark.parametrize("factor", [1.0, 6.0])
def test_errors_that_are_right_or_wrong_by_one_factor_keep_their_weights(factor: float) -> None:
    for seed in range(4):
        weights, scatter = weights_after(stated(seed, 0.0, factor))
        assert scatter.intrinsic < 3e-4
        assert scatter.ratio == pytest.approx(factor, rel=0.3)
        assert weights.max() / weights.min() > 1e3


@given(st.floats(0.1, 10.0))
def test_intrinsic_scatter_depends_on_no_unit(unit: float) -> None:
    data = stated(1, 0.05, 1.0)
    other = Dataset.from_columns(
        {"x [1]": data["x"], "y [1]": data["y"] * unit, "y_err [1]": data.errors["y"] * unit}
    )
    assert weights_after(other)[0] == pytest.approx(weights_after(data)[0], rel=1e-6)


LAW = np.geomspace(1.0, 1e3, 80)
MADE = {
    "relative": lambda rng: LAW * np.exp(0.1 * rng.standard_normal(80)),
    "constant": lambda rng: LAW + 0.3 * rng.standard_normal(80),
    "mixed": lambda rng: (
        LAW * np.exp(0.05 * rng.standard_normal(80)) + 0.5 * rng.standard_normal(80)
    ),
}


def noise_in(y: Array, errors: Array | None = None) -> Noise:
    noise = noise_about(y, LAW, 2, errors)
    assert noise is not None
    return noise


@pytest.mark.parametrize("kind", MADE)
def test_the_error_model_is_that_of_the_runs_in_any_unit(kind: str) -> None:
    right = 0
    kinds: tuple[NoiseKind, ...] = ("relative", "constant", "mixed")
    for seed in range(10):
        y = MADE[kind](np.random.default_rng(seed))
        model, other = noise_in(y), noise_about(1e6 * y, 1e6 * LAW, 2)
        assert other is not None
        assert other.kind == model.kind
        for asked in kinds:
            as_asked = noise_about(y, LAW, 2, kind=asked)
            assert as_asked is not None
            assert as_asked.kind == asked
        right += model.kind == kind and model.tails == "normal"
    assert right >= 9


def test_heavy_tails_are_named_and_exact_runs_have_none() -> None:
    rng = np.random.default_rng(0)
    heavy = [noise_in(LAW * np.exp(0.02 * rng.standard_t(1.5, 80))) for _ in range(10)]
    assert sum(noise.tails == "student" for noise in heavy) >= 8
    assert noise_in(LAW) == Noise("relative", 0.0)


def test_errors_of_responses_whose_squares_vanish_have_a_size() -> None:
    # exp(-x/L) over many lengths: its square is zero in floating point, its errors are not
    y = np.array([1e-280, 2e-270, 3e-260])
    assert np.all(ErrorModel().size(y, y, np.ones(3)) >= y)


@given(
    st.sampled_from([2.0, 3.0, 5.0, 8.0]),
    st.floats(1e-6, 1e6),
    st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=9),
)
def test_heavy_tails_become_normal_residuals_in_any_unit(
    freedom: float, unit: float, values: list[float]
) -> None:
    r = np.array(values)
    tails = StudentTails(freedom, 1.0)
    made = tails.normal(r)
    np.testing.assert_allclose(tails.normal(-r), -made)
    np.testing.assert_allclose(StudentTails(freedom, unit).normal(unit * r), unit * made, rtol=1e-9)
    # quantiles of Student's t become those of the normal distribution
    np.testing.assert_allclose(ndtr(made), stdtr(freedom, r), rtol=1e-9, atol=1e-15)
    step = 1e-6 * np.maximum(np.abs(r), 1.0)
    slope = (tails.normal(r + step) - tails.normal(r - step)) / (2 * step)
    np.testing.assert_allclose(tails.slope(r), slope, rtol=1e-5)


def test_lighter_tails_inflate_standard_errors_less() -> None:
    inflation = [StudentTails(nu, 1.0).inflation for nu in (2.0, 3.0, 5.0, 8.0, 1e4)]
    assert inflation == sorted(inflation, reverse=True)
    assert inflation[-1] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("freedom", [2.0, 5.0])
def test_squares_of_normal_residuals_are_as_efficient_as_students_likelihood(
    freedom: float,
) -> None:
    # the mean of a sample, by the condition that its normal residuals add up to nothing
    rng = np.random.default_rng(1)
    tails = StudentTails(freedom, 1.0)
    means = []
    for _ in range(400):
        r = rng.standard_t(freedom, 60)

        def score(mean: float, r: Array = r) -> float:
            return float(np.sum(tails.normal(r - mean) * tails.slope(r - mean)))

        means.append(brentq(score, -2.0, 2.0))
    expected = (freedom + 3) / (freedom + 1) / 60
    assert np.var(means) == pytest.approx(expected, rel=0.2)
