"""A campaign killed in the middle: nothing finished is lost or made twice."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import dimgs
from dimgs.campaign import run_campaign
from dimgs.campaign.campaign import STORE
from dimgs.hub import RunStore
from dimgs.kernels.record import Status
from tests.campaign.kernels import uptake_plan
from tests.patience import lines_of, lives, wait_until

ROOT = Path(dimgs.__file__).parents[1]
PROGRAM = """
import sys
from dimgs.campaign import run_campaign
from tests.campaign.kernels import uptake_plan

if __name__ == "__main__":
    run_campaign(uptake_plan("tests.campaign.kernels:Counted"), sys.argv[1], resume=True)
"""
BEFORE = 12


def _workers(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(x) for x in path.read_text().split()] if path.exists() else []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is sent: run it on Linux or macOS")
def test_kill_9_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, folder = tmp_path / "program.py", tmp_path / "campaign"
    program.write_text(PROGRAM, encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DIMGS_TEST_FOLDER": str(tmp_path),
        "DIMGS_TEST_SECONDS": "0",
        "DIMGS_TEST_HOLD": str(BEFORE),
        "OPENBLAS_NUM_THREADS": "1",
    }
    process = subprocess.Popen([sys.executable, str(program), str(folder)], env=environment)
    started = tmp_path / "started"
    wait_until(lambda: len(lines_of(started)) >= BEFORE, process)
    workers = _workers(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    # workers do not outlive their campaign
    wait_until(lambda: not any(lives(pid) for pid in workers))

    with RunStore(folder / STORE) as store:
        finished = {r.key for r in store.records(status=Status.OK)}
        interrupted = set(store.interrupted)
    assert len(finished) >= BEFORE // 2
    assert 1 <= len(interrupted) <= 2
    assert not finished & interrupted

    monkeypatch.setenv("DIMGS_TEST_FOLDER", str(tmp_path))
    monkeypatch.setenv("DIMGS_TEST_SECONDS", "0")
    monkeypatch.delenv("DIMGS_TEST_HOLD", raising=False)
    plan = uptake_plan("tests.campaign.kernels:Counted")
    with ThreadPoolExecutor(2) as executor:
        resumed = run_campaign(plan, folder, resume=True, executor=executor)
        other = tmp_path / "other"
        other.mkdir()
        monkeypatch.setenv("DIMGS_TEST_FOLDER", str(other))
        whole = run_campaign(plan, executor=executor)

    asked = sum(resumed.runs.values())
    assert resumed.counts["known"] == len(finished)
    assert resumed.counts["made"] == asked - len(finished)
    times = Counter(started.read_text().splitlines())
    assert len(times) == asked
    # a run that was cut off is made again, a finished one never is
    assert sum(times.values()) - asked <= len(interrupted)
    assert max(times.values()) <= 2
    assert [r.to_json() for r in resumed.regimes] == [r.to_json() for r in whole.regimes]
    assert dict(resumed.runs) == dict(whole.runs)
    entries = [json.loads(x) for x in (folder / "decisions.jsonl").read_text().splitlines()]
    keys = [e["key"] for e in entries if e.get("key")]
    assert len(keys) == len(set(keys)) == asked
    with RunStore(folder / STORE) as store:
        for key in interrupted:
            states = [a.status for a in store.attempts(key)]
            assert states == [Status.INTERRUPTED, Status.OK]
