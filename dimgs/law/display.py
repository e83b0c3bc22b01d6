"""Constants and ranges of a law in the units of its table, for reading; the law computes in SI."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isclose, prod
from typing import Any

import numpy as np
import sympy

from dimgs.common.errors import attempt
from dimgs.common.formats import attributes
from dimgs.expression.homogeneity import infer_dimensions
from dimgs.law.checked_law import CheckedLaw
from dimgs.law.exponents import is_decimal, without_held
from dimgs.law.parts import Constant, Origin, as_rows
from dimgs.variables import Dimension, Unit, Variable, parse_unit
from dimgs.variables.units import Factor, product_text, written

# of a column whose number the formula takes in another unit; no unit is called so
_UNKNOWN = "?"
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
    target, such as L/(mmol*cm) for an absorption in columns of mmol/L and cm. Known constants, and
    those whose unit the formula does not fix, stay in SI units.

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
    return tuple(_converted(shown, c, factors, units) for c in shown.constants)


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
    return variable.unit.scale == "ratio" and not variable.dimension.is_dimensionless


def _as_written(variable: Variable) -> tuple[Factor, ...]:
    """Powers of units, as written, of which the formula takes a multiple for a column."""
    texts = {"ratio": variable.unit.text, "temperature": "K"}
    return written(texts.get(variable.unit.scale, "1")).factors


def _factors_of(variables: Iterable[Variable]) -> dict[str, Unit]:
    """Units whose products the units of the variables are, in their order, as written."""
    factors: dict[str, Unit] = {}
    for factor in (f for v in variables if v.role == "data" for f in _as_written(v)):
        unit = attempt(parse_unit, factor.name)
        if unit is not None and unit.offset == 0.0 and not unit.dimension.is_dimensionless:
            factors.setdefault(factor.name, unit)
    return factors


def _of_like(law: CheckedLaw, constant: Constant) -> Dimension | None:
    """The unit of columns of the constant's dimension that suits its size; none if they agree."""
    columns = [v for v in law.symbols.values() if v.dimension == constant.dimension]
    sizes = {
        name: abs(np.log(abs(constant.value) / unit.factor))
        for name, unit in _factors_of(columns).items()
        if unit.dimension == constant.dimension and constant.value
    }
    return Dimension.of({min(sizes, key=sizes.__getitem__): 1}) if len(sizes) > 1 else None


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

    As dimensions are powers of base dimensions, units are powers of names here; a constant whose
    unit the formula does not fix is left out.
    """
    columns = {s: _unit_as_written(v, factors) for s, v in law.symbols.items()}
    target = _unit_as_written(law.target, factors)
    exact = sympy.nsimplify(law.expression, rational=True)
    names = [c.name for c in law.constants]
    inferred, _ = attempt(infer_dimensions, exact, columns, names, target) or ({}, None)
    out = {}
    for constant in law.constants:
        unit = _of_like(law, constant) or inferred.get(constant.name, target)
        is_known = constant.origin == "physical" or is_chosen(constant)
        # a number such as mm/m has no use beside formulas of numbers
        is_plain = constant.dimension.is_dimensionless and unit != target
        if not is_known and not is_plain and _is_readable(factors, unit, constant.dimension):
            out[constant.name] = unit
    return out


def _unit_as_written(variable: Variable, factors: Mapping[str, Unit]) -> Dimension:
    """Unit of a column as powers of names; unknown where these do not give its size."""
    parts = [Dimension.of({f.name: f.power}) for f in _as_written(variable)]
    unit = prod(parts, start=Dimension())
    size = 1.0 if variable.unit.scale != "ratio" else variable.unit.factor
    # a unit such as 10^3 m^3 holds a number too
    if all(name in factors for name, _ in unit) and isclose(_size(factors, unit), size):
        return unit
    return Dimension() if variable.dimension.is_dimensionless else Dimension.of({_UNKNOWN: 1})


def _size(factors: Mapping[str, Unit], unit: Dimension) -> float:
    """A product of units in SI units."""
    return float(np.prod([factors[n].factor ** float(p) for n, p in unit if n in factors]))


def _is_readable(factors: Mapping[str, Unit], unit: Dimension, dimension: Dimension) -> bool:
    """Whether a unit is one of a dimension, without such powers of a number as m^1.4/cm^1.4."""
    if not all(name in factors for name, _ in unit):
        return False
    of = {name: factors[name].dimension for name, _ in unit}
    whole = prod((of[name] ** power for name, power in unit), start=Dimension())
    left = {name: sum(p for n, p in unit if of[n] == of[name]) for name in of}
    cancel = any(abs(power) != 1 and not left[name] for name, power in unit)
    # fitted exponents have the rounding of doubles
    return not cancel and all(abs(power) < _EXACT for _, power in whole / dimension)


def _converted(
    law: CheckedLaw, constant: Constant, factors: Mapping[str, Unit], units: Mapping[str, Dimension]
) -> ShownConstant:
    """A constant in its unit, where it has one and that is no product of SI units."""
    unit, low, high = units.get(constant.name, Dimension()), constant.low, constant.high
    # in the order of the columns
    used = [(name, power) for name in factors if (power := unit.get(name))]
    # sizes may cancel, as in mm/g
    is_other = len(used) == 1 or any(factors[name].factor != 1.0 for name, _ in used)
    size, text = _size(factors, unit), product_text(used)
    if not (is_other and 0 < size < np.inf):
        size, text = 1.0, constant.unit
    else:
        sizes = {v.name: v.unit.factor for v in (*law.inputs, *law.known) if only_scales(v)}
        low, high = _ends_of_prefactor(law, constant, sizes) or (low, high)
    low, high = (None if x is None else x / size for x in (low, high))
    return ShownConstant(constant.name, constant.value / size, low, high, text, constant.origin)


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
