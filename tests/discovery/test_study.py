"""Which of the laws of a basis is kept: power law, engines' law, distilled law."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy

from dimgs import Dataset, Options
from dimgs.discovery import study as module
from dimgs.discovery.clock import Clock
from dimgs.discovery.cross_validation import as_good_but_shorter, law_scores
from dimgs.discovery.prepare import Prepared, prepare
from dimgs.discovery.search import Found
from dimgs.discovery.study import Study, left_out_residuals, study
from dimgs.expression.candidate import Candidate
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
    return study(known, POWER, Clock.of(AMPLE))


def searched(found: Study, monkeypatch: pytest.MonkeyPatch, **result: Any) -> Study:
    """What is made of the result of engines."""
    answer = Found(None, (), "structured", "converged", "", unlogged={"pi_2": "t"})
    monkeypatch.setattr(module, "search", lambda *_: replace(answer, **result))
    return module._searched(found, Options(), Clock.of(AMPLE))


def test_what_engines_find_takes_the_place_of_a_power_law_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = prepared()
    power = power_law(known)
    law = law_of(known, a + b * pi_1, a=1.0, b=2.0)
    front = (Candidate.of(a + b * pi_1, {"a": 1.0, "b": 2.0}),)
    kept = searched(power, monkeypatch, law=law, left_out=0.99, candidates=front)
    assert (kept.law, kept.known, kept.engine) == (law, 0.99, "structured")
    assert (kept.candidates, kept.unlogged) == (front, {"pi_2": "t"})
    # without a law, the front is still that of the search, where there was only the power law
    tried = searched(power, monkeypatch, candidates=front)
    assert (tried.law, tried.known, tried.engine) == (power.law, power.known, "structured")
    assert tried.candidates == front
    distilled = replace(power, engine="distillation")
    same = searched(distilled, monkeypatch, candidates=front)
    assert (same.engine, same.candidates) == ("distillation", power.candidates)
    better = searched(distilled, monkeypatch, law=law, left_out=0.99, candidates=front)
    assert (better.engine, better.law, better.candidates) == ("structured", law, front)


def test_the_start_of_an_engine_is_worth_a_word_from_a_second_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    power = power_law(prepared())
    quick = searched(power, monkeypatch, startup=0.9)
    slow = searched(power, monkeypatch, startup=17.4)
    assert quick.warnings == power.warnings
    assert "took 17 s to start" in slow.warnings[-1]


def test_a_shorter_law_may_be_worse_by_a_tenth_of_what_is_left() -> None:
    known = prepared()
    design = known.design
    short = law_of(known, a + 2 * pi_1, a=1.0)
    long = law_of(known, a + b * pi_1 + c * pi_1**2, a=1.0, b=2.0, c=1e-3)

    def judged(mine: float | None, theirs: float | None, first: Law, second: Law) -> float | None:
        laws = [
            law.with_scores(replace(law.scores, cv_r2_log=known, rmse_log=0.02))
            for law, known in ((first, mine), (second, theirs))
        ]
        return as_good_but_shorter(design, *laws)

    assert judged(0.9, 0.9, short, long) == 0.9
    assert judged(0.891, 0.9, short, long) == 0.891
    assert judged(0.889, 0.9, short, long) is None
    assert judged(1.0 - 5e-10, 1.0, short, long) is not None
    assert judged(1.0 - 5e-9, 1.0, short, long) is None
    # a longer one is none, however well it predicts
    assert judged(0.95, 0.9, long, short) is None
    assert judged(0.9, 0.9, short, short) is None
    assert judged(None, 0.9, short, long) is None
    assert judged(0.9, None, short, long) is None
    # what is saved in words is not paid back by residuals ten times as large
    loose = short.with_scores(replace(short.scores, cv_r2_log=0.9, rmse_log=0.2))
    tight = long.with_scores(replace(long.scores, cv_r2_log=0.9, rmse_log=0.02))
    assert as_good_but_shorter(design, loose, tight) is None


@pytest.mark.parametrize("split", [False, True])
def test_residuals_of_runs_left_out_are_of_the_law_that_is_kept(split: bool) -> None:
    known = prepared(split=split)
    power = power_law(known)
    assert power.result is not None
    assert power.result.left_out is not None
    log = known.design.y + known.design.offset
    total = np.sum((log - log.mean()) ** 2)
    own = left_out_residuals(power, POWER)
    assert own is not None
    assert power.known == pytest.approx(1 - own @ own / total)
    better = replace(power, law=law_of(power.prepared, a + b * pi_1, a=1.0, b=2.0))
    left = left_out_residuals(better, POWER)
    assert left is not None
    assert better.law.scores.cv_r2_log == pytest.approx(1 - left @ left / total)
    assert np.std(left) < 0.5 * np.std(own)
    assert left_out_residuals(replace(better, left_out=own), POWER) is own


def test_a_law_that_predicts_worse_than_the_power_law_gives_way_to_it() -> None:
    known = prepared()
    power = power_law(known)
    assert power.known is not None
    good = replace(power, law=law_of(known, a + b * pi_1, a=1.0, b=2.0), known=0.5, engine="x")
    kept = module._refitted(good, POWER)
    assert (kept.engine, kept.law.pi_expression) == ("x", good.law.pi_expression)
    assert kept.known is not None
    assert kept.known > power.known
    assert kept.law.scores.cv_r2_log == kept.known
    bad = replace(power, law=law_of(known, b * sympy.exp(-a * pi_1), a=0.1, b=9.0), engine="x")
    back = module._refitted(bad, POWER)
    assert (back.engine, back.law, back.known) == ("power_law", power.law, power.known)
    many = replace(good, prepared=replace(known, design=known.design))
    limit = module.MOST_LEFT_OUT
    module.MOST_LEFT_OUT = 29
    try:
        assert module._refitted(many, POWER) is many
    finally:
        module.MOST_LEFT_OUT = limit


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
    known = prepare(table, "y", POWER, linear_allowed=True)
    found = power_law(known)
    assert found.result is None
    assert found.law.scores.r2 is not None
    for candidate in found.candidates:
        assert candidate.loss == pytest.approx(1 - found.law.scores.r2)
        assert candidate.scale == "linear"


def test_exact_laws_are_told_from_others() -> None:
    known = prepared(noise=0.0)
    power = power_law(known)
    assert not power.exact
    assert replace(power, law=law_of(known, a + b * pi_1, a=1.0, b=2.0)).exact


def steps_of(
    monkeypatch: pytest.MonkeyPatch,
    options: Options,
    *,
    distil_first: bool,
    explains: bool,
    exact: bool,
    over: bool = False,
) -> tuple[list[str], list[str]]:
    """Which steps a study takes, and which ones it says were cut."""
    found = power_law(prepared())
    taken: list[str] = []
    scores = replace(found.law.scores, rmse_log=0.0)
    better = replace(found, law=found.law.with_scores(scores)) if exact else found

    def distilled(study: Study, *_: Any, search: bool = True) -> tuple[Study, bool]:
        taken.append("distil" if search else "elementary forms")
        return replace(better, engine=study.engine), explains

    def step(name: str) -> Any:
        def run(study: Study, *_: Any) -> Study:
            taken.append(name)
            return study

        return run

    monkeypatch.setattr(module, "_distilled", distilled)
    monkeypatch.setattr(module, "_searched", step("search"))
    monkeypatch.setattr(module, "_taught", step("deep"))
    clock = Clock.of(-1.0 if over else AMPLE)
    list(module._searches(found, options, clock, distil_first))
    return taken, [cut.step for cut in clock.cuts]


@pytest.mark.parametrize("explains", [False, True])
@pytest.mark.parametrize("exact", [False, True])
def test_engines_search_where_nothing_explains_the_runs(
    explains: bool, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steps(distil_first: bool, **more: Any) -> tuple[list[str], list[str]]:
        over = bool(more.pop("over", False))
        return steps_of(
            monkeypatch,
            Options(**more),
            distil_first=distil_first,
            explains=explains,
            exact=exact,
            over=over,
        )

    known: list[str] = [] if explains else ["search"]
    assert steps(True) == (["distil", *known], [])
    assert steps(True, model="deep") == (["distil", *known, "deep"], [])
    # elementary forms first, and their answer counts where it is exact
    if exact:
        assert steps(False) == (["elementary forms", *known], [])
    else:
        assert steps(False) == (["elementary forms", "search", "distil"], [])
    assert steps(False, engine="power_law") == ([], [])
    cut = [] if explains else ["the search for closed forms"]
    assert steps(True, over=True) == (["distil"], cut)


class Potential:
    """A deep potential of a known score."""

    def left_out_r2(self) -> float:
        return 0.98765


def taught(
    monkeypatch: pytest.MonkeyPatch, found: Study, law: Law | None, left_out: float | None
) -> tuple[Study, Clock]:
    from dimgs.discovery import deep

    front = (Candidate.of(a + b * pi_1, {"a": 1.0, "b": 2.0}),)
    answer = Found(
        law, front, "structured", "converged", "", left_out=left_out, unlogged={"t": "u"}
    )
    monkeypatch.setattr(deep, "taught", lambda *_: Potential())
    monkeypatch.setattr(deep, "search_taught", lambda *_: answer)
    clock = Clock.of(AMPLE)
    return module._taught(found, Options(model="deep"), clock), clock


def test_a_law_from_a_deep_potential_must_be_surer_or_shorter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch")
    known = prepared()
    power = power_law(known)
    good = law_of(known, a + b * pi_1, a=1.0, b=2.0)
    note = "A deep potential predicts runs left out with R² = 0.98765"
    better, _ = taught(monkeypatch, power, good, 0.999)
    assert (better.law, better.known, better.engine) == (good, 0.999, "deep")
    assert better.unlogged == {"t": "u"}
    assert [str(c) for c in better.candidates] == [
        str(Candidate.of(a + b * pi_1, {"a": 1, "b": 2}))
    ]
    score = power.law.scores.cv_r2_log
    assert better.warnings[-1] == f"{note}, the law found without it with R² = {score:.5f}."
    # nothing came of it
    for law, left_out in ((None, 0.9), (good, None)):
        kept, _ = taught(monkeypatch, power, law, left_out)
        assert (kept.law, kept.engine) == (power.law, "power_law")
    # worse on runs left out, and longer: what was there stays, with what its judgement found
    bent = replace(power, law=good, known=0.999, engine="structured", unexplained=None)
    worse = law_of(known, a + b * pi_1 + c / pi_1, a=0.2, b=2.4, c=1e-3)
    monkeypatch.setattr(module, "leaves_nothing", lambda _: False)
    kept, _ = taught(monkeypatch, bent, worse, 0.9)
    assert (kept.law, kept.engine) == (good, "structured")
    assert kept.left_out is not None
    # as good but shorter: taken without a test
    long = replace(bent, law=law_of(known, a + b * pi_1 + c * pi_1**2, a=1.0, b=2.0, c=1e-3))
    short, _ = taught(monkeypatch, long, good, 0.999)
    assert (short.law, short.engine) == (good, "deep")
    assert short.left_out is None
    # without a score there is none to tell
    unscored = replace(power, law=power.law.with_scores(replace(power.law.scores, cv_r2_log=None)))
    told, _ = taught(monkeypatch, unscored, None, None)
    assert told.warnings[-1] == note + "."


def test_a_deep_potential_is_no_use_to_what_leaves_nothing_or_has_no_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch")
    known = prepared()
    power = power_law(known)
    good = law_of(known, a + b * pi_1, a=1.0, b=2.0)
    enough = replace(power, law=good, known=good.scores.cv_r2_log, engine="structured")
    monkeypatch.setattr(module, "unexplained", lambda *_: 0.0)
    kept, _ = taught(monkeypatch, enough, power.law, 0.99)
    assert (kept.law, kept.engine) == (good, "structured")
    assert "A deep potential predicts" in kept.warnings[-1]
    exact = replace(power, law=good.with_scores(replace(good.scores, rmse_log=0.0)))
    assert taught(monkeypatch, exact, power.law, 0.99)[0] is exact
    late = Clock.of(-1.0)
    assert module._taught(power, Options(model="deep"), late) is power
    assert [cut.step for cut in late.cuts] == ["the search on a deep potential"]
    stopped = Clock.of(AMPLE)
    stopped.cut("interrupt", "the search")
    assert module._taught(power, Options(model="deep"), stopped) is power
    assert len(stopped.cuts) == 1
