"""`dimgs mcp`: tools for language models."""

from typing import Annotated

import typer

from dimgs.cli.hub import VARIABLE
from dimgs.cli.output import results, say

Hub = Annotated[
    str | None,
    typer.Option(
        "--hub", help="A file or folder, a postgresql:// or http:// address; or DIMGS_HUB."
    ),
]
PolicyFile = Annotated[
    str | None,
    typer.Option("--policy", help="TOML file: kernels, limits of cost and time, workspace."),
]
Workspace = Annotated[
    str | None, typer.Option("--workspace", help="The one folder that tables are read from.")
]


def mcp(
    hub: Hub = None,
    workspace: Workspace = None,
    policy: PolicyFile = None,
    http: Annotated[
        int | None,
        typer.Option("--http", help="Serve HTTP at this port, 0 for a free one.", min=0, max=65535),
    ] = None,
) -> None:
    """Serve tools for language models: on standard input and output, or over HTTP."""
    import os

    import anyio

    from dimgs.agent.opening import opened_bench, requires

    with requires("mcp"):
        from dimgs.agent.server import make_server
    address = hub or os.environ.get(VARIABLE)
    with opened_bench(address, policy, workspace, per_caller=http is not None) as bench:
        if http is None:
            anyio.run(make_server(bench).serve_stdio, results())
            return
        from dimgs.agent.http import PATH, server_of
        from dimgs.web.serving import listening

        socket, at = listening("127.0.0.1", http)
        server = server_of(bench, bench.shared_hub, at)
        say(f"{at}{PATH}", "the tools are served at ")
        # whoever waits for the address waits for it on a pipe, too
        results().flush()
        server.run(sockets=[socket])
