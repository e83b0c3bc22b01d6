"""Titles above the header, decimal commas with a row of units, index coordinates."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.dataset import Dataset, iter_chunks, read_table
from dimgs.dataset.raw import ReadOptions
from dimgs.dataset.read import TableInParts

TITLES = ["Pipe flow, measured May 2020", "by A. Smith", "rig 3"]
BODY = {
    ",": "U [m/s],D [mm],note\n1.5,2,a\n3.5,4,b\n",
    ";": "U;D;note\nm/s;mm;label\n1,5;2;a\n3,5;4;b\n",
    "\t": "U [m/s]\tD [mm]\tnote\n1.5\t2\ta\n3.5\t4\tb\n",
}


def _is_right(data: Dataset) -> None:
    np.testing.assert_array_equal(data["U"], [1.5, 3.5])
    np.testing.assert_array_equal(data["D"], [0.002, 0.004])
    assert data["note"].tolist() == ["a", "b"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    titles=st.lists(st.sampled_from(TITLES), max_size=4),
    blank=st.booleans(),
    delimiter=st.sampled_from(list(BODY)),
)
def test_titles_are_noticed_or_skipped_on_every_way(
    titles: list[str], blank: bool, delimiter: str, tmp_path: Path
) -> None:
    lines = [*titles, *([""] if blank else [])]
    path = tmp_path / "t.csv"
    path.write_text("".join(f"{t}\n" for t in lines) + BODY[delimiter])
    data = read_table(path)
    _is_right(data)
    assert data.rows.tolist() == [1, 2]
    assert ("title" in "".join(data.warnings)) == bool(titles)
    _is_right(read_table(path, skip_rows=len(lines)))
    assert read_table(path, skip_rows=len(lines)).warnings == ()
    (chunk,) = iter_chunks(path, skip_rows=len(lines))
    _is_right(chunk)
    (part,) = TableInParts(path, 9, ReadOptions(skip_rows=len(lines))).parts()
    _is_right(part.data)


def test_titles_in_a_sheet(tmp_path: Path) -> None:
    rows = [[TITLES[0], None, None], [None] * 3, ["U", "D", "note"], ["m/s", "mm", "label"]]
    rows += [[1.5, 2, "a"], [3.5, 4, "b"]]
    path = tmp_path / "t.xlsx"
    pd.DataFrame(rows).to_excel(path, index=False, header=False)
    data = read_table(path)
    _is_right(data)
    assert "title above the header" in data.warnings[0]
    _is_right(read_table(path, skip_rows=2))


@pytest.mark.parametrize(
    "text",
    [
        "U [m/s],D [mm]\n1,2,3\n4,5,6\n",
        "U [m/s]\n1,2\n4,5\n",
        "title\n1,2\n4,5\n",
        "title\nU [m/s],U [m/s]\n1,2\n",
    ],
)
def test_what_may_be_a_header_is_not_passed_over(text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError):
        read_table(path)


def test_rows_to_skip_belong_to_text_and_sheets(tmp_path: Path) -> None:
    frame = pd.DataFrame({"U [m/s]": [1.0]})
    frame.to_parquet(tmp_path / "t.parquet")
    for source in (frame, tmp_path / "t.parquet"):
        with pytest.raises(InputError, match="above its header"):
            read_table(source, skip_rows=1)
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match="negative"):
        read_table(tmp_path / "t.csv", skip_rows=-1)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), tab=st.booleans())
def test_decimal_commas_with_a_row_of_units(values: list[float], tab: bool, tmp_path: Path) -> None:
    mark = "\t" if tab else ";"
    numbers = [repr(v).replace(".", ",") for v in values]
    lines = [f"U{mark}D{mark}eps", f"m/s{mark}mm{mark}-"]
    lines += [f"{n}{mark}2,5{mark}0,4" for n in numbers]
    path = tmp_path / ("t.tsv" if tab else "t.csv")
    path.write_text("\n".join(lines) + "\n")
    data = read_table(path)
    np.testing.assert_array_equal(data["U"], values)
    np.testing.assert_array_equal(data["D"], [0.0025] * len(values))
    np.testing.assert_array_equal(data["eps"], [0.4] * len(values))


def test_index_coordinates_without_units_are_counts() -> None:
    table = xr.Dataset(
        {"U": ("run", [1.0, 2.0], {"units": "km/h"})}, coords={"run": [7, 8], "x": ("run", [3, 4])}
    )
    with pytest.raises(InputError, match=r"Column 'x' .*no unit"):
        read_table(table)
    data = read_table(table.drop_vars("x"))
    assert data.names == ("U",)
    assert "'run' of xarray Dataset has no unit and was left out" in data.warnings[0]
    named = read_table(table, units={"run": "1", "x": "1"})
    assert set(named.names) == {"U", "run", "x"}
    with pytest.raises(InputError, match=r"'run' .*no unit"):
        read_table(table.drop_vars("x"), columns=["run", "U"])


UNITS = [
    *("m", "1", "degC", "dB", "log10(m)", "dB re 20 µPa", "%", "meter / second", "1e19/m^3"),
    *("m (beam diameter)", "MPa·√m", "m; length", "m**(1/3)", "kg m-3", "1 (Darcy)", "W/m K"),
]
LABELS = ["m", "5", "label", "-", "kg", "", "1", "Pa", "true", "2,5", "nan"]
NAMES = ["a", "b", "a_err", "x y", "x_err_err", "T (K)", "#a", "a;b", "_err", "index", "0", "a[0]"]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(draw=st.data(), names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
def test_a_frame_written_by_to_pandas_reads_back(draw: st.DataObject, names: list[str]) -> None:
    n = draw.draw(st.integers(1, 3))
    columns: dict[str, list[object]] = {}
    units: dict[str, str] = {}
    for name in names:
        is_label = draw.draw(st.booleans())
        cells = st.sampled_from(LABELS if is_label else [1.0, float("nan"), 2.5, 0.0])
        columns[name] = draw.draw(st.lists(cells, min_size=n, max_size=n))
        units[name] = "label" if is_label else draw.draw(st.sampled_from(UNITS))
    try:
        data = Dataset.from_columns(columns, units=units)
    except InputError:
        return
    assert read_table(data.to_pandas()) == data
    assert read_table(data) == data


@pytest.mark.parametrize("name", ["U (m/s)", "U / (m/s)", "U, m/s", "U / m/s"])
def test_units_that_headers_give_in_another_way(name: str, tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text(f"{name}\tD [mm]\n1\t5\n2\t7\n")
    with pytest.raises(InputError, match=r"\*=header"):
        read_table(path)
    data = read_table(path, units={"*": "header"})
    assert data.names == ("U", "D")
    assert data.variable("U").unit.text == "m/s"
    np.testing.assert_array_equal(data["D"], [0.005, 0.007])
