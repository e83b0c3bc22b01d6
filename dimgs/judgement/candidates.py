"""Judged forms: the candidates of a study as models of its runs, with evidence and price.

A number in a form is replaced by a fitted constant unless the runs determine it. For example, a
search may find ``5 x`` although 4.9 and 5.1 fit as well. A number is kept if the interval of a
constant in its place is so narrow that it would contain so simple a number by chance with a small
probability only, and the interval at 95 % contains it. Exponents, and the number 1 other than as a
prefactor, are part of the form.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache, partial
from itertools import count, permutations, product
from typing import Any

import numpy as np
import sympy

from dimgs.common.arrays import Array, least_squares, lengths
from dimgs.engines.protocol import Clock
from dimgs.expression.candidate import Candidate
from dimgs.expression.price import RESPONSE, Structure, fitted_exponents, structure_of
from dimgs.expression.simplest import simplest
from dimgs.fits.design import Design
from dimgs.fits.noise import rms
from dimgs.groups.group import PiGroup
from dimgs.groups.rationals import MAX_DENOMINATOR, bits_of, chance_of_number
from dimgs.judgement.evidence import (
    Evidence,
    Fitted,
    FormulaModel,
    PowerModel,
    errors_by_source,
    errors_of,
    evidence,
    fit_model,
    fits_to_all,
    outer_blocks,
)
from dimgs.law.assemble import feature_values, from_search, used_inputs
from dimgs.law.checked_law import Names
from dimgs.law.law import Law
from dimgs.law.prediction import evaluate
from dimgs.report.results import FitResult
from dimgs.variables import Dimension

# models of which any two are compared on other runs
JudgedModel = PowerModel | FormulaModel
# a form as a model of the runs, and with constants for its numbers
_Modelled = tuple["Proposal", JudgedModel]
_Released = tuple["ReleasedForm", Fitted]
# the parts of a form's price, the form of the target that they are of, and its temperatures
_Priced = tuple[Structure, sympy.Expr, dict[str, sympy.Symbol]]
_ANGLES = ("rad", "deg", "degree", "°", "degrees", "radian", "mrad", "arcmin", "arcsec")
_INVERSE = (sympy.asin, sympy.acos, sympy.atan)
# ends of the runs that are not counted on
_ENDS = (0.1, 0.9)


class Turns:
    """Classes of arguments of trigonometric functions, by the runs of a design."""

    def __init__(self, design: Design) -> None:
        self.values = feature_values(design)
        numeric = (v for v in design.data.variables if not v.is_label)
        self.angles = {v.name for v in numeric if v.kind == "angle" or v.unit.text in _ANGLES}
        self.gives_angle = design.target.name in self.angles
        names = Names.of(design)
        self.inputs = {names.of_feature(f): {*f.variables} for f in design.features}
        self.n = design.n_runs

    def of(self, constants: Mapping[str, Array | float]) -> Callable[[sympy.Expr], str]:
        """Classifier of arguments for a law with these constants."""
        return partial(self.meaning, {**self.values, **constants})

    def meaning(self, values: Mapping[str, Array | float], node: sympy.Expr) -> str:
        """Whether the argument of a trigonometric function is an angle, or turns, or neither.

        The same of an inverse one says whether its value is an angle, as the target is.
        """
        if isinstance(node, _INVERSE):
            return "angle" if self.gives_angle else "neither"
        argument = node.args[0]
        used = {str(s) for s in argument.free_symbols}
        inputs: set[str] = set().union(*(self.inputs.get(s, set()) for s in used))
        if inputs & self.angles and not argument.has(sympy.Function):
            return "angle"
        theta = evaluate(argument, values, self.n)
        if not np.all(np.isfinite(theta)):
            return "neither"
        shift = np.pi / 2 if isinstance(node, sympy.sin) else 0.0
        low, high = (float(q) for q in np.quantile(theta, _ENDS))
        turns = np.floor((high - shift) / np.pi) > np.floor((low - shift) / np.pi)
        return "turns" if turns else "neither"


# standard errors: half of an interval of 90 %, and where a number is refuted at 5 %
_HALF, _REFUTED = 1.645, 2.0
# standard error of a fitted exponent that costs nothing, and one that is rounding. Of 154 drawn
# power laws with an exponent that is not simple, 7, 9 and 12 had 0.9 or more for a wrong simple one
# with 0.25, 0.35 and 0.5; of 146 with simple ones, 113, 120 and 121 had it for the right one
_FREE_ERROR, _LEAST_ERROR = 0.25, 1e-6
# expected count of equally simple numbers in an interval, from which a constant is no number: of
# one in twenty, 4 % of the laws of drawn constants were confirmed with a number
_COUNT = 0.02


@dataclass(frozen=True)
class ReleasedForm:
    """A form whose numbers have become constants.

    Attributes
    ----------
    expression : sympy.Expr
    constants : mapping of str to float
        Its constants, those of the form included.
    numbers : mapping of str to sympy.Expr
        What each new constant was.
    """

    expression: sympy.Expr
    constants: Mapping[str, float]
    numbers: Mapping[str, sympy.Expr]

    def fixed(self, kept: "set[str]") -> tuple[sympy.Expr, dict[str, float]]:
        """The form with some of its numbers again."""
        back = {sympy.Symbol(k): v for k, v in self.numbers.items() if k in kept}
        rest = {k: v for k, v in self.constants.items() if k not in kept}
        return self.expression.xreplace(back), rest


def release_numbers(
    expression: sympy.Expr, constants: Mapping[str, float], prefactor: bool = False
) -> ReleasedForm | None:
    """The form with a constant for every number but exponents and 1; None where it has none.

    Parameters
    ----------
    expression : sympy.Expr
    constants : mapping of str to float
    prefactor : bool
        Whether a prefactor of 1 is a number too.

    Examples
    --------
    >>> x = sympy.Symbol("pi_1")
    >>> release_numbers(3 * x**2 / (x + 1), {}).expression
    c_1*pi_1**2/(pi_1 + 1)
    >>> release_numbers(x**2, {}, prefactor=True).expression
    C*pi_1**2
    """
    taken = {str(s) for s in expression.free_symbols} | set(constants)
    numbers: dict[str, sympy.Expr] = {}

    def name(number: sympy.Expr) -> sympy.Symbol:
        new = _new_name(taken)
        taken.add(new)
        numbers[new] = number
        return sympy.Symbol(new)

    def walk(node: sympy.Expr) -> sympy.Expr:
        if node.is_number or not node.args:
            return node
        if node.is_Pow:
            base = node.base if node.base.is_number else walk(node.base)
            return base ** (node.exp if node.exp.is_number else walk(node.exp))
        if node.is_Add or node.is_Mul:
            fixed = [a for a in node.args if a.is_number]
            rest = [walk(a) for a in node.args if not a.is_number]
            number = node.func(*fixed)
            if fixed and number not in (1, -1):
                number = name(number)
            return node.func(number, *rest) if fixed else node.func(*rest)
        return node.func(*(walk(a) for a in node.args))

    one_number = expression.is_number and expression not in (1, -1)
    general = name(expression) if one_number else walk(expression)
    free = {sympy.Symbol(k) for k in (*constants, *numbers)}
    has_one = any(f.free_symbols <= free for f in sympy.Mul.make_args(general))
    if prefactor and "C" not in taken and not has_one:
        # called as that of a power law is, which is the same form
        numbers["C"] = sympy.Integer(1)
        general = sympy.Symbol("C") * general
    # a free prefactor takes every number beside it
    if not numbers or general == expression:
        return None
    start = {**constants, **{k: float(v) for k, v in numbers.items()}}
    return ReleasedForm(general, start, numbers)


def _new_name(taken: Container[str]) -> str:
    return next(name for k in count(1) if (name := f"c_{k}") not in taken)


def numbers_to_keep(
    form: ReleasedForm, names: "tuple[str, ...]", values: Array, errors: Array
) -> set[str]:
    """The numbers that lower the price, or that the runs refute (their form is a law of its own).

    Parameters
    ----------
    form : Freed
    names : tuple of str
        Its constants, in the order of the next two.
    values, errors : ndarray of shape (n_constants,)
        Refitted, with standard errors.
    """
    out = set()
    for k, value, error in zip(names, values, errors, strict=True):
        number = form.numbers.get(k)
        if number is None:
            continue
        # a prefactor of 1 is what a form without one says, however wide the interval
        unrefuted = number == 1 and abs(value - 1.0) <= _REFUTED * error
        if unrefuted or lowers_price(number, float(value), float(error)):
            out.add(k)
    return out


def lowers_price(number: sympy.Expr, value: float, error: float, tried: int = 1) -> bool:
    """Whether a number in place of a constant with this standard error lowers the price.

    Of several that are tried, one is met by chance as many times as often.

    Examples
    --------
    >>> [lowers_price(sympy.Integer(1), value, 0.01) for value in (1.01, 1.1)]
    [True, False]
    >>> [lowers_price(sympy.Integer(1), 1.01, 0.01, tried) for tried in (1, 6)]
    [True, False]
    >>> lowers_price(sympy.Integer(0), 0.07, 0.1)
    False
    """
    target = float(number)
    # a zero has no size by which others would be as near
    is_refuted = abs(value - target) > _REFUTED * error + 1e-9 * abs(target)
    if target == 0 or is_refuted or not np.isfinite(error):
        return False
    width = 2 * _HALF * error / abs(target)
    return tried * chance_of_number(abs(target), bits_of(number), width) < _COUNT


# names of power laws with fitted and with simple exponents
POWER = ("power", "simple power")
# candidates of a front that are judged: those behind hold a thousandth of the probability
MOST_JUDGED = 24
# share of a slope that others leave, below which it is theirs to rounding
_CARRIED = 1e-6


@dataclass(frozen=True, eq=False, kw_only=True)
class Proposal:
    """A form that a search hands over.

    Attributes
    ----------
    name : str
        One of `POWER` for power laws with real and simple exponents, else who found it.
    expression : sympy.Expr
        pi_0 in the groups, inputs without a logarithm and constants.
    constants : mapping of str to float
    law : Law, optional
        The form with its units, where it is one already.
    given : bool
        Whether it is the form that was asked for.
    """

    name: str
    expression: sympy.Expr
    constants: Mapping[str, float]
    law: Law | None = None
    given: bool = False


def forms_of(
    design: Design,
    result: FitResult | None,
    law: Law,
    candidates: Sequence[Candidate],
    more: Sequence[Proposal] = (),
) -> Iterator[_Modelled]:
    """Every form that a study found, as a model of its runs: power laws, its law, its front.

    Parameters
    ----------
    design : Design
    result : FitResult or None
    law : Law
    candidates : sequence of Candidate
    more : sequence of Proposal
        Further forms, which come before these.
    """
    if result is not None and not result.law.pi_expression.has(sympy.Piecewise):
        yield from _power(design, result)
        yield from _of_temperature(design, result)
    scales = [v.name for v in design.basis.unknown_scales]
    power = None if result is None else result.law
    seen = set()
    proposals = list(more)
    if power is None or law is not power or law.pi_expression.has(sympy.Piecewise):
        of_law = law.response_form
        proposals.append(
            Proposal(name="law", expression=of_law.expression, constants=of_law.constants, law=law)
        )
    for c in candidates[:MOST_JUDGED]:
        expression, start = _with_powers(from_search(design, c.expression), c.constants)
        proposals.append(Proposal(name=c.engine, expression=expression, constants=start))
    for one in proposals:
        if one.name == "power_law" or str(one.expression) in seen:
            continue
        seen.add(str(one.expression))
        try:
            one, model = _modelled(design, one)
            # errors of one size let a form that was asked for be negative in a few runs
            usable = _has_values(model, positive=not one.given)
        except (KeyError, TypeError, NameError, AttributeError):
            continue
        if usable:
            for scale in scales:
                one, model = _carried(design, one, model, scale)
            yield one, model


def _modelled(design: Design, one: Proposal) -> tuple[Proposal, FormulaModel]:
    """A form with those of its constants that it has, and its model of the runs."""
    used = {str(s) for s in one.expression.free_symbols}
    start = {k: float(v) for k, v in one.constants.items() if k in used}
    return replace(one, constants=start), FormulaModel(design, one.expression, start)


def _has_values(model: FormulaModel, *, positive: bool) -> bool:
    """Whether a form is a number in every run, and has a logarithm where the response has one."""
    values = model.value(model.start)
    is_logged = positive and model.design.scale == "log"
    return bool(np.all(np.isfinite(values)) and (not is_logged or np.all(values > 0)))


def _is_fitted_power_law(one: Proposal) -> bool:
    """Whether a form is a power law with exponents that a search fitted, or gives as decimals."""
    fitted = {sympy.Symbol(k): sympy.Float(v) for k, v in one.constants.items()}
    expression = one.expression.xreplace(fitted)
    powers = map(sympy.sympify, expression.as_powers_dict().values())
    broken = any(not p.is_Rational or p.q > MAX_DENOMINATOR for p in powers)
    return broken and is_monomial(expression)


def _with_powers(
    expression: sympy.Expr, constants: Mapping[str, float]
) -> tuple[sympy.Expr, Mapping[str, float]]:
    """The form with u**c for exp(c log u), and c log u for log(u**c), and its constants.

    A fitted exponent has its price in either spelling, and a logarithm of a power has none that
    the prefactor does not have too.
    """
    known = set(map(sympy.Symbol, constants))

    def power(exponent: sympy.Expr) -> sympy.Expr:
        logs = [f for f in sympy.Mul.make_args(exponent) if isinstance(f, sympy.log)]
        if len(logs) != 1 or not (exponent / logs[0]).free_symbols <= known:
            return sympy.exp(exponent)
        return logs[0].args[0] ** (exponent / logs[0])

    def logarithm(argument: sympy.Expr) -> sympy.Expr:
        base, exponent = argument.as_base_exp()
        plain = not exponent.free_symbols & known
        return sympy.log(argument) if plain else exponent * sympy.log(base)

    powers = expression.replace(sympy.exp, power)
    products = powers.replace(sympy.log, logarithm)
    if products == powers:
        return powers, constants
    apart = sympy.expand_power_base(products, force=True)
    return _with_one_constant(apart, constants, list(constants))


def _carried(
    design: Design, one: Proposal, model: FormulaModel, scale: str
) -> tuple[Proposal, FormulaModel]:
    """A form with a constant for the size of an unknown scale that none of its constants carries.

    A scale counts as 1 in its SI unit: a form that holds for that number and for no other would
    make a law of the unit. A number of the form becomes the constant where that suffices: a
    further one beside it would be redundant.
    """
    taken = set(one.constants) | {str(s) for s in one.expression.free_symbols}
    free = _new_name(taken)
    size = sympy.Symbol(free)
    grown = {
        sympy.Symbol(f.name): sympy.Symbol(f.name) * size ** _power_of(scale, f.group)
        for f in design.features
    }

    def with_size(form: sympy.Expr) -> sympy.Expr:
        return form.xreplace(grown) / size ** _power_of(scale, design.response)

    def carries(form: FormulaModel) -> bool | None:
        """Whether a constant carries the size; None where the slopes are no numbers."""
        fixed = {k: np.full(form.n, v) for k, v in zip(form.names, form.start, strict=True)}
        by_size = FormulaModel(design, with_size(form.expression), {free: 1.0}, fixed)
        column, rest = by_size.slopes(by_size.start)[:, 0], form.slopes(form.start)
        if not (np.all(np.isfinite(column)) and np.all(np.isfinite(rest))):
            return None
        residual = column - rest @ least_squares(rest, column)
        return rms(residual) <= _CARRIED * rms(column)

    if carries(model) is not False:
        return one, model
    released = release_numbers(one.expression, {**one.constants, free: 1.0})
    if released is None or one.given:
        released = ReleasedForm(one.expression, one.constants, {})
    for name in released.numbers:
        form, start = released.fixed(set(released.numbers) - {name})
        del start[free]
        carrier = FormulaModel(design, form, start)
        if carries(carrier):
            return replace(one, expression=form, constants=start, law=None), carrier
    general = FormulaModel(design, with_size(one.expression), {**one.constants, free: 1.0})
    constants = dict(zip(general.names, general.start, strict=True))
    return replace(one, expression=general.expression, constants=constants, law=None), general


def _power_of(scale: str, group: PiGroup | None) -> sympy.Rational:
    exponent = Fraction(0) if group is None else dict(group.exponents).get(scale, Fraction(0))
    return sympy.Rational(exponent.numerator, exponent.denominator)


def _power(design: Design, result: FitResult) -> Iterator[_Modelled]:
    """The power law with real exponents, and with simple ones where there are."""
    n, p = design.X.shape
    kinds = np.zeros(n) if design.within is None or design.shift is not None else design.within
    prefactors = kinds[:, None] == np.unique(kinds)
    names = Names.of(design)
    symbols = [(f, sympy.Symbol(names.of_feature(f))) for f in design.features]
    bases = [symbol if f.logged else sympy.exp(symbol) for f, symbol in symbols]
    values = result.values.tolist()

    def power(
        name: str, exponents: Sequence[Fraction | float], law: Law | None = None
    ) -> _Modelled:
        """With constants for those of the exponents that are no fractions."""
        free = [j for j, x in enumerate(exponents) if isinstance(x, float)]
        fixed = np.array([0.0 if j in free else float(x) for j, x in enumerate(exponents)])
        columns, offset = np.column_stack([prefactors, design.X[:, free]]), design.X @ fixed
        start = np.linalg.lstsq(columns, design.y - offset, rcond=None)[0]
        model = PowerModel(columns, offset, start, fixed, tuple(free))
        powers = [
            sympy.Symbol(f"a_{j + 1}") if j in free else sympy.Rational(str(x))
            for j, x in enumerate(exponents)
        ]
        expression = sympy.Symbol("C") * sympy.Mul(
            *(b**e for b, e in zip(bases, powers, strict=True))
        )
        constants = {"C": float(np.exp(min(float(result.intercept), 700.0)))}
        constants |= {f"a_{j + 1}": values[j] for j in free}
        return Proposal(name=name, expression=expression, constants=constants, law=law), model

    if p < n - 1:
        yield power(POWER[0 if p else 1], values)
    if any(isinstance(x, Fraction) for x in result.coefficients):
        law = None if result.law.pi_expression.has(sympy.Piecewise) else result.law
        yield power(POWER[1], result.coefficients, law)


# share of the least temperature that the fit of Antoine's law begins with
_ANTOINE = 0.2


def _of_temperature(design: Design, result: FitResult) -> Iterator[_Modelled]:
    """The power law with exp(b/T) and exp(b/(T - a)) for a temperature over an unknown scale.

    Rates, vapour pressures (Antoine) and viscosities (Vogel, Fulcher and Tammann) are of these. A
    search by simple exponents that are powers of ratios may miss them: such a ratio varies little.
    The other exponents are fitted, or where the power law has simple ones, these.
    """
    groups = [f.monomial for f in design.features if f.logged]
    n, p = design.X.shape
    if design.scale != "log" or len(groups) < p:
        return
    symbols, temperatures = [sympy.Symbol(g.name) for g in groups], _temperatures(design)
    stated = {k: x for k, x in enumerate(result.coefficients) if isinstance(x, Fraction)}
    for (j, x), share, fixed in product(enumerate(symbols), (0.0, _ANTOINE), ({}, stated)):
        simple = {k: e for k, e in fixed.items() if k != j}
        if x not in temperatures or p + 1 + (share > 0) >= n or (fixed and not simple):
            continue
        ratio = np.exp(design.X[:, j])
        apart = -share * float(ratio.min())
        columns, free = design.X.copy(), [k for k in range(p) if k not in simple]
        columns[:, j] = 1 / (ratio + apart)
        known = columns[:, [*simple]] @ np.array([*map(float, simple.values())])
        table = np.column_stack([np.ones(n), columns[:, free]])
        level, *powers = np.linalg.lstsq(table, design.y - known, rcond=None)[0].tolist()
        start = {f"a_{k + 1}": power for k, power in zip(free, powers, strict=True)}
        moved = x + sympy.Symbol("b") if share else x
        exponents = [sympy.Symbol(f"a_{k + 1}") for k in range(p)]
        activation = sympy.exp(exponents[j] / moved)
        for k, e in simple.items():
            exponents[k] = sympy.Rational(str(e))
        factors = [y ** exponents[k] for k, y in enumerate(symbols) if k != j]
        whole = sympy.Symbol("C") * activation * sympy.Mul(*factors)
        start |= {"C": float(np.exp(np.clip(level, -700, 700))), "b": apart}
        yield _modelled(design, Proposal(name="power_law", expression=whole, constants=start))


def _temperatures(design: Design) -> set[sympy.Symbol]:
    """Groups that are an absolute temperature over an unknown scale."""
    kelvin, out = Dimension.of({"[temperature]": 1}), set()
    for group in [f.monomial for f in design.features if f.logged]:
        of = [design.basis.variable(name) for name, _ in group.exponents]
        if [v.role for v in of].count("scale") == 1 and all(v.dimension == kelvin for v in of):
            out.add(sympy.Symbol(group.name))
    return out


def _with_activation(
    expression: sympy.Expr, constants: set[str], temperatures: set[sympy.Symbol]
) -> tuple[sympy.Expr, dict[str, sympy.Symbol]]:
    """The form with T^c and a T^c in place of exp(c/T) and exp(c/(T + a)), which are as dear.

    Rates, viscosities and vapour pressures have either, and over the usual range of temperatures
    the runs do not tell an exponential from a power. The second part names T for each c.
    """
    activations: dict[str, sympy.Symbol] = {}

    def power(argument: sympy.Expr) -> sympy.Expr:
        free = sorted(argument.free_symbols - temperatures, key=str)
        if free and {str(s) for s in free} <= constants:
            inverse = 1 / argument
            for T in sorted(temperatures & argument.free_symbols, key=str):
                if not sympy.diff(inverse, T).has(T):
                    activations[str(free[-1])] = T
                    apart = free[0] if len(free) > 1 else 1
                    return apart * sympy.Symbol(f"activation_{T}") ** free[-1]
        return sympy.exp(argument)

    return (expression.replace(sympy.exp, power) if temperatures else expression), activations


JUDGEMENT = "the judgement of rivals"
# judged though the time is over: the power laws, and the first of the front
_AT_LEAST = 4
# of many runs: each refit grows with them, and they say no more of which law it is
_MOST_RUNS = 2000
# natural logarithm of odds that no evidence of runs left out makes up for: beyond, a form has less
# than a millionth of a millionth of the probability, and its blocks are not refitted; by further
# kinds of errors, less than a thousandth
_BEHIND = (45.0, 10.0)
# the same behind which the price of the shortest text is not asked for: of the forms near the best
# of 168 development tables a search wrote none with more than 11 (16 bits) in excess
_FAR = 12.0
# log densities of one form in two texts: refits end within this
_ALIKE = 1e-3
# forms whose numbers are released, the most probable ones: each is another refit of every block
_RELEASED, _SIMPLEST = 10, 4
# forms that are fitted without each of their inputs, the most probable ones: each is up to ten fits
_PRUNED = 3
# of one constant in another: functions of a product of powers, their roots and reciprocals
_POWERS = tuple(map(sympy.Rational, (1, -1, "1/2", "-1/2")))
# spread of a factor, of its size, that is rounding, or a tenth of a run's error and never more than
# the benchmarks of known laws allow, and the share of the runs in which it counts
_IDLE, _IDLE_RUNS = (1e-7, 0.1, 1e-3), 0.9


def _of_target(expression: sympy.Expr) -> set[sympy.Expr]:
    """The target by a form for pi_0: a factor of all terms stands before the sum, or in each term.

    Of these the shortest is the price, which so depends on no choice of the response group.
    """
    response = sympy.Symbol(RESPONSE)
    whole = sympy.factor_terms(expression)
    sums = [part for part in sympy.Mul.make_args(whole) if part.is_Add]
    ways = {expression * response, whole * response}
    if len(sums) == 1:
        front = whole / sums[0] * response
        ways.add(sympy.Add(*(front * term for term in sums[0].args)))
    return ways


# standard errors within which a constant may be zero
_MAY_BE_ZERO = 2.0
# twice the gain of likelihood by a constant that was not needed: one of a hundred
_GAIN = 6.63


@dataclass(frozen=True, eq=False, kw_only=True)
class JudgedForm(Proposal):
    """A proposal with its evidence and its price.

    Attributes
    ----------
    model : JudgedModel
    structure : Structure
        Of the law in the variables, so that it does not depend on the basis.
    evidence : Evidence
    """

    model: JudgedModel
    structure: Structure
    evidence: Evidence

    @property
    def score(self) -> float:
        """Log density of the runs left out, less the price of the structure, both natural."""
        return self.evidence.log_density - float(np.log(2)) * self.structure.bits

    @property
    def proposed(self) -> Proposal:
        """The form with its fitted constants, to be fitted to other runs."""
        fitted = self.evidence.whole.constants.tolist()
        constants = dict(zip(sorted(self.constants), fitted, strict=True))
        return Proposal(name=self.name, expression=self.expression, constants=constants)

    @cached_property
    def exponents(self) -> int:
        """Number of exponents among its constants."""
        return len(fitted_exponents(self.expression, set(self.constants)))

    @property
    def rigid(self) -> bool:
        """Whether none of its constants is an exponent."""
        return self.exponents == 0


@lru_cache(maxsize=256)
def _text(expression: sympy.Expr) -> str:
    """The expression as text, by which each form is compared with every other."""
    return str(expression)


def is_monomial(expression: sympy.Expr) -> bool:
    """Whether an expression is a product of powers, and so a power law."""
    positive = {s: sympy.Symbol(s.name, positive=True) for s in expression.free_symbols}
    factors = sympy.Mul.make_args(sympy.powdenest(expression.xreplace(positive)))
    return all(
        f.is_number or f.is_Symbol or (f.is_Pow and f.base.is_Symbol and f.exp.is_number)
        for f in factors
    )


@np.errstate(all="ignore")
def judge_forms(
    design: Design,
    result: FitResult | None,
    law: Law,
    candidates: Sequence[Candidate],
    clock: Clock,
    more: Sequence[Proposal] = (),
    admits: Callable[[Proposal], bool] | None = None,
) -> list[JudgedForm]:
    """Everything that a study found, with its evidence, on the same errors and the same blocks.

    When the clock is over, only the first few are judged, and none of their further forms.

    Parameters
    ----------
    design : Design
    result : FitResult or None
        The power law.
    law : Law
        The law that its searches began with.
    candidates : sequence of Candidate
    clock : Clock
    more : sequence of Proposal
        Further forms, which come first.
    admits : callable, optional
        Whether a form may be a law; one that is given may always.

    Returns
    -------
    list of JudgedForm
        Those that can be fitted.
    """
    if design.n_runs > _MOST_RUNS:
        rows = np.random.default_rng(design.n_runs).choice(design.n_runs, _MOST_RUNS, False)
        design = design.take(np.sort(rows))
    allowed = admits or (lambda _: True)
    every = forms_of(design, result, law, candidates, more)
    raw = [(one, model) for one, model in every if one.given or allowed(one)]
    if clock.over and len(raw) > _AT_LEAST:
        raw = raw[:_AT_LEAST]
        clock.cut("time", JUDGEMENT)
    everything = np.ones(design.n_runs, dtype=bool)
    blocks, turns, groups = outer_blocks(design), Turns(design), _groups(design)
    temperatures = _temperatures(design)
    logs = {sympy.Symbol(f.name): x for f, x in zip(design.features, design.X.T, strict=True)}
    activated = {f"activation_{T}": np.exp(np.exp(-logs[T])) for T in temperatures}

    positive = [f.name for f in design.features if f.logged]

    def priced(one: Proposal, *, shortest: bool = False) -> _Priced:
        names, turn = set(one.constants), turns.of({**one.constants, **activated})
        plain, activations = _with_activation(one.expression, names, temperatures)
        if shortest:
            plain = simplest(plain, [*positive, *activated])
        structures = ((structure_of(way, names, turn, groups), way) for way in _of_target(plain))
        return *min(structures, key=lambda each: each[0].bits), activations

    prices = [priced(one) for one, _ in raw]
    fit_to_all = fits_to_all(design.n_runs)
    bits_of_forms = [price[0].bits for price in prices]
    kinds = errors_of(design, [model for _, model in raw], bits_of_forms, fit_to_all)
    out: list[JudgedForm] = []
    always = {each.name for each in more}

    def judged(
        one: Proposal, model: JudgedModel, price: _Priced | None = None
    ) -> JudgedForm | None:
        if not (one.given or allowed(one)):
            return None
        # the power law is judged with its fitted exponents as constants
        searched = result is not None and not one.given and one.name not in POWER
        if searched and _is_fitted_power_law(one):
            return None
        price = price or priced(one)
        best = max((c.score for c in out), default=-np.inf)
        supports = []
        for k, errors in enumerate(kinds):
            whole = fit_to_all(model, errors)
            about = errors_by_source(model, errors, design, whole)
            if about is not errors:
                whole = fit_model(model, about, everything, whole.constants)
            most = whole.most_density - float(np.log(2)) * price[0].bits
            is_behind = whole.usable and whole.dof > 0 and most < best - _BEHIND[k > 0]
            if not is_behind or (one.name in always and not k):
                supports.append(evidence(model, about, blocks, design, whole))
        support = Evidence.over_kinds([each for each in supports if each is not None])
        if support is None:
            return None
        if support.log_density - float(np.log(2)) * price[0].bits > best - _FAR:
            # what a form costs must not depend on how a search wrote it
            price = min(price, priced(one, shortest=True), key=lambda each: each[0].bits)
        structure, way, activations = price
        exponents = dict.fromkeys(fitted_exponents(way, set(one.constants)), 1.0)
        for name, temperature in activations.items():
            # the constant over the temperature is an exponent
            exponents[name] = float(np.exp(-logs[temperature]).mean())
        bits = _precision(design, exponents, model, support.whole)
        structure = replace(structure, free_exponents=bits)
        return JudgedForm(**vars(one), model=model, structure=structure, evidence=support)

    for k, ((one, model), price) in enumerate(zip(raw, prices, strict=True)):
        if k >= _AT_LEAST and clock.over:
            clock.cut("time", JUDGEMENT)
            break
        out.extend(filter(None, [judged(one, model, price)]))
    out.sort(key=lambda c: -c.score)
    texts = {_text(c.expression) for c in out}

    def judge_new(forms: Iterable[_Modelled]) -> None:
        for proposal, model in forms:
            if (text := _text(proposal.expression)) not in texts:
                texts.add(text)
                out.extend(filter(None, [judged(proposal, model)]))

    # before numbers are given back their constants: those of what stays must be too
    for one in [] if clock.over else out[:_RELEASED]:
        judge_new(_without_idle_parts(one))
    out.sort(key=lambda c: -c.score)
    cheapest = sorted(out, key=lambda c: c.structure.bits)[:_SIMPLEST]
    for one in [*out[:_RELEASED], *(c for c in cheapest if c not in out[:_RELEASED])]:
        form = None if clock.over else _release(design, one)
        if form is None:
            continue
        # power laws are judged with their exponents, simple and real
        judge_new(
            each
            for each in _simpler(design, one, form)
            if result is None or not is_monomial(each[0].expression)
        )
        # the numbers of a given form are meant
        other = None if one.given else _with_free_numbers(design, one, form)
        released = None if other is None else judged(*other)
        if released is None:
            continue
        # what the numbers cost, or the constants in their place: it is one form
        cheaper = min(one.structure, released.structure, key=lambda s: s.bits)
        if not refutes(released.evidence, one.evidence):
            out.remove(one)
            released = replace(released, structure=cheaper)
        out.append(released)
    for one in sorted(out, key=lambda c: -c.score)[: 0 if clock.over else _PRUNED]:
        fewest, used = one, used_inputs(design, one.expression)
        for name in [] if is_monomial(one.expression) else sorted(used):
            for each in list(_without_input(design, fewest, name)):
                judge_new([each])
                text = _text(each[0].expression)
                same = [c for c in out if _text(c.expression) == text]
                fewest = max([fewest, *same], key=lambda c: c.score)
    return _distinct(_with_price_of_given(out))


def _distinct(forms: Iterable[JudgedForm]) -> list[JudgedForm]:
    """The forms, each once: some differ in numbers for which they have constants now, or in text.

    Forms of one search with as many constants and the same density are one in several texts.
    """
    kept: dict[str, JudgedForm] = {}
    for one in sorted(forms, key=lambda c: -c.score):
        density, counts = one.evidence.log_density, (one.name, len(one.constants), one.exponents)
        text = _text(one.expression)
        if text not in kept and not any(
            not (one.given or other.given)
            and counts == (other.name, len(other.constants), other.exponents)
            and abs(density - other.evidence.log_density) < _ALIKE
            for other in kept.values()
        ):
            kept[text] = one
    return [*kept.values()]


def _with_price_of_given(forms: Sequence[JudgedForm]) -> list[JudgedForm]:
    """The forms, of which the one that was asked for costs no more than the simplest of the others.

    It was stated before the search, and so not chosen among many. Closed forms of a free function
    were, and pay for what they are.
    """
    others = [c.structure for c in forms if not c.given]
    if sum(c.given for c in forms) != 1 or not others:
        return [*forms]
    given = [c.structure for c in forms if c.given]
    cheapest = min(given + others, key=lambda structure: structure.bits)
    return [replace(c, structure=cheapest) if c.given else c for c in forms]


def _precision(
    design: Design, exponents: Mapping[str, float], model: JudgedModel, whole: Fitted
) -> float:
    """Bits by which the runs determine fitted exponents more closely than to a quarter.

    The volume of their errors does not depend on the basis of the groups.

    Parameters
    ----------
    design : Design
    exponents : mapping of str to float
        Constants of a formula that are priced as exponents, and what makes each an exponent.
    model : JudgedModel
    whole : Fitted
    """
    sizes: Array = np.zeros(len(whole.constants))
    if isinstance(model, FormulaModel):
        sizes = np.array([exponents.get(name, 0.0) for name in model.names])
    elif isinstance(model, PowerModel) and model.free:
        # exponents of logarithms, and of what enters without one by its mean
        means = np.abs(design.X).mean(axis=0)
        sizes[-len(model.free) :] = [
            1.0 if design.features[j].logged else means[j] for j in model.free
        ]
    slopes, free = whole.slopes[whole.rows], np.flatnonzero(sizes)
    if not (len(free) and np.all(np.isfinite(slopes))):
        return 0.0
    others, columns = np.delete(slopes, free, axis=1), slopes[:, free] / sizes[free]
    others = others / lengths(others)
    rest = columns - others @ np.linalg.lstsq(others, columns, rcond=None)[0]
    strength = np.linalg.svd(rest, compute_uv=False)
    # directions that the runs do not determine say nothing, and cost nothing
    determined = strength[strength > _CARRIED * np.linalg.norm(columns)]
    axes = np.maximum(whole.sd / determined, _LEAST_ERROR)
    return max(float(np.log2(_FREE_ERROR / axes).sum()), 0.0)


def _groups(design: Design) -> dict[str, dict[str, Fraction]]:
    """Exponents of the inputs in the groups, and in the target over pi_0.

    By these a law's structure is priced whatever the basis; a size only stands for a unit.
    """
    named = Names.of(design).identifier
    exponents = {f.name: dict(f.group.exponents) for f in design.features if f.group is not None}
    of_inputs = [(k, e) for k, e in design.response.exponents if k != design.target.name]
    exponents[RESPONSE] = {k: -e for k, e in of_inputs}
    sizes = design.basis.sizes
    return {
        name: {named[k]: e for k, e in powers.items() if k not in sizes}
        for name, powers in exponents.items()
    }


def _release(design: Design, one: JudgedForm) -> _Released | None:
    """The form with a constant for every number, and its fit."""
    errors = one.evidence.errors
    if isinstance(one.model, PowerModel):
        return None
    # whoever gives a form without a prefactor wants none
    for prefactor in (False,) if one.given else (True, False):
        form = release_numbers(one.expression, one.constants, prefactor)
        if form is None:
            return ReleasedForm(one.expression, one.constants, {}), one.evidence.whole
        model = FormulaModel(design, form.expression, dict(form.constants))
        again = fit_model(model, errors, np.ones(design.n_runs, dtype=bool), model.start)
        if again.usable and again.dof > 0 and np.all(np.isfinite(again.standard_errors)):
            return form, again
        if not prefactor:
            return (form, again) if again.usable and again.dof > 0 else None
    return None


def _with_free_numbers(design: Design, one: JudgedForm, released: _Released) -> _Modelled | None:
    """The form with constants for the numbers that do not lower the price."""
    form, again = released
    names = tuple(sorted(form.constants))
    kept = numbers_to_keep(form, names, again.constants, again.standard_errors)
    if kept == set(form.numbers):
        return None
    expression, start = form.fixed(kept)
    start |= {k: v for k, v in zip(names, again.constants, strict=True) if k in start}
    free = Proposal(name=one.name, expression=expression, constants=start)
    return _modelled(design, free)


def _simpler(design: Design, one: JudgedForm, released: _Released) -> Iterator[_Modelled]:
    """The form without terms or factors whose constant may as well be zero, or with 1 for one.

    And with one constant for two, where one may as well be a power of the other: so it is where a
    function has a limit without a constant, as tanh(c x)/(c x). Other numbers were looked for by
    who found the form; regimes are fitted with a constant each.
    """
    form, again = released
    values = dict(zip(sorted(form.constants), again.constants, strict=True))
    errors = dict(zip(sorted(form.constants), again.standard_errors, strict=True))
    ones = set(one.constants) - fitted_exponents(form.expression, set(form.constants))
    simple: dict[sympy.Symbol, sympy.Integer] = {}
    for name, value in values.items():
        if abs(value) <= _MAY_BE_ZERO * errors[name]:
            simple[sympy.Symbol(name)] = sympy.Integer(0)
        elif name in ones and lowers_price(
            sympy.Integer(1), float(value), float(errors[name]), len(ones)
        ):
            simple[sympy.Symbol(name)] = sympy.Integer(1)
    each: list[dict[sympy.Symbol, sympy.Expr]] = [{k: number} for k, number in simple.items()]
    each += _related(again, sorted(form.constants), ones - {str(k) for k in simple})
    for fixed in [*each, simple] if len(each) > 1 else each:
        expression = form.expression.xreplace(fixed)
        names = {str(s) for s in expression.free_symbols}
        if expression.has(sympy.nan, sympy.zoo, sympy.oo) or not names - set(values):
            continue
        proposal = Proposal(name=one.name, expression=expression, constants=values)
        proposal, model = _modelled(design, proposal)
        if _has_values(model, positive=False):
            yield proposal, model


def _without_idle_parts(one: JudgedForm) -> Iterator[_Modelled]:
    """The form without terms, and factors, that are all but nothing, or constant, in most runs.

    So (1 + c x)**p is x**p where c has no end, and a factor that is saturated but in a few gross
    runs follows these alone.
    """
    model, whole = one.model, one.evidence.whole
    if one.given or not isinstance(model, FormulaModel):
        return
    values, inputs = model.filled(whole.constants), set(map(sympy.Symbol, model.inputs))
    alike, middle = max(_IDLE[0], min(_IDLE[1] * whole.sd, _IDLE[2])), 1.0

    def is_idle(size: Array, beside: Array) -> bool:
        return bool(np.quantile(np.abs(size / beside), _IDLE_RUNS) <= alike)

    def pruned(node: sympy.Expr) -> sympy.Expr:
        if not node.args or not node.free_symbols & inputs:
            return node
        node = node.func(*map(pruned, node.args))
        if not node.is_Add:
            return node
        whole_sum = evaluate(node, values, model.n)
        sizes = [evaluate(term, values, model.n) for term in node.args]
        pairs = zip(node.args, sizes, strict=True)
        return sympy.Add(*(term for term, size in pairs if not is_idle(size, whole_sum)))

    kept: list[sympy.Expr] = []
    factors = sympy.Mul.make_args(sympy.expand_power_base(pruned(one.expression), force=True))
    for factor in factors:
        if factor.free_symbols & inputs and not is_monomial(factor):
            size = evaluate(factor, values, model.n)
            typical = np.full(model.n, np.median(size))
            if is_idle(size - typical, typical):
                middle *= float(typical[0])
                continue
        kept.append(factor)
    rest = sympy.Mul(*kept)
    whole_form = sympy.expand_power_base(one.expression, force=True)
    # a sum that cancels but for its idle terms leaves a division by zero
    is_number = not rest.has(sympy.zoo, sympy.oo, sympy.nan, sympy.I)
    if rest == whole_form or not rest.free_symbols & inputs or not is_number:
        return
    size = sympy.Integer(1) if abs(middle - 1.0) <= alike else sympy.Float(middle)
    expression, start = _with_one_constant(size * rest, values, model.names)
    proposal = Proposal(name=one.name, expression=expression, constants=start)
    proposal, simpler = _modelled(model.design, proposal)
    misses = simpler.value(simpler.start) / model.value(whole.constants) - 1.0
    if is_idle(misses / len(one.expression.free_symbols), np.ones(model.n)):
        yield proposal, simpler


def _with_one_constant(
    expression: sympy.Expr, values: Mapping[str, Any], names: Sequence[str]
) -> tuple[sympy.Expr, dict[str, float]]:
    """An expression with one constant for each product of those that occur nowhere else."""
    start = {name: float(values[name]) for name in names}
    constants = set(map(sympy.Symbol, names))
    for node in sorted(expression.atoms(sympy.Mul), key=sympy.default_sort_key):
        product = sympy.Mul(*(f for f in node.args if f.free_symbols <= constants))
        rest, used = expression.xreplace({node: sympy.Integer(0)}), product.free_symbols
        if not used or product.is_Symbol or used & rest.free_symbols:
            continue
        first = min(used, key=str)
        value = product.xreplace({s: sympy.Float(start[str(s)]) for s in constants})
        if not value.is_real:
            # a root of a negative constant, beside another one that makes the whole real
            continue
        start[str(first)] = float(value)
        expression = expression.xreplace({node: first * node / product})
    left = {str(s) for s in expression.free_symbols}
    return expression, {k: v for k, v in start.items() if k in left}


def _without_input(design: Design, one: JudgedForm, name: str) -> Iterator[_Modelled]:
    """The form without an input: what is all but constant in the runs is not a part of a law.

    Without the factors that have the input; or a group of it becomes 1, and its powers leave the
    other groups and the response.
    """
    whole = one.expression
    powers = {f.name: dict(f.group.exponents) for f in design.features if f.group is not None}
    powers[""] = dict(design.response.exponents)
    share = {
        sympy.Symbol(g): exponents[name] for g, exponents in powers.items() if exponents.get(name)
    }
    share.setdefault(sympy.Symbol(Names.of(design).identifier.get(name, name)), Fraction(0))
    used = sorted(whole.free_symbols & set(share), key=str)
    trials = [sympy.Mul(*(f for f in sympy.Mul.make_args(whole) if not f.has(*share)))]
    for pivot in used:
        ratios = {g: sympy.Rational(str(e / (share[pivot] or 1))) for g, e in share.items()}
        change = {g: g / pivot**e for g, e in ratios.items()} | {pivot: sympy.Integer(1)}
        trials.append(whole.xreplace(change) * pivot ** ratios.get(sympy.Symbol(""), 0))
    fixed = set(map(sympy.Symbol, one.constants))
    for expression in trials:
        # power laws are judged with their exponents
        varied = (f for f in sympy.Mul.make_args(expression) if f.free_symbols - fixed)
        is_power, has_constants = is_monomial(sympy.Mul(*varied)), expression.free_symbols & fixed
        if is_power or not has_constants or expression.has(sympy.nan, sympy.zoo, sympy.oo):
            continue
        proposal = Proposal(name=one.name, expression=expression, constants=one.constants)
        proposal, model = _modelled(design, proposal)
        if _has_values(model, positive=True):
            yield proposal, model


def _related(
    whole: Fitted, names: "Sequence[str]", those: "set[str]"
) -> "list[dict[sympy.Symbol, sympy.Expr]]":
    """One constant as a power of another, where that lowers the price: the nearest such pair."""
    pairs = []
    values = dict(zip(names, whole.constants, strict=True))
    # a = b and a = 1/b are what b = a and b = 1/a are
    relations = [
        (a, b, power)
        for a, b in permutations(sorted(k for k in those if values[k] != 0), 2)
        for power in _POWERS
        if (power.q == 1 and b < a) or (power.q == 2 and values[b] > 0)
    ]
    for a, b, power in relations:
        near = float(np.log(abs(values[a])) - power * np.log(abs(values[b])))
        direction = np.zeros((1, len(names)))
        direction[0, names.index(a)] = 1.0 / values[a]
        direction[0, names.index(b)] = -float(power) / values[b]
        error = float(whole.errors_along(direction)[0])
        if lowers_price(sympy.Integer(1), float(np.exp(near)), error, len(relations)):
            sign = np.sign(values[a]) * (np.sign(values[b]) if power.q == 1 else 1)
            other = int(sign) * sympy.Symbol(b) ** power
            pairs.append((abs(near) / error, str(other), sympy.Symbol(a), other))
    return [{a: other} for _, _, a, other in sorted(pairs, key=lambda x: x[:2])[:1]]


def refutes(general: Evidence, special: Evidence) -> bool:
    """Whether the runs support the further constants of the general form.

    Parameters
    ----------
    general, special : Evidence
    """
    a, b = general.whole, special.whole
    more = b.dof - a.dof
    return bool(more > 0 and 2 * (a.most_density - b.most_density) > _GAIN + more)
