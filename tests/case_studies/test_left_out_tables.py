"""Descriptions of public tables by their error on runs left out."""

import json
from pathlib import Path

import pytest

from case_studies.benchmarks import left_out_tables


def test_a_table_is_measured_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.jsonl"
    asked = ["--only", "solar system", "--results", str(results)]
    left_out_tables.main(asked)
    assert "1 of 1: solar system" in capsys.readouterr().out
    (row,) = map(json.loads, results.read_text(encoding="utf-8").splitlines())
    assert row["first"] == "power law"
    assert row["r2_log"]["power law"] > 0.9999
    left_out_tables.main(asked)
    again = capsys.readouterr().out
    assert "1 of 1: solar" not in again
    assert "| solar system | 12 | runs | its logarithm | 1.000 |" in again
    assert len(results.read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.slow
def test_the_published_formula_is_refitted_in_the_same_folds(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("case_studies.benchmarks.real_tables.FOLDER", shared_data)
    row = left_out_tables.measured("cherry trees")
    assert row["r2_log"]["published"] == pytest.approx(0.976, abs=0.003)
    assert abs(row["r2_log"]["power law"] - row["r2_log"]["published"]) < 0.01
