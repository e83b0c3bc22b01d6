import shutil
import subprocess
from pathlib import Path

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.expression import sympy_parse
from dimgs.groups.group import PiGroup
from dimgs.law.latex import (
    article,
    equation,
    expression_latex,
    group_latex,
    number_latex,
    quantity_latex,
    symbol_latex,
    symbol_table,
    text_latex,
    unit_latex,
)
from dimgs.variables import define_unit
from tests.expression.strategies import expressions
from tests.law.latex.checker import problems

SYMBOLS = {
    "rho_f": r"\rho_{f}",
    "dp": r"\Delta p",
    "dT_w": r"\Delta T_{w}",
    "Delta_T": r"\Delta T",
    "deltaT": r"\Delta T",
    "Δp": r"\Delta p",
    "delta_99": r"\delta_{99}",
    "T_g (K)": "T_{g}",
    "q [W/m^2]": "q",
    "U_inf": r"U_{\infty}",
    "T∞": r"T_{\infty}",
    "ρ": r"\rho",
    "µ_eff": r"\mu_{\mathrm{eff}}",
    "lambda": r"\lambda",
    "E": "E",
    "Re": r"\mathrm{Re}",
    "Nu_D": r"\mathrm{Nu}_{D}",
    "flow rate": r"\mathrm{flow\ rate}",
    "mass_flow": r"\mathrm{mass\ flow}",
    "tau_wall": r"\tau_{\mathrm{wall}}",
    "L1": "L_{1}",
    "rho1": r"\rho_{1}",
    "k_s,r": "k_{s,r}",
    "g'": "g'",
    "u_star": "u_{*}",
    "y+": "y^{+}",
    "cp": "c_{p}",
    "pi_1": r"\pi_{1}",
    "100%": r"\mathrm{100\%}",
    "a&b": r"\mathrm{a\&b}",
    "温度": r"\mathrm{U+6E29U+5EA6}",
}
UNITS = {
    "m (beam diameter)": r"\unit{\metre}",
    "bara": r"\unit{bar}",
    "kg/m^3": r"\unit{\kilogram\per\cubic\metre}",
    "kg m-3": r"\unit{\kilogram\per\cubic\metre}",
    "m^2/s": r"\unit{\square\metre\per\second}",
    "W/(m^2*K^4)": r"\unit{\watt\per\square\metre\per\raiseto{4}\kelvin}",
    "W/kg^(3/4)": r"\unit{W.kg^{-3/4}}",
    "MPa·√m": r"\unit{MPa.m^{1/2}}",
    "µm": r"\unit{\micro\metre}",
    "km/h": r"\unit{\kilo\metre\per\hour}",
    "1/s": r"\unit{\per\second}",
    "degC": r"\unit{\degreeCelsius}",
    "°F": r"\unit{{}^{\circ}F}",
    "%": r"\unit{\percent}",
    "dB": r"\unit{\decibel}",
    "pH": r"\text{pH}",
    "ft/s^2": r"\unit{ft.s^{-2}}",
    "bar": r"\unit{bar}",
    "µin": r"\unit{\mu in}",
    "kΩ": r"\unit{\kilo\ohm}",
    "Msun/AU^2": r"\unit{Msun.au^{-2}}",
    "1": "1",
    "-": "1",
    "": "1",
    "label": r"\text{label}",
    "1e19 m^-3": r"\text{1e19 m\textasciicircum{}-3}",
    "×10³ kg": r"\text{10\textasciicircum{}(3) kg}",
    "kg m–3": r"\unit{\kilogram\per\cubic\metre}",
    "not_a_unit": r"\text{not\_a\_unit}",
}
NAMES = ("pi_1", "pi_2", "k")
LATEX_NAMES = {"pi_1": r"\mathrm{Re}^{2}", "pi_2": r"\Delta p", "k": "g'"}
ANY_NAME = st.one_of(
    st.text(max_size=8), st.text(alphabet="abT_ ρΔ∞'*+{}\\$%&#^~-.()[]1", max_size=8)
)


@pytest.mark.parametrize("name", SYMBOLS)
def test_symbols(name: str) -> None:
    assert symbol_latex(name) == SYMBOLS[name]


@settings(deadline=None)
@given(ANY_NAME)
def test_every_name_has_a_sound_symbol(name: str) -> None:
    latex = symbol_latex(name)
    assert latex
    assert problems(latex) == []
    assert problems(text_latex(name), in_math=False) == []


