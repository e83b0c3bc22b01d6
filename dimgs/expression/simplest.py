"""The simplest form of a formula, and its derivatives; all symbols stand for real numbers."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, islice, product
from math import prod
from typing import Any

import numpy as np
import sympy

from dimgs.common.errors import InputError, LawError
from dimgs.common.escape import visible
from dimgs.expression.candidate import compile_expression, complexity_of
from dimgs.expression.parsing import sympy_parse

# terms and different symbols or functions of a sum that is factored, and its highest power in
# whole steps (x^(3/2) is the third of the root): the cube of three terms has 10 terms and 3
# symbols; beyond, SymPy takes seconds, and hours for powers such as 1317/500
_MOST_TERMS, _MOST_PARTS, _HIGHEST = 12, 8, 8
# common parts that are tried first: those that most terms share save most
_MOST_SHARED = 4
# forms of one part that are compared, and how many fewer for each of its operations and operands:
# laws of books have fewer, and the forms of long sums take long
_MOST_FORMS, _FEWEST_FORMS, _LESS_FORMS = 300, 20, 5
# times that a form is shortened again: a third hardly ever finds more
_PASSES = 2
# what a symbol costs that cancels, as v in v*(u + w/v): an operation and an operand, which are
# there once more than need be
_CANCELLED = 2
# of forms as long, how many numbers weigh as much as a symbol or a division: V*(1 - exp(-t)) rather
# than V - V*exp(-t), but a/(a + b) rather than 1/(1 + b/a)
_NUMBERS = 2
# points, and relative deviation, by which a form is checked against what it came from
_POINTS, _SAME = 4, 1e-6
# characters of a group that is typed, and the largest power, that anybody means
_LONGEST_GROUP, _MOST_POWER = 1000, 100
_NAME = re.compile(r"[^\W\d]\w*")


class _Side(sympy.Function):
    """The sign of a real number; that of SymPy has a derivative only of a sure one."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return 2 * sympy.DiracDelta(self.args[0])


