"""Every way to name a kernel works in every command, however processes are started."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILM = '''
import math, threading
from dimgs.kernels import kernel

held = threading.Lock()

def lag(D, l, w):
    with held:
        return math.fabs(l) ** 2 / (6 * D) * (l / w) ** 0.5

@kernel(inputs={"D": {"unit": "m^2/s", "low": 0}, "l": {"unit": "m", "low": 0},
                "w": {"unit": "m", "low": 0, "default": 1e-3}}, outputs={"tau": "s"})
def film(D, l, w):
    """Time lag of a film."""
    return lag(D, l, w)
'''
# what cannot be imported elsewhere goes along, so that it must be something that can be copied
CELL = FILM.replace("held = threading.Lock()", "import contextlib").replace(
    "with held:", "with contextlib.nullcontext():"
)
PROGRAM = """
name = "film"
argv = ["PYTHON", "-c", "print('tau =', @l ** 2 / (6 * @D) * (@l / @w) ** 0.5)"]
[inputs]
D = {unit = "m^2/s", low = 0}
l = {unit = "m", low = 0}
w = {unit = "m", low = 0, default = 1e-3}
[outputs]
tau = {unit = "s", regex = "tau = (.*)"}
"""
PLAN = """
kernel = "{kernel}"
target = "tau"
[ranges]
D = [1e-15, 1e-13, "m^2/s"]
l = [10, 100, "um"]
w = [0.1, 1, "mm"]
[budget]
runs = 12
[tolerance]
exponents = 0.1
"""
AT = "D=1e-14 m^2/s, l=0.1 mm"
ASK = ["ask", "tau", "--kernel", "KERNEL", "--at", AT, "--run"]
INPUTS = {"D": {"value": 1e-14, "unit": "m^2/s"}, "l": {"value": 1e-4, "unit": "m"}}
JOB = {"kind": "job", "kernel": "KERNEL", "inputs": INPUTS}
COMMANDS: dict[str, list[list[str]]] = {
    "run": [["run", "plan.toml", "--out", "study"]],
    "ask": [ASK],
    "augment": [["run", "plan.toml", "--out", "study"],
                ["hub", "augment", "--kernel", "KERNEL", "-n", "2"]],
    "check-card": [ASK, ["hub", "check-card", "KERNEL"]],
    "work": [["hub", "init"], ["hub", "add", "job.json"],
             ["hub", "work", "--once", "--policy", "policy.toml"]],
    "mcp": [["hub", "init"]],
}  # fmt: skip
WAYS = {
    "entry point": "film-lag",
    "file": "film.py:film",
    "module": "film_module:film",
    "program": "film.toml",
}
START = """
import json, multiprocessing, sys
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    from dimgs.cli.app import run
    for command in json.loads(sys.argv[2]):
        code = run(command)
        if code:
            sys.exit(f"{command} ended with {code}")
"""
MCP = """
import sys
from pathlib import Path
from dimgs.agent.context import ToolContext
from dimgs.agent.tools import job_status, plan_campaign, start_campaign
from dimgs.hub import Hub
from dimgs.hub.jobs import AgentPolicy, Policy, work
policy = Policy(kernels=[sys.argv[1]], agent=AgentPolicy(worker=False, approve_above=600))
with Hub("hub.sqlite", user="anna") as hub:
    context = ToolContext(hub.for_agent(), policy, Path.cwd())
    at = {"D": "1e-14 m^2/s", "l": "0.1 mm"}
    plan = plan_campaign(context, sys.argv[1], "tau", at=at)
    job = start_campaign(context, plan["plan"])["job"]
    work(hub, policy, once=True)
    status = job_status(context, job)
    assert status["state"] == "done", status
    context.close()
"""
# as a notebook has it: a main module without a file
NOTEBOOK = """
import multiprocessing, sys
multiprocessing.set_start_method({method!r})
import dimgs
from dimgs.campaign import Budget, Plan, Range, Tolerance, run_campaign
from dimgs.hub import Hub, RunStore
from dimgs.hub.cards import check_card
from dimgs.similitude.augment import augment
from dimgs.similitude.origin import describe
ranges = {{"D": Range(1e-15, 1e-13, "m^2/s"), "l": Range(10, 100, "um"),
           "w": Range(0.1, 1, "mm")}}
plan = Plan(film, "tau", ranges, Budget(12), Tolerance(exponents=0.1))
def ask():
    at = {{"D": "1e-14 m^2/s", "l": "0.1 mm"}}
    assert dimgs.ask("tau", at=at, kernel=film, hub=hub, run=True).value is not None
with Hub("hub.sqlite", user="anna") as hub:
    command = {command!r}
    if command in ("run", "augment"):
        assert run_campaign(plan, "study").regimes
    if command == "run":
        pass
    elif command == "augment":
        with RunStore("study/runs.sqlite") as store:
            hub.add_runs(store.records())
        assert augment(hub, describe(hub, film), "tau", 2)["runs"]
    else:
        ask()
    if command == "check-card":
        assert check_card(hub, film)["complete"]
"""


def prepare(folder: Path, kernel: str) -> dict[str, str]:
    """Files of all ways in a folder; the environment in which commands run."""
    (folder / "film.py").write_text(FILM)
    modules = folder / "installed"
    info = modules / "film_lag-1.0.dist-info"
    info.mkdir(parents=True)
    (modules / "film_module.py").write_text(FILM)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: film-lag\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dimgs.kernels]\nfilm-lag = film_module:film\n")
    program = re.sub(r"@(\w)", r"{{\1}}", PROGRAM.replace("PYTHON", sys.executable))
    (folder / "film.toml").write_text(program)
    (folder / "plan.toml").write_text(PLAN.format(kernel=kernel))
    (folder / "job.json").write_text(json.dumps(JOB).replace("KERNEL", kernel))
    (folder / "policy.toml").write_text(f'kernels = ["{kernel}"]\nseconds = 60\n')
    path = os.pathsep.join(map(str, (ROOT, modules)))
    return {**os.environ, "PYTHONPATH": path, "DIMGS_HUB": str(folder / "hub.sqlite")}


def run(folder: Path, kernel: str, command: str, method: str) -> None:
    """Run a command in a folder of its own; nothing that a person reads is a traceback."""
    environment = prepare(folder, kernel)

    def ended(*arguments: str, text: str = "") -> None:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=folder, env=environment, input=text,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert "1 failed" not in done.stdout

    if kernel == "notebook":
        ended("-", text=CELL + NOTEBOOK.format(method=method, command=command))
        return
    steps = [[kernel if x == "KERNEL" else x for x in step] for step in COMMANDS[command]]
    (folder / "start.py").write_text(START)
    ended("start.py", method, json.dumps(steps))
    if command == "mcp":
        (folder / "mcp_calls.py").write_text(MCP)
        ended("mcp_calls.py", kernel)


def test_a_kernel_of_a_file_answers(tmp_path: Path) -> None:
    run(tmp_path, WAYS["file"], "ask", "spawn")


# every way in every command, and both with every way to start processes, but not all three
PAIRS = [
    (way, command, ("spawn", "fork", "forkserver")[(k + j) % 3])
    for k, way in enumerate([*WAYS, "notebook"])
    for j, command in enumerate(COMMANDS)
    if way != "notebook" or command not in ("work", "mcp")
]


@pytest.mark.slow
@pytest.mark.parametrize(("way", "command", "method"), PAIRS)
def test_every_way_to_a_kernel_works_in_every_command(
    tmp_path: Path, way: str, command: str, method: str
) -> None:
    run(tmp_path, WAYS.get(way, way), command, method)
