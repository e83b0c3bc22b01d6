"""A report as one self-contained HTML page."""

from html import escape

from dimgs.report.results import Report
from dimgs.report.text import number, scores_line

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}
pre{overflow-x:auto;padding:.75rem;border:1px solid;border-radius:.4rem}
table{border-collapse:collapse}td,th{padding:.25rem .75rem;text-align:left;border-bottom:1px solid}
"""


def report_html(report: Report) -> str:
    """One page without any network: the law, where it holds, how well, and the notes.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
    """
    law = report.law
    parts = [f"<h1>{escape(report.basis.target.name if report.basis.target else 'Law')}</h1>"]
    if law is not None:
        parts += ["<h2>The law</h2>", f"<pre>{escape(str(law))}</pre>"]
        parts += ["<details><summary>LaTeX</summary>", f"<pre>{escape(law.latex())}</pre>"]
        parts += [
            "</details>",
            "<h2>Constants</h2>",
            _table(
                ["name", "value", "unit", "low", "high", "origin"],
                [
                    [c.name, number(c.value), c.unit, number(c.low), number(c.high), c.origin]
                    for c in law.constants
                ],
            ),
        ]
        parts += [
            "<h2>Where it holds</h2>",
            _table(
                ["group", "definition", "from", "to"],
                [
                    [g.name, g.known_as or str(g), number(low), number(high)]
                    for g in law.groups
                    for low, high in [law.domain.groups.get(g.name, (float("nan"), float("nan")))]
                ],
            ),
        ]
        parts += ["<h2>How well</h2>", f"<p>{escape(scores_line(law.scores))}</p>"]
    if report.fit is not None:
        parts += [
            "<h2>Exponents</h2>",
            _table(
                ["name", "value", "low", "high", "rational"],
                [
                    [
                        e.name,
                        number(e.value),
                        number(e.low),
                        number(e.high),
                        "" if e.rational is None else str(e.rational),
                    ]
                    for e in (*report.fit.exponents, *report.fit.variable_exponents)
                ],
            ),
        ]
    if report.warnings:
        items = "".join(f"<li>{escape(w)}</li>" for w in report.warnings)
        parts += ["<h2>Notes</h2>", f"<ul>{items}</ul>"]
    rows = [[k, v] for k, v in report.provenance.items()]
    parts += ["<h2>Provenance</h2>", _table(["what", "value"], rows)]
    title = escape(f"dimgs: {report.basis.target.name if report.basis.target else 'law'}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _table(columns: list[str], rows: list[list[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(c)}</th>' for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
