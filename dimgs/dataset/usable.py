"""A table checked once for its purpose: the runs and columns that a law can use, and how."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dimgs.advice import setting
from dimgs.dataset.checks import (
    check_loggable,
    check_target,
    constant_columns,
    drop_bad_rows,
    duplicate_warnings,
    non_loggable,
    require_finite,
)
from dimgs.dataset.dataset import Dataset
from dimgs.errors import InputError

# rows that a message lists: it stays readable in a terminal
_NAMED = 10


@dataclass(frozen=True)
class Purpose:
    """What a table is to be used for.

    Parameters
    ----------
    target : str
    labels : tuple of str
        Label columns that are used.
    temperature : str, optional
        Absolute temperature that enters as 1/T.
    with_power : bool
        Whether that temperature enters groups too.
    input_errors : bool
        Whether the error columns of the inputs count.
    drop_bad : bool
        Whether rows that cannot be used are dropped; else they end the analysis.
    linear_allowed : bool
        Whether a response that vanishes or changes sign may be used on a linear scale.
    allow_empty : bool
        Whether no run need be left.
    signed_allowed : bool
        Whether inputs with a dimension may vanish or change sign: a power law has no place for
        them.
    """

    target: str
    labels: tuple[str, ...] = ()
    temperature: str | None = None
    with_power: bool = False
    input_errors: bool = False
    drop_bad: bool = False
    linear_allowed: bool = False
    allow_empty: bool = False
    signed_allowed: bool = False


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
    """

    data: Dataset
    purpose: Purpose
    inputs: tuple[str, ...]
    unlogged: tuple[str, ...]
    grouped: tuple[str, ...]
    linear: bool
    signed: tuple[str, ...] = ()

    @property
    def never_varied(self) -> tuple[str, ...]:
        """Columns that are the same in every run."""
        return constant_columns(self.data)


def usable_runs(data: Dataset, purpose: Purpose) -> UsableRuns:
    """The runs of a table that serve a purpose.

    Parameters
    ----------
    data : Dataset
    purpose : Purpose

    Returns
    -------
    UsableRuns

    Raises
    ------
    InputError
        Naming the row and the column that cannot be used, and the remedy.
    """
    target, temperature, empty = purpose.target, purpose.temperature, purpose.allow_empty
    check_target(data, target)
    if temperature is not None:
        _check_temperature(data, temperature)
    for name in purpose.labels:
        data.variable(name)
    inputs = [n for n in data.numeric_names if n != target and n not in purpose.labels]
    used = [target, *inputs, *purpose.labels]
    wanted = [target, *(inputs if purpose.input_errors else [])]
    errors = [n for n in wanted if n in data.errors]
    if purpose.drop_bad:
        data = drop_bad_rows(data, used, errors=errors, allow_empty=empty)
    require_finite(data, used, errors)
    below = not data.variable(target).is_level and bool(np.any(np.asarray(data[target]) <= 0))
    linear = purpose.linear_allowed and below
    levels = [n for n in inputs if data.variable(n).is_level]
    unlogged = (*unlogged_names(data, inputs), *levels)
    apart = {*unlogged, *(() if temperature is None or purpose.with_power else (temperature,))}
    grouped = [n for n in inputs if n not in apart]
    # errors of an input enter through its logarithm
    whole = purpose.signed_allowed and not purpose.input_errors
    signed = [n for n in grouped if np.any(data[n] <= 0)] if whole else []
    logged = [n for n in grouped if n not in signed]
    logged += [] if linear or data.variable(target).is_level else [target]
    if purpose.drop_bad:
        data = drop_bad_rows(data, used, logged=logged, errors=errors, allow_empty=empty)
    _check_logs(data, logged, purpose)
    return UsableRuns(data, purpose, tuple(inputs), unlogged, tuple(grouped), linear, tuple(signed))


def unlogged_names(data: Dataset, names: Iterable[str]) -> tuple[str, ...]:
    """Dimensionless columns that vanish or change sign, and so enter without a logarithm."""
    return tuple(
        name
        for name in names
        if data.variable(name).dimension.is_dimensionless
        and not data.variable(name).is_level
        and not data.variable(name).is_label
        and bool(np.any(data[name] <= 0))
    )


