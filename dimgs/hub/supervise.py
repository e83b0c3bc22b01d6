"""The supervisor of a job: it runs the kernel's code in processes of its own, within limits.

Read as a program (``python -m dimgs.hub.supervise``), it reads a job from standard input, runs each
of its steps in a process that it forks, and writes what they answered to standard output. The code
of a kernel is executed in the forked processes alone. They hold one pipe for their answer, and not
the descriptor that the supervisor writes to.
"""

import json
import math
import os
import select
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from pkgutil import resolve_name
from time import monotonic, sleep
from typing import Any, NoReturn

import psutil

from dimgs.common.errors import DimgsError
from dimgs.kernels import process
from dimgs.kernels.record import Failure, one_sentence, with_kind
from dimgs.variables import registry

# an answer: a record is a few kB, one with curves may have MB; a campaign of 1,000 runs has 3 MB
MOST_BYTES = 64 << 20
# seconds between looks at what the processes use: limits hold within a second
LOOK = 0.1
# looking takes at most this part of the time, on machines with thousands of processes or files too
_LOOKING = 0.05
# seconds in which what is killed ends; what hangs in the system longer is left to it
_ENDING = 5.0
# threads of one process that a limit on the tasks of the user allows for: those of a large node
THREADS = 64
# where the processes of a step write what they print: apart from the kernel's files
_SAID = ".printed"


@dataclass(frozen=True)
class Answer:
    """Result of a step of a job.

    Attributes
    ----------
    document : object
        As it came out of JSON; None where there is none.
    failure : Failure or None
        Why there is none.
    reason : str
        The same in one sentence, with the last words of the process where it died.
    """

    document: Any = None
    failure: Failure | None = None
    reason: str = ""

    @classmethod
    def of_json(cls, content: Any) -> "Answer":
        """Answer of a process, as it came out of JSON; a failure where it is something else."""
        try:
            why = content.get("failure")
            document = None if why else content["document"]
            return cls(document, why and Failure(why), str(content.get("reason", "")))
        except (ValueError, KeyError, AttributeError):
            return cls(None, Failure.RECORD, "Its output is not a valid answer.")


@dataclass(frozen=True)
class Limits:
    """Limits on all processes of a job together.

    Attributes
    ----------
    seconds : float
        Of the clock; of the processor, each process.
    megabytes : int
        Of memory.
    processes : int
    disk_megabytes : int
        In the files that are there at one time.
    """

    seconds: float
    megabytes: int
    processes: int = 256
    disk_megabytes: int = 20_000

    def exceeded(self, why: Failure) -> Answer:
        """Failure of a job that has exceeded one of these limits."""
        clauses = {
            Failure.TIME: f"took more than {self.seconds:g} s",
            Failure.MEMORY: f"used more than {self.megabytes} MB of memory",
            Failure.PROCESSES: f"had more than {self.processes} processes",
            Failure.DISK: f"had more than {self.disk_megabytes} MB in its files",
            Failure.RECORD: f"returned more than {MOST_BYTES >> 20} MB",
        }
        return Answer(None, why, f"It {clauses[why]}.")


def _sum(of: Callable[[psutil.Process], int], processes: Iterable[psutil.Process]) -> int:
    """Sum of a number over processes; those that have ended meanwhile have none."""
    total = 0
    for each in processes:
        with suppress(psutil.Error):
            total += of(each)
    return total


def _resident(each: psutil.Process) -> int:
    return int(each.memory_info().rss)


def _proportional(each: psutil.Process) -> int:
    """Memory of a process in which what it shares counts in parts, where the system tells."""
    used = each.memory_full_info()
    return int(getattr(used, "pss", used.uss))


