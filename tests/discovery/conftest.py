"""The command line as a fixture."""

from pathlib import Path

import pytest

from tests.cli.runner import Shell


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)
