"""The contrastive power law of prepared runs, as a checked law with its scores."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.dataset.checks import check_enough_runs
from dimgs.discovery.additive import additive_of
from dimgs.discovery.collinearity import monomial_text, separation_warnings
from dimgs.discovery.diagnostics import group_warnings, self_correlation
from dimgs.discovery.estimators import estimator
from dimgs.discovery.limits import LimitedRuns
from dimgs.discovery.local_exponents import local_along, local_of
from dimgs.discovery.missing_input import scale_advice
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import Prepared, prepare
from dimgs.discovery.rational_exponents import with_rationals
from dimgs.discovery.regimes import crossover_of, regime_document, regimes_of
from dimgs.discovery.scoring import (
    Fitter,
    Predictor,
    fitted_by,
    left_out_residuals,
    left_out_values,
    scores_of,
)
from dimgs.fits.covariance import t_quantile
from dimgs.fits.design.features import Design
from dimgs.fits.estimate import Estimate, Exponent, exponents_of
from dimgs.fits.noise import may_show_errors, shown_errors
from dimgs.law.centre import centre_of
from dimgs.law.domain import domain_of
from dimgs.law.law import Law
from dimgs.law.power import power_law
from dimgs.report.results import Activation, FitResult

# refits of the power law without some runs, as elsewhere, or without each group, up to so many
_FOLDS = 10
_MOST_GROUPS = 50
# kinds of errors that are tried, each about the fit of the one before; two settle nearly always
_LOOKS = 4
# sources of all kinds, beyond which effects take a second to fit: 278 of them, two
_MANY_SOURCES = 150


def fit_prepared(prepared: Prepared, options: Options, *, settled: bool = False) -> FitResult:
    """Fit, snap, assemble the law and score it.

    Parameters
    ----------
    prepared : Prepared
    options : Options
    settled : bool
        Whether the errors of the design are known, and not those that the power law shows.

    Returns
    -------
    FitResult
        Whatever the order of the runs; what it holds of each run is in that of `prepared`.

    Raises
    ------
    InputError
        If there are fewer runs than unknowns.
    FitError
        If the runs make no pair.
    """
    prepared = replace(prepared, order=None).ordered()
    limited = LimitedRuns.of(prepared.design, options.known_limits)
    design = limited.design
    groups = 1 if design.within is None else len(np.unique(design.within))
    check_enough_runs(design.n_runs, design.X.shape[1] + groups + 1, prepared.data.source)
    fit = estimator(options)(design)
    left_out = _left_out(design, fit, options)
    is_open = not settled and may_show_errors(design)
    is_open = is_open and not (limited.limits or options.robust)
    if is_open:
        design, fit, left_out = _in_shown_errors(design, fit, left_out, options)
    snapped = with_rationals(design, fit)
    domain = domain_of(prepared.design) if limited.limits else None
    law = limited.continued(power_law(design, snapped, options.within, domain))
    # what a robust fit names as gross errors says nothing of how well its law predicts
    rows = np.setdiff1d(np.arange(design.n_runs), fit.outliers)
    usual = design.take(rows) if len(rows) < design.n_runs else design
    law = law.with_scores(
        scores_of(usual, fitted_by(law, usual), left_out[rows], _refitter(options), options.seed)
    )
    unseen = None
    if design.scale == "log" and not limited.limits:
        unseen = left_out_values(design, left_out.tolist())
    crossover, regimes, whole = None, None, None
    if options.regimes or (options.along is not None and design.features):
        crossover = crossover_of(limited.design, options)
        regimes, whole = regimes_of(limited.design, options, joined=crossover is None)
    additive = additive_of(limited.design, options) if options.additive else None
    if crossover is not None:
        whole = crossover.law
    chosen = law if whole is None else limited.continued(whole)
    warnings = (
        *prepared.warnings,
        *limited.warnings,
        *_unused_options(options),
        *(() if additive is None else additive.warnings),
        *_fit_warnings(design, fit, law, options.level),
        *_missing_scale(prepared, options, fit.outliers),
    )
    return replace(
        with_law(design, snapped, chosen, warnings),
        regimes=None
        if regimes is None
        else tuple(regime_document(r, options.along) for r in regimes),
        crossover=None if crossover is None else crossover.to_json(),
        local=_local(prepared, options),
        additive=None if additive is None else additive.terms,
        additive_pairs=None if additive is None else additive.pairs,
        centre=centre_of(chosen, prepared.data),
        noise=prepared.noise(
            chosen,
            "relative" if (is_open or settled) and chosen is law else design.noise,
            unseen if chosen is law else None,
        ),
        left_out=prepared.in_table(left_out.tolist()) if chosen is law else (),
    )


def _in_shown_errors(
    design: Design, fit: Estimate, left_out: Array, options: Options
) -> tuple[Design, Estimate, Array]:
    """The design with the errors that its runs show, the fit on their scale, and what it misses.

    Errors that are not relative move the fit of logarithms, and what they are shows only about a
    fit that they do not: they are looked at again about each fit.
    """
    usual = design, fit, left_out
    for _ in range(_LOOKS):
        errors = shown_errors(design, left_out)
        if errors is None:
            return usual
        if errors.is_like(design.errors):
            break
        design = replace(design, errors=errors)
        fit = estimator(options)(design)
        left_out = _left_out(design, fit, options)
    return design, fit, left_out


def _local(prepared: Prepared, options: Options) -> tuple[dict[str, Any], ...] | None:
    """Local exponents of each run, in the order of the table, where they are asked for."""
    if not options.local:
        return None
    if options.along is None:
        return prepared.in_table(local_of(prepared.design, options))
    target = prepared.design.basis.target
    if target is None or options.along not in {*prepared.data.numeric_names} - {target.name}:
        raise InputError(f"{setting('along')} names '{options.along}', which is not an input.")
    return prepared.in_table(local_along(prepared.data, target.name, options))


def _missing_scale(prepared: Prepared, options: Options, outliers: Sequence[int]) -> list[str]:
    target = prepared.design.basis.target
    assert target is not None
    # gross errors say nothing of what is missing
    rows = np.setdiff1d(np.arange(prepared.design.n_runs), outliers)

    def again(other: Options) -> Design:
        return prepare(prepared.data, target.name, other).ordered().design.take(rows)

    advice = scale_advice(prepared.design.take(rows), again, options)
    return [] if advice is None else [advice]


def constant_law(design: Design, options: Options) -> Law:
    """The response group as a constant: a search begins so where no power law can be stated.

    Parameters
    ----------
    design : Design
    options : Options
    """
    mean, sd, n = float(design.y.mean()), float(design.y.std(ddof=1)), design.n_runs
    p = len(design.features)
    estimate = Estimate(
        exponents=exponents_of(design.features, np.zeros(p), np.zeros((p, 2))),
        coefficients=(Fraction(0),) * p,
        intercept=mean,
        intercept_half=float(t_quantile(options.level, n - 1)) * sd / n**0.5,
        covariance=np.diag([sd**2 / n, *np.zeros(p)]),
        residual_sd=sd,
        dof=n - 1.0,
        residual_dof=n - 1.0,
        level=options.level,
    )
    law = power_law(design, estimate)
    return law.with_scores(scores_of(design, mean + design.offset, None, None, options.seed))


def _unused_options(options: Options) -> list[str]:
    """Options that further fits cannot follow, said and not passed over."""
    further = [str(setting(n)) for n in ("regimes", "local", "additive") if getattr(options, n)]
    if not further:
        return []
    names = ", ".join(further)
    out = []
    if options.within is not None:
        out.append(f"{names}: the runs count as one group there; {setting('within')} is not used.")
    if options.robust:
        out.append(
            f"{names}: fitted by least squares; {setting('robust')} is for the power law alone."
        )
    return out


def _refitter(options: Options) -> Fitter:
    def run(part: Design) -> Predictor:
        # only predictions are asked for: the groups that are left may be a single one
        return estimator(options)(replace(part, split=None)).predict

    return run


def _left_out(design: Design, fit: Estimate, options: Options) -> Array:
    """Residual of each run by the power law fitted without it, or without its group."""
    if fit.left_out and design.split is None:
        return np.array(fit.left_out)
    many = sum(len(np.unique(labels)) for _, labels in design.sources) > _MANY_SOURCES
    most = _FOLDS if design.split is None or many else _MOST_GROUPS
    return left_out_residuals(design, _refitter(options), options.seed, most)


def with_law(design: Design, estimate: Estimate, law: Law, warnings: Iterable[str]) -> FitResult:
    """The result of a fit, whether its runs were in memory or only their moments.

    Parameters
    ----------
    design : Design
    estimate : Estimate
    law : Law
        With its scores.
    warnings : iterable of str
    """
    activations = {
        e.name: Activation(-e.value, -e.high, -e.low)
        for f, e in zip(design.features, estimate.exponents, strict=True)
        if f.contrast == "inverse"
    }
    collinear = tuple(monomial_text(design, d) for d in estimate.null_directions)
    return FitResult(
        **vars(estimate),
        law=law,
        activation=activations or None,
        collinear=collinear,
        warnings=tuple(warnings),
    )


def with_fitted_exponents(result: FitResult, law: Law) -> FitResult:
    """The result of a fit without simple numbers in place of its exponents.

    Parameters
    ----------
    result : FitResult
    law : Law
        The power law with the exponents as they were fitted.
    """

    def plain(exponents: Sequence[Exponent]) -> tuple[Exponent, ...]:
        return tuple(replace(e, rational=None) for e in exponents)

    return replace(
        result,
        law=law,
        coefficients=tuple(result.values.tolist()),
        exponents=plain(result.exponents),
        variable_exponents=plain(result.variable_exponents),
    )


def _fit_warnings(design: Design, fit: Estimate, law: Law, level: float) -> list[str]:
    out = separation_warnings(design, fit, law.scores.cv_r2_log)
    if fit.outliers:
        rows = sorted(int(design.data.rows[i]) for i in fit.outliers)
        shown = ", ".join(map(str, rows[:10])) + (", ..." if len(rows) > 10 else "")
        what = (
            f"1 outlying run (row {shown})"
            if len(rows) == 1
            else f"{len(rows)} outlying runs (rows {shown})"
        )
        out.append(f"{what}, which the scores leave out.")
    out += fit.notes
    out += group_warnings(design, fit, level)
    return [*out, *self_correlation(design, fit.predict(design))]
