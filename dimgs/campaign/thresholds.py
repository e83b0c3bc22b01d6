"""Conditions on monomials of groups, and the monomial that tells two sets of runs apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from math import lcm

import numpy as np
from scipy.optimize import linprog

from dimgs.campaign.space import PiSpace
from dimgs.common.arrays import Array, BoolArray
from dimgs.groups.dimensions import ReducedSystem
from dimgs.groups.group import PiGroup
from dimgs.report.words import listed

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


Rationals = Sequence[Fraction | None]

# coordinates are of the order of 1, and equal points are less than 1e-6 apart
_GAP = 1e-6
# groups of which all products with powers 1 and -1 are tried: a few hundred
_MOST_PRODUCT = 6
# of the way from the direction with the widest gap to one that barely tells two sets apart
_NEARLY = 0.9
# powers in a product of two groups that may part two sets
_POWERS = (Fraction(1), Fraction(-1), Fraction(2), Fraction(-2), Fraction(1, 2), Fraction(-1, 2))


@dataclass(frozen=True)
class Meeting:
    """Two laws that meet on a monomial of the groups.

    Attributes
    ----------
    monomial : GroupMonomial
    scale : float
        Logarithm of the monomial per unit of the difference of the laws.
    log_at_zero : float
        Logarithm of the monomial at z = 0.
    """

    monomial: GroupMonomial
    scale: float
    log_at_zero: float

    def threshold(self, constant: float, gap: float) -> float:
        """Value of the monomial where the laws differ by `gap`; their constants, by `constant`."""
        return float(np.exp(np.clip(self.log_at_zero + self.scale * (gap - constant), -700, 700)))


def meeting(space: PiSpace, slope: Array, one: Rationals, other: Rationals) -> Meeting:
    """Meeting of law `one` with law `other`, `slope` being that of other minus one."""
    difference = [
        None if a is None or b is None else b - a for a, b in zip(one, other, strict=True)
    ]
    exact = [d for d in difference if d is not None]
    found = None
    if len(exact) == len(difference) and any(exact):
        found = monomial_of(space, exact)
    monomial = found or decimal_monomial(space, slope)
    middle = float(monomial.log(space.middle[None])[0])
    unit = monomial.log(space.log_groups(np.eye(space.rank)))
    gradient = unit - middle
    scale = float(gradient @ slope) / float(slope @ slope)
    return Meeting(monomial, scale, middle)


@dataclass(frozen=True)
class Threshold:
    """A monomial on one side of a value: one condition of the core of a law.

    Attributes
    ----------
    monomial : GroupMonomial
    at_least : bool
    value : float
    """

    monomial: GroupMonomial
    at_least: bool
    value: float


def where_text(space: PiSpace, conditions: Sequence[Threshold]) -> str:
    """Conditions over group names, ready to be parsed; ``"True"`` for everywhere."""
    names = [g.name for g in space.groups]
    parts = [
        f"{c.monomial.text(names)} {'>=' if c.at_least else '<'} {c.value:.4g}" for c in conditions
    ]
    return " & ".join(f"({p})" for p in parts) if len(parts) > 1 else (parts or ["True"])[0]


def where_words(space: PiSpace, conditions: Sequence[Threshold]) -> str:
    """Conditions in the inputs, numbers with a name in the literature by name too."""
    parts = []
    for c in conditions:
        known = [
            g.known_as
            for g, p in zip(space.groups, c.monomial.powers, strict=True)
            if p == 1 and g.known_as and sum(map(bool, c.monomial.powers)) == 1
        ]
        name = f"the {known[0]} " if known else ""
        physical = c.monomial.physical(space.groups)
        parts.append(f"{name}{physical} {'≥' if c.at_least else '<'} {c.value:.3g}")
    return listed(parts)


def holding(space: PiSpace, conditions: Sequence[Threshold], z: Array) -> BoolArray:
    """Whether conditions hold at points of shape (n, rank)."""
    inside = np.ones(len(z), dtype=np.bool_)
    for c in conditions:
        along = c.monomial.log(space.log_groups(z))
        inside &= (along >= np.log(c.value)) == c.at_least
    return inside


@dataclass(frozen=True)
class Separation:
    """A monomial that tells two sets of runs apart.

    Attributes
    ----------
    monomial : GroupMonomial
    low, high : float
        Its values at the last run of the lower set and at the first of the upper one.
    upper : int
        Which of the two sets is the upper one, 0 or 1.
    """

    monomial: GroupMonomial
    low: float
    high: float
    upper: int

    @property
    def conditions(self) -> tuple[Threshold, Threshold]:
        """Conditions of the two sets, each as far as its own runs go."""
        below = Threshold(self.monomial, False, self.low)
        above = Threshold(self.monomial, True, self.high)
        return (above, below) if self.upper == 0 else (below, above)


def separating(space: PiSpace, one: Array, other: Array) -> Separation | None:
    """The monomial between two sets of runs with the widest gap.

    A single group comes first, then a product of two, then one of more, then what a linear
    programme finds.

    Parameters
    ----------
    space : PiSpace
    one, other : ndarray of shape (n, rank)

    Returns
    -------
    Separation or None
        None where the sets lie among each other.
    """
    if not len(one) or not len(other):
        return None
    for powers in _simple(space):
        offers = [_apart(space, GroupMonomial(tuple(p), exact=True), one, other) for p in powers]
        known = [(width, apart) for width, apart in filter(None, offers)]
        if known:
            return max(known, key=lambda o: o[0])[1]
    return _widest(space, one, other)


def rivals(space: PiSpace, one: Array, other: Array) -> list[Separation]:
    """Simple monomials that tell two sets of runs apart, and the one with the widest gap.

    Where no simple one does, those that are as far from each other as the runs allow.
    """
    if not len(one) or not len(other):
        return []
    every = [p for powers in _simple(space) for p in powers]
    offers = [_apart(space, GroupMonomial(tuple(p), exact=True), one, other) for p in every]
    simple = [apart for _, apart in filter(None, offers)]
    widest = _widest(space, one, other)
    extremes = [] if simple else _extremes(one, other)
    found = [_apart(space, decimal_monomial(space, w), one, other) for w in extremes]
    return simple + ([widest] if widest else []) + [apart for _, apart in filter(None, found)]


def _extremes(one: Array, other: Array) -> list[Array]:
    """Directions that tell two sets apart, each nearly the farthest along a coordinate or back."""
    middle = _direction(one, other)
    if middle is None:
        return []
    rank, towards = one.shape[1], other.mean(axis=0) - one.mean(axis=0)
    # unknowns w, b: w.z <= b for the one set and w.z >= b for the other
    rows = [np.column_stack([s * z, np.full(len(z), -s)]) for s, z in ((1.0, one), (-1.0, other))]
    found = []
    for goal in (*np.eye(rank), *-np.eye(rank)):
        solved = linprog(
            np.append(goal, 0.0),
            A_ub=np.vstack(rows),
            b_ub=np.full(len(one) + len(other), -_GAP),
            A_eq=np.append(towards, 0.0)[None],
            b_eq=[1.0],
            bounds=[(None, None)] * (rank + 1),
            method="highs",
        )
        if solved.x is not None:
            # powers are written with three decimals, which the very end does not bear
            found.append(_NEARLY * solved.x[:rank] + (1.0 - _NEARLY) * middle / (middle @ towards))
    return found


def first_side(space: PiSpace, apart: Separation, at: float, z: Array) -> BoolArray:
    """Which points lie on the side of the first set, if the sets part at `at` of the way."""
    low, high = np.log(apart.low), np.log(apart.high)
    along = apart.monomial.log(space.log_groups(z))
    return np.asarray((along > low + at * (high - low)) == (apart.upper == 0))


def _simple(space: PiSpace) -> Iterator[list[list[Fraction]]]:
    """Powers of single groups, of two of them, and of all to the power 1 or -1."""
    size = space.loadings.shape[0]
    varying = [i for i in range(size) if np.any(space.loadings[i])]
    yield [[Fraction(i == j) for j in range(size)] for i in varying]
    yield [
        [Fraction(j == a) + power * (j == b) for j in range(size)]
        for a, b in combinations(varying, 2)
        for power in _POWERS
    ]
    if 3 <= len(varying) <= _MOST_PRODUCT:
        found = []
        for signs in product((1, 0, -1), repeat=len(varying)):
            lead = next((s for s in signs if s), 0)
            if lead == 1 and sum(map(abs, signs)) > 2:
                powers = dict(zip(varying, signs, strict=True))
                found.append([Fraction(powers.get(j, 0)) for j in range(size)])
        yield found


def _widest(space: PiSpace, one: Array, other: Array) -> Separation | None:
    direction = _direction(one, other)
    if direction is None:
        return None
    found = _apart(space, decimal_monomial(space, direction), one, other)
    return found and found[1]


def _apart(
    space: PiSpace, monomial: GroupMonomial, one: Array, other: Array
) -> tuple[float, Separation] | None:
    """Gap between two sets along a monomial, over their spread; None where they overlap."""
    along = [monomial.log(space.log_groups(z)) for z in (one, other)]
    upper = int(np.median(along[1]) > np.median(along[0]))
    low, high = float(along[1 - upper].max()), float(along[upper].min())
    if not low < high:
        return None
    spread = float(np.ptp(np.concatenate(along)))
    return (high - low) / spread, Separation(
        monomial, float(np.exp(low)), float(np.exp(high)), upper
    )


def _direction(one: Array, other: Array) -> Array | None:
    """Direction w with the widest gap between w . z of two sets, |w_i| <= 1; None without a gap."""
    rank = one.shape[1]
    # unknowns w, b, t: w.z <= b - t for the one set and w.z >= b + t for the other, t the largest
    rows = [
        np.column_stack([s * z, np.full(len(z), -s), np.ones(len(z))])
        for s, z in ((1.0, one), (-1.0, other))
    ]
    solved = linprog(
        np.append(np.zeros(rank + 1), -1.0),
        A_ub=np.vstack(rows),
        b_ub=np.zeros(len(one) + len(other)),
        bounds=[(-1.0, 1.0)] * rank + [(None, None), (0.0, None)],
        method="highs",
    )
    if solved.x is None or solved.x[-1] <= _GAP:
        return None
    return np.asarray(solved.x[:rank])
