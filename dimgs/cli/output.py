"""Results on standard output; everything else on standard error.

The process keeps standard output to itself: file descriptor 1, which compiled libraries and child
processes print to, becomes standard error, and while a command runs so does `sys.stdout`.
"""

import json
import os
import shlex
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, TextIO

from dimgs.common.errors import DimgsWarning, brief
from dimgs.common.escape import json_text, terminal, visible
from dimgs.common.formats import plain

if TYPE_CHECKING:
    from rich.progress import Progress

_BOLD, _RED, _YELLOW, _DIM, _RESET = "\033[1m", "\033[31;1m", "\033[33m", "\033[2m", "\033[0m"
_STYLES = {"": "", "strong": _BOLD, "faint": _DIM}
_typed: list[str] = []
_warned: list[str] = []
_results: list[TextIO] = []
# what a write refused; a long one is given up at once and leaves nothing to flush
_refused: list[OSError] = []


def remember(arguments: Sequence[str]) -> None:
    """Begin a command: keep what was typed, for the provenance of what is written."""
    _typed[:] = arguments
    _warned.clear()


def command_line() -> str:
    """The command that is running, as it would be typed."""
    return shlex.join(["dimgs", *_typed])


def keep_standard_output() -> None:
    """Let nothing but `sys.stdout` write to standard output, for the rest of the process.

    What writes to file descriptor 1 (LAPACK, a kernel's library, a child process) writes to
    standard error instead. It is not undone: such output may lie in buffers until the very end.
    """
    for number in (1, 2):
        try:
            os.fstat(number)
        except OSError:
            # closed by who started the process: nothing is to come there
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    encoding = getattr(sys.stdout, "encoding", "utf-8")
    errors = getattr(sys.stdout, "errors", "strict")
    descriptor = os.dup(1)
    os.dup2(2, 1)
    # both stay open to the end of the process
    sys.stdout = open(descriptor, "w", encoding=encoding, errors=errors)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def results() -> TextIO:
    """The console for results."""
    return _results[-1] if _results else sys.stdout


def command(function: Callable[..., None]) -> Callable[..., None]:
    """The function as a command, during which only results reach standard output.

    Its warnings are those that it prints itself.
    """

    @wraps(function)
    def run(*arguments: Any, **options: Any) -> None:

        _results.append(sys.stdout)
        try:
            with redirect_stdout(sys.stderr), warnings.catch_warnings():
                warnings.simplefilter("ignore", DimgsWarning)
                function(*arguments, **options)
        finally:
            _results.pop()

    return run


def announce(address: str, words: str, as_json: bool = False) -> None:
    """Print where something is served, at once: whoever waits for it waits on a pipe, too."""
    emit({"address": address}, lambda: say(address, words), as_json)
    results().flush()


def is_lost() -> bool:
    """Whether standard output takes nothing any more."""
    try:
        results().flush()
    except OSError:
        return True
    return bool(_refused)


def unwritten() -> OSError | None:
    """Error of writing the printed results; None if they were written."""
    error = _refused.pop() if _refused else None
    try:
        results().flush()
    except OSError as refused:
        error = error or refused
    if error is not None:
        with suppress(OSError), open(os.devnull, "w") as nothing:
            # what is left in the buffers must not fail again at the end of the process
            os.dup2(nothing.fileno(), results().fileno())
    return error


def _put(text: str) -> None:
    try:
        results().write(text)
    except OSError as error:
        _refused.append(error)
        raise


def emit_json(document: Mapping[str, Any]) -> None:
    """One JSON document on standard output."""
    text = json.dumps(plain(document), ensure_ascii=False, allow_nan=False)
    _put(json_text(text) + "\n")


def emit(document: Mapping[str, Any], shown: str | Callable[[], None], as_json: bool) -> None:
    """A result: one JSON document, or a text, or what prints it."""
    if as_json:
        emit_json(document)
    elif callable(shown):
        shown()
    else:
        say(shown)


