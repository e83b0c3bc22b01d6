"""Completion of a target's dimension: known constants, or an unknown scale.

Dimensions alone decide here. Where there are runs, :mod:`dimgs.discovery.missing_input` names only
what lowers the error of those that are left out.
"""

import itertools
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from dimgs.common.advice import Setting, setting
from dimgs.common.errors import DimensionError
from dimgs.groups.dimensions import DimensionalMatrix, primitive, spans
from dimgs.groups.physical_constants import PhysicalConstant, all_constants
from dimgs.variables import Dimension, Variable, si_unit
from dimgs.variables.dimension import BASES
from dimgs.variables.readings import improbable

# of all sets of constants that would do, two are named, and so many of the commonest looked at
MOST_SETS, _LOOKED_AT = 2, 60
AUTO = "auto"


@dataclass(frozen=True)
class Missing:
    """Something that is added to the inputs: known constants, or unknown scales.

    Attributes
    ----------
    constants : tuple of str
        Symbols, all of which are added together.
    scales : str
        ``"M0 [kg]"`` or ``"auto"``; empty where constants are added.
    """

    constants: tuple[str, ...] = ()
    scales: str = ""


class UnreachableError(DimensionError):
    """No product of powers of the inputs has the dimension of the target.

    Parameters
    ----------
    inputs : sequence of Variable
    target : Variable
    missing : sequence of Missing, optional
        What would help; by default what dimensions say.
    """

    def __init__(
        self, inputs: Sequence[Variable], target: Variable, missing: Sequence[Missing] | None = None
    ) -> None:
        self.inputs, self.target = tuple(inputs), target
        if missing is None:
            missing = [
                *completions(inputs, target)[:MOST_SETS],
                Missing(scales=scale_text(inputs, target)),
                Missing(scales=AUTO),
            ]
        self.missing = tuple(missing)
        super().__init__(f"{self.why}; {remedy(self.missing)}{_doubts([*inputs, target])}")

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """Made again from what it is about, not from its message."""
        return type(self), (self.inputs, self.target, self.missing)

    @property
    def why(self) -> str:
        """The missing dimensions, as a clause without a full stop."""
        have = {base for v in self.inputs for base, _ in v.dimension}
        absent = sorted({base for base, _ in self.target.dimension} - have)
        listed = ", ".join(f"{v.name} [{v.unit.text}]" for v in self.inputs) or "none"
        reason = (
            f"no input brings {', '.join(absent)}"
            if absent
            else f"no product of powers of the inputs has the dimension {self.target.dimension}"
        )
        return (
            f"The target '{self.target.name}' [{self.target.unit.text}] is outside the span of the "
            f"inputs ({listed}): {reason}"
        )


def remedy(missing: Iterable[Missing]) -> str:
    """A sentence, without its capital, on what is to be added."""
    additions = list(missing)
    constants = tuple(",".join(m.constants) for m in additions if m.constants)
    scales = [setting("scales", m.scales) for m in additions if m.scales]
    ways = [f"add a known constant ({Setting('constants', constants)})"] if constants else []
    if scales:
        ways.append(f"declare an unknown scale ({', or '.join(map(str, scales))})")
    if not ways:
        ways = ["add the input that is missing: no known constant and no scale predicts the runs"]
    return f"{' or '.join(ways)}."


def _doubts(variables: Sequence[Variable]) -> str:
    """Units that were probably misread, which is then the likely cause."""
    units = [(v.name, v.unit.text, improbable(v.unit.text)) for v in variables]
    return "".join(
        f" First look at '{name}': {reading.sentence(text)}"
        for name, text, reading in units
        if reading is not None and not reading.doubtful
    )


def is_reachable(inputs: Sequence[Variable], target: Variable) -> bool:
    """Whether a product of powers of the inputs has the target's dimension."""
    return spans([v.dimension for v in inputs], target.dimension)


def completions(inputs: Sequence[Variable], target: Variable) -> list[Missing]:
    """Sets of at most two known constants that bring a target within reach.

    Parameters
    ----------
    inputs : sequence of Variable
    target : Variable

    Returns
    -------
    list of Missing
        The commonest, then those that let more inputs take part, then the others.
    """
    dimensions = _dimensions(inputs)
    dimension = target.dimension
    sets = complete_span(dimensions, dimension)[:_LOOKED_AT]
    idle = [
        _idle([*dimensions, *(c.dimension for c in chosen), dimension], len(dimensions))
        for chosen in sets
    ]
    others = sorted(range(1, len(sets)), key=lambda k: idle[k] if min(idle) < idle[0] else 0)
    order = [0, *others] if sets else []
    return [Missing(tuple(c.symbol for c in sets[k])) for k in order]


def scale_text(inputs: Sequence[Variable], target: Variable) -> str:
    """The simplest unknown scale that brings a target within reach, as ``s0 [W/kg]``."""
    scale = missing_scale(_dimensions(inputs), target.dimension)
    name = "scale0" if "s0" in {v.name for v in (*inputs, target)} else "s0"
    return f"{name} [{si_unit(scale)}]"


