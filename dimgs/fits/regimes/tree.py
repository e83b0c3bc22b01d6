"""A partition of space by oriented hyperplanes: a binary tree whose leaves are the regimes."""

from dataclasses import dataclass, replace

import numpy as np

from dimgs.arrays import Array, IntArray


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
