"""The definitions of the catalogue in coprime integers, indexed by shape."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from dimgs.dimensions import primitive
from dimgs.groups.catalogue import NamedNumber, all_numbers, slot_dimension
from dimgs.groups.kinds import Kind, dimension_key

DimensionKey = tuple[tuple[str, Fraction], ...]
# Pairs of dimension class and exponent, sorted. A dimension class is a small integer: hashing
# exact dimensions for each group is slow.
Shape = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Form:
    """One definition, scaled to coprime integer exponents."""

    order: int
    number: NamedNumber
    scale: Fraction
    slots: tuple[tuple[str, int, int], ...]


def coprime(exponents: Sequence[Fraction]) -> tuple[list[int], Fraction]:
    """Coprime integers and the positive factor that turns them into the exponents."""
    integers = primitive(exponents)
    return list(integers), next(e / i for e, i in zip(exponents, integers, strict=True) if i)


@functools.cache
def dimension_classes() -> dict[DimensionKey, int]:
    """Number of each dimension that some definition uses."""
    keys = {
        dimension_key(slot_dimension(slot))
        for number in all_numbers()
        for definition in number.definitions
        for slot, _ in definition
    }
    return {key: position for position, key in enumerate(sorted(keys))}


@functools.lru_cache(maxsize=4096)
def dimension_class(kind: Kind) -> int | None:
    """Number of a kind's dimension; None if no definition uses it."""
    return dimension_classes().get(dimension_key(kind.dimension))


@functools.cache
def all_forms() -> tuple[Form, ...]:
    """Every definition of the catalogue, in its order."""
    forms = []
    for order, number in enumerate(all_numbers()):
        for definition in number.definitions:
            integers, scale = coprime([exponent for _, exponent in definition])
            slots = tuple(
                (slot, dimension_classes()[dimension_key(slot_dimension(slot))], integer)
                for (slot, _), integer in zip(definition, integers, strict=True)
            )
            forms.append(Form(order, number, scale, slots))
    return tuple(forms)


@functools.cache
def forms_by_shape() -> dict[Shape, tuple[Form, ...]]:
    """Definitions by the dimensions and exponents of their slots."""
    index: dict[Shape, list[Form]] = {}
    for form in all_forms():
        shape = tuple(sorted((dimension, integer) for _, dimension, integer in form.slots))
        index.setdefault(shape, []).append(form)
    return {shape: tuple(forms) for shape, forms in index.items()}
