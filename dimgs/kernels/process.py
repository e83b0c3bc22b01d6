"""One program in a folder of its own, ended with everything that it started when its time is up."""

import ctypes
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias
from uuid import uuid4

from dimgs.common.errors import ProgramMissingError, RunFailedError
from dimgs.kernels.record import Failure

PRINTED = "stdout.txt"
COMPLAINED = "stderr.txt"
GIVEN = "stdin.txt"
STREAM_FILES = (GIVEN, PRINTED, COMPLAINED)
# 200 MB: a log of a long run is a few; all of it is read into memory
MOST_PRINTED = 200e6
# 20 GB: fields of a fine mesh fit, and a common disk is not filled by two runs at once
MOST_WRITTEN = 20e9
# what is kept of a flood, for reading
_KEPT = 1_000_000
# seconds between SIGTERM and SIGKILL: enough to remove a scratch folder
_GRACE = 1.0
# seconds between two looks at what was printed: a fast disk takes 0.2 GB in it
_POLL = 0.1
# the folder is looked through at most this part of the time
_WALKING = 0.05
# of the machine, not of the program: another try may do
_SCARCE = (errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE)
# characters of the program's own line in a message: two lines of a terminal
_LONGEST_LINE = 200
# the end of a long output, in bytes, in which its last error is looked for
_TAIL = 65_536
# what calls itself an error says more than what ends because of it ("simulation aborted")
_CALLED = re.compile(r"\b(error|exception|fatal)\b", re.IGNORECASE)
_ERROR = re.compile(
    r"error|exception|fatal|abort|panic|fail|cannot|can't|could not|unable|invalid|denied"
    r"|not found|no such|segmentation|overflow|killed|out of memory",
    re.IGNORECASE,
)
_MARK = "DIMGS_RUN"
Process: TypeAlias = subprocess.Popen[bytes]


def run_program(
    argv: Sequence[str],
    folder: Path,
    *,
    timeout: float,
    environment: Mapping[str, str],
    stdin: str | None = None,
    most_printed: float = MOST_PRINTED,
    most_written: float = MOST_WRITTEN,
) -> None:
    """Run a program without a shell; its output is written to files in the folder.

    However it ends, its process group ends with it, and on Linux so does what left the group.

    Parameters
    ----------
    argv : sequence of str
    folder : Path
        Its working folder.
    stdin : str or None
    timeout : float
        Longest time, in seconds.
    environment : mapping of str to str
        Variables beside those of this process.
    most_printed, most_written : float
        Most bytes on standard output and standard error together, and in the whole folder.

    Raises
    ------
    ProgramMissingError
        If there is no such program, or it cannot be started.
    RunFailedError
        If it takes longer than `timeout` seconds, writes more than it may, or ends with a status
        other than 0.
    """
    program = _executable(argv[0])
    source = folder / GIVEN
    source.write_text(stdin or "", encoding="utf-8")
    with (
        source.open("rb") as input_file,
        (folder / PRINTED).open("wb") as printed,
        (folder / COMPLAINED).open("wb") as complained,
        marked() as variables,
    ):
        try:
            process = subprocess.Popen(
                [program, *argv[1:]],
                cwd=folder,
                stdin=input_file,
                stdout=printed,
                stderr=complained,
                env={**os.environ, **environment, **variables},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in _SCARCE:
                raise RunFailedError(f"The program could not be started ({error}).") from error
            why = f"cannot be started ({error}); check its first line and its arguments"
            raise ProgramMissingError(f"The program '{argv[0]}' {why}.") from error
        try:
            status = _watched(process, folder, timeout, most_printed, most_written)
        finally:
            _end_group(process)
    if status:
        raise RunFailedError(f"The program {ending(status)}{last_words(folder)}.")


def text_printed(command: Sequence[str], timeout: float, **started: Any) -> str | None:
    """What a short command writes to standard output; None where it cannot run or fails.

    Parameters
    ----------
    command : sequence of str
    timeout : float
        Seconds.
    **started
        As `subprocess.run` takes them.
    """
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True}
    texts: dict[str, Any] = {"text": True, "errors": "replace"}
    try:
        ended = subprocess.run(command, check=True, timeout=timeout, **pipes, **texts, **started)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return str(ended.stdout)


def _executable(name: str) -> str:
    program = shutil.which(name)
    if program is not None:
        return program
    if Path(name).is_file():
        remedy = "make it executable (chmod +x), or name the program that reads it first"
        raise ProgramMissingError(f"The program '{name}' may not be executed; {remedy}.")
    remedy = "install it or give its full path"
    raise ProgramMissingError(f"There is no program '{name}' here; {remedy}.")


