"""Distillation of a deep potential: its clean values become candidates of laws.

The potential is fitted on the runs. Engines search on its values at runs without their noise and
between them. Every constant is fitted again on the runs, and the runs left out decide, as for any
other candidate.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.spatial import cKDTree

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError
from dimgs.dataset import Dataset
from dimgs.discovery.limits import limits_in_groups
from dimgs.discovery.options import Options
from dimgs.discovery.scoring import log_target, r2, rows_aside
from dimgs.discovery.study import problem_of
from dimgs.engines.protocol import Clock, SearchBudget
from dimgs.engines.refit import refit, select
from dimgs.engines.registry import ALL, embedded, entry_named
from dimgs.expression.candidate import Candidate
from dimgs.fits.design import Design
from dimgs.fits.potential import ContrastivePotential, Limit, Physics
from dimgs.law.limits import LimitInGroups

# of fewer runs a network in folds learns hardly more than a power law
_FEWEST = 20
# runs between which new ones are mixed: those of a simplex in five groups
_NEIGHBOURS = 6
# runs in place of the measured ones: enough for a search, which slows with more
_FEWEST_DENSE, _MOST_DENSE = 120, 300
# weight of the least certain, so that ends of the range still count, and the noise that all have
_LIGHTEST = 0.1
_FLOOR = 0.01


@dataclass(frozen=True, eq=False)
class PotentialTeacher:
    """A fitted deep potential as teacher of a search.

    Parameters
    ----------
    potential : ContrastivePotential
    runs : Design
        What it was fitted on.
    dense : Design
        Runs without noise, and between them.
    """

    potential: ContrastivePotential
    runs: Design
    dense: Design

    def left_out_r2(self) -> float:
        """R² of ln(target) on runs left out."""
        truth = log_target(self.runs)
        return r2(np.full_like(truth, self.potential.cv_rmse_), truth, least=1.0) or 0.0


def fit_teacher(design: Design, options: Options) -> PotentialTeacher | str:
    """A potential fitted on the runs, or the reason why there is none.

    Parameters
    ----------
    design : Design
        As engines take it.
    options : Options

    Raises
    ------
    EngineUnavailableError
        If torch is not installed.
    """
    if design.scale != "log":
        return "The deep potential is not used: it needs a positive response and groups only."
    rows = rows_aside(design, options)
    runs = design if rows is None else design.take(rows[0])
    if runs.n_runs < _FEWEST:
        return f"The deep potential is not used: it needs {_FEWEST} runs, not {runs.n_runs}."
    limits, _ = limits_in_groups(runs, options.known_limits)
    physics = Physics(limits=[_asymptote(limit, runs) for limit in limits]) if limits else None
    potential = ContrastivePotential(physics=physics, random_state=options.seed)
    try:
        potential.fit(runs.X, runs.y, sample_weight=runs.weights, groups=runs.split)
    except FitError as error:
        return f"The deep potential is not used: {error}"
    if not np.isfinite(potential.smoothness_):
        return "The deep potential does not differ from a power law on these runs."
    return PotentialTeacher(potential, runs, dense_runs(runs, potential, options.seed))


def _asymptote(bound: LimitInGroups, design: Design) -> Limit:
    """A known limit as the potential takes it."""
    weight, along = ([float(e) for e in es] for es in (bound.group, bound.direction))
    # what the group has beside the features' product, such as constants, is the same in every run
    value = bound.limit.value(bound.logs(design))
    beyond = float(np.median(design.X @ weight - value)) + np.log(bound.limit.beyond)
    end: Literal["low", "high"] = "high" if bound.limit.upward else "low"
    return Limit(weight, end, bound.growth, along, beyond)


def candidates_of(
    teacher: PotentialTeacher, options: Options, clock: Clock
) -> tuple[Candidate, ...]:
    """Candidates that a search on what a potential knows finds, their constants fitted on the runs.

    Parameters
    ----------
    teacher : PotentialTeacher
    options : Options
    clock : Clock
    """
    problem = problem_of(teacher.runs)
    name = embedded() if options.engine == ALL else options.engine
    seconds, step = clock.to_search, "the search on a deep potential"
    if seconds <= 0:
        clock.cut("time", step)
        return ()
    try:
        engine = entry_named(name).make()
    except ImportError:
        return ()
    budget = SearchBudget(seconds, options.budget)
    result = engine.search(problem_of(teacher.dense), budget, options.seed)
    if result.cut is not None:
        clock.cut(result.cut, step)
    fitted: dict[str, Candidate] = {}
    for candidate in result.candidates:
        again = replace(refit(candidate, problem), engine="deep")
        if np.isfinite(again.loss):
            fitted.setdefault(str(again), again)
    return select(fitted.values(), problem)


def dense_runs(design: Design, potential: ContrastivePotential, seed: int) -> Design:
    """The runs without their noise, and as many more between each and a neighbour.

    Parameters
    ----------
    design : Design
        On the log scale, without a label that keeps its own prefactor.
    potential : ContrastivePotential
        Fitted on the design.
    seed : int

    Returns
    -------
    Design
        Its weights are the inverse variances of the potential there, between 0.1 and 1 times
        their largest.
    """
    rng = np.random.default_rng(seed)
    mixing = _mixing(potential.potentials_[0].axes.apply(design.X), rng)
    X = mixing @ design.X
    offset = mixing @ design.offset
    y = potential.predict(X)
    data = _mixed(design, mixing, np.exp(y + offset))
    return replace(
        design,
        data=data,
        X=X,
        y=y,
        offset=offset,
        weights=_certainty(potential, X),
        split=None,
        input_errors=None,
    )


def _mixing(places: Array, rng: np.random.Generator) -> Array:
    """Weights of the runs in each new one, shape (n_new, n_runs)."""
    n = len(places)
    count = int(np.clip(2 * n, _FEWEST_DENSE, _MOST_DENSE))
    some = np.arange(n) if n <= count // 2 else np.sort(rng.choice(n, count // 2, replace=False))
    new = np.zeros((count, n))
    new[np.arange(len(some)), some] = 1.0
    near = np.asarray(cKDTree(places).query(places, min(_NEIGHBOURS, n - 1) + 1)[1])
    for row in range(len(some), count):
        run = int(rng.integers(n))
        other = int(rng.choice(near[run, 1:]))
        share = float(rng.uniform())
        new[row, run] += share
        new[row, other] += 1.0 - share
    return new


def _mixed(design: Design, mixing: Array, response: Array) -> Dataset:
    """The table of the new runs: logarithms are mixed, but for what enters without one."""
    data = design.data
    plain = {f.variable for f in design.features if f.contrast == "difference"}
    first = np.argmax(mixing, axis=1)
    values = {}
    for variable in data.variables:
        column = data[variable.name]
        if variable.name == design.target.name:
            values[variable.name] = response
        elif variable.is_label:
            values[variable.name] = column[first]
        elif variable.name in plain or np.any(column <= 0):
            values[variable.name] = mixing @ column
        else:
            values[variable.name] = np.exp(mixing @ np.log(column))
    return Dataset(data.variables, values, source=data.source)


def _certainty(potential: ContrastivePotential, X: Array) -> Array:
    """Inverse variance of the potential, by runs left out and by beginnings."""
    fitted = potential.potentials_[0]
    by_fold, _ = fitted.by_fold(X)
    variance = by_fold.var(axis=0) + fitted.members(X).var(axis=0)
    weights = 1.0 / (variance + _FLOOR * potential.cv_rmse_**2)
    return np.asarray(np.maximum(weights / weights.max(), _LIGHTEST))
