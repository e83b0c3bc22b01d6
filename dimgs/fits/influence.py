"""Leaving out single runs, or clusters of runs, in closed form; constants of any least squares."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dimgs.arrays import Array, BoolArray, IntArray
from dimgs.fits.covariance import Influence, IntervalKind, t_quantile

# A run or cluster of this leverage alone determines a direction: leaving it out says nothing.
FULL_LEVERAGE = 1.0 - 1e-9
# singular values of columns of size 1 below this share of the largest are rounding
_RANK = 1e-12
# share of a parameter in directions that the runs do not determine: above the rounding of
# well-conditioned columns
_IDENTIFIED = 1e-6
# numbers in memory at a time: 16 MB
_BOOTSTRAP_CHUNK = 2_000_000


@dataclass(frozen=True, eq=False)
class RunInfluence(Influence):
    """Influence of single runs; memory linear in the runs, whatever the number of groups.

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
        own = np.bincount(self.codes, square * self.dummy**2, n_groups)
        among = self.rows.T @ (self.rows * square[:, None])
        across = 0.0
        for column in self.rows.T:
            part = np.bincount(self.codes, square * self.dummy * column, n_groups)
            across += float(part @ part)
        overlap = float(own @ own) + 2.0 * across + float((among**2).sum())
        return trace, float(square**2 @ (1.0 - 2.0 * self.leverage)) + overlap

    def _bootstrap_statistics(self, u: Array, target: int, signs: Array) -> Array:
        a = (self._columns @ (self._root @ u)) * self._shrink
        # residuals freed of their leverage: the noise, not what the fit left of it
        noise = self.residuals[:, target] * np.sqrt(self._shrink)
        n_groups = int(self.codes.max(initial=0)) + 1
        out = []
        step = max(1, _BOOTSTRAP_CHUNK // max(len(a), 1))
        for start in range(0, len(signs), step):
            sample = signs[start : start + step] * noise
            estimate = sample @ (self._columns @ u)
            means = np.stack([np.bincount(self.codes, r * self.dummy, n_groups) for r in sample])
            left = sample - means[:, self.codes] * self.dummy - (sample @ self.rows) @ self.rows.T
            with np.errstate(divide="ignore", invalid="ignore"):
                out.append(estimate / np.sqrt((left**2) @ (a**2)))
        return np.concatenate(out)


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
    nested : float
        Share of the constant in groups that lie inside one cluster, which cannot be left out.
    """

    scatter: Array
    score: Array
    embedding: Array
    nested: float

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
        fallback[0, 0] += self.nested
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
        left = signs * adjusted - (signs @ noise) @ mapped.T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(estimate / np.sqrt((left**2).sum(axis=1)))


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
    """

    unit: Array
    matrix: Array
    dof: Array
    residual_dof: float
    identified: BoolArray

    @property
    def covariance(self) -> Array:
        """Covariance of the parameters, shape (n_parameters, n_parameters)."""
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(self.matrix * np.outer(self.unit, self.unit))

    def half_widths(self, level: float) -> Array:
        """Half width of each parameter's interval, shape (n_parameters,); may be infinite."""
        variance = np.maximum(self.matrix.diagonal(), 0.0)
        quantile = t_quantile(level, self.dof)
        with np.errstate(over="ignore", invalid="ignore"):
            half = quantile * np.sqrt(variance) * self.unit
        return np.where(self.identified & np.isfinite(quantile), half, np.inf)


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
    found = _influence(left, miss / scale, codes if len(names) < n else None, kind)
    functionals = np.column_stack([np.zeros(p), back])
    matrix = back @ found.covariance[0, 1:, 1:] @ back.T
    seen = np.abs(np.eye(p) - right[keep].T @ right[keep]).max(axis=0, initial=0.0) < _IDENTIFIED
    return Linearised(
        scale / size,
        matrix if len(names) > 1 else np.full((p, p), np.inf),
        found.dof(functionals),
        found.residual_dof,
        seen,
    )


def _influence(rows: Array, miss: Array, codes: IntArray | None, kind: IntervalKind) -> Influence:
    """Influence of orthonormal columns without a constant of their own."""
    n, rank = rows.shape
    dof = float(n - rank)
    variance = np.array([miss @ miss / dof if dof > 0 else 0.0])
    if codes is None:
        none = np.zeros(n)
        group = np.zeros(n, dtype=np.intp)
        return RunInfluence(dof, variance, kind, 0, rows, none, none, group, miss[:, None])
    own = [codes == k for k in range(int(codes.max()) + 1)]
    return ClusterInfluence(
        dof,
        variance,
        kind,
        0,
        scatter=np.stack([rows[k].T @ rows[k] for k in own]),
        score=np.stack([rows[k].T @ miss[k, None] for k in own]),
        embedding=np.eye(rank, 1 + rank, 1),
        nested=0.0,
    )
