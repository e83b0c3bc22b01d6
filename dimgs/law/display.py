"""Constants and ranges of a law in the units of its table, for reading; the law computes in SI."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isclose, prod
from typing import Any

import numpy as np
import sympy

from dimgs.common.errors import attempt
from dimgs.common.formats import attributes
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.law.checked_law import CheckedLaw
from dimgs.law.exponents import is_decimal, without_held
from dimgs.law.parts import Constant, Origin, as_rows
from dimgs.variables import Dimension, Unit, Variable, parse_unit
from dimgs.variables.units import base_unit, product_text, written

# the name of a unit, in the text of a product
_NAME = re.compile(r"[^\W\d_]+")
# before the name of a constant whose unit is not known yet; no unit begins so
_UNKNOWN = "? "
# of an exponent: what rounding leaves
_EXACT = 1e-9


@dataclass(frozen=True, slots=True)
class ShownConstant:
    """A constant in a coherent unit of the table.

    Attributes
    ----------
    name : str
    value : float
    low, high : float or None
    unit : str
    origin : {"fitted", "scale", "physical", "recognised"}
    """

    name: str
    value: float
    low: float | None
    high: float | None
    unit: str
    origin: Origin

    def to_json(self) -> dict[str, Any]:
        """The constant as JSON."""
        return attributes(self, "name value low high unit")


def shown_constants(law: CheckedLaw) -> tuple[ShownConstant, ...]:
    """Constants of a law as it is shown, in the units of its table.

    The unit of a constant is that with which the numbers of the table give the number of the
    target, such as L/(mmol*cm) for an absorption in columns of mmol/L and cm. Where the formula
    does not fix it, it is the product of the table's units that has the dimension, unless the SI
    unit has fewer factors or simpler powers. Known constants stay in SI units.

    Parameters
    ----------
    law : Law

    Returns
    -------
    tuple of ShownConstant

    Examples
    --------
    >>> import dimgs
    >>> table = {"F [kN]": [1.0, 2.0, 3.0, 4.0, 5.0], "x [mm]": [2.0, 4.1, 5.9, 8.0, 10.1]}
    >>> law = dimgs.fit(table, "F", scales="auto").law
    >>> [(c.name, round(c.value, 3), c.unit) for c in shown_constants(law)]
    [('C', 0.498, 'kN/mm')]
    """
    shown = without_held(law)
    factors = _factors_of([law.target, *shown.symbols.values()])
    units = _units_in(shown, factors)
    return tuple(_converted(shown, c, factors, units.get(c.name)) for c in shown.constants)


def shown_at(law: CheckedLaw, values: Mapping[str, float]) -> dict[str, ShownConstant]:
    """Constants of a law at other values, which are in SI units, as the table's units have them.

    Examples
    --------
    >>> import dimgs
    >>> table = {"F [kN]": [1.0, 2.0, 3.0, 4.0, 5.0], "x [mm]": [2.0, 4.1, 5.9, 8.0, 10.0]}
    >>> law = dimgs.fit(table, "F", scales="auto").law
    >>> shown_at(law, {"C": 3e6})["C"].value, shown_at(law, {"C": 3e6})["C"].unit
    (3.0, 'kN/mm')
    """
    if not values:
        return {}
    moved = (
        replace(c, value=values[c.name], low=None, high=None) if c.name in values else c
        for c in law.constants
    )
    shown = {c.name: c for c in shown_constants(replace(law, constants=tuple(moved)))}
    return {name: shown[name] for name in values}


def shown_ranges(law: CheckedLaw) -> dict[str, tuple[str, tuple[float, float]]]:
    """Unit and sampled range of each input of a law as it is shown, by identifier.

    The unit is that of the table where it only scales the number; a temperature in °C, a level and
    a number without dimension stay as the formula takes them.

    Examples
    --------
    >>> import dimgs
    >>> table = {"F [kN]": [1.0, 2.0, 3.0, 4.0, 5.0], "x [mm]": [2.0, 4.1, 5.9, 8.0, 10.0]}
    >>> shown_ranges(dimgs.fit(table, "F", scales="auto").law)
    {'x': ('mm', (2.0, 10.0))}
    """
    ranges = {}
    for symbol, variable in without_held(law).symbols.items():
        low, high, unit = law.domain.columns[variable.name]
        if only_scales(variable):
            low, high, unit = (*variable.unit.from_si(np.array([low, high])), variable.unit.text)
        ranges[symbol] = unit, (float(low), float(high))
    return ranges


def plain_number_note(law: CheckedLaw) -> str:
    """Note on angles and shares that the formula takes as plain numbers; empty where it has none.

    Parameters
    ----------
    law : Law
    """
    scaled = [
        f"1 {v.unit.text} of {v.name} counts as {v.unit.factor:.5g}"
        for v in (*law.symbols.values(), law.target)
        if v.unit.scale == "ratio" and v.unit.dimension.is_dimensionless and v.unit.factor != 1.0
    ]
    return f"In the formula {' and '.join(scaled)}." if scaled else ""


def only_scales(variable: Variable) -> bool:
    """Whether the unit of a variable multiplies its number, and has a dimension.

    Examples
    --------
    >>> from dimgs.variables import Variable, parse_unit
    >>> [only_scales(Variable("x", parse_unit(text))) for text in ("mm", "degC", "dB", "%")]
    [True, False, False, False]
    """
    unit = variable.unit
    ratio = not (variable.is_level or variable.is_label) and unit.scale == "ratio"
    return ratio and not unit.dimension.is_dimensionless


def _factors_of(variables: Iterable[Variable]) -> dict[str, Unit]:
    """Units whose products the units of the variables are, in their order, as written."""
    factors: dict[str, Unit] = {}
    for variable in variables:
        if variable.role != "data" or variable.is_level or variable.is_label:
            continue
        for factor in written(variable.unit.text).factors:
            unit = attempt(parse_unit, factor.name)
            if unit is not None and unit.scale == "ratio" and not unit.dimension.is_dimensionless:
                factors.setdefault(factor.name, unit)
    return factors


def _of_like(law: CheckedLaw, constant: Constant) -> dict[str, Unit]:
    """The unit of columns of the constant's dimension that suits its size; none if they agree."""
    columns = [v for v in law.symbols.values() if v.dimension == constant.dimension]
    units = {name: unit for v in columns for name, unit in _factors_of([v]).items()}
    alike = {name: unit for name, unit in units.items() if unit.dimension == constant.dimension}
    if len(alike) < 2 or not constant.value:
        return {}
    best = min(alike, key=lambda name: abs(np.log(abs(constant.value) / alike[name].factor)))
    return {best: alike[best]}


