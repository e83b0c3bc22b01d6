"""Closed forms where each label has its prefactor."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

import dimgs
from dimgs import Dataset, Options
from dimgs.common.arrays import Array
from dimgs.discovery.prepare import Prepared, prepare, with_labels_apart
from dimgs.fits.design import EffectWhitening, TargetErrors
from dimgs.law.assemble import refit
from dimgs.law.law import Law

PREFACTORS = {"a": 1.0, "b": 1.7}


def uptake(noise: float = 0.01, seed: int = 0, n: int = 12) -> Dataset:
    """Rates r = A c/(K + c)/T with K = 3 mol/m^3, and a prefactor A of each material."""
    rng = np.random.default_rng(seed)
    material = np.repeat(list(PREFACTORS), n)
    c, T = np.exp(rng.uniform(-2.0, 3.5, 2 * n)), np.exp(rng.uniform(0.0, 2.0, 2 * n))
    size = np.array([PREFACTORS[m] for m in material]) * np.exp(noise * rng.normal(size=2 * n))
    columns: dict[str, Any] = {
        "c [mol/m^3]": c, "T [s]": T, "material": material, "r [mol/m^3/s]": size * c / (3 + c) / T,
    }  # fmt: skip
    return Dataset.from_columns(columns)


def measured(size: float, seed: int, n: int = 12) -> Dataset:
    """The same with errors of one size in the rate."""
    data, rng = uptake(0.0, seed, n), np.random.default_rng(seed)
    rate = np.abs(data["r"] + size * rng.normal(size=data.n_runs))
    return Dataset.from_columns(
        {
            "c [mol/m^3]": data["c"],
            "T [s]": data["T"],
            "material": data["material"],
            "r [mol/m^3/s]": rate,
        }
    )


def known(data: Dataset) -> Prepared:
    return prepare(data, "r", Options(within="material", scales=["c0 [mol/m^3]"]))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from("abcd"), min_size=3, max_size=20), st.integers(0, 1000))
def test_residuals_are_without_what_labels_add_and_keep_their_mean(
    names: list[str], seed: int
) -> None:
    labels, rng = np.array(names), np.random.default_rng(seed)
    root = rng.uniform(0.5, 2.0, len(labels))
    white, y = EffectWhitening.of_labels(labels, root), rng.normal(size=len(labels))
    added = {name: rng.normal() for name in "abcd"}
    shifted = y + root * np.array([added[name] for name in names])
    mean = root / np.linalg.norm(root)
    # what labels add changes the weighted mean alone
    np.testing.assert_allclose(
        white(shifted) - mean * (mean @ shifted), white(y) - mean * (mean @ y), atol=1e-12
    )
    assert mean @ white(y) == pytest.approx(mean @ y)
    assert white.lost == len(set(names)) - 1


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000))
def test_a_refit_is_least_squares_with_a_constant_for_each_label(seed: int) -> None:
    design = with_labels_apart(known(uptake(0.1, seed))).design
    x, a, b = sympy.Symbol("pi_1"), sympy.Symbol("a"), sympy.Symbol("b")
    fit = refit(design, sympy.exp(a) * x**b, {"a": 0.1, "b": 0.1})
    assert design.within is not None
    assert fit.labels is not None
    ones = (design.within[:, None] == np.unique(design.within)).astype(np.float64)
    table = np.column_stack([ones, design.X[:, 0]])
    solution, (squares,), *_ = np.linalg.lstsq(table, design.y, rcond=None)
    free = design.n_runs - table.shape[1]
    assert fit.values[1] == pytest.approx(solution[-1])
    assert fit.residual_sd == pytest.approx(np.sqrt(squares / free))
    apart = fit.values[0] + np.array([fit.labels[str(k)] for k in np.unique(design.within)])
    np.testing.assert_allclose(apart, solution[:-1], rtol=1e-9)
    np.testing.assert_allclose(fit.fitted, table @ solution, rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000))
@example(720)
def test_so_is_one_with_errors_of_one_size(seed: int) -> None:
    prepared = known(measured(0.002, seed))
    errors = TargetErrors("constant", 1.0)
    design = replace(with_labels_apart(prepared).design, errors=errors)
    x, a, b = sympy.Symbol("pi_1"), sympy.Symbol("a"), sympy.Symbol("b")
    fit = refit(design, a / (1 + b * x), {"a": 1.3, "b": 3.0})
    data = prepared.data
    second = (data["material"] == "b").astype(float)
    values = np.exp(design.X[:, 0])

    def misses(theta: Array) -> Array:
        law = theta[0] * np.exp(theta[2] * second) / (1 + theta[1] * values)
        return np.asarray(data["r"] - np.exp(design.offset) * law)

    ours = [
        fit.values[0] * np.exp(fit.labels["a"]),
        fit.values[1],
        fit.labels["b"] - fit.labels["a"],
    ]
    best = least_squares(misses, ours, x_scale=np.abs(ours), xtol=1e-14, ftol=1e-14, gtol=1e-14)
    # where the runs leave both constants open, their ratio and the predictions are what they give
    if abs(best.x[1]) < 1e3:
        np.testing.assert_allclose(ours, best.x, rtol=1e-5)
    assert fit.labels["a"] == pytest.approx(-fit.labels["b"])
    assert fit.residual_sd == pytest.approx(np.sqrt(2 * best.cost / (design.n_runs - 3)))
    np.testing.assert_allclose(
        np.exp(fit.fitted + design.offset), data["r"] - misses(best.x), rtol=1e-5
    )


@pytest.mark.parametrize("noise", ["auto", "constant"])
def test_a_law_is_found_where_errors_are_of_one_size(noise: str) -> None:
    data = measured(0.005, 7, n=24)
    choices: dict[str, Any] = {"within": "material", "scales": "auto", "noise": noise}
    found = dimgs.discover(data, "r", engine="structured", evaluations=300, **choices)
    assert found.confirmed
    assert found.law is not None
    assert found.noise is not None
    assert found.noise.kind == "constant"
    assert found.law.label_effects is not None
    ratios = found.law.label_effects.log_ratios
    assert np.exp(ratios["b"] - ratios["a"]) == pytest.approx(1.7, rel=0.03)
    assert any(c.value == pytest.approx(3.0, rel=0.1) for c in found.law.constants)
    fitted = dimgs.fit(data, "r", **choices)
    assert not fitted.confirmed


@pytest.fixture(scope="module")
def report() -> dimgs.Report:
    return dimgs.discover(
        uptake(n=20), "r", within="material", scales="auto", engine="structured", evaluations=300
    )


def test_a_law_that_is_no_power_law_is_found_with_prefactors_of_its_labels(
    report: dimgs.Report,
) -> None:
    law = report.law
    assert law is not None
    assert law.label_effects is not None
    assert report.confirmed
    ratios = {k: float(np.exp(x)) for k, x in law.label_effects.log_ratios.items()}
    assert ratios["b"] / ratios["a"] == pytest.approx(1.7, rel=0.02)
    sizes = [c.value for c in law.constants if c.unit == "mol/m^3"]
    assert any(size == pytest.approx(3.0, rel=0.05) for size in sizes)
    assert "Prefactors by material" in str(report)
    assert "  b: times 1.3" in str(report)


def test_labels_are_predicted_with_their_prefactors(report: dimgs.Report) -> None:
    law, new = report.law, uptake(0.0, seed=5)
    assert law is not None
    again = Law.from_json(law.to_json())
    for stored in (law, again):
        np.testing.assert_allclose(stored.predict_si(new), new["r"], rtol=0.02)
    assert law.scores.cv_r2_log is not None
    assert law.scores.cv_r2_log > 0.999


def test_a_fit_of_labels_is_not_confirmed_where_another_law_explains_the_runs() -> None:
    fitted = dimgs.fit(uptake(), "r", within="material", scales="auto")
    assert not fitted.confirmed
    assert any("more probable" in why for why in fitted.verdict.why_not)
    rng = np.random.default_rng(3)
    x, name = np.exp(rng.uniform(0.0, 2.0, 24)), np.tile(["a", "b"], 12)
    size = np.array([PREFACTORS[k] for k in name]) * np.exp(0.003 * rng.normal(size=24))
    table = Dataset.from_columns({"x [m]": x, "kind": name, "y [kg]": size * x**1.5})
    assert dimgs.fit(table, "y", within="kind", scales="auto").confirmed


def test_the_order_of_rows_changes_nothing(report: dimgs.Report) -> None:
    data = uptake(n=20)
    rows = np.random.default_rng(7).permutation(data.n_runs)
    again = dimgs.discover(
        data.take(rows), "r", within="material", scales="auto", engine="structured",
        evaluations=300,
    )  # fmt: skip
    assert str(again.law) == str(report.law)
    assert again.probability == pytest.approx(report.probability)
