"""A campaign killed in the middle, several times, then resumed: what was lost, counted.

Run it with ``python -m case_studies.benchmarks.killed_campaign``. The plan is that of the study
of packaging; its answer is compared with that of a campaign that nobody killed.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from case_studies.packaging_migration.study import PLAN
from dimgs.campaign import read_plan, run_campaign
from dimgs.campaign.campaign import STORE
from dimgs.hub import RunStore
from dimgs.kernels.record import Status


def finished(folder: Path) -> int:
    """Number of runs that have ended."""
    if not (folder / STORE).exists():
        return 0
    with RunStore(folder / STORE) as store:
        return len(store.records(status=Status.OK))


def kill_at(folder: Path, runs: int, workers: int) -> None:
    """Start or resume the campaign and kill it when that many runs have ended."""
    command = [sys.executable, "-m", "dimgs", "run", str(PLAN), "--out", str(folder)]
    command += ["--workers", str(workers)]
    command += ["--resume"] if (folder / STORE).exists() else []
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None and finished(folder) < runs:
        time.sleep(0.05)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--at", type=int, nargs="+", default=[30, 90, 180], help="runs ended")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as name, ThreadPoolExecutor(options.workers) as executor:
        folder = Path(name) / "campaign"
        for runs in options.at:
            kill_at(folder, runs, options.workers)
            print(f"killed when {finished(folder)} runs had ended")
        known = finished(folder)
        resumed = run_campaign(read_plan(PLAN), folder, resume=True, executor=executor)
        with RunStore(folder / STORE) as store:
            tries = {r.key: store.attempts(r.key) for r in store.records()}
        made = Counter(a.status for attempts in tries.values() for a in attempts)
        twice = sum(sum(a.status == Status.OK for a in attempts) > 1 for attempts in tries.values())
        whole = run_campaign(read_plan(PLAN), Path(name) / "whole", executor=executor)
    same = [r.to_json() for r in resumed.regimes] == [r.to_json() for r in whole.regimes]
    print(f"known at the last resumption: {known}, of which used: {resumed.counts['known']}")
    print(f"attempts by status: {', '.join(f'{k.value} {v}' for k, v in sorted(made.items()))}")
    print(f"finished runs made twice: {twice}; runs asked for in all: {sum(whole.runs.values())}")
    print(f"answer as that of a campaign that was not killed: {'yes' if same else 'no'}")


if __name__ == "__main__":
    main()
