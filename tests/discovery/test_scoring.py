"""Scores are those of textbooks, on the target, by runs or groups of runs."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from dimgs import Dataset, discover, fit
from dimgs.discovery.explore import explore
from dimgs.discovery.outofcore import fit_stream
from dimgs.discovery.scoring import (
    holdout,
    holdout_rows,
    log_target,
    r2,
    scores_of,
    scores_of_search,
)
from dimgs.fits.base import ContrastiveRegressor
from dimgs.fits.design import Design, build_design
from dimgs.fits.training_runs import TrainingRuns
from dimgs.groups.derive import pi_basis
from dimgs.report.plain_text import fit_text, report_text

Array = NDArray[np.float64]


def _design(n: int = 30, split: bool = False) -> Design:
    rng = np.random.default_rng(0)
    a, b = np.exp(rng.normal(size=(2, n)))
    y = a**2 / b * np.exp(0.2 * rng.normal(size=n))
    labels = [f"g{i % 6}" for i in range(n)]
    data = Dataset.from_columns({"a [m]": a, "b [m]": b, "y [m]": y, "lab": labels})
    return build_design(data, pi_basis(data, "y"), split_by="lab" if split else None)


def _mean(design: Design) -> float:
    return float(log_target(design).mean())


def test_r2_is_one_less_the_share_unexplained() -> None:
    truth = np.array([1.0, 2.0, 4.0])
    assert r2(np.zeros(3), truth) == 1.0
    assert r2(truth - truth.mean(), truth) == pytest.approx(0.0)
    assert r2(np.ones(3), np.full(3, 7.0)) is None
    about = r2(np.ones(3), truth, about=1.0)
    assert about == pytest.approx(1 - 3 / 10)


@pytest.mark.parametrize(
    ("value", "n", "dimensionless", "split"),
    [(0.1 + 0.2, 12, True, False), (3e154, 41, False, True), (7e-290, 60, False, False)],
)
def test_a_target_that_does_not_vary_has_no_score(
    tmp_path: Path, value: float, n: int, dimensionless: bool, split: bool
) -> None:
    rng = np.random.default_rng(n)
    unit = "1" if dimensionless else "m"
    x, y = rng.uniform(0.5, 3.0, (2, n))
    labels = [f"g{i % 6}" for i in range(n)]
    data = Dataset.from_columns(
        {f"x [{unit}]": x, f"y [{unit}]": y, f"z [{unit}]": np.full(n, value), "lab": labels}
    )
    by = "lab" if split else None
    report = discover(data, "z", engine="power_law", split_by=by)
    assert report.law is not None
    table = tmp_path / "table.csv"
    data.to_pandas().to_csv(table, index=False)
    streamed = fit_stream(table, "z", chunk_rows=7)
    laws = (report.law, fit(data, "z", split_by=by).law, fit(data, "z", robust=True).law)
    for scores in (*(law.scores for law in laws), streamed.scores):
        known = scores.to_json()
        del known["rmse_log"]
        assert known == dict.fromkeys(known) | {"holdout_n": 0}
    assert not report.confirmed
    assert "does not vary" in report.why_not[0]
    for text in (report_text(report), fit_text(streamed), report.to_html(), report.to_markdown()):
        assert "does not vary" in text
    geometry = explore(data, "z")
    assert geometry.dominant is None or not dimensionless


def test_scores_on_both_scales() -> None:
    design = _design()
    truth = log_target(design)
    fitted = truth + 0.1
    scores = scores_of(design, fitted, None, None, 0)
    assert scores.rmse_log == pytest.approx(0.1)
    assert scores.r2_log == pytest.approx(1 - 30 * 0.01 / np.sum((truth - truth.mean()) ** 2))
    y = np.exp(truth)
    lost = np.sum((y * (np.exp(0.1) - 1)) ** 2) / np.sum((y - y.mean()) ** 2)
    assert scores.r2 == pytest.approx(1 - lost)
    assert (scores.cv_r2_log, scores.holdout_r2_log, scores.holdout_n) == (None, None, 0)


@pytest.mark.parametrize("split", [False, True])
def test_runs_held_out_never_meet_the_fit(split: bool) -> None:
    design = _design(split=split)
    rows = holdout_rows(design, seed=3)
    assert rows is not None
    train, test = rows
    assert sorted([*train, *test]) == list(range(30))
    assert 3 <= len(test) <= 10
    if split:
        labels = np.asarray(design.data["lab"])
        assert not set(labels[train]) & set(labels[test])
    again = holdout_rows(design, seed=3)
    assert again is not None
    np.testing.assert_array_equal(again[1], test)


def test_a_constant_prediction_scores_nothing_on_runs_held_out() -> None:
    score, n = holdout(_design(), lambda part: lambda other: np.full(other.n_runs, _mean(part)), 0)
    assert n == 6
    assert score == pytest.approx(0.0)


def test_few_runs_are_not_split() -> None:
    assert holdout_rows(_design(8), 0) is None
    assert holdout(_design(8), lambda _: lambda d: d.y, 0) == (None, 0)


class _Memory(ContrastiveRegressor):
    """Knows the runs that it saw, and answers zero elsewhere."""

    clusters: ClassVar[list[set[str]]] = []

    def _fit(self, runs: TrainingRuns) -> None:
        rows = zip(runs.X, runs.y, strict=True)
        self.known_ = {row.tobytes(): float(value) for row, value in rows}
        self.clusters.append(set() if runs.groups is None else set(runs.groups.tolist()))

    def predict(self, X: ArrayLike) -> Array:
        return np.array([self.known_.get(row.tobytes(), 0.0) for row in np.asarray(X)])


@pytest.mark.parametrize("split", [False, True])
def test_a_search_is_repeated_in_every_fold(split: bool) -> None:
    design = _design(split=split)
    model = _Memory().fit(design.X, design.y)
    fitted = model.predict(design.X) + design.offset
    _Memory.clusters.clear()
    scores = scores_of_search(design, fitted, model, 0)
    assert scores.r2_log == 1.0
    truth = log_target(design)
    assert scores.cv_r2_log == pytest.approx(r2(design.y, truth))
    assert scores.holdout_r2_log is not None
    assert scores.holdout_r2_log < 0.7
    sizes = [len(seen) for seen in _Memory.clusters]
    assert sizes == ([5] * 7 if split else [0] * 11)
    assert len(model.known_) == 30
