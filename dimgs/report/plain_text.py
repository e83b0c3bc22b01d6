"""Results as plain text for a terminal: titles on the left, and what they hold beside them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil, isfinite, log10
from textwrap import wrap
from typing import Any

import numpy as np
import sympy

from dimgs.common.advice import setting, typed
from dimgs.common.escape import terminal, visible
from dimgs.common.formats import in_percent, log_size, rows_shown
from dimgs.fits.estimate import Exponent
from dimgs.groups.group import PiBasis
from dimgs.law.checked_law import LabelEffects, Scores, percent
from dimgs.law.display import ShownConstant, held_note, plain_number_note, shown_at, shown_constants
from dimgs.law.law import Law
from dimgs.law.prediction import Centre, held_texts, without_scales
from dimgs.law.serialise import source_document
from dimgs.report import words
from dimgs.report.findings import (
    Activation,
    Findings,
    FittedLaw,
    PlannedRuns,
    Verdict,
    beyond_rounding,
    by_run,
)
from dimgs.report.words import exponent_name
from dimgs.variables import Variable, unit_suffix

# as wide as a terminal of 80 columns, and the titles of its sections
_WIDTH, _TITLE = 79, 11
_RULE = "-" * _WIDTH
# what four digits would round up to one
PERFECT = 0.99995
# a coefficient of determination of nothing but rounding
_ROUNDING = 1e-12
# a factor between the ends of an interval, above which nothing is known
_UNKNOWN = 1e9
# spaces at which no line breaks
_NO_BREAK = "\N{NO-BREAK SPACE}"
_TOGETHER = re.compile(r"(?<=[<>=]) | (?=[<>=%])")
# options that the groups and the comparison of runs depend on
_OF_GROUPS = ("constants", "scales", "within", "by", "split_by")
_UNDETERMINED = "(not determined by the runs)"
# significant digits of a number, and the most that an interval asks for: exact runs leave rounding
_DIGITS, _MOST_DIGITS = 5, 10
# a number, not the index of a group
_DECIMAL = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def number(value: float | None, half: float = 0.0) -> str:
    """Short form of a number, with two digits of its half width; a dash where there is none.

    Examples
    --------
    >>> number(1.99998515), number(1.99998515, 1.2e-5), number(1.5, 0.3), number(1.5, 1e-15)
    ('2', '1.999985', '1.5', '1.5')
    """
    if value is None or value != value or abs(value) == float("inf"):
        return "-"
    return f"{value:.{digits(value, half)}g}"


def digits(value: float, half: float) -> int:
    """Significant digits of a number: two of its half width, and at least five."""
    more = ceil(log10(abs(value / half))) + 1 if value and 0 < half < abs(value) else 0
    return more if _DIGITS < more <= _MOST_DIGITS else _DIGITS


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
    return _DECIMAL.sub(lambda match: number(float(match[0])), where)


def _constant(c: ShownConstant) -> str:
    between = "(a chosen scale)" if c.origin == "scale" and c.value == 1.0 else f"({c.origin})"
    if c.origin in ("fitted", "recognised") and c.low is not None:
        origin = "" if c.origin == "fitted" else f" ({c.origin})"
        between = f"{interval(c.low, c.high)}{origin}"
    return f"{c.name} = {amount(c.value, c.unit, c.half)}   {between}"


def _section(title: str, lines: Iterable[str]) -> list[str]:
    """Lines beside their title; an empty line before, nothing where there are none."""
    shown = [f"{'' if k else title:<{_TITLE}}{line}".rstrip() for k, line in enumerate(lines)]
    return ["", *shown] if shown else []


def _prose(text: str) -> list[str]:
    """Sentences in lines of the width of a section; no number is parted from its sign or unit."""
    unbroken = _TOGETHER.sub(_NO_BREAK, text)
    lines = wrap(unbroken, _WIDTH - _TITLE, break_long_words=False, break_on_hyphens=False)
    return [line.replace(_NO_BREAK, " ") for line in lines]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells in columns, the first to the left and numbers of the second to the right."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if k == 1 else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def law_lines(law: Law, centre: Centre | None = None) -> list[str]:
    """A law, its constants, and what was held while they were fitted."""
    at = [] if centre is None else _prose(centre_text(centre))
    notes = [*_prose(plain_number_note(law)), *_prose(held_note(law))]
    return [str(law), *map(_constant, shown_constants(law)), *notes, *at]


def interval(low: float | None, high: float | None) -> str:
    """An interval; words where the runs set no bound.

    Examples
    --------
    >>> interval(0.4, 0.5), interval(0.0, float("inf"))
    ('[0.4, 0.5]', '(not determined by the runs)')
    """
    if low is None or high is None or not (isfinite(low) and isfinite(high)):
        return _UNDETERMINED
    if 0 < low < high / _UNKNOWN:
        return _UNDETERMINED
    return f"[{number(low, (high - low) / 2)}, {number(high, (high - low) / 2)}]"


def centre_text(centre: Centre) -> str:
    """The law at the centre of the runs, in one line."""
    inputs = ", ".join(f"{name} = {amount(x, unit)}" for name, x, unit in centre.inputs)
    half = (centre.high - centre.low) / 2
    return (
        f"the interval of the prefactor is that at inputs of 1; "
        f"at the centre of the runs ({inputs}): {centre.target} = "
        f"{amount(centre.value, centre.unit, half)} {interval(centre.low, centre.high)}"
    )


# sources that a terminal lists
_MOST_SOURCES = 12
# chance of a spread that is not there, above which sources may as well be equal
_MAY_BE_EQUAL = 0.05
# relative: a smaller standard deviation of factors is nothing but rounding, as the variance that it
# is the root of has the rounding of doubles
_ALIKE = 1.5e-8
# probability of none of the laws, above which no law among them is confirmed
_MAY_BE_NONE = 0.1


def sources_lines(law: Law) -> list[str]:
    """Lines on the effects of sources, and the constants of each source or prefactors of labels.

    Parameters
    ----------
    law : Law
    """
    lines = [] if law.label_effects is None else _label_lines(law, law.label_effects)
    for each in law.sources:
        parts, head = [], f"{len(each.shifts)} sources of {visible(each.column)}"
        if set(each.kinds) == {"prefactor"} and each.kinds["prefactor"][0] < _ALIKE:
            lines.append(f"{head}: alike, to the rounding of the runs")
            continue
        for what, (spread, p) in each.kinds.items():
            named = "prefactors differ" if what == "prefactor" else f"exponents of {what} differ"
            size = in_percent(spread) if what == "prefactor" else number(spread)
            if what in each.constants:
                shown = shown_at(law, {what: spread})[what]
                named, size = f"{what} differs", amount(shown.value, shown.unit)
            sure = "" if p <= _MAY_BE_EQUAL else f", not significantly (p = {p:.1g})"
            parts.append(f"{named} with a standard deviation of {size}{sure}")
        lines += [f"{head}: {'; '.join(parts)}"]
        if max(p for _, p in each.kinds.values()) >= 1.0 and len(each.kinds) == 1:
            lines[-1] = f"{head}: alike, as none lies farther from the others than its runs scatter"
            continue
        documented = source_document(law, each)["sources"]
        for label, source in list(documented.items())[:_MOST_SOURCES]:
            added = [f"{k} {v:+.3g}" for k, v in source["exponents_added"].items() if v]
            more = f", exponents {', '.join(added)}" if added else ""
            ratio = source["ratio_at_centre"]
            times = f"{ratio:+.3g}" if law.target.is_level else f"times {number(ratio)}"
            where = "at the centre of the runs " if more else "prefactor "
            constants = shown_at(law, source["constants"])
            texts = [f"{name} = {amount(c.value, c.unit)}" for name, c in constants.items()]
            texts += [f"{where}{times}{more}"] if "prefactor" in each.kinds or more else []
            lines.append(f"  {visible(label)}: {', '.join(texts)} ({_runs(source['runs'])})")
        if len(documented) > _MOST_SOURCES:
            lines.append(f"  and {len(documented) - _MOST_SOURCES} more; --json lists all")
        lines.append(
            "  a new source: as the law, with the standard deviation between sources in its "
            "interval"
        )
    return lines


def _label_lines(law: Law, effects: LabelEffects) -> list[str]:
    lines = [f"by {visible(effects.column)}, as factors of the law:"]
    for label, shift in list(effects.log_ratios.items())[:_MOST_SOURCES]:
        times = f"{shift:+.3g}" if law.target.is_level else f"times {number(np.exp(shift))}"
        lines.append(f"  {visible(label)}: {times} ({_runs(effects.counts[label])})")
    if len(effects.log_ratios) > _MOST_SOURCES:
        lines.append(f"  and {len(effects.log_ratios) - _MOST_SOURCES} more; --json lists all")
    return lines


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def amount(value: float | None, unit: str, half: float = 0.0) -> str:
    """A number in short form with its unit.

    Examples
    --------
    >>> amount(0.0123456, "m/s"), amount(2.0, "1")
    ('0.012346 m/s', '2')
    """
    return f"{number(value, half)}{unit_suffix(unit)}"


def _exponent(e: Exponent) -> tuple[str, str, str]:
    """Cells of an exponent: what it is of, its value, and its interval with a rational in it."""
    what = f" = {e.group}" if e.group is not None else ""
    known_as = f" ({e.group.known_as})" if e.group is not None and e.group.known_as else ""
    name = f"{e.name}{what}{known_as}"
    if e.rational is not None and e.low == e.high:
        return name, str(e.rational), "fixed by the units"
    snapped, e = f"  -> {e.rational}" if e.rational is not None else "", beyond_rounding(e)
    return name, number(e.value), f"{interval(e.low, e.high)}{snapped}"


def exponent_lines(
    exponents: Iterable[Exponent], level: float, target: Variable | None
) -> list[str]:
    """Exponents in columns, with what is in them; none where there are none."""
    rows = [_exponent(e) for e in exponents]
    head = ("", exponent_name(target), f"{100 * level:g} % interval  -> rational")
    return _columns([head, *rows]) if rows else []


def activation_lines(activation: Mapping[str, Activation]) -> list[str]:
    """Activation temperatures, as energies too."""
    return [
        f"along 1/{name}: {number(a.kelvin)} K {interval(a.low, a.high)} = "
        f"{number(a.kj_per_mol)} kJ/mol"
        for name, a in activation.items()
    ]


def score(value: float | None) -> str:
    """A coefficient of determination, never rounded up to one.

    Examples
    --------
    >>> score(0.99999999), score(0.98765432), score(None)
    ('> 0.9999', '0.98765', '-')
    """
    if value is not None and abs(value) < _ROUNDING:
        return "0"
    return "> 0.9999" if value is not None and PERFECT < value < 1.0 else number(value)


def report_scores(report: Findings, law: Law) -> list[str]:
    """Scores on the scale on which the noise is of one size, with the noise."""
    noise = [text for text in [words.noise_text(report.noise, report.target)] if text]
    of_target = law.scores.cv_r2 if report.left_out_r2 is None else report.left_out_r2
    if law.target.is_level or not (report.errors_are_relative or of_target is None):
        return [*_scores_of_target(law.scores, of_target, law.target), *noise]
    return [*scores_lines(law.scores), *noise]


def _scores_of_target(s: Scores, left_out: float | None, target: Variable) -> list[str]:
    """Scores where errors are not relative: those of the target first."""
    if target.is_level:
        # a logarithm itself: one number on both scales
        s, left_out = replace(s, r2_log=None, cv_r2_log=None), s.cv_r2_log
    logs = "" if s.cv_r2_log is None else f", {score(s.cv_r2_log)} of its logarithm"
    return [
        f"cross-validated R² {score(left_out)} of the target{logs}",
        f"R² of the fit {score(s.r2)} of the target"
        + ("" if s.r2_log is None else f", {score(s.r2_log)} of its logarithm"),
    ]


def scores_lines(scores: Scores) -> list[str]:
    """Scores on runs left out, and on those that were fitted."""
    if not scores.exist:
        return ["no R², because the target does not vary"]
    if scores.cv_r2_log is not None:
        unseen = f"cross-validated R² {score(scores.cv_r2_log)}"
    elif scores.r2_log is None:
        unseen = "no cross-validated R² of the logarithm, because this target has none"
    else:
        unseen = "not cross-validated: no run could be left out"
    if scores.holdout_r2_log is not None:
        unseen += f"; {score(scores.holdout_r2_log)} on {scores.holdout_n} held-out runs"
    logs = "" if scores.r2_log is None else f"{score(scores.r2_log)} of the logarithm, "
    fitted = f"R² of the fit {logs}{score(scores.r2)} of the target"
    error = [] if scores.rmse_log is None else [f"rms residual {log_size(scores.rmse_log)}"]
    return [unseen, fitted, *error]


def _of_column(where: str, law: Law) -> str:
    """A condition, with a column in the unit of the table for a group of this column alone."""
    inputs = {v.name: v for v in law.inputs}
    for group in law.groups:
        column = column_of(law, group.name)
        if column is None or group.get(column) != 1:
            continue
        variable = inputs[column]

        def shown(match: re.Match[str], variable: Variable = variable) -> str:
            value = float(variable.unit.from_si(float(match[2])))
            return f"{visible(variable.name)} {match[1]} {amount(value, variable.unit.text)}"

        where = re.sub(rf"(?<![\w*/]){group.name} ([<>]=?) ({_DECIMAL.pattern})", shown, where)
    return where


def _regime(regime: Mapping[str, Any], law: Law) -> str:
    exponents = ", ".join(
        f"{e['name']}: {number(e['value'])} {interval(e['low'], e['high'])}"
        for e in regime["exponents"]
    )
    if regime["where"] == "True":
        return f"Regimes: one, with all {regime['n']} runs"
    exponents += "".join(
        f"; along {n}: {number(value)}" for n, value in regime.get("along", {}).items()
    )
    where = condition(_of_column(regime["where"], law))
    return f"Regime {where} ({regime['n']} runs): {exponents}"


def _along(local: Sequence[Mapping[str, Any]]) -> list[str]:
    """Local exponents along the trajectory of each run: at its ends and in its middle."""
    lines: list[str] = []
    for name, points in by_run(local).items():
        shown = [points[k] for k in (0, len(points) // 2, -1)]
        exponents = [p["exponents"][0] for p in shown]
        lines = lines or [f"Local exponent along {exponents[0]['name']} (SI):"]
        parts = [
            f"{number(e['value'])} {interval(e['low'], e['high'])} at {number(p['at'])}"
            for p, e in zip(shown, exponents, strict=True)
        ]
        lines.append(f"  {visible(name)}: {', '.join(parts)}")
    return lines


def _loops(pairs: Mapping[str, Any]) -> str:
    """Line on the consistency of the additive form in log-ratios."""
    if pairs["consistent"]:
        return "A sum of functions of the log-ratios alone is linear here: a power law."
    return (
        f"A sum of functions of the log-ratios alone is not consistent: around a loop of three "
        f"runs its answers miss zero by {number(pairs['loop_defect'])}, or "
        f"{in_percent(pairs['loop_defect_relative'])} of a typical log-ratio."
    )


def fit_text(fit: FittedLaw) -> str:
    """A fit as text: the law, its exponents, how well it fits, and its verdict."""
    sources = fit.law.sources
    lines = [
        *_section("Law", law_lines(fit.law, fit.centre)),
        *_exponent_sections(fit),
        *_section("Sources", sources_lines(fit.law) if sources else []),
        *_section("Further", _further_lines(fit)),
        *_section("Quality", [*_fit_scores(fit), _contrasts(fit)]),
        *_section("Verdict", _verdict_lines(fit.verdict, fit.law, fit.left_out_by)),
    ]
    return terminal("\n".join(lines[1:]))


def _fit_scores(fit: FittedLaw) -> list[str]:
    """Scores, and the error model where it is not that of least squares of logarithms."""
    scores, noise = scores_lines(fit.scores), fit.noise
    if fit.law.target.is_level:
        return _scores_of_target(fit.scores, None, fit.law.target)
    if noise is None or noise.kind == "relative":
        return scores
    beside = "the law is fitted to logarithms, which exaggerate small targets"
    if fit.law.uncertainty.errors is not None:
        beside = "the law is fitted on the scale of the errors, and not to logarithms"
        scores = _scores_of_target(fit.scores, fit.scores.cv_r2, fit.law.target)
    return [*scores, *_prose(f"{words.noise_text(noise, fit.law.target)}: {beside}")]


def _verdict_lines(judged: Verdict, law: Law | None, left_out_by: str) -> list[str]:
    """Whether a law is confirmed, and how probable it is."""
    said = words.verdict(judged, law, left_out_by)
    return [*_prose(said), *_prose(words.probability(judged))]


def _contrasts(fit: FittedLaw) -> str:
    if fit.pairs == 1:
        return "1 contrast between two runs"
    return f"{fit.independent_contrasts} independent contrasts between runs ({fit.pairs} pairs)"


def _exponent_sections(fit: FittedLaw) -> list[str]:
    """Exponents of the groups and of the variables, activation, and prefactors of labels."""
    activation = fit.activation or {}
    # the slope along 1/T is an activation temperature, and no exponent
    exponents = [e for e in (*fit.exponents, *fit.variable_exponents) if e.name not in activation]
    lines = exponent_lines(exponents, fit.level, fit.law.target)
    if not lines and not activation:
        lines = ["none: the response group is constant"]
    if fit.crossover is not None or len(fit.regimes or ()) > 1:
        lines = ["of one power law through all runs, for comparison:", *lines]
    unit, size = "", 1.0
    if not fit.law.target.is_level:
        prefactor = next(c for c in shown_constants(fit.law) if c.origin == "fitted")
        unit, size = unit_suffix(prefactor.unit), prefactor.value
        size /= fit.law.constant_values[prefactor.name]
    prefactors = list((fit.group_prefactors or {}).items())
    counts = {} if fit.law.label_effects is None else fit.law.label_effects.counts
    labels = [
        (visible(k), f"{number(v * size)}{unit}", f"({_runs(counts[k])})" if k in counts else "")
        for k, v in prefactors[:_MOST_SOURCES]
    ]
    more = len(prefactors) - len(labels)
    rest = [f"and {more} more; --json lists all"] if more else []
    return [
        *_section("Exponents", lines),
        *_section("Activation", activation_lines(activation)),
        *_section("Prefactors", [*_columns(labels), *rest]),
    ]


def _further_lines(fit: FittedLaw) -> list[str]:
    """Regimes, crossover and additive terms, where they were asked for."""
    lines = [_regime(each, fit.law) for each in fit.regimes or ()]
    lines += _along(fit.local or ())
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


def _compare_power_law(law: Law, fit: FittedLaw, *, described: bool) -> list[str]:
    """The power law that was fitted, or those of its regimes, beside another law."""
    power_law_r2, law_r2 = fit.scores.cv_r2_log, law.scores.cv_r2_log
    better = law_r2 is None or power_law_r2 is None or law_r2 >= power_law_r2
    fitted = sum(c.origin == "fitted" for c in law.constants)
    simpler = "simpler and " if fitted < 1 + sum(e.rational is None for e in fit.exponents) else ""
    relation = "better than" if better else f"{simpler}more probable than"
    if described and not better:
        relation = "nearer to the target itself, by its noise, than"
    which = "power laws of the regimes" if len(fit.regimes or ()) > 1 else "power law"
    return [
        f"{relation} the {which} by logarithms, of cross-validated R² {score(power_law_r2)}:",
        f"  {fit.law}",
    ]


def _rival_lines(report: Findings) -> list[str]:
    """The other laws that were found, and where each differs most from the law."""
    lines = [words.rivals_title(report)] if report.rivals else []
    for rival in report.rivals:
        only = "" if rival.extrapolates else "  (interpolates only)"
        lines.append(f"{percent(rival.probability):>6}  {rival.law}{only}")
        if rival.differs_most and not report.leads:
            lines.append(f"        differs most at {place(rival.differs_most)}")
    return lines


def _leads_lines(report: Findings) -> list[str]:
    """Lines on the descriptions of the runs if no law is probable, with their errors."""
    by, says = words.leads_words(report)
    rows = [
        (f"{'->' if is_first else '  '} {what}", error, r2)
        for what, error, r2, is_first in words.descriptions(report)
    ]
    return [*_columns([(by, "error", "R²"), *rows]), *_prose(says)] if rows else []


def _curve_lines(report: Findings, folder: str) -> list[str]:
    """Points of the smooth curve with its band, and how it predicts."""
    curve, target = report.curve, report.target
    if curve is None:
        return []
    line = curve.listed
    unit, rows, held = words.curve_table(curve, line)
    shown = [
        (
            place({line.name: (at, unit)}),
            f"{visible(target.name)} = {amount(value, target.unit.text)}",
            interval(low, high),
        )
        for at, value, low, high in rows
    ]
    text = f"A description, no law, with the {report.level:.0%} band of a new run"
    text += f" at {place(held)}. " if held else ". "
    written = f"{folder or 'DIR'}/curve.json"
    text += f"dimgs predict {written} TABLE predicts between the runs."
    return [*_columns(shown), *_prose(text)]


def place(inputs: Mapping[str, tuple[float, str] | str]) -> str:
    """Values of the inputs of a run, in words."""
    texts = {name: x if isinstance(x, str) else amount(*x) for name, x in inputs.items()}
    return ", ".join(f"{visible(name)} = {text}" for name, text in texts.items())


def next_text(planned: PlannedRuns) -> str:
    """Proposed runs as text."""
    rivals = [
        f"{percent(p):>6}  {name}: {law}"
        for name, (law, p) in zip(planned.names, planned.rivals, strict=True)
    ]
    lines, notes = _section("Laws", rivals)[1:], []
    if len(planned.rivals) == 1:
        notes = ["There is no rival: these runs determine the constants of the one law best."]
    if planned.none_of_these > _MAY_BE_NONE:
        none = percent(planned.none_of_these)
        notes.append(f"The probability that none of these is true is {none}.")
    if len(planned.weights) > 1:
        count, bits = len(planned.rivals), -sum(w * np.log2(w) for w in planned.weights if w > 0)
        shares = ", ".join(map(percent, planned.weights[:count]))
        if more := len(planned.weights) - count:
            shares += f", and {percent(sum(planned.weights[count:]))} for {more} further candidates"
        note = "The runs are chosen with weights in proportion to the square roots of the "
        note += f"probabilities, as laws may not have been found: {shares} ({bits:.2g} bits)."
        notes.append(note)
    for note in notes:
        lines += _section("", _prose(note))
    for k, run in enumerate(planned.runs, 1):
        expected = f"expected information {run.information / np.log(2):.2g} bits"
        if run.varies:
            varied = visible(run.varies)
            expected = (
                f"if {varied} has no effect; it was fixed for each label, and this run tests it"
            )
        predicted = [
            f"{name}: {visible(planned.target)} = {amount(value.value, planned.unit)} "
            f"{interval(*sorted((value.low, value.high)))}"
            for name, value in zip(planned.names, run.predicted, strict=True)
        ]
        lines += _section(f"Run {k}", [place(run.inputs), *predicted, expected])
    return terminal("\n".join(lines))


def report_text(report: Findings, folder: str = "") -> str:
    """A report as text: the law, how well it fits, its verdict, where it holds, and what next.

    Parameters
    ----------
    report : Report
    folder : str
        In which the law was written; empty where it was not.
    """
    above = words.headline(report)
    law, fit = report.law, report.fit
    lines: list[str] = []
    if report.leads_with_curve:
        lines += _section("Curve", _curve_lines(report, folder))
    if law is not None:
        name = "Formula" if report.leads_with_curve else "Law"
        lines += _section(name, law_lines(law, report.centre))
        lines += _section("Compared", _leads_lines(report))
        quality = report_scores(report, law)
        if fit is not None and _is_of(law, fit):
            lines += _exponent_sections(fit)
        elif fit is not None and law.expression != fit.law.expression:
            quality += _compare_power_law(law, fit, described=bool(report.leads))
            lines += _section("Prefactors", [] if law.sources else sources_lines(law))
        quality += [] if fit is None else [_contrasts(fit)]
        lines += _section("Sources", sources_lines(law) if law.sources else [])
        lines += _section("Further", [] if fit is None else _further_lines(fit))
        lines += _section("Quality", quality)
    lines += _section("Verdict", _verdict_lines(report, law, report.left_out_by))
    lines += _section("Rivals", _rival_lines(report))
    lines += _section("Search", _prose(words.remarks(report)))
    lines += _section("Domain", [] if law is None else _domain_lines(law, report))
    lines += _section("Next", _next_lines(report, folder))
    start = lines[1:] if above is None else [above, *lines]
    return terminal("\n".join([_RULE, *start, _RULE]))


def _next_lines(report: Findings, folder: str) -> list[str]:
    """The command that goes on from here."""
    lines = []
    if report.robust_leaves_out:
        rows = rows_shown(report.outliers)
        lie = "lies" if len(report.outliers) == 1 else "lie"
        lines = [f"{_command(report, 'discover')} --robust leaves out {rows}, which {lie} far off"]
    if report.confirmed:
        written = "" if folder else " (--out DIR writes the law)"
        lines.append(f"dimgs predict {folder or 'DIR'}/law.json TABLE predicts new runs{written}")
    if lines:
        return lines
    if report.leads and _units_fix_all(report.basis):
        return [f"{_command(report, 'discover', scales='auto')} frees the exponents"]
    if report.label_followed:
        searched = _command(report, "discover", within=report.label_followed)
        return [f"{searched} gives each label its own prefactor"]
    if report.rivals and not report.leads:
        return [f"{_command(report, 'next')} proposes runs that decide between these"]
    # no search tells how a law combines inputs that no run varies together
    alone = report.law is not None and bool(report.law.domain.varied_alone)
    is_cut = report.outcome == "timeout" and not (report.leads or alone)
    is_thorough = report.options.get("effort") == "thorough"
    if is_cut and not is_thorough:
        return [f"{_command(report, 'discover', effort='thorough')} searches for longer"]
    if report.probability is not None and (is_cut or report.extrapolates is None or alone):
        return [f"{_command(report, 'next')} proposes runs, which can test the law"]
    if report.options.get("arrhenius"):
        searched = _command(report, "discover", scales="auto", arrhenius=())
        return [f"{searched} looks for closed forms too"]
    return [f"{_command(report, 'explore')} shows what the groups explain"]


def _command(report: Findings, name: str, **changes: str | Sequence[str]) -> str:
    """A command about the same groups of the table, with changes of other options."""
    kept = _OF_GROUPS if name == "explore" else (*_OF_GROUPS, "arrhenius")
    given = {n: value for n, value in report.options.items() if n in kept}
    if "constants" in given:
        given["constants"] = ",".join(given["constants"])
    words = [f"dimgs {name} TABLE --target {typed(visible(report.target.name))}"]
    for option, value in (given | changes).items():
        values = [value] if isinstance(value, str) else value
        words += [str(setting(option, each)) for each in values]
    return " ".join(words)


def _units_fix_all(basis: PiBasis) -> bool:
    """Whether the units leave no group, and an unknown scale would give the inputs one."""
    inputs = [v for v in basis.variables if v.role == "data" and not v.dimension.is_dimensionless]
    idle = any(each.remedy for each in basis.dropped)
    return not basis.groups and (bool(inputs) or idle)


def _is_of(law: Law, fit: FittedLaw) -> bool:
    """Whether the law is the power law that was fitted, in whatever form it is written."""
    forms = [each.response_form.expression for each in (law, fit.law)]
    # exponentials of sums cancel only so
    apart = {str(symbol) for symbol in sympy.powsimp(forms[0] / forms[1]).free_symbols}
    # groups, and inputs without a logarithm
    if not apart & {*(group.name for group in law.groups), *law.symbols, *fit.law.symbols}:
        # but for the prefactor and its name
        return True
    return [c.value for c in law.constants] == [c.value for c in fit.law.constants] and all(
        len(form.args) == 0 or form.is_Mul or form.is_Pow for form in forms
    )


def column_ranges(law: Law) -> dict[str, tuple[float, float, str]]:
    """Range of each column in the runs, in its unit of the table."""
    inputs = {v.name: v.unit for v in law.inputs}
    return {
        n: (float(inputs[n].from_si(low)), float(inputs[n].from_si(high)), inputs[n].text)
        for n, (low, high, _) in law.domain.columns.items()
        if n in inputs
    }


def column_of(law: Law, name: str) -> str | None:
    """The one column of a range, beside constants and scales; None where there are more."""
    alone_in_range = ((law.domain.unlogged.get(name, name), 1),)
    group = next((g.exponents for g in law.groups if g.name == name), alone_in_range)
    alone = [n for n, _ in group if n in law.domain.columns]
    return alone[0] if len(alone) == 1 else None


def domain_lines(law: Law) -> list[str]:
    """The range of each group, or of the one column in it, over the runs of a law."""
    lines = []
    for name, (low, high) in law.domain.groups.items():
        group = next((g for g in law.groups if g.name == name), None)
        shown, unit = (None, "1") if group is None else without_scales(law, group)
        what = "" if group is None else f" = {group.known_as or shown}"
        line = f"{number(low)} <= {name}{what} <= {amount(high, unit)}"
        column = column_of(law, name)
        if column is not None:
            low, high, unit = column_ranges(law)[column]
            line = f"{number(low)} <= {visible(column)} <= {amount(high, unit)}"
            line += "" if group is None else f"   ({name})"
        lines.append(line)
    return lines


def _domain_lines(law: Law, report: Findings) -> list[str]:
    """The ranges of the groups, and the inputs that no run varied.

    A formula that only describes the runs holds nowhere else.
    """
    lines = domain_lines(law)
    constant = held_texts(law)
    if not lines and not constant:
        known = "the law holds wherever its inputs describe the system"
        if not report.confirmed:
            known = "the units alone fix the formula" + ", which these runs refute" * bool(
                report.leads
            )
        return [f"no free group: {known}"]
    return [*lines, *never_varied(constant), *_prose(law.doubt)]


def never_varied(inputs: Sequence[str]) -> list[str]:
    """Lines on the inputs that no run varied, each given with its value; none without any."""
    values = ", ".join(text.replace(" ", _NO_BREAK) for text in inputs)
    note = f"never varied: {values}; another value is outside unless all groups stay in their "
    return _prose(f"{note}ranges") if inputs else []
