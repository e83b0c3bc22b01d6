"""The end of a campaign: answers, laws of the finest runs, and whether they can be relied on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dimgs.campaign.analysis import Evidence, Goal, LocalLaw
from dimgs.campaign.answers import (
    further,
    law_rationals,
    pertinence,
    point_answer,
    regime_answer,
)
from dimgs.campaign.binding import Binding
from dimgs.campaign.borders import boundaries, essential
from dimgs.campaign.experiment import Experiment
from dimgs.campaign.places import places
from dimgs.campaign.result import CampaignResult
from dimgs.dataset import Dataset
from dimgs.errors import DimgsError
from dimgs.hub import RunStore
from dimgs.report.results import FitResult

# a search over some tens of runs ends by itself in less
_DISCOVER_SECONDS = 60.0
# the logarithm of what a float can hold
_MOST = 709.0


def conclude(
    binding: Binding,
    goal: Goal,
    experiment: Experiment,
    evidence: Evidence,
    store: RunStore,
    outcome: str,
    interrupted: int,
) -> CampaignResult:
    """What a campaign returns.

    Parameters
    ----------
    binding : Binding
    goal : Goal
    experiment : Experiment
        The runs.
    evidence : Evidence
        What they say.
    store : RunStore
    outcome : str
    interrupted : int
        Runs that an earlier start left in flight.

    Returns
    -------
    CampaignResult
    """
    pool, points, space = experiment.design.pool, experiment.points, binding.space
    of_regimes = [a for a in evidence.answers if a.centre is None]
    of_points = [a for a in evidence.answers if a.centre is not None]
    rationals = law_rationals(binding, evidence, of_regimes)
    lost = points.z[points.lost.any(axis=1)]
    moved = experiment.moved()
    where = places(space, evidence, of_regimes, rationals, pool, lost)
    dataset = _dataset(binding, experiment, store)
    warnings = list(binding.notes)
    told: list[Any] = []
    regimes = []
    for answer, conditions in zip(of_regimes, where.conditions, strict=True):
        found = regime_answer(binding, points, answer, conditions, moved)
        law = _law(binding, experiment, store, answer, warnings)
        regimes.append(replace(found, fit=law))
    told += regimes
    predictions = [point_answer(binding, goal, a, i) for i, a in enumerate(of_points)]
    told += predictions
    stray = int(evidence.regimes.unexplained.sum())
    if stray:
        warnings.append(f"{stray} runs follow no law that was found; see the log.")
    if experiment.failed:
        warnings.append(f"{experiment.failed} runs gave no answer.{experiment.why_lost()}")
    warnings += _unasked(evidence, of_regimes)
    tally = experiment.runner.tally
    names = [t.name for t in binding.tiers]
    judged = tuple(
        pertinence(binding, evidence, points, a, t, i in where.entangled)
        for i, (a, t) in enumerate(zip([*of_regimes, *of_points], told, strict=True))
    )
    if outcome == "tolerance met" and not all(p.relevant for p in judged):
        outcome = "no further run helps"
        experiment.log.add("stop", f"{outcome}: not every answer can be relied on")
    report = _report(binding, dataset, of_regimes, warnings)
    return CampaignResult(
        outcome=outcome,
        regimes=tuple(regimes),
        boundaries=boundaries(space, evidence, of_regimes, rationals, pool, goal.level),
        points=tuple(predictions),
        pertinence=judged,
        further=further(binding, goal, evidence, points, pool),
        essential=essential(space, [rationals[a.law] for a in of_regimes if a.law is not None]),
        basis=space.basis,
        varied=moved,
        not_varied=tuple(n for n in sorted(binding.plan.ranges) if n not in moved),
        dataset=dataset,
        domain=_domain(binding, experiment, dataset),
        report=report,
        runs={n: experiment.most[t] - experiment.left[t] for t, n in enumerate(names)},
        counts={
            "asked": len(experiment.asked),
            "made": tally.made,
            "known": tally.known,
            "interrupted": interrupted,
            "retried": tally.retried,
            "timed_out": tally.timed_out,
            "failed": experiment.failed,
        },
        seconds=experiment.seconds,
        log=tuple(experiment.log.entries),
        target=binding.target.name,
        unit=binding.target.unit,
        level=goal.level,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _dataset(
    binding: Binding, experiment: Experiment, store: RunStore, keys: Sequence[str] | None = None
) -> Dataset | None:
    """Usable runs of the finest tier."""
    chosen = experiment.finest if keys is None else list(keys)
    if not chosen:
        return None
    return store.to_dataset(
        binding.target.name, tier=binding.tiers[-1].name, kernel=binding.kernel.name, keys=chosen
    )


def _law(
    binding: Binding, experiment: Experiment, store: RunStore, answer: LocalLaw, warnings: list[str]
) -> FitResult | None:
    """Dimensionally checked law of the finest runs of a regime."""
    inside = {tuple(np.round(experiment.points.z[r], 6)) for r in answer.members[-1]}
    keys = []
    for key in experiment.finest:
        record = store.get(key)
        assert record is not None
        logs = binding.run_logs(record)
        if tuple(np.round(binding.space.coordinates(logs[None])[0], 6)) in inside:
            keys.append(key)
    data = _dataset(binding, experiment, store, keys)
    return None if data is None else _fit(binding, data, answer.name, warnings)


def _fit(binding: Binding, data: Dataset, name: str, warnings: list[str]) -> FitResult | None:
    from dimgs.discovery.fitting import fit_prepared
    from dimgs.discovery.options import Options
    from dimgs.discovery.prepare import prepare

    plan = binding.plan
    options = Options(constants=plan.constants, level=plan.level, seed=plan.seed)
    data = data.drop_errors() if hasattr(data, "drop_errors") else replace(data, errors={})
    try:
        return fit_prepared(prepare(data, binding.target.name, options), options)
    except DimgsError as error:
        warnings.append(f"No law of the {name} by its finest runs alone: {error}")
        return None


def _report(
    binding: Binding, data: Dataset | None, answers: Sequence[LocalLaw], warnings: list[str]
) -> Any:
    """What `fit` or `discover` makes of all the finest runs."""
    plan = binding.plan
    if plan.report == "none" or data is None:
        return None
    if plan.report == "fit":
        return _fit(binding, data, "whole", warnings)
    from dimgs.discovery.discover import discover_with
    from dimgs.discovery.options import Options

    options = Options(
        constants=plan.constants, time_limit=_DISCOVER_SECONDS, level=plan.level, seed=plan.seed
    )
    try:
        report = discover_with(replace(data, errors={}), binding.target.name, options)
        if report.outcome == "interrupted":
            raise KeyboardInterrupt
        return report
    except DimgsError as error:
        warnings.append(f"No law of all the finest runs: {error}")
        return None


def _unasked(evidence: Evidence, answers: Sequence[LocalLaw]) -> list[str]:
    asked = {a.law for a in answers}
    small = sum(k not in asked for k in range(len(evidence.regimes.laws)))
    if not small or not answers:
        return []
    what = "a further power law holds" if small == 1 else f"{small} further power laws hold"
    return [f"{what} in less than 2 % of the ranges; widen them to have it answered."]


def _domain(binding: Binding, experiment: Experiment, data: Dataset | None) -> dict[str, Any]:
    """Ranges of the groups and of the numeric inputs over the usable runs of the finest tier."""
    if data is None:
        return {"groups": {}, "columns": {}}
    space = binding.space
    logs = space.log_groups(experiment.points.z[experiment.points.done(len(binding.tiers) - 1)])
    ends = np.exp(np.clip([logs.min(axis=0), logs.max(axis=0)], -_MOST, _MOST)).T.tolist()
    columns = {}
    for port in binding.kernel.inputs:
        if not port.is_label and port.name in data.names:
            values = (float(f(data[port.name])) for f in (np.min, np.max))
            columns[port.name] = [*(port.parsed.from_si(x) for x in values), port.unit]
    names = (g.name for g in space.basis.groups)
    return {"groups": dict(zip(names, ends, strict=True)), "columns": columns}
