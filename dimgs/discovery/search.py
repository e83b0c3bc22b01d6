"""Closed forms beyond the power law: engines search, held-out runs judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import sympy

from dimgs.arrays import LARGEST_LOG
from dimgs.design.features import Design
from dimgs.discovery.clock import Clock
from dimgs.discovery.cross_validation import (
    better_than,
    is_monomial,
    is_stable,
    law_scores,
    left_out_predictions,
    rows_aside,
    unexplained,
)
from dimgs.discovery.distil import exponent_fields
from dimgs.discovery.options import Options
from dimgs.discovery.outcome import holds, leaves_nothing
from dimgs.discovery.problem import problem_of
from dimgs.engines.protocol import Engine, Outcome, Problem, Result, SearchBudget
from dimgs.engines.registry import ALL, all_engines, embedded, entry_named
from dimgs.engines.selection import AS_GOOD, MOST_TRIED, select
from dimgs.errors import DimgsError
from dimgs.expression.candidate import Candidate
from dimgs.law.assemble import assemble
from dimgs.law.law import Law

# with fewer runs a closed form of two constants is hardly tested by those left out
_FEWEST = 8
# of the time: most laws are found by the first engine, and the further ones start from its front
_FIRST_SHARE = 0.6
# rms of a law that meets every run to the precision of the numbers
_EXACT = 1e-9
# forms, and runs, of a search that only looks for rivals of a given law
_SHORT_FORMS, _SHORT_RUNS = 200, 200
# responses beyond are searched in a unit of their own: squares, and their sums, stay far from
# the ends of double precision (1e±308)
_EXTREME, _SMALLEST_EXPONENT = 1e60, 1000


@dataclass(frozen=True)
class Found:
    """What a search for closed forms gave.

    Attributes
    ----------
    law : Law or None
        None where the power law (or nothing) is the better answer.
    candidates : tuple of Candidate
        Pareto front, the chosen one first.
    engine : str
    outcome : str
    message : str
    left_out : float or None
        R² of the law on runs left out, on the scale on which it was compared.
    unlogged : mapping of str to str
        What the candidates call an input without a logarithm, and its identifier.
    startup : float
        Seconds that engines took to start, besides the time limit.
    """

    law: Law | None
    candidates: tuple[Candidate, ...]
    engine: str
    outcome: Outcome
    message: str
    left_out: float | None = None
    unlogged: Mapping[str, str] = field(default_factory=dict)
    startup: float = 0.0


def rivals_of(
    design: Design, seed: int, clock: Clock
) -> tuple[tuple[Candidate, ...], Mapping[str, str]]:
    """Closed forms that a short search finds, to judge a law beside them.

    Parameters
    ----------
    design : Design
        That an engine can be given, see :func:`is_searchable`.
    seed : int
    clock : Clock
        It notes if the time ended the search.

    Returns
    -------
    tuple of Candidate, mapping of str to str
        And what they call an input without a logarithm, with its identifier.
    """
    if design.n_runs > _SHORT_RUNS:
        rows = np.random.default_rng(design.n_runs).choice(design.n_runs, _SHORT_RUNS, False)
        design = design.take(np.sort(rows))
    problem, unlogged = problem_of(design)
    short = Options(engine=embedded(), evaluations=_SHORT_FORMS, seed=seed)
    if clock.over:
        clock.cut("time", "the search for rivals")
        return (), unlogged
    result = _result(short.engine, design, problem, (), clock.to_search, short)
    if result.cut not in (None, "evaluations"):
        clock.cut(result.cut, "the search for rivals")
    return result.candidates, unlogged


def engine_named(name: str, guesses: Sequence[Candidate] = ()) -> Engine:
    """Engine by its name on the command line.

    Parameters
    ----------
    name : str
    guesses : sequence of Candidate
        For engines that can start from them.

    Raises
    ------
    InputError
        If there is no such engine.
    """
    return entry_named(name).make(guesses)


def is_searchable(design: Design) -> bool:
    """Whether an engine can be given this design: groups alone, one prefactor, enough runs.

    And a response that doubles can hold.
    """
    return (
        design.scale != "level"
        and design.within is None
        and bool(design.features)
        and all(f.contrast != "inverse" for f in design.features)
        and not any(
            f.variable is not None and design.data.variable(f.variable).is_level
            for f in design.features
        )
        and design.n_runs >= _FEWEST
        and (design.scale != "log" or float(np.abs(design.y).max()) < LARGEST_LOG)
    )


def search(design: Design, options: Options, power: Law, clock: Clock) -> Found:
    """Search for a law beyond the power law, with the engine that was asked for.

    Where there are enough runs, a fifth of them (or of the groups of `split`) is set aside before
    the search, so that the held-out score is of runs that neither structure nor constants saw.
    With "auto", further engines that are usable go on where the law of the embedded one is not
    confirmed by runs left out, from what it found; all fronts are merged, and one criterion
    chooses.

    Parameters
    ----------
    design : Design
    options : Options
    power : Law
        The power law, which a candidate must beat on runs left out.
    clock : Clock
        It notes which search was cut.

    Returns
    -------
    Found
    """
    names = _engines(options.engine)
    rows = rows_aside(design, options)
    train = design if rows is None else design.take(rows[0])
    problem, unlogged = problem_of(train)
    found = Found(None, (), names[0], "no_candidate", "", unlogged=unlogged)
    results: dict[str, Result] = {}
    for k, name in enumerate(names):
        share = _FIRST_SHARE if k == 0 and len(names) > 1 else 1.0
        seconds = share * clock.to_search
        if seconds <= 0:
            clock.cut("time", f"the search by {name}")
            break
        result = results[name] = _result(name, train, problem, found.candidates, seconds, options)
        clock = clock.later(result.startup)
        if result.cut is not None:
            clock.cut(result.cut, f"the search by {name}")
        again = chosen(design, options, power, problem, results, unlogged, clock)
        if _is_as_good(again, found):
            found = again
        else:
            found = replace(found, candidates=_first(found, again))
        if _is_exact(found) and results[found.engine].cut is None:
            # its engine accepted it, so that nothing better was left to find
            clock.cuts.clear()
        if clock.stopped.is_set() or _is_enough(design, found.law or power, options.seed):
            break
    return replace(found, startup=sum(r.startup for r in results.values()))


def _is_exact(found: Found) -> bool:
    """Whether a law meets every run to the precision of the numbers."""
    rmse = None if found.law is None else found.law.scores.rmse_log
    return rmse is not None and rmse < _EXACT


def _is_enough(design: Design, law: Law, seed: int) -> bool:
    """Whether runs set aside (or left out) are predicted and noise only is left."""
    scores = law.scores
    known = scores.holdout_r2_log if scores.holdout_r2_log is not None else scores.cv_r2_log
    known = scores.r2 if known is None else known
    seen = known is not None and holds(known)
    return seen and leaves_nothing(unexplained(design, law, seed))


def _is_as_good(again: Found, found: Found) -> bool:
    """Whether what all fronts give predicts runs left out as well as what there was before."""
    if again.law is None or found.law is None:
        return found.law is None
    assert again.left_out is not None
    assert found.left_out is not None
    return 1 - again.left_out <= AS_GOOD * (1 - found.left_out) + _EXACT


def _first(found: Found, again: Found) -> tuple[Candidate, ...]:
    """Candidates of both, the chosen one still first."""
    chosen = found.candidates[:1]
    return (*chosen, *(c for c in again.candidates if c not in chosen))


def _engines(name: str) -> list[str]:
    """Which engines run, in their order: with "auto" those that are usable here."""
    if name != ALL:
        return [name]
    return [e.name for e in all_engines() if e.usable]


def _result(
    name: str,
    train: Design,
    problem: Problem,
    known: Sequence[Candidate],
    seconds: float,
    options: Options,
) -> Result:
    try:
        engine = engine_named(name, known)
    except ImportError as error:
        return Result((), "unavailable", f"The engine '{name}' cannot start: {error}.", 0.0)
    if entry_named(name).takes_fields:
        problem = replace(problem, fields=exponent_fields(train))
    problem, unit = _in_range(problem)
    result = engine.search(problem, SearchBudget(seconds, options.budget), options.seed)
    if unit == 1.0:
        return result
    return replace(result, candidates=tuple(_times(c, unit) for c in result.candidates))


def _in_range(problem: Problem) -> tuple[Problem, float]:
    """The problem with a response whose squares are representable, and the unit of that response.

    A power of two, so that no digit changes; 1 for ordinary responses.
    """
    size = np.abs(problem.response[problem.response != 0])
    if not size.size or (size.min() > 1 / _EXTREME and size.max() < _EXTREME):
        return problem, 1.0
    # the largest to 1; the smallest must stay positive where it has a logarithm
    exponent = int(np.frexp(size.max())[1])
    least = int(np.frexp(size.min())[1]) + _SMALLEST_EXPONENT
    exponent = min(exponent, least) if problem.scale == "log" else exponent
    exponent = int(np.clip(exponent, -_SMALLEST_EXPONENT, _SMALLEST_EXPONENT))
    return replace(problem, response=np.ldexp(problem.response, -exponent)), 2.0**exponent


def _times(candidate: Candidate, unit: float) -> Candidate:
    """The candidate for a response in another unit: its leading constants, or a factor, take it."""
    expression, constants = candidate.expression, dict(candidate.constants)
    terms = sympy.Add.make_args(expression)
    leading = [
        [k for f in sympy.Mul.make_args(t) if f.is_Symbol and (k := str(f)) in constants]
        for t in terms
    ]
    once = {k for k in constants if sum(t.has(sympy.Symbol(k)) for t in terms) == 1}
    own = [next((k for k in names if k in once), None) for names in leading]
    linear = [
        k is not None and not (t / sympy.Symbol(k)).has(sympy.Symbol(k))
        for k, t in zip(own, terms, strict=True)
    ]
    if all(linear):
        constants |= {k: constants[k] * unit for k in own if k is not None}
    else:
        expression = sympy.Float(unit) * expression
    loss = candidate.loss * unit * unit if candidate.scale == "linear" else candidate.loss
    return replace(candidate, expression=expression, constants=constants, loss=loss)


def chosen(
    design: Design,
    options: Options,
    power: Law,
    problem: Problem,
    results: Mapping[str, Result],
    unlogged: Mapping[str, str],
    clock: Clock,
) -> Found:
    """The law of the fewest bits of all fronts that is one and beats another law.

    One whose constants depend on which runs are left out gives way to the next.

    Parameters
    ----------
    design : Design
        All runs.
    options : Options
    power : Law
        What it must beat on runs left out.
    problem : Problem
        Runs of the search.
    results : mapping of str to Result
        By engine; a single front is taken in its order.
    unlogged : mapping of str to str
    clock : Clock
    """
    merged = _merged(results, problem)
    last = list(results)[-1]
    if not merged:
        result = results[last]
        return Found(None, (), last, result.outcome, result.message, unlogged=unlogged)
    nothing, second, message = None, None, ""
    for name, candidate in merged[:MOST_TRIED]:
        candidates = (candidate, *(c for _, c in merged if c is not candidate))
        result = results[name]
        nothing = nothing or Found(
            None, candidates, name, result.outcome, result.message, None, unlogged
        )
        expression = _in_identifiers(candidate, unlogged)
        if is_monomial(expression) and not {str(s) for s in expression.free_symbols} & set(
            unlogged.values()
        ):
            return second or nothing
        try:
            law = assemble(design, expression, candidate.constants, options.level)
        except DimgsError as error:
            message = message or f" {candidate} is no law: {error}"
            continue
        left_out = left_out_predictions(design, law, options.seed, clock)
        law = law.with_scores(law_scores(design, law, options, left_out))
        score = better_than(design, left_out, power)
        if score is None:
            continue
        found = Found(law, candidates, name, result.outcome, result.message, score, unlogged)
        if is_stable(design, law, left_out):
            return found
        second = second or found
    assert nothing is not None
    return second or replace(nothing, message=f"{nothing.message}{message}")


def _merged(results: Mapping[str, Result], problem: Problem) -> list[tuple[str, Candidate]]:
    """Candidates of all engines with the engine's name, those of the fewest bits first."""
    if len(results) == 1:
        return [(name, c) for name, result in results.items() for c in result.candidates]
    unique: dict[str, tuple[str, Candidate]] = {}
    for name, result in results.items():
        for candidate in result.candidates:
            unique.setdefault(str(candidate), (name, candidate))
    ordered = select([candidate for _, candidate in unique.values()], problem)
    return [unique[str(candidate)] for candidate in ordered]


def _in_identifiers(candidate: Candidate, unlogged: Mapping[str, str]) -> sympy.Expr:
    return candidate.expression.xreplace(
        {sympy.Symbol(k): sympy.Symbol(v) for k, v in unlogged.items()}
    )
