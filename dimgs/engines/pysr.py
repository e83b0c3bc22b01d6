"""The engine of symbolic regression on PySR and SymbolicRegression.jl."""

import inspect
import os
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import sympy

from dimgs.common.advice import did_you_mean
from dimgs.common.errors import EngineUnavailableError, InputError
from dimgs.engines.protocol import CutBy, Outcome, Problem, Result, SearchBudget
from dimgs.engines.refit import front_of, to_candidate
from dimgs.engines.registry import IGNORED, has_julia, julia_project, pysr_status
from dimgs.expression.candidate import Candidate
from dimgs.fits.noise import EXACT

# the releases of PySR whose parameters are set here, and the first that may have others
OLDEST = (1, 5, 10)
TOO_NEW = (3,)


def load_pysr(setup_seconds: float = 600.0) -> ModuleType:
    """The module ``pysr``, with Julia running in this process.

    Without Julia nothing is imported or started. If Julia is there, but not yet PySR's own Julia
    packages, another process fetches them, which is ended when the time is over.

    Parameters
    ----------
    setup_seconds : float
        Longest wait for the packages; a slow network or one that answers nothing costs no more.

    Raises
    ------
    EngineUnavailableError
        With the remedy.
    """
    if "juliacall" not in sys.modules and "pysr" not in sys.modules:
        status = pysr_status()
        if status.version is None:
            raise EngineUnavailableError(f"PySR is not installed: {status.remedy}.")
        _check_version(status.version)
        if not has_julia(julia_project(os.environ), os.environ):
            raise EngineUnavailableError(f"PySR needs Julia, not found here: {status.remedy}.")
        if not _is_resolved():
            fetch_packages(setup_seconds)
    try:
        with warnings.catch_warnings(), led_by_juliapkg():
            warnings.simplefilter("ignore")
            module = import_module("pysr")
    except Exception as error:
        raise EngineUnavailableError(
            f"PySR does not start ({type(error).__name__}: {error}); the list of engines says what "
            "is missing."
        ) from error
    _check_version(module.__version__)
    return module


