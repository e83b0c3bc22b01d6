"""Outer blocks of runs: the fifth at each end of each input and of each axis of the groups.

A law is used where no run was made, so it is judged there: the runs at one end are left out, the
constants are refitted on the others, and the runs left out are predicted. The same blocks serve
all candidates of a table.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array, BoolArray
from dimgs.design.features import Design

# the outer fifth, and at least as many runs as show more than one error of measurement
_SHARE, _FEWEST = 0.2, 3
# more than half of the runs are no end of the others
_MOST = 0.5
# of many inputs: each block is a refit of every candidate
_MOST_BLOCKS = 40
# values nearer than that, of their range, are one setting of an input
_SAME = 1e-9
# spread of an axis, of that of the widest, below which it is rounding
_NO_SPREAD = 1e-6


@dataclass(frozen=True, eq=False)
class Block:
    """Runs at one end of a coordinate.

    Attributes
    ----------
    end : str
        In words, such as "large U".
    rows : ndarray of bool of shape (n_runs,)
    along : ndarray of shape (n_runs,)
        The coordinate.
    """

    end: str
    rows: BoolArray
    along: Array


def outer_blocks(design: Design) -> list[Block]:
    """The outer blocks of a design, each set of runs once.

    Runs of equal values at the edge of a block belong to it, and groups of runs that are held out
    together stay together.

    Parameters
    ----------
    design : Design

    Returns
    -------
    list of Block
        Fewer, or none, where an input has so few settings that its end is half of the runs.
    """
    out: list[Block] = []
    for name, values in coordinates(design):
        for word, sign in (("small", 1.0), ("large", -1.0)):
            rows = _end(sign * values, design.split)
            known = any(np.array_equal(rows, block.rows) for block in out)
            if 0 < rows.sum() <= _MOST * design.n_runs and not known:
                out.append(Block(f"{word} {name}", rows, values))
    return out[:_MOST_BLOCKS]


def coordinates(design: Design) -> Iterator[tuple[str, Array]]:
    """Inputs, on a logarithm where they are in groups, then the axes of the groups.

    The axes are principal in the metric of the inputs: of all changes of the inputs that make a
    change of the groups, the least one. So they do not depend on the basis.
    """
    data = design.data
    grouped = [f.group for f in design.features if f.group is not None]
    target = design.basis.target
    own = [] if design.basis.response is None else [design.basis.response]
    named = {n for g in (*grouped, *own) for n, _ in g.exponents}
    named -= set() if target is None else {target.name}
    inputs = sorted(named & set(data.numeric_names))
    for name in inputs:
        x = np.asarray(data[name], dtype=np.float64)
        yield name, np.log(x) if np.all(x > 0) else x
    for feature in design.features:
        if feature.variable is not None:
            yield feature.variable, np.asarray(data[feature.variable], dtype=np.float64)
    grouped = [f.group for f in design.features if f.group is not None and f.logged]
    if len(grouped) < 2:
        return
    powers = np.array([[float(dict(g.exponents).get(n, 0)) for n in inputs] for g in grouped])
    columns = [j for j, f in enumerate(design.features) if f.group is not None and f.logged]
    away = design.X[:, columns] - design.X[:, columns].mean(axis=0)
    values, vectors = np.linalg.eigh(powers @ powers.T)
    root = np.where(values > 1e-12 * values.max(), 1 / np.sqrt(np.maximum(values, 1e-300)), 0.0)
    turned, size, _ = np.linalg.svd(away @ (vectors * root), full_matrices=False)
    for k, axis in enumerate(turned.T):
        if size[k] > _NO_SPREAD * size[0]:
            yield f"values along axis {k + 1} of the groups", axis


def _end(values: Array, split: NDArray[np.generic] | None) -> BoolArray:
    """The runs, or groups of runs, of the smallest values."""
    n = len(values)
    span = float(np.ptp(values))
    if not span > 0:
        return np.zeros(n, dtype=bool)
    wanted = max(_FEWEST, round(_SHARE * n))
    if split is not None:
        names, code = np.unique(split, return_inverse=True)
        means = np.bincount(code, values) / np.bincount(code)
        order = np.argsort(means, kind="stable")
        enough = int(np.searchsorted(np.cumsum(np.bincount(code)[order]), wanted)) + 1
        return np.isin(code, order[: min(enough, len(names) - 1)])
    if n <= wanted:
        return np.zeros(n, dtype=bool)
    edge = np.partition(values, wanted - 1)[wanted - 1]
    return np.asarray(values <= edge + _SAME * span)
