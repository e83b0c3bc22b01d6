"""What the page of a table shows: groups, constants, and any group against any other."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.common.errors import DimgsError
from dimgs.groups.physical_constants import all_constants
from dimgs.law.latex import group_latex, symbol_latex
from dimgs.law.typeset import column_symbols
from dimgs.web.pictures import across, span, ticks
from dimgs.web.studio.sheet import TIME_LIMITS, Choices, Column, Sheet, labels_of, repeating_sets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dimgs.dataset.dataset import Dataset
    from dimgs.groups.group import PiBasis, PiGroup


# points that such a picture still tells apart, and colours that an eye does
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
    logs: "NDArray[np.float64]"


@dataclass(frozen=True)
class Plot:
    """A scatter of two quantities.

    Attributes
    ----------
    x, y : Axis
    offered : list of Axis
    points : list of mapping
        Places from 0 to 1 (y downwards), the text of each, and its colour from 0 on.
    ticks : mapping of str to list of (place, text)
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
    points: list[dict[str, Any]]
    ticks: Mapping[str, list[tuple[float, str]]]
    colours: list[tuple[str, int]]
    left_out: int
    thinned: int


def plot(
    data: "Dataset", basis: "PiBasis | None", x: str = "", y: str = "", colour: str = ""
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
    offered = _offered(data, basis)
    if not offered:
        return None
    known = {a.name: a for a in offered}
    target = basis.target.name if basis is not None and basis.target is not None else ""
    # without a free group, pi_0 is a constant: the response itself says more
    response = "pi_0" if basis is not None and basis.groups else target
    up = known.get(y) or known.get(response) or known.get(target) or offered[-1]
    others = [a for a in offered if a is not up and a.name not in ("pi_0", target)] or offered
    groups = [a for a in others if a.name.startswith("pi_")]
    over = known.get(x) or max(groups or others, key=lambda a: _spread(a.logs))
    good = np.isfinite(over.logs) & np.isfinite(up.logs)
    rows = np.flatnonzero(good)
    # always the same ones
    drawn = rows[:: max(1, -(-len(rows) // _MOST_POINTS))]
    spans = [span(a.logs[drawn].tolist()) for a in (over, up)]
    labels = [str(v) for v in data[colour]] if colour in data.label_names else []
    counts = Counter(labels[i] for i in drawn) if labels else Counter[str]()
    place = {label: k for k, (label, _) in enumerate(counts.most_common(_MOST_COLOURS))}
    points = [
        {
            "x": across(over.logs[i], spans[0]),
            "y": 1 - across(up.logs[i], spans[1]),
            "text": f"row {data.rows[i]}" + (f", {labels[i]}" if labels else ""),
            "colour": place.get(labels[i], _MOST_COLOURS) if labels else 0,
        }
        for i in drawn.tolist()
    ]
    legend = [(label, counts[label]) for label in place]
    rest = sum(counts.values()) - sum(n for _, n in legend)
    return Plot(
        over,
        up,
        offered,
        points,
        {"x": ticks(spans[0]), "y": ticks(spans[1])},
        [*legend, *([("others", rest)] if rest else [])],
        int(np.count_nonzero(~good)),
        len(rows) - len(drawn),
    )


def _offered(data: "Dataset", basis: "PiBasis | None") -> list[Axis]:
    """Groups, then columns, of which at least two runs have different logarithms."""
    values: dict[str, Any] = {n: np.asarray(data[n], dtype=np.float64) for n in data.numeric_names}
    symbols = {v.name: symbol_latex(v.name, v.kind) for v in data.variables}
    groups: list[PiGroup] = []
    if basis is not None:
        symbols |= column_symbols(basis)
        for v in basis.variables:
            if v.name not in values and v.value is not None:
                values[v.name] = v.value
        groups = [*([basis.response] if basis.response else []), *basis.groups]
    found = []
    with np.errstate(all="ignore"):
        for group in groups:
            # a scale has no values
            if all(n in values for n, _ in group.exponents):
                logs = np.broadcast_to(group.log(values) / np.log(10), (data.n_runs,))
                text = f"{group.name} = {group}" + (f", {group.known_as}" if group.known_as else "")
                found.append(Axis(group.name, group_latex(group, symbols), text, logs))
        for v in data.variables:
            if not v.is_label and not v.is_level:
                unit = v.si_unit
                text = v.name if unit == "1" else f"{v.name} [{unit}]"
                found.append(Axis(v.name, symbols[v.name], text, np.log10(values[v.name])))
    return [a for a in found if _spread(a.logs) > _SAME]


def _spread(logs: "NDArray[np.float64]") -> float:
    finite = logs[np.isfinite(logs)]
    return float(np.ptp(finite)) if finite.size else 0.0


@dataclass(frozen=True)
class Group:
    """A group as it is shown: its name, formula, and name in the literature."""

    name: str
    symbol: str
    latex: str
    text: str
    known_as: str


@dataclass(frozen=True)
class Known:
    """A physical constant that is offered."""

    symbol: str
    latex: str
    name: str
    ticked: bool


@dataclass(frozen=True)
class View:
    """The page of a table.

    Attributes
    ----------
    sheet : Sheet
    choices : Choices
    columns, numbers : list of Column
        All, and those that may be a target.
    labels : list of str
        Label columns.
    groups : list of Group
        The response group first.
    repeating : list of tuple of str
        Choices of repeating variables.
    basis : PiBasis or None
    problem : str
        Why there are no groups, and the remedy.
    notes : tuple of str
        What is to be known of groups and table.
    plot : Plot or None
    common, rare : list of Known
        Constants.
    runs : int
    question : Choices
        What is asked, of columns that can be read.
    """

    sheet: Sheet
    choices: Choices
    columns: list[Column]
    numbers: list[Column]
    labels: list[str]
    groups: list[Group]
    repeating: list[tuple[str, ...]]
    basis: "PiBasis | None"
    problem: str
    notes: tuple[str, ...]
    plot: Plot | None
    common: list[Known]
    rare: list[Known]
    runs: int
    question: Choices
    limits: tuple[int, ...] = TIME_LIMITS

    @classmethod
    def of(cls, sheet: Sheet) -> "View":
        """The page of a table as it is now."""
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
            notes += tuple(f"{d.name} takes no part: {d.why}." for d in basis.dropped)
            notes += basis.suggestions
        constants = [
            Known(c.symbol, c.latex, c.name, c.symbol in choices.constants) for c in all_constants()
        ]
        shown = [k for k, c in enumerate(constants) if k < _COMMON or c.ticked]
        return cls(
            sheet=sheet,
            choices=choices,
            columns=columns,
            numbers=[c for c in columns if c.role in ("number", "unitless")],
            labels=labels_of(columns),
            groups=_groups(basis),
            repeating=sets,
            basis=basis,
            problem=problem,
            # what is doubtful stands beside its column already
            notes=tuple(n for n in dict.fromkeys(notes) if all(n not in c.doubts for c in columns)),
            plot=drawn,
            common=[constants[k] for k in shown],
            rare=[c for k, c in enumerate(constants) if k not in shown],
            runs=len(sheet.raw.rows),
            question=sheet.question,
        )


def _groups(basis: "PiBasis | None") -> list[Group]:
    if basis is None:
        return []
    columns = column_symbols(basis)
    found = []
    for group in (*([basis.response] if basis.response else []), *basis.groups):
        for name, _ in group.exponents:
            columns.setdefault(name, symbol_latex(name))
        number = rf"\pi_{{{group.name.removeprefix('pi_')}}}"
        left = number if group.symbol is None else f"{number} = {group.symbol}"
        latex = f"{left} = {group_latex(group, columns)}"
        found.append(Group(group.name, number, latex, str(group), group.known_as or ""))
    return found
