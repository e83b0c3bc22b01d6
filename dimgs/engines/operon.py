"""The engine of symbolic regression on Operon (package pyoperon), which needs no Julia."""

import re
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import chain
from time import monotonic
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy
from sympy.parsing.sympy_parser import parse_expr

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.engines.protocol import CutBy, Outcome, Problem, Result, SearchBudget
from dimgs.engines.refit import front_of, to_candidate
from dimgs.engines.registry import operon_status
from dimgs.expression.candidate import Candidate
from dimgs.fits.noise import EXACT

SYMBOLS = "add,sub,mul,div,exp,log,sqrt,square,sin,cos,tanh,constant,variable"
_LOG = "log_"
# decimals of constants in texts, which have no powers of ten: 1e-40 keeps its digits
_DIGITS = 60
# seeds are unsigned numbers of 64 bits there, and signed ones on the way
_LARGEST_SEED = 2**63
# no limit where none was asked for: the time ends the search before
_EVALUATIONS = 10_000_000
# least seconds, as Operon counts whole ones; the rest is for the start of the clock
_SHORTEST = 0.99
# share of the time, and most seconds, to refit the front: a front of ten long laws takes as long
_RESERVED, _MOST_RESERVED = 0.3, 6.0


class OperonEngine:
    """Genetic programming with Operon, an optional package.

    Operon computes in single precision, so only the form of its expressions is kept: constants
    are fitted again in double precision. A positive response is searched on its logarithm, then,
    if no law is exact and there are two seconds or more, as it is, with half of the time each and
    with the groups and their logarithms as inputs. Weights count when the constants are fitted
    again. Its fitted models do not pickle; the candidates do.

    Parameters
    ----------
    threads : int, default 1
    parameters : mapping of str to object, optional
        Any parameter of ``pyoperon.sklearn.SymbolicRegressor``; they win over those chosen here.

    Examples
    --------
    >>> OperonEngine().name
    'operon'
    """

    name = "operon"

    def __init__(
        self, threads: int = 1, parameters: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self.threads = threads
        self.parameters = dict(parameters)

    def search(self, problem: Problem, budget: SearchBudget, seed: int = 0) -> Result:
        """Pareto front of candidates, the one of the fewest bits first.

        Parameters
        ----------
        problem : Problem
        budget : SearchBudget
            Operon counts whole seconds: with less than one there is no search.
        seed : int

        Returns
        -------
        Result
            "unavailable", with the remedy, where pyoperon is not installed.

        Raises
        ------
        InputError
            If the installed pyoperon has no parameter of a given name.
        """
        start = monotonic()
        if not problem.groups:
            return Result((), "no_candidate", "There is no group to search with.", 0.0)
        status = operon_status()
        if not status.usable:
            message = f"Operon is not installed: {status.remedy}."
            return Result((), "unavailable", message, monotonic() - start)
        try:
            regressor = import_module("pyoperon.sklearn").SymbolicRegressor
        except ImportError as error:
            message = f"Operon does not load ({error}): {operon_status().remedy or 'reinstall it'}."
            return Result((), "unavailable", message, monotonic() - start)
        end = start + budget.seconds
        parameters = self._parameters(regressor, budget, seed)
        left = end - monotonic()
        if left < _SHORTEST:
            message = "Operon counts whole seconds, and there is less than one for it."
            return Result((), "timeout", message, monotonic() - start, cut="time")
        left -= min(_RESERVED * left, _MOST_RESERVED)
        positive = problem.scale == "log"
        passes = (True, False) if positive and left >= 2 * _SHORTEST else (positive,)
        seconds = max(int(left / len(passes)), 1)
        parameters = {"max_time": seconds, **parameters}
        front: tuple[Candidate, ...] = ()
        failure = "no expression has a value in every run"
        cut: CutBy | None = None
        for of_logarithm in passes:
            began = monotonic()
            model = regressor(**parameters)
            try:
                candidates = self._pass(model, problem, of_logarithm)
            except KeyboardInterrupt:
                cut = "interrupt"
                break
            except (RuntimeError, ValueError) as error:
                failure = str(error)[:300].rstrip(".")
                continue
            if monotonic() - began >= seconds:
                cut = "time"
            elif budget.evaluations is not None and model.stats_["generations"] < model.generations:
                # what Operon counts as evaluations is not all it made
                cut = "evaluations"
            front = front_of(chain(front, candidates), problem, end)
            if front and min(c.loss for c in front) < EXACT**2:
                cut = None
                break
        taken, how = monotonic() - start, "found by Operon"
        if not front:
            return Result((), "no_candidate", f"Operon found no law: {failure}.", taken, cut=cut)
        if cut is not None:
            how = f"the best of Operon when its search was cut ({cut})"
        outcome: Outcome = "converged" if cut is None else "timeout"
        return Result(front, outcome, f"{front[0]}: {how}.", taken, cut=cut)

    def _pass(self, model: Any, problem: Problem, of_logarithm: bool) -> Iterator[Candidate | None]:
        names, X = _inputs(problem)
        y = np.log(problem.response) if of_logarithm else problem.response
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y)
        texts = [model.get_model_string(e["tree"], _DIGITS, names) for e in model.pareto_front_]
        # one by one, for each costs time that may be over
        return (
            to_candidate(
                expression_of(text, names),
                scale=problem.scale,
                engine=self.name,
                of_logarithm=of_logarithm,
                unlogged=problem.unlogged,
            )
            for text in dict.fromkeys(texts)
        )

    def _parameters(self, regressor: Any, budget: SearchBudget, seed: int) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "allowed_symbols": SYMBOLS,
            "objectives": ["r2", "length"],
            "optimizer_iterations": 5,
            "max_length": 30,
            "generations": 10_000,
            "max_evaluations": budget.evaluations or _EVALUATIONS,
            "epsilon": 1e-12,
            "n_threads": self.threads,
            "random_state": int(seed) % _LARGEST_SEED,
        }
        accepted = set(regressor().get_params())
        for name in self.parameters:
            if name not in accepted:
                raise InputError(f"The installed pyoperon has no parameter '{name}'.")
        return {**wanted, **self.parameters}


