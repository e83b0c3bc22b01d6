"""Additive laws: sums of smooth functions of log groups, or of log-ratios."""

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from itertools import pairwise
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import block_diag
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from dimgs.common.arrays import Array, IntArray, basis_of
from dimgs.common.errors import EngineUnavailableError, InputError
from dimgs.fits.base import ContrastiveRegressor
from dimgs.fits.covariance import t_intervals
from dimgs.fits.design import run_folds, triples
from dimgs.fits.least_squares import PowerLawFit, fit_power_law
from dimgs.fits.noise import within_one_error
from dimgs.fits.training_runs import TrainingRuns


def quantile_knots(z: Array, weight: Array, n_knots: int) -> Array:
    """Knots at weighted quantiles of `z`; fewer where `z` takes few distinct values.

    Ties between two runs are split halfway, so that -z has mirrored knots. The outer
    quantiles are 5 % and 95 % (Harrell 2015, Regression Modeling
    Strategies, § 2.4.6).

    Examples
    --------
    >>> import numpy as np
    >>> quantile_knots(np.arange(101.0), np.ones(101), 3)
    array([ 5., 50., 95.])
    """
    ranked = np.sort(z)
    gap = 1e-6 * float(ranked[-1] - ranked[0])
    levels = ranked[np.append(True, np.diff(ranked) > gap)]
    if len(levels) <= n_knots:
        return np.asarray(levels)
    wanted = np.linspace(0.05, 0.95, n_knots)
    low, high = (
        np.quantile(z, wanted + shift, weights=weight, method="inverted_cdf")
        for shift in (-1e-12, 1e-12)
    )
    knots = (low + high) / 2
    return np.asarray(knots[np.append(True, np.diff(knots) > gap)])


def curvature_columns(z: Array, knots: Array, derivative: int = 0) -> Array:
    """Curvature part of a natural cubic spline: with 1 and z it spans the spline space.

    Beyond the outer knots every column is a straight line, so a fitted component continues
    as a power law.

    Parameters
    ----------
    z : ndarray of shape (n,)
    knots : ndarray of shape (n_knots,)
        Increasing; fewer than three leave no curvature.
    derivative : {0, 1, 2}
        Order of the derivative with respect to `z`.

    Returns
    -------
    ndarray of shape (n, max(n_knots - 2, 0))

    References
    ----------
    Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning, eq. 5.4-5.5.
    """
    if len(knots) < 3:
        return np.zeros((len(z), 0))
    width = float(knots[-1] - knots[0])
    u, xi = (z - knots[0]) / width, (knots - knots[0]) / width
    factor = (1.0, 3.0, 6.0)[derivative] / width**derivative
    hinge = np.maximum(u[:, None] - xi, 0.0)
    power = factor * (hinge, hinge * hinge, hinge * hinge * hinge)[2 - derivative]
    ramp = (power[:, :-1] - power[:, -1:]) / (xi[-1] - xi[:-1])
    return np.asarray(ramp[:, :-1] - ramp[:, -1:])


class OddSpline:
    """Odd natural cubic splines of a difference: a straight line, then curvature columns.

    Parameters
    ----------
    knots : ndarray of shape (n_knots,)
        Positive and increasing; mirrored for negative differences.
    """

    def __init__(self, knots: Array):
        self._knots = np.concatenate([-knots[::-1], knots])
        self.n_columns = len(knots)

    def columns(self, d: Array, derivative: int = 0) -> Array:
        """Values, or first or second derivatives, of each column at differences `d`."""
        bend = curvature_columns(d, self._knots, derivative)[:, self.n_columns - 1 :]
        mirror = curvature_columns(-d, self._knots, derivative)[:, self.n_columns - 1 :]
        odd = (bend + mirror if derivative == 1 else bend - mirror) / 2
        line = (d, np.ones_like(d), np.zeros_like(d))[derivative]
        return np.column_stack([line, odd])

    def mean_over(self, z: Array, reference: Array, share: Array, coef: Array) -> Array:
        """Mean over references v of g(z - z_v), exact, from sorted prefix sums.

        Parameters
        ----------
        z : ndarray of shape (n,)
        reference, share : ndarray of shape (n_reference,)
            Increasing references, and their shares of the mean.
        coef : ndarray of shape (n_columns,)
            Of g.
        """
        left = self._knots[0] - np.array([1.0, 2.0])
        value = self.columns(left) @ coef
        slope = float(value[0] - value[1])
        mean = float(share @ reference)
        total = float(value[0]) * share.sum() + slope * (z - mean - left[0])
        curvature = self.columns(self._knots, derivative=2) @ coef
        # of the cubic terms: the third derivative is constant between knots, and zero outside
        jumps = np.diff(np.diff(curvature) / np.diff(self._knots), prepend=0.0, append=0.0) / 6
        for knot, jump in zip(self._knots, jumps, strict=True):
            turn = reference + knot
            at = np.searchsorted(turn, z)
            moments = [np.append(0.0, np.cumsum(share * turn**q))[at] for q in range(4)]
            total = total + jump * (
                ((moments[0] * z - 3 * moments[1]) * z + 3 * moments[2]) * z - moments[3]
            )
        return np.asarray(total)


