"""Similarity variables of tables whose curves are one, and of tables whose curves are not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.cli.app import run
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsWarning, FitError, InputError
from dimgs.dataset import Dataset
from dimgs.groups.derive import UnreachableError
from dimgs.symmetry.collapse import Collapse, collapse

# what a search finds is tested elsewhere
pytestmark = pytest.mark.usefixtures("brief")

POWERS = st.sampled_from([-1.0, -0.5, 0.25, 1.0])
UNITS = {"y": "m", "u": "m/s", "U": "m/s", "nu": "m^2/s", "x": "m"}


def layer(
    a: float = -0.5, b: float = 0.0, *, runs: int = 7, noise: float = 0.01, bend: float = 0.0
) -> dict[str, Any]:
    """u/U = (x U/nu)^b tanh(s), s = y U/nu (x U/nu)^a, of runs with U, nu and x of their own."""
    rng = np.random.default_rng(4)
    U, nu, x = (np.repeat(10 ** rng.uniform(*r, runs), 16) for r in ((0, 1), (-6, -5), (-1, 0)))
    number = x * U / nu
    s = np.tile(np.geomspace(0.1, 4.0, 16), runs)
    shape = np.tanh(s ** (1.0 + bend * np.log(number / number.mean())))
    u = U * number**b * shape * (1.0 + noise * rng.standard_normal(len(s)))
    label = np.repeat([f"run {i}" for i in range(runs)], 16)
    return {"y": s * nu / U * number**-a, "u": u, "U": U, "nu": nu, "x": x, "curve": label}


def collapsed(columns: dict[str, Any], **more: Any) -> Collapse:
    more = {"units": UNITS | {"curve": "label"}, **more}
    data = Dataset.from_columns(columns, units=more.pop("units"))
    return collapse(data, "u", "y", "curve", engine="power_law", **more)


def exponents(one: Collapse) -> dict[str, float]:
    assert one.variable is not None
    sides = {"s": one.variable.exponents, "Y": one.response.exponents}
    return {f"{side} {e.name}": e.value for side, es in sides.items() for e in es}


@settings(max_examples=3)
@given(POWERS, POWERS)
def test_planted_exponents_are_found(a: float, b: float) -> None:
    one = collapsed(layer(a, b))
    assert one.collapses
    values = exponents(one)
    assert values["s x"] == pytest.approx(a, abs=0.03)
    assert values["Y x"] == pytest.approx(b, abs=0.03)
    # what the units say holds for the values too
    assert values["s U"] == pytest.approx(1 + values["s x"])
    assert values["Y U"] == pytest.approx(1 + values["Y x"])


def test_units_and_orders_of_columns_and_rows_change_nothing() -> None:
    columns, rng = layer(), np.random.default_rng(0)
    expected = exponents(collapsed(columns))
    order = rng.permutation(len(columns["y"]))
    other = {n: columns[n][order] for n in rng.permutation(list(columns))}
    other["y"], other["u"] = 1e3 * other["y"], 100 * other["u"]
    other["nu"] = 60e4 * other["nu"]
    units = {"y": "mm", "u": "cm/s", "U": "m/s", "nu": "cm^2/min", "x": "m", "curve": "label"}
    assert exponents(collapsed(other, units=units)) == pytest.approx(expected, abs=1e-5)


def test_exponents_are_rational_where_the_interval_holds_a_single_simple_one() -> None:
    one = collapsed(layer())
    assert one.variable is not None
    rational = {e.name: str(e.rational) for e in one.variable.exponents}
    assert rational == {"y": "1", "U": "1/2", "nu": "-1/2", "x": "-1/2"}
    assert {e.name: e.kind for e in one.variable.exponents} == {
        "y": "first",
        **dict.fromkeys(("U", "nu", "x"), "second"),
    }
    assert one.floor == pytest.approx(0.01, rel=0.2)
    assert one.quality > 0.999


def test_curves_that_are_not_one_are_refused() -> None:
    one = collapsed(layer(bend=0.4, noise=0.005))
    assert not one.collapses
    assert one.function is None
    assert "the runs differ in more than s" in " ".join(one.why_not)


def diffusion(noise: float = 0.01) -> Dataset:
    rng = np.random.default_rng(2)
    D, M, t = (np.repeat(10 ** rng.uniform(*r, 6), 15) for r in ((-10, -8), (-2, 0), (2, 4)))
    x = np.tile(np.linspace(-3, 3, 15), 6) * np.sqrt(D * t)
    c = M / np.sqrt(4 * np.pi * D * t) * np.exp(-(x**2) / (4 * D * t))
    c = c * (1 + noise * rng.standard_normal(len(c)))
    names = {"D [m^2/s]": D, "M [mol/m^2]": M, "t [s]": t, "x [m]": x, "c [mol/m^3]": c}
    return Dataset.from_columns(names)


@pytest.mark.slow
def test_a_wrong_unit_is_named_as_a_reason() -> None:
    """Diffusion with the diffusivity in m/s: the units allow no variable that collapses."""
    rng = np.random.default_rng(3)
    D, t, c0 = (np.repeat(10 ** rng.uniform(*ends, 6), 15) for ends in ((-10, -8), (4, 6), (1, 2)))
    x = np.tile(np.linspace(0.0, 3.0, 15), 6) * 2 * np.sqrt(D * t)
    c = c0 * np.exp(-((x / (2 * np.sqrt(D * t))) ** 2)) * (1 + 0.01 * rng.standard_normal(90))
    columns = {"D [m/s]": D, "t [s]": t, "c0 [mol/m^3]": c0, "x [m]": x, "c [mol/m^3]": c}
    one = collapse(Dataset.from_columns(columns), "c", "x", engine="power_law")
    assert one.quality <= 0.0
    (reason,) = one.why_not
    assert "wrong unit or a missing input" in reason
    assert "Quality 0 or less" in str(one)
    assert "Error of the common curve" not in str(one)


def test_where_a_part_collapses_its_border_is_a_group() -> None:
    """A film whose front meets the other side at D t/l² of about 0.1."""
    rng = np.random.default_rng(6)
    low, high = (-10.0, -4.0, -3.0), (-9.0, -3.0, 0.3)
    D, l, time = np.repeat(10 ** rng.uniform(low, high, (20, 3)).T, 12, axis=1)
    t = time * l**2 / D
    x = np.tile(np.linspace(0.02, 0.98, 12), 20) * l
    modes = [np.pi * (k + 0.5) for k in range(40)]
    c = np.sum([2 / m * np.sin(m * x / l) * np.exp(-(m**2) * time) for m in modes], axis=0)
    c = c * (1 + 0.01 * rng.standard_normal(len(x)))
    names = {"D [m^2/s]": D, "l [m]": l, "t [s]": t, "x [m]": x, "c [1]": c}
    data = Dataset.from_columns(names).where(c > 1e-3)
    one = collapse(data, "c", "x", engine="power_law")
    assert one.border is not None
    assert one.collapses
    assert not one.border.above
    assert len(one.data) < len(data)
    inside = one.border.group.value({n: one.data[n] for n in one.data.names if n != "run"})
    assert inside.max() < one.border.value
    values = exponents(one)
    assert values["s t"] == pytest.approx(-0.5, abs=0.02)
    assert values["s l"] == pytest.approx(0.0, abs=0.04)
    assert one.to_json()["border"]["side"] == "below"


def test_units_force_exponents_of_the_first_kind_and_a_law_is_found() -> None:
    one = collapse(diffusion(), "c", "x", effort="quick", seed=1)
    assert one.variable is not None
    assert all(e.kind == "first" for e in (*one.variable.exponents, *one.response.exponents))
    assert str(one.variable.group) == "x·D^(-1/2)·t^(-1/2)"
    assert one.function is not None
    at = {"D": 1e-9, "M": 0.1, "t": 1e3, "x": 1e-3}
    expected = 0.1 / np.sqrt(4e-6 * np.pi) * np.exp(-0.25)
    assert float(np.squeeze(one.function.predict(at))) == pytest.approx(expected, rel=0.01)


def test_stated_errors_are_those_of_the_values_not_of_the_scaled_ones() -> None:
    columns = layer()
    units = UNITS | {"curve": "label", "u_err": "m/s"}
    stated = collapsed(columns | {"u_err": 0.01 * columns["u"]}, units=units)
    assert stated.fit is not None
    assert stated.fit.noise == "stated"
    assert stated.scatter == pytest.approx(collapsed(columns).scatter, rel=0.05)


def test_too_few_curves_and_a_coordinate_that_stands_still_are_said() -> None:
    columns, one = layer(runs=1), layer(runs=4)
    with pytest.raises(FitError, match="One curve is too few to compare; give at least 2"):
        collapsed(columns)
    one["y"] = np.repeat(np.unique(one["nu"])[:4], 16)
    with pytest.raises(InputError, match="'y' of columns is the same in all rows of each run"):
        collapsed(one)


def test_a_target_that_stands_still_is_said_and_leaves_no_warning_of_numpy() -> None:
    columns = layer()
    with pytest.warns(DimgsWarning, match="'u' never varied") as caught:
        collapsed({**columns, "u": 0.0 * columns["u"] + 3.0})
    assert all(issubclass(each.category, DimgsWarning) for each in caught)


def test_a_power_law_has_no_similarity_variable() -> None:
    columns = layer()
    columns["u"] = 2.0 * columns["U"] * (columns["y"] / columns["x"]) ** 0.25
    one = collapsed(columns)
    assert one.variable is None
    values: dict[str, float] = {e.name: e.value for e in one.response.exponents}
    assert values == pytest.approx({"U": 1, "nu": 0, "x": -0.25, "y": 0.25}, abs=1e-6)
    assert one.function is not None


def test_where_nothing_but_the_coordinate_has_its_dimension_the_target_is_a_monomial() -> None:
    t = np.geomspace(1e-4, 1e-1, 20)
    radius = 1.03 * (1e13 * t**2 / 1.25) ** 0.2
    data = Dataset.from_columns({"t [s]": t, "R [m]": radius, "rho [kg/m^3]": 1.25})
    one = collapse(data, "R", "t", scales=["E [J]"])
    assert one.variable is None
    assert str(one.exponent("t", "Y").rational) == "2/5"
    # a scale has no value, and the curves are drawn all the same
    assert len(one.points()[1]) == len(t)
    assert one.draw().lines
    assert all(e.kind == "first" for e in one.response.exponents)


def test_the_command_writes_json_and_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "layer.csv"
    columns = layer()
    head = ",".join(f"{n} [{(UNITS | {'curve': 'label'})[n]}]" for n in columns)
    rows = zip(*columns.values(), strict=True)
    table.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]))
    asked = ["collapse", str(table), "--target", "u", "--along", "y", "--curve", "curve"]
    out = tmp_path / "study"
    assert run([*asked, "--engine", "power_law", "--out", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["variable"]["group"] == {"U": "1/2", "nu": "-1/2", "x": "-1/2", "y": "1"}
    assert document["function"] is None
    assert 0 < document["floor"] < 0.02
    assert json.loads((out / "collapse.json").read_text())["quality"] == document["quality"]
    assert (out / "before.svg").is_file()
    assert (out / "after.svg").is_file()


def test_what_cannot_be_asked_is_said() -> None:
    columns = layer()
    with pytest.raises(InputError, match="must be three columns"):
        collapse(Dataset.from_columns(columns, units=UNITS | {"curve": "label"}), "u", "u")
    with pytest.raises(UnreachableError, match="outside the span"):
        collapse(diffusion().without(["M"]), "c", "x")
    still: dict[str, Array] = {**columns, "y": np.ones(len(columns["y"]))}
    with pytest.raises(InputError, match="'y' of columns is the same in all rows"):
        collapsed(still)


def test_rows_where_a_parameter_vanishes_are_dropped_when_asked() -> None:
    columns = layer()
    columns["x"][:16] = 0.0
    with pytest.raises(InputError, match=r"drop such rows"):
        collapsed(columns)
    found = collapsed(columns, drop_bad=True)
    assert found.collapses
    assert "16 rows were dropped" in " ".join(found.warnings)
