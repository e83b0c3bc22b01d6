"""Datasets: tables in, runs with units in coherent SI, tables out."""

from dimgs.dataset.checks import (
    check_enough_runs,
    check_loggable,
    check_target,
    constant_columns,
    drop_bad_rows,
    duplicate_rows,
    require_finite,
)
from dimgs.dataset.dataset import Dataset
from dimgs.dataset.raw import DroppedRow
from dimgs.dataset.read import read_table
from dimgs.dataset.stream import iter_chunks

__all__ = [
    "Dataset",
    "DroppedRow",
    "check_enough_runs",
    "check_loggable",
    "check_target",
    "constant_columns",
    "drop_bad_rows",
    "duplicate_rows",
    "iter_chunks",
    "read_table",
    "require_finite",
]
