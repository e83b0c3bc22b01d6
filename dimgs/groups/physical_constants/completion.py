"""Which constants, or which scale, put a target within the span of the inputs' dimensions."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from dimgs.errors import DimensionError
from dimgs.groups.kinds import Dimension, dimension_key
from dimgs.groups.physical_constants.table import PhysicalConstant, all_constants

_BASE_ORDER = (
    "[length]",
    "[mass]",
    "[time]",
    "[temperature]",
    "[current]",
    "[substance]",
    "[luminosity]",
)


@dataclass(frozen=True)
class MissingScale:
    """The simplest scale that puts a target within reach of the inputs.

    Attributes
    ----------
    dimension : mapping of str to Fraction
        Dimension of the scale: coprime integers over as few base dimensions as possible.
    bases : tuple of str
        Base dimensions of the target that no input has; empty if only a combination is missing.
    """

    dimension: Dimension = field(hash=False)
    bases: tuple[str, ...]


def _bases(dimensions: Sequence[Dimension]) -> list[str]:
    """Base dimensions present: the SI ones in a fixed order, then the others by name."""
    present = {base for each in dimensions for base, power in each.items() if power}
    return [base for base in _BASE_ORDER if base in present] + sorted(present - set(_BASE_ORDER))


class _Span:
    """Row echelon form of some dimensions, over exact rationals."""

    def __init__(self, dimensions: Sequence[Dimension], bases: Sequence[str]) -> None:
        self._bases = bases
        self._rows: list[tuple[int, list[Fraction]]] = []
        for each in dimensions:
            self.add(each)

    def residual(self, dimension: Dimension) -> list[Fraction]:
        """What is left of a dimension once the span is taken out; zero inside the span."""
        row = [Fraction(dimension.get(base, 0)) for base in self._bases]
        for pivot, held in self._rows:
            if row[pivot]:
                factor = row[pivot] / held[pivot]
                row = [a - factor * b for a, b in zip(row, held, strict=True)]
        return row

    def add(self, dimension: Dimension) -> None:
        row = self.residual(dimension)
        pivot = next((position for position, power in enumerate(row) if power), None)
        if pivot is not None:
            self._rows.append((pivot, row))

    def __contains__(self, dimension: Dimension) -> bool:
        return not any(self.residual(dimension))


def complete_span(
    input_dimensions: Sequence[Dimension], target: Dimension
) -> list[tuple[PhysicalConstant, ...]]:
    """Smallest sets of constants that put the target into the rational span of the inputs.

    Parameters
    ----------
    input_dimensions : sequence of mapping of str to Fraction
        Dimension of each input.
    target : mapping of str to Fraction
        Dimension of the target.

    Returns
    -------
    list of tuple of PhysicalConstant
        All single constants that do it or, if none does, all pairs; the most plausible first
        (the order of `all_constants`; a pair by the sum of its places). In pairs, one constant
        stands for all that have its dimension. Empty if the target is within reach already, or if
        two constants are not enough.

    Examples
    --------
    >>> length, period = {"[length]": Fraction(1)}, {"[time]": Fraction(1)}
    >>> [each.symbol for (each,) in complete_span([length], period)][:2]
    ['g', 'c']
    """
    constants = all_constants()
    bases = _bases([*input_dimensions, target, *(each.dimension for each in constants)])
    span = _Span(input_dimensions, bases)
    if target in span:
        return []

    def reaches(chosen: tuple[PhysicalConstant, ...]) -> bool:
        dimensions = [*input_dimensions, *(each.dimension for each in chosen)]
        return target in _Span(dimensions, bases)

    singles = [(each,) for each in constants if reaches((each,))]
    if singles:
        return list[tuple[PhysicalConstant, ...]](singles)
    first_of: dict[tuple[tuple[str, Fraction], ...], PhysicalConstant] = {}
    for each in constants:
        first_of.setdefault(dimension_key(each.dimension), each)
    useful = [each for each in first_of.values() if each.dimension not in span]
    pairs = [pair for pair in itertools.combinations(useful, 2) if reaches(pair)]
    place = {each.symbol: position for position, each in enumerate(constants)}
    return sorted(
        pairs,
        key=lambda pair: (place[pair[0].symbol] + place[pair[1].symbol], place[pair[0].symbol]),
    )


def missing_scale(input_dimensions: Sequence[Dimension], target: Dimension) -> MissingScale:
    """Simplest dimension of a scale that would put the target within reach.

    Parameters
    ----------
    input_dimensions : sequence of mapping of str to Fraction
        Dimension of each input.
    target : mapping of str to Fraction
        Dimension of the target.

    Returns
    -------
    MissingScale
        With the fewest base dimensions, then the smallest exponents, then in the order length,
        mass, time, temperature, current, substance, luminosity, others by name. The sign is that
        with which the scale enters the target, save that a single base dimension is positive.

    Raises
    ------
    DimensionError
        If the target is within reach already.

    Examples
    --------
    >>> mass = {"[mass]": Fraction(1)}
    >>> power = {"[mass]": Fraction(1), "[length]": Fraction(2), "[time]": Fraction(-3)}
    >>> found = missing_scale([mass], power)
    >>> {base: str(exponent) for base, exponent in found.dimension.items()}, found.bases
    ({'[length]': '2', '[time]': '-3'}, ('[length]', '[time]'))
    """
    bases = _bases([*input_dimensions, target])
    span = _Span(input_dimensions, bases)
    if target in span:
        raise DimensionError(
            "The target is within reach of the inputs already; no scale is missing."
        )
    residuals = {base: span.residual({base: Fraction(1)}) for base in bases}
    goal = span.residual(target)
    found: list[tuple[Fraction, int, dict[str, Fraction]]] = []
    for size in range(1, len(bases) + 1):
        for position, subset in enumerate(itertools.combinations(bases, size)):
            solved = _solve([residuals[base] for base in subset], goal)
            if solved is not None:
                scale = _coprime(dict(zip(subset, solved, strict=True)))
                found.append((sum(map(abs, scale.values()), Fraction(0)), position, scale))
        if found:
            break
    best = min(found, key=lambda each: each[:2])[2]
    held = _bases(input_dimensions)
    absent = tuple(base for base in _bases([target]) if base not in held)
    return MissingScale(best, absent)


def _solve(columns: list[list[Fraction]], goal: list[Fraction]) -> list[Fraction] | None:
    """Coefficients, all non-zero, of independent columns that add up to the goal; else None."""
    count = len(columns)
    rows = [[column[i] for column in columns] + [goal[i]] for i in range(len(goal))]
    for place in range(count):
        pivot = next((i for i in range(place, len(rows)) if rows[i][place]), None)
        if pivot is None:
            return None
        rows[place], rows[pivot] = rows[pivot], rows[place]
        rows[place] = [value / rows[place][place] for value in rows[place]]
        for i, row in enumerate(rows):
            if i != place and row[place]:
                factor = row[place]
                rows[i] = [a - factor * b for a, b in zip(row, rows[place], strict=True)]
    if any(row[count] for row in rows[count:]):
        return None
    solution = [row[count] for row in rows[:count]]
    return solution if all(solution) else None


def _coprime(dimension: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Same ray, with coprime integer exponents; a single one becomes 1."""
    denominator = math.lcm(*(power.denominator for power in dimension.values()))
    integers = {base: int(power * denominator) for base, power in dimension.items()}
    divisor = math.gcd(*integers.values())
    sign = -1 if len(integers) == 1 and min(integers.values()) < 0 else 1
    return {base: Fraction(sign * power, divisor) for base, power in integers.items()}
