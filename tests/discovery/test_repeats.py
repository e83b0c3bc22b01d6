"""Repeats of settings that share an error."""

from typing import Any

import numpy as np
import pytest

from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with
from dimgs.discovery.options import Options
from dimgs.discovery.search import means_of_settings, share_errors

REPEATS = 5
AMONG = np.repeat(np.arange(9), REPEATS)


def saturation(seed: int, between: float, within: float = 0.01) -> Dataset:
    """Michaelis and Menten's law, K = 1400 mol/m^3, with errors of settings and of repeats."""
    rng = np.random.default_rng(seed)
    c = np.exp(np.linspace(-1.5, 2.0, 9))[AMONG]
    errors = between * rng.normal(size=9)[AMONG] + within * rng.normal(size=len(AMONG))
    rate = 3.0 * c / (1.4 + c) * np.exp(errors)
    batch = np.array([f"batch {k}" for k in AMONG])
    day = np.array([f"day {k % REPEATS}" for k in range(len(AMONG))])
    columns: dict[str, Any] = {"c [mol/L]": c, "r [mol/s]": rate, "b [label]": batch, "d": day}
    return Dataset.from_columns(columns)


def test_the_mean_of_a_setting_is_that_of_the_logarithm_and_keeps_what_its_repeats_share() -> None:
    data = saturation(0, 0.06)
    means = means_of_settings(data, "r", Options())
    assert means is not None
    assert means.names == ("c", "r", "b")
    logs = np.log(data["r"]).reshape(9, REPEATS).mean(axis=1)
    assert np.log(means["r"]) == pytest.approx(logs)
    assert means["c"] == pytest.approx(data["c"][::REPEATS])


@pytest.mark.parametrize(
    "asked", [{"within": "b"}, {"by": ("b",)}, {"split_by": "b"}], ids=lambda each: next(iter(each))
)
def test_groups_that_are_stated_are_left_as_they_are(asked: dict[str, Any]) -> None:
    assert means_of_settings(saturation(0, 0.06), "r", Options(**asked)) is None


def test_repeats_that_scatter_as_their_settings_do_are_runs() -> None:
    rng = np.random.default_rng(1)
    flagged = 0
    for _ in range(40):
        x = np.exp(rng.uniform(-1.0, 1.0, 9))[AMONG]
        y = 2.0 * x**0.7 * np.exp(0.05 * rng.normal(size=len(x)))
        data = Dataset.from_columns({"x [1]": x, "y [1]": y})
        flagged += means_of_settings(data, "y", Options()) is not None
    assert flagged <= 1


def test_intervals_are_those_of_settings_where_repeats_share_an_error() -> None:
    asked = Options(form="V*c/(K + c)", engine="power_law")
    inside = 0
    for seed in range(3):
        data = saturation(seed, 0.06)
        report = discover_with(data, "r", asked)
        assert report.n_runs == 9
        assert any("counts as one run (45 rows have 9)" in text for text in report.warnings)
        assert report.law is not None
        assert share_errors(report.law, data, asked)
        constant = next(c for c in report.law.constants if c.name == "K")
        assert constant.low is not None
        assert constant.high is not None
        inside += constant.low <= 1400.0 <= constant.high
    assert inside >= 2
    clean = saturation(0, 0.0)
    whole = discover_with(clean, "r", asked)
    assert whole.law is not None
    assert not share_errors(whole.law, clean, asked)
    assert whole.n_runs == len(AMONG)
    assert not any("counts as one run" in text for text in whole.warnings)


def test_a_law_of_all_repeats_is_kept_where_their_means_are_too_few_for_its_form() -> None:
    rng = np.random.default_rng(100)
    x = np.repeat(np.geomspace(0.7, 4.0, 4), 3)
    y = 3.0 * (1 + 0.8 * x) * np.exp(0.01 * rng.normal(size=12))
    data = Dataset.from_columns({"x [1]": x, "y [1]": y})
    assert means_of_settings(data, "y", Options()) is not None
    report = discover_with(data, "y", Options(evaluations=2000))
    assert report.law is not None
    assert report.n_runs == 12
    assert report.law.predict_si({"x": np.array([2.0])}) == pytest.approx([7.8], rel=0.02)
    assert not report.verdict.confirmed
