"""Runs from elsewhere are believed where they predict new runs, and doubted where they do not."""

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from dimgs.campaign.binding import Binding
from dimgs.campaign.design import CampaignDesign
from dimgs.campaign.laws import within
from dimgs.campaign.optimal_design import nearest
from dimgs.campaign.space import EVIDENCE, CampaignRuns
from dimgs.campaign.state import Proposal
from dimgs.campaign.strategy import Strategy

if TYPE_CHECKING:
    from dimgs.campaign.prior_runs import PriorRun


# runs that are predicted from evidence: what evidence that is wrong may cost
_CHECKS = 2
# mixtures of runs of a law, the farthest of which from all runs is predicted
_MIXTURES = 64
# chance that noise alone makes a predicted run miss
_FALSE = 0.005


def supposed(
    binding: Binding,
    design: CampaignDesign,
    runs: CampaignRuns,
    tier: int,
    evidence: "list[PriorRun]",
) -> Strategy | None:
    """What the runs of a tier would say with the evidence; None where they determine no law."""
    every = deepcopy(runs)
    for placed in evidence:
        every.add(placed.z, placed.tier, placed.y, EVIDENCE, placed.error)
    trial = Strategy(binding, design, every, tier)
    return trial if trial.clear and np.isfinite(trial.worst) else None


def foretold(trial: Strategy) -> list[Proposal]:
    """Runs that evidence predicts: among the runs of each law, far from all of them.

    Parameters
    ----------
    trial : Strategy
        From :func:`supposed`.
    """
    model, rng = trial.model, np.random.default_rng(0)
    laws = sorted(trial.answered, key=lambda k: -len(model.laws[k].rows))[:_CHECKS]
    z, found = model.sites.z, []
    if not trial.space.rank:
        return [trial.foretold(trial.propose(np.zeros(0), "check", _REASON))]
    for k in (laws * _CHECKS)[:_CHECKS]:
        own = model.sites.z[model.laws[k].rows]
        offers = np.vstack([rng.dirichlet(np.ones(len(own)), _MIXTURES) @ own, own.mean(axis=0)])
        offers = offers[trial.feasible(offers)]
        if not len(offers):
            # all its runs lie beside the ranges
            offers = trial.design.pool[trial.feasible(trial.design.pool)]
        inside = model.holds(offers)[:, k]
        offers = offers[inside] if inside.any() else offers
        if not len(offers):
            continue
        at = offers[np.argmax(nearest(offers, z))]
        z = np.vstack([z, at])
        found.append(trial.foretold(trial.propose(at, "check", _REASON)))
    return found


_REASON = "predicted from runs that exist elsewhere"


def missed(trial: Strategy, runs: CampaignRuns, proposals: list[Proposal]) -> tuple[float, float]:
    """Largest miss of the predicted runs, and what may miss by chance; logarithms."""
    fresh, model = runs.sites(trial.tier), trial.model
    worst = 0.0
    for proposal in proposals:
        at = runs.find(proposal.z)
        here = np.flatnonzero(fresh.numbers == (-1 if at is None else at))
        if not len(here):
            return np.inf, 0.0
        said = float(model.expected(proposal.z[None])[0])
        worst = max(worst, abs(float(fresh.y[here[0]]) - said))
    limit = float(model.scatter.limits(np.ones(1))[0])
    if trial.stochastic and not model.scatter.sigma:
        law = max(model.laws, key=lambda law: len(law.rows))
        limit = max(limit, float(stdtrit(law.freedom, 1.0 - _FALSE / 2.0)) * law.sigma)
    return worst, limit


def contradicted(strategy: Strategy) -> bool:
    """Whether a new run that lies among the evidence follows none of its laws."""
    runs, sites = strategy.runs, strategy.model.sites
    made = {
        p
        for p, t, what in zip(runs.point, runs.tier, runs.purpose, strict=True)
        if t == strategy.tier and what != EVIDENCE
    }
    told = {
        p
        for p, t, what in zip(runs.point, runs.tier, runs.purpose, strict=True)
        if t == strategy.tier and what == EVIDENCE
    }
    hull = runs.z[sorted(told)]
    for i in strategy.lonely():
        fresh = int(sites.numbers[i]) in made
        repeated = sites.count[i] > 1 or not strategy.model.scatter.sigma
        if fresh and repeated and len(hull) and within(sites.z[i], hull):
            return True
    return False
