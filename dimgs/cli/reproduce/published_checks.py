"""Checks of a case study: found numbers and statements against published ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dimgs.common.errors import DimgsError
from dimgs.common.formats import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dimgs.report.results import Report


# colour-blind safe (M. Okabe, K. Ito, Color Universal Design, 2008)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#666666"
_SIZE = (5.6, 3.6)  # inches


class DataUnavailable(DimgsError):
    """The data of a study are not available; the message has the cause and the remedy."""


class Estimated(Protocol):
    """An estimate with its interval, such as a fitted exponent or a constant of a law."""

    @property
    def value(self) -> float:
        """Estimate."""

    @property
    def low(self) -> float | None:
        """Lower end of its interval."""

    @property
    def high(self) -> float | None:
        """Upper end of its interval."""


@dataclass(frozen=True)
class Check:
    """A number found by a study against the published one.

    Parameters
    ----------
    name : str
        What the number is, such as ``"exponent of Re"``.
    found : float
    low, high : float or None
        Interval of what was found (at 90 % unless the study says otherwise); None where it has
        none.
    published : float
    tolerance : float
        Largest accepted |found - published|, over |published| if `relative`; `NOT_JUDGED` where
        the difference is reported and explained, and decides nothing.
    relative : bool
    unit : str
    why : str
        Why the tolerance is what it is.

    Examples
    --------
    >>> check = Check("exponent", 0.498, 0.49, 0.51, 0.5, 0.01)
    >>> check.passed, check.found_text
    (True, 'exponent 0.498 [0.49, 0.51]')
    """

    name: str
    found: float
    low: float | None
    high: float | None
    published: float
    tolerance: float
    relative: bool = False
    unit: str = ""
    why: str = ""

    @classmethod
    def of(
        cls,
        name: str,
        estimate: Estimated,
        published: float,
        tolerance: float,
        *,
        relative: bool = False,
        unit: str = "",
        why: str = "",
    ) -> "Check":
        """Check of an estimate that carries its interval."""
        low, high = estimate.low, estimate.high
        return cls(name, estimate.value, low, high, published, tolerance, relative, unit, why)

    @property
    def passed(self) -> bool:
        """Whether the published number is met within the tolerance."""
        limit = self.tolerance * (abs(self.published) if self.relative else 1.0)
        return abs(self.found - self.published) <= limit

    @property
    def found_text(self) -> str:
        """Name, number, interval and unit."""
        has_interval = self.low is not None and self.high is not None
        interval = f" [{self.low:.5g}, {self.high:.5g}]" if has_interval else ""
        return f"{self.name} {self.found:.5g}{interval}{self._unit}"

    @property
    def published_text(self) -> str:
        """Published number and unit."""
        return f"{self.published:.5g}{self._unit}"

    @property
    def tolerance_text(self) -> str:
        """Tolerance as a percentage or in the unit of the number."""
        if self.tolerance == NOT_JUDGED:
            return _NOT_JUDGED
        if self.relative:
            return f"{100 * self.tolerance:.3g} %"
        return f"{self.tolerance:.3g}{self._unit}"

    @property
    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


@dataclass(frozen=True)
class Statement:
    """Words found by a study against the published ones; they must be equal where judged.

    Parameters
    ----------
    name : str
        What is stated, such as ``"takes no part"``.
    found, published : str
    why : str
    judged : bool
        Whether words that differ fail the study.
    """

    name: str
    found: str
    published: str
    why: str = ""
    judged: bool = True

    @property
    def passed(self) -> bool:
        """Whether the words are equal, where that is judged."""
        return self.found == self.published or not self.judged

    @property
    def found_text(self) -> str:
        """Name and words."""
        return f"{self.name}: {self.found}"

    @property
    def published_text(self) -> str:
        """Published words."""
        return self.published

    @property
    def tolerance_text(self) -> str:
        """Words are exact, where they are judged."""
        return "exact" if self.judged else _NOT_JUDGED


@dataclass(frozen=True)
class Findings:
    """Checks of a study with its report and figure.

    Parameters
    ----------
    checks : sequence of Check and Statement
    report : Report, optional
        Of the law that the study is about.
    draw : callable, optional
        Draws the figure on the Axes that it is given.
    caption : str
        What the figure shows, in words.
    """

    checks: Sequence[Check | Statement]
    report: "Report | None" = None
    draw: "Callable[[Axes], object] | None" = None
    caption: str = ""

    def save_figure(self, path: Path) -> bool:
        """Save the figure in the format of the suffix; False where there is none.

        Parameters
        ----------
        path : Path

        Returns
        -------
        bool
        """
        if self.draw is None:
            return False
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        with rc_context({"svg.hashsalt": "dimgs", "font.size": 10}):
            figure = Figure(figsize=_SIZE, layout="constrained")
            axes = figure.subplots()
            self.draw(axes)
            axes.spines[["top", "right"]].set_visible(False)
            metadata = {"Date": None} if path.suffix == ".svg" else None
            with whole(path) as beside:
                figure.savefig(beside, metadata=metadata, dpi=150)
        return True


NOT_JUDGED = inf  # tolerance of a number that is reported, and neither passes nor fails a study
_NOT_JUDGED = "not judged"
