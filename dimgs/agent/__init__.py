"""Agents: tools that language models may call, and an agent whose numbers all have a source."""

from typing import TYPE_CHECKING

from dimgs.common.lazy import on_first_use

if TYPE_CHECKING:
    from dimgs.agent.agent import Agent as Agent
    from dimgs.agent.tools import Tools as Tools

__getattr__, __dir__, __all__ = on_first_use(__name__, {"agent": "Agent", "tools": "Tools"})
