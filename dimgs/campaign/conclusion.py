"""The end of a campaign: answers, laws of the finest runs, and whether they can be relied on."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.campaign.answers import Answers, half_width, point_answer
from dimgs.campaign.binding import Binding
from dimgs.campaign.ending import Outcome
from dimgs.campaign.evidence import TierEvidence
from dimgs.campaign.experiment import Experiment
from dimgs.campaign.plan import Plan
from dimgs.campaign.result import CampaignResult, Pertinence, RegimeAnswer, Tested
from dimgs.campaign.surrogate import Surrogate
from dimgs.campaign.thresholds import essential
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError
from dimgs.dataset import Dataset
from dimgs.hub.store import dataset_of
from dimgs.judgement.confirmation import PROBABLE
from dimgs.kernels.record import RunRecord
from dimgs.law.domain import domain_of
from dimgs.law.law import Law
from dimgs.report.results import FitResult, Report, Verdict

if TYPE_CHECKING:
    from dimgs.discovery.options import Options

Run = tuple[Array, RunRecord]
Found = Report | FitResult | None

# fits in which a closed form of two or three laws that meet is found if there is one, in seconds;
# a campaign that would end without an answer searches as long as `discover` does
_EVALUATIONS = 1000
# a campaign's runs have mostly cost more; the longer search takes a minute of an idle processor
_DISCOVER_SECONDS, _LONG_SECONDS = 60.0, 600.0
# a law that its runs make less probable than this is another law, whatever else was tested
_EVEN = 0.5
# sources whose spread is told: three have one, and each is left out in turn
_SPREAD = 4
# of a crossover that runs do not tell from a corner
_SHARP = 10.0
# the logarithm of what a float can hold
_MOST = 709.0
# of the target's logarithm: beside its crossovers a law of a regime predicts within half of the
# tolerance that a question has by default
_CROSSOVER = 0.05


def conclude(
    binding: Binding,
    evidence: TierEvidence,
    experiment: Experiment,
    outcome: Outcome,
    interrupted: int,
    of_all: Found = None,
    surrogate: Surrogate | None = None,
) -> CampaignResult:
    """What a campaign returns.

    Parameters
    ----------
    binding : Binding
    evidence : TierEvidence
        What its model says in the end.
    experiment : Experiment
        The runs.
    outcome : Outcome
    interrupted : int
        Runs that an earlier start left in flight.
    of_all : Report or FitResult, optional
        What :func:`law_of_all` gives, where it is known already.
    surrogate : Surrogate, optional
        What predicts the runs where no law was found.

    Returns
    -------
    CampaignResult
    """
    space, moved = binding.space, experiment.moved()
    told = Answers(binding, evidence, moved)
    dataset = _dataset(
        binding.target.name, [r for _, r in usable(experiment, len(binding.tiers) - 1)]
    )
    warnings = list(binding.notes)
    regimes, judged = [], []
    for n, k in enumerate(told.laws, 1):
        found, name = told.regime(k), f"regime {n}"
        judged.append(told.judged(k, found, name))
        law = _law(experiment, told, k, warnings)
        regimes.append(replace(found, fit=law, tested=told.tested(k)))
    numbers = range(len(binding.points))
    predictions = [point_answer(binding, experiment.runs, i) for i in numbers]
    asked = [*([] if binding.plan.tolerance.of_one_law else judged), *(p for _, p in predictions)]
    judged += [p for _, p in predictions]
    warnings += _said(evidence, experiment, told)
    met = outcome.is_answer
    predicts = surrogate is not None and surrogate.is_close
    quick = met or predicts
    report = of_all or law_of_all(binding, evidence, experiment, warnings, quick=quick)
    whole = report.law if isinstance(report, Report) and report.confirmed else None
    tolerance, stray = binding.plan.tolerance, len(evidence.model.orphans)
    if stray and whole is None:
        warnings.append(f"{stray} runs follow no power law that was found; see the log.")
    if tolerance.law is not None:
        asked.append(_judged_law(report, tolerance.law))
        judged.append(asked[-1])
    good = all(p.relevant for p in asked)
    if met and not good:
        outcome = Outcome.STOPPED
        experiment.log.add("stop", f"{outcome.words}: not every answer can be relied on")
    regimes = [_with_evidence(*one, outcome) for one in zip(regimes, judged, strict=False)]
    if outcome is Outcome.CONFIRMED and whole is None and not _are_confirmed(regimes):
        outcome = Outcome.PREDICTS
    further = told.further()
    if surrogate is not None and whole is None:
        judged.append(_judged_surrogate(surrogate))
        # intervals of laws that runs do not follow say nothing
        further = further if evidence.clear else judged[-1].why
    if not met and tolerance.law is None and whole is not None:
        # the one law answers, and not the power laws that come near it in parts of the ranges
        outcome, further = Outcome.CONFIRMED, ""
        judged = [_judged_law(report, PROBABLE), *(p for _, p in predictions)]
    elif not met and whole is None and predicts:
        outcome = Outcome.PREDICTS
    if isinstance(report, FitResult):
        # one law of one regime has one verdict
        same = [r.fit for r in regimes if r.fit is not None and r.fit.law == report.law]
        report = same[0] if same else report
    return CampaignResult(
        outcome=outcome,
        regimes=tuple(regimes),
        boundaries=told.boundaries(),
        points=tuple(p for p, _ in predictions),
        pertinence=tuple(judged),
        further=further,
        unseen=told.unseen(),
        essential=essential(space, [told.rationals[k] for k in told.laws]),
        basis=space.basis,
        varied=moved,
        not_varied=tuple(n for n in sorted(binding.plan.ranges) if n not in moved),
        dataset=dataset,
        domain=_domain(binding, experiment, dataset),
        report=report,
        whole=whole,
        options=_options(binding),
        surrogate=surrogate,
        runs={t.name: experiment.made(n) for n, t in enumerate(binding.tiers)},
        counts=experiment.counts(interrupted),
        seconds=experiment.seconds,
        log=tuple(experiment.log.entries),
        target=binding.target.name,
        source=next(iter(binding.plan.sources), None),
        unit=binding.target.unit,
        level=binding.plan.level,
        warnings=tuple(dict.fromkeys(warnings)),
        origins=tuple(experiment.elsewhere.to_json()),
    )


def _are_confirmed(regimes: Sequence[RegimeAnswer]) -> bool:
    """Whether every regime has a law whose verdict is that it is confirmed."""
    return all(r.fit is not None and r.fit.verdict.confirmed for r in regimes)


def _said(evidence: TierEvidence, experiment: Experiment, told: Answers) -> list[str]:
    """What a reader should know of runs and laws that are no answer."""
    found = []
    if experiment.failed:
        found.append(f"{experiment.failed} runs gave no answer.{experiment.why_lost()}")
    small = len(evidence.model.laws) - len(told.laws)
    if small and told.laws:
        what = "a further power law holds" if small == 1 else f"{small} further power laws hold"
        found.append(f"{what} in less than 2 % of the ranges; widen them to have it answered.")
    return found


def usable(experiment: Experiment, tier: int) -> list[Run]:
    """Places and records of the runs of a tier with an answer, the evidence included."""
    believed = [(p.z, p.record) for p in experiment.believed if p.tier == tier]
    return [*experiment.usable[tier], *believed]


def _dataset(target: str, records: Sequence[RunRecord]) -> Dataset | None:
    """Inputs and target of runs."""
    if not records:
        return None
    first = records[0]
    alike = [
        replace(
            r,
            outputs={target: r.outputs[target]},
            tier=first.tier,
            provenance={"version": first.provenance.get("version", "")},
        )
        for r in records
    ]
    return dataset_of(alike, [target], "the campaign")


def _law(
    experiment: Experiment, answers: Answers, law: int, warnings: list[str]
) -> FitResult | None:
    """Dimensionally checked law of the runs of a regime; those of a coarse tier are corrected,
    and all are cleared of the crossovers to other laws.
    """
    binding, evidence, runs = answers.binding, answers.evidence, experiment.runs
    tier = evidence.tier
    inside = set(runs.sites(tier).numbers[answers.members(law, tier)].tolist())
    chosen = [(z, r) for z, r in usable(experiment, tier) if runs.find(z) in inside]
    data = _dataset(binding.target.name, [r for _, r in chosen])
    if data is None:
        return None
    more = np.zeros(len(chosen))
    if answers.model.borders:
        z = np.array([z for z, _ in chosen])
        more = -answers.model.tails(np.full(len(z), law), z)
    difference = answers.model.laws[law].correction
    to_finest = 0.0 if difference is None else difference(np.array([z for z, _ in chosen]))
    data = _grown(data, binding.target.name, more + to_finest)
    return _fit(binding, data, f"regime {answers.laws.index(law) + 1}", warnings, more)


def _grown(data: Dataset, target: str, more: Array) -> Dataset:
    """Runs with `more` added to the target's logarithm."""
    if not np.any(more):
        return data
    return replace(data, values={**data.values, target: data[target] * np.exp(more)}, errors={})


