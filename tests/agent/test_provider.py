"""The provider's path: a server that speaks the OpenAI chat protocol, with scripted replies."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pydantic_ai.models
import pytest

from dimgs.agent import Agent
from dimgs.agent.agent import MARK, ModelFailedError
from dimgs.hub import Hub
from dimgs.hub.jobs import AgentPolicy, Policy
from tests.cli.runner import Shell

POLICY = Policy(agent=AgentPolicy(worker=False, steps=6))
CALL = {"name": "describe_kernels", "arguments": '{"name": "diffusion-series"}'}


class _Handler(BaseHTTPRequestHandler):
    """Answers each request with the next of the replies; the last one is repeated."""

    replies: list[Any]
    seen: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append({**json.loads(body), "key": self.headers.get("authorization", "")})
        reply = self.replies[min(len(self.seen), len(self.replies)) - 1]
        if isinstance(reply, int):
            self.send_response(reply)
            self.end_headers()
            return
        if isinstance(reply, float):
            time.sleep(reply)
            reply = "late"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for line in _chunks(reply):
            self.wfile.write(f"data: {line}\n\n".encode())
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _chunks(reply: Any) -> Iterator[str]:
    """A reply as it streams: a text letter by letter, a call with its arguments in halves."""
    if isinstance(reply, bytes):
        yield reply.decode()
        return
    deltas: list[dict[str, Any]] = []
    if isinstance(reply, str):
        deltas = [{"content": letter} for letter in reply]
    else:
        text = reply["arguments"]
        head = {"index": 0, "id": "c1", "type": "function"}
        deltas.append({"tool_calls": [{**head, "function": {**reply, "arguments": text[:3]}}]})
        deltas.append({"tool_calls": [{"index": 0, "function": {"arguments": text[3:]}}]})
    end = "stop" if isinstance(reply, str) else "tool_calls"
    for k, delta in enumerate([*deltas, {}]):
        done = end if k == len(deltas) else None
        choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": done}
        yield json.dumps({"id": "r", "object": "chat.completion.chunk", "created": 1,
                          "model": "m", "choices": [choice]})  # fmt: skip
    yield "[DONE]"


@contextmanager
def provider(replies: list[Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What the provider saw, while it is there."""
    monkeypatch.setattr(pydantic_ai.models, "ALLOW_MODEL_REQUESTS", True)
    handler: Any = type("Handler", (_Handler,), {"replies": replies, "seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    try:
        yield handler.seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(hub: Hub, question: str = "What is diffusion-series?", seconds: float = 20.0) -> Any:
    limits = POLICY.agent.model_copy(update={"model_seconds": seconds})
    agent = Agent(hub, "some-model", POLICY.model_copy(update={"agent": limits}))
    try:
        return agent.ask(question)
    finally:
        agent.context.close()


def test_a_streamed_call_and_a_streamed_answer(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with provider([CALL, "It has 8 inputs and 3 outputs."], monkeypatch) as seen:
        answered = ask(hub, "How many of 8 inputs and 3 outputs has diffusion-series?")
    assert answered.text == "It has 8 inputs and 3 outputs."
    assert seen[0]["stream"]
    assert seen[0]["key"] == "Bearer a-key"
    names = {t["function"]["name"] for t in seen[0]["tools"]}
    assert {"describe_kernels", "ask_person", "finish"} <= names
    # what the tool gave comes back as data
    content = json.loads(seen[1]["messages"][-1]["content"])
    assert content["data"]["kernels"][0]["name"] == "diffusion-series"
    # the key is nowhere in what is kept
    assert "a-key" not in json.dumps(hub.get(answered.document["decision"]))


@pytest.mark.parametrize(
    ("replies", "what"),
    [
        ([500], "status 500"),
        ([401], "status 401"),
        ([404], "status 404"),
        ([1.5], "cannot be reached"),
        ([b"this is no JSON"], "no usable answer|cannot be reached|gave no"),
        ([{"name": "describe_kernels", "arguments": '{"name": '}], "within 6|no usable"),
        ([{"name": "no_such_tool", "arguments": "{}"}], "within 6|no usable"),
        ([CALL], "within 6 replies"),
    ],
    ids=["broken", "key", "name", "slow", "garbage", "half a call", "no tool", "endless"],
)
def test_whatever_the_provider_does_ends_in_one_sentence(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, replies: list[Any], what: str
) -> None:
    with provider(replies, monkeypatch) as seen, pytest.raises(ModelFailedError, match=what):
        ask(hub, seconds=0.3 if replies == [1.5] else 20.0)
    assert 1 <= len(seen) <= 6
    (kept,) = hub.listed(kind="decision")
    assert hub.get(kept["id"])["content"]["known"]["failure"]


def test_a_mistake_of_the_model_is_reported_and_may_be_mended(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"name": "describe_kernels", "arguments": '{"nam": "diffusion"}'}
    with provider([wrong, CALL, "It is a kernel."], monkeypatch) as seen:
        assert ask(hub).text == "It is a kernel."
    assert "did you mean 'name'" in seen[1]["messages"][-1]["content"]


def test_nobody_there_is_one_sentence(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydantic_ai.models, "ALLOW_MODEL_REQUESTS", True)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    with pytest.raises(ModelFailedError, match="cannot be reached"):
        ask(hub)


def test_the_command_line_asks_and_does_it_again(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(tmp_path, capsys)
    where = ("--hub", hub.address)
    ask = ("agent", "ask", "What has 8 inputs?", *where, "--model", "some-model")
    with provider([CALL, "It has 8 inputs and 17 outputs."], monkeypatch):
        done = shell(*ask, "--json")
    # there is no value
    assert done.code == 1
    assert done.document["text"] == MARK
    assert "describe_kernels(name=diffusion-series)" in done.err
    again = shell("agent", "replay", done.document["decision"], *where, "--json")
    assert again.code == 0
    assert again.document["same"]
    assert again.document["as_it_was"]
    with provider([CALL, "It is a kernel."], monkeypatch):
        assert "It is a kernel." in shell(*ask).out
    with provider([500], monkeypatch):
        done = shell(*ask)
    assert done.code == 1
    assert "status 500" in done.err
    monkeypatch.delenv("DIMGS_MODEL", raising=False)
    assert "No model is named" in shell.refused(*ask[:-2])
