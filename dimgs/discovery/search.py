"""Closed forms beyond the power law: engines search, held-out runs judge."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import count

import numpy as np
import sympy
from numpy.typing import NDArray

from dimgs.design.features import Design
from dimgs.discovery.options import Options
from dimgs.discovery.scoring import Predictor, folds, holdout_rows, log_target, r2, scores_of
from dimgs.engines.protocol import Budget, Engine, Outcome, Problem
from dimgs.errors import DimgsError, InputError
from dimgs.expression.candidate import Candidate
from dimgs.law.assemble import assemble, feature_values, refit
from dimgs.law.evaluate import evaluate
from dimgs.law.law import Law
from dimgs.law.names import Names
from dimgs.law.parts import Scores

Array = NDArray[np.float64]
ENGINES = {
    "structured": ("dimgs.engines.structured", "StructuredEngine"),
    "pysr": ("dimgs.engines.pysr", "PySREngine"),
    "operon": ("dimgs.engines.operon", "OperonEngine"),
}
_FEWEST_WITH_HOLDOUT = 40
_FEWEST = 8
_FOLDS = 10
_CONFIRMED = 0.5


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
    """

    law: Law | None
    candidates: tuple[Candidate, ...]
    engine: str
    outcome: Outcome
    message: str
    left_out: float | None = None
    unlogged: Mapping[str, str] = field(default_factory=dict)


def engine_named(name: str) -> Engine:
    """Engine by its name on the command line.

    Raises
    ------
    InputError
        If there is no such engine.
    """
    if name not in ENGINES:
        known = ", ".join(["auto", *ENGINES, "power_law"])
        raise InputError(f"There is no engine '{name}'; choose from {known}.")
    module, attribute = ENGINES[name]
    found = getattr(import_module(module), attribute)()
    assert isinstance(found, Engine)
    return found


def is_searchable(design: Design) -> bool:
    """Whether an engine can be given this design: groups alone, one prefactor, enough runs."""
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
    )


def problem_of(design: Design) -> tuple[Problem, dict[str, str]]:
    """The design as a problem for engines, and the identifier of each unlogged group."""
    identifier = Names.of(design).identifier
    groups: dict[str, Array] = {}
    unlogged: dict[str, str] = {}
    composition: dict[str, dict[str, float]] = {}
    values = feature_values(design)
    taken = {g.name for g in design.basis.groups}
    numbers = (k for k in count(1) if f"pi_{k}" not in taken)
    for feature in design.features:
        if feature.group is not None:
            name = feature.name
            groups[name] = values[name]
            composition[name] = {n: float(e) for n, e in feature.group.exponents}
            continue
        assert feature.variable is not None
        name = f"pi_{next(numbers)}"
        groups[name] = values[identifier[feature.variable]]
        unlogged[name] = identifier[feature.variable]
        composition[name] = {feature.variable: 1.0}
    response = design.basis.response
    assert response is not None
    composition["pi_0"] = {n: float(e) for n, e in response.exponents}
    problem = Problem(
        groups=groups,
        response=np.exp(design.y) if design.scale == "log" else design.y,
        scale="log" if design.scale == "log" else "linear",
        weights=design.weights,
        split=design.split,
        unlogged=tuple(unlogged),
        composition=composition,
    )
    return problem, unlogged


def search(design: Design, options: Options, power: Law) -> Found:
    """Search for a law beyond the power law, with the engine that was asked for.

    Where there are enough runs, a fifth of them (or of the groups of `split`) is set aside before
    the search, so that the held-out score is of runs that neither structure nor constants saw.

    Parameters
    ----------
    design : Design
    options : Options
    power : Law
        The power law, which a candidate must beat on runs left out.

    Returns
    -------
    Found
    """
    start = time.monotonic()
    names = ["structured", "pysr", "operon"] if options.engine == "auto" else [options.engine]
    found = Found(None, (), names[0], "no_candidate", "")
    for name in names:
        left = options.time_limit - (time.monotonic() - start)
        if left <= 0:
            break
        again = _search_with(design, options, power, name, left)
        if again.outcome == "unavailable" and found.candidates:
            continue
        found = again if not found.candidates or again.law is not None else found
        if found.law is not None and _confirmed(found.law):
            break
        if found.law is None and _confirmed(power) and name == "structured":
            break
    return found


def _confirmed(law: Law) -> bool:
    scores = law.scores
    known = scores.holdout_r2_log if scores.holdout_r2_log is not None else scores.cv_r2_log
    known = scores.r2 if known is None else known
    return known is not None and known >= _CONFIRMED