def test_a_kind_serves_only_where_the_name_does_not() -> None:
    assert symbol_latex("温度", "temperature") == "T"
    assert symbol_latex("°", "temperature") == "T"
    assert symbol_latex("q", "temperature") == "q"
    assert symbol_latex("温", "no such kind") == r"\mathrm{U+6E29}"


@pytest.mark.parametrize("unit", UNITS)
def test_units(unit: str) -> None:
    assert unit_latex(unit) == UNITS[unit]


def test_a_unit_of_the_user() -> None:
    define_unit("latex_coin = [latex_currency]")
    assert unit_latex("latex_coin/kg") == r"\unit{latex\_coin.kg^{-1}}"


@settings(deadline=None)
@given(st.text(alphabet="kgmsWPa^*/()-1234. %°µ{}\\_$&", max_size=10))
def test_every_unit_text_is_sound(unit: str) -> None:
    assert problems(unit_latex(unit)) == []


@given(st.floats(), st.integers(1, 12))
def test_numbers_show_their_digits(value: float, digits: int) -> None:
    text = number_latex(value, digits)
    assert problems(text) == []
    if abs(value) < float("inf"):
        plain = text.replace(r" \times 10^{", "e").rstrip("}")
        plain = plain.replace("10^{", "1e") if plain.startswith(("10^", "-10^")) else plain
        assert float(plain) == float(f"{value:.{digits - 1}e}")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0.3164, 0.309, 0.3238), r"0.316\ [0.309,\, 0.324]"),
        (
            (1.2346e6, 1.23e6, 1.24e6, "Pa"),
            r"1.235\ [1.230,\, 1.240] \times 10^{6}\,\unit{\pascal}",
        ),
        ((3.2e-5, None, None, "m"), r"3.2 \times 10^{-5}\,\unit{\metre}"),
        ((1.0, 1.0, 1.0), r"1\ [1,\, 1]"),
        ((5.0, float("-inf"), 9.0, "%"), r"5\ [-\infty,\, 9]\,\unit{\percent}"),
    ],
)
def test_quantities(arguments: tuple[float, ...], expected: str) -> None:
    assert quantity_latex(*arguments) == expected  # type: ignore[arg-type]  # unit is the last


@given(*(st.floats(allow_nan=False),) * 3)
def test_every_quantity_is_sound(value: float, low: float, high: float) -> None:
    assert problems(quantity_latex(value, low, high, "W/kg^(3/4)")) == []


def test_groups() -> None:
    pipe = PiGroup.of("pi_0", {"dp": 1, "rho": -1, "U": -2})
    assert group_latex(pipe, {}) == r"\frac{\Delta p}{\rho\,U^{2}}"
    assert group_latex(PiGroup.of("pi_1", {"dp": 2}), {}) == r"\left(\Delta p\right)^{2}"
    drop = PiGroup.of("pi_1", {"g": -1, "L": 1})
    assert group_latex(drop, {"g": "g'", "L": "L"}) == r"\frac{L}{g'}"
    assert group_latex(PiGroup.of("pi_1", {"x": -1}), {}) == r"\frac{1}{x}"
    assert group_latex(PiGroup.of("pi_1", {}), {}) == "1"


@given(st.dictionaries(st.sampled_from(list(SYMBOLS)), st.fractions(-3, 3, max_denominator=4)))
def test_every_group_is_sound(exponents: dict[str, object]) -> None:
    group = PiGroup.of("pi_1", exponents)  # type: ignore[arg-type]  # Fractions, said to be objects
    latex = group_latex(group, {})
    assert problems(latex) == []
    for _, exponent in group.exponents:
        assert abs(exponent) == 1 or f"^{{{abs(exponent)}}}" in latex


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.2e-5*k", r"3.2 \times 10^{-5} \, k"),
        ("3.2e-5*pi_1 + 1", r"3.2 \times 10^{-5} \, \pi_{1} + 1"),
        ("k/3", r"\frac{k}{3}"),
        ("sqrt(pi_1)", r"\sqrt{\pi_{1}}"),
        ("k/sqrt(pi_1)", r"\frac{k}{\sqrt{\pi_{1}}}"),
        ("pi_1**(-1/4)*k", r"\frac{k}{\pi_{1}^{1/4}}"),
        ("0.123456*k", r"0.1235 \, k"),
        ("log(pi_1)", r"\ln{\left(\pi_{1} \right)}"),
        ("(3e-7)**k", r"{\left(3 \times 10^{-7}\right)}^{k}"),
        (
            "Piecewise((64/pi_1, pi_1 < 2300), (k, True))",
            (
                r"\begin{cases} \frac{64}{\pi_{1}} & \text{for}\: \pi_{1} < 2300 \\"
                r"k & \text{otherwise} \end{cases}"
            ),
        ),
    ],
)
def test_expressions(text: str, expected: str) -> None:
    assert expression_latex(sympy_parse(text, NAMES), {}) == expected


