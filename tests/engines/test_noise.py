"""Errors of one size: small responses count at what is expected of them."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dimgs.engines.protocol import Problem
from dimgs.engines.structured import StructuredEngine
from dimgs.engines.structured.runs import Runs, choose_errors
from dimgs.engines.structured.targets import (
    Target,
    functions,
    powers,
    shifted,
)
from dimgs.fits.noise import ADDITIVE_FLOOR, ErrorModel
from tests.patience import ample

Array = NDArray[np.float64]


def decay(seed: int, noise: float = 0.1, n: int = 200) -> tuple[Array, Array, Array]:
    """Groups, clean and noisy responses; many of these are below zero."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.5, 5.0, n)
    clean = np.exp(-x)
    return x, clean, clean + noise * np.sqrt(np.mean(clean**2)) * rng.normal(size=n)


@pytest.mark.parametrize("seed", range(4))
def test_the_size_of_the_noise_is_known_from_a_law(seed: int) -> None:
    x, clean, y = decay(seed)
    runs = choose_errors(Runs.of(Problem({"pi_1": x}, y, scale="linear")), clean)
    assert runs.errors.floor == ADDITIVE_FLOOR
    assert runs.errors.noise == pytest.approx(np.std(y - clean), rel=0.35)
    assert runs.doubtful.any()
    np.testing.assert_array_equal(runs.anchor[~runs.doubtful], y[~runs.doubtful])


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_relative_errors_leave_every_response_as_it_is(noise: float) -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0.5, 5.0, 100)
    y = np.exp(-x + noise * rng.normal(size=100))
    runs = choose_errors(Runs.of(Problem({"pi_1": x}, y)), np.exp(-x))
    assert not runs.doubtful.any()
    np.testing.assert_array_equal(runs.anchor, y)


def test_errors_of_the_target_are_told_from_those_of_the_group() -> None:
    rng = np.random.default_rng(2)
    x, unit = rng.uniform(0.5, 3.0, 300), np.exp(rng.uniform(-2, 2, 300))
    clean = unit * (1 + x)
    y = clean + 0.05 * unit * rng.normal(size=300)
    runs = Runs.of(Problem({"pi_1": x}, y, scale="linear", unit=unit))
    assert choose_errors(runs, clean).errors.of == "target"
    y = clean + 0.05 * rng.normal(size=300)
    runs = Runs.of(Problem({"pi_1": x}, y, scale="linear", unit=unit))
    assert choose_errors(runs, clean).errors.of == "group"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.floats(0.0, 0.3))
def test_working_responses_are_exact_where_what_is_expected_is(seed: int, noise: float) -> None:
    """Around the response itself nothing is linearised; around a law only what is doubtful."""
    x, clean, _y = decay(seed, noise, 30)
    plain = Runs.of(Problem({"pi_1": x}, clean))
    moved = plain.with_errors(ErrorModel(ADDITIVE_FLOOR, noise=10.0), clean)
    assert moved.doubtful.all()
    for make in MAKERS:
        for one, other in zip(make(plain), make(moved), strict=True):
            np.testing.assert_allclose(one.values, other.values, rtol=1e-12)
            np.testing.assert_allclose(one.logs, other.logs, rtol=1e-12, atol=1e-12)


MAKERS: list[Callable[[Runs], list[Target]]] = [
    powers,
    functions,
    lambda runs: shifted(runs, powers(runs)[:1], 3),
]


@pytest.mark.parametrize("seed", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in (1, 2))])
def test_a_decay_into_the_noise_is_found(seed: int) -> None:
    x, _, y = decay(seed)
    outcome = StructuredEngine().search(Problem({"pi_1": x}, y, scale="linear"), ample(900))
    law = outcome.candidates[0]
    values = law.evaluate({"pi_1": np.array([1.0, 3.0, 8.0])})
    assert np.log(values[0] / values[1]) == pytest.approx(2.0, rel=0.06)
    assert np.log(values[1] / values[2]) == pytest.approx(5.0, rel=0.06)
