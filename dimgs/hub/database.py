"""The database of a hub: opened, read and written; runs by ranges, and their numbers in memory."""

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Engine, Select, create_engine, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from dimgs.common.advice import Act, Step, setting
from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError, StoreError
from dimgs.common.escape import visible
from dimgs.common.plugins import needing
from dimgs.expression.simplest import read_group
from dimgs.hub import schema
from dimgs.hub.entry import Address, Document, Json, Whole, numeric_inputs, si_of
from dimgs.hub.lineage import Lineage, read_lineage, version_of
from dimgs.hub.schema import (
    SLOTS,
    Condition,
    entries,
    ids_of,
    labels,
    points,
    shapes,
    tags,
    version,
)
from dimgs.variables import Dimension, parse_unit
from dimgs.variables.quantities import NORMAL, Quantity, as_quantity

# ---- Runs by ranges of inputs and groups, and their numbers as tables that are kept in memory.


# dimensions of inputs, and labels, by name
Dimensions: TypeAlias = Mapping[str, Dimension]
Labels: TypeAlias = Mapping[str, str]
# runs by their numbers
Fetch: TypeAlias = Callable[[list[int]], Mapping[int, Document]]
# relative: what conversions of units lose; stored numbers have 12 digits
_SLACK = 2e-12
# of letters: the longest group of a dozen inputs takes a fifth of it
_LONGEST = 1000
# in natural logarithms: the slack of a range, and the rounding of a sum of logarithms
_LOG_SLACK = 1e-11


def split_condition(text: str) -> tuple[str, str]:
    """Name or group, and range, of a condition.

    Raises
    ------
    InputError
    """
    name, equals, span = text.partition("=")
    if not equals or not name.strip() or not span.strip() or len(text) > _LONGEST:
        raise InputError(
            f"The condition '{visible(text[:60])}' is not a range; write 'D=1e-16..1e-12 m^2/s', "
            f"'l=2 mm' or 'kind=resin'."
        )
    return name.strip(), span.strip()


def read_range(text: str, name: str = "") -> Quantity:
    """Range from its text, or label; an interval is the range between its bounds.

    Raises
    ------
    InputError
        If it cannot be read, or the ends are reversed.

    Examples
    --------
    >>> read_range("1..20 degC").ends(), read_range("..5e-3 m").low
    ((1.0, 20.0), -inf)
    """
    what = f"The range of '{visible(name[:60])}'" if name else "The range"
    quantity = as_quantity(text, what)
    if quantity.dist == NORMAL:
        raise InputError(f"{what} is '{visible(text[:60])}', a standard error; give both ends.")
    return quantity


def _si_ends(limits: Quantity) -> tuple[float, float]:
    """Ends of a range in SI units, widened by what conversions of units lose."""
    low, high = (float(limits.parsed.to_si(end)) for end in limits.ends())
    return low - _SLACK * abs(low), high + _SLACK * abs(high)


@dataclass(frozen=True)
class Shape:
    """Assignment of the inputs of a kernel to slots of the table."""

    id: int
    tier: str
    slots: dict[str, tuple[int, Dimension]]


class Wanted(BaseModel):
    """Conditions on runs.

    Attributes
    ----------
    kernel, physics, author, tag, state, tier, since, until : str, optional
    review : str, optional
        Verdict of a review that counts, or "none" for what nobody has reviewed.
    where, group : list of str
        Ranges of inputs, and of groups.
    every : bool
        Whether runs that did not end well are asked for too.
    limit : int, optional
        Most runs that are given.
    """

    model_config = ConfigDict(extra="forbid")

    kernel: str | None = None
    physics: str | None = None
    author: str | None = None
    tag: str | None = None
    state: str | None = None
    tier: str | None = None
    review: str | None = None
    since: str | None = None
    until: str | None = None
    where: list[str] = []
    group: list[str] = []
    every: bool = False
    limit: Whole | None = None


