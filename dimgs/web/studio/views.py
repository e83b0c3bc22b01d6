"""What the page of a table shows, computed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dimgs.errors import DimgsError
from dimgs.groups.physical_constants import all_constants
from dimgs.latex import group_latex, symbol_latex
from dimgs.law.typeset import column_symbols
from dimgs.web.studio.choices import TIME_LIMITS, Choices
from dimgs.web.studio.plot import Plot, plot
from dimgs.web.studio.sheet import Column, Sheet, labels_of, repeating_sets

if TYPE_CHECKING:
    from dimgs.groups.group import PiBasis

# constants that are offered at once, in the order of the table; the others on request
_COMMON = 5


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
