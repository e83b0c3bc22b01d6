"""Every file that dimgs 0.1.0 wrote still loads, and says the same."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dimgs.campaign import Range, read_plan
from dimgs.campaign.experiment import DecisionLog, changed_since
from dimgs.campaign.plan import bind
from dimgs.discovery.outofcore import fit_stream
from dimgs.hub import RunStore
from dimgs.hub.schema import SCHEMA_VERSION
from dimgs.law.law import Law
from dimgs.report.results import FitResult

OLD = Path(__file__).parent / "v0_1_0"
PREDICTIONS: dict[str, dict[str, Any]] = json.loads((OLD / "predictions.json").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(PREDICTIONS))
def test_a_law_predicts_what_it_did(name: str) -> None:
    law, then = Law.from_json(OLD / name), PREDICTIONS[name]
    at = {column: np.asarray(values) for column, values in then["at"].items()}
    with pytest.warns(match="did not record the inputs that its runs held"):
        prediction = law.predict(at, 0.8)
    np.testing.assert_allclose(prediction.value, then["value"], rtol=1e-9)
    # intervals of predicted runs were too narrow where runs are few, or a border is near
    assert np.all(np.asarray(prediction.low) <= np.asarray(then["low"]) * (1 + 1e-9))
    assert np.all(np.asarray(prediction.high) >= np.asarray(then["high"]) * (1 - 1e-9))
    assert Law.from_json(law.to_json()) == law


def test_the_laws_are_of_every_shape() -> None:
    laws = {name: Law.from_json(OLD / name) for name in PREDICTIONS}
    assert len(laws) == len(list(OLD.glob("law_*.json"))) == 9
    assert all("schema" not in json.loads((OLD / n).read_text("utf-8")) for n in laws)
    assert laws["law_labels.json"].label_effects is not None
    assert laws["law_linear.json"].uncertainty.scale == "linear"
    assert laws["law_level.json"].target.is_level
    assert laws["law_structured_scale.json"].scales
    assert laws["law_constant.json"].known
    assert "Piecewise" in str(laws["law_pieces.json"].expression)


def test_reports_and_fits_give_their_law() -> None:
    assert Law.from_json(OLD / "report.json") == Law.from_json(OLD / "law_structured_scale.json")
    assert Law.from_json(OLD / "fit.json") == Law.from_json(OLD / "law_pieces.json")


def test_a_plan_asks_what_it_did() -> None:
    plan = read_plan(OLD / "plan.toml")
    assert plan.ranges["t"] == Range(1.0, 2.0, "day")
    assert plan.ranges["D"] == Range(1e-14, 1e-13, "m^2/s")
    assert plan.fixed["l"] == (100.0, "um")
    assert plan.fixed["K"] == (10.0, None)
    assert plan.points == ({"t": (1.5, "day"), "D": (5e-14, "m^2/s")},)
    assert (plan.budget.runs, plan.budget.coarse_runs, plan.budget.seconds) == (12, 20, 600.0)
    assert (plan.tiers, plan.survey, plan.report) == (("series",), 8, "none")


def test_a_campaign_knows_its_runs_its_plan_and_its_decisions(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    shutil.copytree(OLD / "campaign", folder)
    with RunStore(folder / "runs.sqlite") as store:
        assert store.counts() == {"ok": 8}
        data = store.to_dataset("CF")
        first = store.records()[0]
    assert data.n_runs == 8
    assert first.inputs["D"] == (1.9327209844674994e-14, "m^2/s")
    assert first.outputs["CF"] == (2.008906180012472, "kg/m^3")
    assert first.provenance["versions"]["dimgs"] == "0.1.0"
    assert len((folder / "decisions.jsonl").read_text("utf-8").splitlines()) == (
        DecisionLog(folder)._lines
    )
    assert changed_since([bind(read_plan(OLD / "plan.toml"))], folder) == ""
    assert json.loads((folder / "plan.json").read_text("utf-8"))["schema"] == 1
    assert changed_since([bind(read_plan(OLD / "plan.toml"))], folder) == ""


def moved(folder: Path, options: dict[str, str] | None = None) -> tuple[Path, Path]:
    """The table of 0.1.0 and its checkpoint, as if they had been made in `folder`."""
    table, kept = folder / "drag.csv", folder / "drag.checkpoint"
    shutil.copy(OLD / "drag.csv", table)
    with np.load(OLD / "drag.checkpoint") as opened:
        arrays = {name: opened[name] for name in opened.files}
    about = json.loads(str(arrays.pop("about")))
    (head,) = (h for *_, h in about["identity"]["files"].values())
    size, time = table.stat().st_size, table.stat().st_mtime_ns
    about["identity"]["files"] = {str(table.resolve()): [size, time, head]}
    if options is not None:
        about["identity"]["question"]["options"] = options
    with kept.open("wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)
    return table, kept


def resumed(table: Path, kept: Path) -> tuple[FitResult, int]:
    """The fit, and the rows that had been read before."""
    counts: list[int] = []
    result = fit_stream(
        table, "F", chunk_rows=20, checkpoint=kept, progress=lambda rows, _: counts.append(rows)
    )
    return result, counts[0]


def test_a_fit_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    table, kept = moved(tmp_path)
    result, first = resumed(table, kept)
    whole = fit_stream(table, "F", chunk_rows=20)
    assert first > 119
    assert result.warnings == whole.warnings
    assert result.scores.r2_log == pytest.approx(whole.scores.r2_log, rel=1e-9)
    assert str(result.law) == str(whole.law)


@pytest.mark.parametrize("options", [{}, {"level": "0.8"}])
def test_an_option_that_is_newer_than_a_checkpoint_had_its_default(
    tmp_path: Path, options: dict[str, str]
) -> None:
    table, kept = moved(tmp_path, options)
    result, first = resumed(table, kept)
    assert (first > 119) == (not options)
    assert any("another table or other options" in w for w in result.warnings) == bool(options)


def test_the_page_of_files_names_the_version_of_hubs() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "files.md"
    assert f"is {SCHEMA_VERSION} for a hub" in " ".join(page.read_text("utf-8").split())
