"""What was not varied is not claimed: its exponents are unknown, and the prefactor holds it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dimgs
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.law.display import held_note, undetermined_inputs
from dimgs.report.plain_text import fit_text
from dimgs.report.results import fit_document

N = 16


def uptake(**more: Array) -> Dataset:
    """M = 1.13 c A sqrt(D t): area, volume and thickness are the same in every run."""
    rng = np.random.default_rng(0)
    D, t, c = (np.exp(rng.uniform(*e, N)) for e in ((-30, -26), (9, 13), (0, 2)))
    columns = {"D [m^2/s]": D, "t [s]": t, "c [kg/m^3]": c, "A [m^2]": np.full(N, 0.02)}
    columns |= {"V [m^3]": np.full(N, 1e-3), "l [m]": np.full(N, 1e-4), **more}
    noise = np.exp(0.01 * rng.normal(size=N))
    return Dataset.from_columns({**columns, "M [kg]": 1.13 * c * 0.02 * np.sqrt(D * t) * noise})


@pytest.mark.parametrize("more", [{}, {"h [m/s]": np.full(N, 2e-7)}])
def test_fixed_inputs_have_no_exponents_and_the_prefactor_holds_them(more: Any) -> None:
    result = replace(dimgs.fit(uptake(**more), "M"), judge=None)
    assert str(result.law) == "M = C*c*sqrt(D*t)"
    assert {"A", "V", "l"}.isdisjoint(e.name for e in result.variable_exponents)
    prefactor = result.law.shown.constants[0]
    assert prefactor.value == pytest.approx(1.13 * 0.02, rel=0.02)
    assert prefactor.unit == "m^2"
    if not more:
        assert prefactor.low is not None
        assert prefactor.high is not None
        assert prefactor.low < 1.13 * 0.02 < prefactor.high
    text = fit_text(result)
    assert "A, V, l were fixed: their exponents are not known; C holds them." in text, text
    assert "A:" not in text
    document = fit_document(result)
    assert document["undetermined"] == ["A", "V", "l"]
    # what the units settle stays: all lengths twice as large give eight times as much
    law, values = result.law, {n: uptake(**more)[n] for n in uptake(**more).names}
    twice = {k: v * {"m": 2, "m^2": 4, "m^3": 8, "m^2/s": 4, "m/s": 2}.get(_unit(k), 1)
             for k, v in values.items()}  # fmt: skip
    assert np.asarray(law.predict_si(twice)) == pytest.approx(8 * law.predict_si(values))


def _unit(name: str) -> str:
    return {"D": "m^2/s", "A": "m^2", "V": "m^3", "l": "m", "h": "m/s"}.get(name, "")


def test_inputs_that_vary_only_together_have_no_exponents() -> None:
    rng = np.random.default_rng(1)
    k, t = rng.uniform(1, 9, N), rng.uniform(1, 5, N)
    data = Dataset.from_columns({"l [m]": k, "A [m^2]": 3 * k**2, "t [s]": t, "v [m/s]": k / t})
    result = dimgs.fit(data, "v")
    assert {e.name for e in result.variable_exponents} == {"t"}
    assert undetermined_inputs(result.law) == ()


def test_an_input_that_the_units_determine_keeps_its_exponent() -> None:
    rng = np.random.default_rng(2)
    T = rng.uniform(1, 3, N)
    data = Dataset.from_columns({"T [s]": T, "g [m/s^2]": np.full(N, 9.81), "L [m]": 0.25 * T**2})
    result = dimgs.fit(data, "L")
    assert held_note(result.law) == ""
    assert str(result.law) == "L = C*T**2*g"


@settings(max_examples=10)
@given(st.lists(st.sampled_from(["E", "Q", "lambda", "beta", "N", "I"]), min_size=2, unique=True))
def test_no_identifier_stands_in_a_shown_formula(names: list[str]) -> None:
    rng = np.random.default_rng(3)
    columns = {f"{n} [m]": rng.uniform(1, 2, N) for n in names}
    y = np.prod(list(columns.values()), axis=0)
    law = dimgs.fit(Dataset.from_columns({**columns, f"y [m^{len(names)}]": y}), "y").law
    assert "_" not in str(law)
    assert all(n in str(law) for n in names)
