"""Symmetries: those of known laws are found exactly, and those that a table breaks are not."""

import json
from pathlib import Path

import numpy as np
import pytest

import dimgs
from case_studies.benchmarks.symmetry.laws import near_tables
from case_studies.benchmarks.symmetry.symmetries import is_alike
from dimgs.cli.app import run
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare

# what a search finds is tested elsewhere
pytestmark = pytest.mark.usefixtures("brief")


def power_law() -> dimgs.Law:
    rng = np.random.default_rng(2)
    force, length, modulus, moment = (rng.uniform(1, 5, 40) for _ in range(4))
    table = {"F [N]": force, "L [m]": length, "E0 [Pa]": modulus, "J [m^4]": moment}
    return dimgs.fit({**table, "d [m]": force * length**3 / (3 * modulus * moment)}, "d").law


def test_a_power_law_has_the_scalings_that_the_units_do_not_force() -> None:
    symmetries = dimgs.symmetries(power_law())
    scalings = [g for g in symmetries if g.kind == "scaling"]
    # four inputs may scale as they please, two ways of which are those of the units
    assert len(scalings) == 2
    for g in scalings:
        w = {n: g.coefficients.get(n, 0.0) for n in ("F", "L", "E0", "J", "d")}
        assert w["d"] == w["F"] + 3 * w["L"] - w["E0"] - w["J"]
    assert len(symmetries.groups["of_the_symmetries"]) == len(symmetries.groups["of_the_units"]) - 2


def test_what_the_units_force_is_no_symmetry() -> None:
    rng = np.random.default_rng(3)
    L, g = rng.uniform(1, 3, 30), rng.uniform(1, 20, 30)
    law = dimgs.fit({"L [m]": L, "g [m/s^2]": g, "T [s]": 6.28 * np.sqrt(L / g)}, "T").law
    assert not len(dimgs.symmetries(law))
    # of masses of 1e30 kg and orbits of 1e11 m as well
    orbits = dimgs.fit("docs/planets.csv", "T", constants=["G"]).law
    assert not len(dimgs.symmetries(orbits))


def test_the_units_of_a_constant_force_no_scaling_of_an_input_that_they_leave() -> None:
    rng = np.random.default_rng(5)
    tau, mu = rng.uniform(1, 6, 30), rng.uniform(0.1, 2, 30)
    table = {"tau [Pa]": tau, "mu [Pa*s]": mu, "rate [1/s]": 7.5 * tau**2 / mu}
    symmetries = dimgs.symmetries(dimgs.fit(table, "rate", scales="auto").law)
    # a unit of time scales viscosity and rate; only the square of the stress is not of the units
    assert [dict(g.coefficients) for g in symmetries] == [{"tau": 1.0, "rate": 2.0}]


def test_a_law_of_pieces_has_the_symmetries_of_all_of_them() -> None:
    re = np.geomspace(1e2, 1e6, 24)
    table = {"Re [1]": re, "f [1]": np.where(re < 2300, 64 / re, 0.316 * re**-0.25)}
    law = dimgs.discover(table, "f", regimes=True, engine="power_law").law
    assert law is not None
    assert not len(dimgs.symmetries(law))
    # of one piece alone, where no unit forces a scaling
    (scaling,) = dimgs.symmetries(dimgs.fit({n: x[12:] for n, x in table.items()}, "f").law)
    assert scaling.coefficients == {"Re": 4.0, "f": -1.0}


def test_the_exponents_of_a_table_without_noise_are_rational() -> None:
    x, y = np.random.default_rng(3).uniform(0.5, 3, (2, 80))
    symmetries = dimgs.symmetries({"x [1]": x, "y [1]": y, "z [1]": x * y}, "z")
    kept = {str(g).rpartition(" ")[2] for g in symmetries if g.kind == "scaling"}
    assert kept == {"z/x", "z/y"}


@pytest.mark.parametrize(("scale", "unit"), [(1.0, "m"), (1e3, "mm")])
def test_planted_symmetries_of_tables_are_found_in_every_unit(scale: float, unit: str) -> None:
    rng = np.random.default_rng(5)
    x, y = rng.uniform(0.5, 3, 80), rng.uniform(0.5, 3, 80)
    noise = 1 + 0.02 * rng.standard_normal(80)
    table = {f"y [{unit}]": y * scale, f"x [{unit}]": x * scale}
    symmetries = dimgs.symmetries({**table, "r [m]": np.hypot(x, y) * noise}, target="r")
    assert any(
        is_alike(g, "rotation", {"x": -1.0, "y": 1.0})
        or is_alike(g, "rotation", {"y": -1.0, "x": 1.0})
        for g in symmetries
    )


