"""The embedded engine: deterministic, in double precision, from the simple to the rich."""

from collections.abc import Callable
from functools import partial
from time import monotonic

import numpy as np

from dimgs.engines.protocol import Budget, Outcome, Problem, Result
from dimgs.engines.structured.archive import Archive, OutOfBudget
from dimgs.engines.structured.arguments import Arguments
from dimgs.engines.structured.enumeration import enumerated
from dimgs.engines.structured.factors import Factors, power_law
from dimgs.engines.structured.finish import candidates_of, unexplained
from dimgs.engines.structured.genetic import genetic_search
from dimgs.engines.structured.quadratic import quadratic_forms
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.sums import Sums
from dimgs.engines.structured.targets import (
    Target,
    functions,
    powers,
    response,
    shifted,
    shifted_squares,
)

_NOTHING_LEFT = 0.05
_IDLE = 4
_GAIN = 1.0
_FEWEST_RUNS = 5


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
            except (ValueError, np.linalg.LinAlgError) as error:
                message = f"the search ended early on numbers that it could not use ({error})"
            candidates = candidates_of(archive, problem, self.name)
        if not candidates:
            return Result((), "no_candidate", f"No law: {message}.", monotonic() - start)
        return Result(candidates, outcome, f"{candidates[0]}: {message}.", monotonic() - start)

    def _stages(self, archive: Archive, seed: int) -> str:
        runs = archive.runs
        if not np.any(runs.y):
            return "the response is zero in every run"
        bits, idle = np.inf, 0
        for stage, step in self._steps(archive, seed):
            if stage not in self.stages:
                continue
            if (stage == "d" or idle >= _IDLE) and unexplained(archive) < _NOTHING_LEFT:
                return "leaves nothing that depends on the groups"
            step()
            if archive.exact:
                return "explains every run to the precision of the numbers"
            if not runs.n_groups:
                return "there is no group that it could depend on"
            now = np.inf if archive.best is None else archive.best.bits
            idle = idle + 1 if now >= bits - _GAIN and stage == "c" else 0
            bits = min(bits, now)
        return "every stage was searched"

    def _steps(self, archive: Archive, seed: int) -> list[tuple[str, Callable[[], None]]]:
        runs = archive.runs
        itself, others = response(runs), [*powers(runs)[1:], *functions(runs)]
        factors = cached(lambda: Factors.of(runs))
        sums = Sums(runs)

        def for_each(step: Callable[..., None], targets: list[Target]) -> Callable[[], None]:
            def run() -> None:
                for target in targets:
                    step(target, archive)
                    if archive.exact:
                        return

            return run

        def one() -> None:
            factors().alone([itself, *functions(runs), *shifted(runs, 6)], archive)

        grown: list[Arguments] = []

        def small_trees() -> None:
            grown.append(enumerated(runs, 9000, archive))
            bank = Factors.over(runs, grown[0])
            bank.alone([itself, *others, *shifted(runs, 8)], archive)
            if not archive.exact:
                bank.several(itself, archive, share=0.6, most=2)

        def two(target: Target, archive: Archive) -> None:
            factors().several(target, archive, share=0.4, most=2)

        return [
            (
                "a",
                for_each(partial(power_law, runs), [itself, *functions(runs), *shifted(runs, 6)]),
            ),
            ("b", one),
            ("c", for_each(sums.monomials, [itself, *others])),
            ("c", for_each(sums.ratios, [itself])),
            ("c", for_each(partial(quadratic_forms, sums), powers(runs))),
            ("c", lambda: factors().several(itself, archive, share=0.6, most=2)),
            ("c", for_each(partial(sums.functions, count=1500), [itself, *powers(runs)[1:]])),
            ("c", for_each(sums.functions, [itself, *others])),
            ("c", for_each(sums.ratios, others)),
            ("c", for_each(sums.monomials, shifted_squares(runs, 5))),
            ("c", lambda: factors().several(itself, archive)),
            ("c", for_each(partial(sums.ratios, functions=250), [itself, *functions(runs)])),
            ("c", for_each(two, functions(runs))),
            ("c", for_each(sums.squares, [itself, *others])),
            ("c", for_each(two, shifted(runs, 8))),
            ("d", small_trees),
            ("d", lambda: genetic_search(archive, grown[0], seed)),
        ]


def cached(make: Callable[[], Factors]) -> Callable[[], Factors]:
    """Make it at the first call only."""
    made: list[Factors] = []

    def get() -> Factors:
        if not made:
            made.append(make())
        return made[0]

    return get
