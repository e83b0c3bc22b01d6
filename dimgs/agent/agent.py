"""The agent: a model chooses tools, every number has a source, and its decisions are recorded."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from dimgs.agent.context import ToolContext
from dimgs.agent.server import checked_arguments, tools_of
from dimgs.agent.session import INSTRUCTIONS, Listener, Reply, Session, silent
from dimgs.agent.tools import each
from dimgs.common.advice import Act, Step
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.escape import visible
from dimgs.common.formats import plain, shown
from dimgs.common.plugins import needing
from dimgs.hub import Hub
from dimgs.hub.acts import AGENT
from dimgs.hub.entry import Address, Document, Json
from dimgs.hub.hub import is_remote
from dimgs.hub.jobs import Policy, work

if TYPE_CHECKING:
    from pydantic_ai import Tool
    from pydantic_ai.exceptions import AgentRunError
    from pydantic_ai.models import Model


# ---- Records of agents: decisions in the hub, and their replay without the model.


# what differs from run to run and is not a number of an answer
_TIMES = frozenset({"seconds", "wall_seconds", "time", "provenance", "warnings", "note"})
# of an id: SHA-256
_ID_DIGITS = 64


def keep(
    context: ToolContext, session: Session, document: Document, model: str, failure: str
) -> str | None:
    """Keep what an agent did as a decision: question, model, calls with sources, results, answer.

    Returns
    -------
    str or None
        Id of the decision; None without a hub to keep it in.
    """
    if not context.has_hub or not context.hub.may("add", "open", is_author=True):
        return None
    answer = {k: v for k, v in document.items() if k not in ("transcript", "decision")}
    basis = {
        "question": session.question,
        "safe": session.sources.safe,
        "model": model,
        "prompt": INSTRUCTIONS,
        "calls": [call.to_json() for call in session.calls],
        "replies": session.asked,
        "answer": answer,
        "failure": failure,
        "hub": session.begun,
    }
    entry = {"kind": "decision", "action": AGENT, "text": session.question, "known": plain(basis)}
    ids = dict.fromkeys(str(e["id"]) for e in document["evidence"] if len(str(e["id"])) == 64)
    return context.hub.add_linked(entry, [("derived", id) for id in ids])


def replay(
    hub: Hub, id: str, policy: Address | Policy | None = None, workspace: Address | None = None
) -> Json:
    """Make the calls of a decision again, without a model, against the hub as it was.

    Parameters
    ----------
    hub : Hub
        A copy of it is asked; behind a server, where some entries are hidden, the hub as it is now.
    id : str
        Of the decision.
    policy, workspace
        As the agent had them.

    Returns
    -------
    dict
        "same", "as_it_was" (whether the hub was brought back to its state then), and "calls" with
        tool, whether they gave the same numbers, and the first that differs.

    Raises
    ------
    InputError
        If the entry is not a decision of an agent.
    """
    entry = hub.get(id)
    basis = (entry["content"] or {}).get("known")
    if entry["kind"] != "decision" or not isinstance(basis, dict) or "calls" not in basis:
        raise InputError(
            f"'{shown(id[:12])}' is not a decision of an agent; see {Act(Step.LIST_ENTRIES)}."
        )
    comparisons = []
    with _copy_of_then(hub, basis.get("hub") or {}) as (then, exact):
        context = ToolContext(then.for_agent(), policy, workspace)
        context.policy = _changed(context.policy, worker=False)
        try:
            comparisons = _calls(context, then, basis["calls"])
        finally:
            context.close()
    same = all(call["same"] for call in comparisons)
    return {"id": entry["id"], "same": same, "as_it_was": exact, "calls": comparisons}


def _calls(context: ToolContext, hub: Hub, calls: list[Json]) -> list[Json]:
    tools, methods = each(context), tools_of(context)
    ids: dict[str, str] = {}
    comparisons = []
    for number, call in enumerate(calls, 1):
        tool, repeated, error = call["tool"], None, ""
        if "result" not in call:
            # it was refused before anything was computed
            comparisons.append({"call": number, "tool": tool, "same": True, "differs": None})
            continue
        try:
            arguments = checked_arguments(methods[tool], _renamed(call["arguments"], ids))
            repeated = tools[tool](**arguments)
            if tool == "start_campaign":
                # the jobs that were approved then are run here at once
                work(hub, _changed(context.policy, approve_above=context.policy.seconds), once=True)
        except DimgsError as refused:
            error = str(refused)
        unfinished = tool in ("job_status", "start_campaign")
        late = unfinished and call["result"].get("state") not in ("done", "failed")
        # ids are paired also where the job has not ended
        difference = _difference(call["result"], repeated, ids, "")
        differs = error or ("" if late else difference)
        comparison = {"call": number, "tool": tool, "same": not differs, "differs": differs or None}
        comparisons.append(comparison)
    return comparisons


def _changed(policy: Policy, **limits: Any) -> Policy:
    """The policy with other limits of agents."""
    return policy.model_copy(update={"agent": policy.agent.model_copy(update=limits)})


def _renamed(value: Any, ids: Mapping[str, str]) -> Any:
    """Arguments in which ids of then are those of now."""
    if isinstance(value, dict):
        return {k: _renamed(v, ids) for k, v in value.items()}
    if isinstance(value, list):
        return [_renamed(v, ids) for v in value]
    if not isinstance(value, str):
        return value
    whole = [then for then in ids if len(value) >= 8 and then.startswith(value)]
    return ids[whole[0]] if len(whole) == 1 else value


def _difference(then: Any, now: Any, ids: dict[str, str], place: str) -> str:
    """The first number that differs, and where; ids are paired on the way."""
    parts: list[tuple[Any, Any, str]] = []
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        dot = f"{place}." if place else ""
        parts = [(then[k], now.get(k), f"{dot}{k}") for k in then if k not in _TIMES]
    elif isinstance(then, list) and isinstance(now, list | tuple):
        if len(then) != len(now):
            return f"{place} has {len(now)} parts, and had {len(then)}"
        parts = [(then[k], now[k], f"{place}[{k}]") for k in range(len(then))]
    for before, after, where in parts:
        if difference := _difference(before, after, ids, where):
            return difference
    if isinstance(then, str) and isinstance(now, str) and len(then) == _ID_DIGITS:
        ids[then] = now
    is_number = isinstance(then, int | float) and not isinstance(then, bool)
    if is_number and (not isinstance(now, int | float) or then != now):
        return f"{place} is {now}, and was {then}"
    return ""


@contextmanager
def _copy_of_then(hub: Hub, digest: Document) -> Iterator[tuple[Hub, bool]]:
    """A copy of the hub as it was, and whether it is just that, shown by its digest.

    Of a hub behind a server some entries may be hidden from whoever asks: it is asked as it is now.
    """
    entries = digest.get("entries")
    if not isinstance(entries, int):
        yield hub, False
        return
    from dimgs.hub.hub import copy_as_it_was

    with TemporaryDirectory(prefix="dimgs-replay-") as folder:
        copy = Path(folder) / "hub.sqlite"
        copy_as_it_was(hub, entries, copy)
        with Hub(copy, user=hub.user) as then:
            if exact := then.digest() == digest or not is_remote(hub.address):
                yield then, exact
            else:
                yield hub, hub.digest() == digest


# ---- The agent: a model chooses tools, and every number of its answer has a source.


FINISH = "finish"
_SOURCES = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "description": "source of each quantity by path: {'at.l': 'question: film of 80 µm'}",
}


class ModelFailedError(DimgsError, RuntimeError):
    """The language model gave no usable reply; the message has the cause and the remedy."""


@dataclass(frozen=True)
class Answered:
    """Result of a question to an agent: text, answer and record.

    Attributes
    ----------
    text : str
        In words; each of its numbers has a source.
    document : dict
        In the form of ``dimgs ask``, with "text", "transcript" and "decision".
    """

    text: str
    document: Json

    @property
    def answer(self) -> Json | None:
        """The value with its unit and interval; None where there is none."""
        quantity: Json | None = self.document["answer"]
        return quantity

    def to_json(self) -> Json:
        """The value as a JSON document."""
        return self.document

    def __str__(self) -> str:
        return self.text


class Agent:
    """Answers questions with the tools, through a language model.

    Parameters
    ----------
    hub : Hub, path, address or None
        Where runs, laws, jobs and the decisions of the agent are kept.
    model : str or pydantic_ai.models.Model
        Such as ``"openai:NAME"``, or ``NAME`` at the OpenAI-compatible address that
        ``OPENAI_BASE_URL`` names. Keys come from the environment alone.
    policy : path or Policy, optional
    workspace : path, optional
        Folder of the tables.
    reply : callable, optional
        Asks a person; gives None where nobody answers.

    Raises
    ------
    InputError
        If the model's provider is not installed or has no key.

    Examples
    --------
    >>> from case_studies.benchmarks.questions.scripted import scripted
    >>> agent = Agent(None, scripted(["Which table do you mean?"]))
    >>> answer = agent.ask("What is the law?")
    >>> print(answer.text)
    Which table do you mean?
    """

    def __init__(
        self,
        hub: Hub | Address | None,
        model: "str | Model",
        policy: Address | Policy | None = None,
        *,
        workspace: Address | None = None,
        reply: Reply | None = None,
    ) -> None:
        address = None if hub is None or isinstance(hub, Hub) else os.fspath(hub)
        opened = hub if hub is None or isinstance(hub, Hub) else Hub(hub)
        self.hub = None if opened is None else opened.for_agent()
        self.context = ToolContext(self.hub, policy, workspace, address=address)
        self.reply = reply
        self.model = model_of(model)

    def ask(self, text: str, *, safe: str | None = None, progress: Listener = silent) -> Answered:
        """Answer a question in words.

        Parameters
        ----------
        text : str
        safe : {"over", "under"}, optional
            Which estimate is safe, too high or too low, where the question does not say so.
        progress : callable
            Takes a sentence about each step, as it is made.

        Returns
        -------
        Answered

        Raises
        ------
        ModelFailedError
            If the model cannot be reached, or gives no answer within its steps.
        """
        session = Session(text, self.context, safe, self.reply, progress)
        failure = None
        try:
            reply, chosen = asyncio.run(self._run(session))
        except ModelFailedError as error:
            # what was done is kept, whatever the model did not do
            failure, reply, chosen = error, "", None
        document = session.finish(reply, chosen)
        document["transcript"] = [call.to_json() for call in session.calls]
        document["asked"] = session.asked
        document["cut"] = session.cut
        document["decision"] = keep(self.context, session, document, self.name, str(failure or ""))
        if failure is not None:
            raise failure
        return Answered(document["text"], document)

    @property
    def name(self) -> str:
        """Name of the model."""
        return f"{self.model.system}:{self.model.model_name}"

    def close(self) -> None:
        """Remove what was kept for this agent alone, and close the hub."""
        self.context.close()
        if self.hub is not None:
            self.hub.close()

    async def _run(self, session: Session) -> tuple[str, int | None]:
        """Let the model choose until it ends; what it says, and the call that answers."""
        from pydantic_ai import Agent as Loop
        from pydantic_ai import ModelRetry, TextOutput, ToolOutput, exceptions
        from pydantic_ai.usage import UsageLimits

        limits = self.context.policy.agent
        sent_back = False

        def finish(text: str, answer_call: int | None = None) -> tuple[str, int | None]:
            """End with the answer in words, and the number of the call that gave its value."""
            nonlocal sent_back
            bad = session.unsupported(text)
            if bad and not sent_back:
                sent_back = True
                raise ModelRetry(
                    f"These numbers have no source: {', '.join(bad[:10])}. Say only numbers of the "
                    f"question or of results, with unit and digits as there."
                )
            return text, answer_call

        def finish_in_text(text: str) -> tuple[str, int | None]:
            """End of a model that writes text instead of calling finish."""
            return finish(text)

        loop = Loop(
            self.model,
            instructions=INSTRUCTIONS,
            output_type=[ToolOutput(finish, name=FINISH), TextOutput(finish_in_text)],
            tools=_tools(session),
            retries=2,
            model_settings={"timeout": limits.model_seconds},
        )
        usage = UsageLimits(request_limit=limits.steps)
        try:
            async with loop.run_stream_events(session.question, usage_limits=usage) as events:
                async for event in events:
                    _report(event, session.progress)
            result = events.result
        except exceptions.AgentRunError as error:
            raise ModelFailedError(_why_failed(error, limits.steps)) from error
        assert result is not None
        output: Any = result.output
        return output[0], output[1]


def _why_failed(error: "AgentRunError", steps: int) -> str:
    from pydantic_ai import exceptions

    text = visible(str(error))[:200]
    if isinstance(error, exceptions.UsageLimitExceeded):
        return (
            f"The model gave no result within {steps} replies; ask a narrower question, or raise "
            f"'steps' in the policy."
        )
    if isinstance(error, exceptions.ModelHTTPError):
        status = f"answers with the status {error.status_code}"
        remedy = "check its name, the key and the address"
        return f"The model '{shown(error.model_name)}' {status}; {remedy}."
    if isinstance(error, exceptions.ModelAPIError):
        return f"The model cannot be reached ({text}); check the address and the network."
    return f"The model gave no usable answer ({text}); ask again, or take another model."


def _tools(session: Session) -> "list[Tool[object]]":
    """The tools as the model is shown them, one after the other."""
    from pydantic_ai import Tool

    def calling(name: str) -> Callable[..., Any]:
        async def call(**arguments: Any) -> Json:
            return await asyncio.to_thread(session.call, name, arguments)

        return call

    tools = []
    for name, tool in session.schemas.items():
        properties = {**tool.parameters.get("properties", {}), "sources": _SOURCES}
        schema = {**tool.parameters, "properties": properties}
        made = Tool.from_schema(calling(name), name, tool.description, schema, sequential=True)
        tools.append(made)

    async def ask_person(question: str) -> Json:
        """Ask a person for an input that nobody gave."""
        return await asyncio.to_thread(session.ask_person, question)

    return [*tools, Tool(ask_person, sequential=True)]


def _report(event: Any, progress: Listener) -> None:
    """Report a result to the listener; calls are reported where they are made."""
    if getattr(event, "event_kind", "") == "function_tool_result":
        content = getattr(getattr(event, "part", None), "content", None)
        if isinstance(content, dict) and "call" in content:
            progress(f"call {content['call']} has a result")


def model_of(model: "str | Model") -> "Model":
    """The model of a name.

    Raises
    ------
    InputError
        If its provider is not installed, or has no key.
    """
    with needing("agent"):
        from pydantic_ai.exceptions import UserError
        from pydantic_ai.models import Model, infer_model
    if isinstance(model, Model):
        return model
    name = model if ":" in model else f"openai-chat:{model}"
    try:
        return infer_model(name)
    except (UserError, ImportError, ValueError) as error:
        raise InputError(
            f"The model '{shown(model)}' cannot be used ({visible(str(error))[:300]}); give "
            f"provider:name, its key in the environment."
        ) from error
    except Exception as error:
        # providers raise their own errors where a key is missing
        if type(error).__name__ != "OpenAIError":
            raise
        raise InputError(
            f"The model '{shown(model)}' has no key; set OPENAI_API_KEY (any text, where the "
            f"address of OPENAI_BASE_URL needs none)."
        ) from error
