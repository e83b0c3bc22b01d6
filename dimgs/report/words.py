"""Sentences of a report: the verdict on a law, numbers with units, regimes and errors."""

import math
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from dimgs.common.arrays import Array
from dimgs.common.errors import attempt
from dimgs.common.formats import in_percent, log_size
from dimgs.expression import sympy_parse_condition
from dimgs.fits.noise import Noise, likeliest_measure, rms
from dimgs.groups.catalogue import named_number
from dimgs.groups.group import PiGroup
from dimgs.groups.rationals import equal_rational
from dimgs.law.checked_law import CheckedLaw, percent
from dimgs.law.curve import KIND, Along, Curve
from dimgs.law.display import shown_constants
from dimgs.law.latex import digits_and_power, expression_latex
from dimgs.law.prediction import predicted
from dimgs.report.findings import Findings, ReportRuns, Verdict, r2_of
from dimgs.variables import Variable, shown_unit, superscript, unit_suffix

# ---- The verdict on a law, in words.


_HEADLINES = {
    "no_candidate": "NO LAW FOUND within the budget; best surrogate",
    "timeout": "NOT CONFIRMED; best law when the search reached its limit",
    "interrupted": "NOT CONFIRMED; best law when the search was interrupted",
    "unchecked": "NOT CONFIRMED; law after a short search for others",
    "unavailable": "NOT CONFIRMED; best law without the requested engine",
    "converged": "NOT CONFIRMED; best law",
}


def in_table_unit(target: Variable, size: float) -> float:
    """A difference of targets in SI, in the unit of the table."""
    return float(target.unit.from_si(size) - target.unit.from_si(0.0))


def with_unit(target: Variable, size: float) -> str:
    """Size with its unit, in words."""
    return f"{in_table_unit(target, size):.2g}{unit_suffix(target.unit.text)}"


def noise_text(noise: Noise | None, target: Variable) -> str:
    """The error model of the runs about a law, in one line; empty where there is none.

    Parameters
    ----------
    noise : Noise or None
    target : Variable
        Of the law.
    """
    if noise is None:
        return ""
    share = log_size(noise.size) if noise.kind == "relative" else in_percent(noise.size)
    size = {
        "relative": f"relative, {share} of the target" if noise.size < 1 else f"relative, {share}",
        "constant": f"constant, {with_unit(target, noise.size)} in every run",
        "mixed": f"mixed, {with_unit(target, noise.floor)} and {share} of the target",
    }[noise.kind]
    if noise.tails == "student":
        size += ", with heavy tails (Student's t)"
    if noise.scatter is None:
        return f"noise {size}"
    shared, ratio = noise.scatter.intrinsic, noise.scatter.ratio
    beside = "errors of rounding" if np.isnan(ratio) else f"{ratio:.2g} times the stated errors"
    if shared > 0:
        scatter = with_unit(target, shared) if noise.kind == "constant" else log_size(shared)
        beside += f", with an additional intrinsic scatter of {scatter}"
    return f"noise {size}; {beside}"


def log_error(report: Findings, measured: Array, predicted: Array) -> float | None:
    """Root mean square of the logarithms of predicted over measured targets.

    Parameters
    ----------
    report : Report
    measured, predicted : ndarray of shape (n,)
        Targets in SI.

    Returns
    -------
    float or None
        None for a level, where some target is not positive, and where errors are not relative.
    """
    if report.target.is_level or not report.errors_are_relative:
        return None
    with np.errstate(all="ignore"):
        if np.all(measured > 0) and np.all(predicted > 0):
            return float(np.sqrt(np.mean(np.log(predicted / measured) ** 2)))
    return None


def error_size(report: Findings, measured: Array, predicted: Array) -> str:
    """Root mean square error of predictions, on the scale on which it is of one size, in words.

    Parameters
    ----------
    report : Report
    measured, predicted : ndarray of shape (n,)
        Targets in SI.
    """
    away = log_error(report, measured, predicted)
    if away is not None:
        return f"error {log_size(away)}"
    if report.noise is not None and not report.errors_are_relative:
        return f"error {with_unit(report.target, rms(predicted - measured))}"
    with np.errstate(all="ignore"):
        share = rms(predicted - measured) / (rms(measured) or 1.0)
    return f"error {in_percent(share)} of the rms"


def error_of(report: Findings) -> str:
    """Prediction error of runs left out (rms residual where none were), in words.

    Parameters
    ----------
    report : Report
    """
    measured, predicted, left_out = report.judged_on()
    if not len(measured) or len(predicted) != len(measured):
        return "error unknown"
    which = runs_left_out(report.left_out_by) if left_out else "the fitted runs"
    return f"{error_size(report, measured, predicted)} on {which}"


