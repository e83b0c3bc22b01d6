"""Searches for closed forms beyond the power law; each proposes candidates."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import sympy

from dimgs.common.errors import EngineUnavailableError
from dimgs.discovery.options import EFFORTS, Options
from dimgs.discovery.problem import problem_of, without_collinear
from dimgs.discovery.scoring import rows_aside
from dimgs.discovery.study import Study
from dimgs.engines.clock import Clock
from dimgs.engines.protocol import Problem, Result, SearchBudget
from dimgs.engines.registry import ALL, NONE, all_engines, embedded, entry_named
from dimgs.engines.selection import select
from dimgs.expression.candidate import Candidate
from dimgs.fits.design.features import Design

# seconds of an engine's start that are worth a word
_NOTICED = 1.0
# forms of a search that only looks for rivals of a given law
_SHORT_FORMS = 200
# of many runs, which distinguish rivals by themselves, half as many forms are searched in some
# runs, and the best of them judged: a verdict on 1,000 runs takes half of the time, and says the
# same
_MANY, _SHORT_RUNS, _FEWER_FORMS, _FEWER_RIVALS = 200, 100, 100, 12
# responses beyond are searched in a unit of their own: squares, and their sums, stay far from
# the ends of double precision (1e±308)
_EXTREME, _SMALLEST_EXPONENT = 1e60, 1000


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
    forms, most = _SHORT_FORMS, None
    if design.n_runs > _MANY:
        rows = np.random.default_rng(design.n_runs).choice(design.n_runs, _SHORT_RUNS, False)
        design, forms, most = design.take(np.sort(rows)), _FEWER_FORMS, _FEWER_RIVALS
    problem, unlogged = problem_of(design)
    short = Options(engine=embedded(), evaluations=forms, seed=seed)
    if clock.over:
        clock.cut("time", "the search for rivals")
        return (), unlogged
    result = _result(short.engine, problem, (), clock.to_search, short)
    if result.cut not in (None, "evaluations"):
        clock.cut(result.cut, "the search for rivals")
    return result.candidates[:most], unlogged


def usable_engines(options: Options) -> list[str]:
    """Engines of a search, in their order: with "auto" all usable ones.

    Parameters
    ----------
    options : Options
    """
    if options.engine != ALL:
        return [options.engine]
    return [e.name for e in all_engines() if e.usable]


def run_engine(study: Study, name: str, seconds: float, options: Options, clock: Clock) -> Study:
    """The study with the candidates that one engine proposes, which may start from those known.

    Where there are enough runs, a fifth of them (or of the groups of `split`) is set aside before
    the search, so that the held-out score is of runs that the structure was not chosen by.

    Parameters
    ----------
    study : Study
    name : str
        Of the engine.
    seconds : float
        That the search may take, besides the start of the engine.
    options : Options
    clock : Clock
        It notes if the search was cut.

    Raises
    ------
    EngineUnavailableError
        If the engine was asked for by its name and cannot run here.
    """
    design = study.prepared.design
    rows = rows_aside(design, options)
    train = design if rows is None else design.take(rows[0])
    problem, unlogged = problem_of(train, options)
    earlier = [c for c in study.candidates if c.engine != NONE]
    result = _result(name, problem, earlier, seconds, options)
    if result.outcome == "unavailable":
        if options.engine != ALL:
            raise EngineUnavailableError(result.message)
        return replace(study, unavailable="" if earlier else result.message)
    if result.startup >= _NOTICED:
        note = (
            f"The engine took {result.startup:.0f} s to start and compile, which the time limit "
            f"does not count."
        )
        study = replace(study, warnings=(*study.warnings, note))
    out = add_candidates(study, result.candidates, unlogged, name, problem)
    out = replace(out, complete_to=result.complete_to or out.complete_to)
    if result.cut is not None:
        clock.cut(result.cut, f"the search by {name}")
    elif out.exact:
        # an exact law that an engine accepted leaves nothing better to find
        clock.cuts.clear()
    return out


def add_candidates(
    study: Study,
    candidates: Sequence[Candidate],
    unlogged: Mapping[str, str],
    engine: str,
    problem: Problem | None = None,
) -> Study:
    """The study with further candidates, those of the fewest bits first.

    Parameters
    ----------
    study : Study
    candidates : sequence of Candidate
        The candidates of a single search stay in their order.
    unlogged : mapping of str to str
        What the candidates call an input without a logarithm, and its identifier.
    engine : str
        Which search proposes them.
    problem : Problem, optional
        The runs by which candidates of several searches are put in order; by default all.
    """
    earlier = [c for c in study.candidates if c.engine != NONE]
    if not candidates:
        return study if earlier else replace(study, engine=engine, unavailable="")
    unique = {str(c): c for c in reversed([*earlier, *candidates])}
    ordered: Iterable[Candidate] = candidates
    if earlier:
        ordered = select(unique.values(), problem or problem_of(study.prepared.design)[0])
    first, *rest = ordered
    return replace(
        study,
        candidates=(first, *rest),
        unlogged={**study.unlogged, **unlogged},
        engine=first.engine or engine,
        unavailable="",
        posterior=None,
    )


def _result(
    name: str,
    problem: Problem,
    earlier: Sequence[Candidate],
    seconds: float,
    options: Options,
) -> Result:
    whole, problem = set(problem.groups), without_collinear(problem)
    gone = {sympy.Symbol(name) for name in whole - set(problem.groups)}
    earlier = [c for c in earlier if not gone & c.expression.free_symbols]
    try:
        engine = entry_named(name).make(earlier)
    except ImportError as error:
        return Result((), "unavailable", f"The engine '{name}' cannot start: {error}.", 0.0)
    problem, unit = _in_range(problem)
    # a brief search has no second to spare
    brief = options.budget < EFFORTS["quick"][0]
    nodes = options.complete or (0 if brief else None)
    result = engine.search(problem, SearchBudget(seconds, options.budget, nodes), options.seed)
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
    prefactors = [next((k for k in names if k in once), None) for names in leading]
    linear = [
        k is not None and not (t / sympy.Symbol(k)).has(sympy.Symbol(k))
        for k, t in zip(prefactors, terms, strict=True)
    ]
    if all(linear):
        constants |= {k: constants[k] * unit for k in prefactors if k is not None}
    else:
        expression = sympy.Float(unit) * expression
    loss = candidate.loss * unit * unit if candidate.scale == "linear" else candidate.loss
    return replace(candidate, expression=expression, constants=constants, loss=loss)
