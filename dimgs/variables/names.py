"""What the names in unit texts stand for: Pint's units, and the table of readings.

``readings.csv`` lists what engineers write and Pint does not know or takes for something else, each
with its reading, what else may be meant, and why. Its outcomes are

- *read*: one reading makes sense, and it is `reading`;
- *doubt*: read as `reading` (as Pint does where that is empty), though `meant` is likely;
- *either*: the same, doubted only where the other columns of a table speak for `meant`.

A text is a name; a name with the power that it is written with (``Nm^3``) or below a slash
(``/mK``); a phrase, where it is read; or a whole product, where it is doubted (``kg/cm^2``).
"""

import csv
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from dimgs.variables.notation import Factor
from dimgs.variables.registry import registry, user_names

_PRODUCT = re.compile(r"[\w*/^-]+")
_ONE_NAME = re.compile(r"/?(?:[^\W\d]\w*|[′″])(?:\^-?\d)?")
# abbreviations that take a plural; of other short names an s is more likely a second
_PLURALS = "lb oz gal bbl qt pt mi yd hr yr min sec day kt kip mil bar erg cup ton bit amp ohm lbm"
_TAKE_PLURAL = frozenset(_PLURALS.split())
# letters of the shortest name that may begin with a capital, as in "Pascal"
_LONG_NAME = 4


class Reading(NamedTuple):
    """A row of ``readings.csv``."""

    text: str
    outcome: str
    reading: str
    meant: str
    said: str
    reason: str


@cache
def readings() -> dict[str, Reading]:
    """The table of readings, by text."""
    path = Path(__file__).with_name("readings.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [Reading(*row) for row in csv.reader(file)]
    return {row.text: row for row in rows[1:]}


@cache
def phrases() -> re.Pattern[str]:
    """Units of several words or signs that are read as one, the longest first."""
    found = [row.text for row in readings().values() if _is_phrase(row)]
    patterns = [
        (r"(?<!\w)" if text[0].isalnum() else "")
        + r"\s+".join(map(re.escape, text.split()))
        + (r"(?!\w)" if text[-1].isalnum() else "")
        for text in sorted(found, key=len, reverse=True)
    ]
    return re.compile("|".join(patterns))


def _is_phrase(row: Reading) -> bool:
    parses = row.outcome != "read" and _PRODUCT.fullmatch(row.text)
    return not (_ONE_NAME.fullmatch(row.text) or parses)


@cache
def whole_products() -> tuple[Reading, ...]:
    """Products that are doubted as a whole."""
    return tuple(
        row
        for row in readings().values()
        if not _ONE_NAME.fullmatch(row.text) and not _is_phrase(row)
    )


def reading_of(factor: Factor) -> Reading | None:
    """Row of the table for a factor as it is written."""
    if factor.name in user_names:
        return None
    table = readings()
    raised = f"{factor.name}^{factor.written}"
    below = f"/{factor.name}" if factor.below and factor.written == 1 else ""
    return table.get(raised) or table.get(below) or table.get(factor.name)


def pint_unit(name: str) -> tuple[str, str] | None:
    """Prefix and unit, in Pint's full names, that a name stands for; None where Pint has none.

    Full names may begin with a capital. A plural is one of a full name or of an abbreviation that
    takes it: ``Vs`` is no plural of volt.
    """
    known = registry().parse_unit_name(name)
    stem = name.removesuffix("s")
    if not known and name[1:].islower() and len(stem) >= _LONG_NAME:
        name, stem = name.lower(), stem.lower()
        known = registry().parse_unit_name(name)
    if not known:
        return None
    prefix, unit, _ = known[0]
    if name != stem and len(stem) < _LONG_NAME and stem not in _TAKE_PLURAL:
        single = registry().parse_unit_name(stem)
        if single and single[0][:2] == (prefix, unit):
            return None
    return prefix, unit


def is_unit(name: str) -> bool:
    """Whether a name stands for a unit."""
    return name in readings() or pint_unit(name) is not None
