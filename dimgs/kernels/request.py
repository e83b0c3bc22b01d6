"""What is asked of a kernel, in the kernel's own units and with its content hash."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RunRequest:
    """A run that has not been made yet.

    Attributes
    ----------
    key : str
        Content hash; the record of the run has the same.
    kernel, tier : str
    inputs : mapping of str to (value, unit)
        Every input, defaults included, in the units that the kernel declares.
    seed : int, optional
    """

    key: str
    kernel: str
    tier: str
    inputs: Mapping[str, tuple[float | str, str]]
    seed: int | None = None