@contextmanager
def led_by_juliapkg() -> Iterator[None]:
    """Without the variables of juliacall, which lead it past the packages that PySR needs."""
    held = {name: os.environ.pop(name) for name in IGNORED if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(held)


def _check_version(version: str) -> None:
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if not OLDEST <= numbers < TOO_NEW:
        raise EngineUnavailableError(
            f'PySR {version} is not supported: pip install "pysr>=1.5.10,<3".'
        )


def _is_resolved() -> bool:
    """Whether ``import pysr`` would use what is on this machine, with no look at the network."""
    try:
        return bool(import_module("juliapkg.deps").can_skip_resolve())
    except Exception:
        return False


def fetch_packages(seconds: float | None = None) -> None:
    """Let PySR fetch Julia, where there is none, and its packages, in a process that can be ended.

    Parameters
    ----------
    seconds : float, optional
        Longest wait; unlimited by default.

    Raises
    ------
    EngineUnavailableError
        If they are not ready by then, or PySR's own installation fails.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", "import pysr"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if name not in IGNORED},
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except BaseException as error:
        _end(process)
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise EngineUnavailableError(
            f"PySR's Julia packages were not ready within {seconds:.0f} s: run "
            "`python -c 'import pysr'` once where the network is fast."
        ) from None
    if process.returncode:
        lines = [line for line in output.splitlines() if line.strip()] or ["no message"]
        raise EngineUnavailableError(
            f"PySR's Julia packages cannot be had ({lines[-1].strip()[:200]}): install Julia from "
            "https://julialang.org/install, or run `dimgs engines --install pysr` where there is a "
            "network."
        )


def _end(process: "subprocess.Popen[str]") -> None:
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.communicate()


# ---- Parameters of PySRRegressor for a problem, checked against the installed version.


BINARY = ("+", "-", "*", "/", "^")
UNARY = ("exp", "log", "sqrt", "sin", "cos", "tanh")
# nodes of an expression: the default of PySR, and the length that Operon is given
MAXSIZE = 30
# nodes of an exponent: room for a ratio of two sums of a group and a constant
_EXPONENT_SIZE = 9
# iterations where the time ends the search, and where it must not, to be the same each time
_ENDLESS = 1_000_000
_DETERMINISTIC_ITERATIONS = 100
# loss at which the search ends: a relative error of 1e-7, the most that its constants are fitted to
_EXACT_LOSS = 1e-14
# loss of a prediction that is not positive: that of one that is e**100 times too large
_NOT_POSITIVE = 1e4
# decades of the typical response beyond which constants of order one do not reach it
_FARTHEST_FROM_ONE = 3
# Only functions that SymbolicRegression.jl does not exchange for protected ones.
_BOUNDED = ("sin", "cos", "tanh")
_NESTED = {"exp": ("exp",), **dict.fromkeys(_BOUNDED, _BOUNDED)}


def near_one(problem: Problem) -> tuple[Problem, float]:
    """The problem with pi_0 near to 1, and the power of ten by which it was divided.

    Parameters
    ----------
    problem : Problem
        Its pi_0 stays where it is not many decades away.
    """
    y = problem.response
    typical = np.sqrt(np.mean(y**2))
    if problem.scale == "log":
        typical = np.exp(np.mean(np.log(y)))
    decades = 0.0 if typical == 0 else float(np.round(np.log10(typical)))
    factor = 10.0**decades if abs(decades) >= _FARTHEST_FROM_ONE else 1.0
    return replace(problem, response=y / factor), factor


def parameters_of(
    regressor: type,
    target: Problem,
    budget: SearchBudget,
    seed: int,
    *,
    deterministic: bool,
    chosen: Mapping[str, Any],
) -> dict[str, Any]:
    """Arguments of PySRRegressor.

    Parameters
    ----------
    regressor : type
        PySRRegressor of the installed version.
    target : Problem
    budget : SearchBudget
    seed : int
    deterministic : bool
        The same seed gives the same law: one thread and a fixed number of iterations.
    chosen : mapping of str to object
        Parameters of the user, which win.

    Raises
    ------
    InputError
        If the version has no parameter of a chosen name.
    """
    accepted = set(inspect.signature(regressor).parameters) - {"kwargs"}
    for name in chosen:
        if name not in accepted:
            remedy = did_you_mean(name, accepted, "see the parameters of PySRRegressor.")
            raise InputError(f"The installed PySR has no parameter '{name}'; {remedy}")
    parallelism = "serial" if deterministic else "multithreading"
    if chosen.get("cluster_manager") is not None:
        parallelism = "multiprocessing"
    wanted: dict[str, Any] = {
        "maxsize": MAXSIZE,
        "niterations": _DETERMINISTIC_ITERATIONS if deterministic else _ENDLESS,
        "timeout_in_seconds": float(budget.seconds),
        "max_evals": budget.evaluations,
        "early_stop_condition": _stop(target),
        "precision": 64,
        "parallelism": parallelism,
        "deterministic": deterministic,
        "random_state": seed,
        "verbosity": 0,
        "progress": False,
        "input_stream": "devnull",
    }
    if target.scale == "log":
        wanted["elementwise_loss"] = log_loss(target.weights is not None)
    if "operators" not in chosen:
        wanted |= {"binary_operators": list(BINARY), "unary_operators": list(UNARY)}
    wanted |= _constraints({**wanted, **chosen})
    if {"loss_function", "loss_function_expression"} & set(chosen):
        wanted.pop("elementwise_loss", None)
    return {**wanted, **chosen}


def log_loss(weighted: bool) -> str:
    """Julia source of the squared log-ratio; a large constant where the prediction is not positive.

    Parameters
    ----------
    weighted : bool
        Whether runs have weights, which are the third argument then.
    """
    extra, product = (", weight", "weight * ") if weighted else ("", "")
    return (
        f"dimgs_log_loss(prediction, target{extra}) = {product}(prediction > zero(prediction) ? "
        f"abs2(log(prediction / target)) : oftype(prediction, {_NOT_POSITIVE}))"
    )


def operators_of(parameters: Mapping[str, Any]) -> frozenset[str]:
    """Names of all operators of a search."""
    if parameters.get("operators"):
        return frozenset(name for names in parameters["operators"].values() for name in names)
    names = (parameters.get("binary_operators") or ()), (parameters.get("unary_operators") or ())
    return frozenset(name for group in names for name in group)


def _constraints(parameters: Mapping[str, Any]) -> dict[str, Any]:
    present = operators_of(parameters)
    nested = {
        outer: {inner: 0 for inner in inners if inner in present}
        for outer, inners in _NESTED.items()
        if outer in present
    }
    out: dict[str, Any] = {"nested_constraints": nested} if nested else {}
    if "^" in present:
        out["constraints"] = {"^": (-1, _EXPONENT_SIZE)}
    return out


def _stop(target: Problem) -> str:
    limit = _EXACT_LOSS
    if target.scale == "linear":
        limit *= float(np.mean(target.response**2)) or 1.0
    return f"dimgs_exact(loss, complexity) = loss < {limit!r}"


# ---- Candidates as text in Julia's notation, from which PySR can start.


# names, numbers and operators, which are the nodes of a tree
_NODE = re.compile(r"[A-Za-z_]\w*|\d[\d.]*(?:e[-+]?\d+)?| [-+*/^] ")


def julia_guesses(
    candidates: Iterable[Candidate],
    operators: frozenset[str],
    *,
    factor: float = 1.0,
    maxsize: int = MAXSIZE,
) -> list[str]:
    """Candidates that the operators can express, as binary trees in parentheses.

    Parameters
    ----------
    candidates : iterable of Candidate
    operators : frozenset of str
    factor : float
        By which the response was divided.
    maxsize : int
        Larger trees are left out.

    Examples
    --------
    >>> from sympy import Symbol
    >>> found = Candidate.of(0.5 * Symbol("pi_1") ** -0.25 + 1)
    >>> julia_guesses([found], frozenset("+*/^"))
    ['((0.5 * (pi_1 ^ -0.25)) + 1.0)']
    """
    out: list[str] = []
    for candidate in candidates:
        expression = candidate.numeric if factor == 1.0 else candidate.numeric / factor
        with suppress(_UnwritableError):
            text = _written(expression, operators)
            if len(_NODE.findall(text)) <= maxsize and text not in out:
                out.append(text)
    return out


class _UnwritableError(Exception):
    pass


def _written(node: Any, operators: frozenset[str]) -> str:
    def joined(operator: str, *parts: str) -> str:
        if len(parts) > 1 and operator not in operators:
            raise _UnwritableError
        text = parts[0]
        for part in parts[1:]:
            text = f"({text} {operator} {part})"
        return text

    if node.is_Symbol:
        return str(node.name)
    if node.is_number:
        if not isfinite(float(node)):
            raise _UnwritableError
        return repr(float(node))
    if node.is_Add:
        terms = sorted(node.args, key=lambda term: (bool(term.is_number), str(term)))
        return joined("+", *(_written(term, operators) for term in terms))
    if node.is_Mul:
        factors = sorted(node.args, key=lambda f: (not f.is_number, str(f)))
        below = [f for f in factors if f.is_Pow and f.exp == -1]
        top = [_written(f, operators) for f in factors if f not in below] or ["1.0"]
        bottom = [_written(f.base, operators) for f in below]
        whole = joined("*", *top)
        return joined("/", whole, joined("*", *bottom)) if bottom else whole
    name, arguments = node.func.__name__.lower(), node.args
    if node.is_Pow:
        base, exponent = arguments
        if exponent == -1:
            return joined("/", "1.0", _written(base, operators))
        if exponent != sympy.Rational(1, 2) or "sqrt" not in operators:
            if base.is_number and base < 0:
                raise _UnwritableError
            return joined("^", _written(base, operators), _written(exponent, operators))
        name, arguments = "sqrt", (base,)
    if len(arguments) != 1 or name not in operators:
        raise _UnwritableError
    return f"{name}({_written(arguments[0], operators)})"


# ---- The engine of symbolic regression on PySR and SymbolicRegression.jl.


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

    expressions: tuple[sympy.Expr, ...] = ()
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


def _front(model: Any) -> tuple[sympy.Expr, ...]:
    """Hall of fame; of a search that was cut off, what it had written down."""
    table = getattr(model, "equations_", None)
    if table is None:
        try:
            table = model.get_hof()
        except Exception:
            return ()
    return tuple(table["sympy_format"])
