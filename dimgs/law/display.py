"""Constants, exponents and ranges of a law as they are shown; the law computes in SI."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from math import ceil, exp, isclose, isfinite, log, log10, prod
from typing import NamedTuple, TypeVar

import numpy as np
import sympy

from dimgs.common.errors import attempt
from dimgs.expression.homogeneity import infer_dimensions
from dimgs.law.checked_law import CheckedLaw, Constant, LabelEffects, Origin, as_rows
from dimgs.variables import Dimension, Unit, Variable, parse_unit
from dimgs.variables.units import Factor, product_text, turning, written

# ---- Fitted exponents of a law: as they are shown, and as constants with names.
#
# A law holds each exponent in full. A text shows as many digits as its interval supports; a
# document or a program names it, like every other constant, so that nothing is rounded where it
# is computed.


Kind = TypeVar("Kind", bound=CheckedLaw)
# a denominator beyond is a decimal number that happens to be a fraction
LARGEST_QUOTIENT = 60
# short decimals, such as 0.313, which a search chose and which cost little
_SHORT = 10**4
# significant digits where no interval is known, and at most
_DIGITS_OF_UNKNOWN, MOST_DIGITS = 4, 6


def is_decimal(number: sympy.Expr) -> bool:
    """Whether a rational is a decimal number with many digits, and no simple quotient.

    Examples
    --------
    >>> is_decimal(sympy.Rational(-7, 4)), is_decimal(sympy.Rational(2520365, 10**7))
    (False, True)
    """
    return bool(number.is_Rational and number.q > LARGEST_QUOTIENT and _SHORT % int(number.q))


def significant_digits(value: float, half_width: float) -> int:
    """Significant digits of a number that its interval supports: two of the half width.

    With one, a formula and the prefactor that was fitted beside its exponents would disagree.

    Examples
    --------
    >>> [significant_digits(value, 0.003) for value in (-0.25204, 1.74796)]
    [4, 5]
    >>> significant_digits(0.27514, float("inf"))
    1
    """
    if not isfinite(half_width):
        return 1
    if half_width <= 0.0 or value == 0.0:
        return _DIGITS_OF_UNKNOWN
    size, last = (ceil(log10(abs(x)) + 1e-9) for x in (value, half_width))
    return min(max(size - last + 2, 1), MOST_DIGITS)


def half_widths(law: CheckedLaw) -> dict[sympy.Rational, float]:
    """Half width of each exponent of a power law by its size, at the law's level.

    Parameters
    ----------
    law : Law

    Returns
    -------
    dict of Rational to float
        Of the variables and of the groups; empty of a law whose parameters are others.
    """
    of_log = {sympy.log(sympy.Symbol(g.name)): g for g in law.groups}
    groups = [of_log.get(parameter) for parameter in law.uncertainty.gradients]
    if law.uncertainty.scale != "log" or not any(groups):
        return {}
    columns = {s: v.name for s, v in law.symbols.items()}
    every = [*law.expression.as_powers_dict().items(), *law.pi_expression.as_powers_dict().items()]
    widths: dict[sympy.Rational, float] = {}
    for base, power in every:
        name = columns.get(str(base), str(base))
        # how the exponent grows with each parameter
        row = [0.0 if g is None else float(g.as_dict().get(name, g.name == name)) for g in groups]
        if is_decimal(power) and any(row):
            half = float(law.uncertainty.half_width(np.array([row]), law.level, 0.0)[0])
            widths[abs(power)] = max(half, widths.get(abs(power), 0.0))
    return widths


def round_decimals(
    expression: sympy.Expr, half_widths: Mapping[sympy.Rational, float]
) -> sympy.Expr:
    """Expression whose long decimals, as numbers or exponents, have the digits that are supported.

    Parameters
    ----------
    expression : sympy.Expr
    half_widths : mapping of Rational to float
        Half widths of exponents, as :func:`half_widths` gives them.
    """
    long = [x for x in expression.atoms(sympy.Rational) if is_decimal(x)]

    def digits(number: sympy.Rational) -> int:
        half = half_widths.get(abs(number))
        return _DIGITS_OF_UNKNOWN if half is None else significant_digits(float(number), half)

    short = {x: sympy.Float(float(x), digits(x)) for x in long}
    short |= {x: sympy.Float(float(x), 5) for x in expression.atoms(sympy.Float)}
    return expression.xreplace(short)


def with_decades(law: CheckedLaw, expression: sympy.Expr) -> sympy.Expr:
    """An expression with decimal logarithms in the sum of a level that counts decades.

    ``4.3429*log(x)`` is ``10*log10(x)`` in decibels.
    """
    decades = law.target.unit.log_factor / log(10.0)
    if not law.target.is_level or not isclose(decades, round(decades, 1)):
        return expression
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((with_decades(law, e), where) for e, where in expression.args))

    def decimal(term: sympy.Expr) -> sympy.Expr:
        number, rest = term.as_coeff_Mul()
        if not isinstance(rest, sympy.log):
            return term
        times = float(f"{float(number) * log(10.0):.12g}")
        size = sympy.Integer(int(times)) if times.is_integer() else sympy.Float(times)
        return size * sympy.Function("log10")(rest.args[0])

    return sympy.Add(*map(decimal, sympy.Add.make_args(expression)))


class Named(NamedTuple):
    """A law in which long exponents are constants, and what the name of each stands for."""

    expression: sympy.Expr
    pi_expression: sympy.Expr
    constants: tuple[Constant, ...]
    exact: Mapping[str, sympy.Rational]


def name_exponents(law: CheckedLaw, expression: sympy.Expr | None = None) -> Named:
    """The law with a name for each exponent that is a long decimal.

    Parameters
    ----------
    law : Law
    expression : sympy.Expr, optional
        A form of the law in place of its own; the names are those of the law in every form.
    """
    forms = (law.expression if expression is None else expression, law.pi_expression)
    powers = {p for form in (*forms, law.expression) for p in form.atoms(sympy.Pow)}
    numbers = {abs(x) for p in powers for x in p.exp.atoms(sympy.Rational) if is_decimal(x)}
    taken = {*law.symbols, *law.constant_values, *(g.name for g in law.groups)}
    free = (name for k in count(1) if (name := f"a_{k}") not in taken)
    exact = dict(zip(free, sorted(numbers), strict=False))
    widths = half_widths(law) if exact else {}
    constants = []
    for name, number in exact.items():
        value, half = float(number), widths.get(number, float("inf"))
        constants.append(Constant(name, value, low=value - half, high=value + half))
    symbols = {x: sympy.Symbol(n) for n, x in exact.items()}
    symbols |= {-x: -symbol for x, symbol in symbols.items()}

    def renamed(form: sympy.Expr) -> sympy.Expr:
        return form.replace(
            lambda e: e.is_Pow and bool(e.exp.atoms(sympy.Rational) & set(symbols)),
            lambda e: sympy.Pow(e.base, e.exp.xreplace(symbols)),
        )

    in_inputs, in_groups = map(renamed, forms) if exact else forms
    return Named(in_inputs, in_groups, tuple(constants), exact)


def undetermined_inputs(law: CheckedLaw) -> tuple[str, ...]:
    """Inputs that the runs of a law held, and whose exponents are not known.

    Parameters
    ----------
    law : Law
    """
    open_ones = {name for product in law.open_products for name in product}
    return tuple(sorted(v.name for v in law.inputs if v.name in open_ones))


def without_held(law: Kind) -> Kind:
    """The law as it is shown: its prefactor holds the inputs whose exponents are not known.

    Predictions keep the whole law, since equal groups settle what the units alone determine.

    Parameters
    ----------
    law : Law

    Returns
    -------
    Law
        The same one where there are none, or where no prefactor can hold them.
    """
    names = set(undetermined_inputs(law))
    inside = {s: v for s, v in law.symbols.items() if v.name in names}
    prefactor = next((c for c in law.constants if c.origin == "fitted"), None)
    if not inside or prefactor is None or law.target.is_level:
        return law
    positive = {s: sympy.Symbol(str(s), positive=True) for s in law.expression.free_symbols}
    expression = sympy.expand_power_base(law.expression.xreplace(positive), force=True)
    rest, powers = expression.as_independent(
        *(s for s in positive.values() if str(s) in inside), as_Add=False
    )
    rest = rest.xreplace({s: plain for plain, s in positive.items()})
    alone = {str(s) for s in powers.free_symbols} <= set(inside)
    symbol = sympy.Symbol(prefactor.name)
    if not alone or symbol not in sympy.Mul.make_args(rest) or (rest / symbol).has(symbol):
        return law
    factor, dimension, effects = 1.0, prefactor.dimension, law.label_effects
    for base, power in powers.as_powers_dict().items():
        if not power.is_Rational or str(base) not in inside:
            return law
        name = inside[str(base)].name
        value = law.domain.held.get(name)
        if effects is not None and name in law.domain.held_by_label:
            value, effects = _within_effects(effects, law.domain.held_by_label[name], float(power))
        if not isinstance(value, float | int):
            return law
        factor *= float(value) ** float(power)
        dimension = dimension * inside[str(base)].dimension ** power
    low, high = None, None
    if prefactor.low is not None and prefactor.high is not None and prefactor.high < float("inf"):
        low, high = prefactor.low * factor, prefactor.high * factor
    grown = replace(
        prefactor, value=prefactor.value * factor, low=low, high=high, dimension=dimension
    )
    return replace(
        law,
        expression=rest,
        constants=tuple(grown if c is prefactor else c for c in law.constants),
        symbols={s: v for s, v in law.symbols.items() if s not in inside},
        unused=(*law.unused, *inside.values()),
        label_effects=effects,
    )


def _within_effects(
    effects: LabelEffects, values: Mapping[str, float], power: float
) -> tuple[float, LabelEffects]:
    """The mean of an input over the runs, and label effects that hold a power of what is about it.

    Parameters
    ----------
    effects : LabelEffects
    values : mapping of str to float
        The input by label.
    power : float
    """
    logs = {label: log(values[label]) for label in effects.log_ratios}
    runs = {label: effects.counts.get(label, 1) for label in logs}
    mean = sum(runs[k] * x for k, x in logs.items()) / sum(runs.values())
    ratios = {k: x + power * (logs[k] - mean) for k, x in effects.log_ratios.items()}
    return exp(mean), replace(effects, log_ratios=ratios)


def held_note(law: CheckedLaw) -> str:
    """Note on inputs that were constant in the runs; empty where there are none.

    Parameters
    ----------
    law : Law
    """
    names = undetermined_inputs(law)
    if not names:
        return ""
    which = ", ".join(names)
    one = len(names) == 1
    where = " for each label" if {*names} & law.domain.held_by_label.keys() else ""
    note = f"{which} {'was' if one else 'were'} fixed{where}: "
    note += "its exponent is not known" if one else "their exponents are not known"
    shown = without_held(law)
    if shown is law:
        used = any(v.name in names for v in law.symbols.values())
        return f"{note}, and the law holds where they are the same." if used else f"{note}."
    (constant,) = (a for a, b in zip(shown.constants, law.constants, strict=True) if a is not b)
    them = "it" if one else "them"
    if shown.label_effects != law.label_effects:
        return f"{note}; the prefactors of the labels hold {them}."
    return f"{note}; {constant.name} holds {them}."


# ---- Constants and ranges of a law in the units of its table, for reading; the law computes in
# SI.


# of a column whose number the formula takes in another unit; no unit is called so
_UNKNOWN_UNIT = "?"
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

    @property
    def half(self) -> float:
        """Half width of the interval; 0 without one."""
        return ((self.high or 0.0) - (self.low or 0.0)) / 2


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
    every = tuple(_converted(shown, c, factors, units) for c in shown.constants)
    return _in_levels(shown, every) if shown.target.is_level else every


def _in_levels(law: CheckedLaw, constants: Iterable[ShownConstant]) -> tuple[ShownConstant, ...]:
    """Constants of the law of a level: addends of it and slopes of its terms are levels too."""
    form, level = law.response_form.level, law.target.unit.text
    assert form is not None

    def unit(c: ShownConstant) -> str:
        if c.name not in form.addends | form.slopes:
            return c.unit
        if c.unit in ("", "1") or c.unit.startswith("1/"):
            return level + c.unit[1:]
        return f"{level}*{c.unit}"

    return tuple(replace(c, unit=unit(c)) for c in constants)


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


def plain_number_note(law: CheckedLaw, *, in_si: bool = False) -> str:
    """Note on units that the formula takes as plain numbers; empty where it has none.

    They are angles and shares, and turns per time (rpm) in rad/s unless a constant is in this unit.

    Parameters
    ----------
    law : Law
    in_si : bool
        Whether all constants are in SI units, as in code.
    """
    columns = (*law.symbols.values(), law.target)
    rotating = [v for v in columns if turning(v.unit) == "radians"]
    shown = rotating and not in_si
    units = _units_in(without_held(law), _factors_of(columns)) if shown else {}
    of_constants = {name for unit in units.values() for name, _ in unit}
    scaled = []
    for v in columns:
        turns = v in rotating and of_constants.isdisjoint(f.name for f in _as_written(v))
        is_plain = v.dimension.is_dimensionless or turns
        if is_plain and v.unit.scale == "ratio" and v.unit.factor != 1.0:
            unit = v.si_unit.replace("1", " rad" if turns else "", 1)
            scaled.append(f"1 {v.unit.text} of {v.name} counts as {v.unit.factor:.5g}{unit}")
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
    return Dimension() if variable.dimension.is_dimensionless else Dimension.of({_UNKNOWN_UNIT: 1})


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
