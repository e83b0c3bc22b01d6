"""`dimgs fit --stream`, and its advice."""

import json
from pathlib import Path
from typing import Any

import pytest

from dimgs.cli import analyse
from dimgs.cli.app import run
from tests.discovery.outofcore.test_stream import drag_table, written


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return written(drag_table(500), tmp_path, "csv")


def document(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert run([str(a) for a in arguments]) == 0
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


def test_the_streamed_law_is_that_of_memory(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("fit", table, "--target", "F", "--within", "lab", "--split-by", "day", "--json")
    whole = document(capsys, *asked)
    parts = document(capsys, *asked, "--stream", "--chunk-rows", 100)
    for one, other in zip(whole["exponents"], parts["exponents"], strict=True):
        assert other["value"] == pytest.approx(one["value"], abs=1e-10)
        assert other["low"] == pytest.approx(one["low"], abs=1e-6)
    assert whole["pairs"] == parts["pairs"]


def test_a_folder_and_chosen_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(drag_table(600), tmp_path, "folder")
    fitted = document(capsys, "fit", folder, "-y", "F", "--stream", "--drop", "k", "--json")
    assert "k" not in json.dumps(fitted["exponents"])
    assert run(["fit", str(folder), "-y", "F"]) == 2
    assert "add --stream" in capsys.readouterr().err


def test_work_is_kept_and_removed(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "work.npz"
    assert run(["fit", str(table), "-y", "F", "--stream", "--resume", str(kept)]) == 0
    assert not kept.exists()
    capsys.readouterr()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--chunk-rows", "10"], "--chunk-rows belongs to --stream"),
        (["--resume", "x"], "--resume belongs to --stream"),
        (["--stream", "--robust"], "--robust needs all runs in memory"),
        (["--stream", "--by", "s"], "--by needs all runs in memory"),
        (["--stream", "--rounded", "D"], "--rounded needs all runs in memory"),
        (["--stream", "--errors-in-variables"], "--errors-in-variables needs all runs"),
        (["--stream", "--noise", "constant"], "--noise needs all runs in memory"),
        (["--stream", "--chunk-rows", "0"], "chunk_rows is 0"),
        (["--stream", "--drop", "F"], "'F' is dropped"),
        (["--stream", "--resume", "x", "-y", "D"], "one target"),
    ],
)
def test_bad_use_ends_with_two(
    more: list[str], message: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fit", str(table), "-y", "F", *more]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_large_files_are_advised_to_stream(
    table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["fit", str(table), "-y", "F"]) == 0
    assert "--stream" not in capsys.readouterr().err
    monkeypatch.setattr(analyse, "LARGE_BYTES", 10)
    assert run(["fit", str(table), "-y", "F"]) == 0
    assert "--stream fits it in parts" in capsys.readouterr().err


def test_progress_is_shown_on_a_terminal_only(
    table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["fit", str(table), "-y", "F", "--stream"]) == 0
    assert "Fitting" not in capsys.readouterr().err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run(["fit", str(table), "-y", "F", "--stream"]) == 0
    captured = capsys.readouterr()
    assert "Fitting" not in captured.out
