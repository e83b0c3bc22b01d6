"""The workbench: from a table to a law in the browser, on this machine alone, behind one token."""

import hmac
import re
import secrets
import shlex
import threading
import time
import warnings
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from importlib.resources import files
from itertools import combinations
from math import comb
from mimetypes import guess_type
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from shutil import make_archive
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from dimgs.common.advice import flag, worded
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import attributes
from dimgs.dataset.dataset import Dataset, from_si
from dimgs.dataset.raw import (
    RawTable,
    ReadOptions,
    Titled,
    doubts,
    quantity_of,
    read_cells,
    titled_columns,
)
from dimgs.dataset.read import EXCEL_SUFFIXES, build, existing, raw_table
from dimgs.discovery.options import Options
from dimgs.engines.refit import pareto_front
from dimgs.expression.candidate import Candidate
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.groups.physical_constants import all_constants
from dimgs.hub.acts import NotFoundError
from dimgs.hub.entry import Json
from dimgs.hub.permissions import NotAllowedError
from dimgs.law.export import column_symbols, law_article
from dimgs.law.latex import group_latex, symbol_latex
from dimgs.variables import Dimension
from dimgs.web.app import Endpoint, in_the_browser, static, status_of
from dimgs.web.intake import Form, Guard, Intake, number_in
from dimgs.web.pages import Frame, templates

if TYPE_CHECKING:
    from dimgs.report.figures import Drawing
    from dimgs.report.results import NextRuns, Report


# ---- A table on the workbench: its settings, columns, groups and page.


# seconds that a search may take, as offered
TIME_LIMITS = (10, 30, 60, 300, 1800)
# choices of repeating variables that a list still shows
_MOST_SETS = 300


@dataclass(frozen=True)
class Choices:
    """Settings of the analysis of a table.

    Attributes
    ----------
    target : str
        Column to be explained; empty until one is chosen.
    inputs : tuple of str
        Numeric columns that may explain it.
    units : mapping of str to str
        Units that were corrected, by column.
    within, split_by : str
        Label columns: with a prefactor of its own for each label, or held out together.
    constants, scales : tuple of str
        Known constants, and unknown ones such as ``M0 [kg]``.
    repeating : tuple of str
        Repeating variables of the groups that are shown; empty for the shortest groups.
    drop_bad, regimes : bool
    time_limit : float
    sheet : str
        Of a workbook; empty for its first.
    across, up, colour : str
        What the plot shows: names of groups or columns, and a label column.
    """

    target: str = ""
    inputs: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    within: str = ""
    split_by: str = ""
    constants: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    repeating: tuple[str, ...] = ()
    drop_bad: bool = False
    regimes: bool = False
    time_limit: float = 60.0
    sheet: str = ""
    across: str = ""
    up: str = ""
    colour: str = ""

    @classmethod
    def of(cls, form: Sequence[tuple[str, str]], columns: Mapping[str, str]) -> "Choices":
        """Choices that a form brings.

        Parameters
        ----------
        form : sequence of (name, value)
        columns : mapping of str to str
            The unit that each column has of its own, by name.

        Raises
        ------
        InputError
            If the time limit is not a number.
        """
        one = dict(form)

        def many(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(v for n, v in form if n == name and v))

        def column(name: str) -> str:
            return one.get(name, "") if one.get(name, "") in columns else ""

        units = {}
        for k, (name, stated) in enumerate(columns.items()):
            typed = one.get(f"unit-{k}", stated).strip()[:200]
            if typed != stated:
                units[name] = typed
        limit = number_in(one.get("time_limit", "60"), "The time is a number of seconds.")
        chosen: Json = {n: column(n) for n in ("target", "within", "split_by", "colour")}
        chosen |= {n: one.get(n, "") for n in ("sheet", "across", "up")}
        chosen |= {n: n in one for n in ("drop_bad", "regimes")}
        return cls(
            inputs=tuple(n for n in many("input") if n in columns and n != chosen["target"]),
            units=units,
            constants=many("constant"),
            scales=tuple(_parts(one.get("scales", ""), ";")),
            repeating=tuple(_parts(one.get("repeating", ""), ",")),
            time_limit=limit,
            **chosen,
        )

    @property
    def question(self) -> tuple[Any, ...]:
        """Settings that a law depends on; the others concern the display."""
        return (
            self.target, frozenset(self.inputs), tuple(sorted(self.units.items())), self.within,
            self.split_by, frozenset(self.constants), self.scales, self.drop_bad, self.regimes,
            self.sheet,
        )  # fmt: skip

    def options(self) -> Options:
        """The question as options of an analysis.

        Raises
        ------
        InputError
            If they cannot be used together.
        """
        same = ("units", "constants", "drop_bad", "regimes", "time_limit")
        choices: Json = {n: getattr(self, n) for n in same}
        choices |= {n: getattr(self, n) or None for n in ("within", "split_by", "sheet")}
        scales = "auto" if self.scales == ("auto",) else self.scales
        return Options(columns=self.inputs, scales=scales, **choices)

    def command(self, table: str, verb: str = "discover") -> str:
        """The question as a command line.

        Examples
        --------
        >>> choices = Choices("T", ("L",), {"L": "mm"}, constants=("g",))
        >>> print(choices.command("swing.csv"))
        dimgs discover swing.csv --target T --columns L --units L=mm --constants g
        """
        limited = verb == "discover" and self.time_limit != 60
        flags = [
            ("target", self.target),
            ("columns", ",".join(self.inputs)),
            ("units", ",".join(f"{n}={u}" for n, u in self.units.items())),
            ("constants", ",".join(self.constants)),
            *(("scales", scale) for scale in self.scales),
            *((n, getattr(self, n)) for n in ("within", "split_by", "sheet")),
            ("time_limit", f"{self.time_limit:g}" if limited else ""),
        ]
        words = [word for name, value in flags if value for word in (flag(name), value)]
        words += [flag(name) for name in ("drop_bad", "regimes") if getattr(self, name)]
        return shlex.join(["dimgs", verb, table, *words])


