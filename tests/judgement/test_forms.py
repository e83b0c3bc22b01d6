"""Forms that are judged: none is a law of a unit; temperatures of unknown scale are tried."""

import numpy as np
import pytest
import sympy

import dimgs
from dimgs import Dataset, Options
from dimgs.discovery.power_law import fit_prepared
from dimgs.discovery.prepare import Prepared, prepare
from dimgs.engines.protocol import Clock
from dimgs.expression.candidate import Candidate
from dimgs.judgement.candidates import forms_of, judge_forms

PI, A, B = sympy.symbols("pi_1 a b")


def pressures() -> Prepared:
    """Vapour pressures p = p0 exp(-T0/T), of unknown p0 and T0."""
    kelvins = np.linspace(300.0, 400.0, 15)
    columns = {"T [K]": kelvins, "p [kPa]": 3e6 * np.exp(-5000.0 / kelvins)}
    return prepare(Dataset.from_columns(columns), "p", Options(scales=["T0 [K]", "p0 [Pa]"]))


def constants_of(expression: sympy.Expr, known: Prepared) -> int:
    """How many constants a candidate has once it is judged."""
    result = fit_prepared(known, Options())
    start = {"a": 0.01, "b": 1e-20}
    used = {k: v for k, v in start.items() if expression.has(sympy.Symbol(k))}
    candidate = Candidate.of(expression, used)
    forms = list(forms_of(known.design, result, result.law, [candidate]))
    return len(forms[-1][0].constants)


def test_a_form_that_holds_for_one_size_of_a_scale_only_is_given_a_constant_for_it() -> None:
    known = pressures()
    # the constant takes what any size of either scale makes of it
    assert constants_of(A * PI, known) == 1
    # no constant takes the size of the pressure's scale
    assert constants_of(sympy.exp(A * PI), known) == 2
    # nor the one of the temperature's
    assert constants_of(A * sympy.exp(PI / 100), known) == 2
    # each takes one, whatever the sizes of their slopes
    assert constants_of(B * sympy.exp(A * PI), known) == 2


def test_a_number_that_takes_the_size_of_a_scale_becomes_its_constant() -> None:
    """A further constant beside it would be redundant, and neither would be determined."""
    known = pressures()
    candidate = Candidate.of(A * sympy.exp(-5000 / PI), {"a": 3e9})
    result = fit_prepared(known, Options())
    (*_, (proposal, model)) = forms_of(known.design, result, result.law, [candidate])
    assert proposal.expression.atoms(sympy.Rational) <= {sympy.Integer(-1)}
    assert sorted(proposal.constants.values()) == pytest.approx([-5000.0, 3e9])
    # each constant is determined by the runs beside the other
    slopes = model.slopes(model.start) / model.value(model.start)[:, None]
    assert np.linalg.matrix_rank(slopes / np.linalg.norm(slopes, axis=0)) == 2


def test_the_exponential_of_a_temperature_of_unknown_scale_is_among_the_forms() -> None:
    known = pressures()
    result = fit_prepared(known, Options())
    forms = list(forms_of(known.design, result, result.law, []))
    gaps = [np.ptp(np.log(model.value(model.start)) - known.design.y) for _, model in forms]
    assert min(gaps) < 1e-6
    assert len(forms) > 1


def viscosities() -> Dataset:
    """A paste that thins with the rate of shear and with the temperature, 20 to 60 °C."""
    rate, celsius = (x.ravel() for x in np.meshgrid(np.geomspace(1.0, 300.0, 6), [20.0, 40, 60]))
    eta = 12 * rate**-0.45 * np.exp(2400 * (1 / (celsius + 273.15) - 1 / 293.15))
    eta *= np.exp(0.03 * np.random.default_rng(8).standard_normal(len(eta)))
    columns = {"rate [1/s]": rate, "T [degC]": celsius, "eta [Pa*s]": eta}
    return Dataset.from_columns(columns)


def test_an_exponential_of_the_temperature_costs_as_much_as_a_power_of_it() -> None:
    scales = ["T0 [K]", "rate0 [1/s]", "eta0 [Pa*s]"]
    known = prepare(viscosities(), "eta", Options(scales=scales))
    result = fit_prepared(known, Options())
    judged = judge_forms(known.design, result, result.law, [], Clock.of(1e6))
    plain = [c for c in judged if not c.expression.has(sympy.Symbol("b"))]
    bits = {c.name: c.structure.bits for c in plain}
    assert bits["power_law"] == pytest.approx(bits["power"], abs=3.0)


def test_a_power_of_the_temperature_is_not_confirmed_where_an_exponential_follows_the_runs() -> (
    None
):
    report = dimgs.discover(viscosities(), "eta", scales="auto", engine="power_law")
    assert not report.confirmed
    assert report.law is not None
    assert "exp(T_c/T)" in str(report.law) or any("exp(T_c/T)" in str(r.law) for r in report.rivals)


@pytest.mark.parametrize(("low", "high", "gap"), [(285.0, 330.0, 3.0), (100.0, 900.0, 50.0)])
def test_beside_simple_exponents_an_exponential_of_the_temperature_is_judged_too(
    low: float, high: float, gap: float
) -> None:
    rng = np.random.default_rng(1)
    light, warm = rng.uniform(200.0, 1000.0, 24), rng.uniform(low, high, 24)
    power = 0.3 * light * np.exp(400.0 / warm) * np.exp(0.01 * rng.standard_normal(24))
    data = Dataset.from_columns({"G [W/m^2]": light, "T [K]": warm, "P [W]": power})
    known = prepare(data, "P", Options(scales=["T0 [K]", "P0 [W]", "G0 [W/m^2]"]))
    result = fit_prepared(known, Options())
    judged = judge_forms(known.design, result, result.law, [], Clock.of(1e6))
    with_exp = max(c.score for c in judged if c.expression.has(sympy.exp))
    without = max(c.score for c in judged if not c.expression.has(sympy.exp))
    # within some 50 K the runs do not tell one from the other
    assert (abs(with_exp - without) < gap) == (high < 400.0)
    assert with_exp > without - gap
