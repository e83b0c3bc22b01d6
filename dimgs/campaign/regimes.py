"""Regimes of a campaign: power laws on which a few runs agree, and what lies between them.

Where a kernel repeats itself, or nearly, a run more than a law has unknowns tells whether they
follow it. So the laws are those on which the most runs agree, one after the other; they part where
they meet, or at a monomial between their runs. Where laws add, or their resistances do, few runs
lie in the core of each: then two laws or more and their crossover are fitted to all runs together,
and a law that explains fewer further runs than it has unknowns is dropped.

A table has many runs, whose scatter is not known beforehand: its regimes are a partition of least
squares, each boundary of which is tested (`dimgs.fits.regimes`). That takes many runs for each
regime, and makes no use of runs that repeat themselves. Blends of laws are the same in both
(`dimgs.fits.blend`).

Of more than two laws, few runs are free of all others: the sharpness of a crossover is that of runs
far from a third law, runs where several laws cross are explained within the broadest crossover, and
each law is fitted at last to the runs in its core.

References
----------
M. A. Fischler, R. C. Bolles, Comm. ACM 24 (1981) 381-395 (random sample consensus). A. Magnani, S.
Boyd, Optim. Eng. 10 (2009) 1 (alternating fits of the larger of several laws, where a fit starts).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from math import comb

import numpy as np
from scipy.optimize import brentq, linprog, nnls
from scipy.special import stdtr, stdtrit

from dimgs.common.arrays import Array, BoolArray, IntArray, count_apart
from dimgs.fits.blend import SHARPEST, Blend, descend
from dimgs.fits.covariance import deleted_residuals, jackknife_covariance
from dimgs.fits.snapping import short_monomials

# logarithms and coordinates that are closer are the same: a kernel that writes six digits says no
# more, and to have a run again its inputs are nudged by 1e-9
SAME = 1e-6
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
# of a coordinate, whose ranges reach over 2 or more: runs that lie closer together than this test a
# law as one run does
APART = 1e-3
# part of the region below which a law might be a tangent: what goes through half of it is none
_LOCAL = 0.5


@dataclass(frozen=True, eq=False)
class Sites:
    """Points with answers of one tier; replicates are one site.

    Attributes
    ----------
    z : ndarray of shape (n_sites, rank)
    y : ndarray of shape (n_sites,)
        Mean logarithm of the response group.
    count : ndarray of shape (n_sites,)
        Runs of each.
    numbers : ndarray of int of shape (n_sites,)
        Of the sites among all points of a campaign.
    error : float
        Largest standard error of the logarithms, where runs from elsewhere have some.
    """

    z: Array
    y: Array
    count: Array
    numbers: IntArray
    error: float = 0.0

    def __len__(self) -> int:
        return len(self.y)

    @property
    def design(self) -> Array:
        """Columns 1 and z, shape (n_sites, rank + 1)."""
        return np.column_stack([np.ones(len(self)), self.z])

    def apart(self, rows: IntArray) -> int:
        """Number of some sites, those that lie close together counted once.

        Examples
        --------
        >>> z = np.array([[0.0], [1e-4], [1.0]])
        >>> Sites(z, z[:, 0], np.ones(3), np.arange(3)).apart(np.arange(3))
        2
        """
        return count_apart(self.z[rows], APART)

    def row(self, number: int | None) -> int | None:
        """Place of the point of a number; None where it is not among these."""
        here = np.flatnonzero(self.numbers == (-1 if number is None else number))
        return int(here[0]) if len(here) else None

    def bend(self, members: IntArray, sigma: float) -> tuple[float, float]:
        """Curvature of runs about their law, in squares of the distance, and its standard error."""
        z, root = self.z[members], np.sqrt(self.count[members])
        if len(members) < z.shape[1] + 2:
            return 0.0, np.inf
        table = root[:, None] * np.column_stack([np.ones(len(z)), z, np.sum(z**2, axis=1)])
        row = np.linalg.pinv(table, rcond=1e-7)[-1]
        return float(row @ (root * self.y[members])), sigma * float(np.linalg.norm(row))


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

    @property
    def limit(self) -> float:
        """Largest miss of a run that follows a law."""
        return float(self.limits(np.ones(1))[0])

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
        Covariance over the variance of a run; of a kernel that repeats itself by what its runs miss
        the law by that is fitted without them.
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
        root = np.sqrt(count)
        table = root[:, None] * np.column_stack([np.ones(len(z)), z - mean])
        inverse = np.linalg.pinv(table, rcond=1e-9)
        centred = inverse @ (root * y)
        rest, free = root * y - table @ centred, len(z) - table.shape[1]
        back = np.eye(table.shape[1])
        back[0, 1:] = -mean
        levers = back @ inverse
        sigma, freedom, spread = scatter.sigma, max(scatter.freedom, 1), levers @ levers.T
        if not scatter.sigma:
            sigma, freedom = max(float(np.sqrt(rest @ rest / max(free, 1))), SAME), max(free, 1)
            # runs that repeat themselves miss a law where it gives way to another, which is no
            # noise: each counts by what the law misses it by that is fitted to the others
            missed = np.maximum(np.abs(deleted_residuals(rest, table)[0]), SAME)
            spread = jackknife_covariance((levers * missed / sigma).T)
        # what is uncertain in all runs from elsewhere alike does not show in their scatter
        sigma = max(sigma, sites.error)
        whole = free >= (not scatter.sigma) and np.linalg.matrix_rank(table, tol=1e-7) == len(back)
        spread = spread if whole else np.full(back.shape, np.inf)
        return cls(back @ centred, rows, spread, sigma, float(freedom), np.zeros(len(back)))

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

    Examples
    --------
    >>> x = np.linspace(-8.0, 8.0, 9)[:, None]
    >>> sites = Sites(x, np.minimum(x[:, 0], 0.0), np.ones(9), np.arange(9))
    >>> [law.slope.round(2).tolist() for law in find_laws(sites, Scatter(0.02), ())]
    [[1.0], [0.0]]
    """
    search = _Search(sites, scatter, curvature)
    free = np.ones(len(sites), dtype=np.bool_)
    laws: list[FittedLaw] = []
    while free.sum() > sites.z.shape[1] + 1 and (best := search.best(free, known)) is not None:
        free[best] = False
        laws.append(FittedLaw.fit(sites, best, scatter))
    return laws


