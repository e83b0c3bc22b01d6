"""Results on standard output; everything else on standard error."""

import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from dimgs.escape import json_text, terminal, visible

if TYPE_CHECKING:
    from rich.progress import Progress

_BOLD, _RED, _YELLOW, _DIM, _RESET = "\033[1m", "\033[31;1m", "\033[33m", "\033[2m", "\033[0m"
_STYLES = {"": "", "strong": _BOLD, "faint": _DIM}
_PREFIXES = {"error:": _RED, "warning:": _YELLOW}
_typed: list[str] = []


def remember(arguments: Sequence[str]) -> None:
    """Keep what was typed, for the provenance of what is written."""
    _typed[:] = arguments


def command_line() -> str:
    """The command that is running, as it would be typed."""
    return shlex.join(["dimgs", *_typed])


def emit_json(document: Mapping[str, Any]) -> None:
    """One JSON document on standard output."""
    from dimgs.report.documents import finite

    text = json.dumps(finite(document), ensure_ascii=False, allow_nan=False)
    sys.stdout.write(json_text(text) + "\n")


def say(text: str = "", head: str = "", style: str = "") -> None:
    """A line of the result, whatever it contains.

    Parameters
    ----------
    text : str
    head : str
        Stands before it and stands out on a terminal.
    style : {"", "strong", "faint"}
        How the text itself is shown on a terminal.
    """
    shown = _styled(terminal(text), _STYLES[style])
    sys.stdout.write(f"{_styled(terminal(head), _BOLD)}{shown}\n")


def note(text: str) -> None:
    """A line on standard error, whatever it contains; an error or a warning is one line."""
    prefix = next((p for p in _PREFIXES if text.startswith(p)), "")
    rest = visible(text.removeprefix(prefix)) if prefix else terminal(text)
    if prefix and is_coloured(sys.stderr):
        prefix = f"{_PREFIXES[prefix]}{prefix}{_RESET}"
    sys.stderr.write(f"{prefix}{rest}\n")


def warn(warnings: Iterable[str]) -> None:
    """Warnings on standard error, one a line."""
    for warning in warnings:
        note(f"warning: {warning}")


def is_coloured(stream: TextIO) -> bool:
    """Whether a stream is a terminal whose user does not refuse colours (no-color.org)."""
    unwanted = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not unwanted


def is_plain() -> bool:
    """Whether output is piped or colours are unwanted."""
    return not is_coloured(sys.stdout)


def _styled(text: str, code: str) -> str:
    return f"{code}{text}{_RESET}" if text and code and not is_plain() else text


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of the result; plain aligned text where output is piped."""
    if not rows:
        return
    title, columns = visible(title), [*map(visible, columns)]
    rows = [[*map(visible, row)] for row in rows]
    if is_plain():
        cells = [columns, *rows]
        widths = [max(len(row[j]) for row in cells) for j in range(len(columns))]
        say(title)
        for line in cells:
            say("  " + "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title=escape(title), title_justify="left", title_style="bold")
    for column in columns:
        shown.add_column(escape(column))
    for row in rows:
        shown.add_row(*map(escape, row))
    Console().print(shown)


@contextmanager
def working(what: str, limit: float | None = None) -> Iterator[None]:
    """Progress on standard error while something long runs; nothing where that is no terminal.

    Parameters
    ----------
    what : str
    limit : float, optional
        Seconds that it takes at most, from which the time left is told.
    """
    if not sys.stderr.isatty():
        yield
        return
    with _progress(limit) as progress:
        progress.add_task(visible(what), total=limit)
        yield


def _progress(limit: float | None) -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        Task,
        TextColumn,
    )
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    class Elapsed(BarColumn):
        """Share of the time limit that is gone."""

        def render(self, task: Task) -> ProgressBar:
            gone = min(task.elapsed or 0.0, task.total or 0.0)
            return ProgressBar(total=task.total, completed=gone, width=24)

    class Left(ProgressColumn):
        """Seconds that may still pass, or those that did."""

        def render(self, task: Task) -> Text:
            gone = task.elapsed or 0.0
            if task.total is None:
                return Text(f"{gone:.0f} s")
            return Text(f"at most {max(task.total - gone, 0.0):.0f} s left")

    bar = [] if limit is None else [Elapsed()]
    words = TextColumn("{task.description} ...", markup=False)
    return Progress(
        SpinnerColumn(), words, *bar, Left(), console=Console(stderr=True), transient=True
    )
