"""Plans, results and regimes in plain words."""

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.campaign.binding import Binding
from dimgs.campaign.design import CampaignDesign, directions
from dimgs.campaign.evidence import TierEvidence
from dimgs.campaign.space import CampaignRuns
from dimgs.groups.group import PiGroup
from dimgs.kernels.spec import of_tier
from dimgs.report.documents import pi_document
from dimgs.report.plain_text import (
    activation_lines,
    condition,
    exponent_lines,
    interval,
    law_lines,
    never_varied,
    number,
    sources_lines,
)
from dimgs.report.words import listed
from dimgs.variables import unit_suffix

if TYPE_CHECKING:
    # results know how to search for a law, which a dry run does not
    from dimgs.campaign.result import CampaignResult, RegimeAnswer
    from dimgs.law.law import Law

_PLAIN = {"1": "is proportional to", "-1": "is inversely proportional to"}
_POWERS = {2: "square", 3: "cube", Fraction(1, 2): "square root", Fraction(1, 3): "cube root"}


def sentence(
    target: str, regime: "RegimeAnswer", everywhere: bool = True, reached: str = ""
) -> str:
    """The exponents of a regime in words.

    Parameters
    ----------
    target : str
    regime : RegimeAnswer
    everywhere : bool
        Whether every run gave an answer, so that a law without bounds holds in all the ranges.
    reached : str
        Inputs that were not run over their whole ranges, and over which part they were.

    Examples
    --------
    >>> from dimgs.campaign.result import RegimeAnswer, Tested
    >>> from dimgs.fits.estimate import Exponent
    >>> half, tested = Fraction(1, 2), Tested(1, 0.01, 0.02)
    >>> exponents = [Exponent("D", 0.5, 0.49, 0.51, half), Exponent("t", 0.5, 0.49, 0.51, half),
    ...              Exponent("h", 0.0, -0.01, 0.01, Fraction(0))]
    >>> early = RegimeAnswer("pi_1 < 0.5", "Fo < 0.5", exponents, {}, 1.0, {}, tested)
    >>> sentence("CF", early)
    'Where Fo < 0.5, CF grows as the square root of D and t; h does not matter.'
    """
    groups: dict[str, list[str]] = {}
    idle, unknown = [], []
    for e in regime.exponents:
        if not np.isfinite(e.high - e.low):
            unknown.append(e.name)
        elif e.rational == 0:
            idle.append(e.name)
        else:
            words = f"goes as the power {e.rational or format(e.value, '.3g')} of"
            if e.rational is not None and (power := _POWERS.get(abs(e.rational))):
                words = f"{'grows as the' if e.rational > 0 else 'falls as the inverse'} {power} of"
            groups.setdefault(_PLAIN.get(str(e.rational), words), []).append(e.name)
    parts = [f"{words} {listed(names)}" for words, names in groups.items()]
    hot = ((n, a) for n, a in regime.activation.items() if not a.low <= 0.0 <= a.high)
    parts += [f"goes as exp({-a.kelvin:.4g} K/{n})" for n, a in hot]
    main = f"{target} {listed(parts)}" if parts else f"{target} is constant"
    tried = "as far as runs were made" if reached else "everywhere in the ranges"
    all_over = tried if everywhere else "wherever a run gave an answer"
    all_over += f", {reached}" if reached else ""
    start = f"Where {regime.place}, {main}" if regime.place else f"{main}, {all_over}"
    ends = []
    if idle and parts:
        ends.append(f"{listed(idle)} {'do' if len(idle) > 1 else 'does'} not matter")
    if unknown:
        ends.append(f"nothing can be said yet about {listed(unknown)}")
    return "; ".join([start, *ends]) + "."


def counted(runs: Mapping[str, int]) -> str:
    """Numbers of runs by tier.

    Examples
    --------
    >>> counted({"coarse": 188, "fine": 32}), counted({"only": 1})
    ('188 coarse, 32 fine runs', '1 run')
    """
    texts = [f"{n} {of_tier(tier)}".strip() for tier, n in runs.items()]
    return f"{', '.join(texts)} run{'' if list(runs.values()) == [1] else 's'}"


