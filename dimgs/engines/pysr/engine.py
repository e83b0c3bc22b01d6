"""The engine of symbolic regression on PySR and SymbolicRegression.jl."""

import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.common.errors import EngineUnavailableError
from dimgs.engines.protocol import CutBy, Outcome, Problem, Result, SearchBudget
from dimgs.engines.pysr.guesses import julia_guesses
from dimgs.engines.pysr.options import near_one, operators_of, parameters_of
from dimgs.engines.pysr.runtime import load_pysr
from dimgs.engines.translate import front_of, to_candidate
from dimgs.expression.candidate import Candidate
from dimgs.fits.noise import EXACT

if TYPE_CHECKING:
    import sympy

# laws to start from: more of them crowd out what the search itself makes
_MOST_GUESSES = 10
# of the budget, and at most so many seconds, to refit what was found
_SHARE_OF_REFIT, _LONGEST_REFIT = 0.1, 5.0
# seconds that a second try gets at least, so that Julia reads the limit
_SHORTEST = 0.1
# a start-up that is worth a word
_NOTICED = 1.0


@dataclass(frozen=True)
class _Front:
    """Outcome of one call of PySR.

    PySR's limit counts from when its functions are compiled: `searched` is what the limit bounds,
    `late` what the call took beyond it.
    """

    expressions: "tuple[sympy.Expr, ...]" = ()
    interrupted: bool = False
    failure: str = ""
    searched: float = 0.0
    late: float = 0.0


