"""The points of pi space that a campaign has visited, and what each tier said there."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

_SAME = 1e-7


@dataclass(eq=False)
class Points:
    """Visited points; rows are only ever added.

    Parameters
    ----------
    rank, n_tiers : int

    Attributes
    ----------
    z : ndarray of shape (n_points, rank)
    y : ndarray of shape (n_points, n_tiers)
        Logarithm of the response group; NaN where a tier was not run there.
    lost : ndarray of bool of shape (n_points, n_tiers)
        Runs that ended without a usable answer.

    Examples
    --------
    >>> points = Points(rank=1, n_tiers=2)
    >>> points.add(np.array([0.5])), points.add(np.array([0.5 + 1e-9])), points.add(np.array([1.0]))
    (0, 0, 1)
    >>> points.record(0, 0, 2.0)
    >>> points.done(0).tolist(), points.pairs(1).tolist()
    ([0], [])
    """

    rank: int
    n_tiers: int
    z: Array = field(init=False)
    y: Array = field(init=False)
    lost: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.z = np.zeros((0, self.rank))
        self.y = np.zeros((0, self.n_tiers))
        self.lost = np.zeros((0, self.n_tiers), dtype=np.bool_)

    def __len__(self) -> int:
        return len(self.z)

    def add(self, z: Array) -> int:
        """Row of a point; that of an equal one (a dimensionally equivalent run) where there is."""
        if len(self.z):
            apart = np.abs(self.z - z).max(axis=1)
            nearest = int(np.argmin(apart))
            if apart[nearest] <= _SAME:
                return nearest
        self.z = np.vstack([self.z, z])
        self.y = np.vstack([self.y, np.full(self.n_tiers, np.nan)])
        self.lost = np.vstack([self.lost, np.zeros(self.n_tiers, dtype=np.bool_)])
        return len(self.z) - 1

    def record(self, row: int, tier: int, value: float | None) -> None:
        """Answer of a tier at a point; None where there was none."""
        if value is None:
            self.lost[row, tier] = True
        else:
            self.y[row, tier] = value

    def tried(self, row: int, tier: int) -> bool:
        """Whether a tier was run at a point, whatever came of it."""
        return bool(self.lost[row, tier] or np.isfinite(self.y[row, tier]))

    def done(self, tier: int) -> Rows:
        """Rows with an answer of a tier."""
        return np.flatnonzero(np.isfinite(self.y[:, tier]))

    def pairs(self, tier: int) -> Rows:
        """Rows with answers of a tier and of the one below it."""
        return np.flatnonzero(np.isfinite(self.y[:, tier]) & np.isfinite(self.y[:, tier - 1]))

    def part(self, tier: int) -> tuple[Rows, Array]:
        """What is fitted for a tier: its answers for the coarsest, else differences to the next."""
        if tier == 0:
            rows = self.done(0)
            return rows, self.y[rows, 0]
        rows = self.pairs(tier)
        return rows, self.y[rows, tier] - self.y[rows, tier - 1]
