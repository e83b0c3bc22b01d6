"""Results as plain text for a terminal."""

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from dimgs.common.escape import terminal, visible
from dimgs.fits.estimate import Exponent
from dimgs.law.centre import Centre
from dimgs.law.domain import held_texts
from dimgs.law.exponents import held_note
from dimgs.law.law import Law
from dimgs.law.parts import Constant, Scores, percent
from dimgs.law.serialise import source_document
from dimgs.report.findings import Findings, FittedLaw, PlannedRuns
from dimgs.report.verdict import (
    descriptions,
    headline,
    leads_words,
    noise_text,
    probability,
    remarks,
    rivals_title,
    verdict,
)
from dimgs.variables import shown_unit

# as wide as a terminal of 80 columns with an indent
_RULE = "-" * 72
# what four digits would round up to one
PERFECT = 0.99995
# a factor between the ends of an interval, above which nothing is known
_UNKNOWN = 1e9
_UNTOLD = "(not determined by the runs)"
# a number, not the index of a group
_DECIMAL = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def number(value: float | None) -> str:
    """Short form of a number; a dash where there is none."""
    if value is None or value != value or abs(value) == float("inf"):
        return "-"
    return f"{value:.5g}"


def condition(where: str) -> str:
    """A condition over group names, its numbers in short form; "everywhere" for True.

    Examples
    --------
    >>> condition("True")
    'everywhere'
    >>> condition("(pi_1*pi_2**(0.70078941211) >= 37.831208084) & (pi_3**(1/3) < 2300)")
    '(pi_1*pi_2**(0.70079) >= 37.831) & (pi_3**(1/3) < 2300)'
    """
    if where == "True":
        return "everywhere"
    return _DECIMAL.sub(lambda found: number(float(found[0])), where)


def _constant(c: Constant) -> str:
    between = f"({c.origin})"
    if c.origin in ("fitted", "recognised") and c.low is not None:
        seen = "" if c.origin == "fitted" else f" ({c.origin})"
        between = f"{interval(c.low, c.high)}{seen}"
    return f"  {c.name} = {number(c.value)}{_unit(c.unit)}   {between}"


def _constants(law: Law) -> list[str]:
    note = held_note(law)
    return [*map(_constant, law.shown.constants), *([f"  {note}"] if note else [])]


def interval(low: float | None, high: float | None) -> str:
    """An interval; words where the runs set no bound.

    Examples
    --------
    >>> interval(0.4, 0.5), interval(0.0, float("inf"))
    ('[0.4, 0.5]', '(not determined by the runs)')
    """
    if low is None or high is None or not (isfinite(low) and isfinite(high)):
        return _UNTOLD
    if 0 < low < high / _UNKNOWN:
        return _UNTOLD
    return f"[{number(low)}, {number(high)}]"


def centre_text(centre: Centre) -> str:
    """The law at the centre of the runs, in one line."""
    inputs = ", ".join(f"{name} = {number(x)}{_unit(unit)}" for name, x, unit in centre.inputs)
    return (
        f"at the centre of the runs ({inputs}): {centre.target} = {number(centre.value)}"
        f"{_unit(centre.unit)} {interval(centre.low, centre.high)}"
    )


def _unit(unit: str) -> str:
    return "" if unit in ("", "1", "-") else f" {shown_unit(unit)}"


# sources that a terminal lists
_MOST_SOURCES = 12
# chance of a spread that is not there, above which sources may as well be equal
_MAY_BE_EQUAL = 0.05


