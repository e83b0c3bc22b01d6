"""Steps that keep to their limits and steps that do not, supervised one after the other."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dimgs.hub.supervise import Limits, Supervisor

# megabytes that Python and its libraries reserve stay below it
ROOM = Limits(30.0, 900, 30, 10)


def answers(given: Any) -> Any:
    return {"y": given}


def hangs(_: Any) -> None:
    time.sleep(600)


def spins(_: Any) -> None:
    while True:
        pass


def multiplies(_: Any) -> None:
    for _k in range(40):
        if os.fork() == 0:
            time.sleep(600)
    time.sleep(600)


def grows(_: Any) -> None:
    for _k in range(7):
        if os.fork() == 0:
            held = bytearray(150 << 20)
            held[::4096] = b"x" * len(held[::4096])
            time.sleep(600)
    time.sleep(600)


def reserves(_: Any) -> int:
    return len(bytearray(2 << 30))


def writes(_: Any) -> None:
    for k in range(6):
        Path(f"file{k}").write_bytes(b"x" * (3 << 20))
    time.sleep(600)


def dies(_: Any) -> None:
    print("ERROR: lost atoms", file=sys.stderr, flush=True)
    os._exit(3)


def raises(_: Any) -> None:
    raise ValueError("the memory of this film took more than 5 s")


def leaves(_: Any) -> int:
    """A process that keeps every descriptor, in a session and an environment of its own."""
    command = ["setsid", "sleep", "600"]
    kept = subprocess.Popen(command, env={}, close_fds=False, start_new_session=True)
    return kept.pid


def forges(_: Any) -> None:
    """Write an answer to every descriptor there is, its own and those of its parent."""
    text = json.dumps({"document": {"y": 666.0}}).encode()
    for number in range(3, 64):
        for place in (f"/proc/self/fd/{number}", f"/proc/{os.getppid()}/fd/{number}"):
            try:
                with open(place, "wb", buffering=0) as file:
                    file.write(text)
            except OSError:
                continue


def holds(_: Any) -> int:
    """Number of descriptors beside the standard ones and that of the listing itself."""
    return len([n for n in os.listdir("/proc/self/fd") if int(n) > 2]) - 1


CASES = {
    answers: ROOM,
    hangs: Limits(0.5, 900),
    spins: Limits(0.5, 900),
    multiplies: ROOM,
    grows: ROOM,
    reserves: ROOM,
    writes: ROOM,
    dies: ROOM,
    raises: ROOM,
    leaves: ROOM,
    forges: ROOM,
    holds: ROOM,
}


def main() -> None:
    """Supervise the steps that are named, and tell how each ended."""
    endings = {}
    for step, limits in CASES.items():
        if step.__name__ in sys.argv[1:]:
            answer = Supervisor(limits, [Path.cwd()], alone=False).run(step, 1.0)
            endings[step.__name__] = [answer.document, answer.failure, answer.reason]
            for file in Path.cwd().glob("file*"):
                file.unlink()
    print(json.dumps(endings))


if __name__ == "__main__":
    main()
