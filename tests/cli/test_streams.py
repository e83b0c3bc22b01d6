"""Standard output holds the result and nothing else, and what it cannot take is told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dimgs
from tests.cli.runner import Shell
from tests.forked import ROOT, run

FULL = Path("/dev/full")
# what every level of a program may print: Python, a file descriptor, C's buffers, a child
NOISE = """
import ctypes, os, subprocess, sys

def noise():
    print("noise from Python")
    os.write(1, b"noise from a file descriptor\\n")
    ctypes.CDLL(None).printf(b"noise from a library\\n")
    subprocess.run([sys.executable, "-c", "print('noise from a child')"], check=True)
    sys.__stdout__.write("noise from the first standard output\\n")
"""
# the command line, with a reader of tables that makes noise
NOISY = (
    NOISE
    + """
import dimgs.discovery.options as tables
original = tables.dataset_of

def dataset_of(*args, **kwargs):
    noise()
    return original(*args, **kwargs)

tables.dataset_of = dataset_of
from dimgs.cli import main
main()
"""
)


@pytest.mark.parametrize(
    "arguments",
    [
        ("pi", "{}", "--target", "T", "--constants", "g"),
        ("fit", "{}", "--target", "T", "--constants", "g"),
        ("explore", "{}", "--target", "T", "--constants", "g"),
        ("discover", "{}", "--target", "T", "--constants", "g", "--engine", "power_law"),
    ],
)
def test_nothing_but_the_document_reaches_standard_output(
    arguments: tuple[str, ...], shell: Shell
) -> None:
    table = shell.pendulum()
    done = run(*(a.format(table) for a in arguments), "--json", program=NOISY)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    # five lines each time that the table is asked for
    assert done.stderr.count("noise from") % 5 == 0 < done.stderr.count("noise from")


@pytest.mark.parametrize("json_", [(), ("--json",)])
def test_results_are_written_as_ever_to_files_and_pipes(
    json_: tuple[str, ...], shell: Shell
) -> None:
    arguments = ("fit", shell.pendulum(), "--target", "T", "--constants", "g", *json_)
    piped = run(*arguments)
    inside = shell(*arguments)
    assert (piped.returncode, piped.stdout) == (inside.code, inside.out)
    assert piped.stderr == inside.err
    assert run("--help").stdout.count("discover") >= 1
    assert run("--version").stdout.strip() == dimgs.__version__


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("--help",),
        ("fit", "--help"),
        ("demo", "--table"),
        ("engines",),
        ("engines", "--json"),
        ("fit", "{}", "--target", "T", "--constants", "g"),
        ("fit", "{}", "--target", "T", "--constants", "g", "--json"),
        # longer than the buffer of standard output, so that the write itself fails
        ("pi", *(f"x{i} [m^{i}/s]" for i in range(1, 40)), "--target", "x1 [m/s]", "--json"),
    ],
)
def test_a_full_device_is_one_sentence(arguments: tuple[str, ...], shell: Shell) -> None:
    table = shell.pendulum()
    with FULL.open("w") as full:
        done = run(*(a.format(table) for a in arguments), stdout=full)
    assert done.returncode == 1
    (line,) = [x for x in done.stderr.splitlines() if not x.startswith("warning: ")]
    assert line.startswith("error: standard output cannot be written (No space left on device)")


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
def test_a_log_that_cannot_be_written_costs_no_result(shell: Shell) -> None:
    with FULL.open("w") as full:
        done = run("fit", shell.pendulum(), "--target", "T", "--constants", "g", "--json",
                   stderr=full)  # fmt: skip
    assert done.returncode == 0
    assert json.loads(done.stdout)["warnings"]


def test_a_reader_that_leaves_is_no_failure() -> None:
    read, write = os.pipe()
    os.close(read)
    done = run("demo", "--table", stdout=write)
    os.close(write)
    assert done.returncode == 0
    assert done.stderr == ""


def test_closed_streams_are_no_failure() -> None:
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        command = f"exec {sys.executable} -m dimgs demo --table {closed}"
        done = subprocess.run(
            command,
            shell=True,
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == b""
