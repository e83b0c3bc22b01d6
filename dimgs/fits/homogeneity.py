"""Tests of dimensional homogeneity, and of the invariance of a response under a symmetry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from dimgs.common.arrays import Array, basis_of, chance_of_gain
from dimgs.common.errors import FitError, InputError
from dimgs.fits.covariance import N_BOOTSTRAP, linearised, t_quantile, webb_signs
from dimgs.fits.design import group_means
from dimgs.fits.least_squares import PowerLawFit, echelon, fit_power_law
from dimgs.fits.training_runs import checked_response, checked_table, label_codes
from dimgs.groups.dimensions import primitive
from dimgs.groups.rationals import simplest_between

# relative singular values of standardised columns: below, rounding of the table
_EXACT = 1e-7
# the same: below, the runs hold so little of the combination that its exponents are wild
_NEAR = 1e-2
# a change of ln below it is rounding of unit conversions
_CONSTANT = 1e-9
# sets of columns that are tried: triples of 40 columns, a second
_MOST_SETS = 10_000
# runs in which a leak shows before all are looked at
_SCREENED = 2000
# rounded columns reproduce a target to a percent
_LOOSE = 0.01
# of the exponents of a leak, and of a missing power: what formulas have
_MAX_DENOMINATOR = 6
# entries of the dimension of an open direction of unit length: rounding lies below
_OPEN = 1e-7


@dataclass(frozen=True)
class Collinear:
    """A monomial of the columns that is constant, or nearly so, over the runs.

    Attributes
    ----------
    exponents : dict of str to Fraction or float
        Fractions (the smallest integers) where they make the monomial exactly constant.
    spread : float
        Standard deviation of its logarithm, the largest exponent being 1.
    exact : bool
        Constant to the rounding of the table, not only nearly so.
    """

    exponents: dict[str, Fraction] | dict[str, float]
    spread: float
    exact: bool


@dataclass(frozen=True)
class Leak:
    """An exact monomial that reproduces the target.

    Attributes
    ----------
    exponents : dict of str to Fraction
    share : float
        Of the runs that agree with it to the tolerance; the others are taken to be rounded.
    residual : float
        Largest relative deviation of the target from a constant times the monomial.
    """

    exponents: dict[str, Fraction]
    share: float
    residual: float


def checked_logs(log_X: ArrayLike, names: Sequence[str] | None) -> tuple[Array, list[str]]:
    """Finite table of logarithms and one name for each column."""
    rows = checked_table(log_X, "log_X", columns=names)
    return rows, [f"x{j}" for j in range(rows.shape[1])] if names is None else list(names)


def less_means(columns: Array, labels: ArrayLike | None) -> Array:
    """Columns less the mean of each label, whose prefactor takes it; as they are without labels.

    Examples
    --------
    >>> less_means(np.array([[1.0], [3.0], [7.0]]), ["a", "a", "b"]).T
    array([[-1.,  1.,  0.]])
    """
    if labels is None:
        return columns
    names, codes = label_codes(labels, len(columns), "within")
    return np.asarray(columns - group_means(columns, codes, len(names))[1][codes])


def never_varied(log_X: ArrayLike, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Columns that are the same in all runs, to a relative 1e-9: their exponents are unknowable.

    Examples
    --------
    >>> never_varied([[0.0, 2.28], [1.0, 2.28]], ["U", "g"])
    ('g',)
    """
    rows, labels = checked_logs(log_X, names)
    flat = np.ptp(rows, axis=0) <= _CONSTANT
    return tuple(name for name, constant in zip(labels, flat, strict=True) if constant)