@dataclass(frozen=True)
class Asked:
    """Conditions on runs, in a hub as somebody may read it.

    Attributes
    ----------
    connection : Connection
    ask : Wanted
    lineage : Lineage
    readable : condition on entries
        What the reader may see.
    """

    connection: Connection
    ask: Wanted
    lineage: Lineage
    readable: Condition

    @cached_property
    def _ranges(self) -> list[tuple[str, Quantity]]:
        """Ranges of inputs, and labels, of which a run may have one like a number (316L)."""
        ranges = []
        for name, span in map(split_condition, self.ask.where):
            limits = read_range(span, name)
            is_label = self._has_label(name, labels.c.label == limits.text)
            ranges.append((name, replace(limits, value=limits.text) if is_label else limits))
        return ranges

    @cached_property
    def _groups(self) -> list[tuple[str, dict[str, Fraction], Quantity]]:
        """Groups as texts, with their powers and ranges."""
        groups = []
        for name, span in map(split_condition, self.ask.group):
            limits = read_range(span, name)
            if limits.is_label:
                raise InputError(f"The group '{visible(name[:60])}' needs a range of numbers.")
            groups.append((name, read_group(name), limits))
        return groups

    def _has_label(self, name: str, *of: Condition) -> bool:
        """Whether a run has a label of this name."""
        labelled = select(labels.c.run).where(labels.c.name == name, *of).limit(1)
        return self.connection.execute(labelled).first() is not None

    def runs(self) -> Select[Any]:
        """SQL statement for the numbers (``seq``) of the runs.

        Where no range is asked for, the table of entries answers alone.

        Raises
        ------
        InputError
            If a range cannot be read, no kernel has such an input, or only of another dimension.
        """
        ask, of_entry = self.ask, _entry_conditions(self.ask)
        if not (self._ranges or self._groups or ask.tier):
            parts = self._common(entries.c.seq, entries.c.status == "ok")
            parts += [entries.c.kind == "run", *of_entry, self._is_kernel(entries.c.name)]
            return select(entries.c.seq.label("seq")).where(*parts)
        parts = self._common(points.c.run, points.c.ok)
        if of_entry:
            some = select(entries.c.seq).where(entries.c.kind == "run", *of_entry)
            parts.append(points.c.run.in_(some))
        every = [
            # rows of one shape lie side by side: each is a scan of its own
            select(points.c.run.label("seq")).where(self._in_shape(shape), *parts)
            for shape in self._shapes()
        ]
        if not every:
            return select(points.c.run.label("seq")).where(sa.false())
        if len(every) == 1:
            return every[0]
        return select(sa.union_all(*every).subquery().c.seq)

    def _common(self, seq: sa.ColumnElement[int], ended: Condition) -> list[Condition]:
        """Conditions on runs, whichever table their numbers are of."""
        ask, parts = self.ask, [] if self.ask.every else [ended]
        unreadable = select(entries.c.seq).where(entries.c.visibility != "open", ~self.readable)
        parts.append(seq.not_in(unreadable.correlate(None)))
        if ask.state == "open":
            parts.append(seq.not_in(self._of(self.lineage.states)))
        elif ask.state is not None:
            parts.append(seq.in_(self._of(self.lineage.with_state(ask.state))))
        if ask.review is not None:
            reviewed = self._of(self.lineage.reviewed(ask.review))
            parts.append(seq.not_in(reviewed) if ask.review == "none" else seq.in_(reviewed))
        for name, limits in self._ranges:
            if limits.is_label:
                of_name = select(labels.c.run).where(labels.c.name == name)
                parts.append(seq.in_(of_name.where(labels.c.label == limits.value)))
        return parts

    def _is_kernel(self, name: sa.ColumnElement[str]) -> Condition:
        """Whether a name is that of a kernel that is asked for, or of one of the physics.

        Claims of cards that were imported need approval.
        """
        kernel, physics = self.ask.kernel, self.ask.physics
        if physics is None:
            return sa.true() if kernel is None else name == kernel
        query = select(entries.c.id, entries.c.name, entries.c.content).where(
            entries.c.kind == "card", entries.c.content.is_not(None)
        )
        kernels = {
            card.name
            for card in self.connection.execute(query)
            if json.loads(card.content).get("physics") == physics
            and self.lineage.state(card.id) not in ("untrusted", "disputed")
        }
        return name.in_([k for k in sorted(kernels | {physics}) if kernel in (None, k)])

    def _of(self, ids: Iterable[str]) -> Select[Any]:
        """Numbers of entries: a question of its own, also where the statement reads their table."""
        some = entries.c.id.in_(ids_of(self.connection, ids))
        return select(entries.c.seq).where(some).correlate(None)

    def _shapes(self) -> list[Shape]:
        conditions = [self._is_kernel(shapes.c.kernel)]
        conditions += [] if self.ask.tier is None else [shapes.c.tier == self.ask.tier]
        fitting = _shapes_of(self.connection, *conditions)
        for name, limits in self._ranges:
            if not limits.is_label:
                fitting = _shapes_with(fitting, {name: Fraction(1)}, name, limits)
            elif any(name in shape.slots for shape in fitting) and not self._has_label(name):
                raise InputError(
                    f"'{visible(name[:60])}' is a number in every run, and "
                    f"'{visible(limits.text[:60])}' is not a range of numbers; write a range "
                    f"such as '1e-16..1e-12 m^2/s', or a number with its unit."
                )
        for text, exponents, limits in self._groups:
            fitting = _shapes_with(fitting, exponents, text, limits)
        return fitting

    def _in_shape(self, shape: Shape) -> Condition:
        """Condition on the numbers of runs of one shape."""
        parts: list[Condition] = [points.c.shape == shape.id, points.c.part == 0]
        for name, limits in self._ranges:
            if not limits.is_label:
                parts.append(_column(shape, name).between(*_si_ends(limits)))
        for _, exponents, limits in self._groups:
            terms = [_column(shape, n, "l") * float(e) for n, e in sorted(exponents.items())]
            total = sum(terms[1:], start=terms[0]) if terms else sa.literal(0.0)
            low, high = (math.log(end) if end > 0 else -math.inf for end in _si_ends(limits))
            parts.append(total.between(low - _LOG_SLACK, high + _LOG_SLACK))
        return sa.and_(*parts)


