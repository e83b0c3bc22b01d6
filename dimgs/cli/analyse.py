"""The commands that analyse a table, a law, or the curves of several runs."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from typer import Argument, Option

from dimgs.cli import tables
from dimgs.cli.hub import As, Keep, keep_report
from dimgs.cli.output import (
    command_line,
    emit,
    emit_json,
    handling,
    note,
    say,
    table,
    warn,
    working,
)
from dimgs.cli.tables import Column
from dimgs.common.advice import setting
from dimgs.common.errors import InputError, noting
from dimgs.common.escape import file_names, visible
from dimgs.common.formats import attributes
from dimgs.discovery.options import DiscoverKeywords, FitKeywords, TableKeywords

if TYPE_CHECKING:
    from dimgs.dataset import Dataset
    from dimgs.discovery.explore import Exploration, Sensitivity
    from dimgs.discovery.options import Options
    from dimgs.report.results import FitResult, Report
    from dimgs.variables import Variable


# a table of that size takes some times as much memory
LARGE_BYTES = 1_000_000_000


def fit_streamed(
    table: str, targets: list[str], options: "Options", chunk_rows: int | None, resume: Path | None
) -> "Iterator[FitResult]":
    """Fit of each target, the table being read in parts, once for each of them."""
    from dimgs.discovery.outofcore import CHUNK_ROWS, fit_stream

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
    for name, value in (("--chunk-rows", chunk_rows), ("--resume", resume)):
        if value is not None:
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
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TextColumn("{task.fields[rows]:,} rows"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(visible(what), total=1.0, rows=0)
        yield lambda rows, fraction: bar.update(task, completed=fraction, rows=rows)


TABLE = tuple(TableKeywords.__annotations__)
FIT = (*(n for n in FitKeywords.__annotations__ if n not in TABLE), *TABLE)
DISCOVER = (*(n for n in DiscoverKeywords.__annotations__ if n not in TABLE), *TABLE)
Out = Annotated[Path | None, Option(help="Folder for the report, the law and its figures.")]


@tables.takes(*FIT)
def fit(
    table: tables.Table,
    target: tables.Target,
    options: "Options",
    stream: bool = Option(
        False, "--stream", help="Read the table in parts, for tables larger than memory."
    ),
    chunk_rows: int | None = Option(None, help="Largest number of rows in memory (--stream)."),
    resume: Path | None = Option(None, help="File for the state of an interrupted fit (--stream)."),
    out: Out = None,
    json: tables.Json = False,
) -> None:
    """Fit a power law in the pi groups, by least squares over all pairs of runs."""
    from dimgs.report.plain_text import fit_text

    if out is not None and stream:
        raise InputError("A report shows its runs, which --stream does not keep; leave out --out.")
    if stream:
        results = fit_streamed(table, target, options, chunk_rows, resume)
    else:
        advise(table, chunk_rows, resume)
        results = _fit_in_memory(table, target, options, out)
    _emit([_shown(result, lambda r: say(fit_text(r)), json) for result in results], json)


def _fit_in_memory(
    table: str, targets: list[str], options: "Options", out: Path | None
) -> "Iterator[FitResult]":
    """Fit of each target, whose report is written once the fit was taken."""
    from dimgs.discovery.discover import fit, report_on_fit

    for name, data, chosen in tables.each(table, targets, options):
        result = fit(data, name, chosen)
        if out is None:
            yield result
            continue
        report = report_on_fit(data, name, chosen)
        # the search for rivals, on which the verdict rests, is made once
        yield result if report.fit is None else replace(result, judge=report.fit.judge)
        _write(out, targets, name, _with_command(report))


def _shown(result: Any, show: Callable[[Any], None], as_json: bool) -> dict[str, Any]:
    """Warn of what a result warns of, and print it; its document, where that is asked for."""
    warn(result.warnings)
    if as_json:
        document: dict[str, Any] = result.to_json()
        return document
    show(result)
    return {}


def _emit(documents: Sequence[dict[str, Any]], as_json: bool) -> None:
    """The documents of all targets as one."""
    if not as_json:
        return
    laws = [document["law"] for document in documents if "law" in document]
    several = {"laws": laws} if laws else {}
    emit_json(documents[0] if len(documents) == 1 else {**several, "results": documents})


def _with_command(report: "Report") -> "Report":
    return replace(report, provenance={**report.provenance, "command": command_line()})


def _write(out: Path, targets: Sequence[str], name: str, report: "Report") -> Path:
    """The files of a report, in a folder of its own where there are several; that folder."""
    from dimgs.report.results import write_study

    folder = out if len(targets) == 1 else out / file_names(targets)[name]
    _tell_files(folder, write_study(report, folder))
    return folder


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
    """Search for the law of a table, with units, uncertainty and a verdict."""
    from dimgs.discovery.discover import check_model
    from dimgs.discovery.discover import discover as study
    from dimgs.report.plain_text import report_text
    from dimgs.report.results import discover_document

    check_model(options.model)
    documents: list[dict[str, Any]] = []
    interrupted = False
    for name, data, chosen in tables.each(table, target, options):
        with working(f"searching for the law of {name}", options.seconds) as progress:
            report = study(data, name, chosen, progress=progress)
        interrupted = report.outcome == "interrupted"
        report = _with_command(report)
        with _to_the_end():
            # the text says itself why its law is not confirmed
            warn(report.warnings if json else report.notes)
            folder = "" if out is None else str(_write(out, target, name, report))
            ids = keep_report(hub, user, report)
            if json:
                documents.append({**discover_document(report), **ids})
            else:
                say(report_text(report, folder))
        if interrupted:
            break
    _emit(documents, json)
    if interrupted:
        raise KeyboardInterrupt


@contextmanager
def _to_the_end() -> Iterator[None]:
    """Ctrl-C waits until what was found is written, unless it comes twice."""
    pressed: list[int] = []

    def wait(number: int, _: Any) -> None:
        pressed.append(number)
        if len(pressed) > 1:
            raise KeyboardInterrupt
        # past the buffers, which a line may be going through just now
        with suppress(OSError):
            os.write(2, b"what was found is being written; press Ctrl-C again to stop at once\n")

    with handling(("SIGINT",), wait):
        yield
    if pressed:
        raise KeyboardInterrupt


def _tell_files(folder: Path, written: Sequence[Path]) -> None:
    """Print the written files: the page to open, and the others."""
    beside = [path.name for path in written if path.parent == folder]
    inside = Counter(path.parent.name for path in written if path.parent != folder)
    parts = [*beside[1:], *(f"{name}/ ({count} files)" for name, count in inside.items())]
    note(f"wrote {folder / beside[0]}; open it in a browser")
    note(f"beside it {', '.join(parts)}")


# a smaller p-value says nothing more
_LEAST = 1e-99


@tables.takes("constants", "scales", "within", "by", "split_by", "level", "seed", *TABLE)
def explore(
    source: Annotated[str, Argument(metavar="TABLE", help="Table with units.")],
    target: tables.Target,
    options: "Options",
    metric: str = Option("mahalanobis", help="Distance of the principal coordinates."),
    json: tables.Json = False,
) -> None:
    """Explore the runs: principal axes, active directions, homogeneity, collinear groups."""
    from dimgs.discovery.explore import explore as look

    documents = []
    for name, data, chosen in tables.each(source, target, options):
        with noting(data.warnings):
            exploration = look(data, name, chosen, metric)
        documents.append(_shown(exploration, partial(_print, name), json))
    _emit(documents, json)


def _power(name: str, exponent: str | float) -> str:
    """A factor with its exponent, a number or the text of one: few digits, or a fraction."""
    text = str(exponent) if "/" in str(exponent) else f"{float(exponent):.3g}"
    if text == "1":
        return name
    return f"{name}^({text})" if "/" in text or text.startswith("-") else f"{name}^{text}"


def _print(target: str, explored: "Exploration") -> None:
    exploration = explored.to_json()
    say(f"Target {target}")
    if exploration["never_varied"]:
        say(f"Never varied: {', '.join(exploration['never_varied'])}")
    for item in exploration["collinear"]:
        powers = "·".join(_power(k, v) for k, v in item["exponents"].items())
        say(f"{'Constant' if item['exact'] else 'Nearly constant'} over the runs: {powers}")
    test = exploration["homogeneity"]
    if test is not None:
        p = "p not known" if test["p_value"] is None else f"p = {test['p_value']:.3g}"
        p = "p < 1e-99" if test["p_value"] is not None and test["p_value"] < _LEAST else p
        verdict = "rejected" if test["rejected"] else "not rejected"
        say(f"Dimensional homogeneity of the inputs alone: {verdict} ({p})")
        if test["rejected"] and not test["follows_inputs"]:
            say(
                "A dependence of the target on the inputs is not significant (at 1 %), so no "
                "constant is suggested"
            )
        if test["missing_dimension"] is not None:
            helps = "".join(f"{_power(k, v)} or " for k, v in test["constants"].items())
            unit = f" [{test['missing_unit']}]" if test["missing_unit"] else ""
            missing = str(test["missing_dimension"]).replace("^?", " (power unknown)")
            missing = f"Missing in the dimension: {missing.replace('*', ', ')}{unit}"
            say(f"{missing}; {helps}an unknown scale ({setting('scales', 'auto')}) would bring it")
    for item in exploration["sources"]:
        what = "prefactor" if item["what"] == "prefactor" else f"exponent of {item['what']}"
        say(
            f"Between the {item['n']} sources of {item['column']} the {what} scatters "
            f"{item['spread_over_run']:.2g} times as much as a run about its source"
        )
    if exploration["pca"] is not None:
        shares = ", ".join(f"{s:.1%}" for s in exploration["pca"]["shares"])
        say(f"Principal axes of the log-ratios: {shares}")
    if exploration["pcoa"] is not None and exploration["pcoa"]["n_negative"]:
        share = exploration["pcoa"]["negative_share"]
        say(f"Principal coordinates: {share:.1%} of the distances are not Euclidean")
    if exploration["active"] is not None:
        size = exploration["active"]["effective_dimension"]
        interval = f"[{size['low']:.2f}, {size['high']:.2f}]"
        say(f"Effective dimension {size['participation']:.2f} {interval}")
    if exploration["dominant"] is not None:
        rows = [
            [c["text"], f"{c['r2']:.4f}", "yes" if c["predicts_as_well"] else "no"]
            for c in exploration["dominant"]["candidates"]
        ]
        title = f"One dominant group ({exploration['dominant']['scale']} scale)"
        if not exploration["dominant"]["explains_most"]:
            title = (
                "No dominant group: none of these explains half of the variance of held-out runs"
            )
        table(title, ["group", "R² held out", "predicts as well as fitted exponents"], rows)


# bases that fit on a screen
_MAX_SHOWN = 20


@tables.takes("constants", "scales", *TABLE)
def pi(
    source: Annotated[
        list[str], Argument(help=r"A table, or variables such as 'rho \[kg/m^3]' 'U \[m/s]'.")
    ],
    options: "Options",
    target: str | None = Option(None, "--target", "-y", help=r"Response: a column, or 'dp \[Pa]'."),
    repeating: str | None = Option(None, help="Repeating variables, such as rho,U,D."),
    all_bases: bool = Option(False, "--all-bases", help="Enumerate every distinct basis."),
    named: bool = Option(False, "--named", help="Prefer groups with a name in the literature."),
    json: tables.Json = False,
) -> None:
    """Derive the pi groups of variables with units."""
    from dimgs.discovery.options import comma_separated
    from dimgs.discovery.prepare import table_basis
    from dimgs.groups.derive import all_bases as enumerate_all
    from dimgs.groups.derive import pi_basis, with_target
    from dimgs.report.results import pi_document
    from dimgs.variables import split_header

    asked = None if repeating is None else comma_separated(repeating)
    chosen: dict[str, Any] = {"repeating": asked, "prefer_named": named}
    if len(source) == 1 and split_header(source[0])[1] is None:
        data = options.read(source[0], *([target] if target else []))
        warn(data.warnings)
        basis = table_basis(data, target, options.without_reading(), **chosen)
    else:
        variables, response = with_target(source, target)
        checked = tables.checked(variables, strict=options.strict_units)
        chosen |= attributes(options, "constants scales")
        basis = pi_basis(checked, response, **chosen)
    bases = enumerate_all(basis) if all_bases else None
    if json:
        emit_json(pi_document(basis, bases))
        return
    if basis.response is not None:
        known_as = f"   {basis.response.known_as}" if basis.response.known_as else ""
        say(f"pi_0 = {basis.response}{known_as}")
    counts = f"{_count(basis.variables, 'input')}, rank {basis.rank}"
    rows = [[g.name, str(g), g.known_as or ""] for g in basis.groups]
    table(f"{counts}, {_count(rows, 'group')}", ["group", "definition", "known as"], rows)
    if not basis.groups:
        constant = ", so pi_0 is constant" if basis.response is not None else ""
        say(f"{counts}: no free group{constant}")
    if basis.explanation:
        say(basis.explanation)
    for dropped in basis.dropped:
        say(f"'{dropped.name}' is not used: {dropped.why}.")
    for suggestion in basis.suggestions:
        say(suggestion)
    if bases is not None:
        shown = bases[:_MAX_SHOWN]
        rows = [[", ".join(b.repeating), ", ".join(map(str, b.groups))] for b in shown]
        table(f"{len(bases)} distinct bases", ["repeating", "groups"], rows)
        if len(bases) > _MAX_SHOWN:
            say(f"... and {len(bases) - _MAX_SHOWN} more (--json lists all)")


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


# reasons that are printed below the table of predictions: half of a screen
_MOST_REASONS = 12


@tables.takes("level", "by", *(n for n in TABLE if n not in ("columns", "drop")))
def predict(
    law: Annotated[str, Argument(help="law.json, or curve.json, as written by discover --out.")],
    rows: Annotated[str, Argument(metavar="TABLE", help="Table with the law's inputs.")],
    options: "Options",
    relative_to: int | None = Option(None, help="Predict ratios to this row, counted from 1."),
    json: tables.Json = False,
) -> None:
    """Predict new rows with intervals, and flag rows outside the domain of the law."""
    from dimgs.dataset.checks import dropping_warnings
    from dimgs.law.curve import is_curve
    from dimgs.law.law import Law
    from dimgs.law.prediction import compared, law_table, predicted, wanted_by, with_values
    from dimgs.law.serialise import read_document
    from dimgs.variables import Variable, parse_unit

    if is_curve(read_document(law)[0]):
        if relative_to is not None:
            raise InputError("A smooth curve predicts values alone: leave out --relative-to.")
        _predict_by_curve(law, rows, options, json)
        return
    stored = Law.from_json(law)
    data = law_table(wanted_by(stored), rows, options.reader())
    warn(data.warnings)
    data = with_values(stored, data, drop_bad=options.drop_bad)
    warn(dropping_warnings(data))
    sources = [each.column for each in stored.sources]
    for name in options.by:
        if name not in sources:
            there = f"it has those by {', '.join(sources)}"
            remedy = there if sources else "find it again with --by"
            raise InputError(f"The law has no sources by '{name}'; {remedy}.")
        if name not in data.names:
            lacks = f"{rows} has no column '{name}' of sources"
            raise InputError(f"{lacks}; add it, or leave out --by.")
    places = stored.places(data)
    doubts = [stored.doubt] * bool(stored.doubt) + [stored.verdict] * (stored.confirmed is False)
    warn(doubts)
    target, name = stored.target, stored.target.name
    if relative_to is None:
        prediction = predicted(stored, {n: data[n] for n in data.names}, options.level, "run")
    else:
        position = np.flatnonzero(data.rows == relative_to)
        if not position.size:
            there = f"{rows} has rows {data.rows[0]} to {data.rows[-1]}"
            left = " without those that cannot be used" if data.dropped else ""
            raise InputError(f"--relative-to is {relative_to}, but {there}{left}.")
        reference = data.take(np.full(data.n_runs, position[0]))
        prediction = compared(stored, data, reference, options.level, "law")
        # a level is a logarithm already, of which ratios are differences
        what, of = ("difference", target.unit) if target.is_level else ("ratio", parse_unit("1"))
        target = Variable(f"{name} {what}", of)
    listed = _rows(prediction, [place.to_json() for place in places])
    if json:
        judged = attributes(stored, "confirmed why_not probability")
        warned = {"warnings": doubts} if doubts else {}
        unit = {"unit": target.si_unit, "level": options.level}
        emit_json({"rows": listed, **unit, **judged, **warned})
        return
    _print_rows(data, listed, target, options)
    numbered = ((int(data.rows[i]), place) for i, place in enumerate(places))
    lines = [f"row {row} {text}" for row, place in numbered for text in place.sentences]
    for line in lines[:_MOST_REASONS]:
        say(line)
    if len(lines) > _MOST_REASONS:
        say(f"and {len(lines) - _MOST_REASONS} more reasons; --json gives all of them.")


def _rows(prediction: Iterable[Any], places: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Predicted values with their intervals, in SI, and what is said of the places of the rows."""
    columns = [np.atleast_1d(np.asarray(x, dtype=np.float64)).tolist() for x in prediction]
    return [
        {"value": value, "low": low, "high": high, **place}
        for value, low, high, place in zip(*columns, places, strict=True)
    ]


