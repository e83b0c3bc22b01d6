"""Power laws among runs: which runs follow one, and how well each is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb

import numpy as np
from scipy.optimize import nnls
from scipy.special import stdtr, stdtrit

from dimgs.campaign.space import Sites
from dimgs.common.arrays import Array, BoolArray, IntArray

# log; a kernel that writes six digits says no more
_DIGITS = 1e-6
# chance that noise alone makes any of the runs of a law look foreign to it: a replicate then tells
_FALSE = 0.005
# chance that noise alone makes the runs of a law look curved: then others are looked for in vain
_BEND = 0.01
# refits until the members stay the same; a handful is the rule
_ROUNDS = 15
# neighbours that a first guess of a law is drawn from, beyond the number of its exponents
_NEAR = 4
# guesses from one neighbourhood: all of them in up to two directions
_DRAWS = 15
# a law needs one run more than its unknowns, or this part of all runs, up to twice its unknowns
_SHARE = 6
# part of a law's runs that others may have between them: more, and it is no region that they share
_BETWEEN = 1.0 / 3.0
# a run that decides a law alone is not predicted by the others: one less its leverage, by which its
# residual is divided to tell what the others miss it by
_PREDICTED = 1e-3
# a law may miss a run that it was not fitted to by half a limit for each run beyond its unknowns,
# up to this many: few runs agree by accident unless they agree closely
_SURE = 6
# part of the region below which a law might be a tangent: what goes through half of it is none
_LOCAL = 0.5


@dataclass(frozen=True)
class Scatter:
    """How far a run may lie from its law.

    Attributes
    ----------
    resolution : float
        Log; the smallest miss that is looked at.
    sigma : float
        Standard deviation of a run, from replicates; 0 for a kernel that repeats itself.
    freedom : int
        Degrees of freedom of `sigma`.
    """

    resolution: float
    sigma: float = 0.0
    freedom: int = 0

    def limits(self, count: Array) -> Array:
        """Largest misses of means of `count` runs that follow a law."""
        if not self.sigma:
            return np.full(len(count), self.resolution)
        t = stdtrit(max(self.freedom, 1), 1.0 - _FALSE / (2.0 * max(len(count), 1)))
        return np.asarray(np.maximum(self.resolution, t * self.sigma / np.sqrt(count)))


@dataclass(frozen=True, eq=False)
class FittedLaw:
    """A power law in pi space, log pi_0 = constant + slope . z, and its doubt.

    Attributes
    ----------
    coefficients : ndarray of shape (rank + 1,)
        [constant, slope].
    rows : ndarray of int
        Sites that it was fitted to.
    spread : ndarray of shape (rank + 1, rank + 1)
        Covariance over the variance of a run.
    sigma, freedom : float
        Standard deviation of a run and its degrees of freedom.
    drift : ndarray of shape (rank + 1,)
        How much the coefficients depend on runs beside the law, in crossovers.
    correction : FittedLaw, optional
        What was added to it: the difference to a finer tier.
    """

    coefficients: Array
    rows: IntArray
    spread: Array
    sigma: float
    freedom: float
    drift: Array
    correction: "FittedLaw | None" = None

    @classmethod
    def fit(cls, sites: Sites, rows: IntArray, scatter: Scatter) -> "FittedLaw":
        """Weighted least squares; of the smallest slope where the points do not span the space."""
        z, y, count = sites.z[rows], sites.y[rows], sites.count[rows]
        mean = np.average(z, axis=0, weights=count) if len(z) else np.zeros(z.shape[1])
        root = np.sqrt(count)[:, None]
        table = np.column_stack([np.ones(len(z)), z - mean])
        inverse = np.linalg.pinv(root * table, rcond=1e-9)
        centred = inverse @ (root[:, 0] * y)
        free = len(z) - table.shape[1]
        rest = root[:, 0] * (y - table @ centred)
        if scatter.sigma:
            sigma, freedom = scatter.sigma, float(max(scatter.freedom, 1))
        else:
            sigma = max(float(np.sqrt(rest @ rest / max(free, 1))), _DIGITS)
            freedom = float(max(free, 1))
        # what is uncertain in all runs from elsewhere alike does not show in their scatter
        sigma = max(sigma, sites.error)
        back = np.eye(table.shape[1])
        back[0, 1:] = -mean
        known = free >= 1 or (free == 0 and scatter.sigma > 0)
        whole = known and np.linalg.matrix_rank(root * table, tol=1e-7) == table.shape[1]
        spread = back @ inverse @ inverse.T @ back.T if whole else np.full(back.shape, np.inf)
        return cls(back @ centred, rows, spread, sigma, freedom, np.zeros(len(back)))

    def __call__(self, z: Array) -> Array:
        """Values at points of shape (n, rank)."""
        return np.asarray(self.coefficients[0] + z @ self.coefficients[1:])

    @property
    def slope(self) -> Array:
        """Exponents of the coordinates."""
        return self.coefficients[1:]

    def corrected(self, difference: "FittedLaw") -> "FittedLaw":
        """The law with a difference added."""
        total = self.coefficients + difference.coefficients
        return replace(self, coefficients=total, correction=difference)

    def errors(self, c: Array) -> tuple[Array, Array]:
        """Standard errors and drifts of functionals `c` of shape (n, rank + 1)."""
        if np.isinf(self.spread).any():
            return np.where(np.any(c != 0.0, axis=1), np.inf, 0.0), np.zeros(len(c))
        variance = np.einsum("ij,jk,ik->i", c, self.spread, c)
        return self.sigma * np.sqrt(np.maximum(variance, 0.0)), np.abs(c @ self.drift)

    def half_widths(self, c: Array, level: float) -> Array:
        """Half-widths of the intervals of functionals; infinite where not determined."""
        error, drift = self.errors(c)
        half = np.hypot(stdtrit(self.freedom, 0.5 + level / 2.0) * error, drift)
        if self.correction is not None:
            half = np.hypot(half, self.correction.half_widths(c, level))
        return np.asarray(half)

    def confidence(self, c: Array, tolerance: float) -> float:
        """Smallest probability that a functional lies within its tolerance of the estimate."""
        error, drift = self.errors(c)
        if self.correction is not None:
            error = np.hypot(error, self.correction.errors(c)[0])
        room = np.maximum(tolerance - drift, 0.0) / np.maximum(error, 1e-300)
        return float(np.min(2.0 * stdtr(self.freedom, np.minimum(room, 1e300)) - 1.0, initial=1.0))


def find_laws(
    sites: Sites, scatter: Scatter, known: Sequence[FittedLaw], curvature: float = np.inf
) -> list[FittedLaw]:
    """Laws on which the most runs agree, one after the other; those known before lead.

    Parameters
    ----------
    sites : Sites
    scatter : Scatter
    known : sequence of FittedLaw
    curvature : float
        Largest miss over the extent of a law's runs that do not reach across half of the region:
        a tangent of a crossover has more.

    Returns
    -------
    list of FittedLaw
        Each on more runs than it has unknowns.

    References
    ----------
    M. A. Fischler, R. C. Bolles, Comm. ACM 24 (1981) 381-395: random sample consensus.

    Examples
    --------
    >>> x = np.linspace(-8.0, 8.0, 9)[:, None]
    >>> sites = Sites(x, np.minimum(x[:, 0], 0.0), np.ones(9), np.arange(9))
    >>> [law.slope.round(2).tolist() for law in find_laws(sites, Scatter(0.02), ())]
    [[1.0], [0.0]]
    """
    limits = scatter.limits(sites.count)
    unknowns = sites.z.shape[1] + 1
    # among many runs a few agree by accident
    enough = int(np.clip(len(sites) // _SHARE, unknowns + 1, 2 * unknowns))
    free = np.ones(len(sites), dtype=np.bool_)
    found: list[FittedLaw] = []
    while free.sum() >= enough:
        best = _best(sites, scatter, limits, free, known, enough, curvature)
        if best is None:
            break
        free[best] = False
        found.append(FittedLaw.fit(sites, best, scatter))
    return found


def _best(
    sites: Sites,
    scatter: Scatter,
    limits: Array,
    free: BoolArray,
    known: Sequence[FittedLaw],
    enough: int,
    curvature: float,
) -> IntArray | None:
    def holds(rows: IntArray) -> bool:
        return _holds(sites, rows, scatter, limits, curvature)

    every = _grow(sites, limits, free, _affine(sites.z[free], sites.y[free]))
    if every is not None and len(every) == free.sum() and holds(every):
        return every
    for seeds in ((law.coefficients for law in known), _guesses(sites, free)):
        grown: dict[bytes, IntArray] = {}
        for seed in seeds:
            members = _grow(sites, limits, free, seed)
            if members is not None and len(members) >= enough:
                grown[members.tobytes()] = members
        for members in sorted(grown.values(), key=lambda m: -len(m)):
            if holds(members):
                return members
    return None


def bend(sites: Sites, members: IntArray, sigma: float) -> tuple[float, float]:
    """Curvature of runs about their law, in squares of the distance, and its standard error."""
    z, root = sites.z[members], np.sqrt(sites.count[members])
    if len(members) < z.shape[1] + 2:
        return 0.0, np.inf
    table = root[:, None] * np.column_stack([np.ones(len(z)), z, np.sum(z**2, axis=1)])
    row = np.linalg.pinv(table, rcond=1e-7)[-1]
    return float(row @ (root * sites.y[members])), sigma * float(np.linalg.norm(row))


def _bent(sites: Sites, members: IntArray, scatter: Scatter) -> bool:
    """Whether runs that scatter curve about their law more than their noise allows."""
    curve, error = bend(sites, members, scatter.sigma)
    return abs(curve) > float(stdtrit(max(scatter.freedom, 1), 1.0 - _BEND / 2.0)) * error


def _affine(z: Array, y: Array) -> Array:
    table = np.column_stack([np.ones(len(z)), z])
    return np.asarray(np.linalg.lstsq(table, y, rcond=1e-9)[0])


def _guesses(sites: Sites, free: BoolArray) -> Iterator[Array]:
    """Exact fits to neighbouring runs."""
    z, rank = sites.z, sites.z.shape[1]
    rng = np.random.default_rng(len(sites))
    rows = np.flatnonzero(free)
    for i in rows:
        others = rows[rows != i]
        near = others[np.argsort(np.linalg.norm(z[others] - z[i], axis=1), kind="stable")]
        near = near[: rank + _NEAR]
        if comb(len(near), rank) <= _DRAWS:
            drawn = list(combinations(near.tolist(), rank))
        else:
            drawn = [tuple(near[:rank].tolist())]
            drawn += [tuple(rng.choice(near, rank, replace=False)) for _ in range(_DRAWS)]
        for chosen in drawn:
            every = np.array([i, *chosen], dtype=np.intp)
            yield _affine(z[every], sites.y[every])


def _grow(sites: Sites, limits: Array, free: BoolArray, seed: Array) -> IntArray | None:
    """Runs that agree with a law that is refitted to them until they no longer change."""
    members: IntArray | None = None
    for _ in range(_ROUNDS):
        miss = np.abs(sites.y - seed[0] - sites.z @ seed[1:])
        now = np.flatnonzero(free & (miss <= limits))
        if len(now) < len(seed):
            return None
        if members is not None and np.array_equal(now, members):
            break
        members, seed = now, _affine(sites.z[now], sites.y[now])
    return members


def _holds(
    sites: Sites, members: IntArray, scatter: Scatter, limits: Array, curvature: float
) -> bool:
    """Whether a law is one: each of its runs follows from the others, it keeps together, and it is
    no tangent of a crossover.

    Within the reach of a tangent the slope changes by four times its largest miss over its extent.
    """
    z, y = sites.z[members], sites.y[members]
    left, singular, _ = np.linalg.svd(np.column_stack([np.ones(len(z)), z]), full_matrices=False)
    if singular[-1] <= 1e-7 * singular[0]:
        return False
    miss = np.abs(y - left @ (left.T @ y))
    free = 1.0 - np.einsum("ij,ij->i", left, left)
    spare = min(len(members) - z.shape[1] - 1, _SURE) / 2.0
    if np.any(free < _PREDICTED) or np.any(miss / free > spare * limits[members]):
        return False
    extent = float(np.ptp(z, axis=0).max(initial=0.0))
    whole = float(np.ptp(sites.z, axis=0).max(initial=0.0))
    local = extent < _LOCAL * whole
    if scatter.sigma:
        # where other laws hold too, what a bend of one would be is a crossover to them
        curved = (local or len(members) == len(sites)) and _bent(sites, members, scatter)
    else:
        curved = local and bool(miss.max() > curvature * extent)
    if curved:
        return False
    others = np.setdiff1d(np.arange(len(sites)), members)
    inside = sum(within(sites.z[i], z) for i in others)
    return inside <= _BETWEEN * len(members)


def within(point: Array, hull: Array) -> bool:
    """Whether a point lies among others: is it a mixture of them?"""
    heavy = 1e3
    table = np.vstack([hull.T, np.full(len(hull), heavy)])
    _, rest = nnls(table, np.append(point, heavy))
    return bool(rest < 1e-6)
