"""One term of an additive law, and what is read from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dimgs.arrays import Array
from dimgs.fits.additive.splines import curvature_columns


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
