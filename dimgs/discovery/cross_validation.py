"""Held-out runs judge a law: its scores, whether it beats another, whether it leaves anything."""

from dataclasses import replace

import numpy as np
import sympy
from numpy.typing import NDArray

from dimgs.arrays import Array, IntArray, times_exp
from dimgs.design.features import Design
from dimgs.discovery.clock import Clock
from dimgs.discovery.options import Options
from dimgs.discovery.residual_structure import SURELY_INCOMPLETE, followed_beyond_groups
from dimgs.discovery.scoring import (
    Predictor,
    fitted_by,
    folds,
    holdout_rows,
    log_target,
    r2,
    scores_of,
)
from dimgs.engines.selection import (
    AS_GOOD_SHORTER,
    description_bits,
    is_white,
    leftover,
)
from dimgs.errors import DimgsError
from dimgs.fits.covariance import deleted_residuals
from dimgs.fits.one_error import gain_and_error
from dimgs.law.assemble import feature_values, refit
from dimgs.law.evaluate import evaluate
from dimgs.law.law import Law
from dimgs.law.parts import Scores

# a fifth set aside is then eight runs; of fewer the search needs each
_FEWEST_WITH_HOLDOUT = 40
# the usual number: nine tenths of the runs are left to each refit
_FOLDS = 10
# the test compares all pairs with shuffled ones: memory and time grow with the square
_MOST_COMPARED = 400
# relative error that is rounding, some powers of rounded values included
_EXACT = 1e-9
# errors of refits over those that the slopes promise: a law of too many constants has many times
_STABLE = 1.5
# share of true laws that are told to leave structure, and shuffles that show it, the second where
# the first leave it open: at one in a hundred, of 191 probable first laws of known laws
# 4 of 188 right ones were refused, and one of the 3 wrong ones, which failed otherwise too
_LEVELS = ((0.01, 199), (0.002, 999))


def is_monomial(expression: sympy.Expr) -> bool:
    """Whether an expression is a product of powers, and so a power law."""
    positive = {s: sympy.Symbol(s.name, positive=True) for s in expression.free_symbols}
    factors = sympy.Mul.make_args(sympy.powdenest(expression.xreplace(positive)))
    return all(
        f.is_number or f.is_Symbol or (f.is_Pow and f.base.is_Symbol and f.exp.is_number)
        for f in factors
    )


def rows_aside(design: Design, options: Options) -> tuple[IntArray, IntArray] | None:
    """Rows to search on and rows set aside, where there are enough runs."""
    return holdout_rows(design, options.seed) if design.n_runs >= _FEWEST_WITH_HOLDOUT else None


def left_out_predictions(design: Design, law: Law, seed: int, clock: Clock | None = None) -> Array:
    """Target of ten folds of runs (or groups), the constants refitted without each.

    Folds for which the time is too short are predicted from the slopes of the law in its constants.
    """
    out = np.full(design.n_runs, np.nan)
    for test in folds(design, seed, _FOLDS):
        if clock is not None and clock.over:
            out[test] = _linearised(design, law)[test]
            continue
        part, rest = design.take(np.flatnonzero(test)), design.take(np.flatnonzero(~test))
        try:
            out[test] = _predictor(rest, law)(part)
        except DimgsError:
            continue
    return out


def _linearised(design: Design, law: Law) -> Array:
    """Target of every run as if the constants had been fitted without it."""
    values = {**feature_values(design), **law.constant_values}
    fitted = evaluate(law.pi_expression, values, design.n_runs)
    log = design.scale == "log"
    with np.errstate(all="ignore"):
        residuals = design.y - (np.log(fitted) if log else fitted)
    slopes = [evaluate(g, values, design.n_runs) for g in law.uncertainty.gradients]
    columns = np.column_stack(slopes) if slopes else np.empty((design.n_runs, 0))
    shifted = design.y - deleted_residuals(residuals, columns, design.split)[0]
    return times_exp(np.exp(shifted) if log else shifted, design.offset)


def is_stable(design: Design, law: Law, left_out: Array) -> bool:
    """Whether runs left out are met by refitted constants nearly as well as their slopes promise.

    Where they are not, the constants that the fit happens to have say little.

    Parameters
    ----------
    design : Design
    law : Law
    left_out : ndarray of shape (n_runs,)
        As :func:`left_out_predictions` gives it.
    """
    truth, promised = _target(design), _linearised(design, law)
    if design.scale == "log":
        if not np.all((left_out > 0) & (promised > 0)):
            return False
        truth, left_out, promised = np.log(truth), np.log(left_out), np.log(promised)
    if not np.all(np.isfinite(left_out)):
        return False
    real, linear, rounding = _squares(left_out - truth, promised - truth, truth - truth.mean())
    return real <= _STABLE**2 * linear + _EXACT**2 * rounding


def _squares(*parts: Array) -> list[float]:
    """Sums of squares, all in the unit of the largest value: they may not be representable."""
    size = max(float(np.abs(x).max(initial=0.0)) for x in parts) or 1.0
    return [float(np.sum((x / size) ** 2)) for x in parts]


def _predictor(design: Design, law: Law) -> Predictor:
    """Predictor of the target (SI) of other runs, the constants refitted on `design`."""
    names = sorted(c.name for c in law.constants if c.origin == "fitted")
    start = {c.name: c.value for c in law.constants if c.origin == "fitted"}
    found = refit(design, law.pi_expression, start)
    known = law.constant_values | dict(zip(names, found.values, strict=True))

    def predict(part: Design) -> Array:
        values = evaluate(law.pi_expression, {**feature_values(part), **known}, part.n_runs)
        return times_exp(values, part.offset)

    return predict


