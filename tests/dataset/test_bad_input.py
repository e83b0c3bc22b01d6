"""Every kind of bad input has its own sentence, with place and remedy."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.dataset import Dataset, read_table
from dimgs.dataset.checks import (
    check_enough_runs,
    check_loggable,
    check_target,
    constant_columns,
    drop_bad_rows,
    duplicate_rows,
    duplicate_warnings,
    near_duplicates,
    require_finite,
)

UD = "U [m/s],D [mm]\n"

BAD_TEXT = {
    "text among numbers": (
        UD + "1,2\n3,oops\n",
        r"'D', row 2 of t.csv: 'oops' is not a number; .*",
    ),
    "bound": (UD + "1,<2\n", r"'D', row 1 .* bound, not a value; .*drop such rows"),
    "date": (UD + "1,2020-01-31\n", r"'D', row 1 .* is a date; .*elapsed"),
    "duration": (UD + "1,2\n3,1:40.91\n", r"'D', row 2 .*'1:40.91' is a time; .*elapsed"),
    "value with its error": (UD + "1,2\n3,1.05 ± 0.02\n", r"'D', row 2 .* its error; .*NAME_err"),
    "value with its error in digits": (
        UD + "1,2\n3,1.05(2)\n",
        r"'D', row 2 .* its error; .*NAME_err",
    ),
    "value with its error in ASCII": (
        UD + "1,2\n3,5+/-2\n",
        r"'D', row 2 .* its error; .*NAME_err",
    ),
    "truth value": (UD + "1,true\n3,4\n", r"'D', row 1 .* truth value; write 0 or 1"),
    "missing unit": ("U,D [mm]\n1,2\n", r"Column 'U' of t.csv has no unit; .*--units U=1 says"),
    "unit in round brackets": (
        "U (m/s),T_g (q),D [mm]\n1,2,3\n",
        r"Columns 'U \(m/s\)', 'T_g \(q\)' of t.csv have no unit; write the header as 'U \[m/s\]'",
    ),
    "units to copy": (
        "T / °C,mu (mPa·s),n\n1,2,3\n",
        r"as 'T \[°C\]' .* --units \"T / °C=°C,mu \(mPa·s\)=mPa·s,n=1\"\.$",
    ),
    "unit without a name": ("[m/s],D [mm]\n1,2\n", r"Column 1 of t.csv has no name; name it"),
    "rows are counted": (
        "run,U\n1,3\n2,5\n3,4\n4,7\n5,6\n6,8\n",
        r"have no unit; .*--units run=label,U=1\.",
    ),
    "few rows are counted": ("run,U\n1,3\n2,5\n3,4\n", r"have no unit; .*--units run=1,U=1 says"),
    "two missing units": ("U,D\n1,2\n", r"Columns 'U', 'D' of t.csv have no unit"),
    "unparsable unit": ("U [m/frob]\n1\n", r"'U' of t.csv: The unit 'm/frob' cannot be read"),
    "mixed units": (
        "D\n3 mm\n4 cm\n",
        r"'D' of t.csv mixes units \(row 1: '3 mm', row 2: '4 cm'\)",
    ),
    "mixed units under a unit": ("D [mm]\n3 mm\n4 cm\n", r"mixes units .*'D \[mm\]'"),
    "one odd unit": (
        "D [mm]\n3\n4 cm\n",
        r"'D', row 2 .*carries a unit of its own \(mixed units\)",
    ),
    "unit in every cell": (
        "D\n3 mm\n4 mm\n",
        r"Every cell of column 'D' .*put the unit in the head",
    ),
    "numbers and text": ("D\n3\nfour\n", r"'D' of t.csv mixes numbers and text \(row 2: 'four'\)"),
    "below zero kelvin": (
        "T [degC]\n20\n-300\n",
        r"'T', row 2 of t.csv: -300 degC .*absolute zero",
    ),
    "empty": ("", r"t.csv is empty; give a header"),
    "only comments": ("# nothing\n\n", r"t.csv is empty; give a header"),
    "header only": (UD, r"t.csv has column names but no rows; add"),
    "header and units only": ("U,D\nm/s,mm\n", r"t.csv has column names but no rows"),
    "same names": ("x [m],x [s]\n1,2\n", r"Columns 1 and 2 of t.csv are both named 'x'; rename"),
    "no name": ("x [m],\n1,2\n", r"Column 2 of t.csv has no name; name it"),
    "no header": ("1,2\n3,4\n", r"The first row of t.csv holds numbers, not column names"),
    "short row": (UD + "1,2\n\n# c\n3\n", r"Line 5 of t.csv has 1 field where the header has 2"),
    "long row": (UD + "1,2,3\n", r"Line 2 of t.csv has 3 fields where the header has 2"),
    "thousands": (
        'p [Pa]\n"101,325"\n',
        r"'p', row 1 .*separates thousands or begins decimals; write '101325' or '101.325'",
    ),
    "thousands and decimal comma": ('p [Pa]\n"1 325,5"\n', r"write '1325.5'"),
    "thousands and point": ('p [Pa]\n"1,325.5"\n', r"thousands separators; write '1325.5'"),
    "thousands twice": ('p [Pa]\n"1,325,500"\n', r"thousands separators; write '1325500'"),
    "thousands without unit": ('p\n"101,325"\n"1,325"\n', r"separates thousands"),
    "point or thousands": (
        "p [Pa];b [m]\n1,5;2\n2,5;1.240\n",
        r"'b', row 2 .*'1.240' separates thousands .*; write '1240' or '1,240'",
    ),
    "point and thousands": (
        "p [Pa];b [m]\n1,5;2\n2,5;1.240,5\n",
        r"'b', row 2 .*thousands separators; write '1240,5'",
    ),
    "point far below": (
        "p [Pa];b [m]\n" + "1,5;2\n" * 300 + "2.5;2\n",
        r"'p', row 301 .*'2.5' has a decimal point where the table has decimal commas",
    ),
    "decimal comma": (
        'p [Pa],b [m]\n"1,5",2\n',
        r"'p', row 1 .*decimal comma; write decimal points",
    ),
    "both decimal marks": ("p [Pa];b [m]\n1,5;2.5\n", r"'p', row 1 .*decimal comma"),
    "spaces": ("a b\n1 2\n3 4\n", r"separated by spaces; separate them by commas"),
    "negative error": ("x [m],x_err [m]\n1,-2\n", r"'x_err', row 1 .*-2 is negative; give its abs"),
    "relative error": ("x [m],x_err [%]\n1,2\n", r"'x_err' .* is in '%', but 'x' is in 'm'"),
    "open quote": (UD + '1,"2\n' * 2 + "x" * 200_000, r"quote|fields?"),
    "too large": ("x [km]\n1e307\n", r"'x', row 1 .*too large in SI"),
    "zero bytes": ("x [m]\n1\0\n", r"not a text table"),
}


@pytest.mark.parametrize("case", BAD_TEXT)
def test_text_tables(case: str, tmp_path: Path) -> None:
    text, message = BAD_TEXT[case]
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_table(path)


@pytest.mark.parametrize("number", [1240, 12400, 1240500, 1240.5, 12400.25])
@pytest.mark.parametrize(("between", "decimal"), [(".", ","), (",", "."), (" ", ","), ("'", ".")])
def test_what_is_written_for_thousands_keeps_the_value(
    number: float, between: str, decimal: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    groups = f"{number:,}".translate({ord(","): between, ord("."): decimal})
    path.write_text(f"p [Pa];b [m]\n1{decimal}5;{groups}\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"'b', row 1 .*{re.escape(groups)}") as caught:
        read_table(path)
    offered = re.findall(r"'([\d.,]+)'", str(caught.value).rpartition("; write ")[2])
    values = []
    for text in offered:
        path.write_text(f"p [Pa];b [m]\n1{decimal}5;{text}\n", encoding="utf-8")
        values.append(read_table(path)["b"][0])
    # both readings are offered where nothing decides
    assert number in values
    assert len(values) == 1 + (groups.count(between) == 1 and between in ".," and number % 1 == 0)


@pytest.mark.parametrize("cell", ["4.856*", "4.856 †", "-4.8e-3#"])
def test_a_mark_of_a_footnote_is_taken_off(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"p [Pa],b [m]\n1,2\n2,{cell}\n* repeated,\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"row 3 of t.csv: '\* repeated' .*--drop-bad"):
        read_table(path, columns=["p"])
    with pytest.raises(InputError, match="has the mark of a footnote") as caught:
        read_table(path, columns=["b"])
    (written,) = re.findall("write '(.*)'", str(caught.value))
    assert float(written) == float(cell.rstrip(" *†#"))
    assert len(read_table(path, drop_bad=True)) == 1


def test_blanks_of_merged_cells_are_filled_from_above() -> None:
    merged = [0.1, None, None, 0.2, None]
    others = [1.0, 2.0, 3.0, 4.0, 5.0]
    for first, rest, is_merged in (
        (merged, others, True),
        (others, merged, True),
        (merged, [1.0, None, 3.0, 4.0, 5.0], False),
        ([None, *others[1:]], others, False),
        ([*others[:-1], None], others, False),
    ):
        data = read_table({"d [m]": first, "U [m/s]": rest})
        with pytest.raises(InputError, match="fill it in") as caught:
            require_finite(data, data.names)
        assert ("with the value above" in str(caught.value)) == is_merged


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("U [m/s],é [m]\n1,2\n".encode("latin-1"), r"Line 1 of t.csv is not UTF-8 \(byte 0xe9\)"),
        ("U [m/s],D [µm]\n1,2\n".encode("utf-16"), r"t.csv is encoded as UTF-16; save"),
        (b"U [m/s]\n1\n" * 2 + b"\xff\n", r"Line 5 of t.csv is not UTF-8 \(byte 0xff\)"),
    ],
)
def test_wrong_encoding(raw: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=message):
        read_table(path)


def test_wrong_encoding_far_below_the_header(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"x [m],s [label]\n" + b"1,a\n" * 300_000 + b"2,\xe9\n")
    with pytest.raises(InputError, match=r"Line 300002 of t.csv is not UTF-8"):
        read_table(path)


def test_absent_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file '.*absent.csv'; check the path"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(InputError, match=r"is a folder"):
        read_table(tmp_path)
    with pytest.raises(InputError, match=r"There is no file"):
        read_table("a\0b.csv")
    (tmp_path / "t.hdf").write_text("x")
    with pytest.raises(InputError, match=r"'t.hdf' has the extension '.hdf', which is not read"):
        read_table(tmp_path / "t.hdf")
    (tmp_path / "some runs.db").write_bytes(b"SQLite format 3\x00")
    remedy = r'is a database; .* dimgs hub dataset --hub ".*" --target NAME --out "some runs.csv"'
    with pytest.raises(InputError, match=remedy):
        read_table(tmp_path / "some runs.db")
    with pytest.raises(InputError, match=r"object of type 'list'"):
        read_table([1, 2])  # type: ignore[arg-type]  # what a user may do


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_damaged_binary_files(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{suffix}"
    path.write_bytes(b"U [m/s]\n1\n")
    with pytest.raises(InputError, match=r"cannot be read as .*extension"):
        read_table(path)


def test_unknown_columns_list_near_matches(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("speed [m/s],D [mm]\n1,2\n")
    for asked in ({"columns": ["Speed"]}, {"drop": ["sped"]}, {"units": {"spead": "m"}}):
        with pytest.raises(InputError, match=r"no column '.*' in t.csv; did you mean 'speed'\?"):
            read_table(path, **asked)
    data = read_table(path)
    with pytest.raises(InputError, match=r"did you mean 'speed'"):
        data.variable("speeed")
    with pytest.raises(InputError, match=r"its columns are 'speed', 'D'"):
        data["zzz"]
    with pytest.raises(InputError, match=r"No column of t.csv is left"):
        read_table(path, drop=["speed", "D"])


def test_blank_cells_matter_only_where_they_are_used(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("U [m/s],D [mm],s [label]\n1,2,a\n3,,b\n4,NA,\n5,nan,c\ninf,6,d\n")
    data = read_table(path)
    assert np.isnan(data["D"]).tolist() == [False, True, True, True, False]
    require_finite(data.take([0, 1]), ["U"])
    with pytest.raises(
        InputError, match=r"'D', row 2 of t.csv: the cell holds no value .* \(2 more .*--drop"
    ):
        require_finite(data, ["D"])
    with pytest.raises(InputError, match=r"'U', row 5 of t.csv: the value is infinite"):
        require_finite(data, ["U"])
    with pytest.raises(InputError, match=r"'s', row 3 of t.csv: the label is blank"):
        require_finite(data, ["s"])
    kept = drop_bad_rows(data, ["U", "D"])
    assert kept.rows.tolist() == [1]
    assert [d.row for d in kept.dropped] == [2, 3, 4, 5]
    assert "column 'U': the value is infinite" in kept.dropped[-1].reason
    assert read_table(path, drop_bad=True).dropped == kept.dropped
    assert read_table(path, drop_bad=True, drop=["D"]).rows.tolist() == [1, 2, 3, 4]


def test_dropping_counts_every_kind_of_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("U [m/s],T [degC]\n1,20\noops,20\n2\n3,-400\n0,20\n-1,20\n4,30\n")
    data = read_table(path, drop_bad=True, logged=["U"])
    assert data.rows.tolist() == [1, 7]
    reasons = {d.row: d.reason for d in data.dropped}
    assert list(reasons) == [2, 3, 4, 5, 6]
    assert "'oops'" in reasons[2]
    assert "1 field" in reasons[3]
    assert "absolute zero" in reasons[4]
    assert "zero" in reasons[5]
    assert "negative" in reasons[6]
    with pytest.raises(InputError, match=r"No usable row of columns is left: .*row 1: column 'U'"):
        drop_bad_rows(Dataset.from_columns({"U [m]": [0.0]}), ["U"], logged=["U"])


def test_logarithms_need_positive_numbers() -> None:
    data = Dataset.from_columns(
        {"U [m/s]": [1.0, 0.0, -2.0], "L [dB]": [-3.0, 0.0, 1.0], "s": ["a", "b", "c"]}
    )
    check_loggable(data, ["L"])
    with pytest.raises(
        InputError, match=r"'U', row 2 of columns: the value is zero, but a power law"
    ):
        check_loggable(data, ["U"], "a power law")
    with pytest.raises(InputError, match=r"'s' of columns holds labels"):
        check_loggable(data, ["s"])


def test_errors_that_are_used_must_be_positive() -> None:
    data = Dataset.from_columns({"x [m]": [1, 2], "x_err [m]": [0.1, 0]})
    require_finite(data, ["x"])
    with pytest.raises(InputError, match=r"'x_err', row 2 .*the standard error is zero"):
        require_finite(data, ["x"], errors=["x"])
    assert drop_bad_rows(data, ["x"], errors=["x"]).rows.tolist() == [1]


def test_a_level_is_the_logarithm_of_a_number_that_exists() -> None:
    data = Dataset.from_columns({"a [pH]": [7.0, 4e153, -310.0], "b [dB]": [3000.0, 60.0, 3100.0]})
    require_finite(data.take([0]), ["a", "b"])
    with pytest.raises(InputError, match=r"'a', row 2 .*no number has a level this large \(1 more"):
        require_finite(data, ["a"])
    assert drop_bad_rows(data, ["a", "b"]).rows.tolist() == [1]


def test_targets() -> None:
    data = Dataset.from_columns({"x [m]": [1, 2], "s": ["a", "b"]})
    check_target(data, "x")
    with pytest.raises(InputError, match=r"target 's' of columns holds labels.*'x'"):
        check_target(data, "s")
    with pytest.raises(InputError, match=r"no column 'y'"):
        check_target(data, "y")


def test_duplicates_are_named_and_replicates_are_not(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("U [m/s],y [m],s [label]\n1,2,a\n4,3,a\n1,2,a\n1,7,b\n4,3,a\n")
    data = read_table(path)
    assert duplicate_rows(data) == ((1, 3), (2, 5))
    (warning,) = data.warnings
    assert warning == (
        "2 duplicate rows in t.csv (rows 1 = 3; 2 = 5): equal in every column; remove copies, "
        "keep replicates."
    )


@given(st.integers(0, 10_000))
def test_pairs_that_differ_in_one_column_are_counted(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 4, (3, 12))
    data = Dataset.from_columns({f"{n} [m]": v for n, v in zip("xyz", values, strict=True)})
    differ = (values[:, :, None] != values[:, None]).sum(axis=0)[np.triu_indices(12, 1)]
    assert near_duplicates(data) == int((differ == 1).sum())


def test_ties_of_rounded_values_are_data() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(1.0, 3.0, 150)
    rounded = {
        "x [m]": x.round(1),
        "y [m]": (2.0 * x * np.exp(0.1 * rng.normal(size=150))).round(1),
    }
    data = Dataset.from_columns(rounded)
    (ties,) = duplicate_warnings(data)
    assert "which are data; keep them" in ties
    (pasted,) = duplicate_warnings(data.take([*range(150), *range(150)]))
    assert "remove copies" in pasted
    # of one digit most rows have an equal one
    coarse = Dataset.from_columns(
        {"x [m]": x.round(0), "y [m]": (2 * x).round(0), "n": ["a"] * 150}
    )
    assert "which are data; keep them" in duplicate_warnings(coarse)[0]
    # copies of a few rows of a table whose rows are otherwise far apart
    exact = Dataset.from_columns({"x [m]": x, "y [m]": 2.0 * x})
    (copies,) = duplicate_warnings(exact.take([*range(150), 3, 4]))
    assert "remove copies" in copies


def test_constant_columns() -> None:
    data = Dataset.from_columns(
        {
            "a [m]": [1.0, 1.0, float("nan")],
            "b [m]": [1.0, 2.0, 3.0],
            "c": ["x", "x", "x"],
            "d [m]": [0.1 + 0.2, 0.3, 0.3],
        }
    )
    assert constant_columns(data) == ("a", "c", "d")


def test_enough_runs() -> None:
    check_enough_runs(3, 3)
    with pytest.raises(InputError, match=r"4 unknowns need at least as many runs, and t.csv has 3"):
        check_enough_runs(3, 4, "t.csv")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"U": [1.0, 2.0]}, r"Column 'U' of columns has no unit"),
        ({"U [m]": [1.0, 2.0], "D [m]": [1.0]}, r"Column 'D \[m\]' has 1 values where"),
        ({"U [m]": [[1.0], [2.0]]}, r"shape \(2, 1\)|cannot be read|not a number"),
        ({"U [m]": np.ones((2, 2))}, r"has shape \(2, 2\)"),
        ({"U [m]": np.array([1j])}, r"complex"),
        ({"U [m]": []}, r"no rows"),
        ({}, r"There are no columns"),
    ],
)
def test_columns_in_memory(columns: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Dataset.from_columns(columns)


@pytest.mark.parametrize("cell", [[1.0, 2.0], (1.0, "m"), {"m": 1.0}, np.ones(2)])
@pytest.mark.parametrize("unit", [{}, {"x": "label"}])
def test_cells_of_several_values_are_no_labels(cell: object, unit: dict[str, str]) -> None:
    with pytest.raises(InputError, match=r"'x', row 2 .* several values .*; give one value"):
        Dataset.from_columns({"x": ["a", cell], "y [m]": [1.0, 2.0]}, units=unit)


def test_a_quantity_written_as_a_pair_is_refused() -> None:
    with pytest.raises(InputError, match=r"'x', row 1 .* several values .*Pint quantity"):
        Dataset.from_columns(x=([1.0, 2.0], "m"), y=([1.0, 2.0], "s"))
