"""What a case study gives: checks, and where it has them a report and a figure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dimgs.formats import whole
from dimgs.reproduce.published_checks import Check, Statement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dimgs.report.results import Report

# colour-blind safe (M. Okabe, K. Ito, Color Universal Design, 2008)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#666666"
_SIZE = (5.6, 3.6)  # inches


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
    draw: "Callable[[Axes], None] | None" = None
    caption: str = ""

    def save_figure(self, path: Path) -> bool:
        """Save the figure, as SVG or whatever the suffix says; False where there is none.

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
