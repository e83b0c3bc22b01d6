"""Points that are asked about: a text, a mapping, a table or a stored question."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.errors import InputError
from dimgs.escape import visible
from dimgs.hub.ranges import is_range, read_range, read_value, split_condition
from dimgs.variables.quantities import is_quantity, magnitude_and_unit

if TYPE_CHECKING:
    from dimgs.hub import Hub

Given = dict[str, tuple[Any, str | None]]
# a comma between two conditions, not one inside a unit or label
_COMMA = re.compile(r",\s*(?=[^=,]+=)")
# of a curve: what a line through them shows of a law in regimes
_POINTS = 13
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
    >>> points_given("D=1e-14 m^2/s, kind=resin")
    ([{'D': (1e-14, 'm^2/s'), 'kind': ('resin', 'label')}], False)
    """
    if isinstance(at, str) and "=" in at:
        parts = typed_inputs(at)
        ranged = [name for name, text in parts.items() if is_range(text)]
        if len(ranged) > 1:
            raise InputError(
                f"A curve is over one input, and '{visible(ranged[0][:60])}' and "
                f"'{visible(ranged[1][:60])}' have ranges; give a table of points."
            )
        given: Given = {n: read_value(text) for n, text in parts.items() if n not in ranged}
        if not ranged:
            return [given], False
        values, unit = _along(parts[ranged[0]])
        return [{**given, ranged[0]: (value, unit)} for value in values], ranged[0]
    if isinstance(at, str | Path) and Path(at).suffix.lower() not in _TABLES:
        raise InputError(
            f"'{visible(str(at)[:60])}' names no inputs; write 'D=1e-14 m^2/s, l=0.1 mm', or name "
            f"a table of points."
        )
    if isinstance(at, Mapping) and not any(
        np.ndim(getattr(v, "magnitude", v)) for v in _numbers(at)
    ):
        return [{str(name): _value(str(name), value) for name, value in at.items()}], False
    return _rows(at), True


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
    found: dict[str, str] = {}
    for name, value in map(split_condition, _COMMA.split(text.strip())):
        if name in found:
            raise InputError(f"'{visible(name[:60])}' is given twice; give it once.")
        found[name] = value
    return found


def _along(text: str) -> tuple[list[float], str]:
    """Points of a range in the unit that was typed, even in the logarithm where there is one."""
    span = read_range(text)
    if not np.isfinite([span.low, span.high]).all():
        raise InputError(f"The range '{visible(text[:60])}' needs both ends, such as 1..100 day.")
    ends = [float(f"{span.unit.from_si(end):.10g}") for end in (span.low, span.high)]
    even: Any = np.geomspace if ends[0] > 0 and span.unit.scale != "level" else np.linspace
    return [float(f"{x:.12g}") for x in even(*ends, _POINTS)], span.unit.text


def _numbers(at: Mapping[Any, Any]) -> list[Any]:
    """Values of a mapping that may be columns; pairs of a value and its unit are not."""
    return [v for v in at.values() if not (isinstance(v, tuple) and len(v) == 2)]


def _value(name: str, value: Any) -> tuple[Any, str | None]:
    if is_quantity(value):
        return magnitude_and_unit(value, name)
    if isinstance(value, tuple):
        number, unit = value
        return number, str(unit)
    return read_value(value) if isinstance(value, str) else (value, None)


def _rows(table: Any) -> list[Given]:
    from dimgs.dataset import read_table

    data = read_table(table)
    found: list[Given] = []
    for i in range(data.n_runs):
        row: Given = {}
        for name in data.names:
            variable = data.variable(name)
            cell = data[name][i]
            row[name] = (
                (str(cell), "label") if variable.is_label else (float(cell), variable.si_unit)
            )
        found.append(row)
    return found


def question_of(hub: "Hub", text: str) -> dict[str, Any] | None:
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
        raise InputError(f"'{text[:12]}' is no question but a {entry['kind']}; give its id.")
    return entry


def point_of_question(content: Mapping[str, Any]) -> Given:
    """Inputs that a question gives as single values; ranges are left to whoever asks."""
    found: Given = {}
    for name, told in content.get("inputs", {}).items():
        if isinstance(told, str):
            value, unit = read_value(told)
            if unit != "label" or ".." not in told:
                found[name] = (value, unit)
        elif told.get("value") is not None:
            found[name] = (told["value"], told.get("unit", "1"))
    return found