def test_a_ratio_among_factors_stands_in_parentheses() -> None:
    names = {"pi_1": r"\varepsilon/D", "pi_2": r"\mathrm{Re}"}
    roughness = r"\left(\varepsilon/D\right)"
    for text, expected in {
        "pi_1": r"\varepsilon/D",
        "pi_1*pi_2": rf"{roughness} \, \mathrm{{Re}}",
        "pi_1**2": rf"{roughness}^{{2}}",
        "pi_1**(1/3)": rf"{roughness}^{{1/3}}",
    }.items():
        assert expression_latex(sympy_parse(text, NAMES), names) == expected


@settings(deadline=None, max_examples=40)
@given(expressions())
def test_every_expression_is_sound(expression: sympy.Expr) -> None:
    assert problems(expression_latex(expression, {})) == []
    assert problems(expression_latex(expression, LATEX_NAMES)) == []


def everything() -> str:
    """Document with all that this package writes."""
    define_unit("latex_coin = [latex_currency]")
    formulas = [
        "3.2e-5*k*pi_1**(7/4)/pi_2**(5/4)",
        "Piecewise((64/pi_1, (pi_1 < 2300) & (pi_2 > 1)), (0.3164*pi_1**(-0.25), True))",
        "(3.2e-5)**pi_1 + sqrt(k*pi_2)/Max(pi_1, 2) - Abs(k) + sign(k) + floor(k)",
        "exp(-pi_1)*log(pi_2)**2 + asin(k)*erf(pi_1) + atan2(k, pi_2)*sinh(k)",
    ]
    names = [*SYMBOLS, "T_g/T_w", "A\\b", "#{}$~^", "Å", "x<y", "flow^2 ~"]
    rows: list[tuple[str, str, str, tuple[float | None, float | None]]] = [
        (symbol_latex(name), name, unit, (1e-5, 2300.0))
        for name, unit in zip(names, [*UNITS, *["latex_coin/kg"] * len(names)], strict=False)
    ]
    group = PiGroup.of("pi_1", {"dp": 2, "g'": -2, "rho_f": -1, "U_inf": 1})
    blocks = [
        *(equation(expression_latex(sympy_parse(t, NAMES), {})) for t in formulas),
        *(equation(expression_latex(sympy_parse(t, NAMES), LATEX_NAMES)) for t in formulas),
        equation(group_latex(group, {})),
        equation(quantity_latex(3.2e-5, 3.1e-5, 3.3e-5, "W/kg^(3/4)")),
        *(f"${unit_latex(unit)}$" for unit in [*UNITS, "latex_coin/kg"]),
        *(f"${symbol_latex(name)}^{{2}}$" for name in names if "'" not in name and "+" not in name),
        symbol_table(
            [*rows, ("x", "no range", "1", (None, None)), ("x", "half", "m", (None, 1.0))]
        ),
    ]
    return article(text_latex("All of it: 100% ρ_x"), *blocks)


def test_the_document_is_sound() -> None:
    faults = [p for p in problems(everything(), in_math=False) if not p.startswith("bare ")]
    assert faults == []


def test_the_checker_sees_what_is_wrong() -> None:
    for wrong in (
        "{",
        "}",
        r"\nonsense",
        "x^{1}^{2}",
        "$",
        r"\begin{cases}",
        "50%",
        "ρ",
        r"\left(",
    ):
        assert problems(wrong) != []


ENGINE = next((name for name in ("pdflatex", "lualatex", "tectonic") if shutil.which(name)), None)


@pytest.mark.skipif(ENGINE is None, reason="install a LaTeX engine, such as pdflatex")
def test_the_document_compiles(tmp_path: Path) -> None:
    (tmp_path / "law.tex").write_text(everything(), encoding="utf-8")
    options = [] if ENGINE == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run(
        [str(ENGINE), *options, "law.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-3000:]
    log = (tmp_path / "law.log").read_text(errors="replace") if ENGINE != "tectonic" else ""
    assert "Missing character" not in log
