"""Columns for the senders of entries and files, and for unconfirmed laws."""

import json

from alembic import op
from sqlalchemy import Connection, and_, func, insert, or_, select, update

from dimgs.hub.schema import attached, entries, files, held, hub_metadata, imports, tables_of, users
from dimgs.hub.verdicts import UNCONFIRMED, law_status

revision = "0004"
down_revision = "0003"

# what a server wrote as the origin of entries that a user sent, before their name
_SENT = "sent by "


def upgrade() -> None:
    """Add the tables that are not there, and fill them from what earlier editions kept."""
    connection = op.get_bind()
    hub_metadata.create_all(connection, tables_of(4))
    _senders(connection)
    _files(connection)
    _laws(connection)


def _senders(connection: Connection) -> None:
    """Fill the senders of entries; runs of people remain usable."""
    sender = func.substr(entries.c.origin, len(_SENT) + 1)
    agent = func.coalesce(users.c.role, "") == "agent"
    sent = (
        select(entries.c.seq, sender, agent, and_(entries.c.kind == "run", ~agent))
        .outerjoin(users, users.c.name == sender)
        .where(entries.c.origin.startswith(_SENT))
    )
    columns = ["entry", "sender", "agent", "vouched"]
    connection.execute(insert(imports).from_select(columns, sent))


def _files(connection: Connection) -> None:
    """Fill the entries of files, which determine who may read them.

    Where the first one is open, everybody could have had it.
    """
    first = (
        select(attached.c.digest, func.min(attached.c.entry).label("entry"))
        .where(attached.c.digest.in_(select(files.c.digest)))
        .group_by(attached.c.digest)
        .subquery()
    )
    brought, named = entries.alias(), entries.alias()
    rows = (
        select(attached.c.entry, attached.c.digest)
        .join(first, first.c.digest == attached.c.digest)
        .join(brought, brought.c.seq == first.c.entry)
        .join(named, named.c.seq == attached.c.entry)
        .where(or_(brought.c.visibility == "open", brought.c.author == named.c.author))
        .distinct()
    )
    connection.execute(insert(held).from_select(["entry", "digest"], rows))


def _laws(connection: Connection) -> None:
    laws = select(entries.c.seq, entries.c.content).where(
        entries.c.kind == "law", entries.c.content.is_not(None)
    )
    for seq, content in connection.execute(laws).all():
        if law_status(json.loads(content)) == UNCONFIRMED:
            law = update(entries).where(entries.c.seq == seq)
            connection.execute(law.values(status=UNCONFIRMED))
