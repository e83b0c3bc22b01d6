"""Selection: few of many columns that a response is a sum of, and the inputs that matter.

For each set of columns that is kept, one matrix product gives the gain of every further column
exactly: the square of the response along the part of the column outside the span of the set.
Columns that cancel each other explain nothing one by one; those are left over by elimination.
"""

import numpy as np
from scipy.special import fdtrc

from dimgs.common.arrays import Array, BoolArray, IntArray, basis_of, least_squares, lengths
from dimgs.engines.structured.runs import Runs

Picked = tuple[int, ...]
# share of a column outside the others below which rounding decides, and share of the squares that
# is rounding: nothing is left to add
_DEPENDENT, EXACT = 1e-9, 1e-16
# supersets of each set that are kept: those of a wider beam are nearly the same
_EACH = 30
# relative size of a term that does nothing
_NOTHING = 1e-10
# share of a singular value below which rounding decides, and below which a column adds nothing to a
# span; and columns that are left by elimination at most
_RANK, _SPANNED, _LONGEST = 1e-13, 1e-7, 7


def extended(
    F: Array, t: Array, beam: list[Picked], width: int, bits: Array
) -> dict[Picked, float]:
    """Best supersets with one more term each, with their relative residual sums of squares.

    Best are the shortest messages: of the runs, and of the terms, which cost `bits` each.
    """
    blocks: list[tuple[IntArray, Array, Array]] = []
    many = min(_EACH if beam[0] else width, F.shape[1])
    step = max(1, 2_000_000 // (F.shape[1] * max(len(beam[0]), 1)))
    for start in range(0, len(beam), step):
        part = np.array(beam[start : start + step], dtype=np.int64)
        gains, whole = _gains(F, t, part)
        remaining = np.maximum(whole[:, None] - gains, 0.0)
        length = bits + 0.5 * len(t) * np.log2(remaining + EXACT) + bits[part].sum(axis=1)[:, None]
        length = np.where(gains > 0, length, np.inf)
        best = np.argpartition(length, many - 1, axis=1)[:, :many]
        rows = np.arange(len(part))[:, None]
        picked = np.concatenate([np.repeat(part, many, axis=0), best.reshape(-1, 1)], axis=1)
        numbers = length[rows, best].ravel(), remaining[rows, best].ravel()
        blocks.append((np.sort(picked, axis=1), *numbers))
    index_sets, bit, square = (np.concatenate(x) for x in zip(*blocks, strict=True))
    order = np.lexsort((*index_sets.T[::-1], square, bit))
    order = order[np.isfinite(bit[order])]
    first = np.sort(np.unique(index_sets[order], axis=0, return_index=True)[1])[:width]
    return {tuple(index_sets[k].tolist()): float(square[k]) for k in order[first]}


def _gains(F: Array, t: Array, part: IntArray) -> tuple[Array, Array]:
    """For each set what every further term explains, and what the set leaves."""
    depth = part.shape[1]
    if depth == 0:
        return (F.T @ t)[None, :] ** 2, np.array([t @ t])
    A = F.T[part]
    Q = np.linalg.qr(A.transpose(0, 2, 1))[0]
    rest = t - np.einsum("bmd,bd->bm", Q, np.einsum("bmd,m->bd", Q, t))
    rest = rest - np.einsum("bmd,bd->bm", Q, np.einsum("bmd,bm->bd", Q, rest))
    overlap = (F.T @ Q.transpose(1, 0, 2).reshape(F.shape[0], -1)).reshape(F.shape[1], -1, depth)
    outside = 1 - (overlap**2).sum(axis=2)
    along = F.T @ rest.T
    gains = np.where(outside > _DEPENDENT, along**2 / np.maximum(outside, _DEPENDENT), 0.0)
    return gains.T, np.asarray((rest**2).sum(axis=1))


def eliminated(A: Array, t: Array) -> list[list[int]]:
    """Sets of few columns by backward elimination, for terms that cancel each other.

    Parameters
    ----------
    A : ndarray of shape (n_runs, n_columns)
    t : ndarray of shape (n_runs,)

    Returns
    -------
    list of list of int
        From the longest to a pair.

    References
    ----------
    N. Draper, H. Smith, Applied Regression Analysis, 3rd ed. (1998), chapter 15.
    """
    A = A / lengths(A)
    kept, out = list(range(A.shape[1])), []
    while len(kept) > 2:
        U, s, Vt = np.linalg.svd(A[:, kept], full_matrices=False)
        few = s > _RANK * s[0]
        c = Vt[few].T @ ((U[:, few].T @ t) / s[few])
        variance = ((Vt[few].T / s[few]) ** 2).sum(axis=1)
        loss = c**2 / variance
        drop = max(1, (len(kept) - _LONGEST) // 3)
        gone = set(np.argsort(loss, kind="stable")[:drop].tolist())
        kept = [k for i, k in enumerate(kept) if i not in gone]
        if len(kept) <= _LONGEST:
            out.append(kept)
    return out


def solved_terms(A: Array, t: Array) -> list[tuple[int, float]]:
    """Places of the columns that do something for t, with their coefficients of least squares."""
    c = least_squares(A, t)
    with np.errstate(over="ignore", invalid="ignore"):
        kept = np.abs(c) * np.sqrt((A**2).sum(axis=0)) > _NOTHING * np.sqrt(float(t @ t))
    return [(int(k), float(c[k])) for k in np.flatnonzero(kept)]


def orthonormal(A: Array) -> Array:
    """Orthonormal basis of the span of columns."""
    return basis_of(A / lengths(A), _SPANNED)


# ---- Inputs that matter: backward elimination in a polynomial of second degree of the groups.
#
# The span of the logarithms of the groups without an input does not depend on their basis, and
# neither does the polynomial. An input goes where the others explain the response as well, by an F
# test against the polynomial of all groups.


# chance that an input that plays no part stays: of 84 laws of other fields (100 runs, 1 %) none
# loses an input that it needs, and of three further ones all go in 69; at 0.01 two lose one
_LEVEL = 0.05
# share of the runs that the polynomial may have as terms, as the rest judges it; and share of the
# variance that it may leave: of what it misses, such as a wave, it cannot say what matters
_TERMS, _LEFT = 0.5, 0.2
# singular values of directions and columns below which rounding decides
_RANK_OF_DIRECTIONS = 1e-9


def inputs_that_matter(runs: Runs) -> BoolArray:
    """Mask of the physical variables that the response depends on, those of pi_0 among them.

    Parameters
    ----------
    runs : Runs
    """
    used, width = np.ones(len(runs.shape), dtype=bool), runs.n_groups
    if not width or (width + 1) * (width + 2) / 2 > _TERMS * runs.n_runs:
        return used
    y = np.log(runs.y) if runs.positive else runs.y / runs.size
    left, terms = _left_by_polynomial(runs, used, y)
    variance, dof = float(np.sum((y - y.mean()) ** 2)), runs.n_runs - terms
    if left > _LEFT * variance or not variance:
        return used
    noise = (left + _RANK_OF_DIRECTIONS**2 * variance) / dof
    others = np.flatnonzero(np.abs(runs.shift) < _RANK_OF_DIRECTIONS).tolist()
    free = [k for k in others if k not in runs.must_use]
    while free:
        chances = []
        for k in free:
            without = used & (np.arange(len(used)) != k)
            more, fewer = _left_by_polynomial(runs, without, y)
            restrictions = max(terms - fewer, 1)
            chances.append(
                float(fdtrc(restrictions, dof, max(more - left, 0.0) / restrictions / noise))
            )
        best = int(np.argmax(chances))
        if chances[best] < _LEVEL:
            break
        used[free.pop(best)] = False
    return used


def _left_by_polynomial(runs: Runs, used: BoolArray, y: Array) -> tuple[float, int]:
    """Sum of squares that a polynomial of the groups of some variables leaves, and its terms."""
    _, size, directions = np.linalg.svd(runs.shape[~used])
    Z = (
        np.where(runs.logged, runs.logs, runs.values)
        @ directions[int(np.sum(size > _RANK_OF_DIRECTIONS)) :].T
    )
    Z = (Z - Z.mean(axis=0)) / np.where(Z.std(axis=0) > 0, Z.std(axis=0), 1.0)
    first, second = np.triu_indices(Z.shape[1])
    terms = np.column_stack([np.ones(len(y)), Z, Z[:, first] * Z[:, second]])
    base = basis_of(terms, _RANK_OF_DIRECTIONS)
    return float(np.sum((y - base @ (base.T @ y)) ** 2)), base.shape[1]
