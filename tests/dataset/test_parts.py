"""Tables in parts: every row once, from any position on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.dataset.raw import ReadOptions
from dimgs.dataset.read import Position, TableInParts


def written(folder: Path, kind: str, n_rows: int) -> Path:
    frame = pd.DataFrame(
        {"U [km/h]": np.arange(1.0, n_rows + 1), "who": [f"w{i % 7}" for i in range(n_rows)]}
    )
    if kind == "csv":
        frame.to_csv(folder / "t.csv", index=False)
        return folder / "t.csv"
    if kind == "parquet":
        frame.to_parquet(folder / "t.parquet", row_group_size=max(1, n_rows // 3))
        return folder / "t.parquet"
    (folder / "d").mkdir()
    for i, rows in enumerate(np.array_split(np.arange(n_rows), 3)):
        frame.iloc[rows].to_parquet(folder / "d" / f"{i}.parquet")
    return folder / "d"


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["csv", "parquet", "folder"]),
    st.integers(3, 2000),
    st.integers(1, 700),
    st.data(),
)
def test_reading_goes_on_from_every_position(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    n_rows: int,
    chunk_rows: int,
    data: st.DataObject,
) -> None:
    path = written(tmp_path_factory.mktemp("parts"), kind, n_rows)
    table = TableInParts(path, chunk_rows, ReadOptions({}))
    parts = list(table.parts())
    speeds = np.concatenate([p.data["U"] for p in parts])
    np.testing.assert_allclose(speeds, np.arange(1, n_rows + 1) / 3.6, rtol=1e-15)
    assert sum(p.n_rows for p in parts) == n_rows
    assert parts[-1].fraction == 1.0
    cut = data.draw(st.integers(0, len(parts) - 1))
    rest = list(table.parts(Position(*parts[cut].end)))
    assert [p.end for p in rest] == [p.end for p in parts[cut + 1 :]]
    for part, whole in zip(rest, parts[cut + 1 :], strict=True):
        assert part.data == whole.data
        np.testing.assert_array_equal(part.data.rows, whole.data.rows)


@pytest.mark.parametrize(
    ("name", "message"), [("absent.csv", "There is no file"), ("t.xlsx", "cannot be read in parts")]
)
def test_other_files_are_refused(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(b"")
    with pytest.raises(InputError, match=message):
        list(TableInParts(tmp_path / name, 10, ReadOptions({})).parts())


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no Parquet file"):
        list(TableInParts(tmp_path, 10, ReadOptions({})).parts())
