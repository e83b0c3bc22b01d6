"""Bad use and bad input: one clear message, the right exit code, nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import dimgs
from tests.cli.runner import Shell

# what a search finds is tested elsewhere
pytestmark = pytest.mark.usefixtures("brief")

BAD_CELLS: dict[str, list[tuple[str, ...]]] = {
    "zero": [("0", "1", "2")],
    "negative": [("-1", "1", "2")],
    "nan": [("nan", "1", "2")],
    "blank": [("", "1", "2")],
    "inf": [("inf", "1", "2")],
    "text": [("a", "1", "2")],
    "ragged": [("1", "2")],
}
GOOD: list[tuple[str, ...]] = [
    ("1", "1", "2"),
    ("2", "1.5", "3"),
    ("3", "1.2", "3.5"),
    ("4", "1.1", "4"),
]


FAST = {"fit": [], "explore": [], "discover": ["--engine", "power_law"]}


@pytest.mark.parametrize("command", FAST)
@pytest.mark.parametrize("kind", BAD_CELLS)
def test_bad_cells_are_named_with_column_and_row(shell: Shell, kind: str, command: str) -> None:
    path = shell.table("L [m],m [kg],T [s]", [*GOOD, *BAD_CELLS[kind], *GOOD])
    if kind in ("zero", "negative") and command != "fit":
        # only a power law needs logarithms
        done = shell(command, path, "--target", "T", "--constants", "g", *FAST[command])
        assert done.code == 0
        assert "L enters without a logarithm" in done.err + done.out
        return
    message = shell.refused(command, path, "--target", "T", "--constants", "g", "--json")
    assert "table.csv" in message
    if kind == "ragged":
        assert "Line 6" in message
    else:
        assert "Column 'L', row 5" in message
    done = shell(
        command, path, "--target", "T", "--constants", "g", "--drop-bad", "--json",
        *FAST[command],
    )  # fmt: skip
    if kind != "text":
        assert done.code == 0
        assert "1 row was dropped (row 5)" in done.err


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("L,m [kg],T [s]", "no unit"),
        ("L [blorb],m [kg],T [s]", "cannot be read"),
        ("L [m],L [m],T [s]", "both named 'L'"),
        ("L [m],m [kg],T [label]", "holds labels"),
        ("L [m],m [kg],t [s]", "no column 'T'"),
    ],
)
def test_bad_headers_are_explained(shell: Shell, header: str, words: str) -> None:
    path = shell.table(header, GOOD)
    assert words in shell.refused("fit", path, "--target", "T", "--constants", "g", "--json")


def test_bad_files_and_options_are_explained(shell: Shell) -> None:
    path = shell.pendulum()
    fit = ("fit", path, "--target", "T", "--constants", "g")
    (shell.folder / "empty.csv").write_text("")
    (shell.folder / "latin.csv").write_bytes(b"L [m],T [s]\n1,2\n\xff\xfe,3\n")
    for other, words in [
        (["fit", str(shell.folder / "none.csv"), "--target", "T"], "no file"),
        (["fit", str(shell.folder), "--target", "T"], "folder"),
        (["fit", str(shell.folder / "empty.csv"), "--target", "T"], "empty"),
        (["fit", str(shell.folder / "latin.csv"), "--target", "T"], "UTF-8"),
        (["fit", shell.table("L [m],T [s]", []), "--target", "T"], "no rows"),
        (["fit", path], "--target"),
        ([*fit, "--level", "1.5"], "as a fraction"),
        ([*fit, "--level", "0"], "as a fraction"),
        ([*fit, "--level", "high"], "--level"),
        ([*fit, "--columns", "L,zz"], "no column 'zz'"),
        ([*fit, "--drop", "zz"], "no column 'zz'"),
        ([*fit, "--drop", "T"], "dropped with --drop but needed"),
        (["discover", *fit[1:], "--drop", "L", "--form", "a*sqrt(L)"], "--drop but needed"),
        ([*fit, "--within", "zz"], "no column 'zz'"),
        ([*fit, "--split-by", "zz"], "no column 'zz'"),
        ([*fit, "--arrhenius", "L"], "absolute temperature"),
        ([*fit, "--scale", "M0"], "no unit"),
        ([*fit, "--scale", "M0 [blorb]"], "cannot be read"),
        ([*fit, "--scale", "L [m]"], "name of a column"),
        (["fit", path, "--target", "T", "--constants", "zz"], "No physical constant"),
        ([*fit, "--nope"], "--nope"),
        (["nope"], "nope"),
    ]:
        assert words in shell.refused(*other), other


@pytest.mark.parametrize("command", ["fit", "discover", "explore"])
def test_too_few_runs_are_counted(shell: Shell, command: str) -> None:
    path = shell.table("L [m],m [kg],T [s]", [(1, 2, 3)])
    assert "has 1" in shell.refused(command, path, "--target", "T", "--constants", "g")


def test_what_cannot_be_written_is_explained(shell: Shell) -> None:
    file = shell.folder / "file"
    file.write_text("")
    message = shell(
        "discover", shell.pipe(), "--target", "tau_w", "--engine", "power_law", "--out", str(file)
    )
    assert message.code == 2
    assert "choose another --out" in message.err


def test_an_interrupt_exits_with_130(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dimgs.discovery.options.dataset_of", interrupted)
    done = shell("fit", "any.csv", "--target", "T")
    assert (done.code, done.out) == (130, "")


def test_a_failed_computation_exits_with_1(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise dimgs.FitError("no pair of runs is left.")

    monkeypatch.setattr("dimgs.discovery.discover.fit", failing)
    done = shell("fit", shell.pipe(), "--target", "tau_w")
    assert (done.code, done.err) == (1, "error: no pair of runs is left.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "TABLE", "--target", "tau_w", "--json"],
        ["engines", "--json"],
        ["fit", "TABLE", "--target", "nope", "--json"],
    ],
)
def test_a_process_of_its_own(shell: Shell, arguments: list[str]) -> None:
    given = [shell.pipe() if a == "TABLE" else a for a in arguments]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "dimgs", *given],
        capture_output=True,
        text=True,
        cwd=Path(dimgs.__file__).parents[1],
        check=False,
    )
    assert "Traceback" not in done.stderr
    if "nope" in arguments:
        assert (done.returncode, done.stdout) == (2, "")
    else:
        assert done.returncode == 0
        json.loads(done.stdout)
