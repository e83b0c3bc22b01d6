"""From fitted trees to candidates: constants made simple where the runs allow, the front chosen."""

import numpy as np

from dimgs.engines.choice import leftover, noise_of
from dimgs.engines.protocol import Problem
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.fitting import Fitted, residuals_of
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.simple import simplified
from dimgs.engines.structured.trees import to_sympy
from dimgs.errors import LawError
from dimgs.expression.candidate import Candidate

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
_FRONT = 12


def unexplained(archive: Archive) -> float:
    """Share of the best law's residuals that still depends on the groups (1 without a law)."""
    best = archive.best
    if best is None:
        return 1.0
    left = residuals_of(best.tree, archive.runs)
    if left is None:
        return 1.0
    return leftover(whitened(archive.runs), left[0])


def noise(archive: Archive) -> float:
    """Noise of the response on the scale of the residuals, from near neighbours."""
    best = archive.best
    left = None if best is None else residuals_of(best.tree, archive.runs)
    return np.nan if left is None else noise_of(whitened(archive.runs), left[0])


def whitened(runs: Runs) -> Array:
    """Log groups (values of those that are not logged) of unit covariance."""
    X = np.where(runs.logged, runs.logs, runs.values)
    X = X - X.mean(axis=0)
    U, s, _ = np.linalg.svd(X, full_matrices=False)
    kept = s > 1e-10 * s.max(initial=0.0)
    return np.asarray(U[:, kept] * np.sqrt(len(X)))


def candidates_of(archive: Archive, problem: Problem, engine: str) -> tuple[Candidate, ...]:
    """The front as candidates, the law of the fewest bits first."""
    chosen: list[Fitted] = [simplified(f, archive.runs) for f in archive.front(_FRONT)]
    chosen.sort(key=lambda f: (f.bits, repr(f.tree)))
    out: list[Candidate] = []
    for fitted in chosen:
        expression, constants = to_sympy(fitted.tree, archive.runs.names)
        try:
            candidate = Candidate.of(
                expression, constants, loss=fitted.loss, scale=problem.scale, engine=engine
            )
        except LawError:
            continue
        if str(candidate) not in {str(c) for c in out}:
            out.append(candidate)
    return tuple(out)
