"""Pint quantities of any registry -> plain numbers and a unit that dimgs reads."""

from typing import Any

from dimgs.errors import InputError
from dimgs.variables import Unit, define_unit, parse_unit, registry
from dimgs.variables.dimension import Dimension, exact_exponent


def is_quantity(value: object) -> bool:
    """Whether a value is a Pint quantity, of whatever registry."""
    return all(hasattr(value, a) for a in ("magnitude", "units", "dimensionality"))


def magnitude_and_unit(quantity: Any, name: str) -> tuple[Any, str]:
    """Numbers of a quantity and the text of its unit.

    A unit that only the user's registry knows (a currency) is defined here too.

    Raises
    ------
    InputError
        If the unit means something else in the user's registry.
    """
    text = unit_text(quantity.units)
    _define_missing(quantity)
    unit = parse_unit(text)
    _check_same(quantity, unit, name)
    return quantity.magnitude, text


def unit_text(units: Any) -> str:
    """Text of a Pint unit with full names, which no registry's aliases can change."""
    text = f"{units:D}" if hasattr(units, "_units") else str(units)
    return "1" if text in {"", "dimensionless"} else text


def _define_missing(quantity: Any) -> None:
    theirs, ours = quantity._REGISTRY, registry()
    for name in dict(quantity.units._units):
        if name in ours:
            continue
        root = theirs.Quantity(1.0, name).to_root_units()
        for base in dict(root.units._units):
            if base not in ours:
                dimension = next(iter(dict(theirs.Quantity(1.0, base).dimensionality)))
                define_unit(f"{base} = {dimension}")
        if name not in ours:
            define_unit(f"{name} = {float(root.magnitude)!r} * {root.units:D}")


def _check_same(quantity: Any, unit: Unit, name: str) -> None:
    dimension = Dimension.of(
        {str(k): exact_exponent(v, unit.text) for k, v in quantity.dimensionality.items()}
    )
    factor = 1.0
    if unit.scale not in {"level", "label"} and not unit.offset:
        root = quantity._REGISTRY.Quantity(1.0, quantity.units).to_root_units()
        factor = float(root.magnitude) * parse_unit(unit_text(root.units)).factor / unit.factor
    if dimension != unit.dimension or abs(factor - 1.0) > 1e-6:
        raise InputError(
            f"Column '{name}': the unit '{unit.text}' means something else in the registry of "
            f"this quantity; convert it to SI units first (quantity.to_base_units())."
        )
