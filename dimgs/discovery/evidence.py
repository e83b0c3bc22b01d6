"""What the runs say of a candidate that had not seen them: log density of runs left out.

Every run counts once. Runs of outer blocks (:mod:`dimgs.discovery.blocks`) are predicted by the
constants refitted without the block; a run in several blocks counts by the mean over them; the
others are predicted without themselves, or without their group, to first order. The predictive
density is Student's t, with the variance of the constants, so that no constant is paid for in bits
besides.

The errors are relative (of one size in the logarithm), or of one size in the response group or in
the target: the candidate of the greatest likelihood decides which, for all.

References
----------
S. Geisser, W. F. Eddy, J. Am. Stat. Assoc. 74 (1979) 153-160 (predictive density of runs left out).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy import special

from dimgs.arrays import Array, BoolArray, IntArray
from dimgs.design.features import Design
from dimgs.discovery.ahead import Ahead, spread_of
from dimgs.discovery.blocks import Block
from dimgs.discovery.models import FormulaModel, Model
from dimgs.fits.covariance import deleted_residuals
from dimgs.fits.noise import EXACT, Errors, likeliest, possible_errors
from dimgs.fits.nonlinear_least_squares import minimise_squares
from dimgs.law.evaluate import evaluate

# steps of a refit, which starts near its end, and the relative gain that ends it
_STEPS, _ENOUGH = 25, 1e-16
# odds at which a block speaks against a law, over all of its blocks, and the factor by which the
# typical error must grow besides: chosen on the development laws by `benchmarks.belief`
BLOCK_LEVEL, BLOCK_GROWTH = 0.01, 1.25
# log density of a run that has no prediction: below any that has one, and finite in sums
_UNUSABLE = -1e6


@dataclass(frozen=True, eq=False)
class Fitted:
    """Constants of a model fitted to some runs, with what predicts others."""

    constants: Array
    residuals: Array
    slopes: Array
    rows: BoolArray
    sd: float
    dof: int

    @property
    def usable(self) -> bool:
        """Whether it predicts the runs that it was fitted to."""
        return bool(np.all(np.isfinite(self.residuals[self.rows])))

    @property
    def standard_errors(self) -> Array:
        """Of the constants, to first order; infinite where the runs do not determine them."""
        return self.errors_along(np.eye(self.slopes.shape[1]))

    def errors_along(self, directions: Array) -> Array:
        """Standard errors of weighted sums of the constants, as of the constants themselves.

        Parameters
        ----------
        directions : ndarray of shape (n_sums, n_constants)
            The weights.
        """
        A = self.slopes[self.rows]
        if not np.all(np.isfinite(A)):
            return np.full(len(directions), np.inf)
        spread, complete = spread_of(directions, A)
        if not complete:
            return np.full(len(directions), np.inf)
        return np.asarray(self.sd * np.sqrt(np.sum(spread**2, axis=1)))


def fitted(model: Model, errors: Errors, rows: BoolArray, start: Array) -> Fitted:
    """Least squares of some of the runs from a start near its end."""

    def at(constants: Array) -> tuple[Array, Array]:
        values = model.value(constants)
        return errors.residuals(values), errors.scaled(values, model.slopes(constants))

    found = minimise_squares(at, start, rows=rows, steps=_STEPS, enough=_ENOUGH)
    best = found.parameters
    dof = int(rows.sum()) - len(best)
    sd = float(np.sqrt(found.squares / dof)) if dof > 0 else np.inf
    return Fitted(best, found.residuals, found.slopes, rows, max(sd, EXACT), dof)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the runs left out say of one candidate.

    Attributes
    ----------
    log_density : float
        Of all runs, each left out; natural logarithm.
    p_block : float or None
        Least chance of a block's predictions, times the number of blocks; None without blocks.
    growth : float
        By which factor the error of the worst block exceeds what its variance allows.
    worst : str
        That block.
    whole : Fitted
        The fit to all runs.
    """

    log_density: float
    p_block: float | None
    growth: float
    worst: str
    whole: Fitted

    @property
    def extrapolates(self) -> bool | None:
        """Whether every outer block was predicted; None where none could be left out."""
        if self.p_block is None:
            return None
        return not (self.p_block < BLOCK_LEVEL and self.growth > BLOCK_GROWTH)


