"""The criterion of choice against brute force and on planted laws."""

import numpy as np
import pytest
from sympy import symbols

from dimgs.engines.choice import candidate_bits, data_bits, deleted_residuals, leftover
from dimgs.engines.protocol import Problem
from dimgs.expression.candidate import Candidate

pi_1, c_1, c_2 = symbols("pi_1 c_1 c_2")


def linear_runs(n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    Z = np.column_stack([np.ones(n), rng.standard_normal((n, 2))])
    return Z, Z @ [1.0, 2.0, -1.0] + 0.3 * rng.standard_normal(n)


@pytest.mark.parametrize("labels", [None, 5])
def test_deleted_residuals_are_those_of_refits(labels: int | None) -> None:
    Z, y = linear_runs()
    split = None if labels is None else np.arange(len(y)) % labels
    e = y - Z @ np.linalg.lstsq(Z, y, rcond=None)[0]
    found = deleted_residuals(e, Z, split)
    blocks = np.arange(len(y)) if split is None else split
    for label in np.unique(blocks):
        out = blocks == label
        beta = np.linalg.lstsq(Z[~out], y[~out], rcond=None)[0]
        np.testing.assert_allclose(found[out], y[out] - Z[out] @ beta, atol=1e-8)


def test_the_likelier_error_counts() -> None:
    rng = np.random.default_rng(0)
    true = np.geomspace(0.01, 100, 300)
    relative = true * 0.1 * rng.standard_normal(300)
    additive = 0.1 * rng.standard_normal(300)
    ones = np.ones(300)
    for error in (relative, additive):
        spread = data_bits(true, rng.permutation(error / true) * true, true + error, ones)
        assert data_bits(true, error, true + error, ones) < 0.999 * spread + 1.0


def test_a_needless_constant_is_not_chosen() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(1, 3, 200)
    problem = Problem({"pi_1": x}, 2 * x * np.exp(0.05 * rng.standard_normal(200)))
    simple = Candidate.of(c_1 * pi_1, {"c_1": 2.0})
    wordy = Candidate.of(c_1 * pi_1 + c_2 * pi_1**2, {"c_1": 2.0, "c_2": 1e-4})
    wrong = Candidate.of(c_1 * pi_1**2, {"c_1": 0.95})
    bits = [candidate_bits(c, problem) for c in (wordy, wrong, simple)]
    assert bits[2] == min(bits)


def test_leftover_tells_structure_from_noise() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 2))
    noise = rng.standard_normal(200)
    assert leftover(X, noise) < 0.05
    assert leftover(X, X[:, 0] ** 2 + 0.3 * noise) > 0.5
