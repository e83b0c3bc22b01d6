"""Sparse sums: t = Σ c_k f_k over monomials and monomials times functions, by a wide beam.

Every pair of a short library, then beams: for each set that is kept, one matrix product gives the
gain of every further term exactly (the term's part outside the span of the set).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import Arguments
from dimgs.engines.structured.monomials import Monomials, short_monomials
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import ONE, Mono, Number, Product, Sum, Tree

Array = NDArray[np.float64]
Picked = tuple[int, ...]
_DEPENDENT = 1e-9
_EXACT = 1e-20


@dataclass(frozen=True, eq=False)
class Library:
    """Terms that a sum may have.

    Parameters
    ----------
    trees : tuple of Tree
    values : ndarray of shape (n_runs, n_terms)
    """

    trees: tuple[Tree, ...]
    values: Array

    @classmethod
    def of_monomials(cls, found: Monomials) -> "Library":
        """Monomials, the constant among them."""
        trees = tuple(Mono(e) if any(e) else ONE for e in found.exponents)
        return cls(trees, found.values)

    @classmethod
    def of_arguments(cls, found: Arguments) -> "Library":
        """Any trees without free constants."""
        return cls(found.trees, found.values)

    def __add__(self, other: "Library") -> "Library":
        return Library(self.trees + other.trees, np.column_stack([self.values, other.values]))


@dataclass(eq=False)
class Sums:
    """Searches of sums for one problem."""

    runs: Runs

    def monomials(self, target: Target, archive: Archive) -> None:
        """Sums of up to seven short monomials."""
        found = short_monomials(self.runs, 400, power=target.power, halves=True)
        self.search(Library.of_monomials(found), target, archive, widths=(400, 150, 100, 60, 60, 40, 40, 30))

    def search(
        self, library: Library, target: Target, archive: Archive, widths: tuple[int, ...]
    ) -> None:
        """Beam search, a width for each number of terms; the best of each number are fitted."""
        with np.errstate(all="ignore"):
            root = np.sqrt(self.runs.weights) / (target.slope * self.runs.size)
            t = root * target.values
            F = library.values * root[:, None]
        good = np.isfinite(t).all() and np.any(t)
        if not good:
            return
        size = np.sqrt((F**2).sum(axis=0))
        kept = np.nonzero(np.isfinite(size) & (size > 0))[0]
        F = F[:, kept] / size[kept]
        t = t / np.sqrt(float(t @ t))
        beam: list[Picked] = [()]
        for width in widths:
            archive.check()
            scored = _extended(F, t, beam, width)
            beam = [picked for _, picked in scored]
            exact = scored[0][0] < _EXACT * 1e4
            for _, picked in scored[: 3 if exact else 8]:
                self._try(library, target, [int(kept[i]) for i in picked], archive)
            if exact or archive.exact:
                return

    def _try(self, library: Library, target: Target, picked: list[int], archive: Archive) -> None:
        root = np.sqrt(self.runs.weights) / (target.slope * self.runs.size)
        A = library.values[:, picked] * root[:, None]
        scale = np.sqrt((A**2).sum(axis=0))
        c = np.linalg.lstsq(A / scale, target.values * root, rcond=None)[0] / scale
        terms = []
        for value, i in zip(c, picked, strict=True):
            tree = library.trees[i]
            terms.append(Number(float(value)) if tree == ONE else Product((Number(float(value)), tree)))
        archive.add(target.back(Sum(tuple(terms)) if len(terms) > 1 else terms[0]))


def _extended(F: Array, t: Array, beam: list[Picked], width: int) -> list[tuple[float, Picked]]:
    """Best supersets with one more term each, with their relative residual sums of squares."""
    best: dict[Picked, float] = {}
    step = max(1, 2_000_000 // (F.shape[1] * max(len(beam[0]), 1)))
    keep = 3 * width
    for start in range(0, len(beam), step):
        for picked, gains, left in _gains(F, t, beam[start : start + step]):
            many = min(12 if len(picked) else width, len(gains))
            top = np.argpartition(-gains, many - 1)[:many]
            for i in top:
                key = tuple(sorted((*picked, int(i))))
                value = max(left - float(gains[i]), 0.0)
                if value < best.get(key, np.inf):
                    best[key] = value
        if len(best) > 8 * keep:
            best = dict(sorted(best.items(), key=lambda item: (item[1], item[0]))[:keep])
    ordered = sorted((value, key) for key, value in best.items())
    return ordered[:width]


def _gains(F: Array, t: Array, part: list[Picked]) -> list[tuple[Picked, Array, float]]:
    depth = len(part[0])
    if depth == 0:
        return [((), (F.T @ t) ** 2, float(t @ t))]
    A = F.T[np.array(part)]
    Q = np.linalg.qr(A.transpose(0, 2, 1))[0]
    rest = t - np.einsum("bmd,bd->bm", Q, np.einsum("bmd,m->bd", Q, t))
    rest = rest - np.einsum("bmd,bd->bm", Q, np.einsum("bmd,bm->bd", Q, rest))
    overlap = (F.T @ Q.transpose(1, 0, 2).reshape(F.shape[0], -1)).reshape(F.shape[1], -1, depth)
    outside = 1 - (overlap**2).sum(axis=2)
    along = F.T @ rest.T
    gains = np.where(outside > _DEPENDENT, along**2 / np.maximum(outside, _DEPENDENT), 0.0)
    left = (rest**2).sum(axis=1)
    return [(part[b], gains[:, b], float(left[b])) for b in range(len(part))]
