"""Random effects of the sources of runs, as columns of the design."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.common.arrays import Array, IntArray


@dataclass(frozen=True, eq=False)
class Effect:
    """Something that differs between the sources of one kind, by one standard deviation.

    Attributes
    ----------
    name : str
        "prefactor", what has another exponent in each source, or a constant of a closed form.
    source : str
        Column of the sources.
    labels : ndarray of str of shape (n_runs,)
    columns : ndarray of shape (n_runs, n_terms)
        What the differences multiply, independent and of equal variance.
    terms : ndarray of shape (n_features + 1, n_terms)
        The same as weighted sums of [1, features]; in a closed form, of these and its slopes.
    ratio : float
        The standard deviation over that of a run, where it is known.
    of_constant : bool
        Whether it is a constant of a closed form that differs; its column is the slope there.
    """

    name: str
    source: str
    labels: NDArray[np.str_]
    columns: Array
    terms: Array
    ratio: float = 1.0
    of_constant: bool = False

    @cached_property
    def names(self) -> list[str]:
        """The sources."""
        return [str(name) for name in np.unique(self.labels)]

    @cached_property
    def design(self) -> Array:
        """Columns of every source, zero in runs of the others; terms fastest."""
        return self.design_of(self.labels, self.columns)

    def design_of(self, labels: NDArray[np.str_], columns: Array) -> Array:
        """The same of other runs; zero throughout in those of a new source.

        Parameters
        ----------
        labels : ndarray of str of shape (n_rows,)
        columns : ndarray of shape (n_rows, n_terms)
        """
        indicators = (labels[:, None] == np.array(self.names)[None, :]).astype(np.float64)
        wide = indicators[:, :, None] * columns[:, None, :]
        return np.asarray(wide.reshape(len(labels), -1))

    def take(self, rows: NDArray[np.generic] | IntArray) -> "Effect":
        """The effects on a subset of the runs."""
        return replace(self, labels=self.labels[rows], columns=self.columns[rows])


# length of what labels add along a direction, over that of all runs, below which it is rounding
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Whitening:
    """Residuals of runs that share what nobody measured, as independent ones of equal variance.

    Attributes
    ----------
    axes : ndarray of shape (n_runs, n_axes)
        Orthonormal directions along which runs scatter together.
    shrink : ndarray of shape (n_axes,)
        Part of the residuals along each that is taken away.
    log_determinant : float
        Of the covariance, in units of a run's error.
    lost : int
        How many directions say nothing of the law.
    """

    axes: Array
    shrink: Array
    log_determinant: float = 0.0
    lost: int = 0

    @classmethod
    def of_effects(cls, effects: Sequence[Effect], root: Array) -> "Whitening":
        """Of random effects: multiplies by V^(-1/2), V = 1 + Z Z'.

        In units of a run's error, runs of a source share what Z gives. Runs of different sources
        stay apart.

        Parameters
        ----------
        effects : sequence of Effect
            With their ratios.
        root : ndarray of shape (n_runs,)
            Roots of the weights.

        Examples
        --------
        >>> lab, one = np.array(["a", "a", "b"]), np.ones((3, 1))
        >>> effect = Effect("prefactor", "lab", lab, one, one[:1], ratio=1e6)
        >>> Whitening.of_effects([effect], np.ones(3))(np.array([2.0, 4.0, 5.0])).round(3).tolist()
        [-1.0, 1.0, 0.0]
        """
        Z = np.hstack([e.ratio * e.design for e in effects]) * root[:, None]
        left, size, _ = np.linalg.svd(Z, full_matrices=False)
        kept = size > 0
        shrink = 1.0 - 1.0 / np.sqrt(1.0 + size[kept] ** 2)
        return cls(left[:, kept], shrink, float(np.log1p(size**2).sum()))

    @classmethod
    def of_labels(cls, labels: NDArray[Any], root: Array) -> "Whitening":
        """Of fixed effects: without what each label adds, the weighted mean of all runs aside.

        Parameters
        ----------
        labels : ndarray of shape (n_runs,)
        root : ndarray of shape (n_runs,)
            Roots of the weights.

        Examples
        --------
        >>> white = Whitening.of_labels(np.array(["a", "a", "b"]), np.ones(3))
        >>> white(np.array([2.0, 4.0, 6.0])).round(3).tolist(), white.lost
        ([3.0, 5.0, 4.0], 1)
        """
        Z = (labels[:, None] == np.unique(labels)[None, :]) * root[:, None]
        norm = np.linalg.norm(root)
        mean = root / norm
        left, size, _ = np.linalg.svd(Z - np.outer(mean, mean @ Z), full_matrices=False)
        axes = left[:, size > _ROUNDING * norm]
        return cls(axes, np.ones(axes.shape[1]), lost=axes.shape[1])

    def __call__(self, values: Array) -> Array:
        """Columns of values, or one, without what the runs of a source share."""
        inside = self.axes.T @ values
        shrink = self.shrink if values.ndim == 1 else self.shrink[:, None]
        return np.asarray(values - self.axes @ (shrink * inside))
