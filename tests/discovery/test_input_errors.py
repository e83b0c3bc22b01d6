"""Errors of inputs enter every law by its slopes: constants of closed forms are not flattened."""

from dataclasses import replace

import numpy as np
import pytest
import sympy

from dimgs.dataset import Dataset
from dimgs.discovery.judgement import judge
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.discovery.study import study_of_power_law
from dimgs.engines.protocol import Clock
from dimgs.engines.registry import NONE
from dimgs.fits.design import Design
from dimgs.judgement.evidence import FormulaModel, errors_of
from dimgs.law.assemble import assemble
from dimgs.law.checked_law import Constant

SCALES = Options(scales=["X0 [mol/m^3]", "Y0 [m/s]"])


def saturating(
    seed: int, error: float = 0.3, stated: bool = True, scatter: float = 0.0, unit: str = "m/s"
) -> Dataset:
    """y = 5 x/(x + 2) with relative errors of x, and of 3 % in y beside what nobody stated."""
    rng = np.random.default_rng(seed)
    x = np.exp(rng.uniform(np.log(0.3), np.log(6.0), 60))
    y = 5 * x / (x + 2) * np.exp(np.hypot(0.03, scatter) * rng.normal(size=60))
    x *= np.exp(error * rng.normal(size=60))
    y *= 1000.0 if unit == "mm/s" else 1.0
    columns = {"x [mol/m^3]": x, "x_err [mol/m^3]": error * x, f"y [{unit}]": y}
    return Dataset.from_columns(columns | ({f"y_err [{unit}]": 0.03 * y} if stated else {}))


def form(design: Design) -> tuple[sympy.Expr, dict[str, float]]:
    group = design.features[0].group
    assert group is not None
    x = sympy.Symbol(group.name) ** (1 if group.get("x") > 0 else -1)
    a, b = sympy.symbols("a b")
    return a * x / (x + b), {"a": 5.0, "b": 2.0}


def half_saturation(data: Dataset, by_slopes: bool = True) -> Constant:
    design = prepare(data, "y", SCALES).design
    expression, start = form(design)
    errors = errors_of(design, [FormulaModel(design, expression, start)])[0]
    known = errors.inputs if by_slopes else None
    law = assemble(replace(design, input_errors=known), expression, start, 0.9)
    return next(c for c in law.constants if c.name == "b")


def test_a_constant_is_not_flattened_by_errors_of_its_input() -> None:
    found = [half_saturation(saturating(seed)).value for seed in range(3)]
    plain = [half_saturation(saturating(seed), False).value for seed in range(3)]
    assert np.mean(plain) < 1.75
    assert np.mean(found) == pytest.approx(2.0, abs=0.25)


@pytest.mark.parametrize("change", ["order", "unit"])
def test_neither_rows_nor_units_change_the_constants(change: str) -> None:
    one = saturating(1)
    other = one.take(np.arange(60)[::-1]) if change == "order" else saturating(1, unit="mm/s")
    b, again = half_saturation(one), half_saturation(other)
    assert again.value == pytest.approx(b.value, rel=1e-6)
    assert again.low == pytest.approx(b.low, rel=1e-5)


def test_the_scatter_beside_stated_errors_is_that_of_the_law_itself() -> None:
    shared = []
    for seed in range(5):
        design = prepare(saturating(seed, 0.1, scatter=0.1), "y", SCALES).design
        errors = errors_of(design, [FormulaModel(design, *form(design))])[0]
        assert errors.inputs is not None
        shared.append(errors.inputs.shared)
    assert np.mean(shared) == pytest.approx(0.1, abs=0.02)


def test_the_judgement_uses_the_slopes_of_each_law() -> None:
    options = replace(Options(), engine=NONE)
    rng = np.random.default_rng(3)
    d, v = np.exp(rng.normal(size=(2, 40)))
    y = d**2 / v * np.exp(0.03 * rng.normal(size=40))
    measured = d * np.exp(0.2 * rng.normal(size=40))
    table = {"d [m]": measured, "d_err [m]": 0.2 * measured, "v [m/s]": v, "y [m*s]": y}
    study = study_of_power_law(prepare(Dataset.from_columns(table), "y", options), options)
    found = judge(study, options, Clock.of(60.0))
    assert found.posterior is not None
    errors = found.posterior.laws[0].form.evidence.errors
    assert errors.inputs is not None
    # twice the error of d
    assert errors.inputs.shared < 0.1
    assert found.posterior.laws[0].form.evidence.whole.sd == pytest.approx(0.4, abs=0.1)


def test_a_blank_error_of_an_input_counts_as_none() -> None:
    data = saturating(2)
    errors = {**data.errors, "x": np.where(np.arange(60) < 5, np.nan, data.errors["x"])}
    design = prepare(replace(data, errors=errors), "y", SCALES).design
    assert design.input_errors is not None
    assert np.all(design.input_errors.carried[:5] == 0)
    assert np.all(design.input_errors.carried[5:, 0] != 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "stated", "scatter"),
    [(0.15, True, 0.0), (0.3, True, 0.0), (0.3, False, 0.0), (0.15, True, 0.1)],
)
def test_intervals_cover(error: float, stated: bool, scatter: float) -> None:
    found = [half_saturation(saturating(s, error, stated, scatter)) for s in range(100)]
    assert np.mean([c.value for c in found]) == pytest.approx(2.0, abs=0.08)
    # three standard errors of a share of 0.9
    assert 0.81 < np.mean([(c.low or 0) <= 2.0 <= (c.high or 9) for c in found]) < 0.99