def _target(design: Design) -> Array:
    if design.scale == "log":
        return np.exp(log_target(design))
    return times_exp(design.y, design.offset)


def _log(values: Array) -> Array | None:
    return np.log(values) if np.all(values > 0) else None


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
    rows = rows_aside(design, options)
    values = law.predict_si(design.data)
    truth = _target(design)
    fitted = _log(values)
    if design.scale != "log" or fitted is None:
        return Scores(None, None, None, r2(truth - values, truth))
    if left_out is None:
        left_out = left_out_predictions(design, law, options.seed)
    logs = _log(left_out)
    gap = None if logs is None else log_target(design) - logs
    scores = scores_of(design, fitted, gap, None, options.seed)
    if rows is None:
        return scores
    train, test = design.take(rows[0]), design.take(rows[1])
    try:
        predicted = _log(_predictor(train, law)(test))
    except DimgsError:
        return scores
    if predicted is None:
        return scores
    truth = log_target(test)
    held = r2(truth - predicted, truth, least=1.0, about=float(log_target(train).mean()))
    return replace(scores, holdout_r2_log=held, holdout_n=0 if held is None else test.n_runs)


def better_than(design: Design, left_out: Array, other: Law) -> float | None:
    """R² on runs left out, None unless it is better than the other law's and the mean's.

    On the logarithm where the law is positive on all of them, else on the target itself.

    Parameters
    ----------
    design : Design
    left_out : ndarray of shape (n_runs,)
        Target of runs left out.
    other : Law
    """
    if not np.all(np.isfinite(left_out)):
        return None
    truth = _target(design)
    known = other.scores.cv_r2_log
    logs = _log(left_out) if design.scale == "log" else None
    if logs is not None and known is not None:
        own = r2(log_target(design) - logs, log_target(design), least=1.0)
    else:
        own, known = r2(truth - left_out, truth), other.scores.r2
    return own if own is not None and own > max(known or 0.0, 0.0) else None


def clearly_less(own: Array, other: Array, split: NDArray[np.generic] | None) -> bool:
    """Whether squared residuals fall by more than the standard error of their difference.

    Parameters
    ----------
    own, other : ndarray of shape (n_runs,)
        Residuals of two laws on runs left out.
    split : ndarray of shape (n_runs,), optional
        Groups of runs that count as one.
    """
    size = float(max(np.abs(own).max(initial=0.0), np.abs(other).max(initial=0.0))) or 1.0
    several = len(own if split is None else np.unique(split)) > 1
    gain, error = gain_and_error(np.square(own / size), np.square(other / size), split)
    return several and gain > error


def as_good_but_shorter(design: Design, law: Law, other: Law) -> float | None:
    """R² on runs left out where it hardly falls and the description becomes shorter, else None.

    Parameters
    ----------
    design : Design
    law, other : Law
    """
    mine, theirs = law.scores.cv_r2_log, other.scores.cv_r2_log
    if mine is None or theirs is None or 1 - mine > AS_GOOD_SHORTER * (1 - theirs) + _EXACT:
        return None
    bits = []
    for each in (law, other):
        fitted = sum(c.origin == "fitted" for c in each.constants)
        mse = (each.scores.rmse_log or 0.0) ** 2
        bits.append(description_bits(each.pi_expression, fitted, mse, design.n_runs))
    return mine if bits[0] < bits[1] else None


def unexplained(design: Design, law: Law, seed: int = 0) -> float:
    """Share of a law's residuals that the groups would still explain, on runs left out in turn.

    Zero for a law that leaves noise only, or nothing, or no more than chance shows.

    Parameters
    ----------
    design : Design
    law : Law
    seed : int
        Of the runs that are looked at where there are very many.
    """
    residuals = _scaled_residuals(design, law)
    if residuals is None or not design.features:
        return 0.0
    if not np.all(np.isfinite(residuals)):
        return 1.0
    away = design.X - design.X.mean(axis=0)
    turned, size, _ = np.linalg.svd(away, full_matrices=False)
    places = turned[:, size > 1e-10 * size.max(initial=0.0)] * np.sqrt(len(away))
    if len(places) > _MOST_COMPARED:
        rng = np.random.default_rng(seed)
        rows = np.sort(rng.choice(len(places), _MOST_COMPARED, replace=False))
        places, residuals = places[rows], residuals[rows]
    # what shuffled residuals show as well is chance: with few runs that can be a fifth and more
    white = any(is_white(places, residuals, level, shuffles) for level, shuffles in _LEVELS)
    return 0.0 if white else leftover(places, residuals)


def followed_input(design: Design, law: Law) -> str:
    """The input that a law's residuals still follow at equal groups; empty where there is none.

    Parameters
    ----------
    design : Design
    law : Law
    """
    residuals = _scaled_residuals(design, law)
    if residuals is None or not np.all(np.isfinite(residuals)):
        return ""
    chance, name = followed_beyond_groups(design, residuals)
    return name if chance < SURELY_INCOMPLETE else ""


def _scaled_residuals(design: Design, law: Law) -> Array | None:
    """Residuals of the runs, the largest 1; None where the law meets them to rounding."""
    rmse = law.scores.rmse_log
    if rmse is not None and rmse < _EXACT:
        return None
    if design.scale == "linear":
        truth = _target(design)
        residuals = truth - law.predict_si(design.data)
    else:
        truth = log_target(design)
        with np.errstate(all="ignore"):
            residuals = truth - fitted_by(law, design)
    if not np.all(np.isfinite(residuals)):
        return np.asarray(residuals)
    left, varies = _squares(residuals - residuals.mean(), truth - truth.mean())
    if left <= _EXACT**2 * varies:
        return None
    return np.asarray(residuals / float(np.abs(residuals).max()))
