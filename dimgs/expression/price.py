"""Price of a law: description length of its structure in bits, as the prior.

The price is the sum of the bits of all nodes, of the digits of all numbers, and of the parts below.
A fitted constant costs one node here. Its flexibility is accounted for by the density of runs left
out (:mod:`dimgs.judgement.evidence`).

==============  =====================================================================
part            reason for its price
==============  =====================================================================
nodes           one of about eight operators, functions and groups at each node
inputs          each input in each group, a group being stated once however often it occurs
numbers         digits of the numbers that are written out, in bits
exponents       the same of exponents, of which few but whole ones and halves occur
roots           each product of inputs in a sum or a function that has other exponents than
                these, and each such power of a sum: in front they are the rule of power laws,
                there they are rare; three for one with a fitted exponent, which follows any
                smooth law: of 61 development laws one, one and none were confirmed wrongly
                with one, two and three
free            sign and size of a fitted constant, which might have been anything
free_exponents  the precision of fitted exponents, in bits: the more closely the runs determine one,
                the less chance brings it near a simple one. It is given by the runs, so that the
                temperature of the posterior must not lessen it. Without a fit it is 0
oscillations    a frequency, where the argument turns inside the range of the runs
no_angles       a trigonometric function of what is not an angle and never turns: a
                monotone function does the same
levels          each level of functions of functions, and each power of what holds a
                function, other than a whole one up to two
rare            a function other than exponential and logarithm, of which there are many; not
                one that an angle calls for
==============  =====================================================================

The prices are those of the greatest log score on the development laws; `python -m
case_studies.benchmarks.belief --fit` fits them again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import sympy
from scipy.linalg import null_space

from dimgs.common.arrays import Array
from dimgs.expression.candidate import complexity_of
from dimgs.groups.rationals import exact_bits, exponent_bits

# bits of a decimal: a number or exponent of more digits than a person would write
_DECIMAL_BITS, _LARGEST = 20.0, 1000

# what the target over pi_0 is called in a law's structure
RESPONSE = "target_over_pi_0"
# what the names of products with fitted exponents begin with
_FITTED = "p_"

# what an argument of a trigonometric function is to the runs
Turns = Callable[[Any], str]
# exponents of the inputs in groups, by name
Groups = Mapping[str, Mapping[str, Any]]


def _part(bits: float) -> Any:
    """A part of a structure that costs so many bits each."""
    return field(default=0, metadata={"bits": bits})


@dataclass(frozen=True)
class Structure:
    """The parts of a law that cost.

    Attributes
    ----------
    nodes : int
        As :func:`dimgs.expression.candidate.complexity_of` counts them, groups being single ones.
    inputs : int
        Inputs in the groups.
    numbers : float
        Bits of the numbers that are written out.
    exponents : float
        Bits of exponents.
    roots : int
        Products of inputs in sums and functions, and sums, with exponents that are not halves;
        those with fitted exponents three times.
    free : int
        Fitted constants other than exponents.
    free_exponents : float
        Bits of the precision of fitted exponents.
    oscillations, no_angles, levels, rare : int
        Functions that cost more, as in the table above.
    """

    nodes: int = _part(2.1)
    inputs: int = _part(0.7)
    numbers: float = _part(0.8)
    exponents: float = _part(1.5)
    roots: int = _part(3.6)
    free: int = _part(6.4)
    free_exponents: float = _part(1.5)
    oscillations: int = _part(4.0)
    no_angles: int = _part(12.0)
    levels: int = _part(4.8)
    rare: int = _part(5.0)

    @property
    def bits(self) -> float:
        """All of it."""
        return sum(price * float(getattr(self, part)) for part, price in PRICES.items())

    @property
    def bits_of_form(self) -> float:
        """Without the precision of fitted exponents, as more forms do not come with it."""
        return self.bits - PRICES["free_exponents"] * self.free_exponents


PRICES: Mapping[str, float] = {part.name: part.metadata["bits"] for part in fields(Structure)}


def structure_of(
    expression: Any,
    constants: set[str],
    turns: Turns | None = None,
    groups: Groups | None = None,
) -> Structure:
    """The structure of an expression.

    Parameters
    ----------
    expression : sympy.Expr
        In the inputs, or in groups of them.
    constants : set of str
        Names in it that were fitted.
    turns : callable, optional
        Classifies a trigonometric function: whether its argument is an ``"angle"``, ``"turns"``
        inside the range of the runs, or ``"neither"``, and of an inverse one whether its value is
        an angle; by default the last.
    groups : mapping of str to mapping of str to Rational, optional
        Exponents of the inputs in the symbols that are groups, and in the target over pi_0.

    Examples
    --------
    >>> from sympy import Symbol, exp, sin, sqrt
    >>> x, c = Symbol("pi_1"), Symbol("c")
    >>> [round(structure_of(e, {"c"}).bits, 2) for e in (c * x, 3 * x)]
    [13.4, 9.54]
    >>> structure_of(sqrt(exp(x)), set()).levels, structure_of(sin(x), set()).no_angles
    (1, 1)
    """
    numbers, exponents, levels, oscillations, no_angles, rare = 0.0, 0.0, 0, 0, 0, 0
    expression = _without_varying_exponents(expression, set(map(sympy.Symbol, constants)))
    trigonometric = (sympy.sin, sympy.cos, sympy.tan, sympy.cot)
    inverse = (sympy.asin, sympy.acos, sympy.atan)
    terms = {term.as_coeff_Mul()[1] for term in sympy.Add.make_args(expression)}
    whole, products = in_groups(expression, constants, groups)
    exponents += sum(_exponents_bits(product, groups) for product in products)
    for node in sympy.preorder_traversal(whole):
        if node.is_Pow and node.exp.is_Rational:
            exponents += min(exponent_bits(abs(float(node.exp))), _DECIMAL_BITS)
        elif node.is_Mul or node.is_Add:
            numbers += sum(_number_bits(a) for a in node.args if a.is_number)
    for node in sympy.preorder_traversal(expression):
        if node.is_Pow and not (node.exp.is_Integer and abs(node.exp) <= 2):
            levels += _holds_function(node.base)
        if _is_function(node):
            rare += bool(node.is_Function) and not isinstance(node, sympy.exp | sympy.log)
            levels += _holds_function(*node.args)
        if isinstance(node, (*trigonometric, *inverse)):
            kind = "neither" if turns is None else turns(node)
            rare -= kind == "angle" and (isinstance(node, trigonometric) or node in terms)
            oscillations += kind == "turns"
            no_angles += kind == "neither" and isinstance(node, trigonometric)
    names = {str(s) for s in expression.free_symbols}
    return Structure(
        complexity_of(whole),
        sum(len(p.exponents) + len(p.fitted) for p in products),
        numbers,
        exponents,
        _roots(whole, products, {sympy.Symbol(name) for name in constants}),
        len((names & constants) - fitted_exponents(expression, constants)),
        oscillations=oscillations,
        no_angles=no_angles,
        levels=levels,
        rare=rare,
    )


def fitted_exponents(expression: Any, constants: set[str]) -> set[str]:
    """Names of constants in exponents of what is not a number.

    Parameters
    ----------
    expression : sympy.Expr
    constants : set of str
        Names in it that were fitted.
    """
    known = set(map(sympy.Symbol, constants))
    powers = [p for p in expression.atoms(sympy.Pow) if not p.base.is_number]
    return {str(s) for p in powers if p.exp.free_symbols <= known for s in p.exp.free_symbols}


def _without_varying_exponents(expression: Any, constants: set[Any]) -> Any:
    """The expression with exp(f log u) for u**f of an exponent that varies from run to run."""
    return expression.replace(
        lambda e: e.is_Pow and not e.base.is_number and bool(e.exp.free_symbols - constants),
        lambda e: sympy.exp(e.exp * sympy.log(e.base)),
    )


class InputProduct(NamedTuple):
    """A product of powers of inputs.

    Attributes
    ----------
    exponents : dict of sympy.Symbol to Rational
        Of inputs that have no fitted exponent.
    fitted : tuple of sympy.Symbol
        The other inputs.
    n_fitted : int
        How many exponents are fitted.
    """

    exponents: dict[Any, Any]
    fitted: tuple[Any, ...] = ()
    n_fitted: int = 0


def in_groups(
    expression: Any, constants: set[str], groups: Groups | None = None
) -> "tuple[Any, list[InputProduct]]":
    """The expression with a symbol for each product of powers of inputs, and these products.

    Products that are powers of one another are one group, so that it does not matter in which
    basis a law was found. Powers of inputs with fitted exponents are one product with those beside
    them; its inputs count, and the exponents that are numbers.

    Parameters
    ----------
    expression : sympy.Expr
    constants : set of str
        Symbols that are not inputs.
    groups : mapping of str to mapping of str to Rational, optional
        Exponents of the inputs in the symbols that are groups.

    Examples
    --------
    >>> from sympy import Symbol, exp
    >>> x, y, c = Symbol("x"), Symbol("y"), Symbol("c")
    >>> whole, products = in_groups(exp(-x / y) * c * x**2 / (1 + x**2 / y**2), {"c"})
    >>> whole, [p.exponents for p in products]
    (c*m_1*exp(-m_2)/(m_2**2 + 1), [{x: 2}, {x: 1, y: -1}])
    >>> in_groups(2 * x**c * y**3, {"c"})
    (2*p_1, [InputProduct(exponents={y: 3}, fitted=(x,), n_fitted=1)])
    """
    fitted: dict[frozenset[Any], Any] = {}
    bases: list[dict[Any, Any]] = []
    seen: list[dict[Any, Any]] = []
    inputs: dict[str, dict[Any, Any]] = {
        name: {sympy.Symbol(k): sympy.Rational(str(e)) for k, e in exponents.items()}
        for name, exponents in (groups or {}).items()
    }

    def powers(node: Any) -> dict[Any, Any] | None:
        """Exponents of a product of powers of inputs; None of anything else."""
        if node.is_Symbol:
            alone = {node: sympy.Integer(1)}
            return None if node.name in constants else inputs.get(node.name, alone)
        if node.is_Pow and node.exp.is_Rational:
            inner = powers(node.base)
            return None if inner is None else {k: v * node.exp for k, v in inner.items()}
        factors = [powers(factor) for factor in node.args] if node.is_Mul else [None]
        every = [factor for factor in factors if factor is not None]
        return _product(every) if len(every) == len(factors) else None

    def group(product: dict[Any, Any]) -> Any:
        if not product:
            return sympy.Integer(1)
        for j, base in enumerate(bases, 1):
            if (power := _power_of(product, base)) is not None:
                return sympy.Symbol(f"m_{j}") ** power
        seen.append(product)
        return sympy.Symbol(f"m_{len(bases) + len(seen)}")

    def base_of(node: Any) -> dict[Any, Any]:
        """Base of a fitted exponent; empty where there is none."""
        names = {str(s) for s in node.exp.free_symbols} if node.is_Pow else set()
        return (powers(node.base) or {}) if names and names <= constants else {}

    def walk(node: Any) -> Any:
        if (exponents := powers(node)) is not None:
            return group(exponents)
        factors = node.args if node.is_Mul else (node,)
        if any(map(base_of, factors)):
            product = frozenset(f for f in factors if base_of(f) or powers(f) is not None)
            symbol = fitted.setdefault(product, sympy.Symbol(f"{_FITTED}{len(fitted) + 1}"))
            return sympy.Mul(symbol, *(walk(f) for f in factors if f not in product))
        if node.is_Mul:
            parts = [(a, powers(a)) for a in node.args]
            rest = [walk(a) for a, p in parts if p is None]
            return sympy.Mul(group(_product(p for _, p in parts if p is not None)), *rest)
        return node.func(*(walk(a) for a in node.args)) if node.args else node

    walk(expression)
    # of powers of one group the least is the group
    for exponents in sorted(
        seen, key=lambda d: (sum(map(abs, d.values())), -sum(d.values()), str(d))
    ):
        if all(_power_of(exponents, base) is None for base in bases):
            bases.append(exponents)
    whole = walk(expression)
    products = [InputProduct(base) for base in bases]
    for product in fitted:
        powered = [f for f in product if base_of(f)]
        free = tuple(sorted({x for f in powered for x in base_of(f)}, key=str))
        kept = powers(sympy.Mul(*(f for f in product if not base_of(f)))) or {}
        beside = {k: v for k, v in kept.items() if k not in free}
        products.append(InputProduct(beside, free, len(powered)))
    return whole, products


def _product(factors: Iterable[dict[Any, Any]]) -> dict[Any, Any]:
    """Exponents of a product of products of powers."""
    out: dict[Any, Any] = {}
    for base, power in chain.from_iterable(factor.items() for factor in factors):
        out[base] = out.get(base, 0) + power
    return {base: power for base, power in out.items() if power != 0}


def _power_of(product: dict[Any, Any], base: dict[Any, Any]) -> Any:
    """The power of one product of inputs that another is; None where it is none."""
    ratios = {product[k] / base[k] for k in base} if set(base) == set(product) else set()
    return ratios.pop() if len(ratios) == 1 else None


def _exponents_bits(product: InputProduct, groups: Groups | None) -> float:
    """Bits of the exponents of a product of inputs: of each size once, or over a power of all.

    Only exponents that the units leave free count, the cheapest that give all others.
    """
    inputs = sorted(product.exponents, key=str)
    if not inputs:
        return 0.0
    sizes = [abs(sympy.Rational(product.exponents[x])) for x in inputs]
    names = list(map(str, (*inputs, *product.fitted)))
    free = _free_exponents(names, groups)
    count = len(free) - product.n_fitted
    # the largest number of which all are whole multiples
    power = sympy.gcd_list(sizes)

    def bits(ways: list[Any]) -> float:
        cost = [min(exponent_bits(float(way)), _DECIMAL_BITS) for way in ways]
        chosen: list[int] = []
        for j in sorted(range(len(ways)), key=lambda j: cost[j]):
            if len(chosen) < count and np.linalg.matrix_rank(free[:, [*chosen, j]]) > len(chosen):
                chosen.append(j)
        return sum({ways[j]: cost[j] for j in chosen}.values())

    front = min(exponent_bits(float(power)), _DECIMAL_BITS)
    return min(bits(sizes), front + bits([size / power for size in sizes]))


def _free_exponents(inputs: list[str], groups: Groups | None) -> Array:
    """Directions in which units leave the exponents of some inputs free: groups of these alone."""
    if groups is None:
        return np.eye(len(inputs))
    powers = [exponents for name, exponents in groups.items() if name != RESPONSE]
    others = sorted({name for each in powers for name in each} - set(inputs))
    # what has no unit, such as an angle, may have any exponent
    known = {name for each in groups.values() for name in each}
    powers += [{name: Fraction(1)} for name in inputs if name not in known]
    inside, outside = (
        np.array([float(each.get(name, 0)) for each in powers for name in names])
        for names in (inputs, others)
    )
    alone = null_space(outside.reshape(len(powers), -1).T) if others else np.eye(len(powers))
    return np.asarray(alone.T @ inside.reshape(len(powers), len(inputs)))


def _roots(whole: Any, products: list[InputProduct], constants: set[Any]) -> int:
    """Number of sums and inner products whose exponent is no multiple of 1/2; thrice if fitted."""
    exponents_of = {
        sympy.Symbol(f"m_{j}"): p.exponents for j, p in enumerate(products, 1) if not p.fitted
    }
    nodes, fitted = set(), set()

    def walk(node: Any, inside: bool) -> None:
        base, power = (node.base, node.exp) if node.is_Pow else (node, sympy.Integer(1))
        exponents = exponents_of.get(base)
        if exponents is not None and power.is_Rational:
            if inside and any(2 * e * power % 1 for e in exponents.values()):
                nodes.add(node)
            return
        is_sum = any(f.is_Add for f in sympy.Mul.make_args(base))
        if power.is_Rational and 2 * power % 1 and is_sum:
            nodes.add(node)
        if node.is_Symbol and node.name.startswith(_FITTED):
            fitted.update([node] if inside else [])
        elif power.free_symbols and power.free_symbols <= constants < base.free_symbols | constants:
            fitted.update([node] if inside or is_sum else [])
        for inner in node.args:
            walk(inner, inside or isinstance(node, sympy.Add) or _is_function(node))

    walk(whole, False)
    return len(nodes) + 3 * len(fitted)


def _is_function(node: Any) -> bool:
    """Whether a node is a function; pieces, and the smaller of two laws, are choices of laws."""
    choice = isinstance(node, sympy.Piecewise | sympy.Min | sympy.Max)
    return (bool(node.is_Function) and not choice) or bool(
        node.is_Pow and node.base.is_number and node.exp.free_symbols
    )


def _holds_function(*nodes: Any) -> bool:
    return any(_is_function(part) for node in nodes for part in sympy.preorder_traversal(node))


def _number_bits(number: Any) -> float:
    """Bits of a coefficient; its sign is an operator."""
    if number.is_Rational:
        if max(abs(number.p), number.q) > _LARGEST:
            return _DECIMAL_BITS
        return max(exact_bits(f"{abs(number.p)}/{number.q}") - 1.0, 0.0)
    if number.is_Float:
        return _DECIMAL_BITS
    return min(exact_bits(str(number)), _DECIMAL_BITS)
