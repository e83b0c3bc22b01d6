"""A monomial times a function of another one, the exponents of both free: t = a m g(n)^b.

Fins and pores (a tanh of a root of a product), fronts of diffusion (erf), relaxation (exp), blends
of two power laws ((1 + n)^b). The logarithm is a power law plus a function of one linear form of
the logarithms of the groups. The power law and b follow from that form, which is refined from many
starting points at once; then its exponents are rounded, the surest first. The same fit without the
logarithm gives logarithms of sums, t = a log(m + n), as in the friction of rough pipes.

References
----------
R. J. Carroll, J. Fan, I. Gijbels, M. P. Wand, J. Am. Stat. Assoc. 92 (1997) 477-489 (partially
linear single-index models).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product

import numpy as np

from dimgs.common.arrays import Array, least_squares
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import short_monomials
from dimgs.engines.structured.columns import (
    AFFINE,
    EXPONENTIAL,
    log_slope,
    log_values,
    weighted,
)
from dimgs.engines.structured.description import OPERATOR, structure_bits
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.model import (
    DENOMINATORS,
    ProductModel,
    power_basis,
    squares_bits,
)
from dimgs.engines.structured.posynomials import ENOUGH, STEEPEST, STEPS, rounded_sums
from dimgs.engines.structured.rounding import fit_rounded
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import Call, Mono, Number, Product
from dimgs.fits.nonlinear_least_squares import minimise_squares

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
# runs for each constant: of fewer, any function of a free monomial follows the noise
_RUNS_EACH = 4
# of the logarithm of an argument, and of a constant: beyond, exponentials are not representable
_LARGEST, _ENDS = 30.0, (-300.0, 300.0)
# functions whose exponents are rounded, as several follow the runs alike; and roundings of each
# that are fitted
_ROUNDED, _FITTED = 16, 3
# share of a column outside the power law below which rounding decides
_DEPENDENT = 1e-10


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
        whole = self.columns(q)
        w = self._off(whole)
        square = (w**2).sum(axis=0)
        usable = np.isfinite(square) & (square > _DEPENDENT * (whole**2).sum(axis=0))
        w = np.where(usable, w, 0.0)
        square = np.where(usable, square, 1.0)
        free = (self.t @ w) / square
        factor = free if self.power is None else np.where(usable, self.power, 0.0)
        J = self._off(factor[:, None] * self.slopes(q))
        if self.power is None:
            J = J - w[:, :, None] * (np.einsum("ns,nsp->sp", w, J) / square[:, None])
        return (self._off(self.t)[:, None] - factor * w).T, J.transpose(1, 0, 2)

    def _off(self, columns: Array) -> Array:
        """Columns less the power law."""
        return np.asarray(
            columns - np.tensordot(self.base, np.tensordot(self.base.T, columns, 1), 1)
        )

    def fit(self, starts: Array) -> tuple[Array, float]:
        """The best form near the best starts, and its sum of squared residuals."""
        residuals, _ = self.projected(starts)
        order = np.argsort(np.nan_to_num((residuals**2).sum(axis=1), nan=np.inf), kind="stable")
        solution = minimise_squares(
            self.projected,
            starts[order[:_STARTS]],
            steps=STEPS,
            enough=ENOUGH,
            largest=STEEPEST,
        )
        best = int(np.argmin(solution.squares))
        return solution.parameters[best], float(solution.squares[best])


def starting_forms(runs: Runs) -> Array:
    """Short monomials with several medians, shape (n_starts, 1 + n_groups)."""
    exponents = short_monomials(runs, _SHORT, halves=True).exponents
    P = np.array([[float(x) for x in e] for e in exponents if any(e)]).reshape(-1, runs.n_groups)
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
        if power is not None and name not in FUNCTIONS:
            continue
        archive.check()
        index = replace(first, name=name, sign=sign, power=power)
        bits = FUNCTIONS[name].bits if name in FUNCTIONS else OPERATOR
        q, squares = index.fit(starts)
        fits.append((float(squares_bits(squares, runs.n_runs)) + bits, len(fits), index, q))
    for _, _, index, q in sorted(fits, key=lambda f: f[:2])[:_ROUNDED]:
        for model in _models(index, q, runs):
            fit_rounded(model, target, archive, root)
        if archive.exact:
            return


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
    for k in np.argsort(bits, kind="stable")[:_FITTED]:
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
    for tree in rounded_sums(runs, raised, np.array([first, first + q[1:]])):
        archive.add(target.back(Product((Number(a), Call("log", tree)))))
        if archive.exact:
            return
