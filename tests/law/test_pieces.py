"""Laws in pieces: conditions, boundaries, predictions."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

from dimgs import Dataset, Options
from dimgs.discovery.fitting import fit
from dimgs.expression.parsing import sympy_parse_condition
from dimgs.law.exponents import LARGEST_QUOTIENT as LARGEST
from dimgs.law.power import Side, where_text
from tests.law.examples import example

REGIMES = Options(regimes=True)


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
    written = where_text(sides, ["pi_1", "pi_2"])
    assert written == text
    condition = sympy.sympify(written)
    assert sympy_parse_condition(written, ["pi_1", "pi_2"]) == condition


def test_quotients_that_nobody_reads_are_written_as_decimals() -> None:
    last, beyond = (_side((f"1/{n}", "0"), True) for n in (LARGEST, LARGEST + 1))
    assert where_text([last], ["pi_1", "pi_2"]) == f"pi_1**(1/{LARGEST}) >= 2300"
    assert where_text([beyond], ["pi_1", "pi_2"]) == f"pi_1**({1 / (LARGEST + 1)!r}) >= 2300"


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
