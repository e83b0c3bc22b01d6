"""From a table and a question to clean runs, a basis and a design; nothing is dropped silently."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.dataset import Dataset
from dimgs.dataset.checks import (
    check_loggable,
    check_target,
    constant_columns,
    drop_bad_rows,
    duplicate_warnings,
    require_finite,
)
from dimgs.design.features import Design, build_design, unlogged_names
from dimgs.discovery.advice import supported
from dimgs.discovery.options import Options
from dimgs.errors import InputError
from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.groups.inputs import constant_variables
from dimgs.variables import Variable

# an exponent, and a relative deviation, that are rounding; the most columns a leak is sought in
_NO_POWER = 1e-3
_EXACT = 1e-6
_MOST_COLUMNS = 8
# below this many groups, a spread between groups is hardly known
_FEW_GROUPS = 5


@dataclass(frozen=True)
class Prepared:
    """Clean runs with their basis and design.

    Attributes
    ----------
    data : Dataset
        Usable runs.
    basis : PiBasis
    design : Design
    warnings : tuple of str
    order : ndarray of int of shape (n_runs,), optional
        Where each run stands among the usable runs of the table; None where they stand as there.
    """

    data: Dataset
    basis: PiBasis
    design: Design
    warnings: tuple[str, ...]
    order: NDArray[np.intp] | None = None

    def ordered(self) -> "Prepared":
        """The same runs in an order of their own values, so that no answer depends on the table's.

        Sums differ in their last digit with the order of their terms, and so would ties of a
        search; which runs are left out together, or set aside, is drawn by their places.
        """
        data = self.data
        columns = [data[n] for n in sorted(data.names)]
        columns += [data.errors[n] for n in sorted(data.errors)]
        codes = [np.unique(c, return_inverse=True)[1] for c in columns]
        order = np.lexsort(codes[::-1]) if codes else np.arange(data.n_runs)
        before = order if self.order is None else self.order[order]
        return replace(self, data=data.take(order), design=self.design.take(order), order=before)

    def in_table(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """One value a run, in the order of the table."""
        if self.order is None:
            return tuple(values)
        return tuple(values[i] for i in np.argsort(self.order))


def prepare(
    data: Dataset, target: str, options: Options, *, linear_allowed: bool = False
) -> Prepared:
    """Check the runs, derive the basis and build the design.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options
    linear_allowed : bool
        Whether a response that vanishes or changes sign may be fitted on a linear scale.

    Returns
    -------
    Prepared

    Raises
    ------
    InputError, DimensionError
        Naming what is wrong, where, and the remedy.
    """
    check_target(data, target)
    temperature = _arrhenius(data, options.arrhenius)
    labels = [n for n in (options.within, options.split_by) if n is not None]
    for name in labels:
        data.variable(name)
    inputs = [n for n in data.numeric_names if n != target and n not in labels]
    used = [target, *inputs, *dict.fromkeys(labels)]
    wanted = [target, *(inputs if options.errors_in_variables else [])]
    errors = [n for n in wanted if n in data.errors]
    if options.drop_bad:
        data = drop_bad_rows(data, used, errors=errors)
    require_finite(data, used, errors)
    linear = linear_allowed and _needs_linear(data, target)
    unlogged = list(unlogged_names(data, inputs))
    levels = [n for n in inputs if data.variable(n).is_level]
    excluded = {*unlogged, *levels}
    if temperature is not None and not options.arrhenius_power:
        excluded.add(temperature)
    logged = [n for n in inputs if n not in excluded]
    logged += [] if linear or data.variable(target).is_level else [target]
    if options.drop_bad:
        data = drop_bad_rows(data, used, logged=logged, errors=errors)
    _check_logs(data, logged, target, linear_allowed)
    basis = derive(data, target, inputs, excluded, options)
    design = build_design(
        data,
        basis,
        unlogged=[*unlogged, *levels],
        inverse=[temperature] if temperature is not None else [],
        within=options.within,
        split_by=options.split_by,
        linear=linear,
    )
    design = supported(design)
    return Prepared(data, design.basis, design, _warnings(data, design, inputs, target, options))


def derive(
    data: Dataset, target: str, inputs: list[str], excluded: set[str], options: Options
) -> PiBasis:
    """Basis of the inputs, those excluded apart; see :func:`dimgs.groups.derive.pi_basis`."""
    chosen = [data.variable(n) for n in inputs if n not in excluded]
    constants = constant_variables(options.constants, data.names)
    never = set(constant_columns(data))
    wanted = data.variable(target)
    scales = options.scales
    if not (chosen or constants or scales):
        return _without_inputs(wanted)
    return pi_basis(
        [*chosen, wanted],
        target,
        constants=options.constants,
        scales=scales,
        varying=[v.name for v in chosen if v.name not in never],
    )


def _without_inputs(target: Variable) -> PiBasis:
    """A response whose only inputs enter unlogged: it must be dimensionless or a level."""
    from dimgs.errors import DimensionError
    from dimgs.groups.span import outside_span

    if not (target.is_level or target.dimension.is_dimensionless):
        raise DimensionError(outside_span([], target))
    return PiBasis((), (), PiGroup.of("pi_0", {target.name: 1}), target)


def _arrhenius(data: Dataset, name: str | None) -> str | None:
    if name is None:
        return None
    variable = data.variable(name)
    base = {"[temperature]": 1}
    if {k: int(v) for k, v in variable.dimension} != base or variable.is_level:
        raise InputError(
            f"The column '{name}' given to --arrhenius has the unit '{variable.unit.text}'; "
            f"it must be an absolute temperature (K, degC, degF)."
        )
    bad = np.flatnonzero(np.asarray(data[name]) <= 0)
    if bad.size:
        raise InputError(
            f"Column '{name}', row {int(data.rows[int(bad[0])])}: {float(data[name][bad[0]]):g} K "
            f"is no absolute temperature above zero, so 1/T is undefined; correct the cell."
        )
    return name


def _needs_linear(data: Dataset, target: str) -> bool:
    return not data.variable(target).is_level and bool(np.any(np.asarray(data[target]) <= 0))


def _check_logs(data: Dataset, logged: list[str], target: str, linear_allowed: bool) -> None:
    if target in logged and not linear_allowed and _needs_linear(data, target):
        position = int(np.flatnonzero(np.asarray(data[target]) <= 0)[0])
        raise InputError(
            f"Column '{target}', row {int(data.rows[position])} of {data.source}: the target is "
            f"zero or negative, so its logarithm does not exist; use 'discover', which fits such "
            f"a target on a linear scale, or drop such rows (--drop-bad, drop_bad=True)."
        )
    check_loggable(data, logged, "a power law")


def _warnings(
    data: Dataset, design: Design, inputs: list[str], target: str, options: Options
) -> tuple[str, ...]:
    out = list(data.warnings)
    out += [w for w in duplicate_warnings(data) if w not in out]
    if data.dropped:
        rows = ", ".join(str(d.row) for d in data.dropped[:10])
        more = ", ..." if len(data.dropped) > 10 else ""
        one = len(data.dropped) == 1
        what = (
            f"1 row was dropped (row {rows})." if one else f"rows were dropped (rows {rows}{more})."
        )
        out.append(what if one else f"{len(data.dropped)} {what}")
    constant = constant_columns(data)
    if target in constant:
        out.append(f"The target '{target}' never varied, so that no law can be told from the runs.")
    never = [n for n in constant if n in inputs]
    if never:
        out.append(
            f"{', '.join(never)} never varied: the runs cannot tell how the target depends on "
            f"{'it' if len(never) == 1 else 'them'} except through the dimensions."
        )
    out += [f"'{d.name}' takes no part: {d.why}." for d in design.basis.dropped]
    out += list(design.basis.suggestions)
    unused = [
        n
        for n in data.label_names
        if n not in (options.within, options.split_by) and 1 < len(set(data[n])) < data.n_runs
    ]
    if unused:
        out.append(
            f"Label columns are not used: {', '.join(unused)} (--within {unused[0]} gives each "
            f"label its own prefactor)."
        )
    if options.split_by is not None:
        groups = len(set(data[options.split_by]))
        if 1 < groups < _FEW_GROUPS:
            out.append(
                f"There are only {groups} groups of '{options.split_by}': intervals by groups are "
                f"rough, and very wide; {_FEW_GROUPS} or more groups would make them narrower."
            )
    unlogged = [f.variable for f in design.features if f.contrast == "difference"]
    if unlogged:
        out.append(
            f"{', '.join(str(n) for n in unlogged)} enter{'s' if len(unlogged) == 1 else ''} "
            f"without a logarithm (a level, or values that vanish or change sign)."
        )
    out += _leaks(data, target, inputs)
    return tuple(dict.fromkeys(out))


def _leaks(data: Dataset, target: str, inputs: list[str]) -> list[str]:
    from dimgs.fits.homogeneity import monomial_leak

    positive = [
        n for n in inputs if not data.variable(n).is_level and bool(np.all(np.asarray(data[n]) > 0))
    ]
    never = set(constant_columns(data))
    varying = [n for n in positive if n not in never]
    values = np.asarray(data[target], dtype=np.float64)
    if not varying or data.variable(target).is_level or np.any(values <= 0) or len(values) < 4:
        return []
    logs = np.log(np.column_stack([np.asarray(data[n], dtype=np.float64) for n in varying]))
    leaks = monomial_leak(logs, np.log(values), varying)
    if not leaks:
        # a coefficient that was derived with many other columns, as Cd = F/(rho·U²·D²)
        used = _exact_columns(logs, np.log(values))
        names = [varying[j] for j in used]
        leaks = monomial_leak(logs[:, used], np.log(values), names, max_columns=len(used))
    out = []
    for leak in leaks:
        monomial = PiGroup.of("leak", leak.exponents)
        columns = ",".join(leak.exponents)
        out.append(
            f"'{target}' is exactly a constant times {monomial} in every run: if that was derived "
            f"from the target, leave it out (--drop {columns}); noise-free runs of a formula look "
            f"the same."
        )
    return out


def _exact_columns(logs: NDArray[np.float64], target: NDArray[np.float64]) -> list[int]:
    """Columns that the target follows to rounding, where they can be told and are not many."""
    runs, columns = logs.shape
    table = np.column_stack([np.ones(runs), logs - logs.mean(axis=0)])
    found, _, rank, _ = np.linalg.lstsq(table, target, rcond=1e-9)
    used = np.flatnonzero(np.abs(found[1:]) > _NO_POWER).tolist()
    exact = rank == columns + 1 < runs - 1 and np.ptp(target - table @ found) < _EXACT
    return used if exact and len(used) <= _MOST_COLUMNS else []
