"""What a simulation gave back -> numbers in the units of its ports."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dimgs.errors import InputError
from dimgs.kernels.inputs import port_value
from dimgs.kernels.spec import Port


def convert_outputs(
    ports: Sequence[Port], outputs: Mapping[str, Any], errors: Mapping[str, float]
) -> dict[str, float]:
    """Numbers of all outputs; not finite where the simulation gave no finite number.

    Parameters
    ----------
    ports : sequence of Port
        Outputs that the kernel declares.
    outputs : mapping of str to float or pint.Quantity
    errors : mapping of str to float
        Only their names are checked.

    Raises
    ------
    InputError
        If an output is missing, undeclared or of another dimension.

    Examples
    --------
    >>> from dimgs.variables import registry
    >>> convert_outputs([Port("t", "s")], {"t": registry().Quantity(2, "min")}, {})
    {'t': 120.0}
    """
    names = [p.name for p in ports]
    odd = sorted(set(map(str, outputs)) - set(names))
    missing = [n for n in names if n not in outputs]
    if odd or missing:
        what = f"the output '{(odd or missing)[0]}'"
        told = f"gave {what}, which it does not declare" if odd else f"did not give {what}"
        raise InputError(f"The simulation {told}; its outputs are {', '.join(names)}.")
    stray = sorted(set(errors) - set(names))
    if stray:
        raise InputError(f"The simulation gave an error of '{stray[0]}', which is no output.")
    return {p.name: _number(p, outputs[p.name]) for p in ports}


def _number(port: Port, value: Any) -> float:
    magnitude = getattr(value, "magnitude", value)
    if magnitude is None:
        return math.nan
    if isinstance(magnitude, float | int) and not math.isfinite(magnitude):
        return float(magnitude)
    try:
        return float(port_value(port, value))
    except InputError as error:
        raise InputError(str(error).replace("The input", "The output", 1)) from error
