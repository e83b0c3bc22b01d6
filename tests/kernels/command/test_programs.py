"""A run belongs to the program that made it; however a program behaves, its run ends."""

import os
import re
import shutil
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from dimgs.common.errors import DimgsWarning, InputError
from dimgs.kernels import CommandKernel, Status, fingerprint, process
from dimgs.kernels.command import read_command
from dimgs.kernels.process import mark
from tests.patience import lives, wait_until

PYTHON = sys.executable
linux = pytest.mark.skipif(not Path("/proc").is_dir(), reason="it looks into /proc: run on Linux")


def solver(argv: list[Any], **changes: Any) -> CommandKernel:
    options: dict[str, Any] = {
        "inputs": {},
        "outputs": {"x": {"unit": "1", "regex": "x = (.*)"}},
        "name": "solver",
    }
    return CommandKernel(argv, **{**options, **changes})


def script(code: str, **changes: Any) -> CommandKernel:
    return solver([PYTHON, "-c", code], **changes)


def program(path: Path, answer: int) -> Path:
    path.write_text(f"#!/bin/sh\necho x = {answer}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


Edit = Callable[[Path], CommandKernel]


def by_path(folder: Path) -> CommandKernel:
    return solver([str(folder / "solve")])


def through_path(folder: Path) -> CommandKernel:
    return solver(["solve"])


def through_a_link(folder: Path) -> CommandKernel:
    link = folder / "bin" / "link"
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(folder / "solve")
    return solver([str(link)])


def by_its_interpreter(folder: Path) -> CommandKernel:
    return solver(["sh", str(folder / "solve")])


def as_an_option(folder: Path) -> CommandKernel:
    return solver(["sh", "-c", '. "${1#*=}"', "sh", f"--file={folder / 'solve'}"])


def in_a_written_file(folder: Path) -> CommandKernel:
    return solver(["sh", "-c", ". ./main.sh"], files={"main.sh": f". '{folder / 'solve'}'\n"})


def beside_its_kernel(folder: Path) -> CommandKernel:
    file = folder / "kernel.toml"
    file.write_text(
        'argv = ["{{home}}/solve"]\n[inputs]\n[outputs]\nx = { unit = "1", regex = "x = (.*)" }\n',
        encoding="utf-8",
    )
    return read_command(file)


def named_by_a_label(folder: Path) -> CommandKernel:
    inputs = {"which": {"unit": "label", "default": "solve"}}
    return solver(["sh", "{{home}}/{{which}}"], inputs=inputs, home=folder)


@pytest.mark.skipif(os.name != "posix", reason="scripts for sh: run it on Linux or macOS")
@pytest.mark.parametrize(
    "made",
    [
        by_path,
        through_path,
        through_a_link,
        by_its_interpreter,
        as_an_option,
        in_a_written_file,
        beside_its_kernel,
        named_by_a_label,
    ],
    ids=lambda f: f.__name__,
)
def test_with_another_program_it_is_another_run(
    made: Edit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program(tmp_path / "solve", 1)
    kernel = made(tmp_path)
    before = kernel.run({})
    assert before.outputs == {"x": (1.0, "1")}, before.reason
    assert kernel.key({}) == before.key == made(tmp_path).key({})
    program(tmp_path / "solve", 2)
    assert kernel.key({}) == made(tmp_path).key({}) != before.key
    after = kernel.run({})
    assert after.outputs == {"x": (2.0, "1")}
    assert after.key == kernel.key({})
    program(tmp_path / "solve", 1)
    assert kernel.key({}) == before.key


@pytest.mark.skipif(os.name != "posix", reason="scripts for sh: run it on Linux or macOS")
def test_where_the_kernel_lies_does_not_enter_its_key(tmp_path: Path) -> None:
    keys = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        program(tmp_path / name / "solve", 1)
        kernel = beside_its_kernel(tmp_path / name)
        assert kernel.run({}).ok
        keys.add(kernel.key({}))
    assert len(keys) == 1


def as_a_module(folder: Path) -> list[Any]:
    return [PYTHON, "-P", "-m", "solve"]


def as_code(folder: Path) -> list[Any]:
    return [PYTHON, "-Bc", "import solve"]


def through_a_launcher(folder: Path) -> list[Any]:
    return ["env", PYTHON, "-m", "started"]


def as_a_package(folder: Path) -> list[Any]:
    return [PYTHON, "-m", "package"]


def as_a_script(folder: Path) -> list[Any]:
    return [PYTHON, str(folder / "script.py")]


def as_a_folder(folder: Path) -> list[Any]:
    return [PYTHON, "-c", "import sys; exec(open(sys.argv[1] + '/solve.py').read())", str(folder)]


@pytest.mark.parametrize(
    "made",
    [as_a_module, as_code, through_a_launcher, as_a_package, as_a_script, as_a_folder],
    ids=lambda f: f.__name__,
)
def test_with_other_modules_it_is_another_run(
    made: Callable[[Path], list[Any]], tmp_path: Path
) -> None:
    (tmp_path / "package").mkdir()
    for name, code in {
        "solve.py": "import parts.cells\nprint('x =', parts.cells.N)",
        "parts/cells.py": "from .more import N",
        "started.py": "def f():\n    from solve import parts\nf()",
        "script.py": "from solve import parts",
        "package/__init__.py": "",
        "package/__main__.py": "from . import inner",
        "package/inner.py": "import solve",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    last = tmp_path / "parts" / "more.py"
    keys = []
    for n in (1, 2, 1):
        last.write_text(f"N = {n}", encoding="utf-8")
        kernel = solver(made(tmp_path), environment={"PYTHONPATH": str(tmp_path)})
        record = kernel.run({})
        assert record.outputs == {"x": (n, "1")}, record.reason
        # what Python compiled meanwhile takes no part
        assert kernel.key({}) == record.key
        keys.append(record.key)
        (tmp_path / "unused.txt" if made is not as_a_folder else last).write_text("N = 0")
        # an edit within the second that keeps the size is not seen by Python's own cache
        shutil.rmtree(tmp_path / "parts" / "__pycache__", ignore_errors=True)
    assert keys[0] == keys[2] != keys[1]


def test_what_runs_write_into_a_named_folder_takes_no_part(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "mesh").write_text("1")
    code = "import sys; print('x =', 1, file=open(sys.argv[1] + '/log', 'a')); print('x = 1')"
    argv = [PYTHON, "-c", code, "{{home}}"]
    for folder in (tmp_path / "case", tmp_path / "case" / "runs"):
        folder.mkdir(exist_ok=True)
        more: dict[str, Any] = {"home": tmp_path / "case", "folder": folder, "keep": "always"}
        kernel = solver(argv, writes=["{{home}}/log"], **more)
        first, second = kernel.run({}), kernel.run({})
        assert first.ok, first.reason
        assert first.key == second.key == kernel.key({})
        assert solver(argv, **more).key({}) != first.key
        (tmp_path / "case" / "mesh").write_text(folder.name)
        assert kernel.key({}) != first.key


def test_what_is_too_large_is_not_followed_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "MOST_FILES", 3)
    for i in range(4):
        (tmp_path / f"{i}").write_text("")
    kernel = solver([PYTHON, "-c", "print('x = 1')", str(tmp_path)])
    with pytest.warns(DimgsWarning, match=r"does not cover the folder .*; give another version"):
        first = kernel.key({})
    (tmp_path / "0").write_text("other")
    assert kernel.key({}) == first
    (tmp_path / "1").unlink()
    assert kernel.key({}) != first


@pytest.mark.parametrize(
    ("writes", "says"),
    [
        ("log", "writes: 'log' cannot be used ('str' instances"),
        ([3], "writes[1]: 3 is given where a text is needed"),
        (["log"], "'log' in writes of 'solver' is not a full path; leave it out"),
        (["{{home}}/log"], "only {{home}} may stand there"),
    ],
)
def test_what_runs_write_is_given_by_full_path(writes: Any, says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        solver([PYTHON, "-c", "print('x = 1')"], writes=writes)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        # a warning comes last, on the other stream
        (
            "import sys; print('ERROR: the mesh is bad'); sys.exit('note: 3 cells')",
            "status 1: ERROR: the mesh is bad",
        ),
        ("print('fatal: no licence'); print('bye'); raise SystemExit(1)", "fatal: no licence"),
        ("print('Error: negative volume')", "does not occur in stdout: Error: negative volume."),
        ("print('error estimate 3'); raise KeyError('mesh')", "status 1: KeyError: 'mesh'"),
        ("class Odd(Exception): pass\nprint('an error'); raise Odd('q')", "status 1: Odd: q"),
        ("print('a' * 200000); print('it failed'); raise SystemExit(1)", "status 1: it failed"),
    ],
)
def test_the_last_error_of_the_program_is_reported(code: str, says: str) -> None:
    record = script(code, keep="never").run({})
    assert record.status is Status.FAILED
    assert says in record.reason


@pytest.mark.skipif(os.name != "posix", reason="signals are sent: run it on Linux or macOS")
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9 (SIGKILL: Killed)"),
        ("import os; os.kill(os.getpid(), 11)", "was ended by signal 11 (SIGSEGV: Segm"),
        ("import ctypes; ctypes.string_at(0)", "was ended by signal 11 (SIGSEGV: Segm"),
    ],
)
def test_a_signal_that_ends_it_is_named(code: str, says: str) -> None:
    record = script(code, keep="never").run({})
    assert record.status is Status.FAILED
    assert says in record.reason


