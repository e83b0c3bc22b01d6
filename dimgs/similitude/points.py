"""Points of a question: from a text, a mapping, a table or a stored question."""

import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from dimgs.common.errors import InputError
from dimgs.common.escape import visible
from dimgs.dataset import Dataset, read_table
from dimgs.hub.database import split_condition
from dimgs.hub.hub import Hub
from dimgs.variables.quantities import NORMAL, Quantity, as_quantity, stored

Given = dict[str, Quantity]
# a comma between two conditions, not one inside a unit or label
_COMMA = re.compile(r",\s*(?=[^=,]+=)")
# of a curve: what a line through them shows of a law in regimes
_POINTS = 13
# of a grid over one, two or three intervals: 9, 25 or 27 points, that of a curve or twice it
_LEVELS = (9, 5, 3)
_ID = re.compile(r"[0-9a-f]{8,64}")
_TABLES = (".csv", ".tsv", ".parquet", ".xlsx", ".xls", ".txt", ".dat")


def points_given(at: Any) -> tuple[list[Given], bool | str]:
    """Values with units of each point, and whether a table was given, or the input of a curve.

    Parameters
    ----------
    at : str, mapping, path, or whatever `read_table` takes
        ``"D=1e-14 m^2/s, l=0.1 mm"``, with a range of one input for a curve; a mapping of names to
        quantities, ``(value, unit)``, texts or plain numbers in the unit of the kernel; a table
        with a row for each point.

    Raises
    ------
    InputError
        If it cannot be read.

    Examples
    --------
    >>> (point,), many = points_given("D=1e-14 m^2/s, kind=resin")
    >>> point["D"].value, point["kind"].value, many
    (1e-14, 'resin', False)
    """
    if isinstance(at, str) and "=" in at:
        at = typed_inputs(at)
    if isinstance(at, str | Path) and Path(at).suffix.lower() not in _TABLES:
        remedy = "write 'D=1e-14 m^2/s, l=0.1 mm', or name a table of points"
        raise InputError(f"'{visible(str(at)[:60])}' names no inputs; {remedy}.")
    if not isinstance(at, Mapping) or any(_is_column(value) for value in at.values()):
        return _rows(at), True
    point = {str(n): as_quantity(value, f"'{visible(str(n)[:60])}'") for n, value in at.items()}
    ranged = [visible(name[:60]) for name, value in point.items() if value.is_range]
    if len(ranged) > 1:
        fault = f"A curve is over one input, and '{ranged[0]}' and '{ranged[1]}' have ranges"
        raise InputError(f"{fault}; give a table of points.")
    for name, value in point.items():
        if value.is_range:
            return [{**point, name: one} for one in _along(value)], name
    return [point], False


def typed_inputs(text: str) -> dict[str, str]:
    """Values and ranges of inputs, by name, as they are typed.

    Raises
    ------
    InputError
        If a part is no ``name=value``, or an input is given twice.

    Examples
    --------
    >>> typed_inputs("D=1e-14 m^2/s, t=1..9 day")
    {'D': '1e-14 m^2/s', 't': '1..9 day'}
    """
    values: dict[str, str] = {}
    for name, value in map(split_condition, _COMMA.split(text.strip())):
        if name in values:
            raise InputError(f"'{visible(name[:60])}' is given twice; give it once.")
        values[name] = value
    return values


def _along(span: Quantity) -> list[Quantity]:
    """Points of a range in its unit, even in the logarithm where there is one."""
    ends = span.ends()
    if not np.isfinite(ends).all():
        raise InputError(f"The range '{visible(str(span)[:60])}' needs both ends: 1..100 day.")
    even: Any = np.geomspace if ends[0] > 0 and span.parsed.scale != "level" else np.linspace
    return [Quantity(float(f"{x:.12g}"), span.unit) for x in even(*ends, _POINTS)]


def grid_points(point: Given, level: float) -> list[Given]:
    """Grid points for inputs with intervals, the central values first.

    Bounds are kept; a standard error is widened to the interval that holds `level` of a normal
    distribution, and never made smaller. The points are a grid with the ends of all intervals.

    Raises
    ------
    InputError
        If more than three inputs have intervals.

    Examples
    --------
    >>> points = grid_points(points_given("l=30 ± 2 mm, D=1e-14 m^2/s")[0][0], 0.9)
    >>> [point["l"].value for point in points]
    [30.0, 28.0, 28.5, 29.0, 29.5, 30.5, 31.0, 31.5, 32.0]
    """
    wide = [name for name, quantity in point.items() if quantity.is_interval]
    for name in wide:
        if point[name].is_range:
            point[name].number(f"'{visible(name[:60])}'")
    if not wide:
        return [point]
    if len(wide) > len(_LEVELS):
        names = ", ".join(visible(name[:60]) for name in wide)
        fault = f"{names} have intervals, and an answer takes at most {len(_LEVELS)}"
        raise InputError(f"{fault}; give the others as numbers.")
    widening = max(1.0, float(norm.ppf((1.0 + level) / 2.0)))
    steps = []
    for name in wide:
        quantity = point[name]
        ends = quantity.ends(widening)
        middle = float(quantity.value) if quantity.value is not None else sum(ends) / 2.0
        every = [float(x) for x in np.linspace(*ends, _LEVELS[len(wide) - 1])]
        others = [x for x in every if not np.isclose(x, middle, rtol=1e-12, atol=0.0)]
        steps.append([Quantity(x, quantity.unit) for x in (middle, *others)])
    return [{**point, **dict(zip(wide, values, strict=True))} for values in product(*steps)]


def _is_column(value: Any) -> bool:
    """Whether a value of a mapping is a column of a table; a pair of a value and a unit is none."""
    pair = isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[1], str | None)
    single = pair or isinstance(value, Quantity | Mapping | str)
    return not single and np.ndim(getattr(value, "magnitude", value)) > 0


def _rows(table: Any) -> list[Given]:

    data = read_table(table)
    return [{name: _cell(data, name, i) for name in data.names} for i in range(data.n_runs)]


def _cell(data: Dataset, name: str, row: int) -> Quantity:
    """A cell of a table; what stands in ``name_err`` is its standard error."""
    variable, errors = data.variable(name), data.errors.get(name)
    if variable.is_label:
        return Quantity(str(data[name][row]), "label")
    value, error = float(data[name][row]), 0.0 if errors is None else float(errors[row])
    if not error > 0:
        return Quantity(value, variable.si_unit)
    return Quantity(value, variable.si_unit, value - error, value + error, NORMAL)


def question_of(hub: Hub, text: str) -> dict[str, Any] | None:
    """A stored question, by its id or the beginning of it; None where the text is none.

    Raises
    ------
    InputError
        If it is the id of something else.
    """
    if not _ID.fullmatch(text):
        return None
    entry = hub.get(text)
    if entry["kind"] != "question":
        raise InputError(f"'{text[:12]}' is not a question but a {entry['kind']}; give its id.")
    return entry


def point_of_question(content: Mapping[str, Any]) -> Given:
    """Inputs that a question gives; ranges are left to whoever asks."""
    values = {}
    for name, written in content.get("inputs", {}).items():
        value = as_quantity(stored(written), f"'{visible(str(name)[:60])}' of the question")
        if not value.is_range:
            values[name] = value
    return values