class PySREngine:
    """Search with PySR (1.5.10 to 2.x), which needs Julia.

    PySR gets dimensionless groups and the response, with a loss on its scale (the squared log-ratio
    for a positive one). Every constant is then fitted again in double precision. A search takes all
    threads unless it is deterministic.

    Parameters
    ----------
    guesses : sequence of Candidate
        To start from, such as the front of another engine; for versions of PySR that can.
    deterministic : bool, default False
        One thread and a fixed number of iterations, so that the same seed gives the same law
        (unless the time is over before).
    parameters : mapping of str to object, optional
        Any parameter of ``pysr.PySRRegressor``, such as ``{"cluster_manager": "slurm",
        "procs": 32}``; they win over those chosen here.
    output : path, optional
        Folder in which PySR's own files are kept; by default a temporary one.
    setup_seconds : float, default 600
        Longest wait for PySR's Julia packages where Julia is installed but they are not.

    Examples
    --------
    >>> engine = PySREngine(deterministic=True, parameters={"maxsize": 20})
    >>> engine.name
    'pysr'
    """

    name = "pysr"

    def __init__(
        self,
        guesses: Sequence[Candidate] = (),
        deterministic: bool = False,
        parameters: Mapping[str, Any] = MappingProxyType({}),
        output: str | Path | None = None,
        setup_seconds: float = 600.0,
    ) -> None:
        self.guesses = tuple(guesses)
        self.deterministic = deterministic
        self.parameters = dict(parameters)
        self.output = output
        self.setup_seconds = setup_seconds

    def search(self, problem: Problem, budget: SearchBudget, seed: int = 0) -> Result:
        """Pareto front of candidates, the one of the fewest bits first.

        Parameters
        ----------
        problem : Problem
        budget : SearchBudget
            Seconds of the search and of the refit of what it found. Julia's start and its
            compilation are measured separately: they take what they take, once a process, and are
            reported as the start-up.
        seed : int

        Returns
        -------
        Result
            "converged" if a law explains the runs to rounding, or the iterations were completed;
            "unavailable", with the remedy, where PySR cannot run.

        Raises
        ------
        InputError
            If the installed PySR has no parameter of a given name.
        """
        start = monotonic()
        if not problem.groups:
            return Result((), "no_candidate", "There is no group to search with.", 0.0)
        try:
            module = load_pysr(self.setup_seconds)
        except EngineUnavailableError as error:
            return Result((), "unavailable", str(error), monotonic() - start)
        startup = monotonic() - start
        refit = min(_SHARE_OF_REFIT * budget.seconds, _LONGEST_REFIT)
        budget = replace(budget, seconds=budget.seconds - refit)
        target, factor = near_one(problem)
        search = self._run(module, target, factor, budget, seed)
        startup += search.late
        candidates = [
            to_candidate(
                e,
                scale=problem.scale,
                engine=self.name,
                factor=factor,
                unlogged=problem.unlogged,
            )
            for e in search.expressions
        ]
        front = front_of(candidates, problem, monotonic() + refit)
        seconds = monotonic() - start
        # explained to rounding, so that PySR stopped by itself
        size = 1.0 if problem.scale == "log" else float(np.mean(problem.response**2))
        exact = any(candidate.loss <= EXACT**2 * size for candidate in front)
        cut: CutBy | None = None
        how = "found by PySR"
        if search.interrupted:
            cut, how = "interrupt", "the best so far of PySR, interrupted"
        elif search.failure:
            cut, how = "failure", f"the best of PySR before it failed ({search.failure})"
        elif search.searched >= budget.seconds and not exact:
            cut, how = "time", "the best of PySR when the time was over"
        elif budget.evaluations is not None and not exact:
            cut, how = "evaluations", "the best of PySR when its evaluations were spent"
        if not front:
            reason = search.failure or "no expression has a value in every run"
            message = f"PySR found no law: {reason}."
            return Result((), "no_candidate", message, seconds, startup, cut)
        outcome: Outcome = "converged" if cut is None else "timeout"
        message = f"{front[0]}: {how}."
        if startup >= _NOTICED:
            message += f" Julia took {startup:.0f} s to start and compile, besides the limit."
        return Result(front, outcome, message, seconds, startup, cut)

    def _run(
        self, module: ModuleType, target: Problem, factor: float, budget: SearchBudget, seed: int
    ) -> _Front:
        """One fit; without the guesses again if PySR cannot read them."""
        regressor, chosen = module.PySRRegressor, self.parameters
        parameters = parameters_of(
            regressor, target, budget, seed, deterministic=self.deterministic, chosen=chosen
        )
        guesses = julia_guesses(
            self.guesses[:_MOST_GUESSES],
            operators_of(parameters),
            factor=factor,
            maxsize=int(parameters["maxsize"]),
        )
        if not guesses or "guesses" not in inspect.signature(regressor).parameters:
            return self._fit(module, target, parameters)
        search = self._fit(module, target, {"guesses": guesses, **parameters})
        if search.expressions or search.interrupted:
            return search
        left = float(parameters["timeout_in_seconds"]) - search.searched
        parameters["timeout_in_seconds"] = max(left, _SHORTEST)
        again = self._fit(module, target, parameters)
        return replace(
            again, searched=search.searched + again.searched, late=search.late + again.late
        )

    def _fit(self, module: ModuleType, target: Problem, parameters: dict[str, Any]) -> _Front:
        with TemporaryDirectory(prefix="dimgs-pysr-", ignore_cleanup_errors=True) as folder:
            if self.output is None:
                places = {"output_directory": folder, "run_id": "search"}
            else:
                places = {"output_directory": str(self.output)}
            model = module.PySRRegressor(**{**places, **parameters})
            interrupted, failure = False, ""
            began = monotonic()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    model.fit(
                        np.column_stack([target.groups[name] for name in target.names]),
                        target.response,
                        weights=None if target.weights is None else target.scaled_weights,
                        variable_names=list(target.names),
                    )
                except KeyboardInterrupt:
                    interrupted = True
                except Exception as error:
                    failure = f"{type(error).__name__}: {error}"[:300].rstrip(".")
                interrupted = interrupted or bool(getattr(model, "interrupted_", False))
                taken = monotonic() - began
                searched = min(taken, float(parameters["timeout_in_seconds"] or taken))
                return _Front(_front(model), interrupted, failure, searched, taken - searched)


def _front(model: Any) -> "tuple[sympy.Expr, ...]":
    """Hall of fame; of a search that was cut off, what it had written down."""
    table = getattr(model, "equations_", None)
    if table is None:
        try:
            table = model.get_hof()
        except Exception:
            return ()
    return tuple(table["sympy_format"])
