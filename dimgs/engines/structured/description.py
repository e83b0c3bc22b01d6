"""Bits of a tree in the physical variables, its canonical form, and simple numbers."""

from fractions import Fraction
from functools import lru_cache
from itertools import product

import numpy as np

from dimgs.common.arrays import Array
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    ONE,
    Call,
    Exponents,
    Mono,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    added,
    children,
    exact,
    factors_of,
    monomial,
    power_of,
    times,
    times_monomial,
)
from dimgs.groups.rationals import exponent_bits

# bits of one of four operators, of one of four variables, and of a sign
OPERATOR = 2.0
_VARIABLE = 2.0
SIGN_BITS = 1.0
# a sine, cosine or tangent of what is not an angle: rarer than a function of any group by that
PHASE_BITS = 5.0
# a group that changes sign in a denominator: it is infinite within the runs, which is rarer
_POLE_BITS = 4.0
# functions of plain products are the rule: of 41 products inside functions of the development laws
# of other fields 39 have exponents 1 alone, and 2 of 38 functions stand inside another one
_INNER_EXPONENTS = 2.0
_NESTED = 4.0
# of these arguments may be functions at no further cost, as in asin(u sin v) and log(cosh u)
_INVERSES = ("asin", "acos", "atan", "log", "log1p")
# simple numbers that constants are tried at, with those of circles, spheres and turns
_RATIONAL = ("1", "2", "1/2", "3", "1/3", "4", "1/4", "3/2", "2/3", "3/4", "4/3", "8", "1/8")
_WITH_PI = ("pi", "2*pi", "pi/2", "4*pi", "1/pi", "1/(2*pi)", "1/(4*pi)", "pi/4", "4*pi/3")
# decimals of bits: forms that differ by less are as long
_DIGITS = 9
# the exponents of a monomial, what it is multiplied with, and the bits of that
_Way = tuple[Exponents, Tree, float]


def law_bits(tree: Tree, runs: Runs) -> float:
    """Bits of the law of the target itself, which is that of pi_0 over the variables in pi_0.

    A monomial in front, or in every term of a sum, is counted together with those variables, so
    that a law is as long as it is in the physical variables, whatever pi_0 was made with.
    """
    around = monomial_bits(-runs.shift)
    plain = structure_bits(tree, runs) + around
    match tree:
        case Mono(exponents):
            return _in_variables(exponents, runs)
        case Product(factors) if sum(isinstance(f, Mono) for f in factors) == 1:
            (front,) = (f for f in factors if isinstance(f, Mono))
            inside = plain - around - structure_bits(front, runs)
            return inside + _in_variables(front.exponents, runs)
        case Sum(terms):
            return min(plain, OPERATOR * (len(terms) - 1) + sum(law_bits(t, runs) for t in terms))
        case _:
            return plain


def _in_variables(exponents: tuple[Fraction, ...], runs: Runs) -> float:
    return monomial_bits(runs.shape @ np.array(exponents, dtype=float) - runs.shift)


def monomial_bits(physical: Array, share: float = 1.0) -> float:
    """Bits of the variables of a monomial and their exponents; a common power is stated once.

    Parameters
    ----------
    physical : ndarray of shape (n_variables,)
        Exponents.
    share : float
        How dear exponents are.
    """
    sizes = tuple(sorted(round(x, 6) for x in np.abs(physical).tolist() if x > 1e-9))
    return _VARIABLE * len(sizes) + share * _exponents_bits(sizes)


@lru_cache(maxsize=100_000)
def _exponents_bits(sizes: tuple[float, ...]) -> float:
    one_by_one = sum(exponent_bits(x) for x in sizes)
    together = min(
        (exponent_bits(c) + sum(exponent_bits(x / c) for x in sizes) for c in set(sizes)),
        default=0.0,
    )
    return min(one_by_one, together)


