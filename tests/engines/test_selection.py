"""The criterion of choice against brute force and on planted laws."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sympy import symbols

from dimgs.engines.protocol import Problem
from dimgs.engines.refit import candidate_bits, constants_bits, pareto_front, select
from dimgs.expression.candidate import Candidate
from dimgs.expression.price import structure_of
from dimgs.fits.noise import data_bits

Array = NDArray[np.float64]
pi_1, c_1, c_2 = symbols("pi_1 c_1 c_2")
SEEDS = st.integers(0, 10_000)


@pytest.mark.parametrize("scale", ["log", "linear"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_candidate_is_charged_for_its_errors_constants_and_structure(
    scale: Any, weighted: bool
) -> None:
    rng = np.random.default_rng(1)
    n = 40
    x = rng.uniform(1, 3, n)
    weights = rng.uniform(0.5, 2.0, n) if weighted else None
    known = np.ones(n) if weights is None else weights
    y = (2.0 + 0.5 * x) * np.exp(0.05 * rng.standard_normal(n))
    problem = Problem({"pi_1": x}, y, scale=scale, weights=weights)
    candidate = Candidate.of(c_1 + c_2 * pi_1, {"c_1": 2.0, "c_2": 0.5}, scale=scale)
    expected = (
        data_bits(2.0 + 0.5 * x, y, known / known.mean())
        + structure_of(candidate.expression, {"c_1", "c_2"}).bits
        + np.log2(n)
    )
    assert candidate_bits(candidate, problem) == pytest.approx(expected, rel=1e-9)


def test_a_constant_costs_the_precision_that_the_runs_give() -> None:
    assert constants_bits(0, 50) == 0.0
    assert constants_bits(3, 50) == pytest.approx(3 * constants_bits(1, 50))
    assert constants_bits(1, 400) - constants_bits(1, 100) == pytest.approx(1.0)
    assert constants_bits(1, 100) == pytest.approx(np.log2(100) / 2 + 4.0)


def test_what_is_not_finite_everywhere_is_never_chosen() -> None:
    problem = Problem({"pi_1": np.array([0.5, 1.0, 2.0])}, np.ones(3))
    assert candidate_bits(Candidate.of(1 / (pi_1 - 1)), problem) == np.inf
    assert np.isfinite(candidate_bits(Candidate.of(1 / (pi_1 + 1)), problem))
    # nothing is wrong with a prediction of zero
    assert np.isfinite(candidate_bits(Candidate.of(c_1 * (pi_1 - 1), {"c_1": 1.0}), problem))


def test_a_needless_constant_is_not_chosen() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(1, 3, 200)
    problem = Problem({"pi_1": x}, 2 * x * np.exp(0.05 * rng.standard_normal(200)))
    simple = Candidate.of(c_1 * pi_1, {"c_1": 2.0})
    wordy = Candidate.of(c_1 * pi_1 + c_2 * pi_1**2, {"c_1": 2.0, "c_2": 1e-4})
    wrong = Candidate.of(c_1 * pi_1**2, {"c_1": 0.95})
    bits = [candidate_bits(c, problem) for c in (wordy, wrong, simple)]
    assert bits[2] == min(bits)


def test_a_worse_law_is_not_chosen_for_its_brevity() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(1, 3, 60)
    problem = Problem({"pi_1": x}, (1 + 0.5 * x) * np.exp(0.01 * rng.standard_normal(60)))
    true = Candidate.of(c_1 + c_2 * pi_1, {"c_1": 1.0, "c_2": 0.5})
    short = Candidate.of(c_1 * pi_1, {"c_1": 1.05})
    assert candidate_bits(true, problem) < candidate_bits(short, problem) - 60


@given(SEEDS)
def test_the_front_holds_what_nothing_shorter_equals_whatever_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    forms = [pi_1, 2 * pi_1, pi_1 + 1, pi_1**2 + 3, pi_1**3 + pi_1 + 1]
    losses = rng.choice([0.1, 0.2, 0.3, 1e-30], len(forms))
    known = [Candidate.of(f, loss=float(e)) for f, e in zip(forms, losses, strict=True)]
    front = pareto_front(known)
    mixed = [known[i] for i in rng.permutation(len(known))]
    assert pareto_front(mixed) == front
    assert all(a.complexity < b.complexity and a.loss > b.loss for a, b in pairwise(front))
    for c in known:
        assert any(f.complexity <= c.complexity and f.loss <= c.loss + 1e-25 for f in front)


@given(SEEDS)
def test_the_fewest_bits_come_first_whatever_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 3, 20)
    problem = Problem({"pi_1": x}, 2 * x * np.exp(0.05 * rng.standard_normal(20)))
    known = [Candidate.of(f) for f in (2 * pi_1, pi_1 * 2.1, pi_1 + 2, 1 / (pi_1 - 1), pi_1**2)]
    order = select([known[i] for i in rng.permutation(len(known))], problem)
    assert order == select(known, problem)
    bits = [candidate_bits(c, problem) for c in order]
    assert bits == sorted(bits)
    assert set(map(str, order)) == set(map(str, known))
