"""Repeats of settings that share an error: the mean of each setting is one run then.

Runs of one day, one sample or one batch often agree better with each other than with any law. As
independent runs they make a search describe the errors of the settings, and its intervals too
narrow.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.dataset.checks import usable_runs
from dimgs.discovery.options import Options
from dimgs.discovery.scale_search import study_with_scales
from dimgs.discovery.study import Study
from dimgs.judgement.residual_structure import lack_of_fit
from dimgs.law.law import Law


def study_with_repeats(
    data: Dataset, target: str, options: Options, progress: Callable[[str], None] | None = None
) -> tuple[Study, Dataset]:
    """Study of a table, of the means of its settings where repeats share an error.

    Where settings scatter about a polynomial, their means are studied first. If they scatter about
    the law of the means too, repeats share an error, unless a confirmed law of all runs explains
    it; else the law only bends more than the polynomial, and all runs are studied.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options
    progress : callable, optional
        See :func:`dimgs.discovery.scale_search.study_with_scales`.

    Returns
    -------
    Study, Dataset
        And the runs that were studied.
    """
    means = means_of_settings(data, target, options)
    if means is None:
        return study_with_scales(data, target, options, progress), data
    half = replace(options, time_limit=options.seconds / 2)
    study = study_with_scales(means, target, half, progress)
    verdict, shared = study.verdict, share_errors(study.law, data, options)
    if verdict.outcome != "interrupted" and not (shared and verdict.confirmed):
        whole = study_with_scales(data, target, half, progress)
        if whole.verdict.confirmed or not shared:
            return whole, data
    note = (
        f"The {means.n_runs} settings of the inputs scatter more about the law than their repeats "
        f"do: the repeats share an error, or the form is not the whole law. The mean of each "
        f"setting counts as one run ({data.n_runs} rows have {means.n_runs})."
    )
    return replace(study, warnings=(note, *study.warnings)), means


def means_of_settings(data: Dataset, target: str, options: Options) -> Dataset | None:
    """One run for each setting of the inputs, where settings scatter about a smooth curve.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options

    Returns
    -------
    Dataset or None
        With the mean of the target, or of its logarithm where it has one. None where repeats agree
        as well with a polynomial as with each other, where errors or groups of runs are stated,
        and for bounds.
    """
    repeated = (len(np.unique(data[n])) <= data.n_runs / 2 for n in data.numeric_names)
    stated = (data.errors, options.within, options.by, options.split_by)
    if any(stated) or not any(repeated):
        return None
    purpose = replace(options.purpose(target, any_sign=True), bounds_allowed=True)
    usable = usable_runs(data, purpose)
    if usable.sides is not None:
        return None
    runs, logged = usable.data, _is_logged(usable.data, target)
    values = np.log(runs[target]) if logged else runs[target]
    settings = lack_of_fit(_places(runs, target), values)
    if settings is None:
        return None
    first = np.unique(settings, return_index=True)[1]
    means = np.bincount(settings, values) / np.bincount(settings)
    differ = [n for n in runs.label_names if np.any(runs[n] != runs[n][first][settings])]
    once = runs.without(differ).take(first)
    return replace(once, values={**once.values, target: np.exp(means) if logged else means})


def share_errors(law: Law, data: Dataset, options: Options) -> bool:
    """Whether settings scatter more about a law than their repeats do.

    Parameters
    ----------
    law : Law
        Of the means of the settings.
    data : Dataset
        All repeats.
    options : Options
    """
    target = law.target.name
    runs = usable_runs(data, options.purpose(target, any_sign=True)).data
    truth, fitted, places = runs[target], law.predict_si(runs), _places(runs, target)
    with np.errstate(all="ignore"):
        residuals = np.log(truth / fitted) if _is_logged(runs, target) else truth - fitted
    is_finite = bool(np.all(np.isfinite(residuals)))
    return not is_finite or lack_of_fit(places, residuals, places) is not None


def _is_logged(data: Dataset, target: str) -> bool:
    return not data.variable(target).is_level and bool(np.all(data[target] > 0))


def _places(data: Dataset, target: str) -> Array:
    """All inputs, as logarithms where they have one."""
    columns = [data[n] for n in data.numeric_names if n != target]
    return np.column_stack([np.log(x) if np.all(x > 0) else x for x in columns])
