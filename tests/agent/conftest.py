"""A hub, a workspace and the tools on them; calls as a client makes them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")
from mcp import Client

from dimgs.agent.context import ToolContext
from dimgs.agent.tools import Tools
from dimgs.hub import Hub
from dimgs.hub.jobs import AgentPolicy, Policy, work

# the tests run the jobs themselves
POLICY = Policy(agent=AgentPolicy(worker=False, analysis_seconds=20.0))
POINT: dict[str, Any] = {
    "D": "1e-14 m^2/s",
    "l": "80 µm",
    "K": 10,
    "h": "1e-6 m/s",
    "C0": "1 kg/m^3",
    "A": "6 dm^2",
    "V": "1 L",
    "t": "10 day",
}
RUN: dict[str, Any] = {"kernel": "diffusion-series", "target": "CF", "at": POINT}
TABLE = "L [m],T [s]\n" + "\n".join(
    f"{x},{2.0064 * x**0.5 * (1 + (-1) ** k * 1e-3)}"
    for k, x in enumerate((0.1, 0.2, 0.35, 0.5, 0.8, 1.1, 1.7, 2.4))
)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub of anna."""
    with Hub(tmp_path / "group.sqlite", user="anna") as hub:
        yield hub


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with a table, beside things that are not to be read."""
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "pendulum.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "secret.csv").write_text("a [m],b [m]\n1,2\n", encoding="utf-8")
    return folder


@pytest.fixture
def context(hub: Hub, workspace: Path) -> Iterator[ToolContext]:
    """The tools' context, of an agent."""
    context = ToolContext(hub.for_agent(), POLICY, workspace)
    yield context
    context.close()


@pytest.fixture
def tools(context: ToolContext) -> Tools:
    return Tools(context)


@dataclass(frozen=True)
class CallResult:
    """What a call gave."""

    failed: bool
    text: str
    document: Any


Call = Callable[..., Awaitable[CallResult]]


def call_result(result: Any) -> CallResult:
    """A result of the SDK's client."""
    text = "".join(getattr(part, "text", "") for part in result.content)
    return CallResult(bool(result.is_error), text, result.structured_content)


def talk(server: Any, script: Callable[[Client, Call], Awaitable[None]], **options: Any) -> None:
    """Run a script of calls with the SDK's own client."""

    async def session() -> None:
        async with Client(server, **options) as client:

            async def call(name: str, /, **arguments: Any) -> CallResult:
                return call_result(await client.call_tool(name, arguments))

            await script(client, call)

    asyncio.run(session())


def run_jobs(hub: Hub) -> None:
    """Run the jobs that wait, as a worker of anna does."""
    work(hub, POLICY, once=True)


def dumped(value: Any) -> str:
    """As JSON, which everything that is sent has to be."""
    return json.dumps(value, allow_nan=False)
