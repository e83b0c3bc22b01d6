"""Factors with simple constants, the cheapest first: the columns of a lattice."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.arguments import Arguments
from dimgs.engines.structured.columns import AFFINE, EXPONENTIAL, ITSELF, log_values, weighted
from dimgs.engines.structured.describe import PHASE_BITS, is_angle, structure_bits
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.naturals import Natural, natural
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import Mono

Array = NDArray[np.float64]
_OPERATOR = 2.0
_SCALES = ("1", "2", "1/2")
_AFFINE = (*_SCALES, "3", "1/3", "4", "1/4")
_CALLED = (*_SCALES, "2*pi", "1/(2*pi)")
_TURNS = (*_CALLED, "pi", "pi/2", "4", "1/4")
_PROBES = 12
_RELIEF = 0.75
_LONGEST = 1e9


@dataclass(frozen=True, slots=True)
class Form:
    """log|g(c u)| of any argument u, or u itself for an exponential.

    Parameters
    ----------
    function : str
    scale : Natural
        Size of c.
    sign : int
        Sign of c.
    bits : float
    """

    function: str
    scale: Natural
    sign: int
    bits: float


@lru_cache(maxsize=1)
def forms() -> tuple[Form, ...]:
    """Every function with its simple constants."""
    out: list[Form] = []

    def put(bits: float, name: str, texts: tuple[str, ...], signs: tuple[int, ...]) -> None:
        for text in texts:
            scale = natural(text)
            for sign in signs:
                more = 0.0
                if scale.value != 1 or sign < 0:
                    more = _OPERATOR + scale.bits + (sign < 0)
                out.append(Form(name, scale, sign, bits + more))

    put(0.0, ITSELF, ("1",), (1,))
    put(FUNCTIONS["exp"].bits, EXPONENTIAL, ("1",), (1,))
    put(_OPERATOR, AFFINE, _AFFINE, (1, -1))
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

    form: tuple[Form, ...]
    argument: NDArray[np.int64]
    bits: Array
    values: Array
    projected: NDArray[np.float32]

    @classmethod
    def of(cls, runs: Runs, arguments: Arguments, base: Array, size: int) -> "Dictionary":
        """The cheapest columns; `base` is the weighted power law, which is projected out."""
        table = forms()
        composed = np.array([not isinstance(t, Mono) for t in arguments.trees], dtype=bool)
        own = np.array([structure_bits(tree, runs) for tree in arguments.trees])
        inner = np.array([structure_bits(tree, runs, "exp") for tree in arguments.trees])
        called = np.array([f.function in FUNCTIONS or f.function == EXPONENTIAL for f in table])
        bits = np.where(called, inner[:, None], own[:, None])
        bits += np.array([f.bits for f in table]) + _OPERATOR
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

    def _only(self, rows: NDArray[np.int64]) -> "Dictionary":
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
