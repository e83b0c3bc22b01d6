"""Scores of a law on its target, never on pi_0; always by runs or groups of runs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dimgs.arrays import Array, BoolArray, IntArray
from dimgs.design.features import Design
from dimgs.law.law import Law
from dimgs.law.parts import Scores

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


def explained(squares: float, spread: float, rounding: float) -> float | None:
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
    >>> explained(1.0, 4.0, 9.0), explained(1e-30, 1e-32, 9.0)
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
    return explained(squares, spread, float(len(truth)))


def log_target(design: Design) -> Array:
    """ln(target) of every run (a level in natural-log units)."""
    return np.asarray(design.y + design.offset)


def fitted_by(law: Law, design: Design) -> Array:
    """The law's ln(target) of every run (a level in natural-log units)."""
    values = law.predict_si(design.data)
    if design.scale == "level":
        return np.asarray(values * law.target.unit.log_factor)
    # what is smaller than any double counts as the least one
    return np.asarray(
        np.log(np.where(values == 0.0, np.finfo(np.float64).smallest_subnormal, values))
    )


def scores_of(
    design: Design, fitted: Array, left_out: Array | None, fitter: Fitter | None, seed: int
) -> Scores:
    """Scores of a law on a log (or level) scale.

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
    held: float | None = None
    held_n = 0
    if fitter is not None:
        held, held_n = holdout(design, fitter, seed)
    known = None
    if left_out is not None and np.any(np.isfinite(left_out)):
        usable = np.isfinite(left_out)
        known = r2(left_out[usable], truth[usable], least=1.0)
    if design.scale == "level":
        unit = design.basis.target.unit.log_factor if design.basis.target else 1.0
        plain = r2(residuals / unit, truth / unit)
    else:
        plain = r2(np.exp(truth) - np.exp(fitted), np.exp(truth))
    return Scores(
        r2_log=r2(residuals, truth, least=1.0),
        rmse_log=float(np.sqrt(np.mean(residuals**2))),
        cv_r2_log=known,
        r2=plain,
        holdout_r2_log=held,
        holdout_n=held_n,
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
        own = clone(model).fit(part.X, part.y, part.weights, groups=part.split if several else None)
        return lambda other: np.asarray(own.predict(other.X) + other.offset)

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
    """How many folds a fit that searches is worth: fewer where each takes longer."""
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
    score = r2(errors, truth, least=1.0, about=float(log_target(train).mean()))
    return (None, 0) if score is None else (score, len(test.y))
