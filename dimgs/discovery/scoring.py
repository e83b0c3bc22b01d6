"""Scores of a law on its target, by runs or groups of runs, and the structure of its residuals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import sympy
from numpy.typing import NDArray

from dimgs.common.arrays import Array, BoolArray, IntArray, times_exp
from dimgs.common.errors import DimgsError, attempt
from dimgs.discovery.options import Options
from dimgs.fits.design import Design
from dimgs.fits.noise import gain_and_error
from dimgs.judgement.residual_structure import ResidualSummary
from dimgs.law.assemble import feature_values, fit_form_of, refit
from dimgs.law.checked_law import Scores
from dimgs.law.law import Law
from dimgs.law.prediction import evaluate
from dimgs.variables import Variable

if TYPE_CHECKING:
    from dimgs.fits.base import ContrastiveRegressor

# the usual share, of which at least two runs are left
_HOLDOUT = 0.2
_FEWEST = 10
# relative: the rounding of sums of logarithms of some thousand runs stays a hundred times below
_ROUNDING = 1e-12
# runs, and folds of searches on at most so many; never by the clock, which no seed can fix
_LONG_FITS = ((150, 10), (1000, 5), (np.inf, 3))

Predictor = Callable[[Design], Array]
Fitter = Callable[[Design], Predictor]


def r2_of_squares(squares: float, spread: float, rounding: float) -> float | None:
    """R² from the squares that are left and those about the reference: every score is made here.

    Parameters
    ----------
    squares, spread : float
        Sums of squares of the residuals, and of the target about its reference.
    rounding : float
        Sum of squares of the target itself: a spread that is rounding of it is none.

    Returns
    -------
    float or None
        None where the target does not vary, for which there is no R².

    Examples
    --------
    >>> r2_of_squares(1.0, 4.0, 9.0), r2_of_squares(1e-30, 1e-32, 9.0)
    (0.75, None)
    """
    if not spread > _ROUNDING**2 * rounding:
        return None
    score = 1.0 - squares / spread
    return score if np.isfinite(score) else None


def r2(
    residuals: Array, truth: Array, *, least: float = 0.0, about: float | None = None
) -> float | None:
    """1 - SS(residuals)/SS(truth about its mean, or about `about`); None where it never varies.

    `least` is the size below which differences are rounding: 1 for logarithms.
    """
    # in units of the largest value: squares of very large and small numbers leave the range
    size = float(np.max(np.abs(truth), initial=least))
    if not 0.0 < size < np.inf:
        return None
    scaled = truth / size
    reference = float(np.mean(scaled)) if about is None else about / size
    spread = float(np.sum((scaled - reference) ** 2))
    with np.errstate(over="ignore"):
        squares = float(np.sum((residuals / size) ** 2))
    return r2_of_squares(squares, spread, float(len(truth)))


def informed_r2(
    design: Design,
    residuals: Array,
    truth: Array,
    *,
    least: float = 0.0,
    about: float | None = None,
) -> float | None:
    """As :func:`r2`, where each run counts by its information."""
    root, size = design.information, float(np.max(np.abs(truth), initial=least)) or 1.0
    # sums of the largest numbers leave the range
    middle = float(np.average(truth / size, weights=root**2)) * size if about is None else about
    return r2(root * residuals, middle + root * (truth - middle), least=least, about=middle)


def log_target(design: Design) -> Array:
    """ln(target) of every run; of a level, that of the ratio."""
    return np.asarray(design.y + design.offset)


def fitted_by(law: Law, design: Design) -> Array:
    """The law's ln(target) of every run; of a level, that of the ratio."""
    values = law.predict_si(design.data)
    # what is smaller than any double counts as the least one
    is_zero = (values == 0.0) & (not law.target.is_level)
    return law.target.logs(np.where(is_zero, np.finfo(np.float64).smallest_subnormal, values))