def collinear_combinations(log_X: ArrayLike, names: Sequence[str] | None = None) -> list[Collinear]:
    """Monomials that hardly vary over the runs, exact ones first; never-varied columns aside.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.random.default_rng(0).normal(size=(2, 20))
    >>> (found,) = collinear_combinations(np.column_stack([a, b, 2 * a - b]), ["A", "B", "C"])
    >>> found.exact, {name: str(power) for name, power in found.exponents.items()}
    (True, {'A': '2', 'B': '-1', 'C': '-1'})
    """
    rows, columns = checked_logs(log_X, names)
    varied = np.flatnonzero(np.ptp(rows, axis=0) > _CONSTANT)
    if len(varied) < 2:
        return []
    centred = rows[:, varied] - rows[:, varied].mean(axis=0)
    scale = centred.std(axis=0)
    _, singular, directions = np.linalg.svd(centred / scale, full_matrices=True)
    singular = np.append(singular, np.zeros(len(varied) - len(singular)))
    relative = singular / singular[0]
    labels = [columns[j] for j in varied]
    out = [
        _described(row, centred, labels, exact=True)
        for row in echelon(directions[relative <= _EXACT] / scale)
    ]
    near = (relative > _EXACT) & (relative < _NEAR)
    rows = (directions[near] / scale)[::-1]
    return out + [_described(row, centred, labels, exact=False) for row in rows]


def _described(row: Array, centred: Array, labels: list[str], *, exact: bool) -> Collinear:
    row = row / row[int(np.argmax(np.abs(row)))]
    spread = float((centred @ row).std())
    if exact:
        powers = [Fraction(float(v)).limit_denominator(12) for v in row]
        trial = np.array([float(v) for v in powers])
        largest = float(np.abs(trial).max())
        if (centred @ trial).std() <= 1e-6 * largest * centred.std():
            whole = primitive(powers)
            sign = 1 if next(v for v in whole if v) > 0 else -1
            exponents = {n: Fraction(sign * v) for n, v in zip(labels, whole, strict=True) if v}
            return Collinear(exponents, spread, True)
    return Collinear(
        {n: float(v) for n, v in zip(labels, row, strict=True) if abs(v) > 1e-6}, spread, exact
    )


def monomial_leak(
    log_X: ArrayLike,
    log_y: ArrayLike,
    names: Sequence[str] | None = None,
    *,
    tolerance: float = 1e-6,
    max_columns: int = 3,
) -> list[Leak]:
    """Small sets of columns of which the target is an exact monomial, up to a constant.

    At least half of the runs must agree to the tolerance, since tables are often rounded
    unevenly, and all of them to a percent. Such a column is usually derived from the target.
    (Or the runs come from a noiseless formula; then the law is already found.) Sets that
    contain a smaller one are left out.

    Parameters
    ----------
    log_X : array-like of shape (n_runs, n_variables)
        Natural logarithms.
    log_y : array-like of shape (n_runs,)
    names : sequence of str, optional
    tolerance : float, default=1e-6
        Relative deviation within which a run agrees.
    max_columns : int, default=3
        Largest set that is tried; of many columns smaller ones only.

    Examples
    --------
    >>> import numpy as np
    >>> a, b, noise = np.random.default_rng(0).normal(size=(3, 20))
    >>> (leak,) = monomial_leak(np.column_stack([a, b, noise]), 0.5 * a - b, ["A", "B", "N"])
    >>> {name: str(power) for name, power in leak.exponents.items()}
    {'A': '1/2', 'B': '-1'}
    """
    rows, labels = checked_logs(log_X, names)
    target = checked_response(log_y, "log_y", len(rows))
    if np.ptp(target) <= _CONSTANT:
        return []
    centred, y = rows - rows.mean(axis=0), target - target.mean()
    varied = np.flatnonzero(np.ptp(rows, axis=0) > _CONSTANT)
    picked = np.linspace(0, len(rows) - 1, min(len(rows), _SCREENED)).astype(np.intp)
    leaks: list[Leak] = []
    sets: list[set[int]] = []
    for size in range(1, min(max_columns, len(varied), len(np.unique(target)) - 2) + 1):
        if comb(len(varied), size) > _MOST_SETS:
            break
        for columns in combinations(varied.tolist(), size):
            if any(earlier <= set(columns) for earlier in sets):
                continue
            table = np.column_stack([np.ones(len(picked)), centred[picked][:, columns]])
            coef, _, rank, _ = np.linalg.lstsq(table, y[picked], rcond=1e-9)
            if rank <= size or np.abs(y[picked] - table @ coef).max() > _LOOSE:
                continue
            powers = [Fraction(float(v)).limit_denominator(_MAX_DENOMINATOR) for v in coef[1:]]
            residuals = y - centred[:, columns] @ np.array([float(v) for v in powers])
            residuals = np.abs(residuals - np.median(residuals))
            agree = residuals <= tolerance
            enough = agree.mean() >= 0.5 and len(np.unique(target[agree])) > size + 2
            if enough and residuals.max() <= _LOOSE and all(powers):
                sets.append(set(columns))
                exponents = {labels[j]: v for j, v in zip(columns, powers, strict=True)}
                leaks.append(Leak(exponents, float(agree.mean()), float(np.expm1(residuals.max()))))
    return leaks


