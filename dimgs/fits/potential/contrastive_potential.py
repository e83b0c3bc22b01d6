"""The deep potential as scikit-learn estimators: of numbers, and of curves as responses.

The logarithms of curves (decays, spectra, profiles that are positive at every point) differ between
runs in a few directions; each direction has a potential of its own, so that ratios of curves add
up, and curves, being exponentials, stay positive.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import InputError
from dimgs.common.formats import attributes
from dimgs.fits.base import ContrastiveRegressor, WithinRegressor, seed_of
from dimgs.fits.covariance import t_intervals
from dimgs.fits.intervals import Calibration
from dimgs.fits.least_squares import oriented
from dimgs.fits.noise import gain_and_error
from dimgs.fits.potential.potential_runs import (
    HUBER,
    LOSSES,
    MANY,
    Loss,
    Physics,
    PotentialAxes,
    Settings,
    about_prefactors,
    axes_of,
    distances_to_hull,
    distinct_runs,
    hull_corners,
    labels_of_runs,
    one_thread,
    require_torch,
)
from dimgs.fits.training_runs import TrainingRuns

if TYPE_CHECKING:
    from dimgs.fits.potential.networks import Training


# ---- A potential of one response: its smoothness, an ensemble of networks, and what they leave
# open.
#
# Smoothness (weight decay) is chosen by runs held out; then an ensemble is trained on all runs,
# and how fast it errs outside of them is measured by leaving out outer ones.


# weight decay, from the smoothest; no network at all is tried first
DECAYS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6)
# beginnings of every fold, so that an unlucky one does not decide
_INITIALISATIONS = 2
# one-sided quantile of 5 %: a network must beat the power law by more than chance
_DOUBT = 1.64
# below so many runs, or clusters, nothing but a power law can be fitted
_FEWEST_RUNS, _FEWEST_CLUSTERS = 12, 4
# of the spread of the response: what is left below is rounding
_EXACT = 1e-9
# what the unit of this loss must shrink to for another training
_SHARPER = 0.8


# clusters from which one round of five folds leaves enough errors for a level of 0.95
_FEW = 100


@dataclass(frozen=True, eq=False)
class Folds:
    """Sets of runs that some networks are trained without.

    Parameters
    ----------
    held : ndarray of bool of shape (n_folds, n_runs)
        Rounds of folds one after the other; in a round, no run is held out twice.
    pairs : ndarray of int of shape (n_pairs, 3)
        Fold and two of its runs, of different clusters and equal label; in a round, no run occurs
        twice.
    rounds : int
    """

    held: BoolArray
    pairs: IntArray
    rounds: int

    @property
    def left_out(self) -> tuple[IntArray, IntArray]:
        """Fold and run of everything held out."""
        fold, run = np.nonzero(self.held)
        return fold, run


def folds_of(runs: TrainingRuns, seed: int) -> Folds:
    """Folds for the choice of smoothness and for the intervals.

    Below 100 clusters, eight folds (jackknife+ by groups of runs), in two rounds below 50; from
    100 on five folds; of thousands of runs, one fifth is held out once.
    """
    rng = np.random.default_rng(seed)
    clusters, labels = runs.clusters, labels_of_runs(runs)
    n = int(clusters.max()) + 1
    if len(runs) > MANY or n >= _FEW:
        n_folds, rounds = 5, 1
    else:
        # two clusters a fold where they allow it, since a pair needs two
        n_folds, rounds = min(8, max(n // 2, min(n, 3))), 2 if n < _FEW // 2 else 1
    held = list[BoolArray]()
    for _ in range(rounds):
        fold = (rng.permutation(n) % n_folds)[clusters]
        held += [fold == k for k in range(1 if len(runs) > MANY else n_folds)]
    pairs = list[tuple[int, int, int]]()
    for k, mask in enumerate(held):
        shuffled = rng.permutation(n)[clusters]
        for label in np.unique(labels[mask]):
            # cluster by cluster and folded in half, partners differ unless one is the majority
            mine = np.flatnonzero(mask & (labels == label))
            mine = mine[np.argsort(shuffled[mine], kind="stable")]
            half = len(mine) // 2
            folded = zip(mine[:half].tolist(), mine[len(mine) - half :].tolist(), strict=True)
            pairs += [(k, u, v) for u, v in folded if clusters[u] != clusters[v]]
    return Folds(np.array(held), np.array(pairs, dtype=np.intp).reshape(-1, 3), rounds)


@dataclass(frozen=True, eq=False)
class Choice:
    """The chosen smoothness and the networks trained with runs left out.

    Parameters
    ----------
    decay : float
        Infinite where the power law alone is as good.
    theta, rougher : ndarray of shape (n_folds, n_initialisations, n_numbers)
        The second are one step less smooth, to show what smoothness costs.
    scores : dict of float to float
        Mean loss on runs held out for each weight decay, relative to the first.
    """

    decay: float
    theta: Array
    rougher: Array
    scores: dict[float, float]


def choose(training: "Training", folds: Folds, decays: tuple[float, ...]) -> Choice:
    """Train without each fold at every smoothness, and keep the smoothest that is not worse.

    Parameters
    ----------
    training : Training
    folds : Folds
    decays : tuple of float
        From the largest.

    Notes
    -----
    Not worse: the mean loss on held-out runs exceeds the least one by no more than one standard
    error of the difference, which is taken over the clusters of runs. A power law is given up
    only where it exceeds it by more than 1.64 of them, by chance one time in twenty.
    """
    shape = (len(decays), len(folds.held), _INITIALISATIONS)
    which, fold, kinds = (axis.ravel() for axis in np.indices(shape))
    weights = np.where(folds.held, 0.0, training.runs.weights)[fold]
    rng = np.random.default_rng(training.settings.seed)
    flat, _ = training.networks(weights, np.array(decays)[which], kinds, rng)
    theta = flat.reshape(*shape, -1)
    of_fold, run = folds.left_out
    losses = []
    for networks in theta:
        errors = np.abs(training.held_out_errors(networks, folds.held)[of_fold, run])
        size = {"squared": errors**2, "absolute": errors}.get(training.settings.loss)
        if size is None:
            size = np.where(errors <= HUBER, errors**2, HUBER * (2 * errors - HUBER))
        losses.append(training.runs.weights[run] * size)
    means = [float(loss.mean()) for loss in losses]
    best = int(np.argmin(means))
    clusters = training.runs.clusters[run]

    def is_no_worse(k: int) -> bool:
        doubt = 1.0 if np.isfinite(decays[k]) else _DOUBT
        gain, error = gain_and_error(losses[best], losses[k], clusters)
        return gain <= doubt * error

    chosen = next(k for k in range(len(decays)) if is_no_worse(k))
    scores = {decay: mean / (means[0] or 1.0) for decay, mean in zip(decays, means, strict=True)}
    rougher = max(min(chosen + 1, len(decays) - 1), best) if np.isfinite(decays[chosen]) else chosen
    return Choice(decays[chosen], theta[chosen], theta[rougher], scores)


# share of the runs that is left out at an end of an axis: a fifth, as in validation
_SHARE = 0.2
# axes at whose ends runs are left out: six trainings
_MOST_AXES = 3
# runs left out that are looked at: each distance is a small optimisation
_MOST_POINTS = 40
# of errors over distances: so many outer runs are nearer to what was predicted
_FEW_EXCEED = 0.9


@dataclass(frozen=True)
class Growth:
    """Errors outside the hull of the runs.

    Parameters
    ----------
    rate : float
        Error over its distance.
    distance : float
        Typical distance at which it was measured.
    """

    rate: float = 0.0
    distance: float = 1.0

    def error(self, distances: Array) -> Array:
        """In proportion to the distance, and to its square beyond where it was measured."""
        return np.asarray(self.rate * distances * np.maximum(1.0, distances / self.distance))


def growth_of(training: "Training", decay: float) -> Growth:
    """Leave out the outermost runs along each axis, both ways, and predict them.

    Of few or thousands of runs, errors do not grow.
    """
    z = training.x[:, : training.axes.rank]
    n, rank = z.shape
    if not rank or not _FEWEST_RUNS <= n <= MANY:
        return Growth()
    order, count = np.argsort(z[:, :_MOST_AXES], axis=0, kind="stable").T, max(2, round(_SHARE * n))
    outer = [np.isin(np.arange(n), rows) for o in order for rows in (o[:count], o[-count:])]
    weights = np.where(outer, 0.0, training.runs.weights)
    rng = np.random.default_rng([training.settings.seed, 2])
    theta, _ = training.networks(weights, np.full(len(outer), decay), np.arange(len(outer)), rng)
    errors, distances = list[Array](), list[Array]()
    for held, error in zip(outer, training.held_out_errors(theta[:, None], outer), strict=True):
        rows = np.flatnonzero(held)
        rows = rows[:: -(-len(rows) // _MOST_POINTS)]
        errors.append(np.abs(error[rows]))
        distances.append(distances_to_hull(hull_corners(z[~held]), z[rows]))
    error, away = np.concatenate(errors), np.concatenate(distances)
    if not away.any():
        return Growth()
    # errors nearer to the hull are those of runs inside
    far = away > np.median(away[away > 0]) / 2
    rate = float(np.quantile(error[far] / away[far], _FEW_EXCEED))
    return Growth(rate, float(np.median(away[far])))


@dataclass(frozen=True, eq=False)
class FittedPotential:
    """Networks in whitened coordinates, with the units of the response.

    Parameters
    ----------
    training : Training
    choice : Choice
        Of the smoothness.
    theta : ndarray of shape (n_members, n_numbers)
        The ensemble, trained on all runs.
    steps : int
        Of its training.
    offsets : ndarray of shape (n_folds, n_initialisations)
        Prefactor of each network of `choice`: pairs of runs determine none.
    rounds : int
        Rounds of folds.
    noise : float
        Root-mean-square error on runs left out, in units of the networks' values.
    corners : ndarray of shape (n_corners, rank)
        Of the hull of the runs.
    growth : Growth
        Of errors outside it, in these units.
    """

    training: "Training"
    choice: Choice
    theta: Array
    steps: int
    offsets: Array
    rounds: int
    noise: float
    corners: Array
    growth: Growth

    @property
    def axes(self) -> PotentialAxes:
        """From rows to the inputs of the networks."""
        return self.training.axes

    def members(self, X: Array) -> Array:
        """Potential by each member, shape (n_members, n_rows)."""
        return self.training.values(self.theta, X) * self.training.unit

    def slopes(self, theta: Array, X: Array) -> Array:
        """Local exponents, (..., n_rows, n_features); NaN for labels."""
        from dimgs.fits.potential.networks import evaluate

        slopes = evaluate(self.training.layout.slopes, theta, self.axes.inputs(X))
        return self.axes.by_features(slopes) * self.training.unit

    def mixed(self, X: Array) -> Array:
        """Second derivatives by the ensemble, (n_rows, n_features, n_features)."""
        from dimgs.fits.potential.networks import evaluate

        bends = evaluate(self.training.layout.bends, self.theta, self.axes.inputs(X)).mean(axis=0)
        wide = self.axes.by_features
        return wide(wide(bends[:, : self.axes.rank]).swapaxes(-1, -2)) * self.training.unit

    def distances(self, X: Array) -> Array:
        """Distance of each row to the hull of the runs."""
        return distances_to_hull(self.corners, self.axes.apply(X))

    def by_fold(self, X: Array, other: Array | None = None) -> tuple[Array, Array]:
        """Response less its centre, or its difference, by the networks of each fold.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
        other : ndarray of the same shape, optional
            Rows that the response of `X` is compared with.

        Returns
        -------
        values, variances : ndarray of shape (n_folds, n_rows)
            The second is what the networks leave open: noise, leverage, disagreement, and what
            grows outside of the runs.
        """
        values, z = self.training.values(self.choice.theta, X), self.axes.apply(X)
        outside, n_runs = self._outside_error(X) ** 2, 1
        if other is None:
            values = values + self.offsets[..., None]
        else:
            values = values - self.training.values(self.choice.theta, other)
            z = z - self.axes.apply(other)
            outside, n_runs = outside + self._outside_error(other) ** 2, 2
        leverage = np.square(z).sum(axis=1) / len(self.training.runs)
        variance = self.noise**2 * (n_runs + leverage) + outside + values.var(axis=1, ddof=1)
        unit = self.training.unit
        return values.mean(axis=1) * unit, variance * unit**2

    def _outside_error(self, X: Array) -> Array:
        return self.growth.error(self.distances(X))

    def slope_variance(self, X: Array, average: bool) -> tuple[Array, int]:
        """Variance of local exponents by runs left out, and its degrees of freedom.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
        average : bool
            Of the mean exponents over the rows instead.

        Returns
        -------
        ndarray of shape (n_rows, n_features), int
            A single row for the mean.
        """

        def by_member(theta: Array) -> Array:
            slopes = self.slopes(theta, X)
            return np.asarray(slopes.mean(axis=-2, keepdims=True) if average else slopes)

        networks = (self.choice.theta, self.choice.rougher, self.theta)
        folds, rougher, whole = map(by_member, networks)
        folds, rougher = folds.mean(axis=1), rougher.mean(axis=(0, 1))
        each = len(folds) // self.rounds
        if each < 2:
            return np.full(rougher.shape, np.inf), 1
        per_round = folds.reshape(self.rounds, each, *rougher.shape)
        variance = (each - 1) * per_round.var(axis=1).mean(axis=0)
        if len(whole) > 1:
            variance = variance + whole.var(axis=0, ddof=1) / len(whole)
        # what one step of smoothness changes stands for what smoothness hides
        return variance + (rougher - folds.mean(axis=0)) ** 2, each - 1


def learn(
    runs: TrainingRuns, axes: PotentialAxes, y: Array, folds: Folds, settings: Settings
) -> tuple[FittedPotential, Array]:
    """Train a potential of one response.

    Parameters
    ----------
    runs : TrainingRuns
        Distinct ones.
    axes : PotentialAxes
    y : ndarray of shape (n_runs,)
        Response about its mean.
    folds : Folds
    settings : Settings

    Returns
    -------
    FittedPotential
    ndarray of shape (n_folds, n_runs)
        Errors on runs left out, about the prefactors of the runs seen.
    """
    from dimgs.fits.potential.networks import Training

    weights, labels = runs.weights, labels_of_runs(runs)
    centred = about_prefactors(y[:, None], labels, weights)[:, 0]
    spread = float(np.sqrt(np.mean(weights * centred**2))) or 1.0
    training = Training(runs, axes, y, spread, settings)
    left = training.target - training.x @ training.linear(weights)
    left = about_prefactors(left[:, None], labels, weights)[:, 0]
    size = float(np.sqrt(np.mean(weights * left**2)))
    exact = size <= _EXACT
    if settings.loss != "squared":
        # outliers set no unit
        size = max(1.4826 * float(np.median(np.abs(left))), 1e-3 * size)
    few = len(runs) < _FEWEST_RUNS or runs.clusters.max() + 1 < _FEWEST_CLUSTERS
    if exact or few or not settings.hidden or not axes.rank:
        settings = replace(settings, hidden=(), decays=(np.inf,))
    unit = spread if exact else spread * size

    def tried(unit: float, decays: tuple[float, ...]) -> tuple[Training, Choice, Array]:
        # a few digits, so that the last ones, which vary with the choice of groups, do not matter
        training = Training(runs, axes, y, float(f"{unit:.6g}"), settings)
        choice = choose(training, folds, decays)
        return training, choice, training.held_out_errors(choice.theta, folds.held)

    training, choice, errors = tried(unit, settings.decays)
    if settings.loss == "huber" and not exact:
        # in units of what the potential leaves, not the power law
        smaller = 1.4826 * float(np.median(np.abs(errors[folds.left_out])))
        if 0.0 < smaller < _SHARPER:
            scores = choice.scores
            training, choice, errors = tried(unit * smaller, (choice.decay,))
            choice = replace(choice, scores=scores)
    # a power law needs but one network
    members = settings.n_members if np.isfinite(choice.decay) else 1
    theta, steps = training.networks(
        np.tile(weights, (members, 1)),
        np.full(members, choice.decay),
        np.arange(members),
        np.random.default_rng([settings.seed, 1]),
    )
    misses = training.target - training.values(choice.theta)
    seen = np.where(folds.held, 0.0, weights)
    of, run = folds.left_out
    noise = float(np.sqrt(np.mean(weights[run] * errors[of, run] ** 2)))
    fitted = FittedPotential(
        training,
        choice,
        theta,
        steps,
        np.einsum("kr,kir->ki", seen, misses) / seen.sum(axis=1)[:, None],
        folds.rounds,
        max(noise, float(np.finfo(float).eps)),
        hull_corners(axes.apply(runs.X)),
        Growth() if exact else growth_of(training, choice.decay),
    )
    return fitted, errors * training.unit


class PotentialRegressor(ContrastiveRegressor):
    """Base of both: the response is a sum of directions, each with a potential as its factor.

    Attributes
    ----------
    potentials_ : list of FittedPotential
        One for each direction.
    """

    _several_targets = True
    potentials_: "list[FittedPotential]"

    def _learn(self, runs: TrainingRuns, directions: Array, settings: Settings) -> None:
        """Fit a potential on the response along each direction; rows of distinct runs."""
        weights = runs.weights
        axes, folds = axes_of(runs, settings.categorical), folds_of(runs, settings.seed)
        self._runs, self._directions, self._folds = runs, directions, folds
        self._mean = weights @ runs.y / weights.sum()
        centred = runs.y - self._mean
        parts = centred @ directions.T
        rest = centred - parts @ directions
        self._missed = np.mean(rest**2, axis=0)
        made = [learn(runs, axes, part, folds, settings) for part in parts.T]
        self.potentials_ = [fitted for fitted, _ in made]
        # what remains of the mean after the ensembles
        self._offset = weights @ (runs.y - self._sum(runs.X)) / weights.sum()
        # errors on runs left out, and on pairs of them that share no run
        errors = np.stack([e for _, e in made], axis=-1) @ directions + rest
        of, run = folds.left_out
        _, open_there = self._by_fold(runs.X)
        root = np.sqrt(weights)[:, None]
        self._errors, self._left_out = errors[of, run] * root[run], run
        distinct = len(np.unique(run))
        self._values = Calibration(of, np.abs(self._errors) / open_there[of, run], distinct)
        k, u, v = folds.pairs.T
        here = np.arange(len(k))
        _, open_there = self._by_fold(runs.X[u], runs.X[v])
        together = np.sqrt(2.0 / (1.0 / weights[u] + 1.0 / weights[v]))[:, None]
        gaps = np.abs(errors[k, u] - errors[k, v]) * together / open_there[k, here]
        self._pairs = Calibration(k, gaps, min(len(k), distinct))

    def _by_fold(self, X: Array, other: Array | None = None) -> tuple[Array, Array]:
        """Response (or its differences) by the networks of each fold, and what they leave open.

        Both have the shape (n_folds, n_rows, n_targets).
        """
        each = [fitted.by_fold(X, other) for fitted in self.potentials_]
        values, variances = (np.stack(parts, axis=-1) for parts in zip(*each, strict=True))
        runs, mean = (1, self._mean) if other is None else (2, 0.0)
        variance = variances @ self._directions**2 + runs * self._missed
        return values @ self._directions + mean, np.sqrt(variance)

    def _bounds(self, calibration: Calibration, level: float, whole: bool, *places: Array) -> Array:
        if whole:
            worst = calibration.scores.max(axis=1, keepdims=True)
            scores = np.repeat(worst, calibration.scores.shape[1], axis=1)
            calibration = replace(calibration, scores=scores)
        bounds = calibration.bounds(*self._by_fold(*places), level)
        # of a direction that never varied the runs determine nothing
        axes = self.potentials_[0].axes
        unknown = np.any([axes.leaves_span(rows) for rows in places], axis=0)
        bounds[unknown] = [-np.inf, np.inf]
        return self._unstacked(bounds)

    def _sum(self, X: Array) -> Array:
        parts = [fitted.members(X).mean(axis=0) for fitted in self.potentials_]
        return np.column_stack(parts) @ self._directions

    def _potential(self, X: Array) -> Array:
        return self._unstacked(self._sum(X))

    def predict_interval(self, X: ArrayLike, level: float = 0.9, whole: bool = False) -> Array:
        """Intervals of the log response of one more run at each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        level : float
        whole : bool
            Cover all targets (all points of a curve) at once, instead of each by itself.

        Returns
        -------
        ndarray of shape (n_rows, 2) or (n_rows, n_targets, 2)
            Infinite where the runs are too few for the level.
        """
        return self._bounds(self._values, level, whole, self._checked_rows(X))

    def ratio_interval(
        self, X_u: ArrayLike, X_v: ArrayLike, level: float = 0.9, whole: bool = False
    ) -> Array:
        """Intervals of the log-ratio of two more runs at each pair of rows.

        Parameters
        ----------
        X_u, X_v : array-like of shape (n_rows, n_features)
        level : float
        whole : bool
            As of `predict_interval`.

        Returns
        -------
        ndarray of shape (n_rows, 2) or (n_rows, n_targets, 2)
        """
        return self._bounds(self._pairs, level, whole, *self._checked_pairs(X_u, X_v))

    def exponents(self, X: ArrayLike) -> Array:
        """Local exponents, the gradient of the potential, by automatic differentiation.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_features) or (n_rows, n_targets, n_features)
            nan for categorical columns.
        """
        return self._unstacked(self._slopes(self._checked_rows(X)))

    def _slopes(self, X: Array) -> Array:
        each = [fitted.slopes(fitted.theta, X).mean(axis=0) for fitted in self.potentials_]
        return np.asarray(np.einsum("cnp,ct->ntp", each, self._directions))

    def exponent_intervals(self, X: ArrayLike, level: float = 0.9) -> Array:
        """Intervals of the local exponents, by groups of runs left out.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        level : float

        Returns
        -------
        ndarray of shape (n_rows, n_features, 2) or (n_rows, n_targets, n_features, 2)
            About what smooth networks find on average: sharper bends than the runs resolve are
            not covered.
        """
        rows = self._checked_rows(X)
        return self._unstacked(self._slope_intervals(self._slopes(rows), rows, level, False))

    def intervals(self, level: float | None = None) -> Array:
        """Intervals of `exponents_`, shape (n_features, 2) or (n_targets, n_features, 2)."""
        check_is_fitted(self)
        mean = self.exponents_[None, None] if self._flat else self.exponents_[None]
        level = 0.9 if level is None else level
        bounds = self._slope_intervals(mean, self._runs.X, level, True)
        return np.asarray(self._unstacked(bounds)[0])

    def _slope_intervals(self, slopes: Array, X: Array, level: float, average: bool) -> Array:
        """Variances along the directions add up, as the factors are uncorrelated."""
        variances, dofs = zip(
            *(fitted.slope_variance(X, average) for fitted in self.potentials_), strict=True
        )
        variance = np.einsum("cnp,ct->ntp", variances, self._directions**2)
        return t_intervals(slopes, variance, min(dofs), level)

    def _mean_exponents(self) -> Array:
        weights = self._runs.weights / self._runs.weights.sum()
        mean = np.einsum("n,ntp->tp", weights, self._slopes(self._runs.X))
        return np.asarray(self._shaped(mean))


@dataclass(eq=False, repr=False)
class ContrastivePotential(PotentialRegressor, WithinRegressor):
    """Power law plus a small network, fitted on the log-ratios of all pairs of runs.

    Predicted ratios are differences of one potential, so they are antisymmetric and add up
    along any chain of runs. How much network there is, is decided by runs held out: where a
    power law predicts them as well, the network is left out altogether. Works in whitened log
    groups, so that the choice of groups does not matter.

    Parameters
    ----------
    hidden : tuple of int, default (24,)
        Width of each layer; () leaves the power law alone.
    loss : {"squared", "absolute", "huber"}, default "squared"
        Of all pairs; the last two bear outliers in the response.
    smoothness : "auto" or float, default "auto"
        Weight decay. "auto" takes the smoothest that predicts held-out runs no worse than the
        best by more than one standard error; infinity is the power law.
    physics : Physics, optional
        Signs, limits and interactions of exponents known beforehand.
    categorical : tuple of int, default ()
        Columns of X that hold codes of labels. Each label has a prefactor and coordinates of
        its own; one that was not seen counts as an average one.
    n_members : int, default 5
        Networks in the ensemble, from different beginnings.
    max_iter : int, default 200
        Longest training, in steps of all networks.
    device : str, default "auto"
        "auto" takes a graphics card, where there is one, from 2000 runs on.
    verbose : bool, default False
        Show a progress bar on standard error.
    random_state : int, RandomState or None, default 0
        Seed of everything random; None takes another one each time.

    Attributes
    ----------
    exponents_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Local exponents averaged over the runs; nan for categorical columns.
    linear_exponents_ : ndarray of the same shape
        Exponents of the power-law part.
    intercept_ : float or ndarray of shape (n_targets,)
    group_intercepts_ : dict
        Of each label of `within`; {} without.
    smoothness_ : float
        Weight decay in use, of several targets the least; infinite where there is no network.
    n_iter_ : int
        Steps of the training; 1 where the power law has a closed form.
    validation_ : dict of float to float
        Held-out loss of each weight decay, relative to the first.
    cv_r2_, cv_rmse_ : float or ndarray of shape (n_targets,)
        Share of the spread explained, and root-mean-square error, of runs or clusters left out.
    residuals_ : ndarray of shape (n_runs,) or (n_runs, n_targets)
    n_contrasts_, n_pairs_ : int

    Notes
    -----
    Runs that agree in every number are one run. Intervals are conformal: with fewer than 100
    runs (or clusters) each is predicted by networks trained without its group of runs, as in
    jackknife+; ratios are calibrated on pairs that share no run.

    References
    ----------
    R. F. Barber, E. J. Candes, A. Ramdas, R. J. Tibshirani, "Predictive inference with the
    jackknife+", Annals of Statistics 49 (2021) 486-507, section 3 (CV+).
    B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and scalable predictive uncertainty
    estimation using deep ensembles", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-4.0, 4.0, 40)[:, None]
    >>> y = np.logaddexp(0.5 * x[:, 0], 2.0 * x[:, 0]) + 0.01 * np.cos(40 * x[:, 0] ** 2)
    >>> model = ContrastivePotential().fit(x, y)
    >>> model.exponents([[-3.5], [3.5]]).round(1)
    array([[0.5],
           [2. ]])
    """

    hidden: tuple[int, ...] = (24,)
    loss: Loss = "squared"
    smoothness: float | Literal["auto"] = "auto"
    physics: Physics | None = None
    categorical: Sequence[int] = ()
    n_members: int = 5
    max_iter: int = 200
    device: str = "auto"
    verbose: bool = False
    random_state: int | np.random.RandomState | None = 0

    def _fit(self, runs: TrainingRuns) -> None:
        require_torch()
        settings = self.settings(runs.X.shape[1])
        with one_thread():
            self._learn(distinct_runs(runs), np.eye(1 if self._flat else runs.y.shape[1]), settings)
            self._publish(runs)

    def settings(self, n_features: int) -> Settings:
        """The parameters, checked against the number of columns of X.

        Raises
        ------
        InputError
            If one is out of range.
        """
        self._check()
        physics = self.physics or Physics()
        physics.check(n_features, self.categorical)
        # an infinite weight decay is the power law
        tried = (np.inf, *DECAYS) if self.smoothness == "auto" else (float(self.smoothness),)
        return Settings(
            **attributes(self, "loss n_members max_iter device verbose"),
            hidden=tuple(self.hidden),
            decays=tried,
            categorical=tuple(self.categorical),
            physics=physics,
            seed=seed_of(self.random_state),
        )

    def _publish(self, given: TrainingRuns) -> None:
        runs = self._runs
        # of several targets the least smooth
        least = min(self.potentials_, key=lambda fitted: fitted.choice.decay)
        self.smoothness_, self.validation_ = least.choice.decay, least.choice.scores
        self.n_iter_ = least.steps
        self.intercept_ = self._shaped(self._offset)
        labels, misses = labels_of_runs(runs), runs.y - self._sum(runs.X)
        self.group_intercepts_ = {}
        if runs.within is not None:
            means = misses - about_prefactors(misses, labels, runs.weights)
            self.group_intercepts_ = {
                label: self._shaped(row)
                for label, row in zip(runs.within.tolist(), means, strict=True)
            }
        residuals = given.y.reshape(len(given), -1) - self._sum(given.X) - self._offset
        self.residuals_ = self._unstacked(residuals)
        self.n_contrasts_ = len(runs) - 1
        self.n_pairs_ = len(runs) * (len(runs) - 1) // 2
        self.exponents_ = self._mean_exponents()
        linear = [
            fitted.axes.by_features(fitted.theta[:, : fitted.training.layout.n_inputs].mean(axis=0))
            * fitted.training.unit
            for fitted in self.potentials_
        ]
        self.linear_exponents_ = self._shaped(np.array(linear))
        spread = about_prefactors(runs.y, labels, runs.weights)[self._left_out]
        total = runs.weights[self._left_out] @ spread**2
        squares = np.sum(self._errors**2, axis=0)
        safe = np.where(total > 0, total, 1.0)
        self.cv_r2_ = self._shaped(np.where(total > 0, 1.0 - squares / safe, np.nan))
        self.cv_rmse_ = self._shaped(np.sqrt(np.mean(self._errors**2, axis=0)))

    def _check(self) -> None:
        if self.loss not in LOSSES:
            raise InputError(f"loss is {self.loss!r}: use squared, absolute or huber.")
        for name in ("hidden", "categorical"):
            value: object = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Iterable):
                raise InputError(f"{name} is {value!r}: give a sequence of whole numbers.")
        if not _whole([self.n_members, self.max_iter, *self.hidden], 1):
            raise InputError(
                f"n_members is {self.n_members!r}, max_iter {self.max_iter!r} and hidden "
                f"{self.hidden!r}: use whole numbers from 1."
            )
        if not _whole(self.categorical, 0):
            raise InputError(
                f"categorical is {self.categorical!r}: give columns of X, counted from 0."
            )
        decay: object = self.smoothness
        if decay != "auto" and not (isinstance(decay, int | float | np.number) and decay >= 0):
            raise InputError(
                f"smoothness is {decay!r}: use 'auto' or a weight decay that is not negative."
            )

    def mixed_derivatives(self, X: ArrayLike) -> Array:
        """Second derivatives of the potential: how each exponent changes with each feature.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_features, n_features) or (n_rows, n_targets, ...)
            nan for categorical columns.
        """
        rows = self._checked_rows(X)
        return self._unstacked(np.stack([p.mixed(rows) for p in self.potentials_], axis=1))

    def interactions(self) -> Array:
        """Strength of the interaction of each pair of features in the log response.

        Returns
        -------
        ndarray of shape (n_features, n_features) or (n_targets, n_features, n_features)
            Root-mean-square mixed second derivative over the runs, times the standard
            deviations of both features; the diagonal is the curvature along each.
        """
        check_is_fitted(self)
        mixed = self.mixed_derivatives(self._runs.X)
        spread = self._runs.X.std(axis=0)
        return np.asarray(np.sqrt(np.square(mixed).mean(axis=0)) * np.outer(spread, spread))

    def separable_blocks(self, tolerance: float = 0.1) -> list[tuple[int, ...]]:
        """Blocks of features that do not interact: the response is a product over the blocks.

        Parameters
        ----------
        tolerance : float
            Interactions below this share of the largest entry of `interactions`, or below the
            error on runs left out, do not count.

        Returns
        -------
        list of tuple of int
        """
        from scipy.sparse.csgraph import connected_components

        check_is_fitted(self)
        numeric = np.flatnonzero(~np.isin(np.arange(self.n_features_in_), self.categorical))
        strengths = self.interactions().reshape(-1, self.n_features_in_, self.n_features_in_)
        strengths = strengths[:, numeric[:, None], numeric]
        noise = np.atleast_1d(self.cv_rmse_)
        least = np.maximum(tolerance * strengths.max(axis=(1, 2), initial=0.0), noise)
        linked = np.any(strengths > least[:, None, None], axis=0)
        count, label = connected_components(linked, directed=False)
        return [tuple(numeric[label == k].tolist()) for k in range(count)]

    def outside(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Mask of rows outside the convex hull of the runs, shape (n_rows,).

        Intervals there are wider: by the leverage of the place, by the disagreement of the
        networks, and at the rate of the errors that were measured when outer runs were left out.
        Further out than that they grow with the square of the distance, as no data vouches for
        them.
        """
        fitted, rows = self.potentials_[0], self._checked_rows(X)
        return np.asarray((fitted.distances(rows) > 0) | fitted.axes.leaves_span(rows))


