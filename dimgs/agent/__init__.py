"""Agents: tools that language models may call, and an agent whose numbers all have a source."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dimgs.agent.agent import Agent
    from dimgs.agent.tools import Tools

_HOMES = {"Agent": "dimgs.agent.agent", "Tools": "dimgs.agent.tools"}

__all__ = ["Agent", "Tools"]


def __getattr__(name: str) -> Any:
    # models and servers are loaded with the first agent, not with the package
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'dimgs.agent' has no attribute '{name}'")