# relative size below which a centred column, or what is left of the response, is rounding
_ROUNDING = 1e-9
# runs for each column of the flexible model; with fewer, the leave-one-out covariance is rough
_RUNS_A_COLUMN = 5


def dependence(
    extra: ArrayLike,
    y: ArrayLike,
    known: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    *,
    exchangeable: bool = False,
) -> float:
    """p-value that the response does not depend on `extra`, given a smooth function of `known`.

    The smooth function is a polynomial, of the highest degree up to 3 that leaves five runs for
    each column. The covariance is that of runs (or groups of runs) left out in turn, so that
    noise of unequal size keeps the level.

    Parameters
    ----------
    extra : array-like of shape (n_runs, n_extra)
    y : array-like of shape (n_runs,)
    known : array-like of shape (n_runs, n_known), optional
    groups : array-like of shape (n_runs,), optional
        Clusters of runs, the unit of the uncertainty.
    exchangeable : bool
        Whether the hypothesis makes all runs alike, as pure noise does: the classical F test then
        keeps its level with few runs, where the other rejects up to four times too often.

    Returns
    -------
    float
        1 where `known` explains the response to rounding, where `extra` adds no column, or where
        the runs are too few.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, u, noise = rng.normal(size=(3, 40))
    >>> y = np.exp(x) + 0.1 * noise
    >>> dependence(u, y, known=x) > 0.1, dependence(x, y, known=u) < 1e-3
    (True, True)
    """
    target = np.asarray(y, dtype=np.float64)
    n = len(target)
    rows = np.asarray(extra, dtype=np.float64).reshape(n, -1)
    covariates = np.asarray([] if known is None else known, dtype=np.float64).reshape(n, -1)
    # squares of large responses are not representable, and the size of one decides nothing
    target = target / (np.abs(target).max(initial=0.0) or 1.0)
    target = target - target.mean()
    basis = _orthonormal(polynomial(covariates, rows.shape[1]))
    remainder = target - basis @ (basis.T @ target)
    apart = _standard(rows)
    for _ in range(2):
        # twice: what the first leaves of the basis is rounding of the size of the columns
        apart = apart - basis @ (basis.T @ apart)
    more = _orthonormal(apart)
    if not more.shape[1] or np.linalg.norm(remainder) <= _ROUNDING * np.linalg.norm(target):
        return 1.0
    if len(target) < basis.shape[1] + more.shape[1] + 2:
        return 1.0
    if groups is not None and len(np.unique(np.asarray(groups))) < 2:
        return 1.0
    columns = np.column_stack([basis, more])
    # the plain jackknife: the F test is scaled for it
    fit = fit_power_law(columns, target, groups=groups, interval="jackknife")
    residuals = target - fit.intercept[0] - columns @ fit.exponents[0]
    if np.linalg.norm(residuals) <= _ROUNDING * np.linalg.norm(remainder):
        return 0.0
    first = basis.shape[1]
    if exchangeable and groups is None:
        q = more.shape[1]
        return chance_of_gain(remainder, residuals, q, len(target) - 1 - first - q)
    covariance = fit.joint_covariance[0, 1 + first :, 1 + first :]
    p = fit.influence.wald(fit.exponents[0, first:], covariance)[1]
    return 1.0 if np.isnan(p) else p


