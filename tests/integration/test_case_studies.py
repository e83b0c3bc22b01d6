"""Every case study, from the checkout and from the layout of a wheel."""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from case_studies.readme import sections
from dimgs.cli.reproduce import VARIABLE, Outcome, run_studies, study_titles

ROOT = Path(__file__).resolve().parents[2]
TABLES = ROOT.parent / "shared" / "data"
SLOW = {
    "conserved_quantities",
    "groundwater_mound",
    "hydraulic_jump",
    "ising",
    "keyhole_depth",
    "law_symmetries",
    "packaging_migration",
    "percolation",
    "pinch_off",
    "polymer_chains",
    "polymer_diffusivity",
    "rayleigh_benard",
    "rough_pipe",
    "self_similar",
}
STUDIES = [
    pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in study_titles()
]


@cache
def outcome_of(name: str) -> Outcome:
    """Of a study that has its data here; nothing is downloaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, os.environ.get(VARIABLE, str(TABLES)))
        (outcome,) = run_studies([name])
    return outcome


def ran(name: str) -> Outcome:
    outcome = outcome_of(name)
    if outcome.status == "not run":
        pytest.skip(outcome.why)
    assert outcome.status == "ok", outcome.why
    return outcome


def numbers(outcome: Outcome) -> dict[str, float]:
    pairs = re.findall(r"([^;]+?) (-?[\d.]+(?:e[-+]\d+)?)(?: \[|;|$)", outcome.found)
    return {name.strip(): float(value) for name, value in pairs}


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_meets_its_published_numbers_and_draws_a_figure(
    name: str, tmp_path: Path
) -> None:
    outcome = ran(name)
    parts = [getattr(outcome, field).split("; ") for field in ("found", "published", "tolerance")]
    assert len({len(part) for part in parts}) == 1
    assert any(text != "not judged" for text in parts[2])
    findings = outcome.findings
    assert findings is not None
    if findings.draw is not None:
        assert findings.caption
        assert findings.save_figure(tmp_path / "figure.svg")
        assert (tmp_path / "figure.svg").stat().st_size > 5000


@pytest.mark.parametrize("name", sorted(study_titles()))
def test_every_study_tells_its_story_source_and_published_answer(name: str) -> None:
    folder = ROOT / "case_studies" / name
    parts = sections(name)
    assert set(parts) >= {"Story", "Data", "Published"}
    assert (folder / "__init__.py").is_file()
    if not (folder / "README.md").is_file():
        pytest.skip(f"{name} has no page; write it by: python -m case_studies.readme {name}")
    page = (folder / "README.md").read_text(encoding="utf-8")
    if f"dimgs reproduce {name}" in page:  # written by case_studies.readme
        stale = [title for title in parts if parts[title] not in page]
        assert not stale, f"run: python -m case_studies.readme {name}"


def test_there_are_at_least_a_dozen_studies() -> None:
    assert len(study_titles()) >= 12


def test_where_there_is_no_law_the_tool_says_so() -> None:
    assert "digits of π: no law found" in ran("no_law").found


def test_the_runs_of_kepler_alone_name_the_missing_constant() -> None:
    outcome = ran("kepler")
    assert "missing: G^(-1/2)" in outcome.found
    values = numbers(outcome)
    assert abs(values["prefactor"] / 6.283185307 - 1) < 3e-4
    assert abs(values["exponent of a"] - 1.5) < 2e-4


def test_the_energy_of_the_blast_has_an_interval_that_holds_the_published_one() -> None:
    outcome = ran("taylor_blast")
    ends = re.search(r"energy [\d.]+ \[([\d.]+), ([\d.]+)\] TJ", outcome.found)
    assert ends is not None
    assert float(ends[1]) < 71.4 < float(ends[2])


def test_the_amplitude_of_the_pendulum_matters_as_much_as_theory_says() -> None:
    values = numbers(ran("pendulum"))
    # mean of theta^2/8 for amplitudes uniform in the logarithm between 0.02 and 0.2
    assert 0.0003 < values["exponent of theta_0"] < 0.002


def test_studies_run_from_the_layout_of_a_wheel(tmp_path: Path) -> None:
    site = tmp_path / "site"
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "dimgs", site / "dimgs", ignore=skip)
    shutil.copytree(ROOT / "case_studies", site / "dimgs" / "case_studies", ignore=skip)
    code = (
        "import json, dimgs; from dimgs.cli.reproduce import run_studies, study_titles;"
        "print(json.dumps([dimgs.__file__, list(study_titles()),"
        " [o.to_json() for o in run_studies(['taylor_blast', 'smooth_pipe'])]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    where, titles, outcomes = json.loads(done.stdout)
    assert Path(where).is_relative_to(site)
    assert titles == list(study_titles())
    for outcome in outcomes:
        assert outcome["status"] in ("ok", "not run"), outcome["why"]


def test_no_study_depends_on_where_the_others_lie() -> None:
    for name in study_titles():
        source = (ROOT / "case_studies" / name / "study.py").read_text(encoding="utf-8")
        assert "case_studies." not in source.split('"""', 2)[2], name


def test_without_the_package_that_ships_its_data_a_study_is_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "fluids", None)
    monkeypatch.setitem(sys.modules, "fluids.friction", None)
    monkeypatch.setitem(sys.modules, "fluids.drag", None)
    for outcome in run_studies(["smooth_pipe", "sphere_drag"]):
        assert outcome.status == "not run"
        assert 'pip install "dimgs[studies]"' in outcome.why
