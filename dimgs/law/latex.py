"""Texts, units, expressions, tables and documents in LaTeX, and their formulas in MathML."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from html import unescape
from itertools import accumulate
from typing import Any
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

import sympy
from mpmath.libmp import prec_to_dps
from sympy.printing.latex import LatexPrinter, greek_letters_set, tex_greek_dictionary
from sympy.printing.precedence import PRECEDENCE

from dimgs.common.errors import InputError, attempt
from dimgs.expression.parsing import PositiveFirst, spelled
from dimgs.groups.group import PiGroup
from dimgs.groups.kinds import Kind, greek_name
from dimgs.groups.kinds import kind as kind_named
from dimgs.variables import parse_unit, registry
from dimgs.variables.units import powers_of, rewritten, shown_unit, written

# ---- Texts, numbers, units, symbols and expressions as LaTeX.


_TEXT = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "°": r"$^{\circ}$",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "−": "$-$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
}
# Greek letters that have no command of their own, or a better one
_GREEK = {**tex_greek_dictionary, "epsilon": r"\varepsilon"}
_GREEK_NAMES = greek_letters_set | {name.title() for name in greek_letters_set}
_SYMBOLS = frozenset(
    ["mathrm", "mathcal", "varepsilon", "left", "right", "ell", "hbar", "infty", ",", " "]
)
_PLAIN = (
    "gram second kelvin ampere mole candela watt pascal joule newton coulomb volt ohm farad tesla "
    "henry hertz weber lumen lux becquerel gray sievert katal siemens radian steradian degree "
    "minute hour day hectare dalton percent"
)
_MACROS = {
    **{name: name for name in _PLAIN.split()},
    "kilogram": "kilogram",
    "meter": "metre",
    "liter": "litre",
    "metric_ton": "tonne",
    "electron_volt": "electronvolt",
    "astronomical_unit": "astronomicalunit",
    "degree_Celsius": "degreeCelsius",
    "delta_degree_Celsius": "degreeCelsius",
}
_PREFIX_NAMES = (
    "quecto ronto yocto zepto atto femto pico nano micro milli centi deci deca hecto kilo mega "
    "giga tera peta exa zetta yotta ronna quetta"
)
_PREFIXES = frozenset(_PREFIX_NAMES.split())
_POWERS = {1: "", 2: "\\square", 3: "\\cubic"}
_LEVELS = {"dB": "\\decibel", "decibel": "\\decibel", "B": "\\bel", "Np": "\\neper"}
# the largest denominator that is read as a fraction: beyond it a decimal stands
_QUOTIENT = 12
_LITERAL = {"°": r"{}^{\circ}", "Δ": "", "µ": r"\mu ", "μ": r"\mu ", "Ω": r"\Omega ", "%": r"\%"}
# 0.001234 and 12345 are read at a glance; smaller and larger ones in powers of ten
_SMALLEST_EXPONENT, _PLAIN_DIGITS = -4, 5
_TRAILING_UNIT = re.compile(r"(?<=\S)\s*[(\[][^()\[\]]*[)\]]\s*$")
_DIFFERENCE = re.compile(r"d([A-Za-z])(\d*)$")
_GLUED_DELTA = re.compile(r"(?:Delta(?=[A-Za-z])|delta(?=[A-Z]))(.)$")
_NUMBERED = re.compile(r"([A-Za-z]|[A-Za-z][a-z]+?)(\d+)$")
_BASES = {
    "cp": ("c", "p"),
    "cv": ("c", "v"),
    "di": ("d", "i"),
    "do": ("d", "o"),
    "eps": (r"\varepsilon", ""),
    "varepsilon": (r"\varepsilon", ""),
    "lam": (r"\lambda", ""),
    "hbar": (r"\hbar", ""),
    "ell": (r"\ell", ""),
    "inf": (r"\infty", ""),
}
_SUBSCRIPTS = {
    **dict.fromkeys(("inf", "infty", "infinity", "∞"), r"\infty"),
    "star": "*",
    "plus": "+",
    "minus": "-",
    "perp": r"\perp",
    "parallel": r"\parallel",
}
# shorter letters, such as Re or Pr, are symbols
_WORD = 3
# an interval whose ends differ by more is one of orders of magnitude
_WIDE = 0.01
_UPRIGHT = re.compile(r"\\mathrm\{[^{}]*\}")


def greek_latex(name: str) -> str | None:
    r"""LaTeX of a Greek letter from its English name; None for other words.

    A capital that looks like a Latin one is upright.

    Examples
    --------
    >>> print(greek_latex("rho"), greek_latex("Omega"), greek_latex("Rho"), greek_latex("row"))
    \rho \Omega \mathrm{P} None
    """
    return _GREEK.get(name, f"\\{name}") if name in _GREEK_NAMES else None


def text_latex(text: str) -> str:
    r"""Text for text mode: nothing in it is a command, every character can be typeset.

    Latin letters keep their accents' base letters, Greek letters become symbols, and a
    character without a Latin form is given by its code point.

    Examples
    --------
    >>> print(text_latex("T_g 50% ρ"))
    T\_g 50\% $\rho$
    """
    return "".join(map(_character, unicodedata.normalize("NFKC", text)))


def _character(character: str) -> str:
    if character in _TEXT:
        return _TEXT[character]
    if character.isascii():
        return character if character.isprintable() else " "
    greek = greek_latex(greek_name(character) or "")
    if greek:
        return f"${greek}$"
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    if plain:
        return "".join(_TEXT.get(c, c if c.isprintable() else " ") for c in plain)
    return "" if unicodedata.category(character)[0] in "MC" else f"U+{ord(character):04X}"


def is_symbol(latex: str) -> bool:
    r"""Whether LaTeX is a symbol as this package writes it: letters, scripts and upright words.

    Examples
    --------
    >>> is_symbol(r"\mathrm{Re}_{\tau}^{1/2}"), is_symbol(r"\input{x}"), is_symbol("}x{")
    (True, False, False)
    """
    commands = re.findall(r"\\([A-Za-z]+|.)", latex)
    recognised = all(c in _SYMBOLS or greek_latex(c) == f"\\{c}" for c in commands)
    depth = list(accumulate((c == "{") - (c == "}") for c in latex))
    balanced = not depth or (min(depth) >= 0 and depth[-1] == 0)
    return recognised and balanced and not re.search(r"[^A-Za-z0-9 {}^_*'/(),.+\\-]", latex)


def word_latex(word: str) -> str:
    r"""Upright word for math mode.

    Examples
    --------
    >>> print(word_latex("flow rate"), word_latex("100%"))
    \mathrm{flow\ rate} \mathrm{100\%}
    """
    return rf"\mathrm{{{_math(text_latex(word))}}}"


def _math(text: str) -> str:
    """Escaped text inside math mode, where spaces vanish and $ would end it."""
    for command, symbol in (
        (r"\textbackslash{}", r"\backslash "),
        (r"\textasciitilde{}", r"\sim "),
        (r"\textasciicircum{}", r"\wedge "),
    ):
        text = text.replace(command, symbol)
    dollar = "\0"
    text = re.sub(r"\$([^$]*)\$", r"{\1}", text.replace(r"\$", dollar)).replace(dollar, r"\$")
    parts = [part for part in text.split(" ") if part]
    joined = ""
    for part in parts:
        spaced = joined and not joined.endswith(("\\backslash", "\\sim", "\\wedge"))
        joined += (r"\ " if spaced else " " if joined else "") + part
    return joined


def unit_latex(unit_text: str) -> str:
    r"""``\unit{...}`` of a unit as it is written in a table.

    Units that siunitx has are given by its commands, others (and fractional powers) literally,
    so that nothing has to be declared; a text that is not a unit is printed as text.

    Parameters
    ----------
    unit_text : str
        Whatever :func:`dimgs.variables.parse_unit` reads.

    Examples
    --------
    >>> print(unit_latex("kg/m^3"), unit_latex("degC"))
    \unit{\kilogram\per\cubic\metre} \unit{\degreeCelsius}
    >>> print(unit_latex("W/kg^(3/4)"), unit_latex("1"))
    \unit{W.kg^{-3/4}} 1
    """
    text = shown_unit(unit_text.strip())
    try:
        unit = parse_unit(text)
    except InputError:
        return rf"\text{{{text_latex(text)}}}" if text else "1"
    if unit.scale == "level":
        macro = _LEVELS.get(text)
        return rf"\unit{{{macro}}}" if macro else rf"\text{{{text_latex(text)}}}"
    if unit.scale == "label":
        return r"\text{label}"
    number, powers = powers_of(written(unit.text))
    if not powers and unit.factor == 1.0:
        return "1"
    if not powers or number != 1:
        return rf"\text{{{text_latex(rewritten(text))}}}"
    # positive exponents first
    factors = sorted(powers.items(), key=lambda factor: factor[1] < 0)
    return rf"\unit{{{_macros(factors) or _literal(factors)}}}"


def _macros(factors: list[tuple[str, Fraction]]) -> str | None:
    pieces = []
    for name, power in factors:
        macro = _macro(name)
        if macro is None or power.denominator != 1:
            return None
        size = abs(int(power))
        raised = _POWERS.get(size, f"\\raiseto{{{size}}}")
        pieces.append(("\\per" if power < 0 else "") + raised + macro)
    return "".join(pieces)


def _macro(name: str) -> str | None:
    if name in _MACROS:
        return f"\\{_MACROS[name]}"
    parsed: Any = registry().parse_unit_name(name)
    for prefix, root, suffix in parsed:
        if prefix in _PREFIXES and root in _MACROS and not suffix:
            return f"\\{prefix}\\{_MACROS[root]}"
    return None


def _literal(factors: list[tuple[str, Fraction]]) -> str:
    pieces = []
    for name, power in factors:
        symbol = str(registry().get_symbol(name))
        written = "".join(_LITERAL.get(c, c if c.isascii() else "?") for c in symbol)
        if "?" in written:
            written = name
        written = written.replace("_", r"\_")
        if power != 1:
            written = f"{{{written}}}" if "^" in written else written.rstrip()
            shown = str(power) if power.denominator <= _QUOTIENT else f"{float(power):.4g}"
            written += f"^{{{shown}}}"
        pieces.append(written)
    return ".".join(pieces)


def number_latex(value: float, digits: int = 4) -> str:
    r"""Number with significant digits, in scientific notation where that is shorter.

    Examples
    --------
    >>> print(number_latex(3.2e-5), number_latex(0.31640), number_latex(2300.0))
    3.2 \times 10^{-5} 0.3164 2300
    """
    if math.isnan(value):
        return r"\text{n/a}"
    if math.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    text, power = digits_and_power(value, digits, max(_PLAIN_DIGITS, digits))
    if power is None:
        return text
    if text in ("1", "-1"):
        return f"{text.removesuffix('1')}10^{{{power}}}"
    return rf"{text} \times 10^{{{power}}}"


def digits_and_power(value: float, digits: int, plain: int) -> tuple[str, int | None]:
    """Significant digits of a finite number, and the power of ten behind them where it has one.

    Parameters
    ----------
    value : float
    digits : int
        At most; zeros at the end of decimals are left out.
    plain : int
        Digits before the point of the largest number that is written without a power of ten.

    Examples
    --------
    >>> digits_and_power(0.0123, 2, 5), digits_and_power(1234567.0, 3, 5)
    (('0.012', None), ('1.23', 6))
    """
    rounded = f"{value:.{digits - 1}e}"
    text, power = rounded.split("e")[0], int(rounded.split("e")[1])
    is_plain = _SMALLEST_EXPONENT < power < plain
    if is_plain:
        text = f"{float(rounded):.{max(0, digits - 1 - power)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text, None if is_plain else power


def quantity_latex(
    value: float, low: float | None = None, high: float | None = None, unit: str = "1"
) -> str:
    r"""Value, its interval in brackets, and its unit, for math mode.

    The digits follow from the interval: two significant ones of its width. Without an interval,
    or with one of orders of magnitude, there are four.

    Examples
    --------
    >>> print(quantity_latex(0.3164, 0.309, 0.3238))
    0.316\ [0.309,\, 0.324]
    >>> print(quantity_latex(3.21e-5, 3.1e-5, 3.3e-5, "m^2/s"))
    3.21\ [3.10,\, 3.30] \times 10^{-5}\,\unit{\square\metre\per\second}
    """
    name = unit_latex(unit)
    suffix = "" if name == "1" else rf"\,{name}"
    ends = [end for end in (low, high) if end is not None]
    finite = len(ends) == 2 and all(map(math.isfinite, (value, *ends)))
    # decimals that suit the far end would be zeros at the near one
    if not finite or ends[0] == ends[1] or 0.0 < ends[0] < _WIDE * ends[1]:
        joined = r",\, ".join(map(number_latex, ends))
        interval = rf"\ [{joined}]" if len(ends) == 2 else ""
        return number_latex(value) + interval + suffix
    largest = max(map(abs, (value, *ends)))
    power = math.floor(math.log10(largest))
    width = math.floor(math.log10(abs(ends[1] - ends[0])))
    scientific = not _SMALLEST_EXPONENT < power < _PLAIN_DIGITS
    shift = power if scientific else 0
    decimals = min(max(0, shift - width + 1), 15)
    numbers = [f"{number / 10.0**shift:.{decimals}f}" for number in (value, *ends)]
    text = rf"{numbers[0]}\ [{numbers[1]},\, {numbers[2]}]"
    return text + (rf" \times 10^{{{shift}}}" if scientific else "") + suffix


def distinct_symbols(kinds: Mapping[str, Kind | str | None]) -> dict[str, str]:
    r"""Symbol of each column; its whole name, upright, where columns would share a symbol.

    Parameters
    ----------
    kinds : mapping of str to Kind, str or None
        By column name, as of :func:`symbol_latex`.

    Examples
    --------
    >>> print(*distinct_symbols({"t1": None, "t_1": None, "v": None}).values())
    \mathrm{t1} \mathrm{t\_1} v
    """
    symbols = {name: symbol_latex(name, kind) for name, kind in kinds.items()}
    uses = Counter(symbols.values())
    return {n: s if uses[s] == 1 else word_latex(n) for n, s in symbols.items()}


def symbol_latex(name: str, kind: Kind | str | None = None) -> str:
    r"""Symbol of a variable from its column name.

    Parameters
    ----------
    name : str
        Column name; a unit in brackets at its end is left out.
    kind : Kind or str, optional
        Physical kind, whose usual symbol serves only where the name has nothing to typeset.

    Returns
    -------
    str
        For math mode, everything in it escaped.

    Examples
    --------
    >>> print(symbol_latex("rho_f"), symbol_latex("dp"), symbol_latex("T_g (K)"))
    \rho_{f} \Delta p T_{g}
    >>> print(symbol_latex("U_inf"), symbol_latex("Δp"), symbol_latex("flow rate"))
    U_{\infty} \Delta p \mathrm{flow\ rate}
    """
    text = unicodedata.normalize("NFKC", _TRAILING_UNIT.sub("", name)).strip()
    plain = re.sub(r"(?<=[A-Za-z0-9])∞", "_∞", spelled(text))
    if not any(c.isalnum() and c.isascii() for c in plain):
        known = attempt(kind_named, kind) if isinstance(kind, str) else kind
        return known.latex if known and known.latex else word_latex(name.strip() or "x")
    stem, mark = _mark(plain)
    parts = [part for part in re.split(r"[_\s,]+", stem) if part]
    if not parts or any(not re.fullmatch(r"[A-Za-z0-9∞]+", part) for part in parts):
        return word_latex(text)
    if parts[0] == "Delta" and len(parts) > 1:
        return rf"\Delta {_symbol(parts[1:], mark)}"
    if glued := _GLUED_DELTA.match(parts[0]):
        return rf"\Delta {_symbol([glued[1], *parts[1:]], mark)}"
    return _symbol(parts, mark)


def _mark(text: str) -> tuple[str, str]:
    """A prime, star or plus at the end, apart from the rest."""
    for ending, mark in (("'", "'"), ("′", "'"), ("_prime", "'"), ("*", "^{*}"), ("+", "^{+}")):
        if text.endswith(ending) and len(text) > len(ending):
            return text.removesuffix(ending), mark
    return text, ""


def _symbol(parts: list[str], mark: str) -> str:
    first, *rest = parts
    base, subscript = _base(first)
    is_word = base.startswith(r"\mathrm{") and len(first) >= _WORD and not _greek(first)
    if is_word and any(len(part) > 1 and not part.isdigit() for part in rest):
        return word_latex(" ".join(parts)) + mark
    subscripts = ([subscript] if subscript else []) + [_subscript(part) for part in rest]
    return base + mark + (f"_{{{','.join(subscripts)}}}" if subscripts else "")


def _base(text: str) -> tuple[str, str]:
    """Letter and the subscript glued to it."""
    if text in _BASES:
        return _BASES[text]
    if greek := _greek(text):
        return greek, ""
    if len(text) == 1 and text.isalpha():
        return text, ""
    if difference := _DIFFERENCE.match(text):
        return rf"\Delta {difference[1]}", difference[2]
    if numbered := _NUMBERED.match(text):
        return _base(numbered[1])[0], numbered[2]
    return word_latex(text.replace("∞", "inf")), ""


def _subscript(text: str) -> str:
    if text in _SUBSCRIPTS:
        return _SUBSCRIPTS[text]
    if text.isdigit() or (len(text) == 1 and text.isascii()):
        return text
    return _greek(text) or word_latex(text.replace("∞", "inf"))


def _greek(word: str) -> str:
    """LaTeX of a Greek letter; Nu, Eta, ... are words (a Nusselt number), not capitals N and H."""
    letter = greek_latex(word) or ""
    return "" if letter.startswith(r"\mathrm") else letter


def group_latex(group: PiGroup, symbols: Mapping[str, str], *, flat: bool = False) -> str:
    r"""Group as a fraction of powers with exact exponents.

    Parameters
    ----------
    group : PiGroup
        The group.
    symbols : mapping of str to str
        LaTeX symbol of each variable by its name; others are made from the name.
    flat : bool
        On one line, with a slash before what divides, as in the label of an axis.

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
    if below and flat:
        return rf"{numerator}\,/\," + (f"({denominator})" if len(below) > 1 else denominator)
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


