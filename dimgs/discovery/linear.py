"""A response that vanishes or changes sign: pi_0 itself as a monomial, on a linear scale."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.optimize import least_squares

from dimgs.common.arrays import Array, times_exp
from dimgs.common.errors import FitError
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import Prepared
from dimgs.discovery.rational_exponents import physical_map
from dimgs.discovery.scoring import holdout_rows, r2
from dimgs.fits.covariance import linearised
from dimgs.fits.design.features import Design
from dimgs.fits.estimate import Estimate, exponents_of
from dimgs.fits.snapping import snap
from dimgs.law.law import Law
from dimgs.law.parts import Scores
from dimgs.law.power import power_law

# half as many as on a logarithm: each is a search for the exponents of the response group
_FOLDS = 5
# responses below this share of the largest do not help to find where a search for exponents starts
_TELLING = 1e-3
# logarithms of what a law in powers of the inputs may run through: twice as far is the end of
# double precision
_LOG_RANGE = 300.0


@dataclass(frozen=True)
class _Solution:
    """Response = prefactor × exp(X exponents); slopes are by ln|prefactor| and the exponents."""

    prefactor: float
    exponents: Array
    residuals: Array
    jacobian: Array


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
    solution = _solve(design.X, design.y)
    estimates = linearised(solution.jacobian, solution.residuals, None, design.split)
    covariance = estimates.covariance
    dof = max(1.0, float(estimates.dof.min()))
    exponents: list[Fraction | float] = [float(b) for b in solution.exponents]
    grouped = [j for j, f in enumerate(design.features) if f.logged]
    if grouped:
        _, offset, loadings = physical_map(design, grouped)
        inner = np.ix_([j + 1 for j in grouped], [j + 1 for j in grouped])
        snapped = snap(solution.exponents[grouped], covariance[inner], dof, offset, loadings)
        for j, value in zip(grouped, snapped.exponents, strict=True):
            exponents[j] = value
    prefactor, residuals = _scaled(design.X, design.y, np.array([float(b) for b in exponents]))
    halves = estimates.half_widths(options.level)
    size = float(np.abs(residuals).max())
    square = float(np.sum((residuals / (size or 1.0)) ** 2))
    ends = np.column_stack([solution.exponents - halves[1:], solution.exponents + halves[1:]])
    estimate = Estimate(
        exponents=exponents_of(design.features, solution.exponents, ends),
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


def _solve(X: Array, y: Array) -> _Solution:
    """Variable projection: the prefactor in closed form inside a search over exponents."""
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
    prefactor, residuals = _scaled(X, y, b)
    fitted = y - residuals
    return _Solution(prefactor, b, residuals, np.column_stack([fitted, fitted[:, None] * X]))


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
    solution = _solve(X, y)
    return solution.prefactor, solution.exponents


def _cross_validated(design: Design, seed: int) -> float | None:
    if holdout_rows(design, seed) is None:
        return None
    units = np.arange(design.n_runs).astype(str) if design.split is None else design.split
    names = np.random.default_rng(seed).permutation(np.unique(units))
    out = np.full(design.n_runs, np.nan)
    for fold in np.array_split(names, min(_FOLDS, len(names))):
        test = np.isin(units, fold)
        if (~test).sum() < design.X.shape[1] + 2:
            return None
        if not np.any(design.y[~test]):
            return None
        prefactor, exponents = projected_power(design.X[~test], design.y[~test])
        out[test] = design.y[test] - prefactor * np.exp(design.X[test] @ exponents)
    return r2(times_exp(out, design.offset), times_exp(design.y, design.offset))
