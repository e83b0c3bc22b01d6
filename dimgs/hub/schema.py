"""The tables of stores and hubs, how their files are opened, and how entries get into them."""

import json
import math
import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Connection, Select, Table, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from dimgs.common.errors import InputError, StoreError
from dimgs.hub.entry import (
    UNCONFIRMED,
    Document,
    Entry,
    Facts,
    Json,
    canonical,
    facts,
    law_status,
    sha256,
    title_of,
)

# ---- The tables of stores and hubs, and how their files are opened.
#
# The inputs of runs lie in rows of eight numbers each: a row of the table ``points`` holds up to
# eight inputs of a run in SI units and their logarithms; which input stands where is recorded in
# the run's shape. So a range of an input, and of a group (a sum of logarithms), is one comparison
# in one row, without a join.


# of 30 kernels and plans looked at, most have 3 to 7 numeric inputs; more take a second row
SLOTS = 8

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TYPES: Mapping[str, Any] = {
    "number": _number,
    "int": sa.Integer,
    "float": sa.Float,
    "flag": sa.Boolean,
    "bytes": sa.LargeBinary,
    "text": sa.Text,
    "string": sa.String,
    "date": sa.String(10),
    "word": sa.String(16),
    "code": sa.String(32),
    "time": sa.String(40),
    "hash": sa.String(64),
    "name": sa.String(100),
    "long": sa.String(128),
    "entry": _number,
    "shape": sa.Integer,
}
_REFERS = {"entry": "entries.seq", "shape": "shapes.id"}

hub_metadata, metadata = sa.MetaData(), sa.MetaData()
Condition: TypeAlias = sa.ColumnElement[bool]


def _table(
    name: str, key: str, columns: str, *parts: Any, of: sa.MetaData = hub_metadata
) -> sa.Table:
    """A table of a primary key, columns, indices and constraints.

    Columns are written as ``name:type``, and ``name:type?`` where they may be null. The types
    ``entry`` and ``shape`` refer to one.
    """
    made = []
    for column in columns.split():
        title, _, kind = column.rstrip("?").partition(":")
        refers = [sa.ForeignKey(_REFERS[kind])] if kind in _REFERS else []
        made.append(sa.Column(title, _TYPES[kind], *refers, nullable=column.endswith("?")))
    return sa.Table(name, of, *made, sa.PrimaryKeyConstraint(*key.split()), *parts)


