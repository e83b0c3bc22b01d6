"""From a plan to the fewest runs of a kernel that answer it."""

from typing import TYPE_CHECKING

from dimgs.common.lazy import on_first_use

if TYPE_CHECKING:
    from dimgs.campaign.campaign import run_campaign as run_campaign
    from dimgs.campaign.known import KnownLaw as KnownLaw
    from dimgs.campaign.known import KnownRun as KnownRun
    from dimgs.campaign.plan import Budget as Budget
    from dimgs.campaign.plan import Curve as Curve
    from dimgs.campaign.plan import Execution as Execution
    from dimgs.campaign.plan import Plan as Plan
    from dimgs.campaign.plan import Range as Range
    from dimgs.campaign.plan import Tolerance as Tolerance
    from dimgs.campaign.plan import read_plan as read_plan
    from dimgs.campaign.result import CampaignResult as CampaignResult

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "campaign": "run_campaign",
        "known": "KnownLaw KnownRun",
        "plan": "Budget Curve Execution Plan Range Tolerance read_plan",
        "result": "CampaignResult",
    },
)
