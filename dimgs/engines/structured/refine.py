"""Constants of a tree: refined by variable projection, priced in bits, made simple numbers.

References
----------
G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413-432; L. Kaufman, BIT 15 (1975) 49-57
(the slopes).
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from dimgs.common.arrays import Array, least_squares, unscaled_covariance
from dimgs.engines.refit import constants_bits
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    FUNCTIONS,
    ONE,
    RAMP,
    Call,
    Compiled,
    Exponents,
    Mono,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    added,
    children,
    compiled,
    exact,
    factors_of,
    monomial,
    nodes,
    other_scales,
    parameters,
    power_of,
    rebuild,
    times,
    times_monomial,
    with_parameters,
)
from dimgs.fits.least_squares import minimise_squares
from dimgs.fits.noise import data_bits
from dimgs.groups.rationals import exponent_bits, numbers_near

# share of a column outside the base below which rounding decides, and of a singular value
_DEPENDENT, _RANK = 1e-5, 1e-12


class Projection(NamedTuple):
    """Best coefficients for constants that are held, of several starts at once.

    Attributes
    ----------
    residuals : ndarray of shape (n_starts, n_runs)
        NaN where a column is not finite.
    slopes : ndarray of shape (n_starts, n_runs, n_constants)
        Minus the slopes of the residuals by the constants.
    coefficients : ndarray of shape (n_starts, n_columns)
    """

    residuals: Array
    slopes: Array
    coefficients: Array


def projected(
    t: Array,
    columns: Array,
    slopes: Callable[[Array], Array] | None = None,
    base: Array | None = None,
) -> Projection:
    """Fit the coefficients of columns that depend on constants.

    Parameters
    ----------
    t : ndarray of shape (n_runs,) or (n_starts, n_runs)
        What the columns are to follow.
    columns : ndarray of shape (n_starts, n_runs, n_columns)
    slopes : callable, optional
        From coefficients, shape (n_starts, n_columns), to the slopes of the sum of the columns by
        the constants, shape (n_starts, n_runs, n_constants).
    base : ndarray of shape (n_runs, r) or (n_starts, n_runs, r), optional
        Orthonormal columns that do not depend on the constants.

    Examples
    --------
    >>> x = np.linspace(0.0, 1.0, 9)
    >>> decay = np.exp(-2 * x)[None, :, None]
    >>> fitted = projected(3 * decay[0, :, 0], decay, lambda b: -x[:, None] * b[0] * decay)
    >>> fitted.coefficients.round(9).tolist()
    [[3.0]]
    """

    def off(parts: Array) -> Array:
        return parts if base is None else np.asarray(parts - base @ (base.mT @ parts))

    usable = np.all(np.isfinite(columns), axis=(-2, -1))
    columns = np.where(usable[:, None, None], columns, 0.0)
    inside, rest = off(columns), off(t[..., None])
    size, whole = (np.sqrt((x**2).sum(axis=-2, keepdims=True)) for x in (inside, columns))
    outside = size > _DEPENDENT * whole
    inside = np.where(outside, inside / np.where(outside, size, 1.0), 0.0)
    basis, value, right = np.linalg.svd(inside, full_matrices=False)
    kept = value > _RANK * value.max(axis=-1, keepdims=True, initial=0.0)
    basis = basis * kept[:, None, :]
    along = basis.mT @ rest
    scaled = right.mT @ (along / np.where(kept, value, 1.0)[..., None])
    beta = (scaled / np.where(outside, size, 1.0).mT)[..., 0]
    residuals = np.where(usable[:, None], (rest - basis @ along)[..., 0], np.nan)
    J = off(columns[..., :0] if slopes is None else slopes(beta))
    return Projection(residuals, J - basis @ (basis.mT @ J), beta)


# ---- Bits of a tree in the physical variables, its canonical form, and simple numbers.


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

    They are taken out of what begins where a sum is positive, too.

    Parameters
    ----------
    tree : Tree
        Products, powers and sums are rewritten, other trees returned.
    runs : Runs
        Their physical variables say what is short; only groups that are logged are taken out, as
        what leaves a root or a sum must be positive.
    """
    if not isinstance(tree, Product | Power | Sum | Call):
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
    begins = isinstance(base, Call) and base.name == RAMP
    total = base.argument if isinstance(base, Call) and begins else base
    terms = total.terms if isinstance(total, Sum) else ()
    fronts = (zip(_front_of(term, runs), runs.logged, strict=True) for term in terms)
    logged = (tuple(e if log else Fraction(0) for e, log in pairs) for pairs in fronts)
    for front in dict.fromkeys(logged):
        inverse = tuple(-e for e in front)
        inside: Tree = Sum(tuple(times_monomial(inverse, t) for t in terms))
        inside = Call(RAMP, inside) if begins else inside
        whole = inside if base is factor else Power(inside, power)
        out.append((tuple(power * e for e in front), whole))
    return [(exponents, inside, structure_bits(inside, runs)) for exponents, inside in out]


# ---- Free constants of a tree: fitted in double precision, then made simple numbers.


# values beyond have no squares and no slopes in double precision
_BAD = 1e300
# relative gain at which a fit ends: far below what any comparison of laws sees
_ENOUGH = 1e-9
# bits of the runs above those of the best law at which a fit ends that gains little in a step:
# nearer, and laws are lost whose first constants are far off
_FAR = 100.0
# squares that are rounding
_LEAST = 1e-24