def scores_of(
    design: Design, fitted: Array, left_out: Array | None, fitter: Fitter | None, seed: int
) -> Scores:
    """Scores of a law on a log scale.

    Parameters
    ----------
    design : Design
    fitted : ndarray of shape (n_runs,)
        The law's ln(target).
    left_out : ndarray of shape (n_runs,), optional
        Residual of each run by a fit without it (or without its group).
    fitter : callable, optional
        Fits on a design and returns a predictor of ln(target) on another.
    seed : int
        Seed of the hold-out.

    Returns
    -------
    Scores
    """
    truth = log_target(design)
    residuals = truth - fitted
    held, held_n = (None, 0) if fitter is None else holdout(design, fitter, seed)
    cv_r2, of_target = None, None
    if left_out is not None and np.any(np.isfinite(left_out)):
        usable = np.flatnonzero(np.isfinite(left_out))
        runs, of_runs, away = design.take(usable), truth[usable], left_out[usable]
        cv_r2 = informed_r2(runs, away, of_runs, least=1.0)
        if design.errors is not None:
            with np.errstate(over="ignore"):
                misses = np.exp(of_runs) - np.exp(of_runs - away)
            of_target = informed_r2(runs, misses, np.exp(of_runs))
    if design.target.is_level:
        plain = r2(design.target.of_logs(residuals), design.target.of_logs(truth))
    else:
        plain = informed_r2(design, np.exp(truth) - np.exp(fitted), np.exp(truth))
    return Scores(
        r2_log=informed_r2(design, residuals, truth, least=1.0),
        rmse_log=float(np.sqrt(np.mean((design.information * residuals) ** 2))),
        cv_r2_log=cv_r2,
        r2=plain,
        holdout_r2_log=held,
        holdout_n=held_n,
        cv_r2=of_target,
    )


def scores_of_search(
    design: Design, fitted: Array, model: "ContrastiveRegressor", seed: int
) -> Scores:
    """Scores of a law whose shape an estimator searched: it searches again in every fold.

    Parameters
    ----------
    design : Design
    fitted : ndarray of shape (n_runs,)
        The law's ln(target).
    model : ContrastiveRegressor
        Of the response on the log groups; not changed.
    seed : int
        Of the folds and of the hold-out.

    Returns
    -------
    Scores
    """
    from sklearn.base import clone

    def fitter(part: Design) -> Predictor:
        several = part.split is not None and len(np.unique(part.split)) > 1
        fit = clone(model).fit(part.X, part.y, part.weights, groups=part.split if several else None)
        return lambda other: np.asarray(fit.predict(other.X) + other.offset)

    most = folds_of_long_fits(design)
    left_out = left_out_residuals(design, fitter, seed, most)
    return scores_of(design, fitted, left_out, fitter, seed)


def folds(design: Design, seed: int, most: int) -> list[BoolArray]:
    """Masks of the runs that each fold leaves out: runs, or whole groups of `split`.

    Parameters
    ----------
    design : Design
    seed : int
    most : int
        Number of folds; fewer where there are fewer runs or groups.
    """
    units = np.arange(design.n_runs) if design.split is None else design.split
    names = np.random.default_rng(seed).permutation(np.unique(units))
    return [np.isin(units, fold) for fold in np.array_split(names, min(most, len(names)))]


def left_out_residuals(design: Design, fitter: Fitter, seed: int, most: int) -> Array:
    """Residual of each run, predicted by a fit without its fold; nan where too few are left.

    Parameters
    ----------
    design : Design
    fitter : callable
    seed : int
    most : int
        Number of folds, as in :func:`folds`.

    Returns
    -------
    ndarray of shape (n_runs,)
    """
    out = np.full(design.n_runs, np.nan)
    for test in folds(design, seed, most):
        if (~test).sum() < design.X.shape[1] + 3:
            continue
        part, rest = design.take(np.flatnonzero(test)), design.take(np.flatnonzero(~test))
        out[test] = log_target(part) - fitter(rest)(part)
    return out


def folds_of_long_fits(design: Design) -> int:
    """Number of folds for a fit that searches: fewer for longer fits."""
    return next(count for size, count in _LONG_FITS if design.n_runs <= size)


def holdout_rows(design: Design, seed: int) -> tuple[IntArray, IntArray] | None:
    """Rows to fit on and rows set aside: a fifth of the runs, or of the groups of `split`."""
    rng = np.random.default_rng(seed)
    units = np.arange(design.n_runs).astype(str) if design.split is None else design.split
    names = np.unique(units)
    if design.n_runs < _FEWEST or len(names) < 3:
        return None
    aside = rng.permutation(names)[: max(1, round(_HOLDOUT * len(names)))]
    test = np.isin(units, aside)
    train = np.flatnonzero(~test)
    if len(train) < design.X.shape[1] + 3:
        return None
    return train, np.flatnonzero(test)


