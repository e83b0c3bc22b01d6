"""Messages stay of a length that can be read, whatever they quote."""

import pickle
from collections.abc import Callable

import pytest

import dimgs
from dimgs.common.errors import RunFailedError, brief

LONG = "x" * 90_000
DATA = dimgs.Dataset.from_columns({f"c{i} [m]": [1.0, 2.0, 3.0] for i in range(3000)})


@pytest.mark.parametrize(
    "refused",
    [
        lambda: dimgs.fit(DATA, LONG),
        lambda: dimgs.fit(DATA, "c1", within=LONG),
        lambda: dimgs.discover(DATA, "c1", engine=LONG),
        lambda: dimgs.read_table(LONG),
        lambda: dimgs.pi_basis(["a [m]", "b [m]"], LONG),
        lambda: dimgs.pi_basis(["a [m]", "b [m]"], "a", constants=[LONG]),
        lambda: dimgs.define_unit(LONG),
    ],
)
def test_no_error_repeats_a_long_text(refused: Callable[[], object]) -> None:
    with pytest.raises(dimgs.DimgsError) as caught:
        refused()
    message = str(caught.value)
    assert len(message) <= 1000
    assert LONG[:50] in message
    assert not message.endswith("x")
    assert str(pickle.loads(pickle.dumps(caught.value))) == message


def test_short_messages_stay_as_they_are() -> None:
    assert brief("y" * 1000) == "y" * 1000
    assert RunFailedError("reason", {"folder": "f"}).provenance == {"folder": "f"}


def test_usage_errors_are_short_too(capsys: pytest.CaptureFixture[str]) -> None:
    from dimgs.cli.app import run

    for given in ([LONG], ["fit", f"--{LONG}"], ["fit", "t.csv", "--level", LONG]):
        assert run(given) == 2
        err = capsys.readouterr().err
        assert len(err) < 1100, given[0][:10]
        assert err.count("\n") == 1
