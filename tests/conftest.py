"""Fixtures and settings shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# a busy machine is no failure; where the tests decide on a release, the examples are fixed
settings.register_profile("dimgs", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("dimgs")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of reference tables beside the checkout; tests that need it skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the reference tables (a folder shared/data beside the checkout) are absent")
    return folder
