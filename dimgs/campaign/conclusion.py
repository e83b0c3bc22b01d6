"""The end of a campaign: answers, laws of the finest runs, and whether they can be relied on."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dimgs.campaign.answers import Answers, point_answer
from dimgs.campaign.binding import Binding
from dimgs.campaign.ending import Outcome
from dimgs.campaign.evidence import TierEvidence
from dimgs.campaign.experiment import Experiment
from dimgs.campaign.plan import Plan
from dimgs.campaign.result import CampaignResult, Pertinence, RegimeAnswer, Tested
from dimgs.campaign.surrogate import Surrogate
from dimgs.campaign.thresholds import essential
from dimgs.common.arrays import LARGEST_LOG, Array
from dimgs.common.errors import DimgsError
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with
from dimgs.discovery.fitting import verdict_on
from dimgs.discovery.options import Options
from dimgs.discovery.power_law import fit_prepared
from dimgs.discovery.prepare import prepare
from dimgs.fits.noise import rms
from dimgs.hub.store import dataset_of
from dimgs.judgement.confirmation import PROBABLE
from dimgs.kernels.record import RunRecord
from dimgs.law.domain import domain_of
from dimgs.report.results import FitResult, Report, Verdict

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
# of the target's logarithm: beside its crossovers a law of a regime predicts within half of the
# tolerance that a question has by default
_CROSSOVER = 0.05


def conclude(
    evidence: TierEvidence,
    experiment: Experiment,
    outcome: Outcome,
    interrupted: int,
    warnings: list[str],
    of_all: Found = None,
    surrogate: Surrogate | None = None,
) -> CampaignResult:
    """What a campaign returns.

    Parameters
    ----------
    evidence : TierEvidence
        What its model says in the end.
    experiment : Experiment
        The runs.
    outcome : Outcome
    interrupted : int
        Runs that an earlier start left in flight.
    warnings : list of str
        Those before the end, to which others are added.
    of_all : Report or FitResult, optional
        What :func:`law_of_all` gives, where it is known already.
    surrogate : Surrogate, optional
        What predicts the runs where no law was found.

    Returns
    -------
    CampaignResult
    """
    binding, answers = evidence.binding, Answers(evidence, experiment)
    moved, tolerance, target = answers.moved, binding.plan.tolerance, binding.target
    finest = [r for _, r in usable(experiment, len(binding.tiers) - 1)]
    dataset = _dataset(target.name, finest) if finest else None
    regimes, judged = [], []
    for n, k in enumerate(answers.laws, 1):
        regime = answers.regime(k)
        judged.append(answers.judged(k, regime, f"regime {n}"))
        regimes.append(replace(regime, fit=_law(answers, k, warnings)))
    predictions = [point_answer(experiment, i) for i in range(len(binding.points))]
    at_points = [p for _, p in predictions]
    asked = [*([] if tolerance.of_one_law else judged), *at_points]
    judged += at_points
    if experiment.failed:
        warnings.append(f"{experiment.failed} runs gave no answer.{experiment.why_lost()}")
    small = len(evidence.model.laws) - len(answers.laws)
    if small and answers.laws:
        what = "a further power law holds" if small == 1 else f"{small} further power laws hold"
        warnings.append(f"{what} in less than 2 % of the ranges; widen them to have it answered.")
    met = outcome.is_answer
    predicts = surrogate is not None and surrogate.is_close
    report = of_all or law_of_all(evidence, experiment, warnings, quick=met or predicts)
    whole = report.law if isinstance(report, Report) and report.confirmed else None
    unexplained = len(evidence.model.orphans)
    if unexplained and whole is None:
        warnings.append(f"{unexplained} runs follow no power law that was found; see the log.")
    if tolerance.law is not None:
        asked.append(_judged_law(report, tolerance.law))
        judged.append(asked[-1])
    if met and not all(p.relevant for p in asked):
        outcome = Outcome.STOPPED
        experiment.log.add("stop", f"{outcome.words}: not every answer can be relied on")
    regimes = [_with_verdict(*one, outcome) for one in zip(regimes, judged, strict=False)]
    further = answers.further()
    if outcome is Outcome.CONFIRMED and whole is None:
        confirmed = all(r.fit is not None and r.fit.verdict.confirmed for r in regimes)
        outcome = Outcome.CONFIRMED if confirmed else Outcome.PREDICTS
    if surrogate is not None and whole is None:
        judged.append(_judged_surrogate(surrogate))
        # intervals of laws that runs do not follow say nothing
        further = further if evidence.clear else judged[-1].why
        outcome = Outcome.PREDICTS if predicts and not met else outcome
    if not met and tolerance.law is None and whole is not None:
        # the one law answers, and not the power laws that come near it in parts of the ranges
        outcome, further = Outcome.CONFIRMED, ""
        judged = [_judged_law(report, PROBABLE), *at_points]
    if isinstance(report, FitResult):
        # one law of one regime has one verdict
        report = next((r.fit for r in regimes if r.fit and r.fit.law == report.law), report)
    return CampaignResult(
        outcome=outcome,
        regimes=tuple(regimes),
        boundaries=answers.boundaries(),
        points=tuple(p for p, _ in predictions),
        pertinence=tuple(judged),
        further=further,
        unseen=answers.unseen(),
        essential=essential(binding.space, [answers.rationals[k] for k in answers.laws]),
        basis=binding.space.basis,
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
        target=target.name,
        source=next(iter(binding.plan.sources), None),
        unit=target.unit,
        level=binding.plan.level,
        warnings=tuple(dict.fromkeys(warnings)),
        origins=tuple(experiment.elsewhere.to_json()),
    )


def usable(experiment: Experiment, tier: int) -> list[Run]:
    """Places and records of the runs of a tier with an answer, the evidence included."""
    evidence = [(p.z, p.record) for p in experiment.evidence if p.tier == tier]
    return [*experiment.usable[tier], *evidence]


def _dataset(target: str, records: Sequence[RunRecord], more: Array | float = 0.0) -> Dataset:
    """Inputs and target of runs, with `more` added to the target's logarithm."""
    alike = [
        replace(r, outputs={target: r.outputs[target]}, tier="", provenance={}) for r in records
    ]
    data = dataset_of(alike, [target], "the campaign")
    if not np.any(more):
        return data
    return replace(data, values={**data.values, target: data[target] * np.exp(more)}, errors={})


