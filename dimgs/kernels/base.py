"""Kernels: what they declare, values in their units, keys of runs, a record of every outcome."""

import hashlib
import json
import math
import os
import platform
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from math import inf, isnan
from numbers import Real
from operator import index
from time import perf_counter
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

from dimgs.common.advice import did_you_mean
from dimgs.common.errors import (
    DimgsError,
    InputError,
    ProgramMissingError,
    RunDivergedError,
    RunRefusedError,
)
from dimgs.common.formats import shown
from dimgs.kernels.fingerprint import Digests
from dimgs.kernels.record import (
    Curve,
    Failure,
    RunRecord,
    RunRequest,
    Status,
    one_sentence,
    reduced,
    with_kind,
)
from dimgs.variables import LABEL, Unit, difference_unit, parse_unit
from dimgs.variables.quantities import as_quantity
from dimgs.variables.units import absolute_difference, other_turning

# ---- What a kernel declares: inputs, outputs, tiers; values in these units, and the key of a run.


# ---- Declaration of a kernel (inputs, outputs, tiers), and the protocol of kernels.


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
        if not all(isinstance(text, str) for text in (self.name, self.unit)):
            fault = f"A port is named {self.name!r:.60} and in {self.unit!r:.60}"
            raise InputError(f"{fault}; give both as texts.")
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
            fault = f"The tier '{self.name}' costs {self.cost!r:.60}"
            raise InputError(f"{fault}; give seconds, from 0 up.")


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
Declared = TypeVar("Declared", Port, Tier)
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
        return all_of(declared, Port, f"The ports of the kernel '{kernel}'", "units by name, or")
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
        tiers = all_of(declared, Tier, "The tiers", "settings by name, or")
    if not tiers:
        raise InputError("There is no tier; give at least one, or leave tiers out.")
    return tiers


def all_of(declared: Any, kind: type[Declared], what: str, ways: str) -> tuple[Declared, ...]:
    """A sequence of ports or tiers as a tuple; an error says what may be given instead."""
    if isinstance(declared, Sequence) and all(isinstance(x, kind) for x in declared):
        return tuple(declared)
    raise InputError(f"{what} are {declared!r:.60}; give {ways} {kind.__name__} objects.")


def _tier(name: str, table: Any) -> Tier:
    if not isinstance(table, Mapping):
        remedy = "give a table of its settings"
        raise InputError(f"The tier '{name}' is declared as {table!r:.60}; {remedy}.")
    return Tier(name, table.get("cost", 1.0), {k: v for k, v in table.items() if k != "cost"})


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


# ---- Values of users and of simulations -> numbers in the units of ports, or one sentence why
# not.


# what a port is to its kernel
Role: TypeAlias = Literal["input", "output"]
# relative: what a conversion of units may add to a value at the end of a range
_ROUNDING = 1e-12
# relative: two conversions of one value, offsets of temperatures included, differ by less
_SAME = 1e-9


@dataclass
class Converted:
    """Inputs of a run in the units of the ports, and the first error in them."""

    values: dict[str, Any] = field(default_factory=dict)
    refusal: str = ""
    seed: int | None = None
    configuration: dict[str, Any] = field(default_factory=dict)


