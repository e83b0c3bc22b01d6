"""Local power laws: exponents at every run from pairs of near runs, their field and intervals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree
from sklearn.utils.validation import check_is_fitted

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import FitError, InputError, check_level
from dimgs.fits.base import ContrastiveRegressor
from dimgs.fits.covariance import t_quantile
from dimgs.fits.design import group_means, whiten
from dimgs.fits.least_squares import fit_power_law
from dimgs.fits.noise import is_as_good
from dimgs.fits.training_runs import TrainingRuns, check_clusters, distinct_rows


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
        equal = np.ones(count)
        widest = np.linalg.eigh(gather(Z, equal, equal, piece, piece).second)[1][:, :, -1]
        # A sign that turns with the coordinates decides which half an odd run goes to.
        widest *= np.where(widest @ direction < 0.0, -1.0, 1.0)[:, None]
        along = np.einsum("ij,ij->i", Z, widest[piece])


def gather(
    Z: Array, response: Array, weights: Array, clusters: IntArray, member: IntArray
) -> RunCells:
    """Weighted means and covariances of the runs in each cell."""
    count = int(member.max()) + 1
    rank = Z.shape[1]
    if count == len(Z) and np.array_equal(member, np.arange(count)):
        return RunCells(Z, np.zeros((count, rank, rank)), response, weights, member, clusters)
    mass, means = group_means(np.column_stack([Z, response]), member, count, weights)
    centres = means[:, :-1]
    offset = Z - centres[member]
    second = np.empty((count, rank, rank))
    for i in range(rank):
        second[:, i] = group_means(offset * offset[:, [i]], member, count, weights)[1]
    cluster = np.zeros(count, dtype=np.intp)
    cluster[member] = clusters
    return RunCells(centres, second, means[:, -1], mass, member, cluster)


# numbers in memory at a time: 32 MB
CHUNK_NUMBERS = 4_000_000
# of columns of unit spread: bends no slope that runs determine, and keeps empty windows solvable
RIDGE = 1e-8


@dataclass(frozen=True)
class Window:
    """Width of the kernel: the distance that contains a share of the total weight.

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
            neighbours = self.tree.query(points, k=np.arange(1, near + 1), workers=2)
            distance, index = np.asarray(neighbours[0]), np.asarray(neighbours[1])
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
        # over the ridge of 1e-14 its inverse stays a number
        total = np.maximum(weights.sum(axis=1), 1e-280)
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


# cells under the kernel: means of cells then stand for their runs to well below the noise
CELLS_IN_WINDOW = 64
# the same where the window is all runs
CELLS_WHEN_ALL = 512
# runs that judge a width: their mean error is known to some percent
JUDGES = 2_000