class Supervisor:
    """Runs functions in processes of their own, within limits, and ends all that they start.

    Parameters
    ----------
    limits : Limits
        Of all steps together.
    folders : list of Path
        Where files count; the first is the working folder.
    alone : bool
        Whether no other process can be seen from here than those that the steps start.
    """

    def __init__(self, limits: Limits, folders: list[Path], alone: bool) -> None:
        self.limits, self.folders, self.alone = limits, folders, alone
        self._end = monotonic() + limits.seconds
        self._next, self._here = 0.0, psutil.Process()
        # what leaves its session and its parent becomes a child of this process, and is found
        process.control_process(child_subreaper=1)
        # nobody but root opens this process' descriptors through /proc, or traces it
        process.control_process(dumpable=0)

    def run(self, step: Callable[[Any], Any], request: Any, attend: int | None = None) -> Answer:
        """Answer of a step.

        Parameters
        ----------
        step : callable
            Called in a process of its own; what it returns goes into JSON.
        request : object
            Its argument.
        attend : int, optional
            A descriptor that is at its end when nobody waits for the answer any more.
        """
        logs = self.folders[0] / _SAID
        logs.mkdir(exist_ok=True)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            self._work(step, request, write, logs)
        os.close(write)
        os.set_blocking(read, False)
        try:
            text, status, over = self._watched(child, read, attend)
        finally:
            self._end_all(child)
            os.close(read)
        return _answer(text, status, logs) if over is None else self.limits.exceeded(over)

    def _work(self, step: Callable[[Any], Any], request: Any, write: int, logs: Path) -> NoReturn:
        """Be the process of a step."""
        try:
            os.setsid()
            process.control_process(pdeathsig=signal.SIGKILL, dumpable=1)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            for number, path in ((1, logs / process.PRINTED), (2, logs / process.COMPLAINED)):
                os.dup2(os.open(path, flags, 0o600), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.closerange(3, write)
            os.closerange(write + 1, os.sysconf("SC_OPEN_MAX"))
            self._limit()
            text = _run_step(step, request).encode()
            while text:
                text = text[os.write(write, text) :]
            sys.stdout.flush()
            os._exit(0)
        finally:
            os._exit(1)

    def _limit(self) -> None:
        """Limits that the system itself holds each process to."""
        import resource

        remaining = max(self._end - monotonic(), 0.0)
        limits = {
            resource.RLIMIT_CPU: math.ceil(remaining) + 1,
            resource.RLIMIT_AS: self.limits.megabytes << 20,
            resource.RLIMIT_FSIZE: self.limits.disk_megabytes << 20,
            resource.RLIMIT_CORE: 0,
        }
        if sys.platform == "linux":
            # of all processes of the user, and not for root: against what starts others faster
            # than anybody can look
            there = _sum(psutil.Process.num_threads, psutil.process_iter())
            limits[resource.RLIMIT_NPROC] = there + THREADS * self.limits.processes
        for what, most in limits.items():
            with suppress(OSError, ValueError):
                resource.setrlimit(what, (most, most))

    def _watched(
        self, child: int, read: int, attend: int | None
    ) -> tuple[bytes, int | None, Failure | None]:
        """Output of a process, its status, and the exceeded limit."""
        text = bytearray()
        inputs = [read] if attend is None else [read, attend]
        while True:
            wait = max(0.0, min(LOOK, self._end - monotonic()))
            ready = select.select(inputs, [], [], wait)[0]
            if attend in ready and not os.read(attend, 1 << 16):
                self._end_all(child)
                os._exit(1)
            status = _reaped(child)
            with suppress(BlockingIOError):
                while chunk := os.read(read, 1 << 16):
                    text += chunk
                    if len(text) > MOST_BYTES:
                        return bytes(text), status, Failure.RECORD
                if read in inputs:
                    # closed at the other end
                    inputs.remove(read)
            if status is not None:
                return bytes(text), status, None
            over = self._exceeded_limit()
            if over is not None:
                return bytes(text), status, over

    def _exceeded_limit(self) -> Failure | None:
        """The limit that the processes went beyond, if any."""
        now = monotonic()
        if now >= self._end:
            return Failure.TIME
        if now < self._next:
            return None
        children, over = self._here.children(recursive=True), None
        most = self.limits.megabytes << 20
        if len(children) > self.limits.processes:
            over = Failure.PROCESSES
        elif _sum(_resident, children) > most and _sum(_proportional, children) > most:
            over = Failure.MEMORY
        elif sum(map(process.folder_size, self.folders)) > self.limits.disk_megabytes << 20:
            over = Failure.DISK
        self._next = now + max(LOOK / 2, (monotonic() - now) / _LOOKING)
        return over

    def _end_all(self, child: int) -> None:
        """End a process and everything that it started, in whatever group or session."""
        end = monotonic() + _ENDING
        while monotonic() < end:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(-1, signal.SIGKILL) if self.alone else os.killpg(child, signal.SIGKILL)
            process.end_descendants()
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            sleep(LOOK / 10)


def _run_step(step: Callable[[Any], Any], request: Any) -> str:
    """Answer of a step as JSON."""
    try:
        return json.dumps({"document": step(request)})
    except MemoryError as error:
        why, reason = Failure.MEMORY, with_kind(error)
    except DimgsError as error:
        why, reason = Failure.PROGRAM, one_sentence(error)
    except (Exception, SystemExit) as error:
        why, reason = Failure.KERNEL, with_kind(error)
    return json.dumps({"failure": why, "reason": reason})


def _reaped(child: int) -> int | None:
    """Status of a child that has ended; other children that have are let go."""
    status = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                status = os.waitstatus_to_exitcode(ended[1])
    return status


def _answer(text: bytes, status: int | None, logs: Path) -> Answer:
    """Answer of a process, or the way it ended."""
    if status == 0:
        with suppress(ValueError, RecursionError):
            return Answer.of_json(json.loads(text))
        return Answer.of_json(None)
    why = {-signal.SIGXCPU: Failure.TIME, -signal.SIGXFSZ: Failure.DISK}.get(status or 0)
    reason = f"Its process {process.ending(status or 0)}{process.last_words(logs)}."
    return Answer(None, why or Failure.DIED, reason)


def _answers(document: Mapping[str, Any]) -> Iterator[Answer]:
    steps = list(map(resolve_name, document["steps"]))
    if not hasattr(os, "fork"):
        # only the time that a worker gives the supervisor holds here
        yield from (Answer.of_json(json.loads(_run_step(step, document["job"]))) for step in steps)
        return
    # what every kernel needs is loaded once for all steps
    registry()
    folders = [Path.cwd(), *map(Path, document["folders"])]
    supervisor = Supervisor(Limits(**document["limits"]), folders, document["alone"])
    for step in steps:
        answer = supervisor.run(step, document["job"], attend=0)
        yield answer
        if answer.failure is not None:
            return


def main() -> None:
    """Run the steps of the job on standard input, while the worker is alive."""
    # unbuffered, so that the end of the input can be waited for
    with open(0, "rb", buffering=0, closefd=False) as stdin:
        document = json.loads(stdin.readline())
    results = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    answers = [asdict(answer) for answer in _answers(document)]
    with open(results, "w", encoding="utf-8") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    main()