def _print_rows(
    data: "Dataset", rows: Sequence[Any], target: "Variable", options: "Options", how: str = ""
) -> None:
    """The predictions in the unit of the table, which a person reads."""
    in_si = options.si or target.is_level
    unit, convert = (target.si_unit, float) if in_si else (target.unit.text, target.unit.from_si)
    ends = ("value", "low", "high")
    lines = [
        [str(int(number)), *(f"{convert(row[e]):.6g}" for e in ends), ", ".join(row["outside"])]
        for number, row in zip(data.rows, rows, strict=True)
    ]
    title = f"{target.name} [{unit}]{how} with {options.level:.0%} intervals"
    table(title, ["row", "value", "low", "high", "outside"], lines)


def _predict_by_curve(path: str, rows: str, options: "Options", json: bool) -> None:
    """Predict new rows by a smooth curve, said to be one."""
    from dimgs.dataset.checks import dropping_warnings
    from dimgs.law.curve import KIND, Curve
    from dimgs.law.prediction import law_table

    curve = Curve.from_json(path)
    data = law_table(curve.wanted, rows, options.reader())
    columns = {n: np.asarray(data[n], dtype=np.float64) for n in data.numeric_names}
    edited = f"{path} was edited after it was written." if curve.edited else ""
    limit = "A smooth curve describes these runs; it is no law, and knows nothing beyond them."
    warn(filter(None, [*data.warnings, *dropping_warnings(data), edited, limit]))
    outside = [{"outside": names} for names in curve.outside(columns)]
    listed = _rows(curve.predict_si(columns, options.level), outside)
    show = partial(_print_rows, data, listed, curve.target, options, f" by a {KIND},")
    document = {"unit": curve.target.si_unit, "level": options.level, "kind": KIND}
    emit({"rows": listed, **document}, show, json)


