"""The search for a law: in one basis, with a hidden scale, and by means of repeated settings."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.progress import listening, report_progress
from dimgs.dataset import Dataset
from dimgs.dataset.checks import usable_runs
from dimgs.discovery.given_form import GivenForm, proposals_of_form
from dimgs.discovery.judgement import judge, judge_further, with_leads
from dimgs.discovery.missing_input import Scale, extra_scales, hidden_scale_advice, with_scale
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import Prepared, prepare
from dimgs.discovery.scoring import clearly_less
from dimgs.discovery.screening import screen_inputs, without_others
from dimgs.discovery.study import (
    FEWEST,
    Study,
    add_candidates,
    is_searchable,
    left_out_residuals,
    run_engine,
    study_of_power_law,
    usable_engines,
)
from dimgs.engines.protocol import Clock, Cut
from dimgs.engines.registry import ALL, NONE, embedded, require_engine
from dimgs.fits.design import Design
from dimgs.judgement.candidates import JUDGEMENT
from dimgs.judgement.residual_structure import lack_of_fit, scale_is_missing
from dimgs.law.law import Law

# ---- The study of one basis: searches propose candidates, and the judgement chooses.


# of the time for the first engine: it finds most laws, and the further ones start from its front
_FIRST_SHARE = 0.6
# of the time, before a deep potential: the rest is for its training and a search in it
_SHARE_WITHOUT = 0.7


def study(prepared: Prepared, options: Options, clock: Clock) -> Study:
    """Power law and engines propose; the most probable candidate is the law.

    An interrupt (Ctrl-C) from the first search on ends the study with the best law until then.
    Progress is reported when there is a law to fall back on, when searches begin, and for what they
    find; each :class:`dimgs.common.progress.ProgressEvent` carries its candidates.

    Parameters
    ----------
    prepared : Prepared
    options : Options
    clock : Clock
        When it is over, searches end and what they found is judged.

    Returns
    -------
    Study

    Raises
    ------
    EngineUnavailableError
        If the engine that was asked for cannot run here.
    """
    require_engine(options.engine)
    clock = clock.separate()
    current = study_of_power_law(prepared, options)
    if options.engine != NONE and options.arrhenius:
        note = (
            f"Only the power law is judged where {setting('arrhenius')} has a temperature enter as "
            f"1/T; {setting('scales', 'auto')} in its place looks for closed forms too."
        )
        current = replace(current, warnings=(*current.warnings, note))
    elif options.engine != NONE and prepared.design.features and prepared.design.n_runs < FEWEST:
        note = f"Only the power law is judged: other closed forms need {FEWEST} runs."
        current = replace(current, warnings=(*current.warnings, note))
    try:
        current = _with_form(current, options, clock)
        if options.engine != NONE and is_searchable(prepared.design):
            report_progress("the power law is fitted; searching for closed forms")
            report_progress("the law so far is %s", current.law, candidates=current.candidates)
        for further in _proposals(current, options, clock):
            current = further
            front = current.candidates
            report_progress("the first candidate is %s", front[0], candidates=front)
        if current.posterior is None:
            current = judge(current, options, clock)
        if options.engine != NONE:
            report_progress("the law so far is %s", current.law, candidates=current.candidates)
    except KeyboardInterrupt:
        clock.cut("interrupt", "the search")
        current = judge(current, options, clock)
    return replace(current, cuts=tuple(dict.fromkeys((*clock.cuts, *current.cuts))))


def _with_form(current: Study, options: Options, clock: Clock) -> Study:
    """The study with the form that was asked for."""
    if options.form is None:
        return current
    prepared = current.prepared
    data, target = prepared.data, current.law.target.name
    form = GivenForm.read(options.form, data, target, options)
    given = proposals_of_form(form, prepared.design, options, clock)
    return replace(current, given=given)


def _proposals(current: Study, options: Options, clock: Clock) -> Iterator[Study]:
    """The study after each search that adds candidates to those of the power law."""
    if options.engine == NONE or not is_searchable(current.prepared.design):
        return
    part = clock.part(_SHARE_WITHOUT if options.model == "deep" else 1.0)
    for further in _by_engines(current, options, part):
        yield (current := further)
    if options.model == "deep":
        last = _from_potential(current, options, clock)
        if last is not current:
            yield last


def _by_engines(current: Study, options: Options, clock: Clock) -> Iterator[Study]:
    """With the candidates of each engine, until the judgement confirms one."""
    names = usable_engines(options)
    for k, name in enumerate(names):
        last = k == len(names) - 1
        seconds = (1.0 if last or k else _FIRST_SHARE) * clock.to_search
        if seconds <= 0:
            clock.cut("time", f"the search by {name}")
            return
        current = run_engine(current, name, seconds, options, clock)
        yield current
        if clock.stopped.is_set() or current.exact or last:
            return
        so_far = judge(current, options, clock.separate())
        if so_far.verdict.confirmed:
            yield so_far
            return


def _from_potential(current: Study, options: Options, clock: Clock) -> Study:
    """With the candidates that a deep potential leads to, where none is confirmed without it."""
    from dimgs.discovery.deep import candidates_of, fit_teacher

    if current.exact or clock.stopped.is_set():
        return current
    if clock.over:
        clock.cut("time", "the search on a deep potential")
        return current
    teacher = fit_teacher(current.prepared.design, options)
    if isinstance(teacher, str):
        return replace(current, warnings=(*current.warnings, teacher))
    so_far = current if current.posterior is not None else judge(current, options, clock.separate())
    note = f"The cross-validated R² of a deep potential is {teacher.left_out_r2():.5f}"
    score = so_far.law.scores.cv_r2_log
    note += "." if score is None else f", that of the law found without it {score:.5f}."
    current = replace(current, warnings=(*current.warnings, note))
    if so_far.verdict.confirmed:
        return current
    return add_candidates(current, candidates_of(teacher, options, clock), "deep")


# ---- Hidden scales: an unknown dimensional constant that improves the prediction of the runs.


# of the time for the inputs that matter, before others are looked at again
_SHARE_OF_FEW = 0.6
# of the time, before scales are tried: little is lost where scales are asked for, much where they
# are only advice
_SHARE, _SHARE_OF_ONE = 0.4, 0.85
# of the time, before what describes the runs is compared where no law is probable
_BEFORE_LEADS = 0.85
# seconds in which a power law is fitted and judged
_SHORTEST = 0.2
# of fewer differences between groups a standard error is hardly known
_FEWEST_GROUPS = 5
_STEP = "the search for hidden scales"


def study_with_scales(data: Dataset, target: str, options: Options) -> Study:
    """Study of a table, with hidden scales if they are requested or improve the prediction.

    With ``scales="auto"``: the fewest scales first, then one more per base dimension as long as
    runs left out are predicted better by more than the standard error of the difference, by run,
    or by group of runs where there are enough groups. Otherwise, where no law holds out of
    sample, a scale that would help is named in a warning.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options

    Returns
    -------
    Study
    """
    whole = Clock.of(options.seconds)
    clock = whole.part(_BEFORE_LEADS)
    options = _with_units_of_form(data, target, options)

    def among(kept: Sequence[str], part: Clock) -> Study:
        """The study of some of many inputs."""
        some, warning = without_others(data, target, kept, options)
        narrow = _searched(some, target, options, part)
        return replace(narrow, warnings=(warning, *narrow.warnings))

    kept = screen_inputs(data, target, options)
    if kept is None:
        best = _searched(data, target, options, clock)
    else:
        best = among(kept, clock.part(_SHARE_OF_FEW))
        more = screen_inputs(data, target, options, _residuals(best))
        if more and not set(more) <= set(kept) and not (clock.over or clock.stopped.is_set()):
            best = among([*kept, *more], clock)
    if clock.stopped.is_set() and all(cut.by != "interrupt" for cut in best.cuts):
        best = replace(best, cuts=(Cut("interrupt", _STEP), *best.cuts))
    if Cut("time", JUDGEMENT) in best.cuts and not clock.over:
        # searches had a share of the time, and some of the rest is left
        best = replace(best, cuts=tuple(c for c in best.cuts if c.step != JUDGEMENT))
        best = judge(best, options, clock)
    # progress is that of the searches that were asked for
    with listening(None):
        return with_leads(judge_further(best, options, clock), options, whole)


def _with_units_of_form(data: Dataset, target: str, options: Options) -> Options:
    """The options with scales for the units of the constants of a given form, and its inputs kept.

    Raises
    ------
    InputError
        If an input that laws must use is not a numeric column or not in the form, or the form
        cannot be read.
    """
    inputs = [n for n in data.numeric_names if n != target]
    for name in options.must_use:
        if name not in inputs:
            raise InputError(
                f"'{name}' is not a numeric input that a law could use; the inputs are "
                f"{', '.join(inputs)}."
            )
    if options.form is None:
        return options
    form = GivenForm.read(options.form, data, target, options)
    if lacking := {*options.must_use} - {*form.inputs(data)}:
        raise InputError(
            f"The form '{options.form}' lacks '{min(lacking)}', which every law must use by "
            f"{setting('must_use')}: add it to the form, or leave out one of the two options."
        )
    return form.with_scales(options)


def _residuals(study: Study) -> Array:
    """Residuals of a law, on the logarithm where target and law have one."""
    data, design = study.prepared.data, study.prepared.design
    truth = data[study.law.target.name]
    values = study.law.predict_si(data)
    logs = design.scale == "log" and _is_logged(data, design.target.name) and np.all(values > 0)
    with np.errstate(all="ignore"):
        residuals = np.log(truth / values) if logs else truth - values
    return np.array(study.prepared.in_table(np.nan_to_num(residuals).tolist()))


def _searched(data: Dataset, target: str, options: Options, clock: Clock) -> Study:
    def again(other: Options) -> Design:
        return prepare(data, target, other, any_sign=True).ordered().design

    prepared = prepare(data, target, options, any_sign=True).ordered()
    automatic = options.scales == "auto"
    possible = list(extra_scales(prepared.basis)) if options.engine != NONE else []
    if not prepared.design.features or prepared.design.within is not None:
        possible = []
    if not automatic:
        # advice, other than what is asked for, needs more than a better score
        design, tried = prepared.design, len(possible)
        possible = [s for s in possible if scale_is_missing(design, s.dimension, tried)]
    share = 1.0 if not possible else _SHARE if automatic else _SHARE_OF_ONE
    every = options
    if possible and automatic and options.engine == ALL:
        # a scale is sooner tried than further engines
        options = replace(options, engine=embedded())
    part = clock.part(share)
    best = study(prepared, options, part)
    # a further study ends as late after its time as this one did
    shortest = max(_SHORTEST, -2 * part.left)
    if not possible:
        return best
    if best.holds and not automatic:
        # errors that are not relative excuse what logarithms show
        missing = hidden_scale_advice(prepared.design, again, options)
        return replace(best, warnings=(*best.warnings, *missing))
    if not automatic:
        # advice costs less than what was asked for
        options = replace(options, evaluations=options.side_budget)
    for k, scale in enumerate(possible):
        part = clock.part(1 / (len(possible) - k))
        if best.exact or clock.stopped.is_set():
            break
        if part.left < shortest:
            best = _unfinished(best, (Cut("time", _STEP),)) if automatic else best
            break
        try:
            trial = _with_scale(data, target, options, best, scale, part)
            better = trial is not None and _is_better(trial, best, options)
        except KeyboardInterrupt:
            clock.cut("interrupt", _STEP)
            break
        if trial is None:
            continue
        if not better:
            best = _unfinished(best, trial.cuts) if automatic else best
            continue
        if not automatic:
            if not trial.holds or trial.cv_r2 is None:
                continue
            warning = (
                f"A hidden {scale.kind} explains the residuals (R² = {trial.cv_r2:.3f} on runs "
                f"left out): {setting('scales', scale.text)}, or {setting('scales', 'auto')}."
            )
            return replace(best, warnings=(*best.warnings, warning))
        before, after = ("unknown" if s.cv_r2 is None else f"{s.cv_r2:.4f}" for s in (best, trial))
        warning = (
            f"A hidden {scale.kind} was added ({scale.text}): runs left out are "
            f"predicted with R² = {after}, without it {before}."
        )
        best = replace(trial, warnings=(*trial.warnings, warning))
    if options.engine != every.engine and not best.holds and not clock.over:
        return _with_every_engine(best, every, clock)
    return best


def _with_every_engine(best: Study, options: Options, clock: Clock) -> Study:
    """The study of the same groups by all engines, if it predicts runs left out better."""
    with listening(None):
        again = study(best.prepared, options, clock)
    if again.cv_r2 is None or (best.cv_r2 is not None and again.cv_r2 <= best.cv_r2):
        return _unfinished(best, again.cuts)
    warnings = dict.fromkeys((*best.warnings, *again.warnings))
    return replace(again, warnings=tuple(warnings))


def _unfinished(study: Study, cuts: tuple[Cut, ...]) -> Study:
    """With the cuts of a search that might have found a better law, unless none is asked for."""
    if study.verdict.confirmed:
        return study
    return replace(study, cuts=tuple(dict.fromkeys((*study.cuts, *cuts))))


def _with_scale(
    data: Dataset, target: str, options: Options, best: Study, scale: Scale, clock: Clock
) -> Study | None:
    """The study with one scale more; None where it frees no group."""
    trial = replace(options, scales=with_scale(best.prepared.basis, scale))
    try:
        prepared = prepare(data, target, trial, any_sign=True)
        if len(prepared.design.features) <= len(best.prepared.design.features):
            return None
        with listening(None):
            return study(prepared, trial, clock)
    except DimgsError:
        return None


def _is_better(trial: Study, best: Study, options: Options) -> bool:
    """Whether squared residuals of runs left out fall by more than their standard error.

    A few groups that are held out together allow no standard error; the runs are left out one by
    one then, and the law must still predict the groups.
    """
    split = best.prepared.design.split
    if split is not None and len(np.unique(split)) < _FEWEST_GROUPS:
        if not trial.holds:
            return False
        trial, best, split = _by_run(trial), _by_run(best), None
    mine, theirs = (left_out_residuals(s, options) for s in (trial, best))
    if mine is None:
        return False
    if theirs is None:
        return trial.holds
    return clearly_less(mine, theirs, split)


def _by_run(study: Study) -> Study:
    prepared = study.prepared
    design = replace(prepared.design, split=None)
    return replace(study, prepared=replace(prepared, design=design), left_out=None)


# ---- Repeats of settings that share an error: the mean of each setting is one run then.
#
# Runs of one day, one sample or one batch often agree better with each other than with any law. As
# independent runs they make a search describe the errors of the settings, and its intervals too
# narrow.


def study_with_repeats(data: Dataset, target: str, options: Options) -> tuple[Study, Dataset]:
    """Study of a table, of the means of its settings where repeats share an error.

    Where settings scatter about a polynomial, their means are studied first. If they scatter about
    the law of the means too, repeats share an error, unless a law of all runs explains it, which is
    confirmed or has no more constants; else the law only bends more than the polynomial, and all
    runs are studied.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options

    Returns
    -------
    Study, Dataset
        And the runs that were studied.
    """
    means = means_of_settings(data, target, options)
    if means is None:
        return study_with_scales(data, target, options), data
    half = replace(options, time_limit=options.seconds / 2)
    study = study_with_scales(means, target, half)
    verdict, shared = study.verdict, share_errors(study.law, data, options)
    if verdict.outcome != "interrupted" and not (shared and verdict.confirmed):
        whole = study_with_scales(data, target, half)
        if whole.verdict.confirmed or not shared:
            return whole, data
        # few means support power laws only
        is_short = _n_fitted(whole.law) <= _n_fitted(study.law)
        if is_short and not share_errors(whole.law, data, options):
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
    usable = usable_runs(data, options.purpose(target, any_sign=True, bounds_allowed=True))
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


def _n_fitted(law: Law) -> float:
    """Number of fitted constants, exponents among them."""
    return np.inf if law.uncertainty is None else len(law.uncertainty.gradients)


def _is_logged(data: Dataset, target: str) -> bool:
    return not data.variable(target).is_level and bool(np.all(data[target] > 0))


def _places(data: Dataset, target: str) -> Array:
    """All inputs, as logarithms where they have one."""
    columns = [data[n] for n in data.numeric_names if n != target]
    return np.column_stack([np.log(x) if np.all(x > 0) else x for x in columns])
