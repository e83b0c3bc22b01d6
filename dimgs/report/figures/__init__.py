"""Figures of a report: one function each, drawn on an Axes that the caller gives.

Colours are distinguishable for the colour-blind; sizes are those of a journal's column. Every
function takes a :class:`~dimgs.report.results.Report` (or plain arrays) and an Axes, and raises
:class:`~dimgs.common.errors.InputError` where the report has nothing to draw.
"""

from dimgs.report.figures.campaign import (
    campaign_checks,
    campaign_progress,
    campaign_regimes,
)
from dimgs.report.figures.collapse import collapse, slopes
from dimgs.report.figures.coverage import principal_axes, principal_map
from dimgs.report.figures.exponents import (
    along_exponents,
    exponent_field,
    exponent_forest,
    regime_map,
)
from dimgs.report.figures.other_laws import pareto_front, rivals, smooth_curve
from dimgs.report.figures.residuals import (
    predicted_against_measured,
    residuals_by_group,
    residuals_by_run,
)
from dimgs.report.figures.save import Drawing, draw_figures, save, save_figures
from dimgs.report.figures.style import DOUBLE, PALETTE, SINGLE, new_axes

__all__ = [
    "DOUBLE",
    "PALETTE",
    "SINGLE",
    "Drawing",
    "along_exponents",
    "campaign_checks",
    "campaign_progress",
    "campaign_regimes",
    "collapse",
    "draw_figures",
    "exponent_field",
    "exponent_forest",
    "new_axes",
    "pareto_front",
    "predicted_against_measured",
    "principal_axes",
    "principal_map",
    "regime_map",
    "residuals_by_group",
    "residuals_by_run",
    "rivals",
    "save",
    "save_figures",
    "slopes",
    "smooth_curve",
]
