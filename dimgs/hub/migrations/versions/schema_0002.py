"""The tables of a hub, beside those of a store of runs."""

from alembic import op

from dimgs.hub.schema import hub_metadata, tables_of

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables that are not there."""
    hub_metadata.create_all(op.get_bind(), tables_of(2))
