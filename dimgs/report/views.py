"""Computed parts of a report: ranges, scores, candidates, columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dimgs.common.arrays import Array
from dimgs.fits.noise import rms
from dimgs.law.display import round_decimals
from dimgs.law.latex import expression_latex, symbol_latex
from dimgs.law.law import Law
from dimgs.report.findings import Findings
from dimgs.report.plain_text import PERFECT, column_of, column_ranges
from dimgs.report.report_runs import ReportRuns
from dimgs.report.verdict import in_table_unit, log_error
from dimgs.report.words import short
from dimgs.variables import shown_unit

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
        what = "" if group is None else known_as or str(group)
        column = column_of(law, name)
        if column is not None:
            low, high, unit = column_ranges(law)[column]
            known_as = what = f"{column} in {shown_unit(unit)}".removesuffix(" in 1")
        ranges.append(
            {
                "name": name,
                "symbol": symbol_latex(name) if runs is None else runs.symbol(name),
                "definition": "" if runs is None or group is None else runs.definition(group),
                "known_as": known_as,
                "what": what,
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
    return [
        *shown,
        ("typical error", error, unit, "of runs left out" if left_out else "in sample"),
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
    from dimgs.report.figures.other_laws import chosen_of, front_of

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
