"""Sharp or smooth: the ways in which one power law may give way to another, compared."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import _check_sample_weight, check_X_y

from dimgs.errors import InputError
from dimgs.fits.crossover.estimator import CrossoverPowerLaw
from dimgs.fits.regimes.estimator import RegimePowerLaw
from dimgs.fits.regimes.frame import Array, Labels
from dimgs.fits.regimes.prepare import numbered
from dimgs.fits.regimes.selection import folds


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
        Best first. A sharp boundary is listed only where it is significant.

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
    weight = np.asarray(_check_sample_weight(sample_weight, rows, dtype=np.float64))
    cluster = numbered(groups, len(target))
    candidates: dict[str, RegimePowerLaw | CrossoverPowerLaw] = {
        "single": RegimePowerLaw(max_regimes=1, random_state=random_state),
        "continuous": RegimePowerLaw(2, continuous=True, random_state=random_state),
        "jump": RegimePowerLaw(2, continuous=False, random_state=random_state),
        **{form: CrossoverPowerLaw(form) for form in ("sum", "saturation", "blend")},
    }
    found = []
    for name, model in candidates.items():
        model.fit(rows, target, sample_weight=weight, groups=cluster)
        if isinstance(model, RegimePowerLaw) and name != "single" and model.n_regimes_ < 2:
            continue
        if isinstance(model, CrossoverPowerLaw) and model.form_ == "single":
            continue
        value = model.bic_
        if criterion == "cv":
            value = _held_out(model, rows, target, weight, cluster, random_state)
        found.append(CrossoverChoice(name, float(value), float(model.n_parameters_), model))
    return sorted(found, key=lambda choice: choice.criterion)


def _held_out(
    model: RegimePowerLaw | CrossoverPowerLaw,
    rows: Array,
    target: Array,
    weight: Array,
    cluster: Labels,
    seed: int,
) -> float:
    total = 0.0
    for train, test in folds(cluster, seed):
        part = clone(model).fit(rows[train], target[train], weight[train], cluster[train])
        total += float(weight[test] @ (target[test] - part.predict(rows[test])) ** 2)
    return total / float(weight.sum())
