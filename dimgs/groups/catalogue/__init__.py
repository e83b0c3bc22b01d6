r"""The catalogue of named dimensionless numbers, one file for each field.

>>> from dimgs.groups.catalogue import named_number
>>> named_number("Weber number").symbol
'\\mathrm{We}'
"""

import functools
from difflib import get_close_matches
from importlib.resources import files

from dimgs.errors import InputError
from dimgs.groups.catalogue.entry import (
    SLOTS,
    NamedNumber,
    read_numbers,
    slot_dimension,
    slot_kinds,
)

__all__ = ["SLOTS", "NamedNumber", "all_numbers", "named_number", "slot_dimension", "slot_kinds"]

# the order in which a group of several names gets its first
_FIELDS = ("flow", "gravity", "machines", "heat", "mass", "interfaces", "fields")


@functools.cache
def all_numbers() -> tuple[NamedNumber, ...]:
    """Every entry, field by field, in a fixed order."""
    folder = files("dimgs.groups.catalogue")
    texts = ((folder / f"{field}.toml").read_text(encoding="utf-8") for field in _FIELDS)
    return tuple(entry for text in texts for entry in read_numbers(text))


@functools.cache
def _by_name() -> dict[str, NamedNumber]:
    return {
        name.casefold(): entry for entry in all_numbers() for name in (entry.name, *entry.aliases)
    }


def named_number(name: str) -> NamedNumber:
    """Entry of that name or alias, upper and lower case alike.

    Raises
    ------
    InputError
        If there is none; the message lists near matches.
    """
    found = _by_name().get(name.casefold())
    if found is None:
        near = get_close_matches(name.casefold(), _by_name(), n=3, cutoff=0.5)
        names = " or ".join(_by_name()[each].name for each in near)
        remedy = f"did you mean {names}?" if near else "see all_numbers() for the catalogue."
        raise InputError(f"The catalogue has no number called {name!r}; {remedy}")
    return found
