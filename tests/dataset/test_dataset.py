"""Invariants of the Dataset itself."""

import copy
import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pint
import pytest

from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.variables import parse_variable


@pytest.fixture
def data() -> Dataset:
    return Dataset.from_columns(
        {"U [m/s]": [1.0, 2.0, 3.0], "U_err [m/s]": [0.1, 0.2, 0.3], "s": ["a", "b", "a"]}
    )


def test_is_immutable(data: Dataset) -> None:
    with pytest.raises(FrozenInstanceError):
        data.source = "x"  # type: ignore[misc]  # that it cannot be set is the test
    with pytest.raises(ValueError, match="read-only"):
        data["U"][0] = 5.0
    with pytest.raises(TypeError):
        data.values["U"] = np.ones(3)  # type: ignore[index]  # that it cannot be set is the test


def test_does_not_share_memory_with_its_source() -> None:
    source = np.array([1.0, 2.0])
    data = Dataset((parse_variable("U [m/s]"),), {"U": source})
    source[0] = 9.0
    assert data["U"].tolist() == [1.0, 2.0]


def test_pickles_and_copies(data: Dataset) -> None:
    for other in (pickle.loads(pickle.dumps(data)), copy.deepcopy(data)):
        assert other == data
        assert hash(other) == hash(data)
        with pytest.raises(ValueError, match="read-only"):
            other["U"][0] = 5.0


def test_subsets_keep_rows_and_errors(data: Dataset) -> None:
    part = data.where(data["s"] == "a")
    assert part.rows.tolist() == [1, 3]
    assert part.errors["U"].tolist() == [0.1, 0.3]
    assert part.take([1]).rows.tolist() == [3]
    assert len(part) == part.n_runs == 2
    assert data.select(["s", "U"]).names == ("s", "U")
    assert data.without(["U"]).names == ("s",)
    assert not data.without(["U"]).errors
    assert (data.numeric_names, data.label_names) == (("U",), ("s",))


def test_checks_itself() -> None:
    u, t = parse_variable("U [m/s]"), parse_variable("T [degC]")
    one = np.ones(1)
    with pytest.raises(InputError, match="both named"):
        Dataset((u, u), {"U": one})
    with pytest.raises(InputError, match="do not match"):
        Dataset((u,), {"V": one})
    with pytest.raises(InputError, match="has shape"):
        Dataset((u, t), {"U": one, "T": np.ones(2)})
    with pytest.raises(InputError, match="has shape"):
        Dataset((u,), {"U": np.ones((2, 2))})
    with pytest.raises(InputError, match="absolute zero"):
        Dataset((t,), {"T": -one})
    with pytest.raises(InputError, match="belong to no numeric column"):
        Dataset((u,), {"U": one}, {"V": one})
    with pytest.raises(InputError, match="negative"):
        Dataset((u,), {"U": one}, {"U": -one})
    with pytest.raises(InputError, match="does not hold numbers"):
        Dataset((u,), {"U": np.array(["x"])})


def test_hash_depends_on_content(data: Dataset) -> None:
    changed = Dataset.from_columns(
        {"U [m/s]": [1.0, 2.0, 3.5], "U_err [m/s]": [0.1, 0.2, 0.3], "s": ["a", "b", "a"]}
    )
    assert changed.sha256 != data.sha256
    assert changed != data
    assert data.select(["s", "U"]) != data
    assert (data == "data") is False


def test_html_escapes_and_counts() -> None:
    data = Dataset.from_columns({"x<y [m]": np.arange(12.0) + 1, "s": "a&b"})
    html = data._repr_html_()
    assert "x&lt;y [m]" in html
    assert "a&amp;b" in html
    assert "2 more runs" in html


def test_latex_escapes_and_shows_the_first_runs() -> None:
    data = Dataset.from_columns({"a_1 [m^2]": [1.0, 2.5], "who": ["x&y", "50%"]})
    text = data._repr_latex_()
    assert text.startswith(r"\begin{tabular}{rrr}")
    assert r"a\_1 [m\textasciicircum 2] & who" in text
    assert r"2 & 2.5 & 50\%" in text


def test_offset_units_come_back_as_written() -> None:
    written = [20.1, 0.1, 36.6, -40.0, 99.99]
    data = Dataset.from_columns({"T [degC]": written, "F [degF]": written, "d [mm]": written})
    frame = data.to_pandas()
    for title in frame.columns:
        assert frame[title].tolist() == written


def test_quantities_in_a_list_keep_their_units() -> None:
    registry: pint.UnitRegistry[Any] = pint.UnitRegistry()
    lengths = [registry.Quantity(1000, "mm"), registry.Quantity(2, "m"), registry.Quantity(1, "ft")]
    data = Dataset.from_columns({"L": lengths, "t [s]": [1.0, 2.0, 3.0]})
    assert data["L"].tolist() == pytest.approx([1.0, 2.0, 0.3048])
    with pytest.raises(InputError, match="row 2: a quantity in 'second'"):
        Dataset.from_columns({"L": [lengths[0], registry.Quantity(1, "s")]})


def test_a_table_of_pandas_is_a_mapping_of_columns(data: Dataset) -> None:
    again = Dataset.from_columns(data.to_pandas(), n=2.0, units={"n": "1"})
    assert again.names == (*data.names, "n")
    assert again.without(["n"]).to_pandas().equals(data.to_pandas())


def test_masked_values_are_blanks() -> None:
    data = Dataset.from_columns(
        {
            "n [1]": np.ma.masked_greater([1, 2, 3], 2),
            "L": pint.Quantity(np.ma.masked_greater([1.0, 2.0, 3.0], 2), "ft"),
            "kind": np.ma.array(["a", "b", "c"], mask=[False, True, False]),
        }
    )
    assert np.isnan(data["n"]).tolist() == np.isnan(data["L"]).tolist() == [False, False, True]
    assert data["kind"].tolist() == ["a", "", "c"]
