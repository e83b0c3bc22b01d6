"""The estimator: a partition of pi space into regimes of constant exponents."""

import numpy as np
from numpy.typing import ArrayLike

from dimgs.arrays import Array, IntArray
from dimgs.errors import InputError
from dimgs.fits.base import ContrastiveRegressor, TrainingRuns, seed_of
from dimgs.fits.covariance import check_level
from dimgs.fits.regimes.boundary_directions import short_monomials, sphere
from dimgs.fits.regimes.pieces import labels
from dimgs.fits.regimes.regime_count import by_information, by_validation
from dimgs.fits.regimes.regime_outcome import RegimeOutcome, outcome_of
from dimgs.fits.regimes.regime_runs import WhitenedAxes, prepare
from dimgs.fits.regimes.regime_search import Kinds, bic, degrees_of_freedom
from dimgs.fits.regimes.simple import simple_boundaries
from dimgs.fits.regimes.thresholds import round_directions

# shortest monomials that are searched along, beside even directions
_SEARCH_MONOMIALS = 32
# shortest monomials that a boundary may be read as
_ROUNDING_MONOMIALS = 200
# a monomial that never varied in the runs has no direction there, but for rounding
_NO_DIRECTION = 1e-12


class RegimePowerLaw(ContrastiveRegressor):
    """Power laws in regimes whose number, boundaries and exponents are found from the runs.

    A boundary is a threshold on a monomial of the groups. It is either a jump, whose direction is
    searched, or continuous: two power laws that meet fix it, its normal is the difference of
    their exponents. The result does not depend on the pi basis.

    Parameters
    ----------
    max_regimes : int, default=5
    continuous : {"auto"} or bool, default="auto"
        Whether laws meet at a boundary: decided by the information criterion, always, or never.
    criterion : {"bic", "cv"}, default="bic"
        What chooses the number of regimes: the Bayesian information criterion, where each further
        boundary must also be significant at 1 % in a wild bootstrap of its whole search; or the
        fewest within one standard error of the least run-wise cross-validated loss.
    exponent_map : array-like of shape (n_variables, n_features) or None, default=None
        Exponents of the physical variables in each group. With it, a jump gets the rational
        direction with the smallest physical exponents that the runs cannot distinguish from the
        best; without it, the direction is real. Under X -> X @ U it becomes
        ``exponent_map @ U``.
    min_runs : int or None, default=None
        Smallest number of runs of a regime; None: twice the parameters of a law, 5, or half the
        root of the number of runs, whichever is largest.
    level : float, default=0.9
        Level of the intervals stored in `thresholds_` and of the choice of rational directions.
    random_state : int, RandomState or None, default=0
        For the bootstrap and the folds.

    Attributes
    ----------
    regimes_ : list of Regime
        Conditions, exponents, intercept, covariance, runs.
    thresholds_ : list of RegimeThreshold
        Boundary k separates regimes k and k + 1.
    labels_ : ndarray of shape (n_runs,)
        Regime of each run.
    n_regimes_ : int
    exponents_ : ndarray of shape (n_regimes, n_features)
    intercepts_ : ndarray of shape (n_regimes,)
    covariance_ : ndarray of shape (n_regimes, n_features, n_features)
        Of the exponents, by leaving out runs or clusters, plus what the place of a jump adds.
    bic_ : float
        Of the response in units of its spread.
    n_parameters_ : float
        Parameters that it counts, searches included.
    scores_ : dict of int to float
        Criterion for each number of regimes tried; smaller is better.
    p_values_ : dict of int to float
        Significance of the structure that so many regimes leave, where it was tested.
    intercept_ : float
        Mean prediction over the runs.
    residuals_ : ndarray of shape (n_runs,)
    n_contrasts_, n_pairs_ : int
    n_features_in_ : int

    References
    ----------
    Hansen (2000), Econometrica 68:575. Bai & Perron (2003), J. Applied Econometrics 18:1.

    Examples
    --------
    >>> x = np.linspace(0.0, 6.0, 60)[:, None]
    >>> noise = 0.01 * np.cos(40.0 * x[:, 0] ** 2)
    >>> y = np.where(x[:, 0] < 3.0, 1.0 - x[:, 0], 0.5 - 0.25 * x[:, 0]) + noise
    >>> model = RegimePowerLaw().fit(x, y)
    >>> model.n_regimes_, model.thresholds_[0].kind, np.round(model.exponents_[:, 0], 2).tolist()
    (2, 'jump', [-1.0, -0.25])
    """

    def __init__(
        self,
        max_regimes: int = 5,
        continuous: str | bool = "auto",
        criterion: str = "bic",
        exponent_map: ArrayLike | None = None,
        min_runs: int | None = None,
        level: float = 0.9,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.max_regimes = max_regimes
        self.continuous = continuous
        self.criterion = criterion
        self.exponent_map = exponent_map
        self.min_runs = min_runs
        self.level = level
        self.random_state = random_state

    def _fit(self, runs: TrainingRuns) -> None:
        kinds = self._check()
        used = runs.only_used()
        data = prepare(used.X, used.y, used.weights, used.clusters, self.min_runs)
        axes, sample = data.axes, data.sample
        directions = self._directions(axes)
        seed = seed_of(self.random_state)
        choose = by_information if self.criterion == "bic" else by_validation
        selection = choose(sample, directions, int(self.max_regimes), kinds, seed)
        monomials = self._monomials(axes, _ROUNDING_MONOMIALS) if selection.pieces.tree else []
        pieces, rationals = round_directions(axes, sample, selection.pieces, monomials, self.level)
        short = simple_boundaries(axes, sample, pieces, monomials, self.level)
        self.scores_, self.p_values_ = selection.scores, selection.p_values
        self.bic_ = bic(sample, pieces)
        self.n_parameters_ = degrees_of_freedom(pieces.tree, axes.rank)
        self._publish(
            outcome_of(data, pieces, rationals, short, self.level, np.flatnonzero(runs.used))
        )
        self.labels_ = labels(self._tree, runs.X)
        fitted = self._pieces(runs.X)
        self.residuals_ = runs.y - fitted
        self.intercept_ = float(np.average(fitted, weights=runs.weights))

    def apply(self, X: ArrayLike) -> IntArray:
        """Regime of each row, shape (n_runs,)."""
        return labels(self._tree, self._checked_rows(X))

    def _publish(self, outcome: RegimeOutcome) -> None:
        self.regimes_ = outcome.regimes
        self.thresholds_ = outcome.thresholds
        self._tree = outcome.tree
        self.n_regimes_ = len(outcome.regimes)
        self.exponents_ = np.stack([regime.exponents for regime in outcome.regimes])
        self.intercepts_ = np.array([regime.intercept for regime in outcome.regimes])
        self.covariance_ = np.stack([regime.covariance for regime in outcome.regimes])
        self.dof_ = np.array([[regime.dof] for regime in outcome.regimes])

    def _potential(self, X: Array) -> Array:
        return np.asarray(self._pieces(X) - self.intercept_)

    def _pieces(self, X: Array) -> Array:
        regime = labels(self._tree, X)
        return np.asarray(self.intercepts_[regime] + np.sum(self.exponents_[regime] * X, axis=1))

    def _check(self) -> Kinds:
        if int(self.max_regimes) != self.max_regimes or self.max_regimes < 1:
            raise InputError(f"max_regimes must be a positive integer, got {self.max_regimes!r}")
        if self.criterion not in ("bic", "cv"):
            raise InputError(f"criterion must be 'bic' or 'cv', got {self.criterion!r}")
        if self.continuous not in ("auto", True, False):
            raise InputError(f"continuous must be 'auto', True or False, got {self.continuous!r}")
        check_level(self.level)
        return Kinds(jump=self.continuous is not True, continuous=self.continuous is not False)

    def _monomials(self, axes: WhitenedAxes, most: int) -> list[tuple[int, ...]]:
        if self.exponent_map is None or axes.rank < 2:
            return []
        table = np.asarray(self.exponent_map, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] != self.n_features_in_:
            raise InputError(
                f"exponent_map must have one column per feature ({self.n_features_in_}), "
                f"got shape {table.shape}"
            )
        return short_monomials(table, most)

    def _directions(self, axes: WhitenedAxes) -> Array:
        found = [sphere(axes.rank)]
        least = _NO_DIRECTION * float(np.linalg.norm(axes.inverse))
        for monomial in self._monomials(axes, _SEARCH_MONOMIALS):
            direction = axes.direction(monomial, least)
            if direction is not None:
                found.append(direction[None])
        return np.concatenate(found)
