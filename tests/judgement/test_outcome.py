"""Outcomes: what was cut is not converged, and only what converged is confirmed."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs import Dataset, DimgsWarning, Options, discover, fit
from dimgs.common.formats import in_percent
from dimgs.discovery import judgement, search
from dimgs.discovery import study as studies
from dimgs.discovery.discover import discover_with
from dimgs.discovery.outofcore import fit_stream
from dimgs.engines.protocol import Cut, CutBy
from dimgs.engines.structured.archive import Archive
from dimgs.judgement.confirmation import HOLDS, LawFacts, Outcome, conclude
from dimgs.judgement.residual_structure import ResidualSummary
from dimgs.report.results import FitResult, Report, Verdict

# what a search finds is tested elsewhere
pytestmark = pytest.mark.usefixtures("brief")

CUTS: tuple[CutBy, ...] = get_args(CutBy)
SCORES = st.none() | st.floats(-5.0, 1.0)
FACTS = st.builds(
    LawFacts,
    cuts=st.lists(st.builds(Cut, st.sampled_from(CUTS), st.sampled_from(["one", "two"]))),
    left_out=SCORES,
    aside=SCORES,
    n_aside=st.integers(1, 9),
    residuals=st.none()
    | st.builds(ResidualSummary, st.floats(0.0, 1.0), st.sampled_from(["", "T"])),
    unavailable=st.sampled_from(["", "There is no Julia here."]),
    open_inputs=st.sampled_from([(), ("x",)]),
    local_powers=st.sampled_from([(), ("pi_1",)]),
    varied_alone=st.sampled_from([(), ("x", "z")]),
)


@given(FACTS)
def test_only_a_complete_search_for_a_law_that_holds_and_leaves_nothing_is_confirmed(
    facts: LawFacts,
) -> None:
    verdict = conclude(facts)
    assert verdict.outcome in get_args(Outcome)
    good = (
        all(cut.by == "evaluations" for cut in facts.cuts)
        and not (facts.unavailable or facts.open_inputs or facts.local_powers)
        and not facts.varied_alone
        and facts.left_out is not None
        and facts.left_out >= HOLDS
        and (facts.aside is None or facts.aside >= HOLDS)
        and facts.residuals is not None
        and not facts.residuals.unexplained
        and not facts.residuals.follows
    )
    assert verdict.confirmed == good
    assert not verdict.confirmed or verdict.outcome == "converged"
    # each reason is a sentence of its own
    assert len(set(verdict.why_not)) == len(verdict.why_not)
    assert all(text.endswith(".") for text in verdict.why_not)


@given(FACTS, st.sampled_from([by for by in CUTS if by != "evaluations"]))
def test_what_was_cut_never_reads_converged(facts: LawFacts, by: CutBy) -> None:
    cut = conclude(replace(facts, cuts=[*facts.cuts, Cut(by, "the search by structured")]))
    assert cut.outcome not in ("converged", "unchecked")
    assert any("the search by structured" in text for text in cut.why_not)
    if by == "interrupt":
        assert cut.outcome == "interrupted"


STEPS = ["the search", "the search for rivals", "the judgement", "the geometry"]


@given(st.sampled_from(CUTS), st.lists(st.sampled_from(STEPS), min_size=1), st.data())
def test_steps_of_one_cut_are_told_once_in_their_order(
    by: CutBy, steps: list[str], data: st.DataObject
) -> None:
    others = [other for other in CUTS if other != by]
    cuts = [Cut(by, step) for step in steps]
    for other in data.draw(st.lists(st.sampled_from(others), max_size=4)):
        cuts.insert(data.draw(st.integers(0, len(cuts))), Cut(other, "x"))
    once = sorted(set(steps), key=steps.index)
    listed = once[0] if len(once) == 1 else ", ".join(once[:-1]) + " and " + once[-1]
    words = {
        "interrupt": f"Interrupted during {listed}: ",
        "time": f"The time limit ended {listed} early; ",
        "evaluations": f"The limit of evaluations ended {listed} early; ",
        "failure": f"A failure ended {listed} early; ",
    }
    reasons = conclude(LawFacts(cuts, left_out=1.0, probability=0.5)).why_not
    assert sum(text.startswith(words[by]) for text in reasons) == 1
    assert len(reasons) == 1 + len({cut.by for cut in cuts})


@given(FACTS)
def test_that_the_evaluations_are_spent_speaks_only_with_something_else(facts: LawFacts) -> None:
    cuts = [Cut("evaluations", "the search")]
    without, alone = (conclude(replace(facts, cuts=c)) for c in ([], cuts))
    assert alone.confirmed == without.confirmed
    others, spent = (
        (alone.why_not, ()) if alone.confirmed else (alone.why_not[:-1], alone.why_not[-1:])
    )
    assert others == without.why_not
    assert all(text.startswith("The limit of evaluations ended") for text in spent)


@given(FACTS)
def test_reasons_say_their_numbers_and_the_gravest_comes_first(facts: LawFacts) -> None:
    verdict = conclude(facts)
    said = " ".join(verdict.why_not)
    left, aside, residuals = facts.left_out, facts.aside, facts.residuals
    rest = None if residuals is None else residuals.unexplained
    low = left is not None and left < HOLDS
    assert ("left out are predicted with" in said) == low
    assert not low or f"predicted with R² = {left:.2g}, less than 0.5: the law does not" in said
    low = aside is not None and aside < HOLDS
    assert (f"The {facts.n_aside} runs set aside before the search" in said) == low
    assert not low or f"with R² = {aside:.2g}, less than 0.5." in said
    assert ("No run could be left out" in said) == (left is None)
    assert ("It is unknown whether" in said) == (rest is None)
    more = bool(rest)
    assert ("of their variance): it is not the whole law" in said) == more
    followed = residuals is not None and residuals.follows == "T"
    assert ("depend on T at equal groups" in said) == followed
    assert ("auto" in said) == followed
    assert not more or f"on the groups ({in_percent(rest or 0.0)} of their variance)" in said
    # each outcome by the first of these that is there
    by = {cut.by for cut in facts.cuts}
    expected = (
        "interrupted" if "interrupt" in by
        else "unavailable" if facts.unavailable
        else "no_candidate" if left is not None and left < HOLDS
        else "timeout" if by - {"evaluations"} or (by and len(verdict.why_not) > 1)
        else "unchecked" if left is None
        else "converged"
    )  # fmt: skip
    assert verdict.outcome == expected
    if expected == "unavailable":
        assert verdict.why_not[0] == facts.unavailable


def table(noise: float = 0.02, n: int = 60) -> Dataset:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 3.0, (2, n))
    z = (x + 2.0 * y) * np.exp(noise * rng.normal(size=n))
    return Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": z})


def consistent(report: Report) -> None:
    document = report.to_json()
    assert document["confirmed"] == (not document["why_not"]) == report.confirmed
    assert not report.confirmed or report.outcome == "converged"
    assert set(document["why_not"]) <= set(document["warnings"])


def test_a_search_that_ends_by_itself_is_confirmed() -> None:
    report = discover(table(0.0), "z", engine="structured", time_limit=3600.0)
    assert (report.outcome, report.confirmed, report.why_not) == ("converged", True, ())
    consistent(report)


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_limit_of_time_that_ends_the_search_is_told(noise: float) -> None:
    report = discover(table(noise), "z", engine="structured", time_limit=1e-6)
    assert report.law is not None
    assert report.outcome == "timeout"
    assert not report.confirmed
    assert report.why_not[0].startswith("The time limit ended")
    consistent(report)


def test_a_limit_of_evaluations_is_told_where_the_law_is_not_confirmed() -> None:
    noisy = table(0.5)
    report = discover(noisy, "z", engine="structured", time_limit=3600.0, evaluations=5)
    assert not report.confirmed
    assert any(text.startswith("The limit of evaluations ended") for text in report.why_not)
    consistent(report)


@pytest.mark.parametrize("scales", [(), "auto"])
def test_no_limit_of_time_is_too_short_to_be_told(scales: Any) -> None:
    """Where nothing was searched at all, the power law is not taken for the answer."""
    for model in ("linear", "deep"):
        options = Options(scales=scales, model=model, time_limit=1e-6)
        try:
            report = discover_with(table(), "z", options)
        except ImportError:
            pytest.skip("torch is not installed")
        assert report.outcome == "timeout"


def interrupt(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int) -> list[int]:
    """Let the user press Ctrl-C in one call of a function."""
    original, calls = getattr(owner, name), [0]

    def pressed(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, pressed)
    return calls


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (search, "run_engine", 1),
        (search, "judge", 1),
        (judgement, "residual_summary", 1),
        (Archive, "add", 1),
        (Archive, "add", 30),
    ],
)
@pytest.mark.parametrize("scales", [(), "auto"])
def test_an_interrupt_leaves_the_best_law_and_is_told(
    owner: Any, name: str, call: int, scales: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = interrupt(monkeypatch, owner, name, call)
    options: dict[str, Any] = {"engine": "structured", "evaluations": 60, "time_limit": 3600.0}
    report = discover(table(), "z", scales=scales, **options)
    assert calls[0] >= call
    assert report.law is not None
    assert report.outcome == "interrupted"
    assert not report.confirmed
    consistent(report)


def test_an_interrupt_before_any_law_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(monkeypatch, studies, "fit_prepared", 1)
    with pytest.raises(KeyboardInterrupt):
        discover(table(), "z")


def reports() -> Iterator[tuple[str, Report, str]]:
    rng = np.random.default_rng(3)
    power: dict[str, Any] = {"engine": "power_law"}
    few = Dataset.from_columns({"L [m]": [1.0, 2.0, 3.0], "W [m]": [2.0, 1.0, 4.0], "q [1]": 1.0})
    yield "nothing to leave out", discover(few, "q", **power), "unchecked"
    a, b, y = np.exp(rng.normal(size=(3, 30)))
    noise = Dataset.from_columns({"a [m]": a, "b [m]": b, "y [m]": y})
    yield "noise", discover(noise, "y", **power), "no_candidate"
    signed = Dataset.from_columns({"a [m]": a, "b [m]": b, "y [m]": np.log(y)})
    yield "noise of both signs", discover(signed, "y", **power), "no_candidate"
    plain = Dataset.from_columns({"a [m]": a, "b [m]": b, "y [m]": 0.3 * a**1.5 / b**0.5})
    yield "a power law", discover(plain, "y", **power), "converged"
    bent = Dataset.from_columns({"a [m]": a, "b [m]": b, "y [m]": a + 2 * b})
    yield "not the whole law", discover(bent, "y", **power), "converged"


def test_every_path_tells_what_its_law_is_worth() -> None:
    for name, report, outcome in reports():
        assert report.outcome == outcome, name
        assert report.confirmed == (name == "a power law"), name
        consistent(report)


def test_a_conclusion_is_confirmed_where_nothing_is_against_it() -> None:
    assert Verdict("converged", ()).confirmed
    assert not Verdict("converged", ("It is not the whole law.",)).confirmed


def idle(n: int = 30) -> Dataset:
    """A pendulum whose mass cannot take part, which is a warning."""
    rng = np.random.default_rng(2)
    length, mass = rng.uniform(0.1, 2.0, (2, n))
    period = 2 * np.pi * np.sqrt(length / 9.80665) * np.exp(0.01 * rng.normal(size=n))
    return Dataset.from_columns({"L [m]": length, "m [kg]": mass, "T [s]": period})


def by_stream(data: Dataset, target: str, **options: Any) -> FitResult:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "runs.csv"
        columns = {f"{v.name} [{v.si_unit}]": data[v.name] for v in data.variables}
        pd.DataFrame(columns).to_csv(path, index=False)
        return fit_stream(path, target, Options(**options))


@pytest.mark.parametrize("analyse", [fit, by_stream, discover])
def test_what_a_result_lists_as_warnings_is_raised_as_warnings(analyse: Any) -> None:
    more = {"engine": "power_law"} if analyse is discover else {}
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        result = analyse(idle(), "T", constants=["g"], **more)
    assert [str(w.message) for w in raised] == list(result.warnings)
    assert result.warnings
    assert {w.category for w in raised} == {DimgsWarning}
    assert {Path(w.filename) for w in raised} == {Path(__file__)}


def test_what_is_not_confirmed_is_a_warning() -> None:
    with pytest.warns(DimgsWarning, match="The limit of evaluations ended"):
        discover(table(0.5), "z", engine="structured", evaluations=5)
