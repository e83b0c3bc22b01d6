"""Diagnostics of a power law: what runs cannot separate, sources that disagree, outliers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial
from itertools import permutations
from math import lcm
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, basis_of, chance_of_gain, least_squares
from dimgs.common.errors import DimgsError, attempt
from dimgs.common.formats import in_percent, rows_shown
from dimgs.dataset import Dataset
from dimgs.dataset.checks import relative_steps
from dimgs.discovery.estimators import (
    estimator,
    fit_ranks,
    fit_squares,
    with_prefactors,
    with_rationals,
)
from dimgs.discovery.missing_input import extra_scales, with_scale
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare, product_of
from dimgs.discovery.scoring import fitted_by, log_target, r2, target_values
from dimgs.fits.design import Design
from dimgs.fits.estimate import Estimate
from dimgs.fits.noise import residuals_about, rms, working_runs
from dimgs.groups.group import PiGroup
from dimgs.law.assemble import refit
from dimgs.law.canonical import absorb, recognise
from dimgs.law.display import shown_constants
from dimgs.law.law import Law
from dimgs.variables import shown_unit

# ---- Outliers: runs with improbable residuals, and the effect of leaving them out.
#
# References:
# R. D. Cook, S. Weisberg, Residuals and Influence in Regression (1982), section 2.2 (residuals of
# runs left out, compared with the scatter of the others; the least chance times their number).
# B. Rosner, Technometrics 25 (1983) 165 (several outliers, which hide each other).


# outlying runs and by how many errors of the others they lie off, the farthest first; and how far
# each run lies from the law of the others
FarRuns = tuple[list[tuple[int, float]], Array]

# chance that the farthest of as many normal errors lies as far: one table in a hundred names a run
# in vain
_LEVEL = 0.01
# that of a run which others hide: gross ones lie much farther, and more sets of runs are compared
_HIDDEN = 1e-4
# runs beyond: there the errors have heavy tails, and no single run is the matter
_MOST = 3
# share of the runs, beyond which a robust search leaves none out: one of the fewest, see _FEWEST
_MOST_SHARE = 1 / 8
# relative error that is rounding, and runs of which one leaves enough to compare it with
_EXACT, _FEWEST = 1e-9, 8
# of so many runs one may be left out: ranks withstand gross errors in 29 % of the runs, and with
# three of 12 to 14 as many tables without outliers name a run as with two (2 of 240)
_ONE_OF = 4
# of more runs three widen the scatter so little that they hide nothing
_MOST_HIDDEN = 1_000
# times that the law of the other runs describes these as closely as a law that rests on outliers:
# of 320 tables of curved laws without outliers, runs are named in 17, and at twice in 29
_CLOSER = 4.0
# the same where one run carries the fit: a wrong unit of an input is a factor of ten at least, and
# the farthest run of a curved law is nearer
_CLOSER_OF_ONE = 16.0


def outlying(residuals: Array, constants: int, level: float = _LEVEL) -> list[tuple[int, float]]:
    """Runs farther from a law than chance allows, and by how many errors of the others.

    Several such runs hide each other, as each widens the scatter that the others are compared
    with. The farthest are therefore left out one by one, and all of them up to the last that lies
    too far count.

    Parameters
    ----------
    residuals : ndarray of shape (n_runs,)
        Of equal variance: of each run by the law fitted without it, or by a robust fit.
    constants : int
        Fitted constants.
    level : float, optional
        Chance at which a run counts that no other hides.

    Returns
    -------
    list of (int, float)
        The farthest first; empty where there are so many that the errors have heavy tails.

    Examples
    --------
    >>> away = np.array([0.1, -0.2, 0.15, -0.1, 0.05, 0.2, -0.15, 0.1, 0.0, 3.0, -3.0])
    >>> [(run, round(times)) for run, times in outlying(away, 1)]
    [(9, 21), (10, 21)]
    """
    rows = np.flatnonzero(np.isfinite(residuals))
    # squares of very large residuals leave the range of doubles
    residuals = residuals / max(1.0, float(np.abs(residuals[rows]).max(initial=0.0)))
    out, n_far, scatter = list[int](), 0, 1.0
    most = min(_MOST + 1, max(1, len(rows) // _ONE_OF))
    while len(rows) >= max(_FEWEST, constants + 3) and len(out) < most:
        squares = np.square(residuals[rows])
        worst = int(np.argmax(squares))
        dof = len(rows) - 1 - constants
        # in units of their own: of exact runs the others leave nothing of a sum with a large one
        error = max(float(np.sqrt(np.delete(squares, worst).sum() / dof)), _EXACT)
        times = float(np.sqrt(squares[worst])) / error
        out.append(int(rows[worst]))
        chance = 2 * len(rows) * float(special.stdtr(dof, -times))
        if chance < (level if n_far == len(out) - 1 else _HIDDEN):
            n_far, scatter = len(out), error
        rows = np.delete(rows, worst)
    far = out[:n_far] if n_far <= _MOST else []
    return [(run, float(np.abs(residuals[run])) / scatter) for run in far]


def far_runs(design: Design, law: Law, left_out: Array | None, constants: int) -> FarRuns:
    """Runs that lie far from a law, or from the law that the others follow.

    Parameters
    ----------
    design : Design
    law : Law
    left_out : ndarray of shape (n_runs,) or None
        On the logarithm of the target where the response has one, else on the target; None where
        the law was not fitted without each run.
    constants : int
        That were fitted.
    """
    hidden = carrying(design, law)
    if left_out is None:
        return hidden
    residuals = in_errors(design, law, left_out)
    if design.bounds is not None:
        # the working value of a bound rests on the scatter of all runs, outliers included
        residuals[design.bounds] = np.nan
    exposed = outlying(residuals, constants)
    return (exposed, left_out) if len(exposed) > len(hidden[0]) else hidden


def carrying(
    design: Design, law: Law, closer: tuple[float, float] = (_CLOSER, _CLOSER_OF_ONE)
) -> FarRuns:
    """Outlying runs that a law rests on.

    A robust power law names them, or that of all runs but the farthest. The law rests on them if
    the power law of the others describes these others several times as closely.

    Parameters
    ----------
    design : Design
    law : Law
    closer : (float, float), optional
        How many times as closely, of runs that a robust power law names and of the farthest one.
    """
    none: FarRuns = [], np.zeros(design.n_runs)
    if design.scale == "linear" or design.n_runs > _MOST_HIDDEN or design.censored:
        return none
    robust = attempt(fit_ranks, replace(design, errors=None, tails=None), law.level)
    if robust is None:
        return none
    columns = with_prefactors(design)
    scaled = replace(design, errors=law.uncertainty.errors, tails=None)

    def misses(fitted: Array) -> Array:
        return design.root * residuals_about(scaled, fitted)[0]

    # ranks withstand wrong targets; a wrong input moves them, as that run lies far out
    starts = robust.predict(design), _of_others(design, columns)
    for fitted, times in zip(starts, closer, strict=True):
        for _ in range(2):
            runs = outlying(misses(fitted), columns.shape[1], _HIDDEN)
            rest = np.setdiff1d(np.arange(design.n_runs), [run for run, _ in runs])
            work = working_runs(scaled, fitted).take(rest)
            constants = least_squares(work.root[:, None] * columns[rest], work.root * work.y)
            fitted = columns @ constants + design.offset
        closely, loosely = (
            rms(misses(values)[rest]) for values in (fitted, fitted_by(law, design))
        )
        if runs and times * closely < loosely:
            return runs, log_target(design) - fitted
    return none


def _of_others(design: Design, columns: Array) -> Array:
    """The target by the power law without the run that raises its sum of squares the most."""
    weighted, y = design.root[:, None] * columns, design.root * design.y
    basis = basis_of(weighted, _EXACT)
    free = 1.0 - np.sum(basis**2, axis=1)
    raised = np.divide(
        (y - basis @ (basis.T @ y)) ** 2, free, out=np.zeros_like(y), where=free > _EXACT
    )
    rest = np.arange(len(y)) != np.argmax(raised)
    return np.asarray(columns @ least_squares(weighted[rest], y[rest]) + design.offset)


def in_errors(design: Design, law: Law, left_out: Array) -> Array:
    """Residuals on the scale on which the errors of a law are of one size, of equal variance.

    The residual of a run left out holds the error of the law there, and that of a run with a large
    leverage mostly this one: it is weighed by the residual from the law of all runs.

    Parameters
    ----------
    design : Design
    law : Law
    left_out : ndarray of shape (n_runs,)
        On the logarithm of the target where the response has one, else on the target.
    """
    errors, values = law.uncertainty.errors, law.predict_si(design.data)
    measured = target_values(design)
    if design.scale == "linear":
        away = measured - values
    elif errors is None:
        away = log_target(design) - fitted_by(law, design)
    else:
        with np.errstate(over="ignore"):
            left_out = errors.of(measured) - errors.of(measured * np.exp(-left_out))
        away = errors.of(measured) - errors.of(values)
    # products leave the range of doubles before the values do
    roots = np.sqrt(np.abs(away)) * np.sqrt(np.abs(left_out))
    # refits of few runs at a time: what differs in sign is as small as the smaller of the two
    alike = np.sign(away) == np.sign(left_out)
    sizes = np.where(alike, roots, np.minimum(np.abs(away), np.abs(left_out)))
    # a run whose stated error is large may lie far from the law
    return np.asarray(np.sign(left_out) * sizes * design.root)


class Outliers(NamedTuple):
    """Outlying runs.

    Attributes
    ----------
    said : tuple of str
        A sentence on each, and one on what changes without them.
    rows : tuple of int
    robust : callable
        Whether a robust search would leave all of them out: a fit that not every caller needs.
    """

    said: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    robust: Callable[[], bool] = bool


def outliers_of(
    design: Design, law: Law, left_out: Array, options: Options, fit: Estimate | None
) -> Outliers:
    """The outlying runs of a law.

    Parameters
    ----------
    design : Design
    law : Law
    left_out : ndarray of shape (n_runs,)
        On the logarithm of the target where the response has one, else on the target.
    options : Options
    fit : Estimate or None
        The power law, where that is the law.
    """
    fitted = sum(c.origin == "fitted" for c in law.constants)
    count = fitted if fit is None else 1 + len(fit.exponents)
    outliers, away = ([], left_out) if options.robust else far_runs(design, law, left_out, count)
    design = replace(design, errors=law.uncertainty.errors)
    if not outliers:
        return Outliers()
    rows = tuple(int(design.data.rows[run]) for run, _ in outliers)
    out = [
        f"The run of {_place(design, run, float(away[run]))} the law of the others, "
        f"{times:.2g} times their error."
        for run, times in outliers
    ]
    rest = design.take(np.setdiff1d(np.arange(design.n_runs), [run for run, _ in outliers]))
    changes = attempt(list, _changes(design, rest, law, options, fit)) or []
    it = "it" if len(outliers) == 1 else "them"
    robust = cache(partial(_robust_leaves_out, design, rows, options))
    if fit is None and robust():
        changes.append(f"With {setting('robust')}, the search leaves {{it}} out.")
    return Outliers((*out, *(text.format(it=it) for text in changes)), rows, robust)


def _robust_leaves_out(design: Design, rows: Sequence[int], options: Options) -> bool:
    """Whether a robust search leaves all of these rows out."""
    # None where such a search is not combined with what was asked for
    asked = attempt(replace, options, robust=True)
    if asked is None or options.within is not None or design.scale != "log":
        return False
    # the power law of a robust search may be another one than the law, and reach the runs
    kept, *_ = without_outliers(design.data, design.target.name, asked)
    return not np.isin(rows, kept.rows).any()


def without_outliers(
    data: Dataset, target: str, options: Options
) -> tuple[Dataset, Options, list[str]]:
    """The runs that do not lie far from the robust power law, and a note on those that do.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options

    Returns
    -------
    Dataset, Options, list of str
        All runs, unless the options ask for a robust search. All runs too, and options of a search
        that is not robust, where more than an eighth lie far and these are not a few that lie
        beyond chance: the errors have heavy tails then, or the law is another one.
    """
    if not options.robust:
        return data, options, []
    try:
        design = _freest(data, target, options)
        if design.bounds is not None:
            design = design.take(np.flatnonzero(~design.bounds))
        fit = estimator(options)(design)
    except DimgsError:
        # the search says what is wrong
        return data, options, []
    far, away = list(fit.outliers), log_target(design) - fit.predict(design)
    if len(far) > _MOST_SHARE * design.n_runs:
        far = [run for run, _ in outlying(away, 1 + len(fit.exponents))]
    if not far and fit.outliers:
        rows = rows_shown(design.data.rows[sorted(fit.outliers)].tolist())
        note = (
            f"{len(fit.outliers)} of {design.n_runs} runs lie far from the robust power law "
            f"({rows}). A robust search leaves at most an eighth out, so all runs count, as "
            f"without {setting('robust')}: the errors have heavy tails, or the law is another "
            f"one. Leave out rows that are of another kind."
        )
        return data, replace(options, robust=False), [note]
    if not far:
        return data, options, []
    named = [_place(design, run, float(away[run])) for run in far[:_MOST]]
    more = f", and {len(far) - _MOST} more" if len(far) > _MOST else ""
    note = (
        f"With {setting('robust')}, outlying runs are left out of the search and the judgement: "
        f"{'; '.join(named)}{more} the robust power law."
    )
    rest = data.take(np.flatnonzero(~np.isin(data.rows, design.data.rows[far])))
    return rest, options, [note]


def _freest(data: Dataset, target: str, options: Options) -> Design:
    """The design of a table; where a search chooses the scales, in all groups that it may choose.

    A power law of fewer groups may lie so far from the runs that none of them stands out.
    """
    design = prepare(data, target, options).design
    for scale in extra_scales(design.basis) if options.scales == "auto" else ():
        more = replace(options, scales=with_scale(design.basis, scale))
        freer = attempt(prepare, data, target, more)
        design = design if freer is None else freer.design
    return design


def _place(design: Design, run: int, away: float) -> str:
    """The row and labels of a run, and how far from a law it lies."""
    labels = ", ".join(f"{name} {design.data[name][run]}" for name in design.data.label_names)
    if design.scale == "log" and not design.target.is_level:
        far = abs(float(np.expm1(np.clip(away, -700, 700))))
        size = in_percent(far) if far < 10 else f"a factor of {far + 1:.2g}"
    else:
        away = float(design.target.of_logs(np.array(away))) if design.target.is_level else away
        size = f"{abs(away):.3g} {design.target.si_unit}".removesuffix(" 1")
    row = f"row {design.data.rows[run]}{f' ({labels})' if labels else ''}"
    return f"{row} lies {size} {'above' if away > 0 else 'below'}"


def _changes(
    design: Design, rest: Design, law: Law, options: Options, fit: Estimate | None
) -> Iterator[str]:
    if fit is None:
        form = law.response_form
        start = form.constants
        fitted = refit(rest, form.expression, start).values.tolist()
        values = form.in_law(dict(zip(sorted(start), fitted, strict=True)))
        moved = (replace(c, value=values.get(c.name, c.value)) for c in law.constants)
        shown = {c.name: c for c in shown_constants(recognise(absorb(law)))}
        after = shown_constants(absorb(replace(law, constants=tuple(moved))))
        pairs = [(shown[c.name].value, c) for c in after if c.name in shown]
        moves = [(abs(c.value - old) / (abs(old) or 1.0), c.name, old, c) for old, c in pairs]
        # a law without a fitted constant stays what it is
        for _, name, old, c in [max(moves)] if start and moves else []:
            unit = f" {shown_unit(c.unit)}".removesuffix(" 1")
            yield f"Without {{it}}, {name} is {c.value:.4g}{unit} instead of {old:.4g}{unit}."
        return
    without = with_rationals(rest, estimator(options)(rest))
    yield f"Without {{it}}, {_largest(fit, without)}."
    if options.within is None and design.scale == "log":
        robust = with_rationals(design, estimator(replace(options, robust=True))(design))
        yield f"With {setting('robust')}, {_largest(fit, robust)}."


def _largest(fit: Estimate, other: Estimate) -> str:
    """The change that is largest in half widths of the interval."""
    pairs = list(zip(fit.variable_exponents, other.variable_exponents, strict=False))
    moved = [(abs(b.value - a.value) / (a.high - a.low), a, b) for a, b in pairs if a.high > a.low]
    if moved:
        _, a, b = max(moved, key=lambda x: x[0])
        return (
            f"the exponent of {a.name} is {b.value:.4g} [{b.low:.4g}, {b.high:.4g}] instead of "
            f"{a.value:.4g} [{a.low:.4g}, {a.high:.4g}]"
        )
    with np.errstate(over="ignore"):
        ratio = float(np.exp(other.intercept - fit.intercept))
    return f"the prefactor {'rises' if ratio > 1 else 'falls'} by {in_percent(abs(ratio - 1))}"


# more labels name single runs rather than groups
_MOST_LABELS = 20
# every column of labels is tested on every table: a warning in a thousand may be chance
_ALPHA = 1e-3
# of prefactors, relative: less is the calibration of one instrument against another
_SMALLEST_EFFECT = 0.05
# of R² by variables on both sides: less changes no judgement
_INFLATION = 0.02
# spread inside of groups, of that over all runs, that is rounding
_SAME = 1e-6
# share of the variance about a law from which rounding is named, and up to which it may be the
# cause: an estimate from 20 runs is off by a third; and of different numbers among readings
_ROUNDING_SHARE, _ALL_OF_IT, _DIFFERENT = 0.25, 1.5, 0.5
# scatter of readings of two digits, within which a target is computed from inputs; of more inputs
# without a coefficient among them, such a product is rather a law
_LEAK, _FEW_COLUMNS = 0.02, 3
# sources, from which on their random effects say what differs
_FEWEST_SOURCES = 5
# share of groups on one side of the pooled exponent: three of four, as the groups of a paradox lie
_ONE_SIDED = 0.75
# that of halves, thirds, quarters and their sums: what else a direction has is its noise
LARGEST_DENOMINATOR = 12
# range of a logarithm that is rounding of its values in a file of ten digits
VARIED = 1e-9


def group_warnings(design: Design, fit: Estimate) -> list[str]:
    """Warnings about label columns whose groups contradict the pooled law.

    Two traps are looked for: exponents within the groups that differ from the pooled ones
    (E. H. Simpson, J. R. Stat. Soc. B 13 (1951) 238-241), and groups whose runs lie
    systematically above or below the others.

    Parameters
    ----------
    design : Design
    fit : Estimate
        Pooled over the groups.

    Returns
    -------
    list of str
    """
    if design.within is not None:
        note = _exponents_apart(design, fit, design.labelled[0], design.within)
        return [] if note is None else [note]
    if design.sources:
        notes = [_confounded(design, name, labels) for name, labels in design.sources]
        few = [s for s in design.sources if len(np.unique(s[1])) < _FEWEST_SOURCES]
        notes += [_exponents_apart(design, fit, *source) for source in few[:1]]
        return [note for note in notes if note is not None]
    out = []
    for name in design.data.label_names:
        labels = np.asarray(design.data[name]).astype(str)
        _, counts = np.unique(labels, return_counts=True)
        large = np.count_nonzero(counts >= design.X.shape[1] + 3)
        if not 2 <= len(counts) <= _MOST_LABELS or large < 2:
            continue
        confounded = _confounded(design, name, labels)
        if confounded:
            # to compare groups at equal inputs, or inside of them, would take the effect away
            out.append(confounded)
            continue
        trap = _simpson(design, fit, name, labels)
        apart = _disagreement(design, fit, name, labels)
        out += [warning for warning in (trap, apart) if warning is not None]
    return out


def _confounded(design: Design, column: str, labels: NDArray[np.str_]) -> str | None:
    """Inputs of the features that are the same within every group, though not over all runs."""
    code = np.unique(labels, return_inverse=True)[1]
    counts = np.bincount(code)
    same = []
    for feature, x in zip(design.features, design.X.T, strict=True):
        means = np.bincount(code, x) / counts
        inside = float(np.abs(x - means[code]).max())
        if inside <= _SAME * float(np.ptp(x)):
            same.append(str(feature.name if feature.group is None else feature.group))
    if not same:
        return None
    be, it = ("is", "it") if len(same) == 1 else ("are", "them")
    start = f"{' and '.join(same)} {be} the same within every group of '{column}': "
    if design.sources:
        return (
            f"{start}only the differences between the {len(counts)} groups show the effect of "
            f"{it}, and intervals are as wide as these scatter."
        )
    return (
        f"{start}the effect of {it} cannot be separated from other "
        f"differences between the groups, {setting('within', column)} would remove both, and "
        f"intervals that take runs for independent are too narrow "
        f"({setting('split_by', column)})."
    )


def _by_label(design: Design, labels: NDArray[Any], level: float) -> dict[str, Estimate]:
    """The power law of the runs of each label that has enough of them."""
    out = {}
    for label in np.unique(labels):
        part = design.take(np.flatnonzero(labels == label))
        enough = part.n_runs >= design.X.shape[1] + 3
        if enough and (fit := attempt(fit_squares, part, level)) is not None:
            out[str(label)] = fit
    return out


def _simpson(design: Design, fit: Estimate, column: str, labels: NDArray[np.str_]) -> str | None:
    parts = _by_label(design, labels, fit.level)
    for j, feature in enumerate(design.features):
        pooled, half = fit.values[j], (fit.exponents[j].high - fit.exponents[j].low) / 2
        determined = {k: p for k, p in parts.items() if np.all(np.isfinite(p.intervals[j]))}
        ends = {k: p.intervals[j] + (-half, half) for k, p in determined.items()}
        outside = [k for k, (low, high) in ends.items() if not low <= pooled <= high]
        if len(determined) < 2 or 2 * len(outside) <= len(determined):
            continue
        per_label = ", ".join(f"{k} {p.values[j]:.3g}" for k, p in determined.items())
        above = float(np.mean([determined[k].values[j] > pooled for k in outside]))
        what = "Simpson's trap: the pooled" if max(above, 1 - above) >= _ONE_SIDED else "The pooled"
        return (
            f"{what} exponent of {feature.name} is {pooled:.3g}, but within the groups of "
            f"'{column}' it is {per_label}; use {setting('within', column)}, or one group."
        )
    return None


def _exponents_apart(
    design: Design, fit: Estimate, column: str, labels: NDArray[Any]
) -> str | None:
    """F test of exponents by group, beside prefactors by group, with what differs most."""
    common = _with_prefactors(design, labels)
    plain = replace(design, within=None, split=None, sources=())
    parts = _by_label(plain, labels, fit.level)
    if len(parts) < 2 or common is None or not design.features:
        return None
    p = design.X.shape[1]
    held = np.isin(labels.astype(str), [*parts])
    together = design.root * common[1]
    alone = np.zeros(design.n_runs)
    for name, part in parts.items():
        rows = labels.astype(str) == name
        alone[rows] = (design.root * _residuals(plain, part))[rows]
    extra, rest = (len(parts) - 1) * p, int(held.sum()) - len(parts) * (p + 1)
    if chance_of_gain(together[held], alone, extra, rest) > _ALPHA:
        return None
    # of the input whose exponents lie farthest apart, in half widths of their intervals
    values = np.array([part.values for part in parts.values()])
    halves = np.array([np.ptp(part.intervals, axis=1) / 2 for part in parts.values()])
    j = int(np.argmax(np.ptp(values, axis=0) / np.maximum(np.median(halves, axis=0), 1e-300)))
    feature = design.features[j]
    kelvin = feature.contrast == "inverse"
    each = ", ".join(
        f"{name} {-v:.4g} K" if kelvin else f"{name} {v:.3g}"
        for name, v in zip(parts, values[:, j], strict=True)
    )
    what = "activation temperatures along 1/" if kelvin else "exponents of "
    name = feature.variable or (feature.name if feature.group is None else str(feature.group))
    return (
        f"The groups of '{column}' have different {what}{name} ({each}): a power law that differs "
        f"in its prefactor alone does not hold; fit each group alone, or search for another form."
    )


def _residuals(design: Design, fit: Estimate) -> Array:
    effects = fit.effects or {}
    shifts = [] if design.within is None else [effects.get(str(k), 0.0) for k in design.within]
    return np.asarray(design.y - fit.intercept - (shifts or 0.0) - design.X @ fit.values)


def _with_prefactors(design: Design, labels: NDArray[Any]) -> tuple[Estimate, Array] | None:
    """The power law with a prefactor for each label, with its residuals; None where it fails."""
    by_label = replace(design, within=labels, sources=())
    # no interval is asked for
    fit = attempt(fit_squares, by_label, 0.9)
    return None if fit is None else (fit, _residuals(by_label, fit))


def _disagreement(
    design: Design, fit: Estimate, column: str, labels: NDArray[np.str_]
) -> str | None:
    """F test of a prefactor for each group, with the size of the largest difference."""
    apart = _with_prefactors(design, labels)
    if apart is None or (effects := apart[0].effects) is None:
        return None
    pooled, within = _residuals(design, fit), apart[1]
    extra = len(np.unique(labels)) - 1
    rest = design.n_runs - extra - 1 - design.X.shape[1]
    p = chance_of_gain(pooled, within, extra, rest)
    ranges = {k: np.sort(design.X[labels == k], axis=0)[[0, -1]] for k in effects}

    def overlap(a: str, b: str) -> bool:
        return bool(np.all(ranges[a][0] <= ranges[b][1]) and np.all(ranges[b][0] <= ranges[a][1]))

    pairs = [(overlap(a, b), effects[b] - effects[a], a, b) for a, b in permutations(effects, 2)]
    # groups whose inputs overlap first: between others the difference rests on the form of the law
    overlapping, spread, low, high = max(pairs)
    if p > _ALPHA or spread < _SMALLEST_EFFECT:
        return None
    where = "at equal inputs" if overlapping else "by one law, for their inputs do not overlap"
    return (
        f"The groups of '{column}' disagree: {where}, '{high}' lies {np.exp(spread):.3g} "
        f"times above '{low}' (p = {p:.1g}); a difference in units, in method or in an input that "
        f"is missing would look like this ({setting('within', column)} removes it)."
    )


def rounding_advice(law: Law, data: Dataset) -> list[str]:
    """Advice on columns whose rounding may be much of the scatter about a law.

    Digits do not say whether a number was read or set. A column is named if rounding of readings
    would explain a good part of the scatter and no more than all of it, and if most of its numbers
    are different.

    Parameters
    ----------
    law : Law
        With its scores.
    data : Dataset
        Its runs.
    """
    scatter, target = law.scores.rmse_log, law.target
    if not scatter or target.is_level or not np.all(law.predict_si(data) > 0):
        return []
    of_inputs = law.elasticities(data)
    slopes = {target.name: np.ones(data.n_runs), **of_inputs}
    out = []
    for name, slope in slopes.items():
        variable = data.variable(name)
        is_known = name in data.rounded or name in data.errors or variable.is_level
        if is_known or variable.unit.scale != "ratio" or np.ptp(data[name]) == 0.0:
            continue
        with np.errstate(all="ignore"):
            share = float(np.mean((slope * relative_steps(data, name)) ** 2)) / (12.0 * scatter**2)
        few = len(np.unique(data[name])) < _DIFFERENT * len(slope)
        if few or not _ROUNDING_SHARE <= share <= _ALL_OF_IT:
            continue
        explained = in_percent(min(share, 1.0))
        out.append(
            f"If '{name}' holds readings, their rounding explains {explained} of the variance "
            f"about the law: {setting('rounded', name)} takes it into account."
        )
    return [*out, *_leak_advice(target.name, of_inputs, data)]


def _leak_advice(target: str, slopes: Mapping[str, Array], data: Dataset) -> list[str]:
    """Warning on a law that may be the formula by which one of its inputs was computed."""
    # exponents that were fitted are near those of the product
    halves = {n: round(2 * float(np.median(s))) for n, s in slopes.items()}
    powers = {n: Fraction(h, 2) for n, h in halves.items() if h}
    if any(data.variable(n).is_level or np.any(data[n] <= 0) for n in powers):
        return []
    # a coefficient has no dimension; other products of many columns are rather laws
    ratio = any(data.variable(n).dimension.is_dimensionless for n in powers)
    product = product_of(data, target, powers, coarse=_LEAK)
    if product is None or not (ratio or len(powers) <= _FEW_COLUMNS):
        return []
    text = (
        f"'{target}' equals {product[0]} in every run, to within the rounding of these columns: "
        f"if one of them was computed from the target, leave it out ({setting('drop', 'NAME')})."
    )
    return [text]


# runs at which exponents are looked at, which takes 2 ms; 5,000 take 10 ms, and hardly say more
_LOOKED_AT = 100


def open_inputs(law: Law, data: Dataset) -> tuple[str, ...]:
    """Inputs on which the target may not depend: the interval of the exponent holds 0 everywhere.

    Parameters
    ----------
    law : Law
    data : Dataset
        Its runs, of which some are looked at.

    Returns
    -------
    tuple of str
        Without inputs whose exponents have no interval, as few runs determine none.
    """
    some = data.take(np.unique(np.linspace(0, data.n_runs - 1, _LOOKED_AT).astype(int)))
    local = law.elasticities(some, law.level).items()
    ends = [(name, np.array([each.low, each.high])) for name, each in local]
    return tuple(n for n, x in ends if np.all(np.isfinite(x[0]) & (x[0] < 0) & (x[1] > 0)))


def self_correlation(design: Design, fitted: Array) -> list[str]:
    """Warning where pi_0 shares variables with its groups and looks better than the target.

    Parameters
    ----------
    design : Design
    fitted : ndarray of shape (n_runs,)
        The law's ln(target).
    """
    residuals = log_target(design) - fitted
    in_groups = r2(residuals, design.y, least=1.0)
    return shared_variables(design, in_groups, r2(residuals, log_target(design), least=1.0))


def shared_variables(design: Design, in_groups: float | None, honest: float | None) -> list[str]:
    """Warning that pi_0 shares variables with the groups, with both R²."""
    if design.scale != "log" or in_groups is None or honest is None:
        return []
    used = {n for f in design.features if f.group is not None for n, _ in f.group.exponents}
    shared = sorted({n for n, _ in design.response.exponents} & used)
    if not shared or in_groups - honest < _INFLATION:
        return []
    sentence = (
        f"pi_0 shares {', '.join(shared)} with the groups, so that its own R² of {in_groups:.3f} "
        f"would flatter the law; on the target it is {honest:.3f}."
    )
    return [sentence]


def monomial_text(design: Design, direction: Array) -> str:
    """A direction in feature space as a monomial of the physical variables."""
    amounts = [Fraction(float(w)).limit_denominator(LARGEST_DENOMINATOR) for w in direction]
    monomials = (f.monomial for f in design.features)
    powers = _of_data(design, PiGroup.product("product", monomials, amounts).as_dict())
    common = lcm(*(e.denominator for e in powers.values()))
    if common <= LARGEST_DENOMINATOR:
        powers = {n: e * common for n, e in powers.items()}
    return str(PiGroup.of("pi", powers))


def separation_warnings(design: Design, fit: Estimate, cv_r2_log: float | None) -> list[str]:
    """Warnings on collinear directions, and on a power law that fails on held-out runs."""
    out = [
        f"{monomial} never varied though {name} did, so that no exponent along it is determined; "
        f"runs in which it changes would do so."
        for monomial, name in _constant_groups(design)
    ]
    for direction in fit.null_directions:
        monomial = monomial_text(design, direction)
        out.append(
            f"The runs cannot separate exponents along {monomial}, which never varied; runs in "
            f"which {monomial} changes while the other groups stay would."
        )
    for direction in fit.weak_directions:
        monomial = monomial_text(design, direction)
        out.append(
            f"{monomial} hardly varied: exponents along it are uncertain; vary it to know them."
        )
    if cv_r2_log is not None and cv_r2_log < 0.5:
        out.append(
            f"The fitted power law fails on held-out runs: it predicts runs left out with R² = "
            f"{cv_r2_log:.2f} on the {'logarithm of the ' * (not design.target.is_level)}target."
        )
    return out


def _constant_groups(design: Design) -> list[tuple[str, str]]:
    """Groups that are the same in every run although a variable in them is not."""
    out = []
    for group in design.basis.groups:
        if group.name not in design.never_varied or design.basis.is_signed(group):
            continue
        data = _of_data(design, dict(group.exponents))
        for name in data:
            values = design.data[name]
            if np.ptp(np.log(values)) > VARIED:
                out.append((str(PiGroup.of("pi", data)), name))
                break
    return out


def _of_data(design: Design, powers: dict[str, Fraction]) -> dict[str, Fraction]:
    apart = {v.name for v in design.basis.variables if v.role != "data"}
    return {name: e for name, e in powers.items() if name not in apart}
