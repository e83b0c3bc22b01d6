"""The whole way: Dataset -> basis -> fit -> checked law, as a Report."""

import platform
import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from dimgs.dataset import Dataset, read_table
from dimgs.discovery.fitting import fit_prepared
from dimgs.discovery.linear import fit_linear
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import Prepared, prepare
from dimgs.discovery.search import is_searchable, search
from dimgs.errors import InputError
from dimgs.expression.candidate import Candidate
from dimgs.law.law import Law
from dimgs.report.results import FitResult, Report

_CONFIRMED = 0.5


def discover(
    data: Any,
    target: str,
    *,
    constants: Sequence[str] = (),
    scales: Sequence[str] | str = (),
    within: str | None = None,
    split_by: str | None = None,
    arrhenius: str | None = None,
    robust: bool = False,
    engine: str = "auto",
    time_limit: float = 60.0,
    drop_bad: bool = False,
    level: float = 0.9,
    seed: int = 0,
) -> Report:
    """From a table of runs to a closed-form law.

    Parameters
    ----------
    data : Dataset, path or DataFrame
        Anything that :func:`dimgs.read_table` takes.
    target : str
        Response column.
    constants : sequence of str
        Known physical constants to add, such as ``("g", "c")``.
    scales : sequence of str, or "auto"
        Unknown dimensional constants, such as ``("M0 [kg]",)``.
    within : str, optional
        Label column whose groups keep their own prefactor.
    split_by : str, optional
        Label column whose groups are held out together.
    arrhenius : str, optional
        Absolute temperature that enters as 1/T.
    robust : bool
        Fit by ranks, so that outliers do no harm.
    engine : {"auto", "structured", "pysr", "operon", "power_law"}
        What looks for closed forms beyond the power law.
    time_limit : float
        Seconds that the engines may take together.
    drop_bad : bool
        Drop rows that cannot be used, and count them.
    level : float
        Coverage of the intervals.
    seed : int
        Seed of everything random.

    Returns
    -------
    Report

    Raises
    ------
    InputError, DimensionError
        If the table cannot answer the question; the message names the remedy.

    Examples
    --------
    >>> table = Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]}
    ... )
    >>> print(discover(table, "T", constants=["g"]).law)
    T = C*sqrt(L)/sqrt(g)
    """
    table = data if isinstance(data, Dataset) else read_table(data, drop_bad=drop_bad)
    options = Options(
        constants=constants,
        scales=scales,
        within=within,
        split_by=split_by,
        arrhenius=arrhenius,
        robust=robust,
        engine=engine,
        time_limit=time_limit,
        drop_bad=drop_bad,
        level=level,
        seed=seed,
    )
    return discover_with(table, target, options)


def check_model(model: str) -> None:
    """Raise unless the contrastive model asked for can be fitted.

    Raises
    ------
    InputError
        For any model but "linear".
    """
    if model != "linear":
        raise InputError(
            f"The model '{model}' is not available in this version; use --model linear, the "
            f"all-pairs power law that the search for closed forms starts from."
        )


def discover_with(data: Dataset, target: str, options: Options) -> Report:
    """Same as :func:`discover`, on a Dataset and with Options."""
    start = time.perf_counter()
    prepared = prepare(data, target, options, linear_allowed=True)
    result: FitResult | None = None
    if prepared.design.scale == "linear":
        law, known = fit_linear(prepared, options)
        warnings = prepared.warnings
    else:
        result = fit_prepared(prepared, options)
        law, known = result.law, result.scores.cv_r2_log
        warnings = result.warnings
    candidates = _candidates(law, prepared)
    engine, outcome, unlogged = "power_law", "converged", {}
    if options.engine != "power_law" and is_searchable(prepared.design):
        found = search(prepared.design, options, law)
        engine, outcome = found.engine, found.outcome
        if found.candidates:
            candidates, unlogged = found.candidates, dict(found.unlogged)
        if found.law is not None:
            law, known = found.law, found.left_out
        elif found.outcome == "unavailable":
            warnings = (*warnings, found.message)
    holds = known is None or known >= _CONFIRMED
    if outcome in ("converged", "no_candidate"):
        outcome = "unchecked" if known is None else "converged" if holds else "no_candidate"
    if not holds and result is None:
        warnings = (*warnings, f"No law found: runs left out are predicted with R² = {known:.2f}.")
    return Report(
        basis=prepared.basis,
        fit=result,
        law=law,
        candidates=candidates,
        unlogged=unlogged,
        engine=engine,
        outcome=outcome,
        seconds=time.perf_counter() - start,
        level=options.level,
        warnings=warnings,
        source=data.source,
        n_runs=prepared.design.n_runs,
        provenance=_provenance(data, options),
        measured=tuple(float(x) for x in np.asarray(prepared.data[target])),
        predicted=tuple(float(x) for x in law.predict_si(prepared.data)),
    )


def _candidates(law: Law, prepared: Prepared) -> tuple[Candidate, ...]:
    design = prepared.design
    groups = {g.name for g in law.groups}
    names = {str(s) for s in law.pi_expression.free_symbols}
    constants = {k: v for k, v in law.constant_values.items() if k in names}
    if names - groups - set(constants):
        return ()
    loss = law.scores.rmse_log**2 if law.scores.rmse_log is not None else 1.0
    if design.scale == "linear" and law.scores.r2 is not None:
        loss = 1.0 - law.scores.r2
    scale: Literal["log", "linear"] = "log" if design.scale == "log" else "linear"
    found = Candidate.of(law.pi_expression, constants, loss=loss, scale=scale, engine="power_law")
    return (found,)


def _provenance(data: Dataset, options: Options) -> dict[str, str]:
    import dimgs

    return {
        "dimgs": dimgs.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "seed": str(options.seed),
        "table_sha256": data.sha256,
    }
