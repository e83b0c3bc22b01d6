"""The tables of a store, and how its file is opened."""

import sqlite3
import time
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
from sqlalchemy.exc import DatabaseError, OperationalError

from dimgs.errors import StoreError

SCHEMA_VERSION = 1
PENDING = "pending"

_APPLICATION = int.from_bytes(b"dimg", "big")
_PATIENCE = 60.0
_READ = "dimgs_read"

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
    """Engine on a store, which is made where there is none.

    Raises
    ------
    StoreError
        If the folder is absent, or the file is no store, or one of a newer schema.
    """
    if not path.parent.is_dir():
        raise StoreError(f"The folder '{path.parent}' for the store of runs is absent; make it.")
    if path.is_dir():
        raise StoreError(f"'{path}' is a folder; name a file for the store of runs.")
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": _PATIENCE}
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    try:
        _patiently(engine, path)
    except (DatabaseError, sqlite3.Error, UnicodeError) as error:
        engine.dispose()
        cause = error.orig if isinstance(error, DatabaseError) else error
        raise StoreError(
            f"'{path}' cannot be used as a store of runs ({cause}); name another file."
        ) from error
    except StoreError:
        engine.dispose()
        raise
    return engine


def reading(connection: Connection) -> Connection:
    """The connection, with transactions that do not wait for writers."""
    return connection.execution_options(**{_READ: True})


def _configure(connection: Any, _record: object) -> None:
    # transactions are begun by _begin, not by the driver
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: Connection) -> None:
    read = connection.get_execution_options().get(_READ, False)
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")


def _patiently(engine: Engine, path: Path) -> None:
    """Prepare the file; SQLite does not wait for others while it changes the journal's mode."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            _prepare(engine, path)
        except (OperationalError, sqlite3.OperationalError) as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _prepare(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        if driver is not None and not driver.execute("PRAGMA user_version").fetchone()[0]:
            driver.execute("PRAGMA journal_mode=WAL")
        with connection.begin():
            version = connection.execute(text("PRAGMA user_version")).scalar_one()
            ours = connection.execute(text("PRAGMA application_id")).scalar_one() == _APPLICATION
            tables = connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar_one()
            if (version or tables) and not ours:
                raise StoreError(
                    f"'{path}' is a database of something else; name another file for the store."
                )
            if version > SCHEMA_VERSION:
                raise StoreError(
                    f"'{path}' was made by a newer dimgs (schema {version}, this one reads "
                    f"{SCHEMA_VERSION}); upgrade dimgs."
                )
            if not version:
                metadata.create_all(connection)
                for what in ("UPDATE", "DELETE"):
                    connection.execute(text(_WRITE_ONCE.format(what=what)))
                connection.execute(text(f"PRAGMA application_id = {_APPLICATION}"))
                connection.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))
            _check_made_here(connection, path)


def _check_made_here(connection: Connection, path: Path) -> None:
    """Refuse a file whose tables are others: a view or a trigger in it could run for ever."""
    query = text("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    # those of SQLite itself, such as what ANALYZE leaves, cannot be made by hand
    found = {(k, n): sql for k, n, sql in connection.execute(query) if not n.startswith("sqlite_")}
    triggers = {
        ("trigger", f"runs_{what}"): _WRITE_ONCE.format(what=what) for what in ("UPDATE", "DELETE")
    }
    expected = {("table", "runs"), ("index", "one_pending_attempt"), *triggers}
    columns = {row[1] for row in connection.execute(text("PRAGMA table_xinfo(runs)"))}
    if (
        set(found) != expected
        or any(found[key] != sql for key, sql in triggers.items())
        or columns != {column.name for column in runs.columns}
    ):
        raise StoreError(
            f"'{path}' is no store as dimgs makes them (its tables are others); restore it from a "
            f"copy, or name another file."
        )