def expression_latex(
    expr: sympy.Basic, symbol_names: Mapping[str, str] | None = None, digits: int = 4
) -> str:
    r"""Expression or condition for math mode.

    Parameters
    ----------
    expr : sympy.Basic
        Floats are shown with significant digits, rationals exactly, a Piecewise as ``cases``.
    symbol_names : mapping of str to str
        LaTeX symbol of each symbol by its name; others are made from the name.
    digits : int, default 4
        Significant digits of floats, at most.

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
        # a symbol that multiplies others: a ratio such as a relative roughness in parentheses
        ratios = (s for s, text in symbols.items() if "/" in _UPRIGHT.sub("", text))
        symbols |= {s: rf"\left({symbols[s]}\right)" for s in ratios}
    return str(_Printer(symbols, digits).doprint(expr))


class _Printer(PositiveFirst, LatexPrinter):
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
        # a number that was made with fewer digits has no more
        return number_latex(float(expr), min(self._digits, prec_to_dps(expr._prec)))

    def _print_log10(self, expr: Any) -> str:
        return rf"\log_{{10}}{{\left({self._print(expr.args[0])} \right)}}"

    def _print_Pow(self, expr: Any) -> str:
        # a root sign for square roots only; other fractions stay exponents
        self._settings["root_notation"] = abs(expr.exp) == sympy.Rational(1, 2)
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


# ---- Tables and whole documents that need nothing but amsmath and siunitx.


SymbolRow = tuple[str, str, str, tuple[float | None, float | None]]

_PREAMBLE = r"""\documentclass{article}
\usepackage{amsmath}
\usepackage{siunitx}
"""


def symbol_table(rows: Iterable[SymbolRow]) -> str:
    r"""Plain table of symbols.

    Parameters
    ----------
    rows : iterable of (symbol, meaning, unit, (low, high))
        LaTeX symbol, plain text, unit text, and range (None where there is none).

    Examples
    --------
    >>> print(symbol_table([(r"\rho", "density", "kg/m^3", (1.0, 998.0))]))
    \begin{tabular}{llll}
    \hline
    Symbol & Meaning & Unit & Range \\
    \hline
    $\rho$ & density & $\unit{\kilogram\per\cubic\metre}$ & $1$ to $998$ \\
    \hline
    \end{tabular}
    """
    cells = [
        (f"${symbol}$", text_latex(meaning), f"${unit_latex(unit)}$", _range(low, high))
        for symbol, meaning, unit, (low, high) in rows
    ]
    return tabular(("Symbol", "Meaning", "Unit", "Range"), cells)


def tabular(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Table of cells in LaTeX below their titles."""
    body = [" & ".join(cells) + r" \\" for cells in (head, *rows)]
    lines = [rf"\begin{{tabular}}{{{'l' * len(head)}}}", r"\hline", body[0], r"\hline", *body[1:]]
    return "\n".join([*lines, r"\hline", r"\end{tabular}"])


