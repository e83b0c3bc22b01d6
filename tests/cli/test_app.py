"""What the command line says and exits with when something goes wrong inside."""

import pytest

import dimgs.cli.app
from dimgs.cli.app import run


@pytest.mark.parametrize("error", [OverflowError("out of range"), MemoryError(), RuntimeError("")])
def test_the_unforeseen_is_one_line_and_no_traceback(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(dimgs.cli.app, "app", fail)
    monkeypatch.delenv("DIMGS_DEBUG", raising=False)
    assert run(["engines"]) == 1
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("error: ")
    assert written.err.count("\n") == 1


def test_developers_may_ask_for_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(args: object, standalone_mode: bool) -> None:
        raise OverflowError

    monkeypatch.setattr(dimgs.cli.app, "app", fail)
    monkeypatch.setenv("DIMGS_DEBUG", "1")
    with pytest.raises(OverflowError):
        run(["engines"])