def _law(answers: Answers, law: int, warnings: list[str]) -> FitResult | None:
    """Dimensionally checked law of the runs of a regime; those of a coarse tier are corrected,
    and all are cleared of the crossovers to other laws.
    """
    tier, points = answers.evidence.tier, answers.experiment.runs
    inside = set(points.sites(tier).numbers[answers.members(law, tier)].tolist())
    runs = [(z, r) for z, r in usable(answers.experiment, tier) if points.find(z) in inside]
    if not runs:
        return None
    z = np.array([z for z, _ in runs])
    cleared = -answers.model.tails(np.full(len(z), law), z)
    correction = answers.model.laws[law].correction
    to_finest = 0.0 if correction is None else correction(z)
    data = _dataset(answers.binding.target.name, [r for _, r in runs], cleared + to_finest)
    name = f"regime {answers.laws.index(law) + 1}"
    return _fit(answers.binding, data, name, warnings, cleared)


def _fit(
    binding: Binding, data: Dataset, name: str, warnings: list[str], cleared: Array | float = 0.0
) -> FitResult | None:
    """Power law of runs, which `cleared` was added to the target's logarithm of.

    A law of a regime leaves its crossovers out, so that it predicts runs where they are small, and
    its errors are no smaller than what it leaves out there. It is not judged as the law of a table,
    whose runs would have to follow it as they are.
    """
    options = _options(binding)
    try:
        prepared = prepare(replace(data, errors={}), binding.target.name, options)
        fitted = fit_prepared(prepared, options)
    except DimgsError as error:
        warnings.append(f"No law of the {name} by its finest runs alone: {error}")
        return None
    left_out = np.abs(cleared)
    if not np.any(left_out):
        options = replace(options, time_limit=_DISCOVER_SECONDS)
        return replace(fitted, judge=partial(verdict_on, prepared, options))
    law, few = fitted.law, len(prepared.design.features) + 2
    small = np.flatnonzero(left_out <= max(_CROSSOVER, np.sort(left_out)[:few][-1]))
    spread = float(np.hypot(law.uncertainty.residual_sd, left_out[small].max()))
    uncertainty = replace(law.uncertainty, residual_sd=spread)
    domain = domain_of(prepared.design.take(small))
    return replace(fitted, law=replace(law, domain=domain, uncertainty=uncertainty))


