"""Runs of elsewhere made entries: records of campaigns, and of stores of an earlier schema."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, and_, insert, inspect, or_, select

from dimgs.hub.database import Database
from dimgs.hub.entry import Entry, canonical, sha256
from dimgs.hub.kinds import checked
from dimgs.hub.lineage import is_claimed
from dimgs.hub.rows import now, row_record
from dimgs.hub.runs import facts, run_content
from dimgs.hub.schema import PENDING, runs
from dimgs.hub.tables import entries, settings
from dimgs.hub.writing import batches, write
from dimgs.kernels.record import RunRecord


def run_entries(
    connection: Connection,
    records: Iterable[RunRecord],
    author: str,
    agent: bool,
    links: Sequence[tuple[str, str]] = (),
    times: Sequence[str] | None = None,
    readable: ColumnElement[bool] | None = None,
) -> list[Entry | str]:
    """Entries of runs, or the ids of those that are there already, of equal content.

    Runs that were sent again because nobody knew whether they had arrived are kept once, with or
    without a key.

    Parameters
    ----------
    connection : Connection
    records : iterable of RunRecord
    author : str
    agent : bool
    links : sequence of (str, str)
        Of every run.
    times : sequence of str, optional
        When each ended.
    readable : condition on entries, optional
        Those that the author may know of.
    """
    made: list[Entry | str] = []
    time = now()
    for batch in batches(records):
        contents = [checked("run", run_content(record)) for record in batch]
        keys = {str(c["key"]) for c in contents if c.get("key")}
        # what has no key is found by the kernel, the inputs and the version that it was made with
        reused = {facts(c).reuse for c in contents if not c.get("key")}
        query = select(entries.c.digest, entries.c.id).where(
            or_(
                entries.c.key.in_(keys), and_(entries.c.key.is_(None), entries.c.reuse.in_(reused))
            ),
            entries.c.kind == "run",
            ~is_claimed(),
        )
        if readable is not None:
            query = query.where(readable)
        known = {row.digest: row.id for row in connection.execute(query)}
        for content in contents:
            digest = sha256(canonical(content))
            if digest in known:
                made.append(known[digest])
                continue
            ended = time if times is None else times[len(made)]
            made.append(Entry("run", content, author, ended, tuple(links), agent))
    return made


def adopt(database: Database, author: str) -> int:
    """Make entries of the runs that a file held as a plain store; done once.

    Returns
    -------
    int
        Number of runs that are new.
    """
    mark = {"kind": "adopted", "name": "runs", "value": now()}
    done = select(settings.c.value).where(settings.c.kind == "adopted")
    with database.transaction(read=True) as connection:
        if connection.execute(done).first() or not inspect(connection).has_table("runs"):
            return 0
    with database.transaction() as connection:
        if connection.execute(done).first():
            return 0
        ended = select(runs).where(runs.c.state != PENDING).order_by(runs.c.id)
        rows = [dict(row) for row in connection.execute(ended).mappings()]
        times = [_time(row["finished_at"]) for row in rows]
        made = run_entries(connection, map(row_record, rows), author, False, (), times)
        new = write(connection, [e for e in made if isinstance(e, Entry)])
        connection.execute(insert(settings).values(**mark))
    return len(new)


def _time(finished: str | None) -> str:
    # of a store that tells no time
    return finished if finished is not None else "1970-01-01T00:00:00.000+00:00"