# name: kernel of a card, run, protocol or job; key and reuse: those of a run; without content: it
# was redacted; without origin: it was made through this hub
entries = _table(
    "entries",
    "seq",
    "seq:number id:hash kind:word author:name agent:flag time:time visibility:word until:date "
    "title:text name:text status:word key:long? reuse:hash? links:text digest:hash content:text? "
    "origin:text?",
    sa.UniqueConstraint("id"),
    # with all that counts of runs ask for, so that an index alone answers them
    sa.Index("entries_kind", "kind", "name", "status"),
    sa.Index("entries_author", "author", "kind", "status"),
    sa.Index("entries_key", "key"),
    sa.Index("entries_reuse", "reuse"),
)
sa.Index(
    "entries_hidden",
    entries.c.visibility,
    entries.c.seq,
    sqlite_where=entries.c.visibility != "open",
    postgresql_where=entries.c.visibility != "open",
)
# the entry tells of the link between source and target
links = _table(
    "links",
    "target type source entry",
    "entry:entry type:word source:hash target:hash",
    sa.Index("links_source", "source"),
    sa.Index("links_type", "type", "entry"),
)
tags = _table("tags", "tag entry", "tag:text entry:entry")
# ports are JSON: [[name, dimension, unit], …], labels without dimension
shapes = _table(
    "shapes", "id", "id:int kernel:text tier:text ports:text hash:hash", sa.UniqueConstraint("hash")
)
_SLOTTED = " ".join(f"{kind}{k}:float?" for kind in "xl" for k in range(SLOTS))
# rows of a shape lie side by side, so that a query reads no others
points = _table(
    "points",
    "shape run part",
    f"shape:shape run:entry part:int ok:flag {_SLOTTED}",
    sa.Index("points_run", "run"),
)
points.dialect_options["sqlite"]["with_rowid"] = False
labels = _table(
    "labels",
    "run name",
    "name:text label:text run:entry",
    sa.Index("labels_name", "name", "label", "run"),
)
signatures = _table("signatures", "id key", "id:hash key:hash signature:long")
# files that entries name, by the hash of what they hold; those that are not here yet have no row
files = _table("files", "digest", "digest:hash data:bytes")
attached = _table(
    "attached",
    "entry name",
    "entry:entry name:text digest:hash",
    sa.Index("attached_digest", "digest"),
)
# which entry brought a file along: who knows its hash alone, and names it, may not read it
held = _table("held", "digest entry", "entry:entry digest:hash", sa.Index("held_entry", "entry"))
# who brought an entry that was not made here, and whether a manager of this hub vouched for it
imports = _table("imports", "entry", "entry:entry sender:name agent:flag vouched:flag")
users = _table("users", "name", "name:name role:word password:text? time:time")
tokens = _table(
    "tokens", "id", "id:code user:name scope:word digest:hash expires:time revoked:flag"
)
# keys of other hubs whose signatures count here, peers for sync, and this hub's own key
settings = _table("settings", "kind name", "kind:word name:text value:text")
claims = _table(
    "claims", "job", "job:hash state:word worker:hash attempts:int until:float reason:text"
)
# of the schema: what Alembic, which upgraded earlier editions, makes
version = sa.Table(
    "alembic_version",
    hub_metadata,
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

# tables that an earlier schema did not have
_SINCE = {"files": 3, "attached": 3, "held": 4, "imports": 4}


def tables_of(schema: int) -> list[sa.Table]:
    """Tables of a hub of a schema."""
    return [t for t in hub_metadata.sorted_tables if _SINCE.get(t.name, 0) <= schema]


# 1 is a store of runs alone, 2 has the tables of a hub besides, 3 files that entries name, 4 who
# brought what
STORE_VERSION, SCHEMA_VERSION = 1, 4
PENDING = "pending"
# what a server of an earlier schema wrote as the origin of entries that a user sent
_SENT = "sent by "

_APPLICATION = int.from_bytes(b"dimg", "big")
# seconds that a writer waits for others: a merge of 10,000 entries takes a few
_PATIENCE = 60.0
_READ = "dimgs_read"
# of PostgreSQL, until the end of the transaction; the number is our own
ALONE = sa.text(f"SELECT pg_advisory_xact_lock({_APPLICATION})")

_Prepare = Callable[[sa.Connection, Path], None]
# seeds may exceed the 64 bits of an SQLite integer
runs = _table(
    "runs",
    "id",
    "id:int key:string attempt:int state:string kernel:string tier:string seed:string? "
    "inputs:string outputs:string errors:string reason:string wall_seconds:float "
    "provenance:string session:string? claimed_at:string? finished_at:string?",
    sa.UniqueConstraint("key", "attempt"),
    of=metadata,
)
sa.Index("one_pending_attempt", runs.c.key, unique=True, sqlite_where=runs.c.state == PENDING)

_WRITE_ONCE = (
    "CREATE TRIGGER runs_{what} BEFORE {what} ON runs WHEN OLD.state != 'pending' "
    "BEGIN SELECT RAISE(ABORT, 'a finished run is never changed'); END"
)


def open_engine(path: Path) -> sa.Engine:
    """Engine on a store of runs, which is made where there is none.

    Raises
    ------
    StoreError
        If the folder is absent, or the file is not a store, or one of a newer schema.
    """
    if not path.parent.is_dir():
        raise StoreError(f"The folder '{path.parent}' for the store of runs is absent; make it.")
    return _opened(path, "store of runs", _prepare_store)


def open_hub(path: Path) -> tuple[sa.Engine, str]:
    """Engine on a hub in a file, which is made where there is none, or upgraded.

    Returns
    -------
    Engine
    str
        The copy of the file as it was before it was upgraded; empty where it was not.

    Raises
    ------
    StoreError
        As :func:`open_engine`.
    InputError
        If the file is to be upgraded, and Alembic is not installed.
    """
    current = _version_of(path) if path.is_file() else 0
    copy = _backed_up(path, current) if 0 < current < SCHEMA_VERSION else ""
    return _opened(path, "hub", _prepare_hub), copy


def _opened(path: Path, what: str, prepare: _Prepare) -> sa.Engine:
    if path.is_dir():
        raise StoreError(f"'{path}' is a folder; name a file for the {what}.")
    engine = sa.create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": _PATIENCE}
    )
    sa.event.listen(engine, "connect", _configure)
    sa.event.listen(engine, "begin", _begin)
    try:
        _patiently(engine, path, prepare)
    except (DatabaseError, sqlite3.Error, UnicodeError) as error:
        engine.dispose()
        cause = getattr(error, "orig", None) or error
        raise StoreError(
            f"'{path}' cannot be used as a {what} ({cause}); restore it from a copy, or name "
            f"another file."
        ) from error
    except (StoreError, InputError):
        engine.dispose()
        raise
    return engine


