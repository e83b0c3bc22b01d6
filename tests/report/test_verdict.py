"""What is no confirmed law says so: first, last, and in the warnings."""

from dataclasses import replace

import numpy as np
import pytest

from dimgs import Dataset, discover
from dimgs.report.results import Report
from dimgs.report.verdict import error_of, headline, verdict
from tests.patience import AMPLE


@pytest.fixture(scope="module")
def failed() -> Report:
    rng = np.random.default_rng(0)
    a, b, y = np.exp(rng.normal(size=(3, 40)))
    table = Dataset.from_columns({"a [m]": a, "b [m]": b, "y [m]": y})
    return discover(table, "y", engine="structured", evaluations=100, time_limit=AMPLE)


def test_no_law_is_said_at_both_ends(failed: Report) -> None:
    lines = str(failed).splitlines()
    assert failed.outcome == "no_candidate"
    assert lines[1].startswith("NO LAW FOUND within the budget; best surrogate, error")
    assert "No law found within the budget" in lines[-2]
    assert any(w.startswith("No law found within the budget") for w in failed.warnings)
    assert failed.to_json()["confirmed"] is False


def test_what_the_clock_cut_off_is_not_confirmed(failed: Report) -> None:
    late = replace(failed, outcome="timeout")
    assert headline(late) is not None
    assert str(headline(late)).startswith("NOT CONFIRMED")
    assert verdict(late).startswith("Not confirmed: the time limit")
    assert not late.confirmed


def test_a_law_has_no_headline(failed: Report) -> None:
    assert headline(replace(failed, outcome="converged")) is None
    good = replace(failed, outcome="converged", unexplained=0.0)
    assert good.confirmed
    assert verdict(good) == "The law predicts runs that it was not fitted on."


@pytest.mark.parametrize(
    ("measured", "predicted", "words"),
    [
        ((1.0, 2.0), (1.1, 2.2), "error 9.5 % on the fitted runs"),
        ((1.0, 2.0), (100.0, 0.02), "error a factor of 1e+02 on the fitted runs"),
        ((-1.0, 1.0), (-1.1, 0.9), "error 10 % of the rms on the fitted runs"),
        ((), (), "error unknown"),
    ],
)
def test_errors_in_words(
    failed: Report, measured: tuple[float, ...], predicted: tuple[float, ...], words: str
) -> None:
    report = replace(failed, measured=measured, predicted=predicted, left_out=(0.0,) * 7)
    assert error_of(report) == words
    if measured:
        report = replace(report, left_out=predicted)
        assert error_of(report) == words.replace("the fitted runs", "runs left out")
