"""Names, units and kinds of the columns, and which columns are used."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from dimgs.dataset.cells import is_missing, parse_number
from dimgs.dataset.dataset import no_such_column
from dimgs.dataset.raw import RawColumn, RawTable
from dimgs.errors import InputError
from dimgs.variables import parse_unit, split_header

ERROR_SUFFIX = "_err"
_DIMENSIONLESS_TEXTS = {"", "1", "-", "–", "—", "none", "dimensionless", "nondimensional"}
_LABEL_TEXTS = {"", "-", "label", "category", "categorical"}


@dataclass
class Titled:
    """A column with its name, and its unit where one is known."""

    name: str
    unit: str | None
    kind: str | None
    column: RawColumn


def titled_columns(table: RawTable, units: Mapping[str, str]) -> tuple[list[Titled], list[str]]:
    """Columns with names, units and kinds: mapping, header, second row, sidecar, in this order.

    Returns
    -------
    tuple of (list of Titled, list of str)
        The columns, and warnings about sources that disagree.
    """
    parts = [split_header(c.header) for c in table.columns]
    names = [name for name, _, _ in parts]
    _check_names(names, table)
    headers = {c.header.strip(): name for c, name in zip(table.columns, names, strict=True)}
    mapping: dict[str, str] = {}
    for key, text in units.items():
        if key.strip() not in names and key.strip() not in headers:
            raise no_such_column(key, names, table.source)
        mapping[headers.get(key.strip(), key.strip())] = str(text)
    titled: list[Titled] = []
    notes: list[str] = []
    for i, (column, (name, header_unit, kind)) in enumerate(zip(table.columns, parts, strict=True)):
        # an empty cell in a row of units says nothing; "-" there fits text as well as numbers
        row_unit = (table.unit_row[i].strip() or None) if table.unit_row else None
        sidecar_unit = table.sidecar.get(name, table.sidecar.get(column.header))
        found = [
            ("the mapping", mapping.get(name)),
            ("its header", header_unit),
            ("the second row", row_unit),
            ("its own unit", column.unit),
            (table.sidecar_name, sidecar_unit),
        ]
        known = [(where, text) for where, text in found if text is not None]
        unit, hint = _split_kind(known[0][1]) if known else (None, None)
        if known and known[0] == ("the second row", "-") and _is_text(column):
            unit = None
        if column.binding and column.unit is not None and unit != column.unit:
            _refuse_contradiction(name, unit or "", column.unit, table.source)
        for where, text in known[1:]:
            if known[0][0] != "the mapping" and _split_kind(text)[0] != unit:
                notes.append(
                    f"Column '{name}': {known[0][0]} gives the unit '{unit}' and {where} "
                    f"'{text}'; '{unit}' was used."
                )
        titled.append(Titled(name, unit, hint or kind, column))
    return titled, notes


def _is_text(column: RawColumn) -> bool:
    if column.cells.dtype != object:
        return False
    return all(parse_number(str(c)) is None for c in column.cells.tolist() if not is_missing(c))


def _split_kind(text: str) -> tuple[str, str | None]:
    unit, _, kind = text.partition(";")
    return unit.strip(), kind.strip() or None


def _refuse_contradiction(name: str, unit: str, own: str, source: str) -> None:
    if parse_unit(unit) == parse_unit(own):
        return
    given, carried = parse_unit(unit), parse_unit(own)
    same = (given.dimension, given.factor, given.offset, given.scale) == (
        carried.dimension,
        carried.factor,
        carried.offset,
        carried.scale,
    )
    if not same:
        raise InputError(
            f"Column '{name}' of {source} holds quantities in '{own}', but '{unit}' is given as "
            f"its unit; leave the unit out, the quantities carry theirs."
        )


def _check_names(names: list[str], table: RawTable) -> None:
    if not names:
        raise InputError(f"{table.source} has no columns; give one column per quantity.")
    for position, name in enumerate(names, start=1):
        if not name or (name.startswith("[") and name.endswith("]")):
            raise InputError(
                f"Column {position} of {table.source} has no name; name it, or remove it "
                f"(a saved pandas index: to_csv(index=False))."
            )
    for name in names:
        if names.count(name) > 1:
            places = [str(i) for i, n in enumerate(names, start=1) if n == name]
            raise InputError(
                f"Columns {' and '.join(places)} of {table.source} are both named '{name}'; "
                f"rename one of them."
            )
    if all(_is_number(c.header) for c in table.columns):
        raise InputError(
            f"The first row of {table.source} holds numbers, not column names "
            f"({', '.join(names[:3])}); add a header row such as 'U [m/s],D [mm]' "
            f"(a line that starts with # is a comment)."
        )


def _is_number(text: str) -> bool:
    value = parse_number(text)
    return value is not None and not np.isnan(value)


def chosen(
    names: list[str], columns: Iterable[str] | None, drop: Iterable[str] | None, source: str
) -> list[str]:
    """Names of the columns that are used, uncertainty columns following their quantity."""
    for name in [*_listed(columns), *_listed(drop)]:
        if name not in names:
            raise no_such_column(name, names, source)
    out = set(_listed(drop))
    out |= {n for n in names if quantity_of(n) in out and quantity_of(n) in names}
    kept = set(names) if columns is None else set(_listed(columns))
    kept |= {n for n in names if quantity_of(n) in kept and quantity_of(n) in names}
    result = [n for n in names if n in kept and n not in out]
    if not result:
        raise InputError(f"No column of {source} is left to use; name or keep at least one.")
    return result


def _listed(names: Iterable[str] | None) -> list[str]:
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(names)


def quantity_of(name: str) -> str | None:
    """Name of the quantity whose uncertainty a column holds, judged by its name alone."""
    base = name.removesuffix(ERROR_SUFFIX)
    return base if base and base != name else None


def is_unit_row(headers: list[str], first: list[object], second: list[object] | None) -> bool:
    """Whether the first row below the header holds units rather than data.

    It does when a column turns from a unit in this row to a number in the next, and no cell of
    such a column holds a number other than the 1 of "dimensionless"; columns of labels may
    only say so (``label``, ``-`` or nothing). Without a next row, every cell must be a unit.

    Parameters
    ----------
    headers : list of str
        Headers as written.
    first, second : list of object
        Cells of the first two rows; `second` is None where there is one row only.
    """
    complete = all(split_header(h)[1] is not None for h in headers)
    texts = ["" if is_missing(c) else str(c).strip() for c in first]
    if complete and (second is None or "1" in texts):
        # with all units in the header, a text in the first row is more likely a slip
        return False
    turns = False
    for one, text, two in zip(first, texts, second or [None] * len(first), strict=False):
        plain = text.lower() in _DIMENSIONLESS_TEXTS
        if not plain and (_is_number(text) or not (isinstance(one, str) or is_missing(one))):
            return False
        if second is None:
            if not plain and not _is_unit(text):
                return False
            turns = turns or not plain
            continue
        kind = _kind(two)
        if kind == "text" and text.lower() not in _LABEL_TEXTS | {"1"}:
            return False
        turns = turns or (kind == "number" and not plain and _is_unit(text))
    return turns


def _kind(cell: object) -> str:
    if is_missing(cell):
        return "blank"
    if isinstance(cell, str):
        value = parse_number(cell)
        return "text" if value is None else "blank" if np.isnan(value) else "number"
    return "text" if isinstance(cell, bool) else "number"


def _is_unit(text: str) -> bool:
    try:
        parse_unit(_split_kind(text)[0])
    except InputError:
        return False
    return True
