"""Plans, results and regimes in plain words."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from dimgs.campaign.binding import Binding
from dimgs.campaign.design import CampaignDesign, directions
from dimgs.campaign.next_runs import first_runs
from dimgs.campaign.result import CampaignResult
from dimgs.common.arrays import Array
from dimgs.fits.estimate import Exponent
from dimgs.kernels.spec import of_tier
from dimgs.law.parts import Constant
from dimgs.report.documents import pi_document
from dimgs.report.findings import Activation
from dimgs.report.plain_text import condition, sources_lines
from dimgs.report.words import listed

_WORDS = {
    Fraction(1): "is proportional to",
    Fraction(-1): "is inversely proportional to",
    Fraction(1, 2): "grows as the square root of",
    Fraction(-1, 2): "falls as the inverse square root of",
    Fraction(2): "grows as the square of",
    Fraction(-2): "falls as the inverse square of",
    Fraction(1, 3): "grows as the cube root of",
    Fraction(3): "grows as the cube of",
}


def sentence(
    target: str,
    where: str,
    exponents: Sequence[Exponent],
    everywhere: bool = True,
    activation: Mapping[str, Activation] = MappingProxyType({}),
) -> str:
    """The exponents of a regime in words.

    Parameters
    ----------
    target : str
    where : str
        The regime's place, in words; empty where nothing bounds it.
    exponents : sequence of Exponent
    everywhere : bool
        Whether every run gave an answer, so that a law without bounds holds in all the ranges.
    activation : mapping of str to Activation
        Of the temperature that enters as 1/T.

    Examples
    --------
    >>> found = [Exponent("D", 0.5, 0.49, 0.51, Fraction(1, 2)), Exponent("h", 0.0, -0.01, 0.01,
    ...          Fraction(0)), Exponent("t", 0.5, 0.49, 0.51, Fraction(1, 2))]
    >>> sentence("CF", "Fo < 0.5", found)
    'Where Fo < 0.5, CF grows as the square root of D and t; h does not matter.'
    """
    groups: dict[str, list[str]] = {}
    idle, unknown = [], []
    for e in exponents:
        if not np.isfinite(e.high - e.low):
            unknown.append(e.name)
        elif e.rational == 0:
            idle.append(e.name)
        elif e.rational in _WORDS:
            groups.setdefault(_WORDS[e.rational], []).append(e.name)
        else:
            power = f"{e.value:.3g}" if e.rational is None else str(e.rational)
            groups.setdefault(f"goes as the power {power} of", []).append(e.name)
    parts = [f"{words} {listed(names)}" for words, names in groups.items()]
    parts += [
        f"goes as exp({-a.kelvin:.4g} K/{n})"
        for n, a in activation.items()
        if not a.low <= 0.0 <= a.high
    ]
    main = f"{target} {listed(parts)}" if parts else f"{target} is constant"
    all_over = "everywhere in the ranges" if everywhere else "wherever a run gave an answer"
    start = f"Where {where}, {main}" if where else f"{main}, {all_over}"
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


# a line of dashes that fits the narrowest terminal, of 80 letters, with room for an indent
_RULE = "-" * 72


def campaign_text(result: CampaignResult) -> str:
    """What a campaign found, for reading.

    Parameters
    ----------
    result : CampaignResult
    """
    counts = result.counts
    lines = [
        (
            f"{result.name} [{result.unit}]: {result.outcome.words} after {counted(result.runs)} "
            f"({result.seconds:.3g} s of the kernel)"
        ),
        (
            f"  {counts['made']} made now, {counts['known']} known before, "
            f"{counts['interrupted']} found interrupted, {counts['failed']} without an answer"
        ),
        *(f"  {o['used']} of {o['given']} from {o['origin']}: {o['told']}" for o in result.origins),
        f"  moved: {listed(result.varied)}"
        + (f"; need not move: {listed(result.not_varied)}" if result.not_varied else ""),
        "groups",
        *(f"  {g.name} = {g}" + _known(g.known_as) for g in result.basis.groups),
    ]
    if result.essential:
        lines.append(f"  enough for all but one monomial: {'; '.join(result.essential)}")
    if result.whole is not None:
        lines += [_RULE, f"law of all runs: {result.whole}", f"  {result.whole.verdict}"]
        lines += [f"  {_constant(c)}" for c in result.whole.constants]
    across = None if result.across is None else result.across.law
    if across is not None:
        lines += [_RULE, f"law of the runs of all sources: {across}", f"  {across.verdict}"]
        lines += [f"  {line}" for line in sources_lines(across)]
    for i, regime in enumerate(result.regimes, 1):
        lines += [_RULE, f"regime {i}: {condition(regime.where)}"]
        lines += [f"  {_exponent(e)}" for e in regime.exponents]
        lines += [f"  {_exponent(e)} (by dimensions; it did not vary)" for e in regime.implied]
        lines += [
            f"  activation of {n}: {a.kelvin:.5g} K [{a.low:.5g}, {a.high:.5g}], "
            f"{a.kj_per_mol:.4g} kJ/mol"
            for n, a in regime.activation.items()
        ]
        if regime.fit is not None:
            law = regime.fit.judged_law
            lines += [f"  law of its finest runs: {law}", f"  {law.verdict}"]
            lines += [f"  {_constant(c)}" for c in law.constants]
    if result.boundaries:
        lines += [_RULE, "boundaries"]
        lines += [
            f"  {b.regimes[0]} | {b.regimes[1]} at {b.physical} = {b.value:.3g} "
            f"[{b.low:.3g}, {b.high:.3g}]" + (", a jump" if b.kind == "jump" else "")
            for b in result.boundaries
        ]
    for i, point in enumerate(result.points, 1):
        lines.append(
            f"point {i}: {point.value:.5g} {point.unit} [{point.low:.5g}, {point.high:.5g}]"
        )
    lines.append(_RULE)
    for p in result.pertinence:
        grade = "relevant" if p.relevant else "FAILED"
        lines.append(
            f"{p.answer}: {grade}, acceptability {p.acceptability:.2f}, "
            f"confidence {p.confidence:.3f}"
        )
        lines += [f"  {p.meaning}", f"  {p.why}"]
    lines += [text for text in (result.further, result.unseen) if text]
    for c in result.curves:
        what = "fall onto one" if c.collapses else "do not fall onto one"
        lines.append(
            f"curves {what}: {c.response.group} over {c.abscissa}; the other runs predict "
            f"{c.quality:.2%} of the variance of each"
        )
    return "\n".join([*lines, *(f"{_RULE}\n{campaign_text(o)}" for o in result.others)])


def design_text(document: Mapping[str, Any]) -> str:
    """A dry run, for reading.

    Parameters
    ----------
    document : mapping
        From :func:`dimgs.campaign.text.dry_run`; ``from`` may list known runs.
    """
    survey, budget = document["survey"], document["budget"]
    still = document["not_varied"]
    lines = [
        (
            f"{document['kernel']} -> {document['target']}: "
            f"{directions(document['free_directions'])} of pi space"
        ),
        "groups and what the ranges reach",
        *(
            f"  {g['name']} = {_group(document, g['name'])}: {g['low']:.3g} to {g['high']:.3g}"
            for g in document["groups"]
        ),
        f"inputs that move: {listed(document['moved'])}",
        f"inputs of the ranges that need not: {listed(still) or 'none'}",
        "inputs that stay: "
        + (listed(f"{n} = {quantity(*v)}" for n, v in document["fixed"].items()) or "none"),
        f"first: {counted({survey['tier']: survey['runs']})}, about {survey['seconds']:.3g} s",
        (
            f"budget: {listed(f'{n} {of_tier(t)}'.strip() for t, n in budget.items())} runs, at "
            f"most about "
            f"{document['seconds_at_most']:.3g} s of the kernel"
        ),
    ]
    units = document["units"]
    moved = document["moved"]
    lines.append("first runs")
    for run in document["design"][:5]:
        lines.append("  " + ", ".join(f"{n} = {quantity(run[n], units[n])}" for n in moved))
    if len(document["design"]) > 5:
        lines.append(f"  ... and {len(document['design']) - 5} more")
    lines += [
        f"{o['given']} runs from {o['origin']}: {o['told']}" for o in document.get("from", ())
    ]
    return "\n".join([*lines, *document["notes"]])


def quantity(value: float | str, unit: str) -> str:
    """A value with its unit, where it has one.

    Examples
    --------
    >>> quantity(0.25, "m"), quantity(12.0, "1"), quantity("steel", "label")
    ('0.25 m', '12', 'steel')
    """
    text = value if isinstance(value, str) else f"{value:.4g}"
    return text if unit in ("", "1", "label") else f"{text} {unit}"


def _group(document: Mapping[str, Any], name: str) -> str:
    group = next(g for g in document["pi"]["groups"] if g["name"] == name)
    text = "·".join(f"{n}^{e}" if e != "1" else n for n, e in group["exponents"].items())
    return text + _known(group["known_as"])


def _known(name: str | None) -> str:
    return f" ({name})" if name else ""


def _constant(c: Constant) -> str:
    """A constant with its unit, and its interval where it has one."""
    unit = f" {c.unit}" if c.unit not in ("", "1") else ""
    known = c.low is not None and c.high is not None
    return f"{c.name} = {c.value:.6g}{unit}" + (f" [{c.low:.6g}, {c.high:.6g}]" if known else "")


def _exponent(e: Any) -> str:
    half = (e.high - e.low) / 2
    rational = f"  -> {e.rational}" if e.rational is not None else ""
    return f"{e.name:<12} {e.value:8.4f} ± {half:.2g}{rational}"


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
