"""Progress events of long work reach the innermost listener and the log."""

import logging
from typing import Any

import pytest

from dimgs.common.progress import listening, report_progress


def test_it_is_heard_by_the_innermost_listener_and_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outer: list[str] = []
    inner: list[str] = []
    with caplog.at_level(logging.INFO, "dimgs"), listening(outer.append):
        report_progress("one")
        with listening(inner.append):
            report_progress("two")
        with listening(None):
            report_progress("three")
        report_progress("four")
    assert (outer, inner) == (["one", "four"], ["two"])
    assert [r.getMessage() for r in caplog.records] == ["one", "two", "three", "four"]


def test_no_text_is_made_where_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    class Law:
        def __str__(self) -> str:
            made.append("text")
            return "z = x"

    made: list[str] = []
    with caplog.at_level(logging.WARNING, "dimgs"):
        report_progress("it is %s", Law())
    assert not made
    with caplog.at_level(logging.INFO, "dimgs"):
        report_progress("it is %s", Law())
    assert caplog.messages == ["it is z = x"]


def test_a_search_reports_its_candidates() -> None:
    import dimgs

    data = dimgs.Dataset.from_columns(
        {"x [m]": [k / 4 for k in range(1, 21)], "y [m]": [1.0] * 20,
         "z [m]": [1 + k / 4 for k in range(1, 21)]}
    )  # fmt: skip
    heard: list[object] = []
    dimgs.discover(data, "z", time_limit=20, progress=heard.append)
    proposed = [c for event in heard for c in getattr(event, "candidates", ())]
    assert len(proposed) > 1
    assert min(c.loss for c in proposed) < 1e-18


def test_a_bar_is_shown_in_notebooks_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import ModuleType, SimpleNamespace

    import dimgs
    from dimgs.common.progress import notebook_bar

    with notebook_bar() as nothing:
        assert nothing is None
    shown: list[str] = []
    shell: Any = ModuleType("IPython")
    shell.get_ipython = lambda: SimpleNamespace(kernel=True)
    drawn: Any = ModuleType("IPython.display")
    drawn.HTML = str
    drawn.display = lambda html, display_id: SimpleNamespace(update=shown.append)
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", drawn)
    with notebook_bar() as show:
        assert show is not None
        show("x < y", 2, 4)
    assert shown == ['<progress value="2" max="4"></progress> x &lt; y', ""]
    shown.clear()
    table = {"a [m]": [1.0, 2, 3, 4, 5], "t [s]": [0.51, 0.72, 0.88, 1.02, 1.14]}
    dimgs.discover(dimgs.Dataset.from_columns(table), "t", constants=["g"])
    assert "the law so far is" in shown[0]
    assert not shown[-1]
    # a listener gets the events instead
    shown.clear()
    heard: list[str] = []
    dimgs.discover(dimgs.Dataset.from_columns(table), "t", constants=["g"], progress=heard.append)
    assert heard
    assert not shown
