"""A control group of Linux (version 2) for the processes of a job, where one can be made."""

import os
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import monotonic, sleep, time
from typing import Self
from uuid import uuid4

from dimgs.hub.supervise import Limits

# seconds that a trial, and the end of the processes of a group, may take
_PATIENCE = 5.0
# threads of a process that the limit on tasks allows for: those of a large node
_THREADS = 64
# seconds after which a group without a process is one of a worker that is gone: starting takes less
_STALE = 3600.0
# megabytes of the supervisor itself, which is in the group
_SUPERVISOR = 200
_MOUNTS, _GROUPS = Path("/proc/self/mountinfo"), Path("/proc/self/cgroup")
# enter a group, and go on as the command
_ENTER = 'echo $$ > "$0" && exec "$@"'


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
        self._write("pids.max", _THREADS * limits.processes)

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
        told = self.lines("memory.events")
        return bool(told) and "oom_kill 0" not in told

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
    own = Path(place, path.lstrip("/"))
    if place and _is_given(own.parent):
        with suppress(OSError):
            (own.parent / "cgroup.subtree_control").write_text("+memory +pids")
    homes = [own.parent] if place and _is_given(own.parent) else []
    return next(filter(_works, [*homes, own] if place else []), None)


def _is_given(folder: Path) -> bool:
    """Whether systemd says that a control group may be divided."""
    with suppress(OSError):
        return os.getxattr(folder, "user.delegate") == b"1"
    return False


def _works(home: Path) -> bool:
    """Whether a process can be started in a group that is made here, and be ended with it."""
    with suppress(OSError, subprocess.SubprocessError), JobGroup(home, Limits(1.0, 100)) as group:
        command = group.entered(["true"])
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)
        return done.returncode == 0 and (Path(str(group.folder)) / "cgroup.kill").exists()
    return False


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
