"""Exponents of inputs as monomials of groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import lcm

import numpy as np

from dimgs.arrays import Array
from dimgs.campaign.space import PiSpace
from dimgs.dimensions import ReducedSystem
from dimgs.groups.group import PiGroup

# a product of more groups tells a reader nothing
_MOST_GROUPS = 4


@dataclass(frozen=True)
class GroupMonomial:
    """A product of powers of groups.

    Attributes
    ----------
    powers : tuple of Fraction
        Of the basis' groups.
    exact : bool
        Whether it stands for exactly the exponents asked for.
    """

    powers: tuple[Fraction, ...]
    exact: bool

    def log(self, log_groups: Array) -> Array:
        """Logarithm at points of shape (n, n_groups)."""
        return np.asarray(log_groups @ np.array([float(p) for p in self.powers]))

    def text(self, names: Sequence[str]) -> str:
        """In the grammar of conditions, such as ``pi_1**2*pi_3``."""
        parts = []
        for name, power in zip(names, self.powers, strict=True):
            if power == 1:
                parts.append(name)
            elif power:
                exponent = str(power) if power.denominator == 1 and power > 0 else f"({power})"
                parts.append(f"{name}**{exponent}")
        return "*".join(parts) or "1"

    def physical(self, groups: Sequence[PiGroup]) -> PiGroup:
        """The same in the inputs."""
        exponents: dict[str, Fraction] = {}
        for group, power in zip(groups, self.powers, strict=True):
            for name, e in group.exponents:
                exponents[name] = exponents.get(name, Fraction(0)) + power * e
        return PiGroup.of("monomial", exponents)


def monomial_of(space: PiSpace, exponents: Sequence[Fraction]) -> GroupMonomial | None:
    """Monomial of the fewest groups with these exponents of the varied inputs.

    Parameters
    ----------
    space : PiSpace
    exponents : sequence of Fraction
        Of the varied inputs.

    Returns
    -------
    GroupMonomial or None
        None where no few groups make it. Whole powers, the first positive.
    """
    groups = space.groups
    varying = [i for i, g in enumerate(groups) if any(g.get(n) for n in space.names)]
    best: tuple[int, list[Fraction]] | None = None
    for size in range(1, min(_MOST_GROUPS, len(varying)) + 1):
        for chosen in combinations(varying, size):
            rows = [
                [*(groups[i].get(name) for i in chosen), Fraction(e)]
                for name, e in zip(space.names, exponents, strict=True)
            ]
            system = ReducedSystem.of(rows, size)
            if not system.consistent or len(system.pivots) < size:
                continue
            powers = [Fraction(0)] * len(groups)
            for i, row in zip(chosen, system.rows, strict=True):
                powers[i] = row[-1]
            weight = _length(GroupMonomial(tuple(powers), True).physical(groups))
            if all(powers[i] for i in chosen) and (best is None or weight < best[0]):
                best = (weight, powers)
        if best is not None:
            return GroupMonomial(tuple(_whole(best[1])), True)
    return None


def _whole(powers: list[Fraction]) -> list[Fraction]:
    """The same direction in whole numbers without a common factor, the first positive."""
    multiple = lcm(*(p.denominator for p in powers))
    whole = [p * multiple for p in powers]
    common = Fraction(int(np.gcd.reduce([abs(int(p)) for p in whole])))
    first = next(p for p in whole if p)
    return [p / common * (1 if first > 0 else -1) for p in whole]


def decimal_monomial(space: PiSpace, slope: Array) -> GroupMonomial:
    """Monomial of groups that grows as slope . z, in decimals: the shortest vector of powers."""
    scaled = space.loadings * space.half
    # slope . z = powers . (W u), with z = T u
    powers = np.linalg.lstsq(scaled.T, space.transform.T @ slope, rcond=1e-9)[0]
    lead = powers[int(np.argmax(np.abs(powers)))]
    rounded = [Fraction(round(1000 * float(p / lead)), 1000) for p in powers]
    return GroupMonomial(tuple(rounded), False)


def essential(space: PiSpace, rationals: Sequence[Sequence[Fraction | None]]) -> tuple[str, ...]:
    """Fewest monomials, in the inputs, on which the laws' differences depend.

    Empty where exponents are not all rational, or where there is a single law.
    """
    known = [[q for q in r if q is not None] for r in rationals]
    if len(known) < 2 or any(len(k) < len(space.names) for k in known):
        return ()
    rows = [[b - a for a, b in zip(known[0], row, strict=True)] for row in known[1:]]
    wanted = _rank(rows)
    groups = space.groups
    offers: list[tuple[int, str, list[Fraction]]] = []
    for group in groups:
        exponents = [group.get(n) for n in space.names]
        if any(exponents) and _rank([*rows, exponents]) == wanted:
            offers.append((_length(group), str(group), exponents))
    for one in range(len(known)):
        for other in range(one + 1, len(known)):
            difference = [b - a for a, b in zip(known[one], known[other], strict=True)]
            found = monomial_of(space, difference) if any(difference) else None
            if found is not None:
                physical = found.physical(groups)
                offers.append((_length(physical), str(physical), difference))
    chosen: list[list[Fraction]] = []
    names: list[str] = []
    for _, text, exponents in sorted(offers, key=lambda o: o[:2]):
        if _rank([*chosen, exponents]) > len(chosen):
            chosen.append(exponents)
            names.append(text)
    return tuple(names) if len(names) == wanted else ()


def _length(group: PiGroup) -> int:
    """Complexity in the inputs: how many take part, with what powers."""
    return sum(abs(e.numerator) + e.denominator for _, e in group.exponents)


def _rank(rows: Sequence[Sequence[Fraction]]) -> int:
    extended = [[*row, Fraction(0)] for row in rows]
    return len(ReducedSystem.of(extended, len(rows[0])).pivots) if rows else 0
