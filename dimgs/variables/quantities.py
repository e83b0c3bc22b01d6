"""Pint quantities of any registry -> plain numbers and a unit that dimgs reads."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dimgs.arrays import Array
from dimgs.errors import InputError
from dimgs.variables.dimension import Dimension, exact_exponent
from dimgs.variables.registry import define_unit, registry
from dimgs.variables.units import Unit, parse_unit


def is_quantity(value: object) -> bool:
    """Whether a value is a Pint quantity, of whatever registry."""
    return all(hasattr(value, a) for a in ("magnitude", "units", "dimensionality"))


def magnitude_and_unit(quantity: Any, name: str) -> tuple[Any, str]:
    """Numbers of a quantity and the text of its unit.

    A unit that only the user's registry has (a currency) is defined here too.

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


def quantities_in_one_unit(cells: Sequence[Any], name: str) -> tuple[Array, str]:
    """Numbers of a list of quantities in the unit of the first; NaN where there is none.

    Raises
    ------
    InputError
        If two of them differ in dimension.
    """
    first = next(c for c in cells if is_quantity(c))
    _, unit = magnitude_and_unit(first, name)
    numbers = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        if is_quantity(cell):
            try:
                numbers[i] = float(cell.to(first.units).magnitude)
            except Exception as error:
                raise InputError(
                    f"Column '{name}', row {i + 1}: a quantity in '{unit_text(cell.units)}' "
                    f"stands among quantities in '{unit}' (mixed units); give one dimension."
                ) from error
    return numbers, unit


def unit_of(value: Any, name: str) -> Unit:
    """Unit of a Pint quantity, or a Pint unit itself, of whatever registry.

    Raises
    ------
    InputError
        If an exponent is not rational, or the unit means something else in that registry.
    """
    quantity = value if is_quantity(value) else value._REGISTRY.Quantity(1.0, value)
    return parse_unit(magnitude_and_unit(quantity, name)[1])


def unit_text(units: Any) -> str:
    """Text of a Pint unit with full names, which no registry's aliases can change.

    Pint writes exponents with six digits; here m**(1/3) stays exact.
    """
    if not hasattr(units, "_units"):
        return str(units)
    text = f"{units:D}"
    if text in {"", "dimensionless"}:
        return "1"
    powers = dict(units._units)
    if all(float(e).is_integer() for e in powers.values()):
        return text
    exact = {name: exact_exponent(e, str(units)) for name, e in powers.items()}
    return " * ".join(n if e == 1 else f"{n} ** ({e})" for n, e in sorted(exact.items()))


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
