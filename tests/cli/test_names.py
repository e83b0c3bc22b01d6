"""Names from a table and from the shell at a terminal and as names of files."""

from pathlib import Path

import numpy as np
import pytest

from dimgs.cli import output
from tests.cli.runner import Shell
from tests.common.test_escape import control_characters
from tests.hostile import BREAKERS

TARGETS = ("../x", "/elsewhere/x", "z\x1b]0;title\x07", "$$x$$", "a/b")


def _table(shell: Shell, target: str) -> str:
    rng = np.random.default_rng(0)
    rows = [(x, y, x / y**2, 3 * x / y**2) for x, y in rng.uniform(1, 3, (12, 2))]
    header = f'"L \x1b[2J [m]",t [s],"{target} [m/s^2]",other [m/s^2]'
    return shell.table(header, rows)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("command", ["fit", "discover", "pi", "explore"])
def test_nothing_in_a_name_acts_on_the_terminal(shell: Shell, command: str, target: str) -> None:
    for option in ((), ("--json",)):
        done = shell(command, _table(shell, target), "--target", target, "--drop", "other", *option)
        assert control_characters(done.out + done.err, "\n\t") == []


def test_targets_are_folders_inside_the_one_that_was_given(shell: Shell) -> None:
    rng = np.random.default_rng(0)
    rows = [(x, y, x / y**2, 3 * x / y**2) for x, y in rng.uniform(1, 3, (12, 2))]
    table = shell.table("L [m],t [s],../x [m/s^2],/elsewhere/x [m/s^2]", rows)
    out = shell.folder / "deep" / "out"
    asked = ["--target", "../x", "--target", "/elsewhere/x", "--engine", "power_law"]
    shell("discover", table, *asked, "--out", str(out))
    new = [p for p in shell.folder.rglob("*") if p.is_file() and str(p) != table]
    assert all(out in p.parents for p in new)
    assert len([p for p in new if p.name == "law.json"]) == 2
    assert not Path("/elsewhere/x/report.html").exists()


@pytest.mark.parametrize("name", BREAKERS)
def test_errors_warnings_and_tables_are_lines(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output.fail(f"there is no {name}")
    output.warn([name])
    output.say(name, head=name, style="strong")
    for plain in (True, False):
        monkeypatch.setattr(output, "is_plain", lambda plain=plain: plain)
        output.table(name, [name, "b"], [[name, "x"], ["y", name]])
        shown = capsys.readouterr()
        bare = shown.out.replace(output._BOLD, "").replace(output._RESET, "")
        assert control_characters(shown.err + bare, "\n\t") == []
        if shown.err:
            assert len(shown.err.splitlines()) == 2


def test_a_missing_column_is_named_in_one_line(shell: Shell) -> None:
    table = _table(shell, "z")
    for name in ("x\x1b[31m", "x\nerror: y", "\ud800"):
        message = shell.refused("fit", table, "--target", name)
        assert control_characters(message, "\n") == []
        assert len(message.splitlines()) == 1
