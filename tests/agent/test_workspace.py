"""Nothing outside the workspace is read, by whatever path."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.agent.context import Workspace
from dimgs.common.errors import InputError
from tests.agent.conftest import TABLE


@pytest.fixture
def inside(workspace: Path) -> Workspace:
    return Workspace(workspace)


def test_a_table_is_read_with_the_units_beside_it(inside: Workspace, workspace: Path) -> None:
    deep = workspace / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "t.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    (deep / "t.units.json").write_text('{"x": "m", "y": "s"}', encoding="utf-8")
    assert inside.tables() == ["pendulum.csv", "a/b/t.csv"]
    with inside.file("a/b/t.csv") as path:
        assert sorted(p.name for p in path.parent.iterdir()) == ["t.csv", "t.units.json"]
    with inside.file(TABLE) as path:
        assert path.read_text(encoding="utf-8") == TABLE


@pytest.mark.parametrize(
    "name",
    [
        "../secret.csv",
        "a/../../secret.csv",
        "/etc/passwd.csv",
        "./pendulum.csv",
        "a//b.csv",
        "..\\secret.csv",
        "pendulum.csv\x00.csv",
        "pendulum",
        ".csv/../../secret.csv",
        "",
    ],
)
def test_paths_that_lead_out_or_are_odd_are_refused(inside: Workspace, name: str) -> None:
    with pytest.raises(InputError, match="not a table of the workspace"):
        inside.read(name)


def test_links_are_not_followed(inside: Workspace, workspace: Path) -> None:
    (workspace / "file.csv").symlink_to(workspace.parent / "secret.csv")
    (workspace / "out").symlink_to(workspace.parent)
    (workspace / "own.csv").symlink_to(workspace / "pendulum.csv")
    (workspace / "pendulum.units.json").symlink_to(workspace.parent / "secret.csv")
    os.mkfifo(workspace / "pipe.csv")
    (workspace / "folder.csv").mkdir()
    for name in ("file.csv", "out/secret.csv", "own.csv", "pipe.csv", "folder.csv"):
        with pytest.raises(InputError, match=r"not followed|no table"):
            inside.read(name)
    assert "file.csv" not in inside.tables()
    with inside.file("pendulum.csv") as path:
        assert [p.name for p in path.parent.iterdir()] == ["pendulum.csv"]


@given(st.text(max_size=30))
def test_whatever_is_named_only_what_lies_inside_is_read(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    folder = tmp_path_factory.mktemp("w", numbered=True)
    with pytest.raises(InputError):
        Workspace(folder).read(name)


def test_without_a_workspace_only_pasted_tables_are_read() -> None:
    with pytest.raises(InputError, match="paste the table"):
        Workspace(None).read("pendulum.csv")
    with pytest.raises(InputError, match="no folder"):
        Workspace("/no/such/folder")
