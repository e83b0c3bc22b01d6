"""Smooth curves as values: what they predict, where they hold, and their files."""

from pathlib import Path

import numpy as np
import pytest

import dimgs
from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.law.curve import Curve, is_curve
from tests.cli.runner import Shell


def runs(seed: int, n: int = 60) -> Dataset:
    """A wave in a dimensionless number, with errors of 3 %."""
    rng = np.random.default_rng(seed)
    U, L = rng.uniform(1.0, 20.0, n), rng.uniform(0.5, 2.0, n)
    drop = U**2 * (2.0 + np.sin(U * L / 4)) * np.exp(0.03 * rng.normal(size=n))
    return Dataset.from_columns(
        {"U [m/s]": U, "L [m]": L, "nu [m^2/s]": np.full(n, 4.0), "h [m^2/s^2]": drop}
    )


@pytest.fixture(scope="module")
def curve() -> Curve:
    found = Curve.of(prepare(runs(0), "h", Options()).design)
    assert found is not None
    return found


def test_bands_hold_nine_tenths_of_new_runs_inside(curve: Curve) -> None:
    new = runs(1, 400)
    interval = curve.predict(new)
    truth = np.asarray(new["h"])
    inside = np.array([not names for names in curve.outside({n: new[n] for n in new.names})])
    hits = (interval.low <= truth) & (truth <= interval.high)
    assert 0.82 < np.mean(hits[inside]) < 0.97
    assert np.all(curve.predict(new, 0.5).low >= interval.low)


def test_a_change_of_all_units_changes_nothing(curve: Curve) -> None:
    new = runs(2, 10)
    scaled = {"U": new["U"] * 3, "L": new["L"] / 3, "nu": new["nu"]}
    before = curve.predict({n: new[n] for n in ("U", "L", "nu")})
    # the number U*L/nu is the same, and the target goes with U**2
    assert curve.predict(scaled).value == pytest.approx(9 * before.value)


def test_a_curve_is_stored_and_read(curve: Curve, tmp_path: Path) -> None:
    path = tmp_path / "curve.json"
    document = curve.to_json(path)
    assert is_curve(document)
    again = Curve.from_json(path)
    new = runs(3, 10)
    for one, other in zip(curve.predict(new), again.predict(new), strict=True):
        assert one == pytest.approx(other, rel=1e-9)
    assert not again.edited
    assert Curve.from_json({**document, "constant": document["constant"] + 1.0}).edited
    with pytest.raises(InputError, match="not a complete curve"):
        Curve.from_json({k: v for k, v in document.items() if k != "places"})
    with pytest.raises(InputError, match="no law"):
        dimgs.Law.from_json(path)


def test_inputs_outside_the_runs_are_named(curve: Curve) -> None:
    rows = {"U": np.array([2.0, 90.0, 20.0]), "L": np.array([1.0, 1.0, 2.0]), "nu": np.full(3, 4.0)}
    inside, beyond, _ = curve.outside(rows)
    assert inside == []
    assert beyond == ["U"]
    with pytest.raises(InputError, match="zero or negative"):
        curve.predict({**rows, "U": np.array([-1.0, 1.0, 1.0])})


def test_the_runs_of_an_input_that_changes_sign_lie_inside() -> None:
    x = np.linspace(-3.0, 5.0, 30)
    table = Dataset.from_columns({"x [1]": x, "y [1]": 2.0 + np.sin(x)})
    curve = Curve.of(prepare(table, "y", Options()).design)
    assert curve is not None
    assert curve.outside({"x": x}) == [[]] * 30
    assert curve.outside({"x": np.array([-3.1, 5.1])}) == [["x"]] * 2


def test_an_input_with_a_unit_that_changes_sign_is_taken_beside_its_scale() -> None:
    z = np.linspace(-500.0, 32000.0, 30)
    table = Dataset.from_columns({"z [m]": z, "p [Pa]": 1e5 * np.exp(-z / 7e3 - (z / 4e4) ** 2)})
    asked = Options(scales="auto")
    curve = Curve.of(prepare(table, "p", asked, any_sign=True).design)
    assert curve is not None
    value, low, high = curve.predict({"z": np.array([-250.0])})
    assert low[0] < 1e5 * np.exp(250 / 7e3 - (250 / 4e4) ** 2) < high[0]
    assert value[0] == pytest.approx(1e5 * np.exp(250 / 7e3), rel=1e-3)


def test_a_curve_is_drawn_along_the_input_that_changes_it_most(curve: Curve) -> None:
    line = curve.along()
    assert line.name == "U"
    assert set(line.held) == {"L", "nu"}
    assert np.all(line.interval.low < line.interval.high)


def test_errors_of_one_size_are_those_of_the_target() -> None:
    x = np.linspace(1.0, 9.0, 40)
    y = 2.0 + np.sin(x) + 0.05 * np.random.default_rng(0).normal(size=40)
    design = prepare(Dataset.from_columns({"x [1]": x, "y [1]": y}), "y", Options()).design
    both = [Curve.of(design, linear=linear) for linear in (False, True)]
    widths = [np.ptp(c.predict({"x": np.array([1.6, 4.7])})[1:], axis=0) for c in both if c]
    # the logarithm has a wider band at the crest, the target about the same everywhere
    assert widths[0][0] > 2 * widths[0][1]
    assert widths[1][0] < 1.5 * widths[1][1]


def test_the_command_predicts_from_a_curve_and_says_that_it_is_one(
    curve: Curve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    curve.to_json(tmp_path / "curve.json")
    shell = Shell(tmp_path, capsys)
    table = shell.table("U [km/h],L [m],nu [m^2/s]", [(36.0, 1.0, 4.0), (360.0, 1.0, 4.0)])
    done = shell("predict", str(tmp_path / "curve.json"), table, "--json")
    assert done.code == 0
    assert done.document["kind"] == "smooth curve"
    first, second = done.document["rows"]
    value = curve.predict({"U": 10.0, "L": 1.0, "nu": 4.0}).value
    assert first["value"] == pytest.approx(value)
    assert first["outside"] == []
    assert second["outside"] == ["U"]
    assert "no law" in done.err
    curve.to_json(tmp_path / "slow.json")
    read = shell("predict", str(tmp_path / "slow.json"), table)
    unit, in_table = curve.target.unit, f"{float(curve.target.unit.from_si(value)):.6g}"
    assert f"[{unit.text}]" in read.out
    assert in_table in read.out
    refused = shell("predict", str(tmp_path / "curve.json"), table, "--relative-to", "1")
    assert refused.code == 2
