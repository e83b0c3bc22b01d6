"""From an estimated direction to the simplest monomials, with exact exponents, that fit it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from dimgs.arrays import Array
from dimgs.errors import InputError
from dimgs.fits.short_vectors import short_vectors
from dimgs.rationals import equal_rational


@dataclass(frozen=True)
class RoundedDirection:
    """A monomial with exact exponents that the data cannot distinguish from the direction.

    Attributes
    ----------
    exponents : tuple of Fraction
        On the physical variables: the smallest integers along the direction. They have zero
        dimension because the monomial is a product of powers of dimensionless groups.
    group : tuple of Fraction
        Powers of the groups that give it.
    complexity : int
        Sum of the absolute physical exponents.
    p_value : float
        Of the test that the true direction is this one; nan without a covariance.
    """

    exponents: tuple[Fraction, ...]
    group: tuple[Fraction, ...]
    complexity: int
    p_value: float

    def monomial(self, names: Sequence[str]) -> str:
        """Text such as ``rho*U*L*mu^-1``."""
        parts = [
            name if power == 1 else f"{name}^{power}"
            for name, power in zip(names, self.exponents, strict=True)
            if power
        ]
        return "*".join(parts)


def round_direction(
    direction: ArrayLike,
    covariance: ArrayLike | None = None,
    exponent_map: Sequence[Sequence[Fraction | int]] | NDArray[np.generic] | None = None,
    *,
    tolerance: float | None = None,
    dof: float = np.inf,
    level: float = 0.9,
    max_complexity: int = 40,
    n_candidates: int = 5,
) -> list[RoundedDirection]:
    """Simplest monomials along a direction, up to its length, in order of complexity.

    Complexity and angles are those of the physical exponents E d, so the answer does not
    depend on the basis of the groups. The search is complete up to `max_complexity`.

    Parameters
    ----------
    direction : array-like of shape (n_groups,)
        Exponents d of the groups; its length does not matter, its sign does.
    covariance : array-like of shape (n_groups, n_groups), optional
        Of d. A monomial is a candidate where an F test at `level` does not reject it.
    exponent_map : matrix of int or Fraction of shape (n_variables, n_groups), optional
        E: column j holds the exact physical exponents of group j; the identity by default.
    tolerance : float, optional
        Instead of the test: the largest angle, in radians, between physical exponents. With
        a covariance as well, the p-values are still given.
    dof : float, default=inf
        Degrees of freedom of the covariance (blocks of runs, or groups, less one); the test
        is Hotelling's.
    level : float, default=0.9
    max_complexity : int, default=40
        Largest sum of absolute physical exponents.
    n_candidates : int, default=5

    Returns
    -------
    list of RoundedDirection
        Empty where nothing that simple lies within the uncertainty, and where the degrees
        of freedom are too few for a test.

    Examples
    --------
    >>> found = round_direction([0.52, -0.99], tolerance=0.1)
    >>> [str(k) for k in found[0].exponents]
    ['1', '-2']
    """
    d = np.asarray(direction, dtype=np.float64)
    _check(d, covariance, tolerance)
    exact = _exact_map(exponent_map, len(d))
    triangle = _triangle(exact)
    along = triangle @ d
    length = float(np.linalg.norm(along))
    unit = along / length
    across = np.linalg.svd(unit[None, :])[2][1:]
    q = len(across)
    test = None
    if covariance is not None:
        matrix = np.asarray(covariance, dtype=np.float64)
        test = _AngleTest.of(across @ triangle / length, matrix, min(dof, 1e9))
    if tolerance is not None:
        root = np.eye(q) / np.tan(min(tolerance, 1.5))
    elif test is not None and test.cut(level) > 0:
        root = test.root / np.sqrt(test.cut(level))
    else:
        return []
    cone = _Cone(triangle, unit, across, root)
    simple, reach = _simple(cone, exact, test, 2.0), 2.0
    while len(simple) < n_candidates and reach < max_complexity:
        reach = min(1.5 * reach, float(max_complexity))
        simple = _simple(cone, exact, test, reach)
    return sorted(simple, key=lambda c: (c.complexity, -c.p_value, c.exponents))[:n_candidates]


def _simple(
    cone: "_Cone", exact: list[list[Fraction]], test: "_AngleTest | None", reach: float
) -> list[RoundedDirection]:
    """Monomials in a cone whose complexity is at most `reach`."""
    shared = lcm(*(v.denominator for row in exact for v in row))
    whole = np.array([[int(v * shared) for v in row] for row in exact], dtype=np.int64)
    found: dict[tuple[Fraction, ...], RoundedDirection] = {}
    for k, off in cone.inside(reach):
        if _size(whole, k) <= reach:
            p_value = float("nan") if test is None else test.p_value(off)
            candidate = _candidate(exact, k, p_value)
            found.setdefault(candidate.exponents, candidate)
    return list(found.values())


@dataclass(frozen=True, eq=False)
class _Cone:
    """Directions about one that lie within its uncertainty."""

    triangle: Array
    unit: Array
    across: Array
    root: Array

    def inside(self, reach: float) -> list[tuple[NDArray[np.int64], Array]]:
        """Integer exponents up to a length, pointing ahead, with their offset across."""
        frame = np.vstack([self.unit, self.root @ self.across])
        vectors = short_vectors(frame @ self.triangle, 2 * reach**2)
        points = vectors @ self.triangle.T
        ahead = points @ self.unit
        vectors, points = vectors[ahead != 0], points[ahead != 0]
        ahead = ahead[ahead != 0]
        offs = points @ self.across.T / ahead[:, None]
        near = np.flatnonzero(((offs @ self.root.T) ** 2).sum(axis=1) <= 1)
        return [(vectors[i] if ahead[i] > 0 else -vectors[i], offs[i]) for i in near]


def _check(d: Array, covariance: ArrayLike | None, tolerance: float | None) -> None:
    if d.ndim != 1 or not np.isfinite(d).all() or not d.any():
        raise InputError("direction must be a finite vector that is not zero")
    if covariance is None and tolerance is None:
        raise InputError("give the covariance of the direction, or a tolerance")
    if covariance is not None and np.shape(covariance) != (len(d), len(d)):
        raise InputError(f"covariance must have shape ({len(d)}, {len(d)})")


def _triangle(exact: list[list[Fraction]]) -> Array:
    """R of the QR decomposition of the exponents: lengths are physical ones."""
    triangle: Array = np.linalg.qr(np.array([[float(v) for v in row] for row in exact]))[1]
    if np.abs(np.diag(triangle)).min() <= 1e-10 * np.abs(triangle).max():
        raise InputError("exponent_map has dependent columns; give a basis of independent groups")
    return triangle


def _exact_map(
    exponent_map: Sequence[Sequence[Fraction | int]] | NDArray[np.generic] | None, n_groups: int
) -> list[list[Fraction]]:
    if exponent_map is None:
        return [[Fraction(int(i == j)) for j in range(n_groups)] for i in range(n_groups)]
    exact = [[_fraction(v) for v in row] for row in exponent_map]
    if not exact or any(len(row) != n_groups for row in exact) or len(exact) < n_groups:
        raise InputError(
            f"exponent_map must have one column for each of the {n_groups} groups, "
            "and at least as many rows"
        )
    return exact


def _fraction(value: object) -> Fraction:
    if isinstance(value, Fraction):
        return value
    number = float(np.asarray(value, dtype=np.float64))
    exact = equal_rational(number, 1000, 1e-9)
    if exact is None:
        raise InputError(
            f"exponent {number!r} of exponent_map is no simple rational; give Fractions"
        )
    return exact


@dataclass(frozen=True, eq=False)
class _AngleTest:
    """Hotelling test of the offset across the direction."""

    root: Array
    dof: float

    @classmethod
    def of(cls, turn: Array, covariance: Array, dof: float) -> "_AngleTest":
        values, vectors = np.linalg.eigh(turn @ covariance @ turn.T)
        # Offsets below rounding are no offsets, however exact the data.
        return cls((vectors / np.sqrt(np.maximum(values, 0.0) + 1e-18)).T, dof)

    @property
    def testable(self) -> bool:
        """The degrees of freedom are enough for a test."""
        return self.dof >= len(self.root)

    def cut(self, level: float) -> float:
        """Largest squared length that is not rejected; 0 where nothing can be."""
        q = len(self.root)
        if q == 0:
            return 1.0
        if not self.testable:
            return 0.0
        return float(stats.f.ppf(level, q, self.dof - q + 1)) / self._factor

    def p_value(self, off: Array) -> float:
        q = len(self.root)
        if q == 0:
            return 1.0
        if not self.testable:
            return float("nan")
        statistic = self._factor * float(np.sum((self.root @ off) ** 2))
        return float(stats.f.sf(statistic, q, self.dof - q + 1))

    @property
    def _factor(self) -> float:
        q = len(self.root)
        return (self.dof - q + 1) / (self.dof * q)


def _size(whole: NDArray[np.int64], k: NDArray[np.int64]) -> int:
    """Sum of the smallest integers along a direction."""
    exponents = np.abs(whole @ k)
    return int(exponents.sum() // np.gcd.reduce(exponents))


def _candidate(
    exact: list[list[Fraction]], k: NDArray[np.int64], p_value: float
) -> RoundedDirection:
    steps = [int(v) for v in k]
    raw = [sum((a * b for a, b in zip(row, steps, strict=True)), Fraction(0)) for row in exact]
    shared = lcm(*(v.denominator for v in raw))
    content = Fraction(gcd(*(int(v * shared) for v in raw)), shared)
    exponents = tuple(v / content for v in raw)
    return RoundedDirection(
        exponents=exponents,
        group=tuple(Fraction(v) / content for v in steps),
        complexity=int(sum(abs(v) for v in exponents)),
        p_value=p_value,
    )