def _parts(text: str, mark: str) -> Iterable[str]:
    return dict.fromkeys(part.strip() for part in text.split(mark) if part.strip())


@dataclass(frozen=True)
class Column:
    """A column as it was understood.

    Attributes
    ----------
    name, unit : str
        The unit as it is written, or was corrected to; empty where there is none.
    table_unit : str
        The unit that the table gives.
    role : {"number", "label", "error", "unitless", "unknown"}
        Whether it holds numbers, labels or standard errors, or numbers that wait for a unit;
        unknown where it cannot be read.
    meaning : str
        What it was understood as.
    doubts : tuple of str
        What may be meant otherwise.
    problem : str
        Why it cannot be read, and the remedy; empty where it can.
    """

    name: str
    unit: str
    table_unit: str
    role: str
    meaning: str = ""
    doubts: tuple[str, ...] = ()
    problem: str = ""


@dataclass(eq=False)
class Sheet:
    """A table, and what was chosen of it.

    Parameters
    ----------
    id : str
    path : Path
    choices : Choices

    Attributes
    ----------
    study : Study or None
        That of the last fit or search that ended with a law.
    search : LawSearch or None
        The search that runs, or ended without a law.
    """

    id: str
    path: Path
    choices: Choices = field(default_factory=Choices)
    study: "Study | None" = None
    search: "LawSearch | None" = None

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.name

    @property
    def raw(self) -> RawTable:
        """Headers and cells of the chosen sheet.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        return self._raw_of(self.choices.sheet, self.choices.drop_bad)

    @lru_cache(maxsize=2)  # noqa: B019
    def _raw_of(self, sheet: str, drop_bad: bool) -> RawTable:
        return raw_table(self.path, ReadOptions(sheet=sheet or None, drop_bad=drop_bad))

    @cached_property
    def sheets(self) -> tuple[str, ...]:
        """Sheets of a workbook; none of another file."""
        if self.path.suffix.lower() not in EXCEL_SUFFIXES:
            return ()
        from pandas import ExcelFile

        with ExcelFile(self.path) as book:
            return tuple(map(str, book.sheet_names))

    @property
    def table_units(self) -> dict[str, str]:
        """Unit of each column as the table gives it, empty where it gives none."""
        return {t.name: t.unit or "" for t in titled_columns(self.raw, ReadOptions())[0]}

    def begin(self) -> None:
        """Choose every number as an input, and nothing as the target."""
        inputs = tuple(c.name for c in self.columns if c.role in ("number", "unitless"))
        self.choices = replace(self.choices, inputs=inputs)

    @property
    def columns(self) -> list[Column]:
        """The columns, each read by itself, so that one that cannot be read hides no other."""
        choices = self.choices
        return self._columns_of(choices.sheet, choices.drop_bad, tuple(choices.units.items()))

    @lru_cache(maxsize=8)  # noqa: B019
    def _columns_of(
        self, sheet: str, drop_bad: bool, units: tuple[tuple[str, str], ...]
    ) -> list[Column]:
        stated, corrected = self.table_units, dict(units)
        titled, _ = titled_columns(self.raw, ReadOptions(units=corrected))
        read = [self._column(t, stated[t.name]) for t in titled]
        numeric = {c.name: c.unit for c in read if c.role in ("number", "error")}
        doubted = doubts(numeric, self.raw.source)
        return [replace(c, doubts=(doubted[c.name],) if c.name in doubted else ()) for c in read]

    def _column(self, titled: Titled, stated: str) -> Column:
        name, unit = titled.name, titled.unit or ""
        base, understood = quantity_of(name), partial(Column, name, unit, stated)
        column = replace(titled.column, row_unit="")
        alone = replace(self.raw, columns=[column], sidecar=({}, ""), notes=[])
        units = {name: f"{unit}; {titled.kind}" if titled.kind else unit} if titled.unit else {}
        try:
            data = build(alone, ReadOptions(units=units, find_duplicates=False))
        except DimgsError as error:
            if titled.unit is None and not read_cells(titled.column.cells, self.raw.decimal).words:
                what = "It has no unit yet; write one, or 1 for a pure number."
                return understood("unitless", problem=what)
            return understood("unknown", problem=str(error))
        if name not in data.names:
            return understood("unknown", problem="The column is empty.")
        if data.variable(name).is_label:
            count = len(set(data[name]))
            return understood("label", f"{count} label{'s' if count > 1 else ''}")
        if base is not None and base in self.table_units:
            return understood("error", _meaning(data, name, base))
        return understood("number", _meaning(data, name, ""))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Inputs that were ticked and can be read."""
        numbers = {c.name for c in self.columns if c.role == "number"}
        return tuple(n for n in self.choices.inputs if n in numbers)

    def table(self) -> Dataset:
        """The chosen columns.

        Raises
        ------
        InputError
            If they cannot be read, or there are none.
        """
        choices, inputs = self.choices, self.inputs
        colour = [choices.colour] if choices.colour else []
        named = [choices.target] if choices.target else []
        if not inputs and not choices.constants:
            raise InputError("Tick at least one input that has a unit.")
        chosen = replace(choices, inputs=(*inputs, *colour)).options()
        return build(self.raw, replace(chosen.reader(named), with_labels=True))

    @property
    def question(self) -> Choices:
        """The question, with readable columns only.

        Labels are no inputs, and tell whether runs with different ones differ.
        """
        labels = (c.name for c in self.columns if c.role == "label")
        return replace(self.choices, inputs=(*self.inputs, *labels), colour="")

    def basis(self, data: Dataset) -> PiBasis:
        """Groups of the chosen columns over the chosen repeating variables.

        Raises
        ------
        InputError, DimensionError
            If there are none, with the remedy.
        """
        from dimgs.discovery.prepare import table_basis

        choices = self.choices
        asked = choices.options().without_reading()
        return table_basis(data, choices.target or None, asked, repeating=choices.repeating or None)

    def choose(self, form: Sequence[tuple[str, str]]) -> None:
        """Take what was chosen.

        Raises
        ------
        InputError
            If it cannot be used.
        """
        chosen, before = Choices.of(form, self.table_units), self.choices
        if chosen.sheet != before.sheet:
            self.choices = Choices(sheet=chosen.sheet)
            self.begin()
            return
        if before.target and before.target != chosen.target:
            # what is not a target any more may explain the other
            chosen = replace(chosen, inputs=(*chosen.inputs, before.target))
        self.choices = chosen

    def _asked(self) -> tuple[Choices, Dataset, Options]:
        """The question, its runs, and the options of the analysis."""
        if not self.choices.target:
            raise InputError("Choose a target first.")
        choices = self.question
        options = choices.options()
        return choices, options.read(self.path, choices.target), options.without_reading()

    def _study_of(self, choices: Choices, report: "Report", verb: str) -> "Study":
        command = choices.command(self.name, verb)
        provenance = {**report.provenance, "command": command}
        return Study(replace(report, provenance=provenance), choices.question)

    def fit(self) -> None:
        """Fit the power law, at once.

        Raises
        ------
        DimgsError
            If the table cannot answer the question.
        """
        from dimgs.discovery.discover import report_on_fit

        choices, data, options = self._asked()
        report = report_on_fit(data, choices.target, options)
        self.end_search()
        self.study = self._study_of(choices, report, "fit")

    def discover(self) -> None:
        """Begin a search for the law.

        Raises
        ------
        DimgsError
            If the table cannot answer the question.
        """
        from dimgs.discovery.prepare import prepare

        choices, data, options = self._asked()
        # a question that cannot be answered is refused at once
        prepare(data, choices.target, options, any_sign=True)
        self.end_search()

        def keep(search: LawSearch, report: "Report") -> None:
            if search is self.search:
                self.study, self.search = self._study_of(choices, report, "discover"), None

        self.search = LawSearch(data, choices.target, options, keep)

    def end_search(self) -> None:
        """End the search, if one runs."""
        search, self.search = self.search, None
        if search is not None:
            search.close()


