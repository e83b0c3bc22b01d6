"""A question being answered: calls with their sources, and the answer that rests on them."""

import copy
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from dimgs.agent.answer import answer_of
from dimgs.agent.bench import Bench
from dimgs.agent.evidence import GivenEvidence
from dimgs.agent.provenance import Sources
from dimgs.agent.server import checked_arguments, tools_of
from dimgs.agent.tools import each
from dimgs.errors import DimgsError, InputError
from dimgs.escape import visible
from dimgs.formats import shown

Reply = Callable[[str], str | None]
Tell = Callable[[str], None]


@dataclass
class ToolCall:
    """A call of a tool: what was asked, from where, and what came."""

    tool: str
    arguments: dict[str, Any]
    sources: list[dict[str, Any]] = field(default_factory=list)
    result: Any = None
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """As one document."""
        told = {"tool": self.tool, "arguments": self.arguments, "sources": self.sources}
        return {**told, **({"error": self.error} if self.error else {"result": self.result})}


def silent(_: str) -> None:
    """Tell nobody."""


@dataclass
class Session:
    """One question: every call is checked before it is made, every number of the end too.

    Parameters
    ----------
    question : str
    bench : Bench
    safe : {"over", "under"}, optional
        Which side is safe, where the question does not say so itself.
    reply : callable, optional
        Asks a person; gives None where nobody answers.
    tell : callable
        Told what is done.
    """

    question: str
    bench: Bench
    safe: str | None = None
    reply: Reply | None = None
    tell: Tell = silent
    calls: list[ToolCall] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    cut: bool = False

    def __post_init__(self) -> None:
        """Prepare the sources and the tools."""
        self.sources = Sources(self.question, self.bench, self.safe)
        self.tools = each(self.bench)
        self.schemas = tools_of(self.bench)
        # what the hub held, so that it can be asked again as it was
        self.begun = self.bench.hub.digest() if self.bench.has_hub else None

    def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Check a call and make it; a refusal is a result that says what to do.

        Parameters
        ----------
        tool : str
        arguments : mapping
            With "sources", which names the source of each quantity.

        Returns
        -------
        dict
            {"call": number, "data": result}, or {"error": sentence}.
        """
        given = copy.deepcopy(dict(arguments))
        named = given.pop("sources", None) or {}
        given = {k: v for k, v in given.items() if v is not None}
        made = ToolCall(tool, given)
        try:
            if tool not in self.schemas:
                names = ", ".join(self.schemas)
                raise InputError(f"There is no tool '{shown(tool)}'; there are {names}.")
            if not isinstance(named, Mapping):
                raise InputError("'sources' is a table of paths and sources.")
            checked = checked_arguments(self.schemas[tool], given)
            made.sources = self.sources.check(
                tool, given, {str(k): str(v) for k, v in named.items()}
            )
            self.tell(f"{tool}({_brief(given)})")
            made.result = self.tools[tool](**checked)
        except DimgsError as error:
            made.error = str(error)
        self.calls.append(made)
        if made.error:
            self.tell(f"refused: {visible(made.error)}")
            # refused calls count, so that numbers of calls and results agree
            self.sources.results.append(None)
            return {"error": made.error}
        self.sources.results.append(made.result)
        return {"call": len(self.calls), "data": made.result}

    def ask_person(self, question: str) -> dict[str, Any]:
        """Ask a person for what is missing; the reply is a source."""
        text = None
        with suppress(EOFError):
            text = None if self.reply is None else self.reply(question)
        self.asked.append({"question": question, "reply": text})
        if text is None:
            return {"reply": None, "note": "Nobody answers; end, and say what is missing."}
        self.sources.replies.append(text)
        return {"reply": text, "source": f"reply: {text}"}

    def evidence(self) -> GivenEvidence:
        """Numbers that may be said."""
        return self.sources.evidence()

    def unsupported(self, text: str) -> list[str]:
        """Numbers of a text that no source has, as they stand there."""
        return [said.text for said in self.evidence().unsupported(text)]

    def finish(self, text: str, chosen: int | None = None) -> dict[str, Any]:
        """The answer in the form of `ask`, its text without sentences that nothing supports."""
        kept = self.evidence().cut(text)
        self.cut = kept != text.strip() and bool(self.unsupported(text))
        document = answer_of(self.calls, chosen, self.sources.assumptions)
        missing = [a["question"] for a in self.asked if a["reply"] is None]
        document["missing"] = [*document["missing"], *missing]
        return {**document, "text": kept}


def _brief(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={shown(v)[:60]}" for k, v in arguments.items())
