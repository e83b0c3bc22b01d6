"""Hostile names through everything that writes them."""

import ast

from dimgs.report.plain_text import report_text
from tests.fuzz.guard import command, example, refused
from tests.hostile import report_of, tables


def check_exports(names: list[str]) -> None:
    """A law under such names is written in every language and form, inside the folder."""
    with example(names) as folder:
        report = refused(lambda: report_of(names))
        if report is None or report.law is None:
            return
        law = report.law
        source = refused(law.python)
        if source is not None:
            ast.parse(source)
            exec(compile(source, "law.py", "exec"), {})
        for write in (law.c, law.fortran, law.latex, law.symbol_table, report.to_markdown):
            refused(write)
        refused(lambda: report_text(report))
        refused(lambda: report.to_html(folder / "page.html"))


def check_folders(names: list[str]) -> None:
    """A study under such names stays in its folder."""
    with example(names) as folder:
        report = refused(lambda: report_of(names))
        if report is None or report.data is None:
            return
        refused(lambda: report.write(folder / "study"))
        table = folder / "t.csv"
        report.data.to_pandas().to_csv(table, index=False)
        target = report.law.target.name if report.law is not None else names[2]
        command("fit", str(table), "--target", target, "--json")


TARGETS = {"exports": (tables(), check_exports), "folders": (tables(), check_folders)}
