"""Read by Alembic: the migrations run on the connection that they are given."""

from alembic import context

_config = getattr(context, "config", None)
# without one, this is not read by Alembic
if _config is not None:
    context.configure(connection=_config.attributes["connection"])
    context.run_migrations()
