"""Units and numbers -> siunitx (version 3): quantities with their intervals."""

import math
from fractions import Fraction
from typing import Any

from dimgs.errors import InputError
from dimgs.latex.escape import text_latex
from dimgs.variables import parse_unit, registry, to_pint
from dimgs.variables.notation import rewritten
from dimgs.variables.units import powers_of, written

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
    if not factors or powers_of(written(text))[0] != 1:
        return rf"\text{{{text_latex(rewritten(text))}}}"
    return rf"\unit{{{_macros(factors) or _literal(factors)}}}"


def _factors(text: str) -> list[tuple[str, Fraction]]:
    """Pint's unit names with their exponents, positive ones first."""
    powers = dict(to_pint(1, text).units._units)
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


# 0.001234 and 12345 are read at a glance; smaller and larger ones in powers of ten
_SMALLEST_EXPONENT, _PLAIN_DIGITS = -4, 5


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
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    if _SMALLEST_EXPONENT < power <= max(_PLAIN_DIGITS - 1, digits - 1):
        text = f"{float(f'{mantissa}e{exponent}'):.{max(0, digits - 1 - power)}f}"
        return _short(text)
    short = _short(mantissa)
    if short in ("1", "-1"):
        return f"{short.removesuffix('1')}10^{{{power}}}"
    return rf"{short} \times 10^{{{power}}}"


def _short(text: str) -> str:
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def quantity_latex(
    value: float, low: float | None = None, high: float | None = None, unit: str = "1"
) -> str:
    r"""Value, its interval in brackets, and its unit, for math mode.

    The digits follow from the interval: two significant ones of its width. Without an interval
    there are four.

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
    if len(ends) < 2 or not all(map(math.isfinite, (value, *ends))) or ends[0] == ends[1]:
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
