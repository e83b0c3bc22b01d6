"""The study of one basis: searches propose candidates, and the judgement chooses."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from dimgs.common.advice import setting
from dimgs.common.progress import listening, report_progress
from dimgs.discovery.given_form import GivenForm, proposals_of_form
from dimgs.discovery.judgement import judge
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import Prepared
from dimgs.discovery.problem import FEWEST, is_searchable
from dimgs.discovery.study import (
    Study,
    add_candidates,
    run_engine,
    study_of_power_law,
    usable_engines,
)
from dimgs.engines.protocol import Clock
from dimgs.engines.registry import NONE, require_engine

# of the time for the first engine: it finds most laws, and the further ones start from its front
_FIRST_SHARE = 0.6
# of the time, before a deep potential: the rest is for its training and a search in it
_SHARE_WITHOUT = 0.7


def study(
    prepared: Prepared,
    options: Options,
    clock: Clock,
    *,
    progress: Callable[[str], None] | None = None,
) -> Study:
    """Power law and engines propose; the most probable candidate is the law.

    An interrupt (Ctrl-C) from the first search on ends the study with the best law until then.

    Parameters
    ----------
    prepared : Prepared
    options : Options
    clock : Clock
        When it is over, searches end and what they found is judged.
    progress : callable, optional
        Called with a line of text when there is a law to fall back on, when searches begin, and
        for what they find; each :class:`dimgs.common.progress.ProgressEvent` carries its
        candidates.

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
        with listening(progress):
            current = _with_form(current, options, clock)
            if options.engine != NONE and is_searchable(prepared.design):
                report_progress("the power law is fitted; searching for closed forms")
                report_progress("the law so far is %s", current.law, candidates=current.candidates)
            for further in _proposals(current, options, clock):
                current = further
                report_progress(
                    "the first candidate is %s",
                    current.candidates[0],
                    candidates=current.candidates,
                )
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
    form = GivenForm.read(options.form, prepared.data, current.law.target.name, options)
    return replace(current, given=proposals_of_form(form, prepared.design, options, clock))


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
    if current.prepared.design.scale != "log":
        note = "The deep potential is not used: it needs a positive response and groups only."
        return replace(current, warnings=(*current.warnings, note))
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
    return add_candidates(current, *candidates_of(teacher, options, clock), "deep")