def convert_inputs(ports: Sequence[Port], inputs: Values, kernel: str) -> Converted:
    """Values of all ports, with defaults, as far as they can be read.

    Parameters
    ----------
    ports : sequence of Port
        Inputs that the kernel declares.
    inputs : mapping of str to whatever `as_quantity` reads
        Plain numbers are in the unit of the port.
    kernel : str
        Name of the kernel, for messages.

    Returns
    -------
    Converted
        ``refusal`` is empty where every input can be used.

    Examples
    --------
    >>> from dimgs.variables import registry
    >>> ports = (Port("l", "mm", low=0), Port("n", "1", default=2))
    >>> convert_inputs(ports, {"l": registry().Quantity(0.25, "cm")}, "film").values
    {'l': 2.5, 'n': 2.0}
    >>> convert_inputs(ports, {"l": -1}, "film").refusal
    "The input 'l' = -1 mm lies outside the range of 'film', from 0 mm."
    """
    result = Converted()
    names = [p.name for p in ports]
    problems = [_unknown(name, names, kernel) for name in inputs if name not in names]
    given = {p.name: inputs.get(p.name, p.default) for p in ports}
    for port in ports:
        if given[port.name] is None:
            continue
        try:
            result.values[port.name] = port_value(port, given[port.name])
            check_within(port, result.values[port.name], kernel)
        except InputError as error:
            problems.append(str(error))
    missing = [p for p in ports if given[p.name] is None]
    if missing:
        needed = [f"'{p.name}'" + ("" if p.is_label else f" in {p.unit}") for p in missing]
        what, remedy = ("input", "") if len(missing) == 1 else ("inputs", " of each")
        problems.append(f"'{kernel}' needs the {what} {', '.join(needed)}; give a value{remedy}.")
    result.refusal = problems[0] if problems else ""
    return result


def port_value(port: Port, value: Any, role: Role = "input") -> float | str:
    """One value in the unit of its port, of whatever :func:`as_quantity` reads.

    Parameters
    ----------
    port : Port
    value : whatever `as_quantity` reads
    role : {"input", "output"}
        What the port is to the kernel, for messages.

    Raises
    ------
    InputError
        If it is not a finite number of the port's dimension, or no text for a label.
    """
    name = f"The {role} '{port.name}'"
    if port.is_label:
        text = value if isinstance(value, str) else _label(value, name)
        if text is None:
            raise InputError(f"{name} is a label; give text, not {value!r:.60}.")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            hold = f"{name} is the label {text!a:.60}, which no file can hold"
            raise InputError(f"{hold}; give letters of Unicode.") from error
        return text
    quantity = as_quantity(value, name)
    if quantity.is_label:
        raise InputError(f"{name} needs one number in {port.unit}, not '{shown(quantity.value)}'.")
    number = quantity.number(name)
    return number if quantity.unit is None else in_port(port, number, quantity.unit, role)


def _label(value: Any, name: str) -> str | None:
    """Text of a label, which may begin as a number does; None of a number."""
    quantity = as_quantity(value, name)
    return (quantity.value if isinstance(quantity.value, str) else quantity.text) or None


def check_within(port: Port, value: Any, kernel: str) -> None:
    """Refuse a number that lies outside the range of its port."""
    if port.is_label:
        return
    slack = _ROUNDING * abs(value)
    low, high = port.low, port.high
    if (low is None or value >= low - slack) and (high is None or value <= high + slack):
        return
    ends = [] if low is None else [f"from {low:g}"]
    ends += [] if high is None else [f"up to {high:g}"]
    unit = "" if port.parsed.text == "1" else f" {port.unit}"
    fault = f"The input '{port.name}' = {value:g}{unit} lies outside the range of '{kernel}'"
    raise InputError(f"{fault}, {' '.join(ends)}{unit}.")


def in_port(port: Port, number: float, unit: str, role: Role = "input") -> float:
    """A number of some unit in the unit of its port.

    Raises
    ------
    InputError
        As :func:`port_value`.
    """
    source, target = unit_for(port, unit, role), port.parsed
    if (source.factor, source.offset) == (target.factor, target.offset):
        return number
    # the last digits are noise of the conversion: 5e-05 m, not 5.0000000000000004e-05
    converted = float(f"{target.from_si(source.to_si(number)):.15g}")
    if not math.isfinite(converted):
        raise InputError(f"The {role} '{port.name}' is too large in {port.unit}.")
    return converted


