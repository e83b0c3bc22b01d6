"""Outliers: runs with improbable residuals, and the effect of leaving them out.

References
----------
R. D. Cook, S. Weisberg, Residuals and Influence in Regression (1982), section 2.2 (residuals of
runs left out, compared with the scatter of the others; the least chance times their number).
B. Rosner, Technometrics 25 (1983) 165 (several outliers, which hide each other).
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import special

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, least_squares
from dimgs.common.errors import DimgsError, attempt
from dimgs.common.formats import in_percent
from dimgs.dataset import Dataset
from dimgs.discovery.estimators import estimator, fit_ranks, with_prefactors
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.discovery.rational_exponents import with_rationals
from dimgs.discovery.scoring import fitted_by, log_target, target_values
from dimgs.fits.design import Design
from dimgs.fits.estimate import Estimate
from dimgs.fits.noise import residuals_about, rms, working_runs
from dimgs.law.assemble import refit
from dimgs.law.canonical import absorb, recognise
from dimgs.law.display import shown_constants
from dimgs.law.law import Law
from dimgs.variables import shown_unit

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
# share of the runs, beyond which a robust search leaves none out
_MOST_SHARE = 0.1
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
    exposed = outlying(in_errors(design, law, left_out), constants)
    return (exposed, left_out) if len(exposed) > len(hidden[0]) else hidden


def carrying(design: Design, law: Law) -> FarRuns:
    """Outlying runs that a law rests on.

    A robust power law names them. The law rests on them if the power law of the others describes
    these others several times as closely.

    Parameters
    ----------
    design : Design
    law : Law
    """
    none: FarRuns = [], np.zeros(design.n_runs)
    if design.scale == "linear" or design.n_runs > _MOST_HIDDEN or design.censored:
        return none
    robust = attempt(fit_ranks, replace(design, errors=None, tails=None), law.level)
    if robust is None:
        return none
    columns, fitted = with_prefactors(design), robust.predict(design)
    size = np.ones(design.n_runs) if design.weights is None else np.sqrt(design.weights)
    scaled = replace(design, errors=law.uncertainty.errors, tails=None)

    def misses(fitted: Array) -> Array:
        return size * residuals_about(scaled, fitted)[0]

    for _ in range(2):
        runs = outlying(misses(fitted), columns.shape[1], _HIDDEN)
        rest = np.setdiff1d(np.arange(design.n_runs), [run for run, _ in runs])
        work = working_runs(scaled, fitted)
        roots = (size if work.weights is None else np.sqrt(work.weights))[rest]
        constants = least_squares(roots[:, None] * columns[rest], roots * work.y[rest])
        fitted = columns @ constants + design.offset
    closely, loosely = (rms(misses(values)[rest]) for values in (fitted, fitted_by(law, design)))
    return (runs, log_target(design) - fitted) if _CLOSER * closely < loosely else none


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
    elif design.scale == "level" or errors is None:
        away = log_target(design) - fitted_by(law, design)
    else:
        with np.errstate(over="ignore"):
            left_out = errors.of(measured) - errors.of(measured * np.exp(-left_out))
        away = errors.of(measured) - errors.of(values)
    # a run whose stated error is large may lie far from the law
    size = 1.0 if design.weights is None else np.sqrt(design.weights)
    # products leave the range of doubles before the values do
    roots = np.sqrt(np.abs(away)) * np.sqrt(np.abs(left_out))
    # refits of few runs at a time: what differs in sign is as small as the smaller of the two
    alike = np.sign(away) == np.sign(left_out)
    sizes = np.where(alike, roots, np.minimum(np.abs(away), np.abs(left_out)))
    return np.asarray(np.sign(left_out) * sizes * size)


def outlier_warnings(
    design: Design, law: Law, left_out: Array, options: Options, fit: Estimate | None
) -> tuple[list[str], tuple[int, ...]]:
    """A sentence on each outlying run, and one on what changes without them; and their rows.

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
        return [], ()
    rows = tuple(int(design.data.rows[run]) for run, _ in outliers)
    out = [
        f"The run of {_place(design, run, float(away[run]))} the law of the others, "
        f"{times:.2g} times their error."
        for run, times in outliers
    ]
    rest = design.take(np.setdiff1d(np.arange(design.n_runs), [run for run, _ in outliers]))
    changes = attempt(list, _changes(design, rest, law, options, fit)) or []
    it = "it" if len(outliers) == 1 else "them"
    return [*out, *(text.format(it=it) for text in changes)], rows


