"""A study of one basis: the problem for its searches, their proposals, and the law."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
import sympy

from dimgs.common.arrays import LARGEST_LOG, Array, times_exp
from dimgs.common.errors import EngineUnavailableError, InputError
from dimgs.discovery.diagnostics import LARGEST_DENOMINATOR, VARIED, open_inputs
from dimgs.discovery.options import EFFORTS, Options
from dimgs.discovery.power_law import constant_law, fit_linear, fit_prepared
from dimgs.discovery.prepare import Prepared, with_labels_apart
from dimgs.discovery.scoring import (
    left_out_predictions,
    left_out_score,
    left_out_values,
    log_target,
    r2,
    rows_aside,
)
from dimgs.engines.protocol import Clock, Completed, Cut, Problem, Result, SearchBudget
from dimgs.engines.refit import select
from dimgs.engines.registry import ALL, NONE, all_engines, embedded, entry_named
from dimgs.expression.candidate import Candidate
from dimgs.fits.design import Design
from dimgs.fits.homogeneity import less_means
from dimgs.groups.group import PiGroup
from dimgs.judgement.candidates import Proposal
from dimgs.judgement.confirmation import LawFacts, conclude, holds
from dimgs.judgement.posterior import Posterior, local_powers
from dimgs.judgement.residual_structure import ResidualSummary
from dimgs.law.assemble import NoSuchNumberError, feature_values, search_names
from dimgs.law.law import Law
from dimgs.report.findings import Lead
from dimgs.report.results import FitResult, Verdict

# ---- The runs of a design as a problem that engines of symbolic regression take.


# an exponent beyond all that a search takes for short: no law depends on the size of an input
_FORBIDDEN = 100.0
# with fewer runs a closed form of two constants is hardly tested by those left out; of six and
# seven runs of powers and of x² + c x with errors of 2 %, no wrong law was confirmed
FEWEST = 6


def is_searchable(design: Design) -> bool:
    """Whether an engine can be given this design: groups alone, known labels, enough runs.

    And a response that doubles can hold.
    """
    columns = [design.data.variable(f.variable) for f in design.features if f.variable is not None]
    return (
        (design.within is None or design.shift is not None)
        and bool(design.features)
        and all(f.contrast != "inverse" for f in design.features)
        and not any(column.is_level for column in columns)
        and design.n_runs >= FEWEST
        and (design.scale != "log" or float(np.abs(design.y).max()) < LARGEST_LOG)
    )


def problem_of(design: Design, options: Options | None = None) -> Problem:
    """The design as a problem for engines; inputs without a logarithm are numbered as groups are.

    Parameters
    ----------
    design : Design
    options : Options, optional
        They may ask for some laws only.
    """
    unlogged = search_names(design)
    searched = {name: k for k, name in unlogged.items()}
    groups = {searched.get(name, name): x for name, x in feature_values(design).items()}
    composition: dict[str, dict[str, float]] = {}
    for name, feature, logs in zip(groups, design.features, design.X.T, strict=True):
        if feature.group is None:
            composition[name] = {str(feature.variable): 1.0}
            continue
        composition[name] = _lengths(design, feature.group)
        if feature.logged:
            _require_range(design, feature.group, logs)
    if design.scale == "log":
        _require_range(design, design.response, design.y)
    composition["pi_0"] = _lengths(design, design.response)
    # a search is given the runs of all sources, or labels, as of one
    shift = np.zeros(design.n_runs) if design.shift is None else design.shift
    y, size = design.y - shift, design.offset + shift
    return Problem(
        groups=groups,
        response=np.exp(y) if design.scale == "log" else y,
        scale="log" if design.scale == "log" else "linear",
        weights=design.weights,
        unlogged=tuple(unlogged),
        composition=composition,
        unit=np.exp(np.mean(size) - size) if design.weights is None else None,
        must_use=() if options is None else tuple(options.must_use),
        most_constants=None if options is None else options.at_most_constants,
    )


def without_collinear(problem: Problem) -> Problem:
    """The problem without groups that are monomials of others in every run.

    Inputs that never varied make such groups: a constant times a monomial of others says in a law
    what these say, and two names for one thing double every sum and every argument of a search.
    The groups of the fewest variables stay.

    Parameters
    ----------
    problem : Problem

    Examples
    --------
    >>> x, z = np.array([1.0, 2.0, 5.0, 7.0]), np.array([3.0, 1.0, 4.0, 1.0])
    >>> found = without_collinear(Problem({"pi_1": x, "pi_2": z, "pi_3": 0.1 * x**2 / z}, x))
    >>> sorted(found.groups)
    ['pi_1', 'pi_2']
    """
    made_of = problem.composition or {}
    required = set(problem.must_use)
    logged = [n for n in problem.groups if n not in problem.unlogged]
    order = sorted(
        logged, key=lambda n: (not required & set(made_of.get(n, ())), len(made_of.get(n, ())))
    )
    logs = {n: np.log(problem.groups[n]) for n in order}
    columns = {n: x - x.mean() for n, x in logs.items()}
    kept: list[str] = []
    for name in order:
        column, size = columns[name], float(np.ptp(columns[name]))
        if kept and size:
            basis = np.column_stack([columns[n] for n in kept])
            powers = np.linalg.lstsq(basis, column, rcond=None)[0]
            simple = [Fraction(float(a)).limit_denominator(LARGEST_DENOMINATOR) for a in powers]
            powers = np.array([float(a) for a in simple])
            if float(np.abs(column - basis @ powers).max()) <= VARIED * size:
                continue
        kept.append(name)
    groups = {n: x for n, x in problem.groups.items() if n in kept or n in problem.unlogged}
    return replace(problem, groups=groups)


def _lengths(design: Design, group: PiGroup) -> dict[str, float]:
    """Exponents of the variables in a group; those of sizes so long that no law depends on one."""
    sizes = design.basis.sizes
    return {n: float(e) * (_FORBIDDEN if n in sizes else 1.0) for n, e in group.exponents}


def _require_range(design: Design, group: PiGroup, logs: Array) -> None:
    """Refuse a run in which a group is not a number that a computer can hold."""
    with np.errstate(over="ignore"):
        held = np.exp(logs)
    outside = np.flatnonzero((held == 0) | np.isinf(held))
    if not outside.size:
        return
    run, data = int(outside[0]), design.data
    powers = ((n, float(power)) for n, power in group.exponents if n in data.names)
    sizes = {n: abs(power * np.log(data[n][run])) for n, power in powers}
    cause = max(sizes, key=sizes.__getitem__)
    raise InputError(
        f"Column '{cause}', row {data.rows[run]} of {data.source}: {data[cause][run]:.3g} "
        f"{data.variable(cause).si_unit} makes {group.name} = {group} "
        f"10^{logs[run] / np.log(10):.0f}, which no number can hold; correct it, or leave out the "
        f"row."
    )


# relative error that is rounding, some powers of rounded values included
_EXACT = 1e-9
_NO_POWER_LAW = (
    "The fitted power law is beyond the range of floating point: the search begins "
    "with a constant in its place."
)
# above this many runs, refits without each tenth of them take too long for what they add
MOST_LEFT_OUT = 20_000
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


@dataclass(frozen=True)
class Study:
    """The runs of a basis, the candidates that searches propose, and the law that is chosen.

    Attributes
    ----------
    prepared : Prepared
        The runs in an order of their own, which that of `left_out` and `result` is too.
    result : FitResult or None
        The power law; None on a linear scale.
    law : Law
        The power law until the candidates are judged, then the most probable law.
    cv_r2 : float or None
        R² of the law on runs left out.
    candidates : tuple of Candidate
        The Pareto front, the one of the fewest bits first.
    engine : str
        Which search proposed the law, and until it is judged the first candidate.
    warnings : tuple of str
    cuts : tuple of Cut
        Steps that ended before they were complete.
    unavailable : str
        Why the engine that was asked for did not run.
    residuals : ResidualSummary or None
        What the residuals of the law still depend on; None where they were not looked at.
    rests_on : tuple of int
        Rows of outlying runs that the law rests on.
    left_out : ndarray of shape (n_runs,) or None
        Residual of each run by the law refitted without it, where that was needed.
    posterior : Posterior or None
        The laws that were found, with their probabilities; None before they are judged.
    complete_to : Completed or None
        Up to which size the search tried all forms.
    given : tuple of Proposal
        The form that was asked for, judged beside the candidates.
    leads : tuple of Lead
        What describes the runs where no law is probable.
    left_out_by : str
        Column whose labels were left out whole for these.
    """

    prepared: Prepared
    result: FitResult | None
    law: Law
    cv_r2: float | None
    candidates: tuple[Candidate, ...]
    engine: str
    warnings: tuple[str, ...]
    cuts: tuple[Cut, ...] = ()
    unavailable: str = ""
    residuals: ResidualSummary | None = None
    rests_on: tuple[int, ...] = ()
    left_out: Array | None = None
    posterior: Posterior | None = None
    complete_to: Completed | None = None
    given: tuple[Proposal, ...] = ()
    leads: tuple[Lead, ...] = ()
    left_out_by: str = ""

    @cached_property
    def verdict(self) -> Verdict:
        """Verdict on the law; computed at first use."""
        scores, prepared, posterior = self.law.scores, self.prepared, self.posterior
        facts = LawFacts(
            self.cuts,
            self.cv_r2,
            scores.holdout_r2_log,
            scores.holdout_n,
            self.sources_apart,
            self.residuals,
            self.unavailable,
            varies=scores.exist,
            rests_on=self.rests_on,
            open_inputs=open_inputs(self.law, prepared.data),
            varied_alone=prepared.design.varied_alone,
        )
        if posterior is None:
            return conclude(facts)
        # another law than the most probable one is not confirmed in any case
        first = posterior.laws[:1] if posterior.chosen == 0 else ()
        local = [name for law in first for name in local_powers(prepared.design, law.form)]
        return conclude(replace(facts, local_powers=tuple(local), **posterior.facts))

    @property
    def holds(self) -> bool:
        """Whether runs left out are predicted, as far as that was tried."""
        return holds(self.cv_r2)

    @property
    def sources_apart(self) -> tuple[str, ...]:
        """Columns of sources, if the law holds among the runs of each."""
        design, left_out, result = self.prepared.design, self.left_out, self.result
        if left_out is None and result is not None and self.law is result.law:
            left_out = np.array(result.left_out) if result.left_out else None
        if not design.sources or left_out is None or design.scale == "linear":
            return ()
        columns = np.column_stack([left_out, log_target(design)])
        known = np.all(np.isfinite(columns), axis=1)
        for _, labels in design.sources:
            columns[known] = less_means(columns[known], labels[known])
        score = r2(*columns[known].T, least=1.0)
        return tuple(n for n, _ in design.sources) if score is not None and holds(score) else ()

    @property
    def exact(self) -> bool:
        """Whether a candidate meets every run to the precision of the numbers."""
        return any(c.scale == "log" and c.loss < _EXACT**2 for c in self.candidates[:1])


def study_of_power_law(prepared: Prepared, options: Options) -> Study:
    """The study of a basis before any search: its power law.

    Parameters
    ----------
    prepared : Prepared
    options : Options

    Raises
    ------
    NoSuchNumberError
        If the power law cannot be written down and no search is to follow.
    """
    prepared = prepared.ordered()
    result: FitResult | None = None
    warnings = prepared.warnings
    if prepared.design.scale == "linear":
        law, cv_r2 = fit_linear(prepared, options)
    else:
        try:
            result = fit_prepared(prepared, options)
            law, warnings = result.law, result.warnings
            unseen = left_out_values(prepared.design, result.left_out)
            cv_r2, _ = left_out_score(prepared.design, law, unseen)
        except NoSuchNumberError:
            if options.engine == NONE or not is_searchable(prepared.design):
                raise
            law, cv_r2 = constant_law(prepared.design, options), None
            warnings = (*warnings, _NO_POWER_LAW)
    candidates = _candidates(law, prepared)
    apart = with_labels_apart(prepared)
    return Study(apart, result, law, cv_r2, candidates, "power_law", warnings)


def left_out_residuals(study: Study, options: Options) -> Array | None:
    """Residual of each run by the law refitted without it; None where that cannot be had.

    On the logarithm of the target where the response has one, else on the target.
    """
    if study.left_out is not None:
        return study.left_out
    design = study.prepared.design
    if design.within is not None or study.law.label_effects is not None:
        return None
    if study.result is not None and study.law is study.result.law and study.result.left_out:
        deleted = np.array(study.result.left_out)
        return deleted if np.all(np.isfinite(deleted)) else None
    values = left_out_predictions(design, study.law, options.seed)
    if not np.all(np.isfinite(values)):
        return None
    if design.scale != "log":
        return np.asarray(times_exp(design.y, design.offset) - values)
    return left_out_score(design, study.law, values)[1]


def _candidates(law: Law, prepared: Prepared) -> tuple[Candidate, ...]:
    design = prepared.design
    groups = {g.name for g in law.groups}
    form = law.response_form
    names = {str(s) for s in form.expression.free_symbols}
    values = {**law.constant_values, **form.constants}
    constants = {k: v for k, v in values.items() if k in names}
    if names - groups - set(constants):
        return ()
    scores = law.scores
    loss = scores.rmse_log**2 if scores.rmse_log is not None else 1.0
    if design.scale == "linear" and scores.r2 is not None:
        loss = 1.0 - scores.r2
    scale: Literal["log", "linear"] = "log" if design.scale == "log" else "linear"
    if not np.isfinite(loss):
        return ()
    return (Candidate.of(form.expression, constants, loss=loss, scale=scale, engine="power_law"),)


def rivals_of(design: Design, seed: int, clock: Clock) -> tuple[Candidate, ...]:
    """Closed forms that a short search finds, to judge a law beside them.

    Parameters
    ----------
    design : Design
        That an engine can be given, see :func:`is_searchable`.
    seed : int
    clock : Clock
        It notes if the time ended the search.
    """
    forms, most = _SHORT_FORMS, None
    if design.n_runs > _MANY:
        rows = np.random.default_rng(design.n_runs).choice(design.n_runs, _SHORT_RUNS, False)
        design, forms, most = design.take(np.sort(rows)), _FEWER_FORMS, _FEWER_RIVALS
    problem = problem_of(design)
    short = Options(engine=embedded(), evaluations=forms, seed=seed)
    if clock.over:
        clock.cut("time", "the search for rivals")
        return ()
    result = _result(short.engine, problem, (), clock.to_search, short)
    if result.cut not in (None, "evaluations"):
        clock.cut(result.cut, "the search for rivals")
    return result.candidates[:most]


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
    problem = problem_of(train, options)
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
    out = add_candidates(study, result.candidates, name, problem)
    out = replace(out, complete_to=result.complete_to or out.complete_to)
    if result.cut is not None:
        clock.cut(result.cut, f"the search by {name}")
    elif out.exact:
        # an exact law that an engine accepted leaves nothing better to find
        clock.cuts.clear()
    return out


def add_candidates(
    study: Study, candidates: Sequence[Candidate], engine: str, problem: Problem | None = None
) -> Study:
    """The study with further candidates, those of the fewest bits first.

    Parameters
    ----------
    study : Study
    candidates : sequence of Candidate
        The candidates of a single search stay in their order.
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
        ordered = select(unique.values(), problem or problem_of(study.prepared.design))
    front = tuple(ordered)
    engine = front[0].engine or engine
    return replace(study, candidates=front, engine=engine, unavailable="", posterior=None)


def _result(
    name: str, problem: Problem, earlier: Sequence[Candidate], seconds: float, options: Options
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
