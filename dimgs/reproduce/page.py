"""One page about all studies that were run, with their figures and reports beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dimgs.errors import InputError
from dimgs.escape import html as escape
from dimgs.reproduce.findings import Findings
from dimgs.reproduce.studies import Outcome

_STYLE = """
:root{color-scheme:light dark;--line:#8888;--ok:#00734f;--failed:#b03a00;--away:#555}
@media (prefers-color-scheme:dark){:root{--ok:#3fd3a4;--failed:#ff9a5c;--away:#aaa}}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
td,th{padding:.25rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
img{max-width:100%;height:auto;background:#fff;border-radius:.4rem}
.ok{color:var(--ok)}.failed{color:var(--failed)}.away{color:var(--away)}
.ok,.failed,.away{font-weight:600}
section{margin-top:3rem}
"""
_CLASS = {"ok": "ok", "failed": "failed", "not run": "away"}


def write_page(outcomes: Sequence[Outcome], titles: Mapping[str, str], folder: Path) -> list[Path]:
    """Write index.html, and a folder with figure and report for every study that has them.

    Parameters
    ----------
    outcomes : sequence of Outcome
        As :func:`run_studies` returns them.
    titles : mapping of str to str
        Title of each study.
    folder : Path
        Made if absent.

    Returns
    -------
    list of Path
        Files written, the page first.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    written: list[Path] = []
    sections = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for outcome in outcomes:
            files = _files_of(outcome, folder / outcome.name)
            written += files
            sections.append(_section(outcome, titles[outcome.name], {f.name for f in files}))
        page = folder / "index.html"
        page.write_text(_page(outcomes, titles, sections), encoding="utf-8")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"Cannot write to '{folder}': {reason}; choose another --out.") from error
    return [page, *written]


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many ran, and how they ended, in a sentence."""
    ran = [o for o in outcomes if o.status != "not run"]
    passed = sum(o.status == "ok" for o in ran)
    text = f"{passed} of {len(ran)} studies that ran are ok"
    away = len(outcomes) - len(ran)
    return f"{text}; {away} not run" if away else text


def _files_of(outcome: Outcome, folder: Path) -> list[Path]:
    findings = outcome.findings
    if findings is None:
        return []
    written = []
    for name, text in _texts_of(findings).items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    if findings.draw is not None:
        folder.mkdir(parents=True, exist_ok=True)
        findings.save_figure(folder / "figure.svg")
        written.append(folder / "figure.svg")
    return written


def _texts_of(findings: Findings) -> dict[str, str]:
    """The report as a page, which holds its own figures, and the law to predict with."""
    report = findings.report
    if report is None:
        return {}
    texts = {"report.html": report.to_html()}
    if report.law is not None:
        from dimgs.law.serialise import as_text

        texts["law.json"] = as_text(report.law.to_json())
    return texts


def _page(outcomes: Sequence[Outcome], titles: Mapping[str, str], sections: list[str]) -> str:
    rows = "".join(
        f'<tr><td><a href="#{escape(o.name)}">{escape(o.name)}</a></td>'
        f'<td class="{_CLASS[o.status]}">{escape(o.status)}</td>'
        f"<td>{escape(titles[o.name])}</td></tr>"
        for o in outcomes
    )
    head = "<tr><th>study</th><th>status</th><th>what it is about</th></tr>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>dimgs: case studies</title><style>{_STYLE}</style></head><body><main>"
        "<h1>Case studies: found against published</h1>"
        f"<p>{escape(summary(outcomes))}. Intervals are at 90 % unless a study says otherwise.</p>"
        f'<div class="wide"><table>{head}{rows}</table></div>{"".join(sections)}'
        "</main></body></html>\n"
    )


def _section(outcome: Outcome, title: str, files: set[str]) -> str:
    name = escape(outcome.name)
    status = f'<span class="{_CLASS[outcome.status]}">{escape(outcome.status)}</span>'
    parts = [f'<section id="{name}"><h2>{name}: {status}</h2><p>{escape(title)}</p>']
    findings = outcome.findings
    if findings is not None:
        head = "<tr><th>found</th><th>published</th><th>tolerance</th><th></th></tr>"
        rows = "".join(
            f"<tr><td>{escape(c.found_text)}</td><td>{escape(c.published_text)}</td>"
            f"<td>{escape(c.tolerance_text)}</td><td>{'' if c.passed else 'missed'}</td></tr>"
            for c in findings.checks
        )
        parts.append(f'<div class="wide"><table>{head}{rows}</table></div>')
    if outcome.why:
        parts.append(f"<p>{escape(outcome.why)}</p>")
    if findings is not None and "figure.svg" in files:
        caption = escape(findings.caption)
        parts.append(
            f'<figure><img src="{name}/figure.svg" alt="{caption}" loading="lazy">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    if "report.html" in files:
        parts.append(f'<p><a href="{name}/report.html">The whole report</a></p>')
    return "".join(parts) + "</section>"
