"""The console blocks of the README show what the commands really print."""

import re
from pathlib import Path

import pytest

from dimgs.cli.app import run

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)


def _commands() -> list[tuple[str, str]]:
    out = []
    for block in BLOCKS:
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, expected = part.partition("\n")
            out.append((command, expected))
    return out


@pytest.mark.parametrize(("command", "expected"), _commands())
def test_command_prints_what_the_readme_shows(
    command: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import shlex

    monkeypatch.chdir(ROOT)
    words = shlex.split(command)
    assert words[0] == "dimgs"
    assert run(words[1:]) == 0
    printed = capsys.readouterr().out
    assert [x.rstrip() for x in printed.splitlines()] == [x.rstrip() for x in expected.splitlines()]


def test_there_are_commands() -> None:
    assert len(_commands()) >= 3