def _options(binding: Binding) -> Options:
    """What a plan says of the groups, for `fit` and `discover`."""
    plan = binding.plan
    return Options(
        constants=plan.constants,
        scales=binding.scales,
        arrhenius=plan.arrhenius or None,
        level=plan.level,
        seed=plan.seed,
    )


def _with_verdict(regime: RegimeAnswer, judged: Pertinence, outcome: Outcome) -> RegimeAnswer:
    """A regime whose law has its verdict: that on its runs, and what the campaign's tests say."""
    law = regime.fit
    if law is None:
        return regime
    tested = replace(regime.tested, cleared=law.judge is None)
    judge = partial(_verdict, law, tested, judged, outcome)
    return replace(regime, fit=replace(law, judge=judge), tested=tested)


def _verdict(fit: FitResult, tested: Tested, regime: Pertinence, outcome: Outcome) -> Verdict:
    """The verdict on the law of a regime.

    Its probability is that of the same law of a table of the same runs. A table leaves a law
    unconfirmed where its runs are too few to leave some out, or leave rivals open that nobody
    looked for. A campaign places runs that would tell, and says what they will be: where each is
    as predicted, and every exponent within its tolerance, the law is confirmed, unless the runs
    make it less probable than not: then the exponents are answered, and the formula is not.
    """
    judged = Verdict() if fit.judge is None else fit.verdict
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
    evidence: TierEvidence, experiment: Experiment, warnings: list[str], *, quick: bool = True
) -> Found:
    """What `fit` or `discover` makes of all runs.

    A law that `discover` confirms has to go through the runs as closely as equal runs agree, which
    a campaign knows and a table does not: otherwise that is why it is not confirmed.

    Parameters
    ----------
    evidence : TierEvidence
    experiment : Experiment
    warnings : list of str
        Why there is none is added.
    quick : bool
        Whether a closed form is looked for in a few seconds only.
    """
    binding, model, tier = evidence.binding, evidence.model, evidence.tier
    plan, is_asked = binding.plan, binding.plan.tolerance.law is not None
    # the finest runs, and those of a coarse tier whose difference to them is known
    runs = usable(experiment, len(binding.tiers) - 1)
    more = np.zeros(len(runs))
    correction = next((law.correction for law in model.laws if law.correction), None)
    if correction is not None and (coarse := usable(experiment, tier)):
        runs += coarse
        more = np.append(more, correction(np.array([z for z, _ in coarse])))
    one = len(evidence.answered) == 1 and not len(model.orphans)
    kind = "discover" if is_asked else plan.report or ("fit" if one else "discover")
    if kind == "none" or not runs:
        return None
    data = _dataset(binding.target.name, [r for _, r in runs], more)
    if kind == "fit":
        return _fit(binding, data, "whole", warnings)
    jumps = any(not b.meets or b.sharpness > _SHARP for b in model.borders)
    # where one law is asked for, steps between power laws may be how a curve looks to them
    if quick and jumps and not plan.tolerance.of_one_law:
        options = replace(_options(binding), regimes=True, engine="power_law")
    else:
        most = _EVALUATIONS if quick and not is_asked else None
        seconds = _DISCOVER_SECONDS if quick else _LONG_SECONDS
        options = replace(_options(binding), evaluations=most, time_limit=seconds)
    report = _discovered(data, binding.target.name, options, "all the finest runs", warnings)
    if report is None or report.law is None:
        return report
    predicted, seen = report.law.predict_si(data), data[binding.target.name]
    with np.errstate(invalid="ignore", divide="ignore"):
        # of values that vanish a miss is measured by the size of all
        away = (predicted - seen) / rms(seen) if binding.linear else np.log(predicted / seen)
    miss = float(np.nan_to_num(np.abs(away), nan=np.inf).max())
    limit = float(model.scatter.limits(np.ones(1))[0])
    if miss > limit:
        text = f"It misses a run by {miss:.2g}, and equal runs agree to {limit:.2g}."
        report = replace(report, why_not=(*report.why_not, text))
    if report.why_not:
        warnings.append(f"`discover` found no one law of all regimes. {report.why_not[0]}")
    return report


