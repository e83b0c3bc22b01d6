"""Tables read in pieces."""

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dimgs.common.errors import InputError
from dimgs.dataset import iter_chunks, read_table


def table(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "U [km/h]": rng.uniform(1, 5, n),
            "s": rng.choice(["a", "b"], n),
            "junk": rng.uniform(size=n),
        }
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_pieces_make_the_whole(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{suffix}"
    frame = table(1000)
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    calls: list[tuple[int, float]] = []
    chunks = list(
        iter_chunks(path, 64, columns=["U", "s"], progress=lambda *call: calls.append(call))
    )
    whole = read_table(path, columns=["U", "s"])
    assert max(len(c) for c in chunks) <= 64
    np.testing.assert_array_equal(np.concatenate([c["U"] for c in chunks]), whole["U"])
    np.testing.assert_array_equal(np.concatenate([c.rows for c in chunks]), np.arange(1, 1001))
    assert calls[-1] == (1000, 1.0)
    assert [c[1] for c in calls] == sorted(c[1] for c in calls)


def test_a_dropped_column_stays_dropped(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table(10).to_parquet(path)
    chunks = iter_chunks(path, 4, columns=["U", "junk"], drop="junk", units={"junk": "1"})
    assert {chunk.names for chunk in chunks} == {("U",)}


def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    import pyarrow as pa

    peaks = []
    for n in (20_000, 200_000):
        path = tmp_path / f"{n}.csv"
        table(n).to_csv(path, index=False)
        before = pa.total_allocated_bytes()
        tracemalloc.start()
        rows = sum(len(c) for c in iter_chunks(path, 5000, columns=["U", "s"]))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert rows == n
        assert pa.total_allocated_bytes() - before < 10_000_000
    assert peaks[1] < 1.5 * peaks[0] + 500_000


def test_rows_that_are_dropped_are_all_reported(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = ["1"] * 3000 + ["oops"] * 3000 + ["1", "inf", "2"]
    path.write_text("x [m]\n" + "\n".join(lines) + "\n")
    chunks = list(iter_chunks(path, 100, drop_bad=True))
    assert sum(len(c) for c in chunks) == 3002
    dropped = [d.row for c in chunks for d in c.dropped]
    assert sorted(dropped) == [*range(3001, 6001), 6002]


def test_errors_name_the_row_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x [m]\n" + "1\n" * 5000 + "oops\n")
    with pytest.raises(InputError, match=r"'x', row 5001 of t.csv: 'oops'"):
        list(iter_chunks(path, 100))
    path.write_text("x [m],y [m]\n" + "1,2\n" * 5000 + "3\n")
    with pytest.raises(InputError, match=r"Line 5002 of t.csv has 1 field"):
        list(iter_chunks(path, 100))


def test_refusals(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x [m]\n")
    with pytest.raises(InputError, match="no rows"):
        list(iter_chunks(path))
    with pytest.raises(InputError, match="at least 1 row"):
        list(iter_chunks(path, 0))
    path.write_text("x [m]\noops\n")
    with pytest.raises(InputError, match="no usable row"):
        list(iter_chunks(path, drop_bad=True))
    table(3).to_excel(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="cannot be read in parts"):
        list(iter_chunks(tmp_path / "t.xlsx"))


def test_labels_that_look_like_numbers_later(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x [m],s\n" + "1,a\n" * 300 + "1,7\n" * 3000)
    with pytest.raises(InputError, match="mixes numbers and text"):
        read_table(path)
    labels = [c["s"] for c in iter_chunks(path, 50, units={"s": "label"})]
    assert np.concatenate(labels).tolist() == ["a"] * 300 + ["7"] * 3000
