"""The inputs of runs as one array, kept while a hub is open: what neighbours are looked for in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, select

from dimgs.arrays import Array
from dimgs.hub.lineage import version_of
from dimgs.hub.query import kernel_shapes
from dimgs.hub.tables import SLOTS, entries, labels, points
from dimgs.hub.writing import BATCH, batches
from dimgs.variables import Dimension, parse_unit

if TYPE_CHECKING:
    from dimgs.hub.reading import Reader

Numbers = tuple[np.ndarray[Any, np.dtype[np.int64]], Array]


@dataclass(frozen=True)
class RunTable:
    """Runs of a kernel that ended well, and their numeric inputs.

    Attributes
    ----------
    names : tuple of str
    values : ndarray of shape (n_runs, n_inputs)
        In SI units.
    tiers : ndarray of str of shape (n_runs,)
    fetch : callable
        The runs at some places, as :meth:`Hub.query` gives them; those that the user may not
        read are left out. Each has its "place".
    """

    names: tuple[str, ...]
    values: Array
    tiers: np.ndarray[Any, np.dtype[np.str_]]
    fetch: Callable[[Sequence[int]], list[dict[str, Any]]]

    def __len__(self) -> int:
        return len(self.values)


class NumberCache:
    """Inputs of the runs of each shape, read once and added to when there are more."""

    def __init__(self) -> None:
        self._known: dict[int, Numbers] = {}
        self._epoch: str | None = None

    def of_shape(self, connection: Connection, shape: int, slots: Sequence[int]) -> Numbers:
        """Numbers (``seq``) and inputs of the runs of a shape, oldest first.

        Parameters
        ----------
        connection : Connection
        shape : int
        slots : sequence of int
            Which of the shape's inputs, in this order.
        """
        _, epoch = version_of(connection)
        if epoch != self._epoch:
            self._known.clear()
            self._epoch = epoch
        known = self._known.get(shape)
        last = -1 if known is None or not len(known[0]) else int(known[0][-1])
        new = _read(connection, shape, last, max(slots, default=0) // SLOTS)
        if known is not None:
            new = (np.concatenate([known[0], new[0]]), np.vstack([known[1], new[1]]))
        self._known[shape] = new
        return new[0], new[1][:, list(slots)]


def _read(connection: Connection, shape: int, after: int, last_part: int) -> Numbers:
    columns = [points.c[f"x{k}"] for k in range(SLOTS)]
    parts = []
    runs: np.ndarray[Any, np.dtype[np.int64]] = np.zeros(0, dtype=np.int64)
    for part in range(last_part + 1):
        query = (
            select(points.c.run, *columns)
            .where(points.c.shape == shape, points.c.run > after, points.c.ok)
            .where(points.c.part == part)
            .order_by(points.c.run)
        )
        rows = [tuple(row) for row in connection.execute(query)]
        runs = np.array([row[0] for row in rows], dtype=np.int64)
        parts.append(np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, SLOTS))
    return runs, np.hstack(parts)


def run_table(
    hub: "Reader", kernel: str, inputs: Mapping[str, Dimension], held: Mapping[str, str]
) -> RunTable:
    """Runs of a kernel with these inputs and these labels, for one who may read them.

    Parameters
    ----------
    hub : Reader
    kernel : str
    inputs : mapping of str to Dimension
        Of the numeric inputs; runs with others are left out.
    held : mapping of str to str
        Labels.
    """
    names = tuple(inputs)
    seqs, values, tiers = [], [], []
    with hub.database.transaction(read=True) as connection:
        for shape in kernel_shapes(connection, kernel):
            if {n: d for n, (_, d) in shape.slots.items()} != dict(inputs):
                continue
            places = [shape.slots[n][0] for n in names]
            runs, numbers = hub.database.numbers.of_shape(connection, shape.id, places)
            seqs.append(runs)
            values.append(numbers)
            tiers.append(np.full(len(runs), shape.tier))
        every = np.concatenate([np.zeros(0, dtype=np.int64), *seqs])
        good = np.ones(len(every), dtype=bool)
        for name, label in held.items():
            query = select(labels.c.run).where(labels.c.name == name, labels.c.label == label)
            good &= np.isin(every, connection.execute(query).scalars().all())
    every = every[good]

    def fetch(places: Sequence[int]) -> list[dict[str, Any]]:
        return _runs(hub, [int(every[p]) for p in places], places)

    found = np.vstack([np.zeros((0, len(names))), *values])[good]
    return RunTable(names, found, np.concatenate([np.zeros(0, "<U1"), *tiers])[good], fetch)


def _runs(hub: "Reader", seqs: Sequence[int], places: Sequence[int]) -> list[dict[str, Any]]:
    from dimgs.hub.reading import run_of

    by_seq = dict(zip(seqs, places, strict=True))
    readable = hub.readable()
    query = select(entries).where(entries.c.content.is_not(None))
    if readable is not None:
        query = query.where(readable)
    found: dict[int, dict[str, Any]] = {}
    with hub.database.transaction(read=True) as connection:
        lineage = hub.database.lineage(connection)
        for batch in batches(seqs, BATCH):
            for row in connection.execute(query.where(entries.c.seq.in_(batch))):
                place = by_seq[row.seq]
                found[place] = {**run_of(row, lineage), "place": place}
    return [found[place] for place in places if place in found]


def table_of_runs(
    runs: Sequence[Mapping[str, Any]], inputs: Mapping[str, Dimension], held: Mapping[str, str]
) -> RunTable:
    """The same of runs as a server gives them."""
    kept, values = [], []
    for run in runs:
        given = {n: q for n, q in run["inputs"].items() if not isinstance(q["value"], str)}
        named = {n: q["value"] for n, q in run["inputs"].items() if n not in given}
        units = {n: parse_unit(q.get("unit", "1")) for n, q in given.items()}
        if {n: u.dimension for n, u in units.items()} != dict(inputs) or named != dict(held):
            continue
        kept.append(run)
        values.append([units[n].to_si(float(given[n]["value"])) for n in inputs])

    def fetch(places: Sequence[int]) -> list[dict[str, Any]]:
        return [{**kept[p], "place": p} for p in places]

    numbers = np.array(values, dtype=np.float64).reshape(-1, len(inputs))
    tiers = np.array([run["tier"] for run in kept], dtype=np.str_)
    return RunTable(tuple(inputs), numbers, tiers, fetch)
