"""Censored cells: values that are known only to lie below or above a limit.

A cell such as ``<0.3`` or ``>=500`` is a bound. So is the number in a row whose status, in a column
such as ``event``, ``failed`` or ``censored``, says that the test ended before the event. Bounds of
a column are kept beside it as labels, in ``NAME_bound``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dimgs.common.arrays import IntArray
from dimgs.dataset.raw import Cells, cell_error, parse_number

BOUND_SUFFIX = "_bound"
BELOW, ABOVE = "<", ">"
_BOUND = re.compile(r"(<=|>=|[<>≤≥])\s*(.+)")
_SIDES = {"<": BELOW, "<=": BELOW, "≤": BELOW, ">": ABOVE, ">=": ABOVE, "≥": ABOVE}
_SIGNS = {"": 0, "=": 0, BELOW: -1, ABOVE: 1}
_YES, _NO = {"1", "yes", "y", "true", "t"}, {"0", "no", "n", "false", "f"}
_ENDED = {"failed", "failure", "fail", "event", "dead", "death", "broken", "observed"}
_ONGOING = {
    *("censored", "right-censored", "suspended", "suspension", "runout", "run-out", "survived"),
    *("alive", "unbroken"),
}
# names of a column whose "yes" is a measured value, and of one whose "yes" is a bound
_OF_EVENTS = {"event", "failed", "failure", "observed", "uncensored"}
_OF_BOUNDS = {"censored", "suspended", "runout"}
_OF_EITHER = {"status"}


def read_bounds(cells: Cells, decimal: str) -> NDArray[np.object_] | None:
    """Read the bounds among the cells of a column as numbers; they are text no longer.

    Parameters
    ----------
    cells : Cells
        Changed in place.
    decimal : str
        Decimal mark of text cells.

    Returns
    -------
    ndarray of object of shape (n_rows,) or None
        "<" and ">" where the number is a bound, else "="; None where no cell is a bound.
    """
    sides = np.full(len(cells.numbers), "=", dtype=object)
    others: list[tuple[int, str]] = []
    for position, word in zip(cells.text.tolist(), cells.words, strict=True):
        match = _BOUND.fullmatch(word.strip())
        value = None if match is None else parse_number(match.group(2), decimal)
        if match is None or value is None or not np.isfinite(value):
            others.append((position, word))
            continue
        cells.numbers[position] = value
        sides[position] = _SIDES[match.group(1)]
    if len(others) == len(cells.words):
        return None
    cells.text = np.array([p for p, _ in others], dtype=np.intp)
    cells.words = [w for _, w in others]
    return sides


def is_status(name: str, cells: Iterable[str]) -> bool:
    """Whether a column says, by its name and its cells, which rows are censored.

    Examples
    --------
    >>> is_status("event", ["0", "1"]), is_status("event", ["Kobe", "Northridge"])
    (True, False)
    """
    return _signs_of_status(name, cells) is not None


def _signs_of_status(name: str, cells: Iterable[str]) -> dict[str, int] | None:
    """What each text of a status column says of the target; None where it is no such column."""
    title = name.strip().lower()
    words = {text: text.lower() for text in cells if text}
    if title not in _OF_EVENTS | _OF_BOUNDS | _OF_EITHER or not words:
        return None
    if all(word in _ENDED | _ONGOING for word in words.values()):
        return {text: int(word in _ONGOING) for text, word in words.items()}
    if title not in _OF_EITHER and all(word in _YES | _NO for word in words.values()):
        return {t: int((word in _YES) == (title in _OF_BOUNDS)) for t, word in words.items()}
    return None


def sides_of(
    target: str, labels: Mapping[str, Sequence[str]], rows: Sequence[int], source: str
) -> tuple[tuple[str, ...], IntArray]:
    """Which values of a target are bounds, and the label columns that say so.

    Parameters
    ----------
    target : str
    labels : mapping of str to sequence of str
        Cells of the label columns that the analysis does not read otherwise.
    rows : sequence of int
        Number of each row in the source, for messages.
    source : str

    Returns
    -------
    tuple of str, ndarray of int of shape (n_runs,)
        -1 where the target lies at or below its number, 1 where at or above it, 0 where it was
        measured.

    Raises
    ------
    InputError
        If the status of a row is blank, or a text in ``NAME_bound`` is none of "<", ">" and "=".

    Examples
    --------
    >>> sides_of("t", {"status": ["failed", "censored"], "alloy": ["A", "B"]}, [1, 2], "t.csv")
    (('status',), array([0, 1]))
    """
    sides = np.zeros(len(rows), dtype=np.intp)
    columns: list[str] = []
    for name, cells in labels.items():
        signs = dict(_SIGNS) if name == target + BOUND_SUFFIX else _signs_of_status(name, cells)
        if signs is None:
            continue
        odd = next((i for i, cell in enumerate(cells) if cell not in signs), None)
        if odd is not None:
            what = f"'{cells[odd]}' does not say whether '{target}' was measured"
            remedy = f"give {' or '.join(repr(k) for k in signs if k)}"
            raise cell_error(name, rows[odd], source, what, remedy)
        stated = np.array([signs[cell] for cell in cells], dtype=np.intp)
        sides = np.where(sides == 0, stated, sides)
        columns.append(name)
    return tuple(columns), sides
