"""Jobs that are claimed and run, once each, within what a worker allows."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dimgs.common.errors import InputError
from dimgs.hub import Hub, jobs, sandbox
from dimgs.hub.entry import Entry, now, run_content
from dimgs.hub.jobs import AgentPolicy, Policy, read_policy, work
from dimgs.hub.supervise import Limits
from dimgs.kernels.record import Failure, RunRecord, Status
from tests.hub.test_hub import other

FILM: dict[str, Any] = {
    "kind": "job",
    "kernel": "diffusion-series",
    "seconds": 30.0,
    "inputs": {
        "D": {"value": 1e-14, "unit": "m^2/s"},
        "l": {"value": 0.1, "unit": "mm"},
        "t": {"value": 1.0, "unit": "day"},
        "K": {"value": 10.0, "unit": "1"},
        "h": {"value": 1e-8, "unit": "m/s"},
        "C0": {"value": 1000.0, "unit": "kg/m^3"},
        "A": {"value": 6.0, "unit": "dm^2"},
        "V": {"value": 1.0, "unit": "L"},
    },
}
LIMITS = Limits(20.0, 4096)
FORGED = run_content(RunRecord("diffusion", "fine", {}, {"CF": (666.0, "m")}, Status.OK, "0" * 64))
KERNELS = '''
import os, time
from dimgs.kernels import kernel

@kernel(inputs={{"x": "1"}}, outputs={{"y": "1"}})
def looks(x):
    """1 where a file beside this one can be seen, 2 where the network can be reached."""
    import socket
    if os.path.exists({path!r}):
        return 1.0
    try:
        socket.create_connection(("127.0.0.1", {port}), timeout=2).close()
        return 2.0
    except OSError:
        return 0.0

@kernel(inputs={{"x": "1"}}, outputs={{"y": "1"}})
def forges(x):
    """The record of another kernel, on every descriptor, in the place of its own."""
    import json
    text = json.dumps({{"document": {forged!r}}}).encode()
    for number in range(3, 64):
        try:
            os.write(number, text)
        except OSError:
            continue
    os._exit(0)

@kernel(inputs={{"x": "1"}}, outputs={{"y": "1"}})
def dies(x):
    os._exit(3)

@kernel(inputs={{"x": "1"}}, outputs={{"y": "1"}}, name="diffusion")
def pretends(x):
    return x
'''


def job(kernel: str, seconds: float = 20.0) -> dict[str, Any]:
    inputs = {"x": {"value": 1.0, "unit": "1"}}
    return {"kind": "job", "kernel": kernel, "inputs": inputs, "seconds": seconds}


def named(folder: Path, port: int = 9) -> str:
    path = folder / "kernels.py"
    beside = folder / "secret.txt"
    beside.write_text("", encoding="utf-8")
    text = KERNELS.format(path=str(beside), port=port, forged=FORGED)
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("asked_for", [FILM, {**FILM, "plan": None}])
def test_a_job_is_run_once_and_its_run_rests_on_it(
    tmp_path: Path, asked_for: dict[str, Any]
) -> None:
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        asked = hub.add(asked_for)
        assert hub.get(asked)["status"]["state"] == "waiting"
        assert work(hub, Policy(), once=True).done == 1
        assert work(hub, Policy(), once=True).done == 0
        (run,) = hub.query("diffusion-series", where=["l=100 um"])["runs"]
        # its physics is known as that of a campaign's kernel is
        assert hub.query(physics="migration")["count"] == 1
        assert asked in hub.history(run["id"])
        assert hub.get(asked)["status"]["state"] == "done"
        assert run["outputs"]["CF"]["value"] > 0


@pytest.mark.parametrize(
    ("kernel", "failure", "reason"),
    [
        ("forges", Failure.RECORD, "its kernel (diffusion) cannot belong to this job of 'forges'"),
        ("pretends", Failure.PROGRAM, "has the name 'diffusion' of an installed one"),
    ],
)
def test_a_job_without_an_answer_says_why(
    tmp_path: Path, kernel: str, failure: Failure, reason: str
) -> None:
    name = f"{named(tmp_path)}:{kernel}"
    record = sandbox.run_job(job(name), LIMITS, sandboxed=False)
    assert (record.status, record.kernel) == (Status.FAILED, name)
    assert record.failure is failure
    assert reason in record.reason


DECLARED = sandbox.Declared("film", ["a", "b"], {"x": "m"}, {"y": "s"}, "a", 3, "k")
RIGHT = RunRecord("film", "a", {"x": (1.0, "m")}, {"y": (1.0, "s")}, Status.OK, "k", seed=3)
ASKED = {"inputs": {"x": {"value": 1e3, "unit": "mm"}}}


@pytest.mark.parametrize(
    "forged",
    [
        {},
        {"kernel": "diffusion"},
        {"tier": "b"},
        {"tier": "c"},
        {"inputs": {"x": (666.0, "m")}},
        {"inputs": {"x": (1.0, "s")}},
        {"inputs": {"x": (1.0, "m"), "z": (1.0, "m")}},
        {"inputs": {}},
        {"outputs": {"y": (1.0, "m")}},
        {"outputs": {"z": (1.0, "s")}},
        {"outputs": {"y": (float("nan"), "s")}},
        {"outputs": {"y": ("much", "s")}},
        {"seed": 4},
        {"key": "another"},
    ],
    ids=str,
)
def test_a_record_counts_if_it_is_of_the_run_that_was_asked_for(forged: dict[str, Any]) -> None:
    problem = DECLARED.problem(replace(RIGHT, **forged), ASKED)
    assert problem.startswith(f"its {next(iter(forged))} (" if forged else "")
    assert bool(problem) is bool(forged)


def test_what_an_agent_asks_for_sees_neither_files_nor_the_network(tmp_path: Path) -> None:
    import socket

    if sandbox.bubblewrap() is None:
        pytest.skip("bubblewrap does not work here")
    with socket.create_server(("127.0.0.1", 0)) as server:
        name = f"{named(tmp_path, server.getsockname()[1])}:looks"
        outside = sandbox.run_job(job(name), LIMITS, sandboxed=False)
        assert outside.outputs["y"][0] == 1.0
        # of its folder the kernel sees its own file alone
        inside = sandbox.run_job(job(name), LIMITS, sandboxed=True)
        assert inside.outputs["y"][0] == 0.0, inside.reason
        script = (
            "import os, socket\n"
            f"assert not os.path.exists({str(tmp_path)!r})\n"
            "assert os.listdir('.') == []\n"
            "open('kept', 'w').close()\n"
            "try:\n"
            f"    socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), timeout=2)\n"
            "except OSError:\n"
            "    print('alone')\n"
        )
        workspace = tmp_path / "workspace"
        workspace.mkdir()
        command = [*sandbox._inside(str(workspace)), sys.executable, "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout == "alone\n", done.stderr


def test_a_process_that_reads_nothing_is_ended_in_time() -> None:
    ended = sandbox.exchanged(["sleep", "600"], {"text": "x" * 1_000_000}, 0.2)
    assert ended.late
    assert not ended.text


def test_an_agents_job_of_a_kernel_of_dimgs_runs_in_the_sandbox(tmp_path: Path) -> None:
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        other(hub, "bot", "agent").add(FILM)
        assert work(hub, Policy(), once=True).done == 1


def finished(content: Any, limits: Limits, inside: bool) -> RunRecord:
    """A run that ends at once, for what is about claims alone."""
    key = json.dumps(content["inputs"])
    return RunRecord(content["kernel"], "only", {}, {"y": (1.0, "1")}, Status.OK, key)


def test_what_a_worker_may_not_run_is_reported(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "run_job", finished)
    monkeypatch.setattr(jobs, "bubblewrap", lambda: None)
    file = named(tmp_path)
    of_file = hub.add(job(f"{file}:looks"))
    of_agent = other(hub, "bot", "agent").add(job(f"{file}:dies"))
    good = other(hub, "bot", "agent").add(FILM)
    doubted = hub.add({**FILM, "seed": 2})
    other(hub, "bob").review(doubted, "reject")
    done = work(hub, Policy(), once=True)
    assert (done.done, set(done.passed_over)) == (1, {of_file, of_agent, doubted})
    assert "not in this worker's policy" in done.passed_over[of_file]
    assert hub.get(good)["status"]["state"] == "done"
    done = work(hub, Policy(kernels=[f"{file}:looks", f"{file}:dies"]), once=True)
    assert (done.done, set(done.passed_over)) == (1, {of_agent, doubted})
    assert "without bubblewrap" in done.passed_over[of_agent]
    with pytest.raises(InputError, match="may not add"):
        work(other(hub, "eve", "reader"), Policy(), once=True)
    # what a program brings under the name of a person is run as a program's
    content = {k: v for k, v in job(f"{file}:dies").items() if k != "kind"}
    brought = Entry("job", content, "anna", now())
    hub.for_user("bot").take([("job", brought.to_json())], "sent")
    hub.approve(brought.id)
    done = work(hub, Policy(kernels=[f"{file}:dies"]), once=True)
    assert "without bubblewrap" in done.passed_over[brought.id]


def test_imported_jobs_wait_for_an_approval(
    hub: Hub, place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "run_job", finished)
    asked = hub.add(FILM)
    hub.export(tmp_path / "b")
    with Hub(place(), user="carl") as new:
        new.merge(tmp_path / "b")
        assert "needs approval" in work(new, Policy(), once=True).passed_over[asked]
        new.approve(asked)
        assert work(new, Policy(), once=True).done == 1


def test_many_workers_run_each_job_once(
    hub: Hub, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "run_job", finished)
    asked = [hub.add({**FILM, "seed": k, "text": str(k)}) for k in range(12)]
    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda _: work(hub, Policy(), once=True).done, range(4)))
    assert sum(done) == 12
    rests = [{*hub.history(r["id"])} & {*asked} for r in hub.query("diffusion-series")["runs"]]
    assert sorted(job for (job,) in rests) == sorted(asked)


def test_a_job_of_a_dead_worker_is_taken_over_and_kept_once(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = hub.add(FILM)
    later: list[float] = []

    def slow(*given: Any) -> RunRecord:
        """Somebody else takes the job over meanwhile, as the lease is over."""
        if not later:
            clock = time.time() + 1e4
            later.append(clock)
            with monkeypatch.context() as patch:
                patch.setattr(time, "time", lambda: clock)
                assert work(hub, Policy(), once=True).done == 1
        return finished(*given)

    monkeypatch.setattr(jobs, "run_job", slow)
    assert work(hub, Policy(), once=True).done == 0
    assert hub.query("diffusion-series")["count"] == 1
    assert hub.get(asked)["status"] == {"state": "done", "attempts": 2, "reason": ""}


def test_a_policy_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('kernels = ["diffusion"]\nseconds = 5\n')
    policy = read_policy(path)
    assert (policy.allows("diffusion"), policy.allows("dscript")) == (True, False)
    path.write_text("second = 5\n")
    with pytest.raises(InputError, match="did you mean 'seconds'"):
        read_policy(path)
    path.write_text("seconds = -5\n")
    with pytest.raises(InputError, match="seconds: -5 cannot be used"):
        read_policy(path)


PLAN = {
    "kernel": "diffusion-series",
    "target": "CF",
    "ranges": {"t": [1, 100, "day"]},
    "fixed": {n: [q["value"], q["unit"]] for n, q in FILM["inputs"].items() if n != "t"},
    "budget": {"runs": 12},
    "tolerance": {"exponents": 0.1},
}


def test_a_job_may_be_a_campaign_whose_runs_and_law_rest_on_it(tmp_path: Path) -> None:
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        # for as long as the policy allows: how long its searches take is of no concern here
        asked = {"kind": "job", "kernel": "diffusion-series", "plan": PLAN}
        job = hub.add(asked)
        bad = hub.add({**asked, "plan": {**PLAN, "target": "nothing"}})
        done = work(hub, Policy(), once=True)
        assert list(done.failures) == [bad], done.failures
        assert done.done == 1
        assert hub.get(job)["status"]["state"] == "done"
        assert "nothing" in hub.get(bad)["status"]["reason"]
        (link,) = [k for k in hub.get(job)["links"] if k["type"] == "derived"]
        made = hub.get(link["from"])
        assert made["kind"] == "campaign"
        rests = {hub.get(k["to"])["kind"] for k in made["links"] if k["from"] == made["id"]}
        assert rests == {"job", "protocol", "law", "answer"}
        assert hub.query("diffusion-series")["count"] == made["content"]["result"]["made"]


def test_what_agents_ask_for_waits_for_a_person_above_a_limit(tmp_path: Path) -> None:
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        policy = Policy(agent=AgentPolicy(approve_above=10.0))
        dear = hub.for_agent().add(FILM)
        cheap = hub.for_agent().add({**FILM, "seconds": 10.0, "seed": 1})
        # a person's job of the same length needs nobody
        by_person = hub.add({**FILM, "seed": 2})
        done = work(hub, policy, once=True)
        assert list(done.passed_over) == [dear]
        assert [hub.get(j)["status"]["state"] for j in (cheap, by_person)] == ["done", "done"]
        with pytest.raises(InputError, match="agent cannot approve"):
            hub.for_agent().approve(dear)
        hub.approve(dear)
        assert work(hub, policy, once=True).done == 1
