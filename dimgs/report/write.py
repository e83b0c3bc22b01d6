"""A report as files in a folder."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dimgs.common.advice import setting
from dimgs.common.errors import InputError
from dimgs.common.formats import sealed, write_whole
from dimgs.report.findings import Findings

if TYPE_CHECKING:
    from dimgs.report.figures import Drawing

_FIGURES = "figures"
_FRAGMENTS = "tex"


def check_folder(folder: Path) -> None:
    """Check that a folder can be written to or made, before anything long is computed for it.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    InputError
        If it cannot.
    """
    nearest = folder.absolute()
    try:
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        reason = "" if nearest.is_dir() else f"'{nearest}' is a file"
    except OSError as error:
        reason = str(error.strerror)
    if not reason and not os.access(nearest, os.W_OK | os.X_OK):
        reason = "Permission denied"
    if reason:
        raise InputError(f"Cannot write to '{folder}': {reason}; choose another {setting('out')}.")


def write_study(
    report: Findings, folder: Path, drawings: "list[Drawing] | None" = None
) -> list[Path]:
    r"""Write the report in every form, with its figures.

    In the folder stand report.html, report.md, report.json, study.tex with references.bib, and,
    where there is a law, law.json and law.tex, and where a curve describes the runs, curve.json;
    in `figures` every figure as SVG and PDF; in `tex` the parts of the study, to be read with
    ``\input``.

    Parameters
    ----------
    report : Report
    folder : Path
        Made if absent.
    drawings : list of Drawing, optional
        Those of :func:`dimgs.report.figures.draw_figures`, where they are at hand.

    Returns
    -------
    list of Path
        Files written.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    from dimgs.law.export import law_article
    from dimgs.law.serialise import as_text
    from dimgs.report.documents import discover_document
    from dimgs.report.figures import draw_figures, save_figures
    from dimgs.report.references import bibliography
    from dimgs.report.render import fragments, report_html, report_latex, report_markdown

    # first what cannot be made again from the rest; the figures take longest
    results = {"report.json": as_text(sealed(discover_document(report)))}
    if report.law is not None:
        results["law.json"] = as_text(report.law.to_json())
    if report.curve is not None:
        results["curve.json"] = as_text(report.curve.to_json())
    with writing_to(folder):
        (folder / _FIGURES).mkdir(exist_ok=True)
        written = write_all(folder, results)
        drawings = draw_figures(report) if drawings is None else drawings
        shown = [(d.title, f"{_FIGURES}/{d.name}.svg", d.caption) for d in drawings]
        files = {
            "report.html": report_html(report, drawings),
            "report.md": report_markdown(report, shown),
            "study.tex": report_latex(report, [(d.name, d.caption) for d in drawings]),
            "references.bib": bibliography(report),
        }
        parts = fragments(report).items()
        files |= {f"{_FRAGMENTS}/{name}.tex": f"{text}\n" for name, text in parts}
        if report.law is not None:
            files["law.tex"] = law_article(report.law)
        written = write_all(folder, files) + written
        return written + save_figures(report, folder / _FIGURES, drawings)


def write_all(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write texts into a folder, by their paths in it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, text)
    return [folder / name for name in files]


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Create a folder; an error in writing to it becomes one sentence.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    InputError
        If it cannot be made, or a file in it not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"Cannot write to '{folder}': {reason}; choose another {setting('out')}."
        ) from error
