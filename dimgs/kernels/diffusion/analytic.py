"""The exact fraction that has migrated, at any time and for any resistance and capacity.

With u = C/C0 in the film (0 < x < 1, impermeable at x = 0), v = K·CF/C0 in the bath,
Fo = D·t/l², B = h·l/(D·K) and k = K·A·l/V::

    u_t = u_xx,   -u_x(1) = B·(u(1) - v),   v_t = k·B·(u(1) - v)

Separation of variables gives eigenvalues with q²/B - k = q·cot(q), one in each interval
((n-1)·π, n·π), and the migrated fraction of what migrates in the end::

    F = 1 - Σ c_n·exp(-q_n²·Fo),   c_n = 2·(1 + k)/(r² + r + q² + 2·k),   r = q²/B - k

whose limits are the series of Crank: B → ∞ a limited volume of solution, k → 0 evaporation at
the surface, both a plane sheet with a constant surface concentration. At short times the film is
as good as infinitely thick (to exp(-1/Fo)), and the Laplace transform of F is
(1 + k)·B/(p·(p + B·√p + k·B)); it is inverted along a Talbot contour, which keeps the
relative accuracy however small F is and has no special cases, unlike its form in erfc.

References
----------
Crank, The Mathematics of Diffusion, 2nd ed., Oxford, 1975, sections 4.3.2 (constant surface
concentration), 4.3.5 (limited volume) and 4.3.6 (surface evaporation).
Trefethen, Weideman and Schmelzer, Talbot quadratures and rational approximations,
BIT Numerical Mathematics 46, 653-670, 2006 (the contour).
"""

import math

import numpy as np

from dimgs.common.arrays import Array

# the neglected exp(-1/Fo) is 3e-15 here, near the rounding of a double
SHORT_TIME = 0.03

# exp(-40) is below the rounding of a double
_NEGLIGIBLE = 40.0
# below it the rounding of 1 - Σ c_n, 1e-16, would be more than 1e-13 of the fraction
_SMALL_FRACTION = 1e-3
# terms that fall as 1/q⁴ leave about 1/(3π(200π)³) = 4e-10 out
_MANY_TERMS = 200
# π/2^80: a first root near zero is found to the last bit too
_BISECTIONS = 80
# the contour's error falls as 3.89^-n: 7e-15
_NODES = 24


def migrated_fraction(fo: float, b: float, k: float) -> float:
    """Fraction of the equilibrium concentration that the bath has reached.

    Parameters
    ----------
    fo : float
        Fourier number D·t/l², from 0.
    b : float
        Biot number of the film over the partition coefficient, h·l/(D·K), above 0.
    k : float
        Capacity of the film over that of the bath, K·A·l/V, from 0.

    Returns
    -------
    float
        Between 0 and 1; relative error below 1e-9.

    Examples
    --------
    A film in a large bath without resistance, where F = 2·√(Fo/π) at short times:

    >>> migrated_fraction(1e-4, 1e12, 0.0)
    0.0112837...
    >>> round(migrated_fraction(10.0, 5.0, 0.5), 6)
    1.0
    """
    if fo <= 0:
        return 0.0
    fraction = _short_time(fo, b, k) if fo < SHORT_TIME else _series(fo, b, k)
    return min(fraction, 1.0)


def eigenvalues(b: float, k: float, n_terms: int) -> Array:
    """First roots of q²/b - k = q·cot(q), bisected in ((n-1)·π, n·π): one root in each.

    Returns
    -------
    ndarray of shape (n_terms,)

    Examples
    --------
    >>> eigenvalues(1e12, 0.0, 2) / np.pi
    array([0.5, 1.5])
    """
    start = np.pi * np.arange(n_terms)
    low, high = np.zeros(n_terms), np.full(n_terms, np.pi)
    # -q·cot(q) is at least -1 in the first interval
    high[0] = min(np.pi, math.sqrt(b * (1 + k)))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        q = start + middle
        below = q * q / b - k < q / np.tan(middle)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    roots: Array = start + (low + high) / 2
    return roots


def _series(fo: float, b: float, k: float) -> float:
    n_terms = int(math.sqrt(_NEGLIGIBLE / fo) / math.pi) + 2
    q, c = _coefficients(b, k, n_terms)
    fraction = -float(np.sum(c * np.expm1(-q * q * fo))) + max(0.0, 1.0 - float(c.sum()))
    if fraction < _SMALL_FRACTION:
        # the rest 1 - Σ c_n would be rounding; here its terms fall like 1/q⁴
        q, c = _coefficients(b, k, _MANY_TERMS)
        fraction = -float(np.sum(c * np.expm1(-q * q * fo)))
    return fraction


def _coefficients(b: float, k: float, n_terms: int) -> tuple[Array, ...]:
    q = eigenvalues(b, k, n_terms)
    r = q * q / b - k
    return q, 2 * (1 + k) / (r * r + r + q * q + 2 * k)


def _short_time(fo: float, b: float, k: float) -> float:
    s, p = b * math.sqrt(fo), b * k * fo
    angle = np.pi * (2 * np.arange(_NODES) + 1) / _NODES - np.pi
    scaled = 0.6407 * angle
    contour = 0.5017 * angle / np.tan(scaled) - 0.6122 + 0.2645j * angle
    slope = 0.5017 / np.tan(scaled) - 0.5017 * scaled / np.sin(scaled) ** 2 + 0.2645j
    z = _NODES * contour
    transform = 1.0 / (z * (z + s * np.sqrt(z) + p))
    total = np.sum(np.exp(z) * transform * slope * _NODES)
    return (1 + k) * b * fo * float((total / (1j * _NODES)).real)
