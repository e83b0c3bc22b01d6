"""Programs described in TOML files."""

import shutil
import sys
from pathlib import Path

import pytest

from dimgs.common.errors import InputError
from dimgs.kernels import load
from dimgs.kernels.command import read_command

DOCUMENT = f"""
argv = ["{sys.executable}", "{{{{home}}}}/solve.py", "{{{{tier.cells}}}}"]
version = "4.1"
templates = {{ "in.txt" = "in.template" }}
files = {{ "more.txt" = "{{{{mu:.3g}}}}" }}

[inputs]
U = "m/s"
mu = {{ unit = "mPa*s", low = 0 }}

[outputs]
F = {{ unit = "N", csv = "drag", file = "forces.csv" }}

[tiers]
coarse = {{ cells = 20, cost = 2 }}
fine = {{ cells = 200, cost = 300 }}
"""


@pytest.fixture
def solver(tmp_path: Path) -> Path:
    home = tmp_path / "a folder; with #odd name"
    home.mkdir()
    (home / "drag.toml").write_text(DOCUMENT)
    (home / "in.template").write_text("{{U:.6g}}")
    (home / "solve.py").write_text(
        "import sys\n"
        "u, mu = (float(open(n).read()) for n in ('in.txt', 'more.txt'))\n"
        "open('forces.csv', 'w').write(f'cells,drag\\n{sys.argv[1]},{3 * u * mu}\\n')\n"
    )
    return home / "drag.toml"


def test_a_file_makes_a_kernel_wherever_it_lies(solver: Path, tmp_path: Path) -> None:
    kernel = load(str(solver))
    run = kernel.run({"U": 2, "mu": 1.5}, tier="coarse")
    assert (run.kernel, run.outputs["F"]) == ("drag", (9.0, "N"))
    assert [t.cost for t in kernel.tiers] == [2.0, 300.0]
    shutil.copytree(solver.parent, tmp_path / "elsewhere")
    moved = read_command(tmp_path / "elsewhere" / "drag.toml")
    assert moved.key({"U": 2, "mu": 1.5}, tier="coarse") == run.key
    assert moved.run({"U": 2, "mu": 1.5}).ok


def test_a_program_beside_the_file_is_found(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "solve.sh"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho x = $1\n")
    program.chmod(0o755)
    (tmp_path / "k.toml").write_text(
        'argv = ["bin/solve.sh", "{{a}}"]\ninputs = { a = "m" }\n'
        'outputs = { x = { unit = "m", regex = "x = (.*)" } }\n'
    )
    run = load(str(tmp_path / "k.toml")).run({"a": 3})
    assert run.outputs["x"] == (3.0, "m")
    shutil.copytree(tmp_path, tmp_path / "elsewhere")
    assert read_command(tmp_path / "elsewhere" / "k.toml").key({"a": 3}) == run.key


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("argv = [", "k.toml is not valid TOML"),
        ("argv = " + "[" * 200_000, "k.toml is not valid TOML"),
        (f"argv = {'9' * 100_000}", "k.toml is not valid TOML"),
        ("#" * (17 << 20), "longer than any kernel"),
        ("arg = ['a']", "k.toml, arg: there is no such key; did you mean 'argv'"),
        ("home = 'x'", "k.toml, home: there is no such key"),
        ("argv = ['a']", "k.toml: the key 'inputs' is missing; add it"),
        (
            "argv = 'a'\ninputs = {}\noutputs = {}",
            "k.toml: argv: 'a' cannot be used",
        ),
        ("argv = ['a']\ninputs = 3\noutputs = {}", "k.toml: The ports of the kernel 'k' are 3"),
        ("files = 'x'", "k.toml, files: 'x' is not a table"),
        ("templates = 'x'", "k.toml, templates: 'x' is not a table"),
        (
            "argv=['a']\ninputs={}\noutputs={}\nenvironment='x'",
            "environment: 'x' is given",
        ),
        (
            "argv=['a']\ninputs={}\noutputs={x={unit='m',json='x'}}\ntiers=3",
            "k.toml: The tiers are 3",
        ),
        (
            "argv=['a']\ninputs={}\noutputs={x={unit='m',json='x'}}\ntemplates={a=3}",
            "k.toml, templates: a: 3 is given where a text is needed",
        ),
        (
            "argv=['a']\ninputs={}\noutputs={x={unit='m',json='x'}}\ntiers={a=3}",
            "k.toml: The tier 'a' is declared as 3",
        ),
        (
            "argv=['a']\ninputs={}\noutputs={x={unit='m',json='x'}}\ntemplates={a='none.txt'}",
            "k.toml: The template",
        ),
    ],
)
def test_files_that_describe_no_kernel_are_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "k.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        read_command(path)


def test_a_file_that_the_program_misses_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "solve.py").write_text("print('x = 1')\n")
    text = (
        "argv = ['{python}', '{file}']\ninputs = {{}}\n"
        "outputs = {{ x = {{ unit = 'm', regex = 'x = (.*)' }} }}\n"
    )
    path = tmp_path / "k.toml"
    path.write_text(text.format(python=sys.executable, file="solve.py"))
    reason = load(str(path)).run({}).reason
    assert "ended with status 2" in reason
    assert reason.endswith("if that is what it misses, write {{home}}/solve.py.")
    path.write_text(text.format(python=sys.executable, file="{{home}}/solve.py"))
    assert load(str(path)).run({}).ok


def test_an_absent_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(str(tmp_path / "none.toml"))
