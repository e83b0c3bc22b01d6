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
from dimgs.law.power import Side
from dimgs.report.words import listed

Rationals = Sequence[Fraction | None]


def physical(powers: Powers, groups: Sequence[PiGroup]) -> PiGroup:
    """The same in the inputs."""
    names = {name for g in groups for name, _ in g.exponents}
    total = {n: sum(p * g.get(n) for p, g in zip(powers, groups, strict=True)) for n in names}
    return PiGroup.of("monomial", total)


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
        None where no groups make it; the first power is positive.
    """
    rows = [
        [*(g.get(name) for g in space.groups), Fraction(e)]
        for name, e in zip(space.names, exponents, strict=True)
    ]
    powers = solve_exact(rows, len(space.groups))
    if powers is None or not any(powers):
        return None
    sign = 1 if next(p for p in powers if p) > 0 else -1
    return tuple(Fraction(sign * p) for p in primitive(powers))


def essential(space: PiSpace, rationals: Sequence[Rationals]) -> tuple[str, ...]:
    """Fewest monomials, in the inputs, on which the laws' differences depend.

    Empty where exponents are not all rational, or where there is a single law.
    """
    known = [[q for q in r if q is not None] for r in rationals]
    if len(known) < 2 or any(len(k) < len(space.names) for k in known):
        return ()
    apart = [[b - a for a, b in zip(one, two, strict=True)] for one, two in combinations(known, 2)]
    wanted = _rank(apart)
    met = filter(None, (monomial_of(space, row) for row in apart))
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
        group = physical(c.powers, space.groups)
        known = next((g.known_as for g in space.groups if g.exponents == group.exponents), None)
        name = f"the {known} " if known else ""
        parts.append(f"{name}{group} {'≥' if c.at_least else '<'} {c.threshold:.3g}")
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
