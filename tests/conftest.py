"""Fixtures and settings shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# a busy machine is no failure; where the tests decide on a release, the examples are fixed
RELEASE = not {"CI", "DIMGS_CI"}.isdisjoint(os.environ)
settings.register_profile("dimgs", deadline=None, max_examples=40, derandomize=RELEASE)
# many more examples, for a night: HYPOTHESIS_PROFILE=thorough
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dimgs"))

# by name, one a line: what costs most, where shorter checks of the same stand beside it
LONGER = Path(__file__).with_name("longer.txt")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the longer checks as slow."""
    longer = set(LONGER.read_text(encoding="utf-8").splitlines())
    for item in items:
        if item.nodeid in longer:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of reference tables beside the checkout; tests that need it skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the reference tables (a folder shared/data beside the checkout) are absent")
    return folder
