"""Planted tables: what is true of them, and which laws count as found."""

import json
from pathlib import Path

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import dimgs
from case_studies.benchmarks import planted_tables
from case_studies.benchmarks.planted_tables import ERROR, KINDS, RUNS, is_same
from dimgs.dataset.dataset import bounds_of


@settings(max_examples=15)
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 1000))
def test_runs_scatter_about_the_planted_law_as_is_said(kind: str, seed: int) -> None:
    planted = KINDS[kind](np.random.default_rng(seed))
    data = planted.data
    assert data.n_runs == RUNS
    sides = bounds_of(data, "y")[1]
    assert (np.count_nonzero(sides) == 0.3 * RUNS) == (kind == "censored")
    measured = sides == 0
    true = planted.mean(np.asarray(data["x"]), np.asarray(data["z"]))
    if kind == "offset":
        away = (np.asarray(data["y"]) - true) / np.std(true)
        assert np.std(away) == pytest.approx(ERROR, rel=0.5)
    elif kind == "censored":
        away = np.log(np.asarray(data["y"]) / true)[measured]
        assert np.sqrt(np.mean(away**2)) == pytest.approx(ERROR, rel=0.5)
    for name, power in planted.exponents.items():
        assert power in planted_tables.POWERS, name
    symbols = [sympy.Symbol(s) for s in ("pi_1", "pi_2", *planted.constants)]
    inputs = np.asarray(data["x"]), np.asarray(data["z"])
    form = sympy.lambdify(symbols, planted.form)(*inputs, *planted.constants.values())
    np.testing.assert_allclose(form, true, rtol=1e-12)


@pytest.mark.parametrize("kind", ["offset", "scatter"])
def test_intervals_of_a_known_form_are_measured_without_a_search(kind: str) -> None:
    row = planted_tables.with_known_form(kind, 3)
    assert len(row["law_hits"]) == 3
    assert len(row["exponent_hits"]) == (2 if kind == "scatter" else 0)
    assert row["source_hits"] == []


def test_a_law_is_the_planted_one_whatever_its_constants() -> None:
    planted = KINDS["mixed"](np.random.default_rng(1))
    x, z = np.asarray(planted.data["x"]), np.asarray(planted.data["z"])
    p, q = planted.exponents["x"], planted.exponents["z"]
    other = dimgs.fit({"x [1]": x, "z [1]": z, "y [1]": 7.0 * x**p * z**q}, "y").law
    assert is_same(other, planted)
    wrong = dimgs.fit({"x [1]": x, "z [1]": z, "y [1]": 7.0 * x ** (p + 0.25) * z**q}, "y").law
    assert not is_same(wrong, planted)
    # a decimal exponent is a constant too
    y = x ** (p + 0.06) * z ** (q - 0.07) * np.exp(0.01 * np.sin(99 * x))
    free = dimgs.fit({"x [1]": x, "z [1]": z, "y [1]": y}, "y").law
    assert is_same(free, planted)


@pytest.mark.slow
def test_a_table_is_measured_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.jsonl"
    asked = ["--only", "sources", "--count", "1", "--results", str(results)]
    planted_tables.main(asked)
    first = capsys.readouterr().out
    (row,) = map(json.loads, results.read_text(encoding="utf-8").splitlines())
    assert row["found"]
    assert len(row["source_hits"]) == 20
    planted_tables.main(asked)
    assert capsys.readouterr().out == first
    assert len(results.read_text(encoding="utf-8").splitlines()) == 1
