"""A law in its shortest form, its constants in an order that does not depend on their names."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from fractions import Fraction
from itertools import count
from typing import NamedTuple, TypeVar

import numpy as np
import sympy

from dimgs.common.errors import attempt
from dimgs.expression.homogeneity import infer_dimensions
from dimgs.expression.parsing import formula_text
from dimgs.expression.simplest import derivatives_of, simplest
from dimgs.groups.rationals import recognised_value
from dimgs.law.checked_law import CheckedLaw, Constant, constant_ends, prefactors
from dimgs.variables import Dimension

Kind = TypeVar("Kind", bound=CheckedLaw)


def positive_names(law: CheckedLaw) -> frozenset[str]:
    """Inputs that were positive in every run, known constants and scales."""
    columns = law.domain.columns
    inputs = {
        s
        for s, v in law.symbols.items()
        if not v.is_level and v.name in columns and columns[v.name][0] > 0
    }
    return frozenset(inputs | {c.name for c in law.constants if c.origin in ("physical", "scale")})


def shortest(law: CheckedLaw) -> sympy.Expr:
    """Expression of a law in its shortest form."""
    return simplest(law.expression, positive_names(law))


def canonical(law: Kind) -> Kind:
    """The law in its shortest form, with constants of a search named by their position.

    Parameters
    ----------
    law : Law

    Returns
    -------
    Law
        Equal in every number.
    """
    # evaluated, as it would be read from a file
    expression = _evaluated(shortest(law))
    names = {**_by_place(law, "a"), **_by_place(law, "c")}
    if expression != law.expression or any(old != new for old, new in names.items()):
        law = _rewritten(law, expression, law.constants, names)
    # in the order of the formula, which is the same whatever the names were; known ones last
    words = reversed(re.findall(r"\w+", formula_text(law.expression)))
    place = {name: k for k, name in enumerate(words)}
    known = ("scale", "physical")
    order = sorted(law.constants, key=lambda c: (c.origin in known, -place.get(c.name, 0)))
    read = sorted((c.name for c in order if c.name in names.values()), key=lambda name: name[0])
    if (*order,) == law.constants and read == [*names.values()]:
        return law
    return _rewritten(law, law.expression, order, dict(zip(read, names.values(), strict=True)))


def _rewritten(
    law: Kind, expression: sympy.Expr, constants: Iterable[Constant], names: Mapping[str, str]
) -> Kind:
    """The law in another expression and new names of constants; as it is where that is none."""
    rename = {sympy.Symbol(old): sympy.Symbol(new) for old, new in names.items()}
    renamed = (replace(c, name=names.get(c.name, c.name)) for c in constants)
    return attempt(law.rewritten, rename, expression, renamed) or law


def _evaluated(expression: sympy.Expr) -> sympy.Expr:
    if not expression.args:
        return expression
    return expression.func(*map(_evaluated, expression.args))


def _by_place(law: CheckedLaw, stem: str = "c") -> Mapping[str, str]:
    """New names of the constants c_1, c_2, ... in the order of what the law says of them."""
    numbered = [c for c in law.constants if re.fullmatch(rf"{stem}_\d+", c.name)]
    symbols = {c.name: sympy.Symbol(c.name) for c in numbered}

    def place(name: str) -> tuple[str, float]:
        marks = {s: sympy.Symbol("c" if n == name else "c_0") for n, s in symbols.items()}
        return str(law.pi_expression.xreplace(marks)), law.constant_values[name]

    # without the gaps of constants that were left out
    first = min((int(name[2:]) for name in symbols), default=1)
    free = (f"{stem}_{k}" for k in count(min(first, 1)) if f"{stem}_{k}" not in law.symbols)
    return dict(zip(sorted(symbols, key=place), free, strict=False))


def _readable(law: Kind) -> Kind:
    """The law in constants that are read by themselves; equal in every number.

    A power of c + d x is one of x - x0 or 1 + x/x0, since neither c nor d tells x0, which is known
    better than both. A constant that divides the law multiplies it. Negative ones are subtracted.
    """
    if len(law.uncertainty.gradients) != sum(c.origin == "fitted" for c in law.constants):
        return law
    free = {sympy.Symbol(name) for name in _by_place(law).keys() - law.differing}
    names = (s for k in count(1) if (s := sympy.Symbol(f"c_{k}")) not in free)
    for factor in sympy.Mul.make_args(law.pi_expression):
        if factor.is_Pow and factor.base in free and factor.exp == -1:
            a = next(names)
            law = _changed(law, {a: factor}, {factor.base: 1 / a}, {factor: a}, {factor: a})
    in_groups = {(one.power.exp, one.c, one.d): one for one in _sums(law.pi_expression, free)}
    for one in _sums(law.expression, free):
        other = in_groups.get((one.power.exp, one.c, one.d))
        law = law if other is None else _with_offset(law, one, other, free, names)
    # exponents and a factor of the whole keep their signs
    kept = {s for power in law.pi_expression.atoms(sympy.Pow) for s in power.exp.free_symbols}
    kept |= {*sympy.Mul.make_args(law.pi_expression)}
    for constant in law.constants:
        symbol = sympy.Symbol(constant.name)
        if symbol in free - kept and (constant.high or 0.0) < 0.0:
            a = next(names)
            law = _changed(law, {a: -symbol}, {symbol: -a}, {symbol: -a}, {symbol: -a})
    return law


class _Sum(NamedTuple):
    """A power of c + d x, where c and d are constants times numbers, or c is a number."""

    power: sympy.Expr
    c: sympy.Expr
    d: sympy.Expr
    x: sympy.Expr


def _sums(expression: sympy.Expr, free: Set[sympy.Symbol]) -> list[_Sum]:
    sums = []
    for power in sorted(expression.atoms(sympy.Pow), key=str):
        if not (power.base.is_Add and power.exp.free_symbols <= free):
            continue
        apart = [term.as_independent(*free, as_Add=False) for term in power.base.args]
        parts = [(n * c, x) for rest, c in apart for n, x in [rest.as_coeff_Mul()]]
        parts.sort(key=lambda part: part[1] != 1)
        are_single = all(n.is_number or n.as_coeff_Mul()[1] in free for n, _ in parts)
        if are_single and [x == 1 for _, x in parts] == [True, False] and parts[1][0].free_symbols:
            sums.append(_Sum(power, parts[0][0], *parts[1]))
    return sums


def _with_offset(
    law: Kind, one: _Sum, other: _Sum, free: Set[sympy.Symbol], names: Iterator[sympy.Symbol]
) -> Kind:
    """The law with x0 and, unless c is a number, a prefactor in place of c and d.

    It has (x - x0)^b where the sum may be zero, x/(x + x0), and else (1 + x/x0)^b, whose prefactor
    is the value at 0 and has a plain unit whatever b is.
    """
    power, c, d, x = one
    b, (n, first), (m, second) = power.exp, c.as_coeff_Mul(), d.as_coeff_Mul()
    inputs = [pair for pair in x.as_powers_dict().items() if str(pair[0]) in law.symbols]
    degree = inputs[0][1] if len(inputs) == 1 and inputs[0][1].is_Rational else sympy.Integer(1)
    # the root of a ratio is no product of inputs
    saturates = (
        bool(inputs)
        and b.is_negative
        and any(
            power in product.args and degree * product.as_powers_dict()[inputs[0][0]] > 0
            for product in law.expression.atoms(sympy.Mul)
        )
    )
    # f (1 + d x)^b with the factor in the sum
    taken = [s for s in sympy.Mul.make_args(law.pi_expression) if s in free][:1]
    if not (c.is_number and saturates):
        taken = []
    elif b != -1:
        taken = [s for s in taken if law.constant_values[s.name] > 0]
    for factor in taken:
        c, d = (part * factor ** (1 / b) for part in (c, d))
    of_c, of_d = (sympy.sign(part.subs(law.constant_values)) for part in (c, d))
    known = {sympy.Symbol(k.name) for k in law.constants if (k.low or 0) * (k.high or 0) > 0}
    may_vanish = of_c != of_d or not c.free_symbols <= known
    is_offset = (2 * b).is_Integer and (may_vanish or saturates) and not c.is_number
    unit = of_d * d if is_offset else of_c * c
    if not d.free_symbols | unit.free_symbols <= known or (unit.is_number and not may_vanish):
        return law
    x0, a = next(names), next(names)
    new, reach = {x0: (of_c * c / (of_d * d)) ** (1 / degree)}, x0**degree
    front, size = unit**b, unit
    if not unit.is_number:
        new[a], front, size = front, a, a ** (1 / b)
    ends = (of_c * reach, of_d) if is_offset else (of_c, of_d / reach)
    of_first, of_second = ends[0] * size / n, ends[1] * size / m
    back = {first: of_first, second: of_second}
    for factor in taken:
        back = {factor: of_first**b, second: of_second / of_first}
    back.pop(sympy.S.One, None)
    ones = dict.fromkeys(taken, sympy.Integer(1))
    forms = ({**ones, y.power: front * (ends[0] + ends[1] * y.x) ** b} for y in (one, other))
    return _changed(law, new, back, *forms)


def _changed(
    law: Kind,
    new: Mapping[sympy.Symbol, sympy.Expr],
    back: Mapping[sympy.Symbol, sympy.Expr],
    in_inputs: Mapping[sympy.Expr, sympy.Expr],
    in_groups: Mapping[sympy.Expr, sympy.Expr],
) -> Kind:
    """The law in new constants by the old, and the old by them, with its parts in both forms.

    Their intervals follow from the covariance of the old ones.
    """
    expression, form = law.expression.xreplace(in_inputs), law.pi_expression.xreplace(in_groups)
    if (expression.free_symbols | form.free_symbols) & back.keys():
        return law
    fitted = {sympy.Symbol(c.name): c.value for c in law.constants if c.origin == "fitted"}
    slopes = [derivatives_of(f, map(str, fitted)) for f in new.values()]
    rows = [[float(slope.subs(fitted)) for slope in each] for each in slopes]
    halves = law.uncertainty.half_width(np.array(rows), law.level, 0.0).tolist()
    factors = prefactors(form) if law.uncertainty.scale == "log" else set()
    made = {}
    for old, (symbol, f), half in zip(back, new.items(), halves, strict=True):
        ends = constant_ends(value := float(f.subs(fitted)), half, symbol in factors)
        made[old.name] = Constant(symbol.name, value, Dimension(), *ends)
    constants = [made.get(c.name, c) for c in law.constants]
    return law.rewritten(back, expression, constants, form)


def absorb(law: Kind) -> Kind:
    """The law in canonical form, with its scales absorbed in fitted constants.

    Parameters
    ----------
    law : Law
        With constants of the origin "scale", each 1 in its SI unit.

    Returns
    -------
    Law
        Equal in every number; constants that took a scale have its dimension, their intervals
        and covariance stay. A scale that no constant can carry stays.
    """
    return canonical(_absorbed(_readable(law)))


def _absorbed(law: Kind) -> Kind:
    fitted = [c.name for c in law.constants if c.origin == "fitted"]
    expression = law.expression
    dimension = {c.name: c.dimension for c in law.constants}
    gone: list[Constant] = []
    numbers: dict[str, float] = {}
    for scale in law.constants:
        if scale.origin != "scale" or scale.value != 1.0:
            continue
        powers = scale_powers(expression, scale.name, fitted)
        if powers is None and law.target.is_level:
            # logarithms keep it
            each = [_carried(t, scale, fitted, expression) for t in sympy.Add.make_args(expression)]
            expression = sympy.Add(*(term for term, _ in each))
            for name, power in (pair for _, powers in each for pair in powers.items()):
                dimension[name] = dimension[name] * scale.dimension**power
            continue
        if powers is None:
            expression, numbers = _numbered(expression, scale, numbers)
            continue
        for name, power in powers.items():
            dimension[name] = dimension[name] * scale.dimension**power
        expression = expression.subs(sympy.Symbol(scale.name), sympy.Integer(1))
        gone.append(scale)
    if not gone and not numbers and expression == law.expression:
        return law
    kept = [replace(c, value=numbers.get(c.name, c.value)) for c in law.constants if c not in gone]
    counted = [c for c in law.constants if c.name in numbers]
    names = _names(law, kept, [*gone, *counted], dimension)
    constants = (replace(c, dimension=dimension[c.name]) for c in kept)
    return _rewritten(law, expression, constants, names)


def _carried(
    term: sympy.Expr, scale: Constant, constants: Sequence[str], whole: sympy.Expr
) -> tuple[sympy.Expr, dict[str, Fraction]]:
    """A term of a sum without a scale, and its powers in constants of this term alone."""
    rest = (whole - term).free_symbols
    powers = scale_powers(term, scale.name, [k for k in constants if sympy.Symbol(k) not in rest])
    return (term.subs(sympy.Symbol(scale.name), 1), powers) if powers else (term, {})


def scale_powers(
    expression: sympy.Expr, scale: str, constants: list[str]
) -> dict[str, Fraction] | None:
    """Powers of a scale that the constants take so that it drops out; None if they cannot.

    Parameters
    ----------
    expression : sympy.Expr
    scale : str
    constants : list of str
        Those that may carry it.

    Returns
    -------
    dict of str to Fraction, or None

    Examples
    --------
    >>> c, d, M, T, M0, T0 = sympy.symbols("c d M T M0 T0")
    >>> scale_powers(c * (M / M0) ** 2 * sympy.exp(-d * T0 / T), "T0", ["c", "d"])
    {'d': Fraction(1, 1)}
    >>> scale_powers(sympy.exp(-T0 / T), "T0", ["c", "d"]) is None
    True
    """
    if expression.has(sympy.Piecewise):
        return None
    # the scale drops out where it is the one base dimension, and the whole has none
    dimensions = {str(s): Dimension() for s in expression.free_symbols if str(s) not in constants}
    dimensions[scale] = Dimension.of({scale: 1})
    inference = attempt(infer_dimensions, expression, dimensions, constants, Dimension())
    if inference is None or inference[1]:
        return None
    powers = {name: -dimension.get(scale) for name, dimension in inference[0].items()}
    return {name: power for name, power in powers.items() if power}


def _numbered(
    expression: sympy.Expr, scale: Constant, numbers: Mapping[str, float]
) -> tuple[sympy.Expr, dict[str, float]]:
    """A scale that is a factor of its own takes the number in front of it: 2 s with s = 1."""
    symbol = sympy.Symbol(scale.name)
    number, rest = expression.as_coeff_Mul()
    alone = rest.is_Mul and symbol in rest.args and not (rest / symbol).has(symbol)
    if not (alone or rest == symbol) or number in (0, 1) or not number.is_positive:
        return expression, dict(numbers)
    return rest, {**numbers, scale.name: float(number)}


def _names(
    law: CheckedLaw, kept: list[Constant], gone: list[Constant], dimension: Mapping[str, Dimension]
) -> dict[str, str]:
    """New names: T_c where one constant stands for T0, else T_a, T_b, ...

    Not T0 itself, which the groups and their ranges count as 1.
    """
    taken = {c.name for c in kept} | set(law.symbols) | {g.name for g in law.groups}
    taken |= {"pi_0"} | {str(s) for s in law.pi_expression.free_symbols}
    out: dict[str, str] = {}
    for scale in gone:
        alike = [c for c in kept if dimension[c.name] == scale.dimension and c.name not in out]
        alike = [
            c
            for c in alike
            if c.name == scale.name or (c.origin == "fitted" and c.dimension != scale.dimension)
        ]
        stem = scale.name.rstrip("0123456789_") or scale.name
        if any(c.name == stem for c in alike):
            # the unit of a constant, which has its name already
            continue
        letters = "cdefgh" if len(alike) == 1 else "abcdefghij"
        free = [f"{stem}_{x}" for x in letters if f"{stem}_{x}" not in taken]
        for constant, name in zip(alike, free, strict=False):
            out[constant.name] = name
            taken.add(name)
    return out


# half-width of the interval of a factor of one that is not written: rounding, and no noise, is less
_NO_DOUBT = 1e-6
_KELVIN, _CELSIUS = Dimension.of({"[temperature]": 1}), 273.15
# of it: an interval as wide as 50 K holds 273 K by chance
_NARROW = 0.2


def recognised(constant: Constant, level: float) -> Constant:
    """The constant with its recognised value and origin, or as it is.

    Its interval holds the recognised value, also where that lies beside it by rounding.
    """
    low, high = constant.low, constant.high
    if constant.origin != "fitted" or not constant.dimension.is_dimensionless:
        return constant
    exact = recognised_value(constant.value, low, high, level)
    if exact is None or low is None or high is None:
        return constant
    value = float(exact)
    ends = min(low, value), max(high, value)
    return Constant(constant.name, value, constant.dimension, *ends, "recognised")


def recognise(law: Kind, units: Sequence[str] = ()) -> Kind:
    """The law with its dimensionless constants recognised where their intervals allow.

    Where unknown scales take part, a dimensionless prefactor says which unit the scale was
    counted in, so nothing is recognised in such a law unless its scales were absorbed.

    Parameters
    ----------
    law : Law
    units : sequence of str
        Names of constants to leave alone, beside those that differ between sources.

    Returns
    -------
    Law
    """
    if any(c.origin == "scale" for c in law.constants):
        return law
    kept = {*units, *law.differing}
    constants = tuple(c if c.name in kept else recognised(c, law.level) for c in law.constants)
    changed = any(a is not b for a, b in zip(constants, law.constants, strict=True))
    finite = all(np.isfinite(c.value) for c in constants)
    if not (changed and finite):
        return law
    # 1/log(c) has no value at c = 1
    return attempt(lambda: _without_ones(replace(law, constants=constants))) or law


def _without_ones(law: Kind) -> Kind:
    """The law without constants that are 1 or -1 beyond doubt; its uncertainty stays."""
    ones = {
        sympy.Symbol(c.name): sympy.Integer(round(c.value)) for c in law.constants if _is_one(c)
    }
    if not ones:
        return law
    return law.rewritten(ones, law.expression, (c for c in law.constants if not _is_one(c)))


def _is_one(constant: Constant) -> bool:
    if constant.origin != "recognised" or abs(constant.value) != 1.0:
        return False
    low, high = constant.low, constant.high
    return low is not None and high is not None and high - low < 2 * _NO_DOUBT


def celsius_zeros(law: CheckedLaw) -> tuple[str, ...]:
    """Doubts where a fitted constant is the zero of the Celsius scale, in one sentence each.

    Parameters
    ----------
    law : Law

    Returns
    -------
    tuple of str
    """
    return tuple(
        f"The fitted constant {c.name} is {c.value:.5g} K, the zero of the Celsius scale: a "
        f"column in degC may be a difference, or may count from 0 °C; give its unit as delta_degC."
        for c in law.constants
        if c.origin == "fitted"
        and c.dimension == _KELVIN
        and c.low is not None
        and c.high is not None
        and min(abs(c.low), abs(c.high)) <= _CELSIUS <= max(abs(c.low), abs(c.high))
        and abs(c.high - c.low) < _NARROW * _CELSIUS
    )
