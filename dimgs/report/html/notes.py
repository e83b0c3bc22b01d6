"""Quality of the data, and where everything comes from."""

import numpy as np

from dimgs.dataset.export import from_si
from dimgs.escape import html as escape
from dimgs.latex import symbol_latex
from dimgs.report.html.parts import code, inline, number, section, table, unit
from dimgs.report.results import Report

_MOST_ROWS = 12


def data_section(report: Report) -> str:
    """What the runs hold, what was left out, and every warning."""
    body = ""
    data = report.data
    if report.notes:
        items = "".join(f"<li>{escape(w)}</li>" for w in report.notes)
        body += f'<ul class="notes">{items}</ul>'
    else:
        body += "<p>Nothing to note: every row was used and every input varied.</p>"
    if data is not None and data.dropped:
        rows = [[str(d.row), escape(d.reason)] for d in data.dropped[:_MOST_ROWS]]
        body += table(
            f"{len(data.dropped)} rows were left out", ["row", "reason"], rows, numeric=(0,)
        )
    if data is not None:
        body += table(
            "Columns, in the units of the table",
            ["symbol", "column", "unit", "from", "to"],
            _columns(report),
            numeric=(3, 4),
        )
    return section("data", "The data", body)


def _columns(report: Report) -> list[list[str]]:
    data = report.data
    assert data is not None
    out = []
    for v in data.variables:
        if v.is_label:
            count = len(set(data[v.name]))
            out.append(["", escape(v.name), "label", f"{count} labels", ""])
            continue
        x = from_si(np.asarray(data[v.name], dtype=np.float64), v.unit)
        ends = [number(float(np.min(x))), number(float(np.max(x)))]
        shown = unit(v.unit.text) or "1"
        out.append([inline(symbol_latex(v.name, v.kind)), escape(v.name), shown, *ends])
    return out


def provenance_section(report: Report) -> str:
    """Versions, seed, command, hash of the table."""
    known = dict(report.provenance)
    command = known.pop("command", None)
    facts = {
        "table": report.source,
        "runs": str(report.n_runs),
        "engine": report.engine,
        "outcome": report.outcome,
        "level of the intervals": f"{report.level:.0%}",
        **{k.replace("_", " "): v for k, v in known.items()},
    }
    rows = "".join(
        f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items() if v
    )
    body = f'<dl class="facts">{rows}</dl>'
    if command:
        body = f"<p>Made by</p>{code(command, 'Command')}" + body
    return section("provenance", "Provenance", body)
