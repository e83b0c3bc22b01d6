"""Figures of a report: one function each, drawn on an Axes that the caller gives.

Colours are distinguishable for the colour-blind; sizes are those of a journal's column. Every
function takes a :class:`~dimgs.report.results.Report` (or plain arrays) and an Axes, and raises
:class:`~dimgs.common.errors.InputError` where the report has nothing to draw.
"""

from dimgs.report.figures.laws import (
    along_exponents,
    campaign_checks,
    campaign_progress,
    campaign_regimes,
    exponent_field,
    exponent_forest,
    pareto_front,
    regime_map,
    rivals,
    smooth_curve,
)
from dimgs.report.figures.runs import (
    collapse,
    predicted_against_measured,
    principal_axes,
    principal_map,
    residuals_by_group,
    residuals_by_run,
    slopes,
)
from dimgs.report.figures.style import (
    DOUBLE,
    PALETTE,
    SINGLE,
    Drawing,
    draw_figures,
    new_axes,
    save,
    save_figures,
)

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
