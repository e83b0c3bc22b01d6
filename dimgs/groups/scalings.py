"""Scalings of the inputs of a simulation by a change of units, and distances between runs.

Where every base quantity is measured in another unit, inputs grow by powers of the units' ratios
and every group keeps its value. Two runs differ by such a change if and only if their groups are
equal; how far they are from it is the least change of inputs that makes the change of groups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dimgs.common.arrays import Array
from dimgs.variables import Dimension

# of the largest singular value: dimensions are small rationals, roundings of them 1e-16
_RANK = 1e-10


@dataclass(frozen=True)
class Scalings:
    """Changes of the base units that keep some constants.

    Parameters
    ----------
    inputs : mapping of str to Dimension
    constants : sequence of Dimension
        Of dimensional constants that keep their value, such as the acceleration of gravity.
    whole : bool
        Whether inputs and constants are all that has a dimension. Where they may not be, no
        change of units is known to leave the answer alone: inputs are compared one by one.

    Examples
    --------
    >>> from dimgs.variables import parse_unit
    >>> film = {n: parse_unit(u).dimension for n, u in {"D": "m^2/s", "l": "m", "t": "s"}.items()}
    >>> change = np.log([1.0, 2.0, 4.0])
    >>> bool(Scalings(film).distance(change) < 1e-15)  # D·t/l² is the same
    True
    >>> print(Scalings(film).distance(np.log([10.0, 1.0, 1.0])).round(3))
    0.408
    """

    inputs: Mapping[str, Dimension]
    constants: Sequence[Dimension] = ()
    whole: bool = True

    @cached_property
    def bases(self) -> tuple[str, ...]:
        """Base dimensions of the inputs and constants, sorted."""
        every = (*self.inputs.values(), *self.constants)
        return tuple(sorted({b for dimension in every for b, _ in dimension}))

    def _powers(self, dimensions: Sequence[Dimension]) -> Array:
        rows = [[float(d.get(b)) for b in self.bases] for d in dimensions]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.bases))

    @cached_property
    def free(self) -> Array:
        """Orthonormal changes of the logarithms of base units, one a column."""
        from scipy.linalg import null_space

        n = len(self.bases)
        if not self.whole or not n:
            return np.zeros((n, 0))
        if not self.constants:
            return np.eye(n)
        return np.asarray(null_space(self._powers(tuple(self.constants)), rcond=_RANK))

    @cached_property
    def directions(self) -> Array:
        """Growth of the inputs' logarithms for each change of units, of shape (n_inputs, n)."""
        return np.asarray(self._powers(tuple(self.inputs.values())) @ self.free)

    def coordinates(self, lengths: Array | None = None) -> Array:
        """Matrix T such that the distance of two runs is the length of T Δ log x.

        Parameters
        ----------
        lengths : ndarray of shape (n_inputs,), optional
            How much of a change of each input counts as 1; all 1 by default.

        Returns
        -------
        ndarray of shape (n_groups, n_inputs)
            d² = Δ log πᵀ (W L² Wᵀ)⁻¹ Δ log π with W the exponents of any basis of groups.
        """
        scale = np.ones(len(self.inputs)) if lengths is None else lengths
        across = self.directions / scale[:, None]
        if not across.size:
            return np.diag(1.0 / scale)
        left, sizes, _ = np.linalg.svd(across)
        rank = int((sizes > _RANK * sizes.max(initial=0.0)).sum()) if sizes.any() else 0
        return np.asarray(left[:, rank:].T / scale)

    def distance(self, change: Array) -> Array:
        """Decades between runs whose inputs' natural logarithms differ by `change`.

        Parameters
        ----------
        change : ndarray of shape (..., n_inputs)
        """
        apart = np.asarray(change) @ self.coordinates().T
        return np.asarray(np.linalg.norm(apart, axis=-1) / np.log(10.0))

    def monomial(self, target: Dimension) -> Array | None:
        """Powers of the inputs by which a target scales under any change of units.

        Parameters
        ----------
        target : Dimension

        Returns
        -------
        ndarray of shape (n_inputs,) or None
            None where the inputs do not determine how the target grows.
        """
        if not self.whole:
            return np.zeros(len(self.inputs))
        growth = np.array([float(target.get(b)) for b in self.bases]) @ self.free
        if any(target.get(b) and b not in self.bases for b, _ in target):
            return None
        powers = np.linalg.lstsq(self.directions.T, growth, rcond=_RANK)[0]
        reached = self.directions.T @ powers
        return np.asarray(powers) if np.allclose(reached, growth, atol=1e-9) else None
