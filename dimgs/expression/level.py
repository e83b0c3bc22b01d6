"""A level as the logarithm of a ratio, in closed form: L = ln(R)/unit, in both directions.

Products of the ratio are sums of the level, so that spreading with absorption, C x**(-2) exp(-b x),
is C' - 20 log10(x) - b' x in decibels. A constant that is a factor of the ratio is an addend of
the level, and one that is a factor in an exponential is the slope of a term: both are given in the
unit of the level. All other constants are the same in both.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

import sympy

from dimgs.groups.rationals import without_rounding

# natural logarithm of the largest ratio
_LARGEST = 700.0


@dataclass(frozen=True)
class LevelForm:
    """One of the two forms of a level, and which constants differ from those of the other.

    Attributes
    ----------
    expression : sympy.Expr
        The level, or the ratio.
    addends, slopes : frozenset of str
        Constants that are an addend of the level, and the slope of a term of it.
    unit : float
        Natural logarithm of the ratio that is a level of 1.
    """

    expression: sympy.Expr
    addends: frozenset[str] = frozenset()
    slopes: frozenset[str] = frozenset()
    unit: float = 1.0

    def of_ratio(self, values: Mapping[str, float]) -> dict[str, float]:
        """Constants of the ratio by those of the level."""
        return {
            k: exp(min(v * self.unit, _LARGEST))
            if k in self.addends
            else v * self.unit ** (k in self.slopes)
            for k, v in values.items()
        }

    def of_level(self, values: Mapping[str, float]) -> dict[str, float]:
        """Constants of the level by those of the ratio."""
        return {
            k: log(v) / self.unit if k in self.addends else v / self.unit ** (k in self.slopes)
            for k, v in values.items()
        }

    @property
    def back(self) -> dict[sympy.Symbol, sympy.Expr]:
        """Constants of the ratio by those of the level, in closed form."""
        addends, slopes = (map(sympy.Symbol, names) for names in (self.addends, self.slopes))
        return {
            **{s: sympy.exp(self.unit * s) for s in addends},
            **{s: self.unit * s for s in slopes},
        }

    def by_ratio(self, values: Mapping[str, float]) -> dict[str, float]:
        """Derivative of each constant of the level by that of the ratio, at the latter."""
        changed = self.addends | self.slopes
        return {
            k: 1 / (self.unit * (v if k in self.addends else 1.0)) if k in changed else 1.0
            for k, v in values.items()
        }


def as_level(
    ratio: sympy.Expr,
    constants: Collection[str],
    unit: float,
    positive: Callable[[sympy.Expr], bool],
) -> LevelForm:
    """The level of a ratio, with products as sums.

    Parameters
    ----------
    ratio : sympy.Expr
    constants : collection of str
        Those that may be given in the unit of the level.
    unit : float
        Natural logarithm of the ratio that is a level of 1.
    positive : callable
        Whether a factor has a logarithm.

    Examples
    --------
    >>> C, b, x = sympy.symbols("C b x")
    >>> form = as_level(C * sympy.exp(-b * x) / x**2, ["C", "b"], 0.5, lambda _: True)
    >>> form.expression, form.of_level({"C": 1.0, "b": 1.5})["b"]
    (C - b*x - 4.0*log(x), 3.0)
    """

    def terms(piece: sympy.Expr) -> list[sympy.Expr]:
        out, rest = [], sympy.Integer(1)
        for factor in sympy.Mul.make_args(piece):
            base, power = factor.as_base_exp()
            if base == sympy.E:
                out += sympy.Add.make_args(power)
            elif positive(base):
                out.append(power * sympy.log(base))
            else:
                rest *= factor
        return out if rest == 1 else [*out, sympy.log(rest)]

    def level(term: sympy.Expr, kind: str, name: sympy.Symbol | None) -> sympy.Expr:
        if kind:
            return name if kind == "addend" else term
        number, rest = term.as_coeff_Mul()
        return sympy.Float(float(number) / unit) * rest

    pieces = [(terms(piece), where) for piece, where in _pieces(ratio)]
    kinds = _kinds([t for each, _ in pieces for t in each], constants, sympy.log)
    parts = [(sympy.Add(*(level(t, *kinds[t]) for t in each)), where) for each, where in pieces]
    return _form(parts, kinds, unit)


def as_ratio(level: sympy.Expr, constants: Collection[str], unit: float) -> LevelForm:
    """The ratio of a level, with sums as products.

    Parameters
    ----------
    level : sympy.Expr
    constants : collection of str
        Those that are given in the unit of the level.
    unit : float
        Natural logarithm of the ratio that is a level of 1.

    Examples
    --------
    >>> C, b, x = sympy.symbols("C b x")
    >>> as_ratio(C - b * x - 20 * sympy.log(x), ["C", "b"], 0.1).expression
    C*exp(-b*x)/x**2
    """

    def factor(term: sympy.Expr, kind: str, name: sympy.Symbol | None) -> sympy.Expr:
        if kind:
            return name if kind == "addend" else sympy.exp(term)
        # numbers such as 1/log(10) are of the unit
        number, rest = term.as_independent(*term.free_symbols, as_Add=False)
        logs = [f for f in sympy.Mul.make_args(rest) if isinstance(f, sympy.log)]
        power = sympy.Rational(str(without_rounding(float(number) * unit)))
        if len(logs) != 1:
            return sympy.exp(power * rest)
        return logs[0].args[0] ** (power * rest / logs[0])

    pieces = [
        (list(sympy.Add.make_args(sympy.expand_mul(piece))), where)
        for piece, where in _pieces(level)
    ]
    kinds = _kinds([t for each, _ in pieces for t in each], constants, lambda name: name)
    parts = [(sympy.Mul(*(factor(t, *kinds[t]) for t in each)), where) for each, where in pieces]
    return _form(parts, kinds, unit)


_Pieces = list[tuple[sympy.Expr, sympy.Basic]]
# what a term has in the unit of the level, if anything, and the constant
_Kinds = dict[sympy.Expr, tuple[str, sympy.Symbol | None]]


def _pieces(expression: sympy.Expr) -> _Pieces:
    is_divided = isinstance(expression, sympy.Piecewise)
    return [*expression.args] if is_divided else [(expression, sympy.true)]


def _kinds(
    terms: Sequence[sympy.Expr],
    constants: Collection[str],
    addend: Callable[[sympy.Symbol], sympy.Expr],
) -> _Kinds:
    """Of each term, whether it is a constant alone, or the product of one that stands nowhere else.

    A term with a logarithm has an exponent of the ratio, which is no level.
    """
    out: _Kinds = {}
    for term in terms:
        others = set().union(*(t.free_symbols for t in terms if t is not term))
        alone = sorted((s for s in term.free_symbols - others if str(s) in constants), key=str)
        kinds = [("addend", s) for s in alone if term == addend(s)]
        if not term.has(sympy.log):
            kinds += [("slope", s) for s in alone if s not in (term / s).free_symbols]
        out[term] = next(iter(kinds), ("", None))
    return out


def _form(parts: _Pieces, kinds: _Kinds, unit: float) -> LevelForm:
    whole = parts[0][0] if len(parts) == 1 else sympy.Piecewise(*parts)
    addends, slopes = (
        frozenset(str(s) for of, s in kinds.values() if of == kind) for kind in ("addend", "slope")
    )
    return LevelForm(whole, addends, slopes, unit)
