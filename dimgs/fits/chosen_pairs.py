"""A power law fitted on chosen pairs of runs: neighbours, or one run against all."""

from dataclasses import dataclass

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.fits.base import ContrastiveRegressor, TrainingRuns
from dimgs.fits.design.moments import group_sums
from dimgs.fits.design.pairs import AllPairs, PairPolicy
from dimgs.fits.solve import coordinates_of_scatter


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
        From `dimgs.fits.design.pairs`; all pairs by default.

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
    >>> from dimgs.fits.design.pairs import NearestPairs, ReferencePairs
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
                f"pairs is {policy!r}: give a policy of dimgs.fits.design.pairs, such as "
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