def _discovered(
    data: Dataset, target: str, options: Options, what: str, warnings: list[str]
) -> Report | None:
    """What `discover` makes of runs; steps are what it calls regimes."""
    try:
        report = discover_with(replace(data, errors={}), target, options)
    except (DimgsError, np.linalg.LinAlgError) as error:
        # the runs have cost too much to lose their answer to a matrix of one of many candidates
        warnings.append(f"No law of {what}: {error}")
        return None
    if report.outcome == "interrupted":
        raise KeyboardInterrupt
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
    joint, targets = list(results), [r.target for r in results]
    # the spread between few sources is not known; then each has its own prefactor
    several = len(plan.sources) >= _SPREAD
    for target in dict.fromkeys(targets):
        first = targets.index(target)
        data = _dataset(target, [r for r in records if target in r.outputs])
        options = replace(
            joint[first].options,
            by=(plan.by or "",) if several else (),
            within=None if several else plan.by,
            time_limit=_DISCOVER_SECONDS,
        )
        warnings = [*joint[first].warnings]
        report = _discovered(data, target, options, "the runs of all sources", warnings)
        joint[first] = replace(joint[first], across=report, warnings=tuple(warnings))
    return joint


def _judged_law(report: Found, wanted: float) -> Pertinence:
    """Whether one law of all runs is as probable as the plan asks for."""
    sure = report.probability if isinstance(report, Report) and report.confirmed else None
    if not isinstance(report, Report) or sure is None:
        text = "No answer: no one law was confirmed."
        return Pertinence("law", False, 0.0, 0.0, text, "Nothing.")
    why = f"Its probability among all that were found and none of them; {wanted:g} was asked for."
    return Pertinence("law", True, min(1.0, sure / wanted), sure, f"{report.law}.", why)


def _judged_surrogate(surrogate: Surrogate) -> Pertinence:
    """Whether a surrogate predicts runs left out as closely as a prediction is asked for."""
    good = min(1.0, surrogate.wanted / max(surrogate.error, 1e-12))
    said = f"a smooth curve through the runs predicts runs left out within {surrogate.error:.2g}"
    meaning = f"No law was found; {said} (over {surrogate.curve.level:.0%} of the ranges)."
    why = f"A Gaussian process over {surrogate.runs} runs; {surrogate.wanted:g} is wanted."
    if not surrogate.is_close:
        more = surrogate.further
        outlook = "more would hardly lower it" if more is None else f"about {more} more would do"
        why += f" As the error has fallen with the runs so far, {outlook}."
    return Pertinence(
        "surrogate", surrogate.is_close, good, surrogate.curve.level * good, meaning, why
    )


def _domain(binding: Binding, experiment: Experiment, data: Dataset | None) -> dict[str, Any]:
    """Ranges over the usable runs of the finest tier, and the inputs that none of them varied."""
    if data is None:
        return {"groups": {}, "columns": {}, "held": {}}
    space = binding.space
    logs = space.log_groups(experiment.runs.sites(len(binding.tiers) - 1).z)
    ends = np.exp(np.clip([logs.min(axis=0), logs.max(axis=0)], -LARGEST_LOG, LARGEST_LOG))
    groups = dict(zip((g.name for g in space.groups), ends.T.tolist(), strict=True))
    columns, held = dict[str, Any](), dict[str, Any]()
    for port in binding.kernel.inputs:
        if port.name in data.names and not port.is_label:
            low, high = (port.parsed.from_si(float(f(data[port.name]))) for f in (np.min, np.max))
            columns[port.name] = [low, high, port.unit]
            if low == high:
                held[port.name] = {"value": low, "unit": port.unit}
    held |= {n: str(data[n][0]) for n in data.label_names if len(set(data[n])) == 1}
    return {"groups": groups, "columns": columns, "held": held}
