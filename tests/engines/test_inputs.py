"""Inputs that matter, among others that play no part."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dimgs.engines.protocol import Problem, SearchBudget
from dimgs.engines.structured import StructuredEngine
from dimgs.engines.structured.engine import Stages, Step
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.select import inputs_that_matter

Array = NDArray[np.float64]
NAMES = ("a", "b", "c", "d", "e")


def problem(noise: float, n: int = 80, mixed: Array | None = None) -> Problem:
    """t = 3 sqrt(b/a) / (1 + c/a), where d and e play no part; every input over a is a group."""
    rng = np.random.default_rng(2)
    logs = rng.uniform(-1.0, 1.0, (n, 4))
    b, c, *_ = np.exp(logs).T
    y = 3 * np.sqrt(b) / (1 + c) * np.exp(noise * rng.standard_normal(n))
    mixed = np.eye(4) if mixed is None else mixed
    shape = np.vstack([-np.ones(4), np.eye(4)]) @ mixed
    names = [f"pi_{k}" for k in range(1, 5)]
    parts = {
        g: {v: float(x) for v, x in zip(NAMES, column, strict=True) if x}
        for g, column in zip(names, shape.T, strict=True)
    }
    groups = dict(zip(names, np.exp(logs @ mixed).T, strict=True))
    return Problem(groups, y, composition={**parts, "pi_0": {"t": 1.0}})


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("seed", [None, 0, 1])
def test_inputs_that_play_no_part_are_known_in_every_basis(noise: float, seed: int | None) -> None:
    mixed = np.eye(4)
    if seed is not None:
        rng = np.random.default_rng(seed)
        mixed = np.tril(rng.integers(-1, 2, (4, 4)), -1) + np.eye(4)
    kept = inputs_that_matter(Runs.of(problem(noise, mixed=mixed)))
    assert dict(zip(NAMES, kept.tolist(), strict=True)) == {
        "a": True,
        "b": True,
        "c": True,
        "d": False,
        "e": False,
    }


def test_few_runs_leave_all_inputs() -> None:
    assert inputs_that_matter(Runs.of(problem(0.0, n=25))).all()


def test_a_search_begins_among_the_inputs_that_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    steps = Stages.steps

    def noted(stages: Stages) -> list[Step]:
        searched.append(stages.runs.n_groups)
        return steps(stages)

    monkeypatch.setattr(Stages, "steps", noted)
    given = problem(0.0)
    law = 3 * given.groups["pi_1"] * np.sqrt(given.groups["pi_2"])
    given = replace(given, response=law)
    result = StructuredEngine().search(given, SearchBudget(3600.0, nodes=0))
    assert searched == [2, 4]
    assert {s.name for s in result.candidates[0].numeric.free_symbols} == {"pi_1", "pi_2"}
    assert result.candidates[0].loss < 1e-20


def test_groups_of_the_inputs_that_matter_are_angles_and_not_their_inverses() -> None:
    rng = np.random.default_rng(1)
    u, v, other = rng.uniform(0.1, 1.2, (3, 100))
    y = np.arctan(np.tan(u) * np.cos(v))
    groups = {"pi_1": u, "pi_2": other, "pi_3": v}
    found = StructuredEngine().search(Problem(groups, y), SearchBudget(60, evaluations=6000))
    assert str(found.candidates[0]) == "atan(cos(pi_3)*tan(pi_1))"
