"""Found against published on the reference tables, where they are present."""

import math
from pathlib import Path

import pytest

from case_studies.benchmarks import real_tables


@pytest.fixture(autouse=True)
def _tables(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_tables, "FOLDER", shared_data)


def _numbers(rows: list[real_tables.Row], start: str) -> list[float]:
    return [
        float(fitted.split()[0].strip(",;")) for what, fitted, _ in rows if what.startswith(start)
    ]


def test_simpsons_trap_of_metabolic_rates() -> None:
    rows = list(real_tables.metabolic_rate())
    assert _numbers(rows, "pooled") == pytest.approx([1.03], abs=0.01)
    for label, value in (("Mammalia", 0.671), ("Aves", 0.561), ("Insecta", 0.855)):
        assert _numbers(rows, label) == pytest.approx([value], abs=0.01)
    assert rows[-1][1] == "yes"


def test_enthalpies_of_vaporisation() -> None:
    mercury, steam, forbes = (float(fitted) for _, fitted, _ in real_tables.vapour_pressure())
    assert mercury == pytest.approx(60.8, abs=0.3)
    assert 41.5 < forbes < 44
    assert 42 < steam < 44


def test_keyhole_depth_is_affine_in_one_number() -> None:
    rows = {what: fitted for what, fitted, _ in real_tables.keyhole()}
    assert rows["dominant group (linear scale)"] == "etaP²·Vs⁻¹·alpha⁻¹·cp⁻²·dTl⁻²·r0⁻³·rho⁻²"
    assert float(rows["R² affine"]) > 0.96 > float(rows["R² pure power law"])
    out = {k: v for k, v in rows.items() if k.startswith("R² of materials left out")}
    affine, power = ([float(x) for x in v.split(";")] for v in out.values())
    assert affine[0] > 0.9
    assert affine[0] > power[0]
    assert all(map(math.isfinite, affine + power))


def test_kepler_in_spite_of_gross_outliers() -> None:
    rows = list(real_tables.exoplanets())
    assert _numbers(rows, "exponent of a") == pytest.approx([1.5], abs=0.005)
    assert _numbers(rows, "exponent of Ms") == pytest.approx([-0.5], abs=0.01)


def test_sources_that_disagree_are_noticed() -> None:
    rows = list(real_tables.rayleigh_benard())
    assert "disagree" in rows[0][1]


def test_the_most_massive_stars_break_near_the_published_mass() -> None:
    breaks = _numbers(list(real_tables.stars()), "break")
    assert any(abs(b / 0.45 - 1) < 0.15 for b in breaks)
    assert any(abs(b / 7 - 1) < 0.4 for b in breaks)


def test_smooth_pipe_runs_from_laminar_to_turbulent() -> None:
    rows = list(real_tables.smooth_pipe())
    assert rows[0][1].startswith(("Re^-0.9", "Re^-1.0"))
    assert any(fitted.startswith(("Re^-0.24", "Re^-0.25", "Re^-0.26")) for _, fitted, _ in rows)


def test_rough_pipes_end_on_a_plateau_in_the_reynolds_number() -> None:
    plateau = list(real_tables.rough_pipe())[-1][1]
    roughness, reynolds = (float(part.split(": ")[1].split()[0]) for part in plateau.split(", D"))
    assert abs(reynolds) < 0.01
    assert 0.3 < roughness < 0.4


@pytest.mark.slow
def test_confinement_within_and_without_each_machine() -> None:
    rows = {what: fitted for what, fitted, _ in real_tables.tokamak()}
    assert set(rows) == {
        "robust",
        "within machines",
        "leave one machine out",
        "least varied monomial",
    }
    assert "RGEO" in rows["least varied monomial"]


def test_absent_tables_are_said_not_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(real_tables, "FOLDER", tmp_path)
    real_tables.main()
    assert capsys.readouterr().out.count("not run") == len(real_tables.STUDIES)
