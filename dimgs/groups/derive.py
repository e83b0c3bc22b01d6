"""From variables, known constants and unknown scales to a basis of pi groups."""

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

from dimgs.common.advice import did_you_mean, setting
from dimgs.common.errors import DimgsWarning, InputError
from dimgs.groups.dimensions import DimensionalMatrix, IntVector, check_names, lattice_of
from dimgs.groups.group import Dropped, PiBasis, PiGroup
from dimgs.groups.missing_input import (
    UnreachableError,
    advice_to_take_part,
    is_reachable,
    name_of_scale,
)
from dimgs.groups.physical_constants import constant
from dimgs.groups.recognition import (
    Kinds,
    Namer,
    kinds_of,
    named,
    named_response,
    recognise,
    with_named_groups,
)
from dimgs.groups.repeating import by_repeating
from dimgs.groups.response import smallest_monomial
from dimgs.variables import Unit, Variable, parse_unit, parse_variable, si_unit, split_header
from dimgs.variables.quantities import unit_of
from dimgs.variables.readings import doubt_of

# the reduction of the lattice takes a second; a law of so many inputs needs as many runs
_MOST_INPUTS = 200
_LEVEL = "it is a level, already logarithmic, and enters as a plain difference"


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
        return tuple(_check(Variable(str(k), _unit_of(k, v))) for k, v in source.items())
    if isinstance(source, str):
        raise InputError(f"'{source}' is a single text; give a list of 'name [unit]' texts.")
    if not isinstance(source, Iterable):
        raise InputError(
            f"Variables cannot be read from a {type(source).__name__}; give a table, a list of "
            f"'name [unit]' texts or a mapping of name to unit."
        )
    return tuple(v if isinstance(v, Variable) else _check(parse_variable(str(v))) for v in source)


def _check(variable: Variable) -> Variable:
    """The variable, with a warning where its unit probably means something else."""
    reading = doubt_of(variable.name, variable.unit.text)
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
    constants = []
    for symbol in symbols:
        physical = constant(symbol)
        if physical.symbol in names:
            raise InputError(
                f"The constant '{physical.symbol}' ({physical.name}) has the name of a column; "
                f"rename the column or leave the constant out."
            )
        unit = Unit(physical.unit, physical.dimension)
        constants.append(Variable(physical.symbol, unit, physical.kind, "constant", physical.value))
    return tuple(constants)


def scale_variable(text: str, taken: Iterable[str] = ()) -> Variable:
    """Unknown dimensional constant from ``"M0 [kg]"``.

    Raises
    ------
    InputError
        If the unit is missing, dimensionless, a level or a label, or the name is taken.
    """
    scale = _check(parse_variable(text, role="scale"))
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
    isolated = isolated_names(active)
    for variable in active:
        if variable.role == "data" and variable.name in must_vary & isolated:
            scales.append(_scale_like(variable, taken))
            isolated = isolated_names([*active, *scales])
    if target is not None and not (
        target.is_level or target.is_label or is_reachable([*active, *scales], target)
    ):
        scales.append(_scale_like(target, taken))
    return tuple(scales)


def _scale_like(variable: Variable, taken: set[str]) -> Variable:
    """An unknown scale of a variable's dimension and kind; its name is taken then."""
    name = name_of_scale(variable.name, taken)
    taken.add(name)
    unit = Unit(si_unit(variable.dimension), variable.dimension)
    return Variable(name, unit, variable.kind, "scale")


def isolated_names(variables: Sequence[Variable]) -> frozenset[str]:
    """Variables that no dimensionless group can contain."""
    return _absent([v.name for v in variables], DimensionalMatrix.of(variables).kernel_lattice())


def _absent(names: Sequence[str], vectors: Sequence[IntVector]) -> frozenset[str]:
    """Variables that have no exponent in any vector."""
    columns = zip(names, zip(*vectors, strict=True), strict=False)
    return frozenset(names) - {name for name, exponents in columns if any(exponents)}