def _watched(
    process: Process, folder: Path, timeout: float, most_printed: float, most_written: float
) -> int:
    """Status of a program; an error where it takes too long or writes too much."""
    start = monotonic()
    end, next_walk = start + timeout, start
    while True:
        status: int | None = None
        with suppress(subprocess.TimeoutExpired):
            status = process.wait(max(0.0, min(_POLL, end - monotonic())))
        now = monotonic()
        if _size(folder / PRINTED) + _size(folder / COMPLAINED) > most_printed:
            _flooded(process, folder, "printed", most_printed, "most_printed")
        if now >= next_walk or status is not None:
            if folder_size(folder) > most_written:
                _flooded(process, folder, "wrote", most_written, "most_written")
            next_walk = now + (monotonic() - now) / _WALKING
        if status is not None:
            return status
        if now >= end:
            last = last_words(folder, errors_only=True)
            fault = f"The program had not ended after {timeout:g} s and was stopped{last}."
            raise RunFailedError(fault, {"failure": Failure.TIME})


def _flooded(process: Process, folder: Path, did: str, most: float, option: str) -> None:
    """End a program that writes too much, and leave only the start of what it wrote."""
    _end_group(process)
    last = last_words(folder, errors_only=True)
    for path in list(_below(folder)):
        if _size(path) > _KEPT:
            with suppress(OSError):
                os.truncate(path, _KEPT)
    where = " into its folder" if did == "wrote" else ""
    fault = f"The program {did} more than {most:.3g} bytes{where} and was stopped{last}"
    remedy = f"make it write less, or raise {option}"
    raise RunFailedError(f"{fault}; {remedy}.", {"failure": Failure.DISK})


def folder_size(folder: Path) -> int:
    """Bytes on the disk of the files in a folder, and in those below it."""
    return sum(map(_size, _below(folder)))


def _below(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)


def _size(path: Path) -> int:
    """Bytes of a file on the disk; what a sparse file leaves out does not count."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    return min(status.st_size, 512 * getattr(status, "st_blocks", status.st_size))


def ending(status: int) -> str:
    """Exit status of a program in words, or the name of its signal.

    Examples
    --------
    >>> ending(3)
    'ended with status 3'
    """
    if status < 0:
        return f"was ended by signal {-status}{_named(-status)}"
    # what shells and MPI launchers make of the signal that ended a program of theirs
    inner = _named(status - 128) if status > 128 else ""
    return f"ended with status {status}" + (f" (signal {status - 128}{inner})" if inner else "")


def _named(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ""
    return f" ({name}: {signal.strsignal(number)})"


def _end_group(process: Process) -> None:
    """End what is left of the program's group: first kindly, then not."""
    if sys.platform == "win32":
        process.kill()
        process.wait()
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
            os.killpg(process.pid, number)
            process.wait(_GRACE)
    process.wait()


@contextmanager
def marked() -> Iterator[dict[str, str]]:
    """Environment variable that marks child processes, so that they can be ended."""
    variables = mark()
    try:
        yield variables
    finally:
        end_marked(variables[_MARK])


def mark() -> dict[str, str]:
    """An environment variable that only what is started with it has; marks are nested."""
    return {_MARK: f"{current_mark()}/{uuid4().hex}"}


def current_mark() -> str:
    """The mark of this process; empty where it has none."""
    return os.environ.get(_MARK, "")


def end_marked(value: str) -> None:
    """End the processes that inherited a mark, in any group or session."""
    import psutil

    # what is started while others are being ended is found in the next round
    for _ in range(5 if value else 0):
        ended = 0
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                marked = process.environ().get(_MARK, "").startswith(value)
                if marked and process.pid != os.getpid():
                    process.kill()
                    ended += 1
        if not ended:
            return


def end_descendants() -> None:
    """End what this process started, and what these processes started."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            process.kill()


def control_process(**attributes: int) -> None:
    """Set attributes of this process, where the system is Linux (``man 2 prctl``).

    Parameters
    ----------
    **attributes : int
        ``pdeathsig``, the signal that it gets when its parent ends; ``dumpable``, whether others of
        its user may trace it and open its descriptors; ``child_subreaper``, whether it becomes the
        parent of what is orphaned below it.
    """
    options = {"pdeathsig": 1, "dumpable": 4, "child_subreaper": 36}
    for name, value in attributes.items() if sys.platform == "linux" else ():
        ctypes.CDLL(None).prctl(options[name], value, 0, 0, 0)


def last_words(folder: Path, errors_only: bool = False) -> str:
    """The last error that a program printed, else its last line; after a colon.

    Parameters
    ----------
    folder : Path
        Where the program ran.
    errors_only : bool
        Whether only a line that reports an error counts.
    """
    printed, complained = (_lines(folder / name) for name in (PRINTED, COMPLAINED))
    errors = [
        [line for line in lines if kind.search(line)]
        for kind in (_CALLED, _ERROR)
        for lines in (complained, printed)
    ]
    traceback = any(line.startswith("Traceback (most recent call last)") for line in complained)
    choices = [complained if traceback else [], *errors]
    if not errors_only:
        choices += [complained, printed]
    line = next((lines[-1] for lines in choices if lines), "")
    return f": {line[:_LONGEST_LINE]}" if line else ""


def _lines(path: Path) -> list[str]:
    """Lines at the end of a file that are not empty."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]
