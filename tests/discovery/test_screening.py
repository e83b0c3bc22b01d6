"""Among many inputs the few that matter are searched, and noise is taken for noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import dimgs
from dimgs import Dataset
from dimgs.common.arrays import Array
from dimgs.discovery.explore import explore
from dimgs.discovery.options import Options
from dimgs.discovery.screening import MANY, _forward, screen_inputs


def columns(runs: int, others: int, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    names: tuple[str, ...] = ("rho [kg/m^3]", "U [m/s]", "D [m]", "mu [Pa*s]")
    units = ("m", "m/s", "K")
    names += tuple(f"z{k} [{units[k % 3]}]" for k in range(others))
    return {name: np.exp(rng.uniform(-1, 1, runs)) for name in names}


def force(table: dict[str, Array]) -> Array:
    rho, U, D, mu = list(table.values())[:4]
    return np.asarray(rho * U**2 * D**2 * (0.25 + 6 * mu / (rho * U * D)))


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 100), st.sampled_from([20, 40]))
def test_what_matters_is_kept(seed: int, others: int) -> None:
    table = columns(150, others, seed)
    data = Dataset.from_columns({**table, "F [N]": force(table)})
    kept = screen_inputs(data, "F", Options())
    assert kept is not None
    assert {"rho", "U", "D", "mu"} <= set(kept)
    # beside them what a step takes by chance, one in a hundred
    assert len(kept) <= 8


def test_products_of_signed_inputs_are_seen() -> None:
    table = columns(150, 20, 0)
    q1, q2 = np.random.default_rng(1).uniform(-1, 1, (2, 150))
    data = Dataset.from_columns(
        {**table, "q1 [C]": q1, "q2 [C]": q2, "y [C^2]": q1 * q2 * table["z0 [m]"] / 2}
    )
    kept = screen_inputs(data, "y", Options())
    assert kept is not None
    assert {"q1", "q2", "z0"} <= set(kept)


@pytest.mark.parametrize(("runs", "step"), [(8, 0), (14, 1)])
def test_a_term_is_taken_where_its_t_test_says_so(runs: int, step: int) -> None:
    rng = np.random.default_rng(runs)
    Z = rng.standard_normal((runs, step + 1))
    first, second = np.triu_indices(step + 1)
    terms = np.column_stack([np.ones(runs), Z, Z[:, first] * Z[:, second]])
    known = terms[:, : step + 1]
    # what the last input adds to the first, and what no term explains
    term, noise = Z[:, step], rng.standard_normal(runs)
    term = term - known @ np.linalg.lstsq(known, term, rcond=None)[0]
    noise = noise - terms @ np.linalg.lstsq(terms, noise, rcond=None)[0]
    term, noise = term / np.linalg.norm(term), noise / np.linalg.norm(noise)
    # 1 % among all terms, both signs
    t = stats.t.isf(0.01 / 2 / (terms.shape[1] - 1), runs - 2 - step)
    for factor, taken in ((1.01, True), (0.99, False)):
        y = 30.0 * Z[:, 0] * step + term * factor * t / np.sqrt(runs - 2 - step) + noise
        assert _forward(Z, y, 0) == [*range(step), *([step] if taken else [])]


def test_few_inputs_are_left_alone() -> None:
    table = columns(60, MANY - 4, 0)
    assert (
        screen_inputs(Dataset.from_columns({**table, "F [N]": force(table)}), "F", Options())
        is None
    )


def test_chance_is_not_taken_for_more() -> None:
    rng = np.random.default_rng(0)
    screened_tables = 0
    for _ in range(20):
        noise = {f"x{k} [1]": rng.lognormal(size=60) for k in range(20)}
        kept = screen_inputs(Dataset.from_columns({**noise, "y [1]": rng.lognormal(size=60)}), "y",
                        Options(), rng.normal(size=60))  # fmt: skip
        screened_tables += kept is not None
    # a level of 1 %: three or more of twenty have odds of one in a thousand
    assert screened_tables <= 2


def test_the_law_among_many_inputs() -> None:
    table = columns(120, 30, 2)
    data = Dataset.from_columns({**table, "F [N]": force(table)})
    with pytest.warns(dimgs.DimgsWarning, match="Of 34 inputs, 4 are used"):
        report = dimgs.discover(data, "F", engine="structured", evaluations=2000)
    assert report.law is not None
    assert report.law.predict_si(data) == pytest.approx(force(table), rel=1e-9)
    result = explore(data, "F")
    assert result.dominant is not None