def _check_temperature(data: Dataset, name: str) -> None:
    variable = data.variable(name)
    if {k: int(v) for k, v in variable.dimension} != {"[temperature]": 1} or variable.is_level:
        raise InputError(
            f"The column '{name}' given to {setting('arrhenius')} has the unit "
            f"'{variable.unit.text}'; "
            f"it must be an absolute temperature (K, degC, degF)."
        )
    bad = np.flatnonzero(np.asarray(data[name]) <= 0)
    if bad.size:
        raise InputError(
            f"Column '{name}', row {int(data.rows[int(bad[0])])}: {float(data[name][bad[0]]):g} K "
            f"is no absolute temperature above zero, so 1/T is undefined; correct the cell."
        )


def _check_logs(data: Dataset, logged: list[str], purpose: Purpose) -> None:
    target = purpose.target
    bad = np.flatnonzero(np.asarray(data[target]) <= 0)
    if target in logged and not purpose.linear_allowed and bad.size:
        raise InputError(
            f"Column '{target}', row {int(data.rows[int(bad[0])])} of {data.source}: the target is "
            f"zero or negative, so its logarithm does not exist; use 'discover', which fits such "
            f"a target on a linear scale, or drop such rows ({setting('drop_bad')})."
        )
    for name in logged:
        bad = np.flatnonzero(np.asarray(data[name]) <= 0)
        if bad.size and name != target and not purpose.signed_allowed:
            raise InputError(_no_power_law(data, logged, target))
    check_loggable(data, logged, "a power law")


def _no_power_law(data: Dataset, logged: list[str], target: str) -> str:
    """Which inputs and rows have no place in a power law, and what has one for them."""
    parts = []
    for name in logged:
        rows = data.rows[np.flatnonzero(np.asarray(data[name]) <= 0)]
        if name != target and len(rows):
            more = ", ..." if len(rows) > _NAMED else ""
            listed = ", ".join(str(int(r)) for r in rows[:_NAMED])
            parts.append(f"'{name}' in row{'s' if len(rows) > 1 else ''} {listed}{more}")
    position, name, what = non_loggable(data, [n for n in logged if n != target])[0]
    return (
        f"Column '{name}', row {data.rows[position]} of {data.source}: {what}, but a power law "
        f"needs positive numbers ({'; '.join(parts)}); use 'discover', which takes such inputs "
        f"with their sign, leave the column{'s' if len(parts) > 1 else ''} out, or drop such rows "
        f"({setting('drop_bad')})."
    )


def table_warnings(found: UsableRuns) -> list[str]:
    """Notes on the table itself: duplicates, dropped rows, what never varied."""
    data, target, constant = found.data, found.purpose.target, found.never_varied
    out = list(data.warnings)
    out += [w for w in duplicate_warnings(data) if w not in out]
    out += dropped_warnings(len(data.dropped), [str(d.row) for d in data.dropped[:_NAMED]])
    if target in constant:
        out.append(f"The target '{target}' never varied, so the runs can show no law.")
    never = [n for n in constant if n in found.inputs]
    if never:
        out.append(
            f"{', '.join(never)} never varied: the runs cannot show how the target depends on "
            f"{'it' if len(never) == 1 else 'them'} except through the dimensions."
        )
    return out


def dropped_warnings(count: int, rows: Sequence[str]) -> list[str]:
    """One sentence on dropped rows, of which the first are named; none where none were."""
    if not count:
        return []
    named = ", ".join(rows) + (", ..." if count > len(rows) else "")
    if count == 1:
        return [f"1 row was dropped (row {named})."]
    return [f"{count} rows were dropped (rows {named})."]


def unused_label_warnings(names: Sequence[str]) -> list[str]:
    """One sentence on label columns that take no part; none where there are none."""
    if not names:
        return []
    sentence = (
        f"Label columns are not used: {', '.join(names)} ({setting('within', names[0])} gives "
        f"each label "
        f"its own prefactor)."
    )
    return [sentence]
