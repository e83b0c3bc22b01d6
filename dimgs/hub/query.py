"""Runs by kernel, physics and ranges of inputs or groups, found in the database."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased

from dimgs.errors import InputError
from dimgs.escape import visible
from dimgs.hub.lineage import Lineage
from dimgs.hub.ranges import Range, read_group, read_range, split_condition
from dimgs.hub.tables import SLOTS, entries, labels, points, shapes, tags
from dimgs.variables import Dimension, parse_unit

# in natural logarithms: the slack of a range, and the rounding of a sum of logarithms
_LOG_SLACK = 1e-11


@dataclass(frozen=True)
class Shape:
    """Which input of a kernel stands in which slot."""

    id: int
    kernel: str
    slots: dict[str, tuple[int, Dimension]]


@dataclass(frozen=True)
class Wanted:
    """What is asked of runs.

    Attributes
    ----------
    kernel, physics, author, tag, state, tier, since, until : str, optional
    where : tuple of (str, Range)
        Of inputs.
    groups : tuple of (str, mapping of str to Fraction, Range)
    """

    kernel: str | None = None
    physics: str | None = None
    author: str | None = None
    tag: str | None = None
    state: str | None = None
    tier: str | None = None
    since: str | None = None
    until: str | None = None
    where: tuple[tuple[str, Range], ...] = ()
    groups: tuple[tuple[str, dict[str, Fraction], Range], ...] = ()
    every: bool = field(default=False)


def wanted(where: Sequence[str] = (), group: Sequence[str] = (), **filters: Any) -> Wanted:
    """What is asked, from what was typed.

    Raises
    ------
    InputError
        If a range cannot be read.
    """
    ranges = [(name, read_range(span)) for name, span in map(split_condition, where)]
    groups = []
    for text in group:
        name, span = split_condition(text)
        limits = read_range(span)
        if limits.label is not None:
            raise InputError(f"The group '{visible(name[:60])}' needs a range of numbers.")
        groups.append((name, read_group(name), limits))
    return Wanted(where=tuple(ranges), groups=tuple(groups), **filters)


def kernels_of(connection: Connection, physics: str, lineage: Lineage) -> list[str]:
    """Kernels whose cards claim a physics identity; claims of imported cards need approval."""
    query = select(entries.c.id, entries.c.name, entries.c.content).where(
        entries.c.kind == "card", entries.c.content.is_not(None)
    )
    found = {
        row.name
        for row in connection.execute(query)
        if json.loads(row.content).get("physics") == physics
        and lineage.state(row.id, "card") not in ("untrusted", "disputed")
    }
    return sorted(found | {physics})


def condition(
    connection: Connection, ask: Wanted, lineage: Lineage, readable: ColumnElement[bool] | None
) -> ColumnElement[bool]:
    """Condition on rows of ``points`` (of the first part of each run).

    Parameters
    ----------
    connection : Connection
    ask : Wanted
    lineage : Lineage
    readable : condition on entries, optional
        What the reader may see beside what is open; None for everything.

    Raises
    ------
    InputError
        If no kernel has such an input, or only of another dimension.
    """
    parts: list[ColumnElement[bool]] = [points.c.part == 0]
    if not ask.every:
        parts.append(points.c.ok)
    parts.append(_in_shapes(_shapes(connection, ask, lineage), ask))
    if readable is not None:
        hidden = select(entries.c.seq).where(entries.c.visibility != "open", readable)
        parts.append(or_(points.c.visible, points.c.run.in_(hidden)))
    of_entry = _of_entry(ask)
    if of_entry:
        parts.append(points.c.run.in_(select(entries.c.seq).where(*of_entry)))
    if ask.state is not None:
        parts.append(_in_state(ask.state, lineage))
    for name, limits in ask.where:
        if limits.label is not None:
            held = select(labels.c.run).where(labels.c.name == name, labels.c.label == limits.label)
            parts.append(points.c.run.in_(held))
    return and_(*parts)


def _of_entry(ask: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if ask.author is not None:
        found.append(entries.c.author == ask.author)
    if ask.since is not None:
        found.append(entries.c.time >= ask.since)
    if ask.until is not None:
        found.append(entries.c.time <= ask.until)
    if ask.tag is not None:
        found.append(entries.c.seq.in_(select(tags.c.entry).where(tags.c.tag == ask.tag)))
    return [entries.c.kind == "run", *found] if found else []


def _in_state(state: str, lineage: Lineage) -> ColumnElement[bool]:
    def runs(ids: set[str]) -> Any:
        # as one JSON text: a statement takes a bounded number of values
        return points.c.run.in_(
            select(entries.c.seq).where(entries.c.id.in_(sorted(ids)), entries.c.kind == "run")
        )

    some = lineage.with_state(state)
    if some is None:
        other = lineage.not_open()
        return ~runs(other) if other else true()
    return runs({i for i in some if lineage.state(i, "run") == state}) if some else false()


def _shapes(connection: Connection, ask: Wanted, lineage: Lineage) -> list[Shape]:
    query = select(shapes).order_by(shapes.c.id)
    if ask.kernel is not None:
        query = query.where(shapes.c.kernel == ask.kernel)
    if ask.tier is not None:
        query = query.where(shapes.c.tier == ask.tier)
    if ask.physics is not None:
        query = query.where(shapes.c.kernel.in_(kernels_of(connection, ask.physics, lineage)))
    found = [
        Shape(
            row.id,
            row.kernel,
            {n: (k, parse_unit(u).dimension) for k, (n, _, u) in enumerate(json.loads(row.ports))},
        )
        for row in connection.execute(query)
    ]
    for name, limits in ask.where:
        if limits.label is None:
            found = _having(found, {name: Fraction(1)}, name, limits)
    for text, exponents, limits in ask.groups:
        found = _having(found, exponents, text, limits)
    return found


def _having(
    found: list[Shape], exponents: dict[str, Fraction], text: str, limits: Range
) -> list[Shape]:
    """Shapes with all the inputs, whose product has the dimension of the range."""
    having = [s for s in found if set(exponents) <= set(s.slots)]
    fitting = [s for s in having if _dimension(s, exponents) == limits.unit.dimension]
    if found and not having:
        names = sorted({n for s in found for n in s.slots})
        missing = next(n for n in sorted(exponents) if not any(n in s.slots for s in found))
        raise (
            InputError(
                f"No run has the input '{visible(missing[:60])}'; inputs are "
                f"{visible(', '.join(names)[:300])}."
            )
            if any(n not in names for n in exponents)
            else InputError(f"No kernel has all the inputs of '{visible(text[:60])}'.")
        )
    if having and not fitting:
        raise InputError(
            f"'{visible(text[:60])}' has the dimension {_dimension(having[0], exponents)}, and "
            f"the range '{visible(limits.text[:60])}' {limits.unit.dimension}; give a unit of "
            f"that dimension."
        )
    return fitting


def _dimension(shape: Shape, exponents: dict[str, Fraction]) -> Dimension:
    total = Dimension()
    for name, e in exponents.items():
        total = total * shape.slots[name][1] ** e
    return total


def _in_shapes(found: list[Shape], ask: Wanted) -> ColumnElement[bool]:
    if not (ask.where or ask.groups or ask.kernel or ask.physics or ask.tier):
        return true()
    return or_(false(), *(_in_shape(shape, ask) for shape in found))


def _in_shape(shape: Shape, ask: Wanted) -> ColumnElement[bool]:
    """Condition on the numbers of runs of one shape."""
    parts: list[ColumnElement[bool]] = [points.c.shape == shape.id]
    further: dict[int, Any] = {}

    def column(name: str, kind: str) -> Any:
        part, slot = divmod(shape.slots[name][0], SLOTS)
        if part and part not in further:
            further[part] = aliased(points, name=f"p{part}")
        return (further[part] if part else points).c[f"{kind}{slot}"]

    for name, limits in ask.where:
        if limits.label is None:
            value = column(name, "x")
            if limits.low > -math.inf:
                parts.append(value >= limits.low)
            if limits.high < math.inf:
                parts.append(value <= limits.high)
    for _, exponents, limits in ask.groups:
        terms = [column(n, "l") * literal(float(e)) for n, e in sorted(exponents.items())]
        total = sum(terms[1:], start=terms[0]) if terms else literal(0.0)
        parts.append(total.is_not(None))
        if limits.high <= 0:
            parts.append(false())
        if limits.low > 0:
            parts.append(total >= math.log(limits.low) - _LOG_SLACK)
        if 0 < limits.high < math.inf:
            parts.append(total <= math.log(limits.high) + _LOG_SLACK)
    if not further:
        return and_(*parts)
    # inputs beyond the first eight lie in further rows of the run
    beside = [other.c.run == points.c.run for other in further.values()]
    beside += [other.c.part == part for part, other in further.items()]
    return select(literal(1)).where(*beside, *parts).correlate(points).exists()


def found_runs(where: ColumnElement[bool], limit: int | None) -> Select[Any]:
    """Statement for the entries of the runs, oldest first."""
    chosen = select(points.c.run).where(where).order_by(points.c.run).limit(limit).subquery()
    return select(entries).join(chosen, chosen.c.run == entries.c.seq).order_by(entries.c.seq)


def count_runs(where: ColumnElement[bool]) -> Select[Any]:
    """Statement for the number of the runs."""
    return select(func.count()).select_from(points).where(where)
