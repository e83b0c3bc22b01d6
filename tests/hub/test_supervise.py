"""What a step may use, what it may write to, and what is left of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dimgs.hub.sandbox import JobGroup, group_home
from dimgs.hub.supervise import Limits
from dimgs.kernels.record import Failure
from tests.hub.supervised import CASES
from tests.patience import lives, wait_until

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="it needs Linux")
ENDS: dict[str, tuple[Any, Failure | None, str]] = {
    "answers": ({"y": 1.0}, None, ""),
    "hangs": (None, Failure.TIME, "It took more than 0.5 s."),
    "spins": (None, Failure.TIME, "It took more than 0.5 s."),
    "multiplies": (None, Failure.PROCESSES, "It had more than 30 processes."),
    "grows": (None, Failure.MEMORY, "It used more than 900 MB of memory."),
    "reserves": (None, Failure.MEMORY, "MemoryError"),
    "writes": (None, Failure.DISK, "It had more than 10 MB in its files."),
    "dies": (None, Failure.DIED, "Its process ended with status 3: ERROR: lost atoms."),
    "raises": (None, Failure.KERNEL, "ValueError: the memory of this film took more than 5 s"),
    "forges": (None, Failure.RECORD, "Its output is not a valid answer."),
    "holds": (1, None, ""),
}


def supervised(folder: Path, *names: str) -> dict[str, list[Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.hub.supervised", *names],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    endings: dict[str, list[Any]] = json.loads(done.stdout)
    assert list(endings) == [n.__name__ for n in CASES if n.__name__ in names]
    return endings


def test_steps_end_within_their_limits_and_say_which_they_went_beyond(tmp_path: Path) -> None:
    endings = supervised(tmp_path, *ENDS, "leaves")
    pid = endings.pop("leaves")[0]
    wait_until(lambda: not lives(pid))
    assert {name: tuple(ending) for name, ending in endings.items()} == ENDS


def test_a_control_group_ends_what_is_in_it() -> None:
    if group_home() is None:
        pytest.skip("no control group can be made here")
    with JobGroup(group_home(), Limits(1.0, 900)) as group:
        command = group.entered(["setsid", "sh", "-c", "sleep 600 & echo $!; wait"])
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert lives(pid)
    process.wait()
    process.stdout.close()
    wait_until(lambda: not lives(pid))
    assert group.folder is not None
    assert not group.folder.exists()
