"""The agent: a model chooses tools, and every number of its answer has a source."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dimgs.agent.context import ToolContext
from dimgs.agent.session import INSTRUCTIONS, Listener, Reply, Session, silent
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.escape import visible
from dimgs.common.formats import shown
from dimgs.common.plugins import needing
from dimgs.hub import Hub
from dimgs.hub.entry import Address, Json
from dimgs.hub.jobs import Policy

if TYPE_CHECKING:
    from pydantic_ai import Tool
    from pydantic_ai.exceptions import AgentRunError
    from pydantic_ai.models import Model

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
        from dimgs.agent.record import keep

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
