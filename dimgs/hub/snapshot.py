"""Snapshot of a hub: its entries at an earlier time, in a separate file."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import delete, func, insert, select, update

from dimgs.hub import schema
from dimgs.hub.database import Database
from dimgs.hub.hub import Hub, is_remote

# by the number of an entry
_BY_NUMBER = [
    column
    for table in schema.hub_metadata.sorted_tables
    for column in table.columns
    if column.references(schema.entries.c.seq)
]
# rows that are copied at once
_BATCH = 1000


def copy_as_it_was(hub: Hub, entries: int, file: Path) -> None:
    """Write the first entries of a hub to a file.

    What was redacted since stays redacted, and jobs that have been run since wait again. Of a hub
    behind a server, what the user may read is copied.

    Parameters
    ----------
    hub : Hub
    entries : int
        How many it had.
    file : Path
        A file that is not there.
    """
    if is_remote(hub.address):
        with Hub(file) as then:
            lines = ((str(line["id"])[:12], line) for line in hub.documents(hub.ids()[:entries]))
            then.take(lines, hub.address, vouched=True)
            foreign = [entry["id"] for entry in hub.listed(state="untrusted")]
            as_local = update(schema.entries).where(schema.entries.c.id.not_in(foreign))
            with then.database.transaction() as connection:
                connection.execute(as_local.values(origin=None))
        return
    path = hub.database.path
    if path is None:
        with Hub(file) as then:
            _copy_rows(hub.database, then.database)
    else:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(file)) as copy:
            source.backup(copy)
    with Hub(file, user=hub.user) as then:
        _forget(then.database, entries)


def _copy_rows(source: Database, copy: Database) -> None:
    """Copy every table, row by row."""
    with source.transaction(read=True) as old, copy.transaction() as new:
        every = schema.hub_metadata.sorted_tables
        for table in reversed(every):
            new.execute(delete(table))
        for table in every:
            for rows in old.execute(select(table)).mappings().partitions(_BATCH):
                new.execute(insert(table), [dict(row) for row in rows])


def _forget(database: Database, count: int) -> None:
    """Delete all entries but the first ones, and what was recorded of them."""
    with database.transaction() as connection:
        first = select(schema.entries.c.seq).order_by(schema.entries.c.seq).limit(count).subquery()
        last = connection.execute(select(func.max(first.c.seq))).scalar() or 0
        late = select(schema.entries.c.id).where(schema.entries.c.seq > last)
        for number in _BY_NUMBER:
            connection.execute(delete(number.table).where(number > last))
        connection.execute(delete(schema.signatures).where(schema.signatures.c.id.in_(late)))
        # what a job came to rests on it; without that it had not been run
        ended = select(schema.links.c.target).where(schema.links.c.type == "derived")
        connection.execute(delete(schema.claims).where(schema.claims.c.job.not_in(ended)))
        connection.execute(delete(schema.entries).where(schema.entries.c.seq > last))
