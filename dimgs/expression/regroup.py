"""Rewritings of sums and products: common parts before brackets, squares completed, logs joined.

Each yields forms that are equal to what it is given; which of them is the shortest is decided in
:mod:`dimgs.expression.simplest`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import sympy

from dimgs.expression.complexity import complexity_of

Shorten = Callable[[Any], Any]
# terms and different symbols or functions of a sum that is factored, and its highest power in
# whole steps (x^(3/2) is the third of the root): the cube of three terms has 10 terms and 3
# symbols; beyond, SymPy takes seconds, and hours for powers such as 1317/500
_MOST_TERMS, _MOST_PARTS, _HIGHEST = 12, 8, 8
# common parts that are tried first: those that most terms share save most
_MOST_SHARED = 4


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


def regrouped(node: Any, shorten: Shorten) -> Iterator[Any]:
    """Forms of a sum.

    Parameters
    ----------
    node : sympy.Add
    shorten : callable
        Shortest form of a part.
    """
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
        yield from _factored(joined, shorten)


def with_one_sign(expression: Any) -> Any:
    """An expression in which no 1/(a - b) stands beside a 1/(b - a)."""
    return expression.replace(
        lambda e: e.is_Pow and e.exp.is_Integer and e.base.is_Add and _is_turned(e.base),
        lambda e: _turned(e.base, e.exp),
    )


def _with_sums_of_one_sign(term: Any) -> Any:
    """A term with a - b in place of its b - a, whatever their power."""
    out = sympy.Integer(1)
    for factor in sympy.Mul.make_args(term):
        base, power = factor.as_base_exp()
        if base.is_Add and power.is_Integer and _is_turned(base):
            factor = _turned(base, power)
        out *= factor
    return out


def _turned(base: Any, power: Any) -> Any:
    """A whole power of b - a as one of a - b."""
    return sympy.Integer(-1) ** power * (-base) ** power


def _is_turned(total: Any) -> bool:
    return bool(total.could_extract_minus_sign())


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


def with_joined_exponentials(node: Any, shorten: Shorten) -> Any:
    """A product with exponentials as one: exp(a) exp(b) is exp(a + b)."""
    found = [f for f in node.args if isinstance(f, sympy.exp)]
    if len(found) < 2:
        return node
    rest = [f for f in node.args if not isinstance(f, sympy.exp)]
    return sympy.Mul(*rest, sympy.exp(shorten(sympy.Add(*(f.args[0] for f in found)))))


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
        pair = _squares_of(cross, [t for t in terms if t != cross])
        if pair is None:
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
        for other in terms:
            if other == second and _root(other) is not None:
                return first, other
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
    found = _common_parts(node) if node.is_Add else []
    return _bracketed(node, *found[0]) if found else node


def _with_repeated_sums(node: Any) -> Iterator[Any]:
    """A sum that stands in one term and beside it: a + b + c (a + b) is (a + b)(1 + c)."""
    for term in node.args:
        for factor in sympy.Mul.make_args(term):
            rest = [t for t in node.args if t != term and t not in factor.args]
            if factor.is_Add and len(rest) == len(node.args) - 1 - len(factor.args):
                yield sympy.Add(*rest, factor * (1 + term / factor))


def _factored(node: Any, shorten: Shorten) -> Iterator[Any]:
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
    over = shorten(sympy.expand(above)) / shorten(sympy.expand(below)) if below != 1 else apart
    for form in dict.fromkeys((whole, apart, over)):
        if complexity_of(form) < complexity_of(node):
            # a number times one sum is that sum again
            several = sum(not f.is_number for f in sympy.Mul.make_args(form)) > 1
            yield shorten(form) if several else form