def _whole(experiment: Experiment, answers: Answers) -> Dataset | None:
    """All the finest runs, and those of a coarse tier whose difference to them is known."""
    tier, last = answers.evidence.tier, len(answers.binding.tiers) - 1
    fine = usable(experiment, last)
    difference = next((law.correction for law in answers.model.laws if law.correction), None)
    coarse = usable(experiment, tier) if tier < last and difference is not None else []
    data, target = (
        _dataset(answers.binding.target.name, [r for _, r in (*fine, *coarse)]),
        answers.binding.target,
    )
    if data is None or difference is None or not coarse:
        return data
    more = np.concatenate([np.zeros(len(fine)), difference(np.array([z for z, _ in coarse]))])
    return _grown(data, target.name, more)


def _fit(
    binding: Binding, data: Dataset, name: str, warnings: list[str], cleared: Array | None = None
) -> FitResult | None:
    """Power law of runs, which `cleared` was added to the target's logarithm of.

    A law of a regime leaves its crossovers out, so that it predicts runs where they are small, and
    its errors are no smaller than what it leaves out there. It is not judged as the law of a table,
    whose runs would have to follow it as they are.
    """
    from dimgs.discovery.fitting import verdict_on
    from dimgs.discovery.power_law import fit_prepared
    from dimgs.discovery.prepare import prepare

    options = _options(binding)
    try:
        prepared = prepare(replace(data, errors={}), binding.target.name, options)
        found = fit_prepared(prepared, options)
    except DimgsError as error:
        warnings.append(f"No law of the {name} by its finest runs alone: {error}")
        return None
    left_out = np.zeros(data.n_runs) if cleared is None else np.abs(cleared)
    if not np.any(left_out):
        options = replace(options, time_limit=_DISCOVER_SECONDS)
        return replace(found, judge=partial(verdict_on, prepared, options))
    law, few = found.law, len(prepared.design.features) + 2
    small = np.flatnonzero(left_out <= max(_CROSSOVER, np.sort(left_out)[:few][-1]))
    spread = float(np.hypot(law.uncertainty.residual_sd, left_out[small].max()))
    return replace(
        found,
        law=replace(
            law,
            domain=domain_of(prepared.design.take(small)),
            uncertainty=replace(law.uncertainty, residual_sd=spread),
        ),
    )


