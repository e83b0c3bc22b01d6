"""A monomial times a function of another one, the exponents of both free: t = a m g(n)^b.

Fins and pores (a tanh of a root of a product), fronts of diffusion (erf), relaxation (exp), blends
of two power laws ((1 + n)^b). The logarithm is a power law plus a function of one linear form of
the logarithms of the groups. The power law and b follow from that form, which is refined from many
starting points at once; then its exponents are rounded, the surest first.

References
----------
R. J. Carroll, J. Fan, I. Gijbels, M. P. Wand, J. Am. Stat. Assoc. 92 (1997) 477-489 (partially
linear single-index models).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dimgs.arrays import Array
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import short_monomials
from dimgs.engines.structured.columns import (
    AFFINE,
    EXPONENTIAL,
    log_slope,
    log_values,
    weighted,
)
from dimgs.engines.structured.description import structure_bits
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.model import (
    DENOMINATORS,
    Model,
    lengths,
    power_basis,
    refine,
    squares_bits,
)
from dimgs.engines.structured.posynomials import refined
from dimgs.engines.structured.rounding import State, nearest_plane, rounded_trees
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import Mono, monomial

# functions of one sign without turning points, with the sign of their argument
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
)
# monomials of the starts, and logarithms of their medians there: from where a function is linear
# to where it saturates; starts of each function that are refined
_SHORT, _MEDIANS, _STARTS = 60, (-2.0, -0.7, 0.7, 2.0), 8
# of the logarithm of an argument: beyond, its exponential is not representable
_LARGEST = 30.0
# fits that are rounded, of all functions; roundings of each that are fitted; and the difference
# below which two fits are one
_ROUNDED, _FITTED, _CLOSE = 12, 3, 1e-2
# share of a column outside the power law below which rounding decides
_DEPENDENT = 1e-10


@dataclass(frozen=True, eq=False)
class _Index:
    """One function, and what the power law leaves of a target.

    Parameters
    ----------
    name : str
    sign : float
        Of the argument.
    X : ndarray of shape (n_runs, 1 + n_groups)
        1 and the logarithms of the groups, less their medians.
    root : ndarray of shape (n_runs,)
    base : ndarray of shape (n_runs, r)
    e : ndarray of shape (n_runs,)
    """

    name: str
    sign: float
    X: Array
    root: Array
    base: Array
    e: Array

    def columns(self, q: Array) -> Array:
        """Weighted logarithms of the function, shape (n_runs, n_forms)."""
        u = np.exp(np.clip(self.X @ q.T, -_LARGEST, _LARGEST))
        return weighted(log_values(self.name, self.sign * u, np.array(1.0)), self.root)

    def slopes(self, q: Array) -> Array:
        """Their slopes by the linear form, shape (n_runs, n_forms)."""
        u = np.exp(np.clip(self.X @ q.T, -_LARGEST, _LARGEST))
        slope = u if self.name == EXPONENTIAL else log_slope(self.name, self.sign * u, 1.0)
        return weighted(slope, self.root)

    def off(self, columns: Array) -> Array:
        """Columns less the power law."""
        return np.asarray(
            columns
            - np.tensordot(self.base, self.base.T @ columns.reshape(len(columns), -1), 1).reshape(
                columns.shape
            )
        )

    def projected(self, q: Array) -> tuple[Array, Array]:
        """Residuals with the best power law and b, and minus their slopes by the linear form."""
        whole = self.columns(q)
        w = self.off(whole)
        square = (w**2).sum(axis=0)
        usable = np.isfinite(square) & (square > _DEPENDENT * (whole**2).sum(axis=0))
        w = np.where(usable, w, 0.0) / np.sqrt(np.where(usable, square, 1.0))
        along = self.e @ w
        J = (along / np.sqrt(np.where(usable, square, 1.0)) * self.slopes(q))[:, :, None] * self.X[
            :, None, :
        ]
        if self.name == EXPONENTIAL:  # its factor is b itself
            J[:, :, 0] = 0.0
        J = self.off(np.nan_to_num(J))
        J = J - w[:, :, None] * np.einsum("ns,nsp->sp", w, J)
        return (self.e[:, None] - along * w).T, J.transpose(1, 0, 2)


@np.errstate(all="ignore")
def single_index(target: Target, archive: Archive) -> None:
    """Fit the best laws of the form t = a m g(n)^b.

    Parameters
    ----------
    target : Target
    archive : Archive
    """
    runs, root = archive.runs, target.log_root(archive.runs)
    t = weighted(target.logs, root)
    logged = np.array(runs.logged, dtype=bool)
    if not logged.any() or runs.n_runs < 4 * (2 + runs.n_groups) or not np.all(np.isfinite(t)):
        return
    Z = runs.logs - np.median(runs.logs, axis=0)
    X, base = np.column_stack([np.ones(len(t)), Z]), power_basis(runs, root)
    e = t - base @ (base.T @ t)
    starts = _starts(runs, Z)
    if not len(starts):
        return
    found: list[tuple[float, int, _Index, Array]] = []
    for name, sign in _FUNCTIONS:
        archive.check()
        index = _Index(name, sign, X, root, base, e)
        for q, squares in index_fits(index, starts):
            bits = FUNCTIONS[name].bits if name in FUNCTIONS else 3.0
            found.append((float(squares_bits(squares, len(t))) + bits, len(found), index, q))
    for _, _, index, q in sorted(found, key=lambda f: f[:2])[:_ROUNDED]:
        for model in _models(index, q, runs, t):
            fitted = refine(model, runs, target, root)
            for tree in rounded_trees(fitted, runs, target) if fitted is not None else ():
                archive.add(tree)
        if archive.exact:
            return


def _starts(runs: Runs, Z: Array) -> Array:
    """Short monomials with several medians, shape (n_starts, 1 + n_groups)."""
    found = short_monomials(runs, _SHORT, halves=True).exponents
    P = np.array([[float(x) for x in e] for e in found if any(e)]).reshape(-1, runs.n_groups)
    P = P[~np.any(P[:, ~np.array(runs.logged, dtype=bool)], axis=1)]
    middle = np.median(Z @ P.T, axis=0)
    return np.concatenate([np.column_stack([c - middle, P]) for c in _MEDIANS])


def index_fits(index: _Index, starts: Array) -> Iterator[tuple[Array, float]]:
    """The best linear forms, and what they leave."""
    w = index.columns(starts)
    whole = (w**2).sum(axis=0)
    w = index.off(w)
    square = (w**2).sum(axis=0)
    gain = np.where(square > _DEPENDENT * whole, (index.e @ w) ** 2 / square, -np.inf)
    order = np.argsort(-np.nan_to_num(gain, nan=-np.inf), kind="stable")[:_STARTS]
    Q, squares = refined(index.projected, starts[order])
    seen: list[Array] = []
    for k in np.argsort(squares, kind="stable"):
        if np.isfinite(squares[k]) and not any(np.abs(Q[k] - q).max() < _CLOSE for q in seen):
            seen.append(Q[k])
            yield Q[k], float(squares[k])


def _models(index: _Index, q: Array, runs: Runs, t: Array) -> Iterator[Model]:
    """The argument with rational exponents: the shortest messages."""
    root, X = index.root, index.X
    w = index.columns(q[None, :])
    linear = np.column_stack([X * root[:, None], w])
    beta = np.linalg.lstsq(linear / lengths(linear), t, rcond=1e-12)[0] / lengths(linear)
    slopes = beta[-1] * index.slopes(q[None, :]) * X
    if index.name == EXPONENTIAL:
        slopes[:, 0] = 0.0
    J = np.column_stack([linear, slopes])
    left = t - linear @ beta
    if not np.all(np.isfinite(J)):
        return
    scale = lengths(J)
    inverse = np.linalg.pinv((J / scale).T @ (J / scale), rcond=1e-13, hermitian=True)
    squares = float(left @ left)
    state = State(
        np.concatenate([beta, q]),
        inverse / np.outer(scale, scale),
        squares,
        squares / max(len(t) - J.shape[1], 1),
    )
    first = len(beta) + 1
    varied = [first + k for k in range(runs.n_groups) if runs.logged[k]]
    scored: dict[Mono, tuple[float, float]] = {}
    for denominator in DENOMINATORS:
        rounded = nearest_plane(state, varied, denominator)
        if rounded is None:
            continue
        tree = monomial(
            tuple(rounded.exponents.get(first + k, Fraction(0)) for k in range(runs.n_groups))
        )
        if isinstance(tree, Mono):
            bits = float(squares_bits(rounded.squares, len(t))) + structure_bits(tree, runs, "exp")
            middle = np.median(runs.logs, axis=0) @ rounded.theta[first:]
            scored.setdefault(
                tree, (bits, float(np.exp(np.clip(rounded.theta[first - 1] - middle, -300, 300))))
            )
    for tree, (_, c) in sorted(scored.items(), key=lambda s: (s[1][0], s[0].exponents))[:_FITTED]:
        u = runs.monomial(tree.exponents)[:, None]
        yield Model((index.name,), (tree,), u, np.array([index.sign * c]))
