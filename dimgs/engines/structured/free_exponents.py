"""Monomials with free exponents: sums of them, t = Σ a_k Π pi_j^p_kj, and functions of one.

Correlations of transfer, yield stresses, two regimes that add up; with a function, t = a m g(n)^b,
fins and pores (a tanh of a root of a product), fronts of diffusion (erf), relaxation (exp), blends
of two power laws ((1 + n)^b). What is linear follows from the exponents, which are refined from
many starting points at once; then they are rounded, the surest first, the others following. Of a
function of a monomial the logarithm is fitted, a power law plus a function of one linear form of
the logarithms of the groups; without the logarithm the same fit gives logarithms of sums,
t = a log(m + n), as in the friction of rough pipes.

References
----------
G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413-432; L. Kaufman, BIT 15 (1975) 49-57
(variable projection). R. J. Carroll, J. Fan, I. Gijbels, M. P. Wand, J. Am. Stat. Assoc. 92 (1997)
477-489 (partially linear single-index models).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import combinations, product

import numpy as np

from dimgs.common.arrays import Array, least_squares, lengths, unscaled_covariance
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.columns import (
    AFFINE,
    EXPONENTIAL,
    log_slope,
    log_values,
    short_monomials,
    weighted,
)
from dimgs.engines.structured.products import (
    DENOMINATORS,
    LARGEST,
    ProductModel,
    State,
    fit_rounded,
    nearest_plane,
    power_basis,
    squares_bits,
)
from dimgs.engines.structured.refine import OPERATOR, projected, structure_bits
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.select import Picked, extended, solved_terms
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import (
    FUNCTIONS,
    Call,
    Mono,
    Number,
    Product,
    Tree,
    evaluate,
    free_monomial,
    plus,
    times,
)
from dimgs.fits.least_squares import minimise_squares

# monomials of the starts, steps of each, the largest exponent of a fit, and the relative gain at
# which it ends, as the rounded laws are fitted again
_SHORT, _STEPS, _STEEPEST, _ENOUGH = 60, 40, 12.0, 1e-6
# starts of sums, fits of them that are kept, and the difference below which two fits are one
_STARTS, _FITTED, _CLOSE = 24, 5, 1e-3
# difference of the exponents of two terms below which each is a hundred times their sum
_LOGARITHM = 0.01
# share of a column outside the others below which rounding decides
_DEPENDENT = 1e-10
# functions that a grid of medians finds, with the sign of their argument: of what oscillates the
# first quarter of a turn, which most angles do not exceed
_FUNCTIONS = (
    (AFFINE, 1.0),
    (EXPONENTIAL, 1.0),
    ("expm1", 1.0),
    ("expm1", -1.0),
    ("log1p", 1.0),
    ("tanh", 1.0),
    ("sinh", 1.0),
    ("cosh", 1.0),
    ("erf", 1.0),
    ("erfc", 1.0),
    ("atan", 1.0),
    ("langevin", 1.0),
    ("sin", 1.0),
    ("cos", 1.0),
    ("tan", 1.0),
)
# logarithms of the medians of an argument at the starts, from where a function is linear to where
# it saturates; starts of each function that are refined
_MEDIANS, _BEST_STARTS = (-2.0, -0.7, 0.7, 2.0), 8
# runs for each constant: of fewer, any function of a free monomial follows the noise
_RUNS_EACH = 4
# of the logarithm of an argument, and of a constant: beyond, exponentials are not representable
_LARGEST, _ENDS = 30.0, (-300.0, 300.0)
# functions whose exponents are rounded, as several follow the runs alike; and roundings of each
# that are fitted
_ROUNDED, _ROUNDINGS = 16, 3
_refine = partial(minimise_squares, steps=_STEPS, enough=_ENOUGH, largest=_STEEPEST)


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
    solution = _refine(
        lambda P, _: _projected(runs.logs, root, t, P), start.reshape(len(start), -1)
    )
    squares, P = solution.squares, solution.parameters.reshape(start.shape)
    seen: list[Array] = []
    for k in archive.until_exact(np.argsort(squares, kind="stable").tolist()):
        if not np.isfinite(squares[k]) or len(seen) == _FITTED:
            return
        p = P[k][np.lexsort(P[k].T)]
        # terms whose exponents coincide are a logarithm times a monomial, to any precision
        is_logarithm = any(np.abs(a - b).max() < _LOGARITHM for a, b in combinations(p, 2))
        if is_logarithm or any(np.abs(p - q).max() < _CLOSE for q in seen):
            continue
        seen.append(p)
        for tree in archive.until_exact(rounded_sums(runs, target, p)):
            archive.add(target.back(tree))


def _starts(runs: Runs, target: Target, root: Array, t: Array, terms: int) -> Array:
    """Exponents of the best sums of short monomials, shape (n_starts, terms, n_groups)."""
    monomials = target.monomials(runs, _SHORT, halves=True)
    F = monomials.values * root[:, None]
    kept = np.flatnonzero(np.all(np.isfinite(F), axis=0))
    sets: list[Picked] = [()]
    for width in (_SHORT,) * (terms - 1) + (_STARTS,):
        unit, free = F[:, kept] / lengths(F[:, kept]), np.zeros(len(kept))
        sets = list(extended(unit, t / np.linalg.norm(t), sets, width, free)) if len(kept) else []
    E = np.array([monomials.exponents[i] for i in kept], dtype=float)
    return np.asarray(E[np.array(sets, dtype=int)])


def _projected(Z: Array, root: Array, t: Array, P: Array) -> tuple[Array, Array]:
    """Residuals with the best coefficients, and minus their slopes by the exponents."""
    P = P.reshape(len(P), -1, Z.shape[1])
    M = np.exp(np.einsum("nj,skj->snk", Z, P)) * root[:, None]

    def slopes(a: Array) -> Array:
        return np.asarray(
            ((M * a[:, None, :])[..., None] * Z[:, None, :]).reshape(*M.shape[:2], -1)
        )

    return projected(t, M, slopes)[:2]


def rounded_sums(runs: Runs, target: Target, p: Array) -> Iterator[Tree]:
    """Sums of monomials near those of the exponents p, with rational ones.

    Exponents of every denominator; at last each with the smallest denominator that its error
    allows, and free where none does.

    Parameters
    ----------
    runs : Runs
    target : Target
    p : ndarray of shape (n_terms, n_groups)
    """
    root = target.root(runs)
    t = root * target.values
    (e,), (J,) = _projected(runs.logs, root, t, p[None])
    if not (np.isfinite(J).all() and np.isfinite(e).all()):
        return
    state = State(p.ravel(), unscaled_covariance(J, _DEPENDENT), float(e @ e))
    state.variance = state.squares / max(len(e) - p.size, 1)
    ways = [nearest_plane(state, range(p.size), q) for q in (*DENOMINATORS, None)]
    rounded = ([way.exponent(k) for k in range(p.size)] for way in ways if way is not None)
    for exponents in dict.fromkeys(map(tuple, rounded)):
        if max(abs(float(e)) for e in exponents) > LARGEST:
            continue
        shape = range(0, p.size, p.shape[1])
        monomials = [free_monomial(exponents[k : k + p.shape[1]]) for k in shape]
        A = np.column_stack([evaluate(m, runs) for m in monomials]) * root[:, None]
        terms = [times(Number(a), monomials[k]) for k, a in solved_terms(A, t)]
        if terms and len(set(monomials)) == len(monomials):
            yield plus(*terms)


@dataclass(frozen=True, eq=False)
class SingleIndex:
    """A weighted power law and a function of a linear form q of the logarithms of the groups.

    Parameters
    ----------
    name : str
    sign : float
        Of the argument.
    X : ndarray of shape (n_runs, 1 + n_groups)
        1 and the logarithms of the groups, less their medians.
    root : ndarray of shape (n_runs,)
    t : ndarray of shape (n_runs,)
        What they are to follow, weighted.
    base : ndarray of shape (n_runs, r)
        Orthonormal basis of the weighted power law.
    power : float or None
        Of the function; None if it is free.
    """

    name: str
    sign: float
    X: Array
    root: Array
    t: Array
    base: Array
    power: float | None = None

    @classmethod
    def of(cls, runs: Runs, root: Array, t: Array) -> "SingleIndex | None":
        """With a power of 1 + n; None where runs are few or have no logarithms."""
        enough = runs.n_runs >= _RUNS_EACH * (2 + runs.n_groups)
        if not any(runs.logged) or not enough or not np.all(np.isfinite(t)):
            return None
        X = np.column_stack([np.ones(len(t)), runs.logs - np.median(runs.logs, axis=0)])
        return cls(AFFINE, 1.0, X, root, t, power_basis(runs, root))

    def columns(self, q: Array) -> Array:
        """Weighted logarithms of the function, shape (n_runs, n_forms)."""
        return weighted(log_values(self.name, self._arguments(q), np.array(1.0)), self.root)

    def slopes(self, q: Array) -> Array:
        """Their slopes by q, shape (n_runs, n_forms, 1 + n_groups)."""
        u = self._arguments(q)
        slope = u if self.name == EXPONENTIAL else log_slope(self.name, u, 1.0)
        slopes = weighted(slope, self.root)[:, :, None] * self.X[:, None, :]
        if self.name == EXPONENTIAL:  # its factor is that of the column
            slopes[:, :, 0] = 0.0
        return np.asarray(np.nan_to_num(slopes))

    def _arguments(self, q: Array) -> Array:
        return np.asarray(self.sign * np.exp(np.clip(self.X @ q.T, -_LARGEST, _LARGEST)))

    def projected(self, q: Array) -> tuple[Array, Array]:
        """Residuals with the best power law and factor, and minus their slopes by q."""
        columns, slopes = self.columns(q).T[:, :, None], self.slopes(q).transpose(1, 0, 2)
        if self.power is None:
            return projected(self.t, columns, lambda b: b[:, :, None] * slopes, self.base)[:2]
        rest, fixed = self.t - self.power * columns[:, :, 0], self.power * slopes
        return projected(rest, columns[:, :, :0], lambda _: fixed, self.base)[:2]

    def fit(self, starts: Array) -> tuple[Array, float]:
        """The best form near the best starts, and its sum of squared residuals."""
        residuals, _ = self.projected(starts)
        order = np.argsort(np.nan_to_num((residuals**2).sum(axis=1), nan=np.inf), kind="stable")
        solution = _refine(lambda q, _: self.projected(q), starts[order[:_BEST_STARTS]])
        best = int(np.argmin(solution.squares))
        return solution.parameters[best], float(solution.squares[best])


def starting_forms(runs: Runs) -> Array:
    """Short monomials with several medians, shape (n_starts, 1 + n_groups)."""
    exponents = short_monomials(runs, _SHORT, halves=True).exponents
    P = np.array([e for e in exponents if any(e)], dtype=float).reshape(-1, runs.n_groups)
    P = P[~np.any(P[:, ~np.array(runs.logged, dtype=bool)], axis=1)]
    middle = np.median((runs.logs - np.median(runs.logs, axis=0)) @ P.T, axis=0)
    return np.concatenate([np.column_stack([c - middle, P]) for c in _MEDIANS])


@np.errstate(all="ignore")
def single_index(target: Target, archive: Archive) -> None:
    """Fit the best laws of the form t = a m g(n)^b.

    Parameters
    ----------
    target : Target
    archive : Archive
    """
    runs, root = archive.runs, target.log_root(archive.runs)
    first = SingleIndex.of(runs, root, weighted(target.logs, root))
    if first is None:
        return
    starts = starting_forms(runs)
    fits: list[tuple[float, int, SingleIndex, Array]] = []
    for (name, sign), power in product(_FUNCTIONS, (None, 1.0)):
        if power is not None and name in (AFFINE, EXPONENTIAL):
            continue
        archive.check()
        index = replace(first, name=name, sign=sign, power=power)
        bits = OPERATOR if name in (AFFINE, EXPONENTIAL) else FUNCTIONS[name].bits
        q, squares = index.fit(starts)
        fits.append((float(squares_bits(squares, runs.n_runs)) + bits, len(fits), index, q))
    for _, _, index, q in archive.until_exact(sorted(fits, key=lambda f: f[:2])[:_ROUNDED]):
        for model in _models(index, q, runs):
            fit_rounded(model, target, archive, root)


def _models(index: SingleIndex, q: Array, runs: Runs) -> Iterator[ProductModel]:
    """The argument with rational exponents: the shortest messages."""
    rounded = {tuple(Fraction(round(x * d), d) for x in q[1:].tolist()): d for d in DENOMINATORS}
    exponents = [e for e in rounded if any(e)]
    if not exponents:
        return
    forms = np.array([[q[0], *map(float, e)] for e in exponents])
    bits = squares_bits((index.projected(forms)[0] ** 2).sum(axis=1), runs.n_runs)
    bits = bits + [structure_bits(Mono(e), runs, "exp") for e in exponents]
    middle = np.median(runs.logs, axis=0)
    for k in np.argsort(bits, kind="stable")[:_ROUNDINGS]:
        c = float(np.exp(np.clip(q[0] - middle @ forms[k, 1:], *_ENDS)))
        u = runs.monomial(exponents[k])[:, None]
        yield ProductModel((index.name,), (Mono(exponents[k]),), u, np.array([index.sign * c]))


@np.errstate(all="ignore")
def logarithms_of_sums(target: Target, archive: Archive) -> None:
    """Fit the best laws of the form t = a log(m + n).

    Parameters
    ----------
    target : Target
    archive : Archive
    """
    runs, root = archive.runs, target.root(archive.runs)
    index = SingleIndex.of(runs, root, root * target.values)
    if index is None or not all(runs.logged):
        return
    archive.check()
    q, _ = index.fit(starting_forms(runs))
    linear = np.column_stack([index.X * root[:, None], index.columns(q[None, :])])
    if not np.all(np.isfinite(linear)):
        return
    theta = least_squares(linear, index.t)
    a = float(theta[-1])
    first = theta[1:-1] / a
    at = np.exp(target.at / a)
    values = at * (1 + (target.values - target.at) / a)
    if not np.isfinite(values).all():
        return
    raised = replace(target, at=at, values=values, power=0.0, slope=target.slope * at / abs(a))
    for tree in archive.until_exact(rounded_sums(runs, raised, np.array([first, first + q[1:]]))):
        archive.add(target.back(Product((Number(a), Call("log", tree)))))
