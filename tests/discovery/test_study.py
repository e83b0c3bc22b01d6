"""What searches propose for a basis, in which order, and what is left to the judgement."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy

from dimgs import Dataset, Options
from dimgs.discovery import search as module
from dimgs.discovery import study as studies
from dimgs.discovery.judgement import _with_law, judge
from dimgs.discovery.prepare import Prepared, prepare
from dimgs.discovery.scoring import law_scores
from dimgs.discovery.study import Study, add_candidates, left_out_residuals, study_of_power_law
from dimgs.engines.protocol import Clock, Result
from dimgs.expression.candidate import Candidate
from dimgs.judgement.candidates import judge_forms
from dimgs.law.assemble import assemble
from dimgs.law.law import Law
from tests.patience import AMPLE

a, b, c, pi_1 = sympy.symbols("a b c pi_1")
POWER = Options(engine="power_law")


def prepared(n: int = 30, noise: float = 0.02, split: bool = False) -> Prepared:
    """Runs of y = 1 + 2·x, and which site they are of."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0.3, 4.0, n)
    y = (1.0 + 2.0 * x) * np.exp(noise * rng.standard_normal(n))
    columns: dict[str, Any] = {"x [1]": x, "y [1]": y}
    if split:
        columns["site"] = [f"s{k % 6}" for k in range(n)]
    return prepare(Dataset.from_columns(columns), "y", Options(split_by="site" if split else None))


def law_of(known: Prepared, expression: sympy.Expr, **start: float) -> Law:
    law = assemble(known.design, expression, start, 0.9)
    return law.with_scores(law_scores(known.design, law, Options()))


def power_law(known: Prepared) -> Study:
    return study_of_power_law(known, POWER)


def front(*expressions: sympy.Expr, engine: str = "structured") -> tuple[Candidate, ...]:
    """Candidates with the constants 1, in this order."""
    values = {"a": 1.0, "b": 2.0, "c": 0.001}
    used = [{k: values[k] for k in map(str, e.free_symbols) if k in values} for e in expressions]
    return tuple(Candidate.of(e, v, engine=engine) for e, v in zip(expressions, used, strict=True))


def test_candidates_take_the_place_of_the_power_law_and_join_those_of_other_searches() -> None:
    power = power_law(prepared())
    one = front(a + b * pi_1, a + 2 * pi_1)
    first = add_candidates(power, one, "structured")
    assert (first.candidates, first.engine) == (one, "structured")
    assert (first.law, first.cv_r2) == (power.law, power.cv_r2)
    worse = front(b * pi_1, a + b * pi_1, engine="other")
    both = add_candidates(first, worse, "other")
    # those of the fewest bits first, and equal ones once, by the engine that was first
    assert [str(c) for c in both.candidates[:2]] != [str(c) for c in worse]
    assert sorted(str(c) for c in both.candidates) == sorted({str(c) for c in (*one, *worse)})
    assert [c.engine for c in both.candidates if str(c) == "a + b*pi_1"] == ["structured"]
    assert str(both.candidates[-1]) == "b*pi_1"
    # a search that found nothing says that it searched, and takes nothing away
    assert add_candidates(power, (), "structured").candidates == power.candidates
    assert add_candidates(both, (), "other") is both


class Starting:
    """An engine that takes some time to start."""

    name = "slow"

    def __init__(self, startup: float) -> None:
        self.startup = startup

    def search(self, *_: Any) -> Result:
        return Result(front(a + b * pi_1), "converged", "", 0.0, startup=self.startup)


def test_the_start_of_an_engine_is_worth_a_word_from_a_second_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    power = power_law(prepared())
    said = []
    for startup in (0.9, 17.4):
        entry = SimpleNamespace(make=lambda known, taken=startup: Starting(taken))
        monkeypatch.setattr(studies, "entry_named", lambda name, entry=entry: entry)
        out = studies.run_engine(power, "slow", AMPLE, Options(), Clock.of(AMPLE))
        said.append(out.warnings[len(power.warnings) :])
    assert not said[0]
    assert "took 17 s to start" in said[1][0]


@pytest.mark.parametrize("split", [False, True])
def test_residuals_of_runs_left_out_are_of_the_law_that_is_kept(split: bool) -> None:
    known = prepared(split=split)
    power = power_law(known)
    assert power.result is not None
    assert power.result.left_out is not None
    log = known.design.y + known.design.offset
    total = np.sum((log - log.mean()) ** 2)
    residuals = left_out_residuals(power, POWER)
    assert residuals is not None
    assert power.cv_r2 == pytest.approx(1 - residuals @ residuals / total)
    better = replace(power, law=law_of(power.prepared, a + b * pi_1, a=1.0, b=2.0))
    left = left_out_residuals(better, POWER)
    assert left is not None
    assert better.law.scores.cv_r2_log == pytest.approx(1 - left @ left / total)
    assert np.std(left) < 0.5 * np.std(residuals)
    assert left_out_residuals(replace(better, left_out=residuals), POWER) is residuals


def test_the_power_law_is_the_first_candidate() -> None:
    known = prepared()
    power = power_law(known)
    (candidate,) = power.candidates
    assert power.law.scores.rmse_log is not None
    assert candidate.loss == pytest.approx(power.law.scores.rmse_log**2)
    assert (candidate.engine, candidate.scale) == ("power_law", "log")
    groups = {"pi_1": np.exp(known.design.X[:, 0])}
    np.testing.assert_allclose(candidate.evaluate(groups), power.law.predict_si(known.design.data))


