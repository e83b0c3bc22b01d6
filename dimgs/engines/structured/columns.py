"""The dictionary: log|g(c u)| of the library's functions g and of arguments u, as columns.

`Columns` has a grid of constants c for a search that refines them; `Dictionary` has simple c alone,
the cheapest first, for a search that compares all sets of a few columns.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array, IntArray
from dimgs.engines.structured.arguments import Arguments
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
# columns at a time, which bounds the memory
_CHUNK = 8192
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
    own = root.reshape(-1, *(1,) * (values.ndim - 1))
    with np.errstate(all="ignore"):
        return np.where(own > 0, own * values, 0.0)


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
    arguments: Arguments, simple: int, free: int, weights_root: Array, base: Array
) -> Columns:
    """All columns.

    Parameters
    ----------
    arguments : Arguments
    simple : int
        How many of the first arguments take every function; the rest only 1 + c u and exp.
    free : int
        How many of the first arguments take any c in 1 + c u; the rest only simple ones.
    weights_root : ndarray of shape (n_runs,)
    base : ndarray of shape (n_runs, r)
        Orthonormal basis of the weighted power law, which is projected out.
    """
    function: list[str] = []
    argument: list[int] = []
    constant: list[float] = []
    blocks: list[NDArray[np.float32]] = []

    def put(name: str, rows: list[int], cs: list[float]) -> None:
        for start in range(0, len(rows), _CHUNK):
            part = np.array(rows[start : start + _CHUNK])
            c = np.array(cs[start : start + _CHUNK])
            block = weighted(log_values(name, arguments.values[:, part], c), weights_root)
            finite = np.all(np.isfinite(block), axis=0)
            block = block[:, finite]
            raw = np.sqrt((block**2).sum(axis=0))
            block = block - base @ (base.T @ block)
            size = np.sqrt((block**2).sum(axis=0))
            kept = size > 1e-5 * raw + 1e-12
            blocks.append((block[:, kept] / size[kept]).T.astype(np.float32))
            inside = np.nonzero(finite)[0][kept]
            argument.extend(part[inside].tolist())
            constant.extend(c[inside].tolist())
            function.extend([name] * len(inside))

    everything = range(len(arguments))
    composed = [i for i, tree in enumerate(arguments.trees) if not isinstance(tree, Mono)]
    put(ITSELF, composed, [1.0] * len(composed))
    put(EXPONENTIAL, list(everything), [1.0] * len(arguments))
    rows, cs = _pairs(arguments, range(free), _affine_constants)
    put(AFFINE, rows, cs)
    rows, cs = _pairs(arguments, range(free, len(arguments)), _few_constants)
    put(AFFINE, rows, cs)
    for name, entry in FUNCTIONS.items():
        if name != "exp":
            grid = _periodic_constants if entry.periodic else _constants
            rows, cs = _pairs(arguments, range(simple), grid)
            put(name, rows, cs)
    names, places = np.array(function), np.array(argument, dtype=np.int64)
    changes = np.ones(len(names), dtype=bool)
    changes[1:] = (names[1:] != names[:-1]) | (places[1:] != places[:-1])
    starts = np.nonzero(changes)[0]
    family = np.cumsum(changes) - 1
    return Columns(names, places, np.array(constant), np.concatenate(blocks), starts, family)


def _pairs(arguments: Arguments, rows: range, grid: object) -> tuple[list[int], list[float]]:
    assert callable(grid)
    out_rows: list[int] = []
    out: list[float] = []
    for i in rows:
        u = arguments.values[:, i]
        found = grid(u, i) if 0 < np.median(np.abs(u)) < np.inf else []
        out_rows += [i] * len(found)
        out += [float(c) for c in found]
    return out_rows, out


def _affine_constants(u: Array, _: int) -> list[float]:
    scale = 1 / float(np.median(np.abs(u)))
    sizes = [*(_GRID * scale), 1.0, 2.0, 0.5]
    return [*sizes, *(-c for c in sizes)]


def _few_constants(u: Array, _: int) -> list[float]:
    return [1.0, -1.0, 2.0, -2.0, 0.5, -0.5]


def _constants(u: Array, _: int) -> list[float]:
    """Those for which the function is not simply its argument."""
    scale = 1 / float(np.median(np.abs(u)))
    least = _LINEAR / float(np.abs(u).max())
    sizes = [c for c in (*(_GRID[::2] * scale), *SIMPLE_CONSTANTS[:5]) if c > least]
    return [*sizes, *(-c for c in sizes)]


def _periodic_constants(u: Array, i: int) -> list[float]:
    largest = float(np.abs(u).max())
    fine = 60 if i < 40 else 16
    simple_number = [c for c in SIMPLE_CONSTANTS if c > _LINEAR / largest]
    return [*simple_number, *(np.arange(1, fine + 1) * 0.7 / largest)]


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
    def of(cls, runs: Runs, arguments: Arguments, base: Array, size: int) -> "Dictionary":
        """The cheapest columns; `base` is the weighted power law, which is projected out."""
        table = simple_factors()
        composed = np.array([not isinstance(t, Mono) for t in arguments.trees], dtype=bool)
        own = np.array([structure_bits(tree, runs) for tree in arguments.trees])
        inner = np.array([structure_bits(tree, runs, "exp") for tree in arguments.trees])
        called = np.array([f.function in FUNCTIONS or f.function == EXPONENTIAL for f in table])
        bits = np.where(called, inner[:, None], own[:, None])
        bits += np.array([f.bits for f in table]) + OPERATOR
        turns = [f.function in FUNCTIONS and FUNCTIONS[f.function].periodic for f in table]
        bits += PHASE_BITS * np.outer([not is_angle(t, runs) for t in arguments.trees], turns)
        alone = np.array([f.function == ITSELF for f in table], dtype=bool)
        bits[np.ix_(~composed, alone)] = np.inf
        # long arguments are tried too, with short forms
        order = np.argsort(bits - _RELIEF * own[:, None], axis=None, kind="stable")[: 2 * size]
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
        own_bits = bits.ravel()[order]
        rows = np.nonzero(kept)[0]
        rows = rows[np.argsort(own_bits[rows], kind="stable")]
        _, first = np.unique(key[rows], axis=0, return_index=True)
        rows = np.sort(rows[first])[:size]
        rows = rows[np.argsort(own_bits[rows], kind="stable")]
        return cls(
            tuple(table[k] for k in kinds[rows]),
            places[rows].astype(np.int64),
            own_bits[rows],
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
        """The same columns with other weights; those that are not finite there are left out."""
        rest, _ = _projected(self.values, base, root)
        kept = np.nonzero(np.sqrt((rest**2).sum(axis=1)) < _LONGEST)[0]
        return replace(self._only(kept), projected=rest[kept].astype(np.float32))


def _projected(values: Array, base: Array, root: Array) -> tuple[Array, Array]:
    """Weighted rows off the power law, and their lengths before that; NaN where not finite."""
    with np.errstate(all="ignore"):
        own = weighted(values.T, root).T
        whole = np.sqrt((own**2).sum(axis=1))
        return own - (own @ base) @ base.T, whole
