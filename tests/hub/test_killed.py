"""Processes killed at any moment: nothing that was finished is lost or made twice."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from dimgs.hub import RunStore

ROOT = Path(__file__).resolve().parents[2]
WORK = """
import sys, time
from dimgs.hub import RunStore
from dimgs.kernels.record import RunRecord, Status
store = RunStore(sys.argv[1])
print("open", flush=True)
for i in range(10000):
    if store.claim(str(i)):
        time.sleep(0.002)
        store.finish(RunRecord("f", "t", {}, {"y": (2.0 * i, "m")}, Status.OK, str(i)))
        print(i, flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is sent: run it on Linux or macOS")
def test_nothing_finished_is_lost_or_made_twice(tmp_path: Path) -> None:
    path, announced, lost = tmp_path / "runs.sqlite", set[str](), 0
    moments = random.Random(0)
    for _ in range(8):
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", WORK, str(path)],
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            for _ in range(2)
        ]
        outputs = [w.stdout for w in workers if w.stdout is not None]
        for output in outputs:
            assert output.readline() == "open\n"
        # after some runs of the first: at any moment of a run of either
        for _ in range(moments.randint(5, 100)):
            announced.add(outputs[0].readline().strip())
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
        for worker, output in zip(workers, outputs, strict=True):
            # a last line that the signal cut short says nothing
            announced |= {line.strip() for line in output if line.endswith("\n")}
            output.close()
            worker.wait()
        with RunStore(path) as store:
            lost += len(store.interrupted)
            assert store.pending() == []
    with RunStore(path) as store:
        kept = store.records(status="ok")
        assert announced <= {r.key for r in kept}
        assert all(r.outputs["y"][0] == 2.0 * int(r.key) for r in kept)
        assert all(sum(a.ok for a in store.attempts(r.key)) == 1 for r in kept)
        assert len(announced) > 20
        assert lost > 0
    plain = sqlite3.connect(path)
    assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    plain.close()