def test_the_next_command_names_the_target_and_the_constants() -> None:
    v, h = np.random.default_rng(4).uniform(1, 5, (2, 40))
    table = {"v [m/s]": v, "h [m]": h, "throw width [m]": v * np.sqrt(2 * h / 9.80665)}
    text = str(dimgs.symmetries(table, "throw width", ["g"]))
    assert 'Next   dimgs discover TABLE --target "throw width" --constants g --symmetric' in text


def bending() -> dimgs.Dataset:
    """Deflections of beams with a broad load: E0 and J scale them, and L does not."""
    rng = np.random.default_rng(1)
    F, L, E0, J, w = rng.uniform(1, 5, (5, 60))
    d = F * L**3 / (E0 * J) * (1 + 3 * w / (w + L)) * (1 + 0.01 * rng.standard_normal(60))
    table = {"F [N]": F, "L [m]": L, "E0 [Pa]": E0, "J [m^4]": J, "w [m]": w, "d [m]": d}
    batch = np.repeat([f"batch {k}" for k in range(12)], 5)
    return dimgs.Dataset.from_columns(table | {"batch [label]": batch})


@pytest.mark.parametrize("split_by", [None, "batch"])
def test_a_symmetry_removes_a_group(tmp_path: Path, split_by: str | None) -> None:
    symmetries = dimgs.symmetries(bending(), target="d", split_by=split_by)
    scalings = [g.coefficients for g in symmetries]
    assert scalings == [{"F": 1.0, "d": 1.0}, {"J": 1.0, "d": -1.0}]
    assert "--symmetric 'F=1, d=1' --symmetric 'J=1, d=-1'" in str(symmetries)
    kept = symmetries.groups["of_the_symmetries"]
    (tmp_path / "found.json").write_text(json.dumps(symmetries.to_json()))
    for asked in (["J=1, d=-1", "F=1, d=1"], str(tmp_path / "found.json")):
        prepared = prepare(bending(), "d", Options(symmetric=asked))
        groups = [dict(g.exponents) for g in prepared.basis.every_group]
        assert [{n: str(e) for n, e in g.items()} for g in groups] == kept
        assert "The scalings leave 1 of the 3 groups of the inputs." in prepared.warnings


@pytest.mark.parametrize(
    ("asked", "split_by"), [("L=1, d=3", None), ("J=1, d=-2", None), ("J=1, d=-2", "batch")]
)
def test_a_symmetry_that_the_runs_contradict_is_refused(asked: str, split_by: str | None) -> None:
    with pytest.raises(dimgs.InputError, match="contradict the scalings of --symmetric"):
        prepare(bending(), "d", Options(symmetric=[asked], split_by=split_by))


def test_runs_that_cannot_tell_take_a_symmetry_as_given() -> None:
    prepared = prepare(bending().take(np.arange(12)), "d", Options(symmetric=["J=1, d=-1"]))
    assert any("neither support nor contradict" in text for text in prepared.warnings)


def test_discover_takes_the_reduced_basis(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "beams.csv"
    bending().to_pandas().to_csv(path, index=False)
    asked = ["--symmetric", "F=1, d=1", "--symmetric", "J=1, d=-1", "--engine", "power_law"]
    assert run(["discover", str(path), "--target", "d", *asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [g["exponents"] for g in document["pi"]["groups"]] == [{"L": "1", "w": "-1"}]
    assert run(["discover", str(path), "--target", "d", "--symmetric", "L=1, d=3"]) == 2
    assert "The runs contradict" in capsys.readouterr().err


def test_a_symmetry_that_is_nearly_there_is_not_claimed() -> None:
    for name, data, target, (kind, coefficients) in near_tables():
        symmetries = dimgs.symmetries(data, target)
        assert not any(is_alike(g, kind, coefficients) for g in symmetries), name


def test_the_command_reads_a_law(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    power_law().to_json(tmp_path / "law.json")
    assert run(["symmetries", str(tmp_path / "law.json"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {g["kind"] for g in document["generators"]} == {"scaling"}
    assert run(["symmetries", str(tmp_path / "law.json"), "--target", "d"]) == 2
    assert "leave out --target" in capsys.readouterr().err


def test_a_table_says_what_its_runs_leave_open() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.uniform(1, 3, (2, 6))
    few = dimgs.symmetries({"x [m]": x, "y [m]": y, "r [m]": np.hypot(x, y)}, target="r")
    assert not len(few)
    assert few.to_json()["undecided"] == few.undecided > 0
    assert str(few).endswith(f"to decide on {few.undecided} others")
