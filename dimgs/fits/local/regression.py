"""Batched local polynomial regression on cells near each point, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

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


# numbers in memory at a time: 32 MB
CHUNK_NUMBERS = 4_000_000
# of columns of unit spread: bends no slope that runs determine, and keeps empty windows solvable
RIDGE = 1e-8


@dataclass(frozen=True)
class Window:
    """How wide the kernel is: the distance that holds a share of the total weight.

    Attributes
    ----------
    share : float
        Share of the total weight within the window; above one the window is as much wider
        than the farthest run, and at infinity all runs weigh the same.
    cells : RunCells
    tree : cKDTree
        Over the centres of the cells.
    neighbours : int
        First guess of how many cells a window holds.
    """

    share: float
    cells: RunCells
    tree: cKDTree
    neighbours: int

    def weights(self, points: Array) -> tuple[IntArray, Array]:
        """Cells near each point and their kernel weights times mass, (n_points, n_near)."""
        cells = self.cells
        count, rank = cells.centres.shape
        if np.isinf(self.share):
            index = np.broadcast_to(np.arange(count), (len(points), count))
            return index, np.broadcast_to(cells.mass, index.shape)
        wanted = min(self.share, 1.0) * float(cells.mass.sum()) * (1.0 - 1e-9)
        near = min(self.neighbours, count)
        while True:
            found = self.tree.query(points, k=np.arange(1, near + 1), workers=2)
            distance, index = np.asarray(found[0]), np.asarray(found[1])
            mass = np.cumsum(cells.mass[index], axis=1)
            if near == count or float(mass[:, -1].min()) >= wanted:
                break
            near = min(2 * near, count)
        last = np.minimum((mass < wanted).sum(axis=1), near - 1)
        reach = np.take_along_axis(distance, last[:, None], axis=1)
        reach = reach * max(self.share, 1.0) ** (1.0 / max(rank, 1))
        # The run at the edge keeps a little weight, so that a window of few runs is not
        # narrower than it says; a window on repeated settings keeps those alone.
        reach = np.maximum(reach * (1.0 + 1e-3), 1e-12)
        kernel = np.maximum(1.0 - (distance / reach) ** 3, 0.0) ** 3
        return index, kernel * cells.mass[index]


@dataclass(frozen=True, eq=False)
class LocalFits:
    """Local polynomials at a batch of points.

    Attributes
    ----------
    rows : slice
        Which points.
    value : ndarray of shape (n_points,)
    slopes : ndarray of shape (n_points, rank)
    leverage : ndarray of shape (n_points,)
        Corner of the inverse normal matrix: variance of the value per unit kernel weight.
    index, weights : ndarray of shape (n_points, n_near)
        Cells used and their weights.
    slope_rows : ndarray of shape (n_points, rank, n_near), or None
        What each cell's response contributes to the slopes.
    """

    rows: slice
    value: Array
    slopes: Array
    leverage: Array
    index: IntArray
    weights: Array
    slope_rows: Array | None


def terms(rank: int, quadratic: bool) -> int:
    """Number of coefficients of a local polynomial."""
    return 1 + rank + (rank * (rank + 1) // 2 if quadratic else 0)


def local_fits(
    window: Window,
    points: Array,
    quadratic: bool = False,
    rows: bool = False,
    exclude: IntArray | None = None,
) -> Iterator[LocalFits]:
    """Local polynomial fits at the points, chunk by chunk.

    A faint pull of the slopes towards zero (the global law has been taken out of the response)
    decides where a neighbourhood does not determine them.

    Parameters
    ----------
    window : Window
    points : ndarray of shape (n_points, rank)
        Whitened coordinates.
    quadratic : bool, default=False
        Local quadratic instead of local linear.
    rows : bool, default=False
        Return what each cell contributes to the slopes.
    exclude : ndarray of shape (n_points,), optional
        Cluster whose cells are left out at each point.
    """
    cells = window.cells
    rank = points.shape[1]
    size = terms(rank, quadratic)
    near = len(cells.mass) if window.share >= 1.0 else 2 * window.neighbours
    step = int(max(1, min(4096, CHUNK_NUMBERS // (max(near, 1) * (size + 2 * rank + 4)))))
    upper = np.triu_indices(rank)
    for start in range(0, len(points), step):
        part = slice(start, min(start + step, len(points)))
        index, weights = window.weights(points[part])
        if exclude is not None:
            weights = np.where(cells.cluster[index] == exclude[part, None], 0.0, weights)
        offset = cells.centres[index] - points[part, None, :]
        total = np.maximum(weights.sum(axis=1), 1e-300)
        squared = np.einsum("nc,ncj,ncj->n", weights, offset, offset) / total / max(rank, 1)
        scale = np.sqrt(np.maximum(squared, 1e-24))
        offset = offset / scale[:, None, None]
        design = np.empty((*index.shape, size))
        design[:, :, 0] = 1.0
        design[:, :, 1 : 1 + rank] = offset
        if quadratic:
            spread = cells.second[:, upper[0], upper[1]][index] / (scale**2)[:, None, None]
            design[:, :, 1 + rank :] = offset[:, :, upper[0]] * offset[:, :, upper[1]] + spread
        weighted = design * (weights / total[:, None])[:, :, None]
        normal = design.transpose(0, 2, 1) @ weighted
        diagonal = np.arange(1, size)
        normal[:, diagonal, diagonal] += RIDGE
        normal[:, 0, 0] += 1e-14
        right = weighted.transpose(0, 2, 1) @ cells.response[index][:, :, None]
        if rows:
            inverse = np.linalg.inv(normal)
            solution = inverse @ right
            corner = inverse[:, 0, 0] / total
            slope_rows = inverse[:, 1 : 1 + rank] @ weighted.transpose(0, 2, 1)
            slope_rows = slope_rows / scale[:, None, None]
        else:
            unit = np.zeros_like(right)
            unit[:, 0] = 1.0
            both = np.linalg.solve(normal, np.concatenate([right, unit], axis=2))
            solution, corner, slope_rows = both[:, :, :1], both[:, 0, 1] / total, None
        yield LocalFits(
            rows=part,
            value=solution[:, 0, 0],
            slopes=solution[:, 1 : 1 + rank, 0] / scale[:, None],
            leverage=corner,
            index=index,
            weights=weights,
            slope_rows=slope_rows,
        )
