"""Scales absorbed into constants: equal numbers, exact dimensions, nothing arbitrary left."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from dimgs import Dataset
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.law.assemble import assemble, feature_values
from dimgs.law.canonical import absorb, scale_powers
from dimgs.law.law import Law
from dimgs.law.prediction import evaluate

RNG = np.random.default_rng(0)
TABLE = Dataset.from_columns(
    {
        "M [kg]": np.exp(RNG.uniform(-1, 1, 30)),
        "T [K]": RNG.uniform(250, 400, 30),
        "P [W]": np.exp(RNG.uniform(-1, 1, 30)),
    }
)
DESIGN = prepare(TABLE, "P", Options(scales=["M0 [kg]", "P0 [W]", "T0 [K]"])).design


def group(variable: str) -> sympy.Expr:
    """variable/scale in the groups of the design."""
    for feature in DESIGN.features:
        assert feature.group is not None
        powers = dict(feature.group.exponents)
        if set(powers) == {variable, variable + "0"}:
            return sympy.Symbol(feature.name) ** int(powers[variable])
    raise AssertionError(variable)


M, T = group("M"), group("T")
A, B, C, D = sympy.symbols("a b c d")


def law(expression: sympy.Expr, **constants: float) -> Law:
    return assemble(DESIGN, expression, constants, 0.9)


@pytest.mark.parametrize(
    ("expression", "constants", "units"),
    [
        (C * M**sympy.Rational(3, 4), {"c": 2.0}, {"W/kg^(3/4)"}),
        (C * M * sympy.exp(-D / T), {"c": 2.0, "d": 300.0}, {"W/kg", "K"}),
        (C * M ** (A / (B + T)), {"c": 2.0, "a": 100.0, "b": 40.0}, {"W", "kg", "K"}),
        (C * (M / D) ** (A / (B + T)), {"c": 2.0, "d": 1.0, "a": 100.0, "b": 40.0},
         {"W", "kg", "K"}),
        (C / (1 + D * M), {"c": 2.0, "d": 0.5}, {"W", "1/kg"}),
    ],
)  # fmt: skip
def test_the_numbers_stay_and_the_dimensions_are_exact(
    expression: sympy.Expr, constants: dict[str, float], units: set[str]
) -> None:
    before = law(expression, **constants)
    after = absorb(before)
    assert {c.unit for c in after.constants} == units
    assert np.array_equal(after.predict_si(TABLE), before.predict_si(TABLE))
    a, b = (each.predict(TABLE, level=0.9) for each in (before, after))
    assert np.array_equal(a.high.magnitude, b.high.magnitude)
    fitted = {c.name: (c.value, c.low, c.high) for c in after.constants if c.origin == "fitted"}
    assert set(fitted.values()) == {
        (c.value, c.low, c.high) for c in before.constants if c.origin == "fitted"
    }
    assert Law.from_json(after.to_json()).constants == after.constants


@pytest.mark.parametrize("names", ["c_2", "c_3 c_7", "c_0 c_2"])
def test_names_of_constants_have_no_gaps(names: str) -> None:
    first, *others = map(sympy.Symbol, names.split())
    form = first * M ** sympy.Rational(3, 4) + sum(c * M for c in others)
    start = dict.fromkeys(names.split(), 2.0)
    numbered = sorted(c.name for c in absorb(law(form, **start)).constants if c.origin == "fitted")
    least = 0 if "c_0" in start else 1
    assert numbered == [f"c_{least + k}" for k in range(len(start))]


def test_a_scale_stays_where_no_constant_can_carry_it() -> None:
    after = absorb(law(C * M**A * (2 + sympy.cos(T)), c=1.0, a=0.5))
    assert {c.name for c in after.constants if c.origin == "scale"} == {"M0", "T0"}
    assert absorb(after) == after


def test_a_number_in_front_of_a_scale_becomes_its_value() -> None:
    after = absorb(law(2 * M**A, a=0.5))
    assert [(c.value, c.unit) for c in after.constants if c.name == "P_c"] == [(2.0, "W")]
    assert np.allclose(after.predict_si(TABLE), law(2 * M**A, a=0.5).predict_si(TABLE), rtol=1e-14)


def test_a_law_without_scales_is_itself() -> None:
    plain = absorb(law(C * M, c=1.0))
    assert absorb(plain) is plain
    assert replace(plain) == plain


@given(st.fractions(-3, 3, max_denominator=4), st.fractions(-3, 3, max_denominator=4))
def test_powers_are_those_that_leave_the_law_unchanged(p: Fraction, q: Fraction) -> None:
    x, s = sympy.symbols("x s")
    P, Q = (sympy.Rational(v.numerator, v.denominator) for v in (p, q))
    powers = scale_powers(C * (x / s) ** P * sympy.exp(D * (x / s) ** Q), "s", ["c", "d"])
    assert powers is not None
    assert powers.get("c", 0) == -p
    assert powers.get("d", 0) == -q


C1, C2, C3, A2, A3 = sympy.symbols("c_1 c_2 c_3 a_2 a_3")


def noisy_law(expression: sympy.Expr, *values: float) -> Law:
    """A law fitted to runs that follow it with errors of 0.1 %."""
    names = sorted(str(s) for s in expression.free_symbols if str(s)[:2] in {"c_", "a_"})
    start = dict(zip(sorted(names, key=lambda n: n[0] < "c"), values, strict=True))
    powers = evaluate(expression, {**feature_values(DESIGN), **start}, 30)
    noise = np.exp(1e-3 * np.random.default_rng(1).standard_normal(30))
    columns = {f"{v.name} [{v.unit.text}]": TABLE[v.name] for v in TABLE.variables}
    table = Dataset.from_columns({**columns, "P [W]": powers * noise})
    options = Options(scales=["M0 [kg]", "P0 [W]", "T0 [K]"])
    return assemble(prepare(table, "P", options).design, expression, start, 0.9)


@pytest.mark.parametrize("piece", [sympy.Min, sympy.Max])
def test_the_interval_of_a_prefactor_of_a_piece_is_one_of_its_logarithm(piece: sympy.Expr) -> None:
    form = piece(C1 * M**A2, C2 * M**A3)
    fitted = {c.name: c for c in noisy_law(form, 2.0, 1.5, 2.1, 0.4).constants}
    for name, of_logarithm in {"c_1": True, "c_2": True, "a_2": False, "a_3": False}.items():
        one = fitted[name]
        assert one.low is not None
        assert one.high is not None
        middle = np.sqrt(one.low * one.high) if of_logarithm else (one.low + one.high) / 2
        assert middle == pytest.approx(one.value, rel=1e-9)
        assert one.low < one.value


@pytest.mark.parametrize(
    ("expression", "values", "shown", "constants"),
    [
        ((C1 + C2 * T) ** C3, (-200.0, 1.0, 2.3), "P = P_c*(T/T_c - 1)**c_1", {"T_c": 200.0}),
        ((C1 + C2 * T) ** 2, (-400.0, 2.0), "P = c_1*(T - T_c)**2", {"T_c": 200.0, "c_1": 4.0}),
        (C3 * sympy.exp(1 / (C1 + C2 * T)), (-0.2, 0.001, 2.0), "P = P_c*exp(T_b/(T - T_a))",
         {"T_a": 200.0, "T_b": 1000.0}),
        (M / (C1 + C2 * M), (0.4, 0.2), "P = M*P_c/(M + M_c)", {"M_c": 2.0, "P_c": 5.0}),
        (1 / (C1 + C2 * M), (0.4, 0.2), "P = M_c*P_c/(M + M_c)", {"M_c": 2.0, "P_c": 2.5}),
        (sympy.sqrt(C1 + C2 * M**2), (0.4, 0.1), "P = P_c*sqrt(M**2/M_c**2 + 1)", {"M_c": 2.0}),
        (C1 * M * (1 - C2 * T) ** 2, (2.0, 0.005), "P = M*c_1*(T/T_c - 1)**2", {"T_c": 200.0}),
        (M / C1, (0.25,), "P = M*c_1", {"c_1": 4.0}),
        (C1 * M * sympy.exp(C2 / T), (2.0, -300.0), "P = M*c_1*exp(-T_c/T)", {"T_c": 300.0}),
        (C1 * M / (1 + C2 * M), (2.5, 0.5), "P = M*P_c/(M + M_c)", {"M_c": 2.0, "P_c": 5.0}),
        (C1 * M**3 / (1 + C2 * M) ** 3, (2.5, 0.5), "P = P_c/(1 + M_c/M)**3", {"M_c": 2.0}),
        (C1 / (1 + C2 * M), (0.4, 0.3), "P = P_c/(M*c_1 + 1)", {"c_1": 0.3}),
        (1 / (1 + C1 * sympy.sqrt(M / T)), (7.0,), "P = P0/(c_1*sqrt(M/T) + 1)", {}),
    ],
)  # fmt: skip
def test_an_offset_is_a_constant_in_the_unit_of_its_input(
    expression: sympy.Expr, values: tuple[float, ...], shown: str, constants: dict[str, float]
) -> None:
    before = noisy_law(expression, *values)
    after = absorb(before)
    assert str(after) == shown
    a, b = (each.predict(TABLE, level=0.9) for each in (before, after))
    assert np.allclose(a.value.magnitude, b.value.magnitude, rtol=1e-9)
    assert np.allclose(a.high.magnitude, b.high.magnitude, rtol=1e-6)
    assert Law.from_json(after.to_json()).constants == after.constants
    fitted = {c.name: c for c in after.constants}
    for name, value in constants.items():
        low, high = fitted[name].low, fitted[name].high
        assert low is not None
        assert high is not None
        # at the most five half widths of 90 %
        assert abs(fitted[name].value - value) < 5 * (high - low) / 2


def test_the_interval_of_an_offset_is_that_of_a_fit_with_it() -> None:
    through = absorb(noisy_law((C1 + C2 * T) ** 2, -400.0, 2.0))
    itself = absorb(noisy_law(C2 * (T - C1) ** 2, 200.0, 4.0))
    assert str(through) == str(itself)
    others = {c.name: c for c in itself.constants}
    for one in through.constants:
        two = others[one.name]
        assert (one.value, one.low, one.high) == pytest.approx((two.value, two.low, two.high), 1e-6)


def test_a_sum_whose_slope_may_be_zero_stays() -> None:
    flat = absorb(noisy_law((C1 + C2 * T) ** 2, 20.0, 0.0))
    assert not {"T_c", "T_a"} & {c.name for c in flat.constants}


@pytest.mark.parametrize(
    ("expression", "values", "shown"),
    [
        (C2 * T + C1 * M, (2.0, 3.0), "P = M*c_1 + T*c_2"),
        (C3 * M * sympy.exp(-C2 / T) + C1 * M / T, (500.0, 300.0, 2.0),
         "P = M*(c_1*exp(-T_c/T) + c_2/T)"),
        ((1 - C2 / T) * C1, (2.0, 3.0), "P = P_c*(1 - T_c/T)"),
        (C1 * M**A3 * T**A2, (2.0, 0.5, 0.3), "P = P_c*(M/M0)**a_1*(T/T0)**a_2"),
        (sympy.log(C1 - C2 / T) * C3 * M, (3.0, 2.0, 5.0), "P = M*c_1*log(c_2 - T_c/T)"),
    ],
)  # fmt: skip
def test_constants_are_numbered_and_listed_in_the_order_of_the_formula(
    expression: sympy.Expr, values: tuple[float, ...], shown: str
) -> None:
    after = absorb(noisy_law(expression, *values))
    assert str(after) == shown
    names = [c.name for c in after.constants if c.origin == "fitted"]
    assert sorted(names, key=shown.index) == names
