"""Named dimensionless numbers among groups: recognised, and formed from variables."""

import functools
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from dimgs.groups.catalogue import NamedNumber, all_numbers, slot_dimension, slot_kinds
from dimgs.groups.dimensions import IntVector, completed, primitive
from dimgs.groups.group import PiGroup
from dimgs.groups.kinds import Kind, infer_kinds
from dimgs.variables import Dimension, Variable

# Pairs of dimension class and exponent, sorted. A dimension class is a small integer: hashing
# exact dimensions for each group is slow.
Shape = tuple[tuple[int, int], ...]
# Quantities that are interchangeable in every formula: only a settled kind may give a name.
_DIFFUSIVITY = Dimension.of({"[length]": 2, "[time]": -1})
Kinds = Mapping[str, tuple[Kind, ...]]
# variables by dimension class and exponent, and the names of the kinds that each may be
Places = dict[tuple[int, int], list[str]]
Names = Mapping[str, frozenset[str]]
Named = tuple[NamedNumber, dict[str, Fraction]]
Assignment = tuple[tuple[str, str], ...]


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
def dimension_classes() -> dict[Dimension, int]:
    """Number of each dimension that some definition uses."""
    definitions = (definition for number in all_numbers() for definition in number.definitions)
    used = {slot_dimension(slot) for definition in definitions for slot, _ in definition}
    return {d: position for position, d in enumerate(sorted(used, key=lambda d: d.exponents))}


@functools.lru_cache(maxsize=4096)
def dimension_class(kind: Kind) -> int:
    """Number of a kind's dimension; -1 if no definition uses it."""
    return dimension_classes().get(kind.dimension, -1)


