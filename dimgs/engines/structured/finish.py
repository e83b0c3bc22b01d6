"""From fitted trees to candidates: constants made simple where the runs allow, the front chosen."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.choice import is_white
from dimgs.engines.protocol import Problem
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.fitting import Fitted, residuals_of
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.simple import simplified
from dimgs.engines.structured.trees import Tree, evaluate, to_sympy
from dimgs.errors import LawError
from dimgs.expression.candidate import Candidate

_FRONT, _SIMPLIFIED = 12, 30


def is_explained(archive: Archive) -> bool:
    """Whether nothing that depends on the groups is left by the best law."""
    best = archive.best
    left = None if best is None else residuals_of(best.tree, archive.runs)
    return left is not None and is_white(archive.runs.places, left[0])


def thinned(problem: Problem, most: int) -> Problem:
    """Some of the runs, always the same ones; the problem itself where it has no more."""
    n = problem.n_runs
    if n <= most:
        return problem
    rows = np.sort(np.random.default_rng(n).choice(n, most, replace=False))

    def taken(values: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if values is None else np.asarray(values)[rows]

    return replace(
        problem,
        groups={name: values[rows] for name, values in problem.groups.items()},
        response=problem.response[rows],
        weights=taken(problem.weights),
        split=taken(problem.split),
        fields={name: np.asarray(values)[rows] for name, values in problem.fields.items()},
        unit=taken(problem.unit),
    )


def on_all_runs(archive: Archive, problem: Problem) -> Archive:
    """The best trees of a search of some runs, fitted to all."""
    whole = Archive(Runs.of(problem).with_errors(archive.runs.errors), np.inf)
    for fitted in archive.front(_FRONT, _SIMPLIFIED):
        whole.add(fitted.tree)
    return whole


def candidates_of(archive: Archive, problem: Problem, engine: str) -> tuple[Candidate, ...]:
    """The front as candidates, the law of the fewest bits first."""
    chosen: list[Fitted] = [simplified(f, archive.runs) for f in archive.front(_FRONT, _SIMPLIFIED)]
    chosen.sort(key=lambda f: (f.bits, repr(f.tree)))
    out: list[Candidate] = []
    for fitted in chosen:
        expression, constants = to_sympy(fitted.tree, archive.runs.names)
        try:
            candidate = Candidate.of(
                expression,
                constants,
                loss=loss_of(fitted.tree, archive.runs),
                scale=problem.scale,
                engine=engine,
            )
        except LawError:
            continue
        if str(candidate) not in {str(c) for c in out}:
            out.append(candidate)
    return tuple(out)


def loss_of(tree: Tree, runs: Runs) -> float:
    """Weighted mean square of the residuals on the scale of the problem, whatever the errors."""
    value = evaluate(tree, runs)[0]
    left = np.log(value / runs.y) if runs.positive else value - runs.y
    return float(np.mean(runs.weights * left**2))
