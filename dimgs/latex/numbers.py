"""Numbers, and quantities with their intervals."""

import math

from dimgs.latex.units import unit_latex

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