@dataclass(frozen=True)
class AdditiveComponent:
    """One term h(log pi) of an additive law.

    Attributes
    ----------
    group : tuple of int
        Exponents of the group in the columns of X (a column of the chosen basis).
    slope : float
        Mean over the runs of dh / d log pi: the exponent, where the term is a power law.
    slope_interval : tuple of float
    curvature : float
        Second derivative of the parabola that fits h best over the runs.
    curvature_interval : tuple of float
        (0, 0) where the term is a straight line.
    p_value : float
        Of the F test that the curvature part is zero, with the other terms as selected.
    power_law_enough : bool
        The test does not reject a power law at the level of the intervals.
    curved : bool
        The selected term carries a spline.
    knots : tuple of float
    coefficients : tuple of float
        Of log pi, then of the curvature columns of the natural spline.
    offset : float
        Subtracted so that the term averages to zero over the runs.
    """

    group: tuple[int, ...]
    slope: float
    slope_interval: tuple[float, float]
    curvature: float
    curvature_interval: tuple[float, float]
    p_value: float
    power_law_enough: bool
    curved: bool
    knots: tuple[float, ...]
    coefficients: tuple[float, ...]
    offset: float

    def __call__(self, log_group: ArrayLike) -> Array:
        """Value of the term at logarithms of its group."""
        z = np.asarray(log_group, dtype=float)
        value = self.coefficients[0] * z - self.offset
        if self.curved:
            bend = curvature_columns(z.ravel(), np.array(self.knots))
            value = value + (bend @ np.array(self.coefficients[1:])).reshape(z.shape)
        return np.asarray(value)


def slope_and_curvature(z: Array, share: Array, knots: Array, curved: bool) -> tuple[Array, Array]:
    """Mean slope and best-parabola curvature of a term, as vectors on its coefficients."""
    if not curved:
        return np.array([1.0]), np.array([0.0])
    slope = np.append(1.0, share @ curvature_columns(z, knots, derivative=1))
    centred = z - share @ z
    parabola = np.column_stack([np.ones(len(z)), centred, centred**2])
    root = np.sqrt(share)[:, None]
    bow = 2 * np.linalg.lstsq(root * parabola, root * curvature_columns(z, knots), rcond=None)[0][2]
    return slope, np.append(0.0, bow)


# pairs in memory at a time: tens of megabytes of spline columns
_BLOCK = 200_000


