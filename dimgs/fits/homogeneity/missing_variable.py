"""Dimensional homogeneity as a statistical test: which dimension do the variables miss?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from dimgs.arrays import Array, BoolArray
from dimgs.errors import FitError, InputError
from dimgs.fits.covariance import t_quantile
from dimgs.fits.homogeneity.related_columns import (
    Collinear,
    checked_logs,
    collinear_combinations,
    never_varied,
)
from dimgs.fits.least_squares import PowerLawFit, fit_power_law
from dimgs.fits.run_checks import checked_weights
from dimgs.fits.solve import echelon
from dimgs.rationals import simplest_between

# Standard errors below this are rounding: the dimension is then known, not estimated.
_KNOWN = 1e-8


@dataclass(frozen=True, eq=False)
class HomogeneityTest:
    """Dimension that free exponents of the variables leave unexplained.

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
    covariance : ndarray of shape (n_bases, n_bases)
        Of the missing powers, by runs or groups.
    testable : tuple of dict of str to float
        Combinations of missing powers that the runs determine.
    never_varied : tuple of str
    collinear : tuple of Collinear
    notes : tuple of str
        Why something is open, by name.
    level : float
    """

    statistic: float
    p_value: float
    dof: tuple[int, int]
    missing: dict[str, tuple[float, float, float]]
    rounded: dict[str, Fraction | None]
    rejected: bool
    exponents: Array
    covariance: Array
    testable: tuple[dict[str, float], ...]
    never_varied: tuple[str, ...]
    collinear: tuple[Collinear, ...]
    notes: tuple[str, ...]
    level: float

    def describe(self) -> str:
        """The rounded missing dimension, such as ``[length]*[time]^-2``; ``1`` for none."""
        parts = []
        for base, power in self.rounded.items():
            if power is None:
                parts.append(f"{base}^?")
            elif power:
                parts.append(base if power == 1 else f"{base}^{power}")
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
        found = {}
        for name, dimension in constants.items():
            low, high = -np.inf, np.inf
            for power, (_, least, most) in zip(dimension, self.missing.values(), strict=True):
                if power:
                    ends = sorted((least / float(power), most / float(power)))
                    low, high = max(low, ends[0]), min(high, ends[1])
                elif least > 1e-6 or most < -1e-6:
                    high = -np.inf
            if np.isfinite([low, high]).all() and low <= high + 2e-6:
                simple = simplest_between(low - 1e-6, high + 1e-6)
                if simple:
                    found[name] = simple
        return found


def homogeneity_test(
    log_X: ArrayLike,
    log_y: ArrayLike,
    D: Sequence[Sequence[Fraction | int]],
    dim_y: Sequence[Fraction | int],
    *,
    names: Sequence[str] | None = None,
    bases: Sequence[str] | None = None,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.9,
    max_denominator: int = 6,
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
    sample_weight : array-like of shape (n_runs,), optional
    groups : array-like of shape (n_runs,), optional
        Clusters of runs, the unit of the uncertainty.
    level : float, default=0.9
        Of the intervals; the test is at 1 - level.
    max_denominator : int, default=6
        Of the rounded powers.

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
    matrix, wanted, labels = _dimensions(D, dim_y, bases, len(variables))
    rows, fit = _free_fit(rows, log_y, sample_weight, groups)
    return _of_fit(
        fit,
        labels,
        wanted - matrix @ fit.exponents[0],
        matrix @ fit.joint_covariance[0, 1:, 1:] @ matrix.T,
        matrix @ fit.coordinates.null_directions().T,
        never_varied(rows, variables),
        tuple(collinear_combinations(rows, variables)),
        level,
        max_denominator,
    )


def _of_fit(
    fit: PowerLawFit,
    labels: list[str],
    gap: Array,
    covariance: Array,
    open_ways: Array,
    still: tuple[str, ...],
    together: tuple[Collinear, ...],
    level: float,
    max_denominator: int,
) -> HomogeneityTest:
    """Test of the gap in each base dimension, with its covariance and what leaves it open."""
    testable = _testable(open_ways)
    statistic, p_value, dof = _test(fit, testable @ gap, testable @ covariance @ testable.T)
    quantile = t_quantile(level, fit.influence.dof(np.zeros((1, 1 + fit.coordinates.rank))))
    half = quantile * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    unknown = np.abs(open_ways).max(axis=1, initial=0.0) > 1e-7
    missing, rounded = _missing(labels, unknown, gap, half, max_denominator)
    return HomogeneityTest(
        statistic=statistic,
        p_value=p_value,
        dof=dof,
        missing=missing,
        rounded=rounded,
        rejected=bool(p_value < 1 - level),
        exponents=fit.exponents[0],
        covariance=covariance,
        testable=tuple(_named(labels, row) for row in testable),
        never_varied=still,
        collinear=together,
        notes=_notes(still, together, [b for b, u in zip(labels, unknown, strict=True) if u]),
        level=level,
    )


def _dimensions(
    D: Sequence[Sequence[Fraction | int]],
    dim_y: Sequence[Fraction | int],
    bases: Sequence[str] | None,
    n_variables: int,
) -> tuple[Array, Array, list[str]]:
    """Dimensional matrix, dimension of the response and names of the base dimensions."""
    columns = len(D[0]) if len(D) else n_variables
    matrix = np.array([[float(v) for v in row] for row in D]).reshape(len(D), columns)
    wanted = np.array([float(v) for v in dim_y])
    labels = [f"base {i}" for i in range(len(matrix))] if bases is None else list(bases)
    if matrix.shape[1] != n_variables or not len(matrix) == len(wanted) == len(labels):
        raise InputError(
            f"D has shape {matrix.shape}, but there are {n_variables} variables, "
            f"{len(wanted)} powers in dim_y and {len(labels)} base dimensions"
        )
    return matrix, wanted, labels


def _free_fit(
    rows: Array, log_y: ArrayLike, sample_weight: ArrayLike | None, groups: ArrayLike | None
) -> tuple[Array, PowerLawFit]:
    """Free exponents of the variables, fitted on the runs that weigh anything, and these."""
    target = np.asarray(log_y, dtype=np.float64)
    if target.shape != (len(rows),) or not np.isfinite(target).all():
        raise InputError(f"log_y must hold one finite value for each of the {len(rows)} runs")
    weight = checked_weights(sample_weight, len(rows))
    used = weight > 0.0
    rows = rows[used]
    clusters = None if groups is None else np.asarray(groups)[used]
    # the plain jackknife: the F test is scaled for it
    fit = fit_power_law(rows, target[used], weight[used], clusters, interval="jackknife")
    rank = fit.coordinates.rank
    if clusters is None and len(rows) < rank + 2:
        raise FitError(
            f"{len(rows)} runs cannot test the {rank} free exponents; "
            f"at least {rank + 2} runs are needed"
        )
    return rows, fit


def _missing(
    labels: list[str], unknown: BoolArray, gap: Array, half: Array, max_denominator: int
) -> tuple[dict[str, tuple[float, float, float]], dict[str, Fraction | None]]:
    """Missing power of each base dimension with its interval, and the simplest inside that."""
    missing = {
        base: (float("nan"), -np.inf, np.inf) if u else (float(g), float(g - h), float(g + h))
        for base, u, g, h in zip(labels, unknown, gap, half, strict=True)
    }
    rounded = {
        base: simplest_between(low - 1e-6, high + 1e-6, max_denominator)
        if np.isfinite([low, high]).all()
        else None
        for base, (_, low, high) in missing.items()
    }
    return missing, rounded


def _named(labels: list[str], row: Array) -> dict[str, float]:
    return {base: float(v) for base, v in zip(labels, row, strict=True) if abs(v) > 1e-9}


def _testable(open_ways: Array) -> Array:
    """Rows: combinations of base dimensions that no open exponent can change."""
    left, singular, _ = np.linalg.svd(open_ways, full_matrices=True)
    rank = int(np.sum(singular > 1e-7))
    return echelon(left[:, rank:].T)


def _test(fit: PowerLawFit, gap: Array, covariance: Array) -> tuple[float, float, tuple[int, int]]:
    if fit.influence.n_clusters <= len(gap):
        # fewer clusters than powers to test: their covariance has no inverse
        return float("nan"), float("nan"), (len(gap), 0)
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    known = values <= _KNOWN**2
    sure = vectors[:, known].T @ gap
    if np.any(np.abs(sure) > 1e-6):
        return np.inf, 0.0, (len(gap), fit.influence.f_dof(len(gap))[0])
    free = vectors[:, ~known]
    return fit.influence.wald(free.T @ gap, np.diag(values[~known]))


def _notes(
    still: tuple[str, ...], together: tuple[Collinear, ...], unknown: list[str]
) -> tuple[str, ...]:
    notes = []
    if still:
        notes.append(
            f"{', '.join(still)} never varied: their exponents stay unknown; vary them to test them"
        )
    for found in together:
        text = "*".join(f"{name}^{_short(power)}" for name, power in found.exponents.items())
        how = "is constant" if found.exact else f"varies by only {found.spread:.1g} (log)"
        notes.append(f"{text} {how} over the runs: its exponents cannot be told apart")
    if unknown:
        notes.append(
            f"the missing powers of {', '.join(unknown)} stay open, because the columns "
            "above could supply them"
        )
    return tuple(notes)


def _short(power: Fraction | float) -> str:
    return str(power) if isinstance(power, Fraction) else f"{power:.3g}"
