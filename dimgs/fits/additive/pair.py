"""The literal sparse additive form of log-ratios, and how far it is from being consistent."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from dimgs.arrays import Array, IntArray
from dimgs.errors import InputError
from dimgs.fits.additive.splines import OddSpline
from dimgs.fits.base import ContrastiveRegressor, TrainingRuns

# pairs in memory at a time: tens of megabytes of spline columns
_BLOCK = 200_000


class PairAdditive(ContrastiveRegressor):
    """log f(u) - log f(v) = sum of g_i(log-ratio of group i), each g_i an odd natural spline.

    A function of the differences alone is consistent along u -> v -> w only where it is
    linear. `loop_defect_` measures by how much the answers fail to add up; `SparseAdditive` is
    the consistent form. `predict` uses the potential nearest to the fit (the mean answer
    against the training runs); `predict_ratio` gives the literal, inconsistent one.

    Parameters
    ----------
    n_knots : int, default=5
        Positive knots of each g_i, mirrored for negative differences.
    max_pairs : int, default=200_000
        All pairs are used, block by block, up to this number. Beyond it each run is paired
        with the same number of others (a circulant design on shuffled runs).
    n_triples : int, default=10_000
        Triples of runs on which the loop defect is measured.
    level : float, default=0.9
        Of `intervals`.
    random_state : int, RandomState or None, default=0
        Shuffles the runs of a sampled design, and draws the triples.

    Attributes
    ----------
    loop_defect_ : float
        Mean of abs(g(uv) + g(vw) + g(wu)) over triples, in units of log f.
    loop_defect_relative_ : float
        The same divided by the mean absolute predicted log-ratio on those triples.
    exponents_ : ndarray of shape (n_features,)
        Mean slope of each g_i over the pairs.
    covariance_ : ndarray of shape (n_features, n_features)
        By runs (or `groups`) that pairs share, never by pairs taken as independent.
    knots_ : ndarray of shape (n_features, n_knots)
    intercept_ : float
    residuals_ : ndarray of shape (n_runs,)
        Of `predict`.
    n_pairs_ : int
        Pairs in the fit; all of them unless there are more than `max_pairs`.
    n_contrasts_ : int

    References
    ----------
    Jiang, Lim, Yao & Ye (2011), Math. Program. 127, 203-244 (loops of pairwise answers).
    Aronow, Samii & Assenova (2015), Political Analysis 23, 564-577 (pairs sharing a run).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(40, 2))
    >>> PairAdditive().fit(X, X @ [1.0, -0.5]).loop_defect_ < 1e-9
    True
    >>> bool(PairAdditive().fit(X, X[:, 0] ** 2).loop_defect_ > 0)
    True
    """

    def __init__(
        self,
        n_knots: int = 5,
        *,
        max_pairs: int = 200_000,
        n_triples: int = 10_000,
        level: float = 0.9,
        random_state: int | np.random.RandomState | None = 0,
    ):
        self.n_knots = n_knots
        self.max_pairs = max_pairs
        self.n_triples = n_triples
        self.level = level
        self.random_state = random_state

    def _fit(self, runs: TrainingRuns) -> None:
        if self.n_knots < 2:
            raise InputError(f"n_knots={self.n_knots} leaves no spline; give at least 2")
        runs = runs.only_used()
        rows, target, weight = runs.X, runs.y, runs.weights / runs.weights.mean()
        random = check_random_state(self.random_state)

        centre = np.average(rows, axis=0, weights=weight)
        spread = np.sqrt(2 * np.average((rows - centre) ** 2, axis=0, weights=weight))
        outer = np.minimum(2 * spread, np.ptp(rows, axis=0))
        # Differences are divided by the outer knot, so that the columns are well scaled.
        self._scale = np.where(outer > 1e-13 * np.maximum(np.abs(centre), 1.0), outer, 1.0)
        self._spline = OddSpline(np.linspace(0, 1, self.n_knots + 1)[1:])
        self.knots_ = np.outer(self._scale, np.linspace(0, 1, self.n_knots + 1)[1:])

        blocks = _pair_blocks(len(target), self.max_pairs, random)
        self._solve(rows, target, weight, runs.clusters, blocks)
        self.n_pairs_ = sum(len(first) for first, _ in blocks)
        order = np.argsort(rows, axis=0, kind="stable")
        self._reference = np.take_along_axis(rows, order, axis=0)
        self._share = (weight / weight.sum())[order]
        potential = self._potential(rows)
        self.intercept_ = float(np.average(target - potential, weights=weight))
        self.residuals_ = target - potential - self.intercept_
        self._measure_loops(rows, random)

    def _features(self, difference: Array, derivative: int = 0) -> Array:
        """Odd functions of each difference: (n, n_features, 1 + curvature columns)."""
        return np.stack(
            [
                self._spline.columns(d / scale, derivative) / scale**derivative
                for d, scale in zip(difference.T, self._scale, strict=True)
            ],
            axis=1,
        )

    def _solve(
        self,
        rows: Array,
        y: Array,
        weight: Array,
        codes: IntArray,
        blocks: list[tuple[IntArray, IntArray]],
    ) -> None:
        n_features = rows.shape[1]
        width = self._features(rows[:1]).shape[2]
        size = n_features * width
        gram, cross = np.zeros((size, size)), np.zeros(size)
        slopes, total = np.zeros((n_features, width)), 0.0
        for first, second in blocks:
            difference = rows[first] - rows[second]
            table = self._features(difference).reshape(len(first), size)
            w = weight[first] * weight[second]
            gram += table.T @ (w[:, None] * table)
            cross += table.T @ (w * (y[first] - y[second]))
            slopes += np.tensordot(w, self._features(difference, derivative=1), axes=1)
            total += float(w.sum())
        scale = np.sqrt(np.where(np.diag(gram) > 0, np.diag(gram), 1.0))
        inverse = np.linalg.pinv(gram / np.outer(scale, scale), rcond=1e-12, hermitian=True)
        inverse /= np.outer(scale, scale)
        coef = inverse @ cross
        self._coef = coef.reshape(n_features, width)

        n_units = int(codes.max()) + 1
        score = np.zeros((n_units, size))
        for first, second in blocks:
            table = self._features(rows[first] - rows[second]).reshape(len(first), size)
            w = weight[first] * weight[second]
            pull = (w * (y[first] - y[second] - table @ coef))[:, None] * table
            np.add.at(score, codes[first], pull)
            np.add.at(score, codes[second], pull)
        self.dof_ = max(1, n_units - 1)
        meat = score.T @ score * n_units / self.dof_
        functional = np.zeros((n_features, size))
        for i in range(n_features):
            functional[i, i * width : (i + 1) * width] = slopes[i] / total
        self.exponents_ = functional @ coef
        self.covariance_ = functional @ inverse @ meat @ inverse @ functional.T

    def _measure_loops(self, rows: Array, random: np.random.RandomState) -> None:
        if len(rows) < 3:
            self.loop_defect_ = self.loop_defect_relative_ = 0.0
            return
        a = random.randint(0, len(rows), self.n_triples)
        b = (a + random.randint(1, len(rows) - 1, self.n_triples)) % len(rows)
        c = random.randint(0, len(rows) - 2, self.n_triples)
        for low in np.sort(np.stack([a, b]), axis=0):
            c = c + (c >= low)
        sides = [self._ratio(rows[i] - rows[j]) for i, j in ((a, b), (b, c), (c, a))]
        self.loop_defect_ = float(np.mean(np.abs(sum(sides))))
        typical = float(np.mean(np.abs(sides)))
        self.loop_defect_relative_ = self.loop_defect_ / typical if typical > 0 else 0.0

    def _ratio(self, difference: Array) -> Array:
        return np.asarray(np.einsum("nij,ij->n", self._features(difference), self._coef))

    def component(self, index: int, log_ratio: ArrayLike) -> Array:
        """Value of g_index at log-ratios of its group."""
        check_is_fitted(self)
        difference = np.zeros((np.size(log_ratio), len(self._scale)))
        difference[:, index] = np.ravel(log_ratio)
        table = self._features(difference)[:, index]
        return np.asarray((table @ self._coef[index]).reshape(np.shape(log_ratio)))

    def predict_ratio(self, X_u: ArrayLike, X_v: ArrayLike) -> Array:
        """The literal sum of g_i: antisymmetric, but with a loop defect along u -> v -> w."""
        first, second = self._checked_pairs(X_u, X_v)
        return self._ratio(first - second)

    def _potential(self, X: Array) -> Array:
        total = np.zeros(len(X))
        for i, scale in enumerate(self._scale):
            centre = self._reference[0, i]
            total += self._spline.mean_over(
                (X[:, i] - centre) / scale,
                (self._reference[:, i] - centre) / scale,
                self._share[:, i],
                self._coef[i],
            )
        return total


def _pair_blocks(
    m: int, max_pairs: int, random: np.random.RandomState
) -> list[tuple[IntArray, IntArray]]:
    """All pairs in blocks, or a balanced circulant sample of about `max_pairs`."""
    runs = np.arange(m)
    if m * (m - 1) // 2 <= max_pairs:
        first, second = np.triu_indices(m, 1)
        return [
            (first[k : k + _BLOCK], second[k : k + _BLOCK]) for k in range(0, len(first), _BLOCK)
        ]
    order = random.permutation(m)
    wanted = min(max(2, max_pairs // m), (m - 1) // 2)
    shifts = np.array([], dtype=np.intp)
    while len(shifts) < wanted:
        drawn = random.randint(1, (m - 1) // 2 + 1, wanted)
        shifts = np.unique(np.append(shifts, drawn))
    shifts = random.permutation(shifts)[:wanted]
    return [(order, order[(runs + shift) % m]) for shift in shifts]
