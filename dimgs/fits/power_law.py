"""The power law as an estimator: over all pairs, over chosen ones, with sources, or by ranks."""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.fits.base import ContrastiveRegressor, WithinRegressor
from dimgs.fits.covariance import IntervalKind, t_intervals
from dimgs.fits.design import AllPairs, PairPolicy, group_sums, label_texts
from dimgs.fits.least_squares import (
    BlockMoments,
    PowerLawFit,
    coordinates_of_scatter,
    fit_power_law,
)
from dimgs.fits.robust import RankRegression
from dimgs.fits.sources import MixedFit, Slope, check_sources, fit_sources
from dimgs.fits.training_runs import TrainingRuns

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


# ---- A power law with random effects of the sources of runs.


@dataclass(eq=False, repr=False)
class MixedPowerLaw(ContrastiveRegressor):
    """Power law whose prefactor, and exponents where a test supports it, differ between sources.

    Sources are laboratories, machines, materials or species whose runs share what nobody measured.
    Their effects are random: the standard deviations are estimated by restricted maximum
    likelihood (REML), and a source with few runs is shrunk towards the common law. Predictions for
    a known source contain its effects, and intervals for a new source contain their spread.

    Parameters
    ----------
    slopes : bool, default True
        Whether the exponents of features may differ too: they do where a restricted likelihood
        ratio test at 1 % says so.

    Attributes
    ----------
    exponents_ : ndarray of shape (n_features,)
    intercept_ : float
        Log prefactor of a typical source.
    covariance_ : ndarray of shape (n_features, n_features)
    joint_covariance_ : ndarray of shape (n_features + 1, n_features + 1)
        Of [intercept, exponents].
    dof_ : ndarray of shape (n_features,)
        Satterthwaite degrees of freedom of each exponent.
    intercept_dof_ : float
    residual_scale_ : float
        Standard deviation of a run of average weight about the law of its source.
    spreads_ : dict
        Standard deviation between sources of each effect, by (column of `by`, effect): the effect
        is "prefactor", or the name (else the number) of a feature whose exponent differs.
    n_contrasts_, n_pairs_ : int
    result_ : MixedFit

    See Also
    --------
    PowerLaw : its argument `within` gives each label a prefactor without a common distribution.

    References
    ----------
    H. D. Patterson, R. Thompson, Biometrika 58 (1971) 545-554.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> lab = np.repeat(list("abcdefgh"), 10)
    >>> X = rng.normal(size=(80, 1))
    >>> y = 2 * X[:, 0] + np.repeat(rng.normal(0, 0.5, 8), 10) + rng.normal(0, 0.1, 80)
    >>> law = MixedPowerLaw().fit(X, y, by=lab)
    >>> law.exponents_.round(1), list(law.spreads_)
    (array([2.]), [(0, 'prefactor')])
    >>> known, new = law.predict_interval([[0.0], [0.0]], by=["a", "of no run"])
    >>> bool(np.ptp(new) > 3 * np.ptp(known))
    True
    """

    slopes: bool = True

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        by: ArrayLike | None = None,
    ) -> Self:
        """Fit by restricted maximum likelihood.

        Parameters
        ----------
        X, y, sample_weight
            As of `PowerLaw.fit`.
        groups : array-like of shape (n_runs,), optional
            Clusters of runs; they are the sources where `by` is not given.
        by : array-like of shape (n_runs,) or (n_runs, n_kinds), optional
            Source of each run; one column for each kind, nested or crossed. Without sources the
            fit is that of `PowerLaw`.

        Returns
        -------
        self

        Raises
        ------
        InputError
            If labels do not match the runs.
        FitError
            If a kind of source has fewer than three labels, or there are too few runs.
        """
        runs = self._checked_runs(X, y, sample_weight, groups)
        self._by = _kinds(runs.groups if by is None else by, len(runs))[runs.used]
        return self._fitted(runs.only_used())

    def _fit(self, runs: TrainingRuns) -> None:
        p = runs.X.shape[1]
        sources = [(str(k), column) for k, column in enumerate(self._by.T)]
        if sources:
            check_sources(sources)
            weights = runs.weights / runs.weights.mean()
            names = getattr(self, "feature_names_in_", range(p)) if self.slopes else ()
            slopes = [Slope(str(name), np.eye(p)[k]) for k, name in enumerate(names)]
            fit = fit_sources(runs.X, runs.y, weights, sources, slopes, np.eye(p + 1))
        else:
            fit = _without_sources(fit_power_law(runs.X, runs.y, runs.weights))
        self.result_ = fit
        self.intercept_, self.exponents_ = float(fit.coefficients[0]), fit.coefficients[1:]
        self.joint_covariance_, self.covariance_ = fit.covariance, fit.covariance[1:, 1:]
        self.intercept_dof_, self.dof_ = float(fit.freedom[0]), fit.freedom[1:]
        self.residual_scale_ = fit.sd
        effects = zip(fit.effects, fit.spreads.tolist(), strict=True)
        self.spreads_ = {(int(e.source), e.name): sd for e, sd in effects}

    def predict(self, X: ArrayLike, by: ArrayLike | None = None) -> Array:
        """Predicted response of each row, with the effects of the sources that are known.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        by : array-like of shape (n_rows,) or (n_rows, n_kinds), optional
            As in `fit`; by default, and where a label was in no run, the source is a new one.
        """
        rows = self._checked_rows(X)
        return np.asarray(self._at(rows) + self._shares(rows, by)[0] @ self.result_.shifts)

    def predict_interval(
        self, X: ArrayLike, level: float = 0.9, of: Of = "run", by: ArrayLike | None = None
    ) -> Array:
        """Intervals of the response, shape (n_rows, 2): of one more run, or of the law.

        Parameters
        ----------
        X, by
            As of `predict`.
        level : float
        of : {"run", "law"}
            One more run of average weight, or the law of the source itself.
        """
        fit, rows = self.result_, self._checked_rows(X)
        shares, spread = self._shares(rows, by)
        both = np.column_stack([np.ones(len(rows)), rows, shares])
        covariance = np.block([[fit.covariance, fit.crossed], [fit.crossed.T, fit.errors]])
        variance = np.einsum("ij,jk,ik->i", both, covariance, both) + spread
        variance = np.maximum(variance, 0.0) + run_variance(of, fit.sd**2)
        # of a new source little more is known than of the intercept, which is over sources too
        dof = np.where(spread > 0, self.intercept_dof_, float(fit.freedom.min()))
        return t_intervals(self._at(rows) + shares @ fit.shifts, variance, dof, level)

    def _at(self, rows: Array) -> Array:
        """Response of the common law."""
        return np.asarray(self.intercept_ + rows @ self.exponents_)

    def _shares(self, rows: Array, by: ArrayLike | None) -> tuple[Array, Array]:
        """What each effect of a known source adds to rows, and the variance of new sources."""
        count = self._by.shape[1]
        labels = _kinds(np.full((len(rows), count), "") if by is None else by, len(rows))
        if labels.shape[1] != count:
            raise InputError(f"`by` has {labels.shape[1]} columns; the fit had {count}.")
        columns, parts = np.column_stack([np.ones(len(rows)), rows]), [np.zeros((len(rows), 0))]
        variance = np.zeros(len(rows))
        for effect, spread in zip(self.result_.effects, self.result_.spreads, strict=True):
            mine, moved = labels[:, int(effect.source)], columns @ effect.terms
            parts.append(effect.design_of(mine, moved))
            new = ~np.isin(mine, effect.names)
            variance += np.where(new, spread**2 * (moved**2).sum(axis=1), 0.0)
        return np.hstack(parts), variance