def holdout(design: Design, fitter: Fitter, seed: int) -> tuple[float | None, int]:
    """R² on ln(target) of runs set aside before fitting, about the mean of the fitted runs."""
    rows = holdout_rows(design, seed)
    if rows is None:
        return None, 0
    train, test = design.take(rows[0]), design.take(rows[1])
    truth = log_target(test)
    errors = truth - fitter(train)(test)
    score = informed_r2(test, errors, truth, least=1.0, about=float(log_target(train).mean()))
    return (None, 0) if score is None else (score, len(test.y))


# a fifth set aside is then eight runs; of fewer the search needs each
_FEWEST_WITH_HOLDOUT = 40
# the usual number: nine tenths of the runs are left to each refit
_FOLDS = 10
# relative error that is rounding, some powers of rounded values included
_EXACT = 1e-9


def rows_aside(design: Design, options: Options) -> tuple[IntArray, IntArray] | None:
    """Rows to search on and rows set aside, where there are enough runs."""
    return holdout_rows(design, options.seed) if design.n_runs >= _FEWEST_WITH_HOLDOUT else None


def left_out_predictions(design: Design, law: Law, seed: int) -> Array:
    """Target of ten folds of runs (or groups), the constants refitted without each."""
    out = np.full(design.n_runs, np.nan)
    for test in folds(design, seed, _FOLDS):
        part, rest = design.take(np.flatnonzero(test)), design.take(np.flatnonzero(~test))
        try:
            out[test] = _predictor(rest, law)(part)
        except DimgsError:
            continue
    return out


def _predictor(design: Design, law: Law) -> Predictor:
    """Predictor of the target (SI) of other runs, the constants refitted on `design`."""
    expression, start, _ = law.response_form
    return formula_values(design, expression, start, law.constant_values)


def formula_values(
    design: Design,
    expression: sympy.Expr,
    start: Mapping[str, float],
    fixed: Mapping[str, float] | None = None,
) -> Predictor:
    """Predictor of the target (SI) of other runs by a formula for pi_0, fitted to a design.

    Parameters
    ----------
    design : Design
    expression : sympy.Expr
    start : mapping of str to float
        Its constants, and where their fit starts.
    fixed : mapping of str to float, optional
        Constants that stay.

    Raises
    ------
    FitError
        If the formula is not real on the runs.
    """
    fit = refit(design, expression, start)
    names, constants, added = sorted(start), fit.values, fit.labels
    if design.effects:
        form = fit_form_of(design, expression, names, constants)
        constants = form.mixed.coefficients if form.has_constants else constants
    values = {**(fixed or {}), **dict(zip(names, constants, strict=True))}

    def predict(part: Design) -> Array:
        response = evaluate(expression, {**feature_values(part), **values}, part.n_runs)
        labels = () if part.within is None else part.within
        shift = np.array([added.get(str(label), 0.0) for label in labels]) if added else 0.0
        target = times_exp(response, part.offset + shift)
        return design.target.of_logs(np.log(target)) if design.target.is_level else target

    return predict


def target_values(design: Design) -> Array:
    """The target of every run, in SI."""
    if design.target.is_level:
        return design.target.of_logs(log_target(design))
    is_log = design.scale == "log"
    y, logs = (np.ones(design.n_runs), log_target(design)) if is_log else (design.y, design.offset)
    return times_exp(y, logs)


def left_out_values(design: Design, residuals: Sequence[float]) -> Array | None:
    """Target of every run by a law without it, by residuals of logarithms; None without."""
    if not residuals:
        return None
    with np.errstate(over="ignore"):
        return design.target.of_logs(log_target(design) - np.array(residuals))


