"""Figures of a report: one function each, drawn on an Axes that the caller gives.

Colours can be told apart by the colour-blind; sizes are those of a journal's column. Every
function takes a :class:`~dimgs.report.results.Report` (or plain arrays) and an Axes, and raises
:class:`~dimgs.errors.InputError` where the report has nothing to draw.
"""

from dimgs.report.figures.campaign import campaign_progress
from dimgs.report.figures.collapse import collapse
from dimgs.report.figures.field import exponent_field
from dimgs.report.figures.forest import exponent_forest
from dimgs.report.figures.front import pareto_front
from dimgs.report.figures.parity import predicted_against_measured
from dimgs.report.figures.principal import principal_axes, principal_map
from dimgs.report.figures.regimes import regime_map
from dimgs.report.figures.residuals import residuals_by_group, residuals_by_run
from dimgs.report.figures.save import Drawing, draw_figures, save, save_figures
from dimgs.report.figures.slopes import slopes
from dimgs.report.figures.style import DOUBLE, PALETTE, SINGLE, new_axes

__all__ = [
    "DOUBLE",
    "PALETTE",
    "SINGLE",
    "Drawing",
    "campaign_progress",
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
    "save",
    "save_figures",
    "slopes",
]