def sizes_of(
    positive: Sequence[Variable], signed: Sequence[Variable], taken: Collection[str]
) -> tuple[Variable, ...]:
    """Fewest scales that give each signed input a dimension that positive quantities have.

    They are independent of the positive inputs, so that no other group contains them.

    Parameters
    ----------
    positive, signed : sequence of Variable
    taken : collection of str
        Names that are in use.

    Returns
    -------
    tuple of Variable
        Each of the dimension of a signed input.

    Examples
    --------
    >>> from dimgs.variables import parse_variable
    >>> k, x, y = (parse_variable(t) for t in ("k [N/m]", "x [m]", "y [m]"))
    >>> [(v.name, v.si_unit) for v in sizes_of([k], [x, y], ["k", "x", "y"])]
    [('x0', 'm')]
    """
    sizes: list[Variable] = []
    names = set(taken)
    for variable in sorted(signed, key=lambda v: v.name):
        if not is_reachable([*positive, *sizes], variable):
            sizes.append(_scale_like(variable, names))
    return tuple(sizes)


def _signed_groups(
    positive: Sequence[Variable], signed: Sequence[Variable], kinds: Kinds
) -> list[PiGroup]:
    """One group for each signed input, named as it, in which it has the exponent 1.

    Parameters
    ----------
    positive : sequence of Variable
        Positive inputs, constants, scales and sizes that together reach every dimension.
    signed : sequence of Variable
    kinds : mapping of str to tuple of Kind
    """
    groups = []
    for variable in signed:
        monomial = smallest_monomial(positive, variable.dimension)
        assert monomial is not None
        powers = {variable.name: Fraction(1), **{name: -e for name, e in monomial.exponents}}
        group = PiGroup.of(variable.name, powers)
        recognition = recognise(powers, kinds)
        inverse = recognition is not None and recognition.power < 0
        groups.append(group if inverse else named(group, recognition))
    return groups


