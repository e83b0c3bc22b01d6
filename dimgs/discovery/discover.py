"""`fit` and `discover`: Dataset -> basis -> searches -> judgement, as a result or a report."""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from functools import partial
from importlib.metadata import version
from typing import Any, Unpack

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import attempt, noting, warn_all
from dimgs.common.formats import attributes
from dimgs.common.progress import listening, notebook_bar
from dimgs.dataset import Dataset
from dimgs.discovery.diagnostics import (
    Outliers,
    carrying,
    outliers_of,
    rounding_advice,
    without_outliers,
)
from dimgs.discovery.judgement import (
    fit_with_stated_exponents,
    is_acrobatic,
    judge,
    law_of,
    law_of_candidate,
    verdict_on_fit,
)
from dimgs.discovery.missing_input import hidden_scale_advice
from dimgs.discovery.next_runs import differs_most, propose
from dimgs.discovery.options import DiscoverKeywords, FitKeywords, Options, default_of, documented
from dimgs.discovery.power_law import fit_prepared
from dimgs.discovery.prepare import Prepared, prepare, weighs_by_slopes
from dimgs.discovery.scoring import left_out_values
from dimgs.discovery.search import study_with_repeats
from dimgs.discovery.study import MOST_LEFT_OUT, Study, left_out_residuals, study_of_power_law
from dimgs.engines.protocol import Clock
from dimgs.engines.registry import NONE
from dimgs.expression.candidate import Candidate
from dimgs.fits.design import Design
from dimgs.judgement.posterior import ProbableLaw
from dimgs.law.assemble import search_names
from dimgs.law.canonical import absorb, celsius_zeros, recognise
from dimgs.law.law import Law
from dimgs.report.results import Candidates, FitResult, Report, Rival, Verdict

# ---- The fit composer: Dataset -> contrastive power law, with the verdict on it.


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
    odd = Outliers()
    if left_out.size:
        odd = outliers_of(prepared.design, result.law, left_out, options, result)
    judge = partial(verdict_on, data, target, options)

    def again(other: Options) -> Design:
        return prepare(prepared.data, target, other).design

    missing = hidden_scale_advice(prepared.design, again, options)
    rounding = rounding_advice(result.law, prepared.data)
    return replace(result, judge=judge, warnings=(*result.warnings, *odd.said, *missing, *rounding))


def verdict_on(data: Dataset, target: str, options: Options) -> Verdict:
    """The verdict on the power law of some runs, beside the rivals that a short search finds.

    It is that of ``discover(engine="power_law")``, which ends with the same law.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options
    """
    plain = replace(options, engine=NONE, local=False, along=None, curve=None, additive=False)
    data, plain, _ = without_outliers(data, target, plain)
    return _judged_power_law(prepare(data, target, plain), plain).verdict


def _judged_power_law(prepared: Prepared, options: Options) -> Study:
    """The power law of some runs, judged beside the rivals that a short search finds."""
    return judge(study_of_power_law(prepared, options), options, Clock.of(options.seconds))


@documented(DiscoverKeywords)
def discover(
    data: Any,
    target: str,
    options: Options | None = None,
    *,
    progress: Callable[[str], None] | None = None,
    **keywords: Unpack[DiscoverKeywords],
) -> Report:
    """Search for the closed-form law of a table, and judge it.

    Parameters
    ----------
    data : Dataset, path or DataFrame
        Anything that :func:`dimgs.read_table` takes.
    target : str
        Response column.
    options : Options, optional
        The options as one value; keywords change it.
    progress : callable, optional
        Called with a line of text for the first law, at the start of each search, and for its
        candidates. Each text is a :class:`dimgs.common.progress.ProgressEvent` with its
        candidates. The log ``dimgs`` receives the same at the level INFO. In a
        notebook, a progress bar is the default.
    {options}

    Returns
    -------
    Report
        Interrupted (Ctrl-C) once a power law is fitted, the best law until then, with the outcome
        "interrupted".

    Raises
    ------
    InputError, DimensionError
        If the table cannot answer the question; the message names the remedy.
    TypeError
        For an unknown keyword.

    Warns
    -----
    DimgsWarning
        For each of the report's `warnings`.

    Examples
    --------
    >>> table = Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]}
    ... )
    >>> print(discover(table, "T", constants=["g"]).law)
    T = C*sqrt(L/g)
    """
    chosen = Options.of(options, keywords, "discover", DiscoverKeywords)
    with notebook_bar() if progress is None else nullcontext(progress) as listener:
        report = discover_with(chosen.read(data, target), target, chosen, listener)
    warn_all(report.warnings)
    return report


