"""Estimate of a power law: the common result of all estimators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from dimgs.common.arrays import Array
from dimgs.fits.covariance import t_half_widths
from dimgs.fits.design import Design, Feature
from dimgs.fits.least_squares import PowerLawFit
from dimgs.fits.noise import Scatter
from dimgs.fits.sources import MixedFit
from dimgs.groups.group import PiGroup
from dimgs.groups.rationals import only_simple


@dataclass(frozen=True)
class Exponent:
    """A fitted exponent with its interval.

    Attributes
    ----------
    name : str
        Group, or column that enters unlogged or stands for a physical variable.
    value, low, high : float
        Before snapping; the ends are infinite where the runs do not determine it.
    rational : Fraction, optional
        The rational it was snapped to.
    group : PiGroup, optional
    """

    name: str
    value: float
    low: float
    high: float
    rational: Fraction | None = None
    group: PiGroup | None = None

    @classmethod
    def within(cls, name: str, value: float, half: float, tolerance: float) -> "Exponent":
        """With an interval of half-width `half`; rational where one simple number is near enough.

        Near enough is what the interval and the tolerance leave.
        """
        value, half = float(value), float(half)
        room = max(half, tolerance)
        simple = only_simple(value - room, value + room)
        return cls(name, value, value - half, value + half, simple)


def exponents_of(
    features: Sequence[Feature], values: Array, intervals: Array
) -> tuple[Exponent, ...]:
    """Exponents of features, with intervals of shape (n_features, 2), before snapping."""
    return tuple(
        Exponent(f.name, float(v), float(low), float(high), group=f.group)
        for f, v, (low, high) in zip(features, values, intervals, strict=True)
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Estimate:
    """A fitted power law, whichever estimator made it and whether the runs were in memory.

    Attributes
    ----------
    exponents : tuple of Exponent
        Of the groups and unlogged features.
    variable_exponents : tuple of Exponent
        Of the physical variables, on which the snapping is done.
    coefficients : tuple of (Fraction or float)
        What the law has, one per feature: a Fraction where it was snapped, else the exponent
        refitted under what was; by default all as before snapping.
    intercept, intercept_half : float
        With the half width of its interval, on the scale of the design's response: ln of the
        prefactor, a level in natural-log units, or, on a linear scale, the prefactor itself.
    covariance : ndarray of shape (n_features + 1, n_features + 1)
        Of [intercept, exponents] before snapping; on a linear scale of [ln|prefactor|, exponents].
    residual_sd : float
        Standard deviation of one run about the law.
    dof, residual_dof : float
        Degrees of freedom of the exponents, and of the residuals.
    level : float
        Coverage of the intervals.
    independent_contrasts, pairs : int
        m - 1 (less with groups), and the pairs that entered.
    effects : mapping of str to float, optional
        Intercept of each label that keeps its own, minus `intercept`.
    null_directions, weak_directions : ndarray of shape (n, n_features)
        Along which the runs determine nothing of the exponents, and hardly anything.
    left_out : tuple of float
        Residual of each run, on the logarithm of the target, by the power law fitted without it
        (or its group); NaN where too few runs are left, empty where it is not known.
    outliers : tuple of int
        Positions of outlying runs (robust fits).
    notes : tuple of str
        What the fit itself warns of.
    least_squares : PowerLawFit, optional
        The least-squares fit that it came from.
    scatter : Scatter, optional
        What the residuals say of the stated errors of the target, where it has any.
    sources : MixedFit, optional
        What differs between sources, where there are any.
    """

    exponents: tuple[Exponent, ...]
    variable_exponents: tuple[Exponent, ...] = ()
    coefficients: tuple[Fraction | float, ...] = ()
    intercept: float
    intercept_half: float
    covariance: Array
    residual_sd: float
    dof: float
    residual_dof: float
    level: float
    independent_contrasts: int = 0
    pairs: int = 0
    effects: Mapping[str, float] | None = None
    null_directions: Array = field(default_factory=lambda: np.zeros((0, 0)))
    weak_directions: Array = field(default_factory=lambda: np.zeros((0, 0)))
    left_out: tuple[float, ...] = ()
    outliers: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    least_squares: PowerLawFit | None = None
    scatter: Scatter | None = None
    sources: MixedFit | None = None

    def __post_init__(self) -> None:
        if not self.coefficients:
            object.__setattr__(self, "coefficients", tuple(e.value for e in self.exponents))

    @property
    def values(self) -> Array:
        """Exponents of the features before snapping, shape (n_features,)."""
        return np.array([e.value for e in self.exponents])

    @property
    def intervals(self) -> Array:
        """Their intervals, shape (n_features, 2)."""
        return np.array([(e.low, e.high) for e in self.exponents]).reshape(-1, 2)

    def half_widths(self, functionals: Array, level: float | None = None) -> Array:
        """Half widths of intervals of functionals of [intercept, exponents] before snapping.

        Parameters
        ----------
        functionals : ndarray of shape (n, n_features + 1)
            One a row.
        level : float, optional
            Coverage; that of the estimate by default.

        Returns
        -------
        ndarray of shape (n,)
        """
        level = self.level if level is None else level
        if self.least_squares is not None:
            return self.least_squares.half_widths(functionals, level)[:, 0]
        variance = np.einsum("ij,jk,ik->i", functionals, self.covariance, functionals)
        return t_half_widths(variance, self.dof, level)

    def predict(self, design: Design) -> Array:
        """ln(target) of runs of another design of the same features, before snapping."""
        fitted = self.intercept + design.X @ self.values + design.offset
        if self.effects is not None and design.within is not None:
            fitted = fitted + [self.effects.get(str(x), 0.0) for x in design.within]
        return np.asarray(fitted)
