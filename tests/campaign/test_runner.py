"""Runs that fail, hang, die or are known already."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import dimgs
from dimgs.campaign import experiment as running
from dimgs.campaign.experiment import Runner
from dimgs.campaign.plan import Execution
from dimgs.campaign.workers import LocalProcesses, Place, RunTask, make, place_of
from dimgs.common.errors import FitError, InputError
from dimgs.hub import RunStore
from dimgs.kernels import CommandKernel
from dimgs.kernels.record import Failure, RunRecord, Status
from tests.campaign.kernels import Troubled
from tests.patience import lines_of, lives, wait_until

KERNEL = "tests.campaign.kernels:Troubled"
SCRIPT = """
import time
from dimgs.campaign.workers import LocalProcesses
from tests.campaign.test_runner import task

if __name__ == "__main__":
    place = LocalProcesses(1)
    place.submit(task("program"))
    time.sleep(600)
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.setenv("DIMGS_TEST_FOLDER", str(tmp_path))
    with RunStore(tmp_path / "runs.sqlite") as opened:
        yield opened


def task(what: str, n: float = 1.0, timeout: float | None = None) -> RunTask:
    values: dict[str, float | str] = {"what": what, "n": n}
    return RunTask(KERNEL, Troubled().request(values), values, timeout)


def runner(store: RunStore, place: Place, retries: int = 1) -> Runner:
    return Runner(store, place, Execution(retries=retries))


@pytest.fixture
def threads() -> Iterator[Place]:
    with ThreadPoolExecutor(2) as executor:
        yield Place(executor)


def test_records_come_in_order_and_equal_runs_are_made_once(
    store: RunStore, threads: Place
) -> None:
    made = runner(store, threads)
    records = made.run([task("work", 3.0), task("work", 1.0), task("work", 3.0)])
    assert [r.outputs["y"][0] for r in records] == [3.0, 1.0, 3.0]
    assert len(made.made) == 2
    made.run([task("work", 1.0)])
    assert len(made.made) == 2


def test_a_failure_is_tried_again_and_both_attempts_are_kept(
    store: RunStore, threads: Place
) -> None:
    made = runner(store, threads)
    asked = task("once", 7.0)
    (record,) = made.run([asked])
    assert record.ok
    states = [a.status for a in store.attempts(asked.request.key)]
    assert states == [Status.FAILED, Status.OK]
    assert made.tally["retried"] == 1


def test_without_retries_a_failure_stays(store: RunStore, threads: Place) -> None:
    (record,) = runner(store, threads, retries=0).run([task("once", 8.0)])
    assert record.status is Status.FAILED
    assert "the first try fails" in record.reason
    # another start with a retry to spare makes it
    (record,) = runner(store, threads, retries=1).run([task("once", 8.0)])
    assert record.ok


def test_a_refusal_is_not_tried_again(store: RunStore, threads: Place) -> None:
    made = runner(store, threads, retries=5)
    (record,) = made.run([task("refuse")])
    assert record.status is Status.REFUSED
    assert (len(made.made), made.tally["retried"]) == (1, 0)


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_dozen_failures_and_nothing_else_end_it(
    store: RunStore, threads: Place, retries: int
) -> None:
    failing = [task("odd", float(n)) for n in range(40)]
    with pytest.raises(FitError, match=r"first 12 runs failed, and no other .* licence"):
        runner(store, threads, retries).run(failing)
    # a run counts once, however often it was tried
    tries = [len(store.attempts(t.request.key)) for t in failing]
    assert sum(n == 1 + retries for n in tries) >= 12
    assert sum(n > 0 for n in tries) < 20
    # one that ended otherwise is a sign of life
    others = [task("odd", float(n)) for n in range(100, 120)]
    assert len(runner(store, threads, retries=0).run([task("refuse"), *others])) == 21


def test_what_was_mended_is_tried_again_where_that_is_asked(
    store: RunStore, threads: Place
) -> None:
    made = runner(store, threads, retries=0)
    made.run([task("refuse"), task("once", 9.0), task("work")])
    assert len(made.made) == 3
    same = runner(store, threads, retries=0)
    same.run([task("refuse"), task("once", 9.0), task("work")])
    assert not same.made
    mended = Runner(store, threads, Execution(retries=0), again=True)
    refused, once, _ = mended.run([task("refuse"), task("once", 9.0), task("work")])
    assert (refused.status, once.ok) == (Status.REFUSED, True)
    assert len(mended.made) == 2
    # once for each start
    mended.run([task("refuse")])
    assert len(mended.made) == 2


def test_a_run_that_another_process_makes_is_refused(
    store: RunStore, threads: Place, tmp_path: Path
) -> None:
    asked = task("work", 4.0)
    assert store.claim(asked.request)
    with pytest.raises(InputError, match="another process"):
        runner(store, threads).run([asked])


def test_a_hanging_run_is_stopped_by_its_own_alarm() -> None:
    record = make(task("hang", timeout=0.2))
    assert record.status is Status.FAILED
    assert "longer than 0.2 s" in record.reason


