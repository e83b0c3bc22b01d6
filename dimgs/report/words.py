"""Sentences of a report: what each input does, where the regimes are, how far it errs."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from dimgs.errors import DimgsError
from dimgs.expression import sympy_parse_condition
from dimgs.fits.estimate import Exponent
from dimgs.groups.catalogue import named_number
from dimgs.groups.group import PiGroup
from dimgs.latex import expression_latex, symbol_latex
from dimgs.rationals import equal_rational
from dimgs.report.report_runs import ReportRuns
from dimgs.report.results import Report
from dimgs.report.verdict import headline
from dimgs.variables import shown_unit, superscript

# elasticities that differ by less are one exponent, but for rounding
_CONSTANT = 1e-6
# an elasticity that is zero but for rounding
_IDLE = 1e-9
# largest denominator that reads as an exponent (1/12) and not as a decimal number
_SIMPLE = 12
# below this half width, the two sides of a factor are the same to two digits
_EVEN = 0.05
# an exponent of a border that no digit of it shows
_NEARLY_NOTHING = 1e-3
# relative: an interval below it is rounding
_ROUNDING = 1e-9
# digits of an exponent that changes from run to run
_PLACES = 3
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
    text = f"{value:.{digits - 1}e}"
    mantissa, exponent = text.split("e")
    power = int(exponent)
    if -4 < power < 6:
        plain = f"{float(text):.{max(0, digits - 1 - power)}f}"
        plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
        return plain.replace("-", "−")
    mantissa = mantissa.rstrip("0").rstrip(".").replace("-", "−")
    raised = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{raised}" if mantissa == "1" else f"{mantissa} × 10{raised}"


def unit_text(unit: str) -> str:
    """A unit with raised exponents; fitted ones in four digits.

    Examples
    --------
    >>> print(unit_text("kg/m^3"), unit_text("m**-2"), unit_text("kg^(1/2)"), unit_text("s^1.5"))
    kg/m³ m⁻² kg^(1/2) s^1.5
    """
    raised = _POWER.sub(lambda found: superscript(Fraction(found[1])), shown_unit(unit))
    return raised.replace("*", "·")


@dataclass(frozen=True)
class Effect:
    """What an input does to the target.

    Attributes
    ----------
    column : str
    symbol : str
        LaTeX.
    low, high : float
        Range over the runs of the local exponent (of the change per factor e, for a level).
    fitted : Exponent or None
        Exponent before snapping, where the law is a power law of it.
    text : str
        Sentence on doubling the input.
    """

    column: str
    symbol: str
    low: float
    high: float
    fitted: Exponent | None
    text: str


def effects(runs: ReportRuns) -> list[Effect]:
    """What doubling each input does, the largest exponent first."""
    law = runs.law
    known = {e.name: e for e in runs.report.fit.variable_exponents} if runs.report.fit else {}
    with np.errstate(all="ignore"):
        slopes = law.elasticities(runs.data) if law.symbols else {}
    out = []
    for variable in law.symbols.values():
        x = runs.columns[variable.name]
        local = np.broadcast_to(slopes[variable.name], (runs.n,))
        local = local[np.isfinite(local)]
        logged = bool(np.all(x > 0)) and not variable.is_level
        if local.size == 0 or not logged:
            continue
        # the bulk: a point where the law vanishes has an exponent without bound
        low, high = (float(q) for q in np.quantile(local, [0.02, 0.98]))
        text = _doubling(variable.name, law.target.name, low, high, law.target.is_level)
        symbol = symbol_latex(variable.name, variable.kind)
        fitted = known.get(variable.name) if high - low < _CONSTANT else None
        out.append(Effect(variable.name, symbol, low, high, fitted, text))
    return sorted(out, key=lambda e: -max(abs(e.low), abs(e.high)))


def _doubling(name: str, target: str, low: float, high: float, level: bool) -> str:
    if max(abs(low), abs(high)) < _IDLE:
        return f"{name} does not matter."
    if level:
        ends = sorted({round(math.log(2) * s, 6) for s in (low, high)})
        shown = " to ".join(short(s, 2) for s in ends)
        return f"Doubling {name} changes {target} by {shown}."
    factors = sorted({round(2.0**s, 9) for s in (low, high)})
    shown = " to ".join(short(f) for f in factors)
    if high - low < _CONSTANT:
        same = abs(low - round(low)) < _CONSTANT and low > 0
        words = {1: "doubles", 2: "quadruples"}.get(round(low)) if same else None
        if words:
            return f"Doubling {name} {words} {target}."
        if abs(low + 1) < _CONSTANT:
            return f"Doubling {name} halves {target}."
    return f"Doubling {name} multiplies {target} by {shown}."


def exponent_text(effect: Effect) -> str:
    """Exponent as a rational where it is one, else as a number or a range.

    Examples
    --------
    >>> exponent_text(Effect("U", "U", 1.75, 1.75, None, ""))
    '7/4'
    """
    if effect.high - effect.low >= _CONSTANT:
        ends = (round(end, _PLACES) + 0.0 for end in (effect.low, effect.high))
        return " to ".join(dict.fromkeys(short(end, 2) for end in ends))
    simple = equal_rational(effect.low, _SIMPLE, 1e-9)
    if simple is not None:
        return str(simple).replace("-", "−")
    return short(effect.low)


def reference_of(group: PiGroup) -> str | None:
    """Where a named group comes from."""
    if not group.known_as:
        return None
    name = group.known_as
    for candidate in (name, name.removeprefix("1/"), re.sub(r"\s*[\^²³⁻½¹⁄/].*$", "", name)):
        try:
            return named_number(candidate).reference
        except DimgsError:
            continue
    return None


def regime_sentences(runs: ReportRuns) -> list[tuple[str, str]]:
    """LaTeX of every regime's condition, and a sentence on the exponents inside."""
    out = []
    for regime in runs.report.regimes or ():
        powers = listed(
            f"{_name(runs, e['name'])} to the power {short(e['value'])}" + _between(e)
            for e in regime["exponents"]
            if not _idle(e)
        )
        what = f"the response goes as {powers}" if powers else "the response is constant"
        out.append((condition_latex(runs, regime["where"]), f"{regime['n']} runs: {what}."))
    return out


