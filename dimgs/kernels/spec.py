"""What a kernel declares: its inputs and outputs with units, and the tiers that it offers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isnan
from numbers import Real
from typing import Any

from dimgs.errors import InputError
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
        for what, value in (("lower end", self.low), ("upper end", self.high)):
            if value is not None and (not is_number(value) or isnan(value)):
                raise InputError(f"The {what} of '{self.name}' is {value!r:.60}; give a number.")
        self._check_default()
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise InputError(
                f"The range of '{self.name}' runs from {self.low:g} to {self.high:g} {self.unit}; "
                f"give the smaller end first."
            )

    def _check_default(self) -> None:
        value = self.default
        if value is None or (not self.is_label and hasattr(value, "magnitude")):
            return
        if self.is_label != isinstance(value, str) or (not self.is_label and not is_number(value)):
            kind = "text" if self.is_label else f"a number in {self.unit}"
            raise InputError(f"The default of '{self.name}' is {value!r:.60}; give {kind}.")

    @property
    def parsed(self) -> Unit:
        """The unit, parsed."""
        return parse_unit(self.unit)

    @property
    def is_label(self) -> bool:
        """Whether the values are categories."""
        return self.parsed == LABEL


def is_number(value: object) -> bool:
    """Whether this is a real number; true and false are none."""
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
