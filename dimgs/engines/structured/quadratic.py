"""Quadratic forms of like variables: distances, norms, inner products.

t = p Σ c_ab f_a f_b, where the f are variables of one dimension (as ratios to one of them, in pi
space) and p is a monomial. For each p the whole form is fitted at once; only where it explains the
runs, or explains them best, are its few terms sought, differences (f_a - f_b)² among them.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.monomials import short_monomials
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.sums import Sums
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.terms import Library
from dimgs.engines.structured.trees import (
    Exponents,
    Mono,
    Power,
    Product,
    Sum,
    Tree,
    exact,
    monomial,
)

Array = NDArray[np.float64]
_WIDTHS = (45, 60, 40, 40, 30, 20)
_EXACT = 1e-12
_LARGEST_FAMILY = 9


@dataclass(frozen=True)
class Family:
    """Variables of one dimension, each as a monomial of the groups over the first.

    Parameters
    ----------
    members : tuple of tuple of Fraction
        The first is the constant 1.
    """

    members: tuple[Exponents, ...]


def families(runs: Runs) -> list[Family]:
    """Every set of at least two variables of one dimension that the groups can compare."""
    n = len(runs.shape)
    if not runs.n_groups or not all(runs.logged):
        return []
    one: Exponents = (Fraction(0),) * runs.n_groups
    units = np.eye(n)
    single = {i: _solve(runs, units[i]) for i in range(n)}
    free = [e for e in single.values() if e is not None]
    out = [Family((one, *free))] if free else []
    taken: set[int] = {i for i, e in single.items() if e is not None}
    for i in range(n):
        if i in taken:
            continue
        members = [one]
        for j in range(i + 1, n):
            e = None if j in taken else _solve(runs, units[j] - units[i])
            if e is not None:
                members.append(e)
                taken.add(j)
        if len(members) > 1:
            out.append(Family(tuple(members)))
    return [f for f in out if len(f.members) <= _LARGEST_FAMILY]


def _solve(runs: Runs, physical: Array) -> Exponents | None:
    e = np.linalg.lstsq(runs.shape, physical, rcond=None)[0]
    near = np.round(2 * e) / 2
    if np.abs(runs.shape @ near - physical).max() > 1e-9:
        return None
    return tuple(Fraction(round(2 * x), 2) for x in near)


def quadratic_forms(sums: Sums, target: Target, archive: Archive) -> None:
    """Search the forms of every family for one target."""
    runs = sums.runs
    fronts = short_monomials(runs, 100, power=target.power, near=sums.near(target))
    with np.errstate(all="ignore"):
        root = target.root(runs)
        t = root * target.values
    if not np.all(np.isfinite(t)):
        return
    for family in families(runs):
        members = np.column_stack([runs.monomial(e) for e in family.members])
        upper = np.triu_indices(members.shape[1])
        form = members[:, upper[0]] * members[:, upper[1]] * root[:, None]
        if 2 * form.shape[1] > runs.n_runs:
            continue
        left = []
        for k in range(len(fronts)):
            archive.check()
            A = form * fronts.values[:, [k]]
            Q = np.linalg.qr(A / np.sqrt((A**2).sum(axis=0)))[0]
            e = t - Q @ (Q.T @ t)
            left.append(float(e @ e) / float(t @ t))
        order = np.argsort(np.array(left), kind="stable")
        if len(order) and left[order[0]] < _EXACT:
            order = np.array([k for k in order if left[k] < _EXACT])
        for k in order[:3]:
            library = _library(runs, family, fronts.exponents[k])
            sums.search(library, target, archive, _WIDTHS)
            if archive.exact:
                return


def _library(runs: Runs, family: Family, front: Exponents) -> Library:
    trees: list[Tree] = []
    values = []
    n = len(family.members)
    for a in range(n):
        for b in range(a, n):
            product = tuple(
                p + x + y
                for p, x, y in zip(front, family.members[a], family.members[b], strict=True)
            )
            trees.append(monomial(product))
            values.append(runs.monomial(product))
            if a != b:
                first, second = (monomial(m) for m in (family.members[a], family.members[b]))
                square = Power(Sum((first, Product((exact(-1), second)))), Fraction(2))
                trees.append(Product((Mono(front), square)) if any(front) else square)
                difference = runs.monomial(family.members[a]) - runs.monomial(family.members[b])
                values.append(runs.monomial(front) * difference**2)
    return Library(tuple(trees), np.column_stack(values))
