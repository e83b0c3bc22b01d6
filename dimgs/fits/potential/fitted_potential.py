"""A potential of one response: its smoothness, an ensemble of networks, and what they leave open.

Smoothness (weight decay) is chosen by runs held out; then an ensemble is trained on all runs, and
how fast it errs outside of them is measured by leaving out outer ones.
"""

from dataclasses import dataclass, replace

import numpy as np

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.fits.base import TrainingRuns
from dimgs.fits.potential.hull import distances_to_hull, hull_corners
from dimgs.fits.potential.networks import evaluate
from dimgs.fits.potential.potential_runs import (
    PotentialAxes,
    about_prefactors,
    labels_of_runs,
)
from dimgs.fits.potential.training import HUBER, MANY, Settings, Training

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


def choose(training: Training, folds: Folds, decays: tuple[float, ...]) -> Choice:
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
        return means[k] - means[best] <= doubt * _error(losses[k] - losses[best], clusters)

    chosen = next(k for k in range(len(decays)) if is_no_worse(k))
    scores = {decay: mean / (means[0] or 1.0) for decay, mean in zip(decays, means, strict=True)}
    rougher = max(min(chosen + 1, len(decays) - 1), best) if np.isfinite(decays[chosen]) else chosen
    return Choice(decays[chosen], theta[chosen], theta[rougher], scores)


def _error(difference: Array, clusters: IntArray) -> float:
    """Standard error of a mean difference, over clusters of runs."""
    sizes = np.bincount(clusters)
    spread = (np.bincount(clusters, difference) - sizes * difference.mean())[sizes > 0]
    m = len(spread)
    return float(np.sqrt(np.sum(spread**2) * m / max(m - 1, 1)) / len(difference))


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


def growth_of(training: Training, decay: float) -> Growth:
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

    training: Training
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
        slopes = evaluate(self.training.layout.slopes, theta, self.axes.inputs(X))
        return self.axes.by_features(slopes) * self.training.unit

    def mixed(self, X: Array) -> Array:
        """Second derivatives by the ensemble, (n_rows, n_features, n_features)."""
        bends = evaluate(self.training.layout.bends, self.theta, self.axes.inputs(X)).mean(axis=0)
        wide = self.axes.by_features
        return wide(wide(bends[:, : self.axes.rank]).swapaxes(-1, -2)) * self.training.unit

    def distances(self, X: Array) -> Array:
        """Distance of each row to the hull of the runs."""
        return distances_to_hull(self.corners, self.axes.coordinates(X))

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
        values, z = self.training.values(self.choice.theta, X), self.axes.coordinates(X)
        outside, n_runs = self._outside_error(X) ** 2, 1
        if other is None:
            values = values + self.offsets[..., None]
        else:
            values = values - self.training.values(self.choice.theta, other)
            z = z - self.axes.coordinates(other)
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
        hull_corners(axes.coordinates(runs.X)),
        Growth() if exact else growth_of(training, choice.decay),
    )
    return fitted, errors * training.unit