def unit_for(port: Port, text: str | None, role: Role = "input") -> Unit:
    """A unit in which a value of a port may be given; that of the port without one."""
    source, target = port.parsed if text is None else parse_unit(text), port.parsed
    is_difference = absolute_difference(port.name, "degC") is not None
    if is_difference and source.offset and not target.offset and target.accepts(source):
        fault = f"is a difference by its name, and '{source.text}' is an absolute temperature"
        remedy = f"give it in '{difference_unit(source.text)}' or K"
        raise InputError(f"The {role} '{port.name}' {fault}; {remedy}.")
    if target.scale == "temperature" and "delta_" in source.text and not is_difference:
        fault = f"is an absolute temperature, but '{source.text}' is a difference"
        raise InputError(f"The {role} '{port.name}' {fault}; give it in K or degC.")
    if not target.accepts(source):
        absolute = source.offset and source.dimension == target.dimension
        what = "difference" if absolute else "dimension"
        given = f"The {role} '{port.name}' is in '{source.text}' (dimension {source.dimension})"
        needed = f"its port is in '{port.unit}' (dimension {target.dimension})"
        raise InputError(f"{given}, but {needed}; give that {what}.")
    if doubt := other_turning(port.name, source, target):
        raise InputError(f"The {role} {doubt}.")
    return source


def _unknown(name: str, names: Sequence[str], kernel: str) -> str:
    known = f"its inputs are {', '.join(map(repr, names)) or 'none'}."
    return f"'{kernel}' has no input '{name}'; {did_you_mean(name, names, known, most=2)}"


def convert_outputs(
    ports: Sequence[Port], outputs: Mapping[str, Any], errors: Mapping[str, Any]
) -> tuple[dict[str, float], dict[str, float]]:
    """Numbers of all outputs and their errors, in the units of the ports.

    An output is not finite where the simulation gave no finite number; an error that is not
    finite is left out.

    Parameters
    ----------
    ports : sequence of Port
        Outputs that the kernel declares.
    outputs : mapping of str to float or pint.Quantity
    errors : mapping of str to float or pint.Quantity

    Raises
    ------
    InputError
        If an output is missing, undeclared or of another dimension, or an error is negative.

    Examples
    --------
    >>> from dimgs.variables import registry
    >>> convert_outputs([Port("t", "s")], {"t": registry().Quantity(2, "min")}, {})
    ({'t': 120.0}, {})
    """
    names = [p.name for p in ports]
    odd = sorted(set(map(str, outputs)) - set(names))
    missing = [n for n in names if n not in outputs]
    if odd or missing:
        what = f"the output '{(odd or missing)[0]}'"
        mismatch = f"gave {what}, which it does not declare" if odd else f"did not give {what}"
        raise InputError(f"The simulation {mismatch}; its outputs are {', '.join(names)}.")
    for other in sorted(set(errors) - set(names)):
        raise InputError(f"The simulation gave an error of '{other}', which is not an output.")
    numbers = {p.name: _output_number(p, outputs[p.name]) for p in ports}
    spreads = {p.name: _spread(p, errors[p.name]) for p in ports if p.name in errors}
    return numbers, {n: e for n, e in spreads.items() if math.isfinite(e)}


def _output_number(port: Port, value: Any) -> float:
    magnitude = getattr(value, "magnitude", value)
    if magnitude is None:
        return math.nan
    if isinstance(magnitude, float | int) and not math.isfinite(magnitude):
        return float(magnitude)
    return float(port_value(port, value, "output"))


def _spread(port: Port, value: Any) -> float:
    """Standard error, a difference: the zero of an offset scale does not enter."""
    unit = port.parsed
    if hasattr(value, "magnitude") and unit.offset:
        port = Port(port.name, difference_unit(port.unit))
    number = _output_number(port, value)
    if number < 0:
        fault = f"The standard error of the output '{port.name}' is {number:g}"
        raise InputError(f"{fault}; it cannot be negative.")
    return number