def runs_left_out(by: str) -> str:
    """What was left out, in words.

    Parameters
    ----------
    by : str
        Column whose labels were left out whole; empty where single runs were.
    """
    return f"whole sources of '{by}' left out" if by else "runs left out"


def curve_table(
    curve: Curve, line: Along
) -> tuple[str, list[tuple[float, ...]], dict[str, tuple[float, str]]]:
    """Points of a smooth curve in the units of the table.

    Parameters
    ----------
    curve : Curve
    line : Along

    Returns
    -------
    str, list of (at, value, low, high), dict of str to (float, str)
        Unit of the input, the points, and the inputs that are held with their units.
    """
    units = {v.name: v.unit for v in curve.inputs}
    columns = (units[line.name].from_si(line.x), *map(curve.target.unit.from_si, line.interval))
    rows = [tuple(map(float, row)) for row in zip(*columns, strict=True)]
    held = {n: (float(units[n].from_si(x)), units[n].text) for n, x in line.held.items()}
    return units[line.name].text, rows, held


# what each description is, for a reader
_DESCRIPTIONS = {
    "power law": "one power law",
    "sum": "a sum of monomials",
    "blend": "two power laws that meet smoothly",
    "regimes": "power laws in regimes",
    "candidate": "the most probable candidate",
    "smooth curve": "a smooth curve (Gaussian process)",
}


def rivals_title(report: Findings) -> str:
    """Title above the rivals or the candidates.

    Parameters
    ----------
    report : Report
    """
    if report.leads:
        return "candidates of the searches, none of them probable:"
    return "other laws that these runs do not exclude:"


def descriptions(report: Findings) -> list[tuple[str, str, str, bool]]:
    """Descriptions of the runs if no law is probable, the simplest first.

    Each in words, with its error, its R² and whether it is the first that is good enough.

    Parameters
    ----------
    report : Report
    """
    return [
        (
            _DESCRIPTIONS[lead.name],
            error,
            "-" if r2 is None else f"{r2:.3f}" if r2 > -1 else "< -1",
            lead.is_first,
        )
        for lead, (error, r2) in zip(report.leads, _left_out_scores(report), strict=True)
    ]


def _left_out_scores(report: Findings) -> list[tuple[str, float | None]]:
    """Errors of the descriptions on runs left out, and R², on the scale of their comparison.

    That is the logarithm unless errors are of one size: elsewhere the largest targets decide.
    """
    target = report.target
    pairs = [(np.array(lead.measured), np.array(lead.left_out)) for lead in report.leads]
    measure = likeliest_measure(pairs[0][0], [left_out for _, left_out in pairs]) if pairs else None
    if measure is None or target.is_level:
        return [(error_size(report, x, y).removeprefix("error "), r2_of(x, y)) for x, y in pairs]
    if measure.kind == "target":
        return [(with_unit(target, rms(x - y)), r2_of(x, y)) for x, y in pairs]
    # residuals of a constant are the target on that scale
    spread = measure.residuals(np.full(len(pairs[0][0]), np.abs(pairs[0][0]).max()))
    scaled = [measure.residuals(left_out) for _, left_out in pairs]
    return [(log_size(rms(away)), r2_of(spread, spread - away)) for away in scaled]


def leads_words(report: Findings) -> tuple[str, str]:
    """Basis and result of the comparison of descriptions; empty if a law is probable.

    Parameters
    ----------
    report : Report
    """
    if not report.leads:
        return "", ""
    by = f"predictions of {runs_left_out(report.left_out_by)}"
    if all(r2 is not None and r2 <= 0 for _, r2 in _left_out_scores(report)):
        return by, (
            "None of these predicts them better than the mean of the target does: no formula that "
            "was found goes beyond the runs that it was fitted to."
        )
    if next(each for each in report.leads if each.is_first).name == report.engine:
        seen = " The form of the candidate was chosen with these runs, its constants without them."
        return by, (
            "The formula is that of the arrow, the simplest from which the best differs by less "
            "than a standard error or a tenth of the error."
            + (seen if report.engine == "candidate" else "")
        )
    return by, (
        "A smooth curve predicts clearly better than every formula that was found: the formula is "
        "the best of these, and no law of the runs."
    )


# seconds of a search of all forms that are worth a word
_NOTICED = 1.0


