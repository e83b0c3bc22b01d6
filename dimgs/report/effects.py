"""Effects of inputs on the target: exponents, or zeros, extrema and limits."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import optimize

from dimgs.common.arrays import Array
from dimgs.fits.estimate import Exponent
from dimgs.law.latex import symbol_latex
from dimgs.law.law import Law
from dimgs.report.report_runs import ReportRuns
from dimgs.report.words import listed, rational_text, short, unit_text
from dimgs.variables import Variable

Line = Callable[[Array], Array]

# elasticities that differ by less are one exponent, but for rounding
_CONSTANT = 1e-6
# an elasticity that is zero but for rounding
_IDLE = 1e-9
# largest denominator that reads as an exponent (1/12) and not as a decimal number
_SIMPLE = 12
# digits of an exponent that changes from run to run
_DIGITS = 3
# places along an input: between two of them, a zero or an extremum is looked for
_PLACES = 400
# zeros or turns that a reader still follows; a law with more oscillates
_MOST_TURNS = 4
# how far beyond the runs a limit is looked for, as powers of ten, and by how much a value may still
# change from one to the next, relatively, where it is reached
_BEYOND, _REACHED = (6.0, 9.0), 1e-2


@dataclass(frozen=True)
class Effect:
    """Effect of an input on the target.

    Attributes
    ----------
    column : str
    symbol : str
        LaTeX.
    low, high : float
        Range over the runs of the local exponent (of the ratio behind a level); NaN where the law
        changes its sign, so that it has none.
    fitted : Exponent or None
        Exponent before snapping, where the law is a power law of it.
    text : str
        Sentence on doubling the input, or on what the law does along it.
    """

    column: str
    symbol: str
    low: float
    high: float
    fitted: Exponent | None
    text: str


def effects(runs: ReportRuns) -> list[Effect]:
    """Effects of all inputs, the largest exponent first."""
    law = runs.law
    if changes_sign(runs):
        inputs = [v for v in law.shown.symbols.values() if np.ptp(runs.inputs.values[v.name]) > 0]
        nan = math.nan
        return [
            Effect(v.name, symbol_latex(v.name, v.kind), nan, nan, None, text)
            for v in inputs
            if (text := behaviour(runs, v))
        ]
    exponents = {e.name: e for e in runs.report.exponents}
    with np.errstate(all="ignore"):
        slopes = law.elasticities(runs.data) if law.symbols else {}
    target, effects = law.target, []
    # a level is a logarithm, of another base and sign: its exponent is that of the ratio behind it
    of_ratio = target.unit.log_factor if target.is_level else 1.0
    for variable in law.shown.symbols.values():
        x = runs.inputs.values[variable.name]
        local = np.broadcast_to(slopes[variable.name], (runs.n,))
        local = local[np.isfinite(local)]
        logged = bool(np.all(x > 0)) and not variable.is_level
        if local.size == 0 or not logged:
            continue
        # the bulk: a point where the law vanishes has an exponent without bound
        low, high = (float(q) for q in np.quantile(local, [0.02, 0.98]))
        text = _doubling(variable.name, target, low, high)
        symbol = symbol_latex(variable.name, variable.kind)
        fitted = exponents.get(variable.name) if high - low < _CONSTANT else None
        ends = sorted((low * of_ratio, high * of_ratio))
        effects.append(Effect(variable.name, symbol, ends[0], ends[1], fitted, text))
    return sorted(effects, key=lambda e: -max(abs(e.low), abs(e.high)))


def _doubling(name: str, target: Variable, low: float, high: float) -> str:
    if max(abs(low), abs(high)) < _IDLE:
        return f"{name} does not matter."
    if target.is_level:
        ends = sorted({round(math.log(2) * s, 6) for s in (low, high)})
        shown = " to ".join(short(s, 2) for s in ends)
        return f"Doubling {name} changes {target.name} by {shown} {unit_text(target.unit.text)}."
    factors = sorted({round(2.0**s, 9) for s in (low, high)})
    shown = " to ".join(short(f) for f in factors)
    if high - low < _CONSTANT and abs(low - round(low)) < _CONSTANT:
        verb = {1: "doubles", 2: "quadruples", -1: "halves"}.get(round(low))
        if verb is not None:
            return f"Doubling {name} {verb} {target.name}."
    return f"Doubling {name} multiplies {target.name} by {shown}."


def exponent_text(effect: Effect) -> str:
    """Exponent as a rational where it is one, else as a number or a range.

    Examples
    --------
    >>> exponent_text(Effect("U", "U", 1.75, 1.75, None, ""))
    '7/4'
    """
    if math.isnan(effect.low):
        return "none"
    if effect.high - effect.low >= _CONSTANT:
        ends = (round(end, _DIGITS) + 0.0 for end in (effect.low, effect.high))
        return " to ".join(dict.fromkeys(short(end, 2) for end in ends))
    return rational_text(effect.low, _SIMPLE, 1e-9)


def changes_sign(runs: ReportRuns) -> bool:
    """Whether the law is zero somewhere among the runs, so that no exponent describes it.

    Parameters
    ----------
    runs : ReportRuns
    """
    if runs.law.target.is_level:
        return False
    values = runs.fitted() * runs.factor
    values = values[np.isfinite(values)]
    return bool((np.any(values > 0) and np.any(values <= 0)) or np.any(values < 0))


def behaviour(runs: ReportRuns, variable: Variable) -> str:
    """Behaviour of the law along one input, the others at their medians; empty if constant.

    Parameters
    ----------
    runs : ReportRuns
    variable : Variable
        An input of the law.
    """
    law, x = runs.law, runs.inputs.values[variable.name]
    low, high = float(np.min(x)), float(np.max(x))
    line = _line(runs, variable)
    places = np.linspace(low, high, _PLACES)
    values = line(places)
    if not np.all(np.isfinite(values)):
        return ""
    turns, zeros = _extrema(line, places, values), _zeros(line, places, values)
    if max(len(turns), len(zeros)) > _MOST_TURNS:
        sentences = [f"{law.target.name} oscillates along {variable.name}, with {len(zeros)} zeros"]
    else:
        sentences = [_course(law.target, variable, line, [low, *turns, high])]
        if zeros:
            where = listed(_at(variable, zero) for zero in zeros)
            sentences.append(f"It is zero at {variable.name} = {where}")
    limits = listed(_limits(law, variable, line, low, high))
    return f"{'. '.join([*sentences, f'It goes {limits}'] if limits else sentences)}."


def _line(runs: ReportRuns, variable: Variable) -> Line:
    law = runs.law
    middle = {v.name: float(np.median(runs.inputs.values[v.name])) for v in law.symbols.values()}

    def line(at: Array) -> Array:
        held = {name: np.full(at.shape, value) for name, value in middle.items()}
        with np.errstate(all="ignore"):
            return law.predict_si({**held, variable.name: at})

    return line


def _extrema(line: Line, places: Array, values: Array) -> list[float]:
    """Interior extrema of the law."""
    rises = np.diff(values) > 0
    extrema = []
    for k in np.flatnonzero(rises[1:] != rises[:-1]):
        sign = -1.0 if rises[k] else 1.0
        ends = float(places[k]), float(places[k + 2])
        extremum = optimize.minimize_scalar(
            lambda x, s=sign: s * float(line(np.array([x]))[0]), bounds=ends, method="bounded"
        )
        extrema.append(float(extremum.x))
    return extrema


def _zeros(line: Line, places: Array, values: Array) -> list[float]:
    zeros = [float(x) for x in places[values == 0]]
    for k in np.flatnonzero(values[1:] * values[:-1] < 0):
        ends = float(places[k]), float(places[k + 1])
        zeros.append(float(optimize.brentq(lambda x: float(line(np.array([x]))[0]), *ends)))
    return sorted(zeros)


def _course(target: Variable, variable: Variable, line: Line, places: list[float]) -> str:
    """Course of the law from one end through its extrema to the other, in words."""
    values = line(np.array(places)).tolist()
    text = f"With the other inputs at their medians, {target.name} "
    for k, ((y, z), (start, end)) in enumerate(
        zip(pairwise(values), pairwise(places), strict=True)
    ):
        first = f" from {_at(target, y)} at {_at(variable, start)}" if k == 0 else ""
        verb = "rises" if z > y else "falls"
        text += f"{', then ' if k else ''}{verb}{first} to {_at(target, z)} at {_at(variable, end)}"
    return text


def _limits(law: Law, variable: Variable, line: Line, low: float, high: float) -> Iterator[str]:
    """Limits of the law beyond the runs, in words."""
    size = float(np.max(np.abs(line(np.array([low, high])))))
    ends = [("0", low, -1.0)] if low > 0 else []
    for name, end, sign in [*ends, *([("infinity", high, 1.0)] if high > 0 else [])]:
        near, far = line(end * 10.0 ** (sign * np.array(_BEYOND)))
        if not (math.isfinite(near) and math.isfinite(far)):
            continue
        if abs(far) < _REACHED * abs(near) and abs(near) < size:
            to = "0"
        elif abs(far - near) <= _REACHED * abs(far):
            to = _at(law.target, float(far))
        elif abs(far) > abs(near) / _REACHED:
            to = short(math.copysign(math.inf, far))
        else:
            continue
        yield f"to {to} as {variable.name} goes to {name}"


def _at(variable: Variable, value: float) -> str:
    """A value in the unit of the table."""
    shown = variable.unit.from_si(value)
    unit = unit_text(variable.unit.text)
    return short(shown) if unit in ("", "1") else f"{short(shown)} {unit}"