def left_out_score(
    design: Design, law: Law, values: Array | None
) -> tuple[float | None, Array | None]:
    """R² of runs left out on the scale of the errors of a law, and residuals of their logarithms.

    Parameters
    ----------
    design : Design
    law : Law
        With its scores.
    values : ndarray of shape (n_runs,), optional
        Target of every run by the law refitted without it; None where it is not known.

    Returns
    -------
    float or None, ndarray of shape (n_runs,) or None
    """
    if values is None:
        return law.scores.cv_r2_log, None
    residuals, score = None, law.scores.cv_r2_log
    logs = None if design.scale == "linear" else _logs(design.target, values)
    if logs is not None:
        residuals = log_target(design) - logs
    if design.scale == "linear" or law.uncertainty.errors is not None:
        truth = target_values(design)
        score = r2(truth - values, truth) if np.all(np.isfinite(values)) else None
    return score, residuals


def _logs(target: Variable, values: Array) -> Array | None:
    return target.logs(values) if target.is_level or np.all(values > 0) else None


def law_scores(design: Design, law: Law, options: Options, left_out: Array | None = None) -> Scores:
    """Scores of a law that :func:`dimgs.law.assemble.assemble` made, by runs left out.

    Parameters
    ----------
    design : Design
    law : Law
    options : Options
    left_out : ndarray of shape (n_runs,), optional
        As :func:`left_out_predictions` gives it.
    """
    values = law.predict_si(design.data)
    truth = target_values(design)
    fitted = _logs(law.target, values)
    if left_out is None and design.scale != "linear":
        left_out = left_out_predictions(design, law, options.seed)
    if design.scale != "log" or fitted is None or left_out is None:
        unseen = None if left_out is None else r2(truth - left_out, truth)
        return Scores(None, None, None, r2(truth - values, truth), cv_r2=unseen)
    logs = _logs(law.target, left_out)
    gap = None if logs is None else log_target(design) - logs
    scores = scores_of(design, fitted, gap, None, options.seed)
    if design.n_runs < _FEWEST_WITH_HOLDOUT:
        return scores

    def fitter(train: Design) -> Predictor:
        predict = _predictor(train, law)

        def logs(test: Design) -> Array:
            x = predict(test)
            return law.target.logs(np.where((x > 0) | law.target.is_level, x, np.nan))

        return logs

    held, held_n = attempt(holdout, design, fitter, options.seed) or (None, 0)
    return replace(scores, holdout_r2_log=held, holdout_n=held_n)


def clearly_less(residuals: Array, other: Array, split: NDArray[np.generic] | None) -> bool:
    """Whether squared residuals fall by more than the standard error of their difference.

    Parameters
    ----------
    residuals, other : ndarray of shape (n_runs,)
        Residuals of two laws on runs left out.
    split : ndarray of shape (n_runs,), optional
        Groups of runs that count as one.
    """
    size = float(max(np.abs(residuals).max(initial=0.0), np.abs(other).max(initial=0.0))) or 1.0
    several = len(residuals if split is None else np.unique(split)) > 1
    gain, error = gain_and_error(np.square(residuals / size), np.square(other / size), split)
    return several and gain > error


def residual_summary(design: Design, law: Law) -> ResidualSummary:
    """What the residuals of a law still depend on; nothing where it meets the runs to rounding.

    Parameters
    ----------
    design : Design
    law : Law
    """
    residuals = _scaled_residuals(design, law)
    return ResidualSummary() if residuals is None else ResidualSummary.of(design, residuals)


def _scaled_residuals(design: Design, law: Law) -> Array | None:
    """Residuals of the runs, the largest 1; None where the law meets them to rounding."""
    rmse = law.scores.rmse_log
    if rmse is not None and rmse < _EXACT:
        return None
    errors = law.uncertainty.errors
    with np.errstate(all="ignore"):
        if errors is None and design.scale != "linear":
            truth, fitted = log_target(design), fitted_by(law, design)
        else:
            truth, fitted = target_values(design), law.predict_si(design.data)
        if errors is not None:
            truth, fitted = errors.of(truth), errors.of(fitted)
        residuals = truth - fitted
        if design.censored:
            residuals = design.information * residuals
    if not np.all(np.isfinite(residuals)):
        return np.asarray(residuals)
    # in the unit of the largest value: squares may not be representable
    left, varies = residuals - residuals.mean(), truth - truth.mean()
    size = max(float(np.abs(left).max()), float(np.abs(varies).max())) or 1.0
    if np.sum((left / size) ** 2) <= _EXACT**2 * np.sum((varies / size) ** 2):
        return None
    return np.asarray(residuals / float(np.abs(residuals).max()))
