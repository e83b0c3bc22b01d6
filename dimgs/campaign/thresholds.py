"""Conditions on monomials of groups: where a law holds, in the grammar of laws and in words."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np

from dimgs.campaign.space import PiSpace
from dimgs.common.arrays import Array, BoolArray
from dimgs.fits.consensus import Powers, Separation
from dimgs.groups.dimensions import primitive, solve_exact
from dimgs.groups.group import PiGroup
from dimgs.law.power import Side, reading
from dimgs.report.words import listed

Rationals = Sequence[Fraction | None]


def physical(powers: Powers, groups: Sequence[PiGroup]) -> PiGroup:
    """The same in the inputs, columns that enter unlogged apart."""
    names = {name for g in groups for name, _ in g.exponents}
    total = {n: sum(p * g.get(n) for p, g in zip(powers, groups, strict=False)) for n in names}
    return PiGroup.of("monomial", total)


def monomial_words(space: PiSpace, powers: Powers) -> str:
    """A monomial in the inputs; a temperature alone is itself."""
    used = [(f, p) for f, p in zip(space.features, powers, strict=True) if p]
    if len(used) == 1 and not used[0][0].logged:
        return used[0][0].name
    kelvin = [f"exp({float(p):.5g} K/{f.name})" for f, p in used if not f.logged]
    groups = [str(physical(powers, space.groups))] if len(kelvin) < len(used) else []
    return "·".join([*groups, *kelvin])


def monomial_of(space: PiSpace, exponents: Sequence[Fraction]) -> Powers | None:
    """Monomial of groups with these exponents of the varied inputs, in whole powers.

    Parameters
    ----------
    space : PiSpace
    exponents : sequence of Fraction
        Of the varied inputs.

    Returns
    -------
    tuple of Fraction or None
        Powers of the groups, the first positive, or none of them where all exponents are 0, then
        those of temperatures, which are 0. None where no groups make it.
    """
    rows = [
        [*(g.get(name) for g in space.groups), Fraction(e)]
        for name, e in zip(space.names, exponents, strict=True)
    ]
    solved = solve_exact(rows, len(space.groups)) if space.groups else ()
    if solved is None:
        return None
    sign = 1 if next((p for p in solved if p), 1) > 0 else -1
    powers = [sign * p for p in primitive(solved)] if any(solved) else [0] * len(solved)
    return tuple(Fraction(p) for p in (*powers, *[0] * len(space.references)))


def essential(space: PiSpace, rationals: Sequence[Rationals]) -> tuple[str, ...]:
    """Fewest monomials, in the inputs, on which the laws' differences depend.

    Empty where exponents are not all rational, or where there is a single law.
    """
    known = [[q for q in r if q is not None] for r in rationals]
    if len(known) < 2 or any(len(k) < len(space.names) for k in known):
        return ()
    apart = [[b - a for a, b in zip(one, two, strict=True)] for one, two in combinations(known, 2)]
    wanted = _rank(apart)
    met = filter(any, (monomial_of(space, row) or () for row in apart))
    offers = [physical(powers, space.groups) for powers in (*space.axes.short, *met)]
    chosen = dict[str, list[Fraction]]()
    for group in offers:
        row = [group.get(n) for n in space.names]
        if _rank([*apart, row]) == wanted and _rank([*chosen.values(), row]) > len(chosen):
            chosen[str(group)] = row
    return tuple(chosen) if len(chosen) == wanted else ()


def _rank(rows: Sequence[Sequence[Fraction]]) -> int:
    return int(np.linalg.matrix_rank(np.array(rows, dtype=float))) if rows else 0


def condition(powers: Powers, value: float, at_least: bool) -> Side:
    """A monomial of the groups on one side of a value."""
    return Side(powers, value, value, value, at_least, 0)


def where_words(space: PiSpace, conditions: Sequence[Side]) -> str:
    """Conditions in the inputs, numbers with a name in the literature by name too."""
    parts = []
    for c in conditions:
        group, words = physical(c.powers, space.groups), monomial_words(space, c.powers)
        known = next((g.known_as for g in space.groups if g.exponents == group.exponents), None)
        name = f"the {known} " if known and words == str(group) else ""
        side = reading(c, space.features)[1]
        unit = " K" if words in space.references else ""
        parts.append(f"{name}{words} {'≥' if side.at_least else '<'} {side.threshold:.3g}{unit}")
    return listed(parts)


def holding(space: PiSpace, conditions: Sequence[Side], z: Array) -> BoolArray:
    """Whether conditions hold at points of shape (n, rank)."""
    inside = np.ones(len(z), dtype=np.bool_)
    for c in conditions:
        inside &= (space.axes.along(c.powers, z) >= np.log(c.threshold)) == c.at_least
    return inside


def condition_of(apart: Separation) -> Side:
    """Condition of the first of two sets that a monomial parts, as far as its own runs go."""
    upper = apart.upper == 0
    return condition(apart.powers, apart.high if upper else apart.low, upper)