def check_model(model: str) -> None:
    """Raise an error unless the requested contrastive model can be fitted.

    Raises
    ------
    InputError
        If torch, which "deep" needs, is not installed.
    """
    if model == "deep":
        from dimgs.fits.potential.potential_runs import require_torch

        require_torch()


def discover_with(
    data: Dataset, target: str, options: Options, progress: Callable[[str], None] | None = None
) -> Report:
    """Same as :func:`discover`, on a Dataset and with Options; its warnings are not raised.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options
    progress : callable, optional
        Called with a line of text when there is a law to fall back on, and when searches begin.
    """
    check_model(options.model)
    start = time.perf_counter()
    data, options, notes = without_outliers(data, target, options)
    with noting(data.warnings), listening(progress):
        study, data = study_with_repeats(data, target, options)
    study = replace(study, warnings=(*notes, *study.warnings))
    return replace(report_of(study, data, options), seconds=time.perf_counter() - start)


def report_on_fit(data: Dataset, target: str, options: Options) -> Report:
    """The report on the power law of :func:`dimgs.discovery.discover.fit_with`.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options
    """
    start, options = time.perf_counter(), replace(options, engine=NONE)
    data, options, notes = without_outliers(data, target, options)
    with noting(data.warnings):
        study = _judged_power_law(prepare(data, target, options), options)
    study = replace(study, warnings=(*notes, *study.warnings))
    return replace(report_of(study, data, options), seconds=time.perf_counter() - start)


def report_of(study: Study, data: Dataset, options: Options) -> Report:
    """The report of a study.

    Parameters
    ----------
    study : Study
        Of the table, with its laws judged.
    data : Dataset
    options : Options
    """
    prepared = study.prepared
    law = _shown(study.law, options)
    # inputs that were screened out, since the target does not follow them within their ranges
    apart = {law.target.name, *options.labels, *law.domain.columns}
    out = [data.variable(n) for n in data.numeric_names if n not in apart]
    law = law.with_inputs(out, data) if out else law
    verdict, posterior = study.verdict, study.posterior
    residuals = _left_out_residuals(study, options)
    unseen, form = _left_out(study, residuals), _given_form(study, law, options)
    left_out = () if unseen is None else prepared.in_table(unseen.tolist())
    odd = _outliers(study, residuals, options)
    maker = partial(_law_of_candidate, study, options)
    rivals = () if posterior is None else posterior.rivals
    # the kind of errors that the judgement worked in
    kind = None if posterior is None or not posterior.laws else posterior.errors
    return Report(
        basis=prepared.basis,
        fit=_in_table(study, options),
        law=law,
        candidates=Candidates(replace(c, maker=maker) for c in study.candidates),
        **attributes(study, "engine complete_to"),
        left_out_by=study.left_out_by or options.left_out_whole,
        unlogged=search_names(study.prepared.design),
        **vars(verdict),
        level=options.level,
        warnings=(
            *study.warnings,
            *_unmet(study, options, form),
            *_not_needed(study, options),
            *celsius_zeros(law),
            *rounding_advice(law, prepared.data),
            *odd.said,
            *verdict.why_not,
        ),
        source=data.source,
        n_runs=prepared.design.n_runs,
        provenance=_provenance(data, options),
        measured=prepared.in_table(prepared.data[law.target.name].tolist()),
        predicted=prepared.in_table(law.predict_si(prepared.data).tolist()),
        data=prepared.data.take(prepared.in_table(range(prepared.design.n_runs))),
        left_out=left_out,
        noise=prepared.noise(law, kind, unseen),
        rivals=_rivals(study, law, options, rivals),
        form=form,
        leads=tuple(
            one if one.law is None else replace(one, law=_shown(one.law, options))
            for one in study.leads
        ),
        outliers=odd.rows,
        robust_leaves_out=odd.robust(),
        label_followed=study.residuals.label if study.residuals else "",
        errors_by_slopes=weighs_by_slopes(prepared.design, options),
        further_runs=partial(propose, others=partial(_further, study, law, options)),
        shares_of=partial(_shares, data, law.target.name, options),
        options_of=partial(_given, options),
    )


