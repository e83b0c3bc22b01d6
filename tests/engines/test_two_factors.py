"""Products of two factors, each with a constant inside that is no simple number."""

from collections.abc import Callable

import numpy as np
import pytest

from dimgs.common.arrays import Array
from dimgs.engines.protocol import Problem
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.products import FactorSearch, arguments_of
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import response
from dimgs.engines.structured.trees import evaluate

LAWS: dict[str, Callable[[Array, Array, float, float], Array]] = {
    "activation and saturation": lambda x, z, a, b: np.exp(-a / x) * z / (1 + b * z),
    "decay and power": lambda x, z, a, b: np.exp(-a * x) * (1 + b * z) ** 1.5,
    "decay of a square": lambda x, z, a, b: np.exp(-a * x**2) / (1 + b * z) ** 2,
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("seed", range(3))
def test_both_constants_are_found(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    prefactor, a, b = np.exp(rng.uniform(-0.5, 1.0, 3))
    x, z = np.exp(rng.uniform(-1, 1, (2, int(rng.integers(30, 80)))))
    y = prefactor * LAWS[name](x, z, a, b)
    archive = Archive(Runs.of(Problem({"pi_1": x, "pi_2": z}, y)), np.inf)
    search = FactorSearch.over(archive.runs, arguments_of(archive.runs))
    search.two_loosely(response(archive.runs), archive)
    assert archive.best is not None
    np.testing.assert_allclose(evaluate(archive.best.tree, archive.runs), y, rtol=1e-7)
