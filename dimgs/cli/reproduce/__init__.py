"""Case studies: published laws recovered from data."""

from dimgs.cli.reproduce.published_checks import COLOURS as COLOURS
from dimgs.cli.reproduce.published_checks import GREY as GREY
from dimgs.cli.reproduce.published_checks import NOT_JUDGED as NOT_JUDGED
from dimgs.cli.reproduce.published_checks import Check as Check
from dimgs.cli.reproduce.published_checks import DataUnavailable as DataUnavailable
from dimgs.cli.reproduce.published_checks import Findings as Findings
from dimgs.cli.reproduce.published_checks import Statement as Statement
from dimgs.cli.reproduce.sources import Source as Source
from dimgs.cli.reproduce.studies import Outcome as Outcome
from dimgs.cli.reproduce.studies import run_studies as run_studies
from dimgs.cli.reproduce.studies import studies_folder as studies_folder
from dimgs.cli.reproduce.studies import study_titles as study_titles
from dimgs.cli.reproduce.studies import summary as summary
from dimgs.cli.reproduce.studies import write_page as write_page
