"""What the server lets be read (cards, tables, laws, reports, figures), and its prompts."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError

from dimgs.agent import laws, tables
from dimgs.agent.bench import Bench
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import shown


def add_resources(server: MCPServer[Any], bench: Bench) -> None:
    """Add what can be read."""

    def card(kernel: str) -> str:
        """A kernel's card: inputs, units, ranges, cost, limitations."""
        return _json(tables.describe_kernels(bench, kernel)["kernels"][0])

    def table(path: str) -> str:
        """A table of the workspace as it was understood."""
        return _json(tables.read_table(bench, path, 50))

    def law(id: str) -> str:
        """A law as law.json, with intervals and domain."""
        return _json(laws.law_of(bench, id)[0].to_json())

    def report(study: str) -> str:
        """The report of a study, as a page."""
        return _file(bench, study, "report.html")

    def figure(study: str, name: str) -> str:
        """A figure of a study, as SVG."""
        return _file(bench, study, f"figures/{name}.svg")

    for uri, read, kind in (
        ("dimgs://cards/{kernel}", card, "application/json"),
        ("dimgs://tables/{+path}", table, "application/json"),
        ("dimgs://laws/{id}", law, "application/json"),
        ("dimgs://reports/{study}", report, "text/html"),
        ("dimgs://figures/{study}/{name}", figure, "image/svg+xml"),
    ):
        server.resource(uri, mime_type=kind)(_refusing(read))

    @server.resource("dimgs://contents", mime_type="application/json")
    def contents() -> str:
        """Addresses of the cards, tables, laws, reports and figures that there are."""
        return _json({"addresses": addresses(bench)})


def addresses(bench: Bench) -> list[str]:
    """Addresses of everything that can be read."""
    found = [f"dimgs://cards/{name}" for name in bench.kernels()]
    found += [f"dimgs://tables/{path}" for path in bench.workspace.tables()]
    if bench.has_hub:
        listed = bench.hub.listed(kind="law", newest=True, limit=50)
        found += [f"dimgs://laws/{entry['id']}" for entry in listed]
    for study in bench.studies():
        folder = bench.study(study)
        found += [f"dimgs://reports/{study}"] * (folder / "report.html").is_file()
        figures = sorted((folder / "figures").glob("*.svg"))
        found += [f"dimgs://figures/{study}/{file.stem}" for file in figures]
    return found


def _file(bench: Bench, study: str, name: str) -> str:
    """Text of a file of a study."""
    known = {p.relative_to(bench.study(s)).as_posix()
             for s in bench.studies() if s == study for p in bench.study(s).rglob("*")}  # fmt: skip
    if name not in known:
        raise InputError(
            f"There is no '{shown(name)}' of a study '{shown(study)}'; dimgs://contents lists what "
            f"there is."
        )
    return (bench.study(study) / name).read_text(encoding="utf-8")


def _refusing(read: Callable[..., str]) -> Callable[..., str]:
    """The reader, whose refusals reach the client as one sentence."""

    @wraps(read)
    def answer(**parts: str) -> str:
        try:
            return read(**parts)
        except DimgsError as error:
            raise ResourceNotFoundError(str(error)) from error

    return answer


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1, default=str)


def add_prompts(server: MCPServer[Any]) -> None:
    """Add the two prompts."""

    @server.prompt(title="Find a law in this table")
    def find_a_law(table: str, target: str) -> str:
        """From a table with units to a checked law, or to the news that there is none."""
        return (
            f"Find a law for '{target}' in the table '{table}'. Read it with read_table and say "
            f"which units are doubtful. Derive pi_groups. Call discover_law. Report the law with "
            f"intervals and domain, whether it is confirmed and if not why, its rivals, and with "
            f"explain what would change it. Report numbers only as the tools gave them."
        )

    @server.prompt(title="How far will it migrate")
    def how_far_will_it_migrate(question: str) -> str:
        """How much of a substance leaves a film, on the safe side."""
        return (
            f"Answer: {question}\nFind a kernel of migration with describe_kernels and read its "
            f"card. Take each input from the question; ask me for what is missing, and assume "
            f"only a card's conservative value, on the safe side, and list it. Try ask first; "
            f"if it has no answer, show what plan_campaign would cost before start_campaign. "
            f"Give the value with its interval, what it rests on, and where it does not hold."
        )
