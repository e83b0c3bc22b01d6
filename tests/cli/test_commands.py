"""Help, version, closed pipes, and how much a command loads."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dimgs
from dimgs.common.errors import EngineUnavailableError
from dimgs.discovery.discover import discover
from tests.cli.runner import Shell

COMMANDS = ["demo", "pi", "fit", "explore", "discover", "predict", "reproduce", "engines"]
ROOT = Path(dimgs.__file__).parents[1]


def test_help_names_every_command(shell: Shell) -> None:
    done = shell("--help")
    assert done.code == 0
    assert all(command in done.out for command in COMMANDS)
    assert shell().code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(shell: Shell, command: str) -> None:
    done = shell(command, "--help")
    assert done.code == 0
    assert "--json" in done.out


def test_the_version_is_printed(shell: Shell) -> None:
    assert shell("--version").out == f"{dimgs.__version__}\n"


def test_a_closed_pipe_is_no_failure(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("dimgs.cli.output.emit_json", closed)
    done = shell("engines", "--json")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_fit_loads_nothing_that_it_does_not_need(shell: Shell) -> None:
    code = (
        "import sys; from dimgs.cli.app import run; "
        f"code = run(['fit', {shell.pipe()!r}, '--target', 'tau_w', '--json']); "
        "heavy = {'pandas', 'sklearn', 'pyarrow', 'matplotlib', 'scipy.stats', 'torch', 'pysr'}; "
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules)))); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stderr == ""


def test_explore_reads_exponents_in_few_digits(shell: Shell) -> None:
    rows = [(a, 2.0 * a**0.7090677256, b, a * b) for a in (1, 2, 3, 5) for b in (1, 2, 4)]
    table = shell.table("a [m],b [m],c [m],y [m^2]", rows)
    text = shell("explore", table, "--target", "y").out
    (constant,) = [line for line in text.splitlines() if "over the runs" in line]
    assert not re.search(r"\d\.\d{4}", constant)
    assert "^1.0" not in constant
    near = [(a, b**0.7 * a**0.3456 * (1 + 1e-4 * (b == a)), b, a * b) for a, _, b, _ in rows]
    table = shell.table("a [m],b [m],c [m],y [m^2]", near)
    text = shell("explore", table, "--target", "y").out
    (constant,) = [line for line in text.splitlines() if "over the runs" in line]
    assert constant == "Nearly constant over the runs: a^(-0.346)·b·c^(-0.7)"
    planets = shell("explore", str(ROOT / "docs" / "planets.csv"), "--target", "T").out
    assert "[time]; G^(-1/2) or an unknown scale (--scale auto) would bring it" in planets
    assert "^?" not in planets


@pytest.mark.parametrize("engine", ["pysr", "operon"])
def test_an_engine_that_is_not_here_is_an_error_with_the_remedy(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    from dimgs.engines import registry

    monkeypatch.setattr(registry, "find_spec", lambda package: None)
    monkeypatch.setattr(registry, "has_julia", lambda project, environment: False)
    asked = ("discover", shell.pipe(), "--target", "tau_w", "--engine", engine)
    for more in ([], ["--json"]):
        message = shell.refused(*asked, *more)
        assert f"'{engine}' cannot run here" in message
        assert "install" in message
    with pytest.raises(EngineUnavailableError, match="install"):
        discover(dimgs.read_table(shell.pipe()), "tau_w", engine=engine)


def test_groups_that_predict_nothing_are_no_dominant_groups(shell: Shell) -> None:
    rng = np.random.default_rng(0)
    rows = np.exp(rng.normal(size=(25, 3))).round(5).tolist()
    path = shell.table("a [m],b [m],y [1]", rows)
    text = shell("explore", path, "--target", "y").out
    assert "No dominant group: none of these explains half of the variance" in text
    planets = shell("explore", str(ROOT / "docs" / "planets.csv"), "--target", "T").out
    assert "No dominant group" not in planets


@pytest.mark.parametrize(
    ("option", "values"),
    [("form", ("a*U", "b*mu")), ("columns", ("U,mu", "D")), ("within", ("lab", "day"))],
)
def test_what_is_given_once_does_not_replace_itself(
    option: str, values: tuple[str, str], shell: Shell
) -> None:
    given = [word for value in values for word in (f"--{option}", value)]
    message = shell.refused("discover", shell.pipe(), "--target", "tau_w", *given)
    assert f"--{option} is given as '{values[0]}' and '{values[1]}'; give it once" in message


def test_the_last_of_a_setting_counts(shell: Shell) -> None:
    given = ["--engine", "structured", "--engine", "power_law", "--json"]
    text = shell("discover", shell.pipe(), "--target", "tau_w", *given).out
    assert json.loads(text)["engine"] == "power_law"
