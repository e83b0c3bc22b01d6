"""Laws in pieces: conditions, boundaries, predictions."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from dimgs import Dataset, Options
from dimgs.discovery.discover import fit
from dimgs.expression.parsing import sympy_parse_condition
from dimgs.fits.design import Feature
from dimgs.law.assemble import Side, reading, where_text
from dimgs.law.display import LARGEST_QUOTIENT as LARGEST
from tests.law.examples import example

REGIMES = Options(regimes=True)
FEATURES = (Feature("pi_1", "log-ratio"), Feature("pi_2", "log-ratio"))


def _side(powers: tuple[str, ...], at_least: bool, value: float = 2300.0) -> Side:
    return Side(tuple(map(Fraction, powers)), value, value, value, at_least, 1)


@pytest.mark.parametrize(
    ("sides", "text"),
    [
        ([], "True"),
        ([_side(("1", "0"), False)], "pi_1 < 2300"),
        ([_side(("1", "0"), True), _side(("0", "1"), False, 0.5)], "(pi_1 >= 2300) & (pi_2 < 0.5)"),
        ([_side(("1", "-2/5"), True)], "pi_1*pi_2**(-2/5) >= 2300"),
        ([_side(("-1", "1/2"), False)], "pi_1**(-1)*pi_2**(1/2) < 2300"),
    ],
)
def test_conditions_are_written_in_the_grammar_of_laws(sides: list[Side], text: str) -> None:
    written = where_text(sides, FEATURES)
    assert written == text
    condition = sympy.sympify(written)
    assert sympy_parse_condition(written, ["pi_1", "pi_2"]) == condition


def test_quotients_that_nobody_reads_are_written_as_decimals() -> None:
    last, beyond = (_side((f"1/{n}", "0"), True) for n in (LARGEST, LARGEST + 1))
    assert where_text([last], FEATURES) == f"pi_1**(1/{LARGEST}) >= 2300"
    assert where_text([beyond], FEATURES) == f"pi_1**({1 / (LARGEST + 1)!r}) >= 2300"


@given(
    st.tuples(*[st.fractions(-3, 3, max_denominator=4)] * 2),
    st.floats(-9e3, 9e3),
    st.booleans(),
    st.lists(st.tuples(st.floats(0.1, 10.0), st.floats(0.1, 10.0), st.floats(250.0, 450.0))),
)
def test_a_written_condition_holds_where_the_condition_does(
    powers: tuple[Fraction, Fraction],
    kelvin: float,
    at_least: bool,
    rows: list[tuple[float, float, float]],
) -> None:
    factor = Fraction(f"{kelvin:.6g}")
    assume(any(powers) or abs(factor) > 1)
    middle = float(factor) / 340.0
    ends = [float(np.exp(x)) for x in (middle, middle - 0.1, middle + 0.1)]
    side = Side((*powers, factor), ends[0], ends[1], ends[2], at_least, 1)
    features = (*FEATURES, Feature("T", "inverse", variable="T"))
    read = reading(side, features)[1]
    assert read.low <= read.threshold <= read.high
    written = sympy_parse_condition(where_text([side], features), ["pi_1", "pi_2", "T"])
    for first, second, T in rows:
        logs = np.log([first, second]) @ [float(p) for p in powers] + float(factor) / T
        if abs(logs - middle) > 1e-6:
            holds = (logs >= middle) == at_least
            assert bool(written.subs({"pi_1": first, "pi_2": second, "T": T})) == holds


def test_regimes_of_a_table_know_the_temperature() -> None:
    rng = np.random.default_rng(0)
    T, D0 = 1 / rng.uniform(1 / 450, 1 / 310, 40), 10 ** rng.uniform(-6, -4, 40)
    t, d = 10 ** rng.uniform(5, 7, 40), 10 ** rng.uniform(-4, -3, 40)
    filling = np.minimum(1.0, np.sqrt(D0 * np.exp(-7450.0 / T) * t) / d)
    data = Dataset.from_columns(
        {"T [K]": T, "D0 [m^2/s]": D0, "t [s]": t, "d [m]": d,
         "m [1]": filling * np.exp(0.01 * rng.standard_normal(40))}
    )  # fmt: skip
    fitted = fit(data, "m", Options(regimes=True, arrhenius=("T",)))
    assert fitted.regimes is not None
    assert all("exp(" in r["where"] for r in fitted.regimes)
    (kelvin,) = (c for c in fitted.law.constants if c.name.startswith("T_b_"))
    (border,) = (c for c in fitted.law.constants if c.name.startswith("b_"))
    assert (kelvin.unit, border.unit) == ("K", "1")
    assert abs(kelvin.value) == pytest.approx(7450.0, rel=0.02)
    assert np.abs(np.log(fitted.law.predict(data) / filling)).max() < 0.05


def test_the_boundary_is_a_constant_with_an_interval() -> None:
    law, data = example("regimes")
    (boundary,) = [c for c in law.constants if c.name.startswith("b_")]
    assert boundary.unit == "1"
    assert boundary.value == pytest.approx(2300, rel=0.15)
    assert boundary.low is not None
    assert boundary.high is not None
    assert boundary.low <= boundary.value <= boundary.high
    fitted = fit(data, "tau", Options(regimes=True))
    assert fitted.regimes is not None
    assert sum(r["n"] for r in fitted.regimes) == data.n_runs
    first, second = fitted.regimes
    assert first["where"].startswith("pi_")
    scores = fitted.law.scores
    assert scores.cv_r2_log is not None
    assert scores.holdout_r2_log is not None
    assert scores.r2_log is not None
    assert 0.9 < scores.cv_r2_log < scores.r2_log
    assert {first["exponents"][0]["rational"], second["exponents"][0]["rational"]} == {"-1", "-1/4"}


def test_each_run_is_predicted_by_the_law_of_its_regime() -> None:
    law, data = example("regimes")
    fitted = fit(data, "tau", Options(regimes=True))
    assert fitted.regimes is not None
    groups = {g.name: np.exp(g.log({n: data[n] for n, _ in g.exponents})) for g in law.groups}
    for regime in fitted.regimes:
        condition = sympy.sympify(regime["where"])
        names = sorted(str(s) for s in condition.free_symbols)
        inside = sympy.lambdify(names, condition)(*(groups[n] for n in names))
        assert inside.sum() == regime["n"]
        regime_law = type(law).from_json(regime["law"])
        np.testing.assert_allclose(
            law.predict_si(data)[inside], regime_law.predict_si(data)[inside], rtol=1e-12
        )


def test_an_interval_beside_a_border_holds_both_laws() -> None:
    law, data = example("regimes")
    (border,) = [c for c in law.constants if c.name.startswith("b_")]
    assert border.low is not None
    assert border.high is not None
    rest = tuple(c for c in law.constants if c is not border)
    ends = (replace(border, value=border.low), replace(border, value=border.high))
    other = [replace(law, constants=(*rest, end)) for end in ends]
    # a row whose group lies between the ends of the border
    row = {v.name: np.full(1, float(data[v.name][0])) for v in law.symbols.values()}
    (reynolds,) = law.groups
    row["mu"] = row["mu"] * np.exp(reynolds.log(row)) / np.sqrt(border.low * border.value)
    _, low, high = law.predict(row, level=0.9)
    pieces = [float(x.predict_si(row)[0]) for x in other]
    assert pieces[0] != pytest.approx(pieces[1], rel=0.05)
    assert float(low[0]) <= min(pieces) < max(pieces) <= float(high[0])


def test_conditions_are_short_monomials_that_divide_the_runs() -> None:
    rng = np.random.default_rng(5)
    a, b = np.exp(rng.uniform(-3.0, 3.0, (2, 150)))
    y = np.maximum(a, 1.6 * a**0.2 * b**0.4) * np.exp(0.03 * rng.normal(size=150))
    fitted = fit(Dataset.from_columns({"a [1]": a, "b [1]": b, "y [1]": y}), "y", REGIMES)
    assert fitted.regimes is not None
    assert len(fitted.regimes) == 2
    values = {g.name: a if "a" in dict(g.exponents) else b for g in fitted.law.groups}
    for regime in fitted.regimes:
        condition = sympy.sympify(regime["where"])
        powers = [abs(p.exp) for p in condition.atoms(sympy.Pow)]
        assert all(p.is_Rational and p <= 1 and p.q <= 6 for p in powers)
        names = sorted(str(s) for s in condition.free_symbols)
        inside = sympy.lambdify(names, condition)(*(values[n] for n in names))
        assert inside.sum() == regime["n"]
