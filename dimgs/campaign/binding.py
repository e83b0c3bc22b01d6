"""A plan meets its kernel: names, units and ranges are checked, and the pi space is derived."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from dimgs.campaign.plan import Plan, Value
from dimgs.campaign.space import PiSpace
from dimgs.common.advice import Advice, Setting, did_you_mean, worded
from dimgs.common.arrays import Array
from dimgs.common.errors import DimensionError, InputError
from dimgs.groups.derive import constant_variables, pi_basis, with_scales
from dimgs.groups.missing_input import AUTO, scale_of
from dimgs.kernels.base import BaseKernel
from dimgs.kernels.record import RunRecord, RunRequest
from dimgs.kernels.registry import load_kernel
from dimgs.kernels.spec import (
    Kernel,
    Port,
    Tier,
    canonical_inputs,
    check_within,
    content_key,
    port_value,
    unit_for,
)
from dimgs.report.words import listed
from dimgs.variables import Variable, parse_unit

Declared = TypeVar("Declared", Port, Tier)
# of the scales of units: those whose values have no logarithm
_NO_LOGARITHM = ("label", "level")


class SignedTargetError(Exception):
    """A run whose target has no logarithm, where one closed form is asked for."""


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
    notes : tuple of str
        What takes no part, and why.
    signed_target : bool
        Whether runs have shown that the target vanishes or changes sign.
    """

    plan: Plan
    kernel: Kernel
    tiers: tuple[Tier, ...]
    target: Port
    space: PiSpace
    fixed: Mapping[str, float | str]
    notes: tuple[str, ...]
    signed_target: bool = False

    @property
    def finest(self) -> int:
        """Number of the finest tier."""
        return len(self.tiers) - 1

    @property
    def stochastic(self) -> bool:
        """Whether equal inputs may give different answers."""
        return bool(getattr(self.kernel, "stochastic", False))

    @cached_property
    def ports(self) -> dict[str, Port]:
        """Inputs of the kernel by name."""
        return {p.name: p for p in self.kernel.inputs}

    def values(self, logs: Array) -> dict[str, float | str]:
        """Inputs of a run in the units of their ports, whole numbers where the plan asks."""
        values: dict[str, float | str] = dict(self.fixed)
        si = self.space.values(logs)
        for name in self.space.names:
            port, given, value = self.ports[name].parsed, self.plan.ranges[name], si[name]
            if given.integer:
                unit = port if given.unit is None else parse_unit(given.unit)
                ends = np.ceil(given.low), np.floor(given.high)
                value = unit.to_si(float(np.clip(round(unit.from_si(value)), *ends)))
            values[name] = port.from_si(value)
        return values

    def logs(self, values: Mapping[str, float | str]) -> Array:
        """Logarithms of the varying inputs in SI units, from values in the units of the ports."""
        return self.space.logs({n: _si(self.ports[n], values[n]) for n in self.space.names})

    @property
    def scales(self) -> tuple[str, ...]:
        """Unknown dimensional constants that the plan asks for, as ``"T0 [K]"``."""
        scales = (v for v in self.space.basis.variables if v.role == "scale")
        return tuple(f"{v.name} [{v.unit.text}]" for v in scales)

    def with_further_scale(self, names: Iterable[str]) -> "Binding | None":
        """The same with one more unknown constant, of the dimension of one of these inputs.

        None where each of their dimensions has a constant already.
        """
        known = self.space.basis.variables
        there = {v.dimension for v in known if v.role == "scale"}
        taken = {self.target.name, *self.ports, *(v.name for v in known)}
        for variable in (Variable(n, self.ports[n].parsed) for n in names):
            if not variable.dimension.is_dimensionless and variable.dimension not in there:
                scales = (*self.scales, scale_of(variable, taken))
                return bind(replace(self.plan, scales=scales))
        return None

    @property
    def linear(self) -> bool:
        """Whether no logarithm of the target is taken: it may vanish or change sign."""
        signed = self.signed_target or bool(self.space.signed.any())
        return signed and self.plan.tolerance.of_one_law

    @cached_property
    def parts(self) -> frozenset[str]:
        """Names of the inputs that take part in the groups."""
        in_groups = frozenset(v.name for v in self.space.basis.variables)
        return in_groups & frozenset(self.ports) | frozenset(self.space.references)

    def located(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, float], Array]:
        """Inputs in the units of the ports, those that take part in SI units, and coordinates.

        Parameters
        ----------
        given : mapping of str to whatever `as_quantity` reads
            Of a named point, or of a run that exists already; the others are those that stay.

        Raises
        ------
        InputError
            A clause that says why no run of the plan can be compared with it.
        """
        known = {n: port_value(self.ports[n], q) for n, q in given.items() if n in self.ports}
        middle = self.values(self.space.centre).items()
        values = {n: v for n, v in middle if n in self.fixed or n not in self.parts} | known
        si = dict[str, float]()
        for name, port in self.ports.items():
            if name not in values:
                raise InputError(f"it has no '{name}'; give it")
            if name in self.parts:
                si[name] = _si(port, values[name])
                if name not in self.space.basis.signed and not si[name] > 0:
                    raise InputError(f"its '{name}' has no logarithm; give a value above zero")
        z = self.space.place({**self.space.fixed, **si})
        if z is None:
            raise InputError("a group that the ranges never vary differs; let its inputs vary too")
        return values, si, z

    @cached_property
    def points(self) -> "list[NamedPoint]":
        """The named points, in the order of the plan."""
        points: list[NamedPoint] = []
        for i, point in enumerate(self.plan.points, 1):
            given = {n: v for n, v in point.items() if n != self.target.name}
            for name, value in given.items():
                key = f"points[{i}].{name}"
                port = port_of(self.plan, key, name, self.ports, "input")
                value_at(self.plan, self.kernel, port, key, value)
            with at(self.plan, f"points[{i}]"):
                points.append(self._point(given, point.get(self.target.name)))
                _ = points[-1].outermost
        return points

    def _point(self, given: Mapping[str, Any], limit: Any) -> "NamedPoint":
        if limit is None:
            return NamedPoint(self, given)
        rest = [n for n in self.space.names if n in self.parts and n not in given]
        if len(rest) != 1 or rest[0] in self.space.basis.signed:
            raise InputError(
                f"it names '{self.target.name}', so that where this is met is asked for; leave out "
                f"one input of the ranges that is positive throughout, and give the others"
            )
        value = self.target.parsed.to_si(float(port_value(self.target, limit, "output")))
        if not value > 0:
            raise InputError(f"its '{self.target.name}' has no logarithm; give a value above zero")
        return NamedPoint(self, given, rest[0], float(np.log(value)))

    def request(self, values: Mapping[str, float | str], tier: int, seed: int | None) -> RunRequest:
        """What is asked of the kernel, with its content hash."""
        kernel, level = self.kernel, self.tiers[tier]
        if isinstance(kernel, BaseKernel):
            return kernel.request(values, level.name, seed)
        texts = canonical_inputs(kernel.inputs, values, values)
        settings = dict(level.settings)
        key = content_key(kernel.name, kernel.version, level.name, settings, texts, seed)
        inputs = {n: (v, self.ports[n].unit) for n, v in values.items()}
        return RunRequest(key, kernel.name, level.name, inputs, seed)

    def response(self, record: RunRecord) -> float:
        """Logarithm of the response group of a run; NaN where there is none.

        The response itself where one closed form is asked for of inputs that change sign. Another
        edition of the kernel may have used other units.
        """
        value, unit = record.outputs.get(self.target.name, (np.nan, self.target.unit))
        y = parse_unit(unit).to_si(float(value)) if record.ok else np.nan
        if not np.isfinite(y) or not (self.linear or y > 0):
            return np.nan
        given = {n: record.inputs[n] for n in self.parts if n in record.inputs}
        si = {n: parse_unit(unit).to_si(float(value)) for n, (value, unit) in given.items()}
        return y if self.linear else float(np.log(y)) + self.space.response_shift(si)


