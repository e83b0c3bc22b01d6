"""Whether a coarse tier is the finer one times a monomial, tested with runs of both."""

from dataclasses import replace

import numpy as np

from dimgs.campaign.ending import Cause, Ending
from dimgs.campaign.experiment import Experiment
from dimgs.campaign.laws import FittedLaw, Scatter
from dimgs.campaign.optimal_design import d_optimal
from dimgs.campaign.space import Sites
from dimgs.campaign.state import Proposal
from dimgs.campaign.strategy import Strategy


def corrected(strategy: Strategy, experiment: Experiment, before: int, tier: int) -> Ending | None:
    """Test a coarse tier against the next, and correct its laws.

    Parameters
    ----------
    strategy : Strategy
        Of the coarse tier; its laws become those of the finer one.
    experiment : Experiment
    before, tier : int
        The coarse tier, and the next finer one.

    Returns
    -------
    Ending or None
        Why its laws cannot be corrected; None where they are.
    """
    runs, model = experiment.runs, strategy.model
    binding = strategy.binding
    if not strategy.clear or strategy.worst > 1.0:
        return Ending(Cause.NO_LAW, "its runs follow no laws to the tolerance")
    sites, rank = model.sites, binding.space.rank
    inside = strategy.design.region.contains(sites.z)
    followed = [rows[inside[rows]] for rows in (law.rows for law in model.laws)]
    every = np.concatenate(followed)
    chosen = [*d_optimal(np.zeros((0, rank)), sites.z[every], rank + 1)]
    name = binding.tiers[before].name
    reasons = [f"D-optimal for the difference to '{name}'"] * len(chosen)
    for rows in filter(len, followed):
        deep = sites.z[rows[np.argmin(np.linalg.norm(sites.z[rows], axis=1))]]
        chosen.append(deep)
        reasons.append(f"one law of '{name}' is tested here")
    for b in model.borders:
        along = b.along(sites.z)
        here = np.flatnonzero(model.between(b, sites.z) & inside)
        ends = (0.0,) if b.meets else (b.low, b.high)
        for end in ends:
            if len(here):
                chosen.append(sites.z[here[np.argmin(np.abs(along[here] - end))]])
                reasons.append(f"a border of '{name}' is tested here")
    made = [Proposal(z, tier, "tier", r) for z, r in zip(chosen, reasons, strict=True)]
    if experiment.make(made):
        return experiment.used_up(tier)
    fine = runs.sites(tier)
    coarse = dict(zip(sites.numbers.tolist(), sites.y, strict=True))
    both = [i for i, n in enumerate(fine.numbers.tolist()) if n in coarse]
    apart = fine.y[both] - np.array([coarse[n] for n in fine.numbers[both].tolist()])
    pairs = Sites(fine.z[both], apart, np.ones(len(both)), fine.numbers[both])
    scatter = Scatter(model.scatter.resolution, model.scatter.sigma * 2.0**0.5, 6)
    difference = FittedLaw.fit(pairs, np.arange(len(both)), scatter)
    miss = float(np.abs(apart - difference(pairs.z)).max(initial=0.0))
    finest = binding.tiers[tier].name
    if miss > scatter.limits(pairs.count).min(initial=scatter.resolution):
        text = f"'{finest}' is not '{name}' times a monomial, which misses by {miss:.2g}"
        return Ending(Cause.NO_LAW, text)
    if not scatter.sigma:
        # a difference that is a monomial only nearly may lean as it does because of what it is not
        lean = difference.coefficients * np.append(0.0, np.ones(rank))
        doubt = min(1.0, miss / scatter.resolution) ** 0.5
        difference = replace(difference, drift=doubt * lean)
    laws = tuple(law.corrected(difference) for law in model.laws)
    strategy.model = replace(model, laws=laws)
    experiment.log.add("tier", f"'{finest}' is '{name}' times a monomial, to {miss:.2g}")
    if strategy.worst > 1.0:
        text = "the difference between the tiers is not known to the tolerance"
        return Ending(Cause.NO_LAW, text)
    return None
