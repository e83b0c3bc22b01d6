"""What is read of requests: nothing of strangers, and of others no more than there is room for."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dimgs.hub import Hub
from dimgs.web import intake
from dimgs.web.routes import BASE as REST
from dimgs.web.routes import ROUTES, Lines

Receive = Callable[[], Awaitable[dict[str, Any]]]
PAGES = ("/ask", "/people", "/people/tokens", "/sign-out", f"/entries/{'0' * 64}/reviews")
WRITING = [r for r in ROUTES if r.method != "GET" and not r.reads]


async def asked(
    app: Any, method: str, path: str, receive: Receive, address: str = "10.0.0.1", **headers: str
) -> tuple[int, str]:
    """Status and sentence of an answer."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    given = {"host": "localhost", **{k.replace("_", "-"): v for k, v in headers.items()}}
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "scheme": "http", "client": (address, 1),
        "server": ("localhost", 80),
        "headers": [(k.encode(), v.encode()) for k, v in given.items()],
    }  # fmt: skip
    await app(scope, receive, send)
    text = b"".join(m.get("body", b"") for m in sent).decode()
    return sent[0]["status"], text


async def unread() -> dict[str, Any]:
    raise AssertionError("the body was read")


def path_of(route: Any) -> str:
    return REST + str(route.path).format(id="0" * 64, name="x", key="0", token="x", digest="0")


def bearer(hub: Hub, user: str, scope: str = "write") -> str:
    return f"Bearer {hub.new_token(user, scope=scope)}"


def test_nothing_is_read_of_those_who_may_not_write(hub: Hub, app: Any) -> None:
    async def every() -> None:
        for route in WRITING:
            target = (route.method, path_of(route), unread)
            assert (await asked(app, *target))[0] == 401, route
            assert (await asked(app, *target, authorization="Bearer 0.x"))[0] == 401, route
            assert (await asked(app, *target, authorization=reads))[0] == 403, route
        for page in PAGES:
            assert (await asked(app, "POST", page, unread))[0] == 401, page

    reads = bearer(hub, "admin", "read")
    asyncio.run(every())


def test_what_says_that_it_is_too_long_is_not_read(hub: Hub, app: Any) -> None:
    async def every() -> None:
        for route in ROUTES:
            if route.body is not None:
                length = str(route.longest + 1)
                status, message = await asked(
                    app, route.method, path_of(route), unread,
                    authorization=known, content_length=length,
                )  # fmt: skip
                assert (status, "send it in parts" in message) == (413, True), route
        assert (await asked(app, "POST", "/sign-in", unread, content_length="20000"))[0] == 413

    known = bearer(hub, "contributor")
    asyncio.run(every())
    # what anybody may send is no longer than the longest question
    assert max(r.longest for r in ROUTES if r.reads) <= 1 << 20


def endless(part: bytes, count: list[int]) -> Receive:
    async def receive() -> dict[str, Any]:
        count[0] += 1
        return {"type": "http.request", "body": part, "more_body": True}

    return receive


def test_what_does_not_say_how_long_it_is_ends_at_the_limit(hub: Hub, app: Any) -> None:
    (route,) = (r for r in ROUTES if r.body is Lines)
    known, count, part = bearer(hub, "contributor"), [0], b"x" * (1 << 20)
    call = asked(app, "POST", path_of(route), endless(part, count), authorization=known)
    assert asyncio.run(call)[0] == 413
    assert count[0] == (route.longest >> 20) + 1


def test_few_requests_of_an_address_may_be_unfinished(hub: Hub, app: Any) -> None:
    ended = asyncio.Event()

    async def halted() -> dict[str, Any]:
        await ended.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def every() -> list[tuple[int, str]]:
        target = (app, "POST", f"{REST}/bundle")
        some = [
            asyncio.create_task(asked(*target, halted, authorization=known)) for _ in unfinished
        ]
        async with asyncio.timeout(20):
            while app._app.state.intake.unfinished["10.0.0.1"] < len(unfinished):
                await asyncio.sleep(0.01)
        status, message = await asked(*target, unread, authorization=known)
        assert (status, "unfinished" in message) == (429, True)
        other = asyncio.create_task(asked(*target, halted, "10.0.0.2", authorization=known))
        await asyncio.sleep(0.05)
        ended.set()
        answers = await asyncio.gather(*some, other)
        # and then there is room again
        return [*answers, await asked(*target, halted, authorization=known)]

    known, unfinished = bearer(hub, "contributor"), range(intake.UNFINISHED)
    assert {status for status, _ in asyncio.run(every())} == {201}


def test_what_is_broken_off_or_does_not_come_is_one_sentence(
    hub: Hub, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def never() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    known = bearer(hub, "contributor")
    for path in (f"{REST}/bundle", f"{REST}/entries", "/sign-in"):
        assert asyncio.run(asked(app, "POST", path, gone, authorization=known))[0] == 400
    monkeypatch.setattr(intake, "_PATIENCE", 0.01)
    status, message = asyncio.run(asked(app, "POST", f"{REST}/runs", never, authorization=known))
    assert (status, "smaller parts" in message) == (408, True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process in /proc")
@pytest.mark.parametrize("scope", ["", "write"])
def test_half_sent_requests_take_no_memory(tmp_path: Path, scope: str) -> None:
    from case_studies.benchmarks.hub_writers import Server

    with Hub(tmp_path / "group.sqlite", user="anna") as hub:
        hub.set_user("carl", "contributor")
        known = f"Authorization: {bearer(hub, 'carl')}\r\n" if scope else ""
    with Server(str(tmp_path / "group.sqlite")) as server, ExitStack() as opened:
        host, port = server.address.removeprefix("http://").split(":")
        head = f"POST {REST}/bundle HTTP/1.1\r\nHost: {host}\r\n{known}Content-Length: {60 << 20}"
        before = memory(server.process.pid)
        for _ in range(12):
            client = opened.enter_context(socket.create_connection((host, int(port))))
            client.settimeout(20)
            try:
                client.sendall(head.encode() + b"\r\n\r\n")
                for _ in range(58):
                    client.sendall(b"x" * (1 << 20))
            except OSError:
                # it was refused, and the server hung up
                pass
        assert memory(server.process.pid) - before < 60
        with Hub(server.address) as there:
            assert there.digest()["entries"] == 0


def memory(pid: int) -> int:
    """Megabytes that a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) >> 10
