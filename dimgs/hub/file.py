"""One SQLite file: opened, read and written in transactions, whoever else uses it."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from dimgs.errors import StoreError
from dimgs.hub.schema import Connections, open_engine


class StoreFile:
    """File of a store; safe to use after a fork.

    Parameters
    ----------
    path : Path

    Raises
    ------
    StoreError
        If the file cannot be used as a store.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connections = Connections(open_engine(path))

    @contextmanager
    def transaction(self, read: bool = False) -> Iterator[Connection]:
        """All or nothing of what happens inside; writers wait for each other.

        Raises
        ------
        StoreError
            If the file cannot be read or written.
        """
        try:
            with self._connections.begun(read) as connection:
                yield connection
        except (DatabaseError, sqlite3.Error, UnicodeError) as error:
            cause = error.orig if isinstance(error, DatabaseError) else error
            raise StoreError(
                f"The store of runs '{self.path}' cannot be used ({cause}); check the file, its "
                f"permissions and the free space."
            ) from error

    def rows(self, query: Any) -> list[Mapping[str, Any]]:
        """Rows of a query, by name of the column."""
        with self.transaction(read=True) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def close(self) -> None:
        """Close the file; it opens again where it is used again."""
        self._connections.close()
