"""What to say when a response is outside the span of the inputs."""

from collections.abc import Sequence

from dimgs.dimensions import DimensionalMatrix
from dimgs.groups.physical_constants import complete_span, missing_scale
from dimgs.variables import Dimension, Variable, si_unit

_MAX_SETS = 4


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
    dimensions = [v.dimension.as_dict() for v in inputs if not v.dimension.is_dimensionless]
    wanted = target.dimension.as_dict()
    have = {base for d in dimensions for base in d}
    absent = sorted(set(wanted) - have)
    sets = complete_span(dimensions, wanted)[:_MAX_SETS] if dimensions or wanted else []
    scale = Dimension.of(missing_scale(dimensions, wanted).dimension)
    names = {v.name for v in inputs} | {target.name}
    name = "s0" if "s0" not in names else "scale0"
    why = (
        f"no input brings {', '.join(absent)}"
        if absent
        else f"no product of powers of the inputs has the dimension {target.dimension}"
    )
    constants = " or ".join(",".join(c.symbol for c in chosen) for chosen in sets)
    remedy = f"add a known constant (--constants {constants}) or " if constants else ""
    listed = ", ".join(f"{v.name} [{v.unit.text}]" for v in inputs) or "none"
    return (
        f"The target '{target.name}' [{target.unit.text}] is outside the span of the inputs "
        f"({listed}): {why}; {remedy}declare an unknown scale "
        f'(--scale "{name} [{si_unit(scale)}]", or --scale auto).'
    )


def is_reachable(inputs: Sequence[Variable], target: Variable) -> bool:
    """Whether a product of powers of the inputs has the target's dimension."""
    return DimensionalMatrix.of(inputs).solve(target.dimension) is not None
