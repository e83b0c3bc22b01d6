"""Any LAMMPS deck with fields as a kernel: physical inputs in, physical outputs out."""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dimgs.common.errors import InputError, RunFailedError
from dimgs.common.formats import read_text
from dimgs.kernels.base import BaseKernel, Simulated
from dimgs.kernels.command import Template
from dimgs.kernels.fingerprint import Digests
from dimgs.kernels.lammps.lammps_program import find_lammps, version_of
from dimgs.kernels.lammps.scales import Scales, Style
from dimgs.kernels.spec import Port, Settings, Tier, Values
from dimgs.variables import to_pint

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
            names = ", ".join(sorted(fields))
            raise InputError(
                f"{{{{{unknown[0]}}}}} in {template.where} is not a known field; use {names}."
            )
        return template.fill(fields)

    def _simulate(self, values: Values, settings: Settings, seed: int | None) -> Simulated:
        scales = self._scales(values)
        fields = self._fields(values, settings, scales)
        program = find_lammps(self.program)
        results: list[dict[str, float]] = []
        printed = ""
        for seeds in _seeds(seed, int(settings.get("replicas", 1))):
            filled = {**fields, **seeds}
            with tempfile.TemporaryDirectory(prefix="dimgs-lammps-") as folder:
                printed = program.run(
                    self._text(filled), self._files(filled), Path(folder), self.timeout
                )
            results.append(self._read(printed, scales))
        return Simulated(
            {p.name: float(np.mean([r[p.name] for r in results])) for p in self.outputs},
            {p.name: _between([r[p.name] for r in results]) for p in self.outputs},
            {
                "lammps": version_of(printed),
                "replicas": results,
                "deck": {k: v for k, v in fields.items() if isinstance(v, str | int | float)},
            },
        )

    def _read(self, printed: str, scales: Scales) -> dict[str, float]:
        """Outputs that a deck printed, in the units of their ports."""
        printed_values = dict(_PRINTED.findall(printed))
        missing = [p.name for p in self.outputs if p.name not in printed_values]
        if missing:
            raise RunFailedError(
                f"The deck did not print 'dimgs {missing[0]} VALUE'; add that line to it."
            )
        return {p.name: scales.in_unit(float(printed_values[p.name]), p.unit) for p in self.outputs}


def _seeds(seed: int | None, replicas: int) -> list[dict[str, int]]:
    """Seeds of every replica; a run with more replicas keeps those of one with fewer."""
    states = [np.random.SeedSequence([abs(seed or 0), i]) for i in range(replicas)]
    numbers = [s.generate_state(2) % _LARGEST_SEED + 1 for s in states]
    return [{"seed": int(a), "bath_seed": int(b)} for a, b in numbers]


def _between(values: list[float]) -> float:
    """Standard error between seeds; unknown from a single one."""
    if len(values) < 2:
        return float("nan")
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))
