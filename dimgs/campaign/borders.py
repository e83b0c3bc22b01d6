"""Where regimes meet, and the monomials on which everything but one depends."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dimgs.campaign.analysis import Evidence, LocalLaw
from dimgs.campaign.monomials import GroupMonomial, monomial_of
from dimgs.campaign.places import Rationals, Separation, meeting, only, separating
from dimgs.campaign.result import RegimeBoundary
from dimgs.campaign.space import PiSpace
from dimgs.fits.exact import ReducedSystem
from dimgs.groups.group import PiGroup

Array = NDArray[np.float64]


def boundaries(
    space: PiSpace,
    evidence: Evidence,
    answers: Sequence[LocalLaw],
    rationals: Sequence[Rationals],
    pool: Array,
    level: float,
) -> tuple[RegimeBoundary, ...]:
    """Meetings of regimes that lie beside each other.

    Parameters
    ----------
    space : PiSpace
    evidence : Evidence
    answers : sequence of LocalLaw
        Of the regimes.
    rationals : sequence
        Exponents of the varied inputs for each law.
    pool : ndarray of shape (n, rank)
    level : float
    """
    gaps = evidence.regimes.gaps(pool)
    owner = np.argmax(gaps, axis=1)
    names = [g.name for g in space.basis.groups]
    found = []
    for a, one in enumerate(answers):
        for b in range(a + 1, len(answers)):
            other = answers[b]
            assert one.law is not None
            assert other.law is not None
            at = _beside(evidence, pool, owner, one.law, other.law)
            if at is None:
                step = _step(space, evidence, pool, one.law, other.law)
                if step is not None:
                    physical = str(step.monomial.physical(space.basis.groups))
                    text, middle = step.monomial.text(names), float(np.sqrt(step.low * step.high))
                    ends = (middle, step.low, step.high)
                    found.append(RegimeBoundary((a + 1, b + 1), text, physical, *ends, "jump"))
                continue
            left, right = one.fit.coefficients, other.fit.coefficients
            slope = right[1:] - left[1:]
            met = meeting(space, slope, rationals[one.law], rationals[other.law])
            value = met.threshold(float(right[0] - left[0]), 0.0)
            row = np.concatenate([[1.0], at])[None]
            widths = [answer.fit.half_widths(row, level)[0] for answer in (one, other)]
            with np.errstate(over="ignore"):
                spread = float(np.exp(abs(met.scale) * float(np.hypot(*widths))))
            low, high, kind = value / spread, value * spread, "meeting"
            gap = _between(space, evidence, met.monomial, one.law, other.law)
            if gap is not None and not (gap[0] <= high and low <= gap[1]):
                (low, high), kind = gap, "jump"
                value = float(np.sqrt(low * high))
            physical = str(met.monomial.physical(space.basis.groups))
            text = met.monomial.text(names)
            found.append(RegimeBoundary((a + 1, b + 1), text, physical, value, low, high, kind))
    return tuple(found)


def _step(
    space: PiSpace, evidence: Evidence, pool: Array, one: int, other: int
) -> Separation | None:
    """Where two laws that meet nowhere in the ranges take over from each other."""
    laws = evidence.regimes.laws
    difference = laws[other](pool) - laws[one](pool)
    if difference.min() <= 0.0 <= difference.max():
        return None
    found = separating(space, only(evidence, one), only(evidence, other))
    if found is None:
        return None
    follows = evidence.regimes.follows
    rest = follows.any(axis=1) & ~follows[:, [one, other]].any(axis=1)
    along = np.exp(found.monomial.log(space.log_groups(evidence.regimes.z[rest])))
    return None if np.any((along > found.low) & (along < found.high)) else found


def _between(
    space: PiSpace, evidence: Evidence, monomial: GroupMonomial, one: int, other: int
) -> tuple[float, float] | None:
    """Values of a monomial between the last run of a law and the first one of the other.

    None where their runs are not apart along it: then only the laws tell where they meet.
    """
    regimes = evidence.regimes
    along = monomial.log(space.log_groups(regimes.z))
    only = regimes.follows.sum(axis=1) == 1
    left = along[only & regimes.follows[:, one]]
    right = along[only & regimes.follows[:, other]]
    if not len(left) or not len(right):
        return None
    if np.median(left) > np.median(right):
        left, right = right, left
    if left.max() >= right.min():
        return None
    return float(np.exp(left.max())), float(np.exp(right.min()))


def _beside(
    evidence: Evidence, pool: Array, owner: NDArray[np.intp], one: int, other: int
) -> Array | None:
    """Point between two laws, if some of the space lies there and nothing else is closer."""
    both = np.isin(owner, (one, other))
    if not both.any():
        return None
    values = np.stack([law(pool) for law in evidence.regimes.laws], axis=1)
    apart = np.abs(values[:, one] - values[:, other])
    rest = [k for k in range(values.shape[1]) if k not in (one, other)]
    if rest:
        third = np.min(np.abs(values[:, rest] - values[:, [one]]), axis=1)
        both &= third > apart
    if not both.any() or len({int(k) for k in owner[both]}) < 2:
        return None
    rows = np.flatnonzero(both)
    return np.asarray(pool[rows[int(np.argmin(apart[rows]))]])


def essential(space: PiSpace, rationals: Sequence[Rationals]) -> tuple[str, ...]:
    """Fewest monomials, in the inputs, on which the laws' differences depend.

    Empty where exponents are not all rational, or where there is a single law.
    """
    known = [[q for q in r if q is not None] for r in rationals]
    if len(known) < 2 or any(len(k) < len(space.names) for k in known):
        return ()
    rows = [[b - a for a, b in zip(known[0], row, strict=True)] for row in known[1:]]
    wanted = _rank(rows)
    groups = space.basis.groups
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
    return sum(abs(e.numerator) + e.denominator for _, e in group.exponents)


def _rank(rows: Sequence[Sequence[Fraction]]) -> int:
    if not rows:
        return 0
    return len(ReducedSystem.of([[*row, Fraction(0)] for row in rows], len(rows[0])).pivots)
