"""`dimgs fit` and `dimgs discover`: from a table to a law."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dimgs.cli import tables
from dimgs.cli.hub import As, Keep, keep_report
from dimgs.cli.output import command_line, emit_json, note, say, warn, working
from dimgs.discovery.keywords import DiscoverKeywords, FitKeywords, TableKeywords

if TYPE_CHECKING:
    from dimgs.discovery.options import Options
    from dimgs.report.results import Report

TABLE = tuple(TableKeywords.__annotations__)
FIT = (*(n for n in FitKeywords.__annotations__ if n not in TABLE), *TABLE)
# the search takes the errors of the inputs for what they are in the power law alone
DISCOVER = (
    *(n for n in DiscoverKeywords.__annotations__ if n not in (*TABLE, "errors_in_variables")),
    *TABLE,
)

Stream = Annotated[
    bool, typer.Option("--stream", help="Read the table in parts: it may exceed the memory.")
]
ChunkRows = Annotated[
    int | None, typer.Option("--chunk-rows", help="Most rows in memory at a time (--stream).")
]
Resume = Annotated[
    Path | None, typer.Option("--resume", help="File that keeps interrupted work (--stream).")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder for the report, the law and its figures.")
]


@tables.takes(*FIT)
def fit(
    table: tables.Table,
    target: tables.Target,
    options: "Options",
    stream: Stream = False,
    chunk_rows: ChunkRows = None,
    resume: Resume = None,
    out: Out = None,
    json: tables.Json = False,
) -> None:
    """Fit the contrastive power law of all pairs of runs, in pi space."""
    from dimgs.cli.streaming import advise, fit_streamed
    from dimgs.discovery import fitting
    from dimgs.report.documents import fit_document
    from dimgs.report.plain_text import fit_text

    documents = []
    if out is not None:
        _check_out(out, stream=stream)
    if stream:
        results = fit_streamed(table, target, options, chunk_rows, resume)
    else:
        advise(table, chunk_rows, resume)
        asked = tables.each(table, target, options)
        results = (fitting.fit(data, name, own) for name, data, own in asked)
    for result in results:
        warn(result.warnings)
        if json:
            documents.append(fit_document(result))
        else:
            say(fit_text(result))
    if out is not None:
        from dimgs.discovery.discover import discover_with
        from dimgs.engines.registry import NONE

        for name, data, own in tables.each(table, target, options):
            study = discover_with(data, name, replace(own, engine=NONE))
            _write(out, target, name, study)
    if json:
        _emit(documents)


def _check_out(out: Path, *, stream: bool) -> None:
    from dimgs.errors import InputError
    from dimgs.report.write import check_folder

    if stream:
        raise InputError("A report shows its runs, which --stream does not keep; leave out --out.")
    check_folder(out)


def _with_command(report: "Report") -> "Report":
    return replace(report, provenance={**report.provenance, "command": command_line()})


def _write(out: Path, targets: Sequence[str], name: str, report: "Report") -> None:
    """The files of a report, in a folder of its own where there are several."""
    from dimgs.escape import file_names
    from dimgs.report.write import write_study

    report = _with_command(report)
    folder = out if len(targets) == 1 else out / file_names(targets)[name]
    _tell_files(folder, write_study(report, folder))


@tables.takes(*DISCOVER)
def discover(
    table: tables.Table,
    target: tables.Target,
    options: "Options",
    out: Out = None,
    hub: Keep = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Go the whole way from a table to a dimensionally checked law."""
    from dimgs.discovery.discover import check_model
    from dimgs.discovery.discover import discover as study
    from dimgs.report.documents import discover_document
    from dimgs.report.plain_text import report_text
    from dimgs.report.write import check_folder

    check_model(options.model)
    if out is not None:
        check_folder(out)
    documents: list[dict[str, Any]] = []
    interrupted = False
    for name, data, asked in tables.each(table, target, options):
        with working(f"looking for the law of {name}", options.seconds) as tell:
            report = study(data, name, asked, progress=tell)
        interrupted = report.outcome == "interrupted"
        report = _with_command(report)
        with _to_the_end():
            # the text says itself why its law is not confirmed
            warn(report.warnings if json else report.notes)
            if out is not None:
                _write(out, target, name, report)
            kept = keep_report(hub, user, report)
            if json:
                documents.append({**discover_document(report), **kept})
            else:
                say(report_text(report))
        if interrupted:
            break
    if json:
        _emit(documents)
    if interrupted:
        raise KeyboardInterrupt


@contextmanager
def _to_the_end() -> Iterator[None]:
    """Ctrl-C waits until what was found is written, unless it comes twice."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []

    def wait(number: int, _: Any) -> None:
        pressed.append(number)
        if len(pressed) > 1:
            raise KeyboardInterrupt
        # past the buffers, which a line may be going through just now
        with suppress(OSError):
            os.write(2, b"what was found is being written; press Ctrl-C again to stop at once\n")

    before = signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def _tell_files(folder: Path, written: Sequence[Path]) -> None:
    """What was written: the page to open, and what lies beside it."""
    beside = [path.name for path in written if path.parent == folder]
    inside = Counter(path.parent.name for path in written if path.parent != folder)
    parts = [*beside[1:], *(f"{name}/ ({count} files)" for name, count in inside.items())]
    note(f"wrote {folder / beside[0]}; open it in a browser")
    note(f"beside it {', '.join(parts)}")


def _emit(documents: list[dict[str, Any]]) -> None:
    if len(documents) == 1:
        emit_json(documents[0])
        return
    emit_json({"laws": [d["law"] for d in documents], "results": documents})
