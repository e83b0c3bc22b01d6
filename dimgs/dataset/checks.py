"""Checks of a table for an analysis, with remedies, and the usable runs; rounded columns."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import repeat
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.common.advice import setting
from dimgs.common.arrays import LARGEST_LOG, Array, IntArray, ends_by_label
from dimgs.common.errors import InputError
from dimgs.common.formats import rows_shown
from dimgs.dataset.dataset import Dataset, bounds_of, from_si
from dimgs.dataset.raw import cell_error, is_date
from dimgs.variables import Variable
from dimgs.variables.quantities import parse_quantity

# ---- Checks of a table for an analysis, with remedies, and the usable runs.


# rows and groups of rows that a message lists: it stays readable in a terminal
_NAMED = 10
# names of the year in units, and the range of calendar years in tables
_YEARS = frozenset({"yr", "yrs", "year", "years", "a", "y"})
_FIRST, _LAST = 1500, 2100
# cells of a table in which pairs of rows are compared: about a second
_MOST_CELLS = 5_000_000
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
    dimgs.common.errors.InputError: Column 'U', row 2 of columns: the cell holds no value (it is
    blank, or a sign such as n/a); fill it in, leave the column out, or drop such rows (--drop-bad).
    """
    bad = _unusable(data, names, errors)
    if bad:
        position, name, what = bad[0]
        others = len({b[0] for b in bad}) - 1
        more = f" ({others} more such {'row' if others == 1 else 'rows'})" if others else ""
        # blanks below a value, in one column alone, are what merged cells leave
        merged = others and position and len({b[1] for b in bad}) == 1
        fill = "fill it in, with the value above if cells were merged" if merged else "fill it in"
        remedy = f"{fill}, leave the column out, or drop such rows ({setting('drop_bad')})"
        raise cell_error(name, data.rows[position], data.source, f"{what}{more}", remedy)


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
    columns = list(names)
    for name in columns:
        if data.variable(name).is_label:
            fault = f"Column '{name}' of {data.source} holds labels, which have no logarithm"
            remedy = f"use it to group runs ({setting('within')}) or leave it out"
            raise InputError(f"{fault}; {remedy}.")
    bad = non_loggable(data, columns)
    if bad:
        position, name, what = bad[0]
        rows, drop = f"{len({b[0] for b in bad})} such rows", setting("drop_bad")
        what += f", but {purpose} needs a positive number ({rows})"
        remedy = f"correct the cell, leave the column out, or drop such rows ({drop})"
        raise cell_error(name, data.rows[position], data.source, what, remedy)


def non_loggable(data: Dataset, names: Iterable[str]) -> list[tuple[int, str, str]]:
    """Cells that have no logarithm, as (position from 0, column, what is wrong)."""
    cells: list[tuple[int, str, str]] = []
    for name in names:
        variable = data.variable(name)
        if not (variable.is_label or variable.is_level):
            values = data[name]
            cells += _cells(name, values == 0, "the value is zero")
            cells += _cells(name, values < 0, "the value is negative")
    return sorted(cells)


def _cells(name: str, where: Any, what: str) -> list[tuple[int, str, str]]:
    """Cells of a column with one fault."""
    return [(position, name, what) for position in np.flatnonzero(where).tolist()]


# readers of tables give the signs for a missing value as they give blanks
_NO_VALUE = "the cell holds no value (it is blank, or a sign such as n/a)"


