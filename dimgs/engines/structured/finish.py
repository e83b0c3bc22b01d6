"""From fitted trees to candidates: constants made simple where the runs allow, the front chosen."""

import numpy as np

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