@tables.takes(*DISCOVER)
def next(
    table: tables.Table,
    target: Annotated[str, Option("--target", "-y", help="Response column.")],
    options: "Options",
    count: int = Option(5, "--count", "-n", min=1, help="Number of runs."),
    range: list[str] | None = Option(
        None,
        help="Range of an input, such as 'U=0.1..10 m/s'; repeatable. By default that of the runs, "
        "each end wider by up to √2.",
    ),
    against: Path | None = Option(
        None, help="law.json of a published law; the runs test where it fails."
    ),
    json: tables.Json = False,
) -> None:
    """Propose the runs that best distinguish the laws that a table allows."""
    from dimgs.discovery.discover import check_model
    from dimgs.discovery.discover import discover as study
    from dimgs.discovery.next_runs import ranges_of
    from dimgs.law.law import Law

    check_model(options.model)
    published = None if against is None else Law.from_json(against)
    if published is not None and published.doubt:
        warn([published.doubt])
    ranges = ranges_of(range or [])
    ((name, data, chosen),) = tables.each(table, [target], options)
    with working(f"searching for the laws of {name}", options.seconds) as progress:
        report = study(data, name, chosen, progress=progress)
    warn(report.notes)
    runs = report.next_runs(count, ranges, published)
    warn(runs.warnings)
    emit(runs.to_json(), str(runs), json)


