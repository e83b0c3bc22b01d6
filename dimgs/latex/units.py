"""Unit texts -> siunitx (version 3)."""

import re
from fractions import Fraction
from typing import Any

from dimgs.errors import InputError
from dimgs.latex.escape import text_latex
from dimgs.variables import parse_unit, registry, to_pint

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
# a number in front, other than the one of "1/s"
_NUMBER = re.compile(r"(?!1\s*/)[-+.\d]")
_POWERS = {1: "", 2: "\\square", 3: "\\cubic"}
_LEVELS = {"dB": "\\decibel", "decibel": "\\decibel", "B": "\\bel", "Np": "\\neper"}
# largest denominator that anybody writes, and what a double makes of such an exponent
_WRITTEN, _ROUNDING = 1000, 1e-12
_LITERAL = {"°": r"{}^{\circ}", "Δ": "", "µ": r"\mu ", "μ": r"\mu ", "Ω": r"\Omega ", "%": r"\%"}


def unit_latex(unit_text: str) -> str:
    r"""``\unit{...}`` of a unit as it is written in a table.

    Units that siunitx has are given by its commands, others (and fractional powers) literally,
    so that nothing has to be declared; a text that is no unit is printed as text.

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
    text = unit_text.strip()
    try:
        unit = parse_unit(text)
    except InputError:
        return rf"\text{{{text_latex(text)}}}" if text else "1"
    if unit.scale == "level":
        macro = _LEVELS.get(text)
        return rf"\unit{{{macro}}}" if macro else rf"\text{{{text_latex(text)}}}"
    if unit.scale == "label":
        return r"\text{label}"
    factors = _factors(text)
    if not factors and unit.factor == 1.0:
        return "1"
    if _NUMBER.match(text) or not factors:
        return rf"\text{{{text_latex(text)}}}"
    return rf"\unit{{{_macros(factors) or _literal(factors)}}}"


def _factors(text: str) -> list[tuple[str, Fraction]]:
    """Pint's unit names with their exponents, positive ones first."""
    powers = dict(to_pint(text)._units)
    factors = [(str(n), _exact(float(p))) for n, p in powers.items()]
    return sorted(factors, key=lambda factor: factor[1] < 0)


def _exact(power: float) -> Fraction:
    """The rational that was written; a fitted exponent as it is."""
    simple = Fraction(power).limit_denominator(_WRITTEN)
    return simple if abs(float(simple) - power) < _ROUNDING else Fraction(power)


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
            shown = str(power) if power.denominator <= _WRITTEN else f"{float(power):.4g}"
            written += f"^{{{shown}}}"
        pieces.append(written)
    return ".".join(pieces)