@dataclass(frozen=True, eq=False)
class _Search:
    """Runs among which laws are looked for; see :func:`find_laws`."""

    sites: Sites
    scatter: Scatter
    curvature: float

    @cached_property
    def limits(self) -> Array:
        return self.scatter.limits(self.sites.count)

    def best(self, free: BoolArray, known: Sequence[FittedLaw]) -> IntArray | None:
        """Most of the free runs that agree on a law; the laws known before come first."""
        every = self.grow(free, self.affine(np.flatnonzero(free)))
        if every is not None and len(every) == free.sum() and self.holds(every):
            return every
        n, unknowns = len(self.sites), self.sites.z.shape[1] + 1
        # among many runs a few agree by accident
        enough = int(np.clip(n // _SHARE, unknowns + 1, 2 * unknowns))
        # runs made elsewhere are no evidence against a law that keeps its own
        kept = ((law.coefficients, min(enough, max(len(law.rows), unknowns + 1))) for law in known)
        for seeds in (kept, ((seed, enough) for seed in self.guesses(free))):
            grown: dict[bytes, IntArray] = {}
            for seed, fewest in seeds:
                members = self.grow(free, seed)
                if members is not None and len(members) >= fewest:
                    grown[members.tobytes()] = members
            for members in sorted(grown.values(), key=lambda m: -len(m)):
                if self.holds(members):
                    return members
        return None

    def affine(self, rows: IntArray) -> Array:
        """Least squares of some runs, the constant first."""
        design, y = self.sites.design[rows], self.sites.y[rows]
        return np.asarray(np.linalg.lstsq(design, y, rcond=1e-9)[0])

    def guesses(self, free: BoolArray) -> Iterator[Array]:
        """Exact fits to neighbouring runs."""
        z, rank = self.sites.z, self.sites.z.shape[1]
        rng = np.random.default_rng(len(z))
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
                yield self.affine(np.array([i, *chosen], dtype=np.intp))

    def grow(self, free: BoolArray, seed: Array) -> IntArray | None:
        """Runs that agree with a law that is refitted to them until they no longer change."""
        members: IntArray | None = None
        for _ in range(_ROUNDS):
            miss = np.abs(self.sites.y - seed[0] - self.sites.z @ seed[1:])
            now = np.flatnonzero(free & (miss <= self.limits))
            if len(now) < len(seed):
                return None
            if members is not None and np.array_equal(now, members):
                break
            members, seed = now, self.affine(now)
        return members

    def holds(self, members: IntArray) -> bool:
        """Whether a law is one: each of its runs follows from the others, it keeps together, and
        it is no tangent of a crossover.

        Within the reach of a tangent the slope changes by four times its largest miss over its
        extent.
        """
        sites, scatter, limits = self.sites, self.scatter, self.limits[members]
        z, y = sites.z[members], sites.y[members]
        left, singular, _ = np.linalg.svd(sites.design[members], full_matrices=False)
        if singular[-1] <= 1e-7 * singular[0]:
            return False
        miss = np.abs(y - left @ (left.T @ y))
        free = 1.0 - np.einsum("ij,ij->i", left, left)
        spare = min(len(members) - z.shape[1] - 1, _SURE) / 2.0
        # runs that lie close together determine no law and test none
        if sites.apart(members) < z.shape[1] + 2:
            return False
        if np.any(free < _PREDICTED) or np.any(miss / free > spare * limits):
            return False
        extent, whole = (float(np.ptp(x, axis=0).max(initial=0.0)) for x in (z, sites.z))
        local = extent < _LOCAL * whole
        if scatter.sigma:
            # where other laws hold too, what a bend of one would be is a crossover to them
            curve, error = sites.bend(members, scatter.sigma)
            least = float(stdtrit(max(scatter.freedom, 1), 1.0 - _BEND / 2.0)) * error
            curved = (local or len(members) == len(sites)) and abs(curve) > least
        else:
            curved = local and bool(miss.max() > self.curvature * extent)
        if curved:
            return False
        others = np.setdiff1d(np.arange(len(sites)), members)
        return sum(within(sites.z[i], z) for i in others) <= _BETWEEN * len(members)


def within(point: Array, hull: Array) -> bool:
    """Whether a point lies among others: is it a mixture of them?"""
    heavy = 1e3
    table = np.vstack([hull.T, np.full(len(hull), heavy)])
    _, rest = nnls(table, np.append(point, heavy))
    return bool(rest < 1e-6)


Powers = tuple[Fraction, ...]

# equal points are less apart, in coordinates of the order of 1
_GAP = 1e-6
# of the spread: a gap that is rounding, as between two logarithms of one point
_NO_GAP = 1e-12
# short monomials of the groups that may part two sets of runs: all products of up to three of six
# groups with powers of 1 and -1
_SHORT = 200
# times the shortest monomial that parts two sets, in the sum of its squared exponents: among those
# that are no longer the widest gap decides
_AS_SHORT = 2.0
# monomials that are rivals of each other: the choice between them takes a tenth of a second then
_RIVALS = 12
# denominator of the powers of a monomial that no short one stands for
_DECIMALS = 1000


# until a run lies in a crossover it is taken for that of a sum
_SUM = 1.0


@dataclass(frozen=True, eq=False)
class Border:
    """What lies between two laws, or between two sets of runs.

    Attributes
    ----------
    below, above : int
        Numbers of the laws, or of the sets, on either side.
    normal : ndarray of shape (rank,)
    offset : float
        ``offset + normal . z`` is the logarithm of what decides: of the ratio of the two laws
        where they meet, of a monomial where they jump.
    low, high : float
        Up to where the one law holds, and from where the other: at a jump, the last run of the one
        and the first of the other.
    monomial : tuple of Fraction or None
        Powers of the groups at a jump; where laws meet, it follows from them.
    sharpness : float
        Of a meeting, once a run shows it; NaN before.
    sign : float
        1 where the larger law leads, -1 where the smaller one does.
    """

    below: int
    above: int
    normal: Array
    offset: float
    low: float
    high: float
    monomial: Powers | None = None
    sharpness: float = np.nan
    sign: float = 0.0

    @classmethod
    def meeting(
        cls, laws: Sequence[Array] | Array, below: int, above: int, sign: float, sharpness: float
    ) -> "Border":
        """The border of two laws that are equal there, without a width."""
        gap = sign * (laws[above] - laws[below])
        return cls(below, above, gap[1:], float(gap[0]), 0.0, 0.0, sharpness=sharpness, sign=sign)

    @property
    def meets(self) -> bool:
        """Whether the laws are equal there."""
        return self.monomial is None

    @property
    def middle(self) -> float:
        """Where the one law gives way to the other."""
        return 0.0 if self.meets else (self.low + self.high) / 2.0

    def along(self, z: Array) -> Array:
        """Logarithm of what decides at points of shape (n, rank)."""
        return np.asarray(self.offset + z @ self.normal)

    def is_first(self, at: float, z: Array) -> BoolArray:
        """Which points lie on the side of number 0, if it ends at `at` of the way to the other."""
        beyond = self.along(z) > self.low + at * (self.high - self.low)
        return np.asarray(beyond == (self.above == 0))

    def widened(self, scatter: Scatter) -> "Border":
        """With the width within which a crossover matters."""
        s = _SUM if np.isnan(self.sharpness) else self.sharpness
        small = max(s * max(scatter.resolution, scatter.sigma), 1e-12)
        width = -np.log(np.expm1(small)) / s if small < np.log(2.0) else 0.0
        return replace(self, low=-width, high=width)


@dataclass(frozen=True, eq=False)
class GroupAxes:
    """The logarithms of groups over the coordinates of runs, and monomials that they may make.

    Further rows are columns that enter unlogged, such as 1/T: a monomial holds exp(p/T) then.

    Parameters
    ----------
    origin : ndarray of shape (n_groups + n_unlogged,)
        Logarithms of the groups at z = 0, then the unlogged columns there.
    slopes : ndarray of shape (n_groups + n_unlogged, rank)
        Their gradients.
    exponents : ndarray of shape (n_variables, n_groups)
        Of the variables in the groups, by which a monomial is short.

    Examples
    --------
    >>> axes = GroupAxes(np.zeros(2), np.eye(2), np.eye(2))
    >>> [[int(p) for p in powers] for powers in axes.short[:3]]
    [[0, 1], [1, 0], [1, -1]]
    """

    origin: Array
    slopes: Array
    exponents: Array

    @cached_property
    def short(self) -> list[Powers]:
        """Short monomials that vary, the shortest first: unlogged columns, then those of groups."""
        n, rows = self.exponents.shape[1], np.eye(len(self.slopes), dtype=int)
        every = [tuple(map(Fraction, row)) for row in rows[n:].tolist()]
        for powers in short_monomials(self.exponents, _SHORT) if n else []:
            every.append(tuple(map(Fraction, (*powers, *[0] * (len(rows) - n)))))
        table = np.array(every, dtype=float).reshape(len(every), len(rows))
        spread = np.abs(table @ self.slopes).max(axis=1, initial=0.0)
        size = np.append(np.ones(n), np.abs(self.slopes[n:]).max(axis=1, initial=0.0))
        least = _GAP * np.array([size[[bool(p) for p in powers]].min() for powers in every])
        return [powers for powers, s, l in zip(every, spread, least, strict=True) if s > l]

    @cached_property
    def _lengths(self) -> Array:
        rows, n = np.array(self.short, dtype=float), self.exponents.shape[1]
        return np.asarray(
            np.sum((rows[:, :n] @ self.exponents.T) ** 2, axis=1) + rows[:, n:].any(1)
        )

    def gradient(self, powers: Sequence[Fraction]) -> tuple[float, Array]:
        """Logarithm of a monomial at z = 0, and its gradient."""
        row = np.array(powers, dtype=float)
        return float(row @ self.origin), np.asarray(row @ self.slopes)

    def at(self, z: Array) -> Array:
        """Logarithms of the groups, then the unlogged columns, at points of shape (n, rank)."""
        return np.asarray(self.origin + z @ self.slopes.T)

    def decimal(self, direction: Array, groups: Powers | None = None) -> Powers:
        """Powers of the monomial that grows along a direction, in decimals: the shortest vector.

        Parameters
        ----------
        direction : ndarray of shape (rank,)
        groups : tuple of Fraction, optional
            Powers of the groups where they are known, all 0 where none belongs to it.
        """
        n = self.exponents.shape[1]
        powers = np.linalg.lstsq(self.slopes.T, direction, rcond=1e-9)[0]
        along = powers[:n] @ self.slopes[:n]
        if groups is not None:
            known = np.array(groups[:n], dtype=float)
            unit = known @ self.slopes[:n]
            lead = float(along @ unit) / float(unit @ unit) if known.any() else 0.0
        else:
            # what is rounding beside the unlogged columns is no part of the monomial
            parts = np.abs(powers[:n]) if np.abs(along).max(initial=0.0) > _GAP else powers[:0]
            lead = float(powers[int(np.argmax(parts))]) if len(parts) else 0.0
        if not lead:
            powers[:n], rest = 0.0, powers[n:]
            lead = float(rest[int(np.argmax(np.abs(rest)))])
        decimals = [Fraction(round(_DECIMALS * float(p) / lead), _DECIMALS) for p in powers]
        return (*(groups or decimals)[:n], *decimals[n:])

    def separating(self, one: Array, other: Array) -> Border | None:
        """The monomial between two sets of runs: a short one with a wide gap, else the widest gap.

        Parameters
        ----------
        one, other : ndarray of shape (n, rank)

        Returns
        -------
        Border or None
            Between the sets 0 and 1; None where these lie among each other.
        """
        width, parts = self._gaps(self.short, one, other)
        rows = np.flatnonzero(width > 0.0)
        if not len(rows):
            return self._widest(one, other)
        near = rows[self._lengths[rows] <= _AS_SHORT * self._lengths[rows[0]]]
        return parts[int(near[np.argmax(width[near])])]

    def rivals(self, one: Array, other: Array) -> list[Border]:
        """The shortest monomials that part two sets, and the direction with the widest gap."""
        width, parts = self._gaps(self.short, one, other)
        short = [p for w, p in zip(width, parts, strict=True) if w > 0.0]
        return [*short[:_RIVALS], *filter(None, [self._widest(one, other)])]

    def _gaps(
        self, monomials: Sequence[Powers], one: Array, other: Array
    ) -> tuple[Array, list[Border]]:
        """Gaps between two sets along monomials, over their spread; 0 where they overlap."""
        if not len(one) or not len(other) or not len(monomials):
            return np.zeros(0), []
        rows = np.array(monomials, dtype=float)
        offsets, normals = rows @ self.origin, rows @ self.slopes
        along = [offsets[:, None] + normals @ z.T for z in (one, other)]
        upper = np.median(along[1], axis=1) > np.median(along[0], axis=1)
        low = np.where(upper, along[0].max(axis=1), along[1].max(axis=1))
        high = np.where(upper, along[1].min(axis=1), along[0].min(axis=1))
        width = (high - low) / np.ptp(np.hstack(along), axis=1)
        width[width < _NO_GAP] = 0.0
        return width, [
            Border(int(not u), int(u), n, float(o), float(a), float(b), p)
            for u, n, o, a, b, p in zip(upper, normals, offsets, low, high, monomials, strict=True)
        ]

    def _widest(self, one: Array, other: Array) -> Border | None:
        """The direction w with the widest gap between w . z of two sets, |w_i| <= 1."""
        if not len(one) or not len(other):
            return None
        rank = one.shape[1]
        # unknowns w, b, t: w.z <= b - t for the one set, w.z >= b + t for the other, t the largest
        rows = [
            np.column_stack([s * z, np.full(len(z), -s), np.ones(len(z))])
            for s, z in ((1.0, one), (-1.0, other))
        ]
        widest, below = np.append(np.zeros(rank + 1), -1.0), np.zeros(len(one) + len(other))
        bounds = [(-1.0, 1.0)] * rank + [(None, None), (0.0, None)]
        solved = linprog(widest, np.vstack(rows), below, bounds=bounds, method="highs")
        if solved.x is None or solved.x[-1] <= _GAP:
            return None
        width, (apart,) = self._gaps([self.decimal(solved.x[:rank])], one, other)
        return apart if width[0] > 0.0 else None


@dataclass(frozen=True, eq=False)
class RegimeModel:
    """What the runs of a tier say.

    Attributes
    ----------
    sites : Sites
    scatter : Scatter
    laws : tuple of FittedLaw
    borders : tuple of Border
    entangled : frozenset of int
        Laws whose runs lie among those of another.
    explained : ndarray of bool of shape (n_sites,)
    """

    sites: Sites
    scatter: Scatter
    laws: tuple[FittedLaw, ...]
    borders: tuple[Border, ...] = ()
    entangled: frozenset[int] = frozenset()
    explained: BoolArray = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    @property
    def unexplained(self) -> IntArray:
        """Sites that follow nothing that is known."""
        return np.flatnonzero(~self.explained)

    def holds(self, z: Array, strictly: bool = True) -> BoolArray:
        """Where each law holds, shape (n, n_laws); between borders' ends no law does, strictly."""
        inside = np.ones((len(z), len(self.laws)), dtype=np.bool_)
        for b in self.borders:
            along = b.along(z)
            inside[:, b.below] &= along <= (b.low if strictly else b.middle)
            inside[:, b.above] &= along >= (b.high if strictly else b.middle)
        return inside

    def owner(self, z: Array) -> IntArray:
        """Number of the law that holds at each point, up to the middles of the borders."""
        return np.asarray(np.argmax(self.holds(z, strictly=False), axis=1))

    def refitted(self, fits: Iterable[FittedLaw]) -> "RegimeModel":
        """With other fits of its laws, where their runs determine them."""
        pairs = zip(fits, self.laws, strict=True)
        laws = (fit if np.isfinite(fit.spread).all() else law for fit, law in pairs)
        return replace(self, laws=tuple(laws))

    def values(self, z: Array) -> Array:
        """Values of the laws, shape (n, n_laws)."""
        return np.stack([law(z) for law in self.laws], axis=1)

    def expected(self, z: Array) -> Array:
        """Value at points by the law that holds there, and the crossovers to its neighbours."""
        owner = self.owner(z)
        return np.asarray(self.values(z)[np.arange(len(z)), owner] + self.tails(owner, z))

    def tails(self, owner: IntArray, z: Array) -> Array:
        """What the crossovers to its neighbours add to the law of each point, shape (n,)."""
        y = np.zeros(len(z))
        for sign in (1.0, -1.0):
            # laws that add, or whose resistances add: all the neighbours of a law together
            terms = [np.full(len(z), -np.inf)]
            power = [np.ones(len(z))]
            for b in self.borders:
                if b.meets and b.sign == sign and not np.isnan(b.sharpness):
                    gap = b.sharpness * b.along(z)
                    here = np.where(
                        owner == b.below, gap, np.where(owner == b.above, -gap, -np.inf)
                    )
                    terms.append(here)
                    power.append(np.full(len(z), b.sharpness))
            leads = np.argmax(terms, axis=0)
            s = np.array(power)[leads, np.arange(len(z))]
            y = y + sign * np.logaddexp(0.0, np.logaddexp.reduce(terms)) / s
        return np.asarray(y)

    def between(self, b: Border, z: Array) -> BoolArray:
        """Points of no border but this one: where both of its laws would hold without it."""
        rest = replace(self, borders=tuple(o for o in self.borders if o is not b))
        inside = rest.holds(z, strictly=False)
        return np.asarray(inside[:, b.below] & inside[:, b.above])

    def crossings(self, b: Border) -> IntArray:
        """Pairs of sites of the two laws that lie across a border, nearest to it first."""
        below, above = self.laws[b.below].rows, self.laws[b.above].rows
        along = b.along(self.sites.z)
        pairs = [(along[j] - along[i], i, j) for i in below for j in above if along[i] < along[j]]
        return np.array([p[1:] for p in sorted(pairs)], dtype=np.intp).reshape(-1, 2)


# e-folds between two laws within which a run tells how sharp their crossover is: a sum adds 20 %
_TELLING = 1.5
# part of its depth by which a crossover may differ from the power mean of its laws: 1 - exp(-x),
# erf and tanh differ by 0.14, 0.13 and 0.09, others may by twice as much
_SHAPE = 0.25
# part of what a crossover adds to a law at a run by which the run may differ from it: a run that
# follows the bare law differs by all of it
_TAIL = 0.5
# part of the runs that must be explained before every law is fitted to those in its core alone: one
# in five may lie in a crossover that is not understood yet
_MOSTLY = 0.8
# sharpness of the broadest crossover of more than two laws that is taken for one: a sum's is 1, and
# square roots that add have half of it
_BROAD = 0.5
# e-folds to a third law from which on it does not disturb: a sum adds 5 % there
_ALONE = 3.0
# evaluations of a fit of all laws together; 20 are the rule
_TOGETHER = 50
# part of the region that a step between two laws may take: a wider one has a law of its own
_STEP = 0.25


def _soft(gap: Array, sharpness: float) -> Array:
    return np.asarray(np.logaddexp(0.0, -sharpness * gap) / sharpness)


def model_of(
    axes: GroupAxes, sites: Sites, scatter: Scatter, known: Sequence[FittedLaw], curvature: float
) -> RegimeModel:
    """Find laws and borders, and say which runs they explain.

    Parameters
    ----------
    axes : GroupAxes
    sites : Sites
    scatter : Scatter
    known : sequence of FittedLaw
        Of fewer runs.
    curvature : float
        As in :func:`find_laws`.

    Returns
    -------
    RegimeModel
    """
    none = np.zeros(len(sites), dtype=np.bool_)
    laws = tuple(find_laws(sites, scatter, known, curvature))
    model = RegimeModel(sites, scatter, laws, explained=none)
    if laws:
        model = _without_needless(axes, _of_laws(axes, model))
        if len(model.laws) > 1 and model.explained.mean() >= _MOSTLY:
            model = _cores(model)
    # one run tells no crossover from a corner where runs scatter
    soft = any(b.meets and (scatter.sigma or not b.sharpness >= SHARPEST) for b in model.borders)
    if model.explained.all() and not model.entangled and not soft:
        return model
    return power_mean(sites, scatter) or model


def _bordered(axes: GroupAxes, model: RegimeModel) -> RegimeModel:
    limits = model.scatter.limits(model.sites.count)
    follows = np.abs(model.sites.y[:, None] - model.values(model.sites.z)) <= limits[:, None]
    borders, entangled = list[Border](), set[int]()
    for one, other in combinations(range(len(model.laws)), 2):
        only = [
            np.flatnonzero(follows[:, k] & ~follows[:, j]) for k, j in ((one, other), (other, one))
        ]
        border = _meeting(model, one, other, only) or _jump(axes, model, one, other, only)
        if border is None:
            entangled |= {one, other}
        else:
            borders.append(border)
    meeting = replace(model, borders=tuple(borders), entangled=frozenset(entangled))
    # with the sharpness of every crossover that a run shows
    sharp = [
        replace(b, sharpness=_sharpness(meeting, b)).widened(model.scatter) if b.meets else b
        for b in borders
    ]
    return replace(meeting, borders=tuple(sharp))


def _inside(model: RegimeModel) -> RegimeModel:
    """Every law by its runs inside its borders, where they are enough: noise brings others near."""
    inside = model.holds(model.sites.z)
    deep = (law.rows[inside[law.rows, k]] for k, law in enumerate(model.laws))
    return model.refitted(FittedLaw.fit(model.sites, rows, model.scatter) for rows in deep)


def _meeting(model: RegimeModel, one: int, other: int, only: list[IntArray]) -> Border | None:
    """The border of two laws that are equal between their runs."""
    coefficients = [law.coefficients for law in model.laws]
    gaps = [model.sites.design[rows] @ (coefficients[other] - coefficients[one]) for rows in only]
    if not len(gaps[0]) or not len(gaps[1]):
        return None
    sign = float(np.sign(np.median(gaps[1]) - np.median(gaps[0])))
    if not sign or np.any(sign * gaps[0] > 0.0) or np.any(sign * gaps[1] < 0.0):
        return None
    return Border.meeting(coefficients, one, other, sign, np.nan)


def _sharpness(model: RegimeModel, border: Border) -> float:
    """How sharp a crossover is, from the run that lies nearest to its middle."""
    z, y = model.sites.z, model.sites.y
    along = border.along(z)
    pair = {border.below, border.above}
    others = [o for o in model.borders if o is not border and {o.below, o.above} & pair]
    apart = np.min([np.abs(o.along(z)) for o in others] or [np.full(len(z), np.inf)], axis=0)
    beside = (np.abs(along) <= _TELLING) & model.between(border, z)
    near = np.flatnonzero(beside & (apart > _ALONE))
    if not len(near):
        # no run is free of a third law: then those tell that lie nearest to this border
        near = np.flatnonzero(beside & (apart > np.abs(along)))
    if not len(near):
        return np.nan
    at = int(near[np.argmin(np.abs(along[near]))])
    owner = border.below if along[at] < 0.0 else border.above
    miss = border.sign * float(y[at] - model.laws[owner](z[at : at + 1])[0])
    gap = np.abs(along[at : at + 1])
    limit = float(model.scatter.limits(model.sites.count)[at])
    if miss <= -limit:
        return np.nan
    if model.scatter.sigma and miss <= limit:
        # nothing but noise is seen: it may hide a crossover as broad as this
        miss = limit

    def excess(s: float) -> float:
        return float(_soft(gap, s)[0]) - miss

    if excess(SHARPEST) >= 0.0:
        return SHARPEST
    return np.nan if excess(SHARPNESS[0]) < 0.0 else float(brentq(excess, *SHARPNESS))


def _jump(
    axes: GroupAxes, model: RegimeModel, one: int, other: int, only: list[IntArray]
) -> Border | None:
    """The border of two laws that no run shows to be equal anywhere."""
    apart = axes.separating(*(model.sites.z[rows] for rows in only))
    pair = one, other
    return apart and replace(apart, below=pair[apart.below], above=pair[apart.above])


def _explained(model: RegimeModel) -> RegimeModel:
    """Say which runs follow a law where it holds, or lie in a crossover that is as it should."""
    z, y = model.sites.z, model.sites.y
    limits = model.scatter.limits(model.sites.count)
    values = model.values(z)
    follows = np.abs(y[:, None] - values) <= limits[:, None]
    done = np.any(follows & model.holds(z, strictly=False), axis=1)
    expected = model.expected(z)
    tails = np.abs(model.tails(model.owner(z), z))
    reach = np.ptp(z, axis=0).max(initial=0.0)
    for b in model.borders:
        along, here = b.along(z), model.between(b, z)
        here &= (along >= b.low) & (along <= b.high)
        if b.meets:
            slack = 0.0 if np.isnan(b.sharpness) else _SHAPE * np.log(2.0) / b.sharpness
            fits = np.abs(y - expected) <= np.maximum(limits, np.minimum(slack, _TAIL * tails))
            if np.isnan(b.sharpness):
                fits |= follows[:, b.below] | follows[:, b.above]
            else:
                # a run that follows its law alone contradicts a crossover that adds much to it
                done &= ~(here & (tails > np.maximum(limits, slack)))
        else:
            pair = values[:, [b.below, b.above]]
            narrow = b.high - b.low <= _STEP * float(np.linalg.norm(b.normal)) * reach
            fits = (y >= pair.min(axis=1) - limits) & (y <= pair.max(axis=1) + limits) & narrow
        done |= here & fits
    if len(model.laws) > 2:
        done |= _crossing(model, limits)
    return replace(model, explained=done)


def _crossing(model: RegimeModel, limits: Array) -> BoolArray:
    """Runs that may lie in a crossover of several laws at once, whose form nobody knows."""
    z, owner = model.sites.z, model.owner(model.sites.z)
    miss = model.sites.y - model.values(z)[np.arange(len(z)), owner]
    reach = {1.0: limits.copy(), -1.0: limits.copy()}
    for b in model.borders:
        if b.meets:
            for k, side in ((b.below, -1.0), (b.above, 1.0)):
                soft = _soft(side * b.along(z), _BROAD)
                reach[b.sign] += np.where(owner == k, soft, 0.0)
    return np.asarray((miss <= reach[1.0]) & (-miss <= reach[-1.0]))


def _of_laws(axes: GroupAxes, model: RegimeModel) -> RegimeModel:
    """The model of its laws: their borders, and the runs that they explain."""
    return _together(_explained(_inside(_bordered(axes, model))))


def _without_needless(axes: GroupAxes, model: RegimeModel) -> RegimeModel:
    """Without laws that explain fewer further runs than they have unknowns: accidents."""
    k = 0
    while k < len(model.laws) > 1:
        fewer = _of_laws(axes, replace(model, laws=model.laws[:k] + model.laws[k + 1 :]))
        needed = _followers(model) - _followers(fewer) >= len(model.laws[k].coefficients)
        model, k = (model, k + 1) if needed else (fewer, k)
    return model


def _followers(model: RegimeModel) -> int:
    """Runs that a model explains, less those on its steps, which follow none of its laws."""
    z, known = model.sites.z, model.explained.copy()
    for b in model.borders:
        if not b.meets:
            beside = np.abs(b.along(z) - b.middle) > (b.high - b.low) / 2.0 - _GAP
            known &= beside | ~model.between(b, z)
    return int(known.sum())


def _together(model: RegimeModel) -> RegimeModel:
    """With all laws and their crossover fitted to all runs, where that explains more of them.

    A law that was found by runs beside its crossovers leans towards its neighbours, and misses runs
    that it would explain. Runs that nothing explains yet count by their distance only.
    """
    sites, z, limits = model.sites, model.sites.z, model.scatter.limits(model.sites.count)
    signs = {b.sign for b in model.borders}
    if model.explained.all() or len(signs) != 1 or 0.0 in signs:
        return model
    known = [b.sharpness for b in model.borders if b.sharpness > 0.0] or [1.0]
    start, ends = np.array([law.coefficients for law in model.laws]), (SHARPNESS[0], SHARPEST)
    runs, power = (sites.design, sites.y, limits**-2.0), signs.pop() * float(np.median(known))
    fit = descend(runs, start, power, ends, max_nfev=_TOGETHER, loss="soft_l1")
    each = zip(model.laws, fit.laws, strict=True)
    moved = tuple(replace(law, coefficients=c) for law, c in each)
    met = (
        Border.meeting(fit.laws, b.below, b.above, b.sign, abs(fit.power)) for b in model.borders
    )
    borders = tuple(border.widened(model.scatter) for border in met)
    together = replace(model, laws=moved, borders=borders)
    owner = together.owner(z)
    cleared, laws = replace(sites, y=sites.y - together.tails(owner, z)), []
    for k, law in enumerate(together.laws):
        near = np.abs(cleared.y - law(z)) <= limits
        again = FittedLaw.fit(cleared, np.flatnonzero(near & (owner == k)), model.scatter)
        rows = np.flatnonzero((np.abs(sites.y - again(z)) <= limits) & (owner == k))
        laws.append(replace(again, rows=rows))
    together = _explained(together.refitted(laws))
    return together if together.explained.sum() > model.explained.sum() else model


def _cores(model: RegimeModel) -> RegimeModel:
    """Every law by the runs that no crossover reaches, where they are enough, less its tails."""
    inside = model.holds(model.sites.z)
    laws = []
    for k, law in enumerate(model.laws):
        deep = law.rows[inside[law.rows, k]]
        alone = len(deep) > len(law.slope)
        deep = deep if alone else law.rows
        plain = FittedLaw.fit(model.sites, deep, model.scatter)
        tails = model.tails(np.full(len(model.sites), k), model.sites.z)
        clear = FittedLaw.fit(replace(model.sites, y=model.sites.y - tails), deep, model.scatter)
        drift = plain.coefficients - clear.coefficients
        if not alone:
            # no run shows it alone: it may be a tangent, anything between its neighbours
            near = [{b.below, b.above} - {k} for b in model.borders if k in (b.below, b.above)]
            ways = [model.laws[j].coefficients - law.coefficients for o in near for j in o]
            drift = max([drift, *(w / 2.0 for w in ways)], key=lambda w: float(np.linalg.norm(w)))
        laws.append(replace(clear, drift=drift))
    return model.refitted(laws)


# sharpness of crossovers, ((a^s + b^s)^(1/s)): broader ones have no middle, sharper ones no width
SHARPNESS = (0.3, SHARPEST)
# starts of a fit, and rounds in which runs change the law that they belong to
_STARTS, _CHANGES = 5, 20
# largest sharpness of a fit: no run of a few dozen tells it from a corner
_CORNERED = 1e4
# log; the larger of several laws that goes through all runs as closely is a corner
_CORNER = 1e-3
# evaluations of a fit, and of one that goes through the runs nearly
_TRIED, _FOLLOWED = 40, 1000
# laws of one power mean
_MOST = 4
# runs beyond the unknowns before a power mean is believed
_SPARE = 2
# part of the resolution to which a power mean goes through the runs of a kernel that repeats itself
_EXACT = 0.002
# of runs that scatter, the level at which a sum of laws is another answer than a corner
_LEVEL = 0.95


def power_mean(sites: Sites, scatter: Scatter) -> RegimeModel | None:
    """The fewest laws whose power mean goes through all runs; None where there is none.

    Parameters
    ----------
    sites : Sites
    scatter : Scatter

    Returns
    -------
    RegimeModel or None

    Examples
    --------
    >>> x = np.linspace(-3.0, 3.0, 8)[:, None]
    >>> sites = Sites(x, np.logaddexp(0.0, 2.0 * x[:, 0]), np.ones(8), np.arange(8))
    >>> model = power_mean(sites, Scatter(0.02))
    >>> sorted(round(abs(float(law.slope[0])), 4) for law in model.laws)
    [0.0, 2.0]
    """
    width, limits = sites.z.shape[1] + 1, scatter.limits(sites.count)

    def follows(blend: Blend) -> bool:
        return bool(np.all(np.abs(blend.parts(sites.design)[1] - sites.y) <= limits))

    for n_laws in range(2, _MOST + 1):
        spare = len(sites) - n_laws * width - 1
        if spare < _SPARE:
            return None
        tried = [_descended(sites, *start, _TRIED) for start in _starts(sites, n_laws)]
        fit = min(tried, key=lambda blend: blend.loss)
        if follows(fit):
            # it may be one: the valley between sharpness and slopes is long
            fit = _descended(sites, fit.laws, fit.power, _FOLLOWED)
        sigma = max(float(np.sqrt(fit.loss / spare)), SAME)
        if follows(fit) and (scatter.sigma > 0 or sigma <= _EXACT * scatter.resolution):
            model = _model(sites, scatter, fit, sigma)
            if model is not None:
                return model
    return None


def _descended(
    sites: Sites, laws: Array, power: float, most: int, sharpest: float = _CORNERED
) -> Blend:
    runs, bounds = (sites.design, sites.y, sites.count), (SHARPNESS[0], sharpest)
    # a kernel that repeats itself is followed to the digits that it prints
    return descend(runs, laws, power, bounds, max_nfev=most, ftol=1e-12, x_scale="jac")


def _starts(sites: Sites, n_laws: int) -> Iterator[tuple[Array, float]]:
    """The larger or the smaller of several laws, from random parts of the runs, and their power."""
    z, y = sites.z, sites.y
    table = np.column_stack([np.ones(len(z)), z])
    rng = np.random.default_rng(len(sites))
    for _ in range(_STARTS):
        first = np.argmax((z - z.mean(axis=0)) @ rng.normal(size=(n_laws, z.shape[1])).T, axis=1)
        for sign in (1.0, -1.0):
            owner, rows = first, np.zeros((n_laws, table.shape[1]))
            for _ in range(_CHANGES):
                rows = np.array([_ridge(table[owner == k], y[owner == k], table, y)
                                  for k in range(n_laws)])  # fmt: skip
                now = np.argmax(sign * (table @ rows.T), axis=1)
                if np.array_equal(now, owner):
                    break
                owner = now
            corner = sign * np.max(sign * table @ rows.T, axis=1)
            yield rows, sign * (SHARPEST if np.abs(corner - y).max() < _CORNER else 1.0)


def _ridge(members: Array, y: Array, table: Array, every: Array) -> Array:
    """The law of some runs; where they are too few, near that of all."""
    whole = np.linalg.lstsq(table, every, rcond=None)[0]
    moments = members.T @ members + 1e-3 * np.eye(table.shape[1])
    return np.asarray(whole + np.linalg.solve(moments, members.T @ (y - members @ whole)))


def _model(sites: Sites, scatter: Scatter, fit: Blend, sigma: float) -> RegimeModel | None:
    """Laws and borders of a power mean; of runs that scatter, one as broad as they allow."""
    n_laws, width = fit.laws.shape
    sign, broad = float(np.sign(fit.power)), fit
    freedom = float(len(sites) - fit.laws.size - 1)
    if scatter.sigma:
        sigma, freedom = scatter.sigma, float(max(scatter.freedom, 1))
        wide = _descended(sites, fit.laws, sign * min(abs(fit.power), 1.0), _FOLLOWED, 1.0)
        t = float(stdtrit(freedom, 0.5 + _LEVEL / 2.0))
        broad = wide if wide.loss - fit.loss <= (t * scatter.sigma) ** 2 else fit
    slopes = np.sqrt(sites.count)[:, None] * fit.jacobian(sites.design, with_power=True)
    spread = np.asarray(np.linalg.pinv(slopes.T @ slopes))
    owner = np.argmax(sign * sites.design @ fit.laws.T, axis=1)
    if len(np.unique(owner)) < n_laws:
        return None
    laws = []
    for k, coefficients in enumerate(fit.laws):
        part, drift = slice(k * width, (k + 1) * width), broad.laws[k] - fit.laws[k]
        known = spread[part, part], max(sigma, sites.error), freedom
        laws.append(FittedLaw(coefficients, np.flatnonzero(owner == k), *known, drift))
    borders = []
    for one, other in combinations(range(n_laws), 2):
        border = Border.meeting(fit.laws, one, other, sign, abs(broad.power))
        borders.append(border.widened(scatter))
    explained = np.ones(len(sites), dtype=np.bool_)
    return RegimeModel(sites, scatter, tuple(laws), tuple(borders), explained=explained)
