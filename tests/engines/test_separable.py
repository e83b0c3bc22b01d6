"""A term beside a factor with a free constant."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from dimgs.engines.protocol import Problem
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.posynomials import posynomials
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.separable import scaled_functions, two_term_sums
from dimgs.engines.structured.targets import powers, response
from dimgs.engines.structured.trees import Mono, evaluate, nodes

Array = NDArray[np.float64]
LAWS: dict[str, Callable[[Array], Array]] = {
    "root": lambda x: 0.5 * np.sqrt(1 + 6 * x**2) - 0.25,
    "power": lambda x: 3 + 2 * (1 + 0.7 * x) ** 1.5,
    "decay": lambda x: 0.4 + 1.7 * np.exp(-0.6 * x),
    "logarithm": lambda x: 2 + 3 * np.log(1 + 0.35 * x),
    "wave": lambda x: 4 + 0.3 * x * np.sin(1.3 * x),
    "saturation": lambda x: 5 * x - 2 * np.tanh(0.8 * x),
}


def archive_of(x: Array, y: Array) -> Archive:
    return Archive(Runs.of(Problem({"pi_1": x}, y)), time.monotonic() + 600.0)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("n_runs", [16, 120])
def test_laws_of_this_form_are_found_exactly(name: str, n_runs: int) -> None:
    rng = np.random.default_rng(n_runs)
    x = np.exp(rng.uniform(np.log(0.5), np.log(9.0), n_runs))
    found = archive_of(x, LAWS[name](x))
    two_term_sums(scaled_functions(found.runs), response(found.runs), found)
    assert found.exact
    assert found.best is not None
    fresh = np.linspace(0.6, 8.0, 40)
    again = Runs.of(Problem({"pi_1": fresh}, np.ones(40)))
    np.testing.assert_allclose(evaluate(found.best.tree, again), LAWS[name](fresh), rtol=1e-6)


def test_of_a_power_of_the_response() -> None:
    x = np.exp(np.random.default_rng(3).uniform(-1, 2, 40))
    found = archive_of(x, 1 / (0.5 + 2 * np.exp(-0.8 * x)))
    inverse = next(t for t in powers(found.runs) if t.power == -1)
    two_term_sums(scaled_functions(found.runs), inverse, found)
    assert found.exact


def test_the_unit_of_the_groups_does_not_matter() -> None:
    x = np.exp(np.random.default_rng(4).uniform(-1, 2, 30))
    y = 0.4 + 1.7 * np.exp(-0.6 * x)
    for factor in (1e-9, 1e9):
        found = archive_of(factor * x, y)
        two_term_sums(scaled_functions(found.runs), response(found.runs), found)
        assert found.exact


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_real_exponent_stands_beside_simple_ones(noise: float) -> None:
    rng = np.random.default_rng(5)
    x = np.exp(rng.uniform(np.log(0.5), np.log(800.0), 120))
    y = 24 / x * (1 + 0.15 * x**0.687)
    found = archive_of(x, y * np.exp(noise * rng.normal(size=120)))
    posynomials(response(found.runs), found)
    assert found.best is not None
    fitted = evaluate(found.best.tree, found.runs)
    np.testing.assert_allclose(fitted, y, rtol=1e-9 if noise == 0 else 0.01)
    steepest = min(e for n in nodes(found.best.tree) if isinstance(n, Mono) for e in n.exponents)
    assert steepest == -1
