"""The tables of a store, and how its file is opened."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    text,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from dimgs.common.errors import InputError, StoreError

# 1 is a store of runs alone, 2 has the tables of a hub besides, 3 files that entries name, 4 who
# brought what
STORE_VERSION, SCHEMA_VERSION = 1, 4
PENDING = "pending"

_APPLICATION = int.from_bytes(b"dimg", "big")
# seconds that a writer waits for others: a merge of 10,000 entries takes a few
_PATIENCE = 60.0
_READ = "dimgs_read"
# of PostgreSQL, until the end of the transaction; the number is our own
ALONE = text(f"SELECT pg_advisory_xact_lock({_APPLICATION})")

metadata = MetaData()
runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("kernel", String, nullable=False),
    Column("tier", String, nullable=False),
    # seeds may exceed the 64 bits of an SQLite integer
    Column("seed", String),
    Column("inputs", String, nullable=False),
    Column("outputs", String, nullable=False),
    Column("errors", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("wall_seconds", Float, nullable=False),
    Column("provenance", String, nullable=False),
    Column("session", String),
    Column("claimed_at", String),
    Column("finished_at", String),
    UniqueConstraint("key", "attempt"),
)
Index("one_pending_attempt", runs.c.key, unique=True, sqlite_where=runs.c.state == PENDING)

_WRITE_ONCE = (
    "CREATE TRIGGER runs_{what} BEFORE {what} ON runs WHEN OLD.state != 'pending' "
    "BEGIN SELECT RAISE(ABORT, 'a finished run is never changed'); END"
)


def open_engine(path: Path) -> Engine:
    """Engine on a store of runs, which is made where there is none.

    Raises
    ------
    StoreError
        If the folder is absent, or the file is no store, or one of a newer schema.
    """
    if not path.parent.is_dir():
        raise StoreError(f"The folder '{path.parent}' for the store of runs is absent; make it.")
    return _opened(path, "store of runs", _prepare_store)


def open_hub(path: Path) -> tuple[Engine, str]:
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
    known = _version_of(path) if path.is_file() else 0
    copy = _backed_up(path, known) if 0 < known < SCHEMA_VERSION else ""
    return _opened(path, "hub", _prepare_hub), copy


def _opened(path: Path, what: str, prepare: Callable[[Connection, Path], None]) -> Engine:
    if path.is_dir():
        raise StoreError(f"'{path}' is a folder; name a file for the {what}.")
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": _PATIENCE}
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    try:
        _patiently(engine, path, prepare)
    except (DatabaseError, sqlite3.Error, UnicodeError) as error:
        engine.dispose()
        cause = getattr(error, "orig", None) or error
        raise StoreError(
            f"'{path}' cannot be used as a {what} ({cause}); name another file."
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

    def __init__(self, engine: Engine, what: str, check: str) -> None:
        self._engine, self._what, self._check = engine, what, check
        self._pid = os.getpid()

    @contextmanager
    def transaction(self, read: bool = False) -> Iterator[Connection]:
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
            raise InputError(f"A value cannot be kept or looked for here ({cause}).") from error
        except (DBAPIError, NoConnectionError, sqlite3.Error, UnicodeError) as error:
            raise unusable(error, self._what, self._check) from error

    def rows(self, query: Any) -> list[Mapping[str, Any]]:
        """Rows of a query, by name of the column."""
        with self.transaction(read=True) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def close(self) -> None:
        """Close what this process opened; it opens again where it is used again."""
        self._engine.dispose(close=os.getpid() == self._pid)


def unusable(error: Exception, what: str, check: str) -> StoreError:
    """Error of a database that cannot be used."""
    cause = " ".join(str(getattr(error, "orig", None) or error).split())
    return StoreError(
        f"{what} cannot be used ({cause}); check the {check}, its permissions and the free space."
    )


def _configure(connection: Any, _record: object) -> None:
    # transactions are begun by _begin, not by the driver
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL")
    # what was redacted is overwritten in the file
    connection.execute("PRAGMA secure_delete=ON")


def _begin(connection: Connection) -> None:
    read = connection.get_execution_options().get(_READ, False)
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")


# primary codes: another connection is at work in the file, or in what this process shares of it
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _patiently(engine: Engine, path: Path, prepare: Callable[[Connection, Path], None]) -> None:
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


def _prepare_store(connection: Connection, path: Path) -> None:
    version = _known_version(connection, path)
    # a hub gets the table when it is first used as a store of runs
    if not version or (version > STORE_VERSION and "runs" not in _objects(connection)):
        _make_runs(connection)
        _mark(connection, version or STORE_VERSION)
    _check_made_here(connection, path)


def _prepare_hub(connection: Connection, path: Path) -> None:
    version = _known_version(connection, path)
    if 0 < version < SCHEMA_VERSION:
        _check_made_here(connection, path)
    if version < SCHEMA_VERSION:
        make_hub(connection, version)
        _mark(connection, SCHEMA_VERSION)
    _check_made_here(connection, path)


def make_hub(connection: Connection, known: int) -> None:
    """Tables of a hub where there are none, or what they lack since an earlier schema.

    Parameters
    ----------
    connection : Connection
        In a transaction.
    known : int
        Schema of what is there; 0 for nothing.

    Raises
    ------
    InputError
        If something is to be upgraded, and Alembic is not installed.
    """
    from dimgs.hub.tables import version

    if known:
        from dimgs.hub.migrations import upgrade

        upgrade(connection, known)
        return
    _make_tables(connection, SCHEMA_VERSION)
    connection.execute(version.insert().values(version_num=f"{SCHEMA_VERSION:04d}"))


def _make_tables(connection: Connection, schema: int) -> None:
    from dimgs.hub.tables import hub_metadata, tables_of

    hub_metadata.create_all(connection, tables_of(schema))


def _make_runs(connection: Connection) -> None:
    metadata.create_all(connection)
    for what in ("UPDATE", "DELETE"):
        connection.execute(text(_WRITE_ONCE.format(what=what)))


def _mark(connection: Connection, version: int) -> None:
    connection.execute(text(f"PRAGMA application_id = {_APPLICATION}"))
    connection.execute(text(f"PRAGMA user_version = {version}"))


def _known_version(connection: Connection, path: Path) -> int:
    """Schema of a file that is ours; 0 for a new one."""
    version = int(connection.execute(text("PRAGMA user_version")).scalar_one())
    ours = connection.execute(text("PRAGMA application_id")).scalar_one() == _APPLICATION
    if (version or _objects(connection)) and not ours:
        raise StoreError(
            f"'{path}' is a database of something else; name another file for the store."
        )
    refuse_newer(version, str(path))
    return version


def refuse_newer(version: int, where: str) -> None:
    """Refuse a schema of a later dimgs."""
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"'{where}' was made by a newer dimgs (schema {version}, this one reads "
            f"{SCHEMA_VERSION}); upgrade dimgs."
        )


def _objects(connection: Connection) -> dict[str, tuple[str, str]]:
    """Kind and definition of every table, index, trigger and view, by name."""
    query = text("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL")
    # those of SQLite itself, such as what ANALYZE leaves, cannot be made by hand
    return {n: (k, sql) for n, k, sql in connection.execute(query) if not n.startswith("sqlite_")}


@cache
def _made(version: int, with_runs: bool) -> dict[str, tuple[str, str]]:
    """What a file of a schema holds."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        if with_runs:
            _make_runs(connection)
        if version > STORE_VERSION:
            _make_tables(connection, version)
        found = _objects(connection)
    engine.dispose()
    return found