@tables.takes("by", "split_by", "level", "seed", *TABLE)
def sensitivity(
    source: Annotated[str, Argument(metavar="TABLE|LAW.json", help="Table with units, or a law.")],
    options: "Options",
    target: list[str] | None = Option(
        None, "--target", "-y", help="Response column; repeatable. Not needed for a law."
    ),
    json: tables.Json = False,
) -> None:
    """Compute the shares of the target's variance that the inputs explain (Sobol, Shapley)."""
    from dimgs.discovery.explore import law_sensitivity
    from dimgs.discovery.explore import sensitivity as look
    from dimgs.law.law import Law

    if source.endswith(".json"):
        law = Law.from_json(source)
        if target and target != [law.target.name]:
            raise InputError(f"The law is one of '{law.target.name}', not of '{target[0]}'.")
        results = [law_sensitivity(law, options)]
    elif not target:
        raise InputError("Name the response column with --target.")
    else:
        results = [look(data, name, o) for name, data, o in tables.each(source, target, options)]
    _emit([_shown(effects, _print_effects, json) for effects in results], json)


def _print_effects(effects: "Sensitivity") -> None:
    from dimgs.report.plain_text import score

    document = effects.to_json()
    kinds = ["main", "total", *(["shapley"] if document["shapley"] else [])]
    share = "{value:.3f} [{low:.3f}, {high:.3f}]"
    rows = [
        [name, *(share.format(**document[kind][name]) for kind in kinds)]
        for name in sorted(effects.inputs, key=lambda n: -document[kinds[-1]][n]["value"])
    ]
    of = f"the logarithm of {effects.target}" if effects.scale == "log" else effects.target
    title = f"Shares of the variance of {of}, with {effects.level:.0%} intervals"
    table(title, ["input", *kinds], rows)
    if document["shapley"]:
        say(
            "The inputs are correlated over the runs: Shapley effects divide their common effect "
            "among them, and add up to 1; main and total effects do not."
        )
    if effects.r2_left_out is not None:
        behind = "Cross-validated R² of the smooth model behind these effects:"
        say(f"{behind} {score(effects.r2_left_out)}")


