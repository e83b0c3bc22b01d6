"""A report as a page, as a card for notebooks, as Markdown and as LaTeX, and their parts."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from scipy import optimize

from dimgs.common.arrays import Array
from dimgs.common.escape import markdown, markdown_code, visible
from dimgs.engines.registry import entries
from dimgs.fits.estimate import Exponent
from dimgs.fits.noise import rms
from dimgs.law import display, latex
from dimgs.law.display import round_decimals
from dimgs.law.export import constant_equations, group_definitions, law_symbol_table
from dimgs.law.latex import expression_latex, symbol_latex
from dimgs.law.law import Law
from dimgs.law.prediction import without_scales
from dimgs.report import figures, plain_text, words
from dimgs.report.figures.laws import chosen_of, front_of
from dimgs.report.figures.style import inline_svg
from dimgs.report.findings import Findings, ReportRuns, beyond_rounding
from dimgs.report.plain_text import PERFECT, column_of, column_ranges
from dimgs.report.words import (
    in_table_unit,
    listed,
    log_error,
    rational_text,
    runs_left_out,
    short,
    unit_text,
)
from dimgs.variables import Variable, shown_unit

if TYPE_CHECKING:
    from jinja2 import Environment


# ---- Computed parts of a report: ranges, scores, candidates, columns.


# ticks of a strip: more would run into one another
_TICKS = 150
# candidates whose points can still be distinguished and chosen
_MOST_CANDIDATES = 24


def strips(report: Findings, runs: ReportRuns | None) -> list[dict[str, Any]]:
    """Range of every group of the law, with the runs as ticks in percent; formulas in LaTeX."""
    law, ranges = report.law, []
    if law is None:
        return []
    for name, (low, high) in law.domain.groups.items():
        group = next((g for g in law.groups if g.name == name), None)
        places: list[float] = []
        if runs is not None and name in runs.values and high > low:
            x = runs.values[name]
            log = group is not None and low > 0
            x = np.log(x / low) / np.log(high / low) if log else (x - low) / (high - low)
            places = sorted({round(99 * float(v) + 0.5, 1) for v in x})
        known_as = (group.known_as or "") if group is not None else ""
        shown, unit = (None, "1") if group is None else without_scales(law, group)
        what = known_as or f"{shown or ''} in {shown_unit(unit)}"
        column = column_of(law, name)
        if column is not None:
            low, high, unit = column_ranges(law)[column]
            known_as = what = f"{column} in {shown_unit(unit)}"
        ranges.append(
            {
                "name": name,
                "symbol": symbol_latex(name) if runs is None else runs.symbol(name),
                "definition": "" if runs is None or shown is None else runs.definition(shown),
                "known_as": known_as.removesuffix(" in 1"),
                "what": what.removesuffix(" in 1"),
                "low": low,
                "high": high,
                "ticks": places[:: max(1, len(places) // _TICKS)],
            }
        )
    return ranges


def score(value: float | None) -> str:
    """A coefficient of determination in four digits, never rounded up to one.

    Examples
    --------
    >>> score(0.99999), score(-0.5), score(None)
    ('> 0.9999', '−0.5', '–')
    """
    if value is None:
        return "–"
    return "> 0.9999" if value > PERFECT else f"{value:.4g}".replace("-", "−")


_ITSELF = "target itself"


def _scale(law: Law) -> str:
    return _ITSELF if law.target.is_level else "logarithm of the target"


def scores(report: Findings) -> list[tuple[str, float | None]]:
    """Scores with the runs that they refer to, held-out runs first."""
    law = report.law
    if law is None:
        return []
    s, scale = law.scores, _scale(law)
    rows = [(f"runs left out, {scale}", s.cv_r2_log)]
    if not report.errors_are_relative and scale != _ITSELF:
        rows.insert(0, (f"runs left out, {_ITSELF}", report.left_out_r2))
    if s.holdout_r2_log is not None:
        rows.append((f"{s.holdout_n} runs held out, {scale}", s.holdout_r2_log))
    rows += [(f"in sample, {scale}", s.r2_log), (f"in sample, {_ITSELF}", s.r2)]
    if report.fit is not None and not report.is_power_law:
        rows.append(("power law, runs left out", report.fit.scores.cv_r2_log))
    return rows


def tiles_of(report: Findings) -> list[tuple[str, str, str, str]]:
    """The scores that matter, those of runs left out first: name, value, unit and what it is of."""
    law = report.law
    assert law is not None
    s, name, value, on = law.scores, "R² of runs left out", law.scores.cv_r2_log, _scale(law)
    if not report.errors_are_relative and report.left_out_r2 is not None:
        value, on = report.left_out_r2, _ITSELF
    elif value is None:
        name, value, on = "R² in sample", s.r2, _ITSELF
    shown = [(name, score(value), "", f"on the {on}")]
    if s.holdout_r2_log is not None:
        what = f"on {s.holdout_n} runs kept aside"
        shown.append(("R² held out", score(s.holdout_r2_log), "", what))
    contrasts = report.fit.independent_contrasts if report.fit else report.n_runs - 1
    measured, predicted, left_out = report.judged_on()
    error, unit = "–", ""
    if measured.size and measured.shape == predicted.shape:
        away, size = log_error(report, measured, predicted), rms(predicted - measured)
        if away is not None:
            error = (
                f"{short(100 * away, 2)} %" if away < 1 else f"× {short(float(np.exp(away)), 2)}"
            )
        elif report.noise is not None and not report.errors_are_relative:
            error = short(in_table_unit(law.target, size), 2)
            unit = shown_unit(law.target.unit.text)
        else:
            error, unit = short(size, 2), law.target_unit
    name, of = "rms residual", "of the fitted runs"
    if left_out:
        name, of = "prediction error", f"of {runs_left_out(report.left_out_by)}"
    return [
        *shown,
        (name, error, unit, of),
        ("runs", str(report.n_runs), "", f"{contrasts} independent contrasts"),
    ]


def columns(report: Findings) -> list[dict[str, Any]]:
    """Columns of the table with their ranges, in its units; no symbol for labels."""
    data, keys = report.data, ("name", "symbol", "unit", "low", "high")
    rows: list[tuple[Any, ...]] = []
    for v, values in () if data is None else [(v, data[v.name]) for v in data.variables]:
        if v.is_label:
            rows.append((v.name, "", "label", f"{len(set(values))} labels", ""))
        else:
            x = v.unit.from_si(np.asarray(values, dtype=np.float64))
            ends = float(np.min(x)), float(np.max(x))
            rows.append((v.name, symbol_latex(v.name, v.kind), v.unit.text, *ends))
    return [dict(zip(keys, row, strict=True)) for row in rows]


def facts(report: Findings, provenance: Mapping[str, str]) -> dict[str, str]:
    """Provenance of the report, as names and texts."""
    return {
        "table": report.source,
        "runs": str(report.n_runs),
        "engine": report.engine,
        "outcome": report.outcome,
        "level of the intervals": f"{report.level:.0%}",
        **{k.replace("_", " "): v for k, v in provenance.items()},
    }


def chart(report: Findings, runs: ReportRuns | None) -> dict[str, Any] | None:
    """Chart of error against complexity of the candidates; None where there are none.

    The points are at places in percent, and `line` is an SVG path along the front.
    """
    shown = report.candidates[:_MOST_CANDIDATES]
    if not shown:
        return None
    losses = np.array([c.loss for c in shown], dtype=np.float64)
    positive = losses[np.isfinite(losses) & (losses > 0)]
    floor = float(positive.min()) if positive.size else 1.0
    up = _percent(np.log(np.clip(np.where(np.isfinite(losses), losses, floor), floor, None)))
    across = _percent(np.array([c.complexity for c in shown], dtype=np.float64))
    front = [id(c) for c in front_of(shown)]
    law = chosen_of(report)
    points = [
        {
            "candidate": c,
            "k": k + 1,
            "x": across[k],
            "y": up[k],
            "in_front": id(c) in front,
            "is_law": law == k,
            "latex": candidate_latex(report.expression_of(c), runs),
        }
        for k, c in enumerate(shown)
    ]
    at = {id(c): (across[k], 100 - up[k]) for k, c in enumerate(shown)}
    (x, y), *steps = [at[each] for each in front]
    return {
        "shown": points,
        "line": f"M{x:.1f} {y:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in steps),
        "first": law + 1 if law is not None and law < len(shown) else 1,
        "has_law": law is not None,
    }


def _percent(values: Array) -> list[float]:
    span = float(np.ptp(values))
    if span == 0.0:
        return [50.0] * len(values)
    return [float(6 + 88 * v) for v in (values - values.min()) / span]


def candidate_latex(expression: Any, runs: ReportRuns | None) -> str:
    """LaTeX of the expression of a candidate, groups by their symbols."""
    names, left = {}, "\\pi_{0}"
    if runs is not None:
        names = {name: runs.symbol(name) for name in (*runs.groups, *runs.law.symbols)}
        left = runs.response_symbol
    return f"{left} = {expression_latex(round_decimals(expression, {}), names)}"


# ---- Effects of inputs on the target: exponents, or zeros, extrema and limits.


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


# ---- Works behind the methods that a report used, as BibTeX.


@dataclass(frozen=True)
class Work:
    """A work, and when a report rests on it.

    Attributes
    ----------
    key : str
        Of its entry in methods.bib.
    serves : str
        What it is cited for, in words that follow "for".
    when : callable
        Whether a report rests on it.
    """

    key: str
    serves: str
    when: Callable[[Findings], bool] = lambda _: True

    def bibtex(self) -> str:
        """Entry of a bibliography."""
        return _entries()[self.key]


@cache
def _entries() -> dict[str, str]:
    text = files("dimgs.report").joinpath("methods.bib").read_text(encoding="utf-8")
    entries = [f"{part.strip()}\n" for part in text.split("\n\n")]
    return {entry[entry.index("{") + 1 : entry.index(",")]: entry for entry in entries}


def _fitted(report: Findings) -> bool:
    return report.fit is not None and bool(report.fit.exponents or report.fit.variable_exponents)


def _snapped(report: Findings) -> bool:
    return any(e.rational is not None for e in report.exponents)


def _asked(option: str) -> Callable[[Findings], bool]:
    return lambda report: option in report.provenance.get("options", "")


def _rests_on(key: str) -> Callable[[Findings], bool]:
    """Whether an engine that rests on the work found the law."""
    return lambda report: any(
        key in entry.cites for name, entry in entries().items() if name in report.engine
    )


def _with_varying_exponents(report: Findings) -> bool:
    """Whether a power in the law has a group in its exponent."""
    if report.law is None:
        return False
    groups = {group.name for group in report.law.groups}
    powers = report.law.response_form.expression.atoms(sympy.Pow)
    return any(groups & {s.name for s in power.exp.free_symbols} for power in powers)


def _has(part: str) -> Callable[[Findings], bool]:
    return lambda report: bool(report.fit is not None and getattr(report.fit, part))


WORKS: tuple[Work, ...] = (
    Work("buckingham1914", "the groups"),
    Work("lenstra1982", "the reduced basis", lambda report: len(report.basis.groups) > 1),
    Work("bell2002", "the intervals by runs", _fitted),
    Work("satterthwaite1946", "the intervals of new runs", lambda r: r.law is not None),
    Work("greene2012", "the test of the rational exponents", _snapped),
    Work("jaeckel1972", "the fit by ranks", _asked("robust")),
    Work("hodges1963", "the prefactor by ranks", _asked("robust")),
    Work("york2004", "errors in the inputs", attrgetter("errors_by_slopes")),
    Work("barker1974", "errors in the inputs", attrgetter("errors_by_slopes")),
    Work("hansen2000", "the borders of the regimes", _has("regimes")),
    Work("churchill1972", "the smooth crossover", _has("crossover")),
    Work("cleveland1988", "the local exponents", _has("local")),
    Work("ravikumar2009", "the sum of smooth functions", _has("additive")),
    Work("hastie1993", "exponents that are functions of the groups", _with_varying_exponents),
    Work("rissanen1978", "the choice among the candidates", lambda r: len(r.candidates) > 1),
    Work("cranmer2023", "the search for closed forms", _rests_on("cranmer2023")),
    Work("burlacu2020", "the search for closed forms", _rests_on("burlacu2020")),
    Work("meurer2017", "the algebra of the law", lambda report: report.law is not None),
)


def works_of(report: Findings) -> list[Work]:
    """Works that a report rests on, in a fixed order."""
    return [work for work in WORKS if work.when(report)]


def bibliography(report: Findings) -> str:
    """BibTeX file of the methods that a report used."""
    return "\n".join(work.bibtex() for work in works_of(report))


# ---- A report as a page, as a card for notebooks, as Markdown and as LaTeX, from templates.
#
# What a template writes is escaped for its language, except what a filter made in that language.


# what takes no place of its own in a formula, and from how many signs on one is wide
_SILENT = re.compile(r"\\[A-Za-z]+|\\.|[{}^_\s]")
_WIDE = ((" wider", 120), (" wide", 60))
_LEAD = ("regimes", "collapse")


class Raw(str):
    """Text that is in the language of its template already."""

    __slots__ = ()


def _template(name: str) -> str:
    return files("dimgs.report").joinpath("templates", name).read_text(encoding="utf-8")


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _environment(**options: Any) -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_template),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        **options,
    )
    # what templates call
    environment.globals |= {"words": words, "plain_text": plain_text, "display": display}
    environment.globals |= {"tiles_of": tiles_of, "exponent_text": exponent_text}
    environment.globals["works_of"] = works_of
    environment.filters |= {
        "symbol": latex.symbol_latex,
        "upperfirst": lambda x: x[:1].upper() + x[1:],
    }
    environment.tests["finite"] = _is_finite
    return environment


@cache
def html_templates() -> "Environment":
    """Templates of pages, in which every text is escaped."""
    from markupsafe import Markup

    def visible_value(value: Any) -> Any:
        is_text = isinstance(value, str) and not isinstance(value, Markup)
        return visible(value, "\n\t") if is_text else value

    environment = _environment(autoescape=True, finalize=visible_value)
    environment.filters |= {
        "math": lambda x: Markup(latex.mathml(x)),
        "display": lambda x: Markup(latex.mathml(x, display=True)),
        "number": lambda x, digits=4: words.short(x, digits) if _is_finite(x) else "–",
        "score": score,
        "unit": words.unit_text,
        "width": _width,
        "file": lambda name: Markup(_template(name)),
        "svg": lambda drawing: Markup(inline_svg(drawing)),
    }
    return environment


@cache
def _escaped(language: str) -> "Environment":
    """Templates whose every text is escaped, in LaTeX or Markdown."""
    write: Callable[[str], str] = latex.text_latex if language == "tex" else markdown

    def escape(value: Any) -> Any:
        if isinstance(value, int | float) or type(value) is Raw:
            return value
        return Raw(write(str(value)))

    marks = {} if language == "md" else _TEX_MARKS
    environment = _environment(autoescape=False, finalize=escape, **marks)
    number = plain_text.number if language == "md" else lambda x: f"${latex.number_latex(x)}$"
    environment.filters |= {
        "raw": Raw,
        "math": lambda x: Raw(f"${x}$"),
        "display": lambda x: Raw(f"$${x}$$"),
        # a bar would end the cell of a table
        "cell": lambda x: Raw(f"${x}$".replace("|", r"\|")),
        "number": lambda *x: Raw(number(*x)),
        "score": lambda x: Raw(score(x)),
        "unit": shown_unit,
        "bare": lambda x: Raw(latex.number_latex(x)),
        "code": lambda x: Raw(markdown_code(x)),
    }
    return environment


_TEX_MARKS = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}


def _width(formula: str) -> str:
    """Class of a formula that is set smaller on paper."""
    signs = len(_SILENT.sub("", formula))
    return next((name for name, most in _WIDE if signs > most), "")


def _runs(report: Findings) -> ReportRuns | None:
    return ReportRuns.of(report) if report.law is not None and report.data is not None else None


def _content(report: Findings) -> dict[str, Any]:
    """Content common to all forms of a report."""
    runs, law = _runs(report), report.law
    groups = () if law is None else (law.response, *law.groups)
    return {
        "report": report,
        "runs": runs,
        "strips": strips(report, runs),
        "scores": scores(report),
        "effects": [] if runs is None else effects(runs),
        "groups": [] if law is None else list(zip(groups, group_definitions(law), strict=True)),
        "regimes": [] if runs is None else words.regime_sentences(runs),
        "level": f"{report.level:.0%}",
    }


def page_content(report: Findings, drawings: list[figures.Drawing]) -> dict[str, Any]:
    """Content of the page of a report, by the names in its template."""
    first = ("curve",) if report.leads_with_curve else ()
    lead = next((d for name in (*first, *_LEAD) for d in drawings if d.name == name), None)
    content = _content(report)
    law, provenance = report.law, dict(report.provenance)
    used = set() if law is None else {str(s) for s in law.pi_expression.free_symbols}
    return content | {
        "lead": lead if law is not None else None,
        "drawings": [d for d in drawings if d is not lead and d.name != "candidates"],
        "inputs": [v.name for v in report.basis.variables if v.role == "data"],
        "pi_form": law is not None and any(g.name in used for g in law.groups),
        "chart": chart(report, content["runs"]),
        "columns": columns(report),
        "command": provenance.pop("command", None),
        "facts": facts(report, provenance),
    }


def report_html(report: Findings, drawings: list[figures.Drawing] | None = None) -> str:
    """One page without any network, in the order in which a scientist asks.

    The law, where it holds, how well, what it means; then figures, candidates, the data and
    where everything comes from.

    Parameters
    ----------
    report : Report
    drawings : list of Drawing, optional
        Those of :func:`dimgs.report.figures.draw_figures`, where they are at hand.

    Returns
    -------
    str
    """
    if drawings is None:
        drawings = figures.draw_figures(report)
    page = html_templates().get_template("page.html")
    return page.render(page_content(report, drawings)) + "\n"


def report_card(report: Findings) -> str:
    """Law, constants, scores and the collapse as one element, which styles nothing but itself.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
    """
    drawing = None
    if _runs(report) is not None:
        axes = figures.new_axes()
        figures.collapse(report, axes)
        drawing = figures.Drawing.of("collapse", axes, "Collapse of the runs")
    return html_templates().get_template("card.html").render(report=report, figure=drawing)


def report_markdown(report: Findings, figures: Sequence[tuple[str, str, str]] = ()) -> str:
    r"""A report as Markdown with formulas between dollar signs.

    Parameters
    ----------
    report : Report
    figures : sequence of (title, path, caption)
        Figures to show, by paths relative to the file.

    Returns
    -------
    str

    Examples
    --------
    >>> import dimgs
    >>> data = dimgs.Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]})
    >>> report = dimgs.discover(data, "T", constants=["g"], engine="power_law")
    >>> print(report_markdown(report).split("## ")[1].strip())
    The law
    <BLANKLINE>
    **NOT CONFIRMED; best law, error 0.021 % on runs left out:**
    <BLANKLINE>
    $$T = C \, \sqrt{\frac{L}{g}}$$
    <BLANKLINE>
    - C = 6.2816 [6.2803, 6.283], fitted
    - g = 9.8066 m/s^2, physical
    <BLANKLINE>
    Posterior: 98 % this law, \< 1 % other laws, 2 % none of them.
    <BLANKLINE>
    Not confirmed. No end of the runs could be left out, so predictions beyond them are ...
    """
    text = _escaped("md").get_template("report.md").render(_content(report), figures=figures)
    return re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"


def fragments(report: Findings) -> dict[str, str]:
    r"""Parts of a study by the names of their files, each to be read with ``\input``.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict of str to str
        They need amsmath and siunitx.

    Examples
    --------
    >>> import dimgs
    >>> data = dimgs.Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]})
    >>> report = dimgs.discover(data, "T", constants=["g"], engine="power_law")
    >>> sorted(fragments(report))
    ['constants', 'exponents', 'groups', 'law', 'law_pi', 'methods', 'scores', 'symbols']
    """
    law, tex = report.law, _escaped("tex")
    texts = {"methods": tex.get_template("methods.tex").render(report=report)}
    if law is None:
        return texts
    texts |= {
        "law": latex.equation(law.latex()),
        "law_pi": latex.equation(law.latex("pi")),
        "constants": latex.gathered(constant_equations(law)),
        "groups": latex.gathered(group_definitions(law)),
        "symbols": law_symbol_table(law),
        "scores": tex.get_template("scores.tex").render(law=law, runs=_runs(report)).strip(),
    }
    if report.exponents:
        level = f"{100 * report.level:g} %"
        table = tex.get_template("exponents.tex")
        shown = map(beyond_rounding, report.exponents)
        texts["exponents"] = table.render(exponents=shown, level=level).strip()
    return {name: text for name, text in texts.items() if text}


def report_latex(report: Findings, figures: Sequence[tuple[str, str]] = ()) -> str:
    r"""The whole study as a document that reads its fragments from the folder ``tex``.

    Parameters
    ----------
    report : Report
    figures : sequence of (name, caption)
        Figures in the folder ``figures``.

    Returns
    -------
    str
        Compiles with pdflatex; BibTeX adds the references.
    """
    study = _escaped("tex").get_template("study.tex")
    text = study.render(_content(report), parts=fragments(report), figures=figures)
    return re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"
