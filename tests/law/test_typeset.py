"""Typeset laws: what they show, and that they compile."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

import dimgs
from dimgs.common.errors import InputError
from dimgs.expression.candidate import complexity_of
from dimgs.law.export import constant_equations, group_definitions, law_article
from dimgs.law.latex import quantity_latex, symbol_latex
from tests.law.examples import KINDS, example
from tests.law.latex.checker import problems

ENGINE = shutil.which("pdflatex")


@pytest.mark.skipif(ENGINE is None, reason="pdflatex is not installed: install TeX")
@pytest.mark.parametrize("kind", ["power", "regimes", "arrhenius", "level", "odd"])
def test_the_article_compiles(kind: str, tmp_path: Path) -> None:
    law, _ = example(kind)
    (tmp_path / "law.tex").write_text(law_article(law), encoding="utf-8")
    done = subprocess.run(
        [ENGINE or "", "-interaction=nonstopmode", "-halt-on-error", "law.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "law.pdf").stat().st_size > 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_formula_is_well_formed(kind: str) -> None:
    law, _ = example(kind)
    for formula in (
        law.latex(),
        law.latex("pi"),
        *group_definitions(law),
        *constant_equations(law),
    ):
        assert problems(formula) == []


def test_named_groups_are_typeset_by_their_names() -> None:
    law, _ = example("power")
    assert "\\mathrm{Re}" in law.latex("pi")
    assert "\\tau_{w}" in law.latex()
    assert any(line.startswith("\\mathrm{Re} = ") for line in group_definitions(law))


def test_a_form_that_a_law_does_not_have_is_refused() -> None:
    law, _ = example("power")
    form: Any
    for form in ("foo", "", "whole", None):
        with pytest.raises(InputError, match="choose 'dimensional' or 'pi'"):
            law.latex(form)


def test_the_symbol_table_lists_every_symbol_with_its_unit() -> None:
    law, _ = example("power")
    table = law.symbol_table()
    for text in ("\\tau_{w}", "\\rho", "\\mu", "\\pascal", "\\kilogram"):
        assert text in table
    assert table.count("\\\\") >= len(law.symbols) + len(law.constants) + 1


def test_only_fitted_constants_have_intervals() -> None:
    for kind in ("physical", "arrhenius", "regimes"):
        law, _ = example(kind)
        for constant, line in zip(law.constants, constant_equations(law), strict=True):
            ends = (constant.low, constant.high) if constant.origin == "fitted" else (None, None)
            value = quantity_latex(constant.value, *ends, constant.unit)
            assert line == f"{symbol_latex(constant.name)} = {value}"
    origins = {c.origin for kind in ("physical", "arrhenius") for c in example(kind)[0].constants}
    assert {"fitted", "physical"} <= origins


def test_the_article_has_the_units_of_the_table() -> None:
    rng = np.random.default_rng(2)
    x, z = np.geomspace(20.0, 900.0, 30), rng.uniform(2.0, 9.0, 30)
    for power in (1.0, 0.37231):
        t = 3.5 * x**1.5 / z**power * np.exp(0.002 * rng.normal(size=x.size))
        table = {"x [mm]": x, "z [g]": z, "t [hour]": t}
        law = dimgs.fit(table, "t", scales="auto").law
        article = law_article(law)
        assert r"$x$ & x & $\unit{\milli\metre}$ & $20$ to $900$" in article
        assert r"$t$ & target & $\unit{\hour}$" in article
        value, unit = re.findall(r"\nC = ([\d.]+)\\.*(\\unit.*)\n", article)[0]
        assert float(value) == pytest.approx(3.5, rel=0.03)
        assert unit.startswith(r"\unit{h.")
        in_si = dimgs.fit(dimgs.read_table(table, si=True), "t", scales="auto").law
        assert f"= {quantity_latex(in_si.constants[0].value)}"[:5] in law_article(in_si)
        assert "milli" not in law_article(in_si)


def test_an_interval_of_orders_of_magnitude_has_no_zeros() -> None:
    assert quantity_latex(0.4009, 3.514e-4, 457.3).startswith("0.4009")
    assert quantity_latex(0.4, -200.0, 300.0).startswith("0")


def test_long_decimals_are_shortened_for_reading_only() -> None:
    law, _ = example("odd noisy")
    assert re.search(r"\d{6,}", str(law.expression))
    document = law.to_json()
    texts = [str(law), law.latex(), law.latex("pi"), document["text"], document["latex"]]
    # in the document and in code each exponent is a constant, whose value is whole
    body = re.findall(r"return .*", "\n".join([law.python(), law.c()]))
    for text in [*texts, document["expression"], document["pi_expression"], *body]:
        assert not re.search(r"\d{6,}", text)
    assert any(len(repr(c["value"])) > 12 for c in document["constants"])


def test_an_exponent_has_the_digits_that_its_interval_supports() -> None:
    rng = np.random.default_rng(5)
    x = np.geomspace(1.0, 30.0, 40)
    for noise, digits in ((1e-5, 6), (0.003, 5), (0.3, 3)):
        y = 2.0 * x**0.37231 * np.exp(noise * rng.normal(size=x.size))
        fit = dimgs.fit({"x [1]": x, "y [1]": y}, "y")
        (power,) = re.findall(r"\*\*([\d.]+)", str(fit.law))
        (exponent,) = fit.exponents
        assert exponent.rational is None
        assert len(power.replace("0.", "")) <= digits
        assert abs(float(power) - exponent.value) < (exponent.high - exponent.low) / 2
        assert power in fit.law.latex() or noise < 1e-4


def test_what_is_left_of_a_variable_by_rounding_is_no_exponent() -> None:
    """Inputs that only vary together leave exponents that cancel but for their last digits."""
    rng = np.random.default_rng(0)
    n = 12
    t, d = 10.0 ** rng.uniform(0, 2, n), 10.0 ** rng.uniform(-9, -7, n)
    y = (0.7 * d * t) ** 0.437 * np.exp(0.02 * rng.normal(size=n))
    held = {"A [m^2]": np.full(n, 0.3), "V [m^3]": np.full(n, 0.07), "l [m]": np.full(n, 0.11)}
    law = dimgs.fit({**held, "t [s]": t, "D [m^2/s]": d, "y [m^0.874]": y}, "y").law
    powers = [float(abs(p)) for p in law.expression.as_powers_dict().values()]
    assert min(powers) > 1e-3
    assert not re.search(r"e-\d", str(law) + law.latex() + law.python().split("return")[1][:200])


def test_numbers_are_short_in_text_and_whole_in_the_document() -> None:
    law, _ = example("level")
    for text in (str(law), law.latex(), law.latex("pi")):
        decimals = re.findall(r"\d+\.(\d+)", text)
        assert decimals
        assert max(map(len, decimals)) <= 5
    assert re.search(r"\d\.\d{14,}", law.to_json()["expression"])


def test_powers_of_monomials_are_multiplied_out_where_variables_are_positive() -> None:
    law, data = example("power")
    names = {v.name: sympy.Symbol(s) for s, v in law.symbols.items()}
    U, D, rho, mu = (names[n] for n in ("U", "D", "rho", "mu"))
    closed = rho * U**2 * (rho * U * D / mu) ** sympy.Rational(-1, 4) * (1 + rho * U * D / mu)
    same = replace(law, expression=closed)
    # rho*U**2*(1 + Re)/Re**(1/4), with no more operations than that
    assert complexity_of(same.sympy) < complexity_of(closed)
    values = {s: np.asarray(data[v.name]) for s, v in law.symbols.items()}
    run = {s: float(x[3]) for s, x in values.items()}
    assert float(same.sympy.subs(run)) == pytest.approx(float(closed.subs(run)), rel=1e-12)


def test_a_power_of_what_may_be_negative_stays() -> None:
    law, _ = example("arrhenius")
    tilt = next(sympy.Symbol(s) for s, v in law.symbols.items() if v.name == "tilt")
    T = next(sympy.Symbol(s) for s, v in law.symbols.items() if v.name == "T")
    T_a = next(sympy.Symbol(c.name) for c in law.constants if c.name.startswith("T_a"))
    root = (tilt**2 * T_a / T) ** sympy.Rational(1, 4)
    shown = replace(law, expression=law.expression * root).sympy
    whole = shown.subs({tilt: -2, T: 300, T_a: 4}).subs(law.constant_values)
    assert whole.is_real is not False
    assert not shown.has(sympy.sqrt(tilt))


def test_the_article_says_what_plain_numbers_count_as() -> None:
    n = np.geomspace(600.0, 3600.0, 8)
    table = {"n [rpm]": n, "D [m]": np.geomspace(0.2, 0.5, 8)[::-1], "U [m/s]": np.zeros(8)}
    table["U [m/s]"] = 0.05 * n * table["D [m]"]
    article = law_article(dimgs.fit(table, "U").law)
    assert "1 rpm of n counts as 0.10472 rad/s" in article
    table["n [1/s]"] = table.pop("n [rpm]")
    assert "counts as" not in law_article(dimgs.fit(table, "U").law)
