"""Tables of case studies: local copies, originals, and what is refused."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dimgs.cli.reproduce import VARIABLE, DataUnavailable, Source

SOURCE = Source(
    name="runs",
    repository="owner/name",
    commit="0" * 40,
    path="data/Runs.dat",
    facts={"L": 0.4, "T": 1.269},
    rows=3,
    columns={"length": "L", "period": "T"},
    options={"sep": "\t"},
    prepare=lambda frame: frame.assign(g=9.81),
)
COPY = "L,T,g\n0.2,0.897,9.81\n0.4,1.269,9.81\n0.8,1.794,9.81\n"
ORIGINAL = "length\tperiod\n0.2\t0.897\n0.4\t1.269\n0.8\t1.794\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_a_local_copy_and_the_original_give_the_same_runs(folder: Path) -> None:
    units = {"L": "m", "T": "s", "g": "m/s^2"}
    (folder / "Runs.dat").write_text(ORIGINAL, encoding="utf-8")
    original = SOURCE.dataset(units)
    (folder / "runs.csv").write_text(COPY, encoding="utf-8")
    copy = SOURCE.dataset(units)
    for name in units:
        assert list(original[name]) == list(copy[name])


def test_the_original_is_named_by_its_commit() -> None:
    assert SOURCE.url == (
        f"https://raw.githubusercontent.com/owner/name/{SOURCE.commit}/data/Runs.dat"
    )


def test_a_folder_without_the_table_says_what_to_put_there(folder: Path) -> None:
    with pytest.raises(DataUnavailable, match=r"neither runs\.csv nor Runs\.dat; put https"):
        SOURCE.frame()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (COPY.replace("1.269", "1.5"), "T has the median 1.5, not 1.269"),
        (COPY + "0.4,1.269,9.81\n", "it has 4 rows, not 3"),
        (COPY.replace("L,T", "l,T"), "no column 'L'"),
    ],
)
def test_a_table_that_was_not_studied_is_refused(folder: Path, text: str, why: str) -> None:
    (folder / "runs.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataUnavailable, match=why):
        SOURCE.frame()


def test_an_original_that_changed_its_form_is_refused(folder: Path) -> None:
    (folder / "Runs.dat").write_text("", encoding="utf-8")
    with pytest.raises(DataUnavailable, match="cannot be read as the table runs"):
        SOURCE.frame()


def test_copies_may_be_off_by_the_share_that_is_allowed(folder: Path) -> None:
    (folder / "runs.csv").write_text(COPY.replace("1.269", "1.3"), encoding="utf-8")
    assert len(replace(SOURCE, share=0.05).frame()) == 3


def test_without_a_folder_the_original_is_fetched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pooch = pytest.importorskip("pooch")
    asked: list[str] = []

    def retrieve(url: str, **options: object) -> str:
        asked.append(f"{url} as {options['fname']}")
        (tmp_path / "fetched").write_text(ORIGINAL, encoding="utf-8")
        return str(tmp_path / "fetched")

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert list(SOURCE.frame()["L"]) == [0.2, 0.4, 0.8]
    assert asked == [f"{SOURCE.url} as runs-000000000000.dat"]


def test_a_network_that_does_not_answer_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    pooch = pytest.importorskip("pooch")

    def retrieve(*_: object, **__: object) -> str:
        raise OSError("no route")

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(DataUnavailable, match=r"cannot be downloaded \(OSError\); name a folder"):
        SOURCE.frame()


def test_without_the_package_that_downloads_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataUnavailable, match="pip install"):
        SOURCE.frame()
