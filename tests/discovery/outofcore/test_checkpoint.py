"""Checkpoints from elsewhere: used, of no use, or refused; never run and never overwritten."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dimgs.common.errors import InputError
from dimgs.discovery import outofcore as checkpoints
from dimgs.discovery.outofcore import fit_stream

Change = Callable[[dict[str, Any], dict[str, Any]], None]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A table and the checkpoint of a fit that was interrupted."""
    monkeypatch.setattr(checkpoints, "_SECONDS", 0.0)
    table, file = tmp_path / "t.csv", tmp_path / "t.checkpoint"
    x = np.linspace(1.0, 2.0, 400)
    rows = [f"{a:.6f},{a**2 * (1 + 0.01 * np.sin(9 * k)):.6f}" for k, a in enumerate(x)]
    table.write_text("\n".join(["x [m],y [m^2]", *rows]), encoding="utf-8")

    def stop(_rows: int, _share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_stream(table, "y", chunk_rows=20, checkpoint=file, progress=stop)
    return table, file


def rewrite(file: Path, change: Change, compress: bool = False) -> None:
    with np.load(file) as opened:
        arrays = {name: opened[name] for name in opened.files}
    about = json.loads(str(arrays.pop("about")))
    change(about, arrays)
    save = np.savez_compressed if compress else np.savez
    with file.open("wb") as out:
        save(out, about=np.array(json.dumps(about)), **arrays)


def test_a_checkpoint_says_its_edition(kept: tuple[Path, Path]) -> None:
    about = json.loads(str(np.load(kept[1])["about"]))
    assert about["schema"] == 1
    assert about["rows"] < 400


def put(place: str, value: object) -> Change:
    def change(about: dict[str, Any], _: dict[str, Any]) -> None:
        about[place] = value

    return change


def array(name: str, made: Callable[[Any], Any]) -> Change:
    def change(_: dict[str, Any], arrays: dict[str, Any]) -> None:
        arrays[name] = made(arrays[name])

    return change


@pytest.mark.parametrize(
    "change",
    [
        put("identity", None),
        put("identity", {"files": {}}),
        put("position", [0, 1]),
        put("position", [0, -1, 0, 0]),
        put("ranges", [[1.0]]),
        put("ranges", 3),
        put("rows", "many"),
        put("sizes", [10**9]),
        put("sizes", []),
        put("keys", [1, 2]),
        put("n_features", 7),
        array("means", lambda a: a[:1]),
        array("means", lambda a: a * np.nan),
        array("scatter", lambda a: a[:, :1]),
        array("scatter", lambda a: np.zeros((2, 3))),
        array("low", lambda a: a[:0]),
        array("extremes", lambda a: np.zeros((3, 9))),
        array("weights", lambda a: a.astype(str)),
        lambda about, arrays: arrays.pop("labels"),
    ],
)
def test_a_broken_checkpoint_is_refused_and_left_alone(
    kept: tuple[Path, Path], change: Change
) -> None:
    table, file = kept
    rewrite(file, change)
    content = file.read_bytes()
    with pytest.raises(InputError, match="is not a checkpoint of dimgs, so it is neither") as error:
        fit_stream(table, "y", chunk_rows=20, checkpoint=file)
    assert "\n" not in str(error.value)
    assert file.read_bytes() == content


def test_a_later_edition_is_refused(kept: tuple[Path, Path]) -> None:
    rewrite(kept[1], put("schema", 2))
    with pytest.raises(InputError, match="written by a newer dimgs"):
        fit_stream(kept[0], "y", chunk_rows=20, checkpoint=kept[1])


@pytest.mark.parametrize("kind", ["pickle", "compressed", "folder", "npy", "truncated", "deep"])
def test_a_file_of_another_kind_is_refused(kept: tuple[Path, Path], kind: str) -> None:
    table, file = kept
    if kind == "pickle":
        with file.open("wb") as out:
            np.savez(out, about=np.array([{"a": 1}], dtype=object))
    elif kind == "compressed":
        rewrite(file, lambda about, arrays: arrays.update(more=np.zeros(10**7)), compress=True)
    elif kind == "folder":
        file.unlink()
        file.mkdir()
    elif kind == "npy":
        with file.open("wb") as out:
            np.save(out, np.zeros(3))
    elif kind == "truncated":
        file.write_bytes(file.read_bytes()[:-700])
    else:
        with file.open("wb") as out:
            np.savez(out, about=np.array("[" * 100_000))
    with pytest.raises(InputError, match="is not a checkpoint of dimgs"):
        fit_stream(table, "y", chunk_rows=20, checkpoint=file)
    assert file.exists()
