"""From a plan to the fewest runs of a kernel that answer it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dimgs.campaign.campaign import run_campaign
    from dimgs.campaign.known import KnownLaw, KnownRun
    from dimgs.campaign.plan import Budget, Execution, Plan, Range, Tolerance
    from dimgs.campaign.reading import read_plan
    from dimgs.campaign.result import CampaignResult

_HOMES = {
    "Budget": "plan",
    "CampaignResult": "result",
    "Execution": "plan",
    "KnownLaw": "known",
    "KnownRun": "known",
    "Plan": "plan",
    "Range": "plan",
    "Tolerance": "plan",
    "read_plan": "reading",
    "run_campaign": "campaign",
}

__all__ = [
    "Budget",
    "CampaignResult",
    "Execution",
    "KnownLaw",
    "KnownRun",
    "Plan",
    "Range",
    "Tolerance",
    "read_plan",
    "run_campaign",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"dimgs.campaign.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'dimgs.campaign' has no attribute '{name}'")
