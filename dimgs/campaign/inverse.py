"""From a point of the pi space back to inputs: as few move as there are free directions."""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from scipy.optimize import linprog

from dimgs.arrays import Array
from dimgs.campaign.space import PiSpace

# of logarithms of ranges and of ranges of unit half-width: far above their rounding
SLACK = 1e-9
# moving an input that could stay costs this many times as much as one that moves anyway
_RELUCTANCE = 100.0
# an image of a run differs in some input by a quarter of the half of its range or more
_FAR = 0.25
# then a point is reached to ten of its sixteen digits
_WORST_CONDITION = 1e6
# as many small inversions take less than a second; with more, pivoting chooses the inputs
_MOST_SUBSETS = 5000


@dataclass(frozen=True)
class Inverse:
    """Which inputs move, and how to find them for a point.

    Parameters
    ----------
    space : PiSpace
    moving : tuple of int
        Inputs that move, as few as the rank; the others stay in the middle of their ranges,
        except where the moving ones alone do not reach a point.

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> basis = pi_basis(["D [m^2/s]", "t [s]", "l [m]", "u [1]"], "u")
    >>> ends = np.log([[1e-12, 1e-10], [1e-4, 1e-3], [1.0, 1e6]])
    >>> space = PiSpace(basis, ("D", "l", "t"), ends[:, 0], ends[:, 1], {})
    >>> inverse = Inverse.of(space, np.array([[-0.5], [0.5]]))
    >>> [space.names[i] for i in inverse.moving]
    ['t']
    """

    space: PiSpace
    moving: tuple[int, ...]

    @classmethod
    def of(cls, space: PiSpace, z: Array) -> "Inverse":
        """Choose the moving inputs that reach most of the points `z`, shape (n_points, rank)."""
        n, rank = len(space.names), space.rank
        if not rank:
            return cls(space, ())
        if comb(n, rank) > _MOST_SUBSETS:
            return cls(space, tuple(_pivots(space.transform)))
        best: tuple[int, float, tuple[int, ...]] | None = None
        for chosen in combinations(range(n), rank):
            square = space.transform[:, list(chosen)]
            condition = float(np.linalg.cond(square))
            if not condition < _WORST_CONDITION:
                continue
            u = np.linalg.solve(square, z.T)
            reached = int(np.all(np.abs(u) <= 1.0 + SLACK, axis=0).sum())
            if best is None or (reached, -round(condition, 6)) > best[:2]:
                best = (reached, -round(condition, 6), chosen)
        assert best is not None
        return cls(space, best[2])

    def logs(self, z: Array) -> Array | None:
        """Logarithms of the inputs at a point of shape (rank,); None where no inputs reach it."""
        u = np.zeros(len(self.space.names))
        u[list(self.moving)] = np.linalg.solve(self.space.transform[:, list(self.moving)], z)
        if np.any(np.abs(u) > 1.0 + SLACK):
            solved = self._reach(z)
            if solved is None:
                return None
            u = solved
        return np.asarray(self.space.centre + np.clip(u, -1.0, 1.0) * self.space.half)

    def image(self, z: Array, seed: int) -> Array | None:
        """Logarithms of other inputs with the same groups; None where there are none far away.

        Where they give another answer, a constant with a dimension is hidden in the kernel.

        Parameters
        ----------
        z : ndarray of shape (rank,)
        seed : int
            Of the direction in which the inputs differ.
        """
        plain, T = self.logs(z), self.space.transform
        way = np.random.default_rng(seed).standard_normal(len(self.space.names))
        # less what would change the groups
        way -= T.T @ (T @ way)
        free = np.abs(way) > SLACK
        if plain is None or not free.any():
            return None
        u = (plain - self.space.centre) / self.space.half
        way = np.where(free, way / np.abs(way).max(), 0.0)
        ends = ((side * np.sign(way) - u)[free] / way[free] for side in (-1.0, 1.0))
        step = max((f(end) for f, end in zip((np.max, np.min), ends, strict=True)), key=abs)
        if abs(step) < _FAR:
            return None
        return np.asarray(self.space.centre + np.clip(u + step * way, -1.0, 1.0) * self.space.half)

    def _reach(self, z: Array) -> Array | None:
        """Fewest further moves, by the linear programme min sum w|u|, T u = z, -1 <= u <= 1."""
        n = len(self.space.names)
        weight = np.where(np.isin(np.arange(n), self.moving), 1.0, _RELUCTANCE)
        found = linprog(
            np.concatenate([weight, weight]),
            A_eq=np.hstack([self.space.transform, -self.space.transform]),
            b_eq=z,
            bounds=[(0.0, 1.0)] * (2 * n),
            method="highs",
        )
        return np.asarray(found.x[:n] - found.x[n:]) if found.x is not None else None


def _pivots(transform: Array) -> list[int]:
    """Well-conditioned columns, by pivoted elimination."""
    rest, chosen = transform.copy(), []
    for _ in range(len(transform)):
        column = int(np.argmax(np.linalg.norm(rest, axis=0)))
        direction = rest[:, column] / np.linalg.norm(rest[:, column])
        rest = rest - np.outer(direction, direction @ rest)
        chosen.append(column)
    return sorted(chosen)
