"""A table on the workbench: its settings, columns, groups and page."""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import numpy as np

from dimgs.common.advice import flag
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
from dimgs.dataset.read import EXCEL_SUFFIXES, build, raw_table
from dimgs.discovery.options import Options
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.groups.physical_constants import all_constants
from dimgs.hub.entry import Json
from dimgs.law.export import column_symbols
from dimgs.law.latex import group_latex, symbol_latex
from dimgs.variables import Dimension
from dimgs.web.intake import number_in
from dimgs.web.pictures import Frame

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

    def options(self, **changes: Any) -> Options:
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
        return Options(columns=self.inputs, scales=scales, **choices | changes)

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
    """

    id: str
    path: Path
    choices: Choices = field(default_factory=Choices)

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
        return build(self.raw, chosen.reader(named))

    @property
    def question(self) -> Choices:
        """The question, with readable columns only."""
        return replace(self.choices, inputs=self.inputs, colour="")

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
        "sheet", "choices" and the "question" of columns that can be read; "columns", "numbers"
        (those that may be a target) and "labels"; "groups" with the response group first,
        "repeating" sets that may be chosen, the "basis" or the "problem" why there is none;
        "notes", "plot", "common" and "rare" constants, number of "runs", and time "limits".
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
        "choices": choices,
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
        "runs": len(sheet.raw.rows),
        "question": sheet.question,
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