def polynomial(columns: Array, others: int = 0) -> Array:
    """Powers and products of standardised columns, of the highest degree that the runs allow.

    Parameters
    ----------
    columns : ndarray of shape (n_runs, n_columns)
    others : int
        Columns that a model will have besides.
    """
    first = _standard(columns)
    parts, total = [first], first
    for _ in range(2):
        parts.append(np.column_stack([first[:, :0], *(a[:, None] * parts[-1] for a in first.T)]))
        more = np.column_stack(parts)
        if _RUNS_A_COLUMN * (np.linalg.matrix_rank(more) + others) > len(columns):
            break
        total = more
    return total


def _standard(columns: Array) -> Array:
    """Centred columns of unit spread; those that never vary are left out."""
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    varies = spread > _ROUNDING * np.maximum(np.abs(columns).max(axis=0, initial=0.0), 1.0)
    return np.asarray(centred[:, varies] / spread[varies])


def _orthonormal(columns: Array) -> Array:
    """Orthonormal basis of what centred columns span."""
    return basis_of(columns - columns.mean(axis=0), 1e-7, size=len(columns) ** 0.5)


# Standard errors below this are rounding: the dimension is then known, not estimated.
_EXACT_DIRECTION = 1e-8


@dataclass(frozen=True, eq=False)
class HomogeneityTest:
    """Result of the homogeneity test: the missing dimension and its F test.

    Attributes
    ----------
    statistic : float
        F statistic that the missing dimension is zero; inf where it certainly is not.
    p_value : float
        nan where the groups are too few for the test.
    dof : tuple of int
        Of the F statistic: testable combinations of base dimensions, then runs or groups.
    missing : dict of str to (float, float, float)
        For each base dimension, its missing power and interval; (nan, -inf, inf) where the
        columns that never varied or move together leave it open.
    rounded : dict of str to Fraction or None
        Simplest rational in each interval; None where it is open or holds none.
    rejected : bool
        The runs reject homogeneity at 1 - level: a variable or constant is missing.
    exponents : ndarray of shape (n_variables,)
        Unconstrained; of minimum norm where they are not unique.
    notes : tuple of str
        Why something is open, by name.
    """

    statistic: float
    p_value: float
    dof: tuple[int, int]
    missing: dict[str, tuple[float, float, float]]
    rounded: dict[str, Fraction | None]
    rejected: bool
    exponents: Array
    notes: tuple[str, ...]

    def describe(self) -> str:
        """The rounded missing dimension, such as ``[length]*[time]^-2``; ``1`` for none."""
        written = {None: "^?", Fraction(1): ""}
        parts = [b + written.get(p, f"^{p}") for b, p in self.rounded.items() if p != 0]
        return "*".join(parts) or "1"

    def completed_by(
        self, constants: Mapping[str, Sequence[Fraction | int]]
    ) -> dict[str, Fraction]:
        """Constants of which a simple power has the missing dimension, and that power.

        Parameters
        ----------
        constants : mapping of str to sequence of Fraction
            Dimension of each constant, in the order of the base dimensions.
        """
        powers = {}
        for name, dimension in constants.items():
            low, high = -np.inf, np.inf
            for power, (_, least, most) in zip(dimension, self.missing.values(), strict=True):
                if power:
                    ends = sorted((least / float(power), most / float(power)))
                    low, high = max(low, ends[0]), min(high, ends[1])
                elif least > 1e-6 or most < -1e-6:
                    high = -np.inf
            if simple := simplest_between(low - 1e-6, high + 1e-6):
                powers[name] = simple
        return powers


