"""A partition by oriented hyperplanes, a power law in each part, and boundaries where two meet.

The partition is a binary tree whose leaves are the regimes. With regimes 1..K in order, a
continuous boundary between k and k + 1 lies where their laws agree. Given the partition the loss
is a separate regression per regime, so a Gauss-Newton step is: fit each regime, derive the
boundaries, repeat, damped until the loss falls (Breiman 1993, IEEE Trans. Inf. Theory 39:999;
Pucar & Sjoberg 1998, ibid. 44:1310).
"""

from dataclasses import dataclass, replace

import numpy as np

from dimgs.arrays import Array, IntArray
from dimgs.fits.regimes.regime_runs import Sample


@dataclass(frozen=True, eq=False)
class Boundary:
    """The hyperplane direction @ z = threshold in whitened coordinates.

    A continuous boundary is where the two laws beside it are equal; `direction` and `threshold`
    are then derived from them.
    """

    direction: Array
    threshold: float
    continuous: bool = False


@dataclass(frozen=True, eq=False)
class Split:
    """A node: rows below the boundary go left, the others right; None is a regime."""

    boundary: Boundary
    left: "Split | None" = None
    right: "Split | None" = None


Tree = Split | None


def n_leaves(tree: Tree) -> int:
    """Number of regimes."""
    return 1 if tree is None else n_leaves(tree.left) + n_leaves(tree.right)


def labels(tree: Tree, Z: Array) -> IntArray:
    """Regime of each row, numbered from left to right."""
    if tree is None:
        return np.zeros(len(Z), dtype=np.intp)
    upper = Z @ tree.boundary.direction >= tree.boundary.threshold
    below = labels(tree.left, Z)
    return np.asarray(np.where(upper, n_leaves(tree.left) + labels(tree.right, Z), below))


def boundaries(tree: Tree) -> list[Boundary]:
    """Boundaries from left to right: number k lies between regimes k and k + 1."""
    if tree is None:
        return []
    return [*boundaries(tree.left), tree.boundary, *boundaries(tree.right)]


def with_boundaries(tree: Tree, given: list[Boundary]) -> Tree:
    """The same tree with its boundaries replaced, in the order of `boundaries`."""
    if tree is None:
        return None
    k = n_leaves(tree.left) - 1
    return Split(
        given[k], with_boundaries(tree.left, given[:k]), with_boundaries(tree.right, given[k + 1 :])
    )


def with_boundary(tree: Tree, k: int, boundary: Boundary) -> Tree:
    """The same tree with boundary `k` replaced."""
    every = boundaries(tree)
    every[k] = boundary
    return with_boundaries(tree, every)


def split_leaf(tree: Tree, regime: int, boundary: Boundary) -> Tree:
    """The tree with one regime divided in two."""
    if tree is None:
        return Split(boundary)
    below = n_leaves(tree.left)
    if regime < below:
        return replace(tree, left=split_leaf(tree.left, regime, boundary))
    return replace(tree, right=split_leaf(tree.right, regime - below, boundary))


def chain(direction: Array, thresholds: Array) -> Tree:
    """Parallel boundaries along one direction, thresholds ascending."""
    tree: Tree = None
    for threshold in reversed([float(t) for t in thresholds]):
        tree = Split(Boundary(direction, threshold), None, tree)
    return tree


def at_boundary(tree: Tree, k: int, Z: Array) -> tuple[Array, IntArray, IntArray]:
    """Who is divided by boundary `k`, and what becomes of each run on either side of it.

    Returns
    -------
    reaches : ndarray of bool of shape (n_runs,)
    left, right : ndarray of int of shape (n_runs,)
        Regime of the run on the lower and on the upper side.
    """
    reaches = np.ones(len(Z), dtype=bool)
    first = 0
    node = tree
    while node is not None:
        here = first + n_leaves(node.left) - 1
        if here == k:
            left, right = labels(node.left, Z), labels(node.right, Z)
            return reaches, first + left, here + 1 + right
        upper = Z @ node.boundary.direction >= node.boundary.threshold
        if k < here:
            reaches &= ~upper
            node = node.left
        else:
            reaches &= upper
            first = here + 1
            node = node.right
    raise IndexError(f"the partition has no boundary {k}")