def holds_inputs(
    inputs: Mapping[str, tuple[Any, str]], asked: Mapping[str, tuple[Any, str]]
) -> bool:
    """Whether inputs contain all requested values, in any units.

    Parameters
    ----------
    inputs, asked : mapping of str to (value, unit)

    Examples
    --------
    >>> holds_inputs({"l": (1.0, "mm"), "n": (2.0, "1")}, {"l": (1e-3, "m")})
    True
    >>> holds_inputs({"l": (1.0, "mm")}, {"l": (666.0, "m")})
    False
    """
    return all(name in inputs and _is_same(inputs[name], each) for name, each in asked.items())


def _is_same(one: tuple[Any, str], other: tuple[Any, str]) -> bool:
    if isinstance(one[0], str) or isinstance(other[0], str):
        return bool(one[0] == other[0])
    units = [parse_unit(unit) for _, unit in (one, other)]
    values = [unit.to_si(float(given[0])) for unit, given in zip(units, (one, other), strict=True)]
    same_dimension: bool = units[0].dimension == units[1].dimension
    return same_dimension and math.isclose(*values, rel_tol=_SAME)


# ---- The key of a run (a content hash), its seed, and its provenance.


# of 16: conversions of units lose the last two or three
_DIGITS = 12


def content_key(
    kernel: str, version: str, tier: str, settings: Settings, inputs: Values, seed: int | None
) -> str:
    """SHA-256 of what determines a run.

    Parameters
    ----------
    kernel, version, tier : str
    settings : mapping
        Of the tier, and of the kernel itself.
    inputs : mapping of str to str
        Canonical texts, as :func:`canonical_inputs` makes them.
    seed : int or None

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    names = ("kernel", "version", "tier", "settings", "inputs", "seed")
    content = dict(zip(names, (kernel, version, tier, settings, inputs, seed), strict=True))
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def run_seed(seed: int, inputs: Mapping[str, str], tier: str, replicate: int = 0) -> int:
    """Seed of one run among many: from 1 to 2^31 - 1, which every generator takes.

    Parameters
    ----------
    seed : int
        Of the whole.
    inputs : mapping of str to str
        Canonical texts, as :func:`canonical_inputs` makes them.
    tier : str
    replicate : int

    Examples
    --------
    >>> seeds = [run_seed(0, {"l": "1.0"}, "fine", r) for r in (0, 1)]
    >>> seeds == [run_seed(0, {"l": "1.0"}, "fine", r) for r in (0, 1)], seeds[0] == seeds[1]
    (True, False)
    """
    text = json.dumps([seed, dict(inputs), tier, replicate], sort_keys=True)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return number % (2**31 - 1) + 1


def canonical_inputs(ports: Sequence[Port], values: Values, inputs: Values) -> dict[str, str]:
    """Inputs as texts that do not depend on the units they were given in.

    Numbers are rounded to 12 digits in coherent SI units, so that the rounding of a conversion
    does not make two runs of one. What could not be converted stands as it was given.

    Examples
    --------
    >>> canonical_inputs([Port("l", "mm")], {"l": 2.3}, {})
    {'l': '0x1.2d77318fc5048p-9'}
    >>> canonical_inputs([Port("l", "m")], {"l": 0.0023}, {})
    {'l': '0x1.2d77318fc5048p-9'}
    """
    texts = {str(n): repr(v)[:200] for n, v in inputs.items() if n not in values}
    for port in ports:
        if port.name in values:
            value = values[port.name]
            texts[port.name] = f"label {value}" if port.is_label else canonical(port, value)
    return texts


def canonical(port: Port, value: float) -> str:
    """Hexadecimal text of a number of a port, rounded to 12 digits in coherent SI units."""
    si = port.parsed.to_si(value)
    return (float(f"{si:.{_DIGITS}g}") + 0.0).hex()


def _plain(value: Any) -> Any:
    """Of a setting that JSON does not know: the plain number behind it, or its text."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    return value.item() if hasattr(value, "item") else str(value)


