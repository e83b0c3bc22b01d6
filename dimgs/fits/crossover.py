"""Smooth crossovers between two power laws, and whether the runs prefer one to sharp regimes.

The two laws are blended as (A^n + B^n)^(1/n), fitted on the log scale. Everything is in whitened
coordinates with a standardised response, where the blend keeps its form and n is multiplied by the
scale of the response.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from sklearn.base import clone
from sklearn.utils.validation import check_X_y

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.fits import regimes
from dimgs.fits.base import ContrastiveRegressor, TrainingRuns
from dimgs.fits.blends import BLUNTEST, SHARPEST, Blend, descend, mix
from dimgs.fits.covariance import check_level, linearised, t_quantile
from dimgs.fits.run_checks import checked_weights, cluster_codes

# blunt, usual and sharp: one of them leads to the best minimum
_STARTING_POWERS = (0.5, 1.5, 5.0)
# of log |n|: as an interval is printed
_CLOSE = 0.003
# evaluations of every start, and starts that are followed to the end
_LOOK, _KEPT = 8, 3


def best_blend(
    sample: regimes.Sample, starts: list[Array], scale: float, power: float | None
) -> Blend:
    """Best of the local minima from several starting laws.

    Parameters
    ----------
    sample : Sample
    starts : list of ndarray of shape (2, rank + 1)
        Laws beside a sharp boundary. Each is also tried with the difference of the laws enlarged,
        because a wide crossover bends the laws beside it towards each other.
    scale : float
        Spread of the response: n of the response is n of the sample over it.
    power : float or None
        n of the response where the form fixes it.
    """
    small = regimes.thin(sample)
    bounds = None if power is not None else (BLUNTEST * scale, SHARPEST * scale)
    powers = [s * p * scale for p in _STARTING_POWERS for s in (1.0, -1.0)]
    powers = powers if power is None else [power * scale]
    blends = []
    for start, factor, first in product(starts, (1.0, 1.7), powers):
        middle = start.mean(axis=0)
        laws = middle + factor * (start - middle)
        blends.append(descend(small, laws, first, bounds, _LOOK))
    promising = sorted(blends, key=lambda b: b.loss)[:_KEPT]
    best = min((descend(small, b.laws, b.power, bounds) for b in promising), key=lambda b: b.loss)
    return best if small is sample else descend(sample, best.laws, best.power, bounds)


def power_profile(
    sample: regimes.Sample, best: Blend, scale: float, slack: float
) -> tuple[float, float]:
    """Range of |n| whose loss exceeds the least by at most `slack`.

    Parameters
    ----------
    sample : Sample
    best : Blend
    scale : float
    slack : float

    Returns
    -------
    low, high : float
        Of |n| of the sample; 0 or infinity where no admissible n is rejected.
    """
    sign, at = np.sign(best.power), float(np.log(abs(best.power)))

    def excess(log: float) -> float:
        held = descend(sample, best.laws, float(sign * np.exp(log)), None)
        # the loss is nearly quadratic, and its root a line
        return float(np.sqrt(max(held.loss - best.loss, 0.0)) - np.sqrt(slack))

    ends = []
    for limit, beyond in ((BLUNTEST, 0.0), (SHARPEST, np.inf)):
        last = float(np.log(limit * scale))
        rejected = excess(last) > 0.0
        ends.append(float(np.exp(brentq(excess, at, last, xtol=_CLOSE))) if rejected else beyond)
    return ends[0], ends[1]


# power of the mean of both laws that each form is; of a blend, fitted
FORMS: dict[str, float | None] = {"sum": 1.0, "saturation": -1.0, "blend": None}


@dataclass(eq=False, repr=False)
class CrossoverPowerLaw(ContrastiveRegressor):
    """Two power laws A and B of the groups, joined as (A^n + B^n)^(1/n).

    Positive n: the larger law wins far from the crossover; negative n: the smaller; the larger
    ``abs(n)``, the sharper. n = 1 is the sum A + B, n = -1 the saturation A / (1 + A / B).

    Parameters
    ----------
    form : {"auto", "blend", "sum", "saturation"}, default="auto"
        Auto takes the least information criterion; n counts as one parameter where it is fitted.
    level : float, default=0.9
        Level of the stored interval of n.

    Attributes
    ----------
    form_ : str
        The form used; "single" where the runs are too few for two laws.
    exponents_ : ndarray of shape (2, n_features)
        Of A, which holds on the lower side of the crossover, and of B.
    intercepts_ : ndarray of shape (2,)
        Logarithms of their prefactors.
    covariance_ : ndarray of shape (2, n_features, n_features)
        Of the exponents, by leaving out runs or clusters.
    parameter_covariance_ : ndarray of shape (2 + 2 * n_features, 2 + 2 * n_features)
        Of (intercept, exponents) of A, then of B.
    n_ : float
        nan where there is a single law.
    n_interval_ : tuple of float
        Profile-likelihood interval of n at `level`; equal ends where the form fixes it, an
        infinite end where the runs do not distinguish the crossover from a sharp one.
    direction_ : ndarray of shape (n_features,)
        Monomial along which A gives way to B, the largest exponent 1.
    threshold_ : float
        Logarithm of the monomial where A = B.
    scores_ : dict of str to float
        Bayesian information criterion of each form tried; smaller is better.
    bic_ : float
    n_parameters_ : int
    intercept_ : float
        Mean prediction over the runs.
    residuals_ : ndarray of shape (n_runs,)
    n_contrasts_, n_pairs_ : int
    n_features_in_ : int

    References
    ----------
    Churchill & Usagi (1972), AIChE Journal 18:1121.

    Examples
    --------
    >>> x = np.linspace(-4.0, 4.0, 60)[:, None]
    >>> noise = 0.01 * np.cos(40.0 * x[:, 0] ** 2)
    >>> y = np.logaddexp(2.0 * 0.5 * x[:, 0], 2.0 * (1.0 + 2.0 * x[:, 0])) / 2.0 + noise
    >>> model = CrossoverPowerLaw().fit(x, y)
    >>> model.form_, round(model.n_, 1), np.round(model.exponents_[:, 0], 2).tolist()
    ('blend', 2.0, [0.5, 2.0])
    """

    form: str = "auto"
    level: float = 0.9

    def _fit(self, runs: TrainingRuns) -> None:
        if self.form != "auto" and self.form not in FORMS:
            raise InputError(f"form must be 'auto' or one of {sorted(FORMS)}, got {self.form!r}")
        check_level(self.level)
        used = runs.only_used()
        data = regimes.prepare(used.X, used.y, used.weights, used.clusters)
        self._publish(data, *self._choose(data))
        fitted = self._blend(runs.X)
        self.residuals_ = runs.y - fitted
        self.intercept_ = float(np.average(fitted, weights=runs.weights))

    def _choose(self, data: regimes.RegimeRuns) -> tuple[str, Blend]:
        sample, width = data.sample, data.axes.rank + 1
        n, loss = len(sample.y), regimes.jump_pieces(sample, ()).loss
        by_form = {"single": Blend(np.zeros((2, width)), np.nan, loss)}
        if n >= 2 * width + 3 and (starts := _starts(data)):
            wanted = list(FORMS) if self.form == "auto" else [self.form]
            by_form = {f: best_blend(sample, starts, data.scale, FORMS[f]) for f in wanted}
        self.scores_ = {
            form: regimes.information(blend.loss, n, _parameters(data, form))
            for form, blend in by_form.items()
        }
        best = min(self.scores_, key=lambda form: self.scores_[form])
        self.bic_ = self.scores_[best]
        self.n_parameters_ = _parameters(data, best)
        return best, by_form[best]

    def _publish(self, data: regimes.RegimeRuns, form: str, blend: Blend) -> None:
        axes, sample, scale = data.axes, data.sample, data.scale
        width, translation = axes.rank + 1, axes.translation
        laws = (data.base + scale * blend.laws) @ translation.T
        difference = laws[1] - laws[0]
        lead = regimes.leading(difference[1:])
        # The winner below the crossover comes first.
        turned = np.isfinite(blend.power) and blend.power * lead < 0
        order = np.array([1, 0]) if turned else np.array([0, 1])
        self.form_ = form
        self.intercepts_, self.exponents_ = laws[order, 0], laws[order, 1:]
        self.direction_ = difference[1:] / lead
        self.threshold_ = -float(difference[0]) / lead
        self.n_ = blend.power / scale
        inside = BLUNTEST * 1.001 < abs(self.n_) < SHARPEST * 0.999
        free = form == "blend" and inside
        if form == "single":
            jacobian, miss = sample.design, sample.y
        else:
            jacobian = blend.jacobian(sample.design, free)
            miss = sample.y - blend.parts(sample.design)[1]
        estimates = linearised(jacobian, miss, sample.weight, sample.cluster)
        spread, self.dof_ = estimates.covariance, max(1.0, float(estimates.dof.min()))
        determined = np.isfinite(spread).all()
        head = np.tile(spread, (2, 2)) if form == "single" else spread[: 2 * width, : 2 * width]
        wide = np.kron(np.eye(2)[order], translation)
        size = wide.shape[0]
        full = scale**2 * wide @ head @ wide.T if determined else np.diag(np.full(size, np.inf))
        self.parameter_covariance_ = full
        half = size // 2
        self.covariance_ = np.stack([full[1:half, 1:half], full[half + 1 :, half + 1 :]])
        self.n_interval_ = (self.n_, self.n_)
        if form == "blend":
            error = float(np.sqrt(spread[-1, -1])) if free and determined else 0.5
            self.n_interval_ = self._interval_of_n(data, blend, jacobian, error if free else np.nan)

    def _interval_of_n(
        self, data: regimes.RegimeRuns, blend: Blend, jacobian: Array, error: float
    ) -> tuple[float, float]:
        """Profile interval; unequal scatter widens it by the robust over the plain variance."""
        sample = data.sample
        dof = max(1, len(sample.y) - 2 * (data.axes.rank + 1) - 1)
        variance = blend.loss / dof
        factor = 1.0
        if np.isfinite(error) and variance > 0:
            gram = jacobian.T @ (sample.weight[:, None] * jacobian)
            plain = variance * float(np.linalg.pinv(gram, hermitian=True)[-1, -1])
            factor = max(1.0, error**2 / plain) if plain > 0 else 1.0
        bound = float(t_quantile(self.level, dof)) ** 2
        slack = max(bound * variance * min(factor, 100.0), regimes.EXACT * len(sample.y))
        low, high = power_profile(sample, blend, data.scale, slack)
        low, high = low / data.scale, high / data.scale
        return (low, high) if blend.power > 0 else (-high, -low)

    def _blend(self, X: Array) -> Array:
        laws = self.intercepts_ + X @ self.exponents_.T
        return np.asarray(laws[:, 0]) if self.form_ == "single" else mix(laws, self.n_)[0]

    def _potential(self, X: Array) -> Array:
        return np.asarray(self._blend(X) - self.intercept_)


def _parameters(data: regimes.RegimeRuns, form: str) -> int:
    width = data.axes.rank + 1
    return {"single": width, "blend": 2 * width + 1}.get(form, 2 * width)


def _starts(data: regimes.RegimeRuns) -> list[Array]:
    """Laws beside the best continuous boundary, or beside a jump where no laws meet."""
    for kinds in (regimes.Kinds(False, True), regimes.Kinds(True, False)):
        path = regimes.grow(data.sample, regimes.sphere(data.axes.rank), 2, kinds)
        if len(path) > 1:
            return [path[1].laws]
    return []


# quantile of the normal distribution that chance exceeds one time in twenty
_ONE_SIDED_5 = 1.645


@dataclass(frozen=True, eq=False)
class CrossoverChoice:
    """One way to join two power laws.

    Attributes
    ----------
    name : {"single", "continuous", "jump", "sum", "saturation", "blend"}
    criterion : float
        Information criterion, or cross-validated mean squared error; smaller is better.
    n_parameters : float
        Searches included.
    model : estimator
        Fitted to all runs.
    """

    name: str
    criterion: float
    n_parameters: float
    model: regimes.RegimePowerLaw | CrossoverPowerLaw


def choose_crossover(
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    criterion: str = "bic",
    random_state: int = 0,
) -> list[CrossoverChoice]:
    """Compare a single power law, sharp boundaries and smooth crossovers on the same runs.

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
        Logarithms of the groups.
    y : array-like of shape (n_runs,)
        Logarithm of the response group.
    sample_weight : array-like of shape (n_runs,), optional
    groups : array-like of shape (n_runs,), optional
        Clusters of runs, held out together.
    criterion : {"bic", "cv"}, default="bic"
    random_state : int, default=0
        For the folds and for the tests inside the sharp fits.

    Returns
    -------
    list of CrossoverChoice
        Best first. A sharp boundary is listed only where it is significant, and a smooth form
        ahead of the single law only where it predicts runs left out better, too: the edge of a
        crossover can be bent through one outlying run.

    Raises
    ------
    InputError
        If `criterion` is unknown.

    Examples
    --------
    >>> x = np.linspace(-4.0, 4.0, 80)[:, None]
    >>> noise = 0.02 * np.cos(40.0 * x[:, 0] ** 2)
    >>> y = np.logaddexp(0.5 * x[:, 0], 1.0 + 2.0 * x[:, 0]) + noise
    >>> choose_crossover(x, y)[0].name
    'sum'
    """
    if criterion not in ("bic", "cv"):
        raise InputError(f"criterion must be 'bic' or 'cv', got {criterion!r}")
    rows, target = check_X_y(X, y, dtype=np.float64, y_numeric=True)
    weight = checked_weights(sample_weight, len(rows))
    runs = TrainingRuns(rows, target, weight, cluster_codes(groups, len(target)))
    candidates: dict[str, regimes.RegimePowerLaw | CrossoverPowerLaw] = {
        "single": regimes.RegimePowerLaw(max_regimes=1, random_state=random_state),
        "continuous": regimes.RegimePowerLaw(2, continuous=True, random_state=random_state),
        "jump": regimes.RegimePowerLaw(2, continuous=False, random_state=random_state),
        **{form: CrossoverPowerLaw(form) for form in FORMS},
    }
    choices = []
    for name, model in candidates.items():
        model.fit(rows, target, sample_weight=weight, groups=runs.groups)
        if isinstance(model, regimes.RegimePowerLaw) and name != "single" and model.n_regimes_ < 2:
            continue
        if isinstance(model, CrossoverPowerLaw) and model.form_ == "single":
            continue
        value = model.bic_
        if criterion == "cv":
            value = weight @ _held_out_squares(model, runs, random_state) / weight.sum()
        choices.append(CrossoverChoice(name, float(value), float(model.n_parameters_), model))
    choices.sort(key=lambda choice: choice.criterion)
    single = next(choice for choice in choices if choice.name == "single")
    idle = [
        choice
        for choice in choices[: choices.index(single)]
        if isinstance(choice.model, CrossoverPowerLaw)
        and not _predicts_better(choice, single, runs, random_state)
    ]
    return [choice for choice in choices if choice not in idle]


def _predicts_better(
    smooth: CrossoverChoice, single: CrossoverChoice, runs: TrainingRuns, seed: int
) -> bool:
    """Whether the gain on runs left out exceeds what chance gives one time in twenty."""
    one, two = (_held_out_squares(c.model, runs, seed) for c in (single, smooth))
    gain = np.bincount(runs.clusters, runs.weights * (one - two))
    return bool(gain.sum() > _ONE_SIDED_5 * np.sqrt(np.sum(gain**2)))


def _held_out_squares(
    model: regimes.RegimePowerLaw | CrossoverPowerLaw, runs: TrainingRuns, seed: int
) -> Array:
    """Squared error of each run by a fit without its fold."""
    squares, cluster = np.zeros(len(runs)), runs.clusters
    for train, test in regimes.folds(cluster, seed):
        some = runs.take(train)
        part = clone(model).fit(some.X, some.y, some.weights, some.groups)
        squares[test] = (runs.y[test] - part.predict(runs.X[test])) ** 2
    return squares