def sources_lines(law: Law) -> list[str]:
    """What differs between sources, by how much, and the constants of each.

    Parameters
    ----------
    law : Law
    """
    lines = []
    for each in law.sources:
        said = []
        for what, (spread, p) in each.kinds.items():
            named = "prefactors differ" if what == "prefactor" else f"exponents of {what} differ"
            size = f"{100 * spread:.2g} %" if what == "prefactor" else number(spread)
            sure = "" if p <= _MAY_BE_EQUAL else f", and may as well be equal (p = {p:.1g})"
            said.append(f"{named} with a standard deviation of {size}{sure}")
        lines += ["", f"Sources: {len(each.shifts)} of {visible(each.column)}; {'; '.join(said)}"]
        documented = source_document(law, each)["sources"]
        for label, own in list(documented.items())[:_MOST_SOURCES]:
            added = [f"{k} {v:+.3g}" for k, v in own["exponents_added"].items() if v]
            more = f", exponents {', '.join(added)}" if added else ""
            ratio = own["ratio_at_centre"]
            times = f"{ratio:+.3g}" if law.target.is_level else f"times {number(ratio)}"
            where = "at the centre of the runs " if more else "prefactor "
            lines.append(f"  {visible(label)}: {where}{times}{more} ({own['runs']} runs)")
        if len(documented) > _MOST_SOURCES:
            lines.append(f"  and {len(documented) - _MOST_SOURCES} more; --json lists all")
        lines.append("  a new source: as the law, with the spread of the sources in its interval")
    return lines


def _centre(centre: Centre | None) -> list[str]:
    return [] if centre is None else [f"  {centre_text(centre)}"]


def _exponent(e: Exponent) -> str:
    what = f" = {e.group}" if e.group is not None else ""
    known = f" ({e.group.known_as})" if e.group is not None and e.group.known_as else ""
    if e.rational is not None and e.low == e.high:
        return f"  {e.name}{what}{known}: {e.rational}, fixed by the units"
    snapped = f"  -> {e.rational}" if e.rational is not None else ""
    return f"  {e.name}{what}{known}: {number(e.value)} {interval(e.low, e.high)}{snapped}"


def score(value: float | None) -> str:
    """A coefficient of determination, never rounded up to one.

    Examples
    --------
    >>> score(0.99999999), score(0.98765432), score(None)
    ('> 0.9999', '0.98765', '-')
    """
    return "> 0.9999" if value is not None and PERFECT < value < 1.0 else number(value)


def report_scores(report: Findings, law: Law) -> list[str]:
    """Scores on the scale on which the noise is of one size, with the noise."""
    noise = [text for text in [noise_text(report)] if text]
    if report.errors_are_relative or report.left_out_r2 is None or law.target.is_level:
        return [*scores_lines(law.scores), *noise]
    s = law.scores
    unseen = f"{score(report.left_out_r2)} on runs left out in turn"
    logs = "" if s.cv_r2_log is None else f"; {score(s.cv_r2_log)} on its logarithm"
    fitted = f"{score(s.r2)} on the target, {score(s.r2_log)} on its logarithm"
    lines = [f"Unseen runs, R² of the target: {unseen}{logs}", f"Fitted runs, R²: {fitted}"]
    return [*lines, *noise]


def scores_lines(scores: Scores) -> list[str]:
    """Scores on runs left out, and on those that were fitted."""
    if not scores.exist:
        return ["R²: none, as the target does not vary"]
    unseen = [f"{score(scores.cv_r2_log)} on runs left out in turn"]
    if scores.cv_r2_log is None:
        unseen = ["no run could be left out"]
        if scores.r2_log is None:
            unseen = ["none on a logarithm, which this target lacks"]
    if scores.holdout_r2_log is not None:
        unseen.append(f"{score(scores.holdout_r2_log)} on {scores.holdout_n} runs held out")
    fitted = [f"{score(scores.r2)} on the target"]
    if scores.r2_log is not None:
        fitted.insert(0, f"{score(scores.r2_log)} on its logarithm")
    error = "" if scores.rmse_log is None else f"; typical error {100 * scores.rmse_log:.3g} %"
    return [f"Unseen runs, R²: {', '.join(unseen)}", f"Fitted runs, R²: {', '.join(fitted)}{error}"]


def _regime(regime: Mapping[str, Any]) -> str:
    own = ", ".join(
        f"{e['name']}: {number(e['value'])} {interval(e['low'], e['high'])}"
        for e in regime["exponents"]
    )
    if regime["where"] == "True":
        return f"Regimes: none but one, over all {regime['n']} runs"
    own += "".join(f"; along {n}: {number(value)}" for n, value in regime.get("along", {}).items())
    return f"Regime {condition(regime['where'])} ({regime['n']} runs): {own}"


