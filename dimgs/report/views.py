"""Computed parts of a report: ranges, scores, candidates, columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from dimgs.common.arrays import Array
from dimgs.dataset.conversion import from_si
from dimgs.expression.candidate import Candidate
from dimgs.fits.noise import rms
from dimgs.law.exponents import round_decimals
from dimgs.law.latex import expression_latex, symbol_latex
from dimgs.law.law import Law
from dimgs.report.findings import Findings
from dimgs.report.plain_text import PERFECT
from dimgs.report.report_runs import ReportRuns
from dimgs.report.verdict import in_table_unit, log_error
from dimgs.report.words import short
from dimgs.variables import shown_unit

# ticks of a strip: more would run into one another
_TICKS = 150
# candidates whose points can still be distinguished and chosen
_MOST_CANDIDATES = 24


@dataclass(frozen=True)
class Strip:
    """Range of a group, with the runs as ticks in percent of it; formulas in LaTeX."""

    name: str
    symbol: str
    definition: str
    known_as: str
    what: str
    low: float
    high: float
    ticks: tuple[float, ...]


def strips(report: Findings, runs: ReportRuns | None) -> list[Strip]:
    """Range of every group of the law."""
    law, ranges = report.law, []
    for name, (low, high) in law.domain.groups.items() if law is not None else ():
        assert law is not None
        group = next((g for g in law.groups if g.name == name), None)
        ticks: tuple[float, ...] = ()
        if runs is not None and name in runs.values and high > low:
            ticks = _ticks(runs.values[name], low, high, log=group is not None and low > 0)
        known_as = (group.known_as or "") if group is not None else ""
        what = "" if group is None else known_as or str(group)
        symbol = symbol_latex(name) if runs is None else runs.symbol(name)
        defined = "" if runs is None or group is None else runs.definition(group)
        ranges.append(Strip(name, symbol, defined, known_as, what, low, high, ticks))
    return ranges


def _ticks(values: Array, low: float, high: float, *, log: bool) -> tuple[float, ...]:
    x = np.log(values / low) / np.log(high / low) if log else (values - low) / (high - low)
    places = sorted({round(99 * float(v) + 0.5, 1) for v in x})
    return tuple(places[:: max(1, len(places) // _TICKS)])


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


@dataclass(frozen=True)
class Tile:
    """A highlighted number, with its unit, its name and the runs that it refers to."""

    name: str
    value: str
    what: str
    unit: str = ""


def tiles_of(report: Findings) -> list[Tile]:
    """The scores that matter, those of runs left out first."""
    law = report.law
    assert law is not None
    s = law.scores
    shown = [Tile("R² of runs left out", score(s.cv_r2_log), f"on the {_scale(law)}")]
    if not report.errors_are_relative and report.left_out_r2 is not None:
        shown = [Tile("R² of runs left out", score(report.left_out_r2), f"on the {_ITSELF}")]
    elif s.cv_r2_log is None:
        shown = [Tile("R² in sample", score(s.r2), f"on the {_ITSELF}")]
    if s.holdout_r2_log is not None:
        what = f"on {s.holdout_n} runs kept aside"
        shown.append(Tile("R² held out", score(s.holdout_r2_log), what))
    contrasts = report.fit.independent_contrasts if report.fit else report.n_runs - 1
    runs = Tile("runs", str(report.n_runs), f"{contrasts} independent contrasts")
    return [*shown, _error(report, law), runs]


def _error(report: Findings, law: Law) -> Tile:
    measured, predicted, left_out = report.judged_on()
    what = "of runs left out" if left_out else "in sample"
    if not measured.size or measured.shape != predicted.shape:
        return Tile("typical error", "–", what)
    away = log_error(report)
    if away is not None:
        text = f"{short(100 * away, 2)} %" if away < 1 else f"× {short(float(np.exp(away)), 2)}"
        return Tile("typical error", text, what)
    size = rms(predicted - measured)
    if report.noise is not None and not report.errors_are_relative:
        error = in_table_unit(law.target, size)
        return Tile("typical error", short(error, 2), what, shown_unit(law.target.unit.text))
    return Tile("typical error", short(size, 2), what, law.target_unit)


@dataclass(frozen=True)
class ColumnRange:
    """A column of the table with its range, in its own unit; no symbol for labels."""

    name: str
    symbol: str
    unit: str
    low: float | str
    high: float | str


def columns(report: Findings) -> list[ColumnRange]:
    """Columns of the table, in its units."""
    ranges, data = [], report.data
    for v in data.variables if data is not None else ():
        assert data is not None
        if v.is_label:
            count = len(set(data[v.name]))
            ranges.append(ColumnRange(v.name, "", "label", f"{count} labels", ""))
            continue
        x = from_si(np.asarray(data[v.name], dtype=np.float64), v.unit)
        ends = float(np.min(x)), float(np.max(x))
        ranges.append(ColumnRange(v.name, symbol_latex(v.name, v.kind), v.unit.text, *ends))
    return ranges


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


@dataclass(frozen=True)
class ChartPoint:
    """A candidate in the chart: its place in percent, its formula, and whether it is the law."""

    candidate: Candidate
    k: int
    x: float
    y: float
    in_front: bool
    is_law: bool
    latex: str


@dataclass(frozen=True)
class Chart:
    """Error against complexity of the candidates; `line` is an SVG path along the front."""

    shown: tuple[ChartPoint, ...]
    line: str
    first: int
    has_law: bool


def chart(report: Findings, runs: ReportRuns | None) -> Chart | None:
    """Chart of the candidates; None where there are none."""
    from dimgs.report.figures.candidates import chosen_of, front_of

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
    formulas = (candidate_latex(c, runs, report.unlogged) for c in shown)
    points = tuple(
        ChartPoint(c, k + 1, across[k], up[k], id(c) in front, law == k, formula)
        for k, (c, formula) in enumerate(zip(shown, formulas, strict=True))
    )
    at = {id(p.candidate): p for p in points}
    steps = [at[each] for each in front]
    start = f"M{steps[0].x:.1f} {100 - steps[0].y:.1f}"
    line = start + "".join(f"H{p.x:.1f}V{100 - p.y:.1f}" for p in steps[1:])
    first = law + 1 if law is not None and law < len(shown) else 1
    return Chart(points, line, first, law is not None)


def _percent(values: Array) -> list[float]:
    span = float(np.ptp(values))
    if span == 0.0:
        return [50.0] * len(values)
    return [float(6 + 88 * v) for v in (values - values.min()) / span]


def candidate_latex(
    candidate: Candidate, runs: ReportRuns | None, unlogged: Mapping[str, str]
) -> str:
    """LaTeX of a candidate, groups by their symbols."""
    renamed: Any = candidate.expression.xreplace(
        {sympy.Symbol(k): sympy.Symbol(v) for k, v in unlogged.items()}
    )
    names = {}
    for symbol in renamed.free_symbols:
        name = str(symbol)
        in_law = runs is not None and (name in runs.groups or name in runs.law.symbols)
        names[name] = runs.symbol(name) if runs is not None and in_law else symbol_latex(name)
    left = runs.response_symbol if runs is not None else "\\pi_{0}"
    return f"{left} = {expression_latex(round_decimals(renamed, {}), names)}"
