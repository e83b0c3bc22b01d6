"""Fitted exponents to rationals by a restriction test, and short integer vectors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from math import gcd
from types import MappingProxyType

import numpy as np
from flint import fmpz_mat
from numpy.typing import ArrayLike
from scipy import special

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError
from dimgs.fits.covariance import t_quantile
from dimgs.fits.least_squares import PowerLawFit
from dimgs.groups.dimensions import ReducedSystem
from dimgs.groups.rationals import is_simple, only_simple

# ---- Integer vectors with a short image under a linear map, all of them.


# vectors that are looked at: some seconds
_MOST_POINTS = 50_000


def short_vectors(root: Array, bound: float) -> IntArray:
    """Integer vectors k with |root k|² <= bound, zero left out; one of each pair k, -k.

    The lattice is reduced first (LLL), then searched completely (Fincke and Pohst), so the
    answer does not depend on its basis.

    Parameters
    ----------
    root : ndarray of shape (p, p)
        Invertible.
    bound : float
        Of a search that stops when it has found 50,000 vectors.

    References
    ----------
    Fincke & Pohst (1985), Math. Comput. 44, 463-471.

    Examples
    --------
    >>> import numpy as np
    >>> sorted(short_vectors(np.eye(2), 2.0).tolist())
    [[-1, 1], [0, 1], [1, 0], [1, 1]]
    """
    transform = _reduced(root)
    upper: Array = np.linalg.qr(root @ transform.T.astype(np.float64))[1]
    vectors = list(islice(_search(upper, bound * (1 + 1e-9)), _MOST_POINTS))
    return np.asarray(np.array(vectors, dtype=np.intp).reshape(-1, len(transform)) @ transform)


def _reduced(root: Array) -> IntArray:
    """Rows: an LLL-reduced basis of the integer vectors, by the length of their images."""
    scale = 2.0**80 / float(np.abs(root).max())
    rows = [[round(float(value) * scale) for value in column] for column in root.T]
    _, transform = fmpz_mat(rows).lll(True)
    return np.array([[int(v) for v in row] for row in transform.tolist()], dtype=np.intp)


def _search(upper: Array, bound: float) -> Iterator[list[int]]:
    """Depth-first, from the last coordinate; the last non-zero coordinate is positive."""
    n = len(upper)
    diagonal = np.diag(upper) ** 2
    ratio = upper / np.diag(upper)[:, None]

    def descend(level: int, k: list[int], left: float, signed: bool) -> Iterator[list[int]]:
        if level < 0:
            if signed:
                yield list(k)
            return
        shift = float(sum(ratio[level, j] * k[j] for j in range(level + 1, n)))
        radius = float(np.sqrt(max(left, 0.0) / diagonal[level]))
        low = int(np.ceil(-radius - shift))
        high = int(np.floor(radius - shift))
        for value in range(low if signed else max(low, 0), high + 1):
            k[level] = value
            rest = left - diagonal[level] * (value + shift) ** 2
            yield from descend(level - 1, k, rest, signed or value > 0)
        k[level] = 0

    yield from descend(n - 1, [0] * n, bound, False)


def checked_map(exponent_map: ArrayLike | None, n_features: int) -> Array:
    """Matrix of physical exponents, one column for each feature; the identity by default."""
    if exponent_map is None:
        return np.eye(n_features)
    powers = np.asarray(exponent_map, dtype=np.float64)
    if powers.ndim != 2 or powers.shape[1] != n_features:
        raise InputError(
            f"exponent_map must have one column for each of the {n_features} groups, "
            f"but its shape is {powers.shape}"
        )
    return powers


def short_monomials(exponent_map: Array, most: int) -> list[tuple[int, ...]]:
    """The integer combinations of groups with the smallest physical exponents, shortest first.

    Parameters
    ----------
    exponent_map : ndarray of shape (n_variables, n_groups)
        Exponents of the physical variables in each group; full column rank.
    most : int
        How many primitive combinations to return, one of each pair d, -d.

    Returns
    -------
    list of tuple of int
        Coefficients d of the groups, by increasing length of ``exponent_map @ d`` and then by
        those exponents; the set of monomials is the same for every basis of the same lattice.

    Raises
    ------
    InputError
        If the columns of `exponent_map` are dependent.

    References
    ----------
    Fincke & Pohst (1985), Mathematics of Computation 44:463.

    Examples
    --------
    >>> short_monomials(np.eye(2), 4)
    [(0, 1), (1, 0), (1, -1), (1, 1)]
    """
    E = np.asarray(exponent_map, dtype=np.float64)
    size = E.shape[1]
    if np.linalg.matrix_rank(E) < size:
        raise InputError(
            "exponent_map has dependent columns; give the exponents of independent groups"
        )
    gram: Array = E.T @ E
    root: Array = np.linalg.cholesky(gram.astype(np.float64)).T
    radius = float(np.min(np.diag(gram)))
    while True:
        inside = short_vectors(root, radius).tolist()
        primitive = [d for d in inside if gcd(*d) == 1]
        if len(primitive) >= most or len(inside) >= _MOST_POINTS or size == 1:
            break
        radius *= 1.5
    keyed = []
    for d in primitive:
        physical = E @ np.array(d, dtype=np.float64)
        sign = 1 if next(v for v in physical if abs(v) > 1e-9) > 0 else -1
        key = tuple(float(round(sign * v, 9)) for v in physical)
        length = round(float(physical @ physical), 9)
        keyed.append((length, key, tuple(sign * c for c in d)))
    return [d for _, _, d in sorted(keyed)[:most]]


Matrix = Sequence[Sequence[Fraction]]

# of the intervals that must hold a single rational
LEVEL = 0.95
# size of the joint test: a true set of rationals is refused one time in a hundred
ALPHA = 0.01
# What the proposals imply for the other variables only has to lie inside a wider interval: with
# several variables, one of their intervals often misses the truth. Of 240 true power laws 232 are
# complete so, and 214 with 95 %.
_IMPLIED_LEVEL = 0.999
# Exponents of noise-free runs are known to rounding, not better.
FLOOR = 1e-9
# Standard deviation along a direction that the runs cannot separate.
_UNKNOWN = 1e3


@dataclass(frozen=True, eq=False)
class Snapped:
    """Rational exponents that the runs support, and what they imply.

    Attributes
    ----------
    rationals : tuple of (Fraction or None)
        Exponent of each physical variable where the restrictions determine it.
    physical_exponents : tuple of (Fraction or float)
        Restricted exponents of the physical variables.
    exponents : tuple of (Fraction or float)
        Restricted exponents of the groups.
    constraints : tuple of list of Fraction
        Independent rows [R | r] of the restrictions R b = r on the groups' exponents.
    p_value : float
        Of the joint test of the restrictions; 1 without any.
    dropped : tuple of int
        Physical variables whose proposed rational was dropped.
    """

    rationals: tuple[Fraction | None, ...]
    physical_exponents: tuple[Fraction | float, ...]
    exponents: tuple[Fraction | float, ...]
    constraints: tuple[list[Fraction], ...]
    p_value: float
    dropped: tuple[int, ...]

    @property
    def complete(self) -> bool:
        """Whether every exponent of the groups is rational."""
        return all(isinstance(value, Fraction) for value in self.exponents)


def snap(
    exponents: ArrayLike,
    covariance: ArrayLike,
    dof: ArrayLike,
    offset: Sequence[Fraction | int],
    loadings: Sequence[Sequence[Fraction | int]],
    *,
    null: ArrayLike | None = None,
    chosen: Sequence[int] = (),
    known: Mapping[int, Fraction] = MappingProxyType({}),
    is_supported: Callable[[Matrix], bool] = lambda _: True,
) -> Snapped:
    """Restrict the exponents of physical variables to rationals where the runs support it.

    The physical exponents are a = offset + loadings . b, with b those of the groups. A rational
    p/q (q <= 6, |p/q| <= 8) is proposed where the interval of a variable's exponent holds a
    single one. The proposals must have a common exact solution, in which every determined
    exponent is such a rational within its 99.9 % interval, and must pass a joint F-test and
    `is_supported`; as long as they do not, the least compatible is dropped. Neither the basis of
    the groups nor the order of the variables matters.

    Parameters
    ----------
    exponents : array-like of shape (n_groups,)
    covariance : array-like of shape (n_groups, n_groups)
    dof : float or array-like of shape (n_variables,)
        Degrees of freedom of each physical exponent.
    offset : sequence of Fraction, length n_variables
    loadings : sequence of sequence of Fraction, shape (n_variables, n_groups)
        Of full column rank.
    null : array-like of shape (n_null, n_groups), optional
        Directions that the runs cannot separate (`collinear_`): nothing along them is proposed.
    chosen : sequence of int
        Positions of variables that the runs cannot separate and whose exponents are set to 0.
    known : mapping of int to Fraction, optional
        Exponents that are known from elsewhere, by position: where they have a common solution,
        they are all that is proposed, and are not tested.
    is_supported : callable, optional
        A further condition on the restrictions, given as `Snapped.constraints` are.

    References
    ----------
    W. H. Greene, "Econometric Analysis", 7th edition, 2012, section 5.4 (linear restrictions).

    Examples
    --------
    The period of a pendulum, T = 2 pi (L/g)^(1/2), from pi_0 = T^2 g / L and no input group is
    exact; with the mass as a bystander, its fitted exponent 0.02 +- 0.01 snaps to 0:

    >>> snapped = snap([0.004], [[1e-4]], 20, [Fraction(1, 2), 0], [[0], [1]])
    >>> snapped.rationals
    (Fraction(1, 2), Fraction(0, 1))
    """
    b = np.asarray(exponents, dtype=np.float64)
    a0, e = _exact_map(offset, loadings, len(b))
    load = np.array(e, dtype=np.float64).reshape(len(e), len(b))
    factor = _factor(np.asarray(covariance, dtype=np.float64), load, null)
    physical = np.array(a0, dtype=np.float64) + load @ b
    sd = np.linalg.norm(load @ factor, axis=1)
    freedom = np.broadcast_to(np.asarray(dof, np.float64), sd.shape)
    half, wide = t_quantile(LEVEL, freedom) * sd, t_quantile(_IMPLIED_LEVEL, freedom) * sd
    half, wide = (np.maximum(h, FLOOR * np.maximum(np.abs(physical), 1.0)) for h in (half, wide))
    moving = np.array([any(row) for row in e], dtype=np.bool_)
    free = np.isin(np.arange(len(e)), chosen)
    proposals = _proposals(physical, np.where(moving & ~free, half, np.inf))
    proposals |= dict.fromkeys(chosen, Fraction(0))
    wide = np.where(free, np.inf, wide)
    least = float(freedom[moving].min()) if moving.any() else 1.0

    def hold(implied: list[Fraction | None]) -> bool:
        exponents = {j: v + a0[j] for j, v in enumerate(implied) if v is not None and moving[j]}
        return all(
            is_simple(a) and abs(float(a) - physical[j]) <= wide[j] for j, a in exponents.items()
        )

    active = dict(known) or proposals
    while True:
        system = ReducedSystem.of([[*e[j], r - a0[j]] for j, r in active.items()], len(b))
        implied = [system.implied(row) for row in e]
        rows = np.array(system.rows, dtype=np.float64).reshape(-1, len(b) + 1)
        restrictions, gap = rows[:, :-1], rows[:, :-1] @ b - rows[:, -1]
        p_value = _restriction_test(restrictions @ factor, gap, least) if system.consistent else 1.0
        allowed = p_value >= ALPHA and hold(implied) and is_supported(system.rows)
        sure = active == known or allowed
        if not active or (system.consistent and sure):
            break
        active = _without_the_worst(active, physical, sd)
    restricted = b - factor @ np.linalg.pinv(restrictions @ factor) @ gap
    rationals = tuple(None if v is None else v + a0[j] for j, v in enumerate(implied))
    units = np.eye(len(b), dtype=int).tolist()
    exact = [system.implied([Fraction(x) for x in row]) for row in units]
    return Snapped(
        rationals=rationals,
        physical_exponents=_or_else(rationals, np.array(a0, dtype=np.float64) + load @ restricted),
        exponents=_or_else(exact, restricted),
        constraints=system.rows,
        p_value=p_value,
        dropped=tuple(sorted(set(proposals) - set(active))),
    )


def _proposals(value: Array, half: Array) -> dict[int, Fraction]:
    """Rationals of small denominator that are alone in their interval, by its position."""
    ends = {int(j): (value[j] - half[j], value[j] + half[j]) for j in np.flatnonzero(half < np.inf)}
    simple = {j: only_simple(*between) for j, between in ends.items()}
    return {j: r for j, r in simple.items() if r is not None}


def _without_the_worst(
    active: dict[int, Fraction], physical: Array, sd: Array
) -> dict[int, Fraction]:
    """The proposals but for that which is farthest from its exponent, in standard deviations."""
    misfit = {j: abs(physical[j] - float(r)) / sd[j] for j, r in active.items()}
    worst = max(misfit.values())
    # equals go together, so that the order of the variables does not decide
    return {j: r for j, r in active.items() if misfit[j] < worst * (1.0 - 1e-9)}


def _or_else(exact: Sequence[Fraction | None], values: Array) -> tuple[Fraction | float, ...]:
    return tuple(float(x) if v is None else v for v, x in zip(exact, values, strict=True))


def _exact_map(
    offset: Sequence[Fraction | int], loadings: Sequence[Sequence[Fraction | int]], n_groups: int
) -> tuple[list[Fraction], list[list[Fraction]]]:
    a0 = [Fraction(value) for value in offset]
    e = [[Fraction(value) for value in row] for row in loadings]
    if len(a0) != len(e) or any(len(row) != n_groups for row in e):
        raise InputError(
            f"loadings must have one row for each of the {len(a0)} variables and one column for "
            f"each of the {n_groups} groups."
        )
    return a0, e


@dataclass(frozen=True, eq=False)
class RestrictedFit:
    """A power law refitted under R b = r.

    Attributes
    ----------
    exponents : ndarray of shape (n_features,)
    intercept : float
    covariance : ndarray of shape (n_features + 1, n_features + 1)
        Of [intercept, exponents].
    half_width : float
        Half width of the intercept's interval, infinite where the runs do not determine it.
    r2 : float
        Of the runs, as `PowerLawFit.r2`.
    """

    exponents: Array
    intercept: float
    covariance: Array
    half_width: float
    r2: float


def restricted_fit(fit: PowerLawFit, constraints: Matrix, level: float = 0.9) -> RestrictedFit:
    """Least squares under linear restrictions on the exponents, prefactor included.

    Parameters
    ----------
    fit : PowerLawFit
        Of one target.
    constraints : sequence of rows [R | r]
        `Snapped.constraints`.
    level : float
        Of the prefactor's interval.
    """
    p = len(fit.centre)
    rows = np.array(constraints, dtype=np.float64).reshape(len(constraints), p + 1)
    r, value = rows[:, :p], rows[:, p]
    whiten, null = fit.coordinates.whiten, fit.coordinates.null_directions()
    # along null directions the exponents follow the restrictions freely
    left, singular, _ = np.linalg.svd(r @ null.T)
    held = left[:, int(np.count_nonzero(singular > 1e-10)) :].T
    by_data = np.linalg.pinv(held @ r @ whiten, rcond=1e-10) @ held
    by_null = np.linalg.pinv(r @ null.T, rcond=1e-10) @ (np.eye(len(r)) - r @ whiten @ by_data)
    gain = whiten @ by_data + null.T @ by_null
    b = fit.exponents[0]
    gap = r @ b - value
    restricted = b - gain @ gap
    keep = np.eye(p) - gain @ r
    # [intercept, b] restricted = step [intercept, b] + constant, since the centre stays fitted
    step = np.eye(p + 1)
    step[1:, 1:] = keep
    step[0, 1:] = fit.centre @ (np.eye(p) - keep)
    half = fit.half_widths(step[:1], level)[0, 0]
    # the columns of the coordinates are orthonormal, so that squares add up
    explained = float(np.sum((np.linalg.pinv(whiten) @ b) ** 2))
    lost = float(np.sum((by_data @ gap) ** 2))
    share = lost / explained if explained > 0.0 else 0.0
    return RestrictedFit(
        exponents=restricted,
        intercept=float(fit.intercept[0] + fit.centre @ (b - restricted)),
        covariance=step @ fit.joint_covariance[0] @ step.T,
        half_width=float(half),
        r2=float(fit.r2[0]) * (1.0 - share),
    )


def _factor(covariance: Array, load: Array, null: ArrayLike | None) -> Array:
    """Factor L of the covariance L L', floored, and wide along what the runs cannot separate.

    As a factor, what is unknown does not swamp the digits of what is known.
    """
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = np.maximum(values, 0.0), np.asarray(vectors)
    floor = FLOOR * np.linalg.pinv(load).reshape(len(covariance), len(load))
    unknown = np.zeros((0, len(covariance))) if null is None else np.asarray(null, dtype=float)
    return np.hstack([vectors * np.sqrt(values), floor, _UNKNOWN * unknown.T])


def _restriction_test(spread: Array, gap: Array, dof: float) -> float:
    """Chance of so large a gap, of the given factor of its covariance, if there is none."""
    rank = len(gap)
    if not rank:
        return 1.0
    scale = np.linalg.norm(spread, axis=1)
    wald = np.sum((np.linalg.pinv(spread / scale[:, None]) @ (gap / scale)) ** 2)
    return float(special.fdtrc(rank, max(dof, 1e-3), wald / rank))
