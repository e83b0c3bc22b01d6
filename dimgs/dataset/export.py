"""Export of a Dataset: user's units, DataFrame, HTML."""

import math
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array
from dimgs.variables import DIMENSIONLESS, Unit, Variable, parse_unit, registry, si_unit, to_pint

if TYPE_CHECKING:
    import pandas as pd

    from dimgs.dataset.dataset import Dataset

# rows of the preview in a notebook: they fit on a screen
_SHOWN_ROWS = 10


def to_si(values: Array, unit: Unit) -> Array:
    """SI values of numbers in a unit; a level keeps its number."""
    if unit.scale == "level":
        return values
    return unit.to_si(values)


def from_si(values: Array, unit: Unit) -> Array:
    """Numbers in a unit whose SI values are `values`, to the last bit where such numbers exist.

    Plain division is off by a rounding error (273.25 K would be 0.10000000000002274 °C): the
    shortest decimal number that converts back to the same float is what the user wrote.
    """
    if unit.scale == "level" or (unit.factor == 1.0 and unit.offset == 0.0):
        return values
    nearest = unit.from_si(values)
    result = nearest.copy()
    open_ = np.isfinite(nearest) & (nearest != 0)
    size = np.maximum(np.abs(nearest), abs(unit.offset / unit.factor))
    scale = np.floor(np.log10(size, out=np.zeros_like(size), where=open_))
    for digits in (12, 15, 16, 17):
        todo = np.flatnonzero(open_)
        if not todo.size:
            return result
        short = _rounded(nearest[todo], (digits - scale[todo]).astype(int))
        hit = to_si(short, unit) == values[todo]
        result[todo[hit]] = short[hit]
        open_[todo[hit]] = False
    for direction in (-np.inf, np.inf):
        candidate = nearest.copy()
        for _ in range(3):
            todo = np.flatnonzero(open_)
            candidate[todo] = np.nextafter(candidate[todo], direction)
            hit = todo[to_si(candidate[todo], unit) == values[todo]]
            result[hit] = candidate[hit]
            open_[hit] = False
    return result


def _rounded(values: Array, decimals: NDArray[np.int_]) -> Array:
    """Round each value through its decimal text, the only way to get the nearest short decimal."""
    pairs = zip(values.tolist(), decimals.tolist(), strict=True)
    return np.array([_round(v, d) for v, d in pairs], dtype=np.float64)


def _round(value: float, decimals: int) -> float:
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return float(f"{value:.{min(max(magnitude + decimals, 0), 17)}e}")


def quantity(variable: Variable, values: Array) -> Any:
    """Pint quantity of SI values in the variable's unit."""
    if variable.is_label:
        from dimgs.errors import InputError

        raise InputError(
            f"Column '{variable.name}' holds labels, which have no unit; read it as data[name]."
        )
    if variable.is_level:
        return registry().Quantity(values, "")
    return to_pint(from_si(values, variable.unit), variable.unit.text)


def header(name: str, unit: str, kind: str | None = None) -> str:
    """Header ``name [unit]`` or ``name [unit; kind]``."""
    return f"{name} [{unit}; {kind}]" if kind else f"{name} [{unit}]"


def to_pandas(data: "Dataset") -> "pd.DataFrame":
    """DataFrame in the user's units; see :meth:`Dataset.to_pandas`."""
    import pandas as pd

    columns: dict[str, NDArray[Any]] = {}
    for v in data.variables:
        title = header(v.name, v.unit.text, v.kind)
        columns[title] = data[v.name] if v.is_label else from_si(data[v.name], v.unit)
        if v.name in data.errors:
            unit = Unit(v.unit.text, v.dimension, v.unit.factor, scale=v.unit.scale)
            errors = data.errors[v.name]
            numbers = from_si(errors, unit)
            if not np.array_equal(to_si(numbers, unit), errors, equal_nan=True):
                # given in another unit than its column: SI keeps every bit
                unit, numbers = parse_unit(si_unit(v.dimension)), errors
            columns[header(f"{v.name}_err", unit.text)] = numbers
    return pd.DataFrame({title: np.array(column) for title, column in columns.items()})


def _shown(data: "Dataset") -> tuple[list[str], list[list[str]]]:
    """Titles and the texts of the first runs, column by column."""
    shown = [data[v.name][:_SHOWN_ROWS] for v in data.variables]
    texts = [
        [str(x) for x in column]
        if v.is_label
        else [f"{x:.6g}" for x in from_si(np.asarray(column, dtype=np.float64), v.unit)]
        for v, column in zip(data.variables, shown, strict=True)
    ]
    titles = [
        v.name if v.is_label or v.unit == DIMENSIONLESS else header(v.name, v.unit.text)
        for v in data.variables
    ]
    return titles, texts


def to_html(data: "Dataset") -> str:
    """Table of the first runs, for notebooks."""
    titles, texts = _shown(data)
    head = "".join(f"<th>{escape(t)}</th>" for t in ["row", *titles])
    body = "".join(
        f"<tr><td>{row}</td>" + "".join(f"<td>{escape(c[i])}</td>" for c in texts) + "</tr>"
        for i, row in enumerate(data.rows[:_SHOWN_ROWS].tolist())
    )
    rest = len(data) - min(len(data), _SHOWN_ROWS)
    note = f"<p>{rest} more runs</p>" if rest else ""
    return (
        f"<table><caption>{escape(data.source)}: {len(data)} runs</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"
    )


def to_latex(data: "Dataset") -> str:
    """Tabular of the first runs, for notebooks that become LaTeX."""
    titles, texts = _shown(data)
    rows = [["row", *titles]]
    rows += [
        [str(row), *(c[i] for c in texts)] for i, row in enumerate(data.rows[:_SHOWN_ROWS].tolist())
    ]
    lines = [" & ".join(map(_escaped, row)) + r" \\" for row in rows]
    lines.insert(1, r"\hline")
    columns = "r" * len(rows[0])
    body = "\n".join(lines)
    return f"\\begin{{tabular}}{{{columns}}}\n{body}\n\\end{{tabular}}"


def _escaped(text: str) -> str:
    """Text in which LaTeX finds no command."""
    named = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
    return "".join(named.get(c, f"\\{c}" if c in "{}$&#%_" else c) for c in text)
