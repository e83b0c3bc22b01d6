"""What every kernel answers to; a class needs nothing of dimgs to satisfy it but RunRecord."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from dimgs.kernels.record import RunRecord
from dimgs.kernels.spec import Port, Tier


@runtime_checkable
class Kernel(Protocol):
    """A simulator behind a small interface.

    Attributes
    ----------
    name, version : str
    inputs, outputs : tuple of Port
    tiers : tuple of Tier
        From coarse to fine; at least one.
    """

    # read-only here, so that a plain attribute of a narrower type satisfies them
    @property
    def name(self) -> str:
        """Name in plans and records."""
        ...

    @property
    def version(self) -> str:
        """Version or commit of the simulator."""
        ...

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What goes in."""
        ...

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What comes out."""
        ...

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """From coarse to fine."""
        ...

    def run(
        self, inputs: Mapping[str, Any], tier: str | None = None, seed: int | None = None
    ) -> RunRecord:
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
        ...
