"""Where the law holds, how well, and what it means."""

import numpy as np
from numpy.typing import NDArray

from dimgs.escape import html as escape
from dimgs.latex import symbol_latex
from dimgs.law.law import Law
from dimgs.report.html.parts import details, inline, interval, number, section, table, unit
from dimgs.report.results import Report
from dimgs.report.runs import Runs
from dimgs.report.verdict import headline
from dimgs.report.words import (
    effects,
    exponent_text,
    reference_of,
    regime_sentences,
    short,
    spread_text,
)

_TICKS = 150
_PERFECT = 0.99995


def holds_section(report: Report, runs: Runs | None) -> str:
    """Range of every group, with the runs as ticks."""
    law = report.law
    if law is None or not law.domain.groups:
        body = "<p>No group is free: the law is one constant times a monomial of its inputs.</p>"
    else:
        rows = "".join(_strip(report, runs, name) for name in law.domain.groups)
        body = (
            f'<ul class="strips">{rows}</ul><p class="aside">A row is outside where a group leaves '
            "its range, or where a combination of groups was never seen. Groups decide, not "
            "columns: a model test predicts its prototype.</p>"
        )
    if law is not None:
        ranges = table(
            "In SI units; they inform, and decide nothing",
            ["column", "from", "to", "unit"],
            [
                [escape(name), number(low), number(high), unit(text) or "1"]
                for name, (low, high, text) in law.domain.columns.items()
            ],
            numeric=(1, 2),
        )
        body += details("Ranges of the columns", ranges)
    title = "Where it holds" if headline(report) is None else "Where the runs lie"
    return section("holds", title, body)


def _strip(report: Report, runs: Runs | None, name: str) -> str:
    law = report.law
    assert law is not None
    low, high = law.domain.groups[name]
    group = next((g for g in law.groups if g.name == name), None)
    known = group.known_as if group is not None and group.known_as else ""
    if runs is not None:
        symbol = inline(runs.symbol(name))
        defined = f" = {inline(runs.definition(group))}" if group is not None else ""
    else:
        symbol, defined = inline(symbol_latex(name)), ""
    ticks = ""
    if runs is not None and name in runs.values and high > low:
        ticks = _ticks(runs.values[name], low, high, log=group is not None and low > 0)
    label = f"{known or name}: from {short(low)} to {short(high)}"
    return (
        f'<li><div class="what">{symbol}{defined} <span class="known">{escape(known)}</span></div>'
        f'<svg class="rug" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}"><line class="base" x1="0" x2="100" y1="9.5" y2="9.5"/>'
        f'{ticks}</svg><div class="ends"><span>{number(low)}</span><span>{number(high)}</span>'
        "</div></li>"
    )


