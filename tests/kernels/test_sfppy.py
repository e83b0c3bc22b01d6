"""SFPPy's adapter: on recorded runs, beside a stand-in for the checkout, and on the real one."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.dataset import Dataset
from dimgs.discovery.discover import fit
from dimgs.kernels.diffusion import DiffusionSeries, Migration
from dimgs.kernels.record import Status
from dimgs.kernels.sfppy import Sfppy, discretisation_error
from tests.kernels.recorded_runs import recorded

INPUTS = ("D", "l", "t", "K", "h", "C0", "A", "V")
ROWS = recorded("sfppy_runs.csv")
FILM = {"D": 1e-14, "l": 1e-4, "t": 1e6, "h": 1e-7, "K": 5.0}

# what the adapter asks of SFPPy, with the equilibrium and half of it as the answer
STAND_IN = {
    "layer.py": """
        import numpy as np
        assert np.cumproduct([2, 3])[-1] == 6
        class layer:
            def __init__(self, l, D, k, C0, nmesh):
                self.l, self.D, self.k, self.C0, self.nmesh = l, D, k, C0, nmesh
    """,
    "food.py": """
        parametersWithUnits = {"volume": "m**3", "k0": "a.u."}
        class foodlayer:
            def __init__(self, volume, surfacearea, contacttime, h, CF0, k0):
                units = [q[1] for q in (volume, surfacearea, contacttime, h)]
                assert units == ["m**3", "m**2", "s", "m/s"]
                self.V, self.A, self.t, self.h = volume[0], surfacearea[0], contacttime[0], h[0]
                self.k0, self.CF0 = k0, CF0
    """,
    "migration.py": """
        import numpy as np
        __version__ = "stand-in"
        print("noise on standard output")
        class senspatankar:
            def __init__(self, film, food, name, ntimes):
                assert film.nmesh < ntimes
                ratio = food.A * film.l / food.V
                assert np.trapz([1.0, 1.0]) == 1.0
                open("cache", "w").close()
                self.C0eq = np.array([film.C0 * ratio / (1 + ratio * food.k0 / film.k)])
                self.CFtarget = self.C0eq / 2
    """,
}


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "patankar"
    package.mkdir()
    for name, text in STAND_IN.items():
        lines = text.splitlines()[1:]
        (package / name).write_text("\n".join(line[8:] for line in lines))
    monkeypatch.setenv("SFPPY_ROOT", str(tmp_path))
    return package


def values(row: dict[str, str]) -> dict[str, float]:
    return {n: float(row[n]) for n in INPUTS}


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"run {r['run']}")
def test_recorded_runs_lie_within_the_stated_error_of_the_exact_series(row: dict[str, str]) -> None:
    run = values(row)
    exact = DiffusionSeries().run(run).outputs
    assert exact["CF_eq"][0] == pytest.approx(float(row["CFeq"]), rel=1e-6)
    groups = Migration.of(**run)
    assert groups.equilibrium == pytest.approx(float(row["CFeq"]), rel=1e-6)
    assert groups.fo == pytest.approx(float(row["Fo"]), rel=1e-6)
    for column, nmesh in (("CF", 600), ("CF_coarse", 50)):
        recorded = float(row[column])
        error = discretisation_error(groups.fo, nmesh) * recorded + 4e-6 * float(row["CFeq"])
        assert abs(recorded - exact["CF"][0]) <= error


def test_the_stated_error_is_no_larger_than_it_must_be() -> None:
    reached = []
    for row in ROWS:
        run = values(row)
        exact = DiffusionSeries().run(run).outputs["CF"][0]
        off = abs(float(row["CF_coarse"]) / exact - 1.0)
        reached.append(off / discretisation_error(Migration.of(**run).fo, 50))
    assert sum(r > 0.8 for r in reached) > 10


@given(st.floats(1e-6, 10.0), st.sampled_from([50, 200, 600]))
def test_the_error_falls_with_the_square_of_the_mesh_and_never_exceeds_one(
    fo: float, nmesh: int
) -> None:
    error = discretisation_error(fo, nmesh)
    assert 0.0 < error <= 1.0
    if error < 1.0:
        assert discretisation_error(fo, 2 * nmesh) == pytest.approx(error / 4)
    # at Fo < 1e-3, coarse meshes were seen off by 2.6 % and more
    assert discretisation_error(1e-3, 50) > 0.026


def test_inputs_reach_sfppy_in_its_own_terms(stand_in: Path) -> None:
    record = Sfppy().run(FILM, "coarse")
    assert record.ok, record.reason
    expected = Migration.of(**FILM, C0=1000.0, A=0.06, V=1e-3).equilibrium
    assert record.outputs["CF_eq"][0] == pytest.approx(expected)
    assert record.outputs["CF"][0] == pytest.approx(expected / 2)
    assert record.provenance["checkout"]["SFPPy"]["patankar.migration"] == "stand-in"
    assert not record.provenance["warnings"]
    assert not (stand_in.parent / "cache").exists()


def test_the_partition_coefficient_has_the_name_of_the_version(stand_in: Path) -> None:
    food = stand_in / "food.py"
    text = food.read_text().replace('"k0"', '"k"').replace("CF0, k0)", "CF0, k)")
    food.write_text(text.replace("self.k0, self.CF0 = k0,", "self.k0, self.CF0 = k,"))
    record = Sfppy().run(FILM, "coarse")
    assert record.ok, record.reason


def test_a_coarse_mesh_at_a_short_time_is_warned_of(stand_in: Path) -> None:
    record = Sfppy().run({**FILM, "t": 2e2}, "coarse")
    assert record.provenance["warnings"] == [
        "At Fo = 0.0002 this mesh may put CF off by 13 %; use a finer tier."
    ]
    assert record.errors["CF"] > 0.1 * record.outputs["CF"][0]
    assert not Sfppy().run({**FILM, "t": 2e2}, "fine").provenance["warnings"]


def test_inputs_that_were_read_otherwise_are_noticed(stand_in: Path) -> None:
    migration = stand_in / "migration.py"
    migration.write_text(migration.read_text().replace("food.k0 / film.k", "film.k / food.k0"))
    record = Sfppy().run(FILM, "coarse")
    assert record.status is Status.DIVERGED
    assert "it has misread its inputs" in record.reason


def test_without_a_checkout_a_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SFPPY_ROOT", raising=False)
    record = Sfppy().run(FILM)
    assert record.status is Status.REFUSED
    assert "SFPPY_ROOT" in record.reason


@pytest.mark.skipif("SFPPY_ROOT" not in os.environ, reason="SFPPY_ROOT names no checkout of SFPPy")
@pytest.mark.parametrize("row", ROWS[:3], ids=lambda r: f"run {r['run']}")
def test_sfppy_itself_gives_the_recorded_numbers(row: dict[str, str]) -> None:
    for tier, column in (("coarse", "CF_coarse"), ("fine", "CF")):
        record = Sfppy().run(values(row), tier)
        assert record.ok, record.reason
        assert record.outputs["CF"][0] == pytest.approx(float(row[column]), rel=1e-4)


def test_recorded_runs_collapse_on_three_groups() -> None:
    rows = [values(r) | {"CF": float(r["CF"])} for r in ROWS]
    groups = [Migration.of(**r) for r in rows]
    kept = [r for r, g in zip(rows, groups, strict=True) if g.fo < 0.1 and g.b > 100 and g.k < 0.2]
    assert len(kept) >= 8
    data = Dataset.from_columns(
        {
            "Fo [1]": [Migration.of(**r).fo for r in kept],
            "f [1]": [r["CF"] / (r["C0"] * r["A"] * r["l"] / r["V"]) for r in kept],
        }
    )
    assert fit(data, "f").exponents[0].value == pytest.approx(0.5, abs=0.02)
