"""What a simulation gave back -> numbers in the units of its ports."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dimgs.errors import InputError
from dimgs.kernels.inputs import port_value
from dimgs.kernels.spec import Port
from dimgs.variables import difference_unit


def convert_outputs(
    ports: Sequence[Port], outputs: Mapping[str, Any], errors: Mapping[str, Any]
) -> tuple[dict[str, float], dict[str, float]]:
    """Numbers of all outputs and their errors, in the units of the ports.

    An output is not finite where the simulation gave no finite number; an error that is not
    finite is left out.

    Parameters
    ----------
    ports : sequence of Port
        Outputs that the kernel declares.
    outputs : mapping of str to float or pint.Quantity
    errors : mapping of str to float or pint.Quantity

    Raises
    ------
    InputError
        If an output is missing, undeclared or of another dimension, or an error is negative.

    Examples
    --------
    >>> from dimgs.variables import registry
    >>> convert_outputs([Port("t", "s")], {"t": registry().Quantity(2, "min")}, {})
    ({'t': 120.0}, {})
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
    numbers = {p.name: _number(p, outputs[p.name]) for p in ports}
    spreads = {p.name: _spread(p, errors[p.name]) for p in ports if p.name in errors}
    return numbers, {n: e for n, e in spreads.items() if math.isfinite(e)}


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


def _spread(port: Port, value: Any) -> float:
    """Standard error, a difference: the zero of an offset scale does not enter."""
    unit = port.parsed
    if hasattr(value, "magnitude") and unit.offset:
        port = Port(port.name, difference_unit(port.unit))
    number = _number(port, value)
    if number < 0:
        raise InputError(
            f"The standard error of the output '{port.name}' is {number:g}; it cannot be negative."
        )
    return number
