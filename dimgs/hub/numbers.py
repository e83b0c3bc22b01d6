"""The inputs of runs as one array, kept while a hub is open, and the runs nearest to a point."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from dimgs.common.arrays import Array, IntArray
from dimgs.hub.lineage import version_of
from dimgs.hub.query import Shape, kernel_shapes
from dimgs.hub.runs import numeric_inputs, si_of
from dimgs.hub.schema import SLOTS, labels, points
from dimgs.variables import Dimension, parse_unit

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
    fetch : callable
        The runs at some places, as :meth:`Hub.query` gives them; those that the user may not
        read are left out. Each has its "place".
    kept : dict
        What was computed of the runs, for as long as the hub is open: later tables of the same
        runs, and of more that were added, share it.
    """

    names: tuple[str, ...]
    values: Array
    fetch: Callable[[Sequence[int]], list[dict[str, Any]]]
    kept: dict[Any, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)


class _Growing:
    """Numbers (``seq``) and inputs of runs, added to when there are more."""

    def __init__(self, width: int) -> None:
        self.n, self.seen = 0, -1
        self.seqs, self.values = np.zeros(0, dtype=np.intp), np.zeros((0, width))
        self.kept: dict[Any, Any] = {}

    def add(self, seqs: IntArray, values: Array) -> None:
        """Add runs; what was given out stays as it is."""
        n = self.n + len(seqs)
        if n > len(self.seqs):
            for name in ("seqs", "values"):
                held = getattr(self, name)
                wider = np.empty((n + n // 4, *held.shape[1:]), dtype=held.dtype)
                wider[: self.n] = held[: self.n]
                setattr(self, name, wider)
        self.seqs[self.n : n], self.values[self.n : n] = seqs, values
        self.n = n


class NumberCache:
    """Inputs of the runs of kernels, read once and added to when there are more."""

    def __init__(self) -> None:
        self._known: dict[Any, _Growing] = {}
        self._epoch: str | None = None
        self._lock = Lock()

    def tiers(
        self,
        connection: Connection,
        kernel: str,
        inputs: Mapping[str, Dimension],
        held: Mapping[str, str],
    ) -> dict[str, tuple[IntArray, Array, dict[Any, Any]]]:
        """Numbers (``seq``) and inputs of runs of each tier, and what is kept of them."""
        last, epoch = version_of(connection)
        shapes: dict[str, list[Shape]] = {}
        for shape in kernel_shapes(connection, kernel):
            if {n: d for n, (_, d) in shape.slots.items()} == dict(inputs):
                shapes.setdefault(shape.tier, []).append(shape)
        found = {}
        with self._lock:
            if epoch != self._epoch:
                self._known.clear()
                self._epoch = epoch
            for tier, some in shapes.items():
                key = (kernel, tier, tuple(inputs.items()), tuple(sorted(held.items())))
                known = self._known.pop(key, None) or _Growing(len(inputs))
                self._known[key] = known
                if known.seen < last:
                    known.add(*_read(connection, some, tuple(inputs), held, known.seen))
                    known.seen = last
                if known.n:
                    found[tier] = known.seqs[: known.n], known.values[: known.n], known.kept
            while len(self._known) > _MOST_TABLES:
                del self._known[next(iter(self._known))]
        return found


def _read(
    connection: Connection,
    shapes: Sequence[Shape],
    names: Sequence[str],
    held: Mapping[str, str],
    after: int,
) -> tuple[IntArray, Array]:
    """Numbers and inputs of the runs after one, oldest first."""
    parts: list[tuple[IntArray, Array]] = []
    for shape in shapes:
        beside: dict[int, Any] = {0: points}
        query = select(points.c.run).where(
            points.c.shape == shape.id, points.c.part == 0, points.c.run > after, points.c.ok
        )
        for name in names:
            part, slot = divmod(shape.slots[name][0], SLOTS)
            if part not in beside:
                # inputs beyond the first eight lie in further rows of the run
                further = beside[part] = points.alias(f"p{part}")
                query = query.where(
                    further.c.shape == shape.id, further.c.run == points.c.run,
                    further.c.part == part,
                )  # fmt: skip
            query = query.add_columns(beside[part].c[f"x{slot}"])
        for name, label in held.items():
            some = labels.alias()
            query = query.where(some.c.run == points.c.run, some.c.name == name)
            query = query.where(some.c.label == label)
        rows = [tuple(row) for row in connection.execute(query.order_by(points.c.run))]
        numbers = np.array(rows, dtype=np.float64).reshape(-1, 1 + len(names))
        # below 2^53, so that a float holds the number of a run
        parts.append((numbers[:, 0].astype(np.intp), numbers[:, 1:]))
    if len(parts) == 1:
        return parts[0]
    seqs = np.concatenate([part[0] for part in parts])
    order = np.argsort(seqs, kind="stable")
    return seqs[order], np.vstack([part[1] for part in parts])[order]


def tables_of_runs(
    runs: Sequence[Mapping[str, Any]], inputs: Mapping[str, Dimension], held: Mapping[str, str]
) -> dict[str, RunTable]:
    """The same of runs as a server gives them."""
    kept: dict[str, list[Mapping[str, Any]]] = {}
    values: dict[str, list[list[float]]] = {}
    for run in runs:
        given = numeric_inputs(run)
        named = {n: q["value"] for n, q in run["inputs"].items() if n not in given}
        units = {n: parse_unit(q.get("unit", "1")) for n, q in given.items()}
        if {n: u.dimension for n, u in units.items()} != dict(inputs) or named != dict(held):
            continue
        row = [si_of(given[n]) for n in inputs]
        kept.setdefault(run["tier"], []).append(run)
        values.setdefault(run["tier"], []).append(row)

    def fetching(
        some: Sequence[Mapping[str, Any]],
    ) -> Callable[[Sequence[int]], list[dict[str, Any]]]:
        return lambda places: [{**some[p], "place": p} for p in places]

    return {
        tier: RunTable(tuple(inputs), np.array(values[tier]).reshape(-1, len(inputs)),
                       fetching(some))
        for tier, some in kept.items()
    }  # fmt: skip
