"""Ctrl-C in a discovery: exit code 130, and what was found is kept as interrupted."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dimgs
from dimgs import Law
from tests.cli.runner import Shell
from tests.forked import start

ROOT = Path(dimgs.__file__).parents[1]
FITTED = "the power law is fitted"


def noisy(shell: Shell) -> str:
    """Two responses in which there is always more to look for."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 3.0, (2, 60))
    noise = np.exp(0.3 * rng.normal(size=(2, 60)))
    rows = np.column_stack([x, y, (x + 2 * y) * noise[0], (2 * x + y) * noise[1]])
    return shell.table("x [m],y [m],z [m],w [m]", rows.tolist())


def interpreter(*arguments: str) -> subprocess.Popen[str]:
    """A new interpreter, which imports everything itself."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that runs tests in the background has them ignore it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def interrupted(
    *arguments: str, at: str = FITTED, new: tuple[str, ...] = ()
) -> tuple[int, str, str]:
    """Exit code and output of a command that is sent SIGINT when it prints what matches `at`.

    The interpreter is a new one where its own arguments are given in `new`.
    """
    process: Any = start(*arguments) if not new else interpreter(*new, *arguments)
    assert process.stderr is not None
    printed = ""
    for line in process.stderr:
        printed += line
        if re.search(at, line):
            process.send_signal(signal.SIGINT)
            break
    out, rest = process.communicate()
    assert re.search(at, printed), printed + rest
    return process.wait(), out, printed + rest


@pytest.mark.parametrize(
    "more",
    [
        pytest.param((), marks=pytest.mark.slow),
        pytest.param(("--scale", "auto"), marks=pytest.mark.slow),
        ("--target", "w"),
    ],
)
def test_ctrl_c_keeps_what_was_found(more: tuple[str, ...], shell: Shell) -> None:
    table, folder = noisy(shell), shell.folder / "study"
    asked: tuple[Any, ...] = ("discover", table, "--target", "z", *more, "--drop", "w")
    if "w" in more:
        asked = asked[:-2]
    code, out, printed = interrupted(
        *asked, "--engine", "structured", "--time-limit", "100000", "--out", str(folder), "--json"
    )
    assert code == 130, printed
    assert printed.splitlines()[-1] == "interrupted"
    assert "Traceback" not in printed
    document = json.loads(out)
    # of several targets those that had their turn
    document = document["results"][0] if "results" in document else document
    kept = folder / "z" if "w" in more else folder
    stored = json.loads((kept / "report.json").read_text(encoding="utf-8"))
    assert stored.pop("checksum")
    assert stored == document
    assert document["outcome"] == "interrupted"
    assert document["confirmed"] is False
    assert document["why_not"][0].startswith("Interrupted during")
    law = Law.from_json(kept / "law.json").to_json()
    assert law["expression"] == document["law"]["expression"]
    assert not (folder / "w").exists()


def test_ctrl_c_while_the_study_is_written_waits_for_it(shell: Shell) -> None:
    folder = shell.folder / "study"
    code, _, printed = interrupted(
        "discover", shell.pendulum(), "--target", "T", "--constants", "g", "--engine", "power_law",
        "--out", str(folder), "--json",
        at="warning: 'm' is not used",
    )  # fmt: skip
    assert code == 130, printed
    assert "is being written" in printed
    document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert document["outcome"] == "converged"
    assert (folder / "law.json").exists()
    assert any((folder / "figures").iterdir())


ENTRY = "import sys; from dimgs.cli import main; sys.exit(main())"


@pytest.mark.parametrize("module", ["inspect", "typer.main", "dimgs.cli.app", "numpy", "pint"])
@pytest.mark.parametrize("start", [("-m", "dimgs"), ("-c", ENTRY)])
def test_ctrl_c_while_modules_are_imported_ends_in_one_line(
    start: tuple[str, ...], module: str, shell: Shell
) -> None:
    code, out, printed = interrupted(
        "discover", shell.pendulum(), "--target", "T", "--constants", "g",
        at=rf"import time:.*\| +{re.escape(module)}$", new=("-X", "importtime", *start),
    )  # fmt: skip
    said = [line for line in printed.splitlines() if not line.startswith("import time:")]
    assert (code, out, said) == (130, "", ["interrupted"])


@pytest.mark.parametrize("count", [0, 1, 2, 5, 20])
def test_ctrl_c_between_two_files_leaves_whole_files(
    count: int, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, left, replace = shell.folder / "study", [count], Path.replace

    def replaced(path: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", replaced)
    done = shell(
        "discover", shell.pendulum(), "--target", "T", "--constants", "g", "--engine", "power_law",
        "--out", str(folder),
    )  # fmt: skip
    assert (done.code, done.err.splitlines()[-1]) == (130, "interrupted")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == count
    # the results come first
    assert {path.name for path in files} >= {"report.json", "law.json"} or count < 2
    for path in files:
        text = path.read_bytes().decode("latin-1")
        ends = {".html": "</html>", ".json": "}", ".svg": "</svg>", ".pdf": "%%EOF"}
        assert text.rstrip().endswith(ends.get(path.suffix, "")), path
