"""Tables as spreadsheets have them: cells without a value, empty rows, rows of units, dates."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dimgs import fit
from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.dataset.read import read_table

ROWS = ["2,1", "4.1,2", "5.9,3.1", "8,4"]


def table(folder: Path, text: str, name: str = "spring.csv") -> Dataset:
    (folder / name).write_text(text, encoding="utf-8")
    return read_table(folder / name)


@pytest.mark.parametrize(
    "mark", ["n/a", "N/A", "#N/A", "NA", "n.a.", "-", "--", "–", "—", "?", "..", "none", "nan", " "]
)
def test_signs_for_a_missing_value_are_blanks(tmp_path: Path, mark: str) -> None:
    data = table(tmp_path, "\n".join(["x [mm],F [kN]", *ROWS[:3], f"8,{mark}", "10,5"]))
    assert np.isnan(data["F"]).tolist() == [False, False, False, True, False]
    frame = pd.DataFrame({"x [mm]": [1.0, 2.0, 3.0], "F [kN]": [1.0, mark, 3.0]})
    assert np.isnan(read_table(frame)["F"]).tolist() == [False, True, False]


@pytest.mark.parametrize("mark", ["n.d.", "#DIV/0!", "missing", "<0.3"])
def test_what_says_more_than_missing_is_refused_by_row(tmp_path: Path, mark: str) -> None:
    with pytest.raises(InputError, match="row 4"):
        table(tmp_path, "\n".join(["x [mm],F [kN]", *ROWS[:3], f"8,{mark}", "10,5"]))


def test_a_dash_is_a_label_among_labels(tmp_path: Path) -> None:
    data = table(tmp_path, "\n".join(["x [mm],kind", "1,a", "2,-", "3,b"]))
    assert data["kind"].tolist() == ["a", "-", "b"]


def test_empty_rows_are_no_runs(tmp_path: Path) -> None:
    lines = [
        "x [mm],F [kN],lab",
        *(f"{r},a" for r in ROWS[:2]),
        ",,",
        "",
        *(f"{r},b" for r in ROWS[2:]),
    ]
    data = table(tmp_path, "\n".join([*lines, ",,", ",,"]))
    assert data.n_runs == 4
    assert data.rows.tolist() == [1, 2, 4, 5]
    # a run that lacks something is still a run
    assert table(tmp_path, "x [mm],F [kN]\n1,2\n2,\n,3\n").n_runs == 3


@pytest.mark.parametrize("units", ["mm,kN", "[mm],[kN]", "(mm),(kN)"])
def test_a_row_of_units_may_be_in_brackets(tmp_path: Path, units: str) -> None:
    data = table(tmp_path, "\n".join(["x,F", units, *ROWS]))
    assert [v.unit.text for v in data.variables] == ["mm", "kN"]
    np.testing.assert_allclose(data["F"], [1e3, 2e3, 3.1e3, 4e3])


def test_decimal_commas_and_titles_above_the_header(tmp_path: Path) -> None:
    commas = "\n".join(["x [mm];F [kN]", *(r.replace(",", ";").replace(".", ",") for r in ROWS)])
    np.testing.assert_allclose(table(tmp_path, commas)["x"], [2e-3, 4.1e-3, 5.9e-3, 8e-3])
    rows = [f"{r},{k}.5" for k, r in enumerate(ROWS)]
    data = table(tmp_path, "\n".join(["Geometry,Load,", "x [mm],F [kN],v [m/s]", *rows]))
    assert data.names == ("x", "F", "v")
    assert data.n_runs == 4


@pytest.mark.parametrize("dates", [["2021-04-03", "2021-04-04"], ["03.04.2021", "04.04.2021"]])
def test_dates_are_labels(tmp_path: Path, dates: list[str]) -> None:
    rows = [f"{dates[k % 2]},{r}" for k, r in enumerate(ROWS)]
    data = table(tmp_path, "\n".join(["date,x [mm],F [kN]", *rows]))
    assert data.label_names == ("date",)
    assert data["date"].tolist()[:2] == dates


def test_days_of_a_spreadsheet_need_a_unit(tmp_path: Path) -> None:
    rows = [f"{44289 + k},{r}" for k, r in enumerate(ROWS)]
    with pytest.raises(InputError, match=r"Column 'date' of spring\.csv has no unit"):
        table(tmp_path, "\n".join(["date,x [mm],F [kN]", *rows]))


def test_dates_and_times_of_day_are_said_to_be_no_inputs(tmp_path: Path) -> None:
    rows = [f"2024-03-{k:02d},{8 + k % 3}:15,{k},{2 * k}.{k % 3}" for k in range(1, 13)]
    text = "\n".join(["Date,Time,x [mm],F [kN]", *rows])
    (tmp_path / "runs.csv").write_text(text, encoding="utf-8")
    (note,) = (w for w in fit(tmp_path / "runs.csv", "F", scales="auto").warnings if "Date" in w)
    assert note.startswith("Date, Time hold dates or times, which are not used")
    used = fit(tmp_path / "runs.csv", "F", scales="auto", within="Time").warnings
    assert any(w.startswith("Date holds dates or times") for w in used)


def test_rows_that_are_equal_are_named_once_where_labels_censor(tmp_path: Path) -> None:
    rows = [
        f"{s},{n},{f}" for s in (100, 200, 300) for n, f in ((9, "no"), (9, "no"), (s % 7, "yes"))
    ]
    rows += [f"{s},{n}.5,yes" for s in (100, 150, 200, 250, 300) for n in (3, 4, 5)]
    text = "\n".join(["stress [MPa],cycles [1],failed", *rows])
    (tmp_path / "fatigue.csv").write_text(text, encoding="utf-8")
    notes = fit(tmp_path / "fatigue.csv", "cycles", scales="auto").warnings
    assert sum("duplicate" in w for w in notes) == 1


def test_percentages_of_a_workbook_are_read_as_they_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"p [%]": [0.1, 20.0], "q [1]": [0.1, 0.2]}).to_excel(book, index=False)
        for cell in ("A2", "B2", "B3"):
            book.sheets["Sheet1"][cell].number_format = "0.0%"
    data = read_table(path)
    assert data["p"].tolist() == pytest.approx([0.1, 0.2])
    assert data["q"].tolist() == [0.1, 0.2]
    (note,) = data.warnings
    assert note.startswith("Column 'p' of t.xlsx: the workbook shows its cells in percent")


def test_exponents_of_fortran_are_read(tmp_path: Path) -> None:
    data = table(tmp_path, "x [m],y [s]\n1.5D-01,2d0\n2.0D+02,3\n")
    assert data["x"].tolist() == [0.15, 200.0]
    assert data["y"].tolist() == [2.0, 3.0]
    commas = table(tmp_path, "x [m];y [s]\n1,5D-01;2\n2,0D+02;3\n")
    assert commas["x"].tolist() == [0.15, 200.0]
