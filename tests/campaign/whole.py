"""Whole campaigns, and where they claim their laws."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from dimgs.campaign import CampaignResult, Plan, run_campaign
from dimgs.campaign.plan import Region, bind
from dimgs.expression import sympy_parse_condition


def run(plan: Plan, folder: Path | None = None, **more: Any) -> CampaignResult:
    with ThreadPoolExecutor(2) as executor:
        return run_campaign(plan, folder, executor=executor, **more)


def without_figures(patch: pytest.MonkeyPatch) -> None:
    """Campaigns write reports without figures, which would take most of the time."""
    for name in ("draw_figures", "campaign_drawings"):
        patch.setattr(f"dimgs.campaign.result.{name}", lambda *given: [])


def places(result: CampaignResult, plan: Plan) -> Any:
    """Whether each relevant regime claims each of many points of the reachable space."""
    space = bind(plan).space
    z = Region(space).fill(512, 7)
    names = [g.name for g in space.basis.groups]
    relevant = [r for r, p in zip(result.regimes, result.pertinence, strict=False) if p.relevant]
    return np.array([holds(r.where, names, space.log_groups(z)) for r in relevant])


def holds(where: str, names: list[str], log_groups: Any) -> Any:
    """Whether a condition holds at points, as whoever reads the document would ask."""
    condition = sympy.lambdify(names, sympy_parse_condition(where, names), "numpy")
    values = np.exp(log_groups)
    return np.broadcast_to(np.asarray(condition(*values.T), dtype=bool), len(values))
