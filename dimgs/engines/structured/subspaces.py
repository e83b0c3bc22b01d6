"""Whole subspaces first, few terms then: t = Σ a_k m_k + g(u) Σ b_k m_k, and quadratic forms.

A law of this form lies in the span of all short monomials m_k and their products with g. One
projection for each function g therefore shows whether any such law exists. The few terms of the law
are searched only in the spans with the smallest residuals. A sparse search over all terms of all
functions at once fails if no single term explains much.

Quadratic forms are distances, norms, inner products: t = p Σ c_ab f_a f_b, where the f are
variables of one dimension (as ratios to one of them, in pi space) and p is a monomial. For each p
the whole form is fitted at once; then its few terms are sought, differences (f_a - f_b)² among
them. Cubic and quartic forms are polynomials, and squares of differences of squares, as in
resonance.

References
----------
G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed. (2013), section 5.3 (projections by QR).
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations_with_replacement, product

import numpy as np

from dimgs.common.arrays import Array
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import monomials_of, short_monomials
from dimgs.engines.structured.grammar import Terms
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.sums import Relation, Sums, of_unit_length
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import ONE, Call, Exponents, added, nodes

# monomials of a span: beside the response and times it, beside a function and times it, times the
# response in a ratio; arguments of one function: as many as 120 runs distinguish
_UPPER, _LOWER, _OUTER, _INNER, _BELOW, _ARGUMENTS = 40, 24, 20, 8, 8, 6
# functions that are tried, and at a time, which bounds the memory; spans of which terms are sought
_FUNCTIONS, _CHUNK, _SPANS = 1500, 100, 4
# of few runs, as many terms as this share of them: the rest judges the span
_FREE, _MOST = 0.67, 80
# widths of the beam for each number of terms: those of one span are few
_WIDTHS = (40, 60, 60, 40, 40, 30)
# share of a term outside the others below which rounding decides
_DEPENDENT = 1e-7
# functions that stand at every argument of a span at once
_NAMES = ("log", "exp", "sin", "cos", "log1p", "tanh")
# widths of the beam for the terms of a form, and its degrees: the runs determine no more terms
_FORM_WIDTHS, _DEGREES = (45, 60, 40, 40, 30, 20), (2, 3, 4)
# share of the squares that is rounding, and that the whole of a cubic or quartic form may leave
_EXACT_FORM, _NEAR = 1e-12, 0.1
# variables of one dimension: forms of more have more terms than 100 runs
_LARGEST_FAMILY = 9


# what a span leaves, its residual mean square, and its terms
Span = tuple[float, Relation]


@np.errstate(all="ignore")
def subspace_sums(sums: Sums, target: Target, archive: Archive, *, ratios: bool = False) -> None:
    """Search the few terms of the best spans for a target.

    Parameters
    ----------
    sums : Sums
    target : Target
    archive : Archive
    ratios : bool
        Whether terms may hold the response, so that the law is a ratio.
    """
    if not np.all(np.isfinite(target.values)) or not np.any(target.values):
        return
    search = _SpanSearch(sums, target)
    if not len(search.upper):
        return
    spans = [search.monomials(), *search.one_name(), *search.one_function(ratios, archive)]
    best = sorted(filter(None, spans), key=lambda span: span[0])[:_SPANS]
    for _, relation in archive.until_exact(best):
        sums.eliminate(relation, archive)
        if not archive.exact:
            sums.search(relation, archive, _WIDTHS)


class _SpanSearch:
    """Monomials of a target, `upper` ones beside it and `lower` ones times it."""

    def __init__(self, sums: Sums, target: Target) -> None:
        self.sums, self.target, self.root = sums, target, target.root(sums.runs)
        self.t = self.root * target.values
        runs = sums.runs
        self.upper = target.monomials(runs, _UPPER)
        below = short_monomials(runs, _LOWER)
        kept = [i for i, tree in enumerate(below.trees) if tree != ONE]
        self.lower = below.take(np.array(kept, dtype=np.int64)).times(ONE, target.values)

    def few(self, count: int) -> int:
        """Less of a number of terms where runs are few."""
        return int(count * min(1.0, _FREE * len(self.t) / _MOST)) or 1

    def span(self, above: Terms, below: Terms | None = None) -> Span | None:
        """Residuals after the terms; None where the terms have no values."""
        library = above if below is None else above + below
        A = library.values * self.root[:, None]
        free = len(self.t) - len(library)
        if not np.all(np.isfinite(A)) or free < 1:
            return None
        residuals = _off(_orthonormal(A), self.t)
        first = None if below is None else len(above)
        return float(residuals @ residuals) / free, Relation(library, self.target, first)

    def monomials(self) -> Span | None:
        """Ratios of sums of monomials."""
        return self.span(self.upper.first(self.few(_UPPER)), self.lower.first(self.few(_LOWER)))

    def one_name(self) -> Iterator[Span | None]:
        """Monomials times one function of every group, over sums of monomials."""
        arguments = _arguments(self.sums.runs)
        outer = self.upper.first(self.few(_OUTER))
        inner = self.upper.first(self.few(_INNER))
        for name in _NAMES:
            for sign in (1, -1) if name == "exp" else (1,):
                above = outer
                called = (arguments if sign > 0 else arguments.applied("neg")).applied(name)
                for tree, g in zip(called.trees, called.values.T, strict=True):
                    above = above + inner.times(tree, g)
                yield self.span(above)
                yield self.span(above, self.lower.first(self.few(_BELOW)))

    def one_function(self, ratios: bool, archive: Archive) -> Iterator[Span]:
        """Monomials and monomials times one function, the best ones; or ratios of such sums."""
        bare, outer = self.sums.bare, self.upper.first(self.few(_OUTER))
        inner, lower = outer, self.lower.first(0)
        if ratios:
            lower, few = self.lower.first(self.few(_BELOW)), self.few(_INNER)
            response = Terms((ONE,), np.zeros(1), self.t[:, None] / self.root[:, None])
            inner = self.upper.first(few) + response + self.lower.first(few)
        fixed = outer + lower
        A = fixed.values * self.root[:, None]
        if len(fixed) + len(inner) >= len(self.t) or not np.all(np.isfinite(A)):
            return
        base = _orthonormal(A)
        scores = np.full(min(_FUNCTIONS, len(bare)), np.inf)
        for start in range(0, len(scores), _CHUNK):
            archive.check()
            g = bare.values[:, start : min(start + _CHUNK, len(scores))].T
            scores[start : start + len(g)] = self._mean_squares(inner.values, base, g)
        if ratios:
            # t = t/(1 + u) + t u/(1 + u) for any t
            algebraic = [not any(isinstance(n, Call) for n in nodes(t)) for t in bare.trees]
            scores[np.array(algebraic[: len(scores)], dtype=bool)] = np.inf
        for k in np.argsort(scores, kind="stable")[:_SPANS]:
            g = bare.values[:, k]
            if not ratios:
                library = outer + inner.times(bare.trees[k], g)
                yield float(scores[k]), Relation(library, self.target)
                continue
            above = outer + self.upper.first(few).times(bare.trees[k], g)
            below = lower + (response + self.lower.first(few)).times(bare.trees[k], g)
            yield float(scores[k]), Relation(above + below, self.target, len(above))

    def _mean_squares(self, values: Array, base: Array, g: Array) -> Array:
        """For each function what it leaves, for each degree of freedom."""
        rest = _off(base, self.t)
        blocks = (values * self.root[:, None])[None, :, :] * g[:, :, None]
        blocks = blocks / np.sqrt((blocks**2).sum(axis=1, keepdims=True))
        blocks = blocks - base @ (base.T @ blocks)
        size = np.sqrt((blocks**2).sum(axis=1, keepdims=True))
        Q = np.linalg.qr(np.nan_to_num(np.where(size > _DEPENDENT, blocks / size, 0.0)))[0]
        residuals = rest - np.einsum("gnk,gk->gn", Q, np.einsum("gnk,n->gk", Q, rest))
        residuals = residuals - np.einsum("gnk,gk->gn", Q, np.einsum("gnk,gn->gk", Q, residuals))
        return np.asarray((residuals**2).sum(axis=1) / (len(rest) - base.shape[1] - Q.shape[2]))


def _arguments(runs: Runs) -> Terms:
    """The groups, and the shortest monomials, of u and 1/u the one that is more of a product."""
    monomials = short_monomials(runs, 4 * _ARGUMENTS)
    rows = [tuple(map(Fraction, e)) for e in np.eye(runs.n_groups, dtype=int).tolist()]
    for e in monomials.exponents:
        way = float((runs.shape @ np.array(e, dtype=float)).sum())
        if any(e) and (way > 0 or (way == 0 and next(x for x in e if x) > 0)):
            rows.append(e)
    return monomials_of(runs, list(dict.fromkeys(rows))[:_ARGUMENTS])


def _orthonormal(A: Array) -> Array:
    U, s, _ = np.linalg.svd(of_unit_length(A), full_matrices=False)
    return np.asarray(U[:, s > _DEPENDENT * s[0]])


def _off(base: Array, t: Array) -> Array:
    residuals = t - base @ (base.T @ t)
    return np.asarray(residuals - base @ (base.T @ residuals))


# variables of one dimension, each as a monomial of the groups over the first, which is 1 so
LikeVariables = tuple[Exponents, ...]


def like_variables(runs: Runs) -> list[LikeVariables]:
    """Every set of at least two variables of one dimension that the groups can compare."""
    n = len(runs.shape)
    if not runs.n_groups or not all(runs.logged):
        return []
    # those of no dimension are compared with 1
    units, taken = np.vstack([np.zeros(n), np.eye(n)]), set[int]()
    out: list[LikeVariables] = []
    for i, unit in enumerate(units):
        others = [j for j in range(i + 1, n + 1) if not {i, j} & taken]
        ratios = {j: _solve(runs, units[j] - unit) for j in others}
        members = {j: e for j, e in ratios.items() if e is not None}
        taken |= set(members)
        if members:
            out.append(((Fraction(0),) * runs.n_groups, *members.values()))
    return [f for f in out if len(f) <= _LARGEST_FAMILY]


def _solve(runs: Runs, physical: Array) -> Exponents | None:
    e = np.linalg.lstsq(runs.shape, physical, rcond=None)[0]
    near = np.round(2 * e) / 2
    if np.abs(runs.shape @ near - physical).max() > 1e-9:
        return None
    return tuple(Fraction(round(2 * x), 2) for x in near)


def forms(sums: Sums, target: Target, archive: Archive) -> None:
    """Search quadratic, cubic and quartic forms of every family for one target."""
    runs = sums.runs
    fronts = target.monomials(runs, 100)
    with np.errstate(all="ignore"):
        root = target.root(runs)
        t = root * target.values
    if not np.all(np.isfinite(t)):
        return
    for family, degree in archive.until_exact(product(like_variables(runs), _DEGREES)):
        places = list(combinations_with_replacement(range(len(family)), degree))
        if 2 * len(places) > runs.n_runs:
            continue
        members = np.column_stack([runs.monomial(e) for e in family])
        form = members[:, np.array(places)].prod(axis=2) * root[:, None]
        shares = []
        for k in range(len(fronts)):
            archive.check()
            A = form * fronts.values[:, [k]]
            Q = np.linalg.qr(A / np.sqrt((A**2).sum(axis=0)))[0]
            e = t - Q @ (Q.T @ t)
            shares.append(float(e @ e) / float(t @ t))
        order = np.argsort(np.array(shares), kind="stable")
        if len(order) and shares[order[0]] < _EXACT_FORM:
            order = np.array([k for k in order if shares[k] < _EXACT_FORM])
        # polynomials that do not come near are not worth their fits
        for k in archive.until_exact(k for k in order[:3] if degree == 2 or shares[k] < _NEAR):
            relation = Relation(_library(runs, family, fronts.exponents[k], places), target)
            if degree > 2:
                sums.eliminate(relation, archive)
            else:
                sums.search(relation, archive, _FORM_WIDTHS)


def _library(
    runs: Runs, family: LikeVariables, front: Exponents, places: list[tuple[int, ...]]
) -> Terms:
    """Products of the members, and of pairs the squares of their differences too."""
    members = [monomials_of(runs, [e]) for e in family]
    parts = []
    for place in places:
        powers = (front, *(family[k] for k in place))
        parts.append(monomials_of(runs, [added(*powers)]))
        if len(place) == 2 and place[0] != place[1]:
            a, b = (members[k] for k in place)
            square = a.applied("-", b).raised(Fraction(2))
            parts.append(monomials_of(runs, [front]).applied("*", square))
    return Terms.joined(parts)
