"""Waves with any phase, damped or not."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from dimgs.engines.protocol import Problem
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.separable import waves
from dimgs.engines.structured.targets import response
from dimgs.engines.structured.trees import evaluate

Array = NDArray[np.float64]
WAVES: dict[str, Callable[[Array], Array]] = {
    "damped": lambda x: 6.0 * np.exp(-x / 1.7) * np.cos(7.3 * x),
    "about a level, with a phase": lambda x: 3.0 + 0.5 * np.cos(5.0 * x + 1.1),
    "growing": lambda x: 0.2 * np.exp(0.6 * x) * np.sin(4.0 * x),
    "damped about a level": lambda x: 1.0 + 2.0 * np.exp(-0.4 * x) * np.cos(6.0 * x - 0.7),
}


@pytest.mark.parametrize("unit", [1.0, 1e-6])
@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("name", WAVES)
def test_waves_are_found_with_their_frequency_phase_and_damping(
    name: str, noise: float, unit: float
) -> None:
    rng = np.random.default_rng(0)
    x, law = rng.uniform(0.05, 5.0, 50), WAVES[name]
    y = law(x) + noise * rng.normal(size=50)
    groups = {"pi_1": unit * x}
    problem = Problem(groups, y) if np.all(y > 0) else Problem(groups, y, scale="linear")
    archive = Archive(Runs.of(problem), np.inf)
    waves(response(archive.runs), archive)
    for _ in range(3):
        archive.sharpen()
        archive.vary()
    assert archive.best is not None
    fresh = np.linspace(0.1, 4.9, 200)
    again = Runs.of(Problem({"pi_1": unit * fresh}, np.ones(200)))
    miss = np.abs(evaluate(archive.best.tree, again) - law(fresh)).max()
    assert miss < 2.0 * noise + 1e-9
