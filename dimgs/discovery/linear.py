"""A response that vanishes or changes sign: pi_0 itself as a monomial, on a linear scale."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import stdtrit

from dimgs.design.features import Design
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import Prepared
from dimgs.discovery.scoring import holdout_rows, r2
from dimgs.discovery.snapped import physical_map
from dimgs.errors import FitError
from dimgs.fits.snapping import snap
from dimgs.law.assemble import left_out_covariance
from dimgs.law.law import Law
from dimgs.law.linear import LinearEstimate, linear_law
from dimgs.law.parts import Scores

Array = NDArray[np.float64]
_FOLDS = 5


@dataclass(frozen=True)
class _Solution:
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
    found = _solve(design.X, design.y)
    dof = float(design.n_runs - p - 1)
    covariance, _ = left_out_covariance(found.jacobian, found.residuals, np.arange(design.n_runs))
    exponents: list[Fraction | float] = [float(b) for b in found.exponents]
    grouped = [j for j, f in enumerate(design.features) if f.group is not None]
    if grouped:
        _, offset, loadings = physical_map(design, grouped)
        inner = np.ix_([j + 1 for j in grouped], [j + 1 for j in grouped])
        snapped = snap(found.exponents[grouped], covariance[inner], dof, offset, loadings)
        for j, value in zip(grouped, snapped.exponents, strict=True):
            exponents[j] = value
    basis = np.exp(design.X @ np.array([float(b) for b in exponents]))
    prefactor = float(basis @ design.y / (basis @ basis))
    residuals = design.y - prefactor * basis
    halves = float(stdtrit(dof, 0.5 + options.level / 2)) * np.sqrt(np.diag(covariance))
    half = float(halves[0])
    law = linear_law(
        design,
        LinearEstimate(
            tuple(exponents),
            prefactor,
            prefactor - half,
            prefactor + half,
            np.column_stack([found.exponents - halves[1:], found.exponents + halves[1:]]),
            covariance,
            float(np.sqrt(residuals @ residuals / dof)),
            dof,
        ),
        options.level,
    )
    target = design.y * np.exp(design.offset)
    score = r2(residuals * np.exp(design.offset), target)
    return law.with_scores(Scores(None, None, None, score)), _cross_validated(design, options.seed)


def _solve(X: Array, y: Array) -> _Solution:
    """Variable projection: the prefactor in closed form inside a search over exponents."""
    n, p = X.shape
    centre = X.mean(axis=0) if p else np.zeros(0)
    away = X - centre

    def project(b: Array) -> tuple[Array, float]:
        shape = np.exp(np.clip(away @ b, -300, 300))
        scale = float(shape @ y / (shape @ shape))
        return y - scale * shape, scale

    b = np.zeros(p)
    if p:
        usable = np.abs(y) > 1e-3 * np.abs(y).max()
        design = np.column_stack([np.ones(n), away])[usable]
        start = np.linalg.lstsq(design, np.log(np.abs(y[usable])), rcond=None)[0][1:]

        def misfit(trial: Array) -> Array:
            return np.asarray(project(trial)[0] / np.abs(y).max())

        b = np.asarray(least_squares(misfit, start, method="trf").x)
    residuals, scale = project(b)
    shape = np.exp(away @ b)
    prefactor = scale * float(np.exp(-centre @ b))
    jacobian = np.column_stack([shape * np.exp(centre @ b), scale * shape[:, None] * X])
    return _Solution(prefactor, b, residuals, jacobian)


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
        found = _solve(design.X[~test], design.y[~test])
        out[test] = design.y[test] - found.prefactor * np.exp(design.X[test] @ found.exponents)
    back = np.exp(design.offset)
    return r2(out * back, design.y * back)
