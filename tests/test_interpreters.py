"""Interpreters that the package starts run no module of the folder that it is called in."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("dimgs", "sympy", "multiprocessing", "random", "subprocess")
CAMPAIGN = """
import os
from dimgs.campaign.workers import LocalProcesses
from dimgs.campaign.workers import RunTask
from tests.campaign.kernels import Uptake
if __name__ == "__main__":
    place = LocalProcesses(1)
    values = {"k": 1.0, "t": 2.0}
    task = RunTask("tests.campaign.kernels:Uptake", Uptake().request(values), values)
    print(place.submit(task).result().status, os.environ.get("PYTHONSAFEPATH"))
    place.close()
"""


@pytest.fixture
def trapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with modules that tell when they are imported."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(
            "from pathlib import Path\nPath('imported').write_text(__name__)\n", encoding="utf-8"
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_trap_works(trapped: Path) -> None:
    subprocess.run([sys.executable, "-c", "import random"], check=True)
    assert (trapped / "imported").exists()


def test_workers_of_a_campaign_take_no_module_of_the_folder(trapped: Path) -> None:
    home = trapped / "home"
    home.mkdir()
    script = home / "campaign.py"
    script.write_text(CAMPAIGN, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["ok", "None"], done.stderr
    assert not (trapped / "imported").exists()


def test_every_interpreter_is_started_with_p() -> None:
    """A list that begins with the interpreter goes on with -P."""
    starts = []
    for path in sorted((ROOT / "dimgs").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            words = [ast.unparse(e) for e in node.elts] if isinstance(node, ast.List) else []
            if words[:1] == ["sys.executable"]:
                starts.append((path.name, words[1]))
    assert len(starts) >= 4
    assert {option for _, option in starts} == {"'-P'"}
