"""The same table in every form that is read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pint
import pytest
import xarray as xr

from dimgs.common.errors import InputError
from dimgs.dataset import Dataset, read_table
from dimgs.variables import registry

EXPECTED = {"U": [1.0, 2.5], "D": [0.05, 0.08], "T": [293.15, 303.15]}
TEXTS = {
    "comma": "U [m/s],D [mm],T [degC],s [label]\n1,50,20,a\n2.5,80,30,b\n",
    "semicolon": "U [m/s];D [mm; diameter];T [°C];s [label]\n1;50;20;a\n2.5;80;30;b\n",
    "decimal comma": "U [m/s];D [mm];T [degC];s\n1,0;50;20;a\n2,5;80;30;b\n",
    "tab": "U [m/s]\tD [mm]\tT [degC]\ts\n1\t50\t20\ta\n2.5\t80\t30\tb\n",
    "second row": "U,D,T,s\nm/s,mm,degC,label\n1,50,20,a\n2.5,80,30,b\n",
    "second row, blank label": "U,D,T,s\nm/s,mm,degC,\n1,50,20,a\n2.5,80,30,b\n",
    "second row, dash": "U,D,T,s\nm/s,mm,degC,-\n1,50,20,a\n2.5,80,30,b\n",
    "half and half": "U [m/s],D,T,s\n,mm,degC,\n1,50,20,a\n2.5,80,30,b\n",
    "BOM": "\ufeffU [m/s],D [mm],T [degC],s\n1,50,20,a\n2.5,80,30,b\n",
    "comments": "# by hand\n\nU [m/s],D [mm],T [degC],s\n# one\n1,50,20,a\n\n  \n2.5,80,30,b\n",
    "quotes": '"U [m/s]","D [mm]",T [degC],"s"\n1,"50",20,"a"\n2.5,80,30,b\n',
    "scientific": "U [m/s],D [mm],T [degC],s\n1e0,5.0E+01,+20,a\n.25e1,80.,30,b\n",
    "windows": "U [m/s],D [mm],T [degC],s\r\n1,50,20,a\r\n2.5,80,30,b\r\n",
    "old mac": "U [m/s],D [mm],T [degC],s\r1,50,20,a\r2.5,80,30,b\r",
    "mixed ends": "# x\r\n\nU [m/s],D [mm],T [degC],s\r\n1,50,20,a\n2.5,80,30,b",
    "spaces": "U [m/s] , D [mm],T [degC] , s\n 1 , 50,20 , a \n2.5,80, 30,b\n",
    "trailing delimiter": "U [m/s],D [mm],T [degC],s,\n1,50,20,a,\n2.5,80,30,b,\n",
}


def same(data: Dataset) -> None:
    assert data.numeric_names == ("U", "D", "T")
    for name, values in EXPECTED.items():
        assert data[name].tolist() == values
    assert data["s"].tolist() == ["a", "b"]
    assert data.rows.tolist() == [1, 2]


@pytest.mark.parametrize("form", TEXTS)
def test_text(form: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(TEXTS[form].encode())
    same(read_table(path))
    if form == "tab":
        path.rename(tmp_path / "t.tsv")
        same(read_table(str(tmp_path / "t.tsv")))


def frame() -> pd.DataFrame:
    return pd.DataFrame({"U": [1, 2.5], "D": [50, 80], "T": [20.0, 30.0], "s": ["a", "b"]})


UNITS = {"U": "m/s", "D": "mm", "T": "degC"}


def test_units_in_their_order_of_precedence(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x [m],y [m],z,w\nmm,mm,mm,\n1,1,1,1\n2,2,2,2\n")
    (tmp_path / "t.units.json").write_text(json.dumps({"x": "km", "z": "km", "w": "km"}))
    data = read_table(path, units={"x": "cm"})
    assert [data[n][0] for n in "xyzw"] == [0.01, 1.0, 0.001, 1000.0]
    assert len(data.warnings) == 2
    assert "'y': its header gives the unit 'm' and the second row 'mm'" in data.warnings[0]


@pytest.mark.parametrize("name", ["t.units.json", "t.csv.units.json"])
def test_sidecar(name: str, tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / name).write_text(json.dumps(UNITS))
    same(read_table(tmp_path / "t.csv"))
    (tmp_path / name).write_text("{")
    with pytest.raises(InputError, match=f"'{name}' is not JSON"):
        read_table(tmp_path / "t.csv")
    (tmp_path / name).write_text('{"U": 3}')
    with pytest.raises(InputError, match=r"cannot be used: U: 3 is given where a text is needed"):
        read_table(tmp_path / "t.csv")
    (tmp_path / name).write_text("[1]")
    with pytest.raises(InputError, match="not an object of unit strings"):
        read_table(tmp_path / "t.csv")
    (tmp_path / name).write_text("[" * 200_000)
    with pytest.raises(InputError, match="nested too deep"):
        read_table(tmp_path / "t.csv")
    (tmp_path / name).write_bytes(b"{" + b" " * (17 << 20) + b"}")
    with pytest.raises(InputError, match="longer than any sidecar"):
        read_table(tmp_path / "t.csv")


def test_mapping() -> None:
    same(read_table(frame(), units=UNITS))


def test_frame_attributes() -> None:
    table = frame()
    table.attrs["units"] = UNITS
    same(read_table(table))


def test_two_level_headers() -> None:
    table = frame()
    table.columns = pd.MultiIndex.from_tuples(
        [("U", "m/s"), ("D", "mm"), ("T", "degC"), ("s", "label")]
    )
    same(read_table(table))


def test_named_index_is_a_column() -> None:
    table = frame().set_index("U")
    same(read_table(table, units=UNITS))


def test_frame_with_a_row_of_units() -> None:
    text = pd.DataFrame([["m/s", "mm", "degC", ""]], columns=list("UDTs"))
    same(read_table(pd.concat([text, frame()]).reset_index(drop=True)))


def test_pint_dtypes() -> None:
    pint_pandas = pytest.importorskip("pint_pandas")
    table = frame()
    for name, unit in UNITS.items():
        array = pint_pandas.PintArray(table[name].to_numpy(dtype=float), dtype=f"pint[{unit}]")
        table[name] = array
    same(read_table(table))
    with pytest.raises(InputError, match="holds quantities in 'millimeter', but 's' is given"):
        read_table(table, units={"D": "s"})


def test_cells_that_are_quantities() -> None:
    q = registry().Quantity
    table = frame()
    table["D"] = pd.Series([q(50, "mm"), q(8, "cm")], dtype=object)
    same(read_table(table, units={"U": "m/s", "T": "degC"}))
    table["D"] = pd.Series([q(50, "mm"), q(8, "s")], dtype=object)
    with pytest.raises(InputError, match="mixed units"):
        read_table(table, units={"U": "m/s", "T": "degC"})


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = frame()
    table.attrs["units"] = UNITS
    table.to_parquet(path)
    same(read_table(path))
    import pyarrow as pa
    from pyarrow import parquet

    fields = [pa.field(n, pa.float64(), metadata={"units": u}) for n, u in UNITS.items()] + [
        pa.field("s", pa.string())
    ]
    plain = pa.table([frame()[f.name].to_list() for f in fields], schema=pa.schema(fields))
    parquet.write_table(plain, path)
    same(read_table(path))


def test_excel(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    titles = {"U": "U [m/s]", "D": "D [mm]", "T": "T [degC]"}
    with pd.ExcelWriter(path) as book:
        frame().rename(columns=titles).to_excel(book, sheet_name="runs", index=False)
        blank = [None] * 4
        rows = [["# made by hand", *blank[1:]], blank, list("UDTs"), ["m/s", "mm", "degC", None]]
        rows += [[1, 50, 20, "a"], blank, ["2.5", 80, 30, "b"]]
        pd.DataFrame(rows).to_excel(book, sheet_name="odd", index=False, header=False)
        pd.DataFrame().to_excel(book, sheet_name="none", index=False)
    data = read_table(path)
    same(data)
    assert data.warnings == (
        "The sheet 'runs' of t.xlsx was read; it also has 'odd', 'none' (--sheet).",
    )
    same(read_table(path, sheet="odd"))
    same(read_table(path, sheet=1))
    with pytest.raises(InputError, match=r"The sheet 'none' of t.xlsx is empty"):
        read_table(path, sheet="none")
    with pytest.raises(InputError, match=r"t.xlsx has no sheet 'x'; its sheets are 'runs', 'odd'"):
        read_table(path, sheet="x")


def test_xarray_is_flattened_over_its_dimensions() -> None:
    grid = xr.Dataset(
        {
            "p": (("x", "t"), [[1.0, 2.0], [3.0, 4.0]], {"units": "kPa"}),
            "name": (("t",), ["early", "late"]),
        },
        coords={"x": ("x", [1, 2], {"units": "mm"}), "t": ("t", [0.0, 1.0], {"units": "min"})},
    )
    data = read_table(grid)
    assert data["p"].tolist() == [1000.0, 2000.0, 3000.0, 4000.0]
    assert data["x"].tolist() == [0.001, 0.001, 0.002, 0.002]
    assert data["t"].tolist() == [0.0, 60.0, 0.0, 60.0]
    assert data["name"].tolist() == ["early", "late"] * 2
    runs = xr.Dataset({"U": ("run", [1.0, 2.0], {"units": "m/s"})})
    assert read_table(runs).names == ("U",)
    assert read_table(runs["U"])["U"].tolist() == [1.0, 2.0]


def test_uncertainty_columns() -> None:
    table = pd.DataFrame(
        {
            "T [degC]": [20.0, 30.0],
            "T_err [degC]": [0.5, float("nan")],
            "L [dB]": [3.0, 4.0],
            "L_err [dB]": [0.1, 0.2],
            "U [m/s]": [1.0, 2.0],
            "U_err [mm/s]": [3.0, 7.0],
            "o_err [m]": [1.0, -2.0],
        }
    )
    data = read_table(table)
    assert data.names == ("T", "L", "U", "o_err")
    assert data.errors["T"][0] == 0.5
    assert np.isnan(data.errors["T"][1])
    assert data.errors["U"].tolist() == [0.003, 0.007]
    assert data["o_err"].tolist() == [1.0, -2.0]
    assert read_table(table, columns=["U"]).errors.keys() == {"U"}
    assert read_table(table, drop=["U"]).errors.keys() == {"T", "L"}
    assert read_table(data.to_pandas()) == data


def test_truth_values_are_labels_unless_their_unit_is_one(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("wet,hot [1]\ntrue,true\nfalse,false\n")
    data = read_table(path)
    assert data["wet"].tolist() == ["true", "false"]
    assert data["hot"].tolist() == [1.0, 0.0]
    flags = read_table(pd.DataFrame({"wet": [True, False], "hot [1]": [True, False]}))
    assert flags["wet"].tolist() == ["True", "False"]
    assert flags["hot"].tolist() == [1.0, 0.0]


def test_frames_with_odd_dtypes() -> None:
    table = pd.DataFrame(
        {
            "n [1]": pd.array([1, None], dtype="Int64"),
            "c": pd.Categorical(["a", None]),
            "s": pd.array(["b", pd.NA], dtype="string"),
            "d [label]": pd.to_datetime(["2020-01-01", "2020-01-02"]),
            "k [label]": [7.0, 8.0],
            "empty": [None, None],
        }
    )
    data = read_table(table)
    assert data["n"][0] == 1.0
    assert np.isnan(data["n"][1])
    assert data["c"].tolist() == ["a", ""]
    assert data["s"].tolist() == ["b", ""]
    assert data["k"].tolist() == ["7", "8"]
    assert data.warnings == ("Column 'empty' of DataFrame is empty and was left out.",)
    with pytest.raises(InputError, match="holds time spans"):
        read_table(pd.DataFrame({"t [s]": pd.to_timedelta([1, 2], unit="s")}))


def test_a_comment_that_may_be_data_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('id [label],x [m]\na,1\n#2,2\n"#3",3\n')
    data = read_table(path)
    assert data["id"].tolist() == ["a", "#3"]
    assert "Line 3 of t.csv starts with #" in data.warnings[0]


def test_kinds_and_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a [m^2/s; thermal diffusivity],b,junk\n1,2,oops\n")
    data = read_table(path, columns=["a", "b"], units={"b": "m; diameter"})
    assert data.variable("a").kind == "thermal diffusivity"
    assert data.variable("b").kind == "diameter"
    assert read_table(path, drop=["junk", "b"]).names == ("a",)


def test_quantities_of_any_registry() -> None:
    theirs: pint.UnitRegistry[Any] = pint.UnitRegistry()
    theirs.define("florin = [currency]")
    theirs.define("dozen_florin = 12 florin")
    data = Dataset.from_columns(
        U=theirs.Quantity([1.0, 2.0], "km/h"),
        T=theirs.Quantity([20.0, 30.0], "degC"),
        cost=theirs.Quantity([3.0, 4.0], "dozen_florin/kg"),
        L=theirs.Quantity(3.0, "m"),
        s="steel",
    )
    assert data["T"].tolist() == [293.15, 303.15]
    assert data["L"].tolist() == [3.0, 3.0]
    assert data["cost"].tolist() == [36.0, 48.0]
    assert data.variable("cost").dimension.to_json() == {"[currency]": "1", "[mass]": "-1"}
    np.testing.assert_allclose(data["U"], [1 / 3.6, 2 / 3.6])
    assert read_table(data.to_pandas()) == data
    theirs.define("cubit = 2 kg")
    registry().define("cubit = 0.5 m")
    with pytest.raises(InputError, match="means something else"):
        Dataset.from_columns(x=theirs.Quantity([1.0], "cubit"))


def test_quantity_is_in_the_users_unit() -> None:
    data = Dataset.from_columns({"T [degC]": [20.1], "n [1e19/m^3]": [2.0], "L [dB]": [3.0]})
    assert data.quantity("T").magnitude.tolist() == [20.1]
    assert str(data.quantity("T").units) == "degree_Celsius"
    assert data.quantity("n").to("1/m^3").magnitude.tolist() == [2e19]
    assert data.quantity("L").magnitude.tolist() == [3.0]
    with pytest.raises(InputError, match="holds labels"):
        Dataset.from_columns(s=["a"]).quantity("s")


def test_a_unit_that_is_given_may_correct_the_header_and_hardly_its_dimension() -> None:
    table = {"m [g]": [1.0, 2.0], "T [s]": [3.0, 4.0]}
    assert not read_table(table, units={"m": "kg"}).warnings
    (warning,) = read_table(table, units={"m": "s"}).warnings
    assert "'m': the mapping gives the unit 's' and its header 'g'; 's' was used" in warning
