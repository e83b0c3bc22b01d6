"""Covariance by leaving out runs or clusters of runs, and Student's t: for every fit and law.

Uncertainty is at the level of runs, never from the number of pairs. Two estimates are made here:

- :class:`Influence`, of power laws and of the constants of laws, in closed form: the cluster
  jackknife (CR3: each cluster's score with the cluster left out), rescaled so that it is exactly
  unbiased when the noise is homoscedastic, with Satterthwaite degrees of freedom after Bell and
  McCaffrey. Rescaled CR3 keeps its nominal coverage where CR2 falls short (noise that grows with
  leverage) and plain CR3 overshoots (few runs);
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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement
from math import comb
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import check_level

IntervalKind = Literal["cr3", "jackknife", "bootstrap"]

# samples of the wild bootstrap: at 999 the quantile is a sample itself for usual levels
N_BOOTSTRAP = 999
# variances below this share of the largest are rounding
_RCOND = 1e-10
# parameters up to which a quartic form is kept: it has 126 terms then
_MOST_QUARTIC = 6


@dataclass(frozen=True, eq=False)
class Influence(ABC):
    """Change of linear functionals of a fit when each cluster is left out.

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
        squares, spread = self._reference_moments(u).T
        known = spread > 0.0
        dofs = np.where(known, squares / np.where(known, spread, 1.0), self.residual_dof)
        bound = max(self.residual_dof, 0.0)
        return np.asarray(np.minimum(np.maximum(dofs, min(1.0, bound)), bound))

    def _reference_moments(self, u: Array) -> Array:
        """Quartic forms whose ratio is the degrees of freedom of functionals, shape (n, 2)."""
        spectra = (self._reference_spectrum(row) for row in u @ self._root)
        return np.array([(trace**2, trace2) for trace, trace2 in spectra]).reshape(-1, 2)

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
        quantile = np.broadcast_to(t_quantile(level, self.dof(u))[:, None], spread.shape)
        if self.kind == "bootstrap":
            quantile = self._bootstrap_quantiles(u, level, quantile)
        finite = np.isfinite(quantile)
        law = np.where(finite, quantile, 0.0) * np.sqrt(np.maximum(spread, 0.0))
        if extra:
            run = t_quantile(level, np.array([max(self.residual_dof, 0.0)]))
            run = np.where(np.isfinite(run), run, 0.0)
            law = np.sqrt(law**2 + run**2 * extra * self.variance)
        return np.where(finite, law, np.inf)

    def _bootstrap_quantiles(self, u: Array, level: float, fallback: Array) -> Array:
        rng = np.random.default_rng(self.seed)
        signs = webb_signs(rng, (N_BOOTSTRAP, self.n_clusters))
        quantile = fallback.copy()
        for i, row in enumerate(u):
            if not row.any():
                continue
            for q in range(len(self.variance)):
                statistics = self._bootstrap_statistics(row, q, signs)
                statistics = statistics[np.isfinite(statistics)]
                if len(statistics):
                    quantile[i, q] = np.quantile(np.abs(statistics), level, method="higher")
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


def quartic_terms(v: Array) -> Array:
    """Products of four coordinates of each row, shape (n, n_terms).

    Examples
    --------
    >>> quartic_terms(np.array([[1.0, 2.0]])).tolist()
    [[1.0, 2.0, 4.0, 8.0, 16.0]]
    """
    places = list(combinations_with_replacement(range(v.shape[1]), 4))
    return np.asarray(v[:, places].prod(axis=2))


def quartic_dof(forms: Sequence[Sequence[float]], v: Array, least: float, most: float) -> Array:
    """Degrees of freedom of functionals by two quartic forms, shape (n,).

    Parameters
    ----------
    forms : array-like of shape (2, n_terms)
        As of :attr:`Linearised.quartic`.
    v : ndarray of shape (n, n_parameters)
        Functionals of the parameters in units of their standard errors.
    least, most : float
        Bounds; the first also where a functional says nothing.
    """
    size = np.abs(v).max(axis=1, initial=0.0)
    usable = (size > 0.0) & np.isfinite(size)
    unit = np.where(usable, size, 1.0)[:, None]
    squares, spread = np.asarray(forms) @ quartic_terms(np.where(usable[:, None], v, 0.0) / unit).T
    usable &= spread > 0.0
    return np.where(usable, np.clip(squares / np.where(usable, spread, 1.0), 1.0, most), least)


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