def structure_bits(tree: Tree, runs: Runs, within: str = "") -> float:
    """Bits of operators, functions, variables, exponents and exact numbers.

    Parameters
    ----------
    tree : Tree
    runs : Runs
    within : str
        Function whose argument the tree is part of, if any.
    """
    price = 0.0
    match tree:
        case Number():
            price = tree.bits
        case Mono(exponents):
            key = exponents, bool(within)
            price = runs.lengths.get(key, -1.0)
            if price < 0:
                e = np.array(exponents, dtype=float)
                bits = monomial_bits(runs.shape @ e, _INNER_EXPONENTS if within else 1.0)
                price = bits + _POLE_BITS * float(runs.poles(e[None, :])[0])
                runs.lengths[key] = price
        case Power(_, exponent):
            price = OPERATOR + exponent_bits(abs(float(exponent)))
        case Call("exp", _) if (power := power_of(tree)) is not None:
            return OPERATOR + sum(structure_bits(part, runs, "exp") for part in power)
        case Call(name, argument):
            price = FUNCTIONS[name].bits
            price += _NESTED if within and within not in _INVERSES else 0.0
            within = name
            if FUNCTIONS[name].periodic and not is_angle(argument, runs):
                price += PHASE_BITS
        case Sum(terms):
            # a number in a sum is a coefficient of 1, as dear as that of any other term
            numbers = sum(isinstance(t, Number) and abs(t.value) != 1 for t in terms)
            price = OPERATOR * (len(terms) - 1 + numbers)
        case Product((Number(-1.0), Mono() as rest)):
            return SIGN_BITS + structure_bits(rest, runs, within)
        case Product(factors):
            price = OPERATOR * (sum(f != ONE for f in factors) - 1)
    return price + sum(structure_bits(child, runs, within) for child in children(tree))


def is_angle(argument: Tree, runs: Runs) -> bool:
    """Whether all variables of an argument are dimensionless by themselves, as angles are.

    Those alone are varied apart from all others: a group of several variables is a phase, which is
    rarer in laws.
    """
    match argument:
        case Mono(exponents):
            taken = [k for k, e in enumerate(exponents) if e]
            return all(np.count_nonzero(np.abs(runs.shape[:, k]) > 1e-9) <= 1 for k in taken)
        case _:
            return all(is_angle(child, runs) for child in children(argument))


SIMPLE_NUMBERS = tuple(sorted(map(exact, (*_RATIONAL, *_WITH_PI)), key=lambda n: (n.bits, n.value)))


def simple_number_near(size: float, window: float) -> Number | None:
    """The simplest of the numbers whose logarithm is within a window of that of `size`.

    Examples
    --------
    >>> simple_number_near(1.9, 0.1).text
    '2'
    """
    if not size > 0:
        return None
    return next((n for n in SIMPLE_NUMBERS if abs(np.log(n.value / size)) <= window), None)


def canonical(tree: Tree, runs: Runs) -> Tree:
    """Take monomials out of sums: (m_1 + c m_2)^b is m_1^b (1 + c m_2/m_1)^b where that is shorter.

    Parameters
    ----------
    tree : Tree
        Products, powers and sums are rewritten, other trees returned.
    runs : Runs
        Their physical variables say what is short; only groups that are logged are taken out, as
        what leaves a root or a sum must be positive.
    """
    if not isinstance(tree, Product | Power | Sum):
        return tree
    front = _front_of(tree, runs)
    # what is taken out of one sum may cancel what is taken out of another one
    ways = [_ways(f, runs) for f in factors_of(tree) if not isinstance(f, Mono)]

    def length(chosen: tuple[_Way, ...]) -> float:
        outside = monomial(added(front, *(exponents for exponents, _, _ in chosen)))
        return round(law_bits(outside, runs) + sum(bits for _, _, bits in chosen), _DIGITS)

    outside, inside, _ = zip((front, ONE, 0.0), *min(product(*ways), key=length), strict=True)
    return times_monomial(added(*outside), times(*inside))


def _front_of(tree: Tree, runs: Runs) -> Exponents:
    """Exponents of the monomials in front of a tree."""
    powers = [f.exponents for f in factors_of(tree) if isinstance(f, Mono)]
    return added(*(powers or [(Fraction(0),) * runs.n_groups]))


def _ways(factor: Tree, runs: Runs) -> list[_Way]:
    """The factor itself, and with each of the monomials that a sum in it may have in front."""
    base, power = factor, Fraction(1)
    if isinstance(factor, Power):
        base, power = factor.base, factor.exponent
    out: list[tuple[Exponents, Tree]] = [((Fraction(0),) * runs.n_groups, factor)]
    terms = base.terms if isinstance(base, Sum) else ()
    fronts = (zip(_front_of(term, runs), runs.logged, strict=True) for term in terms)
    logged = (tuple(e if log else Fraction(0) for e, log in pairs) for pairs in fronts)
    for front in dict.fromkeys(logged):
        inverse = tuple(-e for e in front)
        inside: Tree = Sum(tuple(times_monomial(inverse, t) for t in terms))
        whole = inside if base is factor else Power(inside, power)
        out.append((tuple(power * e for e in front), whole))
    return [(exponents, inside, structure_bits(inside, runs)) for exponents, inside in out]
