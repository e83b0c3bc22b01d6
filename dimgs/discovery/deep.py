"""Distillation of a deep potential: its clean values and exponents become candidates of laws.

The potential is fitted on the runs. Engines search on its values at runs without their noise and
between them; its exponents along one input are turned into closed forms. Every constant is fitted
again on the runs, and the runs left out decide, as for any other candidate.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import sympy
from numpy.typing import NDArray

from dimgs.design.features import Design
from dimgs.discovery.clock import Clock
from dimgs.discovery.dense import dense_runs
from dimgs.discovery.distil.directions import Argument, Direction, directions
from dimgs.discovery.distil.fields import Fields
from dimgs.discovery.distil.forms import Search, elementary, searched
from dimgs.discovery.distil.rebuild import laws_of
from dimgs.discovery.judge import rows_aside
from dimgs.discovery.options import Options
from dimgs.discovery.scoring import log_target, r2
from dimgs.discovery.search import Found, chosen, engine_named, problem_of
from dimgs.engines.protocol import Budget, Result
from dimgs.engines.refit import refit
from dimgs.engines.registry import ALL, embedded
from dimgs.engines.selection import select
from dimgs.errors import DimgsError, FitError
from dimgs.expression.candidate import Candidate
from dimgs.fits.potential import ContrastivePotential
from dimgs.law.law import Law
from dimgs.law.names import Names

Array = NDArray[np.float64]
_FEWEST = 20
_SHARE_OF_VALUES = 0.6
_ELEMENTARY = 6
_DIRECTIONS = 2
_BENDS = 0.5
_CLEAR = 2.0
_PARAMETERS = 0.2


@dataclass(frozen=True, eq=False)
class Taught:
    """What a potential knows of the runs.

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


def taught(design: Design, options: Options) -> Taught | str:
    """A potential fitted on the runs, or the reason why there is none.

    Parameters
    ----------
    design : Design
        On the log scale, as engines take it.
    options : Options

    Raises
    ------
    EngineUnavailableError
        If torch is not installed.
    """
    rows = rows_aside(design, options)
    runs = design if rows is None else design.take(rows[0])
    if runs.n_runs < _FEWEST:
        return f"The deep potential takes no part: {runs.n_runs} runs are fewer than {_FEWEST}."
    potential = ContrastivePotential(random_state=options.seed)
    try:
        potential.fit(runs.X, runs.y, sample_weight=runs.weights, groups=runs.split)
    except FitError as error:
        return f"The deep potential takes no part: {error}"
    if not np.isfinite(potential.smoothness_):
        return "A deep potential finds nothing beyond a power law in these runs."
    return Taught(potential, runs, dense_runs(runs, potential, options.seed))


def search_taught(
    known: Taught, design: Design, options: Options, other: Law, clock: Clock
) -> Found:
    """Search for a law on what a potential knows; its constants are fitted on the runs.

    Parameters
    ----------
    known : Taught
    design : Design
        All runs.
    options : Options
    other : Law
        What a candidate must beat on runs left out.
    clock : Clock

    Returns
    -------
    Found
    """
    problem, unlogged = problem_of(known.runs)
    result = _from_values(known, options, _SHARE_OF_VALUES * clock.to_search)
    if result.cut is not None:
        clock.cut(result.cut, "the search on a deep potential")
    laws = [*result.candidates, *_from_exponents(known, options, clock, unlogged)]
    fitted: dict[str, Candidate] = {}
    for candidate in laws:
        again = refit(candidate, problem)
        if np.isfinite(again.loss):
            fitted.setdefault(str(again), again)
    front = select(fitted.values(), problem)
    results = {"deep": replace(result, candidates=front)}
    return chosen(design, options, other, problem, results, unlogged, clock)


