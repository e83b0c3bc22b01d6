"""How fast a potential errs outside its runs: outer runs are left out, and the error measured."""

from dataclasses import dataclass

import numpy as np

from dimgs.arrays import Array
from dimgs.fits.potential.calibration import Folds
from dimgs.fits.potential.potential_axes import Hull
from dimgs.fits.potential.smoothness import PotentialChoice, centred_on_seen
from dimgs.fits.potential.training import FULL_BATCH, Trainer

# share of the runs that is left out at an end of an axis: a fifth, as in validation
_SHARE = 0.2
# axes at whose ends runs are left out: six trainings
_MOST_AXES = 3
# runs below which a fifth of them is one or two
_FEWEST = 12
# runs left out that are looked at: each distance is a small optimisation
_MOST_POINTS = 40
# share of the runs held out that counts as usual
_FEW_EXCEED = 0.95


@dataclass(frozen=True, eq=False)
class Growth:
    """Errors outside the hull of what networks saw.

    Parameters
    ----------
    usual : float
        Distance at which runs that are left out at random lie; intervals hold there as they are.
    distance : float
        Typical distance at which errors were measured.
    slopes : ndarray of shape (n_errors, n_targets)
        Absolute errors over their distances, each column in rising order.
    """

    usual: float
    distance: float
    slopes: Array

    def reach(self, distances: Array, level: float) -> Array:
        """How much wider an interval is at some distance, shape (n_rows, n_targets).

        In proportion to the distance, and to its square beyond those where errors were measured.

        Parameters
        ----------
        distances : ndarray of shape (n_rows,)
        level : float
        """
        n = len(self.slopes)
        if not n:
            return np.zeros((len(distances), self.slopes.shape[1]))
        slope = self.slopes[min(int(np.ceil(level * (n + 1))), n) - 1]
        excess = np.maximum(distances - self.usual, 0.0)
        away = excess * np.maximum(1.0, distances / self.distance)
        return np.asarray(away[:, None] * slope)


def growth_of(trainer: Trainer, choice: PotentialChoice, folds: Folds, seed: int) -> Growth:
    """Leave out the outermost runs along each axis, both ways, and predict them.

    Parameters
    ----------
    trainer : Trainer
        Of the layout that was chosen.
    choice : PotentialChoice
    folds : Folds
    seed : int
    """
    task = trainer.task
    n, rank = task.z.shape
    nothing = Growth(np.inf, 1.0, np.zeros((0, task.target.shape[1])))
    if not rank or not _FEWEST <= n <= FULL_BATCH or task.exact:
        return nothing
    held = []
    for axis in range(min(rank, _MOST_AXES)):
        order = np.argsort(task.z[:, axis], kind="stable")
        count = max(2, round(_SHARE * n))
        for rows in (order[:count], order[-count:]):
            mask = np.zeros(n, dtype=np.bool_)
            mask[rows] = True
            held.append(mask)
    weights = np.where(held, 0.0, task.runs.weights)
    rng = np.random.default_rng([seed, 2])
    smooth = np.full(len(held), choice.decay if np.isfinite(choice.decay) else 0.0)
    theta = trainer.train(weights, smooth, [choice.iterations], rng)[0]
    values = trainer.values(theta)
    distances, errors = [], []
    for mask, own in zip(held, values, strict=True):
        rows = np.flatnonzero(mask)
        rows = rows[:: -(-len(rows) // _MOST_POINTS)]
        distances.append(Hull.of(task.z[~mask]).distance(task.z[rows]))
        errors.append(np.abs(centred_on_seen(trainer, task.target - own, mask))[rows])
    away, error = np.concatenate(distances), np.concatenate(errors)
    far = away > np.median(away[away > 0]) / 2 if np.any(away > 0) else away > 0
    if not far.any():
        return nothing
    slopes = np.sort(error[far] / away[far, None], axis=0)
    return Growth(_usual(task.z, folds), float(np.median(away[far])), slopes)


def _usual(z: Array, folds: Folds) -> float:
    """Distance that few of the runs held out exceed."""
    away = []
    for held in folds.held:
        rows = np.flatnonzero(held)
        rows = rows[:: -(-len(rows) // _MOST_POINTS)]
        away.append(Hull.of(z[~held]).distance(z[rows]))
    return float(np.quantile(np.concatenate(away), _FEW_EXCEED))
