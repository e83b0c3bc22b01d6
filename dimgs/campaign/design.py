"""The design of a campaign: points that fill the reachable space, and how inputs reach them."""

from functools import cached_property, lru_cache
from itertools import combinations, product
from math import comb

import numpy as np
from scipy.linalg import qr
from scipy.optimize import linprog

from dimgs.campaign.binding import Binding
from dimgs.campaign.plan import Sampler
from dimgs.campaign.space import PiSpace
from dimgs.common.arrays import Array, BoolArray
from dimgs.common.errors import InputError

# a corner that a thousandth of all directions sees is found with 98 %
_DIRECTIONS = 4000
# so many small singular value decompositions take less than a second
_MOST_FACETS = 5000
# 131,072 points of a few coordinates take a few megabytes; a region thinner than that gets fewer
_MOST_DRAWN = 2**17


# of logarithms of ranges and of ranges of unit half-width: far above their rounding
SLACK = 1e-9
# moving an input that could stay costs this many times as much as one that moves anyway
_RELUCTANCE = 100.0
# an image of a run differs in some input by a quarter of the half of its range or more
_FAR = 0.25
# directions among which that is chosen: of four free ones the best of so many moves every input by
# a third of what moves most; and the distance between places that have directions of their own
_WAYS, _PLACE = 64, 0.01
# of a direction: columns that differ by less are equally long, and the first by name moves
_DIGITS = 9


class Region:
    """The zonotope of a pi space: what the inputs reach inside their ranges, and the way back.

    Parameters
    ----------
    space : PiSpace

    Attributes
    ----------
    moving : tuple of int
        Inputs that move, as few as the rank; the others stay in the middle of their ranges,
        except where the moving ones alone do not reach a point.

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> basis = pi_basis(["D [m^2/s]", "t [s]", "l [m]", "u [1]"], "u")
    >>> ends = {"D": (1e-12, 1e-10), "l": (1e-4, 1e-3), "t": (1.0, 1e4)}
    >>> region = Region(PiSpace(ends, basis, {}))
    >>> points = region.fill(8, seed=1)
    >>> points.shape, bool(region.contains(points).all())
    ((8, 1), True)
    >>> [region.space.names[i] for i in region.moving]
    ['t']
    """

    def __init__(self, space: PiSpace) -> None:
        self.space, self._transform = space, space.transform
        self._reach = np.abs(space.transform).sum(axis=1)
        # the inputs whose ranges take the groups farthest, by pivoted elimination
        order = qr(np.round(space.transform, _DIGITS), mode="economic", pivoting=True)[2]
        self.moving = tuple(sorted(order[: space.rank].tolist()))
        self._facets = _facets(tuple(map(tuple, space.transform.tolist()))) if space.rank else None

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
        # half a second to import, which a design of a few corners does without
        from scipy.stats import qmc

        draw = qmc.LatinHypercube if sampler == "lhs" else qmc.Sobol
        spread = self._transform.T if self._facets is None else np.diag(self._reach)
        size = 1 << max(2, (n - 1).bit_length())
        while True:
            z = (2.0 * draw(len(spread), rng=seed).random(size) - 1.0) @ spread
            inside = z[self.contains(z)]
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
            directions = np.random.default_rng(0).normal(size=(_DIRECTIONS, rank))
            z = z[np.unique(np.argmax(z @ directions.T, axis=0))]
        return np.asarray(z[rng.permutation(len(z))])

    def logs(self, z: Array) -> Array | None:
        """Logarithms of the inputs at a point of shape (rank,); None where no inputs reach it."""
        u = np.zeros(len(self.space.names))
        u[list(self.moving)] = np.linalg.solve(self.space.transform[:, list(self.moving)], z)
        at = self._fewest_moves(z) if np.any(np.abs(u) > 1.0 + SLACK) else u
        return None if at is None else self.space.centre + np.clip(at, -1.0, 1.0) * self.space.half

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
        # other directions at other places: effects of two inputs cancel along one of them
        rng = np.random.default_rng([seed, *np.abs(np.round(z / _PLACE)).astype(int)])
        ways = rng.standard_normal((_WAYS, len(self.space.names)))
        # less what would change the groups
        ways -= ways @ T.T @ T
        free = np.abs(ways).max(axis=0) > SLACK
        if plain is None or not free.any():
            return None
        u = (plain - self.space.centre) / self.space.half
        ways = np.where(free, ways / np.abs(ways).max(axis=1, keepdims=True), 0.0)
        # steps to the ends of the ranges, along each direction and against it
        toward, against = (side * np.sign(ways[:, free]) - u[free] for side in (1.0, -1.0))
        steps = np.concatenate([(toward / ways[:, free]).min(1), (against / ways[:, free]).max(1)])
        moves = steps[:, None] * np.vstack([ways, ways])
        far = np.abs(moves[:, free])
        if far.max() < _FAR:
            return None
        # a constant may go with any input: the one that moves least should move far
        best = moves[np.argmax(np.where(far.max(axis=1) < _FAR, -1.0, far.min(axis=1)))]
        return np.asarray(self.space.centre + np.clip(u + best, -1.0, 1.0) * self.space.half)

    def _fewest_moves(self, z: Array) -> Array | None:
        """Fewest further moves, by the linear programme min sum w|u|, T u = z, -1 <= u <= 1."""
        n = len(self.space.names)
        weight = np.where(np.isin(np.arange(n), self.moving), 1.0, _RELUCTANCE)
        solution = linprog(
            np.concatenate([weight, weight]),
            A_eq=np.hstack([self.space.transform, -self.space.transform]),
            b_eq=z,
            bounds=[(0.0, 1.0)] * (2 * n),
            method="highs",
        )
        return np.asarray(solution.x[:n] - solution.x[n:]) if solution.x is not None else None


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