def _search_with(design: Design, options: Options, power: Law, name: str, seconds: float) -> Found:
    rows = _rows_aside(design, options)
    train = design if rows is None else design.take(rows[0])
    problem, unlogged = problem_of(train)
    try:
        engine = engine_named(name)
    except ImportError as error:
        return Found(None, (), name, "unavailable", f"The engine '{name}' cannot start: {error}.")
    result = engine.search(problem, Budget(seconds), options.seed)
    if not result.candidates:
        return Found(None, (), name, result.outcome, result.message)
    chosen = result.candidates[0]
    expression = _in_identifiers(chosen, unlogged)
    nothing = Found(None, result.candidates, name, result.outcome, result.message, None, unlogged)
    if is_monomial(expression):
        return nothing
    try:
        law = assemble(design, expression, chosen.constants, options.level)
    except DimgsError as error:
        return replace(nothing, message=f"{result.message} It is no law: {error}")
    law = law.with_scores(law_scores(design, law, options))
    left_out = better_than(design, law, power, options)
    return nothing if left_out is None else replace(nothing, law=law, left_out=left_out)


def _in_identifiers(candidate: Candidate, unlogged: dict[str, str]) -> sympy.Expr:
    return candidate.expression.xreplace(
        {sympy.Symbol(k): sympy.Symbol(v) for k, v in unlogged.items()}
    )


def is_monomial(expression: sympy.Expr) -> bool:
    """Whether an expression is a product of powers, and so a power law."""
    positive = {s: sympy.Symbol(s.name, positive=True) for s in expression.free_symbols}
    factors = sympy.Mul.make_args(sympy.powdenest(expression.xreplace(positive)))
    return all(
        f.is_Number or f.is_Symbol or (f.is_Pow and f.base.is_Symbol and f.exp.is_number)
        for f in factors
    )


def _predictor(design: Design, law: Law) -> Predictor:
    """Predictor of the target (SI) of other runs, the constants refitted on `design`."""
    names = sorted(c.name for c in law.constants if c.origin == "fitted")
    start = {c.name: c.value for c in law.constants if c.origin == "fitted"}
    found = refit(design, law.pi_expression, start)
    known = law.constant_values | dict(zip(names, found.values, strict=True))

    def predict(part: Design) -> Array:
        values = evaluate(law.pi_expression, {**feature_values(part), **known}, part.n_runs)
        return values * np.exp(part.offset)

    return predict


def _target(design: Design) -> Array:
    if design.scale == "log":
        return np.exp(log_target(design))
    return np.asarray(design.y * np.exp(design.offset))


def left_out_predictions(design: Design, law: Law, seed: int) -> Array:
    """Target of ten folds of runs (or groups), the constants refitted without each."""
    out = np.full(design.n_runs, np.nan)
    for test in folds(design, seed, _FOLDS):
        part, rest = design.take(np.flatnonzero(test)), design.take(np.flatnonzero(~test))
        try:
            out[test] = _predictor(rest, law)(part)
        except DimgsError:
            continue
    return out


def _log(values: Array) -> Array | None:
    return np.log(values) if np.all(values > 0) else None


def _rows_aside(
    design: Design, options: Options
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    return holdout_rows(design, options.seed) if design.n_runs >= _FEWEST_WITH_HOLDOUT else None


def law_scores(design: Design, law: Law, options: Options) -> Scores:
    """Scores of a law that :func:`dimgs.law.assemble.assemble` made, by runs left out."""
    rows = _rows_aside(design, options)
    values = law.predict_si(design.data)
    truth = _target(design)
    fitted = _log(values)
    if design.scale != "log" or fitted is None:
        return Scores(None, None, None, r2(truth - values, truth))
    left_out = _log(left_out_predictions(design, law, options.seed))
    gap = None if left_out is None else log_target(design) - left_out
    scores = scores_of(design, fitted, gap, None, options.seed)
    if rows is None:
        return scores
    train, test = design.take(rows[0]), design.take(rows[1])
    try:
        predicted = _log(_predictor(train, law)(test))
    except DimgsError:
        return scores
    reference = log_target(test) - float(log_target(train).mean())
    total = float(reference @ reference)
    if predicted is None or total == 0.0:
        return scores
    errors = log_target(test) - predicted
    held = 1.0 - float(errors @ errors) / total
    return replace(scores, holdout_r2_log=held, holdout_n=test.n_runs)


def better_than(design: Design, law: Law, power: Law, options: Options) -> float | None:
    """R² on runs left out, None unless it is better than the power law's and the mean's.

    On the logarithm where the law is positive on all of them, else on the target itself.
    """
    mine = left_out_predictions(design, law, options.seed)
    if not np.all(np.isfinite(mine)):
        return None
    truth = _target(design)
    known = power.scores.cv_r2_log
    logs = _log(mine) if design.scale == "log" else None
    if logs is not None and known is not None:
        own = r2(log_target(design) - logs, log_target(design), least=1.0)
    else:
        own, known = r2(truth - mine, truth), power.scores.r2
    return own if own is not None and own > max(known or 0.0, 0.0) else None
