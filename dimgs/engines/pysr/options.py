"""Parameters of PySRRegressor for a problem, checked against the installed version."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dimgs.common.advice import did_you_mean
from dimgs.common.errors import InputError
from dimgs.engines.protocol import Problem, SearchBudget

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
