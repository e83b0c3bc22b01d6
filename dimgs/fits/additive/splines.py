"""Splines of additive models, and the fitted component of one group."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dimgs.arrays import Array


def quantile_knots(z: Array, weight: Array, n_knots: int) -> Array:
    """Knots at weighted quantiles of `z`; fewer where `z` takes few distinct values.

    Ties between two runs are split halfway, so that -z has mirrored knots. The outer
    quantiles are 5 % and 95 % (Harrell 2015, Regression Modeling
    Strategies, § 2.4.6).

    Examples
    --------
    >>> import numpy as np
    >>> quantile_knots(np.arange(101.0), np.ones(101), 3)
    array([ 5., 50., 95.])
    """
    order = np.argsort(z, kind="stable")
    ranked = z[order]
    gap = 1e-6 * float(ranked[-1] - ranked[0])
    levels = ranked[np.append(True, np.diff(ranked) > gap)]
    if len(levels) <= n_knots:
        return np.asarray(levels)
    cumulative = np.cumsum(weight[order]) / weight.sum()
    wanted = np.linspace(0.05, 0.95, n_knots)
    low, high = (
        np.minimum(np.searchsorted(cumulative, wanted + shift), len(z) - 1)
        for shift in (-1e-12, 1e-12)
    )
    knots = (ranked[low] + ranked[high]) / 2
    return np.asarray(knots[np.append(True, np.diff(knots) > gap)])


def curvature_columns(z: Array, knots: Array, derivative: int = 0) -> Array:
    """Curvature part of a natural cubic spline: with 1 and z it spans the spline space.

    Beyond the outer knots every column is a straight line, so a fitted component continues
    as a power law.

    Parameters
    ----------
    z : ndarray of shape (n,)
    knots : ndarray of shape (n_knots,)
        Increasing; fewer than three leave no curvature.
    derivative : {0, 1, 2}
        Order of the derivative with respect to `z`.

    Returns
    -------
    ndarray of shape (n, max(n_knots - 2, 0))

    References
    ----------
    Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning, eq. 5.4-5.5.
    """
    if len(knots) < 3:
        return np.zeros((len(z), 0))
    width = float(knots[-1] - knots[0])
    u, xi = (z - knots[0]) / width, (knots - knots[0]) / width
    factor = (1.0, 3.0, 6.0)[derivative] / width**derivative
    hinge = np.maximum(u[:, None] - xi, 0.0)
    power = factor * (hinge, hinge * hinge, hinge * hinge * hinge)[2 - derivative]
    ramp = (power[:, :-1] - power[:, -1:]) / (xi[-1] - xi[:-1])
    return np.asarray(ramp[:, :-1] - ramp[:, -1:])


class OddSpline:
    """Odd natural cubic splines of a difference: a straight line, then curvature columns.

    Parameters
    ----------
    knots : ndarray of shape (n_knots,)
        Positive and increasing; mirrored for negative differences.
    """

    def __init__(self, knots: Array):
        self._knots = np.concatenate([-knots[::-1], knots])
        self.n_columns = len(knots)

    def columns(self, d: Array, derivative: int = 0) -> Array:
        """Values, or first derivatives, of each column at differences `d`: (n, n_columns)."""
        bend = curvature_columns(d, self._knots, derivative)[:, self.n_columns - 1 :]
        mirror = curvature_columns(-d, self._knots, derivative)[:, self.n_columns - 1 :]
        odd = (bend + mirror if derivative else bend - mirror) / 2
        return np.column_stack([np.ones_like(d) if derivative else d, odd])

    def mean_over(self, z: Array, reference: Array, share: Array, coef: Array) -> Array:
        """Mean over references v of g(z - z_v), exact, from sorted prefix sums.

        Parameters
        ----------
        z : ndarray of shape (n,)
        reference, share : ndarray of shape (n_reference,)
            Increasing references, and their shares of the mean.
        coef : ndarray of shape (n_columns,)
            Of g.
        """
        left = self._knots[0] - np.array([1.0, 2.0])
        value = self.columns(left) @ coef
        slope = float(value[0] - value[1])
        mean = float(share @ reference)
        total = float(value[0]) * share.sum() + slope * (z - mean - left[0])
        for knot, jump in zip(self._knots, self._jumps() @ coef, strict=True):
            turn = reference + knot
            at = np.searchsorted(turn, z)
            moments = [np.append(0.0, np.cumsum(share * turn**q))[at] for q in range(4)]
            total = total + jump * (
                ((moments[0] * z - 3 * moments[1]) * z + 3 * moments[2]) * z - moments[3]
            )
        return np.asarray(total)

    def _jumps(self) -> Array:
        """Coefficient of the truncated cubic at each knot, for each column."""
        width = self._knots[-1] - self._knots[0]
        xi = (self._knots - self._knots[0]) / width
        n = len(xi)
        ramp = np.zeros((n, n - 1))
        ramp[np.arange(n - 1), np.arange(n - 1)] = 1 / (1 - xi[:-1])
        ramp[-1] = -1 / (1 - xi[:-1])
        bend = (ramp[:, :-1] - ramp[:, -1:])[:, self.n_columns - 1 :] / width**3
        return np.column_stack([np.zeros(n), (bend - bend[::-1]) / 2])


@dataclass(frozen=True)
class AdditiveComponent:
    """One term h(log pi) of an additive law.

    Attributes
    ----------
    group : tuple of int
        Exponents of the group in the columns of X (a column of the chosen basis).
    slope : float
        Mean over the runs of dh / d log pi: the exponent, where the term is a power law.
    slope_interval : tuple of float
    curvature : float
        Second derivative of the parabola that fits h best over the runs.
    curvature_interval : tuple of float
        (0, 0) where the term is a straight line.
    p_value : float
        Of the F test that the curvature part is zero, with the other terms as selected.
    power_law_enough : bool
        The test does not reject a power law at the level of the intervals.
    curved : bool
        The selected term carries a spline.
    knots : tuple of float
    coefficients : tuple of float
        Of log pi, then of the curvature columns of the natural spline.
    offset : float
        Subtracted so that the term averages to zero over the runs.
    """

    group: tuple[int, ...]
    slope: float
    slope_interval: tuple[float, float]
    curvature: float
    curvature_interval: tuple[float, float]
    p_value: float
    power_law_enough: bool
    curved: bool
    knots: tuple[float, ...]
    coefficients: tuple[float, ...]
    offset: float

    def __call__(self, log_group: ArrayLike) -> Array:
        """Value of the term at logarithms of its group."""
        z = np.asarray(log_group, dtype=float)
        value = self.coefficients[0] * z - self.offset
        if self.curved:
            bend = curvature_columns(z.ravel(), np.array(self.knots))
            value = value + (bend @ np.array(self.coefficients[1:])).reshape(z.shape)
        return np.asarray(value)


def slope_and_curvature(z: Array, share: Array, knots: Array, curved: bool) -> tuple[Array, Array]:
    """Mean slope and best-parabola curvature of a term, as vectors on its coefficients."""
    if not curved:
        return np.array([1.0]), np.array([0.0])
    slope = np.append(1.0, share @ curvature_columns(z, knots, derivative=1))
    centred = z - share @ z
    parabola = np.column_stack([np.ones(len(z)), centred, centred**2])
    root = np.sqrt(share)[:, None]
    bend = curvature_columns(z, knots)
    bow = 2 * np.linalg.lstsq(root * parabola, root * bend, rcond=None)[0][2]
    return slope, np.append(0.0, bow)