def scale_of(variable: Variable, taken: Container[str] = ()) -> str:
    """A scale of the dimension of an input, which makes its exponent a free one."""
    return f"{name_of_scale(variable.name, taken)} [{variable.si_unit}]"


def name_of_scale(name: str, taken: Container[str]) -> str:
    """A name for the scale of an input, or of a dimension, that nothing else has."""
    name += "0"
    while name in taken:
        name += "0"
    return name


def advice_to_take_part(variable: Variable) -> str:
    """Advice for an input that no group contains."""
    return (
        f"To let '{variable.name}' take part, declare an unknown scale of its dimension "
        f"({setting('scales', scale_of(variable))}, or {setting('scales', AUTO)})."
    )


def _dimensions(inputs: Sequence[Variable]) -> list[Dimension]:
    return [v.dimension for v in inputs if not v.dimension.is_dimensionless]


def _idle(dimensions: Sequence[Dimension], n: int) -> int:
    """Number of leading variables that occur in no dimensionless product."""
    others = ([*dimensions[:k], *dimensions[k + 1 :]] for k in range(n))
    return sum(not spans(rest, dimensions[k]) for k, rest in enumerate(others))


def complete_span(
    input_dimensions: Sequence[Dimension], target: Dimension
) -> list[tuple[PhysicalConstant, ...]]:
    """Smallest sets of constants that put the target into the rational span of the inputs.

    Parameters
    ----------
    input_dimensions : sequence of Dimension
        Of each input.
    target : Dimension
        Of the target.

    Returns
    -------
    list of tuple of PhysicalConstant
        All single constants that do it or, if none does, all pairs; the most plausible first
        (the order of `all_constants`; a pair by the sum of its places). In pairs, one constant
        stands for all that have its dimension. Empty if the target is within reach already, or if
        two constants are not enough.

    Examples
    --------
    >>> length, period = Dimension.of({"[length]": 1}), Dimension.of({"[time]": 1})
    >>> [each.symbol for (each,) in complete_span([length], period)][:2]
    ['g', 'c']
    """
    constants = all_constants()
    if spans(input_dimensions, target):
        return []

    def reaches(*chosen: PhysicalConstant) -> bool:
        return spans([*input_dimensions, *(each.dimension for each in chosen)], target)

    singles = [(each,) for each in constants if reaches(each)]
    if singles:
        return list[tuple[PhysicalConstant, ...]](singles)
    first_of = {each.dimension: each for each in reversed(constants)}
    useful = [
        place
        for place, each in enumerate(constants)
        if first_of[each.dimension] is each and not spans(input_dimensions, each.dimension)
    ]
    places = sorted(itertools.combinations(useful, 2), key=lambda pair: (sum(pair), pair))
    pairs = (tuple(constants[place] for place in pair) for pair in places)
    return [pair for pair in pairs if reaches(*pair)]


def missing_scale(input_dimensions: Sequence[Dimension], target: Dimension) -> Dimension:
    """Simplest dimension of a scale that would put the target within reach.

    Parameters
    ----------
    input_dimensions : sequence of Dimension
        Of each input.
    target : Dimension
        Of the target.

    Returns
    -------
    Dimension
        Of coprime integers, with the fewest base dimensions, then the smallest exponents, then in
        the order length, mass, time, temperature, current, substance, luminosity, others by
        name. The sign is that with which the scale enters the target, save that a single base
        dimension is positive.

    Raises
    ------
    DimensionError
        If the target is within reach already.

    Examples
    --------
    >>> mass = Dimension.of({"[mass]": 1})
    >>> power = Dimension.of({"[mass]": 1, "[length]": 2, "[time]": -3})
    >>> print(missing_scale([mass], power))
    L²·T⁻³
    """
    if spans(input_dimensions, target):
        raise DimensionError(
            "The inputs already have the dimension of the target; no scale is missing."
        )
    # the SI ones in a fixed order, then the others by name
    present = {base for each in [*input_dimensions, target] for base, _ in each}
    bases = [base for base in BASES if base in present] + sorted(present - BASES.keys())
    n, scales = len(input_dimensions), list[Dimension]()
    for size in range(1, len(bases) + 1):
        for subset in itertools.combinations(bases, size):
            every = [*input_dimensions, *(Dimension.of({base: 1}) for base in subset)]
            solved = DimensionalMatrix.of_dimensions(None, every).solve(target)
            # a base that the inputs have already, or that is not needed, has the power zero
            if solved is not None and all(solved[n:]):
                scales.append(_coprime(dict(zip(subset, solved[n:], strict=True))))
        if scales:
            break
    return min(scales, key=lambda scale: sum(abs(e) for _, e in scale))


def _coprime(dimension: Mapping[str, Fraction]) -> Dimension:
    """Same ray, with coprime integer exponents; a single one becomes 1."""
    integers = primitive(tuple(dimension.values()))
    sign = -1 if len(integers) == 1 and integers[0] < 0 else 1
    return Dimension.of({b: sign * x for b, x in zip(dimension, integers, strict=True)})
