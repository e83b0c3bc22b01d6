"""The law itself: typeset, with its constants, its figure and its source."""

from dimgs.escape import html as escape
from dimgs.latex import mathml, symbol_latex
from dimgs.law.law import Law
from dimgs.law.parts import Constant
from dimgs.report.figures import Drawing
from dimgs.report.html.parts import code, details, formula, inline, interval, number, unit
from dimgs.report.html.svg import inline_svg
from dimgs.report.results import Report
from dimgs.report.verdict import headline, verdict

_ORIGINS = {
    "fitted": "fitted",
    "physical": "known constant",
    "scale": "scale",
    "recognised": "recognised",
}


def constant_item(constant: Constant) -> str:
    """A constant with its interval and unit."""
    value = f"{number(constant.value, 5)} {unit(constant.unit)}"
    between = interval(constant.low, constant.high) if constant.origin == "fitted" else ""
    return (
        f"<li>{inline(symbol_latex(constant.name) + ' =')} <strong>{value}</strong> {between} "
        f'<span class="tag">{_ORIGINS.get(constant.origin, constant.origin)}</span></li>'
    )


def badge(report: Report) -> str:
    """Whether the law holds, in a word and a colour that does not stand alone."""
    if report.confirmed:
        return (
            '<p class="badge good"><span aria-hidden="true">✓</span> Confirmed on unseen runs</p>'
        )
    if report.outcome not in ("unchecked", "converged"):
        return '<p class="badge bad"><span aria-hidden="true">✕</span> Not a confirmed law</p>'
    what = "Not checked on unseen runs" if report.outcome == "unchecked" else "Not confirmed"
    return f'<p class="badge warn"><span aria-hidden="true">!</span> {what}</p>'


def law_section(report: Report, lead: Drawing | None) -> str:
    """The first thing to see."""
    law = report.law
    above = headline(report)
    warning = f'<p class="headline">{escape(above)}</p>' if above else ""
    if law is None:
        return f'<section id="law" class="hero">{warning}<p>{escape(verdict(report))}</p></section>'
    constants = "".join(constant_item(c) for c in law.constants)
    figure = ""
    if lead is not None:
        figure = (
            f'<figure class="lead">{inline_svg(lead)}'
            f"<figcaption>{escape(lead.caption)}</figcaption></figure>"
        )
    pi_form = ""
    used = {str(s) for s in law.pi_expression.free_symbols}
    if any(g.name in used for g in law.groups):
        pi_form = (
            '<div class="pi" role="group" aria-label="The law in groups" tabindex="0">In groups: '
            f"{mathml(law.latex('pi'))}</div>"
        )
    kind = "hero pair" if figure else "hero"
    return (
        f'<section id="law" class="{kind}" aria-labelledby="law-h">'
        f'<h2 id="law-h" class="quiet">The law</h2>{warning}'
        f"{formula(law.latex(), 'The law: ' + str(law))}"
        f'<div class="statement">{pi_form}<ul class="constants">{constants}</ul>'
        f"{badge(report)}<p>{escape(verdict(report))}</p>{source(law)}</div>{figure}</section>"
    )


def source(law: Law) -> str:
    """The law to take away."""
    texts = [
        ("LaTeX", law.latex()),
        ("Python", law.python()),
        ("C", law.c()),
        ("Fortran", law.fortran()),
    ]
    return '<div class="take">' + "".join(details(n, code(t, n)) for n, t in texts) + "</div>"
