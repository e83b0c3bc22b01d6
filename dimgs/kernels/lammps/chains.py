"""Bead-spring chains in an implicit solvent: phantom ones, and ones with excluded volume."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from math import ceil, pi, sin, sqrt
from typing import Any, ClassVar

import numpy as np

from dimgs.common.errors import RunRefusedError
from dimgs.kernels.lammps.lammps_kernel import LammpsKernel
from dimgs.kernels.lammps.scales import BOLTZMANN, Scales
from dimgs.kernels.spec import Port, Settings, Tier, Values

# ten for each of the 40 relaxation times of the middle tier: more are not independent
_SAMPLES = 400
# measured: correlation times of Rg^2 of 11 to 26 N steps for chains of 8 to 64 beads
_STEPS_PER_BEAD = 20
_LENGTH = Port("N", "1", 2, 256, 16, "beads of a chain")
_TEMPERATURE = Port("T", "K", 1, 5000, 300, "temperature of the bath")
_SPRING = Port("K", "mN/m", 1e-4, 1e5, 10, "of a bond's energy K r^2")
_BEAD = (
    Port("sigma", "nm", 1e-2, 1e3, 1, "diameter of a bead"),
    Port("epsilon", "zJ", 1e-2, 1e3, 4, "energy of repulsion at contact"),
    Port("mass", "amu", 1e-1, 1e9, 100, "of a bead"),
)
_SIZE = (Port("Rg2", "nm^2", description="mean square radius of gyration"),)


def _tiers(costs: tuple[float, float, float]) -> tuple[Tier, ...]:
    """Equilibration and sampling are counted in relaxation times of the whole chain."""
    sizes = ((16, 3, 10, 20), (32, 4, 12, 40), (64, 8, 12, 80))
    names, settings = ("coarse", "medium", "fine"), ("chains", "replicas", "relaxing", "sampling")
    return tuple(
        Tier(name, cost, dict(zip(settings, size, strict=True)))
        for name, cost, size in zip(names, costs, sizes, strict=True)
    )


class _Chains(LammpsKernel):
    """Base of both kinds of chains: their placement, and steps counted in relaxations."""

    known_as: ClassVar[str]
    template_name: ClassVar[str]
    costs: ClassVar[tuple[float, float, float]]
    springs: ClassVar[tuple[Port, ...]] = ()

    def __init__(self, **options: Any) -> None:
        inputs = (_LENGTH, _TEMPERATURE, *self.springs, *_BEAD)
        text, tiers = template_text(f"{self.template_name}.in"), _tiers(self.costs)
        super().__init__(text, inputs, _SIZE, tiers, **{"name": self.known_as, **options})

    def _steps(self, settings: Settings, per_relaxation: float) -> dict[str, int]:
        """Numbers of steps; the samples of a run are spread over it evenly."""
        sampled = max(1.0, settings["sampling"] * per_relaxation)
        every = max(1, int(sampled / _SAMPLES))
        samples = ceil(sampled / every)
        return {
            "equilibration": ceil(settings["relaxing"] * per_relaxation),
            "every": every,
            "samples": samples,
            "steps": every * samples,
        }

    def _files(self, fields: Mapping[str, Any]) -> dict[str, str]:
        sizes = (fields[name] for name in ("bond", "edge", "mass"))
        return {"chains.data": chain_data(int(fields["N"]), int(fields["chains"]), *sizes)}


class PhantomChains(_Chains):
    """Chains whose beads feel nothing but their springs of energy K r²: Rg² = (N²-1)/N kT/(4K).

    The bath's friction is chosen so that the chain as a whole relaxes fastest; averages at
    equilibrium do not depend on it. σ, ε and m are units only: nothing depends on them.

    Parameters
    ----------
    units : {"lj", "real"}
    program : path-like, optional
    timeout : float

    References
    ----------
    P. E. Rouse, J. Chem. Phys. 21 (1953) 1272. M. Rubinstein, R. H. Colby, Polymer Physics (2003),
    sections 2.4 and 8.4.
    """

    known_as, template_name, costs = "lammps-phantom", "phantom_chains", (1.0, 4.0, 30.0)
    springs = (_SPRING,)

    def _fields(self, values: Values, settings: Settings, scales: Scales) -> dict[str, Any]:
        fields = super()._fields(values, settings, scales)
        beads = fields["N"] = whole(values["N"], "N")
        mass = fields["mass"] * scales.mass
        spring = fields["K"] * scales.energy / scales.length**2
        fastest = sqrt(8.0 * spring / mass)
        slowest = fastest * sin(pi / (2 * beads))
        stretch = sqrt(BOLTZMANN * values["T"] / spring) / scales.length
        step = 0.2 / fastest
        return {
            **fields,
            **self._steps(settings, 1.0 / (slowest * step)),
            "dt": step / scales.time,
            "damp": 1.0 / (2.0 * slowest) / scales.time,
            "bond": 0.5 * stretch,
            "edge": 200.0 * stretch,
            "reach": 20.0 * stretch,
            "skin": stretch,
        }


class ExcludedVolumeChains(_Chains):
    """Chains of repulsive beads on FENE bonds, each alone in a good solvent: Rg² ~ (N-1)^(2ν).

    The limit of long chains is ν = 0.588; short ones are above it.

    Parameters
    ----------
    units : {"lj", "real"}
    program : path-like, optional
    timeout : float

    References
    ----------
    K. Kremer, G. S. Grest, J. Chem. Phys. 92 (1990) 5057, section II. J. C. Le Guillou,
    J. Zinn-Justin, Phys. Rev. Lett. 39 (1977) 95, for ν.
    """

    known_as, template_name = "lammps-excluded-volume", "excluded_volume_chains"
    costs = (3.0, 15.0, 120.0)

    def _fields(self, values: Values, settings: Settings, scales: Scales) -> dict[str, Any]:
        fields = super()._fields(values, settings, scales)
        beads = fields["N"] = whole(values["N"], "N")
        sigma, epsilon = fields["sigma"], fields["epsilon"]
        heat = BOLTZMANN * values["T"] / (epsilon * scales.energy)
        if not 0.2 <= heat <= 5.0:
            limits = "these bonds hold between 0.2 and 5: change T or epsilon"
            raise RunRefusedError(f"kT/epsilon is {heat:.3g}; {limits}.")
        inertia = fields["mass"] * scales.mass / (epsilon * scales.energy)
        natural = sigma * scales.length * sqrt(inertia)
        step = 0.01 * natural / max(1.0, sqrt(heat))
        return {
            **fields,
            **self._steps(settings, _STEPS_PER_BEAD * beads),
            "K": 30.0 * epsilon / sigma**2,
            "R0": 1.5 * sigma,
            "cutoff": 2.0 ** (1.0 / 6.0) * sigma,
            "dt": step / scales.time,
            "damp": 10.0 * natural / scales.time,
            "bond": 0.97 * sigma,
            # a stretched chain must not meet its own image
            "edge": (0.8 * beads + 12.0) * sigma,
            "skin": 0.5 * sigma,
        }


def chain_data(beads: int, chains: int, bond: float, edge: float, mass: float) -> str:
    """LAMMPS data file of zigzag chains on a cubic grid in a periodic box.

    Parameters
    ----------
    beads, chains : int
    bond, edge : float
        Distance of neighbours in a chain, and the edge of the box.
    mass : float
        Of a bead.

    Examples
    --------
    >>> print(chain_data(2, 1, 1.0, 8.0, 1.0).splitlines()[2])
    2 atoms
    """
    side = ceil(chains ** (1.0 / 3.0) - 1e-9)
    grid = np.stack(np.unravel_index(np.arange(chains), (side,) * 3), axis=1)
    index = np.arange(beads)
    chain = np.stack([0.6 * bond * (index % 2), 0.0 * index, 0.8 * bond * index], axis=1)
    atoms = ((grid + 0.5) * edge / side)[:, None, :] + (chain - chain.mean(axis=0))
    lines = [
        "Chains",
        "",
        f"{beads * chains} atoms",
        f"{(beads - 1) * chains} bonds",
        "1 atom types",
        "1 bond types",
        "",
        *(f"0 {edge:.10g} {a}lo {a}hi" for a in "xyz"),
        "",
        "Masses",
        "",
        f"1 {mass:.10g}",
        "",
        "Atoms # bond",
        "",
    ]
    places = atoms.reshape(-1, 3)
    lines += [
        f"{i + 1} {i // beads + 1} 1 {x:.8g} {y:.8g} {z:.8g}" for i, (x, y, z) in enumerate(places)
    ]
    first = [c * beads + i + 1 for c in range(chains) for i in range(beads - 1)]
    lines += ["", "Bonds", "", *(f"{k + 1} 1 {a} {a + 1}" for k, a in enumerate(first))]
    return "\n".join(lines) + "\n"


@cache
def template_text(name: str, package: str = "dimgs.kernels.lammps") -> str:
    """A deck that comes with a package of dimgs."""
    return (files(package) / "templates" / name).read_text(encoding="utf-8")


def whole(value: float, name: str) -> int:
    """A count as an integer.

    Raises
    ------
    RunRefusedError
        If it is none.
    """
    if value != round(value):
        raise RunRefusedError(f"{name} is {value:g}; give a whole number.")
    return round(value)
