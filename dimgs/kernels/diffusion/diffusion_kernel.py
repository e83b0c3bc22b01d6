"""Migration from a film into a bath, by finite volumes in three tiers or by the exact series."""

import math
from dataclasses import dataclass, replace

import numpy as np

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import RunRefusedError
from dimgs.kernels.base import BaseKernel, Simulated
from dimgs.kernels.curve import Curve
from dimgs.kernels.diffusion import analytic, volumes
from dimgs.kernels.spec import Port, Settings, Tier, Values

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
        fraction = volumes.migrated_fraction(groups.fo, groups.b, groups.k, cells, steps)
        half = volumes.migrated_fraction(groups.fo, groups.b, groups.k, cells // 2, steps // 2)
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
        profile, times, history = volumes.profile_and_history(
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
        fraction = analytic.migrated_fraction(groups.fo, groups.b, groups.k)
        return groups.record(fraction, _SERIES_ERROR * fraction)


def _check_resolved(groups: Migration, cells: int) -> None:
    front = cells * math.sqrt(groups.fo)
    if 0 < front < _CELLS_IN_FRONT and groups.b / (2 * cells) > _RESISTANCE_OF_HALF_CELL:
        raise RunRefusedError(
            f"At Fo = {groups.fo:.2g} the diffusion front spans {front:.2g} of the {cells} cells; "
            f"take a finer tier, or the kernel 'diffusion-series'."
        )
