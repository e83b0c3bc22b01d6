"""Results on standard output; everything else on standard error."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any


def emit_json(document: Mapping[str, Any]) -> None:
    """One JSON document on standard output."""
    from dimgs.report.documents import finite

    sys.stdout.write(json.dumps(finite(document), ensure_ascii=False, allow_nan=False) + "\n")


def say(text: str = "") -> None:
    """A line of the result."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(text + "\n")


def warn(warnings: Iterable[str]) -> None:
    """Warnings on standard error, one a line."""
    for warning in warnings:
        note(f"warning: {warning}")


def is_plain() -> bool:
    """Whether output is piped or colours are unwanted."""
    return not sys.stdout.isatty() or "NO_COLOR" in os.environ


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of the result; plain aligned text where output is piped."""
    if not rows:
        return
    if is_plain():
        cells = [list(columns), *[list(r) for r in rows]]
        widths = [max(len(row[j]) for row in cells) for j in range(len(columns))]
        say(title)
        for line in cells:
            say("  " + "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        shown.add_column(column)
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Spinner on standard error while something long runs; nothing where that is no terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what} ..."):
        yield
