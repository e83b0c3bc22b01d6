"""Main and total effects of inputs on a function, and Shapley effects where inputs depend.

For a function f of inputs x, the main effect of x_j is Var(E[f | x_j]) / Var(f): the share of the
variance that vanishes if x_j alone is known. The total effect is E(Var[f | all but x_j]) / Var(f):
the share that remains if x_j alone is unknown. For independent inputs, the main effects add up to
at most one, and the total effects to at least one. For dependent inputs, Shapley effects divide the
common effect of inputs among them, and add up to one.

Inputs are drawn from a Gaussian copula with the marginal distributions and the rank correlations of
the runs.

References
----------
I. M. Sobol', Math. Comput. Simul. 55 (2001) 271-280. M. J. W. Jansen, Comput. Phys. Commun. 117
(1999) 35-43 (the estimators). A. B. Owen, SIAM/ASA J. Uncertain. Quantif. 2 (2014) 245-251, and E.
Song, B. L. Nelson, J. Staum, ibid. 4 (2016) 1060-1083 (Shapley effects of dependent inputs).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb

import numpy as np
from scipy.stats import norm, qmc, rankdata

from dimgs.common.arrays import Array
from dimgs.fits.covariance import t_half_widths

Function = Callable[[Array], Array]
# points at which a function is asked for each set of inputs: powers of two suit the sequence, and
# 1024 give a share of the variance to 0.01
_POINTS = 1024
# inputs up to which every set of them is asked for; of more, orders of the inputs are drawn
_ALL_SETS, _ORDERS = 7, 100
# chance that a correlation of independent inputs is taken for real, over all pairs, and the size
# below which one does not matter
_ALPHA, _SMALL = 0.01, 0.1


@dataclass(frozen=True, eq=False)
class Effects:
    """Shares of the variance of a function.

    Attributes
    ----------
    main, total : ndarray of shape (n_inputs,)
    shapley : ndarray of shape (n_inputs,) or None
        None where inputs are independent.
    """

    main: Array
    total: Array
    shapley: Array | None


@dataclass(frozen=True, eq=False)
class Copula:
    """Gaussian copula of the inputs.

    Attributes
    ----------
    correlation : ndarray of shape (n_inputs, n_inputs)
        Of the normal scores of the inputs.
    quantiles : callable
        From shares between 0 and 1, shape (n, n_inputs), to inputs.
    seed : int
    """

    correlation: Array
    quantiles: Function
    seed: int = 0

    @classmethod
    def of(cls, X: Array, seed: int = 0, dependent: bool | None = None) -> "Copula":
        """Copula of runs: independent unless rank correlations are significant and not small.

        Parameters
        ----------
        X : ndarray of shape (n_runs, n_inputs)
        seed : int
        dependent : bool, optional
            Whether inputs depend on each other, where that is known.
        """
        n, d = X.shape
        scores = norm.ppf(np.column_stack([rankdata(c) / (n + 1) for c in X.T]))
        correlation = np.eye(d)
        pairs = d * (d - 1) // 2
        if pairs and n > 3:
            with np.errstate(invalid="ignore", divide="ignore"):
                correlations = np.corrcoef(scores, rowvar=False)
            # an input that never varies in these runs depends on none
            correlations = np.where(np.isfinite(correlations), correlations, np.eye(d))
            sure = float(np.tanh(norm.isf(_ALPHA / (2 * pairs)) / np.sqrt(n - 3)))
            if dependent is None:
                dependent = bool(np.any(np.abs(correlations - np.eye(d)) > max(sure, _SMALL)))
            correlation = correlations if dependent else correlation
        places = (np.arange(n) + 0.5) / n
        ordered = np.sort(X, axis=0)

        def quantiles(shares: Array) -> Array:
            each = zip(shares.T, ordered.T, strict=True)
            return np.column_stack([np.interp(u, places, c) for u, c in each])

        return cls(correlation, quantiles, seed)

    @property
    def independent(self) -> bool:
        """Whether no input depends on another."""
        return bool(np.allclose(self.correlation, np.eye(len(self.correlation))))

    @cached_property
    def draws(self) -> tuple[Array, Array]:
        """Normal scores of the inputs, and independent ones to change them by."""
        d = len(self.correlation)
        sobol = qmc.Sobol(2 * d, seed=np.random.default_rng(self.seed))
        z = norm.ppf(np.clip(sobol.random(_POINTS), 1e-9, 1 - 1e-9))
        return z[:, :d] @ _root(self.correlation).T, z[:, d:]

    def inputs(self, scores: Array) -> Array:
        """Inputs of normal scores."""
        return np.asarray(self.quantiles(norm.cdf(scores)))

    def changed(self, kept: Sequence[int]) -> Array:
        """Scores in which some inputs stay, and the others are drawn anew given these."""
        z, w = self.draws
        rest = [j for j in range(z.shape[1]) if j not in kept]
        out = z.copy()
        R = self.correlation
        slopes = R[np.ix_(rest, kept)] @ np.linalg.pinv(R[np.ix_(kept, kept)])
        conditional = R[np.ix_(rest, rest)] - slopes @ R[np.ix_(kept, rest)]
        out[:, rest] = z[:, list(kept)] @ slopes.T + w[:, rest] @ _root(conditional).T
        return out


def _root(covariance: Array) -> Array:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)


def effects_of(function: Function, copula: Copula) -> Effects:
    """Effects of the inputs on a function.

    Parameters
    ----------
    function : callable
        From inputs, shape (n, n_inputs), to values, shape (n,).
    copula : Copula

    Examples
    --------
    >>> copula = Copula(np.eye(2), lambda u: u)
    >>> found = effects_of(lambda x: 3 * x[:, 0] + 4 * x[:, 1], copula)
    >>> found.main.round(2).tolist(), found.total.round(2).tolist()
    ([0.36, 0.64], [0.36, 0.64])
    """
    d = len(copula.correlation)
    values = function(copula.inputs(copula.draws[0]))
    variance = float(np.var(values))
    shares: dict[tuple[int, ...], float] = {(): 0.0, tuple(range(d)): 1.0}

    def share(kept: Sequence[int]) -> float:
        """Share of the variance that vanishes if some inputs are known."""
        key = tuple(sorted(kept))
        if key not in shares:
            others = function(copula.inputs(copula.changed(key)))
            gap = float(np.mean((values - others) ** 2))
            shares[key] = 1.0 - gap / (2 * variance) if variance > 0 else 0.0
        return shares[key]

    everything = set(range(d))
    main = np.array([share([j]) for j in range(d)])
    total = np.array([1.0 - share(sorted(everything - {j})) for j in range(d)])
    if copula.independent:
        return Effects(main, total, None)
    shapley = np.zeros(d)
    if d <= _ALL_SETS:
        for j in range(d):
            rest = sorted(everything - {j})
            for size in range(d):
                weight = 1.0 / (d * comb(d - 1, size))
                for some in combinations(rest, size):
                    shapley[j] += weight * (share([*some, j]) - share(some))
    else:
        rng = np.random.default_rng(copula.seed)
        for _ in range(_ORDERS):
            order = rng.permutation(d)
            for k, j in enumerate(order):
                shapley[j] += (share(order[: k + 1].tolist()) - share(order[:k].tolist())) / _ORDERS
    return Effects(main, total, shapley)


def jackknife_half(values: Array, level: float) -> Array:
    """Half width of intervals from values without each part of the runs.

    Parameters
    ----------
    values : ndarray of shape (n_parts, n)
    level : float
    """
    parts = len(values)
    return t_half_widths((parts - 1) * np.var(values, axis=0), parts - 1, level)
