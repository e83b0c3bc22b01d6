"""Expressions that would cost much are refused before SymPy sees them."""

import ast
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.errors import LawError
from dimgs.expression import sympy_parse, sympy_parse_condition
from dimgs.expression.parsing import check_bounds


def nested(function: str, inner: str, times: int) -> str:
    return f"{function}(" * times + inner + ")" * times


COSTLY = {
    "exp(10**9)": "range of doubles",
    "x*exp(10**9)": "range of doubles",
    "pi**(10**8)": "range of doubles",
    "E**E**E**E": "range of doubles",
    "sin(exp(exp(exp(2))))": "range of doubles",
    "sinh(800)": "range of doubles",
    "exp(-800)": "range of doubles",
    "1e-200*1e-200": "range of doubles",
    "10.0**200*10.0**200": "range of doubles",
    f"x + {'9' * 400}": "range of doubles",
    "x**(10**10)": "exponent",
    "(x + 1)**(-10**30)": "exponent",
    "Rational(1, 3)**Rational(10**300, 7)": "exponent",
    "Rational(10**15 + 1, 10**15)**(10**8 + Rational(1, 2))": "too large",
    nested("exp", "-x", 30): "inside each other",
    nested("exp", "-1", 9): "inside each other",
    nested("Abs", "x", 200): "inside each other",
    nested("1/", "x + 1", 100): "inside each other",
    "x**" * 40 + "x": "inside each other",
    "Max(" + ", ".join(f"x**{i} - y" for i in range(60)) + ")": "arguments of Min and Max",
    "Piecewise((1, " + " & ".join(f"(x < {i}*y)" for i in range(90)) + "), (0, True))": "compar",
    "Piecewise((1, " + " & ".join(f"Ne(x, {i}*y)" for i in range(90)) + "), (0, True))": "compar",
    f"Piecewise({', '.join(['(x*y, True)'] * 6000)})": "operations",
}


@pytest.mark.parametrize("text", COSTLY, ids=lambda text: text[:24])
def test_what_would_cost_much_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(LawError, match=f"(?s){COSTLY[text]}") as error:
        sympy_parse(text, ["x", "y"])
    assert len(str(error.value)) < 600
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["pi_1 < exp(10**9)", "pi_1**(10**10) > 2", nested("~", "x < 1", 99)]
)
def test_conditions_are_counted_too(text: str) -> None:
    with pytest.raises(LawError):
        sympy_parse_condition(text, ["pi_1", "x"])


def test_nothing_is_built_of_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import sympy

    def never(*_: Any) -> None:
        raise AssertionError("SymPy was asked")

    monkeypatch.setattr(sympy, "Integer", never)
    with pytest.raises(LawError, match="range of doubles"):
        sympy_parse("2 + exp(10**9)", [])


@pytest.mark.parametrize(
    "text",
    [
        "C*D**(3801248148893353/10000000000000000)/nu**2",
        "Piecewise((64/x, x < 2300), (0.3164*x**(-1/4), True))",
        "1/(1 + 1/(x + 1/(y + 1/(x + 2))))",
        "sqrt(2)*exp(-3/4)*log(1 + sqrt(x))",
        "exp(-exp(-exp(-x)))",
        "1e308*x**-300",
        "+".join(f"c{i}*x**{i}" for i in range(30)),
    ],
)
def test_laws_are_within_the_bounds(text: str) -> None:
    names = ["x", "y", "C", "D", "nu", *(f"c{i}" for i in range(30))]
    assert sympy_parse(text, names).free_symbols


numbers = st.one_of(st.integers(-(10**12), 10**12).map(str), st.floats(1e-9, 1e9).map(repr))
parts: st.SearchStrategy[str] = st.recursive(
    numbers | st.sampled_from(["x", "pi", "E"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "*", "/", "**", "-"]), inner),
        st.builds("{}({})".format, st.sampled_from(["exp", "log", "sinh", "sqrt", "sin"]), inner),
    ),
    max_leaves=12,
)


@given(parts)
def test_every_number_of_what_is_read_is_a_double(text: str) -> None:
    try:
        parsed = sympy_parse(text, ["x"])
    except LawError:
        return
    for node in parsed.atoms():
        if node.is_number:
            assert abs(float(node)) < sys.float_info.max


@given(parts, st.sampled_from([lambda t: f"exp(1000) + {t}", lambda t: f"({t})*x**(10**10)"]))
def test_a_costly_part_is_found_wherever_it_stands(text: str, around: Callable[[str], str]) -> None:
    tree = ast.parse(around(text), mode="eval").body
    with pytest.raises(LawError):
        check_bounds(tree, {"x": None})
