"""Completion for shells: columns of the table, engines, case studies."""

from pathlib import Path

import typer

from dimgs.common.escape import visible

# characters in which a header ends
_LONGEST = 65536
_TEXT = (".csv", ".tsv", ".txt")


def columns(context: typer.Context, incomplete: str) -> list[str]:
    """Columns of the text table on the command line that begin with what is typed.

    Parameters
    ----------
    context : typer.Context
    incomplete : str

    Returns
    -------
    list of str
        Empty where the table cannot be read; a shell wants no message.
    """
    tables = context.params.get("table") or context.params.get("source") or ()
    # an option that waits for its value leaves the words before it unread
    words = [*((tables,) if isinstance(tables, str) else tables), *context.args]
    path = next((p for p in map(Path, words) if p.suffix.lower() in _TEXT and p.is_file()), None)
    if path is None:
        return []
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            text = lines.read(_LONGEST)
    except OSError:
        return []
    header = next((x for x in text.splitlines() if x.strip() and not x.startswith("#")), "")
    # a shell would obey what a name hides
    shown = [name for name in _names(header) if visible(name) == name]
    return [name for name in shown if name.startswith(incomplete)]


def _names(header: str) -> list[str]:
    import csv

    from dimgs.variables import split_header

    delimiter = max(",;\t", key=header.count)
    cells = next(csv.reader([header], delimiter=delimiter), [])
    return [split_header(cell)[0] for cell in cells if cell.strip()]


def engines(incomplete: str) -> list[str]:
    """Engines that begin with what is typed."""
    from dimgs.engines.registry import engine_names

    return [name for name in engine_names() if name.startswith(incomplete)]


def studies(incomplete: str) -> list[str]:
    """Case studies that begin with what is typed."""
    from dimgs.cli.reproduce import study_titles

    return [name for name in study_titles() if name.startswith(incomplete)]
