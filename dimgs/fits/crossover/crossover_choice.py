"""Sharp or smooth: the ways in which one power law may give way to another, compared."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_X_y

from dimgs.arrays import Array
from dimgs.errors import InputError
from dimgs.fits.base import TrainingRuns
from dimgs.fits.crossover.crossover_power_law import CrossoverPowerLaw
from dimgs.fits.regimes.regime_count import folds
from dimgs.fits.regimes.regime_power_law import RegimePowerLaw
from dimgs.fits.run_checks import checked_weights, cluster_codes

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
    model: RegimePowerLaw | CrossoverPowerLaw


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
    candidates: dict[str, RegimePowerLaw | CrossoverPowerLaw] = {
        "single": RegimePowerLaw(max_regimes=1, random_state=random_state),
        "continuous": RegimePowerLaw(2, continuous=True, random_state=random_state),
        "jump": RegimePowerLaw(2, continuous=False, random_state=random_state),
        **{form: CrossoverPowerLaw(form) for form in ("sum", "saturation", "blend")},
    }
    found = []
    for name, model in candidates.items():
        model.fit(rows, target, sample_weight=weight, groups=runs.groups)
        if isinstance(model, RegimePowerLaw) and name != "single" and model.n_regimes_ < 2:
            continue
        if isinstance(model, CrossoverPowerLaw) and model.form_ == "single":
            continue
        value = model.bic_
        if criterion == "cv":
            value = weight @ _held_out_squares(model, runs, random_state) / weight.sum()
        found.append(CrossoverChoice(name, float(value), float(model.n_parameters_), model))
    found.sort(key=lambda choice: choice.criterion)
    single = next(choice for choice in found if choice.name == "single")
    idle = [
        choice
        for choice in found[: found.index(single)]
        if isinstance(choice.model, CrossoverPowerLaw)
        and not _predicts_better(choice, single, runs, random_state)
    ]
    return [choice for choice in found if choice not in idle]


def _predicts_better(
    smooth: CrossoverChoice, single: CrossoverChoice, runs: TrainingRuns, seed: int
) -> bool:
    """Whether the gain on runs left out exceeds what chance gives one time in twenty."""
    one, two = (_held_out_squares(c.model, runs, seed) for c in (single, smooth))
    gain = np.bincount(runs.clusters, runs.weights * (one - two))
    return bool(gain.sum() > _ONE_SIDED_5 * np.sqrt(np.sum(gain**2)))


def _held_out_squares(
    model: RegimePowerLaw | CrossoverPowerLaw, runs: TrainingRuns, seed: int
) -> Array:
    """Squared error of each run by a fit without its fold."""
    squares, cluster = np.zeros(len(runs)), runs.clusters
    for train, test in folds(cluster, seed):
        part = clone(model).fit(
            runs.X[train], runs.y[train], runs.weights[train], groups=cluster[train]
        )
        squares[test] = (runs.y[test] - part.predict(runs.X[test])) ** 2
    return squares
