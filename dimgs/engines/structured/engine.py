"""The embedded engine: deterministic, in double precision, from the simple to the rich."""

from time import monotonic

import numpy as np

from dimgs.engines.protocol import Budget, CutBy, Outcome, Problem, Result
from dimgs.engines.structured.archive import Archive, OutOfBudget
from dimgs.engines.structured.bench import Bench
from dimgs.engines.structured.finish import candidates_of, is_explained, on_all_runs, thinned
from dimgs.engines.structured.noise import judged, started
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import evaluate

_PATIENCE = 12.0
_GAIN = 1.0
_PASSES = 4
_FEWEST_RUNS, _MOST_RUNS = 5, 400
_UNUSABLE = (ArithmeticError, ValueError, np.linalg.LinAlgError)


class StructuredEngine:
    """Search in stages; a later one starts only if the law so far leaves something to explain.

    Of many runs 400 are searched; the best laws are then fitted to all runs and chosen by them.

    a. power law with rational exponents (|p| <= 8, denominators up to 6);
    b. power law times one factor of the library of physics;
    c. two and three factors; sums of monomials and of monomials times functions; their ratios;
       the same for transformed responses;
    d. sums of monomials with free exponents; enumeration of small trees, then a seeded genetic
       search.

    Parameters
    ----------
    stages : str
        Which stages run, by their letters.

    Examples
    --------
    >>> x = np.geomspace(0.1, 5.0, 40)
    >>> problem = Problem({"pi_1": x}, 3 * np.sqrt(x) / (1 + 2 * x))
    >>> result = StructuredEngine().search(problem, Budget(60))
    >>> at_2 = float(result.candidates[0].numeric.subs("pi_1", 2))
    >>> result.outcome, bool(np.isclose(at_2, 3 * np.sqrt(2) / 5, rtol=1e-12))
    ('converged', True)
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
        some = thinned(problem, _MOST_RUNS)
        archive = Archive(Runs.of(some), start + budget.seconds, budget.evaluations)
        cut: CutBy | None = None
        message = "every stage was searched"
        with threadpool_limits(1), np.errstate(all="ignore"):
            try:
                message = self._stages(archive, seed)
            except OutOfBudget as spent:
                cut, message = spent.by, str(spent)
            except KeyboardInterrupt:
                cut, message = "interrupt", "interrupted; this is the best so far"
            message += archive.trouble
            if some is not problem:
                archive = on_all_runs(archive, problem)
            if not archive.explained and not is_explained(archive):
                message += "; it is a surrogate, not confirmed: its residuals depend on the groups"
            candidates = candidates_of(archive, problem, self.name)
        if not candidates:
            return Result((), "no_candidate", f"No law: {message}.", monotonic() - start, cut=cut)
        outcome: Outcome = "converged" if cut is None else "timeout"
        taken = monotonic() - start
        return Result(candidates, outcome, f"{candidates[0]}: {message}.", taken, cut=cut)

    def _stages(self, archive: Archive, seed: int) -> str:
        if not np.any(archive.runs.y):
            return "the response is zero in every run"
        try:
            archive.runs = started(archive.runs)
        except _UNUSABLE as error:
            archive.trouble = _trouble(error)
        done: set[int] = set()
        for _ in range(_PASSES):
            message = self._pass(archive, Bench(archive, seed), done)
            if message is not None:
                return message
        return "every stage was searched"

    def _pass(self, archive: Archive, bench: Bench, done: set[int]) -> str | None:
        """One pass through the stages; of those steps already done the long ones come last.

        Returns
        -------
        str or None
            None if the errors turn out to be other ones: all is to be searched again.
        """
        bits, idle, last = np.inf, 0, None
        steps = [(k, s) for k, s in enumerate(bench.steps()) if s.stage in self.stages]
        steps.sort(key=lambda s: (s[1].last, s[0] in done and not s[1].quick))
        quick = sum(step.quick for _, step in steps)
        for k, step in steps:
            tired = step.last or (quick <= 0 and idle > patience(archive))
            if tired and is_explained(archive):
                return "leaves nothing that depends on the groups"
            try:
                step.run()
            except _UNUSABLE as error:
                archive.trouble = _trouble(error)
            done.add(k)
            quick -= step.quick
            if archive.settled:
                return "explains every run to the precision of the numbers"
            if not archive.runs.n_groups:
                return "there is no group that it could depend on"
            now = np.inf if archive.best is None else archive.best.bits
            idle = 0 if now < bits - _GAIN else idle + 1
            bits = min(bits, now)
            news = (archive.best, quick == 0)
            if archive.renewals < _PASSES - 1 and (idle == 0 or quick == 0) and news != last:
                last = news
                runs = _renewed(archive, settled=quick == 0)
                if runs is not bench.runs:
                    archive.renew(runs)
                    return None
        if archive.explained:
            return "explains every run to the precision of the numbers"
        return "every stage was searched"


def _renewed(archive: Archive, *, settled: bool) -> Runs:
    """The runs as the best law so far judges their errors."""
    if archive.best is None or archive.explained:
        return archive.runs
    return judged(archive.runs, evaluate(archive.best.tree, archive.runs)[0], settled=settled)


def _trouble(error: Exception) -> str:
    return f"; a step ended early on numbers that it could not use ({error})"


def patience(archive: Archive) -> float:
    """How many steps that find nothing better are enough: more for a longer law."""
    return np.inf if archive.best is None else archive.best.structure / _PATIENCE