def homogeneity_test(
    log_X: ArrayLike,
    log_y: ArrayLike,
    D: Sequence[Sequence[Fraction | int]],
    dim_y: Sequence[Fraction | int],
    *,
    names: Sequence[str] | None = None,
    bases: Sequence[str] | None = None,
    groups: ArrayLike | None = None,
    within: ArrayLike | None = None,
    level: float = 0.9,
) -> HomogeneityTest:
    """Fit free exponents a of the variables and test that dim(Y) - D a is zero.

    Parameters
    ----------
    log_X : array-like of shape (n_runs, n_variables)
        Natural logarithms of the variables in coherent SI units.
    log_y : array-like of shape (n_runs,)
        Of the response, in its coherent SI unit.
    D : matrix of Fraction of shape (n_bases, n_variables)
        Exact dimensional matrix.
    dim_y : sequence of Fraction of length n_bases
        Dimension of the response.
    names, bases : sequence of str, optional
        Of the variables and of the base dimensions.
    groups : array-like of shape (n_runs,), optional
        Clusters of runs, the unit of the uncertainty.
    within : array-like of shape (n_runs,), optional
        Label of each run; each label has its own prefactor.
    level : float, default=0.9
        Of the intervals; the test is at 1 - level.

    Raises
    ------
    InputError
        For shapes that do not agree, or values that are not finite.
    FitError
        Where there are not more runs than free exponents.

    References
    ----------
    See :mod:`dimgs.fits.covariance` for the covariance by runs.

    Examples
    --------
    A period measured for pendulums of several lengths, but always on Earth:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> length, mass = rng.uniform(-1, 1, (2, 40))
    >>> found = homogeneity_test(
    ...     np.column_stack([length, mass]), 0.5 * length + 0.01 * rng.normal(size=40),
    ...     D=[[1, 0], [0, 1], [0, 0]], dim_y=[0, 0, 1],
    ...     names=["L", "m"], bases=["[length]", "[mass]", "[time]"])
    >>> found.rejected, found.describe()
    (True, '[length]^-1/2*[time]')
    >>> {name: str(power) for name, power in found.completed_by({"g": [1, 0, -2]}).items()}
    {'g': '-1/2'}
    """
    rows, variables = checked_logs(log_X, names)
    rows = less_means(rows, within)
    matrix = np.array(D, dtype=np.float64).reshape(len(D), -1 if len(D) else len(variables))
    wanted = np.array(dim_y, dtype=np.float64)
    labels = [f"base {i}" for i in range(len(matrix))] if bases is None else list(bases)
    if matrix.shape[1] != len(variables) or not len(matrix) == len(wanted) == len(labels):
        raise InputError(
            f"D has shape {matrix.shape}, but there are {len(variables)} variables, "
            f"{len(wanted)} powers in dim_y and {len(labels)} base dimensions"
        )
    # the plain jackknife: the F test is scaled for it
    response = checked_response(log_y, "log_y", len(rows))
    fit = fit_power_law(rows, response, None, groups, within, interval="jackknife")
    rank = fit.coordinates.rank
    if rank == 0:
        raise FitError("no input varied, so that there is no exponent to test; vary an input")
    least = rank + 1 + len(label_codes(within, len(rows), "within")[0])
    if groups is None and len(rows) < least:
        raise FitError(
            f"{len(rows)} runs cannot test the {rank} free exponents; "
            f"at least {least} runs are needed"
        )
    gap = wanted - matrix @ fit.exponents[0]
    covariance = matrix @ fit.joint_covariance[0, 1:, 1:] @ matrix.T
    ways = matrix @ fit.coordinates.null_directions().T
    # combinations of base dimensions that no open exponent can change
    left, singular, _ = np.linalg.svd(ways, full_matrices=True)
    testable = echelon(left[:, int(np.sum(singular > _OPEN)) :].T)
    statistic, p_value, dof = _test(fit, testable @ gap, testable @ covariance @ testable.T)
    quantile = t_quantile(level, fit.influence.dof(np.zeros((1, 1 + rank))))
    half = quantile * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    unknown = np.abs(ways).max(axis=1, initial=0.0) > _OPEN
    ends = np.column_stack([gap, gap - half, gap + half])
    ends[unknown] = np.nan, -np.inf, np.inf
    missing = {base: tuple(row) for base, row in zip(labels, ends.tolist(), strict=True)}
    return HomogeneityTest(
        statistic=statistic,
        p_value=p_value,
        dof=dof,
        missing=missing,
        rounded={
            base: simplest_between(least - 1e-6, most + 1e-6, _MAX_DENOMINATOR)
            for base, (_, least, most) in missing.items()
        },
        rejected=bool(p_value < 1 - level),
        exponents=fit.exponents[0],
        notes=_notes(rows, variables, [b for b, u in zip(labels, unknown, strict=True) if u]),
    )


