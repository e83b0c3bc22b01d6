"""The design of a campaign: where its first runs lie, and what it takes to reach them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.campaign.binding import Binding
from dimgs.campaign.inverse import Inverse
from dimgs.campaign.sampling import Region
from dimgs.errors import InputError

Array = NDArray[np.float64]

# runs beyond the number of directions that a law and a miss of it take
FEWEST = 2
_POOL = 4096
_PER_PARAMETER = 16
_SINGLE_TIER_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Design:
    """Points of the survey, a pool of further ones, and how inputs reach them.

    Attributes
    ----------
    region : Region
    survey : ndarray of shape (n_survey, rank)
    pool : ndarray of shape (n_pool, rank)
    inverse : Inverse
    """

    region: Region
    survey: Array
    pool: Array
    inverse: Inverse

    def values(self, binding: Binding, z: Array) -> dict[str, float | str]:
        """Inputs of a run at a point, in the units of the ports.

        Raises
        ------
        InputError
            If no inputs in the ranges reach it.
        """
        logs = self.inverse.logs(z)
        if logs is None:
            raise InputError(f"No inputs inside the ranges of {binding.plan.source} reach a point.")
        return binding.values(logs)


def design_of(binding: Binding) -> Design:
    """Design the survey of a campaign.

    Parameters
    ----------
    binding : Binding

    Returns
    -------
    Design

    Raises
    ------
    InputError
        If the plan has too few runs to tell any law.
    """
    plan, space = binding.plan, binding.space
    most = plan.budget.coarse if len(binding.tiers) > 1 else plan.budget.runs
    _check_size(binding, most)
    region = Region(space)
    size = plan.survey or _PER_PARAMETER * (space.rank + 1)
    if len(binding.tiers) == 1 and plan.survey is None:
        size = min(size, max(2 * (space.rank + 1), int(_SINGLE_TIER_SHARE * most)))
    survey = region.fill(min(size, most), plan.seed, plan.sampler)
    pool = region.fill(_POOL, plan.seed + 1)
    return Design(region, survey, pool, Inverse.of(space, survey))


def _check_size(binding: Binding, most: int) -> None:
    plan, rank = binding.plan, binding.space.rank
    key = "budget.coarse_runs" if len(binding.tiers) > 1 else "budget.runs"
    for name, runs in ((key, most), ("survey", plan.survey)):
        if runs is not None and runs < rank + FEWEST:
            raise InputError(
                f"{plan.source}, {name}: {runs} runs of the tier '{binding.tiers[0].name}' cannot "
                f"tell how '{binding.target.name}' changes along {directions(rank)}; give at "
                f"least {rank + FEWEST}."
            )


def directions(rank: int) -> str:
    """Number of free directions, in words."""
    return f"{rank} free direction" + ("s" if rank > 1 else "")


def cost(binding: Binding) -> dict[str, float]:
    """Declared cost of the whole budget by tier, in seconds."""
    names = [t.name for t in binding.tiers]
    counts = _most(binding)
    return {n: t.cost * counts[n] for n, t in zip(names, binding.tiers, strict=True)}


def _most(binding: Binding) -> dict[str, int]:
    *coarse, finest = [t.name for t in binding.tiers]
    budget = binding.plan.budget
    return {**dict.fromkeys(coarse, budget.coarse), finest: budget.runs}


def dry_run(binding: Binding) -> Mapping[str, Any]:
    """The design without a run, ready for JSON.

    Parameters
    ----------
    binding : Binding

    Returns
    -------
    mapping
        Groups, inputs that move, the runs of the survey and what all may cost.
    """
    from dimgs.report.documents import pi_document

    design = design_of(binding)
    space = binding.space
    runs = [design.values(binding, z) for z in design.survey]
    units = {p.name: p.unit for p in binding.kernel.inputs}
    moved = [n for n in space.names if len({run[n] for run in runs}) > 1]
    spent = cost(binding)
    first = binding.tiers[0]
    return {
        "kernel": binding.kernel.name,
        "target": binding.target.name,
        "pi": pi_document(space.basis),
        "free_directions": space.rank,
        "groups": [
            {"name": g.name, "low": float(np.exp(low)), "high": float(np.exp(high))}
            for g, low, high in zip(space.basis.groups, *_spans(binding), strict=True)
        ],
        "ranges": sorted(binding.plan.ranges),
        "moved": moved,
        "not_varied": [n for n in sorted(binding.plan.ranges) if n not in moved],
        "fixed": {n: [v, units[n]] for n, v in binding.fixed.items()},
        "tiers": [t.name for t in binding.tiers],
        "budget": _most(binding),
        "survey": {"tier": first.name, "runs": len(runs), "seconds": first.cost * len(runs)},
        "seconds_at_most": min(sum(spent.values()), binding.plan.budget.seconds or np.inf),
        "design": runs,
        "units": units,
        "notes": list(binding.notes),
    }


def _spans(binding: Binding) -> tuple[Array, Array]:
    space = binding.space
    reach = np.abs(space.loadings * space.half).sum(axis=1)
    return space.middle - reach, space.middle + reach
