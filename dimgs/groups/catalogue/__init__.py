r"""The catalogue of named dimensionless numbers, one file for each field.

>>> from dimgs.groups.catalogue import named_number
>>> named_number("Weber number").symbol
'\\mathrm{We}'
"""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files

from dimgs.common.advice import did_you_mean
from dimgs.common.errors import DimensionError, InputError
from dimgs.common.formats import shipped
from dimgs.groups.kinds import all_kinds, kind
from dimgs.variables import Dimension

__all__ = ["SLOTS", "NamedNumber", "all_numbers", "named_number", "slot_dimension", "slot_kinds"]

# the order in which a group of several names gets its first
_FIELDS = ("flow", "gravity", "machines", "heat", "mass", "interfaces", "fields")
Definition = tuple[tuple[str, Fraction], ...]
_LENGTHS = frozenset(
    each.name for each in all_kinds() if each.dimension == Dimension.of({"[length]": 1})
)
# A slot of a definition is a kind, or one of these sets of kinds that play the same part.
SLOTS: Mapping[str, frozenset[str]] = {
    "any length": _LENGTHS,
    "smooth length": _LENGTHS - {"roughness"},
    **{name: frozenset(kinds) for name, kinds in shipped(__name__, "slots.toml").items()},
}


@functools.cache
def slot_kinds(slot: str) -> frozenset[str]:
    """Names of the kinds that may stand in a slot.

    Examples
    --------
    >>> sorted(slot_kinds("any viscosity")), sorted(slot_kinds("density"))
    (['dynamic viscosity', 'plastic viscosity'], ['density'])
    """
    return SLOTS[slot] if slot in SLOTS else frozenset({kind(slot).name})


def slot_dimension(slot: str) -> Dimension:
    """Dimension that all kinds of a slot share."""
    return kind(min(slot_kinds(slot))).dimension


@dataclass(frozen=True)
class NamedNumber:
    """A dimensionless number that carries a name.

    Attributes
    ----------
    name : str
        For instance ``"Reynolds number"``.
    symbol : str
        LaTeX.
    definitions : tuple of tuple of (str, Fraction)
        Equivalent monomials; each is pairs of a slot (a kind or a key of `SLOTS`) and its
        exponent. The first is the usual one. Numerical factors are not part of a group.
    reference : str
        Author, year, place.
    field : str
        For instance ``"heat transfer"``.
    note : str
        What the monomial leaves out, such as a conventional factor.
    aliases : tuple of str
        Other names of the same number.
    broader : str
        Name of the number of which this is a special case, distinguished by a kind alone.

    Raises
    ------
    DimensionError
        If a definition is not dimensionless.
    InputError
        If a definition is empty or two of its slots could hold the same kind.
    """

    name: str
    symbol: str
    definitions: tuple[Definition, ...]
    reference: str
    field: str
    note: str = ""
    aliases: tuple[str, ...] = ()
    broader: str = ""

    def __post_init__(self) -> None:
        if not self.definitions:
            raise InputError(f"The {self.name} has no definition; give at least one.")
        for definition in self.definitions:
            taken = set[str]()
            for slot, _ in definition:
                if taken & slot_kinds(slot):
                    raise InputError(
                        f"Two slots of the {self.name} could hold the same kind ({slot}); name the "
                        f"kinds apart."
                    )
                taken |= slot_kinds(slot)
            total = Dimension.product((slot_dimension(slot), e) for slot, e in definition)
            if not total.is_dimensionless or not definition:
                raise DimensionError(
                    f"A definition of the {self.name} is not a dimensionless product: "
                    f"{definition} leaves {total}."
                )


def parse_definition(text: str) -> Definition:
    """Definition from ``"density, velocity^2, …"``.

    Examples
    --------
    >>> parse_definition("velocity, gravity^-1/2")
    (('velocity', Fraction(1, 1)), ('gravity', Fraction(-1, 2)))
    """
    slots = []
    for part in text.split(","):
        slot, _, exponent = part.strip().partition("^")
        slots.append((slot, Fraction(exponent or 1)))
    return tuple(slots)


def read_numbers(text: str) -> tuple[NamedNumber, ...]:
    """Entries of a TOML text: tables `number` with the attributes of a `NamedNumber`.

    Parameters
    ----------
    text : str
        Definitions are in the notation of `parse_definition`.

    Raises
    ------
    DimensionError, InputError
        As `NamedNumber` does.
    """
    return tuple(
        NamedNumber(
            **{
                **entry,
                "definitions": tuple(map(parse_definition, entry["definitions"])),
                "aliases": tuple(entry.get("aliases", ())),
            }
        )
        for entry in tomllib.loads(text)["number"]
    )


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
    entry = _by_name().get(name.casefold())
    if entry is None:
        names = (each.name for each in _by_name().values())
        remedy = did_you_mean(name, names, "see all_numbers() for the catalogue.", most=3)
        raise InputError(f"The catalogue has no number called {name!r}; {remedy}")
    return entry
