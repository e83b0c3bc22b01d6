"""Declaration of a kernel (inputs, outputs, tiers), and the protocol of kernels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan
from numbers import Real
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from dimgs.common.errors import InputError
from dimgs.kernels.record import RunRecord
from dimgs.variables import LABEL, Unit, parse_unit


@dataclass(frozen=True)
class Port:
    """An input or an output of a kernel.

    Attributes
    ----------
    name : str
    unit : str
        Unit in the notation of tables; "label" for a categorical input.
    low, high : float, optional
        Range in ``unit`` within which the kernel is meant to be used.
    default : float or str, optional
        Value in ``unit`` that an input takes when it is not given.
    description : str

    Examples
    --------
    >>> Port("l", "µm", low=1.0, high=1000.0, default=100.0).default
    100.0
    """

    name: str
    unit: str
    low: float | None = None
    high: float | None = None
    default: float | str | None = None
    description: str = ""

    def __post_init__(self) -> None:
        """Check the unit, the range and the default."""
        if not isinstance(self.name, str) or not isinstance(self.unit, str):
            raise InputError(
                f"A port is named {self.name!r:.60} and in {self.unit!r:.60}; give both as texts."
            )
        parse_unit(self.unit)
        for what, end in (("lower end", self.low), ("upper end", self.high)):
            if end is not None and (not is_number(end) or isnan(end)):
                raise InputError(f"The {what} of '{self.name}' is {end!r:.60}; give a number.")
        value = self.default
        fits = isinstance(value, str) if self.is_label else is_number(value)
        # a quantity is converted where it is used
        if value is not None and not (fits or (not self.is_label and hasattr(value, "magnitude"))):
            kind = "text" if self.is_label else f"a number in {self.unit}"
            raise InputError(f"The default of '{self.name}' is {value!r:.60}; give {kind}.")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            ends = f"from {self.low:g} to {self.high:g} {self.unit}"
            raise InputError(f"The range of '{self.name}' runs {ends}; give the smaller end first.")

    @property
    def parsed(self) -> Unit:
        """The unit, parsed."""
        return parse_unit(self.unit)

    @property
    def is_label(self) -> bool:
        """Whether the values are categories."""
        return self.parsed == LABEL


def is_number(value: object) -> bool:
    """Whether this is a real number; true and false are not."""
    return isinstance(value, Real) and not isinstance(value, bool)


@dataclass(frozen=True)
class Tier:
    """A level of effort that a kernel offers, from coarse to fine.

    Attributes
    ----------
    name : str
    cost : float
        Rough wall time of one run, in seconds.
    settings : mapping
        What distinguishes it: mesh, tolerance, number of seeds.

    Examples
    --------
    >>> Tier("coarse", cost=0.1, settings={"cells": 20}).settings["cells"]
    20
    """

    name: str
    cost: float
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the cost."""
        if not is_number(self.cost) or not 0 <= self.cost < inf:
            raise InputError(
                f"The tier '{self.name}' costs {self.cost!r:.60}; give seconds, from 0 up."
            )


# of kernels that declare no tiers, whose texts do not name it
UNNAMED = "only"
ONE_TIER = (Tier(UNNAMED, 1.0),)


def of_tier(name: str) -> str:
    """Name of a tier before "run"; nothing for the tier of kernels that declare none.

    Examples
    --------
    >>> of_tier("fine"), of_tier("only")
    ('fine ', '')
    """
    return "" if name == UNNAMED else f"{name} "


# what runs take, by the names of inputs, and what tiers set, by the names of settings
Values: TypeAlias = Mapping[str, Any]
Settings: TypeAlias = Mapping[str, Any]
_Declared = TypeVar("_Declared", Port, Tier)
_PORT_FIELDS = ("unit", "low", "high", "default", "description")


def ports_of(declared: Mapping[str, Any] | Sequence[Port], kernel: str) -> tuple[Port, ...]:
    """Ports from ``{"D": "m^2/s"}``, ``{"D": {"unit": "m^2/s", "low": 0}}``, or ports.

    Raises
    ------
    InputError
        If a port cannot be read.

    Examples
    --------
    >>> ports_of({"D": "m^2/s", "n": {"unit": "1", "default": 3}}, "film")[1].default
    3
    """
    if not isinstance(declared, Mapping):
        return _all_of(declared, Port, f"The ports of the kernel '{kernel}'", "units by name")
    return tuple(_port(name, table, kernel) for name, table in declared.items())


