"""Values of users and of simulations -> numbers in the units of ports, or one sentence why not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from dimgs.common.advice import did_you_mean
from dimgs.common.errors import InputError
from dimgs.common.formats import shown
from dimgs.kernels.spec import Port, Values
from dimgs.variables import Unit, difference_unit, parse_unit
from dimgs.variables.quantities import as_quantity
from dimgs.variables.readings import absolute_difference, other_turning

# what a port is to its kernel
Role: TypeAlias = Literal["input", "output"]
# relative: what a conversion of units may add to a value at the end of a range
_ROUNDING = 1e-12
# relative: two conversions of one value, offsets of temperatures included, differ by less
_SAME = 1e-9


@dataclass
class Converted:
    """Inputs of a run in the units of the ports, and the first error in them."""

    values: dict[str, Any] = field(default_factory=dict)
    refusal: str = ""
    seed: int | None = None
    configuration: dict[str, Any] = field(default_factory=dict)


def convert_inputs(ports: Sequence[Port], inputs: Values, kernel: str) -> Converted:
    """Values of all ports, with defaults, as far as they can be read.

    Parameters
    ----------
    ports : sequence of Port
        Inputs that the kernel declares.
    inputs : mapping of str to whatever `as_quantity` reads
        Plain numbers are in the unit of the port.
    kernel : str
        Name of the kernel, for messages.

    Returns
    -------
    Converted
        ``refusal`` is empty where every input can be used.

    Examples
    --------
    >>> from dimgs.variables import registry
    >>> ports = (Port("l", "mm", low=0), Port("n", "1", default=2))
    >>> convert_inputs(ports, {"l": registry().Quantity(0.25, "cm")}, "film").values
    {'l': 2.5, 'n': 2.0}
    >>> convert_inputs(ports, {"l": -1}, "film").refusal
    "The input 'l' = -1 mm lies outside the range of 'film', from 0 mm."
    """
    result = Converted()
    names = [p.name for p in ports]
    problems = [_unknown(name, names, kernel) for name in inputs if name not in names]
    for port in ports:
        value = inputs.get(port.name, port.default)
        if value is None:
            unit = "" if port.is_label else f" in {port.unit}"
            problems.append(f"'{kernel}' needs the input '{port.name}'{unit}; give a value.")
            continue
        try:
            result.values[port.name] = port_value(port, value)
            check_within(port, result.values[port.name], kernel)
        except InputError as error:
            problems.append(str(error))
    result.refusal = problems[0] if problems else ""
    return result


def port_value(port: Port, value: Any, role: Role = "input") -> float | str:
    """One value in the unit of its port, of whatever :func:`as_quantity` reads.

    Parameters
    ----------
    port : Port
    value : whatever `as_quantity` reads
    role : {"input", "output"}
        What the port is to the kernel, for messages.

    Raises
    ------
    InputError
        If it is not a finite number of the port's dimension, or no text for a label.
    """
    name = f"The {role} '{port.name}'"
    if port.is_label:
        text = value if isinstance(value, str) else _label(value, name)
        if text is None:
            raise InputError(f"{name} is a label; give text, not {value!r:.60}.")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            hold = f"{name} is the label {text!a:.60}, which no file can hold"
            raise InputError(f"{hold}; give letters of Unicode.") from error
        return text
    quantity = as_quantity(value, name)
    if quantity.is_label:
        raise InputError(f"{name} needs one number in {port.unit}, not '{shown(quantity.value)}'.")
    number = quantity.number(name)
    return number if quantity.unit is None else in_port(port, number, quantity.unit, role)


def _label(value: Any, name: str) -> str | None:
    """Text of a label, which may begin as a number does; None of a number."""
    quantity = as_quantity(value, name)
    return (quantity.value if isinstance(quantity.value, str) else quantity.text) or None


def check_within(port: Port, value: Any, kernel: str) -> None:
    """Refuse a number that lies outside the range of its port."""
    if port.is_label:
        return
    slack = _ROUNDING * abs(value)
    low, high = port.low, port.high
    if (low is None or value >= low - slack) and (high is None or value <= high + slack):
        return
    ends = [] if low is None else [f"from {low:g}"]
    ends += [] if high is None else [f"up to {high:g}"]
    unit = "" if port.parsed.text == "1" else f" {port.unit}"
    fault = f"The input '{port.name}' = {value:g}{unit} lies outside the range of '{kernel}'"
    raise InputError(f"{fault}, {' '.join(ends)}{unit}.")


def in_port(port: Port, number: float, unit: str, role: Role = "input") -> float:
    """A number of some unit in the unit of its port.

    Raises
    ------
    InputError
        As :func:`port_value`.
    """
    source, target = unit_for(port, unit, role), port.parsed
    if (source.factor, source.offset) == (target.factor, target.offset):
        return number
    # the last digits are noise of the conversion: 5e-05 m, not 5.0000000000000004e-05
    converted = float(f"{target.from_si(source.to_si(number)):.15g}")
    if not math.isfinite(converted):
        raise InputError(f"The {role} '{port.name}' is too large in {port.unit}.")
    return converted


def unit_for(port: Port, text: str | None, role: Role = "input") -> Unit:
    """A unit in which a value of a port may be given; that of the port without one."""
    source, target = port.parsed if text is None else parse_unit(text), port.parsed
    is_difference = absolute_difference(port.name, "degC") is not None
    if is_difference and source.offset and not target.offset and target.accepts(source):
        fault = f"is a difference by its name, and '{source.text}' is an absolute temperature"
        remedy = f"give it in '{difference_unit(source.text)}' or K"
        raise InputError(f"The {role} '{port.name}' {fault}; {remedy}.")
    if target.scale == "temperature" and "delta_" in source.text and not is_difference:
        fault = f"is an absolute temperature, but '{source.text}' is a difference"
        raise InputError(f"The {role} '{port.name}' {fault}; give it in K or degC.")
    if not target.accepts(source):
        absolute = source.offset and source.dimension == target.dimension
        what = "difference" if absolute else "dimension"
        given = f"The {role} '{port.name}' is in '{source.text}' (dimension {source.dimension})"
        needed = f"its port is in '{port.unit}' (dimension {target.dimension})"
        raise InputError(f"{given}, but {needed}; give that {what}.")
    if doubt := other_turning(port.name, source, target):
        raise InputError(f"The {role} {doubt}.")
    return source


def _unknown(name: str, names: Sequence[str], kernel: str) -> str:
    known = f"its inputs are {', '.join(map(repr, names)) or 'none'}."
    return f"'{kernel}' has no input '{name}'; {did_you_mean(name, names, known, most=2)}"


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
        mismatch = f"gave {what}, which it does not declare" if odd else f"did not give {what}"
        raise InputError(f"The simulation {mismatch}; its outputs are {', '.join(names)}.")
    undeclared = sorted(set(errors) - set(names))
    if undeclared:
        raise InputError(
            f"The simulation gave an error of '{undeclared[0]}', which is not an output."
        )
    numbers = {p.name: _output_number(p, outputs[p.name]) for p in ports}
    spreads = {p.name: _spread(p, errors[p.name]) for p in ports if p.name in errors}
    return numbers, {n: e for n, e in spreads.items() if math.isfinite(e)}


def _output_number(port: Port, value: Any) -> float:
    magnitude = getattr(value, "magnitude", value)
    if magnitude is None:
        return math.nan
    if isinstance(magnitude, float | int) and not math.isfinite(magnitude):
        return float(magnitude)
    return float(port_value(port, value, "output"))


def _spread(port: Port, value: Any) -> float:
    """Standard error, a difference: the zero of an offset scale does not enter."""
    unit = port.parsed
    if hasattr(value, "magnitude") and unit.offset:
        port = Port(port.name, difference_unit(port.unit))
    number = _output_number(port, value)
    if number < 0:
        raise InputError(
            f"The standard error of the output '{port.name}' is {number:g}; it cannot be negative."
        )
    return number


def holds_inputs(
    inputs: Mapping[str, tuple[Any, str]], asked: Mapping[str, tuple[Any, str]]
) -> bool:
    """Whether inputs contain all requested values, in any units.

    Parameters
    ----------
    inputs, asked : mapping of str to (value, unit)

    Examples
    --------
    >>> holds_inputs({"l": (1.0, "mm"), "n": (2.0, "1")}, {"l": (1e-3, "m")})
    True
    >>> holds_inputs({"l": (1.0, "mm")}, {"l": (666.0, "m")})
    False
    """
    return all(name in inputs and _is_same(inputs[name], each) for name, each in asked.items())


def _is_same(one: tuple[Any, str], other: tuple[Any, str]) -> bool:
    if isinstance(one[0], str) or isinstance(other[0], str):
        return bool(one[0] == other[0])
    units = [parse_unit(unit) for _, unit in (one, other)]
    values = [unit.to_si(float(given[0])) for unit, given in zip(units, (one, other), strict=True)]
    same_dimension: bool = units[0].dimension == units[1].dimension
    return same_dimension and math.isclose(*values, rel_tol=_SAME)
