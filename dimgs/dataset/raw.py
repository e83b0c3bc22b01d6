"""A table as it was read: headers and cells, before units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.dataset.dataset import DroppedRow


@dataclass
class RawColumn:
    """One column before its unit is known.

    Parameters
    ----------
    header : str
        Header as written, perhaps ``name [unit; kind]``.
    cells : ndarray of shape (n_rows,)
        float64 where all cells are numbers (NaN for blanks), otherwise objects.
    unit : str, optional
        Unit that the source itself attaches (a pint dtype, an attribute), if any.
    binding : bool
        Whether `unit` describes the numbers for certain (a quantity), so that no other
        source may contradict it.
    is_index : bool
        Whether the column only numbers the rows where it has no unit.
    """

    header: str
    cells: NDArray[Any]
    unit: str | None = None
    binding: bool = False
    is_index: bool = False


@dataclass
class RawTable:
    """Columns of one source, all of one length.

    Parameters
    ----------
    source : str
        Name for messages.
    columns : list of RawColumn
        Columns in the order of the source.
    rows : ndarray of int
        Number of each data row, from 1.
    unit_row : list of str, optional
        Second row of the table, where it holds units.
    sidecar : mapping of str to str
        Units from a file beside the table, or from attributes of the whole table.
    sidecar_name : str
        Where `sidecar` comes from, for messages.
    decimal : str
        Decimal mark of text cells.
    dropped : list of DroppedRow
        Rows already left out.
    notes : list of str
        Warnings.
    """

    source: str
    columns: list[RawColumn]
    rows: NDArray[np.int64]
    unit_row: list[str] | None = None
    sidecar: Mapping[str, str] = field(default_factory=dict)
    sidecar_name: str = "the sidecar"
    decimal: str = "."
    dropped: list[DroppedRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
