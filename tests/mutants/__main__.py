"""Puts faults into copies of the package, and counts those that the tests notice.

``python -m tests.mutants --seed 0`` draws 20 of them from the folders that compute, and from who
may do what in a hub. Each is put into a temporary copy, in which the tests run that keep numbers of
its function, then those that name its file, then those of its folder, then those of its callers,
then the longer checks of these files, until one fails. Exits 1 where fewer than 85 % are noticed.
Faults that change nothing are in ``equivalent.txt``, with the reason. With ``--results FILE`` an
interrupted run goes on where it ended.
"""

import argparse
import importlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path

import pytest

from tests.mutants.mutation import Mutant, draw, mutants
from tests.mutants.related import related_tests, tests_with_reference

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("fits", "judgement", "discovery", "similitude", "law")
RIGHTS = ("dimgs/hub/permissions.py", "dimgs/hub/lineage.py")
# of ten faults, those in the rights
_OF_TEN = 1
# what most tests load; each fault's process begins with it
_LOADED = ("numpy", "scipy.optimize", "scipy.stats", "sklearn.base", "sympy", "pint", "pandas",
           "pydantic", "sqlalchemy", "typer", "rich", "celer", "torch")  # fmt: skip
# tests with reference values that are run first: more of them tell little more
_WITH_REFERENCE = 30
# by the clock, of the processor time: a busy machine, or tests that wait for each other
_WAITING = 6
# what a copy needs beside the package for its tests and examples to run
_COPIED = ("dimgs", "tests", "case_studies", "docs", "pyproject.toml", "README.md", "CHANGELOG.md")