def repeating_sets(basis: PiBasis) -> list[tuple[str, ...]]:
    """Every set of repeating variables; none where they are too many to be shown.

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> repeating_sets(pi_basis(["F [N]", "mu [Pa*s]", "U [m/s]", "D [m]"], "F"))
    [('D', 'U', 'mu')]
    """
    from dimgs.groups.derive import repeating_groups

    names = basis.matrix.names
    if comb(len(names), basis.rank) > _MOST_SETS:
        return []
    possible = combinations(names, basis.rank)
    return [chosen for chosen in possible if repeating_groups(basis.matrix, chosen) is not None]


def _meaning(data: Dataset, name: str, base: str) -> str:
    """Kind or dimension, and range, of a column in words."""
    from dimgs.groups.kinds import infer_kinds
    from dimgs.report.words import short

    variable = data.variable(name)
    kinds = infer_kinds(name, variable.dimension, variable.kind)
    if base:
        what = f"standard error of {base}"
    elif variable.is_level:
        what = "level, already logarithmic"
    elif len(kinds) == 1:
        what = kinds[0].name
    else:
        what = _dimension_text(variable.dimension)
    values = from_si(np.asarray(data[name], dtype=np.float64), variable.unit)
    values = values[np.isfinite(values)]
    if not values.size:
        return f"{what}; no numbers"
    low, high = float(values.min()), float(values.max())
    if low == high:
        return f"{what}; always {short(low)}"
    blanks = len(data) - values.size
    more = f"; {blanks} blank" if blanks else ""
    return f"{what}; {short(low)} to {short(high)}{more}"