def _entry_conditions(ask: Wanted) -> list[Condition]:
    possible: list[tuple[str | None, Callable[[str], Condition]]] = [
        (ask.author, entries.c.author.__eq__),
        (ask.since, entries.c.time.__ge__),
        (ask.until, entries.c.time.__le__),
        (ask.tag, lambda tag: entries.c.seq.in_(select(tags.c.entry).where(tags.c.tag == tag))),
    ]
    return [condition(value) for value, condition in possible if value is not None]


def _shapes_of(connection: Connection, *conditions: Condition) -> list[Shape]:
    def shape(row: Any) -> Shape:
        ports = enumerate(json.loads(row.ports))
        slots = {n: (k, parse_unit(unit).dimension) for k, (n, _, unit) in ports}
        return Shape(row.id, row.tier, slots)

    query = select(shapes).where(*conditions).order_by(shapes.c.id)
    return [shape(row) for row in connection.execute(query)]


def _shapes_with(
    among: list[Shape], exponents: dict[str, Fraction], text: str, limits: Quantity
) -> list[Shape]:
    """Shapes with all the inputs, whose product has the dimension of the range."""
    having = [s for s in among if set(exponents) <= set(s.slots)]
    fitting = [s for s in having if _dimension(s, exponents) == limits.parsed.dimension]
    if among and not having:
        names = sorted({n for s in among for n in s.slots})
        missing = sorted(set(exponents) - set(names))
        raise InputError(
            f"No run has the input '{visible(missing[0][:60])}'; inputs are "
            f"{visible(', '.join(names)[:300])}."
            if missing
            else f"No kernel has all the inputs of '{visible(text[:60])}'."
        )
    if having and not fitting:
        raise InputError(
            f"'{visible(text[:60])}' has the dimension {_dimension(having[0], exponents)}, and "
            f"the range '{visible(limits.text[:60])}' {limits.parsed.dimension}; give a unit of "
            f"that dimension."
        )
    return fitting


def _dimension(shape: Shape, exponents: dict[str, Fraction]) -> Dimension:
    return math.prod((shape.slots[n][1] ** e for n, e in exponents.items()), start=Dimension())


def _column(shape: Shape, name: str, kind: str = "x") -> Any:
    """Column of an input ("x"), or of its logarithm ("l"), in the first row of a run.

    Inputs beyond the first eight lie in further rows.
    """
    part, slot = divmod(shape.slots[name][0], SLOTS)
    if not part:
        return points.c[f"{kind}{slot}"]
    further = points.alias()
    same = (further.c.run == points.c.run, further.c.shape == shape.id, further.c.part == part)
    return select(further.c[f"{kind}{slot}"]).where(*same).correlate(points).scalar_subquery()


def fetch_runs(
    connection: Connection, numbers: Select[Any], limit: int | None, *, ranged: bool
) -> tuple[list[Any], int]:
    """Entries of the runs, oldest first, and the number of all.

    Parameters
    ----------
    connection : Connection
    numbers : Select
    limit : int or None
    ranged : bool
        Whether numbers of all runs are compared: then they are looked at once for both. Without, an
        index gives the first, and another counts.
    """
    selected = numbers.cte("found") if ranged else numbers.subquery()
    count = select(sa.func.count()).select_from(selected).scalar_subquery()
    if limit == 0:
        return [], int(connection.execute(select(count)).scalar_one())
    chosen = select(selected.c.seq).order_by(selected.c.seq).limit(limit).subquery()
    query = select(entries, count).join(chosen, chosen.c.seq == entries.c.seq)
    rows = connection.execute(query.order_by(entries.c.seq)).all()
    return list(rows), int(rows[0][-1]) if rows else 0


