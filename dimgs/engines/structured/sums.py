"""Sparse relations: t = Σ c_k f_k, t Σ d_k m_k = Σ c_k f_k, and t² = Σ c_k f_k + t Σ d_k m_k.

Terms f are monomials m, and monomials times functions of an argument.

The last of these relations gives roots of quadratic equations: t = h ± √(h² + g), where h and g are
sums. The radicand is multiplied out if it is short then: (a + b)² - 4 a b is the square of a
difference.
Dissociation and recombination, reactors of second order, principal stresses, conjugate depths; with
t = y² also nested roots, such as those of waves in lossy media.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from dimgs.common.arrays import Array
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.columns import Terms, differences, plain, short_monomials
from dimgs.engines.structured.refine import is_angle, projected
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.select import (
    EXACT,
    Picked,
    eliminated,
    extended,
    orthonormal,
    solved_terms,
)
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import (
    FUNCTIONS,
    MINUS,
    ONE,
    RAMP,
    Call,
    Exponents,
    Mono,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    added,
    exact,
    monomial,
    nodes,
    plus,
    times,
)

# multiples of arguments, with their cost in units of one more variable in a monomial
_HALF, _TWO, _TURN = exact(Fraction(1, 2)), exact(2), Number(2 * np.pi, "2*pi")
_SCALES = ((ONE, 0.0), (_HALF, 1.5), (_TWO, 1.5), (_TURN, 3.0))
# cost of 1/u beside u as an argument, where u is no longer than that
_INVERSE, _INVERTED = 1.5, 1.5
# functions of -u are others than those of u
_ONE_SIDED = ("exp", "expm1", "log1p")
# powers of 1 ± u, with their cost
_POWERS = (
    (Fraction(1), 0.0),
    (Fraction(-1), 0.5),
    (Fraction(2), 0.5),
    (Fraction(1, 2), 0.5),
    (Fraction(-1, 2), 0.5),
    (Fraction(-2), 1.0),
)
Weighted = list[tuple[float, Tree]]
# widths of the beam for each number of terms: of the response itself, of its powers, of functions
_LONG = (300, 150, 100, 60, 60, 40, 40)
_MEDIUM = (200, 100, 60, 40, 30)
_WITH_FUNCTIONS = (100, 60, 40, 30)
# monomials in front of functions, and products of both: with a quarter of them and a beam three
# times as wide, which takes as long, t_1 cos² + t_2 sin² is lost
_OUTER, _COLUMNS = 80, 6000
# differences that are squared, monomials beside them, and widths of the beam
_SQUARES, _BESIDE_SQUARES, _OF_DISTANCES = 100, 30, (100, 100, 60, 40, 30)
# monomials of a span: of ratios without a function, beside the response and times it; beside a
# function, times it, and times the response: as many as 120 runs distinguish, of fewer a share
_SPAN, _FREE_RUNS = (40, 24, 20, 8, 8), 0.67 / 80
# functions of several arguments at once, and how many arguments
_NAMES, _ARGUMENTS = ("log", "exp", "sin", "cos", "log1p", "tanh"), 6
# functions of angles and of their multiples, and how many angles at once; columns for each run, and
# spans of the least variance of the residuals, of which terms are sought
_OF_ANGLES, _MULTIPLES, _ANGLES, _ANGLES_SHARE = ("sin", "cos", "tan"), (ONE, _TWO), 3, 0.67
_SPANS_OF_ANGLES = 2
# functions that are tried, and at a time, which bounds the memory; spans of which terms are sought,
# and widths of the beam there
_FUNCTIONS, _CHUNK, _SPANS, _OF_SPANS = 1500, 100, 4, (40, 60, 60, 40, 40, 30)
# shortest terms of which every pair is kept, as two terms that cancel explain nothing alone
_PAIRED = 28
# monomials of the dimension of the square, and of the response: as many as of ratios of sums
_FREE, _HELD = 120, 60
# the shortest of both, of which all but a few are eliminated: no more than a third of the runs
_FEW_FREE, _FEW_HELD = 24, 12
# widths of the beam for each number of terms of a square
_OF_SQUARES = (200, 150, 100, 40)
# terms before the root of one group and of several, as of two stresses and a shear, or of a
# substance that binds another one; and under it: more follow any smooth law of one group to the
# precision of the numbers
_MOST_OUTSIDE, _MOST_INSIDE = (2, 3), 4
# relative size of a coefficient of the radicand that cancels
_CANCELLED = 1e-7
# of the rms of the response: below it the errors of a square do not shrink any further
_LEAST_ROOT = 0.1


def times_functions(outer: Terms, bare: Terms, count: int) -> Terms:
    """Monomials times functions, the cheapest first."""
    return replace(outer, cost=outer.cost - outer.cost.min(initial=np.inf)).crossed(bare, count)


def _ratio_of(free: Weighted, held: Weighted) -> Tree | None:
    """Solution of t = Σ c f + t Σ d m."""
    if not free:
        return None
    total = plus(*(times(Number(value), tree) for value, tree in free))
    if not held:
        return total
    lower = tuple(Product((Number(-value), tree)) for value, tree in held)
    return Product((total, Power(Sum((ONE, *lower)), Fraction(-1))))


class Relation(NamedTuple):
    """Terms of which the few are sought that a target is a sum of.

    Parameters
    ----------
    library : Terms
    target : Target
    above : int or None
        Terms from this one on hold the response.
    solved : callable
        The law of the terms without the response and of those with it, each with its number.
    """

    library: Terms
    target: Target
    above: int | None = None
    solved: Callable[[Weighted, Weighted], Tree | None] = _ratio_of


@dataclass(eq=False)
class Sums:
    """Searches of sums for one problem."""

    runs: Runs

    @cached_property
    def bare(self) -> Terms:
        """Functions of short arguments, without a monomial in front, the cheapest first."""
        runs = self.runs
        monomials = plain(runs, 24)
        arguments = monomials + differences(runs, 40)
        downward = np.array([sum(e) < 0 for e in arguments.exponents], dtype=bool)
        inverse = downward & (arguments.cost < _INVERTED)
        arguments = replace(arguments, cost=arguments.cost + _INVERSE * inverse)
        upright = [next(x for x in e if x) > 0 for e in monomials.exponents]
        upward, parts = monomials.take(np.flatnonzero(upright)), []
        with np.errstate(all="ignore"):
            for scale in _SCALES:
                scaled = arguments.scaled(*scale)
                for name, entry in FUNCTIONS.items():
                    if scale[0] != ONE and not (entry.periodic and name != "tan"):
                        continue
                    rare = 0.25 * entry.bits
                    called = scaled.applied(name, more=rare)
                    if name == RAMP:
                        called = called.take(np.flatnonzero(np.any(called.values == 0, axis=0)))
                        parts += [called.raised(Fraction(p), 0.5) for p in ("3/2", "2")]
                    parts.append(called)
                    if name in _ONE_SIDED:
                        parts.append(scaled.applied("neg").applied(name, more=rare + 0.5))
                    if name in ("sin", "cos"):
                        parts.append(called.raised(Fraction(2), 0.5))
            for scale in _SCALES[:3]:
                for sign in ("-", "+"):
                    base = upward.scaled(*scale).from_one(sign)
                    parts += [base.raised(power, rare) for power, rare in _POWERS]
        whole = Terms.joined(parts).finite()
        return whole.take(np.argsort(whole.cost, kind="stable"))

    def monomials(self, target: Target, archive: Archive, widths: Sequence[int] = ()) -> None:
        """Sums of short monomials, up to seven by default."""
        widths = widths or (_LONG if target.name == "y" else _MEDIUM)
        library = target.monomials(self.runs, 300, halves=True)
        self.search(Relation(library, target), archive, widths)

    def functions(self, target: Target, archive: Archive) -> None:
        """Sums of monomials and of monomials times functions."""
        short = target.monomials(self.runs, 120, halves=True)
        outer = target.monomials(self.runs, _OUTER, halves=True)
        library = short + times_functions(outer, self.bare, _COLUMNS)
        self.search(Relation(library, target), archive, _WITH_FUNCTIONS)

    def squares(self, target: Target, archive: Archive) -> None:
        """Sums of squares of differences, and of monomials beside them: distances and norms."""
        short = target.monomials(self.runs, _BESIDE_SQUARES)
        apart = differences(self.runs, _SQUARES, signs=("-",), power=target.power / 2)
        squares = apart.raised(Fraction(2))
        # by themselves first: pairs with monomials follow noisy runs better than two of three do
        for library in archive.until_exact((squares, short + squares)):
            self.search(Relation(library, target), archive, _OF_DISTANCES)

    def ratios(self, target: Target, archive: Archive) -> None:
        """Ratios of sums of monomials, some of them times functions.

        Such a law lies in the span of all short monomials, of them times the functions, and of both
        times the response. Where no term explains much alone, the few terms of the law are what
        backward elimination leaves of the whole span.
        """
        share = min(1.0, _FREE_RUNS * self.runs.n_runs)
        upper, lower, outer, inner, below = (int(share * count) or 1 for count in _SPAN)
        free, short = target.monomials(self.runs, upper), short_monomials(self.runs, lower + 1)
        others = short.take(np.flatnonzero([tree != ONE for tree in short.trees]))
        held = others.times(ONE, target.values)
        self.eliminate(Relation(free + held, target, len(free)), archive)
        few, arguments = free.first(inner), plain(self.runs, _ARGUMENTS, both_signs=False)
        for name in archive.until_exact(_NAMES):
            several = few.crossed(arguments.applied(name).finite(), upper)
            self._within(target, archive, free.first(outer) + several, held.first(below))
        itself = Terms((ONE,), np.zeros(1), target.values[:, None])
        beside, both = free.first(outer) + held.first(below), few + itself + held.first(inner)
        for k in archive.until_exact(self._best_functions(target, beside, both, archive)):
            inside = both.times(self.bare.trees[k], self.bare.values[:, k])
            above = free.first(outer) + inside.first(len(few))
            rest = held.first(below) + inside.take(np.arange(len(few), len(both)))
            self._within(target, archive, above, rest)

    def _within(self, target: Target, archive: Archive, above: Terms, below: Terms) -> None:
        """Search the few terms of a span."""
        relation = Relation(above + below, target, len(above))
        self.eliminate(relation, archive)
        if not archive.exact:
            self.search(relation, archive, _OF_SPANS)

    def _best_functions(
        self, target: Target, beside: Terms, inside: Terms, archive: Archive
    ) -> list[int]:
        """Functions that explain most together with the terms that they are multiplied with.

        References
        ----------
        G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed. (2013), section 5.3.
        """
        root = target.root(self.runs)
        A, B, t = root[:, None] * beside.values, root[:, None] * inside.values, root * target.values
        # t = t/(1 + u) + t u/(1 + u) for any t
        places = [k for k, tree in enumerate(self.bare.trees) if any(_calls(tree))][:_FUNCTIONS]
        if not all(np.all(np.isfinite(x)) for x in (A, B, t)):
            return []
        base, left = orthonormal(A), np.zeros(0)
        for at in range(0, len(places), _CHUNK):
            archive.check()
            blocks = self.bare.values[:, places[at : at + _CHUNK]].T[:, :, None] * B
            left = np.r_[left, (projected(t, blocks, base=base).residuals ** 2).sum(axis=1)]
        return [places[k] for k in np.argsort(left, kind="stable")[:_SPANS]]

    def angles(self, target: Target, archive: Archive) -> None:
        """Sums of products of functions of several angles, as in spherical triangles.

        All products make one span, of which few are left. A beam does not find them: most smooth
        columns follow the response better than each of them alone.
        """
        runs, most = self.runs, int(_ANGLES_SHARE * self.runs.n_runs)
        short, outer = plain(runs, 2 * _PAIRED), target.monomials(runs, _SPAN[0])
        angles = [
            (short.take(np.array([k])), np.array(e, dtype=bool))
            for k, e in enumerate(short.exponents)
            if sum(map(abs, e)) == 1
            and is_angle(short.trees[k], runs)
            and (runs.shape @ np.array(e, dtype=float)).sum() > 0
        ]
        one, root = Terms((ONE,), np.zeros(1), np.ones((runs.n_runs, 1))), target.root(runs)
        several = [c for n in range(1, _ANGLES + 1) for c in combinations(angles, n)]
        spans: list[tuple[float, int, Terms]] = []
        for chosen, scale in product(several, _MULTIPLES):
            archive.check()
            inside = np.any([group for _, group in chosen], axis=0)
            apart = [not np.any(np.array(e, dtype=bool)[inside]) for e in outer.exponents]
            names = _OF_ANGLES[: 3 if 2 * 4 ** len(chosen) <= most else 2]
            span = outer.take(np.flatnonzero(apart)).first(most // (1 + len(names)) ** len(chosen))
            for angle, _ in chosen:
                called = [angle.scaled(scale).applied(name, more=1.0) for name in names]
                span = span.crossed(Terms.joined([one, *called]), most)
            A, t = root[:, None] * span.values, root * target.values
            if len(span) and np.all(np.isfinite(A)) and np.all(np.isfinite(t)):
                base = orthonormal(A)
                left = float(np.sum((t - base @ (base.T @ t)) ** 2)) / (len(t) - base.shape[1])
                spans.append((left, len(spans), span))
        relations = [Relation(span, target) for *_, span in sorted(spans, key=lambda x: x[:2])]
        for relation in archive.until_exact(relations):
            self.eliminate(relation, archive)
        for relation in archive.until_exact(relations[:_SPANS_OF_ANGLES]):
            self.search(relation, archive, _OF_SPANS)

    def roots(self, target: Target, archive: Archive) -> None:
        """Roots of quadratic equations, t² = Σ c m + t Σ d m."""
        square = _squared(target)
        free = square.monomials(self.runs, _FREE, halves=True)
        held = target.monomials(self.runs, _HELD).times(ONE, target.values)
        solved = partial(_root_of, self.runs, target.at)
        few = free.first(min(_FEW_FREE, self.runs.n_runs // 4))
        short = few + held.first(min(_FEW_HELD, self.runs.n_runs // 8))
        # terms of the two sums cancel each other, so that the shortest are tried together first
        self.eliminate(Relation(short, square, len(few), solved), archive)
        if not archive.exact:
            self.search(Relation(free + held, square, len(free), solved), archive, _OF_SQUARES)

    def search(self, relation: Relation, archive: Archive, widths: Sequence[int]) -> None:
        """Beam search, a width for each number of terms; the best of each number are fitted.

        Every pair of the first terms of the library, the shortest, is kept beside the beam.
        """
        library, target = relation.library, relation.target
        with np.errstate(all="ignore"):
            root = target.root(self.runs)
            t = root * target.values
            F = library.values * root[:, None]
            size = np.sqrt((F**2).sum(axis=0))
        kept = np.nonzero(np.isfinite(size) & (size > 0))[0]
        if not np.isfinite(t).all() or not np.any(t) or not len(kept):
            return
        F = F[:, kept] / size[kept]
        t = t / np.sqrt(float(t @ t))
        beam: list[Picked] = [()]
        few, bits = np.nonzero(kept < _PAIRED)[0], np.log2(kept + 2.0)
        for depth, width in enumerate(widths, start=1):
            archive.check()
            further = extended(F, t, beam, width, bits)
            if not further:
                return
            beam, exact = list(further), min(further.values()) < EXACT
            for picked in beam[: 3 if exact else 6]:
                places = [int(kept[i]) for i in picked]
                self.fit(relation, places, archive)
            if exact or archive.exact:
                return
            if depth == 2:
                short = [(int(i), int(j)) for n, j in enumerate(few) for i in few[:n]]
                beam = list(dict.fromkeys([*beam, *short]))

    def eliminate(self, relation: Relation, archive: Archive) -> None:
        """Fit what backward elimination leaves of a few terms, which may cancel."""
        target = relation.target
        with np.errstate(all="ignore"):
            root = target.root(self.runs)
            A, t = relation.library.values * root[:, None], target.values * root
        if np.all(np.isfinite(A)) and np.all(np.isfinite(t)):
            for picked in eliminated(A, t):
                self.fit(relation, picked, archive)

    def fit(self, relation: Relation, picked: list[int], archive: Archive) -> None:
        """Fit the law of the picked terms."""
        library, target, above, solved = relation
        root = target.root(self.runs)
        A = library.values[:, picked] * root[:, None]
        t = target.values * root
        terms = [(picked[k], value) for k, value in solved_terms(A, t)]
        first = len(library) if above is None else above
        free = [(value, library.trees[i]) for i, value in terms if i < first]
        held = [(value, library.trees[i]) for i, value in terms if i >= first]

        def is_added(free: Weighted) -> bool:
            law = solved(free, held)
            return law is not None and archive.add(target.back(law)) is not None

        if not is_added(free) and above is None:
            # a root of what nearly vanishes is not real in noise, but with halves it may be
            halves = ((float(np.round(2 * value)) / 2, tree) for value, tree in free)
            is_added([(half, tree) for half, tree in halves if half])


def _calls(tree: Tree) -> Iterator[bool]:
    return (isinstance(part, Call) for part in nodes(tree))


def _squared(target: Target) -> Target:
    """The square of a target, of which the root is taken by the law itself."""
    floor = _LEAST_ROOT * float(np.sqrt(np.mean(target.at**2)))
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
    if not 0 < len(held) <= _MOST_OUTSIDE[runs.n_groups > 1]:
        return None
    half = {_exponents(tree, runs): value / 2 for value, tree in held}
    inside = {_exponents(tree, runs): value for value, tree in free}
    parts: dict[Exponents, float] = {e: abs(value) for e, value in inside.items()}
    for (first, a), (second, b) in product(half.items(), repeat=2):
        exponents = added(first, second)
        inside[exponents] = inside.get(exponents, 0.0) + a * b
        parts[exponents] = parts.get(exponents, 0.0) + abs(a * b)
    left = {e: value for e, value in inside.items() if abs(value) > _CANCELLED * parts[e]}
    outside, radicand = _terms_of(half), _terms_of(left)
    if len(radicand) > _MOST_INSIDE:
        given = (times(Number(value), tree) for value, tree in free)
        radicand = [*given, Power(plus(*outside), Fraction(2))]
    if not 0 < len(radicand) <= _MOST_INSIDE:
        return None
    middle = sum(value * runs.monomial(e) for e, value in half.items())
    upper = float(np.median(at - middle)) > 0
    root = Power(plus(*radicand), Fraction(1, 2))
    return Sum((*outside, root if upper else Product((MINUS, root))))


def _terms_of(total: Mapping[Exponents, float]) -> list[Tree]:
    return [times(Number(value), monomial(e)) for e, value in total.items()]


def _exponents(tree: Tree, runs: Runs) -> Exponents:
    return tree.exponents if isinstance(tree, Mono) else (Fraction(0),) * runs.n_groups
