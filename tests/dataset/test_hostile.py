"""Files made to hurt end in one sentence, before they take memory or time."""

import os
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pandas as pd
import pytest

from dimgs.common.errors import InputError
from dimgs.dataset import raw, read, read_table
from dimgs.dataset.raw import ReadOptions


def _refused(path: Path, content: str | bytes, match: str) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=match) as caught:
        read_table(path)
    # one sentence, which does not repeat what is too long
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("header", ["U [m/s],D [mm]", "U,D", "U [m/s]", "U [m/s", "x" * 900])
def test_a_header_without_an_end_of_line(header: str, tmp_path: Path) -> None:
    _refused(tmp_path / "t.csv", header, "no rows|no unit|no column")


@pytest.mark.parametrize("letter", ["x", " ", "[", "]", '"', "[m] ", "\u0301"])
def test_names_of_300000_characters(letter: str, tmp_path: Path) -> None:
    name = letter * (300_000 // len(letter))
    for content in (f"{name} [m],U [m/s]\n1,2\n", f"U [m/s],a{name}b\n1,2\n", f"a{name}"):
        _refused(tmp_path / "t.csv", content, "too long|no unit|has no name|empty|cannot be read")
    frame = pd.DataFrame({f"a{name}b [m]": [1.0]})
    with pytest.raises(InputError, match="too long"):
        read_table(frame)


def test_a_row_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "LONGEST_RECORD", 1 << 12)
    monkeypatch.setattr(read, "_HEAD_BYTES", 1 << 12)
    monkeypatch.setattr(read, "LONGEST_RECORD", 1 << 12)
    monkeypatch.setattr(read, "BLOCK_BYTES", 1 << 12)
    _refused(tmp_path / "t.csv", "U [m/s]" + "," * (1 << 14), r"A row of t.csv has more than")
    table = "U [m/s]\n1\n2\n"
    path = tmp_path / "t.csv"
    path.write_text(table + '"' + "x\n" * (1 << 14))
    options = ReadOptions()
    with pytest.raises(InputError, match="quote that is not closed"):
        list(read.text_tables(path, options, 1 << 12))


def test_a_long_comment_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"a [m],b [m]\n1,2\n#{'x' * 300_000}\n3,4\n")
    assert read_table(tmp_path / "t.csv")["a"].tolist() == [1.0, 3.0]


def test_many_long_names_are_read(tmp_path: Path) -> None:
    names = [f"{'x' * 60}{i} [m]" for i in range(3000)]
    (tmp_path / "t.csv").write_text(f"{','.join(names)}\n{','.join('1' * 3000)}\n")
    assert len(read_table(tmp_path / "t.csv").names) == 3000


def test_more_columns_than_any_table_has(tmp_path: Path) -> None:
    n = raw._MOST_COLUMNS + 1
    names = ",".join(f"x{i} [m]" for i in range(n))
    numbers = ",".join(["1"] * n)
    _refused(tmp_path / "t.csv", f"{names}\n{numbers}\n", f"has {n} columns where at most")
    frame = pd.DataFrame(np.ones((1, n)), columns=names.split(","))
    with pytest.raises(InputError, match=f"has {n} columns where at most"):
        read_table(frame)


def test_ten_thousand_columns_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    names = ",".join(f"x{i} [m]" for i in range(10_000))
    path.write_text(f"{names}\n" + (",".join(["1.5"] * 10_000) + "\n") * 3)
    data = read_table(path)
    assert len(data.names) == 10_000
    assert data["x9999"].tolist() == [1.5] * 3


def _workbook(path: Path, sheet: str, more: dict[str, str] | None = None) -> None:
    """A minimal workbook with the XML of its only sheet."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Override PartName='
        '"/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'spreadsheetml.sheet.main+xml"/></Types>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="s" '
        'sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}">{sheet}</worksheet>',
        **(more or {}),
    }
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def _cell(place: str, value: Any) -> str:
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def test_a_sheet_is_as_large_as_what_is_used(tmp_path: Path) -> None:
    rows = f'<row r="1">{_cell("A1", "U [m/s]")}</row><row r="2">{_cell("A2", 3.5)}</row>'
    sheet = '<dimension ref="A1:XFD1048576"/><sheetData>' + rows
    sheet += '<row r="1000000"><c r="XFD1000000"/></row></sheetData>'
    path = tmp_path / "t.xlsx"
    _workbook(path, sheet)
    assert read_table(path)["U"].tolist() == [3.5]
    far = '<row r="1000000000000"><c r="A1000000000000"><v>1</v></c></row>'
    _workbook(path, f"<sheetData>{rows}{far}</sheetData>")
    with pytest.raises(InputError, match="more than 20,000,000 cells"):
        read_table(path)


def test_cells_beyond_the_most_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "_MOST_CELLS", 1000)
    path = tmp_path / "t.xlsx"
    pd.DataFrame({"U [m/s]": np.ones(2000)}).to_excel(path, index=False)
    with pytest.raises(InputError, match=r"more than 1,000 cells; save it as .csv"):
        read_table(path)
    # every row goes on to a far column
    rows = [f'<row r="{i}">{_cell(f"A{i}", 1.0)}{_cell(f"ZZ{i}", 1.0)}</row>' for i in range(1, 9)]
    _workbook(path, f"<sheetData>{''.join(rows)}</sheetData>")
    with pytest.raises(InputError, match="more than 1,000 cells"):
        read_table(path)


def test_a_workbook_that_unpacks_to_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    _workbook(path, "<sheetData/>", {"xl/styles.xml": " " * (read._PART_BYTES + 1)})
    assert path.stat().st_size < 1_000_000
    with pytest.raises(InputError, match=r"unpacks to .* GB \('xl/styles.xml'\)"):
        read_table(path)


def test_a_table_larger_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({f"x{i} [m]": np.ones(100_000) for i in range(10)}).to_parquet(path)
    assert path.stat().st_size < 100_000
    assert read.memory_bytes() > 1 << 28
    monkeypatch.setattr(read, "memory_bytes", lambda: 10_000_000)
    with pytest.raises(InputError, match=r"needs about 0.0 GB of memory.*--columns.*--stream"):
        read_table(path)
    assert read_table(path, columns=["x1", "x2"]).n_runs == 100_000
    monkeypatch.setattr(read, "memory_bytes", lambda: 10)
    _refused(tmp_path / "t.csv", "U [m/s]\n" + "1\n" * 10, "of memory where this machine")


def test_one_long_text_is_held_once(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    words = ["a" * 100_000] * 20
    pd.DataFrame({"x [m]": np.ones(20), "word": words}).to_parquet(path)
    column = read_table(path)["word"].tolist()
    assert column == words
    assert len({id(word) for word in column}) == 1


def test_a_deep_sidecar(tmp_path: Path) -> None:
    (tmp_path / "t.units.json").write_text("[" * 200_000)
    _refused(tmp_path / "t.csv", "U\n1\n", "'t.units.json' is not JSON")
    assert os.path.getsize(tmp_path / "t.csv") < 10
