"""Roots of quadratic equations: t = h ± √(h² + g), where h and g are sums of monomials.

t² = g + 2 h t is linear in the coefficients of both, and is searched like a ratio of sums. The
radicand is multiplied out, so that (a + b)² - 4 a b is the square of a difference. Dissociation and
recombination, reactors of second order, principal stresses, conjugate depths; with t = y² also
nested roots, such as those of waves in lossy media.
"""

from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import product

import numpy as np

from dimgs.common.arrays import Array
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import short_monomials
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.grammar import MINUS
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.subspaces import eliminated
from dimgs.engines.structured.sums import Sums, Weighted, function_terms
from dimgs.engines.structured.targets import Target
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
    evaluate,
    monomial,
    nodes,
    powered,
    times,
)

# monomials of the dimension of the square, and of the response: as many as of ratios of sums
_FREE, _HELD = 120, 60
# monomials times sines and cosines beside them: double angles are among the first
_FUNCTIONS = 1000
# the shortest of both, of which all but a few are eliminated: no more than a third of the runs
_FEW_FREE, _FEW_HELD = 24, 12
# widths of the beam for each number of terms
_WIDTHS = (200, 150, 100, 40)
# terms before the root and under it, as of two stresses and a shear: more follow any smooth law of
# one group to the precision of the numbers
_MOST_OUTSIDE, _MOST_INSIDE = 2, 4
# relative size of a coefficient of the radicand that cancels
_NOTHING = 1e-7
# of the rms of the response: below it the errors of a square do not shrink any further
_FLOOR = 0.1


def quadratic_roots(sums: Sums, target: Target, archive: Archive, *, angles: bool = False) -> None:
    """Search roots of quadratic equations.

    Parameters
    ----------
    sums : Sums
    target : Target
        The response or a power of it.
    archive : Archive
    angles : bool
        Whether terms may be monomials times sines and cosines, as of thrown bodies.
    """
    square = _squared(target)
    free = sums.short(square, _FREE)
    held = short_monomials(sums.runs, _HELD, power=target.power, near=sums.near(target))
    if angles:
        turns = [k for k, t in enumerate(sums.bare.trees) if _turns(t)]
        bare = sums.bare.take(np.array(turns, dtype=np.int64))
        free = free + function_terms(sums.runs, bare, square.power, _FUNCTIONS)
        held = held + function_terms(sums.runs, bare, target.power, _FUNCTIONS)
    held = held.times(ONE, target.values)
    solved = partial(_root_of, sums.runs, target.at)
    with np.errstate(all="ignore"):
        root = square.root(sums.runs)
        few = free.first(min(_FEW_FREE, sums.runs.n_runs // 4))
        short = few + held.first(min(_FEW_HELD, sums.runs.n_runs // 8))
        A, t = short.values * root[:, None], square.values * root
    # terms of the two sums cancel each other, so that the shortest are tried together first
    for picked in eliminated(A, t) if np.all(np.isfinite(A)) and np.all(np.isfinite(t)) else []:
        sums.fit(short, square, picked, archive, len(few), root, solved)
    if not archive.exact:
        sums.search(free + held, square, archive, _WIDTHS, len(free), solved)


def _squared(target: Target) -> Target:
    """The square of a target, of which the root is taken by the law itself."""
    floor = _FLOOR * float(np.sqrt(np.mean(target.at**2)))
    at, moved = target.at**2, 2 * target.at * (target.values - target.at)
    slope = 2 * np.maximum(np.abs(target.at), floor) * target.slope
    return replace(
        target,
        name=f"({target.name})^2",
        at=at,
        values=at + moved,
        power=2 * target.power,
        slope=slope,
    )


def _root_of(runs: Runs, at: Array, free: Weighted, held: Weighted) -> Tree | None:
    """The root of t² = Σ c m + t Σ d m on the side of half the second sum where the response is."""
    if not 0 < len(held) <= _MOST_OUTSIDE:
        return None
    if not all(isinstance(tree, Mono) or tree == ONE for _, tree in (*free, *held)):
        return _root_of_functions(runs, at, free, held)
    half = {_exponents(tree, runs): value / 2 for value, tree in held}
    inside = {_exponents(tree, runs): value for value, tree in free}
    parts: dict[Exponents, float] = {e: abs(value) for e, value in inside.items()}
    for (first, a), (second, b) in product(half.items(), repeat=2):
        exponents = tuple(x + y for x, y in zip(first, second, strict=True))
        inside[exponents] = inside.get(exponents, 0.0) + a * b
        parts[exponents] = parts.get(exponents, 0.0) + abs(a * b)
    left = {e: value for e, value in inside.items() if abs(value) > _NOTHING * parts[e]}
    if not 0 < len(left) <= _MOST_INSIDE:
        return None
    middle = sum(value * runs.monomial(e) for e, value in half.items())
    upper = float(np.median(at - middle)) > 0
    radicand = tuple(times(Number(value), monomial(e)) for e, value in left.items())
    root = Power(Sum(radicand) if len(radicand) > 1 else radicand[0], Fraction(1, 2))
    outside = (times(Number(value), monomial(e)) for e, value in half.items())
    return Sum((*outside, root if upper else Product((MINUS, root))))


def _turns(tree: Tree) -> bool:
    return any(isinstance(n, Call) and FUNCTIONS[n.name].periodic for n in nodes(tree))


def _root_of_functions(runs: Runs, at: Array, free: Weighted, held: Weighted) -> Tree | None:
    """Roots with one term before the root and few terms under it."""
    if len(held) > 1 or not 0 < len(free) <= _MOST_OUTSIDE:
        return None
    ((value, tree),) = held
    upper = float(np.median(at - value / 2 * evaluate(tree, runs))) > 0
    squared = Product((Number(value**2 / 4), powered(tree, Fraction(2))))
    root = Power(Sum((squared, *(times(Number(v), t) for v, t in free))), Fraction(1, 2))
    return Sum((times(Number(value / 2), tree), root if upper else Product((MINUS, root))))


def _exponents(tree: Tree, runs: Runs) -> Exponents:
    return tree.exponents if isinstance(tree, Mono) else (Fraction(0),) * runs.n_groups
