"""Hidden scales: an unknown dimensional constant that improves the prediction of the runs."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError, InputError
from dimgs.dataset import Dataset
from dimgs.discovery.given_form import GivenForm
from dimgs.discovery.judgement import judge, judge_further, with_leads
from dimgs.discovery.missing_input import Scale, extra_scales, with_scale
from dimgs.discovery.one_basis import study
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.discovery.scoring import clearly_less
from dimgs.discovery.screening import screen_inputs, without_others
from dimgs.discovery.study import Study, left_out_residuals
from dimgs.engines.protocol import Clock, Cut
from dimgs.engines.registry import ALL, NONE, embedded
from dimgs.judgement.candidates import JUDGEMENT
from dimgs.judgement.residual_structure import scale_is_missing

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


def study_with_scales(
    data: Dataset, target: str, options: Options, progress: Callable[[str], None] | None = None
) -> Study:
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
    progress : callable, optional
        Called with a line of text when there is a law to fall back on, and when searches begin.

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
        narrow = _searched(some, target, options, part, progress)
        return replace(narrow, warnings=(warning, *narrow.warnings))

    kept = screen_inputs(data, target, options)
    if kept is None:
        best = _searched(data, target, options, clock, progress)
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
    return with_leads(judge_further(best, options, clock), options, whole)


def _with_units_of_form(data: Dataset, target: str, options: Options) -> Options:
    """The options with scales for the units of the constants of a given form, and its inputs kept.

    Raises
    ------
    InputError
        If an input that laws must use is not a numeric column, or the form cannot be read.
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
    return GivenForm.read(options.form, data, target, options).with_scales(options)


def _residuals(study: Study) -> Array:
    """Residuals of a law, on the logarithm where target and law have one."""
    data, design = study.prepared.data, study.prepared.design
    truth = data[study.law.target.name]
    values = study.law.predict_si(data)
    logs = design.scale == "log" and bool(np.all(values > 0))
    with np.errstate(all="ignore"):
        residuals = np.log(truth / values) if logs else truth - values
    return np.array(study.prepared.in_table(np.nan_to_num(residuals).tolist()))


def _searched(
    data: Dataset,
    target: str,
    options: Options,
    clock: Clock,
    progress: Callable[[str], None] | None,
) -> Study:
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
    best = study(prepared, options, part, progress=progress)
    # a further study ends as late after its time as this one did
    shortest = max(_SHORTEST, -2 * part.left)
    if not possible or (best.holds and not automatic):
        return best
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
                f"A hidden {scale.kind} explains the residuals (R² = "
                f"{trial.cv_r2:.3f} on runs "
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