def _without_sources(fit: PowerLawFit) -> MixedFit:
    """A fit of least squares as one with sources of which there are none."""
    none = np.zeros((len(fit.centre) + 1, 0))
    return MixedFit(
        coefficients=np.append(fit.intercept, fit.exponents[0]),
        covariance=fit.joint_covariance[0],
        sd=float(fit.residual_scale[0]),
        effects=(),
        spreads=none[0],
        shifts=none[0],
        errors=none[:0],
        crossed=none,
        log_likelihood=np.nan,
        freedom=fit.influence.dof(fit.functionals(np.eye(len(none)))),
    )


def _kinds(by: Any, n_runs: int) -> NDArray[np.str_]:
    """Labels of sources as text, shape (n_runs, n_kinds)."""
    if by is None:
        return np.zeros((n_runs, 0), dtype=np.str_)
    table = np.asarray(by)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or len(table) != n_runs:
        raise InputError(f"`by` has shape {np.shape(by)} for {n_runs} runs: one label per run.")
    labels = [label_texts(column) for column in table.T]
    return np.array(labels, dtype=np.str_).reshape(table.T.shape).T


# ---- A power law by ranks of the residuals.


@dataclass(eq=False, repr=False)
class RobustPowerLaw(RankRegression, WithinRegressor):
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

    loss: Literal["l1", "huber"] = "l1"
    huber_threshold: float = 1.345
    outlier_threshold: float = 3.5
