"""Signs, names and order of the groups of a basis."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from dimgs.dimensions import IntVector, hermite_normal_form, lattice_reduced
from dimgs.groups.group import PiGroup
from dimgs.groups.kinds import Kind, infer_kinds
from dimgs.groups.recognition import named_group_exponents, recognise
from dimgs.variables import Variable

Kinds = Mapping[str, tuple[Kind, ...]]


def kinds_of(variables: Sequence[Variable]) -> Kinds:
    """Physical kinds that each variable may be, from its unit, name and hint."""
    return {v.name: infer_kinds(v.name, v.dimension.as_dict(), v.kind) for v in variables}


def named(group: PiGroup, kinds: Kinds) -> PiGroup:
    """The group with its name in the literature, where its kinds leave no doubt."""
    found = recognise(group.as_dict(), kinds)
    if found is None:
        return group
    return PiGroup(group.name, group.exponents, found.label, found.latex)


def ordered_groups(
    vectors: Sequence[IntVector], names: Sequence[str], kinds: Kinds
) -> tuple[PiGroup, ...]:
    """Named groups pi_1, pi_2, ... from exponent vectors, in a fixed order and with fixed signs.

    The first non-zero exponent in name order is positive, except that a recognised group keeps
    its usual form. Shorter groups come first.
    """
    groups = []
    for vector in vectors:
        lead = next(x for x in vector if x)
        signed = vector if lead > 0 else tuple(-x for x in vector)
        exponents = {n: Fraction(x) for n, x in zip(names, signed, strict=True)}
        found = recognise(exponents, kinds)
        if found is not None and found.power < 0:
            exponents = {n: -x for n, x in exponents.items()}
        groups.append(named(PiGroup.of("pi", exponents), kinds))

    def size(group: PiGroup) -> tuple[Fraction, int, tuple[tuple[str, Fraction], ...]]:
        total = sum((abs(e) for _, e in group.exponents), Fraction(0))
        return total, len(group.exponents), group.exponents

    groups.sort(key=size)
    return tuple(g.renamed(f"pi_{i}") for i, g in enumerate(groups, start=1))


def with_named_groups(
    lattice: Sequence[IntVector], names: Sequence[str], kinds: Kinds
) -> tuple[IntVector, ...]:
    """Lattice basis that contains as many named numbers as fit.

    A named number is taken if, with those already taken, it can still be completed to a basis of
    the full lattice (all Smith factors of the taken set are 1).
    """
    taken: list[IntVector] = []
    for _, powers in named_group_exponents(kinds):
        vector = tuple(powers.get(n, Fraction(0)) for n in names)
        if any(x.denominator != 1 for x in vector) or len(taken) == len(lattice):
            continue
        candidate = [*taken, tuple(int(x) for x in vector)]
        if _extension(candidate, lattice) is not None:
            taken = candidate
    rest = _extension(taken, lattice) or ()
    return (*taken, *rest)


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
    stacked = [
        [coordinates[j][i] for j in range(s)] + [int(i == c) for c in range(k)] for i in range(k)
    ]
    normal = hermite_normal_form(stacked)
    if any(normal[i][j] != int(i == j) for i in range(k) for j in range(s)):
        return None
    from sympy import ZZ
    from sympy.polys.matrices import DomainMatrix

    transform = DomainMatrix([[ZZ(x) for x in row[s:]] for row in normal], (k, k), ZZ)
    inverse = transform.to_field().inv().to_list()
    columns = [[int(inverse[i][c]) for i in range(k)] for c in range(s, k)]
    rest = [_combine(column, lattice) for column in columns]
    return tuple(_shortened(v, taken) for v in lattice_reduced(rest)) if rest else ()


def _coordinates(
    vectors: Sequence[IntVector], lattice: Sequence[IntVector]
) -> list[list[int]] | None:
    from dimgs.dimensions import solve_exact

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