def is_chosen(constant: Constant) -> bool:
    """Whether a constant is a scale that only gives a dimension: 1 in its SI unit.

    Examples
    --------
    >>> time = Dimension.of({"[time]": 1})
    >>> is_chosen(Constant("t0", 1.0, time, origin="scale"))
    True
    """
    return constant.origin == "scale" and constant.value == 1.0 and constant.low is None


def _units_in(law: CheckedLaw, factors: Mapping[str, Unit]) -> dict[str, Dimension]:
    """Units with which the numbers of the table give that of the target, by constant.

    Where terms are added, or an argument of a function is a number, one side fixes the unit of a
    constant on the other. Units are powers of names, as dimensions are of base dimensions; a
    constant whose unit nothing fixes is left out.
    """
    columns = {s: _unit_as_written(v, factors) for s, v in law.symbols.items()}
    ones: list[Dimension] = []

    def unit_of(part: sympy.Basic) -> Dimension:
        if part.is_Symbol:
            return columns.get(str(part), _unknown(str(part)))
        if part.is_Pow and part.args[1].is_Number:
            return unit_of(part.args[0]) ** Fraction(str(part.args[1]))
        units = [unit_of(each) for each in part.args]
        if part.is_Mul:
            return prod(units, start=Dimension())
        # arguments of functions are numbers
        ones.extend([unit / units[0] for unit in units] if part.is_Add else units)
        return units[0] if part.is_Add else Dimension()

    target = _unit_as_written(law.target, factors)
    ones.append(unit_of(law.expression) / target)
    found: dict[str, Dimension] = {}
    before = -1
    while len(found) > before:
        before = len(found)
        for one in ones:
            known = prod(
                (found.get(n, Dimension.of({n: 1})) ** p for n, p in one), start=Dimension()
            )
            unknown = [(n, p) for n, p in known if n.startswith(_UNKNOWN)]
            if len(unknown) == 1:
                ((name, power),) = unknown
                found[name] = Dimension.of({name: 1}) / known ** (1 / power)
    return {
        c.name: unit
        for c in law.constants
        if (unit := found.get(_UNKNOWN + c.name)) is not None
        and _is_readable(factors, unit, c.dimension)
        # a number such as mm/m has no use beside formulas of numbers
        and (unit == target or not c.dimension.is_dimensionless)
    }


def _unknown(name: str) -> Dimension:
    return Dimension.of({_UNKNOWN + name: 1})


def _unit_as_written(variable: Variable, factors: Mapping[str, Unit]) -> Dimension:
    """Unit of a column as powers of names; unknown where the formula takes its number in SI."""
    plain = _unknown(variable.name)
    if variable.dimension.is_dimensionless:
        plain = Dimension()
    if variable.is_level or variable.is_label or variable.unit.scale != "ratio":
        return plain
    parts = [Dimension.of({f.name: f.power}) for f in written(variable.unit.text).factors]
    unit = prod(parts, start=Dimension())
    # a unit such as 10^3 m^3 holds a number too
    is_whole = isclose(_size(factors, unit.as_dict()), variable.unit.factor)
    return unit if is_whole and all(name in factors for name, _ in unit) else plain


def _coherent(factors: Mapping[str, Unit], dimension: Dimension) -> dict[str, Fraction]:
    """Powers of the factors, and of SI units where these do not suffice, of a dimension."""
    dimensions = {base_unit(base): Dimension.of({base: 1}) for base, _ in dimension}
    # earlier columns are taken before later ones
    dimensions = {name: known.dimension for name, known in factors.items()} | dimensions
    matrix = DimensionalMatrix.of_dimensions([*dimensions], [*dimensions.values()])
    powers = matrix.solve(dimension) or ()
    return {name: power for name, power in zip(dimensions, powers, strict=False) if power}


