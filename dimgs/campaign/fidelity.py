"""The law of a region from all tiers: the coarse law plus fitted biases, with its doubt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from dimgs.campaign.space import Points, Rows
from dimgs.fits.least_squares import PowerLawFit, fit_power_law

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TierFit:
    """Affine fit of one tier in a region: its answers, or its differences to the tier below.

    Attributes
    ----------
    z : ndarray of shape (n, rank)
        Points that entered.
    fit : PowerLawFit or None
        None below rank + 3 points, where nothing can be said about the scatter.
    drifts : ndarray of shape (n_drifts, rank + 1)
        Changes of [constant, slope] that a crossover at the rim may make: when the outer half of
        the points is left out, and when the points lean towards the neighbouring laws.
    """

    z: Array
    fit: PowerLawFit | None
    drifts: Array

    @property
    def coefficients(self) -> Array:
        """[constant, slope]; zeros where there is no fit."""
        if self.fit is None:
            return np.zeros(self.z.shape[1] + 1)
        return np.concatenate([self.fit.intercept[:1], self.fit.exponents[0]])

    def variance(self, c: Array) -> tuple[Array, Array]:
        """Variance and degrees of freedom of functionals `c` of shape (n, rank + 1)."""
        if self.fit is None:
            return np.full(len(c), np.inf), np.ones(len(c))
        joint = np.asarray(self.fit.joint_covariance)[0]
        variance = np.einsum("ij,jk,ik->i", c, joint, c)
        unknown = ~self.fit.coordinates.identifies(c[:, 1:] - c[:, :1] * self.fit.centre)
        variance[unknown] = np.inf
        dof = np.maximum(self.fit.influence.dof(self.fit.functionals(c)), 1.0)
        return np.maximum(variance, 0.0), dof


@dataclass(frozen=True, eq=False)
class RegionFit:
    """Law of a region: log pi_0 = c + b . z at the finest tier.

    The law of the coarsest tier, from its many runs, plus the law of every difference between
    neighbouring tiers, from the few points where both were run: what the tiers share, curvature
    above all, cancels in the differences. Its doubt is that of each part, by runs (CR3), and the
    drift that crossovers at the rim may cause.

    Attributes
    ----------
    tiers : tuple of TierFit

    References
    ----------
    M. C. Kennedy, A. O'Hagan, Biometrika 87 (2000) 1-13, equation 1 with rho = 1.
    F. E. Satterthwaite, Biometrics Bulletin 2 (1946) 110-114.
    """

    tiers: tuple[TierFit, ...]

    @property
    def coefficients(self) -> Array:
        """[constant, slope] of the finest tier."""
        return np.asarray(np.sum([t.coefficients for t in self.tiers], axis=0))

    def spread(self, c: Array) -> tuple[Array, Array, Array]:
        """Standard error, degrees of freedom and drift of functionals `c`, (n, rank + 1)."""
        parts = [t.variance(c) for t in self.tiers]
        total = np.sum([v for v, _ in parts], axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.sum([v**2 / dof for v, dof in parts], axis=0)
            dof = np.where(share > 0, total**2 / share, parts[0][1])
        dof = np.where(np.isfinite(dof), np.maximum(dof, 1.0), 1.0)
        drift = np.abs(c @ self.tiers[0].drifts.T).max(axis=1, initial=0.0)
        return np.sqrt(total), dof, drift

    def half_widths(self, c: Array, level: float) -> Array:
        """Half-widths of the intervals of functionals; infinite where the runs cannot tell."""
        error, dof, drift = self.spread(c)
        return np.asarray(np.hypot(stdtrit(dof, 0.5 + level / 2) * error, drift))

    def confidence(self, c: Array, tolerance: Array) -> Array:
        """Probability that each functional lies within its tolerance of the estimate."""
        error, dof, drift = self.spread(c)
        room = np.sqrt(np.maximum(tolerance**2 - drift**2, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(error > 0, room / error, np.where(room > 0, np.inf, 0.0))
        return np.asarray(2.0 * stdtr(dof, np.where(np.isfinite(ratio), ratio, 1e300)) - 1.0)


def fit_region(
    points: Points, members: Sequence[Rows], depth: Array, lean: Array | None = None
) -> RegionFit:
    """Fit the law of a region.

    Parameters
    ----------
    points : Points
    members : sequence of ndarray of int
        For each tier, the rows that enter, among those of ``points.part(tier)``.
    depth : ndarray of shape (n_points,)
        How far inside the region each point lies.
    lean : ndarray of shape (n_points,), optional
        What crossovers may add to log pi_0 at each point.

    Returns
    -------
    RegionFit
    """
    fits = []
    for tier, rows in enumerate(members):
        y = points.y[rows, tier] - (points.y[rows, tier - 1] if tier else 0.0)
        z = points.z[rows]
        fit = fit_power_law(z, y) if len(rows) >= points.rank + 3 else None
        drifts = np.zeros((0, points.rank + 1))
        if fit is not None and tier == 0:
            drifts = _drifts(z, y, fit, depth[rows], None if lean is None else lean[rows])
        fits.append(TierFit(z, fit, drifts))
    return RegionFit(tuple(fits))


def _drifts(z: Array, y: Array, fit: PowerLawFit, depth: Array, lean: Array | None) -> Array:
    found = []
    if np.ptp(depth) > 0.0:
        inner = np.argsort(-depth, kind="stable")[: max((len(z) + 1) // 2, z.shape[1] + 3)]
        half = fit_power_law(z[inner], y[inner])
        change = np.append(half.intercept - fit.intercept, (half.exponents - fit.exponents)[0])
        found.append(change)
    if lean is not None:
        table = np.column_stack([np.ones(len(z)), z])
        found.append(np.linalg.lstsq(table, lean, rcond=1e-9)[0])
    return np.array(found).reshape(len(found), z.shape[1] + 1)
