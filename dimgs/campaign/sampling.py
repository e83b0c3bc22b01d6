"""Space-filling points in the region that the ranges reach."""

from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from dimgs.campaign.plan import Sampler
from dimgs.campaign.space import PiSpace

Array = NDArray[np.float64]

_MOST_FACETS = 5000
_MOST_DRAWN = 2**17
_SLACK = 1e-9


class Region:
    """The zonotope of a pi space: what the inputs reach inside their ranges.

    Parameters
    ----------
    space : PiSpace

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> basis = pi_basis(["D [m^2/s]", "t [s]", "l [m]", "u [1]"], "u")
    >>> ends = np.log([[1e-12, 1e-10], [1e-4, 1e-3], [1.0, 1e4]])
    >>> region = Region(PiSpace(basis, ("D", "l", "t"), ends[:, 0], ends[:, 1], {}))
    >>> points = region.fill(8, seed=1)
    >>> points.shape, bool(region.contains(points).all())
    ((8, 1), True)
    """

    def __init__(self, space: PiSpace) -> None:
        self._transform = space.transform
        self._reach = np.abs(space.transform).sum(axis=1)
        key = tuple(map(tuple, space.transform.tolist()))
        self._facets = _facets(key)

    def contains(self, z: Array) -> NDArray[np.bool_]:
        """Whether points of shape (n_points, rank) are reached; all, where facets are too many."""
        if self._facets is None:
            return np.ones(len(z), dtype=np.bool_)
        normals, support = self._facets
        return np.asarray(np.all(np.abs(z @ normals.T) <= support + _SLACK, axis=1))

    def fill(self, n: int, seed: int, sampler: Sampler = "sobol") -> Array:
        """Space-filling points.

        Parameters
        ----------
        n : int
        seed : int
        sampler : {"sobol", "lhs"}

        Returns
        -------
        ndarray of shape (n, rank)
            Fewer rows where the region fills too little of its box.
        """
        if self._facets is None:
            return np.asarray(
                self._draw(n, seed, sampler, len(self._transform.T)) @ self._transform.T
            )
        rank = len(self._transform)
        size = 1 << max(2, (n - 1).bit_length())
        while True:
            box = self._draw(size, seed, sampler, rank) * self._reach
            inside = box[self.contains(box)]
            if len(inside) >= n or size >= _MOST_DRAWN:
                return np.asarray(inside[:n])
            size *= 2

    def around(self, z: Array, radius: float, n: int, seed: int) -> Array:
        """Points of the region within a distance of a point; the point itself comes first."""
        rank = len(z)
        raw = qmc.Sobol(rank + 1, rng=seed).random(1 << max(2, (n - 1).bit_length()))
        direction = 2.0 * raw[:, :rank] - 1.0
        length = np.linalg.norm(direction, axis=1, keepdims=True)
        ball = direction / np.maximum(length, 1e-12) * radius * raw[:, rank:] ** (1.0 / rank)
        points = np.vstack([z, z + ball])
        return np.asarray(points[self.contains(points)])

    def _draw(self, size: int, seed: int, sampler: Sampler, dimension: int) -> Array:
        if sampler == "lhs":
            unit = qmc.LatinHypercube(dimension, rng=seed).random(size)
        else:
            whole = 1 << (size - 1).bit_length()
            unit = qmc.Sobol(dimension, rng=seed).random(whole)[:size]
        return np.asarray(2.0 * unit - 1.0)


@lru_cache(maxsize=16)
def _facets(rows: tuple[tuple[float, ...], ...]) -> tuple[Array, Array] | None:
    """Normals and supports of the facets; each is spanned by rank - 1 of the generators."""
    transform = np.array(rows)
    rank, n = transform.shape
    if comb(n, rank - 1) > _MOST_FACETS:
        return None
    normals = []
    for chosen in combinations(range(n), rank - 1):
        spanned = transform[:, list(chosen)]
        left, singular, _ = np.linalg.svd(spanned) if rank > 1 else (np.eye(1), np.ones(0), None)
        if np.sum(singular > 1e-9) == rank - 1:
            normals.append(left[:, -1])
    table = np.array(normals)
    return table, np.abs(table @ transform).sum(axis=1)