def drawn(seed: int, count: int) -> list[Mutant]:
    """The faults of a seed."""
    known = ROOT / "tests" / "mutants" / "equivalent.txt"
    equivalent = {line.strip() for line in known.read_text(encoding="utf-8").splitlines()}
    files = [f for folder in FOLDERS for f in sorted((ROOT / "dimgs" / folder).rglob("*.py"))]
    rng = random.Random(seed)
    of_rights = -(-count * _OF_TEN // 10)
    found = []
    for some, n in ((files, count - of_rights), ([ROOT / name for name in RIGHTS], of_rights)):
        places = []
        for file in some:
            places += mutants(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
        found += draw(places, n, rng, lambda mutant: mutant.key in equivalent)
    return found


def copied(folder: Path) -> Path:
    """A copy of the package and its tests."""
    for name in _COPIED:
        source, ignored = ROOT / name, shutil.ignore_patterns("__pycache__", "_build", ".*")
        if source.is_dir():
            shutil.copytree(source, folder / "copy" / name, ignore=ignored)
        else:
            shutil.copy(source, folder / "copy" / name)
    if (ROOT.parent / "shared").is_dir():
        (folder / "shared").symlink_to(ROOT.parent / "shared")
    return folder / "copy"


def tested(copy: Path, files: list[str], seconds: float) -> str | None:
    """The first test that fails, "time" where they take longer, and None where all pass."""
    words = ["-x", "-q", "-n0", "-p", "no:cacheprovider", "--tb=no", *files]
    most = max(1, int(seconds))
    with tempfile.TemporaryFile("w+") as told:
        # the libraries are loaded already, and dimgs is not
        child = os.fork()
        if not child:
            _run(copy, words, most, told.fileno())
        end = time.monotonic() + _WAITING * most
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            if time.monotonic() > end:
                os.killpg(child, signal.SIGKILL)
            time.sleep(0.1)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(ended[1])
        told.seek(0)
        text = told.read()
    if code < 0:
        return "time"
    if code in (0, 5):
        return None
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", text, re.MULTILINE)
    return failed.group(1) if failed else f"exit code {code}: {text[-300:]}"


def _run(copy: Path, words: list[str], seconds: int, output: int) -> None:
    """Run tests of a copy, in a process of their own; it ends here."""
    code: int = 3
    try:
        os.setsid()
        # processor time, so that a busy machine makes no difference
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(copy)
        os.environ["PYTHONPATH"] = str(copy)
        sys.path.insert(0, str(copy))
        for name in [n for n in sys.modules if n.partition(".")[0] in ("tests", "dimgs")]:
            del sys.modules[name]
        code = int(pytest.main(words))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def killer(copy: Path, mutant: Mutant, seconds: float, broken: set[str]) -> str | None:
    """What notices a fault within the time; "time" or None where nothing does.

    Tests that fail without a fault as well are added to the `broken` ones, and left out.
    """
    file, end = copy / mutant.path, _used() + seconds
    whole = file.read_text(encoding="utf-8")
    stages = related_tests(copy, mutant.path)
    files = {name for stage in stages for name in stage}
    if kept := tests_with_reference(copy, mutant.path, mutant.where):
        stages.insert(0, kept[:_WITH_REFERENCE])
    longer = (copy / "tests" / "longer.txt").read_text(encoding="utf-8").splitlines()
    # the longer checks of these files last: most faults are noticed sooner
    if late := [name for name in longer if name.partition("::")[0] in files]:
        stages.append(["-m", "", *late])
    for stage in stages:
        while True:
            file.write_text(mutant.applied(whole), encoding="utf-8")
            found = tested(copy, [*stage, *(f"--deselect={name}" for name in broken)],
                           end - _used())  # fmt: skip
            file.write_text(whole, encoding="utf-8")
            if found is None:
                break
            if "::" not in found or tested(copy, [found], seconds) is None:
                return found
            broken.add(found)
    return None


def _used() -> float:
    """Processor time of all tests so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Try the faults of a seed in turn."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--only", type=int, nargs="*", help="numbers of faults, from 1")
    parser.add_argument(
        "--seconds", type=float, default=240.0, help="of processor time at most, for each"
    )
    parser.add_argument("--least", type=float, default=0.85, help="share that is to be noticed")
    parser.add_argument("--results", type=Path, help="kept here, and not looked for again")
    parser.add_argument("--list", action="store_true", help="show them, and run nothing")
    asked = parser.parse_args()
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "DIMGS_CI": "1"}
    for name in () if asked.list else _LOADED:
        with suppress(ImportError):
            importlib.import_module(name)
    faults = list(enumerate(drawn(asked.seed, asked.count), 1))
    faults = [(k, m) for k, m in faults if not asked.only or k in asked.only]
    known = asked.results if asked.results and asked.results.exists() else Path(os.devnull)
    results = dict(map(json.loads, known.read_text(encoding="utf-8").splitlines()))
    killed, broken = 0, set[str]()
    with tempfile.TemporaryDirectory(prefix="dimgs-mutants-") as folder:
        copy = None if asked.list else copied(Path(folder))
        for k, mutant in faults:
            told = f"{k:>3} {mutant.path}:{mutant.line} | {mutant.where} | "
            told += " ".join(f"{mutant.old} -> {mutant.new}".split())
            if copy is None:
                print(told)
                continue
            began = _used()
            if mutant.key not in results:
                results[mutant.key] = killer(copy, mutant, asked.seconds, broken)
                if asked.results:
                    with asked.results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps([mutant.key, results[mutant.key]]) + "\n")
            found = results[mutant.key]
            killed += found not in (None, "time")
            end = {None: "SURVIVED", "time": "SURVIVED (time)"}.get(found, f"killed by {found}")
            print(f"{told}\n    {end}, {_used() - began:.0f} s", flush=True)
    if asked.list:
        return 0
    for name in sorted(broken):
        print(f"fails without a fault: {name}")
    share = killed / len(faults)
    print(f"seed {asked.seed}: {killed} of {len(faults)} noticed ({share:.0%})")
    return 0 if share >= asked.least else 1


if __name__ == "__main__":
    sys.exit(main())
