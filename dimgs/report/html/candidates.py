"""The candidates: a chart whose points can be chosen, without a script."""

from collections.abc import Mapping

import numpy as np
import sympy
from numpy.typing import NDArray

from dimgs.escape import html as escape
from dimgs.expression.candidate import Candidate
from dimgs.latex import expression_latex, symbol_latex
from dimgs.law.typeset import readable
from dimgs.report.figures.front import chosen_of, front_of
from dimgs.report.html.parts import formula, inline, number, section
from dimgs.report.results import Report
from dimgs.report.runs import Runs
from dimgs.report.verdict import headline

_MOST = 24


def candidates_section(report: Report, runs: Runs | None) -> str:
    """Chart of loss against complexity, and the formula of the candidate that is chosen."""
    chosen = report.candidates[:_MOST]
    if not chosen:
        return ""
    places = _places(chosen)
    front = {id(c) for c in front_of(chosen)}
    law = chosen_of(report)
    called = "the law" if headline(report) is None else "the surrogate"
    first = law if law is not None and law < len(chosen) else 0
    dots, panels = [], []
    for k, candidate in enumerate(chosen, start=1):
        x, y = places[k - 1]
        is_law = law == k - 1
        kind = "dot front" if id(candidate) in front else "dot"
        kind += " law" if is_law else ""
        what = f"{called}, " if is_law else ""
        label = f"Candidate {k}: {what}complexity {candidate.complexity}, loss {candidate.loss:.3g}"
        checked = " checked" if k == first + 1 else ""
        dots.append(
            f'<input type="radio" name="candidate" id="c{k}" class="{kind}"{checked} '
            f'style="left:{x:.1f}%;bottom:{y:.1f}%" aria-label="{escape(label)}">'
        )
        panels.append(_panel(candidate, k, runs, report.unlogged, called if is_law else ""))
    loss = [c.loss for c in chosen]
    sizes = [c.complexity for c in chosen]
    line = _front_line(chosen, places)
    chart = (
        '<fieldset class="chart"><legend>Choose a candidate: error against complexity</legend>'
        f'<div class="plot">{line}{"".join(dots)}</div>'
        f'<p class="axis y"><span>{number(max(loss), 2)}</span><span>error</span>'
        f"<span>{number(min(loss), 2)}</span></p>"
        f'<p class="axis x"><span>{min(sizes)}</span><span>complexity</span>'
        f"<span>{max(sizes)}</span></p></fieldset>"
    )
    shown = "".join(
        f".choice:has(#c{k}:checked) #p{k}{{display:block}}" for k in range(1, len(chosen) + 1)
    )
    hidden = f"@media screen{{.panel{{display:none}}{shown}}}"
    style = f"<style>@supports selector(:has(*)){{{hidden}}}</style>"
    if len(chosen) == 1:
        only = f'{panels[0]}<p class="aside">Only one form was tried or needed.</p>'
        return section("candidates", "Candidates", only)
    ringed = f"; the ringed one is {called}" if law is not None else f"; {called} is none of these"
    note = (
        '<p class="aside">Points on the line are beaten by none in both. Use the arrow keys or '
        f"click{ringed}.</p>"
    )
    more = len(report.candidates) - len(chosen)
    rest = f"<p>{more} more in report.json.</p>" if more > 0 else ""
    body = (
        f'{style}<div class="choice">{chart}<div class="panels">{"".join(panels)}{note}{rest}'
        "</div></div>"
    )
    return section("candidates", "Candidates", body)


def _places(candidates: tuple[Candidate, ...]) -> list[tuple[float, float]]:
    """Positions in percent: complexity across, logarithm of the loss up."""
    x = np.array([c.complexity for c in candidates], dtype=np.float64)
    losses = np.array([c.loss for c in candidates], dtype=np.float64)
    known = losses[np.isfinite(losses) & (losses > 0)]
    floor = float(known.min()) if known.size else 1.0
    y = np.log(np.clip(np.where(np.isfinite(losses), losses, floor), floor, None))
    return list(zip(_percent(x), _percent(y), strict=True))


def _percent(values: NDArray[np.float64]) -> list[float]:
    span = float(np.ptp(values))
    if span == 0.0:
        return [50.0] * len(values)
    return [float(6 + 88 * v) for v in (values - values.min()) / span]


def _front_line(candidates: tuple[Candidate, ...], places: list[tuple[float, float]]) -> str:
    at = {id(c): place for c, place in zip(candidates, places, strict=True)}
    points = [at[id(c)] for c in front_of(candidates)]
    path = "".join(
        (f"M{x:.1f} {100 - y:.1f}" if i == 0 else f"H{x:.1f}V{100 - y:.1f}")
        for i, (x, y) in enumerate(points)
    )
    return (
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{path}"/></svg>'
    )


def candidate_latex(candidate: Candidate, runs: Runs | None, unlogged: Mapping[str, str]) -> str:
    """LaTeX of a candidate, groups by their symbols."""
    renamed = candidate.expression.xreplace(
        {sympy.Symbol(k): sympy.Symbol(v) for k, v in unlogged.items()}
    )
    names = {}
    for symbol in renamed.free_symbols:
        name = str(symbol)
        known = runs is not None and (name in runs.groups or name in runs.law.symbols)
        names[name] = runs.symbol(name) if runs is not None and known else symbol_latex(name)
    left = runs.response_symbol if runs is not None else "\\pi_{0}"
    return f"{left} = {expression_latex(readable(renamed), names)}"


def _panel(
    candidate: Candidate, k: int, runs: Runs | None, unlogged: Mapping[str, str], tag: str
) -> str:
    values = "".join(
        f"<li>{inline(symbol_latex(name) + ' =')} {number(value, 5)}</li>"
        for name, value in candidate.constants.items()
    )
    listed = f'<ul class="constants">{values}</ul>' if values else ""
    ring = f'<span class="tag ring">{tag}</span>' if tag else ""
    engine = f", found by {escape(candidate.engine)}" if candidate.engine else ""
    return (
        f'<div class="panel" id="p{k}"><h3>Candidate {k} {ring}</h3>'
        f"{formula(candidate_latex(candidate, runs, unlogged), f'Candidate {k}')}{listed}"
        f'<p class="aside">Complexity {candidate.complexity}, loss '
        f"{number(candidate.loss, 3)}{engine}.</p></div>"
    )