class Transactions:
    """A database that is read and written in transactions, whoever else uses it.

    No connection of it is shared by a forked process with its parent.

    Parameters
    ----------
    engine : Engine
    what : str
        What it is and where, for messages.
    check : str
        What is to be checked where it cannot be used: "file" or "address".
    """

    def __init__(self, engine: sa.Engine, what: str, check: str) -> None:
        self._engine, self._what, self._check = engine, what, check
        self._pid = os.getpid()

    @contextmanager
    def transaction(self, read: bool = False) -> Iterator[sa.Connection]:
        """All or nothing of what happens inside; writers wait for each other.

        Parameters
        ----------
        read : bool
            Whether it only reads, and need not wait for writers.

        Raises
        ------
        StoreError
            If the database cannot be used.
        InputError
            If it cannot hold a value that it was given.
        """
        if os.getpid() != self._pid:
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        try:
            with self._engine.connect() as connection:
                if read:
                    connection = connection.execution_options(**{_READ: True})
                with connection.begin():
                    if not read and connection.dialect.name == "postgresql":
                        # one writer at a time, as in SQLite: entries are numbered as they are kept
                        connection.execute(ALONE)
                    yield connection
        except (DataError, UnicodeEncodeError, OverflowError) as error:
            cause = " ".join(str(getattr(error, "orig", None) or error).split())
            raise InputError(f"The database cannot store or look up a value ({cause}).") from error
        except (DBAPIError, NoConnectionError, sqlite3.Error, UnicodeError) as error:
            raise unusable(error, self._what, self._check) from error

    def scalars(self, query: Any) -> list[Any]:
        """First column of the rows of a query."""
        with self.transaction(read=True) as connection:
            return list(connection.execute(query).scalars())

    def rows(self, query: Any) -> list[Mapping[str, Any]]:
        """Rows of a query, by name of the column."""
        with self.transaction(read=True) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def close(self) -> None:
        """Close what this process opened; it opens again where it is used again."""
        self._engine.dispose(close=os.getpid() == self._pid)


# primary codes: another connection is at work in the file, or in what this process shares of it
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def unusable(error: Exception, what: str, check: str) -> StoreError:
    """Error of a database that cannot be used."""
    origin = getattr(error, "orig", None) or error
    if getattr(origin, "sqlite_errorcode", 0) & 0xFF in _BUSY:
        return StoreError(f"Other processes write to {what} without a pause; try again later.")
    cause = " ".join(str(origin).split())
    return StoreError(
        f"{what} cannot be used ({cause}); check the {check}, its permissions and the free space."
    )


def _configure(connection: Any, _record: object) -> None:
    # transactions are begun by _begin, not by the driver
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL")
    # what was redacted is overwritten in the file
    connection.execute("PRAGMA secure_delete=ON")


def _begin(connection: sa.Connection) -> None:
    read = connection.get_execution_options().get(_READ, False)
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")