@pytest.mark.skipif(os.name != "posix", reason="signals are sent: run it on Linux or macOS")
def test_a_signal_inside_a_shell_is_named_too() -> None:
    record = solver(["sh", "-c", "sh -c 'kill -11 $$'; exit $?"], keep="never").run({})
    assert "ended with status 139 (signal 11 (SIGSEGV: Segmentation fault))" in record.reason


FLOOD = "import sys\nwhile True: sys.{}.write('x' * 65536)"
FILL = """
import itertools
for i in itertools.count():
    open(f"{i:09d}.dat", "wb").write(b"0" * 65536)
"""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_program_that_floods_its_output_is_ended(tmp_path: Path, stream: str) -> None:
    kernel = script(FLOOD.format(stream), folder=tmp_path, most_printed=3e6)
    record = kernel.run({})
    assert record.status is Status.FAILED
    assert record.reason.startswith("The program printed more than 3e+06 bytes and was stopped")
    assert "raise most_printed" in record.reason
    # the start of it is kept for reading, the flood is not
    (left,) = tmp_path.iterdir()
    assert sum(p.stat().st_size for p in left.iterdir()) <= 3e6


def test_a_program_that_fills_its_folder_is_ended(tmp_path: Path) -> None:
    record = script(FILL, folder=tmp_path, most_written=3e6, keep="never").run({})
    assert record.status is Status.FAILED
    assert record.reason.startswith(
        "The program wrote more than 3e+06 bytes into its folder and was stopped"
    )
    assert list(tmp_path.iterdir()) == []


