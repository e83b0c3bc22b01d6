"""The message where a response is outside the span of the inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from dimgs.dimensions import DimensionalMatrix
from dimgs.groups.physical_constants import complete_span, missing_scale
from dimgs.variables import Dimension, Variable, si_unit
from dimgs.variables.readings import improbable

# of all sets that would do, two are named, and so many of the commonest are looked at
_MAX_SETS, _LOOKED_AT = 2, 60


@dataclass(frozen=True)
class Unreachable:
    """Why a response is outside the span of the inputs, and what would help.

    Attributes
    ----------
    why : str
        A clause without an end.
    constants : tuple of tuple of str
        At most two sets of at most two known constants that would complete the span: the
        commonest, and one that lets more inputs take part, or the next.
    scale_unit : str
        Unit of the unknown scale that would.
    """

    why: str
    constants: tuple[tuple[str, ...], ...]
    scale_unit: str


def unreachable(inputs: Sequence[Variable], target: Variable) -> Unreachable:
    """The missing base dimension, and the constants or the scale that would help.

    Parameters
    ----------
    inputs : sequence of Variable
        Inputs whose powers cannot reach the target's dimension.
    target : Variable
        The response.
    """
    dimensions = [v.dimension.as_dict() for v in inputs if not v.dimension.is_dimensionless]
    wanted = target.dimension.as_dict()
    have = {base for d in dimensions for base in d}
    absent = sorted(set(wanted) - have)
    sets = complete_span(dimensions, wanted)[:_LOOKED_AT] if dimensions or wanted else []
    idle = [
        _idle([*dimensions, *(c.dimension for c in chosen), wanted], len(dimensions))
        for chosen in sets
    ]
    # after the commonest, one that lets more inputs take part, if there is one
    others = sorted(range(1, len(sets)), key=lambda k: idle[k] if min(idle) < idle[0] else 0)
    sets = [sets[k] for k in [0, *others][:_MAX_SETS]] if sets else []
    scale = Dimension.of(missing_scale(dimensions, wanted).dimension)
    why = (
        f"no input brings {', '.join(absent)}"
        if absent
        else f"no product of powers of the inputs has the dimension {target.dimension}"
    )
    listed = ", ".join(f"{v.name} [{v.unit.text}]" for v in inputs) or "none"
    return Unreachable(
        f"The target '{target.name}' [{target.unit.text}] is outside the span of the inputs "
        f"({listed}): {why}",
        tuple(tuple(c.symbol for c in chosen) for chosen in sets),
        si_unit(scale),
    )


def _idle(dimensions: Sequence[Mapping[str, Fraction]], n: int) -> int:
    """How many of the first ones no product of powers of all the others makes dimensionless."""
    matrix = DimensionalMatrix.of_dimensions(
        [str(k) for k in range(len(dimensions))], [Dimension.of(d) for d in dimensions]
    )
    every = range(len(dimensions))
    return sum(
        matrix.solve(Dimension.of(dimensions[k]), [j for j in every if j != k]) is None
        for k in range(n)
    )


def outside_span(inputs: Sequence[Variable], target: Variable) -> str:
    """One sentence: the missing base dimension, and the constants or scale that would help.

    Parameters
    ----------
    inputs : sequence of Variable
        Inputs whose powers cannot reach the target's dimension.
    target : Variable
        The response.

    Returns
    -------
    str
    """
    found = unreachable(inputs, target)
    names = {v.name for v in inputs} | {target.name}
    name = "s0" if "s0" not in names else "scale0"
    constants = " or ".join(",".join(symbols) for symbols in found.constants)
    remedy = f"add a known constant (--constants {constants}) or " if constants else ""
    return (
        f"{found.why}; {remedy}declare an unknown scale "
        f'(--scale "{name} [{found.scale_unit}]", or --scale auto).{_doubts(inputs, target)}'
    )


def _doubts(inputs: Sequence[Variable], target: Variable) -> str:
    """Units that were probably misread, which is then the likely cause."""
    doubts = []
    for variable in (*inputs, target):
        reading = improbable(variable.unit.text)
        if reading is not None and not reading.doubtful:
            doubts.append(
                f" First look at '{variable.name}': {reading.sentence(variable.unit.text)}"
            )
    return "".join(doubts)


def is_reachable(inputs: Sequence[Variable], target: Variable) -> bool:
    """Whether a product of powers of the inputs has the target's dimension."""
    return DimensionalMatrix.of(inputs).solve(target.dimension) is not None
