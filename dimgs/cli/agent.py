"""`dimgs mcp` and `dimgs agent`: tools for language models, and an agent that uses them."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from dimgs.cli import tables
from dimgs.cli.hub import Address, As, opened
from dimgs.cli.output import announce, command, emit, note, results, say, say_assumed, table
from dimgs.common.errors import InputError
from dimgs.common.plugins import needing

if TYPE_CHECKING:
    from dimgs.agent.agent import Answered

# names the model where none is given
MODEL = "DIMGS_MODEL"

PolicyFile = Annotated[
    str | None, Option("--policy", help="TOML file: kernels, limits of cost and time, workspace.")
]
Workspace = Annotated[str | None, Option("--workspace", help="Folder of the tables.")]


def mcp(
    hub: Address = None,
    workspace: Workspace = None,
    policy: PolicyFile = None,
    http: int | None = Option(
        None, help="Serve HTTP at this port, 0 for a free one.", min=0, max=65535
    ),
) -> None:
    """Serve tools for language models: on standard input and output, or over HTTP."""
    import anyio

    from dimgs.agent.context import opened_context

    with needing("agent"):
        from dimgs.agent.server import make_server
    if http is None:
        with opened_context(hub, policy, workspace) as context:
            anyio.run(make_server(context).serve_stdio, results())
        return
    from dimgs.agent.server import PATH, caller_of, http_app
    from dimgs.web.serving import listening, server_of

    with opened_context(hub, policy, workspace, caller_of=caller_of) as context:
        # over HTTP there is no context without a hub
        assert context.shared_hub is not None
        socket, at = listening("127.0.0.1", http)
        server = server_of(http_app(context, context.shared_hub, at))
        announce(f"{at}{PATH}", "the tools are served at ")
        server.run(sockets=[socket])


agent = typer.Typer(
    name="agent",
    help="Answer a question in words with evidence: a model chooses, dimgs computes.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@agent.command()
@command
def ask(
    question: str = Argument(..., help="The question in words, with units."),
    hub: Address = None,
    model: str | None = Option(None, help=f"provider:name; {MODEL} by default. Keys: environment."),
    policy: PolicyFile = None,
    workspace: Workspace = None,
    safe: str | None = Option(
        None, help="Safe side: over or under; by default the side in the question."
    ),
    json: tables.Json = False,
) -> None:
    """Answer a question in words; every number of the answer has a source."""
    with needing("agent"):
        from dimgs.agent.agent import Agent
    name = model or os.environ.get(MODEL)
    if not name:
        raise InputError(f"No model is named; give --model provider:name, or set {MODEL}.")
    session = Agent(hub, name, policy, workspace=workspace, reply=_reply)
    try:
        answered = session.ask(question, safe=safe, progress=note)
    finally:
        session.close()
    emit(answered.to_json(), lambda: _show(answered), json)
    if answered.answer is None and answered.document["how"] != "law":
        raise typer.Exit(1)


def _reply(question: str) -> str | None:
    """Ask the person at the terminal; nobody is there where it is none."""
    if not sys.stdin.isatty():
        return None
    note(f"the agent asks: {question}")
    return sys.stdin.readline().strip() or None


def _show(answered: "Answered") -> None:
    document = answered.document
    say(answered.text)
    judged = document["pertinence"]
    if judged.get("meaning"):
        say(f"{judged['meaning']} {judged.get('why', '')}".strip(), "answer: ", "strong")
    say_assumed(document["assumptions"])
    if judged.get("better"):
        say(judged["better"], "better: ")
    for missing in document["missing"]:
        say(str(missing), "missing: ")
    calls = [
        [str(k), c["tool"], "refused" if "error" in c else "ok"]
        for k, c in enumerate(document["transcript"], 1)
    ]
    table("Calls", ["call", "tool", ""], calls)
    rows = [[str(e["kind"]), str(e["id"])[:12]] for e in document["evidence"]]
    table("Evidence", ["kind", "id"], rows)
    if document["decision"]:
        say(document["decision"][:12], "repeat with: dimgs agent replay ")


@agent.command()
@command
def replay(
    id: str = Argument(..., help="Id of a decision of an agent."),
    hub: Address = None,
    user: As = None,
    policy: PolicyFile = None,
    workspace: Workspace = None,
    json: tables.Json = False,
) -> None:
    """Repeat the calls of an agent without its model, against the earlier state of the hub."""
    with needing("agent"):
        from dimgs.agent.agent import replay as again
    with opened(hub, user) as opened_hub:
        document = again(opened_hub, id, policy, workspace)
    if not document["as_it_was"]:
        note("the earlier state of the hub cannot be restored; the calls used its state of today")
    rows = [
        [str(c["call"]), c["tool"], "same" if c["same"] else str(c["differs"])]
        for c in document["calls"]
    ]
    verdict = "the same numbers" if document["same"] else "other numbers"
    emit(document, lambda: table("Calls", ["call", "tool", "numbers"], rows, verdict), json)
    if not document["same"]:
        raise typer.Exit(1)