def test_a_run_that_hears_no_alarm_is_given_up(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf(Executor):
        def submit(self, *_: Any, **__: Any) -> Any:
            return Future[RunRecord]()

    monkeypatch.setattr(running, "_GRACE", 0.1)
    made = runner(store, Place(Deaf()), retries=0)
    (record,) = made.run([task("hang", timeout=0.1)])
    assert record.status is Status.FAILED
    assert "No answer came" in record.reason
    assert record.failure is Failure.TIME


def test_a_worker_that_dies_takes_only_its_own_run_along(store: RunStore) -> None:
    place = LocalProcesses(2)
    try:
        tasks = [task("die"), *(task("work", float(n)) for n in range(1, 5))]
        records = runner(store, place).run(tasks)
    finally:
        place.close()
    assert records[0].status is Status.FAILED
    assert "worker process ended" in records[0].reason
    assert [r.ok for r in records[1:]] == [True] * 4


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="it looks into /proc: run it on Linux")
@pytest.mark.parametrize(
    ("what", "says"), [("crash", "signal 11 (SIGSEGV"), ("kill", "signal 9 (SIGKILL")]
)
def test_a_kernel_that_dies_by_a_signal_is_told_and_leaves_nothing_behind(
    store: RunStore, tmp_path: Path, what: str, says: str
) -> None:
    place = LocalProcesses(1)
    try:
        dead, other = runner(store, place).run([task(what), task("work")])
    finally:
        place.close()
    assert dead.status is Status.FAILED
    assert says in dead.reason
    assert other.ok
    pids = (tmp_path / "pids").read_text().split()
    # it was tried twice, the second time alone
    assert len(pids) == 2
    wait_until(lambda: not any(lives(int(pid)) for pid in pids))


def test_a_program_that_changes_under_way_gives_no_answer(tmp_path: Path) -> None:
    program = tmp_path / "solve.sh"
    program.write_text("echo x = 1\n")
    outputs = {"x": {"unit": "1", "regex": "x = (.*)"}}
    kernel = CommandKernel(["sh", str(program)], inputs={}, outputs=outputs)
    asked = RunTask(kernel, kernel.request({}), {})
    assert make(asked).ok
    program.write_text("echo x = 2\n")
    changed = make(asked)
    assert changed.status is Status.FAILED
    assert changed.key == asked.request.key
    assert "is not the one that this run was planned with" in changed.reason
    assert make(RunTask(kernel, kernel.request({}), {})).outputs == {"x": (2.0, "1")}


@pytest.mark.slow
def test_when_every_worker_dies_it_is_an_error(store: RunStore) -> None:
    place = LocalProcesses(2)
    try:
        with pytest.raises(FitError, match="ended with their worker"):
            runner(store, place).run([task("die", float(n)) for n in range(6)])
    finally:
        place.close()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="it looks into /proc: run it on Linux")
@pytest.mark.parametrize("what", ["program", "orphan"])
def test_a_program_of_a_run_ends_with_its_worker(
    store: RunStore, tmp_path: Path, what: str
) -> None:
    place = LocalProcesses(1)
    mark = tmp_path / "pid"
    future = place.submit(task(what))
    wait_until(lambda: lines_of(mark) or future.done())
    program = int(mark.read_text())
    assert lives(program)
    place.close()
    wait_until(lambda: not lives(program))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="it looks into /proc: run it on Linux")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_program_of_a_run_ends_with_its_campaign(tmp_path: Path, number: int) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(dimgs.__file__).parents[1]),
        "DIMGS_TEST_FOLDER": str(tmp_path),
    }
    process = subprocess.Popen([sys.executable, str(script)], env=environment)
    mark = tmp_path / "pid"
    try:
        wait_until(lambda: lines_of(mark), process)
    finally:
        process.send_signal(number)
        process.wait()
    wait_until(lambda: not lives(int(mark.read_text())))


def test_whatever_a_kernel_raises_is_a_record(store: RunStore, threads: Place) -> None:
    asked = [task(what) for what in ("interrupt", "leave", "odd", "unsendable")]
    records = runner(store, threads, retries=0).run(asked)
    assert {r.status for r in records} == {Status.FAILED}
    assert [r.reason for r in records[:3]] == [
        "KeyboardInterrupt",
        "GeneratorExit",
        "ValueError: no \ufffd licence\ufffd[31m",
    ]
    assert store.counts() == {"failed": 4}


def test_ctrl_c_in_the_leading_thread_is_not_the_kernels() -> None:
    with pytest.raises(KeyboardInterrupt):
        make(task("interrupt"))


def test_a_kernel_that_gives_no_record_is_told() -> None:
    asked = task("work")
    record = make(RunTask("tests.campaign.kernels:Loose", asked.request, asked.values))
    assert record.reason == "3 came back where the RunRecord of this run is needed."
    assert record.failure is Failure.RECORD


@pytest.mark.parametrize("timeout", [1e300, float("inf")])
def test_a_timeout_may_be_longer_than_any_clock(timeout: float) -> None:
    assert make(task("work", timeout=timeout)).ok


def test_what_is_no_executor_is_refused() -> None:
    with pytest.raises(InputError, match="is not an executor"):
        place_of(3, 2)


def test_a_kernel_that_cannot_be_loaded_is_a_record() -> None:
    asked = task("work")
    record = make(RunTask("no.such:kernel", asked.request, asked.values))
    assert record.status is Status.FAILED
    assert "no.such" in record.reason
