"""A power law times a power of a sum of three terms with simple coefficients: t = m (1 + u + v)^b.

Distances, norms, laws of cosines and balances of three effects. In the logarithm a sum is one known
column; its share in the residual of the power law takes one inner product, and every power of it is
then free of cost, so that all sums of short terms are compared, some hundred thousands of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from dimgs.common.arrays import Array
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import (
    differences,
    modulated,
    plain,
    short_monomials,
)
from dimgs.engines.structured.columns import weighted
from dimgs.engines.structured.description import (
    OPERATOR,
    SIGN_BITS,
    simple_number,
    structure_bits,
)
from dimgs.engines.structured.factor_search import FactorSearch
from dimgs.engines.structured.grammar import Terms, cheapest
from dimgs.engines.structured.model import power_basis, squares_bits
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import ONE, Product, Sum, Tree, powered
from dimgs.groups.rationals import exponent_bits

# monomials u and v of 1 + u + v; arguments of functions in v and how many such v; ratios of squared
# distances and their monomials: some hundred thousand sums in all, in half a second
_FIRST, _SECOND, _ANGLES, _MODULATED, _SQUARES, _MOVED = 70, 70, 8, 400, 12, 40
# functions of angles in them
_NAMES = ("cos", "sin", "exp")
_SCALES = tuple(map(simple_number, ("1", "2", "1/2")))
_POWERS = tuple(Fraction(*x) for x in ((1, 1), (-1, 1), (1, 2), (-1, 2), (2, 1), (-2, 1)))
# sums of each head, and in all, that are fitted
_EACH, _KEPT = 6, 60


@dataclass(frozen=True, order=True)
class Trinomial:
    """A sum of a head and a tail: its score, its block, its places there, and the coefficient."""

    score: float
    block: int
    head: int
    tail: int
    scale: int
    sign: float


class Trinomials:
    """All sums of one problem.

    Parameters
    ----------
    runs : Runs
    """

    def __init__(self, runs: Runs) -> None:
        self.runs, self.root = runs, runs.log_root
        self.base = power_basis(runs, self.root)
        angles = plain(runs, _ANGLES) + differences(runs, _ANGLES, signs=("-",))
        tails = plain(runs, _SECOND) + modulated(runs, angles, _MODULATED, _NAMES)
        self.blocks = (
            (_one_plus(_priced(runs, plain(runs, _FIRST))), _priced(runs, tails)),
            (_priced(runs, _squares(runs, 1)), _priced(runs, _squares(runs, _MOVED))),
        )

    @np.errstate(all="ignore")
    def search(self, target: Target, archive: Archive) -> None:
        """Fit the best sums for a target."""
        t = weighted(target.logs, self.root)
        if not np.all(np.isfinite(t)):
            return
        e = t - self.base @ (self.base.T @ t)
        chosen: list[Trinomial] = []
        for block, (heads, _) in enumerate(self.blocks):
            for head in range(len(heads.trees)):
                archive.check()
                chosen += self._sums(block, head, e)
        sums = list(self._apart(sorted(chosen), e))
        if sums:
            trees, values = zip(*sums, strict=True)
            terms = Terms(trees, np.zeros(len(trees)), np.column_stack(values))
            FactorSearch.over(self.runs, terms).search([target], archive, 1)

    def _sums(self, block: int, head: int, e: Array) -> Iterator[Trinomial]:
        """The best sums with one head."""
        heads, tails = self.blocks[block]
        prices = heads.cost[head] + OPERATOR + tails.cost
        for scale, number in enumerate(_SCALES):
            for sign in (1.0, -1.0):
                s = heads.values[:, head, None] + sign * number.value * tails.values
                bits = self._bits(s, e) + prices + number.bits + SIGN_BITS * (sign < 0)
                for k in cheapest(bits, _EACH):
                    if np.isfinite(bits[k]):
                        yield Trinomial(float(bits[k]), block, head, int(k), scale, sign)

    def _bits(self, s: Array, e: Array) -> Array:
        """Bits of the runs and of the exponent, for the best power of each column."""
        D = weighted(np.log(np.abs(s)), self.root).T.astype(np.float32)
        products = D @ np.column_stack([self.base, e]).astype(np.float32)
        square = np.einsum("ij,ij->i", D, D) - (products[:, :-1] ** 2).sum(axis=1)
        along, n, best = products[:, -1], self.runs.n_runs, np.full(len(D), np.inf)
        for power in _POWERS:
            b = float(power)
            squares = float(e @ e) - 2 * b * along + b**2 * square
            more = 0.0 if b == 1 else OPERATOR + exponent_bits(abs(b))
            best = np.fmin(best, squares_bits(squares, n) + more)
        return best

    def _apart(self, chosen: list[Trinomial], e: Array) -> Iterator[tuple[Tree, Array]]:
        """Sums that differ by more than a monomial, the best first."""
        seen: set[float] = set()
        for choice in chosen:
            if len(seen) == _KEPT:
                return
            heads, tails = self.blocks[choice.block]
            number = _SCALES[choice.scale]
            tail = choice.sign * number.value * tails.values[:, choice.tail]
            value = heads.values[:, choice.head] + tail
            key = round(float(self._bits(value[:, None], e)[0]), 3)
            if key not in seen:
                seen.add(key)
                signed, tree = number.signed(choice.sign), tails.trees[choice.tail]
                second = tree if signed == ONE else Product((signed, tree))
                yield _flat(heads.trees[choice.head], second), value


def _priced(runs: Runs, terms: Terms) -> Terms:
    """With bits as their cost."""
    return replace(terms, cost=np.array([structure_bits(t, runs) for t in terms.trees]))


def _squares(runs: Runs, count: int) -> Terms:
    """Squares of short monomials times (1 - r)², r a ratio of two variables: squared distances."""
    monomials = short_monomials(runs, count)
    trees = tuple(powered(t, Fraction(2)) if t != ONE else t for t in monomials.trees)
    squared = replace(monomials, trees=trees, values=monomials.values**2)
    ratios = plain(runs, _SQUARES, both_signs=False)
    apart = replace(ratios, cost=0 * ratios.cost).from_one("-").raised(Fraction(2))
    return squared.crossed(apart, len(squared) * len(apart))


def _one_plus(terms: Terms) -> Terms:
    """1 + u and 1 - u."""
    return terms.from_one("+", OPERATOR) + terms.from_one("-", OPERATOR + SIGN_BITS)


def _flat(head: Tree, tail: Tree) -> Tree:
    return Sum((*head.terms, tail)) if isinstance(head, Sum) else Sum((head, tail))
