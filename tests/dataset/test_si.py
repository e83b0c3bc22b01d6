"""Results in SI units on request: the columns say so, and the numbers stay."""

from pathlib import Path

import numpy as np
import pytest

import dimgs
from dimgs.cli.app import run
from dimgs.dataset import Dataset

SPRING = {"F [kN]": [1.0, 2.0, 3.1, 4.0, 5.0, 6.1], "x [mm]": [2.0, 4.1, 5.9, 8.0, 10.1, 12.0]}


def test_units_become_si_units_and_numbers_stay() -> None:
    columns = {
        "T [degC]": [20.0], "dT [delta_degC]": [5.0], "a [deg]": [30.0], "L [dB]": [3.0],
        "k [label]": ["A"], "w [%]": [2.0], "F [kN/mm]": [1.5], "D [cm; diameter]": [2.0],
    }  # fmt: skip
    data = Dataset.from_columns(columns)
    si = data.in_si()
    units = {v.name: v.unit.text for v in si.variables}
    assert units == {
        "T": "K", "dT": "delta_degC", "a": "deg", "L": "dB", "k": "label", "w": "%", "F": "N/m",
        "D": "m",
    }  # fmt: skip
    assert si.variable("D").kind == "diameter"
    for name in data.numeric_names:
        np.testing.assert_array_equal(si[name], data[name])


def test_a_law_and_its_report_show_si_units_where_they_are_asked_for() -> None:
    table, si = (dimgs.fit(SPRING, "F", scales="auto", si=asked) for asked in (False, True))
    assert "kN/mm" in str(table)
    assert "kN" not in str(si)
    assert "N/m" in str(si)
    assert si.law.constants[0].value == pytest.approx(table.law.constants[0].value, rel=1e-12)


def test_the_command_line_predicts_in_the_units_of_the_table_or_in_si(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    law, rows = tmp_path / "law.json", tmp_path / "rows.csv"
    dimgs.fit(SPRING, "F", scales="auto").law.to_json(law)
    rows.write_text("x [mm]\n10\n")
    shown = {}
    for name, further in (("table", []), ("si", ["--si"])):
        assert run(["predict", str(law), str(rows), *further]) == 0
        title, _, row = capsys.readouterr().out.splitlines()[:3]
        shown[name] = (title.split("[")[1].split("]")[0], float(row.split()[1]))
    assert shown["table"][0] == "kN"
    assert shown["si"][0] == "N"
    assert shown["si"][1] == pytest.approx(1e3 * shown["table"][1], rel=1e-4)
