"""From the tables of an earlier schema to those of now."""

from sqlalchemy import Connection

from dimgs.common.plugins import needing


def upgrade(connection: Connection, current: int) -> None:
    """Upgrade the tables of a hub, inside the transaction of the connection.

    Parameters
    ----------
    connection : Connection
    current : int
        Schema of what is there.

    Raises
    ------
    InputError
        If Alembic is not installed.
    """
    with needing("hub", "The file is of an earlier schema, and upgrading it needs"):
        from alembic import command
        from alembic.config import Config
    config = Config()
    config.set_main_option("script_location", "dimgs.hub:migrations")
    config.attributes["connection"] = connection
    command.stamp(config, f"{current:04d}")
    command.upgrade(config, "head")
