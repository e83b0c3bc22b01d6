"""The database of a hub: SQLite or PostgreSQL, opened, upgraded, read and written."""

import os
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from dimgs.common.advice import Act, Step, setting
from dimgs.common.errors import InputError, StoreError
from dimgs.common.plugins import needing
from dimgs.hub import schema
from dimgs.hub.entry import Address
from dimgs.hub.lineage import Lineage, read_lineage, version_of
from dimgs.hub.query import NumberCache
from dimgs.hub.schema import version

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
