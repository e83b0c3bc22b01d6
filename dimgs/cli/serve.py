"""`dimgs hub serve`: pages and REST of a hub."""

from typing import Annotated

import typer

from dimgs.cli import tables
from dimgs.cli.hub import Address, As, opened
from dimgs.cli.hub_share import group
from dimgs.cli.output import announce, command, note

__all__ = ["group"]


@group.command()
@command
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", help="Port; 0 for a free one.", min=0, max=65535)
    ] = 0,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", help="Host that the server goes by, as behind a proxy; repeatable."),
    ] = None,
    closed: Annotated[
        bool, typer.Option("--closed", help="Show nothing to those who are not signed in.")
    ] = False,
    hub: Address = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Serve pages for people under / and REST under /api/v1, until Ctrl-C."""
    from dimgs.errors import InputError
    from dimgs.hub.hub import is_remote
    from dimgs.web.serving import listening, serving

    with opened(hub, user) as found:
        if is_remote(found.address):
            raise InputError("A server serves a hub in a database; name a file or postgresql://.")
        socket, address = listening(host, port)
        server = serving(found, address, [host, *(name or ())], closed)
        if not found.has_users():
            note("nobody is registered; add an admin with: dimgs hub user add NAME --role admin")
        announce(address, "the hub is served at ", json)
        server.run(sockets=[socket])
