"""The dictionary: log|g(c u)| of the library's functions g and of arguments u, as columns.

`Columns` has a grid of constants c for a search that refines them; `Dictionary` has simple c alone,
the cheapest first, for a search that compares all sets of a few columns.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dimgs.common.arrays import Array, IntArray
from dimgs.engines.structured.arguments import Terms, cheapest
from dimgs.engines.structured.description import (
    OPERATOR,
    PHASE_BITS,
    SimpleNumber,
    is_angle,
    simple_number,
    structure_bits,
)
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import Mono

AFFINE, EXPONENTIAL, ITSELF = "affine", "exponential", "itself"
SIMPLE_CONSTANTS = (
    1.0,
    2.0,
    0.5,
    np.pi,
    2 * np.pi,
    1 / np.pi,
    1 / (2 * np.pi),
    4.0,
    0.25,
    3.0,
    1 / 3,
)
# of c in units of 1/median|u|: from where g is linear to where it saturates; refined afterwards
_GRID = np.geomspace(0.02, 40.0, 17)
# frequencies of the first arguments and of the others: half a turn over the range, and so on
_FINE, _COARSE, _MANY = 60, 16, 40
# columns at a time: few enough that a processor holds them
_CHUNK = 1024
# where c u stays below, a function is its argument to a few per cent, and no column of its own
_LINEAR = 0.3
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


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of log|g(c u)|, projected off the power law.

    Parameters
    ----------
    function : ndarray of str, shape (n_columns,)
        Name in the library, "affine" for 1 + c u, "exponential" for u (the log of exp u), or
        "itself" for log|u|.
    argument : ndarray of int, shape (n_columns,)
    constant : ndarray of shape (n_columns,)
    projected : ndarray of float32, shape (n_columns, n_runs)
        Weighted, projected and normalised.
    starts : ndarray of int, shape (n_families,)
        First column of each family, that is, of each function and argument.
    family : ndarray of int, shape (n_columns,)
    """

    function: NDArray[np.str_]
    argument: IntArray
    constant: Array
    projected: NDArray[np.float32]
    starts: IntArray
    family: IntArray


def log_values(function: str, u: Array, c: Array) -> Array:
    """log|g(c u)|, or u itself for the exponential; broadcast over columns."""
    with np.errstate(all="ignore"):
        if function == EXPONENTIAL:
            return np.broadcast_to(u, np.broadcast_shapes(np.shape(u), np.shape(c)))
        if function == ITSELF:
            return np.log(np.abs(u)) + 0.0 * c
        g = 1 + c * u if function == AFFINE else FUNCTIONS[function].value(c * u)
        return np.log(np.abs(g))


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
        if function == AFFINE:
            return c * u / (1 + c * u)
        entry = FUNCTIONS[function]
        return np.asarray(c * u * entry.slope(c * u) / entry.value(c * u))


def build_columns(
    arguments: Terms, simple: int, free: int, weights_root: Array, base: Array
) -> Columns:
    """All columns.

    Parameters
    ----------
    arguments : Terms
    simple : int
        How many of the first arguments take every function; the rest only 1 + c u and exp.
    free : int
        How many of the first arguments take any c in 1 + c u; the rest only simple ones.
    weights_root : ndarray of shape (n_runs,)
    base : ndarray of shape (n_runs, r)
        Orthonormal basis of the weighted power law, which is projected out.
    """
    sizes = _Sizes.of(arguments)
    composed = np.array([not isinstance(tree, Mono) for tree in arguments.trees], dtype=bool)
    everything, few = np.arange(len(arguments)), np.arange(simple)
    families = [
        (ITSELF, (everything[composed], np.ones(int(composed.sum())))),
        (EXPONENTIAL, (everything, np.ones(len(everything)))),
        (AFFINE, sizes.pairs(everything[:free], _affine_constants)),
        (AFFINE, sizes.pairs(everything[free:], _few_constants)),
    ]
    for name, entry in FUNCTIONS.items():
        if name != "exp":
            grid = _periodic_constants if entry.periodic else _constants
            families.append((name, sizes.pairs(few, grid)))
    values, n = np.ascontiguousarray(arguments.values.T), len(weights_root)
    projected = np.empty((sum(len(rows) for _, (rows, _) in families), n), dtype=np.float32)
    names: list[str] = []
    places: list[IntArray] = []
    constants: list[Array] = []
    filled = 0
    for name, (rows, cs) in families:
        for start in range(0, len(rows), _CHUNK):
            part, c = rows[start : start + _CHUNK], cs[start : start + _CHUNK]
            block = log_values(name, values[part], c[:, None])
            block = np.where(weights_root > 0, weights_root * block, 0.0)
            raw = np.sqrt(np.einsum("ij,ij->i", block, block))
            with np.errstate(invalid="ignore"):
                block = block - (block @ base) @ base.T
            size = np.sqrt(np.einsum("ij,ij->i", block, block))
            kept = np.isfinite(raw) & (size > 1e-5 * raw + 1e-12)
            end = filled + int(kept.sum())
            np.divide(block[kept], size[kept, None], out=projected[filled:end], casting="same_kind")
            filled = end
            names.append(name)
            places.append(part[kept])
            constants.append(c[kept])
    counts = [len(p) for p in places]
    code = np.repeat([names.index(name) for name in names], counts)
    place = np.concatenate(places)
    changes = np.ones(len(place), dtype=bool)
    changes[1:] = (code[1:] != code[:-1]) | (place[1:] != place[:-1])
    starts, family = np.nonzero(changes)[0], np.cumsum(changes) - 1
    function, constant = np.repeat(np.array(names), counts), np.concatenate(constants)
    return Columns(function, place, constant, projected[:filled], starts, family)


