"""What to say when a response is outside the span of the inputs."""

from collections.abc import Sequence
from dataclasses import dataclass

from dimgs.dimensions import DimensionalMatrix
from dimgs.groups.physical_constants import complete_span, missing_scale
from dimgs.variables import Dimension, Variable, si_unit
from dimgs.variables.readings import improbable

# of all sets that would do, the commonest two
_MAX_SETS = 2


@dataclass(frozen=True)
class Unreachable:
    """Why a response is outside the span of the inputs, and what would help.

    Attributes
    ----------
    why : str
        A clause without an end.
    constants : tuple of tuple of str
        At most two sets of at most two known constants that would complete the span, common
        ones first.
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
    sets = complete_span(dimensions, wanted)[:_MAX_SETS] if dimensions or wanted else []
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
    told = []
    for variable in (*inputs, target):
        reading = improbable(variable.unit.text)
        if reading is not None and not reading.doubtful:
            told.append(f" First look at '{variable.name}': {reading.told(variable.unit.text)}")
    return "".join(told)


def is_reachable(inputs: Sequence[Variable], target: Variable) -> bool:
    """Whether a product of powers of the inputs has the target's dimension."""
    return DimensionalMatrix.of(inputs).solve(target.dimension) is not None
