"""The tables of a hub, beside those of a store of runs."""

from alembic import op

from dimgs.hub.tables import hub_metadata

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables that are not there; the next schema will hold a copy of them as they are."""
    hub_metadata.create_all(op.get_bind())
