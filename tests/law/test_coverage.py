"""Intervals of the constants of laws that are not power laws cover at their nominal rate."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy

from dimgs import Dataset, Law, Options
from dimgs.common.errors import FitError
from dimgs.discovery.discover import fit
from dimgs.discovery.prepare import prepare
from dimgs.fits.covariance import t_quantile
from dimgs.fits.design import Design
from dimgs.fits.least_squares import fit_power_law
from dimgs.law.assemble import assemble, refit

Array = np.ndarray[Any, np.dtype[np.float64]]
N = 20
a, b, pi_1 = sympy.symbols("a b pi_1")
FORMS = {
    "saturation": a * pi_1 / (1 + b * pi_1),
    "sum": a + b * pi_1**2,
    "decay": a * sympy.exp(-b * pi_1),
}
TRUTH = {"a": 2.0, "b": 0.5}


def design_of(scale: str = "log", n: int = N) -> Design:
    x = np.exp(np.random.default_rng(3).uniform(-1.0, 1.0, n))
    y = x + 1.0 if scale == "log" else x - 1.0
    return prepare(
        Dataset.from_columns({"x [1]": x, "y [1]": y}), "y", Options(), any_sign=True
    ).design


def coverage(form: str, draws: int, *, clusters: int | None = None, scale: str = "log") -> Array:
    """Share of the draws whose 90 % intervals hold each constant, shape (2,)."""
    rng = np.random.default_rng([draws, len(form)])
    design = design_of(scale)
    labels = None if clusters is None else np.arange(N) % clusters
    groups = {"pi_1": np.exp(design.X[:, 0])}
    exact = sympy.lambdify((pi_1, a, b), FORMS[form])(groups["pi_1"], *TRUTH.values())
    truth, hits = np.array(list(TRUTH.values())), np.zeros(2)
    for _ in range(draws):
        noise = 0.05 * rng.standard_normal(N)
        if labels is not None:
            noise = 0.5 * noise + 0.05 * rng.standard_normal(len(np.unique(labels)))[labels]
        y = np.log(exact) + noise if scale == "log" else exact + noise
        refitted = refit(replace(design, y=y, split=labels), FORMS[form], TRUTH)
        hits += np.abs(refitted.values - truth) <= refitted.uncertainty.half_widths(0.9)
    return hits / draws


def test_coverage_in_three_hundred_draws() -> None:
    # three standard errors of 300 draws about 0.9 are 0.05; twice the variance gives 0.97 and
    # more, a quarter 0.6
    for covered in (coverage("saturation", 300), coverage("decay", 300, scale="linear")):
        assert np.all((covered > 0.85) & (covered < 0.95))


@pytest.mark.slow
@pytest.mark.parametrize("clusters", [None, 10])
@pytest.mark.parametrize("form", sorted(FORMS))
def test_coverage_in_a_thousand_draws(form: str, clusters: int | None) -> None:
    covered = coverage(form, 1000, clusters=clusters)
    assert np.all((covered >= 0.87) & (covered <= 0.93))


@pytest.mark.slow
@pytest.mark.parametrize("form", sorted(FORMS))
def test_coverage_of_noise_of_one_size(form: str) -> None:
    covered = coverage(form, 1000, scale="linear")
    # of the sum, the one run of the largest input decides b: such intervals err on the wide side
    assert np.all((covered >= 0.87) & (covered <= (0.93 if form != "sum" else 0.97)))


@pytest.mark.parametrize("clusters", [None, 6])
def test_a_power_law_in_general_form_has_the_intervals_of_the_power_law(
    clusters: int | None,
) -> None:
    """The two ways to a law share covariance, degrees of freedom, quantile and clusters."""
    rng = np.random.default_rng(0)
    design = design_of()
    labels = None if clusters is None else np.arange(N) % clusters
    design = replace(design, y=0.3 + 1.7 * design.X[:, 0] + 0.1 * rng.standard_normal(N))
    design = replace(design, split=labels)
    law = assemble(design, a * pi_1**b, {"a": 1.0, "b": 1.0}, 0.8)
    fit = fit_power_law(design.X, design.y, None, labels)
    half = fit.half_widths(np.eye(2), 0.8)[:, 0]
    constants = {c.name: c for c in law.constants}
    exponent = fit.exponents[0, 0]
    assert (constants["b"].low, constants["b"].value, constants["b"].high) == pytest.approx(
        (exponent - half[1], exponent, exponent + half[1]), rel=1e-6
    )
    prefactor = float(np.exp(fit.intercept[0]))
    assert (constants["a"].low, constants["a"].high) == pytest.approx(
        (prefactor * np.exp(-half[0]), prefactor * np.exp(half[0])), rel=1e-6
    )
    np.testing.assert_allclose(
        np.asarray(law.uncertainty.covariance) / np.outer([prefactor, 1], [prefactor, 1]),
        fit.joint_covariance[0],
        rtol=1e-6,
    )
    dofs = fit.influence.dof(fit.functionals(np.eye(2)))
    assert law.uncertainty.dof == pytest.approx(min(dofs), rel=1e-6)
    assert law.uncertainty.residual_dof == N - 2
    # of the law itself, and of one more run, at a new place
    x = np.array([0.5, 3.0])
    places = np.column_stack([np.ones(2), np.log(x)])
    value, low, high = law.predict({"x": x}, level=0.8, of="law")
    assert np.all((low < value) & (value < high))
    spread = np.sqrt(np.einsum("ij,jk,ik->i", places, fit.joint_covariance[0], places))
    assert np.all(np.log(high / value) > spread)
    assert np.log(high / value) == pytest.approx(np.log(value / low))
    _, _, of_runs = law.predict({"x": x}, level=0.8)
    assert np.all(of_runs > high)


def test_runs_of_one_label_have_constants_but_no_intervals() -> None:
    """What a fold leaves may have one label; only its values are asked for."""
    design = design_of()
    whole = refit(design, FORMS["decay"], TRUTH)
    one = replace(design, split=np.zeros(N, dtype=int))
    refitted = refit(one, FORMS["decay"], TRUTH)
    np.testing.assert_array_equal(refitted.values, whole.values)
    assert np.all(np.isfinite(whole.uncertainty.half_widths(0.9)))
    assert not np.any(np.isfinite(refitted.uncertainty.half_widths(0.9)))
    with pytest.raises(FitError, match="one label"):
        assemble(one, FORMS["decay"], TRUTH, 0.9)


def test_predictions_have_the_degrees_of_freedom_of_their_own_direction() -> None:
    # the second constant hangs on the two runs at the end, the law at small x on all of them
    x = np.concatenate([np.geomspace(0.01, 0.3, 28), [3.0, 3.1]])
    y = 2.0 + 0.5 * x**2 + 0.05 * np.sin(7.0 * np.arange(30.0))
    data = Dataset.from_columns({"x [1]": x, "y [1]": y})
    design = prepare(data, "y", Options()).design
    law = assemble(design, FORMS["sum"], TRUTH, 0.9)
    uncertainty = law.uncertainty
    fit = refit(design, FORMS["sum"], TRUTH).uncertainty
    gradients = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.01], [1.0, 9.0]]) / 2.0
    known = fit.influence.dof((gradients * fit.unit) @ fit.functionals)
    assert known[1] < 5.0 < 25.0 < known[0]
    half = uncertainty.half_width(gradients, 0.9, 0.0)
    spread = np.einsum("ij,jk,ik->i", gradients, np.asarray(uncertainty.covariance), gradients)
    np.testing.assert_allclose(half, t_quantile(0.9, known) * np.sqrt(spread), rtol=1e-6)
    # nothing is known of a direction that says nothing, and the file keeps all of this
    assert uncertainty.half_width(np.zeros((1, 2)), 0.9, 0.0) == 0.0
    assert Law.from_json(law.to_json()).uncertainty == uncertainty


def test_a_factor_keeps_its_sign_where_the_runs_hardly_determine_it() -> None:
    """Far from where the exponents turn, a prefactor is known to orders of magnitude only."""
    rng = np.random.default_rng(2)
    x = np.exp(rng.uniform(5.0, 5.5, 20))
    table = {"x [1]": x, "y [1]": 3.0 * x**2 * np.exp(0.2 * rng.normal(size=20))}
    design = prepare(Dataset.from_columns(table), "y", Options()).design
    law = assemble(design, a * pi_1**b, {"a": 1.0, "b": 2.0}, 0.9)
    factor = next(c for c in law.constants if c.name == "a")
    assert factor.low is not None
    assert factor.high is not None
    assert 0.0 < factor.low < 3.0 < factor.high
    assert factor.high / factor.value == pytest.approx(factor.value / factor.low)
    assert factor.high > 10 * factor.low


@pytest.mark.slow
@pytest.mark.parametrize("n", [4, 6, 12])
def test_predicted_runs_of_a_power_law_lie_in_their_intervals(n: int) -> None:
    rng, held = np.random.default_rng(n), 0
    for _ in range(300):
        x = np.exp(rng.uniform(0.0, 2.0, n))
        y = 2.0 * x**1.5 * np.exp(0.05 * rng.normal(size=n))
        table = Dataset.from_columns({"x [m]": x, "y [kg]": y})
        law = fit(table, "y", Options(scales=["x0 [m]", "y0 [kg]"])).law
        at = np.exp(rng.uniform(np.log(x.min()), np.log(x.max()), 1))
        _, low, high = law.predict({"x": at}, level=0.9)
        held += int(low[0] <= 2.0 * at[0] ** 1.5 * np.exp(0.05 * rng.normal()) <= high[0])
    # about three standard errors of 300 draws
    assert 0.85 < held / 300 < 0.95