def _options(binding: Binding) -> "Options":
    """What a plan says of the groups, for `fit` and `discover`."""
    from dimgs.discovery.options import Options

    plan = binding.plan
    return Options(
        constants=plan.constants,
        scales=binding.scales,
        arrhenius=plan.arrhenius or None,
        level=plan.level,
        seed=plan.seed,
    )


def _with_evidence(regime: RegimeAnswer, judged: Pertinence, outcome: Outcome) -> RegimeAnswer:
    """A regime whose law has its verdict: that on its runs, and what the campaign's tests say."""
    law, tested = regime.fit, regime.tested
    if law is None or tested is None:
        return regime
    judge = partial(_verdict, law, tested, judged, outcome)
    return replace(
        regime,
        fit=replace(law, judge=judge),
        tested=replace(tested, cleared=law.judge is None),
    )


def _verdict(found: FitResult, tested: Tested, regime: Pertinence, outcome: Outcome) -> Verdict:
    """The verdict on the law of a regime.

    Its probability is that of the same law of a table of the same runs. A table leaves a law
    unconfirmed where its runs are too few to leave some out, or leave rivals open that nobody
    looked for. A campaign places runs that would tell, and says what they will be: where each is
    as predicted, and every exponent within its tolerance, the law is confirmed, unless the runs
    make it less probable than not: then the exponents are answered, and the formula is not.
    """
    judged = Verdict() if found.judge is None else found.verdict
    why = []
    if not outcome.is_answer:
        why.append(f"The campaign ended with: {outcome.words}.")
    if not regime.relevant:
        why.append(f"{regime.meaning} {regime.why}")
    elif not tested.holds:
        why.append(
            f"The campaign tested it with {tested.runs} runs beyond those that determine it; "
            f"its widest exponent is known to {tested.half_width:.2g}."
        )
    if judged.probability is not None and judged.probability < _EVEN:
        why += judged.why_not
    return Verdict("converged", tuple(why), judged.probability, judged.none_of_these, tested.holds)


