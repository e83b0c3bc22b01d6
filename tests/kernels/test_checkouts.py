"""Simulators that a user has as a checkout: how they are found, run and answer."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dimgs.common.errors import RunDivergedError, RunFailedError, RunRefusedError
from dimgs.kernels import load
from dimgs.kernels.checkout import Checkout

TOOL = Checkout("Tool", "DIMGS_TEST_TOOL_ROOT", "tool.py", "https://example.org/tool")
CHILD = """
import os
import tool

def answer(asked):
    return tool.answer(asked, os.getcwd())
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a checkout"
    folder.mkdir()
    (tmp_path / "child.py").write_text(CHILD)
    monkeypatch.setenv(TOOL.variable, str(folder))
    return folder


def ask(root: Path, body: str, timeout: float = 20.0) -> dict[str, object]:
    (root / "tool.py").write_text(f"def answer(asked, folder):\n    {body}\n")
    return TOOL.run(str(root.parent / "child.py"), {"a": 2.5}, timeout)


def test_it_runs_beside_the_checkout_in_a_folder_of_its_own(root: Path) -> None:
    body = "import os; return {'a': asked['a'], 'at': folder, 'one': os.environ['OMP_NUM_THREADS']}"
    answer = ask(root, body)
    assert answer["a"] == 2.5
    assert answer["one"] == "1"
    assert Path(str(answer["at"])) not in (Path.cwd(), root)
    assert not Path(str(answer["at"])).exists()
    assert sorted(p.name for p in root.iterdir()) == ["tool.py"]


def test_a_checkout_that_is_not_there_is_refused_with_the_remedy(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RunRefusedError, match=r"holds no tool\.py; name the folder of a checkout"):
        TOOL.root()
    assert TOOL.state() == {"commit": None}
    monkeypatch.delenv(TOOL.variable)
    with pytest.raises(
        RunRefusedError, match=r"clone https://example\.org/tool and name its folder"
    ):
        TOOL.root()


def test_what_goes_wrong_in_it_is_reported(root: Path) -> None:
    with pytest.raises(RunDivergedError, match="no finite answer"):
        ask(root, "return {'diverged': 'no finite answer'}")
    with pytest.raises(RunFailedError, match="ZeroDivisionError"):
        ask(root, "return 1 / 0")
    with pytest.raises(RunFailedError, match=r"had not ended after 0\.2 s"):
        ask(root, "import time; time.sleep(30)", timeout=0.2)
    with pytest.raises(RunFailedError, match="without an answer"):
        ask(root, "import os; print('bye', flush=True); os._exit(0)")
    with pytest.raises(RunFailedError, match="signal"):
        ask(root, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")


def git(root: Path, *asked: str) -> str:
    command = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *asked]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def test_without_git_the_content_tells_what_is_there(root: Path) -> None:
    (root / "tool.py").write_text("x = 1\n")
    (root / "data").mkdir()
    (root / "data" / "table.csv").write_text("1\n")
    first = TOOL.state()
    assert set(first) == {"commit", "content"}
    assert first["commit"] is None
    times = (root / "tool.py").stat()
    for name, text in (("tool.py", "x = 2\n"), ("data/table.csv", "2\n"), ("new.py", "")):
        before = TOOL.state()
        (root / name).write_text(text)
        if name == "tool.py":
            # what keeps the size and the time of the file is seen too
            os.utime(root / name, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert TOOL.state() != before, name
    before = TOOL.state()
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "tool.pyc").write_bytes(b"3")
    (root / ".editor").write_text("4")
    assert TOOL.state() == before


@pytest.mark.skipif(shutil.which("git") is None, reason="it needs git: apt-get install git")
def test_a_clean_checkout_is_its_commit_and_an_edited_one_its_content(root: Path) -> None:
    (root / "tool.py").write_text("x = 1\n")
    (root / ".gitignore").write_text("*.so\n__pycache__/\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "one")
    commit = git(root, "rev-parse", "HEAD").strip()
    assert TOOL.state() == {"commit": commit}
    seen = [TOOL.state()]
    (root / "tool.py").write_text("x = 2\n")
    seen.append(TOOL.state())
    (root / "built.so").write_bytes(b"ignored by git, loaded by Python")
    seen.append(TOOL.state())
    (root / "beside.py").write_text("")
    seen.append(TOOL.state())
    assert len({str(s) for s in seen}) == len(seen)
    (root / "built.so").unlink()
    (root / "beside.py").unlink()
    git(root, "checkout", "-q", "tool.py")
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "tool.pyc").write_bytes(b"3")
    assert TOOL.state() == {"commit": commit}


@pytest.mark.parametrize(
    ("kernel", "inputs"),
    [
        ("sfppy", {"D": 1e-14, "l": 1e-4, "t": 1e6, "h": 1e-7, "K": 5.0}),
        ("radigen", {"T": 350.0, "t": 10.0}),
        ("dscript-phantom", {}),
    ],
)
def test_a_run_with_an_edited_checkout_is_another_run(
    kernel: str, inputs: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = {
        "sfppy": "patankar/migration.py",
        "radigen": "radigen3/oxidation.py",
        "dscript-phantom": "pizza/dscript.py",
    }[kernel]
    variable = {"sfppy": "SFPPY", "radigen": "RADIGEN", "dscript-phantom": "PIZZA3"}[kernel]
    source = tmp_path / marker
    source.parent.mkdir()
    source.write_text("x = 1\n")
    monkeypatch.setenv(f"{variable}_ROOT", str(tmp_path))
    made: Any = load(kernel)
    key = made.key(inputs)
    assert made.key(inputs) == key
    source.write_text("x = 2\n")
    assert made.key(inputs) != key
    source.write_text("x = 1\n")
    assert made.key(inputs) == key
