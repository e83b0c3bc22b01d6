"""How fast a potential errs outside its runs: outer runs are left out, and the error measured."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import ConvexHull, QhullError

from dimgs.arrays import Array
from dimgs.fits.potential.potential_runs import OUTSIDE
from dimgs.fits.potential.smoothness import Folds, PotentialChoice, centred_on_seen
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


# weight of the condition that shares add up to one, in the units of whitened coordinates
_TOGETHER = 1e3
# faces of a hull grow with the power of half of the dimensions
_MOST_DIMENSIONS = 4
# runs that stand for the hull where its faces are too many
_MOST_CORNERS = 1000


@dataclass(frozen=True, eq=False)
class Hull:
    """Convex hull of runs in whitened coordinates, which no choice of groups changes.

    Parameters
    ----------
    corners : ndarray of shape (n_corners, rank)
    faces : ndarray of shape (n_faces, rank + 1), optional
        Inside is where faces @ (z, 1) is negative; absent in many dimensions.
    """

    corners: Array
    faces: Array | None

    @classmethod
    def of(cls, z: Array) -> Self:
        """Hull of the rows."""
        rank = z.shape[1]
        if rank == 1:
            low, high = float(z.min()), float(z.max())
            return cls(np.array([[low], [high]]), np.array([[-1.0, low], [1.0, -high]]))
        if 2 <= rank <= _MOST_DIMENSIONS and len(z) > rank + 1:
            try:
                found = ConvexHull(z)
            except QhullError:
                return cls(z[:: -(-len(z) // _MOST_CORNERS)], None)
            return cls(z[found.vertices], np.asarray(found.equations))
        return cls(z[:: -(-len(z) // _MOST_CORNERS)], None)

    def distance(self, z: Array) -> Array:
        """Euclidean distance of each row to the hull, zero inside; shape (n_rows,).

        Examples
        --------
        >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.2, 0.2]])
        >>> Hull.of(corners).distance(np.array([[0.3, 0.3], [-2.0, 0.5]])).round(6)
        array([0., 2.])
        """
        out = np.zeros(len(z))
        if not z.shape[1]:
            return out
        beyond = np.ones(len(z), dtype=np.bool_)
        if self.faces is not None:
            beyond = np.max(z @ self.faces[:, :-1].T + self.faces[:, -1], axis=1) > OUTSIDE
        columns = np.vstack([self.corners.T, np.full(len(self.corners), _TOGETHER)])
        for k in np.flatnonzero(beyond):
            mixture, _ = nnls(columns, np.append(z[k], _TOGETHER))
            size = float(np.linalg.norm(z[k] - mixture @ self.corners))
            out[k] = size if size > OUTSIDE * (1.0 + float(np.linalg.norm(z[k]))) else 0.0
        return out
