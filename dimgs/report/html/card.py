"""A small form of a report, for a notebook: it styles nothing but itself."""

from dimgs.escape import html as escape
from dimgs.latex import mathml
from dimgs.report.figures import collapse, new_axes
from dimgs.report.figures.save import Drawing
from dimgs.report.html.law import constant_item
from dimgs.report.html.page import resource
from dimgs.report.html.sections import tiles
from dimgs.report.html.svg import inline_svg
from dimgs.report.results import Report
from dimgs.report.verdict import headline, verdict


def report_card(report: Report) -> str:
    """Law, constants, scores and the collapse, as one element.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
    """
    law = report.law
    above = headline(report)
    warning = f"<p><strong>{escape(above)}</strong></p>" if above else ""
    if law is None:
        return f"<div>{warning}<p>{escape(verdict(report))}</p></div>"
    constants = "".join(constant_item(c) for c in law.constants)
    figure = ""
    if report.data is not None:
        axes = new_axes()
        collapse(report, axes)
        own = axes.get_figure(root=True)
        assert own is not None
        figure = (
            f"<figure>{inline_svg(Drawing('collapse', own, 'The runs on the law', ''))}</figure>"
        )
    return (
        f'<div class="dimgs-card"><style>{resource("card.css")}</style><div>{warning}'
        f"{mathml(law.latex(), display=True)}<ul>{constants}</ul>"
        f"<dl>{tiles(report)}</dl><p>{escape(verdict(report))}</p></div>{figure}</div>"
    )
