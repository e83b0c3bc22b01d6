"""One basis, one answer: power law, then engines, then distilled exponents, judged by runs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from dimgs.arrays import Array, times_exp
from dimgs.discovery.belief import Belief
from dimgs.discovery.clock import Clock, Cut
from dimgs.discovery.cross_validation import (
    as_good_but_shorter,
    better_than,
    clearly_less,
    followed_input,
    law_scores,
    left_out_predictions,
    unexplained,
)
from dimgs.discovery.distil import distil
from dimgs.discovery.linear import fit_linear
from dimgs.discovery.options import Options
from dimgs.discovery.outcome import LawFacts, conclude, holds, leaves_nothing
from dimgs.discovery.power_law import constant_law, fit_prepared
from dimgs.discovery.prepare import Prepared
from dimgs.discovery.scoring import log_target, r2
from dimgs.discovery.search import is_searchable, search
from dimgs.engines.registry import NONE, require_engine
from dimgs.errors import EngineUnavailableError
from dimgs.expression.candidate import Candidate
from dimgs.law.law import Law
from dimgs.law.power import NoSuchNumberError
from dimgs.news import listening, tell
from dimgs.report.results import FitResult, Verdict

# relative error that is rounding, some powers of rounded values included
_EXACT = 1e-9
# of the time, before a deep potential: the rest is for its training and a search in it
_SHARE_WITHOUT = 0.7
# seconds of an engine's start that are worth a word
_NOTICED = 1.0
_NO_POWER_LAW = (
    "The power law that the runs ask for has numbers beyond those of a computer: the search begins "
    "with a constant in its place."
)
# above this many runs, refits without each tenth of them take longer than they tell
MOST_LEFT_OUT = 20_000


@dataclass(frozen=True)
class Study:
    """The best law of a basis.

    Attributes
    ----------
    prepared : Prepared
        Its runs in an order of their own, which that of `left_out` and `result` is too.
    result : FitResult or None
        The power law; None on a linear scale.
    law : Law
    known : float or None
        R² of the law on runs left out.
    candidates : tuple of Candidate
        The Pareto front.
    unlogged : mapping of str to str
        What the candidates call an input without a logarithm, and its identifier.
    engine : str
    warnings : tuple of str
    cuts : tuple of Cut
        Steps that ended before they were complete.
    unavailable : str
        Why the engine that was asked for did not run.
    unexplained : float or None
        Share of the residuals that still depends on the groups; None where it is not known.
    follows : str
        An input that the residuals follow at equal groups.
    left_out : ndarray of shape (n_runs,) or None
        Residual of each run by the law refitted without it, where that was needed.
    belief : Belief or None
        The laws that were found, with their probabilities; None before they are judged.
    """

    prepared: Prepared
    result: FitResult | None
    law: Law
    known: float | None
    candidates: tuple[Candidate, ...]
    engine: str
    warnings: tuple[str, ...]
    unlogged: Mapping[str, str] = field(default_factory=dict)
    cuts: tuple[Cut, ...] = ()
    unavailable: str = ""
    unexplained: float | None = None
    follows: str = ""
    left_out: Array | None = None
    belief: Belief | None = None

    @property
    def verdict(self) -> Verdict:
        """What the law is worth, by all that is known of it."""
        scores = self.law.scores
        aside = scores.holdout_r2_log, scores.holdout_n
        facts = LawFacts(
            self.cuts,
            self.known,
            *aside,
            self.unexplained,
            self.unavailable,
            varies=scores.exist,
            follows=self.follows,
        )
        return conclude(facts if self.belief is None else replace(facts, **self.belief.facts))

    @property
    def holds(self) -> bool:
        """Whether runs left out are predicted, as far as that was tried."""
        return holds(self.known)

    @property
    def exact(self) -> bool:
        """Whether the law meets every run to the precision of the numbers."""
        rmse = self.law.scores.rmse_log
        return rmse is not None and rmse < _EXACT


def study(
    prepared: Prepared,
    options: Options,
    clock: Clock,
    *,
    distil_first: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Study:
    """Power law, engines, distilled exponents: the law that runs left out prefer.

    An interrupt (Ctrl-C) from the first search on ends the study with the best law until then.

    Parameters
    ----------
    prepared : Prepared
    options : Options
    clock : Clock
        When it is over, searches end and what they found is judged.
    distil_first : bool
        Distil before the engines, which then only run where the distilled law leaves something.
    progress : callable, optional
        Called with a line of text when there is a law to fall back on, when searches begin, and
        for what they find; each :class:`dimgs.news.News` carries its candidates.

    Returns
    -------
    Study

    Raises
    ------
    EngineUnavailableError
        If the engine that was asked for cannot run here.
    """
    require_engine(options.engine)
    clock, prepared = clock.own(), prepared.ordered()
    found = _power_law(prepared, options)
    try:
        with listening(progress):
            if options.engine != NONE:
                tell("the power law is fitted; looking further")
                tell("the law so far is %s", found.law, candidates=found.candidates)
            for better in _searches(found, options, clock, distil_first):
                found = better
                tell("the law so far is %s", found.law, candidates=found.candidates)
    except KeyboardInterrupt:
        clock.cut("interrupt", "the search")
    return _settled(found, options, clock)


def _searches(found: Study, options: Options, clock: Clock, distil_first: bool) -> Iterator[Study]:
    """What each step makes of the power law."""
    if options.engine == NONE:
        return
    design = found.prepared.design
    whole, clock = clock, clock.part(_SHARE_WITHOUT if options.model == "deep" else 1.0)
    first, explained = _distilled(found, options, clock, search=distil_first)
    if distil_first or first.exact:
        yield (found := first)
    explained = explained and (distil_first or first.exact)
    if is_searchable(design) and not explained:
        if clock.over:
            clock.cut("time", "the search for closed forms")
        else:
            yield (found := _searched(found, options, clock))
    if not distil_first and not found.exact:
        found, _ = _distilled(found, options, clock)
        yield found
    if options.model == "deep":
        yield (found := _taught(found, options, whole))


def _power_law(prepared: Prepared, options: Options) -> Study:
    result: FitResult | None = None
    if prepared.design.scale == "linear":
        law, known = fit_linear(prepared, options)
        warnings = prepared.warnings
    else:
        try:
            result = fit_prepared(prepared, options)
            law, known, warnings = result.law, result.scores.cv_r2_log, result.warnings
        except NoSuchNumberError:
            if options.engine == NONE or not is_searchable(prepared.design):
                raise
            law, known = constant_law(prepared.design, options), None
            warnings = (*prepared.warnings, _NO_POWER_LAW)
    candidates = _candidates(law, prepared)
    return Study(prepared, result, law, known, candidates, "power_law", warnings)


def _searched(found: Study, options: Options, clock: Clock) -> Study:
    engines = search(found.prepared.design, options, found.law, clock)
    out = found
    if engines.law is not None:
        out = replace(found, law=engines.law, known=engines.left_out)
    elif engines.outcome == "unavailable":
        if options.engine != "auto":
            raise EngineUnavailableError(engines.message)
        out = replace(found, unavailable=engines.message)
    if engines.startup >= _NOTICED:
        note = (
            f"The engine took {engines.startup:.0f} s to start and compile, which the time limit "
            f"does not count."
        )
        out = replace(out, warnings=(*out.warnings, note))
    if engines.candidates and (engines.law is not None or found.engine == "power_law"):
        out = replace(out, candidates=engines.candidates, unlogged=dict(engines.unlogged))
    if engines.law is not None or found.engine == "power_law":
        out = replace(out, engine=engines.engine)
    return out


def _distilled(
    found: Study, options: Options, clock: Clock, *, search: bool = True
) -> tuple[Study, bool]:
    """With the distilled law where it is better, and whether that one explains the runs.

    Without `search` only elementary forms of the exponent are tried.
    """
    design = found.prepared.design
    if not is_searchable(design) or design.scale != "log":
        return found, False
    seconds = clock.to_search if search else 0.0
    power = None if found.result is None else found.result.law.scores.rmse_log
    cuts = len(clock.cuts)
    made = None
    if not clock.over:
        made = distil(design, options, power, seconds, found.law.scores.rmse_log, clock)
    if clock.over and not clock.stopped.is_set():
        clock.cut("time", "the distillation of exponents")
    if made is None:
        return found, False
    if made.explains and not clock.stopped.is_set():
        # it ended where nothing was left that smooth fields would explain
        del clock.cuts[cuts:]
    left_out = left_out_predictions(design, made.law, options.seed, clock)
    law = made.law.with_scores(law_scores(design, made.law, options, left_out))
    score = better_than(design, left_out, found.law)
    if score is None or found.exact:
        score = as_good_but_shorter(design, law, found.law)
    if score is None:
        return found, False
    own = {str(c) for c in made.candidates}
    rest = tuple(c for c in found.candidates if str(c) not in own) if not found.unlogged else ()
    better = replace(
        found,
        law=law,
        known=score,
        candidates=(*made.candidates, *rest),
        unlogged={},
        engine="distillation",
    )
    return better, made.explains


def _taught(found: Study, options: Options, clock: Clock) -> Study:
    """With the law that a deep potential leads to, where runs left out prefer it."""
    from dimgs.discovery.deep import search_taught, taught

    design = found.prepared.design
    if found.exact or clock.stopped.is_set():
        return found
    if clock.over:
        clock.cut("time", "the search on a deep potential")
        return found
    if not is_searchable(design) or design.scale != "log":
        note = "The deep potential takes no part: it learns positive responses to groups alone."
        return replace(found, warnings=(*found.warnings, note))
    known = taught(design, options)
    if isinstance(known, str):
        return replace(found, warnings=(*found.warnings, known))
    score = known.left_out_r2()
    law = found.law.scores.cv_r2_log
    note = f"A deep potential predicts runs left out with R² = {score:.5f}"
    note += "." if law is None else f", the law found without it with R² = {law:.5f}."
    found = replace(found, warnings=(*found.warnings, note))
    if found.holds and leaves_nothing(unexplained(design, found.law, options.seed)):
        return found
    deep = search_taught(known, design, options, found.law, clock)
    if deep.law is None or deep.left_out is None:
        return found
    better = replace(
        found,
        law=deep.law,
        known=deep.left_out,
        candidates=deep.candidates,
        unlogged=dict(deep.unlogged),
        engine="deep",
    )
    if as_good_but_shorter(design, deep.law, found.law) is not None:
        return better
    own, other = (left_out_residuals(s, options) for s in (better, found))
    # one law more was tried on the same runs: a gain that chance gives is none
    surer = own is not None and (other is None or clearly_less(own, other, design.split))
    return replace(better, left_out=own) if surer else replace(found, left_out=other)


def _settled(found: Study, options: Options, clock: Clock) -> Study:
    """With all that its outcome is decided by; who interrupts is not kept waiting for refits."""
    left: float | None = None
    follows = ""
    try:
        if not clock.stopped.is_set():
            found = _refitted(found, options)
        left = unexplained(found.prepared.design, found.law, options.seed)
        follows = followed_input(found.prepared.design, found.law)
    except KeyboardInterrupt:
        clock.cut("interrupt", "the judgement of the law")
    return replace(found, cuts=tuple(clock.cuts), unexplained=left, follows=follows)


def _refitted(found: Study, options: Options) -> Study:
    """With the score of constants refitted without each fold, where there was no time before."""
    design, law = found.prepared.design, found.law
    few = design.n_runs <= MOST_LEFT_OUT
    if not few or design.scale != "log" or (found.result is not None and law is found.result.law):
        return found
    residuals = left_out_residuals(found, options)
    if residuals is None:
        return found
    score = r2(residuals, log_target(design), least=1.0)
    if found.result is not None and score is not None:
        power = found.result.law
        known = power.scores.cv_r2_log
        if known is not None and known > score:
            return replace(found, law=power, known=known, engine="power_law", left_out=None)
    law = law.with_scores(replace(law.scores, cv_r2_log=score))
    return replace(found, law=law, known=score, left_out=residuals)


def left_out_residuals(found: Study, options: Options) -> Array | None:
    """Residual of each run by the law refitted without it; None where that cannot be had.

    On the logarithm of the target where the response has one, else on the target.
    """
    if found.left_out is not None:
        return found.left_out
    design = found.prepared.design
    if design.scale == "level" or design.within is not None or found.law.label_effects is not None:
        return None
    if found.result is not None and found.law is found.result.law and found.result.left_out:
        own = np.array(found.result.left_out)
        return own if np.all(np.isfinite(own)) else None
    values = left_out_predictions(design, found.law, options.seed)
    if not np.all(np.isfinite(values)):
        return None
    if design.scale != "log":
        return np.asarray(times_exp(design.y, design.offset) - values)
    return log_target(design) - np.log(values) if np.all(values > 0) else None


def _candidates(law: Law, prepared: Prepared) -> tuple[Candidate, ...]:
    design = prepared.design
    groups = {g.name for g in law.groups}
    names = {str(s) for s in law.pi_expression.free_symbols}
    constants = {k: v for k, v in law.constant_values.items() if k in names}
    if names - groups - set(constants):
        return ()
    scores = law.scores
    loss = scores.rmse_log**2 if scores.rmse_log is not None else 1.0
    if design.scale == "linear" and scores.r2 is not None:
        loss = 1.0 - scores.r2
    scale: Literal["log", "linear"] = "log" if design.scale == "log" else "linear"
    found = Candidate.of(law.pi_expression, constants, loss=loss, scale=scale, engine="power_law")
    return (found,) if np.isfinite(loss) else ()