def probability(judged: Verdict) -> str:
    """Probability of a law in words; empty where it was not judged.

    Parameters
    ----------
    judged : Verdict

    Examples
    --------
    >>> probability(Verdict(probability=0.93, none_of_these=0.05))
    'Posterior: 93 % this law, 2 % other laws, 5 % none of them'
    """
    if judged.probability is None:
        return ""
    posterior, none = judged.probability, judged.none_of_these
    shares = [percent(x) for x in (posterior, max(0.0, 1.0 - posterior - none), none)]
    only = "; it interpolates only" if judged.extrapolates is False else ""
    return "Posterior: {} this law, {} other laws, {} none of them".format(*shares) + only


def remarks(report: Findings) -> str:
    """Remarks on the complete search and on a given form; may be empty.

    Parameters
    ----------
    report : Report
    """
    notes, search, form = [], report.complete_to, report.form
    if search is not None and report.law is not None:
        seconds = f" in {search.seconds:.0f} s" if search.seconds >= _NOTICED else ""
        rest = "only candidates follow the runs as well as the best of them"
        if search.others:
            rest = (
                f"{search.others} of them, none simpler than the candidates, follow the runs about "
                "as well"
            )
        # what was not tried is named too: two constants of a longer form may be anywhere
        notes.append(
            f"All {search.forms} forms of at most {search.nodes} nodes in these groups, with at "
            f"most a fitted factor and a fitted offset or exponent, were tried{seconds}: {rest}."
        )
    if form is not None:
        name, compared = "The given form", "It is the most probable law."
        if report.law is None or form.law.expression != report.law.expression:
            # forms of one law have the probability of the law
            same = form.probability == report.probability
            compared = f"{'It is the' if same else 'The'} law shown above"
            compared += ", written in another way." if same else " is more probable."
            at = ", ".join(
                f"{c.name} = {c.value:.5g}{unit_suffix(c.unit)}"
                for c in shown_constants(form.law)
                if c.origin == "fitted"
            )
            name = f"{name}, {form.law}{', with ' if at else ''}{at},"
        notes.append(f"{name} has the probability {percent(form.probability)}. {compared}")
    return " ".join(notes)


def headline(report: Findings) -> str | None:
    """Headline above a law that is not confirmed; None above a confirmed law.

    Parameters
    ----------
    report : Report
    """
    if report.confirmed:
        return None
    if report.leads:
        kind = _DESCRIPTIONS[report.engine]
        unseen = runs_left_out(report.left_out_by)
        errors = {what: f"error {size} on {unseen}" for what, size, _, _ in descriptions(report)}
        formula = f"{kind}, {errors.get(kind) or error_of(report)}:"
        if report.leads_with_curve:
            curve = f"a smooth curve predicts best, {errors[_DESCRIPTIONS[KIND]]}"
            return f"NO LAW IS PROBABLE; {curve}; best formula, {formula}"
        return f"NO LAW IS PROBABLE; best described by {formula}"
    return f"{_HEADLINES.get(report.outcome, 'NOT CONFIRMED')}, {error_of(report)}:"


def verdict(judged: Verdict, law: CheckedLaw | None, left_out_by: str) -> str:
    """The verdict as a sentence, with the reasons if the law is not confirmed.

    Parameters
    ----------
    judged : Verdict
    law : CheckedLaw or None
        Which knows if runs were set aside before the fit.
    left_out_by : str
        Column whose labels were left out whole in turn; empty where single runs were.
    """
    if not judged.confirmed:
        return " ".join(["Not confirmed.", *judged.why_not])
    aside = law is not None and law.scores.holdout_n
    unseen = "held-out runs" if aside else f"{runs_left_out(left_out_by)} in turn"
    return f"Confirmed: probable, no residual structure, predicts {unseen}."


# ---- Sentences of a report: numbers and units, regimes, errors.


# below this half width, the two sides of a factor are the same to two digits
_EVEN = 0.05
# an exponent of a border that no digit of it shows
_NEARLY_NOTHING = 1e-3
# relative: an interval below it is rounding
_ROUNDING = 1e-9
# a factor by which a new run may be off, above which nothing is known
_UNKNOWN = 1e3
_POWER = re.compile(r"(?:\*\*|\^)(-?\d+)(?![\d.])")


def condition_latex(runs: ReportRuns, where: str) -> str:
    """LaTeX of a regime's condition, named groups by their symbols."""
    if where == "True":
        return r"\mathrm{everywhere}"
    condition: Any = sympy_parse_condition(where, list(runs.values))
    names = {name: runs.symbol(name) for name in runs.values}
    condition = condition.replace(
        lambda part: part.is_Pow and part.exp.is_number and abs(part.exp) < _NEARLY_NOTHING,
        lambda part: sympy.Integer(1),
    )
    return expression_latex(condition, names, digits=3).replace(r"\wedge", r",\;")