def _unusable(
    data: Dataset, names: Iterable[str], errors: Iterable[str] = ()
) -> list[tuple[int, str, str]]:
    cells: list[tuple[int, str, str]] = []
    for name in names:
        values, variable = data[name], data.variable(name)
        if variable.is_label:
            cells += _cells(name, values == "", "the label is blank")
            continue
        cells += _cells(name, np.isnan(values), _NO_VALUE)
        cells += _cells(name, np.isinf(values), "the value is infinite")
        if variable.is_level:
            # the number behind it must be inside doubles as any other
            beyond = LARGEST_LOG / abs(variable.unit.log_factor)
            large = np.isfinite(values) & (np.abs(values) > beyond)
            cells += _cells(name, large, "no number has a level this large")
    for name in data.errors.keys() & set(errors):
        column, title = data.errors[name], f"{name}_err"
        cells += _cells(title, np.isnan(column), "the standard error is blank")
        cells += _cells(title, column == 0, "the standard error is zero")
        cells += _cells(title, np.isinf(column), "the standard error is infinite")
    return sorted(cells)


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
    >>> [dropped.row for dropped in drop_bad_rows(data, ["U"], logged=["U"]).dropped]
    [2, 3]
    """
    logged = list(logged)
    reasons: dict[int, str] = {}
    cells = [*_unusable(data, [*needed, *logged], errors), *non_loggable(data, logged)]
    for position, name, what in cells:
        reasons.setdefault(position, f"column '{name}': {what}")
    if not reasons and len(data):
        return data
    if len(reasons) == len(data) and not allow_empty:
        reason = reasons[min(reasons)] if reasons else "every row was dropped while reading"
        row = data.rows[0] if len(data) else data.dropped[0].row
        fault = f"No usable row of {data.source} is left: every row is bad (row {row}: {reason})"
        raise InputError(f"{fault}; leave the offending columns out.")
    return data.dropping(reasons)


def constant_columns(data: Dataset, within: str | None = None) -> tuple[str, ...]:
    """Names of the columns that never vary (blank cells aside).

    Parameters
    ----------
    data : Dataset
    within : str, optional
        Column each label of which has its own prefactor. It takes all that differs between labels,
        so that only what varies among the runs of a label counts.

    Examples
    --------
    >>> table = Dataset.from_columns({"U [m/s]": [1, 2, 3, 4], "d [m]": [5, 5, 6, 6],
    ...                               "g [m/s^2]": 9.81, "lab": ["A", "A", "B", "B"]})
    >>> constant_columns(table), constant_columns(table, "lab")
    (('g',), ('d', 'g', 'lab'))
    """
    labels = None if within is None else data[within]
    return tuple(v.name for v in data.variables if is_constant(data[v.name], v.is_label, labels))


def is_constant(
    values: NDArray[Any], is_label: bool = False, labels: NDArray[Any] | None = None
) -> bool:
    """Whether all values of a column, or of each label of another, are the same up to rounding."""
    if is_label:
        of = repeat("") if labels is None else labels.tolist()
        pairs = set(zip(values.tolist(), of, strict=False))
        return len(pairs) == len({label for _, label in pairs}) > 0
    low, high = ends_by_label(values, labels)
    size = np.maximum(np.abs(low), np.abs(high))
    # of a label without a finite number nothing varies
    return bool(np.all((high - low <= _CONSTANT * size) | np.isnan(low)))


def run_codes(data: Dataset, curve: str | None, apart: Iterable[str]) -> NDArray[np.intp]:
    """Index of the run of each point of a table of curves.

    Parameters
    ----------
    data : Dataset
    curve : str or None
        Column that names the run; without one, points are of one run where all columns but
        `apart` are equal.
    apart : iterable of str
        The target, and the column along the curve.

    Examples
    --------
    >>> data = Dataset.from_columns({"D [m]": [1, 1, 2], "t [s]": [1, 2, 1], "y [m]": [3, 4, 5]})
    >>> run_codes(data, None, ["t", "y"])
    array([0, 0, 1])
    """
    if curve is not None:
        return np.unique(np.asarray(data[curve]), return_inverse=True)[1].astype(np.intp)
    left_out = {*apart}
    columns = [data[n] for n in data.numeric_names if n not in left_out]
    table = np.column_stack(columns) if columns else np.zeros((len(data), 1))
    return np.unique(table, axis=0, return_inverse=True)[1].ravel().astype(np.intp)


def check_along(data: Dataset, along: str, runs: NDArray[np.intp]) -> None:
    """Raise InputError unless a column of numbers changes along the runs.

    Examples
    --------
    >>> data = Dataset.from_columns({"t [s]": [1, 1, 2, 2], "y [m]": [3, 4, 5, 6]})
    >>> check_along(data, "t", np.array([0, 0, 1, 1]))
    Traceback (most recent call last):
        ...
    dimgs.common.errors.InputError: Column 't' of columns is the same in all rows of each run; \