def paths(tree: Tree) -> list[list[tuple[int, int]]]:
    """For each regime, the boundaries on its way as (number, side): side -1 below, +1 above."""

    def walk(node: Tree, first: int, way: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
        if node is None:
            return [way]
        here = first + n_leaves(node.left) - 1
        return walk(node.left, first, [*way, (here, -1)]) + walk(
            node.right, here + 1, [*way, (here, 1)]
        )

    return walk(tree, 0, [])


# shares of a step towards the least squares that are tried
_STEPS = 0.5 ** np.arange(8)


@dataclass(frozen=True, eq=False)
class Pieces:
    """A partition with its laws.

    Attributes
    ----------
    tree : Split or None
    laws : ndarray of shape (n_regimes, rank + 1)
        Intercept and exponents of each regime, in whitened coordinates.
    loss : float
        Weighted residual sum of squares.
    """

    tree: Tree
    laws: Array
    loss: float

    @property
    def n_regimes(self) -> int:
        """Number of regimes."""
        return len(self.laws)

    def predict(self, Z: Array) -> Array:
        """Response at whitened coordinates, shape (n_runs,)."""
        law = self.laws[labels(self.tree, Z)]
        return np.asarray(law[:, 0] + np.sum(law[:, 1:] * Z, axis=1))


def fit_laws(sample: Sample, regime: IntArray, n_regimes: int) -> Array:
    """Weighted least squares in each regime, shape (n_regimes, rank + 1)."""
    root = np.sqrt(sample.weight)
    design = root[:, None] * sample.design
    response = root * sample.y
    laws = np.empty((n_regimes, design.shape[1]))
    for k in range(n_regimes):
        member = regime == k
        laws[k] = np.linalg.lstsq(design[member], response[member], rcond=1e-10)[0]
    return laws


def jump_pieces(sample: Sample, tree: Tree) -> Pieces:
    """Laws fitted separately in each regime of a partition."""
    regime = labels(tree, sample.Z)
    laws = fit_laws(sample, regime, n_leaves(tree))
    return Pieces(tree, laws, _loss(sample, laws, regime))


def _loss(sample: Sample, laws: Array, regime: IntArray) -> float:
    miss = np.empty_like(sample.y)
    for k, law in enumerate(laws):
        member = regime == k
        miss[member] = sample.y[member] - law[0] - sample.Z[member] @ law[1:]
    return float(sample.weight @ miss**2)


def _derive(tree: Tree, laws: Array) -> Tree:
    """The tree with its continuous boundaries where the laws meet; None if two are parallel."""
    every = boundaries(tree)
    for k, old in enumerate(every):
        if not old.continuous:
            continue
        change = laws[k + 1] - laws[k]
        length = float(np.linalg.norm(change[1:]))
        if length <= 1e-9 * (1.0 + float(np.abs(laws[k, 1:]).max())):
            return None
        if change[1:] @ old.direction < 0:
            length = -length
        every[k] = Boundary(change[1:] / length, -float(change[0]) / length, True)
    return with_boundaries(tree, every)


def _evaluate(sample: Sample, tree: Tree, laws: Array) -> Pieces | None:
    derived = _derive(tree, laws)
    if derived is None:
        return None
    regime = labels(derived, sample.Z)
    if np.bincount(regime, minlength=len(laws)).min() < sample.min_runs:
        return None
    return Pieces(derived, laws, _loss(sample, laws, regime))


def _hinge_laws(sample: Sample, tree: Tree) -> Array:
    """Least squares of laws that meet at the given parallel boundaries."""
    every = boundaries(tree)
    columns = [
        np.maximum(sample.Z @ edge.direction - edge.threshold, 0.0)[:, None] for edge in every
    ]
    root = np.sqrt(sample.weight)[:, None]
    design = root * np.column_stack([sample.design, *columns])
    solution = np.linalg.lstsq(design, root[:, 0] * sample.y, rcond=1e-10)[0]
    width = sample.Z.shape[1] + 1
    laws = [solution[:width]]
    for edge, change in zip(every, solution[width:], strict=True):
        laws.append(laws[-1] + change * np.append(-edge.threshold, edge.direction))
    return np.array(laws)


def fit_continuous(sample: Sample, tree: Tree, which: list[int]) -> Pieces | None:
    """Fit with the boundaries numbered `which` continuous; None where the laws do not meet."""
    every = boundaries(tree)
    flagged = with_boundaries(
        tree, [Boundary(b.direction, b.threshold, k in which) for k, b in enumerate(every)]
    )
    starts = [fit_laws(sample, labels(tree, sample.Z), n_leaves(tree))]
    parallel = all(abs(abs(b.direction @ every[0].direction) - 1) < 1e-9 for b in every)
    if len(which) == len(every) and parallel:
        starts.append(_hinge_laws(sample, tree))
    results = []
    for start in starts:
        current = _evaluate(sample, flagged, start)
        if current is not None:
            results.append(_descend(sample, current))
    return min(results, key=lambda r: r.loss, default=None)


def _descend(sample: Sample, current: Pieces) -> Pieces:
    for _ in range(50):
        goal = fit_laws(sample, labels(current.tree, sample.Z), current.n_regimes)
        move = goal - current.laws
        better = None
        for step in _STEPS:
            trial = _evaluate(sample, current.tree, current.laws + step * move)
            if trial is not None and trial.loss < current.loss * (1 - 1e-12):
                better = trial
                break
        if better is None:
            return current
        settled = better.loss > current.loss * (1 - 1e-9)
        current = better
        if settled:
            return current
    return current
