"""Laws that are a monomial times a function of another monomial with free exponents."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import erf, erfc

from dimgs.common.arrays import Array
from dimgs.engines.protocol import Problem
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.free_exponents import logarithms_of_sums, single_index
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import response
from dimgs.engines.structured.trees import evaluate

N_RUNS = 80


@pytest.mark.parametrize("noise", [0.0, 0.03])
@pytest.mark.parametrize(
    "law",
    [
        lambda u, v: np.sqrt(u) * np.tanh(u / np.sqrt(v)),
        lambda u, v: v * erf(0.5 * np.sqrt(u) * v),
        lambda u, v: u * erfc(np.sqrt(u / v)),
        lambda u, v: erfc(np.sqrt(u) / v),
        lambda u, v: u / v * np.exp(-(u**0.75) * np.sqrt(v)),
        lambda u, v: v * (1 + 2 * np.sqrt(u) * v) ** (-1 / 3),
        lambda u, v: v * np.tan(0.4 * np.sqrt(u * v**0.5)),
        lambda u, v: np.sin(0.5 * np.sqrt(u) * v**0.25) / v,
    ],
)
def test_exponents_in_front_and_inside_are_found(
    law: Callable[[Array, Array], Array], noise: float
) -> None:
    rng = np.random.default_rng(3)
    u, v = np.exp(rng.uniform(-1.5, 1.5, (2, N_RUNS)))
    clean = law(u, v)
    problem = Problem({"pi_1": u, "pi_2": v}, clean * np.exp(noise * rng.standard_normal(N_RUNS)))
    runs = Runs.of(problem)
    archive = Archive(runs, np.inf)
    single_index(response(runs), archive)
    assert archive.best is not None
    left = np.log(evaluate(archive.best.tree, runs) / clean)
    assert np.sqrt(np.mean(left**2)) < (1e-9 if noise == 0 else 0.5 * noise)
    assert archive.exact == (noise == 0)


def test_groups_that_change_sign_are_left_out() -> None:
    rng = np.random.default_rng(4)
    u, v = np.exp(rng.uniform(-1.5, 1.5, N_RUNS)), rng.uniform(-1, 1, N_RUNS)
    problem = Problem({"pi_1": u, "pi_2": v}, np.tanh(u**1.5), unlogged=("pi_2",))
    archive = Archive(Runs.of(problem), np.inf)
    single_index(response(archive.runs), archive)
    assert archive.exact


def test_too_few_runs_are_no_search() -> None:
    u = np.linspace(0.1, 3.0, 8)
    archive = Archive(Runs.of(Problem({"pi_1": u}, np.tanh(u))), np.inf)
    single_index(response(archive.runs), archive)
    assert not archive.tried


@pytest.mark.parametrize("power", [0.3, 0.7])
def test_steps_end_where_many_forms_fit_without_noise(power: float) -> None:
    u = np.random.default_rng(0).uniform(0.1, 10.0, 40)
    archive = Archive(Runs.of(Problem({"pi_1": u}, u**power)), np.inf)
    for step in (single_index, logarithms_of_sums):
        step(response(archive.runs), archive)
    assert archive.best is not None
