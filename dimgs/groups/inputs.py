"""What a basis is derived from: columns, known constants and unknown scales."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from dimgs.dimensions import DimensionalMatrix
from dimgs.errors import DimgsWarning, InputError
from dimgs.groups.physical_constants import constant
from dimgs.variables import (
    Dimension,
    Unit,
    Variable,
    parse_unit,
    parse_variable,
    si_unit,
    split_header,
)
from dimgs.variables.quantities import unit_of
from dimgs.variables.readings import absolute_difference, improbable


@runtime_checkable
class HasVariables(Protocol):
    """Anything with columns, such as a Dataset."""

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Its columns."""


def variables_of(source: Any) -> tuple[Variable, ...]:
    """Variables of a dataset, a sequence of ``"name [unit]"`` or a mapping of name to unit.

    Parameters
    ----------
    source : Dataset, sequence of str or Variable, or mapping
        A mapping's values are unit texts, Pint units or Pint quantities.

    Returns
    -------
    tuple of Variable

    Raises
    ------
    InputError
        If an entry has no unit or a unit cannot be read.

    Examples
    --------
    >>> [v.si_unit for v in variables_of({"U": "km/hour", "T": "degC"})]
    ['m/s', 'K']
    """
    if isinstance(source, HasVariables):
        return source.variables
    if isinstance(source, Mapping):
        return tuple(_told(Variable(str(k), _unit_of(k, v))) for k, v in source.items())
    if isinstance(source, str):
        raise InputError(f"'{source}' is a single text; give a list of 'name [unit]' texts.")
    if not isinstance(source, Iterable):
        raise InputError(
            f"Variables cannot be read from a {type(source).__name__}; give a table, a list of "
            f"'name [unit]' texts or a mapping of name to unit."
        )
    return tuple(v if isinstance(v, Variable) else _told(parse_variable(str(v))) for v in source)


def _told(variable: Variable) -> Variable:
    """The variable, with a warning where its unit probably means something else."""
    text = variable.unit.text
    reading = improbable(text) or absolute_difference(variable.name, text)
    if reading is not None and not reading.doubtful:
        doubt = f"Variable '{variable.name}': {reading.sentence(variable.unit.text)}"
        warnings.warn(doubt, DimgsWarning, stacklevel=4)
    return variable


def _unit_of(name: Any, value: Any) -> Unit:
    if isinstance(value, Unit):
        return value
    try:
        if not isinstance(value, str) and hasattr(value, "dimensionality"):
            return unit_of(value, str(name))
        return parse_unit(str(value))
    except InputError as error:
        raise InputError(f"Variable '{name}': {error}") from error


def constant_variables(symbols: Iterable[str], taken: Iterable[str] = ()) -> tuple[Variable, ...]:
    """Known physical constants as variables.

    Raises
    ------
    InputError
        If a symbol is unknown, or a column already has its name.
    """
    names = set(taken)
    out = []
    for symbol in symbols:
        known = constant(symbol)
        if known.symbol in names:
            raise InputError(
                f"The constant '{known.symbol}' ({known.name}) has the name of a column; "
                f"rename the column or leave the constant out."
            )
        unit = Unit(known.unit, Dimension.of(known.dimension))
        out.append(Variable(known.symbol, unit, known.kind, "constant", known.value))
    return tuple(out)


def scale_variable(text: str, taken: Iterable[str] = ()) -> Variable:
    """Unknown dimensional constant from ``"M0 [kg]"``.

    Raises
    ------
    InputError
        If the unit is missing, dimensionless, a level or a label, or the name is taken.
    """
    scale = _told(parse_variable(text, role="scale"))
    if scale.name in set(taken):
        raise InputError(f"The scale '{scale.name}' has the name of a column; rename the scale.")
    if scale.is_label or scale.is_level or scale.dimension.is_dimensionless:
        raise InputError(f"The scale '{text}' needs a unit with a dimension, such as 'M0 [kg]'.")
    return scale


def with_target(variables: Sequence[str], target: str | None) -> tuple[list[str], str | None]:
    """Variables as they are typed, a target that brings its unit among them; and its name.

    Examples
    --------
    >>> with_target(["rho [kg/m^3]", "U [m/s]"], "dp [Pa]")
    (['rho [kg/m^3]', 'U [m/s]', 'dp [Pa]'], 'dp')
    >>> with_target(["L [m]", "T [s]"], "T")
    (['L [m]', 'T [s]'], 'T')
    """
    if target is None or split_header(target)[1] is None:
        return list(variables), target
    name = split_header(target)[0]
    listed = {split_header(text)[0] for text in variables}
    return [*variables, *([] if name in listed else [target])], name


def automatic_scales(
    inputs: Sequence[Variable], target: Variable | None, varying: Iterable[str] | None = None
) -> tuple[Variable, ...]:
    """Fewest scales that make the target reachable and free every varying input.

    Parameters
    ----------
    inputs : sequence of Variable
        Inputs with data and known constants.
    target : Variable, optional
        Response.
    varying : iterable of str, optional
        Inputs that vary in the table; by default all of them.

    Returns
    -------
    tuple of Variable
        One scale of an input's own dimension for each varying input that no group could contain,
        and one of the target's dimension if it is still outside the span.
    """
    active = sorted((v for v in inputs if not (v.is_label or v.is_level)), key=lambda v: v.name)
    must_vary = set(varying) if varying is not None else {v.name for v in active}
    scales: list[Variable] = []
    taken = {v.name for v in inputs} | ({target.name} if target else set())

    def add(like: Variable) -> None:
        name = like.name + "0"
        while name in taken:
            name += "0"
        taken.add(name)
        unit = Unit(si_unit(like.dimension), like.dimension)
        scales.append(Variable(name, unit, like.kind, "scale"))

    isolated = isolated_names(active)
    for variable in active:
        if variable.role != "data" or variable.name not in must_vary:
            continue
        if variable.name in isolated:
            add(variable)
            isolated = isolated_names([*active, *scales])
    if target is not None and not (target.is_level or target.is_label):
        matrix = DimensionalMatrix.of([*active, *scales])
        if matrix.solve(target.dimension) is None:
            add(target)
    return tuple(scales)


def isolated_names(variables: Sequence[Variable]) -> frozenset[str]:
    """Variables that no dimensionless group can contain."""
    kernel = DimensionalMatrix.of(variables).kernel_lattice()
    return frozenset(
        v.name for j, v in enumerate(variables) if not any(vector[j] for vector in kernel)
    )