def without_outliers(data: Dataset, target: str, options: Options) -> tuple[Dataset, list[str]]:
    """The runs that do not lie far from the robust power law, and a note on those that do.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options
        Of a robust search.

    Returns
    -------
    Dataset, list of str
        All runs where more than a tenth lie far, and these are not a few that lie beyond chance:
        the errors have heavy tails then, or the law is another one.
    """
    try:
        design = prepare(data, target, options).design
        fit = estimator(options)(design)
    except DimgsError:
        # the search says what is wrong
        return data, []
    far = list(fit.outliers)
    away = log_target(design) - fit.predict(design)
    if len(far) > _MOST_SHARE * design.n_runs:
        far = [run for run, _ in outlying(away, 1 + len(fit.exponents))]
        if not far:
            note = (
                f"{len(fit.outliers)} of {design.n_runs} runs lie far from the robust power law: "
                f"the search leaves none of so many out, as the errors have heavy tails, or the "
                f"law is another one."
            )
            return data, [note]
    if not far:
        return data, []
    named = [_place(design, run, float(away[run])) for run in far[:_MOST]]
    more = f", and {len(far) - _MOST} more" if len(far) > _MOST else ""
    note = (
        f"With {setting('robust')}, outlying runs are left out of the search and the judgement: "
        f"{'; '.join(named)}{more} the robust power law."
    )
    return data.take(np.flatnonzero(~np.isin(data.rows, design.data.rows[far]))), [note]


def _place(design: Design, run: int, away: float) -> str:
    """The row and labels of a run, and how far from a law it lies."""
    labels = ", ".join(f"{name} {design.data[name][run]}" for name in design.data.label_names)
    if design.scale == "log":
        far = abs(float(np.expm1(np.clip(away, -700, 700))))
        size = in_percent(far) if far < 10 else f"a factor of {far + 1:.2g}"
    else:
        target = design.basis.target
        size = f"{abs(away):.3g} {'' if target is None else target.si_unit}".removesuffix(" 1")
    row = f"row {design.data.rows[run]}{f' ({labels})' if labels else ''}"
    return f"{row} lies {size} {'above' if away > 0 else 'below'}"


def _changes(
    design: Design, rest: Design, law: Law, options: Options, fit: Estimate | None
) -> Iterator[str]:
    if fit is None:
        start = {c.name: c.value for c in law.constants if c.origin == "fitted"}
        names = sorted(start)
        values = refit(rest, law.pi_expression, start).values
        moved = [
            (abs(new - start[n]) / (abs(start[n]) or 1.0), n, new / (start[n] or 1.0))
            for n, new in zip(names, values.tolist(), strict=True)
        ]
        shown = {c.name: c for c in shown_constants(recognise(absorb(law)))}
        # a law without a fitted constant stays what it is
        for _, name, ratio in [max(moved)] if moved and max(moved)[1] in shown else []:
            before, unit = shown[name].value, f" {shown_unit(shown[name].unit)}".removesuffix(" 1")
            yield (
                f"Without {{it}}, {name} is {(before or 1.0) * ratio:.4g}{unit} instead of "
                f"{before:.4g}{unit}."
            )
        if options.within is None and not options.by and design.scale == "log":
            yield f"With {setting('robust')}, the search leaves {{it}} out."
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
