"""Probabilities of laws are right as often as they say, on planted laws with known rivals.

Five saturating laws of one price, each as often the true one, on eight runs with 20 % of noise: so
few that mostly two or three of them are possible. If probabilities are honest, the mean surprise
by the true law, -ln p, is their mean entropy; stretched odds make it more, shrunk ones less.
"""

from dataclasses import replace

import numpy as np
import pytest
import sympy

from dimgs import Dataset, Options
from dimgs.common.arrays import Array, IntArray
from dimgs.discovery.prepare import prepare
from dimgs.fits.noise import possible_errors
from dimgs.judgement.evidence import FormulaModel, evidence, outer_blocks
from dimgs.judgement.posterior import weights

TABLES, RUNS, NOISE = 250, 8, 0.2
PRICE = 15.0
SIGNIFICANT = 2.5


@pytest.fixture(scope="module")
def judged() -> tuple[Array, IntArray]:
    """Probability of each law in each table, and which is true."""
    C, x = sympy.symbols("C_1 pi_1")
    laws = [C * x / (1 + x), C * (1 - sympy.exp(-x)), C * sympy.tanh(x), C * sympy.log(1 + x),
            C * sympy.sqrt(x)]  # fmt: skip
    rng = np.random.default_rng(0)
    values = np.exp(np.linspace(-1.5, 1.5, RUNS))
    columns = {"x [1]": values, "z [1]": values + 1}
    design = prepare(Dataset.from_columns(columns), "z", Options()).design
    models = [FormulaModel(design, law, {"C_1": 1.0}) for law in laws]
    right = [model.value(np.ones(1)) for model in models]
    blocks = outer_blocks(design)
    true = rng.integers(len(laws), size=TABLES)
    probabilities = []
    for k in true:
        noise = NOISE * rng.standard_normal(RUNS)
        table = replace(design, y=np.log(right[k]) + noise)
        errors = possible_errors(table)[0]
        supports = [evidence(model, errors, blocks, table) for model in models]
        density = np.array([-np.inf if e is None else e.log_density for e in supports])
        probabilities.append(weights(density, np.full(len(laws), PRICE), range(len(laws)))[0])
    return np.array(probabilities), true


def surprise(probabilities: Array, true: IntArray) -> float:
    """By how many standard errors the mean surprise exceeds the mean entropy."""
    logs = np.log(np.maximum(probabilities, 1e-300))
    more = np.sum(probabilities * logs, axis=1) - logs[np.arange(len(true)), true]
    return float(np.mean(more) / (np.std(more) / np.sqrt(len(true))))


def test_probabilities_are_right_as_often_as_they_say(judged: tuple[Array, IntArray]) -> None:
    probabilities, true = judged
    assert abs(surprise(probabilities, true)) < SIGNIFICANT
    best = np.argmax(probabilities, axis=1) == true
    assert 0.4 < np.mean(best) < 0.7
    assert np.mean(np.max(probabilities, axis=1)) == pytest.approx(np.mean(best), abs=0.1)


@pytest.mark.parametrize("factor", [1.5, 1 / 1.5])
def test_odds_of_another_temperature_would_be_noticed(
    judged: tuple[Array, IntArray], factor: float
) -> None:
    probabilities, true = judged
    stretched = probabilities**factor
    stretched /= stretched.sum(axis=1, keepdims=True)
    surprises = surprise(stretched, true)
    assert abs(surprises) > SIGNIFICANT
    assert (surprises > 0) == (factor > 1)
