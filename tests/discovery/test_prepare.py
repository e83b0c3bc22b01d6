"""Runs are checked before anything is fitted, and nothing is dropped silently."""

import numpy as np
import pytest

from dimgs import Dataset, DimensionError, InputError, Options, read_table
from dimgs.discovery.prepare import prepare
from tests.cli.runner import Shell


def test_rows_dropped_are_counted_and_named(shell: Shell) -> None:
    rows = [(1, 2, 3), (0, 2, 3), (2, 1, "nan"), (3, 2, 1), (4, 4, -1), (5, 1, 2), (6, 2, 1.5)]
    path = shell.table("a [m],b [m],y [m]", rows)
    with pytest.raises(InputError, match="row 3"):
        prepare(read_table(path), "y", Options())
    prepared = prepare(read_table(path), "y", Options(drop_bad=True))
    assert prepared.design.n_runs == 4
    assert list(prepared.data.rows) == [1, 4, 6, 7]
    assert "3 rows were dropped (rows" in prepared.warnings[0]


def test_a_signed_target_is_allowed_only_where_asked(shell: Shell) -> None:
    path = shell.table("a [m],b [m],y [m]", [(k, k % 3 + 1, k - 3) for k in range(1, 9)])
    with pytest.raises(InputError, match="discover"):
        prepare(read_table(path), "y", Options())
    assert prepare(read_table(path), "y", Options(), linear_allowed=True).design.scale == "linear"


def test_constant_columns_duplicates_and_labels_are_named(shell: Shell) -> None:
    rows = [(1, 5, "x", 1), (2, 5, "x", 2), (2, 5, "x", 2), (3, 5, "y", 4), (4, 5, "y", 5)]
    path = shell.table("a [m],b [m],tag [label],y [m]", rows)
    warnings = " ".join(prepare(read_table(path), "y", Options()).warnings)
    assert "b never varied" in warnings
    assert "Label columns are not used: tag" in warnings
    assert "duplicate" in warnings or "same" in warnings


def test_a_target_that_never_varied_is_named(shell: Shell) -> None:
    path = shell.table("a [m],b [m],y [m]", [(k, k % 3 + 1, 7) for k in range(1, 9)])
    assert "'y' never varied" in prepare(read_table(path), "y", Options()).warnings[0]


def test_inverse_temperatures_must_be_absolute(shell: Shell) -> None:
    path = shell.table("T [delta_degC],k [1/s]", [(k, k) for k in (0, 1, 2, 3)])
    with pytest.raises(InputError, match="absolute temperature"):
        prepare(read_table(path), "k", Options(arrhenius="T", scales="auto"))


def test_a_target_without_inputs_must_be_a_number(shell: Shell) -> None:
    tilt = np.linspace(-1, 1, 6)
    path = shell.table("tilt [rad],y [m]", list(zip(tilt, np.exp(tilt), strict=True)))
    with pytest.raises(DimensionError, match="outside the span"):
        prepare(read_table(path), "y", Options())
    prepared = prepare(read_table(path), "y", Options(scales=["L0 [m]"]))
    assert [f.name for f in prepared.design.features] == ["tilt"]


@pytest.mark.parametrize("groups", [2, 5])
def test_few_groups_to_leave_out_are_named(groups: int) -> None:
    x = np.linspace(1.0, 2.0, 20)
    lab = [f"lab {i % groups}" for i in range(20)]
    data = Dataset.from_columns({"x [m]": x, "y [m]": 2 * x, "lab": lab})
    warnings = prepare(data, "y", Options(split_by="lab")).warnings
    assert any("only 2 groups of 'lab'" in w for w in warnings) == (groups == 2)
