"""Looks for input that breaks dimgs: `python -m tests.fuzz --minutes 5`.

Exits 1 where it finds any, with the example and the command that finds it again.
"""

import argparse
import faulthandler
import sys
import time
import traceback
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.database import InMemoryExampleDatabase

from tests.fuzz import exports, files, tables
from tests.fuzz.guard import Hang, prepare, watch

TARGETS: dict[str, Any] = {**tables.TARGETS, **files.TARGETS, **exports.TARGETS}
# of which each round makes so many, so that slow ones get their turn
EXAMPLES = {"numbers": 4, "folders": 1, "exports": 3, "checkpoint": 10, "bytes": 20, "text": 15}


def attempt(name: str, number: int, most: int) -> BaseException | None:
    """One round of a target: what went wrong, with the smallest example that does in `watch`."""
    strategy, check = TARGETS[name]
    decorate: Any = given(strategy)
    test: Any = settings(
        max_examples=most,
        deadline=None,
        database=InMemoryExampleDatabase(),
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        print_blob=False,
    )(decorate(check))
    try:
        seeded: Any = seed(number)
        seeded(test)()
    except (Exception, Hang) as error:
        return error
    return None


def where(error: BaseException) -> str:
    """The last place in dimgs that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    inner = [f for f in frames if "/dimgs/" in f.filename.replace("\\", "/")] or list(frames)
    return f"{inner[-1].filename.rpartition('/dimgs/')[2]}:{inner[-1].name}"


def main() -> int:
    """Try every kind of input in turn until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None, help="of the first round")
    parser.add_argument("--only", choices=sorted(TARGETS), default=None)
    asked = parser.parse_args()
    faulthandler.enable()
    prepare()
    end = time.monotonic() + 60.0 * asked.minutes
    number = time.time_ns() % 10**9 if asked.seed is None else asked.seed
    findings: dict[tuple[str, str, str], None] = {}
    counts = dict.fromkeys(TARGETS if asked.only is None else [asked.only], 0)
    while time.monotonic() < end:
        name = min(counts, key=lambda n: counts[n] / EXAMPLES.get(n, 40))
        most = EXAMPLES.get(name, 40)
        error = attempt(name, number, most)
        counts[name] += most
        if error is not None:
            key = (name, type(error).__name__, where(error))
            if key not in findings:
                findings[key] = None
                tell(name, number, error)
        number += 1
    done = ", ".join(f"{name} {n}" for name, n in counts.items())
    print(f"examples: {done}\n{len(findings)} findings", flush=True)
    return 1 if findings else 0


def tell(name: str, number: int, error: BaseException) -> None:
    """Print a finding and how to meet it again."""
    print(f"== {name}: {type(error).__name__} in {where(error)}: {error!s:.600}")
    print(f"example: {watch.shown!r:.3000}")
    frames = traceback.format_tb(error.__traceback__)
    print("".join(frames)[-1500:])
    print(f"again: python -m tests.fuzz --only '{name}' --seed {number}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
