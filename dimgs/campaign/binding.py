"""A plan meets its kernel: names, units and ranges are checked, and the pi space is derived."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from dimgs.campaign.plan import Plan, Range
from dimgs.campaign.space import PiSpace
from dimgs.common.arrays import Array
from dimgs.common.errors import DimensionError, InputError
from dimgs.groups.derive import constant_variables, pi_basis, scale_variable
from dimgs.groups.missing_input import (
    MOST_SETS,
    UnreachableError,
    completions,
    is_reachable,
    scale_text,
)
from dimgs.kernels.content import canonical_inputs, content_key
from dimgs.kernels.conversion import check_within, port_value, unit_for
from dimgs.kernels.record import RunRecord, RunRequest
from dimgs.kernels.registry import load_kernel
from dimgs.kernels.spec import Kernel, Port, Tier
from dimgs.report.words import listed
from dimgs.variables import Variable, parse_unit


@dataclass(frozen=True, eq=False)
class Binding:
    """A plan that its kernel can follow.

    Attributes
    ----------
    plan : Plan
    kernel : Kernel
    tiers : tuple of Tier
        Those that the plan uses, from coarse to fine.
    target : Port
    space : PiSpace
    fixed : mapping of str to float or str
        Inputs that stay, in the units of their ports.
    points : ndarray of shape (n_points, rank)
        Coordinates of the named points.
    shifts : ndarray of shape (n_points,)
        log pi_0 - log target at the named points.
    notes : tuple of str
        What takes no part, and why.
    """

    plan: Plan
    kernel: Kernel
    tiers: tuple[Tier, ...]
    target: Port
    space: PiSpace
    fixed: Mapping[str, float | str]
    points: Array
    shifts: Array
    notes: tuple[str, ...]

    def values(self, logs: Array) -> dict[str, float | str]:
        """Inputs of a run in the units of their ports, whole numbers where the plan asks."""
        values: dict[str, float | str] = dict(self.fixed)
        si = self.space.values(logs)
        for name in self.space.names:
            port = port_named(self.kernel.inputs, name)
            given = self.plan.ranges[name]
            value = port.parsed.from_si(si[name])
            if given.integer:
                unit = port.parsed if given.unit is None else parse_unit(given.unit)
                own = unit.from_si(si[name])
                whole = float(np.clip(round(own), np.ceil(given.low), np.floor(given.high)))
                value = port.parsed.from_si(unit.to_si(whole))
            values[name] = value
        return values

    def logs(self, values: Mapping[str, float | str]) -> Array:
        """Logarithms of the varying inputs in SI units, from values in the units of the ports."""
        ports = (port_named(self.kernel.inputs, name) for name in self.space.names)
        return self.space.logs({port.name: _si(port, values[port.name]) for port in ports})

    @property
    def scales(self) -> tuple[str, ...]:
        """Unknown dimensional constants that the plan asks for, as ``"T0 [K]"``."""
        scales = (v for v in self.space.basis.variables if v.role == "scale")
        return tuple(f"{v.name} [{v.unit.text}]" for v in scales)

    @property
    def linear(self) -> bool:
        """Whether no logarithm of the target is taken: it may vanish or change sign."""
        return bool(self.space.signed.any()) and self.plan.tolerance.of_one_law

    @property
    def parts(self) -> frozenset[str]:
        """Names of the inputs that take part in the groups."""
        names = {p.name for p in self.kernel.inputs}
        found = frozenset(v.name for v in self.space.basis.variables) & names
        return found | frozenset(self.space.references)

    def si_values(self, record: RunRecord) -> dict[str, float]:
        """Inputs of a recorded run that take part, in SI units.

        Another version of the kernel may have used other units; what a record does not have is as
        the plan fixes it.
        """
        given = {n: record.inputs[n] for n in self.parts if n in record.inputs}
        found = {n: parse_unit(unit).to_si(float(value)) for n, (value, unit) in given.items()}
        return {**self.space.fixed, **found}

    def place(self, record: RunRecord) -> Array | None:
        """Coordinates of a recorded run; None where the ranges never reach its groups."""
        return self.space.place(self.si_values(record))

    def request(self, values: Mapping[str, float | str], tier: int, seed: int | None) -> RunRequest:
        """What is asked of the kernel, with its content hash."""
        name = self.tiers[tier].name
        own = getattr(self.kernel, "request", None)
        if callable(own):
            asked = own(values, name, seed)
            if isinstance(asked, RunRequest):
                return asked
        key = content_key(
            self.kernel.name,
            self.kernel.version,
            name,
            dict(self.tiers[tier].settings),
            canonical_inputs(self.kernel.inputs, values, values),
            seed,
        )
        units = {p.name: p.unit for p in self.kernel.inputs}
        inputs = {n: (v, units[n]) for n, v in values.items()}
        return RunRequest(key, self.kernel.name, name, inputs, seed)

    def response(self, record: RunRecord) -> float | None:
        """Logarithm of the response group of a run; None where there is none.

        The response itself where one closed form is asked for of inputs that change sign.
        """
        if not record.ok or self.target.name not in record.outputs:
            return None
        value, text = record.outputs[self.target.name]
        unit = parse_unit(text)
        si = unit.to_si(float(value))
        if self.linear:
            return si if np.isfinite(si) else None
        if not si > 0 or not np.isfinite(si):
            return None
        return float(np.log(si)) + self.space.response_shift(self.si_values(record))


def bind(plan: Plan) -> Binding:
    """Check a plan against its kernel and derive the pi space.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    Binding

    Raises
    ------
    InputError, DimensionError
        Naming the key of the plan and the remedy.
    """
    try:
        kernel = load_kernel(plan.kernel)
    except InputError as error:
        raise InputError(f"{plan.source}, kernel: {error}") from error
    names = [p.name for p in kernel.inputs]
    curves = {f"curves.{n}": curve.inputs for n, curve in plan.curves.items()}
    for key, given in (("ranges", plan.ranges), ("fixed", plan.fixed), *curves.items()):
        for name in given:
            if name not in names:
                raise unknown(plan, f"{key}.{name}", name, names, f"input of '{kernel.name}'")
    if plan.by is not None:
        if plan.by not in names:
            raise unknown(plan, "by", plan.by, names, f"input of '{kernel.name}'")
        if not port_named(kernel.inputs, plan.by).is_label:
            raise InputError(f"{plan.source}, by: '{plan.by}' is no label; name an input that is.")
    target = output_port(plan, kernel)
    tiers = plan_tiers(plan, kernel)
    fixed = fixed_values(plan, kernel)
    ends = {name: si_ends(plan, kernel, name) for name in plan.ranges}
    taking, notes = _taking_part(kernel, fixed)
    for name in plan.arrhenius:
        _check_temperature(plan, port_named(kernel.inputs, name))
    taking = [v for v in taking if v.name not in plan.arrhenius]
    outcome = Variable(target.name, target.parsed)
    if outcome.is_level:
        raise InputError(
            f"{plan.source}, target: '{target.name}' is in {target.unit}, a level; campaigns need "
            f"a target with a ratio scale."
        )
    _check_span(plan, taking, outcome, notes)
    signed = [n for n, (low, _) in ends.items() if not low > 0]
    basis = pi_basis(
        [*taking, outcome],
        target.name,
        constants=plan.constants,
        scales=plan.scales,
        varying=list(plan.ranges),
        prefer_named=True,
        signed=signed,
    )
    within = {v.name for v in basis.variables} | set(plan.arrhenius)
    order = tuple(n for n in sorted(plan.ranges) if n in within)
    notes += [
        f"'{d.name}' takes no part: {d.why}; a known constant (constants = [\"k_B\"] in the plan) "
        f'or an unknown one (scales = "auto") may bring it in.'
        for d in basis.dropped
    ]
    si = {
        v.name: _si(port_named(kernel.inputs, v.name), fixed[v.name])
        for v in taking
        if v.name in fixed
    }
    fixed |= {
        n: _middle(port_named(kernel.inputs, n), ends[n]) for n in plan.ranges if n not in order
    }
    space = PiSpace.between(
        {n: ends[n] for n in order},
        basis,
        {n: v for n, v in si.items() if n in within},
        plan.arrhenius,
    )
    if not order:
        raise InputError(
            f"{plan.source}, ranges: no group varies in these ranges, and no input of them takes "
            f"part{_aside(notes)}; let another input vary."
        )
    points, shifts = _points(plan, kernel, space, si)
    return Binding(plan, kernel, tiers, target, space, fixed, points, shifts, tuple(notes))


def _check_temperature(plan: Plan, port: Port) -> None:
    """Raise unless a port is an absolute temperature."""
    if port.parsed.dimension != parse_unit("K").dimension or port.parsed.scale == "level":
        raise InputError(
            f"{plan.source}, arrhenius: '{port.name}' is in {port.unit}; name an absolute "
            f"temperature."
        )


def _check_span(
    plan: Plan, taking: list[Variable], outcome: Variable, notes: Sequence[str]
) -> None:
    """Raise unless the target is reachable; the remedies are keys of a plan."""
    names = [*(v.name for v in taking), outcome.name]
    inputs = [*taking]
    with at(plan, "constants"):
        inputs += constant_variables(plan.constants, names)
    if isinstance(plan.scales, str):
        return
    with at(plan, "scales"):
        inputs += [scale_variable(text, names) for text in plan.scales]
    if is_reachable(inputs, outcome):
        return
    known = completions(inputs, outcome)[:MOST_SETS]
    sets = " or ".join(str(list(m.constants)).replace("'", '"') for m in known)
    remedy = f"add constants = {sets} to the plan, or " if sets else ""
    scale = scale_text(inputs, outcome)
    why = UnreachableError(inputs, outcome).why
    raise DimensionError(
        f"{plan.source}, target: {why}{_aside(notes)}; {remedy}give the kernel the "
        f'missing quantity as an input, such as {scale}, or add scales = ["{scale}"] to the plan '
        f"where it is a constant inside the kernel."
    )


def _aside(notes: Sequence[str]) -> str:
    """Which inputs take no part, in brackets."""
    return f" ({'; '.join(n.rstrip('.') for n in notes)})" if notes else ""


def _taking_part(
    kernel: Kernel, fixed: Mapping[str, float | str]
) -> tuple[list[Variable], list[str]]:
    taking, notes = [], []
    for port in kernel.inputs:
        if port.is_label or port.parsed.scale == "level":
            notes.append(f"'{port.name}' stays at {fixed[port.name]} and has no dimension to use.")
        elif port.name in fixed and not _si(port, fixed[port.name]) > 0:
            at = f"{float(fixed[port.name]):g} {port.unit}"
            notes.append(f"'{port.name}' stays at {at} and takes no part: it has no logarithm.")
        else:
            taking.append(Variable(port.name, port.parsed))
    return taking, notes


def _si(port: Port, value: float | str) -> float:
    return port.parsed.to_si(float(value))


def _middle(port: Port, ends: tuple[float, float]) -> float:
    """Middle of a range in the unit of its port; the ends are in SI units."""
    return port.parsed.from_si(float(np.sqrt(ends[0]) * np.sqrt(ends[1])))


def _points(
    plan: Plan, kernel: Kernel, space: PiSpace, fixed: Mapping[str, float]
) -> tuple[Array, Array]:
    """Coordinates of the named points, and log pi_0 - log target there."""
    ports = {p.name: p for p in kernel.inputs}
    found, shifts = [], []
    for i, point in enumerate(plan.points, 1):
        values: dict[str, Any] = dict(fixed)
        for name, value in point.items():
            if name not in ports:
                raise unknown(plan, f"points[{i}].{name}", name, list(ports), "input")
            given = value_at(plan, kernel, ports[name], f"points[{i}].{name}", value)
            values[name] = _si(ports[name], given)
            signed = name in space.basis.signed
            if name in space.names and not signed and not values[name] > 0:
                raise InputError(
                    f"{plan.source}, points[{i}].{name}: {given:g} {ports[name].unit} has no "
                    f"logarithm; give a value above zero."
                )
        missing = [n for n in space.names if n not in values]
        if missing:
            raise InputError(f"{plan.source}, points[{i}]: '{missing[0]}' is missing; give it.")
        z = space.place(values)
        if z is None:
            raise InputError(
                f"{plan.source}, points[{i}]: its groups differ from those of every run in a way "
                f"that the ranges never vary; let the inputs that it changes vary."
            )
        found.append(z)
        shifts.append(space.response_shift(values))
    return np.array(found).reshape(len(found), space.rank), np.array(shifts)


Value = tuple[float | str, str | None]


def port_named(ports: Sequence[Port], name: str) -> Port:
    """Port of that name."""
    return next(p for p in ports if p.name == name)


def unknown(plan: Plan, key: str, name: str, names: Sequence[str], what: str) -> InputError:
    """Error for a name that a kernel does not have; it lists near ones."""
    near = get_close_matches(name, names, n=2, cutoff=0.5) or list(names)[:8]
    return InputError(
        f"{plan.source}, {key}: '{name}' is no {what}; did you mean {' or '.join(near)}?"
    )


def output_port(plan: Plan, kernel: Kernel) -> Port:
    """Port of the target."""
    names, target = [p.name for p in kernel.outputs], plan.target
    if not isinstance(target, str):
        raise InputError(f"{plan.source}, target: {', '.join(target)}; bind a plan of one target.")
    if target not in names:
        raise unknown(plan, "target", target, names, f"output of '{kernel.name}'")
    return port_named(kernel.outputs, target)


def plan_tiers(plan: Plan, kernel: Kernel) -> tuple[Tier, ...]:
    """Tiers that a plan uses, from coarse to fine."""
    offered = {t.name: t for t in kernel.tiers}
    if not plan.tiers:
        first, last = kernel.tiers[0], kernel.tiers[-1]
        return (first,) if first is last else (first, last)
    for name in plan.tiers:
        if name not in offered:
            raise unknown(plan, "tiers", name, list(offered), f"tier of '{kernel.name}'")
    place = list(offered)
    if sorted(plan.tiers, key=place.index) != list(plan.tiers):
        raise InputError(
            f"{plan.source}, tiers: give them from coarse to fine, as "
            f"{', '.join(sorted(plan.tiers, key=place.index))}."
        )
    return tuple(offered[name] for name in plan.tiers)


def fixed_values(plan: Plan, kernel: Kernel) -> dict[str, float | str]:
    """Inputs that stay, in the units of their ports."""
    fixed: dict[str, float | str] = {}
    missing: list[Port] = []
    for port in kernel.inputs:
        if port.name in plan.ranges:
            continue
        if port.name in plan.fixed:
            fixed[port.name] = value_at(
                plan, kernel, port, f"fixed.{port.name}", plan.fixed[port.name]
            )
        elif port.default is not None:
            fixed[port.name] = port.default
        else:
            missing.append(port)
    if missing:
        names = listed(f"'{p.name}' [{p.unit}]" for p in missing)
        raise InputError(
            f"{plan.source}: '{kernel.name}' has no default for {names}; add what is missing to "
            f"[ranges] or to [fixed]."
        )
    return fixed


def value_at(plan: Plan, kernel: Kernel, port: Port, key: str, value: Value) -> float | str:
    """A value of the plan in the unit of its port."""
    with at(plan, key):
        found = port_value(port, value)
        check_within(port, found, kernel.name)
    return found


@contextmanager
def at(plan: Plan, key: str) -> Iterator[None]:
    """Say of a complaint where in the plan it belongs."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{plan.source}, {key}: {error}") from error


