"""A job's run or campaign in processes of its own: limited, and for agents in bubblewrap."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep, time
from typing import Any, Self
from uuid import uuid4

from dimgs.common.errors import InputError
from dimgs.common.plugins import entry_points
from dimgs.hub.entry import Document, Json, checked, quantities, run_content, run_record
from dimgs.hub.supervise import LOOK, MOST_BYTES, THREADS, Answer, Limits
from dimgs.kernels.base import BaseKernel, holds_inputs
from dimgs.kernels.process import ending, marked, text_printed
from dimgs.kernels.record import Failure, RunRecord, RunRequest, one_sentence, printable
from dimgs.kernels.registry import GROUP, available, load

# seconds that a trial, and the end of the processes of a group, may take
_PATIENCE = 5.0
# seconds after which a group without a process is one of a worker that is gone: starting takes less
_STALE = 3600.0
# megabytes of the supervisor itself, which is in the group
_SUPERVISOR = 200
_MOUNTS, _GROUPS = Path("/proc/self/mountinfo"), Path("/proc/self/cgroup")
# enter a group, and go on as the command
_ENTER = 'echo $$ > "$0" && exec "$@"'
# for Python to start and to end, beside the time that the supervisor holds a job to: on a busy
# machine it takes ten seconds
_GRACE = 30.0
# seconds for what is still in the pipes of a process that has ended
_DRAIN = 2.0
# what programs and their libraries need to start
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives")
# what is called in the processes of a job, one after the other
_RUN = ("dimgs.hub.sandbox:declared", "dimgs.hub.sandbox:made")
_PLAN = ("dimgs.hub.sandbox:declared", "dimgs.campaign.campaign:campaign_of_job")


class JobGroup:
    """A control group of its own for a job, which ends with the block; none without a home.

    Parameters
    ----------
    home : Path or None
        As :func:`group_home` gives it.
    limits : Limits
        Of memory and tasks, where the group has these controllers.
    """

    def __init__(self, home: Path | None, limits: Limits) -> None:
        self.folder = None if home is None else home / f"dimgs-{uuid4().hex[:12]}"
        if self.folder is not None:
            self.folder.mkdir()
        self._write("memory.max", limits.megabytes + _SUPERVISOR << 20)
        self._write("memory.swap.max", 0)
        self._write("pids.max", THREADS * limits.processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write("cgroup.kill", 1)
        end = monotonic() + _PATIENCE
        while "populated 1" in self.lines("cgroup.events") and monotonic() < end:
            sleep(0.01)
        # an empty one that a worker left which was killed goes too
        for folder in [] if self.folder is None else self.folder.parent.glob("dimgs-*"):
            with suppress(OSError):
                if folder == self.folder or time() - folder.stat().st_mtime > _STALE:
                    folder.rmdir()

    def entered(self, command: list[str]) -> list[str]:
        """A command as it starts in the group."""
        if self.folder is None:
            return command
        return ["/bin/sh", "-c", _ENTER, str(self.folder / "cgroup.procs"), *command]

    def is_out_of_memory(self) -> bool:
        """Whether the system ended a process of the group for its memory."""
        events = self.lines("memory.events")
        return bool(events) and "oom_kill 0" not in events

    def lines(self, name: str) -> list[str]:
        """Lines of a file of the group; none where it is absent."""
        return [] if self.folder is None else _lines(self.folder / name)

    def _write(self, name: str, value: int) -> None:
        if self.folder is not None and (self.folder / name).exists():
            with suppress(OSError):
                (self.folder / name).write_text(str(value))


@cache
def group_home() -> Path | None:
    """Control group in which those of jobs are made; None where none can be.

    It is this process' own, or the one above where systemd gave that one to its service
    (``Delegate=yes`` with ``DelegateSubgroup=``): as it holds no process itself, it can limit the
    memory and tasks of the groups in it.
    """
    place = next((x.split()[4] for x in _lines(_MOUNTS) if " - cgroup2 " in x), "")
    path = next((x[3:] for x in _lines(_GROUPS) if x.startswith("0::")), "")
    group = Path(place, path.lstrip("/"))
    if place and _is_given(group.parent):
        with suppress(OSError):
            (group.parent / "cgroup.subtree_control").write_text("+memory +pids")
    homes = [group.parent] if place and _is_given(group.parent) else []
    return next(filter(_works, [*homes, group] if place else []), None)


def _is_given(folder: Path) -> bool:
    """Whether systemd says that a control group may be divided."""
    with suppress(OSError):
        return os.getxattr(folder, "user.delegate") == b"1"
    return False


def _works(home: Path) -> bool:
    """Whether a process can be started in a group that is made here, and be ended with it."""
    with suppress(OSError, subprocess.SubprocessError), JobGroup(home, Limits(1.0, 100)) as group:
        command = group.entered(["true"])
        process = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)
        return process.returncode == 0 and (Path(str(group.folder)) / "cgroup.kill").exists()
    return False


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


@cache
def bubblewrap() -> str | None:
    """Path of a bubblewrap that works here; None where there is none."""
    path = shutil.which("bwrap")
    if path is None:
        return None
    command = [path, "--unshare-all", "--ro-bind", "/", "/", "true"]
    return None if text_printed(command, _GRACE) is None else path


def in_package(kernel: str) -> bool:
    """Whether a kernel is one of those that come with dimgs."""
    return entry_points(GROUP).get(kernel, "").startswith("dimgs.kernels.")


def run_job(job: Document, limits: Limits, sandboxed: bool) -> RunRecord:
    """Record of a job, run in processes of its own.

    What the kernel declares is read in one process, and its run is made in another; the record
    counts where it is of the kernel, the tier, the inputs and the seed that were asked for, and has
    the outputs that were declared.

    Parameters
    ----------
    job : mapping
        Content of its entry: kernel, tier, inputs, seed.
    limits : Limits
        What all processes of the job may use together.
    sandboxed : bool
        Whether it runs in bubblewrap: without network, and seeing of the files only the system's
        programs, Python, the kernel's own file or package, and an empty folder.

    Returns
    -------
    RunRecord
        A failed one too where the process was ended; its `failure` says why.
    """
    answer = _answered(_RUN, job, limits, sandboxed)
    if answer.failure is None:
        return run_record(answer.document)
    kernel, tier, inputs = str(job["kernel"]), str(job.get("tier") or ""), job["inputs"]
    request = RunRequest("", kernel, tier, quantities(inputs))
    return request.failed(answer.reason, answer.failure)


def run_plan(job: Document, limits: Limits, sandboxed: bool) -> Json:
    """Result of the campaign of a job, run in separate processes.

    Parameters
    ----------
    job, limits, sandboxed
        As for :func:`run_job`; the job has a ``plan``.

    Returns
    -------
    dict
        "result", "plan" and "runs", or the "failure" and the "reason" why there are none.
    """
    answer = _answered(_PLAN, job, limits, sandboxed)
    if answer.failure is None:
        return dict(answer.document)
    return {"failure": answer.failure, "reason": answer.reason}


def _answered(steps: Sequence[str], job: Document, limits: Limits, sandboxed: bool) -> Answer:
    """Last answer to the steps of a job; a failure where a record in it is not of the job."""
    answers = _supervised(steps, job, limits, sandboxed)
    if (last := answers[-1]).failure is not None:
        return last
    try:
        declared = Declared(**answers[0].document)
        alone = job.get("plan") is None
        contents = [last.document] if alone else last.document.get("runs", ())
        records = (run_record(checked("run", content)) for content in contents)
        why = next(filter(None, (declared.problem(record, job) for record in records)), "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = one_sentence(error)
    return Answer(None, Failure.RECORD, f"Its record cannot be used: {why}") if why else last


@dataclass(frozen=True)
class Declared:
    """Declaration of a kernel, read in a separate process, and the requested run.

    Attributes
    ----------
    kernel : str
        Its name.
    tiers : list of str
    inputs, outputs : dict of str to str
        Units, by name.
    tier, seed, key
        Of the run; None where a campaign or the run itself decides.
    """

    kernel: str
    tiers: list[str]
    inputs: dict[str, str]
    outputs: dict[str, str]
    tier: str | None = None
    seed: int | None = None
    key: str | None = None

    def problem(self, record: RunRecord, job: Document) -> str:
        """Difference between a record and its job; empty if there is none."""
        inputs = quantities(job["inputs"]) if job.get("plan") is None else {}
        units, outputs = {n: u for n, (_, u) in record.outputs.items()}, record.outputs.values()
        tiers = self.tiers if self.tier is None else [self.tier]
        right = {
            "kernel": record.kernel == self.kernel,
            "tier": record.tier in tiers or not record.ok,
            "key": self.key in (None, record.key),
            "seed": self.key is None or record.seed == self.seed,
            "inputs": set(record.inputs) <= set(self.inputs)
            and (not record.ok or holds_inputs(record.inputs, inputs)),
            "outputs": units.items() <= self.outputs.items()
            and all(isinstance(v, int | float) and math.isfinite(v) for v, _ in outputs),
        }
        wrong = [what for what in right if not right[what]]
        if not wrong:
            return ""
        value = printable(f"{getattr(record, wrong[0])}")
        return f"its {wrong[0]} ({value}) cannot belong to this job of '{self.kernel}'."


def _supervised(
    steps: Sequence[str], job: Document, limits: Limits, sandboxed: bool
) -> list[Answer]:
    """Answers of the steps of a job, up to the first that failed."""
    kernel, home = _home(str(job["kernel"]))
    with (
        TemporaryDirectory(prefix="dimgs-job-", ignore_cleanup_errors=True) as folder,
        JobGroup(group_home(), limits) as group,
        marked() as variables,
    ):
        command = [sys.executable, "-P", "-m", "dimgs.hub.supervise"]
        command = group.entered([*_inside(folder, home), *command] if sandboxed else command)
        path = [Path(__file__).parents[2]]
        # what a file's folder holds besides is not a package that was named
        path += [] if home is None or kernel.startswith(str(home)) else [home.parent]
        here = "/workspace" if sandboxed else folder
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "HOME": here,
            "TMPDIR": here,
            "OPENBLAS_NUM_THREADS": "1",
            **variables,
        }
        request = {**job, "kernel": kernel}
        if request.get("plan") is not None:
            request["plan"] = {**request["plan"], "kernel": kernel}
        document = {"job": request, "steps": steps, "limits": asdict(limits), "alone": sandboxed}
        document["folders"] = ["/tmp", "/dev/shm"] if sandboxed else []
        ended = exchanged(command, document, limits.seconds + _GRACE, env=environment, cwd=folder)
        starved = group.is_out_of_memory()
    answers = _read(ended, limits)
    if starved and answers[-1].failure is Failure.DIED:
        answers[-1] = limits.exceeded(Failure.MEMORY)
    return answers


def _read(ended: "Ended", limits: Limits) -> list[Answer]:
    """Answers that a supervisor wrote; that it wrote none is one too."""
    if ended.late:
        return [limits.exceeded(Failure.TIME)]
    try:
        # one that was ended did not write what is there
        answers = json.loads(ended.text if ended.code == 0 else "")
        return [Answer.of_json(each) for each in answers]
    except (ValueError, TypeError, RecursionError):
        reason = f"Its supervisor {ending(ended.code or 0)}{ended.last_words}."
        return [Answer(None, Failure.DIED, reason)]


def limits_held() -> dict[str, str]:
    """Mechanism that enforces each limit of a job on this machine."""
    home = group_home()
    controllers = "" if home is None else (home / "cgroup.subtree_control").read_text()
    watched = "the supervisor" if Path("/proc/self").exists() else "nothing"
    enforcers = {"time": "the supervisor", "disk": watched}
    for what, controller in (("memory", "memory"), ("processes", "pids")):
        grouped = home is not None and controller in controllers.split()
        enforcers[what] = f"a control group and {watched}" if grouped else watched
    ends = ["a control group"] if home is not None else []
    ends += ["bubblewrap (jobs of agents)"] if bubblewrap() is not None else []
    ends += ["the supervisor as subreaper"] if sys.platform == "linux" else ["process groups"]
    return {**enforcers, "end of what a job leaves": ", ".join(ends)}


def _home(kernel: str) -> tuple[str, Path | None]:
    """Name of a kernel that holds in every folder, and the file or package that has it."""
    if not in_package(kernel):
        # what is installed for this process may not be so for another
        kernel = entry_points(GROUP).get(kernel, kernel)
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
    system = [p for p in _SYSTEM if os.path.exists(p)]
    python = {sys.prefix, sys.base_prefix, str(Path(__file__).parents[1])}
    python |= {p for p in sys.path if p.endswith("-packages")}
    python |= set() if home is None else {str(home)}
    binds = [x for p in [*system, *sorted(python)] for x in ("--ro-bind", p, p)]
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
    complaint : str
        The last line of standard error.
    """

    text: str
    code: int | None
    late: bool
    stopped: bool
    complaint: str = ""

    @property
    def last_words(self) -> str:
        """Last output of the process, after a colon; empty without output."""
        return f": {printable(self.complaint).rstrip('.')}" if self.complaint else ""


