"""A table on the workbench: what was chosen, its columns as understood, and its groups."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import combinations
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.common.advice import flag
from dimgs.common.errors import DimgsError, InputError
from dimgs.dataset.conversion import from_si
from dimgs.dataset.dataset import Dataset
from dimgs.dataset.headers import Titled, doubts, quantity_of, titled_columns
from dimgs.dataset.raw import RawTable, ReadOptions, read_cells
from dimgs.dataset.read import build, raw_table
from dimgs.discovery.options import Options
from dimgs.variables import Dimension

if TYPE_CHECKING:
    from dimgs.groups.group import PiBasis


# seconds that a search may take, as offered
TIME_LIMITS = (10, 30, 60, 300, 1800)
# choices of repeating variables that a list still shows
_MOST_SETS = 300


@dataclass(frozen=True)
class Choices:
    """The question that is asked of a table.

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
            If the time limit is no number.
        """
        one = dict(form)

        def many(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(v for n, v in form if n == name and v))

        def column(name: str) -> str:
            return one.get(name, "") if one.get(name, "") in columns else ""

        units = {}
        for k, (name, own) in enumerate(columns.items()):
            typed = one.get(f"unit-{k}", own).strip()[:200]
            if typed != own:
                units[name] = typed
        try:
            limit = float(one.get("time_limit", "60"))
        except ValueError as error:
            raise InputError("The time is a number of seconds.") from error
        target = column("target")
        return cls(
            target=target,
            inputs=tuple(n for n in many("input") if n in columns and n != target),
            units=units,
            within=column("within"),
            split_by=column("split_by"),
            constants=many("constant"),
            scales=tuple(_parts(one.get("scales", ""), ";")),
            repeating=tuple(_parts(one.get("repeating", ""), ",")),
            drop_bad="drop_bad" in one,
            regimes="regimes" in one,
            time_limit=limit,
            sheet=one.get("sheet", ""),
            across=one.get("across", ""),
            up=one.get("up", ""),
            colour=column("colour"),
        )

    @property
    def question(self) -> tuple[Any, ...]:
        """What a law depends on; the rest is how things are shown."""
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
        given: dict[str, Any] = {
            "columns": self.inputs,
            "units": self.units,
            "within": self.within or None,
            "split_by": self.split_by or None,
            "constants": self.constants,
            "scales": "auto" if self.scales == ("auto",) else self.scales,
            "drop_bad": self.drop_bad,
            "regimes": self.regimes,
            "time_limit": self.time_limit,
            "sheet": self.sheet or None,
        }
        return Options(**given | changes)

    def command(self, table: str, verb: str = "discover") -> str:
        """The same question on the command line.

        Examples
        --------
        >>> asked = Choices("T", ("L",), {"L": "mm"}, constants=("g",))
        >>> print(asked.command("swing.csv"))
        dimgs discover swing.csv --target T --columns L --units L=mm --constants g
        """
        limited = verb == "discover" and self.time_limit != 60
        given = [
            ("target", self.target),
            ("columns", ",".join(self.inputs)),
            ("units", ",".join(f"{n}={u}" for n, u in self.units.items())),
            ("constants", ",".join(self.constants)),
            *(("scales", scale) for scale in self.scales),
            *((n, getattr(self, n)) for n in ("within", "split_by", "sheet")),
            ("time_limit", f"{self.time_limit:g}" if limited else ""),
        ]
        words = [word for name, value in given if value for word in (flag(name), value)]
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
    own : str
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
    own: str
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
        from dimgs.dataset.read import EXCEL_SUFFIXES

        if self.path.suffix.lower() not in EXCEL_SUFFIXES:
            return ()
        from openpyxl import load_workbook

        book = load_workbook(self.path, read_only=True)
        try:
            return tuple(book.sheetnames)
        finally:
            book.close()

    @property
    def own_units(self) -> dict[str, str]:
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
        own, given = self.own_units, dict(units)
        titled, _ = titled_columns(self.raw, ReadOptions(units=given))
        read = [self._column(t, own[t.name]) for t in titled]
        known = {c.name: c.unit for c in read if c.role in ("number", "error")}
        told = doubts(known, self.raw.source)
        return [replace(c, doubts=(told[c.name],) if c.name in told else ()) for c in read]

    def _column(self, titled: Titled, own: str) -> Column:
        name, unit = titled.name, titled.unit or ""
        base = quantity_of(name)
        alone = replace(self.raw, columns=[titled.column], unit_row=None, sidecar={}, notes=[])
        given = {name: f"{unit}; {titled.kind}" if titled.kind else unit} if titled.unit else {}
        try:
            data = build(alone, ReadOptions(units=given, find_duplicates=False))
        except DimgsError as error:
            if titled.unit is None and not read_cells(titled.column.cells, self.raw.decimal).words:
                what = "It has no unit yet; write one, or 1 for a pure number."
                return Column(name, unit, own, "unitless", problem=what)
            return Column(name, unit, own, "unknown", problem=str(error))
        if name not in data.names:
            return Column(name, unit, own, "unknown", problem="The column is empty.")
        variable = data.variable(name)
        if variable.is_label:
            count = len(set(data[name]))
            return Column(name, unit, own, "label", f"{count} label{'s' if count > 1 else ''}")
        role = "error" if base is not None and base in self.own_units else "number"
        return Column(name, unit, own, role, _meaning(data, name, base if role == "error" else ""))

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
        """What is asked, of columns that can be read."""
        return replace(self.choices, inputs=self.inputs, colour="")

    def basis(self, data: Dataset) -> "PiBasis":
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


def repeating_sets(basis: "PiBasis") -> list[tuple[str, ...]]:
    """Every set of repeating variables; none where they are too many to be shown.

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> repeating_sets(pi_basis(["F [N]", "mu [Pa*s]", "U [m/s]", "D [m]"], "F"))
    [('D', 'U', 'mu')]
    """
    from dimgs.groups.repeating import repeating_groups

    names = basis.matrix.names
    if comb(len(names), basis.rank) > _MOST_SETS:
        return []
    possible = combinations(names, basis.rank)
    return [chosen for chosen in possible if repeating_groups(basis.matrix, chosen) is not None]


def _meaning(data: Dataset, name: str, base: str | None) -> str:
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


def labels_of(columns: Sequence[Column]) -> list[str]:
    """Names of the label columns."""
    return [c.name for c in columns if c.role == "label"]