@dataclass(frozen=True)
class NamedPoint:
    """A point of a plan: a prediction there is asked for, or where the target meets a limit.

    Attributes
    ----------
    binding : Binding
    given : mapping of str to (value, unit)
    free : str, optional
        Input along which the target meets the limit.
    limit : float
        Logarithm of the target there, in SI units.
    """

    binding: Binding
    given: Mapping[str, Any]
    free: str | None = None
    limit: float = 0.0

    @cached_property
    def ends(self) -> tuple[float, float]:
        """Logarithms of the ends of the free input, in SI units."""
        space, n = self.binding.space, self.binding.space.names.index(str(self.free))
        low, high = (space.values(logs)[space.names[n]] for logs in (space.low, space.high))
        return float(np.log(low)), float(np.log(high))

    def at(self, log: float = 0.0) -> tuple[Array, float]:
        """Coordinates, and log pi_0 - log target, at a logarithm of the free input."""
        free = {}
        if self.free is not None:
            port = self.binding.ports[self.free]
            free[self.free] = (port.parsed.from_si(float(np.exp(log))), port.unit)
        _, si, z = self.binding.located({**self.given, **free})
        return z, self.binding.space.response_shift(si)

    @cached_property
    def outermost(self) -> list[Array]:
        """Coordinates of the point, or of the ends of where it may lie."""
        return [self.at(log)[0] for log in (self.ends if self.free else (0.0,))]


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
    with at(plan, "kernel"):
        kernel = load_kernel(plan.kernel)
    ports, of_kernel = {p.name: p for p in kernel.inputs}, f"of '{kernel.name}'"
    inputs = {f"ranges.{n}": n for n in plan.ranges} | {f"fixed.{n}": n for n in plan.fixed}
    inputs |= {f"curves.{c}.{n}": n for c, curve in plan.curves.items() for n in curve.inputs}
    inputs |= {} if plan.by is None else {"by": plan.by}
    for key, name in inputs.items():
        port_of(plan, key, name, ports, f"input {of_kernel}")
    outputs = {p.name: p for p in kernel.outputs}
    target = port_of(plan, "target", ", ".join(plan.targets), outputs, f"output {of_kernel}")
    offered = {t.name: t for t in kernel.tiers}
    chosen = [*(plan.tiers or dict.fromkeys((kernel.tiers[0].name, kernel.tiers[-1].name)))]
    tiers = tuple(port_of(plan, "tiers", n, offered, f"tier {of_kernel}") for n in chosen)
    ordered = [n for n in offered if n in chosen]
    outcome, kelvin = Variable(target.name, target.parsed), parse_unit("K").dimension
    no_label = plan.by is not None and not ports[plan.by].is_label
    others = [ports[n] for n in plan.arrhenius if ports[n].parsed.dimension != kelvin]
    no_kelvin = " and ".join(f"'{p.name}' is in {p.unit}" for p in others)
    level = f"'{target.name}' is in {target.unit}, a level; name an output with a ratio scale."
    for key, refused, why in (
        ("tiers", ordered != chosen, f"give them from coarse to fine, as {', '.join(ordered)}."),
        ("by", no_label, f"'{plan.by}' is no label; name an input that is."),
        ("target", outcome.is_level, level),
        ("arrhenius", no_kelvin, f"{no_kelvin}; name an absolute temperature."),
    ):
        if refused:
            raise InputError(f"{plan.source}, {key}: {why}")
    given = {n: value_at(plan, kernel, ports[n], f"fixed.{n}", v) for n, v in plan.fixed.items()}
    known = {n: p.default for n, p in ports.items() if p.default is not None} | given
    missing = [p for n, p in ports.items() if n not in plan.ranges and n not in known]
    if missing:
        without = listed(f"'{p.name}' [{p.unit}]" for p in missing)
        lacks = f"'{kernel.name}' has no default for {without}"
        raise InputError(f"{plan.source}: {lacks}; add what is missing to [ranges] or to [fixed].")
    fixed = {n: known[n] for n in ports if n not in plan.ranges}
    ends = {name: si_ends(plan, kernel.name, ports[name]) for name in plan.ranges}
    taking, notes = _taking_part(kernel, fixed)
    aside = f" ({'; '.join(n.rstrip('.') for n in notes)})" if notes else ""
    # a kernel of temperatures alone has groups of none, and they stay apart from the basis
    taking = [v for v in taking if v.name not in plan.arrhenius] or taking
    names = [*(v.name for v in taking), target.name]
    with at(plan, "constants"):
        constants = constant_variables(plan.constants, names)
    with at(plan, "scales"), worded(_as_key):
        with_scales([*taking, *constants], outcome, names, plan.scales, list(plan.ranges))
    with at(plan, f"target{aside}"), worded(_as_key):
        basis = pi_basis(
            [*taking, outcome],
            target.name,
            constants=plan.constants,
            scales=plan.scales,
            varying=list(plan.ranges),
            prefer_named=True,
            signed=[n for n, (low, _) in ends.items() if not low > 0],
        )
    within = {v.name for v in basis.variables} | set(plan.arrhenius)
    # what no group holds varies in the runs that are predicted: it must change nothing
    order = [n for n in sorted(plan.ranges) if n in within or ends[n][0] > 0]
    tested = ". Runs that are predicted vary it, to test that it has no effect"
    notes += [
        f"'{d.name}' takes no part: {d.why}{tested if d.name in order else ''}; a known constant "
        f'(constants = ["k_B"] in the plan) or an unknown one (scales = "auto") may bring it in.'
        for d in basis.dropped
        if d.name not in plan.arrhenius
    ]
    si = {n: _si(ports[n], fixed[n]) for n in names if n in fixed and n in within}
    for name, (low, high) in ends.items():
        if name not in order:
            fixed[name] = ports[name].parsed.from_si(float(np.sqrt(low) * np.sqrt(high)))
    if not within.intersection(order):
        still = f"no group varies in these ranges, and no input of them takes part{aside}"
        remedy = 'let another input vary, or declare an unknown one (scales = "auto").'
        raise InputError(f"{plan.source}, ranges: {still}; {remedy}")
    space = PiSpace({n: ends[n] for n in order}, basis, si, plan.arrhenius)
    binding = Binding(plan, kernel, tiers, target, space, fixed, tuple(notes))
    # points that no run can stand for are refused here, and not when they are asked for
    _ = binding.points
    return binding


