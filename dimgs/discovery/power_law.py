"""The power law of prepared runs, as a checked law with its scores and additive terms.

Of a response that vanishes or changes sign, pi_0 itself as a monomial, on a linear scale.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from math import gcd
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, times_exp
from dimgs.common.errors import FitError, InputError, attempt
from dimgs.common.formats import attributes, rows_shown
from dimgs.dataset.checks import check_enough_runs
from dimgs.discovery.diagnostics import (
    group_warnings,
    monomial_text,
    self_correlation,
    separation_warnings,
)
from dimgs.discovery.estimators import (
    estimator,
    fit_squares,
    local_along,
    local_of,
    physical_map,
    with_rationals,
)
from dimgs.discovery.limits import LimitedRuns
from dimgs.discovery.missing_input import scale_advice
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import Prepared, prepare
from dimgs.discovery.regimes import crossover_of, regime_document, regimes_of
from dimgs.discovery.scoring import (
    Fitter,
    Predictor,
    fitted_by,
    holdout_rows,
    left_out_residuals,
    left_out_values,
    r2,
    scores_of,
)
from dimgs.fits.covariance import linearised
from dimgs.fits.design import Design
from dimgs.fits.estimate import Estimate, exponents_of
from dimgs.fits.noise import may_show_errors, shown_errors
from dimgs.fits.snapping import snap
from dimgs.groups.derive import enumerate_bases
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.groups.group import PiGroup
from dimgs.judgement.residual_structure import settings_apart
from dimgs.law.assemble import power_law
from dimgs.law.checked_law import Scores
from dimgs.law.law import Law
from dimgs.law.prediction import centre_of, domain_of
from dimgs.report.results import Activation, FitResult

# ---- Additive terms of a design: smooth in few groups, over every basis that the variables give.


IntMatrix = NDArray[np.int64]
# each is a fit of its own; exponents grow from the first on, and so large ones are hardly meant
_MOST_BASES = 60


def additive_of(
    design: Design, options: Options
) -> tuple[tuple[dict[str, Any], ...], dict[str, Any], list[str]]:
    """Terms of the sparse additive law, and the loop defect of its literal counterpart.

    Sparsity depends on the groups that are the axes; the choice among the enumerated bases is
    part of the fit, so that the result does not depend on the basis of the design.

    Returns
    -------
    terms : tuple of dict
        Terms of log f = Σ h(log group), ready for JSON.
    pairs : dict
        The literal form Σ g(log-ratio) in the same groups, with its loop defect.
    warnings : list of str

    Raises
    ------
    FitError
        If no free group is left.
    """
    from dimgs.fits.additive import PairAdditive, SparseAdditive

    if all(f.group is None for f in design.features):
        raise FitError("An additive fit needs at least one free group, and there is none.")
    bases = feature_bases(design)
    warnings = []
    if len(bases) > _MOST_BASES:
        warnings.append(
            f"{setting('additive')}: the {_MOST_BASES} bases of smallest exponents, of "
            f"{len(bases)}, were tried; fewer inputs ({setting('columns')}) leave fewer."
        )
        bases = bases[:_MOST_BASES]
    model = SparseAdditive(bases, level=options.level, random_state=options.seed).fit(
        design.X, design.y, design.weights, groups=design.split
    )
    terms = tuple(
        {
            "groups": {f.name: str(w) for f, w in zip(design.features, c.group, strict=True) if w},
            "variables": _variables(design, c.group),
            "low": c.slope_interval[0],
            "high": c.slope_interval[1],
            "curvature_low": c.curvature_interval[0],
            "curvature_high": c.curvature_interval[1],
            **attributes(c, "slope curvature p_value power_law_enough"),
        }
        for c in model.components_
    )
    literal = PairAdditive(level=options.level, random_state=options.seed).fit(
        design.X @ model.basis_, design.y, design.weights, groups=design.split
    )
    spread = float(np.std(design.y))
    pairs = {
        "groups": [_variables(design, tuple(column)) for column in model.basis_.T],
        "slopes": literal.exponents_.tolist(),
        "loop_defect": literal.loop_defect_,
        "loop_defect_relative": literal.loop_defect_relative_,
        "rmse_log": float(np.std(literal.residuals_)),
        "consistent": literal.loop_defect_ <= 1e-9 * max(spread, 1.0),
    }
    return terms, pairs, warnings


def feature_bases(design: Design) -> list[IntMatrix]:
    """Bases in which additive terms are sought, those of smallest exponents first.

    Parameters
    ----------
    design : Design

    Returns
    -------
    list of ndarray of int of shape (n_features, n_features)
        Each column holds the exponents of one axis in the features of the design. Features that
        are not groups stay axes of their own.
    """
    groups = [g for f in design.features if (g := f.group) is not None]
    varied = [j for j, f in enumerate(design.features) if f.group is not None]
    lattice = [*groups, *(g for g in design.basis.groups if g not in groups)]
    matrix = DimensionalMatrix.of(sorted(design.basis.variables, key=lambda v: v.name))
    powers = np.array([[float(g.get(n)) for g in lattice] for n in matrix.names])
    cheapest: dict[frozenset[tuple[int, ...]], tuple[int, IntMatrix]] = {}
    for basis in enumerate_bases(matrix):
        wanted: Array = np.array(basis.groups, dtype=np.float64).T
        exact = np.linalg.lstsq(powers, wanted, rcond=None)[0]
        places = np.asarray(np.round(exact), dtype=np.int64)
        if not np.array_equal(powers @ places, wanted):
            continue
        size: Array = np.abs(wanted).sum(axis=0)
        for chosen in combinations(range(places.shape[1]), len(varied)):
            axes = [_axis(places[: len(varied), k], wanted[:, k]) for k in chosen]
            square = np.array(axes, dtype=np.int64).T
            if round(abs(float(np.linalg.det(square)))) == 0:
                continue
            total = int(size[list(chosen)].sum())
            key = frozenset(max(a, tuple(-x for x in a)) for a in axes)
            if key not in cheapest or total < cheapest[key][0]:
                cheapest[key] = (total, square)
    ordered = sorted(cheapest.values(), key=lambda item: item[0])
    out = np.tile(np.eye(len(design.features), dtype=np.int64), (len(ordered), 1, 1))
    for basis, (_, square) in zip(out, ordered, strict=True):
        basis[np.ix_(varied, varied)] = square
    return [*out]


def _axis(column: IntMatrix, physical: Array) -> tuple[int, ...]:
    """Primitive form; a group of the design as it is, else its first variable positive."""
    powers = [int(x) for x in column]
    nonzero = [x for x in powers if x]
    lead = nonzero[0] if len(nonzero) == 1 else physical[np.flatnonzero(physical)[0]]
    divisor = gcd(*powers) or 1
    return tuple(x // divisor if lead > 0 else -x // divisor for x in powers)


def _variables(design: Design, powers: tuple[int, ...]) -> str:
    """Axis as a monomial of the physical variables, or what enters unlogged."""
    return str(PiGroup.product("axis", (f.monomial for f in design.features), powers))


# refits of the power law without some runs, as elsewhere, or without each group, up to so many
_FOLDS = 10
_MOST_GROUPS = 50
# kinds of errors that are tried, each about the fit of the one before; two settle nearly always
_LOOKS = 4
# sources of all kinds, beyond which effects take a second to fit: 278 of them, two
_MANY_SOURCES = 150
# half as many as on a logarithm: each is a search for the exponents of the response group
_FOLDS_OF_SEARCHES = 5
# responses below this share of the largest do not help to find where a search for exponents starts
_TELLING = 1e-3
# logarithms of what a law in powers of the inputs may run through: twice as far is the end of
# double precision
_LOG_RANGE = 300.0


def fit_prepared(
    prepared: Prepared,
    options: Options,
    *,
    settled: bool = False,
    known: Mapping[str, Fraction] = MappingProxyType({}),
) -> FitResult:
    """Fit, snap, assemble the law and score it.

    Parameters
    ----------
    prepared : Prepared
    options : Options
    settled : bool
        Whether the errors of the design are known, and not those that the power law shows.
    known : mapping of str to Fraction, optional
        Exponents of the inputs that are known from elsewhere.

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
    notes = _unused_options(options)
    if design.scale == "log" and not (options.robust or limited.limits):
        slopes = np.array([each.value for each in fit.exponents])
        settings = settings_apart(design, design.y - fit.intercept - design.X @ slopes)
        if settings is not None:
            design = replace(design, split=settings.astype(str))
            fit = estimator(options)(design)
            notes.append(
                f"The {len(np.unique(settings))} settings scatter more about the power law than "
                f"their repeats do: repeats count as one run, and intervals are those of the "
                f"settings."
            )
    left_out = _left_out(design, fit, options)
    is_open = not settled and may_show_errors(design)
    is_open = is_open and not (limited.limits or options.robust)
    if is_open:
        design, fit, left_out = _in_shown_errors(design, fit, left_out, options)
    snapped = with_rationals(design, fit, known=known)
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
    further: dict[str, Any] = {"local": _local(prepared, options)}
    whole = None
    if options.regimes or (options.along is not None and design.features):
        crossover = crossover_of(limited.design, options)
        regimes, whole = regimes_of(limited.design, options, joined=crossover is None)
        further["regimes"] = tuple(regime_document(r, options.along) for r in regimes)
        if crossover is not None:
            whole, further["crossover"] = crossover
    if options.additive:
        further["additive"], further["additive_pairs"], said = additive_of(limited.design, options)
        notes += said
    chosen = law if whole is None else limited.continued(whole)
    warnings = (
        *prepared.warnings,
        *limited.warnings,
        *notes,
        *_fit_warnings(design, fit, law),
        *_missing_scale(prepared, options, fit.outliers),
    )
    return replace(
        with_law(design, snapped, chosen, warnings),
        centre=centre_of(chosen, prepared.data),
        left_out_by=options.left_out_whole,
        noise=prepared.noise(
            chosen,
            "relative" if (is_open or settled) and chosen is law else design.noise,
            unseen if chosen is law else None,
        ),
        left_out=prepared.in_table(left_out.tolist()) if chosen is law else (),
        outliers=prepared.positions(fit.outliers),
        **further,
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
        again = attempt(estimator(options), design)
        if again is None:
            # responses over hundreds of decades leave the range of doubles on that scale
            return usual
        fit = again
        left_out = _left_out(design, fit, options)
    return design, fit, left_out


def _local(prepared: Prepared, options: Options) -> tuple[dict[str, Any], ...] | None:
    """Local exponents of each run, in the order of the table, where they are asked for."""
    if not options.local:
        return None
    if options.along is None:
        return prepared.in_table(local_of(prepared.design, options))
    target = prepared.design.target.name
    if options.along not in {*prepared.data.numeric_names} - {target}:
        raise InputError(f"{setting('along')} names '{options.along}', which is not an input.")
    return prepared.in_table(local_along(prepared.data, target, options))


def _missing_scale(prepared: Prepared, options: Options, outliers: Sequence[int]) -> list[str]:
    design = prepared.design
    # gross errors say nothing of what is missing
    rows = np.setdiff1d(np.arange(design.n_runs), outliers)

    def again(other: Options) -> Design:
        return prepare(prepared.data, design.target.name, other).ordered().design.take(rows)

    return scale_advice(design.take(rows), again, options)


def constant_law(design: Design, options: Options) -> Law:
    """The response group as a constant: a search begins so where no power law can be stated.

    Parameters
    ----------
    design : Design
    options : Options
    """
    p = len(design.features)
    mean = fit_squares(replace(design, features=(), X=design.X[:, :0]), options.level)
    estimate = replace(
        mean,
        exponents=exponents_of(design.features, np.zeros(p), np.zeros((p, 2))),
        coefficients=(Fraction(0),) * p,
        covariance=np.pad(mean.covariance, (0, p)),
    )
    law = power_law(design, estimate)
    return law.with_scores(scores_of(design, estimate.predict(design), None, None, options.seed))


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
    pairs = zip(design.features, estimate.exponents, strict=True)
    inverse = (e for f, e in pairs if f.contrast == "inverse")
    activations = {e.name: Activation(-e.value, -e.high, -e.low) for e in inverse}
    collinear = tuple(monomial_text(design, d) for d in estimate.null_directions)
    return FitResult(
        **vars(estimate),
        law=law,
        activation=activations or None,
        collinear=collinear,
        warnings=tuple(warnings),
    )


def _fit_warnings(design: Design, fit: Estimate, law: Law) -> list[str]:
    out = separation_warnings(design, fit, law.scores.cv_r2_log)
    if fit.outliers:
        rows = sorted(int(design.data.rows[i]) for i in fit.outliers)
        runs = f"{len(rows)} outlying {'run' if len(rows) == 1 else 'runs'}"
        out.append(f"{runs} ({rows_shown(rows)}), which the scores leave out.")
    out += fit.notes
    return [*out, *group_warnings(design, fit), *self_correlation(design, fit.predict(design))]


def fit_linear(prepared: Prepared, options: Options) -> tuple[Law, float | None]:
    """Monomial law of pi_0 on a linear scale, and its R² on runs left out.

    Parameters
    ----------
    prepared : Prepared
        With a design on the linear scale.
    options : Options

    Returns
    -------
    (Law, float or None)

    Raises
    ------
    FitError
        If the response is zero in every run, or there are fewer runs than unknowns.
    """
    design = prepared.design
    p = design.X.shape[1]
    if not np.any(design.y):
        raise FitError("The target is zero in every run, so there is no law to find.")
    if design.n_runs < p + 2:
        raise FitError(f"{p + 1} unknowns need more than {design.n_runs} runs; add runs.")
    fitted, _, residuals = _solve(design.X, design.y)
    response = design.y - residuals
    # by ln|prefactor| and the exponents
    slopes = np.column_stack([response, response[:, None] * design.X])
    estimates = linearised(slopes, residuals, None, design.split)
    covariance = estimates.covariance
    dof = max(1.0, float(estimates.dof.min()))
    exponents: list[Fraction | float] = [*fitted.tolist()]
    grouped = [j for j, f in enumerate(design.features) if f.logged]
    if grouped:
        _, offset, loadings = physical_map(design, grouped)
        inner = np.ix_([j + 1 for j in grouped], [j + 1 for j in grouped])
        snapped = snap(fitted[grouped], covariance[inner], dof, offset, loadings)
        for j, value in zip(grouped, snapped.exponents, strict=True):
            exponents[j] = value
    prefactor, residuals = _scaled(design.X, design.y, np.array([float(b) for b in exponents]))
    halves = estimates.half_widths(options.level)
    size = float(np.abs(residuals).max())
    square = float(np.sum((residuals / (size or 1.0)) ** 2))
    ends = np.column_stack([fitted - halves[1:], fitted + halves[1:]])
    estimate = Estimate(
        exponents=exponents_of(design.features, fitted, ends),
        coefficients=tuple(exponents),
        intercept=prefactor,
        intercept_half=abs(prefactor) * float(halves[0]),
        covariance=covariance,
        residual_sd=size * float(np.sqrt(square / estimates.residual_dof)),
        dof=dof,
        residual_dof=estimates.residual_dof,
        level=options.level,
        independent_contrasts=design.n_runs - 1,
        pairs=design.n_runs * (design.n_runs - 1) // 2,
    )
    law = power_law(design, estimate)
    target = times_exp(design.y, design.offset)
    score = r2(times_exp(residuals, design.offset), target)
    return law.with_scores(Scores(r2=score)), _cross_validated(design, options.seed)


def _solve(X: Array, y: Array) -> tuple[Array, float, Array]:
    """Exponents, prefactor and residuals of prefactor × exp(X exponents).

    By variable projection: the prefactor in closed form inside a search over exponents.
    """
    n, p = X.shape
    # in units of the largest: squares of very large and small numbers are not representable
    unit = float(np.abs(y).max())
    t = y / unit
    away = X - X.mean(axis=0)
    b = np.zeros(p)
    if p:
        usable = np.abs(t) > _TELLING
        design = np.column_stack([np.ones(n), away])[usable]
        start = np.linalg.lstsq(design, np.log(np.abs(t[usable])), rcond=None)[0][1:]

        def misfit(trial: Array) -> Array:
            return _projected(away, t, trial)[1]

        b = np.asarray(least_squares(misfit, start, method="trf").x)
    if np.abs(X).max(axis=0, initial=0.0) @ np.abs(b) > _LOG_RANGE:
        # no law of such powers can be written down: noise, for which a constant says as much
        b = np.zeros(p)
    return b, *_scaled(X, y, b)


def _projected(X: Array, y: Array, exponents: Array) -> tuple[float, Array]:
    """Prefactor of least squares, and what it leaves."""
    shape = np.exp(np.clip(X @ exponents, -_LOG_RANGE, _LOG_RANGE))
    scale = float(shape @ y / (shape @ shape))
    return scale, y - scale * shape


def _scaled(X: Array, y: Array, exponents: Array) -> tuple[float, Array]:
    """The fit for a response of any size."""
    unit = float(np.abs(y).max()) or 1.0
    scale, left = _projected(X, y / unit, exponents)
    return scale * unit, left * unit


def projected_power(X: Array, y: Array) -> tuple[float, Array]:
    """Prefactor and exponents of the monomial nearest to a response of either sign.

    Parameters
    ----------
    X : ndarray of shape (n_runs, n_features)
    y : ndarray of shape (n_runs,)
    """
    exponents, prefactor, _ = _solve(X, y)
    return prefactor, exponents


def _cross_validated(design: Design, seed: int) -> float | None:
    if holdout_rows(design, seed) is None:
        return None
    units = np.arange(design.n_runs).astype(str) if design.split is None else design.split
    names = np.random.default_rng(seed).permutation(np.unique(units))
    out = np.full(design.n_runs, np.nan)
    for fold in np.array_split(names, min(_FOLDS_OF_SEARCHES, len(names))):
        test = np.isin(units, fold)
        if (~test).sum() < design.X.shape[1] + 2:
            return None
        if not np.any(design.y[~test]):
            return None
        prefactor, exponents = projected_power(design.X[~test], design.y[~test])
        out[test] = design.y[test] - prefactor * np.exp(design.X[test] @ exponents)
    return r2(times_exp(out, design.offset), times_exp(design.y, design.offset))
