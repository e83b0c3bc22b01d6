"""Runs on which PySR is tried, and what is told of a search."""

from dataclasses import replace
from typing import Any

import numpy as np

from dimgs.dataset import Dataset
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.engines.protocol import Problem, Result
from dimgs.law.assemble import assemble


def points() -> dict[str, Any]:
    rng = np.random.default_rng(7)
    return {"pi_1": rng.uniform(0.5, 3, 25), "pi_2": rng.uniform(0.5, 3, 25)}


def friction() -> Dataset:
    """Wall stress in rough pipes: f = 0.3 Re^(-1/4) (1 + 2 k/D)."""
    rng = np.random.default_rng(3)
    n = 60
    rho, U = rng.uniform(900, 1100, n), rng.uniform(1, 3, n)
    D, mu = rng.uniform(0.01, 0.1, n), rng.uniform(0.5e-3, 2e-3, n)
    k = D * rng.uniform(0.1, 1.0, n)
    tau = 0.3 * (rho * U * D / mu) ** -0.25 * (1 + 2 * k / D) * rho * U**2
    return Dataset.from_columns(
        {
            "rho [kg/m^3]": rho,
            "U [m/s]": U,
            "D [m]": D,
            "mu [Pa s]": mu,
            "k [m]": k,
            "tau [Pa]": tau,
        }
    )


def shown(result: Result) -> dict[str, Any]:
    return {
        "outcome": result.outcome,
        "message": result.message,
        "candidates": [str(c) for c in result.candidates],
        "constants": [dict(c.constants) for c in result.candidates],
        "losses": [c.loss for c in result.candidates],
        "engines": sorted({c.engine for c in result.candidates}),
        "seconds": result.seconds,
    }


def power_problem(**more: Any) -> Problem:
    groups = points()
    response = 0.3 * groups["pi_1"] ** -0.25 * groups["pi_2"] ** 2
    return replace(Problem(groups, response), **more)


def law_of(result: Result, data: Dataset) -> dict[str, Any]:
    """The chosen candidate as a checked law, and its errors on other pipes."""
    design = prepare(data, "tau", Options()).design
    chosen = result.candidates[0]
    law = assemble(design, chosen.expression, chosen.constants, 0.9)
    rng = np.random.default_rng(4)
    n = 200
    other = {
        "rho": rng.uniform(900, 1100, n),
        "U": rng.uniform(1, 3, n),
        "D": rng.uniform(0.02, 0.08, n),
        "mu": rng.uniform(0.5e-3, 2e-3, n),
    }
    other["k"] = other["D"] * rng.uniform(0.15, 0.9, n)
    truth = 0.3 * (other["rho"] * other["U"] * other["D"] / other["mu"]) ** -0.25
    truth = truth * (1 + 2 * other["k"] / other["D"]) * other["rho"] * other["U"] ** 2
    predicted = law.predict_si(other)
    return {
        "law": str(law),
        "unit": law.target_unit,
        "error": float(np.max(np.abs(predicted / truth - 1))),
    }