# what dimensions alone leave for an input
_IMPLIED = " (by dimensions; it did not vary)"
# first runs that are shown
_SHOWN = 5
# a line of dashes that fits the narrowest terminal, of 80 letters, with room for an indent
_RULE = "-" * 72


def campaign_text(result: "CampaignResult") -> str:
    """What a campaign found, for reading.

    Parameters
    ----------
    result : CampaignResult
    """
    counts, ended = result.counts, f"{result.ended} after {counted(result.runs)}"
    needless = result.not_varied and result.outcome.is_consistent
    domain = result.domain["held"].items()
    held = [f"{n} = {v if isinstance(v, str) else quantity(**v)}" for n, v in domain]
    lines = [
        f"{result.name} [{result.unit}]: {ended} ({result.seconds:.3g} s of the kernel)",
        f"  {counts['made']} made now, {counts['known']} known before",
        f"  {counts['interrupted']} found interrupted, {counts['failed']} without an answer",
        *(f"  {o['used']} of {o['given']} from {o['origin']}: {o['told']}" for o in result.origins),
        f"  moved: {listed(result.varied)}"
        + (f"; need not move: {listed(result.not_varied)}" if needless else ""),
        *(f"  {line}" for line in never_varied(held)),
        "groups" if result.basis.groups else "no free group",
        *(f"  {g.name} = {_formula(g)}" for g in result.basis.groups),
    ]
    if result.essential:
        lines.append(f"  enough for all but one monomial: {'; '.join(result.essential)}")
    across = None if result.across is None else result.across.law
    kinds = (("all runs", result.whole), ("all runs that comes nearest", result.nearest))
    for title, law in (*kinds, ("the runs of all sources", across)):
        if law is not None:
            lines += [_RULE, *_law_lines(f"law of {title}", law)]
    for i, regime in enumerate(result.regimes, 1):
        inside = [
            *exponent_lines(regime.exponents, result.level, result.basis.target),
            *(f"{e.name} {e.rational or number(e.value)}{_IMPLIED}" for e in regime.implied),
            *activation_lines(regime.activation),
            *_law_lines("law of its finest runs", regime.law),
        ]
        lines += [_RULE, f"regime {i}: {condition(regime.where)}", *(f"  {x}" for x in inside)]
    if result.boundaries:
        lines += [_RULE, "boundaries"]
    for b in result.boundaries:
        jump, where = ", a jump" if b.kind == "jump" else "", f"{b.regimes[0]} | {b.regimes[1]}"
        at = f"{b.physical} = {number(b.value)}{unit_suffix(b.unit)} {interval(b.low, b.high)}"
        lines.append(f"  {where} at {at}{jump}")
    for i, point in enumerate(result.points, 1):
        value = quantity(point.value, point.unit)
        lines.append(f"point {i}: {point.name} = {value} {interval(point.low, point.high)}")
    lines.append(_RULE)
    for p in result.pertinence:
        grade = "relevant" if p.relevant else "FAILED"
        good = f"acceptability {p.acceptability:.2f}, confidence {p.confidence:.3f}"
        lines += [f"{p.answer}: {grade}, {good}", f"  {p.meaning}", f"  {p.why}"]
    lines += [text for text in (result.further, result.unseen) if text]
    lines += [f"curves '{c.target}'\n{c}" for c in result.curves]
    return "\n".join([*lines, *(f"{_RULE}\n{campaign_text(o)}" for o in result.others)])


def _law_lines(title: str, law: "Law | None") -> list[str]:
    """A law with its verdict, its constants and its sources; nothing without one."""
    if law is None:
        return []
    first, *constants = law_lines(law)
    below = (law.verdict, *constants, *sources_lines(law))
    return [f"{title}: {first}", *(f"  {line}" for line in below)]


