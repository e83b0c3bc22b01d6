"""What a campaign reports while it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """The state of a campaign.

    Attributes
    ----------
    phase : str
        "start", "ask", "points" or "done".
    runs, budget : mapping of str to int
        Runs so far and at most, by tier.
    failed : int
        Runs without an answer.
    regimes : int
    worst : float
        Widest half-width over its tolerance; infinite while unknown.
    text : str
        The last decision.
    """

    phase: str
    runs: Mapping[str, int]
    budget: Mapping[str, int]
    failed: int
    regimes: int
    worst: float
    text: str


Listener = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Tell nobody."""