def _dimension_text(dimension: Dimension) -> str:
    """A dimension in words where it has a short one.

    Examples
    --------
    >>> print(_dimension_text(Dimension.of({"[time]": 1})), _dimension_text(Dimension()))
    time a pure number
    """
    if dimension.is_dimensionless:
        return "a pure number"
    parts = list(dimension)
    if len(parts) == 1 and parts[0][1] == 1:
        return parts[0][0].strip("[]")
    return f"dimension {dimension}"


# points that a picture of this size resolves, and colours that an eye distinguishes
_MOST_POINTS, _MOST_COLOURS = 2000, 6
# decades that are rounding
_SAME = 1e-9
# constants that are offered at once, in the order of the table; the others on request
_COMMON = 5


@dataclass(frozen=True)
class Axis:
    """A quantity that can be drawn: its name in forms, its formula, and log10 of its values."""

    name: str
    latex: str
    text: str
    logs: Array


@dataclass(frozen=True)
class Plot:
    """A scatter of two quantities.

    Attributes
    ----------
    x, y : Axis
    offered : list of Axis
    points : list of mapping
        Places from 0 to 1 (y downwards), the text of each, and its colour from 0 on.
    frame : Frame
    colours : list of (text, number of points)
        Of the labels, in the order of their colours.
    left_out : int
        Runs without a logarithm there.
    thinned : int
        Runs besides those drawn.
    """

    x: Axis
    y: Axis
    offered: list[Axis]
    points: list[Json]
    frame: Frame
    colours: list[tuple[str, int]]
    left_out: int
    thinned: int