def design_text(document: Mapping[str, Any]) -> str:
    """A dry run, for reading.

    Parameters
    ----------
    document : mapping
        From :func:`dimgs.campaign.text.dry_run`; ``from`` may list known runs.
    """
    survey, units, moved, runs = (document[n] for n in ("survey", "units", "moved", "design"))
    most, prior = document["seconds_at_most"], document.get("from", ())
    fixed = listed(f"{n} = {quantity(*v)}" for n, v in document["fixed"].items()) or "none"
    limits = listed(f"{n} {of_tier(t)}".strip() for t, n in document["budget"].items())
    free = f"{directions(document['free_directions'])} of pi space"
    return "\n".join(
        [
            f"{document['kernel']} -> {document['target']}: {free}",
            "groups and what the ranges reach" if document["groups"] else "no free group",
            *(
                f"  {g['name']} = {g['formula']}: {g['low']:.3g} to {g['high']:.3g}"
                for g in document["groups"]
            ),
            f"inputs that move: {listed(moved)}",
            f"inputs of the ranges that need not: {listed(document['not_varied']) or 'none'}",
            f"inputs that stay: {fixed}",
            f"first: {counted({survey['tier']: survey['runs']})}, about {survey['seconds']:.3g} s",
            f"budget: {limits} runs, at most about {most:.3g} s of the kernel",
            "first runs",
            *(
                "  " + ", ".join(f"{n} = {quantity(run[n], units[n])}" for n in moved)
                for run in runs[:_SHOWN]
            ),
            *([f"  ... and {len(runs) - _SHOWN} more"] * (len(runs) > _SHOWN)),
            *(f"{o['given']} runs from {o['origin']}: {o['told']}" for o in prior),
            *document["notes"],
        ]
    )


def quantity(value: float | str, unit: str) -> str:
    """A value with its unit, where it has one.

    Examples
    --------
    >>> quantity(0.25, "m"), quantity(12.0, "1"), quantity("steel", "label")
    ('0.25 m', '12', 'steel')
    """
    text = value if isinstance(value, str) else f"{value:.4g}"
    return text if unit in ("", "1", "label") else f"{text} {unit}"


def _formula(group: PiGroup) -> str:
    """A group in the inputs, with its name in the literature."""
    return f"{group} ({group.known_as})" if group.known_as else str(group)


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
    space, plan, tiers = binding.space, binding.plan, binding.tiers
    design = CampaignDesign(binding)
    if plan.of_ranges:
        proposals = TierEvidence(design, CampaignRuns(space.rank), 0).next()
        runs = [design.values(p.z, p.logs) for p in proposals]
    else:
        runs = [design.values(z) for point in binding.points for z in point.outermost]
    units = {p.name: p.unit for p in binding.kernel.inputs}
    moved = [n for n in space.names if len({run[n] for run in runs}) > 1]
    most = {t.name: plan.budget.runs if t is tiers[-1] else plan.budget.coarse for t in tiers}
    spent = sum(t.cost * most[t.name] for t in tiers)
    reach = np.abs(space.loadings * space.half).sum(axis=1)
    ends = np.exp([space.middle - reach, space.middle + reach]).T.tolist()
    return {
        "kernel": binding.kernel.name,
        "target": binding.target.name,
        "pi": pi_document(space.basis),
        "free_directions": space.rank,
        "groups": [
            {"name": g.name, "formula": _formula(g), "low": low, "high": high}
            for g, (low, high) in zip(space.groups, ends, strict=True)
        ],
        "ranges": sorted(plan.ranges),
        "moved": moved,
        "not_varied": [n for n in sorted(plan.ranges) if n not in moved],
        "fixed": {n: [v, units[n]] for n, v in binding.fixed.items()},
        "tiers": [t.name for t in tiers],
        "budget": most,
        "survey": {"tier": tiers[0].name, "runs": len(runs), "seconds": tiers[0].cost * len(runs)},
        "seconds_at_most": min(spent, plan.budget.seconds or np.inf),
        "design": runs,
        "units": units,
        "notes": list(binding.notes),
    }