# limits of threads that the environment may set; the libraries choose where it sets none
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@cache
def package_version(name: str) -> str | None:
    """Version of an installed distribution; None where there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of Python and of the packages that are installed.

    Examples
    --------
    >>> sorted(versions(["numpy", "no-such-package"]))
    ['numpy', 'python']
    """
    installed = {name: package_version(name) for name in packages}
    present = {name: version for name, version in installed.items() if version is not None}
    return {"python": platform.python_version(), **present}


# ---- Base of all kernels: checks of inputs, timing, and a record of every outcome.


@dataclass(frozen=True)
class Simulated:
    """Result of a simulation with errors, curves or provenance beside its outputs.

    Attributes
    ----------
    outputs : mapping of str to float or pint.Quantity
        Plain numbers are in the unit of the output's port.
    errors : mapping of str to float or pint.Quantity
        Standard numerical errors of outputs where known; plain numbers in the unit of the port.
    provenance : mapping
        Added to what every run records.
    curves : mapping of str to Curve
        Kept in the record; outputs named ``CURVE_FEATURE`` ("profile_mean") are made of them.

    Examples
    --------
    >>> Simulated({"CF": 4.5e-3}, errors={"CF": 1e-6}).outputs["CF"]
    0.0045
    """

    outputs: Mapping[str, Any]
    errors: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)