def plot(
    data: Dataset, basis: PiBasis | None, x: str = "", y: str = "", colour: str = ""
) -> Plot | None:
    """Scatter of two groups or columns; None where nothing positive varies.

    Parameters
    ----------
    data : Dataset
    basis : PiBasis, optional
        Whose groups can be drawn, besides the columns.
    x, y : str
        Names of groups or columns; by default the response over the group that varies most.
    colour : str
        Label column whose most frequent labels have colours.
    """
    offered = _offered_axes(data, basis)
    if not offered:
        return None
    by_name = {a.name: a for a in offered}
    target = basis.target.name if basis is not None and basis.target is not None else ""
    # without a free group, pi_0 is a constant: the response itself says more
    response = "pi_0" if basis is not None and basis.groups else target
    up = by_name.get(y) or by_name.get(response) or by_name.get(target) or offered[-1]
    others = [a for a in offered if a is not up and a.name not in ("pi_0", target)] or offered
    groups = [a for a in others if a.name.startswith("pi_")]
    over = by_name.get(x) or max(groups or others, key=lambda a: _spread(a.logs))
    good = np.isfinite(over.logs) & np.isfinite(up.logs)
    rows = np.flatnonzero(good)
    # always the same ones
    drawn = rows[:: max(1, -(-len(rows) // _MOST_POINTS))]
    frame = Frame.around(*(a.logs[drawn].tolist() for a in (over, up)))
    labels = [str(v) for v in data[colour]] if colour in data.label_names else []
    counts = Counter(labels[i] for i in drawn) if labels else Counter[str]()
    legend = counts.most_common(_MOST_COLOURS)
    place = {label: k for k, (label, _) in enumerate(legend)}
    points = [
        {
            **frame.point(over.logs[i], up.logs[i]),
            "text": f"row {data.rows[i]}" + (f", {labels[i]}" if labels else ""),
            "colour": place.get(labels[i], _MOST_COLOURS) if labels else 0,
        }
        for i in drawn.tolist()
    ]
    rest = counts.total() - sum(n for _, n in legend)
    colours = [*legend, *([("others", rest)] if rest else [])]
    left_out = int(np.count_nonzero(~good))
    return Plot(over, up, offered, points, frame, colours, left_out, len(rows) - len(drawn))


def _offered_axes(data: Dataset, basis: PiBasis | None) -> list[Axis]:
    """Groups, then columns, of which at least two runs have different logarithms."""
    values: Json = {n: np.asarray(data[n], dtype=np.float64) for n in data.numeric_names}
    symbols = {v.name: symbol_latex(v.name, v.kind) for v in data.variables}
    groups: list[PiGroup] = []
    if basis is not None:
        symbols |= column_symbols(basis)
        for v in basis.variables:
            if v.name not in values and v.value is not None:
                values[v.name] = v.value
        groups = list(basis.every_group)
    axes = []
    with np.errstate(all="ignore"):
        for group in groups:
            # a scale has no values
            if all(n in values for n, _ in group.exponents):
                logs = np.broadcast_to(group.log(values) / np.log(10), (data.n_runs,))
                text = f"{group.name} = {group}" + (f", {group.known_as}" if group.known_as else "")
                axes.append(Axis(group.name, group_latex(group, symbols), text, logs))
        for v in data.variables:
            if not v.is_label and not v.is_level:
                unit = v.si_unit
                text = v.name if unit == "1" else f"{v.name} [{unit}]"
                axes.append(Axis(v.name, symbols[v.name], text, np.log10(values[v.name])))
    return [a for a in axes if _spread(a.logs) > _SAME]


def _spread(logs: Array) -> float:
    finite = logs[np.isfinite(logs)]
    return float(np.ptp(finite)) if finite.size else 0.0


def workbench_view(sheet: Sheet) -> Json:
    """Content of the page of a table.

    Returns
    -------
    dict
        "sheet"; "columns", "numbers" (those that may be a target) and "labels"; "groups" with the
        response group first, "repeating" sets that may be chosen, the "basis" or the "problem" why
        there is none; "notes", "plot", "common" and "rare" constants, and time "limits".
    """
    choices, columns = sheet.choices, sheet.columns
    basis, drawn, problem = None, None, ""
    notes: tuple[str, ...] = ()
    sets: list[tuple[str, ...]] = []
    try:
        data = sheet.table()
        notes = data.warnings
        try:
            basis = sheet.basis(data)
            sets = repeating_sets(basis)
        except DimgsError as error:
            problem = str(error)
        drawn = plot(data, basis, choices.across, choices.up, choices.colour)
    except DimgsError as error:
        problem = str(error)
    if basis is not None:
        notes += tuple(f"{d.name} is not used: {d.why}." for d in basis.dropped)
        notes += basis.suggestions
    constants = [
        {**attributes(c, "symbol latex name"), "ticked": c.symbol in choices.constants}
        for c in all_constants()
    ]
    common = [c for k, c in enumerate(constants) if k < _COMMON or c["ticked"]]
    return {
        "sheet": sheet,
        "columns": columns,
        "numbers": [c for c in columns if c.role in ("number", "unitless")],
        "labels": [c.name for c in columns if c.role == "label"],
        "groups": _groups(basis),
        "repeating": sets,
        "basis": basis,
        "problem": problem,
        # what is doubtful stands beside its column already
        "notes": tuple(n for n in dict.fromkeys(notes) if all(n not in c.doubts for c in columns)),
        "plot": drawn,
        "common": common,
        "rare": [c for c in constants if c not in common],
        "limits": TIME_LIMITS,
    }


def _groups(basis: PiBasis | None) -> list[dict[str, str]]:
    if basis is None:
        return []
    columns = column_symbols(basis)
    groups = []
    for group in basis.every_group:
        number = rf"\pi_{{{group.name.removeprefix('pi_')}}}"
        left = number if group.symbol is None else f"{number} = {group.symbol}"
        latex = f"{left} = {group_latex(group, columns)}"
        groups.append({"name": group.name, "latex": latex, "known_as": group.known_as or ""})
    return groups


# ---- The tables on the workbench, the searches that run, and the study of each.


# the typesetting of mathematics in figures is not made for threads
_drawing = Lock()
# seconds between two looks at the events of a search, and that it has to end once it is asked to
_LOOK, _PATIENCE = 0.2, 20.0
# of the name of a dropped file: what no file system refuses
_UNSAFE = re.compile(r"[^\w .()+-]", re.ASCII)
# letters of it that are kept: file systems take 255 bytes, and a letter may have two
_LONGEST = 120


@dataclass
class Study:
    """A report with the settings of its analysis.

    Attributes
    ----------
    report : Report
    question : tuple
        :attr:`dimgs.web.studio.Choices.question` of it.
    kept : dict
        Ids in the hub in which it was kept, and where that is; empty where it was not.
    next_runs : NextRuns, optional
        Runs that would tell its rivals apart, once they were asked for.
    """

    report: "Report"
    question: tuple[Any, ...]
    kept: Json = field(default_factory=dict)
    next_runs: "NextRuns | None" = None

    @cached_property
    def drawings(self) -> "list[Drawing]":
        """Every figure that there is data for, drawn."""
        from dimgs.report.figures import draw_figures

        with _drawing:
            drawings = draw_figures(self.report)
            for drawing in drawings:
                drawing.svg()
        return drawings

    @cached_property
    def content(self) -> Json:
        """Content of the page of the report."""
        from dimgs.report.render import page_content

        return page_content(self.report, self.drawings)

    def propose(self, count: int) -> None:
        """Propose the runs that best distinguish the rivals."""
        self.next_runs = self.report.next_runs(count)

    def keep(self, address: str) -> None:
        """Keep the report in a hub, which is made where there is none.

        Raises
        ------
        DimgsError
            If it cannot be kept.
        """
        from dimgs.hub import Hub
        from dimgs.hub.hub import keep_report
        from dimgs.report.render import report_html

        if not address:
            raise InputError("Name a hub, such as group.sqlite.")
        with Hub(address) as hub:
            page = report_html(self.report, self.drawings)
            self.kept = {"hub": address, **keep_report(hub, self.report, page)}

    def file(self, name: str) -> tuple[bytes, str]:
        """Content and media type of a file.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        stem, _, ending = name.rpartition(".")
        figures = self.drawings if ending in ("svg", "png", "pdf") else []
        drawn = next((d for d in figures if d.name == stem), None)
        if drawn is not None:
            with _drawing:
                content = getattr(drawn, ending)()
        elif name in self.files:
            content = self.files[name]()
        else:
            raise InputError("There is no such file of this law.")
        kind = guess_type(name)[0] or "application/octet-stream"
        return content.encode() if isinstance(content, str) else content, kind

    @property
    def files(self) -> dict[str, Callable[[], str | bytes]]:
        """What can be taken away, figures apart: what gives the content of each file, by name."""
        from dimgs.law.serialise import as_text
        from dimgs.report.render import report_html

        contents: dict[str, Callable[[], str | bytes]] = {
            "report.html": lambda: report_html(self.report, self.drawings)
        }
        if (law := self.report.law) is not None:
            contents["law.json"] = lambda: as_text(law.to_json())
            contents["law.tex"] = lambda: law_article(law)
            contents["law.py"] = law.python
        return {**contents, "everything.zip": self._zip}

    def _zip(self) -> bytes:
        from dimgs.report.results import write_study

        drawings = self.drawings
        with TemporaryDirectory() as folder:
            study = Path(folder, "study")
            with _drawing:
                write_study(self.report, study, drawings)
            return Path(make_archive(str(study), "zip", study)).read_bytes()


class LawSearch:
    """A search that runs.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options
        Of the analysis of the runs.
    keep : callable
        Called with the search and its report, if it ends with one.

    Attributes
    ----------
    limit : float
        Seconds that it may take.
    last_event : str
        Its last progress event.
    front : tuple of Candidate
        Its candidates that no other one beats in both complexity and loss.
    stopping, over : bool
        Whether it was asked to stop, and whether it ended.
    problem : str
        Why it ended without a report; empty where it did not.
    """

    def __init__(
        self,
        data: Dataset,
        target: str,
        options: Options,
        keep: "Callable[[LawSearch, Report], None]",
    ) -> None:
        self.limit = options.seconds
        self.last_event, self.problem = "starting", ""
        self.front: tuple[Candidate, ...] = ()
        self.stopping = self.over = False
        self._keep, self._begun = keep, time.monotonic()
        context = get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(
            target=_search, args=(there, data, target, options), daemon=True
        )
        self._process.start()
        there.close()
        threading.Thread(target=self._hear, daemon=True).start()

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._begun

    def changes(self) -> Iterator[bool]:
        """Whether it is over, whenever it changed, and once a second."""
        last: tuple[Any, ...] = ()
        over = False
        while not over:
            over = self.over
            now = (self.last_event, self.front, int(self.seconds), self.stopping, over)
            if now != last:
                yield over
                last = now
            time.sleep(0.0 if over else _LOOK)

    def stop(self) -> None:
        """Ask it to stop: it ends with the best law until then."""
        if self.over:
            return
        self.stopping = True
        # one that has just ended hears nothing
        with suppress(OSError):
            self._here.send("stop")
            threading.Thread(target=self._end, daemon=True).start()

    def close(self) -> None:
        """End it at once."""
        self._process.terminate()
        self._process.join(_PATIENCE)

    def _end(self) -> None:
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self.problem = "The search was stopped before it had a law."
            self._process.terminate()

    def _hear(self) -> None:
        try:
            while (event := self._here.recv())[0] == "progress":
                _, text, candidates = event
                self.last_event = text or self.last_event
                self.front = tuple(pareto_front((*self.front, *candidates)))
            _, problem, report = event
            self.problem = problem or self.problem
            if report is not None:
                self._keep(self, report)
        except (EOFError, OSError):
            self.problem = self.problem or (
                "The process of the search ended before it had a law; its memory may have run out."
            )
        self.over = True


def _search(pipe: Connection, data: "Dataset", target: str, options: Options) -> None:
    """Run a search, in its own process."""
    threading.Thread(target=_until_stopped, args=(pipe,), daemon=True).start()

    def heard(text: str) -> None:
        candidates = getattr(text, "candidates", ())
        pipe.send(("progress", "" if candidates else str(text), candidates))

    report, problem = None, ""
    with worded(in_the_browser), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from dimgs.discovery.discover import discover_with

            report = discover_with(data, target, options, heard)
        except DimgsError as error:
            problem = str(error)
        except MemoryError:
            problem = "The memory of this machine does not suffice; use fewer rows."
        except KeyboardInterrupt:
            problem = "The search was stopped before it had a law."
        except Exception as error:
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            problem = f"The search failed on something unforeseen ({what}); please report it."
    pipe.send(("ended", problem, report))


def _until_stopped(pipe: Connection) -> None:
    """Interrupt the search when it is asked to stop, as Ctrl-C would."""
    import _thread

    try:
        pipe.recv()
    except (EOFError, OSError):
        return
    _thread.interrupt_main()


class Workbench:
    """The tables on the workbench.

    Parameters
    ----------
    folder : Path
        Dropped tables are written into it.
    hub : str
        Where laws are kept, unless another hub is named.
    """

    def __init__(self, folder: Path, hub: str = "") -> None:
        self.folder = folder
        self.hub = hub
        self._sheets: dict[str, Sheet] = {}

    @property
    def sheets(self) -> list[Sheet]:
        """The tables, the last one first."""
        return list(reversed(self._sheets.values()))

    def table(self, id: str) -> Sheet:
        """A table by its id.

        Raises
        ------
        NotFoundError
        """
        if id not in self._sheets:
            raise NotFoundError("The table is not on the workbench; drop it again.")
        return self._sheets[id]

    def open(self, path: Path) -> Sheet:
        """Put a file on the workbench.

        Raises
        ------
        InputError
            If it cannot be read as a table.
        """
        sheet = Sheet(secrets.token_hex(4), existing(path))
        sheet.begin()
        self._sheets[sheet.id] = sheet
        return sheet

    def put(self, name: str, parts: Iterable[bytes]) -> Sheet:
        """Put a file that was dropped on the workbench.

        Raises
        ------
        InputError
            If it cannot be read as a table.
        """
        folder = self.folder / secrets.token_hex(4)
        folder.mkdir()
        path = folder / (_UNSAFE.sub("_", Path(name).name)[-_LONGEST:].lstrip(". ") or "table.csv")
        try:
            with path.open("wb") as file:
                for part in parts:
                    file.write(part)
        except OSError as error:
            raise InputError(f"The table cannot be kept here ({error.strerror}).") from error
        try:
            return self.open(path)
        except DimgsError:
            path.unlink()
            folder.rmdir()
            raise

    def example(self) -> Sheet:
        """Put a table of planets and moons on the workbench, with a question."""
        sheet = self.put("planets.csv", [(files("dimgs.cli") / "planets.csv").read_bytes()])
        inputs = tuple(n for n in sheet.choices.inputs if n != "T")
        sheet.choices = replace(sheet.choices, target="T", inputs=inputs, constants=("G",))
        return sheet

    def close(self) -> None:
        """End every search."""
        for sheet in self.sheets:
            sheet.end_search()


# ---- The workbench as an ASGI application: for one person, on this machine, behind one token.


_STATIC = ("page.css", "hub.css", "studio.css", "htmx.min.js", "studio.js")
# fields of a form: several for each column of a wide table
_MOST_FIELDS, _FORM_BYTES = 5000, 1 << 20
# bytes of a dropped table that are written at once
_PART = 1 << 20
# runs that are proposed at a time: a day's work, and a table that a phone shows
_PROPOSED = 5

Page = Callable[[Request, Form], Response]


class Studio:
    """The pages of the workbench.

    Parameters
    ----------
    workbench : Workbench
        The tables on it.
    port : int
        Where it is served: cookies are shared by all ports of a machine.
    token : str, optional
        What lets a browser in; drawn by default.
    """

    def __init__(self, workbench: Workbench, port: int, token: str = "") -> None:
        self.workbench = workbench
        self._intake = Intake()
        self._cookie = f"dimgs_studio_{port}"
        self.token = token or secrets.token_urlsafe(24)
        self._csrf = hmac.new(self.token.encode(), b"form", "sha256").hexdigest()

    @property
    def application(self) -> Guard:
        """The ASGI application of the workbench."""
        table = "/tables/{id}"
        pages: list[tuple[str, str, Page]] = [
            ("GET", "/", self._home),
            ("GET", table, self._table),
            ("GET", f"{table}/law", lambda r, form: self._law(r)),
            ("GET", f"{table}/files/{{name}}", self._file),
            ("POST", "/example", lambda r, form: self._to(self.workbench.example())),
            ("POST", table, self._choose),
            ("POST", f"{table}/fit", lambda r, form: self._start(r, form, Sheet.fit)),
            ("POST", f"{table}/discover", lambda r, form: self._start(r, form, Sheet.discover)),
            ("POST", f"{table}/stop", self._stop),
            ("POST", f"{table}/next", self._propose),
            ("POST", f"{table}/keep", self._keep),
        ]
        app = Starlette(
            routes=[
                *(Route(f"/static/{name}", static(name)) for name in _STATIC),
                *(Route(path, self._at(page), methods=[method]) for method, path, page in pages),
                Route("/tables", self._drop, methods=["POST"]),
                Route(f"{table}/events", self._events),
            ],
            exception_handlers=dict.fromkeys((HTTPException, DimgsError, Exception), self._failed),
        )
        return Guard(app, {"127.0.0.1", "localhost", "::1"}, inline_styles=True)

    # who may come in

    def _is_known(self, request: Request) -> bool:
        token = request.cookies.get(self._cookie, "")
        return hmac.compare_digest(token.encode(), self.token.encode())

    def _check_known(self, request: Request) -> None:
        if not self._is_known(request):
            raise NotAllowedError("Open the address that `dimgs studio` printed, with its token.")

    def _check_form(self, form: Form) -> None:
        csrf = dict(form).get("csrf", "")
        if not hmac.compare_digest(csrf.encode(), self._csrf.encode()):
            raise NotAllowedError("The form is of another session; open the page again.")

    def _at(self, page: Page) -> Endpoint:
        async def answer(request: Request) -> Response:
            token = request.query_params.get("token", "")
            if request.method == "GET" and hmac.compare_digest(token.encode(), self.token.encode()):
                # the token does not stay in the address, where others may see it
                response = RedirectResponse(request.url.path, 303)
                response.set_cookie(self._cookie, token, httponly=True, samesite="strict")
                return response
            self._check_known(request)
            form = await self._intake.form(request, _FORM_BYTES, _MOST_FIELDS)
            if request.method == "POST":
                self._check_form(form)
            with worded(in_the_browser):
                return await run_in_threadpool(page, request, form)

        return answer

    def _failed(self, request: Request, error: Exception) -> Response:
        status, sentence = status_of(error), str(error)
        if isinstance(error, HTTPException):
            status, sentence = error.status_code, "This address does not exist."
        elif not isinstance(error, DimgsError):
            what = f"{type(error).__name__}: {error}"
            sentence = f"This is a mistake in dimgs ({what}); please report it."[:400]
        return self._page("studio_error.html", status, sentence=sentence)

    def _page(self, name: str, status: int = 200, **content: Any) -> Response:
        text = templates().get_template(name).render(csrf=self._csrf, **content)
        return HTMLResponse(text, status)

    # pages

    def _sheet(self, request: Request) -> Sheet:
        return self.workbench.table(request.path_params["id"])

    def _study(self, request: Request, purpose: str) -> Study:
        study = self._sheet(request).study
        if study is None:
            raise InputError(f"There is no law {purpose}")
        return study

    def _home(self, request: Request, form: Form) -> Response:
        return self._page("studio_home.html", tables=self.workbench.sheets)

    def _table(self, request: Request, form: Form) -> Response:
        name = "studio_bench.html" if "hx-request" in request.headers else "studio_table.html"
        view = workbench_view(self._sheet(request))
        return self._page(name, view=view, **self._result(request))

    def _result(self, request: Request, problem: str = "") -> Json:
        sheet = self._sheet(request)
        study, search = sheet.study, sheet.search
        content = {} if study is None else study.content
        page = {"id": sheet.id, "study": study, "search": search, "hub": self.workbench.hub}
        return {**content, **page, "problem": problem}

    def _law(self, request: Request, problem: str = "") -> Response:
        return self._page("studio_law.html", **self._result(request, problem))

    def _file(self, request: Request, form: Form) -> Response:
        name = request.path_params["name"]
        content, kind = self._study(request, "to download yet.").file(name)
        # never shown as a page of this origin
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type=kind, headers=headers)

    # acts

    async def _drop(self, request: Request) -> Response:
        self._check_known(request)
        async with request.form(max_files=1, max_fields=5) as form:
            self._check_form([(k, v) for k, v in form.multi_items() if isinstance(v, str)])
            file = form.get("table")
            if not isinstance(file, UploadFile) or not file.filename:
                raise InputError("Choose a table: a CSV, TSV, Excel or Parquet file.")
            parts = iter(lambda: file.file.read(_PART), b"")
            with worded(in_the_browser):
                sheet = await run_in_threadpool(self.workbench.put, file.filename, parts)
        return self._to(sheet)

    def _to(self, sheet: Sheet) -> Response:
        return RedirectResponse(f"/tables/{sheet.id}", 303)

    def _choose(self, request: Request, form: Form) -> Response:
        sheet = self._sheet(request)
        sheet.choose(form)
        return self._table(request, form) if "hx-request" in request.headers else self._to(sheet)

    def _problem(self, act: Callable[[], None]) -> str:
        """Do something; why it failed, else nothing."""
        try:
            act()
        except DimgsError as error:
            return str(error)
        return ""

    def _start(self, request: Request, form: Form, act: Callable[[Sheet], None]) -> Response:
        """Ask, with what is chosen in the form; what is wrong with it is shown beside the law."""
        sheet = self._sheet(request)
        problem = self._problem(lambda: sheet.choose(form)) or self._problem(lambda: act(sheet))
        if "hx-request" not in request.headers and not problem:
            return self._to(sheet)
        return self._law(request, problem)

    def _stop(self, request: Request, form: Form) -> Response:
        search = self._sheet(request).search
        if search is not None:
            search.stop()
        return self._law(request)

    def _propose(self, request: Request, form: Form) -> Response:
        purpose = "yet; search for one before planning runs."
        problem = self._problem(lambda: self._study(request, purpose).propose(_PROPOSED))
        return self._law(request, problem)

    def _keep(self, request: Request, form: Form) -> Response:
        address = dict(form).get("hub", "").strip() or self.workbench.hub
        problem = self._problem(lambda: self._study(request, "to keep yet.").keep(address))
        return self._law(request, problem)

    async def _events(self, request: Request) -> Response:
        search = self._sheet(request).search if self._is_known(request) else None
        if search is None:
            return Response(status_code=204)

        def messages() -> Generator[str, None, None]:
            for over in search.changes():
                name = "over" if over else "progress"
                text = templates().get_template("studio_progress.html").render(search=search)
                lines = "".join(f"data: {line}\n" for line in text.splitlines() if line.strip())
                yield f"event: {name}\n{lines}\n"

        async def sent() -> AsyncIterator[str]:
            with closing(messages()) as stream:
                async for text in iterate_in_threadpool(stream):
                    if await request.is_disconnected():
                        return
                    yield text

        return StreamingResponse(sent(), media_type="text/event-stream")