def errors_of(design: Design, models: Sequence[Model]) -> Errors:
    """The kind of errors under which the likeliest model is likeliest."""
    kinds = possible_errors(design)
    everything = np.ones(design.n_runs, dtype=bool)
    likely = dict.fromkeys(range(len(kinds)), -np.inf)
    for k, kind in enumerate(kinds):
        for model in models:
            values = fitted(model, kind, everything, model.start)
            if values.usable and values.dof > 0:
                fit = -design.n_runs * np.log(values.sd) + float(kind.jacobian.sum())
                likely[k] = max(likely[k], fit)
    return kinds[likeliest(likely, 0)]


def evidence(
    model: Model, errors: Errors, blocks: Sequence[Block], design: Design
) -> Evidence | None:
    """Log density of every run left out, and whether the outer blocks are predicted.

    Parameters
    ----------
    model : Model
    errors : Errors
    blocks : sequence of Block
        The same for all models that are compared.
    design : Design

    Returns
    -------
    Evidence or None
        None where the model cannot be fitted to the runs.
    """
    n = design.n_runs
    whole = fitted(model, errors, np.ones(n, dtype=bool), model.start)
    if not whole.usable or whole.dof < 1 or not np.all(np.isfinite(whole.slopes)):
        return None
    total, count = np.zeros(n), np.zeros(n)
    worst: tuple[float, float, str] = (1.0, 0.0, "")
    judged = 0
    pieces = _pieces(model, whole.constants)
    for block in blocks:
        rows = block.rows & _kept(pieces, block.rows)
        if rows.sum() < 2:
            continue
        rest = fitted(model, errors, ~block.rows, whole.constants)
        if rest.dof < 1:
            continue
        judged += 1
        density, chance, growth = _UNUSABLE * float(rows.sum()), 0.0, np.inf
        ahead = Ahead.of(
            rest.residuals[rows], rest.slopes[rows], rest.slopes[rest.rows], rest.sd, rest.dof
        )
        if ahead is not None:
            density, chance, growth = ahead.log_density, ahead.chance, ahead.growth
            if chance < BLOCK_LEVEL:
                places = np.column_stack([block.along, design.X])[rows]
                chance = max(chance, ahead.chance_of_trend(places))
        total[rows] += density / rows.sum()
        count[rows] += 1
        worst = min(worst, (chance, -growth, block.end))
    single = count == 0
    own = _deleted(whole, design.split)
    total = np.where(single, own, total / np.maximum(count, 1))
    log_density = float(np.sum(np.maximum(total, _UNUSABLE)) + errors.jacobian.sum())
    least = min(1.0, worst[0] * judged) if judged else None
    return Evidence(log_density, least, -worst[1], worst[2], whole)


def _deleted(whole: Fitted, split: NDArray[np.generic] | None) -> Array:
    """Log density of each run without itself or its group, to first order."""
    left, spread = deleted_residuals(whole.residuals, whole.slopes, split)
    dof = max(whole.dof - 1, 1)
    square = (whole.sd**2 * whole.dof - whole.residuals * left) / dof
    sd = np.sqrt(np.maximum(square, EXACT**2) * spread)
    z = left / sd
    return np.asarray(
        special.gammaln((dof + 1) / 2)
        - special.gammaln(dof / 2)
        - 0.5 * np.log(dof * np.pi)
        - np.log(sd)
        - (dof + 1) / 2 * np.log1p(z**2 / dof)
    )


def _pieces(model: Model, constants: Array) -> IntArray | None:
    """Which piece of a law in pieces each run lies in; None for a law of one piece."""
    if not isinstance(model, FormulaModel):
        return None
    found = sorted(model.expression.atoms(sympy.Piecewise), key=str)
    if not found:
        return None
    places = sympy.Piecewise(*((k, c) for k, (_, c) in enumerate(found[0].args)))
    return evaluate(places, model.filled(constants), model.n).astype(np.intp)


def _kept(pieces: IntArray | None, rows: BoolArray) -> BoolArray:
    """Runs of pieces that keep more than half of their runs outside of the block."""
    if pieces is None:
        return np.ones(len(rows), dtype=bool)
    size, lost = np.bincount(pieces), np.bincount(pieces, rows)
    return np.asarray((2 * lost < size)[pieces])
