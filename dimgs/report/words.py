"""Sentences of a report: numbers and units, regimes, errors."""

import math
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from dimgs.common.errors import attempt
from dimgs.expression import sympy_parse_condition
from dimgs.groups.catalogue import named_number
from dimgs.groups.group import PiGroup
from dimgs.groups.rationals import equal_rational
from dimgs.law.latex import digits_and_power, expression_latex
from dimgs.report.findings import Findings
from dimgs.report.report_runs import ReportRuns
from dimgs.report.verdict import headline
from dimgs.variables import Variable, shown_unit, superscript, unit_suffix

# below this half width, the two sides of a factor are the same to two digits
_EVEN = 0.05
# an exponent of a border that no digit of it shows
_NEARLY_NOTHING = 1e-3
# relative: an interval below it is rounding
_ROUNDING = 1e-9
# a factor by which a new run may be off, above which nothing is known
_UNKNOWN = 1e3
_POWER = re.compile(r"(?:\*\*|\^)(-?\d+)(?![\d.])")


def condition_latex(runs: ReportRuns, where: str) -> str:
    """LaTeX of a regime's condition, named groups by their symbols."""
    if where == "True":
        return r"\mathrm{everywhere}"
    condition: Any = sympy_parse_condition(where, list(runs.values))
    names = {name: runs.symbol(name) for name in runs.values}
    condition = condition.replace(
        lambda part: part.is_Pow and part.exp.is_number and abs(part.exp) < _NEARLY_NOTHING,
        lambda part: sympy.Integer(1),
    )
    return expression_latex(condition, names, digits=3).replace(r"\wedge", r",\;")


def short(value: float, digits: int = 3) -> str:
    """A number in plain text: 0.0123, 2300, 1.2 × 10⁻⁵.

    Examples
    --------
    >>> print(short(2300.0), short(1.234e-5), short(-0.25), short(math.inf))
    2300 1.23 × 10⁻⁵ −0.25 ∞
    """
    if not math.isfinite(value):
        return "not known" if math.isnan(value) else "∞" if value > 0 else "−∞"
    text, power = digits_and_power(value, digits, 6)
    ten = "" if power is None else f"10{superscript(Fraction(power))}"
    if ten and text == "1":
        return ten
    return text.replace("-", "−") + (f" × {ten}" if ten else "")


def rational_text(value: float, largest: int, tolerance: float) -> str:
    """A simple rational where the value is one to a tolerance, else its short form.

    Examples
    --------
    >>> rational_text(1.75, 12, 1e-9), rational_text(0.3333, 6, 1e-6)
    ('7/4', '0.333')
    """
    simple = equal_rational(value, largest, tolerance)
    return short(value) if simple is None else str(simple).replace("-", "−")


def unit_text(unit: str) -> str:
    """A unit with raised exponents; fitted ones in four digits.

    Examples
    --------
    >>> print(unit_text("kg/m^3"), unit_text("m**-2"), unit_text("kg^(1/2)"), unit_text("s^1.5"))
    kg/m³ m⁻² kg^(1/2) s^1.5
    """
    raised = _POWER.sub(lambda match: superscript(Fraction(match[1])), shown_unit(unit))
    return raised.replace("*", "·")


def reference_of(group: PiGroup) -> str | None:
    """Literature reference of a named group."""
    if not group.known_as:
        return None
    name = group.known_as
    plain = (name, name.removeprefix("1/"), re.sub(r"\s*[\^²³⁻½¹⁄/].*$", "", name))
    numbers = (attempt(named_number, each) for each in plain)
    return next((number.reference for number in numbers if number is not None), None)


def regime_sentences(runs: ReportRuns) -> list[tuple[str, str]]:
    """LaTeX of every regime's condition, and a sentence on the exponents inside."""
    sentences = []
    for regime in runs.report.regimes or ():
        powers = []
        for e in regime["exponents"]:
            is_open = None in (e["low"], e["high"])
            between = "" if is_open else f" [{short(e['low'])}, {short(e['high'])}]"
            if is_open or not e["low"] <= 0 <= e["high"]:
                name = _name(runs, e["name"])
                powers.append(f"{name} to the power {short(e['value'])}{between}")
        what = f"the response goes as {listed(powers)}" if powers else "the response is constant"
        sentences.append((condition_latex(runs, regime["where"]), f"{regime['n']} runs: {what}."))
    return sentences


def _name(runs: ReportRuns, name: str) -> str:
    group = runs.groups.get(name)
    unique = group is not None and group.symbol == runs.symbol(name)
    return (group.known_as if group is not None and unique else None) or name


def exponent_name(target: Variable | None) -> str:
    """Header of a column of exponents."""
    return "exponent of the ratio" if target is not None and target.is_level else "exponent"


def listed(parts: Iterable[str]) -> str:
    """Parts as "a, b and c"."""
    items = list(parts)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def spread_text(runs: ReportRuns) -> str:
    """Expected deviation of a new run from the law, as a sentence."""
    law, level = runs.law, runs.report.level
    if not law.symbols:
        return ""
    # the runs themselves, not a mapping, in which "x [s]" would be x in seconds
    prediction = law.predict(runs.data, level=level)
    value, low, high = (np.asarray(getattr(x, "magnitude", x)) for x in prediction)
    if runs.is_log and law.uncertainty.errors is None:
        up = float(np.median(high / value)) - 1.0
        down = 1.0 - float(np.median(low / value))
        if up < _ROUNDING:
            return "The law reproduces the runs to the precision of their numbers."
        if not up < _UNKNOWN:
            return "These runs do not determine how far from the law a new run may lie."
        size = f"−{short(100 * down, 2)} % to +{short(100 * up, 2)} %"
        if up < _EVEN:
            size = f"±{short(50 * (up + down), 2)} %"
    else:
        half = float(np.median(high - value))
        size = f"±{short(half, 2)}{unit_suffix(law.target_unit)}"
    return f"A new run inside the domain is expected within {size} of the law ({level:.0%})."


def title_of(report: Findings) -> str:
    """Title of a report in plain text."""
    target = report.basis.target.name if report.basis.target else "the response"
    has_law = report.law is not None and headline(report) is None
    return f"A law for {target}" if has_law else f"In search of a law for {target}"
