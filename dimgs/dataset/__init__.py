"""Datasets: tables in, runs with units in coherent SI, tables out."""

from dimgs.dataset.dataset import Dataset as Dataset
from dimgs.dataset.read import iter_chunks as iter_chunks
from dimgs.dataset.read import read_table as read_table
