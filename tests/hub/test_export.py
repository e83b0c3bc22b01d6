"""Runs of a store as tables."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dimgs import read_table
from dimgs.common.errors import InputError
from dimgs.hub import RunStore
from dimgs.kernels.record import Status
from tests.hub.records import record


def test_to_dataset_keeps_units_labels_and_errors(store: RunStore) -> None:
    store.finish(record("a", errors={"t": 0.1}))
    store.finish(record("b", inputs={"l": (3.0, "mm"), "kind": ("b", "label")}))
    store.finish(record("c", Status.FAILED, outputs={}))
    store.finish(record("d", tier="coarse"))
    data = store.to_dataset("t", tier="fine")
    assert data.names == ("l", "kind", "t")
    np.testing.assert_allclose(data["l"], [1.5e-3, 3e-3])
    assert list(data["kind"]) == ["a", "b"]
    np.testing.assert_array_equal(data.errors["t"], [0.1, np.nan])
    assert data.source == "runs.sqlite"
    assert list(store.to_dataset("t", keys=["b", "a"])["l"]) == [3e-3, 1.5e-3]
    with pytest.raises(InputError, match="of the tiers coarse, fine; choose one"):
        store.to_dataset("t")
    with pytest.raises(InputError, match="no output 'x'; they have t"):
        store.to_dataset("x", tier="fine")
    with pytest.raises(InputError, match="No run"):
        store.to_dataset("t", kernel="none")


def test_to_parquet_keeps_failures_and_is_read_as_a_table(store: RunStore, tmp_path: Path) -> None:
    store.finish(record("a", errors={"t": 0.1}, provenance={"steps": 3}, seed=4))
    store.finish(record("b", Status.FAILED, outputs={}, reason="no mesh"))
    store.finish(record("e", outputs={"T": (20.0, "degC")}, errors={"T": 0.5}))
    data = read_table(store.to_parquet(tmp_path / "runs.parquet"))
    assert list(data["key"]) == ["a", "b", "e"]
    assert list(data["status"]) == ["ok", "failed", "ok"]
    assert list(data["reason"]) == ["", "no mesh", ""]
    np.testing.assert_array_equal(data["t"], [2.0, np.nan, np.nan])
    np.testing.assert_array_equal(data["T"], [np.nan, np.nan, 293.15])
    np.testing.assert_array_equal(data.errors["t"], [0.1, np.nan, np.nan])
    np.testing.assert_array_equal(data.errors["T"], [np.nan, np.nan, 0.5])
    np.testing.assert_allclose(data["l"], 1.5e-3)
    assert json.loads(data["provenance"][0]) == {"steps": 3}


def test_runs_of_several_versions_are_not_mixed(store: RunStore) -> None:
    for key, version, t in (("a1", "1", 2.0), ("a2", "2", 4.0), ("a3", "2", 5.0)):
        store.finish(record(key, provenance={"version": version}, outputs={"t": (t, "s")}))
    with pytest.raises(InputError, match=r"are of the versions 1, 2; .* version='2'"):
        store.to_dataset("t")
    assert store.to_dataset("t", version="2").n_runs == 2
    assert store.to_dataset("t", keys=["a1"]).n_runs == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"outputs": {"t": (1.0, "m")}}, "give 't' in s and in m"),
        ({"inputs": {"l": (1.5, "s"), "kind": ("a", "label")}}, "give 'l' in mm and in s"),
        ({"inputs": {"l": (1.5, "mm"), "kind": (1.0, "1")}}, "give 'kind' in label and in 1"),
        ({"inputs": {"l": (1.5, "mm")}}, "have 'kind' and others have not"),
    ],
)
def test_runs_of_a_kernel_that_has_changed_are_not_mixed(
    store: RunStore, changes: dict[str, Any], says: str
) -> None:
    store.finish(record("a1"))
    store.finish(record("a2", **changes))
    with pytest.raises(InputError, match=says):
        store.to_dataset("t")


def test_runs_in_several_units_come_in_the_first(store: RunStore) -> None:
    store.finish(record("a1", outputs={"T": (20.0, "°C")}, errors={"T": 0.5}))
    inputs = {"l": (0.002, "m"), "kind": ("b", "label")}
    store.finish(record("a2", inputs=inputs, outputs={"T": (300.15, "K")}, errors={"T": 0.25}))
    data = store.to_dataset("T")
    assert data.quantity("l").to("mm").magnitude.tolist() == pytest.approx([1.5, 2.0])
    assert data.quantity("T").to("degC").magnitude.tolist() == pytest.approx([20.0, 27.0])
    assert data.errors["T"].tolist() == pytest.approx([0.5, 0.25])
    assert [data.variable(n).unit.text for n in ("l", "T")] == ["mm", "°C"]


def test_to_parquet_gives_one_column_to_a_quantity_of_several_units(
    store: RunStore, tmp_path: Path
) -> None:
    store.finish(record("a1", outputs={"T": (20.0, "degC")}, errors={"T": 0.5}))
    inputs = {"l": (0.002, "m"), "kind": ("a\udcff", "label")}
    outputs = {"T": (300.15, "K")}
    store.finish(record("a2", inputs=inputs, outputs=outputs, errors={"T": 0.25}))
    data = read_table(store.to_parquet(tmp_path / "runs.parquet"))
    assert data.quantity("l").to("mm").magnitude.tolist() == pytest.approx([1.5, 2.0])
    assert data.quantity("T").to("degC").magnitude.tolist() == pytest.approx([20.0, 27.0])


def test_where_no_file_can_be_written_it_is_said(store: RunStore, tmp_path: Path) -> None:
    store.finish(record("a1"))
    for path in (tmp_path / "none" / "a.parquet", tmp_path):
        with pytest.raises(InputError, match="cannot be written"):
            store.to_parquet(path)
    with pytest.raises(InputError, match="There is no status 'fine'; there are ok, failed"):
        store.records(status="fine")
