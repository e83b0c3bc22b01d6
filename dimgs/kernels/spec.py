"""What a kernel declares: its inputs and outputs with units, and the tiers that it offers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
        """Check the unit and the range."""
        parse_unit(self.unit)
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise InputError(
                f"The range of '{self.name}' runs from {self.low:g} to {self.high:g} {self.unit}; "
                f"give the smaller end first."
            )

    @property
    def parsed(self) -> Unit:
        """The unit, parsed."""
        return parse_unit(self.unit)

    @property
    def is_label(self) -> bool:
        """Whether the values are categories."""
        return self.parsed == LABEL


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