def test_what_ended_before_it_was_looked_at_is_judged_too() -> None:
    quick = script("print('x = 1'); print('y' * 5000)", most_printed=4000, keep="never").run({})
    assert "printed more than 4e+03 bytes" in quick.reason
    file = "open('big.txt', 'w').write('x = 1' + ' ' * 5000)"
    outputs = {"x": {"unit": "1", "regex": "x = (.*)", "file": "big.txt"}}
    big = script(file, outputs=outputs, most_printed=4000, keep="never").run({})
    assert "big.txt holds more than 4e+03 bytes, too many to read" in big.reason


ORPHANS = """
import os, subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
one = subprocess.Popen(sleep, stdout=subprocess.DEVNULL)
two = subprocess.Popen(sleep, start_new_session=True)
open("pids.txt", "w").write(f"{one.pid} {two.pid}")
print("x = 1", flush=True)
"""


@linux
@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("", ""),
        ("os.abort()", "signal 6"),
        ("time.sleep(600)", "had not ended after 300 s and was stopped"),
    ],
)
def test_nothing_that_a_program_started_outlives_it(
    tmp_path: Path, end: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the clock jumps beyond the deadline as soon as the program has started what it starts
    looks = count()

    def clock() -> float:
        # the first look is the start, however fast the program was
        started = next(looks) > 0
        return 1e4 * (
            started and any(p.read_text().count(" ") for p in tmp_path.glob("*/pids.txt"))
        )

    if "sleep" in end:
        monkeypatch.setattr(process, "monotonic", clock)
    record = script(ORPHANS + end, folder=tmp_path, keep="always", timeout=300).run({})
    assert record.ok is not bool(says), record.reason
    assert says in record.reason
    (left,) = tmp_path.iterdir()
    pids = [int(p) for p in (left / "pids.txt").read_text().split()]
    wait_until(lambda: not any(map(lives, pids)))


@linux
def test_marks_are_nested(monkeypatch: pytest.MonkeyPatch) -> None:
    (name,) = mark()
    monkeypatch.setenv(name, "/outer")
    assert mark()[name].startswith("/outer/")


def test_it_sees_no_terminal_and_no_standard_input() -> None:
    code = "import sys; print('x =', len(sys.stdin.read()), flush=True)\nopen('/dev/tty')"
    record = script(code, keep="never").run({})
    assert record.status is Status.FAILED
    assert "/dev/tty" in record.reason
