"""A model that follows a script: no network, no choice of its own."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelRequest, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel

Results = list[Any]
# a text that ends, a call (tool, arguments), or what chooses one of them from the results so far
Step = str | tuple[str, dict[str, Any]] | Callable[[Results], Any]


def scripted(steps: Sequence[Step], *, repeats: bool = False) -> FunctionModel:
    """A model that takes one step after the other.

    Parameters
    ----------
    steps : sequence
        Each a text, ``(tool, arguments)``, or a function of the results of the calls so far.
    repeats : bool
        Whether the last step is taken again and again.
    """

    async def stream(
        messages: list[ModelMessage], info: AgentInfo
    ) -> AsyncIterator[str | dict[int, DeltaToolCall]]:
        number = sum(m.kind == "response" for m in messages)
        place = min(number, len(steps) - 1) if repeats else number
        step: Any = steps[place]
        if callable(step):
            step = step(results_of(messages))
        if isinstance(step, str):
            yield step
            return
        tool, arguments = step
        yield {0: DeltaToolCall(tool, json.dumps(arguments), tool_call_id=f"call-{number}")}

    return FunctionModel(stream_function=stream, model_name="scripted")


def results_of(messages: list[ModelMessage]) -> Results:
    """What the calls so far gave, in order: the data, or the error."""
    found: Results = []
    for message in messages:
        if isinstance(message, ModelRequest):
            for part in message.parts:
                if isinstance(part, ToolReturnPart) and isinstance(part.content, dict):
                    content = part.content
                    found.append(content.get("data", content))
    return found