def _range(low: float | None, high: float | None) -> str:
    ends = dict.fromkeys(f"${number_latex(x)}$" for x in (low, high) if x is not None)
    before = "from " if high is None else "to " if low is None else ""
    return before + " to ".join(ends) if ends else "--"


def equation(formula: str) -> str:
    r"""Displayed, numbered formula.

    Examples
    --------
    >>> print(equation("y = x"))
    \begin{equation}
    y = x
    \end{equation}
    """
    return f"\\begin{{equation}}\n{formula}\n\\end{{equation}}"


def gathered(formulas: Sequence[str]) -> str:
    r"""Displayed formulas below one another; nothing where there are none.

    Examples
    --------
    >>> print(gathered(["a = b", "c = d"]))
    \begin{gather*}
    a = b \\
    c = d
    \end{gather*}
    """
    lines = " \\\\\n".join(formulas)
    return f"\\begin{{gather*}}\n{lines}\n\\end{{gather*}}" if formulas else ""


def article(*body: str) -> str:
    r"""Document that compiles as it is.

    Parameters
    ----------
    *body : str
        LaTeX blocks (equations, tables, escaped text), set apart by empty lines.

    Examples
    --------
    >>> print(article(equation("y = x")))
    \documentclass{article}
    \usepackage{amsmath}
    \usepackage{siunitx}
    \begin{document}
    \begin{equation}
    y = x
    \end{equation}
    \end{document}
    """
    blocks = "\n\n".join(body)
    return f"{_PREAMBLE}\\begin{{document}}\n{blocks}\n\\end{{document}}"


