"""Values, units, tiers and names of a plan against what a kernel declares."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

import numpy as np

from dimgs.campaign.plan import Plan, Range
from dimgs.errors import InputError
from dimgs.kernels.conversion import check_within, port_value, unit_for
from dimgs.kernels.spec import Kernel, Port, Tier

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
            raise InputError(
                f"{plan.source}: the input '{port.name}' [{port.unit}] of '{kernel.name}' has no "
                f"default; add it to [ranges] or to [fixed]."
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
