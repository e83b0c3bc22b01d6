"""Three small kernels in closed form, beside the two of migration that come with dimgs."""

import math

from dimgs.kernels import kernel

G = 9.80665


@kernel(
    inputs={"F": "N", "L": "m", "b": "m", "h": "m", "E": "Pa"},
    outputs={"w": "m"},
)
def cantilever(F, L, b, h, E):  # type: ignore[no-untyped-def]
    """Deflection of the tip of a beam, clamped at its other end."""
    return 4.0 * F * L**3 / (E * b * h**3)


@kernel(
    inputs={"dT": "K", "alpha": "W/(m^2*K)", "rho": "kg/m^3", "c": "J/(kg*K)", "R": "m", "t": "s"},
    outputs={"theta": "K"},
)
def cooling(dT, alpha, rho, c, R, t):  # type: ignore[no-untyped-def]
    """What is left of the excess temperature of a small sphere."""
    return dT * math.exp(-3.0 * alpha * t / (rho * c * R))


@kernel(
    inputs={"drho": "kg/m^3", "r": "m", "mu": "Pa*s"},
    outputs={"v": "m/s"},
)
def settling(drho, r, mu):  # type: ignore[no-untyped-def]
    """Velocity of a small sphere that settles slowly; it holds the acceleration of gravity."""
    return 2.0 / 9.0 * drho * G * r**2 / mu