class _Size(sympy.Function):
    """The absolute value of a real number, see `_Side`."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return _Side(self.args[0])


def derivatives_of(expression: sympy.Expr, names: Iterable[str]) -> list[sympy.Expr]:
    """Derivatives by some of the symbols.

    Examples
    --------
    >>> x, c = sympy.symbols("x c")
    >>> derivatives_of(c * abs(c * x), ["c"])[0].has(sympy.Derivative)
    False
    >>> derivatives_of(sympy.Max(0, x - c), ["c"])
    [-Piecewise((1, c - x < 0), (0, True))]
    """
    written = expression.replace(sympy.Abs, _Size).replace(sympy.sign, _Side)
    slopes = (sympy.diff(written, sympy.Symbol(n)) for n in names)
    # a step as laws may have one, which are read again from their files
    return [
        slope.replace(sympy.Heaviside, lambda x, _: sympy.Piecewise((1, x > 0), (0, True)))
        .replace(_Size, sympy.Abs)
        .replace(_Side, sympy.sign)
        for slope in slopes
    ]


def powers_of(term: Any) -> dict[Any, Any]:
    """Bases and real exponents of the factors of a term, its number apart.

    exp(-2 x) is a power -2 of exp(x).
    """
    out: dict[Any, Any] = {}
    for factor in sympy.Mul.make_args(term.as_coeff_Mul()[1]):
        base, power = factor.as_base_exp()
        if isinstance(factor, sympy.exp):
            power, inner = factor.args[0].as_coeff_Mul(rational=True)
            if inner.could_extract_minus_sign():
                power, inner = -power, -inner
            base = sympy.exp(inner)
        if power.is_number and power.is_real and base != 1:
            out[base] = out.get(base, 0) + power
    return out


def regrouped(node: Any) -> Iterator[Any]:
    """Forms of a sum."""
    joined = _with_joined_logarithms(with_one_sign(node))
    if joined != node:
        yield joined
    yield from _as_extremes(node)
    if joined.is_Add:
        yield from _with_squares(joined)
        yield from _with_common_parts(joined)
        alike = sympy.Add(*(_with_sums_of_one_sign(term) for term in joined.args))
        if alike != joined and alike.is_Add:
            yield from _with_common_parts(alike)
        yield from _with_repeated_sums(joined)
        yield from _factored(joined)


def with_one_sign(expression: Any) -> Any:
    """An expression in which no 1/(a - b) stands beside a 1/(b - a)."""
    return expression.replace(lambda e: e.is_Pow, _turned)


def _with_sums_of_one_sign(term: Any) -> Any:
    """A term with a - b in place of its b - a, whatever their power."""
    return prod(map(_turned, sympy.Mul.make_args(term)), start=sympy.Integer(1))


def _turned(factor: Any) -> Any:
    """A whole power of b - a as one of a - b; other factors as they are."""
    base, power = factor.as_base_exp()
    if base.is_Add and power.is_Integer and base.could_extract_minus_sign():
        return sympy.Integer(-1) ** power * (-base) ** power
    return factor


def _as_extremes(node: Any) -> Iterator[Any]:
    """A sum with a size as the larger or smaller of two: a + b + |a - b| is 2 max(a, b)."""
    for term in node.args:
        number, size = term.as_coeff_Mul()
        if isinstance(size, sympy.Abs) and number.is_real:
            turn, rest = number * size.args[0], node - term
            ends = [sympy.expand(rest + turn), sympy.expand(rest - turn)]
            first, second = (end.as_coeff_Mul(rational=True)[0] for end in ends)
            front = first if first == second > 0 else sympy.Integer(1)
            extreme = sympy.Max if number.is_positive else sympy.Min
            yield front * extreme(*(end / front for end in ends))


def with_extremes_of_products(node: Any) -> Iterator[Any]:
    """A product with a maximum or minimum as one: a/max(b, c) is min(a/b, a/c)."""
    for factor in sympy.Mul.make_args(node):
        base, power = factor.as_base_exp()
        rest = node / factor
        if not isinstance(base, sympy.Max | sympy.Min) or abs(power) != 1 or not rest.is_positive:
            continue
        if power == 1:
            yield base.func(*(rest * end for end in base.args))
        elif all(end.is_positive for end in base.args):
            other = sympy.Min if isinstance(base, sympy.Max) else sympy.Max
            yield other(*(rest / end for end in base.args))


def without_hyperbolics_of_logarithms(expression: Any) -> Any:
    """An expression with powers in place of hyperbolic functions: tanh(log x) is algebraic."""
    return expression.replace(
        lambda e: (
            isinstance(e, sympy.sinh | sympy.cosh | sympy.tanh | sympy.coth)
            and isinstance(e.args[0].as_coeff_Mul(rational=True)[1], sympy.log)
        ),
        lambda e: e.rewrite(sympy.exp),
    )


def with_joined_exponentials(node: Any) -> Any:
    """A product with exponentials as one: exp(a) exp(b) is exp(a + b)."""
    exponentials = [f for f in node.args if isinstance(f, sympy.exp)]
    if len(exponentials) < 2:
        return node
    rest = [f for f in node.args if not isinstance(f, sympy.exp)]
    return sympy.Mul(*rest, sympy.exp(_shortest(sympy.Add(*(f.args[0] for f in exponentials)))))


def _with_joined_logarithms(node: Any) -> Any:
    """A sum with logarithms of one coefficient as one: a log x - a log y is a log(x/y)."""
    arguments: dict[Any, dict[Any, Any]] = {}
    others = []
    for term in node.args:
        logs = [
            f for f in sympy.Mul.make_args(term) if f.func is sympy.log and f.args[0].is_positive
        ]
        if len(logs) != 1:
            others.append(term)
            continue
        number, rest = (term / logs[0]).as_coeff_Mul(rational=True)
        powers = arguments.setdefault(rest, {})
        powers[logs[0].args[0]] = powers.get(logs[0].args[0], 0) + number
    out = []
    for rest, powers in arguments.items():
        least = min(
            (n for n in powers.values() if n != 0),
            key=lambda n: (abs(n), -n),
            default=sympy.Integer(1),
        )
        if any((n / least).q != 1 for n in powers.values()):
            out += [rest * n * sympy.log(argument) for argument, n in powers.items()]
            continue
        inner = sympy.Mul(*(argument ** (n / least) for argument, n in powers.items()))
        out.append(rest * least * sympy.log(inner))
    return sympy.Add(*others, *out)


def _with_squares(node: Any) -> Iterator[Any]:
    """Squares completed: a² - 2 a b + b² + c is (a - b)² + c, for as many as there are."""
    terms = list(node.args)
    done = []
    for cross in node.args:
        if cross not in terms:
            continue
        if (pair := _squares_of(cross, [t for t in terms if t != cross])) is None:
            continue
        for used in (*pair, cross):
            terms.remove(used)
        first, second = map(_root, pair)
        sign = 1 if (cross / (first * second)).is_positive else -1
        done.append((first + sign * second) ** 2)
    if done:
        yield sympy.Add(*terms, *done)


def _squares_of(cross: Any, terms: list[Any]) -> tuple[Any, Any] | None:
    """Two terms of a sum that make a square with a third."""
    square = cross**2
    for first in terms:
        if _root(first) is None:
            continue
        second = square / (4 * first)
        if second in terms and _root(second) is not None:
            return first, second
    return None


def _root(term: Any) -> Any:
    """Square root of a term that is a square; None where it is none."""
    number, rest = term.as_coeff_Mul()
    if not number.is_positive:
        return None
    factors = [sympy.sqrt(number)]
    for base, power in rest.as_powers_dict().items():
        if not (power.is_Integer and power % 2 == 0) and not base.is_positive:
            return None
        factors.append(base ** (power / 2))
    return sympy.Mul(*factors)


def _with_common_parts(node: Any) -> Iterator[Any]:
    """A part that several terms share before a bracket: a f + b f + c is (a + b) f + c."""
    for shared, part in _common_parts(node)[:_MOST_SHARED]:
        yield _bracketed(node, shared, part)


def _common_parts(node: Any) -> list[tuple[tuple[int, ...], Any]]:
    """Places of terms and the power that they share, those that most terms share first."""
    powers = [powers_of(term) for term in node.args]
    bases = dict.fromkeys(b for p in powers for b in p)
    groups: dict[tuple[tuple[int, ...], Any], None] = {}
    for base in sorted(bases, key=str):
        for sign in (1, -1):
            shared = tuple(k for k, p in enumerate(powers) if sign * p.get(base, 0) > 0)
            if len(shared) >= 2:
                least = min((powers[k][base] for k in shared), key=abs)
                groups[shared, base**least] = None
    return sorted(groups, key=lambda g: -len(g[0]))


def _bracketed(node: Any, shared: tuple[int, ...], part: Any) -> Any:
    """A sum with a part before a bracket; of the bracket and the rest the largest ones too."""
    inside = sympy.Add(*(node.args[k] / part for k in shared))
    others = sympy.Add(*(t for k, t in enumerate(node.args) if k not in shared))
    return part * _with_the_largest(inside) + _with_the_largest(others)


def _with_the_largest(node: Any) -> Any:
    common = _common_parts(node) if node.is_Add else []
    return _bracketed(node, *common[0]) if common else node


def _with_repeated_sums(node: Any) -> Iterator[Any]:
    """A sum that stands in one term and beside it: a + b + c (a + b) is (a + b)(1 + c)."""
    for term in node.args:
        for factor in sympy.Mul.make_args(term):
            rest = [t for t in node.args if t != term and t not in factor.args]
            if factor.is_Add and len(rest) == len(node.args) - 1 - len(factor.args):
                yield sympy.Add(*rest, factor * (1 + term / factor))


def _factored(node: Any) -> Iterator[Any]:
    """A sum of a few terms as a product of sums, over a common denominator."""
    parts = node.atoms(sympy.Symbol) | node.atoms(sympy.Function)
    powers: dict[Any, list[Any]] = {}
    for power in node.atoms(sympy.Pow):
        if power.exp.is_Rational:
            powers.setdefault(power.base, []).append(power.exp)
    steps = (max(map(abs, es)) * sympy.ilcm(1, *(e.q for e in es)) for es in powers.values())
    highest = max(steps, default=0)
    few = 2 <= len(node.args) <= _MOST_TERMS and len(parts) <= _MOST_PARTS and highest <= _HIGHEST
    if not few or node.has(sympy.Float):
        return
    try:
        whole = sympy.factor(node)
    except sympy.PolynomialError:
        return
    # a difference of squares is not written as a product, nor other sums of the same symbols
    joined: dict[tuple[Any, Any], Any] = {}
    for factor in sympy.Mul.make_args(whole):
        base, power = factor.as_base_exp()
        key = (frozenset(base.free_symbols), power) if base.is_Add else (base, power)
        joined[key] = joined.get(key, sympy.Integer(1)) * base
    apart = sympy.Mul(*(sympy.expand_mul(base) ** power for (_, power), base in joined.items()))
    above, below = sympy.fraction(whole)
    over = _shortest(sympy.expand(above)) / _shortest(sympy.expand(below)) if below != 1 else apart
    for form in dict.fromkeys((whole, apart, over)):
        if complexity_of(form) < complexity_of(node):
            # a number times one sum is that sum again
            several = sum(not f.is_number for f in sympy.Mul.make_args(form)) > 1
            yield _shortest(form) if several else form


def simplest(expression: sympy.Expr, positive: Collection[str]) -> sympy.Expr:
    """Shortest form of an expression.

    Parameters
    ----------
    expression : sympy.Expr
    positive : collection of str
        Symbols that are positive, so that their powers may be joined and split.

    Returns
    -------
    sympy.Expr
        Equal to it; the expression itself where no form is shorter.

    Examples
    --------
    >>> c, d, U, rho, mu, h, k, x = sympy.symbols("c d U rho mu h k x")
    >>> Re = rho * U * d / mu
    >>> simplest(mu**2 / rho * (c * Re + Re**2), ["d", "U", "rho", "mu"])
    U*d*(U*d*rho + c*mu)
    >>> simplest(sympy.sqrt(h) * k ** sympy.Rational(3, 2) / k, ["h", "k"])
    sqrt(h*k)
    >>> simplest(h * (k * x**2 / (2 * h) + U**2 / 2), ["h", "k"])
    (U**2*h + k*x**2)/2
    """
    return _simplest(expression, frozenset(positive))


@lru_cache(maxsize=256)
def _simplest(expression: sympy.Expr, positive: frozenset[str]) -> sympy.Expr:
    if expression.has(sympy.Piecewise) or not expression.free_symbols:
        return expression
    assumed = {
        s: sympy.Symbol(s.name, **({"positive": True} if s.name in positive else {"real": True}))
        for s in expression.free_symbols
    }
    # shorter with tanh(log x), but nobody writes a ratio of powers in that way
    algebraic = without_hyperbolics_of_logarithms(expression)
    signed = with_one_sign(algebraic.xreplace(assumed))
    # of forms that are as short, what the sums multiplied out lead to: that is the same for all
    expanded = sympy.expand(signed, log=False)
    forms = [_settled(start) for start in dict.fromkeys((expanded, signed))]
    smallest = min(forms, key=lambda e: _size(e)[0])
    shown = with_joined_roots(smallest)
    shorter = _size(shown)[0] <= _size(algebraic)[0]
    return shown if shorter and _same(expression, shown) else algebraic


def _settled(inner: Any) -> Any:
    """The shortest form that repeated steps lead to."""
    for _ in range(_PASSES):
        termwise = sympy.Add(*map(_shortest, sympy.Add.make_args(inner)))
        others = (inner, sympy.expand_mul(inner), termwise)
        best = _least((inner, *map(_shortest, others)))
        if best == inner:
            break
        inner = best
    return inner


def _least(forms: Iterable[Any]) -> Any:
    """The form of the least size, and of these the one of the shortest text."""
    several = list(dict.fromkeys(forms))
    fewest = min(map(_size, several))
    tied = [form for form in several if _size(form) == fewest]
    return tied[0] if len(tied) == 1 else min(tied, key=_text)


@lru_cache(maxsize=16384)
def _size(expression: Any) -> tuple[int, int, int, int]:
    """Operations and operands of a form as it is shown; what these are; signs; large numbers."""
    shown = with_joined_roots(expression)
    parts = list(sympy.preorder_traversal(shown))
    rationals = [x for x in parts if isinstance(x, sympy.Rational)]
    symbols = sum(bool(x.is_Symbol or (x.is_Pow and x.exp.is_negative)) for x in parts)
    numbers = [(x, a) for x in parts if x.is_Add or x.is_Mul for a in x.args if a.is_number]
    operands = _NUMBERS * symbols + sum(x.is_Add or a != -1 for x, a in numbers)
    signs = sum(bool(x.is_Mul and x.args[0].is_negative) for x in parts)
    signs += sum(bool(t.is_number and t.is_negative) for x in parts if x.is_Add for t in x.args)
    operations = complexity_of(shown) + _CANCELLED * _cancelled(shown, {})
    return operations, operands, signs, int(sum(x.p**2 + x.q**2 for x in rationals))


def _cancelled(node: Any, outer: Mapping[Any, int]) -> int:
    """Number of symbols of quotients in sums that cancel with factors of the sum.

    Parameters
    ----------
    node : sympy.Expr
    outer : mapping of Symbol to int
        Signs of the powers of the symbols that the node is multiplied with.
    """
    if node.is_Add:
        return sum(_cancelled(term, outer) for term in node.args)
    if not (node.is_Mul or node.is_Pow):
        return sum(_cancelled(argument, {}) for argument in node.args)
    count, around, rest = 0, dict(outer), []
    factors = [factor.as_base_exp() for factor in sympy.Mul.make_args(node)]
    quotient = any(e.is_Rational and e < 0 for _, e in factors)
    for base, power in factors:
        side = -1 if power.is_Rational and power < 0 else 1
        if base.is_Symbol:
            count += quotient and outer.get(base, 0) * side < 0
            around[base] = side
        else:
            rest.append((base, side))
    for base, side in rest:
        count += _cancelled(base, {s: side * sign for s, sign in around.items()})
    return count


@lru_cache(maxsize=16384)
def _text(expression: Any) -> tuple[int, str]:
    text = str(with_joined_roots(expression))
    return len(text), text


@lru_cache(maxsize=16384)
def with_joined_roots(expression: sympy.Expr) -> sympy.Expr:
    """An expression in positive symbols with plain ones, roots of one index joined."""
    if not expression.args:
        return sympy.Symbol(expression.name) if expression.is_Symbol else expression
    if not expression.is_Mul:
        return expression.func(*map(with_joined_roots, expression.args))
    number, rest = expression.as_coeff_Mul(rational=True)
    roots: dict[Any, tuple[list[Any], list[Any], list[Any]]] = {}
    out = []
    for factor in sympy.Mul.make_args(rest):
        base, power = factor.as_base_exp()
        if power.is_number and not power.is_Integer:
            above, below, signs = roots.setdefault(abs(power), ([], [], []))
            # a root takes positive factors in, and one of any sign
            if base.is_positive or not signs:
                (above if power > 0 else below).append(with_joined_roots(base))
                signs += [] if base.is_positive else [base]
                continue
        out.append(with_joined_roots(factor))
    for power, (above, below, _) in roots.items():
        top, bottom = sympy.Mul(*above), sympy.Mul(*below)
        out.append((top / bottom) ** power if above else 1 / bottom**power)
    whole = sympy.Mul(*out)
    # a number before a sum stays outside, as in (a + b)/2
    return sympy.Mul(number, whole, evaluate=number == 1 or not whole.is_Add)


@lru_cache(maxsize=4096)
def _shortest(node: Any) -> Any:
    """Shortest form of a part, its own parts first."""
    if not node.args:
        return node
    node = node.func(*map(_shortest, node.args))
    if node.is_Add or node.is_Mul or (node.is_Pow and node.base.is_Add):
        few = max(_FEWEST_FORMS, _MOST_FORMS - _LESS_FORMS * complexity_of(node))
        return _least(islice(_forms(node), few))
    return node


def _forms(node: Any) -> Iterator[Any]:
    """The part, and others that are equal to it."""
    if node.is_Add:
        # the sum as it is, multiplied out, and what it is then
        yield node
        yield from regrouped(node)
        whole = sympy.expand_mul(node)
        yield whole
        if whole != node and whole.is_Add:
            yield from regrouped(whole)
        node = whole
    elif node.is_Mul:
        node = with_joined_exponentials(node)
        yield from with_extremes_of_products(node)
    number, rest = node.as_coeff_Mul(rational=True)
    front, sums = number, []
    for factor in sympy.Mul.make_args(rest):
        base, power = factor.as_base_exp()
        if base.is_Add and power.is_Rational:
            sums.append((base, power))
        else:
            front *= factor
    if not sums:
        yield node
    yield from (front * divided for divided in _divided(sums))
    for turned in combinations([s for s in sums if s[1].is_Integer and s[1] % 2 == 1], 2):
        # two sums with their signs turned: their product is the same
        rest = [s for s in sums if s not in turned]
        opposite = [(_shortest(sympy.Add(*(-t for t in b.args))), p) for b, p in turned]
        yield _product(front, rest + opposite)
    for chosen in product(*(_splits(base, power) for base, power in sums)):
        outside, insides = front, []
        for (taken, inner), (_, power) in zip(chosen, sums, strict=True):
            outside *= taken**power
            insides.append((inner, power))
        yield _product(outside, insides)
        for k, (inner, power) in enumerate(insides):
            for into in _movable(outside, power) if inner.is_Add else ():
                # a part of the front multiplied into one of the sums
                total = sympy.Add(*(_taken_in(into ** (1 / power), t) for t in inner.args))
                yield _product(outside / into, [*insides[:k], (total, power), *insides[k + 1 :]])


def _taken_in(monomial: Any, term: Any) -> Any:
    """A monomial times a term: into the square of a sum where that is shorter."""
    plain = monomial * term
    for factor in sympy.Mul.make_args(term):
        base, power = factor.as_base_exp()
        if base.is_Add and power.is_Integer and power > 1:
            inside = sympy.Add(*(monomial ** (1 / power) * t for t in base.args))
            return min(plain, term / factor * inside**power, key=complexity_of)
    return plain


def _movable(front: Any, power: Any) -> list[Any]:
    """Parts of a front that may be multiplied into a sum of that power."""
    number, rest = front.as_coeff_Mul(rational=True)
    powers = {b: e for b, e in rest.as_powers_dict().items() if b.is_Symbol and e.is_Rational}
    if power != 1:
        powers = {b: e for b, e in powers.items() if b.is_positive}
    parts = [b**e for b, e in powers.items()]
    parts += [one * two for one, two in combinations(parts, 2)]
    below = sympy.Mul(*(b**e for b, e in powers.items() if e < 0))
    parts += [below, sympy.Mul(*parts)]
    parts += [front] if power == 1 else []
    odd = power.is_Integer and power % 2 == 1
    parts += [number if odd else abs(number), sympy.sign(number) if odd else 1]
    return [p for p in dict.fromkeys(parts) if p != 1]


def _divided(sums: list[tuple[Any, Any]]) -> Iterator[Any]:
    """A sum over another as a monomial and the rest: (a b + c b + d)/(a + c) = b + ..."""
    if sorted(power for _, power in sums) != [-1, 1]:
        return
    (above, _), (below, _) = sorted(sums, key=lambda s: -s[1])
    over = [_over(term, below) for term in above.args]
    if any(quotient != term / below for quotient, term in zip(over, above.args, strict=True)):
        yield sympy.Add(*over)
    for quotient in dict.fromkeys(a / b for a in above.args for b in below.args):
        rest = sympy.expand(above - quotient * below)
        if len(sympy.Add.make_args(rest)) <= len(above.args):
            yield quotient + rest / below


def _over(term: Any, below: Any) -> Any:
    """A term over a sum; a factor that is a monomial times that sum is cancelled."""
    for factor in sympy.Mul.make_args(term):
        if factor.is_Add and len(factor.args) == len(below.args):
            for first in below.args:
                quotient = factor.args[0] / first
                if sympy.expand(factor - quotient * below) == 0:
                    return term / factor * quotient
    return term / below


def _product(front: Any, sums: list[tuple[Any, Any]]) -> Any:
    """A product in which a number does not enter the only sum."""
    number, rest = front.as_coeff_Mul(rational=True)
    whole = sympy.Mul(rest, *(base**power for base, power in sums))
    return sympy.Mul(number, whole, evaluate=number == 1 or not whole.is_Add)


def _splits(base: Any, power: Any) -> list[tuple[Any, Any]]:
    """A sum as a factor times another sum: common factors, each of its terms, polynomials."""
    content = _content(base) if power.is_Integer else sympy.Integer(1)
    base = sympy.Add(*(t / content for t in base.args))
    terms = [powers_of(t) for t in base.args]
    out = [(content, base)]
    for powers in (_common(terms), _shared(terms), *terms):
        kept = {b: e for b, e in powers.items() if power.is_Integer or b.is_positive}
        if (monomial := sympy.Mul(*(b**e for b, e in kept.items()))) != 1:
            out.append((content * monomial, sympy.Add(*(t / monomial for t in base.args))))
    return list(dict.fromkeys(out))


def _content(total: Any) -> Any:
    """The number by which a sum is divided so that its own are whole, most of them positive."""
    numbers = [t.as_coeff_Mul(rational=True)[0] for t in total.args]
    if not all(n.is_Rational for n in numbers):
        return sympy.Integer(1)
    size = sympy.gcd_list([abs(n) for n in numbers])
    below = sum(1 if n < 0 else -1 for n in numbers)
    first = min(total.args, key=lambda t: str(abs(t.as_coeff_Mul(rational=True)[0]) * t))
    turned = below > 0 or (below == 0 and first.as_coeff_Mul(rational=True)[0] < 0)
    return -size if turned else size


def _common(terms: list[dict[Any, Any]]) -> dict[Any, Any]:
    """The largest monomial by which every term is still without a denominator."""
    bases = sorted({b for powers in terms for b in powers}, key=str)
    least = {b: min(powers.get(b, sympy.Integer(0)) for powers in terms) for b in bases}
    return {b: e for b, e in least.items() if e != 0}


def _shared(terms: list[dict[Any, Any]]) -> dict[Any, Any]:
    """The largest monomial that every term is a multiple of, above or below the line."""
    common = [b for b in sorted(terms[0], key=str) if all(b in powers for powers in terms)]
    several = {b: sorted((powers[b] for powers in terms), key=abs) for b in common}
    return {b: e[0] for b, e in several.items() if all(x * e[0] > 0 for x in e)}


def _same(one: sympy.Expr, two: sympy.Expr) -> bool:
    """Whether two expressions agree at some points."""
    if one == two:
        return True
    names = sorted(map(str, one.free_symbols | two.free_symbols))
    points = np.random.default_rng(0).uniform(0.3, 1.7, (_POINTS, len(names)))
    symbols = [sympy.Symbol(name) for name in names]
    with np.errstate(all="ignore"):
        f, g = (compile_expression(symbols, e) for e in (one, two))
        # NumPy's own numbers end in infinity where Python's raise ZeroDivisionError
        try:
            a, b = (np.array([h(*map(np.complex128, p)) for p in points], complex) for h in (f, g))
        except TypeError:  # of a function that complex numbers lack, such as floor
            return False
    return bool(np.allclose(a, b, rtol=_SAME, equal_nan=True))


def monomial(
    exponents: Iterable[tuple[str, object]], values: Mapping[str, sympy.Expr] | None = None
) -> sympy.Expr:
    """Product of powers of names, exact.

    Parameters
    ----------
    exponents : iterable of (str, Fraction)
    values : mapping of str to sympy.Expr, optional
        What stands for a name; by default its symbol.

    Examples
    --------
    >>> from fractions import Fraction
    >>> monomial([("L", Fraction(1, 2)), ("g", Fraction(-1, 2))])
    sqrt(L)/sqrt(g)
    """
    known = values or {}
    return sympy.Mul(
        *(known.get(n, sympy.Symbol(n)) ** sympy.Rational(str(e)) for n, e in exponents)
    )


def read_group(text: str) -> dict[str, Fraction]:
    """Exponents of a product of powers of names.

    Raises
    ------
    InputError
        If it is anything else.

    Examples
    --------
    >>> read_group("D*t/l^2")
    {'D': Fraction(1, 1), 't': Fraction(1, 1), 'l': Fraction(-2, 1)}
    >>> read_group("a + b")
    Traceback (most recent call last):
    dimgs.common.errors.InputError: 'a + b' is not a product of powers of inputs; write it like
    'D*t/l^2'.
    """
    names = list(dict.fromkeys(_NAME.findall(text)))
    try:
        if len(text) > _LONGEST_GROUP:
            raise ValueError
        typed = sympy.expand_power_base(sympy_parse(text.replace("^", "**"), names), force=True)
        factors = sympy.powdenest(typed, force=True).as_powers_dict()
        powers = {str(base): Fraction(str(power)) for base, power in factors.items() if base != 1}
        if not powers.keys() <= set(names) or any(abs(e) > _MOST_POWER for e in powers.values()):
            raise ValueError
    except (LawError, ValueError) as error:
        raise InputError(
            f"'{visible(text[:60])}' is not a product of powers of inputs; write it like 'D*t/l^2'."
        ) from error
    return {name: powers[name] for name in names if name in powers}