def pi_basis(
    source: Any,
    response: str | None = None,
    *,
    target: str | None = None,
    repeating: Sequence[str] | None = None,
    constants: Iterable[str] = (),
    scales: Iterable[str] | str = (),
    prefer_named: bool = False,
    varying: Iterable[str] | None = None,
    signed: Iterable[str] = (),
) -> PiBasis:
    """Compute the pi groups of variables with units.

    Without `repeating`, the groups are an LLL-reduced basis of all integer groups, the same for
    every column order and unit system. Groups of constants alone are listed separately. The
    response occurs in ``pi_0`` only, with exponent 1.

    Parameters
    ----------
    source : Dataset, sequence of "name [unit]" texts, or mapping of name to unit or quantity
        The variables, the response included.
    response : str, optional
        Name of the response.
    target : str, optional
        The same, under the name that :func:`dimgs.fit` and :func:`dimgs.discover` give it.
    repeating : sequence of str, optional
        Repeating variables, as many as the rank; each other variable then gives one group.
    constants : iterable of str
        Known physical constants to add, such as ``("g", "c")``.
    scales : iterable of str, or "auto"
        Unknown dimensional constants, such as ``("M0 [kg]",)``.
    prefer_named : bool
        Prefer groups that have a name in the literature, also for the response.
    varying : iterable of str, optional
        Inputs that vary in the data (used by ``scales="auto"``).
    signed : iterable of str
        Inputs that vanish or change sign in the data: each is in one group alone, over a monomial
        of positive quantities.

    Returns
    -------
    PiBasis

    Raises
    ------
    InputError
        If names are absent or repeated, the repeating variables are not independent, or the
        inputs are too many.
    DimensionError
        If the response is outside the span of the inputs; the message names constants or a
        scale that would complete it.

    References
    ----------
    E. Buckingham, Phys. Rev. 4 (1914) 345-376.

    Examples
    --------
    >>> basis = pi_basis(
    ...     ["dp [Pa]", "rho [kg/m^3]", "U [m/s]", "D [m]", "mu [Pa*s]", "L [m]"], "dp"
    ... )
    >>> print(basis.response)
    dp·U⁻²·rho⁻¹
    >>> [(str(group), group.known_as) for group in basis.groups]
    [('D·L⁻¹', None), ('D·U·rho·mu⁻¹', 'Reynolds number')]
    """
    variables = variables_of(source)
    response_variable = _target(variables, response, target)
    names = [v.name for v in variables]
    declared = [*_columns(variables, response_variable), *constant_variables(constants, names)]
    inputs = with_scales(declared, response_variable, names, scales, varying)
    check_names([v.name for v in inputs])
    levels = [v.name for v in inputs if v.is_level]
    active = sorted((v for v in inputs if not v.is_level), key=lambda v: v.name)
    moving = [v for v in active if v.name in set(signed)]
    if not moving:
        return _derive(active, response_variable, repeating, prefer_named, levels)
    # each input that vanishes or changes sign has a group beside those of the positive ones
    if response_variable is not None and not (
        response_variable.is_level or is_reachable(active, response_variable)
    ):
        raise UnreachableError(active, response_variable)
    positive = [v for v in active if v not in moving]
    sizes = sizes_of(positive, moving, [*names, *(v.name for v in inputs)])
    positive = sorted([*positive, *sizes], key=lambda v: v.name)
    around = _signed_groups(positive, moving, _kinds_of(active, response_variable))
    needed = [name for group in around for name, _ in group.exponents]
    basis = _derive(positive, response_variable, repeating, prefer_named, levels, needed)
    groups = [*basis.groups, *around]
    return replace(
        basis,
        variables=tuple(sorted([*basis.variables, *moving], key=lambda v: v.name)),
        groups=tuple(group.renamed(f"pi_{k}") for k, group in enumerate(groups, 1)),
        signed=tuple(v.name for v in moving),
        sizes=tuple(v.name for v in sizes),
    )


def _kinds_of(inputs: Sequence[Variable], response: Variable | None) -> Kinds:
    return kinds_of([*inputs, *([response] if response else [])])


def _columns(variables: Sequence[Variable], response: Variable | None) -> list[Variable]:
    columns = [v for v in variables if v is not response and not v.is_label]
    if len(columns) > _MOST_INPUTS:
        raise InputError(
            f"{len(columns)} inputs are more than groups are made of ({_MOST_INPUTS}); name those "
            f"that matter ({setting('columns')}), or leave out the others ({setting('drop')})."
        )
    return columns


def with_scales(
    declared: Sequence[Variable],
    response: Variable | None,
    names: Sequence[str],
    scales: Iterable[str] | str,
    varying: Iterable[str] | None = None,
) -> list[Variable]:
    """Columns and constants, with the requested unknown scales.

    Parameters
    ----------
    declared : list of Variable
        Columns and constants.
    response : Variable, optional
        The response.
    names : sequence of str
        Further names that are taken.
    scales, varying
        As in :func:`pi_basis`.
    """
    if not isinstance(scales, str):
        inputs = list(declared)
        for text in scales:
            inputs.append(scale_variable(text, [*(v.name for v in inputs), *names]))
    elif scales == "auto":
        inputs = [*declared, *automatic_scales(declared, response, varying)]
    else:
        raise InputError(f"scales is '{scales}'; give 'auto' or a list such as ['M0 [kg]'].")
    if not inputs:
        raise InputError("There are no inputs; give at least one variable besides the response.")
    return inputs


