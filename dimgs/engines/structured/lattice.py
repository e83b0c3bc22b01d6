"""Power law times factors with simple constants and simple powers: all pairs of a dictionary.

In the logarithm such a law is a power law plus a sum of known columns, without any coefficient to
be fitted: log|t| = a0 + Σ a_k log pi_k + d_i + d_j. With the power law projected out, the residual
sum of squares of every pair follows from one matrix of inner products, and that of triples from
some of its rows. In noise this finds what a search with free constants does not: among many
families that can be bent to fit, the one that fits with nothing to bend.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import Arguments
from dimgs.engines.structured.columns import EXPONENTIAL, ITSELF, weighted
from dimgs.engines.structured.dictionary import Dictionary
from dimgs.engines.structured.model import Model, power_basis
from dimgs.engines.structured.naturals import natural
from dimgs.engines.structured.rounding import (
    DENOMINATORS,
    LARGEST,
    State,
    natural_prefactor,
    tree_of,
)
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
_SIZE, _ROWS, _WIDTH, _BEST = 24000, 3000, 6000, 500
_ROUNDED, _FITTED, _GROWN, _BRANCHES = 1500, 80, 150, 10
_BLOCK = 400
_TINY = 1e-20
_ERRORS = 3.0
_AIMS, _FEW = 4, 6000
_SEEN = 0.25


@dataclass(frozen=True, eq=False)
class Lattice:
    """Search over the columns of a dictionary.

    Parameters
    ----------
    runs : Runs
    arguments : Arguments
    root : ndarray of shape (n_runs,)
        Square roots of the weights of the logarithm.
    base : ndarray of shape (n_runs, r)
        Orthonormal basis of the weighted power law.
    columns : Dictionary
    """

    runs: Runs
    arguments: Arguments
    root: Array
    base: Array
    columns: Dictionary

    @classmethod
    def over(cls, runs: Runs, arguments: Arguments, size: int = _SIZE) -> "Lattice":
        """With the cheapest columns over the given arguments."""
        base = power_basis(runs, runs.log_root)
        columns = Dictionary.of(runs, arguments, base, size)
        return cls(runs, arguments, runs.log_root, base, columns)

    def search(self, targets: list[Target], archive: Archive, most: int = 3) -> None:
        """One, two and three factors; of many targets, two for those that one suits best."""
        ranked: list[tuple[float, int]] = []
        for k, target in enumerate(targets):
            aimed = self._aimed(target)
            if aimed is None:
                continue
            left = aimed.whole + aimed.gain
            singles = np.arange(len(left))[:, None]
            count = _FITTED if k == 0 else _FITTED // 3
            aimed.lattice._fit(singles, left, aimed, archive, count)
            ranked.append((float((self._data(left) + aimed.lattice.columns.bits).min()), k))
            if archive.exact:
                return
        for _, k in sorted(ranked)[:_AIMS] if most > 1 else []:
            aimed = self._aimed(targets[k])
            if aimed is not None:
                aimed.lattice._several(aimed, archive, most)
            if archive.exact:
                return

    def _aimed(self, target: Target) -> "_Aimed | None":
        """What is needed for one target; None where its logarithm fails."""
        root = target.log_root(self.runs)
        with np.errstate(all="ignore"):
            t = weighted(np.log(np.abs(target.values)), root)
        enough = np.count_nonzero(root) > _SEEN * self.runs.n_runs
        if not len(self.columns.bits) or not enough or not np.all(np.isfinite(t)):
            return None
        lattice = self
        if not np.allclose(root, self.root, rtol=1e-6):
            base = power_basis(self.runs, root)
            columns = self.columns.shortest(_FEW).projected_off(base, root)
            lattice = replace(self, root=root, base=base, columns=columns)
        e = t - lattice.base @ (lattice.base.T @ t)
        P = lattice.columns.projected
        gain = (P**2).sum(axis=1) - 2 * (P @ e.astype(np.float32))
        return _Aimed(lattice, target, t, gain, float(e @ e))

    def _several(self, aimed: "_Aimed", archive: Archive, most: int) -> None:
        pairs, left = self._pairs(aimed.gain, aimed.whole, archive)
        self._fit(pairs, left, aimed, archive, _FITTED)
        if archive.exact or most < 3 or not len(pairs):
            return
        triples, left = self._triples(pairs[:_GROWN], left, aimed.gain, archive)
        self._fit(triples, left, aimed, archive, _FITTED // 2)

    def _data(self, squares: Array) -> Array:
        n = self.runs.n_runs
        return np.asarray(0.5 * n * np.log2(np.maximum(squares, 0) / n + _TINY))

    def _pairs(self, gain: Array, whole: float, archive: Archive) -> tuple[Integers, Array]:
        """Pairs of the fewest bits, and their squares.

        Short columns are paired with each other, and the best ones, however long, with short ones.
        """
        P, own = self.columns.projected, self.columns.bits
        longer = np.exp2(2 * (own - own[0]) / self.runs.n_runs).astype(np.float32)
        alone = np.argsort(np.maximum(whole + gain, 0) * longer, kind="stable")[:_BEST]
        rows = np.union1d(np.arange(min(_ROWS, len(own))), alone)
        width = min(_WIDTH, len(own))
        change, best = gain.astype(np.float32), []
        for start in range(0, len(rows), _BLOCK):
            archive.check()
            i = rows[start : start + _BLOCK]
            left = (2 * P[i]) @ P[:width].T
            left += (change[i] + np.float32(whole))[:, None]
            left += change[None, :width]
            left[np.arange(width)[None, :] >= i[:, None]] = np.inf
            scores = np.maximum(left, np.float32(_TINY))
            scores *= longer[i][:, None]
            scores *= longer[None, :width]
            few = min(_ROUNDED, scores.size) - 1
            order = np.argpartition(scores, few, axis=None)[: few + 1]
            order = order[np.isfinite(scores.ravel()[order])]
            k, j = np.unravel_index(order, scores.shape)
            best.append((scores[k, j], np.column_stack([j, i[k]]), left[k, j]))
        score, pairs, squares = (np.concatenate([b[c] for b in best]) for c in range(3))
        order = np.lexsort((*pairs.T, score))[:_ROUNDED]
        return pairs[order], squares[order].astype(np.float64)

    def _triples(
        self, pairs: Integers, left: Array, gain: Array, archive: Archive
    ) -> tuple[Integers, Array]:
        """The best third columns of the best pairs, and their squares."""
        P, found, rest = self.columns.projected, [], []
        few = min(_BRANCHES, len(gain))
        for (i, j), squares in zip(pairs, left, strict=False):
            archive.check()
            third = squares + gain + 2 * (P @ (P[i] + P[j]))
            bits = self._data(third) + self.columns.bits
            for k in np.argpartition(bits, few - 1)[:few]:
                if k not in (i, j):
                    found.append(sorted((int(i), int(j), int(k))))
                    rest.append(float(third[k]))
        if not found:
            return np.zeros((0, 3), dtype=np.int64), np.zeros(0)
        triples, first = np.unique(np.array(found), axis=0, return_index=True)
        return triples, np.array(rest)[first]

    def _fit(
        self,
        picked: Integers,
        left: Array,
        aimed: "_Aimed",
        archive: Archive,
        count: int,
    ) -> None:
        """Round the power law that goes with each choice, and fit the shortest messages."""
        archive.check()
        if not len(picked):
            return
        own = self.columns.bits[picked].sum(axis=1)
        few = np.argsort(self._data(left) + own, kind="stable")[:_ROUNDED]
        picked, own = picked[few], own[few]
        rest = aimed.t[:, None] - weighted(self.columns.values[picked].sum(axis=1).T, self.root)
        scored: dict[tuple[int, tuple[Fraction, ...]], tuple[float, float]] = {}
        for theta, squares in rounded_power_laws(self.runs, self.root, rest):
            bits = self._data(squares) + own + self._front_bits(theta[1:], aimed.target.power)
            for c in np.argsort(bits, kind="stable")[: 2 * count]:
                front = tuple(Fraction(float(x)).limit_denominator(12) for x in theta[1:, c])
                if max(map(abs, front), default=0) <= LARGEST:
                    scored.setdefault((int(c), front), (float(bits[c]), float(theta[0, c])))
        ordered = sorted(scored.items(), key=lambda item: (item[1][0], item[0]))
        for (c, front), (_, intercept) in ordered[:count]:
            self._try(picked[c], front, intercept, aimed.target, archive)
            if archive.exact:
                return

    def _front_bits(self, exponents: Array, power: float) -> Array:
        """Bits of monomials, one for each column of exponents of the groups."""
        size = np.abs(self.runs.shape @ exponents - power * self.runs.shift[:, None])
        parts = np.full(size.shape, 12.0)
        for q in reversed(DENOMINATORS):
            parts[np.abs(size * q - np.round(size * q)) < 1e-6] = q
        bits = 2.0 + 2 * np.log2(np.maximum(size * parts, 1)) + 2 * np.log2(parts)
        return np.asarray(np.where(size > 1e-9, bits, 0.0).sum(axis=0))

    def _try(
        self,
        picked: Integers,
        front: tuple[Fraction, ...],
        intercept: float,
        target: Target,
        archive: Archive,
    ) -> None:
        forms = [self.columns.form[i] for i in picked]
        places = self.columns.argument[picked]
        c = np.array([form.sign * form.scale.value for form in forms])
        powers = [form.power for form in forms]
        theta = np.array([intercept, *map(float, front), *map(float, powers)])
        model = Model(
            tuple(form.function for form in forms),
            tuple(self.arguments.trees[k] for k in places),
            self.arguments.values[:, places],
            c,
            theta,
        )
        first, exponents, naturals = 1 + len(front), dict(enumerate(front, start=1)), {}
        for k, form in enumerate(forms):
            if form.function == EXPONENTIAL:
                naturals[first + k] = natural(str(abs(form.power)))
            else:
                exponents[first + k] = form.power
        inside = [k for k, f in enumerate(forms) if f.function not in (EXPONENTIAL, ITSELF)]
        naturals |= {len(theta) + i: forms[k].scale for i, k in enumerate(inside)}
        theta = np.concatenate([theta, np.log(np.abs(c[inside]))])
        still = np.zeros((len(theta), len(theta)))
        state = State(theta, still, 0.0, 0.0, naturals, exponents)
        tree = tree_of(model, self.runs, target, state)
        fitted = None if tree is None else archive.add(target.back(tree))
        if fitted is None:
            return
        error = float(np.sqrt(fitted.loss / self.runs.n_runs))
        simple = natural_prefactor(state, _ERRORS * error + 1e-9)
        again = None if simple is None else tree_of(model, self.runs, target, simple)
        if again is not None:
            archive.add(target.back(again))


@dataclass(frozen=True, eq=False)
class _Aimed:
    """A lattice with the weights of a target, log|t|, and what each column adds to its squares."""

    lattice: Lattice
    target: Target
    t: Array
    gain: Array
    whole: float


def rounded_power_laws(runs: Runs, root: Array, t: Array) -> list[tuple[Array, Array]]:
    """Rational power laws of many weighted logarithms at once.

    Parameters
    ----------
    runs : Runs
    root : ndarray of shape (n_runs,)
        Square roots of the weights.
    t : ndarray of shape (n_runs, k)

    Returns
    -------
    list of tuple
        For each denominator [intercept, exponents], shape (1 + n_groups, k), and the sums of
        squares that they leave, shape (k,). The surest exponent is rounded first.
    """
    Z = np.column_stack([np.ones(runs.n_runs), runs.logs]) * root[:, None]
    scale = np.sqrt((Z**2).sum(axis=0)) + 1e-300
    inverse = np.linalg.pinv((Z / scale).T @ (Z / scale), rcond=1e-12, hermitian=True)
    inverse = inverse / np.outer(scale, scale)
    start = inverse @ (Z.T @ t)
    left = ((t - Z @ start) ** 2).sum(axis=0)
    out = []
    for q in DENOMINATORS:
        theta, C, squares = start.copy(), inverse, left
        varied = [1 + k for k in range(runs.n_groups) if runs.logged[k]]
        while varied:
            i = min(varied, key=lambda k: (C[k, k], k))
            varied.remove(i)
            value = np.round(theta[i] * q) / q
            if C[i, i] > 0:
                change = value - theta[i]
                theta = theta + np.outer(C[:, i] / C[i, i], change)
                squares = squares + change**2 / C[i, i]
                C = C - np.outer(C[:, i], C[i]) / C[i, i]
            theta[i] = value
        out.append((theta, squares))
    return out
