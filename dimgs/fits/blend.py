"""Blends of power laws, (A^n + B^n + ...)^(1/n), fitted to runs on the log scale.

References
----------
S. W. Churchill, R. Usagi, AIChE J. 18 (1972) 1121.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from dimgs.common.arrays import Array

# powers n within which a blend is distinguished from a sum of logarithms and from a sharp corner
BLUNTEST, SHARPEST = 0.1, 50.0
# evaluations of a fit
_STEPS = 60
# of |n| in a fit; None holds n
Bounds = tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Blend:
    """Laws and how sharply one takes over from another.

    Attributes
    ----------
    laws : ndarray of shape (n_laws, rank + 1)
    power : float
        n of the standardised response; positive: the larger law wins, negative: the smaller.
    loss : float
    """

    laws: Array
    power: float
    loss: float

    def parts(self, design: Array) -> tuple[Array, Array, Array]:
        """The laws, their blend and the share of each, at rows of (1, Z)."""
        values = design @ self.laws.T
        return values, *mix(values, self.power)

    def jacobian(self, design: Array, with_power: bool) -> Array:
        """Derivatives by the laws and, at the end, by log |n|."""
        values, blend, share = self.parts(design)
        table = (share[:, :, None] * design[:, None, :]).reshape(len(design), -1)
        mean = np.sum(share * values, axis=1)
        return np.column_stack([table, mean - blend]) if with_power else table


def mix(values: Array, power: float) -> tuple[Array, Array]:
    """Logarithm of (A^n + B^n + ...)^(1/n) from the logarithms, and the share of each, in rows."""
    # typed loosely: the stubs of NumPy 2.5 know no reduction along an axis
    logaddexp: Any = np.logaddexp
    total: Array = logaddexp.reduce(power * values, axis=1)
    return total / power, np.exp(power * values - total[:, None])


def descend(
    runs: tuple[Array, Array, Array], start: Array, power: float, bounds: Bounds, **steps: Any
) -> Blend:
    """Local minimum from starting laws.

    Parameters
    ----------
    runs : tuple of ndarray
        Design (the columns 1 and the coordinates of the runs), logarithms, weights.
    start : ndarray of shape (n_laws, rank + 1)
    power : float
    bounds : tuple of float or None
    **steps
        Of :func:`scipy.optimize.least_squares`. With the loss "soft_l1", runs that miss by much
        more than 1, in units of their weights, count by their distance only.
    """
    design, y, weight = runs
    root = np.sqrt(weight)
    sign = 1.0 if power > 0 else -1.0

    def unpack(theta: Array) -> Blend:
        held = power if bounds is None else sign * float(np.exp(theta[-1]))
        return Blend(theta[: start.size].reshape(start.shape), held, 0.0)

    def miss(theta: Array) -> Array:
        return np.asarray(root * (unpack(theta).parts(design)[1] - y))

    def slope(theta: Array) -> Array:
        return np.asarray(root[:, None] * unpack(theta).jacobian(design, bounds is not None))

    theta = start.ravel()
    low, high = np.full(theta.shape, -np.inf), np.full(theta.shape, np.inf)
    if bounds is not None:
        ends = np.log(bounds)
        theta = np.append(theta, np.clip(np.log(abs(power)), ends[0] + 1e-6, ends[1] - 1e-6))
        low, high = np.append(low, ends[0]), np.append(high, ends[1])
    usual = {"ftol": 1e-10, "xtol": 1e-8, "max_nfev": _STEPS}
    minimum = least_squares(miss, theta, slope, bounds=(low, high), **usual | steps)
    best = unpack(minimum.x)
    return Blend(best.laws, best.power, float(2.0 * minimum.cost))
