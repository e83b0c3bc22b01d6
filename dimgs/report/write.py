"""A report as files in a folder."""

import json
from pathlib import Path

from dimgs.errors import InputError
from dimgs.report.results import Report


def write_study(report: Report, folder: Path) -> list[Path]:
    """Write report.html, report.json, law.json, law.tex and the figures.

    Parameters
    ----------
    report : Report
    folder : Path
        Made if absent.

    Returns
    -------
    list of Path
        Files written.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    files = {
        "report.html": report.to_html(),
        "report.json": json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n",
    }
    if report.law is not None:
        from dimgs.law.serialise import as_text
        from dimgs.law.typeset import law_article

        files["law.json"] = as_text(report.law.to_json())
        files["law.tex"] = law_article(report.law)
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = folder / name
            path.write_text(text, encoding="utf-8")
            written.append(path)
        written += _figures(report, folder)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"Cannot write to '{folder}': {reason}; choose another --out.") from error
    return written


def _figures(report: Report, folder: Path) -> list[Path]:
    from dimgs.report.figures import save_figures

    return save_figures(report, folder)
