"""Round trips lose nothing, and damage never ends in anything but a clear error."""

import contextlib
import io
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.dataset import Dataset, iter_chunks, read_table
from tests.dataset.strategies import damaged, datasets

quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@quick
@given(datasets())
def test_frame_round_trip_is_lossless(data: Dataset) -> None:
    again = read_table(data.to_pandas())
    assert again == data
    for name in data.numeric_names:
        np.testing.assert_array_equal(again[name], data[name])


@quick
@given(data=datasets(simple=True))
@example(data=Dataset.from_columns({";0 [m/s]": [0.0]}))
@example(data=Dataset.from_columns({"a;b [m/s]": [0.0, 1.0], "| [label]": ["x", "x"]}))
def test_csv_round_trip_is_lossless(data: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    frame = data.to_pandas()
    # an empty row of a text is no run
    assume(not (frame.isna() | (frame == "")).all(axis=1).any())
    frame.to_csv(path, index=False)
    assert read_table(path) == data


@settings(quick, max_examples=25)
@given(data=datasets())
def test_parquet_round_trip_is_lossless(data: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    data.to_pandas().to_parquet(path)
    assert read_table(path) == data


@settings(quick, max_examples=25)
@given(data=datasets(simple=True))
def test_excel_round_trip_keeps_all_that_excel_keeps(data: Dataset, tmp_path: Path) -> None:
    frame = data.to_pandas()
    # a row without any content is not a row of a sheet
    frame = frame[frame.iloc[:, 0].notna()].reset_index(drop=True)
    if frame.empty:
        return
    data = read_table(frame)
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    again = read_table(tmp_path / "t.xlsx")
    assert again.variables == data.variables
    for name in data.numeric_names:
        # a workbook stores 16 digits
        np.testing.assert_allclose(again[name], data[name], rtol=1e-14)
    for name in data.label_names:
        assert again[name].tolist() == data[name].tolist()


@quick
@given(data=datasets(), seed=st.integers(0, 1000))
def test_hash_ignores_the_order_of_columns_only(data: Dataset, seed: int) -> None:
    names = list(np.random.default_rng(seed).permutation(data.names))
    assert data.select(names).sha256 == data.sha256
    if len(data) > 1:
        other = data.take(np.arange(len(data))[::-1])
        same = other.to_pandas().equals(data.to_pandas())
        assert (other.sha256 == data.sha256) == same


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(draw=st.data(), data=datasets(simple=True), drop_bad=st.booleans())
def test_damage_ends_in_a_clear_error(
    draw: st.DataObject, data: Dataset, drop_bad: bool, tmp_path: Path
) -> None:
    text = io.StringIO()
    data.to_pandas().to_csv(text, index=False)
    raw = draw.draw(damaged(text.getvalue().encode()))
    path = tmp_path / draw.draw(st.sampled_from(["t.csv", "t.tsv", "t.parquet", "t.xlsx"]))
    path.write_bytes(raw)
    # any other exception fails the test
    with contextlib.suppress(InputError):
        read = read_table(path, drop_bad=drop_bad)
        assert len(read) > 0
    path.unlink()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(draw=st.data(), data=datasets(simple=True), rows=st.integers(1, 4))
def test_chunks_read_what_the_whole_reads(
    draw: st.DataObject, data: Dataset, rows: int, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    data.to_pandas().to_csv(path, index=False)
    if draw.draw(st.booleans()):
        path.write_bytes(draw.draw(damaged(path.read_bytes())))
    try:
        whole = read_table(path, drop_bad=True)
    except InputError:
        # a chunk cannot know that a later one holds numbers where it holds text: it may read labels
        with contextlib.suppress(InputError):
            list(iter_chunks(path, rows, drop_bad=True))
        return
    chunks = list(iter_chunks(path, rows, drop_bad=True))
    for name in whole.names:
        together = np.concatenate([c[name] for c in chunks])
        np.testing.assert_array_equal(together, whole[name])
    np.testing.assert_array_equal(np.concatenate([c.rows for c in chunks]), whole.rows)
    assert sorted(d.row for c in chunks for d in c.dropped) == [d.row for d in whole.dropped]
