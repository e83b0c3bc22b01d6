"""One page about all studies that were run, with their figures and reports beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dimgs.cli.reproduce.published_checks import Findings
from dimgs.cli.reproduce.studies import Outcome
from dimgs.common.advice import setting
from dimgs.common.errors import InputError
from dimgs.common.formats import write_whole


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
    from dimgs.report.render import html_templates

    written: list[Path] = []
    studies = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for outcome in outcomes:
            files = _files_of(outcome, folder / outcome.name)
            written += files
            studies.append((outcome, titles[outcome.name], {f.name for f in files}))
        page = folder / "index.html"
        template = html_templates().get_template("studies.html")
        text = template.render(studies=studies, summary=summary(outcomes))
        write_whole(page, f"{text}\n")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"Cannot write to '{folder}': {reason}; choose another {setting('out')}."
        ) from error
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
        write_whole(folder / name, text)
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