def _ticks(values: NDArray[np.float64], low: float, high: float, *, log: bool) -> str:
    x = np.log(values / low) / np.log(high / low) if log else (values - low) / (high - low)
    places = sorted({round(99 * float(v) + 0.5, 1) for v in x})
    step = max(1, len(places) // _TICKS)
    return "".join(f'<line x1="{v}" x2="{v}" y1="1" y2="9"/>' for v in places[::step])


def _score(value: float | None) -> str:
    if value is None:
        return "–"
    return "&gt; 0.9999" if value > _PERFECT else escape(f"{value:.4g}".replace("-", "−"))


def _scale(law: Law) -> str:
    return "target itself" if law.target.is_level else "logarithm of the target"


def tiles(report: Report) -> str:
    """Scores as terms and their values, those of runs left out first."""
    law = report.law
    assert law is not None
    s = law.scores
    shown = [
        (_score(s.cv_r2_log), "R² of runs left out", f"on the {_scale(law)}"),
        (_error(report), "typical error", "of runs left out" if report.left_out else "in sample"),
    ]
    if s.holdout_r2_log is not None:
        what = f"on {s.holdout_n} runs kept aside"
        shown.insert(1, (_score(s.holdout_r2_log), "R² held out", what))
    if s.cv_r2_log is None:
        shown[0] = (_score(s.r2), "R² in sample", "on the target itself")
    contrasts = report.fit.independent_contrasts if report.fit else report.n_runs - 1
    shown.append((str(report.n_runs), "runs", f"{contrasts} independent contrasts"))
    return "".join(
        f'<div class="tile"><dt>{name}</dt><dd class="value">{value}</dd>'
        f'<dd class="what">{escape(what)}</dd></div>'
        for value, name, what in shown
    )


def well_section(report: Report, runs: Runs | None) -> str:
    """Scores of runs left out first, those in sample last."""
    law = report.law
    if law is None:
        return ""
    s = law.scores
    body = f'<dl class="tiles">{tiles(report)}</dl>'
    if runs is not None:
        body += f"<p>{escape(spread_text(runs))}</p>"
    rows = [
        [f"in sample, {_scale(law)}", _score(s.r2_log)],
        [f"runs left out, {_scale(law)}", _score(s.cv_r2_log)],
        [f"held out, {_scale(law)}", _score(s.holdout_r2_log)],
        ["in sample, target itself", _score(s.r2)],
    ]
    if report.fit is not None and report.fit.law is not law:
        rows.append(["power law, runs left out", _score(report.fit.scores.cv_r2_log)])
    scores = table("R² of the target", ["judged on", "R²"], rows, numeric=(1,))
    body += details("All scores", scores)
    return section("well", "How well", body)


def _error(report: Report) -> str:
    measured = np.asarray(report.measured, dtype=np.float64)
    predicted = np.asarray(report.left_out or report.predicted, dtype=np.float64)
    if not measured.size or measured.shape != predicted.shape:
        return "–"
    law = report.law
    level = law is not None and law.target.is_level
    if not level and bool(np.all(measured > 0) and np.all(predicted > 0)):
        rms = float(np.sqrt(np.mean(np.log(predicted / measured) ** 2)))
        return f"{number(100 * rms, 2)} %" if rms < 1 else f"× {number(float(np.exp(rms)), 2)}"
    rms = float(np.sqrt(np.mean((predicted - measured) ** 2)))
    return f"{number(rms, 2)} {unit(law.target_unit if law else '')}"


def meaning_section(report: Report, runs: Runs | None) -> str:
    """Inputs, named groups and regimes in words."""
    if runs is None:
        return ""
    body = ""
    found = effects(runs)
    if found:
        known = any(e.fitted is not None for e in found)
        power = "per factor e" if runs.law.target.is_level else "exponent"
        columns = ["input", power, f"{report.level:.0%} interval", "in words"]
        rows = []
        for e in found:
            own = "" if e.fitted is None else interval(e.fitted.low, e.fitted.high, 3)
            row = [inline(e.symbol), escape(exponent_text(e)), own, escape(e.text)]
            rows.append(row if known else [row[0], row[1], row[3]])
        columns = columns if known else [columns[0], columns[1], columns[3]]
        body += f"<div>{table('What each input does', columns, rows)}</div>"
    body = f'<div class="twin">{body}<div>{_groups(runs)}</div></div>'
    regimes = regime_sentences(runs)
    if len(regimes) > 1:
        items = "".join(f"<li>{inline(where)}: {escape(text)}</li>" for where, text in regimes)
        body += f'<h3>Regimes</h3><ul class="plain">{items}</ul>'
    if report.fit is not None and report.fit.activation:
        body += "".join(
            f"<p>Activation along 1/{escape(name)}: {number(a.kelvin)} K "
            f"{interval(a.low, a.high)}, or {number(a.kj_per_mol)} kJ/mol.</p>"
            for name, a in report.fit.activation.items()
        )
    if report.fit is not None and report.fit.collinear:
        listed = ", ".join(report.fit.collinear)
        body += f"<p>Never varied, so that nothing is known along it: {escape(listed)}.</p>"
    title = "What it means" if headline(report) is None else "What the surrogate says"
    return section("means", title, body) if body else ""


def _groups(runs: Runs) -> str:
    """The groups, with their names and where these come from."""
    items = []
    for group in (runs.law.response, *runs.law.groups):
        name = "\\pi_{0}" if group is runs.law.response else runs.symbol(group.name)
        left = (group.symbol or name) if group is runs.law.response else name
        reference = reference_of(group)
        cited = f' <span class="cite">{escape(reference)}</span>' if reference else ""
        known = f"<strong>{escape(group.known_as)}</strong>" if group.known_as else ""
        items.append(
            f"<li>{inline(left + ' = ' + runs.definition(group))} <span>{known}{cited}</span></li>"
        )
    return f'<h3>Groups</h3><ul class="groups">{"".join(items)}</ul>'
