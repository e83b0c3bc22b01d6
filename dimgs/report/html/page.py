"""The whole page."""

from functools import cache
from importlib.resources import files

from dimgs.escape import html as escape
from dimgs.latex import mathml, symbol_latex
from dimgs.report.figures import Drawing, draw_figures
from dimgs.report.html.candidates import candidates_section
from dimgs.report.html.law import law_section
from dimgs.report.html.notes import data_section, provenance_section
from dimgs.report.html.sections import holds_section, meaning_section, well_section
from dimgs.report.html.svg import inline_svg
from dimgs.report.results import Report
from dimgs.report.runs import Runs
from dimgs.report.words import title_of

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
_LEAD = ("regimes", "collapse")
_PAGES = (
    ("law", "Law"),
    ("holds", "Where"),
    ("well", "How well"),
    ("means", "Meaning"),
    ("figures", "Figures"),
    ("candidates", "Candidates"),
    ("data", "Data"),
    ("provenance", "Provenance"),
)


@cache
def resource(name: str) -> str:
    """Text of a file beside this one."""
    return files("dimgs.report.html").joinpath(name).read_text(encoding="utf-8")


def report_html(report: Report, drawings: list[Drawing] | None = None) -> str:
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
    runs = Runs.of(report) if report.law is not None and report.data is not None else None
    drawn = draw_figures(report) if drawings is None else drawings
    lead = next((d for name in _LEAD for d in drawn if d.name == name), None)
    sections = [
        law_section(report, lead),
        holds_section(report, runs),
        well_section(report, runs),
        meaning_section(report, runs),
        _figures([d for d in drawn if d is not lead and d.name != "candidates"]),
        candidates_section(report, runs),
        data_section(report),
        provenance_section(report),
    ]
    body = "".join(sections)
    links = "".join(
        f'<li><a href="#{name}">{title}</a></li>'
        for name, title in _PAGES
        if f'<section id="{name}"' in body
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title_of(report))}</title><style>{resource('page.css')}</style></head>"
        f'<body><a class="skip" href="#main">To the law</a><header>{_title(report)}</header>'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>'
        f'<main id="main">{body}</main><footer><p>Made by dimgs '
        f"{escape(report.provenance.get('dimgs', ''))}, without any network.</p></footer>"
        f"<script>{resource('page.js')}</script></body></html>\n"
    )


def _title(report: Report) -> str:
    target = report.basis.target
    plain = title_of(report)
    if target is not None:
        words = plain.removesuffix(target.name)
        symbol = mathml(symbol_latex(target.name, target.kind))
        heading = f"{escape(words)}<span>{symbol}</span>"
    else:
        heading = escape(plain)
    inputs = ", ".join(v.name for v in report.basis.variables if v.role == "data")
    given = f" · from {escape(inputs)}" if inputs else ""
    named = report.source not in ("", "columns", "DataFrame")
    source = f"{escape(report.source)} · " if named else ""
    return f'<p class="eyebrow">{source}{report.n_runs} runs{given}</p><h1>{heading}</h1>'


def _figures(drawn: list[Drawing]) -> str:
    if not drawn:
        return ""
    items = "".join(
        f'<figure id="figure-{d.name}"><h3>{escape(d.title)}</h3>{inline_svg(d)}'
        f"<figcaption>{escape(d.caption)}</figcaption></figure>"
        for d in drawn
    )
    return (
        '<section id="figures" aria-labelledby="figures-h"><h2 id="figures-h">Figures</h2>'
        f'<div class="gallery">{items}</div></section>'
    )