def expression_of(text: str, names: list[str]) -> sympy.Expr:
    """Operon's infix text as SymPy, with its single-precision numbers as short as they are.

    Parameters
    ----------
    text : str
    names : list of str
        Inputs; ``log_pi_1`` stands for the logarithm of ``pi_1``.

    Examples
    --------
    >>> expression_of("(0.10000000149011612 * (log_pi_1 ^ 2))", ["pi_1", "log_pi_1"])
    0.1*log(pi_1)**2
    """
    meaning: dict[str, Any] = {}
    for name in names:
        plain = sympy.Symbol(name.removeprefix(_LOG))
        meaning[name] = sympy.log(plain) if name.startswith(_LOG) else plain
    for name in set(re.findall(r"([A-Za-z_]\w*)\(", text)):
        meaning[name] = sympy.Function(f"safe_{name}")
    short = re.sub(r"\d+\.\d+(?:[eE][-+]?\d+)?", lambda match: _single(match.group()), text)
    return parse_expr(short.replace("^", "**"), local_dict=meaning)


def _single(text: str) -> str:
    value = np.float32(text)
    return str(value) if np.isfinite(value) else text


def _inputs(problem: Problem) -> tuple[list[str], Array]:
    """Groups and, for a positive response, the logarithms of those that have one."""
    columns = {n: problem.groups[n] for n in problem.names}
    if problem.scale == "log":
        logged = [n for n in problem.names if n not in problem.unlogged]
        columns |= {f"{_LOG}{n}": np.log(columns[n]) for n in logged}
    return list(columns), np.column_stack(list(columns.values()))
