"""Runs that tell rival laws apart, until one of them is probable enough."""

from typing import Protocol

import numpy as np

from dimgs.campaign.binding import Binding
from dimgs.campaign.conclusion import Found, law_of_all
from dimgs.campaign.ending import Cause, Ending
from dimgs.campaign.experiment import Experiment
from dimgs.campaign.optimal_design import nearest
from dimgs.campaign.state import Proposal
from dimgs.campaign.strategy import Strategy
from dimgs.errors import InputError
from dimgs.report.results import Report

# searches, each after further runs, before a campaign says that no law becomes probable
_ROUNDS = 12


class Told(Protocol):
    """Hears what the search says."""

    def __call__(self, text: str, /) -> None: ...


def settled(
    binding: Binding, strategy: Strategy, experiment: Experiment, warnings: list[str], tell: Told
) -> tuple[Found, Ending | None]:
    """Search for the one law of all runs, and make those that tell its rivals apart.

    Parameters
    ----------
    binding : Binding
        Of a plan with a tolerance on the law.
    strategy : Strategy
        Whose questions are answered.
    experiment : Experiment
    warnings : list of str
    tell : callable

    Returns
    -------
    found : Report or None
    why : Ending or None
        Why no law is probable enough; None where one is.
    """
    tier, wanted = len(binding.tiers) - 1, binding.plan.tolerance.law
    assert wanted is not None
    for turn in range(_ROUNDS):
        own: list[str] = []
        report = law_of_all(binding, strategy, experiment, own)
        sure, text = None, "no law yet"
        if isinstance(report, Report) and report.probability is not None:
            sure = report.probability if report.confirmed else None
            text = f"{report.law} has the probability {report.probability:.3g}"
        experiment.log.add("law", text)
        tell(text)
        if sure is not None and sure >= wanted:
            return report, None
        if experiment.spent or experiment.left[tier] <= 0:
            why = experiment.used_up(tier)
            break
        before = len(experiment.asked)
        if turn < _ROUNDS - 1:
            experiment.make(_telling(binding, strategy, experiment, report, tier))
        why = Ending(Cause.NO_LAW, f"no law has the probability {wanted:g}")
        if len(experiment.asked) == before:
            break
    warnings += own
    return report, why


def _telling(
    binding: Binding, strategy: Strategy, experiment: Experiment, report: Found, tier: int
) -> list[Proposal]:
    """The run that tells the rivals apart most; one far from all others where there are none."""
    space, ports = binding.space, {p.name: p for p in binding.kernel.inputs}
    moved = experiment.moved()
    ends = [space.values(x) for x in (space.low, space.high)]
    ranges = {
        n: tuple(ports[n].parsed.from_si(e[n]) for e in ends) for n in space.names if n in moved
    }
    z = experiment.runs.sites(tier).z
    if isinstance(report, Report) and report.law is not None:
        others = ", ".join(str(r.law) for r in report.rivals[:2]) or "what was not found"
        try:
            proposed = report.next_runs(binding.plan.execution.batch, ranges).runs
        except InputError:
            proposed = ()
        for run in proposed:
            values = dict(binding.fixed) | {n: _plain(v) for n, v in run.inputs.items()}
            logs = np.clip(binding.logs(values), space.low, space.high)
            at = space.coordinates(logs[None])[0]
            again = experiment.runs.count(at, tier) if experiment.stochastic else 0
            if again or nearest(at[None], z)[0] > 1e-6:
                reason = f"it distinguishes {report.law} from {others}: {run.information:.2g} nats"
                return [Proposal(at, tier, "rivals", reason, replicate=again)]
    pool = strategy.design.pool
    pool = pool[strategy.feasible(pool)]
    if not len(pool):
        return []
    at = pool[int(np.argmax(nearest(pool, z)))]
    return [Proposal(at, tier, "rivals", "farthest from every run, since no law is probable yet")]


def _plain(value: tuple[float, str] | str) -> float | str:
    return value if isinstance(value, str) else value[0]


__all__ = ["settled"]