def _as_key(advice: Advice) -> str:
    """Advice as a key of a plan."""
    assert isinstance(advice, Setting)
    values = [v if v == AUTO else v.split(",") for v in advice.values]
    return f"{advice.option} = {' or '.join(json.dumps(v, ensure_ascii=False) for v in values)}"


def _taking_part(
    kernel: Kernel, fixed: Mapping[str, float | str]
) -> tuple[list[Variable], list[str]]:
    """Inputs that may take part in the groups, and why the others do not."""
    taking, notes = [], []
    for port in kernel.inputs:
        if port.parsed.scale in _NO_LOGARITHM:
            notes.append(f"'{port.name}' stays at {fixed[port.name]} and has no dimension to use.")
        elif port.name in fixed and not _si(port, fixed[port.name]) > 0:
            value = f"{float(fixed[port.name]):g} {port.unit}"
            notes.append(f"'{port.name}' stays at {value} and takes no part: it has no logarithm.")
        else:
            taking.append(Variable(port.name, port.parsed))
    return taking, notes


def _si(port: Port, value: float | str) -> float:
    return port.parsed.to_si(float(value))


def port_of(
    plan: Plan, key: str, name: str, declared: Mapping[str, Declared], what: str
) -> Declared:
    """What a kernel declares under a name of the plan; an error lists near names."""
    if name in declared:
        return declared[name]
    remedy = did_you_mean(name, declared, f"use {' or '.join(list(declared)[:8])}.", most=2)
    raise InputError(f"{plan.source}, {key}: '{name}' is no {what}; {remedy}")


