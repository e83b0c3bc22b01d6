"""Groups and expressions."""

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from dimgs.latex.symbols import symbol_latex
from dimgs.latex.units import number_latex

if TYPE_CHECKING:
    import sympy

    from dimgs.groups.group import PiGroup

_UPRIGHT = re.compile(r"\\mathrm\{[^{}]*\}")


def group_latex(group: "PiGroup", symbols: Mapping[str, str]) -> str:
    r"""Group as a fraction of powers with exact exponents.

    Parameters
    ----------
    group : PiGroup
        The group.
    symbols : mapping of str to str
        LaTeX symbol of each variable by its name; others are made from the name.

    Examples
    --------
    >>> from dimgs.groups.group import PiGroup
    >>> reynolds = PiGroup.of("pi_1", {"rho": 1, "U": 1, "D": 1, "mu": -1})
    >>> print(group_latex(reynolds, {}))
    \frac{\rho\,D\,U}{\mu}
    """
    factors = [(symbols.get(name) or symbol_latex(name), e) for name, e in group.exponents]
    factors.sort(key=lambda factor: _rank(factor[0]))
    above = [_raised(symbol, power) for symbol, power in factors if power > 0]
    below = [_raised(symbol, -power) for symbol, power in factors if power < 0]
    numerator, denominator = r"\,".join(above) or "1", r"\,".join(below)
    return rf"\frac{{{numerator}}}{{{denominator}}}" if below else numerator


def _rank(symbol: str) -> tuple[int, str]:
    """Greek letters before Latin ones, words last."""
    letter = symbol.removeprefix(r"\Delta ")
    if letter.startswith(r"\mathrm"):
        return 2, letter
    return int(not letter.startswith("\\")), letter.lower()


def _raised(symbol: str, power: Fraction) -> str:
    if power == 1:
        return symbol
    return f"{_protected(symbol)}^{{{power}}}"


def _protected(symbol: str) -> str:
    """Symbol that can take an exponent."""
    if "^" in symbol or "'" in symbol or symbol.startswith((r"\Delta ", r"\frac")):
        return rf"\left({symbol}\right)"
    return symbol


def _one_factor(symbol: str) -> str:
    """Symbol that multiplies others: a ratio such as a relative roughness in parentheses."""
    bare = _UPRIGHT.sub("", symbol)
    return rf"\left({symbol}\right)" if "/" in bare else symbol


def expression_latex(
    expr: "sympy.Basic", symbol_names: Mapping[str, str] | None = None, digits: int = 4
) -> str:
    r"""Expression or condition for math mode.

    Parameters
    ----------
    expr : sympy.Basic
        Floats are shown with significant digits, rationals exactly, a Piecewise as ``cases``.
    symbol_names : mapping of str to str
        LaTeX symbol of each symbol by its name; others are made from the name.
    digits : int, default 4
        Significant digits of floats.

    Examples
    --------
    >>> from sympy import Float, Rational, symbols
    >>> rho, U, pi_1 = symbols("rho U pi_1")
    >>> print(expression_latex(Float(3.2e-5) * rho * U ** Rational(7, 4)))
    3.2 \times 10^{-5} \, U^{7/4} \, \rho
    """
    names = symbol_names or {}
    symbols = {s: names.get(s.name) or symbol_latex(s.name) for s in expr.free_symbols}
    if not expr.is_Symbol:
        symbols = {s: _one_factor(text) for s, text in symbols.items()}
    return str(_printer_class()(symbols, digits).doprint(expr))


@cache
def _printer_class() -> Any:
    from sympy import Rational
    from sympy.printing.latex import LatexPrinter
    from sympy.printing.precedence import PRECEDENCE

    class Printer(LatexPrinter):
        """SymPy's LaTeX with short numbers and symbols that can take an exponent."""

        def __init__(self, symbols: Mapping[Any, str], digits: int) -> None:
            super().__init__(
                {
                    "symbol_names": symbols,
                    "fold_frac_powers": True,
                    "root_notation": False,
                    "ln_notation": True,
                    "mul_symbol": r" \, ",
                }
            )
            self._digits = digits

        def _print_Float(self, expr: Any) -> str:
            return number_latex(float(expr), self._digits)

        def _print_Pow(self, expr: Any) -> str:
            # a root sign for square roots only; other fractions stay exponents
            self._settings["root_notation"] = abs(expr.exp) == Rational(1, 2)
            return str(super()._print_Pow(expr))

        def parenthesize(
            self, item: Any, level: int, is_neg: bool = False, strict: bool = False
        ) -> str:
            text = str(super().parenthesize(item, level, is_neg=is_neg, strict=strict))
            if item.is_Float and level >= PRECEDENCE["Pow"] and "^" in text[1:]:
                return text if text.startswith(r"\left(") else rf"\left({text}\right)"
            return text

        def parenthesize_super(self, s: str) -> str:
            return s if s.startswith(r"\left(") else _protected(s)

    return Printer