def _shares(data: Dataset, target: str, options: Options) -> dict[str, Any] | None:
    """Shares of the inputs in the variance; what explores a table loads scikit-learn."""
    from dimgs.discovery.explore import sensitivity

    effects = attempt(sensitivity, data, target, options)
    return None if effects is None else effects.to_json()


def _left_out_residuals(study: Study, options: Options) -> Array | None:
    """Residual of each run by the law refitted without it, where there is time for that."""
    many = study.prepared.design.n_runs > MOST_LEFT_OUT
    if study.left_out is None and (many or study.verdict.outcome == "interrupted"):
        return None
    return left_out_residuals(study, options)


def _outliers(study: Study, residuals: Array | None, options: Options) -> Outliers:
    """Runs that the law misses by more than their share, where each was left out."""
    if residuals is None:
        return Outliers()
    result, design = study.result, study.prepared.design
    power = result if result is not None and study.law is result.law else None
    odd = outliers_of(design, study.law, residuals, options, power)
    if result is None or power is not None or odd.rows or study.verdict.confirmed:
        return odd
    if carrying(design, study.law, (1.0, 1.0))[0]:
        # the law bends to runs without which a power law describes the others as closely
        of_power_law = outliers_of(design, result.law, np.array(result.left_out), options, result)
        return Outliers(of_power_law.said)
    return odd


def _shown(law: Law, options: Options) -> Law:
    """A law with its constants as they are shown: as fitted in a power law that was asked for."""
    as_fitted = options.engine == NONE and options.form is None
    return absorb(law) if as_fitted else recognise(absorb(law))


def _law_of_candidate(study: Study, options: Options, candidate: Candidate) -> Law | None:
    """A candidate of the front as a checked law; None where it is none."""
    law = law_of_candidate(study, candidate, options)
    return None if law is None else _shown(law, options)


def _further(study: Study, law: Law, options: Options) -> tuple[Rival, ...]:
    """Less probable laws than the rivals."""
    return () if study.posterior is None else _rivals(study, law, options, study.posterior.further)


def _unmet(study: Study, options: Options, form: Rival | None) -> list[str]:
    """Warning that the given form, or a law that meets the restrictions, is missing."""
    if options.form is not None and form is None and study.verdict.outcome != "interrupted":
        body = options.form.split(";")[0].strip()
        text = (
            f"The form '{body}' was fitted, but it has no value or no error in some run, and so no "
            f"probability; give it fewer constants, or more runs."
        )
        return [text]
    if not options.restricts or study.posterior is None or study.posterior.laws:
        return []
    demands = [f"uses {', '.join(options.must_use)}"] if options.must_use else []
    if options.at_most_constants is not None:
        demands.append(f"has at most {options.at_most_constants} fitted constants")
    text = (
        f"No law was found that {' and '.join(demands)}; the power law is shown in its place. "
        f"Relax {setting('must_use')} or {setting('at_most_constants')}, or search further with "
        f"{setting('effort', 'thorough')}."
    )
    return [text]


