"""`dimgs fit --stream`: tables larger than memory, with a progress bar."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dimgs.cli.output import note
from dimgs.common.errors import InputError
from dimgs.common.escape import visible

if TYPE_CHECKING:
    from dimgs.discovery.options import Options
    from dimgs.report.results import FitResult

# a table of that size takes some times as much memory
LARGE_BYTES = 1_000_000_000


def fit_streamed(
    table: str, targets: list[str], options: "Options", chunk_rows: int | None, resume: Path | None
) -> "Iterator[FitResult]":
    """Fit of each target, the table being read in parts, once for each of them."""
    from dimgs.discovery.outofcore.stream_fit import CHUNK_ROWS, fit_stream

    if options.sheet is not None:
        raise InputError("--stream reads no workbooks; save the sheet as .csv or .parquet.")
    if resume is not None and len(targets) > 1:
        raise InputError("--resume keeps the work of one target; run each --target by itself.")
    for name in targets:
        left_out = [*(options.drop or ()), *(t for t in targets if t != name)]
        with progress_bar(f"Fitting {name}") as progress:
            result = fit_stream(
                table,
                name,
                replace(options, drop=left_out or None),
                chunk_rows=CHUNK_ROWS if chunk_rows is None else chunk_rows,
                progress=progress,
                checkpoint=resume,
            )
        yield result


def advise(table: str, chunk_rows: int | None, resume: Path | None) -> None:
    """Say when a table should be read in parts, or an option needs that.

    Raises
    ------
    InputError
        If an option of --stream is given without it.
    """
    for name, given in (("--chunk-rows", chunk_rows), ("--resume", resume)):
        if given is not None:
            raise InputError(f"{name} belongs to --stream; add --stream, or leave it out.")
    path = Path(table)
    if path.is_dir():
        raise InputError(f"'{path}' is a folder; add --stream to fit all Parquet files in it.")
    size = path.stat().st_size if path.is_file() else 0
    if size > LARGE_BYTES:
        note(f"'{path.name}' has {size / 1e9:.1f} GB; --stream fits it in parts, in little memory.")


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, float], None] | None]:
    """Progress on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(visible(what), total=1.0, rows=0)

        def show(rows: int, fraction: float) -> None:
            bar.update(task, completed=fraction, rows=rows)

        yield show
