"""Constants are shown in the units of the table, and are the same quantities there."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import dimgs
from dimgs.common.arrays import Array
from dimgs.law.checked_law import Constant
from dimgs.law.display import ShownConstant, plain_number_note, shown_constants
from dimgs.law.law import Law
from dimgs.report.results import fit_document
from dimgs.variables import Dimension, parse_unit

# what a search finds is tested elsewhere
pytestmark = pytest.mark.usefixtures("brief")

LENGTH = Dimension.of({"[length]": 1})
LENGTHS = ["m", "mm", "inch", "km"]
FORCES = ["N", "kN", "lbf"]


def stiffness(force: str = "kN", length: str = "mm", exponent: float = 1.5) -> Law:
    x = np.geomspace(1.0, 50.0, 12)
    y = 0.5 * x**exponent * (1 + 0.01 * np.cos(7 * x))
    return dimgs.fit({f"F [{force}]": y, f"x [{length}]": x}, "F", scales="auto").law


@settings(max_examples=15)
@given(st.sampled_from(FORCES), st.sampled_from(LENGTHS))
def test_a_shown_constant_is_the_number_in_the_table_and_the_quantity_of_the_law(
    force: str, length: str
) -> None:
    law = stiffness(force, length)
    (constant,), (shown,) = law.shown.constants, shown_constants(law)
    unit = parse_unit(shown.unit)
    assert unit.dimension == constant.dimension
    assert unit.to_si(shown.value) == pytest.approx(constant.value, rel=1e-12)
    assert shown.low is not None
    assert constant.low is not None
    assert unit.to_si(shown.low) == pytest.approx(constant.low, rel=1e-12)
    if force in shown.unit and length in shown.unit:
        assert shown.value == pytest.approx(0.5, rel=0.05)


def test_a_prefactor_of_a_fitted_exponent_is_readable() -> None:
    law = stiffness("kN", "mm", 2.72)
    prefactor = next(c for c in shown_constants(law) if c.name == "C")
    assert prefactor.value == pytest.approx(0.5, rel=0.1)
    assert prefactor.unit.startswith("kN/mm^2.7")
    assert law.constant_values["C"] > 1e9


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["N", "kN", "lbf"]),
    st.sampled_from(["mm", "km", "inch"]),
    st.sampled_from(["hour", "ms"]),
    st.sampled_from([-0.61, -0.5]),
)
def test_the_interval_of_a_prefactor_is_that_of_the_numbers_of_the_table(
    force: str, length: str, time: str, power: float
) -> None:
    """Of numbers that are called m, s and N, it is that of the law itself."""
    rng = np.random.default_rng(8)
    x, t = np.exp(rng.uniform(1.0, 3.0, 20)), np.exp(rng.uniform(0.0, 2.0, 20))
    y = 2.0 * x**1.37 * t**power * np.exp(0.02 * rng.normal(size=20))

    def prefactor(f: str, length: str, time: str) -> ShownConstant:
        table = {f"x [{length}]": x, f"t [{time}]": t, f"F [{f}]": y}
        return shown_constants(dimgs.fit(table, "F", scales="auto").law)[0]

    one, other = prefactor(force, length, time), prefactor("N", "m", "s")
    assert length in one.unit
    assert one.value == pytest.approx(other.value, rel=1e-6)
    # with simple exponents the two differ in which are taken as known before the prefactor
    assert one.low == pytest.approx(other.low, rel=1e-6 if power == -0.61 else 0.03)
    assert one.high == pytest.approx(other.high, rel=1e-6 if power == -0.61 else 0.03)


def test_documents_have_both() -> None:
    x = np.geomspace(1.0, 50.0, 12)
    fit = dimgs.fit({"F [kN]": 0.5 * x, "x [mm]": x}, "F", scales="auto")
    document = fit_document(fit)
    (shown,) = document["display"]["constants"]
    assert shown["unit"] == "kN/mm"
    assert shown["value"] == pytest.approx(0.5)
    assert document["prefactor"]["value"] == pytest.approx(0.5e6)
    assert "C = 0.5 kN/mm" in str(fit)
    assert "0.5 kN/mm" in fit.law._repr_html_()


def test_si_units_and_known_constants_stay() -> None:
    law = dimgs.fit(
        {"L [cm]": [20.0, 40.0, 80.0, 160.0], "T [s]": [0.897, 1.269, 1.794, 2.537]},
        "T",
        constants=["g"],
    ).law
    assert {c.name: c.unit for c in shown_constants(law)} == {"C": "1", "g": "m/s^2"}
    warm = dimgs.fit(
        {"p [mmHg]": [1.0, 2.1, 3.9, 8.2], "T [degC]": [10.0, 20.0, 30.0, 40.0]}, "p", scales="auto"
    ).law
    units = {c.unit for c in shown_constants(warm) if c.origin == "fitted" and c.unit != "1"}
    assert all(unit.startswith("mmHg") and "deg" not in unit for unit in units)


def test_the_prefactor_of_columns_in_two_units_of_length_is_that_of_their_numbers() -> None:
    x = np.geomspace(1.0, 50.0, 20)
    A = np.geomspace(3.0, 9.0, 20)[::-1] + np.sin(np.arange(20))
    rate = 2 * x**0.75 / A**0.5 * (1 + 0.001 * np.cos(7 * x))
    law = dimgs.fit({"w [mg/L]": rate, "F [N]": x, "A [mm^2]": A}, "w", scales="auto").law
    (prefactor,) = shown_constants(law)
    assert prefactor.value == pytest.approx(2.0, rel=0.01)
    assert parse_unit(prefactor.unit).dimension == law.constants[0].dimension
    assert {"mg", "L", "mm", "N"} == set(re.findall("[a-zA-Z]+", prefactor.unit))


A, B = np.geomspace(1.0, 40.0, 24), 1.0 + np.cos(np.arange(24.0)) ** 2


@pytest.mark.parametrize(
    ("columns", "target", "values", "form", "units"),
    [
        # L^(2/3)/mmol has the dimension too, but no chemist reads it
        ("c [mmol/L] l [cm]", "I [mW]", 90 * np.exp(-0.03 * A * B), "i*exp(-k*c*l)",
         {"i": (90, "mW"), "k": (0.03, "L/(mmol*cm)")}),
        # Bq and 1/h have one dimension
        ("t [h] z [m]", "N [Bq]", 90 * np.exp(-0.1 * A), "n*exp(-k*t)",
         {"n": (90, "Bq"), "k": (0.1, "1/h")}),
        ("d [cm] p [bar]", "Q [L/min]", 2 + 0.5 * A**2 * B, "a + b*d**2*p",
         {"a": (2, "L/min"), "b": (0.5, "L/(cm^2*bar*min)")}),
        ("x [cm^2/g] c [mmol/L]", "J [mmol/(h*g)]", 3 * B * A / (7 + A), "P*c*x/(k + x)",
         {"P": (3, "L/(g*h)"), "k": (7, "cm^2/g")}),
        ("c [mg/L] z [m]", "q [mg/g]", 80 * 0.1 * A / (1 + 0.1 * A), "q0*k*c/(1 + k*c)",
         {"q0": (80, "mg/g"), "k": (0.1, "L/mg")}),
        ("a [mmol/L] o [bar]", "r [mmol/(L*min)]", 0.3 * A ** (5 / 3) * B**0.5, "",
         {"C": (0.3, "L^(2/3)/(mmol^(2/3)*min*bar^(1/2))")}),
    ],
)  # fmt: skip
def test_a_constant_has_the_unit_that_its_place_in_the_formula_gives(
    columns: str, target: str, values: Array, form: str, units: dict[str, tuple[float, str]]
) -> None:
    one, other = (f"{name}]" for name in columns.split("]")[:2])
    values = values * (1 + 0.002 * np.cos(7 * np.arange(24)))
    table, name = {one: A, other: B, target: values}, target.split()[0]
    quick: Any = {"time_limit": 0.5}
    if form:
        report = dimgs.discover(table, name, form=form, engine="power_law", scales="auto", **quick)
        assert report.form is not None
        law = report.form.law
    else:
        law = dimgs.fit(table, name, scales="auto").law
    shown = {c.name.split("_")[0]: c for c in shown_constants(law) if c.origin == "fitted"}
    for symbol, (value, unit) in units.items():
        found = next((c for n, c in shown.items() if n == symbol), None)
        assert found is not None, shown
        assert found.value == pytest.approx(value, rel=0.02)
        assert parse_unit(found.unit).factor == pytest.approx(parse_unit(unit).factor)
        assert set(re.findall("[a-zA-Z]+", found.unit)) == set(re.findall("[a-zA-Z]+", unit))


def test_a_power_of_a_pure_number_is_no_unit() -> None:
    table = {"h [cm]": A, "b [m]": B, "Q [L/s]": 5 * (A / B) ** 1.46}
    (prefactor,) = shown_constants(dimgs.fit(table, "Q", scales="auto").law)
    assert prefactor.unit == "m^3/s"


@pytest.mark.parametrize(("half", "unit"), [(0.8, "mM"), (8e-6, "nM")])
def test_a_constant_like_columns_of_several_units_has_that_which_suits_it(
    half: float, unit: str
) -> None:
    amount, enzyme = half * np.geomspace(0.05, 8.0, 12), np.tile([10.0, 20.0], 6)
    rate = 0.9 * enzyme * amount / (half + amount) * (1 + 0.01 * np.cos(7 * np.arange(12)))
    table = {"S [mM]": amount, "E0 [nM]": enzyme, "v [nM/s]": rate}
    given = dimgs.discover(
        table, "v", engine="power_law", evaluations=20, form="a*E0*S/(K + S)"
    ).form
    assert given is not None
    law = given.law
    shown = {c.name: c for c in shown_constants(law)}
    assert shown["K"].unit == unit
    assert shown["K"].value * parse_unit(unit).factor == pytest.approx(law.constant_values["K"])
    assert 0.1 < shown["K"].value < 10


@pytest.mark.parametrize(
    ("scale", "shown"),
    [
        (Constant("x0", 1.0, LENGTH, origin="scale"), (1.0, "m")),
        (Constant("x0", 0.02, LENGTH, 0.01, 0.03, origin="scale"), (20.0, "mm")),
    ],
)
def test_a_chosen_scale_is_shown_as_the_unit_that_it_is(
    scale: Constant, shown: tuple[float, str]
) -> None:
    law = stiffness()
    x, x0 = sympy.symbols("x x0")
    force = Constant("C", 5.0, law.target.dimension)
    saturated = replace(
        law, expression=sympy.Symbol("C") * (1 - sympy.exp(-x / x0)), constants=(force, scale)
    )
    (_, found) = shown_constants(saturated)
    assert found.value == pytest.approx(shown[0])
    assert found.unit == shown[1]


@pytest.mark.parametrize(
    ("unit", "counts"), [("deg", 0.0174533), ("%", 0.01), ("rad", None), ("1", None)]
)
def test_angles_and_shares_are_plain_numbers_in_a_formula(unit: str, counts: float | None) -> None:
    x = np.linspace(1.0, 40.0, 12)
    table = dimgs.Dataset.from_columns({f"x [{unit}]": x, "y [V]": 0.05 * x**2})
    law = dimgs.fit(table, "y", scales="auto").law
    note = plain_number_note(law)
    assert note == (
        "" if counts is None else f"In the formula 1 {unit} of x counts as {counts:.5g}."
    )
    # the number that it names is the one that the formula needs
    size = 1.0 if counts is None else counts
    values = {**law.constant_values, "x": 10.0 * size}
    assert float(law.expression.subs(values)) == pytest.approx(5.0)
    assert note in law.python()


@pytest.mark.parametrize(("unit", "counts"), [("rpm", 0.10472), ("rps", 6.2832), ("Hz", None)])
def test_turns_are_radians_in_a_formula_whose_constants_have_another_unit(
    unit: str, counts: float | None
) -> None:
    columns: dict[str, object] = {
        f"N [{unit}]": [600.0, 900.0, 1200.0, 1500.0, 1800.0, 1200.0],
        "D [m]": [0.4, 0.4, 0.4, 0.3, 0.3, 0.3],
        "rho [kg/m^3]": 1.2,
        "P [W]": [41.0, 136.0, 330.0, 150.0, 262.0, 77.5],
    }
    note = plain_number_note(dimgs.fit(dimgs.Dataset.from_columns(columns), "P").law)
    said = "" if counts is None else f"In the formula 1 {unit} of N counts as {counts:.5g} rad/s."
    assert note == said
    # beside a constant in W/rpm^3 the numbers of the table are those of the formula
    N = np.array([600.0, 900.0, 1200.0, 1500.0, 1800.0])
    alone = dimgs.fit({f"N [{unit}]": N, "P [W]": 2e-7 * N**3}, "P", scales="auto").law
    assert plain_number_note(alone) == ""
    # code has every constant in SI units
    for language in ("python", "c", "fortran"):
        assert ("counts as" in alone.code(language)) == (counts is not None)
        assert said in re.sub(r"\s*\n\W*", " ", alone.code(language))
