"""What the time limit bounds: PySR's search and the refit, with Julia's start told apart."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy

from dimgs.engines import pysr as module
from dimgs.engines.protocol import Problem, SearchBudget
from dimgs.engines.pysr import PySREngine

START, COMPILATION = 15.0, 11.0


class Watch:
    """A clock that only what it is told moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The limits that a PySR got which compiles first and then searches to its limit."""
    watch, seen = Watch(), list[float]()

    class Regressor:
        def __init__(
            self,
            niterations: int = 1,
            timeout_in_seconds: float = 0.0,
            maxsize: int = 30,
            guesses: Any = None,
            **kwargs: Any,
        ) -> None:
            self.limit = timeout_in_seconds
            self.guesses = guesses

        def fit(self, X: Any, y: Any, **_: Any) -> None:
            watch.now += COMPILATION + self.limit
            seen.append(self.limit)
            if self.guesses:
                raise RuntimeError("no such operator")
            self.equations_ = pd.DataFrame({"sympy_format": [sympy.Symbol("pi_1")]})

    def load(_: float) -> Any:
        watch.now += START
        return SimpleNamespace(PySRRegressor=Regressor)

    monkeypatch.setattr(module, "monotonic", watch)
    monkeypatch.setattr(module, "load_pysr", load)
    return seen


def problem() -> Problem:
    x = np.linspace(1, 3, 20)
    return Problem({"pi_1": x}, x * (1 + 0.1 * np.sin(9 * x)))


@pytest.mark.parametrize("seconds", [8.0, 60.0])
def test_the_start_is_told_apart_and_the_search_is_bounded(
    limits: list[float], seconds: float
) -> None:
    result = PySREngine().search(problem(), SearchBudget(seconds))
    assert 0.9 * seconds <= sum(limits) + 5 <= seconds + 5
    assert sum(limits) < seconds
    assert result.startup == pytest.approx(START + len(limits) * COMPILATION)
    assert result.seconds - result.startup <= seconds
    assert result.outcome == "timeout"
    assert f"{result.startup:.0f} s to start and compile" in result.message


def test_a_second_try_gets_no_second_limit(limits: list[float]) -> None:
    from dimgs.expression.candidate import Candidate

    guess = Candidate.of(0.5 * sympy.Symbol("pi_1"))
    PySREngine([guess]).search(problem(), SearchBudget(20.0))
    assert len(limits) == 2
    assert sum(limits) < 20.5
