"""Sums of two or three monomials with free exponents: t = Σ a_k Π pi_j^p_kj.

Correlations of transfer, yield stresses, two regimes that add up. The coefficients follow from the
exponents, which are refined from many starting points at once; then they are rounded, the surest
first, the others following.

References
----------
G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413-432; L. Kaufman, BIT 15 (1975) 49-57
(variable projection).
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import combinations

import numpy as np

from dimgs.common.arrays import Array, BoolArray, least_squares
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import short_monomials
from dimgs.engines.structured.model import DENOMINATORS, LARGEST, simplest_exponent
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.sums import NOTHING
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import Exponents, Number, Sum, Tree, monomial, times
from dimgs.fits.nonlinear_least_squares import minimise_squares

# monomials of the starts, starts, steps of each, and fits that are kept
_SHORT, _STARTS, STEPS, _FITTED = 60, 24, 40, 5
# largest exponent of a fit, the relative gain at which it ends, as the rounded laws are fitted
# again, and the difference below which two fits are one
STEEPEST, ENOUGH, _CLOSE, _DEPENDENT = 12.0, 1e-6, 1e-3, 1e-10
# exponents that are not simple are decimals, of as few digits as do
_WITH_DECIMALS = (*DENOMINATORS, 10, 100, 1000)
# decimals in one law: the correlations of transfer and friction have one or two
_MOST_DECIMALS = 2


@np.errstate(all="ignore")
def posynomials(target: Target, archive: Archive, terms: int = 2) -> None:
    """Fit the best sums of that many monomials.

    Parameters
    ----------
    target : Target
    archive : Archive
    terms : int
    """
    runs = archive.runs
    root = target.root(runs)
    t = root * target.values
    enough = runs.n_runs > 2 * terms * (1 + runs.n_groups)
    if not runs.n_groups or not all(runs.logged) or not enough or not np.all(np.isfinite(t)):
        return
    start = _starts(runs, target, root, t, terms)
    if not len(start):
        return
    archive.check()
    solution = minimise_squares(
        partial(_projected, runs.logs, root, t),
        start.reshape(len(start), -1),
        steps=STEPS,
        enough=ENOUGH,
        largest=STEEPEST,
    )
    squares, P = solution.squares, solution.parameters.reshape(start.shape)
    seen: list[Array] = []
    for k in np.argsort(squares, kind="stable"):
        if not np.isfinite(squares[k]) or len(seen) == _FITTED:
            return
        p = P[k][np.lexsort(P[k].T)]
        if any(np.abs(p - q).max() < _CLOSE for q in seen):
            continue
        seen.append(p)
        for tree in rounded_sums(runs, target, p):
            archive.add(target.back(tree))
            if archive.exact:
                return


def _starts(runs: Runs, target: Target, root: Array, t: Array, terms: int) -> Array:
    """Exponents of the best sums of short monomials, shape (n_starts, terms, n_groups)."""
    near = runs.power_law * target.power if target.power else None
    monomials = short_monomials(runs, _SHORT, power=target.power, halves=True, near=near)
    F = monomials.values * root[:, None]
    kept = np.nonzero(np.all(np.isfinite(F), axis=0))[0]
    if len(kept) < terms:
        return np.zeros((0, terms, runs.n_groups))
    F = F[:, kept] / np.sqrt((F[:, kept] ** 2).sum(axis=0))
    G, g = F.T @ F, F.T @ t
    few = min(len(kept), _SHORT if terms == 2 else _SHORT // 2)
    sets = np.array(list(combinations(range(few), terms)))
    blocks = G[sets[:, :, None], sets[:, None, :]] + _DEPENDENT * np.eye(terms)
    gain = np.einsum("sk,sk->s", g[sets], np.linalg.solve(blocks, g[sets][:, :, None])[:, :, 0])
    best = sets[np.argsort(-gain, kind="stable")[:_STARTS]]
    E = np.array([[float(x) for x in monomials.exponents[i]] for i in kept])
    return np.asarray(E[best])


def _projected(Z: Array, root: Array, t: Array, P: Array) -> tuple[Array, Array]:
    """Residuals with the best coefficients, and minus their slopes by the exponents."""
    P = P.reshape(len(P), -1, Z.shape[1])
    M = np.exp(np.einsum("nj,skj->snk", Z, P)) * root[:, None]
    size = np.sqrt((M**2).sum(axis=1, keepdims=True))
    M = np.nan_to_num(M / size)
    Q, R = np.linalg.qr(M)
    R = R + _DEPENDENT * np.eye(R.shape[1])
    along = np.einsum("snk,n->sk", Q, t)
    a = np.linalg.solve(R, along[:, :, None])[:, :, 0]
    e = t - np.einsum("snk,sk->sn", Q, along)
    J = (M * a[:, None, :])[:, :, :, None] * Z[None, :, None, :]
    J = J.reshape(len(P), len(t), -1)
    J = J - Q @ np.einsum("snk,snp->skp", Q, J)
    return e, J


def rounded_sums(runs: Runs, target: Target, p: Array) -> Iterator[Tree]:
    """Sums of monomials near those of the exponents p, with rational ones.

    Exponents of every denominator; at last each with the smallest denominator that its error
    allows, or as a decimal.

    Parameters
    ----------
    runs : Runs
    target : Target
    p : ndarray of shape (n_terms, n_groups)
    """
    root = target.root(runs)
    t = root * target.values
    tried: set[tuple[Exponents, ...]] = set()
    for q in (*DENOMINATORS, None):
        P, free = p[None].copy(), np.ones(p.size, dtype=bool)
        while free.any():
            e, J = (x[0] for x in _projected(runs.logs, root, t, P))
            flat = P.reshape(-1)
            i, denominator = int(np.argmax(np.where(free, (J**2).sum(axis=0), -np.inf))), q
            if denominator is None:
                i, denominator = simplest_exponent(flat, _errors(J, e, free), _WITH_DECIMALS)
            flat[i], free[i] = round(float(flat[i]) * denominator) / denominator, False
            if free.any():
                e, J = (x[0] for x in _projected(runs.logs, root, t, P))
                if not (np.isfinite(J).all() and np.isfinite(e).all()):
                    break
                flat[free] += np.linalg.lstsq(J[:, free], e, rcond=1e-8)[0]
                flat[free] = np.clip(flat[free], -STEEPEST, STEEPEST)
        if free.any():  # a monomial that no number holds
            continue
        exponents = [tuple(_fraction(float(x)) for x in row) for row in P[0]]
        whole = [x for row in exponents for x in row]
        decimals = sum(x.denominator > max(DENOMINATORS) for x in whole)
        if any(abs(x) > LARGEST for x in whole) or decimals > _MOST_DECIMALS:
            continue
        key = tuple(sorted(exponents))
        if key in tried or len(set(exponents)) < len(exponents):
            continue
        tried.add(key)
        A = np.column_stack([runs.monomial(row) for row in exponents]) * root[:, None]
        coefficients = least_squares(A, t)
        sizes = np.abs(coefficients) * np.sqrt((A**2).sum(axis=0))
        terms = tuple(
            times(Number(float(a)), monomial(row))
            for a, row, size in zip(coefficients, exponents, sizes, strict=True)
            if size > NOTHING * np.sqrt(float(t @ t))
        )
        if terms:
            yield Sum(terms) if len(terms) > 1 else terms[0]


def _errors(J: Array, e: Array, free: BoolArray) -> Array:
    """Standard errors of the exponents that are free; NaN for the others."""
    inside = J[:, free]
    variance = np.linalg.pinv(inside.T @ inside, rcond=_DEPENDENT, hermitian=True).diagonal()
    errors = np.full(len(free), np.nan)
    dof = max(len(e) - inside.shape[1], 1)
    errors[free] = np.sqrt(np.maximum(variance, 0.0) * float(e @ e) / dof)
    return errors


def _fraction(value: float) -> Fraction:
    """An exponent that was rounded."""
    q = next(q for q in _WITH_DECIMALS if abs(value * q - round(value * q)) < 1e-9)
    return Fraction(round(value * q), q)
