"""The comparison of models: what is scored, and that what was computed is kept."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from case_studies.benchmarks.model_comparison import __main__ as command
from case_studies.benchmarks.model_comparison.models import MODELS, PairNetwork
from case_studies.benchmarks.model_comparison.reference import (
    points_left_out,
    polymer_left_out,
)


def test_scores_are_of_runs_that_were_not_learned_from() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (40, 2))
    noise = rng.standard_normal(40)
    assert points_left_out(MODELS["gradient boosting"], X, noise, 0) < 0.3
    assert points_left_out(MODELS["power law"], X, X @ [1.0, 2.0] + 0.01 * noise, 0) > 0.999


def test_a_polymer_left_out_is_flagged_with_wider_intervals() -> None:
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (50, 2))
    left = np.arange(50) < 15
    X[left, 0] += 3.0
    y = X @ [1.0, 2.0] + 0.05 * rng.standard_normal(50)
    measured = polymer_left_out(MODELS["dimgs potential"], X, y, left, 0)
    assert measured["ratios within"] > 0.99
    assert measured["share flagged"] == 1.0
    assert measured["within 90 % intervals"] > 0.7
    assert measured["intervals wider by"] > 1.2
    assert set(polymer_left_out(MODELS["power law"], X, y, left, 0)) == {
        "ratios within",
        "ratios across",
    }


def test_the_pair_network_learns_contrasts_and_its_loops_do_not_close() -> None:
    rng = np.random.default_rng(2)
    X = rng.uniform(-1, 1, (12, 1))
    y = 2.0 * X[:, 0]
    network = PairNetwork(epochs=150).fit(X, y)
    assert np.std(network.predict(X) - y) < 0.1 * np.std(y)
    there, back = network.contrast(X[:6] - X[6:]), network.contrast(X[6:] - X[:6])
    assert np.abs(there + back).max() > 1e-4


def test_what_was_computed_is_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [("sphere, drag (simulated)", "power law", 30, seed) for seed in range(2)]
    monkeypatch.setattr(command, "cells", lambda seeds: iter(cells))
    results = tmp_path / "results.jsonl"
    command.systems_table(2, results)
    kept = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
    assert [key for key, _ in kept] == ["|".join(map(str, cell)) for cell in cells]
    assert all(0.5 < scores["r2"] < 0.95 for _, scores in kept)
    first = capsys.readouterr().out
    monkeypatch.setattr(command, "one", lambda *cell: pytest.fail("computed again"))
    command.systems_table(2, results)
    assert capsys.readouterr().out == first
    assert "0." in first
