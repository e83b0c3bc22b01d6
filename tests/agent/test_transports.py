"""The server over standard input and output, and over HTTP with tokens of the hub."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from dimgs.agent.context import ToolContext
from dimgs.agent.server import PATH, caller_of, http_app
from dimgs.agent.tools import TOOLS, Tools
from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.web.serving import listening, server_of, serving
from tests.agent.conftest import POLICY, RUN, Call, call_result, run_jobs, talk


def test_over_standard_input_and_output_jobs_go_on_when_the_server_has_ended(
    hub: Hub, workspace: Path
) -> None:
    command = ["-m", "dimgs", "mcp", "--hub", str(hub.address), "--workspace", str(workspace)]
    server = StdioServerParameters(command=sys.executable, args=command)
    jobs: list[str] = []

    async def script(client: Client, call: Call) -> None:
        assert tuple(t.name for t in (await client.list_tools()).tools) == tuple(TOOLS)
        assert (await call("read_table", table="pendulum.csv")).document["rows"] == 8
        assert (await call("read_table", table="../secret.csv")).failed
        plan = (await call("plan_campaign", **RUN)).document
        jobs.append((await call("start_campaign", plan=plan["plan"])).document["job"])

    talk(server, script)
    for _ in range(300):
        if hub.get(jobs[0])["status"]["state"] == "done":
            break
        threading.Event().wait(0.1)
    entry = hub.get(jobs[0])
    assert entry["status"]["state"] == "done"
    assert entry["agent"]
    assert entry["author"] == "agent"


@contextmanager
def served(hub: Hub, workspace: Path) -> Iterator[str]:
    """Address of a server in this process."""
    context = ToolContext(hub, POLICY, workspace, caller_of(hub))
    socket, address = listening("127.0.0.1", 0)
    server = server_of(http_app(context, hub, address))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join()
        socket.close()
        context.close()


def over_http(address: str, token: str, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """Results of calls of a client with a token."""

    async def session() -> list[Any]:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(f"{address}{PATH}", http_client=http)
            async with Client(transport) as client:
                return [call_result(await client.call_tool(name, given)) for name, given in calls]

    return asyncio.run(session())


def test_over_http_the_hubs_tokens_decide(hub: Hub, workspace: Path) -> None:
    for role in ("reader", "reviewer", "agent"):
        hub.set_user(role, role)
    tokens = {role: hub.new_token(role, scope="write") for role in ("reader", "reviewer", "agent")}
    tokens["looker"] = hub.new_token("reviewer", scope="read")
    draft = ("propose_entry", {"kind": "question", "content": {"text": "Why?"}})
    with served(hub, workspace) as address:
        for who, may in (("agent", True), ("reviewer", True), ("reader", False), ("looker", False)):
            read, write = over_http(address, tokens[who], ("search_hub", {}), draft)
            assert not read.failed
            assert write.failed is not may, write.text
            if may:
                entry = hub.get(write.document["id"])
                # what a model does with a person's token is still a program's
                assert entry["agent"]
                assert entry["author"] == who
        url, body = f"{address}{PATH}", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        kinds = {"Accept": "application/json, text/event-stream"}
        good = {**kinds, "Authorization": f"Bearer {tokens['agent']}"}
        assert httpx2.post(url, json=body, headers=kinds).status_code == 401
        bad = {**kinds, "Authorization": "Bearer nobody.nothing"}
        assert httpx2.post(url, json=body, headers=bad).status_code == 401
        # of another name (DNS rebinding), and from a page elsewhere
        assert httpx2.post(url, json=body, headers={**good, "Host": "evil.org"}).status_code == 421
        odd = {**good, "Origin": "https://evil.org"}
        assert httpx2.post(url, json=body, headers=odd).status_code == 403


def test_the_command_serves_http_until_it_is_ended(hub: Hub, workspace: Path) -> None:
    hub.set_user("bot", "agent")
    token = hub.new_token("bot", scope="read")
    command = ["-m", "dimgs", "mcp", "--hub", hub.address, "--http", "0"]
    process = subprocess.Popen(
        [sys.executable, *command, "--workspace", str(workspace)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().split()[-1]
        assert url.startswith("http://127.0.0.1:")
        (table,) = over_http(url.removesuffix(PATH), token, ("read_table", {}))
        assert table.document["tables"] == ["pendulum.csv"]
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode in (0, -signal.SIGTERM)


def test_over_http_nobody_grants_an_approval(hub: Hub, workspace: Path) -> None:
    """Not even a client that answers every question with yes."""
    hub.set_user("admin", "admin")
    token = hub.new_token("admin", scope="write")
    ranges = {**RUN, "kernel": "diffusion", "ranges": {"t": "1..100 day"}, "runs": 1000}
    ranges["at"] = {k: v for k, v in RUN["at"].items() if k != "t"}
    with served(hub, workspace) as address:
        (plan,) = over_http(address, token, ("plan_campaign", ranges))
        assert plan.document["needs_approval"], plan.text
        (job,) = over_http(address, token, ("start_campaign", {"plan": plan.document["plan"]}))
    assert job.document["state"] == "needs approval"
    assert "a person has to approve it" in job.document["note"]
    assert job.document["approve"] == f"dimgs hub approve {job.document['job'][:12]}"


def test_a_server_over_http_needs_a_hub_of_its_own() -> None:
    from dimgs.agent.context import opened_context
    from dimgs.agent.server import caller_of

    with (
        pytest.raises(InputError, match="give --hub"),
        opened_context(None, None, None, caller_of=caller_of),
    ):
        pass


def test_the_hub_may_be_behind_a_server(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.set_user("bot", "agent")
    hub.set_user("bob", "reviewer")
    socket, address = listening("127.0.0.1", 0)
    server = serving(hub, address, ["127.0.0.1"], False)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        monkeypatch.setenv("DIMGS_HUB_TOKEN", hub.new_token("bob", scope="write"))
        with (
            Hub(address) as person,
            pytest.raises(InputError, match=r"a reviewer; give .* role agent"),
        ):
            person.for_agent()
        monkeypatch.setenv("DIMGS_HUB_TOKEN", hub.new_token("bot", scope="write"))
        with Hub(address) as remote:
            tools = Tools(ToolContext(remote.for_agent(), POLICY, address=address))
            plan = tools.plan_campaign(**RUN)
            job = tools.start_campaign(str(plan["plan"]))
            run_jobs(hub)
            assert tools.job_status(job["job"])["state"] == "done"
            assert tools.ask(**RUN)["how"] == "run"
            assert len(tools.explain(job["job"])["evidence"]["nodes"]) == 2
        assert hub.get(job["job"])["author"] == "bot"
    finally:
        server.should_exit = True
        thread.join()
        socket.close()
