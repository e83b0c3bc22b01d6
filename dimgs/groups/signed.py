"""Groups of inputs that vanish or change sign: each over a monomial of positive quantities."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from fractions import Fraction

from dimgs.dimensions import DimensionalMatrix
from dimgs.groups.group import PiGroup
from dimgs.groups.naming import Kinds
from dimgs.groups.recognition import recognise
from dimgs.groups.response import smallest_monomial
from dimgs.variables import Unit, Variable, si_unit


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
        if DimensionalMatrix.of([*positive, *sizes]).solve(variable.dimension) is not None:
            continue
        name = variable.name + "0"
        while name in names:
            name += "0"
        names.add(name)
        unit = Unit(si_unit(variable.dimension), variable.dimension)
        sizes.append(Variable(name, unit, variable.kind, "scale"))
    return tuple(sizes)


def signed_groups(
    positive: Sequence[Variable], signed: Sequence[Variable], kinds: Kinds, first: int
) -> tuple[PiGroup, ...]:
    """One group for each signed input, in which it has the exponent 1.

    Parameters
    ----------
    positive : sequence of Variable
        Positive inputs, constants, scales and sizes that together reach every dimension.
    signed : sequence of Variable
    kinds : mapping of str to tuple of Kind
    first : int
        Number of the first group.

    Returns
    -------
    tuple of PiGroup
        In the order of the names of the inputs.
    """
    out = []
    for number, variable in enumerate(sorted(signed, key=lambda v: v.name), start=first):
        found = smallest_monomial(positive, variable.dimension)
        assert found is not None
        powers = {variable.name: Fraction(1), **{name: -e for name, e in found.exponents}}
        group = PiGroup.of(f"pi_{number}", powers)
        known = recognise(group.as_dict(), kinds)
        if known is not None and known.power > 0:
            group = replace(group, known_as=known.label, symbol=known.latex)
        out.append(group)
    return tuple(out)
