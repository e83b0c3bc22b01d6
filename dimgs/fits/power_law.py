"""The power law as an estimator, over all pairs of runs or over chosen ones."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.fits.base import ContrastiveRegressor, TrainingRuns, WithinRegressor
from dimgs.fits.covariance import IntervalKind
from dimgs.fits.design import AllPairs, PairPolicy, group_sums
from dimgs.fits.least_squares import (
    BlockMoments,
    PowerLawFit,
    coordinates_of_scatter,
    fit_power_law,
)

__all__ = ["Of", "PowerLaw", "PowerLawFit", "fit_power_law"]

Of = Literal["run", "law"]


@dataclass(eq=False, repr=False)
class PowerLaw(WithinRegressor):
    """Power law fitted on the log-ratios of all pairs of runs, at the cost of one pass.

    Minimises the sum over pairs of w_u w_v (log(f_u/f_v) - a . log(x_u/x_v))^2. The pairs are
    never formed, and the uncertainty comes from leaving out runs, or clusters of runs.

    Parameters
    ----------
    interval : {"cr3", "jackknife", "bootstrap"}, default "cr3"
        "cr3": cluster jackknife made unbiased for homoscedastic noise, with Satterthwaite
        degrees of freedom; "jackknife": the plain one; "bootstrap": wild cluster bootstrap-t.
    random_state : int, default 0
        Seed of the bootstrap.

    Attributes
    ----------
    exponents_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Exponents; along `collinear_` directions, the smallest ones that fit.
    intercept_ : float or ndarray of shape (n_targets,)
        Log prefactor; the weighted mean of the groups' own with `within`.
    group_intercepts_ : dict
        Log prefactor of each label of `within`; {} without.
    covariance_ : ndarray of shape (n_features, n_features) or (n_targets, ...)
        Covariance of the exponents, by run or by cluster.
    joint_covariance_ : ndarray of shape (n_features + 1, n_features + 1) or (n_targets, ...)
        Covariance of [intercept, exponents].
    dof_ : ndarray of shape (n_features,)
        Satterthwaite degrees of freedom of each exponent.
    intercept_dof_, residual_dof_ : float
    residual_scale_ : float or ndarray of shape (n_targets,)
        Standard deviation of a run of average weight about the law.
    r2_, cv_r2_ : float or ndarray of shape (n_targets,)
        Share of the spread (within groups, if any) explained: in the sample, and by each run
        (each cluster, with `groups`) left out. After `partial_fit`, blocks are left out.
    residuals_, loo_residuals_ : ndarray of shape (n_runs,) or (n_runs, n_targets)
        Residuals, and those of each run by the law fitted without it, or without its cluster;
        absent after `partial_fit`, which keeps no run.
    collinear_ : ndarray of shape (n_null, n_features)
        Directions that the runs cannot separate: the monomial of the groups with these
        exponents never varied. Exponents that they involve have infinite intervals.
    near_collinear_ : ndarray of shape (n_weak, n_features)
        Directions of condition index above 30, which the runs separate only weakly.
    condition_indices_ : ndarray of shape (n_features,)
    identified_ : ndarray of shape (n_features,)
        Whether the runs determine each exponent.
    n_contrasts_, n_pairs_ : int
        Independent contrasts, and pairs that entered.
    result_ : PowerLawFit

    See Also
    --------
    fit_power_law : the function inside, which also accepts no feature at all.

    References
    ----------
    R. M. Bell, D. F. McCaffrey, Survey Methodology 28 (2002) 169-181.
    D. A. Belsley, E. Kuh, R. E. Welsch, "Regression Diagnostics", Wiley 1980, chapter 3.

    Examples
    --------
    >>> import numpy as np
    >>> length = np.array([0.25, 0.5, 1.0, 2.0, 4.0])
    >>> noise = np.array([0.01, -0.02, 0.0, 0.02, -0.01])
    >>> period = 2.006 * np.sqrt(length) * np.exp(noise)
    >>> law = PowerLaw().fit(np.log(length)[:, None], np.log(period))
    >>> law.exponents_.round(3), law.intervals(0.9).round(2)
    (array([0.5]), array([[0.48, 0.52]]))
    """

    interval: IntervalKind = "cr3"
    random_state: int = 0

    _several_targets = True

    def _fit(self, runs: TrainingRuns) -> None:
        self._check()
        self._moments: BlockMoments | None = None
        result = fit_power_law(
            runs.X,
            runs.y,
            runs.weights,
            runs.groups,
            runs.within,
            interval=self.interval,
            seed=self.random_state,
        )
        self._adopt(result, runs.within is not None)

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        within: ArrayLike | None = None,
    ) -> Self:
        """Add runs to those of earlier calls, without keeping them; arguments as in `fit`."""
        earlier: BlockMoments | None = getattr(self, "_moments", None)
        self._check()
        runs = self._checked_runs(
            X, y, sample_weight, groups, within, least=1, reset=earlier is None
        )
        self._flat = runs.y.ndim == 1
        moments = BlockMoments() if earlier is None else earlier.merge(BlockMoments())
        moments.update(runs.X, runs.y, runs.weights, runs.groups, runs.within)
        return self._adopt_moments(moments, runs.within is not None)

    def merge(self, other: "PowerLaw") -> Self:
        """Add the runs of another estimator; both must come from `partial_fit`.

        Raises
        ------
        FitError
            If either was fitted by `fit`, which keeps no moments.
        """
        mine, theirs = getattr(self, "_moments", None), getattr(other, "_moments", None)
        if mine is None or theirs is None:
            raise FitError("Only laws fitted by partial_fit merge: call it in place of fit.")
        has_within = bool(self._has_within or other._has_within)
        return self._adopt_moments(mine.merge(theirs), has_within)

    def _check(self) -> None:
        if self.interval not in ("cr3", "jackknife", "bootstrap"):
            raise InputError(f"interval is {self.interval!r}: use cr3, jackknife or bootstrap.")

    def _adopt_moments(self, moments: BlockMoments, has_within: bool) -> Self:
        result = moments.fit(self.interval, self.random_state)
        self._moments = moments
        self._adopt(result, has_within)
        return self

    def _adopt(self, result: PowerLawFit, has_within: bool) -> None:
        shaped = self._shaped
        self.result_ = result
        self._has_within = has_within
        self.exponents_ = shaped(result.exponents)
        self.intercept_ = shaped(result.intercept)
        joint = result.joint_covariance
        self.joint_covariance_ = shaped(joint)
        self.covariance_ = shaped(joint[:, 1:, 1:])
        dof = result.influence.dof(result.functionals(np.eye(joint.shape[1])))
        self.intercept_dof_, self.dof_ = float(dof[0]), dof[1:]
        self.residual_dof_ = result.influence.residual_dof
        self.residual_scale_ = shaped(result.residual_scale)
        self.r2_, self.cv_r2_ = shaped(result.r2), shaped(result.cv_r2)
        labels = result.group_labels.tolist() if has_within else []
        by_label = zip(labels, result.group_intercepts, strict=False)
        self.group_intercepts_ = {label: shaped(row) for label, row in by_label}
        coordinates = result.coordinates
        self.collinear_ = coordinates.null_directions()
        self.near_collinear_ = coordinates.weak_directions()
        self.condition_indices_ = coordinates.condition_indices
        self.identified_ = coordinates.identifies(np.eye(len(result.centre)))
        self.n_contrasts_, self.n_pairs_ = result.n_contrasts, result.n_pairs
        for name in ("residuals", "loo_residuals"):
            values = getattr(result, name)
            if values is not None:
                setattr(self, name + "_", self._unstacked(values))
            elif hasattr(self, name + "_"):
                delattr(self, name + "_")

    def intervals(self, level: float | None = None) -> Array:
        """Intervals of the exponents, shape (n_features, 2) or (n_targets, n_features, 2)."""
        check_is_fitted(self)
        functionals = np.eye(len(self.result_.centre) + 1)[1:]
        return self._around(self.result_.exponents, functionals, 0.9 if level is None else level)

    def intercept_interval(self, level: float = 0.9) -> Array:
        """Interval of the log prefactor, shape (2,) or (n_targets, 2)."""
        check_is_fitted(self)
        functional = np.eye(1, len(self.result_.centre) + 1)
        return np.asarray(
            self._around(self.result_.intercept[:, None], functional, level)[..., 0, :]
        )

    def predict_interval(self, X: ArrayLike, level: float = 0.9, of: Of = "run") -> Array:
        """Intervals of the log response at each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        level : float
        of : {"run", "law"}
            What one more run of average weight would give, or the law itself. Runs are taken to
            scatter equally about the law; see `dimgs.fits.intervals` for no such assumption.

        Returns
        -------
        ndarray of shape (n_rows, 2) or (n_targets, n_rows, 2)
        """
        x = self._checked_rows(X)
        functionals = np.column_stack([np.ones(len(x)), x])
        centre = (x @ self.result_.exponents.T + self.result_.intercept).T
        return self._around(centre, functionals, level, run_variance(of, 1.0))

    def ratio_interval(
        self, X_u: ArrayLike, X_v: ArrayLike, level: float = 0.9, of: Of = "law"
    ) -> Array:
        """Intervals of the log-ratios log f(u) - log f(v) of paired rows; free of the prefactor.

        Parameters as in `predict_interval`, for two sets of rows; of="run" is the ratio of two
        more runs.
        """
        u, v = self._checked_pairs(X_u, X_v)
        functionals = np.column_stack([np.zeros(len(u)), u - v])
        return self._around(
            ((u - v) @ self.result_.exponents.T).T, functionals, level, run_variance(of, 2.0)
        )

    def _around(self, centre: Array, functionals: Array, level: float, extra: float = 0.0) -> Array:
        scale = self.result_.n_runs / self.result_.weight
        half = self.result_.half_widths(functionals, level, extra * scale).T
        bounds = np.stack([centre - half, centre + half], axis=-1)
        return np.asarray(bounds[0] if self._flat else bounds)


def run_variance(of: Of, runs: float) -> float:
    """Variance of the noise of some runs; none where an interval is of the law itself."""
    if of not in ("run", "law"):
        raise InputError(f"of is {of!r}: use 'run' for one more run or 'law' for the law itself.")
    return runs if of == "run" else 0.0


# ---- A power law fitted on chosen pairs of runs: neighbours, or one run against all.


@dataclass(eq=False, repr=False)
class ChosenPairsPowerLaw(ContrastiveRegressor):
    """Least squares on the log-ratios of the pairs that a policy chooses.

    Near pairs (`NearestPairs`) see the slope along the law: where it bends, they give the mean
    local exponents, while all pairs are ruled by those far apart; `LocalPowerLaw` goes further
    and gives them run by run. Pairs with one run (`ReferencePairs`) put the error of that run
    into every contrast. For one power law all pairs are the most precise, and `PowerLaw` is
    the better choice.

    Parameters
    ----------
    pairs : PairPolicy, optional
        From `dimgs.fits.design`; all pairs by default.

    Attributes
    ----------
    exponents_ : ndarray of shape (n_features,)
        Of smallest norm along `collinear_` directions.
    intercept_ : float
        Weighted mean of the runs about the law.
    covariance_ : ndarray of shape (n_features, n_features)
        By runs, or clusters of runs, whatever the number of pairs.
    dof_ : ndarray of shape (n_features,)
        Of the t quantile of each exponent: few where few runs decide.
    identified_ : ndarray of shape (n_features,)
        Whether the pairs determine each exponent.
    collinear_ : ndarray of shape (n_null, n_features)
    residuals_ : ndarray of shape (n_runs,)
    n_contrasts_, n_pairs_ : int

    References
    ----------
    J. G. MacKinnon, H. White, Journal of Econometrics 29 (1985) 305-325 (the covariance HC2).
    A. Yatchew, Economics Letters 57 (1997) 135-143 (differences of neighbouring runs).

    Examples
    --------
    A quarter of these runs lies beyond a bend, where the exponent is 1 instead of 0:

    >>> import numpy as np
    >>> from dimgs.fits.design import NearestPairs, ReferencePairs
    >>> X = np.linspace(-3, 1, 401)[:, None]
    >>> y = np.maximum(X[:, 0], 0.0)
    >>> for pairs in (NearestPairs(2), ReferencePairs(0), None):
    ...     law = ChosenPairsPowerLaw(pairs).fit(X, y)
    ...     print(law.exponents_.round(2), law.n_pairs_)
    [0.25] 402
    [0.09] 400
    [0.16] 80200
    """

    pairs: PairPolicy | None = None

    def _fit(self, runs: TrainingRuns) -> None:
        x, t, weight = runs.X, runs.y, runs.weights
        policy = AllPairs() if self.pairs is None else self.pairs
        if not isinstance(policy, PairPolicy):
            raise InputError(
                f"pairs is {policy!r}: give a policy of dimgs.fits.design, such as "
                f"NearestPairs(10) or ReferencePairs(0)."
            )
        self.n_pairs_ = policy.count(x, weight)
        if self.n_pairs_ < 1:
            raise FitError("No pair has two runs of positive weight: give two such runs.")
        centre, mean = np.average(x, axis=0, weights=weight), np.average(t, weights=weight)
        xc, tc = x - centre, t - mean
        linked = policy.laplacian_times(x, weight, xc)
        size = np.abs(x).max(axis=0) * weight.sum()
        coordinates = coordinates_of_scatter(xc.T @ linked, size)
        # what one unit of each run's response adds to each exponent
        pull = linked @ coordinates.whiten @ coordinates.whiten.T
        self.exponents_ = pull.T @ tc
        self.intercept_ = float(mean - centre @ self.exponents_)
        self.residuals_ = t - x @ self.exponents_ - self.intercept_
        self.collinear_ = coordinates.null_directions()
        self.identified_ = coordinates.identifies(np.eye(x.shape[1]))
        self._uncertainty(xc, runs, pull, coordinates.rank)

    def _uncertainty(self, xc: Array, runs: TrainingRuns, pull: Array, rank: int) -> None:
        # residuals are (1 - H) errors, with H = xc pull' + 1 own'
        shares = runs.weights / runs.weights.sum()
        leverage = np.einsum("ij,ij->i", xc, pull) + shares
        squared = np.einsum("ij,jk,ik->i", xc, pull.T @ pull, xc) + 2 * xc @ (pull.T @ shares)
        free = np.maximum(1.0 - 2 * leverage + squared + shares @ shares, 1e-9)
        part = pull * (self.residuals_ / np.sqrt(free))[:, None]
        share = pull**2
        most = float(self.n_contrasts_ - rank)
        if runs.groups is not None:
            codes = runs.clusters
            part, share = (group_sums(table, codes) for table in (part, share))
            most = min(most, float(codes.max()))
        self.covariance_ = part.T @ part
        squares = (share**2).sum(axis=0)
        dof = share.sum(axis=0) ** 2 / np.where(squares > 0.0, squares, 1.0)
        self.dof_ = np.clip(dof, min(1.0, most), max(most, 0.0))
