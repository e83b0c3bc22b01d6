"""A hub as it was: its first entries, in a file of their own."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import delete, func, select

from dimgs.hub import tables
from dimgs.hub.hub import Hub

# by the number of an entry
_BY_NUMBER = (
    (tables.links, tables.links.c.entry),
    (tables.tags, tables.tags.c.entry),
    (tables.points, tables.points.c.run),
    (tables.labels, tables.labels.c.run),
    (tables.attached, tables.attached.c.entry),
)


def copy_as_it_was(hub: Hub, entries: int, file: Path) -> None:
    """Write the first entries of a hub in a file to another one.

    What was redacted since stays redacted, and jobs that have been run since wait again.

    Parameters
    ----------
    hub : Hub
        In a file.
    entries : int
        How many it had.
    file : Path
        A file that is not there.
    """
    assert hub.database.path is not None
    with (
        closing(sqlite3.connect(hub.database.path)) as source,
        closing(sqlite3.connect(file)) as copy,
    ):
        source.backup(copy)
    with Hub(file, user=hub.user) as then, then.database.transaction() as connection:
        numbers = select(tables.entries.c.seq).order_by(tables.entries.c.seq)
        last = connection.execute(numbers.offset(max(entries - 1, 0)).limit(1)).scalar() or 0
        last = last if entries else 0
        late = select(tables.entries.c.id).where(tables.entries.c.seq > last)
        for table, number in _BY_NUMBER:
            connection.execute(delete(table).where(number > last))
        for table, id in (
            (tables.signatures, tables.signatures.c.id),
            (tables.claims, tables.claims.c.job),
        ):
            connection.execute(delete(table).where(id.in_(late)))
        made = connection.execute(select(func.count()).where(tables.entries.c.seq > last)).scalar()
        if made:
            connection.execute(delete(tables.entries).where(tables.entries.c.seq > last))
