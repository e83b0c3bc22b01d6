"""Random effects of the sources of runs, as columns of the design."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

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


class Whitening:
    """Residuals of runs whose sources scatter together, as independent ones of equal variance.

    Multiplies by V^(-1/2), V = 1 + Z Z': in units of a run's error, runs of a source share what Z
    gives. Runs of different sources stay apart. `log_determinant` is that of V.

    Parameters
    ----------
    effects : sequence of Effect
        With their ratios.
    root : ndarray of shape (n_runs,)
        Roots of the weights.

    Examples
    --------
    >>> lab, one = np.array(["a", "a", "b"]), np.ones((3, 1))
    >>> white = Whitening([Effect("prefactor", "lab", lab, one, one[:1], ratio=1e6)], np.ones(3))
    >>> white(np.array([2.0, 4.0, 5.0])).round(3).tolist()
    [-1.0, 1.0, 0.0]
    """

    def __init__(self, effects: Sequence[Effect], root: Array) -> None:
        Z = np.hstack([e.ratio * e.design for e in effects]) * root[:, None]
        left, size, _ = np.linalg.svd(Z, full_matrices=False)
        kept = size > 0
        self.axes, self.shrink = left[:, kept], 1.0 - 1.0 / np.sqrt(1.0 + size[kept] ** 2)
        self.log_determinant = float(np.log1p(size**2).sum())

    def __call__(self, values: Array) -> Array:
        """Columns of values, or one, without what the runs of a source share."""
        inside = self.axes.T @ values
        shrink = self.shrink if values.ndim == 1 else self.shrink[:, None]
        return np.asarray(values - self.axes @ (shrink * inside))
