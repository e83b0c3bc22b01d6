"""A campaign of LAMMPS runs, as its plan in the case study asks for it."""

from pathlib import Path

import pytest

from dimgs.campaign import read_plan, run_campaign
from tests.kernels.test_lammps_chains import needs_lammps

PLAN = Path(__file__).resolve().parents[2] / "case_studies" / "polymer_chains" / "campaign.toml"


@pytest.mark.slow
@needs_lammps
def test_a_campaign_finds_the_exponents_of_phantom_chains(tmp_path: Path) -> None:
    plan = read_plan(PLAN)
    result = run_campaign(plan, tmp_path / "runs")
    # of chains of 4 to 32 beads the square radius goes as N - 1/N, which comes near a power law
    assert result.outcome in ("confirmed", "predicts")
    assert result.counts["failed"] == 0
    (regime,) = result.regimes
    exponents = {e.name: e.value for e in regime.exponents}
    assert exponents["N"] == pytest.approx(1.0, abs=0.08)
    assert exponents["T"] == pytest.approx(1.0, abs=0.08)
    assert exponents["K"] == pytest.approx(-1.0, abs=0.08)
