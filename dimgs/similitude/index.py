"""Runs by the place of their groups: a tree for most of them, and a list of those that came later.

It is kept with the table of the runs for as long as a hub is open, so that a question among a
million runs looks at a few hundred of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array, IntArray

# runs that are compared one by one before a tree is made, and as a part of those in the tree
_FEW, _LATE = 4000, 0.125
# runs that are looked at first; then four times as many, and so on
_FIRST, _MORE = 256, 4


@dataclass
class Index:
    """Runs whose inputs have some signs, by coordinates in which near runs are near.

    Attributes
    ----------
    frame : Frame
    rows : ndarray of int
        Places of the runs in their table, the oldest first.
    """

    frame: "Frame"
    rows: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    _at: Array = field(init=False)
    _seen: int = 0
    _tree: Any = None
    _in_tree: int = 0
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        """Begin with no run."""
        self._at = np.zeros((0, len(self.frame.matrix)))

    def grown(self, values: Array) -> "Index":
        """The index with the runs that were added to the table since."""
        with self._lock:
            new = values[self._seen :]
            if len(new):
                good = self.frame.fits(new)
                self.rows = np.concatenate([self.rows, self._seen + np.flatnonzero(good)])
                self._at = np.vstack([self._at, self.frame.place(new[good])])
                self._seen = len(values)
            late = len(self.rows) - self._in_tree
            if late > _FEW and late > _LATE * self._in_tree:
                from scipy.spatial import cKDTree

                # a tree whose boxes are halved is made in a third of the time
                self._tree = cKDTree(self._at, balanced_tree=False, compact_nodes=False)
                self._in_tree = len(self.rows)
        return self

    def within(self, asked: Array, radius: float) -> IntArray:
        """Places of the runs within a distance, the oldest first."""
        at = self.frame.place(asked[None])[0]
        found = np.zeros(0, dtype=np.intp)
        if self._tree is not None:
            found = np.array(self._tree.query_ball_point(at, radius), dtype=np.intp)
        late = np.linalg.norm(self._at[self._in_tree :] - at, axis=1) <= radius
        every = np.concatenate([found, self._in_tree + np.flatnonzero(late)])
        return np.asarray(self.rows[np.sort(every)])

    def nearest(self, asked: Array) -> Iterator[IntArray]:
        """Places of the runs, the nearest first, some at a time."""
        at = self.frame.place(asked[None])[0]
        late = np.linalg.norm(self._at[self._in_tree :] - at, axis=1)
        some, told = _FIRST, 0
        while told < len(self.rows):
            far, which = late, self._in_tree + np.arange(len(late))
            if self._tree is not None:
                apart, found = self._tree.query(at, min(some, self._in_tree))
                far = np.concatenate([np.atleast_1d(apart), far])
                which = np.concatenate([np.atleast_1d(found), which])
            # of those beyond the last that the tree told there may be nearer ones
            known = len(self.rows) if some >= self._in_tree else min(some, len(far))
            order = np.argsort(far, kind="stable")[:known]
            yield self.rows[which[order[told:]]]
            told, some = known, some * _MORE


@dataclass(frozen=True)
class Frame:
    """How runs become points: what has a logarithm, which signs are asked for, and what counts.

    Attributes
    ----------
    matrix : ndarray of shape (n_groups, n_inputs)
        Of the logarithms.
    signs : ndarray of shape (n_inputs,)
    plain, inverse : ndarray of bool of shape (n_inputs,)
        Inputs without logarithm, and those that act through their inverse.
    scale : ndarray of shape (n_inputs,)
        What counts as 1 of the first, and a temperature for the second.
    """

    matrix: Array
    signs: Array
    plain: NDArray[np.bool_]
    inverse: NDArray[np.bool_]
    scale: Array

    @property
    def key(self) -> tuple[bytes, ...]:
        """Equal for frames in which runs have the same neighbours, or nearly so."""
        signs = np.where(self.plain, 0.0, self.signs)
        parts = (self.matrix, signs, self.plain, self.inverse)
        return tuple(part.tobytes() for part in parts)

    def fits(self, values: Array) -> NDArray[np.bool_]:
        """Which runs have the signs."""
        same = (np.sign(values) == self.signs) | self.plain
        return np.asarray(np.all(same, axis=1))

    def place(self, values: Array) -> Array:
        """Points of runs."""
        with np.errstate(divide="ignore"):
            logs = np.log(np.abs(values))
        logs[values == 0] = 0.0
        logs[:, self.plain] = (values / self.scale)[:, self.plain]
        logs[:, self.inverse] = -(self.scale / values)[:, self.inverse]
        return np.asarray(logs @ self.matrix.T)
