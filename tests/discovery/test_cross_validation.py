"""Predictions and scores of runs left out, and the structure of residuals."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy
from numpy.typing import NDArray

from dimgs import Dataset, Options
from dimgs.discovery import power_law
from dimgs.discovery.prepare import prepare
from dimgs.discovery.scoring import (
    clearly_less,
    law_scores,
    left_out_predictions,
    residual_summary,
    rows_aside,
)
from dimgs.fits.design import Design
from dimgs.fits.whiteness import KernelRegressions, normal_scores
from dimgs.law.assemble import assemble
from dimgs.law.law import Law

Array = NDArray[np.float64]
a, b, pi_1 = sympy.symbols("a b pi_1")
LINE = a + b * pi_1


def line(
    n: int = 30, noise: float = 0.05, split: str | None = None, seed: int = 0
) -> tuple[Design, Law]:
    """Runs of y = 1 + 2·x and their law, on the logarithm."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.5, 4.0, n)
    y = (1.0 + 2.0 * x) * np.exp(noise * rng.standard_normal(n))
    columns: dict[str, object] = {"x [1]": x, "y [1]": y}
    if split is not None:
        columns[split] = [f"s{k % 6}" for k in range(n)]
    design = prepare(Dataset.from_columns(columns), "y", Options(split_by=split)).design
    return design, assemble(design, LINE, {"a": 1.0, "b": 2.0}, 0.9)


def moved(design: Design, rows: Array) -> Design:
    """The same design with the responses of some runs three times as large."""
    y = design.y.copy()
    y[rows] += np.log(3.0)
    return replace(design, y=y)


@pytest.mark.parametrize("split", [None, "site"])
def test_no_run_takes_part_in_its_own_prediction(split: str | None) -> None:
    design, law = line(split=split)
    before = left_out_predictions(design, law, 0)
    truth = np.exp(design.y + design.offset)
    assert np.all(np.isfinite(before))
    assert np.sqrt(np.mean(np.log(before / truth) ** 2)) < 0.07
    for run in (0, 13):
        rows = np.array([run]) if design.split is None else design.split == design.split[run]
        after = left_out_predictions(moved(design, rows), law, 0)
        same = np.isclose(after, before, rtol=1e-9)
        assert np.all(same[rows])
        assert not np.any(same) or np.sum(same) <= 6
        assert np.sum(~same) > 20


@pytest.mark.parametrize("n", [30, 60])
def test_scores_of_a_law_are_of_fits_left_out_runs_and_runs_aside(n: int) -> None:
    design, law = line(n)
    options = Options()
    scores = law_scores(design, law, options)
    log = design.y + design.offset
    total = np.sum((log - log.mean()) ** 2)
    fitted = log - np.log(law.predict_si(design.data))
    left_out = log - np.log(left_out_predictions(design, law, 0))
    assert scores.r2_log == pytest.approx(1 - fitted @ fitted / total)
    assert scores.rmse_log == pytest.approx(np.sqrt(np.mean(fitted**2)))
    assert scores.cv_r2_log == pytest.approx(1 - left_out @ left_out / total)
    rows = rows_aside(design, options)
    assert (rows is None) == (n < 40)
    if rows is None:
        assert scores.holdout_r2_log is None
        return
    train, test = rows
    assert len(set(train) | set(test)) == n == len(train) + len(test)
    again = assemble(design.take(train), LINE, {"a": 1.0, "b": 2.0}, 0.9)
    wrong = log[test] - np.log(again.predict_si(design.data.take(test)))
    reference = log[test] - log[train].mean()
    assert scores.holdout_r2_log == pytest.approx(1 - wrong @ wrong / (reference @ reference))
    assert scores.holdout_n == len(test) == n // 5


def test_what_the_groups_explain_of_the_residuals() -> None:
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(-1.5, 1.5, 60))
    y = (1 + x**2) * np.exp(0.05 * rng.standard_normal(60))
    design = prepare(Dataset.from_columns({"x [1]": x, "y [1]": y}), "y", Options()).design
    power = assemble(design, a * pi_1, {"a": 2.0}, 0.9)
    power = power.with_scores(law_scores(design, power, Options()))
    whole = assemble(design, 1 + a * pi_1**2, {"a": 1.0}, 0.9)
    whole = whole.with_scores(law_scores(design, whole, Options()))
    residuals = design.y + design.offset - np.log(power.predict_si(design.data))
    places = (design.X - design.X.mean(axis=0)) / design.X.std(axis=0)
    share = residual_summary(design, power).unexplained
    again = KernelRegressions.of(places).share(normal_scores(residuals))
    assert share == pytest.approx(again, abs=1e-9)
    assert share > 0.8
    assert residual_summary(design, whole).unexplained == 0.0
    exact = replace(design, y=design.y - residuals)
    rescored = power.with_scores(law_scores(exact, power, Options()))
    assert residual_summary(exact, rescored).unexplained == 0.0


def test_a_gain_counts_beyond_its_standard_error_only() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(60)
    bent = noise + 2.0 * np.linspace(-1, 1, 60)
    assert clearly_less(noise, bent, None)
    assert not clearly_less(bent, noise, None)
    assert not clearly_less(noise, noise, None)
    shaken = noise + 0.3 * rng.standard_normal(60)
    verdicts = [
        clearly_less(residuals, other, None)
        for residuals, other in ((noise, shaken), (shaken, noise))
    ]
    assert not all(verdicts)


@pytest.mark.parametrize(("size", "clear"), [(1.02, True), (0.98, False)])
def test_the_standard_error_is_that_of_a_sum(size: float, clear: bool) -> None:
    # gains 1 + z with z of mean 0: their sum is n, its standard error sd(z)·sqrt(n)
    z = np.where(np.arange(25) % 2, 1.0, -1.0)
    z = z - z.mean()
    z *= np.sqrt(25) / np.std(z, ddof=1)
    gain = 1.0 + z / size
    residuals = np.full(25, 10.0)
    assert clearly_less(residuals, np.sqrt(100.0 + gain), None) == clear


def test_groups_count_as_one_run_each() -> None:
    residuals = np.ones(40)
    other = np.where(np.arange(40) < 20, 1.5, 0.9)
    assert clearly_less(residuals, other, None)
    assert not clearly_less(residuals, other, np.repeat([0, 1], 20))
    assert not clearly_less(residuals, other, np.zeros(40))


def test_effects_of_many_sources_are_left_out_in_few_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def noted(design: Design, fitter: Any, seed: int, most: int) -> Any:
        asked.append(most)
        return np.zeros(design.n_runs)

    monkeypatch.setattr(power_law, "left_out_residuals", noted)
    for sources in (160, 40):
        x = np.exp(np.random.default_rng(0).uniform(0, 2, 320))
        labels = [f"s{k % sources}" for k in range(320)]
        data = Dataset.from_columns({"x [m]": x, "y [m]": 2 * x, "lab": labels})
        power_law.fit_prepared(prepare(data, "y", Options(by=("lab",))), Options(by=("lab",)))
    assert asked[0] < asked[1]