# ---- The LaTeX of this package -> MathML, for pages that need no network and no script.


# what XML cannot hold
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
# the converter sets these upright only in braces, and a letter only beside another part
_SCRIPT = re.compile(r"(?<=[_^])(\\mathrm\{[^{}]*\})")
_LETTER = re.compile(r"\\mathrm\{([A-Za-z])\}")
# what follows the name of a function without a space
_CLOSE = frozenset({"mrow", "mo", "mspace", "mtext"})
_NO_ROOM = {"lspace": "0", "rspace": "0"}


@lru_cache(maxsize=4096)
def mathml(latex: str, *, display: bool = False) -> str:
    r"""MathML of a formula that this package writes.

    Parameters
    ----------
    latex : str
        For math mode. What cannot be read appears as its own text, so that nothing is lost.
    display : bool
        On a line of its own.

    Returns
    -------
    str
        A ``math`` element whose ``alttext`` is the LaTeX, whatever the LaTeX holds.

    References
    ----------
    MathML Core, W3C (2023); converted by latex2mathml.

    Examples
    --------
    >>> print(mathml(r"x^{2}"))
    <math alttext="x^{2}"><msup><mi>x</mi><mrow><mn>2</mn></mrow></msup></math>
    """
    text = _UNPRINTABLE.sub("", latex)
    root = Element("math", {"display": "block"} if display else {}, alttext=text)
    try:
        root.extend(_converted(text))
    # the errors of the converter have no base of their own
    except Exception:
        root[:] = []
        SubElement(root, "mtext").text = text
    return tostring(root, encoding="unicode", short_empty_elements=False)