def short(value: float, digits: int = 3) -> str:
    """A number in plain text: 0.0123, 2300, 1.2 × 10⁻⁵.

    Examples
    --------
    >>> print(short(2300.0), short(1.234e-5), short(-0.25), short(math.inf))
    2300 1.23 × 10⁻⁵ −0.25 ∞
    """
    if not math.isfinite(value):
        return "not known" if math.isnan(value) else "∞" if value > 0 else "−∞"
    text, power = digits_and_power(value, digits, 6)
    ten = "" if power is None else f"10{superscript(Fraction(power))}"
    if ten and text == "1":
        return ten
    return text.replace("-", "−") + (f" × {ten}" if ten else "")


def rational_text(value: float, largest: int, tolerance: float) -> str:
    """A simple rational where the value is one to a tolerance, else its short form.

    Examples
    --------
    >>> rational_text(1.75, 12, 1e-9), rational_text(0.3333, 6, 1e-6)
    ('7/4', '0.333')
    """
    simple = equal_rational(value, largest, tolerance)
    return short(value) if simple is None else str(simple).replace("-", "−")


def unit_text(unit: str) -> str:
    """A unit with raised exponents; fitted ones in four digits.

    Examples
    --------
    >>> print(unit_text("kg/m^3"), unit_text("m**-2"), unit_text("kg^(1/2)"), unit_text("s^1.5"))
    kg/m³ m⁻² kg^(1/2) s^1.5
    """
    raised = _POWER.sub(lambda match: superscript(Fraction(match[1])), shown_unit(unit))
    return raised.replace("*", "·")


def reference_of(group: PiGroup) -> str | None:
    """Literature reference of a named group."""
    if not group.known_as:
        return None
    name = group.known_as
    plain = (name, name.removeprefix("1/"), re.sub(r"\s*[\^²³⁻½¹⁄/].*$", "", name))
    numbers = (attempt(named_number, each) for each in plain)
    return next((number.reference for number in numbers if number is not None), None)


def regime_sentences(runs: ReportRuns) -> list[tuple[str, str]]:
    """LaTeX of every regime's condition, and a sentence on the exponents inside."""
    sentences = []
    for regime in runs.report.regimes or ():
        powers = []
        for e in regime["exponents"]:
            is_open = None in (e["low"], e["high"])
            between = "" if is_open else f" [{short(e['low'])}, {short(e['high'])}]"
            if is_open or not e["low"] <= 0 <= e["high"]:
                name = _name(runs, e["name"])
                powers.append(f"{name} to the power {short(e['value'])}{between}")
        what = f"the response goes as {listed(powers)}" if powers else "the response is constant"
        sentences.append((condition_latex(runs, regime["where"]), f"{regime['n']} runs: {what}."))
    return sentences


def _name(runs: ReportRuns, name: str) -> str:
    group = runs.groups.get(name)
    unique = group is not None and group.symbol == runs.symbol(name)
    return (group.known_as if group is not None and unique else None) or name


def exponent_name(target: Variable | None) -> str:
    """Header of a column of exponents."""
    return "exponent of the ratio" if target is not None and target.is_level else "exponent"


def listed(parts: Iterable[str]) -> str:
    """Parts as "a, b and c"."""
    items = list(parts)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def spread_text(runs: ReportRuns) -> str:
    """Expected deviation of a new run from the law, as a sentence."""
    law, level = runs.law, runs.report.level
    if not law.symbols:
        return ""
    # the runs themselves, not a mapping, in which "x [s]" would be x in seconds
    prediction = predicted(law, runs.data, level, "run")
    value, low, high = (np.asarray(getattr(x, "magnitude", x)) for x in prediction)
    if runs.is_log and law.uncertainty.errors is None:
        up = float(np.median(high / value)) - 1.0
        down = 1.0 - float(np.median(low / value))
        if up < _ROUNDING:
            return "The law reproduces the runs to the precision of their numbers."
        if not up < _UNKNOWN:
            return "These runs do not determine how far from the law a new run may lie."
        size = f"−{short(100 * down, 2)} % to +{short(100 * up, 2)} %"
        if up < _EVEN:
            size = f"±{short(50 * (up + down), 2)} %"
    else:
        half = float(np.median(high - value))
        size = f"±{short(half, 2)}{unit_suffix(law.target_unit)}"
    return f"A new run inside the domain is expected within {size} of the law ({level:.0%})."


def title_of(report: Findings) -> str:
    """Title of a report in plain text."""
    has_law = report.law is not None and headline(report) is None
    return f"{'A law' if has_law else 'In search of a law'} for {report.target.name}"
