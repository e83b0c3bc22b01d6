"""Figures of a report: one function each, drawn on an Axes that the caller gives.

Colours are distinguishable for the colour-blind; sizes are those of a journal's column. Every
function takes a :class:`~dimgs.report.results.Report` (or plain arrays) and an Axes, and raises
:class:`~dimgs.common.errors.InputError` where the report has nothing to draw.
"""

import types

from dimgs.report.figures.laws import along_exponents as along_exponents
from dimgs.report.figures.laws import campaign_checks as campaign_checks
from dimgs.report.figures.laws import campaign_progress as campaign_progress
from dimgs.report.figures.laws import campaign_regimes as campaign_regimes
from dimgs.report.figures.laws import exponent_field as exponent_field
from dimgs.report.figures.laws import exponent_forest as exponent_forest
from dimgs.report.figures.laws import pareto_front as pareto_front
from dimgs.report.figures.laws import regime_map as regime_map
from dimgs.report.figures.laws import rivals as rivals
from dimgs.report.figures.laws import smooth_curve as smooth_curve
from dimgs.report.figures.runs import collapse as collapse
from dimgs.report.figures.runs import predicted_against_measured as predicted_against_measured
from dimgs.report.figures.runs import principal_axes as principal_axes
from dimgs.report.figures.runs import principal_map as principal_map
from dimgs.report.figures.runs import residuals_by_group as residuals_by_group
from dimgs.report.figures.runs import residuals_by_run as residuals_by_run
from dimgs.report.figures.runs import slopes as slopes
from dimgs.report.figures.style import DOUBLE as DOUBLE
from dimgs.report.figures.style import PALETTE as PALETTE
from dimgs.report.figures.style import SINGLE as SINGLE
from dimgs.report.figures.style import Drawing as Drawing
from dimgs.report.figures.style import draw_figures as draw_figures
from dimgs.report.figures.style import new_axes as new_axes
from dimgs.report.figures.style import save as save
from dimgs.report.figures.style import save_figures as save_figures

__all__ = [
    name
    for name, value in list(globals().items())
    if not (name.startswith("_") or isinstance(value, types.ModuleType))
]