Along = Annotated[str, Column(help="Coordinate along each curve: time, position, frequency.")]
_SEARCH = ("engine", "effort", "evaluations", "time_limit", "level", "seed")


@tables.takes("constants", "scales", *_SEARCH, *TABLE)
def collapse(
    table: tables.Table,
    target: Annotated[str, Column("--target", "-y", help="Column of the values.")],
    along: Along,
    options: "Options",
    curve: Annotated[
        str | None,
        Column(
            help="Label column that names the run; by default rows with equal parameters form one."
        ),
    ] = None,
    out: Path | None = Option(
        None, help="Folder for the figures before and after, JSON and LaTeX."
    ),
    json: tables.Json = False,
) -> None:
    """Find the similarity variables in which the curves of several runs fall on one."""
    from dimgs.symmetry.collapse import collapse_with

    data = options.read(table, *(n for n in (target, along, curve) if n is not None))
    with working(f"searching for the curve of {target}", options.seconds) as progress:
        collapsed = collapse_with(data, target, along, curve, options, progress)
    warn(collapsed.warnings)
    if out is not None:
        written = collapsed.write(out)
        note(f"wrote {', '.join(path.name for path in written)} to {out}")
    emit(collapsed.to_json(), str(collapsed), json)


@tables.takes("constants", *TABLE)
def invariants(
    table: tables.Table,
    along: Along,
    curve: Annotated[str, Column(help="Column that names the run.")],
    options: "Options",
    json: tables.Json = False,
) -> None:
    """Find conserved quantities: equal along each run, and different between runs."""
    from dimgs.dataset.checks import dropping_warnings
    from dimgs.symmetry.invariants import invariants as find

    data = options.read(table, along, curve)
    with working(f"searching for conserved quantities along {along}"):
        conserved = find(data, along, curve, options.constants)
    warn([*data.warnings, *dropping_warnings(data)])
    emit(conserved.to_json(), str(conserved), json)


@tables.takes("constants", "split_by", *TABLE)
def symmetries(
    source: Annotated[
        str, Argument(metavar="LAW.json|TABLE", help="A stored law, or a table with units.")
    ],
    options: "Options",
    target: Annotated[str | None, Column("--target", "-y", help="Response of a table.")] = None,
    json: tables.Json = False,
) -> None:
    """Find the symmetries of a law, or test symmetries of the runs of a table."""
    from dimgs.dataset.checks import dropping_warnings
    from dimgs.symmetry.symmetries import symmetries as find

    if target is None or source.endswith(".json"):
        generators = find(source, target)
    else:
        data = options.read(source, target)
        warn([*data.warnings, *dropping_warnings(data)])
        generators = find(data, target, options.constants, split_by=options.split_by)
    emit(generators.to_json(), str(generators), json)
