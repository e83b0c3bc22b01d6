"""The fit composer: Dataset -> contrastive power law, with the verdict on it."""

from dataclasses import replace
from functools import partial
from typing import Any, Unpack

import numpy as np

from dimgs.common.errors import noting, warn_all
from dimgs.dataset import Dataset
from dimgs.discovery.diagnostics import rounding_advice
from dimgs.discovery.judgement import judge
from dimgs.discovery.keywords import FitKeywords
from dimgs.discovery.missing_input import hidden_scale_advice
from dimgs.discovery.options import Options, documented
from dimgs.discovery.outliers import outlier_warnings
from dimgs.discovery.power_law import fit_prepared
from dimgs.discovery.prepare import Prepared, prepare
from dimgs.discovery.study import Study, study_of_power_law
from dimgs.engines.protocol import Clock
from dimgs.engines.registry import NONE
from dimgs.fits.design import Design
from dimgs.report.results import FitResult, Verdict


@documented(FitKeywords)
def fit(
    data: Any, target: str, options: Options | None = None, **keywords: Unpack[FitKeywords]
) -> FitResult:
    """Fit a power law to a table, by least squares over all pairs of runs.

    Parameters
    ----------
    data : Dataset, path or DataFrame
        Anything that :func:`dimgs.read_table` takes.
    target : str
    options : Options, optional
        The options as one value; keywords change it.
    {options}

    Returns
    -------
    FitResult

    Raises
    ------
    InputError, DimensionError, FitError
    TypeError
        For an unknown keyword.

    Warns
    -----
    DimgsWarning
        For each of the result's `warnings`.

    Examples
    --------
    >>> import dimgs
    >>> data = dimgs.Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]}
    ... )
    >>> result = dimgs.fit(data, "T", constants=["g"])
    >>> print(result.law.expression)
    C*sqrt(L)/sqrt(g)
    """
    chosen = Options.of(options, keywords, "fit", FitKeywords)
    table = chosen.read(data, target)
    with noting(table.warnings):
        result = fit_with(table, target, chosen)
    warn_all(result.warnings)
    return result


def fit_with(data: Dataset, target: str, options: Options) -> FitResult:
    """Same as :func:`fit`, on a Dataset and with Options; its warnings are not raised.

    Its law is judged when its verdict is first asked for.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options
    """
    prepared = prepare(data, target, options)
    result = fit_prepared(prepared, options)
    left_out = np.array(result.left_out)
    odd: list[str] = []
    if left_out.size:
        odd, _ = outlier_warnings(prepared.design, result.law, left_out, options, result)
    judge = partial(verdict_on, prepared, options)

    def again(other: Options) -> Design:
        return prepare(prepared.data, target, other).ordered().design

    missing = [] if options.robust else hidden_scale_advice(prepared.design, again, options)
    rounding = rounding_advice(result.law, prepared.data)
    return replace(result, judge=judge, warnings=(*result.warnings, *odd, *missing, *rounding))


def verdict_on(prepared: Prepared, options: Options) -> Verdict:
    """The verdict on the power law of some runs, beside the rivals that a short search finds.

    It is that of ``discover(engine="power_law")``, which ends with the same law.

    Parameters
    ----------
    prepared : Prepared
    options : Options
    """
    plain = replace(options, local=False, along=None, curve=None, additive=False)
    return judged_power_law(prepared, plain).verdict


def judged_power_law(prepared: Prepared, options: Options) -> Study:
    """The power law of some runs, judged beside the rivals that a short search finds.

    Parameters
    ----------
    prepared : Prepared
    options : Options
    """
    options = replace(options, engine=NONE)
    return judge(study_of_power_law(prepared, options), options, Clock.of(options.seconds))
