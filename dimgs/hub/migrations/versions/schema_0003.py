"""Files that entries name by their hash."""

from alembic import op

from dimgs.hub.schema import hub_metadata, tables_of

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the tables that are not there."""
    hub_metadata.create_all(op.get_bind(), tables_of(3))