def _from_values(known: Taught, options: Options, seconds: float) -> Result:
    """Candidates of the engine on the clean runs."""
    problem, _ = problem_of(known.dense)
    name = embedded() if options.engine == ALL else options.engine
    exponents = known.potential.exponents(known.dense.X)
    fields = {
        f.name: exponents[:, j]
        for j, f in enumerate(known.dense.features)
        if f.group is not None and np.ptp(exponents[:, j]) > 0
    }
    problem = replace(problem, fields=fields)
    if seconds <= 0:
        return Result((), "timeout", "No time was left.", 0.0, cut="time")
    try:
        engine = engine_named(name)
    except ImportError as error:
        return Result((), "unavailable", f"The engine '{name}' cannot start: {error}.", 0.0)
    return engine.search(problem, Budget(seconds, options.evaluations), options.seed)


def _from_exponents(
    known: Taught, options: Options, clock: Clock, unlogged: dict[str, str]
) -> Iterator[Candidate]:
    """Candidates with an exponent that is a closed form of the other groups."""
    pairs = zip(directions(known.dense), directions(known.runs), strict=True)
    found = []
    for there, here in pairs:
        fields = exponent_along(known, there)
        if fields is not None:
            found.append((float(np.std(fields.exponent)), there, here, fields))
    found.sort(key=lambda item: (-item[0], item[1].variable))
    back = {sympy.Symbol(v): sympy.Symbol(k) for k, v in unlogged.items()}
    for k, (_, there, here, fields) in enumerate(found[:_DIRECTIONS]):
        if clock.over:
            clock.cut("time", "the distillation of a deep potential")
            return
        seconds = max(clock.to_search, 0.0) / (min(len(found), _DIRECTIONS) - k)
        search = Search(seconds, options.seed, options.evaluations, clock)
        forms = elementary(fields, there.sets, _ELEMENTARY)
        laws = laws_of(known.runs, here, fields, forms, search.part(0.0))
        if not any(fields.explained_by(law.rmse, known.runs.n_runs) for law in laws):
            forms = searched(
                fields.exponent, fields.weights, there.z, fields.rows, search.part(0.6), log=False
            )
            laws += laws_of(known.runs, here, fields, forms, search.part(0.4))
        for law in laws:
            try:
                yield Candidate.of(
                    law.form.expression.xreplace(back),
                    law.form.constants,
                    loss=law.rmse**2,
                    scale="log",
                    engine="deep",
                )
            except DimgsError:
                continue


def exponent_along(known: Taught, direction: Direction) -> Fields | None:
    """The potential's exponent of x at equal z; None where it depends on x, or hardly varies.

    Parameters
    ----------
    known : Taught
    direction : Direction
        Of the dense runs.
    """
    rows = [_powers(a, known.dense) for a in (direction.x, *direction.z)]
    if any(row is None for row in rows):
        return None
    turn = np.array(rows)
    p = known.dense.X.shape[1]
    if turn.shape != (p, p) or np.linalg.matrix_rank(turn) < p:
        return None
    along = np.linalg.inv(turn)[:, 0]
    points = known.dense.X
    exponent = known.potential.exponents(points) @ along
    bend = np.einsum("nij,i,j->n", known.potential.mixed_derivatives(points), along, along)
    spread = float(np.std(exponent))
    if float(np.sqrt(np.mean(bend**2))) * float(np.std(points @ turn[0])) > _BENDS * spread:
        return None
    model = known.potential.model_
    folds = model.slopes(np.concatenate(model.held_out), points)[:, :, 0] @ along
    variance = folds.var(axis=0)
    variance = variance + 1e-3 * float(np.mean(variance)) + 1e-12
    if spread < _CLEAR * float(np.sqrt(np.median(variance))):
        return None
    n = known.runs.n_runs
    every = np.arange(len(points))
    sd = float(known.potential.cv_rmse_)
    return Fields(every, exponent, 1.0 / variance, sd, (1.0 - _PARAMETERS) * n, True, every)


def _powers(argument: Argument, design: Design) -> Array | None:
    """Exponents of the features in a monomial, or the single unlogged one."""
    identifier = Names.of(design).identifier
    names = [
        f.name if f.group is not None else identifier[str(f.variable)] for f in design.features
    ]
    out = np.zeros(len(names))
    for symbol, power in argument.expression.as_powers_dict().items():
        if str(symbol) not in names or not power.is_number:
            return None
        out[names.index(str(symbol))] = float(power)
    return out
