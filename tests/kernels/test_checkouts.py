"""Simulators that a user has as a checkout: how they are found, run and answer."""

import os
from pathlib import Path

import pytest

from dimgs.errors import RunDivergedError, RunFailedError, RunRefusedError
from dimgs.kernels.checkout import Checkout, head_commit

TOOL = Checkout("Tool", "DIMGS_TEST_TOOL_ROOT", "tool.py", "https://example.org/tool")
CHILD = """
import json, os, sys
import tool
asked = json.load(open(sys.argv[1]))
json.dump(tool.answer(asked, os.getcwd()), open(sys.argv[2], "w"))
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
    found = ask(root, body)
    assert found["a"] == 2.5
    assert found["one"] == "1"
    assert Path(str(found["at"])) not in (Path.cwd(), root)
    assert not Path(str(found["at"])).exists()
    assert sorted(p.name for p in root.iterdir()) == ["tool.py"]


def test_a_checkout_that_is_not_there_is_refused_with_the_remedy(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RunRefusedError, match=r"holds no tool\.py; name the folder of a checkout"):
        TOOL.root()
    assert TOOL.commit() is None
    monkeypatch.delenv(TOOL.variable)
    with pytest.raises(
        RunRefusedError, match=r"clone https://example\.org/tool and name its folder"
    ):
        TOOL.root()


def test_what_goes_wrong_in_it_is_told(root: Path) -> None:
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


@pytest.mark.skipif(os.name != "posix", reason="paths of Git as on Linux and macOS: run it there")
def test_the_commit_is_read_whether_loose_packed_or_detached(tmp_path: Path) -> None:
    git = tmp_path / ".git"
    assert head_commit(tmp_path) is None
    head_commit.cache_clear()
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs\nabc123 refs/heads/main\n")
    assert head_commit(tmp_path) == "abc123"
    head_commit.cache_clear()
    (git / "refs/heads/main").write_text("def456\n")
    assert head_commit(tmp_path) == "def456"
    head_commit.cache_clear()
    (git / "HEAD").write_text("0123abc\n")
    assert head_commit(tmp_path) == "0123abc"
