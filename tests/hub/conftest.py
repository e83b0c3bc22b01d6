"""An empty store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dimgs.hub import RunStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with RunStore(tmp_path / "runs.sqlite") as store:
        yield store
