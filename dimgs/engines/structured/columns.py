"""The dictionary: log|g(c u)| of the library's functions g and of arguments u, as columns.

A constant c is a simple number, where all sets of a few columns are compared, or one of a grid in
units of its argument, from where it is refined.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from dimgs.common.arrays import Array, IntArray
from dimgs.engines.structured.description import OPERATOR, PHASE_BITS, is_angle, structure_bits
from dimgs.engines.structured.functions import FUNCTIONS, Function
from dimgs.engines.structured.grammar import Terms, cheapest
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import ONE, Call, Mono, Number, Sum, Tree, exact

AFFINE, EXPONENTIAL, ITSELF = "affine", "exp", "itself"
# what factors are made of: the argument itself, 1 + c u, and the functions of the library
FACTORS = {
    ITSELF: Function(ITSELF, lambda u: u, np.ones_like, 0.0),
    EXPONENTIAL: FUNCTIONS["exp"],
    AFFINE: Function(AFFINE, lambda u: 1 + u, np.ones_like, OPERATOR),
    **FUNCTIONS,
}
# of free constants in units of 1/median|u|: from where g is linear to where it saturates; and
# frequencies in units of 1/max|u|: from a ninth of a turn over the range on
_GRID, _FREQUENCIES = np.geomspace(0.02, 40.0, 17), 0.7 * np.arange(1, 25)
# bits of a free constant, as of 60 runs; and where c u stays below, a function is its argument to a
# few per cent, and no column of its own
_FREE_BITS, _LINEAR = 7.0, 0.3
# simple constants: of all, of 1 + c u, of functions, and of those that oscillate; other ones are
# found as free constants
_SCALES = ("1", "2", "1/2")
_AFFINE = (*_SCALES, "3", "1/3", "4", "1/4")
_CALLED = (*_SCALES, "2*pi", "1/(2*pi)")
_TURNS = (*_CALLED, "pi", "pi/2", "4", "1/4")
# runs by which columns that differ by a monomial only are known as one
_PROBES = 12
# share of the bits of an argument that is forgiven in the first cut: more, and long arguments crowd
# out the others; none, and they are never tried
_RELIEF = 0.75
# columns beyond hide all others in single precision
_LONGEST = 1e9


def log_values(function: str, u: Array, c: Array) -> Array:
    """log|g(c u)|, or u itself for the exponential; broadcast over columns."""
    with np.errstate(all="ignore"):
        if function == EXPONENTIAL:
            return np.broadcast_to(u, np.broadcast_shapes(np.shape(u), np.shape(c)))
        if function == ITSELF:
            return np.log(np.abs(u)) + 0.0 * c
        return np.asarray(np.log(np.abs(FACTORS[function].value(c * u))))


def of_argument(function: str, inner: Tree) -> Tree:
    """A factor without its power, as a tree."""
    if function == ITSELF:
        return inner
    return Sum((ONE, inner)) if function == AFFINE else Call(function, inner)


def weighted(values: Array, root: Array) -> Array:
    """Rows times the square roots of their weights; what has no weight counts as zero.

    Parameters
    ----------
    values : ndarray of shape (n_runs, ...)
        May be infinite or NaN in runs without weight.
    root : ndarray of shape (n_runs,)
    """
    scale = root.reshape(-1, *(1,) * (values.ndim - 1))
    with np.errstate(all="ignore"):
        return np.where(scale > 0, scale * values, 0.0)


def log_slope(function: str, u: Array, c: float) -> Array:
    """Derivative of log|g(c u)| by log c."""
    with np.errstate(all="ignore"):
        if function in (EXPONENTIAL, ITSELF):
            return np.zeros_like(u)
        entry = FACTORS[function]
        return np.asarray(c * u * entry.slope(c * u) / entry.value(c * u))


@dataclass(frozen=True, slots=True)
class Factor:
    """log|g(c u)| of any argument u, or u itself for an exponential.

    Parameters
    ----------
    function : str
        Name in `FACTORS`; an exponential has the column u, and no constant.
    sign : int
        Sign of c.
    bits : float
    scale : Number, optional
        Size of c; None where it is free.
    start : float
        Where a free one starts, in units of 1/median|u|, or of 1/max|u| for what oscillates.
    """

    function: str
    sign: int
    bits: float
    scale: Number | None = None
    start: float = 0.0

    @property
    def periodic(self) -> bool:
        """Whether it oscillates."""
        return FACTORS[self.function].periodic

    @property
    def called(self) -> bool:
        """Whether its argument is that of a function."""
        return self.function not in (AFFINE, ITSELF)

    def constants(self, u: Array) -> Array:
        """The constant for each column of arguments; NaN where the function is its argument."""
        size = np.abs(u)
        if self.scale is not None:
            return np.full(u.shape[1], self.sign * self.scale.value)
        largest = size.max(axis=0)
        with np.errstate(all="ignore"):
            c = np.asarray(self.start / (largest if self.periodic else np.median(size, axis=0)))
        bent = (c * largest > _LINEAR) & np.isfinite(c) | (self.function == AFFINE)
        return np.where(bent, self.sign * c, np.nan)


def _signs(name: str) -> tuple[int, ...]:
    """Signs of the constant that make functions that differ by more than a sign."""
    return (1, -1) if name in (AFFINE, "expm1", "log1p") else (1,)


@lru_cache(maxsize=1)
def simple_factors() -> tuple[Factor, ...]:
    """Every function with its simple constants."""
    out: list[Factor] = []
    for name, entry in FACTORS.items():
        texts: tuple[str, ...] = ("1",)
        if name not in (ITSELF, EXPONENTIAL):
            texts = _AFFINE if name == AFFINE else _TURNS if entry.periodic else _CALLED
        for scale, sign in product(map(exact, texts), _signs(name)):
            plain = scale.value == 1 and sign > 0
            more = 0.0 if plain else OPERATOR + scale.bits + (sign < 0)
            out.append(Factor(name, sign, entry.bits + more, scale))
    return tuple(out)


@lru_cache(maxsize=1)
def free_factors() -> tuple[Factor, ...]:
    """Every function with a grid of constants."""
    out = [f for f in simple_factors() if f.function in (ITSELF, EXPONENTIAL)]
    for name, entry in FACTORS.items():
        if name not in (ITSELF, EXPONENTIAL):
            grid = _FREQUENCIES if entry.periodic else _GRID[:: 1 if name == AFFINE else 2]
            starts = product(grid.tolist(), _signs(name))
            out += [Factor(name, sign, entry.bits + _FREE_BITS, start=c) for c, sign in starts]
    return tuple(out)


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Columns of factors and arguments.

    Parameters
    ----------
    form : tuple of Factor
    argument : ndarray of int, shape (n_columns,)
    constant : ndarray of shape (n_columns,)
    bits : ndarray of shape (n_columns,)
        In increasing order.
    values : ndarray of shape (n_columns, n_runs)
    projected : ndarray of float32, shape (n_columns, n_runs)
        Weighted, off the power law.
    """

    form: tuple[Factor, ...]
    argument: IntArray
    constant: Array
    bits: Array
    values: Array
    projected: NDArray[np.float32]

    @classmethod
    def of(
        cls, runs: Runs, arguments: Terms, base: Array, size: int, table: Sequence[Factor]
    ) -> "Dictionary":
        """The cheapest columns; `base` is the weighted power law, which is projected out."""
        # monomials are in the power law, and an exponential has a free rate
        within = [
            isinstance(t, Mono) or (isinstance(t, Call) and t.name == "exp")
            for t in arguments.trees
        ]
        alone = ~np.array(within, dtype=bool)
        plain = np.array([structure_bits(tree, runs) for tree in arguments.trees])
        inner = np.array([structure_bits(tree, runs, "exp") for tree in arguments.trees])
        bits = np.where([f.called for f in table], inner[:, None], plain[:, None])
        bits += np.array([f.bits for f in table]) + OPERATOR
        phases = [not is_angle(t, runs) for t in arguments.trees]
        bits += PHASE_BITS * np.outer(phases, [f.periodic for f in table])
        itself = np.array([f.function == ITSELF for f in table], dtype=bool)
        bits[np.ix_(~alone, itself)] = np.inf
        # long arguments are tried too, with short forms and simple constants
        relief = np.where([f.scale is None for f in table], 0.0, _RELIEF)
        order = cheapest(bits - np.outer(plain, relief), 2 * size)
        order = order[np.isfinite(bits.ravel()[order])]
        places, kinds = np.unravel_index(order, bits.shape)
        values = np.full((len(order), runs.n_runs), np.nan)
        constant = np.full(len(order), np.nan)
        for k in np.unique(kinds):
            rows, form = np.nonzero(kinds == k)[0], table[k]
            u = arguments.values[:, places[rows]]
            constant[rows] = form.constants(u)
            values[rows] = log_values(form.function, u, constant[rows]).T
        rest, whole = _projected(values, base, runs.log_root)
        length = np.sqrt((rest**2).sum(axis=1))
        kept = (length > 1e-5 * whole + 1e-12) & (length < _LONGEST)
        probe = np.linspace(0, runs.n_runs - 1, min(runs.n_runs, _PROBES)).astype(int)
        with np.errstate(all="ignore"):
            scaled = rest[:, probe] / length[:, None]
            key = np.round(np.column_stack([scaled, np.log(length)]), 6)
            single = rest.astype(np.float32)
        # of columns that differ by a monomial the cheapest stands for all
        sorted_bits = bits.ravel()[order]
        rows = np.nonzero(kept)[0]
        rows = rows[np.argsort(sorted_bits[rows], kind="stable")]
        _, first = np.unique(key[rows], axis=0, return_index=True)
        rows = np.sort(rows[first])[:size]
        rows = rows[np.argsort(sorted_bits[rows], kind="stable")]
        forms = tuple(table[k] for k in kinds)
        return cls(forms, places, constant, sorted_bits, values, single)._only(rows)

    @cached_property
    def squares(self) -> Array:
        """Squared lengths of the projected columns."""
        return np.asarray(np.einsum("ij,ij->i", self.projected, self.projected))

    def _only(self, rows: IntArray) -> "Dictionary":
        return Dictionary(
            tuple(self.form[k] for k in rows),
            self.argument[rows],
            self.constant[rows],
            self.bits[rows],
            self.values[rows],
            self.projected[rows],
        )

    def projected_off(self, base: Array, root: Array, count: int) -> "Dictionary":
        """The columns of the fewest bits with other weights, without those not finite."""
        rest, _ = _projected(self.values[:count], base, root)
        kept = np.nonzero(np.sqrt((rest**2).sum(axis=1)) < _LONGEST)[0]
        return replace(self._only(kept), projected=rest[kept].astype(np.float32))


def _projected(values: Array, base: Array, root: Array) -> tuple[Array, Array]:
    """Weighted rows off the power law, and their lengths before that; NaN where not finite."""
    with np.errstate(all="ignore"):
        rows = weighted(values.T, root).T
        whole = np.sqrt((rows**2).sum(axis=1))
        return rows - (rows @ base) @ base.T, whole
