"""`dimgs studio`: the workbench in the browser."""

from pathlib import Path
from tempfile import TemporaryDirectory

from typer import Argument, Option

from dimgs.cli import tables
from dimgs.cli.hub import Keep
from dimgs.cli.output import announce, note


def studio(
    table: Path | None = Argument(None, help="CSV, TSV, Parquet or Excel file to open."),
    port: int = Option(0, help="Port; 0 for a free one.", min=0, max=65535),
    no_browser: bool = Option(False, "--no-browser", help="Only print the address."),
    hub: Keep = None,
    json: tables.Json = False,
) -> None:
    """Open the workbench in the browser, until Ctrl-C."""
    from dimgs.web.serving import listening, serving_studio

    with TemporaryDirectory(prefix="dimgs-studio-") as folder:
        socket, address = listening("127.0.0.1", port)
        number = int(address.rpartition(":")[2])
        with socket, serving_studio(Path(folder), number, hub or "") as (server, studio):
            path = "/" if table is None else f"/tables/{studio.workbench.open(table)}"
            opened = f"{address}{path}?token={studio.token}"
            announce(opened, "the workbench is at ", json)
            if not no_browser:
                import webbrowser

                if not webbrowser.open(opened):
                    note("no browser could be opened; open the address yourself")
            server.run(sockets=[socket])
