"""What was found, ready to be shown, taken away and kept; figures are drawn once."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING, Any

from dimgs.errors import InputError

if TYPE_CHECKING:
    from dimgs.report.figures import Drawing
    from dimgs.report.proposals import NextRuns
    from dimgs.report.results import Report

# the typesetting of mathematics in figures is not made for threads
_drawing = Lock()
_TYPES = {
    "html": "text/html",
    "json": "application/json",
    "tex": "application/x-tex",
    "py": "text/x-python",
    "svg": "image/svg+xml",
    "png": "image/png",
    "pdf": "application/pdf",
    "zip": "application/zip",
}


@dataclass
class FoundLaw:
    """A report with what it was asked for.

    Attributes
    ----------
    report : Report
    question : tuple
        :attr:`dimgs.web.studio.choices.Choices.question` of it.
    kept : dict
        Ids in the hub in which it was kept, and where that is; empty where it was not.
    next_runs : NextRuns, optional
        Runs that would tell its rivals apart, once they were asked for.
    """

    report: "Report"
    question: tuple[Any, ...]
    kept: dict[str, Any]
    next_runs: "NextRuns | None" = None

    @cached_property
    def drawings(self) -> "list[Drawing]":
        """Every figure that there is data for, drawn."""
        from dimgs.report.figures import draw_figures

        with _drawing:
            made = draw_figures(self.report)
            for drawing in made:
                drawing.svg()
        return made

    @cached_property
    def content(self) -> dict[str, Any]:
        """What the page of the report shows."""
        from dimgs.report.render import page_content

        return page_content(self.report, self.drawings)

    @property
    def files(self) -> list[str]:
        """Names of what can be taken away, figures apart."""
        law = ["law.json", "law.tex", "law.py"] if self.report.law is not None else []
        return ["report.html", *law, "everything.zip"]

    def file(self, name: str) -> tuple[bytes, str]:
        """Content and media type of a file.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        stem, _, ending = name.rpartition(".")
        drawn = {d.name: d for d in self.drawings} if ending in ("svg", "png", "pdf") else {}
        made: dict[str, Callable[[], bytes]] = {n: self._maker(n) for n in self.files}
        if name in made:
            return made[name](), _TYPES[ending]
        if stem in drawn:
            with _drawing:
                found = getattr(drawn[stem], ending)()
            return found.encode() if isinstance(found, str) else found, _TYPES[ending]
        raise InputError("There is no such file of this law.")

    def _maker(self, name: str) -> Callable[[], bytes]:
        def make() -> bytes:
            from dimgs.law.serialise import as_text
            from dimgs.law.typeset import law_article

            report, law = self.report, self.report.law
            if name == "report.html":
                from dimgs.report.render import report_html

                return report_html(report, self.drawings).encode()
            if name == "everything.zip":
                return self._zip()
            assert law is not None
            if name == "law.json":
                return as_text(law.to_json()).encode()
            return (law_article(law) if name == "law.tex" else law.python()).encode()

        return make

    def _zip(self) -> bytes:
        from dimgs.report.write import write_study

        out, drawings = io.BytesIO(), self.drawings
        with TemporaryDirectory() as folder, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as box:
            with _drawing:
                written = write_study(self.report, Path(folder), drawings)
            for path in sorted(written):
                box.write(path, path.relative_to(folder).as_posix())
        return out.getvalue()
