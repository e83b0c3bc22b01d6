"""One program in a folder of its own, ended with all that it started when its time is over."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dimgs.errors import RunFailedError, RunRefusedError

PRINTED = "stdout.txt"
COMPLAINED = "stderr.txt"
GIVEN = "stdin.txt"
OWN_FILES = (GIVEN, PRINTED, COMPLAINED)
_GRACE = 1.0
# of the machine, not of the program: another try may do
_SCARCE = (errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE)
_LONGEST_LINE = 200


def run_program(
    argv: Sequence[str],
    folder: Path,
    *,
    stdin: str | None,
    timeout: float,
    environment: Mapping[str, str],
) -> None:
    """Run a program without a shell; what it prints goes to files in the folder.

    Raises
    ------
    RunRefusedError
        If there is no such program, or it cannot be started.
    RunFailedError
        If it takes longer than `timeout` seconds or ends with a status other than 0.
    """
    program = shutil.which(argv[0])
    if program is None:
        if Path(argv[0]).is_file():
            raise RunRefusedError(
                f"The program '{argv[0]}' may not be executed; make it executable (chmod +x), or "
                f"name the program that reads it first."
            )
        raise RunRefusedError(
            f"There is no program '{argv[0]}' here; install it or give its full path."
        )
    source = folder / GIVEN
    source.write_text(stdin or "", encoding="utf-8")
    with (
        source.open("rb") as given,
        (folder / PRINTED).open("wb") as printed,
        (folder / COMPLAINED).open("wb") as complained,
    ):
        try:
            process = subprocess.Popen(
                [program, *argv[1:]],
                cwd=folder,
                stdin=given,
                stdout=printed,
                stderr=complained,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in _SCARCE:
                raise RunFailedError(f"The program could not be started ({error}).") from error
            raise RunRefusedError(
                f"The program '{argv[0]}' cannot be started ({error}); check its first line and "
                f"its arguments."
            ) from error
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise RunFailedError(
                f"The program had not ended after {timeout:g} s and was stopped."
            ) from error
        finally:
            _end_group(process)
    if status:
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        raise RunFailedError(f"The program {how}{_last_words(folder)}.")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the program's group: first kindly, then not."""
    if sys.platform == "win32":
        process.kill()
        process.wait()
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _last_words(folder: Path) -> str:
    for name in (COMPLAINED, PRINTED):
        text = (folder / name).read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if lines:
            return f": {lines[-1][:_LONGEST_LINE]}"
    return ""
