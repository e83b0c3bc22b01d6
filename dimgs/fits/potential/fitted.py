"""A fitted potential: its ensemble, the networks of each fold, and their values at new rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dimgs.arrays import Array, IntArray
from dimgs.fits.intervals import Calibration, widened
from dimgs.fits.potential.backend import one_thread
from dimgs.fits.potential.extrapolation import Growth, Hull
from dimgs.fits.potential.network import NetworkLayout, curvatures_of, slopes_of
from dimgs.fits.potential.potential_runs import PotentialAxes, Task
from dimgs.fits.potential.smoothness import Folds, PotentialChoice, centred_on_seen
from dimgs.fits.potential.training import Trainer, evaluate

# rows whose derivatives by all networks are in memory at a time
_BLOCK = 2000


@dataclass(frozen=True, eq=False)
class FittedPotential:
    """Networks in whitened coordinates, with the units of the response.

    Parameters
    ----------
    axes : PotentialAxes
    layout : NetworkLayout
    theta : ndarray of shape (n_members, size)
        The ensemble, trained on all runs.
    held_out : ndarray of shape (n_folds, n_initialisations, size)
        Networks trained without the runs of each fold.
    rougher : ndarray of shape (n_folds, n_initialisations, size), optional
        Such networks, less smooth.
    rounds : int
        Rounds of folds in `held_out`.
    scale : ndarray of shape (n_targets,)
        Unit of the networks' values.
    offsets : ndarray of shape (n_folds, n_targets)
        Prefactor of each fold's networks.
    noise : ndarray of shape (n_targets,)
        Root-mean-square error on runs left out.
    weight : float
        Number of runs.
    hull : Hull
        Of the runs.
    growth : Growth
        Of errors outside it.
    left_out : ndarray of int of shape (n_errors, 2)
        Fold and run of each error on runs left out.
    pairs : ndarray of int of shape (n_pairs, 3)
        Fold and two runs of each error on pairs left out.
    values_calibration, pairs_calibration : Calibration
    """

    axes: PotentialAxes
    layout: NetworkLayout
    theta: Array
    held_out: Array
    rougher: Array | None
    rounds: int
    scale: Array
    offsets: Array
    noise: Array
    weight: float
    hull: Hull
    growth: Growth
    left_out: IntArray
    pairs: IntArray
    values_calibration: Calibration
    pairs_calibration: Calibration

    def members(self, X: Array) -> Array:
        """Potential by each member, shape (n_members, n_rows, n_targets)."""
        return self._evaluate(self.theta, X) * self.scale

    def _evaluate(self, theta: Array, X: Array) -> Array:
        return evaluate(self.layout, theta, self.axes.coordinates(X), self.axes.codes(X))

    @one_thread()
    def slopes(self, theta: Array, X: Array) -> Array:
        """Local exponents of the numeric columns, (n_models, n_rows, n_targets, n_numeric)."""
        found = [part @ self.axes.transform.T for part in self._carried(slopes_of, theta, X)]
        return np.asarray(np.concatenate(found, axis=1) * self.scale[:, None])

    @one_thread()
    def mixed(self, X: Array) -> Array:
        """Second derivatives by the ensemble, (n_rows, n_targets, n_numeric, n_numeric)."""
        turn = self.axes.transform
        found = [part.mean(axis=0) for part in self._carried(curvatures_of, self.theta, X)]
        return np.asarray(turn @ np.concatenate(found) @ turn.T * self.scale[:, None, None])

    def _carried(self, way: Callable[..., torch.Tensor], theta: Array, X: Array) -> Iterator[Array]:
        """Derivatives in whitened coordinates, a block of rows at a time."""
        for start in range(0, len(X), _BLOCK):
            rows = X[start : start + _BLOCK]
            z, codes = self.axes.coordinates(rows), self.axes.codes(rows)
            yield way(self.layout, *map(torch.as_tensor, (theta, z, codes))).numpy()

    def values(self, X: Array, level: float) -> Array:
        """Intervals of the response less its centre, shape (n_rows, n_targets, 2)."""
        centres, scales = self.by_fold(X)
        found = self.values_calibration.bounds(centres, scales, level)
        return widened(found, self.reach(X, level)) * self.scale[:, None]

    def ratios(self, u: Array, v: Array, level: float) -> Array:
        """Intervals of differences of the response, shape (n_rows, n_targets, 2)."""
        centres, scales = self.by_fold(u, v)
        found = self.pairs_calibration.bounds(centres, scales, level)
        reach = np.hypot(self.reach(u, level), self.reach(v, level))
        return widened(found, reach) * self.scale[:, None]

    def reach(self, X: Array, level: float) -> Array:
        """How much wider intervals are outside the runs, in units of `scale`.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
        level : float

        Returns
        -------
        ndarray of shape (n_rows, n_targets)
        """
        reach = self.growth.reach(self.hull.distance(self.axes.coordinates(X)), level)
        # of a direction that never varied the runs determine nothing
        return np.where(self.axes.leaves_span(X)[:, None], np.inf, reach)

    def by_fold(self, X: Array, other: Array | None = None) -> tuple[Array, Array]:
        """Response less its centre, or its difference, by the networks of each fold.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
        other : ndarray of the same shape, optional
            Rows that the response of `X` is compared with.

        Returns
        -------
        values, scales : ndarray of shape (n_folds, n_rows, n_targets)
            In units of `scale`; the second is what the networks leave open.
        """
        n_folds, n, _ = self.held_out.shape
        theta = np.concatenate(self.held_out)
        values, z = self._evaluate(theta, X), self.axes.coordinates(X)
        if other is not None:
            values = values - self._evaluate(theta, other)
            z = z - self.axes.coordinates(other)
        values = values.reshape(n_folds, n, *values.shape[1:])
        offsets = self.offsets[:, None] if other is None else 0.0
        scales = open_scale(values, z, self.noise, self.weight, 1 if other is None else 2)
        return values.mean(axis=1) + offsets, scales

    def slope_variance(self, X: Array, average: bool) -> tuple[Array, int]:
        """Variance of local exponents by runs left out, and its degrees of freedom.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
        average : bool
            Of the mean exponents over the rows instead.

        Returns
        -------
        ndarray of shape (n_rows, n_targets, n_numeric), int
            A single row for the mean.
        """

        def by_member(theta: Array) -> Array:
            found = self.slopes(theta, X)
            return np.asarray(found.mean(axis=1, keepdims=True) if average else found)

        n_folds, n, _ = self.held_out.shape
        found, own = by_member(np.concatenate(self.held_out)), by_member(self.theta)
        folds = found.reshape(n_folds, n, *found.shape[1:]).mean(axis=1)
        each = n_folds // self.rounds
        if each < 2:
            return np.full(folds.shape[1:], np.inf), 1
        per_round = folds.reshape(self.rounds, each, *folds.shape[1:])
        variance = (each - 1) * per_round.var(axis=1).mean(axis=0)
        if len(own) > 1:
            variance = variance + own.var(axis=0, ddof=1) / len(own)
        if self.rougher is not None:
            # what one step of smoothness changes stands for what smoothness hides
            variance = variance + np.square(
                by_member(np.concatenate(self.rougher)).mean(0) - folds.mean(0)
            )
        return variance, each - 1

    def outside(self, X: Array) -> NDArray[np.bool_]:
        """Which rows lie outside the convex hull of the runs."""
        beyond = self.hull.distance(self.axes.coordinates(X)) > 0
        return beyond | self.axes.leaves_span(X)


def open_scale(values: Array, z: Array, noise: Array, weight: float, runs: int) -> Array:
    """What the networks of each fold leave open: noise, leverage of the place, disagreement.

    Parameters
    ----------
    values : ndarray of shape (n_folds, n_initialisations, n_rows, n_targets)
    z : ndarray of shape (n_rows, rank)
        Whitened place, or difference of two places.
    noise : ndarray of shape (n_targets,)
    weight : float
        Number of runs.
    runs : int
        Whose noise counts: one for a value, two for a ratio.

    Returns
    -------
    ndarray of shape (n_folds, n_rows, n_targets)
    """
    leverage = np.square(z).sum(axis=1) / weight
    own = noise**2 * (runs + leverage[:, None])
    disagreement = np.zeros_like(values[:, 0])
    if values.shape[1] > 1:
        disagreement = values.var(axis=1, ddof=1)
    return np.asarray(np.sqrt(own + disagreement))


def assemble(
    task: Task,
    trainer: Trainer,
    theta: Array,
    choice: PotentialChoice,
    folds: Folds,
    growth: Growth,
) -> tuple[FittedPotential, Array]:
    """The fitted potential, and the errors on runs left out of shape (n_folds, n_runs, n_targets).

    Parameters
    ----------
    task : Task
    trainer : Trainer
        Of the layout of the networks.
    theta : ndarray of shape (n_members, size)
    choice : PotentialChoice
    folds : Folds
    growth : Growth
    """
    held_out = choice.theta
    n_folds, n, _ = held_out.shape
    values = trainer.values(np.concatenate(held_out))
    values = values.reshape(n_folds, n, *values.shape[1:])
    misses = task.target - values.mean(axis=1)
    weights = np.where(folds.held, 0.0, task.runs.weights)
    offsets = np.einsum("kr,krt->kt", weights, misses) / weights.sum(axis=1)[:, None]
    pairs = zip(misses, folds.held, strict=True)
    errors = np.array([centred_on_seen(trainer, miss, held) for miss, held in pairs])
    root = np.sqrt(task.runs.weights)[:, None]
    of, run = np.nonzero(folds.held)
    noise = np.sqrt(np.mean(np.square(errors * root)[of, run], axis=0))
    noise = np.maximum(noise, np.finfo(float).eps)
    count = len(task.runs)
    scales = open_scale(values, task.z, noise, count, 1)
    scores = np.abs(errors * root)[of, run] / scales[of, run]
    distinct = int(folds.held.any(axis=0).sum())
    k, u, v = folds.pairs.T
    gap = misses[k, u] - misses[k, v]
    apart = (values[k, :, u] - values[k, :, v])[:, :, None]
    each = [
        open_scale(a[None], (task.z[i] - task.z[j])[None], noise, count, 2)[0, 0]
        for a, i, j in zip(apart, u, v, strict=True)
    ]
    together = np.sqrt(2.0 / (1.0 / task.runs.weights[u] + 1.0 / task.runs.weights[v]))[:, None]
    pair_scores = np.abs(gap) * together / np.array(each).reshape(gap.shape)
    fitted = FittedPotential(
        task.axes,
        trainer.layout,
        theta,
        held_out,
        choice.rougher,
        folds.rounds,
        task.scale,
        offsets,
        noise,
        float(count),
        Hull.of(task.z),
        growth,
        np.column_stack([of, run]).astype(np.intp),
        folds.pairs,
        Calibration(of.astype(np.intp), scores, distinct),
        Calibration(k, pair_scores, min(len(k), distinct)),
    )
    return fitted, errors
