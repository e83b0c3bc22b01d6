"""How a table is understood, corrected and drawn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from dimgs import fit
from dimgs.common.errors import InputError
from dimgs.web.studio import Choices, Sheet, plot, repeating_sets, workbench_view


@pytest.fixture
def sheet(table: Path) -> Sheet:
    made = Sheet("1", table)
    made.begin()
    return made


def test_each_column_is_understood_by_itself(sheet: Sheet) -> None:
    columns = {c.name: c for c in sheet.columns}
    roles = {name: c.role for name, c in columns.items()}
    assert roles == {
        "fluid": "label", "U": "number", "D": "unitless", "rho": "number", "mu": "number",
        "k": "number", "note": "unknown", "tau": "number", "tau_err": "error",
    }  # fmt: skip
    assert columns["mu"].meaning.startswith("dynamic viscosity; ")
    assert columns["fluid"].meaning == "2 labels"
    assert columns["tau_err"].meaning.startswith("standard error of tau; ")
    assert "W/(m*K) may be meant" in columns["k"].doubts[0]
    assert "row 5" in columns["note"].problem or "Row 5" in columns["note"].problem
    assert not any(c.doubts for c in columns.values() if c.name != "k")


def test_a_correction_settles_a_doubt_and_a_missing_unit(sheet: Sheet) -> None:
    assert sheet.inputs == ("U", "rho", "mu", "k", "tau")
    units = {"D": "mm", "k": "W/(m*K)", "note": "label"}
    sheet.choices = replace(sheet.choices, units=units)
    columns = {c.name: c for c in sheet.columns}
    assert "D" in sheet.inputs
    assert columns["D"].meaning.startswith("diameter; 20 to 80")
    assert not columns["k"].doubts
    assert columns["note"].role == "label"
    sheet.choices = replace(sheet.choices, units={"U": "nonsense"})
    assert "nonsense" in next(c.problem for c in sheet.columns if c.name == "U")


def test_a_form_is_read_as_it_was_written() -> None:
    columns = {"a": "m", "b": "", "c": "s"}
    form = [("target", "a"), ("input", "a"), ("input", "b"), ("input", "other"), ("unit-0", " m "),
            ("unit-1", "kg"), ("scales", "M0 [kg]; ;auto"), ("repeating", "b, c"), ("regimes", "1"),
            ("within", "no column")]  # fmt: skip
    read = Choices.of(form, columns)
    assert (read.target, read.inputs, dict(read.units)) == ("a", ("b",), {"b": "kg"})
    assert read.scales == ("M0 [kg]", "auto")
    assert read.repeating == ("b", "c")
    assert read.regimes
    assert not read.drop_bad
    assert read.within == ""
    with pytest.raises(InputError, match="number of seconds"):
        Choices.of([("time_limit", "soon")], columns)


def test_the_command_line_asks_the_same(sheet: Sheet, capsys: pytest.CaptureFixture[str]) -> None:
    import json
    import shlex

    from dimgs.cli.app import run

    inputs = ("U", "D", "rho", "mu")
    choices = replace(sheet.choices, target="tau", inputs=inputs, units={"D": "mm"}, within="fluid")
    sheet.choices = choices
    sheet.fit()
    assert sheet.study is not None
    law = sheet.study.report.law
    assert law is not None
    words = shlex.split(choices.command(str(sheet.path), "fit"))
    assert words.pop(0) == "dimgs"
    assert run([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)["law"]
    # the same law, perhaps in another form
    assert printed["constants"] == law.to_json()["constants"]
    assert printed["scores"] == law.to_json()["scores"]


def test_a_fit_shows_the_constants_that_a_fit_in_python_has(tmp_path: Path) -> None:
    length = np.geomspace(0.2, 2.0, 20)
    noise = np.exp(0.003 * np.random.default_rng(0).normal(size=20))
    period = 2 * np.pi * np.sqrt(length / 9.80665) * noise
    rows = [f"{x:.6g},{t:.6g}" for x, t in zip(length, period, strict=True)]
    (tmp_path / "swing.csv").write_text("\n".join(["L [m],T [s]", *rows]))
    sheet = Sheet("1", tmp_path / "swing.csv")
    sheet.begin()
    sheet.choices = replace(sheet.choices, target="T", inputs=("L",), constants=("g",))
    sheet.fit()
    assert sheet.study is not None
    law, fitted = sheet.study.report.law, fit(tmp_path / "swing.csv", "T", constants=["g"]).law
    assert law is not None
    # 2 pi lies in the interval, and the fit says what the runs do
    assert [c.origin for c in law.constants] == ["fitted", "physical"]
    assert law.constants == fitted.constants


def test_runs_of_two_walls_are_told_apart_as_in_a_terminal(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["U [m/s],D [mm],mu [Pa*s],dp [kPa/m],wall"]
    for run in rng.permutation(24):
        U, D, mu = rng.uniform(0.1, 1.0), rng.uniform(1.0, 9.0), rng.uniform(0.01, 0.1)
        dp = (32.0, 40.0)[run % 2] * mu * U / D**2 * 1e3
        lines.append(f"{U:.6g},{D:.6g},{mu:.6g},{dp:.6g},{('steel', 'glass')[run % 2]}")
    (tmp_path / "pipe.csv").write_text("\n".join(lines))
    sheet = Sheet("1", tmp_path / "pipe.csv")
    sheet.begin()
    sheet.choices = replace(sheet.choices, target="dp", inputs=("U", "D", "mu"))
    sheet.fit()
    assert sheet.study is not None
    reasons = sheet.study.report.why_not
    assert any("follow the labels of 'wall'" in why for why in reasons)


def test_axes_are_groups_and_columns_that_vary(sheet: Sheet) -> None:
    inputs = ("U", "D", "rho", "mu", "k")
    sheet.choices = replace(sheet.choices, target="tau", inputs=inputs, units={"D": "mm"})
    data = sheet.table()
    basis = sheet.basis(data)
    drawn = plot(data, basis)
    assert drawn is not None
    assert (drawn.x.name, drawn.y.name) == ("pi_1", "pi_0")
    assert "k" not in [a.name for a in drawn.offered]
    assert len(drawn.points) == 30
    assert all(0 < p["x"] < 1 and 0 < p["y"] < 1 for p in drawn.points)
    (group,) = basis.groups
    logs = group.log({n: data[n] for n in data.numeric_names}) / np.log(10)
    order = np.argsort([p["x"] for p in drawn.points])
    assert np.array_equal(order, np.argsort(logs))
    other = plot(data, basis, "U", "pi_1")
    assert other is not None
    assert (other.x.name, other.y.name) == ("U", "pi_1")
    sheet.choices = replace(sheet.choices, colour="fluid")
    coloured = plot(sheet.table(), basis, colour="fluid")
    assert coloured is not None
    assert coloured.colours == [("water", 15), ("oil", 15)]


def test_every_choice_of_repeating_variables_gives_groups(sheet: Sheet) -> None:
    inputs = ("U", "D", "rho", "mu")
    sheet.choices = replace(sheet.choices, target="tau", inputs=inputs, units={"D": "mm"})
    sets = repeating_sets(sheet.basis(sheet.table()))
    assert len(sets) == 4
    for chosen in sets:
        sheet.choices = replace(sheet.choices, repeating=chosen)
        assert sheet.basis(sheet.table()).repeating == chosen
    sheet.choices = replace(sheet.choices, repeating=("U",))
    assert "cannot be the repeating set" in workbench_view(sheet)["problem"]


def test_sheets_of_a_workbook_can_be_chosen(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["a [m]", "b [s]"])
    book.active.append([1, 2])
    second = book.create_sheet("more")
    second.append(["c [kg]"])
    second.append([3])
    book.save(tmp_path / "book.xlsx")
    sheet = Sheet("1", tmp_path / "book.xlsx")
    sheet.begin()
    assert sheet.sheets == ("Sheet", "more")
    assert sheet.inputs == ("a", "b")
    other = Sheet("2", sheet.path, Choices(sheet="more"))
    other.begin()
    assert other.inputs == ("c",)
