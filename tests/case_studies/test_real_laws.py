"""Laws of reference tables beside the published ones, where the tables are present."""

from pathlib import Path

import pytest
import sympy

from case_studies.benchmarks import real_laws, real_tables
from case_studies.benchmarks.real_laws import QUESTIONS, Answer


def test_formulas_hold_only_columns_and_constants() -> None:
    for name, asked in QUESTIONS.items():
        known = {*asked.units, *asked.constants}
        assert asked.target in asked.units, name
        if asked.formula:
            named = {str(s) for s in sympy.sympify(asked.formula).free_symbols}
            assert named <= known - {asked.target}, name


def test_trees_are_cylinders_and_the_published_law_is_as_good(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real_tables, "FOLDER", shared_data)
    answer = Answer.of(QUESTIONS["cherry trees"])
    fitted, published = answer.densities
    assert answer.report.probability is not None
    assert answer.report.probability > 0.7
    # its exponent is fitted, which costs one to two nats of the density of all runs
    assert 1.0 < answer.report.n_runs * (published - fitted) < 1.5
    row = answer.row("cherry trees")
    assert row.count("|") == real_laws.HEAD[0].count("|")
    assert "girth_in**1.991*height_ft**1.009" in row
    assert answer.report.fit is not None
    simple = {e.name: str(e.rational) for e in answer.report.fit.variable_exponents}
    assert (simple["girth_in"], simple["height_ft"]) == ("2", "1")
