"""Power law with random effects of the sources of runs, as a scikit-learn estimator."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.fits.base import ContrastiveRegressor, TrainingRuns
from dimgs.fits.covariance import t_intervals
from dimgs.fits.design.features import label_texts
from dimgs.fits.power_law import Of, PowerLawFit, fit_power_law, run_variance
from dimgs.fits.sources import MixedFit, Slope, check_sources, fit_sources


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
