"""Covariance by leaving out runs or clusters of runs, and Student's t: for every fit and law.

Uncertainty is at the level of runs, never from the number of pairs. Two estimates are made here:

- :class:`Influence`, of power laws and of the constants of laws (its closed forms are in
  `influence`): the cluster jackknife (CR3: each cluster's score with the cluster left out),
  rescaled so that it is exactly unbiased when the noise is homoscedastic, with Satterthwaite
  degrees of freedom after Bell and McCaffrey. Rescaled CR3 keeps its nominal coverage where CR2
  falls short (noise that grows with leverage) and plain CR3 overshoots (few runs);
- :func:`jackknife_covariance`, of whatever changes leaving out each unit makes: plain CR3.

The influence is expressed in orthonormal coordinates (the weighted constant, then one coordinate
per direction that the runs can separate), where a linear functional of the intercept and the
exponents is a vector u.

References
----------
R. M. Bell, D. F. McCaffrey, "Bias reduction in standard errors for linear regression with
multi-stage samples", Survey Methodology 28 (2002) 169-181.
A. C. Cameron, J. B. Gelbach, D. L. Miller, "Bootstrap-based improvements for inference with
clustered errors", Review of Economics and Statistics 90 (2008) 414-427.
J. E. Pustejovsky, E. Tipton, "Small-sample methods for cluster-robust variance estimation and
hypothesis testing in fixed effects models", J. Business & Economic Statistics 36 (2018) 672-683.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from dimgs.arrays import Array
from dimgs.errors import InputError

IntervalKind = Literal["cr3", "jackknife", "bootstrap"]

# samples of the wild bootstrap: at 999 the quantile is a sample itself for usual levels
N_BOOTSTRAP = 999
# variances below this share of the largest are rounding
_RCOND = 1e-10


@dataclass(frozen=True, eq=False)
class Influence(ABC):
    """How leaving out each cluster changes the linear functionals of a fit.

    Attributes
    ----------
    residual_dof : float
        Runs less fitted parameters, the bound of every degree of freedom.
    variance : ndarray of shape (n_targets,)
        Pooled residual variance per unit weight: stands in where a cluster cannot be left out.
    kind : {"cr3", "jackknife", "bootstrap"}
    seed : int
        Seed of the wild bootstrap.
    """

    residual_dof: float
    variance: Array
    kind: IntervalKind
    seed: int

    @property
    @abstractmethod
    def n_clusters(self) -> int:
        """Number of clusters."""

    @property
    @abstractmethod
    def changes(self) -> Array:
        """Fit less the fit without each cluster, shape (n_clusters, rank + 1, n_targets)."""

    @abstractmethod
    def _expected(self) -> tuple[Array, Array]:
        """Expected sum of squared scores under unit homoscedastic noise, and the fallback.

        Both of shape (rank + 1, rank + 1); the fallback is the part that no cluster can be
        left out of, and that takes the pooled variance instead.
        """

    @abstractmethod
    def _reference_spectrum(self, u: Array) -> tuple[float, float]:
        """Trace of M and of M M, where u' V u = e' M e for unit homoscedastic noise e."""

    @abstractmethod
    def _bootstrap_statistics(self, u: Array, target: int, signs: Array) -> Array:
        """Studentised functionals of wild-bootstrap samples, shape (n_samples,)."""

    @cached_property
    def _root(self) -> Array:
        """Symmetric root of the inverse expectation: makes the covariance unbiased."""
        expected, fallback = self._expected()
        if self.kind == "jackknife":
            return np.eye(len(expected))
        values, vectors = np.linalg.eigh(expected + fallback)
        # a coordinate that no run has, such as the constant of a law without one, stays zero
        seen = values > np.finfo(float).tiny
        return np.asarray(
            (vectors * np.where(seen, 1.0 / np.sqrt(np.where(seen, values, 1.0)), 0.0)) @ vectors.T
        )

    @cached_property
    def covariance(self) -> Array:
        """Covariance in orthonormal coordinates, shape (n_targets, rank + 1, rank + 1)."""
        scores = self.changes
        n = self.n_clusters
        factor = 1.0
        if self.kind == "jackknife":
            scores = scores - scores.mean(axis=0)
            factor = (n - 1) / n
        spread = factor * np.einsum("gkq,glq->qkl", scores, scores)
        spread += self.variance[:, None, None] * self._expected()[1]
        return np.asarray(self._root @ spread @ self._root)

    def dof(self, u: Array) -> Array:
        """Satterthwaite degrees of freedom of each functional, one a row; shape (n,)."""
        if self.kind == "jackknife":
            bound = min(self.residual_dof, self.n_clusters - 1.0)
            return np.full(len(u), max(bound, 0.0))
        found = np.empty(len(u))
        for i, row in enumerate(u @ self._root):
            trace, trace2 = self._reference_spectrum(row)
            found[i] = trace**2 / trace2 if trace2 > 0.0 else self.residual_dof
        bound = max(self.residual_dof, 0.0)
        return np.asarray(np.minimum(np.maximum(found, min(1.0, bound)), bound))

    def f_dof(self, q: int) -> tuple[int, float]:
        """Degrees of freedom of an F test of q functionals, and what it is scaled by."""
        return max(1, int(self.residual_dof)), 1.0

    def wald(self, value: Array, covariance: Array) -> tuple[float, float, tuple[int, int]]:
        """F statistic of value = 0, its p-value and its degrees of freedom.

        With clusters it is scaled like Hotelling's T², because their covariance has few
        degrees of freedom. The p-value is nan where the clusters are too few.

        Parameters
        ----------
        value : ndarray of shape (n,)
        covariance : ndarray of shape (n, n)
            By the plain jackknife.
        """
        values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
        keep = values > _RCOND * max(float(values.max(initial=0.0)), 1e-300)
        q = int(keep.sum())
        dof, factor = self.f_dof(q)
        if q == 0:
            return 0.0, 1.0, (0, dof)
        statistic = float(np.sum((vectors[:, keep].T @ value) ** 2 / values[keep])) / q
        if dof < 1:
            return statistic, float("nan"), (q, 0)
        statistic *= factor
        return statistic, float(special.fdtrc(q, dof, statistic)), (q, dof)

    def half_widths(self, u: Array, level: float, extra: float = 0.0) -> Array:
        """Half widths of the intervals of each functional, shape (n, n_targets).

        Parameters
        ----------
        u : ndarray of shape (n, rank + 1)
        level : float
            Coverage, between 0 and 1.
        extra : float
            Variances of one run to add to each functional (for what a run, not the law, does).
        """
        spread = np.einsum("nk,qkl,nl->nq", u, self.covariance, u)
        quantile = np.empty(spread.shape)
        dof = self.dof(u)
        quantile[:] = t_quantile(level, dof)[:, None]
        if self.kind == "bootstrap":
            quantile = self._bootstrap_quantiles(u, level, quantile)
        known = np.isfinite(quantile)
        law = np.where(known, quantile, 0.0) * np.sqrt(np.maximum(spread, 0.0))
        if extra:
            run = t_quantile(level, np.array([max(self.residual_dof, 0.0)]))
            run = np.where(np.isfinite(run), run, 0.0)
            law = np.sqrt(law**2 + run**2 * extra * self.variance)
        return np.where(known, law, np.inf)

    def _bootstrap_quantiles(self, u: Array, level: float, fallback: Array) -> Array:
        rng = np.random.default_rng(self.seed)
        signs = webb_signs(rng, (N_BOOTSTRAP, self.n_clusters))
        quantile = fallback.copy()
        for i, row in enumerate(u):
            if not row.any():
                continue
            for q in range(len(self.variance)):
                found = self._bootstrap_statistics(row, q, signs)
                found = found[np.isfinite(found)]
                if len(found):
                    quantile[i, q] = np.quantile(np.abs(found), level, method="higher")
        return quantile


def jackknife_covariance(changes: Array) -> Array:
    """Covariance of parameters from their changes when each of n units is left out, times n - 1.

    Parameters
    ----------
    changes : ndarray of shape (n_units, n_parameters)
        About zero (changes of a linearised fit) or about their mean (parameters refitted).

    Returns
    -------
    ndarray of shape (n_parameters, n_parameters)
        Infinite where there are fewer than two units.
    """
    n = len(changes)
    if n < 2:
        return np.diag(np.full(changes.shape[1], np.inf))
    return np.asarray((n - 1) / n * changes.T @ changes)


def check_level(level: float) -> None:
    """Raise InputError unless the level of an interval is a fraction between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise InputError(f"The level is {level}: give the coverage as a fraction, like 0.9.")


