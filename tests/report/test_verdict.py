"""What is not a confirmed law says so: first, last, and in the warnings."""

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any, get_args

import numpy as np
import pytest

from dimgs import Dataset, discover, fit
from dimgs.judgement.confirmation import Outcome
from dimgs.report.findings import Lead
from dimgs.report.plain_text import sources_lines
from dimgs.report.results import Report
from dimgs.report.words import error_of, headline, log_error, verdict
from tests.patience import AMPLE


@pytest.fixture(scope="module")
def failed() -> Report:
    rng = np.random.default_rng(0)
    a, b, y = np.exp(rng.normal(size=(3, 40)))
    table = Dataset.from_columns({"a [m]": a, "b [m]": b, "y [m]": y})
    return discover(table, "y", engine="structured", evaluations=100, time_limit=AMPLE)


def test_no_law_is_said_at_both_ends(failed: Report) -> None:
    text = str(failed)
    assert failed.outcome == "no_candidate"
    assert text.splitlines()[1].startswith("NO LAW FOUND within the budget; best surrogate, error")
    assert "\nVerdict    Not confirmed. Runs left out are predicted with R² = " in text
    document = failed.to_json()
    assert document["confirmed"] is False
    assert document["why_not"] == list(failed.why_not)
    assert set(failed.why_not) <= set(failed.warnings)


FORMS: dict[str, Callable[[Report], str]] = {
    "text": str,
    "page": Report.to_html,
    "markdown": Report.to_markdown,
    "latex": Report.to_latex,
}


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_said_twice(failed: Report, form: str) -> None:
    # functions to copy state the verdict in their comments
    shown = re.sub(r"<pre.*?</pre>", "", FORMS[form](failed), flags=re.DOTALL)
    text = " ".join(unescape(re.sub(r"\\[<>]?|</?[a-zA-Z][^>]*>", " ", shown)).split())
    assert len(re.findall("no law found", text, re.IGNORECASE)) == 1
    reason = "Runs left out are predicted with"
    assert failed.why_not[0].startswith(reason)
    assert text.count(reason) == 1


@pytest.mark.parametrize("outcome", [o for o in get_args(Outcome) if o != "converged"])
def test_what_is_not_confirmed_has_a_headline_and_a_reason(failed: Report, outcome: str) -> None:
    report = replace(failed, outcome=outcome, why_not=("It is so.",))
    assert str(headline(report)).startswith("NO")
    assert verdict(report, report.law, "") == "Not confirmed. It is so."
    assert not report.confirmed


def test_a_law_has_no_headline(failed: Report) -> None:
    assert headline(replace(failed, outcome="converged")) is not None
    good = replace(failed, outcome="converged", why_not=())
    assert good.confirmed
    assert headline(good) is None


@pytest.mark.parametrize(
    ("asked", "unseen", "left_out"),
    [
        ({}, "runs left out in turn", "runs left out"),
        ({"split_by": "lab"}, "whole sources of 'lab' left out in turn", None),
        ({"by": ["lab"]}, "whole sources of 'lab' left out in turn", None),
    ],
)
def test_the_verdict_says_which_runs_were_predicted(
    asked: dict[str, Any], unseen: str, left_out: str | None
) -> None:
    rng = np.random.default_rng(2)
    x = np.exp(rng.normal(size=24))
    table = {"x [m]": x, "lab": np.repeat([*"abcdef"], 4), "y [m]": 2 * x**2 / 3}
    data = Dataset.from_columns(
        {**table, "y [m]": table["y [m]"] * np.exp(rng.normal(0, 0.01, 24))}
    )
    report = discover(data, "y", scales="auto", engine="power_law", **asked)
    left_out = left_out or "whole sources of 'lab' left out"
    assert error_of(report).endswith(f" on {left_out}")
    good, law = replace(report, outcome="converged", why_not=()), report.law
    assert law is not None
    in_turn = law.with_scores(replace(law.scores, holdout_n=0))
    aside = law.with_scores(replace(law.scores, holdout_n=5))
    for one, said in ((in_turn, unseen), (aside, "held-out runs")):
        told = f"Confirmed: probable, no residual structure, predicts {said}."
        confirmed = replace(good, law=one)
        for shown in (str(confirmed), confirmed.to_markdown(), confirmed.to_html()):
            assert told in " ".join(unescape(shown).split())
    assert f"of {left_out}" in confirmed.to_html().replace("&#39;", "'")
    fitted = fit(data, "y", scales="auto", **asked)
    of_fit = replace(
        fitted,
        law=fitted.law.with_scores(in_turn.scores),
        judge=lambda: replace(fitted.verdict, why_not=(), outcome="converged"),
    )
    assert f"predicts {unseen}." in " ".join(str(of_fit).split())


def test_sources_of_exact_runs_are_alike() -> None:
    """What differs between their factors is the rounding of the runs, at any chance."""
    x = np.geomspace(0.1, 10.0, 18)
    table = {"x [m]": x, "lab [label]": np.resize(["p", "q", "r"], 18), "y [m^2]": 3.0 * x**2}
    law = fit(table, "y", by=["lab"]).law
    (source,) = law.sources
    for p in (1e-3, 1.0):
        told = replace(law, sources=(replace(source, p_values=(p,)),))
        assert sources_lines(told) == ["3 sources of lab: alike, to the rounding of the runs"]


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


def test_errors_of_a_level_are_no_ratios() -> None:
    x = np.geomspace(1.0, 100.0, 12)
    table = Dataset.from_columns({"x [m]": x, "l [m]": 1.0, "L [dB]": 40.0 + 10.0 * np.log10(x)})
    report = discover(table, "L", engine="power_law")
    moved = replace(report, predicted=tuple(p + 1.0 for p in report.measured), left_out=())
    assert "error 1 dB on the fitted runs" in error_of(moved)
    assert log_error(moved, *moved.judged_on()[:2]) is None


def test_predictions_far_beyond_the_range_of_the_runs_have_a_score() -> None:
    # of a decay over many lengths, runs left out may be missed by more than can be squared
    lead = Lead("blend", (1.0, 2.0, 3.0), (1.0, 1e200, 3.0), is_first=True)
    assert lead.r2 == -np.inf
