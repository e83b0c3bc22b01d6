"""Signs, names and order of the groups of a basis."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from dimgs.dimensions import IntVector, lattice_reduced, solve_exact
from dimgs.groups.catalogue import NamedNumber
from dimgs.groups.group import PiGroup
from dimgs.groups.kinds import Kind, infer_kinds
from dimgs.groups.recognition import named_group_exponents, recognise
from dimgs.variables import Variable

Kinds = Mapping[str, tuple[Kind, ...]]


def kinds_of(variables: Sequence[Variable]) -> Kinds:
    """Physical kinds that each variable may be, from its unit, name and hint."""
    return {v.name: infer_kinds(v.name, v.dimension.as_dict(), v.kind) for v in variables}


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
        return tuple(group.renamed(f"pi_{i}") for i, (_, group) in enumerate(found, start=1))

    def _group(self, vector: IntVector) -> PiGroup:
        lead = next(x for x in vector if x)
        signed = vector if lead > 0 else tuple(-x for x in vector)
        if signed not in self._known:
            self._known[signed] = self._named(
                [(n, x) for n, x in zip(self._names, signed, strict=True) if x]
            )
        return self._known[signed]

    def _named(self, powers: Sequence[tuple[str, int]]) -> PiGroup:
        exponents = {n: Fraction(x) for n, x in powers}
        found = recognise(exponents, self._kinds)
        if found is not None and found.power < 0:
            exponents = {n: -x for n, x in exponents.items()}
            found = recognise(exponents, self._kinds)
        if found is None:
            return PiGroup.of("pi", exponents)
        return replace(PiGroup.of("pi", exponents), known_as=found.label, symbol=found.latex)


def _size(vector: IntVector) -> tuple[int, int]:
    return sum(map(abs, vector)), sum(map(bool, vector))


def with_named_groups(
    lattice: Sequence[IntVector], names: Sequence[str], kinds: Kinds
) -> tuple[IntVector, ...]:
    """Lattice basis that contains as many different named numbers as fit.

    A named number is taken if, with those already taken, it can still be completed to a basis of
    the full lattice (all Smith factors of the taken set are 1). Each is taken once, with a
    diameter for its length where there is one and a roughness only where there is nothing else:
    one Reynolds number and the ratios of lengths say more than a Reynolds number per length.
    """
    taken: list[IntVector] = []
    used: set[str] = set()
    for number, powers in _by_usual_size(named_group_exponents(kinds), kinds):
        vector = tuple(powers.get(n, Fraction(0)) for n in names)
        whole = all(x.denominator == 1 for x in vector) and set(powers) <= set(names)
        if not whole or number.name in used or len(taken) == len(lattice):
            continue
        candidate = [*taken, tuple(int(x) for x in vector)]
        if _extension(candidate, lattice) is not None:
            taken = candidate
            used.update((number.name, number.broader))
    rest = _extension(taken, lattice) or ()
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


def _extension(
    taken: Sequence[IntVector], lattice: Sequence[IntVector]
) -> tuple[IntVector, ...] | None:
    """Vectors that complete `taken` to a basis of the lattice, or None if there are none."""
    if not taken:
        return tuple(lattice)
    coordinates = _coordinates(taken, lattice)
    if coordinates is None:
        return None
    k, s = len(lattice), len(taken)
    # unimodular U with U Cᵀ = [I; 0] exists exactly when C is primitive; U⁻¹ holds the basis
    from flint import fmpz_mat

    identity = [[int(i == j) for j in range(k)] for i in range(k)]
    stacked = [[c[i] for c in coordinates] + identity[i] for i in range(k)]
    normal = fmpz_mat(stacked).hnf().tolist()
    if any(normal[i][j] != identity[i][j] for i in range(k) for j in range(s)):
        return None
    inverse = fmpz_mat([row[s:] for row in normal]).inv().tolist()
    columns = [[int(inverse[i][c].p) for i in range(k)] for c in range(s, k)]
    rest = [_combine(column, lattice) for column in columns]
    return tuple(_shortened(v, taken) for v in lattice_reduced(rest)) if rest else ()


def _coordinates(
    vectors: Sequence[IntVector], lattice: Sequence[IntVector]
) -> list[list[int]] | None:
    n = len(lattice[0])
    out = []
    for vector in vectors:
        system = [[Fraction(b[i]) for b in lattice] + [Fraction(vector[i])] for i in range(n)]
        solution = solve_exact(system, len(lattice))
        if solution is None or any(x.denominator != 1 for x in solution):
            return None
        out.append([int(x) for x in solution])
    return out


def _combine(weights: Sequence[int], lattice: Sequence[IntVector]) -> IntVector:
    n = len(lattice[0])
    return tuple(sum(w * b[i] for w, b in zip(weights, lattice, strict=True)) for i in range(n))


def _shortened(vector: IntVector, taken: Sequence[IntVector]) -> IntVector:
    """Vector minus the multiples of taken groups that make it shortest."""
    best = vector
    for _ in range(4):
        before = best
        for group in taken:
            options = [
                tuple(x - m * y for x, y in zip(best, group, strict=True)) for m in range(-4, 5)
            ]
            best = min(options, key=lambda v: (sum(abs(x) for x in v), [-x for x in v]))
        if best == before:
            break
    return best