give a \
column that changes along a run, such as a time or a place.
    """
    column, such = f"Column '{along}' of {data.source}", "such as a time or a place"
    if data.variable(along).is_label:
        remedy = f"give a column of numbers that runs along each curve, {such}"
        raise InputError(f"{column} holds labels; {remedy}.")
    x = np.asarray(data[along])
    first = x[np.unique(runs, return_index=True)[1]]
    # a run of one row each has no other to differ from
    if np.all(x == (first[runs] if len(first) < len(x) else x[:1])):
        remedy = f"give a column that changes along a run, {such}"
        raise InputError(f"{column} is the same in all rows of each run; {remedy}.")


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
    advice = "equal in every column; remove copies, keep replicates"
    pairs = sum(len(g) * (len(g) - 1) // 2 for g in groups)
    # a table that was pasted twice has every row twice
    pasted = extra + len(groups) == data.n_runs and gcd(*map(len, groups)) > 1
    small = data.n_runs * len(data.variables) <= _MOST_CELLS
    if not pasted and small and near_duplicates(data) >= pairs:
        where = "where at least as many pairs of rows differ in one column alone"
        advice = "probably replicates with rounded values, which are data; keep them"
        advice = f"equal in every column, {where}: {advice}"
    many = "1 duplicate row" if extra == 1 else f"{extra} duplicate rows"
    return [f"{many} in {data.source} (rows {named}{rest}): {advice}."]


def near_duplicates(data: Dataset) -> int:
    """Number of pairs of rows that are equal in every column but one.

    Examples
    --------
    >>> near_duplicates(Dataset.from_columns({"U [m/s]": [1, 2, 1], "D [m]": [3, 4, 5]}))
    1
    """
    rng = np.random.default_rng(0)
    codes = [np.unique(data[v.name], return_inverse=True)[1] for v in data.variables]
    # sums of random integers modulo 2^64: equal for equal rows, and hardly ever for others
    words = [rng.integers(0, 2**63, int(c.max()) + 1, dtype=np.uint64)[c] for c in codes]
    whole: NDArray[np.uint64] = np.sum(words, axis=0, dtype=np.uint64)

    def pairs(sums: NDArray[np.uint64]) -> int:
        count = np.unique(sums, return_counts=True)[1]
        return int((count * (count - 1) // 2).sum())

    return sum(pairs(whole - word) for word in words) - len(words) * pairs(whole)


def check_target(data: Dataset, name: str) -> None:
    """Raise unless the target is a numeric column.

    Raises
    ------
    InputError
        If it is absent (near matches are listed) or holds labels.
    """
    if data.variable(name).is_label:
        numeric = ", ".join(f"'{n}'" for n in data.numeric_names) or "none"
        fault = f"The target '{name}' of {data.source} holds labels, not numbers"
        raise InputError(f"{fault}; choose a numeric column ({numeric}).")


def check_enough_runs(n_runs: int, n_unknowns: int, source: str = "the table") -> None:
    """Raise when there are fewer runs than unknowns.

    Raises
    ------
    InputError
        Naming both numbers.
    """
    if n_runs < n_unknowns:
        fault = f"{n_unknowns} unknowns need at least as many runs, and {source} has {n_runs}"
        ways = f"({setting('columns')}, {setting('drop')})"
        raise InputError(f"{fault}; add runs, or use fewer inputs {ways}.")


@dataclass(frozen=True)
class Purpose:
    """Purpose of a table: target, inputs and transformations that the checks need.

    Parameters
    ----------
    target : str
    labels : tuple of str
        Label columns that are used.
    within : str, optional
        That of them each label of which has its own prefactor.
    temperatures : tuple of str
        Absolute temperatures that enter as 1/T.
    with_power : bool
        Whether these temperatures enter groups too.
    input_errors : bool
        Whether the error columns of the inputs count.
    drop_bad : bool
        Whether rows that cannot be used are dropped; else they end the analysis.
    any_sign : bool
        Whether a response that vanishes or changes sign may be used on a linear scale, and inputs
        with a dimension may do so: a power law has no place for them.
    allow_empty : bool
        Whether no run need be left.
    bounds_allowed : bool
        Whether the target may be censored in some runs.
    """

    target: str
    labels: tuple[str, ...] = ()
    temperatures: tuple[str, ...] = ()
    with_power: bool = False
    input_errors: bool = False
    drop_bad: bool = False
    any_sign: bool = False
    allow_empty: bool = False
    bounds_allowed: bool = False
    within: str | None = None


@dataclass(frozen=True)
class UsableRuns:
    """The runs of a table that serve a purpose, and how its columns enter.

    Attributes
    ----------
    data : Dataset
    purpose : Purpose
    inputs : tuple of str
        Numeric columns other than the target and the labels.
    unlogged : tuple of str
        Inputs that enter as plain differences: dimensionless ones that vanish or change sign,
        then levels.
    grouped : tuple of str
        Inputs that may enter groups.
    signed : tuple of str
        Those of them that vanish or change sign.
    linear : bool
        Whether the target vanishes or changes sign.
    sides : ndarray of int of shape (n_runs,), optional
        Where the target is a bound, as of :func:`dimgs.dataset.dataset.bounds_of`; None where it
        was measured in every run.
    """

    data: Dataset
    purpose: Purpose
    inputs: tuple[str, ...]
    unlogged: tuple[str, ...]
    grouped: tuple[str, ...]
    linear: bool
    signed: tuple[str, ...] = ()
    sides: IntArray | None = None

    @property
    def never_varied(self) -> tuple[str, ...]:
        """Columns that are the same in every run, or in every run of a label with a prefactor."""
        return constant_columns(self.data, self.purpose.within)


def usable_runs(data: Dataset, purpose: Purpose, varying: Collection[str] = ()) -> UsableRuns:
    """The runs of a table that serve a purpose.

    Parameters
    ----------
    data : Dataset
    purpose : Purpose
    varying : collection of str
        Inputs that are known to vary, where the runs are a part of a table.

    Returns
    -------
    UsableRuns

    Raises
    ------
    InputError
        Naming the row and the column that cannot be used, and the remedy.
    """
    target, empty = purpose.target, purpose.allow_empty
    check_target(data, target)
    for name in purpose.temperatures:
        _check_temperature(data, name)
    for name in purpose.labels:
        data.variable(name)
    inputs = [n for n in data.numeric_names if n != target and n not in purpose.labels]
    used = [target, *inputs, *purpose.labels]
    measured = [target, *(inputs if purpose.input_errors else [])]
    errors = [n for n in measured if n in data.errors]
    if purpose.drop_bad:
        data = drop_bad_rows(data, used, errors=errors, allow_empty=empty)
    require_finite(data, used, errors)
    below = not data.variable(target).is_level and bool(np.any(np.asarray(data[target]) <= 0))
    # bounds have a likelihood only on the logarithm, so that rows without one cannot be used
    bounded = purpose.drop_bad and np.any(bounds_of(data, target, purpose.labels)[1])
    linear = purpose.any_sign and below and not bounded
    levels = [n for n in inputs if data.variable(n).is_level]
    unlogged = (*unlogged_names(data, inputs, varying), *levels)
    apart = {*unlogged, *(() if purpose.with_power else purpose.temperatures)}
    grouped = [n for n in inputs if n not in apart]
    # errors of an input enter through its logarithm
    whole = purpose.any_sign and not purpose.input_errors
    signed = [n for n in grouped if np.any(data[n] <= 0)] if whole else []
    logged = [n for n in grouped if n not in signed]
    logged += [] if linear or data.variable(target).is_level else [target]
    if purpose.drop_bad:
        data = drop_bad_rows(data, used, logged=logged, errors=errors, allow_empty=empty)
    _check_logs(data, logged, purpose)
    status, sides = bounds_of(data, target, purpose.labels)
    if not purpose.bounds_allowed:
        check_measured(data, target, purpose.labels)
    return UsableRuns(
        data.without(status),
        purpose,
        tuple(inputs),
        unlogged,
        tuple(grouped),
        linear,
        tuple(signed),
        sides if np.any(sides) else None,
    )


def check_measured(data: Dataset, target: str, used: Iterable[str] = ()) -> None:
    """Raise InputError if the target is a bound in some run; `used` as in `bounds_of`."""
    sides = bounds_of(data, target, used)[1]
    if np.any(sides):
        row, only = data.rows[np.flatnonzero(sides)[0]], "only 'fit' and 'discover'"
        fault = f"'{target}' is censored in row {row} of {data.source}"
        raise InputError(f"{fault}; {only}, of a table in memory, take bounds.")


def unlogged_names(
    data: Dataset, names: Iterable[str], varying: Collection[str] = ()
) -> tuple[str, ...]:
    """Columns that vanish or change sign, and so enter without a logarithm.

    They are dimensionless, or the same in every run, which then play no part.

    Parameters
    ----------
    data : Dataset
    names : iterable of str
    varying : collection of str
        Columns that vary in other runs.
    """
    plain = [v for v in map(data.variable, names) if not (v.is_level or v.is_label)]
    aside = (
        v.name
        for v in plain
        if v.dimension.is_dimensionless or (v.name not in varying and is_constant(data[v.name]))
    )
    return tuple(name for name in aside if np.any(data[name] <= 0))


def _check_temperature(data: Dataset, name: str) -> None:
    variable = data.variable(name)
    if {k: int(v) for k, v in variable.dimension} != {"[temperature]": 1} or variable.is_level:
        fault = f"given to {setting('arrhenius')} has the unit '{variable.unit.text}'"
        remedy = "it must be an absolute temperature (K, degC, degF)"
        raise InputError(f"The column '{name}' {fault}; {remedy}.")
    bad = np.flatnonzero(np.asarray(data[name]) <= 0)
    if bad.size:
        where = f"Column '{name}', row {data.rows[bad[0]]}: {data[name][bad[0]]:g} K"
        fault = "is not an absolute temperature above zero, so 1/T is undefined"
        raise InputError(f"{where} {fault}; correct the cell.")


def _check_logs(data: Dataset, logged: list[str], purpose: Purpose) -> None:
    target = purpose.target
    bad = non_loggable(data, logged)
    of_inputs = [cell for cell in bad if cell[1] != target]
    if len(of_inputs) < len(bad) and not purpose.any_sign:
        row = next(data.rows[position] for position, name, _ in bad if name == target)
        what = "the target is zero or negative, so its logarithm does not exist"
        remedy = "use 'discover', which fits such a target on a linear scale"
        drop = f"correct it or drop such rows ({setting('drop_bad')})"
        biased = "without rows that errors made negative, a law is biased"
        remedy = f"{remedy}. If the cell is wrong, {drop}; {biased}"
        raise cell_error(target, row, data.source, what, remedy)
    if of_inputs and not purpose.any_sign:
        raise _no_power_law(data, of_inputs)
    check_loggable(data, logged, "a power law")


def _no_power_law(data: Dataset, cells: Sequence[tuple[int, str, str]]) -> InputError:
    """Error for inputs and rows that a power law cannot use, with the alternatives."""
    parts = []
    for each in sorted({name for _, name, _ in cells}, key=data.names.index):
        rows = [int(data.rows[p]) for p, name, _ in cells if name == each]
        parts.append(f"'{each}' in {rows_shown(rows)}")
    position, name, what = cells[0]
    what += f", but a power law needs positive numbers ({'; '.join(parts)})"
    leave = f"leave the column{'s' if len(parts) > 1 else ''} out"
    remedy = f"{leave}, or drop such rows ({setting('drop_bad')})"
    remedy = f"use 'discover', which takes such inputs with their sign, {remedy}"
    return cell_error(name, data.rows[position], data.source, what, remedy)


def table_warnings(usable: UsableRuns, unused: Collection[str] = ()) -> list[str]:
    """Notes on the table itself: duplicates, dropped rows, what never varied.

    Parameters
    ----------
    usable : UsableRuns
    unused : collection of str
        Inputs on which dimensions say nothing.
    """
    data, target, constant = usable.data, usable.purpose.target, usable.never_varied
    notes = list(data.warnings)
    if usable.sides is None:
        # a column that says which values are bounds is no part of the runs from here on
        notes += [w for w in duplicate_warnings(data) if w not in notes]
    notes += dropping_warnings(data)
    notes += [
        f"'{name}' holds calendar years, which count as durations from the year 0: give the column "
        f"the unit 'label', leave it out ({setting('drop', name)}), or count from a first year."
        for name in calendar_years(data, [*usable.inputs, target])
    ]
    within = usable.purpose.within
    where = "" if within is None else f" among the runs of a label of '{within}'"
    if target in constant:
        notes.append(f"The target '{target}' never varied{where}, so the runs can show no law.")
    never = [n for n in constant if n in usable.inputs]
    for names, end in (
        ([n for n in never if n not in unused], " except through the dimensions"),
        ([n for n in never if n in unused], ""),
    ):
        if names:
            what = f"how the target depends on {'it' if len(names) == 1 else 'them'}"
            listed = ", ".join(names)
            notes.append(f"{listed} never varied{where}: the runs cannot show {what}{end}.")
    return notes


def dropping_warnings(data: Dataset) -> list[str]:
    """One sentence on the rows that a table lost; none where it lost none."""
    return dropped_warnings(len(data.dropped), [str(d.row) for d in data.dropped[:_NAMED]])


def dropped_warnings(count: int, rows: Sequence[str]) -> list[str]:
    """One sentence on dropped rows, of which the first are named; none where none were."""
    if not count:
        return []
    named = ", ".join(rows) + (", ..." if count > len(rows) else "")
    what, rows_are = ("row", "was") if count == 1 else ("rows", "were")
    return [f"{count} {what} {rows_are} dropped ({what} {named})."]


def unused_label_warnings(names: Sequence[str]) -> list[str]:
    """One sentence on label columns that take no part; none where there are none."""
    if not names:
        return []
    prefactor = f"{setting('within', names[0])} gives each label its own prefactor"
    return [f"Label columns are not used: {', '.join(names)} ({prefactor})."]


def calendar_years(data: Dataset, names: Iterable[str]) -> list[str]:
    """Columns in years, or without a unit and named so, with whole numbers from 1500 to 2100."""
    dated = []
    for variable in map(data.variable, names):
        values = np.asarray(variable.unit.from_si(data[variable.name]))
        in_years = variable.unit.text.strip().lower() in _YEARS
        unnamed = variable.dimension.is_dimensionless and "year" in variable.name.lower()
        # a duration is seldom so long and known to a year at once
        whole = np.allclose(values, np.round(values), rtol=0.0, atol=1e-6)
        if (in_years or unnamed) and whole and _FIRST <= values.min() <= values.max() <= _LAST:
            dated.append(variable.name)
    return dated


def date_names(data: Dataset) -> list[str]:
    """Columns of dates and times of day, which no law can use."""
    return [n for n in data.label_names if all(is_date(str(cell)) for cell in data[n])]


def date_warnings(names: Sequence[str]) -> list[str]:
    """One sentence on such columns; none where there are none."""
    if not names:
        return []
    what = f"{', '.join(names)} {'holds' if len(names) == 1 else 'hold'} dates or times"
    remedy = "give the elapsed time as a number with a unit, such as 't [h]', to let it take part"
    return [f"{what}, which are not used; {remedy}."]


# ---- Rounded columns: the steps of their last digits, as standard errors.
#
# A reading that was rounded to a step d lies anywhere within half a step of its number: it has a
# uniform error with the standard deviation d/√12. Digits alone do not show whether a column holds
# readings or values that somebody set (300 K, 350 K), so that only the user can say it.


# digits of a number that a person wrote; further ones are those of a conversion
_DIGITS = 12


def steps_of(numbers: Array) -> Array:
    """Step to which each number of a column was rounded: equal decimals, or equal digits.

    Of the grids that hold all numbers, the one with the larger steps is the likelier: a number
    that was not rounded to it would lie on it with a chance as small as the grid is coarse.

    Parameters
    ----------
    numbers : ndarray of shape (n_runs,)
        In the unit in which they were written; blank cells are NaN.

    Examples
    --------
    >>> steps_of(np.array([0.5, 12.0, 37.2])).tolist()
    [0.1, 0.1, 0.1]
    >>> steps_of(np.array([0.051, 0.12, 3.4, 57.0])).tolist()
    [0.001, 0.01, 0.1, 1.0]
    """
    used = np.flatnonzero(np.isfinite(numbers) & (numbers != 0))
    written = [Decimal(f"{x:.{_DIGITS}g}").normalize() for x in numbers[used].tolist()]
    last = np.array([d.as_tuple().exponent for d in written], dtype=np.float64)
    first = np.array([d.adjusted() for d in written], dtype=np.float64)
    if not len(used):
        return np.full(len(numbers), np.nan)
    decimals, digits = np.full(len(used), last.min()), first - (first - last).max()
    places = decimals if decimals.sum() >= digits.sum() else digits
    out = np.full(len(numbers), 10.0 ** places.min())
    out[used] = 10.0**places
    return out


def relative_steps(data: Dataset, name: str) -> Array:
    """Step to which each value of a column was rounded, over the value.

    Examples
    --------
    >>> relative_steps(Dataset.from_columns({"d [mm]": [0.5, 2.0]}), "d").round(2).tolist()
    [0.2, 0.5]
    """
    values = from_si(data[name], data.variable(name).unit)
    with np.errstate(all="ignore"):
        return np.asarray(steps_of(values) / values)


def with_rounding(data: Dataset, rounded: Iterable[str]) -> Dataset:
    """Dataset with the errors of rounded columns, beside those that are stated.

    Parameters
    ----------
    data : Dataset
    rounded : iterable of str
        Names of columns, whose digits give the step, or ``NAME=STEP`` with the step as a number in
        the unit of the column or as a quantity, such as ``d=0.5 mm``.

    Raises
    ------
    InputError
        If a column does not hold numbers, or a step is none.

    Examples
    --------
    >>> data = Dataset.from_columns({"d [mm]": [1.2, 3.4]})
    >>> (with_rounding(data, ["d"]).errors["d"] * 12**0.5).round(6).tolist()
    [0.0001, 0.0001]
    """
    errors, names = dict(data.errors), list(data.rounded)
    for text in rounded:
        name, _, step = (part.strip() for part in text.partition("="))
        variable = data.variable(name)
        if variable.is_label:
            raise InputError(f"'{name}' given to {setting('rounded')} holds labels, not numbers.")
        if name in names:
            continue
        unit = variable.unit
        if step:
            sizes = np.full(len(data), _step_in_si(step, variable))
        else:
            sizes = steps_of(from_si(data[name], unit)) * unit.factor
        errors[name] = np.hypot(errors.get(name, 0.0), sizes / np.sqrt(12.0))
        names.append(name)
    return replace(data, errors=errors, rounded=tuple(names))


def _step_in_si(text: str, variable: Variable) -> float:
    """A step that somebody gave, in the SI unit of its column."""
    quantity = parse_quantity(text, f"The step of '{variable.name}'")
    unit = variable.unit if quantity.unit in (None, "1") else quantity.parsed
    step = quantity.number(f"The step of '{variable.name}'")
    if not step > 0 or unit.dimension != variable.unit.dimension:
        remedy = "give one above zero in a unit of the column"
        example = f"'{variable.name}=0.1 {variable.unit.text}'"
        raise InputError(f"The step of '{variable.name}' is '{text}'; {remedy}, such as {example}.")
    return step * unit.factor