def exchanged(
    command: Sequence[str],
    document: Document,
    limit: float,
    *,
    hear: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
    **started: Any,
) -> Ended:
    """Send a document to a process, read what it writes, and end it with its process group.

    Its standard input stays open: the process ends when this one does, and the pipe with it.

    Parameters
    ----------
    command : sequence of str
    document : mapping
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
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, **started
    )
    stdin, answer, complaints = process.stdin, process.stdout, process.stderr
    assert stdin is not None
    assert answer is not None
    read, heard = list[bytes](), deque[str](maxlen=1)
    # a process that reads nothing would hold up whoever writes more than the pipe takes
    sent = json.dumps(document).encode() + b"\n"
    work: Any = ((_collect, answer, read), (_hear, complaints, heard, hear), (_give, stdin, sent))
    threads = [threading.Thread(target=act, args=given, daemon=True) for act, *given in work]
    end, waiting = monotonic() + limit, stop or threading.Event()
    for thread in threads:
        thread.start()
    try:
        while process.poll() is None and monotonic() < end and not waiting.is_set():
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK)
        over = process.poll() is None
    finally:
        _end(process)
        for thread in threads:
            # what left the group may hold the other end of a pipe: nobody waits for it
            thread.join(_DRAIN)
        with suppress(OSError):
            stdin.close()
    stopped = over and waiting.is_set()
    text = b"".join(read).decode(errors="replace")
    return Ended(text, process.returncode, over and not stopped, stopped, "".join(heard))


def _collect(stream: Any, read: list[bytes]) -> None:
    with stream:
        while sum(map(len, read)) < 2 * MOST_BYTES and (chunk := stream.read1(1 << 20)):
            read.append(chunk)


def _give(stream: Any, text: bytes) -> None:
    with suppress(OSError, ValueError):
        stream.write(text)
        stream.flush()


def _hear(stream: Any, heard: "deque[str]", hear: Callable[[str], None] | None) -> None:
    with stream:
        for line in stream:
            text = line.decode(errors="replace")
            heard.append(text.strip())
            # that nobody hears it ends no work
            with suppress(Exception):
                if hear is not None:
                    hear(text)


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def declared(job: Document) -> Json:
    """Declaration of the kernel of a job, and the requested run; see :class:`Declared`."""
    kernel = load(job["kernel"])
    check_name(kernel.name, job["kernel"])
    declaration: Json = {
        "kernel": kernel.name,
        "tiers": [t.name for t in kernel.tiers],
        "inputs": {p.name: p.unit for p in kernel.inputs},
        "outputs": {p.name: p.unit for p in kernel.outputs},
    }
    if job.get("plan") is not None or not isinstance(kernel, BaseKernel):
        return declaration
    # where it refuses the inputs, so will the run, and its record says why
    with suppress(InputError):
        request = kernel.request(job["inputs"], job.get("tier"), job.get("seed"))
        declaration |= {"tier": request.tier, "seed": request.seed, "key": request.key}
    return declaration


def check_name(name: str, reference: str) -> None:
    """Check that a kernel does not go by the name of an installed one that it is not.

    Raises
    ------
    InputError
    """
    if name in available() and reference not in (*available(), entry_points(GROUP).get(name)):
        raise InputError(
            f"The kernel '{reference}' has the name '{name}' of an installed one; give it another."
        )


def made(job: Document) -> Json:
    """Record of the run of a job, as the content of an entry."""
    kernel = load(job["kernel"])
    return run_content(kernel.run(job["inputs"], job.get("tier"), job.get("seed")))