# shares of the space are then known to one or two per cent
_POOL = 4096
# all the corners of so many inputs are looked at; of more, as many drawn ones
_MOST_INPUTS = 10


class CampaignDesign:
    """Where runs can lie, and how inputs reach them.

    Parameters
    ----------
    binding : Binding

    Attributes
    ----------
    region : Region
    corners : ndarray of shape (n_corners, rank)
        Where every input is at an end of its range, in an order that the plan's seed decides.

    Raises
    ------
    InputError
        If the plan has too few runs for any law, or names a point that no run reaches.
    """

    def __init__(self, binding: Binding) -> None:
        self.binding, self.region = binding, Region(binding.space)
        self.corners = self.region.corners(binding.plan.seed)
        plan, rank = binding.plan, binding.space.rank
        # a law takes a run for each unknown, and one that tells whether it holds
        sizes = {"budget.runs": plan.budget.runs, "survey": plan.survey}
        sizes |= {"budget.coarse_runs": plan.budget.coarse} if binding.finest else {}
        for name, runs in sizes.items() if plan.tolerance.of_laws and rank else ():
            if runs is not None and runs < rank + 2:
                few = f"{runs} runs cannot show how '{binding.target.name}' changes"
                remedy = f"along {directions(rank)}; give at least {rank + 2}"
                raise InputError(f"{plan.source}, {name}: {few} {remedy}.")
        for i, point in enumerate(binding.points, 1):
            if not self.region.contains(np.array(point.outermost)).all():
                where = f"{plan.source}, points[{i}]: its groups lie outside what the ranges reach"
                raise InputError(f"{where}; widen the ranges, or move the point inside them.")

    @cached_property
    def pool(self) -> Array:
        """Points that fill the region, shape (n, rank)."""
        return self.region.fill(_POOL, self.binding.plan.seed + 1, self.binding.plan.sampler)

    def image(self, z: Array) -> dict[str, float | str] | None:
        """Other inputs of equal groups, in the units of the ports; None where there are none."""
        if any(self.binding.plan.ranges[n].integer for n in self.binding.space.names):
            return None
        logs = self.region.image(z, self.binding.plan.seed)
        return None if logs is None else self.binding.values(logs)

    def values(self, z: Array, logs: Array | None = None) -> dict[str, float | str]:
        """Inputs of a run at a point, or with these logarithms, in the units of the ports.

        Raises
        ------
        InputError
            If no inputs in the ranges reach it.
        """
        logs = self.region.logs(z) if logs is None else logs
        if logs is None:
            raise InputError(
                f"No inputs in the ranges of {self.binding.plan.source} reach a point."
            )
        return self.binding.values(logs)


def directions(rank: int) -> str:
    """Number of free directions, in words."""
    return f"{rank} free direction" + ("" if rank == 1 else "s")
