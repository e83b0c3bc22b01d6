"""Products of two factors, each with a constant inside that is no simple number."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import erf, erfc

from dimgs.common.arrays import Array
from dimgs.engines.protocol import Problem, SearchBudget
from dimgs.engines.structured import StructuredEngine
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.products import FactorSearch
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
    search = FactorSearch.over(archive.runs)
    search.two_loosely(response(archive.runs), archive)
    assert archive.best is not None
    np.testing.assert_allclose(evaluate(archive.best.tree, archive.runs), y, rtol=1e-7)


@pytest.mark.parametrize("noise", [0.01, 0.03])
@pytest.mark.parametrize("function", [erf, erfc])
def test_a_function_of_the_root_of_a_group_is_found_in_noise(
    function: Callable[[Array], Array], noise: float
) -> None:
    """As of x/(2 sqrt(D t)), whose group is D t/x^2."""
    rng = np.random.default_rng(11)
    pi_1 = np.exp(rng.uniform(np.log(0.05), np.log(60.0), 40))
    y = function(0.5 / np.sqrt(pi_1)) * np.exp(noise * rng.standard_normal(40))
    composition = {"pi_1": {"D": 1.0, "t": 1.0, "x": -2.0}, "pi_0": {"c_0": -1.0}}
    problem = Problem({"pi_1": pi_1}, y, composition=composition)
    candidates = StructuredEngine().search(problem, SearchBudget(1e6, evaluations=3000)).candidates
    far = 0.02
    assert float(candidates[0].numeric.subs("pi_1", far)) == pytest.approx(
        float(function(0.5 / np.sqrt(far))), rel=1e-9
    )
