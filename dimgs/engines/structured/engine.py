"""The embedded engine: deterministic, in double precision, from the simple to the rich."""

from collections.abc import Callable
from time import monotonic

import numpy as np

from dimgs.engines.protocol import Budget, Outcome, Problem, Result
from dimgs.engines.structured.archive import Archive, OutOfBudget
from dimgs.engines.structured.factors import Factors
from dimgs.engines.structured.finish import candidates_of, unexplained
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.sums import Sums
from dimgs.engines.structured.targets import functions, powers, response, shifted

_NOTHING_LEFT = 0.05
_FEWEST_RUNS = 5
STAGES = ("a", "b", "c", "d")


class StructuredEngine:
    """Search in stages; a later one starts only if the law so far leaves something to explain.

    a. power law with rational exponents (|p| <= 8, denominators up to 6);
    b. power law times one factor of the library of physics;
    c. two and three factors; sums of monomials and of monomials times functions; their ratios;
       the same for transformed responses;
    d. enumeration of small trees, then a seeded genetic search.

    Parameters
    ----------
    stages : str
        Which stages run, by their letters.

    Examples
    --------
    >>> x = np.geomspace(0.1, 5.0, 40)
    >>> problem = Problem({"pi_1": x}, 3 * np.sqrt(x) / (1 + 2 * x))
    >>> result = StructuredEngine().search(problem, Budget(60))
    >>> result.outcome, str(result.candidates[0].simplified().numeric.evalf(3))
    ('converged', '3.0*pi_1**0.5/(2.0*pi_1 + 1.0)')
    """

    name = "structured"

    def __init__(self, stages: str = "abcd") -> None:
        self.stages = stages

    def search(self, problem: Problem, budget: Budget, seed: int = 0) -> Result:
        """Pareto front of candidates, the chosen one first.

        Parameters
        ----------
        problem : Problem
        budget : Budget
        seed : int

        Returns
        -------
        Result
            The outcome is "converged" if a law explains the runs to the precision of the numbers,
            or leaves no residual that depends on the groups, or every stage ran to its end.
        """
        from threadpoolctl import threadpool_limits

        start = monotonic()
        if problem.n_runs < _FEWEST_RUNS:
            message = f"{problem.n_runs} runs cannot support a law; {_FEWEST_RUNS} are needed."
            return Result((), "no_candidate", message, monotonic() - start)
        archive = Archive(Runs.of(problem), start + budget.seconds, budget.evaluations)
        outcome: Outcome = "converged"
        message = "every stage was searched"
        with threadpool_limits(1), np.errstate(all="ignore"):
            try:
                message = self._stages(archive, seed)
            except OutOfBudget:
                outcome, message = "timeout", "the budget was spent before the search was complete"
            except KeyboardInterrupt:
                outcome, message = "timeout", "interrupted; this is the best so far"
            candidates = candidates_of(archive, problem, self.name)
        if not candidates:
            return Result((), "no_candidate", f"No law: {message}.", monotonic() - start)
        return Result(candidates, outcome, f"{candidates[0]}: {message}.", monotonic() - start)

    def _stages(self, archive: Archive, seed: int) -> str:
        runs = archive.runs
        if not np.any(runs.y):
            return "the response is zero in every run"
        for stage, step in self._steps(archive, seed):
            if stage not in self.stages:
                continue
            step()
            if archive.exact:
                return "explains every run to the precision of the numbers"
            if stage != "a" and unexplained(archive) < _NOTHING_LEFT:
                return "leaves nothing that depends on the groups"
        return "every stage was searched"

    def _steps(self, archive: Archive, seed: int) -> list[tuple[str, Callable[[], None]]]:
        runs = archive.runs
        built: list[Factors] = []
        sums: list[Sums] = []

        def one() -> None:
            built.append(Factors.of(runs))
            built[0].alone([response(runs), *functions(runs), *shifted(runs, 6)], archive)

        def two() -> None:
            built[0].several(response(runs), archive)

        def monomials() -> None:
            sums.append(Sums(runs))
            for target in [*powers(runs), *functions(runs)]:
                sums[0].monomials(target, archive)

        return [("b", one), ("c", monomials), ("c", two)]
