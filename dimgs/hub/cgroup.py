"""A control group of Linux (version 2) for the processes of a job, where one can be made."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

from dimgs.hub.supervise import Limits

# seconds that a trial, and the end of the processes of a group, may take
_PATIENCE = 5.0
# threads of a process that the limit on tasks allows for: those of a large node
_THREADS = 64
# megabytes of the supervisor itself, which is in the group
_SUPERVISOR = 200
# enter a group, and go on as the command
_ENTER = 'echo $$ > "$0" && exec "$@"'


class JobGroup:
    """A control group of its own for one job; without a folder, none.

    Parameters
    ----------
    folder : Path or None
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def entered(self, command: list[str]) -> list[str]:
        """A command as it starts in the group."""
        if self.folder is None:
            return command
        return ["/bin/sh", "-c", _ENTER, str(self.folder / "cgroup.procs"), *command]

    def limit(self, limits: Limits) -> None:
        """Limit memory and tasks, where the group has these controllers."""
        wanted = {
            "memory.max": limits.megabytes + _SUPERVISOR << 20,
            "memory.swap.max": 0,
            "pids.max": _THREADS * limits.processes,
        }
        for name, value in wanted.items():
            if self.has(name):
                _write(self.folder, name, str(value))

    def has(self, name: str) -> bool:
        """Whether a file of the group is there."""
        return self.folder is not None and (self.folder / name).exists()

    def is_out_of_memory(self) -> bool:
        """Whether the system ended a process of the group for its memory."""
        return self.has("memory.events") and not _says(self.folder, "memory.events", "oom_kill 0")

    def end(self) -> None:
        """End every process of the group, and remove it."""
        if self.folder is None:
            return
        _write(self.folder, "cgroup.kill", "1")
        end = monotonic() + _PATIENCE
        while monotonic() < end and not _says(self.folder, "cgroup.events", "populated 0"):
            sleep(0.01)
        with suppress(OSError):
            self.folder.rmdir()


@contextmanager
def job_group(limits: Limits) -> Iterator[JobGroup]:
    """A control group for a job, ended and removed afterwards; none where it cannot be made."""
    home = group_home()
    group = JobGroup(None if home is None else _made(home))
    try:
        group.limit(limits)
        yield group
    finally:
        group.end()


@cache
def group_home() -> Path | None:
    """Control group in which those of jobs are made: this process' own, or the one above it.

    The one above is taken where it holds no process itself, as for a service of systemd with
    ``Delegate=yes`` and ``DelegateSubgroup=``: only such a group can limit memory and tasks.
    """
    own = _own()
    for home in () if own is None else (own.parent, own):
        if home == own or (_says(home, "cgroup.procs", "") and (home / "cgroup.kill").exists()):
            _write(home, "cgroup.subtree_control", "+memory +pids") if home != own else None
            if _works(home):
                return home
    return None


def _works(home: Path) -> bool:
    """Whether a process can be started in a group that is made here."""
    try:
        group = JobGroup(_made(home))
    except OSError:
        return False
    try:
        command = group.entered(["true"])
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)
        return done.returncode == 0 and group.has("cgroup.kill")
    except (OSError, subprocess.SubprocessError):
        return False
    finally:
        group.end()


def _own() -> Path | None:
    """Folder of the control group of this process."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        groups = Path("/proc/self/cgroup").read_text().splitlines()
        place = next(line.split()[4] for line in mounts if " - cgroup2 " in line)
        path = next(line[3:] for line in groups if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    folder = Path(place, path.lstrip("/"))
    return folder if os.access(folder, os.W_OK) or os.access(folder.parent, os.W_OK) else None


def _made(home: Path) -> Path:
    folder = home / f"dimgs-{uuid4().hex[:12]}"
    folder.mkdir()
    return folder


def _write(folder: Path | None, name: str, text: str) -> None:
    with suppress(OSError):
        Path(folder or "", name).write_text(text)


def _says(folder: Path | None, name: str, line: str) -> bool:
    """Whether a file of a group has a line, or nothing at all for an empty one."""
    try:
        lines = Path(folder or "", name).read_text().splitlines()
    except OSError:
        return False
    return line in lines if line else not lines