@dataclass(frozen=True, eq=False)
class _Sizes:
    """Median and largest modulus of each argument."""

    middle: Array
    largest: Array

    @classmethod
    def of(cls, arguments: Terms) -> "_Sizes":
        size = np.abs(arguments.values)
        return cls(np.median(size, axis=0), size.max(axis=0, initial=0.0))

    def pairs(self, rows: IntArray, grid: "_Grid") -> tuple[IntArray, Array]:
        """Terms with each of their constants."""
        usable = (self.middle[rows] > 0) & (self.middle[rows] < np.inf)
        rows = rows[usable]
        with np.errstate(all="ignore"):
            c = grid(self.middle[rows, None], self.largest[rows, None], rows[:, None])
        inside, _ = places = np.nonzero(np.isfinite(c))
        return rows[inside], c[places]


# constants, a row for each argument; NaN where there are no more
_Grid = Callable[[Array, Array, IntArray], Array]


def _affine_constants(middle: Array, _: Array, __: IntArray) -> Array:
    sizes = np.hstack([_GRID / middle, np.broadcast_to([1.0, 2.0, 0.5], (len(middle), 3))])
    return np.hstack([sizes, -sizes])


def _few_constants(middle: Array, _: Array, __: IntArray) -> Array:
    return np.broadcast_to([1.0, -1.0, 2.0, -2.0, 0.5, -0.5], (len(middle), 6))


def _constants(middle: Array, largest: Array, _: IntArray) -> Array:
    """Inner constants for which the function differs from its argument."""
    simple = np.broadcast_to(SIMPLE_CONSTANTS[:5], (len(middle), 5))
    sizes = np.hstack([_GRID[::2] / middle, simple])
    sizes = np.where(sizes > _LINEAR / largest, sizes, np.nan)
    return np.hstack([sizes, -sizes])


def _periodic_constants(middle: Array, largest: Array, i: IntArray) -> Array:
    simple = np.broadcast_to(SIMPLE_CONSTANTS, (len(middle), len(SIMPLE_CONSTANTS)))
    simple = np.where(simple > _LINEAR / largest, simple, np.nan)
    turns = np.arange(1, _FINE + 1)
    fine = np.where((turns <= _COARSE) | (i < _MANY), turns * 0.7, np.nan)
    return np.hstack([simple, fine / largest])


@dataclass(frozen=True, slots=True)
class SimpleFactor:
    """log|g(c u)| of any argument u, or u itself for an exponential.

    Parameters
    ----------
    function : str
    scale : SimpleNumber
        Size of c.
    sign : int
        Sign of c.
    bits : float
    """

    function: str
    scale: SimpleNumber
    sign: int
    bits: float


