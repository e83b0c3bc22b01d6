"""What a person at a terminal gets: colours or none, time left, completion, the demo."""

import os
import pty
import re
from pathlib import Path

import pytest

from dimgs.cli import output
from dimgs.common.formats import shipped
from tests import forked
from tests.cli.runner import Shell
from tests.forked import start

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def at_terminal(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and everything that a terminal shows."""
    master, slave = pty.openpty()
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "CI")}
    run = start(
        *arguments,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**kept, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    return run.wait(), shown.decode()


def piped(*arguments: str, **environment: str) -> str:
    done = forked.run(*arguments, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_demo_tells_its_story_in_about_ten_lines() -> None:
    text = piped("demo")
    lines = text.splitlines()
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 120
    for words in ("-> 3/2", "-> -1/2", "G^(-1/2)", "C = 6.28", "90560"):
        assert words in text
    assert not _ESCAPE.search(text)
    commands_ = [line.strip() for line in lines if line.startswith("  dimgs")]
    assert len(commands_) == 3


def test_what_the_demo_says_to_type_next_works(shell: Shell) -> None:
    table = shell("demo", "--table").out
    path = shell.folder / "planets.csv"
    path.write_text(table, encoding="utf-8")
    done = shell("fit", str(path), "--target", "T", "--constants", "G", "--json")
    assert done.document["law"]["expression"] == "C*a**(3/2)/(sqrt(G)*sqrt(M))"
    document = shell("demo", "--json").document
    assert document["missing"] == "G^(-1/2)"
    prediction = document["prediction"]
    assert prediction["value"] == pytest.approx(prediction["published"], rel=1e-3)
    assert all(line.startswith("dimgs ") for line in document["next"])


def test_colours_at_a_terminal_and_none_where_they_are_refused() -> None:
    code, coloured = at_terminal("demo")
    assert code == 0
    assert "\x1b[1m" in coloured
    code, plain = at_terminal("demo", NO_COLOR="1")
    assert not _ESCAPE.search(plain)
    assert plain == _ESCAPE.sub("", coloured)


def test_errors_are_red_at_a_terminal_only() -> None:
    code, shown = at_terminal("fit", "absent.csv", "--target", "y")
    assert code == 2
    assert shown.startswith("\x1b[31;1merror:\x1b[0m ")
    code, shown = at_terminal("fit", "absent.csv", "--target", "y", NO_COLOR="1")
    assert shown.startswith("error: ")


@pytest.mark.parametrize("command", ["--help", "fit --help"])
def test_help_is_plain_when_piped(command: str) -> None:
    assert not _ESCAPE.search(piped(*command.split()))


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("pi", "'rho [kg/m^3]' 'U [m/s]'"),
        ("pi", "'dp [Pa]'"),
        ("fit", "'M0 [kg]'"),
        ("discover", "'EUR = [currency]'"),
    ],
)
def test_units_of_the_help_are_not_taken_for_markup(command: str, shown: str) -> None:
    text = " ".join(piped(command, "--help", COLUMNS="200").split())
    assert shown in text
    assert "\\[" not in text


def test_progress_tells_the_time_left() -> None:
    from io import StringIO

    from rich.console import Console

    buffer = StringIO()

    progress = output._progress(60.0)
    task = progress.add_task("looking", total=60.0)
    progress.start_task(task)
    console = Console(file=buffer, width=100, force_terminal=False)
    console.print(progress.get_renderable())
    shown = buffer.getvalue()
    assert "looking ..." in shown
    assert "at most 60 s left" in shown


def test_progress_is_shown_at_a_terminal_and_gone_at_the_end() -> None:
    code, shown = at_terminal(
        *["discover", "docs/planets.csv", "--target", "T", "--scale", "auto"],
        *["--evaluations", "300", "--time-limit", "3600"],
    )
    assert code == 0
    assert "searching for the law of T" in shown
    assert "s left" in shown
    assert "[?25h" in shown


@pytest.mark.parametrize("name", ["demo", "pi", "fit", "explore", "discover", "predict", "run"])
def test_examples_of_the_help_use_options_that_exist(name: str, shell: Shell) -> None:
    lines = [line for line, _ in shipped("dimgs.cli", "examples.toml")[name]]
    assert len(lines) >= 2
    for line in lines:
        command = line.split()[1]
        known = shell(command, "--help").out
        for option in re.findall(r"--[a-z][a-z-]*", line):
            assert option in known, (option, line)


def _completed(words: str, **more: str) -> list[str]:
    done = forked.run(
        env={
            **os.environ,
            "_DIMGS_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
            **more,
        },
    )
    return done.stdout.split()


def test_the_shell_completes_commands_columns_engines_and_studies() -> None:
    assert _completed("dimgs dis") == ["discover"]
    assert _completed("dimgs fit docs/planets.csv --target ") == ["body", "T", "a", "M"]
    assert _completed("dimgs fit docs/absent.csv --target ") == []
    assert _completed("dimgs discover t.csv --engine str") == ["structured"]
    assert "kepler" in _completed("dimgs reproduce ke")


def test_completion_installs_itself(tmp_path: Path) -> None:
    # by its name, for these tests may run below no shell
    env = {**os.environ, "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = forked.run("--install-completion", "bash", env=env)
    assert done.returncode == 0, done.stderr
    (script,) = (tmp_path / ".bash_completions").iterdir()
    assert "_DIMGS_COMPLETE" in script.read_text(encoding="utf-8")


def test_a_report_says_by_which_command_it_was_made(shell: Shell) -> None:
    out = shell.folder / "study"
    arguments = ["discover", shell.pendulum(), "--target", "T", "--constants", "g"]
    arguments += ["--engine", "power_law", "--out", str(out)]
    done = shell(*arguments, "--json")
    document = done.document
    assert f"wrote {out / 'report.html'}; open it in a browser" in done.err
    assert re.search(r"law.json, tex/ \(\d+ files\), figures/ \(\d+ files\)", done.err)
    command = document["provenance"]["command"]
    assert command.startswith("dimgs discover ")
    assert "--constants g" in command
    assert command in (out / "report.md").read_text(encoding="utf-8")
    assert (out / "figures" / "collapse.pdf").is_file()
