"""The tables of a hub, in SQLite and PostgreSQL alike.

The inputs of runs lie in rows of eight numbers each: a row of the table ``points`` holds up to
eight inputs of a run in SI units and their logarithms; which input stands where is recorded in the
run's shape. So a range of an input, and of a group (a sum of logarithms), is one comparison in
one row, without a join.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

# of 30 kernels and plans looked at, most have 3 to 7 numeric inputs; more take a second row
SLOTS = 8

_number = BigInteger().with_variant(Integer, "sqlite")

hub_metadata = MetaData()

entries = Table(
    "entries",
    hub_metadata,
    Column("seq", _number, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("author", String(100), nullable=False),
    Column("agent", Boolean, nullable=False),
    Column("time", String(40), nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("until", String(10), nullable=False),
    Column("title", Text, nullable=False),
    # kernel of a card, run, protocol or job; exact key, and key of reuse, of a run
    Column("name", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("key", String(128)),
    Column("reuse", String(64)),
    Column("links", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    # null where it was redacted
    Column("content", Text),
    # null where it was made through this hub, else where it came from
    Column("origin", Text),
    # with all that counts of runs ask for, so that an index alone answers them
    Index("entries_kind", "kind", "name", "status"),
    Index("entries_author", "author", "kind", "status"),
    Index("entries_key", "key"),
    Index("entries_reuse", "reuse"),
)
Index(
    "entries_hidden",
    entries.c.visibility,
    entries.c.seq,
    sqlite_where=entries.c.visibility != "open",
    postgresql_where=entries.c.visibility != "open",
)

links = Table(
    "links",
    hub_metadata,
    # the entry that tells of the link
    Column("entry", _number, ForeignKey("entries.seq"), nullable=False),
    Column("type", String(16), nullable=False),
    Column("source", String(64), nullable=False),
    Column("target", String(64), nullable=False),
    PrimaryKeyConstraint("target", "type", "source", "entry"),
    Index("links_source", "source"),
    Index("links_type", "type", "entry"),
)

tags = Table(
    "tags",
    hub_metadata,
    Column("tag", Text, nullable=False),
    Column("entry", _number, ForeignKey("entries.seq"), nullable=False),
    PrimaryKeyConstraint("tag", "entry"),
)

shapes = Table(
    "shapes",
    hub_metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kernel", Text, nullable=False),
    Column("tier", Text, nullable=False),
    # JSON: [[name, dimension, unit], …], labels without dimension
    Column("ports", Text, nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
)

points = Table(
    "points",
    hub_metadata,
    # rows of a shape lie side by side, so that a query reads no others
    Column("shape", Integer, ForeignKey("shapes.id"), nullable=False),
    Column("run", _number, ForeignKey("entries.seq"), nullable=False),
    Column("part", Integer, nullable=False),
    Column("ok", Boolean, nullable=False),
    *(Column(f"x{k}", Float) for k in range(SLOTS)),
    *(Column(f"l{k}", Float) for k in range(SLOTS)),
    PrimaryKeyConstraint("shape", "run", "part"),
    Index("points_run", "run"),
    sqlite_with_rowid=False,
)

labels = Table(
    "labels",
    hub_metadata,
    Column("name", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("run", _number, ForeignKey("entries.seq"), nullable=False),
    PrimaryKeyConstraint("run", "name"),
    Index("labels_name", "name", "label", "run"),
)

signatures = Table(
    "signatures",
    hub_metadata,
    Column("id", String(64), nullable=False),
    Column("key", String(64), nullable=False),
    Column("signature", String(128), nullable=False),
    PrimaryKeyConstraint("id", "key"),
)

# files that entries name, by the hash of what they hold; those that are not here yet have no row
files = Table(
    "files",
    hub_metadata,
    Column("digest", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

attached = Table(
    "attached",
    hub_metadata,
    Column("entry", _number, ForeignKey("entries.seq"), nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    PrimaryKeyConstraint("entry", "name"),
    Index("attached_digest", "digest"),
)

# which entry brought a file along: who knows its hash alone, and names it, may not read it
held = Table(
    "held",
    hub_metadata,
    Column("entry", _number, ForeignKey("entries.seq"), nullable=False),
    Column("digest", String(64), nullable=False),
    PrimaryKeyConstraint("digest", "entry"),
    Index("held_entry", "entry"),
)

# who brought an entry that was not made here, and whether a manager of this hub vouched for it
imports = Table(
    "imports",
    hub_metadata,
    Column("entry", _number, ForeignKey("entries.seq"), primary_key=True),
    Column("sender", String(100), nullable=False),
    Column("agent", Boolean, nullable=False),
    Column("vouched", Boolean, nullable=False),
)

users = Table(
    "users",
    hub_metadata,
    Column("name", String(100), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("password", Text),
    Column("time", String(40), nullable=False),
)

tokens = Table(
    "tokens",
    hub_metadata,
    Column("id", String(32), primary_key=True),
    Column("user", String(100), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("expires", String(40), nullable=False),
    Column("revoked", Boolean, nullable=False),
)

# keys of other hubs whose signatures count here, peers for sync, and this hub's own key
settings = Table(
    "settings",
    hub_metadata,
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("kind", "name"),
)

claims = Table(
    "claims",
    hub_metadata,
    Column("job", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("worker", String(64), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("until", Float, nullable=False),
    Column("reason", Text, nullable=False),
)

# as Alembic itself makes it
version = Table(
    "alembic_version",
    hub_metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

# tables that an earlier schema did not have
_SINCE = {"files": 3, "attached": 3, "held": 4, "imports": 4}


def tables_of(schema: int) -> list[Table]:
    """Tables of a hub of a schema."""
    return [t for t in hub_metadata.sorted_tables if _SINCE.get(t.name, 0) <= schema]