def t_half_widths(variance: ArrayLike, dof: ArrayLike, level: float) -> Array:
    """Half widths of the intervals of estimates of these variances, by Student's t.

    Open without a degree of freedom, also where there is no variance.

    Examples
    --------
    >>> t_half_widths([0.01, 0.0, 0.0], [10, 10, 0], 0.9).round(2)
    array([0.18, 0.  ,  inf])
    """
    with np.errstate(invalid="ignore"):
        half = t_quantile(level, dof) * np.sqrt(np.maximum(variance, 0.0))
    return np.where(np.isnan(half), np.inf, half)


def t_intervals(value: ArrayLike, variance: ArrayLike, dof: ArrayLike, level: float) -> Array:
    """Intervals [low, high] of estimates of these variances, by Student's t; shape (..., 2).

    Examples
    --------
    >>> t_intervals([1.0, 2.0], [0.01, np.inf], 10, 0.9).round(2)
    array([[0.82, 1.18],
           [-inf,  inf]])
    """
    half = t_half_widths(variance, dof, level)
    centre = np.asarray(value, dtype=np.float64)
    return np.stack([centre - half, centre + half], axis=-1)


def webb_signs(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Six-point weights of mean 0 and variance 1 (Webb 2014): enough samples for few clusters."""
    points = np.sqrt([0.5, 1.0, 1.5])
    return np.asarray(rng.choice(np.concatenate([points, -points]), size=shape))


# A run or cluster of this leverage alone determines a direction: leaving it out says nothing.
FULL_LEVERAGE = 1.0 - 1e-9
# singular values of columns of size 1 below this share of the largest are rounding
_RANK = 1e-12
# share of a parameter in directions that the runs do not determine: above the rounding of
# well-conditioned columns
_IDENTIFIED = 1e-6


@dataclass(frozen=True, eq=False)
class RunInfluence(Influence):
    """Influence of single runs, with memory linear in the runs.

    Attributes
    ----------
    rows : ndarray of shape (n_runs, rank)
        Orthonormal feature columns, centred within the groups.
    constant : ndarray of shape (n_runs,)
        Orthonormal constant: the column of the intercept.
    dummy : ndarray of shape (n_runs,)
        Entry of each run in the orthonormal indicator of its own group.
    codes : ndarray of shape (n_runs,)
        Group of each run.
    residuals : ndarray of shape (n_runs, n_targets)
        Residuals times the root of the weight.
    """

    rows: Array
    constant: Array
    dummy: Array
    codes: IntArray
    residuals: Array

    @property
    def n_clusters(self) -> int:
        """Number of runs."""
        return len(self.rows)

    @cached_property
    def leverage(self) -> Array:
        """Leverage of each run, its share of its group's prefactor included; shape (n_runs,)."""
        return np.asarray(self.dummy**2 + np.einsum("ik,ik->i", self.rows, self.rows))

    @cached_property
    def _shrink(self) -> Array:
        free = self.leverage < FULL_LEVERAGE
        return np.where(free, 1.0 / np.where(free, 1.0 - self.leverage, 1.0), 0.0)

    @cached_property
    def _columns(self) -> Array:
        return np.column_stack([self.constant, self.rows])

    @property
    def changes(self) -> Array:
        """See :class:`Influence`."""
        adjusted = self.residuals * self._shrink[:, None]
        return np.asarray(self._columns[:, :, None] * adjusted[:, None, :])

    def _expected(self) -> tuple[Array, Array]:
        c = self._columns
        lost = c[self._shrink == 0.0]
        return c.T @ (c * self._shrink[:, None]), lost.T @ lost

    def _reference_spectrum(self, u: Array) -> tuple[float, float]:
        square = ((self._columns @ u) * self._shrink) ** 2
        trace = float(square @ (1.0 - self.leverage))
        n_groups = int(self.codes.max(initial=0)) + 1
        of_groups = np.bincount(self.codes, square * self.dummy**2, n_groups)
        among = self.rows.T @ (self.rows * square[:, None])
        across = 0.0
        for column in self.rows.T:
            part = np.bincount(self.codes, square * self.dummy * column, n_groups)
            across += float(part @ part)
        overlap = float(of_groups @ of_groups) + 2.0 * across + float((among**2).sum())
        return trace, float(square**2 @ (1.0 - 2.0 * self.leverage)) + overlap

    def _bootstrap_statistics(self, u: Array, target: int, signs: Array) -> Array:
        a = (self._columns @ (self._root @ u)) * self._shrink
        # residuals freed of their leverage: the noise, not what the fit left of it
        noise = self.residuals[:, target] * np.sqrt(self._shrink)
        n_groups = int(self.codes.max(initial=0)) + 1
        sample = signs * noise
        means = np.stack([np.bincount(self.codes, r * self.dummy, n_groups) for r in sample])
        residuals = sample - means[:, self.codes] * self.dummy - (sample @ self.rows) @ self.rows.T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((sample @ (self._columns @ u)) / np.sqrt((residuals**2) @ (a**2)))


@dataclass(frozen=True, eq=False)
class ClusterInfluence(Influence):
    """Influence of clusters of runs, from the scatter of each; the runs are not needed.

    Attributes
    ----------
    scatter : ndarray of shape (n_clusters, k, k)
        Share of each cluster in the identity of the k orthonormal coordinates.
    score : ndarray of shape (n_clusters, k, n_targets)
        Orthonormal coordinates of each cluster times its residuals.
    embedding : ndarray of shape (k, rank + 1)
        Where the constant and the feature coordinates lie among the k.
    """

    scatter: Array
    score: Array
    embedding: Array

    @classmethod
    def of_runs(
        cls, runs: RunInfluence, columns: Array, clusters: IntArray, embedding: Array
    ) -> Self:
        """Influence of clusters of runs, numbered from 0, whose k coordinates are the columns."""
        order = np.argsort(clusters, kind="stable")
        bounds = np.flatnonzero(np.diff(clusters[order]) > 0) + 1
        parts = [(columns[rows], runs.residuals[rows]) for rows in np.split(order, bounds)]
        scatter = np.stack([column.T @ column for column, _ in parts])
        score = np.stack([column.T @ residual for column, residual in parts])
        of_fit = runs.residual_dof, runs.variance, runs.kind, runs.seed
        return cls(*of_fit, scatter, score, embedding)

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return len(self.scatter)

    @cached_property
    def _spectrum(self) -> tuple[Array, Array, Array]:
        values, vectors = np.linalg.eigh(self.scatter)
        values = np.clip(values, 0.0, 1.0)
        free = values < FULL_LEVERAGE
        shrink = np.where(free, 1.0 / np.where(free, 1.0 - values, 1.0), 0.0)
        return values, vectors, shrink

    def _apply(self, factors: Array, right: Array) -> Array:
        """Multiply each cluster's spectral function, with the given eigenvalues, by `right`."""
        vectors = self._spectrum[1]
        return np.asarray(vectors @ (factors[:, :, None] * (vectors.mT @ right)))

    def leave_out(self) -> Array:
        """Coordinates of the fit without each cluster, less those with it, but for the sign."""
        return self._apply(self._spectrum[2], self.score)

    @property
    def changes(self) -> Array:
        """See :class:`Influence`."""
        return np.asarray(self.embedding.T @ self.leave_out())

    def f_dof(self, q: int) -> tuple[int, float]:
        """See :class:`Influence`."""
        dof = self.n_clusters - q
        return dof, dof / (self.n_clusters - 1)

    def _expected(self) -> tuple[Array, Array]:
        values, vectors, shrink = self._spectrum
        seen = np.einsum("gij,gj,gkj->ik", vectors, values * shrink, vectors)
        lost = np.einsum("gij,gj,gkj->ik", vectors, values * (shrink == 0.0), vectors)
        fallback = self.embedding.T @ lost @ self.embedding
        # the share of the constant in groups inside one cluster, which cannot be left out
        fallback[0, 0] += 1.0 - float((self.embedding[:, 0] ** 2).sum())
        return self.embedding.T @ seen @ self.embedding, fallback

    def _reference(self, u: Array) -> tuple[Array, Array]:
        values, _, shrink = self._spectrum
        full = (self.embedding @ u)[:, None]
        adjusted = self._apply(shrink, full)[:, :, 0]
        mapped = self._apply(values * shrink, full)[:, :, 0]
        return np.einsum("gk,gk->g", adjusted, mapped), mapped

    def _reference_spectrum(self, u: Array) -> tuple[float, float]:
        square, mapped = self._reference(u)
        length = np.einsum("gk,gk->g", mapped, mapped)
        gram = mapped.T @ mapped
        trace2 = float((square**2 - 2.0 * square * length).sum() + (gram**2).sum())
        return float((square - length).sum()), trace2

    def _bootstrap_statistics(self, u: Array, target: int, signs: Array) -> Array:
        calibrated = self._root @ u
        _, mapped = self._reference(calibrated)
        shrink = self._spectrum[2]
        # cluster scores freed of half of the leverage (CR2), as the noise would have them
        noise = self._apply(np.sqrt(shrink), self.score)[:, :, target]
        adjusted = self._apply(shrink, noise[:, :, None])[:, :, 0] @ (self.embedding @ calibrated)
        estimate = signs @ (noise @ (self.embedding @ u))
        residuals = signs * adjusted - (signs @ noise) @ mapped.T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(estimate / np.sqrt((residuals**2).sum(axis=1)))


@dataclass(frozen=True, eq=False)
class Linearised:
    """Covariance of the parameters of a least-squares fit, linearised where it ended.

    Attributes
    ----------
    unit : ndarray of shape (n_parameters,)
        Unit of each parameter; the matrix is in these, for variances may not be representable.
    matrix : ndarray of shape (n_parameters, n_parameters)
        Infinite along directions that the runs do not determine.
    dof : ndarray of shape (n_parameters,)
    residual_dof : float
        Runs less the parameters that they determine.
    identified : ndarray of bool of shape (n_parameters,)
        Whether the runs determine each parameter.
    influence : Influence
    functionals : ndarray of shape (n_parameters, rank + 1)
        The parameters in the coordinates of the influence.
    """

    unit: Array
    matrix: Array
    dof: Array
    residual_dof: float
    identified: BoolArray
    influence: Influence
    functionals: Array

    @property
    def covariance(self) -> Array:
        """Covariance of the parameters, shape (n_parameters, n_parameters)."""
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(self.matrix * np.outer(self.unit, self.unit))

    @cached_property
    def quartic(self) -> Array:
        """Two quartic forms whose ratio is the degrees of freedom of a functional.

        The functional is one of the parameters in units of their standard errors. A parameter may
        hang on few runs, and predictions where most runs are on all of them: the least degrees of
        freedom of the parameters would make intervals there too wide.

        Returns
        -------
        ndarray of shape (2, n_terms)
            Coefficients of :func:`quartic_terms`; no term for one parameter, whose degrees of
            freedom are known, for many, and where a standard error is zero or infinite.
        """
        p, variance = len(self.unit), self.matrix.diagonal()
        if not 1 < p <= _MOST_QUARTIC or not np.all((variance > 0.0) & np.isfinite(variance)):
            return np.zeros((2, 0))
        # a form is known from its values in as many directions as it has terms
        directions = np.random.default_rng(0).normal(size=(2 * comb(p + 3, 4), p))
        directions /= np.linalg.norm(directions, axis=1)[:, None]
        u = directions @ (self.functionals / np.sqrt(variance)[:, None])
        forms = np.linalg.lstsq(quartic_terms(directions), self.influence._reference_moments(u))[0]
        return np.asarray(forms.T / np.abs(forms[:, 0]).max())

    def first(self, count: int) -> "Linearised":
        """That of the first parameters, beside which the others were fitted."""
        return replace(
            self,
            unit=self.unit[:count],
            matrix=self.matrix[:count, :count],
            dof=self.dof[:count],
            identified=self.identified[:count],
            functionals=self.functionals[:count],
        )

    def half_widths(self, level: float) -> Array:
        """Half width of each parameter's interval, shape (n_parameters,); may be infinite."""
        half = t_half_widths(self.matrix.diagonal(), self.dof, level)
        with np.errstate(over="ignore", invalid="ignore"):
            return np.where(self.identified, half * self.unit, np.inf)


def linearised(
    jacobian: Array,
    residuals: Array,
    weight: Array | None = None,
    clusters: ArrayLike | None = None,
    kind: IntervalKind = "cr3",
) -> Linearised:
    """Covariance of least-squares parameters by leaving out runs or clusters, to first order.

    Parameters
    ----------
    jacobian : ndarray of shape (n_runs, n_parameters)
        Derivatives of the prediction; may have any size and rank.
    residuals : ndarray of shape (n_runs,)
    weight : ndarray of shape (n_runs,), optional
    clusters : array-like of shape (n_runs,), optional
        Runs of equal label are left out together.
    kind : {"cr3", "jackknife"}

    Returns
    -------
    Linearised
        Infinite where there are fewer than two clusters.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> found = linearised(x[:, None], np.array([0.1, -0.1, 0.1, -0.06]))
    >>> found.half_widths(0.9).round(3), found.dof.round(2)
    (array([0.067]), array([1.5]))
    """
    n, p = jacobian.shape
    root = np.ones(n) if weight is None else np.sqrt(weight)
    rows, miss = jacobian * root[:, None], residuals * root
    size, scale = np.abs(rows).max(axis=0, initial=0.0), float(np.abs(miss).max(initial=0.0)) or 1.0
    size = np.where(size > 0, size, 1.0)
    left, singular, right = np.linalg.svd(rows / size, full_matrices=False)
    keep = singular > _RANK * singular.max(initial=0.0)
    left, back = left[:, keep], right[keep].T / singular[keep]
    names, codes = np.unique(np.arange(n) if clusters is None else clusters, return_inverse=True)
    residuals, residual_dof, none = (miss / scale)[:, None], float(n - left.shape[1]), np.zeros(n)
    variance = (residuals**2).sum(axis=0) / residual_dof if residual_dof > 0 else np.zeros(1)
    # the columns have no constant of their own
    runs = RunInfluence(
        residual_dof, variance, kind, 0, left, none, none, none.astype(np.intp), residuals
    )
    influence: Influence = runs
    if len(names) < n:
        embedding = np.eye(left.shape[1], 1 + left.shape[1], 1)
        influence = ClusterInfluence.of_runs(runs, left, codes, embedding)
    functionals = np.column_stack([np.zeros(p), back])
    matrix = back @ influence.covariance[0, 1:, 1:] @ back.T
    seen = np.abs(np.eye(p) - right[keep].T @ right[keep]).max(axis=0, initial=0.0) < _IDENTIFIED
    return Linearised(
        scale / size,
        matrix if len(names) > 1 else np.full((p, p), np.inf),
        influence.dof(functionals),
        residual_dof,
        seen,
        influence,
        functionals,
    )


# of single runs: leverages above are those of runs that decide a constant alone, but for rounding
_MOST_LEVERAGE = 0.99
# relative size of what a label leaves of its own runs, below which it is rounding
_LEFT_OF_LABEL = 1e-6


def deleted_residuals(
    residuals: Array, slopes: Array, labels: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Residuals that each run would have if it (or its label) had been left out, to first order.

    Parameters
    ----------
    residuals : ndarray of shape (n_runs,)
    slopes : ndarray of shape (n_runs, n_constants)
        Slopes of the prediction by the fitted constants; may have any rank.
    labels : array-like of shape (n_runs,), optional
        Runs of equal label are left out together.

    Returns
    -------
    deleted : ndarray of shape (n_runs,)
    spread : ndarray of shape (n_runs,)
        Their variance, in units of that of the errors.

    References
    ----------
    R. D. Cook, S. Weisberg, Residuals and Influence in Regression (1982), section 2.2.

    Examples
    --------
    >>> deleted, spread = deleted_residuals(np.array([1.0, -0.5, -0.5]), np.ones((3, 1)))
    >>> deleted.round(6).tolist(), spread.round(6).tolist()
    ([1.5, -0.75, -0.75], [1.5, 1.5, 1.5])
    """
    basis, triangle = np.linalg.qr(slopes)
    basis = basis[:, np.abs(np.diag(triangle)) > 1e-13 * np.abs(triangle).max(initial=1e-300)]
    if labels is None:
        spread = 1 / (1 - np.minimum((basis**2).sum(axis=1), _MOST_LEVERAGE))
        return residuals * spread, spread
    deleted, spread = residuals.copy(), np.ones(len(residuals))
    for label in np.unique(labels):
        rows = np.flatnonzero(np.asarray(labels) == label)
        block = np.eye(len(rows)) - basis[rows] @ basis[rows].T
        inverse = np.linalg.pinv(block, rcond=_LEFT_OF_LABEL)
        deleted[rows], spread[rows] = inverse @ residuals[rows], np.maximum(np.diag(inverse), 1.0)
    return deleted, spread
