"""A campaign's design without a run: its groups, its first runs and what all may cost."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dimgs.arrays import Array
from dimgs.campaign.binding import Binding
from dimgs.campaign.design import CampaignDesign
from dimgs.campaign.strategy import first_runs
from dimgs.report.documents import pi_document


def dry_run(binding: Binding) -> Mapping[str, Any]:
    """The design without a run, ready for JSON.

    Parameters
    ----------
    binding : Binding

    Returns
    -------
    mapping
        Groups, inputs that move, the first runs and what all may cost.
    """
    space = binding.space
    runs = first_runs(binding, CampaignDesign.of(binding))
    units = {p.name: p.unit for p in binding.kernel.inputs}
    moved = [n for n in space.names if len({run[n] for run in runs}) > 1]
    most = _most(binding)
    spent = sum(t.cost * most[t.name] for t in binding.tiers)
    first = binding.tiers[0]
    return {
        "kernel": binding.kernel.name,
        "target": binding.target.name,
        "pi": pi_document(space.basis),
        "free_directions": space.rank,
        "groups": [
            {"name": g.name, "low": float(np.exp(low)), "high": float(np.exp(high))}
            for g, low, high in zip(space.groups, *_spans(binding), strict=True)
        ],
        "ranges": sorted(binding.plan.ranges),
        "moved": moved,
        "not_varied": [n for n in sorted(binding.plan.ranges) if n not in moved],
        "fixed": {n: [v, units[n]] for n, v in binding.fixed.items()},
        "tiers": [t.name for t in binding.tiers],
        "budget": most,
        "survey": {"tier": first.name, "runs": len(runs), "seconds": first.cost * len(runs)},
        "seconds_at_most": min(spent, binding.plan.budget.seconds or np.inf),
        "design": runs,
        "units": units,
        "notes": list(binding.notes),
    }


def _spans(binding: Binding) -> tuple[Array, Array]:
    space = binding.space
    reach = np.abs(space.loadings * space.half).sum(axis=1)
    return space.middle - reach, space.middle + reach


def _most(binding: Binding) -> dict[str, int]:
    *coarse, finest = [t.name for t in binding.tiers]
    budget = binding.plan.budget
    return {**dict.fromkeys(coarse, budget.coarse), finest: budget.runs}