def _check_made_here(connection: Connection, path: Path) -> None:
    """Refuse a file whose tables are others: a view or a trigger in it could run for ever."""
    version = int(connection.execute(text("PRAGMA user_version")).scalar_one())
    found = _objects(connection)
    expected = _made(version, version == STORE_VERSION or "runs" in found)
    columns = {row[1] for row in connection.execute(text("PRAGMA table_xinfo(runs)"))}
    known = {column.name for column in runs.columns}
    # earlier editions of SQLAlchemy wrote tables with other blanks
    same = {n: (k, " ".join(sql.split())) for n, (k, sql) in found.items()}
    if same != {n: (k, " ".join(sql.split())) for n, (k, sql) in expected.items()} or (
        "runs" in found and columns != known
    ):
        raise StoreError(
            f"'{path}' is no store as dimgs makes them (its tables are others); restore it from a "
            f"copy, or name another file."
        )


def _version_of(path: Path) -> int:
    """Schema that a file claims, 0 where it cannot be read."""
    with path.open("rb") as file:
        head = file.read(100)
    # of the header of SQLite's file format: bytes 60 to 63 are the user version
    return int.from_bytes(head[60:64], "big") if head.startswith(b"SQLite format 3") else 0


def _backed_up(path: Path, known: int) -> str:
    """Copy of a file beside it, whole or not at all."""
    copy = path.with_name(f"{path.name}.schema{known}")
    part = copy.with_name(f"{copy.name}.{os.getpid()}.part")
    try:
        source, target = sqlite3.connect(path), sqlite3.connect(part)
        try:
            source.backup(target)
        finally:
            target.close()
            source.close()
        part.replace(copy)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"'{path}' is to be upgraded, and no copy of it can be made first ({error}); make "
            f"room beside it, or let it be written."
        ) from error
    return str(copy)