def _target(
    listed: Sequence[Variable], response: str | None, target: str | None
) -> Variable | None:
    if response is not None and target not in (None, response):
        raise InputError(
            f"The response is '{response}' and the target '{target}'; give one of the two."
        )
    names = [v.name for v in listed]
    check_names(names)
    response = response if target is None else target
    if response is None:
        return None
    variable = next((v for v in listed if v.name == response), None)
    if variable is None:
        remedy = did_you_mean(response, names, f"the variables are {', '.join(names[:8])}.", most=3)
        raise InputError(f"There is no variable '{response}'; {remedy}")
    if variable.is_label:
        raise InputError(f"The response '{response}' is a label; choose a numeric column.")
    return variable


def _derive(
    active: list[Variable],
    target: Variable | None,
    repeating: Sequence[str] | None,
    prefer_named: bool,
    levels: Sequence[str],
    needed: Sequence[str] = (),
) -> PiBasis:
    names = tuple(v.name for v in active)
    kinds = _kinds_of(active, target)
    lattice, fixed = lattice_of(active)
    isolated = _absent(names, lattice)
    if repeating is not None:
        lattice, monomial, explanation = by_repeating(active, isolated, target, repeating)
    else:
        if prefer_named and lattice:
            lattice = with_named_groups(lattice, names, kinds, fixed)
        monomial, explanation = _automatic(active, target, kinds if prefer_named else None)
    used = {*monomial, *(repeating or ()), *needed}
    idle = [v for v in active if v.name in isolated - used]

    namer = Namer(names, kinds)
    pi_0 = namer.response(target.name, monomial) if target is not None else None
    groups = namer.groups(lattice)
    data = {v.name for v in active if v.role == "data"}
    numbers = [g for g in groups if data.isdisjoint(name for name, _ in g.exponents)]
    return PiBasis(
        variables=tuple(v for v in active if v not in idle),
        groups=groups,
        response=pi_0,
        target=target,
        repeating=tuple(repeating) if repeating is not None else tuple(sorted(monomial)),
        explanation=explanation,
        dropped=(*(_dropped(v, active) for v in idle), *(Dropped(n, _LEVEL) for n in levels)),
        remarks=tuple(
            f"{g.name} = {g} contains constants only, and is a fixed number." for g in numbers
        ),
    )


def _dropped(variable: Variable, inputs: Sequence[Variable]) -> Dropped:
    """An input that forms no group, why, and what would let it take part."""
    others = {base for v in inputs if v is not variable for base, _ in v.dimension}
    why = f"no product of powers of the other inputs has its dimension {variable.dimension}"
    if any(base not in others for base, _ in variable.dimension):
        why = f"no other column has the dimension {variable.dimension}"
    remedy = advice_to_take_part(variable) if variable.role == "data" else ""
    return Dropped(variable.name, f"{why}, so it forms no dimensionless group", remedy)


def _automatic(
    active: Sequence[Variable], target: Variable | None, kinds: Kinds | None
) -> tuple[dict[str, Fraction], str]:
    """Powers that go with the target in pi_0, and why; with kinds, a named number if one fits."""
    if target is None:
        return {}, "The groups are an LLL-reduced basis of all integer groups of the inputs."
    if target.is_level:
        return {}, f"'{target.name}' is a level, already logarithmic, and stands alone in pi_0."
    if target.dimension.is_dimensionless:
        return {}, f"'{target.name}' is dimensionless and stands alone in pi_0."
    usual = named_response(target.name, [v.name for v in active], kinds) if kinds else None
    if usual is not None:
        return usual, (
            f"'{target.name}' is made dimensionless by {', '.join(sorted(usual))}: "
            f"pi_0 is then a named number, as asked."
        )
    monomial = smallest_monomial(active, target.dimension)
    if monomial is None:
        raise UnreachableError(active, target)
    why = (
        "the fewest variables (then the smallest exponents, then name order)"
        if monomial.fewest
        else "the smallest exponents (then name order; there are too many variables to search for "
        "the fewest)"
    )
    listed = ", ".join(name for name, _ in monomial.exponents)
    return (
        {name: -exponent for name, exponent in monomial.exponents},
        f"'{target.name}' is made dimensionless by {listed}: {why}.",
    )
