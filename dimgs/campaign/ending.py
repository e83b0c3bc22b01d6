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

    words: str

    def __new__(cls, value: str, words: str) -> "Outcome":
        """The member of a value; `words` are the same in a clause."""
        member = str.__new__(cls, value)
        member._value_, member.words = value, words
        return member

    CONFIRMED = "confirmed", "law confirmed"
    PREDICTS = "predicts", "predictions within tolerance, no law confirmed"
    BUDGET = "budget", "budget spent"
    INCONSISTENT = "inconsistent", "equal groups give different answers"
    STOPPED = "stopped", "no further run helps"

    @property
    def is_answer(self) -> bool:
        """Whether the campaign answers: a confirmed law, or predictions within the tolerance."""
        return self in (Outcome.CONFIRMED, Outcome.PREDICTS)

    def __repr__(self) -> str:
        """As its text."""
        return repr(self.value)


@dataclass(frozen=True)
class Ending:
    """Why the questions to a tier end, and that in words.

    Attributes
    ----------
    outcome : Outcome
        Of a campaign that ends with it.
    text : str
        A clause.
    """

    outcome: Outcome
    text: str
