"""Labels of axes, and groups of runs by label."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dimgs.groups.group import PiGroup
from dimgs.latex import symbol_latex
from dimgs.report.figures.style import BLUE, MARKERS, PALETTE, math_label, plot_text, with_unit
from dimgs.report.runs import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
# letters of a label in a legend or beside a point
LABEL_LETTERS = 24


def group_label(runs: Runs, name: str) -> str:
    """Label of an axis along a group or an unlogged input."""
    group = runs.groups.get(name)
    symbol = math_label(runs.symbol(name), name)
    if group is None:
        variable = runs.law.symbols.get(name)
        return symbol if variable is None else with_unit(symbol, variable.si_unit)
    if group.known_as and group.symbol == runs.symbol(name):
        return f"{plot_text(group.known_as)}  {symbol}"
    return math_label(f"{runs.symbol(name)} = {inline(runs, group)}", f"{name} = {group}")


def response_label(runs: Runs) -> str:
    """Label of an axis along pi_0, or along a target that is a level."""
    target, response = runs.law.target, runs.law.response
    symbol = math_label(runs.response_symbol, "pi_0")
    if target.is_level:
        return with_unit(symbol, target.unit.text)
    if response.known_as:
        return f"{plot_text(response.known_as)}  {symbol}"
    formula = f"{runs.response_symbol} = {inline(runs, response)}"
    return math_label(formula, f"pi_0 = {response}")


def inline(runs: Runs, group: PiGroup) -> str:
    """LaTeX of a group on one line, what divides behind a slash."""
    parts = []
    for sign in (1, -1):
        powers = {k: sign * e for k, e in group.exponents if sign * e > 0}
        parts.append((runs.definition(PiGroup.of("part", powers)), len(powers)))
    (above, _), (below, count) = parts
    if count == 0:
        return above
    return rf"{above}\,/\,({below})" if count > 1 else rf"{above}\,/\,{below}"


def target_label(runs: Runs, what: str = "") -> str:
    """Label of an axis along the target in SI units."""
    target = runs.law.target
    symbol = math_label(symbol_latex(target.name, target.kind), target.name)
    return with_unit(f"{what} {symbol}".strip(), runs.law.target_unit)


def scatter(
    runs: Runs,
    axes: "Axes",
    x: Array,
    y: Array,
    rows: NDArray[np.intp],
    *,
    apart: bool = True,
    legend: bool = True,
    above: bool = False,
) -> None:
    """Points of the runs, each label of a few in its own colour and marker."""
    style: dict[str, Any] = {"linestyle": "none", "alpha": 0.8, "markeredgewidth": 0.0, "zorder": 3}
    column = runs.label_column if apart else None
    if column is None:
        axes.plot(x[rows], y[rows], marker="o", color=BLUE, label="runs", **style)
        return
    labels = np.array([str(label) for label in runs.data[column]])[rows]
    for k, label in enumerate(sorted(set(labels))):
        own = rows[labels == label]
        axes.plot(
            x[own],
            y[own],
            marker=MARKERS[k % len(MARKERS)],
            color=PALETTE[k % len(PALETTE)],
            label=plot_text(label, LABEL_LETTERS),
            **style,
        )
    if legend and above:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    elif legend:
        axes.legend(title=plot_text(column, LABEL_LETTERS))
