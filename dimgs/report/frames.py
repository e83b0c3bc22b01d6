"""Results as data frames."""

from typing import TYPE_CHECKING, Any

from dimgs.expression.candidate import Candidate
from dimgs.fits.estimate import Exponent

if TYPE_CHECKING:
    import pandas as pd


class Candidates(tuple[Candidate, ...]):
    """Candidates of a search, in its order.

    Examples
    --------
    >>> import dimgs
    >>> report = dimgs.discover("docs/planets.csv", "T", constants=["G"], engine="power_law")
    >>> report.candidates.to_frame()[["expression", "complexity"]]
      expression  complexity
    0          C           1
    """

    __slots__ = ()

    def to_frame(self) -> "pd.DataFrame":
        """One row a candidate: ``expression``, ``complexity``, ``loss`` and ``engine``."""
        import pandas as pd

        return pd.DataFrame(
            [(str(c), c.complexity, c.loss, c.engine) for c in self],
            columns=["expression", "complexity", "loss", "engine"],
        )


class Front:
    """Field of a frozen dataclass that takes any tuple of candidates and gives Candidates."""

    def __get__(self, owner: Any, kind: type | None = None) -> Candidates:
        """The candidates; those of the class are its default, none."""
        found = None if owner is None else owner.__dict__["_candidates"]
        return Candidates() if found is None else found

    def __set__(self, owner: Any, value: tuple[Candidate, ...]) -> None:
        """Keep them."""
        owner.__dict__["_candidates"] = Candidates(value)


class Exponents(tuple[Exponent, ...]):
    """Exponents with their intervals.

    Examples
    --------
    >>> import dimgs
    >>> report = dimgs.discover("docs/planets.csv", "T", constants=["G"], engine="power_law")
    >>> report.exponents.to_frame()[["value", "rational"]]
              value rational
    variable
    G          -0.5     -1/2
    M          -0.5     -1/2
    a           1.5      3/2
    """

    __slots__ = ()

    def to_frame(self) -> "pd.DataFrame":
        """One row a variable: ``value``, ``low``, ``high`` and ``rational``, exact as text."""
        import pandas as pd

        rows = [(e.value, e.low, e.high, str(e.rational) if e.rational else None) for e in self]
        index = pd.Index([e.name for e in self], name="variable")
        return pd.DataFrame(rows, index, ["value", "low", "high", "rational"])
