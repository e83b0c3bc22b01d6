"""A sum of smooth functions of few log groups, power laws wherever the runs allow."""

from collections.abc import Iterable, Sequence
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import check_cv

from dimgs.arrays import Array, IntArray
from dimgs.design.splits import run_folds
from dimgs.errors import InputError
from dimgs.fits.additive.group_lasso import AdditiveCandidate, AdditiveDesign, select
from dimgs.fits.additive.splines import AdditiveComponent, curvature_columns, slope_and_curvature
from dimgs.fits.base import ContrastiveRegressor, TrainingRuns
from dimgs.fits.covariance import t_quantile
from dimgs.fits.least_squares import PowerLawFit, fit_power_law


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

    def __init__(
        self,
        bases: Sequence[ArrayLike] | None = None,
        *,
        n_knots: int = 5,
        n_alphas: int = 20,
        cv: object = 10,
        level: float = 0.9,
        random_state: int | np.random.RandomState | None = 0,
    ):
        self.bases = bases
        self.n_knots = n_knots
        self.n_alphas = n_alphas
        self.cv = cv
        self.level = level
        self.random_state = random_state

    def _fit(self, runs: TrainingRuns) -> None:
        bases = self._checked_bases(runs.X.shape[1])
        fold = self._folds(runs)[runs.used]
        fold = np.unique(fold, return_inverse=True)[1].ravel()
        runs = runs.only_used()
        choice, design = select(
            runs.X, runs.y, runs.weights, fold, bases, n_knots=self.n_knots, n_alphas=self.n_alphas
        )
        self.basis_index_ = choice.basis
        self.basis_ = bases[choice.basis]
        self.alpha_ = choice.alpha
        self.cv_mse_ = choice.loss
        self._refit(runs, choice, design)

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

        def assemble(curved: tuple[int, ...]) -> tuple[PowerLawFit, dict[int, slice]]:
            blocks, places, at = [], {}, 0
            for i in choice.kept:
                block = np.column_stack([z[:, [i]], bends[i]]) if i in curved else z[:, [i]]
                blocks.append(block)
                places[i] = slice(at, at + block.shape[1])
                at += block.shape[1]
            columns = np.hstack(blocks) if blocks else np.zeros((len(y), 0))
            # the plain jackknife: the F test is scaled for it
            fit = fit_power_law(columns, y, weight, runs.groups, interval="jackknife")
            return fit, places

        fit, places = assemble(choice.curved)
        coefs, covariances = fit.exponents[0], fit.joint_covariance[0, 1:, 1:]
        self.dof_ = float(fit.influence.dof(np.zeros((1, 1 + fit.coordinates.rank)))[0])
        quantile = t_quantile(self.level, self.dof_)
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
            half_slope, half_bow = (
                float(quantile) * max(float(v @ covariance @ v), 0.0) ** 0.5 for v in (slope, bow)
            )
            block = np.column_stack([z[:, [i]], bends[i]]) if curved else z[:, [i]]
            self.components_.append(
                AdditiveComponent(
                    group=tuple(int(k) for k in self.basis_[:, i]),
                    slope=float(slope @ coef),
                    slope_interval=(
                        float(slope @ coef) - half_slope,
                        float(slope @ coef) + half_slope,
                    ),
                    curvature=float(bow @ coef),
                    curvature_interval=(float(bow @ coef) - half_bow, float(bow @ coef) + half_bow),
                    p_value=p_value,
                    power_law_enough=p_value > 1 - self.level,
                    curved=curved,
                    knots=tuple(float(k) for k in design.knots[i]),
                    coefficients=tuple(float(c) for c in coef),
                    offset=float(share @ block @ coef),
                )
            )
        self.exponents_ = gradient.T @ coefs
        self.covariance_ = gradient.T @ covariances @ gradient
        self.intercept_ = float(share @ y)
        self.residuals_ = y - self._potential(runs.X) - self.intercept_

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