# tables of runs that are kept: each of a kernel, a tier and labels
_MOST_TABLES = 64


@dataclass(frozen=True)
class RunTable:
    """Runs of a kernel and tier that ended well, oldest first, and their numeric inputs.

    Attributes
    ----------
    names : tuple of str
    values : ndarray of shape (n_runs, n_inputs)
        In SI units.
    numbers : ndarray of int of shape (n_runs,)
    read : callable
        Gives runs by their numbers, as :meth:`Hub.query` gives them; those that the user may not
        read are left out.
    kept : dict
        What was computed of the runs, for as long as the hub is open: later tables of the same
        runs, and of more that were added, share it.
    """

    names: tuple[str, ...]
    values: Array
    numbers: IntArray
    read: Fetch
    kept: dict[Any, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    def fetch(self, places: Sequence[int]) -> list[Json]:
        """Runs at some places, in their order; each has its "place"."""
        numbers = self.numbers[list(places)].tolist()
        runs, every = self.read(numbers), zip(numbers, places, strict=True)
        return [{**runs[number], "place": place} for number, place in every if number in runs]


class NumberCache:
    """Inputs of the runs of kernels, read once and added to when there are more."""

    def __init__(self) -> None:
        # each with the last entry that was looked at
        self._tables: dict[Any, tuple[RunTable, int]] = {}
        self._epoch: str | None = None
        self._lock = Lock()

    def tables(
        self, connection: Connection, kernel: str, inputs: Dimensions, texts: Labels, read: Fetch
    ) -> dict[str, RunTable]:
        """Runs of a kernel with these inputs and these labels, by tier."""
        last, epoch = version_of(connection)
        by_tier: dict[str, list[Shape]] = {}
        for shape in _shapes_of(connection, shapes.c.kernel == kernel):
            if {n: d for n, (_, d) in shape.slots.items()} == dict(inputs):
                by_tier.setdefault(shape.tier, []).append(shape)
        tables = {}
        with self._lock:
            if epoch != self._epoch:
                self._tables.clear()
                self._epoch = epoch
            for tier, some in by_tier.items():
                key = (kernel, tier, tuple(inputs.items()), tuple(sorted(texts.items())))
                nothing = np.zeros((0, len(inputs))), np.zeros(0, dtype=np.intp)
                empty = RunTable(tuple(inputs), *nothing, read), -1
                table, seen = self._tables.pop(key, empty)
                if seen < last:
                    numbers, values = _read(connection, some, tuple(inputs), texts, seen)
                    numbers = np.concatenate([table.numbers, numbers])
                    values = np.vstack([table.values, values])
                    table = replace(table, numbers=numbers, values=values)
                self._tables[key] = table, max(seen, last)
                if len(table):
                    tables[tier] = replace(table, read=read)
            while len(self._tables) > _MOST_TABLES:
                del self._tables[next(iter(self._tables))]
        return tables


def _read(
    connection: Connection, shapes: Sequence[Shape], names: Sequence[str], texts: Labels, after: int
) -> tuple[IntArray, Array]:
    """Numbers and inputs of the runs after one, oldest first."""
    parts: list[tuple[IntArray, Array]] = []
    for shape in shapes:
        query = select(points.c.run, *(_column(shape, name) for name in names)).where(
            points.c.shape == shape.id, points.c.part == 0, points.c.run > after, points.c.ok
        )
        for name, label in texts.items():
            some = labels.alias()
            query = query.where(some.c.run == points.c.run, some.c.name == name)
            query = query.where(some.c.label == label)
        rows = [tuple(row) for row in connection.execute(query.order_by(points.c.run))]
        numbers = np.array(rows, dtype=np.float64).reshape(-1, 1 + len(names))
        # below 2^53, so that a float holds the number of a run
        parts.append((numbers[:, 0].astype(np.intp), numbers[:, 1:]))
    seqs = np.concatenate([part[0] for part in parts])
    order = np.argsort(seqs, kind="stable")
    return seqs[order], np.vstack([part[1] for part in parts])[order]


def tables_of_runs(
    runs: Sequence[Document], inputs: Dimensions, texts: Labels
) -> dict[str, RunTable]:
    """Tables of runs in the form of a server."""
    by_tier: dict[str, list[Document]] = {}
    for run in runs:
        numbers = numeric_inputs(run)
        named = {n: q["value"] for n, q in run["inputs"].items() if n not in numbers}
        units = {n: parse_unit(q.get("unit", "1")) for n, q in numbers.items()}
        if {n: u.dimension for n, u in units.items()} != dict(inputs) or named != dict(texts):
            continue
        by_tier.setdefault(run["tier"], []).append(run)

    def table(some: Sequence[Document]) -> RunTable:
        rows = [[si_of(run["inputs"][n]) for n in inputs] for run in some]
        values = np.array(rows).reshape(-1, len(inputs))
        every = dict(enumerate(some))
        return RunTable(tuple(inputs), values, np.arange(len(some)), lambda _: every)

    return {tier: table(some) for tier, some in by_tier.items()}


# ---- The database of a hub: SQLite or PostgreSQL, opened, upgraded, read and written.


_FILE = "hub.sqlite"
_POSTGRESQL = ("postgresql://", "postgres://", "postgresql+psycopg://")


class Database(schema.Transactions):
    """The database that a hub is kept in; safe to use after a fork.

    Parameters
    ----------
    address : str or path
        A file, a folder (with a file ``hub.sqlite`` in it), or a ``postgresql://`` address.
    make : bool
        Whether it is made where there is none.

    Attributes
    ----------
    address : str
        Without its password.
    upgraded : str
        Copy of the file as it was, where it was upgraded; else empty.
    numbers : NumberCache
        Inputs of runs, as they were last read.

    Raises
    ------
    StoreError
        If it cannot be reached, or is not a hub, or one of a newer schema.
    InputError
        If there is none, and none is to be made.
    """

    def __init__(self, address: Address, make: bool = True) -> None:
        text = os.fspath(address)
        self.path = None if text.startswith(_POSTGRESQL) else _file(text)
        self.address = _shown(text) if self.path is None else str(self.path)
        self.upgraded = ""
        engine = self._postgresql(text) if self.path is None else self._sqlite(self.path, make)
        super().__init__(engine, f"The hub '{self.address}'", "address")
        self._lineage: tuple[tuple[int, str], Lineage] | None = None
        self.numbers = NumberCache()

    def lineage(self, connection: Connection) -> Lineage:
        """States of all entries now; derived again where something has changed."""
        version = version_of(connection)
        cached = self._lineage
        if cached is None or cached[0] != version:
            cached = version, read_lineage(connection)
            self._lineage = cached
        return cached[1]

    def _sqlite(self, path: Path, make: bool) -> Engine:
        if not path.exists():
            if not make:
                raise InputError(
                    f"There is no hub '{path}'; make it with: {Act(Step.MAKE_HUB)} "
                    f"{setting('hub', str(path))}."
                )
            path.parent.mkdir(parents=True, exist_ok=True)
        engine, self.upgraded = schema.open_hub(path)
        return engine

    def _postgresql(self, address: str) -> Engine:
        with needing("hub", "A hub in PostgreSQL needs"):
            import psycopg  # noqa: F401
        try:
            url = make_url(address).set(drivername="postgresql+psycopg")
            engine = create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED")
            with engine.begin() as connection:
                connection.execute(schema.ALONE)
                _prepare(connection, self.address)
        except (ArgumentError, NoSuchModuleError, DBAPIError) as error:
            raise schema.unusable(error, f"The hub '{self.address}'", "address") from error
        return engine


def _file(address: str) -> Path:
    path = Path(address).absolute()
    return path / _FILE if path.is_dir() else path


def _shown(address: str) -> str:
    try:
        return make_url(address).render_as_string(hide_password=True)
    except ArgumentError:
        return "postgresql://…"


def _prepare(connection: Connection, address: str) -> None:
    """Make or upgrade the tables of a hub in PostgreSQL."""
    names = set(inspect(connection).get_table_names())
    if "alembic_version" not in names:
        if names & {"entries", "links"}:
            raise StoreError(f"'{address}' is not a database of dimgs; name another one.")
        schema.make_hub(connection, 0)
        return
    current = int(connection.execute(select(version.c.version_num)).scalar_one())
    schema.refuse_newer(current, address)
    if current < schema.SCHEMA_VERSION:
        schema.make_hub(connection, current)
