"""How a campaign ends, and why the questions to one tier do; words are made of these values."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a campaign ends.

    Examples
    --------
    >>> print(Outcome.MET)
    tolerance met
    """

    MET = "tolerance met"
    SPENT = "budget spent"
    STUCK = "no further run helps"

    def __repr__(self) -> str:
        """As the text that it was in version 0.2."""
        return repr(self.value)


class Cause(StrEnum):
    """Why the questions to a tier end without an answer."""

    BUDGET = "budget"
    FINER_RUNS = "finer runs"
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
