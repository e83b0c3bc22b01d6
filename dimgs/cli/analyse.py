"""`dimgs fit` and `dimgs discover`: from a table to a law."""

import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from dimgs.cli import tables
from dimgs.cli.output import command_line, emit_json, note, say, warn, working


@tables.reads
def fit(
    table: tables.Table,
    target: tables.Target,
    robust: tables.Robust = False,
    errors_in_variables: tables.ErrorsInVariables = False,
    within: tables.Within = None,
    split_by: tables.SplitBy = None,
    regimes: tables.Regimes = False,
    local: tables.Local = False,
    additive: tables.Additive = False,
    arrhenius: tables.Arrhenius = None,
    arrhenius_power: tables.ArrheniusPower = False,
    constants: tables.Constants = None,
    scale: tables.Scale = None,
    *,
    reader: tables.Reader,
    level: tables.Level = 0.9,
    seed: tables.Seed = 0,
    stream: tables.Stream = False,
    chunk_rows: tables.ChunkRows = None,
    resume: tables.Resume = None,
    json: tables.Json = False,
) -> None:
    """Fit the contrastive power law of all pairs of runs, in pi space."""
    from dimgs.cli.streaming import advise, fit_each, fit_streamed
    from dimgs.report.documents import fit_document
    from dimgs.report.text import fit_text

    options = reader.analysis(
        constants,
        scale,
        within=within,
        split_by=split_by,
        arrhenius=arrhenius,
        arrhenius_power=arrhenius_power,
        robust=robust,
        errors_in_variables=errors_in_variables,
        regimes=regimes,
        local=local,
        additive=additive,
        level=level,
        seed=seed,
    )
    documents = []
    if stream:
        results = fit_streamed(table, target, reader, options, chunk_rows, resume)
    else:
        advise(table, chunk_rows, resume)
        results = fit_each(table, target, reader, options)
    for result in results:
        warn(result.warnings)
        if json:
            documents.append(fit_document(result))
        else:
            say(fit_text(result))
    if json:
        _emit(documents)


@tables.reads
def discover(
    table: tables.Table,
    target: tables.Target,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the report, the law and its figures.")
    ] = None,
    engine: tables.EngineName = "auto",
    model: tables.Model = "linear",
    time_limit: tables.TimeLimit = 60.0,
    evaluations: tables.Evaluations = None,
    robust: tables.Robust = False,
    within: tables.Within = None,
    split_by: tables.SplitBy = None,
    regimes: tables.Regimes = False,
    local: tables.Local = False,
    additive: tables.Additive = False,
    arrhenius: tables.Arrhenius = None,
    arrhenius_power: tables.ArrheniusPower = False,
    constants: tables.Constants = None,
    scale: tables.Scale = None,
    *,
    reader: tables.Reader,
    level: tables.Level = 0.9,
    seed: tables.Seed = 0,
    json: tables.Json = False,
) -> None:
    """Go the whole way from a table to a dimensionally checked law."""
    from dimgs.discovery.discover import check_model, discover_with
    from dimgs.escape import file_names
    from dimgs.report.documents import discover_document
    from dimgs.report.text import report_text
    from dimgs.report.write import check_folder, write_study

    check_model(model)
    if out is not None:
        check_folder(out)
    options = reader.analysis(
        constants,
        scale,
        within=within,
        split_by=split_by,
        arrhenius=arrhenius,
        arrhenius_power=arrhenius_power,
        engine=engine,
        model=model,
        time_limit=time_limit,
        evaluations=evaluations,
        robust=robust,
        regimes=regimes,
        local=local,
        additive=additive,
        level=level,
        seed=seed,
    )
    documents: list[dict[str, Any]] = []
    interrupted = False
    folders = file_names(target)
    for name, data in reader.each(table, target, options):
        with working(f"looking for the law of {name}", time_limit) as tell:
            report = discover_with(data, name, options, tell)
        interrupted = report.outcome == "interrupted"
        report = replace(report, provenance={**report.provenance, "command": command_line()})
        with _to_the_end():
            # the text says itself why its law is not confirmed
            warn(report.warnings if json else report.notes)
            if out is not None:
                folder = out if len(target) == 1 else out / folders[name]
                _tell_files(folder, write_study(report, folder))
            if json:
                documents.append(discover_document(report))
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
        note("what was found is being written; Ctrl-C once more does not wait for it")

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
