"""A store of runs alone, as a campaign keeps it."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: such files are made by the store itself."""
