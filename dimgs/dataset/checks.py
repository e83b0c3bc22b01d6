"""Checks of a Dataset against what an analysis needs of it; each failure names its remedy."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.advice import setting
from dimgs.arrays import LARGEST_LOG
from dimgs.dataset.dataset import Dataset, DroppedRow
from dimgs.errors import InputError

# rows and groups of rows that a message lists: it stays readable in a terminal
_NAMED = 10
# relative spread that conversions of one value to SI units may leave: many roundings of 1e-16
_CONSTANT = 1e-12


def require_finite(data: Dataset, names: Iterable[str], errors: Iterable[str] = ()) -> None:
    """Raise unless every cell of these columns holds a finite number (or a label).

    Parameters
    ----------
    data : Dataset
    names : iterable of str
        Columns that the analysis uses.
    errors : iterable of str
        Columns whose standard errors it uses too; these must be positive.

    Raises
    ------
    InputError
        Naming the first row, its column and the remedy.

    Examples
    --------
    >>> data = Dataset.from_columns({"U [m/s]": [1.0, float("nan")]})
    >>> require_finite(data, ["U"])
    Traceback (most recent call last):
        ...
    dimgs.errors.InputError: Column 'U', row 2 of columns: the cell is blank; fill it in, leave \
the column out, or drop such rows (--drop-bad).
    """
    _raise_first(data, _unusable(data, names, errors))


def check_loggable(data: Dataset, names: Iterable[str], purpose: str = "its logarithm") -> None:
    """Raise unless every cell of these columns is positive, so that its logarithm exists.

    Levels are already logarithmic and pass; blank cells pass too (see :func:`require_finite`).

    Parameters
    ----------
    data : Dataset
    names : iterable of str
    purpose : str
        What needs the positive number, for the message.

    Raises
    ------
    InputError
        Naming the first row, its column and the remedy.
    """
    wanted = list(names)
    for name in wanted:
        if data.variable(name).is_label:
            raise InputError(
                f"Column '{name}' of {data.source} holds labels, which have no logarithm; use it "
                f"to group runs ({setting('within')}) or leave it out."
            )
    bad = non_loggable(data, wanted)
    if bad:
        position, name, what = bad[0]
        raise InputError(
            f"Column '{name}', row {data.rows[position]} of {data.source}: {what}, but {purpose} "
            f"needs a positive number ({len({b[0] for b in bad})} such rows); correct the cell, "
            f"leave the column out, or drop such rows ({setting('drop_bad')})."
        )


def non_loggable(data: Dataset, names: Iterable[str]) -> list[tuple[int, str, str]]:
    """Cells that have no logarithm, as (position from 0, column, what is wrong)."""
    found: list[tuple[int, str, str]] = []
    for name in names:
        variable = data.variable(name)
        if variable.is_label or variable.is_level:
            continue
        values = data[name]
        for position in np.flatnonzero(values <= 0).tolist():
            what = "the value is zero" if values[position] == 0 else "the value is negative"
            found.append((position, name, what))
    return sorted(found)


def _unusable(
    data: Dataset, names: Iterable[str], errors: Iterable[str] = ()
) -> list[tuple[int, str, str]]:
    found: list[tuple[int, str, str]] = []
    for name in names:
        values = data[name]
        if data.variable(name).is_label:
            blank: NDArray[Any] = values == ""
            found += [(p, name, "the label is blank") for p in np.flatnonzero(blank).tolist()]
            continue
        for position in np.flatnonzero(~np.isfinite(values)).tolist():
            what = "the cell is blank" if np.isnan(values[position]) else "the value is infinite"
            found.append((position, name, what))
        # zero but for a level, whose number must be inside doubles as any other
        beyond = LARGEST_LOG / (abs(data.variable(name).unit.log_factor) or np.nan)
        for position in np.flatnonzero(np.isfinite(values) & (np.abs(values) > beyond)).tolist():
            found.append((position, name, "no number has a level this large"))
    for name in errors:
        if name not in data.errors:
            continue
        column = data.errors[name]
        for position in np.flatnonzero(~(np.isfinite(column) & (column > 0))).tolist():
            value = column[position]
            what = "is blank" if np.isnan(value) else "is zero" if value == 0 else "is infinite"
            found.append((position, f"{name}_err", f"the standard error {what}"))
    return sorted(found)


def _raise_first(data: Dataset, bad: list[tuple[int, str, str]]) -> None:
    if not bad:
        return
    position, name, what = bad[0]
    others = len({b[0] for b in bad}) - 1
    more = f" ({others} more such {'row' if others == 1 else 'rows'})" if others else ""
    raise InputError(
        f"Column '{name}', row {data.rows[position]} of {data.source}: {what}{more}; fill it in, "
        f"leave the column out, or drop such rows ({setting('drop_bad')})."
    )


def drop_bad_rows(
    data: Dataset,
    needed: Iterable[str],
    *,
    logged: Iterable[str] = (),
    errors: Iterable[str] = (),
    allow_empty: bool = False,
) -> Dataset:
    """Dataset without the rows that an analysis cannot use; they are listed in ``dropped``.

    Parameters
    ----------
    data : Dataset
    needed : iterable of str
        Columns whose cells must be finite (labels: not blank).
    logged : iterable of str
        Columns whose cells must be positive as well.
    errors : iterable of str
        Columns whose standard errors must be finite and positive.
    allow_empty : bool
        Whether a Dataset without runs may come back.

    Raises
    ------
    InputError
        If no row is left, unless `allow_empty`.

    Examples
    --------
    >>> data = Dataset.from_columns({"U [m/s]": [1.0, float("nan"), 0.0]})
    >>> drop_bad_rows(data, ["U"], logged=["U"]).dropped[0]
    DroppedRow(row=2, reason="column 'U': the cell is blank")
    """
    logged = list(logged)
    reasons: dict[int, str] = {}
    found = [*_unusable(data, [*needed, *logged], errors), *non_loggable(data, logged)]
    for position, name, what in found:
        reasons.setdefault(position, f"column '{name}': {what}")
    if not reasons and len(data):
        return data
    if len(reasons) == len(data) and not allow_empty:
        reason = reasons[min(reasons)] if reasons else "every row was dropped while reading"
        raise InputError(
            f"No usable row of {data.source} is left: every row is bad (row "
            f"{data.rows[0] if len(data) else data.dropped[0].row}: {reason}); leave the "
            f"offending columns out."
        )
    positions = sorted(reasons)
    keep = np.ones(len(data), dtype=bool)
    keep[positions] = False
    dropped = [DroppedRow(int(data.rows[p]), reasons[p]) for p in positions]
    return with_notes(data.where(keep), dropped, ())


def with_notes(data: Dataset, dropped: Iterable[DroppedRow], warnings: Iterable[str]) -> Dataset:
    """Dataset with more dropped rows and more warnings on record."""
    rows = tuple(sorted([*data.dropped, *dropped]))
    return replace(data, dropped=rows, warnings=(*data.warnings, *warnings))


def constant_columns(data: Dataset) -> tuple[str, ...]:
    """Names of the columns that never vary (blank cells aside).

    Examples
    --------
    >>> constant_columns(Dataset.from_columns({"U [m/s]": [1, 2], "g [m/s^2]": 9.81}))
    ('g',)
    """
    return tuple(v.name for v in data.variables if _is_constant(data[v.name], v.is_label))


def _is_constant(values: NDArray[Any], is_label: bool) -> bool:
    if is_label:
        return bool(len(values)) and len(set(values.tolist())) == 1
    finite = values[np.isfinite(values)]
    if not finite.size:
        return True
    low, high = float(finite.min()), float(finite.max())
    return high - low <= _CONSTANT * max(abs(low), abs(high))


def duplicate_rows(data: Dataset) -> tuple[tuple[int, ...], ...]:
    """Groups of rows that are equal in every column, by row number.

    Rows with equal inputs and different targets are replicates, not duplicates.

    Examples
    --------
    >>> duplicate_rows(Dataset.from_columns({"U [m/s]": [1, 2, 1], "D [m]": [3, 4, 3]}))
    ((1, 3),)
    """
    if len(data) < 2:
        return ()
    codes = np.zeros(len(data), dtype=np.int64)
    for v in data.variables:
        values: NDArray[Any] = data[v.name]
        _, column = np.unique(values, return_inverse=True)
        # re-numbered after every column, so that the codes cannot overflow
        _, codes = np.unique(codes * (int(column.max()) + 1) + column, return_inverse=True)
        if int(codes.max()) == len(data) - 1:
            return ()
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    groups = (g for g in np.split(order, starts[1:]) if len(g) > 1)
    return tuple(sorted(tuple(data.rows[g].tolist()) for g in groups))


def duplicate_warnings(data: Dataset) -> list[str]:
    """One sentence that names the duplicate rows; empty where there are no such rows."""
    groups = duplicate_rows(data)
    if not groups:
        return []
    named = "; ".join(
        " = ".join(map(str, g[:_NAMED])) + (" = ..." if len(g) > _NAMED else "")
        for g in groups[:_NAMED]
    )
    extra = sum(len(g) - 1 for g in groups)
    rest = "; ..." if len(groups) > _NAMED else ""
    sentence = (
        f"{extra} duplicate {'row' if extra == 1 else 'rows'} in {data.source} (rows {named}"
        f"{rest}): equal in every column; remove copies, keep replicates."
    )
    return [sentence]


def check_target(data: Dataset, name: str) -> None:
    """Raise unless the target is a numeric column.

    Raises
    ------
    InputError
        If it is absent (near matches are listed) or holds labels.
    """
    if data.variable(name).is_label:
        numeric = ", ".join(f"'{n}'" for n in data.numeric_names) or "none"
        raise InputError(
            f"The target '{name}' of {data.source} holds labels, not numbers; choose a numeric "
            f"column ({numeric})."
        )


def check_enough_runs(n_runs: int, n_unknowns: int, source: str = "the table") -> None:
    """Raise when there are fewer runs than unknowns.

    Raises
    ------
    InputError
        Naming both numbers.
    """
    if n_runs < n_unknowns:
        raise InputError(
            f"{n_unknowns} unknowns need at least as many runs, and {source} has {n_runs}; "
            f"add runs, or use fewer inputs ({setting('columns')}, {setting('drop')})."
        )
