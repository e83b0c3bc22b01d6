"""Signs, names and order of the groups of a basis."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from dimgs.dimensions import IntVector
from dimgs.groups.catalogue import NamedNumber
from dimgs.groups.group import PiGroup
from dimgs.groups.kinds import Kind, infer_kinds
from dimgs.groups.lattice import completed
from dimgs.groups.recognition import named_group_exponents, recognise
from dimgs.variables import Variable

Kinds = Mapping[str, tuple[Kind, ...]]


def kinds_of(variables: Sequence[Variable]) -> Kinds:
    """Physical kinds that each variable may be, from its unit, name and hint."""
    return {v.name: infer_kinds(v.name, v.dimension, v.kind) for v in variables}


class Namer:
    """Gives groups their sign, their name in the literature and their place in the order.

    Parameters
    ----------
    names : sequence of str
        Names of the inputs, in the order of the exponent vectors.
    kinds : mapping of str to tuple of Kind
        Kinds that each variable may be, the response included.
    """

    def __init__(self, names: Sequence[str], kinds: Kinds) -> None:
        self._names = names
        self._kinds = kinds
        self._known: dict[IntVector, PiGroup] = {}

    def response(self, target: str, powers: Mapping[str, Fraction]) -> PiGroup:
        """Group pi_0: the target times the given powers of inputs."""
        group = PiGroup.of("pi_0", {target: Fraction(1), **powers})
        found = recognise(group.as_dict(), self._kinds)
        return group if found is None else replace(group, known_as=found.label, symbol=found.latex)

    def groups(self, vectors: Sequence[IntVector]) -> tuple[PiGroup, ...]:
        """Groups pi_1, pi_2, ... from exponent vectors, with fixed signs and in a fixed order.

        The first non-zero exponent in name order is positive, except that a recognised group
        keeps its usual form. Shorter groups come first.
        """
        found = [(_size(vector), self._group(vector)) for vector in vectors]
        found.sort(key=lambda each: (each[0], each[1].exponents))
        return tuple(
            PiGroup(f"pi_{i}", group.exponents, group.known_as, group.symbol)
            for i, (_, group) in enumerate(found, start=1)
        )

    def _group(self, vector: IntVector) -> PiGroup:
        known = self._known.get(vector)
        if known is None:
            powers = [(n, x) for n, x in zip(self._names, vector, strict=True) if x]
            sign = 1 if powers[0][1] > 0 else -1
            known = self._known[vector] = self._named({n: Fraction(sign * x) for n, x in powers})
        return known

    def _named(self, exponents: dict[str, Fraction]) -> PiGroup:
        found = recognise(exponents, self._kinds)
        if found is not None and found.power < 0:
            exponents = {n: -x for n, x in exponents.items()}
            found = recognise(exponents, self._kinds)
        powers = tuple(sorted(exponents.items()))
        if found is None:
            return PiGroup("pi", powers)
        return PiGroup("pi", powers, found.label, found.latex)


def _size(vector: IntVector) -> tuple[int, int]:
    return sum(map(abs, vector)), sum(map(bool, vector))


def with_named_groups(
    lattice: Sequence[IntVector], names: Sequence[str], kinds: Kinds, kept: Sequence[IntVector] = ()
) -> tuple[IntVector, ...]:
    """Lattice basis that contains as many different named numbers as fit.

    A named number is taken if, with those already taken, it can still be completed to a basis of
    the full lattice (all Smith factors of the taken set are 1). Each is taken once, with a
    diameter for its length where there is one and a roughness only where there is nothing else:
    one Reynolds number and the ratios of lengths say more than a Reynolds number per length.
    The groups `kept`, already part of a basis, stay.
    """
    taken: list[IntVector] = list(kept)
    used: set[str] = set()
    for number, powers in _by_usual_size(named_group_exponents(kinds), kinds):
        vector = tuple(powers.get(n, Fraction(0)) for n in names)
        whole = all(x.denominator == 1 for x in vector) and set(powers) <= set(names)
        if not whole or number.name in used or len(taken) == len(lattice):
            continue
        candidate = [*taken, tuple(int(x) for x in vector)]
        if completed(candidate, lattice) is not None:
            taken = candidate
            used.update((number.name, number.broader))
    rest = completed(taken, lattice) or ()
    return (*taken, *rest)


def named_response(target: str, inputs: Sequence[str], kinds: Kinds) -> dict[str, Fraction] | None:
    """Powers of the inputs with which the target, exponent 1, is a named number; None if none."""
    allowed = {target, *inputs}
    for _, powers in _by_usual_size(named_group_exponents(kinds), kinds):
        if abs(powers.get(target, Fraction(0))) == 1 and set(powers) <= allowed:
            return {n: x / powers[target] for n, x in powers.items() if n != target}
    return None


Named = tuple[NamedNumber, dict[str, Fraction]]


def _by_usual_size(found: Sequence[Named], kinds: Kinds) -> list[Named]:
    """Order of the catalogue; within one number, a diameter before a roughness."""
    place: dict[str, int] = {}

    def key(each: Named) -> tuple[int, int]:
        of = [kinds[name][0].name for name in each[1] if len(kinds[name]) == 1]
        return place.setdefault(each[0].name, len(place)), ("roughness" in of) - ("diameter" in of)

    return sorted(found, key=key)