def law_of_all(
    binding: Binding,
    evidence: TierEvidence,
    experiment: Experiment,
    warnings: list[str],
    *,
    quick: bool = True,
) -> Found:
    """What `fit` or `discover` makes of all runs.

    A law that `discover` confirms has to go through the runs as closely as equal runs agree, which
    a campaign knows and a table does not: otherwise that is why it is not confirmed.

    Parameters
    ----------
    binding : Binding
    evidence : TierEvidence
    experiment : Experiment
    warnings : list of str
        Why there is none is added.
    quick : bool
        Whether a closed form is looked for in a few seconds only.
    """
    told = Answers(binding, evidence, experiment.moved())
    every = _whole(experiment, told)
    report = _report(binding, every, told, warnings, quick)
    if not isinstance(report, Report) or report.law is None or every is None:
        return report
    miss, limit = _miss(report.law, every, told), float(told.model.scatter.limits(np.ones(1))[0])
    if miss > limit:
        text = f"It misses a run by {miss:.2g}, and equal runs agree to {limit:.2g}."
        report = replace(report, why_not=(*report.why_not, text))
    if report.why_not:
        warnings.append(f"`discover` found no one law of all regimes. {report.why_not[0]}")
    return report


def joined(
    plan: Plan, results: Sequence[CampaignResult], records: Sequence[RunRecord]
) -> list[CampaignResult]:
    """The results of a plan with sources; the first of each target says what differs between them.

    Parameters
    ----------
    plan : Plan
        With sources.
    results : sequence of CampaignResult
        One for each target and source.
    records : sequence of RunRecord
        The finest runs with an answer.
    """
    from dimgs.discovery.discover import discover_with

    found, first = list(results), dict[str, int]()
    for i, result in enumerate(results):
        first.setdefault(result.target, i)
    for target, i in first.items():
        data = _dataset(target, [r for r in records if target in r.outputs])
        options = found[i].options
        if data is None or options is None or plan.by is None:
            continue
        # the spread between two sources is not known; then each has its own prefactor
        several = len(plan.sources) >= _SPREAD
        options = replace(
            options,
            by=(plan.by,) if several else (),
            within=None if several else plan.by,
            time_limit=_DISCOVER_SECONDS,
        )
        try:
            report = discover_with(replace(data, errors={}), target, options)
        except DimgsError as error:
            warning = f"No law of the runs of all sources: {error}"
            found[i] = replace(found[i], warnings=(*found[i].warnings, warning))
            continue
        found[i] = replace(found[i], across=report)
    return found


