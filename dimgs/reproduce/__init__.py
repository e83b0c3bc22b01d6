"""Case studies: laws recovered from data, found against published."""

from dimgs.reproduce.checks import Check, DataUnavailable, Statement
from dimgs.reproduce.studies import Outcome, run_studies, studies_folder, study_titles

__all__ = [
    "Check",
    "DataUnavailable",
    "Outcome",
    "Statement",
    "run_studies",
    "studies_folder",
    "study_titles",
]
