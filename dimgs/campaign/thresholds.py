"""Conditions on monomials of groups: where a law holds, in the grammar of laws and in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import numpy as np

from dimgs.campaign.space import PiSpace
from dimgs.common.arrays import Array, BoolArray
from dimgs.fits.consensus import Powers, Separation
from dimgs.groups.dimensions import ReducedSystem, primitive, solve_exact
from dimgs.groups.group import PiGroup
from dimgs.report.words import listed

Rationals = Sequence[Fraction | None]


def monomial_text(powers: Powers, names: Sequence[str]) -> str:
    """A monomial in the grammar of conditions.

    Examples
    --------
    >>> monomial_text((Fraction(2), Fraction(0), Fraction(-1, 2)), ["pi_1", "pi_2", "pi_3"])
    'pi_1**2*pi_3**(-1/2)'
    """
    parts = []
    for name, power in zip(names, powers, strict=True):
        whole = power.denominator == 1 and power > 0
        exponent = "" if power == 1 else f"**{power}" if whole else f"**({power})"
        parts += [f"{name}{exponent}"] * bool(power)
    return "*".join(parts) or "1"


def physical(powers: Powers, groups: Sequence[PiGroup]) -> PiGroup:
    """The same in the inputs."""
    names = sorted({name for g in groups for name, _ in g.exponents})
    rows = zip(powers, groups, strict=True)
    total = {n: Fraction(0) for n in names}
    for power, group in rows:
        for name, e in group.exponents:
            total[name] += power * e
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
    met = [m for m in (monomial_of(space, row) for row in apart if any(row)) if m is not None]
    offers = [physical(powers, space.groups) for powers in (*space.axes.short, *met)]
    chosen, names = list[list[Fraction]](), list[str]()
    for group in sorted(offers, key=lambda g: (_length(g), str(g))):
        row = [group.get(n) for n in space.names]
        if _rank([*apart, row]) == wanted and _rank([*chosen, row]) > len(chosen):
            chosen.append(row)
            names.append(str(group))
    return tuple(names) if len(names) == wanted else ()


def _length(group: PiGroup) -> int:
    """Complexity in the inputs: how many take part, with what powers."""
    return sum(abs(e.numerator) + e.denominator for _, e in group.exponents)


def _rank(rows: Sequence[Sequence[Fraction]]) -> int:
    extended = [[*row, Fraction(0)] for row in rows]
    return len(ReducedSystem.of(extended, len(rows[0])).pivots) if rows else 0


@dataclass(frozen=True)
class Meeting:
    """Two laws that meet on a monomial of the groups.

    Attributes
    ----------
    monomial : tuple of Fraction
    scale : float
        Logarithm of the monomial per unit of the difference of the laws.
    log_at_zero : float
        Logarithm of the monomial at z = 0.
    """

    monomial: Powers
    scale: float
    log_at_zero: float

    def threshold(self, constant: float, gap: float) -> float:
        """Value of the monomial where the laws differ by `gap`; their constants, by `constant`."""
        return float(np.exp(np.clip(self.log_at_zero + self.scale * (gap - constant), -700, 700)))


def meeting(space: PiSpace, slope: Array, one: Rationals, other: Rationals) -> Meeting:
    """Meeting of law `one` with law `other`, `slope` being that of other minus one."""
    pairs = zip(one, other, strict=True)
    exact = [b - a for a, b in pairs if a is not None and b is not None]
    found = monomial_of(space, exact) if len(exact) == len(one) else None
    monomial = found or space.axes.decimal(slope)
    middle, gradient = space.axes.gradient(monomial)
    return Meeting(monomial, float(gradient @ slope) / float(slope @ slope), middle)


@dataclass(frozen=True)
class Threshold:
    """A monomial on one side of a value: one condition of the core of a law.

    Attributes
    ----------
    monomial : tuple of Fraction
    at_least : bool
    value : float
    """

    monomial: Powers
    at_least: bool
    value: float


def where_text(space: PiSpace, conditions: Sequence[Threshold]) -> str:
    """Conditions over group names, ready to be parsed; ``"True"`` for everywhere."""
    names = [g.name for g in space.groups]
    parts = [
        f"{monomial_text(c.monomial, names)} {'>=' if c.at_least else '<'} {c.value:.4g}"
        for c in conditions
    ]
    return " & ".join(f"({p})" for p in parts) if len(parts) > 1 else (parts or ["True"])[0]


def where_words(space: PiSpace, conditions: Sequence[Threshold]) -> str:
    """Conditions in the inputs, numbers with a name in the literature by name too."""
    parts = []
    for c in conditions:
        known = [
            g.known_as
            for g, p in zip(space.groups, c.monomial, strict=True)
            if p == 1 and g.known_as and sum(map(bool, c.monomial)) == 1
        ]
        name = f"the {known[0]} " if known else ""
        parts.append(
            f"{name}{physical(c.monomial, space.groups)} {'≥' if c.at_least else '<'} {c.value:.3g}"
        )
    return listed(parts)


def holding(space: PiSpace, conditions: Sequence[Threshold], z: Array) -> BoolArray:
    """Whether conditions hold at points of shape (n, rank)."""
    inside = np.ones(len(z), dtype=np.bool_)
    for c in conditions:
        inside &= (space.axes.along(c.monomial, z) >= np.log(c.value)) == c.at_least
    return inside


def conditions_of(apart: Separation) -> tuple[Threshold, Threshold]:
    """Conditions of the two sets that a monomial parts, each as far as its own runs go."""
    below = Threshold(apart.powers, False, apart.low)
    above = Threshold(apart.powers, True, apart.high)
    return (above, below) if apart.upper == 0 else (below, above)