def _along(local: Sequence[Mapping[str, Any]]) -> list[str]:
    """Local exponents along the trajectory of each run: at its ends and in its middle."""
    runs: dict[str, list[Mapping[str, Any]]] = {}
    for point in local:
        if "run" in point:
            runs.setdefault(point["run"], []).append(point)
    lines = []
    for name, points in runs.items():
        points.sort(key=lambda point: point["at"])
        shown = [
            (p["at"], p["exponents"][0]) for p in (points[0], points[len(points) // 2], points[-1])
        ]
        parts = [
            f"{number(e['value'])} {interval(e['low'], e['high'])} at {number(at)}"
            for at, e in shown
        ]
        lines.append(f"  {visible(name)}: {', '.join(parts)}")
    head = (
        [f"Local exponent along {next(iter(local))['exponents'][0]['name']} (SI):"] if lines else []
    )
    return [*head, *lines]


def _loops(pairs: Mapping[str, Any]) -> str:
    """What the literal form in log-ratios is worth."""
    if pairs["consistent"]:
        return "A sum of functions of the log-ratios alone is linear here: a power law."
    return (
        f"A sum of functions of the log-ratios alone contradicts itself: around a loop of three "
        f"runs its answers miss zero by {number(pairs['loop_defect'])}, or "
        f"{100 * pairs['loop_defect_relative']:.2g} % of a typical log-ratio."
    )


def fit_text(fit: FittedLaw) -> str:
    """A fit as text."""
    law = fit.law
    lines = [str(law), *_constants(law), *_centre(fit.centre)]
    if fit.verdict.probability is not None:
        lines += ["", probability(fit.verdict)]
    lines += [*sources_lines(law), "", *_exponent_lines(fit), *_further_lines(fit)]
    lines += ["", *scores_lines(fit.scores)]
    return terminal("\n".join([*lines, _contrasts(fit), "", verdict(fit.verdict)]))


def _contrasts(fit: FittedLaw) -> str:
    return f"{fit.independent_contrasts} independent contrasts ({fit.pairs} pairs)"


def _exponent_lines(fit: FittedLaw) -> list[str]:
    lines = [f"Exponents ({fit.level:.0%} intervals by runs; -> snapped to a rational):"]
    lines += [_exponent(e) for e in fit.exponents] or ["  none: pi_0 is constant"]
    if fit.variable_exponents:
        lines += ["Exponents of the variables:", *map(_exponent, fit.variable_exponents)]
    if fit.activation:
        lines += [
            f"Activation along 1/{name}: {number(a.kelvin)} K {interval(a.low, a.high)} = "
            f"{number(a.kj_per_mol)} kJ/mol"
            for name, a in fit.activation.items()
        ]
    if fit.group_prefactors:
        lines += ["Prefactors by group:"]
        lines += [f"  {visible(k)}: {number(v)}" for k, v in fit.group_prefactors.items()]
    return lines


def _further_lines(fit: FittedLaw) -> list[str]:
    """Regimes, crossover and additive terms, where they were asked for."""
    lines = [*map(_regime, fit.regimes or ()), *_along(fit.local or ())]
    if fit.crossover is not None:
        c = fit.crossover
        between = "" if c["low"] == c["high"] else f" {interval(c['low'], c['high'])}"
        lines += [
            f"Smooth crossover ({c['form']}): (A^n + B^n)^(1/n), n = {number(c['n'])}{between}"
        ]
    for term in fit.additive or ():
        shape = "power law" if term["power_law_enough"] else "curved"
        between = interval(term["low"], term["high"])
        lines += [f"Term in {term['variables']}: slope {number(term['slope'])} {between}, {shape}"]
    if fit.additive_pairs is not None:
        lines += [_loops(fit.additive_pairs)]
    return lines


def _beside_power_law(law: Law, fit: FittedLaw) -> str:
    known, own = fit.scores.cv_r2_log, law.scores.cv_r2_log
    power = f"the power law, which predicts runs left out with R² {number(known)}"
    if own is None or known is None or own >= known:
        return f"It beats {power}: {fit.law}"
    return f"It is simpler, and more probable, than {power}: {fit.law}"


def _belief_lines(report: Findings) -> list[str]:
    """How probable the law is, and which others the runs do not distinguish from it."""
    if report.probability is None:
        return []
    lines = ["", probability(report.verdict)]
    if report.rivals:
        lines.append(rivals_title(report))
    for rival in report.rivals:
        only = "" if rival.extrapolates else ", interpolates only"
        lines.append(f"  {percent(rival.probability)}{only}: {rival.law}")
        if rival.differs_most and not report.leads:
            lines.append(f"      differs most at {place(rival.differs_most)}")
    return lines


def _leads_lines(report: Findings) -> list[str]:
    """What describes the runs where no law is probable, and how well."""
    by, says = leads_words(report)
    rows = descriptions(report)
    if not rows:
        return []
    width = max(len(row.error) for row in rows)
    lines = ["", f"{by}, error and R² of the target:"]
    for row in rows:
        mark = "->" if row.is_first else "  "
        lines.append(f"  {mark} {row.what:34s} {row.error:>{width}}  {row.r2:>6}")
    return [*lines, says]


def place(inputs: Mapping[str, tuple[float, str] | str]) -> str:
    """Values of the inputs of a run, in words."""
    return ", ".join(
        f"{visible(name)} = {x}"
        if isinstance(x, str)
        else f"{visible(name)} = {number(x[0])}{_unit(x[1])}"
        for name, x in inputs.items()
    )


def next_text(found: PlannedRuns) -> str:
    """Proposed runs as text."""
    lines = ["Laws that these runs would tell apart:"]
    for name, (law, p) in zip(found.names, found.rivals, strict=True):
        lines.append(f"  {name}, {percent(p)}: {law}")
    lines += ["", "Runs, each with the information expected of it, given those before:"]
    for k, run in enumerate(found.runs, 1):
        lines.append(f"  {k}. {place(run.inputs)}   ({number(run.information)} nats)")
        for name, value in zip(found.names, run.predicted, strict=True):
            between = interval(*sorted((value.low, value.high)))
            text = f"{number(value.value)}{_unit(found.unit)} {between}"
            lines.append(f"       {name}: {visible(found.target)} = {text}")
    if len(found.rivals) == 1:
        lines += ["", "There is no rival: these runs tell most of the constants of the one law."]
    return terminal("\n".join(lines))


def report_text(report: Findings) -> str:
    """A report as text: the law, how probable it is, where it holds, how well, what it means."""
    above = headline(report)
    lines = [_RULE] if above is None else [_RULE, above, ""]
    law, fit = report.law, report.fit
    if law is not None:
        lines += [str(law), *_constants(law), *_centre(report.centre)]
        lines += [
            *_leads_lines(report),
            *_belief_lines(report),
            *sources_lines(law),
            *_domain_lines(law),
        ]
        lines += ["", *report_scores(report, law)]
    if fit is not None and _is_of(law, fit):
        lines += [_contrasts(fit), "", *_exponent_lines(fit), *_further_lines(fit)]
    elif fit is not None and law is not None:
        further = _further_lines(fit)
        lines += [_contrasts(fit), "", _beside_power_law(law, fit), *further]
    said = remarks(report)
    lines += [*(["", said] if said else []), "", verdict(report), _RULE]
    return terminal("\n".join(lines))


def _is_of(law: Law | None, fit: FittedLaw) -> bool:
    """Whether the law is the power law that was fitted, in whatever form it is written."""
    if law is None or law is fit.law or law.pi_expression == fit.law.pi_expression:
        return True
    return [c.value for c in law.constants] == [c.value for c in fit.law.constants] and all(
        len(each.pi_expression.args) == 0 or each.pi_expression.is_Mul or each.pi_expression.is_Pow
        for each in (law, fit.law)
    )


def _domain_lines(law: Law) -> list[str]:
    lines = ["", "Holds for:"] if law.domain.groups else []
    for name, (low, high) in law.domain.groups.items():
        group = next((g for g in law.groups if g.name == name), None)
        what = "" if group is None else f" = {group.known_as or group}"
        lines.append(f"  {number(low)} <= {name}{what} <= {number(high)}")
    if held := held_texts(law):
        never = f"Never varied: {', '.join(held)}. Another value is outside unless all groups stay"
        lines += ["", f"{never} in their ranges."]
    return lines