@lru_cache(maxsize=1)
def simple_factors() -> tuple[SimpleFactor, ...]:
    """Every function with its simple constants."""
    out: list[SimpleFactor] = []

    def put(bits: float, name: str, texts: tuple[str, ...], signs: tuple[int, ...]) -> None:
        for text in texts:
            scale = simple_number(text)
            for sign in signs:
                more = 0.0
                if scale.value != 1 or sign < 0:
                    more = OPERATOR + scale.bits + (sign < 0)
                out.append(SimpleFactor(name, scale, sign, bits + more))

    put(0.0, ITSELF, ("1",), (1,))
    put(FUNCTIONS["exp"].bits, EXPONENTIAL, ("1",), (1,))
    put(OPERATOR, AFFINE, _AFFINE, (1, -1))
    for name, entry in FUNCTIONS.items():
        if name != "exp":
            signs = (1, -1) if name in ("expm1", "log1p") else (1,)
            put(entry.bits, name, _TURNS if entry.periodic else _CALLED, signs)
    return tuple(out)


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Columns of forms and arguments.

    Parameters
    ----------
    form : tuple of Form
    argument : ndarray of int, shape (n_columns,)
    bits : ndarray of shape (n_columns,)
        In increasing order.
    values : ndarray of shape (n_columns, n_runs)
    projected : ndarray of float32, shape (n_columns, n_runs)
        Weighted, off the power law.
    """

    form: tuple[SimpleFactor, ...]
    argument: IntArray
    bits: Array
    values: Array
    projected: NDArray[np.float32]

    @classmethod
    def of(cls, runs: Runs, arguments: Terms, base: Array, size: int) -> "Dictionary":
        """The cheapest columns; `base` is the weighted power law, which is projected out."""
        table = simple_factors()
        composed = np.array([not isinstance(t, Mono) for t in arguments.trees], dtype=bool)
        plain = np.array([structure_bits(tree, runs) for tree in arguments.trees])
        inner = np.array([structure_bits(tree, runs, "exp") for tree in arguments.trees])
        called = np.array([f.function in FUNCTIONS or f.function == EXPONENTIAL for f in table])
        bits = np.where(called, inner[:, None], plain[:, None])
        bits += np.array([f.bits for f in table]) + OPERATOR
        turns = [f.function in FUNCTIONS and FUNCTIONS[f.function].periodic for f in table]
        bits += PHASE_BITS * np.outer([not is_angle(t, runs) for t in arguments.trees], turns)
        alone = np.array([f.function == ITSELF for f in table], dtype=bool)
        bits[np.ix_(~composed, alone)] = np.inf
        # long arguments are tried too, with short forms
        order = cheapest(bits - _RELIEF * plain[:, None], 2 * size)
        order = order[np.isfinite(bits.ravel()[order])]
        places, kinds = np.unravel_index(order, bits.shape)
        values = np.full((len(order), runs.n_runs), np.nan)
        for k in np.unique(kinds):
            rows, form = np.nonzero(kinds == k)[0], table[k]
            u, c = arguments.values[:, places[rows]], np.asarray(form.sign * form.scale.value)
            values[rows] = log_values(form.function, u, c).T
        rest, whole = _projected(values, base, runs.log_root)
        length = np.sqrt((rest**2).sum(axis=1))
        kept = (length > 1e-5 * whole + 1e-12) & (length < _LONGEST)
        probe = np.linspace(0, runs.n_runs - 1, min(runs.n_runs, _PROBES)).astype(int)
        with np.errstate(all="ignore"):
            scaled = rest[:, probe] / length[:, None]
            key = np.round(np.column_stack([scaled, np.log(length)]), 6)
        # of columns that differ by a monomial the cheapest stands for all
        sorted_bits = bits.ravel()[order]
        rows = np.nonzero(kept)[0]
        rows = rows[np.argsort(sorted_bits[rows], kind="stable")]
        _, first = np.unique(key[rows], axis=0, return_index=True)
        rows = np.sort(rows[first])[:size]
        rows = rows[np.argsort(sorted_bits[rows], kind="stable")]
        return cls(
            tuple(table[k] for k in kinds[rows]),
            places[rows].astype(np.int64),
            sorted_bits[rows],
            values[rows],
            rest[rows].astype(np.float32),
        )

    def shortest(self, count: int) -> "Dictionary":
        """The columns of the fewest bits."""
        return self._only(np.arange(min(count, len(self.bits))))

    def _only(self, rows: IntArray) -> "Dictionary":
        return Dictionary(
            tuple(self.form[k] for k in rows),
            self.argument[rows],
            self.bits[rows],
            self.values[rows],
            self.projected[rows],
        )

    def projected_off(self, base: Array, root: Array) -> "Dictionary":
        """The columns with other weights, without those that are not finite."""
        rest, _ = _projected(self.values, base, root)
        kept = np.nonzero(np.sqrt((rest**2).sum(axis=1)) < _LONGEST)[0]
        return replace(self._only(kept), projected=rest[kept].astype(np.float32))


def _projected(values: Array, base: Array, root: Array) -> tuple[Array, Array]:
    """Weighted rows off the power law, and their lengths before that; NaN where not finite."""
    with np.errstate(all="ignore"):
        rows = weighted(values.T, root).T
        whole = np.sqrt((rows**2).sum(axis=1))
        return rows - (rows @ base) @ base.T, whole
