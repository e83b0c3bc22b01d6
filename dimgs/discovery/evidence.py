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
from dimgs.engines.selection import rms
from dimgs.law.evaluate import evaluate

# errors below are rounding; as in the choice of candidates
_EXACT = 1e-10
# gain of the log-likelihood for errors that are not relative: odds of 50 to 1
_SURE = 4.0
# steps of a refit, which starts near its end, and the relative gain that ends it
_STEPS, _ENOUGH = 25, 1e-10
# at first, of the squares of the slopes: a step near the end is hardly shortened
_DAMPING = 1e-3
# odds at which a block speaks against a law, over all of its blocks, and the factor by which the
# typical error must grow besides: chosen on the development laws by `benchmarks.belief`
BLOCK_LEVEL, BLOCK_GROWTH = 0.01, 1.25
# log density of a run that has no prediction: below any that has one, and finite in sums
_UNUSABLE = -1e6


@dataclass(frozen=True, eq=False)
class Errors:
    """How errors are measured: in the logarithm, or in units of one size.

    Attributes
    ----------
    kind : {"relative", "group", "target"}
    response, root, unit : ndarray of shape (n_runs,)
        Response, roots of the weights, and the unit of errors that are not relative.
    """

    kind: str
    response: Array
    root: Array
    unit: Array

    def residuals(self, values: Array) -> Array:
        """Of predictions, in units of the errors; not finite where there are none."""
        with np.errstate(all="ignore"):
            if self.kind == "relative":
                return np.asarray(self.root * np.log(self.response / values))
            return np.asarray(self.root * (self.response - values) / self.unit)

    def scaled(self, values: Array, slopes: Array) -> Array:
        """Slopes of the predictions in units of the errors."""
        with np.errstate(all="ignore"):
            size = values if self.kind == "relative" else self.unit
            return np.asarray((self.root / size)[:, None] * slopes)

    @property
    def jacobian(self) -> Array:
        """Logarithm of |d residual/d ln |response||; by the response where one is zero."""
        out = np.log(self.root)
        if self.kind == "relative":
            return out
        if np.any(self.response == 0):
            return np.asarray(out - np.log(self.unit))
        return np.asarray(out + np.log(np.abs(self.response) / self.unit))


def possible_errors(design: Design) -> list[Errors]:
    """The kinds of errors that a response may have; the usual one of its scale first."""
    root = np.ones(design.n_runs)
    if design.weights is not None:
        root = np.sqrt(design.weights / np.mean(design.weights))
    response = np.exp(design.y) if design.scale == "log" else design.y
    one = np.ones(design.n_runs) * (rms(response) or 1.0)
    same, relative = Errors("group", response, root, one), Errors("relative", response, root, one)
    if design.scale == "level":
        return [same]
    out = [relative, same] if design.scale == "log" else [same]
    if design.scale == "linear" and np.all(response != 0):
        # a response of both signs may be measured to so many per cent too
        out.append(relative)
    if np.ptp(design.offset) > 1e-9 and design.weights is None:
        target = np.exp(np.mean(design.offset) - design.offset)
        size = rms(response / target) or 1.0
        out.append(Errors("target", response, root, target * size))
    return out


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
    """Least squares from a start near its end, by damped Gauss-Newton steps."""

    def at(constants: Array) -> tuple[Array, float]:
        left = errors.residuals(model.value(constants))
        with np.errstate(over="ignore"):
            loss = float(np.sum(left[rows] ** 2))
        return left, loss if np.isfinite(loss) else np.inf

    best = np.asarray(start, dtype=np.float64)
    left, loss = at(best)
    damping = _DAMPING
    slopes = errors.scaled(model.value(best), model.slopes(best))
    for _ in range(_STEPS if len(best) and np.isfinite(loss) else 0):
        A, e = slopes[rows], left[rows]
        if not np.all(np.isfinite(A)):
            break
        size = np.sqrt(np.sum(A**2, axis=0))
        size = np.where(size > 0, size, 1.0)
        B = np.vstack([A / size, damping * np.eye(len(best))])
        step = np.linalg.lstsq(B, np.concatenate([e, np.zeros(len(best))]), rcond=1e-14)[0] / size
        trial = best + step
        after, lower = at(trial)
        if not lower < loss:
            damping = 10 * damping
            if damping > 1e3 or lower == loss:
                break
            continue
        gain = 1 - lower / loss
        best, left, loss, damping = trial, after, lower, damping / 10
        slopes = errors.scaled(model.value(best), model.slopes(best))
        if gain < _ENOUGH:
            break
    dof = int(rows.sum()) - len(best)
    sd = float(np.sqrt(loss / dof)) if dof > 0 else np.inf
    return Fitted(best, left, slopes, rows, max(sd, _EXACT), dof)


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
    likely = []
    for kind in kinds:
        best = -np.inf
        for model in models:
            values = fitted(model, kind, everything, model.start)
            if values.usable and values.dof > 0:
                fit = -design.n_runs * np.log(values.sd) + float(kind.jacobian.sum())
                best = max(best, fit)
        likely.append(best - (_SURE if kind is not kinds[0] else 0.0))
    return kinds[int(np.argmax(likely))]


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
    basis, triangle = np.linalg.qr(whole.slopes)
    diagonal = np.abs(np.diag(triangle))
    basis = basis[:, diagonal > 1e-13 * max(diagonal.max(initial=0.0), 1e-300)]
    e, n = whole.residuals, len(whole.residuals)
    if split is None:
        leverage = np.minimum(np.sum(basis**2, axis=1), 0.99)
        left = e / (1 - leverage)
        spread = 1 / (1 - leverage)
    else:
        left, spread = e.copy(), np.ones(n)
        for label in np.unique(split):
            rows = np.flatnonzero(split == label)
            own = np.linalg.pinv(np.eye(len(rows)) - basis[rows] @ basis[rows].T, rcond=1e-6)
            left[rows], spread[rows] = own @ e[rows], np.maximum(np.diag(own), 1.0)
    dof = max(whole.dof - 1, 1)
    square = (whole.sd**2 * whole.dof - e * left) / dof
    sd = np.sqrt(np.maximum(square, _EXACT**2) * spread)
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
