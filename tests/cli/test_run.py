"""`dimgs run`: designs, campaigns, resumption and refusals."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dimgs.campaign.result import counted
from tests.campaign.whole import without_figures
from tests.cli.runner import Shell
from tests.forked import ROOT, run, start
from tests.patience import lines_of, wait_until

PLAN = """
kernel = "tests.campaign.kernels:{kernel}"
target = "m"
report = "fit"
[ranges]
k = [1e-6, 1.0]
t = [0.01, 1e5, "s"]
[budget]
runs = 20
[tolerance]
exponents = 0.02
"""


def written(folder: Path, kernel: str = "Uptake", more: str = "") -> str:
    path = folder / "plan.toml"
    path.write_text(more + PLAN.format(kernel=kernel), encoding="utf-8")
    return str(path)


def test_a_dry_run_runs_nothing(shell: Shell, tmp_path: Path) -> None:
    plan, out = written(tmp_path), tmp_path / "out"
    text = shell("run", plan, "--dry-run", "--out", str(out))
    assert text.code == 0
    for words in ("pi_1 = k·t", "first: 3 coarse runs", "500 coarse and 20 fine", "at most about"):
        assert words in text.out
    document = shell("run", plan, "--dry-run", "--json").document
    assert document["survey"]["runs"] == 3
    assert document["pi"]["groups"][0]["exponents"] == {"k": "1", "t": "1"}
    assert not out.exists()


def test_a_dry_run_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    """Two thirds of its time went to what searches laws, keeps runs, and draws at random."""
    code = (
        "import atexit, sys; from dimgs.cli import main; heavy = ('dimgs.discovery.discover',"
        "'dimgs.hub.hub', 'scipy.stats', 'sklearn', 'sqlalchemy', 'matplotlib');"
        "atexit.register(lambda: print([m for m in heavy if m in sys.modules])); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", written(tmp_path), "--dry-run"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_campaign_from_a_plan(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_figures(monkeypatch)
    plan, out = written(tmp_path), tmp_path / "out"
    hub = str(tmp_path / "hub.sqlite")
    monkeypatch.setenv("DIMGS_HUB", hub)
    done = shell("run", plan, "--out", str(out), "--json", "--as", "rita")
    assert done.code == 0, done.err
    document = done.document
    kept = document.pop("hub")
    assert (
        kept["runs"] == shell("hub", "query", "--hub", hub, "--every", "--json").document["count"]
    )
    law = shell("hub", "show", kept["law"], "--json").document
    assert law["author"] == "rita"
    assert law["content"]["law"] == document["regimes"][0]["law"]
    assert len(law["content"]["regimes"]) == len(document["regimes"]) > 1
    assert document["outcome"] == "confirmed"
    assert "ask: " in done.err
    stored = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert stored.pop("checksum")
    assert stored == document
    assert shell.refused("run", plan, "--out", str(out)).count("--resume") == 1
    again = shell("run", plan, "--out", str(out), "--resume")
    assert again.code == 0
    # of a hub that has them by now, too
    assert f"0 made now, {document['counts']['made']} known before\n" in again.out
    assert f"after {counted(document['runs'])} (" in again.out
    assert "The plan is another" not in again.err
    assert "m is proportional to k and t" in again.out
    assert "acceptability 1.00" in again.out


def test_a_campaign_goes_on_with_another_plan(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_figures(monkeypatch)
    plan, out = written(tmp_path), tmp_path / "out"
    assert shell("run", plan, "--out", str(out)).code == 0
    richer = tmp_path / "richer.toml"
    unwritten = PLAN.format(kernel="Uptake").replace('report = "fit"', 'report = "none"')
    richer.write_text(unwritten.replace("runs = 20", "runs = 21"))
    assert "The plan is another" not in shell("run", str(richer), "--out", str(out), "--resume").err
    richer.write_text("seed = 3\n" + unwritten.replace("1e5", "1e4"))
    other = shell("run", str(richer), "--out", str(out), "--resume", "--json")
    assert f"the one that {out} was made with (seed, ranges.t)" in other.err
    assert any("(seed, ranges.t)" in warning for warning in other.document["warnings"])
    richer.write_text(unwritten.replace("1e5", "1e3"))
    advised = shell("run", str(richer), "--out", str(out), "--resume", "--from", str(out), "--json")
    assert f"'{out}' in --from" in other.err
    assert advised.document["from"][0]["used"] > 0


def test_who_may_not_add_to_the_hub_is_refused_before_the_first_run(
    shell: Shell, tmp_path: Path
) -> None:
    hub, out = str(tmp_path / "hub.sqlite"), tmp_path / "out"
    assert shell("hub", "user", "add", "rita", "--role", "reader", "--hub", hub).code == 0
    words = ("run", written(tmp_path), "--out", str(out), "--hub", hub, "--as", "rita")
    assert "rita is a reader here, who may not add" in shell.refused(*words)
    assert not out.exists()
    # a dry run adds nothing
    assert shell(*words, "--dry-run").code == 0


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_a_failure_of_the_report_costs_the_report_only(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, json: list[str]
) -> None:
    def fails(*given: object) -> None:
        raise np.linalg.LinAlgError("Eigenvalues did not converge")

    monkeypatch.setattr("dimgs.campaign.result.write_study", fails)
    monkeypatch.setattr("dimgs.campaign.result.draw_figures", lambda report: [])
    plan, out = written(tmp_path), tmp_path / "out"
    done = shell("run", plan, "--out", str(out), *json)
    assert done.code == 0
    assert ('"outcome": "confirmed"' if json else "m is proportional to k and t") in done.out
    (line,) = [text for text in done.err.splitlines() if text.startswith("warning: ")]
    assert line == (
        f"warning: The report in {out} is not complete (LinAlgError: Eigenvalues did not converge);"
        " the answer stands, and --resume writes the report again."
    )
    assert f"the report on m is written to {out}" in done.err


def test_an_interruption_of_the_report_leaves_the_printed_result(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dimgs.campaign.result.draw_figures", interrupted)
    out = tmp_path / "out"
    done = shell("run", written(tmp_path), "--out", str(out))
    assert done.code == 130
    assert "m is proportional to k and t" in done.out
    assert f"the result is in {out}, and its report is not complete; continue with" in done.err
    assert (out / "result.json").exists()


def test_a_campaign_from_another(shell: Shell, tmp_path: Path) -> None:
    plan, out = written(tmp_path), tmp_path / "out"
    first = shell("run", plan, "--out", str(out), "--json").document
    again = ("run", plan, "--out", str(tmp_path / "again"), "--from", str(out))
    design = shell(*again, "--dry-run", "--json").document
    assert design["from"][0]["given"] == first["made"]
    assert f"{first['made']} lie in the ranges" in shell(*again, "--dry-run").out
    done = shell(*again)
    assert f"{first['made']} of {first['made']} from out/runs.sqlite" in done.out
    assert "0 made now" in done.out
    assert "There is no" in shell.refused("run", plan, "--from", str(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("sampler = 'grid'\n", "plan.toml, sampler: 'grid' cannot be used"),
        ("colour = 'red'\n", "plan.toml, colour: there is no such key"),
        ("tiers = ['thin']\n", "plan.toml, tiers: 'thin' is no tier of 'uptake'"),
    ],
)
def test_a_bad_plan_exits_with_two(shell: Shell, tmp_path: Path, more: str, message: str) -> None:
    assert message in shell.refused("run", written(tmp_path, more=more))


def test_no_plan_exits_with_two(shell: Shell, tmp_path: Path) -> None:
    assert "No such file" in shell.refused("run", str(tmp_path / "none.toml"))
    assert "workers: 0 cannot be used" in shell.refused("run", written(tmp_path), "--workers", "0")


def test_a_folder_that_cannot_keep_a_campaign_is_refused(shell: Shell, tmp_path: Path) -> None:
    plan, file = written(tmp_path), tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    for out in (file, file / "below"):
        message = shell.refused("run", plan, "--out", str(out))
        assert f"Cannot write to '{out}': '{file}' is a file; choose another --out." in message
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "runs.sqlite").write_bytes(bytes(range(256)) * 16)
    message = shell.refused("run", plan, "--out", str(bad), "--resume")
    assert "file is not a database" in message
    assert "restore it from a copy, or name another file" in message
    other = tmp_path / "other"
    (other / "plan.json").mkdir(parents=True)
    message = shell.refused("run", plan, "--out", str(other))
    assert f"Cannot write to '{other}': Is a directory; choose another --out." in message


def test_what_lies_in_the_way_of_the_log_and_the_answer_is_reported(
    shell: Shell, tmp_path: Path
) -> None:
    plan, out = written(tmp_path), tmp_path / "out"
    (out / "decisions.jsonl").mkdir(parents=True)
    done = shell("run", plan, "--out", str(out))
    assert done.code == 1
    assert "decisions.jsonl' (Is a directory)" in done.err
    (out / "decisions.jsonl").rmdir()
    (out / "decisions.jsonl").write_bytes(b'[1]\n3\n{"n"\n\xff\xfe\n')
    (out / "result.json").mkdir()
    done = shell("run", plan, "--out", str(out), "--resume", "--json")
    assert done.code == 0
    assert done.document["outcome"] == "confirmed"
    assert f"could not be written to {out} (Is a directory)" in done.err


def test_a_campaign_without_an_answer_exits_with_one(shell: Shell, tmp_path: Path) -> None:
    done = shell("run", written(tmp_path, "Never"), "--out", str(tmp_path / "out"))
    assert done.code == 1
    assert "The moon is not full" in done.err
    assert "out; continue with --retry" in done.err
    assert done.out == ""
    again = shell("run", written(tmp_path, "Never"), "--out", str(tmp_path / "out"), "--retry")
    assert again.code == 1
    from dimgs.hub import RunStore

    with RunStore(tmp_path / "out" / "runs.sqlite") as store:
        key = store.records()[0].key
        assert len(store.attempts(key)) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent: run it on Linux or macOS")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_is_finished(tmp_path: Path, number: int) -> None:
    plan, out = written(tmp_path, "Counted"), tmp_path / "out"
    environment = {
        **os.environ,
        "DIMGS_TEST_FOLDER": str(tmp_path),
        "DIMGS_TEST_SECONDS": "0.2",
    }
    process = start("run", plan, "--out", str(out), env=environment)
    started = tmp_path / "started"
    wait_until(lambda: len(lines_of(started)) >= 6, process)
    process.send_signal(number)
    _, printed = process.communicate()
    assert process.returncode == 130
    assert "--resume" in printed
    assert "Traceback" not in printed

    from dimgs.hub import RunStore

    with RunStore(out / "runs.sqlite") as store:
        counts = store.counts()
    assert counts.get("ok", 0) >= 2
    assert "pending" not in counts


TALKING = """
import ctypes, os, subprocess
from dimgs.kernels import kernel
print("imported")
os.write(1, b"by hand\\n")
subprocess.run(["echo", "imported by a program"])
@kernel(inputs={"k": "1/s", "t": "s", "c": "kg/m^3"}, outputs={"m": "kg/m^3"})
def talks(k, t, c=1.0):
    print("running")
    os.write(1, b"running by hand\\n")
    subprocess.run(["echo", "running a program"])
    ctypes.CDLL(None).printf(b"from a library\\n")
    return c * (k * t) ** 0.5
"""


def test_what_a_kernel_prints_is_no_part_of_the_document(tmp_path: Path) -> None:
    (tmp_path / "talking.py").write_text(TALKING, encoding="utf-8")
    plan = PLAN.replace("tests.campaign.kernels:{kernel}", "talking.py:talks")
    (tmp_path / "plan.toml").write_text(plan, encoding="utf-8")
    done = run("run", "plan.toml", "--json", "--resume", cwd=tmp_path)
    assert json.loads(done.stdout)["outcome"] == "confirmed"
    assert "imported" in done.stderr
    assert "running" in done.stderr
    for line in (
        "by hand",
        "imported by a program",
        "running by hand",
        "running a program",
        "from a library",
    ):
        assert line in done.stderr
    assert "a new campaign starts" in done.stderr
