"""A hub as schema 3 kept it, with what its edition let everybody do; in SQLite and PostgreSQL."""

import sqlite3
from pathlib import Path

from sqlalchemy import create_engine, insert
from sqlalchemy.engine import make_url

from dimgs.hub.schema import tables_of

FORMATS = Path(__file__).parents[1] / "formats"
DIGEST = "87521782b656ce6c96b0dfc52121f469184f06ad1d8487b56dc43c0408171fd7"


def make_schema3(address: str) -> None:
    """Make it where nothing is yet."""
    dump = (FORMATS / "hub_schema3.sql").read_text(encoding="utf-8")
    if not address.startswith("postgresql"):
        kept = sqlite3.connect(address)
        kept.executescript(dump)
        kept.close()
        return
    kept = sqlite3.connect(":memory:")
    kept.executescript(dump)
    kept.row_factory = sqlite3.Row
    engine = create_engine(make_url(address).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        for table in tables_of(3):
            table.create(connection)
            flags = [c.name for c in table.columns if c.type.python_type is bool]
            rows = [dict(row) for row in kept.execute(f'SELECT * FROM "{table.name}"')]
            for row in rows:
                row.update({name: bool(row[name]) for name in flags})
            if rows:
                connection.execute(insert(table), rows)
        connection.exec_driver_sql(
            "SELECT setval('entries_seq_seq', (SELECT max(seq) FROM entries))"
        )
    engine.dispose()
    kept.close()
