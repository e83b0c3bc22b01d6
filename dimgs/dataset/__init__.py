"""Datasets: tables in, runs with units in coherent SI, tables out."""

from dimgs.dataset.checks import check_enough_runs as check_enough_runs
from dimgs.dataset.checks import check_loggable as check_loggable
from dimgs.dataset.checks import check_target as check_target
from dimgs.dataset.checks import constant_columns as constant_columns
from dimgs.dataset.checks import drop_bad_rows as drop_bad_rows
from dimgs.dataset.checks import duplicate_rows as duplicate_rows
from dimgs.dataset.checks import require_finite as require_finite
from dimgs.dataset.dataset import Dataset as Dataset
from dimgs.dataset.raw import DroppedRow as DroppedRow
from dimgs.dataset.read import read_table as read_table
from dimgs.dataset.stream import iter_chunks as iter_chunks