def si_ends(plan: Plan, kernel: Kernel, name: str) -> tuple[float, float]:
    """SI ends of a range, checked."""
    port, given = port_named(kernel.inputs, name), plan.ranges[name]
    key = f"ranges.{name}"
    if port.is_label or port.parsed.scale == "level":
        what = "a label" if port.is_label else f"in {port.unit}, a level"
        raise InputError(
            f"{plan.source}, {key}: '{name}' is {what}, which has no logarithm; move it to [fixed]."
        )
    with at(plan, key):
        unit = unit_for(port, given.unit)
        low, high = (unit.to_si(value) for value in _whole_ends(given))
        for value in (low, high):
            check_within(port, port.parsed.from_si(value), kernel.name)
    if not low > 0 and plan.tolerance.exponents is not None:
        raise InputError(
            f"{plan.source}, {key}: the range starts at {given.low:g} {given.unit or port.unit}, "
            f"which has no logarithm, so that there is no exponent of '{name}'; start above zero, "
            f"move it to [fixed], or ask for tolerance.law alone instead of exponents."
        )
    return low, high


def _whole_ends(given: Range) -> tuple[float, float]:
    if not given.integer:
        return given.low, given.high
    low, high = float(np.ceil(given.low)), float(np.floor(given.high))
    if not low < high:
        raise InputError("the range holds no two whole numbers; widen it.")
    return low, high
