"""Which constants, or which scale, put a target within the span of the inputs' dimensions."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from dimgs.dimensions import primitive, solve_exact
from dimgs.errors import DimensionError
from dimgs.groups.kinds import Powers, dimension_key
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

    dimension: Powers = field(hash=False)
    bases: tuple[str, ...]


def _bases(dimensions: Sequence[Powers]) -> list[str]:
    """Base dimensions present: the SI ones in a fixed order, then the others by name."""
    present = {base for each in dimensions for base, power in each.items() if power}
    return [base for base in _BASE_ORDER if base in present] + sorted(present - set(_BASE_ORDER))


def _solution(columns: Sequence[Powers], target: Powers) -> tuple[Fraction, ...] | None:
    """Powers of dimensions whose product is the target, zero where free; None where none is."""
    bases = _bases([*columns, target])
    system = [[Fraction(each.get(base, 0)) for each in (*columns, target)] for base in bases]
    return solve_exact(system, len(columns))


def complete_span(
    input_dimensions: Sequence[Powers], target: Powers
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
    if _solution(input_dimensions, target) is not None:
        return []

    def reaches(chosen: tuple[PhysicalConstant, ...]) -> bool:
        dimensions = [*input_dimensions, *(each.dimension for each in chosen)]
        return _solution(dimensions, target) is not None

    singles = [(each,) for each in constants if reaches((each,))]
    if singles:
        return list[tuple[PhysicalConstant, ...]](singles)
    first_of: dict[tuple[tuple[str, Fraction], ...], PhysicalConstant] = {}
    for each in constants:
        first_of.setdefault(dimension_key(each.dimension), each)
    useful = [c for c in first_of.values() if _solution(input_dimensions, c.dimension) is None]
    pairs = [pair for pair in itertools.combinations(useful, 2) if reaches(pair)]
    place = {each.symbol: position for position, each in enumerate(constants)}
    return sorted(
        pairs,
        key=lambda pair: (place[pair[0].symbol] + place[pair[1].symbol], place[pair[0].symbol]),
    )


def missing_scale(input_dimensions: Sequence[Powers], target: Powers) -> MissingScale:
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
    if _solution(input_dimensions, target) is not None:
        raise DimensionError(
            "The target is within reach of the inputs already; no scale is missing."
        )
    bases, n = _bases([*input_dimensions, target]), len(input_dimensions)
    found: list[tuple[Fraction, int, dict[str, Fraction]]] = []
    for size in range(1, len(bases) + 1):
        for position, subset in enumerate(itertools.combinations(bases, size)):
            solved = _solution([*input_dimensions, *({b: Fraction(1)} for b in subset)], target)
            # a base that the inputs have already, or that is not needed, has the power zero
            if solved is not None and all(solved[n:]):
                scale = _coprime(dict(zip(subset, solved[n:], strict=True)))
                found.append((sum(map(abs, scale.values()), Fraction(0)), position, scale))
        if found:
            break
    best = min(found, key=lambda each: each[:2])[2]
    held = _bases(input_dimensions)
    absent = tuple(base for base in _bases([target]) if base not in held)
    return MissingScale(best, absent)


def _coprime(dimension: Powers) -> dict[str, Fraction]:
    """Same ray, with coprime integer exponents; a single one becomes 1."""
    integers = primitive(tuple(dimension.values()))
    sign = -1 if len(integers) == 1 and integers[0] < 0 else 1
    return {base: Fraction(sign * x) for base, x in zip(dimension, integers, strict=True)}
