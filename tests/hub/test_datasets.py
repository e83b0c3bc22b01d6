"""Tables of runs that were chosen once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dimgs.common.errors import InputError
from dimgs.dataset import read_table
from dimgs.hub import Hub
from tests.hub.test_hub import other, run


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_a_table_of_several_kernels_reads_back_with_units_and_origins(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"films.{suffix}"
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        ids = hub.add_runs(
            [
                run("a", 1.0, errors={"c": 0.1}),
                run("b", 0.2, "cm", kernel="series"),
                run("x", 3.0, kernel="chains"),
            ]
        )
        cards = [
            hub.add({"kind": "card", "kernel": kernel, "physics": "migration"})
            for kernel in ("film", "series")
        ]
        frozen = hub.dataset(path, physics="migration", where=["l=0.5..5 mm"])
        assert (frozen["rows"], sorted(frozen["origins"].values())) == (2, [1, 1])
        entry = hub.get(frozen["id"])
        assert entry["content"]["runs"] == ids[:2]
        assert entry["content"]["chosen"]["where"] == ["l=0.5..5 mm"]
        assert set(hub.history(frozen["id"])) == {*ids[:2], *cards}
    data = read_table(str(path))
    np.testing.assert_allclose(data["l"], [1e-3, 2e-3])
    assert list(data["origin"]) == [
        f"{k} fine {o[-8:]}" for k, o in zip(("film", "series"), data["origin"], strict=True)
    ]
    np.testing.assert_allclose(data.errors["c"], [0.1, np.nan])
    assert list(data["kind"]) == ["resin", "resin"]


def test_rejected_runs_are_left_out_and_a_later_rejection_reaches_the_table(
    tmp_path: Path,
) -> None:
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        first, second = hub.add_runs([run("a"), run("b", 2.0)])
        bob = other(hub, "bob")
        bob.review(first, "reject")
        frozen = hub.dataset(tmp_path / "t.csv", kernel="film")
        assert (frozen["rows"], frozen["left_out"]) == (1, 1)
        bob.review(second, "reject")
        assert hub.get(frozen["id"])["state"] == "disputed"
        with pytest.raises(InputError, match="2 are disputed"):
            hub.dataset(tmp_path / "t.csv", kernel="film")


@pytest.mark.parametrize("part", ["inputs", "outputs"])
def test_of_runs_that_do_not_fit_the_wrong_one_is_named_and_can_be_left_out(
    tmp_path: Path, part: str
) -> None:
    fits = run("a")
    odd = replace(fits, key="b")
    if part == "inputs":
        odd = replace(odd, inputs={**fits.inputs, "l": (3.0, "K")})
    else:
        odd = replace(odd, outputs={"c": (3.0, "K")})
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        first, wrong = hub.add_runs([fits, odd])
        with pytest.raises(InputError, match=f"{first[:12]} and in K in the run {wrong[:12]}"):
            hub.dataset(tmp_path / "t.csv", kernel="film")
        hub.dispute(wrong, "The unit is wrong.")
        assert hub.dataset(tmp_path / "t.csv", kernel="film")["rows"] == 1


def test_what_does_not_fit_is_reported(tmp_path: Path) -> None:
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        hub.add_runs([run("a"), run("b", kernel="other", inputs={"l": (1.0, "s")})])
        with pytest.raises(InputError, match=r"do not fit.*one kernel \(--kernel film or other\)"):
            hub.dataset(tmp_path / "t.csv")
        with pytest.raises(InputError, match="has no supported format"):
            hub.dataset(tmp_path / "t.docx")
        with pytest.raises(InputError, match="cannot be written"):
            hub.dataset(tmp_path / "no" / "t.csv", kernel="film")
        assert hub.listed("dataset") == []