def _whole(values: Iterable[object], least: int) -> bool:
    return all(isinstance(n, int | np.integer) and n >= least for n in values)


@dataclass(eq=False, repr=False)
class CurvePotential(PotentialRegressor):
    """Potentials on the principal components of log-curves.

    Parameters
    ----------
    n_components : int or float, default 0.999
        How many components, or the share of the variance of the log-curves that they keep.
    estimator : ContrastivePotential, optional
        Parameters of the potential of each component; the defaults otherwise.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_points)
        Orthonormal directions of the log-curves.
    intercept_ : ndarray of shape (n_points,) or float
        Mean log-curve.
    exponents_ : ndarray of shape (n_points, n_features) or (n_features,)
        Mean local exponents over the runs.
    explained_ : ndarray of shape (n_components,)
        Share of the variance between runs along each component.
    smoothness_ : ndarray of shape (n_components,)
        Weight decay of each potential; infinite for power laws.

    Notes
    -----
    A power law of a whole curve has one component, the prefactor; a curve whose time scale
    follows a power law bends the log-curves and needs more.

    References
    ----------
    J. Aitchison, "The Statistical Analysis of Compositional Data", Chapman and Hall 1986,
    chapter 8 (log-ratio principal components).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-1.0, 1.0, 15)[:, None]
    >>> time = np.array([1.0, 2.0, 4.0])
    >>> curves = np.exp(0.5 * x) * time**-0.3
    >>> model = CurvePotential().fit(x, np.log(curves))
    >>> model.curves([[2.0]]).round(3), model.exponents([[2.0]])[0, :, 0].round(3)
    (array([[2.718, 2.208, 1.793]]), array([0.5, 0.5, 0.5]))
    """

    n_components: int | float = 0.999
    estimator: ContrastivePotential | None = None

    def _fit(self, runs: TrainingRuns) -> None:
        require_torch()
        settings = (self.estimator or ContrastivePotential()).settings(runs.X.shape[1])
        with one_thread():
            distinct = distinct_runs(runs)
            weights = distinct.weights
            self.intercept_ = weights @ distinct.y / weights.sum()
            centred = (distinct.y - self.intercept_) * np.sqrt(weights)[:, None]
            _, singular, directions = np.linalg.svd(centred, full_matrices=False)
            count = self._count(singular, len(distinct))
            total = float(np.sum(singular**2))
            self.components_ = directions[:count] * oriented(directions[:count].T)[:, None]
            self.explained_ = singular[:count] ** 2 / (total if total > 0 else 1.0)
            self._learn(distinct, self.components_, settings)
            self.smoothness_ = np.array([fitted.choice.decay for fitted in self.potentials_])
            self.exponents_ = self._mean_exponents()
            self.intercept_ = self._shaped(self.intercept_)

    def _count(self, singular: Array, n_runs: int) -> int:
        most = max(1, min(len(singular), n_runs - 1))
        wanted = self.n_components
        if isinstance(wanted, int | np.integer):
            if wanted < 1:
                raise InputError(f"n_components is {wanted}: ask for at least one.")
            return min(int(wanted), most)
        if not 0.0 < wanted <= 1.0:
            raise InputError(f"n_components is {wanted}: give a number, or a share up to 1.0.")
        kept = np.cumsum(singular**2) / max(float(np.sum(singular**2)), np.finfo(float).tiny)
        return min(int(np.searchsorted(kept, wanted - 1e-12)) + 1, most)

    def _potential(self, X: Array) -> Array:
        return self._unstacked(self._sum(X) + self._offset - self._mean)

    def curves(self, X: ArrayLike) -> Array:
        """Curves at each row, positive everywhere; shape (n_rows, n_points)."""
        return np.asarray(np.exp(self.predict(X)))