@dataclass(eq=False, repr=False)
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

    n_knots: int = 5
    _: KW_ONLY
    max_pairs: int = 200_000
    n_triples: int = 10_000
    level: float = 0.9
    random_state: int | np.random.RandomState | None = 0

    def _fit(self, runs: TrainingRuns) -> None:
        if self.n_knots < 2:
            raise InputError(f"n_knots={self.n_knots} leaves no spline; give at least 2")
        every, runs = runs, runs.only_used()
        rows, target, weight = runs.X, runs.y, runs.weights / runs.weights.mean()
        runs = replace(runs, weights=weight)
        random = check_random_state(self.random_state)

        centre = np.average(rows, axis=0, weights=weight)
        spread = np.sqrt(2 * np.average((rows - centre) ** 2, axis=0, weights=weight))
        outer = np.minimum(2 * spread, np.ptp(rows, axis=0))
        # Differences are divided by the outer knot, so that the columns are well scaled.
        self._scale = np.where(outer > 1e-13 * np.maximum(np.abs(centre), 1.0), outer, 1.0)
        self._spline = OddSpline(np.linspace(0, 1, self.n_knots + 1)[1:])
        self.knots_ = np.outer(self._scale, np.linspace(0, 1, self.n_knots + 1)[1:])

        blocks = _pair_blocks(len(target), self.max_pairs, random)
        self._solve(runs, blocks)
        self.n_pairs_ = sum(len(first) for first, _ in blocks)
        order = np.argsort(rows, axis=0, kind="stable")
        self._reference = np.take_along_axis(rows, order, axis=0)
        self._share = (weight / weight.sum())[order]
        left = every.y - self._potential(every.X)
        self.intercept_ = float(np.average(left, weights=every.weights))
        self.residuals_ = left - self.intercept_
        self._measure_loops(rows, random)

    def _features(self, difference: Array, derivative: int = 0) -> Array:
        """Odd functions of each difference: (n, n_features, 1 + curvature columns)."""
        each = zip(difference.T, self._scale, strict=True)
        columns = [self._spline.columns(d / s, derivative) / s**derivative for d, s in each]
        return np.stack(columns, axis=1)

    def _solve(self, runs: TrainingRuns, blocks: list[tuple[IntArray, IntArray]]) -> None:
        rows, y, weight, codes = runs.X, runs.y, runs.weights, runs.clusters
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
        functional = block_diag(*(slopes / total))
        self.exponents_ = functional @ coef
        self.covariance_ = functional @ inverse @ meat @ inverse @ functional.T

    def _measure_loops(self, rows: Array, random: np.random.RandomState) -> None:
        if len(rows) < 3:
            self.loop_defect_ = self.loop_defect_relative_ = 0.0
            return
        a, b, c = triples(len(rows), self.n_triples, random.randint)
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
        z, reference = ((v - self._reference[0]) / self._scale for v in (X, self._reference))
        each = zip(z.T, reference.T, self._share.T, self._coef, strict=True)
        return np.asarray(sum(self._spline.mean_over(*one) for one in each))


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
        shifts = np.unique(np.append(shifts, random.randint(1, (m - 1) // 2 + 1, wanted)))
    shifts = random.permutation(shifts)[:wanted]
    return [(order, order[(runs + shift) % m]) for shift in shifts]


@dataclass(frozen=True, eq=False)
class AdditiveCandidate:
    """One additive model: a basis, the groups that are kept and those that are curved."""

    basis: int
    curved: tuple[int, ...]
    kept: tuple[int, ...]
    alpha: float
    losses: Array

    @property
    def loss(self) -> float:
        """Held-out weighted mean squared error."""
        return float(self.losses.sum())


class AdditiveDesign:
    """Columns of one basis, and their second moments within each fold.

    Parameters
    ----------
    z : ndarray of shape (n_runs, n_groups)
        Log groups of this basis.
    y, weight : ndarray of shape (n_runs,)
    fold : ndarray of int of shape (n_runs,)
        Fold in which each run is held out.
    n_knots : int
    """

    def __init__(self, z: Array, y: Array, weight: Array, fold: IntArray, n_knots: int):
        w = weight / weight.sum()
        self.knots = [quantile_knots(column, weight, n_knots) for column in z.T]
        centred = z - w @ z
        scale = np.sqrt(w @ centred**2)
        centred = centred / np.where(scale > 1e-13 * np.maximum(np.abs(w @ z), 1.0), scale, np.inf)
        root = np.sqrt(w)[:, None]
        line = basis_of(root * centred, 1e-9)
        blocks, slants, self.blocks, at = [], [], [], 1 + z.shape[1]
        for column, knots in zip(z.T, self.knots, strict=True):
            bend = curvature_columns(column, knots)
            bend = root * (bend - w @ bend)
            size = float(np.linalg.norm(bend))
            slant = np.linalg.lstsq(root * centred, bend, rcond=1e-9)[0]
            bend = bend - line @ (line.T @ bend)
            vectors, values, right = np.linalg.svd(bend, full_matrices=False)
            solid = values > 1e-6 * size
            block = vectors[:, solid]
            blocks.append(block)
            slants.append(slant @ (right[solid].T / values[solid]))
            self.blocks.append(np.arange(at, at + block.shape[1]))
            at += block.shape[1]
        y_centred = y - w @ y
        # Squared error that is rounding of the response, whatever the model.
        self.floor = 1e-18 * float(w @ y_centred**2) + (1e-14 * float(np.abs(y).max())) ** 2
        solved = np.linalg.lstsq(root * centred, root[:, 0] * y_centred, rcond=1e-9)[0]
        remainder = y_centred - centred @ solved
        table = np.column_stack([root, root * centred, *blocks, root[:, 0] * remainder])
        self.bent = bool(w @ remainder**2 > self.floor)
        self.n_groups = z.shape[1]
        # The lines that were taken out of each column: a model without a line gets it back.
        self._slant = np.zeros((table.shape[1], self.n_groups))
        self._slant[1 + self.n_groups :] = np.column_stack([*slants, solved]).T
        n_folds = int(fold.max()) + 1
        self.held = np.stack([table[fold == k].T @ table[fold == k] for k in range(n_folds)])
        self.total = self.held.sum(axis=0)

    def _lines(self, kept: Sequence[int]) -> IntArray:
        return np.array([0, *(1 + i for i in kept)], dtype=np.intp)

    def losses(
        self, curved: Sequence[int], kept: Sequence[int], folds: Array | None = None
    ) -> Array:
        """Held-out squared error of each fold, fitted on the others.

        `kept` groups enter by a straight line, the `curved` ones also by their spline.
        """
        columns = np.concatenate([self._lines(kept), *(self.blocks[i] for i in curved), [-1]])
        select = np.eye(self.total.shape[0])[:, columns.astype(np.intp)]
        out = [i for i in range(self.n_groups) if i not in kept]
        select[[1 + i for i in out]] += self._slant[columns.astype(np.intp)][:, out].T
        held = self.held if folds is None else self.held[np.asarray(folds, dtype=np.intp)]
        train = select.T @ (self.total - held) @ select
        coef = np.linalg.pinv(train[:, :-1, :-1], rcond=1e-10, hermitian=True) @ train[:, :-1, -1:]
        vector = np.concatenate([-coef[..., 0], np.ones((len(held), 1))], axis=1)
        return np.asarray(
            np.maximum(np.einsum("ki,kij,kj->k", vector, select.T @ held @ select, vector), 0.0)
        )

    def path(
        self, moments: Array, alphas: Array | None, n_alphas: int
    ) -> tuple[Array, list[tuple[int, ...]]]:
        """Penalties, and the curved groups at each, from second moments of some of the runs."""
        lines, bends = self._lines(range(self.n_groups)), np.concatenate(self.blocks)
        cross = moments[np.ix_(lines, np.append(bends, -1))]
        inverse = np.linalg.pinv(moments[np.ix_(lines, lines)], rcond=1e-10, hermitian=True)
        partial = moments[np.ix_(np.append(bends, -1), np.append(bends, -1))]
        partial = (partial - cross.T @ inverse @ cross) / moments[0, 0]
        values, vectors = np.linalg.eigh(partial[:-1, :-1])
        solid = values > 1e-10 * max(float(values.max()), 1e-300)
        root = np.sqrt(values[solid])
        n = len(root)
        design = np.asfortranarray(np.sqrt(n) * root[:, None] * vectors[:, solid].T)
        target = np.sqrt(n) * (vectors[:, solid].T @ partial[:-1, -1]) / root
        members = {i: block - bends[0] for i, block in enumerate(self.blocks) if len(block)}
        weights = np.sqrt([len(block) for block in members.values()])
        if alphas is None:
            pull = design.T @ target / n
            sizes = [np.linalg.norm(pull[block]) for block in members.values()]
            alphas = float(np.max(sizes / weights)) * np.geomspace(1.0, 1e-3, n_alphas)
        blocks = [block.tolist() for block in members.values()]
        coefs = _group_lasso(design, target, blocks, weights, alphas)
        active = {i: np.abs(coefs[block]).max(axis=0) > 0 for i, block in members.items()}
        return alphas, [tuple(i for i, on in active.items() if on[k]) for k in range(len(alphas))]


def _group_lasso(
    design: Array, target: Array, members: list[list[int]], weights: Array, alphas: Array
) -> Array:
    """Coefficients along the path, by celer: no compilation at run time, warm starts."""
    try:
        from celer import celer_path
    except ImportError as error:
        raise EngineUnavailableError(
            "SparseAdditive needs the group-lasso solver celer, which is not installed; "
            "install it with: pip install 'dimgs[sparse]'"
        ) from error
    if not np.any(target):
        return np.zeros((design.shape[1], len(alphas)))
    path = celer_path(
        design, target, "grouplasso", alphas=alphas, groups=members, weights=weights, tol=1e-8
    )
    return np.asarray(path[1])


def candidates(design: AdditiveDesign, basis: int, n_alphas: int) -> list[AdditiveCandidate]:
    """Distinct sets of curved groups along the path, each with its held-out losses."""
    everything = tuple(range(design.n_groups))
    by_groups: dict[tuple[int, ...], AdditiveCandidate] = {
        (): AdditiveCandidate(basis, (), everything, np.inf, design.losses((), everything))
    }
    if not design.bent or not any(len(block) for block in design.blocks):
        return list(by_groups.values())
    alphas, chosen = design.path(design.total, None, n_alphas)
    losses = np.empty((len(alphas), len(design.held)))
    for k, held in enumerate(design.held):
        fold_sets = design.path(design.total - held, alphas, n_alphas)[1]
        loss_of = {c: design.losses(c, everything, np.array([k]))[0] for c in {*fold_sets}}
        losses[:, k] = [loss_of[curved] for curved in fold_sets]
    for alpha, curved, loss in zip(alphas, chosen, losses, strict=True):
        if curved not in by_groups or loss.sum() < by_groups[curved].loss:
            by_groups[curved] = AdditiveCandidate(basis, curved, everything, float(alpha), loss)
    return list(by_groups.values())


def prune(design: AdditiveDesign, candidate: AdditiveCandidate) -> AdditiveCandidate:
    """Drop straight groups, one by one, while the held-out loss stays within one error."""
    kept = list(candidate.kept)
    start = losses = design.losses(candidate.curved, kept)
    floor = design.floor
    while True:
        trials = [
            (design.losses(candidate.curved, [j for j in kept if j != i]), i)
            for i in kept
            if i not in candidate.curved
        ]
        trials = [trial for trial in trials if within_one_error(trial[0], start, floor)]
        if not trials:
            break
        losses, least = min(trials, key=lambda trial: float(trial[0].sum()))
        kept.remove(least)
    return replace(candidate, kept=tuple(kept), losses=losses)


@dataclass(eq=False, repr=False)
class SparseAdditive(ContrastiveRegressor):
    """log f = sum of h_i(log pi_i), with only the relevant groups and the curvature they need.

    Each h_i is a straight line (a power law) plus the curvature part of a natural cubic
    spline. A group lasso on the curvature parts proposes which groups are curved; each
    proposal is refitted without a penalty, so no exponent is shrunk, and judged on held-out
    runs. The simplest proposal within one standard error of the best is kept; straight groups
    that do not help held-out runs are dropped by the same rule.

    Sparsity depends on the axes. Give the enumerated `bases` and the choice among them is
    part of the fit: then it is the same for every basis in which X is expressed.

    Parameters
    ----------
    bases : sequence of array-like of int of shape (n_features, n_features), optional
        Each column holds the exponents of one group in the columns of X. By default, X itself.
    n_knots : int, default=5
        Knots of each spline, at quantiles of the runs.
    n_alphas : int, default=20
        Penalties tried.
    cv : int, splitter or iterable, default=10
        Folds of runs (of `groups`, where they are given to fit).
    level : float, default=0.9
        Of intervals and of the test that a power law is enough.
    random_state : int, RandomState or None, default=0
        Shuffles the runs into folds.

    Attributes
    ----------
    components_ : list of AdditiveComponent
        The kept terms.
    basis_ : ndarray of int of shape (n_features, n_features)
        The basis that was chosen; `basis_index_` is its place in `bases`.
    exponents_ : ndarray of shape (n_features,)
        Mean gradient of log f over the runs, on the columns of X.
    covariance_ : ndarray of shape (n_features, n_features)
        Of `exponents_`, by leaving out runs (or `groups`); it does not count the selection.
    alpha_ : float
        Group-lasso penalty that proposed the model; inf where no group is curved.
    cv_mse_ : float
        Held-out mean squared error of log f.
    intercept_ : float
    residuals_ : ndarray of shape (n_runs,)
    n_contrasts_, n_pairs_ : int

    Raises
    ------
    InputError
        For bases of the wrong shape, not integer or singular.
    EngineUnavailableError
        Where the solver is not installed.

    References
    ----------
    Ravikumar, Lafferty, Liu & Wasserman (2009), J. R. Stat. Soc. B 71, 1009-1030.
    Simon & Tibshirani (2012), Statistica Sinica 22, 983-1001 (orthonormalised group lasso).
    Meinshausen (2007), Comput. Stat. Data Anal. 52, 374-393 (relaxed refit).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> model = SparseAdditive().fit(X, 0.5 * X[:, 0] - 2 * X[:, 2])
    >>> [(term.group, round(term.slope, 9), term.curved) for term in model.components_]
    [((1, 0, 0), 0.5, False), ((0, 0, 1), -2.0, False)]
    """

    bases: Sequence[ArrayLike] | None = None
    _: KW_ONLY
    n_knots: int = 5
    n_alphas: int = 20
    cv: object = 10
    level: float = 0.9
    random_state: int | np.random.RandomState | None = 0

    def _fit(self, runs: TrainingRuns) -> None:
        bases = self._checked_bases(runs.X.shape[1])
        fold = self._folds(runs)[runs.used]
        fold = np.unique(fold, return_inverse=True)[1].ravel()
        every, runs = runs, runs.only_used()
        # bases of the same groups, or of their inverses, are one
        by_axes: dict[object, int] = {}
        for k, basis in enumerate(bases):
            by_axes.setdefault(frozenset(frozenset((tuple(c), tuple(-c))) for c in basis.T), k)
        designs = {
            k: AdditiveDesign(runs.X @ bases[k], runs.y, runs.weights, fold, self.n_knots)
            for k in by_axes.values()
        }
        choice = self._choose(designs)
        self.basis_index_ = choice.basis
        self.basis_ = bases[choice.basis]
        self.alpha_ = choice.alpha
        self.cv_mse_ = choice.loss
        self._refit(runs, choice, designs[choice.basis])
        self.residuals_ = every.y - self._potential(every.X) - self.intercept_

    def _choose(self, designs: dict[int, AdditiveDesign]) -> AdditiveCandidate:
        """The simplest model, over all bases, within one standard error of the best.

        Simplest: fewest curved groups, then fewest groups, then the smallest held-out loss.
        """
        tried = [c for k, d in designs.items() for c in candidates(d, k, self.n_alphas)]
        best = min(tried, key=lambda c: c.loss)
        floor = designs[0].floor
        near = [c for c in tried if within_one_error(c.losses, best.losses, floor)]
        fewest = min(len(c.curved) for c in near)
        simple = [prune(designs[c.basis], c) for c in near if len(c.curved) == fewest]
        fewest = min(len(c.kept) for c in simple)
        simple = [c for c in simple if len(c.kept) == fewest]
        least = min(c.loss for c in simple)
        # Bases that agree up to rounding are distinguished by their order, not by the rounding.
        return next(c for c in simple if c.loss <= least * (1 + 1e-6) + floor)

    def _checked_bases(self, n_features: int) -> list[NDArray[np.int64]]:
        if self.bases is None:
            return [np.eye(n_features, dtype=np.int64)]
        checked = []
        for k, basis in enumerate(self.bases):
            matrix = np.asarray(basis, dtype=float)
            if (
                matrix.shape != (n_features, n_features)
                or not np.array_equal(matrix, np.round(matrix))
                or abs(np.linalg.det(matrix)) < 0.5
            ):
                raise InputError(
                    f"bases[{k}] must be an invertible integer matrix of shape "
                    f"({n_features}, {n_features}), one column for each group"
                )
            checked.append(matrix.astype(np.int64))
        if not checked:
            raise InputError("bases is empty; give at least one integer matrix, or None")
        return checked

    def _folds(self, runs: TrainingRuns) -> IntArray:
        splits: Iterable[tuple[IntArray, IntArray]]
        if isinstance(self.cv, Integral):
            splits = run_folds(int(self.cv), len(runs), runs.groups, self.random_state)
        else:
            splits = check_cv(self.cv).split(runs.X, runs.y, runs.groups)
        fold = np.full(len(runs), -1, dtype=np.intp)
        for k, (_, held) in enumerate(splits):
            fold[held] = k
        if np.any(fold < 0):
            raise InputError("cv must hold out every run once; use a partition such as KFold")
        return fold

    def _refit(self, runs: TrainingRuns, choice: AdditiveCandidate, design: AdditiveDesign) -> None:
        y, weight = runs.y, runs.weights
        z = runs.X @ self.basis_
        bends = {i: curvature_columns(z[:, i], design.knots[i]) for i in choice.kept}

        def block(i: int, curved: bool) -> Array:
            return np.column_stack([z[:, i], bends[i]]) if curved else z[:, [i]]

        def assemble(curved: tuple[int, ...]) -> tuple[PowerLawFit, dict[int, slice]]:
            blocks = [block(i, i in curved) for i in choice.kept]
            ends = pairwise(np.cumsum([0, *(b.shape[1] for b in blocks)]).tolist())
            places = {i: slice(*between) for i, between in zip(choice.kept, ends, strict=True)}
            columns = np.hstack([np.zeros((len(y), 0)), *blocks])
            # the plain jackknife: the F test is scaled for it
            return fit_power_law(columns, y, weight, runs.groups, interval="jackknife"), places

        fit, places = assemble(choice.curved)
        coefs, covariances = fit.exponents[0], fit.joint_covariance[0, 1:, 1:]
        self.dof_ = float(fit.influence.dof(np.zeros((1, 1 + fit.coordinates.rank)))[0])
        share = weight / weight.sum()
        self.components_ = []
        gradient = np.zeros((len(coefs), runs.X.shape[1]))
        for i in choice.kept:
            place, curved = places[i], i in choice.curved
            wide, wide_places = (fit, places)
            if not curved and bends[i].shape[1]:
                wide, wide_places = assemble((*choice.curved, i))
            p_value = self._curvature_p(wide, wide_places[i], bends[i], y, share)
            slope, bow = slope_and_curvature(z[:, i], share, design.knots[i], curved)
            gradient[place] += np.outer(slope, self.basis_[:, i])
            coef, covariance = coefs[place], covariances[place, place]
            values = np.array([slope @ coef, bow @ coef])
            variances = np.array([v @ covariance @ v for v in (slope, bow)])
            of_slope, of_bow = t_intervals(values, variances, self.dof_, self.level).tolist()
            self.components_.append(
                AdditiveComponent(
                    group=tuple(int(k) for k in self.basis_[:, i]),
                    slope=float(values[0]),
                    slope_interval=tuple(of_slope),
                    curvature=float(values[1]),
                    curvature_interval=tuple(of_bow),
                    p_value=p_value,
                    power_law_enough=p_value > 1 - self.level,
                    curved=curved,
                    knots=tuple(float(k) for k in design.knots[i]),
                    coefficients=tuple(float(c) for c in coef),
                    offset=float(share @ block(i, curved) @ coef),
                )
            )
        self.exponents_ = gradient.T @ coefs
        self.covariance_ = gradient.T @ covariances @ gradient
        self.intercept_ = float(share @ y)

    @staticmethod
    def _curvature_p(fit: PowerLawFit, place: slice, bend: Array, y: Array, share: Array) -> float:
        part = slice(place.start + 1, place.stop)
        coef = fit.exponents[0, part]
        effect = bend @ coef if bend.shape[1] else np.zeros(len(y))
        spread = np.sqrt(share @ (effect - share @ effect) ** 2)
        if spread <= 1e-9 * np.sqrt(share @ (y - share @ y) ** 2):
            return 1.0
        covariance = fit.joint_covariance[0, 1:, 1:][part, part]
        return fit.influence.wald(coef, covariance)[1]

    def _potential(self, X: Array) -> Array:
        total = np.zeros(len(X))
        for term in self.components_:
            total += term(X @ np.array(term.group, dtype=float))
        return total