def _idle(e: Any) -> bool:
    return e["low"] is not None and e["high"] is not None and e["low"] <= 0 <= e["high"]


def _between(e: Any) -> str:
    if e["low"] is None or e["high"] is None:
        return ""
    return f" [{short(e['low'])}, {short(e['high'])}]"


def _name(runs: ReportRuns, name: str) -> str:
    group = runs.groups.get(name)
    unique = group is not None and group.symbol == runs.symbol(name)
    return (group.known_as if group is not None and unique else None) or name


def listed(parts: Iterable[str]) -> str:
    """Parts as "a, b and c"."""
    items = list(parts)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def spread_text(runs: ReportRuns) -> str:
    """Where a new run is expected, relative to the law."""
    law, level = runs.law, runs.report.level
    if not law.symbols:
        return ""
    # the runs themselves, not a mapping, in which "x [s]" would be x in seconds
    found = law.predict(runs.data, level=level)
    value, low, high = (np.asarray(getattr(x, "magnitude", x)) for x in found)
    if runs.is_log:
        up = float(np.median(high / value)) - 1.0
        down = 1.0 - float(np.median(low / value))
        if up < _ROUNDING:
            return "The law meets the runs to the precision of their numbers."
        if not up < _UNKNOWN:
            return "These runs do not determine how far from the law a new run may lie."
        size = f"−{short(100 * down, 2)} % to +{short(100 * up, 2)} %"
        if up < _EVEN:
            size = f"±{short(50 * (up + down), 2)} %"
    else:
        half = float(np.median(high - value))
        unit = "" if law.target_unit == "1" else f" {law.target_unit}"
        size = f"±{short(half, 2)}{unit}"
    return f"A new run inside the domain is expected within {size} of the law ({level:.0%})."


def title_of(report: Report) -> str:
    """Title of a report in plain text."""
    target = report.basis.target.name if report.basis.target else "the response"
    found = report.law is not None and headline(report) is None
    return f"A law for {target}" if found else f"In search of a law for {target}"
