"""Robust power law: all pairs under an absolute or Huber loss, at the cost of a few sorts."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array, IntArray
from dimgs.design.grouped_moments import group_means
from dimgs.design.whitening import whiten
from dimgs.errors import FitError, InputError
from dimgs.fits.base import TrainingRuns, WithinRegressor
from dimgs.fits.robust.dispersion import PairLoss, SortedLoss
from dimgs.fits.robust.location import (
    cluster_covariance,
    hat_values,
    hodges_lehmann,
    koul_tau,
    robust_distances,
    run_covariance,
    shrunken_bandwidth,
    tied,
)
from dimgs.fits.robust.solver import SUBSAMPLE, RankProblem, solve_absolute, solve_huber
from dimgs.fits.run_checks import check_clusters, label_codes

# Beyond this many runs the curvature known to the solver (from a large subsample) is as good.
LARGE = 2 * SUBSAMPLE


class RobustPowerLaw(WithinRegressor):
    """Power law that gross errors in the response hardly move.

    Minimises, over the exponents a, the sum over pairs of runs of w_u w_v abs(e_u - e_v) with
    e = y - X a, through ranks: one sort per evaluation. It is the rank regression of Jaeckel
    with Wilcoxon scores: about 95 % as efficient as least squares for normal errors, and
    bounded until about 29 % of the responses are wrong. It does not protect against wrong log
    groups: a single run far out in `X` can carry the fit, so such runs are listed in
    `leverage_points_`. The prefactor is the Hodges-Lehmann estimate of the residuals.

    Parameters
    ----------
    loss : {"l1", "huber"}, default="l1"
        Loss of the residual difference of a pair; "huber" is quadratic for near pairs.
    huber_threshold : float, default=1.345
        Where the Huber loss turns linear, in robust standard deviations of a residual
        difference (taken from the absolute fit).
    outlier_threshold : float, default=3.5
        Runs whose residual exceeds this many robust standard deviations are listed.

    Attributes
    ----------
    exponents_ : ndarray of shape (n_features,)
        Minimum-norm where the runs leave a combination of groups undetermined.
    intercept_ : float
        Logarithm of the prefactor: Hodges-Lehmann estimate from the residuals of all runs.
    group_intercepts_ : dict
        The same for each label of `within`; empty without it.
    covariance_ : ndarray of shape (n_features, n_features)
        Covariance of the exponents by deletion of runs, or of clusters when `groups` is given.
    tau_ : float
        Scale of the residuals in rank regression (Koul, Sievers and McKean), in units of y.
    tau_errors_ : ndarray of shape (n_features,)
        Standard errors if errors are independent with one spread: tau times those of X.
    dof_ : int
        Of the t quantiles in `intervals`.
    residuals_, robust_z_ : ndarray of shape (n_runs,)
        Residuals (about the own prefactor with `within`), and the same in robust standard
        deviations.
    outliers_ : ndarray of int
        Indices of runs where ``robust_z_`` exceeds the threshold in size, worst first.
    leverage_ : ndarray of shape (n_runs,)
        Hat values, exponents only.
    robust_distances_ : ndarray of shape (n_runs,)
        Distance of each run from the bulk of the log groups.
    leverage_points_ : ndarray of int
        Indices of runs outside the bulk, farthest first.
    objective_ : float
        Loss summed over pairs, each group's sum divided by its total weight.
    duality_gap_ : float
        Excess of `objective_` over the minimum, relative: zero when the last step was exact.
    rank_ : int
        Number of combinations of groups that the runs determine.
    n_contrasts_, n_pairs_, n_iter_ : int
        Independent contrasts; pairs; evaluations of the loss over all runs.

    References
    ----------
    Jaeckel, L. A. (1972). Annals of Mathematical Statistics 43, 1449-1458.
    Hettmansperger, T. P. and McKean, J. W. (2011). Robust Nonparametric Statistical Methods,
    2nd ed., chapter 3.

    Examples
    --------
    A law of exponent 2 and prefactor e in spite of a quarter of gross errors:

    >>> X = np.linspace(0.0, 1.0, 12)[:, None]
    >>> y = 1.0 + 2.0 * X[:, 0]
    >>> y[[2, 6, 9]] += 50.0
    >>> fit = RobustPowerLaw().fit(X, y)
    >>> fit.exponents_.round(6).tolist(), round(fit.intercept_, 6)
    ([2.0], 1.0)
    >>> sorted(fit.outliers_.tolist())
    [2, 6, 9]
    """

    intercept_: float

    def __init__(
        self,
        loss: Literal["l1", "huber"] = "l1",
        huber_threshold: float = 1.345,
        outlier_threshold: float = 3.5,
    ) -> None:
        self.loss = loss
        self.huber_threshold = huber_threshold
        self.outlier_threshold = outlier_threshold

    def _fit(self, runs: TrainingRuns) -> None:
        if self.loss not in ("l1", "huber"):
            raise InputError(f"loss is {self.loss!r}: choose 'l1' or 'huber'.")
        if not self.huber_threshold > 0.0 or not self.outlier_threshold > 0.0:
            raise InputError("huber_threshold and outlier_threshold must be positive.")
        X, y, weights = runs.X, runs.y, runs.weights
        labels, codes = label_codes(runs.within, len(y), "within")
        rows = np.flatnonzero(weights > 0.0)
        if len(labels) > 1:
            rows = rows[np.argsort(codes[rows], kind="stable")]
        used = codes[rows]
        starts = np.append(np.flatnonzero(np.append(True, used[1:] != used[:-1])), len(rows))
        if len(rows) < 2 or len(rows) - len(starts) + 1 < 1:
            raise FitError(
                "No two runs with weight can be paired: give at least two runs, and with "
                "within at least two of one label."
            )
        whole = len(rows) == len(y) and len(labels) == 1
        Xs, ys, ws = (X, y, weights) if whole else (X[rows], y[rows], weights[rows])
        ws = ws / ws.mean()
        self._solve(Xs, ys, ws, starts.astype(np.intp))
        self._locate(X, y, weights, codes, labels, runs.within is not None)
        self._infer(rows, None if runs.groups is None else runs.clusters[rows])
        sizes = np.diff(starts).astype(object)
        self.n_contrasts_ = int(len(rows) - len(sizes))
        self.n_pairs_ = int(sum(size * (size - 1) // 2 for size in sizes))
        del self._state

    def _solve(self, X: Array, y: Array, weights: Array, starts: IntArray) -> None:
        pairs = PairLoss(weights, starts)
        codes = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        means = group_means(np.column_stack([X, y]), codes, len(starts) - 1, weights)[1][codes]
        if len(starts) > 2:
            X = X - means[:, :-1]
        centred_y = y - means[:, -1]
        whitening, Z = whiten(X, weights)
        problem = RankProblem(np.ascontiguousarray(Z), centred_y, pairs)
        solution = solve_absolute(problem)
        threshold = 0.0
        if self.loss == "huber" and whitening.rank:
            spread = shrunken_bandwidth(solution.loss, pairs, power=0.0) / 1.2816
            threshold = self.huber_threshold * spread
            if threshold > 0.0:
                solution = solve_huber(problem, solution.slopes, threshold)
        self.exponents_ = whitening.exponents(solution.slopes)
        self.rank_ = whitening.rank
        self.objective_ = solution.loss.value
        self.duality_gap_ = solution.gap
        self.n_iter_ = solution.n_iter
        self._state = (whitening, problem, solution.loss, threshold, solution)

    def _locate(
        self,
        X: Array,
        y: Array,
        weights: Array,
        codes: IntArray,
        labels: NDArray[np.generic],
        within: bool,
    ) -> None:
        residuals = y - X @ self.exponents_
        used = weights > 0.0
        self.intercept_ = hodges_lehmann(residuals[used], weights[used])
        self.group_intercepts_: dict[Any, float] = {}
        if within:
            own = np.full(len(labels), self.intercept_)
            by_code = np.argsort(codes, kind="stable")
            members = np.split(by_code, np.cumsum(np.bincount(codes, minlength=len(labels)))[:-1])
            for code, label in enumerate(labels.tolist()):
                mine = members[code][used[members[code]]]
                if mine.size:
                    own[code] = hodges_lehmann(residuals[mine], weights[mine])
                self.group_intercepts_[label] = float(own[code])
            self.residuals_ = residuals - own[codes]
        else:
            self.residuals_ = residuals - self.intercept_
        size = np.abs(self.residuals_)
        scale = 1.4826 * float(np.median(size[used]))
        floor = 1e-12 * float(np.abs(y).max(initial=0.0))
        self.robust_z_ = self.residuals_ / max(scale, floor, 1e-300)
        found = np.flatnonzero(np.abs(self.robust_z_) > self.outlier_threshold)
        self.outliers_ = found[np.argsort(-size[found], kind="stable")]

    def _infer(self, rows: IntArray, clusters: IntArray | None) -> None:
        whitening, problem, loss, threshold, solution = self._state
        pairs, Z = problem.pairs, problem.Z
        leverage = np.zeros(len(self.residuals_))
        leverage[rows] = hat_values(Z, pairs.weights)
        distances, cutoff = robust_distances(Z, loss.order)
        far = np.zeros(len(self.residuals_))
        far[rows] = distances
        self.leverage_, self.robust_distances_ = leverage, far
        found = np.flatnonzero(far > cutoff)
        self.leverage_points_ = found[np.argsort(-far[found], kind="stable")]
        size, parameters = len(Z), self.rank_ + len(pairs.factors)
        self.dof_ = max(size - parameters, 1)
        if clusters is not None:
            clusters = np.unique(clusters, return_inverse=True)[1]
            check_clusters(clusters)
            self.dof_ = int(clusters.max())
        self.tau_ = self._tau(problem, loss, parameters)
        spread = self.tau_ / np.sqrt(pairs.weights.sum())
        diagonal = (whitening.transform**2).sum(axis=1)
        self.tau_errors_ = np.asarray(spread * np.sqrt(diagonal))
        if self.tau_ == 0.0 or self.rank_ == 0:
            self.covariance_ = np.zeros((len(self.exponents_),) * 2)
            return
        if threshold <= 0.0 and size <= LARGE:
            loss = tied(loss, pairs, problem)
        scores = pairs.run_scores(loss, threshold, Z)
        hessian = solution.hessian
        if threshold <= 0.0 and size <= LARGE:
            width = shrunken_bandwidth(loss, pairs, power=0.25)
            near = pairs.huber(loss.sorted_residuals, width, known=loss)
            hessian = pairs.hessian(near, width, Z)
        if clusters is None:
            whitened = run_covariance(scores, hessian, Z, pairs.weights)
        else:
            whitened = cluster_covariance(scores, hessian, Z, pairs.weights, clusters)
        self.covariance_ = whitening.covariance(whitened)

    def _tau(self, problem: RankProblem, loss: SortedLoss, parameters: int) -> float:
        width = shrunken_bandwidth(loss, problem.pairs)
        rounding = 1e-13 * float(np.abs(problem.y).max(initial=0.0))
        if width <= rounding:
            return 0.0
        near = problem.pairs.huber(loss.sorted_residuals, width, known=loss)
        return koul_tau(near, problem.pairs, width, parameters)
