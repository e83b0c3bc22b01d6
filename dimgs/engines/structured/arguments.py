"""Short monomials of the groups, and what functions are tried on: differences, modulated terms.

"Short" is counted in the physical variables, so that nothing depends on the basis of the groups.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np

from dimgs.common.arrays import Array, BoolArray
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.grammar import Terms, cheapest
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import ONE, Exponents, exact, monomial

# monomials among which those without some variables are sought: a group is among the first
_ALL = 500
# vectors of exponents that are listed: beyond, only sums of up to three unit vectors
_LARGEST_BOX = 120_000
# cost in units of one more variable: of broken exponents in the variables; of a step away from the
# power law; of each power above 1; and of a group that changes sign in a denominator, which is as
# rare as three more variables
_HALF, _NEAR, _POWER, _POLE = 1.0, 1.2, 0.25, 3.0
# longest monomial that is kept, where some are much shorter
_LONGEST = 12.0
# least common denominator of the exponents that are listed
_COMMON = 12
# how unlike m and m r count where r is one variable of no dimension: next after like ones
_ONE_VARIABLE = 2.5
# each further power of r, of an argument and in a sum: distances of squares are as usual there as
# those of positions
_RAISED, _RAISED_IN_SUMS = 3.0, 0.5
# functions that stand beside a monomial in an argument
_MODULATING = ("cos", "sin", "exp", "log", "tanh")
# multiples of the argument of what oscillates, as of double and half angles, with their cost
_SCALES = ((ONE, 0.0), (exact(Fraction(1, 2)), 2.0), (exact(2), 2.0))


def short_monomials(
    runs: Runs,
    count: int,
    *,
    power: float = 0.0,
    halves: bool = False,
    near: Array | None = None,
) -> Terms:
    """The shortest monomials, the constant 1 included.

    Parameters
    ----------
    runs : Runs
    count : int
        How many at most.
    power : float
        Power of the response that the monomial adds to: ``Y**power = ... + monomial``, which
        makes a monomial short when its dimensional form is. 0 for an argument of a function.
    halves : bool
        Whether half-integer exponents take part.
    near : ndarray of shape (n_groups,), optional
        Exponents; monomials near to them count as short too.
    """
    vectors = _box(runs.n_groups, halves)
    if power:
        vectors = vectors + _offset(runs, power)
    vectors = vectors[runs.allows(vectors)]
    total = vectors @ runs.shape.T - power * runs.shift
    inside = np.abs(vectors) @ np.ones(runs.n_groups)
    size = np.abs(total).sum(axis=1)
    broken = np.abs(total - np.round(total)) > 1e-9
    cost = size + _HALF * broken.sum(axis=1)
    cost = cost + _POLE * runs.poles(vectors)
    cost = cost + _POWER * np.maximum(np.abs(total) - 1, 0).sum(axis=1) + 1e-3 * inside
    order = np.lexsort((*vectors.T, cost))
    order = order[cost[order] <= max(_LONGEST, float(cost.min()) + 4.0)][:count]
    if near is not None:
        distance = np.abs((vectors - near) @ runs.shape.T).sum(axis=1) + _HALF * broken.sum(axis=1)
        nearest = np.lexsort((*vectors.T, distance + 0.1 * cost))[: (2 * count) // 5]
        beside = float(cost.min()) + _NEAR * (distance - distance[nearest[0]])
        cost[nearest] = np.minimum(cost, beside)[nearest]
        order = np.array(list(dict.fromkeys([*order[: count - len(nearest)], *nearest, *order])))
        order = order[:count][np.argsort(cost[order[:count]], kind="stable")]
    exponents = tuple(
        tuple(Fraction(round(_COMMON * x), _COMMON) for x in vectors[i]) for i in order
    )
    listed = monomials_of(runs, exponents, cost[order])
    return listed.take(np.flatnonzero(np.any(listed.values, axis=0))).finite()


def monomials_of(runs: Runs, exponents: Sequence[Exponents], cost: Array | None = None) -> Terms:
    """The monomials of given exponents, with no cost by default."""
    with np.errstate(all="ignore"):
        values = [np.zeros((runs.n_runs, 0)), *map(runs.monomial, exponents)]
    free = np.zeros(len(exponents))
    trees = tuple(map(monomial, exponents))
    return Terms(trees, free if cost is None else cost, np.column_stack(values))


def groups_without(runs: Runs, variables: BoolArray) -> tuple[Exponents, ...]:
    """The shortest independent monomials that have none of some variables.

    Parameters
    ----------
    runs : Runs
    variables : ndarray of bool, shape (n_variables,)
    """
    E = [e for e in short_monomials(runs, _ALL).exponents if any(e)]
    V = np.array(E, dtype=float).reshape(len(E), runs.n_groups)
    independent: list[int] = []
    for k in np.flatnonzero(~np.any(np.abs(V @ runs.shape[variables].T) > 1e-9, axis=1)):
        if np.linalg.matrix_rank(V[[*independent, int(k)]]) > len(independent):
            independent.append(int(k))
    return tuple(E[k] for k in independent)


def _offset(runs: Runs, power: float) -> Array:
    """Exponents that make those of the physical variables whole, where pi_0 has broken ones."""
    shift = power * runs.shift
    if not all(runs.logged) or np.abs(shift - np.round(shift)).max(initial=0.0) < 1e-9:
        return np.zeros(runs.n_groups)
    for q in (2, 3, 4, 6):
        if q**runs.n_groups > _LARGEST_BOX:
            break
        parts = np.array(list(product(range(q), repeat=runs.n_groups))) / q
        total = parts @ runs.shape.T - shift
        whole = np.abs(total - np.round(total)).max(axis=1) < 1e-9
        if whole.any():
            return np.asarray(parts[int(np.argmax(whole))])
    return np.zeros(runs.n_groups)


def _box(width: int, halves: bool) -> Array:
    step = 2 if halves else 1
    radius = 6 * step
    while radius > step and (2 * radius + 1) ** width > _LARGEST_BOX:
        radius -= 1
    if (2 * radius + 1) ** width <= _LARGEST_BOX:
        axis = np.arange(-radius, radius + 1) / step
        return np.array(list(product(axis, repeat=width)))
    rows = [np.zeros(width)]
    ones = np.eye(width)
    signs = [s * e for s in (1, -1, 2, -2) for e in ones]
    rows += signs
    rows += [a + b for i, a in enumerate(signs) for b in signs[:i]]
    rows += [a + b + c for a in signs[:width] for b in signs for c in signs]
    return np.unique(np.array(rows), axis=0)


def plain(runs: Runs, count: int, *, both_signs: bool = True) -> Terms:
    """Short monomials; of u and 1/u only the one with a positive first exponent if asked."""
    monomials = short_monomials(runs, count if both_signs else 2 * count)
    rows = [
        i
        for i, e in enumerate(monomials.exponents)
        if any(e) and (both_signs or next(x for x in e if x) > 0)
    ]
    return monomials.take(np.array(rows, dtype=np.int64)).varying(count)


def differences(
    runs: Runs, count: int, *, power: float | None = None, signs: tuple[str, ...] = ("-", "+")
) -> Terms:
    """Differences and sums of two short monomials, such as of two angles or of two positions.

    Those of like things come first: m_1 - m_2 where m_1/m_2 is a ratio of two variables.

    Parameters
    ----------
    runs : Runs
    count : int
        How many at most.
    power : float, optional
        Power of the response that a term of a sum has the dimension of; by default terms are
        arguments of functions, of which only one of u and 1/u is short.
    signs : tuple of str
    """
    halves = power is not None and power % 1 != 0
    short = short_monomials(runs, 48, power=power or 0.0, halves=halves)
    short = short.take(np.flatnonzero([power is not None or any(e) for e in short.exponents]))
    if not len(short):
        return short
    E = np.array(short.exponents, dtype=float)
    physical = E @ runs.shape.T
    ratio = np.abs(physical[:, None, :] - physical[None, :, :])
    power_of = np.maximum(ratio.max(axis=2, initial=1.0), 1.0)
    ratio = ratio / power_of[:, :, None]
    broken = np.abs(ratio - np.round(ratio)) > 1e-9
    further = _RAISED if power is None else _RAISED_IN_SUMS
    unlike = (ratio + 2 * broken).sum(axis=2) + further * (power_of - 1)
    # beside ratios of two variables, what one of no dimension is taken from: m (1 - r)
    unlike = np.where(unlike < 2, _ONE_VARIABLE, unlike)
    total = np.maximum(short.cost[:, None], short.cost[None, :]) + 1.5 * (unlike - 2) + 0.6
    inverse = (E.sum(axis=1) < 0) & (power is None)
    total = total + inverse[:, None] * inverse[None, :]
    i, j = np.tril_indices(len(short), -1)
    order = cheapest(total[i, j], count)
    first = replace(short.take(j[order]), cost=total[i, j][order])
    second = short.take(i[order])
    both = [first.applied(s, second, more=0.1 if s == "+" else -0.1) for s in signs]
    # of each pair one after the other
    mixed = Terms.joined(both).take(
        np.arange(len(both) * len(order)).reshape(len(both), -1).T.ravel()
    )
    return mixed.varying(count)


def modulated(runs: Runs, inner: Terms, count: int, names: tuple[str, ...] = _MODULATING) -> Terms:
    """Monomials times a function of another argument, such as pi_1 cos(pi_2 - pi_3)."""
    with np.errstate(all="ignore"):
        called = [
            inner.scaled(*scale).applied(name)
            for name in names
            for scale in (_SCALES if FUNCTIONS[name].periodic else _SCALES[:1])
        ]
        products = Terms.joined(called).finite().crossed(short_monomials(runs, 16), count)
    return products.varying(count)