def _size(factors: Mapping[str, Unit], powers: Mapping[str, Fraction]) -> float:
    """A product of units in SI units."""
    used = [factors[n].factor ** float(p) for n, p in powers.items() if n in factors]
    return float(np.prod(used))


def _is_readable(factors: Mapping[str, Unit], unit: Dimension, dimension: Dimension) -> bool:
    """Whether a unit is one of a dimension, without such powers of a number as m^1.4/cm^1.4."""
    if not all(name in factors for name, _ in unit):
        return False
    left, sums = dimension**-1, dict[Dimension, Fraction]()
    for name, power in unit:
        of = factors[name].dimension
        left, sums[of] = left * of**power, sums.get(of, Fraction(0)) + power
    cancel = (abs(power) for name, power in unit if not sums[factors[name].dimension])
    # fitted exponents have the rounding of doubles
    return set(cancel) <= {1} and all(abs(power) < _EXACT for _, power in left)


def _converted(
    law: CheckedLaw,
    constant: Constant,
    factors: Mapping[str, Unit],
    natural: Dimension | None = None,
) -> ShownConstant:
    """A constant in its natural unit, or else in a product of units of the table."""
    unit, size, dimension = constant.unit, 1.0, constant.dimension
    like = _of_like(law, constant)
    as_written = natural is not None and not like
    if natural is not None and not like:
        powers = natural.as_dict()
    else:
        powers = _coherent(like or factors, dimension)
        # more factors than in the SI unit, or other roots, are harder to read than this one
        roots = {1, *(power.denominator for _, power in dimension)}
        has_more = len(powers) > len(_NAME.findall(unit))
        if has_more or any(power.denominator not in roots for power in powers.values()):
            powers = {}
    if constant.origin == "physical" or is_chosen(constant):
        powers = {}
    # in the order of the columns
    used = [(n, powers[n]) for n in {**factors, **powers} if powers.get(n)]
    converted = _size(factors, powers)
    # sizes may cancel, as in mm/g, or all be 1, as in W for Pa*m^3/s
    is_other = any(n in factors and (factors[n].factor != 1.0 or not as_written) for n, _ in used)
    is_other = is_other or (as_written and len(used) == 1)
    if is_other and 0 < converted < np.inf:
        unit, size = product_text(used), converted
    low, high = constant.low, constant.high
    if size != 1.0:
        sizes = {
            v.name: v.unit.factor if as_written else _size(factors, _coherent(factors, v.dimension))
            for v in (*law.inputs, *law.known)
            if only_scales(v)
        }
        low, high = _ends_of_prefactor(law, constant, sizes) or (low, high)
    low, high = (None if x is None else x / size for x in (low, high))
    return ShownConstant(constant.name, constant.value / size, low, high, unit, constant.origin)


def _ends_of_prefactor(
    law: CheckedLaw, constant: Constant, sizes: Mapping[str, float]
) -> tuple[float, float] | None:
    """Interval, in SI units, of a prefactor whose unit has fitted exponents.

    It is the law where each input is one unit, and that is known better or worse than the law at
    one SI unit. None where no exponent is fitted.

    Parameters
    ----------
    law : Law
    constant : Constant
    sizes : mapping of str to float
        Units of the inputs in SI units.
    """
    powers, u = dict(law.expression.as_powers_dict()), law.uncertainty
    of_variable = {
        v.name: powers.get(sympy.Symbol(s), sympy.S.Zero) for s, v in law.symbols.items()
    }
    is_factor = powers.get(sympy.Symbol(constant.name), 0) == 1 and u.scale == "log"
    if not (is_factor and constant.low is not None and any(map(is_decimal, of_variable.values()))):
        return None
    groups = {sympy.log(sympy.Symbol(g.name)): g for g in law.groups}
    # how the exponent of each input grows with the parameters
    rows = {
        name: np.array([float(groups[p].get(name)) if p in groups else 0.0 for p in u.gradients])
        for name in sizes
    }
    at_one = np.array([1.0 if p == 1 else 0.0 for p in u.gradients])
    at_one = at_one + sum(np.log(size) * rows[name] for name, size in sizes.items())
    covariance = np.array(u.covariance)
    simple = [
        row
        for n, row in rows.items()
        if np.any(row) and not is_decimal(of_variable.get(n, sympy.S.Zero))
    ]
    if simple:
        # exponents that are simple numbers are known
        along = covariance @ np.array(simple).T
        covariance = covariance - along @ np.linalg.pinv(np.array(simple) @ along) @ along.T
    known = replace(u, covariance=as_rows(covariance), quartic=())
    half = float(known.half_width(at_one[None, :], law.level, 0.0)[0])
    low, high = constant.value * np.exp(np.clip([-half, half], -700.0, 700.0))
    return float(low), float(high)
