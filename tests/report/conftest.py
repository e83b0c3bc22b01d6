"""Searches of the tests of reports."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def searches_are_brief(brief: None) -> None:
    """What a search finds is tested elsewhere."""