@dataclass(frozen=True)
class FittedTree:
    """A tree with fitted constants and its score.

    Parameters
    ----------
    tree : Tree
    loss : float
        Weighted mean square of the residuals: relative ones (of the logarithm) for a positive
        response, in units of its floored modulus otherwise.
    bits : float
        Length of description, see `dimgs.engines.refit`.
    structure : float
        Its part for the structure and the constants.
    """

    tree: Tree
    loss: float
    bits: float
    structure: float

    @cached_property
    def order(self) -> tuple[float, str]:
        """The shortest description first; trees of the same bits in the order of their texts."""
        return self.bits, repr(self.tree)

    @cached_property
    def n_constants(self) -> int:
        """Number of free constants."""
        return len(parameters(self.tree))


def residuals_of(tree: Tree, runs: Runs) -> tuple[Array, Array] | None:
    """Scaled residuals and the slopes of the law, None where it is not real in some run."""
    with np.errstate(all="ignore"):
        return _residuals(compiled(tree, runs), parameters(tree), runs)


def _residuals(law: Compiled, theta: Array, runs: Runs) -> tuple[Array, Array] | None:
    value, slope = law(theta)
    largest = float(np.abs(value).max())
    if not largest < _BAD:
        return None
    if runs.positive and not value.min() > 0:
        return None
    if runs.relative:
        e = runs.root * np.log(runs.y / value)
        scale = runs.root / value
    else:
        e = runs.root * (runs.y - value)
        scale = runs.root
    slopes = (slope * scale).T
    return (e, slopes) if np.all(np.isfinite(slopes)) else None


def polish(tree: Tree, runs: Runs, least: float = np.inf) -> FittedTree | None:
    """Refit the free constants and score the result; None where it is not real.

    Parameters
    ----------
    tree : Tree
    runs : Runs
    least : float
        Loss of the best fit known: what stays far above it is not fitted to the end.
    """
    law, theta = compiled(tree, runs), parameters(tree)
    missing = np.full(runs.n_runs, np.nan), np.full((runs.n_runs, len(theta)), np.nan)

    def model(constants: Array) -> tuple[Array, Array]:
        return _residuals(law, constants, runs) or missing

    far = runs.n_runs * least * 4.0 ** (_FAR / runs.n_runs)
    with np.errstate(all="ignore"):
        solution = minimise_squares(model, theta, enough=_ENOUGH, hopeless=far)
        if not np.isfinite(solution.squares):
            return None
        if len(theta):
            tree = with_parameters(tree, solution.parameters)
        data = data_bits(law(solution.parameters)[0], runs.y, runs.weights, runs.unit)
        structure = law_bits(tree, runs) + constants_bits(len(theta), runs.n_runs)
        loss = float(np.mean(solution.residuals**2))
        return FittedTree(tree, loss, data + structure, structure)


@np.errstate(all="ignore")
def bits_gained(tree: Tree, runs: Runs) -> float:
    """Bits of the runs that one step of least squares gains from the present constants.

    References
    ----------
    C. R. Rao, Proc. Cambridge Phil. Soc. 44 (1948) 50-57 (the score test).
    """
    linearised = residuals_of(tree, runs)
    if linearised is None:
        return 0.0
    e, slopes = linearised
    left = e - slopes @ least_squares(slopes, e)
    return 0.5 * runs.n_runs * float(np.log2((e @ e + _LEAST) / (left @ left + _LEAST)))


def simplify_numbers(fitted: FittedTree, runs: Runs) -> FittedTree:
    """Replace constants by simple numbers, the surest first, while the bits do not grow.

    Of a power of a sum any term may have the simple number: c (1 + d u)^p is (a + b u)^p.
    """
    ways = (fitted, *(polish(tree, runs) for tree in other_scales(fitted.tree)))
    return min((_simplified(way, runs) for way in ways if way is not None), key=lambda f: f.bits)


def _simplified(fitted: FittedTree, runs: Runs) -> FittedTree:
    for _ in range(8):
        linearised = residuals_of(fitted.tree, runs)
        if linearised is None:
            return fitted
        e, jacobian = linearised
        values = parameters(fitted.tree)
        if not len(values):
            return fitted
        variance = max(float(e @ e) / max(len(e) - len(values), 1), 1e-24)
        errors = np.sqrt(unscaled_covariance(jacobian).diagonal() * variance)
        order = np.argsort(errors / (np.abs(values) + 1e-300), kind="stable").tolist()
        simpler = (_simpler(fitted, runs, i, float(values[i]), float(errors[i])) for i in order)
        better = next(filter(None, simpler), None)
        if better is None:
            return fitted
        fitted = better
    return fitted


def _simpler(
    fitted: FittedTree, runs: Runs, i: int, value: float, error: float
) -> FittedTree | None:
    window = max(3 * error, 1e-10 * abs(value))
    if window > 0.2 * abs(value):
        return None
    for text, number in numbers_near(value, window):
        free = [n for n in nodes(fitted.tree) if isinstance(n, Number) and n.free]
        free[i] = ONE if number == 1 else Number(number, text)
        trial = polish(rebuild(fitted.tree, iter(free)), runs)
        if trial is not None and trial.bits <= fitted.bits:
            return trial
    return None