@dataclass(frozen=True, eq=False)
class BandwidthTable:
    """Distinct runs in whitened coordinates; the response less the global power law."""

    Z: Array
    response: Array
    weights: Array
    clusters: IntArray
    clustered: bool
    direction: Array

    def window(self, share: float) -> Window:
        """The window of this share of the weight, on cells fine enough for it."""
        count = len(self.Z)
        within = CELLS_WHEN_ALL if np.isinf(share) else CELLS_IN_WINDOW
        size = int(min(share, 1.0) * count / within)
        member = partition(self.Z, self.direction, self.clusters, size)
        cells = gather(self.Z, self.response, self.weights, self.clusters, member)
        near = int(np.ceil(min(share, 1.0) * len(cells.mass))) + 8
        return Window(share, cells, cKDTree(cells.centres), near)

    def judges(self) -> IntArray:
        """Runs that a width is judged at: all of them, or evenly spread over the response."""
        count = len(self.Z)
        if count <= JUDGES:
            return np.arange(count)
        return np.sort(np.argsort(self.response, kind="stable")[:: count // JUDGES])


def run_leverages(fits: LocalFits, cells: RunCells, runs: IntArray, weights: Array) -> Array:
    """Leverage: weight of the response of each run in the local value at this run."""
    member = cells.member[runs]
    mine = np.where(fits.index == member[:, None], fits.weights, 0.0).sum(axis=1)
    return np.asarray(fits.leverage * mine * weights[runs] / cells.mass[member])


def held_out_residuals(table: BandwidthTable, window: Window, runs: IntArray) -> Array:
    """Residual of each run from the local fit without it, or without its whole cluster.

    For single runs it is the closed form e / (1 - h), with the window held fixed.
    """
    out = np.empty(len(runs))
    exclude = table.clusters[runs] if table.clustered else None
    for fits in local_fits(window, table.Z[runs], exclude=exclude):
        chosen = runs[fits.rows]
        residual = table.response[chosen] - fits.value
        if not table.clustered:
            leverages = run_leverages(fits, window.cells, chosen, table.weights)
            residual = residual / np.maximum(1.0 - leverages, 1e-3)
        out[fits.rows] = residual
    return out


def held_out_globally(table: BandwidthTable) -> Array:
    """Held-out predictions of the global power law, the limit of a wide window."""
    clusters = table.clusters if table.clustered else None
    deleted = fit_power_law(table.Z, table.response, table.weights, clusters).loo_residuals
    assert deleted is not None
    # a run that alone determines a direction is met exactly
    return np.where(np.isfinite(deleted[:, 0]), deleted[:, 0], table.response)


@dataclass(frozen=True, eq=False)
class BandwidthChoice:
    """Chosen share, the best share, and the mean squared residual of every share tried."""

    share: float
    best: float
    shares: Array
    scores: Array


def choose_share(table: BandwidthTable, fewest: int) -> BandwidthChoice:
    """Share of the weight in the window with the smallest run-wise prediction error.

    Of the windows whose error does not exceed the smallest by more than the standard error of
    the difference over runs (or clusters), the widest is taken: exponents gain from a wider
    window than predictions do, and one power law for all runs is kept unless it is refuted.
    """
    runs = table.judges()
    w = table.weights[runs] / table.weights[runs].sum()
    count = len(table.Z)
    base = held_out_globally(table)[runs] ** 2
    errors: dict[float, Array] = {}

    def judge(share: float) -> float:
        if share not in errors:
            errors[share] = held_out_residuals(table, table.window(share), runs) ** 2
        return float(w @ errors[share])

    ratio = 2.0**0.5 if count <= 500 else 2.0
    smallest = fewest / count
    steps = int(np.ceil(np.log(4.0 / smallest) / np.log(ratio))) if smallest < 4.0 else 0
    # Not wider than where single windows hold all runs several times over.
    shares = [4.0 * ratio**-step for step in range(steps + 1)]
    shares = [share for share in shares if share >= smallest * (1.0 - 1e-9)]
    behind, best = 0, np.inf
    for share in shares:
        score = judge(share)
        behind = 0 if score < best else behind + 1
        best = min(best, score)
        if behind >= 4 and score > 1.5 * best:
            break
    if errors and ratio > 1.9:
        centre = min(errors, key=judge)
        for share in (centre * 2.0**-0.5, centre * 2.0**0.5):
            if share >= smallest:
                judge(share)
    tried = np.array([*sorted(errors), np.inf])
    scores = np.array([*(judge(share) for share in sorted(errors)), float(w @ base)])
    errors[np.inf] = base
    best_share = min(errors, key=judge)
    best, clusters = w * errors[best_share], table.clusters[runs] if table.clustered else None
    widest = (s for s in sorted(errors, reverse=True) if is_as_good(best, w * errors[s], clusters))
    return BandwidthChoice(next(widest), best_share, tried, scores)


def slope_intervals(
    table: BandwidthTable, noise: Array, share: float, points: Array, transform: Array, level: float
) -> tuple[Array, Array]:
    """Centres and half widths of the exponents' deviation from the global law.

    Parameters
    ----------
    table : BandwidthTable
    noise : ndarray of shape (n_runs,)
        Residuals scaled so that their squares estimate variances.
    share : float
        Share of the weight in a window.
    points : ndarray of shape (n_points, rank)
        Whitened coordinates.
    transform : ndarray of shape (n_features, rank)
        From whitened slopes to exponents.
    level : float
        Pointwise coverage.

    Returns
    -------
    centres, half_widths : ndarray of shape (n_points, n_features)
    """
    needed = 2.0 * terms(table.Z.shape[1], True) / len(table.Z)
    # fewer runs than a local quadratic needs are fitted by a local power law
    quadratic = needed <= 1.0
    window = table.window(max(share, needed if quadratic else 1.0))
    cells = window.cells
    count = len(cells.mass)
    part = table.weights / cells.mass[cells.member]
    score = np.asarray(np.bincount(cells.member, part * noise, count), dtype=np.float64)
    variance = np.bincount(cells.member, (part * noise) ** 2, count)
    squares = np.asarray(np.bincount(cells.member, part**2, count), dtype=np.float64)
    fourths = np.bincount(cells.member, part**4, count)
    centres = np.empty((len(points), len(transform)))
    halves = np.empty_like(centres)
    for fits in local_fits(window, points, quadratic=quadratic, rows=True):
        assert fits.slope_rows is not None
        rows = transform @ fits.slope_rows
        index = fits.index[:, None, :]
        if table.clustered:
            total, dof = _by_cluster(fits, rows, score, squares, cells.cluster)
        else:
            total = (rows**2 * variance[index]).sum(axis=2)
            spread = (rows**2 * squares[index]).sum(axis=2)
            dof = spread**2 / np.maximum((rows**4 * fourths[index]).sum(axis=2), 1e-300)
        quantile = t_quantile(level, np.maximum(dof, 1.0))
        centres[fits.rows] = fits.slopes @ transform.T
        halves[fits.rows] = quantile * np.sqrt(total)
    return centres, halves


def _by_cluster(
    fits: LocalFits, rows: Array, score: Array, squares: Array, cluster: IntArray
) -> tuple[Array, Array]:
    """Variance from sums of scores over clusters, and its effective degrees of freedom."""
    points, features, _ = rows.shape
    labels = int(cluster.max()) + 1
    key = (np.arange(points)[:, None] * labels + cluster[fits.index]).ravel()
    distinct, place = np.unique(key, return_inverse=True)
    owner = distinct // labels
    total, dof = np.empty((points, features)), np.empty((points, features))
    for j in range(features):
        row = rows[:, j]
        sums = np.bincount(place, (row * score[fits.index]).ravel())
        spread = np.bincount(place, (row**2 * squares[fits.index]).ravel())
        total[:, j] = np.bincount(owner, sums**2, points)
        first = np.bincount(owner, spread, points)
        dof[:, j] = first**2 / np.maximum(np.bincount(owner, spread**2, points), 1e-300) - 1.0
    return total, dof


@dataclass(eq=False, repr=False)
class LocalPowerLaw(ContrastiveRegressor):
    """Exponents (elasticities) at every point, from pairs of runs that are near each other.

    Around a point the pairs weigh K_u K_v with a tricube kernel over the nearest runs in
    whitened log groups, so that no basis is preferred; least squares over those pairs is local
    linear regression on the log scale. The window holds a fixed share of the weight and is
    chosen by leaving out runs; where no window beats one power law for all runs by more than
    the standard error over runs, that law is the answer. Wide windows act on means of small
    cells of runs, so that the cost grows nearly in proportion to the number of runs.

    Parameters
    ----------
    share : float or None, default=None
        Share of the total weight in a window, in (0, inf]; None chooses it by cross-validation.
    min_runs : int or None, default=None
        Fewest runs in a window during the choice; None means 2 (n_features + 1) + 1.

    Attributes
    ----------
    exponents_ : ndarray of shape (n_runs, n_features)
        Local exponents at the training runs.
    global_exponents_ : ndarray of shape (n_features,)
        Exponents of one power law for all runs, least squares over all pairs.
    intercept_ : float
        Logarithm of its prefactor.
    share_ : float
        Share of the weight in a window; infinite where one power law is enough.
    interval_share_ : float
        The same for the intervals: the share of smallest error, which is never the wider one.
    cv_shares_, cv_scores_ : ndarray of shape (n_tried,)
        Shares tried and their mean squared residual on left-out runs (or clusters).
    residuals_, held_out_residuals_ : ndarray of shape (n_runs,)
        From the local fit, and from the local fit without the run (or its cluster).
    rank_ : int
        Number of combinations of groups that the runs determine.
    n_contrasts_, n_pairs_ : int
        Independent contrasts, and pairs that the kernel may weigh, among the distinct runs.

    References
    ----------
    Cleveland, W. S. and Devlin, S. J. (1988). Locally weighted regression. Journal of the
    American Statistical Association 83, 596-610.
    Calonico, S., Cattaneo, M. D. and Farrell, M. H. (2018). On the effect of bias estimation
    on coverage accuracy in nonparametric inference. Journal of the American Statistical
    Association 113, 767-779.

    Examples
    --------
    A law whose exponent grows from 1 to 3:

    >>> X = np.linspace(-1.0, 1.0, 201)[:, None]
    >>> y = 2.0 * X[:, 0] + 0.5 * X[:, 0] ** 2
    >>> fit = LocalPowerLaw().fit(X, y)
    >>> fit.elasticities([[-0.5], [0.0], [0.5]]).round(2).tolist()
    [[1.5], [2.0], [2.5]]
    """

    share: float | None = None
    min_runs: int | None = None

    def _fit(self, runs: TrainingRuns) -> None:
        if self.share is not None and not self.share > 0.0:
            raise InputError(f"share is {self.share}: give a positive share, or None to choose it.")
        X, y, clustered = runs.X, runs.y, runs.groups is not None
        clusters = runs.clusters if clustered else np.zeros(len(y), dtype=np.intp)
        first, inverse, mass = distinct_rows(np.column_stack([X, y, clusters]), runs.weights)
        if len(first) < 2:
            raise FitError("Fewer than two distinct runs carry weight: give at least two.")
        clusters = np.unique(clusters[first], return_inverse=True)[1]
        if clustered:
            check_clusters(clusters)
        table = self._global(X[first], y[first], mass / mass.mean(), clusters, clustered)
        fewest = 2 * (self.rank_ + 1) + 1 if self.min_runs is None else max(self.min_runs, 2)
        share = np.inf if self.share is None else float(self.share)
        choice = BandwidthChoice(share, share, np.empty(0), np.empty(0))
        if self.share is None and self.rank_ and len(first) > fewest:
            choice = choose_share(table, fewest)
        self.share_, self.interval_share_ = choice.share, choice.best
        self.cv_shares_, self.cv_scores_ = choice.shares, choice.scores
        self._at_runs(X, y, table, first, inverse)
        self.n_contrasts_ = len(first) - 1
        near = max(min(len(first) - 1, int(min(self.share_, 1.0) * len(first))), 1)
        self.n_pairs_ = len(first) * near // 2

    def _global(
        self, X: Array, y: Array, weights: Array, clusters: IntArray, clustered: bool
    ) -> BandwidthTable:
        self._whitening, Z = whiten(X, weights)
        slopes = np.linalg.lstsq((Z * weights[:, None]).T @ Z, Z.T @ (weights * y), rcond=None)[0]
        mean = float(np.average(y, weights=weights))
        self._slopes = np.asarray(slopes)
        self.rank_ = self._whitening.rank
        self.global_exponents_ = self._whitening.exponents(self._slopes)
        self.intercept_ = mean - float(self._whitening.centre @ self.global_exponents_)
        length = float(np.linalg.norm(self._slopes))
        direction = self._slopes / length if length > 0.0 else np.eye(self.rank_)[:1].ravel()
        return BandwidthTable(
            Z, y - mean - Z @ self._slopes, weights, clusters, clustered, direction
        )

    def _at_runs(
        self, X: Array, y: Array, table: BandwidthTable, first: IntArray, inverse: IntArray
    ) -> None:
        """Fit at every row, and the residuals of the distinct runs without each."""
        self._table, self._window = table, None
        if np.isfinite(self.share_) and self.rank_:
            self._window = table.window(self.share_)
        ignored = inverse < 0
        self._rows = table.Z[inverse]
        self._rows[ignored] = self._whitening.apply(X[ignored])
        value, self.exponents_, leverage = self._local(self._rows)
        self._highest = float(leverage[first].max())
        if self._window is None:
            out = held_out_globally(table)
        else:
            out = held_out_residuals(table, self._window, np.arange(len(table.Z)))
        # Residuals for variances: e / sqrt(1 - h) is unbiased for single runs (HC2), where
        # e / (1 - h) would be too wide; clusters keep the residuals without the cluster (CR3).
        residuals = table.response - value[first]
        within = np.sqrt(np.abs(residuals * out)) * np.sign(out)
        self._noise = out if table.clustered else within
        predicted = y - X @ self.global_exponents_ - value - self.intercept_
        self.residuals_ = np.where(ignored, predicted, residuals[inverse])
        self.held_out_residuals_ = np.where(ignored, predicted, out[inverse])
        self._tree = None
        if self.rank_:
            self._tree = cKDTree(table.Z)
            near = min(2 * (self.rank_ + 1), len(table.Z) - 1) + 1
            self._spacing = np.asarray(self._tree.query(table.Z, k=[near], workers=2)[0])[:, 0]

    def _local(self, Z: Array) -> tuple[Array, Array, Array]:
        """Value beside the global law, exponents and leverage at whitened rows."""
        value, slopes = np.zeros(len(Z)), np.zeros_like(Z)
        leverage = 1.0 + (Z**2).sum(axis=1)
        if self._window is not None:
            for fits in local_fits(self._window, Z):
                value[fits.rows], slopes[fits.rows] = fits.value, fits.slopes
                leverage[fits.rows] = fits.leverage
        return value, self._whitening.exponents(slopes + self._slopes), leverage

    def _potential(self, X: Array) -> Array:
        return np.asarray(X @ self.global_exponents_ + self._local(self._whitening.apply(X))[0])

    def elasticities(self, X: ArrayLike) -> Array:
        """Local exponents at each row of `X`, shape (n_rows, n_features)."""
        return self._local(self._whitening.apply(self._checked_rows(X)))[1]

    def in_support(self, X: ArrayLike) -> BoolArray:
        """Whether the runs surround each row closely enough for a local fit.

        A row is outside if the local value there is less certain than at any run, or if it is
        farther from its nearest run than twice the spacing of the runs about that one.
        """
        Z = self._whitening.apply(self._checked_rows(X))
        if self._tree is None:
            return np.ones(len(Z), dtype=bool)
        leverage = self._local(Z)[2]
        distance, nearest = self._tree.query(Z, workers=2)
        close = np.asarray(distance) <= 2.0 * self._spacing[nearest] + 1e-9
        return np.asarray(close & (leverage <= self._highest * (1.0 + 1e-9)))

    def field(self, axes: Sequence[ArrayLike]) -> Array:
        """Exponents on a grid over pi space, nan where the data give no support.

        Parameters
        ----------
        axes : sequence of n_features array-likes
            Values of each log group; the grid is their product, first axis slowest.

        Returns
        -------
        ndarray of shape (len(axes[0]), ..., len(axes[-1]), n_features)
        """
        check_is_fitted(self)
        values = [np.asarray(axis, dtype=np.float64).ravel() for axis in axes]
        if len(values) != self.n_features_in_:
            raise InputError(f"field needs {self.n_features_in_} axes, one per log group.")
        grid = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1)
        points = grid.reshape(-1, len(values))
        exponents = self.elasticities(points)
        exponents[~self.in_support(points)] = np.nan
        return exponents.reshape(grid.shape)

    def intervals(self, level: float | None = None) -> Array:
        """Intervals of the exponents at the training runs; see `elasticity_intervals`.

        Returns
        -------
        ndarray of shape (n_runs, n_features, 2)
            One row for each row of `exponents_`.
        """
        check_is_fitted(self)
        return self._intervals(self._rows, 0.9 if level is None else level)

    def elasticity_intervals(self, X: ArrayLike, level: float = 0.9) -> Array:
        """Bias-corrected confidence intervals of the local exponents.

        They are centred on the slope of a local quadratic in the same window, which removes
        the leading bias of the local linear slope at the cost of width, with squared
        residuals of left-out runs (or sums over clusters) as variances.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Log groups.
        level : float, default=0.9
            Pointwise coverage.

        Returns
        -------
        ndarray of shape (n_rows, n_features, 2)
        """
        return self._intervals(self._whitening.apply(self._checked_rows(X)), level)

    def _intervals(self, Z: Array, level: float) -> Array:
        check_level(level)
        transform = self._whitening.transform
        if self.rank_ == 0:
            return np.zeros((len(Z), len(transform), 2))
        centres, halves = slope_intervals(
            self._table, self._noise, self.interval_share_, Z, transform, level
        )
        centres = centres + self.global_exponents_
        return np.stack([centres - halves, centres + halves], axis=-1)