def _patiently(engine: sa.Engine, path: Path, prepare: _Prepare) -> None:
    """Prepare the file; SQLite does not wait for others while it changes the journal's mode."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            with engine.connect() as connection:
                driver = connection.connection.driver_connection
                if driver is not None and not driver.execute("PRAGMA user_version").fetchone()[0]:
                    driver.execute("PRAGMA journal_mode=WAL")
                with connection.begin():
                    prepare(connection, path)
        except (OperationalError, sqlite3.OperationalError) as error:
            cause = error.orig if isinstance(error, OperationalError) else error
            code = getattr(cause, "sqlite_errorcode", 0)
            if code & 0xFF not in _BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _prepare_store(connection: sa.Connection, path: Path) -> None:
    version = _known_version(connection, path)
    # a hub gets the table when it is first used as a store of runs
    if not version or (version > STORE_VERSION and "runs" not in _objects(connection)):
        _make_runs(connection)
        _mark(connection, version or STORE_VERSION)


def _prepare_hub(connection: sa.Connection, path: Path) -> None:
    version = _known_version(connection, path)
    if version < SCHEMA_VERSION:
        make_hub(connection, version)
        _mark(connection, SCHEMA_VERSION)


def make_hub(connection: sa.Connection, current: int) -> None:
    """Make the tables of a hub, or upgrade what is there.

    Parameters
    ----------
    connection : Connection
        Its transaction is committed by the caller.
    current : int
        Schema of what is there; 0 for nothing.
    """
    hub_metadata.create_all(connection, tables_of(SCHEMA_VERSION))
    connection.execute(version.delete())
    connection.execute(version.insert().values(version_num=f"{SCHEMA_VERSION:04d}"))
    # what the last step of the schema has columns for, from what earlier editions kept
    for fill in (_fill_senders, _fill_files, _fill_laws) if current else ():
        fill(connection)


def _fill_senders(connection: sa.Connection) -> None:
    """Fill the senders of entries; runs of people remain usable."""
    sender = sa.func.substr(entries.c.origin, len(_SENT) + 1)
    agent = sa.func.coalesce(users.c.role, "") == "agent"
    sent = (
        sa.select(entries.c.seq, sender, agent, sa.and_(entries.c.kind == "run", ~agent))
        .outerjoin(users, users.c.name == sender)
        .where(entries.c.origin.startswith(_SENT))
    )
    columns = ["entry", "sender", "agent", "vouched"]
    connection.execute(sa.insert(imports).from_select(columns, sent))


def _fill_files(connection: sa.Connection) -> None:
    """Fill the entries of files, which determine who may read them.

    Where the first one is open, everybody could have had it.
    """
    first = (
        sa.select(attached.c.digest, sa.func.min(attached.c.entry).label("entry"))
        .where(attached.c.digest.in_(sa.select(files.c.digest)))
        .group_by(attached.c.digest)
        .subquery()
    )
    brought, named = entries.alias(), entries.alias()
    rows = (
        sa.select(attached.c.entry, attached.c.digest)
        .join(first, first.c.digest == attached.c.digest)
        .join(brought, brought.c.seq == first.c.entry)
        .join(named, named.c.seq == attached.c.entry)
        .where(sa.or_(brought.c.visibility == "open", brought.c.author == named.c.author))
        .distinct()
    )
    connection.execute(sa.insert(held).from_select(["entry", "digest"], rows))


def _fill_laws(connection: sa.Connection) -> None:
    """Mark the laws that say of themselves that they are not confirmed."""
    laws = sa.select(entries.c.seq, entries.c.content).where(
        entries.c.kind == "law", entries.c.content.is_not(None)
    )
    for seq, content in connection.execute(laws).all():
        if law_status(json.loads(content)) == UNCONFIRMED:
            law = sa.update(entries).where(entries.c.seq == seq)
            connection.execute(law.values(status=UNCONFIRMED))


def _make_runs(connection: sa.Connection) -> None:
    metadata.create_all(connection)
    for what in ("UPDATE", "DELETE"):
        connection.execute(sa.text(_WRITE_ONCE.format(what=what)))


def _mark(connection: sa.Connection, version: int) -> None:
    connection.execute(sa.text(f"PRAGMA application_id = {_APPLICATION}"))
    connection.execute(sa.text(f"PRAGMA user_version = {version}"))


def _known_version(connection: sa.Connection, path: Path) -> int:
    """Schema of a file that was made here; 0 for a new one.

    A file whose tables are others is refused: a view or a trigger in it could run for ever.
    """
    version = int(connection.execute(sa.text("PRAGMA user_version")).scalar_one())
    objects = _objects(connection)
    if not (version or objects):
        return 0
    if connection.execute(sa.text("PRAGMA application_id")).scalar_one() != _APPLICATION:
        raise StoreError(f"'{path}' is not a database of dimgs; name another file for the store.")
    refuse_newer(version, str(path))
    expected = _expected_objects(version, version == STORE_VERSION or "runs" in objects)
    # earlier editions of SQLAlchemy wrote tables with other blanks
    same = {n: (k, " ".join(sql.split())) for n, (k, sql) in objects.items()}
    if same != {n: (k, " ".join(sql.split())) for n, (k, sql) in expected.items()}:
        raise StoreError(
            f"'{path}' is not a store as dimgs makes them (its tables are others); restore it "
            f"from a copy, or name another file."
        )
    return version


def refuse_newer(version: int, where: str) -> None:
    """Refuse a schema of a later dimgs."""
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"'{where}' was made by a newer dimgs (schema {version}, this one reads "
            f"{SCHEMA_VERSION}); upgrade dimgs."
        )


def _objects(connection: sa.Connection) -> dict[str, tuple[str, str]]:
    """Kind and definition of every table, index, trigger and view, by name."""
    query = sa.text("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL")
    # those of SQLite itself, such as what ANALYZE leaves, cannot be made by hand
    return {n: (k, sql) for n, k, sql in connection.execute(query) if not n.startswith("sqlite_")}


@cache
def _expected_objects(version: int, with_runs: bool) -> dict[str, tuple[str, str]]:
    """Content of a file of a schema."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        if with_runs:
            _make_runs(connection)
        if version > STORE_VERSION:
            hub_metadata.create_all(connection, tables_of(version))
        objects = _objects(connection)
    engine.dispose()
    return objects


def _version_of(path: Path) -> int:
    """Schema that a file claims, 0 where it cannot be read."""
    with path.open("rb") as file:
        head = file.read(100)
    # of the header of SQLite's file format: bytes 60 to 63 are the user version
    return int.from_bytes(head[60:64], "big") if head.startswith(b"SQLite format 3") else 0


def _backed_up(path: Path, current: int) -> str:
    """Copy of a file beside it, whole or not at all."""
    copy = path.with_name(f"{path.name}.schema{current}")
    part = copy.with_name(f"{copy.name}.{os.getpid()}.part")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
        part.replace(copy)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"'{path}' is to be upgraded, and no copy of it can be made first ({error}); make "
            f"room beside it, or let it be written."
        ) from error
    return str(copy)


# ---- Entries into the tables: each once, whoever else writes.


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