def _given_form(study: Study, law: Law, options: Options) -> Rival | None:
    """The form that was asked for as a law, with its probability."""
    laws = () if study.posterior is None else study.posterior.laws
    given = [replace(one, form=form) for one in laws for form in one.forms if form.given]
    return next(iter(_rivals(study, law, options, given[:1], as_fitted=True)), None)


# of the log density of runs left out: below e, evidence is not worth more than a mention
_AS_WELL = 1.0


def _not_needed(study: Study, options: Options) -> list[str]:
    """Note on a form that was asked for, if a case of it with fewer constants does as well.

    The probability of the form includes that of its cases.
    """
    best = next(iter(() if study.posterior is None else study.posterior.laws), None)
    if best is None or not best.form.given:
        return []
    fewer = [f for f in best.forms if len(f.constants) < len(best.form.constants)]
    case = max(fewer, key=lambda f: f.score, default=None)
    if case is None or case.evidence.log_density < best.form.evidence.log_density - _AS_WELL:
        return []
    law = law_of(study, case, options)
    if law is None:
        return []
    text = (
        f"The runs do not need every constant of the form: {recognise(absorb(law))} is a case of "
        f"it with fewer, and predicts runs left out as well."
    )
    return [text]


def _rivals(
    study: Study,
    law: Law,
    options: Options,
    probable: Sequence[ProbableLaw],
    *,
    as_fitted: bool = False,
) -> tuple[Rival, ...]:
    """Other laws than the chosen one, with where they differ most from it.

    Their constants are recognised unless they are wanted as they were fitted.
    """
    out = []
    for one in probable:
        rival_law = law_of(study, one.form, options)
        if rival_law is None:
            continue
        other = absorb(rival_law) if as_fitted else recognise(absorb(rival_law))
        holds = one.form.evidence.extrapolates is not False
        where = attempt(differs_most, law, other, study.prepared.data) or {}
        out.append(Rival(other, one.probability, holds, where))
    if study.leads:
        # none is probable: what fits by chance as a rule comes last
        out.sort(key=lambda rival: is_acrobatic(rival.law))
    return tuple(out)


def _in_table(study: Study, options: Options) -> FitResult | None:
    """The fit of runs in an order of their own, with what it holds of each in the table's."""
    result, prepared = fit_with_stated_exponents(study, options), study.prepared
    if result is None:
        return None
    local = None if result.local is None else prepared.in_table(result.local)
    left_out = prepared.in_table(result.left_out) if result.left_out else ()
    far, judge = prepared.positions(result.outliers), partial(verdict_on_fit, study)
    return replace(result, local=local, left_out=left_out, outliers=far, judge=judge)


def _left_out(study: Study, residuals: Array | None) -> Array | None:
    """Target of every run by the law refitted without it; None where that has no value."""
    if residuals is None:
        return None
    design = study.prepared.design
    if design.scale == "log":
        values = left_out_values(design, residuals.tolist())
    else:
        values = study.prepared.data[study.law.target.name] - residuals
    return values if values is not None and np.all(np.isfinite(values)) else None


def _provenance(data: Dataset, options: Options) -> dict[str, str]:
    return {
        "dimgs": version("dimgs"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "seed": str(options.seed),
        "options": _options_text(options),
        "table_sha256": data.sha256,
    }


def _given(options: Options) -> dict[str, Any]:
    """The options that differ from the defaults, by name."""
    pairs = [(f.name, getattr(options, f.name), default_of(f)) for f in fields(options)]
    return {n: value for n, value, usual in pairs if value != usual and (value or usual)}


def _options_text(options: Options) -> str:
    """Options that differ from the defaults, without the seed."""
    out = []
    for name, value in _given(options).items():
        if name == "seed":
            continue
        if isinstance(value, Mapping):
            value = [f"{k}={v}" for k, v in value.items()]
        shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        out.append(name if value is True else f"{name} = {shown}")
    return "; ".join(out) or "none"
