"""Local improvement of a partition: each boundary to its best place and direction."""

from collections.abc import Callable

import numpy as np

from dimgs.arrays import Array
from dimgs.fits.regimes.moments import Sample, best_cut
from dimgs.fits.regimes.tree import (
    Boundary,
    Tree,
    at_boundary,
    boundaries,
    n_leaves,
    with_boundary,
)

_WIDEST, _NARROWER = 0.3, 0.45

Place = Callable[[Array], tuple[float, float]]


def placer(sample: Sample, tree: Tree, k: int) -> Place:
    """Function (direction) -> (threshold, loss) for boundary `k`, the others held."""
    reaches, left, right = at_boundary(tree, k, sample.Z)
    Z, rows, left, right = sample.Z[reaches], sample.rows[reaches], left[reaches], right[reaches]

    def place(direction: Array) -> tuple[float, float]:
        return best_cut(rows, Z @ direction, left, right, sample.min_runs, exact=True)

    return place


def polish(sample: Sample, tree: Tree) -> Tree:
    """Move each boundary to its best threshold; turn it where no other is parallel to it."""
    for _ in range(2 if n_leaves(tree) > 2 else 1):
        for k, edge in enumerate(boundaries(tree)):
            place = placer(sample, tree, k)
            direction = edge.direction
            threshold, loss = place(direction)
            if not np.isfinite(loss):
                continue
            others = [b.direction for j, b in enumerate(boundaries(tree)) if j != k]
            if direction.size > 1 and not any(abs(abs(d @ direction) - 1) < 1e-9 for d in others):
                turned = _turn(direction, loss, place, max(0.25 / len(sample.y), 1e-4))
                if turned is not direction:
                    direction = turned
                    threshold, _ = place(direction)
            tree = with_boundary(tree, k, Boundary(direction, threshold))
    return tree


def _turn(direction: Array, loss: float, place: Place, finest: float) -> Array:
    """Pattern search on the sphere, in coordinates that no basis can change."""
    size = _WIDEST
    # Runs decide a direction to about the spacing of their projections.
    while size > finest:
        for axis in np.eye(len(direction)):
            tangent = axis - (axis @ direction) * direction
            length = float(np.linalg.norm(tangent))
            if length < 1e-6:
                continue
            for sign in (1.0, -1.0):
                trial = direction + sign * size * tangent / length
                trial /= np.linalg.norm(trial)
                value = place(trial)[1]
                if value < loss * (1 - 1e-9):
                    direction, loss = trial, value
                    break
        size *= _NARROWER
    return direction
