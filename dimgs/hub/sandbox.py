"""A run in a process of its own: limited in time and memory, and for agents in bubblewrap.

Read as a program (``python -m dimgs.hub.sandbox``), it runs one job that it reads from standard
input, and writes its record to standard output.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from dimgs.kernels.record import RunRecord, Status, one_sentence
from dimgs.kernels.registry import GROUP, load
from dimgs.plugins import entry_points

# a record is a few kB, one with curves may have MB; a campaign of 1,000 runs has 3 MB
_MOST_BYTES = 64 << 20
# beside the time that the run itself may take: for Python to start and to end
_GRACE = 30.0
# seconds between looks whether anybody still waits for a process: soon enough for a person
_LOOK = 0.1
# what programs and their libraries need to start
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives")


@cache
def bubblewrap() -> str | None:
    """Path of a bubblewrap that works here; None where there is none."""
    path = shutil.which("bwrap")
    if path is None:
        return None
    command = [path, "--unshare-all", "--ro-bind", "/", "/", "true"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=_GRACE)
    return path if done.returncode == 0 else None


def in_package(kernel: str) -> bool:
    """Whether a kernel is one of those that come with dimgs."""
    return entry_points(GROUP).get(kernel, "").startswith("dimgs.kernels.")


def run_job(job: Mapping[str, Any], seconds: float, megabytes: int, sandboxed: bool) -> RunRecord:
    """Record of a job, run in a process of its own.

    Parameters
    ----------
    job : mapping
        Content of its entry: kernel, tier, inputs, seed.
    seconds : float
        That it may take, of the processor and of the clock.
    megabytes : int
        Of memory that it may take.
    sandboxed : bool
        Whether it runs in bubblewrap: without network, and seeing of the files only the system's
        programs, Python, the kernel's own file or package, and an empty folder.

    Returns
    -------
    RunRecord
        A failed one too where the process was ended.
    """
    text, why = _printed("dimgs.hub.sandbox", job, seconds, megabytes, sandboxed)
    try:
        return _record(json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError):
        return _failed(job, why)


def run_plan(
    job: Mapping[str, Any], seconds: float, megabytes: int, sandboxed: bool
) -> dict[str, Any]:
    """What the campaign of a job came to, run in a process of its own.

    Parameters
    ----------
    job, seconds, megabytes, sandboxed
        As for :func:`run_job`; the job has a ``plan``.

    Returns
    -------
    dict
        "result", "plan" and "runs", or the "reason" why there are none.
    """
    text, why = _printed("dimgs.campaign.job", job, seconds, megabytes, sandboxed)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {"reason": why}
    return found if isinstance(found, dict) else {"reason": why}


def _printed(
    module: str, job: Mapping[str, Any], seconds: float, megabytes: int, sandboxed: bool
) -> tuple[str, str]:
    """What a module prints of a job in a process of its own, and why that may be nothing."""
    kernel, home = _home(str(job["kernel"]))
    with TemporaryDirectory(prefix="dimgs-job-") as folder:
        command = [sys.executable, "-P", "-m", module]
        if sandboxed:
            command = [*_inside(folder, home), *command]
        path = [Path(__file__).parents[2]]
        # what a file's folder holds besides is not a package that was named
        path += [] if home is None or kernel.startswith(str(home)) else [home.parent]
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "HOME": "/workspace" if sandboxed else folder,
            "OPENBLAS_NUM_THREADS": "1",
        }
        told = {**job, "kernel": kernel}
        if "plan" in told:
            told["plan"] = {**told["plan"], "kernel": kernel}
        asked = {"job": told, "seconds": seconds, "megabytes": megabytes}
        limit = seconds + _GRACE
        ended = exchanged(command, asked, limit, env=environment, cwd=folder)
    return ended.text, f"It took more than {seconds:g} s." if ended.late else _why(ended.code)


def _home(kernel: str) -> tuple[str, Path | None]:
    """Name of a kernel that holds in every folder, and the file or package that has it."""
    module, _, attribute = kernel.rpartition(":")
    if kernel.endswith(".toml") or module.endswith(".py"):
        file = Path(module or kernel).resolve()
        return f"{file}:{attribute}" if module else str(file), file
    spec = find_spec(module.partition(".")[0]) if module else None
    if spec is None or in_package(kernel):
        return kernel, None
    folders = list(spec.submodule_search_locations or ())
    return kernel, Path(folders[0] if folders else str(spec.origin)).resolve()


def _inside(folder: str, home: Path | None = None) -> list[str]:
    """Command that begins a sandbox, in which the kernel's own code can be read."""
    seen = [p for p in _SYSTEM if os.path.exists(p)]
    python = {sys.prefix, sys.base_prefix, str(Path(__file__).parents[1])}
    python |= {p for p in sys.path if p.endswith("-packages")}
    python |= set() if home is None else {str(home)}
    binds = [x for p in [*seen, *sorted(python)] for x in ("--ro-bind", p, p)]
    return [
        bubblewrap() or "bwrap", "--unshare-all", "--die-with-parent", "--new-session",
        # the empty /tmp first, for Python and the package may lie in it
        "--cap-drop", "ALL", "--tmpfs", "/tmp", *binds, "--proc", "/proc", "--dev", "/dev",
        "--bind", folder, "/workspace", "--chdir", "/workspace",
    ]  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """A process that has ended: what it wrote, its status, and why it was ended, if it was.

    Attributes
    ----------
    text : str
    code : int or None
    late, stopped : bool
        Whether its time was over, or nobody waited for it any more.
    """

    text: str
    code: int | None
    late: bool
    stopped: bool


