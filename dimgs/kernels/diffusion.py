"""Migration from a film into a well-stirred bath: finite volumes in three tiers, or the series."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg.lapack import dgttrf, dgttrs

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import RunRefusedError
from dimgs.kernels.base import BaseKernel, Port, Settings, Simulated, Tier, Values
from dimgs.kernels.record import Curve

# ---- The exact fraction that has migrated, at any time and for any resistance and capacity.
#
# With u = C/C0 in the film (0 < x < 1, impermeable at x = 0), v = K·CF/C0 in the bath,
# Fo = D·t/l², B = h·l/(D·K) and k = K·A·l/V::
#
#     u_t = u_xx,   -u_x(1) = B·(u(1) - v),   v_t = k·B·(u(1) - v)
#
# Separation of variables gives eigenvalues with q²/B - k = q·cot(q), one in each interval
# ((n-1)·π, n·π), and the migrated fraction of what migrates in the end::
#
#     F = 1 - Σ c_n·exp(-q_n²·Fo),   c_n = 2·(1 + k)/(r² + r + q² + 2·k),   r = q²/B - k
#
# whose limits are the series of Crank: B → ∞ a limited volume of solution, k → 0 evaporation at
# the surface, both a plane sheet with a constant surface concentration. At short times the film is
# as good as infinitely thick (to exp(-1/Fo)), and the Laplace transform of F is
# (1 + k)·B/(p·(p + B·√p + k·B)); it is inverted along a Talbot contour, which keeps the
# relative accuracy however small F is and has no special cases, unlike its form in erfc.
#
# References:
# Crank, The Mathematics of Diffusion, 2nd ed., Oxford, 1975, sections 4.3.2 (constant surface
# concentration), 4.3.5 (limited volume) and 4.3.6 (surface evaporation).
# Trefethen, Weideman and Schmelzer, Talbot quadratures and rational approximations,
# BIT Numerical Mathematics 46, 653-670, 2006 (the contour).


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
    return np.asarray(start + (low + high) / 2)


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


# ---- Finite volumes for the film and its bath: second order in space and in time.
#
# The film is cut into equal cells; its face passes through half a cell and the resistance of the
# bath in series, and the bath is one more cell, so that mass is conserved to rounding. Time steps
# are implicit (the L-stable SDIRK method of order 2) and double from block to block, since the
# concentrations change fastest at first.
#
# References:
# Alexander, Diagonally implicit Runge-Kutta methods for stiff O.D.E.'s, SIAM Journal on Numerical
# Analysis 14, 1006-1021, 1977, theorem 5.


# makes the two-stage method of order 2 L-stable (Alexander's theorem 5)
_GAMMA = 1 - math.sqrt(0.5)
# the last block is then 2^40 times as long as the first: more would pass the sixteen digits
_MOST_BLOCKS = 40
# of the time in which a cell responds, (l/cells)²/D: a quarter follows its fastest change
_FIRST_STEP = 0.25


def finite_volume_fraction(fo: float, b: float, k: float, cells: int, steps: int) -> float:
    """Fraction of the equilibrium concentration that the bath has reached.

    Parameters
    ----------
    fo, b, k : float
        As in :func:`migrated_fraction`.
    cells : int
        Number of cells across the film.
    steps : int
        Number of time steps in each block; the blocks double in length.

    Returns
    -------
    float

    Examples
    --------
    >>> finite_volume_fraction(0.1, 5.0, 0.5, cells=200, steps=16)
    0.30606...
    """
    return float(profile_and_history(fo, b, k, cells, steps)[2][-1])


def profile_and_history(
    fo: float, b: float, k: float, cells: int, steps: int
) -> tuple[Array, Array, Array]:
    """Concentrations in the film at the end, and the migrated fraction over time.

    Parameters
    ----------
    fo, b, k, cells, steps
        As in :func:`migrated_fraction`.

    Returns
    -------
    profile : ndarray of shape (cells,)
        Over the first concentration, from the far side to the face.
    times : ndarray of shape (n_times,)
        Fourier numbers, from 0.
    history : ndarray of shape (n_times,)

    Examples
    --------
    >>> profile, times, history = profile_and_history(0.1, 5.0, 0.5, cells=200, steps=16)
    >>> float(history[-1]) == finite_volume_fraction(0.1, 5.0, 0.5, cells=200, steps=16)
    True
    """
    below, diagonal, above = _operator(b, k, cells)
    state = np.append(np.ones(cells), 0.0)
    times, bath = [0.0], [0.0]
    for span in _blocks(fo, cells) if fo > 0 else ():
        step = span / steps
        factors = dgttrf(
            -_GAMMA * step * below, 1 - _GAMMA * step * diagonal, -_GAMMA * step * above
        )[:-1]
        for _ in range(steps):
            first = _slope(factors, below, diagonal, above, state)
            second = _slope(factors, below, diagonal, above, state + (1 - _GAMMA) * step * first)
            state = state + step * ((1 - _GAMMA) * first + _GAMMA * second)
            times.append(times[-1] + step)
            bath.append(float(state[-1]))
    return state[:-1], np.array(times), np.array(bath) * (1 + k)


def _operator(b: float, k: float, cells: int) -> tuple[Array, ...]:
    """Bands of d(state)/dFo; the last state is the amount in the bath, per amount at first."""
    width = 1.0 / cells
    below, above = np.full(cells, width**-2), np.full(cells, width**-2)
    face = 1.0 / (width / 2 + 1.0 / b)
    below[-1], above[-1] = face, face * k / width
    diagonal = np.zeros(cells + 1)
    diagonal[:-2] -= above[:-1]
    diagonal[1:-1] -= below[:-1]
    diagonal[-2] -= face / width
    diagonal[-1] = -face * k
    return below, diagonal, above


def _slope(
    factors: tuple[Array, ...], below: Array, diagonal: Array, above: Array, state: Array
) -> Array:
    rate = diagonal * state
    rate[1:] += below * state[:-1]
    rate[:-1] += above * state[1:]
    return np.asarray(dgttrs(*factors, rate)[0])


def _blocks(fo: float, cells: int) -> list[float]:
    """Lengths of the blocks of time, the first about as long as a cell takes to respond."""
    doublings = math.ceil(math.log2(max(2.0, fo * cells**2 / _FIRST_STEP)))
    doublings = min(doublings, _MOST_BLOCKS)
    first = fo / 2**doublings
    return [first, *(first * 2**i for i in range(doublings))]


# ---- Migration from a film into a bath, by finite volumes in three tiers or by the exact series.


# points of a curve that is kept: what a figure shows of it
_PLACES = 60
# relative, against a numerical inversion of the Laplace transform in 30 digits
_SERIES_ERROR = 1e-9
# a front within half a cell is not resolved, and the difference of two meshes is not an error of it
_CELLS_IN_FRONT = 0.5
# over that of the bath: below it the bath alone decides the flux, whatever the mesh
_RESISTANCE_OF_HALF_CELL = 0.05

_INPUTS = (
    Port("D", "m^2/s", low=1e-30, high=1.0, description="diffusion coefficient in the film"),
    Port("l", "m", low=1e-12, high=1e3, description="thickness of the film, one side in contact"),
    Port("t", "s", low=0.0, high=1e15, description="time of contact"),
    Port("K", "1", low=1e-12, high=1e12, description="C_P/C_F at equilibrium, film over bath"),
    Port("h", "m/s", low=1e-30, high=1e6, description="mass transfer coefficient in the bath"),
    Port("C0", "kg/m^3", low=0.0, high=1e6, description="concentration in the film at first"),
    Port("A", "m^2", low=1e-12, high=1e9, description="area of contact"),
    Port("V", "m^3", low=1e-18, high=1e12, description="volume of the bath"),
)
_OUTPUTS = (
    Port("CF", "kg/m^3", description="concentration in the bath"),
    Port("CF_eq", "kg/m^3", description="its value at equilibrium"),
    Port("fraction", "1", description="CF over CF_eq"),
)


@dataclass(frozen=True)
class Migration:
    """The three groups that decide a run, and the equilibrium concentration.

    Attributes
    ----------
    fo : float
        Fourier number, D·t/l².
    b : float
        Biot number over the partition coefficient, h·l/(D·K).
    k : float
        Capacity of the film over that of the bath, K·A·l/V.
    equilibrium : float
        Concentration in the bath at equilibrium, in the unit of C0.

    Examples
    --------
    >>> Migration.of(D=1e-14, l=1e-4, t=1e6, K=10.0, h=1e-8, C0=1.0, A=0.06, V=1e-3)
    Migration(fo=1.0, b=10.0, k=0.06..., equilibrium=0.00566...)
    """

    fo: float
    b: float
    k: float
    equilibrium: float

    @classmethod
    def of(cls, **values: float) -> "Migration":
        """Groups of the physical inputs, all in SI units."""
        length, area_per_volume = values["l"], values["A"] / values["V"]
        k = values["K"] * area_per_volume * length
        return cls(
            fo=values["D"] * values["t"] / length**2,
            b=values["h"] * length / (values["D"] * values["K"]),
            k=k,
            equilibrium=values["C0"] * area_per_volume * length / (1 + k),
        )

    def record(self, fraction: float, error: float) -> Simulated:
        """Outputs for a migrated fraction and its error."""
        equilibrium = self.equilibrium
        return Simulated(
            {"CF": equilibrium * fraction, "CF_eq": equilibrium, "fraction": fraction},
            {"CF": equilibrium * error, "fraction": error},
            {"groups": {"Fo": self.fo, "Bi/K": self.b, "K*L": self.k}},
        )


class Diffusion(BaseKernel):
    """Migration from a film of thickness l into a well-stirred bath, by finite volumes.

    The film touches the bath on one side. The flux there is h·(C/K - CF): the bath's resistance
    and the partition of the solute between film and bath are in it. Five groups would follow
    from the dimensions; three decide the migrated fraction: D·t/l², h·l/(D·K) and K·A·l/V.
    The numerical error is half the difference to a run with half the cells and half the steps,
    which is 1 to 2 times the true error where at least one cell fits in the diffusion front;
    where less than half a cell does, the run is refused.

    Notes
    -----
    For the exact solution see :class:`DiffusionSeries`.

    Examples
    --------
    >>> film = {"D": 1e-14, "l": 1e-4, "t": 1e5, "K": 10, "h": 1e-8, "C0": 1000, "A": 0.06,
    ...         "V": 1e-3}
    >>> coarse, exact = Diffusion().run(film, tier="coarse"), DiffusionSeries().run(film)
    >>> round(coarse.outputs["CF"][0], 3), round(exact.outputs["CF"][0], 3)
    (1.624, 1.625)
    """

    name, version, physics = "diffusion", "1", "migration"
    inputs = _INPUTS
    outputs: tuple[Port, ...] = _OUTPUTS
    tiers = (
        Tier("coarse", 0.002, {"cells": 50, "steps": 8}),
        Tier("medium", 0.01, {"cells": 200, "steps": 16}),
        Tier("fine", 0.06, {"cells": 600, "steps": 32}),
    )
    packages = ("dimgs", "numpy", "scipy")

    def _simulate(self, values: Values, settings: Settings, seed: int | None) -> Simulated:
        groups = Migration.of(**values)
        cells, steps = settings["cells"], settings["steps"]
        _check_resolved(groups, cells)
        fraction = finite_volume_fraction(groups.fo, groups.b, groups.k, cells, steps)
        half = finite_volume_fraction(groups.fo, groups.b, groups.k, cells // 2, steps // 2)
        return groups.record(fraction, abs(fraction - half) / 2)


class DiffusionCurves(Diffusion):
    """The kernel with the profile in the film and the history of the bath as curves.

    The profile is the concentration over the depth below the face at time `t`, the history the
    concentration in the bath until then.

    Examples
    --------
    >>> film = {"D": 1e-14, "l": 1e-4, "t": 1e4, "K": 1, "h": 1e-3, "C0": 1000, "A": 1e-6, "V": 1}
    >>> run = DiffusionCurves().run(film, tier="coarse")
    >>> front = run.curves["profile"]
    >>> front.along, front.unit, round(run.outputs["profile_max"][0], 3)
    ('m', 'kg/m^3', 1000.0)
    """

    name, version = "diffusion-curves", "1"
    outputs = (*_OUTPUTS, Port("profile_max", "kg/m^3"), Port("profile_mean", "kg/m^3"))

    def _simulate(self, values: Values, settings: Settings, seed: int | None) -> Simulated:
        if not values["t"] > 0:
            raise RunRefusedError("The history is empty at t = 0; give a later time.")
        simulated, groups = super()._simulate(values, settings, seed), Migration.of(**values)
        profile, times, history = profile_and_history(
            groups.fo, groups.b, groups.k, settings["cells"], settings["steps"]
        )
        depth = (1.0 - (np.arange(len(profile)) + 0.5) / len(profile)) * values["l"]
        rows = _spread(depth[::-1])
        front = Curve("x", depth[::-1][rows], values["C0"] * profile[::-1][rows], "m", "kg/m^3")
        rows = _spread(times)
        course = groups.equilibrium * history[rows]
        curves = {
            "profile": front,
            "history": Curve("tau", times[rows] / groups.fo * values["t"], course, "s", "kg/m^3"),
        }
        return replace(simulated, curves=curves)


def _spread(at: Array) -> IntArray:
    """Numbers of places that are spread over the decades of a coordinate."""
    positive = np.flatnonzero(at > 0)
    even = np.geomspace(at[positive[0]], at[-1], _PLACES)
    return np.unique(np.abs(at[:, None] - even).argmin(axis=0))


class DiffusionSeries(BaseKernel):
    """Migration from a film into a bath, by the exact series and its short-time form.

    Inputs, outputs and assumptions are those of :class:`Diffusion`; the relative error is below
    1e-9 at all times and for every resistance and capacity.

    References
    ----------
    Crank, The Mathematics of Diffusion, 2nd ed., Oxford, 1975, chapter 4.

    Examples
    --------
    >>> run = DiffusionSeries().run({"D": 1e-14, "l": 1e-4, "t": 1, "K": 1, "h": 1, "C0": 1,
    ...                              "A": 1e-9, "V": 1})
    >>> run.outputs["fraction"][0]  # 2·√(Fo/π) = 0.00112838
    0.00112837...
    """

    name, version, physics = "diffusion-series", "1", "migration"
    inputs = _INPUTS
    outputs = _OUTPUTS
    tiers = (Tier("series", 0.001),)
    packages = ("dimgs", "numpy")

    def _simulate(self, values: Values, settings: Settings, seed: int | None) -> Simulated:
        groups = Migration.of(**values)
        fraction = migrated_fraction(groups.fo, groups.b, groups.k)
        return groups.record(fraction, _SERIES_ERROR * fraction)


def _check_resolved(groups: Migration, cells: int) -> None:
    front = cells * math.sqrt(groups.fo)
    if 0 < front < _CELLS_IN_FRONT and groups.b / (2 * cells) > _RESISTANCE_OF_HALF_CELL:
        raise RunRefusedError(
            f"At Fo = {groups.fo:.2g} the diffusion front spans {front:.2g} of the {cells} cells; "
            f"take a finer tier, or the kernel 'diffusion-series'."
        )
