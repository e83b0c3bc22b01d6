"""Short ways to declare ports and tiers: texts and mappings, as a TOML plan holds them."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from dimgs.errors import InputError
from dimgs.kernels.spec import Port, Tier

_Declared = TypeVar("_Declared", Port, Tier)
_PORT_FIELDS = ("unit", "low", "high", "default", "description")


def ports_of(declared: Mapping[str, Any] | Sequence[Port], kernel: str) -> tuple[Port, ...]:
    """Ports from ``{"D": "m^2/s"}``, ``{"D": {"unit": "m^2/s", "low": 0}}``, or ports.

    Raises
    ------
    InputError
        If a port cannot be read.

    Examples
    --------
    >>> ports_of({"D": "m^2/s", "n": {"unit": "1", "default": 3}}, "film")[1].default
    3
    """
    if not isinstance(declared, Mapping):
        return _all_of(declared, Port, f"The ports of the kernel '{kernel}'", "units by name")
    return tuple(_port(name, told, kernel) for name, told in declared.items())


def tiers_of(declared: Mapping[str, Mapping[str, Any]] | Sequence[Tier]) -> tuple[Tier, ...]:
    """Tiers from ``{"coarse": {"cost": 0.1, "cells": 50}, …}``, coarse to fine, or tiers.

    Raises
    ------
    InputError
        If there is none, or one cannot be read.

    Examples
    --------
    >>> tiers_of({"coarse": {"cost": 0.1, "cells": 50}})
    (Tier(name='coarse', cost=0.1, settings={'cells': 50}),)
    """
    if isinstance(declared, Mapping):
        tiers = tuple(_tier(name, told) for name, told in declared.items())
    else:
        tiers = _all_of(declared, Tier, "The tiers", "settings by name")
    if not tiers:
        raise InputError("There is no tier; give at least one, or leave tiers out.")
    return tiers


def _all_of(declared: Any, kind: type[_Declared], what: str, short: str) -> tuple[_Declared, ...]:
    if isinstance(declared, Sequence) and all(isinstance(x, kind) for x in declared):
        return tuple(declared)
    raise InputError(f"{what} are {declared!r:.60}; give {short}, or {kind.__name__} objects.")


def _tier(name: str, told: Any) -> Tier:
    if not isinstance(told, Mapping):
        raise InputError(
            f"The tier '{name}' is declared as {told!r:.60}; give a table of its settings."
        )
    cost = told.get("cost", 1.0)
    return Tier(name, cost, {k: v for k, v in told.items() if k != "cost"})


def _port(name: str, told: Any, kernel: str) -> Port:
    if isinstance(told, Port):
        return told
    if isinstance(told, str):
        return Port(name, told)
    if isinstance(told, Mapping) and "unit" in told:
        odd = sorted(set(told) - set(_PORT_FIELDS))
        if not odd:
            return Port(name, **told)
        raise InputError(
            f"'{name}' of the kernel '{kernel}' has no '{odd[0]}'; it may have "
            f"{', '.join(_PORT_FIELDS)}."
        )
    raise InputError(
        f"'{name}' of the kernel '{kernel}' is declared as {told!r:.60}; give its unit as a text "
        f"('m^2/s', '1', 'label') or a table with a unit."
    )
