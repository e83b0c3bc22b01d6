"""Constants and ranges of a law in the units of its table, for reading; the law computes in SI."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
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

    The units are products of those in which the target and the inputs were given, one for each
    dimension; where such a product has more factors than the SI unit, and for known constants, the
    SI unit stays. The prefactor of a power law of columns whose units are not independent, such as
    mg/L and mm, has the unit with which the numbers of the table give that of the target.

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
    return tuple(_converted(shown, c, factors) for c in shown.constants)


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


def _powers_of_prefactor(
    law: CheckedLaw, constant: Constant, factors: Mapping[str, Unit]
) -> dict[str, Fraction] | None:
    """Powers of the factors in the unit of the target over those of the inputs in a power law.

    None where the constant is no prefactor of one or a plain number, and where the factors are
    independent.
    """
    if constant.dimension.is_dimensionless:
        return None
    matrix = DimensionalMatrix.of_dimensions([*factors], [u.dimension for u in factors.values()])
    powers = dict(law.expression.as_powers_dict())
    if matrix.rank == len(factors) or powers.pop(sympy.Symbol(constant.name), 0) != 1:
        return None
    out: dict[str, Fraction] = {}
    for variable, power in [(law.target, Fraction(1))] + [
        (law.symbols.get(str(base)), -power) for base, power in powers.items() if base.free_symbols
    ]:
        if variable is None or not sympy.sympify(power).is_Rational:
            return None
        for name, exponent, *_ in written(variable.unit.text).factors:
            out[name] = out.get(name, Fraction(0)) + exponent * Fraction(str(power))
    whole = Dimension()
    for name, exponent in out.items():
        whole *= factors[name].dimension ** exponent if name in factors else Dimension()
    # a unit such as 10^3 m^3 holds a number too, and %, no dimension
    return out if whole == constant.dimension and out.keys() <= factors.keys() else None


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


def _converted(law: CheckedLaw, constant: Constant, factors: Mapping[str, Unit]) -> ShownConstant:
    powers = _powers_of_prefactor(law, constant, factors)
    as_written, unit, size = powers is not None, constant.unit, 1.0
    if powers is None:
        fixed = not factors or constant.origin == "physical" or is_chosen(constant)
        powers = {} if fixed else _coherent(_of_like(law, constant) or factors, constant.dimension)
        if len(powers) > len(_NAME.findall(unit)):
            powers = {}
    used, converted = [(n, p) for n, p in powers.items() if p], _size(factors, powers)
    # sizes may cancel, as in mm/g, or all be 1, as in W for Pa*m^3/s
    is_other = any(n in factors and (factors[n].factor != 1.0 or not as_written) for n, _ in used)
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