def value_at(plan: Plan, kernel: Kernel, port: Port, key: str, value: Value) -> float | str:
    """A value of the plan in the unit of its port."""
    with at(plan, key):
        number = port_value(port, value)
        check_within(port, number, kernel.name)
    return number


@contextmanager
def at(plan: Plan, key: str) -> Iterator[None]:
    """Say of a complaint where in the plan it belongs."""
    try:
        yield
    except InputError as error:
        kind = DimensionError if isinstance(error, DimensionError) else InputError
        raise kind(f"{plan.source}, {key}: {error}") from error


def si_ends(plan: Plan, kernel: str, port: Port) -> tuple[float, float]:
    """SI ends of a range, checked."""
    given = plan.ranges[port.name]
    with at(plan, f"ranges.{port.name}"):
        if port.parsed.scale in _NO_LOGARITHM:
            what = f"'{port.name}' is a {port.parsed.scale}, which has no logarithm"
            raise InputError(f"{what}; move it to [fixed].")
        unit, ends = unit_for(port, given.unit), (given.low, given.high)
        if given.integer:
            ends = float(np.ceil(given.low)), float(np.floor(given.high))
        if not ends[0] < ends[1]:
            raise InputError("the range holds no two whole numbers; widen it.")
        low, high = map(unit.to_si, ends)
        for end in (low, high):
            check_within(port, port.parsed.from_si(end), kernel)
        if not low > 0 and plan.tolerance.exponents is not None:
            raise InputError(
                f"the range starts at {given.low:g} {given.unit or port.unit}, which has no "
                f"logarithm, so that there is no exponent of '{port.name}'; start above zero, "
                f"move it to [fixed], or ask for tolerance.law alone instead of exponents."
            )
    return low, high