def exchanged(
    command: Sequence[str],
    asked: Mapping[str, Any],
    limit: float,
    *,
    hear: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
    **started: Any,
) -> Ended:
    """Send a document to a process, read what it writes, and end it with all that it started.

    Its standard input stays open: the process ends when this one does, and the pipe with it.

    Parameters
    ----------
    command : sequence of str
    asked : mapping
        A line of JSON on its standard input.
    limit : float
        Seconds that it may take.
    hear : callable, optional
        Called with each line that it writes to standard error.
    stop : threading.Event, optional
        Set when nobody waits for it any more.
    **started
        As `subprocess.Popen` takes them.
    """
    pipe, told = subprocess.PIPE, subprocess.DEVNULL if hear is None else subprocess.PIPE
    process = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=told, start_new_session=True, **started
    )
    given, answer = process.stdin, process.stdout
    assert given is not None
    assert answer is not None
    read: list[bytes] = []
    reading = threading.Thread(target=lambda: read.append(answer.read(_MOST_BYTES)))
    hearing = threading.Thread(target=_hear, args=(process.stderr, hear))
    # a process that reads nothing would hold up whoever writes more than the pipe takes
    giving = threading.Thread(target=_give, args=(given, json.dumps(asked).encode() + b"\n"))
    end, waiting = monotonic() + limit, stop or threading.Event()
    for thread in (reading, hearing, giving):
        thread.start()
    try:
        while reading.is_alive() and monotonic() < end and not waiting.is_set():
            reading.join(_LOOK)
        over = reading.is_alive()
    finally:
        _end(process)
        for thread in (reading, hearing, giving):
            thread.join()
        for stream in filter(None, (answer, process.stderr)):
            stream.close()
        with suppress(BrokenPipeError):
            given.close()
    stopped = over and waiting.is_set()
    text = b"".join(read).decode(errors="replace")
    return Ended(text, process.returncode, over and not stopped, stopped)


def _give(stream: Any, text: bytes) -> None:
    with suppress(BrokenPipeError):
        stream.write(text)
        stream.flush()


def _hear(stream: Any, hear: Callable[[str], None] | None) -> None:
    for line in stream or ():
        # that nobody hears it ends no work
        with suppress(Exception):
            assert hear is not None
            hear(line.decode(errors="replace"))


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def _why(code: int | None) -> str:
    by = f"signal {-code}" if code is not None and code < 0 else f"code {code}"
    return f"Its process ended without a record ({by}): its memory or time was over, or it died."


def _record(told: Mapping[str, Any]) -> RunRecord:
    from dimgs.hub.kinds import checked
    from dimgs.hub.runs import run_record

    return run_record(checked("run", told))


def _failed(job: Mapping[str, Any], reason: str) -> RunRecord:
    inputs = {n: (q["value"], q.get("unit", "1")) for n, q in job["inputs"].items()}
    return RunRecord(
        kernel=str(job["kernel"]),
        tier=str(job.get("tier") or ""),
        inputs=inputs,
        outputs={},
        status=Status.FAILED,
        key="",
        reason=reason,
    )


def answer_job(run: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """Run the job of standard input, as long as whoever asked for it is there."""
    asked = json.loads(sys.stdin.readline())
    _limit(asked["seconds"], asked["megabytes"])
    results = os.dup(1)
    # whatever a kernel prints is no record
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    threading.Thread(target=_follow, daemon=True).start()
    document = run(asked["job"])
    with open(results, "w", encoding="utf-8") as file:
        json.dump(document, file)


def _main() -> None:
    from dimgs.hub.runs import run_content

    answer_job(lambda job: run_content(_run(job)))


def _run(job: Mapping[str, Any]) -> RunRecord:
    from dimgs.errors import DimgsError
    from dimgs.variables import registry

    units = registry()
    inputs = {
        name: q["value"]
        if isinstance(q["value"], str)
        else units.Quantity(q["value"], "" if q.get("unit", "1") == "1" else q["unit"])
        for name, q in job["inputs"].items()
    }
    try:
        return load(job["kernel"]).run(inputs, job.get("tier"), job.get("seed"))
    except MemoryError:
        return _failed(job, "Its memory was over.")
    except DimgsError as error:
        return _failed(job, one_sentence(error))


def _limit(seconds: float, megabytes: int) -> None:
    if sys.platform != "win32":
        import resource

        for what, most in (
            (resource.RLIMIT_CPU, int(seconds + _GRACE)),
            (resource.RLIMIT_AS, megabytes << 20),
        ):
            resource.setrlimit(what, (most, most))


def _follow() -> None:
    """End when the standard input does: then nobody waits for the record any more."""
    while sys.stdin.read(1 << 16):
        pass
    os._exit(1)


if __name__ == "__main__":
    _main()
