"""Runs gathered in small cells, so that a wide window costs no more than a narrow one."""

from dataclasses import dataclass

import numpy as np

from dimgs.arrays import Array, IntArray


@dataclass(frozen=True, eq=False)
class RunCells:
    """Means of the runs in each cell, in whitened coordinates.

    Regression on the means is exact for a local polynomial, because the mean of a square is
    kept beside the square of the mean; only the kernel is taken as constant over a cell.

    Attributes
    ----------
    centres : ndarray of shape (n_cells, rank)
    second : ndarray of shape (n_cells, rank, rank)
        Covariance within each cell.
    response : ndarray of shape (n_cells,)
    mass : ndarray of shape (n_cells,)
        Total weight.
    member : ndarray of shape (n_runs,)
        Cell of each run.
    cluster : ndarray of shape (n_cells,)
        Cluster of the runs in each cell; a cell never mixes clusters.
    """

    centres: Array
    second: Array
    response: Array
    mass: Array
    member: IntArray
    cluster: IntArray


def partition(Z: Array, direction: Array, clusters: IntArray, size: int) -> IntArray:
    """Cell of each run: halves along principal directions until cells hold at most `size` runs.

    The first cut is across `direction` and the next ones across the widest direction of each
    piece, so that the cells turn with the whitened coordinates and no basis is preferred.
    """
    count = len(Z)
    if size <= 1:
        return np.arange(count)
    piece = np.unique(clusters, return_inverse=True)[1]
    along = Z @ direction
    while True:
        total = int(piece.max()) + 1
        sizes = np.bincount(piece, minlength=total)
        if sizes.max() <= size:
            return piece
        order = np.lexsort((along, piece))
        first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        position = np.empty(count, dtype=np.intp)
        position[order] = np.arange(count) - np.repeat(first, sizes)
        upper = (position >= (sizes // 2)[piece]) & (sizes > size)[piece]
        piece = np.unique(2 * piece + upper, return_inverse=True)[1]
        along = np.einsum("ij,ij->i", Z, _principal(Z, piece, direction)[piece])


def _principal(Z: Array, piece: IntArray, direction: Array) -> Array:
    counts = np.bincount(piece)
    mean = np.column_stack([np.bincount(piece, column) / counts for column in Z.T])
    centred = Z - mean[piece]
    rank = Z.shape[1]
    scatter = np.empty((len(counts), rank, rank))
    for i in range(rank):
        for j in range(i, rank):
            scatter[:, i, j] = scatter[:, j, i] = np.bincount(piece, centred[:, i] * centred[:, j])
    widest = np.linalg.eigh(scatter)[1][:, :, -1]
    # A sign that turns with the coordinates decides which half an odd run goes to.
    return np.asarray(widest * np.where(widest @ direction < 0.0, -1.0, 1.0)[:, None])


def gather(
    Z: Array, response: Array, weights: Array, clusters: IntArray, member: IntArray
) -> RunCells:
    """Weighted means and covariances of the runs in each cell."""
    count = int(member.max()) + 1
    rank = Z.shape[1]
    if count == len(Z) and np.array_equal(member, np.arange(count)):
        return RunCells(Z, np.zeros((count, rank, rank)), response, weights, member, clusters)
    mass = _sums(member, weights, count)
    share = weights / mass[member]
    centres = np.column_stack([_sums(member, share * column, count) for column in Z.T])
    offset = Z - centres[member]
    second = np.empty((count, rank, rank))
    for i in range(rank):
        for j in range(i, rank):
            product = _sums(member, share * offset[:, i] * offset[:, j], count)
            second[:, i, j] = second[:, j, i] = product
    cluster = np.zeros(count, dtype=np.intp)
    cluster[member] = clusters
    means = _sums(member, share * response, count)
    return RunCells(centres, second, means, mass, member, cluster)


def _sums(member: IntArray, values: Array, count: int) -> Array:
    return np.asarray(np.bincount(member, values, count), dtype=np.float64)


def distinct_runs(
    X: Array, y: Array, weights: Array, clusters: IntArray
) -> tuple[IntArray, IntArray, Array]:
    """First row of every distinct run, the distinct run of each row, and summed weights.

    Rows of weight zero are no runs; their place is -1.
    """
    used = np.flatnonzero(weights > 0.0)
    keys = np.column_stack([X[used], y[used], clusters[used]])
    _, first, codes = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    inverse = np.full(len(y), -1, dtype=np.intp)
    inverse[used] = np.argsort(order)[codes.ravel()]
    mass = np.asarray(np.bincount(codes.ravel(), weights[used]), dtype=np.float64)
    return used[first[order]], inverse, mass[order]