class BaseKernel(ABC):
    """A kernel of which a subclass writes only the simulation itself.

    A subclass sets ``name``, ``version``, ``inputs``, ``outputs`` and ``tiers`` (on the class or
    in its constructor) and implements :meth:`_simulate`. Inside it, raise
    :class:`~dimgs.common.errors.RunRefusedError` for inputs that cannot be treated and
    :class:`~dimgs.common.errors.RunDivergedError` where there is no finite answer;
    :class:`~dimgs.common.errors.RunFailedError` or any other exception makes a failed run.

    Attributes
    ----------
    stochastic : bool
        Whether the seed matters; where it does not, it enters neither record nor key.
    packages : tuple of str
        Distributions whose versions a run records.
    physics : str
        Name of what it computes, where other kernels compute the same from equal inputs.
    cache_version : str, optional
        Declared by who knows that answers stay the same while it does, whatever else changes in
        the program; by default the content of the program decides which runs may be used again.

    Examples
    --------
    >>> class Fall(BaseKernel):
    ...     name, version = "fall", "1"
    ...     inputs = (Port("h", "m", low=0), Port("g", "m/s^2", default=9.81))
    ...     outputs = (Port("t", "s"),)
    ...     def _simulate(self, values, settings, seed):
    ...         return {"t": (2 * values["h"] / values["g"]) ** 0.5}
    >>> record = Fall().run({"h": 20})
    >>> record.status.value, round(record.outputs["t"][0], 3)
    ('ok', 2.019)
    >>> Fall().run({"h": float("nan")}).reason
    "The input 'h' is nan; give a finite number."
    """

    name: str
    version: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    tiers: tuple[Tier, ...] = ONE_TIER
    stochastic: bool = False
    packages: ClassVar[tuple[str, ...]] = ("dimgs", "numpy")
    physics: ClassVar[str] = ""
    cache_version: str | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        """Check what a class declares as soon as it is defined."""
        super().__init_subclass__(**options)
        declared = (getattr(cls, n, ()) for n in ("inputs", "outputs", "tiers"))
        ports_in, ports_out, tiers = ((d if isinstance(d, tuple) else ()) for d in declared)
        _check_declared(str(getattr(cls, "name", cls.__name__)), ports_in, ports_out, tiers)

    @abstractmethod
    def _simulate(
        self, values: Values, settings: Settings, seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        """Run the simulation.

        Parameters
        ----------
        values : mapping of str to float or str
            Every input, in the unit of its port.
        settings : mapping
            Of the tier.
        seed : int or None

        Returns
        -------
        mapping of str to float or pint.Quantity, or Simulated
            A value for each declared output.
        """

    def _configuration(self) -> Mapping[str, Any]:
        """Further settings that determine the outputs (templates, options); part of the key."""
        return {}

    def _program(self, values: Values, settings: Settings, seed: int | None) -> Digests:
        """Content hashes of the programs and files that a run uses, by name; part of its key."""
        return {}

    def _declare(self, name: str, version: str, inputs: Any, outputs: Any, tiers: Any) -> None:
        """Set what the kernel declares, from whatever `ports_of` and `tiers_of` read."""
        self.name, self.version = name, version
        self.inputs, self.outputs = ports_of(inputs, name), ports_of(outputs, name)
        self.tiers = tiers_of(tiers)
        _check_declared(name, self.inputs, self.outputs, self.tiers)
        if not self.outputs:
            raise InputError(f"The kernel '{name}' declares no output; give at least one.")

    def tier(self, name: str | None = None) -> Tier:
        """Tier of that name; the finest by default.

        Raises
        ------
        InputError
            If there is no such tier.
        """
        if name is None:
            return self.tiers[-1]
        for tier in self.tiers:
            if tier.name == name:
                return tier
        names = [t.name for t in self.tiers]
        remedy = did_you_mean(name, names, f"its tiers are {', '.join(names)}.")
        raise InputError(f"'{self.name}' has no tier '{name}'; {remedy}")

    def request(
        self, inputs: Values, tier: str | None = None, seed: int | None = None
    ) -> RunRequest:
        """A run as it would be recorded, without running it.

        Raises
        ------
        InputError
            If the tier is unknown or :meth:`run` would refuse the inputs.
        """
        level = self.tier(tier)
        converted = self._converted(inputs, level, seed)
        if converted.refusal:
            raise InputError(converted.refusal)
        return self._request(converted, inputs, level)

    def key(self, inputs: Values, tier: str | None = None, seed: int | None = None) -> str:
        """Content hash of a run, without running it; the key of its record.

        Raises
        ------
        InputError
            If the tier is unknown or :meth:`run` would refuse the inputs.
        """
        return self.request(inputs, tier, seed).key

    def run(self, inputs: Values, tier: str | None = None, seed: int | None = None) -> RunRecord:
        """Run once; every ending is a record, never an exception.

        Parameters
        ----------
        inputs : mapping of str to pint.Quantity, float or str
            Plain numbers are in the unit that the port declares.
        tier : str, optional
            Name of a tier; the finest by default.
        seed : int, optional
            For stochastic kernels.

        Returns
        -------
        RunRecord
        """
        start = perf_counter()
        try:
            level, unknown = self.tier(tier), ""
        except InputError as error:
            level, unknown = Tier(str(tier), 0.0), str(error)
        converted = self._converted(inputs, level, seed)
        converted.refusal = converted.refusal or unknown
        asked = self._request(converted, inputs, level)
        status, reason, simulated = Status.REFUSED, converted.refusal, Simulated({})
        if not reason:
            status, reason, simulated = self._outcome(converted, level.settings)
        return RunRecord(
            **vars(asked),
            outputs=_with_units(self.outputs, simulated.outputs),
            status=status,
            reason=reason,
            wall_seconds=perf_counter() - start,
            errors=simulated.errors,
            provenance={
                "kernel": self.name,
                **self._key_parts(converted, level.settings),
                "versions": versions(self.packages),
                "threads": {name: os.environ[name] for name in THREADS if name in os.environ},
                **simulated.provenance,
            },
        )

    def determined(self, inputs: Values, tier: str | None = None) -> dict[str, Any]:
        """Settings that determine a run beside its inputs, without running it.

        Raises
        ------
        InputError
            If the tier is unknown.
        """
        level = self.tier(tier)
        return self._key_parts(self._converted(inputs, level, None), level.settings)

    def _key_parts(self, converted: Converted, settings: Settings) -> dict[str, Any]:
        declared = {} if self.cache_version is None else {"cache_version": self.cache_version}
        parts = {"version": self.version, "settings": dict(settings)}
        return {**parts, "configuration": converted.configuration, **declared}

    def _converted(self, inputs: Values, tier: Tier, seed: int | None) -> Converted:
        converted = convert_inputs(self.inputs, inputs, self.name)
        try:
            converted.seed = None if seed is None or not self.stochastic else index(seed)
        except TypeError:
            refusal = f"The seed of '{self.name}' is {seed!r:.60}; give a whole number."
            converted.refusal = converted.refusal or refusal
        try:
            converted.configuration = dict(self._configuration())
        except Exception as error:
            converted.refusal = converted.refusal or one_sentence(error)
        if not converted.refusal:
            # where it refuses, so will the run itself
            with suppress(RunRefusedError, KeyError):
                program = dict(self._program(converted.values, tier.settings, converted.seed))
                converted.configuration |= {"program": program} if program else {}
        return converted

    def _request(self, converted: Converted, inputs: Values, tier: Tier) -> RunRequest:
        every = {"tier": dict(tier.settings), "kernel": converted.configuration}
        texts = canonical_inputs(self.inputs, converted.values, inputs)
        key = content_key(self.name, self.version, tier.name, every, texts, converted.seed)
        given = _with_units(self.inputs, converted.values)
        return RunRequest(key, self.name, tier.name, given, converted.seed)

    def _outcome(self, converted: Converted, settings: Settings) -> tuple[Status, str, Simulated]:
        try:
            simulated = self._simulate(dict(converted.values), settings, converted.seed)
            simulated = simulated if isinstance(simulated, Simulated) else Simulated(simulated)
            outputs = reduced(simulated.curves, simulated.outputs, {p.name for p in self.outputs})
            numbers, errors = convert_outputs(self.outputs, outputs, simulated.errors)
        except (Exception, SystemExit) as error:
            return _ended_by(error)
        bad = [n for n, value in numbers.items() if not math.isfinite(value)]
        if bad:
            reason = f"The output '{bad[0]}' is {numbers[bad[0]]}; the simulation diverged."
            return Status.DIVERGED, reason, Simulated({}, {}, simulated.provenance)
        curves = {n: c.to_json() for n, c in simulated.curves.items()}
        more = {"curves": curves} if curves else {}
        return Status.OK, "", Simulated(numbers, errors, {**simulated.provenance, **more})


def _with_units(ports: Sequence[Port], values: Values) -> dict[str, tuple[Any, str]]:
    return {p.name: (values[p.name], p.unit) for p in ports if p.name in values}


def _ended_by(error: BaseException) -> tuple[Status, str, Simulated]:
    """Status of a run that raised an error, why, and what is known of the failure."""
    diverged = (RunDivergedError, FloatingPointError, OverflowError)
    known: Mapping[str, Any] = getattr(error, "provenance", {})
    if isinstance(error, ProgramMissingError | MemoryError):
        is_program = isinstance(error, ProgramMissingError)
        known = {"failure": Failure.PROGRAM if is_program else Failure.MEMORY}
    status = Status.DIVERGED if isinstance(error, diverged) else Status.FAILED
    status = Status.REFUSED if isinstance(error, RunRefusedError) else status
    is_clear = isinstance(error, (DimgsError, *diverged))
    return status, one_sentence(error) if is_clear else with_kind(error), Simulated({}, {}, known)


def _check_declared(
    name: str, inputs: Sequence[Port], outputs: Sequence[Port], tiers: Sequence[Tier]
) -> None:
    """Check that names are unique and that outputs are numbers.

    Raises
    ------
    InputError
    """
    every = [p.name for p in (*inputs, *outputs)]
    twice = sorted({n for n in every if every.count(n) > 1})
    if twice:
        raise InputError(f"The kernel '{name}' declares '{twice[0]}' twice; rename one of them.")
    labels = [p.name for p in outputs if p.is_label]
    if labels:
        raise InputError(f"The output '{labels[0]}' of '{name}' is a label; declare a unit.")
    levels = [t.name for t in tiers]
    if len(set(levels)) < len(levels):
        raise InputError(f"Two tiers of the kernel '{name}' have one name; rename one of them.")
