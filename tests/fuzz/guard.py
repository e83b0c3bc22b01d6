"""What counts as a finding, and how one example is run: in a folder of its own, against the clock.

A finding is an exception that is no DimgsError, a RuntimeWarning, more than `SECONDS` of processor
time, a file outside the folder, code that ran, or a message of several lines.
"""

import builtins
import io
import json
import os
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from dimgs.common.errors import DimgsError
from tests.hostile import CANARY

SECONDS = 20.0
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_MADE = {"os.mkdir": 0, "os.rename": 1, "os.link": 1, "os.symlink": 1, "os.remove": 0}


class Finding(AssertionError):
    """Something that should never happen."""


class Hang(BaseException):
    """Too much processor time; no handler of exceptions may stop it."""


class _Watch:
    """Where this process may write while an example runs; None while none does."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.outside: list[str] = []
        self.shown: Any = None

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & _WRITING or isinstance(path, int):
                return
        elif event in _MADE:
            path = arguments[_MADE[event]]
        elif event == "os.system":
            path = arguments[0]
        else:
            return
        full = os.path.realpath(os.fsdecode(path))
        if full != os.devnull and not full.startswith(self.folder):
            self.outside.append(f"{event} {full}")


watch = _Watch()


def prepare() -> None:
    """Make this process ready: no bytecode and caches from here on, and the audit."""
    import matplotlib.pyplot as plt

    os.environ["DIMGS_DEBUG"] = "1"
    sys.dont_write_bytecode = True
    figure, axes = plt.subplots()
    axes.set_title(r"$\pi_1$ text")
    figure.savefig(io.BytesIO(), format="svg")
    figure.savefig(io.BytesIO(), format="pdf")
    plt.close(figure)
    sys.addaudithook(watch.hear)


@contextmanager
def example(shown: object) -> Iterator[Path]:
    """A folder for one example, with everything watched that must not happen."""
    outer = Path(tempfile.mkdtemp(prefix="dimgs-fuzz-")).resolve()
    inner = outer / "deep" / "folder"
    inner.mkdir(parents=True)
    before = Path.cwd()
    os.chdir(inner)
    watch.shown, watch.outside, watch.folder = shown, [], f"{inner}{os.sep}"
    signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", RuntimeWarning)
            yield inner
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        outside, watch.folder = list(watch.outside), None
        os.chdir(before)
        stray = sorted(p.name for p in outer.iterdir() if p.name != "deep")
        stray += sorted(p.name for p in (outer / "deep").iterdir() if p.name != "folder")
        shutil.rmtree(outer, ignore_errors=True)
    if outside or stray:
        raise Finding(f"written outside the folder: {', '.join([*outside, *stray])}")
    if hasattr(builtins, CANARY):
        delattr(builtins, CANARY)
        raise Finding("a name was run as code")


def _stop(*_: Any) -> None:
    raise Hang(f"more than {SECONDS:.0f} s of processor time")


def refused(call: Callable[[], Any]) -> Any:
    """What a call gives; None where it says why it gives nothing."""
    try:
        return call()
    except DimgsError as error:
        bounded(str(error))
    return None


def bounded(message: str) -> None:
    """Check that a message says something, and not too much."""
    if not message.strip() or len(message) > 3000:
        raise Finding(f"a message of {len(message)} characters: {message!r:.500}")


def command(*arguments: str) -> int:
    """Run a command line and check what it prints and exits with."""
    from dimgs.cli.app import run

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(list(arguments))
    complaint = err.getvalue()
    if code not in (0, 1, 2):
        raise Finding(f"exit code {code}")
    if "Traceback" in complaint or "unforeseen" in complaint:
        raise Finding(complaint)
    if code == 0 and "--json" in arguments:
        json.loads(out.getvalue(), parse_constant=_refuse)
    errors = [line for line in complaint.splitlines() if line.startswith("error: ")]
    if len(errors) != (code != 0):
        raise Finding(f"exit code {code} with {len(errors)} errors: {complaint!r:.500}")
    bounded(complaint or "-")
    return code


def _refuse(name: str) -> None:
    raise Finding(f"{name} is no JSON")
