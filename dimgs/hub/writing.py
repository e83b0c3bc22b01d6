"""Entries into the tables: each once, whoever else writes."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Select, Table, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dimgs.hub.entry import Document, Entry, Json, canonical, sha256, title_of
from dimgs.hub.runs import Facts, facts
from dimgs.hub.schema import (
    SLOTS,
    attached,
    entries,
    files,
    held,
    imports,
    labels,
    links,
    points,
    settings,
    shapes,
    tags,
)
from dimgs.hub.verdicts import law_status

# SQLite takes 32,766 values in a statement, and an entry has 17
BATCH = 500

_Item = TypeVar("_Item")


def batches(items: Iterable[_Item], size: int = BATCH) -> Iterator[list[_Item]]:
    """Items in lists of a size."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def ids_of(connection: Connection, ids: Iterable[str]) -> Select[Any]:
    """Ids as a table: a statement takes a bounded number of values, but one long text."""
    every = sorted(ids)
    if connection.dialect.name == "sqlite":
        return select(func.json_each(json.dumps(every)).table_valued("value").c.value)
    return select(func.unnest(func.string_to_array(",".join(every), ",")).column_valued("value"))


def insert_new(connection: Connection, table: Any) -> Any:
    """Insert statement that passes over rows that are there already."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing()


@dataclass(frozen=True)
class Brought:
    """Origin of entries that were not made in this hub.

    Attributes
    ----------
    origin : str
        Where from.
    sender : str
        Who brought them, and answers for what nobody signed.
    agent : bool
        Whether that is a program.
    vouched : bool
        Whether the sender manages this hub and lets them count as their authors'.
    """

    origin: str
    sender: str
    agent: bool
    vouched: bool


def write(
    connection: Connection, incoming: Sequence[Entry], brought: Brought | None = None
) -> list[str]:
    """Write entries that are not there yet, with their links, tags and inputs.

    Parameters
    ----------
    connection : Connection
        In a transaction.
    incoming : sequence of Entry
    brought : Brought, optional
        If they were not made through this hub.

    Returns
    -------
    list of str
        Ids of those that are new.
    """
    new: list[str] = []
    for batch in batches({e.id: e for e in incoming}.values()):
        by_id = {e.id: (e, _facts(e)) for e in batch}
        origin = None if brought is None else brought.origin
        rows = [_row(entry, run_facts, origin) for entry, run_facts in by_id.values()]
        statement = insert_new(connection, entries).returning(entries.c.id, entries.c.seq)
        places = {row.id: row.seq for row in connection.execute(statement, rows)}
        _index(connection, [(seq, *by_id[i]) for i, seq in places.items()])
        if brought is not None and places:
            values = {k: v for k, v in asdict(brought).items() if k != "origin"}
            connection.execute(
                insert(imports), [{"entry": seq, **values} for seq in places.values()]
            )
        new += [e.id for e in batch if e.id in places]
        _fill(connection, [e for e in batch if e.id not in places and e.content is not None])
    return new


def _facts(entry: Entry) -> Facts | None:
    """Facts of a run; None of any other entry."""
    return facts(entry.content) if entry.kind == "run" and entry.content is not None else None


def _row(entry: Entry, run_facts: Facts | None, origin: str | None) -> Json:
    content = entry.content or {}
    status = content.get("verdict") or content.get("status") or content.get("action") or ""
    if run_facts is not None:
        status = content.get("status", "ok")
    elif entry.kind == "law":
        status = law_status(content)
    name = content.get("kernel") or ""
    return {
        "id": entry.id,
        **entry.header,
        "title": title_of(entry.kind, entry.content),
        "name": name if isinstance(name, str) else "",
        "status": str(status)[:16],
        "key": str(content.get("key") or "")[:128] or None if run_facts else None,
        "reuse": run_facts.reuse if run_facts else None,
        "links": json.dumps(entry.links),
        "digest": entry.digest,
        "content": None if entry.content is None else canonical(entry.content),
        "origin": origin,
    }


def _index(connection: Connection, new: Sequence[tuple[int, Entry, Facts | None]]) -> None:
    """Links, tags, inputs and labels of new entries."""
    rows: dict[Table, list[Json]] = defaultdict(list)
    numbers: dict[str, int] = {}
    for seq, entry, run_facts in new:
        rows[links] += _links(seq, entry)
        content = entry.content or {}
        rows[tags] += [{"tag": tag, "entry": seq} for tag in set(content.get("tags", ()))]
        for name, file in content.get("files", {}).items():
            rows[attached].append({"entry": seq, "name": name, "digest": file["sha256"]})
        if run_facts is not None and entry.content is not None:
            shape = _shape_of(connection, entry.content, run_facts, numbers)
            ok = entry.content.get("status", "ok") == "ok"
            rows[points] += _points(seq, shape, run_facts, ok)
            named = run_facts.labels.items()
            rows[labels] += [{"run": seq, "name": n, "label": v} for n, v in named]
    for table, of_table in rows.items():
        if of_table:
            connection.execute(insert(table), of_table)


def _links(seq: int, entry: Entry) -> list[Json]:
    rows = {(kind, entry.id, to) for kind, to in entry.links}
    if entry.kind == "link" and entry.content is not None:
        content = entry.content
        rows.add((content["type"], content["from"], content["to"]))
    columns = ("type", "source", "target")
    return [{"entry": seq, **dict(zip(columns, row, strict=True))} for row in sorted(rows)]


def _points(seq: int, shape: int, run_facts: Facts, ok: bool) -> list[Json]:
    rows = []
    for part in range(max(1, -(-len(run_facts.values) // SLOTS))):
        values = run_facts.values[part * SLOTS : (part + 1) * SLOTS]
        row: Json = {"run": seq, "part": part, "shape": shape, "ok": ok}
        for k in range(SLOTS):
            value = values[k] if k < len(values) else None
            row[f"x{k}"] = value
            row[f"l{k}"] = math.log(value) if value is not None and value > 0 else None
        rows.append(row)
    return rows


def _shape_of(
    connection: Connection, content: Document, run_facts: Facts, numbers: dict[str, int]
) -> int:
    """Number of the shape of a run, which is made where it is new."""
    kernel, tier = str(content["kernel"]), str(content.get("tier", ""))
    # units of one dimension share a shape: the numbers are in SI units
    sizes = [[name, dimension] for name, dimension, _ in run_facts.ports]
    same = sha256(canonical([kernel, tier, sizes, sorted(run_facts.labels)]))
    if same in numbers:
        return numbers[same]
    query = select(shapes.c.id).where(shapes.c.hash == same)
    number = connection.execute(query).scalar()
    if number is None:
        row = {"kernel": kernel, "tier": tier, "ports": canonical(run_facts.ports), "hash": same}
        connection.execute(insert_new(connection, shapes), [row])
        number = connection.execute(query).scalar_one()
    numbers[same] = int(number)
    return numbers[same]


def _fill(connection: Connection, present: Sequence[Entry]) -> None:
    """Contents of entries that only a tombstone of was there, unless they were redacted here."""
    if not present:
        return
    empty = select(entries.c.id, entries.c.seq, entries.c.origin).where(
        entries.c.id.in_([e.id for e in present]),
        entries.c.content.is_(None),
        entries.c.origin.is_not(None),
        ~select(links.c.entry)
        .where(links.c.target == entries.c.id, links.c.type == "redacts")
        .where(links.c.entry.in_(select(entries.c.seq).where(entries.c.origin.is_(None))))
        .exists(),
    )
    by_id = {e.id: e for e in present}
    rows = connection.execute(empty).all()
    if rows:
        new_epoch(connection)
    for row in rows:
        entry = by_id[row.id]
        run_facts = _facts(entry)
        values = _row(entry, run_facts, row.origin)
        connection.execute(update(entries).where(entries.c.seq == row.seq).values(**values))
        connection.execute(delete(links).where(links.c.entry == row.seq))
        _index(connection, [(row.seq, entry, run_facts)])


def share_files(connection: Connection, parent: int, fork: Entry) -> None:
    """Let a copy of an entry bring the files along that came with the entry."""
    named = [file["sha256"] for file in (fork.content or {}).get("files", {}).values()]
    seq = select(entries.c.seq).where(entries.c.id == fork.id).scalar_subquery()
    rows = select(seq, held.c.digest).where(held.c.entry == parent, held.c.digest.in_(named))
    connection.execute(insert(held).from_select(["entry", "digest"], rows))


def new_epoch(connection: Connection) -> None:
    """Tell that states may have changed without an entry more."""
    connection.execute(delete(settings).where(settings.c.kind == "epoch"))
    row = {"kind": "epoch", "name": "states", "value": uuid4().hex}
    connection.execute(insert(settings).values(**row))


def erase(connection: Connection, seq: int, tombstone: Entry) -> None:
    """Leave nothing of an entry but its header, and of a review its verdict."""
    for column in (tags.c.entry, points.c.run, labels.c.run, attached.c.entry, held.c.entry):
        connection.execute(delete(column.table).where(column == seq))
    connection.execute(delete(files).where(files.c.digest.not_in(select(held.c.digest))))
    values = _row(tombstone, None, None)
    values.pop("origin")
    if tombstone.kind == "review":
        # what it doubts stays doubted
        values.pop("status")
    connection.execute(update(entries).where(entries.c.seq == seq).values(**values))
