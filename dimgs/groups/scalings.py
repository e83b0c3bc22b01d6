"""Scalings: changes of units that keep every group, and changes of inputs that keep a law."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.common.formats import json_value, read_text
from dimgs.groups.dimensions import DimensionalMatrix, lattice_reduced
from dimgs.groups.group import Namer, PiBasis, PiGroup, kinds_of
from dimgs.variables import Dimension

# ---- Scalings of the inputs of a simulation by a change of units, and distances between runs.
#
# Where every base quantity is measured in another unit, inputs grow by powers of the units' ratios
# and every group keeps its value. Two runs differ by such a change if and only if their groups are
# equal; how far they are from it is the least change of inputs that makes the change of groups.


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


# ---- Scalings that leave a law unchanged, and the groups that remain where they hold.


# of weights that were fitted to a table
_LARGEST_DENOMINATOR = 1000
Scaling = Mapping[str, Fraction]


def read_scalings(source: str) -> list[Scaling]:
    """Scalings of a text such as ``"E=1, d=-1"``, or of a file that ``dimgs symmetries`` wrote.

    Parameters
    ----------
    source : str
        Weights w, by which each column x becomes s^w x; or the path of a JSON document, whose
        generators of the kind "scaling" are taken.

    Returns
    -------
    list of dict of str to Fraction

    Raises
    ------
    InputError
        If a weight is not a number, or a file has no scaling.

    Examples
    --------
    >>> read_scalings("E=1, d=-1/2")
    [{'E': Fraction(1, 1), 'd': Fraction(-1, 2)}]
    """
    is_file = source.endswith(".json")
    text = read_text(source, "symmetries") if is_file else "[]"
    document = json_value(text, source, "give a document of 'dimgs symmetries --json'")
    parts = [part.partition("=") for part in source.split(",")]
    texts = [{name.strip(): weight.strip() for name, _, weight in parts}]
    try:
        if is_file:
            texts = [g["coefficients"] for g in document["generators"] if g["kind"] == "scaling"]
        scalings = [scaling_of(weights) for weights in texts]
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
        raise InputError(
            f"'{source}' is not a scaling; give the weight of each column, such as "
            f"{setting('symmetric', 'E=1, d=-1')}, or a document of 'dimgs symmetries --json'."
        ) from None
    if not scalings:
        raise InputError(f"'{source}' has no scaling, and only scalings remove a group.")
    return scalings


def scaling_of(weights: Mapping[str, str | float]) -> Scaling:
    """Exact weights, those that were fitted to a table with three digits.

    Examples
    --------
    >>> scaling_of({"L": 1.0, "d": "5/2"})
    {'L': Fraction(1, 1), 'd': Fraction(5, 2)}
    """
    return {n: Fraction(w).limit_denominator(_LARGEST_DENOMINATOR) for n, w in weights.items()}


def scaling_text(scaling: Scaling) -> str:
    """A scaling as :func:`read_scalings` takes it.

    Examples
    --------
    >>> scaling_text({"E": Fraction(1), "d": Fraction(-1, 2)})
    'E=1, d=-1/2'
    """
    return ", ".join(f"{name}={weight}" for name, weight in scaling.items())


def invariant_basis(basis: PiBasis, scalings: Sequence[Scaling]) -> PiBasis:
    """The groups of a basis that scalings leave unchanged, the response's included.

    Parameters
    ----------
    basis : PiBasis
        With a response.
    scalings : sequence of mapping of str to Fraction

    Returns
    -------
    PiBasis
        With one group less for each independent scaling that the units do not force.

    Raises
    ------
    InputError
        If a scaling names something else than a positive input or the target, is forced by the
        units, or changes the target alone.

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> bar = ["d [m]", "F [N]", "L [m]", "E [Pa]", "A [m^2]"]
    >>> print(invariant_basis(pi_basis(bar, "d"), [{"E": Fraction(1), "d": Fraction(-1)}]))
    pi_0 = A^(1/2)·E·d·F⁻¹
    pi_1 = A·L⁻²
    """
    target, pi_0 = basis.target_and_response
    names = [v.name for v in basis.variables]
    scalable = {*names, target.name} - {*basis.signed}
    unknown = [n for scaling in scalings for n in scaling if n not in scalable]
    if unknown:
        raise InputError(
            f"A scaling names '{unknown[0]}', which is neither the target nor a positive input of "
            f"the groups: {', '.join(sorted(scalable))}."
        )
    signed = [g for g in basis.groups if basis.is_signed(g)]
    plain = [g for g in basis.groups if g not in signed]
    matrix = DimensionalMatrix.of_dimensions(
        [g.name for g in plain], [_weights(g, scalings) for g in plain]
    )

    def compensated(group: PiGroup) -> dict[str, Fraction]:
        """Exponents of a group times plain ones, so that the scalings leave the product."""
        powers = matrix.solve(_weights(group, scalings) ** -1)
        if powers is None:
            raise InputError(
                f"The scaling '{' and '.join(map(scaling_text, scalings))}' changes {group}, and "
                f"no other group compensates for this: no law has the scaling."
            )
        return PiGroup.product(group.name, [group, *plain], [1, *powers]).as_dict()

    response = compensated(pi_0)
    for k, scaling in enumerate(scalings):
        if f"[{k}]" not in matrix.bases:
            raise InputError(
                f"The scaling '{scaling_text(scaling)}' removes no group, because it follows from "
                f"the units; leave it out."
            )
    namer = Namer(names, kinds_of(basis.every_variable))
    columns = [[int(g.get(n)) for g in plain] for n in names]
    unchanged = [
        [sum(k * e for k, e in zip(vector, column, strict=True)) for column in columns]
        for vector in matrix.kernel_lattice()
    ]
    groups = namer.groups(lattice_reduced(unchanged))
    moving = [PiGroup.of(f"pi_{k}", compensated(g)) for k, g in enumerate(signed, len(groups) + 1)]
    del response[target.name]
    return replace(
        basis,
        groups=(*groups, *moving),
        response=namer.response(target.name, response),
        repeating=tuple(sorted(n for n, e in response.items() if e)),
    )


def _weights(group: PiGroup, scalings: Sequence[Scaling]) -> Dimension:
    """By how much each scaling changes a group, as exponents of bases of their own."""
    return Dimension.of(
        {
            f"[{k}]": sum((e * s.get(n, Fraction(0)) for n, e in group.exponents), Fraction(0))
            for k, s in enumerate(scalings)
        }
    )
