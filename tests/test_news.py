"""What long work tells reaches whoever listens, and the log."""

import logging

import pytest

from dimgs.news import listening, tell


def test_it_is_heard_by_the_innermost_listener_and_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outer: list[str] = []
    inner: list[str] = []
    with caplog.at_level(logging.INFO, "dimgs"), listening(outer.append):
        tell("one")
        with listening(inner.append):
            tell("two")
        with listening(None):
            tell("three")
        tell("four")
    assert (outer, inner) == (["one", "four"], ["two"])
    assert [r.getMessage() for r in caplog.records] == ["one", "two", "three", "four"]


def test_a_search_tells_its_candidates() -> None:
    import dimgs

    data = dimgs.Dataset.from_columns(
        {"x [m]": [k / 4 for k in range(1, 21)], "y [m]": [1.0] * 20,
         "z [m]": [1 + k / 4 for k in range(1, 21)]}
    )  # fmt: skip
    heard: list[object] = []
    dimgs.discover(data, "z", time_limit=20, progress=heard.append)
    told = [c for news in heard for c in getattr(news, "candidates", ())]
    assert len(told) > 1
    assert min(c.loss for c in told) < 1e-18
