"""Moments computed on Dask workers against the same runs in memory."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dimgs.common.errors import DimgsError, InputError
from dimgs.dataset import read_table
from dimgs.discovery.discover import fit
from dimgs.discovery.options import Options
from dimgs.discovery.outofcore import fit_dask
from tests.discovery.outofcore.test_stream import drag_table, same_law, written


@pytest.fixture(
    scope="module", params=["threads", pytest.param("processes", marks=pytest.mark.slow)]
)
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=request.param == "processes",
            dashboard_address=":0",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def partitioned(frame: pd.DataFrame, n: int = 4) -> Any:
    return pytest.importorskip("dask.dataframe").from_pandas(frame, npartitions=n)


@pytest.mark.parametrize(
    "options",
    [Options(), Options(within="lab"), Options(split_by="day")],
    ids=["plain", "within", "split"],
)
def test_partitions_give_the_law_of_the_whole(client: Any, options: Options) -> None:
    frame = drag_table(1200)
    distributed = fit_dask(partitioned(frame), "F", options, client)
    same_law(distributed, fit(read_table(frame), "F", options))


def test_files_are_read_by_the_workers(client: Any, tmp_path: Path) -> None:
    frame = drag_table(1200)
    folder = written(frame, tmp_path, "folder")
    known = fit(read_table(frame), "F")
    same_law(fit_dask(folder, "F", client=client, chunk_rows=100), known)
    same_law(fit_dask(sorted(folder.iterdir()), "F", client=client, chunk_rows=100), known)


def test_a_column_that_varies_only_between_partitions(client: Any) -> None:
    frame = drag_table(1200).sort_values("rho [g/cm^3]").reset_index(drop=True)
    frame["rho [g/cm^3]"] = np.repeat([0.5, 1.0, 2.0, 4.0], 300)
    same_law(fit_dask(partitioned(frame), "F", client=client), fit(read_table(frame), "F"))


def test_a_bad_cell_is_named_by_partition(client: Any) -> None:
    frame = drag_table(400)
    frame.loc[301, "U [m/s]"] = 0.0
    with pytest.raises(InputError, match="Column 'U', row 2 of partition 4: the value is zero"):
        fit_dask(partitioned(frame), "F", client=client)
    distributed = fit_dask(partitioned(frame), "F", Options(drop_bad=True), client)
    assert "1 row was dropped (row 2 of partition 4)." in distributed.warnings


def test_without_a_client_dask_chooses() -> None:
    frame = drag_table(400)
    same_law(fit_dask(partitioned(frame), "F"), fit(read_table(frame), "F"))


def test_other_things_are_refused() -> None:
    pytest.importorskip("dask")
    with pytest.raises(InputError, match=r"give a dask\.dataframe or paths"):
        fit_dask(drag_table(10), "F")


def test_the_extra_is_named_where_dask_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(DimgsError, match=r"dimgs\[dask\]"):
        fit_dask(["a.parquet"], "F")