def spoken(latex: str) -> str:
    r"""A formula as words, for reading aloud.

    Examples
    --------
    >>> print(spoken(r"\tau_{w}"), "|", spoken(r"\frac{a}{\mathrm{Re}}"))
    τ w | a Re
    """
    return " ".join(part.strip() for part in fromstring(mathml(latex)).itertext() if part.strip())


def _converted(latex: str) -> list[Element]:
    from latex2mathml.converter import convert_to_element

    plain = _LETTER.sub(r"\\mathrm{\1{}}", _SCRIPT.sub(r"{\1}", latex))
    (row,) = convert_to_element(plain)
    for node in row.iter():
        # the converter writes entities as text; as characters they are escaped when written
        node.text = unescape(node.text) if node.text else node.text
        if node.tag == "mo" and node.text == "/":
            node.attrib |= _NO_ROOM
        if node.tag == "mo" and node.text and node.text.isalpha() and len(node.text) > 1:
            node.tag = "mi"
        if align := node.attrib.pop("columnalign", None):
            # browsers know the style alone
            node.set("style", f"text-align:{align}")
        _join_words(node)
        _stand_off(node)
    return list(row)


def _join_words(node: Element) -> None:
    """Upright letters in a row become one word."""
    upright = {"mathvariant": "normal"}
    for left, right in reversed(list(zip(node, list(node)[1:], strict=False))):
        both = left.tag == right.tag == "mi" and left.attrib == right.attrib == upright
        if both and (left.text or "").isalnum() and (right.text or "").isalnum():
            left.text = f"{left.text}{unescape(right.text or '')}"
            node.remove(right)


def _stand_off(node: Element) -> None:
    """A thin space between a function and an argument without parentheses."""
    for k in reversed(range(len(node) - 1)):
        name = node[k][0] if node[k].tag in ("msup", "msub") else node[k]
        word = len(name.text or "") > 1 and (name.text or "").isalpha()
        if name.tag == "mi" and word and not name.attrib and node[k + 1].tag not in _CLOSE:
            node.insert(k + 1, Element("mspace", width="0.167em"))