def test_a_law_on_a_linear_scale_counts_what_it_leaves_of_the_variance() -> None:
    x = np.linspace(-2.0, 3.0, 30)
    y = 2.0 * x + 0.1 * np.cos(7.0 * x)
    table = Dataset.from_columns({"x [1]": x, "y [1]": y})
    known = prepare(table, "y", POWER, any_sign=True)
    study = power_law(known)
    assert study.result is None
    assert study.law.scores.r2 is not None
    for candidate in study.candidates:
        assert candidate.loss == pytest.approx(1 - study.law.scores.r2)
        assert candidate.scale == "linear"


def test_exact_candidates_are_told_from_others() -> None:
    power = power_law(prepared(noise=0.0))
    assert not power.exact
    for loss, exact in ((1e-20, True), (1e-17, False)):
        (one,) = front(a + b * pi_1)
        assert replace(power, candidates=(replace(one, loss=loss),)).exact == exact


def steps_of(
    monkeypatch: pytest.MonkeyPatch, options: Options, *, over: bool = False
) -> tuple[list[str], list[str]]:
    """Which steps a study takes, and which ones it says were cut."""
    known = power_law(prepared())
    taken: list[str] = []

    def step(name: str) -> Callable[..., Study]:
        def run(study: Study, *_: Any) -> Study:
            taken.append(name)
            return study

        return run

    monkeypatch.setattr(module, "run_engine", step("search"))
    monkeypatch.setattr(module, "usable_engines", lambda _: ["structured"])
    monkeypatch.setattr(module, "_from_potential", step("deep"))
    clock = Clock.of(-1.0 if over else AMPLE)
    list(module._proposals(known, options, clock))
    return taken, [cut.step for cut in clock.cuts]


def test_engines_search_before_a_deep_potential(monkeypatch: pytest.MonkeyPatch) -> None:
    assert steps_of(monkeypatch, Options()) == (["search"], [])
    assert steps_of(monkeypatch, Options(model="deep")) == (["search", "deep"], [])
    assert steps_of(monkeypatch, Options(engine="power_law")) == ([], [])
    assert steps_of(monkeypatch, Options(), over=True) == ([], ["the search by structured"])


class Potential:
    """A deep potential of a known score."""

    def left_out_r2(self) -> float:
        return 0.98765


def from_potential(
    monkeypatch: pytest.MonkeyPatch, study: Study, more: tuple[Candidate, ...]
) -> Study:
    from dimgs.discovery import deep

    monkeypatch.setattr(deep, "fit_teacher", lambda *_: Potential())
    monkeypatch.setattr(deep, "candidates_of", lambda *_: more)
    return module._from_potential(study, Options(model="deep"), Clock.of(AMPLE))


def test_a_deep_potential_proposes_where_the_judgement_confirms_nothing_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch")
    power = power_law(prepared())
    study = from_potential(monkeypatch, power, front(a + b * pi_1, engine="deep"))
    assert "The cross-validated R² of a deep potential is 0.98765" in study.warnings[-1]
    assert [str(c) for c in study.candidates] == ["a + b*pi_1"]
    # which candidate is the law is not decided here
    assert (study.law, study.posterior) == (power.law, None)
    known = add_candidates(power, front(a + b * pi_1), "structured")
    assert judge(known, Options(), Clock.of(AMPLE)).verdict.confirmed
    kept = from_potential(monkeypatch, known, front(a + b * pi_1 + c / pi_1, engine="deep"))
    assert kept.candidates == known.candidates


def test_a_deep_potential_is_no_use_to_what_is_exact_or_has_no_time() -> None:
    pytest.importorskip("torch")
    power = power_law(prepared())
    (one,) = front(a + b * pi_1)
    exact = replace(power, candidates=(replace(one, loss=0.0),))
    deep = Options(model="deep")
    assert module._from_potential(exact, deep, Clock.of(AMPLE)) is exact
    late = Clock.of(-1.0)
    assert module._from_potential(power, deep, late) is power
    assert [cut.step for cut in late.cuts] == ["the search on a deep potential"]
    stopped = Clock.of(AMPLE)
    stopped.cut("interrupt", "the search")
    assert module._from_potential(power, deep, stopped) is power
    assert len(stopped.cuts) == 1


def test_an_interrupt_leaves_the_first_candidate_without_a_judgement() -> None:
    power = power_law(prepared())
    study = add_candidates(power, front(a + b * pi_1), "structured")
    stopped = Clock.of(AMPLE)
    stopped.cut("interrupt", "the search")
    out = judge(study, Options(), stopped)
    assert out.law.constants
    assert (str(out.law.pi_expression), out.engine) == ("a + b*pi_1", "structured")
    assert out.verdict.probability is None
    assert not out.verdict.confirmed


def test_every_form_of_the_power_law_is_cross_validated() -> None:
    """Also one with a fitted and a simple exponent where the fit has two fitted ones."""
    rng = np.random.default_rng(1)
    x, z = np.exp(rng.normal(size=(2, 12)))
    y = x**-0.276 * np.exp(0.07 * rng.standard_normal(12))
    data = Dataset.from_columns({"x [kg]": x, "z [yr]": z, "y [1/min]": y})
    options = Options(scales="auto")
    study = study_of_power_law(prepare(data, "y", options), options)
    assert study.result is not None
    design = study.prepared.design
    forms = judge_forms(design, study.result, study.law, (), Clock.of(AMPLE))
    assert {one.exponents for one in forms} == {1, 2}
    for one in forms:
        law = _with_law(study, one, options).law
        assert law.scores.cv_r2_log is not None
