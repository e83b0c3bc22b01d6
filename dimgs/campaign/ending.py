"""How a campaign ends, and why the questions to one tier do; words are made of these values."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a campaign ends.

    Examples
    --------
    >>> Outcome.BUDGET, Outcome.BUDGET.words, Outcome.BUDGET.is_answer
    ('budget', 'budget spent', False)
    """

    CONFIRMED = "confirmed"
    PREDICTS = "predicts"
    BUDGET = "budget"
    INCONSISTENT = "inconsistent"
    STOPPED = "stopped"

    @property
    def words(self) -> str:
        """The same in words."""
        return _WORDS[self]

    @property
    def is_answer(self) -> bool:
        """Whether the campaign answers: a confirmed law, or predictions within the tolerance."""
        return self in (Outcome.CONFIRMED, Outcome.PREDICTS)

    def __repr__(self) -> str:
        """As its text."""
        return repr(self.value)


_WORDS = {
    Outcome.CONFIRMED: "law confirmed",
    Outcome.PREDICTS: "predictions within tolerance, no law confirmed",
    Outcome.BUDGET: "budget spent",
    Outcome.INCONSISTENT: "equal groups give different answers",
    Outcome.STOPPED: "no further run helps",
}


class Cause(StrEnum):
    """Why the questions to a tier end without an answer."""

    BUDGET = "budget"
    FINER_RUNS = "finer runs"
    INCONSISTENT = "inconsistent"
    NO_LAW = "no law"


@dataclass(frozen=True)
class Ending:
    """Why the questions to a tier end, and that in words.

    Attributes
    ----------
    cause : Cause
    text : str
        A clause.
    """

    cause: Cause
    text: str