def _miss(law: Law, data: Dataset, answers: Answers) -> float:
    """Largest difference of a law from a run, as a logarithm where the target has one."""
    said, seen = law.predict_si(data), data[answers.binding.target.name]
    if answers.binding.linear:
        # of values that vanish a miss is told by the size of all
        return float(np.max(np.abs(said - seen)) / np.sqrt(np.mean(seen**2)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.nan_to_num(np.abs(np.log(said / seen)), nan=np.inf).max())


def _report(
    binding: Binding, data: Dataset | None, answers: Answers, warnings: list[str], quick: bool
) -> Found:
    """What `fit` or `discover` makes of all the runs; steps are what `discover` calls regimes."""
    plan = binding.plan
    one = len(answers.laws) == 1 and not len(answers.model.orphans)
    kind = plan.report or ("fit" if one else "discover")
    if plan.tolerance.law is not None:
        kind = "discover"
    if kind == "none" or data is None:
        return None
    if kind == "fit":
        return _fit(binding, data, "whole", warnings)
    from dimgs.discovery.discover import discover_with

    options = _options(binding)
    jumps = any(not b.meets or b.sharpness > _SHARP for b in answers.model.borders)
    # where one law is asked for, steps between power laws may be how a curve looks to them
    asked = plan.tolerance.law is not None
    if quick and jumps and not plan.tolerance.of_one_law:
        options = replace(options, regimes=True, engine="power_law")
    else:
        most, seconds = (None, _LONG_SECONDS)
        if quick:
            most, seconds = (None if asked else _EVALUATIONS, _DISCOVER_SECONDS)
        options = replace(options, evaluations=most, time_limit=seconds)
    try:
        report = discover_with(replace(data, errors={}), binding.target.name, options)
        if report.outcome == "interrupted":
            raise KeyboardInterrupt
        return report
    except (DimgsError, np.linalg.LinAlgError) as error:
        # the runs have cost too much to lose their answer to a matrix of one of many candidates
        warnings.append(f"No law of all the finest runs: {error}")
        return None


def _judged_law(report: Found, wanted: float) -> Pertinence:
    """Whether one law of all runs is as probable as the plan asks for."""
    sure = report.probability if isinstance(report, Report) and report.confirmed else None
    if not isinstance(report, Report) or sure is None:
        return Pertinence(
            "law", False, 0.0, 0.0, "No answer: no one law was confirmed.", "Nothing."
        )
    why = f"Its probability among all that were found and none of them; {wanted:g} was asked for."
    return Pertinence("law", True, min(1.0, sure / wanted), sure, f"{report.law}.", why)


def _judged_surrogate(surrogate: Surrogate) -> Pertinence:
    """Whether a surrogate predicts runs left out as closely as a prediction is asked for."""
    good = min(1.0, surrogate.wanted / max(surrogate.error, 1e-12))
    said = f"a smooth curve through the runs predicts runs left out within {surrogate.error:.2g}"
    meaning = f"No law was found; {said} (over {surrogate.level:.0%} of the ranges)."
    why = f"A Gaussian process over {surrogate.runs} runs; {surrogate.wanted:g} is wanted."
    if not surrogate.is_close:
        more = surrogate.further
        outlook = "more would hardly lower it" if more is None else f"about {more} more would do"
        why += f" As the error has fallen with the runs so far, {outlook}."
    return Pertinence("surrogate", surrogate.is_close, good, surrogate.level * good, meaning, why)


def _domain(binding: Binding, experiment: Experiment, data: Dataset | None) -> dict[str, Any]:
    """Ranges over the usable runs of the finest tier, and the inputs that none of them varied."""
    if data is None:
        return {"groups": {}, "columns": {}, "held": {}}
    space = binding.space
    logs = space.log_groups(experiment.runs.sites(len(binding.tiers) - 1).z)
    ends = np.exp(np.clip([logs.min(axis=0), logs.max(axis=0)], -_MOST, _MOST)).T.tolist()
    columns = {}
    for port in binding.kernel.inputs:
        if not port.is_label and port.name in data.names:
            values = (float(f(data[port.name])) for f in (np.min, np.max))
            columns[port.name] = [*(port.parsed.from_si(x) for x in values), port.unit]
    names = (g.name for g in space.groups)
    held: dict[str, Any] = {
        n: {"value": a, "unit": unit} for n, (a, b, unit) in columns.items() if a == b
    }
    held |= {n: str(data[n][0]) for n in data.label_names if len(set(data[n])) == 1}
    return {"groups": dict(zip(names, ends, strict=True)), "columns": columns, "held": held}


__all__ = ["conclude", "half_width"]