def _test(fit: PowerLawFit, gap: Array, covariance: Array) -> tuple[float, float, tuple[int, int]]:
    if fit.influence.n_clusters <= len(gap):
        # fewer clusters than powers to test: their covariance has no inverse
        return float("nan"), float("nan"), (len(gap), 0)
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    exact = values <= _EXACT_DIRECTION**2
    sure = vectors[:, exact].T @ gap
    if np.any(np.abs(sure) > 1e-6):
        return np.inf, 0.0, (len(gap), fit.influence.f_dof(len(gap))[0])
    free = vectors[:, ~exact]
    return fit.influence.wald(free.T @ gap, np.diag(values[~exact]))


def _notes(rows: Array, names: list[str], unknown: list[str]) -> tuple[str, ...]:
    """Sentences on why powers are open."""
    notes = []
    if still := never_varied(rows, names):
        notes.append(
            f"{', '.join(still)} never varied: their exponents are unknown; vary them to test them"
        )
    for combination in collinear_combinations(rows, names):
        text = "*".join(
            f"{name}^{power if isinstance(power, Fraction) else f'{power:.3g}'}"
            for name, power in combination.exponents.items()
        )
        how = (
            "is constant" if combination.exact else f"varies by only {combination.spread:.1g} (log)"
        )
        notes.append(f"{text} {how} over the runs: its exponents cannot be separated")
    if unknown:
        notes.append(
            f"the missing powers of {', '.join(unknown)} stay open, because the columns "
            "above could contribute them"
        )
    return tuple(notes)


# ---- Tests of the invariance of a response under a symmetry, by a wild bootstrap.


# level of the test; a symmetry is not claimed where the scatter hides this change of the response
_CHANCE, _DETECTABLE = 0.01, 0.02
# degree of a smooth function of no, one, two, and more coordinates
_DEGREES = (0, 5, 4, 3)
# of a variance of a response whose logarithm, or whose spread, is about one; of singular values
_ROUNDING_OF_SQUARES, _RANK = 1e-24, 1e-10
# clusters below which signs say little
_FEWEST = 6


@dataclass(frozen=True, eq=False)
class Invariance:
    """Outcome of :func:`invariance`.

    Attributes
    ----------
    p : float
        Chance of so large a change, if the symmetry holds; NaN where the runs are too few.
    detectable : float
        Root mean square of a change that the scatter could hide, in units of the response.
    slopes, half_widths : ndarray of shape (n_straight,)
        Of the straight coordinates, with their 90 % intervals.
    """

    p: float
    detectable: float
    slopes: Array
    half_widths: Array

    @property
    def is_refuted(self) -> bool:
        """Whether the response changes along the symmetry."""
        return self.p < _CHANCE

    @property
    def is_shown(self) -> bool:
        """Whether the response does not change, and a change would have been seen."""
        return self.p >= _CHANCE and self.detectable <= _DETECTABLE


