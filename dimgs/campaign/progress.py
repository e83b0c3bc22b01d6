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


def shown_by(show: Callable[..., None] | None) -> Listener:
    """Tells a bar how many runs of the finest tier are made; nobody without a bar."""

    def listen(told: Progress) -> None:
        if show is not None:
            finest = list(told.budget)[-1]
            show(told.text, told.runs.get(finest, 0), told.budget[finest])

    return listen