def tiers_of(
    declared: Mapping[str, Mapping[str, Any]] | Sequence[Tier] | None,
) -> tuple[Tier, ...]:
    """Tiers from ``{"coarse": {"cost": 0.1, "cells": 50}, …}``, coarse to fine, or tiers.

    Without any declaration there is one.

    Raises
    ------
    InputError
        If there is none, or one cannot be read.

    Examples
    --------
    >>> tiers_of({"coarse": {"cost": 0.1, "cells": 50}})
    (Tier(name='coarse', cost=0.1, settings={'cells': 50}),)
    """
    if declared is None:
        return ONE_TIER
    if isinstance(declared, Mapping):
        tiers = tuple(_tier(name, table) for name, table in declared.items())
    else:
        tiers = _all_of(declared, Tier, "The tiers", "settings by name")
    if not tiers:
        raise InputError("There is no tier; give at least one, or leave tiers out.")
    return tiers


def _all_of(declared: Any, kind: type[_Declared], what: str, short: str) -> tuple[_Declared, ...]:
    if isinstance(declared, Sequence) and all(isinstance(x, kind) for x in declared):
        return tuple(declared)
    raise InputError(f"{what} are {declared!r:.60}; give {short}, or {kind.__name__} objects.")


def _tier(name: str, table: Any) -> Tier:
    if not isinstance(table, Mapping):
        raise InputError(
            f"The tier '{name}' is declared as {table!r:.60}; give a table of its settings."
        )
    cost = table.get("cost", 1.0)
    return Tier(name, cost, {k: v for k, v in table.items() if k != "cost"})


def _port(name: str, declaration: Any, kernel: str) -> Port:
    if isinstance(declaration, Port):
        return declaration
    if isinstance(declaration, str):
        return Port(name, declaration)
    if isinstance(declaration, Mapping) and "unit" in declaration:
        odd = sorted(set(declaration) - set(_PORT_FIELDS))
        if not odd:
            return Port(name, **declaration)
        known = f"it may have {', '.join(_PORT_FIELDS)}"
        raise InputError(f"'{name}' of the kernel '{kernel}' has no '{odd[0]}'; {known}.")
    fault = f"'{name}' of the kernel '{kernel}' is declared as {declaration!r:.60}"
    remedy = "give its unit as a text ('m^2/s', '1', 'label') or a table with a unit"
    raise InputError(f"{fault}; {remedy}.")


@runtime_checkable
class Kernel(Protocol):
    """A simulator behind a small interface.

    Attributes
    ----------
    name, version : str
    inputs, outputs : tuple of Port
    tiers : tuple of Tier
        From coarse to fine; at least one.

    Examples
    --------
    >>> from dimgs.kernels import load
    >>> film = load("diffusion")
    >>> film.name, [port.name for port in film.outputs], [tier.name for tier in film.tiers]
    ('diffusion', ['CF', 'CF_eq', 'fraction'], ['coarse', 'medium', 'fine'])
    """

    # read-only here, so that a plain attribute of a narrower type satisfies them
    @property
    def name(self) -> str:
        """Name in plans and records."""

    @property
    def version(self) -> str:
        """Version or commit of the simulator."""

    @property
    def inputs(self) -> tuple[Port, ...]:
        """Ports of the inputs."""

    @property
    def outputs(self) -> tuple[Port, ...]:
        """Ports of the outputs."""

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """From coarse to fine."""

    def run(self, inputs: Values, tier: str | None = None, seed: int | None = None) -> RunRecord:
        """Run once.

        Parameters
        ----------
        inputs : mapping of str to pint.Quantity, float or str
            Plain numbers are in the unit that the port declares.
        tier : str, optional
            Name of a tier; the finest by default.
        seed : int, optional
            For kernels that draw random numbers.

        Returns
        -------
        RunRecord
            A run that fails, diverges or is refused is a record too, never an exception.
        """
