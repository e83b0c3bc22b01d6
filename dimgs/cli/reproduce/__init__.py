"""Case studies: laws recovered from data, found against published."""

from dimgs.cli.reproduce.page import summary, write_page
from dimgs.cli.reproduce.published_checks import (
    COLOURS,
    GREY,
    NOT_JUDGED,
    Check,
    DataUnavailable,
    Findings,
    Statement,
)
from dimgs.cli.reproduce.sources import Source
from dimgs.cli.reproduce.studies import Outcome, run_studies, studies_folder, study_titles

__all__ = [
    "COLOURS",
    "GREY",
    "NOT_JUDGED",
    "Check",
    "DataUnavailable",
    "Findings",
    "Outcome",
    "Source",
    "Statement",
    "run_studies",
    "studies_folder",
    "study_titles",
    "summary",
    "write_page",
]