def say(text: str = "", head: str = "", style: str = "") -> None:
    """Print a line of the result.

    Parameters
    ----------
    text : str
    head : str
        Stands before it and stands out on a terminal.
    style : {"", "strong", "faint"}
        How the text itself is shown on a terminal.
    """
    shown = _styled(terminal(text), _STYLES[style])
    _put(f"{_styled(terminal(head), _BOLD)}{shown}\n")


def say_assumed(assumptions: Iterable[Mapping[str, Any]]) -> None:
    """The inputs of an answer that were assumed, a line each with the source."""
    for assumption in assumptions:
        quantity = assumption["value"]
        unit = "" if quantity["unit"] in ("1", "label") else f" {quantity['unit']}"
        source = f"({assumption['source']})"
        say(f"{assumption['input']} = {quantity['value']}{unit} {source}", "assumed: ")


def note(text: str) -> None:
    """Print a line on standard error."""
    # a result is not lost because a log cannot be written
    with suppress(OSError):
        sys.stderr.write(f"{terminal(text)}\n")


def fail(text: str) -> None:
    """An error on standard error, in one line."""
    _labelled("error:", _RED, text)


def _labelled(label: str, colour: str, text: str) -> None:
    shown = f"{colour}{label}{_RESET}" if is_coloured(sys.stderr) else label
    with suppress(OSError):
        sys.stderr.write(f"{shown} {visible(brief(text))}\n")


def warn(warnings: Iterable[str]) -> None:
    """Warnings on standard error, one a line, each once in the run of a command."""
    for warning in warnings:
        if warning not in _warned:
            _warned.append(warning)
            _labelled("warning:", _YELLOW, warning)


def is_coloured(stream: TextIO) -> bool:
    """Whether a stream is a terminal whose user does not refuse colours (no-color.org)."""
    unwanted = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not unwanted


def is_plain() -> bool:
    """Whether output is piped or colours are unwanted."""
    return not is_coloured(results())


def _styled(text: str, code: str) -> str:
    return f"{code}{text}{_RESET}" if text and code and not is_plain() else text


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *below: str) -> None:
    """A table of the result, if it has rows, and lines below it."""
    if rows:
        _draw(title, columns, rows)
    for line in below:
        say(line)


def _draw(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; plain aligned text where output is piped."""
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
    Console(file=results()).print(shown)


@contextmanager
def handling(names: Iterable[str], handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Have signals handled meanwhile, where the system has them and this is the main thread."""
    main = threading.current_thread() is threading.main_thread()
    numbers = [getattr(signal, name) for name in names if main and hasattr(signal, name)]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextmanager
def working(what: str, limit: float | None = None) -> Iterator[Callable[[str], None]]:
    """Progress on standard error while something long runs.

    The yielded function takes a message, which is shown beside the progress, or on a separate line
    if standard error is not a terminal. The many formulas are shown beside the progress only.

    Parameters
    ----------
    what : str
    limit : float, optional
        Seconds that it takes at most, from which the time left is shown.
    """
    if not sys.stderr.isatty():
        yield lambda text: None if getattr(text, "candidates", ()) else note(f"{what}: {text}")
        return
    with _progress(limit) as progress:
        task = progress.add_task(visible(what), total=limit)
        yield lambda text: progress.update(task, description=visible(f"{what}: {text}"))


def _progress(limit: float | None) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    class Elapsed(BarColumn):
        """Share of the time limit that is gone."""

        def render(self, task: Task) -> ProgressBar:
            gone = min(task.elapsed or 0.0, task.total or 0.0)
            return ProgressBar(total=task.total, completed=gone, width=24)

    class Remaining(ProgressColumn):
        """Seconds that may still pass, or those that did."""

        def render(self, task: Task) -> Text:
            gone = task.elapsed or 0.0
            if task.total is None:
                return Text(f"{gone:.0f} s")
            return Text(f"at most {max(task.total - gone, 0.0):.0f} s left")

    bar = [] if limit is None else [Elapsed()]
    words = TextColumn("{task.description} ...", markup=False)
    return Progress(
        SpinnerColumn(), words, *bar, Remaining(), console=Console(stderr=True), transient=True
    )
