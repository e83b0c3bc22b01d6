"""The design of a campaign: points that fill the reachable space, and how inputs reach them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from math import comb

import numpy as np
from scipy.stats import qmc

from dimgs.arrays import Array, BoolArray
from dimgs.campaign.binding import Binding
from dimgs.campaign.inverse import SLACK, Inverse
from dimgs.campaign.plan import Sampler
from dimgs.campaign.space import PiSpace
from dimgs.errors import InputError

# a corner that a thousandth of all directions sees is found with 98 %
_DIRECTIONS = 4000
# so many small singular value decompositions take less than a second
_MOST_FACETS = 5000
# 131,072 points of a few coordinates take a few megabytes; a region thinner than that gets fewer
_MOST_DRAWN = 2**17
# of half a range; repeated runs are told apart by a nudge of 1e-9 of a value
_MOVED = 1e-6


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
        self._facets = _facets(key) if key else None

    def contains(self, z: Array, widened: float = 1.0) -> BoolArray:
        """Whether points of shape (n_points, rank) are reached; all, where facets are too many.

        With `widened`, whether ranges would reach them that are so many times as wide in logs.
        """
        if self._facets is None:
            return np.ones(len(z), dtype=np.bool_)
        normals, support = self._facets
        return np.asarray(np.all(np.abs(z @ normals.T) <= widened * support + SLACK, axis=1))

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

    def corners(self, seed: int) -> Array:
        """Outermost points, where every input is at an end of its range, in random order."""
        rng = np.random.default_rng(seed)
        rank, n = self._transform.shape
        if not rank:
            return np.zeros((1, 0))
        if n <= _MOST_INPUTS:
            ends = np.array(list(product((-1.0, 1.0), repeat=n))).reshape(-1, n)
        else:
            ends = rng.choice((-1.0, 1.0), (2**_MOST_INPUTS, n))
        z = np.unique(np.round(ends @ self._transform.T, 12), axis=0)
        if len(z) > rank + 1:
            # the corners of a flat or crowded picture lie inside: only hull corners stand out
            z = z[_outer(z)]
        return np.asarray(z[rng.permutation(len(z))])

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


def _outer(z: Array) -> BoolArray:
    """Which points stick out in some direction: the corners of their hull."""
    directions = np.random.default_rng(0).normal(size=(_DIRECTIONS, z.shape[1]))
    found = np.zeros(len(z), dtype=np.bool_)
    found[np.argmax(z @ directions.T, axis=0)] = True
    return found


def moved(space: PiSpace, logs: Sequence[Array]) -> tuple[str, ...]:
    """Names of the inputs that differ between runs."""
    if not len(logs):
        return ()
    table = np.asarray(logs)
    spread = np.ptp(table, axis=0) / space.half
    return tuple(n for n, s in zip(space.names, spread, strict=True) if s > _MOVED)


# shares of the space are then known to one or two per cent
_POOL = 4096
# all the corners of so many inputs are looked at; of more, as many drawn ones
_MOST_INPUTS = 10


@dataclass(frozen=True, eq=False)
class CampaignDesign:
    """Where runs can lie, and how inputs reach them.

    Attributes
    ----------
    region : Region
    corners : ndarray of shape (n_corners, rank)
        Where every input is at an end of its range, in an order that the plan's seed decides.
    pool : ndarray of shape (n_pool, rank)
        Points that fill the region.
    inverse : Inverse
    """

    region: Region
    corners: Array
    pool: Array
    inverse: Inverse

    @classmethod
    def of(cls, binding: Binding) -> "CampaignDesign":
        """The design of a plan.

        Raises
        ------
        InputError
            If the plan has too few runs for any law, or names a point that no run reaches.
        """
        plan, region = binding.plan, Region(binding.space)
        _check_size(binding)
        for i, inside in enumerate(region.contains(binding.points), 1):
            if not inside:
                raise InputError(
                    f"{plan.source}, points[{i}]: its groups lie outside what the ranges reach; "
                    f"widen the ranges, or move the point inside them."
                )
        pool = region.fill(_POOL, plan.seed + 1, plan.sampler)
        return cls(region, region.corners(plan.seed), pool, Inverse.of(binding.space, pool[:64]))

    def image(self, binding: Binding, z: Array) -> dict[str, float | str] | None:
        """Other inputs of equal groups, in the units of the ports; None where there are none."""
        ranges = binding.plan.ranges
        if any(ranges[n].integer for n in binding.space.names):
            return None
        logs = self.inverse.image(z, binding.plan.seed)
        return None if logs is None else binding.values(logs)

    def values(self, binding: Binding, z: Array) -> dict[str, float | str]:
        """Inputs of a run at a point, in the units of the ports.

        Raises
        ------
        InputError
            If no inputs in the ranges reach it.
        """
        logs = self.inverse.logs(z)
        if logs is None:
            raise InputError(f"No inputs inside the ranges of {binding.plan.source} reach a point.")
        return binding.values(logs)


def _check_size(binding: Binding) -> None:
    """A law takes a run for each unknown, and one that tells whether it holds."""
    plan, rank = binding.plan, binding.space.rank
    if not plan.tolerance.of_laws or not rank:
        return
    sizes = [("budget.runs", plan.budget.runs), ("survey", plan.survey)]
    if len(binding.tiers) > 1:
        sizes.append(("budget.coarse_runs", plan.budget.coarse))
    for name, runs in sizes:
        if runs is not None and runs < rank + 2:
            raise InputError(
                f"{plan.source}, {name}: {runs} runs cannot show how '{binding.target.name}' "
                f"changes along {directions(rank)}; give at least {rank + 2}."
            )


def directions(rank: int) -> str:
    """Number of free directions, in words."""
    return f"{rank} free direction" + ("s" if rank > 1 else "")
