"""Every case study, from the checkout and from the layout of a wheel."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dimgs.reproduce import Outcome, run_studies, study_titles

ROOT = Path(__file__).resolve().parents[2]
NEEDS = {"smooth_pipe": "fluids"}


def outcome_of(name: str) -> Outcome:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    (outcome,) = run_studies([name])
    assert outcome.status == "ok", outcome.why
    return outcome


def numbers(outcome: Outcome) -> dict[str, float]:
    pairs = re.findall(r"([^;]+?) (-?[\d.]+(?:e[-+]\d+)?)(?: \[|;|$)", outcome.found)
    return {name.strip(): float(value) for name, value in pairs}


@pytest.mark.parametrize("name", sorted(study_titles()))
def test_every_study_meets_its_published_numbers(name: str) -> None:
    outcome = outcome_of(name)
    parts = [getattr(outcome, field).split("; ") for field in ("found", "published", "tolerance")]
    assert len({len(part) for part in parts}) == 1


@pytest.mark.parametrize("name", sorted(study_titles()))
def test_every_study_tells_its_story_source_and_published_answer(name: str) -> None:
    source = (ROOT / "case_studies" / name / "study.py").read_text(encoding="utf-8")
    for section in ("\nStory\n", "\nData\n", "\nPublished\n"):
        assert section in source
    assert (ROOT / "case_studies" / name / "__init__.py").is_file()


def test_the_runs_of_kepler_alone_name_the_missing_constant() -> None:
    outcome = outcome_of("kepler")
    assert "missing: G^(-1/2)" in outcome.found
    found = numbers(outcome)
    assert abs(found["prefactor"] / 6.283185307 - 1) < 3e-4
    assert abs(found["exponent of a"] - 1.5) < 2e-4


def test_the_energy_of_the_blast_has_an_interval_that_holds_the_published_one() -> None:
    outcome = outcome_of("taylor_blast")
    ends = re.search(r"energy [\d.]+ \[([\d.]+), ([\d.]+)\] TJ", outcome.found)
    assert ends is not None
    assert float(ends[1]) < 71.4 < float(ends[2])


def test_the_amplitude_of_the_pendulum_matters_as_much_as_theory_says() -> None:
    found = numbers(outcome_of("pendulum"))
    # mean of theta^2/8 for amplitudes uniform in the logarithm between 0.02 and 0.2
    assert 0.0003 < found["exponent of theta_0"] < 0.002


def test_studies_run_from_the_layout_of_a_wheel(tmp_path: Path) -> None:
    site = tmp_path / "site"
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "dimgs", site / "dimgs", ignore=skip)
    shutil.copytree(ROOT / "case_studies", site / "dimgs" / "case_studies", ignore=skip)
    code = (
        "import json, dimgs; from dimgs.reproduce import run_studies, study_titles;"
        "print(json.dumps([dimgs.__file__, list(study_titles()),"
        " run_studies(['taylor_blast'])[0].to_json()]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    where, titles, outcome = json.loads(done.stdout)
    assert Path(where).is_relative_to(site)
    assert titles == list(study_titles())
    assert outcome["status"] == "ok", outcome["why"]


def test_without_the_package_that_ships_its_data_a_study_is_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "fluids", None)
    monkeypatch.setitem(sys.modules, "fluids.friction", None)
    (outcome,) = run_studies(["smooth_pipe"])
    assert outcome.status == "not run"
    assert 'pip install "dimgs[studies]"' in outcome.why
