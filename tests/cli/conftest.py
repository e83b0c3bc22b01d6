"""The command line as a fixture."""

from pathlib import Path

import pytest

from tests.cli.runner import Shell


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


@pytest.fixture(autouse=True, scope="module")
def searches_are_brief(brief: None) -> None:
    """What a search finds is tested elsewhere."""