def invariance(
    response: Array,
    allowed: Array,
    straight: Array,
    whole: Array,
    clusters: ArrayLike | None = None,
) -> Invariance:
    """Test a symmetry: whether a function of its invariants fits as well as one of all inputs.

    Two polynomials are fitted, of the allowed coordinates, and of all beside these. What the
    further terms explain is compared with what they explain where the residuals of the first change
    their signs at random: a wild bootstrap, by runs, or by clusters where runs share their errors.
    It keeps its level where there are fewer clusters than terms.

    Parameters
    ----------
    response : ndarray of shape (n_runs,)
        Logarithm of the response, or the response over its standard deviation.
    allowed : ndarray of shape (n_runs, k)
        Coordinates that the symmetry leaves unchanged: any function of them.
    straight : ndarray of shape (n_runs, s)
        Coordinates that enter linearly.
    whole : ndarray of shape (n_runs, m)
        All coordinates: any function of them, if the symmetry does not hold.
    clusters : array-like of shape (n_runs,), optional
        Runs of equal label share their errors.

    References
    ----------
    C. F. J. Wu, Ann. Stat. 14 (1986) 1261-1295: the wild bootstrap.
    A. C. Cameron, J. B. Gelbach, D. L. Miller, Rev. Econ. Stat. 90 (2008) 414-427: by clusters.

    Examples
    --------
    >>> x, y = np.random.default_rng(0).uniform(1, 2, (2, 60))
    >>> both, none = np.column_stack([x, y]), np.empty((60, 0))
    >>> invariance(np.log(x + y), (x + y)[:, None], none, both).is_shown
    True
    >>> invariance(np.log(x + y), (x - y)[:, None], none, both).is_refuted
    True
    """
    n = len(response)
    labels = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    A = np.hstack([straight, polynomials(allowed, _DEGREES[min(allowed.shape[1], 3)] + 1)])
    base = np.linalg.svd(A, full_matrices=False)[0][:, : np.linalg.matrix_rank(A)]
    rest = polynomials(whole, _DEGREES[min(whole.shape[1], 3)])
    rest = rest / np.linalg.norm(rest, axis=0)
    rest -= base @ (base.T @ rest)
    extra = basis_of(rest, _RANK, size=1.0)
    residuals = response - base @ (base.T @ response)
    estimates = linearised(A, residuals, clusters=labels)
    s = straight.shape[1]
    slopes = np.asarray(np.linalg.lstsq(A, response, rcond=None)[0][:s])
    half_widths = estimates.half_widths(0.9)[:s]
    more, dof = extra.shape[1], n - base.shape[1] - extra.shape[1]
    units = int(labels.max()) + 1
    if more < 1 or dof < n / 3 or units < _FEWEST:
        return Invariance(float("nan"), float("inf"), slopes, half_widths)
    signs = webb_signs(np.random.default_rng(0), (N_BOOTSTRAP, units))[:, labels]
    samples = signs * residuals
    samples -= (samples @ base) @ base.T
    every = np.vstack([residuals, samples])
    # squares that further terms explain, over those that they leave
    explained = ((every @ extra) ** 2).sum(axis=1)
    remaining = (every**2).sum(axis=1) - explained
    ratio, *ratios = explained / np.maximum(remaining, _ROUNDING_OF_SQUARES * n)
    p = float(1 + np.count_nonzero(np.array(ratios) >= ratio)) / (1 + len(ratios))
    around = residuals - extra @ (extra.T @ residuals)
    both = np.hstack([base, extra])
    spread = linearised(both, around, clusters=labels).covariance[-more:, -more:]
    return Invariance(p, float(np.sqrt(np.trace(spread) / n)), slopes, half_widths)


def polynomials(x: Array, degree: int) -> Array:
    """Monomials up to a degree of coordinates that are brought to the range -1 to 1.

    Parameters
    ----------
    x : ndarray of shape (n, k)
    degree : int

    Returns
    -------
    ndarray of shape (n, n_monomials)
    """
    from sklearn.preprocessing import PolynomialFeatures

    low, high = x.min(axis=0, initial=np.inf), x.max(axis=0, initial=-np.inf)
    scaled = 2 * (x - low) / np.where(high > low, high - low, 1.0) - 1.0
    # of no coordinates there is the constant
    padded = np.column_stack([scaled, np.zeros(len(x))])[:, : max(x.shape[1], 1)]
    return np.asarray(PolynomialFeatures(degree).fit_transform(padded))