def t_quantile(level: float, dof: ArrayLike) -> Array:
    """Two-sided quantile of Student's t; infinite where no degree of freedom is left.

    Raises
    ------
    InputError
        If the level is not between 0 and 1.
    """
    check_level(level)
    freedom = np.asarray(dof, dtype=np.float64)
    # below 0.001 degrees of freedom the quantile itself is not representable
    usable = np.maximum(freedom, 1e-3)
    return np.where(freedom > 1e-3, special.stdtrit(usable, (1.0 + level) / 2.0), np.inf)


def t_intervals(value: ArrayLike, variance: ArrayLike, dof: ArrayLike, level: float) -> Array:
    """Intervals [low, high] of estimates of these variances, by Student's t; shape (..., 2).

    Examples
    --------
    >>> t_intervals([1.0, 2.0], [0.01, np.inf], 10, 0.9).round(2)
    array([[0.82, 1.18],
           [-inf,  inf]])
    """
    quantile, size = t_quantile(level, dof), np.sqrt(np.maximum(variance, 0.0))
    with np.errstate(invalid="ignore"):
        half = quantile * size
    # no variance, but no degree of freedom either: open as well
    half = np.where(np.isnan(half), np.inf, half)
    centre = np.asarray(value, dtype=np.float64)
    return np.stack([centre - half, centre + half], axis=-1)


def webb_signs(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Six-point weights of mean 0 and variance 1 (Webb 2014): enough samples for few clusters."""
    points = np.sqrt([0.5, 1.0, 1.5])
    return np.asarray(rng.choice(np.concatenate([points, -points]), size=shape))
