"""A report as one self-contained HTML page, and as a card for notebooks."""

from dimgs.report.html.card import report_card
from dimgs.report.html.page import report_html

__all__ = ["report_card", "report_html"]
