"""Least squares of two power laws blended as (A^n + B^n)^(1/n), on the log scale.

Everything is in whitened coordinates with a standardised response, where the blend keeps its form
and n is multiplied by the scale of the response.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from dimgs.arrays import Array
from dimgs.fits.regimes.boundary_directions import thin
from dimgs.fits.regimes.regime_runs import Sample

# powers n within which a blend is told from a sum of logarithms and from a sharp corner
BLUNTEST, SHARPEST = 0.1, 50.0
# blunt, usual and sharp: one of them leads to the best minimum
_STARTING_POWERS = (0.5, 1.5, 5.0)
# evaluations of every start, starts that are followed to the end, and evaluations of those
_LOOK, _KEPT, _STEPS = 8, 3, 60


@dataclass(frozen=True, eq=False)
class Blend:
    """Two laws and how sharply one takes over from the other.

    Attributes
    ----------
    laws : ndarray of shape (2, rank + 1)
    power : float
        n of the standardised response; positive: the larger law wins, negative: the smaller.
    loss : float
    """

    laws: Array
    power: float
    loss: float

    def parts(self, design: Array) -> tuple[Array, Array, Array]:
        """Both laws, their blend and the share of the first, at rows of (1, Z)."""
        values = design @ self.laws.T
        return values, *mix(values[:, 0], values[:, 1], self.power)

    def jacobian(self, design: Array, with_power: bool) -> Array:
        """Derivatives by the laws and, at the end, by log |n|."""
        values, blend, share = self.parts(design)
        columns = [share[:, None] * design, (1 - share)[:, None] * design]
        if with_power:
            mean = share * values[:, 0] + (1 - share) * values[:, 1]
            columns.append((mean - blend)[:, None])
        return np.column_stack(columns)


def mix(one: Array, other: Array, power: float) -> tuple[Array, Array]:
    """Logarithm of (A^n + B^n)^(1/n) from log A and log B, and the share A^n / (A^n + B^n)."""
    total = np.logaddexp(power * one, power * other)
    return total / power, np.exp(power * one - total)


def descend(
    sample: Sample,
    start: Array,
    power: float,
    bounds: tuple[float, float] | None,
    most: int = _STEPS,
) -> Blend:
    """Local minimum from two starting laws; `bounds` of |n|, or None to hold n."""
    design = sample.design
    root = np.sqrt(sample.weight)
    width = design.shape[1]
    sign = 1.0 if power > 0 else -1.0

    def unpack(theta: Array) -> Blend:
        held = power if bounds is None else sign * float(np.exp(theta[-1]))
        return Blend(theta[: 2 * width].reshape(2, width), held, 0.0)

    def miss(theta: Array) -> Array:
        return np.asarray(root * (unpack(theta).parts(design)[1] - sample.y))

    def slope(theta: Array) -> Array:
        return np.asarray(root[:, None] * unpack(theta).jacobian(design, bounds is not None))

    theta = start.ravel()
    low, high = np.full(theta.shape, -np.inf), np.full(theta.shape, np.inf)
    if bounds is not None:
        ends = np.log(bounds)
        theta = np.append(theta, np.clip(np.log(abs(power)), ends[0] + 1e-6, ends[1] - 1e-6))
        low, high = np.append(low, ends[0]), np.append(high, ends[1])
    found = least_squares(
        miss, theta, slope, bounds=(low, high), max_nfev=most, xtol=1e-8, ftol=1e-10
    )
    best = unpack(found.x)
    return Blend(best.laws, best.power, float(2.0 * found.cost))


def best_blend(sample: Sample, starts: list[Array], scale: float, power: float | None) -> Blend:
    """Best of the local minima from several starting laws.

    Parameters
    ----------
    sample : Sample
    starts : list of ndarray of shape (2, rank + 1)
        Laws beside a sharp boundary. Each is also tried with the difference of the laws enlarged,
        because a wide crossover bends the laws beside it towards each other.
    scale : float
        Spread of the response: n of the response is n of the sample over it.
    power : float or None
        n of the response where the form fixes it.
    """
    small = thin(sample)
    bounds = None if power is not None else (BLUNTEST * scale, SHARPEST * scale)
    if power is not None:
        powers = [power * scale]
    else:
        powers = [s * p * scale for p in _STARTING_POWERS for s in (1.0, -1.0)]
    found = []
    for start in starts:
        middle = start.mean(axis=0)
        for stretch in (1.0, 1.7):
            for first in powers:
                laws = middle + stretch * (start - middle)
                found.append(descend(small, laws, first, bounds, _LOOK))
    promising = sorted(found, key=lambda b: b.loss)[:_KEPT]
    best = min((descend(small, b.laws, b.power, bounds) for b in promising), key=lambda b: b.loss)
    return best if small is sample else descend(sample, best.laws, best.power, bounds)


def power_profile(
    sample: Sample, best: Blend, scale: float, error: float, slack: float
) -> tuple[float, float]:
    """Range of |n| whose loss exceeds the least by at most `slack`, by walking both ways.

    Parameters
    ----------
    sample : Sample
    best : Blend
    scale : float
    error : float
        Standard error of log |n|, for the step.
    slack : float

    Returns
    -------
    low, high : float
        Of |n| of the sample; 0 or infinity where no admissible n is rejected.
    """
    sign = 1.0 if best.power > 0 else -1.0
    step = float(np.clip(error, 0.05, 0.7)) / 2
    ends = []
    for way, limit, beyond in ((-1.0, BLUNTEST, 0.0), (1.0, SHARPEST, np.inf)):
        at, rise, laws = float(np.log(abs(best.power))), 0.0, best.laws
        end = beyond
        while way * (np.log(limit * scale) - at) > 1e-9:
            ahead = at + way * min(step, way * (np.log(limit * scale) - at))
            trial = descend(sample, laws, sign * float(np.exp(ahead)), None)
            gain = trial.loss - best.loss
            if gain > slack:
                # The loss is nearly quadratic: interpolate its square root.
                share = (np.sqrt(slack) - np.sqrt(rise)) / (np.sqrt(gain) - np.sqrt(rise))
                end = float(np.exp(at + share * (ahead - at)))
                break
            at, rise, laws = ahead, max(gain, 0.0), trial.laws
        ends.append(end)
    return ends[0], ends[1]
