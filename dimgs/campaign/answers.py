"""From the last state of a campaign to what it returns."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dimgs.campaign.analysis import Evidence, Goal, LocalLaw
from dimgs.campaign.binding import Binding
from dimgs.campaign.places import Rationals, Threshold, where_text, where_words
from dimgs.campaign.proposals import Outlook, candidates, unmapped
from dimgs.campaign.result import Pertinence, PointAnswer, RegimeAnswer
from dimgs.campaign.space import Points
from dimgs.campaign.text import counted, of_tier, sentence
from dimgs.fits.estimate import Exponent
from dimgs.rationals import only_simple

Array = NDArray[np.float64]

# a law that explains less than half of the variance of runs left out is none
_PREDICTS = 0.5
# a run that narrows the widest interval by less than 0.5 % is not worth naming
_NOTABLE = 0.995


def exponents_of(binding: Binding, answer: LocalLaw, level: float) -> tuple[Exponent, ...]:
    """Exponents of the varied inputs in a regime, rational where the tolerance leaves one."""
    space = binding.space
    values = space.offset + space.exponent_map @ answer.fit.coefficients[1:]
    rows = np.column_stack([np.zeros(len(space.names)), space.exponent_map])
    half = answer.fit.half_widths(rows, level)
    tolerance = binding.plan.tolerance.exponents or 0.0
    out = []
    for name, value, width in zip(space.names, values, half, strict=True):
        room = max(float(width), tolerance)
        rational = only_simple(float(value) - room, float(value) + room)
        low, high = float(value - width), float(value + width)
        out.append(Exponent(name, float(value), low, high, rational))
    return tuple(out)


def law_rationals(
    binding: Binding, evidence: Evidence, answers: Sequence[LocalLaw]
) -> list[Rationals]:
    """Rational exponents of every law found, those that are not reported included."""
    space = binding.space
    room = binding.plan.tolerance.exponents or 0.05
    found: list[Rationals] = []
    known = {a.law: exponents_of(binding, a, binding.plan.level) for a in answers}
    for k, law in enumerate(evidence.regimes.laws):
        if k in known:
            found.append([e.rational for e in known[k]])
            continue
        values = space.offset + space.exponent_map @ law.slope
        rationals: list[Fraction | None] = [
            only_simple(float(v) - room, float(v) + room) for v in values
        ]
        found.append(rationals)
    return found


def regime_answer(
    binding: Binding,
    points: Points,
    answer: LocalLaw,
    conditions: Sequence[Threshold],
    moved: Sequence[str],
) -> RegimeAnswer:
    """A regime as it is reported, its law by `fit` apart; `moved` inputs were varied by runs."""
    names = [t.name for t in binding.tiers]
    bias = {}
    for tier in range(1, points.n_tiers):
        rows = answer.members[tier]
        if len(rows):
            difference = points.y[rows, tier] - points.y[rows, tier - 1]
            bias[names[tier]] = float(difference.mean())
    every = exponents_of(binding, answer, binding.plan.level)
    return RegimeAnswer(
        where=where_text(binding.space, conditions),
        place=where_words(binding.space, conditions),
        exponents=tuple(e for e in every if e.name in moved),
        implied=tuple(e for e in every if e.name not in moved),
        runs={name: len(rows) for name, rows in zip(names, answer.members, strict=True)},
        share=answer.share,
        bias=bias,
    )


def point_answer(binding: Binding, goal: Goal, answer: LocalLaw, number: int) -> PointAnswer:
    """Prediction at a named point."""
    mean = float((answer.functionals @ answer.fit.coefficients)[0]) - binding.shifts[number]
    half = float(answer.half_widths(goal.level)[0])
    target = binding.space.basis.target
    assert target is not None
    with np.errstate(over="ignore"):
        value, low, high = (float(np.exp(mean + s * half)) for s in (0.0, -1.0, 1.0))
    return PointAnswer(value, low, high, target.si_unit, answer.law is not None)


def pertinence(
    binding: Binding,
    evidence: Evidence,
    points: Points,
    answer: LocalLaw,
    told: RegimeAnswer | PointAnswer,
    entangled: bool = False,
) -> Pertinence:
    """Whether an answer can be relied on, how far, and what it says.

    `entangled` regimes, whose runs lie among those of another, are no answer.
    """
    level = binding.plan.level
    worst = answer.worst(level)
    coarse = answer.fit.tiers[0].fit
    known = all(t.fit is not None for t in answer.fit.tiers)
    scatter = 0.0 if coarse is None else float(coarse.residual_scale[0])
    follows = scatter <= evidence.regimes.accepted
    predicts = coarse is not None and float(coarse.cv_r2[0]) >= _PREDICTS
    relevant = known and (follows or predicts) and not entangled
    acceptability = 0.0 if not relevant else float(min(1.0, 1.0 / max(worst, 1e-12)))
    lost = int(points.lost.any(axis=1).sum())
    meaning = _meaning(binding, told, lost)
    return Pertinence(
        answer=answer.name,
        relevant=relevant,
        acceptability=acceptability,
        confidence=answer.confidence if relevant else 0.0,
        meaning=meaning
        if relevant
        else f"No answer: {_failure(binding, answer, known, entangled)}",
        why=_why(binding, answer, worst, relevant) + _stray(evidence) + _lost(lost),
    )


def _lost(lost: int) -> str:
    if not lost:
        return ""
    return f" {lost} run{'s' if lost > 1 else ''} gave no answer: nothing is known there."


def _meaning(binding: Binding, told: RegimeAnswer | PointAnswer, lost: int) -> str:
    target = binding.target.name
    if isinstance(told, RegimeAnswer):
        return sentence(target, told.place, told.exponents, everywhere=not lost)
    outside = " by the law of the nearest regime, outside the ranges" if told.extrapolated else ""
    return (
        f"{target} is {told.value:.5g} {told.unit}, between {told.low:.5g} and {told.high:.5g}"
        f"{outside}."
    )


def _failure(binding: Binding, answer: LocalLaw, known: bool, entangled: bool) -> str:
    if entangled:
        return (
            "its runs lie among those of another law, and no monomial of the groups says "
            "where each of the two holds; look for an input of the kernel that the plan does not "
            "have, or for noise that it does not declare."
        )
    if known:
        return (
            "the runs follow no power law there; widen the ranges until they cover the "
            "neighbouring regimes, or ask for predictions at points."
        )
    names = [t.name for t in binding.tiers]
    short = counted(dict(zip(names, map(len, answer.members), strict=True)))
    return f"{short} are too few; raise the budget."


def _why(binding: Binding, answer: LocalLaw, worst: float, relevant: bool) -> str:
    runs = ", ".join(
        counted({tier.name: len(rows)})
        for rows, tier in zip(answer.members, binding.tiers, strict=True)
    )
    if not relevant:
        return f"It rests on {runs}."
    widths = answer.half_widths(binding.plan.level)
    at = int(np.argmax(widths / answer.tolerance))
    verdict = "within" if worst <= 1.0 else "wider than"
    return (
        f"It rests on {runs}; the widest interval, that of the {answer.labels[at]}, is "
        f"±{widths[at]:.2g} at {binding.plan.level:.0%}, {verdict} the tolerance of "
        f"{answer.tolerance[at]:.2g}."
    )


def _stray(evidence: Evidence) -> str:
    lost = unmapped(evidence)
    if not lost:
        return ""
    return (
        f" {lost} of {len(evidence.regimes.z)} runs follow no law that was found: a regime is "
        f"missing, or there is none; raise the budget, or ask for predictions at points."
    )


def further(binding: Binding, goal: Goal, evidence: Evidence, points: Points, pool: Array) -> str:
    """What one more run of each tier would bring."""
    if not evidence.answers:
        return "Nothing is known yet."
    worst = max(evidence.answers, key=lambda a: a.worst(goal.level))
    now = worst.worst(goal.level)
    if not np.isfinite(now):
        outlook = Outlook(worst, goal.level)
        lacks = counted({tier.name: outlook.missing(t) for t, tier in enumerate(binding.tiers)})
        return f"{worst.name} lacks {lacks} before anything can be said."
    said = []
    for t, tier in enumerate(binding.tiers):
        offers = candidates(goal, evidence, points, pool, worst, t)
        if not len(offers):
            continue
        rows = np.column_stack([np.ones(len(offers)), offers])
        after = float(Outlook(worst, goal.level).widths(t, rows).max(axis=1).min())
        if after < _NOTABLE * now:
            said.append(f"to {after:.3g} by one more {of_tier(tier.name)}run ({tier.cost:.3g} s)")
    bought = " or ".join(said)
    return f"The widest interval, in {worst.name}, is {now:.3g} times its tolerance; " + (
        f"it is expected to fall {bought}." if said else "no single run narrows it by 0.5 %."
    )
