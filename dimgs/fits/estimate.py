"""What is known of a power law once it is fitted: the one result of every estimator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Self

import numpy as np

from dimgs.arrays import Array
from dimgs.design.features import Design, Feature
from dimgs.fits.covariance import t_quantile
from dimgs.fits.least_squares import PowerLawFit
from dimgs.groups.group import PiGroup


@dataclass(frozen=True)
class Exponent:
    """A fitted exponent with its interval.

    Attributes
    ----------
    name : str
        Group, or column that enters unlogged or stands for a physical variable.
    value, low, high : float
        Before snapping; the ends are infinite where the runs cannot tell.
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


def _no_directions() -> Array:
    return np.zeros((0, 0))


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
        refitted under what was.
    intercept, intercept_low, intercept_high : float
        On the scale of the design's response: ln of the prefactor, a level in natural-log units,
        or, on a linear scale, the prefactor itself.
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
        Along which the runs tell nothing of the exponents, or hardly anything.
    left_out : tuple of float
        Residual of each run, on the logarithm of the target, by the power law fitted without it
        (or its group); NaN where too few runs are left, empty where it is not known.
    outliers : tuple of int
        Positions of outlying runs (robust fits).
    notes : tuple of str
        What the fit itself warns of.
    least_squares : PowerLawFit, optional
        The least-squares fit that it came from.
    """

    exponents: tuple[Exponent, ...]
    variable_exponents: tuple[Exponent, ...] = ()
    coefficients: tuple[Fraction | float, ...]
    intercept: float
    intercept_low: float
    intercept_high: float
    covariance: Array
    residual_sd: float
    dof: float
    residual_dof: float
    level: float
    independent_contrasts: int = 0
    pairs: int = 0
    effects: Mapping[str, float] | None = None
    null_directions: Array = field(default_factory=_no_directions)
    weak_directions: Array = field(default_factory=_no_directions)
    left_out: tuple[float, ...] = ()
    outliers: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    least_squares: PowerLawFit | None = None

    @classmethod
    def of(
        cls,
        features: Sequence[Feature],
        values: Array,
        intervals: Array,
        intercept: float,
        half: float,
        *,
        covariance: Array,
        residual_sd: float,
        dof: float,
        residual_dof: float,
        level: float,
        independent_contrasts: int,
        pairs: int,
        effects: Mapping[str, float] | None = None,
        directions: tuple[Array, Array] | None = None,
        left_out: Sequence[float] = (),
        outliers: Sequence[int] = (),
        notes: Sequence[str] = (),
        least_squares: PowerLawFit | None = None,
    ) -> Self:
        """Estimate before snapping, from the arrays of an estimator.

        Parameters
        ----------
        features : sequence of Feature
        values : ndarray of shape (n_features,)
        intervals : ndarray of shape (n_features, 2)
        intercept, half : float
            The intercept and the half width of its interval.
        directions : pair of ndarray, optional
            `null_directions` and `weak_directions`.
        covariance, residual_sd, dof, residual_dof, level, independent_contrasts, pairs, effects, \
left_out, outliers, notes, least_squares
            As the attributes.
        """
        null, weak = directions or (_no_directions(), _no_directions())
        found = zip(features, values, intervals, strict=True)
        return cls(
            exponents=tuple(
                Exponent(f.name, float(v), float(e[0]), float(e[1]), group=f.group)
                for f, v, e in found
            ),
            coefficients=tuple(float(v) for v in values),
            intercept=intercept,
            intercept_low=intercept - half,
            intercept_high=intercept + half,
            covariance=covariance,
            residual_sd=residual_sd,
            dof=dof,
            residual_dof=residual_dof,
            level=level,
            independent_contrasts=independent_contrasts,
            pairs=pairs,
            effects=effects,
            null_directions=null,
            weak_directions=weak,
            left_out=tuple(float(x) for x in left_out),
            outliers=tuple(int(i) for i in outliers),
            notes=tuple(notes),
            least_squares=least_squares,
        )

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
        return np.asarray(t_quantile(level, self.dof) * np.sqrt(np.maximum(variance, 0.0)))

    def predict(self, design: Design) -> Array:
        """ln(target) of runs of another design of the same features, before snapping."""
        fitted = self.intercept + design.X @ self.values + design.offset
        if self.effects is not None and design.within is not None:
            fitted = fitted + [self.effects.get(str(x), 0.0) for x in design.within]
        return np.asarray(fitted)
