"""One program in a folder of its own, ended with all that it started when its time is over."""

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
_GRACE = 1.0
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
        If there is no such program.
    RunFailedError
        If it takes longer than `timeout` seconds or ends with a status other than 0.
    """
    program = shutil.which(argv[0])
    if program is None:
        raise RunRefusedError(
            f"There is no program '{argv[0]}' here; install it or give its full path."
        )
    source = folder / "stdin.txt"
    source.write_text(stdin or "", encoding="utf-8")
    with (
        source.open("rb") as given,
        (folder / PRINTED).open("wb") as printed,
        (folder / COMPLAINED).open("wb") as complained,
    ):
        process = subprocess.Popen(
            [program, *argv[1:]],
            cwd=folder,
            stdin=given,
            stdout=printed,
            stderr=complained,
            env={**os.environ, **environment},
            start_new_session=True,
        )
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