@functools.cache
def all_forms() -> tuple[Form, ...]:
    """Every definition of the catalogue, in its order."""
    forms = []
    for order, number in enumerate(all_numbers()):
        for definition in number.definitions:
            integers, scale = coprime([exponent for _, exponent in definition])
            slots = tuple(
                (slot, dimension_classes()[slot_dimension(slot)], integer)
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


@dataclass(frozen=True)
class Recognition:
    """A group that is a power of a named number.

    Attributes
    ----------
    name : str
        Name of the number, without the power.
    power : Fraction
        The group is the number to this power.
    latex : str
        LaTeX of the group, the power included.
    assignment : mapping of str to str
        Kind or slot of the definition that each variable takes.
    number : NamedNumber
        The entry of the catalogue.
    """

    name: str
    power: Fraction
    latex: str
    assignment: Mapping[str, str]
    number: NamedNumber

    @property
    def label(self) -> str:
        """Name with the power, in plain text: `1/Prandtl number`, `Reynolds number^2`."""
        if self.power == 1:
            return self.name
        name = f"({self.name})" if " or " in self.name else self.name
        if self.power == -1:
            return f"1/{name}"
        shown = str(self.power) if self.power.denominator == 1 else f"({self.power})"
        return f"{name}^{shown}"


@dataclass(frozen=True)
class _Match:
    form: Form
    power: Fraction
    assignment: Assignment

    @property
    def rank(self) -> tuple[int, bool, int]:
        """Simplest power first: 1, -1, 2 or 1/2, …; then the order of the catalogue."""
        size = abs(self.power.numerator) + self.power.denominator
        return (size, self.power < 0, self.form.order)

    @property
    def meaning(self) -> tuple[str, Fraction]:
        return (self.form.number.name, self.power)


def _assignments(form: Form, variables: Places, names: Names) -> Iterator[Assignment]:
    """Ways to put the variables into the slots of their dimension and exponent."""
    slots: Places = {}
    for slot, dimension, integer in form.slots:
        slots.setdefault((dimension, integer), []).append(slot)
    choices = [
        [tuple(zip(order, free, strict=True)) for order in itertools.permutations(variables[key])]
        for key, free in slots.items()
    ]
    for parts in itertools.product(*choices):
        pairs = tuple(sorted(pair for part in parts for pair in part))
        if all(names[variable] & slot_kinds(slot) for variable, slot in pairs):
            yield pairs


def _covers(outer: _Match, inner: _Match, names: Names) -> bool:
    """Whether `outer` holds for every choice of kinds for which `inner` holds."""
    inner_slots = dict(inner.assignment)
    return all(
        names[variable] & slot_kinds(inner_slots[variable]) <= slot_kinds(slot)
        for variable, slot in outer.assignment
    )


def recognise(exponents: Mapping[str, Fraction], kinds: Kinds) -> Recognition | None:
    r"""Name of a group, if the kinds of its variables determine it.

    Parameters
    ----------
    exponents : mapping of str to Fraction
        Exponents of the variables in the group; zeros are ignored.
    kinds : mapping of str to tuple of Kind
        Kinds that each variable may be, from `dimgs.groups.kinds.infer_kinds`.

    Returns
    -------
    Recognition or None
        None if the group is not a power of a named number, if kinds that remain possible would give
        different names, if the number needs a kind other than the plain one of its dimension that
        neither name nor hint says, if a diffusivity (nu, alpha and D share m²/s) is not settled,
        or if variables of one dimension are not distinguished by their kinds.

    Examples
    --------
    >>> from dimgs.groups.kinds import kind
    >>> kinds = {"a": (kind("thermal diffusivity"),), "b": (kind("kinematic viscosity"),)}
    >>> number = recognise({"a": Fraction(2), "b": Fraction(-2)}, kinds)
    >>> number.name, number.power, number.latex
    ('Prandtl number', Fraction(-2, 1), '\\mathrm{Pr}^{-2}')
    """
    variables = sorted(name for name, exponent in exponents.items() if exponent)
    if not variables or not all(kinds.get(name) for name in variables):
        return None
    classes = {name: dimension_class(kinds[name][0]) for name in variables}
    names = {name: frozenset(each.name for each in kinds[name]) for name in variables}
    integers, scale = coprime([Fraction(exponents[name]) for name in variables])
    matches = []
    for sign in (1, -1):
        places: Places = {}
        for name, integer in zip(variables, integers, strict=True):
            places.setdefault((classes[name], sign * integer), []).append(name)
        shape = tuple(sorted(place for place, those in places.items() for _ in those))
        matches += [
            _Match(form, sign * scale / form.scale, assignment)
            for form in forms_by_shape().get(shape, ())
            for assignment in _assignments(form, places, names)
        ]
    best = min(matches, key=lambda match: match.rank, default=None)
    if best is None or not _settled(best, matches, kinds, names):
        return None
    number = best.form.number
    return Recognition(
        number.name, best.power, _latex(number.symbol, best.power), dict(best.assignment), number
    )


def _settled(best: _Match, matches: list[_Match], kinds: Kinds, names: Names) -> bool:
    """The evidence that a name needs: the one rule, whatever the number.

    All kinds that remain possible must lead to the best match. What is not given by a name or a
    hint counts as the plain kind of its dimension (an area is no permeability, a time no period).
    Variables of one dimension must be distinguished, and a diffusivity must be settled.
    """
    same = [match for match in matches if match.meaning == best.meaning]
    plain = {name: kinds[name][0] for name in names}
    if not any(all(plain[v].name in slot_kinds(s) for v, s in each.assignment) for each in same):
        return False
    for match in matches:
        broader = (match.form.number.broader, match.power)
        if best.meaning in (match.meaning, broader):
            continue
        if not any(_covers(each, match, names) for each in same):
            return False
    counts = Counter(each.dimension for each in plain.values())
    return all(
        names[variable] <= slot_kinds(slot)
        for variable, slot in best.assignment
        if counts[plain[variable].dimension] > 1 or plain[variable].dimension == _DIFFUSIVITY
    )


def _latex(symbol: str, power: Fraction) -> str:
    if power == 1:
        return symbol
    if "/" in symbol:
        symbol = rf"\left({symbol}\right)"
    elif "^" in symbol:
        symbol = f"{{{symbol}}}"
    return f"{symbol}^{{{power}}}"


def named_group_exponents(kinds_by_variable: Kinds) -> list[Named]:
    """All named numbers that can be formed from these variables.

    Parameters
    ----------
    kinds_by_variable : mapping of str to tuple of Kind
        Kinds that each variable may be.

    Returns
    -------
    list of (NamedNumber, dict of str to Fraction)
        In the order of the catalogue, then of the definitions and variable names; each with the
        exponents of its usual form (power 1). Only what `recognise` would name so.

    Examples
    --------
    >>> from dimgs.groups.kinds import kind
    >>> kinds = {
    ...     "U": (kind("velocity"),), "L": (kind("length"),), "nu": (kind("kinematic viscosity"),)
    ... }
    >>> [(number.name, str(powers["nu"])) for number, powers in named_group_exponents(kinds)]
    [('Reynolds number', '-1')]
    """
    by_class: dict[int, list[str]] = {}
    names: dict[str, frozenset[str]] = {}
    for name, kinds in sorted(kinds_by_variable.items()):
        names[name] = frozenset(each.name for each in kinds)
        if kinds:
            by_class.setdefault(dimension_class(kinds[0]), []).append(name)
    groups: list[Named] = []
    seen: set[tuple[tuple[str, Fraction], ...]] = set()
    for form in all_forms():
        for chosen in _fillings(form, by_class, names):
            integers = (integer for _, _, integer in form.slots)
            powers = {n: form.scale * k for n, k in zip(chosen, integers, strict=True)}
            key = tuple(sorted(powers.items()))
            if key in seen:
                continue
            known = recognise(powers, kinds_by_variable)
            if known is not None and known.number is form.number and known.power == 1:
                seen.add(key)
                groups.append((form.number, powers))
    return groups


def _fillings(
    form: Form, by_class: Mapping[int, list[str]], names: Names
) -> Iterator[tuple[str, ...]]:
    """Distinct variables for the slots, by dimension and possible kind."""
    options = (
        [name for name in by_class.get(dimension, ()) if names[name] & slot_kinds(slot)]
        for slot, dimension, _ in form.slots
    )
    return (chosen for chosen in itertools.product(*options) if len(set(chosen)) == len(chosen))


def named(group: PiGroup, recognition: Recognition | None) -> PiGroup:
    """The group with the name that was recognised."""
    if recognition is None:
        return group
    return replace(group, known_as=recognition.label, symbol=recognition.latex)


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
        self._groups: dict[IntVector, PiGroup] = {}

    def response(self, target: str, powers: Mapping[str, Fraction]) -> PiGroup:
        """Group pi_0: the target times the given powers of inputs."""
        group = PiGroup.of("pi_0", {target: Fraction(1), **powers})
        return named(group, recognise(group.as_dict(), self._kinds))

    def groups(self, vectors: Sequence[IntVector]) -> tuple[PiGroup, ...]:
        """Groups pi_1, pi_2, ... from exponent vectors, with fixed signs and in a fixed order.

        The first non-zero exponent in name order is positive, except that a recognised group
        keeps its usual form. Shorter groups come first.
        """
        sized = [(_size(vector), self._group(vector)) for vector in vectors]
        sized.sort(key=lambda each: (each[0], each[1].exponents))
        return tuple(group.renamed(f"pi_{i}") for i, (_, group) in enumerate(sized, start=1))

    def _group(self, vector: IntVector) -> PiGroup:
        group = self._groups.get(vector)
        if group is None:
            powers = [(n, x) for n, x in zip(self._names, vector, strict=True) if x]
            sign = 1 if powers[0][1] > 0 else -1
            group = self._groups[vector] = self._form({n: Fraction(sign * x) for n, x in powers})
        return group

    def _form(self, exponents: dict[str, Fraction]) -> PiGroup:
        recognition = recognise(exponents, self._kinds)
        if recognition is not None and recognition.power < 0:
            exponents = {n: -x for n, x in exponents.items()}
            recognition = recognise(exponents, self._kinds)
        return named(PiGroup("pi", tuple(sorted(exponents.items()))), recognition)


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
    return (*taken, *(completed(taken, lattice) or ()))


def named_response(target: str, inputs: Sequence[str], kinds: Kinds) -> dict[str, Fraction] | None:
    """Powers of the inputs with which the target, exponent 1, is a named number; None if none."""
    allowed = {target, *inputs}
    for _, powers in _by_usual_size(named_group_exponents(kinds), kinds):
        if abs(powers.get(target, Fraction(0))) == 1 and set(powers) <= allowed:
            return {n: x / powers[target] for n, x in powers.items() if n != target}
    return None


def _by_usual_size(groups: Sequence[Named], kinds: Kinds) -> list[Named]:
    """Order of the catalogue; within one number, a diameter before a roughness."""
    place: dict[str, int] = {}

    def key(each: Named) -> tuple[int, int]:
        of = [kinds[name][0].name for name in each[1] if len(kinds[name]) == 1]
        return place.setdefault(each[0].name, len(place)), ("roughness" in of) - ("diameter" in of)

    return sorted(groups, key=key)
